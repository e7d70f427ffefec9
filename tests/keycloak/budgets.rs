//! What each SCIM operation costs in calls to Keycloak, counted between gateway and Keycloak, not by the gateway.

mod groups;
mod links;
mod organizations;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::admin::admin;
use crate::gateway::{Auth, Gateway};
use crate::proxy::{Call, Proxy, trips};
use crate::runner::{both, trial};
use crate::scenarios::stage::{Stage, by_hand, patch, patch_active, person, until, user};
use crate::scim::{Answer, Scim};

/// A budget: calls, and trips, which are the calls that had to wait for each other. Those after the answer cost the client no
/// time, but Keycloak all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Budget {
    calls: usize,
    trips: usize,
    calls_after: usize,
    trips_after: usize,
}

/// Every operation of a gateway that has seen the realm already. Fetching the gateway's own token is left out: it happens once in
/// a token's life.
#[rustfmt::skip]
const BUDGETS: &[(&str, Budget)] = &[
    //                                                        before the answer     after it
    //                                                          calls  trips       calls  trips
    ("create: a new user",                                 budget(2,     2,          2,     2)),
    ("create: userName taken by a managed user",           budget(4,     3,          0,     0)),
    ("create: userName taken by an unmanaged user",        budget(4,     3,          0,     0)),
    ("create: e-mail taken by a managed user",             budget(5,     4,          0,     0)),
    ("create: e-mail taken by an unmanaged user",          budget(5,     4,          0,     0)),
    ("create: refused by the user profile",                budget(1,     1,          0,     0)),

    ("read: found",                                        budget(3,     1,          0,     0)),
    ("read: found, without groups",                        budget(2,     1,          0,     0)),
    ("read: nobody",                                       budget(3,     1,          0,     0)),
    ("read: an unmanaged user",                            budget(3,     1,          0,     0)),
    ("read: no id of Keycloak's",                          budget(0,     0,          0,     0)),
    ("read: a user in two groups",                         budget(3,     1,          0,     0)),
    // The group above is read, since the membership in it is implied.
    ("read: a user in a group within a group",             budget(4,     2,          0,     0)),

    // A hit costs a second trip: the role, not the index, says who is managed, and only the hit tells whose to look at.
    ("lookup: userName, found",                            budget(2,     2,          0,     0)),
    ("lookup: userName, nobody",                           budget(1,     1,          0,     0)),
    ("lookup: userName, an unmanaged user",                budget(2,     2,          0,     0)),
    ("lookup: externalId, found",                          budget(2,     2,          0,     0)),
    ("lookup: externalId, nobody",                         budget(1,     1,          0,     0)),
    // Keycloak's own e-mail field and the index of all addresses are asked at once.
    ("lookup: emails.value, found",                        budget(3,     2,          0,     0)),
    ("lookup: emails.value, nobody",                       budget(2,     1,          0,     0)),
    ("lookup: userName and active",                        budget(2,     2,          0,     0)),
    ("lookup: id, found",                                  budget(2,     1,          0,     0)),
    ("lookup: id, nobody",                                 budget(2,     1,          0,     0)),
    // All keys of an `or` are asked for at once.
    ("lookup: one userName or another, both found",        budget(4,     2,          0,     0)),
    ("lookup: an empty userName",                          budget(0,     0,          0,     0)),

    // However many users are on the page.
    ("list: a page",                                       budget(2,     1,          0,     0)),
    ("list: a page by .search",                            budget(2,     1,          0,     0)),
    ("list: the count alone",                              budget(1,     1,          0,     0)),
    // For the first 500 users, then a call for each 500.
    ("list: a filter that needs a look at everybody",      budget(2,     1,          0,     0)),
    ("list: a filter by parts of names",                   budget(2,     1,          0,     0)),
    ("list: a filter by an attribute and active",          budget(2,     1,          0,     0)),
    ("list: a filter by the time of creation",             budget(2,     1,          0,     0)),
    ("list: a filter by one name or another",              budget(4,     2,          0,     0)),
    ("list: a filter by a userName or a name",             budget(4,     3,          0,     0)),
    // The group and its first 1,000 members at once.
    ("list: a filter by a group",                          budget(2,     1,          0,     0)),
    ("list: a filter by who is not in a group",            budget(4,     2,          0,     0)),
    ("list: a filter by a userName and a group",           budget(3,     3,          0,     0)),
    // A call more for each user.
    ("list: a filter by the name of a group",              budget(5,     2,          0,     0)),

    ("update: PUT",                                        budget(3,     2,          0,     0)),
    ("update: PUT that changes nothing",                   budget(2,     1,          0,     0)),
    ("update: PATCH",                                      budget(3,     2,          0,     0)),
    ("update: PATCH that changes nothing",                 budget(2,     1,          0,     0)),
    ("update: PATCH of a stale version",                   budget(2,     1,          0,     0)),
    ("update: PATCH of nobody",                            budget(2,     1,          0,     0)),
    // Two calls in one trip look whether the user has power. They follow the read, which tells whether a name changes at all: the
    // many updates that change none do without them.
    ("update: another userName",                           budget(5,     3,          0,     0)),
    ("update: another e-mail address",                     budget(5,     3,          0,     0)),
    ("update: deactivation by PATCH",                      budget(5,     3,          0,     0)),
    ("update: deactivation by PUT",                        budget(5,     3,          0,     0)),
    ("update: deactivation once more",                     budget(4,     2,          0,     0)),
    // Power first, then the old sessions end, then the user is enabled: in no other order, whatever fails in between.
    ("update: reactivation",                               budget(7,     4,          0,     0)),

    ("delete: a user",                                     budget(6,     2,          0,     0)),
    ("delete: nobody",                                     budget(5,     1,          0,     0)),
    ("delete: an unmanaged user",                          budget(5,     1,          0,     0)),
    // The versions of both groups move.
    ("delete: a user in two groups",                       budget(10,    4,          0,     0)),

    ("group: a new one without members",                   budget(2,     2,          0,     0)),
    ("group: a new one with two members",                  budget(7,     5,          2,     2)),
    ("group: a name that is taken",                        budget(1,     1,          0,     0)),
    ("group: members whom nobody knows",                   budget(3,     3,          0,     0)),
    ("group: nobody's id",                                 budget(1,     1,          0,     0)),
    ("group: an unmanaged one",                            budget(1,     1,          0,     0)),
    ("group: a list without members",                      budget(1,     1,          0,     0)),
    ("group: a list with members",                         budget(9,     3,          0,     0)),
    ("group: PUT that changes nothing",                    budget(2,     2,          0,     0)),
    ("group: PATCH of a stale version",                    budget(1,     1,          0,     0)),

    // Measured with one member, and once more with 1,200.
    ("group of any size: read without members",            budget(1,     1,          0,     0)),
    ("group of any size: looked up by displayName",        budget(1,     1,          0,     0)),
    ("group of any size: looked up by externalId",         budget(1,     1,          0,     0)),
    ("group of any size: is this user a member?",          budget(3,     3,          0,     0)),
    ("group of any size: the groups of a member",          budget(3,     3,          0,     0)),
    ("group of any size: one member added",                budget(7,     6,          2,     2)),
    ("group of any size: the same added once more",        budget(7,     6,          2,     2)),
    ("group of any size: one member removed",              budget(6,     5,          2,     2)),
    ("group of any size: the same removed once more",      budget(6,     5,          2,     2)),
    ("group of any size: renamed",                         budget(5,     4,          1,     1)),
    ("group of any size: PUT without a word of members",   budget(3,     3,          1,     1)),
    ("group of any size: deleted",                         budget(2,     2,          0,     0)),

    ("group of one: read",                                 budget(2,     2,          0,     0)),
    ("group of one: another member in its place",          budget(7,     7,          2,     2)),
    // A thousand members a call, the second and later calls four at once: Keycloak can't say how many there are.
    ("group of 1,200: read",                               budget(6,     3,          0,     0)),
    ("group of 1,200: another member in one's place",      budget(11,   8,          2,     2)),

    // One look for another holder, before the creating call, which stores the link.
    ("link: a new user",                                   budget(3,     3,          2,     2)),
    ("link: a new user without the value",                 budget(2,     2,          2,     2)),
    ("link: a value that is taken",                        budget(1,     1,          0,     0)),
    // Whether the link is as it should be is looked at beside the write.
    ("link: PATCH of something else",                      budget(4,     2,          0,     0)),
    ("link: PATCH that changes nothing",                   budget(3,     2,          0,     0)),
    // The user; another holder; the link; power; the write; the old link goes; the new one comes.
    ("link: PATCH of the value",                           budget(9,     7,          0,     0)),
    // A leaver does not wait for a link.
    ("link: deactivation",                                 budget(5,     3,          0,     0)),

    // Whether the user is a member is asked live, and which other tenants' the user is before a write.
    ("organization: a new user",                          budget(3,    2,          2,     2)),
    ("organization: a userName that is taken",            budget(5,    3,          0,     0)),
    ("organization: read",                                budget(4,    1,          0,     0)),
    ("organization: read: nobody",                        budget(4,    1,          0,     0)),
    ("organization: looked up by userName",               budget(3,    2,          0,     0)),
    ("organization: a page",                              budget(3,    1,          0,     0)),
    ("organization: PATCH",                               budget(5,    3,          0,     0)),
    ("organization: PATCH that changes nothing",          budget(4,    2,          0,     0)),
    ("organization: deactivation",                        budget(7,    4,          0,     0)),
    ("organization: reactivation",                        budget(9,    5,          0,     0)),
    ("organization: a new group with a member",           budget(6,    5,          2,     2)),
    ("organization: a member added",                      budget(8,    6,          2,     2)),
    ("organization: deleted",                             budget(10,   5,          0,     0)),

    ("gateway alone: discovery",                           budget(0,     0,          0,     0)),
    ("gateway alone: a wrong token",                       budget(0,     0,          0,     0)),
    ("gateway alone: a body that is no JSON",              budget(0,     0,          0,     0)),
    ("gateway alone: a filter that can't be read",         budget(0,     0,          0,     0)),
    ("gateway alone: a create without userName",           budget(0,     0,          0,     0)),
];

