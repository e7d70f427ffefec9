//! Okta's Push Groups, word for word: both kinds of apps, Push Now, rename, unlink and re-link, import.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::scene::{GROUP, at, group, members, stage, users};
use super::shown::{member, names, settled_group, sorted};
use crate::runner::everywhere;
use crate::scenarios::stage::{Stage, patch, written};
use crate::scim::{Answer, PATCH};

pub fn trials() -> Vec<Trial> {
    [
        everywhere("groups::okta::aiw_pushes_a_group_and_follows_its_members", aiw),
        everywhere("groups::okta::aiw_puts_an_echo_without_changing_anything", aiw_echo),
        everywhere("groups::okta::members_that_are_null_are_no_word_about_members", null_members),
        everywhere("groups::okta::oin_renames_with_the_id_in_the_value", oin_rename),
        everywhere("groups::okta::oin_removes_and_adds_in_one_request", oin_members),
        everywhere("groups::okta::push_now_replaces_the_members", push_now),
        everywhere("groups::okta::oin_empties_a_group", empty),
        everywhere("groups::okta::a_patch_of_a_large_group_is_204", large),
        everywhere("groups::okta::no_patch_shows_a_group_where_none_shall", never_shown),
        everywhere("groups::okta::a_lookup_finds_one_group_of_the_name", one_hit),
        everywhere("groups::okta::an_unlinked_group_is_linked_again", relink),
        everywhere("groups::okta::rename_app_groups_takes_oktas_name", rename_app_groups),
        everywhere("groups::okta::import_pages_hold_every_group_once", import),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The lookup by name that comes before everything else.
async fn lookup(stage: &Stage, name: &str) -> Answer {
    stage.scim.list("Groups", &format!("displayName eq \"{name}\""), "&startIndex=1&count=100").await
}

/// What Okta names a member with.
fn pushed(id: &str, user_name: &str) -> Value {
    json!({ "value": id, "display": user_name })
}

/// Rename and membership as the catalogue's apps send them: the rename comes with every change of the members.
async fn patch_oin(stage: &Stage, id: &str, name: &str, operations: &Value) -> Answer {
    let rename = json!([{ "op": "replace", "value": { "id": id, "displayName": name } }]);
    stage.scim.patch(&at(id), &patch(&rename)).await.expect(200);
    stage.scim.patch(&at(id), &patch(operations)).await
}

async fn aiw() {
    let stage = Stage::new("okta").await;
    let [test, babs] = [stage.create("test.user@okta.local").await, stage.create("babs@okta.local").await];
    let path = "/Groups?filter=displayName%20eq%20%22Test%20SCIMv2%22&startIndex=1&count=100";
    assert_eq!(stage.scim.get(path).await.resources(), [] as [Value; 0]);

    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Test SCIMv2","members":[]}"#;
    let created =
        stage.scim.raw(Method::POST, "/Groups", Some("application/scim+json; charset=utf-8"), body).await;
    let id = created.clone().expect(201).id();
    let shown = settled_group(&stage, &created).await;
    assert_eq!(written(&shown), json!({ "schemas": [GROUP], "displayName": "Test SCIMv2" }));
    let kept = stage.realm.group(&id).await;
    assert_eq!((&kept["name"], kept.get("parentId")), (&json!("Test SCIMv2"), None), "at the top level");
    assert_eq!(kept["attributes"]["scim.managed"], json!([stage.realm.index()]));
    assert_eq!(
        [&kept["realmRoles"], &kept["clientRoles"]],
        [&json!([]), &json!({})],
        "a pushed group gives nothing"
    );
    assert_eq!(stage.scim.get(path).await.resources(), [shown]);

    // Always GET, then PUT of the whole.
    stage.scim.get(&at(&id)).await.expect(200);
    let put = async |name: &str, members: Value| {
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        let answer = stage.scim.put(&at(&id), &body).await.expect(200);
        settled_group(&stage, &answer).await
    };
    let two = json!([pushed(&test, "test.user@okta.local"), pushed(&babs, "babs@okta.local")]);
    let shown = put("Test SCIMv2", two).await;
    let [babs_shown, test_shown] =
        [member(&stage, &babs, "babs@okta.local"), member(&stage, &test, "test.user@okta.local")];
    assert_eq!(shown["members"], json!([babs_shown, test_shown]), "by name");
    assert_eq!(stage.realm.members(&id).await, sorted([&test, &babs]));

    let shown = put("Test SCIMv2", json!([pushed(&babs, "babs@okta.local")])).await;
    assert_eq!(shown["members"], json!([babs_shown]));
    assert_eq!(stage.realm.members(&id).await, [babs.as_str()]);

    let shown = put("Test SCIMv3", json!([pushed(&babs, "babs@okta.local")])).await;
    assert_eq!((&shown["displayName"], &shown["members"]), (&json!("Test SCIMv3"), &json!([babs_shown])));
    assert_eq!(stage.realm.group(&id).await["name"], "Test SCIMv3");
    assert_eq!(stage.realm.members(&id).await, [babs.as_str()]);

    stage.scim.delete(&at(&id)).await.expect(204);
    stage.scim.get(&at(&id)).await.scim_error(404, None);
    assert_eq!(stage.realm.groups().await, [] as [Value; 0]);
    assert_eq!(stage.listed().await, ["babs@okta.local", "test.user@okta.local"], "the members stay");
}

/// The PUT holds all that the GET returned.
async fn aiw_echo() {
    let stage = Stage::new("okta").await;
    let babs = stage.create("babs@okta.local").await;
    let created = stage.scim.post("/Groups", &group("Test SCIMv2", [&babs])).await.expect(201);
    let echo = settled_group(&stage, &created).await;
    let kept = stage.realm.group(&created.id()).await;
    let put = stage.scim.put(&at(&created.id()), &echo).await.expect(200);
    assert_eq!(settled_group(&stage, &put).await, echo, "the version too");
    assert_eq!(stage.realm.group(&created.id()).await, kept);
    assert_eq!(stage.realm.members(&created.id()).await, [babs]);
}

async fn null_members() {
    let stage = Stage::new("okta").await;
    let babs = stage.create("babs@okta.local").await;
    let body = |name: &str| json!({ "schemas": [GROUP], "displayName": name, "members": null });
    let created = stage.scim.post("/Groups", &body("Test SCIMv2")).await.expect(201);
    let id = created.id();
    assert_eq!(settled_group(&stage, &created).await.get("members"), None);
    let one = stage.scim.put(&at(&id), &group("Test SCIMv2", [&babs])).await.expect(200);
    let put = stage.scim.put(&at(&id), &body("Test SCIMv2")).await.expect(200);
    assert_eq!(put.json(), one.json(), "nothing is said, so nothing changes");
    let put = stage.scim.put(&at(&id), &body("Test SCIMv3")).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &put).await), [babs.as_str()]);
    assert_eq!(stage.realm.members(&id).await, [babs.as_str()]);
    assert_eq!(stage.realm.group(&id).await["name"], "Test SCIMv3");
    let put = stage.scim.put(&at(&id), &group("Test SCIMv3", [])).await.expect(200);
    assert_eq!(
        settled_group(&stage, &put).await.get("members"),
        None,
        "an empty list is a word about members"
    );
    assert_eq!(stage.realm.members(&id).await, [""; 0]);
}

