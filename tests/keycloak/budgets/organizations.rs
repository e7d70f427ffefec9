//! The budgets of what is asked for an organization of the realm.

use libtest_mimic::Trial;
use serde_json::json;

use super::{NOBODY, Watched};
use crate::runner::in_an_organization;
use crate::scenarios::groups::scene::{adding, at, group};
use crate::scenarios::stage::{patch, patch_active, person};

pub fn trials() -> [[Trial; 2]; 1] {
    [in_an_organization("budgets::organization", organization)]
}

async fn organization() {
    let mut watched = Watched::new("organization").await;
    let scim = watched.scim();
    let babs = watched.measure("a new user", 201, scim.post("/Users", &person("babs"))).await.id();
    watched.stage.settled().await;
    let same = person("babs");
    watched.measure("a userName that is taken", 409, scim.post("/Users", &same)).await;
    let path = format!("/Users/{babs}");
    watched.measure("read", 200, scim.get(&path)).await;
    watched.measure("read: nobody", 404, scim.get(NOBODY)).await;
    let lookup = scim.list("Users", "userName eq \"babs\"", "");
    watched.measure("looked up by userName", 200, lookup).await;
    watched.measure("a page", 200, scim.get("/Users?startIndex=1&count=100")).await;
    let title = |title: &str| patch(&json!([{ "op": "replace", "path": "title", "value": title }]));
    watched.measure("PATCH", 200, scim.patch(&path, &title("Guide"))).await;
    watched.measure("PATCH that changes nothing", 200, scim.patch(&path, &title("Guide"))).await;
    watched.measure("deactivation", 200, scim.patch(&path, &patch_active(false))).await;
    watched.measure("reactivation", 200, scim.patch(&path, &patch_active(true))).await;
    let guides = group("Guides", [&babs]);
    let guides = watched.measure("a new group with a member", 201, scim.post("/Groups", &guides)).await.id();
    watched.stage.groups_settled().await;
    let adam = watched.person("adam").await;
    watched.measure("a member added", 200, scim.patch(&at(&guides), &adding([&adam]))).await;
    watched.stage.groups_settled().await;
    watched.measure("deleted", 204, scim.delete(&path)).await;
    watched.judge();
}
