//! A large group: through the gateway, through the preview, and as bare Admin REST calls, each with a group of the same size.
//!
//! What the preview answers is held against who is in the group afterwards: what it answers 200 to and does not do has no time.

use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use scimgate::keycloak::{AdminClient, GroupId, GroupRepresentation, MAX_PAGE, UserId, UserRepresentation};
use serde_json::{Value, json};

use crate::house::House;
use crate::table::Times;
use crate::ways::{Bare, PATCH, Scim, told};

/// What is done to the group, in this order.
pub const OPERATIONS: &[&str] = &[
    "add one",
    "add the same one again",
    "is a member?",
    "get without members",
    "remove one",
    "rename",
    "get with members",
    "replace, one differs",
];

/// How many calls fill the realms at once.
const AT_ONCE: usize = 8;

/// A group with its members in one realm, and one user more, who comes and goes.
pub struct Full {
    members: Vec<String>,
    guest: String,
    group: String,
}

/// Makes users that the gateway manages, and a group of them by one POST; says how long that took.
pub async fn fill_gateway(gateway: &Scim, bare: &Bare, size: usize) -> Full {
    let mut users = bare.people("member", size + 1).await;
    let guest = users.pop().expect("one more");
    let listed: Vec<Value> = users.iter().map(|id| json!({ "value": id })).collect();
    let began = Instant::now();
    let body = json!({ "displayName": "Everybody", "members": listed });
    let mut tries = 1;
    // It may take longer than a request may: then the same request goes on with it.
    let created = loop {
        match gateway.send(Method::POST, "/Groups", Some(body.clone())).await {
            Ok(created) => break created,
            Err(reason) if reason.starts_with("503") && tries < 20 => tries += 1,
            Err(reason) => panic!("{reason}"),
        }
    };
    println!("a group with {size} members through the gateway: {:.1?}, {tries} requests", began.elapsed());
    let group = created["id"].as_str().expect("an id").to_owned();
    Full { members: users, guest, group }
}

/// The same members in a group beside it, for the bare calls.
pub async fn fill_bare(bare: &Bare, full: &Full) -> Full {
    let group = GroupRepresentation { name: "Bare".into(), ..GroupRepresentation::default() };
    let group = bare.client.create_group(None, &group).await.expect("a group");
    let joins: Vec<_> = full.members.iter().map(|id| bare.join(id, &group)).collect();
    let joined: Vec<Result<(), String>> = stream::iter(joins).buffer_unordered(AT_ONCE).collect().await;
    joined.into_iter().collect::<Result<Vec<()>, String>>().expect("joins");
    Full { members: full.members.clone(), guest: full.guest.clone(), group: group.to_string() }
}

/// As many users in the preview's realm, put into a group of the preview's as they are created: it takes no group with members.
pub async fn fill_preview(preview: &Scim, admin: &AdminClient, size: usize) -> Full {
    let created = preview.send(Method::POST, "/Groups", Some(json!({ "displayName": "Everybody" }))).await;
    let group = created.expect("a group")["id"].as_str().expect("an id").to_owned();
    let id = GroupId::try_from(group.as_str()).expect("an id");
    let users: Vec<_> = (0..=size)
        .map(|n| {
            let id = id.clone();
            async move {
                let user = UserRepresentation {
                    username: Some(format!("member-{n}@example.com")),
                    email: Some(format!("member-{n}@example.com")),
                    enabled: Some(true),
                    ..UserRepresentation::default()
                };
                let user = admin.create_user(&user).await.expect("a user");
                if n < size {
                    admin.join_group(&user, &id).await.expect("joined");
                }
                user.to_string()
            }
        })
        .collect();
    let mut users: Vec<String> = stream::iter(users).buffered(AT_ONCE).collect().await;
    let guest = users.pop().expect("one more");
    Full { members: users, guest, group }
}

/// A SCIM server, and how to look at what it did.
pub struct Watched<'a> {
    pub scim: &'a Scim,
    pub admin: &'a AdminClient,
}

