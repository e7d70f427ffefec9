//! From what is stored and what is wanted to the steps between: pure, so that it can be shown without being run.

use time::OffsetDateTime;

use crate::directory::{Row, Wanted};
use crate::keycloak::UserRepresentation;
use crate::scim::{Code, Error};

use super::storage::{ACTIVE, LAST_MODIFIED, PENDING, Storage, asserted, value};

/// One write to Keycloak. Each may be done again without harm, so a plan that was cut off is completed by repeating it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// End all sessions, offline ones too, so that no old refresh token lives on.
    EndSessions,
    /// Write the user.
    Write(Box<UserRepresentation>),
}

/// What is to be done for an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// The user as it will be stored.
    pub after: UserRepresentation,
    /// Why administrative power forbids this plan, where it does: the attribute that would change.
    pub forbidden_to_power: Option<&'static str>,
}

/// What the plan hangs on besides the user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub storage: &'a Storage,
    pub caller: &'a str,
    /// Does `active: true` undo a block that was set in Keycloak?
    pub reactivate_local: bool,
    pub now: OffsetDateTime,
}

/// Plans an update of a user that is managed already.
///
/// # Errors
/// As [`Storage::write`].
pub(super) fn update(
    stored: &UserRepresentation,
    before: &Row,
    wanted: &Wanted,
    rules: Rules<'_>,
) -> Result<Plan, Error> {
    let mut write = match rules.storage.write(stored, wanted, rules.caller, rules.now) {
        Ok(write) => write,
        Err(error) if error.code == Code::UnknownFormat && wanted.active == Some(false) => {
            return Ok(deactivate_alone(stored));
        }
        Err(error) => return Err(error),
    };
    let live = stored.enabled.unwrap_or(false);
    // `enabled` is written only for what the client newly asserts, so that a block that an administrator or brute-force
    // protection set survives the echo of `active: true`. An assertion of false always counts: leavers must not stay.
    let enabled = match wanted.active {
        Some(true) if !live => (rules.reactivate_local || asserted(stored) != Some(true)).then_some(true),
        Some(false) if live => Some(false),
        _ => None,
    };
    // Sent also to who is disabled already: a write that says so is taken as a deactivation, whatever hinders it.
    write.enabled = enabled.or(wanted.active.filter(|active| !active));
    let marked = write.attributes.get_or_insert_default().remove(PENDING).is_some();
    let active_noted = wanted.active.is_none_or(|active| value(stored, ACTIVE) == Some(&active.to_string()));
    let mut after = stored.clone();
    after.attributes = write.attributes.clone();
    after.email = lower(&write.email);
    after.first_name.clone_from(&write.first_name);
    after.last_name.clone_from(&write.last_name);
    after.username = lower(&write.username);
    if rules.storage.email_as_username && after.email.is_some() {
        after.username.clone_from(&after.email);
    }
    after.enabled = enabled.or(stored.enabled);
    // Only what a client would see is a change: a value such as an empty text does not survive being stored, and must
    // not be written, and the version moved, each time it is repeated.
    let mut seen = rules.storage.read(&after, rules.caller).resource;
    seen.set_flag("active", before.resource.flag("active"));
    let changes = seen != before.resource || enabled.is_some();
    if !changes {
        for attributes in [&mut write.attributes, &mut after.attributes].into_iter().flatten() {
            match value(stored, LAST_MODIFIED) {
                Some(last) => attributes.insert(LAST_MODIFIED.into(), vec![last.to_owned()]),
                None => attributes.remove(LAST_MODIFIED),
            };
        }
    }
    // Also where all is as it was, but not where it belongs: the map has changed.
    let unsettled = rules.storage.settled_attributes(stored).is_some();
    let due = changes || !active_noted || marked || unsettled || !rules.storage.tenant.has(stored);
    let forbidden_to_power = if lower(&stored.username) != lower(&write.username) {
        Some("userName")
    } else if lower(&stored.email).unwrap_or_default() != after.email.clone().unwrap_or_default() {
        Some("emails")
    } else if enabled == Some(true) {
        Some("active")
    } else {
        None
    };
    let mut steps = Vec::new();
    // Before enabling: what an old refresh token could still do must be over when the user may sign in again.
    if enabled == Some(true) {
        steps.push(Step::EndSessions);
    }
    if due {
        steps.push(Step::Write(Box::new(write)));
    } else {
        after = stored.clone();
    }
    // Whenever a client says so, also if the user was disabled already: an earlier try may have been cut off here.
    if wanted.active == Some(false) {
        steps.push(Step::EndSessions);
    }
    Ok(Plan { steps, after, forbidden_to_power })
}

/// Deactivates a user and leaves all else as it is: leavers must not stay because the rest can't be written.
pub(super) fn deactivate_alone(stored: &UserRepresentation) -> Plan {
    let mut write = UserRepresentation { enabled: Some(false), ..whole(stored) };
    write.attributes.get_or_insert_default().insert(ACTIVE.into(), vec![false.to_string()]);
    let after =
        UserRepresentation { enabled: Some(false), attributes: write.attributes.clone(), ..stored.clone() };
    Plan { steps: vec![Step::Write(Box::new(write)), Step::EndSessions], after, forbidden_to_power: None }
}

/// A user as it must be written so that nothing of it is lost: with `attributes`, Keycloak clears what is left out, and
/// a realm that lets usernames be edited refuses a write without one.
pub(super) fn whole(user: &UserRepresentation) -> UserRepresentation {
    UserRepresentation {
        username: user.username.clone(),
        email: user.email.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        attributes: Some(user.attributes.clone().unwrap_or_default()),
        ..UserRepresentation::default()
    }
}

/// Text as Keycloak keeps usernames and e-mail addresses.
fn lower(text: &Option<String>) -> Option<String> {
    text.as_ref().map(|text| text.to_lowercase())
}

/// The user that a create sends: index, mark and all attributes in the one call that creates it.
///
/// # Errors
/// As [`Storage::write`].
pub(super) fn create(wanted: &Wanted, mark: &str, rules: Rules<'_>) -> Result<UserRepresentation, Error> {
    // RFC 7643 leaves the default of `active` to the server. Keycloak's is "disabled", which nobody expects.
    let active = wanted.active.unwrap_or(true);
    let wanted = Wanted { active: Some(active), ..wanted.clone() };
    let mut write = rules.storage.write(&UserRepresentation::default(), &wanted, rules.caller, rules.now)?;
    write.enabled = Some(active);
    write.created_timestamp = i64::try_from(rules.now.unix_timestamp_nanos() / 1_000_000).ok();
    write.attributes.get_or_insert_default().insert(PENDING.into(), vec![mark.into()]);
    Ok(write)
}

#[cfg(test)]
mod tests;
