//! Large groups: what differs is changed, and nothing else; several at once lose nothing; what takes too long for one
//! request is done in several.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{adding, at, group, refused, removing, stage, stage_with, users, values};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scenarios::stage::{Stage, by_hand, patch, until};

pub fn trials() -> Vec<Trial> {
    // A real Keycloak answers 500 to some of two writes of one group at once: one process serves a realm.
    let [_, two_gateways] = both("groups::size::two_gateways_at_once_lose_nobody", two_gateways);
    let trials = [
        both("groups::size::what_differs_is_changed_and_nothing_else", || large(1200)),
        both("groups::size::an_answer_holds_as_many_members_as_it_may", answers),
        both("groups::size::members_who_are_added_at_once_are_all_there", at_once),
        both("groups::size::identical_creates_at_once_make_one_group", identical_creates),
        both("groups::size::a_create_that_takes_too_long_is_completed_by_repeating_it", slow_create),
        both("groups::size::an_addition_that_takes_too_long_is_completed_by_repeating_it", slow_addition),
    ];
    trials.into_iter().flatten().chain([two_gateways]).collect()
}

/// So many users whom the gateway manages, made as quickly as possible.
async fn crowd(realm: &Realm, count: usize) -> Vec<String> {
    let role = json!([realm.get("/roles/scim-managed").await]);
    let role = &role;
    let creates = (0..count).map(|number| async move {
        let mut user = by_hand(&format!("user-{number:05}"));
        user["attributes"] = json!({ "scim.managed": [realm.index()] });
        let id = realm.create_user(&user).await;
        realm.post(&format!("/users/{id}/role-mappings/realm"), role).await;
        if let Some(organization) = realm.organization() {
            realm.add_member(organization, &id).await;
        }
        id
    });
    stream::iter(creates).buffered(8).collect().await
}

/// A stage whose gateway reaches Keycloak through a proxy, and makes no calls of its own after its first sweep.
async fn watched() -> (Stage, Proxy) {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(
        &[],
        async |_| {},
        |realm, prepared| {
            let prepared = prepared.set(&["realms", realm, "sweep_interval"], "1h");
            prepared.set(&["log", "level"], "info,scimgate=debug").via(&proxy)
        },
    )
    .await;
    until("the gateway's first sweep", async || stage.gateway.log().contains(" swept")).await;
    (stage, proxy)
}

fn sorted<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

/// How many joined and left since the last count, and how many other writes there were.
fn writes(proxy: &Proxy) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    for call in proxy.drain().iter().filter(|call| call.path.starts_with("/admin/")) {
        let is_membership = call.path.contains("/users/") && call.path.contains("/groups/");
        match (&call.method, is_membership) {
            (&Method::GET, _) => {}
            (&Method::PUT, true) => counts.0 += 1,
            (&Method::DELETE, true) => counts.1 += 1,
            _ => counts.2 += 1,
        }
    }
    counts
}

async fn large(size: usize) {
    let (stage, proxy) = watched().await;
    let realm = &stage.realm;
    let all = crowd(realm, size + 2).await;
    let (extra, all) = (&all[size..], &all[..size]);
    proxy.drain();

    let answer = stage.scim.post("/Groups", &group("Everybody", all)).await.expect(201);
    let id = answer.id();
    let path = at(&id);
    assert_eq!(users(answer.json()), sorted(all));
    stage.groups_settled().await;
    // One write makes the group, one says that all is done.
    assert_eq!(writes(&proxy), (size, 0, 2));
    // Each is there once, however many pages it took.
    assert_eq!(realm.members(&id).await, sorted(all));
    assert_eq!(users(&stage.pushed(&id).await), sorted(all));
    let listed = stage.scim.get("/Groups").await;
    assert_eq!(users(&listed.resources()[0]), sorted(all));

    let holds = async |members: &[&String], what: &str, expected: (usize, usize)| {
        stage.groups_settled().await;
        let (joined, left, others) = writes(&proxy);
        assert_eq!((joined, left), expected, "{what}");
        assert!(others <= 2, "{what}: {others} other writes");
        assert_eq!(realm.members(&id).await, sorted(members.iter().copied()), "{what}");
        proxy.drain();
    };
    let mut members: Vec<&String> = all.iter().collect();
    proxy.drain();
    stage.scim.patch(&path, &adding(&extra[..1])).await.expect(204);
    members.push(&extra[0]);
    holds(&members, "one more", (1, 0)).await;
    stage.scim.patch(&path, &removing([&all[size / 2]])).await.expect(204);
    members.remove(size / 2);
    holds(&members, "one less", (0, 1)).await;

    // One goes, two come.
    members.remove(0);
    members.extend([&all[size / 2], &extra[1]]);
    let answer = stage.scim.put(&path, &group("Everybody", members.iter().copied())).await.expect(200);
    assert_eq!(users(answer.json()), sorted(members.iter().copied()));
    holds(&members, "PUT that differs in three", (2, 1)).await;
    let replace = |members: &[&String]| {
        let members = values(members.iter().copied());
        patch(&json!([{ "op": "replace", "path": "members", "value": members }]))
    };
    let gone = members.swap_remove(3);
    let others = members.swap_remove(7);
    members.push(gone);
    members.push(&all[0]);
    stage.scim.patch(&path, &replace(&members)).await.expect(204);
    holds(&members, "PATCH that replaces one", (1, 1)).await;
    assert!(!members.contains(&others));
    // All of them once more, as Okta's Push Now does.
    let version = stage.pushed(&id).await["meta"]["version"].clone();
    stage.scim.patch(&path, &replace(&members)).await.expect(204);
    stage.scim.put(&path, &group("Everybody", members.iter().copied())).await.expect(200);
    holds(&members, "all once more", (0, 0)).await;
    assert_eq!(stage.pushed(&id).await["meta"]["version"], version);
    let rest = [members[5]];
    stage.scim.patch(&path, &replace(&rest)).await.expect(200);
    holds(&rest, "all but one go", (0, size)).await;
    stage.scim.delete(&path).await.expect(204);
    assert!(realm.user(&all[9]).await.is_some());
}

