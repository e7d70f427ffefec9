//! The calls about users: read, search, count, create, change, delete.

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;

use super::client::{AdminClient, Repeat};
use super::error::{Call, Error, Result};
use super::query::UserQuery;
use super::representation::{UserId, UserRepresentation};

/// How many ids one `search=id:` takes: some 3.8 kB of URL.
const IDS_PER_CALL: usize = 100;

/// How many calls of a long list of ids run at once.
const CALLS_AT_ONCE: usize = 4;

/// The longest username and e-mail address that Keycloak can hold, in characters.
const MAX_NAME: usize = 255;

impl AdminClient {
    /// The user with this id, attributes included; `None` if there is none.
    ///
    /// Asked by `search=id:`, which costs half of `GET users/{id}`. Service accounts are found too.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn user(&self, id: &UserId) -> Result<Option<UserRepresentation>> {
        let found = self.users_by_id(std::slice::from_ref(id)).await?;
        Ok(found.into_iter().find(|user| user.id.as_ref() == Some(id)))
    }

    /// The users that the query finds, attributes included, by username; with `ids`, in the order
    /// of the ids.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn users(&self, query: &UserQuery) -> Result<Vec<UserRepresentation>> {
        if !query.ids.is_empty() {
            // Collected first: a stream that borrows in its closure makes futures that can't be sent
            // to another task.
            let calls: Vec<_> = query.ids.chunks(IDS_PER_CALL).map(|ids| self.users_by_id(ids)).collect();
            return stream::iter(calls).buffered(CALLS_AT_ONCE).try_concat().await;
        }
        if matches_nobody(query) {
            return Ok(Vec::new());
        }
        let mut pairs = query.conditions();
        pairs.extend(query.window());
        self.get(("users", &[]), &pairs).await
    }

    /// How many users the query finds, its window aside.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn count_users(&self, query: &UserQuery) -> Result<u64> {
        if !query.ids.is_empty() {
            return Ok(self.users(query).await?.len() as u64);
        }
        if matches_nobody(query) {
            return Ok(0);
        }
        self.get(("users/count", &[]), &query.conditions()).await
    }

    /// Creates a user and gives the id that Keycloak chose. `enabled` left out means disabled.
    ///
    /// Sent again only where Keycloak certainly never saw it. After any other loss
    /// ([`Error::Unreachable`], [`Error::Timeout`], 502 to 504) the user may exist: look for it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when username or e-mail address are taken, [`Error::Invalid`] when the
    /// user profile refuses it, and as every call.
    pub async fn create_user(&self, user: &UserRepresentation) -> Result<UserId> {
        let answer = self.write(Method::POST, ("users", &[]), Some(user), Repeat::NeverSent).await?;
        // Its host is whatever Keycloak takes itself for; only the id matters.
        answer
            .location
            .as_deref()
            .and_then(|location| location.rsplit('/').next())
            .and_then(|id| UserId::try_from(id).ok())
            .ok_or_else(|| Error::Decode {
                call: Call { method: "POST", path: "users" },
                detail: "its Location header holds no user id".to_owned(),
            })
    }

    /// Changes a user. With `attributes` all of them are replaced and an e-mail address or name
    /// that is left out is cleared; without, only what is present changes. Keycloak knows no
    /// precondition: of two changes at once the last one wins.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`], [`Error::Invalid`], and as every call.
    pub async fn update_user(&self, id: &UserId, user: &UserRepresentation) -> Result<()> {
        self.write(Method::PUT, ("users/{id}", &[id.as_ref()]), Some(user), Repeat::Always).await.map(drop)
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn delete_user(&self, id: &UserId) -> Result<()> {
        self.remove(("users/{id}", &[id.as_ref()])).await
    }

    /// Users by id. Keycloak skips ids that don't exist, answers one that is named twice twice,
    /// and ignores `max` here, so the number of ids is the bound.
    async fn users_by_id(&self, ids: &[UserId]) -> Result<Vec<UserRepresentation>> {
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let pairs = [
            ("search", format!("id:{}", ids.join(" "))),
            ("briefRepresentation", "false".to_owned()),
            ("max", ids.len().to_string()),
        ];
        self.get(("users", &[]), &pairs).await
    }
}

/// A text that Keycloak can't hold need not be asked for: a long one would fill a URL, one with a NUL is answered 400.
fn matches_nobody(query: &UserQuery) -> bool {
    let held_by_nobody = |text: &String| text.contains('\0') || text.chars().count() > MAX_NAME;
    [&query.username, &query.email].into_iter().flatten().any(held_by_nobody)
}
