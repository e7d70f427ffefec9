//! A write that is cut off between two calls is made good by the next one.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{create, known, linked, stage_with};
use crate::admin::admin;
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scenarios::stage::Stage;

pub fn trials() -> Vec<Trial> {
    [
        both("links::a_move_that_was_cut_off_is_finished_by_repeating_it", || cut_off(Retry::Same)),
        both("links::a_move_that_was_cut_off_is_finished_by_another_change", || cut_off(Retry::Other)),
        both("links::a_create_that_was_cut_off_is_finished_by_repeating_it", cut_off_create),
        both("links::a_removal_that_was_cut_off_is_finished_by_repeating_it", cut_off_removal),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Same,
    Other,
}

/// A stage with a proxy before Keycloak, and no sweep.
async fn staged() -> (Stage, Proxy) {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage =
        stage_with(|realm, prepared| prepared.set(&["realms", realm, "sweep_interval"], "1h").via(&proxy))
            .await;
    (stage, proxy)
}

fn failure() -> Value {
    json!({ "error": "unknown_error" })
}

fn is_link(method: Method) -> impl Fn(&Method, &str) -> bool + Send + Sync + 'static {
    move |asked, path| *asked == method && path.contains("/federated-identity/okta")
}

async fn cut_off(retry: Retry) {
    // Before the old link goes, and between the two.
    for at in [Method::DELETE, Method::POST] {
        let (stage, proxy) = staged().await;
        let id = create(&stage.scim, "babs", "00u1").await;
        stage.settled().await;
        let path = format!("/Users/{id}");
        proxy.on(is_link(at.clone())).answer(500, &failure());
        stage.scim.put(&path, &known("babs", "00u2")).await.expect(503);
        let between = if at == Method::POST { None } else { Some("00u1") };
        assert_eq!(linked(&stage.realm, &id).await.as_deref(), between);
        match retry {
            Retry::Same => stage.scim.put(&path, &known("babs", "00u2")).await.expect(200),
            Retry::Other => {
                let title = json!([{ "op": "replace", "path": "title", "value": "Guide" }]);
                stage.patch(&id, &title).await.expect(200)
            }
        };
        assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u2"), "{at} {retry:?}");
        assert_eq!(stage.read(&id).await["externalId"], "00u2");
    }
}

async fn cut_off_create() {
    let (stage, proxy) = staged().await;
    let is_role =
        |method: &Method, path: &str| *method == Method::POST && path.ends_with("/role-mappings/realm");
    proxy.on(is_role).answer(500, &failure());
    stage.scim.post("/Users", &known("babs", "00u1")).await.expect(503);
    // The half of it has the link, and is no stranger to its own repetition.
    let id = create(&stage.scim, "babs", "00u1").await;
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u1"));
    assert!(stage.is_tagged(&id).await);
    // The same where the client has thought better of the value.
    proxy.on(is_role).answer(500, &failure());
    stage.scim.post("/Users", &known("jane", "00u2")).await.expect(503);
    let id = create(&stage.scim, "jane", "00u3").await;
    assert_eq!(linked(&stage.realm, &id).await.as_deref(), Some("00u3"));
}

async fn cut_off_removal() {
    let removal = json!([{ "op": "remove", "path": "externalId" }]);
    let is_write = |method: &Method, path: &str| *method == Method::PUT && path.contains("/users/");
    // At either of its two calls.
    for at_link in [true, false] {
        let (stage, proxy) = staged().await;
        let id = create(&stage.scim, "babs", "00u1").await;
        stage.settled().await;
        if at_link {
            proxy.on(is_link(Method::DELETE)).answer(500, &failure());
        } else {
            proxy.on(is_write).answer(500, &failure());
        }
        stage.patch(&id, &removal).await.expect(503);
        stage.patch(&id, &removal).await.expect(200);
        assert_eq!(linked(&stage.realm, &id).await, None);
        assert_eq!(stage.read(&id).await.get("externalId"), None);
    }
}
