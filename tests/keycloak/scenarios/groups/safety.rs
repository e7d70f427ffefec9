//! Nobody comes to administrative power through SCIM: groups that carry it don't exist for clients, unless the
//! configuration names them, and then whoever has power is not joined all the same.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{
    Unchanged, adding, at, group, members, refused, removing, renaming, stage, stage_with, users,
};
use crate::admin::Realm;
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch, until};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::safety::power_given_directly_hides_a_group", || hidden(Power::Directly)),
        both("groups::safety::power_given_by_a_group_above_hides_a_group", || hidden(Power::ByParent)),
        both("groups::safety::power_given_by_a_composite_role_hides_a_group", || hidden(Power::ByComposite)),
        both("groups::safety::power_given_by_a_protected_role_hides_a_group", || {
            hidden(Power::ByProtectedRole)
        }),
        both("groups::safety::a_group_within_that_has_power_is_neither_shown_nor_deleted", within),
        both("groups::safety::a_managed_group_that_gets_power_later_disappears", later),
        both("groups::safety::nothing_is_made_below_a_parent_that_gets_power_later", powerful_home),
        both("groups::safety::roles_that_only_look_hide_nothing", only_looking),
        both("groups::safety::a_privileged_group_is_served_like_any_other", privileged),
        both("groups::safety::who_has_power_is_not_joined_to_a_privileged_group", powerful_user),
        both("groups::safety::who_has_power_is_not_joined_to_a_group_that_is_given_it", power_by_name),
        both("groups::safety::who_has_power_is_shown_as_a_member", shown),
        both("groups::safety::nobody_becomes_managed_by_a_group", tag),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How a group comes to administrative power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Directly,
    ByParent,
    ByComposite,
    ByProtectedRole,
}

impl Power {
    async fn give(self, realm: &Realm, group: &str) {
        match self {
            Self::Directly => realm.empower_group(group).await,
            Self::ByParent => {
                let above = match realm.group_named("Headquarters", None).await {
                    Some(above) => above,
                    None => realm.group_by_hand("Headquarters", None).await,
                };
                realm.empower_group(&above).await;
                realm.move_group(group, Some(&above)).await;
            }
            Self::ByComposite => {
                let (_, role) = realm.management_role("realm-admin").await;
                if realm.call(http::Method::GET, "/roles/helpdesk", None).await.status == 404 {
                    realm.create_role("helpdesk").await;
                    realm.post("/roles/helpdesk/composites", &json!([role])).await;
                }
                realm.map_group_role(group, "helpdesk").await;
            }
            Self::ByProtectedRole => realm.map_group_role(group, "wheel").await,
        }
    }
}

/// Where everything but power would show a group and let clients take it over.
async fn open_stage() -> Stage {
    let keys = [("visible", "all".into()), ("on_existing", "adopt".into())];
    stage_with(
        &keys,
        async |realm| realm.create_role("wheel").await,
        |realm, prepared| prepared.set(&["realms", realm, "protected_roles"], vec!["wheel"]),
    )
    .await
}

async fn hidden(power: Power) {
    let stage = open_stage().await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    let named = json!({ "externalId": "x-Guides" });
    stage.scim.patch(&at(&guides), &patch(&json!([{ "op": "add", "value": named }]))).await.expect(200);
    for is_tagged in [true, false] {
        let name = if is_tagged { "Operators" } else { "Wardens" };
        let id = realm.group_by_hand(name, None).await;
        let mut stored = realm.group(&id).await;
        stored["attributes"]["scim.externalId"] = json!([format!("okta:x-{name}")]);
        realm.put(&format!("/groups/{id}"), &stored).await;
        if is_tagged {
            realm.tag_group(&id).await;
        }
        realm.join(&babs, &id).await;
        // What is to be hidden would be seen but for its power.
        assert_eq!(stage.pushed(&id).await["displayName"], name);
        assert_eq!(stage.listed_groups().await.len(), 2);
        power.give(realm, &id).await;
        is_hidden(&stage, power, (&id, name), &babs, &guides).await;
        realm.delete(&format!("/groups/{id}")).await;
    }
}

