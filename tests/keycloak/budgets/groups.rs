//! The budgets of groups: what they cost by themselves, and that most of it is the same whoever is in them.

use futures_util::{StreamExt, stream};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{NOBODY, Watched};
use crate::runner::both;
use crate::scenarios::groups::scene::{GROUP, adding, at, group, members, removing, renaming, users};
use crate::scenarios::stage::by_hand;
use crate::scim::Answer;

pub fn trials() -> [[Trial; 2]; 3] {
    [
        both("budgets::group", alone),
        both("budgets::group_of_one", of_one),
        both("budgets::group_of_1200", of_1200),
    ]
}

async fn alone() {
    let mut watched = Watched::new("group").await;
    let scim = watched.scim();
    let [adam, babs] = [watched.person("adam").await, watched.person("babs").await];
    let empty =
        watched.measure("a new one without members", 201, scim.post("/Groups", &group("Drivers", []))).await;
    let body = group("Tour Guides", [&adam, &babs]);
    let guides = watched.measure("a new one with two members", 201, scim.post("/Groups", &body)).await;
    assert_eq!(members(guides.json()).len(), 2, "{guides}");
    watched.measure("a name that is taken", 409, scim.post("/Groups", &body)).await;
    let unknown = group("Pilots", [&babs, &"string id 1".to_owned()]);
    watched.measure("members whom nobody knows", 400, scim.post("/Groups", &unknown)).await;
    watched.measure("nobody's id", 404, scim.get(&NOBODY.replace("Users", "Groups"))).await;
    let unmanaged = watched.stage.realm.group_by_hand("Pilots", None).await;
    watched.measure("an unmanaged one", 404, scim.get(&at(&unmanaged))).await;
    watched.group("Managers", &[&babs]).await;
    watched.group("Staff", &[]).await;
    let without = scim.get("/Groups?startIndex=1&count=100&excludedAttributes=members");
    let answer = watched.measure("a list without members", 200, without).await;
    assert_eq!(answer.resources().len(), 4, "{answer}");
    let answer =
        watched.measure("a list with members", 200, scim.get("/Groups?startIndex=1&count=100")).await;
    assert_eq!(answer.resources().iter().map(|group| members(group).len()).sum::<usize>(), 3, "{answer}");
    let path = at(&empty.id());
    let echo = group("Drivers", []);
    watched.measure("PUT that changes nothing", 200, scim.put(&path, &echo)).await;
    let stale = scim.with_header("if-match", "W/\"1\"");
    watched.measure("PATCH of a stale version", 412, stale.patch(&path, &renaming("Pilots"))).await;
    watched.judge();
}

async fn of_one() {
    of_size(1, "group of one", "another member in its place", 200).await;
}

async fn of_1200() {
    of_size(1200, "group of 1,200", "another member in one's place", 204).await;
}

/// `patched` is the status of an answer to PATCH: larger groups are not shown.
async fn of_size(size: usize, section: &'static str, replaced: &str, patched: u16) {
    let mut watched = Watched::new(section).await;
    let id = with_members(&watched, size).await;
    let [adam, babs] = [watched.person("adam").await, watched.person("babs").await];
    of_its_size(&mut watched, &id, &adam, size, replaced).await;
    watched.turn_to("group of any size");
    any_size(&mut watched, &id, &babs, patched).await;
    watched.judge();
}

/// `Tour Guides` with so many members; gives the id.
///
/// They are put there by hand, with the attribute by which the gateway knows its users where it reads many: a create over
/// SCIM of each would take a minute.
async fn with_members(watched: &Watched, count: usize) -> String {
    let realm = &watched.stage.realm;
    let mut body = group("Tour Guides", []);
    body["externalId"] = EXTERNAL_ID.into();
    let id = watched.scim().post("/Groups", &body).await.expect(201).id();
    let id = id.as_str();
    let creates = (0..count).map(|number| async move {
        let mut user = by_hand(&format!("member-{number}"));
        user["attributes"] = json!({ "scim.managed": ["realm"] });
        realm.join(&realm.create_user(&user).await, id).await;
    });
    stream::iter(creates).buffer_unordered(8).collect::<Vec<()>>().await;
    assert_eq!(realm.members(id).await.len(), count);
    watched.quiet().await;
    id.to_owned()
}

const EXTERNAL_ID: &str = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159";

/// What costs the same with any number of members.
async fn any_size(watched: &mut Watched, id: &str, other: &String, patched: u16) {
    let scim = watched.scim();
    let path = at(id);
    let without = format!("{path}?excludedAttributes=members");
    watched.measure("read without members", 200, scim.get(&without)).await;
    let found = |answer: &Answer, count: usize| assert_eq!(answer.resources().len(), count, "{answer}");
    let list = async |filter: &str| {
        scim.list("Groups", filter, "&startIndex=1&count=100&excludedAttributes=members").await
    };
    let answer =
        watched.measure("looked up by displayName", 200, list("displayName eq \"tour guides\"")).await;
    found(&answer, 1);
    let by_external_id = format!("externalId eq \"{EXTERNAL_ID}\"");
    found(&watched.measure("looked up by externalId", 200, list(&by_external_id)).await, 1);

    let settled = async |watched: &mut Watched, operation: &str, body: &Value| {
        let answer = watched.measure(operation, patched, scim.patch(&path, body)).await;
        watched.stage.groups_settled().await;
        answer
    };
    let is_member = async || watched_members(&path, &scim).await.contains(other);
    for operation in ["one member added", "the same added once more"] {
        settled(watched, operation, &adding([other])).await;
        assert!(is_member().await, "{operation}");
    }
    let check = format!("id eq \"{id}\" and members eq \"{other}\"");
    found(&watched.measure("is this user a member?", 200, list(&check)).await, 1);
    let groups = format!("members eq \"{other}\"");
    found(&watched.measure("the groups of a member", 200, list(&groups)).await, 1);
    for operation in ["one member removed", "the same removed once more"] {
        settled(watched, operation, &removing([other])).await;
        assert!(!is_member().await, "{operation}");
    }
    settled(watched, "renamed", &renaming("Guides")).await;
    let body = json!({ "schemas": [GROUP], "displayName": "Drivers" });
    let put = scim.put(&without, &body);
    let answer = watched.measure("PUT without a word of members", 200, put).await;
    assert_eq!(answer.json()["displayName"], "Drivers");
    watched.stage.groups_settled().await;
    watched.measure("deleted", 204, scim.delete(&path)).await;
}

async fn watched_members(path: &str, scim: &crate::scim::Scim) -> Vec<String> {
    users(scim.get(path).await.expect(200).json())
}

/// What depends on how many they are.
async fn of_its_size(watched: &mut Watched, id: &str, other: &String, size: usize, replaced: &str) {
    let scim = watched.scim();
    let path = at(id);
    let answer = watched.measure("read", 200, scim.get(&path)).await;
    let mut ids = users(answer.json());
    assert_eq!(ids.len(), size);
    ids.pop();
    ids.push(other.clone());
    let answer = watched.measure(replaced, 200, scim.put(&path, &group("Tour Guides", &ids))).await;
    ids.sort();
    assert_eq!(users(answer.json()), ids);
    assert_eq!(watched.stage.realm.members(id).await, ids);
    watched.stage.groups_settled().await;
}
