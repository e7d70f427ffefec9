//! Where a group's attributes are kept: in Keycloak's group, and in a few attributes of its own.
//!
//! These names and forms stand in people's databases for years: changing one needs a migration.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::directory::Result;
use crate::directory::groups::GroupRow;
use crate::keycloak::GroupRepresentation;
use crate::scim::group::group as group_type;
use crate::scim::render::Meta;
use crate::scim::{Code, Error, Resource, ScimType, date_time};

use super::super::storage::{EXTERNAL_ID, LAST_MODIFIED, MANAGED, PENDING, external_id};
use super::super::tenant::Tenant;

/// When the group was created; Keycloak itself does not note it.
const CREATED: &str = "scim.created";
/// Another value for every change of the members. While it begins with [`MOVING`], they are just being changed, or a
/// change of them was cut off.
const REVISION: &str = "scim.revision";
const MOVING: char = '~';

/// A create that began longer ago is none that goes on.
const YOUNG: time::Duration = time::Duration::minutes(2);

/// The longest name and attribute value of a group, in UTF-16 units.
const TEXT_MAX: usize = 255;

/// The first value of an attribute.
fn value<'g>(group: &'g GroupRepresentation, name: &str) -> Option<&'g str> {
    values(group, name).first().map(String::as_str)
}

fn values<'g>(group: &'g GroupRepresentation, name: &str) -> &'g [String] {
    group.attributes.as_ref().and_then(|attributes| attributes.get(name)).map_or(&[], Vec::as_slice)
}

/// Does the tenant manage the group? Compared exactly.
pub(super) fn is_tagged(group: &GroupRepresentation, tenant: &Tenant) -> bool {
    tenant.is_among(values(group, MANAGED))
}

/// Is the group's create not finished?
pub(super) fn is_unfinished(group: &GroupRepresentation) -> bool {
    value(group, PENDING).is_some()
}

/// Did the group's create begin so lately that it may be going on?
pub(super) fn is_just_begun(group: &GroupRepresentation) -> bool {
    let began = value(group, PENDING).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    began.is_some_and(|began| OffsetDateTime::now_utc() - began < YOUNG)
}

/// Is a change of the members going on, or was one cut off?
pub(super) fn is_moving(group: &GroupRepresentation) -> bool {
    moving_to(group).is_some()
}

/// The revision without its mark, while it has one.
pub(super) fn moving_to(group: &GroupRepresentation) -> Option<&str> {
    value(group, REVISION)?.strip_prefix(MOVING)
}

/// Reads a group as `caller` sees it, without members. `at_rest` where its members are known to move no more, whatever the
/// mark says.
pub(super) fn read(stored: &GroupRepresentation, caller: &str, at_rest: bool) -> GroupRow {
    let mut resource = Resource::default();
    resource.set_text(group_type(), "displayName", Some(&stored.name));
    let prefix = external_id(caller, "");
    let own = values(stored, EXTERNAL_ID).iter().find_map(|value| value.strip_prefix(&prefix));
    resource.set_text(group_type(), "externalId", own);
    let instant = |name| value(stored, name).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let created = instant(CREATED);
    let revision = match moving_to(stored) {
        Some(revision) if at_rest => Some(revision.to_owned()),
        // Who reads now may see any mixture of before and after, so nobody is told that they have seen it already.
        Some(_) => Some(uuid::Uuid::new_v4().to_string()),
        None => value(stored, REVISION).map(str::to_owned),
    };
    let id = stored.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let last_modified = instant(LAST_MODIFIED).or(created);
    GroupRow { resource, meta: Meta { id, created, last_modified, revision }, members: None }
}

/// Writes what is wanted over what is stored, and keeps all else: other attributes, other callers' ids, the description.
///
/// # Errors
/// 400 for a name or an externalId that Keycloak can't keep.
pub(super) fn write(
    before: &GroupRepresentation,
    resource: &Resource,
    caller: &str,
    tenant: &Tenant,
) -> Result<GroupRepresentation> {
    let name = resource.text(group_type(), "displayName").unwrap_or_default();
    if name != before.name {
        check_name(name)?;
    }
    let own = resource.text(group_type(), "externalId").map(|id| external_id(caller, id));
    if own.as_ref().is_some_and(|own| own.encode_utf16().count() > TEXT_MAX) {
        let most = TEXT_MAX - external_id(caller, "").encode_utf16().count();
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::ValueTooLong,
            format!("The value of externalId is longer than the {most} characters that a group's can have"),
        ));
    }
    let mut attributes = before.attributes.clone().unwrap_or_default();
    let mut tenants = values(before, MANAGED).to_vec();
    if !is_tagged(before, tenant) {
        tenants.push(tenant.index().into());
    }
    attributes.insert(MANAGED.into(), tenants);
    let prefix = external_id(caller, "");
    let foreign = values(before, EXTERNAL_ID).iter().filter(|value| !value.starts_with(&prefix)).cloned();
    let external_ids: Vec<String> = foreign.chain(own).collect();
    if external_ids.is_empty() {
        attributes.remove(EXTERNAL_ID);
    } else {
        attributes.insert(EXTERNAL_ID.into(), external_ids);
    }
    Ok(GroupRepresentation {
        name: name.into(),
        description: before.description.clone(),
        attributes: Some(attributes),
        ..GroupRepresentation::default()
    })
}

