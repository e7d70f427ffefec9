//! `scimgate explain`: what a request would become, without changing anything.
//!
//! It sends the request to a gateway of its own on a loopback port, which reads from Keycloak but does not write: the
//! way is the one that a request takes in earnest, from the tower stack to the last call.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use clap::Args;
use http::{Method, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::{
    self, Caller, CallerAuth, CallerName, Config, ConfigErrors, Log, LogFormat, ProcessEnvironment, Realm,
    StaticToken,
};
use crate::http::Told;
use crate::keycloak::{CallResult, Made};
use crate::telemetry::{self, TelemetryError};

use super::gateway::{Gateway, GatewayError, Manner};
use super::narrate::{self, Event};
use super::setup::{SetupError, token};

/// What helps whoever has no configuration.
#[cfg(feature = "demo")]
const NO_CONFIG: &str =
    "name one with --config, or explain on an empty stand-in for Keycloak with --stand-in";
#[cfg(not(feature = "demo"))]
const NO_CONFIG: &str = "name one with --config";

/// How long the whole may take: Keycloak may be far away, but nobody waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Shows what a request would become: what is dropped and normalised, and the Keycloak calls with their bodies.
///
/// Keycloak is read, never written. What Keycloak itself would refuse for its user profile's sake is not foreseen.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The HTTP method, such as POST
    #[arg(value_name = "METHOD", value_parser = method)]
    pub method: Method,

    /// The path from the base URL on, such as /Users, or with realm and all; a query may follow
    #[arg(value_name = "PATH")]
    pub path: String,

    /// The body in JSON; - reads it from standard input
    #[arg(value_name = "BODY", conflicts_with = "file")]
    pub body: Option<String>,

    /// The file that holds the body
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "config.toml")]
    pub config: PathBuf,

    /// The realm, where the configuration has several and the path names none
    #[arg(long, value_name = "NAME")]
    pub realm: Option<String>,

    /// An organization of the realm, as the configuration names it, where the path names none
    #[arg(long, value_name = "KEY")]
    pub organization: Option<String>,

    /// The caller in whose name to ask, where the realm has several: each has externalIds of its own
    #[arg(long, value_name = "NAME")]
    pub caller: Option<String>,

    /// Explain on an empty stand-in for Keycloak instead of what the configuration names
    #[cfg(feature = "demo")]
    #[arg(long, conflicts_with_all = ["config", "realm", "organization", "caller"])]
    pub stand_in: bool,

    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Methods are told apart by letter case, but nobody means another one by it.
