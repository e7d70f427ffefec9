//! Where a user's attributes are kept in Keycloak: its own fields, flat attributes and one document.
//!
//! These names and forms stand in people's databases for years: changing one needs a migration.

mod document;
mod mapping;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::directory::{Row, Wanted};
use crate::keycloak::{AttributeMatch, ProfileAttribute, UserRepresentation};
use crate::scim::date_time;
use crate::scim::render::Meta;
use crate::scim::{Code, Error, Object, Resource, ResourceType, ScimType};

use self::document::{Document, Origin, document};
pub(super) use self::document::{Made, forget_links, links_made, maker};
pub use self::mapping::Mapping;
use self::mapping::{over_preferred, preferred_text};
use super::tenant::Tenant;

/// The index: which tenants manage the user; comes with every user that Keycloak returns.
pub const MANAGED: &str = "scim.managed";
/// The mark of a create that is not finished yet.
pub const PENDING: &str = "scim.pending";
/// The userName in the letter case that the client sent.
pub const USER_NAME: &str = "scim.userName";
/// All e-mail addresses that the client wrote; Keycloak itself holds one.
pub const EMAILS: &str = "scim.emails";
/// `<caller>:<externalId>`, for each caller apart.
pub const EXTERNAL_ID: &str = "scim.externalId";
/// The value of `active` that a client asserted last.
pub const ACTIVE: &str = "scim.active";
/// When a client last changed the user.
pub const LAST_MODIFIED: &str = "scim.lastModified";
/// Everything that Keycloak has no field for, as JSON.
pub const DOCUMENT: &str = "scim.document";
/// Hashes of values that Keycloak's `q=` can't express, with a backslash or very long, or may not find.
pub const HASH: &str = "scim.hash";

/// The largest document, in characters, and so what the user profile must allow.
pub const DOCUMENT_MAX: usize = 65_000;
/// The longest value of the other attributes, in characters.
pub const VALUE_MAX: usize = 2048;

/// An attribute that the realm's user profile must declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The name.
    pub name: &'static str,
    /// Its label in Keycloak's consoles; an attribute without one borrows a message of the same name.
    pub label: &'static str,
    /// Does it hold several values?
    pub multivalued: bool,
    /// The length that must be allowed, in characters.
    pub max_length: usize,
}

/// The gateway's own attributes.
pub const DECLARED: &[Declared] = &[
    own(MANAGED, "SCIM: managed for", true),
    own(PENDING, "SCIM: creation not finished", false),
    own(USER_NAME, "SCIM: userName as sent", false),
    own(EMAILS, "SCIM: all e-mail addresses", true),
    own(EXTERNAL_ID, "SCIM: externalId", true),
    own(ACTIVE, "SCIM: active as sent", false),
    own(LAST_MODIFIED, "SCIM: last modified", false),
    Declared { max_length: DOCUMENT_MAX, ..own(DOCUMENT, "SCIM: document", false) },
    own(HASH, "SCIM: hashes for lookups", true),
];

const fn own(name: &'static str, label: &'static str, multivalued: bool) -> Declared {
    Declared { name, label, multivalued, max_length: VALUE_MAX }
}

/// A user's attributes in Keycloak.
pub(super) type Attributes = BTreeMap<String, Vec<String>>;

/// How a realm keeps users.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The User resource type, with the realm's own schemas.
    pub user: Arc<ResourceType>,
    /// What is kept in Keycloak attributes of its own.
    pub mappings: Arc<[Mapping]>,
    /// Does Keycloak make usernames from e-mail addresses (`registrationEmailAsUsername`)?
    pub email_as_username: bool,
    /// Are usernames made from e-mail addresses here, whatever Keycloak would do?
    pub writes_email_as_username: bool,
    /// Do the callers' e-mail addresses count as verified?
    pub trust_email: bool,
    /// Whose users they are.
    pub tenant: Tenant,
    /// Does every user have in Keycloak's attributes what the mappings say? Not so after the map has changed.
    pub settled: bool,
}

/// The first value of an attribute.
pub(super) fn value<'u>(user: &'u UserRepresentation, name: &str) -> Option<&'u str> {
    values(user, name).first().map(String::as_str)
}

