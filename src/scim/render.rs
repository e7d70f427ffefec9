//! A resource as a client reads it: `schemas`, `id`, its attributes and `meta` (RFC 7643 section 3).

use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::date_time;
use super::resource::{Object, Resource};
use super::schema::{Attribute, ResourceType};

/// What the server knows of a resource besides its attributes.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The server's id.
    pub id: String,
    /// When the resource was created; none where nobody knows.
    pub created: Option<OffsetDateTime>,
    /// When it was last changed; likewise.
    pub last_modified: Option<OffsetDateTime>,
    /// What moves the version besides all that is shown.
    pub revision: Option<String>,
}

/// Renders the resource. `base` is the client-visible base URL without trailing slash.
///
/// `meta.version` is a hash of all the rest, so it moves with every change that a client could see, also with one
/// that somebody made in Keycloak.
pub fn render(resource_type: &ResourceType, resource: &Resource, meta: &Meta, base: &str) -> Value {
    let attributes = resource.as_object();
    let mut rendered = Object::new();
    rendered.insert("schemas".into(), Value::Null);
    rendered.insert("id".into(), meta.id.clone().into());
    // In the schemas' order, whatever the order in which they were set: the version must not hang on that.
    rendered.extend(shown(&resource_type.common, attributes));
    rendered.extend(shown(&resource_type.core.attributes, attributes));
    let mut schemas = vec![Value::from(&*resource_type.core.id)];
    for schema in resource_type.extensions.iter().map(|extension| &extension.schema) {
        let Some(Value::Object(members)) = attributes.get(&*schema.id) else { continue };
        let members: Object = shown(&schema.attributes, members).collect();
        if !members.is_empty() {
            schemas.push(Value::from(&*schema.id));
            rendered.insert(schema.id.to_string(), Value::Object(members));
        }
    }
    rendered.insert("schemas".into(), Value::Array(schemas));
    let mut described = json!({ "resourceType": resource_type.name });
    let instants = [("created", meta.created), ("lastModified", meta.last_modified)];
    for (name, instant) in instants {
        if let (Some(instant), Some(described)) = (instant, described.as_object_mut()) {
            described.insert(name.into(), date_time::write(instant).into());
        }
    }
    let version = version(&rendered, &described, meta.revision.as_deref());
    if let Some(described) = described.as_object_mut() {
        described.insert("location".into(), format!("{base}{}/{}", resource_type.endpoint, meta.id).into());
        described.insert("version".into(), version.into());
    }
    rendered.insert("meta".into(), described);
    Value::Object(rendered)
}

/// The assigned attributes that a client may ever see, in the schema's order.
fn shown(attributes: &[Arc<Attribute>], values: &Object) -> impl Iterator<Item = (String, Value)> {
    attributes.iter().filter(|attribute| !attribute.is_secret()).filter_map(|attribute| {
        let mut value = values.get(&*attribute.name)?.clone();
        for secret in attribute.sub_attributes.iter().filter(|sub| sub.is_secret()) {
            hide(&mut value, &secret.name);
        }
        Some((attribute.name.to_string(), value))
    })
}

fn hide(value: &mut Value, name: &str) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| hide(element, name)),
        value => {
            value.as_object_mut().map(|members| members.shift_remove(name));
        }
    }
}

/// The weak entity tag of a resource (RFC 7644 section 3.14).
fn version(rendered: &Object, described: &Value, revision: Option<&str>) -> String {
    let mut sorted = match revision {
        None => json!([rendered, described]),
        Some(revision) => json!([rendered, described, revision]),
    };
    sorted.sort_all_objects();
    let hash = digest::digest(&digest::SHA256, sorted.to_string().as_bytes());
    let hex: String = hash.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hex}\"")
}

/// Does an `If-Match` or `If-None-Match` header name this version? Weak comparison; `*` names any.
pub fn names_version(header: &str, version: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.trim() == "*" || header.split(',').any(|tag| strong(tag) == strong(version))
}

#[cfg(test)]
mod tests {
    use super::super::resource::Policy;
    use super::super::user::user;
    use super::*;

    fn rendered(body: &Value, seconds: i64) -> Value {
        let resource = Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap();
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let (created, last_modified) = (Some(at(0)), Some(at(seconds)));
        let meta = Meta { id: "1".into(), created, last_modified, revision: None };
        render(user(), &resource, &meta, "https://scim.example.com/realms/acme/scim/v2")
    }

    #[test]
    fn location_dates_and_schemas_are_there() {
        let value = rendered(&json!({"userName": "b", "department": "Sales"}), 1);
        assert_eq!(value["meta"]["location"], "https://scim.example.com/realms/acme/scim/v2/Users/1");
        assert_eq!(value["meta"]["created"], "1970-01-01T00:00:00.000Z");
        assert_eq!(value["schemas"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn the_version_moves_with_the_content_and_not_with_its_order() {
        let version = |body: Value, seconds| rendered(&body, seconds)["meta"]["version"].clone();
        let one =
            version(json!({"userName": "b", "title": "t", "name": {"givenName": "g", "familyName": "f"}}), 1);
        assert_eq!(
            one,
            version(json!({"name": {"familyName": "f", "givenName": "g"}, "title": "t", "userName": "b"}), 1)
        );
        assert_ne!(one, version(json!({"userName": "b", "title": "u"}), 1));
        assert_ne!(one, version(json!({"userName": "b", "title": "t"}), 2));
    }

    #[test]
    fn entity_tags_are_compared_weakly() {
        assert!(
            names_version("W/\"a\"", "W/\"a\"")
                && names_version("\"a\"", "W/\"a\"")
                && names_version("*", "x")
        );
        assert!(names_version("\"b\", W/\"a\"", "W/\"a\"") && !names_version("\"b\"", "W/\"a\""));
    }
}