fn method(text: &str) -> Result<Method, http::method::InvalidMethod> {
    text.to_ascii_uppercase().parse()
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The configuration is refused.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The log can't be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// An argument can't be used.
    #[error("{0}")]
    Argument(String),
    /// The body can't be read.
    #[error("the body can't be read from {from}: {source}")]
    Body {
        /// File name, or standard input.
        from: String,
        /// Why.
        source: io::Error,
    },
    /// The gateway can't be put together.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// No token can be made.
    #[error(transparent)]
    Token(#[from] SetupError),
    /// The gateway of this command does not answer.
    #[error("the request was not answered: {0}")]
    Request(String),
    /// The explanation can't be printed.
    #[error("standard output can't be written: {0}")]
    Print(io::Error),
    /// The stand-in does not come up.
    #[cfg(feature = "demo")]
    #[error(transparent)]
    StandIn(#[from] super::demo::DemoError),
}

/// What is to be sent, to whom, in whose name.
struct Question {
    config: Config,
    caller: CallerName,
    token: SecretString,
    target: String,
}

/// What came of it.
struct Explained {
    told: Box<Told>,
    status: u16,
    body: Option<Value>,
    before: Vec<Made>,
    after: Vec<Made>,
}

/// Explains.
///
/// # Errors
/// [`ExplainError`]. A request that is refused is explained all the same.
pub async fn run(args: ExplainArgs, stdout: &mut (dyn Write + Send)) -> Result<(), ExplainError> {
    let body = read_body(&args)?;
    #[cfg(feature = "demo")]
    let stand_in = if args.stand_in {
        // A path that is pasted with its realm is as good there.
        let realm = split_path(&args.path).0;
        Some(super::demo::Prepared::on_stand_in(realm.as_deref()).await?)
    } else {
        None
    };
    #[cfg(feature = "demo")]
    let path = stand_in.as_ref().map_or(&args.config, |prepared| &prepared.config);
    #[cfg(not(feature = "demo"))]
    let path = &args.config;
    if !path.exists() {
        return Err(ExplainError::Argument(format!(
            "{}: there is no such file; {NO_CONFIG}",
            path.display()
        )));
    }
    let config = config::load(path, &ProcessEnvironment)?;
    let quiet = Log {
        format: LogFormat::Text,
        level: "warn".into(),
        mask_personal_data: config.log.mask_personal_data,
    };
    telemetry::init(&quiet)?;
    let question = Question::new(&args, config)?;
    let caller = question.caller.clone();
    let explained = tokio::time::timeout(PATIENCE, ask(question, &args.method, body))
        .await
        .map_err(|_| ExplainError::Request(format!("it took more than {PATIENCE:?}")))??;
    let text = if args.json { explained.json(&caller) } else { explained.text(&caller) };
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(ExplainError::Print)
}

fn read_body(args: &ExplainArgs) -> Result<Option<Vec<u8>>, ExplainError> {
    match (&args.file, args.body.as_deref()) {
        (Some(file), _) => std::fs::read(file)
            .map(Some)
            .map_err(|source| ExplainError::Body { from: file.display().to_string(), source }),
        (None, Some("-")) => {
            let mut body = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut body);
            read.map_err(|source| ExplainError::Body { from: "standard input".into(), source })?;
            Ok(Some(body))
        }
        (None, body) => Ok(body.map(|body| body.as_bytes().to_vec())),
    }
}

impl Question {
    /// A configuration of one realm and one caller, on ports of its own.
    fn new(args: &ExplainArgs, mut config: Config) -> Result<Self, ExplainError> {
        let (in_path, rest) = split_path(&args.path);
        let rest = match &args.organization {
            Some(key) if organization_of(&rest).is_none() => format!("/organizations/{key}{rest}"),
            _ => rest,
        };
        let named = in_path.or_else(|| args.realm.clone());
        let realm = one_of("realm", "--realm", config.realms.values(), named.as_deref(), |realm| {
            realm.name.as_ref()
        })?;
        let mut realm = Realm::clone(realm);
        let callable = realm.organizations.iter().filter(|(_, tenant)| !tenant.callers.is_empty());
        let callable: Vec<String> = callable.map(|(key, _)| key.to_string()).collect();
        let tenant = match organization_of(&rest) {
            None if realm.callers.is_empty() && !callable.is_empty() => {
                return Err(ExplainError::Argument(format!(
                    "the realm {} has no caller of its own, only its organizations have: say which with \
                     --organization: {}",
                    realm.name,
                    callable.join(", ")
                )));
            }
            None => &mut realm,
            Some(key) => {
                let names =
                    realm.organizations.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let found = realm.organizations.get_mut(key.as_str());
                let found = found.ok_or_else(|| {
                    ExplainError::Argument(format!(
                        "the configuration of the realm {} has no organization {key}; it has {names}",
                        realm.name
                    ))
                })?;
                Arc::make_mut(found)
            }
        };
        let callers = tenant.callers.values();
        let caller =
            one_of("caller", "--caller", callers, args.caller.as_deref(), |caller| caller.name.as_ref())?;
        let caller = caller.name.clone();
        let token = token::new()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, token.expose_secret().as_bytes()).as_ref());
        let auth = CallerAuth::Token { tokens: vec![StaticToken::random(sha256)] };
        if let Some(asking) = tenant.callers.get_mut(&caller) {
            // It may do what it may, from wherever this is; the others stay, since users may be theirs.
            *asking = Caller { auth, networks: Vec::new(), rate_limit: None, ..asking.clone() };
        }
        let target = format!("/realms/{}/scim/v2{rest}", realm.name);
        let server = &mut config.server;
        if server.public_url.is_none() {
            // Locations shall be those of the gateway that is explained.
            server.public_url = Url::parse(&format!("http://{}", server.listen)).ok();
        }
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        (server.listen, server.private_listen) = (own, own);
        config.realms = BTreeMap::from([(realm.name.clone(), Arc::new(realm))]);
        Ok(Self { config, caller, token, target })
    }
}

/// The organization, where what follows the realm's base URL names one.
fn organization_of(rest: &str) -> Option<String> {
    let key = rest.strip_prefix("/organizations/")?.split(['/', '?']).next()?;
    Some(percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned())
}

