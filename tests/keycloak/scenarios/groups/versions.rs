//! Versions of groups: they move with the members, and bind reads and writes to themselves (RFC 7644 section 3.14).

use libtest_mimic::Trial;
use serde_json::json;

use super::scene::{adding, at, group, removing, renaming, users};
use super::shown::{settled_group, sorted};
use crate::runner::both;
use crate::scenarios::stage::Stage;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    [
        both("groups::versions::a_version_moves_with_the_members_and_with_nothing_else", moves),
        both("groups::versions::a_group_that_has_not_changed_is_304", not_modified),
        both("groups::versions::a_write_to_another_version_is_412_and_changes_nothing", stale),
        both("groups::versions::each_write_may_name_the_version_that_the_last_one_was_answered", chain),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn etag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_else(|| panic!("no ETag: {answer}")).to_owned()
}

async fn moves() {
    let stage = Stage::new("versions").await;
    let [adam, babs] = [stage.create("adam@example.com").await, stage.create("babs@example.com").await];
    let id = stage.push("Tour Guides", &[&adam]).await;
    let other = stage.push("Drivers", &[&adam]).await;
    let version = async || {
        stage.groups_settled().await;
        etag(&stage.scim.get(&at(&id)).await.expect(200))
    };
    let mut seen = vec![version().await];
    assert_eq!(version().await, seen[0], "reading changes nothing");
    let echo = stage.pushed(&id).await;
    stage.scim.put(&at(&id), &echo).await.expect(200);
    stage.scim.put(&at(&id), &group("Tour Guides", [&adam])).await.expect(200);
    stage.scim.patch(&at(&id), &renaming("Tour Guides")).await.expect(200);
    stage.scim.patch(&at(&other), &adding([&babs])).await.expect(200);
    assert_eq!(version().await, seen[0], "nothing has changed");

    stage.scim.patch(&at(&id), &adding([&babs])).await.expect(200);
    seen.push(version().await);
    stage.scim.patch(&at(&id), &removing([&adam])).await.expect(200);
    seen.push(version().await);
    stage.scim.put(&at(&id), &group("Tour Guides", [&adam])).await.expect(200);
    seen.push(version().await);
    // The members that it had at first, but not the same version.
    stage.scim.patch(&at(&id), &renaming("Guides")).await.expect(200);
    seen.push(version().await);
    stage.scim.delete(&format!("/Users/{adam}")).await.expect(204);
    seen.push(version().await);
    assert_eq!(users(&stage.pushed(&id).await), [""; 0]);
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    // However much of the group is shown.
    for query in ["excludedAttributes=members", "attributes=displayName"] {
        let answer = stage.scim.get(&format!("{}?{query}", at(&id))).await.expect(200);
        assert_eq!(Some(&etag(&answer)), seen.last(), "{query}");
    }
}

fn if_none_match(scim: &Scim, version: &str) -> Scim {
    scim.with_header("if-none-match", version)
}

async fn not_modified() {
    let stage = Stage::new("versions").await;
    let babs = stage.create("babs@example.com").await;
    let created = stage.scim.post("/Groups", &group("Tour Guides", [])).await.expect(201);
    settled_group(&stage, &created).await;
    let path = at(&created.id());
    let version = etag(&created);
    for known in [version.clone(), format!("W/\"other\", {version}"), "*".to_owned()] {
        let answer = if_none_match(&stage.scim, &known).get(&path).await.expect(304);
        assert!(answer.raw.is_empty(), "{answer}");
        assert_eq!(etag(&answer), version);
    }
    if_none_match(&stage.scim, "W/\"other\"").get(&path).await.expect(200);
    let added = stage.scim.patch(&path, &adding([&babs])).await.expect(200);
    stage.groups_settled().await;
    let answer = if_none_match(&stage.scim, &version).get(&path).await.expect(200);
    assert_eq!((etag(&answer), users(answer.json())), (etag(&added), vec![babs]));
    if_none_match(&stage.scim, &etag(&added)).get(&path).await.expect(304);
}

async fn stale() {
    let stage = Stage::new("versions").await;
    let [adam, babs] = [stage.create("adam@example.com").await, stage.create("babs@example.com").await];
    let created = stage.scim.post("/Groups", &group("Tour Guides", [&adam])).await.expect(201);
    let path = at(&created.id());
    stage.groups_settled().await;
    let old = stage.scim.with_header("if-match", &etag(&created));
    let joined = stage.scim.patch(&path, &adding([&babs])).await.expect(200);
    stage.groups_settled().await;
    let state = stage.realm.whole_state().await;
    // Only the members have changed since, and that is enough.
    let refused = [
        old.put(&path, &group("Tour Guides", [&adam])).await,
        old.put(&path, &group("Guides", [])).await,
        old.patch(&path, &removing([&babs])).await,
        old.patch(&path, &renaming("Guides")).await,
        old.delete(&path).await,
    ];
    for answer in refused {
        answer.scim_error(412, None);
    }
    stage.groups_settled().await;
    assert_eq!(stage.realm.whole_state().await, state);

    let current = stage.scim.with_header("if-match", &etag(&joined));
    let put = current.put(&path, &group("Tour Guides", [&babs])).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &put).await), [babs.as_str()]);
    current.delete(&path).await.scim_error(412, None);
    stage.scim.with_header("if-match", &etag(&put)).delete(&path).await.expect(204);
    assert_eq!(stage.realm.groups().await, [] as [serde_json::Value; 0]);
    assert_eq!(json!(stage.listed().await), json!(["adam@example.com", "babs@example.com"]));
}

/// A client that keeps the version of each answer need not wait between its requests.
async fn chain() {
    let stage = Stage::new("versions").await;
    let [adam, babs] = [stage.create("adam@example.com").await, stage.create("babs@example.com").await];
    let created = stage.scim.post("/Groups", &group("Tour Guides", [&adam])).await.expect(201);
    let path = at(&created.id());
    let mut version = etag(&created);
    for round in 0..5 {
        for body in
            [adding([&babs]), removing([&adam]), renaming(&format!("Guides {round}")), adding([&adam])]
        {
            let answer = stage.scim.with_header("if-match", &version).patch(&path, &body).await.expect(200);
            version = etag(&answer);
        }
        let answer = stage.scim.with_header("if-match", &version).put(&path, &group("Guides", [&adam])).await;
        version = etag(&answer.expect(200));
    }
    stage.groups_settled().await;
    assert_eq!(etag(&stage.scim.get(&path).await.expect(200)), version);
    assert_eq!(stage.realm.members(&created.id()).await, sorted([&adam]));
}
