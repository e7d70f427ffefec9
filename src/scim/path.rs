//! Attribute paths (RFC 7644 section 3.10), resolved against a resource type while they are read.

use std::sync::Arc;

use super::schema::{Attribute, ResourceType, Schema};

/// What a path in attribute notation names.
#[derive(Debug, Clone, Copy)]
pub enum AttrPath<'a> {
    /// An attribute, perhaps of an extension, perhaps one of its sub-attributes.
    Attribute {
        /// The extension that holds it; none for core and common attributes.
        extension: Option<&'a Arc<Schema>>,
        /// The attribute.
        attribute: &'a Arc<Attribute>,
        /// The sub-attribute, where the path goes that deep.
        sub: Option<&'a Arc<Attribute>>,
    },
    /// All of an extension: its URN alone.
    Extension(&'a Arc<Schema>),
    /// All of the core schema: its URN alone.
    Core,
}

/// Why a path names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// It is not in attribute notation.
    Malformed,
    /// No served schema has such an attribute.
    Unknown,
}

impl<'a> AttrPath<'a> {
    /// Reads `attr`, `attr.sub`, `URN`, `URN:attr` and `URN:attr.sub`, in any letter case.
    ///
    /// A URN holds dots and colons itself, so it is recognised by the schemas served, never by splitting. After it a
    /// dot does as well as a colon, because Entra ID sends `urn:…:User.manager`. An unqualified name that only an
    /// extension has is found there: Entra ID sends `manager` and `department` so.
    ///
    /// # Errors
    /// [`PathError`], where the text names nothing.
    pub fn resolve(resource_type: &'a ResourceType, text: &str) -> Result<Self, PathError> {
        let named = resource_type.schemas().filter_map(|schema| {
            let rest = strip_prefix_ignore_case(text, &schema.id)?;
            (rest.is_empty() || rest.starts_with([':', '.'])).then_some((schema, rest))
        });
        // One schema's URN may begin with another's: the longer one is meant.
        if let Some((schema, rest)) = named.max_by_key(|(schema, _)| schema.id.len()) {
            let extension = (schema.id != resource_type.core.id).then_some(schema);
            let Some(name) = rest.strip_prefix([':', '.']) else {
                return Ok(extension.map_or(Self::Core, Self::Extension));
            };
            return Self::within(name, extension, |name| match extension {
                Some(schema) => schema.attribute(name),
                None => resource_type.attribute(name),
            });
        }
        if strip_prefix_ignore_case(text, "urn:").is_some() {
            return Err(PathError::Unknown);
        }
        let first = text.split('.').next().unwrap_or(text);
        let extension = match resource_type.attribute(first) {
            Some(_) => None,
            None => resource_type.schemas().find(|schema| schema.attribute(first).is_some()),
        };
        Self::within(text, extension, |name| match extension {
            Some(schema) => schema.attribute(name),
            None => resource_type.attribute(name),
        })
    }

    fn within(
        text: &str,
        extension: Option<&'a Arc<Schema>>,
        find: impl Fn(&str) -> Option<&'a Arc<Attribute>>,
    ) -> Result<Self, PathError> {
        let (name, sub_name) = match text.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (text, None),
        };
        if !is_name(name) || sub_name.is_some_and(|sub| !is_name(sub)) {
            return Err(PathError::Malformed);
        }
        let attribute = find(name).ok_or(PathError::Unknown)?;
        let sub = match sub_name {
            Some(sub) => Some(attribute.sub(sub).ok_or(PathError::Unknown)?),
            None => None,
        };
        Ok(Self::Attribute { extension, attribute, sub })
    }
}

/// ATTRNAME of RFC 7643 section 2.1, and `$ref`.
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// What follows `prefix` in `text`, compared without letter case.
pub fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::schema::Extension;
    use super::super::user::{ENTERPRISE_URN, user, user_with};
    use super::*;

    fn shown(text: &str) -> Result<String, PathError> {
        AttrPath::resolve(user(), text).map(|path| match path {
            AttrPath::Attribute { extension, attribute, sub } => format!(
                "{}{}{}",
                extension.map(|schema| format!("{}:", schema.name)).unwrap_or_default(),
                attribute.name,
                sub.map(|sub| format!(".{}", sub.name)).unwrap_or_default()
            ),
            AttrPath::Extension(schema) => schema.name.to_string(),
            AttrPath::Core => "User".into(),
        })
    }

    #[test]
    fn names_are_read_in_any_letter_case() {
        assert_eq!(shown("USERNAME").unwrap(), "userName");
        assert_eq!(shown("Name.GivenName").unwrap(), "name.givenName");
        assert_eq!(shown("urn:ietf:params:scim:schemas:core:2.0:user:emails.value").unwrap(), "emails.value");
        assert_eq!(
            shown(&format!("{ENTERPRISE_URN}:Manager.value")).unwrap(),
            "EnterpriseUser:manager.value"
        );
        assert_eq!(shown(&ENTERPRISE_URN.to_uppercase()).unwrap(), "EnterpriseUser");
        assert_eq!(shown("urn:ietf:params:scim:schemas:core:2.0:User").unwrap(), "User");
        assert_eq!(shown("manager.$ref").unwrap(), "EnterpriseUser:manager.$ref");
        assert_eq!(shown("meta.lastModified").unwrap(), "meta.lastModified");
    }

    #[test]
    fn entra_writes_a_dot_after_the_urn() {
        assert_eq!(shown(&format!("{ENTERPRISE_URN}.manager")).unwrap(), "EnterpriseUser:manager");
    }

    #[test]
    fn a_urn_that_begins_with_another_is_its_own() {
        let extension = |id: &str, name| Extension {
            schema: Arc::new(Schema::new(id, "Badge", "", vec![Attribute::string(name, "")])),
            required: false,
        };
        let badges = user_with(vec![
            extension("urn:example:badge", "colour"),
            extension("urn:example:badge:v2", "size"),
        ]);
        let found = |text| {
            AttrPath::resolve(&badges, text).map(|path| match path {
                AttrPath::Attribute { attribute, .. } => attribute.name.to_string(),
                AttrPath::Extension(schema) => schema.id.to_string(),
                AttrPath::Core => String::new(),
            })
        };
        assert_eq!(found("urn:example:badge:v2").unwrap(), "urn:example:badge:v2");
        assert_eq!(found("urn:example:badge:v2:size").unwrap(), "size");
        assert_eq!(found("URN:example:Badge:Colour").unwrap(), "colour");
        assert_eq!(found("urn:example:badge:size").unwrap_err(), PathError::Unknown);
        assert_eq!(found("size").unwrap(), "size");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        assert_eq!(shown("nope").unwrap_err(), PathError::Unknown);
        assert_eq!(shown("name.nope").unwrap_err(), PathError::Unknown);
        assert_eq!(shown("urn:example:2.0:User:title").unwrap_err(), PathError::Unknown);
        assert_eq!(shown(&format!("{ENTERPRISE_URN}s:manager")).unwrap_err(), PathError::Unknown);
        for malformed in ["", ".", "name.", ".name", "na me", "name..x", "1a", "emails[", "a.b.c"] {
            assert_eq!(shown(malformed).unwrap_err(), PathError::Malformed, "{malformed:?}");
        }
    }
}
