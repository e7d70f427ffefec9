//! Groups that were made in Keycloak: whether clients see them, and whether they can take them over.

use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{
    Unchanged, adding, at, group, members, refused, removing, renaming, stage, stage_with, users,
};
use crate::runner::both;
use crate::scenarios::stage::{Stage, by_hand, patch};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::existing::what_nobody_manages_is_not_there", managed_alone),
        both("groups::existing::the_tag_by_hand_makes_a_group_managed", tagged_by_hand),
        both("groups::existing::shown_groups_can_be_read_and_not_changed", shown),
        both("groups::existing::a_shown_group_is_not_moved", shown_within),
        both("groups::existing::a_shown_group_is_taken_over_by_a_change", taken_over),
        both("groups::existing::a_group_of_the_name_is_taken_over", adopted),
        both("groups::existing::a_group_with_roles_is_not_taken_over", with_roles),
        both("groups::existing::a_group_that_inherits_roles_is_not_taken_over", inherited),
        both("groups::existing::a_group_with_listed_roles_is_taken_over", listed),
        both("groups::existing::two_of_the_name_are_taken_over_by_nobody", ambiguous),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A group made by hand, as an administrator would leave it: described, and with somebody in it of whom SCIM does not
/// know, and with somebody whom it knows. Gives its id and theirs.
async fn furnished(stage: &Stage, name: &str, below: Option<&str>) -> (String, String, String) {
    let id = stage.realm.group_by_hand(name, below).await;
    let described = json!({
        "name": name, "description": "They show the way", "attributes": { "colour": ["red", "green"] },
    });
    stage.realm.put(&format!("/groups/{id}"), &described).await;
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let mallory = stage.realm.create_user(&by_hand(&format!("mallory-{unique}"))).await;
    let babs = stage.create(&format!("babs-{unique}")).await;
    for user in [&mallory, &babs] {
        stage.realm.join(user, &id).await;
    }
    (id, mallory, babs)
}

/// What the administrator said of it is still there.
async fn assert_furniture(stage: &Stage, id: &str) {
    let stored = stage.realm.group(id).await;
    assert_eq!(stored["description"], "They show the way", "{stored}");
    assert_eq!(stored["attributes"]["colour"], json!(["red", "green"]), "{stored}");
}

fn is_tagged(stored: &Value) -> bool {
    stored["attributes"]["scim.managed"] == json!(["realm"])
}

async fn managed_alone() {
    let stage = Stage::new("groups").await;
    let (id, _, babs) = furnished(&stage, "Guides", None).await;
    // What looks nearly like the tag is none.
    let near = stage.realm.group_by_hand("Tourists", None).await;
    let almost =
        json!({ "name": "Tourists", "attributes": { "scim.managed": ["REALM", "org:1", "realm2"] } });
    stage.realm.put(&format!("/groups/{near}"), &almost).await;
    let unchanged = Unchanged::note(&stage).await;
    assert_eq!(stage.listed_groups().await, [""; 0]);
    assert_eq!(stage.groups_of(&babs).await, []);
    for id in [&id, &near] {
        for answer in [
            stage.scim.get(&at(id)).await,
            stage.scim.put(&at(id), &group("Guides", [])).await,
            stage.scim.patch(&at(id), &adding([&babs])).await,
            stage.scim.delete(&at(id)).await,
        ] {
            refused(&answer, 404, Code::NotFound);
        }
        refused(&stage.scim.post("/Groups", &group("Staff", [id])).await, 400, Code::UnknownMember);
    }
    for filter in [
        format!("id eq \"{id}\""),
        "displayName eq \"Guides\"".to_owned(),
        format!("members eq \"{babs}\""),
        "displayName pr".to_owned(),
    ] {
        assert_eq!(stage.found_groups(&filter).await, [""; 0], "{filter}");
    }
    refused(&stage.scim.post("/Groups", &group("Guides", [])).await, 409, Code::UnmanagedGroupExists);
    unchanged.hold("not managed").await;
}