/// Notes that the group is created now.
pub(super) fn born(write: &mut GroupRepresentation, now: OffsetDateTime) {
    write.attributes.get_or_insert_default().insert(CREATED.into(), vec![date_time::write(now)]);
}

/// Notes that more is to come, so that a repeated create goes on with it.
pub(super) fn begun(write: &mut GroupRepresentation, now: OffsetDateTime) {
    write.attributes.get_or_insert_default().insert(PENDING.into(), vec![date_time::write(now)]);
}

/// Notes a change, and that members are about to move, where they are.
pub(super) fn changed(write: &mut GroupRepresentation, now: OffsetDateTime, moving: bool) {
    let attributes = write.attributes.get_or_insert_default();
    let mark = if moving { String::from(MOVING) } else { String::new() };
    attributes.insert(LAST_MODIFIED.into(), vec![date_time::write(now)]);
    attributes.insert(REVISION.into(), vec![format!("{mark}{}", uuid::Uuid::new_v4().simple())]);
}

/// The group when its members have come to rest, and, where that is so, its create is finished; none where nothing is to
/// be noted.
pub(super) fn settled(stored: &GroupRepresentation, finished: bool) -> Option<GroupRepresentation> {
    let due = is_moving(stored) || finished && is_unfinished(stored);
    if !due {
        return None;
    }
    let mut attributes = stored.attributes.clone().unwrap_or_default();
    if finished {
        attributes.remove(PENDING);
    }
    if let Some(revision) = attributes.get_mut(REVISION).and_then(|values| values.first_mut()) {
        *revision = revision.trim_start_matches(MOVING).to_owned();
    }
    Some(GroupRepresentation {
        name: stored.name.clone(),
        description: stored.description.clone(),
        attributes: Some(attributes),
        ..GroupRepresentation::default()
    })
}

/// Can a group of Keycloak have the name?
///
/// # Errors
/// 400: Keycloak itself would answer 500 to some, and take others that no path can name.
fn check_name(name: &str) -> Result<()> {
    if name.encode_utf16().count() > TEXT_MAX {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::ValueTooLong,
            format!(
                "The value of displayName is longer than the {TEXT_MAX} characters that a group's name can have"
            ),
        ));
    }
    if name.contains('/') {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::UnacceptableValue,
            "The value of displayName holds a slash, which stands between groups in Keycloak's paths",
        ));
    }
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::UnacceptableValue,
            "The value of displayName is blank or holds control characters",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::scim::Policy;

    fn wanted(body: serde_json::Value) -> Resource {
        Resource::read(group_type(), body.as_object().unwrap(), &Policy::default()).unwrap()
    }

    fn stored() -> GroupRepresentation {
        serde_json::from_value(json!({
            "id": "1", "name": "Tour Guides", "description": "They show the way",
            "attributes": { "colour": ["red"], "scim.externalId": ["entra:e", "okta:o"], "scim.managed": ["org:1"] },
        }))
        .unwrap()
    }

    #[test]
    fn a_write_keeps_what_it_does_not_own() {
        let write = write(
            &stored(),
            &wanted(json!({ "displayName": "Guides", "externalId": "p" })),
            "okta",
            &Tenant::realm(),
        )
        .unwrap();
        assert_eq!(write.description.as_deref(), Some("They show the way"));
        let attributes = BTreeMap::from([
            ("colour".to_owned(), vec!["red".to_owned()]),
            (EXTERNAL_ID.to_owned(), vec!["entra:e".to_owned(), "okta:p".to_owned()]),
            (MANAGED.to_owned(), vec!["org:1".to_owned(), "realm".to_owned()]),
        ]);
        assert_eq!(write.attributes, Some(attributes));
        assert_eq!(read(&stored(), "okta", false).resource.text(group_type(), "externalId"), Some("o"));
    }

    #[test]
    fn names_that_keycloak_can_not_keep_are_refused() {
        for name in ["Sales/Marketing", " ", "a\u{7}b", &"x".repeat(256), &"😀".repeat(128)] {
            assert_eq!(check_name(name).unwrap_err().status, 400, "{name}");
        }
        for name in ["Ärzte & Co. [neu] \\ *", &"x".repeat(255), &"😀".repeat(127)] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn a_group_whose_members_move_has_no_version_that_anybody_has_seen() {
        let mut group = stored();
        changed(&mut group, OffsetDateTime::UNIX_EPOCH, true);
        let revision = |group: &GroupRepresentation| read(group, "okta", false).meta.revision;
        assert_ne!(revision(&group), revision(&group));
        let at_rest = read(&group, "okta", true).meta.revision;
        let settled = settled(&group, false).unwrap();
        assert_eq!(at_rest, revision(&settled));
        assert_eq!(revision(&settled), revision(&settled));
        assert!(super::settled(&settled, false).is_none());
    }
}
