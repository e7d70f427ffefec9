//! The same for the users of an organization: its own link and callers, and the realm's groups to start in.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::json;

use super::{add_provider, create, known, linked, realm, refused};
use crate::admin::Realm;
use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::both;
use crate::scenarios::shared::{ENTRA_TOKEN, entra_table};
use crate::scenarios::stage::{patch, patch_active};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("links::an_organizations_users_are_linked_and_started", linked_and_started),
        both("on_create::an_organizations_users_join_only_what_it_says", joined),
        both("on_create::what_an_organization_lacks_stops_nobody_else", lacking),
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

/// A realm with the organization `contoso`, and what `setup` makes for it, with a caller of the realm's own besides.
async fn two_tenants() -> (Realm, Prepared) {
    let realm = realm().await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    realm.create_organization("contoso").await;
    let prepared = Gateway::setup_with(&realm, Auth::Token, &OPTIONS[..2]).await;
    let prepared = prepared.append(&entra_table(realm.name()));
    (realm, prepared)
}

fn own(gateway: &Gateway) -> Scim {
    Scim::bearer(gateway.base_url().trim_end_matches("/organizations/contoso"), ENTRA_TOKEN)
}

async fn joined() {
    let (realm, prepared) = two_tenants().await;
    realm.post("/groups", &json!({ "name": "Staff" })).await;
    let table = format!("[realms.{}.on_create]\ngroups = [\"/Staff\"]\n", realm.name());
    let gateway = prepared.append(&table).serve().await;
    let groups = async |id: String| realm.get(&format!("/users/{id}/groups")).await;
    let id = create(&own(&gateway), "adam", "1").await;
    assert_eq!(groups(id).await[0]["path"], "/Staff");
    // The realm's groups may carry its roles, which no organization's client gives.
    let id = create(&gateway.scim().await, "babs@contoso.com", "1").await;
    assert_eq!(groups(id).await, json!([]));
}

async fn lacking() {
    let (realm, prepared) = two_tenants().await;
    let table = format!("[realms.{}.organizations.contoso.on_create]\ngroups = [\"/Tmp\"]\n", realm.name());
    let gateway = prepared.append(&table).serve_in_part().await;
    create(&own(&gateway), "adam", "1").await;
    let scim = gateway.scim().await;
    refused(&scim.post("/Users", &known("babs@contoso.com", "1")).await, 503, Code::RealmNotReady);
    let log = gateway.log();
    let told = format!(
        "the organization \"contoso\" of the realm \"{}\" is not ready to be served: the group /Tmp (on_create.groups) \
         is missing",
        realm.name()
    );
    assert!(log.contains(&told), "{told}\n{log}");
    realm.post("/groups", &json!({ "name": "Tmp" })).await;
    create(&scim, "babs@contoso.com", "1").await;
    // One that goes while it is served stops creates alone.
    let group = realm.get("/group-by-path/Tmp").await;
    realm.delete(&format!("/groups/{}", group["id"].as_str().unwrap())).await;
    refused(&scim.post("/Users", &known("jane@contoso.com", "2")).await, 503, Code::RealmNotReady);
    scim.get("/Users").await.expect(200);
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
