//! `scimgate setup`: prepares a realm of Keycloak and config.toml in one run, with an
//! administrator's credentials that it does not keep.
//!
//! The order matters: everything that can be refused without Keycloak is refused first; then
//! Keycloak; then the secrets' files; config.toml last, so that it never names what isn't there. A
//! run that fails in between is mended by the next one.

mod administrator;
mod args;
mod clients;
mod config_file;
mod error;
mod files;
mod password;
pub mod profile;
mod realm;
mod report;
pub(in crate::cli) mod token;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use self::administrator::{Administrator, Record};
use self::config_file::{ConfigFile, Extended, Wanted};
use self::files::Folder;
use self::report::{Credential, Report};
use crate::config::{self, LinkedValue, UserAttributes};
use crate::directory::admin::storage::Mapping;
use crate::keycloak::{self, Connection};
use crate::scim::user::user;

pub use self::args::{CallerAuth, SetupArgs};
pub use self::config_file::ConfigFileError;
pub use self::error::SetupError;
pub use self::password::PasswordError;

/// The realm role that marks managed users.
const ROLE: &str = "scim-managed";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Making a realm generates keys, which takes a second or two.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `scimgate setup`: prints the result to `stdout`, warnings to `stderr`.
///
/// # Errors
/// When an argument can't be used, Keycloak refuses, or files can't be written; each
/// [`SetupError`] says what to do. What had been changed by then is told on `stderr`.
pub async fn run(
    args: SetupArgs,
    stdout: &mut (dyn Write + Send),
    stderr: &mut (dyn Write + Send),
) -> Result<(), SetupError> {
    args.check()?;
    let folder = Folder::open(&args.out)?;
    let local = Local::prepare(&args, &folder)?;
    let password = password::read(&args)?;
    let http = keycloak::http_client(CONNECT_TIMEOUT, TIMEOUT, None, None)?;
    let admin = Administrator::new(&args, password, http.clone());
    let mut record = Record::default();
    let prepared = prepare(&args, &local, &admin, &http, &mut record).await;
    admin.sign_out(&mut record).await;
    let finished = match prepared {
        Ok(realm) => local.finish(&args, &folder, realm, &mut record),
        Err(error) => Err(error),
    };
    // Nothing can be done if the terminal is gone.
    for warning in &record.warnings {
        let _ = writeln!(stderr, "warning: {warning}");
    }
    let (public_url, credential) = finished.inspect_err(|_| {
        for change in &record.changed {
            let _ = writeln!(stderr, "changed before the failure: {change}");
        }
    })?;
    let report = Report {
        realm: &args.realm,
        organization: args.organization.as_deref(),
        caller: &args.caller,
        public_url: &public_url,
        credential,
        config: &folder.file(config_file::NAME),
        changed: &record.changed,
    };
    for warning in address_warnings(&report) {
        let _ = writeln!(stderr, "warning: {warning}");
    }
    let text = if args.json { report.json() } else { report.text() };
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(SetupError::Print)
}

/// What Keycloak tells once everything is in place there.
struct Realm {
    issuer: String,
    gateway_secret: SecretString,
    credential: Credential,
}

/// Prepares the realm, each step reading before it writes. A caller without a token of its own
/// gets a client.
async fn prepare(
    args: &SetupArgs,
    local: &Local,
    admin: &Administrator,
    http: &reqwest::Client,
    record: &mut Record,
) -> Result<Realm, SetupError> {
    let realm = realm::ensure_realm(admin, args, record).await?;
    if let Some(alias) = &args.idp {
        realm::check_identity_provider(admin, alias).await?;
    }
    realm::ensure_organization(admin, &realm, args, record).await?;
    realm::ensure_role(admin, &realm, ROLE, record).await?;
    let storage = profile::storage();
    let mapped = profile::mapped(&local.mappings);
    let declarations = [storage.as_slice(), profile::FLAT, &mapped];
    realm::ensure_profile(admin, &realm, &declarations, record).await?;
    let gateway = clients::ensure_gateway(admin, args, record).await?;
    let credential = match local.token.clone() {
        Some(token) => Credential::Token(token),
        None => {
            let id = args.caller_client();
            let client =
                clients::ensure_caller(admin, &args.keycloak, &id, &args.caller, http, record).await?;
            Credential::Client { id, secret: client.secret }
        }
    };
    let issuer = admin.client.discovered_issuer().await;
    let issuer = admin.told("reading the realm's discovery document", issuer)?;
    try_gateway(args, http, gateway.secret.clone()).await?;
    Ok(Realm { issuer, gateway_secret: gateway.secret, credential })
}

/// Does once what `serve` will do, so that a failure shows now.
async fn try_gateway(
    args: &SetupArgs,
    http: &reqwest::Client,
    secret: SecretString,
) -> Result<(), SetupError> {
    let connection =
        Connection::new(args.keycloak.clone(), &args.realm, &args.gateway_client, secret, http.clone());
    let gateway = Arc::new(connection).for_request("setup");
    let doing = "working as the gateway's client";
    let failed = |source| SetupError::Keycloak { doing, source };
    gateway.user_profile().await.map_err(failed)?;
    gateway.realm_role(ROLE).await.map_err(failed)?;
    gateway.realm().await.map_err(failed)?;
    if let Some(alias) = &args.idp {
        gateway.has_identity_provider(alias).await.map_err(failed)?;
    }
    if args.organization.is_some() {
        gateway.organizations().await.map_err(failed)?;
    }
    Ok(())
}

