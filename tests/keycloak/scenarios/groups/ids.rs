//! Ids that clients make up: of groups, of members, in filters. None of them leads anywhere else in Admin REST.

use bytes::Bytes;
use http::Method;
use libtest_mimic::Trial;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::scene::{Unchanged, adding, at, group, removing, renaming, stage_with};
use crate::admin::admin;
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scenarios::bad_input::odd_ids;
use crate::scenarios::stage::Stage;

pub fn trials() -> Vec<Trial> {
    [
        both("groups::ids::of_groups_reach_no_other_admin_url", of_groups),
        both("groups::ids::of_members_reach_no_other_admin_url", of_members),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A group with a member, one that is not managed, and a proxy that saw nothing yet.
async fn scene() -> (Proxy, Stage, [String; 3]) {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(&[], async |_| {}, |_, prepared| prepared.via(&proxy)).await;
    let babs = stage.create("babs@example.com").await;
    let id = stage.push("Tour Guides", &[&babs]).await;
    let unmanaged = stage.realm.group_by_hand("By hand", None).await;
    stage.groups_settled().await;
    (proxy, stage, [id, unmanaged, babs])
}

/// Fails where a call did anything but read users and groups by ids that can't be anything else.
fn assert_harmless(proxy: &Proxy, stage: &Stage) {
    let admin = format!("/admin/realms/{}/", stage.realm.name());
    let plain = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    for call in proxy.drain().iter().filter(|call| !call.is_openid()) {
        let path = call.path.strip_prefix(&admin).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let harmless = match *path.split('/').collect::<Vec<_>>() {
            ["users"] => {
                let ids = query.strip_prefix("search=id%3A").and_then(|rest| rest.split('&').next());
                ids.is_some_and(|ids| ids.split('+').all(plain))
            }
            // A create looks for its name, and a replacement for who is a member.
            ["groups"] => query.starts_with("search=Drivers&"),
            ["groups", id, "members"] => plain(id),
            ["groups", id] | ["users", id, "groups"] | ["users", id, "role-mappings", "realm"] => plain(id),
            _ => false,
        };
        assert!(call.method == Method::GET && harmless, "reached Keycloak: {}", call.line());
    }
}

async fn of_groups() {
    let (proxy, stage, [id, unmanaged, babs]) = scene().await;
    let unchanged = Unchanged::note(&stage).await;
    proxy.drain();
    let bodies = [
        (Method::GET, Bytes::new()),
        (Method::PUT, group("Moved", [&babs]).to_string().into()),
        (Method::PATCH, adding([&babs]).to_string().into()),
        (Method::PATCH, renaming("Moved").to_string().into()),
        (Method::DELETE, Bytes::new()),
    ];
    for odd in odd_ids(&id, &unmanaged) {
        for (method, body) in bodies.clone() {
            let answer = stage.scim.raw(method, &at(&odd), Some("application/scim+json"), body).await;
            answer.scim_error(404, None);
        }
    }
    assert_harmless(&proxy, &stage);
    unchanged.hold("odd ids of groups").await;
}

async fn of_members() {
    let (proxy, stage, [id, unmanaged, _]) = scene().await;
    let unchanged = Unchanged::note(&stage).await;
    proxy.drain();
    for odd in odd_ids(&id, &unmanaged) {
        let odd = percent_decode_str(&odd).decode_utf8_lossy().into_owned();
        stage.scim.post("/Groups", &group("Drivers", [&odd])).await.scim_error(400, Some("invalidValue"));
        stage.scim.put(&at(&id), &group("Tour Guides", [&odd])).await.scim_error(400, Some("invalidValue"));
        stage.scim.patch(&at(&id), &adding([&odd])).await.scim_error(400, Some("invalidValue"));
        for filter in ["id", "members", "members.value"] {
            let filter = format!("{filter} eq {}", json!(odd));
            let found = stage.scim.list("Groups", &filter, "").await;
            assert_eq!(found.resources(), [] as [Value; 0], "{filter}");
        }
    }
    assert_harmless(&proxy, &stage);
    unchanged.hold("odd ids of members").await;
    // To take out who can't be in the group changes nothing, whoever that is.
    for odd in odd_ids(&id, &unmanaged) {
        let odd = percent_decode_str(&odd).decode_utf8_lossy().into_owned();
        let answer = stage.scim.patch(&at(&id), &removing([&odd])).await;
        assert!([200, 400].contains(&answer.status), "{answer}");
    }
    unchanged.hold("odd ids of members to be removed").await;
}
