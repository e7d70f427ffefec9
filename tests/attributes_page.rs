//! Makes `docs/attributes.md` from the schemas and the built-in attribute map, and holds them together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use scimgate::config::{self, Realm};
use scimgate::scim::group::group;
use scimgate::scim::schema::{Mutability, Omission, Returned, Type};
use scimgate::scim::{Attribute, Schema};

/// Set, it makes the test write the page instead of reading it.
const WRITE: &str = "WRITE_ATTRIBUTES_PAGE";

const INTRO: &str = r"# Attributes

<!-- Generated from src/scim/user.rs, src/scim/group.rs and the built-in attribute map: change them there, and let
     WRITE_ATTRIBUTES_PAGE=1 cargo test --test attributes_page
     write this page anew. -->

What users and groups have over SCIM, where it is kept in Keycloak while the configuration says nothing else, and what a PUT
that leaves it out does to it. `/Schemas` says the same to clients, and adds the schemas that the configuration declares. What
holds for all:

- null, `[]`, `{}` and absence are the same (RFC 7643, section 2.5).
- Names and URNs are read in any letter case. An extension's attribute may be named without its URN where the name says enough.
- Text is kept as it was sent. `exact` below says that filters compare it case by case; other text is compared without case.
- A PUT replaces the user or group: what it leaves out is *cleared*, unless this page says that it is *kept*. A PATCH that names
  an attribute changes that one alone.
- What is *read only* is ignored in POST, PUT and PATCH without a path; a path to it is an error.
- Of several values, one at most is primary. Keycloak gets the primary one's value, or else the first, where this page names one
  of its fields; the others are in the document, the attribute `scim.document` that only the gateway reads.
- Members are added to a group and removed from it as a whole; nothing in a member can be changed. `[]` in a PUT, or in a PATCH
  that replaces them, removes all; a PUT without `members`, or with null there, leaves them.
- Where somebody changes a field in Keycloak, Keycloak's value wins.
";

#[test]
fn the_page_says_what_the_schemas_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/attributes.md");
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/attributes.md is not what the schemas say. This writes it anew:\n\n    \
         {WRITE}=1 cargo test --test attributes_page\n"
    );
}

/// The realm of the reference configuration, which changes none of the built-in map.
fn realm() -> Arc<Realm> {
    let secret = BTreeMap::from([("SCIMGATE_ACME_SECRET".to_owned(), "secret".to_owned())]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    let config = config::load(&path, &secret).unwrap();
    Arc::clone(config.realms.values().next().unwrap())
}

/// Tells where the value of an attribute (of an extension), or of a sub-attribute of it, is kept.
type Kept<'k> = &'k dyn Fn(Option<&Arc<Schema>>, &Attribute, Option<&Arc<Attribute>>) -> String;

fn page() -> String {
    let realm = realm();
    let of_user: Kept<'_> = &|extension, attribute, sub| kept_of_user(&realm, extension, attribute, sub);
    let mut page = INTRO.to_owned();
    let common = realm.user.common.iter().map(|attribute| (None, attribute));
    table(&mut page, "Common attributes (RFC 7643, section 3.1)", of_user, common);
    for schema in realm.user.schemas() {
        let extension = (schema.id != realm.user.core.id).then_some(schema);
        let attributes = schema.attributes.iter().map(|attribute| (extension, attribute));
        table(&mut page, &format!("{}: `{}`", schema.description, schema.id), of_user, attributes);
    }
    for schema in group().schemas() {
        let attributes = schema.attributes.iter().map(|attribute| (None, attribute));
        table(&mut page, &format!("{}: `{}`", schema.description, schema.id), &kept_of_group, attributes);
    }
    page
}

fn table<'a>(
    page: &mut String,
    title: &str,
    kept: Kept<'_>,
    attributes: impl Iterator<Item = (Option<&'a Arc<Schema>>, &'a Arc<Attribute>)>,
) {
    write!(page, "\n## {title}\n\n| attribute | type | what it is | kept in | left out of a PUT |\n|---|---|---|---|---|\n")
        .unwrap();
    for (extension, attribute) in attributes {
        row(page, kept, extension, attribute, None);
        for sub in &attribute.sub_attributes {
            row(page, kept, extension, attribute, Some(sub));
        }
    }
}

