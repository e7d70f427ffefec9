//! What a new user starts with: what it must do, whether its e-mail address counts as verified, groups.

use std::collections::BTreeSet;

use crate::directory::Result;
use crate::keycloak::{self, AdminClient, GroupRepresentation, UserRepresentation};

use super::Session;

/// What users get once, when they are created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnCreate {
    /// Keycloak's required actions, such as `UPDATE_PROFILE`.
    pub required_actions: BTreeSet<String>,
    /// Does the e-mail address of a new user count as verified?
    pub email_verified: bool,
    /// The groups that a new user joins: for each the names on the way to it.
    pub groups: BTreeSet<Vec<String>>,
}

/// The path of a group, as Keycloak takes it.
pub(super) fn path(names: &[String]) -> String {
    format!("/{}", names.join("/"))
}

/// Looks whether the realm has what new users are to start with. Whether its groups carry power is looked at when
/// somebody is about to join.
pub(super) async fn check(
    client: &AdminClient,
    expected: &OnCreate,
    problems: &mut Vec<String>,
) -> keycloak::Result<()> {
    for names in &expected.groups {
        if client.clone().of_realm().group_by_path(names).await?.is_none() {
            problems.push(format!("the group {} (on_create.groups) is missing", path(names)));
        }
    }
    if expected.required_actions.is_empty() {
        return Ok(());
    }
    let registered = match client.required_actions().await {
        Ok(registered) => registered,
        // Then it shows in Keycloak only.
        Err(keycloak::Error::Forbidden { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    for wanted in &expected.required_actions {
        match registered.iter().find(|action| action.alias == *wanted) {
            // Keycloak would drop it without a word.
            None => problems.push(format!("the required action {wanted} (on_create.required_actions) is unknown")),
            Some(action) if !action.enabled => problems.push(format!(
                "the required action {wanted} (on_create.required_actions) is switched off, so nobody would be asked: \
                 turn it on under Authentication > Required actions"
            )),
            Some(_) => {}
        }
    }
    Ok(())
}

impl Session {
    /// Puts into what a create sends what a new user starts with; gives the groups that it joins.
    ///
    /// # Errors
    /// 503 where one of the groups is missing or carries administrative power.
    pub(super) async fn start_with(
        &self,
        write: &mut UserRepresentation,
    ) -> Result<Vec<GroupRepresentation>> {
        let wanted = &self.settings().on_create;
        if wanted.email_verified && write.email.is_some() {
            write.email_verified = Some(true);
        }
        if !wanted.required_actions.is_empty() {
            write.required_actions = Some(wanted.required_actions.iter().cloned().collect());
        }
        if wanted.groups.is_empty() {
            return Ok(Vec::new());
        }
        let groups = self.groups_to_start_in(&wanted.groups).await?;
        write.groups = Some(wanted.groups.iter().map(|names| path(names)).collect());
        Ok(groups)
    }
}
