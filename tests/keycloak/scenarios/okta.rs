//! What Okta sends, word for word: the connector test, its SPEC file, assigning, updating, deactivating, importing.

use std::time::{Duration, Instant};

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, by_hand, patch_active, person, user_names, written};
use crate::gateway::Auth;
use crate::runner::everywhere;
use crate::scim::{Answer, ENTERPRISE, LIST, PATCH, Scim, USER};

pub fn trials() -> Vec<Trial> {
    [
        everywhere("okta::connector_test_answers_lists", connector_test),
        everywhere("okta::connector_test_shows_two_of_three", connector_test_of_three),
        everywhere("okta::spec_file_passes", spec_file),
        everywhere("okta::assigning_creates_a_tagged_user_without_credential", assign),
        everywhere("okta::assigning_creates_a_tagged_user_in_oauth_mode", assign_in_oauth_mode),
        everywhere("okta::assigning_a_known_user_links_it", assign_again),
        everywhere("okta::default_mappings_are_kept", default_mappings),
        everywhere("okta::aiw_updates_by_get_and_put", aiw_update),
        everywhere("okta::aiw_updates_keep_the_default_mappings", aiw_mapped),
        everywhere("okta::aiw_puts_an_echo_without_changing_anything", aiw_echo),
        everywhere("okta::aiw_deactivates_and_reactivates_by_put", aiw_active),
        everywhere("okta::repeated_requests_change_nothing", repeated),
        everywhere("okta::oin_deactivates_and_reactivates_by_patch", oin_active),
        everywhere("okta::oin_sync_password_stores_nothing", oin_password),
        everywhere("okta::user_name_keeps_its_case", user_name_case),
        everywhere("okta::duplicates_are_409", duplicates),
        everywhere("okta::import_pages_hold_every_user_once", import),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Section 1.2's body; the password is always there.
fn assignment() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "test.user@okta.local",
        "name": { "givenName": "Test", "familyName": "User" },
        "emails": [{ "primary": true, "value": "test.user@okta.local", "type": "work" }],
        "displayName": "Test User", "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [],
        "password": "1mz050nq", "active": true,
    })
}

async fn connector_test() {
    let stage = Stage::new("okta").await;
    for path in ["/Users?startIndex=1&count=2", "/Groups?startIndex=1&count=100"] {
        let answer = stage.scim.get(path).await.expect(200);
        assert_eq!(
            answer.json(),
            &json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] })
        );
    }
}

/// The same request once there are users, on a connection that is closed after it.
async fn connector_test_of_three() {
    let stage = Stage::new("okta").await;
    for name in ["babs@example.com", "cain@example.com", "adam@example.com"] {
        stage.create(name).await;
    }
    let scim = stage.scim.with_header("connection", "close");
    let answer = scim.get("/Users?startIndex=1&count=2").await;
    assert_eq!(user_names(answer.resources()), ["adam@example.com", "babs@example.com"]);
    let numbers = ["totalResults", "startIndex", "itemsPerPage"].map(|name| answer.json()[name].as_u64());
    assert_eq!(numbers, [Some(3), Some(1), Some(2)]);
}

/// Okta-SCIM-20-SPEC-Test.json, step by step.
async fn spec_file() {
    let stage = Stage::new("okta").await;
    let scim = stage.scim.with_header("accept", "application/scim+json; charset=utf-8");
    // The file demands that a user is there.
    stage.create("bjensen@example.com").await;

    let first = scim.get("/Users?count=1&startIndex=1").await.expect(200);
    let list = first.json();
    assert_eq!(list["schemas"], json!([LIST]));
    assert_eq!([&list["itemsPerPage"], &list["startIndex"], &list["totalResults"]], [1, 1, 1]);
    let user = &first.resources()[0];
    assert_eq!(user["userName"], "bjensen@example.com");
    assert_eq!(user["name"]["givenName"], "Barbara");
    assert_eq!(user["name"]["familyName"], "Jensen");
    assert_eq!(user["active"], true);
    assert_eq!(user["emails"][0]["value"], "bjensen@example.com");

    let id = user["id"].as_str().unwrap();
    let read = scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(read.json(), user);

    let nobody = scim.list("Users", "userName eq \"abcdefgh@atko.com\"", "").await.expect(200);
    assert_eq!((nobody.resources(), &nobody.json()["totalResults"]), (&[][..], &json!(0)));
    scim.get("/Users/010101001010101011001010101011").await.scim_error(404, None);

    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"Runscope300Hfluaklab151@atko.com","name":{"givenName":"Runscope300","familyName":"Hfluaklab151"},"emails":[{"primary":true,"value":"Runscope300Hfluaklab151@atko.com","type":"work"}],"displayName":"Runscope300 Hfluaklab151","active":true}"#;
    let create = || scim.raw(Method::POST, "/Users", Some("application/json"), body);
    let created = create().await.expect(201);
    let user = created.json();
    assert_eq!(user["active"], true);
    assert_eq!(user["name"]["givenName"], "Runscope300");
    assert_eq!(user["name"]["familyName"], "Hfluaklab151");
    assert_eq!(user["userName"], "Runscope300Hfluaklab151@atko.com");

    let read = scim.get(&format!("/Users/{}", created.id())).await.expect(200);
    assert_eq!(read.json()["userName"], "Runscope300Hfluaklab151@atko.com");
    create().await.scim_error(409, Some("uniqueness"));
    let found = scim.list("Users", "userName eq \"RUNSCOPE300HFLUAKLAB151@ATKO.COM\"", "").await;
    assert_eq!(user_names(found.resources()), ["Runscope300Hfluaklab151@atko.com"]);

    let asked = Instant::now();
    scim.get("/Groups").await.expect(200);
    assert!(asked.elapsed() < Duration::from_millis(600), "Okta waits 600 ms for groups");
    scim.with_header("authorization", "non-token").get("/Users").await.scim_error(401, None);
    scim.get("/Users/00919288221112222").await.scim_error(404, None);
}