/// `name`, or `name.sub`.
fn full_name(attribute: &Attribute, sub: Option<&Arc<Attribute>>) -> String {
    sub.map_or(attribute.name.to_string(), |sub| format!("{}.{}", attribute.name, sub.name))
}

fn row(
    page: &mut String,
    kept: Kept<'_>,
    extension: Option<&Arc<Schema>>,
    attribute: &Attribute,
    sub: Option<&Arc<Attribute>>,
) {
    let leaf = sub.map_or(attribute, |sub| sub);
    let name = full_name(attribute, sub);
    let mut marks: Vec<&str> = Vec::new();
    marks.extend(leaf.multi_valued.then_some("several"));
    marks.extend((leaf.case_exact && matches!(leaf.kind, Type::String | Type::Reference)).then_some("exact"));
    marks.extend((leaf.required && &*leaf.name != "schemas").then_some("required"));
    marks.extend(leaf.unique.then_some("unique"));
    let read_only = attribute.mutability == Mutability::ReadOnly;
    let alone = sub.is_some() && !read_only && leaf.mutability == Mutability::ReadOnly;
    marks.extend(((read_only && sub.is_none()) || alone).then_some("read only"));
    marks.extend(match leaf.returned {
        Returned::Always => Some("always answered"),
        Returned::Request => Some("answered where `attributes` names it"),
        Returned::Default | Returned::Never => None,
    });
    let kind = format!("{:?}", leaf.kind);
    let kind = kind[..1].to_ascii_lowercase() + &kind[1..];
    let kind = std::iter::once(kind.as_str()).chain(marks).collect::<Vec<_>>().join(", ");
    let omitted = match (sub, attribute.omission) {
        (Some(_), _) => "",
        (None, _) if &*attribute.name == "schemas" => "",
        (None, Omission::Keeps) => "kept",
        (None, Omission::Clears) if attribute.required => "refused",
        (None, Omission::Clears) => "cleared",
    };
    let kept = if read_only { String::new() } else { kept(extension, attribute, sub) };
    writeln!(page, "| `{name}` | {kind} | {} | {kept} | {omitted} |", leaf.description).unwrap();
}

fn kept_of_group(_: Option<&Arc<Schema>>, attribute: &Attribute, sub: Option<&Arc<Attribute>>) -> String {
    match full_name(attribute, sub).as_str() {
        "displayName" => "the group's name".into(),
        "members" => "the users' memberships; a group in it is below it".into(),
        _ => String::new(),
    }
}

fn kept_of_user(
    realm: &Realm,
    extension: Option<&Arc<Schema>>,
    attribute: &Attribute,
    sub: Option<&Arc<Attribute>>,
) -> String {
    let name = full_name(attribute, sub);
    let name = name.as_str();
    let path = extension.map_or(name.to_owned(), |schema| format!("{}:{name}", schema.id));
    let mapped = realm.attribute_map.get(&path);
    let whole = realm.attribute_map.get(path.trim_end_matches(".value")).filter(|_| name.ends_with(".value"));
    match (name, mapped.or(whole)) {
        ("schemas", _) => "follows from what the resource has".into(),
        ("userName", _) => "username, in lower case; `scim.userName`, as sent".into(),
        ("externalId", _) => "`scim.externalId`, for each caller its own".into(),
        ("name.givenName", _) => "first name".into(),
        ("name.familyName", _) => "last name".into(),
        ("active", _) => "enabled".into(),
        ("emails.value", _) => "e-mail address; all in the document".into(),
        (_, Some(_)) if attribute.multi_valued && sub.is_none() => String::new(),
        (_, Some(keycloak)) if attribute.multi_valued => format!("`{keycloak}`; all in the document"),
        (_, Some(keycloak)) => format!("`{keycloak}`"),
        _ if attribute.kind == Type::Complex && sub.is_none() => String::new(),
        _ => "the document".into(),
    }
}
