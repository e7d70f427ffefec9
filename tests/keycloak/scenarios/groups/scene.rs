//! What scenarios of groups begin with and look at: a stage, groups made on both sides, and all that Keycloak has of them.

use std::fmt;

use http::Method;
use scimgate::scim::Code;
use serde_json::{Value, json};

use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::scenarios::stage::{Stage, patch, until};
use crate::scim::Answer;

pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A stage whose groups are kept by these keys of `[realms.NAME.groups]`. `before` makes in the realm what the gateway
/// must find when it starts.
pub async fn stage(groups: &[(&str, toml::Value)], before: impl AsyncFnOnce(&Realm)) -> Stage {
    stage_with(groups, before, |_, prepared| prepared).await
}

/// The same with further changes of the configuration; the function gets the realm's name.
pub async fn stage_with(
    groups: &[(&str, toml::Value)],
    before: impl AsyncFnOnce(&Realm),
    change: impl FnOnce(&str, Prepared) -> Prepared,
) -> Stage {
    let realm = admin().await.create_realm("groups").await;
    before(&realm).await;
    let prepared = prepared(&realm, groups).await;
    let gateway = change(realm.name(), prepared).serve().await;
    let scim = gateway.scim().await;
    Stage { gateway, scim, realm }
}

/// A gateway for the realm that does not serve yet, with these keys of `[realms.NAME.groups]`.
pub async fn prepared(realm: &Realm, groups: &[(&str, toml::Value)]) -> Prepared {
    let prepared = Gateway::setup(realm, Auth::Token).await;
    groups.iter().fold(prepared, |prepared, (key, value)| {
        prepared.set(&["realms", realm.name(), "groups", key], value.clone())
    })
}

/// A create request.
pub fn group<'a>(name: &str, members: impl IntoIterator<Item = &'a String>) -> Value {
    json!({ "schemas": [GROUP], "displayName": name, "members": values(members) })
}

/// Members as clients name them.
pub fn values<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    ids.into_iter().map(|id| json!({ "value": id })).collect()
}

/// A PATCH that adds these members.
pub fn adding<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    patch(&json!([{ "op": "add", "path": "members", "value": values(ids) }]))
}

/// A PATCH that removes these members, as Entra ID does.
pub fn removing<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    patch(&json!([{ "op": "remove", "path": "members", "value": values(ids) }]))
}

/// A PATCH that gives the group this name.
pub fn renaming(name: &str) -> Value {
    patch(&json!([{ "op": "replace", "path": "displayName", "value": name }]))
}

/// The path of a group.
pub fn at(id: &str) -> String {
    format!("/Groups/{id}")
}

/// Ids and types of the members that a group is shown with, sorted.
pub fn members(group: &Value) -> Vec<(String, String)> {
    let text = |member: &Value, key: &str| member[key].as_str().unwrap().to_owned();
    let members = group["members"].as_array().into_iter().flatten();
    let mut members: Vec<_> = members.map(|member| (text(member, "value"), text(member, "type"))).collect();
    members.sort();
    members
}

/// The ids of the users that a group is shown with, sorted; fails where there is a group among them.
#[track_caller]
pub fn users(group: &Value) -> Vec<String> {
    let members = members(group).into_iter();
    members.map(|(id, kind)| if kind == "User" { id } else { panic!("a {kind}: {group}") }).collect()
}

/// The error's detail, if it has this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: Code) -> String {
    assert_eq!((answer.status, answer.code()), (status, Some(code)), "{answer}");
    answer.json()["detail"].as_str().unwrap().to_owned()
}

impl Stage {
    /// Creates a group over SCIM; gives its id.
    pub async fn push(&self, name: &str, members: &[&String]) -> String {
        self.scim.post("/Groups", &group(name, members.iter().copied())).await.expect(201).id()
    }

    /// The group as a client reads it.
    pub async fn pushed(&self, id: &str) -> Value {
        self.scim.get(&at(id)).await.expect(200).json().clone()
    }

    /// The names of all groups that a client finds in a list.
    pub async fn listed_groups(&self) -> Vec<String> {
        let answer = self.scim.get("/Groups?startIndex=1&count=200").await;
        answer.resources().iter().map(|group| group["displayName"].as_str().unwrap().to_owned()).collect()
    }

    /// The ids of the groups that a filter finds.
    pub async fn found_groups(&self, filter: &str) -> Vec<String> {
        let answer = self.scim.list("Groups", filter, "").await;
        answer.resources().iter().map(|group| group["id"].as_str().unwrap().to_owned()).collect()
    }

