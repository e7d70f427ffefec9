//! A create that is cut off between its calls is finished for its own tenant, and is nobody else's.

use http::Method;
use libtest_mimic::Trial;
use serde_json::Value;

use super::{Scene, at, told};
use crate::admin::admin;
use crate::proxy::{Point, Proxy};
use crate::runner::both;
use crate::scenarios::stage::person;

pub fn trials() -> Vec<Trial> {
    both("organizations::a_create_that_was_cut_off_is_finished_with_role_and_membership", cut_off).into()
}

async fn cut_off() {
    let proxy = Proxy::start(admin().await.url()).await;
    let scene = Scene::swept("1h", |_, prepared| prepared.via(&proxy)).await;
    let joins = |method: &Method, path: &str| method == Method::POST && path.ends_with("/members");
    let maps = |method: &Method, path: &str| method == Method::POST && path.contains("/role-mappings/");
    for (number, (joined, mapped)) in [(false, false), (true, false), (false, true)].into_iter().enumerate() {
        for again in [Again::Create, Again::Lookup, Again::Read] {
            let name = format!("babs-{number}-{again:?}").to_lowercase();
            if !joined {
                proxy.on(joins).always().drop_connection(Point::BeforeKeycloak);
            }
            if !mapped {
                proxy.on(maps).always().drop_connection(Point::BeforeKeycloak);
            }
            scene.contoso.scim.post("/Users", &person(&name)).await.scim_error(503, None);
            proxy.clear_rules();
            let stored = scene.realm.user_by_username(&name).await.unwrap();
            let id = stored["id"].as_str().unwrap();
            assert!(stored.to_string().contains("scim.pending"), "{stored}");
            assert!(!scene.is_member(&scene.contoso, id).await || !scene.is_tagged(id).await, "{name}");
            // Nobody else sees it, or finishes it.
            for scim in [&scene.fabrikam.scim, &scene.own] {
                scim.get(&at(id)).await.scim_error(404, None);
                let found = scim.list("Users", &format!("userName eq \"{name}\""), "").await;
                assert_eq!(found.resources(), [] as [Value; 0], "{found}");
                let refused = scim.post("/Users", &person(&name)).await.expect(409);
                assert!(!told(&refused, "").1.contains(id), "{refused}");
            }
            assert_eq!(scene.realm.user(id).await.as_ref(), Some(&stored), "{name}");
            let scim = &scene.contoso.scim;
            match again {
                Again::Create => {
                    assert_eq!(scim.post("/Users", &person(&name)).await.expect(201).id(), id);
                }
                Again::Lookup => {
                    let found = scim.list("Users", &format!("userName eq \"{name}\""), "").await;
                    assert_eq!(found.resources().len(), 1, "{found}");
                }
                Again::Read => {
                    scim.get(&at(id)).await.expect(200);
                }
            }
            assert!(scene.is_member(&scene.contoso, id).await && scene.is_tagged(id).await, "{name}");
            scene.stored().await;
            scim.delete(&at(id)).await.expect(204);
        }
    }
}

/// What a client does next.
#[derive(Clone, Copy, Debug)]
enum Again {
    Create,
    Lookup,
    Read,
}
