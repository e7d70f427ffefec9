//! Groups within groups: a group that becomes a member moves below the other one, where that is possible, and back when
//! it is none any more.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{Unchanged, adding, at, group, members, refused, removing, renaming, users};
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::nesting::a_group_that_becomes_a_member_moves_below", moves),
        both("groups::nesting::every_way_to_say_members_moves_groups", every_way),
        both("groups::nesting::groups_of_a_user_are_direct_and_indirect", groups_of_a_user),
        both("groups::nesting::what_would_be_no_tree_is_refused", refusals),
        both("groups::nesting::two_moves_at_once_make_no_circle", at_once),
        both("groups::nesting::a_name_that_is_taken_there_stops_a_move_before_anything_is_done", name_taken),
        both("groups::nesting::a_deleted_group_leaves_the_groups_within_it", deleted),
        both("groups::nesting::a_group_is_not_deleted_along_with_others_of_keycloak", with_unmanaged),
        both("groups::nesting::a_deleted_group_is_no_member_any_more", inner_deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn both_types(users: &[&String], groups: &[&String]) -> Vec<(String, String)> {
    let of = |ids: &[&String], kind: &str| -> Vec<_> {
        ids.iter().map(|id| (id.to_string(), kind.to_owned())).collect()
    };
    let mut all = [of(users, "User"), of(groups, "Group")].concat();
    all.sort();
    all
}

fn version(group: &Value) -> String {
    group["meta"]["version"].as_str().unwrap().to_owned()
}

async fn moves() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&jane]).await;
    let before = stage.pushed(&staff).await;

    let answer = stage.scim.patch(&at(&staff), &adding([&guides])).await.expect(200);
    assert_eq!(realm.group(&guides).await["path"], "/Staff/Guides");
    let shown = answer.json()["members"].as_array().unwrap();
    let shown = shown.iter().find(|member| member["value"] == guides.as_str()).unwrap();
    let place = format!("{}/Groups/{guides}", stage.scim.base_url());
    assert_eq!(shown, &json!({ "value": guides, "$ref": place, "display": "Guides", "type": "Group" }),);
    let now = stage.pushed(&staff).await;
    assert_eq!(members(&now), both_types(&[&jane], &[&guides]));
    assert_eq!(now["members"], answer.json()["members"]);
    assert_ne!(version(&now), version(&before), "its members are others");
    // Where it is now, it is the group that it was.
    assert_eq!(stage.listed_groups().await, ["Guides", "Staff"]);
    assert_eq!(users(&stage.pushed(&guides).await), [babs.as_str()]);
    assert_eq!(stage.found_groups(&format!("members eq \"{guides}\"")).await, [staff.as_str()]);
    assert_eq!(stage.found_groups("members[type eq \"Group\"]").await, [staff.as_str()]);
    assert_eq!(
        stage.found_groups(&format!("id eq \"{staff}\" and members eq \"{guides}\"")).await,
        [staff.as_str()]
    );
    assert_eq!(stage.found_groups(&format!("id eq \"{guides}\" and members eq \"{staff}\"")).await, [""; 0]);
    // Whoever is in it is no member of the group around it.
    assert_eq!(realm.members(&staff).await, [jane.as_str()]);
    // Once more changes nothing.
    stage.scim.patch(&at(&staff), &adding([&guides])).await.expect(200);
    assert_eq!(realm.group(&guides).await["path"], "/Staff/Guides");
    // It can be changed there.
    stage.scim.patch(&at(&guides), &renaming("Tour Guides")).await.expect(200);
    stage.scim.put(&at(&guides), &group("Guides", [&babs, &jane])).await.expect(200);
    assert_eq!(realm.group(&guides).await["path"], "/Staff/Guides");

    let before = stage.pushed(&staff).await;
    let answer = stage.scim.patch(&at(&staff), &removing([&guides])).await.expect(200);
    assert_eq!(users(answer.json()), [jane.as_str()]);
    assert_eq!(realm.group(&guides).await["path"], "/Guides");
    assert_ne!(version(&stage.pushed(&staff).await), version(&before));
    assert_eq!(users(&stage.pushed(&guides).await).len(), 2);
}