const fn budget(calls: usize, trips: usize, calls_after: usize, trips_after: usize) -> Budget {
    Budget { calls, trips, calls_after, trips_after }
}

pub fn trials() -> Vec<Trial> {
    let trials = [
        both("budgets::create", creates),
        both("budgets::read", reads),
        both("budgets::lookup", lookups),
        both("budgets::list", lists),
        both("budgets::update", updates),
        both("budgets::delete", deletes),
        both("budgets::gateway_alone", gateway_alone),
    ];
    let trials =
        trials.into_iter().chain(groups::trials()).chain(links::trials()).chain(organizations::trials());
    let counting = trial("budgets::calls_at_once_are_one_trip", calls_at_once_are_one_trip);
    trials.flatten().chain([counting]).collect()
}

/// How long the proxy keeps each call waiting: calls made at once overlap for sure, and what follows the answer ends after it.
const DELAY: Duration = Duration::from_millis(80);

/// By how much an answer arrives after it was sent where the machine has other things to do.
const LATE: Duration = Duration::from_millis(5);
/// An answer of so many bytes takes a while to arrive.
const LONG: usize = 65_536;
/// How long Keycloak must have been left alone before an operation counts as over.
const QUIET: Duration = Duration::from_millis(80);

/// A stage with a proxy before Keycloak, whose gateway has looked at the realm and makes no calls of its own.
struct Watched {
    stage: Stage,
    proxy: Proxy,
    /// The rows of the table that are measured now begin so.
    section: &'static str,
    /// Those that this trial must have measured in the end.
    sections: Vec<&'static str>,
    measured: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl Watched {
    async fn new(section: &'static str) -> Self {
        Self::with(section, &[]).await
    }

    /// With users who are linked to an identity provider.
    async fn linked(section: &'static str) -> Self {
        Self::with(section, &["--idp", "okta"]).await
    }

    /// With further options of setup.
    async fn with(section: &'static str, options: &[&str]) -> Self {
        let proxy = Proxy::start(admin().await.url()).await;
        let realm = admin().await.create_realm("budgets").await;
        if !options.is_empty() {
            let provider = json!({ "alias": "okta", "providerId": "oidc" });
            realm.post("/identity-provider/instances", &provider).await;
        }
        let prepared = Gateway::setup_with(&realm, Auth::Token, options).await;
        let prepared = prepared.set(&["realms", realm.name(), "sweep_interval"], "1h");
        let gateway = prepared.set(&["log", "level"], "info,scimgate=debug").via(&proxy).serve().await;
        let scim = gateway.scim().await;
        let stage = Stage { gateway, scim, realm };
        let tenants = 1 + usize::from(stage.realm.organization().is_some());
        until("the first sweeps", async || stage.gateway.log().matches(" swept").count() == tenants).await;
        Self { stage, proxy, section, sections: vec![section], measured: BTreeSet::new(), wrong: Vec::new() }
    }

    /// Goes on with the rows that begin so.
    fn turn_to(&mut self, section: &'static str) {
        self.section = section;
        self.sections.push(section);
    }

    fn scim(&self) -> Scim {
        self.stage.scim.clone()
    }

    /// Creates a person outside of any measurement; gives the id.
    async fn person(&self, user_name: &str) -> String {
        let id = self.stage.create(user_name).await;
        self.stage.settled().await;
        self.quiet().await;
        id
    }

    /// Creates a group over SCIM outside of any measurement; gives the id.
    async fn group(&self, name: &str, members: &[&String]) -> String {
        let id = self.stage.push(name, members).await;
        self.stage.groups_settled().await;
        self.quiet().await;
        id
    }

    /// A user whom the gateway must leave alone; gives the id.
    async fn unmanaged(&self, username: &str) -> String {
        self.stage.realm.create_user(&by_hand(username)).await
    }

    /// Holds one request, and what follows it, to the row of this operation.
    async fn measure(
        &mut self,
        operation: &str,
        status: u16,
        request: impl Future<Output = Answer>,
    ) -> Answer {
        let row = format!("{}: {operation}", self.section);
        let (name, budget) =
            BUDGETS.iter().find(|(name, _)| *name == row).unwrap_or_else(|| panic!("no budget for {row:?}"));
        assert!(self.measured.insert(name), "{row:?} is measured twice");
        self.quiet().await;
        self.proxy.drain();
        self.proxy.on(|_, _| true).always().delay(DELAY);
        let answer = request.await.expect(status);
        let answered = Instant::now();
        self.quiet().await;
        self.proxy.clear_rules();
        let calls: Vec<Call> = self.proxy.drain().into_iter().filter(|call| !call.is_openid()).collect();
        // What began just before the answer arrived, but ended after it, the answer did not wait for. What began together with
        // calls that it waited for counts with them, also where one of those had settled the matter.
        let in_time =
            |call: &Call| call.ended.is_some_and(|ended| ended <= answered) || call.began + DELAY <= answered;
        let (mut before, mut after): (Vec<Call>, Vec<Call>) = calls.iter().cloned().partition(in_time);
        // A long answer, or one on a busy machine, arrives after what follows it has begun.
        let is_late = |call: &Call| {
            let is_under_way = call.ended.is_none_or(|ended| ended > answered);
            is_under_way && call.began + LATE < answered
        };
        if before.len() > budget.calls
            && calls.len() == budget.calls + budget.calls_after
            && (answer.raw.len() > LONG || calls.iter().any(is_late))
        {
            before.sort_by_key(|call| call.began);
            after = before.split_off(budget.calls);
        }
        let found = Budget {
            calls: before.len(),
            trips: trips(&before),
            calls_after: after.len(),
            trips_after: trips(&after),
        };
        if found != *budget {
            let shown = show(&calls, answered);
            self.wrong.push(format!("{row}\n  planned {budget:?}\n  made    {found:?}\n{shown}"));
        }
        answer
    }

    /// Waits until no call is under way and none has been for a while.
    async fn quiet(&self) {
        let began = Instant::now();
        until("no calls to Keycloak any more", async || {
            let calls = self.proxy.calls();
            let last = calls.iter().filter_map(|call| call.ended).max().unwrap_or(began).max(began);
            calls.iter().all(|call| call.ended.is_some()) && last.elapsed() > QUIET
        })
        .await;
    }

    /// Fails where a row was missed or not measured.
    fn judge(self) {
        let rows = BUDGETS.iter().map(|(name, _)| *name);
        let is_due = |name: &&str| name.split(": ").next().is_some_and(|name| self.sections.contains(&name));
        let due: BTreeSet<&str> = rows.filter(is_due).collect();
        assert_eq!(self.measured, due, "each row of the table is measured once");
        assert!(self.wrong.is_empty(), "calls to Keycloak against the budget:\n{}", self.wrong.join("\n"));
    }
}

/// The calls in the order in which they arrived, each with its time from the first one's arrival in milliseconds; bars one below
/// the other are calls at once.
fn show(calls: &[Call], answered: Instant) -> String {
    const WIDTH: u128 = 40;
    let Some(first) = calls.iter().map(|call| call.began).min() else { return "  no call".into() };
    let last = calls.iter().filter_map(|call| call.ended).max().unwrap_or(answered).max(answered);
    let since = |instant: Instant| instant.saturating_duration_since(first).as_millis();
    let column = |instant: Instant| {
        usize::try_from(since(instant) * WIDTH / since(last).max(1)).expect("a column of the screen")
    };
    let mut lines: Vec<String> = calls
        .iter()
        .map(|call| {
            let ended = call.ended.unwrap_or(last);
            let (from, to) = (column(call.began), column(ended));
            let bar = format!("{}{}", " ".repeat(from), "=".repeat((to - from).max(1)));
            let line = call.line();
            let line = line.split_once("/admin/realms/").map_or(line.clone(), |(method, path)| {
                format!("{method}{}", path.split_once('/').map_or("", |(_, path)| path))
            });
            let status = call.status.unwrap_or_default();
            format!("  {:>4} to {:>4} ms |{bar:<41}| {status} {line}", since(call.began), since(ended))
        })
        .collect();
    lines.push(format!("  {:>4} ms         |{}^ answered", since(answered), " ".repeat(column(answered))));
    lines.join("\n")
}

async fn calls_at_once_are_one_trip() {
    let zero = Instant::now();
    let at = |millis| zero + Duration::from_millis(millis);
    let call = |(began, ended)| Call {
        method: http::Method::GET,
        path: "/".into(),
        request_id: None,
        request_headers: http::HeaderMap::new(),
        request_body: bytes::Bytes::new(),
        status: Some(200),
        began: at(began),
        ended: Some(at(ended)),
    };
    let counted = |spans: &[(u64, u64)]| trips(&spans.iter().copied().map(call).collect::<Vec<_>>());
    assert_eq!(counted(&[]), 0);
    assert_eq!(counted(&[(0, 10), (1, 11), (2, 12)]), 1);
    assert_eq!(counted(&[(0, 10), (10, 20), (20, 30)]), 3);
    // One that takes long is overlapped by two that follow each other.
    assert_eq!(counted(&[(0, 30), (1, 10), (12, 20)]), 2);
    // In whatever order they arrived and ended.
    assert_eq!(counted(&[(22, 30), (0, 10), (11, 21), (1, 25)]), 3);
}

async fn creates() {
    let mut watched = Watched::new("create").await;
    let scim = watched.scim();
    watched.person("bjensen").await;
    watched.unmanaged("jsmith").await;
    watched.measure("a new user", 201, scim.post("/Users", &person("babs"))).await;
    let (managed, unmanaged) = (person("bjensen"), person("jsmith"));
    watched.measure("userName taken by a managed user", 409, scim.post("/Users", &managed)).await;
    watched.measure("userName taken by an unmanaged user", 409, scim.post("/Users", &unmanaged)).await;
    let with_address = |address: &str| user("another", json!({ "emails": [{ "value": address }] }));
    let (managed, unmanaged) = (with_address("bjensen@example.com"), with_address("jsmith@example.com"));
    watched.measure("e-mail taken by a managed user", 409, scim.post("/Users", &managed)).await;
    watched.measure("e-mail taken by an unmanaged user", 409, scim.post("/Users", &unmanaged)).await;
    watched.measure("refused by the user profile", 400, scim.post("/Users", &person("b, c"))).await;
    watched.judge();
}

async fn reads() {
    let mut watched = Watched::new("read").await;
    let scim = watched.scim();
    let found = format!("/Users/{}", watched.person("bjensen").await);
    let unmanaged = format!("/Users/{}", watched.unmanaged("jsmith").await);
    watched.measure("found", 200, scim.get(&found)).await;
    let without = format!("{found}?excludedAttributes=groups");
    watched.measure("found, without groups", 200, scim.get(&without)).await;
    watched.measure("nobody", 404, scim.get(NOBODY)).await;
    watched.measure("an unmanaged user", 404, scim.get(&unmanaged)).await;
    watched.measure("no id of Keycloak's", 404, scim.get("/Users/a%2Fb")).await;
    let id = watched.person("babs").await;
    let guides = watched.group("Tour Guides", &[&id]).await;
    watched.group("Drivers", &[&id]).await;
    let in_groups = format!("/Users/{id}");
    let answer = watched.measure("a user in two groups", 200, scim.get(&in_groups)).await;
    assert_eq!(answer.json()["groups"].as_array().unwrap().len(), 2, "{answer}");
    watched.group("Staff", &[&guides]).await;
    let answer = watched.measure("a user in a group within a group", 200, scim.get(&in_groups)).await;
    assert_eq!(answer.json()["groups"].as_array().unwrap().len(), 3, "{answer}");
    watched.judge();
}

const NOBODY: &str = "/Users/2819c223-7f76-453a-919d-413861904646";

async fn lookups() {
    let mut watched = Watched::new("lookup").await;
    let scim = watched.scim();
    let mut body = person("bjensen");
    body["externalId"] = "701984".into();
    let id = scim.post("/Users", &body).await.expect(201).id();
    watched.stage.settled().await;
    watched.unmanaged("jsmith").await;
    // Others, so that the cost is seen to hang on nobody but the one that is found.
    watched.person("babs").await;
    for (operation, filter, count) in [
        ("userName, found", "userName eq \"bjensen\"".to_owned(), 1),
        ("userName, nobody", "userName eq \"nobody\"".to_owned(), 0),
        ("userName, an unmanaged user", "userName eq \"jsmith\"".to_owned(), 0),
        ("externalId, found", "externalId eq \"701984\"".to_owned(), 1),
        ("externalId, nobody", "externalId eq \"701985\"".to_owned(), 0),
        ("emails.value, found", "emails[type eq \"work\"].value eq \"bjensen@example.com\"".to_owned(), 1),
        ("emails.value, nobody", "emails.value eq \"nobody@example.com\"".to_owned(), 0),
        ("userName and active", "active eq true and userName eq \"bjensen\"".to_owned(), 1),
        ("id, found", format!("id eq \"{id}\""), 1),
        ("id, nobody", "id eq \"2819c223-7f76-453a-919d-413861904646\"".to_owned(), 0),
        (
            "one userName or another, both found",
            "userName eq \"babs\" or userName eq \"bjensen\"".to_owned(),
            2,
        ),
        ("an empty userName", "userName eq \"\"".to_owned(), 0),
    ] {
        let request = scim.list("Users", &filter, "&startIndex=1&count=100");
        let answer = watched.measure(operation, 200, request).await;
        assert_eq!(answer.resources().len(), count, "{answer}");
    }
    watched.judge();
}

async fn lists() {
    let mut watched = Watched::new("list").await;
    let scim = watched.scim();
    let mut people = Vec::new();
    for name in ["babs", "bjensen", "jsmith"] {
        people.push(watched.person(name).await);
    }
    let guides = watched.group("Tour Guides", &[&people[0], &people[1]]).await;
    let answer = watched.measure("a page", 200, scim.get("/Users?startIndex=1&count=100")).await;
    assert_eq!(answer.resources().len(), 3, "{answer}");
    let search = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 2 });
    let answer = watched.measure("a page by .search", 200, scim.post("/Users/.search", &search)).await;
    assert_eq!(answer.resources().len(), 2, "{answer}");
    let answer = watched.measure("the count alone", 200, scim.get("/Users?count=0")).await;
    assert_eq!(answer.json()["totalResults"], 3, "{answer}");
    for (operation, filter, count) in [
        ("a filter that needs a look at everybody", "displayName eq null", 3),
        ("a filter by parts of names", "name.givenName sw \"Bar\" and name.familyName ew \"sen\"", 3),
        ("a filter by an attribute and active", "title eq \"Tour Guide\" and active eq true", 0),
        ("a filter by the time of creation", "meta.created ge \"2011-05-13T04:42:34Z\"", 3),
        (
            "a filter by one name or another",
            "name.givenName eq \"Barbara\" or name.familyName eq \"Jones\"",
            3,
        ),
        ("a filter by a userName or a name", "userName eq \"babs\" or name.familyName eq \"Jones\"", 1),
        ("a filter by a group", &format!("groups.value eq \"{guides}\" and active eq true"), 2),
        ("a filter by who is not in a group", &format!("not (groups.value eq \"{guides}\")"), 1),
        (
            "a filter by a userName and a group",
            &format!("userName eq \"babs\" and groups.value eq \"{guides}\""),
            1,
        ),
        ("a filter by the name of a group", "groups.display eq \"tour guides\"", 2),
    ] {
        let answer = watched.measure(operation, 200, scim.list("Users", filter, "")).await;
        assert_eq!(answer.resources().len(), count, "{answer}");
    }
    watched.judge();
}

