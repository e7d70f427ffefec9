//! A user who belongs to two tenants is read-only to an organization, but for what is its own.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{Scene, Tenant, at, create};
use crate::runner::both;
use crate::scenarios::stage::{patch, patch_active, person};
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::a_member_of_two_is_read_only_to_both", of_two),
        both("organizations::a_member_of_one_that_is_not_served_is_read_only", of_one_not_served),
        both("organizations::the_realms_own_user_is_read_only_to_an_organization", of_the_realm),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[track_caller]
fn read_only(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (403, Some(Code::OtherTenant)), "{answer}");
}

/// A person of whom more is told than Keycloak has fields for.
async fn create_babs(scim: &Scim) -> String {
    let mut body = person("babs");
    body["externalId"] = "contoso-1".into();
    body["title"] = "Tour guide".into();
    body["nickName"] = "Babs".into();
    body["phoneNumbers"] = json!([{ "value": "555-555-8377", "type": "work" }]);
    scim.post("/Users", &body).await.expect(201).id()
}

/// No way to change name or address is open.
async fn stays_as_it_is(scene: &Scene, scim: &Scim, id: &str) {
    let before = scene.stored().await;
    let mut renamed = person("babs");
    renamed["userName"] = "barbara".into();
    let mut leaving = renamed.clone();
    leaving["active"] = false.into();
    for operation in [
        json!({ "op": "replace", "path": "userName", "value": "barbara" }),
        json!({ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "barbara@example.com" }),
        json!({ "op": "replace", "path": "name.familyName", "value": "Smith" }),
        json!({ "op": "replace", "path": "title", "value": "Director" }),
        json!({ "op": "replace", "value": { "active": false, "name": { "familyName": "Smith" } } }),
    ] {
        read_only(&scim.patch(&at(id), &patch(&json!([operation]))).await);
    }
    read_only(&scim.put(&at(id), &renamed).await);
    assert_eq!(scene.stored().await, before, "nothing changed in Keycloak");
}

async fn is_writable(scim: &Scim, id: &str) {
    let name = json!([{ "op": "replace", "path": "name.familyName", "value": "Smith" }]);
    let answer = scim.patch(&at(id), &patch(&name)).await.expect(200);
    assert_eq!(answer.json()["name"]["familyName"], "Smith", "{answer}");
}

async fn external_id(scim: &Scim, id: &str) -> Value {
    scim.get(&at(id)).await.expect(200).json().get("externalId").cloned().unwrap_or_default()
}

async fn of_two() {
    let scene = Scene::new().await;
    let Scene { contoso, fabrikam, .. } = &scene;
    let id = create_babs(&contoso.scim).await;
    scene.stored().await;
    scene.add_member(fabrikam, &id).await;
    // Only what is Keycloak's own.
    let seen = fabrikam.scim.get(&at(&id)).await.expect(200);
    let seen = seen.json();
    assert_eq!(seen["userName"], "babs");
    assert_eq!(seen["name"]["familyName"], "Jensen");
    assert_eq!(seen["emails"][0]["value"], "babs@example.com");
    for private in ["title", "nickName", "phoneNumbers", "externalId"] {
        assert!(seen.get(private).is_none(), "{private}: {seen}");
    }
    for filter in ["externalId eq \"contoso-1\"", "title eq \"Tour guide\"", "nickName pr"] {
        let found = fabrikam.scim.list("Users", filter, "").await;
        assert_eq!(found.resources(), [] as [Value; 0], "{filter}: {found}");
    }
    // Each has an externalId of its own.
    let own = json!([{ "op": "add", "path": "externalId", "value": "fabrikam-1" }]);
    let meta = fabrikam.scim.get(&at(&id)).await.expect(200).json()["meta"].clone();
    let changed = fabrikam.scim.patch(&at(&id), &patch(&own)).await.expect(200).json()["meta"].clone();
    for moved in ["version", "lastModified"] {
        assert_ne!(meta[moved], changed[moved], "{moved}");
    }
    assert_eq!(fabrikam.scim.patch(&at(&id), &patch(&own)).await.expect(200).json()["meta"], changed);
    for (tenant, expected) in [(contoso, "contoso-1"), (fabrikam, "fabrikam-1")] {
        assert_eq!(external_id(&tenant.scim, &id).await, expected);
        let filter = format!("externalId eq \"{expected}\"");
        assert_eq!(tenant.scim.list("Users", &filter, "").await.resources().len(), 1, "{expected}");
    }
    stays_as_it_is(&scene, &contoso.scim, &id).await;
    stays_as_it_is(&scene, &fabrikam.scim, &id).await;

    let written = contoso.scim.get(&at(&id)).await.expect(200).json().clone();
    for way in [Way::Deactivate, Way::Delete] {
        way.take(&fabrikam.scim, &id).await;
        assert!(!scene.is_member(fabrikam, &id).await, "{way:?}");
        assert!(scene.is_member(contoso, &id).await && scene.is_tagged(&id).await, "{way:?}");
        let stored = scene.realm.user(&id).await.unwrap();
        assert_eq!(stored["enabled"], true, "{way:?}: {stored}");
        assert!(!stored["attributes"].to_string().contains("fabrikam-1"), "{way:?}: {stored}");
        fabrikam.scim.get(&at(&id)).await.scim_error(404, None);
        let mut left = contoso.scim.get(&at(&id)).await.expect(200).json().clone();
        left["meta"] = written["meta"].clone();
        assert_eq!(left, written, "{way:?}");
        scene.add_member(fabrikam, &id).await;
        fabrikam.scim.get(&at(&id)).await.expect(200);
        until_indexed(&scene, fabrikam, &id).await;
    }
    // The other way round it is the maker who lets go.
    Way::Delete.take(&contoso.scim, &id).await;
    assert!(!scene.is_member(contoso, &id).await && scene.is_tagged(&id).await);
    contoso.scim.get(&at(&id)).await.scim_error(404, None);
    is_writable(&fabrikam.scim, &id).await;
    // Now nobody else has them.
    fabrikam.scim.delete(&at(&id)).await.expect(204);
    assert_eq!(scene.realm.user(&id).await, None);

    // Whom the other one let go is its own again.
    let id = create_babs(&contoso.scim).await;
    scene.stored().await;
    scene.add_member(fabrikam, &id).await;
    Way::Deactivate.take(&fabrikam.scim, &id).await;
    is_writable(&contoso.scim, &id).await;
    contoso.scim.patch(&at(&id), &patch_active(false)).await.expect(200);
    assert_eq!(scene.realm.user(&id).await.unwrap()["enabled"], false);

    // Whom the other one never looked at is the other one's all the same.
    let id = create(&contoso.scim, "jane").await;
    scene.stored().await;
    scene.add_member(fabrikam, &id).await;
    Way::Delete.take(&contoso.scim, &id).await;
    fabrikam.scim.get(&at(&id)).await.expect(200);
}