async fn is_hidden(stage: &Stage, power: Power, (id, name): (&str, &str), babs: &String, guides: &str) {
    let unchanged = Unchanged::note(stage).await;
    // Not read …
    refused(&stage.scim.get(&at(id)).await, 404, Code::NotFound);
    assert_eq!(stage.listed_groups().await, ["Guides"]);
    let filters = |id: &str, name: &str| {
        [
            format!("id eq \"{id}\""),
            format!("displayName eq \"{name}\""),
            format!("displayName sw \"{}\"", &name[..3]),
            format!("externalId eq \"x-{name}\""),
            format!("id eq \"{id}\" and members eq \"{babs}\""),
            format!("displayName eq \"{name}\" and members[value eq \"{babs}\"]"),
        ]
    };
    for (hidden, control) in filters(id, name).iter().zip(&filters(guides, "Guides")) {
        assert_eq!(stage.found_groups(hidden).await, [""; 0], "{hidden}");
        assert_eq!(stage.found_groups(control).await, [guides], "{control}");
    }
    for filter in [
        format!("members eq \"{babs}\""),
        format!("members.value eq \"{babs}\""),
        "displayName pr".to_owned(),
        "members pr".to_owned(),
        "not (displayName eq \"Tourists\")".to_owned(),
    ] {
        assert_eq!(stage.found_groups(&filter).await, [guides], "{filter}");
    }
    assert_eq!(stage.groups_of(babs).await, [("Guides".to_owned(), "direct".to_owned())]);
    let listed = stage.scim.get("/Users?attributes=groups").await;
    assert!(!listed.resources()[0]["groups"].to_string().contains(id), "{listed}");
    unchanged.hold("reading").await;

    // … not written …
    let both = [babs.clone(), id.to_owned()];
    let scim = &stage.scim;
    for (what, answer) in [
        ("PUT", scim.put(&at(id), &group(name, [babs])).await),
        ("PUT without members", scim.put(&at(id), &group(name, [])).await),
        ("a rename", scim.patch(&at(id), &renaming("Tourists")).await),
        ("joining", scim.patch(&at(id), &adding([babs])).await),
        ("leaving", scim.patch(&at(id), &removing([babs])).await),
        ("DELETE", scim.delete(&at(id)).await),
    ] {
        refused(&answer, 404, Code::NotFound);
        unchanged.hold(what).await;
    }

    // … not made a member …
    let typed =
        patch(&json!([{ "op": "add", "path": "members", "value": [{ "value": id, "type": "Group" }] }]));
    for (what, answer) in [
        ("PATCH with it as a member", scim.patch(&at(guides), &adding(&both)).await),
        ("PATCH with it as a group", scim.patch(&at(guides), &typed).await),
        ("PUT with it as a member", scim.put(&at(guides), &group("Tourists", &both)).await),
        ("POST with it as a member", scim.post("/Groups", &group("Tourists", &both)).await),
    ] {
        assert!(refused(&answer, 400, Code::UnknownMember).contains(id), "{what}: {answer}");
        unchanged.hold(what).await;
    }
    // … not by its user …
    let mut user = stage.read(babs).await;
    user["groups"] = json!([{ "value": guides }, { "value": id }]);
    scim.put(&format!("/Users/{babs}"), &user).await.expect(200);
    unchanged.hold("PUT of a user with it among its groups").await;

    // … and its name is nobody else's. (Below another group it is in nobody's way.)
    if power == Power::ByParent {
        return;
    }
    for taken in [name.to_owned(), name.to_uppercase()] {
        for (what, answer) in [
            ("POST of its name", scim.post("/Groups", &group(&taken, [babs])).await),
            ("PATCH to its name", scim.patch(&at(guides), &renaming(&taken)).await),
            ("PUT of its name", scim.put(&at(guides), &group(&taken, [])).await),
        ] {
            refused(&answer, 409, Code::ProtectedGroup);
            unchanged.hold(&format!("{what}, as {taken}")).await;
        }
    }
}

