//! What identity providers and administrators are promised, tried through the gateway on a real Keycloak.

mod entra;
mod stage;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(entra::trials());
    trials
}
