//! The JSON Schema of the file, for editors: made of the table of keys.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::keys::{FILE, Key, Kind, Place, Text, Without};

/// The dialect of the schema.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The JSON Schema (2020-12) of a configuration file.
pub fn json_schema() -> Value {
    let mut schema = table(FILE, None);
    let head = json!({
        "$schema": DIALECT,
        "title": "The configuration of scimgate",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        let rest = std::mem::replace(schema, head);
        schema.extend(rest);
    }
    schema
}

/// A table with these keys, as far as they may stand at `place`.
fn table(keys: &[Key], place: Option<Place>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut other = Vec::new();
    for key in keys.iter().filter(|key| place.is_none_or(|place| place.takes(key.levels))) {
        let at = match key.name {
            "defaults" => Some(Place::Defaults),
            "realms" => Some(Place::Realm),
            _ => place,
        };
        let mut schema = kind(&key.kind, at);
        if schema.get("properties").and_then(Value::as_object).is_some_and(Map::is_empty) {
            continue;
        }
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), describe(key).into());
            if let Without::Value(text) = key.without
                && let Some(value) = DeValue::parse(text).ok().and_then(|value| plain(value.get_ref()))
            {
                schema.insert("default".to_owned(), value);
            }
        }
        properties.insert(key.name.to_owned(), schema);
        // What a tenant needs may come from a layer below.
        if matches!(key.without, Without::Required) && (place.is_none() || !is_tenants(key)) {
            required.push(key.name);
        }
        other.push(key.name);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Whether a key that is required belongs to a tenant, which may take it from a layer below.
fn is_tenants(key: &Key) -> bool {
    matches!(key.name, "keycloak" | "url")
}

fn describe(key: &Key) -> String {
    match key.without {
        Without::Value(_) => key.about.to_owned(),
        Without::Else(words) => format!("{} Default: {words}.", key.about),
        Without::Required => format!("{} Required.", key.about),
    }
}

fn kind(kind: &Kind, place: Option<Place>) -> Value {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Text(text) => self::text(*text),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        // Editors show TOML's dates as text.
        Kind::Instant => json!({ "type": "string", "format": "date-time" }),
        Kind::List(element) => json!({ "type": "array", "items": self::kind(element, place) }),
        Kind::Table(keys) => table(keys, place),
        Kind::Names(name, value) => names(*name, self::kind(value, place)),
        Kind::Organizations(name) => names(*name, table(super::keys::TENANT, Some(Place::Organization))),
        Kind::TextOrTable(text, keys) => json!({ "anyOf": [self::text(*text), table(keys, None)] }),
    }
}

fn text(text: Text) -> Value {
    match text.pattern {
        "" => json!({ "type": "string" }),
        pattern => json!({ "type": "string", "pattern": pattern }),
    }
}

fn names(name: Text, value: Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": name.pattern },
        "additionalProperties": value,
    })
}

/// A value of TOML in JSON; none where JSON has no such thing.
pub(super) fn plain(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok()?.into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(list) => {
            list.iter().map(|element| plain(element.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Table(table) => {
            let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                let key: &std::borrow::Cow<'_, str> = key.get_ref();
                Some((key.to_string(), plain(value.get_ref())?))
            };
            table.iter().map(entry).collect::<Option<Map<_, _>>>()?.into()
        }
    })
}