async fn assign() {
    let stage = Stage::new("okta").await;
    assigned(&stage).await;
}

async fn assign_in_oauth_mode() {
    let stage = Stage::with("okta", Auth::Keycloak, |_, prepared| prepared).await;
    assigned(&stage).await;
}

async fn assigned(stage: &Stage) {
    let lookup = "/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100";
    let miss = stage.scim.get(lookup).await;
    assert_eq!(miss.resources(), [] as [Value; 0]);

    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    let id = created.id();
    // Asked at once: the role is there by the time of the 201.
    assert_eq!(stage.realm.user_role_names(&id).await, [&default_role(stage), "scim-managed"]);
    let user = created.json();
    let location = format!("{}/Users/{id}", stage.gateway.base_url());
    assert_eq!(created.header("location"), Some(location.as_str()));
    assert_eq!(user["meta"]["location"], location.as_str());
    assert_eq!(user["meta"]["resourceType"], "User");
    assert!(user["meta"]["created"].is_string() && user["meta"]["version"].is_string(), "{created}");
    assert_eq!(user["meta"]["lastModified"], user["meta"]["created"]);
    assert_eq!(user["userName"], "test.user@okta.local");
    assert_eq!(user["name"], json!({ "givenName": "Test", "familyName": "User" }));
    assert_eq!(user["emails"], assignment()["emails"]);
    assert_eq!(user["displayName"], "Test User");
    assert_eq!(user["locale"], "en-US");
    assert_eq!(user["externalId"], "00ujl29u0le5T6Aj10h7");
    assert_eq!(user["active"], true);
    let text = String::from_utf8_lossy(&created.raw).to_lowercase();
    assert!(!text.contains("password") && !text.contains("1mz050nq"), "{created}");

    assert_eq!(stage.realm.user_credentials(&id).await, [] as [Value; 0]);
    let stored = stage.stored(&id).await;
    assert_eq!(stored["enabled"], true);
    assert_eq!(stored["username"], "test.user@okta.local");
    assert_eq!(stored["email"], "test.user@okta.local");
    assert_eq!([&stored["firstName"], &stored["lastName"]], ["Test", "User"]);

    let hit = stage.scim.get(lookup).await;
    assert_eq!(hit.resources(), std::slice::from_ref(user), "{hit}");
}

/// `default-roles-REALM`, which Keycloak gives to everybody.
fn default_role(stage: &Stage) -> String {
    format!("default-roles-{}", stage.realm.name())
}

/// Assigned, unassigned, assigned again: Okta links to the one hit and updates it.
async fn assign_again() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    stage.set_active(&created.id(), false).await;
    let ids = stage.looked_up("test.user@okta.local").await;
    assert_eq!(ids, [created.id()]);
    let mut body = get(&stage.scim, &ids[0]).await.json().clone();
    assert_eq!(body["active"], false);
    body["active"] = true.into();
    body["password"] = "another1".into();
    let put = stage.scim.put(&format!("/Users/{}", ids[0]), &body).await.expect(200);
    assert_eq!(put.json()["active"], true);
    assert_eq!(stage.stored(&ids[0]).await["enabled"], true);
}