async fn oin_rename() {
    let stage = Stage::new("okta").await;
    let babs = stage.create("babs@okta.local").await;
    let id = stage.push("Test SCIMv2", &[&babs]).await;
    let body = json!({
        "schemas": [PATCH],
        "Operations": [{ "op": "replace", "value": { "id": id, "displayName": "Tour Guides" } }],
    });
    let renamed = stage.scim.patch(&at(&id), &body).await.expect(200);
    assert_eq!(settled_group(&stage, &renamed).await["displayName"], "Tour Guides");
    assert_eq!(users(renamed.json()), [babs.as_str()]);
    let kept = stage.realm.group(&id).await;
    assert_eq!((&kept["name"], &kept["id"]), (&json!("Tour Guides"), &json!(id)));
    assert_eq!(stage.realm.members(&id).await, [babs]);
    // The same once more is no change.
    let again = stage.scim.patch(&at(&id), &body).await.expect(200);
    assert_eq!(again.json(), renamed.json());
    assert_eq!(stage.realm.group(&id).await, kept);
}

async fn oin_members() {
    let stage = Stage::new("okta").await;
    let [adam, babs, cain] = ["adam@okta.local", "babs@okta.local", "cain@okta.local"];
    let [adam, babs, cain] = [stage.create(adam).await, stage.create(babs).await, stage.create(cain).await];
    let id = stage.push("Test SCIMv2", &[&adam, &cain]).await;
    let swap = json!([
        { "op": "remove", "path": format!("members[value eq \"{adam}\"]") },
        { "op": "add", "path": "members", "value": [pushed(&babs, "babs@okta.local")] },
    ]);
    let answer = patch_oin(&stage, &id, "Test SCIMv2", &swap).await.expect(200);
    let shown = settled_group(&stage, &answer).await;
    let [babs_shown, cain_shown] =
        [member(&stage, &babs, "babs@okta.local"), member(&stage, &cain, "cain@okta.local")];
    assert_eq!(shown["members"], json!([babs_shown, cain_shown]), "who is not named stays");
    assert_eq!(stage.realm.members(&id).await, sorted([&babs, &cain]));
    // Sent again, as after an answer that was lost.
    let again = patch_oin(&stage, &id, "Test SCIMv2", &swap).await.expect(200);
    assert_eq!(users(again.json()), sorted([&babs, &cain]));
    assert_eq!(stage.realm.members(&id).await, sorted([&babs, &cain]));
}