async fn tagged_by_hand() {
    let stage = Stage::new("groups").await;
    let (id, mallory, babs) = furnished(&stage, "Guides", None).await;
    let jane = stage.create("jane").await;
    stage.realm.tag_group(&id).await;
    assert_eq!(stage.listed_groups().await, ["Guides"]);
    assert_eq!(users(&stage.pushed(&id).await), [babs.as_str()], "of whom SCIM does not know is not shown");
    // Whatever is changed, what SCIM does not know of stays.
    stage.scim.patch(&at(&id), &renaming("Tour Guides")).await.expect(200);
    stage.scim.patch(&at(&id), &adding([&jane])).await.expect(200);
    stage.scim.patch(&at(&id), &removing([&mallory])).await.expect(200);
    stage.scim.put(&at(&id), &group("Tour Guides", [&jane])).await.expect(200);
    assert_furniture(&stage, &id).await;
    let sorted = |ids: [&String; 2]| {
        let mut ids = ids.map(String::to_owned);
        ids.sort();
        ids
    };
    assert_eq!(stage.realm.members(&id).await, sorted([&mallory, &jane]));
    for none in [
        patch(&json!([{ "op": "replace", "path": "members", "value": [] }])),
        patch(&json!([{ "op": "remove", "path": "members" }])),
        patch(&json!([{ "op": "remove", "path": "members[type eq \"User\"]" }])),
    ] {
        stage.scim.patch(&at(&id), &adding([&jane])).await.expect(200);
        let answer = stage.scim.patch(&at(&id), &none).await.expect(200);
        assert_eq!(users(answer.json()), [""; 0]);
        assert_eq!(stage.realm.members(&id).await, [mallory.as_str()], "{none}");
    }
    assert_furniture(&stage, &id).await;
    // Without the tag it is gone again.
    let mut stored = stage.realm.group(&id).await;
    stored["attributes"].as_object_mut().unwrap().shift_remove("scim.managed");
    stage.realm.put(&format!("/groups/{id}"), &stored).await;
    refused(&stage.scim.get(&at(&id)).await, 404, Code::NotFound);
}

async fn shown() {
    let stage = stage(&[("visible", "all".into())], async |_| {}).await;
    let (id, _, babs) = furnished(&stage, "Guides", None).await;
    let staff = stage.push("Staff", &[]).await;
    let unchanged = Unchanged::note(&stage).await;
    assert_eq!(stage.listed_groups().await, ["Guides", "Staff"]);
    assert_eq!(users(&stage.pushed(&id).await), [babs.as_str()]);
    assert_eq!(stage.found_groups("displayName eq \"guides\"").await, [id.as_str()]);
    assert_eq!(stage.found_groups(&format!("members eq \"{babs}\"")).await, [id.as_str()]);
    assert_eq!(stage.groups_of(&babs).await, [("Guides".to_owned(), "direct".to_owned())]);
    for (what, answer) in [
        ("PUT", stage.scim.put(&at(&id), &group("Guides", [])).await),
        ("PUT of what is there", stage.scim.put(&at(&id), &group("Guides", [&babs])).await),
        ("a rename", stage.scim.patch(&at(&id), &renaming("Tourists")).await),
        ("joining", stage.scim.patch(&at(&id), &adding([&babs])).await),
        ("leaving", stage.scim.patch(&at(&id), &removing([&babs])).await),
        ("DELETE", stage.scim.delete(&at(&id)).await),
    ] {
        refused(&answer, 403, Code::UnmanagedGroup);
        unchanged.hold(what).await;
    }
    refused(&stage.scim.post("/Groups", &group("Guides", [])).await, 409, Code::UnmanagedGroupExists);
    refused(&stage.scim.patch(&at(&staff), &renaming("GUIDES")).await, 409, Code::UnmanagedGroupExists);
    unchanged.hold("taking its name").await;
}

async fn shown_within() {
    let stage = stage(&[("visible", "all".into())], async |_| {}).await;
    let staff = stage.push("Staff", &[]).await;
    let (inner, _, _) = furnished(&stage, "Guides", Some(&staff)).await;
    let (outer, _, _) = furnished(&stage, "Tourists", None).await;
    let jane = stage.create("jane").await;
    let unchanged = Unchanged::note(&stage).await;
    assert_eq!(members(&stage.pushed(&staff).await), [(inner.clone(), "Group".to_owned())]);
    // Neither in nor out, …
    for (what, body) in [
        ("putting it in", adding([&outer])),
        ("putting it in, among others", adding([&jane, &outer])),
        ("taking it out", removing([&inner])),
        (
            "taking it out by its type",
            patch(&json!([{ "op": "remove", "path": "members[type eq \"Group\"]" }])),
        ),
    ] {
        let answer = stage.scim.patch(&at(&staff), &body).await;
        let detail = refused(&answer, 400, Code::GroupNotNestable);
        assert!(detail.contains("not managed"), "{detail}");
        unchanged.hold(what).await;
    }
    refused(&stage.scim.post("/Groups", &group("Others", [&outer])).await, 400, Code::GroupNotNestable);
    refused(&stage.scim.delete(&at(&staff)).await, 409, Code::UnmanagedSubgroups);
    unchanged.hold("moving it").await;
    // … and a client that pushes a list of its own does not mean it.
    stage.scim.put(&at(&staff), &group("Staff", [&jane])).await.expect(200);
    stage
        .scim
        .patch(&at(&staff), &patch(&json!([{ "op": "replace", "path": "members", "value": [] }])))
        .await
        .expect(200);
    assert_eq!(members(&stage.pushed(&staff).await), [(inner, "Group".to_owned())]);
}

