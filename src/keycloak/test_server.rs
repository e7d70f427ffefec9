//! A tiny Keycloak for this room's tests: it answers what a test tells it to and keeps what came.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use url::Url;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) authorization: String,
    pub(super) request_id: String,
    pub(super) body: String,
}

/// A scripted answer; `None` closes the connection without one.
type Scripted = Option<Response<Full<Bytes>>>;

#[derive(Clone)]
pub(super) struct TestServer {
    pub(super) url: Url,
    script: Arc<Mutex<VecDeque<Scripted>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    tokens: Arc<Mutex<u32>>,
}

impl TestServer {
    /// Starts a server that hands out tokens `t1`, `t2`, … and answers the rest by its script.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = Self { url, script: Arc::default(), seen: Arc::default(), tokens: Arc::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = accepting.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| server.answer(request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        server
    }

    pub(super) fn reply(&self, status: u16, body: &str) -> &Self {
        self.script(Some(response(status, body)))
    }

    pub(super) fn reply_location(&self, status: u16, location: &str) -> &Self {
        let mut answer = response(status, "");
        answer.headers_mut().insert("location", location.parse().unwrap());
        self.script(Some(answer))
    }

    /// The next request gets no answer.
    pub(super) fn hang_up(&self) -> &Self {
        self.script(None)
    }

    fn script(&self, answer: Scripted) -> &Self {
        self.script.lock().unwrap().push_back(answer);
        self
    }

    /// The requests that came, token requests aside.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// How many tokens were handed out.
    pub(super) fn tokens(&self) -> u32 {
        *self.tokens.lock().unwrap()
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let mut seen = Seen {
            line: format!("{} {}", request.method(), request.uri()),
            authorization: header("authorization"),
            request_id: header("x-request-id"),
            body: String::new(),
        };
        let body = request.into_body().collect().await.unwrap().to_bytes();
        seen.body = String::from_utf8(body.to_vec()).unwrap();
        if seen.line.ends_with("/protocol/openid-connect/token") {
            // Long enough that concurrent callers would all be asking.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let mut tokens = self.tokens.lock().unwrap();
            *tokens += 1;
            let body = format!(r#"{{"access_token":"t{tokens}","expires_in":300}}"#);
            return Ok(response(200, &body));
        }
        self.seen.lock().unwrap().push(seen);
        let scripted = self.script.lock().unwrap().pop_front();
        match scripted {
            Some(Some(answer)) => Ok(answer),
            Some(None) => Err(std::io::Error::other("hanging up")),
            None => Ok(response(500, "the test's script is over")),
        }
    }
}

fn response(status: u16, body: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::from(body.to_owned())).unwrap()
}
