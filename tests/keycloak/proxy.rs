//! A proxy between gateway and Keycloak that counts calls and makes one of them slow, held, lost or answered otherwise.
//!
//! It passes the `Host` header on as the gateway sent it, its own address that is: Keycloak makes the issuer of a realm from
//! `Host`, so seen through the proxy all of a realm (issuer, endpoints, tokens fetched through it) is consistently
//! `http://<proxy>/realms/…`. A token that was fetched past the proxy has Keycloak's own address as its issuer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// How long a test waits for the call it holds.
const PATIENCE: Duration = Duration::from_secs(30);

/// One call that went through, or came as far as the proxy.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// Path and query, as sent.
    pub path: String,
    pub request_id: Option<String>,
    pub request_headers: HeaderMap,
    pub request_body: Bytes,
    /// What Keycloak answered, or a rule in its place; `None` while there is no answer.
    pub status: Option<u16>,
    /// When all of the request had arrived.
    pub began: Instant,
    /// When its answer was about to go back; `None` while there is none.
    pub ended: Option<Instant>,
}

impl Call {
    /// `METHOD path`, for messages and comparisons.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The request body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.request_body).ok()
    }

    /// Whether it asks for a token or for keys, which a gateway does now and then and no plan of calls counts.
    pub fn is_openid(&self) -> bool {
        self.path.contains("/protocol/openid-connect/")
            || self.path.contains("/.well-known/openid-configuration")
    }
}

/// Where in a call's way something happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Keycloak has not seen the request.
    BeforeKeycloak,
    /// Keycloak has done what was asked; the gateway does not know it.
    AfterKeycloak,
}

/// How many of these calls had to wait for each other: the largest number that follow one another without overlap. Calls that
/// are made at the same time overlap for sure where a rule delays each of them.
pub fn trips(calls: &[Call]) -> usize {
    let mut spans: Vec<(Instant, Instant)> =
        calls.iter().filter_map(|call| Some((call.began, call.ended?))).collect();
    // Taking the earliest end each time leaves most room for what follows.
    spans.sort_by_key(|(_, ended)| *ended);
    let mut last: Option<Instant> = None;
    let mut count = 0;
    for (began, ended) in spans {
        if last.is_none_or(|last| began >= last) {
            last = Some(ended);
            count += 1;
        }
    }
    count
}

/// A running proxy. Closed, with all connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: String,
    client: reqwest::Client,
    calls: Mutex<Calls>,
    rules: Mutex<Vec<Rule>>,
}

#[derive(Debug, Default)]
struct Calls {
    kept: Vec<(u64, Call)>,
    next: u64,
}

type Predicate = Box<dyn Fn(&Method, &str) -> bool + Send + Sync>;

struct Rule {
    predicate: Predicate,
    /// How many matching calls pass before it acts.
    skip: usize,
    /// Whether it goes on acting.
    always: bool,
    action: Option<Action>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule")
            .field("skip", &self.skip)
            .field("always", &self.always)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Action {
    Hold { point: Point, reached: oneshot::Sender<Call>, verdict: oneshot::Receiver<Verdict> },
    Drop(Point),
    Delay(Duration),
    Answer(Canned),
}

#[derive(Clone, Debug)]
struct Canned {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Debug)]
enum Verdict {
    Release,
    Drop,
}

/// What a call gets: an answer, or its connection closed.
type Outcome = Option<Response<Full<Bytes>>>;

