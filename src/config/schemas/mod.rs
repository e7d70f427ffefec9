//! Checks the schemas that a realm declares, and makes extensions of the User resource type of them.

mod layer;
mod names;
mod values;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use crate::scim::schema::{Attribute, Extension, Mutability, Omission, Returned, Schema, Type};

use super::attributes::Target;
use super::check::{Checker, get, list};
use super::scalar::{Line, List, Value};

use self::names::{attribute_problem, sub_attribute_problem, twice, urn_problem};

pub(super) use self::layer::{AttributeLayer, SchemaLayer, SubAttributeLayer, attributes_alone};

/// The schemas of one layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemas {
    declared: Vec<Declared>,
    /// Is there anything wrong with them, so that what is missing may only be missing for that?
    flawed: bool,
}

/// One schema, and what its attributes have to do with the rest of the configuration.
#[derive(Clone, Debug)]
struct Declared {
    extension: Extension,
    mapped: Vec<Mapped>,
    /// The full paths of attributes and sub-attributes, each with the place of its name.
    places: Vec<(String, Range<usize>)>,
}

/// An attribute or sub-attribute that a schema keeps in a Keycloak attribute.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    /// `URN:attribute` or `URN:attribute.sub`.
    pub(super) path: String,
    /// The Keycloak attribute.
    pub(super) attribute: String,
    /// Where that stands in the file.
    pub(super) place: Range<usize>,
}

impl Schemas {
    /// Checks the schemas that stand in the table named `table`, such as `["realms", "acme"]`.
    pub(super) fn check(
        checker: &mut Checker<'_>,
        table: &[&str],
        layers: &BTreeMap<Spanned<String>, SchemaLayer>,
    ) -> Self {
        let table = [table, &["schemas"]].concat();
        let before = checker.count();
        let mut declared: Vec<Declared> = Vec::new();
        for (key, layer) in in_order(layers) {
            let urn = key.get_ref();
            if let Some(problem) = urn_problem(urn) {
                checker.at(&key.span(), problem);
            } else if declared.iter().any(|other| other.urn().eq_ignore_ascii_case(urn)) {
                checker.at(
                    &key.span(),
                    "this schema is declared twice (URNs are compared without case); expected it once",
                );
            } else {
                let table = [table.as_slice(), &[urn]].concat();
                declared.push(Reader::new(checker, &table, urn).schema(layer));
            }
        }
        let flawed = checker.count() > before || checker.unreadable(&table);
        Self { declared, flawed }
    }

    /// These schemas without those that `upper` declares anew.
    pub(super) fn under(&self, upper: &Self) -> Self {
        let anew = |schema: &&Declared| upper.declared.iter().any(|other| other.is(schema.urn()));
        let declared = self.declared.iter().filter(|schema| !anew(schema)).cloned().collect();
        Self { declared, flawed: self.flawed }
    }

    /// Is there anything wrong with them?
    pub(super) fn flawed(&self) -> bool {
        self.flawed
    }

    /// Their extensions, in the order of the file.
    pub(super) fn extensions(&self) -> impl Iterator<Item = Extension> {
        self.declared.iter().map(|schema| schema.extension.clone())
    }

    /// What they keep in Keycloak attributes.
    pub(super) fn mapped(&self) -> impl Iterator<Item = &Mapped> {
        self.declared.iter().flat_map(|schema| &schema.mapped)
    }
}

/// No attribute may have the very name of another schema, or nobody could say which of the two is meant.
pub(super) fn apart(checker: &mut Checker<'_>, layers: &[&Schemas]) {
    let all = || layers.iter().flat_map(|schemas| &schemas.declared);
    for (path, place) in all().flat_map(|schema| &schema.places) {
        if all().any(|schema| schema.is(path)) {
            checker.at(
                place,
                format!("{path:?} is the URN of another schema too; expected another name or another URN"),
            );
        }
    }
}

impl Declared {
    fn urn(&self) -> &str {
        &self.extension.schema.id
    }

    fn is(&self, urn: &str) -> bool {
        self.urn().eq_ignore_ascii_case(urn)
    }
}

