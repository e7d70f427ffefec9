//! The link follows the user's value: made with the user, moved with a change, gone with the value.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{add_provider, create, known, link_by_hand, linked, realm, refused, stage, stage_with};
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scenarios::stage::{Stage, person, until};
use crate::scim::ENTERPRISE;

pub fn trials() -> Vec<Trial> {
    [
        both("links::a_new_user_is_linked", created),
        both("links::a_changed_value_moves_the_link", moved),
        both("links::a_value_that_goes_takes_its_own_link_along", gone),
        both("links::each_kind_of_value_can_be_linked", kinds),
        both("links::a_value_that_is_too_long_is_refused", too_long),
        both("links::users_of_before_are_linked_by_their_next_change", older),
        both("links::a_missing_identity_provider_refuses_whom_it_would_link", missing_provider),
        both("links::who_may_not_see_identity_providers_links_all_the_same", unseen_provider),
        both("links::explain_shows_the_link", explained),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn replace(path: &str, value: &str) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

async fn created() {
    let stage = stage().await;
    let id = create(&stage.scim, "babs", "00uAbc").await;
    let links = stage.realm.get(&format!("/users/{id}/federated-identity")).await;
    let expected = json!([{ "identityProvider": "okta", "userId": "00uAbc", "userName": "babs" }]);
    assert_eq!(links, expected);
    // Nothing to link by, until there is.
    let id = stage.create("jane").await;
    assert_eq!(linked(&stage.realm, &id).await, None);
    stage.patch(&id, &replace("externalId", "00uJane")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00uJane"));
    // A link by which somebody signed in before lasts through changes of others' things.
    stage.patch(&id, &replace("title", "Guide")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00uJane"));
}

async fn moved() {
    let stage = stage().await;
    let id = create(&stage.scim, "babs", "00u1").await;
    stage.patch(&id, &replace("externalId", "00u2")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u2"));
    stage.scim.put(&format!("/Users/{id}"), &known("babs", "00u3")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u3"));
    // A PUT without it keeps it, and letter case counts.
    stage.scim.put(&format!("/Users/{id}"), &person("babs")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u3"));
    stage.scim.put(&format!("/Users/{id}"), &known("babs", "00U3")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00U3"));
    // What is refused moves nothing: a userName that Keycloak does not take.
    let refusal = stage.scim.put(&format!("/Users/{id}"), &known("b, c", "00u4")).await;
    assert_eq!(refusal.status, 400, "{refusal}");
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00U3"));
    // The old value is free.
    create(&stage.scim, "jane", "00u1").await;
}

async fn gone() {
    let stage = stage().await;
    let [own, foreign] = [("babs", "00u1"), ("jane", "00u2")];
    let own = create(&stage.scim, own.0, own.1).await;
    let foreign = create(&stage.scim, foreign.0, foreign.1).await;
    link_by_hand(&stage.realm, &foreign, "by-hand").await;
    for id in [&own, &foreign] {
        stage.patch(id, &json!([{ "op": "remove", "path": "externalId" }])).await.expect(200);
    }
    assert_eq!(linked(&stage.realm, &own).await, None);
    assert_eq!(linked(&stage.realm, &foreign).await.as_deref(), Some("by-hand"), "nobody here made it");
}

async fn kinds() {
    for (user_id, value, change) in [
        ("userName", "Babs@Example.com", json!({ "userName": "Jane@Example.com" })),
        (
            "emails",
            "Babs@Example.com",
            json!({ "emails": [{ "value": "Jane@Example.com", "primary": true }] }),
        ),
        ("nickName", "Babs@Example.com", json!({ "nickName": "Jane@Example.com" })),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
            "Babs@Example.com",
            json!({ ENTERPRISE: { "employeeNumber": "Jane@Example.com" } }),
        ),
    ] {
        let stage = stage_with(|realm, prepared| {
            prepared.set(&["realms", realm, "identity_provider", "user_id"], user_id)
        })
        .await;
        let mut body = person("Babs@Example.com");
        body["nickName"] = value.into();
        body[ENTERPRISE] = json!({ "employeeNumber": value });
        let id = stage.scim.post("/Users", &body).await.expect(201).id();
        assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some(value), "{user_id}");
        stage.patch(&id, &json!([{ "op": "replace", "value": change }])).await.expect(200);
        assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("Jane@Example.com"), "{user_id}");
    }
}

async fn too_long() {
    let stage = stage().await;
    let body = |length| known("babs", &"x".repeat(length));
    refused(&stage.scim.post("/Users", &body(256)).await, 400, Code::ValueTooLong);
    assert_eq!(stage.realm.user_by_username("babs").await, None);
    let id = stage.scim.post("/Users", &body(255)).await.expect(201).id();
    let answer = stage.scim.put(&format!("/Users/{id}"), &body(256)).await;
    refused(&answer, 400, Code::ValueTooLong);
    assert_eq!(linked(&stage.realm, &id).await, Some("x".repeat(255)));
}

async fn older() {
    let realm = realm().await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let mut gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    let [id, leaver] = [create(&scim, "babs", "00u1").await, create(&scim, "jane", "00u2").await];
    assert_eq!(linked(&realm, &id).await, None);
    let table = format!("[realms.{}.identity_provider]\nalias = \"okta\"\n", realm.name());
    let config = gateway.prepared().config();
    let text = std::fs::read_to_string(&config).unwrap() + &table;
    std::fs::write(&config, text).unwrap();
    gateway.restart().await;
    let stage = Stage { gateway, scim, realm };
    // Each change that a client makes, also one of nothing, makes it good; but not one that ends the user.
    stage.set_active(&leaver, false).await;
    assert_eq!(linked(&stage.realm, &leaver).await, None);
    stage.scim.put(&format!("/Users/{id}"), &known("babs", "00u1")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
    // So is what somebody else made of it.
    link_by_hand(&stage.realm, &id, "by-hand").await;
    stage.patch(&id, &replace("title", "Guide")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
}

async fn missing_provider() {
    let stage =
        stage_with(|realm, prepared| prepared.set(&["realms", realm, "identity_provider", "alias"], "later"))
            .await;
    assert!(stage.gateway.log().contains("the realm has no identity provider of this alias"));
    let answer = stage.scim.post("/Users", &known("babs", "00u1")).await;
    let detail = refused(&answer, 400, Code::UnknownIdentityProvider);
    assert!(detail.contains("identity_provider.alias") && !detail.contains("later"), "{detail}");
    assert_eq!(stage.realm.user_by_username("babs").await, None);
    // Whoever is not to be linked is none of its business, and neither is a change of something else.
    let id = stage.create("jane").await;
    refused(&stage.patch(&id, &replace("externalId", "00u2")).await, 400, Code::UnknownIdentityProvider);
    assert_eq!(stage.read(&id).await.get("externalId"), None);
    stage.patch(&id, &replace("title", "Guide")).await.expect(200);
    // Once it is there, nobody need wait for anything.
    add_provider(&stage.realm, "later").await;
    stage.scim.post("/Users", &known("babs", "00u1")).await.expect(201);
}

async fn unseen_provider() {
    let realm = realm().await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let prepared = prepared.set(&["realms", realm.name(), "identity_provider", "alias"], "okta");
    let gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    let stage = Stage { gateway, scim, realm };
    until("the warning", async || stage.gateway.log().contains("view-identity-providers")).await;
    let id = create(&stage.scim, "babs", "00u1").await;
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
    refused(&stage.scim.post("/Users", &known("jane", "00u1")).await, 409, Code::LinkExists);
}

async fn explained() {
    let stage = stage().await;
    let directory = stage.gateway.prepared().directory();
    let body = known("babs", "00u1").to_string();
    let arguments = ["explain", "--config", "config.toml", "--json", "POST", "/Users", &body];
    let explained = crate::gateway::run(&directory, &arguments, &[]).await.ok();
    let told: Value = serde_json::from_str(&explained.stdout).unwrap();
    let told = told.to_string();
    assert!(told.contains("\"federatedIdentities\""), "{told}");
    assert!(told.contains("idpUserId"), "{told}");
    assert_eq!(stage.realm.user_by_username("babs").await, None);
}