    /// `User.groups`: names and types.
    pub async fn groups_of(&self, user: &str) -> Vec<(String, String)> {
        let user = self.read(user).await;
        let groups = user["groups"].as_array().into_iter().flatten();
        let text = |group: &Value, key: &str| group[key].as_str().unwrap().to_owned();
        let mut groups: Vec<_> = groups.map(|group| (text(group, "display"), text(group, "type"))).collect();
        groups.sort();
        groups
    }

    /// Waits until nothing goes on after an answer any more.
    pub async fn groups_settled(&self) {
        self.settled().await;
        until("the changes of groups come to rest", async || self.is_settled().await).await;
    }

    /// Is no group in the midst of a change?
    pub async fn is_settled(&self) -> bool {
        let groups = self.realm.groups().await;
        let is_open = |group: &Value| {
            let attributes = &group["attributes"];
            let revision = attributes["scim.revision"][0].as_str().unwrap_or_default();
            revision.starts_with('~') || attributes.get("scim.pending").is_some()
        };
        !groups.iter().any(is_open)
    }
}

impl Realm {
    /// A group that SCIM does not know of; gives its id.
    pub async fn group_by_hand(&self, name: &str, below: Option<&str>) -> String {
        let path = self.children_path(below);
        self.post(&path, &json!({ "name": name })).await
    }

    /// Gives the group the tag, as an administrator does by hand; other attributes stay.
    pub async fn tag_group(&self, id: &str) {
        let mut group = self.group(id).await;
        group["attributes"]["scim.managed"] = json!([self.index()]);
        self.put(&self.of_groups(format_args!("/{id}")), &group).await;
    }

    /// The path of the trial's tenant's groups, followed by this.
    pub fn of_groups(&self, rest: fmt::Arguments<'_>) -> String {
        match self.organization() {
            None => format!("/groups{rest}"),
            Some(id) => format!("/organizations/{id}/groups{rest}"),
        }
    }

    /// The path of what is directly below the group, or at the top.
    fn children_path(&self, below: Option<&str>) -> String {
        match below {
            None => self.of_groups(format_args!("")),
            Some(above) => self.of_groups(format_args!("/{above}/children")),
        }
    }

    /// The group as Keycloak has it. One at the top of an organization is below a group that nobody is shown; that is
    /// left out.
    pub async fn group(&self, id: &str) -> Value {
        let mut group = self.get(&self.of_groups(format_args!("/{id}"))).await;
        if self.organization().is_some() && group["path"].as_str().unwrap().matches('/').count() == 1 {
            group.as_object_mut().unwrap().shift_remove("parentId");
        }
        group
    }

    /// All groups of all levels as Keycloak has them.
    pub async fn groups(&self) -> Vec<Value> {
        if self.organization().is_none() {
            let path =
                "/groups?search=%20&populateHierarchy=false&briefRepresentation=false&first=0&max=1000";
            return self.get(path).await.as_array().unwrap().clone();
        }
        let mut groups = Vec::new();
        let mut levels = vec![None];
        while let Some(above) = levels.pop() {
            let path = format!("{}?first=0&max=1000", self.children_path(above.as_deref()));
            for group in self.get(&path).await.as_array().unwrap() {
                let id = group["id"].as_str().unwrap();
                groups.push(self.group(id).await);
                levels.push(Some(id.to_owned()));
            }
        }
        groups
    }

    /// The id of the group directly below the other one (or at the top) that has this name; none if there is none.
    pub async fn group_named(&self, name: &str, below: Option<&str>) -> Option<String> {
        let groups = self.groups().await;
        let found = groups.iter().find(|group| group["name"] == name && group["parentId"].as_str() == below);
        found.map(|group| group["id"].as_str().unwrap().to_owned())
    }

