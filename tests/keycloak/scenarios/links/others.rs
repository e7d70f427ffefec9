//! Nobody's link is doubled, nobody with power is linked, and another caller's link stays.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{create, known, link_by_hand, linked, refused, stage, stage_with};
use crate::admin::admin;
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scenarios::shared::{ENTRA_TOKEN, add_entra};
use crate::scenarios::stage::{by_hand, patch, person};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("links::a_second_holder_is_refused", second_holder),
        both("links::of_two_creates_at_once_one_is_linked", race),
        both("links::a_leaver_leaves_whoever_has_the_link", leaver),
        both("links::who_has_power_is_not_linked", power),
        both("links::another_callers_link_stays", other_caller),
        both("links::what_another_caller_renames_moves_no_link", renamed),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn external_id(value: &str) -> Value {
    json!([{ "op": "replace", "path": "externalId", "value": value }])
}

async fn second_holder() {
    let stage = stage().await;
    // One whom nobody manages, and one who is managed.
    let signed_in = stage.realm.create_user(&by_hand("jsmith")).await;
    link_by_hand(&stage.realm, &signed_in, "00uSmith").await;
    create(&stage.scim, "babs", "00uBabs").await;
    let id = create(&stage.scim, "jane", "00uJane").await;
    stage.settled().await;
    let before = stage.stored(&id).await;
    for taken in ["00uSmith", "00uBabs"] {
        let create = stage.scim.post("/Users", &known("another", taken)).await;
        let change = stage.patch(&id, &external_id(taken)).await;
        let replacement = stage.scim.put(&format!("/Users/{id}"), &known("jane", taken)).await;
        for answer in [create, change, replacement] {
            let detail = refused(&answer, 409, Code::LinkExists);
            for secret in ["smith", "babs", &signed_in, taken] {
                assert!(!detail.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {detail}");
            }
        }
        assert_eq!(stage.realm.user_by_username("another").await, None);
    }
    stage.settled().await;
    assert_eq!(stage.stored(&id).await["attributes"], before["attributes"]);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00uJane"));
}

async fn race() {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(|_, prepared| prepared.via(&proxy)).await;
    // So late that all of them would have looked for a holder by then.
    let is_create = |method: &Method, path: &str| *method == Method::POST && path.ends_with("/users");
    proxy.on(is_create).always().delay(Duration::from_millis(500));
    let bodies: Vec<Value> = (0..6).map(|number| known(&format!("user-{number}"), "00u1")).collect();
    let answers = join_all(bodies.iter().map(|body| stage.scim.post("/Users", body))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let holders = stage.realm.get("/users?idpAlias=okta&idpUserId=00u1").await;
    assert_eq!(holders.as_array().unwrap().len(), 1, "{holders}");
}

async fn leaver() {
    let stage = stage().await;
    let [patched, replaced] =
        [create(&stage.scim, "babs", "00u1").await, create(&stage.scim, "jane", "00u2").await];
    // Their links have been given to others meanwhile.
    for (name, id, value) in [("thief", &patched, "00u1"), ("robber", &replaced, "00u2")] {
        stage.realm.delete(&format!("/users/{id}/federated-identity/okta")).await;
        let other = stage.realm.create_user(&by_hand(name)).await;
        link_by_hand(&stage.realm, &other, value).await;
    }
    // A change that has nothing to do with it is carried out, and the user stays without link.
    let title = json!([{ "op": "replace", "path": "title", "value": "Guide" }]);
    stage.patch(&patched, &title).await.expect(200);
    assert_eq!(linked(&stage.realm, &patched).await, None);
    stage.set_active(&patched, false).await;
    // A PUT that would take the other one's is refused, and its leaver leaves all the same.
    let mut body = known("jane", "00u1");
    body["active"] = false.into();
    let answer = stage.scim.put(&format!("/Users/{replaced}"), &body).await;
    refused(&answer, 409, Code::LinkExists);
    assert_eq!(stage.stored(&replaced).await["enabled"], false);
}

async fn power() {
    let stage = stage().await;
    let management = stage.realm.client_uuid("realm-management").await;
    let role = stage.realm.get(&format!("/clients/{management}/roles/realm-admin")).await;
    let [id, unlinked] = [create(&stage.scim, "babs", "00u1").await, stage.create("jane").await];
    for id in [&id, &unlinked] {
        stage.settled().await;
        let path = format!("/users/{id}/role-mappings/clients/{management}");
        stage.realm.post(&path, &json!([role])).await;
    }
    for operations in [external_id("00u2"), json!([{ "op": "remove", "path": "externalId" }])] {
        let detail = refused(&stage.patch(&id, &operations).await, 403, Code::ProtectedUser);
        assert!(detail.contains("link to the identity provider"), "{detail}");
    }
    refused(&stage.patch(&unlinked, &external_id("00u3")).await, 403, Code::ProtectedUser);
    assert_eq!(stage.read(&id).await["externalId"], "00u1");
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
    // What has to do with no link is carried out; a link that is missing stays so.
    stage.realm.delete(&format!("/users/{id}/federated-identity/okta")).await;
    stage.patch(&id, &json!([{ "op": "replace", "path": "title", "value": "Guide" }])).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await, None);
}

async fn other_caller() {
    let stage = stage_with(add_entra).await;
    let entra = Scim::bearer(stage.gateway.base_url(), ENTRA_TOKEN);
    // Entra ID knows Okta's user by an id of its own; single sign-on is Okta's.
    let id = create(&stage.scim, "babs", "00u1").await;
    entra.patch(&format!("/Users/{id}"), &patch(&external_id("entra-1"))).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
    // Nobody made this one over SCIM: who came first has the link.
    let by_hand = stage.realm.create_user(&by_hand("jsmith")).await;
    stage.realm.map_role(&by_hand, "scim-managed").await;
    stage.patch(&by_hand, &external_id("00u2")).await.expect(200);
    for external_id in ["entra-2", "entra-2", "entra-3"] {
        entra.put(&format!("/Users/{by_hand}"), &known("jsmith", external_id)).await.expect(200);
        assert_eq!(linked(&stage.realm, &by_hand).await.as_deref(), Some("00u2"));
    }
    stage.scim.put(&format!("/Users/{by_hand}"), &person("jsmith")).await.expect(200);
    assert_eq!(linked(&stage.realm, &by_hand).await.as_deref(), Some("00u2"));
}

async fn renamed() {
    let stage = stage_with(|realm, prepared| {
        add_entra(realm, prepared).set(&["realms", realm, "identity_provider", "user_id"], "userName")
    })
    .await;
    let entra = Scim::bearer(stage.gateway.base_url(), ENTRA_TOKEN);
    let id = stage.create("babs@example.com").await;
    stage.settled().await;
    let replace = |path: &str, value: &str| json!([{ "op": "replace", "path": path, "value": value }]);
    let rename = patch(&replace("userName", "mallory@example.com"));
    entra.patch(&format!("/Users/{id}"), &rename).await.expect(200);
    let title = replace("title", "Guide");
    let link = format!("/users/{id}/federated-identity/okta");
    let by_hand = async || link_by_hand(&stage.realm, &id, "by-hand").await;
    let unlinked = async || stage.realm.delete(&link).await;
    // As it is, missing, or changed by hand: made good is what was, not what another one says.
    for change in 0..3 {
        match change {
            0 => {}
            1 => unlinked().await,
            _ => by_hand().await,
        }
        stage.patch(&id, &title).await.expect(200);
        assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("babs@example.com"), "{change}");
    }
    // Nor where nobody remembers what was.
    let mut stored = stage.stored(&id).await;
    let document = stored["attributes"]["scim.document"][0].as_str().unwrap();
    let mut document: Value = serde_json::from_str(document).unwrap();
    document.as_object_mut().unwrap().shift_remove("links").unwrap();
    stored["attributes"]["scim.document"] = json!([document.to_string()]);
    stage.realm.put(&format!("/users/{id}"), &stored).await;
    stage.patch(&id, &title).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("babs@example.com"));
    unlinked().await;
    stage.patch(&id, &title).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await, None);
    // Its maker's own word counts.
    stage.patch(&id, &replace("userName", "jane@example.com")).await.expect(200);
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("jane@example.com"));
}
