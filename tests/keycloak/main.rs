//! The tests that need a real Keycloak: one binary owns it, starts it when a test first asks for it, and always ends it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::ptr_arg,
    missing_docs,
    unreachable_pub
)]

mod admin;
mod backing;
mod budgets;
mod contract;
mod distribution;
mod gateway;
mod harness_test;
mod keycloak;
mod ports;
mod process;
mod proxy;
mod proxy_test;
mod runner;
mod scenarios;
mod scim;
mod tenant;
mod tools;

fn main() -> std::process::ExitCode {
    if let Some(code) = harness_test::play_a_part() {
        return code;
    }
    let mut trials = Vec::new();
    trials.extend(harness_test::trials());
    trials.extend(proxy_test::trials());
    trials.extend(contract::trials());
    trials.extend(scenarios::trials());
    trials.extend(budgets::trials());
    runner::run(trials)
}