async fn taken_over() {
    let keys = [("visible", "all".into()), ("on_existing", "adopt".into())];
    for change in ["joining", "renaming", "replacing"] {
        let stage = stage(&keys, async |_| {}).await;
        let (id, mallory, babs) = furnished(&stage, "Guides", None).await;
        let jane = stage.create("jane").await;
        // Looking takes nothing over, and what is not managed is not deleted.
        stage.pushed(&id).await;
        refused(&stage.scim.delete(&at(&id)).await, 403, Code::UnmanagedGroup);
        let nobody = uuid::Uuid::new_v4().to_string();
        refused(&stage.scim.patch(&at(&id), &adding([&nobody])).await, 400, Code::UnknownMember);
        assert!(!is_tagged(&stage.realm.group(&id).await));
        let (answer, expected) = match change {
            "joining" => (stage.scim.patch(&at(&id), &adding([&jane])).await, vec![&babs, &jane]),
            "renaming" => (stage.scim.patch(&at(&id), &renaming("Tour Guides")).await, vec![&babs]),
            _ => (stage.scim.put(&at(&id), &group("Guides", [&jane])).await, vec![&jane]),
        };
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(users(answer.expect(200).json()), expected, "{change}");
        assert!(is_tagged(&stage.realm.group(&id).await), "{change}");
        expected.push(mallory);
        expected.sort();
        assert_eq!(stage.realm.members(&id).await, expected, "{change}");
        assert_furniture(&stage, &id).await;
        stage.scim.delete(&at(&id)).await.expect(204);
    }
}

async fn adopted() {
    for (visible, name) in [("managed", "Guides"), ("all", "Guides"), ("managed", "GUIDES")] {
        let keys = [("visible", visible.into()), ("on_existing", "adopt".into())];
        let stage = stage(&keys, async |_| {}).await;
        let (id, mallory, babs) = furnished(&stage, "Guides", None).await;
        let jane = stage.create("jane").await;
        let nobody = uuid::Uuid::new_v4().to_string();
        let unchanged = Unchanged::note(&stage).await;
        let bad = [jane.clone(), nobody];
        refused(&stage.scim.post("/Groups", &group(name, &bad)).await, 400, Code::UnknownMember);
        unchanged.hold("taking it over with a member whom nobody knows").await;

        let mut body = group(name, [&jane]);
        body["externalId"] = json!("g-1");
        let answer = stage.scim.post("/Groups", &body).await.expect(201);
        assert_eq!((answer.id(), &answer.json()["displayName"]), (id.clone(), &json!(name)));
        let mut expected = vec![babs, jane];
        expected.sort();
        assert_eq!(users(answer.json()), expected, "whom SCIM knows and who was in it, and who was named");
        assert_eq!(users(&stage.pushed(&id).await), expected);
        expected.push(mallory);
        expected.sort();
        assert_eq!(stage.realm.members(&id).await, expected);
        assert_furniture(&stage, &id).await;
        stage.groups_settled().await;
        let stored = stage.realm.group(&id).await;
        assert!(is_tagged(&stored) && stored["name"] == name, "{stored}");
        assert_eq!(stored["attributes"]["scim.externalId"], json!(["okta:g-1"]));
        assert_eq!(stage.found_groups("externalId eq \"g-1\"").await, [id.as_str()]);
        // It is managed now, so nobody takes it over again.
        let again = stage.scim.post("/Groups", &body).await;
        assert!(refused(&again, 409, Code::GroupExists).contains(&id), "{again}");
        // The name alone does it, and not by giving it to another group.
        let other = stage.realm.group_by_hand("Tourists", None).await;
        refused(&stage.scim.patch(&at(&id), &renaming("Tourists")).await, 409, Code::UnmanagedGroupExists);
        assert!(!is_tagged(&stage.realm.group(&other).await));
    }
}