impl Proxy {
    /// Starts one in front of `upstream` (`http://127.0.0.1:PORT`).
    pub async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            calls: Mutex::default(),
            rules: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls so far, in the order in which they arrived.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.state.calls.lock().unwrap();
        calls.kept.iter().map(|(_, call)| call.clone()).collect()
    }

    /// The calls since the last drain, and forgets them.
    pub fn drain(&self) -> Vec<Call> {
        let mut calls = self.state.calls.lock().unwrap();
        calls.kept.drain(..).map(|(_, call)| call).collect()
    }

    /// How many calls match.
    pub fn count(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.calls().iter().filter(|call| matches(call)).count()
    }

    /// Tells what happens to the next call that matches (method, path and query). Of several rules that want the same
    /// call the oldest has it.
    pub fn on(&self, matches: impl Fn(&Method, &str) -> bool + Send + Sync + 'static) -> When<'_> {
        When {
            proxy: self,
            rule: Rule { predicate: Box::new(matches), skip: 0, always: false, action: None },
        }
    }

    /// How many rules still wait for their call, or go on acting.
    pub fn waiting_rules(&self) -> usize {
        self.state.rules.lock().unwrap().len()
    }

    /// Forgets all rules. A call that is held stays so.
    pub fn clear_rules(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    fn add(&self, rule: Rule) {
        self.state.rules.lock().unwrap().push(rule);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A rule in the making: which of the matching calls.
#[must_use = "a rule without an action does nothing"]
#[derive(Debug)]
pub struct When<'a> {
    proxy: &'a Proxy,
    rule: Rule,
}

impl When<'_> {
    /// The `n`th matching call from now on, counted from 1.
    pub fn nth(mut self, n: usize) -> Self {
        self.rule.skip = n.checked_sub(1).expect("counted from 1");
        self
    }

    /// That call and every matching one after it. Not for `hold`.
    pub fn always(mut self) -> Self {
        self.rule.always = true;
        self
    }

    /// Holds it at this point until the test says how it goes on.
    pub fn hold(self, point: Point) -> Held {
        assert!(!self.rule.always, "one rule holds one call");
        let (reached, on_reached) = oneshot::channel();
        let (verdict, on_verdict) = oneshot::channel();
        let state = Arc::clone(&self.proxy.state);
        self.act(Action::Hold { point, reached, verdict: on_verdict });
        Held { reached: Some(on_reached), verdict, state }
    }

    /// Closes the connection at this point, without an answer.
    pub fn drop_connection(self, point: Point) {
        self.act(Action::Drop(point));
    }

    /// Forwards it after this time.
    pub fn delay(self, time: Duration) {
        self.act(Action::Delay(time));
    }

    /// Answers in Keycloak's place, which does not see the request.
    pub fn answer(self, status: u16, body: &Value) {
        self.answer_with(status, &[("content-type", "application/json")], body.to_string());
    }

    /// Answers in Keycloak's place with these headers.
    pub fn answer_with(self, status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, header::HeaderValue::from_str(value).unwrap())
            })
            .collect();
        self.act(Action::Answer(Canned {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
        }));
    }

    fn act(mut self, action: Action) {
        self.rule.action = Some(action);
        self.proxy.add(self.rule);
    }
}

/// A call that waits, or will. When dropped, the call goes on.
#[derive(Debug)]
pub struct Held {
    reached: Option<oneshot::Receiver<Call>>,
    verdict: oneshot::Sender<Verdict>,
    state: Arc<State>,
}

impl Held {
    /// Waits until the call is held; fails the test if none comes.
    pub async fn reached(&mut self) -> Call {
        let reached = self.reached.take().expect("waited for once");
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(Ok(call)) => call,
            Ok(Err(_)) => panic!("the rule was cleared before its call came"),
            Err(_) => {
                let calls = self.state.calls.lock().unwrap();
                let seen: Vec<String> = calls.kept.iter().map(|(_, call)| call.line()).collect();
                panic!("the call to hold did not come within {PATIENCE:?}; these came:\n{}", seen.join("\n"))
            }
        }
    }

    /// Lets the call go on.
    pub fn release(self) {
        // An error means that nobody waits any more.
        let _ = self.verdict.send(Verdict::Release);
    }

    /// Closes the call's connection at the point where it is held.
    pub fn drop_connection(self) {
        let _ = self.verdict.send(Verdict::Drop);
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| exchange(Arc::clone(&state), request));
            // An error is what a dropped connection is here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn exchange(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    // In a task of its own: what a client has sent completely is carried out, also if the client is gone before the
    // answer. hyper would cancel us.
    tokio::spawn(async move { carry_out(&state, head, body).await }).await.ok().flatten().ok_or(Dropped)
}

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose")]
struct Dropped;

