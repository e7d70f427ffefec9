//! Names of groups: what Keycloak can't keep is refused before it, letter case tells no two groups apart, and only where
//! SCIM's groups live does another group stand in the way.

use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{
    GROUP, Unchanged, adding, at, group, prepared, refused, removing, renaming, stage, users,
};
use crate::admin::{Realm, admin};
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::names::what_keycloak_can_not_keep_is_refused", impossible),
        both("groups::names::what_keycloak_can_keep_is_kept", possible),
        both("groups::names::letter_case_tells_no_two_groups_apart", letter_case),
        both("groups::names::a_group_within_another_has_its_name_too", nested),
        both("groups::names::a_group_that_is_not_managed_keeps_its_name", unmanaged),
        both("groups::names::a_group_elsewhere_hinders_nobody", elsewhere),
        both("groups::names::a_name_that_only_keycloak_can_give_is_served", given_by_hand),
        both("groups::names::groups_live_below_the_parent_alone", below_parent),
        both("groups::names::a_parent_that_can_not_serve_is_refused_at_start", bad_parent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn impossible() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    let unchanged = Unchanged::note(&stage).await;
    let long = "x".repeat(256);
    // Keycloak's column holds 255 UTF-16 units, of which such a sign takes two.
    let signs = "😀".repeat(128);
    for (name, code) in [
        (long.as_str(), Code::ValueTooLong),
        (&signs, Code::ValueTooLong),
        ("Sales/Marketing", Code::UnacceptableValue),
        ("/", Code::UnacceptableValue),
        ("/Sales", Code::UnacceptableValue),
        (" ", Code::RequiredMissing),
        ("\u{a0}\u{3000}", Code::RequiredMissing),
        ("\t", Code::RequiredMissing),
        ("Sales\n", Code::UnacceptableValue),
        ("Sa\0les", Code::UnacceptableValue),
        ("Sa\u{7f}les", Code::UnacceptableValue),
        ("Sa\u{85}les", Code::UnacceptableValue),
        ("", Code::RequiredMissing),
    ] {
        for (what, answer) in [
            ("POST", stage.scim.post("/Groups", &group(name, [&babs])).await),
            ("PUT", stage.scim.put(&at(&guides), &group(name, [])).await),
            ("PATCH", stage.scim.patch(&at(&guides), &renaming(name)).await),
        ] {
            let detail = refused(&answer, 400, code);
            assert_eq!(answer.json()["scimType"], "invalidValue", "{what} of {name:?}: {detail}");
            assert!(detail.contains("displayName"), "{what} of {name:?}: {detail}");
        }
        unchanged.hold(&format!("{name:?}")).await;
    }
    let remove = patch(&json!([{ "op": "remove", "path": "displayName" }]));
    for (what, answer) in [
        ("POST without a name", stage.scim.post("/Groups", &json!({ "schemas": [GROUP] })).await),
        (
            "POST of null",
            stage.scim.post("/Groups", &json!({ "schemas": [GROUP], "displayName": null })).await,
        ),
        ("PUT without a name", stage.scim.put(&at(&guides), &json!({ "schemas": [GROUP] })).await),
        ("PATCH that removes it", stage.scim.patch(&at(&guides), &remove).await),
    ] {
        assert_eq!(answer.status, 400, "{what}: {answer}");
        unchanged.hold(what).await;
    }
    // Half of a sign is no text at all.
    let torn = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"\ud83d"}"#;
    let answer = stage.scim.raw(Method::POST, "/Groups", Some("application/scim+json"), torn).await;
    answer.scim_error(400, Some("invalidSyntax"));
    unchanged.hold("half of a sign").await;
}

