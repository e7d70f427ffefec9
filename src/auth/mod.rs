//! Recognises the caller of a request: static bearer tokens and realm-issued JWTs.