    /// Ids of those who are in the group itself, managed or not, sorted.
    pub async fn members(&self, group: &str) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let path = self.of_groups(format_args!(
                "/{group}/members?first={}&max=1000&briefRepresentation=true",
                ids.len()
            ));
            let page = self.get(&path).await;
            let page = page.as_array().unwrap();
            ids.extend(page.iter().map(|user| user["id"].as_str().unwrap().to_owned()));
            if page.len() < 1000 {
                ids.sort();
                return ids;
            }
        }
    }

    /// Puts the user into the group, as an administrator does by hand.
    pub async fn join(&self, user: &str, group: &str) {
        self.put(&self.membership(user, group), &json!({})).await;
    }

    /// Takes the user out of the group, as an administrator does by hand.
    pub async fn leave(&self, user: &str, group: &str) {
        self.delete(&self.membership(user, group)).await;
    }

    fn membership(&self, user: &str, group: &str) -> String {
        match self.organization() {
            None => format!("/users/{user}/groups/{group}"),
            Some(_) => self.of_groups(format_args!("/{group}/members/{user}")),
        }
    }

    /// Deletes the group, as an administrator does by hand.
    pub async fn delete_group(&self, id: &str) {
        self.delete(&self.of_groups(format_args!("/{id}"))).await;
    }

    /// Moves the group below the other one, or to the top level.
    pub async fn move_group(&self, id: &str, below: Option<&str>) {
        let name = self.group(id).await["name"].clone();
        let path = self.children_path(below);
        self.post(&path, &json!({ "id": id, "name": name })).await;
    }

    /// Maps a realm role to the group.
    pub async fn map_group_role(&self, group: &str, role: &str) {
        let role = self.get(&format!("/roles/{role}")).await;
        self.post(&self.of_groups(format_args!("/{group}/role-mappings/realm")), &json!([role])).await;
    }

    /// Takes a realm role from the group.
    pub async fn unmap_group_role(&self, group: &str, role: &str) {
        let role = self.get(&format!("/roles/{role}")).await;
        let path = self.of_groups(format_args!("/{group}/role-mappings/realm"));
        self.call(Method::DELETE, &path, Some(&json!([role]))).await.ok();
    }

    /// realm-management's id and its role of this name.
    pub async fn management_role(&self, name: &str) -> (String, Value) {
        let management = self.client_uuid("realm-management").await;
        let role = self.get(&format!("/clients/{management}/roles/{name}")).await;
        (management, role)
    }

    /// Makes whoever is in the group an administrator.
    pub async fn empower_group(&self, group: &str) {
        let (management, role) = self.management_role("realm-admin").await;
        self.post(
            &self.of_groups(format_args!("/{group}/role-mappings/clients/{management}")),
            &json!([role]),
        )
        .await;
    }

    /// Makes the user an administrator.
    pub async fn empower_user(&self, user: &str) {
        let (management, role) = self.management_role("realm-admin").await;
        self.post(&format!("/users/{user}/role-mappings/clients/{management}"), &json!([role])).await;
    }

    /// All groups with their attributes, roles and members, and all users with their attributes and roles: two of these
    /// are equal if nothing at all has changed.
    pub async fn whole_state(&self) -> Value {
        let mut groups = self.groups().await;
        groups.sort_by_key(|group| group["id"].to_string());
        for group in &mut groups {
            let members = self.members(group["id"].as_str().unwrap()).await;
            group["members"] = json!(members);
        }
        let users = self.get("/users?briefRepresentation=false&max=1000").await;
        let mut users = users.as_array().unwrap().clone();
        for user in &mut users {
            let path = format!("/users/{}/role-mappings", user["id"].as_str().unwrap());
            user["roles"] = self.get(&path).await;
        }
        json!({ "groups": groups, "users": users })
    }
}

/// Whatever a request is answered, Keycloak must hold after it what it held before.
pub struct Unchanged<'s> {
    stage: &'s Stage,
    before: Value,
}

impl<'s> Unchanged<'s> {
    /// Notes all that there is.
    pub async fn note(stage: &'s Stage) -> Self {
        stage.groups_settled().await;
        Self { stage, before: stage.realm.whole_state().await }
    }

    /// Fails where anything has changed since.
    pub async fn hold(&self, what: &str) {
        // A write off the answer's path would come after it.
        self.stage.groups_settled().await;
        let now = self.stage.realm.whole_state().await;
        for of in ["groups", "users"] {
            let [before, now] = [&self.before, &now].map(|state| state[of].as_array().unwrap());
            if let Some(one) = before.iter().find(|one| !now.contains(one)) {
                let after = now.iter().find(|other| other["id"] == one["id"]);
                panic!("{what}: of the {of}, this has changed:\n{one}\nto\n{after:?}");
            }
            if let Some(one) = now.iter().find(|one| !before.contains(one)) {
                panic!("{what}: of the {of}, this is new:\n{one}");
            }
        }
    }
}
