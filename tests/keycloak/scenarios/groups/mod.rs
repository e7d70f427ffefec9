//! Trials of groups: SCIM over HTTP through the gateway.

pub mod safety;
pub mod scene;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(safety::trials());
    trials
}
