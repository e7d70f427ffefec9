//! The port between the engine and the place where people live, and its way into Keycloak.
