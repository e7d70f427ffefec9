//! Plans of several writes: cut off between any two calls they are carried on, or completed by the client's retry.

use std::fs;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::change::Change;
use super::stage::{Stage, patch, person, until};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway, with_key};
use crate::proxy::{Call, Held, Point, Proxy};
use crate::runner::{both, trial};
use crate::scim::Answer;

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("plans::hanging_up_does_not_cut_a_create", || hanging_up(Change::Create)),
        both("plans::hanging_up_does_not_cut_a_replacement", || hanging_up(Change::Replace)),
        both("plans::hanging_up_does_not_cut_a_deletion", || hanging_up(Change::Delete)),
        both("plans::a_killed_create_is_completed_by_lookup_and_update", || killed_create(Retry::Lookup)),
        both("plans::a_killed_create_is_completed_by_creating_again", || killed_create(Retry::Create)),
        both("plans::a_killed_create_is_completed_by_a_sweep", killed_create_swept),
        both("plans::lost_answers_of_a_create_are_made_good", || lost_answers(Change::Create)),
        both("plans::lost_answers_of_a_deletion_are_made_good", || lost_answers(Change::Delete)),
        both("plans::a_create_that_never_arrived_can_be_repeated", never_arrived),
        both("plans::one_of_two_identical_creates_wins", identical_creates),
        both("plans::one_of_two_identical_creates_through_two_gateways_wins", identical_creates_apart),
        both("plans::parallel_patches_lose_nothing", parallel_patches),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    trials.extend([
        trial("plans::hanging_up_does_not_cut_a_deactivation", || hanging_up(Change::Deactivate)),
        trial("plans::hanging_up_does_not_cut_a_reactivation", || hanging_up(Change::Reactivate)),
        trial("plans::a_killed_deactivation_is_completed_by_repeating_it", killed_deactivation),
        trial("plans::lost_answers_of_a_deactivation_are_made_good", || lost_answers(Change::Deactivate)),
        trial("plans::reactivation_ends_sessions_first", reactivation_order),
    ]);
    trials
}

/// A stage whose gateway reaches Keycloak through a proxy, and makes no calls of its own after its first sweep.
struct Staged {
    stage: Stage,
    proxy: Proxy,
}

/// Which calls are a plan's.
fn is_plans(_: &Method, path: &str) -> bool {
    path.starts_with("/admin/")
}

impl Staged {
    async fn new() -> Self {
        let proxy = Proxy::start(admin().await.url()).await;
        let stage = Stage::with("plans", Auth::Token, |realm, prepared| {
            let prepared = prepared.set(&["realms", realm, "sweep_interval"], "1h");
            prepared.set(&["log", "level"], "info,scimgate=debug").via(&proxy)
        })
        .await;
        let staged = Self { stage, proxy };
        staged.first_sweep(0).await;
        Change::set_up(&staged.stage).await;
        staged
    }

    fn sweeps(&self) -> usize {
        self.stage.gateway.log().matches(" swept").count()
    }

    /// The one that a gateway begins with; `before` it there were so many.
    async fn first_sweep(&self, before: usize) {
        until("the gateway's first sweep", async || self.sweeps() > before).await;
    }

    async fn send(&self, change: Change, id: &str, name: &str) -> Answer {
        let scim = self.stage.scim.with_header("x-request-id", name);
        let (method, path, body) = change.request(id, name);
        scim.raw(method, &path, Some("application/scim+json"), body.to_string()).await
    }

    /// How many calls the change takes, what follows its answer included.
    async fn calls(&self, change: Change) -> usize {
        let id = change.prepare(&self.stage, "first").await;
        self.send(change, &id, "first").await.expect(change.status());
        self.complete(change, "first").await;
        let calls = self.proxy.count(|call| call.request_id.as_deref() == Some("first"));
        assert!(calls >= 2, "{calls} calls");
        calls
    }

