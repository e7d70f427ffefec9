//! Schemas and their attributes (RFC 7643 sections 2 and 7): what discovery declares and everything else obeys.

use std::sync::Arc;

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
    /// A number, perhaps with a fraction.
    Decimal,
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
            Self::Decimal => "decimal",
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
    /// Set by a client once, and never changed or removed.
    Immutable,
    /// Set by clients, who never read it.
    WriteOnly,
}

impl Mutability {
    fn keyword(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
            Self::WriteOnly => "writeOnly",
        }
    }
}

/// When an attribute is part of an answer (RFC 7643 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// In every answer, whatever was asked for.
    Always,
    /// In none.
    Never,
    /// Unless excluded or left out of `attributes`.
    Default,
    /// Where `attributes` names it.
    Request,
}

impl Returned {
    fn keyword(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Never => "never",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

/// What a PUT that leaves an attribute out does to it (RFC 7644 section 3.5.1 leaves that to the server).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// It is unassigned.
    Clears,
    /// It stays as it is.
    Keeps,
}

/// One attribute of a schema, or one sub-attribute of a complex attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name in its canonical case.
    pub name: Arc<str>,
    /// The data type.
    pub kind: Type,
    /// An array of values?
    pub multi_valued: bool,
    /// Must a resource (a complex value, for a sub-attribute) have it?
    pub required: bool,
    /// Are strings compared case by case?
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is answered.
    pub returned: Returned,
    /// Is a value held by one resource at most (`uniqueness: server`)?
    pub unique: bool,
    /// What becomes of it where a PUT leaves it out.
    pub omission: Omission,
    /// Values that clients are advised to use.
    pub canonical_values: Vec<Arc<str>>,
    /// What a reference points to.
    pub reference_types: Vec<Arc<str>>,
    /// What it is, for people.
    pub description: Arc<str>,
    /// The sub-attributes of a complex attribute.
    pub sub_attributes: Vec<Arc<Attribute>>,
}

impl Attribute {
    /// An optional, readWrite, case-insensitive attribute of one value, cleared by a PUT without it.
    pub fn new(name: &str, kind: Type, description: &str) -> Self {
        Self {
            name: name.into(),
            kind,
            description: description.into(),
            multi_valued: false,
            required: false,
            case_exact: matches!(kind, Type::Binary | Type::Reference),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            unique: false,
            omission: Omission::Clears,
            canonical_values: Vec::new(),
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
        }
    }

    /// A string attribute.
    pub fn string(name: &str, description: &str) -> Self {
        Self::new(name, Type::String, description)
    }

    /// A complex attribute.
    pub fn complex(name: &str, description: &str, sub_attributes: Vec<Self>) -> Self {
        let sub_attributes = sub_attributes.into_iter().map(Arc::new).collect();
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

    /// The same attribute, set by the server alone, which a PUT therefore can't clear.
    pub fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, omission: Omission::Keeps, ..self }
    }

    /// The same attribute, kept by a PUT that leaves it out.
    pub fn kept(self) -> Self {
        Self { omission: Omission::Keeps, ..self }
    }

    /// The same attribute, with values that clients are advised to use.
    pub fn canonical(self, values: &[&str]) -> Self {
        Self { canonical_values: values.iter().map(|value| Arc::from(*value)).collect(), ..self }
    }

    /// The same attribute, a reference to resources of these types.
    pub fn refers_to(self, types: &[&str]) -> Self {
        Self { reference_types: types.iter().map(|name| Arc::from(*name)).collect(), ..self }
    }

    /// The sub-attribute of that name, in any letter case.
    pub fn sub(&self, name: &str) -> Option<&Arc<Self>> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    /// May no answer ever hold it?
    pub fn is_secret(&self) -> bool {
        self.returned == Returned::Never || self.mutability == Mutability::WriteOnly
    }

    /// The representation of RFC 7643 section 7.
    fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("name".into(), (*self.name).into());
        map.insert("type".into(), self.kind.keyword().into());
        map.insert("multiValued".into(), self.multi_valued.into());
        map.insert("description".into(), (*self.description).into());
        map.insert("required".into(), self.required.into());
        if self.kind == Type::Complex {
            map.insert("subAttributes".into(), self.sub_attributes.iter().map(|sub| sub.to_json()).collect());
        } else {
            map.insert("caseExact".into(), self.case_exact.into());
        }
        if !self.canonical_values.is_empty() {
            map.insert("canonicalValues".into(), texts(&self.canonical_values));
        }
        if !self.reference_types.is_empty() {
            map.insert("referenceTypes".into(), texts(&self.reference_types));
        }
        map.insert("mutability".into(), self.mutability.keyword().into());
        map.insert("returned".into(), self.returned.keyword().into());
        map.insert("uniqueness".into(), if self.unique { "server" } else { "none" }.into());
        Value::Object(map)
    }
}

fn texts(texts: &[Arc<str>]) -> Value {
    texts.iter().map(|text| Value::from(&**text)).collect()
}

/// A schema: a URN and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The URN that names it.
    pub id: Arc<str>,
    /// Its short name.
    pub name: Arc<str>,
    /// What it is, for people.
    pub description: Arc<str>,
    /// The attributes.
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    /// A schema of these attributes.
    pub fn new(id: &str, name: &str, description: &str, attributes: Vec<Attribute>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            description: description.into(),
            attributes: attributes.into_iter().map(Arc::new).collect(),
        }
    }

    /// The attribute of that name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// The `/Schemas` representation (RFC 7643 section 7). `base` is the client-visible base URL.
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": &*self.id,
            "name": &*self.name,
            "description": &*self.description,
            "attributes": self.attributes.iter().map(|attribute| attribute.to_json()).collect::<Vec<_>>(),
            "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", self.id) },
        })
    }
}

/// An extension of a resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Must every resource have it, with the attributes that it requires?
    pub required: bool,
}

/// A resource type (RFC 7643 section 6): an endpoint, its schema and its extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// Id and name.
    pub name: &'static str,
    /// The endpoint below the base URL, with its slash.
    pub endpoint: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// The core schema.
    pub core: Arc<Schema>,
    /// The extensions.
    pub extensions: Vec<Extension>,
    /// The attributes that every resource has and no schema lists (RFC 7643 section 3.1).
    pub common: Vec<Arc<Attribute>>,
}

impl ResourceType {
    /// The core schema and the extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.core).chain(self.extensions.iter().map(|extension| &extension.schema))
    }

    /// The common or core attribute of that name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.common
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
            .or_else(|| self.core.attribute(name))
    }

    /// All attributes, each with the extension that holds it: common ones, the core schema's, the extensions'.
    pub fn attributes(&self) -> impl Iterator<Item = (Option<&Arc<Schema>>, &Arc<Attribute>)> {
        let own = self.common.iter().chain(&self.core.attributes).map(|attribute| (None, attribute));
        own.chain(self.extensions.iter().flat_map(|extension| {
            extension.schema.attributes.iter().map(|attribute| (Some(&extension.schema), attribute))
        }))
    }

    /// The `/ResourceTypes` representation (RFC 7643 section 6).
    pub fn to_json(&self, base: &str) -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": &*self.core.id,
            "schemaExtensions": self.extensions.iter()
                .map(|extension| json!({ "schema": &*extension.schema.id, "required": extension.required }))
                .collect::<Vec<_>>(),
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name) },
        })
    }
}

/// The attributes of RFC 7643 section 3.1.
pub fn common_attributes() -> Vec<Arc<Attribute>> {
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
    let external_id = Attribute::string("externalId", "The client's identifier").exact().kept();
    [schemas, id, external_id, meta].into_iter().map(Arc::new).collect()
}
