//! Groups: what becomes of their members, what is answered, and when members are asked for.

use super::fake_groups::AskedOfGroups;
use super::*;
use crate::directory::groups::Members;
use crate::scim::ScimType;
use crate::scim::group::{GROUP_URN, group};

impl House {
    /// A house with a group of that name and those members; its id is g1.
    async fn of_group(members: &[&str]) -> Self {
        let house = Self::new();
        house.create_group(&guides(members)).await;
        house
    }

    async fn create_group(&self, body: &Value) -> Outcome {
        let created = self.engine.create_group(&self.context, &object(body), &Projection::All).await.unwrap();
        self.groups.asked();
        created
    }

    async fn get_group(&self, id: &str) -> Value {
        let none = Conditions::default();
        let found = self.engine.get_group(&self.context, id, &none, &Projection::All).await.unwrap();
        self.groups.asked();
        shown(found)
    }

    async fn replace_group(&self, body: &Value, projection: &Projection) -> Result<Outcome> {
        let none = Conditions::default();
        self.engine.replace_group(&self.context, "g1", &object(body), &none, projection).await
    }

    async fn patch_group(&self, operations: &Value, projection: &Projection) -> Result<Outcome> {
        let none = Conditions::default();
        self.engine.patch_group(&self.context, "g1", &patch(operations), &none, projection).await
    }

    async fn list_groups(&self, parameters: &[(&str, &str)]) -> Result<Value> {
        let query = ListQuery::read(group(), &pairs(parameters), self.engine.settings().sizes)?;
        self.engine.list_groups(&self.context, &query).await.map(shown)
    }
}

fn guides(members: &[&str]) -> Value {
    let members: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [GROUP_URN], "displayName": "Tour Guides", "externalId": "e1", "members": members })
}

/// The ids of the members of a group that is shown.
fn ids(shown: &Value) -> Vec<&str> {
    let members = shown.get("members").and_then(Value::as_array);
    members.into_iter().flatten().map(|member| member["value"].as_str().unwrap()).collect()
}

fn group_projection(name: &str, list: &str) -> Projection {
    Projection::read(group(), &pairs(&[(name, list)])).unwrap()
}

fn display_names(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().unwrap().iter().map(|row| row["displayName"].as_str().unwrap()).collect()
}

fn add(ids: &[&str]) -> Value {
    json!([{"op": "add", "path": "members", "value": ids}])
}

#[tokio::test]
async fn a_created_group_is_answered_whole_with_its_members() {
    let house = House::new();
    let body = json!({
        "displayName": "Tour Guides", "externalId": "e1",
        "members": [{"value": "u1", "display": "Nobody"}, {"value": "g9", "type": "group"}]
    });
    let created = house.create_group(&body).await;
    let Outcome::Created { whole, shown } = &created else { panic!("{created:?}") };
    assert_eq!(whole, shown);
    assert_eq!(
        (&whole["schemas"], &whole["id"], &whole["displayName"], &whole["externalId"]),
        (&json!([GROUP_URN]), &json!("g1"), &json!("Tour Guides"), &json!("e1"))
    );
    assert_eq!(
        whole["members"],
        json!([
            {"value": "u1", "$ref": format!("{BASE}/Users/u1"), "display": "Name of u1", "type": "User"},
            {"value": "g9", "$ref": format!("{BASE}/Groups/g9"), "display": "Name of g9", "type": "Group"},
        ])
    );
    assert_eq!(whole["meta"]["location"], format!("{BASE}/Groups/g1"));
    assert_eq!(whole["meta"]["resourceType"], "Group");
    assert!(version(whole).starts_with("W/\""));
    assert_eq!(&house.get_group("g1").await, whole);
}

#[tokio::test]
async fn a_group_may_be_created_without_members_but_not_without_a_name() {
    let house = House::new();
    for body in [
        json!({"displayName": "A"}),
        json!({"displayName": "B", "members": []}),
        json!({"displayName": "C", "members": null}),
    ] {
        let created = house.create_group(&body).await;
        assert_eq!(shown(created).get("members"), None, "{body}");
    }
    for body in [json!({"members": []}), json!({"displayName": ""}), json!({"displayName": null})] {
        let error =
            house.engine.create_group(&house.context, &object(&body), &Projection::All).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, Code::RequiredMissing), "{body}");
    }
}

#[tokio::test]
async fn a_body_whose_members_can_not_be_read_changes_nothing() {
    let house = House::of_group(&["u1"]).await;
    let before = house.get_group("g1").await;
    let body = json!({"displayName": "New", "members": [{"display": "Babs"}]});
    let created = house.engine.create_group(&house.context, &object(&body), &Projection::All).await;
    assert_eq!(created.unwrap_err().scim_type, Some(ScimType::InvalidValue));
    let replaced = house.replace_group(&body, &Projection::All).await;
    assert_eq!(replaced.unwrap_err().scim_type, Some(ScimType::InvalidValue));
    assert_eq!(house.get_group("g1").await, before);
    assert_eq!(house.list_groups(&[]).await.unwrap()["totalResults"], 1);
}

