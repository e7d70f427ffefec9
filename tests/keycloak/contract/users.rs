//! Users: what Keycloak makes of what is written, and what it leaves alone.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::profile::{declare, declared};
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::users::{name}");
    [
        both(&name("names_and_addresses_are_kept_in_lower_case"), lower_case),
        both(&name("a_create_answers_its_location_and_nothing_else"), created),
        both(&name("a_user_has_only_what_was_said"), bare),
        both(&name("a_create_takes_everything_that_the_gateway_sends"), whole),
        both(&name("a_create_takes_no_id_and_no_roles"), ignored),
        both(&name("parallel_creates_of_one_user_give_one"), race),
        both(&name("what_was_read_can_be_written_back"), round_trip),
        both(&name("a_put_without_attributes_changes_what_it_names"), merging),
        both(&name("a_put_with_attributes_replaces_them_and_clears_what_is_left_out"), replacing),
        both(&name("a_put_changes_no_id_no_roles_and_no_times"), unchanging),
        both(&name("blank_values_are_not_kept"), blanks),
        both(&name("a_verified_address_stays_verified_when_it_changes"), verified),
        both(&name("required_actions_change_where_they_are_named"), actions),
        both(&name("a_username_stays_where_the_realm_lets_none_be_edited"), frozen),
        both(&name("a_username_changes_where_the_realm_lets_them_be_edited"), renamed),
        both(&name("a_put_with_attributes_needs_a_username_where_those_may_be_edited"), nameless),
        both(&name("an_email_makes_the_username_where_the_realm_says_so"), email_as_username),
        both(&name("a_user_without_email_is_refused_where_emails_make_usernames"), email_needed),
        both(&name("a_deleted_user_is_gone"), deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn realm() -> Realm {
    admin().await.create_realm("contract").await
}

async fn read(realm: &Realm, id: &str) -> Value {
    realm.user(id).await.unwrap()
}

/// These members of the user; null where there is none.
async fn members<const N: usize>(realm: &Realm, id: &str, names: [&str; N]) -> [Value; N] {
    let user = read(realm, id).await;
    names.map(|name| user[name].clone())
}

async fn put(realm: &Realm, id: &str, user: Value) {
    let answer = realm.call(Method::PUT, &format!("/users/{id}"), Some(&user)).await.expect(204);
    assert_eq!(answer.body, "");
}

/// A PUT that is refused so, and changes nothing.
async fn put_refused(realm: &Realm, id: &str, user: Value, status: u16, body: Value) {
    let before = read(realm, id).await;
    let answer = realm.call(Method::PUT, &format!("/users/{id}"), Some(&user)).await.expect(status);
    assert_eq!(answer.body, body, "{user}");
    assert_eq!(read(realm, id).await, before);
}

async fn lower_case() {
    let realm = realm().await;
    let id = realm.create_user(&json!({ "username": "Jane.Doe", "email": "Jane.Doe@Example.com" })).await;
    let named = async || members(&realm, &id, ["username", "email"]).await;
    assert_eq!(named().await, ["jane.doe", "jane.doe@example.com"]);
    put(&realm, &id, json!({ "username": "JANE.DOE", "email": "JD@Example.com", "firstName": "JANE" })).await;
    assert_eq!(named().await, ["jane.doe", "jd@example.com"]);
    assert_eq!(read(&realm, &id).await["firstName"], "JANE");
}

async fn created() {
    let realm = realm().await;
    let answer = realm.call(Method::POST, "/users", Some(&json!({ "username": "babs" }))).await.expect(201);
    assert_eq!(answer.body, "");
    let id = answer.created.unwrap();
    assert_eq!(read(&realm, &id).await["id"], *id);
    assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{id}");
}

async fn bare() {
    let realm = realm().await;
    let before = now();
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let mut user = read(&realm, &id).await;
    let members = user.as_object_mut().unwrap();
    let made = members.shift_remove("createdTimestamp").and_then(|at| at.as_i64()).unwrap();
    assert!((before - 1000..=now() + 1000).contains(&made), "{before} {made}");
    members.shift_remove("access");
    let expected = json!({
        "id": id, "username": "babs", "enabled": false, "emailVerified": false, "requiredActions": [],
        "disableableCredentialTypes": [], "totp": false, "notBefore": 0,
    });
    assert_eq!(user, expected);
    assert_eq!(realm.user_role_names(&id).await, [format!("default-roles-{}", realm.name())]);
}

fn now() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since_1970.as_millis()).unwrap()
}

