//! What making a body plain has changed in it, for whoever looks on.

use serde_json::Value;

use crate::scim::Object;

/// A value that was made plain.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// Where it stands, as in `Operations[0].value.active`.
    pub path: String,
    /// As it was sent.
    pub sent: Value,
    /// As it is understood.
    pub plain: Value,
}

/// The differences between a body as it was sent and as it was made plain, the smallest that tell all.
#[must_use]
pub fn changes(sent: &Object, plain: &Object) -> Vec<Normalised> {
    let mut found = Vec::new();
    members("", sent, plain, &mut found);
    found
}

fn members(path: &str, sent: &Object, plain: &Object, found: &mut Vec<Normalised>) {
    for (key, value) in sent {
        // Making a body plain takes no member away and adds none.
        if let Some(now) = plain.get(key) {
            let dot = if path.is_empty() { "" } else { "." };
            compare(&format!("{path}{dot}{key}"), value, now, found);
        }
    }
}

fn compare(path: &str, sent: &Value, plain: &Value, found: &mut Vec<Normalised>) {
    match (sent, plain) {
        (sent, plain) if sent == plain => {}
        (Value::Object(sent), Value::Object(plain)) if sent.keys().eq(plain.keys()) => {
            members(path, sent, plain, found);
        }
        (Value::Array(sent), Value::Array(plain)) if sent.len() == plain.len() => {
            for (index, (sent, plain)) in sent.iter().zip(plain).enumerate() {
                compare(&format!("{path}[{index}]"), sent, plain, found);
            }
        }
        (sent, plain) => {
            found.push(Normalised { path: path.to_owned(), sent: sent.clone(), plain: plain.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::patch;
    use super::*;
    use crate::scim::user::user;

    #[test]
    fn only_what_was_made_plain_is_told() {
        let sent = json!({"Operations": [
            {"op": "Replace", "path": "title", "value": "True"},
            {"op": "Replace", "value": {"active": "False", "nickName": "B"}},
            {"op": "Add", "path": "manager", "value": [{"value": "28"}]},
        ]});
        let sent = sent.as_object().unwrap();
        let mut plain = sent.clone();
        patch(user(), &mut plain);
        let told: Vec<_> = changes(sent, &plain).into_iter().map(|n| (n.path, n.sent, n.plain)).collect();
        assert_eq!(
            told,
            [
                ("Operations[1].value.active".into(), json!("False"), json!(false)),
                ("Operations[2].value".into(), json!([{"value": "28"}]), json!({"value": "28"})),
            ]
        );
        assert_eq!(changes(&plain, &plain), []);
    }
}
