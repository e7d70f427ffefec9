//! Whatever goes wrong between any two calls of a change, the client's repetition of its request completes it, and nobody
//! loses a membership that it did not name.

use std::time::Duration;

use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{adding, at, group, removing, renaming, stage_with};
use crate::admin::admin;
use crate::backing::{self, Backing};
use crate::proxy::{Held, Point, Proxy};
use crate::runner::{both, trial};
use crate::scenarios::stage::{Stage, by_hand, until};
use crate::scim::Answer;

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("groups::faults::in_a_create", || each_call(Change::Create)),
        both("groups::faults::in_a_replacement", || each_call(Change::Replace)),
        both("groups::faults::in_a_rename_that_moves_roles", || each_call(Change::Rename)),
        both("groups::faults::in_a_deletion_with_groups_within", || each_call(Change::Delete)),
        both("groups::faults::hanging_up_does_not_cut_a_create", || hanging_up(Change::Create)),
        both("groups::faults::hanging_up_does_not_cut_a_replacement", || hanging_up(Change::Replace)),
        both("groups::faults::a_killed_create_is_completed_by_repeating_it", || killed(Change::Create)),
        both("groups::faults::a_killed_replacement_is_completed_by_repeating_it", || killed(Change::Replace)),
    ];
    let stand_in = [
        ("in_an_addition", Change::Add),
        ("in_a_removal", Change::Remove),
        ("in_an_adoption", Change::Adopt),
        ("in_a_move_in", Change::Nest),
        ("in_a_move_out", Change::Unnest),
        ("in_the_deletion_of_a_user", Change::DeleteUser),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    for (name, change) in stand_in {
        trials.push(trial(format!("stand_in::groups::faults::{name}"), move || {
            backing::on(Backing::StandIn, each_call(change))
        }));
    }
    for (name, change) in [
        ("a_killed_addition_is_completed_by_repeating_it", Change::Add),
        ("a_killed_rename_is_completed_by_repeating_it", Change::Rename),
        ("a_killed_deletion_is_completed_by_repeating_it", Change::Delete),
        ("a_killed_adoption_is_completed_by_repeating_it", Change::Adopt),
    ] {
        trials.push(trial(format!("stand_in::groups::faults::{name}"), move || {
            backing::on(Backing::StandIn, killed(change))
        }));
    }
    trials
}

/// A change of groups; each is asked for again until it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// With members, and a role that its name brings.
    Create,
    /// Of a group that Keycloak has already, with somebody in it.
    Adopt,
    /// By PATCH, of two members.
    Add,
    /// By PATCH, of two members.
    Remove,
    /// By PUT, with another name and other members.
    Replace,
    /// To a name that brings another role.
    Rename,
    /// Of a group into another one, with a user.
    Nest,
    /// Of a group out of another one, by PUT.
    Unnest,
    /// Of a group with another one in it.
    Delete,
    /// Of a user who is in two groups.
    DeleteUser,
}

/// What a round begins with: some people, and the groups that the change needs.
#[derive(Debug, Default)]
struct Round {
    babs: String,
    jane: String,
    adam: String,
    /// Of whom SCIM does not know.
    mallory: String,
    /// Which the change is about.
    id: String,
    /// Which the change is about as well.
    inner: String,
    /// The versions of the groups before.
    versions: Vec<(String, String)>,
}

impl Change {
    async fn prepare(self, staged: &Staged) -> Round {
        let stage = &staged.stage;
        let mut round = Round {
            babs: staged.person("babs").await,
            jane: staged.person("jane").await,
            adam: staged.person("adam").await,
            mallory: stage.realm.create_user(&by_hand("mallory")).await,
            ..Round::default()
        };
        let Round { babs, jane, adam, mallory, id, inner, .. } = &mut round;
        let (babs, jane, adam, mallory) = (&*babs, &*jane, &*adam, &*mallory);
        match self {
            Self::Create => {}
            Self::Adopt => {
                *id = stage.realm.group_by_hand("Engineering", None).await;
                for user in [babs, mallory] {
                    stage.realm.join(user, &*id).await;
                }
            }
            Self::Add => *id = stage.push("Guides", &[babs]).await,
            Self::Remove => *id = stage.push("Guides", &[babs, jane, adam]).await,
            Self::Replace => *id = stage.push("Guides", &[babs, adam]).await,
            Self::Rename => *id = stage.push("Engineering", &[babs]).await,
            Self::Nest => {
                *inner = stage.push("Guides", &[jane]).await;
                *id = stage.push("Staff", &[adam]).await;
            }
            Self::Unnest | Self::Delete => {
                *inner = stage.push("Guides", &[jane]).await;
                *id = stage.push("Staff", &[babs, &*inner]).await;
            }
            Self::DeleteUser => {
                *inner = stage.push("Guides", &[babs, jane]).await;
                *id = stage.push("Staff", &[babs]).await;
            }
        }
        if !round.id.is_empty() && self != Self::Adopt {
            stage.realm.join(&round.mallory, &round.id).await;
        }
        stage.groups_settled().await;
        for id in [&round.id, &round.inner] {
            if !id.is_empty() && self != Self::Adopt {
                let version = stage.pushed(id).await["meta"]["version"].as_str().unwrap().to_owned();
                round.versions.push((id.clone(), version));
            }
        }
        round
    }