async fn possible() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let (long, signs) = ("x".repeat(255), "😀".repeat(127));
    for name in [
        long.as_str(),
        &signs,
        "Ärzte & Co. [neu] \\ *",
        "100%_\"quoted\" 'twice'",
        "営業部",
        "  padded  ",
        "*",
        "Tour Guides (EMEA)",
        "../Guides?x=1#y",
    ]
    .into_iter()
    .filter(|name| !name.contains('/'))
    {
        let answer = stage.scim.post("/Groups", &group(name, [&babs])).await.expect(201);
        let id = answer.id();
        assert_eq!(answer.json()["displayName"], name);
        assert_eq!(stage.pushed(&id).await["displayName"], name);
        assert_eq!(stage.realm.group(&id).await["name"], name);
        let quoted = Value::from(name).to_string();
        for operator in ["eq", "sw", "ew", "co"] {
            let filter = format!("displayName {operator} {quoted}");
            assert_eq!(stage.found_groups(&filter).await, [id.as_str()], "{filter}");
        }
        let again = stage.scim.post("/Groups", &group(name, [])).await;
        assert!(refused(&again, 409, Code::GroupExists).contains(&id), "{again}");
        // To another name, and back.
        stage.scim.patch(&at(&id), &renaming("Guides")).await.expect(200);
        stage.scim.put(&at(&id), &group(name, [&babs])).await.expect(200);
        assert_eq!(stage.groups_of(&babs).await, [(name.to_owned(), "direct".to_owned())]);
        stage.scim.delete(&at(&id)).await.expect(204);
    }
}

async fn letter_case() {
    let stage = Stage::new("groups").await;
    let sales = stage.push("Büro", &[]).await;
    let guides = stage.push("Guides", &[]).await;
    let unchanged = Unchanged::note(&stage).await;
    for name in ["Büro", "büro", "BÜRO"] {
        for (what, answer) in [
            ("POST", stage.scim.post("/Groups", &group(name, [])).await),
            ("PUT", stage.scim.put(&at(&guides), &group(name, [])).await),
            ("PATCH", stage.scim.patch(&at(&guides), &renaming(name)).await),
        ] {
            let detail = refused(&answer, 409, Code::GroupExists);
            assert!(detail.contains(&sales), "{what} of {name}: {detail}");
            assert_eq!(answer.json()["scimType"], "uniqueness");
        }
        unchanged.hold(name).await;
        assert_eq!(stage.found_groups(&format!("displayName eq \"{name}\"")).await, [sales.as_str()]);
    }
    // Its own name it may have in any form.
    for name in ["BÜRO", "büro", "Büro"] {
        let answer = stage.scim.patch(&at(&sales), &renaming(name)).await.expect(200);
        assert_eq!(answer.json()["displayName"], name);
        assert_eq!(stage.realm.group(&sales).await["name"], name);
    }
    stage.scim.put(&at(&sales), &group("BÜRO", [])).await.expect(200);
    // What is free again can be taken.
    stage.scim.patch(&at(&sales), &renaming("Verkauf")).await.expect(200);
    stage.scim.patch(&at(&guides), &renaming("büro")).await.expect(200);
    stage.scim.delete(&at(&sales)).await.expect(204);
    stage.push("VERKAUF", &[]).await;
}

async fn nested() {
    let stage = Stage::new("groups").await;
    for name in ["Guides", "営業"] {
        let inner = stage.push(name, &[]).await;
        let outer = stage.push(&format!("Staff {name}"), &[&inner]).await;
        let other = stage.push(&format!("Other {name}"), &[]).await;
        let unchanged = Unchanged::note(&stage).await;
        for taken in [name.to_owned(), name.to_uppercase()] {
            for answer in [
                stage.scim.post("/Groups", &group(&taken, [])).await,
                stage.scim.patch(&at(&other), &renaming(&taken)).await,
                stage.scim.patch(&at(&outer), &renaming(&taken)).await,
            ] {
                assert!(refused(&answer, 409, Code::GroupExists).contains(&inner), "{answer}");
            }
            unchanged.hold(&taken).await;
        }
        assert_eq!(stage.found_groups(&format!("displayName eq \"{name}\"")).await, [inner.as_str()]);
        stage.scim.patch(&at(&inner), &renaming(&format!("{name} too"))).await.expect(200);
        stage.push(name, &[]).await;
    }
}