async fn within() {
    let stage = open_stage().await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    let staff = stage.push("Staff", &[&babs]).await;
    let wardens = realm.group_by_hand("Wardens", Some(&staff)).await;
    realm.tag_group(&wardens).await;
    assert_eq!(members(&stage.pushed(&staff).await).len(), 2, "without power it is a member");
    realm.empower_group(&wardens).await;
    let jane = stage.create("jane").await;
    realm.join(&jane, &wardens).await;
    let unchanged = Unchanged::note(&stage).await;

    assert_eq!(users(&stage.pushed(&staff).await), [babs.as_str()]);
    let listed = stage.scim.get("/Groups").await;
    let [shown] = listed.resources() else { panic!("{listed}") };
    assert_eq!(users(shown), [babs.as_str()]);
    assert_eq!(stage.found_groups(&format!("members eq \"{wardens}\"")).await, [""; 0]);
    // That it is within another group does not betray it either.
    assert_eq!(stage.groups_of(&jane).await, []);
    // It is no member, so it is not taken out, and nobody is told so.
    stage.scim.patch(&at(&staff), &removing([&wardens])).await.expect(200);
    stage.scim.put(&at(&staff), &group("Staff", [&babs])).await.expect(200);
    unchanged.hold("taking it out").await;
    let answer = stage.scim.delete(&at(&staff)).await;
    refused(&answer, 409, Code::UnmanagedSubgroups);
    unchanged.hold("deleting the group around it").await;
}

async fn later() {
    for power in [Power::Directly, Power::ByComposite, Power::ByProtectedRole] {
        let stage = open_stage().await;
        let babs = stage.create("babs").await;
        let id = stage.push("Guides", &[]).await;
        power.give(&stage.realm, &id).await;
        let unchanged = Unchanged::note(&stage).await;
        refused(&stage.scim.get(&at(&id)).await, 404, Code::NotFound);
        refused(&stage.scim.patch(&at(&id), &adding([&babs])).await, 404, Code::NotFound);
        refused(&stage.scim.delete(&at(&id)).await, 404, Code::NotFound);
        assert_eq!(stage.listed_groups().await, [""; 0]);
        unchanged.hold(&format!("power {power:?}")).await;
    }
    // The same where the group above gets it.
    let stage = open_stage().await;
    let babs = stage.create("babs").await;
    let child = stage.push("Guides", &[]).await;
    let parent = stage.push("Staff", &[&child]).await;
    stage.groups_settled().await;
    stage.realm.empower_group(&parent).await;
    for id in [&child, &parent] {
        refused(&stage.scim.patch(&at(id), &adding([&babs])).await, 404, Code::NotFound);
        assert_eq!(stage.realm.members(id).await, [""; 0]);
    }
    // When the power goes, they are back.
    let (management, role) = stage.realm.management_role("realm-admin").await;
    let path = format!("/groups/{parent}/role-mappings/clients/{management}");
    stage.realm.call(http::Method::DELETE, &path, Some(&json!([role]))).await.ok();
    assert_eq!(stage.listed_groups().await, ["Guides", "Staff"]);
    stage.scim.patch(&at(&child), &adding([&babs])).await.expect(200);
}

