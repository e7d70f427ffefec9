//! `scimgate config`: what the configuration says, and what it may say.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{self, ExplainError, OrganizationKey, ProcessEnvironment, RealmName};

use super::attributes;

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
pub async fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<(), ConfigCommandError> {
    match &args.command {
        ConfigCommand::Explain { config, realm, organization } => {
            let environment = ProcessEnvironment;
            let mut explanation = config::explain_file(config, &environment, realm, organization.as_ref())?;
            let loaded = config::load(config, &environment).map_err(ExplainError::Config)?;
            let notes = match loaded.realms.get(realm) {
                Some(found) => attributes::lay_over(&mut explanation, found, organization.as_ref()).await,
                None => Vec::new(),
            };
            write!(out, "{explanation}")?;
            for note in notes {
                writeln!(out, "# {note}")?;
            }
        }
        ConfigCommand::Schema => {
            serde_json::to_writer_pretty(&mut *out, &config::json_schema()).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ConfigArgs,
    }

    fn ran(line: &[&str]) -> Result<String, ConfigCommandError> {
        let args =
            Line::try_parse_from([&["config"], line].concat()).unwrap_or_else(|error| panic!("{error}")).args;
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&args, &mut out))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_realm_and_an_organization_are_explained_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("acme.secret"), "s3cret").unwrap();
        let path = folder.path().join("gate.toml");
        let text = "version = 1\n[realms.acme]\nmax_page_size = 50\nrealm_attributes = true\n[realms.acme.keycloak]\n\
                    url = \"http://127.0.0.1:9\"\nclient_secret_file = \"acme.secret\"\n\
                    [realms.acme.organizations.contoso]\nmax_page_size = 60\n";
        std::fs::write(&path, text).unwrap();
        let file = path.to_str().unwrap();
        let realm = ran(&["explain", "--config", file, "--realm", "acme"]).unwrap();
        let line = |told: &str, key: &str| {
            let line = told.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(&realm, "max_page_size"), format!("max_page_size = 50 {file}:3 ([realms.acme])"));
        assert!(!realm.contains("s3cret"), "{realm}");
        assert!(realm.contains("# attributes of the realm in Keycloak are not shown: "), "{realm}");
        let contoso = ["explain", "--config", file, "--realm", "acme", "--organization", "contoso"];
        let contoso = ran(&contoso).unwrap();
        let table = "[realms.acme.organizations.contoso]";
        assert_eq!(line(&contoso, "max_page_size"), format!("max_page_size = 60 {file}:9 ({table})"));
        let error = ran(&["explain", "--config", file, "--realm", "beta"]).unwrap_err();
        assert_eq!(error.to_string(), "the configuration has no realm beta; it has acme");
        let error = ran(&["explain", "--config", "/no/such.toml", "--realm", "acme"]).unwrap_err();
        assert!(error.to_string().starts_with("/no/such.toml: cannot read this file"), "{error}");
    }

    #[test]
    fn the_schema_is_printed_as_json() {
        let schema: serde_json::Value = serde_json::from_str(&ran(&["schema"]).unwrap()).unwrap();
        assert_eq!(schema, config::json_schema());
    }
}
