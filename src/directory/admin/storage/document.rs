//! The document: what Keycloak has no field for, as JSON, and what is remembered of who made the user and its links.

use serde_json::{Value, json};

use super::super::tenant::Tenant;
use super::{Attributes, DOCUMENT, DOCUMENT_MAX, Storage, value};
use crate::keycloak::UserRepresentation;
use crate::scim::{Code, Error, Object, Resource, ScimType};

/// The format; an unknown one is never overwritten.
const FORMAT: u64 = 1;
/// Where the links stand.
const LINKS: &str = "links";

#[expect(clippy::large_enum_variant, reason = "read and taken apart at once, never kept")]
pub(super) enum Document {
    /// Of the format that is written here; empty where there is none or where it can't be read.
    Known {
        /// The user's attributes.
        user: Object,
        /// The tenant that wrote it, as it stands in [`super::MANAGED`]; none for the realm.
        owner: Option<String>,
        /// The Keycloak attributes that got one or all of the values of an attribute that has several.
        flat: Vec<String>,
        /// Who made what.
        origin: Origin,
    },
    /// Of a newer format.
    Unknown,
}

/// Who made the user, and its links.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Origin {
    /// The caller who made the user, by the name by which its values are stored.
    pub by: Option<String>,
    /// By an identity provider's alias, who made the link to it, and of which value: of any tenant.
    pub links: Object,
}

/// A link to an identity provider that the gateway made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::directory::admin) struct Made {
    /// The caller whose value it is, by the name by which its values are stored.
    pub by: String,
    /// The user's id at the identity provider.
    pub value: String,
}

impl Made {
    fn read(link: &Value) -> Option<Self> {
        let text = |name| link.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { by: text("by")?, value: text("value")? })
    }
}

pub(super) fn document(stored: &UserRepresentation) -> Document {
    let Some(Ok(Value::Object(mut document))) = value(stored, DOCUMENT).map(serde_json::from_str) else {
        let (user, flat, origin) = Default::default();
        return Document::Known { user, owner: None, flat, origin };
    };
    match document.get("v").and_then(Value::as_u64) {
        Some(version) if version > FORMAT => Document::Unknown,
        _ => {
            let flat = document.get("flat").and_then(Value::as_array).into_iter().flatten();
            let flat = flat.filter_map(Value::as_str).map(str::to_owned).collect();
            let mut object = |name| match document.shift_remove(name) {
                Some(Value::Object(members)) => members,
                _ => Object::new(),
            };
            let (user, links) = (object("user"), object(LINKS));
            let owner = document.get("tenant").and_then(Value::as_str).map(str::to_owned);
            let by = document.get("by").and_then(Value::as_str).map(str::to_owned);
            Document::Known { user, owner, flat, origin: Origin { by, links } }
        }
    }
}

/// The caller who made the user, by the name by which its values are stored; none where that is not remembered, or
/// nobody made it over SCIM.
pub(in crate::directory::admin) fn maker(stored: &UserRepresentation) -> Option<String> {
    match document(stored) {
        Document::Known { origin, .. } => origin.by,
        Document::Unknown => None,
    }
}

/// The links that the gateway made, by the aliases of their identity providers.
pub(in crate::directory::admin) fn links_made(stored: &UserRepresentation) -> Vec<(String, Made)> {
    match document(stored) {
        Document::Known { origin, .. } => {
            let links = origin.links.iter();
            links.filter_map(|(alias, link)| Some((alias.clone(), Made::read(link)?))).collect()
        }
        Document::Unknown => Vec::new(),
    }
}

