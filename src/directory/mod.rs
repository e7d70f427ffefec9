//! The port between the engine and the place where people live, and its way into Keycloak.

pub mod admin;
pub mod groups;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use self::groups::Membership;
use crate::scim::render::Meta;
use crate::scim::{Code, Error, Filter, Resource, ScimType};

/// A result of the port; its errors are ready for the client.
pub type Result<T> = std::result::Result<T, Error>;

/// Who asks, and under which request id; counts the calls that became of it.
#[derive(Debug, Clone)]
pub struct Context {
    /// Goes along with every call.
    pub request_id: Arc<str>,
    /// The caller's name: `externalId` is kept for each caller apart.
    pub caller: Arc<str>,
    /// How many calls the directory made for this request.
    pub calls: Arc<AtomicU32>,
}

impl Context {
    /// A context whose calls are not counted yet.
    pub fn new(request_id: impl Into<Arc<str>>, caller: impl Into<Arc<str>>) -> Self {
        Self { request_id: request_id.into(), caller: caller.into(), calls: Arc::default() }
    }

    /// The number of calls so far.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// A managed user.
#[derive(Debug, Clone)]
pub struct Row {
    /// What clients write.
    pub resource: Resource,
    /// What the server knows besides.
    pub meta: Meta,
    /// The groups that the user is in; none where they were not asked for.
    pub groups: Option<Vec<Membership>>,
}

/// A window of the roster.
#[derive(Debug, Clone)]
pub struct Page {
    /// The users, in a stable order.
    pub rows: Vec<Row>,
    /// How many there are in all.
    pub total: usize,
}

/// What a client wants of a user.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// All attributes, as they shall be.
    pub resource: Resource,
    /// The value of `active` that the request names; none where it does not speak of it.
    pub active: Option<bool>,
    /// Must nothing be applied where a part of it can't be (PATCH)? Otherwise a deactivation counts even if the rest of
    /// the request is refused: a leaver must not stay because somebody else has their e-mail address.
    pub all_or_nothing: bool,
    /// Why all but a deactivation is refused, where the request alone tells so. It is the answer in any case.
    pub refusal: Option<Error>,
}

/// Computes what is wanted from what is there; runs while nobody else changes the user.
pub type Edit = Box<dyn FnOnce(&Row) -> Result<Wanted> + Send>;

/// Looks at what is there before it is deleted.
pub type Check = Box<dyn FnOnce(&Row) -> Result<()> + Send>;

/// Is given users one by one.
pub type Visit<'v> = dyn FnMut(Row) + Send + 'v;

/// The error where a filter would need a look at more users than the realm allows.
pub fn too_many(users: usize, limit: usize) -> Error {
    Error::bad(
        ScimType::TooMany,
        Code::ScanLimit,
        format!(
            "The filter would look at {users} users, the realm allows {limit} (scan_limit); add an eq on userName, \
             externalId, emails.value or id"
        ),
    )
}

/// Where managed users are kept. Only managed users exist for it.
pub trait Directory: Send + Sync {
    /// The managed user with this id.
    fn get<'a>(&'a self, context: &'a Context, id: &'a str) -> BoxFuture<'a, Result<Option<Row>>>;

    /// Visits every managed user that may match the filter, each once, in any order: a superset, to be judged again. Where
    /// the filter speaks of the groups that users are in, these are known as far as it needs them.
    ///
    /// Where more than `limit` users would have to be looked at, it fails with [`too_many`], perhaps after some visits.
    fn candidates<'a>(
        &'a self,
        context: &'a Context,
        filter: &'a Filter,
        limit: usize,
        visit: &'a mut Visit<'a>,
    ) -> BoxFuture<'a, Result<()>>;

    /// A window of all managed users; `first` is 0-based, a `count` of 0 asks for the total alone.
    fn page<'a>(&'a self, context: &'a Context, first: usize, count: usize) -> BoxFuture<'a, Result<Page>>;

    /// Creates a user. To be run to its end, whoever still waits for it.
    fn create<'a>(&'a self, context: &'a Context, wanted: Wanted) -> BoxFuture<'a, Result<Row>>;

    /// Changes a user, one change at a time. To be run to its end, whoever still waits for it.
    fn update<'a>(&'a self, context: &'a Context, id: &'a str, edit: Edit) -> BoxFuture<'a, Result<Row>>;

    /// Deletes a user. To be run to its end, whoever still waits for it.
    fn delete<'a>(&'a self, context: &'a Context, id: &'a str, check: Check) -> BoxFuture<'a, Result<()>>;
}
