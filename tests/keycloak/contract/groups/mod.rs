//! Groups: what they are, how they are found, how they move, who is in them, and which roles come through them.

mod life;
mod members;
mod moves;
mod roles;
mod search;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::admin::{Realm, admin};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(life::trials());
    trials.extend(search::trials());
    trials.extend(moves::trials());
    trials.extend(members::trials());
    trials.extend(roles::trials());
    trials
}

async fn realm() -> Realm {
    admin().await.create_realm("contract").await
}

/// Creates a group at the top level and gives its id.
async fn top(realm: &Realm, name: &str) -> String {
    realm.post("/groups", &json!({ "name": name })).await
}

/// Creates a group below another and gives its id.
async fn below(realm: &Realm, parent: &str, name: &str) -> String {
    realm.post(&format!("/groups/{parent}/children"), &json!({ "name": name })).await
}

/// The group without its id and what the caller may do with it.
async fn read(realm: &Realm, id: &str) -> Value {
    let mut group = realm.get(&format!("/groups/{id}")).await;
    let members = group.as_object_mut().unwrap();
    assert_eq!(members.shift_remove("id"), Some(json!(id)));
    members.shift_remove("access");
    group
}

/// The paths of the groups that are listed, in their order.
async fn paths(realm: &Realm, path: &str) -> Vec<String> {
    let list = realm.get(path).await;
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|group| group["path"].as_str().unwrap().to_owned()).collect()
}

fn missing_name() -> Value {
    json!({ "errorMessage": "Group name is missing" })
}

fn failure() -> Value {
    let said = "For more on this error consult the server log.";
    json!({ "error": "unknown_error", "error_description": said })
}

fn sibling(name: &str) -> Value {
    json!({ "errorMessage": format!("Sibling group named '{name}' already exists.") })
}

fn not_found() -> Value {
    json!({ "error": "Could not find group by id" })
}
