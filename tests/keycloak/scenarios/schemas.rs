//! Schemas of a realm's own, as the configuration declares them, and what every answer shows of a user.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::stage::{Stage, patch, until, user_names};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scim::{Answer, USER};

const BADGE: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";

/// A schema with an attribute of each type and characteristic.
const SCHEMA: &str = r#"
[realms.REALM.schemas."URN"]
name = "Badge"
description = "Badges and where they open doors"

[realms.REALM.schemas."URN".attributes]
number = { required = true, case_exact = true, uniqueness = "server", keycloak_attribute = "badgeNumber" }
colour = { mutability = "readOnly", keycloak_attribute = "badgeColour", description = "Set by the security desk" }
issuer = { mutability = "immutable", canonical_values = ["HQ", "Branch"] }
pin = { mutability = "writeOnly", keycloak_attribute = "badgePin" }
note = { returned = "request" }
kind = { returned = "always" }
tags = { multi_valued = true, keycloak_attribute = "badgeTags" }
level = { type = "integer", keycloak_attribute = "badgeLevel" }
weight = { type = "decimal" }
lost = { type = "boolean" }
expires = { type = "dateTime" }
photo = { type = "reference", reference_types = ["external"] }
print = { type = "binary" }

[realms.REALM.schemas."URN".attributes.doors]
type = "complex"
multi_valued = true
sub_attributes = { value = { required = true }, side = {}, primary = { type = "boolean" } }
"#;

