//! Which users a list or count asks Keycloak for, and how that is written in a URL.

use url::form_urlencoded;

use super::representation::{GroupRepresentation, UserId};

/// The most users one call asks for. An unbounded list of 100,000 users ends Keycloak with an
/// OutOfMemoryError, so every list has a bound.
pub const MAX_PAGE: u32 = 1000;

/// How long one attribute's condition may be in a URL, in bytes: common reverse proxies take 8 KiB
/// for the whole request line.
const MAX_ENCODED: usize = 4000;

/// Names that `q=` takes for fields of the user.
const NO_ATTRIBUTES: [&str; 6] = ["username", "email", "firstName", "lastName", "enabled", "emailVerified"];

/// What the names begin with that `q=` takes for options of the search itself.
const SEARCH_OPTIONS: &str = "keycloak.session.realm.users.query.";

/// Which users to list or count; all conditions hold together.
///
/// Keycloak compares usernames, e-mail addresses and attribute values without case, so what comes
/// back is a superset: look at it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// The username; Keycloak compares without case.
    pub username: Option<String>,
    /// The e-mail address that Keycloak itself holds; compared without case.
    pub email: Option<String>,
    /// The first name; compared without case.
    pub first_name: Option<String>,
    /// The last name; compared without case.
    pub last_name: Option<String>,
    /// Whether the texts must match as a whole (the default) or occur anywhere. One switch for
    /// all conditions, the attributes included. Where they may occur anywhere, Keycloak leaves the
    /// wildcards `%` and `_` in them, and passes over attribute values of more than 255 characters.
    pub exact: bool,
    /// Attribute values (`q=`). Any value of a multi-valued attribute may match. A search by the
    /// value of an attribute that many users have is linear in those users.
    pub attributes: Vec<AttributeMatch>,
    /// The `enabled` flag.
    pub enabled: Option<bool>,
    /// Created then or later, in milliseconds since 1970; not negative. A user without a time of
    /// creation, which the oldest may be, is found by neither bound.
    pub created_after: Option<i64>,
    /// Created then or earlier; the same.
    pub created_before: Option<i64>,
    /// Exactly these users. Keycloak ignores every other condition and the window beside ids, so
    /// none is sent; ids that don't exist are skipped, and service accounts are among the answers.
    pub ids: Vec<UserId>,
    /// How many users to skip, ordered by username.
    pub first: Option<u32>,
    /// At most so many users; above [`MAX_PAGE`] it counts as [`MAX_PAGE`].
    pub max: u32,
}

impl Default for UserQuery {
    fn default() -> Self {
        Self {
            username: None,
            email: None,
            first_name: None,
            last_name: None,
            exact: true,
            attributes: Vec::new(),
            enabled: None,
            created_after: None,
            created_before: None,
            ids: Vec::new(),
            first: None,
            max: 100,
        }
    }
}

impl UserQuery {
    /// The conditions, as `users` and `users/count` both take them.
    pub(super) fn conditions(&self) -> Vec<(&'static str, String)> {
        let texts = [
            ("username", self.username.clone()),
            ("email", self.email.clone()),
            ("firstName", self.first_name.clone()),
            ("lastName", self.last_name.clone()),
            ("enabled", self.enabled.map(|enabled| enabled.to_string())),
            ("createdAfter", self.created_after.map(|millis| millis.to_string())),
            ("createdBefore", self.created_before.map(|millis| millis.to_string())),
        ];
        let mut pairs: Vec<_> = texts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if !self.attributes.is_empty() {
            let terms: Vec<&str> = self.attributes.iter().map(|term| term.term.as_str()).collect();
            pairs.push(("q", terms.join(" ")));
        }
        // Always said: left out, Keycloak takes false for names and true for attributes.
        pairs.push(("exact", self.exact.to_string()));
        pairs
    }

    /// The window and the form of the answer.
    pub(super) fn window(&self) -> Vec<(&'static str, String)> {
        let mut pairs =
            vec![("max", self.max.min(MAX_PAGE).to_string()), ("briefRepresentation", "false".to_owned())];
        if let Some(first) = self.first {
            pairs.push(("first", first.to_string()));
        }
        pairs
    }
}

/// Which groups to list, on every level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupQuery {
    /// A part of the name, compared without case; `*` stands for anything. Ignored where attributes are asked for. In an
    /// organization more is found than that for `_`, `%` and a backslash: look at it again.
    pub search: Option<String>,
    /// Attribute values (`q=`), compared exactly. Without any and without `search` all groups are found.
    pub attributes: Vec<AttributeMatch>,
}

impl GroupQuery {
    pub(super) fn conditions(&self) -> Vec<(&'static str, String)> {
        let mut pairs = if self.attributes.is_empty() {
            // A blank search finds all levels; without one, and with an empty one, only the top level is listed.
            vec![("search", self.search.clone().unwrap_or_else(|| " ".to_owned()))]
        } else {
            let terms: Vec<&str> = self.attributes.iter().map(|term| term.term.as_str()).collect();
            vec![("q", terms.join(" "))]
        };
        // Else the groups above those that are found come too.
        pairs.push(("populateHierarchy", "false".to_owned()));
        pairs
    }

    /// The conditions for the groups of an organization. There a search looks at the beginning of a name alone, and finds
    /// none by `_`, `%` or a backslash (they are escaped for a query that knows no escape), so that anything may stand in
    /// their place.
    pub(super) fn in_organization(&self) -> Vec<(&'static str, String)> {
        let search = self.search.as_ref().map(|text| format!("*{}*", text.replace(['_', '%', '\\'], "*")));
        Self { search, attributes: self.attributes.clone() }.conditions()
    }

