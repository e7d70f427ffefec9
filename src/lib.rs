//! scimgate: a SCIM 2.0 gateway in front of a stock Keycloak.
//!
//! A request's way through the house: [`http`] (the tower stack: identity, limits, time, errors,
//! with [`auth`] to recognise the caller) → [`engine`] (what SCIM means) → [`directory`] (the port,
//! and its way into Keycloak) → [`keycloak`] (Admin REST). [`scim`] is the pure protocol core,
//! [`dialects`] what single clients send instead of it. [`stand_in`] does for a
//! Keycloak in the demo and in fast tests. Dependencies point one way; the table in
//! `tests/architecture.rs` holds them to it.

pub mod auth;
pub mod cli;
pub mod config;
pub mod dialects;
pub mod directory;
pub mod engine;
pub mod http;
pub mod keycloak;
pub mod scim;
#[cfg(feature = "demo")]
pub mod stand_in;
pub mod telemetry;
