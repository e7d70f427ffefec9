//! What SCIM requests mean, over a directory: create, replace, patch, delete, query.