    fn request(self, round: &Round) -> (Method, String, Value) {
        let Round { babs, jane, adam, id, inner, .. } = round;
        match self {
            Self::Create | Self::Adopt => {
                let mut body = group("Engineering", [babs, jane]);
                body["externalId"] = json!("e-1");
                (Method::POST, "/Groups".to_owned(), body)
            }
            Self::Add => (Method::PATCH, at(id), adding([jane, adam])),
            Self::Remove => (Method::PATCH, at(id), removing([babs, jane])),
            Self::Replace => (Method::PUT, at(id), group("Tour Guides", [jane, adam])),
            Self::Rename => (Method::PATCH, at(id), renaming("Support")),
            Self::Nest => (Method::PATCH, at(id), adding([inner, babs])),
            Self::Unnest => (Method::PUT, at(id), group("Staff", [babs])),
            Self::Delete => (Method::DELETE, at(id), json!({})),
            Self::DeleteUser => (Method::DELETE, format!("/Users/{babs}"), json!({})),
        }
    }

    /// The status of a success.
    fn status(self) -> u16 {
        match self {
            Self::Create | Self::Adopt => 201,
            Self::Delete | Self::DeleteUser => 204,
            _ => 200,
        }
    }

    /// May the repetition of a request be answered so, though the change is complete?
    fn is_told_done(self, again: &Answer) -> bool {
        match self {
            Self::Create | Self::Adopt => again.status == 409 && again.code() == Some(Code::GroupExists),
            Self::Delete | Self::DeleteUser => again.status == 404,
            _ => false,
        }
    }

    /// Name, place, roles and members of all groups, as they are to be.
    fn wanted(self, round: &Round) -> Vec<Kept> {
        let Round { babs, jane, adam, mallory, .. } = round;
        let one = |name: &str, above: Option<&str>, roles: &[&str], members: &[&String]| {
            let mut members: Vec<String> = members.iter().copied().cloned().collect();
            members.sort();
            Kept {
                name: name.to_owned(),
                above: above.map(str::to_owned),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                members,
            }
        };
        match self {
            Self::Create => vec![one("Engineering", None, &["developer"], &[babs, jane])],
            Self::Adopt => vec![one("Engineering", None, &["developer"], &[babs, jane, mallory])],
            Self::Add => vec![one("Guides", None, &[], &[babs, jane, adam, mallory])],
            Self::Remove => vec![one("Guides", None, &[], &[adam, mallory])],
            Self::Replace => vec![one("Tour Guides", None, &[], &[jane, adam, mallory])],
            Self::Rename => vec![one("Support", None, &["helper"], &[babs, mallory])],
            Self::Nest => vec![
                one("Guides", Some(&round.id), &[], &[jane]),
                one("Staff", None, &[], &[babs, adam, mallory]),
            ],
            Self::Unnest => {
                vec![one("Guides", None, &[], &[jane]), one("Staff", None, &[], &[babs, mallory])]
            }
            Self::Delete => vec![one("Guides", None, &[], &[jane])],
            Self::DeleteUser => {
                vec![one("Guides", None, &[], &[jane]), one("Staff", None, &[], &[mallory])]
            }
        }
    }
}

/// A group as Keycloak has it, as far as a change is about it.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    name: String,
    above: Option<String>,
    roles: Vec<String>,
    members: Vec<String>,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Status(u16),
    Lost(Point),
}

fn faults() -> Vec<Fault> {
    let lost = [Fault::Lost(Point::BeforeKeycloak), Fault::Lost(Point::AfterKeycloak)];
    match backing::current() {
        // What it does itself is all that counts there.
        Backing::Keycloak => lost.to_vec(),
        Backing::StandIn => [&[Fault::Status(500), Fault::Status(503)], &lost[..]].concat(),
    }
}

/// A stage whose gateway reaches Keycloak through a proxy, and makes no calls of its own after its first sweep.
struct Staged {
    stage: Stage,
    proxy: Proxy,
}

/// Which calls are a change's.
fn is_plans(_: &Method, path: &str) -> bool {
    path.starts_with("/admin/")
}

