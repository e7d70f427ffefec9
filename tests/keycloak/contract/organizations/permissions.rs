//! Which roles of `realm-management` each call about organizations needs.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::permissions::holder;
use super::super::{call_with, management_role};
use super::{below, member, realm, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::organizations::{name}");
    [
        both(&name("each_call_needs_its_roles"), each_call),
        both(&name("who_may_not_see_them_is_told_nothing_of_which_there_are"), refused),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Who calls, with which roles.
const HOLDERS: [(&str, &[&str]); 8] = [
    ("asks", &["query-organizations"]),
    ("sees", &["view-organizations"]),
    ("manages", &["manage-organizations"]),
    ("manages-the-realm", &["manage-realm"]),
    ("manages-users", &["manage-users"]),
    ("sees-members", &["view-organizations", "view-users"]),
    ("gateway", &["manage-organizations", "manage-users", "view-realm", "view-clients"]),
    ("rules", &["realm-admin"]),
];

/// Those who may see, change, see who is in, and change who is in.
const SEE: &[&str] = &["sees", "manages", "manages-the-realm", "sees-members", "gateway", "rules"];
const CHANGE: &[&str] = &["manages", "manages-the-realm", "gateway", "rules"];
const SEE_MEMBERS: &[&str] = &["sees-members", "gateway", "rules"];
const CHANGE_MEMBERS: &[&str] = &["gateway", "rules"];
const SEE_CLIENT_ROLES: &[&str] = &["gateway", "rules"];

/// Every call with what is sent, and who may make it.
async fn calls(
    realm: &Realm,
    id: &str,
    number: usize,
) -> Vec<(Method, String, Value, &'static [&'static str])> {
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let at = format!("/organizations/{id}");
    let babs = member(realm, id, &format!("babs-{number}")).await;
    let leaver = member(realm, id, &format!("leaver-{number}")).await;
    let joiner = realm.create_user(&json!({ "username": format!("joiner-{number}") })).await;
    let group = top(realm, id, &format!("group-{number}")).await;
    let doomed = below(realm, id, &group, "doomed").await;
    let (management, role) = management_role(realm, "query-users").await;
    let guide = json!([realm.get("/roles/guide").await]);
    let role = json!([role]);
    let none = Value::Null;
    let groups = format!("{at}/groups");
    let one = format!("{groups}/{group}");
    let named = |name: &str| json!({ "name": format!("{name}-{number}") });
    vec![
        (get.clone(), at.clone(), none.clone(), SEE),
        (put.clone(), at.clone(), json!({ "name": "Contoso" }), CHANGE),
        (post.clone(), "/organizations".to_owned(), named("made"), CHANGE),
        (get.clone(), format!("{at}/members"), none.clone(), SEE_MEMBERS),
        (get.clone(), format!("{at}/members/count"), none.clone(), SEE_MEMBERS),
        (get.clone(), format!("{at}/members/{babs}"), none.clone(), SEE_MEMBERS),
        (post.clone(), format!("{at}/members"), json!(joiner), CHANGE_MEMBERS),
        (delete.clone(), format!("{at}/members/{leaver}"), none.clone(), CHANGE_MEMBERS),
        (get.clone(), format!("/organizations/members/{babs}/organizations"), none.clone(), SEE_MEMBERS),
        (get.clone(), format!("{at}/members/{babs}/groups"), none.clone(), SEE_MEMBERS),
        (get.clone(), groups.clone(), none.clone(), SEE),
        (post.clone(), groups, named("group-made"), CHANGE),
        (get.clone(), one.clone(), none.clone(), SEE),
        (put.clone(), one.clone(), named("group"), CHANGE),
        (get.clone(), format!("{one}/children"), none.clone(), SEE),
        (post.clone(), format!("{one}/children"), named("sub"), CHANGE),
        (delete.clone(), format!("{at}/groups/{doomed}"), none.clone(), CHANGE),
        (get.clone(), format!("{one}/members"), none.clone(), SEE_MEMBERS),
        (put, format!("{one}/members/{babs}"), none.clone(), CHANGE_MEMBERS),
        (delete, format!("{one}/members/{babs}"), none.clone(), CHANGE_MEMBERS),
        (get.clone(), format!("{one}/role-mappings/realm"), none.clone(), SEE),
        (get.clone(), format!("{one}/role-mappings/realm/composite"), none.clone(), SEE),
        (get, format!("{one}/role-mappings/clients/{management}/composite"), none, SEE_CLIENT_ROLES),
        (post.clone(), format!("{one}/role-mappings/realm"), guide, CHANGE_MEMBERS),
        (post, format!("{one}/role-mappings/clients/{management}"), role, CHANGE_MEMBERS),
    ]
}

async fn each_call() {
    let realm = realm().await;
    realm.create_role("guide").await;
    let id = realm.create_organization("Contoso").await;
    for (number, (client, roles)) in HOLDERS.into_iter().enumerate() {
        let authorization = holder(&realm, client, roles).await;
        for (method, path, body, suffice) in calls(&realm, &id, number).await {
            let body = Some(&body).filter(|body| !body.is_null());
            let (status, said) = call_with(&realm, Some(&authorization), method.clone(), &path, body).await;
            if suffice.contains(&client) {
                assert!((200..300).contains(&status), "{client}: {method} {path}: {status} {said}");
            } else {
                let expected = (403, json!({ "error": "HTTP 403 Forbidden" }));
                assert_eq!((status, said), expected, "{client}: {method} {path}");
            }
        }
    }
}

async fn refused() {
    let realm = realm().await;
    realm.create_organization("Contoso").await;
    let forbidden = (403, json!({ "error": "HTTP 403 Forbidden" }));
    let manager = holder(&realm, "manages-users", &["manage-users"]).await;
    for path in ["/organizations", "/organizations/none"] {
        assert_eq!(call_with(&realm, Some(&manager), Method::GET, path, None).await, forbidden, "{path}");
    }
    realm.put("", &json!({ "organizationsEnabled": false })).await;
    assert_eq!(call_with(&realm, Some(&manager), Method::GET, "/organizations", None).await, forbidden);
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let asks = holder(&realm, "asks", &["query-organizations"]).await;
    assert_eq!(call_with(&realm, Some(&asks), Method::GET, "/organizations", None).await, (200, json!([])));
}
