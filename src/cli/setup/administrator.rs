//! The administrator on whose behalf `setup` works: what their refusals mean, and a record of what
//! was done for them.

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::{SetupArgs, SetupError};
use crate::keycloak::{self, AdminClient, Connection, Error};

/// What was changed, and what an administrator should look at.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) changed: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Record {
    pub(super) fn changed(&mut self, what: String) {
        self.changed.push(what);
    }

    pub(super) fn warn(&mut self, what: String) {
        self.warnings.push(what);
    }

    pub(super) fn warnings(&mut self, more: Vec<String>) {
        self.warnings.extend(more);
    }
}

/// An administrator, signed in at the first call.
pub(super) struct Administrator {
    pub(super) client: AdminClient,
    connection: Arc<Connection>,
    keycloak: Url,
    user: String,
    account_realm: String,
    realm: String,
}

impl Administrator {
    pub(super) fn new(args: &SetupArgs, password: SecretString, http: reqwest::Client) -> Self {
        let connection = Arc::new(Connection::administrator(
            args.keycloak.clone(),
            &args.realm,
            &args.admin_realm,
            &args.admin_user,
            password,
            http,
        ));
        Self {
            client: connection.for_request("setup"),
            connection,
            keycloak: args.keycloak.clone(),
            user: args.admin_user.clone(),
            account_realm: args.admin_realm.clone(),
            realm: args.realm.clone(),
        }
    }

    /// Ends the administrator's session, whatever became of the setup. It would expire by itself.
    pub(super) async fn sign_out(&self, record: &mut Record) {
        if let Err(error) = self.connection.end_session().await {
            record.warn(format!(
                "the administrator's session could not be ended and expires by itself: {error}"
            ));
        }
    }

    /// Turns a failure while `doing` something into advice.
    pub(super) fn told<T>(&self, doing: &'static str, result: keycloak::Result<T>) -> Result<T, SetupError> {
        result.map_err(|error| self.advice(doing, error))
    }

    /// That the account may not do this.
    pub(super) fn may_not(&self, doing: &'static str) -> SetupError {
        SetupError::NotAdministrator { user: self.user.clone(), realm: self.realm.clone(), doing }
    }

    fn advice(&self, doing: &'static str, error: Error) -> SetupError {
        let url = self.keycloak.to_string();
        match error {
            source @ (Error::Unreachable { .. } | Error::Timeout { .. }) => {
                SetupError::Unreachable { url, source }
            }
            Error::Unauthorized { reason, .. } => {
                SetupError::SignIn { user: self.user.clone(), realm: self.account_realm.clone(), reason }
            }
            Error::NotFound { .. } if error.at_sign_in() => {
                SetupError::NoTokenEndpoint { url, realm: self.account_realm.clone() }
            }
            Error::Forbidden { reason, .. } if error.at_sign_in() => {
                SetupError::SignIn { user: self.user.clone(), realm: self.account_realm.clone(), reason }
            }
            Error::Forbidden { .. } => self.may_not(doing),
            source => SetupError::Keycloak { doing, source },
        }
    }
}
