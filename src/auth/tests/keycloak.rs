//! Tokens of the realm for callers that want more than a client: roles, scopes, audiences.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{AuthError, JwtError};
use super::{House, Pair, claims, realm_with};
use crate::config::{CallerAuth, RealmTokens};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn taking(clients: &[&str], roles: &[&str], scopes: &[&str], audiences: &[&str]) -> CallerAuth {
    CallerAuth::Keycloak(RealmTokens {
        clients: set(clients),
        roles: set(roles),
        scopes: set(scopes),
        audiences: set(audiences),
    })
}

/// Who is recognised by a token with these claims changed.
async fn ask(callers: Vec<(&str, CallerAuth)>, changes: &Value) -> Result<String, AuthError> {
    let pair = Pair::p256();
    let house = House::of(&[pair.jwk("k", "ES256")], |_| realm_with(callers)).await;
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    house.ask(&pair.token(&json!({"alg": "ES256", "kid": "k"}), &claims)).await
}

#[tokio::test]
async fn a_token_must_have_all_roles_all_scopes_and_one_audience() {
    let lacks = |changes: Value, caller: CallerAuth| async move {
        match ask(vec![("okta", caller)], &changes).await {
            Err(AuthError::Jwt(error)) => Some(error),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let roles = || taking(&["okta-scim"], &["scim", "staff"], &[], &[]);
    let has = |roles: Value| json!({ "realm_access": { "roles": roles } });
    assert_eq!(lacks(has(json!(["x", "staff", "scim"])), roles()).await, None);
    for (realm_access, role) in [
        (has(json!(["scim"])), "staff"),
        (has(json!(["SCIM", "staff"])), "scim"),
        (has(json!(["scim staff"])), "scim"),
        (has(json!([{"scim": 1}])), "scim"),
        (json!({"realm_access": ["scim", "staff"]}), "scim"),
        (json!({"realm_access": null}), "scim"),
        // A client's roles are no realm's.
        (json!({"resource_access": {"a": {"roles": ["scim", "staff"]}}}), "scim"),
        (json!({}), "scim"),
    ] {
        let shown = realm_access.to_string();
        assert_eq!(lacks(realm_access, roles()).await, Some(JwtError::Role(role.to_owned())), "{shown}");
    }
    let scopes = || taking(&["okta-scim"], &[], &["scim:write", "scim:read"], &[]);
    assert_eq!(lacks(json!({"scope": "scim:read email scim:write"}), scopes()).await, None);
    for (scope, missing) in [
        ("scim:read", "scim:write"),
        ("scim:writescim:read", "scim:read"),
        ("email", "scim:read"),
        ("", "scim:read"),
    ] {
        let expected = Some(JwtError::Scope(missing.to_owned()));
        assert_eq!(lacks(json!({ "scope": scope }), scopes()).await, expected, "{scope}");
    }
    let audiences = || taking(&["okta-scim"], &[], &[], &["scim", "https://scim.example.com"]);
    for (aud, taken) in [
        (json!("scim"), true),
        (json!(["account", "https://scim.example.com"]), true),
        (json!("account"), false),
        (json!([]), false),
        (json!(["scim-2", ["scim"]]), false),
        (Value::Null, false),
    ] {
        let expected = (!taken).then_some(JwtError::Audience);
        assert_eq!(lacks(json!({ "aud": aud }), audiences()).await, expected, "{aud}");
    }
}

#[tokio::test]
async fn a_caller_by_role_takes_any_client_with_the_role() {
    let callers = || {
        vec![("by-role", taking(&[], &["scim"], &[], &[])), ("okta", taking(&["okta-scim"], &[], &[], &[]))]
    };
    let role = json!({"realm_access": {"roles": ["scim"]}});
    let other = json!({"client_id": "entra", "azp": "entra", "realm_access": {"roles": ["scim"]}});
    let stranger = json!({"client_id": "entra", "azp": "entra"});
    // Who names the client comes first, whatever the order of names.
    assert_eq!(ask(callers(), &role).await.unwrap(), "okta");
    assert_eq!(ask(callers(), &other).await.unwrap(), "by-role");
    assert!(matches!(ask(callers(), &stranger).await, Err(AuthError::Jwt(JwtError::Role(_)))));
    // A person with the role is still a person.
    let mut person = role.clone();
    person["sid"] = json!("a");
    assert!(matches!(ask(callers(), &person).await, Err(AuthError::Jwt(JwtError::Session))));
}

#[tokio::test]
async fn the_gateways_own_client_is_no_caller_whatever_its_roles() {
    let callers = || vec![("by-role", taking(&[], &["scim"], &[], &[]))];
    let has_role = json!({"realm_access": {"roles": ["scim"]}});
    assert_eq!(ask(callers(), &has_role).await.unwrap(), "by-role");
    for name in ["scimgate", "Scimgate"] {
        let mut own = has_role.clone();
        own["client_id"] = json!(name);
        own["azp"] = json!(name);
        assert!(matches!(ask(callers(), &own).await, Err(AuthError::Jwt(JwtError::OwnClient))), "{name}");
    }
}

#[tokio::test]
async fn a_caller_that_names_nothing_takes_nobody() {
    let callers = vec![("open", taking(&[], &[], &[], &[]))];
    assert!(matches!(ask(callers, &json!({})).await, Err(AuthError::Jwt(JwtError::Role(_)))));
}

#[tokio::test]
async fn a_client_may_call_in_several_names_by_what_its_token_says() {
    let callers = || {
        vec![
            ("reader", taking(&["okta-scim"], &[], &["scim:read"], &[])),
            ("writer", taking(&["okta-scim"], &[], &["scim:write"], &[])),
        ]
    };
    assert_eq!(ask(callers(), &json!({"scope": "scim:write"})).await.unwrap(), "writer");
    assert_eq!(ask(callers(), &json!({"scope": "scim:read"})).await.unwrap(), "reader");
    assert!(matches!(ask(callers(), &json!({"scope": ""})).await, Err(AuthError::Jwt(JwtError::Scope(_)))));
}