impl Staged {
    async fn new() -> Self {
        let proxy = Proxy::start(admin().await.url()).await;
        let roles = async |realm: &crate::admin::Realm| {
            for role in ["developer", "helper"] {
                realm.create_role(role).await;
            }
        };
        let stage = stage_with(&[("on_existing", "adopt".into())], roles, |realm, prepared| {
            prepared
                .set(&["realms", realm, "groups", "roles", "Engineering"], vec!["developer"])
                .set(&["realms", realm, "groups", "roles", "Support"], vec!["helper"])
                .set(&["realms", realm, "sweep_interval"], "1h")
                .set(&["log", "level"], "info,scimgate=debug")
                .via(&proxy)
        })
        .await;
        let staged = Self { stage, proxy };
        staged.first_sweep(0).await;
        staged
    }

    /// A managed user, as quickly as possible.
    async fn person(&self, username: &str) -> String {
        let mut user = by_hand(username);
        user["attributes"] = json!({ "scim.managed": ["realm"] });
        let id = self.stage.realm.create_user(&user).await;
        self.stage.realm.manage(&id).await;
        id
    }

    fn sweeps(&self) -> usize {
        self.stage.gateway.log().matches(" swept").count()
    }

    /// The one that a gateway begins with; `before` it there were so many.
    async fn first_sweep(&self, before: usize) {
        until("the gateway's first sweep", async || self.sweeps() > before).await;
    }

    async fn send(&self, change: Change, round: &Round, name: &str) -> Answer {
        let (method, path, body) = change.request(round);
        let scim = self.stage.scim.with_header("x-request-id", name);
        scim.raw(method, &path, Some("application/scim+json"), body.to_string()).await
    }

    /// How many calls the change takes, what follows its answer included.
    async fn calls(&self, change: Change) -> usize {
        let round = change.prepare(self).await;
        self.send(change, &round, "first").await.expect(change.status());
        self.complete(change, &round, "without a fault").await;
        let calls = self.proxy.count(|call| call.request_id.as_deref() == Some("first"));
        assert!(calls >= 3, "{calls} calls");
        self.clean(&round).await;
        calls
    }

