//! Writing a leaver, whatever stands in the way: nobody must stay because of an attribute.

use std::collections::BTreeMap;

use crate::directory::{Result, Row};
use crate::keycloak::{self, FieldError, UserId, UserRepresentation};
use crate::scim::{Code, Error};

use super::plan;
use super::{OrScim, Session};

/// How often Keycloak is asked with other obstacles cleared away.
const MAX_TRIES: usize = 30;

impl Session {
    /// Deactivates alone a user whose whole update was refused. The answer tells of the refusal, unless it was about
    /// administrative power: then what is forbidden is left out, and deactivating is all that was possible anyway.
    pub(super) async fn let_go(
        &self,
        id: &UserId,
        stored: &UserRepresentation,
        refusal: Error,
    ) -> Result<Row> {
        tracing::warn!(%id, %refusal, "the update is refused; the user is deactivated all the same");
        let row = self.run(id, stored, plan::deactivate_alone(stored)).await?;
        if refusal.code == Code::ProtectedUser {
            return Ok(row);
        }
        let detail =
            format!("{}; the user was deactivated all the same, the rest was not applied", refusal.detail);
        Err(Error { detail, ..refusal })
    }

    /// Disables a user although the realm's user profile refuses the write for attributes that the client did not
    /// touch. Keycloak judges all attributes, so what stands in the way is left out, and what is missing gets a
    /// placeholder. Returns the user as it is then.
    ///
    /// # Errors
    /// 409 where nothing helps. The sessions are ended all the same, but the user may sign in again.
    pub(super) async fn disable(
        &self,
        id: &UserId,
        stored: &UserRepresentation,
        mut write: UserRepresentation,
        mut obstacles: Vec<FieldError>,
    ) -> Result<UserRepresentation> {
        let mut tries = BTreeMap::new();
        for _ in 0..MAX_TRIES {
            if obstacles.is_empty() || stored.federation_link.is_some() {
                // It is not about the profile: a directory's user may be read-only, but for being disabled.
                let alone = UserRepresentation {
                    username: stored.username.clone(),
                    enabled: Some(false),
                    ..UserRepresentation::default()
                };
                self.client.update_user(id, &alone).await.or_scim(self)?;
                return Ok(UserRepresentation { enabled: Some(false), ..stored.clone() });
            }
            for obstacle in &obstacles {
                // What is missing can't be left out.
                let first_way = usize::from(!is_there(&write, &obstacle.field));
                let tried = tries.entry(obstacle.field.clone()).or_insert(first_way);
                if !clear_away(&mut write, obstacle, *tried, id) {
                    return Err(self.not_disabled(id, &obstacle.field).await);
                }
                *tried += 1;
                tracing::warn!(attribute = obstacle.field, %id, "left out or replaced, so that the user can be disabled");
            }
            match self.client.update_user(id, &write).await {
                Err(keycloak::Error::Invalid { fields, .. }) => obstacles = fields,
                done => {
                    done.or_scim(self)?;
                    return Ok(UserRepresentation {
                        username: write
                            .username
                            .map(|name| name.to_lowercase())
                            .or_else(|| stored.username.clone()),
                        email: write.email.map(|email| email.to_lowercase()),
                        first_name: write.first_name,
                        last_name: write.last_name,
                        attributes: write.attributes,
                        enabled: Some(false),
                        ..stored.clone()
                    });
                }
            }
        }
        let field = obstacles.first().map(|obstacle| obstacle.field.as_str()).unwrap_or_default();
        Err(self.not_disabled(id, field).await)
    }

    /// Writes what is left of a user whom a tenant has let go or lost. What the realm's user profile misses gets a
    /// placeholder, since leaving must not depend on it; what is there is others', and stays as it is.
    ///
    /// # Errors
    /// [`keycloak::Error::Invalid`] where the profile refuses what is there, and as every call.
    pub(super) async fn write_left(
        &self,
        id: &UserId,
        stored: &UserRepresentation,
        mut write: UserRepresentation,
    ) -> keycloak::Result<()> {
        let mut tries = BTreeMap::new();
        for _ in 0..MAX_TRIES {
            let error = match self.client.update_user(id, &write).await {
                // A directory's user may be read-only: then membership and role alone say whose it is.
                Err(keycloak::Error::Invalid { .. }) if stored.federation_link.is_some() => return Ok(()),
                Err(error @ keycloak::Error::Invalid { .. }) => error,
                done => return done,
            };
            let keycloak::Error::Invalid { fields, .. } = &error else { return Err(error) };
            for missing in fields {
                let tried = tries.entry(missing.field.clone()).or_insert(1);
                if is_there(stored, &missing.field) || !clear_away(&mut write, missing, *tried, id) {
                    return Err(error);
                }
                *tried += 1;
                tracing::warn!(attribute = missing.field, %id, "got a placeholder, so that the user can leave");
            }
            if fields.is_empty() {
                return Err(error);
            }
        }
        self.client.update_user(id, &write).await
    }