async fn whole() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({})), declared("scim.emails", json!({ "multivalued": true }))])
        .await;
    let user = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen", "enabled": true,
        "emailVerified": true, "createdTimestamp": 1_000_000_000_000_i64, "requiredActions": ["VERIFY_EMAIL"],
        "attributes": { "title": ["Guide"], "scim.emails": ["B@example.com", "a@example.com"] },
    });
    let id = realm.create_user(&user).await;
    let kept = read(&realm, &id).await;
    for (name, value) in user.as_object().unwrap() {
        assert_eq!(kept[name], *value, "{name}");
    }
}

async fn ignored() {
    let realm = realm().await;
    realm.create_role("scim-managed").await;
    let wanted = "11111111-1111-4111-8111-111111111111";
    let user = json!({
        "id": wanted, "username": "babs", "realmRoles": ["scim-managed"], "totp": true, "notBefore": 7,
        "access": { "manage": true }, "email": null, "attributes": null, "credentials": [], "groups": [],
    });
    let id = realm.create_user(&user).await;
    assert_ne!(id, wanted);
    assert_eq!(realm.user_role_names(&id).await, [format!("default-roles-{}", realm.name())]);
    let [totp, not_before, email] = members(&realm, &id, ["totp", "notBefore", "email"]).await;
    assert_eq!((totp, not_before, email), (json!(false), json!(0), Value::Null));
}

async fn race() {
    let realm = realm().await;
    let user = json!({ "username": "babs", "email": "babs@example.com" });
    let create = async || realm.call(Method::POST, "/users", Some(&user)).await;
    let answers = futures_util::future::join_all((0..8).map(|_| create())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        let said = answer.body["errorMessage"].as_str().unwrap();
        assert!(said.starts_with("User exists with same "), "{said}");
    }
    assert_eq!(realm.get("/users").await.as_array().unwrap().len(), 1);
}

async fn round_trip() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({}))]).await;
    let id = realm
        .create_user(&json!({
            "username": "babs", "email": "babs@example.com", "lastName": "Jensen", "enabled": true, "emailVerified": true,
            "requiredActions": ["UPDATE_PASSWORD"], "attributes": { "title": ["Guide"] },
        }))
        .await;
    let user = read(&realm, &id).await;
    put(&realm, &id, user.clone()).await;
    assert_eq!(read(&realm, &id).await, user);
}

async fn merging() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({}))]).await;
    let user = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen", "enabled": true,
        "attributes": { "title": ["Guide"] },
    });
    let id = realm.create_user(&user).await;
    let mut expected = read(&realm, &id).await;
    for (written, name, value) in [
        (json!({ "firstName": "Babs" }), "firstName", json!("Babs")),
        (json!({ "enabled": false }), "enabled", json!(false)),
        (json!({ "email": "b@example.com" }), "email", json!("b@example.com")),
        (json!({ "emailVerified": true }), "emailVerified", json!(true)),
        // Null is as good as absent.
        (
            json!({ "firstName": null, "email": null, "enabled": null, "attributes": null }),
            "enabled",
            json!(false),
        ),
        (json!({}), "enabled", json!(false)),
    ] {
        put(&realm, &id, written.clone()).await;
        expected[name] = value;
        assert_eq!(read(&realm, &id).await, expected, "{written}");
    }
    for name in ["email", "firstName", "lastName"] {
        put(&realm, &id, json!({ name: "" })).await;
        expected.as_object_mut().unwrap().shift_remove(name);
        assert_eq!(read(&realm, &id).await, expected, "an empty {name} clears it");
    }
}

async fn replacing() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({})), declared("nickname", json!({}))]).await;
    let user = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen", "enabled": true,
        "emailVerified": true, "requiredActions": ["VERIFY_EMAIL"], "attributes": { "title": ["Guide"], "nickname": ["B"] },
    });
    let id = realm.create_user(&user).await;
    let names = ["username", "email", "firstName", "lastName", "attributes"];
    put(&realm, &id, json!({ "firstName": "Babs", "attributes": { "title": ["Chief"] } })).await;
    let expected = [json!("babs"), Value::Null, json!("Babs"), Value::Null, json!({ "title": ["Chief"] })];
    assert_eq!(members(&realm, &id, names).await, expected);
    put(&realm, &id, json!({ "attributes": {} })).await;
    let expected = [json!("babs"), Value::Null, Value::Null, Value::Null, Value::Null];
    assert_eq!(members(&realm, &id, names).await, expected);
    let expected = [json!(true), json!(true), json!(["VERIFY_EMAIL"])];
    let kept = members(&realm, &id, ["enabled", "emailVerified", "requiredActions"]).await;
    assert_eq!(kept, expected, "these change only where they are present");
}

