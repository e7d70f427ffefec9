//! The tests that Microsoft's SCIM Validator runs on users, in its order.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch, written};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, LIST, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("scim_validator::a_user_is_created_found_and_deleted", life),
        in_each_tenant("scim_validator::attributes_are_replaced_in_a_verbose_request", replace_verbose),
        in_each_tenant("scim_validator::attributes_are_added_in_a_verbose_request", add_verbose),
        in_each_tenant("scim_validator::a_user_is_renamed_and_disabled", rename_and_disable),
        in_each_tenant("scim_validator::the_manager_is_added_replaced_and_removed", manager),
        in_each_tenant("scim_validator::several_operations_on_one_attribute_go_in_order", several),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// As the validator makes one: every attribute of the schemas, roles with a boolean in a string.
fn whole(user_name: &str) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "userName": user_name, "externalId": "6c4ac51b-4eff-4d72-9f37-2a9c1e7a0b53",
        "active": true, "displayName": "BYJKTFCMHBYS", "nickName": "OYTKVKJRPYPJ", "title": "IZZKKDHRQYPD",
        "profileUrl": "https://example.com/OEYLRZ", "userType": "XUHOMUEVTTDQ", "preferredLanguage": "rm-CH",
        "locale": "PXUGYBQJMYIJ",
        "timezone": "Africa/Kampala",
        "name": {
            "formatted": "Kim", "familyName": "Waylon", "givenName": "Ciara", "middleName": "Bria",
            "honorificPrefix": "Dr.", "honorificSuffix": "III",
        },
        "emails": [{ "type": "work", "value": user_name, "display": "work e-mail", "primary": true }],
        "phoneNumbers": [
            { "type": "work", "value": "46-446-0163", "primary": true }, { "type": "mobile", "value": "46-446-0164" },
            { "type": "fax", "value": "46-446-0165" },
        ],
        "addresses": [{
            "type": "work", "formatted": "KMWBFSGXKPTV", "streetAddress": "1640 Hagenes Wall", "locality": "SFCZFMQAQNPC",
            "region": "VDPWPTYUTKQE", "postalCode": "dm0 0fu", "country": "Suriname", "primary": true,
        }],
        "roles": [{ "primary": "True", "display": "KBPJEYIYLYUF", "value": "PXTPOZTYEMGI", "type": "JJGGYOUBHVLD" }],
        ENTERPRISE: {
            "employeeNumber": "EFXWUPXBKCCJ", "department": "LVNXNTAQUUKV", "costCenter": "IYYRPXIDDNEV",
            "organization": "RGWIXEFBPCFI", "division": "VXYAXLLEKCRG",
        },
    })
}

/// As it is shown then.
fn shown(user_name: &str) -> Value {
    let mut user = whole(user_name);
    user["roles"][0]["primary"] = true.into();
    user
}

async fn life() {
    let stage = Stage::new("validator").await;
    let created = stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.expect(201);
    let id = created.id();
    assert_eq!(written(created.json()), shown("jon.waters@contoso.com"));
    assert_eq!(stage.read(&id).await, *created.json());
    stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.scim_error(409, Some("uniqueness"));
    for asked in ["jon.waters@contoso.com", "JON.WATERS@contoso.com"] {
        let answer = stage.scim.list("Users", &format!("userName eq \"{asked}\""), "").await;
        assert_eq!(answer.resources(), std::slice::from_ref(created.json()), "{asked}");
    }
    let nobody = stage.scim.list("Users", "userName eq \"nobody@contoso.com\"", "").await;
    let empty =
        json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] });
    assert_eq!(*nobody.json(), empty);
    let path = format!("/Users/{id}");
    stage.scim.delete(&path).await.expect(204);
    stage.scim.get(&path).await.scim_error(404, None);
    // Preview: what isn't there, and the same one twice.
    stage.scim.delete(&path).await.scim_error(404, None);
    stage.scim.delete("/Users/7d09a04f-e5f2-47ea-8ba0-4c0ecc1f8c0a").await.scim_error(404, None);
}

/// One operation for every attribute, as the validator has them.
fn verbose(op: &str) -> Vec<Value> {
    let mut operations = Vec::new();
    let mut operation =
        |path: String, value: Value| operations.push(json!({ "op": op, "path": path, "value": value }));
    for name in ["displayName", "nickName", "title", "userType", "preferredLanguage", "locale", "timezone"] {
        operation(name.to_owned(), json!(format!("new {name}")));
    }
    operation("profileUrl".into(), json!("https://example.com/new"));
    for name in ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"] {
        operation(format!("name.{name}"), json!(format!("new {name}")));
    }
    operation("emails[type eq \"work\"].value".into(), json!("new@contoso.com"));
    operation("emails[type eq \"work\"].display".into(), json!("new display"));
    operation("emails[type eq \"work\"].primary".into(), json!(true));
    for kind in ["work", "mobile", "fax"] {
        operation(format!("phoneNumbers[type eq \"{kind}\"].value"), json!(format!("new {kind}")));
    }
    operation("phoneNumbers[type eq \"work\"].primary".into(), json!(true));
    for name in ["formatted", "streetAddress", "locality", "region", "postalCode", "country"] {
        operation(format!("addresses[type eq \"work\"].{name}"), json!(format!("new {name}")));
    }
    operation("addresses[type eq \"work\"].primary".into(), json!(true));
    for name in ["display", "value", "type"] {
        operation(format!("roles[primary eq \"True\"].{name}"), json!(format!("new {name}")));
    }
    for name in ["employeeNumber", "department", "costCenter", "organization", "division"] {
        operation(format!("{ENTERPRISE}:{name}"), json!(format!("new {name}")));
    }
    operations
}

