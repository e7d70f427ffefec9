//! Which role of `realm-management` each Admin REST call needs.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{call_with, client, machine, management_role, service_account};
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::permissions::each_call_needs_its_role", each_call),
        both("admin_contract::permissions::who_may_only_query_is_shown_nothing", query_alone),
        both("admin_contract::permissions::the_realms_settings_need_view_realm", realm_settings),
        both("admin_contract::permissions::power_ends_at_the_realm", other_realm),
        both("admin_contract::permissions::power_comes_through_groups_and_composites", indirect),
        both("admin_contract::permissions::manage_users_alone_may_rule_a_realm_admin", manage_users_is_much),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SECRET: &str = "s3cret-of-the-trial";

/// `Authorization` of a new client whose service account has these roles of `realm-management`.
pub(super) async fn holder(realm: &Realm, client_id: &str, roles: &[&str]) -> String {
    let id = machine(realm, client_id, SECRET).await;
    let account = service_account(realm, &id).await;
    for role in roles {
        let (management, role) = management_role(realm, role).await;
        realm.post(&format!("/users/{account}/role-mappings/clients/{management}"), &json!([role])).await;
    }
    authorization(realm, client_id).await
}

async fn authorization(realm: &Realm, client_id: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", SECRET)];
    let tokens = realm.admin().tokens(realm.name(), &form).await.unwrap();
    format!("Bearer {}", tokens.access_token)
}

/// The roles that are tried, each alone.
const ROLES: [&str; 11] = [
    "manage-users",
    "view-users",
    "query-users",
    "query-groups",
    "view-realm",
    "manage-realm",
    "view-clients",
    "manage-clients",
    "query-clients",
    "impersonation",
    "realm-admin",
];

/// What calls are made upon.
struct Things {
    user: String,
    group: String,
    /// Below the other one.
    subgroup: String,
    /// To be deleted, one for each number.
    doomed: Vec<String>,
    client: String,
    management: String,
    role: Value,
    management_role: Value,
    profile: Value,
}

impl Things {
    async fn new(realm: &Realm) -> Self {
        realm.create_role("tag").await;
        let (management, management_role) = management_role(realm, "query-users").await;
        let group = realm.post("/groups", &json!({ "name": "guides" })).await;
        let mut doomed = Vec::new();
        for number in 0..ROLES.len() {
            doomed.push(realm.post("/groups", &json!({ "name": format!("doomed-{number}") })).await);
        }
        Self {
            user: realm.create_user(&json!({ "username": "babs", "enabled": true })).await,
            subgroup: realm.post(&format!("/groups/{group}/children"), &json!({ "name": "sub" })).await,
            group,
            doomed,
            client: machine(realm, "app", "s").await,
            management,
            role: realm.get("/roles/tag").await,
            management_role,
            profile: realm.get("/users/profile").await,
        }
    }

