//! Which users a list or count asks Keycloak for, and how that is written in a URL.

use url::form_urlencoded;

use super::representation::UserId;

/// The most users one call asks for. An unbounded list of 100,000 users ends Keycloak with an
/// OutOfMemoryError, so every list has a bound.
pub const MAX_PAGE: u32 = 1000;

/// How long one attribute's condition may be in a URL, in bytes: common reverse proxies take 8 KiB
/// for the whole request line.
const MAX_ENCODED: usize = 4000;

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
    /// Whether the texts must match as a whole (the default) or occur anywhere. One switch for
    /// all conditions, the attributes included.
    pub exact: bool,
    /// Attribute values (`q=`). Any value of a multi-valued attribute may match. A search by the
    /// value of an attribute that many users have is linear in those users.
    pub attributes: Vec<AttributeMatch>,
    /// The `enabled` flag.
    pub enabled: Option<bool>,
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
            exact: true,
            attributes: Vec::new(),
            enabled: None,
            ids: Vec::new(),
            first: None,
            max: 100,
        }
    }
}

impl UserQuery {
    /// The conditions, as `users` and `users/count` both take them.
    pub(super) fn conditions(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if let Some(username) = &self.username {
            pairs.push(("username", username.clone()));
        }
        if let Some(email) = &self.email {
            pairs.push(("email", email.clone()));
        }
        if let Some(enabled) = self.enabled {
            pairs.push(("enabled", enabled.to_string()));
        }
        if !self.attributes.is_empty() {
            let terms: Vec<&str> = self.attributes.iter().map(|term| term.0.as_str()).collect();
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

/// One condition on a user attribute, in the form that Keycloak's `q=` takes: `key:"value"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMatch(String);

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
    /// The name is empty or holds more than letters, digits, `.`, `_` and `-`; one that holds a
    /// colon, say, can't be searched.
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
        if name.is_empty() || !name.chars().all(plain) {
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
        Ok(Self(term))
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
            AttributeMatch::new("scim.externalId", r#"a"b c:d"#).unwrap().0,
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
        assert_eq!(refused("k", &"ü".repeat(1000)), InexpressibleAttribute::TooLong);
    }

    #[test]
    fn writes_all_conditions_and_a_bounded_window() {
        let query = UserQuery {
            username: Some("babs&jensen=1".into()),
            email: Some("babs+x@example.com".into()),
            attributes: vec![
                AttributeMatch::new("scim.managed", "realm").unwrap(),
                AttributeMatch::new("scim.externalId", "a b").unwrap(),
            ],
            enabled: Some(true),
            first: Some(20),
            max: u32::MAX,
            ..UserQuery::default()
        };
        assert_eq!(
            encoded(&query),
            "username=babs%26jensen%3D1&email=babs%2Bx%40example.com&enabled=true\
             &q=scim.managed%3A%22realm%22+scim.externalId%3A%22a+b%22&exact=true\
             &max=1000&briefRepresentation=false&first=20"
        );
    }

    #[test]
    fn always_sends_a_bound() {
        assert_eq!(encoded(&UserQuery::default()), "exact=true&max=100&briefRepresentation=false");
    }
}
