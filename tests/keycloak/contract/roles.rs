//! Roles and role mappings: what is direct, what is in effect, what is done twice, what is unknown.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{management_role, names};
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::roles::a_new_realm_has_its_default_roles", defaults),
        both("admin_contract::roles::a_role_is_made_read_and_deleted", life),
        both("admin_contract::roles::a_new_user_has_the_default_roles_alone", new_user),
        both("admin_contract::roles::a_mapping_needs_id_and_name", id_and_name),
        both("admin_contract::roles::mapping_and_unmapping_twice_is_harmless", twice),
        both("admin_contract::roles::what_does_not_exist_is_404", unknown),
        both("admin_contract::roles::composites_count_in_effect_and_not_directly", composites),
        both("admin_contract::roles::realm_admin_brings_all_power", realm_admin),
        both("admin_contract::roles::all_mappings_come_by_kind", all_mappings),
        both("admin_contract::roles::the_users_of_a_role_are_paged_by_username", users),
        both("admin_contract::roles::a_deleted_role_is_nobodys", deleted),
        both("admin_contract::roles::a_default_role_is_in_effect_for_everybody", default_for_all),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const TAG: &str = "scim-managed";

/// A realm with the role [`TAG`] and a user; gives the role and the user's id.
async fn prepared() -> (Realm, Value, String) {
    let realm = admin().await.create_realm("contract").await;
    realm.create_role(TAG).await;
    let role = realm.get(&format!("/roles/{TAG}")).await;
    let user = realm.create_user(&json!({ "username": "babs", "enabled": true })).await;
    (realm, role, user)
}

fn default_role(realm: &Realm) -> String {
    format!("default-roles-{}", realm.name())
}

async fn defaults() {
    let realm = admin().await.create_realm("contract").await;
    let default = default_role(&realm);
    let roles = realm.get("/roles").await;
    assert_eq!(names(&roles), [default.as_str(), "offline_access", "uma_authorization"]);
    let id = realm.get("").await["defaultRole"]["id"].as_str().unwrap().to_owned();
    let parts = realm.get(&format!("/roles-by-id/{id}/composites")).await;
    assert_eq!(names(&parts), ["manage-account", "offline_access", "uma_authorization", "view-profile"]);
    assert_eq!(realm.get(&format!("/roles/{default}/composites")).await.as_array().unwrap().len(), 4);
    let answer = realm.call(Method::DELETE, &format!("/roles/{default}"), None).await.expect(400);
    let said = format!("{default} is default role of the realm and cannot be removed.");
    assert_eq!(answer.body, json!({ "errorMessage": said }));
}

async fn life() {
    let realm = admin().await.create_realm("contract").await;
    let role = json!({ "name": TAG, "description": "Managed" });
    let made = realm.call(Method::POST, "/roles", Some(&role)).await.expect(201);
    assert_eq!((made.created.as_deref(), &made.body), (Some(TAG), &json!("")));
    let read = realm.get(&format!("/roles/{TAG}")).await;
    let container = realm.get("").await["id"].clone();
    let expected = json!({
        "id": read["id"], "name": TAG, "description": "Managed", "composite": false, "clientRole": false,
        "containerId": container, "attributes": {},
    });
    assert_eq!(read, expected);
    let again = realm.call(Method::POST, "/roles", Some(&role)).await.expect(409);
    assert_eq!(again.body, json!({ "errorMessage": format!("Role with name {TAG} already exists") }));
    // Names are one only in the same letter case.
    realm.create_role(&TAG.to_uppercase()).await;
    realm.delete(&format!("/roles/{TAG}")).await;
    for method in [Method::GET, Method::DELETE] {
        let gone = realm.call(method, &format!("/roles/{TAG}"), None).await.expect(404);
        assert_eq!(gone.body, json!({ "error": "Could not find role" }));
    }
}

async fn new_user() {
    let (realm, _, user) = prepared().await;
    assert_eq!(realm.user_role_names(&user).await, [default_role(&realm)]);
    let effective = realm.get(&format!("/users/{user}/role-mappings/realm/composite")).await;
    assert_eq!(names(&effective), [default_role(&realm).as_str(), "offline_access", "uma_authorization"]);
}

async fn id_and_name() {
    let (realm, role, user) = prepared().await;
    realm.create_role("other").await;
    let path = format!("/users/{user}/role-mappings/realm");
    for incomplete in [
        json!({ "id": role["id"] }),
        json!({ "name": TAG }),
        json!({ "id": "00000000-0000-0000-0000-000000000000", "name": TAG }),
        json!({ "id": role["id"], "name": "other" }),
    ] {
        for method in [Method::POST, Method::DELETE] {
            let answer = realm.call(method, &path, Some(&json!([incomplete]))).await.expect(404);
            assert_eq!(answer.body, json!({ "error": "Role not found" }), "{incomplete}");
        }
    }
    assert_eq!(realm.user_role_names(&user).await, [default_role(&realm)], "nothing was mapped");
    realm.post(&path, &json!([{ "id": role["id"], "name": TAG }])).await;
    assert_eq!(realm.user_role_names(&user).await, [default_role(&realm), TAG.to_owned()]);
}

