//! What SCIM requests mean, over a directory: create, replace, patch, delete, query.

mod groups;
mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::directory::groups::Groups;
use crate::directory::{Context, Directory, Result, Row, Wanted};
use crate::scim::list::PageSizes;
use crate::scim::render::{names_version, render};
use crate::scim::{Code, Error, Object, Patch, Policy, Projection, Resource, ResourceType};

/// How a realm's requests are to be understood.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The User resource type, with the realm's own schemas.
    pub user: Arc<ResourceType>,
    /// What becomes of attributes that are unknown, ignored or refused.
    pub policy: Policy,
    /// The same for groups.
    pub group_policy: Policy,
    /// A PATCH of a group is answered with the group where it has at most so many members; 0 for never.
    pub patch_response_members: usize,
    /// Page sizes.
    pub sizes: PageSizes,
    /// How many users may be looked at to judge a filter.
    pub scan_limit: usize,
    /// How long a plan of writes may take, whoever still waits for it.
    pub plan_timeout: Duration,
    /// The client-visible base URL, without trailing slash.
    pub base: String,
}

/// What `If-Match` and `If-None-Match` ask for (RFC 7644 section 3.14).
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Do it only if the version is one of these.
    pub if_match: Option<String>,
    /// Answer only if the version is none of these.
    pub if_none_match: Option<String>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The resource that was created, whole, and what the client wants to see of it.
    Created {
        /// Its location and version are needed whatever the client wants to see.
        whole: Value,
        /// The projected resource.
        shown: Value,
    },
    /// A resource, likewise.
    Found {
        /// As above.
        whole: Value,
        /// As above.
        shown: Value,
    },
    /// The client has this version already.
    NotModified {
        /// The version.
        version: String,
    },
    /// It is done, and there is nothing to show.
    Done {
        /// The version that the resource has now.
        version: String,
    },
    /// A list.
    Listed(Value),
    /// The resource is gone.
    Deleted,
}

