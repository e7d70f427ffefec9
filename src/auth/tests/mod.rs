//! What the tests share: a realm with its keys, an issuer's server, a clock.

mod cache;
mod external;
mod forged;
mod keycloak;
mod reload;
mod secrets;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::{AuthError, Authenticator, Clock, Recognised};
use crate::config::{self, Caller, CallerAuth, External};

/// What time it is in the tests, in seconds since 1970.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "http://127.0.0.1:8080/realms/acme";

/// Static token "one" and "two" of one caller, "three" of another; two clients of a third.
const CONFIG: &str = r#"
version = 1
[realms.acme.keycloak]
url = "http://127.0.0.1:8080"
client_secret_env = "SECRET"
[realms.acme.callers.alpha]
auth = "token"
sha256 = [
    "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
    "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
]
[realms.acme.callers.beta]
auth = "token"
sha256 = ["8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f"]
[realms.acme.callers.okta]
auth = "keycloak"
clients = ["okta-scim", "okta-scim-2"]
"#;

fn realm(source: &str) -> config::Realm {
    let env = BTreeMap::from([("SECRET".to_owned(), "x".to_owned())]);
    let config = config::parse(source, Path::new("config.toml"), &env).unwrap();
    config::Realm::clone(config.realms.get("acme").unwrap())
}

/// The realm with these callers instead of its own.
fn realm_with(callers: Vec<(&str, CallerAuth)>) -> config::Realm {
    let callers = callers.into_iter().map(|(name, auth)| {
        let name: config::CallerName = name.parse().unwrap();
        (name.clone(), Caller::unrestricted(name, auth))
    });
    config::Realm { callers: callers.collect(), ..realm(CONFIG) }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key pair of each kind that a realm can have.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Pair {
    fn rsa() -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = pair.as_der().unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(der.as_ref()).unwrap())
    }

    fn p256() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn p384() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    fn ed25519() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// The public key as Keycloak publishes it.
    fn jwk(&self, kid: &str, alg: &str) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": base64(&public.n), "e": base64(&public.e)})
            }
            Self::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": crv, "x": base64(x), "y": base64(y)})
            }
            Self::Ed(pair) => {
                let public = pair.public_key().as_ref();
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(public)})
            }
        };
        jwk["kid"] = json!(kid);
        jwk["alg"] = json!(alg);
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match alg {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => panic!("{alg} is not RSA"),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).unwrap();
                signature.as_ref().to_vec()
            }
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let alg = header["alg"].as_str().unwrap();
        let signature = self.sign(alg, message.as_bytes());
        format!("{message}.{}", base64(&signature))
    }
}

/// The part of a token that is signed.
fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// What Keycloak 26.7.4 writes for a client that authenticates with its own credentials.
fn claims() -> Value {
    json!({
        "exp": NOW + 300, "iat": NOW, "jti": "trrtcc:ece2e141", "iss": ISSUER, "aud": "account",
        "sub": "6f4c3672-8312-4a50-8b8e-613944f5b1b9", "typ": "Bearer", "azp": "okta-scim",
        "acr": "1", "scope": "profile email", "clientHost": "127.0.0.1", "email_verified": false,
        "preferred_username": "service-account-okta-scim", "clientAddress": "127.0.0.1",
        "client_id": "okta-scim",
    })
}

/// A status and a body.
type Answer = (u16, Vec<u8>);

/// A server that answers every request alike, except for some paths, and counts them.
#[derive(Clone)]
struct Server {
    answer: Arc<Mutex<Answer>>,
    /// The paths that it answers in another way.
    at: Arc<Mutex<HashMap<String, Answer>>>,
    /// What was asked for, in order.
    paths: Arc<Mutex<Vec<String>>>,
    /// How long each answer takes.
    delay: Arc<Mutex<Duration>>,
    requests: Arc<AtomicUsize>,
    address: SocketAddr,
}

impl Server {
    async fn start(jwks: &Value) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            answer: Arc::new(Mutex::new((200, jwks.to_string().into_bytes()))),
            at: Arc::default(),
            paths: Arc::default(),
            delay: Arc::default(),
            requests: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = shared.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let server = server.clone();
                    async move { Ok::<_, Infallible>(server.respond(request.uri().path()).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        server
    }

    async fn respond(&self, path: &str) -> Response<Full<Bytes>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.paths.lock().unwrap().push(path.to_owned());
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        let special = self.at.lock().unwrap().get(path).cloned();
        let (status, body) = special.unwrap_or_else(|| self.answer.lock().unwrap().clone());
        let response = Response::builder().status(status).header("location", "http://127.0.0.1:9/elsewhere");
        response.body(Full::new(Bytes::from(body))).unwrap()
    }

    fn answers(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    fn answers_at(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) {
        self.at.lock().unwrap().insert(path.to_owned(), (status, body.into()));
    }

    fn url(&self, path: &str) -> url::Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    fn takes(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A tenant with its authenticator, its server and its clock.
struct House {
    authenticator: Authenticator,
    server: Server,
    now: Arc<AtomicU64>,
}

impl House {
    /// The realm of [`CONFIG`], whose keys these are.
    async fn with_keys(keys: &[Value]) -> Self {
        Self::of(keys, |_| realm(CONFIG)).await
    }

    /// A tenant of one's own; both the realm and other issuers have their keys at the server.
    async fn of(keys: &[Value], tenant: impl FnOnce(&Server) -> config::Realm) -> Self {
        let server = Server::start(&json!({ "keys": keys })).await;
        let now = Arc::new(AtomicU64::new(NOW));
        let tenant = tenant(&server);
        Self { authenticator: authenticator(&tenant, &server, &now), server, now }
    }

    /// Reloads with another configuration.
    fn reload(&mut self, tenant: &config::Realm) {
        let next = authenticator(tenant, &self.server, &self.now).after(&self.authenticator);
        self.authenticator = next;
    }

    async fn ask(&self, token: &str) -> Result<String, AuthError> {
        self.with(&format!("Bearer {token}")).await.map(|known| known.caller.name.to_string())
    }

    async fn with(&self, authorization: &str) -> Result<Recognised, AuthError> {
        let header = HeaderValue::try_from(authorization).unwrap();
        self.authenticator.authenticate(&[header]).await
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }
}

fn authenticator(tenant: &config::Realm, server: &Server, now: &Arc<AtomicU64>) -> Authenticator {
    let clock: Clock = {
        let now = Arc::clone(now);
        Arc::new(move || now.load(Ordering::SeqCst))
    };
    let http = || reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let issuer_http = |_: &External| http();
    Authenticator::with_clock(tenant, http().unwrap(), server.url("/certs"), issuer_http, clock).unwrap()
}