#[tokio::test]
async fn put_keeps_the_members_unless_it_speaks_of_them() {
    let house = House::of_group(&["u1", "u2"]).await;
    let put = async |body: Value| shown(house.replace_group(&body, &Projection::All).await.unwrap());
    let renamed = put(json!({"displayName": "Guides"})).await;
    assert_eq!((ids(&renamed), &renamed["displayName"]), (vec!["u1", "u2"], &json!("Guides")));
    assert_eq!(renamed["externalId"], "e1", "an externalId stays as a user's does");
    assert_eq!(ids(&put(json!({"displayName": "Guides", "members": null})).await), ["u1", "u2"]);
    let replaced = put(
        json!({"displayName": "Guides", "members": [{"value": "u2"}, {"value": "u3"}], "externalId": "e2"}),
    )
    .await;
    assert_eq!((ids(&replaced), &replaced["externalId"]), (vec!["u2", "u3"], &json!("e2")));
    assert_eq!(house.get_group("g1").await, replaced);
    assert_eq!(ids(&put(json!({"displayName": "Guides", "members": []})).await), [""; 0]);
    assert_eq!(ids(&house.get_group("g1").await), [""; 0]);
}

#[tokio::test]
async fn a_patch_is_answered_with_the_group_where_it_has_few_members_and_with_nothing_where_many() {
    let house = House::of_group(&["u1"]).await;
    let all = Projection::All;
    let before = version(&house.get_group("g1").await).to_owned();
    let two = house.patch_group(&add(&["u2"]), &all).await.unwrap();
    assert_eq!(ids(&shown(two.clone())), ["u1", "u2"]);
    let Outcome::Found { whole, .. } = &two else { panic!() };
    assert_ne!(version(whole), before);
    assert_eq!(house.groups.asked(), [AskedOfGroups::Update(Members::UpTo(2))]);
    let three = house.patch_group(&add(&["u3"]), &all).await.unwrap();
    let now = house.get_group("g1").await;
    assert_eq!(three, Outcome::Done { version: version(&now).to_owned() });
    assert_ne!(version(&now), version(whole));
    assert_eq!(ids(&now), ["u1", "u2", "u3"]);
    // Where none are to be shown, their number does not matter.
    for but in
        [group_projection("excludedAttributes", "members"), group_projection("attributes", "displayName")]
    {
        house.groups.asked();
        let shown = shown(house.patch_group(&add(&["u4"]), &but).await.unwrap());
        assert_eq!((&shown["displayName"], shown.get("members")), (&json!("Tour Guides"), None));
        assert_eq!(house.groups.asked(), [AskedOfGroups::Update(Members::Unread)]);
    }
}

#[tokio::test]
async fn a_realm_may_have_every_patch_answered_with_nothing() {
    let house = House::with_settings(|settings| Settings { patch_response_members: 0, ..settings });
    house.create_group(&guides(&[])).await;
    let renamed = json!([{"op": "replace", "path": "displayName", "value": "Guides"}]);
    for projection in [Projection::All, group_projection("excludedAttributes", "members")] {
        let outcome = house.patch_group(&renamed, &projection).await.unwrap();
        assert_eq!(outcome, Outcome::Done { version: version(&house.get_group("g1").await).to_owned() });
    }
}

#[tokio::test]
async fn a_patch_changes_members_and_attributes_together() {
    let house = House::of_group(&["u1", "u2"]).await;
    let okta = json!([
        {"op": "replace", "value": {"id": "g1", "displayName": "Guides"}},
        {"op": "remove", "path": "members[value eq \"u1\"]"},
        {"op": "add", "path": "members", "value": [{"value": "u3", "display": "Babs"}, {"value": "u2"}]},
    ]);
    let after = shown(house.patch_group(&okta, &Projection::All).await.unwrap());
    assert_eq!((ids(&after), &after["displayName"]), (vec!["u2", "u3"], &json!("Guides")));
    let entra = json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u2"}]}]);
    let after = shown(house.patch_group(&entra, &Projection::All).await.unwrap());
    assert_eq!(
        (ids(&after), &after["displayName"], &after["externalId"]),
        (vec!["u3"], &json!("Guides"), &json!("e1"))
    );
    let matching = json!([{"op": "remove", "path": "members[display ew \"U3\"]"}]);
    assert_eq!(ids(&shown(house.patch_group(&matching, &Projection::All).await.unwrap())), [""; 0]);
}

