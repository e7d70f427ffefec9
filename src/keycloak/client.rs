//! How a call is made: authenticated, marked with the request's id, counted, sent again where that
//! is harmless, and read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::connection::Connection;
use super::dry_run::{Asked, Instead};
use super::error::{Call, Error, Result};
use super::query::MAX_PAGE;
use super::representation::OrganizationId;
use super::transport::{self, Answer};
use super::watch::{CallResult, Made};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// No try begins later than this after the first one.
const RETRY_WINDOW: Duration = Duration::from_secs(5);

/// How many tries follow the first one, and how long after it.
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Keycloak's Admin REST API in one realm, on behalf of one request. Cheap to clone; clones count
/// their calls together.
#[derive(Debug, Clone)]
pub struct AdminClient {
    pub(super) connection: Arc<Connection>,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) calls: Arc<AtomicU32>,
    pub(super) after_answer: bool,
    /// The organization whose groups are meant; the realm's own where there is none.
    pub(super) organization: Option<OrganizationId>,
}

/// When a call that failed on its way may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice is doing it once.
    Always,
    /// Only where Keycloak certainly never saw it.
    NeverSent,
}

/// One call, ready to be sent any number of times.
pub(super) struct Prepared {
    call: Call,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    repeat: Repeat,
    /// Whether a try went out whose answer never came, so that it may have been carried out.
    lost: AtomicBool,
}

impl Prepared {
    /// A call; its `path` in `call` is only for messages, `url` is where it goes.
    pub(super) fn new<T: Serialize + ?Sized>(
        path: &'static str,
        method: Method,
        url: Url,
        body: Option<&T>,
        repeat: Repeat,
    ) -> Result<Self> {
        let call = Call { method: method_name(&method), path };
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| Error::decode(call, &error))?;
        Ok(Self { call, method, url, body, repeat, lost: AtomicBool::new(false) })
    }
}

/// Where a call goes below the realm: a path template, and the values for its placeholders.
pub(super) type At<'a> = (&'static str, &'a [&'a str]);

impl AdminClient {
    /// How many Admin REST calls were sent so far, repeated ones included. Fetching a token is no
    /// such call: it serves many requests.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The same client, counting into `calls`: what a request and its aftermath make is counted together.
    #[must_use]
    pub fn counting(self, calls: Arc<AtomicU32>) -> Self {
        Self { calls, ..self }
    }

    /// The same client for what goes on after the request's answer: its calls are not the request's any more.
    #[must_use]
    pub fn after_answer(self) -> Self {
        Self { calls: Arc::default(), after_answer: true, ..self }
    }

    /// The same client within an organization: every call about groups is about the organization's groups. All other
    /// calls stay the realm's.
    #[must_use]
    pub fn within(self, organization: OrganizationId) -> Self {
        Self { organization: Some(organization), ..self }
    }

    /// The same client outside of any organization: calls about groups are about the realm's.
    #[must_use]
    pub fn of_realm(self) -> Self {
        Self { organization: None, ..self }
    }

    /// The realm's name.
    #[must_use]
    pub fn realm_name(&self) -> &str {
        self.connection.realm()
    }

