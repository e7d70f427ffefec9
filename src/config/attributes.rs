//! Which SCIM attributes go to which Keycloak user attributes, and which are ignored or refused.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;

use crate::scim::path::AttrPath;
use crate::scim::schema::{Mutability, Type};
use crate::scim::{Attribute, ResourceType};

use super::check::Checker;
use super::scalar::{Checked, Found, Refusal, Scalar};
use super::schemas::Schemas;

/// Where the core attributes of a user live, written out; `userName` and this with it are one path.
const CORE_PREFIX: &str = "urn:ietf:params:scim:schemas:core:2.0:User:";

/// SCIM path and Keycloak attribute of what is mapped where the configuration says nothing else:
/// the attributes that Keycloak's built-in token mappers read, and the enterprise extension.
pub(super) const DEFAULT_MAP: [(&str, &str); 16] = [
    ("displayName", "displayName"),
    ("nickName", "nickname"),
    ("profileUrl", "profile"),
    ("title", "title"),
    ("userType", "userType"),
    ("preferredLanguage", "preferredLanguage"),
    ("locale", "locale"),
    ("timezone", "zoneinfo"),
    ("name.middleName", "middleName"),
    ("phoneNumbers", "phoneNumber"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "employeeNumber"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", "costCenter"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization", "organization"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division", "division"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "department"),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "manager"),
];

/// SCIM attributes that, with all their sub-attributes, have a place of their own in Keycloak or in
/// the gateway's storage, or that are never stored.
const NOT_MAPPABLE: [&str; 9] =
    ["id", "schemas", "meta", "externalId", "userName", "emails", "active", "groups", "password"];
/// The parts of `name` of which the same is true.
const NAME_NOT_MAPPABLE: [&str; 3] = ["name", "name.givenName", "name.familyName"];

/// SCIM attributes without which there is no user, so that they can be neither ignored nor refused.
const INDISPENSABLE: [&str; 3] = ["id", "schemas", "userName"];

/// Keycloak's own user fields: they look like attributes in its user profile.
const KEYCLOAK_FIELDS: [&str; 4] = ["username", "email", "firstName", "lastName"];

/// What every name starts with that the gateway keeps for its own bookkeeping.
const RESERVED_PREFIX: &str = "scim.";

/// A SCIM attribute path without filter: `title`, `name.middleName`, `urn:…:User:department`.
#[derive(Clone, Debug)]
pub(super) struct ScimPath(pub(super) String);

impl ScimPath {
    /// Reads a path; the core schema's URN is taken off, so that every path has one spelling.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = match text.get(..CORE_PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(CORE_PREFIX) => text.get(CORE_PREFIX.len()..)?,
            _ => text,
        };
        let (schema, attribute) = match text.rsplit_once(':') {
            Some((schema, attribute)) => (Some(schema), attribute),
            None => (None, text),
        };
        let schema_fits = schema.is_none_or(|schema| {
            schema.get(..4).is_some_and(|urn| urn.eq_ignore_ascii_case("urn:"))
                && schema.len() > 4
                && schema.chars().all(|c| c.is_ascii_graphic())
        });
        // RFC 7643, section 2.1: ALPHA, then letters, digits, "-" and "_"; "$ref" is the exception.
        let name = |name: &str| {
            let name = name.strip_prefix('$').unwrap_or(name);
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        let attribute_fits = match attribute.split_once('.') {
            Some((attribute, sub)) => name(attribute) && name(sub),
            None => name(attribute),
        };
        (schema_fits && attribute_fits && text.len() <= 255).then(|| Self(text.to_owned()))
    }

    /// Whether both name the same attribute: SCIM compares names without case.
    pub(super) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// Why this attribute can't be mapped, if it can't.
    pub(super) fn unmappable(&self) -> Option<&'static str> {
        let whole = self.0.split('.').next().unwrap_or_default();
        let owned = NOT_MAPPABLE.iter().any(|path| path.eq_ignore_ascii_case(whole))
            || NAME_NOT_MAPPABLE.iter().any(|path| self.is(path));
        owned.then_some(
            "this attribute has a place of its own and can't be mapped; expected another SCIM \
             attribute",
        )
    }

    /// Why this attribute can be neither ignored nor refused, if it can't.
    pub(super) fn indispensable(&self) -> Option<&'static str> {
        INDISPENSABLE
            .iter()
            .any(|path| self.is(path))
            .then_some("there is no user without id, schemas and userName; expected other SCIM attributes")
    }
}

impl Scalar for ScimPath {
    fn expected() -> String {
        "a SCIM attribute such as \"title\", \"name.middleName\" or \
         \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department\""
            .to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        Self::parse(found.text()?).ok_or(Refusal::Unexpected)
    }
}

