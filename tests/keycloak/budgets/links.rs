//! The budgets of users who are linked to an identity provider, and of what they start with.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::Watched;
use crate::runner::both;
use crate::scenarios::stage::{patch, patch_active, person};

pub fn trials() -> [[Trial; 2]; 1] {
    [both("budgets::link", links)]
}

fn known(user_name: &str, external_id: &str) -> Value {
    let mut body = person(user_name);
    body["externalId"] = external_id.into();
    body
}

async fn links() {
    let mut watched = Watched::linked("link").await;
    let scim = watched.scim();
    let babs = watched.measure("a new user", 201, scim.post("/Users", &known("babs", "00u1"))).await.id();
    watched.stage.settled().await;
    watched.measure("a new user without the value", 201, scim.post("/Users", &person("jane"))).await;
    watched.stage.settled().await;
    watched.measure("a value that is taken", 409, scim.post("/Users", &known("other", "00u1"))).await;
    let path = format!("/Users/{babs}");
    let title = |title: &str| patch(&json!([{ "op": "replace", "path": "title", "value": title }]));
    watched.measure("PATCH of something else", 200, scim.patch(&path, &title("Guide"))).await;
    watched.measure("PATCH that changes nothing", 200, scim.patch(&path, &title("Guide"))).await;
    let value = patch(&json!([{ "op": "replace", "path": "externalId", "value": "00u2" }]));
    watched.measure("PATCH of the value", 200, scim.patch(&path, &value)).await;
    watched.measure("deactivation", 200, scim.patch(&path, &patch_active(false))).await;
    watched.judge();
}
