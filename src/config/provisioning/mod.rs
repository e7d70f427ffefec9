//! What becomes of users besides their attributes: links to identity providers, what they start with, who may end them.

mod layer;

use std::collections::BTreeSet;

pub(super) use layer::{Alias, IdentityProviderLayer, OnCreateLayer};

/// What a caller may do to a user whom another caller of the same tenant made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Change attributes, but neither delete nor deactivate.
    Refuse,
    /// Everything: the last one wins.
    LastWins,
}

/// The identity provider that users are linked to, so that single sign-on finds who was provisioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProviderLink {
    /// Its alias in Keycloak.
    pub alias: String,
    /// Which value is the user's id there.
    pub user_id: LinkedValue,
}

/// Which value of a user is its id at the identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkedValue {
    /// The caller's `externalId`.
    ExternalId,
    /// `userName`, as the client sent it.
    UserName,
    /// The e-mail address that Keycloak gets.
    Email,
    /// Another attribute with one text value, by its path.
    Attribute(String),
}

/// What users get once, when they are created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnCreate {
    /// Keycloak's required actions, such as `UPDATE_PROFILE`.
    pub required_actions: BTreeSet<String>,
    /// Whether the e-mail address of a new user counts as verified.
    pub email_verified: bool,
    /// The groups of the realm that a new user joins: for each the names on the way to it.
    pub groups: BTreeSet<Vec<String>>,
}