/// The tables of a layer in the order in which they stand in the file.
fn in_order<T>(tables: &BTreeMap<Spanned<String>, T>) -> Vec<(&Spanned<String>, &T)> {
    let mut tables: Vec<_> = tables.iter().collect();
    tables.sort_by_key(|(key, _)| key.span().start);
    tables
}

/// Reads one schema.
struct Reader<'c, 'd> {
    checker: &'c mut Checker<'d>,
    /// The schema's table, from the top.
    table: &'c [&'c str],
    urn: &'c str,
    mapped: Vec<Mapped>,
    places: Vec<(String, Range<usize>)>,
}

impl<'c, 'd> Reader<'c, 'd> {
    fn new(checker: &'c mut Checker<'d>, table: &'c [&'c str], urn: &'c str) -> Self {
        Self { checker, table, urn, mapped: Vec::new(), places: Vec::new() }
    }

    fn schema(mut self, layer: &SchemaLayer) -> Declared {
        if layer.attributes.is_empty() {
            self.missing(
                &["attributes"],
                "a schema consists of attributes; expected at least one table \
                 [realms.NAME.schemas.\"URN\".attributes.ATTRIBUTE]",
            );
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        for (key, layer) in in_order(&layer.attributes) {
            let taken = attributes.iter().map(|attribute| &*attribute.name);
            let problem = attribute_problem(key.get_ref()).or_else(|| twice(key.get_ref(), taken));
            match problem {
                Some(problem) => self.checker.at(&key.span(), problem),
                None => attributes.push(self.attribute(key, layer)),
            }
        }
        let name = get(&layer.name).map_or_else(|| self.urn.to_owned(), |name| name.0);
        let description = get(&layer.description).map(|words| words.0).unwrap_or_default();
        let schema = Schema::new(self.urn, &name, &description, attributes);
        let required = get(&layer.required).unwrap_or(false);
        let extension = Extension { schema: Arc::new(schema), required };
        Declared { extension, mapped: self.mapped, places: self.places }
    }

    fn attribute(&mut self, key: &Spanned<String>, layer: &AttributeLayer) -> Attribute {
        let name = key.get_ref().as_str();
        let path = format!("{}:{name}", self.urn);
        self.places.push((path.clone(), key.span()));
        if self.unreadable(&["attributes", name, "type"]) {
            // What else is right or wrong with it hangs on the type.
            return Attribute::string(name, "");
        }
        let kind = get(&layer.r#type).unwrap_or(Type::String);
        let mutability = get(&layer.mutability).unwrap_or(Mutability::ReadWrite);
        let write_only = mutability == Mutability::WriteOnly;
        let returned = get(&layer.returned);
        let returned = returned.unwrap_or(if write_only { Returned::Never } else { Returned::Default });
        let own = Attribute {
            multi_valued: get(&layer.multi_valued).unwrap_or(false),
            required: get(&layer.required).unwrap_or(false),
            mutability,
            returned,
            unique: get(&layer.uniqueness).is_some_and(|unique| unique.0),
            omission: omission(mutability, returned),
            ..Attribute::new(name, kind, "")
        };
        if let Some(value) = &layer.returned
            && write_only
            && returned != Returned::Never
        {
            self.checker.at(
                &value.span(),
                "what is writeOnly is never returned; expected \"never\", which is the default then",
            );
        }
        self.read_only(name, &own, layer);
        self.unique(name, &own, layer);
        let attribute = Attribute { sub_attributes: self.sub_attributes(name, &path, &own, layer), ..own };
        let attribute = self.text(attribute, &Text::of(layer));
        if kind == Type::Complex {
            if let Some(value) = given(&layer.keycloak_attribute) {
                self.checker.at(
                    &value.span(),
                    "a complex attribute is not kept in one Keycloak attribute; expected keycloak_attribute \
                     at its sub-attributes",
                );
            }
        } else {
            self.map(path, &layer.keycloak_attribute);
        }
        attribute
    }

    /// What clients can't write must come from Keycloak.
    fn read_only(&mut self, name: &str, attribute: &Attribute, layer: &AttributeLayer) {
        if attribute.mutability != Mutability::ReadOnly {
            return;
        }
        if let Some(value) = &layer.required
            && attribute.required
        {
            self.checker.at(&value.span(), "what is readOnly can't be required of clients; expected false");
        }
        if attribute.kind != Type::Complex {
            if given(&layer.keycloak_attribute).is_none() {
                self.missing(
                    &["attributes", name, "keycloak_attribute"],
                    "what is readOnly is set in Keycloak alone; expected the name of a Keycloak user attribute",
                );
            }
            return;
        }
        if let Some(value) = &layer.multi_valued
            && attribute.multi_valued
        {
            self.checker.at(
                &value.span(),
                "what is readOnly is read from Keycloak attributes, which can't hold several complex values; \
                 expected false",
            );
        }
        let kept = |sub: &SubAttributeLayer| {
            sub.keycloak_attribute.as_ref().is_some_and(|v| v.get_ref().0.0.is_some())
        };
        if !layer.sub_attributes.is_empty() && !layer.sub_attributes.values().any(kept) {
            self.missing(
                &["attributes", name, "sub_attributes"],
                "what is readOnly is set in Keycloak alone; expected keycloak_attribute at one sub-attribute \
                 at least",
            );
        }
    }

    /// What must be unique must be found by its value.
    fn unique(&mut self, name: &str, attribute: &Attribute, layer: &AttributeLayer) {
        let Some(value) = layer.uniqueness.as_ref().filter(|_| attribute.unique) else { return };
        let problem = match attribute.kind {
            Type::Complex => "a complex attribute can't be unique; expected \"none\"",
            Type::Boolean | Type::Decimal | Type::DateTime | Type::Binary => {
                "only attributes of the types string, reference and integer can be unique; expected \"none\""
            }
            _ if attribute.multi_valued => {
                "an attribute with several values can't be unique; expected \"none\""
            }
            _ if attribute.mutability == Mutability::ReadOnly => {
                "what is readOnly is set in Keycloak, where nothing keeps it unique; expected \"none\""
            }
            _ if given(&layer.keycloak_attribute).is_none() => {
                return self.missing(
                    &["attributes", name, "keycloak_attribute"],
                    "what is unique must be searched for in Keycloak; expected the name of a Keycloak user \
                     attribute",
                );
            }
            _ => return,
        };
        self.checker.at(&value.span(), problem);
    }

    fn sub_attributes(
        &mut self,
        name: &str,
        path: &str,
        attribute: &Attribute,
        layer: &AttributeLayer,
    ) -> Vec<Arc<Attribute>> {
        let layers = in_order(&layer.sub_attributes);
        if attribute.kind != Type::Complex {
            if let Some((key, _)) = layers.first() {
                self.checker.at(
                    &key.span(),
                    "only a complex attribute has sub-attributes; expected type = \"complex\" at its attribute",
                );
            }
            return Vec::new();
        }
        if layers.is_empty() {
            self.missing(
                &["attributes", name, "sub_attributes"],
                "a complex attribute consists of sub-attributes; expected at least one table \
                 [realms.NAME.schemas.\"URN\".attributes.ATTRIBUTE.sub_attributes.SUB_ATTRIBUTE]",
            );
        }
        let mut subs: Vec<Arc<Attribute>> = Vec::new();
        for (key, layer) in layers {
            let taken = subs.iter().map(|sub| &*sub.name);
            let problem = sub_attribute_problem(key.get_ref()).or_else(|| twice(key.get_ref(), taken));
            match problem {
                Some(problem) => self.checker.at(&key.span(), problem),
                None => subs.push(Arc::new(self.sub_attribute(name, path, attribute, key, layer))),
            }
        }
        subs
    }

    fn sub_attribute(
        &mut self,
        parent: &str,
        path: &str,
        attribute: &Attribute,
        key: &Spanned<String>,
        layer: &SubAttributeLayer,
    ) -> Attribute {
        let name = key.get_ref().as_str();
        let path = format!("{path}.{name}");
        self.places.push((path.clone(), key.span()));
        self.map(path, &layer.keycloak_attribute);
        if self.unreadable(&["attributes", parent, "sub_attributes", name, "type"]) {
            return Attribute::string(name, "");
        }
        let kind = get(&layer.r#type).map_or(Type::String, |kind| kind.0);
        let required = get(&layer.required).unwrap_or(false);
        if let Some(value) = &layer.required
            && required
            && attribute.mutability == Mutability::ReadOnly
        {
            self.checker.at(&value.span(), "what is readOnly can't be required of clients; expected false");
        }
        let sub = Attribute {
            required,
            mutability: attribute.mutability,
            // A filter must not find out what no answer tells.
            returned: match attribute.returned {
                Returned::Never => Returned::Never,
                _ => Returned::Default,
            },
            omission: attribute.omission,
            ..Attribute::new(name, kind, "")
        };
        self.text(sub, &Text::of_sub(layer))
    }

    /// Adds what is about text and people.
    fn text(&mut self, attribute: Attribute, text: &Text<'_>) -> Attribute {
        let kind = attribute.kind;
        let has_case = matches!(kind, Type::String | Type::Binary | Type::Reference);
        if let Some(value) = text.case_exact.as_ref().filter(|_| !has_case) {
            self.checker.at(
                &value.span(),
                "case_exact belongs to the types string, binary and reference; expected no such key here",
            );
        }
        if let Some(value) = text.canonical_values.as_ref().filter(|_| !has_case || kind == Type::Binary) {
            self.checker.at(
                &value.span(),
                "canonical_values belong to the types string and reference; expected no such key here",
            );
        }
        if let Some(value) = text.reference_types.as_ref().filter(|_| kind != Type::Reference) {
            self.checker
                .at(&value.span(), "reference_types belong to the type reference; expected no such key here");
        }
        let texts =
            |values| list(values).unwrap_or_default().into_iter().map(|line: Line| line.0.into()).collect();
        Attribute {
            case_exact: get(text.case_exact).unwrap_or(attribute.case_exact),
            canonical_values: texts(text.canonical_values),
            reference_types: texts(text.reference_types),
            description: get(text.description).map(|words| words.0).unwrap_or_default().into(),
            ..attribute
        }
    }

    fn map(&mut self, path: String, target: &Value<Target>) {
        if let Some(value) = given(target)
            && let Some(attribute) = &value.get_ref().0.0
        {
            self.mapped.push(Mapped { path, attribute: attribute.clone(), place: value.span() });
        }
    }

    fn missing(&mut self, keys: &[&str], message: &str) {
        let path = [self.table, keys].concat();
        self.checker.missing(&path, message);
    }

    fn unreadable(&self, keys: &[&str]) -> bool {
        self.checker.unreadable(&[self.table, keys].concat())
    }
}

/// What attributes and sub-attributes say about text.
struct Text<'l> {
    case_exact: &'l Value<bool>,
    description: &'l Value<values::Words>,
    canonical_values: &'l List<Line>,
    reference_types: &'l List<Line>,
}

impl<'l> Text<'l> {
    fn of(layer: &'l AttributeLayer) -> Self {
        Self {
            case_exact: &layer.case_exact,
            description: &layer.description,
            canonical_values: &layer.canonical_values,
            reference_types: &layer.reference_types,
        }
    }

    fn of_sub(layer: &'l SubAttributeLayer) -> Self {
        Self {
            case_exact: &layer.case_exact,
            description: &layer.description,
            canonical_values: &layer.canonical_values,
            reference_types: &layer.reference_types,
        }
    }
}

/// A `keycloak_attribute` that names one.
fn given(target: &Value<Target>) -> Option<&Spanned<super::scalar::Checked<Target>>> {
    target.as_ref().filter(|value| value.get_ref().0.0.is_some())
}

/// A client that sends back what it read must not clear what it never saw, nor what it can't write again.
fn omission(mutability: Mutability, returned: Returned) -> Omission {
    let seen = matches!(returned, Returned::Always | Returned::Default);
    if mutability == Mutability::ReadWrite && seen { Omission::Clears } else { Omission::Keeps }
}
