//! Creating a user: index and mark in the creating call, then the role, then the answer, then the mark goes.

use std::time::Duration;

use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{self, UserId, UserQuery, UserRepresentation};
use crate::scim::{Code, Error};

use super::names::taken_elsewhere;
use super::plan::{self, whole};
use super::storage::PENDING;
use super::tag::{Mark, Standing};
use super::tenant;
use super::{OrScim, Session};

/// How long a create of another gateway process may take to map the role, before it counts as crashed.
const PATIENCE: Duration = Duration::from_secs(2);

impl Session {
    pub(super) async fn create(self, wanted: Wanted) -> Result<Row> {
        let name = wanted.resource.text(&self.storage.user, "userName").unwrap_or_default().to_lowercase();
        // Two creates of one name: the second one sees what became of the first.
        let name_lock = self.directory.0.realm.locks().lock(format!("name {name}")).await;
        self.check_user_name(&wanted, None).await?;
        let now = OffsetDateTime::now_utc();
        let mark = Mark::new(millis(now));
        let mut write = plan::create(&wanted, &mark.stored(), self.rules())?;
        let joined = self.start_with(&mut write).await?;
        let reserved = (self.reserve_unique(&wanted, None).await?, self.link_new(&wanted, &mut write).await?);
        let created = self.client.create_user(&write).await;
        // Whoever holds a user's lock may wait for a value's, never the other way round.
        drop(reserved);
        let id = match created {
            Ok(id) => id,
            Err(keycloak::Error::Conflict { .. }) => return self.create_over(&wanted, &write).await,
            Err(error) => match self.created_after_all(&error, &write, &mark).await {
                Some(id) => id,
                None => return Err(self.failed(&error)),
            },
        };
        self.note_arrival(&joined).await;
        let lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        if let Err(error) = self.take_in(&id).await {
            return Err(self.after_no_entry(&id, error).await);
        }
        let row = self.storage.read(&as_stored(write, &id), &self.caller);
        // Off the answer's path. Until it is done nobody else changes the user, or mistakes a role that is taken away
        // for one that was never given.
        let tasks = self.directory.0.tasks.clone();
        let aftermath = Self { client: self.client.clone().after_answer(), ..self };
        tasks.spawn(
            async move {
                if let Err(error) = aftermath.unmark(&id).await {
                    tracing::warn!(%error, "the mark of a finished create stays until the sweep takes it");
                }
                drop((lock, name_lock));
            }
            .in_current_span(),
        );
        Ok(row)
    }

    /// What to answer where a new user could not be made the tenant's. Where the organization is gone, nobody could ever
    /// finish the create, so the user goes as well. The caller holds the user's lock.
    async fn after_no_entry(&self, id: &UserId, error: Error) -> Error {
        let Some(organization) = self.storage.tenant.id() else { return error };
        match self.client.organization(organization).await {
            Ok(None) => {}
            _ => return error,
        }
        if let Err(error) = self.client.delete_user(id).await {
            tracing::warn!(%id, %error, "a user of an organization that is gone stays in Keycloak");
        }
        Error::unavailable(Code::RealmNotReady, "The organization is not there in Keycloak any more", 60)
    }

    /// Takes the mark away. The caller holds the user's lock.
    async fn unmark(&self, id: &UserId) -> Result<()> {
        let Some(user) = self.client.user(id).await.or_scim(self)? else { return Ok(()) };
        let mut write = whole(&user);
        if write.attributes.get_or_insert_default().remove(PENDING).is_some() {
            self.client.update_user(id, &write).await.or_scim(self)?;
        }
        Ok(())
    }

    /// After a failure that leaves open whether the user was created: looks, and knows its own mark.
    async fn created_after_all(
        &self,
        error: &keycloak::Error,
        write: &UserRepresentation,
        mark: &Mark,
    ) -> Option<UserId> {
        use keycloak::Error as Failure;
        let open =
            matches!(error, Failure::Unreachable { .. } | Failure::Timeout { .. } | Failure::Server { .. });
        if !open || error.never_sent() {
            return None;
        }
        let found = self.holder(write).await.ok()?;
        found.filter(|user| Mark::on(user).as_ref() == Some(mark)).and_then(|user| user.id)
    }

    /// Keycloak already has a user with this name or e-mail address.
    async fn create_over(self, wanted: &Wanted, write: &UserRepresentation) -> Result<Row> {
        let Some(holder) = self.holder(write).await? else {
            return Err(self.email_taken(write).await);
        };
        let Some(id) = holder.id.clone() else { return Err(taken_elsewhere()) };
        let began = Mark::on(&holder).map(|mark| mark.began);
        let mut wait = PATIENCE;
        loop {
            match self.observe(&id).await? {
                None => {
                    return Err(Error::new(
                        409,
                        Code::UserExists,
                        "The user is being deleted in Keycloak; repeat the request",
                    ));
                }
                Some((_, standing)) if standing.is_managed() => return Err(exists(&id)),
                Some((_, Standing::Unfinished)) => {}
                Some((user, _)) => return Err(self.unmanaged(&user).await),
            }
            // A young mark may be another gateway's, which is about to map the role.
            let age = millis(OffsetDateTime::now_utc()).saturating_sub(began.unwrap_or_default());
            let young = u128::try_from(age).is_ok_and(|age| age < PATIENCE.as_millis());
            if !young || wait.is_zero() {
                break;
            }
            let nap = Duration::from_millis(100);
            tokio::time::sleep(nap).await;
            wait = wait.saturating_sub(nap);
        }
        self.finish(&id, wanted).await
    }