/// What Okta's default mappings add to [`assignment`].
fn mapped() -> Value {
    json!({
        "title": "Tour Guide",
        "phoneNumbers": [
            { "value": "+1 555 0100", "type": "work", "primary": true },
            { "value": "+1 555 0101", "type": "mobile" },
        ],
        "addresses": [{
            "type": "work", "primary": true, "streetAddress": "100 Universal City Plaza", "locality": "Hollywood",
            "region": "CA", "postalCode": "91608", "country": "US",
        }],
        "userType": "Employee",
        (ENTERPRISE): {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": { "value": "26118915-6090-4610-87e4-49d8ca9f808d" },
        },
    })
}

/// An assignment with the default mappings.
fn mapped_assignment() -> Value {
    let mut body = assignment();
    body["schemas"] = json!([USER, ENTERPRISE]);
    for (name, value) in mapped().as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn default_mappings() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &mapped_assignment()).await.expect(201);
    for user in [created.json(), get(&stage.scim, &created.id()).await.json()] {
        for (name, value) in mapped().as_object().unwrap() {
            assert_eq!(&user[name], value, "{name}");
        }
        assert_eq!(user["schemas"], json!([USER, ENTERPRISE]));
    }
}

async fn get(scim: &Scim, id: &str) -> Answer {
    scim.get(&format!("/Users/{id}")).await.expect(200)
}

/// Section 1.3, custom app: GET, merge, PUT.
async fn aiw_update() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    let id = created.id();
    let mut body = get(&stage.scim, &id).await.json().clone();
    body["name"] = json!({ "givenName": "Another", "middleName": "Excited", "familyName": "User" });
    body["emails"][0]["display"] = "test.user@okta.local".into();
    body["groups"] = json!([]);
    let updated = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    let user = updated.json();
    assert_eq!(user["name"], body["name"]);
    assert_eq!(user["emails"], body["emails"]);
    assert_eq!(user["displayName"], "Test User", "what the PUT echoes stays");
    assert_eq!(user["externalId"], "00ujl29u0le5T6Aj10h7");
    assert_eq!(user["meta"]["created"], created.json()["meta"]["created"]);
    let modified = |user: &Value| user["meta"]["lastModified"].as_str().unwrap().to_owned();
    assert!(modified(user) > modified(created.json()), "lastModified moves: {updated}");
    assert_ne!(user["meta"]["version"], created.json()["meta"]["version"]);
    let stored = stage.stored(&id).await;
    assert_eq!([&stored["firstName"], &stored["lastName"]], ["Another", "User"]);
    assert_eq!(get(&stage.scim, &id).await.json(), user);

    // The example's own body, as poor as it is: what it leaves out is cleared, externalId stays.
    let poor = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": id, "userName": "test.user@okta.local",
        "name": { "givenName": "Another", "middleName": "Excited", "familyName": "User" },
        "emails": [{
            "primary": true, "value": "test.user@okta.local", "type": "work", "display": "test.user@okta.local",
        }],
        "active": true, "groups": [], "meta": { "resourceType": "User" },
    });
    let replaced = stage.scim.put(&format!("/Users/{id}"), &poor).await.expect(200);
    assert_eq!(replaced.json().get("displayName"), None);
    assert_eq!(replaced.json()["externalId"], "00ujl29u0le5T6Aj10h7");
}

/// What Okta does not change stays as it was, what it no longer has goes, and nothing is doubled.
async fn aiw_mapped() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &mapped_assignment()).await.expect(201);
    let id = created.id();
    let path = format!("/Users/{id}");
    let mut body = get(&stage.scim, &id).await.json().clone();
    body["title"] = "Chief Guide".into();
    body["phoneNumbers"][1]["value"] = "+1 555 0109".into();
    body[ENTERPRISE]["department"] = "Park Operations".into();
    body["groups"] = json!([]);
    body["password"] = "1mz050nq".into();
    let put = stage.scim.put(&path, &body).await.expect(200);
    for sent_only in ["groups", "password"] {
        body.as_object_mut().unwrap().shift_remove(sent_only);
    }
    assert_eq!(written(put.json()), written(&body));
    assert_eq!(get(&stage.scim, &id).await.json(), put.json());
    let attributes = stage.stored(&id).await["attributes"].clone();
    for (name, value) in [
        ("title", "Chief Guide"),
        ("department", "Park Operations"),
        ("costCenter", "4130"),
        ("phoneNumber", "+1 555 0100"),
    ] {
        assert_eq!(attributes[name], json!([value]), "{name}");
    }

    // Taken out of the profile in Okta: left out, or null, or an empty list.
    body.as_object_mut().unwrap().shift_remove("userType");
    body["title"] = Value::Null;
    body["phoneNumbers"] = json!([]);
    body["addresses"] = Value::Null;
    body[ENTERPRISE]["manager"] = Value::Null;
    body[ENTERPRISE].as_object_mut().unwrap().shift_remove("costCenter");
    let put = stage.scim.put(&path, &body).await.expect(200);
    for name in ["title", "phoneNumbers", "addresses"] {
        body.as_object_mut().unwrap().shift_remove(name);
    }
    body[ENTERPRISE].as_object_mut().unwrap().shift_remove("manager");
    assert_eq!(written(put.json()), written(&body));
    let attributes = stage.stored(&id).await["attributes"].clone();
    for name in ["title", "userType", "phoneNumber", "manager", "costCenter"] {
        assert_eq!(attributes.get(name), None, "{name}");
    }
    assert_eq!(attributes["employeeNumber"], json!(["701984"]));
}

