//! What `setup` is told, checked before anything is touched.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::SetupError;
use crate::config::{CallerName, NameError, OrganizationKey, RealmName};

/// Prepares a Keycloak realm and a configuration, and prints what to type into Okta.
///
/// It reads before it writes and writes only what differs: run twice, it changes nothing the
/// second time. The administrator's credentials are used for this one run and not kept.
#[derive(Debug, Clone, Args)]
pub struct SetupArgs {
    /// Keycloak's address, such as https://id.example.com
    #[arg(long, value_name = "URL")]
    pub keycloak: Url,

    /// The realm whose users are to be provisioned
    #[arg(long, value_name = "NAME")]
    pub realm: String,

    /// Make the realm if there is none of this name
    #[arg(long)]
    pub create_realm: bool,

    /// An administrator of the realm, or of the whole Keycloak
    #[arg(long, value_name = "USER")]
    pub admin_user: String,

    /// The environment variable that holds the administrator's password; without this or
    /// --admin-password-file it is asked for
    #[arg(long, value_name = "VAR", conflicts_with = "admin_password_file")]
    pub admin_password_env: Option<String>,

    /// The file that holds the administrator's password
    #[arg(long, value_name = "FILE")]
    pub admin_password_file: Option<PathBuf>,

    /// The realm in which the administrator has an account
    #[arg(long, value_name = "NAME", default_value = "master")]
    pub admin_realm: String,

    /// A name for the identity provider that will call, such as okta
    #[arg(long, value_name = "NAME")]
    pub caller: String,

    /// How the identity provider proves who it is
    #[arg(long, value_enum)]
    pub auth: CallerAuth,

    /// The directory for config.toml and the files with secrets
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,

    /// Where identity providers connect [default: 127.0.0.1:7644]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,

    /// Where health and readiness are answered [default: 127.0.0.1:7645]
    #[arg(long, value_name = "ADDR")]
    pub private_listen: Option<SocketAddr>,

    /// The address under which identity providers reach --listen [default: http://<--listen>]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Url>,

    /// The Keycloak client that the gateway works as
    #[arg(long, value_name = "ID", default_value = "scimgate")]
    pub gateway_client: String,

    /// The Keycloak client of the identity provider, with --auth keycloak [default: scim-<caller>]
    #[arg(long, value_name = "ID")]
    pub caller_client: Option<String>,

    /// The alias of the identity provider in Keycloak that users are linked to, so that single sign-on finds who was
    /// provisioned
    #[arg(long, value_name = "ALIAS")]
    pub idp: Option<String>,

    /// Which value is the user's id there: externalId, userName, emails, or another attribute with one text [default:
    /// externalId]
    #[arg(long, value_name = "ATTRIBUTE", requires = "idp")]
    pub idp_user_id: Option<String>,

    /// Serve this organization of the realm, by its alias or its id, with a caller of its own, instead of the realm itself
    #[arg(long, value_name = "ALIAS")]
    pub organization: Option<String>,

    /// Turn organizations on in the realm, where they are off
    #[arg(long, requires = "organization")]
    pub enable_organizations: bool,
}

/// How a caller proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CallerAuth {
    /// A static bearer token (Okta: HTTP Header)
    Token,
    /// Tokens of a Keycloak client by client credentials (Okta: OAuth 2)
    Keycloak,
}

impl fmt::Display for CallerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::Keycloak => "keycloak",
        })
    }
}

/// The address where identity providers connect if nothing else is said.
pub(super) const DEFAULT_LISTEN: SocketAddr = loopback(7644);

/// The address of health and readiness if nothing else is said.
pub(super) const DEFAULT_PRIVATE_LISTEN: SocketAddr = loopback(7645);

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

impl SetupArgs {
    /// The `client_id` of the identity provider's client.
    pub(super) fn caller_client(&self) -> String {
        let named = || match &self.organization {
            Some(organization) => format!("scim-{organization}-{}", self.caller),
            None => format!("scim-{}", self.caller),
        };
        self.caller_client.clone().unwrap_or_else(named)
    }

    /// The file with the secret of the gateway's own client.
    pub(super) fn gateway_secret_file(&self) -> String {
        gateway_secret_file(&self.realm)
    }