async fn push_now() {
    let stage = Stage::new("okta").await;
    let [adam, babs, cain] = ["adam@okta.local", "babs@okta.local", "cain@okta.local"];
    let [adam, babs, cain] = [stage.create(adam).await, stage.create(babs).await, stage.create(cain).await];
    let id = stage.push("Test SCIMv2", &[&adam, &babs]).await;
    // What an administrator did by hand in Keycloak meanwhile is what Push Now is for.
    stage.realm.join(&cain, &id).await;
    stage.realm.leave(&babs, &id).await;
    let all = json!([{
        "op": "replace", "path": "members",
        "value": [pushed(&adam, "adam@okta.local"), pushed(&babs, "babs@okta.local")],
    }]);
    let answer = patch_oin(&stage, &id, "Test SCIMv2", &all).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), sorted([&adam, &babs]));
    assert_eq!(stage.realm.members(&id).await, sorted([&adam, &babs]));
    let again = stage.scim.patch(&at(&id), &patch(&all)).await.expect(200);
    assert_eq!(again.json(), answer.json(), "pushed twice is pushed once");
}

async fn empty() {
    let stage = Stage::new("okta").await;
    let babs = stage.create("babs@okta.local").await;
    let id = stage.push("Test SCIMv2", &[&babs]).await;
    let nobody = json!([{ "op": "replace", "path": "members", "value": [] }]);
    let answer = patch_oin(&stage, &id, "Test SCIMv2", &nobody).await.expect(200);
    assert_eq!(settled_group(&stage, &answer).await.get("members"), None);
    assert_eq!(stage.realm.members(&id).await, [""; 0]);
    assert!(stage.is_tagged(&babs).await, "nobody loses more than the membership");
    assert_eq!(stage.listed_groups().await, ["Test SCIMv2"]);
}

/// With more members than an answer shall hold there is no body. Okta takes both.
async fn large() {
    let stage = stage(&[("patch_response_members", 2.into())], async |_| {}).await;
    let [adam, babs, cain] = ["adam@okta.local", "babs@okta.local", "cain@okta.local"];
    let [adam, babs, cain] = [stage.create(adam).await, stage.create(babs).await, stage.create(cain).await];
    let id = stage.push("Test SCIMv2", &[&adam]).await;
    let change = async |op: &str, id_of: &String| {
        let operation = match op {
            "add" => json!({ "op": "add", "path": "members", "value": [{ "value": id_of }] }),
            _ => json!({ "op": "remove", "path": format!("members[value eq \"{id_of}\"]") }),
        };
        stage.scim.patch(&at(&id), &patch(&json!([operation]))).await
    };
    let two = change("add", &babs).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &two).await), sorted([&adam, &babs]));
    let three = change("add", &cain).await.expect(204);
    assert!(three.raw.is_empty(), "{three}");
    assert_eq!(stage.realm.members(&id).await, sorted([&adam, &babs, &cain]));
    stage.groups_settled().await;
    let read = stage.scim.get(&at(&id)).await.expect(200);
    assert_eq!(three.header("etag"), read.json()["meta"]["version"].as_str());
    assert_eq!(users(read.json()), sorted([&adam, &babs, &cain]), "a GET shows all");
    let rename = json!([{ "op": "replace", "value": { "id": id, "displayName": "Tour Guides" } }]);
    stage.scim.patch(&at(&id), &patch(&rename)).await.expect(204);
    assert_eq!(stage.realm.group(&id).await["name"], "Tour Guides");
    let two = change("remove", &adam).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &two).await), sorted([&babs, &cain]));
    // PUT shows what it made, however much that is.
    let put = stage.scim.put(&at(&id), &group("Tour Guides", [&adam, &babs, &cain])).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &put).await), sorted([&adam, &babs, &cain]));
}

