//! What the user profile's validators say of a user's values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::profile::{Declared, Profile};

/// The message about a value that is missing.
pub(super) const REQUIRED: &str = "error-user-attribute-required";

/// The longest value of an attribute that the profile does not declare, in characters.
const UNDECLARED_MAX: u64 = 2048;

/// The longest part of an e-mail address before the `@`, and the longest label after it, in characters (RFC 5321, RFC 1035).
const EMAIL_PART_MAX: usize = 64;
const LABEL_MAX: usize = 63;

/// The validators that exist here.
pub(super) const KNOWN: [&str; 5] = [
    "length",
    "email",
    "username-prohibited-characters",
    "up-username-not-idn-homograph",
    "person-name-prohibited-characters",
];

/// One refused attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub field: String,
    message: &'static str,
    /// After the field's name.
    params: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(field: &str, message: &'static str) -> Self {
        Self { field: field.to_owned(), message, params: Vec::new() }
    }

    /// Does it say that this attribute is missing?
    pub(super) fn is_missing(&self, field: &str) -> bool {
        self.field == field && self.message == REQUIRED
    }

    fn body(&self) -> Value {
        let mut params = vec![json!(self.field)];
        params.extend(self.params.iter().cloned());
        json!({ "field": self.field, "errorMessage": self.message, "params": params })
    }
}

/// The answer that refuses; none where there is nothing to refuse.
pub(super) fn answer(refusals: &[Refusal]) -> Option<Answer> {
    let body = match refusals {
        [] => return None,
        [one] => one.body(),
        several => json!({ "errors": several.iter().map(Refusal::body).collect::<Vec<_>>() }),
    };
    Some(Answer { status: 400, location: None, body: Some(body) })
}

/// Judges all values; none of them is blank. Usernames that are made from e-mail addresses may hold what those may hold.
pub(super) fn judge(
    profile: &Profile,
    values: &BTreeMap<String, Vec<String>>,
    email_as_username: bool,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for declared in &profile.attributes {
        let values = values.get(&declared.name).map(Vec::as_slice).unwrap_or_default();
        if values.is_empty() && declared.is_required() {
            refusals.push(Refusal::new(&declared.name, REQUIRED));
        }
        if values.len() > 1 && !declared.multivalued {
            let params = vec![json!(0), json!(1)];
            refusals
                .push(Refusal { params, ..Refusal::new(&declared.name, "error-invalid-multivalued-size") });
        }
        refusals.extend(by_validators(declared, values, email_as_username));
    }
    if profile.judges_undeclared() {
        for (name, values) in values.iter().filter(|(name, _)| profile.attribute(name).is_none()) {
            refusals.extend(length(name, values, Some(0), Some(UNDECLARED_MAX)));
        }
    }
    refusals
}

fn by_validators<'a>(
    declared: &'a Declared,
    values: &'a [String],
    email_as_username: bool,
) -> impl Iterator<Item = Refusal> + 'a {
    let name = &declared.name;
    let unless = move |message: &'static str, fits: fn(&str) -> bool| {
        values.iter().any(|value| !fits(value)).then(|| Refusal::new(name, message))
    };
    declared.validations.iter().flatten().filter_map(move |(validator, config)| match validator.as_str() {
        "length" => {
            let config = config.as_object();
            length(name, values, limit(config, "min"), limit(config, "max"))
        }
        // The one validator whose message repeats the value.
        "email" => values
            .iter()
            .find(|value| !is_email(value))
            .map(|value| Refusal { params: vec![json!(value)], ..Refusal::new(name, "error-invalid-email") }),
        "username-prohibited-characters" if email_as_username => None,
        "username-prohibited-characters" => unless("error-username-invalid-character", is_username),
        "up-username-not-idn-homograph" => {
            unless("error-username-invalid-character", |value| value.chars().all(is_latin_or_common))
        }
        "person-name-prohibited-characters" => unless("error-person-name-invalid-character", is_person_name),
        _ => None,
    })
}

/// The console writes limits as texts.
fn limit(config: Option<&Map<String, Value>>, name: &str) -> Option<u64> {
    match config?.get(name)? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// Counts as Java does, in units of UTF-16, without blanks at either end.
fn length(name: &str, values: &[String], min: Option<u64>, max: Option<u64>) -> Option<Refusal> {
    let fits = |value: &String| {
        let length = value.trim().encode_utf16().count() as u64;
        min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max)
    };
    if values.iter().all(fits) {
        return None;
    }
    let message = match (min, max) {
        (Some(_), None) => "error-invalid-length-too-short",
        (None, Some(_)) => "error-invalid-length-too-long",
        _ => "error-invalid-length",
    };
    Some(Refusal { params: vec![json!(min), json!(max)], ..Refusal::new(name, message) })
}

fn is_username(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_ascii_control()
            || c.is_whitespace()
            || matches!(
                c,
                '<' | '>'
                    | '&'
                    | '"'
                    | '\''
                    | '$'
                    | '%'
                    | '!'
                    | '#'
                    | '?'
                    | '§'
                    | ','
                    | ';'
                    | ':'
                    | '*'
                    | '~'
                    | '/'
            )
            || matches!(c, '\\' | '|' | '^' | '=' | '[' | ']' | '{' | '}' | '(' | ')' | '`')
    })
}

fn is_person_name(text: &str) -> bool {
    !text.chars().any(|c| {
        c.is_ascii_control()
            || matches!(c, '<' | '>' | '&' | '"' | '$' | '%' | '!' | '#' | '?' | '§' | ';' | '*' | '~' | '/')
            || matches!(c, '\\' | '|' | '^' | '=' | '[' | ']' | '{' | '}' | '(' | ')')
    })
}

/// Letters of other scripts are refused, because they may look like Latin ones; so are combining marks.
fn is_latin_or_common(c: char) -> bool {
    let is_combining = ('\u{300}'..='\u{36f}').contains(&c);
    let is_latin = matches!(c, '\0'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}');
    is_latin || !(c.is_alphabetic() || is_combining)
}

/// A dot-atom before the `@`, labels of letters, digits and hyphens after it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_atom = |c: char| {
        c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c) || (!c.is_ascii() && !c.is_control())
    };
    let is_label = |label: &str| {
        (1..=LABEL_MAX).contains(&label.chars().count())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    local.chars().count() <= EMAIL_PART_MAX
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
        && domain.split('.').all(is_label)
}
