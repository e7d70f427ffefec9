//! The accept loop, the tower stack, typed routes and responses; knows no Keycloak.

mod access_log;
mod authenticate;
mod dispatch;
mod failure;
mod handle;
pub mod health;
mod intake;
mod limits;
mod permit;
mod rescue;
mod respond;
mod route;
pub mod server;
mod source;
mod stack;
mod tenants;
mod token_endpoint;
mod watch;

pub use limits::{CallerLimits, InstanceLimits};
pub use stack::stack;
pub use tenants::{Tenant, Tenants};
pub use token_endpoint::{TokenClients, TokenEndpoint};
pub use watch::{Told, Watcher};