    /// Every call, with the roles of which one suffices; what is made has this number in its name.
    fn calls(&self, number: usize) -> Vec<(Method, String, Option<Value>, &'static [&'static str])> {
        const SEE_REALM: &[&str] = &["view-realm", "manage-realm"];
        const CHANGE_REALM: &[&str] = &["manage-realm"];
        const ASK_USERS: &[&str] = &["query-users", "view-users", "manage-users"];
        const ASK_GROUPS: &[&str] = &["query-groups", "view-users", "manage-users"];
        const SEE_USERS: &[&str] = &["view-users", "manage-users"];
        const CHANGE_USERS: &[&str] = &["manage-users"];
        const ASK_CLIENTS: &[&str] = &["query-clients", "view-clients", "manage-clients"];
        const SEE_CLIENTS: &[&str] = &["view-clients", "manage-clients"];
        const CHANGE_CLIENTS: &[&str] = &["manage-clients"];
        /// No single one of those that are tried suffices, but `realm-admin`.
        const NONE_ALONE: &[&str] = &[];
        let Self { user, group, subgroup, client, management, .. } = self;
        let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
        let (role, roles_of_client) = (json!([self.role]), json!([self.management_role]));
        let role_id = self.role["id"].as_str().unwrap();
        let group_role = role.clone();
        let relocation = json!({ "id": subgroup, "name": "sub" });
        let user = format!("/users/{user}");
        let of_group = format!("/groups/{group}");
        let group_mappings = format!("{of_group}/role-mappings");
        let group_of_client = format!("{group_mappings}/clients/{management}");
        let mappings = format!("{user}/role-mappings");
        let of_client = format!("{mappings}/clients/{management}");
        let client = format!("/clients/{client}");
        vec![
            (put.clone(), String::new(), Some(json!({ "displayName": "Acme" })), CHANGE_REALM),
            (get.clone(), "/users".into(), None, ASK_USERS),
            (get.clone(), "/users/count".into(), None, ASK_USERS),
            (
                get.clone(),
                "/users/profile".into(),
                None,
                &["query-users", "view-users", "manage-users", "view-realm", "manage-realm"],
            ),
            (put.clone(), "/users/profile".into(), Some(self.profile.clone()), CHANGE_REALM),
            (
                post.clone(),
                "/users".into(),
                Some(json!({ "username": format!("user-{number}") })),
                CHANGE_USERS,
            ),
            (get.clone(), user.clone(), None, SEE_USERS),
            (put.clone(), user.clone(), Some(json!({ "firstName": "Barbara" })), CHANGE_USERS),
            (post.clone(), format!("{user}/logout"), None, CHANGE_USERS),
            (get.clone(), format!("{user}/consents"), None, SEE_USERS),
            (get.clone(), format!("{user}/groups"), None, SEE_USERS),
            (get.clone(), format!("{user}/groups/count"), None, SEE_USERS),
            (put.clone(), format!("{user}/groups/{group}"), None, CHANGE_USERS),
            (delete.clone(), format!("{user}/groups/{group}"), None, CHANGE_USERS),
            (get.clone(), mappings.clone(), None, SEE_USERS),
            (get.clone(), format!("{mappings}/realm"), None, SEE_USERS),
            (get.clone(), format!("{mappings}/realm/composite"), None, SEE_USERS),
            (post.clone(), format!("{mappings}/realm"), Some(role.clone()), CHANGE_USERS),
            (delete.clone(), format!("{mappings}/realm"), Some(role), CHANGE_USERS),
            // Users and clients must both be seen.
            (get.clone(), of_client.clone(), None, NONE_ALONE),
            (get.clone(), format!("{of_client}/composite"), None, NONE_ALONE),
            (post.clone(), of_client.clone(), Some(roles_of_client.clone()), CHANGE_USERS),
            (delete.clone(), of_client, Some(roles_of_client.clone()), CHANGE_USERS),
            (get.clone(), "/groups".into(), None, ASK_GROUPS),
            (get.clone(), "/groups?search=g&populateHierarchy=false".into(), None, ASK_GROUPS),
            (get.clone(), "/groups/count".into(), None, ASK_GROUPS),
            (get.clone(), "/group-by-path/guides".into(), None, SEE_USERS),
            (get.clone(), of_group.clone(), None, SEE_USERS),
            (get.clone(), format!("{of_group}/children"), None, SEE_USERS),
            (get.clone(), format!("{of_group}/members"), None, SEE_USERS),
            (put.clone(), of_group.clone(), Some(json!({ "name": "guides" })), CHANGE_USERS),
            (
                post.clone(),
                format!("{of_group}/children"),
                Some(json!({ "name": format!("group-{number}") })),
                CHANGE_USERS,
            ),
            (post.clone(), format!("{of_group}/children"), Some(relocation), CHANGE_USERS),
            (delete.clone(), format!("/groups/{}", self.doomed[number]), None, CHANGE_USERS),
            (get.clone(), group_mappings.clone(), None, SEE_USERS),
            (get.clone(), format!("{group_mappings}/realm"), None, SEE_USERS),
            (get.clone(), format!("{group_mappings}/realm/composite"), None, SEE_USERS),
            (post.clone(), format!("{group_mappings}/realm"), Some(group_role.clone()), CHANGE_USERS),
            (delete.clone(), format!("{group_mappings}/realm"), Some(group_role), CHANGE_USERS),
            (get.clone(), group_of_client.clone(), None, NONE_ALONE),
            (get.clone(), format!("{group_of_client}/composite"), None, NONE_ALONE),
            (post.clone(), group_of_client.clone(), Some(roles_of_client.clone()), CHANGE_USERS),
            (delete, group_of_client, Some(roles_of_client), CHANGE_USERS),
            (get.clone(), "/roles".into(), None, SEE_REALM),
            (post.clone(), "/roles".into(), Some(json!({ "name": format!("role-{number}") })), CHANGE_REALM),
            (get.clone(), "/roles/tag".into(), None, SEE_REALM),
            (get.clone(), format!("/roles-by-id/{role_id}/composites"), None, SEE_REALM),
            (post.clone(), "/roles/tag/composites".into(), Some(json!([])), CHANGE_REALM),
            // Roles and users must both be seen.
            (get.clone(), "/roles/tag/users".into(), None, NONE_ALONE),
            (get.clone(), "/clients".into(), None, ASK_CLIENTS),
            (get.clone(), client.clone(), None, SEE_CLIENTS),
            (get.clone(), format!("{client}/client-secret"), None, SEE_CLIENTS),
            (get.clone(), format!("{client}/service-account-user"), None, SEE_CLIENTS),
            (get.clone(), format!("/clients/{management}/roles/view-users"), None, SEE_CLIENTS),
            (
                post.clone(),
                "/clients".into(),
                Some(json!({ "clientId": format!("client-{number}") })),
                CHANGE_CLIENTS,
            ),
            (put, client, Some(json!({ "clientId": "app", "name": "App" })), CHANGE_CLIENTS),
            (post, "/groups".into(), Some(json!({ "name": format!("group-{number}") })), CHANGE_USERS),
            (get, "/events/config".into(), None, NONE_ALONE),
        ]
    }
}

