//! What becomes of requests, over a directory that is a list in memory.

mod conditions;
mod fake_groups;
mod groups;
mod lists;
mod memberships;
mod plans;
mod writes;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use self::fake_groups::FakeGroups;
use super::*;
use crate::directory::{Check, Edit, Page, Visit, too_many};
use crate::scim::Filter;
use crate::scim::list::ListQuery;
use crate::scim::render::Meta;
use crate::scim::user::user;
use crate::scim::user::{ENTERPRISE_URN, USER_URN};

const BASE: &str = "https://scim.example.com/realms/acme/scim/v2";

/// A directory in memory. It does what the port says and no more: it gives all users as candidates, the last one first.
struct Fake {
    users: Mutex<Vec<Row>>,
    /// What it was asked and told.
    log: Mutex<Vec<Asked>>,
    /// Writes wait for a permit, after they began and before they do anything.
    gate: Semaphore,
    /// The next write panics.
    broken: AtomicBool,
}

#[derive(Debug, Clone, PartialEq)]
enum Asked {
    Candidates(Filter),
    Page {
        first: usize,
        count: usize,
    },
    /// A write began, and the value of `active` that it asserts, once that is known.
    Write(Option<bool>),
}

impl Default for Fake {
    fn default() -> Self {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        Self { users: Mutex::default(), log: Mutex::default(), gate, broken: AtomicBool::default() }
    }
}

impl Fake {
    async fn begin(&self) {
        assert!(!self.broken.load(Ordering::Relaxed), "a defect, made for this test");
        let _permit = self.gate.acquire().await.unwrap();
    }

    fn note(&self, asked: Asked) {
        self.log.lock().unwrap().push(asked);
    }
}

fn meta(id: usize, seconds: i64) -> Meta {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    Meta { id: id.to_string(), created: Some(at(0)), last_modified: Some(at(seconds)), revision: None }
}

fn at(users: &[Row], id: &str) -> Result<usize> {
    users.iter().position(|row| row.meta.id == id).ok_or_else(|| Error::not_found(id))
}

impl Directory for Fake {
    fn get<'a>(&'a self, _: &'a Context, id: &'a str) -> BoxFuture<'a, Result<Option<Row>>> {
        let users = self.users.lock().unwrap();
        let row = users.iter().find(|row| row.meta.id == id).cloned();
        async move { Ok(row) }.boxed()
    }

    fn candidates<'a>(
        &'a self,
        _: &'a Context,
        filter: &'a Filter,
        limit: usize,
        visit: &'a mut Visit<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        self.note(Asked::Candidates(filter.clone()));
        let rows = self.users.lock().unwrap().clone();
        async move {
            if rows.len() > limit {
                return Err(too_many(rows.len(), limit));
            }
            rows.into_iter().rev().for_each(visit);
            Ok(())
        }
        .boxed()
    }

    fn page<'a>(&'a self, _: &'a Context, first: usize, count: usize) -> BoxFuture<'a, Result<Page>> {
        self.note(Asked::Page { first, count });
        let users = self.users.lock().unwrap();
        let page = Page { rows: users.iter().skip(first).take(count).cloned().collect(), total: users.len() };
        async move { Ok(page) }.boxed()
    }

    fn create<'a>(&'a self, _: &'a Context, wanted: Wanted) -> BoxFuture<'a, Result<Row>> {
        async move {
            self.begin().await;
            self.note(Asked::Write(wanted.active));
            let mut users = self.users.lock().unwrap();
            let name = |row: &Row| row.resource.text(user(), "userName").map(str::to_lowercase);
            let mut row = Row { resource: wanted.resource, meta: meta(users.len() + 1, 0), groups: None };
            if users.iter().any(|other| name(other) == name(&row)) {
                return Err(Error::conflict(Code::UserExists, "It exists"));
            }
            row.resource.set_flag("active", Some(wanted.active.unwrap_or(true)));
            users.push(row.clone());
            Ok(row)
        }
        .boxed()
    }

    fn update<'a>(&'a self, _: &'a Context, id: &'a str, edit: Edit) -> BoxFuture<'a, Result<Row>> {
        async move {
            self.begin().await;
            let mut users = self.users.lock().unwrap();
            let at = at(&users, id)?;
            let wanted = edit(&users[at])?;
            self.note(Asked::Write(wanted.active));
            users[at].resource = wanted.resource;
            let last_modified = &mut users[at].meta.last_modified;
            *last_modified = last_modified.map(|instant| instant + Duration::from_secs(1));
            Ok(users[at].clone())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, _: &'a Context, id: &'a str, check: Check) -> BoxFuture<'a, Result<()>> {
        async move {
            self.begin().await;
            let mut users = self.users.lock().unwrap();
            let at = at(&users, id)?;
            check(&users[at])?;
            self.note(Asked::Write(None));
            users.remove(at);
            Ok(())
        }
        .boxed()
    }
}

