//! Groups as clients push them: one room for each client, and one for each promise that holds for all of them.

mod entra;
mod existing;
mod faults;
mod ids;
mod jumpcloud;
mod members;
mod memberships;
mod names;
mod nesting;
mod okta;
mod others;
mod roles;
mod safety;
pub mod scene;
mod shown;
mod size;
mod versions;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(okta::trials());
    trials.extend(entra::trials());
    trials.extend(jumpcloud::trials());
    trials.extend(others::trials());
    trials.extend(memberships::trials());
    trials.extend(versions::trials());
    trials.extend(ids::trials());
    trials.extend(safety::trials());
    trials.extend(existing::trials());
    trials.extend(members::trials());
    trials.extend(names::trials());
    trials.extend(nesting::trials());
    trials.extend(roles::trials());
    trials.extend(size::trials());
    trials.extend(faults::trials());
    trials
}
