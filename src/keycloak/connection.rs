//! The way to one realm of a Keycloak: its address, the account used there, and that account's
//! token. Built once per realm and shared by all requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use http::HeaderValue;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::client::AdminClient;
use super::dry_run::DryRun;
use super::error::{Call, Error, Result};
use super::token::{Token, TokenCache, TokenResponse};
use super::transport;
use super::watch::CallWatcher;

const LOGOUT: Call = Call { method: "POST", path: "protocol/openid-connect/logout" };

/// The public client with the password grant that every realm has.
const ADMIN_CLI: &str = "admin-cli";

/// The way to one realm of a Keycloak.
pub struct Connection {
    base: Url,
    realm: String,
    account: Account,
    /// The realm that issues the account's token: not the realm itself for an administrator.
    account_realm: String,
    pub(super) http: Client,
    tokens: TokenCache,
    /// Who looks on, if anybody.
    pub(super) watcher: Option<CallWatcher>,
    /// Present where nothing may be changed.
    pub(super) dry_run: Option<DryRun>,
}

enum Account {
    /// A confidential client's service account.
    Client { id: String, secret: SecretString },
    /// A person, by password.
    Administrator { username: String, password: SecretString },
}

impl Connection {
    /// A connection to `realm` as the service account of one of its clients. `base` is Keycloak's
    /// address, with its path if it has one (`https://id.example.com/auth`).
    #[must_use]
    pub fn new(base: Url, realm: &str, client_id: &str, client_secret: SecretString, http: Client) -> Self {
        Self {
            base,
            realm: realm.to_owned(),
            account: Account::Client { id: client_id.to_owned(), secret: client_secret },
            account_realm: realm.to_owned(),
            http,
            tokens: TokenCache::default(),
            watcher: None,
            dry_run: None,
        }
    }

    /// A connection to `realm` as an administrator who has an account in `account_realm` (usually
    /// `master`), by the password grant of `admin-cli`. Close it with
    /// [`end_session`](Self::end_session).
    #[must_use]
    pub fn administrator(
        base: Url,
        realm: &str,
        account_realm: &str,
        username: &str,
        password: SecretString,
        http: Client,
    ) -> Self {
        Self {
            base,
            realm: realm.to_owned(),
            account: Account::Administrator { username: username.to_owned(), password },
            account_realm: account_realm.to_owned(),
            http,
            tokens: TokenCache::default(),
            watcher: None,
            dry_run: None,
        }
    }

    /// The same connection, with somebody who is told of each call.
    #[must_use]
    pub fn watched(self, watcher: CallWatcher) -> Self {
        Self { watcher: Some(watcher), ..self }
    }

    /// The same connection, over which nothing is written: calls that would write succeed without being sent, and a
    /// user that would have been created can be read back. A name or e-mail address that somebody has is a conflict as
    /// in earnest, and so is a new username where the realm lets nobody change theirs; what else Keycloak may refuse, for
    /// its user profile's sake, is not foreseen.
    #[must_use]
    pub fn dry(self) -> Self {
        Self { dry_run: Some(DryRun::default()), ..self }
    }

    /// The client for one request. Its id goes along with every call, as `x-request-id`.
    #[must_use]
    pub fn for_request(self: &Arc<Self>, request_id: &str) -> AdminClient {
        AdminClient {
            connection: Arc::clone(self),
            request_id: HeaderValue::from_str(request_id).ok(),
            calls: Arc::new(AtomicU32::new(0)),
            after_answer: false,
            organization: None,
        }
    }

    /// The realm's name.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Ends the session that a password grant began, so that nothing of it is left in Keycloak.
    /// Does nothing where there is none.
    ///
    /// # Errors
    /// When Keycloak can't be reached or refuses.
    pub async fn end_session(&self) -> Result<()> {
        let Some(token) = self.tokens.peek() else {
            return Ok(());
        };
        let Some(refresh) = token.refresh() else {
            return Ok(());
        };
        let form = [("client_id", ADMIN_CLI), ("refresh_token", refresh.expose_secret())];
        let request = self.http.post(self.account_url(LOGOUT.path)).form(form.as_slice());
        let answer = transport::send(LOGOUT, request).await?;
        self.tokens.forget(&token);
        if answer.status.is_success() { Ok(()) } else { Err(self.refused(LOGOUT, &answer)) }
    }

    /// Whose credentials these are, for messages.
    pub(super) fn account(&self) -> String {
        match &self.account {
            Account::Client { id, .. } => format!("client {id}"),
            Account::Administrator { username, .. } => format!("administrator {username}"),
        }
    }

    /// Whether Keycloak's cache of roles may have tripped over itself: while somebody else makes or deletes a realm, an
    /// administrator of all realms is answered 500 now and then, and not the next moment.
    pub(super) fn is_tripped(&self, error: &Error) -> bool {
        matches!((&self.account, error), (Account::Administrator { .. }, Error::Server { status: 500, .. }))
    }

    /// A token that is good for a call now.
    pub(super) async fn token(&self) -> Result<Arc<Token>> {
        self.tokens.get(|| self.fetch_token()).await
    }

