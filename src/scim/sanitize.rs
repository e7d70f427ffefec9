//! Takes out what must not go further: `password` first of all, and what the realm ignores or refuses.

use serde_json::{Value, json};

use super::dropped::{Dropped, Why};
use super::error::{Code, Error, ScimType};
use super::path::strip_prefix_ignore_case;
use super::resource::{Object, Policy, assigned, printable};

/// The attribute that never goes further, whatever the configuration says of it.
const PASSWORD: &str = "password";

/// Longer than any name that the configuration can list, in bytes.
const MAX_PREFIX: usize = 1024;

/// Sanitizes the body of a POST or PUT of a resource whose core schema is `core`. Returns what it dropped.
///
/// # Errors
/// 400 naming an attribute that the realm refuses; its value is dropped all the same.
pub fn resource(core: &str, body: &mut Object, policy: &Policy) -> Result<Vec<Dropped>, Error> {
    let mut sieve = Sieve { core, policy, dropped: Vec::new(), refused: None };
    sieve.object("", body);
    sieve.finish()
}

/// Sanitizes the body of a PATCH, in values with path and without. An operation of which nothing is left stays as
/// one that changes nothing, so that a PATCH of a password alone is still a PATCH.
///
/// # Errors
/// As [`resource`].
pub fn patch(core: &str, body: &mut Object, policy: &Policy) -> Result<Vec<Dropped>, Error> {
    let mut sieve = Sieve { core, policy, dropped: Vec::new(), refused: None };
    for (_, operations) in body.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("Operations")) {
        for operation in operations.as_array_mut().into_iter().flatten() {
            sieve.operation(operation);
        }
    }
    // A password beside the operations has no meaning, but it is gone too.
    drop_passwords_of(body);
    sieve.finish()
}

struct Sieve<'a> {
    core: &'a str,
    policy: &'a Policy,
    dropped: Vec<Dropped>,
    refused: Option<String>,
}

/// What becomes of a name.
enum Fate {
    Keep,
    /// Dropped, and by which of the names that are. The log holds that one: a client's own may be anything.
    Drop(Dropped),
    Refuse,
}