async fn every_way() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[]).await;
    let tourists = stage.push("Tourists", &[]).await;
    let staff = stage.push("Staff", &[&guides, &babs]).await;
    let inside = async |groups: &[&String], how: &str| {
        assert_eq!(members(&stage.pushed(&staff).await), both_types(&[&babs], groups), "{how}");
        for id in [&guides, &tourists] {
            let parent = realm.group(id).await["parentId"].clone();
            let expected = groups.contains(&id).then_some(staff.as_str());
            assert_eq!(parent.as_str(), expected, "{how}");
        }
    };
    inside(&[&guides], "POST").await;
    let all = [&guides, &babs, &tourists].map(String::to_owned);
    stage.scim.put(&at(&staff), &group("Staff", &all)).await.expect(200);
    inside(&[&guides, &tourists], "PUT").await;
    stage.scim.put(&at(&staff), &group("Staff", [&tourists, &babs])).await.expect(200);
    inside(&[&tourists], "PUT with one less").await;
    let operation =
        |op: &str, path: &str, value: Value| patch(&json!([{ "op": op, "path": path, "value": value }]));
    let typed = json!([{ "value": guides, "type": "Group", "$ref": format!("../Groups/{guides}") }]);
    for (how, body, groups) in [
        ("add with type", operation("Add", "members", typed), vec![&guides, &tourists]),
        (
            "remove by a filter",
            patch(&json!([{ "op": "remove", "path": format!("members[value eq \"{tourists}\"]") }])),
            vec![&guides],
        ),
        (
            "replace",
            operation("replace", "members", json!([{ "value": tourists }, { "value": babs }])),
            vec![&tourists],
        ),
        (
            "remove and add",
            patch(&json!([
                { "op": "remove", "path": format!("members[value eq \"{tourists}\"]") },
                { "op": "add", "path": "members", "value": [{ "value": guides }] },
            ])),
            vec![&guides],
        ),
        ("remove by type", patch(&json!([{ "op": "remove", "path": "members[type eq \"Group\"]" }])), vec![]),
    ] {
        stage.scim.patch(&at(&staff), &body).await.expect(200);
        inside(&groups, how).await;
    }
}

async fn groups_of_a_user() {
    let stage = Stage::new("groups").await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&guides]).await;
    let company = stage.push("Company", &[&staff, &jane]).await;
    let of = |groups: &[(&str, &str)]| -> Vec<(String, String)> {
        groups.iter().map(|(name, kind)| (name.to_string(), kind.to_string())).collect()
    };
    let three = of(&[("Company", "indirect"), ("Guides", "direct"), ("Staff", "indirect")]);
    assert_eq!(stage.groups_of(&babs).await, three);
    assert_eq!(stage.groups_of(&jane).await, of(&[("Company", "direct")]));
    // In a group and in one within it: the group is told once, and as what is nearer.
    stage.scim.patch(&at(&staff), &adding([&babs])).await.expect(200);
    let both = of(&[("Company", "indirect"), ("Guides", "direct"), ("Staff", "direct")]);
    assert_eq!(stage.groups_of(&babs).await, both);
    let listed = stage.scim.get("/Users?attributes=groups&sortBy=userName").await;
    let shown = listed.resources().iter().find(|user| user["id"] == babs.as_str()).unwrap();
    assert_eq!(shown["groups"].as_array().unwrap().len(), 3, "{listed}");
    // A group between them that clients don't see ends what is implied.
    let hall = stage.realm.group_by_hand("Hall", Some(&company)).await;
    stage.realm.move_group(&staff, Some(&hall)).await;
    assert_eq!(stage.groups_of(&babs).await, of(&[("Guides", "direct"), ("Staff", "direct")]));
    stage.realm.move_group(&staff, Some(&company)).await;
    stage.scim.patch(&at(&company), &removing([&staff])).await.expect(200);
    assert_eq!(stage.groups_of(&babs).await, of(&[("Guides", "direct"), ("Staff", "direct")]));
    stage.scim.delete(&at(&staff)).await.expect(204);
    assert_eq!(stage.groups_of(&babs).await, of(&[("Guides", "direct")]));
}