    /// Whether the group has all the attributes' values that are asked for. In an organization Keycloak compares them
    /// without case.
    pub(super) fn holds_attributes(&self, group: &GroupRepresentation) -> bool {
        self.attributes.iter().all(|wanted| {
            let values = group.attributes.as_ref().and_then(|attributes| attributes.get(&wanted.name));
            values.is_some_and(|values| values.contains(&wanted.value))
        })
    }
}

/// One condition on a user attribute, in the form that Keycloak's `q=` takes: `key:"value"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMatch {
    name: String,
    value: String,
    term: String,
}

/// Why a condition on an attribute can't be asked of Keycloak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InexpressibleAttribute {
    /// `q=` has no reliable way to write a backslash: `\\` finds nothing.
    #[error("Keycloak can't search for a value that holds a backslash")]
    Backslash,
    /// Keycloak answers 400 to a request with a NUL, and stores none.
    #[error("Keycloak can't search for a value that holds a NUL")]
    Nul,
    /// `q=` takes no empty value, and Keycloak stores none.
    #[error("Keycloak can't search for an empty value")]
    Empty,
    /// The value would make the request line too long.
    #[error("the value is too long to be searched for")]
    TooLong,
    /// The name is empty or holds more than letters, digits, `.`, `_` and `-` (one that holds a
    /// colon, say, can't be searched), or Keycloak takes it for something else than an attribute.
    #[error("Keycloak can't search for an attribute of this name")]
    Name,
}

impl AttributeMatch {
    /// The condition that attribute `name` has the value `value`.
    ///
    /// # Errors
    /// When `q=` can't express it; the caller then needs another way, a hash stored beside the
    /// value, say.
    pub fn new(name: &str, value: &str) -> Result<Self, InexpressibleAttribute> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let taken = NO_ATTRIBUTES.contains(&name) || name.starts_with(SEARCH_OPTIONS);
        if name.is_empty() || !name.chars().all(plain) || taken {
            return Err(InexpressibleAttribute::Name);
        }
        if value.is_empty() {
            return Err(InexpressibleAttribute::Empty);
        }
        if value.contains('\\') {
            return Err(InexpressibleAttribute::Backslash);
        }
        if value.contains('\0') {
            return Err(InexpressibleAttribute::Nul);
        }
        let term = format!("{name}:\"{}\"", value.replace('"', "\\\""));
        let encoded: usize = form_urlencoded::byte_serialize(term.as_bytes()).map(str::len).sum();
        if encoded > MAX_ENCODED {
            return Err(InexpressibleAttribute::TooLong);
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned(), term })
    }

    /// The condition as it is asked for.
    pub fn term(&self) -> &str {
        &self.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(query: &UserQuery) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query.conditions())
            .extend_pairs(query.window())
            .finish()
    }

    #[test]
    fn quotes_attribute_values() {
        assert_eq!(
            AttributeMatch::new("scim.externalId", r#"a"b c:d"#).unwrap().term,
            r#"scim.externalId:"a\"b c:d""#
        );
    }

    #[test]
    fn refuses_what_q_cannot_express() {
        let refused = |name, value: &str| AttributeMatch::new(name, value).unwrap_err();
        assert_eq!(refused("k", r"a\b"), InexpressibleAttribute::Backslash);
        assert_eq!(refused("k", r"a\"), InexpressibleAttribute::Backslash);
        assert_eq!(refused("k", ""), InexpressibleAttribute::Empty);
        assert_eq!(refused("urn:x", "a"), InexpressibleAttribute::Name);
        assert_eq!(refused("a b", "a"), InexpressibleAttribute::Name);
        assert_eq!(refused("", "a"), InexpressibleAttribute::Name);
        for name in ["enabled", "emailVerified", "username", "keycloak.session.realm.users.query.exact"] {
            assert_eq!(refused(name, "a"), InexpressibleAttribute::Name);
        }
        assert_eq!(refused("k", &"ü".repeat(1000)), InexpressibleAttribute::TooLong);
    }

    #[test]
    fn writes_all_conditions_and_a_bounded_window() {
        let query = UserQuery {
            username: Some("babs&jensen=1".into()),
            email: Some("babs+x@example.com".into()),
            first_name: Some("Babs".into()),
            last_name: Some("%".into()),
            attributes: vec![
                AttributeMatch::new("scim.managed", "realm").unwrap(),
                AttributeMatch::new("scim.externalId", "a b").unwrap(),
            ],
            enabled: Some(true),
            created_after: Some(0),
            created_before: Some(1_700_000_000_000),
            first: Some(20),
            max: u32::MAX,
            ..UserQuery::default()
        };
        assert_eq!(
            encoded(&query),
            "username=babs%26jensen%3D1&email=babs%2Bx%40example.com&firstName=Babs&lastName=%25&enabled=true\
             &createdAfter=0&createdBefore=1700000000000&q=scim.managed%3A%22realm%22+scim.externalId%3A%22a+b%22&exact=true\
             &max=1000&briefRepresentation=false&first=20"
        );
    }

    #[test]
    fn always_sends_a_bound() {
        assert_eq!(encoded(&UserQuery::default()), "exact=true&max=100&briefRepresentation=false");
    }
}