async fn twice() {
    let (realm, role, user) = prepared().await;
    let path = format!("/users/{user}/role-mappings/realm");
    for (method, mapped) in [(Method::POST, true), (Method::DELETE, false)] {
        for _ in 0..2 {
            let answer = realm.call(method.clone(), &path, Some(&json!([role]))).await.expect(204);
            assert_eq!(answer.body, "");
            assert_eq!(realm.user_role_names(&user).await.contains(&TAG.to_owned()), mapped, "{method}");
        }
    }
}

async fn unknown() {
    let (realm, role, user) = prepared().await;
    let (management, manage_users) = management_role(&realm, "manage-users").await;
    let of_client = format!("/role-mappings/clients/{management}");
    let roles = |role: &Value| Some(json!([role]));
    for (method, path, body, error) in [
        (Method::GET, "/users/nobody/role-mappings/realm".to_owned(), None, "User not found"),
        (Method::GET, "/users/nobody/role-mappings/realm/composite".to_owned(), None, "User not found"),
        (Method::GET, format!("/users/nobody{of_client}/composite"), None, "User not found"),
        (Method::POST, "/users/nobody/role-mappings/realm".to_owned(), roles(&role), "User not found"),
        (Method::DELETE, "/users/nobody/role-mappings/realm".to_owned(), roles(&role), "User not found"),
        (Method::GET, format!("/users/{user}/role-mappings/clients/none"), None, "Client not found"),
        (
            Method::GET,
            format!("/users/{user}/role-mappings/clients/none/composite"),
            None,
            "Client not found",
        ),
        // A role of another container.
        (Method::POST, format!("/users/{user}{of_client}"), roles(&role), "Role not found"),
        (Method::POST, format!("/users/{user}/role-mappings/realm"), roles(&manage_users), "Role not found"),
        (Method::GET, "/roles/none/users".to_owned(), None, "Could not find role"),
        (Method::GET, "/roles-by-id/none/composites".to_owned(), None, "Could not find role with id"),
        (Method::POST, "/roles/none/composites".to_owned(), roles(&role), "Could not find role"),
        (Method::GET, format!("/clients/{management}/roles/none"), None, "Could not find role"),
        (Method::GET, "/clients/none/roles/none".to_owned(), None, "Could not find client"),
    ] {
        let answer = realm.call(method.clone(), &path, body.as_ref()).await.expect(404);
        assert_eq!(answer.body, json!({ "error": error }), "{method} {path}");
    }
}

async fn composites() {
    let (realm, role, user) = prepared().await;
    realm.create_role("helpdesk").await;
    let helpdesk = "/roles/helpdesk";
    let parts = format!("{helpdesk}/composites");
    assert_eq!(realm.get(helpdesk).await["composite"], false);
    for _ in 0..2 {
        realm.call(Method::POST, &parts, Some(&json!([role]))).await.expect(204);
    }
    assert_eq!(realm.get(helpdesk).await["composite"], true);
    assert_eq!(names(&realm.get(&parts).await), [TAG]);
    realm.map_role(&user, "helpdesk").await;
    assert!(!realm.user_role_names(&user).await.contains(&TAG.to_owned()), "not directly");
    let effective = async || realm.get(&format!("/users/{user}/role-mappings/realm/composite")).await;
    assert!(names(&effective().await).contains(&TAG));
    assert_eq!(realm.get(&format!("/roles/{TAG}/users")).await, json!([]), "direct mappings only");
    for _ in 0..2 {
        realm.call(Method::DELETE, &parts, Some(&json!([role]))).await.expect(204);
    }
    assert_eq!(realm.get(helpdesk).await["composite"], false);
    assert!(!names(&effective().await).contains(&TAG));
    let answer = realm.call(Method::POST, &parts, Some(&json!([{ "name": TAG }]))).await.expect(404);
    assert_eq!(answer.body, json!({ "error": "Could not find composite role" }));
}

