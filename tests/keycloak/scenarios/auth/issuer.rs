//! An issuer of tokens on loopback: discovery, keys, and whatever a test wants signed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// A key that signs.
pub struct Key {
    pub id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    /// As it is published.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "x": base64(x), "y": base64(y), "kid": self.id, "alg": "ES256", "use": "sig",
        })
    }

    /// A token with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", base64(signature.as_ref()))
    }

    /// A token with the header that belongs to the key.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.id }), claims)
    }
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What of a token is signed.
pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()))
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What is published, if anything answers.
type Published = Arc<Mutex<Option<Vec<Value>>>>;

/// An issuer that runs until its test ends.
#[derive(Clone)]
pub struct Issuer {
    address: SocketAddr,
    published: Published,
    asked: Arc<Mutex<Vec<String>>>,
    hangs: Arc<AtomicBool>,
}

impl Issuer {
    pub async fn start(keys: &[&Key]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            published: Arc::default(),
            asked: Arc::default(),
            hangs: Arc::default(),
        };
        issuer.publish(keys);
        let shared = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let issuer = shared.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = issuer.answer(request.uri().path());
                    let hangs = issuer.hangs.load(Ordering::SeqCst);
                    async move {
                        if hangs {
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, Infallible>(answer)
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        issuer
    }

    /// Its name, with a slash at the end as Auth0 has it.
    pub fn name(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn publish(&self, keys: &[&Key]) {
        *self.published.lock().unwrap() = Some(keys.iter().map(|key| key.jwk()).collect());
    }

    /// From now on it answers 503.
    pub fn fail(&self) {
        *self.published.lock().unwrap() = None;
    }

    /// Whether it leaves requests without an answer from now on.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    /// What was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// What it writes for a client's own credentials.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.name(), "sub": "k9@clients", "aud": ["scim", "other"], "azp": "k9", "tid": "55fe48ac",
            "iat": now(), "nbf": now(), "exp": now() + 3600,
        })
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        self.asked.lock().unwrap().push(path.to_owned());
        let keys = self.published.lock().unwrap().clone();
        let (status, body) = match (path, keys) {
            (_, None) => (503, json!({})),
            ("/.well-known/openid-configuration", _) => {
                (200, json!({ "issuer": self.name(), "jwks_uri": format!("{}keys", self.name()) }))
            }
            ("/keys", Some(keys)) => (200, json!({ "keys": keys })),
            _ => (404, json!({})),
        };
        Response::builder().status(status).body(Full::new(Bytes::from(body.to_string()))).unwrap()
    }
}
