//! What the demo runs on, set up: the stand-in, a Keycloak of its own, or one that runs already.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use url::Url;

use crate::cli::setup::{self, CallerAuth, SetupArgs, token};
use crate::stand_in::{Administrator, StandIn};

use super::process::KeycloakProcess;
use super::{DemoArgs, DemoError};

const CALLER: &str = "okta";

/// A realm that `setup` has prepared, and all that must live as long.
#[derive(Debug)]
pub(in crate::cli) struct Prepared {
    /// The configuration.
    pub config: PathBuf,
    /// What the caller sends.
    pub token: SecretString,
    /// What it is, for the greeting.
    pub about: String,
    /// What stays behind, if anything.
    pub remains: Option<String>,
    _files: TempDir,
    _behind: Behind,
}

/// What is behind the gateway.
#[derive(Debug)]
enum Behind {
    StandIn { _running: StandIn },
    Process { _running: KeycloakProcess },
    Elsewhere,
}

/// An administrator, as `setup` is told of one.
struct Credentials {
    user: String,
    env: Option<String>,
    file: Option<PathBuf>,
}

impl Prepared {
    /// As the command line says.
    pub(super) async fn new(args: &DemoArgs) -> Result<Self, DemoError> {
        let Some(place) = &args.keycloak else { return Self::stand_in(&args.realm).await };
        if Path::new(place).is_dir() {
            return Self::distribution(Path::new(place), &args.realm).await;
        }
        let url = Url::parse(place).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| DemoError::NoKeycloak(place.clone()))?;
        let credentials = Credentials {
            user: args.admin_user.clone(),
            env: args.admin_password_env.clone(),
            file: args.admin_password_file.clone(),
        };
        let about = format!("scimgate on the Keycloak at {url}, realm {}.", args.realm);
        let remains = format!("\nThe realm {} stays in {url}, with whoever was created in it.", args.realm);
        let files = temporary()?;
        Self::set_up(files, Behind::Elsewhere, &url, &args.realm, credentials, about, Some(remains)).await
    }

    /// On an empty stand-in.
    pub(in crate::cli) async fn on_stand_in() -> Result<Self, DemoError> {
        Self::stand_in("scimgate-demo").await
    }

    async fn stand_in(realm: &str) -> Result<Self, DemoError> {
        let files = temporary()?;
        let (credentials, password) = Credentials::new(files.path())?;
        let administrator = Administrator { username: credentials.user.clone(), password };
        let running = StandIn::start(administrator).await.map_err(DemoError::StandIn)?;
        let url = address(&running.url())?;
        let about = format!(
            "scimgate on a stand-in for Keycloak, which keeps everything in memory ({url}). What runs in front of it is \
             what runs in front of a real one; try that with --keycloak DIR|URL."
        );
        Self::set_up(files, Behind::StandIn { _running: running }, &url, realm, credentials, about, None)
            .await
    }

    async fn distribution(home: &Path, realm: &str) -> Result<Self, DemoError> {
        let files = temporary()?;
        let (credentials, password) = Credentials::new(files.path())?;
        super::say(&format!(
            "Starting the Keycloak in {}; the first time takes about a minute.",
            home.display()
        ));
        let running = KeycloakProcess::start(home, files.path(), &credentials.user, &password).await?;
        let url = address(&running.url())?;
        let about = format!(
            "scimgate on the Keycloak of {}, with its data in memory ({url}; its console: administrator {}, password {}).",
            home.display(),
            credentials.user,
            password.expose_secret()
        );
        Self::set_up(files, Behind::Process { _running: running }, &url, realm, credentials, about, None)
            .await
    }

    async fn set_up(
        files: TempDir,
        behind: Behind,
        url: &Url,
        realm: &str,
        credentials: Credentials,
        about: String,
        remains: Option<String>,
    ) -> Result<Self, DemoError> {
        let out = files.path().join("gateway");
        let args = SetupArgs {
            keycloak: url.clone(),
            realm: realm.to_owned(),
            create_realm: true,
            admin_user: credentials.user,
            admin_password_env: credentials.env,
            admin_password_file: credentials.file,
            admin_realm: "master".into(),
            caller: CALLER.into(),
            auth: CallerAuth::Token,
            out: out.clone(),
            json: true,
            listen: None,
            private_listen: None,
            public_url: None,
            gateway_client: "scimgate".into(),
            caller_client: None,
        };
        let caller_file = out.join(args.caller_file());
        // What `setup` prints is for somebody who goes on from there.
        let (mut report, mut warnings) = (io::sink(), io::sink());
        setup::run(args, &mut report, &mut warnings).await?;
        let token = std::fs::read_to_string(&caller_file).map_err(DemoError::Files)?;
        Ok(Self {
            config: out.join("config.toml"),
            token: token.trim().into(),
            about,
            remains,
            _files: files,
            _behind: behind,
        })
    }
}

impl Credentials {
    /// An administrator with a new password, which is in a file of this directory.
    fn new(files: &Path) -> Result<(Self, SecretString), DemoError> {
        let password = token::new()?;
        let file = files.join("administrator");
        std::fs::write(&file, password.expose_secret()).map_err(DemoError::Files)?;
        Ok((Self { user: "admin".into(), env: None, file: Some(file) }, password))
    }
}

/// A directory that nobody else may read.
fn temporary() -> Result<TempDir, DemoError> {
    tempfile::Builder::new().prefix("scimgate-demo-").tempdir().map_err(DemoError::Files)
}

fn address(url: &str) -> Result<Url, DemoError> {
    Url::parse(url).map_err(|_| DemoError::NoKeycloak(url.to_owned()))
}