    /// The file with what the identity provider sends.
    pub(in crate::cli) fn caller_file(&self) -> String {
        caller_file(&self.realm, self.organization.as_deref(), &self.caller, self.auth)
    }

    /// The names on the way to the tenant in config.toml: the realm, or the organization of it.
    pub(super) fn tenant_keys(&self) -> Vec<&str> {
        let organization = self.organization.iter().flat_map(|name| ["organizations", name.as_str()]);
        ["realms", self.realm.as_str()].into_iter().chain(organization).collect()
    }

    /// The names on the way to the caller in config.toml.
    pub(super) fn caller_keys(&self) -> Vec<&str> {
        [self.tenant_keys(), vec!["callers", self.caller.as_str()]].concat()
    }

    /// The tenant, as messages name it.
    pub(super) fn tenant(&self) -> String {
        match &self.organization {
            Some(organization) => format!("organization {organization} of realm {}", self.realm),
            None => format!("realm {}", self.realm),
        }
    }

    /// Which value of a user is its id at the identity provider.
    pub(super) fn idp_user_id(&self) -> &str {
        self.idp_user_id.as_deref().unwrap_or("externalId")
    }

    /// The realm's name. It becomes part of file names and URLs: what `serve` would refuse is refused before anything is
    /// changed, and so is what would be a hidden file, or one whose name no file system takes.
    pub(super) fn realm_name(&self) -> Result<RealmName, SetupError> {
        if self.realm.starts_with('.') {
            return Err(refused(
                "--realm",
                "the realm's name becomes that of a file, and must not begin with a dot",
            ));
        }
        self.realm.parse().map_err(|error: NameError| refused("--realm", error.to_string()))
    }

    /// Refuses what can't work, or would be dangerous, by its form alone.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        if self.realm == "master" {
            return Err(SetupError::MasterRealm);
        }
        self.realm_name()?;
        check_caller(&self.caller)?;
        check_url("--keycloak", &self.keycloak)?;
        if let Some(url) = &self.public_url {
            check_url("--public-url", url)?;
        }
        check_client("--gateway-client", &self.gateway_client)?;
        if let Some(organization) = &self.organization {
            check_organization(organization)?;
        }
        if let Some(alias) = &self.idp {
            check_alias(alias)?;
        }
        if self.auth == CallerAuth::Keycloak {
            check_client("--caller-client", &self.caller_client())?;
            if self.caller_client() == self.gateway_client {
                return Err(refused(
                    "--caller-client",
                    "the identity provider needs a client of its own: the gateway's may manage all users",
                ));
            }
        } else if self.caller_client.is_some() {
            return Err(refused("--caller-client", "it has a meaning only with --auth keycloak"));
        }
        if self.caller_file() == self.gateway_secret_file() {
            return Err(refused(
                "--caller",
                "its file would be that of the gateway's own secret; choose another name",
            ));
        }
        Ok(())
    }
}

/// The file with the secret of the gateway's own client in a realm.
pub(super) fn gateway_secret_file(realm: &str) -> String {
    format!("{realm}-keycloak-client-secret")
}

/// The file with what a caller of a realm, or of an organization of it, sends.
pub(super) fn caller_file(realm: &str, organization: Option<&str>, caller: &str, auth: CallerAuth) -> String {
    let tenant = organization.map_or_else(|| realm.to_owned(), |name| format!("{realm}-{name}"));
    match auth {
        CallerAuth::Token => format!("{tenant}-{caller}-token"),
        CallerAuth::Keycloak => format!("{tenant}-{caller}-client-secret"),
    }
}

fn refused(option: &'static str, reason: impl Into<String>) -> SetupError {
    SetupError::Argument { option, reason: reason.into() }
}

/// The caller's name becomes part of file names, of a client id and of the configuration, which knows the narrowest rule.
fn check_caller(caller: &str) -> Result<(), SetupError> {
    caller.parse::<CallerName>().map(drop).map_err(|error| refused("--caller", error.to_string()))
}

/// It becomes part of URLs and file names.
fn check_organization(alias: &str) -> Result<(), SetupError> {
    if alias.starts_with('.') {
        return Err(refused(
            "--organization",
            "its alias becomes part of a file's name, and must not begin with a dot",
        ));
    }
    let read = alias.parse::<OrganizationKey>();
    read.map(drop).map_err(|error| refused("--organization", error.to_string()))
}

