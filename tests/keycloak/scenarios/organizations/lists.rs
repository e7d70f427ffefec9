//! Lists of an organization: who is no member any more is on none, also before a sweep.

use libtest_mimic::Trial;

use super::{Scene, create, listed};
use crate::runner::both;
use crate::scenarios::stage::user_names;

pub fn trials() -> Vec<Trial> {
    both("organizations::lists_have_members_alone_at_once", members_alone).into()
}

async fn members_alone() {
    let scene = Scene::new().await;
    let scim = &scene.contoso.scim;
    let mut ids = Vec::new();
    // More than are looked at one by one.
    for number in 10..23 {
        ids.push(create(scim, &format!("user-{number}")).await);
    }
    scene.stored().await;
    for id in &ids[..2] {
        scene.realm.remove_member(&scene.contoso.id, id).await;
    }
    let all: Vec<String> = (12..23).map(|number| format!("user-{number}")).collect();
    assert_eq!(listed(scim).await, all);
    let page = scim.get("/Users?startIndex=2&count=2").await;
    assert_eq!(user_names(page.resources()), ["user-12"]);
    for (filter, expected) in [
        ("userName sw \"user-\"", &all[..]),
        ("userName co \"r-1\"", &all[..8]),
        ("name.familyName eq \"Jensen\"", &all[..]),
    ] {
        let found = scim.list("Users", filter, "&count=100").await;
        let mut names = user_names(found.resources());
        names.sort();
        assert_eq!(names, expected, "{filter}");
        assert_eq!(found.json()["totalResults"], expected.len(), "{filter}");
    }
}