async fn each_call() {
    let realm = admin().await.create_realm("contract").await;
    let things = Things::new(&realm).await;
    for (number, role) in ROLES.into_iter().enumerate() {
        let authorization = holder(&realm, &format!("holder-of-{role}"), &[role]).await;
        for (method, path, body, suffice) in things.calls(number) {
            let (status, said) =
                call_with(&realm, Some(&authorization), method.clone(), &path, body.as_ref()).await;
            if role == "realm-admin" || suffice.contains(&role) {
                assert!((200..300).contains(&status), "{role}: {method} {path}: {status} {said}");
            } else {
                assert_eq!(
                    (status, said),
                    (403, json!({ "error": "HTTP 403 Forbidden" })),
                    "{role}: {method} {path}"
                );
            }
        }
    }
    // What the gateway's own client holds suffices for what needs two.
    let gateway = ["manage-users", "view-realm", "view-clients"];
    let authorization = holder(&realm, "gateway", &gateway).await;
    for path in [
        format!("/users/{}/role-mappings/clients/{}", things.user, things.management),
        format!("/users/{}/role-mappings/clients/{}/composite", things.user, things.management),
        format!("/groups/{}/role-mappings/clients/{}", things.group, things.management),
        format!("/groups/{}/role-mappings/clients/{}/composite", things.group, things.management),
        "/roles/tag/users".to_owned(),
    ] {
        assert_eq!(call_with(&realm, Some(&authorization), Method::GET, &path, None).await.0, 200, "{path}");
    }
}

async fn query_alone() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let group = json!({ "name": "guides", "attributes": { "k": ["1"] } });
    let guides = realm.post("/groups", &group).await;
    let authorization = holder(&realm, "asks", &["query-users", "query-clients", "query-groups"]).await;
    let ask = async |path: &str| call_with(&realm, Some(&authorization), Method::GET, path, None).await;
    for path in [
        "/users",
        &format!("/users?search=id:{id}"),
        "/clients",
        "/clients?clientId=asks&max=1",
        "/groups",
        "/groups?search=guides&populateHierarchy=false",
        "/groups?q=k:1&populateHierarchy=false",
    ] {
        assert_eq!(ask(path).await, (200, json!([])), "{path}");
    }
    // How many there are is told, all the same.
    for path in ["/groups/count", "/groups/count?search=guides"] {
        assert_eq!(ask(path).await, (200, json!({ "count": 1 })), "{path}");
    }
    // Who may see but not manage is told so.
    let authorization = holder(&realm, "sees", &["view-users"]).await;
    let seen =
        call_with(&realm, Some(&authorization), Method::GET, &format!("/groups/{guides}"), None).await.1;
    let listed = call_with(&realm, Some(&authorization), Method::GET, "/groups", None).await.1;
    let access = json!({
        "view": true, "viewMembers": true, "manageMembers": false, "manage": false, "manageMembership": false,
    });
    assert_eq!((&seen["access"], &listed[0]["access"]), (&access, &access));
}