    async fn not_disabled(&self, id: &UserId, field: &str) -> Error {
        tracing::error!(attribute = field, %id, "a user who must leave can't be disabled: mend the realm's user profile");
        // At least nobody goes on with a session of before.
        if let Err(error) = self.end_sessions(id).await {
            return error;
        }
        Error::new(
            409,
            Code::NotDeactivated,
            format!(
                "The user was NOT disabled: the realm's user profile in Keycloak refuses the user's attribute {field}; all \
                 sessions were ended; mend the profile or the attribute there, and repeat the request"
            ),
        )
    }
}

/// Clears away what stands in the way, another way each time; false when nothing is left to try.
fn clear_away(write: &mut UserRepresentation, obstacle: &FieldError, tried: usize, id: &UserId) -> bool {
    if obstacle.field == "username" {
        // Without one there is no user.
        return false;
    }
    let attributes = write.attributes.get_or_insert_default();
    let replacement = match tried {
        0 => None,
        1 => Some(placeholder(obstacle, id, 1)),
        // Too short, perhaps: the limits are among the message's parameters.
        2 => match obstacle.params.iter().skip(1).find_map(|param| param.parse::<usize>().ok()) {
            Some(length) if (1..=255).contains(&length) => Some(placeholder(obstacle, id, length)),
            _ => return false,
        },
        _ => return false,
    };
    match obstacle.field.as_str() {
        "email" => write.email = replacement,
        "firstName" => write.first_name = replacement,
        "lastName" => write.last_name = replacement,
        name => match replacement {
            Some(text) => {
                attributes.insert(name.into(), vec![text]);
            }
            None => {
                attributes.remove(name);
            }
        },
    }
    true
}

fn is_there(write: &UserRepresentation, field: &str) -> bool {
    match field {
        "username" => write.username.is_some(),
        "email" => write.email.is_some(),
        "firstName" => write.first_name.is_some(),
        "lastName" => write.last_name.is_some(),
        name => write.attributes.as_ref().is_some_and(|attributes| attributes.contains_key(name)),
    }
}

/// A value that says nothing; for an e-mail address one that can never be reached (RFC 2606).
fn placeholder(obstacle: &FieldError, id: &UserId, length: usize) -> String {
    match obstacle.field.as_str() {
        "email" => format!("{id}@deactivated.invalid"),
        _ => "-".repeat(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(field: &str, params: &[&str]) -> FieldError {
        let params = params.iter().map(|param| (*param).into()).collect();
        FieldError { field: field.into(), message: "error".into(), params }
    }

    fn user() -> UserRepresentation {
        let attributes = BTreeMap::from([("title".to_owned(), vec!["x".to_owned()])]);
        UserRepresentation {
            username: Some("babs".into()),
            attributes: Some(attributes),
            ..UserRepresentation::default()
        }
    }

    #[test]
    fn no_way_is_tried_twice_and_the_ways_end() {
        let id = UserId::try_from("1").unwrap();
        let title = obstacle("title", &["Job title", "3", "10"]);
        let mut write = user();
        let mut seen = vec![write.attributes.clone()];
        for tried in 0..3 {
            assert!(clear_away(&mut write, &title, tried, &id), "{tried}");
            assert!(!seen.contains(&write.attributes), "{tried}");
            seen.push(write.attributes.clone());
        }
        assert_eq!(write.attributes.as_ref().unwrap()["title"], ["---"]);
        assert!(!clear_away(&mut write, &title, 3, &id));
    }

    #[test]
    fn what_is_missing_gets_a_placeholder_of_its_kind() {
        let id = UserId::try_from("1").unwrap();
        let mut write = user();
        assert!(clear_away(&mut write, &obstacle("email", &["email"]), 1, &id));
        assert_eq!(write.email.as_deref(), Some("1@deactivated.invalid"));
        assert!(clear_away(&mut write, &obstacle("department", &[]), 1, &id));
        assert_eq!(write.attributes.as_ref().unwrap()["department"], ["-"]);
        assert!(
            is_there(&user(), "title") && !is_there(&user(), "department") && !is_there(&user(), "email")
        );
        assert!(!clear_away(&mut write, &obstacle("username", &["username", "8", "255"]), 0, &id));
    }
}
