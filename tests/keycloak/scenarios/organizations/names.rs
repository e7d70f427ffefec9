//! Names and addresses are taken once in a realm: what a 409 must say of somebody elsewhere, and no more.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::json;

use super::{NOBODY, Scene, at, create, listed, scene, told};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scenarios::auth::sha256;
use crate::scenarios::stage::{by_hand, patch, person};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::whose_a_name_or_address_is_stays_untold", taken),
        both("organizations::who_of_its_own_has_a_name_or_address_is_told", taken_by_own),
        both("organizations::user_names_that_keycloak_does_not_keep_are_each_tenants_own", own_names),
        both("organizations::one_under_two_keys_is_served_by_its_id", two_keys),
        both("organizations::a_member_elsewhere_is_unknown", members),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn taken() {
    let scene = Scene::new().await;
    let id = scene.contoso.create("babs").await;
    scene.fabrikam.create("jane").await;
    create(&scene.own, "adam").await;
    scene.realm.create_user(&by_hand("alice")).await;
    let other = scene.realm.create_user(&by_hand("bob")).await;
    scene.realm.add_member(&scene.adatum, &other).await;
    let before = scene.stored().await;
    let mut texts = BTreeSet::new();
    let scim = &scene.contoso.scim;
    let path = at(&id);
    for name in ["jane", "JANE", "adam", "alice", "bob"] {
        let address = format!("{name}@example.com");
        let mut by_name = person("somebody");
        by_name["userName"] = name.into();
        let mut by_address = person("somebody");
        by_address["emails"][0]["value"] = address.clone().into();
        let mut renamed = person("babs");
        renamed["userName"] = name.into();
        let mut readdressed = person("babs");
        readdressed["emails"][0]["value"] = address.clone().into();
        let rename = patch(&json!([{ "op": "replace", "path": "userName", "value": name }]));
        let move_to =
            patch(&json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": address }]));
        let without_address = json!({ "schemas": [crate::scim::USER], "userName": address });
        for answer in [
            scim.post("/Users", &person(name)).await,
            scim.post("/Users", &by_name).await,
            scim.post("/Users", &by_address).await,
            scim.post("/Users", &without_address).await,
            scim.put(&path, &renamed).await,
            scim.put(&path, &readdressed).await,
            scim.patch(&path, &rename).await,
            scim.patch(&path, &move_to).await,
        ] {
            answer.scim_error(409, Some("uniqueness"));
            assert_eq!(answer.code(), Some(Code::UserExists), "{answer}");
            texts.insert(told(&answer, ""));
        }
    }
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(scene.stored().await, before, "nothing changed in Keycloak");
    assert_eq!(listed(scim).await, ["babs"]);
    // Of its own it may know more.
    let own = scim.post("/Users", &person("babs")).await.expect(409);
    assert!(own.json()["detail"].as_str().unwrap().contains(&id), "{own}");
}

async fn taken_by_own() {
    let scene = Scene::new().await;
    let scim = &scene.contoso.scim;
    let id = scene.contoso.create("babs").await;
    scene.contoso.create("jane").await;
    let before = scene.stored().await;
    let change = |path: &str, value: &str| patch(&json!([{ "op": "replace", "path": path, "value": value }]));
    let mut addressed = person("somebody");
    addressed["emails"][0]["value"] = "jane@example.com".into();
    let mut named = person("jane@example.com");
    named["emails"][0]["value"] = "somebody@example.com".into();
    let unaddressed = json!({ "schemas": [crate::scim::USER], "userName": "jane@example.com" });
    for (answer, code) in [
        (scim.patch(&at(&id), &change("userName", "jane")).await, Code::UserExists),
        (
            scim.patch(&at(&id), &change("emails[type eq \"work\"].value", "jane@example.com")).await,
            Code::EmailExists,
        ),
        (scim.post("/Users", &addressed).await, Code::EmailExists),
        (scim.post("/Users", &named).await, Code::UserExists),
        (scim.post("/Users", &unaddressed).await, Code::UserExists),
    ] {
        let detail = answer.scim_error(409, Some("uniqueness"))["detail"].to_string();
        assert_eq!(answer.code(), Some(code), "{answer}");
        assert!(!detail.contains("not this organization's"), "{detail}");
    }
    assert_eq!(scene.stored().await, before, "nothing changed in Keycloak");
}

async fn own_names() {
    let scene =
        Scene::swept("1h", |realm, prepared| prepared.set(&["realms", realm, "email_as_username"], true))
            .await;
    let named = |user_name: &str, address: &str| {
        let mut body = person(user_name);
        body["emails"][0]["value"] = format!("{address}@example.com").into();
        body
    };
    // Keycloak's username is the address; the userName may be anything, somebody else's address too.
    scene.fabrikam.scim.post("/Users", &named("jane", "j.smith")).await.expect(201);
    for (number, user_name) in ["jane", "j.smith@example.com"].into_iter().enumerate() {
        for (tenant, scim) in [("contoso", &scene.contoso.scim), ("own", &scene.own)] {
            let body = named(user_name, &format!("{tenant}-{number}"));
            let answer = scim.post("/Users", &body).await.expect(201);
            assert_eq!(answer.json()["userName"], user_name, "{answer}");
            let again = named(user_name, &format!("{tenant}-{number}-again"));
            scim.post("/Users", &again).await.scim_error(409, Some("uniqueness"));
        }
    }
}

async fn two_keys() {
    let realm = admin().await.create_realm("organizations").await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let id = realm.create_organization("contoso").await;
    let by_alias = Gateway::setup_with(&realm, Auth::Token, &["--organization", "contoso"]).await;
    let table = format!(
        "[realms.{}.organizations.{id:?}.callers.okta]\nauth = \"token\"\nsha256 = [\"{}\"]",
        realm.name(),
        sha256("a-token-of-the-id")
    );
    let gateway = by_alias.append(&table).serve_in_part().await;
    let base = gateway.base_url().replace("/contoso", &format!("/{id}"));
    Scim::bearer(&base, "a-token-of-the-id").post("/Users", &person("babs")).await.expect(201);
    let refused = gateway.scim().await.get("/Users").await.expect(503);
    assert_eq!(refused.code(), Some(Code::RealmNotReady), "{refused}");
    let log = gateway.log();
    let told = format!("the organization \"contoso\" of the realm \"{}\" is not ready", realm.name());
    let why = format!("the configuration has it by its id \"{id}\" as well, and is served by that");
    assert!(log.contains(&told) && log.contains(&why), "{log}");
}

async fn members() {
    let scene = Scene::new().await;
    let own = scene.contoso.create("babs").await;
    let others = [
        scene.fabrikam.create("jane").await,
        create(&scene.own, "adam").await,
        scene.realm.create_user(&by_hand("alice")).await,
        scene.fabrikam.scim.post("/Groups", &scene::group("Theirs", [])).await.expect(201).id(),
        scene.own.post("/Groups", &scene::group("The realm's", [])).await.expect(201).id(),
    ];
    let scim = &scene.contoso.scim;
    let group = scim.post("/Groups", &scene::group("Guides", [&own])).await.expect(201).id();
    let before = scene.stored().await;
    let path = scene::at(&group);
    let answers = async |member: &String| {
        let members = [own.clone(), member.clone()];
        let all = [
            scim.post("/Groups", &scene::group("Tour guides", [member])).await,
            scim.put(&path, &scene::group("Guides", &members)).await,
            scim.patch(&path, &scene::adding([member])).await,
            scim.patch(&path, &scene::removing([member])).await,
        ];
        assert_eq!(all.each_ref().map(|answer| answer.status)[..3], [400; 3], "{}", all[2]);
        assert!(all[3].status < 300, "{}", all[3]);
        all.map(|answer| {
            let (status, text) = told(&answer, member);
            // When the group was changed last is no matter of the member.
            (status, if status == 400 { text } else { String::new() })
        })
    };
    let unknown = answers(&NOBODY.to_owned()).await;
    for member in &others {
        assert_eq!(answers(member).await, unknown, "{member}");
    }
    assert_eq!(scene.stored().await, before, "nothing changed in Keycloak");
}
