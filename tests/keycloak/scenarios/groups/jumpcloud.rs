//! JumpCloud: when it is switched on it makes a test user and a test group, changes and deletes both, and it repeats itself.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::scene::{at, group, members, users};
use super::shown::{settled_group, sorted};
use crate::runner::both;
use crate::scenarios::stage::{Stage, patch};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::jumpcloud::test_user_and_test_group_come_change_and_go_each_time", activation),
        both("groups::jumpcloud::the_same_member_may_be_added_again_and_again", repeats),
        both("groups::jumpcloud::a_member_is_removed_in_either_form", removal),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn adding(id: &str) -> Value {
    patch(&json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]))
}

async fn activation() {
    let stage = Stage::new("jumpcloud").await;
    let bystander = stage.create("bjensen@example.com").await;
    let theirs = stage.push("Tour Guides", &[&bystander]).await;
    stage.groups_settled().await;
    let before = stage.realm.whole_state().await;
    // Activated, switched off, activated again: the second run must not meet what is left of the first.
    for _ in 0..2 {
        let user = stage.create("testuser@example.com").await;
        assert_eq!(stage.found_groups("displayName eq \"Test Group\"").await, [""; 0]);
        let created = stage.scim.post("/Groups", &group("Test Group", [])).await.expect(201);
        settled_group(&stage, &created).await;
        let path = at(&created.id());
        let joined = stage.scim.patch(&path, &adding(&user)).await.expect(200);
        assert_eq!(users(&settled_group(&stage, &joined).await), [user.as_str()]);
        let put = stage.scim.put(&path, &group("Test Group Updated", [&user])).await.expect(200);
        let shown = settled_group(&stage, &put).await;
        assert_eq!(
            (&shown["displayName"], users(&shown)),
            (&json!("Test Group Updated"), vec![user.clone()])
        );
        assert_eq!(stage.realm.members(&created.id()).await, [user.as_str()]);

        stage.scim.delete(&format!("/Users/{user}")).await.expect(204);
        stage.groups_settled().await;
        let left = stage.scim.get(&path).await.expect(200);
        assert_eq!(members(left.json()), [], "who is gone is in no group");
        stage.scim.delete(&path).await.expect(204);
        stage.scim.delete(&path).await.scim_error(404, None);
    }
    stage.groups_settled().await;
    assert_eq!(stage.realm.whole_state().await, before, "nothing is left, and nothing else is touched");
    assert_eq!(stage.realm.members(&theirs).await, [bystander]);
}

async fn repeats() {
    let stage = Stage::new("jumpcloud").await;
    let [adam, babs] = [stage.create("adam@example.com").await, stage.create("babs@example.com").await];
    let id = stage.push("Tour Guides", &[&adam]).await;
    let first = stage.scim.patch(&at(&id), &adding(&babs)).await.expect(200);
    settled_group(&stage, &first).await;
    for _ in 0..3 {
        let again = stage.scim.patch(&at(&id), &adding(&babs)).await.expect(200);
        // Whether she was one already was not looked at, so only the version may have moved.
        assert_eq!(users(&settled_group(&stage, &again).await), sorted([&adam, &babs]));
        assert_eq!(stage.realm.members(&id).await, sorted([&adam, &babs]));
    }
    // Twice in one request, in one operation and in two.
    let twice = json!([
        { "op": "add", "path": "members", "value": [{ "value": babs }, { "value": babs }] },
        { "op": "add", "path": "members", "value": [{ "value": babs }] },
    ]);
    let answer = stage.scim.patch(&at(&id), &patch(&twice)).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), sorted([&adam, &babs]), "each is shown once");
}

async fn removal() {
    let stage = Stage::new("jumpcloud").await;
    let [adam, babs, cain] = ["adam@example.com", "babs@example.com", "cain@example.com"];
    let [adam, babs, cain] = [stage.create(adam).await, stage.create(babs).await, stage.create(cain).await];
    let id = stage.push("Tour Guides", &[&adam, &babs, &cain]).await;
    let forms = [
        (
            &adam,
            json!({ "op": "remove", "path": "members", "value": [{ "value": adam }] }),
            sorted([&babs, &cain]),
        ),
        (&babs, json!({ "op": "remove", "path": format!("members[value eq \"{babs}\"]") }), sorted([&cain])),
    ];
    for (who, operation, expected) in forms {
        for _ in 0..2 {
            let answer = stage.scim.patch(&at(&id), &patch(&json!([operation]))).await.expect(200);
            assert_eq!(users(&settled_group(&stage, &answer).await), expected, "without {who}");
            assert_eq!(stage.realm.members(&id).await, expected, "without {who}");
        }
    }
}
