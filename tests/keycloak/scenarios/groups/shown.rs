//! Groups as they are shown: what every answer must have, whichever client reads it.

use serde_json::{Value, json};

use super::scene::{GROUP, at};
use crate::scenarios::stage::Stage;
use crate::scim::Answer;

/// The group of an answer, if a client that checks every 2xx could use it: it has what every resource has, and a GET shows
/// the same once all is over.
pub async fn settled_group(stage: &Stage, answer: &Answer) -> Value {
    let group = answer.json();
    let id = answer.id();
    let location = format!("{}/Groups/{id}", stage.scim.base_url());
    assert_eq!(group["schemas"], json!([GROUP]), "{answer}");
    assert_eq!(group["meta"]["resourceType"], "Group", "{answer}");
    assert_eq!(group["meta"]["location"], location.as_str(), "{answer}");
    for name in ["created", "lastModified", "version"] {
        assert!(group["meta"][name].is_string(), "meta.{name}: {answer}");
    }
    assert_eq!(answer.header("etag"), group["meta"]["version"].as_str(), "{answer}");
    if answer.status == 201 {
        assert_eq!(answer.header("location"), Some(location.as_str()), "{answer}");
    }
    stage.groups_settled().await;
    let read = stage.scim.get(&at(&id)).await.expect(200);
    assert_eq!(read.json(), group, "a GET shows something else than what was answered");
    group.clone()
}

/// A user as the member of a group; `display` is the displayName, or else the userName.
pub fn member(stage: &Stage, id: &str, display: &str) -> Value {
    let url = format!("{}/Users/{id}", stage.scim.base_url());
    json!({ "value": id, "$ref": url, "display": display, "type": "User" })
}

/// The ids, sorted, as [`crate::admin::Realm::members`] gives them.
pub fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

/// The names of listed groups, in their order.
pub fn names(resources: &[Value]) -> Vec<&str> {
    resources.iter().map(|group| group["displayName"].as_str().unwrap()).collect()
}