/// What is left of [`verbose`], whatever was there before.
fn renewed() -> Value {
    json!({
        "displayName": "new displayName", "nickName": "new nickName", "title": "new title", "userType": "new userType",
        "preferredLanguage": "new preferredLanguage", "locale": "new locale", "timezone": "new timezone",
        "profileUrl": "https://example.com/new",
        "name": {
            "formatted": "new formatted", "familyName": "new familyName", "givenName": "new givenName",
            "middleName": "new middleName", "honorificPrefix": "new honorificPrefix", "honorificSuffix": "new honorificSuffix",
        },
        "emails": [{ "type": "work", "value": "new@contoso.com", "display": "new display", "primary": true }],
        "phoneNumbers": [
            { "type": "work", "value": "new work", "primary": true }, { "type": "mobile", "value": "new mobile" },
            { "type": "fax", "value": "new fax" },
        ],
        "addresses": [{
            "type": "work", "formatted": "new formatted", "streetAddress": "new streetAddress", "locality": "new locality",
            "region": "new region", "postalCode": "new postalCode", "country": "new country", "primary": true,
        }],
        "roles": [{ "primary": true, "display": "new display", "value": "new value", "type": "new type" }],
        ENTERPRISE: {
            "employeeNumber": "new employeeNumber", "department": "new department", "costCenter": "new costCenter",
            "organization": "new organization", "division": "new division",
        },
    })
}

#[track_caller]
fn assert_renewed(user: &Value) {
    for (name, value) in renewed().as_object().unwrap() {
        assert_eq!(user[name], *value, "{name}");
    }
}

async fn replace_verbose() {
    let stage = Stage::new("validator").await;
    let created = stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.expect(201);
    let id = created.id();
    let answer = stage.patch(&id, &json!(verbose("replace"))).await.expect(200);
    assert_renewed(answer.json());
    for name in ["userName", "externalId", "active", "schemas", "id"] {
        assert_eq!(answer.json()[name], created.json()[name], "{name} was not asked to change");
    }
    assert_eq!(stage.read(&id).await, *answer.json());
    let stored = stage.stored(&id).await;
    assert_eq!([&stored["email"], &stored["firstName"]], ["new@contoso.com", "new givenName"]);
    assert_eq!(stored["attributes"]["phoneNumber"], json!(["new work"]));
    let again = stage.patch(&id, &json!(verbose("Replace"))).await.expect(200);
    assert_eq!(again.json(), answer.json(), "the same once more is no change");
}

/// The same on a user without any of them: every element is made once.
async fn add_verbose() {
    let stage = Stage::new("validator").await;
    let id = stage.create_with("jon.waters@contoso.com", json!({})).await;
    let answer = stage.patch(&id, &json!(verbose("add"))).await.expect(200);
    assert_renewed(answer.json());
    assert_eq!(answer.json()["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(stage.read(&id).await, *answer.json());
    let again = stage.patch(&id, &json!(verbose("Add"))).await.expect(200);
    assert_eq!(again.json(), answer.json(), "nothing is doubled");
}

async fn rename_and_disable() {
    let stage = Stage::new("validator").await;
    let created = stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.expect(201);
    let path = format!("/Users/{}", created.id());
    let name = patch(&json!([{ "op": "replace", "path": "userName", "value": "j.waters@contoso.com" }]));
    let renamed = stage.scim.patch(&path, &name).await.expect(200);
    let mut expected = written(created.json());
    expected["userName"] = "j.waters@contoso.com".into();
    assert_eq!(written(renamed.json()), expected);
    let disable = patch(&json!([{ "op": "replace", "path": "active", "value": false }]));
    let disabled = stage.scim.patch(&path, &disable).await.expect(200);
    expected["active"] = false.into();
    assert_eq!(written(disabled.json()), expected);
    let kept = stage.stored(&created.id()).await;
    assert_eq!([&kept["username"], &kept["enabled"]], [&json!("j.waters@contoso.com"), &json!(false)]);
}

async fn manager() {
    let stage = Stage::new("validator").await;
    let created = stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.expect(201);
    let id = created.id();
    let path = format!("{ENTERPRISE}:manager");
    for (op, value) in [("add", "2819c223-1"), ("replace", "2819c223-2"), ("replace", "")] {
        let answer = stage.patch(&id, &json!([{ "op": op, "path": path, "value": value }])).await.expect(200);
        let mut expected = created.json()[ENTERPRISE].clone();
        if !value.is_empty() {
            expected["manager"] = json!({ "value": value });
        }
        assert_eq!(answer.json()[ENTERPRISE], expected, "{op} {value}");
        assert_eq!(stage.read(&id).await, *answer.json());
    }
}

async fn several() {
    let stage = Stage::new("validator").await;
    let created = stage.scim.post("/Users", &whole("jon.waters@contoso.com")).await.expect(201);
    let id = created.id();
    let operations = json!([
        { "op": "remove", "path": "displayName" },
        { "op": "add", "path": "displayName", "value": "first" },
        { "op": "replace", "path": "displayName", "value": "second" },
        { "op": "replace", "path": "title", "value": "Chief" },
        { "op": "remove", "path": "nickName" },
    ]);
    let answer = stage.patch(&id, &operations).await.expect(200);
    let mut expected = written(created.json());
    expected["displayName"] = "second".into();
    expected["title"] = "Chief".into();
    expected.as_object_mut().unwrap().shift_remove("nickName");
    assert_eq!(written(answer.json()), expected);
    assert_eq!(stage.read(&id).await, *answer.json());
}