impl Sieve<'_> {
    fn finish(self) -> Result<Vec<Dropped>, Error> {
        match self.refused {
            None => Ok(self.dropped),
            Some(name) => Err(Error::bad(
                ScimType::InvalidValue,
                Code::RefusedAttribute,
                format!("The realm is configured to refuse the attribute {}", printable(&name)),
            )),
        }
    }

    /// The name in lower case, with colons for dots, and without the core schema's URN, which says nothing more.
    fn plain(&self, name: &str) -> String {
        let name = name.trim();
        let rest = strip_prefix_ignore_case(name, self.core).map(|rest| rest.trim_start_matches([':', '.']));
        rest.unwrap_or(name).to_ascii_lowercase().replace('.', ":")
    }

    fn fate(&self, plain: &str) -> Fate {
        let listed = |names: &[String]| names.iter().find(|name| self.plain(name) == plain).cloned();
        if listed(&self.policy.refused).is_some() {
            return Fate::Refuse;
        }
        // A password is one also where the configuration lists it.
        if is_password(plain) {
            return Fate::Drop(Dropped { name: PASSWORD.into(), why: Why::Password });
        }
        match listed(&self.policy.ignored) {
            Some(name) => Fate::Drop(Dropped { name, why: Why::Configured }),
            None => Fate::Keep,
        }
    }

    fn drop_as(&mut self, dropped: Dropped) {
        if !self.dropped.contains(&dropped) {
            self.dropped.push(dropped);
        }
    }

    /// Takes members out of an object that stands at `prefix` (empty at the top, else ending in a colon).
    fn object(&mut self, prefix: &str, object: &mut Object) {
        // No name that is listed is so long, and nothing below it is told apart by more than its end.
        let prefix = if prefix.len() > MAX_PREFIX { "…:" } else { prefix };
        let members = std::mem::take(object);
        for (key, mut value) in members {
            let plain = self.plain(&format!("{prefix}{key}"));
            match self.fate(&plain) {
                Fate::Keep => {
                    self.value(&plain, &mut value);
                    object.insert(key, value);
                }
                Fate::Drop(dropped) => self.drop_as(dropped),
                Fate::Refuse if assigned(value).is_some() => {
                    self.refused.get_or_insert(key);
                }
                Fate::Refuse => {}
            }
        }
    }

    /// Looks into the value of the attribute (or at the schema URN) `plain`; an empty one is the core schema's.
    fn value(&mut self, plain: &str, value: &mut Value) {
        match value {
            Value::Object(members) if plain.is_empty() => self.object("", members),
            Value::Object(members) => self.object(&format!("{plain}:"), members),
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.value(plain, element)),
            _ => {}
        }
    }

    fn operation(&mut self, operation: &mut Value) {
        let Value::Object(members) = operation else {
            return;
        };
        let path = members
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("path"))
            .and_then(|(_, path)| path.as_str())
            .map(|path| {
                let name = path.split('[').next().unwrap_or(path);
                let sub = path.rsplit_once("].").map(|(_, sub)| format!(".{sub}")).unwrap_or_default();
                self.plain(&format!("{name}{sub}"))
            })
            .unwrap_or_default();
        // `name.givenName` is ignored where `name` is.
        let parents = path.match_indices(':').map(|(at, _)| path.get(..at).unwrap_or_default().to_owned());
        for name in parents.chain([path.clone()]).collect::<Vec<_>>() {
            match self.fate(&name) {
                Fate::Keep => {}
                Fate::Refuse => {
                    self.refused.get_or_insert(name);
                    return *operation = nothing();
                }
                Fate::Drop(dropped) => {
                    self.drop_as(dropped);
                    return *operation = nothing();
                }
            }
        }
        for (key, value) in members.iter_mut() {
            if key.eq_ignore_ascii_case("value") {
                self.value(&path, value);
            } else {
                drop_passwords(value);
            }
        }
        drop_passwords_of(members);
    }
}

/// An operation that changes nothing.
fn nothing() -> Value {
    json!({ "op": "replace", "value": {} })
}

/// `password` itself, or as the last part of a qualified name.
fn is_password(plain: &str) -> bool {
    plain.rsplit([':', '.']).next().is_some_and(|last| last.trim() == PASSWORD)
}

fn drop_passwords(value: &mut Value) {
    match value {
        Value::Object(members) => drop_passwords_of(members),
        Value::Array(elements) => elements.iter_mut().for_each(drop_passwords),
        _ => {}
    }
}

fn drop_passwords_of(members: &mut Object) {
    members.retain(|key, _| !is_password(&key.to_ascii_lowercase()));
    members.iter_mut().for_each(|(_, value)| drop_passwords(value));
}

#[cfg(test)]
mod tests {
    use super::super::user::USER_URN;
    use super::*;

    fn policy() -> Policy {
        Policy {
            ignored: vec!["Title".into(), "name.middleName".into()],
            refused: vec!["photos".into()],
            refuse_unknown: false,
        }
    }

    fn sent(mut body: Value) -> Result<Value, Error> {
        resource(USER_URN, body.as_object_mut().unwrap(), &policy())?;
        Ok(body)
    }

    fn patched(operations: Value) -> Result<Value, Error> {
        let mut body = json!({ "Operations": operations });
        patch(USER_URN, body.as_object_mut().unwrap(), &policy())?;
        Ok(body["Operations"].take())
    }

