//! Trials of behaviour: SCIM over HTTP through the gateway on a real Keycloak, one trial for each promise.

mod change;
mod okta;
mod plans;
mod secrecy;
mod sessions;
mod stage;
mod tag;
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
    trials
}
