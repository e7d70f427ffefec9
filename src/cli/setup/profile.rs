//! Which attributes the realm's user profile must declare, because Keycloak silently drops what it
//! does not declare.

use serde_json::{Map, json};

use crate::keycloak::{ProfileAttribute, ProfilePermissions, UserProfile};

/// Who sees and changes an attribute, besides administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Nobody.
    Administrators,
    /// The user sees it.
    ShownToUser,
    /// The user sees and changes it.
    ChangedByUser,
}

/// An attribute that the user profile must declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declaration {
    /// The attribute's name.
    pub name: &'static str,
    /// Its label in the consoles; an attribute without one borrows a message of the same name.
    pub label: &'static str,
    /// Whether it has several values.
    pub multivalued: bool,
    /// The longest value, in characters.
    pub max_length: u32,
    /// Who sees and changes it.
    pub audience: Audience,
}

const fn storage(name: &'static str, label: &'static str, multivalued: bool) -> Declaration {
    Declaration { name, label, multivalued, max_length: 2048, audience: Audience::Administrators }
}

const fn flat(name: &'static str, label: &'static str) -> Declaration {
    Declaration { name, label, multivalued: false, max_length: 2048, audience: Audience::ShownToUser }
}

/// The attributes that the gateway keeps for itself.
pub const STORAGE: &[Declaration] = &[
    storage("scim.managed", "SCIM: managed for", true),
    storage("scim.pending", "SCIM: creation not finished", false),
    storage("scim.userName", "SCIM: userName as sent", false),
    storage("scim.emails", "SCIM: all e-mail addresses", true),
    storage("scim.externalId", "SCIM: externalId", true),
    storage("scim.active", "SCIM: active as sent", false),
    storage("scim.lastModified", "SCIM: last modified", false),
    Declaration { max_length: 65_000, ..storage("scim.document", "SCIM: document", false) },
    storage("scim.hash", "SCIM: hashes for lookups", true),
];

/// The attributes that hold what identity providers send, one SCIM attribute each.
pub const FLAT: &[Declaration] = &[
    flat("displayName", "Display name"),
    flat("nickname", "Nickname"),
    flat("profile", "Profile URL"),
    flat("title", "Job title"),
    flat("userType", "User type"),
    flat("preferredLanguage", "Preferred language"),
    // Keycloak's own: people choose their language in the account console, and declaring the
    // attribute must not take that from them.
    Declaration { audience: Audience::ChangedByUser, ..flat("locale", "Locale") },
    flat("zoneinfo", "Time zone"),
    flat("middleName", "Middle name"),
    flat("phoneNumber", "Phone number"),
    flat("employeeNumber", "Employee number"),
    flat("costCenter", "Cost center"),
    flat("organization", "Organization"),
    flat("division", "Division"),
    flat("department", "Department"),
    flat("manager", "Manager"),
];

impl Declaration {
    fn attribute(&self) -> ProfileAttribute {
        let parties = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (view, edit) = match self.audience {
            Audience::Administrators => (parties(&["admin"]), parties(&["admin"])),
            Audience::ShownToUser => (parties(&["admin", "user"]), parties(&["admin"])),
            Audience::ChangedByUser => (parties(&["admin", "user"]), parties(&["admin", "user"])),
        };
        let mut validations = Map::new();
        validations.insert("length".to_owned(), json!({"max": self.max_length}));
        ProfileAttribute {
            name: self.name.to_owned(),
            display_name: Some(self.label.to_owned()),
            validations: Some(validations),
            // Without annotations Keycloak's own SCIM preview answers 500 to every call.
            annotations: Some(Map::new()),
            permissions: Some(ProfilePermissions { view, edit }),
            multivalued: self.multivalued,
            ..ProfileAttribute::default()
        }
    }

    /// Why an attribute that somebody else declared may not serve the gateway's own purposes.
    fn doubt(&self, found: &ProfileAttribute) -> Option<String> {
        if self.audience != Audience::Administrators {
            return None;
        }
        let editable = found
            .permissions
            .as_ref()
            .is_some_and(|permissions| permissions.edit.iter().any(|party| party == "user"));
        let too_short = found.max_length().is_some_and(|limit| limit < u64::from(self.max_length));
        let name = self.name;
        if editable {
            Some(format!(
                "people may change their own attribute {name}, and so what the gateway believes of them: let only administrators edit it, in the realm's user profile"
            ))
        } else if too_short {
            Some(format!(
                "the user profile limits the attribute {name} to fewer than {} characters: longer values will be refused",
                self.max_length
            ))
        } else if self.multivalued && !found.multivalued {
            Some(format!(
                "the user profile lets the attribute {name} have one value only: make it multivalued"
            ))
        } else {
            None
        }
    }
}