    /// Reads something that must exist.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        (path, values): At<'_>,
        query: &[(&'static str, String)],
    ) -> Result<T> {
        let call = Call { method: "GET", path };
        let mut url = self.connection.realm_url(call, values)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let prepared = Prepared::new::<()>(path, Method::GET, url, None, Repeat::Always)?;
        decode(call, &self.send(&prepared).await?)
    }

    /// All pages of a list, one after the other.
    pub(super) async fn every_page<T: DeserializeOwned>(
        &self,
        at: At<'_>,
        conditions: &[(&'static str, String)],
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let first = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let query = [conditions, &window(first, MAX_PAGE)].concat();
            let page: Vec<T> = self.get(at, &query).await?;
            let is_last = page.len() < MAX_PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Reads something that may be absent. A realm or organization that is absent stays an error.
    pub(super) async fn find<T: DeserializeOwned>(&self, at: At<'_>) -> Result<Option<T>> {
        match self.get(at, &[]).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_realm_missing() || error.is_organization_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a body to an address below the realm.
    pub(super) async fn write<T: Serialize + ?Sized + Sync>(
        &self,
        method: Method,
        (path, values): At<'_>,
        body: Option<&T>,
        repeat: Repeat,
    ) -> Result<Answer> {
        self.send(&self.prepare(method, (path, values), body, repeat)?).await
    }

    /// Deletes something that must exist. Where a try got lost on its way and the next one finds
    /// nothing, it was the first one that deleted it.
    pub(super) async fn remove(&self, at: At<'_>) -> Result<()> {
        let prepared = self.prepare::<()>(Method::DELETE, at, None, Repeat::Always)?;
        match self.send(&prepared).await {
            Ok(_) => Ok(()),
            Err(Error::NotFound { .. }) if prepared.lost.load(Ordering::Relaxed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn prepare<T: Serialize + ?Sized>(
        &self,
        method: Method,
        (path, values): At<'_>,
        body: Option<&T>,
        repeat: Repeat,
    ) -> Result<Prepared> {
        let call = Call { method: method_name(&method), path };
        let url = self.connection.realm_url(call, values)?;
        Prepared::new(path, method, url, body, repeat)
    }

    /// Sends a call, again where that is harmless, and gives its successful answer.
    pub(super) async fn send(&self, prepared: &Prepared) -> Result<Answer> {
        let began = Instant::now();
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(RETRIES)
            .with_jitter();
        (|| self.once(prepared))
            .retry(backoff)
            .when(|error| {
                let harmless = prepared.repeat == Repeat::Always || error.never_sent();
                let passing = error.is_transient() || self.connection.is_tripped(error);
                harmless && passing && began.elapsed() < RETRY_WINDOW
            })
            .notify(|error, pause| {
                if !error.never_sent() {
                    prepared.lost.store(true, Ordering::Relaxed);
                }
                tracing::debug!(%error, pause_ms = pause.as_millis(), "calling Keycloak again");
            })
            .await
    }

    /// One try; with a new token if Keycloak no longer takes the one we hold (it restarted with
    /// other keys, or somebody revoked its tokens). A refused call did nothing.
    async fn once(&self, prepared: &Prepared) -> Result<Answer> {
        let token = self.connection.token().await?;
        let mut answer = self.attempt(prepared, token.expose()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.connection.forget(&token);
            let token = self.connection.token().await?;
            answer = self.attempt(prepared, token.expose()).await?;
        }
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(Error::from_status(
            prepared.call,
            &self.connection.account(),
            answer.status,
            answer.retry_after,
            &answer.body,
        ))
    }

    async fn attempt(&self, prepared: &Prepared, token: &str) -> Result<Answer> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let instead = match &self.connection.dry_run {
            None => None,
            Some(dry_run) => {
                let asked = Asked {
                    method: &prepared.method,
                    path: prepared.call.path,
                    url: &prepared.url,
                    body: prepared.body.as_deref(),
                    organization: self.organization.as_ref(),
                };
                dry_run.answer(&self.connection, token, asked).await?
            }
        };
        let (answer, was_sent) = match instead {
            Some(Instead { answer, was_sent }) => (Ok(answer), was_sent),
            None => (transport::send(prepared.call, self.request(prepared, token)).await, true),
        };
        if let Some(watcher) = &self.connection.watcher {
            let result = match &answer {
                Ok(answer) if !was_sent && answer.status.is_success() => CallResult::Planned,
                Ok(answer) if !was_sent => CallResult::Foreseen(answer.status.as_u16()),
                Ok(answer) => CallResult::Answered(answer.status.as_u16()),
                Err(error) => CallResult::Failed(error.to_string()),
            };
            watcher.tell(self.made(prepared, result, began.elapsed()));
        }
        answer
    }

    fn request(&self, prepared: &Prepared, token: &str) -> reqwest::RequestBuilder {
        let mut request =
            self.connection.http.request(prepared.method.clone(), prepared.url.clone()).bearer_auth(token);
        if let Some(id) = &self.request_id {
            request = request.header(X_REQUEST_ID, id);
        }
        if let Some(body) = &prepared.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        request
    }

    fn made(&self, prepared: &Prepared, result: CallResult, took: Duration) -> Made {
        let request_id = self.request_id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
        Made {
            request_id: request_id.to_owned(),
            after_answer: self.after_answer,
            method: prepared.method.clone(),
            path: prepared.call.path,
            url: prepared.url.clone(),
            body: prepared.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()),
            result,
            took,
        }
    }
}

/// The window of a list, and the form of its answer.
pub(super) fn window(first: u32, max: u32) -> [(&'static str, String); 3] {
    [("first", first.to_string()), ("max", max.to_string()), ("briefRepresentation", "false".to_owned())]
}

pub(super) fn decode<T: DeserializeOwned>(call: Call, answer: &Answer) -> Result<T> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::decode(call, &error))
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "GET",
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::super::test_server::TestServer;
    use super::super::watch::CallWatcher;
    use super::super::{UserId, UserQuery, UserRepresentation, http_client};
    use super::*;

    fn client(url: Url) -> AdminClient {
        let second = Duration::from_secs(1);
        let http = http_client(second, second, None, None).unwrap();
        let connection = Connection::new(url, "acme", "scimgate", "s3cret".into(), http);
        Arc::new(connection).for_request("request-1")
    }

    fn id() -> UserId {
        UserId::try_from("74326c51").unwrap()
    }

    #[tokio::test]
    async fn concurrent_calls_fetch_one_token() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        for _ in 0..20 {
            server.reply(200, "3");
        }
        let query = UserQuery::default();
        let counts = join_all((0..20).map(|_| client.count_users(&query))).await;
        assert!(counts.into_iter().all(|count| count.unwrap() == 3));
        assert_eq!(server.tokens(), 1);
        assert_eq!(client.calls(), 20);
    }

    #[tokio::test]
    async fn sends_token_and_request_id_along() {
        let server = TestServer::start().await;
        server.reply(200, r#"[{"id":"other"},{"id":"74326c51"}]"#);
        let user = client(server.url.clone()).user(&id()).await.unwrap();
        assert_eq!(user.unwrap().id, Some(id()));
        let seen = server.seen();
        assert_eq!(
            seen[0].line,
            "GET /admin/realms/acme/users?search=id%3A74326c51&briefRepresentation=false&max=1"
        );
        assert_eq!(seen[0].authorization, "Bearer t1");
        assert_eq!(seen[0].request_id, "request-1");
    }

    #[tokio::test]
    async fn another_user_than_the_asked_one_is_none() {
        let server = TestServer::start().await;
        server.reply(200, r#"[{"id":"other"}]"#);
        assert_eq!(client(server.url.clone()).user(&id()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        server.reply(401, "{}").reply(200, "1");
        assert_eq!(client.count_users(&UserQuery::default()).await.unwrap(), 1);
        assert_eq!(server.seen()[1].authorization, "Bearer t2");
        server.reply(401, "{}").reply(401, r#"{"error":"HTTP 401 Unauthorized"}"#);
        let error = client.count_users(&UserQuery::default()).await.unwrap_err();
        assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
        assert_eq!(server.tokens(), 3);
    }

    #[tokio::test]
    async fn harmless_calls_are_tried_three_times() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        server.reply(503, "").hang_up().reply(200, "1");
        assert_eq!(client.count_users(&UserQuery::default()).await.unwrap(), 1);
        server.reply(502, "").reply(503, "").reply(504, "").reply(200, "1");
        let error = client.count_users(&UserQuery::default()).await.unwrap_err();
        assert!(matches!(error, Error::Server { status: 504, .. }), "{error:?}");
        assert_eq!(server.lines().len(), 6);
        assert_eq!(client.calls(), 6);
    }

    #[tokio::test]
    async fn a_500_is_not_tried_again() {
        let server = TestServer::start().await;
        server.reply(500, r#"{"error":"unknown_error"}"#);
        let error = client(server.url.clone()).logout(&id()).await.unwrap_err();
        assert!(matches!(error, Error::Server { status: 500, .. }), "{error:?}");
        assert_eq!(server.lines().len(), 1);
    }

    #[tokio::test]
    async fn an_administrators_500_is_tried_again_where_that_is_harmless() {
        let server = TestServer::start().await;
        let second = Duration::from_secs(1);
        let http = http_client(second, second, None, None).unwrap();
        let url = server.url.clone();
        let connection = Connection::administrator(url, "acme", "master", "admin", "s3cret".into(), http);
        let client = Arc::new(connection).for_request("request-1");
        server.reply(500, r#"{"error":"unknown_error"}"#).reply(204, "");
        client.update_realm(&serde_json::json!({})).await.unwrap();
        server.reply(500, r#"{"error":"unknown_error"}"#);
        let error = client.create_realm().await.unwrap_err();
        assert!(matches!(error, Error::Server { status: 500, .. }), "{error:?}");
        assert_eq!(server.lines().len(), 3);
    }

    #[tokio::test]
    async fn a_dry_run_reads_and_tells_what_it_would_write() {
        let server = TestServer::start().await;
        let second = Duration::from_secs(1);
        let http = http_client(second, second, None, None).unwrap();
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let watcher = CallWatcher::new(move |made| tell.lock().unwrap().push(made));
        let connection = Connection::new(server.url.clone(), "acme", "scimgate", "s3cret".into(), http);
        let client = Arc::new(connection.watched(watcher).dry()).for_request("request-1");
        let named =
            |name: &str| UserRepresentation { username: Some(name.into()), ..UserRepresentation::default() };

        server.reply(200, "{}").reply(200, "[]").reply(200, "[]");
        let made = client.create_user(&named("babs")).await.unwrap();
        assert_eq!(client.user(&made).await.unwrap().unwrap().username.as_deref(), Some("babs"));
        client.logout(&made).await.unwrap();
        server.reply(200, "{}").reply(200, r#"[{"id":"other"}]"#);
        let error = client.create_user(&named("jane")).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
        server.reply(200, "7");
        assert_eq!(client.count_users(&UserQuery::default()).await.unwrap(), 7);

        assert!(server.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", server.lines());
        assert_eq!(client.calls(), 5);
        let told: Vec<_> = told.lock().unwrap().iter().map(|made| (made.path, made.result.clone())).collect();
        assert_eq!(
            told,
            [
                ("users", CallResult::Planned),
                ("users", CallResult::Planned),
                ("users/{id}/logout", CallResult::Planned),
                ("users", CallResult::Foreseen(409)),
                ("users/count", CallResult::Answered(200)),
            ]
        );
    }

    #[tokio::test]
    async fn a_create_that_may_have_happened_is_not_repeated() {
        let server = TestServer::start().await;
        let user = UserRepresentation::default();
        server.hang_up();
        let error = client(server.url.clone()).create_user(&user).await.unwrap_err();
        assert!(!error.never_sent() && error.is_transient(), "{error:?}");
        server.reply(503, "");
        let error = client(server.url.clone()).create_user(&user).await.unwrap_err();
        assert!(!error.never_sent(), "{error:?}");
        assert_eq!(server.lines().len(), 2);
    }

    #[tokio::test]
    async fn nothing_listening_means_never_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        let error = client(url).create_user(&UserRepresentation::default()).await.unwrap_err();
        assert!(error.never_sent() && error.is_transient(), "{error:?}");
        assert!(matches!(error, Error::Unreachable { maybe_sent: false, .. }));
    }

    #[tokio::test]
    async fn the_new_users_id_is_in_the_location() {
        let server = TestServer::start().await;
        server.reply_location(201, "https://id.example.com/admin/realms/acme/users/74326c51");
        let made = client(server.url.clone()).create_user(&UserRepresentation::default()).await;
        assert_eq!(made.unwrap(), id());
        server.reply_location(201, "https://id.example.com/users/a%2Fb");
        let made = client(server.url.clone()).create_user(&UserRepresentation::default()).await;
        assert!(matches!(made, Err(Error::Decode { .. })));
    }

    #[tokio::test]
    async fn deleting_twice_for_a_lost_answer_is_success() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        server.hang_up().reply(404, r#"{"error":"User not found"}"#);
        client.delete_user(&id()).await.unwrap();
        server.reply(404, r#"{"error":"User not found"}"#);
        let error = client.delete_user(&id()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn the_race_of_two_mappings_is_success_if_the_role_is_mapped() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        let role = super::super::RoleRepresentation {
            id: "r1".into(),
            name: "scim-managed".into(),
            ..Default::default()
        };
        let race = r#"{"errorMessage":"Could not add user role mappings!"}"#;
        server.reply(400, race).reply(200, r#"[{"id":"r1","name":"scim-managed"}]"#);
        client.map_realm_role(&id(), &role).await.unwrap();
        assert_eq!(
            server.seen()[0].body,
            r#"[{"id":"r1","name":"scim-managed","composite":false,"clientRole":false}]"#
        );
        server.reply(400, race).reply(200, "[]");
        let error = client.map_realm_role(&id(), &role).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_missing_user_is_none_but_a_missing_realm_is_an_error() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        server.reply(404, r#"{"error":"User not found"}"#);
        assert_eq!(client.realm_role_mappings(&id()).await.unwrap(), None);
        server.reply(404, r#"{"error":"Realm not found."}"#);
        assert!(client.realm_role_mappings(&id()).await.is_err());
    }

    #[tokio::test]
    async fn a_long_list_of_ids_goes_in_pieces_and_keeps_its_order() {
        let server = TestServer::start().await;
        let ids: Vec<UserId> =
            (0..250).map(|number| UserId::try_from(format!("u-{number}").as_str()).unwrap()).collect();
        for answer in [r#"[{"id":"u-0"}]"#, r#"[{"id":"u-100"}]"#, r#"[{"id":"u-200"}]"#] {
            server.reply(200, answer);
        }
        let query = UserQuery { ids, ..UserQuery::default() };
        let found = client(server.url.clone()).users(&query).await.unwrap();
        assert_eq!(found.len(), 3);
        let lines = server.lines();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() < 4000));
    }

    #[tokio::test]
    async fn calls_can_run_in_a_task_of_their_own() {
        let server = TestServer::start().await;
        let client = client(server.url.clone());
        server.reply(200, "[]").reply(200, "[]");
        let found = tokio::spawn(async move {
            let query = UserQuery { ids: vec![id()], ..UserQuery::default() };
            (client.users(&query).await, client.user(&id()).await)
        });
        let (users, user) = found.await.unwrap();
        assert!(users.unwrap().is_empty() && user.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_name_longer_than_any_is_not_asked_for() {
        let server = TestServer::start().await;
        let query = UserQuery { username: Some("ü".repeat(256)), ..UserQuery::default() };
        let client = client(server.url.clone());
        assert!(client.users(&query).await.unwrap().is_empty());
        assert_eq!(client.count_users(&query).await.unwrap(), 0);
        assert_eq!(client.calls(), 0);
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let server = TestServer::start().await;
        server.reply_location(302, "https://elsewhere.example.com/");
        let error = client(server.url.clone()).count_users(&UserQuery::default()).await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { status: 302, .. }));
    }
}