/// An engine, its directory, and what a caller needs besides.
struct House {
    engine: Engine,
    fake: Arc<Fake>,
    groups: Arc<FakeGroups>,
    context: Context,
}

impl House {
    fn new() -> Self {
        Self::with_settings(|settings| settings)
    }

    fn with(scan_limit: usize, plan_timeout: Duration) -> Self {
        Self::with_settings(|settings| Settings { scan_limit, plan_timeout, ..settings })
    }

    fn with_settings(change: impl FnOnce(Settings) -> Settings) -> Self {
        let fake = Arc::new(Fake::default());
        let settings = change(Settings {
            user: Arc::new(user().clone()),
            policy: Policy::default(),
            group_policy: Policy::default(),
            patch_response_members: 2,
            sizes: PageSizes { default: 100, max: 200 },
            scan_limit: 1000,
            plan_timeout: Duration::from_secs(30),
            base: BASE.into(),
        });
        let groups = Arc::new(FakeGroups::default());
        let engine = Engine::new(fake.clone(), groups.clone(), settings, TaskTracker::new());
        Self { engine, fake, groups, context: Context::new("r1", "okta") }
    }

    /// A house with these users; their ids count from 1.
    fn of(bodies: &[Value]) -> Self {
        let house = Self::new();
        house.fill(bodies);
        house
    }

    fn fill(&self, bodies: &[Value]) {
        let mut users = self.fake.users.lock().unwrap();
        for body in bodies {
            let resource = Resource::read(user(), &object(body), &Policy::default()).unwrap();
            let id = users.len() + 1;
            users.push(Row { resource, meta: meta(id, 0), groups: None });
        }
    }

    async fn create(&self, body: &Value) -> Result<Outcome> {
        self.engine.create(&self.context, &object(body), &Projection::All).await
    }

    async fn get(&self, id: &str) -> Value {
        let found = self.engine.get(&self.context, id, &Conditions::default(), &Projection::All).await;
        shown(found.unwrap())
    }

    async fn replace(&self, body: &Value) -> Result<Outcome> {
        let none = Conditions::default();
        self.engine.replace(&self.context, "1", &object(body), &none, &Projection::All).await
    }

    async fn patch(&self, operations: &Value) -> Result<Outcome> {
        let none = Conditions::default();
        self.engine.patch(&self.context, "1", &patch(operations), &none, &Projection::All).await
    }

    async fn list(&self, parameters: &[(&str, &str)]) -> Result<Value> {
        let sizes = self.engine.settings().sizes;
        let query = ListQuery::read(user(), &pairs(parameters), sizes)?;
        self.engine.list(&self.context, &query).await.map(shown)
    }

    /// The ids that a filter finds, and what the directory was asked for them.
    async fn found(&self, filter: &str) -> (Vec<String>, Vec<Asked>) {
        self.fake.log.lock().unwrap().clear();
        let list = self.list(&[("filter", filter)]).await.expect(filter);
        let ids =
            list["Resources"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        (ids.collect(), self.log())
    }

    fn log(&self) -> Vec<Asked> {
        self.fake.log.lock().unwrap().clone()
    }
}

fn object(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

fn patch(operations: &Value) -> Object {
    object(&json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations }))
}

fn pairs(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn projection(name: &str, list: &str) -> Projection {
    Projection::read(user(), &pairs(&[(name, list)])).unwrap()
}

/// What the client is shown.
fn shown(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Created { shown, .. } | Outcome::Found { shown, .. } | Outcome::Listed(shown) => shown,
        other => panic!("nothing is shown by {other:?}"),
    }
}

fn babs() -> Value {
    json!({
        "userName": "babs@example.com", "externalId": "00u1", "active": true, "title": "Tour Guide",
        "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "emails": [{"value": "babs@example.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}],
        ENTERPRISE_URN: {"department": "Tours"}
    })
}

/// Four users, of whom one shares a home address with another's work.
fn crew() -> Vec<Value> {
    let one = |name: &str, title: &str| {
        json!({
            "userName": name, "externalId": format!("x-{name}"), "active": true, "title": title,
            "emails": [{"value": format!("{name}@example.com"), "type": "work"}, {"value": "home@example.com", "type": "home"}]
        })
    };
    vec![babs(), one("ann", "Guide"), one("bob", "Cook"), one("cid", "Guide")]
}
