//! What the translation itself costs, without any network: from a client's bytes to Keycloak's representation and back.
//!
//! ```sh
//! cargo bench --bench translation
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use scimgate::config;
use scimgate::dialects;
use scimgate::directory::admin::storage::Storage;
use scimgate::directory::groups::{
    CheckGroup, EditGroup, GroupRow, Groups, Members, Membership, WantedGroup,
};
use scimgate::directory::{Check, Context, Directory, Edit, Page, Result, Row, Visit, Wanted};
use scimgate::engine::{Engine, Outcome, Settings};
use scimgate::keycloak::UserRepresentation;
use scimgate::scim::filter::{self, Filter};
use scimgate::scim::group::{GROUP_URN, group};
use scimgate::scim::list::{ListQuery, PageSizes};
use scimgate::scim::members::{self, GroupPatch};
use scimgate::scim::render::{Meta, render};
use scimgate::scim::sanitize;
use scimgate::scim::user::{USER_URN, user};
use scimgate::scim::{Error, Object, Patch, Policy, Projection, Resource};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

fn main() {
    // Long enough for medians that stay; options on the command line win.
    divan::Divan::default().min_time(Duration::from_millis(200)).config_with_args().main();
}

const BASE: &str = "https://scim.example.com/realms/acme/scim/v2";
const CALLER: &str = "okta";

/// A create as Okta sends it.
fn okta_create() -> Value {
    json!({
        "schemas": [USER_URN], "userName": "bjensen@example.com", "password": "1mz050nq", "active": true,
        "name": {"givenName": "Barbara", "familyName": "Jensen"}, "displayName": "Babs Jensen", "locale": "en-US",
        "emails": [
            {"primary": true, "value": "bjensen@example.com", "type": "work"},
            {"primary": false, "value": "babs@jensen.org", "type": "home"},
        ],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}],
        "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "title": "Tour Guide",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984", "department": "Tour Operations", "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d"},
        },
    })
}

/// A PATCH as Entra ID sends it, in its older dialect: flags as text, a bare manager, `Replace`.
fn entra_patch() -> Value {
    let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Replace", "path": "displayName", "value": "Barbara Jensen"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "barbara@contoso.com"},
            {"op": "Add", "path": format!("{extension}:manager"), "value": "26118915-6090-4610-87e4-49d8ca9f808d"},
            {"op": "Replace", "path": format!("{extension}:department"), "value": "Sales"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "555-555-4444"},
        ],
    })
}

/// As Okta looks people up.
const SHORT: &str = "userName eq \"bjensen@example.com\"";
/// 200 characters.
const LONG: &str = "(title sw \"Tour Guide\" or name.familyName co \"Jensen\") and not (emails[type eq \"home\" and value ew \
     \"contoso.com\"]) and active eq true and meta.created ge \"1970-01-01T00:00:00.0Z\" and locale eq \"en-US\"";