/// The realm, where the path (or a whole URL) names it, and what follows the base URL.
fn split_path(path: &str) -> (Option<String>, String) {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path, String::new()),
    };
    let from_root = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => path,
    };
    let with_slash = format!("/{}", from_root.trim_start_matches('/'));
    // A proxy in front may have a path of its own.
    let named = with_slash.split_once("/realms/").and_then(|(_, rest)| rest.split_once("/scim/v2"));
    match named {
        Some((realm, rest)) => {
            let realm = percent_encoding::percent_decode_str(realm).decode_utf8_lossy().into_owned();
            (Some(realm), format!("{rest}{query}"))
        }
        None => (None, format!("{with_slash}{query}")),
    }
}

/// The one that is named, or the only one.
fn one_of<'a, T>(
    what: &str,
    option: &str,
    mut all: impl Iterator<Item = &'a T> + Clone,
    named: Option<&str>,
    name: impl Fn(&T) -> &str,
) -> Result<&'a T, ExplainError> {
    let names = all.clone().map(|one| name(one).to_owned()).collect::<Vec<_>>().join(", ");
    match (named, all.clone().count()) {
        (Some(named), _) => all.find(|one| name(one) == named).ok_or_else(|| {
            ExplainError::Argument(format!("the configuration has no {what} {named}; it has {names}"))
        }),
        (None, 1) => all.next().ok_or_else(|| ExplainError::Argument(format!("there is no {what}"))),
        (None, 0) => Err(ExplainError::Argument(format!("the configuration has no {what} there"))),
        (None, _) => Err(ExplainError::Argument(format!("say which {what} with {option}: {names}"))),
    }
}

async fn ask(question: Question, method: &Method, body: Option<Vec<u8>>) -> Result<Explained, ExplainError> {
    let (manner, mut events) = narrate::listen();
    let gateway = Gateway::open(question.config, Manner { dry_run: true, ..manner }).await?;
    // What it took to look at the realm is no part of the request.
    while events.try_recv().is_ok() {}
    let url = format!("http://{}{}", gateway.address, question.target);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(gateway.run(stop.clone()));
    let answer = send(method, &url, &question.token, body).await;
    stop.cancel();
    // Until what goes on after the answer is over, too.
    let _ended = serving.await;
    let (status, body) = answer?;
    let (mut calls, mut told) = (Vec::new(), None);
    while let Ok(event) = events.try_recv() {
        match event {
            Event::Called(made) => calls.push(*made),
            Event::Answered(answered) => told = Some(answered),
        }
    }
    let told = told.ok_or_else(|| ExplainError::Request("the gateway did not see it".into()))?;
    // Healing goes on by itself, under a name of its own.
    let (before, after) =
        calls.into_iter().partition(|made| !made.after_answer && made.request_id == told.request_id);
    Ok(Explained { told, status, body, before, after })
}

async fn send(
    method: &Method,
    url: &str,
    token: &SecretString,
    body: Option<Vec<u8>>,
) -> Result<(u16, Option<Value>), ExplainError> {
    let failed = |error: reqwest::Error| ExplainError::Request(error.without_url().to_string());
    let client = reqwest::Client::builder().no_proxy().build().map_err(failed)?;
    let mut request = client.request(method.clone(), url).bearer_auth(token.expose_secret());
    if let Some(body) = body {
        request = request.header(header::CONTENT_TYPE, "application/scim+json").body(body);
    }
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(failed)?;
    Ok((status, serde_json::from_slice(&body).ok()))
}

impl Explained {
    fn text(&self, caller: &CallerName) -> String {
        let mut lines =
            vec![format!("{} {} by the caller {caller}", self.told.method, self.told.target), String::new()];
        let understanding = narrate::understanding(&self.told);
        if understanding.is_empty() {
            lines.push("Nothing is dropped or normalised.".into());
        }
        lines.extend(understanding);
        lines.push(String::new());
        if self.before.is_empty() {
            lines.push("No call to Keycloak.".into());
        } else {
            lines.push("Keycloak calls, below its admin/realms/{realm}/:".into());
            lines.extend(self.before.iter().map(|made| narrate::call(made, 2, pretty)));
        }
        if !self.after.is_empty() {
            lines.push("and after the answer:".into());
            lines.extend(self.after.iter().map(|made| narrate::call(made, 2, pretty)));
        }
        lines.push(String::new());
        lines.push(format!("The answer would be {}", narrate::status_text(self.status)));
        if let Some(body) = &self.body {
            lines.push(pretty(body));
        }
        lines.push(String::new());
        lines.push(
            "Nothing was changed. Names and addresses that are taken are foreseen, what Keycloak's user profile would refuse \
             is not; ids of what would be new are made up."
                .into(),
        );
        lines.join("\n") + "\n"
    }