async fn answers() {
    for (most, shown_up_to) in [(3, 3), (0, 0)] {
        let stage = stage(&[("patch_response_members", most.into())], async |_| {}).await;
        let all = crowd(&stage.realm, 5).await;
        let id = stage.push("Guides", &[]).await;
        for (before, one) in all.iter().enumerate() {
            let count = before + 1;
            let answer = stage.scim.patch(&at(&id), &adding([one])).await;
            if shown_up_to > 0 && count <= shown_up_to {
                assert_eq!(users(answer.expect(200).json()), sorted(&all[..count]));
            } else {
                assert_eq!(answer.expect(204).body, None);
            }
        }
        // PUT and POST show all of it, whatever its size.
        let answer = stage.scim.put(&at(&id), &group("Guides", &all)).await.expect(200);
        assert_eq!(users(answer.json()), sorted(&all));
        assert_eq!(users(&stage.pushed(&id).await), sorted(&all));
        // A version comes with either.
        let answer = stage.scim.patch(&at(&id), &removing([&all[0]])).await.expect(204);
        let version = answer.header("etag").expect("an ETag").to_owned();
        assert_eq!(stage.pushed(&id).await["meta"]["version"], version.as_str());
    }
}

async fn at_once() {
    let stage = Stage::new("groups").await;
    let all = crowd(&stage.realm, 20).await;
    let id = stage.push("Guides", &[]).await;
    let path = at(&id);
    // The same, twice and eight times.
    for times in [2, 8] {
        let one = [&all[0]];
        let adds = (0..times).map(|_| async { stage.scim.patch(&path, &adding(one)).await.expect(200) });
        join_all(adds).await;
        assert_eq!(stage.realm.members(&id).await, [all[0].as_str()]);
        let removes = (0..times).map(|_| async { stage.scim.patch(&path, &removing(one)).await.expect(200) });
        join_all(removes).await;
        assert_eq!(stage.realm.members(&id).await, [""; 0]);
    }
    // Twenty different ones.
    let adds = all.iter().map(|one| {
        let (scim, path) = (&stage.scim, &path);
        async move { scim.patch(path, &adding([one])).await.expect(200) }
    });
    let answers = join_all(adds).await;
    assert_eq!(stage.realm.members(&id).await, sorted(&all));
    let versions: BTreeSet<&str> = answers.iter().filter_map(|answer| answer.header("etag")).collect();
    assert_eq!(versions.len(), 20, "each has a version of its own");
    // Some come, some go, and the name changes.
    let (go, stay) = all.split_at(10);
    let removes = go.iter().map(|one| {
        let (scim, path) = (&stage.scim, &path);
        async move { scim.patch(path, &removing([one])).await.expect(200) }
    });
    let renames = (0..5).map(|number| {
        let (scim, path) = (&stage.scim, &path);
        let body = super::scene::renaming(&format!("Guides {number}"));
        async move { scim.patch(path, &body).await.expect(200) }
    });
    tokio::join!(join_all(removes), join_all(renames));
    assert_eq!(stage.realm.members(&id).await, sorted(stay));
    assert_eq!(users(&stage.pushed(&id).await), sorted(stay));
    // One user into many groups at once.
    let groups = join_all((0..8).map(|number| {
        let stage = &stage;
        async move { stage.push(&format!("Group {number}"), &[]).await }
    }))
    .await;
    let joins =
        groups.iter().map(|id| async { stage.scim.patch(&at(id), &adding([&all[0]])).await.expect(200) });
    join_all(joins).await;
    assert_eq!(stage.groups_of(&all[0]).await.len(), 8);
}

