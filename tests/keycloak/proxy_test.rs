//! The proxy tested by itself: it forwards, records, holds, drops, answers and delays.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::admin::admin;
use crate::harness_test::eventually;
use crate::proxy::{Point, Proxy};
use crate::runner::trial;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("proxy::it_forwards_and_records", proxy_forwards),
        trial("proxy::it_holds_before", proxy_holds_before),
        trial("proxy::it_holds_after", proxy_holds_after),
        trial("proxy::it_drops_answers_and_delays", proxy_drops),
        trial("proxy::a_call_outlives_its_caller", proxy_caller_gone),
        trial("proxy::issuer_follows_the_proxy", issuer),
    ]
}

async fn proxy_forwards() {
    let (upstream, seen) = tiny_upstream().await;
    let proxy = Proxy::start(&upstream).await;
    let client = Scim::anonymous(&proxy.url()).with_header("x-request-id", "r-1");
    let answer = client.post("/a?b=c%20d", &json!({ "x": 1 })).await.expect(200);
    let host = proxy.url().trim_start_matches("http://").to_owned();
    assert_eq!(answer.body, Some(json!({ "host": host })), "the Host header stays the gateway's");
    let calls = proxy.drain();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].line(), "POST /a?b=c%20d");
    assert_eq!(calls[0].request_id.as_deref(), Some("r-1"));
    assert_eq!(calls[0].json(), Some(json!({ "x": 1 })));
    assert_eq!(calls[0].status, Some(200));
    assert!(!calls[0].is_openid());
    assert_eq!(proxy.count(|_| true), 0);
    assert_eq!(*seen.lock().unwrap(), ["POST /a?b=c%20d"]);
}

async fn proxy_holds_before() {
    let (upstream, seen) = tiny_upstream().await;
    let proxy = Proxy::start(&upstream).await;
    let client = Scim::anonymous(&proxy.url());
    let mut held = proxy
        .on(|method, path| method == Method::GET && path.starts_with("/held"))
        .nth(2)
        .hold(Point::BeforeKeycloak);
    client.get("/held/1").await.expect(200);
    client.delete("/held/1").await.expect(200);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.get("/held/2").await.status }
    });
    assert_eq!(held.reached().await.line(), "GET /held/2");
    client.get("/other").await.expect(200);
    assert!(!waiting.is_finished());
    assert!(!seen.lock().unwrap().contains(&"GET /held/2".to_owned()));
    held.release();
    assert_eq!(waiting.await.unwrap(), 200);
    client.get("/held/3").await.expect(200);
}

async fn proxy_holds_after() {
    let (upstream, seen) = tiny_upstream().await;
    let proxy = Proxy::start(&upstream).await;
    let mut held = proxy.on(|_, _| true).hold(Point::AfterKeycloak);
    let url = format!("{}/x", proxy.url());
    let waiting = tokio::spawn(get(url));
    let call = held.reached().await;
    assert_eq!(call.status, Some(200));
    assert_eq!(*seen.lock().unwrap(), ["GET /x"]);
    assert!(!waiting.is_finished());
    held.drop_connection();
    assert!(waiting.await.unwrap().is_err());
    let dropped_unused = proxy.on(|_, _| true).hold(Point::BeforeKeycloak);
    drop(dropped_unused);
    assert_eq!(get(proxy.url()).await.unwrap().status(), 200);
}

async fn proxy_drops() {
    let (upstream, seen) = tiny_upstream().await;
    let proxy = Proxy::start(&upstream).await;
    let status = |path: &'static str| {
        let url = format!("{}{path}", proxy.url());
        async move {
            let answer = get(url).await.ok()?;
            let status = answer.status().as_u16();
            Some((status, answer.text().await.unwrap()))
        }
    };
    proxy.on(|_, path| path == "/before").drop_connection(Point::BeforeKeycloak);
    proxy.on(|_, path| path == "/after").drop_connection(Point::AfterKeycloak);
    assert_eq!(status("/before").await, None);
    assert_eq!(status("/after").await, None);
    assert_eq!(*seen.lock().unwrap(), ["GET /after"]);
    assert!(status("/before").await.is_some());

    proxy.on(|_, path| path == "/answer").answer(503, &json!({ "error": "busy" }));
    assert_eq!(status("/answer").await, Some((503, json!({ "error": "busy" }).to_string())));
    assert_eq!(status("/answer").await.unwrap().0, 200);

    proxy.on(|_, _| true).always().answer_with(429, &[("retry-after", "1")], "");
    for _ in 0..3 {
        assert_eq!(status("/").await, Some((429, String::new())));
    }
    proxy.clear_rules();
    proxy.on(|_, _| true).delay(Duration::from_millis(200));
    let began = Instant::now();
    assert_eq!(status("/").await.unwrap().0, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
    let statuses: Vec<Option<u16>> = proxy.calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses[..2], [None, Some(200)], "what Keycloak answered, not what was passed on");
}

async fn proxy_caller_gone() {
    let (upstream, seen) = tiny_upstream().await;
    let proxy = Proxy::start(&upstream).await;
    let mut held = proxy.on(|_, _| true).hold(Point::BeforeKeycloak);
    let caller = tokio::spawn(get(proxy.url()));
    held.reached().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.release();
    eventually("the call arrives nevertheless", || *seen.lock().unwrap() == ["GET /"]).await;
}

async fn issuer() {
    let realm = admin().await.create_realm("harness-issuer").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let url = format!("{}/realms/{}/.well-known/openid-configuration", proxy.url(), realm.name());
    let configuration: Value = get(url).await.unwrap().json().await.unwrap();
    assert_eq!(configuration["issuer"], format!("{}/realms/{}", proxy.url(), realm.name()));
    assert!(proxy.calls()[0].is_openid());
}

/// A tiny server that answers 200 with the `Host` it was asked for, and what it was asked.
async fn tiny_upstream() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            let service = service_fn(move |request: Request<Incoming>| {
                let line = format!("{} {}", request.method(), request.uri());
                log.lock().unwrap().push(line);
                let host = request.headers()["host"].to_str().unwrap().to_owned();
                let body = json!({ "host": host }).to_string();
                async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body)))) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, seen)
}

/// GET with a client of its own: a pooled connection that was closed would be tried again.
async fn get(url: String) -> reqwest::Result<reqwest::Response> {
    let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never());
    client.build()?.get(url).send().await
}
