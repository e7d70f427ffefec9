//! Refusals about users: the bodies in which Keycloak says what is wrong.

use std::collections::BTreeSet;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::client;
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::errors::{name}");
    [
        both(&name("a_user_without_a_username_is_refused"), nameless),
        both(&name("a_username_is_held_to_its_rules"), usernames),
        both(&name("an_email_is_held_to_its_rules"), emails),
        both(&name("a_persons_name_is_held_to_its_rules"), person_names),
        both(&name("several_refusals_come_together"), several),
        both(&name("a_username_is_given_once"), taken_username),
        both(&name("an_email_is_given_once"), taken_email),
        both(&name("a_username_may_not_be_the_email_of_another_or_the_reverse"), crossed),
        both(&name("what_is_taken_is_said_before_what_is_wrong"), taken_first),
        both(&name("an_unknown_id_is_404"), unknown_id),
        both(&name("an_unknown_field_is_refused"), unknown_field),
        both(&name("what_is_no_user_is_refused"), no_user),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn realm() -> Realm {
    admin().await.create_realm("contract").await
}

/// The body of the refusal to create this user.
async fn refusal(realm: &Realm, user: &Value, status: u16) -> Value {
    let before = realm.get("/users/count").await;
    let body = realm.call(Method::POST, "/users", Some(user)).await.expect(status).body;
    assert_eq!(realm.get("/users/count").await, before);
    body
}

/// One refused field.
fn refused(field: &str, message: &str, params: Value) -> Value {
    let mut all = vec![json!(field)];
    all.extend(params.as_array().unwrap().iter().cloned());
    json!({ "field": field, "errorMessage": message, "params": all })
}

async fn nameless() {
    let realm = realm().await;
    for user in [
        json!({}),
        json!({ "username": null }),
        json!({ "username": "" }),
        json!({ "email": "a@example.com" }),
    ] {
        assert_eq!(refusal(&realm, &user, 400).await, json!({ "errorMessage": "User name is missing" }));
    }
}

async fn usernames() {
    let realm = realm().await;
    for c in " '\"\\/,%*<>&$!#?§;:~|^=[]{}()`\t\n\0".chars() {
        let body = refusal(&realm, &json!({ "username": format!("ab{c}cd") }), 400).await;
        assert_eq!(body, refused("username", "error-username-invalid-character", json!([])), "{c:?}");
    }
    // Letters that look like Latin ones, but are not.
    for name in ["аdmin", "αβγδ", "日本語", "ab\u{301}c"] {
        let body = refusal(&realm, &json!({ "username": name }), 400).await;
        assert_eq!(body, refused("username", "error-username-invalid-character", json!([])), "{name}");
    }
    for name in ["ab".to_owned(), "x".repeat(256)] {
        let body = refusal(&realm, &json!({ "username": name }), 400).await;
        assert_eq!(body, refused("username", "error-invalid-length", json!([3, 255])));
    }
    for name in ["abc", "a.b-c_d+e@f", "müller", "1234", &*"x".repeat(255)] {
        realm.create_user(&json!({ "username": name })).await;
    }
}

async fn emails() {
    let realm = realm().await;
    let long = format!("{}@example.com", "x".repeat(65));
    for email in [
        "nope",
        "a b@example.com",
        "a@example.com ",
        "a@@example.com",
        "a@example..com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@-example.com",
        "a@example-.com",
        "a\"b@example.com",
        "a,b@example.com",
        "a(b)@example.com",
        "a<b@example.com",
        "a;b@example.com",
        "a\\b@example.com",
        "@example.com",
        "a@",
        "a@ex_ample.com",
        "a@example.com.",
        "a\0@example.com",
        &long,
    ] {
        let body = refusal(&realm, &json!({ "username": "babs", "email": email }), 400).await;
        assert_eq!(body, refused("email", "error-invalid-email", json!([email])), "{email:?}");
    }
    for (n, email) in
        ["a@b", "o'hara@example.com", "a+b/c=d@example.com", "ä@exämple.com", "x@1.2.3.4", "日本@example.com"]
            .iter()
            .enumerate()
    {
        realm.create_user(&json!({ "username": format!("user{n}"), "email": email })).await;
    }
}

async fn person_names() {
    let realm = realm().await;
    for c in "<>&\"$%!#?§;*~/\\|^=[]{}()\t\n\0".chars() {
        for name in ["firstName", "lastName"] {
            let body = refusal(&realm, &json!({ "username": "babs", name: format!("a{c}b") }), 400).await;
            assert_eq!(body, refused(name, "error-person-name-invalid-character", json!([])), "{c:?}");
        }
    }
    let long = json!({ "username": "babs", "firstName": "x".repeat(256) });
    assert_eq!(
        refusal(&realm, &long, 400).await,
        refused("firstName", "error-invalid-length-too-long", json!([null, 255]))
    );
    let name = "d'Arc-Müller, Jr.";
    let user = json!({ "username": "babs", "firstName": "日本 2", "lastName": name });
    let id = realm.create_user(&user).await;
    assert_eq!(realm.user(&id).await.unwrap()["lastName"], name);
}

async fn several() {
    let realm = realm().await;
    let user = json!({ "username": "ab", "email": "nope", "firstName": "<", "lastName": ">" });
    let body = refusal(&realm, &user, 400).await;
    // In no order that anybody could rely on.
    let errors: BTreeSet<String> = body["errors"].as_array().unwrap().iter().map(Value::to_string).collect();
    let read = |error: &String| serde_json::from_str::<Value>(error).unwrap();
    let fields: BTreeSet<String> =
        errors.iter().map(|error| read(error)["field"].as_str().unwrap().to_owned()).collect();
    assert_eq!(fields, ["email", "firstName", "lastName", "username"].map(str::to_owned).into());
    assert!(
        errors.iter().any(|error| read(error) == refused("email", "error-invalid-email", json!(["nope"])))
    );
    assert!(body.get("field").is_none() && body.get("errorMessage").is_none(), "{body}");
    // One attribute may be refused twice.
    let long = format!("{}@example.com", "x".repeat(250));
    let body = refusal(&realm, &json!({ "username": "babs", "email": long }), 400).await;
    assert_eq!(body["errors"].as_array().unwrap().len(), 2, "{body}");
}

fn exists(what: &str) -> Value {
    json!({ "errorMessage": format!("User exists with same {what}") })
}

/// A realm with these users in it; gives the second one's path.
async fn with_two(settings: Value) -> (Realm, String) {
    let realm = admin().await.create_realm_with("contract", settings).await;
    realm.create_user(&json!({ "username": "babs", "email": "babs@example.com" })).await;
    let id = realm.create_user(&json!({ "username": "jane", "email": "jane@example.com" })).await;
    (realm, format!("/users/{id}"))
}

async fn taken_username() {
    let (realm, jane) = with_two(json!({ "editUsernameAllowed": true })).await;
    for name in ["babs", "BABS"] {
        assert_eq!(refusal(&realm, &json!({ "username": name }), 409).await, exists("username"));
        let answer = realm.call(Method::PUT, &jane, Some(&json!({ "username": name }))).await.expect(409);
        assert_eq!(answer.body, exists("username"));
    }
    // One's own is nobody else's.
    realm.put(&jane, &json!({ "username": "JANE", "email": "JANE@example.com" })).await;
}

async fn taken_email() {
    let (realm, jane) = with_two(json!({})).await;
    for email in ["babs@example.com", "Babs@Example.com"] {
        let user = json!({ "username": "new", "email": email });
        assert_eq!(refusal(&realm, &user, 409).await, exists("email"));
        let answer = realm.call(Method::PUT, &jane, Some(&json!({ "email": email }))).await.expect(409);
        assert_eq!(answer.body, exists("email"));
    }
    let both = json!({ "username": "babs", "email": "babs@example.com" });
    assert_eq!(refusal(&realm, &both, 409).await, exists("email"), "of both the e-mail address is named");
    assert_eq!(realm.user_by_username("jane").await.unwrap()["email"], "jane@example.com");
}

async fn crossed() {
    let (realm, jane) = with_two(json!({ "editUsernameAllowed": true })).await;
    assert_eq!(refusal(&realm, &json!({ "username": "Babs@example.com" }), 409).await, exists("username"));
    let renamed = json!({ "username": "babs@example.com" });
    let answer = realm.call(Method::PUT, &jane, Some(&renamed)).await.expect(409);
    assert_eq!(answer.body, exists("username"));
    realm.create_user(&json!({ "username": "name@example.com" })).await;
    let user = json!({ "username": "new", "email": "Name@example.com" });
    assert_eq!(refusal(&realm, &user, 409).await, exists("email"));
    // Of one's own nothing is taken.
    realm.create_user(&json!({ "username": "same@example.com", "email": "same@example.com" })).await;
}

async fn taken_first() {
    let (realm, jane) = with_two(json!({})).await;
    let user = json!({ "username": "babs", "email": "nope" });
    assert_eq!(refusal(&realm, &user, 409).await, exists("username"));
    let user = json!({ "username": "ab", "email": "babs@example.com" });
    assert_eq!(refusal(&realm, &user, 409).await, exists("email"));
    let rename = json!({ "username": "babs" });
    let answer = realm.call(Method::PUT, &jane, Some(&rename)).await.expect(409);
    assert_eq!(answer.body, exists("username"), "also where no username may be edited");
}

async fn unknown_id() {
    let realm = realm().await;
    let user = json!({ "username": "babs" });
    for id in ["00000000-0000-0000-0000-000000000000", "nobody"] {
        let path = format!("/users/{id}");
        for (method, body) in [(Method::GET, None), (Method::PUT, Some(&user)), (Method::DELETE, None)] {
            let answer = realm.call(method, &path, body).await.expect(404);
            assert_eq!(answer.body, json!({ "error": "User not found" }));
        }
    }
}

async fn unknown_field() {
    let realm = realm().await;
    for user in [json!({ "username": "babs", "foo": 1 }), json!({ "username": "babs", "Username": "x" })] {
        let field = user.as_object().unwrap().keys().nth(1).unwrap();
        let body = refusal(&realm, &user, 400).await;
        let said = body["error"].as_str().unwrap();
        let expected = format!(
            "Invalid json representation for UserRepresentation. Unrecognized field \"{field}\" at line 1 column "
        );
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    }
}

async fn no_user() {
    let realm = realm().await;
    let url = format!("{}/admin/realms/{}/users", realm.keycloak(), realm.name());
    let token = realm.admin().token().await;
    for (sent, error) in [
        ("{", "invalid_request"),
        ("{\"username\":\"babs\"", "invalid_request"),
        ("babs", "invalid_request"),
        ("[1]", "unknown_error"),
        ("\"babs\"", "unknown_error"),
        ("{\"username\":\"babs\",\"requiredActions\":\"x\"}", "unknown_error"),
        ("{\"username\":[\"babs\"]}", "unknown_error"),
    ] {
        let request = client().post(&url).bearer_auth(&token).header("content-type", "application/json");
        let answer = request.body(sent).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{sent}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({ "error": error, "error_description": "Cannot parse the JSON" }), "{sent}");
    }
    assert_eq!(realm.get("/users/count").await, 0);
}
