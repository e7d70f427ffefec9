//! The tables of groups as they are written, in which every key may be absent.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::config::scalar::{Checked, Found, Line, List, Refusal, Scalar, Value, Whole};

use super::{OnExistingGroup, VisibleGroups};

/// Longest name of a group or value that Keycloak stores, in UTF-16 units; a longer one is answered 500.
const NAME_MAX: usize = 255;

/// Roles of groups by the group's name, each list with its place.
pub(super) type RolesLayer = BTreeMap<Spanned<String>, Vec<Spanned<RoleEntry>>>;

/// `[realms.NAME.groups]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct GroupsLayer {
    pub(in crate::config) parent: Value<Parent>,
    pub(super) visible: Value<VisibleGroups>,
    pub(super) on_existing: Value<OnExistingGroup>,
    pub(super) privileged: List<GroupName>,
    pub(super) patch_response_members: Value<Whole<0, 10_000>>,
    #[serde(default)]
    pub(super) roles: RolesLayer,
}

impl GroupsLayer {
    /// This layer over `lower`: its scalars and lists win. Roles are merged by whoever folds them, because names of
    /// groups are matched without case.
    pub(in crate::config) fn over(self, lower: Self) -> Self {
        Self {
            parent: self.parent.or(lower.parent),
            visible: self.visible.or(lower.visible),
            on_existing: self.on_existing.or(lower.on_existing),
            privileged: self.privileged.or(lower.privileged),
            patch_response_members: self.patch_response_members.or(lower.patch_response_members),
            roles: self.roles,
        }
    }

    /// This layer of an organization over that of its realm. Keycloak keeps an organization's groups apart, so that they
    /// have no parent in the realm; and what a group of the realm may carry, a group of that name that an organization's
    /// callers push must not.
    pub(in crate::config) fn within(self, realm: Self) -> Self {
        let own = (self.privileged.clone(), self.roles.clone());
        let over = self.over(realm);
        Self { parent: None, privileged: own.0, roles: own.1, ..over }
    }
}

/// An element of a list of roles: the name of a realm role, or a table that names a client's.
#[derive(Clone, Debug)]
pub(super) enum RoleEntry {
    Realm(Line),
    Client(ClientRoleLayer),
}

/// `{ client = "…", role = "…" }`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct ClientRoleLayer {
    pub(super) client: Value<Line>,
    pub(super) role: Value<Line>,
}

impl<'de> Deserialize<'de> for RoleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RoleVisitor)
    }
}

struct RoleVisitor;

impl<'de> Visitor<'de> for RoleVisitor {
    type Value = RoleEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a realm role, or { client = \"CLIENT\", role = \"ROLE\" } for a client's")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RoleEntry, E> {
        Checked::<Line>::read(&Found::Text(text)).map(|line| RoleEntry::Realm(line.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RoleEntry, A::Error> {
        ClientRoleLayer::deserialize(MapAccessDeserializer::new(map)).map(RoleEntry::Client)
    }
}

/// The name of a group.
#[derive(Clone, Debug)]
pub(super) struct GroupName(pub(super) String);

impl GroupName {
    /// What Keycloak stores as a name and paths can tell apart.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = !text.trim().is_empty()
            && text.encode_utf16().count() <= NAME_MAX
            && !text.contains(|c: char| c == '/' || c.is_control());
        fits.then(|| Self(text.to_owned()))
    }

    /// The same for all names that differ only in case.
    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl Scalar for GroupName {
    fn expected() -> String {
        format!(
            "the name of a group (1 to {NAME_MAX} characters, not only blanks, without slashes and control characters)"
        )
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        Self::parse(found.text()?).ok_or(Refusal::Unexpected)
    }
}

/// The names on the way to a group, from the top; none for the top level itself.
#[derive(Clone, Debug)]
pub(in crate::config) struct Parent(pub(super) Vec<String>);

impl Scalar for Parent {
    fn expected() -> String {
        format!(
            "the path of a group such as \"/SCIM\" or \"/Company/SCIM\", each name with 1 to {NAME_MAX} characters, or \
             \"/\" for the top level"
        )
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        if matches!(text, "" | "/") {
            return Ok(Self(Vec::new()));
        }
        let names = text.strip_prefix('/').ok_or(Refusal::Unexpected)?.split('/');
        let names: Option<_> = names.map(|name| Some(GroupName::parse(name)?.0)).collect();
        names.map(Self).ok_or(Refusal::Unexpected)
    }
}

/// The names on the way to a group, at least one.
#[derive(Clone, Debug)]
pub(in crate::config) struct GroupPath(pub(in crate::config) Vec<String>);

impl Scalar for GroupPath {
    fn expected() -> String {
        format!(
            "the path of a group such as \"/Staff\" or \"/Staff/Nurses\", each name with 1 to {NAME_MAX} characters"
        )
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let path = Parent::read(found)?.0;
        if path.is_empty() { Err(Refusal::Unexpected) } else { Ok(Self(path)) }
    }
}

impl Scalar for VisibleGroups {
    fn expected() -> String {
        "\"managed\" or \"all\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "managed" => Ok(Self::Managed),
            "all" => Ok(Self::All),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl Scalar for OnExistingGroup {
    fn expected() -> String {
        "\"reject\" or \"adopt\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "reject" => Ok(Self::Reject),
            "adopt" => Ok(Self::Adopt),
            _ => Err(Refusal::Unexpected),
        }
    }
}