async fn powerful_home() {
    let keys = [("parent", "/Company/SCIM".into())];
    let stage = stage(&keys, async |realm| {
        let company = realm.group_by_hand("Company", None).await;
        realm.group_by_hand("SCIM", Some(&company)).await;
    })
    .await;
    let babs = stage.create("babs").await;
    stage.push("Guides", &[&babs]).await;
    let company = stage.realm.group_named("Company", None).await.unwrap();
    stage.realm.empower_group(&company).await;
    let unchanged = Unchanged::note(&stage).await;
    for body in [group("Tourists", []), group("Tourists", [&babs])] {
        refused(&stage.scim.post("/Groups", &body).await, 503, Code::RealmNotReady);
        unchanged.hold("creating a group where whoever is in it has power").await;
    }
    assert_eq!(stage.listed_groups().await, [""; 0]);
}

async fn only_looking() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let id = stage.push("Auditors", &[]).await;
    for role in ["view-users", "query-users", "view-realm"] {
        let (management, role) = stage.realm.management_role(role).await;
        let path = format!("/groups/{id}/role-mappings/clients/{management}");
        stage.realm.post(&path, &json!([role])).await;
    }
    stage.scim.patch(&at(&id), &adding([&babs])).await.expect(200);
    assert_eq!(stage.realm.members(&id).await, [babs]);
    assert_eq!(stage.listed_groups().await, ["Auditors"]);
}

/// A stage where the configuration names a group, and that group with power, tagged by hand.
async fn privileged_stage() -> (Stage, String) {
    let stage = stage(&[("privileged", vec!["OPERATORS"].into())], async |_| {}).await;
    let id = stage.realm.group_by_hand("Operators", None).await;
    stage.realm.tag_group(&id).await;
    stage.realm.empower_group(&id).await;
    (stage, id)
}

async fn privileged() {
    let (stage, id) = privileged_stage().await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    assert_eq!(stage.listed_groups().await, ["Operators"]);
    assert_eq!(stage.found_groups("displayName eq \"operators\"").await, [id.as_str()]);
    let answer = stage.scim.patch(&at(&id), &adding([&babs])).await.expect(200);
    assert_eq!(users(answer.json()), [babs.as_str()]);
    // Once more is no error, although she has the group's power by now; so is a retry after a lost answer.
    stage.scim.patch(&at(&id), &adding([&babs, &jane])).await.expect(200);
    let all = [babs.clone(), jane.clone()];
    stage.scim.put(&at(&id), &group("Operators", &all)).await.expect(200);
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(realm.members(&id).await, sorted);
    assert_eq!(stage.groups_of(&babs).await, [("Operators".to_owned(), "direct".to_owned())]);
    stage.scim.patch(&at(&id), &removing([&babs])).await.expect(200);
    assert_eq!(realm.members(&id).await, [jane.as_str()]);
    stage.scim.put(&at(&id), &group("Operators", [])).await.expect(200);
    assert_eq!(realm.members(&id).await, [""; 0]);

    // A group can't be put into it, nor it be made over in passing.
    let guides = stage.push("Guides", &[&babs]).await;
    let unchanged = Unchanged::note(&stage).await;
    refused(&stage.scim.patch(&at(&id), &adding([&guides])).await, 400, Code::ProtectedGroup);
    let both = [guides.clone(), jane.clone()];
    refused(&stage.scim.put(&at(&id), &group("Operators", &both)).await, 400, Code::ProtectedGroup);
    unchanged.hold("putting a group into it").await;
    stage.scim.delete(&at(&id)).await.expect(204);
    assert_eq!(realm.group_named("Operators", None).await, None);
    assert!(realm.user(&jane).await.is_some(), "its members stay");
}

async fn powerful_user() {
    let (stage, id) = privileged_stage().await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    stage.realm.empower_user(&babs).await;
    let unchanged = Unchanged::note(&stage).await;
    let both = [babs.clone(), jane.clone()];
    for (what, answer) in [
        ("joining", stage.scim.patch(&at(&id), &adding([&babs])).await),
        ("joining with others", stage.scim.patch(&at(&id), &adding(&both)).await),
        ("PUT", stage.scim.put(&at(&id), &group("Operators", &both)).await),
    ] {
        assert!(refused(&answer, 403, Code::ProtectedGroup).contains(&babs), "{what}: {answer}");
        unchanged.hold(what).await;
    }
    // Whom an administrator put there stays, and is no hindrance.
    stage.realm.join(&babs, &id).await;
    let answer = stage.scim.put(&at(&id), &group("Operators", &both)).await.expect(200);
    assert_eq!(users(answer.json()).len(), 2);
}

