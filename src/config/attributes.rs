//! Which SCIM attributes go to which Keycloak user attributes, and which are ignored or refused.

use std::collections::BTreeMap;

use super::scalar::{Found, Refusal, Scalar};

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

/// The map that grows layer by layer, each mapping with the place that made it.
#[derive(Debug)]
pub(super) struct AttributeMap<P> {
    /// By the path in lower case: the path as first spelt, the Keycloak attribute, the place.
    entries: BTreeMap<String, (String, String, Option<P>)>,
}

impl<P: Clone> AttributeMap<P> {
    /// The map without any configuration.
    pub(super) fn built_in() -> Self {
        let entry = |(path, attribute): (&str, &str)| {
            let value = (path.to_owned(), attribute.to_owned(), None);
            (path.to_ascii_lowercase(), value)
        };
        Self { entries: DEFAULT_MAP.into_iter().map(entry).collect() }
    }

    /// Lays one mapping over what is there; says whether that changed the map.
    pub(super) fn set(&mut self, path: &ScimPath, target: &Target, place: P) -> bool {
        let folded = path.0.to_ascii_lowercase();
        let Some(attribute) = &target.0 else {
            return self.entries.remove(&folded).is_some();
        };
        // The spelling of a lower layer stays: the default ones are those of RFC 7643.
        let spelling = match self.entries.get(&folded) {
            Some((spelling, ..)) => spelling.clone(),
            None => path.0.clone(),
        };
        let value = (spelling, attribute.clone(), Some(place));
        self.entries.insert(folded, value);
        true
    }

    /// Pairs of paths that go to one attribute, with a place that made one of them.
    pub(super) fn collisions(&self) -> Vec<(String, String, String, Option<P>)> {
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

    /// The finished map, from SCIM path to Keycloak attribute.
    pub(super) fn into_inner(self) -> BTreeMap<String, String> {
        let entries = self.entries.into_values();
        entries.map(|(path, attribute, _)| (path, attribute)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn layers_match_paths_without_case_and_keep_the_spelling_of_the_standard() {
        let mut map = AttributeMap::built_in();
        let path = |text| ScimPath::parse(text).unwrap();
        assert!(map.set(&path("DISPLAYNAME"), &Target(Some("dn".to_owned())), 1));
        assert!(map.set(&path("Nickname"), &Target(None), 2));
        assert!(!map.set(&path("nickName"), &Target(None), 3));
        let map = map.into_inner();
        assert_eq!(map.get("displayName").unwrap(), "dn");
        assert!(!map.contains_key("nickName"));
        assert_eq!(map.len(), DEFAULT_MAP.len() - 1);
    }

    #[test]
    fn two_paths_to_one_attribute_collide_at_the_place_that_did_it() {
        let mut map = AttributeMap::built_in();
        let path = ScimPath::parse("urn:example:User:job").unwrap();
        map.set(&path, &Target(Some("Title".to_owned())), 7);
        let collisions = map.collisions();
        assert_eq!(collisions.len(), 1);
        assert_eq!(collisions[0].3, Some(7));
    }

    #[test]
    fn the_built_in_map_keeps_its_own_rules() {
        for (path, attribute) in DEFAULT_MAP {
            let path = ScimPath::parse(path).unwrap();
            assert!(path.unmappable().is_none());
            assert!(Target::read(&Found::Text(attribute)).is_ok());
        }
        assert!(AttributeMap::<()>::built_in().collisions().is_empty());
    }
}
