//! Why a setup ends early, in words that tell an administrator what to do.

use std::io;
use std::path::PathBuf;

use super::{ConfigFileError, PasswordError};
use crate::config::ConfigErrors;
use crate::keycloak::{self, HttpClientError};

/// Why the setup ended early. What it had done in Keycloak by then stays; the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An argument can't be used.
    #[error("{option}: {reason}")]
    Argument {
        /// The option.
        option: &'static str,
        /// Why.
        reason: String,
    },
    /// The realm is `master`.
    #[error(
        "the realm master is refused: it holds Keycloak's own administrators, and whoever may provision users there could take over every realm. Choose another realm, or make one with --create-realm"
    )]
    MasterRealm,
    /// There is no password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The HTTP client can't be built.
    #[error(transparent)]
    HttpClient(#[from] HttpClientError),
    /// No answer from Keycloak.
    #[error(
        "Keycloak can't be reached at {url}. Is it running, and is --keycloak right? If its certificate is from a private authority, name that authority's file in the environment variable SSL_CERT_FILE. ({source})"
    )]
    Unreachable {
        /// Its address.
        url: String,
        /// What happened.
        source: keycloak::Error,
    },
    /// There is no token endpoint.
    #[error(
        "there is no realm {realm} at {url}. Check --keycloak (older ones need /auth at its end) and --admin-realm"
    )]
    NoTokenEndpoint {
        /// Keycloak's address.
        url: String,
        /// The administrator's realm.
        realm: String,
    },
    /// Keycloak does not let the administrator in.
    #[error(
        "Keycloak does not let {user} sign in to the realm {realm} ({reason}). Check --admin-user, --admin-realm and the password. An account with a second factor can't be used here: make a temporary one with `kc.sh bootstrap-admin user`"
    )]
    SignIn {
        /// The administrator.
        user: String,
        /// Their realm.
        realm: String,
        /// Keycloak's reason.
        reason: String,
    },
    /// The account is no administrator, or not of this realm.
    #[error(
        "{user} may not administer the realm {realm} (failed at {doing}). Use an administrator of the whole Keycloak, or give {user} the role realm-admin of the realm's client realm-management"
    )]
    NotAdministrator {
        /// The account.
        user: String,
        /// The realm.
        realm: String,
        /// What was tried.
        doing: &'static str,
    },
    /// Any other failure in Keycloak.
    #[error("{doing} failed: {source}")]
    Keycloak {
        /// What was tried.
        doing: &'static str,
        /// How it failed.
        source: keycloak::Error,
    },
    /// There is no such realm.
    #[error(
        "there is no realm {realm}, or the administrator may not see it. Check --realm, or let setup make it with --create-realm"
    )]
    NoRealm {
        /// The realm.
        realm: String,
    },
    /// The realm is out of service.
    #[error("the realm {realm} is disabled and issues no tokens. Enable it, then run setup again")]
    RealmDisabled {
        /// The realm.
        realm: String,
    },
    /// There is no such identity provider.
    #[error(
        "the realm {realm} has no identity provider with the alias {alias} (--idp); letter case counts. Create it under Identity providers, then run setup again"
    )]
    NoIdentityProvider {
        /// The alias.
        alias: String,
        /// The realm.
        realm: String,
    },
    /// The realm has no organizations.
    #[error(
        "organizations are off in the realm {realm}. Turn them on under Realm settings > General > Organizations, or let setup do so with --enable-organizations"
    )]
    NoOrganizations {
        /// The realm.
        realm: String,
    },
    /// There is no such organization.
    #[error(
        "the realm {realm} has no organization with the alias or the id {organization} (--organization). Create it under Organizations, then run setup again"
    )]
    NoOrganization {
        /// The alias.
        organization: String,
        /// The realm.
        realm: String,
    },
    /// The realm role can't serve as a mark.
    #[error("the realm role {role} of {realm} can't mark provisioned users: {reason}, then run setup again")]
    Role {
        /// The role.
        role: String,
        /// The realm.
        realm: String,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// A client can't be used.
    #[error("the client {client} can't be used: {reason}")]
    Client {
        /// The client.
        client: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The directory can't be written to.
    #[error(
        "the directory {} can't be made or written to ({source}). Choose another --out, or run setup as its owner",
        .path.display()
    )]
    Folder {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be read or written.
    #[error("{} can't be read or written: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A secret's file is empty.
    #[error("{} is empty. Put the secret back, or remove the file", .path.display())]
    EmptySecret {
        /// The file.
        path: PathBuf,
    },
    /// config.toml declares schemas or maps attributes in a way in which `serve` would refuse it.
    #[error("{0}\nNothing was changed. Mend the file, then run setup again")]
    Config(#[from] ConfigErrors),
    /// config.toml can't be extended.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers for a token")]
    NoRandomness,
    /// The result can't be printed.
    #[error("the result can't be printed: {0}. Run setup again: it prints the same")]
    Print(#[source] io::Error),
}