async fn carry_out(state: &State, head: http::request::Parts, body: Bytes) -> Outcome {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let call = Call {
        method: head.method.clone(),
        path: path.to_owned(),
        request_id: head.headers.get("x-request-id").and_then(|id| Some(id.to_str().ok()?.to_owned())),
        request_headers: head.headers.clone(),
        request_body: body.clone(),
        status: None,
        began: Instant::now(),
        ended: None,
    };
    let number = state.record(call.clone());
    let action = state.action_for(&head.method, path);
    let mut after = None;
    match action {
        None => {}
        Some(Action::Drop(Point::BeforeKeycloak)) => return None,
        Some(Action::Delay(time)) => tokio::time::sleep(time).await,
        Some(Action::Answer(canned)) => {
            state.answered(number, canned.status);
            let mut answer = Response::new(Full::new(canned.body));
            *answer.status_mut() = canned.status;
            *answer.headers_mut() = canned.headers;
            return Some(answer);
        }
        Some(Action::Hold { point: Point::BeforeKeycloak, reached, verdict }) => {
            let _ = reached.send(call.clone());
            if matches!(verdict.await, Ok(Verdict::Drop)) {
                return None;
            }
        }
        Some(
            action @ (Action::Drop(Point::AfterKeycloak) | Action::Hold { point: Point::AfterKeycloak, .. }),
        ) => after = Some(action),
    }
    let answer = state.forward(&head, body).await?;
    state.answered(number, answer.status());
    match after {
        Some(Action::Drop(_)) => return None,
        Some(Action::Hold { reached, verdict, .. }) => {
            let _ = reached.send(Call { status: Some(answer.status().as_u16()), ..call });
            if matches!(verdict.await, Ok(Verdict::Drop)) {
                return None;
            }
        }
        _ => {}
    }
    Some(answer)
}

impl State {
    fn record(&self, call: Call) -> u64 {
        let mut calls = self.calls.lock().unwrap();
        calls.next += 1;
        let number = calls.next;
        calls.kept.push((number, call));
        number
    }

    fn answered(&self, number: u64, status: StatusCode) {
        let mut calls = self.calls.lock().unwrap();
        if let Some((_, call)) = calls.kept.iter_mut().find(|(n, _)| *n == number) {
            call.status = Some(status.as_u16());
            call.ended = Some(Instant::now());
        }
    }

    /// The action of the oldest rule that is due; every rule that matches counts the call.
    fn action_for(&self, method: &Method, path: &str) -> Option<Action> {
        let mut rules = self.rules.lock().unwrap();
        let mut found = None;
        rules.retain_mut(|rule| {
            if !(rule.predicate)(method, path) {
                return true;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return true;
            }
            if found.is_some() {
                return true;
            }
            if rule.always {
                found = rule.action.as_ref().and_then(Action::again);
                return true;
            }
            found = rule.action.take();
            false
        });
        found
    }

    async fn forward(&self, head: &http::request::Parts, body: Bytes) -> Outcome {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = head.headers.clone();
        remove_hop_by_hop(&mut headers);
        let answer = self
            .client
            .request(head.method.clone(), format!("{}{path}", self.upstream))
            .headers(headers)
            .body(body)
            .send()
            .await
            // Where Keycloak can't be reached, the gateway sees a closed connection.
            .ok()?;
        let mut headers = answer.headers().clone();
        remove_hop_by_hop(&mut headers);
        // hyper sets it from the body.
        headers.remove(header::CONTENT_LENGTH);
        let status = answer.status();
        let mut to_gateway = Response::new(Full::new(answer.bytes().await.ok()?));
        *to_gateway.status_mut() = status;
        *to_gateway.headers_mut() = headers;
        Some(to_gateway)
    }
}

impl Action {
    /// The same action for another call; holding can't be repeated.
    fn again(&self) -> Option<Self> {
        match self {
            Self::Drop(point) => Some(Self::Drop(*point)),
            Self::Delay(time) => Some(Self::Delay(*time)),
            Self::Answer(canned) => Some(Self::Answer(canned.clone())),
            Self::Hold { .. } => None,
        }
    }
}

/// RFC 9110, 7.6.1: these are between two neighbours only.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE]
    {
        headers.remove(name);
    }
}