/// Force Sync on somebody whom an administrator made and tagged by hand: a PUT of what the GET showed leaves all of it.
async fn aiw_echo() {
    let stage = Stage::new("okta").await;
    let mut by_hand = by_hand("babs");
    by_hand["attributes"] =
        json!({ "phoneNumber": ["+1 555 0100"], "title": ["Guide"], "zoneinfo": ["America/Los_Angeles"] });
    by_hand["requiredActions"] = json!(["CONFIGURE_TOTP"]);
    let id = stage.realm.create_user(&by_hand).await;
    stage.realm.manage(&id).await;
    assert_eq!(stage.looked_up("babs").await, [id.as_str()]);
    let before = stage.stored(&id).await;
    let shown = get(&stage.scim, &id).await.json().clone();
    assert_eq!(shown["emails"], json!([{ "value": "babs@example.com", "type": "work", "primary": true }]));
    for _ in 0..2 {
        let put = stage.scim.put(&format!("/Users/{id}"), &shown).await.expect(200);
        assert_eq!(written(put.json()), written(&shown));
    }
    let after = stage.stored(&id).await;
    for name in ["username", "email", "emailVerified", "firstName", "lastName", "enabled", "requiredActions"]
    {
        assert_eq!(after[name], before[name], "{name}");
    }
    for name in ["phoneNumber", "title", "zoneinfo"] {
        assert_eq!(after["attributes"][name], by_hand["attributes"][name], "{name}");
    }
}