async fn updates() {
    let mut watched = Watched::new("update").await;
    let scim = watched.scim();
    let path = format!("/Users/{}", watched.person("bjensen").await);
    let mut body = person("bjensen");
    body["title"] = "Tour Guide".into();
    watched.measure("PUT", 200, scim.put(&path, &body)).await;
    watched.measure("PUT that changes nothing", 200, scim.put(&path, &body)).await;
    let replace = |attribute: &str, value: Value| {
        patch(&json!([{ "op": "replace", "path": attribute, "value": value }]))
    };
    let title = replace("title", "Vice President".into());
    watched.measure("PATCH", 200, scim.patch(&path, &title)).await;
    watched.measure("PATCH that changes nothing", 200, scim.patch(&path, &title)).await;
    let stale = scim.with_header("if-match", "W/\"1\"");
    watched.measure("PATCH of a stale version", 412, stale.patch(&path, &title)).await;
    watched.measure("PATCH of nobody", 404, scim.patch(NOBODY, &title)).await;
    let name = replace("userName", "babs".into());
    watched.measure("another userName", 200, scim.patch(&path, &name)).await;
    let address = replace("emails[type eq \"work\"].value", "babs@example.com".into());
    watched.measure("another e-mail address", 200, scim.patch(&path, &address)).await;
    let active = |answer: &Answer| answer.json()["active"].clone();
    let answer = watched.measure("deactivation by PATCH", 200, scim.patch(&path, &patch_active(false))).await;
    assert_eq!(active(&answer), false, "{answer}");
    watched.measure("deactivation once more", 200, scim.patch(&path, &patch_active(false))).await;
    let answer = watched.measure("reactivation", 200, scim.patch(&path, &patch_active(true))).await;
    assert_eq!(active(&answer), true, "{answer}");
    let mut body = answer.json().clone();
    body["active"] = false.into();
    let answer = watched.measure("deactivation by PUT", 200, scim.put(&path, &body)).await;
    assert_eq!(active(&answer), false, "{answer}");
    watched.judge();
}

