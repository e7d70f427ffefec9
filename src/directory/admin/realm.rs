//! What the gateway must know of a realm before it serves it, and whether the realm is set up for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::keycloak::{
    self, AdminClient, GroupId, OrganizationId, OrganizationRepresentation, RealmRepresentation,
    RoleRepresentation, UserProfile,
};

use super::groups::{self, GroupSettings, KnownRole, Protected};
use super::link::IdentityProviderLink;
use super::on_create::{self, OnCreate};
use super::storage::{DECLARED, Mapping, admin_edits};
use super::tenant::Tenant;

/// The client that holds the administrative roles of a realm.
pub(super) const REALM_MANAGEMENT: &str = "realm-management";

/// What holds in the realm until somebody changes its settings; read again with every sweep.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The tag.
    pub role: RoleRepresentation,
    /// Keycloak makes usernames from e-mail addresses.
    pub email_as_username: bool,
    /// The id of the client whose roles mean power; none where the gateway's account may not see clients.
    pub realm_management: Option<String>,
    /// Is there the identity provider that users are to be linked to? None where the gateway's account may not see it.
    pub identity_provider: Option<bool>,
    /// The organization whose users are kept; none for the realm's own.
    pub organization: Option<KnownOrganization>,
    /// The group below which SCIM's groups live; none for the top level.
    pub group_parent: Option<GroupId>,
    /// The roles that groups carry by configuration, by the groups' names in lower case.
    pub group_roles: BTreeMap<String, Vec<KnownRole>>,
}

impl Facts {
    /// Whose users are kept.
    pub(super) fn tenant(&self) -> Tenant {
        self.organization
            .as_ref()
            .map_or_else(Tenant::realm, |organization| Tenant::organization(organization.id.clone()))
    }
}

/// An organization that was found.
#[derive(Debug, Clone)]
pub(super) struct KnownOrganization {
    /// Its id.
    pub id: OrganizationId,
    /// Its alias.
    pub alias: String,
    /// Is it in service?
    enabled: bool,
}

impl KnownOrganization {
    fn of(found: OrganizationRepresentation) -> Option<Self> {
        Some(Self { id: found.id?, alias: found.alias, enabled: found.enabled })
    }
}

/// Why a realm can't be served.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotReady {
    /// Keycloak does not answer as it should; it may tomorrow.
    #[error(transparent)]
    Keycloak(#[from] keycloak::Error),
    /// An organization of the realm is not there, or can't be reached. It may be tomorrow, and the others are served.
    #[error(transparent)]
    Organization(OrganizationNotReady),
    /// The realm lacks something, or has something that makes serving it, or an organization of it, dangerous.
    #[error("the {}realm \"{realm}\" is not ready to be served: {}", of(.organization.as_deref()), .problems.join("; "))]
    Misconfigured {
        /// The realm.
        realm: String,
        /// The organization's key in the configuration, where that can't be served.
        organization: Option<String>,
        /// Each with what mends it.
        problems: Vec<String>,
    },
}

fn of(organization: Option<&str>) -> String {
    organization.map(|key| format!("organization \"{key}\" of the ")).unwrap_or_default()
}

/// Why an organization can't be served, though its realm can.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the organization \"{organization}\" of the realm \"{realm}\" is not ready to be served: {problem}")]
pub struct OrganizationNotReady {
    /// The realm.
    pub realm: String,
    /// The organization's key in the configuration.
    pub organization: String,
    /// With what mends it.
    pub problem: String,
}

impl NotReady {
    /// What it is to an organization: an answer of Keycloak's that waiting does not change stops this one alone. Where the
    /// realm gets the same answer, its own look tells.
    pub(super) fn of_organization(self, realm: &str, organization: &str) -> Self {
        match self {
            Self::Keycloak(error) if error_is_final(&error) => Self::Misconfigured {
                realm: realm.to_owned(),
                organization: Some(organization.to_owned()),
                problems: vec![error.to_string()],
            },
            other => other,
        }
    }

    /// Is waiting useless, because Keycloak answers and refuses the gateway itself? An organization's fault never is: the
    /// realm and its other organizations are served without it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Misconfigured { organization, .. } => organization.is_none(),
            Self::Organization(_) => false,
            Self::Keycloak(error) => error_is_final(error),
        }
    }
}

fn error_is_final(error: &keycloak::Error) -> bool {
    use keycloak::Error as Failure;
    matches!(error, Failure::Unauthorized { .. } | Failure::Forbidden { .. } | Failure::NotFound { .. })
}

