//! Who can be a member: whoever else is named is refused by name, and nothing of the request is applied; whoever leaves,
//! and is none, is no error.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{Unchanged, adding, at, group, refused, removing, users, values};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway};
use crate::runner::{both, trial};
use crate::scenarios::stage::{Stage, by_hand, patch, person, until};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("groups::members::who_is_not_managed_is_refused_by_name", unknown),
        both("groups::members::who_is_managed_by_hand_is_taken", given_by_hand),
        both("groups::members::taking_out_who_is_no_member_is_no_error", strangers_removed),
        both("groups::members::who_is_not_managed_is_neither_shown_nor_taken_out", strangers_kept),
        both("groups::members::who_is_deactivated_stays", deactivated),
        both("groups::members::a_deleted_user_leaves_all_groups", user_deleted),
        both("groups::members::a_deleted_group_leaves_its_users", group_deleted),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    // The stand-in has no organizations.
    trials.push(trial("groups::members::an_organization_is_no_member", organization));
    trials
}

/// Names somebody who can't be a member, in every way in which one can be named, beside somebody who can.
async fn is_refused(stage: &Stage, guides: &str, babs: &String, id: &str, what: &str) {
    let unchanged = Unchanged::note(stage).await;
    let both = [babs.clone(), id.to_owned()];
    let renamed = json!({ "displayName": "Tourists", "externalId": "t-1" });
    let with_rename = |operation: Value| patch(&json!([{ "op": "replace", "value": renamed }, operation]));
    let add = json!({ "op": "add", "path": "members", "value": values(&both) });
    let replace = json!({ "op": "replace", "path": "members", "value": values(&both) });
    let without_path = json!({ "op": "add", "value": { "members": values(&both) } });
    let removed_first = patch(&json!([{ "op": "remove", "path": "members" }, add]));
    for (how, answer) in [
        ("POST", stage.scim.post("/Groups", &group("Tourists", &both)).await),
        ("PUT", stage.scim.put(&at(guides), &group("Tourists", &both)).await),
        ("add", stage.scim.patch(&at(guides), &with_rename(add.clone())).await),
        ("add alone", stage.scim.patch(&at(guides), &adding(&[id.to_owned()])).await),
        ("add without path", stage.scim.patch(&at(guides), &with_rename(without_path)).await),
        ("replace", stage.scim.patch(&at(guides), &with_rename(replace)).await),
        ("remove and add", stage.scim.patch(&at(guides), &removed_first).await),
    ] {
        let detail = refused(&answer, 400, Code::UnknownMember);
        assert_eq!(answer.json()["scimType"], "invalidValue");
        assert!(detail.contains(id), "{what}, {how}: {detail}");
        unchanged.hold(&format!("{what}, {how}")).await;
    }
}

async fn unknown() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&jane]).await;
    let gone = stage.create("gone").await;
    stage.settled().await;
    stage.scim.delete(&format!("/Users/{gone}")).await.expect(204);
    let mallory = realm.create_user(&by_hand("mallory")).await;
    let client = realm.client_uuid("scimgate").await;
    let account = realm.get(&format!("/clients/{client}/service-account-user")).await;
    let account = account["id"].as_str().unwrap().to_owned();
    // Even the role does not make a service account one of those who are managed.
    realm.map_role(&account, "scim-managed").await;
    let foreign = realm.group_by_hand("Wardens", None).await;
    let random = uuid::Uuid::new_v4().to_string();
    for (id, what) in [
        (random.as_str(), "an id that nobody has"),
        (&gone, "a deleted user"),
        (&mallory, "an unmanaged user"),
        (&account, "a service account"),
        (&foreign, "a group that is not managed"),
        ("count", "the name of an endpoint"),
        ("..", "a step up in a path"),
        ("babs", "a userName"),
        ("not an id", "no id at all"),
        (&babs.replace('-', ""), "an id in another form"),
    ] {
        is_refused(&stage, &guides, &babs, id, what).await;
    }
    // Whose role an administrator has just taken is managed no more, whatever else says so.
    let taken = stage.create("taken").await;
    stage.settled().await;
    realm.unmap_role(&taken, "scim-managed").await;
    is_refused(&stage, &guides, &babs, &taken, "a user whose role was taken").await;
    // Somebody of another type than the client says is not the one who is meant.
    let staff = stage.push("Staff", &[]).await;
    let unchanged = Unchanged::note(&stage).await;
    for (id, kind) in [(&babs, "Group"), (&staff, "User")] {
        let typed = json!([{ "op": "add", "path": "members", "value": [{ "value": id, "type": kind }] }]);
        let answer = stage.scim.patch(&at(&guides), &patch(&typed)).await;
        assert!(refused(&answer, 400, Code::UnknownMember).contains(id.as_str()), "{answer}");
        unchanged.hold(kind).await;
    }
}

