//! The commands: `serve`, `setup`, `token`, `demo`, `explain` and `config`.

mod attributes;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod explain;
mod first_look;
mod gateway;
mod narrate;
mod realms;
mod reload;
pub mod serve;
mod serving;
pub mod setup;
pub mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A SCIM 2.0 gateway in front of a stock Keycloak.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve SCIM for the realms of the configuration, until SIGTERM.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
    },
    /// Prepare a realm of Keycloak, and write the configuration for it.
    Setup(Box<setup::SetupArgs>),
    /// Make a token for a caller, or the hash of a password, with the lines for the configuration.
    Token(token::TokenArgs),
    /// Show what a request would become in Keycloak, without changing anything.
    Explain(Box<explain::ExplainArgs>),
    /// Show what the configuration says, or what it may say.
    Config(config::ConfigArgs),
    /// Try the gateway, without a Keycloak or with one.
    #[cfg(feature = "demo")]
    Demo(Box<demo::DemoArgs>),
}

/// Runs the command line and returns the exit code: 0 for success, 1 for failure, 2 for a wrong command line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let done = match cli.command {
        Command::Serve { config } => runtime.block_on(serve::run(&config)).map_err(|error| failed(&error)),
        Command::Setup(args) => {
            let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
            runtime.block_on(setup::run(*args, &mut stdout, &mut stderr)).map_err(|error| failed(&error))
        }
        Command::Token(args) => {
            token::run(&args, token::ask, &mut std::io::stdout()).map_err(|error| failed(&error))
        }
        Command::Explain(args) => {
            let mut stdout = std::io::stdout();
            runtime.block_on(explain::run(*args, &mut stdout)).map_err(|error| failed(&error))
        }
        Command::Config(args) => {
            let mut stdout = std::io::stdout();
            runtime.block_on(config::run(&args, &mut stdout)).map_err(|error| failed(&error))
        }
        #[cfg(feature = "demo")]
        Command::Demo(args) => runtime.block_on(demo::run(*args)).map_err(|error| failed(&error)),
    };
    done.err().unwrap_or(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stderr,
    reason = "a command's failure is told on standard error, whatever the log's level"
)]
fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("scimgate: {error}");
    ExitCode::FAILURE
}
