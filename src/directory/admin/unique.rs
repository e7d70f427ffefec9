//! Attributes that the configuration declares unique: Keycloak itself keeps only usernames and e-mail addresses apart.

use tokio::sync::OwnedMutexGuard;

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{AttributeMatch, UserId, UserQuery, UserRepresentation};
use crate::scim::{Code, Error, ScimType};

use super::storage::{self, Mapping, values};
use super::{OrScim, Session};

/// How many users may share a value but for its letter case before nobody looks further.
const HOLDERS_MAX: u32 = 100;

/// While it lives, nobody else takes the values that were found to be free.
#[must_use]
pub(super) struct Reserved {
    _locks: Vec<OwnedMutexGuard<()>>,
}

impl Session {
    /// Looks whether the values of unique attributes can be taken, and keeps others from taking them meanwhile.
    /// `holder` is the user that is to get them, whose lock the caller holds; none for a create.
    ///
    /// # Errors
    /// 409 where another user of the realm, managed or not, has one; 400 for a value that can't be searched for.
    pub(super) async fn reserve_unique(
        &self,
        wanted: &Wanted,
        holder: Option<(&UserId, &Row)>,
    ) -> Result<Reserved> {
        let mut locks = Vec::new();
        // Always in the mappings' order, so that no two requests wait for each other.
        for mapping in self.storage.mappings.iter().filter(|mapping| mapping.attribute().unique) {
            let first = |texts: Vec<String>| texts.into_iter().next();
            let Some(text) = first(mapping.texts(&wanted.resource)) else { continue };
            let before = holder.and_then(|(_, row)| first(mapping.texts(&row.resource)));
            if before.as_ref() == Some(&text) {
                continue;
            }
            let key = format!("value {} {}", mapping.name, folded(mapping, &text));
            locks.push(self.directory.0.realm.locks().lock(key).await);
            let condition = AttributeMatch::new(&mapping.name, &text).map_err(|reason| {
                Error::bad(
                    ScimType::InvalidValue,
                    Code::UnacceptableValue,
                    format!("The value of {} can't be kept unique: {reason}", mapping.attribute().name),
                )
            })?;
            let query = UserQuery { attributes: vec![condition], max: HOLDERS_MAX, ..UserQuery::default() };
            let found = self.client.users(&query).await.or_scim(self)?;
            let except = holder.map(|(id, _)| id);
            let taken = found.iter().any(|other| {
                other.id.as_ref() != except
                    // What other tenants have is none of an organization's business.
                    && (self.storage.tenant.id().is_none() || self.storage.tenant.has(other))
                    && !self.is_earlier_try(other, wanted)
                    && values(other, &mapping.name)
                        .iter()
                        .any(|held| folded(mapping, held) == folded(mapping, &text))
            });
            if taken {
                return Err(Error::conflict(
                    Code::ValueExists,
                    format!(
                        "Another user has this value of {}, which must be unique",
                        mapping.attribute().name
                    ),
                ));
            }
        }
        Ok(Reserved { _locks: locks })
    }

    /// Is it what an earlier try of this create left, or a user of the same name, whom Keycloak itself keeps apart?
    pub(super) fn is_earlier_try(&self, other: &UserRepresentation, wanted: &Wanted) -> bool {
        let name = if self.storage.email_as_username {
            storage::email(&wanted.resource)
        } else {
            wanted.resource.text(&self.storage.user, "userName").map(str::to_owned)
        };
        name.map(|name| name.to_lowercase()) == other.username
    }
}

/// A value as it is compared.
fn folded(mapping: &Mapping, text: &str) -> String {
    if mapping.leaf().case_exact { text.to_owned() } else { text.to_lowercase() }
}
