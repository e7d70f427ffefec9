//! The roles that a group carries by the configuration: with its name it gets them and loses them, and nobody else does.

use std::fs;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::scene::{adding, at, group, prepared, renaming};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared, with_key};
use crate::proxy::{Call, Proxy};
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch, until};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::roles::a_group_gets_the_roles_of_its_name", created),
        both("groups::roles::a_renamed_group_loses_and_gets_roles", renamed),
        both("groups::roles::roles_are_taken_before_the_name", order),
        both("groups::roles::roles_mapped_by_hand_stay", by_hand),
        both("groups::roles::a_group_that_was_there_gets_them_by_the_sweep", swept),
        both("groups::roles::nobody_else_gains_a_role", nobody_else),
        both("groups::roles::roles_that_are_not_there_are_refused_at_start", missing),
        both("groups::roles::roles_that_give_power_are_refused_at_start", powerful),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Makes the roles that the configuration below speaks of; those of the client `account` every realm has.
async fn make_roles(realm: &Realm) {
    for role in ["developer", "reviewer", "helper", "other"] {
        realm.create_role(role).await;
    }
}

fn of_client(client: &str, role: &str) -> toml::Value {
    let table = [("client", client), ("role", role)];
    toml::Value::Table(table.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect())
}

/// `Engineering` and `Support` share a role of the realm and one of a client.
fn with_roles(realm: &str, prepared: Prepared) -> Prepared {
    let engineering: Vec<toml::Value> = vec![
        "developer".into(),
        "reviewer".into(),
        of_client("account", "view-profile"),
        of_client("account", "manage-account-links"),
    ];
    let support: Vec<toml::Value> =
        vec!["helper".into(), "reviewer".into(), of_client("account", "manage-account-links")];
    let at = |name| ["realms", realm, "groups", "roles", name];
    prepared.set(&at("Engineering"), engineering).set(&at("Support"), support)
}

async fn stage() -> Stage {
    super::scene::stage_with(&[], make_roles, with_roles).await
}

/// The names of the roles that are mapped to the group, those of clients as `client:role`, sorted.
async fn carried(realm: &Realm, id: &str) -> Vec<String> {
    let stored = realm.group(id).await;
    let names = |roles: &Value| -> Vec<String> {
        roles.as_array().into_iter().flatten().map(|role| role.as_str().unwrap().to_owned()).collect()
    };
    let mut all = names(&stored["realmRoles"]);
    for (client, roles) in stored["clientRoles"].as_object().unwrap() {
        all.extend(names(roles).into_iter().map(|role| format!("{client}:{role}")));
    }
    all.sort();
    all
}

const ENGINEERING: [&str; 4] =
    ["account:manage-account-links", "account:view-profile", "developer", "reviewer"];
const SUPPORT: [&str; 3] = ["account:manage-account-links", "helper", "reviewer"];

/// Has the user the role `developer`, through groups too?
async fn is_developer(realm: &Realm, user: &str) -> bool {
    let roles = realm.get(&format!("/users/{user}/role-mappings/realm/composite")).await;
    roles.as_array().unwrap().iter().any(|role| role["name"] == "developer")
}

async fn created() {
    let stage = stage().await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    for name in ["Engineering", "engineering"] {
        let id = stage.push(name, &[&babs]).await;
        assert_eq!(carried(realm, &id).await, ENGINEERING, "{name}");
        assert!(is_developer(realm, &babs).await);
        assert!(!realm.user_role_names(&babs).await.contains(&"developer".to_owned()), "by the group alone");
        stage.scim.patch(&at(&id), &adding([&jane])).await.expect(200);
        assert!(is_developer(realm, &jane).await);
        stage.scim.put(&at(&id), &group(name, [])).await.expect(200);
        assert!(!is_developer(realm, &babs).await);
        assert_eq!(carried(realm, &id).await, ENGINEERING, "members are no matter of it");
        stage.scim.delete(&at(&id)).await.expect(204);
    }
    let guides = stage.push("Guides", &[&babs]).await;
    assert_eq!(carried(realm, &guides).await, [""; 0]);
    // Without members too.
    let id = stage.scim.post("/Groups", &json!({ "displayName": "Support" })).await.expect(201).id();
    assert_eq!(carried(realm, &id).await, SUPPORT);
}