/// Where a mapped attribute goes; none takes a mapping away that a lower layer made.
#[derive(Clone, Debug)]
pub(super) struct Target(pub(super) Option<String>);

impl Scalar for Target {
    fn expected() -> String {
        "the name of a Keycloak user attribute (1 to 255 letters, digits and . _ -, as its user \
         profile takes them), or \"\" for none"
            .to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let name = found.text()?;
        if name.is_empty() {
            return Ok(Self(None));
        }
        // Keycloak's user profile refuses anything else, and a colon could not be searched for.
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.len() > 255 || !name.chars().all(legal) {
            return Err(Refusal::Unexpected);
        }
        if KEYCLOAK_FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field)) {
            return Err(Refusal::Because(format!(
                "{found} is a field of Keycloak's own that SCIM's userName, name and emails fill; \
                 expected the name of another user attribute"
            )));
        }
        let reserved = name.get(..RESERVED_PREFIX.len());
        if reserved.is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX)) {
            return Err(Refusal::Because(format!(
                "names that start with \"{RESERVED_PREFIX}\" are the gateway's own; expected the \
                 name of another user attribute, found {found}"
            )));
        }
        Ok(Self(Some(name.to_owned())))
    }
}

/// What a path names among the schemas of a realm.
#[derive(Debug)]
pub(super) struct Named {
    /// As its schema spells it, the core schema's URN left out.
    path: String,
    /// The same for all ways to name it: in lower case, a complex attribute as the `value` that stands for it.
    identity: String,
    /// Is a value that is not kept in a Keycloak attribute of its own of no use?
    needs_keycloak: bool,
}

/// Why a path names nothing that can be mapped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoName {
    /// No schema has it.
    Unknown,
    /// The sentence says why.
    Because(String),
}

impl Named {
    /// What the path names, if that can be mapped.
    ///
    /// # Errors
    /// [`NoName`], where it can't be, or names nothing.
    pub(super) fn find(user: &ResourceType, path: &ScimPath) -> Result<Self, NoName> {
        let (extension, attribute, sub) = match AttrPath::resolve(user, &path.0) {
            Ok(AttrPath::Attribute { extension, attribute, sub }) => (extension, attribute, sub),
            Ok(AttrPath::Core | AttrPath::Extension(_)) => {
                let reason = "this names a whole schema; expected one attribute of it";
                return Err(NoName::Because(reason.to_owned()));
            }
            Err(_) => {
                return Err(path.unmappable().map_or(NoName::Unknown, |why| NoName::Because(why.to_owned())));
            }
        };
        let whole = match extension {
            Some(schema) => format!("{}:{}", schema.id, attribute.name),
            None => attribute.name.to_string(),
        };
        let of = |sub: &Arc<Attribute>| format!("{whole}.{}", sub.name);
        let (path, leaf) = match sub {
            Some(sub) => (of(sub), of(sub)),
            None if attribute.kind != Type::Complex => (whole.clone(), whole.clone()),
            None => match attribute.sub("value") {
                Some(value) => (whole.clone(), of(value)),
                None => {
                    let subs = attribute.sub_attributes.iter().map(of).map(ScimPath);
                    let subs: Vec<String> = subs
                        .filter(|sub| sub.unmappable().is_none())
                        .map(|sub| format!("{:?}", sub.0))
                        .collect();
                    if !subs.is_empty() {
                        return Err(NoName::Because(format!(
                            "{whole:?} has no sub-attribute \"value\" that could stand for it; expected one of {}",
                            subs.join(", ")
                        )));
                    }
                    (whole.clone(), whole.clone())
                }
            },
        };
        let path = ScimPath(path);
        if let Some(reason) = path.unmappable() {
            return Err(NoName::Because(reason.to_owned()));
        }
        Ok(Self {
            path: path.0,
            identity: leaf.to_ascii_lowercase(),
            needs_keycloak: attribute.unique || attribute.mutability == Mutability::ReadOnly,
        })
    }
}

/// One layer of mappings: that of `[defaults]`, of a realm or of an organization.
pub(super) struct MapLayer<'a> {
    /// The layer's schemas, as far as they are in effect.
    pub(super) schemas: &'a Schemas,
    /// `[….attributes]`
    pub(super) attributes: &'a BTreeMap<Spanned<String>, Spanned<Checked<Target>>>,
    /// The table of the tenant whose own layer this is.
    pub(super) tenant: Option<&'a str>,
}