async fn given_by_hand() {
    let stage = Stage::new("groups").await;
    let jane = stage.realm.create_user(&by_hand("jane")).await;
    stage.realm.map_role(&jane, "scim-managed").await;
    let guides = stage.push("Guides", &[&jane]).await;
    assert_eq!(stage.realm.members(&guides).await, [jane.as_str()]);
    until("she is shown", async || users(&stage.pushed(&guides).await) == [jane.as_str()]).await;
    stage.scim.patch(&at(&guides), &removing([&jane])).await.expect(200);
    assert_eq!(stage.realm.members(&guides).await, [""; 0]);
}

async fn strangers_removed() {
    let stage = Stage::new("groups").await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs]).await;
    let other = stage.push("Staff", &[&jane]).await;
    let mallory = stage.realm.create_user(&by_hand("mallory")).await;
    let random = uuid::Uuid::new_v4().to_string();
    let unchanged = Unchanged::note(&stage).await;
    let version = stage.pushed(&guides).await["meta"]["version"].clone();
    for id in [&mallory, &random, &"nobody".to_owned(), &"..".to_owned()] {
        let by_filter = json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]);
        for body in [removing([id]), patch(&by_filter)] {
            let answer = stage.scim.patch(&at(&guides), &body).await.expect(200);
            assert_eq!(users(answer.json()), [babs.as_str()], "{id}");
            assert_eq!(answer.json()["meta"]["version"], version, "nothing has changed: {body}");
        }
        unchanged.hold(id).await;
    }
    // Those who might be members are taken out without a look whether they are: it would cost as much.
    for id in [&jane, &other, &guides] {
        let answer = stage.scim.patch(&at(&guides), &removing([id])).await.expect(200);
        assert_eq!(users(answer.json()), [babs.as_str()], "{id}");
        assert_eq!(stage.realm.members(&other).await, [jane.as_str()]);
        for group in [&other, &guides] {
            assert_eq!(stage.realm.group(group).await.get("parentId"), None);
        }
    }
    // Among those who are members, they are no hindrance.
    let answer = stage.scim.patch(&at(&guides), &removing([&random, &babs, &mallory])).await.expect(200);
    assert_eq!(users(answer.json()), [""; 0]);
    assert_eq!(stage.realm.members(&guides).await, [""; 0]);
    assert_eq!(stage.realm.members(&other).await, [jane]);
}

async fn strangers_kept() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs]).await;
    let mallory = realm.create_user(&by_hand("mallory")).await;
    let client = realm.client_uuid("scimgate").await;
    let account = realm.get(&format!("/clients/{client}/service-account-user")).await;
    let account = account["id"].as_str().unwrap().to_owned();
    for user in [&mallory, &account] {
        realm.join(user, &guides).await;
    }
    let holds = async |managed: &[&String]| {
        let mut all: Vec<String> = managed.iter().copied().chain([&mallory, &account]).cloned().collect();
        all.sort();
        assert_eq!(realm.members(&guides).await, all);
        let mut shown: Vec<String> = managed.iter().copied().cloned().collect();
        shown.sort();
        assert_eq!(users(&stage.pushed(&guides).await), shown);
        let listed = stage.scim.get("/Groups").await;
        assert_eq!(users(&listed.resources()[0]), shown);
    };
    holds(&[&babs]).await;
    for filter in [format!("members eq \"{mallory}\""), format!("members[value eq \"{account}\"]")] {
        assert_eq!(stage.found_groups(&filter).await, [""; 0], "{filter}");
    }
    stage.scim.put(&at(&guides), &group("Guides", [&jane])).await.expect(200);
    holds(&[&jane]).await;
    stage.scim.patch(&at(&guides), &removing([&mallory, &account])).await.expect(200);
    holds(&[&jane]).await;
    for none in [
        json!([{ "op": "remove", "path": "members" }]),
        json!([{ "op": "replace", "path": "members", "value": [] }]),
        json!([{ "op": "remove", "path": "members[value pr]" }]),
        json!([{ "op": "remove", "path": format!("members[not (value eq \"{babs}\")]") }]),
    ] {
        stage.scim.patch(&at(&guides), &adding([&jane])).await.expect(200);
        stage.scim.patch(&at(&guides), &patch(&none)).await.expect(200);
        holds(&[]).await;
    }
    stage.scim.put(&at(&guides), &group("Guides", [])).await.expect(200);
    holds(&[]).await;
}

