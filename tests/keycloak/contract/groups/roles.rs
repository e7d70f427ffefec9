//! Which roles come through groups.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::{management_role, names};
use super::{below, realm, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::groups::{name}");
    [
        both(&name("a_groups_roles_are_in_effect_for_its_members"), members),
        both(&name("the_roles_of_what_a_group_is_below_are_in_effect_for_its_members"), ancestors),
        both(&name("a_groups_own_mappings_are_direct_ones"), own),
        both(
            &name("a_groups_composite_has_realm_roles_of_ancestors_and_no_client_roles_of_theirs"),
            composite,
        ),
        both(&name("a_move_takes_and_gives_the_roles_of_the_groups_above"), moved),
        both(&name("a_deleted_role_is_no_groups"), deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with the role `tag`, and the path of its users' and groups' mappings of roles of `realm-management`.
struct Stage {
    realm: Realm,
    tag: Value,
    of_client: String,
}

impl Stage {
    async fn new() -> Self {
        let realm = realm().await;
        realm.create_role("tag").await;
        let tag = realm.get("/roles/tag").await;
        let of_client = format!("role-mappings/clients/{}", realm.client_uuid("realm-management").await);
        Self { realm, tag, of_client }
    }

    /// Maps the realm role to the group.
    async fn map(&self, group: &str, role: &Value) {
        self.realm.post(&format!("/groups/{group}/role-mappings/realm"), &json!([role])).await;
    }

    /// Maps a role of `realm-management` to the group.
    async fn map_power(&self, group: &str, role: &str) {
        let (_, role) = management_role(&self.realm, role).await;
        self.realm.post(&format!("/groups/{group}/{}", self.of_client), &json!([role])).await;
    }

    /// A realm role with this composite.
    async fn composite(&self, name: &str, part: &Value) -> Value {
        self.realm.create_role(name).await;
        self.realm.post(&format!("/roles/{name}/composites"), &json!([part])).await;
        self.realm.get(&format!("/roles/{name}")).await
    }

    async fn member(&self, group: &str) -> String {
        let user = self.realm.create_user(&json!({ "username": format!("of-{group}") })).await;
        self.realm.put(&format!("/users/{user}/groups/{group}"), &json!({})).await;
        user
    }

    /// The names of the roles at `path`, of the realm and of `realm-management`, those that everybody has aside.
    async fn roles(&self, of: &str, kind: &str) -> [Vec<String>; 2] {
        let realm = self.realm.get(&format!("{of}/role-mappings/realm{kind}")).await;
        let client = self.realm.get(&format!("{of}/{}{kind}", self.of_client)).await;
        let default = format!("default-roles-{}", self.realm.name());
        [realm, client].map(|roles| {
            let names = names(&roles).into_iter().map(str::to_owned);
            names
                .filter(|name| ![&*default, "offline_access", "uma_authorization"].contains(&&**name))
                .collect()
        })
    }

    async fn effective(&self, of: &str) -> [Vec<String>; 2] {
        self.roles(of, "/composite").await
    }
}

fn lists(realm: &[&str], client: &[&str]) -> [Vec<String>; 2] {
    [realm, client].map(|names| names.iter().map(|name| (*name).to_owned()).collect())
}

async fn members() {
    let stage = Stage::new().await;
    let group = top(&stage.realm, "operators").await;
    stage.map(&group, &stage.tag).await;
    stage.map_power(&group, "view-users").await;
    let user = stage.member(&group).await;
    let path = format!("/users/{user}");
    assert_eq!(stage.roles(&path, "").await, lists(&[], &[]), "none directly");
    let all = lists(&["tag"], &["query-groups", "query-users", "view-users"]);
    assert_eq!(stage.effective(&path).await, all);
    assert_eq!(stage.realm.get("/roles/tag/users").await, json!([]), "direct mappings only");
    stage.realm.delete(&format!("/users/{user}/groups/{group}")).await;
    assert_eq!(stage.effective(&path).await, lists(&[], &[]));
}

async fn ancestors() {
    let stage = Stage::new().await;
    let eng = top(&stage.realm, "Eng").await;
    let sub = below(&stage.realm, &eng, "Sub").await;
    let deep = below(&stage.realm, &sub, "Deep").await;
    let outer = stage.composite("outer", &stage.tag).await;
    stage.map(&eng, &outer).await;
    stage.map_power(&eng, "view-users").await;
    let path = format!("/users/{}", stage.member(&deep).await);
    let all = lists(&["outer", "tag"], &["query-groups", "query-users", "view-users"]);
    assert_eq!(stage.effective(&path).await, all);
    // Not the other way: what a group has is not for those of the groups above it.
    stage.map_power(&deep, "manage-users").await;
    let above = stage.effective(&format!("/users/{}", stage.member(&sub).await)).await;
    assert_eq!(above, all);
}

async fn own() {
    let stage = Stage::new().await;
    let eng = top(&stage.realm, "Eng").await;
    let sub = below(&stage.realm, &eng, "Sub").await;
    let path = format!("/groups/{sub}");
    assert_eq!(stage.realm.get(&format!("{path}/role-mappings")).await, json!({}));
    let outer = stage.composite("outer", &stage.tag).await;
    stage.map(&eng, &stage.tag).await;
    for _ in 0..2 {
        stage.map(&sub, &outer).await;
        stage.map_power(&sub, "view-users").await;
    }
    assert_eq!(stage.roles(&path, "").await, lists(&["outer"], &["view-users"]));
    let all = stage.realm.get(&format!("{path}/role-mappings")).await;
    assert_eq!(names(&all["realmMappings"]), ["outer"]);
    assert_eq!(names(&all["clientMappings"]["realm-management"]["mappings"]), ["view-users"]);
    let mappings = format!("{path}/role-mappings/realm");
    for _ in 0..2 {
        stage.realm.call(Method::DELETE, &mappings, Some(&json!([outer]))).await.expect(204);
        assert_eq!(stage.roles(&path, "").await, lists(&[], &["view-users"]));
    }
    let answer = stage.realm.call(Method::POST, &mappings, Some(&json!([{ "name": "tag" }]))).await;
    assert_eq!(answer.expect(404).body, json!({ "error": "Role not found" }));
    let nobodys = format!("{path}/role-mappings/clients/none/composite");
    let answer = stage.realm.call(Method::GET, &nobodys, None).await;
    assert_eq!(answer.expect(404).body, json!({ "error": "Client not found" }));
}

async fn composite() {
    let stage = Stage::new().await;
    let eng = top(&stage.realm, "Eng").await;
    let sub = below(&stage.realm, &eng, "Sub").await;
    let outer = stage.composite("outer", &stage.tag).await;
    let (_, manage) = management_role(&stage.realm, "manage-events").await;
    let bridge = stage.composite("bridge", &manage).await;
    stage.map(&eng, &outer).await;
    stage.map(&eng, &bridge).await;
    stage.map_power(&eng, "view-users").await;
    let path = format!("/groups/{eng}");
    let client = ["manage-events", "query-groups", "query-users", "view-users"];
    assert_eq!(stage.effective(&path).await, lists(&["bridge", "outer", "tag"], &client));
    // Keycloak's two answers disagree. Who wants to know what a group's members have asks those above it as well.
    let path = format!("/groups/{sub}");
    assert_eq!(stage.effective(&path).await, lists(&["bridge", "outer", "tag"], &[]));
    stage.map(&sub, &bridge).await;
    assert_eq!(stage.effective(&path).await, lists(&["bridge", "outer", "tag"], &["manage-events"]));
}

async fn moved() {
    let stage = Stage::new().await;
    let eng = top(&stage.realm, "Eng").await;
    let ops = top(&stage.realm, "Ops").await;
    stage.map_power(&eng, "manage-users").await;
    let path = format!("/users/{}", stage.member(&ops).await);
    let relocate = json!({ "id": ops, "name": "Ops" });
    for (to, roles) in
        [(format!("/groups/{eng}/children"), &["manage-users"][..]), ("/groups".to_owned(), &[])]
    {
        stage.realm.call(Method::POST, &to, Some(&relocate)).await.expect(204);
        assert_eq!(stage.effective(&path).await, lists(&[], roles), "{to}");
    }
}

async fn deleted() {
    let stage = Stage::new().await;
    let eng = top(&stage.realm, "Eng").await;
    stage.map(&eng, &stage.tag).await;
    let path = format!("/groups/{eng}");
    assert_eq!(stage.realm.get(&path).await["realmRoles"], json!(["tag"]));
    stage.realm.delete("/roles/tag").await;
    assert_eq!(stage.realm.get(&path).await["realmRoles"], json!([]));
    assert_eq!(stage.roles(&path, "").await, lists(&[], &[]));
}