/// What is known before Keycloak is asked.
struct Local {
    config: ConfigFile,
    before: Option<String>,
    /// What the configuration keeps in Keycloak attributes of their own.
    mappings: Arc<[Mapping]>,
    /// The caller's token, with `--auth token`.
    token: Option<SecretString>,
}

impl Local {
    /// Reads config.toml and the caller's token, or makes one; refuses what can't become right.
    fn prepare(args: &SetupArgs, folder: &Folder) -> Result<Self, SetupError> {
        let before = folder.read(config_file::NAME)?;
        let config = ConfigFile::new(&folder.file(config_file::NAME), before.clone());
        let token = match args.auth {
            CallerAuth::Keycloak => None,
            CallerAuth::Token => {
                let file = args.caller_file();
                let held = folder.read_secret(&file)?;
                if held.is_none() && config.has_token(args)? {
                    return Err(config.token_lost(args, folder.file(&file)).into());
                }
                Some(held.map_or_else(token::new, Ok)?)
            }
        };
        let mut local = Self { config, before, mappings: Arc::default(), token };
        local.extended(args, None)?;
        let kept = local.kept(args, folder)?;
        let user = kept.as_ref().map_or(user(), |(kept, _)| &kept.user);
        if let Err(reason) = LinkedValue::parse(args.idp_user_id(), user) {
            return Err(SetupError::Argument { option: "--idp-user-id", reason });
        }
        if let Some((realm, organizations)) = &kept {
            // One user profile has to declare what all tenants of the realm map.
            let mut mappings: Vec<Mapping> = Vec::new();
            for tenant in std::iter::once(realm).chain(organizations) {
                for mapping in Mapping::all(&tenant.user, &tenant.attribute_map).iter() {
                    if mappings.iter().all(|known| known.name != mapping.name) {
                        mappings.push(mapping.clone());
                    }
                }
            }
            local.mappings = mappings.into();
        }
        Ok(local)
    }

    /// What config.toml keeps of this realm's users and of its organizations', and where, whatever else `serve` may find wrong with it: a secret
    /// that it names need not be here. None where there is no file yet.
    fn kept(
        &self,
        args: &SetupArgs,
        folder: &Folder,
    ) -> Result<Option<(UserAttributes, Vec<UserAttributes>)>, SetupError> {
        let Some(text) = &self.before else { return Ok(None) };
        let found =
            config::tenants_user_attributes(text, &folder.file(config_file::NAME), &args.realm_name()?)?;
        Ok(Some(found))
    }

    fn extended(&self, args: &SetupArgs, issuer: Option<&str>) -> Result<Extended, SetupError> {
        let hash = self.token.as_ref().map(token::hash);
        let wanted = Wanted { args, issuer, token_hash: hash.as_deref() };
        Ok(self.config.extended(&wanted)?)
    }

    /// Writes the secrets, then config.toml; gives the public URL and what the caller sends.
    fn finish(
        self,
        args: &SetupArgs,
        folder: &Folder,
        realm: Realm,
        record: &mut Record,
    ) -> Result<(String, Credential), SetupError> {
        let extended = self.extended(args, Some(&realm.issuer))?;
        record.warnings(extended.warnings);
        let callers = match &realm.credential {
            Credential::Token(token) => token,
            Credential::Client { secret, .. } => secret,
        };
        let mut secrets = vec![(args.caller_file(), callers)];
        if extended.reads_secret_file {
            secrets.push((args.gateway_secret_file(), &realm.gateway_secret));
        } else {
            record.warn(format!(
                "the gateway takes the secret of {} from the environment, as config.toml says: it is the one that Keycloak shows under the client's credentials",
                args.gateway_client
            ));
        }
        for (file, secret) in secrets {
            if folder.write_secret(&file, secret)? {
                record.changed(format!("{} written", folder.file(&file).display()));
            }
            if folder.is_open_to_others(&file) {
                record.warn(format!(
                    "{} can be read by every user of this machine: chmod 600 it",
                    folder.file(&file).display()
                ));
            }
        }
        if self.before.as_deref() != Some(extended.text.as_str()) {
            folder.write(config_file::NAME, &extended.text)?;
            let what =
                if extended.added.is_empty() { "settings".to_owned() } else { extended.added.join(", ") };
            let path = folder.file(config_file::NAME);
            record.changed(format!("{}: {what} added", path.display()));
        }
        Ok((extended.public_url, realm.credential))
    }
}

/// What an identity provider will not take, though the gateway would.
fn address_warnings(report: &Report<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let base_url = report.base_url();
    if !base_url.starts_with("https://") {
        warnings.push(format!(
            "identity providers in the cloud call https addresses that they can reach, and {base_url} is none: put a proxy with a certificate in front, and its address into public_url in config.toml (or --public-url at the first run)"
        ));
    }
    if base_url.contains('_') {
        warnings.push(format!("Okta takes no base URL with an underscore: {base_url}"));
    }
    warnings
}