async fn realm_admin() {
    let (realm, _, user) = prepared().await;
    let (management, admin) = management_role(&realm, "realm-admin").await;
    assert_eq!((&admin["composite"], &admin["clientRole"]), (&json!(true), &json!(true)));
    assert_eq!(admin["containerId"], management.as_str());
    let mappings = format!("/users/{user}/role-mappings/clients/{management}");
    assert_eq!(realm.get(&format!("{mappings}/composite")).await, json!([]));
    realm.post(&mappings, &json!([admin])).await;
    assert_eq!(names(&realm.get(&mappings).await), ["realm-admin"]);
    let effective = realm.get(&format!("{mappings}/composite")).await;
    let all = [
        "create-client",
        "impersonation",
        "manage-authorization",
        "manage-clients",
        "manage-events",
        "manage-identity-providers",
        "manage-organizations",
        "manage-realm",
        "manage-users",
        "query-clients",
        "query-groups",
        "query-organizations",
        "query-realms",
        "query-users",
        "realm-admin",
        "view-authorization",
        "view-clients",
        "view-events",
        "view-identity-providers",
        "view-organizations",
        "view-realm",
        "view-users",
    ];
    assert_eq!(names(&effective), all);
    realm.call(Method::DELETE, &mappings, Some(&json!([admin]))).await.expect(204);
    let (_, view) = management_role(&realm, "view-users").await;
    realm.post(&mappings, &json!([view])).await;
    let effective = realm.get(&format!("{mappings}/composite")).await;
    assert_eq!(names(&effective), ["query-groups", "query-users", "view-users"]);
}

async fn all_mappings() {
    let (realm, role, user) = prepared().await;
    let (management, view) = management_role(&realm, "query-users").await;
    let path = format!("/users/{user}/role-mappings");
    realm.post(&format!("{path}/realm"), &json!([role])).await;
    realm.post(&format!("{path}/clients/{management}"), &json!([view])).await;
    let all = realm.get(&path).await;
    let default = default_role(&realm);
    assert_eq!(names(&all["realmMappings"]), [default.as_str(), TAG]);
    let of_client = &all["clientMappings"]["realm-management"];
    assert_eq!((&of_client["id"], &of_client["client"]), (&json!(management), &json!("realm-management")));
    assert_eq!(names(&of_client["mappings"]), ["query-users"]);
    // What is empty is left out.
    let roles = realm.get(&format!("{path}/realm")).await;
    realm.call(Method::DELETE, &format!("{path}/realm"), Some(&roles)).await.expect(204);
    realm
        .call(Method::DELETE, &format!("{path}/clients/{management}"), Some(&json!([view])))
        .await
        .expect(204);
    assert_eq!(realm.get(&path).await, json!({}));
}

async fn users() {
    let (realm, _, _) = prepared().await;
    for name in ["dora", "alice", "carol", "bob"] {
        let id = realm.create_user(&json!({ "username": name, "enabled": true })).await;
        realm.map_role(&id, TAG).await;
    }
    let page = async |query: &str| {
        let users = realm.get(&format!("/roles/{TAG}/users{query}")).await;
        let users = users.as_array().unwrap().iter();
        users.map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page("").await, ["alice", "bob", "carol", "dora"]);
    assert_eq!(page("?first=0&max=3").await, ["alice", "bob", "carol"]);
    assert_eq!(page("?first=3&max=3").await, ["dora"]);
    assert_eq!(page("?first=4&max=3").await, [""; 0]);
    // With their attributes, when asked so.
    let mut profile = realm.get("/users/profile").await;
    profile["unmanagedAttributePolicy"] = json!("ENABLED");
    realm.put("/users/profile", &profile).await;
    let erin = json!({ "username": "erin", "attributes": { "shoeSize": ["39"] } });
    let erin = realm.create_user(&erin).await;
    realm.map_role(&erin, TAG).await;
    let found = realm.get(&format!("/roles/{TAG}/users?first=4&max=1&briefRepresentation=false")).await;
    assert_eq!((&found[0]["id"], &found[0]["attributes"]), (&json!(erin), &json!({ "shoeSize": ["39"] })));
}

async fn deleted() {
    let (realm, role, user) = prepared().await;
    realm.map_role(&user, TAG).await;
    realm.create_role("helpdesk").await;
    realm.post("/roles/helpdesk/composites", &json!([role])).await;
    realm.delete(&format!("/roles/{TAG}")).await;
    assert_eq!(realm.user_role_names(&user).await, [default_role(&realm)]);
    assert_eq!(realm.get("/roles/helpdesk/composites").await, json!([]));
    assert_eq!(realm.get("/roles/helpdesk").await["composite"], false);
    let path = format!("/users/{user}/role-mappings/realm");
    realm.call(Method::POST, &path, Some(&json!([role]))).await.expect(404);
}

async fn default_for_all() {
    let (realm, role, user) = prepared().await;
    realm.post(&format!("/roles/{}/composites", default_role(&realm)), &json!([role])).await;
    assert!(!realm.user_role_names(&user).await.contains(&TAG.to_owned()), "not directly");
    let effective = realm.get(&format!("/users/{user}/role-mappings/realm/composite")).await;
    assert!(names(&effective).contains(&TAG), "also for who was there before");
}