/// Checks the keys of one layer's `attributes` against the schemas that it sees.
pub(super) fn check_keys(checker: &mut Checker<'_>, user: &ResourceType, layer: &MapLayer<'_>, flawed: bool) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for mapped in layer.schemas.mapped() {
        if let Ok(named) = Named::find(user, &ScimPath(mapped.path.clone())) {
            seen.insert(named.identity, "by keycloak_attribute in its schema as well");
        }
    }
    let mut entries: Vec<_> = layer.attributes.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let span = key.span();
        let Some(path) = ScimPath::parse(key.get_ref()) else {
            let expected = ScimPath::expected();
            checker.at(&span, format!("expected {expected} as the key"));
            continue;
        };
        let named = match Named::find(user, &path) {
            Ok(named) => named,
            Err(NoName::Because(reason)) => {
                checker.at(&span, reason);
                continue;
            }
            // It may only be unknown because its schema could not be read.
            Err(NoName::Unknown) if flawed => continue,
            Err(NoName::Unknown) => {
                checker.at(
                    &span,
                    "no served schema has this attribute; expected one of the core schema, of the enterprise \
                     extension or of a schema that is declared here",
                );
                continue;
            }
        };
        let target = &value.get_ref().0;
        if target.0.is_none() && named.needs_keycloak {
            checker.at(
                &value.span(),
                "what is readOnly or unique needs a Keycloak attribute; expected the name of one",
            );
        }
        if let Some(how) = seen.insert(named.identity, "twice (names are compared without case)") {
            checker.at(&span, format!("this attribute is mapped {how}; expected it once"));
        }
    }
}

/// Folds the built-in map and the layers, lowest first, into the Keycloak attribute for each SCIM path, with the place that
/// said it; checks that no two go to one.
pub(super) fn fold(
    checker: &mut Checker<'_>,
    user: &ResourceType,
    layers: &[MapLayer<'_>],
) -> BTreeMap<String, (String, Option<Range<usize>>)> {
    let mut map = AttributeMap::built_in(user);
    for layer in layers {
        for mapped in layer.schemas.mapped() {
            if let Ok(named) = Named::find(user, &ScimPath(mapped.path.clone())) {
                map.set(&named, &Target(Some(mapped.attribute.clone())), mapped.place.clone());
            }
        }
        let mut entries: Vec<_> = layer.attributes.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            // What names nothing has been told, or names what the realm's own schema no longer has.
            let named = ScimPath::parse(key.get_ref()).and_then(|path| Named::find(user, &path).ok());
            if let Some(named) = named
                && !map.set(&named, &value.get_ref().0, key.span())
                && let Some(tenant) = layer.tenant
            {
                checker.warn(format!(
                    "{tenant}.attributes: {:?} = \"\" takes away a mapping that is not there",
                    named.path
                ));
            }
        }
    }
    for (first, second, attribute, place) in map.collisions() {
        // The built-in map has no collisions, so that one of the two stands in the file.
        if let Some(span) = place {
            checker.at(
                &span,
                format!(
                    "{first:?} and {second:?} both go to the Keycloak attribute {attribute:?}; expected one \
                     attribute for each (\"\" takes a built-in mapping away)"
                ),
            );
        }
    }
    map.into_inner()
}

/// The map that grows layer by layer, each mapping with the place that made it.
#[derive(Debug)]
struct AttributeMap<P> {
    /// By identity: the path as first spelt, the Keycloak attribute, the place.
    entries: BTreeMap<String, (String, String, Option<P>)>,
}

impl<P: Clone> AttributeMap<P> {
    /// The map without any configuration.
    fn built_in(user: &ResourceType) -> Self {
        let entry = |(path, attribute): (&str, &str)| {
            let named = Named::find(user, &ScimPath(path.to_owned())).ok()?;
            Some((named.identity, (path.to_owned(), attribute.to_owned(), None)))
        };
        Self { entries: DEFAULT_MAP.into_iter().filter_map(entry).collect() }
    }

    /// Lays one mapping over what is there; says whether that changed the map.
    fn set(&mut self, named: &Named, target: &Target, place: P) -> bool {
        let Some(attribute) = &target.0 else {
            return self.entries.remove(&named.identity).is_some();
        };
        // The spelling of a lower layer stays: the default ones are those of RFC 7643.
        let spelling = match self.entries.get(&named.identity) {
            Some((spelling, ..)) => spelling.clone(),
            None => named.path.clone(),
        };
        let value = (spelling, attribute.clone(), Some(place));
        self.entries.insert(named.identity.clone(), value);
        true
    }