async fn unchanging() {
    let realm = realm().await;
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let before = read(&realm, &id).await;
    put(
        &realm,
        &id,
        json!({ "id": "x", "createdTimestamp": 5, "notBefore": 9, "totp": true, "realmRoles": ["x"], "groups": [] }),
    )
    .await;
    assert_eq!(read(&realm, &id).await, before);
}

async fn blanks() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({})), declared("all", json!({ "multivalued": true }))]).await;
    let id = realm
        .create_user(&json!({
            "username": "babs", "email": "", "firstName": " ", "attributes": { "title": [""], "all": ["a", "", " ", "b"] },
        }))
        .await;
    let names = ["email", "firstName", "attributes"];
    let expected = [Value::Null, Value::Null, json!({ "all": ["a", "b"] })];
    assert_eq!(members(&realm, &id, names).await, expected);
    put(&realm, &id, json!({ "attributes": { "title": ["", "Guide"], "all": [] } })).await;
    assert_eq!(read(&realm, &id).await["attributes"], json!({ "title": ["Guide"] }));
    put(&realm, &id, json!({ "attributes": { "title": [" "] } })).await;
    assert_eq!(read(&realm, &id).await.get("attributes"), None);
}

async fn verified() {
    let realm = realm().await;
    let user = json!({ "username": "babs", "email": "babs@example.com", "emailVerified": true });
    let id = realm.create_user(&user).await;
    let names = ["email", "emailVerified"];
    put(&realm, &id, json!({ "email": "b@example.com" })).await;
    assert_eq!(members(&realm, &id, names).await, [json!("b@example.com"), json!(true)]);
    put(&realm, &id, json!({ "email": "c@example.com", "emailVerified": false })).await;
    assert_eq!(members(&realm, &id, names).await, [json!("c@example.com"), json!(false)]);
}

async fn actions() {
    let realm = realm().await;
    let known = json!(["UPDATE_PASSWORD"]);
    let id = realm
        .create_user(&json!({ "username": "babs", "requiredActions": ["UPDATE_PASSWORD", "nothing-known"] }))
        .await;
    let kept = async || read(&realm, &id).await["requiredActions"].clone();
    assert_eq!(kept().await, known, "an unknown one is dropped without a word");
    put(&realm, &id, json!({ "attributes": {} })).await;
    assert_eq!(kept().await, known);
    put(&realm, &id, json!({ "requiredActions": ["VERIFY_EMAIL"] })).await;
    assert_eq!(kept().await, json!(["VERIFY_EMAIL"]));
    put(&realm, &id, json!({ "requiredActions": [] })).await;
    assert_eq!(kept().await, json!([]));
}

fn read_only() -> Value {
    json!({ "field": "username", "errorMessage": "error-user-attribute-read-only", "params": ["username"] })
}

fn missing_name() -> Value {
    json!({ "errorMessage": "User name is missing" })
}

async fn frozen() {
    let realm = realm().await;
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    put_refused(&realm, &id, json!({ "username": "barbara" }), 400, read_only()).await;
    put_refused(&realm, &id, json!({ "username": "barbara", "attributes": {} }), 400, read_only()).await;
    put_refused(&realm, &id, json!({ "username": "" }), 400, missing_name()).await;
    put(&realm, &id, json!({ "username": "BABS", "firstName": "Barbara" })).await;
    put(&realm, &id, json!({ "attributes": {}, "firstName": "Babs" })).await;
    assert_eq!(members(&realm, &id, ["username", "firstName"]).await, ["babs", "Babs"]);
    // Nobody can change it, so nobody is told that it does not fit any more.
    change_username(&realm, |username| username["validations"]["length"]["min"] = json!(8)).await;
    put(&realm, &id, json!({ "enabled": true })).await;
}

async fn change_username(realm: &Realm, change: impl FnOnce(&mut Value)) {
    super::profile::change(realm, "username", change).await;
}

