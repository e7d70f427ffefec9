//! The demo's words: what to paste, and what came of it.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::cli::narrate::{self, Event};
use crate::http::Told;
use crate::keycloak::Made;

/// The request ids of calls that are made for no request.
const HOUSEKEEPING: [&str; 3] = ["inspect", "sweep", "heal"];

/// So many requests without an answer are remembered; a client that hangs up has one, too.
const MAX_OPEN: usize = 1000;

/// The greeting: base URL, token, and the lives of a user and a group to paste.
pub(super) fn welcome(about: &str, base_url: &str, token: &str) -> String {
    format!(
        r#"{about}

  Base URL: {base_url}
  Authorization: Bearer {token}

Paste these into another terminal, one after the other; here you see what each becomes in Keycloak.

# Create a user as Okta does, with a password, which goes no further
curl -sS -i -w '\n' '{base_url}/Users' -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' -d '{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"babs@example.com","name":{{"givenName":"Babs","familyName":"Jensen"}},"emails":[{{"primary":true,"value":"babs@example.com","type":"work"}}],"displayName":"Babs Jensen","locale":"en-US","externalId":"00ujl29u0le5T6Aj10h7","groups":[],"password":"1mz050nq","active":true}}'

# Look it up by userName, and keep its id
FOUND=$(curl -sS -G '{base_url}/Users' -H 'Authorization: Bearer {token}' --data-urlencode 'filter=userName eq "babs@example.com"'); echo "$FOUND"; ID=$(echo "$FOUND" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')

# Push a group with this user in it, and keep its id
PUSHED=$(curl -sS '{base_url}/Groups' -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' -d '{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Tour Guides","members":[{{"value":"'"$ID"'","display":"babs@example.com"}}]}}'); echo "$PUSHED"; GROUP=$(echo "$PUSHED" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')

# Take the user out of it, as Okta does when somebody leaves the group
curl -sS -i -w '\n' -X PATCH "{base_url}/Groups/$GROUP" -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' -d '{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"remove","path":"members[value eq \"'"$ID"'\"]"}}]}}'

# Deactivate the user: it can't sign in any more, and its sessions end
curl -sS -i -w '\n' -X PATCH "{base_url}/Users/$ID" -H 'Authorization: Bearer {token}' -H 'Content-Type: application/scim+json' -d '{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"replace","value":{{"active":false}}}}]}}'

# Delete both
curl -sS -i -w '\n' -X DELETE "{base_url}/Users/$ID" -H 'Authorization: Bearer {token}'
curl -sS -i -w '\n' -X DELETE "{base_url}/Groups/$GROUP" -H 'Authorization: Bearer {token}'

Ctrl-C ends the demo.
"#
    )
}

/// Tells of each request once it is answered, until nothing more can happen.
pub(super) async fn narrate(mut events: UnboundedReceiver<Event>) {
    let mut narrator = Narrator::default();
    while let Some(event) = events.recv().await {
        if let Some(text) = narrator.take_in(event) {
            super::say(&text);
        }
    }
}

/// What is known of requests that are not over.
#[derive(Debug, Default)]
struct Narrator {
    /// The calls so far, by request id.
    open: BTreeMap<String, Vec<Made>>,
    /// The headlines of the last answers, by request id: what follows an answer belongs to it.
    answered: BTreeMap<String, String>,
}

