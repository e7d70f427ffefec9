//! Somebody else's user or group is to a caller what an id is that never was; and no token is good elsewhere.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{FABRIKAMS_TOKEN, NOBODY, REALMS_TOKEN, Scene, ask, create, scene, told};
use crate::runner::both;
use crate::scenarios::stage::{by_hand, patch, patch_active, person};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("organizations::what_is_anothers_is_as_if_it_never_was", as_if_it_never_was),
        both("organizations::a_token_is_good_for_its_own_tenant_alone", tokens),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a filter may ask for.
struct Target {
    id: String,
    name: String,
}

/// Every request that names a user or group, by its id or by another value.
fn requests(target: &Target) -> Vec<(Method, String, Value)> {
    let Target { id, name } = target;
    let mut all = Vec::new();
    for at in [format!("/Users/{id}"), format!("/Groups/{id}")] {
        let body = if at.starts_with("/Users") { person("new-name") } else { scene::group("New name", []) };
        let title = json!([{ "op": "replace", "path": "displayName", "value": "Changed" }]);
        let nothing = json!([{ "op": "remove", "path": "members" }]);
        all.extend([
            (Method::GET, at.clone(), Value::Null),
            (Method::GET, format!("{at}?attributes=id"), Value::Null),
            (Method::PUT, at.clone(), body),
            (Method::PATCH, at.clone(), patch(&title)),
            (Method::PATCH, at.clone(), patch_active(false)),
            (Method::PATCH, at.clone(), patch(&nothing)),
            (Method::DELETE, at, Value::Null),
        ]);
    }
    let of_users = [
        format!("id eq \"{id}\""),
        format!("not (id ne \"{id}\")"),
        format!("userName eq \"{name}\""),
        format!("userName sw \"{name}\""),
        format!("externalId eq \"ext-{name}\""),
        format!("emails.value eq \"{name}@example.com\""),
        format!("emails[value co \"{name}\"]"),
        format!("groups.value eq \"{id}\""),
        format!("active eq true and (userName eq \"{name}\" or id eq \"{id}\")"),
    ];
    let of_groups = [
        format!("id eq \"{id}\""),
        format!("displayName eq \"{name}\""),
        format!("externalId eq \"ext-{name}\""),
        format!("members.value eq \"{id}\""),
        format!("members[value eq \"{id}\" and type eq \"User\"]"),
    ];
    let filters = of_users.map(|filter| ("Users", filter)).into_iter();
    for (endpoint, filter) in filters.chain(of_groups.map(|filter| ("Groups", filter))) {
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter,
        });
        let encoded = percent_encoding::utf8_percent_encode(&filter, percent_encoding::NON_ALPHANUMERIC);
        all.push((Method::GET, format!("/{endpoint}?filter={encoded}"), Value::Null));
        all.push((Method::POST, format!("/{endpoint}/.search"), search));
    }
    all
}

async fn as_if_it_never_was() {
    let scene = Scene::new().await;
    let tenants = [("contoso", &scene.contoso.scim), ("fabrikam", &scene.fabrikam.scim), ("own", &scene.own)];
    let mut targets: Vec<(&str, Target)> = Vec::new();
    for (tenant, scim) in tenants {
        let name = format!("user-of-{tenant}");
        let user = create(scim, &name).await;
        let mut group = scene::group(&format!("group-of-{tenant}"), [&user]);
        group["externalId"] = format!("ext-group-of-{tenant}").into();
        let group = scim.post("/Groups", &group).await.expect(201).id();
        targets.push((tenant, Target { id: user, name }));
        targets.push((tenant, Target { id: group, name: format!("group-of-{tenant}") }));
    }
    // Nobody's: one without the role, and a member of an organization that nobody serves.
    for name in ["unmanaged", "of-adatum"] {
        let id = scene.realm.create_user(&by_hand(name)).await;
        targets.push(("", Target { id: id.clone(), name: name.to_owned() }));
        if name == "of-adatum" {
            scene.realm.add_member(&scene.adatum, &id).await;
        }
    }
    let before = scene.stored().await;
    for (caller, scim) in tenants {
        let nobody = requests(&Target { id: NOBODY.to_owned(), name: "nobody".to_owned() });
        let mut unknown = Vec::new();
        for (method, path, body) in &nobody {
            unknown.push(told(&ask(scim, method, path, body).await, NOBODY));
        }
        assert!(unknown.iter().any(|(status, _)| *status == 404));
        assert!(unknown.iter().any(|(_, text)| text.contains("\"totalResults\":0")), "{unknown:?}");
        for (tenant, target) in targets.iter().filter(|(tenant, _)| *tenant != caller) {
            for ((method, path, body), expected) in requests(target).iter().zip(&unknown) {
                let answer = ask(scim, method, path, body).await;
                assert_eq!(told(&answer, &target.id), *expected, "{caller} asks for {tenant}'s: {answer}");
            }
        }
    }
    assert_eq!(scene.stored().await, before, "nothing changed in Keycloak");
    // Each sees its own, and it alone, also where all are asked for.
    for (caller, scim) in tenants {
        for (endpoint, kind) in [("Users", "user"), ("Groups", "group")] {
            for rest in ["", "&count=1", "&filter=id%20pr", "&filter=meta.created%20pr", "&sortBy=id"] {
                let answer = scim.get(&format!("/{endpoint}?startIndex=1{rest}")).await;
                assert_eq!(answer.json()["totalResults"], 1, "{answer}");
                let text = String::from_utf8_lossy(&answer.raw).into_owned();
                assert!(text.contains(&format!("{kind}-of-{caller}")), "{answer}");
                for (_, target) in targets.iter().filter(|(tenant, _)| *tenant != caller) {
                    assert!(!text.contains(&target.id) && !text.contains(&target.name), "{answer}");
                }
            }
        }
    }
}

async fn tokens() {
    let scene = Scene::new().await;
    let base = scene.own.base_url();
    let at = |organization: &str| format!("{base}/organizations/{organization}");
    let id = scene.fabrikam.create("babs").await;
    let contosos = scene.gateway.prepared().printed("token");
    let [contoso, fabrikam] = [("contoso", &scene.contoso.id), ("fabrikam", &scene.fabrikam.id)];
    let refused = async |token: &str, url: &str| {
        let scim = Scim::bearer(url, token);
        let mut all = Vec::new();
        for path in ["/Users", &format!("/Users/{id}"), "/Groups", "/Schemas", "/ServiceProviderConfig"] {
            let answer = scim.get(path).await;
            assert_eq!(answer.status, 401, "{answer}");
            all.push((told(&answer, ""), answer.header("www-authenticate").map(str::to_owned)));
        }
        all
    };
    for (token, own, others) in [
        (contosos, vec![at(contoso.0), at(contoso.1)], vec![at(fabrikam.0), at(fabrikam.1), base.to_owned()]),
        (
            FABRIKAMS_TOKEN,
            vec![at(fabrikam.0), at(fabrikam.1)],
            vec![at(contoso.0), at(contoso.1), base.to_owned()],
        ),
        (REALMS_TOKEN, vec![base.to_owned()], vec![at(contoso.0), at(contoso.1), at(fabrikam.0)]),
    ] {
        for url in &own {
            Scim::bearer(url, token).get("/Users").await.expect(200);
        }
        let expected = refused(token, &at("nowhere")).await;
        // Adatum is there in Keycloak, and nobody serves it.
        let unserved = [at("adatum"), at(&scene.adatum), at(NOBODY), at("CONTOSO")];
        for url in others.iter().chain(&unserved) {
            assert_eq!(refused(token, url).await, expected, "at {url}");
        }
    }
}
