//! The SCIM protocol core (RFC 7643, RFC 7644): pure, no I/O, no async.