/// A privileged group that does not exist yet, and carries power as soon as it does.
async fn power_by_name() {
    let keys = [("privileged", vec!["Operators"].into())];
    let role: toml::Table = "client = \"realm-management\"\nrole = \"manage-users\"".parse().unwrap();
    let stage = stage_with(
        &keys,
        async |_| {},
        |realm, prepared| {
            prepared.set(&["realms", realm, "groups", "roles", "Operators"], vec![toml::Value::from(role)])
        },
    )
    .await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[]).await;
    stage.realm.empower_user(&babs).await;
    let unchanged = Unchanged::note(&stage).await;
    let both = [babs.clone(), jane.clone()];
    refused(&stage.scim.post("/Groups", &group("Operators", &both)).await, 403, Code::ProtectedGroup);
    unchanged.hold("creating it with somebody who has power").await;
    refused(&stage.scim.post("/Groups", &group("Operators", [&guides])).await, 400, Code::ProtectedGroup);
    unchanged.hold("creating it with a group in it").await;
    refused(&stage.scim.put(&at(&guides), &group("operators", &both)).await, 403, Code::ProtectedGroup);
    unchanged.hold("giving its name to a group, and somebody who has power to that").await;
    let id = stage.push("Operators", &[&jane]).await;
    let has_power = async |user: &str| {
        let (management, _) = stage.realm.management_role("manage-users").await;
        let path = format!("/users/{user}/role-mappings/clients/{management}/composite");
        !stage.realm.get(&path).await.as_array().unwrap().is_empty()
    };
    assert!(has_power(&jane).await, "as the configuration says");
    stage.scim.patch(&at(&id), &removing([&jane])).await.expect(200);
    assert!(!has_power(&jane).await);
}

async fn shown() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let id = stage.push("Guides", &[&babs]).await;
    stage.realm.empower_user(&babs).await;
    assert_eq!(users(&stage.pushed(&id).await), [babs.as_str()]);
    // In an ordinary group they are members like others.
    stage.scim.patch(&at(&id), &removing([&babs])).await.expect(200);
    assert_eq!(users(&stage.pushed(&id).await), [""; 0]);
    stage.scim.patch(&at(&id), &adding([&babs])).await.expect(200);
    assert_eq!(stage.realm.members(&id).await, [babs]);
}

async fn tag() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    let id = stage.push("Guides", &[&babs]).await;
    let mallory = realm.create_user(&crate::scenarios::stage::by_hand("mallory")).await;
    realm.map_group_role(&id, "scim-managed").await;
    realm.join(&mallory, &id).await;
    stage.scim.get(&format!("/Users/{mallory}")).await.expect(404);
    stage.scim.delete(&format!("/Users/{mallory}")).await.expect(404);
    assert_eq!(stage.listed().await, ["babs"]);
    assert_eq!(users(&stage.pushed(&id).await), [babs.as_str()]);
    let answer = stage.scim.patch(&at(&id), &adding([&mallory])).await;
    assert!(refused(&answer, 400, Code::UnknownMember).contains(&mallory), "{answer}");
    // Who loses the role itself is not kept by the group.
    realm.unmap_role(&babs, "scim-managed").await;
    stage.scim.get(&format!("/Users/{babs}")).await.expect(404);
    until("nothing says that she is managed", async || {
        realm.user(&babs).await.unwrap()["attributes"].get("scim.managed")
            != Some(&Value::from(vec!["realm"]))
    })
    .await;
}
