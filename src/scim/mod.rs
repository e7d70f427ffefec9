//! The SCIM protocol core (RFC 7643, RFC 7644): pure, no I/O, no async.

pub mod code;
pub mod date_time;
pub mod discovery;
pub mod dropped;
pub mod error;
pub mod filter;
pub mod group;
pub mod list;
pub mod members;
pub mod patch;
pub mod path;
pub mod project;
#[cfg(test)]
pub(crate) mod properties;
pub mod render;
pub mod resource;
#[cfg(test)]
mod rfc;
pub mod sanitize;
pub mod schema;
pub mod user;

pub use code::{Code, ScimType};
pub use dropped::{Dropped, Why};
pub use error::Error;
pub use filter::Filter;
pub use patch::Patch;
pub use project::Projection;
pub use resource::{Object, Policy, Resource};
pub use schema::{Attribute, Extension, ResourceType, Schema};
