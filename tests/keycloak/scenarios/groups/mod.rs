//! Trials of groups: SCIM over HTTP through the gateway.

pub mod existing;
pub mod members;
pub mod names;
pub mod nesting;
pub mod roles;
pub mod safety;
pub mod scene;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(safety::trials());
    trials.extend(existing::trials());
    trials.extend(members::trials());
    trials.extend(names::trials());
    trials.extend(nesting::trials());
    trials.extend(roles::trials());
    trials
}
