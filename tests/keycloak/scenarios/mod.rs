//! What identity providers and administrators are promised, tried through the gateway on a real Keycloak.

mod bad_input;
mod bad_messages;
mod callers;
mod discovery;
mod entra;
mod operation;
mod protection;
mod setup;
mod stage;
mod token_endpoint;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(callers::trials());
    trials.extend(bad_input::trials());
    trials.extend(bad_messages::trials());
    trials.extend(discovery::trials());
    trials.extend(entra::trials());
    trials.extend(operation::trials());
    trials.extend(protection::trials());
    trials.extend(setup::trials());
    trials.extend(token_endpoint::trials());
    trials
}