/// How an identity provider tells that somebody is gone.
#[derive(Clone, Copy, Debug)]
enum Way {
    Deactivate,
    Delete,
}

impl Way {
    async fn take(self, scim: &Scim, id: &str) {
        match self {
            Self::Deactivate => {
                let answer = scim.patch(&at(id), &patch_active(false)).await.expect(200);
                assert_eq!(answer.json()["active"], false, "{answer}");
            }
            Self::Delete => {
                scim.delete(&at(id)).await.expect(204);
            }
        }
    }
}

async fn until_indexed(scene: &Scene, tenant: &Tenant, id: &str) {
    crate::scenarios::stage::until("the index is there", async || {
        scene.realm.user(id).await.unwrap()["attributes"]["scim.managed"].to_string().contains(&tenant.id)
    })
    .await;
}

async fn of_one_not_served() {
    let scene = Scene::new().await;
    let Scene { contoso, .. } = &scene;
    for way in [Way::Deactivate, Way::Delete] {
        let id = create_babs(&contoso.scim).await;
        scene.stored().await;
        scene.realm.add_member(&scene.adatum, &id).await;
        stays_as_it_is(&scene, &contoso.scim, &id).await;
        way.take(&contoso.scim, &id).await;
        assert!(!scene.is_member(contoso, &id).await && !scene.is_tagged(&id).await, "{way:?}");
        assert_eq!(scene.realm.member_names(&scene.adatum).await, ["babs"]);
        let stored = scene.realm.user(&id).await.unwrap();
        assert_eq!(stored["enabled"], true, "{way:?}: {stored}");
        for scim in [&contoso.scim, &scene.own, &scene.fabrikam.scim] {
            scim.get(&at(&id)).await.scim_error(404, None);
        }
        scene.realm.delete(&at_keycloak(&id)).await;
    }
}

fn at_keycloak(id: &str) -> String {
    format!("/users/{id}")
}

async fn of_the_realm() {
    let scene = Scene::new().await;
    let Scene { contoso, own, .. } = &scene;
    for way in [Way::Deactivate, Way::Delete] {
        let id = create_babs(own).await;
        scene.stored().await;
        contoso.scim.get(&at(&id)).await.scim_error(404, None);
        scene.add_member(contoso, &id).await;
        let seen = contoso.scim.get(&at(&id)).await.expect(200);
        assert!(seen.json().get("title").is_none() && seen.json().get("externalId").is_none(), "{seen}");
        until_indexed(&scene, contoso, &id).await;
        stays_as_it_is(&scene, &contoso.scim, &id).await;
        is_writable(own, &id).await;
        way.take(&contoso.scim, &id).await;
        assert!(!scene.is_member(contoso, &id).await && scene.is_tagged(&id).await, "{way:?}");
        contoso.scim.get(&at(&id)).await.scim_error(404, None);
        assert_eq!(own.get(&at(&id)).await.expect(200).json()["title"], "Tour guide");
        assert_eq!(scene.realm.user(&id).await.unwrap()["enabled"], true, "{way:?}");
        own.delete(&at(&id)).await.expect(204);
    }
}
