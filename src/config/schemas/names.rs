//! The names that schemas, attributes and sub-attributes can have.

use crate::scim::path::strip_prefix_ignore_case;

/// The longest URN, in characters.
const URN_MAX: usize = 255;
/// Graphic ASCII that would end a URN where one stands in a filter, in a list of attributes or in a URL.
const NOT_IN_URNS: &str = "\"'`()[]{}<>,/?#%\\";
/// What all URNs of the standard begin with.
const STANDARD: &str = "urn:ietf:params:scim:";
/// What follows [`STANDARD`] where the name of an extension is next. Entra ID takes no other URNs for custom attributes.
const EXTENSION: &str = "schemas:extension:";
/// The one such name that is the standard's.
const ENTERPRISE: &str = "enterprise";

/// What every resource has already (RFC 7643 section 3), in lower case.
const COMMON: [&str; 4] = ["schemas", "id", "meta", "externalid"];
/// What the gateway drops wherever it stands.
const PASSWORD: &str = "password";

/// Why a schema can't have this URN.
pub(super) fn urn_problem(urn: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_graphic() && !NOT_IN_URNS.contains(c);
    let name = strip_prefix_ignore_case(urn, "urn:").unwrap_or_default();
    if name.is_empty() || urn.len() > URN_MAX || !urn.chars().all(legal) || name.ends_with([':', '.']) {
        return Some(format!(
            "expected a URN as the key, such as \"urn:example:params:scim:schemas:extension:badge:2.0:User\": \
             \"urn:\" and a name, at most {URN_MAX} graphic ASCII characters without quotes, brackets, \
             parentheses or any of , / ? # % \\, and no colon or dot at the end"
        ));
    }
    if let Some(problem) = name.rsplit([':', '.']).next().and_then(secret_problem) {
        return Some(problem);
    }
    let standard = strip_prefix_ignore_case(urn, STANDARD)?;
    let own = strip_prefix_ignore_case(standard, EXTENSION)
        .and_then(|extension| extension.split(':').next())
        .is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case(ENTERPRISE));
    (!own).then(|| {
        format!(
            "this is a URN of the standard's own; expected one of yours, which may begin with \
             \"{STANDARD}{EXTENSION}\" and a name other than \"{ENTERPRISE}\""
        )
    })
}

/// ATTRNAME of RFC 7643 section 2.1, without "$", which only `$ref` has in practice.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Why an attribute can't have this name.
pub(super) fn attribute_problem(name: &str) -> Option<String> {
    if COMMON.iter().any(|common| name.eq_ignore_ascii_case(common)) {
        return Some("every resource has this attribute already; expected another name".to_owned());
    }
    if !is_name(name) {
        return Some(
            "expected the name of an attribute: a letter, then letters, digits, - and _ (RFC 7643, section 2.1)"
                .to_owned(),
        );
    }
    secret_problem(name)
}

/// Why a sub-attribute can't have this name.
pub(super) fn sub_attribute_problem(name: &str) -> Option<String> {
    if name != "$ref" && !is_name(name) {
        return Some(
            "expected the name of a sub-attribute: a letter, then letters, digits, - and _ (RFC 7643, section \
             2.1), or \"$ref\""
                .to_owned(),
        );
    }
    secret_problem(name)
}

fn secret_problem(name: &str) -> Option<String> {
    name.eq_ignore_ascii_case(PASSWORD).then(|| {
        "passwords are dropped, wherever they stand in a message, and never kept; expected another name"
            .to_owned()
    })
}

/// Why this name can't be taken beside those that are.
pub(super) fn twice<'n>(name: &str, mut taken: impl Iterator<Item = &'n str>) -> Option<String> {
    taken
        .any(|other| other.eq_ignore_ascii_case(name))
        .then(|| "this name stands here twice (names are compared without case); expected it once".to_owned())
}
