//! The life of a user through the gateway, through Keycloak's own SCIM preview, and as bare Admin REST calls, interleaved on one
//! real Keycloak that is started for it.
//!
//! ```sh
//! cargo run --release --example side_by_side
//! ```
//!
//! It prints p50 and p99 of each operation in milliseconds, and how many times as long the gateway's median is. The bare calls are
//! what a program would do that manages the same users by hand: create and map the role, read, search, write, end sessions,
//! delete, but with nobody else's user to keep away from. The preview has a realm of its own, as Keycloak makes them. The ways
//! take turns to be first; after each operation there is a pause ([`PAUSE`]), as identity providers make longer ones, in which
//! the gateway finishes what it does after its answers.
//!
//! With `--members 10000` it goes on with a group of that many members in each of the three ways.
//!
//! It needs what the tests need (a JDK, and Maven to fetch Keycloak once), listens on loopback only, and leaves nothing behind but
//! the unpacked Keycloak in the target directory. Everything that it starts ends with it, in whatever way it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub
)]

#[path = "../../tests/keycloak/distribution.rs"]
#[allow(dead_code)]
mod distribution;
mod groups;
mod house;
#[path = "../../tests/keycloak/ports.rs"]
mod ports;
#[path = "../../tests/keycloak/process.rs"]
#[allow(dead_code)]
mod process;
mod table;
#[path = "../../tests/keycloak/tools.rs"]
#[allow(dead_code)]
mod tools;
mod ways;

/// What the tests' modules ask of theirs.
mod runner {
    /// Writes a line about what is being done.
    pub fn say(line: &str) {
        eprintln!("{line}");
    }
}

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use house::House;
use table::Times;
use ways::{Bare, Person, Scim};

#[derive(Parser)]
struct Arguments {
    /// How many lives of each way count.
    #[arg(long, default_value_t = 300)]
    lives: u32,
    /// How many go before them, for compilers and caches to get warm.
    #[arg(long, default_value_t = 300)]
    warm_up: u32,
    /// How many members a group has that is measured too; 0 for no group.
    #[arg(long, default_value_t = 0)]
    members: usize,
    /// How many rounds of the group's operations count, after two that don't.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// The longest time for all lives together, in seconds; what has been lived by then is shown.
    #[arg(long, default_value_t = 900)]
    seconds: u64,
}

/// After each operation.
const PAUSE: Duration = Duration::from_millis(5);

fn main() -> ExitCode {
    // The gateway's part is played by this very program, so that it is what was just built, in the same profile.
    if matches!(std::env::args().nth(1).as_deref(), Some("setup" | "serve")) {
        return scimgate::cli::run();
    }
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(&arguments));
    ExitCode::SUCCESS
}

async fn measure(arguments: &Arguments) {
    let house = House::start().await;
    let (gateway, preview, bare) =
        (Scim::gateway(&house), Scim::preview(&house).await, Bare::new(&house).await);
    let mut times = [Times::default(), Times::default(), Times::default()];
    let began = Instant::now();
    let mut counted = 0;
    eprintln!("{} lives to warm up, {} that count", arguments.warm_up, arguments.lives);
    for n in 0..arguments.warm_up + arguments.lives {
        if began.elapsed() > Duration::from_secs(arguments.seconds) {
            eprintln!("time is over after {counted} lives that count");
            break;
        }
        if n == arguments.warm_up {
            times = [Times::default(), Times::default(), Times::default()];
        }
        // In turns, so that none always comes first.
        for turn in 0..3 {
            let way = (n as usize + turn) % 3;
            let times = &mut times[way];
            match way {
                0 => gateway.life(&Person::new("gateway", n), times).await,
                1 => preview.life(&Person::new("preview", n), times).await,
                _ => bare.life(&Person::new("bare", n), times).await,
            }
        }
        counted = (n + 1).saturating_sub(arguments.warm_up);
    }
    let took = began.elapsed();
    println!("{}", table::markdown(table::OPERATIONS, &times));
    println!(
        "{counted} lives of each way after {} to warm up, in {took:.0?}; Keycloak {}; milliseconds.",
        arguments.warm_up,
        distribution::VERSION
    );
    if arguments.members > 0 {
        measure_group(arguments, &house, &gateway, &preview, &bare).await;
    }
}

async fn measure_group(arguments: &Arguments, house: &House, gateway: &Scim, preview: &Scim, bare: &Bare) {
    eprintln!("filling groups of {} members", arguments.members);
    let admin = groups::preview_admin(house);
    let ours = groups::fill_gateway(gateway, bare, arguments.members).await;
    let by_hand = groups::fill_bare(bare, &ours).await;
    let theirs = groups::fill_preview(preview, &admin, arguments.members).await;
    let (gateway, preview) = (
        groups::Watched { scim: gateway, admin: &bare.client },
        groups::Watched { scim: preview, admin: &admin },
    );
    let mut times = [Times::default(), Times::default(), Times::default()];
    for n in 0..arguments.rounds + 2 {
        if n == 2 {
            times = [Times::default(), Times::default(), Times::default()];
        }
        gateway.round(&ours, n, &mut times[0]).await;
        preview.round(&theirs, n, &mut times[1]).await;
        bare.round(&by_hand, n, &mut times[2]).await;
    }
    println!("\n{}", table::markdown(groups::OPERATIONS, &times));
    println!("{} rounds on groups of {} members; milliseconds.", arguments.rounds, arguments.members);
}
