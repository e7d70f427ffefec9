//! The tables of a schema as they are written, in which every key may be absent.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::config::attributes::Target;
use crate::config::scalar::{Line, List, Value};
use crate::scim::schema::{Mutability, Returned, Type};

use super::values::{SimpleType, Unique, Words};

/// `[realms.NAME.schemas.URN]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct SchemaLayer {
    pub(super) name: Value<Line>,
    pub(super) description: Value<Words>,
    pub(super) required: Value<bool>,
    #[serde(default)]
    pub(super) attributes: BTreeMap<Spanned<String>, AttributeLayer>,
}

/// `[realms.NAME.schemas.URN.attributes.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct AttributeLayer {
    pub(super) r#type: Value<Type>,
    pub(super) multi_valued: Value<bool>,
    pub(super) required: Value<bool>,
    pub(super) case_exact: Value<bool>,
    pub(super) mutability: Value<Mutability>,
    pub(super) returned: Value<Returned>,
    pub(super) uniqueness: Value<Unique>,
    pub(super) description: Value<Words>,
    pub(super) canonical_values: List<Line>,
    pub(super) reference_types: List<Line>,
    pub(super) keycloak_attribute: Value<Target>,
    #[serde(default)]
    pub(super) sub_attributes: BTreeMap<Spanned<String>, SubAttributeLayer>,
}

/// `[realms.NAME.schemas.URN.attributes.NAME.sub_attributes.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct SubAttributeLayer {
    pub(super) r#type: Value<SimpleType>,
    pub(super) required: Value<bool>,
    pub(super) case_exact: Value<bool>,
    pub(super) description: Value<Words>,
    pub(super) canonical_values: List<Line>,
    pub(super) reference_types: List<Line>,
    pub(super) keycloak_attribute: Value<Target>,
}

/// Why a sub-attribute has no such key, where an attribute has it.
pub(in crate::config) fn attributes_alone(path: &[String]) -> Option<&'static str> {
    let [.., attributes, _, sub_attributes, _, key] = path else { return None };
    if attributes != "attributes" || sub_attributes != "sub_attributes" {
        return None;
    }
    match key.as_str() {
        "multi_valued" => Some("a sub-attribute has one value; expected multi_valued at its attribute"),
        "mutability" => {
            Some("a sub-attribute has the mutability of its attribute; expected mutability there")
        }
        "returned" => Some("a sub-attribute is returned with its attribute; expected returned there"),
        "uniqueness" => {
            Some("a sub-attribute can't be unique; expected uniqueness at an attribute that is not complex")
        }
        "sub_attributes" => Some("a sub-attribute is never complex, so that it has no sub_attributes itself"),
        _ => None,
    }
}