async fn with_roles() {
    let keys = [("visible", "all".into()), ("on_existing", "adopt".into())];
    let stage = stage_with(
        &keys,
        async |realm| {
            for role in ["developer", "auditor", "view-profile"] {
                realm.create_role(role).await;
            }
        },
        // Listed for another group, or another client's role of the name: neither is listed for this one.
        |realm, prepared| {
            prepared
                .set(&["realms", realm, "groups", "roles", "Engineering"], vec!["developer", "view-profile"])
        },
    )
    .await;
    let realm = &stage.realm;
    let account = realm.client_uuid("account").await;
    let of_client = realm.get(&format!("/clients/{account}/roles/view-profile")).await;
    for (name, role) in [("Guides", "developer"), ("Engineering", "auditor"), ("engineering", "view-profile")]
    {
        let id = realm.group_by_hand(name, None).await;
        if role == "view-profile" {
            realm.post(&format!("/groups/{id}/role-mappings/clients/{account}"), &json!([of_client])).await;
        } else {
            realm.map_group_role(&id, role).await;
        }
        let jane = stage.create(&format!("jane-{role}")).await;
        let unchanged = Unchanged::note(&stage).await;
        for answer in [
            stage.scim.post("/Groups", &group(name, [&jane])).await,
            stage.scim.patch(&at(&id), &adding([&jane])).await,
            stage.scim.put(&at(&id), &group(name, [])).await,
        ] {
            let detail = refused(&answer, 409, Code::GroupHasRoles);
            assert!(detail.contains(role), "{detail}");
            unchanged.hold(name).await;
        }
        realm.delete(&format!("/groups/{id}")).await;
    }
}

async fn inherited() {
    let keys = [("visible", "all".into()), ("on_existing", "adopt".into())];
    let stage = stage(&keys, async |realm| realm.create_role("developer").await).await;
    let realm = &stage.realm;
    let company = realm.group_by_hand("Company", None).await;
    let (id, _, _) = furnished(&stage, "Guides", Some(&company)).await;
    realm.map_group_role(&company, "developer").await;
    let jane = stage.create("jane").await;
    let unchanged = Unchanged::note(&stage).await;
    let answer = stage.scim.patch(&at(&id), &adding([&jane])).await;
    assert!(refused(&answer, 409, Code::GroupHasRoles).contains("developer"), "{answer}");
    // It is shown, so its name is taken; but only a group in the same place is taken over by name.
    refused(&stage.scim.post("/Groups", &group("guides", [&jane])).await, 409, Code::GroupExists);
    unchanged.hold("a role of the group above").await;
    realm.unmap_group_role(&company, "developer").await;
    stage.scim.patch(&at(&id), &adding([&jane])).await.expect(200);
    assert!(is_tagged(&realm.group(&id).await));
}

async fn listed() {
    let stage = stage_with(
        &[("on_existing", "adopt".into())],
        async |realm| {
            realm.create_role("developer").await;
            realm.create_role("reviewer").await;
        },
        |realm, prepared| {
            prepared.set(&["realms", realm, "groups", "roles", "Engineering"], vec!["developer", "reviewer"])
        },
    )
    .await;
    let (id, _, babs) = furnished(&stage, "engineering", None).await;
    stage.realm.map_group_role(&id, "developer").await;
    let answer = stage.scim.post("/Groups", &group("Engineering", [])).await.expect(201);
    assert_eq!((answer.id(), users(answer.json())), (id.clone(), vec![babs]));
    let mut stored = stage.realm.group(&id).await;
    stored["realmRoles"].as_array_mut().unwrap().sort_by_key(Value::to_string);
    assert_eq!(
        stored["realmRoles"],
        json!(["developer", "reviewer"]),
        "what it carries by its name it has in full"
    );
    assert_furniture(&stage, &id).await;
}

async fn ambiguous() {
    let stage = stage(&[("on_existing", "adopt".into())], async |_| {}).await;
    let one = stage.realm.group_by_hand("Guides", None).await;
    stage.realm.group_by_hand("guides", None).await;
    let unchanged = Unchanged::note(&stage).await;
    for name in ["Guides", "guides", "GUIDES"] {
        refused(&stage.scim.post("/Groups", &group(name, [])).await, 409, Code::UnmanagedGroupExists);
        unchanged.hold(name).await;
    }
    stage.realm.call(Method::DELETE, &format!("/groups/{one}"), None).await.ok();
    stage.scim.post("/Groups", &group("GUIDES", [])).await.expect(201);
}