async fn renamed() {
    let stage = stage().await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    let id = stage.push("Guides", &[&babs]).await;
    for (name, roles) in [
        ("Engineering", &ENGINEERING[..]),
        ("ENGINEERING", &ENGINEERING),
        ("Support", &SUPPORT),
        ("Tourists", &[]),
        ("Support", &SUPPORT),
        ("engineering", &ENGINEERING),
        ("Guides", &[]),
    ] {
        stage.scim.patch(&at(&id), &renaming(name)).await.expect(200);
        assert_eq!(carried(realm, &id).await, roles, "{name}");
        assert_eq!(is_developer(realm, &babs).await, roles == ENGINEERING);
    }
    stage.scim.put(&at(&id), &group("Engineering", [&babs])).await.expect(200);
    assert_eq!(carried(realm, &id).await, ENGINEERING);
    stage.scim.put(&at(&id), &group("Guides", [])).await.expect(200);
    assert_eq!(carried(realm, &id).await, [""; 0]);
}

async fn order() {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = super::scene::stage_with(&[], make_roles, |realm, prepared| {
        with_roles(realm, prepared.set(&["realms", realm, "sweep_interval"], "1h")).via(&proxy)
    })
    .await;
    let id = stage.push("Engineering", &[]).await;
    stage.groups_settled().await;
    proxy.drain();
    stage.scim.patch(&at(&id), &renaming("Support")).await.expect(200);
    let calls = proxy.calls();
    let first = |what: &str, matches: &dyn Fn(&Call) -> bool| {
        calls.iter().position(matches).unwrap_or_else(|| panic!("no {what} among {calls:?}"))
    };
    let last = |what: &str, matches: &dyn Fn(&Call) -> bool| {
        calls.iter().rposition(matches).unwrap_or_else(|| panic!("no {what} among {calls:?}"))
    };
    let is_mapping = |call: &Call, method: Method| {
        call.method == method && call.path.contains(&format!("/groups/{id}/role-mappings/"))
    };
    let renames = first("rename", &|call| {
        call.method == Method::PUT && call.json().is_some_and(|body| body["name"] == "Support")
    });
    // Of a name that is gone nobody would know any more what it gave.
    assert!(last("role that is taken", &|call| is_mapping(call, Method::DELETE)) < renames);
    assert!(first("role that is given", &|call| is_mapping(call, Method::POST)) > renames);
    // What both names carry is not taken for a moment either.
    for call in calls.iter().filter(|call| is_mapping(call, Method::DELETE)) {
        let taken = call.json().unwrap();
        for role in taken.as_array().unwrap() {
            assert!(["developer", "view-profile"].contains(&role["name"].as_str().unwrap()), "{role}");
        }
    }
}

async fn by_hand() {
    let stage = stage().await;
    let realm = &stage.realm;
    let id = stage.push("Engineering", &[]).await;
    realm.map_group_role(&id, "other").await;
    let and = |roles: &[&str]| -> Vec<String> {
        let mut all: Vec<String> = roles.iter().chain(&["other"]).map(|role| (*role).to_owned()).collect();
        all.sort();
        all
    };
    for (name, roles) in [("Support", &SUPPORT[..]), ("Guides", &[]), ("Engineering", &ENGINEERING)] {
        stage.scim.put(&at(&id), &group(name, [])).await.expect(200);
        assert_eq!(carried(realm, &id).await, and(roles), "{name}");
    }
    // One that is taken by hand comes back with the next change: the configuration says so.
    realm.unmap_group_role(&id, "developer").await;
    stage.scim.put(&at(&id), &group("Engineering", [])).await.expect(200);
    assert_eq!(carried(realm, &id).await, and(&ENGINEERING));
}

async fn swept() {
    let realm = admin().await.create_realm("groups").await;
    make_roles(&realm).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await;
    let gateway = gateway.set(&["realms", realm.name(), "sweep_interval"], "1s").serve().await;
    let scim = gateway.scim().await;
    let mut stage = Stage { gateway, scim, realm };
    let engineering = stage.push("engineering", &[]).await;
    let inner = stage.push("Support", &[]).await;
    let guides = stage.push("Guides", &[&inner]).await;
    // Of the name, but nobody's.
    let foreign = stage.realm.group_by_hand("Engineering", Some(&guides)).await;
    assert_eq!(carried(&stage.realm, &engineering).await, [""; 0]);

    let directory = stage.gateway.prepared().config();
    let mut config = fs::read_to_string(&directory).unwrap();
    let name = stage.realm.name().to_owned();
    for (group, role) in [("Engineering", "developer"), ("Support", "helper")] {
        config = with_key(&config, &["realms", &name, "groups", "roles", group], vec![role].into());
    }
    fs::write(&directory, config).unwrap();
    stage.gateway.restart().await;
    let realm = &stage.realm;
    until("the sweep gives the roles", async || {
        carried(realm, &engineering).await == ["developer"] && carried(realm, &inner).await == ["helper"]
    })
    .await;
    for id in [&foreign, &guides] {
        assert_eq!(carried(realm, id).await, [""; 0]);
    }
    // One that somebody takes is given again.
    realm.unmap_group_role(&engineering, "developer").await;
    until("the sweep gives it again", async || carried(realm, &engineering).await == ["developer"]).await;
}