/// What a realm is checked against.
pub(super) struct Expected<'a> {
    pub tag_role: &'a str,
    pub protected_roles: &'a [String],
    /// What the configuration keeps in attributes of its own.
    pub mappings: &'a [Mapping],
    /// How groups are kept.
    pub groups: &'a GroupSettings,
    /// The identity provider that users are to be linked to.
    pub identity_provider: Option<&'a IdentityProviderLink>,
    /// What new users start with.
    pub on_create: &'a OnCreate,
    /// The alias or the id of the organization, where the tenant is one.
    pub organization: Option<&'a str>,
    /// By which the configuration has organizations of the realm: aliases and ids.
    pub organizations: &'a BTreeSet<String>,
}

/// Reads the facts and checks the realm.
pub(super) async fn inspect(client: &AdminClient, expected: &Expected<'_>) -> Result<Facts, NotReady> {
    let identity_provider = async {
        match expected.identity_provider {
            Some(link) => client.has_identity_provider(&link.alias).await,
            None => Ok(None),
        }
    };
    let (realm, role, profile, realm_management, identity_provider) = tokio::try_join!(
        client.realm(),
        client.realm_role(expected.tag_role),
        client.user_profile(),
        client.client_uuid(REALM_MANAGEMENT),
        identity_provider,
    )?;
    let mut problems = undeclared(&profile, expected.mappings);
    let organization = match expected.organization {
        None => None,
        Some(key) => match find_organization(client, key, expected.organizations).await? {
            Ok(organization) => Some(organization),
            Err(problem) => {
                let realm = client.realm_name().into();
                return Err(NotReady::Organization(OrganizationNotReady {
                    realm,
                    organization: key.to_owned(),
                    problem,
                }));
            }
        },
    };
    let within = organization.as_ref().map(|organization| client.clone().within(organization.id.clone()));
    let client = within.as_ref().unwrap_or(client);
    let group_parent = groups::parent(client, expected.groups, &mut problems).await?;
    on_create::check(client, expected.on_create, &mut problems).await?;
    let protected = Protected {
        roles: expected.protected_roles,
        tag: expected.tag_role,
        realm_management: realm_management.as_deref(),
    };
    let group_roles = groups::roles(client, expected.groups, &protected, &mut problems).await?;
    if let Some(role) = &role {
        problems.extend(dangerous_tag(client, role, &realm, expected).await?);
    }
    match role {
        Some(role) if problems.is_empty() => {
            let email_as_username = realm.registration_email_as_username;
            Ok(Facts {
                role,
                email_as_username,
                realm_management,
                identity_provider,
                organization,
                group_parent,
                group_roles,
            })
        }
        role => {
            if role.is_none() {
                problems.insert(0, format!("the realm role \"{}\" is missing", expected.tag_role));
            }
            let option =
                expected.organization.map(|key| format!(" --organization {key}")).unwrap_or_default();
            problems.push(format!(
                "\"scimgate setup --keycloak URL --realm {}{option} …\" mends what is missing",
                client.realm_name()
            ));
            let organization = expected.organization.map(str::to_owned);
            Err(NotReady::Misconfigured { realm: client.realm_name().into(), organization, problems })
        }
    }
}

/// The organization with this id or alias; otherwise what is wrong.
async fn find_organization(
    client: &AdminClient,
    key: &str,
    keys: &BTreeSet<String>,
) -> Result<Result<KnownOrganization, String>, keycloak::Error> {
    let found = match client.organizations().await {
        Ok(found) => found,
        Err(keycloak::Error::Forbidden { .. }) => {
            return Ok(Err(format!(
                "the gateway's account may not manage organizations, which the organization \"{key}\" needs: give it \
                 realm-management's role manage-organizations, as \"scimgate setup --organization {key}\" does"
            )));
        }
        Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => {
            return Ok(Err(format!(
                "the realm has no organizations, and the configuration names \"{key}\": turn Organizations on in the \
                 realm's settings"
            )));
        }
        Err(error) => return Err(error),
    };
    let found: Vec<KnownOrganization> = found.into_iter().filter_map(KnownOrganization::of).collect();
    // By its id first: an alias that looks like another organization's id must not take that one's place.
    let by_id = found.iter().find(|organization| organization.id.as_ref() == key);
    let organization = by_id.or_else(|| found.iter().find(|organization| organization.alias == key));
    Ok(match organization {
        None => Err(format!("no organization has the alias or the id \"{key}\"")),
        // Two tenants of one organization would each take its people for theirs. An id is nobody else's, so that counts.
        Some(found) if found.id.as_ref() != key && keys.contains(found.id.as_ref()) => Err(format!(
            "the configuration has it by its id \"{}\" as well, and is served by that; expected it once",
            found.id
        )),
        Some(found) if !found.enabled => Err("it is disabled in Keycloak".into()),
        Some(found) => Ok(found.clone()),
    })
}

