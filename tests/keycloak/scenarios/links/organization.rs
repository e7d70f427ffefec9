//! The same for the users of an organization: its own link and callers, and the realm's groups to start in.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::json;

use super::{add_provider, create, known, linked, realm, refused};
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scenarios::shared::{ENTRA_TOKEN, entra_table};
use crate::scenarios::stage::{patch, patch_active};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("links::an_organizations_users_are_linked_and_started", linked_and_started),
        both("shared::an_organizations_callers_own_users_apart", callers),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Options of `setup` for the organization `contoso`, whose users are linked to `okta`.
const OPTIONS: [&str; 4] = ["--organization", "contoso", "--idp", "okta"];

async fn linked_and_started() {
    let realm = realm().await;
    add_provider(&realm, "other").await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let contoso = json!({ "name": "contoso", "alias": "contoso", "domains": [{ "name": "contoso.com" }] });
    realm.post("/organizations", &contoso).await;
    let staff = realm.post("/groups", &json!({ "name": "Staff" })).await;
    // The realm's own link is not the organization's.
    let tables = format!(
        "[realms.{0}.identity_provider]\nalias = \"other\"\n\
         [realms.{0}.organizations.contoso.on_create]\ngroups = [\"/Staff\"]\n",
        realm.name()
    );
    let gateway = Gateway::setup_with(&realm, Auth::Token, &OPTIONS).await.append(&tables).serve().await;
    let scim = gateway.scim().await;
    let id = create(&scim, "babs@contoso.com", "00u1").await;
    assert_eq!(linked(&realm, &id).await.as_deref(), Some("00u1"));
    let groups = realm.get(&format!("/users/{id}/groups")).await;
    assert_eq!(groups[0]["id"], staff, "{groups}");
    let moved = json!([{ "op": "replace", "path": "externalId", "value": "00u2" }]);
    scim.patch(&format!("/Users/{id}"), &patch(&moved)).await.expect(200);
    assert_eq!(linked(&realm, &id).await.as_deref(), Some("00u2"));
    // Whoever holds it in the realm, Keycloak could let only one of them sign in.
    refused(&scim.post("/Users", &known("jane@contoso.com", "00u2")).await, 409, Code::LinkExists);
}

async fn callers() {
    let realm = realm().await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let contoso = json!({ "name": "contoso", "alias": "contoso", "domains": [{ "name": "contoso.com" }] });
    realm.post("/organizations", &contoso).await;
    let table = entra_table(&format!("{}.organizations.contoso", realm.name()));
    let gateway = Gateway::setup_with(&realm, Auth::Token, &OPTIONS).await.append(&table).serve().await;
    let scim = gateway.scim().await;
    let entra = Scim::bearer(gateway.base_url(), ENTRA_TOKEN);
    let path = format!("/Users/{}", create(&scim, "babs@contoso.com", "00u1").await);
    refused(&entra.patch(&path, &patch_active(false)).await, 403, Code::AnotherCallersUser);
    refused(&entra.delete(&path).await, 403, Code::AnotherCallersUser);
    let own = json!([{ "op": "add", "path": "externalId", "value": "entra-1" }]);
    entra.patch(&path, &patch(&own)).await.expect(200);
    assert_eq!(linked(&realm, path.trim_start_matches("/Users/")).await.as_deref(), Some("00u1"));
    scim.delete(&path).await.expect(204);
}