async fn deactivated() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    stage.set_active(&babs, false).await;
    assert_eq!(users(&stage.pushed(&guides).await), [babs.as_str()]);
    assert_eq!(stage.groups_of(&babs).await, [("Guides".to_owned(), "direct".to_owned())]);
    stage.scim.put(&at(&guides), &group("Guides", [])).await.expect(200);
    stage.scim.patch(&at(&guides), &adding([&babs])).await.expect(200);
    assert_eq!(stage.realm.members(&guides).await, [babs]);
}

fn version(group: &Value) -> String {
    group["meta"]["version"].as_str().unwrap().to_owned()
}

async fn user_deleted() {
    let stage = Stage::new("groups").await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs, &jane]).await;
    let staff = stage.push("Staff", &[&babs]).await;
    let tourists = stage.push("Tourists", &[&jane]).await;
    stage.groups_settled().await;
    let mut before = Vec::new();
    for id in [&guides, &staff, &tourists] {
        before.push(version(&stage.pushed(id).await));
    }
    stage.scim.delete(&format!("/Users/{babs}")).await.expect(204);
    assert_eq!(users(&stage.pushed(&guides).await), [jane.as_str()]);
    assert_eq!(users(&stage.pushed(&staff).await), [""; 0]);
    for (id, moved) in [(&guides, true), (&staff, true), (&tourists, false)] {
        let before = before.remove(0);
        let now = stage.pushed(id).await;
        assert_eq!(version(&now) != before, moved, "{now}");
        assert_eq!(version(&stage.pushed(id).await), version(&now), "it rests there");
        // A client that has seen the old members does not overwrite the new ones.
        let conditional = stage.scim.with_header("if-match", &before);
        let expected = if moved { 412 } else { 200 };
        conditional.patch(&at(id), &adding([&jane])).await.expect(expected);
    }
    // She comes back as somebody else.
    let again = stage.scim.post("/Users", &person("babs")).await.expect(201).id();
    assert_eq!(stage.groups_of(&again).await, []);
}

async fn group_deleted() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&babs]).await;
    stage.groups_settled().await;
    let before = stage.stored(&babs).await;
    stage.scim.delete(&at(&guides)).await.expect(204);
    refused(&stage.scim.get(&at(&guides)).await, 404, Code::NotFound);
    refused(&stage.scim.delete(&at(&guides)).await, 404, Code::NotFound);
    assert_eq!(stage.stored(&babs).await, before);
    assert_eq!(stage.groups_of(&babs).await, [("Staff".to_owned(), "direct".to_owned())]);
    assert_eq!(stage.listed_groups().await, ["Staff"]);
    assert_eq!(stage.realm.members(&staff).await, [babs]);
    // The name is free again.
    assert_ne!(stage.push("Guides", &[]).await, guides);
}

async fn organization() {
    let realm = admin().await.create_realm_with("groups", json!({ "organizationsEnabled": true })).await;
    let organization = json!({
        "name": "Contoso", "alias": "contoso", "enabled": true, "domains": [{ "name": "contoso.com" }],
    });
    let organization = realm.post("/organizations", &organization).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await.serve().await;
    let scim: Scim = gateway.scim().await;
    let stage = Stage { gateway, scim, realm };
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let member = serde_json::Value::from(jane.as_str());
    stage.realm.post(&format!("/organizations/{organization}/members"), &member).await;
    let guides = stage.push("Guides", &[]).await;
    is_refused(&stage, &guides, &babs, &organization, "an organization").await;
    // Keycloak keeps its members in a group of its own, which is not one of SCIM's.
    refused(&stage.scim.get(&at(&organization)).await, 404, Code::NotFound);
    assert_eq!(stage.listed_groups().await, ["Guides"]);
    stage.scim.patch(&at(&guides), &adding([&jane])).await.expect(200);
    assert_eq!(stage.groups_of(&jane).await, [("Guides".to_owned(), "direct".to_owned())]);
}