async fn refusals() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[]).await;
    let staff = stage.push("Staff", &[&guides]).await;
    let company = stage.push("Company", &[&staff]).await;
    let other = stage.push("Other", &[]).await;
    let unchanged = Unchanged::note(&stage).await;
    for (id, member, reason) in [
        (&other, &other, "into itself"),
        (&guides, &guides, "into itself"),
        (&guides, &staff, "a group within it"),
        (&guides, &company, "a group within it"),
        (&staff, &company, "a group within it"),
        (&other, &guides, "in another group (Staff) already"),
        (&company, &guides, "in another group (Staff) already"),
        (&other, &staff, "in another group (Company) already"),
    ] {
        let both = [babs.clone(), member.clone()];
        let with_name = patch(&json!([
            { "op": "replace", "path": "displayName", "value": "Tourists" },
            { "op": "add", "path": "members", "value": [{ "value": babs }, { "value": member }] },
        ]));
        for (how, answer) in [
            ("add", stage.scim.patch(&at(id), &adding(&both)).await),
            ("add and rename", stage.scim.patch(&at(id), &with_name).await),
            ("PUT", stage.scim.put(&at(id), &group("Tourists", &both)).await),
        ] {
            let detail = refused(&answer, 400, Code::GroupNotNestable);
            assert_eq!(answer.json()["scimType"], "invalidValue");
            assert!(detail.contains(reason) && detail.contains(member.as_str()), "{how}: {detail}");
            unchanged.hold(how).await;
        }
    }
    let answer = stage.scim.post("/Groups", &group("Tourists", [&babs, &guides])).await;
    assert!(refused(&answer, 400, Code::GroupNotNestable).contains("Staff"), "{answer}");
    unchanged.hold("a new group around it").await;
    // Out of the one, it can go into the other.
    stage.scim.patch(&at(&staff), &removing([&guides])).await.expect(200);
    stage.scim.patch(&at(&other), &adding([&guides])).await.expect(200);
    assert_eq!(stage.realm.group(&guides).await["path"], "/Other/Guides");
}

async fn at_once() {
    let stage = Stage::new("groups").await;
    for round in 0..5 {
        let one = stage.push(&format!("One {round}"), &[]).await;
        let two = stage.push(&format!("Two {round}"), &[]).await;
        let three = stage.push(&format!("Three {round}"), &[]).await;
        // Each of these can be, and no two of them make a tree with the third.
        let (a, b, c) = tokio::join!(
            async { stage.scim.patch(&at(&one), &adding([&two])).await },
            async { stage.scim.patch(&at(&two), &adding([&three])).await },
            async { stage.scim.patch(&at(&three), &adding([&one])).await },
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 400], "{a}\n{b}\n{c}");
        let mut roots = 0;
        for id in [&one, &two, &three] {
            roots += usize::from(stage.realm.group(id).await.get("parentId").is_none());
        }
        assert_eq!(roots, 1);
        // Of two groups that want the same one, one gets it.
        let wanted = stage.push(&format!("Wanted {round}"), &[]).await;
        let four = stage.push(&format!("Four {round}"), &[]).await;
        let five = stage.push(&format!("Five {round}"), &[]).await;
        let (a, b) = tokio::join!(async { stage.scim.patch(&at(&four), &adding([&wanted])).await }, async {
            stage.scim.patch(&at(&five), &adding([&wanted])).await
        },);
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400], "{a}\n{b}");
    }
}