    /// Finishes a create that was cut off, with what the client wants now. Nobody was told of the user until now, so who
    /// finishes it has made it.
    async fn finish(&self, id: &UserId, wanted: &Wanted) -> Result<Row> {
        let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        self.take_in(id).await?;
        let Some(stored) = self.client.user(id).await.or_scim(self)? else {
            return Err(Error::not_found(id.as_ref()));
        };
        if Mark::on(&stored).is_none() {
            return Err(exists(id));
        }
        let stored = self.storage.taken_over(&stored, &self.caller);
        let wanted = Wanted { active: Some(wanted.active.unwrap_or(true)), ..wanted.clone() };
        let before = self.storage.read(&stored, &self.caller);
        let _reserved = self.reserve_unique(&wanted, Some((id, &before))).await?;
        let plan = plan::update(&stored, &before, &wanted, self.rules())?;
        self.linked((id, &stored), &before, &wanted, plan).await
    }

    /// The user that holds the name.
    async fn holder(&self, write: &UserRepresentation) -> Result<Option<UserRepresentation>> {
        let name = match (&write.email, self.storage.email_as_username) {
            (Some(email), true) => Some(email.clone()),
            _ => write.username.clone(),
        };
        let query = UserQuery { username: name, max: 2, ..UserQuery::default() };
        Ok(self.client.users(&query).await.or_scim(self)?.into_iter().next())
    }

    /// The name is that of a user whom this tenant does not manage.
    async fn unmanaged(&self, user: &UserRepresentation) -> Error {
        if let (Some(organization), Some(id)) = (self.storage.tenant.id(), &user.id) {
            return match self.client.organization_member(organization, id).await {
                Ok(Some(_)) => Error::conflict(
                    Code::UnmanagedUserExists,
                    "A member of this organization has this userName and is not managed over SCIM: map the realm role of \
                     managed users to them in Keycloak",
                ),
                Ok(None) => taken_elsewhere(),
                Err(error) => self.failed(&error),
            };
        }
        if tenant::has_any(user) {
            return Error::conflict(
                Code::UnmanagedUserExists,
                "A user with this userName belongs to an organization of the realm, whose own identity provider manages \
                 them; only an administrator of Keycloak can change that",
            );
        }
        Error::conflict(
            Code::UnmanagedUserExists,
            "A user with this userName exists in Keycloak and is not managed over SCIM (on_existing = \"reject\"): delete \
             or rename it there, or map the realm role of managed users to it",
        )
    }

    async fn email_taken(&self, write: &UserRepresentation) -> Error {
        if self.storage.tenant.id().is_some() {
            return self.taken_in_realm(write, None).await;
        }
        if write.email.is_none() {
            // Keycloak signs people in by e-mail address too, so a userName that is somebody's address is taken.
            return Error::conflict(
                Code::UserExists,
                "The userName is the e-mail address of another user in Keycloak",
            );
        }
        let query = UserQuery { email: write.email.clone(), max: 2, ..UserQuery::default() };
        let holder = match self.client.users(&query).await {
            Ok(users) => users.into_iter().find_map(|user| user.id),
            Err(error) => return self.failed(&error),
        };
        let managed = match holder {
            Some(id) => match self.observe(&id).await {
                // Somebody's create that was cut off, under another userName: it is finished, so that it can be seen.
                Ok(Some((_, Standing::Unfinished))) => self.heal(&id).await.is_ok(),
                Ok(found) => found.is_some_and(|(_, standing)| standing.is_managed()),
                Err(error) => return error,
            },
            None => false,
        };
        if managed {
            return Error::conflict(Code::EmailExists, "Another user has this e-mail address already");
        }
        Error::conflict(
            Code::EmailExists,
            "A user in Keycloak that is not managed over SCIM has this e-mail address already; change it there, or map \
             the realm role of managed users to that user",
        )
    }
}

fn exists(id: &UserId) -> Error {
    Error::conflict(Code::UserExists, format!("A user with this userName exists already; its id is {id}"))
}

fn millis(instant: OffsetDateTime) -> i64 {
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// What Keycloak makes of a user that it creates.
fn as_stored(write: UserRepresentation, id: &UserId) -> UserRepresentation {
    let lower = |text: Option<String>| text.map(|text| text.to_lowercase());
    UserRepresentation {
        id: Some(id.clone()),
        username: lower(write.username),
        email: lower(write.email),
        ..write
    }
}