/// A tag that everybody has, or that carries power, would hand the realm to its SCIM clients.
async fn dangerous_tag(
    client: &AdminClient,
    role: &RoleRepresentation,
    realm: &RealmRepresentation,
    expected: &Expected<'_>,
) -> Result<Vec<String>, keycloak::Error> {
    let mut problems = Vec::new();
    let name = &role.name;
    if role.composite {
        problems.push(format!("the realm role \"{name}\" is composite: it must carry no other role"));
    }
    if expected.protected_roles.contains(name) {
        problems.push(format!(
            "the realm role \"{name}\" is one of protected_roles: it can't be the tag as well"
        ));
    }
    if let Some(default) = &realm.default_role {
        let defaults = client.role_composites(&default.id).await?;
        if defaults.iter().any(|default| default.id == role.id) {
            problems
                .push(format!("the realm role \"{name}\" is a default role: every user would be managed"));
        }
    }
    Ok(problems)
}

/// The attributes that Keycloak would drop without a word, or that others than administrators could forge.
fn undeclared(profile: &UserProfile, mappings: &[Mapping]) -> Vec<String> {
    let mut missing = BTreeSet::new();
    let mut problems = Vec::new();
    for own in DECLARED {
        match profile.attribute(own.name) {
            // Undeclared ones would be too short, and with some policies people could write their own.
            None => {
                missing.insert(own.name);
            }
            Some(found) => {
                problems.extend(own.problems(found).into_iter().map(|problem| (own.name, problem)));
            }
        }
    }
    for mapping in mappings {
        let name = mapping.name.as_str();
        match profile.attribute(name) {
            None if !profile.keeps_undeclared() => {
                missing.insert(name);
            }
            Some(found) if !mapping.is_read_only() && !admin_edits(found) => {
                problems.push((name, "may not be edited by administrators".into()));
            }
            Some(found) if mapping.is_multivalued() && !found.multivalued => {
                problems.push((name, format!("must be multivalued, because {} is", mapping.path)));
            }
            _ => {}
        }
    }
    let mut problems: Vec<String> = problems
        .into_iter()
        .map(|(name, problem)| format!("the user profile's attribute \"{name}\" {problem}"))
        .collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.into_iter().collect();
        problems.push(format!(
            "the user profile does not declare {}: Keycloak would drop them without a word, or, where its policy keeps \
             undeclared attributes, cut them short or let people write their own",
            names.join(", ")
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scim::user::user;

    fn profile(change: impl Fn(&str, &mut Value)) -> UserProfile {
        let attributes = DECLARED.iter().map(|own| {
            let mut attribute = json!({
                "name": own.name, "multivalued": own.multivalued, "validations": {"length": {"max": own.max_length}},
                "permissions": {"view": ["admin"], "edit": ["admin"]},
            });
            change(own.name, &mut attribute);
            attribute
        });
        serde_json::from_value(json!({ "attributes": attributes.collect::<Vec<_>>() })).unwrap()
    }

    #[test]
    fn a_profile_as_setup_makes_it_is_fine() {
        assert_eq!(undeclared(&profile(|_, _| {}), &[]), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_lose_or_forge_an_attribute_is_told() {
        let told = |key: &str, value: Value| {
            undeclared(&profile(|_, attribute| attribute[key] = value.clone()), &[]).join("; ")
        };
        assert!(
            told("permissions", json!({"edit": ["admin", "user"]}))
                .contains("\"scim.managed\" may be edited by others")
        );
        assert!(told("permissions", json!({"edit": []})).contains("may not be edited by administrators"));
        assert!(told("multivalued", json!(false)).contains("\"scim.externalId\" must be multivalued"));
        assert!(
            told("validations", json!({"length": {"max": 255}}))
                .contains("\"scim.document\" must allow 65000")
        );
        assert!(told("name", json!("x")).contains("does not declare scim.active"));
        let mut open = profile(|_, _| {});
        let map = BTreeMap::from([("title".to_owned(), "title".to_owned())]);
        let title = Mapping::all(user(), &map);
        assert!(undeclared(&open, &title).join("").contains("does not declare title"));
        open.unmanaged_attribute_policy = Some("ADMIN_EDIT".into());
        assert_eq!(undeclared(&open, &title), Vec::<String>::new());
    }
}
