//! `scimgate config`: what the configuration says, and what it may say.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{self, ExplainError, OrganizationKey, ProcessEnvironment, RealmName};

/// What to do with the configuration.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every value that holds for a realm, with the file and line, or the variable, that says it.
    Explain {
        /// The configuration file.
        #[arg(long, value_name = "FILE", default_value = "config.toml")]
        config: PathBuf,
        /// The realm.
        #[arg(long, value_name = "NAME")]
        realm: RealmName,
        /// An organization of the realm, as the configuration names it.
        #[arg(long, value_name = "KEY")]
        organization: Option<OrganizationKey>,
    },
    /// Print a JSON Schema (2020-12) of the configuration file, for editors.
    Schema,
}

/// Why `config` failed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigCommandError {
    /// There is nothing to explain.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// Nobody takes what it prints.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// Runs `config`, and writes to `out`.
///
/// # Errors
/// [`ConfigCommandError`].
pub fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<(), ConfigCommandError> {
    match &args.command {
        ConfigCommand::Explain { config, realm, organization } => {
            let environment = ProcessEnvironment;
            let explanation = config::explain_file(config, &environment, realm, organization.as_ref())?;
            write!(out, "{explanation}")?;
        }
        ConfigCommand::Schema => {
            serde_json::to_writer_pretty(&mut *out, &config::json_schema()).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(())
}