async fn name_taken() {
    let stage = Stage::new("groups").await;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[]).await;
    let sales = stage.push("Sales", &[]).await;
    let staff = stage.push("Staff", &[&guides, &jane]).await;
    // Where it would go out to, and where another one would go in to, Keycloak has a group of the name.
    stage.realm.group_by_hand("Guides", None).await;
    stage.realm.group_by_hand("Sales", Some(&staff)).await;
    let unchanged = Unchanged::note(&stage).await;
    let renamed = json!({ "op": "replace", "path": "displayName", "value": "Employees" });
    let join = json!({ "op": "add", "path": "members", "value": [{ "value": babs }] });
    let leave = json!({ "op": "remove", "path": format!("members[value eq \"{jane}\"]") });
    let out = json!({ "op": "remove", "path": format!("members[value eq \"{guides}\"]") });
    let into = json!({ "op": "add", "path": "members", "value": [{ "value": sales }] });
    for (name, operations) in [
        ("Guides", json!([renamed, join, leave, out])),
        ("Guides", json!([out])),
        ("Sales", json!([renamed, join, leave, into])),
        ("Sales", json!([into])),
    ] {
        let answer = stage.scim.patch(&at(&staff), &patch(&operations)).await;
        assert!(refused(&answer, 409, Code::GroupExists).contains(name), "{answer}");
        unchanged.hold(&operations.to_string()).await;
    }
    let answer = stage.scim.put(&at(&staff), &group("Employees", [&babs])).await;
    assert!(refused(&answer, 409, Code::GroupExists).contains("Guides"), "{answer}");
    unchanged.hold("PUT").await;
    // Two that have the same name, one after the other in the tree, can't be in the same place either.
    let answer = stage.scim.post("/Groups", &group("All", [&sales])).await.expect(201);
    assert_eq!(members(answer.json()), both_types(&[], &[&sales]));
}

async fn deleted() {
    let stage = Stage::new("groups").await;
    let realm = &stage.realm;
    let [babs, jane] = [stage.create("babs").await, stage.create("jane").await];
    let guides = stage.push("Guides", &[&babs]).await;
    let tourists = stage.push("Tourists", &[&jane]).await;
    let inner = stage.push("Inner", &[&guides]).await;
    let staff = stage.push("Staff", &[&inner, &tourists, &babs]).await;
    stage.scim.delete(&at(&staff)).await.expect(204);
    assert_eq!(stage.listed_groups().await, ["Guides", "Inner", "Tourists"]);
    for (id, path) in [(&guides, "/Inner/Guides"), (&inner, "/Inner"), (&tourists, "/Tourists")] {
        assert_eq!(realm.group(id).await["path"], path);
    }
    assert_eq!(users(&stage.pushed(&guides).await), [babs.as_str()]);
    assert_eq!(users(&stage.pushed(&tourists).await), [jane.as_str()]);
    // Another group that Keycloak has in the place where one would go: then nothing at all is done.
    let staff = stage.push("Staff", &[&inner, &tourists, &babs]).await;
    realm.group_by_hand("Tourists", None).await;
    let unchanged = Unchanged::note(&stage).await;
    let answer = stage.scim.delete(&at(&staff)).await;
    assert!(refused(&answer, 409, Code::GroupExists).contains("Tourists"), "{answer}");
    unchanged.hold("deleting it").await;
}

async fn with_unmanaged() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&guides]).await;
    // Further down it is in nobody's way …
    let deep = stage.realm.group_by_hand("Deep", Some(&guides)).await;
    stage.scim.delete(&at(&staff)).await.expect(204);
    assert_eq!(stage.realm.group(&deep).await["path"], "/Guides/Deep");
    // … but directly below it would go too.
    let unchanged = Unchanged::note(&stage).await;
    refused(&stage.scim.delete(&at(&guides)).await, 409, Code::UnmanagedSubgroups);
    unchanged.hold("deleting it").await;
    stage.realm.move_group(&deep, None).await;
    stage.scim.delete(&at(&guides)).await.expect(204);
    assert_eq!(stage.realm.group(&deep).await["path"], "/Deep");
}

async fn inner_deleted() {
    let stage = Stage::new("groups").await;
    let babs = stage.create("babs").await;
    let guides = stage.push("Guides", &[&babs]).await;
    let staff = stage.push("Staff", &[&guides, &babs]).await;
    stage.groups_settled().await;
    let before = stage.pushed(&staff).await;
    stage.scim.delete(&at(&guides)).await.expect(204);
    let now = stage.pushed(&staff).await;
    assert_eq!(users(&now), [babs.as_str()]);
    assert_ne!(version(&now), version(&before), "its members are others");
    let conditional = stage.scim.with_header("if-match", &version(&before));
    conditional.patch(&at(&staff), &adding([&babs])).await.expect(412);
    stage.groups_settled().await;
    assert_eq!(stage.groups_of(&babs).await, [("Staff".to_owned(), "direct".to_owned())]);
}