impl Narrator {
    fn take_in(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Called(made) => {
                if let Some(headline) = self.answered.get(&made.request_id) {
                    let call = narrate::call(&made, 4, Value::to_string);
                    return Some(format!("  after the answer to {headline}:\n{call}"));
                }
                let is_request = !HOUSEKEEPING.contains(&made.request_id.as_str());
                if is_request && self.open.len() < MAX_OPEN {
                    self.open.entry(made.request_id.clone()).or_default().push(*made);
                }
                None
            }
            Event::Answered(told) => {
                let calls = self.open.remove(&told.request_id).unwrap_or_default();
                let mut lines = vec![format!("\n{}", headline(&told))];
                lines.extend(narrate::understanding(&told).into_iter().map(|line| format!("  {line}")));
                // What goes on after an answer may be done before its client has it.
                let (after, before): (Vec<Made>, Vec<Made>) =
                    calls.into_iter().partition(|made| made.after_answer);
                if before.is_empty() {
                    lines.push("  no call to Keycloak".into());
                } else {
                    lines.push("  Keycloak:".into());
                    lines.extend(before.iter().map(|made| narrate::call(made, 4, Value::to_string)));
                }
                if !after.is_empty() {
                    lines.push("  after the answer:".into());
                    lines.extend(after.iter().map(|made| narrate::call(made, 4, Value::to_string)));
                }
                if self.answered.len() >= MAX_OPEN {
                    // Ids are in the order of time.
                    self.answered.pop_first();
                }
                self.answered.insert(told.request_id.clone(), format!("{} {}", told.method, told.target));
                Some(lines.join("\n"))
            }
        }
    }
}

/// The request and its answer, on one line.
fn headline(told: &Told) -> String {
    let answer = match told.status {
        Some(status) => narrate::status_text(status),
        None => "no answer, since the client hung up".to_owned(),
    };
    let code = told.error.map(|code| format!(" [{code}]")).unwrap_or_default();
    let took = told.took.as_secs_f64() * 1000.0;
    format!("{} {} -> {answer}{code}, {took:.1} ms", told.method, told.target)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use url::Url;

    use super::*;
    use crate::keycloak::CallResult;

    fn called(request_id: &str, path: &'static str) -> Event {
        called_when(request_id, path, false)
    }

    fn called_when(request_id: &str, path: &'static str, after_answer: bool) -> Event {
        Event::Called(Box::new(Made {
            request_id: request_id.into(),
            after_answer,
            method: Method::GET,
            path,
            url: Url::parse(&format!("http://k/admin/realms/acme/{path}")).unwrap(),
            body: None,
            result: CallResult::Answered(200),
            took: Duration::from_millis(1),
        }))
    }

    fn answered(request_id: &str, status: Option<u16>, error: Option<&'static str>) -> Event {
        Event::Answered(Box::new(Told {
            request_id: request_id.into(),
            method: "GET".into(),
            target: "/Users".into(),
            status,
            error,
            dropped: Vec::new(),
            normalised: Vec::new(),
            took: Duration::from_millis(3),
        }))
    }

    #[test]
    fn what_goes_on_after_an_answer_is_told_so_also_where_it_is_quick() {
        let mut narrator = Narrator::default();
        narrator.take_in(called("1", "users"));
        narrator.take_in(called_when("1", "users/count", true));
        let told = narrator.take_in(answered("1", Some(200), None)).unwrap();
        let (before, after) = told.split_once("  after the answer:").unwrap();
        assert!(before.contains("GET users ->") && after.contains("GET users/count ->"), "{told}");
    }

    #[test]
    fn each_request_is_told_with_its_own_calls() {
        let mut narrator = Narrator::default();
        for event in [called("1", "users"), called("sweep", "roles"), called("2", "users/count")] {
            assert_eq!(narrator.take_in(event), None);
        }
        let second = narrator.take_in(answered("2", Some(200), None)).unwrap();
        assert!(second.contains("GET users/count -> 200") && !second.contains("GET users ->"), "{second}");
        let first = narrator.take_in(answered("1", Some(409), Some("user-exists"))).unwrap();
        assert!(first.starts_with("\nGET /Users -> 409 Conflict [user-exists], 3.0 ms\n"), "{first}");
        assert!(first.contains("GET users -> 200") && !first.contains("roles"), "{first}");
        let after = narrator.take_in(called_when("1", "users", true)).unwrap();
        assert!(after.starts_with("  after the answer to GET /Users:\n    GET users"), "{after}");
        let none = narrator.take_in(answered("3", None, None)).unwrap();
        assert!(none.contains("the client hung up") && none.contains("no call to Keycloak"), "{none}");
    }
}
