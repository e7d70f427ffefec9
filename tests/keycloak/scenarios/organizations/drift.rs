//! What administrators change in Keycloak: membership and role decide, at once or after a sweep.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{Scene, TAG, Tenant, at, create, listed};
use crate::runner::both;
use crate::scenarios::stage::{by_hand, until};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::who_is_no_member_any_more_is_nobodys", left),
        both("organizations::who_joins_is_seen_with_the_role_alone", joined),
        both("organizations::one_that_is_disabled_is_not_served", disabled),
        both("organizations::one_that_is_deleted_leaves_nothing_behind", deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn sweeping() -> Scene {
    Scene::swept("1s", |_, prepared| prepared).await
}

/// Neither by id nor by name.
async fn is_unseen(scim: &Scim, id: &str, name: &str) {
    scim.get(&at(id)).await.scim_error(404, None);
    let found = scim.list("Users", &format!("userName eq \"{name}\""), "").await;
    assert_eq!(found.resources(), [] as [Value; 0], "{found}");
}

async fn index(scene: &Scene, id: &str) -> Value {
    scene.realm.user(id).await.unwrap()["attributes"]["scim.managed"].clone()
}

async fn left() {
    let scene = sweeping().await;
    let id = scene.contoso.create("babs").await;
    scene.contoso.create("jane").await;
    scene.stored().await;
    scene.realm.remove_member(&scene.contoso.id, &id).await;
    is_unseen(&scene.contoso.scim, &id, "babs").await;
    is_unseen(&scene.own, &id, "babs").await;
    until("lists have her no more", async || listed(&scene.contoso.scim).await == ["jane"]).await;
    until("index and role go", async || {
        index(&scene, &id).await == Value::Null && !scene.is_tagged(&id).await
    })
    .await;
    for scim in [&scene.contoso.scim, &scene.own, &scene.fabrikam.scim] {
        is_unseen(scim, &id, "babs").await;
    }
    assert_eq!(listed(&scene.own).await, [""; 0]);
    assert_eq!(scene.realm.user(&id).await.unwrap()["enabled"], true);
}

async fn joined() {
    let scene = sweeping().await;
    let id = scene.realm.create_user(&by_hand("alice")).await;
    scene.add_member(&scene.contoso, &id).await;
    is_unseen(&scene.contoso.scim, &id, "alice").await;
    scene.realm.map_role(&id, TAG).await;
    scene.contoso.scim.get(&at(&id)).await.expect(200);
    until("lists have her", async || listed(&scene.contoso.scim).await == ["alice"]).await;
    assert_eq!(index(&scene, &id).await, json!([format!("org:{}", scene.contoso.id)]));
    for scim in [&scene.own, &scene.fabrikam.scim] {
        is_unseen(scim, &id, "alice").await;
        assert_eq!(listed(scim).await, [""; 0]);
    }
    // Also who joins by the role first, before any sweep, is not the realm's.
    scene.realm.unmap_role(&id, TAG).await;
    is_unseen(&scene.contoso.scim, &id, "alice").await;
    until("the index goes", async || index(&scene, &id).await == Value::Null).await;
    scene.realm.map_role(&id, TAG).await;
    is_unseen(&scene.own, &id, "alice").await;
    until("lists have her again", async || listed(&scene.contoso.scim).await == ["alice"]).await;
    assert_eq!(listed(&scene.own).await, [""; 0]);
}

/// All three have somebody; the ids are contoso's, fabrikam's and the realm's.
async fn peopled(scene: &Scene) -> [String; 3] {
    let ids = [
        scene.contoso.create("babs").await,
        scene.fabrikam.create("jane").await,
        create(&scene.own, "adam").await,
    ];
    scene.stored().await;
    ids
}

async fn is_refused(tenant: &Tenant) -> bool {
    let answer = tenant.scim.get("/Users").await;
    match answer.status {
        200 => false,
        _ => {
            assert_eq!((answer.status, answer.code()), (503, Some(Code::RealmNotReady)), "{answer}");
            true
        }
    }
}

async fn private(scene: &Scene, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}{path}", scene.gateway.private_url())).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn disabled() {
    let scene = sweeping().await;
    let [babs, jane, adam] = peopled(&scene).await;
    let path = format!("/organizations/{}", scene.contoso.id);
    let mut organization = scene.realm.get(&path).await;
    organization["enabled"] = false.into();
    scene.realm.put(&path, &organization).await;
    until("nobody calls for it", async || is_refused(&scene.contoso).await).await;
    // The others need this instance.
    let name = scene.realm.name();
    assert_eq!(private(&scene, "/readyz").await, (200, format!("ok\nnot ready: {name}/contoso\n")));
    let ready = |organization: &str, is: u8| {
        format!("scimgate_tenant_ready{{realm=\"{name}\",organization=\"{organization}\"}} {is}\n")
    };
    let (_, metrics) = private(&scene, "/metrics").await;
    for line in [ready("contoso", 0), ready("fabrikam", 1), ready("", 1)] {
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    scene.contoso.scim.delete(&at(&babs)).await.expect(503);
    scene.fabrikam.scim.get(&at(&jane)).await.expect(200);
    scene.own.get(&at(&adam)).await.expect(200);
    is_unseen(&scene.own, &babs, "babs").await;
    organization["enabled"] = true.into();
    scene.realm.put(&path, &organization).await;
    until("it is served again", async || !is_refused(&scene.contoso).await).await;
    assert_eq!(private(&scene, "/readyz").await, (200, "ok\n".to_owned()));
    scene.contoso.scim.get(&at(&babs)).await.expect(200);
}

async fn deleted() {
    let scene = sweeping().await;
    let [babs, jane, adam] = peopled(&scene).await;
    // One who is fabrikam's as well.
    let both = scene.contoso.create("bob").await;
    scene.stored().await;
    scene.add_member(&scene.fabrikam, &both).await;
    let has_both = async || index(&scene, &both).await.as_array().is_some_and(|tenants| tenants.len() == 2);
    until("both have him", has_both).await;
    scene.realm.delete(&format!("/organizations/{}", scene.contoso.id)).await;
    until("nobody calls for it", async || is_refused(&scene.contoso).await).await;
    until("index and role go", async || {
        index(&scene, &babs).await == Value::Null && !scene.is_tagged(&babs).await
    })
    .await;
    let fabrikams = json!([format!("org:{}", scene.fabrikam.id)]);
    until("the other one's stays", async || index(&scene, &both).await == fabrikams).await;
    assert!(scene.is_tagged(&both).await);
    assert_eq!(listed(&scene.fabrikam.scim).await, ["bob", "jane"]);
    scene.fabrikam.scim.get(&at(&jane)).await.expect(200);
    scene.own.get(&at(&adam)).await.expect(200);
    is_unseen(&scene.own, &babs, "babs").await;
    assert_eq!(listed(&scene.own).await, ["adam"]);
}