    async fn kept(&self) -> Vec<Kept> {
        let realm = &self.stage.realm;
        let mut all = Vec::new();
        for group in realm.groups().await {
            let roles = group["realmRoles"].as_array().unwrap().iter();
            all.push(Kept {
                name: group["name"].as_str().unwrap().to_owned(),
                above: group["parentId"].as_str().map(str::to_owned),
                roles: roles.map(|role| role.as_str().unwrap().to_owned()).collect(),
                members: realm.members(group["id"].as_str().unwrap()).await,
            });
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Holds all that Keycloak has to what the change asks for. What goes on after an answer has some time.
    async fn complete(&self, change: Change, round: &Round, what: &str) {
        let wanted = change.wanted(round);
        let mut kept = self.kept().await;
        for _ in 0..100 {
            if kept == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            kept = self.kept().await;
        }
        assert_eq!(kept, wanted, "{what}");
        let user = self.stage.realm.user(&round.babs).await;
        assert_eq!(user.is_none(), change == Change::DeleteUser, "{what}");
    }

    /// A client that reads the group can name what it has read, and it is not what was before.
    async fn is_at_rest(&self, change: Change, round: &Round, what: &str) {
        for group in self.stage.scim.get("/Groups").await.resources() {
            let id = group["id"].as_str().unwrap();
            let read = async || self.stage.pushed(id).await["meta"]["version"].as_str().unwrap().to_owned();
            until(&format!("{what}: a version that stays"), async || read().await == read().await).await;
            let version = read().await;
            for (_, before) in round.versions.iter().filter(|(before, _)| before == id) {
                // A group that was only moved, or left alone, has not changed. That somebody is deleted is noted in groups when
                // it is done, and can't be asked for again.
                let is_changed = id == round.id && change != Change::DeleteUser;
                assert!(!is_changed || *before != version, "{what}: {group} has its old version");
            }
            let conditional = self.stage.scim.with_header("if-match", &version);
            let same = renaming(group["displayName"].as_str().unwrap());
            conditional.patch(&at(id), &same).await.expect(200);
        }
        self.stage.groups_settled().await;
    }

    async fn clean(&self, round: &Round) {
        let realm = &self.stage.realm;
        // Groups within others go with them.
        for group in realm.groups().await {
            let path = realm.of_groups(format_args!("/{}", group["id"].as_str().unwrap()));
            realm.call(Method::DELETE, &path, None).await;
        }
        for user in [&round.babs, &round.jane, &round.adam, &round.mallory] {
            realm.call(Method::DELETE, &format!("/users/{user}"), None).await;
        }
        self.proxy.drain();
    }

    fn break_call(&self, n: usize, fault: Fault) {
        let rule = self.proxy.on(is_plans).nth(n);
        match fault {
            Fault::Status(500) => rule.answer(500, &json!({ "error": "unknown_error" })),
            Fault::Status(status) => rule.answer_with(status, &[("content-type", "text/html")], "<html>"),
            Fault::Lost(point) => rule.drop_connection(point),
        }
    }

    /// Waits until the fault has come, or none can come any more: else it would be a reader's.
    async fn came(&self, what: &str) {
        until(&format!("{what}: the fault comes"), async || {
            self.proxy.waiting_rules() == 0 || self.stage.is_settled().await
        })
        .await;
        self.proxy.clear_rules();
    }

    /// Repeats a request that was not answered, or with an error, until it is done; it must be so at once.
    async fn again(&self, change: Change, round: &Round, what: &str) {
        let again = self.send(change, round, "again").await;
        assert!(again.status == change.status() || change.is_told_done(&again), "{what}: {again}");
    }

    /// Sends the change and comes back while its `n`th call is held; the request goes on in the background.
    async fn send_and_hold(
        &self,
        change: Change,
        round: &Round,
        n: usize,
        point: Point,
    ) -> (Held, tokio::task::JoinHandle<()>) {
        let mut held = self.proxy.on(is_plans).nth(n).hold(point);
        let (method, path, body) = change.request(round);
        let uri = format!("{}{path}", self.stage.scim.base_url());
        let token = self.stage.gateway.prepared().printed("token").to_owned();
        // A client of its own, so that dropping it closes the connection.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request =
            client.request(method, uri).bearer_auth(token).header("x-request-id", format!("held{n}"));
        let request = request.header("content-type", "application/scim+json").body(body.to_string());
        let request = tokio::spawn(async move {
            let _ = request.send().await;
        });
        held.reached().await;
        (held, request)
    }
}

/// One fault in each of the change's calls in turn, after the answer too.
async fn each_call(change: Change) {
    let staged = Staged::new().await;
    let calls = staged.calls(change).await;
    let mut refused = 0;
    for n in 1..=calls {
        for fault in faults() {
            let what = format!("{change:?}, call {n} of {calls}: {fault:?}");
            let round = change.prepare(&staged).await;
            staged.break_call(n, fault);
            let first = staged.send(change, &round, "first").await;
            if first.status == change.status() {
                staged.complete(change, &round, &what).await;
            } else {
                assert_eq!(first.status, 503, "{what}: {first}");
                refused += 1;
                staged.again(change, &round, &what).await;
                staged.complete(change, &round, &what).await;
            }
            staged.came(&what).await;
            staged.is_at_rest(change, &round, &what).await;
            staged.clean(&round).await;
        }
    }
    // A lost call is mostly made good within the request, where it may be repeated.
    assert!(backing::current() == Backing::Keycloak || refused >= calls / 2, "{refused} refused only");
}

/// The gateway dies between any two calls; the client, which has no answer, asks again.
async fn killed(change: Change) {
    let mut staged = Staged::new().await;
    let calls = staged.calls(change).await;
    for n in 1..=calls {
        for point in [Point::BeforeKeycloak, Point::AfterKeycloak] {
            let what = format!("{change:?}, killed at call {n} of {calls}, {point:?}");
            let round = change.prepare(&staged).await;
            let (held, request) = staged.send_and_hold(change, &round, n, point).await;
            let sweeps = staged.sweeps();
            staged.stage.gateway.kill();
            held.drop_connection();
            request.abort();
            staged.stage.gateway.restart().await;
            staged.first_sweep(sweeps).await;
            staged.again(change, &round, &what).await;
            staged.complete(change, &round, &what).await;
            staged.is_at_rest(change, &round, &what).await;
            staged.clean(&round).await;
        }
    }
}

/// The client goes away; the change goes on.
async fn hanging_up(change: Change) {
    let staged = Staged::new().await;
    let calls = staged.calls(change).await;
    let mut noticed = 0;
    for n in 1..=calls {
        let what = format!("{change:?}, hung up at call {n} of {calls}");
        let round = change.prepare(&staged).await;
        let (held, request) = staged.send_and_hold(change, &round, n, Point::BeforeKeycloak).await;
        request.abort();
        let _ = request.await;
        let logged = format!("request_id=\"held{n}\"");
        until("the gateway notices", async || {
            let log = staged.stage.gateway.log();
            let mut lines = log.lines().filter(|line| line.contains(" request") && line.contains(&logged));
            lines.next().is_some_and(|line| {
                noticed += usize::from(line.contains("request whose client hung up"));
                true
            })
        })
        .await;
        held.release();
        staged.complete(change, &round, &what).await;
        staged.is_at_rest(change, &round, &what).await;
        staged.clean(&round).await;
    }
    assert!(noticed >= 3, "clients hung up in the middle of {noticed} requests only");
}
