//! `User.groups`: shown where it costs nothing or is asked for, and no part of the version.

use super::fake_groups::AskedOfGroups;
use super::*;
use crate::directory::groups::Membership;

/// Babs, who is user 1, is in one group; Ann, who is user 2, is in none.
async fn house() -> House {
    let house = House::of(&[babs(), json!({"userName": "ann"})]);
    let guides = json!({"displayName": "Tour Guides", "members": ["1", "9"]});
    house.engine.create_group(&house.context, &object(&guides), &Projection::All).await.unwrap();
    house
        .engine
        .create_group(&house.context, &object(&json!({"displayName": "Cooks"})), &Projection::All)
        .await
        .unwrap();
    house
}

fn groups_of_babs() -> Value {
    json!([{"value": "g1", "$ref": format!("{BASE}/Groups/g1"), "display": "Tour Guides", "type": "direct"}])
}

#[tokio::test]
async fn a_user_that_is_read_shows_its_groups() {
    let house = house().await;
    let babs = house.get("1").await;
    assert_eq!(babs["groups"], groups_of_babs());
    assert_eq!(babs.as_object().unwrap().keys().next_back().map(String::as_str), Some("meta"));
    assert_eq!(house.get("2").await.get("groups"), None);
    let asked = ["1", "2"].map(|id| AskedOfGroups::GroupsOf(id.into()));
    assert_eq!(house.groups.asked(), asked);
}

#[tokio::test]
async fn groups_are_asked_for_only_where_they_are_shown() {
    let house = house().await;
    let (context, none) = (&house.context, Conditions::default());
    let read = async |name: &str, list: &str| {
        let found = house.engine.get(context, "1", &none, &projection(name, list)).await.unwrap();
        (shown(found).get("groups").cloned(), house.groups.asked().len())
    };
    assert_eq!(read("excludedAttributes", "groups").await, (None, 0));
    assert_eq!(read("attributes", "userName").await, (None, 0));
    assert_eq!(read("attributes", "userName,groups").await, (Some(groups_of_babs()), 1));
    assert_eq!(read("attributes", "groups.value").await, (Some(json!([{"value": "g1"}])), 1));
    assert_eq!(read("excludedAttributes", "title").await, (Some(groups_of_babs()), 1));
}

#[tokio::test]
async fn lists_show_groups_where_they_are_asked_for() {
    let house = house().await;
    for filter in [None, Some(("filter", "userName pr"))] {
        let list = async |parameters: &[(&'static str, &'static str)]| {
            let parameters: Vec<_> = parameters.iter().copied().chain(filter).collect();
            let list = house.list(&parameters).await.unwrap();
            let rows = list["Resources"].as_array().unwrap().clone();
            let groups = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap().get("groups").cloned();
            (groups("1"), groups("2"), house.groups.asked().len())
        };
        assert_eq!(list(&[]).await, (None, None, 0));
        assert_eq!(list(&[("excludedAttributes", "title")]).await, (None, None, 0));
        assert_eq!(list(&[("attributes", "userName")]).await, (None, None, 0));
        assert_eq!(list(&[("attributes", "userName,Groups")]).await, (Some(groups_of_babs()), None, 2));
    }
}

#[tokio::test]
async fn writes_show_groups_where_they_are_asked_for_and_change_none() {
    let house = house().await;
    let (engine, context, none) = (&house.engine, &house.context, Conditions::default());
    let mut echoed = babs();
    echoed["groups"] = json!([]);
    let all = shown(engine.replace(context, "1", &object(&echoed), &none, &Projection::All).await.unwrap());
    assert_eq!((all.get("groups"), house.groups.asked().len()), (None, 0));
    let named = projection("attributes", "groups");
    let operations = patch(&json!([{"op": "remove", "path": "title"}]));
    let patched = shown(engine.patch(context, "1", &operations, &none, &named).await.unwrap());
    let created = shown(engine.create(context, &object(&json!({"userName": "9"})), &named).await.unwrap());
    assert_eq!((&patched["groups"], created.get("groups")), (&groups_of_babs(), None));
}

#[tokio::test]
async fn groups_are_no_part_of_a_users_version() {
    let house = house().await;
    let before = house.get("1").await;
    house.engine.delete_group(&house.context, "g1", &Conditions::default()).await.unwrap();
    let after = house.get("1").await;
    assert_eq!((after.get("groups"), version(&after)), (None, version(&before)));
}

#[tokio::test]
async fn a_filter_is_judged_on_the_groups_that_the_directory_tells() {
    let house = house().await;
    let told = |id: &str, direct| Membership { id: id.into(), display: "Tour Guides".into(), direct };
    for (row, direct) in house.fake.users.lock().unwrap().iter_mut().zip([true, false]) {
        row.groups = Some(vec![told("g1", direct)]);
    }
    for (filter, ids) in [
        ("groups eq \"g1\"", &["1", "2"][..]),
        ("groups.value eq \"G1\"", &[]),
        ("groups[value eq \"g1\" and type eq \"direct\"]", &["1"]),
        ("groups.type eq \"indirect\"", &["2"]),
        ("groups.display co \"GUIDES\" and userName eq \"ann\"", &["2"]),
        ("groups.$ref ew \"/Groups/g1\"", &["1", "2"]),
        ("not (groups pr)", &[]),
    ] {
        let list = house.list(&[("filter", filter)]).await.unwrap();
        let rows = list["Resources"].as_array().unwrap();
        let mut found: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, ids, "{filter}");
        assert!(rows.iter().all(|row| row.get("groups").is_none()), "nobody asked to see them: {list}");
    }
}