async fn realm_settings() {
    let realm = admin().await.create_realm("contract").await;
    for (client_id, roles, sees) in [
        ("none", &[][..], None),
        ("impersonator", &["impersonation"], None),
        ("manager", &["manage-users"], Some(false)),
        ("viewer", &["view-realm"], Some(true)),
    ] {
        let authorization = holder(&realm, client_id, roles).await;
        let (status, shown) = call_with(&realm, Some(&authorization), Method::GET, "", None).await;
        match sees {
            None => assert_eq!(status, 403, "{client_id}"),
            Some(sees) => {
                assert_eq!((status, &shown["realm"]), (200, &json!(realm.name())), "{client_id}");
                assert_eq!(shown["defaultRole"].is_object(), sees, "{client_id}: {shown}");
                assert_eq!(shown["editUsernameAllowed"].is_boolean(), sees, "{client_id}: {shown}");
            }
        }
    }
}

async fn other_realm() {
    let admin = admin().await;
    let (realm, other) = (admin.create_realm("contract").await, admin.create_realm("contract").await);
    let authorization = holder(&realm, "administrator", &["realm-admin"]).await;
    for path in ["", "/users", "/roles"] {
        assert_eq!(call_with(&realm, Some(&authorization), Method::GET, path, None).await.0, 200);
        let elsewhere = call_with(&other, Some(&authorization), Method::GET, path, None).await;
        assert_eq!(elsewhere, (403, json!({ "error": "HTTP 403 Forbidden" })), "{path}");
        let nowhere = call_with(&admin.realm("nobody"), Some(&authorization), Method::GET, path, None).await;
        assert_eq!(nowhere, (404, json!({ "error": "Realm not found." })), "{path}");
    }
    let url = format!("{}/admin/realms", realm.keycloak());
    let body = json!({ "realm": "never-made", "enabled": true });
    let request = client().post(url).header("authorization", authorization).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 403);
}

async fn indirect() {
    let realm = admin().await.create_realm("contract").await;
    let (management, manage_users) = management_role(&realm, "manage-users").await;
    for way in ["group", "composite"] {
        let id = machine(&realm, way, SECRET).await;
        let account = service_account(&realm, &id).await;
        let may = async || {
            let authorization = authorization(&realm, way).await;
            let body = json!({ "username": format!("made-by-{way}") });
            call_with(&realm, Some(&authorization), Method::POST, "/users", Some(&body)).await.0
        };
        assert_eq!(may().await, 403, "{way}");
        if way == "group" {
            let group = realm.post("/groups", &json!({ "name": "operators" })).await;
            let path = format!("/groups/{group}/role-mappings/clients/{management}");
            realm.post(&path, &json!([manage_users])).await;
            realm.put(&format!("/users/{account}/groups/{group}"), &json!({})).await;
        } else {
            realm.create_role("operator").await;
            realm.post("/roles/operator/composites", &json!([manage_users])).await;
            realm.map_role(&account, "operator").await;
        }
        assert_eq!(may().await, 201, "{way}");
    }
}

async fn manage_users_is_much() {
    let realm = admin().await.create_realm("contract").await;
    let (management, realm_admin) = management_role(&realm, "realm-admin").await;
    let id = realm.create_user(&json!({ "username": "babs", "enabled": true })).await;
    realm.post(&format!("/users/{id}/role-mappings/clients/{management}"), &json!([realm_admin])).await;
    let authorization = holder(&realm, "manager", &["manage-users"]).await;
    let path = format!("/users/{id}");
    let password = json!({ "type": "password", "value": "another", "temporary": false });
    for (method, path, body) in [
        (Method::PUT, format!("{path}/reset-password"), Some(password)),
        (Method::PUT, path.clone(), Some(json!({ "enabled": false }))),
        (Method::DELETE, path.clone(), None),
    ] {
        let answer = call_with(&realm, Some(&authorization), method.clone(), &path, body.as_ref()).await;
        assert_eq!(answer, (204, json!("")), "{method} {path}");
    }
}