async fn unmanaged() {
    let stage = Stage::new("groups").await;
    stage.realm.group_by_hand("Sales", None).await;
    let guides = stage.push("Guides", &[]).await;
    let unchanged = Unchanged::note(&stage).await;
    for name in ["Sales", "SALES"] {
        for answer in [
            stage.scim.post("/Groups", &group(name, [])).await,
            stage.scim.put(&at(&guides), &group(name, [])).await,
            stage.scim.patch(&at(&guides), &renaming(name)).await,
        ] {
            let detail = refused(&answer, 409, Code::UnmanagedGroupExists);
            assert!(detail.contains("groups.on_existing") && detail.contains("scim.managed"), "{detail}");
        }
        unchanged.hold(name).await;
    }
}

async fn elsewhere() {
    let stage = Stage::new("groups").await;
    let company = stage.realm.group_by_hand("Company", None).await;
    let foreign = stage.realm.group_by_hand("Sales", Some(&company)).await;
    let staff = stage.push("Staff", &[]).await;
    stage.realm.group_by_hand("Guides", Some(&staff)).await;
    let sales = stage.push("Sales", &[]).await;
    let guides = stage.push("guides", &[]).await;
    stage.scim.patch(&at(&guides), &renaming("Guides")).await.expect(200);
    assert_ne!(sales, foreign);
    assert_eq!(stage.found_groups("displayName eq \"Sales\"").await, [sales.as_str()]);
    assert_eq!(stage.found_groups("displayName eq \"Guides\"").await, [guides.as_str()]);
    assert_eq!(stage.listed_groups().await, ["Guides", "Sales", "Staff"]);
    stage.scim.delete(&at(&sales)).await.expect(204);
    assert_eq!(stage.realm.group(&foreign).await["path"], "/Company/Sales");
}

/// An administrator may give a group a name that no client could, and the tag.
async fn given_by_hand() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let id = stage.realm.group_by_hand("Sales/Marketing", None).await;
    stage.realm.tag_group(&id).await;
    assert_eq!(stage.found_groups("displayName eq \"sales/marketing\"").await, [id.as_str()]);
    let answer = stage.scim.patch(&at(&id), &adding([&babs])).await.expect(200);
    assert_eq!(
        (answer.json()["displayName"].as_str(), users(answer.json())),
        (Some("Sales/Marketing"), vec![babs])
    );
    // As it is, it may stay in a PUT too.
    stage.scim.put(&at(&id), &group("Sales/Marketing", [])).await.expect(200);
    refused(&stage.scim.put(&at(&id), &group("Sales/PR", [])).await, 400, Code::UnacceptableValue);
    stage.scim.delete(&at(&id)).await.expect(204);
}