    #[test]
    fn a_password_is_dropped_wherever_it_stands() {
        for body in [
            json!({"password": "t0p"}),
            json!({"PassWord": "t0p"}),
            json!({format!("{USER_URN}:password"): "t0p"}),
            json!({USER_URN: {"password": "t0p"}}),
            json!({"urn:example:2.0:User": {"Password": "t0p"}}),
            json!({"name": {"password": "t0p"}}),
            json!({"emails": [{"password": {"value": "t0p"}}]}),
        ] {
            assert!(!sent(body.clone()).unwrap().to_string().contains("t0p"), "{body}");
        }
        for operations in [
            json!([{"op": "replace", "path": "password", "value": "t0p"}]),
            json!([{"OP": "Add", "PATH": "Password", "VALUE": "t0p"}]),
            json!([{"op": "replace", "path": format!("{USER_URN}:password"), "value": "t0p"}]),
            json!([{"op": "replace", "value": {"password": "t0p"}}]),
            json!([{"op": "replace", "value": {format!("{USER_URN}:password"): "t0p"}}]),
            json!([{"op": "replace", "path": USER_URN, "value": {"password": "t0p"}}]),
            json!([{"op": "replace", "path": "password[value eq \"t0p\"]", "value": "t0p"}]),
            json!([{"op": "replace", "path": "name", "value": {"password": "t0p"}}]),
            json!([{"op": "replace", "password": "t0p", "path": "title", "value": 1}]),
        ] {
            assert!(!patched(operations.clone()).unwrap().to_string().contains("t0p"), "{operations}");
        }
    }

    #[test]
    fn a_patch_of_the_password_alone_changes_nothing_but_stays_a_patch() {
        let operations = patched(json!([{"op": "replace", "path": "password", "value": "x"}])).unwrap();
        assert_eq!(operations, json!([{"op": "replace", "value": {}}]));
    }

    #[test]
    fn what_the_realm_ignores_goes_and_the_rest_stays() {
        let body = json!({"userName": "b", "TITLE": "x", "name": {"middleName": "M", "givenName": "G"}});
        assert_eq!(sent(body).unwrap(), json!({"userName": "b", "name": {"givenName": "G"}}));
        let operations = json!([{"op": "add", "path": "name.middleName", "value": "M"},
            {"op": "add", "path": "name", "value": {"middleName": "M", "givenName": "G"}}]);
        assert_eq!(
            patched(operations).unwrap(),
            json!([{"op": "replace", "value": {}}, {"op": "add", "path": "name", "value": {"givenName": "G"}}])
        );
    }

    #[test]
    fn an_attribute_of_an_extension_can_be_ignored() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let policy = Policy { ignored: vec![format!("{urn}:department")], ..Policy::default() };
        let mut body =
            json!({urn: {"Department": "Sales", "division": "W"}, format!("{urn}:department"): "Sales"});
        resource(USER_URN, body.as_object_mut().unwrap(), &policy).unwrap();
        assert_eq!(body, json!({urn: {"division": "W"}}));
    }

    #[test]
    fn what_was_dropped_is_told_once_by_a_name_that_is_not_the_clients() {
        let mut body = json!({"jane.doe@example.com:password": 1, "PASSWORD": 2, "TITLE": 3, "name": {"middleName": "x"}});
        let dropped = resource(USER_URN, body.as_object_mut().unwrap(), &policy()).unwrap();
        let told: Vec<_> = dropped.iter().map(|dropped| (dropped.name.as_str(), dropped.why)).collect();
        assert_eq!(
            told,
            [("password", Why::Password), ("Title", Why::Configured), ("name.middleName", Why::Configured)]
        );
    }

    #[test]
    fn what_the_realm_refuses_is_an_error_that_names_it() {
        assert_eq!(sent(json!({"photos": [{"value": "x"}]})).unwrap_err().code, Code::RefusedAttribute);
        assert_eq!(sent(json!({"Photos": []})).unwrap(), json!({}));
        let operations = json!([{"op": "add", "path": "photos[type eq \"photo\"].value", "value": "x"}]);
        assert!(patched(operations).unwrap_err().detail.contains("photos"));
        assert!(patched(json!([{"op": "add", "value": {"photos": [{"value": "x"}]}}])).is_err());
    }
}
