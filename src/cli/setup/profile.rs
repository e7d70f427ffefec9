//! Which attributes the realm's user profile must declare, because Keycloak silently drops what it
//! does not declare.

use serde_json::{Map, json};

use crate::directory::admin::storage::{DECLARED, Declared, Mapping, VALUE_MAX};
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
pub struct Declaration<'a> {
    /// The attribute's name.
    pub name: &'a str,
    /// Its label in the consoles; an attribute without one borrows a message of the same name.
    pub label: &'a str,
    /// Whether it has several values.
    pub multivalued: bool,
    /// The longest value, in characters.
    pub max_length: usize,
    /// Who sees and changes it.
    pub audience: Audience,
}

const fn flat(name: &'static str, label: &'static str) -> Declaration<'static> {
    Declaration { name, label, multivalued: false, max_length: VALUE_MAX, audience: Audience::ShownToUser }
}

/// The attributes that the gateway keeps for itself.
#[must_use]
pub fn storage() -> Vec<Declaration<'static>> {
    let own = |declared: &Declared| Declaration {
        name: declared.name,
        label: declared.label,
        multivalued: declared.multivalued,
        max_length: declared.max_length,
        audience: Audience::Administrators,
    };
    DECLARED.iter().map(own).collect()
}

/// The attributes that hold what a configuration maps besides those of [`FLAT`].
#[must_use]
pub fn mapped(mappings: &[Mapping]) -> Vec<Declaration<'_>> {
    fn declaration(mapping: &Mapping) -> Declaration<'_> {
        let Mapping { path, name, .. } = mapping;
        // A URN holds dots, but no name holds a colon.
        let short = path.rsplit(':').next().unwrap_or(path);
        let description = mapping.leaf().description.trim();
        Declaration {
            name,
            label: if description.is_empty() { short } else { description },
            multivalued: mapping.is_multivalued(),
            max_length: VALUE_MAX,
            audience: Audience::Administrators,
        }
    }
    let flat = |name: &str| FLAT.iter().any(|flat| flat.name == name);
    mappings.iter().filter(|mapping| !flat(&mapping.name)).map(declaration).collect()
}

/// The attributes that hold what identity providers send, one SCIM attribute each.
pub const FLAT: &[Declaration<'static>] = &[
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

impl Declaration<'_> {
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
}

/// Declares what is missing in the profile and gives the names of the attributes it added. What is
/// declared already, by whomever, stays as it is; so does the policy for undeclared attributes.
pub fn declare<'a>(profile: &mut UserProfile, wanted: &[Declaration<'a>]) -> Vec<&'a str> {
    let mut added = Vec::new();
    for declaration in wanted {
        if profile.attribute(declaration.name).is_none() {
            profile.attributes.push(declaration.attribute());
            added.push(declaration.name);
        }
    }
    added
}

/// Mends those of the gateway's own attributes that were declared in a way in which they can't serve, or in which people
/// could forge them, and gives their names.
pub fn mend(profile: &mut UserProfile) -> Vec<&'static str> {
    let mut mended = Vec::new();
    for (own, declaration) in DECLARED.iter().zip(storage()) {
        let found = profile.attributes.iter_mut().find(|attribute| attribute.name == own.name);
        if let Some(found) = found.filter(|found| !own.problems(found).is_empty()) {
            *found = declaration.attribute();
            mended.push(own.name);
        }
    }
    mended
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
    use std::path::Path;

    use super::*;
    use crate::config::user_attributes;

    fn stock() -> UserProfile {
        serde_json::from_value(json!({"attributes": [{
            "name": "username", "displayName": "${username}",
            "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}, "multivalued": false}]}))
        .unwrap()
    }

    #[test]
    fn declares_what_is_missing_once() {
        let mut profile = stock();
        let added = declare(&mut profile, &storage());
        assert_eq!(added.len(), DECLARED.len());
        assert!(declare(&mut profile, &storage()).is_empty());
        assert!(mend(&mut profile).is_empty());
        assert_eq!(
            serde_json::to_value(profile.attribute("scim.document").unwrap()).unwrap(),
            json!({"name": "scim.document", "displayName": "SCIM: document",
                "validations": {"length": {"max": 65000}}, "annotations": {},
                "permissions": {"view": ["admin"], "edit": ["admin"]}, "multivalued": false})
        );
    }

    #[test]
    fn what_somebody_declared_stays_but_for_what_could_not_serve() {
        let mut profile = stock();
        let forgeable = json!({"name": "scim.managed", "permissions": {"view": ["user"], "edit": ["admin", "user"]},
            "multivalued": true});
        let short = json!({"name": "scim.document", "validations": {"length": {"max": "255"}}});
        let title =
            json!({"name": "title", "displayName": "Job", "permissions": {"edit": ["admin", "user"]}});
        for own in [forgeable, short, title.clone()] {
            profile.attributes.push(serde_json::from_value(own).unwrap());
        }
        declare(&mut profile, &storage());
        declare(&mut profile, FLAT);
        assert_eq!(mend(&mut profile), ["scim.managed", "scim.document"]);
        assert!(mend(&mut profile).is_empty());
        assert_eq!(profile.attribute("scim.managed"), Some(&storage()[0].attribute()));
        assert_eq!(profile.attribute("title"), Some(&serde_json::from_value(title).unwrap()));
    }

    #[test]
    fn what_the_configuration_maps_is_declared_for_administrators_alone() {
        let source = "version = 1\n[defaults.attributes]\n\"addresses.country\" = \"country\"\n\
            [realms.acme.schemas.\"urn:example:badge:2.0:User\".attributes]\n\
            badgeNumber = { keycloak_attribute = \"badge\", description = \"The number on the badge\" }\n\
            keys = { keycloak_attribute = \"keys\", multi_valued = true }\n\
            [realms.acme.schemas.\"urn:example:badge:2.0:User\".attributes.access]\n\
            type = \"complex\"\nmulti_valued = true\nsub_attributes.zone.keycloak_attribute = \"zone\"\n";
        let found = user_attributes(source, Path::new("config.toml"), &"acme".parse().unwrap()).unwrap();
        let mappings = Mapping::all(&found.user, &found.attribute_map);
        let mut profile = stock();
        declare(&mut profile, FLAT);
        let added = declare(&mut profile, &mapped(&mappings));
        assert_eq!(added, ["country", "zone", "badge", "keys"]);
        for (name, label, multivalued) in [
            ("country", "Country, ISO 3166-1 alpha-2", false),
            // Of several values the preferred one's.
            ("zone", "access.zone", false),
            ("badge", "The number on the badge", false),
            ("keys", "keys", true),
        ] {
            assert_eq!(
                serde_json::to_value(profile.attribute(name).unwrap()).unwrap(),
                json!({"name": name, "displayName": label, "validations": {"length": {"max": 2048}},
                    "annotations": {}, "permissions": {"view": ["admin"], "edit": ["admin"]},
                    "multivalued": multivalued})
            );
        }
        assert!(declare(&mut profile, &mapped(&mappings)).is_empty());
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
        let mut names: Vec<&str> = storage().iter().chain(FLAT).map(|declared| declared.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DECLARED.len() + FLAT.len());
    }
}
