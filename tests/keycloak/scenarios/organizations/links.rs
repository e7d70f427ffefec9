//! Whose a link to an identity provider is: only the tenant that made one takes it away, and it takes it along.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{Scene, Tenant, at};
use crate::gateway::Prepared;
use crate::runner::both;
use crate::scenarios::shared::{ENTRA_TOKEN, entra_table};
use crate::scenarios::stage::{patch, patch_active, person, until};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::another_tenants_link_stays", anothers),
        both("organizations::a_link_goes_with_the_user_that_is_let_go", let_go),
        both("organizations::a_link_of_unknown_origin_goes_if_it_is_nobody_elses", unknown),
        both("organizations::a_link_goes_with_the_membership_and_the_organization", lost),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// All of whose tenants link users to `okta`.
async fn linking(interval: &str) -> Scene {
    let change = |realm: &str, prepared: Prepared| {
        let tenants = ["", ".organizations.contoso", ".organizations.fabrikam"];
        let tables =
            tenants.map(|tenant| format!("[realms.{realm}{tenant}.identity_provider]\nalias = \"okta\"\n"));
        let entra = entra_table(&format!("{realm}.organizations.contoso"));
        let shared = ["realms", realm, "organizations", "contoso", "shared"];
        prepared.append(&tables.concat()).append(&entra).set(&shared, "last-wins")
    };
    let scene = Scene::swept(interval, change).await;
    let provider = json!({ "alias": "okta", "providerId": "oidc" });
    scene.realm.post("/identity-provider/instances", &provider).await;
    scene
}

async fn create(scene: &Scene, scim: &Scim, user_name: &str, external_id: &str) -> String {
    let mut body = person(user_name);
    body["externalId"] = external_id.into();
    let id = scim.post("/Users", &body).await.expect(201).id();
    scene.stored().await;
    id
}

fn external_id(value: &str) -> Value {
    patch(&json!([{ "op": "add", "path": "externalId", "value": value }]))
}

async fn linked(scene: &Scene, id: &str) -> Value {
    scene.realm.get(&format!("/users/{id}/federated-identity")).await[0]["userId"].clone()
}

/// As it was before links were remembered.
async fn forget_links(scene: &Scene, id: &str) {
    let mut user = scene.realm.user(id).await.unwrap();
    let document = user["attributes"]["scim.document"][0].as_str().unwrap();
    let mut document: Value = serde_json::from_str(document).unwrap();
    document.as_object_mut().unwrap().shift_remove("links").expect("links are remembered");
    user["attributes"]["scim.document"] = json!([document.to_string()]);
    scene.realm.put(&format!("/users/{id}"), &user).await;
}

/// Lets the user go, who is not the tenant's alone.
async fn leave(scene: &Scene, tenant: &Tenant, id: &str) {
    tenant.scim.patch(&at(id), &patch_active(false)).await.expect(200);
    assert!(!scene.is_member(tenant, id).await);
}

async fn anothers() {
    let scene = linking("1h").await;
    let Scene { contoso, fabrikam, own, .. } = &scene;
    for is_older in [false, true] {
        // The organization learns the value, and says that it is its own.
        for (maker, value) in [(own, "00u1"), (&fabrikam.scim, "00u2")] {
            let id = create(&scene, maker, "babs", value).await;
            assert_eq!(linked(&scene, &id).await, value);
            if is_older {
                forget_links(&scene, &id).await;
            }
            scene.add_member(contoso, &id).await;
            contoso.scim.patch(&at(&id), &external_id(value)).await.expect(200);
            leave(&scene, contoso, &id).await;
            assert_eq!(linked(&scene, &id).await, value, "older: {is_older}");
            maker.delete(&at(&id)).await.expect(204);
        }
    }
}

async fn let_go() {
    let scene = linking("1h").await;
    let Scene { contoso, fabrikam, .. } = &scene;
    let entra = Scim::bearer(scene.gateway.base_url(), ENTRA_TOKEN);
    // After a change of the value, which does not move it.
    let id = create(&scene, &contoso.scim, "babs", "00u1").await;
    scene.add_member(fabrikam, &id).await;
    contoso.scim.patch(&at(&id), &external_id("00u2")).await.expect(200);
    assert_eq!(linked(&scene, &id).await, "00u1");
    leave(&scene, contoso, &id).await;
    assert_eq!(linked(&scene, &id).await, Value::Null);
    // Then it is the other one's to link.
    fabrikam.scim.patch(&at(&id), &external_id("f-1")).await.expect(200);
    assert_eq!(linked(&scene, &id).await, "f-1");

    // By another caller of the tenant.
    let id = create(&scene, &contoso.scim, "jane", "00u3").await;
    scene.add_member(fabrikam, &id).await;
    entra.delete(&at(&id)).await.expect(204);
    assert_eq!(linked(&scene, &id).await, Value::Null);

    // What an administrator made of it is none of the organization's.
    let id = create(&scene, &contoso.scim, "bob", "00u4").await;
    scene.add_member(fabrikam, &id).await;
    let link = format!("/users/{id}/federated-identity/okta");
    scene.realm.delete(&link).await;
    scene.realm.post(&link, &json!({ "userId": "by-hand", "userName": "bob" })).await;
    leave(&scene, contoso, &id).await;
    assert_eq!(linked(&scene, &id).await, "by-hand");
}

async fn unknown() {
    let scene = linking("1h").await;
    let Scene { contoso, fabrikam, .. } = &scene;
    let id = create(&scene, &contoso.scim, "babs", "00u1").await;
    forget_links(&scene, &id).await;
    scene.add_member(fabrikam, &id).await;
    leave(&scene, contoso, &id).await;
    assert_eq!(linked(&scene, &id).await, Value::Null);
}

async fn lost() {
    let scene = linking("1s").await;
    let Scene { contoso, fabrikam, .. } = &scene;
    let left = create(&scene, &contoso.scim, "babs", "00u1").await;
    let orphan = create(&scene, &contoso.scim, "jane", "00u2").await;
    let other = create(&scene, &fabrikam.scim, "bob", "00u3").await;
    scene.realm.remove_member(&contoso.id, &left).await;
    until("the index goes", async || scene.index(&left).await == Value::Null).await;
    assert_eq!(linked(&scene, &left).await, Value::Null);
    scene.realm.delete(&format!("/organizations/{}", contoso.id)).await;
    until("the index goes", async || scene.index(&orphan).await == Value::Null).await;
    assert_eq!(linked(&scene, &orphan).await, Value::Null);
    assert_eq!(linked(&scene, &other).await, "00u3");
}