async fn renamed() {
    let realm = admin().await.create_realm_with("contract", json!({ "editUsernameAllowed": true })).await;
    let id = realm.create_user(&json!({ "username": "babs", "firstName": "Barbara" })).await;
    put(&realm, &id, json!({ "username": "Barbara.J" })).await;
    assert_eq!(members(&realm, &id, ["id", "username", "firstName"]).await, [&*id, "barbara.j", "Barbara"]);
    // Also where people may not change their own.
    change_username(&realm, |username| username["permissions"]["edit"] = json!(["admin"])).await;
    put(&realm, &id, json!({ "username": "babs", "attributes": {} })).await;
    assert_eq!(read(&realm, &id).await["username"], "babs");
    realm.put("", &json!({ "editUsernameAllowed": false })).await;
    put_refused(&realm, &id, json!({ "username": "barbara" }), 400, read_only()).await;
    realm.put("", &json!({ "editUsernameAllowed": true })).await;
    change_username(&realm, |username| username["validations"]["length"]["min"] = json!(8)).await;
    let refusal = json!({ "field": "username", "errorMessage": "error-invalid-length", "params": ["username", 8, 255] });
    put_refused(&realm, &id, json!({ "enabled": true }), 400, refusal).await;
}

async fn nameless() {
    let realm = admin().await.create_realm_with("contract", json!({ "editUsernameAllowed": true })).await;
    let id = realm.create_user(&json!({ "username": "babs", "firstName": "Barbara" })).await;
    for user in [
        json!({ "attributes": {} }),
        json!({ "username": null, "attributes": {} }),
        json!({ "username": "" }),
    ] {
        put_refused(&realm, &id, user, 400, missing_name()).await;
    }
    put(&realm, &id, json!({ "enabled": true })).await;
}

/// A realm in which Keycloak makes usernames from e-mail addresses.
async fn email_realm() -> Realm {
    admin().await.create_realm_with("contract", json!({ "registrationEmailAsUsername": true })).await
}

async fn email_as_username() {
    for renames in [false, true] {
        let realm = email_realm().await;
        realm.put("", &json!({ "editUsernameAllowed": renames })).await;
        let id = realm.create_user(&json!({ "username": "babs", "email": "Babs@Example.com" })).await;
        let named = async || members(&realm, &id, ["username", "email"]).await;
        assert_eq!(named().await, ["babs@example.com"; 2]);
        for (written, address) in [
            (json!({ "username": "barbara", "firstName": "Barbara" }), "babs@example.com"),
            (json!({ "email": "B.Jensen@example.com" }), "b.jensen@example.com"),
            (json!({ "username": "barbara", "email": "bj@example.com", "attributes": {} }), "bj@example.com"),
            (json!({ "email": "o'jensen@example.com", "attributes": {} }), "o'jensen@example.com"),
        ] {
            put(&realm, &id, written.clone()).await;
            assert_eq!(named().await, [address; 2], "{written}");
        }
        let unnamed = realm.create_user(&json!({ "email": "only@example.com" })).await;
        assert_eq!(read(&realm, &unnamed).await["username"], "only@example.com");
        let taken = json!({ "errorMessage": "User exists with same email" });
        put_refused(&realm, &id, json!({ "email": "ONLY@example.com" }), 409, taken).await;
    }
}

async fn email_needed() {
    let realm = email_realm().await;
    let refusal =
        json!({ "field": "email", "errorMessage": "error-user-attribute-required", "params": ["email"] });
    let create = async |user: Value| realm.call(Method::POST, "/users", Some(&user)).await.expect(400).body;
    assert_eq!(create(json!({ "username": "babs" })).await, refusal);
    assert_eq!(create(json!({})).await, missing_name());
    let id = realm.create_user(&json!({ "email": "babs@example.com" })).await;
    put_refused(&realm, &id, json!({ "attributes": {} }), 400, refusal.clone()).await;
    put_refused(&realm, &id, json!({ "email": "" }), 400, missing_name()).await;
    // Whoever was there before the switch was turned.
    realm.put("", &json!({ "registrationEmailAsUsername": false })).await;
    let early = realm.create_user(&json!({ "username": "early" })).await;
    realm.put("", &json!({ "registrationEmailAsUsername": true })).await;
    put_refused(&realm, &early, json!({ "enabled": true }), 400, refusal).await;
}

async fn deleted() {
    let realm = realm().await;
    let user = json!({ "username": "babs", "email": "babs@example.com" });
    let id = realm.create_user(&user).await;
    let path = format!("/users/{id}");
    assert_eq!(realm.call(Method::DELETE, &path, None).await.expect(204).body, "");
    assert_eq!(realm.user(&id).await, None);
    assert_eq!(realm.get("/users").await, json!([]));
    // The names are free again.
    assert_ne!(realm.create_user(&user).await, id);
}
