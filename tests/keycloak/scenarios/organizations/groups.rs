//! Groups belong to their organization: whatever is done with them, the realm's and another's stay as they are.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{Scene, at, create, scene};
use crate::runner::both;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    both("organizations::groups_are_kept_apart_through_their_whole_life", life).into()
}

/// The displayNames that a list shows, sorted.
async fn listed(scim: &Scim) -> Vec<String> {
    let answer = scim.get("/Groups?count=100").await;
    let names = answer.resources().iter().map(|group| group["displayName"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Ids and names of the groups that the user is shown with.
async fn groups_of(scim: &Scim, id: &str) -> Vec<Value> {
    let user = scim.get(&at(id)).await.expect(200).json().clone();
    let groups = user["groups"].as_array().cloned().unwrap_or_default();
    groups.iter().map(|group| json!([group["value"], group["display"]])).collect()
}

async fn life() {
    let scene = Scene::new().await;
    let tenants = [&scene.contoso.scim, &scene.fabrikam.scim, &scene.own];
    let by_hand = scene.realm.post("/groups", &json!({ "name": "Guides" })).await;
    let mut users = Vec::new();
    let mut groups = Vec::new();
    for (number, scim) in tenants.into_iter().enumerate() {
        users.push([
            create(scim, &format!("babs-{number}")).await,
            create(scim, &format!("jane-{number}")).await,
        ]);
        // The name is the realm's only once, where an administrator has it already.
        let name = if number == 2 { "Guides of the realm" } else { "Guides" };
        groups.push(scim.post("/Groups", &scene::group(name, [&users[number][0]])).await.expect(201).id());
        scim.post("/Groups", &scene::group(name, [])).await.scim_error(409, Some("uniqueness"));
    }
    assert_eq!(listed(tenants[0]).await, ["Guides"]);
    assert_eq!(listed(tenants[1]).await, ["Guides"]);
    assert_eq!(listed(tenants[2]).await, ["Guides of the realm"]);
    for scim in tenants {
        scim.get(&scene::at(&by_hand)).await.scim_error(404, None);
    }
    let own = &scene.contoso.scim;
    let others = async || {
        let mut stored = scene.stored().await;
        let stored = stored.as_object_mut().unwrap();
        stored.shift_remove(&scene.contoso.id);
        Value::from(stored.clone())
    };
    let before = others().await;
    let [babs, jane] = &users[0];
    let path = scene::at(&groups[0]);
    assert_eq!(groups_of(own, babs).await, [json!([groups[0], "Guides"])]);
    own.patch(&path, &scene::adding([jane])).await;
    let members = |group: &Value| scene::members(group).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let mut expected = [babs.clone(), jane.clone()];
    expected.sort();
    assert_eq!(members(own.get(&path).await.expect(200).json()), expected);
    own.patch(&path, &scene::removing([babs])).await;
    assert_eq!(members(own.get(&path).await.expect(200).json()), std::slice::from_ref(jane));
    assert_eq!(groups_of(own, babs).await, [] as [Value; 0]);
    own.patch(&path, &scene::renaming("Tour guides")).await;
    assert_eq!(groups_of(own, jane).await, [json!([groups[0], "Tour guides"])]);
    let found = own.list("Users", &format!("groups.value eq \"{}\"", groups[0]), "").await;
    assert_eq!(found.resources().len(), 1, "{found}");
    let found = own.list("Groups", &format!("members.value eq \"{jane}\""), "").await;
    assert_eq!(found.resources().len(), 1, "{found}");
    // A group within a group, which is the organization's as well.
    let inner = own.post("/Groups", &scene::group("Night", [babs])).await.expect(201).id();
    own.patch(&path, &scene::adding([&inner])).await;
    assert_eq!(listed(own).await, ["Night", "Tour guides"]);
    let answer = own.put(&path, &scene::group("Guides", [babs])).await.expect(200);
    assert_eq!(members(answer.json()), std::slice::from_ref(babs));
    own.delete(&scene::at(&inner)).await.expect(204);
    own.delete(&path).await.expect(204);
    own.get(&path).await.scim_error(404, None);
    assert_eq!(groups_of(own, babs).await, [] as [Value; 0]);
    assert_eq!(others().await, before, "users, and what others have, stay as they were");
    for (number, scim) in tenants.into_iter().enumerate().skip(1) {
        assert_eq!(groups_of(scim, &users[number][0]).await.len(), 1);
    }
}
