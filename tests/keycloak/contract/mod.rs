//! `admin_contract`: what the gateway relies on in Keycloak, one trial for each fact, in Admin REST straight to the real
//! Keycloak and to the stand-in. The stand-in grows only with a trial here.

mod users;

use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(users::trials());
    trials
}