    async fn complete(&self, change: Change, name: &str) {
        let what = format!("the state of {name} is complete");
        until(&what, async || change.is_complete(&self.stage, name).await).await;
    }

    /// Sends the change and comes back while its `n`th call is held; the request goes on in the background.
    async fn send_and_hold(&self, change: Change, name: &str, n: usize, point: Point) -> (Held, Request) {
        let id = change.prepare(&self.stage, name).await;
        let mut held = self.proxy.on(is_plans).nth(n).hold(point);
        let scim = self.stage.scim.with_header("x-request-id", name);
        let (method, path, body) = change.request(&id, name);
        let uri = format!("{}{path}", scim.base_url());
        let token = self.stage.gateway.prepared().printed("token").to_owned();
        // A client of its own, so that dropping it closes the connection.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, uri).bearer_auth(token).header("x-request-id", name);
        let request = request.header("content-type", "application/scim+json").body(body.to_string());
        let request = tokio::spawn(async move {
            let _ = request.send().await;
        });
        held.reached().await;
        (held, request)
    }

    /// Kills the gateway while the change's `n`th call is held, and serves again. Held before Keycloak, the call
    /// never gets there.
    async fn kill_at(&mut self, change: Change, name: &str, n: usize, point: Point) {
        let (held, request) = self.send_and_hold(change, name, n, point).await;
        let sweeps = self.sweeps();
        self.stage.gateway.kill();
        held.drop_connection();
        request.abort();
        self.stage.gateway.restart().await;
        self.first_sweep(sweeps).await;
    }
}

type Request = tokio::task::JoinHandle<()>;

const POINTS: [Point; 2] = [Point::BeforeKeycloak, Point::AfterKeycloak];

/// A name for a round, which is the request's id as well.
fn round(n: usize, point: Point) -> String {
    match point {
        Point::BeforeKeycloak => format!("before{n}"),
        Point::AfterKeycloak => format!("after{n}"),
    }
}

async fn hanging_up(change: Change) {
    let staged = Staged::new().await;
    for n in 1..=staged.calls(change).await {
        let name = round(n, Point::BeforeKeycloak);
        let (held, request) = staged.send_and_hold(change, &name, n, Point::BeforeKeycloak).await;
        request.abort();
        let _ = request.await;
        let logged = format!("request_id=\"{name}\"");
        until("the gateway notices", async || {
            staged.stage.gateway.log().lines().any(|line| line.contains(" request") && line.contains(&logged))
        })
        .await;
        held.release();
        staged.complete(change, &name).await;
    }
    let noticed = staged.stage.gateway.log().matches("request whose client hung up").count();
    assert!(noticed >= 2, "clients hung up in the middle of {noticed} requests only");
}

/// How a client goes on after a create without answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// As Okta does: a lookup, then an update of what it finds, or a create.
    Lookup,
    /// By the same create again.
    Create,
}

async fn killed_create(retry: Retry) {
    let mut staged = Staged::new().await;
    let calls = staged.calls(Change::Create).await;
    for point in POINTS {
        for n in 1..=calls {
            let name = round(n, point);
            staged.kill_at(Change::Create, &name, n, point).await;
            let stage = &staged.stage;
            let mut found = match retry {
                Retry::Lookup => stage.looked_up(&name).await,
                Retry::Create => Vec::new(),
            };
            if found.is_empty() {
                let again = staged.send(Change::Create, "", &name).await;
                if again.status == 409 {
                    // Finished but for its answer: then it must be in sight.
                    again.scim_error(409, Some("uniqueness"));
                    assert_eq!(
                        retry,
                        Retry::Create,
                        "invisible to the lookup and a 409 to the create: {again}"
                    );
                    found = stage.looked_up(&name).await;
                    assert_eq!(found.len(), 1, "a 409, but the lookup of {name} finds {found:?}");
                } else {
                    let id = again.expect(201).id();
                    assert_eq!(stage.looked_up(&name).await, [id]);
                }
            }
            for id in found {
                let body = Change::Create.request("", &name).2;
                stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
            }
            staged.complete(Change::Create, &name).await;
        }
    }
}