/// Declares what is missing in the profile and gives the names of the attributes it added. What is
/// declared already, by whomever, stays as it is; so does the policy for undeclared attributes.
pub fn declare(profile: &mut UserProfile, wanted: &[Declaration]) -> Vec<&'static str> {
    let mut added = Vec::new();
    for declaration in wanted {
        if profile.attribute(declaration.name).is_none() {
            profile.attributes.push(declaration.attribute());
            added.push(declaration.name);
        }
    }
    added
}

/// What an administrator should look at among the attributes that were declared already.
#[must_use]
pub fn doubts(profile: &UserProfile, wanted: &[Declaration]) -> Vec<String> {
    wanted.iter().filter_map(|declaration| declaration.doubt(profile.attribute(declaration.name)?)).collect()
}

/// Makes the attribute `username` editable by administrators only, if it is not so yet; gives
/// whether that changed anything. A profile without that attribute is left alone.
pub fn reserve_username(profile: &mut UserProfile) -> bool {
    let Some(username) = profile.attributes.iter_mut().find(|attribute| attribute.name == "username") else {
        return false;
    };
    let permissions = username.permissions.get_or_insert_with(|| ProfilePermissions {
        view: vec!["admin".to_owned(), "user".to_owned()],
        edit: vec!["admin".to_owned(), "user".to_owned()],
    });
    let before = permissions.edit.len();
    permissions.edit.retain(|party| party != "user");
    if !permissions.edit.iter().any(|party| party == "admin") {
        permissions.edit.push("admin".to_owned());
    }
    permissions.edit.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock() -> UserProfile {
        serde_json::from_value(json!({"attributes": [{
            "name": "username", "displayName": "${username}",
            "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}, "multivalued": false}]}))
        .unwrap()
    }

    #[test]
    fn declares_what_is_missing_once() {
        let mut profile = stock();
        let added = declare(&mut profile, STORAGE);
        assert_eq!(added.len(), STORAGE.len());
        assert!(declare(&mut profile, STORAGE).is_empty());
        assert!(doubts(&profile, STORAGE).is_empty());
        assert_eq!(
            serde_json::to_value(profile.attribute("scim.document").unwrap()).unwrap(),
            json!({"name": "scim.document", "displayName": "SCIM: document",
                "validations": {"length": {"max": 65000}}, "annotations": {},
                "permissions": {"view": ["admin"], "edit": ["admin"]}, "multivalued": false})
        );
    }

    #[test]
    fn what_somebody_declared_stays_and_is_doubted_aloud() {
        let mut profile = stock();
        let own: ProfileAttribute = serde_json::from_value(json!({"name": "scim.managed",
            "permissions": {"view": ["user"], "edit": ["user"]}, "multivalued": true}))
        .unwrap();
        let short: ProfileAttribute = serde_json::from_value(json!({"name": "scim.document",
            "validations": {"length": {"max": "255"}}}))
        .unwrap();
        profile.attributes.extend([own.clone(), short]);
        declare(&mut profile, STORAGE);
        assert_eq!(profile.attribute("scim.managed"), Some(&own));
        let doubts = doubts(&profile, STORAGE);
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        assert!(doubts[0].contains("scim.managed"));
        assert!(doubts[1].contains("scim.document"));
    }

    #[test]
    fn usernames_are_reserved_for_administrators_once() {
        let mut profile = stock();
        assert!(reserve_username(&mut profile));
        assert_eq!(
            profile.attribute("username").unwrap().permissions,
            Some(ProfilePermissions {
                view: vec!["admin".into(), "user".into()],
                edit: vec!["admin".into()],
            })
        );
        assert!(!reserve_username(&mut profile));
    }

    #[test]
    fn no_name_is_declared_twice() {
        let mut names: Vec<&str> = STORAGE.iter().chain(FLAT).map(|d| d.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STORAGE.len() + FLAT.len());
    }
}