/// The users and groups of one realm, as SCIM speaks of them. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    directory: Arc<dyn Directory>,
    groups: Arc<dyn Groups>,
    settings: Arc<Settings>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over the places where users and groups live. `tasks` takes the writes; shutting down waits for them.
    pub fn new(
        directory: Arc<dyn Directory>,
        groups: Arc<dyn Groups>,
        settings: Settings,
        tasks: TaskTracker,
    ) -> Self {
        Self { directory, groups, settings: Arc::new(settings), tasks }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The User resource type, with the realm's own schemas.
    pub fn user(&self) -> &ResourceType {
        &self.settings.user
    }

    /// POST (RFC 7644 section 3.3).
    ///
    /// # Errors
    /// 400 for a body that can't be taken, 409 for a user that exists.
    pub async fn create(&self, context: &Context, body: &Object, projection: &Projection) -> Result<Outcome> {
        let resource = Resource::read(self.user(), body, &self.settings.policy)?;
        let wanted =
            Wanted { active: resource.flag("active"), all_or_nothing: true, refusal: None, resource };
        let row = self.write(context, move |engine, context| async move {
            engine.directory.create(&context, wanted).await
        });
        let whole = self.render(&row.await?);
        let shown = self.shown(context, &whole, projection).await?;
        Ok(Outcome::Created { whole, shown })
    }

    /// GET by id (RFC 7644 section 3.4.1). It shows the user's groups too, unless they are excluded: beside the other
    /// calls they cost no time.
    ///
    /// # Errors
    /// 404 for a user that is not there or not managed.
    pub async fn get(
        &self,
        context: &Context,
        id: &str,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let groups = async {
            match projection.leaves("groups") {
                true => self.groups.groups_of(context, id).await,
                false => Ok(Vec::new()),
            }
        };
        let (row, groups) = tokio::join!(self.directory.get(context, id), groups);
        let row = row?.ok_or_else(|| Error::not_found(id))?;
        let whole = self.render(&row);
        let version = version(&whole);
        if conditions.if_none_match.as_deref().is_some_and(|tags| names_version(tags, version)) {
            return Ok(Outcome::NotModified { version: version.to_owned() });
        }
        let shown = projection.apply(self.user(), whole.clone());
        Ok(Outcome::Found { shown: self.with_memberships(shown, groups?, projection), whole })
    }

    /// PUT (RFC 7644 section 3.5.1). An omitted attribute is cleared, or kept where the schema says so: leaving out
    /// `active` or `externalId` says neither "let the user in" nor "this is somebody else now".
    ///
    /// # Errors
    /// 400, 404, 409, 412, 403.
    pub async fn replace(
        &self,
        context: &Context,
        id: &str,
        body: &Object,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let user = Arc::clone(&self.settings.user);
        let resource = Resource::read_incomplete(&user, body, &self.settings.policy)?;
        self.change(context, id, conditions, projection, move |before| {
            let mut resource = resource;
            let active = resource.flag("active");
            resource.keep_omitted(&user, before);
            let refusal = match (resource.check_immutable(&user, before), active) {
                (Ok(()), Some(false)) => None,
                // A leaver does not stay because of an attribute, and least of all because of one that is missing.
                (Err(refusal), Some(false)) => Some(refusal),
                (checked, _) => {
                    checked?;
                    resource.check_required(&user)?;
                    None
                }
            };
            Ok(Wanted { resource, active, all_or_nothing: false, refusal })
        })
        .await
    }

    /// PATCH (RFC 7644 section 3.5.2), all or nothing.
    ///
    /// # Errors
    /// 400, 404, 409, 412, 403.
    pub async fn patch(
        &self,
        context: &Context,
        id: &str,
        body: &Object,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let user = Arc::clone(&self.settings.user);
        let patch = Patch::read(&user, body)?;
        let policy = self.settings.policy.clone();
        self.change(context, id, conditions, projection, move |before| {
            let patched = patch.apply(&user, before, &policy)?;
            Ok(Wanted {
                all_or_nothing: true,
                refusal: None,
                active: asserted_active(&patched.resource, &patched.touched),
                resource: patched.resource,
            })
        })
        .await
    }

    async fn change(
        &self,
        context: &Context,
        id: &str,
        conditions: &Conditions,
        projection: &Projection,
        edit: impl FnOnce(&Resource) -> Result<Wanted> + Send + 'static,
    ) -> Result<Outcome> {
        let checked = self.precondition(conditions);
        let id = id.to_owned();
        let row = self.write(context, move |engine, context| async move {
            let edit = move |before: &Row| {
                checked(before)?;
                edit(&before.resource)
            };
            engine.directory.update(&context, &id, Box::new(edit)).await
        });
        let whole = self.render(&row.await?);
        let shown = self.shown(context, &whole, projection).await?;
        Ok(Outcome::Found { whole, shown })
    }

    /// What the client wants to see of a user after a write.
    async fn shown(&self, context: &Context, whole: &Value, projection: &Projection) -> Result<Value> {
        let shown = projection.apply(self.user(), whole.clone());
        let shown = self.with_groups(context, vec![shown], projection).await?;
        Ok(shown.into_iter().next().unwrap_or_default())
    }

    /// DELETE (RFC 7644 section 3.6).
    ///
    /// # Errors
    /// 404, 412, 403.
    pub async fn delete(&self, context: &Context, id: &str, conditions: &Conditions) -> Result<Outcome> {
        let checked = self.precondition(conditions);
        let id = id.to_owned();
        self.write(context, move |engine, context| async move {
            engine.directory.delete(&context, &id, Box::new(checked)).await
        })
        .await?;
        Ok(Outcome::Deleted)
    }

    fn precondition(&self, conditions: &Conditions) -> impl FnOnce(&Row) -> Result<()> + Send + use<> {
        let engine = self.clone();
        let if_match = conditions.if_match.clone();
        move |row| precondition(if_match.as_deref(), || engine.render(row))
    }

    /// Runs a plan of writes in a task of its own, with its own deadline: a client that hangs up, or a request that
    /// times out, never cuts it in two.
    async fn write<T, F>(&self, context: &Context, plan: impl FnOnce(Self, Context) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let plan = plan(self.clone(), context.clone());
        let task = self.tasks.spawn(tokio::time::timeout(self.settings.plan_timeout, plan).in_current_span());
        match task.await {
            Ok(Ok(done)) => done,
            Ok(Err(_elapsed)) => Err(Error::unavailable(
                Code::TimedOut,
                "Keycloak took too long to carry out the request; repeat it: what was begun is then completed",
                5,
            )),
            Err(error) => {
                tracing::error!(%error, "a plan of writes panicked");
                Err(Error::new(500, Code::Internal, "The gateway failed; its log has the details"))
            }
        }
    }

    fn render(&self, row: &Row) -> Value {
        render(self.user(), &row.resource, &row.meta, &self.settings.base)
    }
}

/// Is the resource of the version that `If-Match` asks for?
fn precondition(if_match: Option<&str>, rendered: impl FnOnce() -> Value) -> Result<()> {
    match if_match {
        Some(tags) if !names_version(tags, version(&rendered())) => Err(Error::new(
            412,
            Code::VersionMismatch,
            "The resource has changed since it was read: If-Match names another version",
        )),
        _ => Ok(()),
    }
}

/// The version of a rendered resource.
pub fn version(rendered: &Value) -> &str {
    rendered.pointer("/meta/version").and_then(Value::as_str).unwrap_or_default()
}

/// What a PATCH asserts of `active`: nothing where no operation names it.
fn asserted_active(resource: &Resource, touched: &BTreeSet<Arc<str>>) -> Option<bool> {
    touched.contains("active").then(|| resource.flag("active")).flatten()
}
