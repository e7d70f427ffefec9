//! Trials of behaviour: SCIM over HTTP through the gateway, one trial for each promise, on a real Keycloak and, where it can carry
//! them, on the stand-in.

mod attributes;
mod auth;
pub mod bad_input;
mod bad_messages;
mod bounds;
mod callers;
mod change;
mod clients;
mod demo;
mod discovery;
mod entra;
mod entra_changes;
mod explain;
mod faults;
mod filters;
pub mod groups;
mod hardening;
mod leavers;
mod links;
mod okta;
mod operation;
mod organizations;
mod plans;
mod postman;
mod protection;
mod reload;
mod rfc7644;
mod schemas;
mod scim_validator;
mod secrecy;
mod sessions;
mod setup;
mod shared;
pub mod stage;
mod tag;
mod token_endpoint;
mod walkthrough;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(okta::trials());
    trials.extend(walkthrough::trials());
    trials.extend(tag::trials());
    trials.extend(sessions::trials());
    trials.extend(plans::trials());
    trials.extend(secrecy::trials());
    trials.extend(entra::trials());
    trials.extend(entra_changes::trials());
    trials.extend(scim_validator::trials());
    trials.extend(postman::trials());
    trials.extend(clients::trials());
    trials.extend(reload::trials());
    trials.extend(rfc7644::trials());
    trials.extend(discovery::trials());
    trials.extend(bad_input::trials());
    trials.extend(bad_messages::trials());
    trials.extend(callers::trials());
    trials.extend(auth::trials());
    trials.extend(attributes::trials());
    trials.extend(token_endpoint::trials());
    trials.extend(setup::trials());
    trials.extend(operation::trials());
    trials.extend(organizations::trials());
    trials.extend(protection::trials());
    trials.extend(leavers::trials());
    trials.extend(links::trials());
    trials.extend(shared::trials());
    trials.extend(hardening::trials());
    trials.extend(groups::trials());
    trials.extend(bounds::trials());
    trials.extend(explain::trials());
    trials.extend(faults::trials());
    trials.extend(schemas::trials());
    trials.extend(filters::trials());
    trials.extend(demo::trials());
    trials
}