/// After a time-out Okta sends the same again: the second answer is the first, version included.
async fn repeated() {
    let stage = Stage::new("okta").await;
    let id = stage.scim.post("/Users", &mapped_assignment()).await.expect(201).id();
    let path = format!("/Users/{id}");
    let twice = async |method: Method, body: &Value| {
        let send = || {
            stage.scim.raw(
                method.clone(),
                &path,
                Some("application/scim+json; charset=utf-8"),
                body.to_string(),
            )
        };
        let first = send().await.expect(200);
        assert_eq!(send().await.expect(200).json(), first.json(), "{method} {body}");
        first.json().clone()
    };
    let mut body = get(&stage.scim, &id).await.json().clone();
    body["displayName"] = "Another Name".into();
    assert_eq!(twice(Method::PUT, &body).await["displayName"], "Another Name");
    for active in [false, true] {
        body["active"] = active.into();
        assert_eq!(twice(Method::PUT, &body).await["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
    }
    for active in [false, true] {
        assert_eq!(twice(Method::PATCH, &patch_active(active)).await["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
    }
}

async fn aiw_active() {
    let stage = Stage::new("okta").await;
    let id = stage.scim.post("/Users", &assignment()).await.expect(201).id();
    for active in [false, true] {
        let mut body = get(&stage.scim, &id).await.json().clone();
        body["active"] = active.into();
        let put = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
        assert_eq!(put.json()["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
        // Inactive or not, it is found.
        assert_eq!(get(&stage.scim, &id).await.json(), put.json());
        assert_eq!(stage.looked_up("test.user@okta.local").await, std::slice::from_ref(&id));
        assert_eq!(stage.listed().await, ["test.user@okta.local"]);
    }
}

/// Section 1.3, template app: PATCH without path.
async fn oin_active() {
    let stage = Stage::with("okta", Auth::Keycloak, |_, prepared| prepared).await;
    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    let id = created.id();
    for active in [false, true] {
        let body =
            json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "value": { "active": active } }] });
        let patched = stage.scim.patch(&format!("/Users/{id}"), &body).await.expect(200);
        assert_eq!(patched.json()["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
        let mut rest = get(&stage.scim, &id).await.json().clone();
        assert_eq!(&rest, patched.json());
        rest["meta"] = created.json()["meta"].clone();
        rest["active"] = true.into();
        assert_eq!(&rest, created.json(), "nothing else has changed");
    }
}

async fn oin_password() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    let id = created.id();
    let before = stage.stored(&id).await;
    let body = json!({ "schemas": [PATCH], "Operations": [{ "op": "replace", "value": { "password": "n3w.Secret" } }] });
    let patched = stage.scim.patch(&format!("/Users/{id}"), &body).await.expect(200);
    assert!(!String::from_utf8_lossy(&patched.raw).contains("n3w.Secret"), "{patched}");
    assert_eq!(patched.json(), created.json(), "nothing changes, lastModified neither");
    assert_eq!(stage.realm.user_credentials(&id).await, [] as [Value; 0]);
    let mut after = stage.stored(&id).await;
    // The mark of the create may go meanwhile.
    let mut before = before;
    for user in [&mut before, &mut after] {
        user["attributes"].as_object_mut().unwrap().remove("scim.pending");
    }
    assert_eq!(after, before);
}

async fn user_name_case() {
    let stage = Stage::new("okta").await;
    let id = stage.create("Babs.Jensen@Example.com").await;
    assert_eq!(get(&stage.scim, &id).await.json()["userName"], "Babs.Jensen@Example.com");
    assert_eq!(stage.listed().await, ["Babs.Jensen@Example.com"]);
    for asked in ["BABS.JENSEN@EXAMPLE.COM", "babs.jensen@example.com", "Babs.Jensen@Example.com"] {
        assert_eq!(stage.looked_up(asked).await, std::slice::from_ref(&id), "{asked}");
    }
    // Another case is what the client now wants to see, though Keycloak's username is the same.
    let mut body = person("BABS.Jensen@Example.com");
    body["emails"] = json!([{ "primary": true, "value": "Babs.Jensen@Example.com", "type": "work" }]);
    let put = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    assert_eq!(put.json()["userName"], "BABS.Jensen@Example.com");
    assert_eq!(put.json()["emails"], body["emails"], "e-mail addresses keep their case too");
    assert_eq!(get(&stage.scim, &id).await.json(), put.json());
}

async fn duplicates() {
    let stage = Stage::new("okta").await;
    let created = stage.scim.post("/Users", &assignment()).await.expect(201);
    let again = stage.scim.post("/Users", &assignment()).await;
    let error = again.scim_error(409, Some("uniqueness"));
    assert!(error["detail"].as_str().unwrap().contains("[user-exists]"), "{again}");
    let mut other_case = assignment();
    other_case["userName"] = "Test.User@OKTA.local".into();
    stage.scim.post("/Users", &other_case).await.scim_error(409, Some("uniqueness"));
    assert_eq!(get(&stage.scim, &created.id()).await.json(), created.json());
    assert_eq!(stage.listed().await, ["test.user@okta.local"]);
}

/// Section 1.5.
async fn import() {
    let stage = Stage::new("okta").await;
    let names =
        ["Eve", "adam", "Cain", "bela", "dora", "Fynn", "gwen"].map(|name| format!("{name}@example.com"));
    for name in &names {
        stage.create(name).await;
    }
    let inactive = stage.looked_up("cain@example.com").await;
    stage.set_active(&inactive[0], false).await;
    // Somebody between them whom Okta must not see.
    stage.realm.create_user(&by_hand("bernd")).await;
    for _ in 0..2 {
        let mut seen = Vec::new();
        for (start, length) in [(1, 3), (4, 3), (7, 1)] {
            let page = stage.scim.get(&format!("/Users?startIndex={start}&count=3")).await;
            assert_eq!(page.json()["totalResults"], 7);
            assert_eq!(page.json()["startIndex"], start);
            assert_eq!(page.json()["itemsPerPage"], length);
            seen.extend(user_names(page.resources()));
        }
        // The order of Keycloak's usernames, on every walk.
        let expected = ["adam", "bela", "Cain", "dora", "Eve", "Fynn", "gwen"];
        assert_eq!(seen, expected.map(|name| format!("{name}@example.com")));
    }
    let beyond = stage.scim.get("/Users?startIndex=8&count=3").await;
    assert_eq!((beyond.resources(), &beyond.json()["totalResults"]), (&[][..], &json!(7)));
    // As Okta counts: a first page of all, with who is inactive marked so, and none after it.
    let all = stage.scim.get("/Users?startIndex=1&count=100").await;
    for user in all.resources() {
        assert_eq!(user["active"], user["userName"] != "Cain@example.com", "{}", user["userName"]);
    }
    assert_eq!(all.resources().len(), 7);
    assert_eq!(stage.scim.get("/Users?startIndex=101&count=100").await.json()["Resources"], json!([]));
}