    fn json(&self, caller: &CallerName) -> String {
        let calls = |calls: &[Made], after_answer: bool| {
            calls.iter().map(move |made| call_json(made, after_answer)).collect::<Vec<_>>()
        };
        let dropped: Vec<Value> = self
            .told
            .dropped
            .iter()
            .map(|dropped| json!({ "name": dropped.name, "reason": dropped.why.reason() }))
            .collect();
        let normalised: Vec<Value> = self
            .told
            .normalised
            .iter()
            .map(|found| json!({ "path": found.path, "sent": found.sent, "plain": found.plain }))
            .collect();
        let calls = [calls(&self.before, false), calls(&self.after, true)].concat();
        let explained = json!({
            "method": self.told.method,
            "target": self.told.target,
            "caller": caller.as_ref(),
            "dropped": dropped,
            "normalised": normalised,
            "calls": calls,
            "answer": { "status": self.status, "body": self.body },
        });
        format!("{explained:#}\n")
    }
}

fn pretty(body: &Value) -> String {
    format!("{body:#}")
}

fn call_json(made: &Made, after_answer: bool) -> Value {
    let (status, failure) = match &made.result {
        CallResult::Answered(status) | CallResult::Foreseen(status) => (Some(*status), None),
        CallResult::Failed(reason) => (None, Some(reason.clone())),
        CallResult::Planned => (None, None),
    };
    let sent = !matches!(made.result, CallResult::Planned | CallResult::Foreseen(_));
    json!({
        "method": made.method.as_str(),
        "url": made.url.as_str(),
        "body": made.body,
        "sent": sent,
        "status": status,
        "failure": failure,
        "after_answer": after_answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_name_the_realm_or_not() {
        for (path, realm, rest) in [
            ("/Users", None, "/Users"),
            ("Users/7?attributes=id", None, "/Users/7?attributes=id"),
            ("/realms/acme/scim/v2/Users", Some("acme"), "/Users"),
            ("/realms/a%20b/scim/v2/Users/7", Some("a b"), "/Users/7"),
            ("https://scim.example.com/x/realms/acme/scim/v2/Users", Some("acme"), "/Users"),
            ("https://scim.example.com", None, "/"),
            (
                "/Users?filter=profileUrl eq \"https://a.example/x\"",
                None,
                "/Users?filter=profileUrl eq \"https://a.example/x\"",
            ),
            (
                "/Users?filter=id eq \"/realms/x/scim/v2/y\"",
                None,
                "/Users?filter=id eq \"/realms/x/scim/v2/y\"",
            ),
            ("/realms/acme/scim/v2/Users?count=0", Some("acme"), "/Users?count=0"),
        ] {
            assert_eq!(split_path(path), (realm.map(str::to_owned), rest.to_owned()), "{path}");
        }
    }

    #[test]
    fn a_path_may_name_an_organization() {
        for (rest, organization) in [
            ("/organizations/contoso/Users?count=1", Some("contoso")),
            ("/organizations/con%2Dtoso", Some("con-toso")),
            ("/Users/organizations/contoso", None),
            ("/Users", None),
        ] {
            assert_eq!(organization_of(rest).as_deref(), organization, "{rest}");
        }
    }

    #[test]
    fn the_only_one_need_not_be_named() {
        let name = String::as_str;
        let (one, two) = (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(one_of("realm", "--realm", one.iter(), None, name).unwrap(), "a");
        assert_eq!(one_of("realm", "--realm", two.iter(), Some("b"), name).unwrap(), "b");
        let many = one_of("realm", "--realm", two.iter(), None, name).unwrap_err().to_string();
        assert_eq!(many, "say which realm with --realm: a, b");
        let none = one_of("realm", "--realm", one.iter(), Some("c"), name).unwrap_err().to_string();
        assert_eq!(none, "the configuration has no realm c; it has a");
    }
}