/// As long as a filter may be: 8 KiB of the long one, joined by `or`.
fn longest() -> String {
    let one = format!("({LONG})");
    let mut text = one.clone();
    while text.len() + " or ".len() + one.len() <= filter::MAX_LENGTH {
        text.push_str(" or ");
        text.push_str(&one);
    }
    text
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

fn resource() -> Resource {
    Resource::read(user(), &object(okta_create()), &Policy::default()).unwrap()
}

fn row() -> Row {
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let id = "2819c223-7f76-453a-919d-413861904646".to_owned();
    Row {
        resource: resource(),
        meta: Meta { id, created: Some(now), last_modified: Some(now), revision: None },
        groups: None,
    }
}

fn rendered() -> Value {
    let row = row();
    render(user(), &row.resource, &row.meta, BASE)
}

/// How a realm of the reference configuration keeps users.
fn storage() -> Storage {
    let secret = BTreeMap::from([("SCIMGATE_ACME_SECRET".to_owned(), "secret".to_owned())]);
    let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"));
    let config = config::load(path, &secret).expect("the reference configuration");
    let realm = config.realms.values().next().expect("a realm");
    Storage::new(Arc::clone(&realm.user), &realm.attribute_map)
}

fn wanted() -> Wanted {
    Wanted { resource: resource(), active: Some(true), all_or_nothing: true, refusal: None }
}

mod intake {
    use super::*;

    #[divan::bench]
    fn okta_create_from_bytes(bencher: Bencher<'_, '_>) {
        let bytes = okta_create().to_string();
        bencher.bench(|| serde_json::from_str::<Value>(black_box(&bytes)).unwrap());
    }

    #[divan::bench]
    fn okta_create_sanitize_and_dialect(bencher: Bencher<'_, '_>) {
        let policy = Policy::default();
        bencher.with_inputs(|| object(okta_create())).bench_values(|mut body| {
            let dropped = sanitize::resource(USER_URN, &mut body, &policy).unwrap();
            dialects::resource(user(), &mut body);
            (body, dropped)
        });
    }

    #[divan::bench]
    fn entra_patch_sanitize_and_dialect(bencher: Bencher<'_, '_>) {
        let policy = Policy::default();
        bencher.with_inputs(|| object(entra_patch())).bench_values(|mut body| {
            let dropped = sanitize::patch(USER_URN, &mut body, &policy).unwrap();
            dialects::patch(user(), &mut body);
            (body, dropped)
        });
    }

    #[divan::bench]
    fn resource_read(bencher: Bencher<'_, '_>) {
        let body = object(okta_create());
        bencher.bench(|| Resource::read(user(), black_box(&body), &Policy::default()).unwrap());
    }
}

mod filters {
    use super::*;
    use divan::counter::BytesCount;

    const LENGTHS: [Length; 3] = [Length::Short, Length::Long, Length::Longest];

    /// The throughput is the same for all lengths: the time is linear.
    #[divan::bench(args = LENGTHS)]
    fn parse(bencher: Bencher<'_, '_>, length: Length) {
        let text = length.text();
        bencher.counter(BytesCount::of_str(&text)).bench(|| filter::parse(user(), black_box(&text)).unwrap());
    }

    #[divan::bench(args = LENGTHS)]
    fn evaluate(bencher: Bencher<'_, '_>, length: Length) {
        let (filter, resource) = (filter::parse(user(), &length.text()).unwrap(), rendered());
        assert!(filter.matches(&resource), "a filter that goes all the way");
        bencher.bench(|| black_box(&filter).matches(black_box(&resource)));
    }

    /// One that looks at all of it: no part of the `or` matches.
    #[divan::bench]
    fn evaluate_longest_without_match(bencher: Bencher<'_, '_>) {
        let text = Length::Longest.text().replace("\"en-US\"", "\"de-DE\"");
        let (filter, resource) = (filter::parse(user(), &text).unwrap(), rendered());
        assert!(!filter.matches(&resource));
        bencher.bench(|| black_box(&filter).matches(black_box(&resource)));
    }

    #[divan::bench(args = LENGTHS)]
    fn print(bencher: Bencher<'_, '_>, length: Length) {
        let filter = filter::parse(user(), &length.text()).unwrap();
        bencher.bench(|| black_box(&filter).to_string());
    }

    #[derive(Clone, Copy, Debug)]
    enum Length {
        Short,
        Long,
        Longest,
    }

    impl Length {
        fn text(self) -> String {
            match self {
                Self::Short => SHORT.into(),
                Self::Long => LONG.into(),
                Self::Longest => longest(),
            }
        }
    }
}

mod patches {
    use super::*;

    fn plain() -> Object {
        let mut body = object(entra_patch());
        dialects::patch(user(), &mut body);
        body
    }

    #[divan::bench]
    fn read(bencher: Bencher<'_, '_>) {
        let body = plain();
        bencher.bench(|| Patch::read(user(), black_box(&body)).unwrap());
    }

    #[divan::bench]
    fn apply(bencher: Bencher<'_, '_>) {
        let (patch, before) = (Patch::read(user(), &plain()).unwrap(), resource());
        bencher.bench(|| patch.apply(user(), black_box(&before), &Policy::default()).unwrap());
    }

    /// So many values added one by one to as many that are there.
    #[divan::bench(args = [10, 100])]
    fn add_to_many(bencher: Bencher<'_, '_>, count: usize) {
        let roles =
            |word: &str| (0..count).map(|n| json!({"value": format!("{word} {n}")})).collect::<Vec<_>>();
        let operations: Vec<_> = roles("new")
            .into_iter()
            .map(|role| json!({"op": "add", "path": "roles", "value": [role]}))
            .collect();
        let mut before = resource();
        before.set_elements("roles", roles("old"));
        let patch = Patch::read(user(), &object(json!({ "Operations": operations }))).unwrap();
        bencher.bench(|| patch.apply(user(), black_box(&before), &Policy::default()).unwrap());
    }
}

/// Groups of very many members. The time for one of them hardly grows with their number.
mod group_members {
    use super::*;
    use divan::counter::ItemsCount;

    const COUNTS: [usize; 3] = [10, 1_000, 100_000];

    fn listed(count: usize) -> Value {
        let member =
            |number| json!({"value": format!("2819c223-7f76-453a-919d-{number:012}"), "display": "Babs"});
        (0..count).map(member).collect()
    }

    fn patch(count: usize) -> Object {
        object(json!({
            "Operations": [
                {"op": "replace", "value": {"id": "e9e30dba", "displayName": "Tour Guides"}},
                {"op": "add", "path": "members", "value": listed(count)},
                {"op": "remove", "path": "members", "value": listed(count / 2)},
            ],
        }))
    }

    #[divan::bench(args = COUNTS)]
    fn sanitize_and_dialect(bencher: Bencher<'_, '_>, count: usize) {
        let policy = Policy::default();
        bencher.counter(ItemsCount::new(count)).with_inputs(|| patch(count)).bench_values(|mut body| {
            sanitize::patch(GROUP_URN, &mut body, &policy).unwrap();
            dialects::patch(group(), &mut body);
            body
        });
    }

    #[divan::bench(args = COUNTS)]
    fn read(bencher: Bencher<'_, '_>, count: usize) {
        let body = patch(count);
        bencher
            .counter(ItemsCount::new(count))
            .bench(|| GroupPatch::read(group(), black_box(&body)).unwrap());
    }

    #[divan::bench(args = COUNTS)]
    fn net(bencher: Bencher<'_, '_>, count: usize) {
        let patch = GroupPatch::read(group(), &patch(count)).unwrap();
        bencher.counter(ItemsCount::new(count)).bench(|| members::net(black_box(&patch.members)).unwrap());
    }

    #[divan::bench(args = COUNTS)]
    fn taken_from_a_put(bencher: Bencher<'_, '_>, count: usize) {
        let body = object(json!({"displayName": "Tour Guides", "members": listed(count)}));
        bencher
            .counter(ItemsCount::new(count))
            .with_inputs(|| body.clone())
            .bench_values(|mut body| members::take(&mut body).unwrap());
    }
}

mod mapping {
    use super::*;

    fn stored(storage: &Storage) -> UserRepresentation {
        let now = OffsetDateTime::UNIX_EPOCH;
        storage.write(&UserRepresentation::default(), &wanted(), CALLER, now).unwrap()
    }

    #[divan::bench]
    fn to_keycloak(bencher: Bencher<'_, '_>) {
        let (storage, wanted, now) = (storage(), wanted(), OffsetDateTime::UNIX_EPOCH);
        let nobody = UserRepresentation::default();
        bencher.bench(|| storage.write(black_box(&nobody), black_box(&wanted), CALLER, now).unwrap());
    }

    #[divan::bench]
    fn from_keycloak(bencher: Bencher<'_, '_>) {
        let storage = storage();
        let stored = stored(&storage);
        bencher.bench(|| storage.read(black_box(&stored), CALLER));
    }
}

mod answers {
    use super::*;

    #[divan::bench]
    fn render_with_version(bencher: Bencher<'_, '_>) {
        let row = row();
        bencher.bench(|| render(user(), black_box(&row.resource), &row.meta, BASE));
    }

    #[divan::bench]
    fn project_three_attributes(bencher: Bencher<'_, '_>) {
        let parameters = [("attributes".to_owned(), "userName,emails.value,active".to_owned())];
        let projection = Projection::read(user(), &parameters).unwrap();
        bencher.with_inputs(rendered).bench_values(|resource| projection.apply(user(), resource));
    }

    #[divan::bench]
    fn project_without_one(bencher: Bencher<'_, '_>) {
        let parameters = [("excludedAttributes".to_owned(), "emails".to_owned())];
        let projection = Projection::read(user(), &parameters).unwrap();
        bencher.with_inputs(rendered).bench_values(|resource| projection.apply(user(), resource));
    }

    #[divan::bench]
    fn to_bytes(bencher: Bencher<'_, '_>) {
        let resource = rendered();
        bencher.bench(|| black_box(&resource).to_string());
    }
}

/// All of it, but for HTTP and Keycloak.
mod whole {
    use super::*;

    #[divan::bench]
    fn create(bencher: Bencher<'_, '_>) {
        let (runtime, engine, bytes) = (runtime(), engine(), okta_create().to_string());
        let context = Context::new("r1", CALLER);
        bencher.bench(|| {
            let mut body: Object = serde_json::from_str(black_box(&bytes)).unwrap();
            sanitize::resource(USER_URN, &mut body, &engine.settings().policy).unwrap();
            dialects::resource(user(), &mut body);
            match runtime.block_on(engine.create(&context, &body, &Projection::All)).unwrap() {
                Outcome::Created { shown, .. } => shown.to_string(),
                other => panic!("{other:?}"),
            }
        });
    }

    #[divan::bench]
    fn lookup(bencher: Bencher<'_, '_>) {
        let (runtime, engine) = (runtime(), engine());
        let context = Context::new("r1", CALLER);
        let parameters = [("filter".to_owned(), SHORT.to_owned())];
        bencher.bench(|| {
            let query = ListQuery::read(user(), black_box(&parameters), engine.settings().sizes).unwrap();
            match runtime.block_on(engine.list(&context, &query)).unwrap() {
                Outcome::Listed(list) => {
                    assert_eq!(list["totalResults"], 1);
                    list.to_string()
                }
                other => panic!("{other:?}"),
            }
        });
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn engine() -> Engine {
    let settings = Settings {
        user: Arc::new(user().clone()),
        policy: Policy::default(),
        group_policy: Policy::default(),
        patch_response_members: 200,
        sizes: PageSizes { default: 100, max: 200 },
        scan_limit: 10_000,
        plan_timeout: Duration::from_secs(50),
        base: BASE.into(),
    };
    let directory = OneUser { storage: storage(), row: row() };
    Engine::new(Arc::new(directory), Arc::new(NoGroups), settings, TaskTracker::new())
}

/// A directory that has one user, and maps what is created as the real one does, but sends it nowhere.
struct OneUser {
    storage: Storage,
    row: Row,
}

impl Directory for OneUser {
    fn get<'a>(&'a self, _: &'a Context, _: &'a str) -> BoxFuture<'a, Result<Option<Row>>> {
        async move { Ok(Some(self.row.clone())) }.boxed()
    }

    fn candidates<'a>(
        &'a self,
        _: &'a Context,
        _: &'a Filter,
        _: usize,
        visit: &'a mut Visit<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        visit(self.row.clone());
        async move { Ok(()) }.boxed()
    }

    fn page<'a>(&'a self, _: &'a Context, _: usize, _: usize) -> BoxFuture<'a, Result<Page>> {
        async move { Ok(Page { rows: vec![self.row.clone()], total: 1 }) }.boxed()
    }

    fn create<'a>(&'a self, context: &'a Context, wanted: Wanted) -> BoxFuture<'a, Result<Row>> {
        async move {
            let nobody = UserRepresentation::default();
            let now = OffsetDateTime::UNIX_EPOCH;
            let stored = self.storage.write(&nobody, &wanted, &context.caller, now)?;
            Ok(self.storage.read(&stored, &context.caller))
        }
        .boxed()
    }

    fn update<'a>(&'a self, _: &'a Context, _: &'a str, edit: Edit) -> BoxFuture<'a, Result<Row>> {
        async move {
            let wanted = edit(&self.row)?;
            Ok(Row { resource: wanted.resource, ..self.row.clone() })
        }
        .boxed()
    }

    fn delete<'a>(&'a self, _: &'a Context, _: &'a str, check: Check) -> BoxFuture<'a, Result<()>> {
        async move { check(&self.row) }.boxed()
    }
}

