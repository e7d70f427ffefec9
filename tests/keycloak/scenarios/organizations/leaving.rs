//! Leaving one of two tenants: no attribute hinders it, and no session outlives it.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{Scene, at, listed};
use crate::runner::both;
use crate::scenarios::stage::{patch_active, until};

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::no_required_attribute_keeps_a_member_of_two", missing),
        both("organizations::no_refused_value_keeps_a_member_of_two", refused),
        both("organizations::who_is_let_go_loses_the_sessions", sessions),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Changes how the user profile declares an attribute.
async fn declare(scene: &Scene, name: &str, change: impl FnOnce(&mut Value)) {
    let mut profile = scene.realm.get("/users/profile").await;
    let mut attributes = profile["attributes"].as_array_mut().unwrap().iter_mut();
    change(attributes.find(|attribute| attribute["name"] == name).unwrap());
    scene.realm.put("/users/profile", &profile).await;
}

/// A user of contoso's who is fabrikam's as well; gives the id.
async fn member_of_two(scene: &Scene, user_name: &str) -> String {
    let id = scene.contoso.create(user_name).await;
    scene.stored().await;
    scene.add_member(&scene.fabrikam, &id).await;
    scene.fabrikam.scim.get(&at(&id)).await.expect(200);
    until("both have them", async || scene.index(&id).await.as_array().is_some_and(|index| index.len() == 2))
        .await;
    id
}

async fn missing() {
    let scene = Scene::new().await;
    let [patched, deleted] = [member_of_two(&scene, "babs").await, member_of_two(&scene, "jane").await];
    declare(&scene, "department", |department| {
        department["required"] = json!({ "roles": ["admin"] });
        department["validations"] = json!({ "length": { "min": 3, "max": 20 } });
    })
    .await;
    scene.contoso.scim.patch(&at(&patched), &patch_active(false)).await.expect(200);
    scene.contoso.scim.delete(&at(&deleted)).await.expect(204);
    for id in [&patched, &deleted] {
        assert!(!scene.is_member(&scene.contoso, id).await);
        assert_eq!(scene.index(id).await, json!([format!("org:{}", scene.fabrikam.id)]));
        scene.contoso.scim.get(&at(id)).await.scim_error(404, None);
        scene.fabrikam.scim.get(&at(id)).await.expect(200);
    }
    assert_eq!(listed(&scene.contoso.scim).await, [""; 0]);
}

async fn refused() {
    let scene = Scene::swept("1s", |_, prepared| prepared).await;
    let id = member_of_two(&scene, "barbara").await;
    let length = |max: u32| move |name: &mut Value| name["validations"] = json!({ "length": { "max": max } });
    declare(&scene, "lastName", length(3)).await;
    scene.contoso.scim.patch(&at(&id), &patch_active(false)).await.expect(200);
    assert!(!scene.is_member(&scene.contoso, &id).await);
    scene.contoso.scim.get(&at(&id)).await.scim_error(404, None);
    assert_eq!(listed(&scene.contoso.scim).await, [""; 0]);
    // The other one's attribute is left alone.
    assert_eq!(scene.realm.user(&id).await.unwrap()["lastName"], "Jensen");
    declare(&scene, "lastName", length(255)).await;
    let fabrikams = json!([format!("org:{}", scene.fabrikam.id)]);
    until("the sweep takes the index", async || scene.index(&id).await == fabrikams).await;
}

async fn sessions() {
    let scene = Scene::new().await;
    let id = member_of_two(&scene, "babs").await;
    scene.realm.public_client("people").await;
    scene.realm.set_password(&id, "t1meMa$heen").await;
    scene.realm.log_in("people", "babs", "t1meMa$heen", "").await.unwrap();
    assert_ne!(scene.realm.user_sessions(&id).await, [] as [Value; 0]);
    scene.contoso.scim.patch(&at(&id), &patch_active(false)).await.expect(200);
    assert_eq!(scene.realm.user_sessions(&id).await, [] as [Value; 0]);
    // Elsewhere they are who they were.
    scene.realm.log_in("people", "babs", "t1meMa$heen", "").await.unwrap();
}