    /// Pairs of paths that go to one attribute, with a place that made one of them.
    fn collisions(&self) -> Vec<(String, String, String, Option<P>)> {
        let mut by_attribute: BTreeMap<String, &(String, String, Option<P>)> = BTreeMap::new();
        let mut found = Vec::new();
        for entry in self.entries.values() {
            let (path, attribute, place) = entry;
            // Some databases compare attribute names without case.
            if let Some((other, _, other_place)) = by_attribute.insert(attribute.to_ascii_lowercase(), entry)
            {
                let place = place.clone().or_else(|| other_place.clone());
                found.push((other.clone(), path.clone(), attribute.clone(), place));
            }
        }
        found
    }

    /// The finished map, from SCIM path to Keycloak attribute and the place that said it.
    fn into_inner(self) -> BTreeMap<String, (String, Option<P>)> {
        let entries = self.entries.into_values();
        entries.map(|(path, attribute, place)| (path, (attribute, place))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::user::user;

    #[test]
    fn paths_have_one_spelling() {
        for (text, path) in [
            ("title", "title"),
            ("name.middleName", "name.middleName"),
            ("URN:ietf:params:scim:schemas:core:2.0:user:title", "title"),
            ("urn:a:2.0:User:x.$ref", "urn:a:2.0:User:x.$ref"),
        ] {
            assert_eq!(ScimPath::parse(text).unwrap().0, path);
        }
        for text in ["", "1a", "a.b.c", "a[b eq 1]", "a b", "x:y", "urn:", "urn::", "name.", "ä", CORE_PREFIX]
        {
            assert!(ScimPath::parse(text).is_none(), "{text:?}");
        }
    }

    fn named(path: &str) -> Result<Named, NoName> {
        Named::find(user(), &ScimPath::parse(path).unwrap())
    }

    #[test]
    fn an_attribute_is_one_whatever_way_it_is_named() {
        for (path, identity) in [
            ("TITLE", "title"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:title", "title"),
            ("urn:ietf:params:scim:schemas:core:2.0:User.title", "title"),
            ("phoneNumbers", "phonenumbers.value"),
            ("phoneNumbers.VALUE", "phonenumbers.value"),
            ("phoneNumbers.display", "phonenumbers.display"),
            ("manager", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager.value"),
        ] {
            assert_eq!(named(path).unwrap().identity, identity, "{path}");
        }
        assert_eq!(
            named("DEPARTMENT").unwrap().path,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
        );
    }

    #[test]
    fn what_has_a_place_of_its_own_can_be_mapped_in_no_spelling() {
        for path in [
            "userName",
            "urn:ietf:params:scim:schemas:core:2.0:User.userName",
            "emails.type",
            "meta",
            "meta.created",
            "groups",
            "password",
            "name.givenName",
        ] {
            assert!(
                matches!(named(path), Err(NoName::Because(why)) if why.contains("place of its own")),
                "{path}"
            );
        }
        assert_eq!(named("nobody").unwrap_err(), NoName::Unknown);
    }

    #[test]
    fn layers_match_paths_without_case_and_keep_the_spelling_of_the_standard() {
        let mut map = AttributeMap::built_in(user());
        let path = |text| named(text).unwrap();
        assert!(map.set(&path("DISPLAYNAME"), &Target(Some("dn".to_owned())), 1));
        assert!(map.set(&path("department"), &Target(Some("unit".to_owned())), 1));
        assert!(map.set(&path("Nickname"), &Target(None), 2));
        assert!(!map.set(&path("nickName"), &Target(None), 3));
        let map = map.into_inner();
        assert_eq!(map.get("displayName").unwrap(), &("dn".to_owned(), Some(1)));
        let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
        assert_eq!(map.get(department).unwrap().0, "unit");
        assert!(!map.contains_key("nickName"));
        assert_eq!(map.len(), DEFAULT_MAP.len() - 1);
    }

    #[test]
    fn two_paths_to_one_attribute_collide_at_the_place_that_did_it() {
        let mut map = AttributeMap::built_in(user());
        map.set(&named("ims").unwrap(), &Target(Some("Title".to_owned())), 7);
        let collisions = map.collisions();
        assert_eq!(collisions.len(), 1);
        assert_eq!(collisions[0].3, Some(7));
    }

    #[test]
    fn the_built_in_map_keeps_its_own_rules() {
        for (path, attribute) in DEFAULT_MAP {
            assert_eq!(named(path).unwrap().path, path);
            assert!(Target::read(&Found::Text(attribute)).is_ok());
        }
        let map = AttributeMap::<()>::built_in(user());
        assert!(map.collisions().is_empty());
        assert_eq!(map.into_inner().len(), DEFAULT_MAP.len());
    }
}