/// The client never comes back: role and mark are the sweep's, once no create can be going on any more.
async fn killed_create_swept() {
    let mut staged = Staged::new().await;
    let calls = staged.calls(Change::Create).await;
    let mut names = Vec::new();
    for point in POINTS {
        for n in 1..=calls {
            let name = round(n, point);
            staged.kill_at(Change::Create, &name, n, point).await;
            if staged.stage.realm.user_by_username(&name).await.is_some() {
                names.push(name);
            }
        }
    }
    assert_eq!(names.len(), 2 * calls - 1, "only the create that never arrived made nobody");
    let config = staged.stage.gateway.prepared().config();
    let path = ["realms", staged.stage.realm.name(), "sweep_interval"];
    let changed = with_key(&fs::read_to_string(&config).unwrap(), &path, "1s".into());
    fs::write(&config, changed).unwrap();
    staged.stage.gateway.restart().await;
    for name in &names {
        staged.complete(Change::Create, name).await;
    }
    names.push("first".into());
    names.sort();
    assert_eq!(staged.stage.listed().await, names);
}

async fn killed_deactivation() {
    let mut staged = Staged::new().await;
    let calls = staged.calls(Change::Deactivate).await;
    for point in POINTS {
        for n in 1..=calls {
            let name = round(n, point);
            staged.kill_at(Change::Deactivate, &name, n, point).await;
            let id = &staged.stage.looked_up(&name).await[0];
            let again = staged.send(Change::Deactivate, id, &name).await.expect(200);
            assert_eq!(again.json()["active"], false);
            assert!(Change::Deactivate.is_complete(&staged.stage, &name).await, "{name}");
        }
    }
}

/// Keycloak did what was asked, and the connection broke before its answer.
async fn lost_answers(change: Change) {
    let staged = Staged::new().await;
    for n in 1..=staged.calls(change).await {
        let name = round(n, Point::AfterKeycloak);
        let id = change.prepare(&staged.stage, &name).await;
        staged.proxy.on(is_plans).nth(n).drop_connection(Point::AfterKeycloak);
        staged.send(change, &id, &name).await.expect(change.status());
        staged.complete(change, &name).await;
    }
}

async fn never_arrived() {
    let staged = Staged::new().await;
    staged
        .proxy
        .on(|method, path| method == Method::POST && path.ends_with("/users"))
        .drop_connection(Point::BeforeKeycloak);
    let answer = staged.send(Change::Create, "", "bob").await;
    answer.scim_error(503, None);
    let seconds = answer.header("retry-after").unwrap_or_default();
    assert!(seconds.parse::<u32>().is_ok(), "Okta takes whole seconds only: {answer}");
    assert_eq!(staged.stage.looked_up("bob").await, [""; 0]);
    staged.send(Change::Create, "", "bob").await.expect(201);
    staged.complete(Change::Create, "bob").await;
}

/// What an old token could still do must be over when the user may sign in again.
async fn reactivation_order() {
    let staged = Staged::new().await;
    let stage = &staged.stage;
    let id = Change::Reactivate.prepare(stage, "bob").await;
    let write = |method: &Method, path: &str| method == Method::PUT && path.contains("/users/");
    let mut held = staged.proxy.on(write).hold(Point::BeforeKeycloak);
    let request = async {
        staged.send(Change::Reactivate, &id, "bob").await.expect(200);
    };
    let look = async {
        held.reached().await;
        assert_eq!(stage.stored(&id).await["enabled"], false);
        assert!(!Change::has_sessions(stage, &id).await, "no session is left before the user is enabled");
        held.release();
    };
    tokio::join!(request, look);
    assert_eq!(stage.stored(&id).await["enabled"], true);
}