pub fn trials() -> Vec<Trial> {
    [
        both("schemas::a_custom_schema_is_declared_as_configured", declared),
        both("schemas::its_attributes_are_kept_exactly_and_where_configured", kept),
        both("schemas::its_attributes_can_be_filtered_by", filtered),
        both("schemas::it_is_patched_by_path_and_by_key", patched),
        both("schemas::a_required_attribute_must_come_with_the_extension", required),
        both("schemas::a_unique_value_is_taken_by_one_user", unique),
        both("schemas::an_immutable_attribute_is_set_once", immutable),
        both("schemas::what_keycloak_sets_is_shown_and_not_written", read_only),
        both("schemas::what_is_never_returned_is_nowhere", never),
        both("schemas::unknown_schemas_are_refused_where_configured", unknown),
        both("schemas::each_verb_shows_what_is_asked_for", projected),
        both("schemas::what_is_mapped_later_is_found_and_kept_unique", mapped_later),
        both("schemas::no_attribute_holds_up_a_leaver", leaver),
        both("schemas::what_was_answered_may_be_sent_back", echoed),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A gateway whose realm has the schema, and declares what it maps.
async fn stage() -> Stage {
    stage_with("").await
}

async fn stage_with(realm_keys: &str) -> Stage {
    let realm = admin().await.create_realm("schemas").await;
    declare(&realm, &["badgeNumber", "badgeColour", "badgePin", "badgeTags", "badgeLevel"]).await;
    let schema = SCHEMA.replace("REALM", realm.name()).replace("URN", BADGE);
    let table = format!("[realms.{}]\n", realm.name());
    let prepared = Gateway::setup(&realm, Auth::Token).await.append(&schema);
    let prepared = prepared.rewrite(|config| config.replacen(&table, &format!("{table}{realm_keys}\n"), 1));
    let gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    Stage { gateway, scim, realm }
}

async fn declare(realm: &Realm, names: &[&str]) {
    let mut profile = realm.get("/users/profile").await;
    for name in names {
        profile["attributes"].as_array_mut().unwrap().push(json!({
            "name": name, "displayName": name, "annotations": {}, "multivalued": *name == "badgeTags",
            "permissions": { "view": ["admin"], "edit": ["admin"] },
        }));
    }
    realm.put("/users/profile", &profile).await;
}

fn badge(number: &str) -> Value {
    json!({
        "number": number, "issuer": "HQ", "note": "a note", "kind": "visitor", "tags": ["Night shift", "a", "B"],
        "level": 3, "weight": 1.25, "lost": false, "expires": "2027-01-01T00:00:00+01:00",
        "photo": "https://example.com/Photo", "print": "TUlJRFF6Q0NBcXlnQXdJQkFnSUNFQUF3RFFZSg==",
        "doors": [{ "value": "front", "side": "left", "primary": true }, { "value": "back" }],
    })
}

fn badged(user_name: &str, badge: &Value) -> Value {
    json!({ "schemas": [USER, BADGE], "userName": user_name, BADGE: badge })
}

async fn create(stage: &Stage, user_name: &str, badge: &Value) -> Answer {
    stage.scim.post("/Users", &badged(user_name, badge)).await
}

/// What a client sees of the badge unless it asks for more.
fn seen(badge: &Value) -> Value {
    let mut seen = badge.clone();
    for name in ["note", "pin"] {
        seen.as_object_mut().unwrap().remove(name);
    }
    seen
}

async fn declared() {
    let stage = stage().await;
    let schema = stage.scim.get(&format!("/Schemas/{BADGE}")).await.expect(200).json().clone();
    assert_eq!((&schema["id"], &schema["name"]), (&json!(BADGE), &json!("Badge")));
    assert_eq!(schema["description"], "Badges and where they open doors");
    let attribute = |name: &str| {
        let attributes = schema["attributes"].as_array().unwrap();
        attributes.iter().find(|attribute| attribute["name"] == name).unwrap().clone()
    };
    let number = attribute("number");
    for (key, value) in [
        ("type", json!("string")),
        ("multiValued", json!(false)),
        ("required", json!(true)),
        ("caseExact", json!(true)),
        ("mutability", json!("readWrite")),
        ("returned", json!("default")),
        ("uniqueness", json!("server")),
    ] {
        assert_eq!(number[key], value, "{key}");
    }
    assert_eq!(
        (&attribute("colour")["mutability"], &attribute("colour")["description"]),
        (&json!("readOnly"), &json!("Set by the security desk"))
    );
    assert_eq!(attribute("issuer")["canonicalValues"], json!(["HQ", "Branch"]));
    assert_eq!(
        (&attribute("pin")["mutability"], &attribute("pin")["returned"]),
        (&json!("writeOnly"), &json!("never"))
    );
    assert_eq!(attribute("doors")["subAttributes"].as_array().unwrap().len(), 3);
    let listed = stage.scim.get("/Schemas").await;
    assert!(listed.resources().contains(&schema));
    let user = stage.scim.get("/ResourceTypes/User").await.expect(200).json().clone();
    assert!(
        user["schemaExtensions"].as_array().unwrap().contains(&json!({ "schema": BADGE, "required": false }))
    );
}

async fn kept() {
    let stage = stage().await;
    let created = create(&stage, "bjensen", &badge("B-7")).await.expect(201);
    assert_eq!(created.json()[BADGE], seen(&badge("B-7")));
    assert!(created.json()["schemas"].as_array().unwrap().contains(&json!(BADGE)), "{created}");
    let id = created.id();
    assert_eq!(stage.read(&id).await[BADGE], seen(&badge("B-7")));
    let stored = stage.stored(&id).await["attributes"].clone();
    assert_eq!((&stored["badgeNumber"], &stored["badgeLevel"]), (&json!(["B-7"]), &json!(["3"])));
    let mut tags: Vec<_> = stored["badgeTags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["B", "Night shift", "a"]);
    // A PUT of what was read changes nothing, also not what it did not show.
    let read = stage.scim.get(&format!("/Users/{id}")).await.json().clone();
    let put = stage.scim.put(&format!("/Users/{id}"), &read).await.expect(200);
    assert_eq!(*put.json(), read);
    let whole = stage.scim.get(&format!("/Users/{id}?attributes={BADGE}:note")).await;
    assert_eq!(whole.json()[BADGE]["note"], "a note");
    // And one without the optional ones clears them.
    let put = stage
        .scim
        .put(&format!("/Users/{id}"), &badged("bjensen", &json!({ "number": "B-8" })))
        .await
        .expect(200);
    assert_eq!(put.json()[BADGE], json!({ "number": "B-8", "issuer": "HQ" }));
    assert_eq!(stage.stored(&id).await["attributes"].get("badgeLevel"), None);
}

async fn filtered() {
    let stage = stage().await;
    for (name, number, level, tags) in [
        ("one", "A-1", 1, json!(["x"])),
        ("two", "a-2", 20, json!(["X y", "z%"])),
        ("three", "A-3", 3, json!([])),
    ] {
        let badge = json!({ "number": number, "level": level, "tags": tags, "doors": [{ "value": name }],
            "weight": 0.5 * f64::from(level), "lost": level > 10, "expires": format!("2027-01-{level:02}T00:00:00Z") });
        create(&stage, name, &badge).await.expect(201);
    }
    stage.create_with("plain", json!({})).await;
    for (filter, expected) in [
        (format!("{BADGE}:number eq \"A-1\""), &["one"][..]),
        (format!("{BADGE}:number eq \"a-1\""), &[]),
        (format!("{BADGE}:number sw \"A\""), &["one", "three"]),
        (format!("{}:NUMBER SW \"A\"", BADGE.to_uppercase()), &["one", "three"]),
        (format!("{BADGE}:level gt 2"), &["three", "two"]),
        ("level le 3 and weight ge 1.5".into(), &["three"]),
        (format!("{BADGE}:lost eq true"), &["two"]),
        (format!("{BADGE}:expires lt \"2027-01-04T01:00:00+02:00\""), &["one", "three"]),
        (format!("{BADGE}:tags eq \"x\""), &["one"]),
        (format!("{BADGE}:tags[value sw \"x\" and value ew \"Y\"]"), &["two"]),
        (format!("{BADGE}:tags co \"%\""), &["two"]),
        (format!("{BADGE}:doors eq \"one\" or {BADGE}:doors[value eq \"two\"]"), &["one", "two"]),
        (format!("not ({BADGE}:number pr)"), &["plain"]),
        (format!("schemas eq \"{BADGE}\" and {BADGE}:level ne 1"), &["three", "two"]),
    ] {
        let answer = stage.scim.list("Users", &filter, "").await;
        assert_eq!(user_names(answer.resources()), expected, "{filter}");
        assert_eq!(answer.json()["totalResults"], expected.len(), "{filter}");
    }
    for refused in
        [format!("{BADGE}:nope eq \"x\""), format!("{BADGE}:level co 1"), format!("{BADGE}:level eq 1.5")]
    {
        let answer = stage.scim.list("Users", &refused, "").await.expect(400);
        assert_eq!(answer.json()["scimType"], "invalidFilter", "{refused}");
    }
}

async fn patched() {
    let stage = stage().await;
    let id = create(&stage, "bjensen", &badge("B-7")).await.expect(201).id();
    let answer = stage
        .patch(
            &id,
            &json!([
                { "op": "Replace", "path": format!("{BADGE}:level"), "value": "5" },
                { "op": "Add", "path": format!("{BADGE}:tags"), "value": ["new", "a"] },
                { "op": "Remove", "path": format!("{BADGE}:tags[value eq \"B\"]") },
                { "op": "Replace", "path": format!("{BADGE}:doors[value eq \"back\"].side"), "value": "right" },
                { "op": "Replace", "value": { format!("{BADGE}:weight"): 2.5, BADGE: { "lost": "True" } } },
            ]),
        )
        .await
        .expect(200);
    let mut expected = seen(&badge("B-7"));
    expected["level"] = json!(5);
    expected["tags"] = json!(["Night shift", "a", "new"]);
    expected["doors"][1]["side"] = json!("right");
    expected["weight"] = json!(2.5);
    expected["lost"] = json!(true);
    assert_eq!(answer.json()[BADGE], expected);
    assert_eq!(stage.read(&id).await[BADGE], expected);
    let before = stage.read(&id).await;
    let same = json!([{ "op": "add", "path": format!("{BADGE}:tags"), "value": ["a"] }]);
    assert_eq!(*stage.patch(&id, &same).await.expect(200).json(), before);
    let wrong = json!([
        { "op": "replace", "path": format!("{BADGE}:level"), "value": 6 },
        { "op": "replace", "path": format!("{BADGE}:expires"), "value": "never" },
    ]);
    assert_eq!(stage.patch(&id, &wrong).await.expect(400).json()["scimType"], "invalidValue");
    assert_eq!(stage.read(&id).await, before);
}

async fn required() {
    let stage = stage().await;
    let answer = create(&stage, "bjensen", &json!({ "level": 1 })).await.expect(400);
    assert_eq!(
        (answer.code(), &answer.json()["scimType"]),
        (Some(Code::RequiredMissing), &json!("invalidValue"))
    );
    let id = stage.create_with("bjensen", json!({})).await;
    let add = json!([{ "op": "add", "value": { BADGE: { "level": 1 } } }]);
    stage.patch(&id, &add).await.expect(400);
    let add = json!([{ "op": "add", "value": { BADGE: { "level": 1, "number": "7" } } }]);
    stage.patch(&id, &add).await.expect(200);
    let remove = json!([{ "op": "remove", "path": format!("{BADGE}:number") }]);
    assert_eq!(stage.patch(&id, &remove).await.expect(400).json()["scimType"], "mutability");
    // What has come to be required since does not hold up other changes, least of all a leaver's.
    stage.settled().await;
    let mut without = stage.stored(&id).await;
    without["attributes"].as_object_mut().unwrap().remove("badgeNumber");
    stage.realm.put(&format!("/users/{id}"), &without).await;
    let title = json!([{ "op": "add", "path": "title", "value": "Guide" }]);
    assert_eq!(stage.patch(&id, &title).await.expect(200).json()["title"], "Guide");
    let put = async |active: bool| {
        let mut user = badged("bjensen", &json!({ "level": 1 }));
        user["active"] = json!(active);
        stage.scim.put(&format!("/Users/{id}"), &user).await
    };
    assert_eq!(put(true).await.expect(400).code(), Some(Code::RequiredMissing));
    assert_eq!(put(false).await.expect(200).json()["active"], false);
    let all = json!([{ "op": "remove", "path": BADGE }]);
    assert_eq!(stage.patch(&id, &all).await.expect(200).json().get(BADGE), None);
}

async fn unique() {
    let stage = stage().await;
    let number = |number: &str| json!({ "number": number });
    let id = create(&stage, "one", &number("B-7")).await.expect(201).id();
    let answer = create(&stage, "two", &number("B-7")).await.expect(409);
    assert_eq!((answer.code(), &answer.json()["scimType"]), (Some(Code::ValueExists), &json!("uniqueness")));
    assert!(!answer.json()["detail"].as_str().unwrap().contains("B-7"), "{answer}");
    assert_eq!(stage.scim.list("Users", "userName eq \"two\"", "").await.json()["totalResults"], 0);
    // It is compared case by case, as declared.
    let other = create(&stage, "two", &number("b-7")).await.expect(201).id();
    stage
        .patch(&id, &json!([{ "op": "replace", "path": format!("{BADGE}:number"), "value": "B-7" }]))
        .await
        .expect(200);
    let taken = json!([{ "op": "replace", "path": format!("{BADGE}:number"), "value": "B-7" }]);
    stage.patch(&other, &taken).await.expect(409);
    stage.scim.put(&format!("/Users/{other}"), &badged("two", &number("B-7"))).await.expect(409);
    // Users whom SCIM does not manage have their values too.
    stage
        .realm
        .create_user(
            &json!({ "username": "unmanaged", "enabled": true, "attributes": { "badgeNumber": ["U-1"] } }),
        )
        .await;
    create(&stage, "three", &number("U-1")).await.expect(409);
    // Of many at once one gets it.
    let all = (0..6).map(|n| {
        let stage = &stage;
        async move { create(stage, &format!("racer{n}"), &json!({ "number": "R-1" })).await.status }
    });
    let mut statuses = futures_util::future::join_all(all).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    // Free again once its user is gone.
    stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
    create(&stage, "four", &number("B-7")).await.expect(201);
}

async fn mapped_later() {
    let realm = admin().await.create_realm("schemas").await;
    declare(&realm, &["badgeCode", "badgeTags"]).await;
    let table = format!("[realms.{}.schemas.\"{BADGE}\".attributes]\n", realm.name());
    let plain = format!("{table}code = {{}}\ntags = {{ multi_valued = true }}\n");
    let prepared = Gateway::setup(&realm, Auth::Token).await.append(&plain);
    let config = prepared.config();
    let gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    let mut stage = Stage { gateway, scim, realm };
    let code = |code: &str| json!({ "code": code, "tags": ["night", "Day"] });
    let id = create(&stage, "one", &code("C-1")).await.expect(201).id();
    stage.settled().await;
    let mapped = format!(
        "{table}code = {{ uniqueness = \"server\", keycloak_attribute = \"badgeCode\" }}\n\
         tags = {{ multi_valued = true, keycloak_attribute = \"badgeTags\" }}\n"
    );
    let changed = std::fs::read_to_string(&config).unwrap().replace(&plain, &mapped);
    std::fs::write(&config, changed).unwrap();
    stage.gateway.restart().await;
    // Nobody is missed, whether the values are in their new places yet or not.
    for filter in ["code eq \"c-1\"", "tags eq \"day\"", "code sw \"C\""] {
        let found = stage.scim.list("Users", &format!("{BADGE}:{filter}"), "").await;
        assert_eq!(user_names(found.resources()), ["one"], "{filter}");
    }
    let moved = async || stage.stored(&id).await["attributes"]["badgeCode"] == json!(["C-1"]);
    until("the value is moved to its new place", moved).await;
    assert_eq!(stage.read(&id).await[BADGE], code("C-1"));
    create(&stage, "two", &code("c-1")).await.expect(409);
    create(&stage, "two", &code("c-2")).await.expect(201);
    let found = stage.scim.list("Users", &format!("{BADGE}:code eq \"C-2\""), "").await;
    assert_eq!(user_names(found.resources()), ["two"]);
}

async fn leaver() {
    let stage = stage().await;
    let first = create(&stage, "one", &json!({ "number": "1", "issuer": "HQ" })).await.expect(201).id();
    create(&stage, "two", &json!({ "number": "2" })).await.expect(201);
    for badge in [json!({ "number": "1", "issuer": "Branch" }), json!({ "number": "2" })] {
        let mut user = badged("one", &badge);
        user["active"] = json!(false);
        let answer = stage.scim.put(&format!("/Users/{first}"), &user).await;
        assert!([400, 409].contains(&answer.status), "{answer}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("deactivated all the same"), "{answer}");
        let read = stage.read(&first).await;
        assert_eq!(read["active"], false);
        assert_eq!(read[BADGE], json!({ "number": "1", "issuer": "HQ" }));
        stage.set_active(&first, true).await;
    }
}

async fn echoed() {
    let realm = admin().await.create_realm("schemas").await;
    let schema = format!(
        "[realms.{}.schemas.\"{BADGE}\".attributes]\n\
         pin = {{ mutability = \"writeOnly\", required = true }}\n\
         seal = {{ returned = \"request\", required = true }}\n\
         level = {{ type = \"integer\" }}\n",
        realm.name()
    );
    let gateway = Gateway::setup(&realm, Auth::Token).await.append(&schema).serve().await;
    let scim = gateway.scim().await;
    let stage = Stage { gateway, scim, realm };
    let sent = json!({ "pin": "1", "seal": "s", "level": 1 });
    let created = create(&stage, "bjensen", &sent).await.expect(201);
    let path = format!("/Users/{}", created.id());
    let put = stage.scim.put(&path, created.json()).await.expect(200);
    assert_eq!(put.json(), created.json());
    let seal = stage.scim.get(&format!("{path}?attributes={BADGE}:seal")).await;
    assert_eq!(seal.json()[BADGE], json!({ "seal": "s" }));
    create(&stage, "other", &json!({ "level": 1 })).await.expect(400);
}

async fn immutable() {
    let stage = stage().await;
    let id = create(&stage, "bjensen", &json!({ "number": "7" })).await.expect(201).id();
    let set = |value: &str| json!([{ "op": "add", "path": format!("{BADGE}:issuer"), "value": value }]);
    stage.patch(&id, &set("HQ")).await.expect(200);
    stage.patch(&id, &set("HQ")).await.expect(200);
    let answer = stage.patch(&id, &set("Branch")).await.expect(400);
    assert_eq!(
        (answer.code(), &answer.json()["scimType"]),
        (Some(Code::ImmutableAttribute), &json!("mutability"))
    );
    let remove = json!([{ "op": "remove", "path": format!("{BADGE}:issuer") }]);
    stage.patch(&id, &remove).await.expect(400);
    let put = |badge: Value| {
        let stage = &stage;
        let path = format!("/Users/{id}");
        async move { stage.scim.put(&path, &badged("bjensen", &badge)).await }
    };
    assert_eq!(
        put(json!({ "number": "7", "issuer": "Branch" })).await.expect(400).json()["scimType"],
        "mutability"
    );
    assert_eq!(
        put(json!({ "number": "8" })).await.expect(200).json()[BADGE],
        json!({ "number": "8", "issuer": "HQ" })
    );
}

async fn read_only() {
    let stage = stage().await;
    let sent = json!({ "number": "7", "colour": "red" });
    let created = create(&stage, "bjensen", &sent).await.expect(201);
    assert_eq!(created.json()[BADGE], json!({ "number": "7" }));
    let id = created.id();
    stage.settled().await;
    let mut user = stage.stored(&id).await;
    user["attributes"]["badgeColour"] = json!(["green"]);
    stage.realm.put(&format!("/users/{id}"), &user).await;
    assert_eq!(stage.read(&id).await[BADGE]["colour"], "green");
    assert_eq!(
        user_names(stage.scim.list("Users", &format!("{BADGE}:colour eq \"GREEN\""), "").await.resources()),
        ["bjensen"]
    );
    // It is no error to send back what was read, and nothing comes of it.
    let put = stage.scim.put(&format!("/Users/{id}"), &badged("bjensen", &sent)).await.expect(200);
    assert_eq!(put.json()[BADGE]["colour"], "green");
    let by_key = json!([{ "op": "replace", "value": { BADGE: { "colour": "blue", "level": 2 } } }]);
    assert_eq!(stage.patch(&id, &by_key).await.expect(200).json()[BADGE]["colour"], "green");
    let by_path = json!([{ "op": "replace", "path": format!("{BADGE}:colour"), "value": "blue" }]);
    assert_eq!(stage.patch(&id, &by_path).await.expect(400).json()["scimType"], "mutability");
    stage.patch(&id, &json!([{ "op": "remove", "path": BADGE }])).await.expect(200);
    assert_eq!(stage.stored(&id).await["attributes"]["badgeColour"], json!(["green"]));
}

async fn never() {
    let stage = stage().await;
    let sent = json!({ "number": "7", "pin": "4711-secret" });
    let created = create(&stage, "bjensen", &sent).await.expect(201);
    let id = created.id();
    let badge_pin = async || stage.stored(&id).await["attributes"]["badgePin"].clone();
    assert_eq!(badge_pin().await, json!(["4711-secret"]));
    let user = format!("/Users/{id}");
    let answers = [
        created,
        stage.scim.get(&user).await,
        stage.scim.get(&format!("{user}?attributes={BADGE}:pin")).await,
        stage.scim.get(&format!("{user}?attributes={BADGE}")).await,
        stage.scim.get("/Users?count=5").await,
        stage.scim.put(&user, &badged("bjensen", &json!({ "number": "7", "level": 1 }))).await,
        stage.patch(&id, &json!([{ "op": "add", "path": "title", "value": "Guide" }])).await,
        stage.scim.list("Users", &format!("{BADGE}:pin eq \"4711-secret\""), "").await.expect(400),
    ];
    for answer in &answers {
        assert!(!String::from_utf8_lossy(&answer.raw).contains("4711"), "{answer}");
    }
    // None of that cleared it; naming it does.
    assert_eq!(badge_pin().await, json!(["4711-secret"]));
    stage.patch(&id, &json!([{ "op": "remove", "path": format!("{BADGE}:pin") }])).await.expect(200);
    assert_eq!(badge_pin().await, Value::Null);
    assert!(!stage.gateway.log().contains("4711"), "the log has it");
}

async fn unknown() {
    let stage = stage_with("unknown_attributes = \"refuse\"").await;
    create(&stage, "bjensen", &badge("7")).await.expect(201);
    let other = json!({ "schemas": [USER, "urn:example:other"], "userName": "other" });
    assert_eq!(stage.scim.post("/Users", &other).await.expect(400).json()["scimType"], "invalidSyntax");
    let other = json!({ "schemas": [USER], "userName": "other", "urn:example:other": { "x": 1 } });
    assert_eq!(stage.scim.post("/Users", &other).await.expect(400).code(), Some(Code::UnknownAttribute));
    assert_eq!(
        create(&stage, "other", &json!({ "number": "8", "size": 1 })).await.expect(400).code(),
        Some(Code::UnknownAttribute)
    );
}

async fn projected() {
    let stage = stage().await;
    let query =
        |what: &str| format!("?attributes=userName,{BADGE}:note,{BADGE}:doors.value,name.givenName&{what}");
    let mut user = badged("bjensen", &badge("7"));
    user["name"] = json!({ "givenName": "Barbara", "familyName": "Jensen" });
    user["title"] = json!("Guide");
    let shown = |answer: &Answer| {
        let mut shown = answer.json().clone();
        let shown = shown.as_object_mut().unwrap();
        assert!(shown.remove("schemas").is_some() && shown.remove("id").is_some(), "{answer}");
        Value::Object(shown.clone())
    };
    let expected = json!({
        "userName": "bjensen", "name": { "givenName": "Barbara" },
        BADGE: { "note": "a note", "kind": "visitor", "doors": [{ "value": "front" }, { "value": "back" }] },
    });
    let created = stage.scim.post(&format!("/Users{}", query("")), &user).await.expect(201);
    let id = created.id();
    let path = format!("/Users/{id}{}", query(""));
    assert_eq!(shown(&created), expected, "POST");
    assert_eq!(shown(&stage.scim.get(&path).await), expected, "GET");
    assert_eq!(shown(&stage.scim.put(&path, &user).await), expected, "PUT");
    let patch = patch(&json!([{ "op": "replace", "path": "title", "value": "Chief" }]));
    assert_eq!(shown(&stage.scim.patch(&path, &patch).await), expected, "PATCH");
    let listed = stage.scim.get(&format!("/Users{}", query("filter=userName+eq+%22bjensen%22"))).await;
    assert_eq!(listed.resources()[0][BADGE], expected[BADGE], "list");
    // What is excluded goes, what is always returned stays, and what is returned on request alone is not there.
    let without = format!("?excludedAttributes={BADGE},name.familyName,ID,title");
    for answer in [
        stage.scim.get(&format!("/Users/{id}{without}")).await,
        stage.scim.put(&format!("/Users/{id}{without}"), &user).await,
        stage.scim.patch(&format!("/Users/{id}{without}"), &patch).await,
    ] {
        let answer = answer.expect(200);
        assert_eq!(answer.json()[BADGE], json!({ "kind": "visitor" }), "{answer}");
        assert_eq!(answer.json()["name"], json!({ "givenName": "Barbara" }));
        assert_eq!((answer.json().get("title"), answer.id()), (None, id.clone()));
    }
}
