//! Who calls Admin REST, and what they may do: by the roles of `realm-management` that they have in effect.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::Answer;
use super::realms::{MASTER, REALM_MANAGEMENT};
use super::request::Request;
use super::state::{Realm, World};

/// Who calls.
#[derive(Debug)]
pub(super) struct Caller {
    realm: String,
    /// Names of the effective roles of the realm's `realm-management`.
    management: BTreeSet<String>,
    /// An administrator of all realms.
    of_all: bool,
}

/// What a caller may do in one realm.
#[derive(Debug)]
pub(super) struct Power {
    roles: BTreeSet<String>,
    everything: bool,
}

impl Power {
    /// Whether one of these roles is held.
    pub(super) fn any(&self, roles: &[&str]) -> bool {
        self.everything || roles.iter().any(|role| self.roles.contains(*role))
    }

    /// # Errors
    /// Keycloak's 403 where none of these roles is held.
    pub(super) fn need(&self, roles: &[&str]) -> Result<(), Answer> {
        if self.any(roles) { Ok(()) } else { Err(forbidden()) }
    }

    /// # Errors
    /// Keycloak's 403 where no role at all is held that has to do with what is in a realm.
    pub(super) fn need_some(&self) -> Result<(), Answer> {
        if self.everything || self.roles.iter().any(|role| role != "impersonation") {
            Ok(())
        } else {
            Err(forbidden())
        }
    }
}

fn forbidden() -> Answer {
    Answer::error(403, "HTTP 403 Forbidden")
}

/// The caller whom the bearer token names.
///
/// # Errors
/// Keycloak's 401, also before it says that a realm doesn't exist.
pub(super) fn caller(world: &World, request: &Request) -> Result<Caller, Answer> {
    request
        .bearer()
        .and_then(|token| verified(world, request, token))
        .ok_or_else(|| Answer::error(401, "HTTP 401 Unauthorized"))
}

fn verified(world: &World, request: &Request, token: &str) -> Option<Caller> {
    // The issuer names the realm, by the address that is called now: Keycloak takes no token of another one.
    let prefix = format!("{}/realms/", request.base());
    let issuer = unverified_issuer(token)?;
    let realm = world.realms.get(issuer.strip_prefix(&prefix)?)?;
    let claims = realm.keys.verify(token)?;
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let alive = claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp > super::now_seconds());
    let client = realm.client(text("azp")?).filter(|client| client.is_on("enabled"))?;
    if text("typ") != Some("Bearer") || !alive {
        return None;
    }
    if let Some(session) = text("sid")
        && realm.sessions.get(session).map(String::as_str) != text("sub")
    {
        return None;
    }
    let user = realm.users.get(text("sub")?).filter(|user| user.enabled)?;
    if claims.get("iat").and_then(Value::as_i64).is_none_or(|issued| issued < user.not_before) {
        return None;
    }
    let roles = realm.roles_through(client, user);
    Some(Caller {
        realm: realm.name.clone(),
        management: management_roles(realm, &roles),
        of_all: realm.name == MASTER
            && realm.realm_role("admin").is_some_and(|admin| roles.contains(&admin.id)),
    })
}

fn unverified_issuer(token: &str) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

/// The names of those of these roles that are `realm-management`'s.
fn management_roles(realm: &Realm, ids: &BTreeSet<String>) -> BTreeSet<String> {
    let management = realm.client(REALM_MANAGEMENT).map(|client| &client.id);
    let roles = ids.iter().filter_map(|id| realm.roles.get(id));
    roles
        .filter(|role| role.client.is_some() && role.client.as_ref() == management)
        .map(|role| role.name.clone())
        .collect()
}

impl Caller {
    /// What they may do in this realm: nothing outside their own, unless they administer all.
    pub(super) fn power_over(&self, realm: &str) -> Power {
        let own = self.realm == realm;
        Power { roles: if own { self.management.clone() } else { BTreeSet::new() }, everything: self.of_all }
    }

    /// # Errors
    /// Keycloak's 403 to all but administrators of all realms.
    pub(super) fn need_all(&self) -> Result<(), Answer> {
        if self.of_all { Ok(()) } else { Err(forbidden()) }
    }
}
