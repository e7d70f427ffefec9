//! `User.groups`: read-only, true, and no part of the user's version.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::scene::{at, stage_with};
use crate::admin::admin;
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::memberships::a_user_shows_groups_direct_and_indirect", shown),
        both("groups::memberships::lists_show_them_where_they_are_asked_for", lists),
        both("groups::memberships::users_are_filtered_by_them_and_groups_by_members", filters),
        both("groups::memberships::an_echo_in_a_put_changes_nothing", echo),
        both("groups::memberships::the_users_version_does_not_move_with_them", version),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `Tour Guides` with babs in it, within `Staff`; and groups of hers that are not managed.
async fn staff(stage: &Stage) -> (String, String, String) {
    let babs = stage.create("babs@example.com").await;
    let guides = stage.push("Tour Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&guides]).await;
    for (name, above) in [("By hand", None), ("Guests", Some(staff.as_str()))] {
        let foreign = stage.realm.group_by_hand(name, above).await;
        stage.realm.join(&babs, &foreign).await;
    }
    stage.groups_settled().await;
    (babs, guides, staff)
}

fn membership(stage: &Stage, id: &str, display: &str, kind: &str) -> Value {
    let url = format!("{}/Groups/{id}", stage.scim.base_url());
    json!({ "value": id, "$ref": url, "display": display, "type": kind })
}

async fn shown() {
    let stage = Stage::new("groups").await;
    let (babs, guides, staff) = staff(&stage).await;
    let direct = membership(&stage, &guides, "Tour Guides", "direct");
    let indirect = membership(&stage, &staff, "Staff", "indirect");
    assert_eq!(stage.read(&babs).await["groups"], json!([direct, indirect]));

    // In the group itself as well: direct, and told once.
    let add = patch(&json!([{ "op": "add", "path": "members", "value": [{ "value": babs }] }]));
    stage.scim.patch(&at(&staff), &add).await.expect(200);
    let both = stage.read(&babs).await["groups"].clone();
    let direct_too = membership(&stage, &staff, "Staff", "direct");
    assert_eq!(both.as_array().unwrap().len(), 2, "{both}");
    assert!([&direct, &direct_too].iter().all(|group| both.as_array().unwrap().contains(group)), "{both}");

    // Out of the inner group, then without it: nothing implies a membership any more.
    let remove = patch(&json!([{ "op": "remove", "path": "members", "value": [{ "value": babs }] }]));
    stage.scim.patch(&at(&guides), &remove).await.expect(200);
    assert_eq!(stage.read(&babs).await["groups"], json!([direct_too]));
    stage.scim.patch(&at(&staff), &remove).await.expect(200);
    assert_eq!(stage.read(&babs).await.get("groups"), None, "groups of others are nobody's business");
    let kept = stage.realm.get(&format!("/users/{babs}/groups")).await;
    assert_eq!(kept.as_array().unwrap().len(), 2, "and stay as they are: {kept}");
}

async fn lists() {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(&[], async |_| {}, |_, prepared| prepared.via(&proxy)).await;
    let (babs, guides, staff) = staff(&stage).await;
    stage.create("cain@example.com").await;
    let all = json!([
        membership(&stage, &guides, "Tour Guides", "direct"),
        membership(&stage, &staff, "Staff", "indirect"),
    ]);
    for query in ["attributes=userName,groups", "attributes=groups,userName&filter=userName+sw+%22%22"] {
        let listed = stage.scim.get(&format!("/Users?{query}")).await;
        let [first, second] = listed.resources() else { panic!("{listed}") };
        assert_eq!((&first["userName"], &first["groups"]), (&json!("babs@example.com"), &all), "{query}");
        assert_eq!(
            (&second["userName"], second.get("groups")),
            (&json!("cain@example.com"), None),
            "{query}"
        );
    }
    let parts = stage.scim.get(&format!("/Users/{babs}?attributes=groups.display")).await.expect(200);
    let displays: Vec<&Value> = parts.json()["groups"].as_array().unwrap().iter().collect();
    assert_eq!(displays, [&json!({ "display": "Tour Guides" }), &json!({ "display": "Staff" })]);

    // They cost a call for each user: who does not ask for them in a list does not pay.
    proxy.drain();
    let listed = stage.scim.get("/Users").await;
    assert!(listed.resources().iter().all(|user| user.get("groups").is_none()), "{listed}");
    let without = stage.scim.get(&format!("/Users/{babs}?excludedAttributes=groups")).await.expect(200);
    assert_eq!(without.json().get("groups"), None);
    let few = stage.scim.get(&format!("/Users/{babs}?attributes=userName")).await.expect(200);
    assert_eq!(few.json().get("groups"), None);
    assert_eq!(proxy.count(|call| call.path.contains("/groups?")), 0);
    assert_eq!(stage.read(&babs).await["groups"], all);
    assert!(
        proxy.count(|call| call.path.contains("/groups?")) > 0,
        "the proxy sees such calls where there are any"
    );
}

async fn filters() {
    let stage = Stage::new("groups").await;
    let (babs, guides, staff) = staff(&stage).await;
    for group in [&guides, &staff] {
        let answer = stage.scim.list("Users", &format!("groups.value eq \"{group}\""), "").await;
        assert_eq!(
            answer.resources().iter().map(|user| &user["id"]).collect::<Vec<_>>(),
            [&babs],
            "{answer}"
        );
    }
    assert_eq!(stage.found_groups(&format!("members eq \"{babs}\"")).await, [guides.as_str()]);
    assert_eq!(stage.found_groups(&format!("members.value eq \"{guides}\"")).await, [staff.as_str()]);
}

/// Okta's custom apps PUT what they GET, the groups too.
async fn echo() {
    let stage = Stage::new("groups").await;
    let (babs, guides, staff) = staff(&stage).await;
    let read = stage.read(&babs).await;
    let state = stage.realm.whole_state().await;
    let put = stage.scim.put(&format!("/Users/{babs}"), &read).await.expect(200);
    assert_eq!(put.json()["meta"], read["meta"]);
    // Stale, foreign, garbled: whatever stands there is no word about memberships.
    for groups in [
        json!([]),
        json!([{ "value": staff, "type": "direct" }]),
        json!([{ "value": "nobody" }]),
        Value::Null,
    ] {
        let mut body = read.clone();
        body["groups"] = groups.clone();
        stage.scim.put(&format!("/Users/{babs}"), &body).await.expect(200);
        assert_eq!(stage.read(&babs).await, read, "{groups}");
    }
    assert_eq!(stage.realm.whole_state().await, state);
    assert_eq!(stage.realm.members(&guides).await, [babs]);
}

async fn version() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs@example.com").await;
    stage.settled().await;
    let path = format!("/Users/{babs}");
    let before = stage.scim.get(&path).await.expect(200);
    let version = before.header("etag").unwrap().to_owned();
    let guides = stage.push("Tour Guides", &[&babs]).await;
    let after = stage.scim.get(&path).await.expect(200);
    assert_eq!(after.json()["groups"][0]["value"], guides);
    assert_eq!(after.header("etag"), Some(version.as_str()));
    assert_eq!(after.json()["meta"], before.json()["meta"]);
    // So a write that is bound to the version goes through, whoever joined the user to what in between.
    let title = patch(&json!([{ "op": "replace", "path": "title", "value": "Tour Guide" }]));
    stage.scim.with_header("if-match", &version).patch(&path, &title).await.expect(200);
}