#[tokio::test]
async fn a_patch_that_fails_in_a_part_changes_nothing() {
    let house = House::of_group(&["u1"]).await;
    let before = house.get_group("g1").await;
    for last in [
        json!({"op": "replace", "path": "displayName", "value": 7}),
        json!({"op": "replace", "path": "displayName", "value": ""}),
        json!({"op": "remove", "path": "displayName"}),
        json!({"op": "replace", "path": "id", "value": "g2"}),
        json!({"op": "replace", "path": "members[value eq \"u1\"].display", "value": "x"}),
        json!({"op": "add", "path": "members", "value": [{"display": "x"}]}),
    ] {
        let operations = json!([{"op": "add", "path": "members", "value": ["u2"]}, last]);
        let error = house.patch_group(&operations, &Projection::All).await.unwrap_err();
        assert_eq!((error.status, error.scim_type.is_some()), (400, true), "{last}");
        assert_eq!(house.get_group("g1").await, before, "{last}");
    }
}

#[tokio::test]
async fn conditions_hold_for_groups_too() {
    let house = House::of_group(&["u1"]).await;
    let (engine, context, all) = (&house.engine, &house.context, Projection::All);
    let before = house.get_group("g1").await;
    let old = Conditions { if_match: Some("W/\"old\"".into()), if_none_match: None };
    for answer in [
        engine.replace_group(context, "g1", &object(&json!({"displayName": "x"})), &old, &all).await,
        engine.patch_group(context, "g1", &patch(&add(&["u2"])), &old, &all).await,
        engine.delete_group(context, "g1", &old).await,
    ] {
        let error = answer.unwrap_err();
        assert_eq!((error.status, error.code), (412, Code::VersionMismatch));
    }
    assert_eq!(house.get_group("g1").await, before);
    let this = Conditions { if_match: Some(version(&before).into()), if_none_match: None };
    engine.patch_group(context, "g1", &patch(&add(&["u2"])), &this, &all).await.unwrap();
    // Its members moved the version.
    assert_eq!(engine.delete_group(context, "g1", &this).await.unwrap_err().status, 412);
    let now = version(&house.get_group("g1").await).to_owned();
    let known = Conditions { if_match: None, if_none_match: Some(now.clone()) };
    let answer = engine.get_group(context, "g1", &known, &all).await;
    assert_eq!(answer, Ok(Outcome::NotModified { version: now.clone() }));
    let this = Conditions { if_match: Some(now), if_none_match: None };
    assert_eq!(engine.delete_group(context, "g1", &this).await, Ok(Outcome::Deleted));
}

#[tokio::test]
async fn a_group_that_is_not_there_is_not_found() {
    let house = House::new();
    let (context, none, all) = (&house.context, Conditions::default(), Projection::All);
    for answer in [
        house.engine.get_group(context, "g1", &none, &all).await,
        house.replace_group(&guides(&[]), &all).await,
        house.patch_group(&add(&["u1"]), &all).await,
        house.engine.delete_group(context, "g1", &none).await,
    ] {
        let error = answer.unwrap_err();
        assert_eq!((error.status, error.code), (404, Code::NotFound));
    }
}

#[tokio::test]
async fn members_that_are_not_shown_are_not_asked_for() {
    let house = House::of_group(&["u1"]).await;
    let (engine, context, none) = (&house.engine, &house.context, Conditions::default());
    for (name, list) in [
        ("excludedAttributes", "members"),
        ("excludedAttributes", "MEMBERS,meta"),
        ("attributes", "displayName"),
    ] {
        let but = group_projection(name, list);
        let found = engine.get_group(context, "g1", &none, &but).await.unwrap();
        assert_eq!(shown(found).get("members"), None);
        assert_eq!(house.groups.asked(), [AskedOfGroups::Group(Members::Unread)], "{list}");
        house.replace_group(&guides(&["u1", "u2"]), &but).await.unwrap();
        assert_eq!(house.groups.asked(), [AskedOfGroups::Update(Members::Unread)], "{list}");
        let filter = ("filter", "displayName eq \"tour guides\"");
        let rows = house.list_groups(&[(name, list), filter]).await.unwrap();
        assert_eq!((&rows["totalResults"], rows["Resources"][0].get("members")), (&json!(1), None));
        assert_eq!(house.groups.asked(), [AskedOfGroups::Groups], "{list}");
    }
    // A part of them needs them.
    for (name, list) in [
        ("attributes", "members.value"),
        ("excludedAttributes", "members.display"),
        ("attributes", "displayName,members"),
    ] {
        let part = group_projection(name, list);
        let found = shown(engine.get_group(context, "g1", &none, &part).await.unwrap());
        assert_eq!(ids(&found), ["u1", "u2"], "{list}");
        assert_eq!(found["members"][0].get("display").is_some(), list.ends_with(",members"));
        assert_eq!(house.groups.asked(), [AskedOfGroups::Group(Members::All)], "{list}");
    }
}

