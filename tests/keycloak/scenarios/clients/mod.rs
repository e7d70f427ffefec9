//! The clients that send less than Okta and Entra ID do, or nothing that those don't: one room each, a session as they have it.

mod auth0;
mod authentik;
mod cyberark;
mod google;
mod ibm_verify;
mod jumpcloud;
mod onelogin;
mod ping;
mod sailpoint;

use http::Method;
use libtest_mimic::Trial;
use serde_json::Value;

use super::stage::Stage;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(auth0::trials());
    trials.extend(authentik::trials());
    trials.extend(cyberark::trials());
    trials.extend(google::trials());
    trials.extend(ibm_verify::trials());
    trials.extend(jumpcloud::trials());
    trials.extend(onelogin::trials());
    trials.extend(ping::trials());
    trials.extend(sailpoint::trials());
    trials
}

/// Sends a body as `application/json`, as those do that have no type of their own for SCIM.
async fn as_json(scim: &Scim, method: Method, path: &str, body: &Value) -> Answer {
    scim.raw(method, path, Some("application/json"), body.to_string()).await
}

/// The user of an answer, if a client that validates every 2xx could use it: it is the one that a GET shows, with the members
/// that every resource has.
async fn settled_user(stage: &Stage, answer: &Answer) -> Value {
    let user = answer.json();
    let id = answer.id();
    let location = format!("{}/Users/{id}", stage.scim.base_url());
    assert_eq!(user["schemas"][0], crate::scim::USER, "{answer}");
    assert_eq!(user["meta"]["resourceType"], "User", "{answer}");
    assert_eq!(user["meta"]["location"], location.as_str(), "{answer}");
    for name in ["created", "lastModified", "version"] {
        assert!(user["meta"][name].is_string(), "meta.{name}: {answer}");
    }
    if answer.status == 201 {
        assert_eq!(answer.header("location"), Some(location.as_str()), "{answer}");
    }
    assert_eq!(stage.read(&id).await, *user, "a GET shows something else than what was answered");
    user.clone()
}

/// The ids that a filter finds.
async fn found(scim: &Scim, filter: &str) -> Vec<String> {
    let answer = scim.list("Users", filter, "").await;
    let resources = answer.resources();
    assert_eq!(answer.json()["totalResults"], resources.len(), "{answer}");
    resources.iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}