async fn identical_creates() {
    let staged = Staged::new().await;
    let stage = &staged.stage;
    for n in 1..=5 {
        let body = person(&format!("bob{n}"));
        let (one, other) = tokio::join!(stage.scim.post("/Users", &body), stage.scim.post("/Users", &body));
        one_wins(stage, &format!("bob{n}"), one, other).await;
    }
    // The same, with the first one between its two calls.
    let mut held = staged.proxy.on(maps_role).hold(Point::BeforeKeycloak);
    let first = staged.send(Change::Create, "", "bob");
    let second = async {
        held.reached().await;
        let mut second = pin!(staged.send(Change::Create, "", "bob"));
        let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
        assert!(early.is_err(), "answered before the first one was done: {}", early.unwrap());
        held.release();
        second.await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 201, "{first}");
    one_wins(stage, "bob", first, second).await;
}

fn maps_role(method: &Method, path: &str) -> bool {
    method == Method::POST && path.ends_with("/role-mappings/realm")
}

/// Two processes share no lock.
async fn identical_creates_apart() {
    let staged = Staged::new().await;
    let stage = &staged.stage;
    let other_gateway = Gateway::setup(&stage.realm, Auth::Token).await.via(&staged.proxy).serve().await;
    let other_scim = other_gateway.scim().await.with_header("x-request-id", "second");
    for n in 1..=5 {
        let body = person(&format!("bob{n}"));
        let (one, other) = tokio::join!(stage.scim.post("/Users", &body), other_scim.post("/Users", &body));
        one_wins(stage, &format!("bob{n}"), one, other).await;
    }
    // The same, with the first one between its two calls when the second one meets its user.
    staged.proxy.drain();
    let mut held = staged.proxy.on(maps_role).hold(Point::BeforeKeycloak);
    let first = staged.send(Change::Create, "", "bob");
    let body = Change::Create.request("", "bob").2;
    let second = async {
        held.reached().await;
        let mut second = pin!(other_scim.post("/Users", &body));
        // It was told that the name is taken, and has looked at who holds it.
        let is_look = |call: &Call| {
            call.request_id.as_deref() == Some("second")
                && call.path.ends_with("/role-mappings/realm")
                && call.status == Some(200)
        };
        tokio::select! {
            answer = &mut second => panic!("answered before the first one was done: {answer}"),
            () = until("the second one meets the user", async || staged.proxy.count(is_look) > 0) => {}
        }
        held.release();
        second.await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 201, "{first}");
    one_wins(stage, "bob", first, second).await;
}

async fn one_wins(stage: &Stage, name: &str, one: Answer, other: Answer) {
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    let id = won.expect(201).id();
    lost.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.looked_up(name).await, std::slice::from_ref(&id));
    assert_eq!(stage.realm.user_by_username(name).await.unwrap()["id"], id.as_str());
    until("the winner is complete", async || Change::Create.is_there(stage, name).await).await;
}

async fn parallel_patches() {
    let stage = Stage::new("plans").await;
    let id = stage.create("bob").await;
    for round in 1..=3 {
        let changes: Vec<(&str, Value)> = [
            "title",
            "displayName",
            "nickName",
            "userType",
            "locale",
            "timezone",
            "preferredLanguage",
            "externalId",
            "profileUrl",
        ]
        .into_iter()
        .map(|name| (name, json!(format!("{name} of round {round}"))))
        .collect();
        let patches = changes.iter().map(|(name, value)| {
            let body = patch(&json!([{ "op": "replace", "path": name, "value": value }]));
            let path = format!("/Users/{id}");
            let scim = stage.scim.clone();
            async move { scim.patch(&path, &body).await.expect(200) }
        });
        join_all(patches).await;
        let user = stage.scim.get(&format!("/Users/{id}")).await.expect(200);
        for (name, value) in &changes {
            assert_eq!(&user.json()[name], value, "{name}: {user}");
        }
    }
}