async fn deletes() {
    let mut watched = Watched::new("delete").await;
    let scim = watched.scim();
    let path = format!("/Users/{}", watched.person("bjensen").await);
    let unmanaged = format!("/Users/{}", watched.unmanaged("jsmith").await);
    watched.measure("a user", 204, scim.delete(&path)).await;
    watched.measure("nobody", 404, scim.delete(&path)).await;
    watched.measure("an unmanaged user", 404, scim.delete(&unmanaged)).await;
    let id = watched.person("babs").await;
    for name in ["Tour Guides", "Drivers"] {
        watched.group(name, &[&id]).await;
    }
    watched.measure("a user in two groups", 204, scim.delete(&format!("/Users/{id}"))).await;
    watched.judge();
}

async fn gateway_alone() {
    let mut watched = Watched::new("gateway alone").await;
    let scim = watched.scim();
    let discovery = async {
        scim.get("/ResourceTypes").await.expect(200);
        scim.get("/Schemas").await.expect(200);
        scim.get("/ServiceProviderConfig").await
    };
    watched.measure("discovery", 200, discovery).await;
    let stranger = Scim::bearer(scim.base_url(), "mistyped");
    watched.measure("a wrong token", 401, stranger.get("/Users")).await;
    let broken = scim.raw(http::Method::POST, "/Users", Some("application/scim+json"), "{");
    watched.measure("a body that is no JSON", 400, broken).await;
    watched.measure("a filter that can't be read", 400, scim.list("Users", "userName", "")).await;
    watched.measure("a create without userName", 400, scim.post("/Users", &json!({ "active": true }))).await;
    watched.judge();
}
