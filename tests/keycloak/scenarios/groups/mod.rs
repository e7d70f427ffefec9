//! Groups as clients push them: one room for each client, and one for each promise that holds for all of them.

mod entra;
mod jumpcloud;
mod memberships;
mod okta;
mod others;
mod safety;
pub mod scene;
mod shown;
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
    trials.extend(safety::trials());
    trials
}
