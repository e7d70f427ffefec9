//! What a request became, told to a person: what was dropped and normalised, and the Keycloak calls.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::http::{Told, Watcher};
use crate::keycloak::{CallResult, CallWatcher, Made};

use super::gateway::Manner;

/// What is seen of a gateway, in its order.
#[derive(Debug)]
pub(super) enum Event {
    /// A call of Admin REST is over.
    Called(Box<Made>),
    /// A request was answered.
    Answered(Box<Told>),
}

/// A manner in which all that happens is told, and where to hear it.
pub(super) fn listen() -> (Manner, UnboundedReceiver<Event>) {
    let (sender, events) = unbounded_channel();
    // Nobody listens any more only when the command ends.
    let tell = |sender: UnboundedSender<Event>| move |event| drop(sender.send(event));
    let (call, request) = (tell(sender.clone()), tell(sender));
    let manner = Manner {
        calls: Some(CallWatcher::new(move |made| call(Event::Called(Box::new(made))))),
        requests: Some(Watcher::new(move |told| request(Event::Answered(Box::new(told))))),
        dry_run: false,
    };
    (manner, events)
}

/// The status with its name.
pub(super) fn status_text(status: u16) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    name.map_or_else(|| status.to_string(), |name| format!("{status} {name}"))
}

/// What was dropped and what was taken for something else, a line each.
pub(super) fn understanding(told: &Told) -> Vec<String> {
    let dropped =
        told.dropped.iter().map(|dropped| format!("dropped     {}: {}", dropped.name, dropped.why.reason()));
    let normalised = told
        .normalised
        .iter()
        .map(|found| format!("normalised  {}: {} is taken for {}", found.path, found.sent, found.plain));
    dropped.chain(normalised).collect()
}

/// A call with its body, which `write` turns into lines, indented by so many spaces.
pub(super) fn call(made: &Made, indent: usize, write: impl Fn(&Value) -> String) -> String {
    let result = match &made.result {
        CallResult::Answered(status) => format!("{status}, {:.1} ms", made.took.as_secs_f64() * 1000.0),
        CallResult::Failed(reason) => reason.clone(),
        CallResult::Planned => "not sent".to_owned(),
        CallResult::Foreseen(status) => format!("not sent; it would be refused with {status}"),
    };
    let space = " ".repeat(indent);
    let mut text = format!("{space}{} {} -> {result}", made.method, short(made));
    if let Some(purpose) = purpose(made) {
        let _ = write!(text, "   # {purpose}");
    }
    if let Some(body) = &made.body {
        for line in write(body).lines() {
            let _ = write!(text, "\n{space}  {line}");
        }
    }
    text
}

/// The call's address below `admin/realms/{realm}/`, readable.
pub(super) fn short(made: &Made) -> String {
    let mut segments = made.url.path_segments().into_iter().flatten();
    // What stands before is the same for all of them.
    let _admin = segments.by_ref().find(|segment| *segment == "admin");
    let below: Vec<&str> = segments.skip(2).collect();
    let query: Vec<String> = made.url.query_pairs().map(|(key, value)| format!("{key}={value}")).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = if below.is_empty() { "(the realm)".to_owned() } else { below.join("/") };
    format!("{path}{query}")
}