async fn never_shown() {
    let stage = stage(&[("patch_response_members", 0.into())], async |_| {}).await;
    let babs = stage.create("babs@okta.local").await;
    let id = stage.push("Test SCIMv2", &[]).await;
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": babs }] }]);
    let answer = stage.scim.patch(&at(&id), &patch(&add)).await.expect(204);
    assert!(answer.raw.is_empty(), "{answer}");
    assert_eq!(stage.realm.members(&id).await, [babs]);
    let rename = json!([{ "op": "replace", "value": { "id": id, "displayName": "Tour Guides" } }]);
    stage.scim.patch(&at(&id), &patch(&rename)).await.expect(204);
    assert_eq!(stage.realm.group(&id).await["name"], "Tour Guides");
}

/// Groups of the same name that aren't Okta's must not come between it and its own.
async fn one_hit() {
    let stage = Stage::new("okta").await;
    let company = stage.realm.group_by_hand("Company", None).await;
    stage.realm.group_by_hand("Sales", Some(&company)).await;
    stage.realm.group_by_hand("Sales EMEA", None).await;
    assert_eq!(lookup(&stage, "Sales").await.resources(), [] as [Value; 0]);
    let id = stage.push("Sales", &[]).await;
    // Of the managed ones too, others that only hold the name.
    stage.push("Presales", &[]).await;
    let nested = stage.push("Sales APAC", &[]).await;
    for name in ["Sales", "sales", "SALES"] {
        let found = lookup(&stage, name).await;
        assert_eq!(found.resources().len(), 1, "{found}");
        assert_eq!((&found.resources()[0]["id"], &found.json()["totalResults"]), (&json!(id), &json!(1)));
    }
    // Okta nests nothing; where somebody else does, the group is found all the same.
    let into = json!([{ "op": "add", "path": "members", "value": [{ "value": nested }] }]);
    let above = stage.scim.patch(&at(&id), &patch(&into)).await.expect(200);
    assert_eq!(members(above.json()), [(nested.clone(), "Group".to_owned())]);
    let found = lookup(&stage, "Sales APAC").await;
    assert_eq!(found.resources().len(), 1, "{found}");
    assert_eq!(found.resources()[0]["id"], nested);
}

/// "Unlink pushed group", leaving it in the target app: no request at all. Then people change, and it is linked again.
async fn relink() {
    let stage = Stage::new("okta").await;
    let [adam, babs] = [stage.create("adam@okta.local").await, stage.create("babs@okta.local").await];
    let id = stage.push("Test SCIMv2", &[&adam]).await;

    let found = lookup(&stage, "Test SCIMv2").await;
    let linked = found.resources()[0]["id"].as_str().unwrap();
    assert_eq!((found.resources().len(), linked), (1, id.as_str()));
    assert_eq!(users(&found.resources()[0]), [adam.as_str()]);
    let all = json!([{ "op": "replace", "path": "members", "value": [pushed(&babs, "babs@okta.local")] }]);
    let answer = patch_oin(&stage, linked, "Test SCIMv2", &all).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), [babs.as_str()]);
    assert_eq!(stage.realm.members(&id).await, [babs.as_str()]);
    assert_eq!(stage.listed_groups().await, ["Test SCIMv2"], "linked, not pushed anew");

    // Who creates it without looking is told which one it is.
    let refused = stage.scim.post("/Groups", &group("Test SCIMv2", [])).await;
    let detail = refused.scim_error(409, Some("uniqueness"))["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&id), "{detail}");
    assert_eq!(stage.realm.members(&id).await, [babs.as_str()], "a create that is refused changes nothing");

    // Unlinked and deleted in the target app, then pushed again: a new group.
    stage.scim.delete(&at(&id)).await.expect(204);
    assert_eq!(lookup(&stage, "Test SCIMv2").await.resources(), [] as [Value; 0]);
    let anew = stage.push("Test SCIMv2", &[&babs]).await;
    assert_ne!(anew, id);
    assert_eq!(stage.realm.members(&anew).await, [babs]);
}