/// Two processes share no lock.
async fn two_gateways() {
    let stage = Stage::new("groups").await;
    let other = Gateway::setup(&stage.realm, Auth::Token).await.serve().await;
    let other = other.scim().await;
    let all = crowd(&stage.realm, 12).await;
    let id = stage.push("Guides", &[]).await;
    let path = at(&id);
    let adds = all.iter().enumerate().map(|(number, one)| {
        // Each by both, and neighbours by different ones first.
        let pair = if number % 2 == 0 { [&stage.scim, &other] } else { [&other, &stage.scim] };
        let path = &path;
        async move {
            let body = adding([one]);
            tokio::join!(async { pair[0].patch(path, &body).await.expect(200) }, async {
                pair[1].patch(path, &body).await.expect(200)
            },)
        }
    });
    join_all(adds).await;
    assert_eq!(stage.realm.members(&id).await, sorted(&all));
    stage.groups_settled().await;
}

async fn identical_creates() {
    let stage = Stage::new("groups").await;
    let all = crowd(&stage.realm, 5).await;
    for round in 0..5 {
        let body = group(&format!("Guides {round}"), &all);
        let creates = (0..4).map(|_| async { stage.scim.post("/Groups", &body).await });
        let answers = join_all(creates).await;
        let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        let [made] = made[..] else { panic!("{} were made: {answers:?}", made.len()) };
        for answer in others {
            assert!(refused(answer, 409, Code::GroupExists).contains(&made.id()), "{answer}");
        }
        assert_eq!(stage.realm.members(&made.id()).await, sorted(&all));
        let filter = format!("displayName eq \"guides {round}\"");
        assert_eq!(stage.found_groups(&filter).await, [made.id()]);
    }
}

/// A stage where each join takes so long that a plan has no time for all of them.
async fn slow() -> (Stage, Proxy, Vec<String>) {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(
        &[],
        async |_| {},
        |realm, prepared| {
            let prepared = prepared.set(&["realms", realm, "sweep_interval"], "1h");
            prepared.set(&["realms", realm, "plan_timeout"], "2s").via(&proxy)
        },
    )
    .await;
    let all = crowd(&stage.realm, 190).await;
    let joins = |method: &Method, path: &str| method == Method::PUT && path.contains("/users/");
    proxy.on(joins).always().delay(Duration::from_millis(100));
    (stage, proxy, all)
}

/// Sends the request until it is done; each try but the last finds that it takes too long.
async fn repeat(stage: &Stage, (method, path, body): (Method, &str, &Value), status: u16) -> usize {
    for tries in 1..=40 {
        let answer =
            stage.scim.raw(method.clone(), path, Some("application/scim+json"), body.to_string()).await;
        if answer.status == status {
            return tries;
        }
        refused(&answer, 503, Code::TimedOut);
    }
    panic!("still not done after forty tries");
}

async fn slow_create() {
    let (stage, proxy, all) = slow().await;
    let body = group("Guides", &all);
    let tries = repeat(&stage, (Method::POST, "/Groups", &body), 201).await;
    assert!(tries > 1, "it was to take too long");
    proxy.clear_rules();
    let [id] = &stage.found_groups("displayName eq \"Guides\"").await[..] else { panic!("not one group") };
    assert_eq!(stage.realm.members(id).await, sorted(&all));
    assert_eq!(users(&stage.pushed(id).await), sorted(&all));
}

async fn slow_addition() {
    let (stage, proxy, all) = slow().await;
    let id = stage.push("Guides", &[&all[0]]).await;
    let body = adding(&all[1..]);
    let tries = repeat(&stage, (Method::PATCH, &at(&id), &body), 200).await;
    assert!(tries > 1, "it was to take too long");
    proxy.clear_rules();
    assert_eq!(stage.realm.members(&id).await, sorted(&all));
    // A replacement knows who is there anyway.
    proxy
        .on(|method: &Method, path: &str| method == Method::DELETE && path.contains("/users/"))
        .always()
        .delay(Duration::from_millis(100));
    let body = group("Guides", &all[..1]);
    let tries = repeat(&stage, (Method::PUT, &at(&id), &body), 200).await;
    assert!(tries > 1, "it was to take too long");
    assert_eq!(stage.realm.members(&id).await, sorted(&all[..1]));
}
