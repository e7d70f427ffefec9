//! What the demo runs on, set up: the stand-in, a Keycloak of its own, or one that runs already.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use url::Url;

use crate::cli::setup::{self, CallerAuth, SetupArgs, token};
use crate::stand_in::{Administrator, StandIn};

use super::process::KeycloakProcess;
use super::{DemoArgs, DemoError};

const CALLER: &str = "okta";

/// The client that the gateway works as.
const GATEWAY_CLIENT: &str = "scimgate";

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
        let remains = format!(
            "\nThe realm {} stays in {url}, with whoever was created in it, and with the client {GATEWAY_CLIENT}, which may \
             manage its users: delete what you don't want to keep.",
            args.realm
        );
        let files = temporary()?;
        Self::set_up(files, Behind::Elsewhere, &url, &args.realm, credentials, about, Some(remains)).await
    }

    /// On an empty stand-in, with this realm.
    pub(in crate::cli) async fn on_stand_in(realm: Option<&str>) -> Result<Self, DemoError> {
        Self::stand_in(realm.unwrap_or("scimgate-demo")).await
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
            gateway_client: GATEWAY_CLIENT.into(),
            caller_client: None,
            idp: None,
            idp_user_id: None,
            organization: None,
            enable_organizations: false,
        };
        let caller_file = out.join(args.caller_file());
        let (mut report, mut warnings) = (Vec::new(), Vec::new());
        let done = setup::run(args, &mut report, &mut warnings).await;
        // Somebody's own Keycloak: they shall know what was changed there, also where that failed half-way.
        if matches!(behind, Behind::Elsewhere) {
            super::say(&changes(&report, done.is_err().then_some(&warnings)));
        }
        done?;
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
        let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        let written = open.and_then(|mut open| open.write_all(password.expose_secret().as_bytes()));
        written.map_err(DemoError::Files)?;
        Ok((Self { user: "admin".into(), env: None, file: Some(file) }, password))
    }
}

/// What `setup` says that it changed in Keycloak; on a failure it says so among its warnings.
fn changes(report: &[u8], failed: Option<&Vec<u8>>) -> String {
    if let Some(warnings) = failed {
        return String::from_utf8_lossy(warnings).into_owned();
    }
    let report: serde_json::Value = serde_json::from_slice(report).unwrap_or_default();
    let changed = report.get("changed").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let changed = changed.iter().filter_map(|change| change.as_str()).map(|change| format!("\n  {change}"));
    format!("Changed for the demo:{}\n", changed.collect::<String>())
}

/// A directory that nobody else may read.
fn temporary() -> Result<TempDir, DemoError> {
    let private = Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix("scimgate-demo-").permissions(private).tempdir().map_err(DemoError::Files)
}

fn address(url: &str) -> Result<Url, DemoError> {
    Url::parse(url).map_err(|_| DemoError::NoKeycloak(url.to_owned()))
}