/// What a call is for.
fn purpose(made: &Made) -> Option<&'static str> {
    let has = |name: &str| made.url.query_pairs().any(|(key, _)| key == name);
    let written = |at: &str| made.body.as_ref().and_then(|body| body.pointer(at));
    let marks = || written("/attributes/scim.pending").is_some();
    let path = as_in_realm(made.path);
    if path.contains("group") {
        return group_purpose(made, path, has, written);
    }
    Some(match (made.method.as_str(), path) {
        ("GET", "members/{id}") => "is the user a member of the organization?",
        ("POST", "members") => "make the user a member of the organization",
        ("DELETE", "members/{id}") => "end the user's membership in the organization",
        ("GET", "members") => "who is a member of the organization?",
        ("GET", "organizations/members/{id}/organizations") => {
            "does the user belong to another organization, too? Then this one may not change it"
        }
        ("GET", "organizations" | "organizations/{organization}") => "is the organization there?",
        ("POST", "users") if marks() => {
            "create the user: without credentials, and marked as unfinished until it has its role"
        }
        ("POST", "users") => "create the user",
        ("GET", "users") if ids(made) > 1 => "read these users",
        ("GET", "users") if has("idpAlias") => "is anybody else linked to the identity provider so?",
        ("GET", "users") if has("search") => "read the user",
        ("GET", "users") => "find users by this key, or a page of all managed ones",
        ("GET", "users/count") => "count them",
        ("PUT", "users/{id}") if written("/enabled") == Some(&Value::Bool(false)) => {
            "write the user, disabled"
        }
        ("PUT", "users/{id}") => "write the user, with everything that others keep there",
        ("DELETE", "users/{id}") => "delete the user",
        ("GET", "users/{id}/role-mappings/realm") => "does it carry the role of managed users?",
        ("POST", "users/{id}/role-mappings/realm") => "give it the role of managed users",
        ("DELETE", "users/{id}/role-mappings/realm") => "take the role of managed users from it",
        ("GET", "users/{id}/role-mappings/realm/composite")
        | ("GET", "users/{id}/role-mappings/clients/{client}/composite") => {
            "has it administrative power, also by groups and composite roles?"
        }
        ("POST", "users/{id}/logout") => "end all sessions, so that old refresh tokens die",
        ("GET", "users/{id}/consents") => "are there offline sessions? A logout leaves them",
        ("DELETE", "users/{id}/consents/{client}") => "revoke an offline session",
        ("GET", "users/{id}/federated-identity") => "as whom does it sign in at identity providers?",
        ("POST", "users/{id}/federated-identity/{provider}") => {
            "link it to the identity provider, so that single sign-on finds it"
        }
        ("DELETE", "users/{id}/federated-identity/{provider}") => {
            "take its link to the identity provider away"
        }
        ("GET", "identity-provider/instances/{provider}") | ("GET", "authentication/required-actions") => {
            "look whether the realm has what the configuration asks for"
        }
        ("GET", "roles/{name}") | ("GET", "users/profile") | ("GET", "") | ("GET", "clients") => {
            "look whether the realm is set up"
        }
        _ => return None,
    })
}

/// The path as that of the realm's own groups, which an organization's are like.
fn as_in_realm(path: &str) -> &str {
    match path.strip_prefix("organizations/{organization}/") {
        Some("members/{id}/groups") => "users/{id}/groups",
        Some("groups/{group}/members/{id}") => "users/{id}/groups/{group}",
        Some(path) => path,
        None => path,
    }
}

/// How many users a search names by their ids.
fn ids(made: &Made) -> usize {
    let search = made.url.query_pairs().find(|(key, _)| key == "search");
    search.map_or(0, |(_, value)| value.split(' ').count())
}