async fn below_parent() {
    for visible in ["managed", "all"] {
        let stage =
            stage(&[("parent", "/Company/SCIM".into()), ("visible", visible.into())], async |realm| {
                let company = realm.group_by_hand("Company", None).await;
                realm.group_by_hand("SCIM", Some(&company)).await;
            })
            .await;
        let realm = &stage.realm;
        let company = realm.group_named("Company", None).await.unwrap();
        let home = realm.group_named("SCIM", Some(&company)).await.unwrap();
        let babs = stage.create("babs").await;
        // Nothing but what is below it exists, whatever tag it has.
        let mut hidden = vec![company.clone(), home.clone()];
        hidden.push(realm.group_by_hand("Guides", None).await);
        hidden.push(realm.group_by_hand("Guides", Some(&company)).await);
        for id in &hidden {
            realm.tag_group(id).await;
            realm.join(&babs, id).await;
        }
        let unchanged = Unchanged::note(&stage).await;
        assert_eq!(stage.listed_groups().await, [""; 0]);
        assert_eq!(stage.groups_of(&babs).await, []);
        for id in &hidden {
            refused(&stage.scim.get(&at(id)).await, 404, Code::NotFound);
            assert_eq!(stage.found_groups(&format!("id eq \"{id}\"")).await, [""; 0]);
            refused(&stage.scim.patch(&at(id), &removing([&babs])).await, 404, Code::NotFound);
            refused(&stage.scim.delete(&at(id)).await, 404, Code::NotFound);
            let answer = stage.scim.post("/Groups", &group("Staff", [id])).await;
            refused(&answer, 400, Code::UnknownMember);
        }
        assert_eq!(stage.found_groups(&format!("members eq \"{babs}\"")).await, [""; 0]);
        unchanged.hold("what is not below it").await;

        let guides = stage.push("Guides", &[&babs]).await;
        assert_eq!(realm.group(&guides).await["path"], "/Company/SCIM/Guides");
        let staff = stage.push("Staff", &[&guides]).await;
        assert_eq!(realm.group(&guides).await["path"], "/Company/SCIM/Staff/Guides");
        let both = [("Guides", "direct"), ("Staff", "indirect")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(stage.groups_of(&babs).await, both);
        // Taken out, it is back where it was.
        stage.scim.patch(&at(&staff), &removing([&guides])).await.expect(200);
        assert_eq!(realm.group(&guides).await["path"], "/Company/SCIM/Guides");
        stage.scim.patch(&at(&staff), &adding([&guides])).await.expect(200);
        stage.scim.delete(&at(&staff)).await.expect(204);
        assert_eq!(realm.group(&guides).await["path"], "/Company/SCIM/Guides");
        // The name of the parent itself is free.
        let same = stage.push("SCIM", &[]).await;
        assert_eq!(realm.group(&same).await["path"], "/Company/SCIM/SCIM");
        assert_eq!(stage.listed_groups().await, ["Guides", "SCIM"]);
        // An unmanaged group stands in the way only there.
        realm.group_by_hand("Sales", Some(&home)).await;
        let answer = stage.scim.post("/Groups", &group("sales", [])).await;
        refused(&answer, 409, Code::UnmanagedGroupExists);
    }
}

async fn bad_parent() {
    let realm = admin().await.create_realm("groups").await;
    let path = "/Company/SCIM";
    let refusal = async |realm: &Realm| {
        let ended = prepared(realm, &[("parent", path.into())]).await.try_serve().await;
        let ended = ended.err().unwrap_or_else(|| panic!("it serves"));
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("groups.parent"), "{}", ended.stderr);
        ended.stderr
    };
    let missing = "the group /Company/SCIM (groups.parent) is missing: create it in Keycloak";
    assert!(refusal(&realm).await.contains(missing));
    let company = realm.group_by_hand("Company", None).await;
    assert!(refusal(&realm).await.contains(missing));
    // Somewhere else it is not the one.
    realm.group_by_hand("SCIM", None).await;
    assert!(refusal(&realm).await.contains(missing));
    let home = realm.group_by_hand("SCIM", Some(&company)).await;
    realm.create_role("developer").await;
    for (id, name) in [(&home, "SCIM"), (&company, "Company")] {
        realm.map_group_role(id, "developer").await;
        let said = refusal(&realm).await;
        assert!(said.contains(&format!("the group \"{name}\" carries roles")), "{said}");
        assert!(said.contains("take them away"), "{said}");
        realm.unmap_group_role(id, "developer").await;
    }
    realm.empower_group(&company).await;
    assert!(refusal(&realm).await.contains("the group \"Company\" carries roles"));
    let (management, role) = realm.management_role("realm-admin").await;
    let mappings = format!("/groups/{company}/role-mappings/clients/{management}");
    realm.call(Method::DELETE, &mappings, Some(&json!([role]))).await.ok();
    // What was said mends it.
    let gateway = prepared(&realm, &[("parent", path.into())]).await.serve().await;
    let id = gateway.scim().await.post("/Groups", &group("Guides", [])).await.expect(201).id();
    assert_eq!(realm.group(&id).await["path"], "/Company/SCIM/Guides");
}
