//! The tables of provisioning as they are written, and how layers of them are folded.

use serde::Deserialize;

use crate::config::attributes::ScimPath;
use crate::config::check::{Checker, get, list};
use crate::config::groups::GroupPath;
use crate::config::scalar::{Found, Line, List, Refusal, Scalar, Value};
use crate::scim::path::AttrPath;
use crate::scim::schema::{ResourceType, Type};

use super::{IdentityProviderLink, LinkedValue, OnCreate, Shared};

/// `[realms.NAME.identity_provider]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct IdentityProviderLayer {
    pub(in crate::config) alias: Value<Alias>,
    pub(in crate::config) user_id: Value<LinkedValue>,
}

/// `[realms.NAME.on_create]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct OnCreateLayer {
    pub(in crate::config) required_actions: List<Line>,
    pub(in crate::config) email_verified: Value<bool>,
    pub(in crate::config) groups: List<GroupPath>,
}

impl IdentityProviderLayer {
    /// This layer over `lower`: its scalars win.
    pub(in crate::config) fn over(self, lower: Self) -> Self {
        Self { alias: self.alias.or(lower.alias), user_id: self.user_id.or(lower.user_id) }
    }

    /// Checks that users of this type have one text to link by.
    pub(in crate::config) fn check(&self, checker: &mut Checker<'_>, user: &ResourceType) {
        if let Some(value) = &self.user_id
            && let LinkedValue::Attribute(path) = &value.get_ref().0
            && let Some(reason) = unlinkable(user, path)
        {
            checker.at(&value.span(), format!("{reason}; expected {}", LinkedValue::expected()));
        }
    }

    /// What the folded layers say; none where no alias is given, or it was taken away.
    pub(in crate::config) fn link(&self) -> Option<IdentityProviderLink> {
        let alias = get(&self.alias)?.0?;
        Some(IdentityProviderLink { alias, user_id: get(&self.user_id).unwrap_or(LinkedValue::ExternalId) })
    }
}

impl OnCreateLayer {
    /// This layer over `lower`: its scalars and lists win.
    pub(in crate::config) fn over(self, lower: Self) -> Self {
        Self {
            required_actions: self.required_actions.or(lower.required_actions),
            email_verified: self.email_verified.or(lower.email_verified),
            groups: self.groups.or(lower.groups),
        }
    }

    /// What the folded layers say.
    pub(in crate::config) fn on_create(&self) -> OnCreate {
        let plain = OnCreate::default();
        let actions = list(&self.required_actions).unwrap_or_default();
        let groups = list(&self.groups).unwrap_or_default();
        OnCreate {
            required_actions: actions.into_iter().map(|action| action.0).collect(),
            email_verified: get(&self.email_verified).unwrap_or(plain.email_verified),
            groups: groups.into_iter().map(|path| path.0).collect(),
        }
    }
}

/// An identity provider's alias; none takes one away that a lower layer gave.
#[derive(Clone, Debug)]
pub(in crate::config) struct Alias(pub(in crate::config) Option<String>);

impl Scalar for Alias {
    fn expected() -> String {
        "the alias of an identity provider (1 to 255 characters without slashes, line breaks or blanks around it), or \
         \"\" for none"
            .to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        if found.text()?.is_empty() {
            return Ok(Self(None));
        }
        let line =
            Line::read(found).ok().filter(|line| !line.0.contains('/') && line.0 != "." && line.0 != "..");
        line.map(|line| Self(Some(line.0))).ok_or(Refusal::Unexpected)
    }
}

/// Why users can't be linked by this attribute, if they can't.
fn unlinkable(user: &ResourceType, path: &str) -> Option<&'static str> {
    let (attribute, sub) = match AttrPath::resolve(user, path) {
        Ok(AttrPath::Attribute { attribute, sub, .. }) => (attribute, sub),
        Ok(AttrPath::Core | AttrPath::Extension(_)) => return Some("this names a whole schema"),
        Err(_) => return Some("no served schema has this attribute"),
    };
    let leaf = sub.as_ref().unwrap_or(&attribute);
    if attribute.multi_valued || leaf.multi_valued {
        return Some("this attribute has several values");
    }
    if !matches!(leaf.kind, Type::String | Type::Reference) {
        return Some("this attribute is no text");
    }
    (attribute.is_secret() || leaf.is_secret()).then_some("this attribute is never told")
}

/// Attributes that a link can't take, with their names in the file and the reason.
const NO_LINK: [(&str, &str); 3] = [
    ("password", "passwords are dropped and never kept; expected another attribute"),
    ("id", "this is Keycloak's own id, which no identity provider knows; expected another attribute"),
    ("active", "this is no text; expected another attribute"),
];

impl Scalar for LinkedValue {
    fn expected() -> String {
        "\"externalId\", \"userName\", \"emails\" or the path of another attribute with one text value"
            .to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        Self::from_text(found.text()?)
    }
}

impl LinkedValue {
    /// Reads what names the value, where users are of this type.
    ///
    /// # Errors
    /// Why it can't be.
    pub fn parse(text: &str, user: &ResourceType) -> Result<Self, String> {
        let expected = |reason: &str| format!("{reason}; expected {}", <Self as Scalar>::expected());
        match Self::from_text(text) {
            Ok(Self::Attribute(path)) => match unlinkable(user, &path) {
                Some(reason) => Err(expected(reason)),
                None => Ok(Self::Attribute(path)),
            },
            Ok(value) => Ok(value),
            Err(Refusal::Because(reason)) => Err(reason),
            Err(Refusal::Unexpected) => Err(expected("this is no attribute")),
        }
    }

    fn from_text(text: &str) -> Result<Self, Refusal> {
        let path = ScimPath::parse(text).ok_or(Refusal::Unexpected)?;
        if let Some((_, reason)) = NO_LINK.iter().find(|(name, _)| path.is(name)) {
            return Err(Refusal::Because((*reason).to_owned()));
        }
        Ok(match &path {
            path if path.is("externalId") => Self::ExternalId,
            path if path.is("userName") => Self::UserName,
            path if path.is("emails") || path.is("emails.value") => Self::Email,
            _ => Self::Attribute(path.0),
        })
    }
}

impl Scalar for Shared {
    fn expected() -> String {
        "\"refuse\" or \"last-wins\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "refuse" => Ok(Self::Refuse),
            "last-wins" => Ok(Self::LastWins),
            _ => Err(Refusal::Unexpected),
        }
    }
}
