//! Schemas and their attributes (RFC 7643 sections 2 and 7): what discovery declares and everything else obeys.

use serde_json::{Map, Value, json};

/// The data types of RFC 7643 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A string.
    String,
    /// true or false.
    Boolean,
    /// An integer.
    Integer,
    /// An xsd:dateTime.
    DateTime,
    /// Base64.
    Binary,
    /// A URI.
    Reference,
    /// An object with sub-attributes.
    Complex,
}

impl Type {
    fn keyword(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Set by the server alone.
    ReadOnly,
    /// Set and read by clients.
    ReadWrite,
}

/// When an attribute is part of an answer (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// In every answer, whatever was asked for.
    Always,
    /// Unless excluded or left out of `attributes`.
    Default,
}

/// One attribute of a schema, or one sub-attribute of a complex attribute.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name in its canonical case.
    pub name: &'static str,
    /// The data type.
    pub kind: Type,
    /// An array of values?
    pub multi_valued: bool,
    /// Must a resource have it?
    pub required: bool,
    /// Are strings compared case by case?
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is answered.
    pub returned: Returned,
    /// Is a value held by one resource at most (`uniqueness: server`)?
    pub unique: bool,
    /// Values that clients are advised to use.
    pub canonical_values: &'static [&'static str],
    /// What a reference points to.
    pub reference_types: &'static [&'static str],
    /// What it is, for people.
    pub description: &'static str,
    /// The sub-attributes of a complex attribute.
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// An optional, readWrite, case-insensitive attribute of one value.
    pub fn new(name: &'static str, kind: Type, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            multi_valued: false,
            required: false,
            case_exact: matches!(kind, Type::Binary | Type::Reference),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            canonical_values: &[],
            reference_types: &[],
            sub_attributes: Vec::new(),
        }
    }

    /// A string attribute.
    pub fn string(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Type::String, description)
    }

    /// A complex attribute.
    pub fn complex(name: &'static str, description: &'static str, sub_attributes: Vec<Self>) -> Self {
        Self { sub_attributes, ..Self::new(name, Type::Complex, description) }
    }

    /// The same attribute with several values.
    pub fn many(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    /// The same attribute, compared case by case.
    pub fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    /// The same attribute, set by the server alone.
    pub fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    /// The sub-attribute of that name, in any letter case.
    pub fn sub(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// The representation of RFC 7643 section 7.
    fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("name".into(), self.name.into());
        map.insert("type".into(), self.kind.keyword().into());
        map.insert("multiValued".into(), self.multi_valued.into());
        map.insert("description".into(), self.description.into());
        map.insert("required".into(), self.required.into());
        if self.kind == Type::Complex {
            map.insert("subAttributes".into(), self.sub_attributes.iter().map(Self::to_json).collect());
        } else {
            map.insert("caseExact".into(), self.case_exact.into());
        }
        if !self.canonical_values.is_empty() {
            map.insert("canonicalValues".into(), self.canonical_values.into());
        }
        if !self.reference_types.is_empty() {
            map.insert("referenceTypes".into(), self.reference_types.into());
        }
        let mutability = match self.mutability {
            Mutability::ReadOnly => "readOnly",
            Mutability::ReadWrite => "readWrite",
        };
        map.insert("mutability".into(), mutability.into());
        let returned = match self.returned {
            Returned::Always => "always",
            Returned::Default => "default",
        };
        map.insert("returned".into(), returned.into());
        map.insert("uniqueness".into(), if self.unique { "server" } else { "none" }.into());
        Value::Object(map)
    }
}

/// A schema: a URN and its attributes.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The URN that names it.
    pub id: &'static str,
    /// Its short name.
    pub name: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// The attributes.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute of that name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The `/Schemas` representation (RFC 7643 section 7). `base` is the client-visible base URL.
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": self.attributes.iter().map(Attribute::to_json).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id) },
        })
    }
}

/// A resource type (RFC 7643 section 6): an endpoint, its schema and its extensions.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// Id and name.
    pub name: &'static str,
    /// The endpoint below the base URL, with its slash.
    pub endpoint: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// The core schema.
    pub core: Schema,
    /// Extensions; none is required.
    pub extensions: Vec<Schema>,
    /// The attributes that every resource has and no schema lists (RFC 7643 section 3.1).
    pub common: Vec<Attribute>,
}

impl ResourceType {
    /// The core schema and the extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        std::iter::once(&self.core).chain(&self.extensions)
    }

    /// The extension of that URN, in any letter case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The common or core attribute of that name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.common
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
            .or_else(|| self.core.attribute(name))
    }

    /// The `/ResourceTypes` representation (RFC 7643 section 6).
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.core.id,
            "schemaExtensions": self.extensions.iter()
                .map(|schema| json!({ "schema": schema.id, "required": false }))
                .collect::<Vec<_>>(),
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name) },
        })
    }
}

/// The attributes of RFC 7643 section 3.1.
pub fn common_attributes() -> Vec<Attribute> {
    let schemas = Attribute {
        required: true,
        returned: Returned::Always,
        ..Attribute::new("schemas", Type::Reference, "The URNs of the schemas of this resource").many()
    };
    let id = Attribute {
        returned: Returned::Always,
        unique: true,
        ..Attribute::string("id", "The server's identifier").exact().read_only()
    };
    let meta = Attribute::complex(
        "meta",
        "Metadata of the resource",
        vec![
            Attribute::string("resourceType", "The resource type's name").exact().read_only(),
            Attribute::new("created", Type::DateTime, "When the resource was created").read_only(),
            Attribute::new("lastModified", Type::DateTime, "When the resource was last changed").read_only(),
            Attribute::new("location", Type::Reference, "The resource's URL").read_only(),
            Attribute::string("version", "The resource's version, as in the ETag header").exact().read_only(),
        ],
    )
    .read_only();
    vec![schemas, id, Attribute::string("externalId", "The client's identifier").exact(), meta]
}