#[tokio::test]
async fn a_list_is_ordered_by_name_and_paged_and_only_its_page_is_filled() {
    let house = House::new();
    for name in ["beta", "Gamma", "alpha", "Delta"] {
        house.create_group(&json!({"displayName": name, "members": ["u1"]})).await;
    }
    let list = async |parameters: &[(&str, &str)]| house.list_groups(parameters).await.unwrap();
    let all = list(&[]).await;
    assert_eq!(display_names(&all), ["alpha", "beta", "Delta", "Gamma"]);
    assert!(all["Resources"].as_array().unwrap().iter().all(|row| ids(row) == ["u1"]), "{all}");
    assert_eq!(house.groups.asked(), [AskedOfGroups::Groups, AskedOfGroups::Fill(4)]);
    for (start, count, names) in [
        ("1", "2", &["alpha", "beta"][..]),
        ("3", "2", &["Delta", "Gamma"]),
        ("4", "9", &["Gamma"]),
        ("5", "2", &[]),
        ("1", "0", &[]),
        ("0", "1", &["alpha"]),
    ] {
        let page = list(&[("startIndex", start), ("count", count), ("filter", "externalId eq null")]).await;
        assert_eq!(display_names(&page), names, "{start} {count}");
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(4), &json!(names.len())));
        assert_eq!(house.groups.asked(), [AskedOfGroups::Groups, AskedOfGroups::Fill(names.len())]);
    }
}

#[tokio::test]
async fn all_of_a_filter_is_judged_on_groups_and_the_members_that_it_needs() {
    let house = House::new();
    for (name, external, members) in [
        ("Tour Guides", "E1", json!(["u1", {"value": "g2", "type": "Group"}])),
        ("Cooks", "e2", json!(["u1", "u2"])),
        ("None", "e3", json!([])),
    ] {
        house.create_group(&json!({"displayName": name, "externalId": external, "members": members})).await;
    }
    for (filter, found) in [
        ("displayName eq \"tour guides\"", &["Tour Guides"][..]),
        ("displayName eq \"Tour\"", &[]),
        ("externalId eq \"E1\"", &["Tour Guides"]),
        ("externalId eq \"e1\"", &[]),
        ("id eq \"g2\"", &["Cooks"]),
        ("id eq \"g1\" and members eq \"u1\"", &["Tour Guides"]),
        ("id eq \"g3\" and members eq \"u1\"", &[]),
        ("members.value eq \"u1\"", &["Cooks", "Tour Guides"]),
        ("members[value eq \"u2\"]", &["Cooks"]),
        ("not (members eq \"u2\")", &["None", "Tour Guides"]),
        ("members.type eq \"Group\"", &["Tour Guides"]),
        ("members pr and not (members eq \"g2\")", &["Cooks"]),
        ("members[display co \"u2\"]", &["Cooks"]),
        ("members eq \"U1\"", &[]),
        ("displayName sw \"n\" or members eq \"u2\"", &["Cooks", "None"]),
    ] {
        let list = house.list_groups(&[("filter", filter), ("attributes", "displayName")]).await.unwrap();
        assert_eq!(
            (display_names(&list), &list["totalResults"]),
            (found.to_vec(), &json!(found.len())),
            "{filter}"
        );
    }
    // Those shown have all their members, whichever the filter asked for.
    let list = house.list_groups(&[("filter", "members eq \"u2\"")]).await.unwrap();
    assert_eq!(ids(&list["Resources"][0]), ["u1", "u2"]);
}

#[tokio::test]
async fn a_filter_that_would_read_too_many_groups_members_is_refused() {
    let house = House::with_settings(|settings| Settings { scan_limit: 1, ..settings });
    house.create_group(&guides(&["u1"])).await;
    let filter = [("filter", "members pr")];
    assert_eq!(house.list_groups(&filter).await.unwrap()["totalResults"], 1);
    house.create_group(&json!({"displayName": "Cooks"})).await;
    let error = house.list_groups(&filter).await.unwrap_err();
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::TooMany)));
    assert_eq!(house.list_groups(&[("filter", "members eq \"u1\"")]).await.unwrap()["totalResults"], 1);
}

#[tokio::test]
async fn unknown_attributes_of_groups_are_judged_by_their_own_policy() {
    let body = json!({"displayName": "Tour Guides", "shoeSize": 46});
    let house = House::new();
    assert_eq!(shown(house.create_group(&body).await).get("shoeSize"), None);
    let strict = Policy { refuse_unknown: true, ..Policy::default() };
    let house = House::with_settings(|settings| Settings { group_policy: strict.clone(), ..settings });
    let refused = house.engine.create_group(&house.context, &object(&body), &Projection::All).await;
    assert_eq!(refused.unwrap_err().code, Code::UnknownAttribute);
    let users = House::with_settings(|settings| Settings { policy: strict, ..settings });
    users.create_group(&body).await;
}
