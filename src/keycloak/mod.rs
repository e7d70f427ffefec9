//! A thin client of Keycloak's Admin REST API; knows no SCIM.