/// What a call about groups is for.
fn group_purpose<'m>(
    made: &'m Made,
    path: &str,
    has: impl Fn(&str) -> bool,
    written: impl Fn(&str) -> Option<&'m Value>,
) -> Option<&'static str> {
    let moves = || written("/id").is_some();
    let revision = || written("/attributes/scim.revision/0").and_then(Value::as_str).unwrap_or_default();
    Some(match (made.method.as_str(), path) {
        ("GET", "groups") if has("q") => "find groups by this attribute",
        ("GET", "groups") => "find groups by this part of their names, whatever the letter case",
        ("GET", "groups/{id}") => "read the group",
        ("GET", "groups/{id}/children") => "which groups are within it?",
        ("GET", "groups/{id}/members") => "who is in it?",
        ("GET", "users/{id}/groups") => "which groups is the user in?",
        ("POST", "groups") if moves() => "move the group out of the one that it is in",
        ("POST", "groups/{id}/children") if moves() => "put the group into this one",
        ("POST", "groups" | "groups/{id}/children") if written("/attributes/scim.pending").is_some() => {
            "create the group, marked as unfinished until it has its roles and members"
        }
        ("POST", "groups" | "groups/{id}/children") => "create the group",
        ("PUT", "groups/{id}") if revision().starts_with('~') => {
            "write the group, marked as one whose members are being changed"
        }
        ("PUT", "groups/{id}") if made.after_answer => "all is done: take the marks away",
        ("PUT", "groups/{id}") => "write the group, with everything that others keep there",
        ("DELETE", "groups/{id}") => "delete the group; its members stay",
        ("PUT", "users/{id}/groups/{group}") => "put the user into the group",
        ("DELETE", "users/{id}/groups/{group}") => "take the user out of the group",
        ("GET", path) if path.starts_with("groups/{id}/role-mappings/") => {
            "does it give its members administrative power?"
        }
        ("POST", path) if path.starts_with("groups/{id}/role-mappings/") => {
            "give it the roles that the configuration lists for its name"
        }
        ("DELETE", path) if path.starts_with("groups/{id}/role-mappings/") => {
            "take the roles that its former name gave it"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::dialects::Normalised;
    use crate::scim::{Dropped, Why};

    fn made(method: Method, path: &'static str, url: &str, body: Option<Value>) -> Made {
        Made {
            request_id: "1".into(),
            after_answer: false,
            method,
            path,
            url: Url::parse(url).unwrap(),
            body,
            result: CallResult::Answered(200),
            took: Duration::from_millis(2),
        }
    }

    #[test]
    fn a_call_is_told_from_the_realm_on_with_its_purpose_and_body() {
        let url = "https://id.example.com/auth/admin/realms/acme/users?search=id%3A7&max=1";
        assert_eq!(
            call(&made(Method::GET, "users", url, None), 2, Value::to_string),
            "  GET users?search=id:7&max=1 -> 200, 2.0 ms   # read the user"
        );
        let url = "http://k/admin/realms/acme/users";
        let body = json!({"username": "b", "attributes": {"scim.pending": ["1"]}});
        let text = call(&made(Method::POST, "users", url, Some(body)), 0, Value::to_string);
        assert!(
            text.starts_with("POST users -> 200, 2.0 ms   # create the user: without credentials"),
            "{text}"
        );
        assert!(
            text.ends_with("\n  {\"username\":\"b\",\"attributes\":{\"scim.pending\":[\"1\"]}}"),
            "{text}"
        );
        assert_eq!(short(&made(Method::GET, "", "http://k/admin/realms/acme", None)), "(the realm)");
    }

    #[test]
    fn calls_about_groups_are_told_by_what_they_do() {
        let told = |method: Method, path: &'static str, query: &str, body: Value| {
            let url = format!("http://k/admin/realms/acme/{path}{query}");
            purpose(&made(method, path, &url, Some(body))).unwrap_or_default()
        };
        let mark = |name: &str, value: &str| json!({"name": "Tour Guides", "attributes": {name: [value]}});
        let (pending, revision) = ("scim.pending", "scim.revision");
        let by_name = told(Method::GET, "groups", "?search=Tour&max=1000", Value::Null);
        assert!(by_name.starts_with("find groups by this part of their names"), "{by_name}");
        assert_eq!(told(Method::GET, "groups", "?q=a:b", Value::Null), "find groups by this attribute");
        for path in ["groups", "groups/{id}/children"] {
            assert_eq!(told(Method::POST, path, "", mark(revision, "~1")), "create the group");
            let unfinished = told(Method::POST, path, "", mark(pending, "1"));
            assert!(unfinished.starts_with("create the group, marked as unfinished"), "{unfinished}");
        }
        let existing = json!({"id": "7", "name": "Tour Guides"});
        assert!(told(Method::POST, "groups", "", existing.clone()).contains("out of the one"));
        assert!(told(Method::POST, "groups/{id}/children", "", existing).contains("into this one"));
        let moving = told(Method::PUT, "groups/{id}", "", mark(revision, "~1"));
        assert!(moving.contains("members are being changed"), "{moving}");
        let at_rest = told(Method::PUT, "groups/{id}", "", mark(revision, "1"));
        assert!(at_rest.contains("everything that others keep"), "{at_rest}");
        let client_roles = "groups/{id}/role-mappings/clients/{client}";
        assert!(told(Method::POST, client_roles, "", json!([])).starts_with("give it the roles"));
        assert!(told(Method::DELETE, "groups/{id}/role-mappings/realm", "", json!([])).starts_with("take"));
        let several = told(Method::GET, "users", "?search=id%3A7%208&max=2", Value::Null);
        assert_eq!(several, "read these users");
    }

    #[test]
    fn a_call_that_was_not_made_says_so() {
        let planned = Made {
            result: CallResult::Planned,
            ..made(Method::DELETE, "users/{id}", "http://k/admin/realms/a/users/7", None)
        };
        assert_eq!(call(&planned, 0, Value::to_string), "DELETE users/7 -> not sent   # delete the user");
    }

    #[test]
    fn what_was_made_of_a_body_is_told_with_reasons() {
        let told = Told {
            request_id: "1".into(),
            method: "POST".into(),
            target: "/realms/acme/scim/v2/Users".into(),
            status: Some(201),
            error: None,
            dropped: vec![Dropped { name: "password".into(), why: Why::Password }],
            normalised: vec![Normalised { path: "active".into(), sent: json!("True"), plain: json!(true) }],
            took: Duration::from_millis(3),
        };
        let lines = understanding(&told);
        assert!(lines[0].starts_with("dropped     password: a password never goes further"), "{lines:?}");
        assert_eq!(lines[1], "normalised  active: \"True\" is taken for true");
    }
}