    /// Makes the next call fetch a new token, unless that has happened already.
    pub(super) fn forget(&self, refused: &Arc<Token>) {
        self.tokens.forget(refused);
    }

    /// The URL of a path template below `admin/realms/{realm}`, each placeholder filled with one
    /// of `values`, in order, as exactly one path segment.
    pub(super) fn realm_url(&self, call: Call, values: &[&str]) -> Result<Url> {
        let mut url = self.admin_url();
        fill(&mut url, call, "{realm}", &[&self.realm])?;
        fill(&mut url, call, call.path, values)?;
        Ok(url)
    }

    /// The URL `admin/realms`.
    pub(super) fn admin_url(&self) -> Url {
        self.below_base(&["admin", "realms"])
    }

    /// The URL of the realm's OpenID discovery document.
    pub(super) fn discovery_url(&self) -> Url {
        self.below_base(&["realms", &self.realm, ".well-known", "openid-configuration"])
    }

    fn account_url(&self, path: &str) -> Url {
        let mut url = self.below_base(&["realms", &self.account_realm]);
        extend(&mut url, path.split('/'));
        url
    }

    fn below_base(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        extend(&mut url, segments.iter().copied());
        url
    }

    async fn fetch_token(&self) -> Result<Token> {
        let form = match &self.account {
            Account::Client { id, secret } => vec![
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret.expose_secret()),
            ],
            Account::Administrator { username, password } => vec![
                ("grant_type", "password"),
                ("client_id", ADMIN_CLI),
                ("username", username),
                ("password", password.expose_secret()),
            ],
        };
        let asked = Instant::now();
        let request = self.http.post(self.account_url(Call::TOKEN.path)).form(&form);
        let answer = transport::send(Call::TOKEN, request).await?;
        if !answer.status.is_success() {
            return Err(self.refused(Call::TOKEN, &answer));
        }
        let response: TokenResponse =
            serde_json::from_slice(&answer.body).map_err(|error| Error::decode(Call::TOKEN, &error))?;
        Ok(Token::new(response, asked))
    }

    fn refused(&self, call: Call, answer: &transport::Answer) -> Error {
        let status = match answer.status {
            // Wrong passwords are 400 `invalid_grant`, wrong client secrets 401 (RFC 6749, 5.2).
            StatusCode::BAD_REQUEST => StatusCode::UNAUTHORIZED,
            status => status,
        };
        Error::from_status(call, &self.account(), status, answer.retry_after, &answer.body)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("base", &self.base.as_str())
            .field("realm", &self.realm)
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}

/// Appends `template` to `url`, its placeholders filled with `values`.
///
/// A value that can't be one segment names nothing: an empty one and the dot segments, which URL
/// parsers resolve away, would reach another address.
fn fill(url: &mut Url, call: Call, template: &'static str, values: &[&str]) -> Result<()> {
    let mut values = values.iter();
    let mut segments = Vec::new();
    for segment in template.split('/').filter(|segment| !segment.is_empty()) {
        if !segment.starts_with('{') {
            segments.push(segment);
            continue;
        }
        match values.next() {
            Some(&value) if !matches!(value, "" | "." | "..") => segments.push(value),
            _ => {
                return Err(Error::NotFound { call, message: "nothing can have this name".to_owned() });
            }
        }
    }
    extend(url, segments.into_iter());
    Ok(())
}

fn extend<'a>(url: &mut Url, segments: impl Iterator<Item = &'a str>) {
    // An http or https URL always has path segments; `pop_if_empty` removes a trailing slash.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call { method: "GET", path: "roles/{name}/users" };

    fn connection(base: &str, realm: &str) -> Connection {
        Connection::new(Url::parse(base).unwrap(), realm, "scimgate", "s3cret".into(), Client::new())
    }

    fn url(base: &str, realm: &str, name: &str) -> Result<String> {
        connection(base, realm).realm_url(CALL, &[name]).map(String::from)
    }

    #[test]
    fn keeps_the_path_of_the_base() {
        for base in ["https://id.example.com/auth", "https://id.example.com/auth/"] {
            assert_eq!(
                url(base, "acme", "scim-managed").unwrap(),
                "https://id.example.com/auth/admin/realms/acme/roles/scim-managed/users"
            );
        }
    }

    #[test]
    fn a_value_is_one_segment() {
        assert_eq!(
            url("http://k", "a b/c", "x/../y?z#%2e ü").unwrap(),
            "http://k/admin/realms/a%20b%2Fc/roles/x%2F..%2Fy%3Fz%23%252e%20%C3%BC/users"
        );
    }

    #[test]
    fn values_that_reach_elsewhere_name_nothing() {
        for name in ["", ".", ".."] {
            assert!(matches!(url("http://k", "acme", name), Err(Error::NotFound { .. })), "{name:?}");
            assert!(url("http://k", name, "a").is_err(), "{name:?}");
        }
    }

    #[test]
    fn shows_no_secret() {
        let shown = format!("{:?}", connection("http://k", "acme"));
        assert!(shown.contains("client scimgate"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