impl Watched<'_> {
    /// Once through all operations.
    pub async fn round(&self, full: &Full, n: u32, times: &mut Times) {
        let path = format!("/Groups/{}", full.group);
        let patch = |operation: Value| Some(json!({ "schemas": [PATCH], "Operations": [operation] }));
        let add = json!({ "op": "add", "path": "members", "value": [{ "value": full.guest }] });
        let remove = json!({ "op": "remove", "path": format!("members[value eq \"{}\"]", full.guest) });
        let rename = json!({ "op": "replace", "path": "displayName", "value": format!("Everybody {n}") });
        times.take("add one", self.scim.send(Method::PATCH, &path, patch(add.clone()))).await;
        self.check(full, true, "add one", times).await;
        times.take("add the same one again", self.scim.send(Method::PATCH, &path, patch(add.clone()))).await;
        let query = format!("id eq \"{}\" and members eq \"{}\"", full.group, full.guest);
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let lookup = format!("/Groups?attributes=id&filter={query}");
        times.take("is a member?", self.scim.found(&lookup, 1)).await;
        let without = format!("{path}?excludedAttributes=members");
        times.take("get without members", self.scim.send(Method::GET, &without, None)).await;
        times.take("remove one", self.scim.send(Method::PATCH, &path, patch(remove))).await;
        self.check(full, false, "remove one", times).await;
        times.take("rename", self.scim.send(Method::PATCH, &path, patch(rename))).await;
        times.take("get with members", self.all(&path, full.members.len())).await;
        // The guest takes the place of the last one.
        let (last, others) = full.members.split_last().expect("members");
        let listed: Vec<Value> =
            others.iter().chain([&full.guest]).map(|id| json!({ "value": id })).collect();
        let replace = json!({ "op": "replace", "path": "members", "value": listed });
        times.take("replace, one differs", self.scim.send(Method::PATCH, &path, patch(replace))).await;
        self.check(full, true, "replace, one differs", times).await;
        if self.is_member(last, full).await {
            times.fail("replace, one differs", "answers success and leaves who is not listed");
        }
        // As it was.
        let id = GroupId::try_from(full.group.as_str()).expect("an id");
        let user = |id: &str| UserId::try_from(id).expect("an id");
        self.admin.leave_group(&user(&full.guest), &id).await.expect("left");
        self.admin.join_group(&user(last), &id).await.expect("joined");
    }

    async fn all(&self, path: &str, size: usize) -> Result<(), String> {
        let group = self.scim.send(Method::GET, path, None).await?;
        match group["members"].as_array().map_or(0, Vec::len) {
            found if found == size => Ok(()),
            found => Err(format!("shows {found} of {size} members")),
        }
    }

    async fn is_member(&self, user: &str, full: &Full) -> bool {
        let user = UserId::try_from(user).expect("an id");
        let groups = self.admin.user_groups(&user).await.expect("Keycloak").unwrap_or_default();
        groups.iter().any(|group| group.id.as_ref().is_some_and(|id| id.as_ref() == full.group))
    }

    /// Was done what was answered?
    async fn check(&self, full: &Full, expected: bool, operation: &'static str, times: &mut Times) {
        if self.is_member(&full.guest, full).await != expected {
            times.fail(operation, "answers success and does nothing");
        }
    }
}

impl Bare {
    /// So many users whom the gateway manages.
    async fn people(&self, name: &str, count: usize) -> Vec<String> {
        let people: Vec<_> = (0..count).map(|n| self.managed(format!("{name}-{n}@example.com"))).collect();
        stream::iter(people).buffered(AT_ONCE).collect().await
    }

    async fn managed(&self, name: String) -> String {
        let attributes =
            [("scim.managed", "realm"), ("scim.userName", name.as_str()), ("scim.active", "true")];
        let attributes = attributes.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
        let user = UserRepresentation {
            username: Some(name.clone()),
            email: Some(name.clone()),
            enabled: Some(true),
            attributes: Some(attributes.into()),
            ..UserRepresentation::default()
        };
        let id = self.client.create_user(&user).await.expect("a user");
        self.client.map_realm_role(&id, &self.role).await.expect("the role");
        id.to_string()
    }

    async fn join(&self, user: &str, group: &GroupId) -> Result<(), String> {
        let user = UserId::try_from(user).map_err(|error| error.to_string())?;
        told(self.client.join_group(&user, group)).await
    }

    /// Once through all operations, as a program would do them that trusts its input.
    pub async fn round(&self, full: &Full, n: u32, times: &mut Times) {
        let client = &self.client;
        let id = GroupId::try_from(full.group.as_str()).expect("an id");
        let guest = UserId::try_from(full.guest.as_str()).expect("an id");
        times.take("add one", told(client.join_group(&guest, &id))).await;
        times.take("add the same one again", told(client.join_group(&guest, &id))).await;
        times.take("is a member?", told(client.user_groups(&guest))).await;
        times.take("get without members", told(client.group(&id))).await;
        times.take("remove one", told(client.leave_group(&guest, &id))).await;
        let renamed = GroupRepresentation { name: format!("Bare {n}"), ..GroupRepresentation::default() };
        times.take("rename", told(client.update_group(&id, &renamed))).await;
        times.take("get with members", self.all(&id)).await;
        let last = full.members.last().expect("members");
        let last = UserId::try_from(last.as_str()).expect("an id");
        let replace = async {
            self.all(&id).await?;
            told(client.leave_group(&last, &id)).await?;
            told(client.join_group(&guest, &id)).await
        };
        times.take("replace, one differs", replace).await;
        client.leave_group(&guest, &id).await.expect("left");
        client.join_group(&last, &id).await.expect("joined");
    }

    async fn all(&self, id: &GroupId) -> Result<(), String> {
        let mut first = 0;
        loop {
            let page = told(self.client.group_members(id, first, MAX_PAGE)).await?;
            if page.len() < MAX_PAGE as usize {
                return Ok(());
            }
            first += MAX_PAGE;
        }
    }
}

/// The preview's client as an account of Admin REST: it has manage-users.
pub fn preview_admin(house: &House) -> AdminClient {
    Arc::new(house.preview_account()).for_request("side-by-side")
}
