//! The accept loop, the tower stack, typed routes and responses; knows no Keycloak.