/// Groups that there are none of.
struct NoGroups;

impl Groups for NoGroups {
    fn group<'a>(
        &'a self,
        _: &'a Context,
        _: &'a str,
        _: Members,
    ) -> BoxFuture<'a, Result<Option<GroupRow>>> {
        async move { Ok(None) }.boxed()
    }

    fn groups<'a>(
        &'a self,
        _: &'a Context,
        _: Option<&'a Filter>,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<GroupRow>>> {
        async move { Ok(Vec::new()) }.boxed()
    }

    fn fill<'a>(&'a self, _: &'a Context, _: &'a mut [GroupRow]) -> BoxFuture<'a, Result<()>> {
        async move { Ok(()) }.boxed()
    }

    fn create_group<'a>(&'a self, _: &'a Context, _: WantedGroup) -> BoxFuture<'a, Result<GroupRow>> {
        async move { Err(Error::not_found("")) }.boxed()
    }

    fn update_group<'a>(
        &'a self,
        _: &'a Context,
        id: &'a str,
        _: EditGroup,
        _: Members,
    ) -> BoxFuture<'a, Result<GroupRow>> {
        async move { Err(Error::not_found(id)) }.boxed()
    }

    fn delete_group<'a>(&'a self, _: &'a Context, id: &'a str, _: CheckGroup) -> BoxFuture<'a, Result<()>> {
        async move { Err(Error::not_found(id)) }.boxed()
    }

    fn groups_of<'a>(&'a self, _: &'a Context, _: &'a str) -> BoxFuture<'a, Result<Vec<Membership>>> {
        async move { Ok(Vec::new()) }.boxed()
    }
}