/// As [`Storage::note_link`].
pub(super) fn note_link(
    attributes: &mut Attributes,
    tenant: &Tenant,
    alias: &str,
    made: Option<&Made>,
) -> Result<(), Error> {
    let edited = edit(attributes, made.is_some().then_some(tenant), |document| match made {
        Some(made) => {
            let links = document.entry(LINKS).or_insert_with(|| json!({}));
            if !links.is_object() {
                *links = json!({});
            }
            if let Some(links) = links.as_object_mut() {
                links.insert(alias.to_owned(), json!({ "by": made.by, "value": made.value }));
            }
        }
        None => retain_links(document, |other, _| other != alias),
    });
    match edited {
        Some(edited) => {
            attributes.insert(DOCUMENT.into(), vec![checked(&edited)?]);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Forgets who made the links that these words are about.
pub(in crate::directory::admin) fn forget_links(
    attributes: &mut Attributes,
    is_gone: impl Fn(&Made) -> bool,
) {
    let edited = edit(attributes, None, |document| {
        retain_links(document, |_, link| !Made::read(link).is_some_and(|made| is_gone(&made)));
    });
    if let Some(edited) = edited {
        attributes.insert(DOCUMENT.into(), vec![edited.to_string()]);
    }
}

/// What one caller made counts as another one's.
pub(super) fn hand_over(attributes: &mut Attributes, from: &str, to: &str) {
    let edited = edit(attributes, None, |document| {
        document.insert("by".into(), to.into());
        let links = document.get_mut(LINKS).and_then(Value::as_object_mut);
        for link in links.into_iter().flat_map(|links| links.values_mut()).filter_map(Value::as_object_mut) {
            if link.get("by").and_then(Value::as_str) == Some(from) {
                link.insert("by".into(), to.into());
            }
        }
    });
    if let Some(edited) = edited {
        attributes.insert(DOCUMENT.into(), vec![edited.to_string()]);
    }
}

/// The document after a change; none where it stays as it is, may not be written, or is missing and no tenant is there to
/// write a first one.
fn edit(attributes: &Attributes, first: Option<&Tenant>, change: impl FnOnce(&mut Object)) -> Option<Value> {
    let stored = attributes.get(DOCUMENT).and_then(|values| values.first());
    let before = match stored.map(|text| serde_json::from_str(text)) {
        Some(Ok(Value::Object(document))) => document,
        Some(_) => return None,
        None => {
            let mut document =
                Object::from_iter([("v".to_owned(), json!(FORMAT)), ("user".to_owned(), json!({}))]);
            let tenant = first?;
            if tenant.id().is_some() {
                document.insert("tenant".into(), tenant.index().into());
            }
            document
        }
    };
    if before.get("v").and_then(Value::as_u64).is_some_and(|version| version > FORMAT) {
        return None;
    }
    let mut after = before.clone();
    change(&mut after);
    (after != before).then(|| after.into())
}

fn retain_links(document: &mut Object, mut stays: impl FnMut(&str, &Value) -> bool) {
    let Some(links) = document.get_mut(LINKS).and_then(Value::as_object_mut) else { return };
    links.retain(|alias, link| stays(alias, link));
    if links.is_empty() {
        document.shift_remove(LINKS);
    }
}

/// The document's text, if it can be kept.
fn checked(document: &Value) -> Result<String, Error> {
    let text = document.to_string();
    // Keycloak counts as Java does.
    if text.encode_utf16().count() > DOCUMENT_MAX {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::ValueTooLong,
            format!(
                "The user's attributes together are longer than the {DOCUMENT_MAX} characters that can be kept"
            ),
        ));
    }
    Ok(text)
}

impl Storage {
    /// The document. `strange` is what the old one holds that no served schema has, or not as it has it: of a schema that was
    /// changed or taken out of the configuration, perhaps by mistake. It stays, unseen, until the schema is back.
    pub(super) fn write_document(
        &self,
        rest: &Resource,
        strange: Object,
        flat: &[&str],
        origin: Origin,
    ) -> Result<Vec<String>, Error> {
        let mut attributes = rest.as_object().clone();
        for (key, value) in strange {
            match (attributes.get_mut(&key), value) {
                (Some(Value::Object(known)), Value::Object(members)) => {
                    for (name, value) in members {
                        known.entry(name).or_insert(value);
                    }
                }
                (Some(_), _) => {}
                (None, value) => {
                    attributes.insert(key, value);
                }
            }
        }
        // An organization's says whose it is, be there anything to keep or not.
        if attributes.is_empty() && origin == Origin::default() && self.tenant.id().is_none() {
            return Ok(Vec::new());
        }
        let mut document = json!({ "v": FORMAT, "user": attributes });
        if let (Some(_), Some(document)) = (self.tenant.id(), document.as_object_mut()) {
            document.insert("tenant".into(), self.tenant.index().into());
        }
        if let (Some(by), Some(document)) = (origin.by, document.as_object_mut()) {
            document.insert("by".into(), by.into());
        }
        if let (false, Some(document)) = (flat.is_empty(), document.as_object_mut()) {
            document.insert("flat".into(), flat.into());
        }
        if let (false, Some(document)) = (origin.links.is_empty(), document.as_object_mut()) {
            document.insert(LINKS.into(), origin.links.into());
        }
        Ok(vec![checked(&document)?])
    }
}