async fn nobody_else() {
    let stage = stage().await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    // What clients say of roles is no matter of groups.
    let body = json!({
        "displayName": "Guides", "members": [{ "value": babs }], "roles": ["developer"], "realmRoles": ["developer"],
        "clientRoles": { "account": ["view-profile"] }, "attributes": { "roles": ["developer"] },
    });
    let id = stage.scim.post("/Groups", &body).await.expect(201).id();
    let said = patch(&json!([{ "op": "add", "value": { "realmRoles": ["developer"] } }]));
    let answer = stage.scim.patch(&at(&id), &said).await;
    assert!(answer.status < 500, "{answer}");
    // A name that only looks like it, too.
    for name in ["developer", "Engineering ", " Engineering", "Engineerıng", "Engineering2"] {
        stage.scim.patch(&at(&id), &renaming(name)).await.expect(200);
        assert_eq!(carried(realm, &id).await, [""; 0], "{name:?}");
    }
    assert!(!is_developer(realm, &babs).await);
    let stored = realm.group(&id).await;
    assert_eq!(stored["attributes"].get("roles"), None, "{stored}");
}

/// What a gateway with these roles says when it refuses to serve.
async fn refusal(realm: &Realm, keys: &[(&str, toml::Value)], name: &str, roles: Vec<toml::Value>) -> String {
    let prepared = prepared(realm, keys).await;
    let prepared = prepared
        .set(&["realms", realm.name(), "protected_roles"], vec!["wheel"])
        .set(&["realms", realm.name(), "groups", "roles", name], roles.clone());
    let Err(ended) = prepared.try_serve().await else { panic!("it serves with {roles:?}") };
    assert_ne!(ended.status.code(), Some(0), "{}", ended.stderr);
    ended.stderr
}

async fn missing() {
    let realm = admin().await.create_realm("groups").await;
    make_roles(&realm).await;
    for (role, said) in [
        ("nobody".into(), "the realm role \"nobody\" (groups.roles) is missing"),
        // Letter case counts.
        ("Developer".into(), "the realm role \"Developer\" (groups.roles) is missing"),
        (
            of_client("nobody", "view-profile"),
            "the role \"view-profile\" of the client \"nobody\" (groups.roles) is missing",
        ),
        (
            of_client("account", "developer"),
            "the role \"developer\" of the client \"account\" (groups.roles) is missing",
        ),
    ] {
        let stderr = refusal(&realm, &[], "Engineering", vec!["developer".into(), role]).await;
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

async fn powerful() {
    let realm = admin().await.create_realm("groups").await;
    make_roles(&realm).await;
    realm.create_role("wheel").await;
    let (_, manage) = realm.management_role("manage-users").await;
    realm.create_role("helpdesk").await;
    realm.post("/roles/helpdesk/composites", &json!([manage])).await;
    realm.create_role("first-line").await;
    let helpdesk = realm.get("/roles/helpdesk").await;
    realm.post("/roles/first-line/composites", &json!([helpdesk])).await;
    for role in [
        of_client("realm-management", "manage-users"),
        "wheel".into(),
        "helpdesk".into(),
        "first-line".into(),
        "scim-managed".into(),
    ] {
        let stderr = refusal(&realm, &[], "Engineering", vec!["developer".into(), role.clone()]).await;
        assert!(stderr.contains("groups.roles"), "{role}: {stderr}");
    }
    // Even to one that may have power the tag is not given: all of its members would look managed.
    let privileged = [("privileged", vec!["engineering"].into())];
    let stderr = refusal(&realm, &privileged, "Engineering", vec!["scim-managed".into()]).await;
    assert!(stderr.contains("groups.roles"), "{stderr}");
    // To a group that is named it is given, as the administrator says.
    let prepared = prepared(&realm, &privileged).await;
    let at = ["realms", realm.name(), "groups", "roles", "Engineering"];
    let gateway = prepared.set(&at, vec!["first-line"]).serve().await;
    let id = gateway.scim().await.post("/Groups", &group("Engineering", [])).await.expect(201).id();
    assert_eq!(carried(&realm, &id).await, ["first-line"]);
}