/// "Rename app groups to match group name in Okta": the group is linked under the name that it has, and gets Okta's.
async fn rename_app_groups() {
    let stage = Stage::new("okta").await;
    let id = stage.push("test scimv2", &[]).await;
    let taken = stage.push("Tour Guides", &[]).await;
    let found = lookup(&stage, "Test SCIMv2").await;
    assert_eq!(found.resources()[0]["id"], id, "names are compared without case");
    // Another letter case is another name, though nobody else's.
    for name in ["Test SCIMv2", "Testers"] {
        let answer =
            patch_oin(&stage, &id, name, &json!([{ "op": "replace", "path": "members", "value": [] }])).await;
        assert_eq!(settled_group(&stage, &answer.expect(200)).await["displayName"], name);
        assert_eq!(stage.realm.group(&id).await["name"], name);
    }
    for name in ["Tour Guides", "TOUR GUIDES"] {
        let rename = json!([{ "op": "replace", "value": { "id": id, "displayName": name } }]);
        stage.scim.patch(&at(&id), &patch(&rename)).await.scim_error(409, Some("uniqueness"));
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": [] });
        stage.scim.put(&at(&id), &body).await.scim_error(409, Some("uniqueness"));
    }
    assert_eq!(stage.realm.group(&id).await["name"], "Testers");
    assert_eq!(stage.realm.group(&taken).await["name"], "Tour Guides");
}

async fn import() {
    let stage = Stage::new("okta").await;
    let babs = stage.create("babs@okta.local").await;
    let mut expected: Vec<String> = (0..23).map(|number| format!("Group {number:02}")).collect();
    // Not in the order of their names, and not all in the same letter case.
    for name in expected.iter().rev() {
        stage.push(name, &[&babs]).await;
    }
    stage.push("group 07b", &[]).await;
    expected.insert(8, "group 07b".into());
    stage.realm.group_by_hand("Group 11 by hand", None).await;
    stage.groups_settled().await;

    let whole = stage.scim.get("/Groups?startIndex=1&count=100").await;
    assert_eq!(names(whole.resources()), expected);
    assert_eq!(users(&whole.resources()[0]), [babs.as_str()], "a list shows members");
    for length in [10, 7, 1] {
        let mut read = Vec::new();
        while read.len() < 24 {
            let page = format!("/Groups?startIndex={}&count={length}", read.len() + 1);
            let page = stage.scim.get(&page).await;
            let numbers =
                ["totalResults", "startIndex", "itemsPerPage"].map(|name| page.json()[name].as_u64());
            let due = length.min(24 - read.len());
            assert_eq!(numbers, [24, read.len() + 1, due].map(|number| Some(number as u64)));
            read.extend(page.resources().to_vec());
        }
        assert_eq!(read, whole.resources(), "pages of {length}");
    }
    let beyond = stage.scim.get("/Groups?startIndex=25&count=10").await;
    assert_eq!((beyond.resources(), &beyond.json()["totalResults"]), (&[][..], &json!(24)));
    let none = stage.scim.get("/Groups?count=0").await;
    assert_eq!((none.resources(), &none.json()["totalResults"]), (&[][..], &json!(24)));

    let without = stage.scim.get("/Groups?startIndex=1&count=100&excludedAttributes=members").await;
    let mut expected = whole.resources().to_vec();
    for group in &mut expected {
        group.as_object_mut().unwrap().shift_remove("members");
    }
    assert_eq!(without.resources(), expected, "the same but for the members, the versions too");
}