/// All values of an attribute.
pub(super) fn values<'u>(user: &'u UserRepresentation, name: &str) -> &'u [String] {
    user.attributes.as_ref().and_then(|attributes| attributes.get(name)).map_or(&[], Vec::as_slice)
}

/// The value of `active` that a client asserted last.
pub(super) fn asserted(user: &UserRepresentation) -> Option<bool> {
    value(user, ACTIVE).and_then(|text| text.parse().ok())
}

/// The lookup hash of a value that `q=` can't express.
pub(super) fn lookup_hash(attribute: &str, value: &str) -> String {
    let hash = digest::digest(&digest::SHA256, value.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{attribute}:{hex}")
}

/// The stored form of a caller's `externalId`.
pub(super) fn external_id(caller: &str, value: &str) -> String {
    format!("{caller}:{value}")
}

/// The e-mail address that Keycloak gets: the preferred element's, else the first that has one.
pub(super) fn email(resource: &Resource) -> Option<String> {
    preferred_text(resource.elements("emails"), "value").map(|(_, email)| email)
}

impl Declared {
    /// Why an attribute that the user profile declares so can't serve: each reason a clause about the attribute.
    pub fn problems(&self, found: &ProfileAttribute) -> Vec<String> {
        let mut problems = Vec::new();
        if editors(found).any(|who| who != "admin") {
            // It says who is managed, and as whom: whoever could write it could make themselves anybody.
            problems.push("may be edited by others than administrators".into());
        }
        if !admin_edits(found) {
            problems.push("may not be edited by administrators".into());
        }
        if self.multivalued && !found.multivalued {
            problems.push("must be multivalued".into());
        }
        if found.max_length().is_some_and(|max| max < self.max_length as u64) {
            problems.push(format!("must allow {} characters", self.max_length));
        }
        problems
    }
}

fn editors(attribute: &ProfileAttribute) -> impl Iterator<Item = &str> {
    attribute.permissions.iter().flat_map(|permissions| &permissions.edit).map(String::as_str)
}

/// May administrators edit it? Without permissions they may.
pub(super) fn admin_edits(attribute: &ProfileAttribute) -> bool {
    attribute.permissions.is_none() || editors(attribute).any(|who| who == "admin")
}

impl Storage {
    /// Users with these attributes, some of which are kept in Keycloak attributes of their own: SCIM path to attribute.
    /// Usernames are what clients send, and e-mail addresses are not trusted.
    pub fn new(user: Arc<ResourceType>, map: &BTreeMap<String, String>) -> Self {
        Self {
            mappings: Mapping::all(&user, map),
            user,
            email_as_username: false,
            writes_email_as_username: false,
            trust_email: false,
            tenant: Tenant::realm(),
            settled: true,
        }
    }

    /// Reads a user as `caller` sees it. Keycloak's live fields win over the document.
    pub fn read(&self, stored: &UserRepresentation, caller: &str) -> Row {
        let user = &self.user;
        let is_own = self.is_own(stored);
        let (mut resource, written) = match document(stored) {
            Document::Known { user: attributes, flat, .. } if is_own => {
                (Resource::restore(user, &attributes), flat)
            }
            _ => (Resource::default(), Vec::new()),
        };
        let username = stored.username.as_deref().unwrap_or_default();
        let sent = value(stored, USER_NAME).filter(|sent| {
            // An administrator who renamed the user in Keycloak is believed.
            is_own && self.email_as_username || sent.to_lowercase() == username
        });
        resource.set_text(user, "userName", Some(sent.unwrap_or(username)));
        for (path, live) in [("name.givenName", &stored.first_name), ("name.familyName", &stored.last_name)] {
            if let Some(live) = live.as_deref().filter(|name| !name.is_empty()) {
                resource.set_text(user, path, Some(live));
            }
        }
        resource.set_flag("active", Some(stored.enabled.unwrap_or(false)));
        let prefix = external_id(caller, "");
        let own = values(stored, EXTERNAL_ID).iter().find_map(|value| value.strip_prefix(&prefix));
        resource.set_text(user, "externalId", own);
        let live = stored.email.as_deref().filter(|email| !email.is_empty()).map(Value::from);
        let emails = resource.elements("emails").to_vec();
        if let Some(emails) = over_preferred(emails, "value", live, Some("work")) {
            resource.set_elements("emails", emails);
        }
        for mapping in self.mappings.iter().filter(|_| is_own) {
            let was_written = written.contains(&mapping.name);
            mapping.read(values(stored, &mapping.name), was_written, &mut resource);
        }
        let created = stored.created_timestamp.unwrap_or_default();
        let created = OffsetDateTime::from_unix_timestamp_nanos(i128::from(created) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let last_modified =
            value(stored, LAST_MODIFIED).and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let id = stored.id.as_ref().map(ToString::to_string).unwrap_or_default();
        let last_modified = Some(last_modified.unwrap_or(created));
        let meta = Meta { id, created: Some(created), last_modified, revision: None };
        Row { resource, meta, groups: None }
    }

    /// Sets the caller's `externalId` alone, and the hash by which it may be found.
    ///
    /// # Errors
    /// 400 where it is longer than can be kept.
    pub(super) fn set_external_id(
        &self,
        user: &mut UserRepresentation,
        own: Option<&str>,
        caller: &str,
    ) -> Result<(), Error> {
        let own = own.map(|value| external_id(caller, value));
        if let Some(own) = &own {
            check_length("externalId", own)?;
        }
        let ids = external_ids(user, own.as_deref(), caller);
        self.replace_external_ids(user.attributes.get_or_insert_default(), ids);
        Ok(())
    }

    /// Takes out what an organization keeps with a user of others.
    pub(super) fn forget(&self, attributes: &mut Attributes) {
        let Some(id) = self.tenant.id() else { return };
        if let Some(tenants) = attributes.get_mut(MANAGED) {
            tenants.retain(|tenant| tenant != self.tenant.index());
        }
        let prefix = external_id(id.as_ref(), "");
        let ids = attributes.get(EXTERNAL_ID).into_iter().flatten();
        let others = ids.filter(|value| !value.starts_with(&prefix)).cloned().collect();
        self.replace_external_ids(attributes, others);
        forget_links(attributes, |made| self.tenant.has_caller(&made.by));
        attributes.retain(|_, values| !values.is_empty());
    }

    /// An unfinished create, as whoever finishes it finds it: made by that caller of the tenant, and known to no other one.
    pub(super) fn taken_over(&self, stored: &UserRepresentation, caller: &str) -> UserRepresentation {
        let mut taken = stored.clone();
        let attributes = taken.attributes.get_or_insert_default();
        let Some(maker) = maker(stored).filter(|maker| maker != caller) else { return taken };
        let prefix = external_id(&maker, "");
        let ids = attributes.get(EXTERNAL_ID).into_iter().flatten();
        let kept = ids.filter(|id| !id.starts_with(&prefix)).cloned().collect();
        self.replace_external_ids(attributes, kept);
        document::hand_over(attributes, &maker, caller);
        taken
    }

    /// Remembers, in the document, who made the link to the identity provider of this alias; forgets it where there is none.
    ///
    /// # Errors
    /// 400 where the document gets longer than can be kept.
    pub(super) fn note_link(
        &self,
        attributes: &mut Attributes,
        alias: &str,
        made: Option<&Made>,
    ) -> Result<(), Error> {
        document::note_link(attributes, &self.tenant, alias, made)
    }

    fn replace_external_ids(&self, attributes: &mut Attributes, mut ids: Vec<String>) {
        ids.sort();
        let of_others = |hash: &String| !hash.starts_with(&format!("{EXTERNAL_ID}:"));
        let hashes = attributes.get(HASH).into_iter().flatten().filter(|hash| of_others(hash)).cloned();
        let own = ids.iter().filter(|id| needs_hash(EXTERNAL_ID, id)).map(|id| lookup_hash(EXTERNAL_ID, id));
        let hashes: BTreeSet<String> = hashes.chain(own).collect();
        for (name, values) in [(HASH, hashes.into_iter().collect()), (EXTERNAL_ID, ids)] {
            if values.is_empty() {
                attributes.remove(name);
            } else {
                attributes.insert(name.into(), values);
            }
        }
    }

    /// Did this tenant write what is stored beside Keycloak's own fields? No tenant reads what another wrote.
    fn is_own(&self, stored: &UserRepresentation) -> bool {
        match document(stored) {
            Document::Known { owner: Some(owner), .. } => owner == self.tenant.index(),
            // Only the realm's documents don't say whose they are.
            _ if value(stored, DOCUMENT).is_some() => self.tenant.id().is_none(),
            _ => self.tenant.id().is_none() || !self.tenant.is_shared(stored),
        }
    }

    /// The attributes as they should be stored, where some are still in the document alone, because they were written
    /// before they were mapped; none where all are in their places.
    pub(super) fn settled_attributes(&self, stored: &UserRepresentation) -> Option<Attributes> {
        let Document::Known { user: attributes, flat: written, origin, .. } = document(stored) else {
            return None;
        };
        if !self.is_own(stored) {
            return None;
        }
        let (mut rest, strange) = Resource::restore_some(&self.user, &attributes);
        let mut settled = stored.attributes.clone().unwrap_or_default();
        let mut flat: Vec<&str> = written.iter().map(String::as_str).collect();
        let resource = rest.clone();
        for mapping in self.mappings.iter() {
            let is_there = values(stored, &mapping.name).iter().any(|text| !text.is_empty());
            let texts = mapping.texts(&resource);
            if is_there || texts.is_empty() || written.contains(&mapping.name) {
                continue;
            }
            let Some(mut texts) = mapping.write(&resource, &[], &mut rest) else { continue };
            texts.sort();
            texts.dedup();
            settled.insert(mapping.name.clone(), texts);
            if mapping.attribute().multi_valued {
                flat.push(&mapping.name);
            }
        }
        if Some(&settled) == stored.attributes.as_ref() {
            return None;
        }
        settled.insert(DOCUMENT.into(), self.write_document(&rest, strange, &flat, origin).ok()?);
        settled.retain(|_, values| !values.is_empty());
        Some(settled)
    }

    /// Writes what is wanted over what is stored, keeping what the gateway does not own.
    ///
    /// `enabled` and `created_timestamp` are left to the plan.
    ///
    /// # Errors
    /// 400 where the values together are longer than can be kept, 503 where the stored document has a newer format.
    pub fn write(
        &self,
        before: &UserRepresentation,
        wanted: &Wanted,
        caller: &str,
        now: OffsetDateTime,
    ) -> Result<UserRepresentation, Error> {
        if matches!(document(before), Document::Unknown) {
            return Err(Error::unavailable(
                Code::UnknownFormat,
                "The user's stored attributes were written by a newer version of the gateway, which must be used",
                60,
            ));
        }
        let resource = &wanted.resource;
        let mut attributes = before.attributes.clone().unwrap_or_default();
        let mut set = |name: &str, mut values: Vec<String>| {
            values.sort();
            values.dedup();
            if values.is_empty() {
                attributes.remove(name);
            } else {
                attributes.insert(name.into(), values);
            }
        };
        let user = &self.user;
        let user_name = resource.text(user, "userName").unwrap_or_default();
        let own = resource.text(user, "externalId").map(|value| external_id(caller, value));
        let external_ids = external_ids(before, own.as_deref(), caller);
        let emails: Vec<String> = resource
            .elements("emails")
            .iter()
            .filter_map(|element| element.get("value")?.as_str())
            .map(str::to_owned)
            .collect();
        let sent = [("userName", user_name)].into_iter();
        let sent = sent.chain(own.as_deref().map(|id| ("externalId", id)));
        for (path, value) in sent.chain(emails.iter().map(|email| ("emails", email.as_str()))) {
            check_length(path, value)?;
        }
        set(HASH, hashes(user_name, &external_ids, &emails));
        set(USER_NAME, vec![user_name.into()]);
        set(EXTERNAL_ID, external_ids);
        set(EMAILS, emails);
        set(LAST_MODIFIED, vec![date_time::write(now)]);
        if let Some(active) = wanted.active {
            set(ACTIVE, vec![active.to_string()]);
        }
        let own = self.tenant.index().to_owned();
        let tenants = values(before, MANAGED).iter().cloned().chain([own]).collect();
        set(MANAGED, tenants);
        let mut rest = resource.clone();
        for path in ["userName", "externalId", "name.givenName", "name.familyName"] {
            rest.set_text(user, path, None);
        }
        rest.set_flag("active", None);
        let field = |path: &str| resource.text(user, path).map(str::to_owned);
        let (first_name, last_name) = (field("name.givenName"), field("name.familyName"));
        let mut flat = Vec::new();
        for mapping in self.mappings.iter() {
            if let Some(values) = mapping.write(resource, values(before, &mapping.name), &mut rest) {
                if mapping.attribute().multi_valued && !values.is_empty() {
                    flat.push(mapping.name.as_str());
                }
                set(&mapping.name, values);
            }
        }
        let (strange, mut origin) = match document(before) {
            Document::Known { user: stored, origin, .. } if self.is_own(before) => {
                (Resource::restore_some(user, &stored).1, origin)
            }
            // Who made which link is everybody's to know: only that one may take it away.
            Document::Known { origin: Origin { links, .. }, .. } => {
                (Object::new(), Origin { by: None, links })
            }
            Document::Unknown => (Object::new(), Origin::default()),
        };
        if before.id.is_none() {
            // Whoever creates it: Keycloak has given it no id yet.
            origin.by.get_or_insert_with(|| caller.to_owned());
        }
        set(DOCUMENT, self.write_document(&rest, strange, &flat, origin)?);
        let email = email(resource);
        let changed = |old: Option<&str>, new: Option<&str>| {
            old.unwrap_or_default().to_lowercase() != new.unwrap_or_default().to_lowercase()
        };
        // Always sent, as it is or as it shall be: a realm that lets usernames be edited refuses a write without it.
        let username = match &before.username {
            _ if self.writes_email_as_username => email.clone().ok_or_else(|| {
                Error::bad(
                    ScimType::InvalidValue,
                    Code::RequiredMissing,
                    "The user needs an e-mail address, since usernames are made from them here (email_as_username)",
                )
            })?,
            Some(live) if self.email_as_username || !changed(Some(live), Some(user_name)) => live.clone(),
            _ => user_name.to_owned(),
        };
        let moved = changed(before.email.as_deref(), email.as_deref());
        Ok(UserRepresentation {
            username: Some(username),
            email_verified: (moved || before.id.is_none()).then_some(self.trust_email && email.is_some()),
            email,
            first_name,
            last_name,
            attributes: Some(attributes),
            ..UserRepresentation::default()
        })
    }
}

/// The stored externalIds of a user, with the caller's own as it shall be.
fn external_ids(before: &UserRepresentation, own: Option<&str>, caller: &str) -> Vec<String> {
    let prefix = external_id(caller, "");
    let foreign = values(before, EXTERNAL_ID).iter().filter(|value| !value.starts_with(&prefix)).cloned();
    foreign.chain(own.map(str::to_owned)).collect()
}

fn check_length(path: &str, value: &str) -> Result<(), Error> {
    if value.encode_utf16().count() <= VALUE_MAX {
        return Ok(());
    }
    Err(Error::bad(
        ScimType::InvalidValue,
        Code::ValueTooLong,
        format!("The value of {path} is longer than the {VALUE_MAX} characters that can be kept"),
    ))
}

/// Is it a value that Keycloak may not find by itself? Either `q=` can't express it, or the database may take other
/// letters for the same but for their case than Keycloak, which compares them in lower case.
pub(super) fn needs_hash(name: &str, value: &str) -> bool {
    !value.is_ascii() || AttributeMatch::new(name, value).is_err()
}

fn hashes(user_name: &str, external_ids: &[String], emails: &[String]) -> Vec<String> {
    let needs = needs_hash;
    let emails = emails
        .iter()
        .filter(|email| needs(EMAILS, email))
        .map(|email| lookup_hash(EMAILS, &email.to_lowercase()));
    let external_ids =
        external_ids.iter().filter(|id| needs(EXTERNAL_ID, id)).map(|id| lookup_hash(EXTERNAL_ID, id));
    let user_name = needs(USER_NAME, user_name).then(|| lookup_hash(USER_NAME, &user_name.to_lowercase()));
    let all: BTreeSet<String> = emails.chain(external_ids).chain(user_name).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod mapping_tests;
#[cfg(test)]
mod tenant_tests;
#[cfg(test)]
mod tests;
