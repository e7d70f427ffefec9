//! Several callers of one realm: what one of them may do to a user whom another one made.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::stage::{Stage, by_hand, patch, patch_active, person};
use crate::gateway::{Auth, Prepared};
use crate::runner::both;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    [
        both("shared::another_callers_user_is_neither_deleted_nor_deactivated", refuse),
        both("shared::the_last_one_wins_where_that_is_configured", last_wins),
        both("shared::who_was_made_by_hand_is_nobodys", nobodys),
        both("shared::a_caller_that_is_gone_owns_nobody", gone),
        both("shared::where_the_maker_is_unknown_an_external_id_tells", older),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The static token of the second caller, and its SHA-256.
pub const ENTRA_TOKEN: &str = "entra-token-of-the-trial";
const ENTRA_HASH: &str = "40056f4b92e9b1f853603baa79da5df864b2a26ffdec4ec1902dba88806127ac";

/// Adds the caller `entra` to a realm.
pub fn add_entra(realm: &str, prepared: Prepared) -> Prepared {
    prepared.append(&entra_table(realm))
}

/// The table of the caller `entra` of a tenant: a realm, or `REALM.organizations.NAME`.
pub fn entra_table(tenant: &str) -> String {
    format!("[realms.{tenant}.callers.entra]\nauth = \"token\"\nsha256 = [\"{ENTRA_HASH}\"]\n")
}

/// A stage with two callers: its own SCIM client is Okta's, the other one Entra ID's.
async fn stage(shared: Option<&str>) -> (Stage, Scim) {
    let stage = Stage::with("shared", Auth::Token, |realm, prepared| {
        let prepared = add_entra(realm, prepared);
        match shared {
            Some(shared) => prepared.set(&["realms", realm, "shared"], shared),
            None => prepared,
        }
    })
    .await;
    let entra = Scim::bearer(stage.gateway.base_url(), ENTRA_TOKEN);
    (stage, entra)
}

fn at(id: &str) -> String {
    format!("/Users/{id}")
}

/// A PUT of this person that ends them.
fn ended(user_name: &str) -> Value {
    let mut body = person(user_name);
    body["active"] = false.into();
    body
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (403, Some(Code::AnotherCallersUser)), "{answer}");
    assert!(answer.json()["detail"].as_str().unwrap().contains("shared"), "{answer}");
}

async fn refuse() {
    let (stage, entra) = stage(None).await;
    let id = stage.create("babs").await;
    stage.settled().await;
    // Knowing the user by an id of one's own does not make it one's own.
    let known = json!([{ "op": "add", "path": "externalId", "value": "entra-1" }]);
    entra.patch(&at(&id), &patch(&known)).await.expect(200);
    let before = stage.stored(&id).await;
    let mixed = json!([
        { "op": "replace", "path": "title", "value": "Nobody" },
        { "op": "replace", "path": "active", "value": false },
    ]);
    let mut renamed = ended("babs");
    renamed["title"] = "Nobody".into();
    refused(&entra.delete(&at(&id)).await);
    refused(&entra.patch(&at(&id), &patch_active(false)).await);
    refused(&entra.patch(&at(&id), &patch(&mixed)).await);
    refused(&entra.put(&at(&id), &renamed).await);
    assert_eq!(stage.stored(&id).await, before, "nothing was applied");
    // All else is anybody's.
    let title = json!([{ "op": "replace", "path": "title", "value": "Guide" }]);
    entra.patch(&at(&id), &patch(&title)).await.expect(200);
    assert_eq!(stage.read(&id).await["title"], "Guide");
    // Its maker may, also after the other one's change; who is inactive is not ended by saying so again.
    stage.set_active(&id, false).await;
    entra.patch(&at(&id), &patch_active(false)).await.expect(200);
    refused(&entra.delete(&at(&id)).await);
    stage.scim.delete(&at(&id)).await.expect(204);
    // And the other way round.
    let id = entra.post("/Users", &person("jane")).await.expect(201).id();
    refused(&stage.scim.delete(&at(&id)).await);
    entra.delete(&at(&id)).await.expect(204);
}

async fn last_wins() {
    let (stage, entra) = stage(Some("last-wins")).await;
    let id = stage.create("babs").await;
    entra.patch(&at(&id), &patch_active(false)).await.expect(200);
    assert_eq!(stage.stored(&id).await["enabled"], false);
    stage.set_active(&id, true).await;
    entra.delete(&at(&id)).await.expect(204);
}

async fn nobodys() {
    let (stage, entra) = stage(None).await;
    for scim in [&stage.scim, &entra] {
        let id = stage.realm.create_user(&by_hand("jsmith")).await;
        stage.realm.manage(&id).await;
        // A change makes it nobody's either.
        let title = json!([{ "op": "replace", "path": "title", "value": "Guide" }]);
        stage.patch(&id, &title).await.expect(200);
        scim.patch(&at(&id), &patch_active(false)).await.expect(200);
        scim.delete(&at(&id)).await.expect(204);
    }
}

async fn gone() {
    let (mut stage, entra) = stage(None).await;
    let id = stage.create("babs").await;
    refused(&entra.delete(&at(&id)).await);
    let config = stage.gateway.prepared().config();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(".callers.okta]", ".callers.new]")).unwrap();
    stage.gateway.restart().await;
    entra.delete(&at(&id)).await.expect(204);
}

async fn older() {
    let (stage, entra) = stage(None).await;
    let mut body = person("babs");
    body["externalId"] = "00u1".into();
    let id = stage.scim.post("/Users", &body).await.expect(201).id();
    stage.settled().await;
    let mut stored = stage.stored(&id).await;
    let document = stored["attributes"]["scim.document"][0].as_str().unwrap();
    let mut document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["by"], "okta");
    document.as_object_mut().unwrap().shift_remove("by");
    stored["attributes"]["scim.document"] = json!([document.to_string()]);
    stage.realm.put(&format!("/users/{id}"), &stored).await;
    refused(&entra.patch(&at(&id), &patch_active(false)).await);
    let known = json!([{ "op": "add", "path": "externalId", "value": "entra-1" }]);
    entra.patch(&at(&id), &patch(&known)).await.expect(200);
    entra.patch(&at(&id), &patch_active(false)).await.expect(200);
    entra.delete(&at(&id)).await.expect(204);
}