/// It becomes a segment of a URL.
fn check_alias(alias: &str) -> Result<(), SetupError> {
    let fits = (1..=255).contains(&alias.chars().count()) && alias.trim() == alias;
    if !fits || alias.contains(|c: char| c.is_control() || c == '/') || matches!(alias, "." | "..") {
        let reason = "an alias has 1 to 255 characters without slashes, line breaks or blanks around it";
        return Err(refused("--idp", reason));
    }
    Ok(())
}

fn check_client(option: &'static str, client_id: &str) -> Result<(), SetupError> {
    if client_id.is_empty() || client_id.len() > 255 || client_id.contains(char::is_control) {
        return Err(refused(option, "a client id has 1 to 255 characters"));
    }
    Ok(())
}

fn check_url(option: &'static str, url: &Url) -> Result<(), SetupError> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refused(option, "it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(option, "it must not hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(option, "it must not hold a ? or #"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        setup: SetupArgs,
    }

    fn parse(line: &str) -> SetupArgs {
        Cli::try_parse_from(line.split(' ')).unwrap().setup
    }

    const LINE: &str = "setup --keycloak http://k --admin-user admin --out d";

    fn check(rest: &str) -> Result<(), SetupError> {
        parse(&format!("{LINE} {rest}")).check()
    }

    fn refusal(rest: &str) -> String {
        check(rest).unwrap_err().to_string()
    }

    #[test]
    fn takes_both_modes() {
        check("--realm acme --caller okta --auth token").unwrap();
        check("--realm acme --caller okta --auth keycloak --caller-client okta-scim").unwrap();
    }

    #[test]
    fn refuses_master() {
        assert!(refusal("--realm master --caller okta --auth token").contains("administrators"));
    }

    #[test]
    fn refuses_names_that_leave_the_directory() {
        for realm in ["../x", "a/b", "a\\b", ".hidden"] {
            assert!(refusal(&format!("--realm {realm} --caller okta --auth token")).contains("--realm"));
        }
        for caller in ["../x", "a.b", "a/b"] {
            assert!(refusal(&format!("--realm acme --caller {caller} --auth token")).contains("--caller"));
        }
    }

    #[test]
    fn one_client_for_both_sides_is_refused() {
        let line = "--realm acme --caller okta --auth keycloak --caller-client scimgate";
        assert!(refusal(line).contains("of its own"));
    }

    #[test]
    fn a_caller_named_keycloak_does_not_take_the_gateways_file() {
        assert!(refusal("--realm acme --caller keycloak --auth keycloak").contains("its file"));
        check("--realm acme --caller keycloak --auth token").unwrap();
    }

    #[test]
    fn an_organization_and_an_alias_can_stand_in_a_url() {
        let line = "--realm acme --caller okta --auth token";
        check(&format!("{line} --organization contoso --idp okta")).unwrap();
        for organization in ["../x", "a/b", ".hidden", "a%2Fb"] {
            let told = refusal(&format!("{line} --organization {organization}"));
            assert!(told.contains("--organization"), "{organization}: {told}");
        }
        for alias in ["a/b", "..", "a\nb", &"x".repeat(256)] {
            assert!(refusal(&format!("{line} --idp {alias}")).contains("--idp"), "{alias:?}");
        }
        for alone in ["--idp-user-id userName", "--enable-organizations"] {
            assert!(Cli::try_parse_from(format!("{LINE} {line} {alone}").split(' ')).is_err(), "{alone}");
        }
    }

    #[test]
    fn refuses_urls_that_hold_more_than_an_address() {
        for url in ["ftp://k", "http://a:b@k", "http://k/?x=1"] {
            let line = format!("--realm acme --caller okta --auth token --public-url {url}");
            assert!(refusal(&line).contains("--public-url"), "{url}");
        }
    }

    #[test]
    fn only_one_source_of_the_password() {
        let line = format!(
            "{LINE} --realm a --caller b --auth token --admin-password-env P --admin-password-file f"
        );
        assert!(Cli::try_parse_from(line.split(' ')).is_err());
    }
}
