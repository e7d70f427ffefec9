//! The other clients that push groups, a session of each as they have it.

use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::scene::{GROUP, Unchanged, at, group, refused, users};
use super::shown::{member, names, settled_group, sorted};
use crate::runner::in_each_tenant;
use crate::scenarios::stage::{Stage, patch, written};
use crate::scim::{Answer, PATCH, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("groups::postman::the_collections_groups_are_created_changed_and_deleted", postman),
        in_each_tenant(
            "groups::postman::members_that_nobody_knows_are_named_and_nothing_is_applied",
            junk_members,
        ),
        in_each_tenant("groups::cyberark::every_group_request_that_it_demands_is_answered", cyberark),
        in_each_tenant("groups::sailpoint::a_full_aggregation_reads_every_group_once", aggregation),
        in_each_tenant("groups::sailpoint::groups_are_not_updated_through_users", through_users),
        in_each_tenant(
            "groups::authentik::a_put_of_a_group_that_is_gone_is_404_and_it_is_created_again",
            recreate,
        ),
        in_each_tenant("groups::onelogin::a_group_of_the_list_gets_and_loses_members", onelogin),
        in_each_tenant("groups::mitodl::a_put_without_members_keeps_them", put_without_members),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn as_json(stage: &Stage, method: Method, path: &str, body: &Value) -> Answer {
    stage.scim.raw(method, path, Some("application/json"), body.to_string()).await
}

/// "Group tests" of the collection beside Microsoft's reference code.
async fn postman() {
    let stage = Stage::new("postman").await;
    let [third, fourth] = [stage.create("UserName333").await, stage.create("UserName444").await];
    let post = async |body: Value| {
        let answer = as_json(&stage, Method::POST, "/Groups", &body).await.expect(201);
        settled_group(&stage, &answer).await
    };
    let first = post(json!({
        "schemas": [GROUP], "externalId": "015489ea-9410-4306-b583-9f002b2446f7", "displayName": "Group1DisplayName",
    }))
    .await;
    let second = post(json!({
        "schemas": [GROUP], "externalId": "22fbc523-6032-4c5f-939d-5d4850cf3e52", "displayName": "GroupDisplayName2",
        "members": [{ "value": third, "display": "VP" }],
    }))
    .await;
    assert_eq!(
        second["members"],
        json!([member(&stage, &third, "UserName333")]),
        "the name is the user's own"
    );
    let emptied =
        post(json!({ "schemas": [GROUP], "displayName": "GroupDisplayName3", "members": [] })).await;

    let all = stage.scim.get("/Groups").await;
    assert_eq!(names(all.resources()), ["Group1DisplayName", "GroupDisplayName2", "GroupDisplayName3"]);
    for quoted in ["displayName eq \"Group1DisplayName\"", "displayName eq Group1DisplayName"] {
        let found = stage.scim.list("Groups", quoted, "&excludedAttributes=members").await;
        assert_eq!(found.resources(), std::slice::from_ref(&first), "{quoted}");
    }
    let without = stage.scim.get("/Groups?excludedAttributes=members").await;
    assert!(without.resources().iter().all(|group| group.get("members").is_none()), "{without}");

    // The value is a bare id, alone and in an array.
    let path = at(first["id"].as_str().unwrap());
    for (value, expected) in
        [(json!(third), sorted([&third])), (json!([third, fourth]), sorted([&third, &fourth]))]
    {
        let body = json!({
            "id": first["id"], "schemas": [PATCH], "Operations": [{ "op": "add", "path": "members", "value": value }],
        });
        let answer = as_json(&stage, Method::PATCH, &path, &body).await.expect(200);
        assert_eq!(users(&settled_group(&stage, &answer).await), expected);
        assert_eq!(stage.realm.members(first["id"].as_str().unwrap()).await, expected);
    }
    let one = patch(&json!([{ "op": "remove", "path": format!("members[value eq \"{third}\"]") }]));
    let answer = as_json(&stage, Method::PATCH, &path, &one).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), [fourth.as_str()]);
    let whole = patch(&json!([{ "op": "remove", "path": "members" }]));
    let answer = as_json(&stage, Method::PATCH, &path, &whole).await.expect(200);
    assert_eq!(written(&settled_group(&stage, &answer).await), written(&first));
    assert_eq!(stage.realm.members(first["id"].as_str().unwrap()).await, [""; 0]);

    let third_group = emptied["id"].as_str().unwrap();
    let body = json!({
        "schemas": [GROUP], "id": third_group, "displayName": "putName",
        "members": [{ "value": third, "display": "VP" }, { "value": fourth, "display": "SenorVP" }],
    });
    let put = as_json(&stage, Method::PUT, &at(third_group), &body).await.expect(200);
    let shown = settled_group(&stage, &put).await;
    assert_eq!((&shown["displayName"], users(&shown)), (&json!("putName"), sorted([&third, &fourth])));
    assert_eq!(stage.realm.members(third_group).await, sorted([&third, &fourth]));
    // Members as an array of bare ids in a whole group too.
    let body = json!({ "schemas": [GROUP], "displayName": "putName", "members": [fourth] });
    let put = as_json(&stage, Method::PUT, &at(third_group), &body).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &put).await), [fourth.as_str()]);
    // Another name and another externalId, and no word of members.
    let body = json!({
        "id": third_group, "displayName": "Tiffany Ortiz", "externalId": "6c6b54c2-fa81-4234-ad4f-420ec6808049",
        "schemas": [GROUP],
    });
    let put = as_json(&stage, Method::PUT, &at(third_group), &body).await.expect(200);
    let shown = settled_group(&stage, &put).await;
    assert_eq!([&shown["displayName"], &shown["externalId"]], [&body["displayName"], &body["externalId"]]);
    assert_eq!(users(&shown), [fourth.as_str()]);

    for group in [&first, &second, &emptied] {
        stage.scim.delete(&at(group["id"].as_str().unwrap())).await.expect(204);
    }
    assert_eq!(stage.realm.groups().await, [] as [Value; 0]);
    assert_eq!(stage.listed().await, ["UserName333", "UserName444"]);
}

async fn junk_members() {
    let stage = Stage::new("postman").await;
    let [known, other] = [stage.create("UserName333").await, stage.create("UserName444").await];
    let id = stage.push("GroupDisplayName2", &[&known]).await;
    let unchanged = Unchanged::note(&stage).await;
    let junk = json!([{ "value": other, "display": "VP" }, { "value": "string id 1", "display": "VP" }]);
    let whole = |name: &str| json!({ "schemas": [GROUP], "displayName": name, "members": junk });
    let rename = |members: &Value, op: &str| {
        patch(&json!([
            { "op": "replace", "path": "displayName", "value": "putName" },
            { "op": op, "path": "members", "value": members },
        ]))
    };
    let requests = [
        (Method::POST, "/Groups".to_owned(), whole("GroupDisplayName3")),
        (Method::PUT, at(&id), whole("GroupDisplayName2")),
        (Method::PUT, at(&id), whole("putName")),
        (Method::PATCH, at(&id), rename(&junk, "add")),
        (Method::PATCH, at(&id), rename(&junk, "replace")),
        (Method::PATCH, at(&id), rename(&json!([other, "string id 1"]), "add")),
        (Method::PATCH, at(&id), rename(&json!("string id 1"), "add")),
    ];
    for (method, path, body) in requests {
        let answer = as_json(&stage, method.clone(), &path, &body).await;
        let detail = refused(&answer, 400, Code::UnknownMember);
        assert_eq!(answer.scim_error(400, Some("invalidValue"))["status"], "400");
        assert!(detail.contains("string id 1"), "{detail}");
        unchanged.hold(&format!("{method} {path} {body}")).await;
    }
}

async fn cyberark() {
    let stage = Stage::new("cyberark").await;
    let scim = &stage.scim;
    let config = scim.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!([&config.json()["filter"]["supported"], &config.json()["patch"]["supported"]], [true, true]);
    let of_group = scim.get("/ResourceTypes/Group").await.expect(200).json().clone();
    assert_eq!([&of_group["endpoint"], &of_group["schema"]], ["/Groups", GROUP]);
    let schema = scim.get(&format!("/Schemas/{GROUP}")).await.expect(200);
    assert_eq!(schema.json()["id"], GROUP);

    assert_eq!(scim.get("/Groups").await.resources(), [] as [Value; 0]);
    let babs = stage.create("bjensen@example.com").await;
    let created = scim.post("/Groups", &group("Tour Guides", [])).await.expect(201);
    let shown = settled_group(&stage, &created).await;
    assert_eq!(scim.get("/Groups").await.resources(), std::slice::from_ref(&shown));
    let path = at(&created.id());
    let add = patch(&json!([{ "op": "add", "path": "members", "value": [{ "value": babs }] }]));
    let answer = scim.patch(&path, &add).await.expect(200);
    let joined = settled_group(&stage, &answer).await;
    assert_eq!(users(&joined), [babs.as_str()]);
    let described: Vec<Value> = schema.json()["attributes"].as_array().unwrap().clone();
    for (name, value) in written(&joined).as_object().unwrap() {
        if name == "schemas" {
            continue;
        }
        let attribute = described.iter().find(|attribute| attribute["name"] == *name);
        let attribute = attribute.unwrap_or_else(|| panic!("{name} is not described"));
        for sub in value[0].as_object().into_iter().flat_map(serde_json::Map::keys) {
            let subs = attribute["subAttributes"].as_array().unwrap();
            assert!(subs.iter().any(|described| described["name"] == *sub), "{name}.{sub} is not described");
        }
    }
    let remove = patch(&json!([{ "op": "remove", "path": format!("members[value eq \"{babs}\"]") }]));
    let answer = scim.patch(&path, &remove).await.expect(200);
    assert_eq!(written(&settled_group(&stage, &answer).await), written(&shown));
}

async fn aggregation() {
    let stage = Stage::new("sailpoint").await;
    let types = stage.scim.get("/ResourceTypes").await;
    let of_group = types.resources().iter().find(|kind| kind["id"] == "Group").unwrap();
    assert_eq!(stage.scim.get("/ResourceTypes/Group").await.expect(200).json(), of_group);
    let babs = stage.create("bjensen@example.com").await;
    let mut expected: Vec<String> = (0..11).map(|number| format!("Group {number:02}")).collect();
    for name in &expected {
        stage.push(name, &[&babs]).await;
    }
    stage.realm.group_by_hand("Group by hand", None).await;
    let mut seen = Vec::new();
    loop {
        let page = stage.scim.get(&format!("/Groups?startIndex={}&count=4", seen.len() + 1)).await;
        assert_eq!([&page.json()["totalResults"], &page.json()["startIndex"]], [11, seen.len() + 1]);
        if page.resources().is_empty() {
            break;
        }
        assert!(page.resources().iter().all(|group| users(group) == [babs.as_str()]), "{page}");
        seen.extend(names(page.resources()).into_iter().map(str::to_owned));
    }
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "every group once, and none that is not managed");
}

/// `updateGroupsViaUsers` writes what is read-only.
async fn through_users() {
    let stage = Stage::new("sailpoint").await;
    let babs = stage.create("bjensen@example.com").await;
    let [guides, drivers] = [stage.push("Tour Guides", &[&babs]).await, stage.push("Drivers", &[]).await];
    let unchanged = Unchanged::note(&stage).await;
    let mut body = stage.read(&babs).await;
    body["groups"] = json!([{ "value": drivers, "display": "Drivers" }]);
    let put = stage.scim.put(&format!("/Users/{babs}"), &body).await.expect(200);
    assert_eq!(put.json().get("groups"), None, "{put}");
    unchanged.hold("a PUT with other groups").await;
    for path in ["groups", "urn:ietf:params:scim:schemas:core:2.0:User:groups"] {
        let add = json!([{ "op": "add", "path": path, "value": [{ "value": drivers }] }]);
        stage.patch(&babs, &add).await.scim_error(400, Some("mutability"));
    }
    let remove = json!([{ "op": "remove", "path": format!("groups[value eq \"{guides}\"]") }]);
    stage.patch(&babs, &remove).await.scim_error(400, Some("mutability"));
    unchanged.hold("PATCHes of groups").await;
    let with =
        json!({ "schemas": [USER], "userName": "jsmith@example.com", "groups": [{ "value": drivers }] });
    stage.scim.post("/Users", &with).await.expect(201);
    assert_eq!(stage.realm.members(&drivers).await, [""; 0]);
    assert_eq!(stage.realm.members(&guides).await, [babs]);
}

async fn recreate() {
    let stage = Stage::new("authentik").await;
    let babs = stage.create("bjensen").await;
    let body = json!({
        "schemas": [GROUP], "externalId": "9d2f0c1e-7a52-4be8-9f3a-5a7a0d2f1b11", "displayName": "Tour Guides",
        "members": [{ "value": babs }],
    });
    let first = stage.scim.post("/Groups", &body).await.expect(201);
    settled_group(&stage, &first).await;
    let path = at(&first.id());
    let put = stage.scim.put(&path, &body).await.expect(200);
    assert_eq!(settled_group(&stage, &put).await, *first.json(), "the same once more is no change");

    // Somebody deletes the group in Keycloak.
    stage.realm.delete_group(&first.id()).await;
    stage.scim.put(&path, &body).await.scim_error(404, None);
    let add = patch(&json!([{ "op": "add", "path": "members", "value": [{ "value": babs }] }]));
    stage.scim.patch(&path, &add).await.scim_error(404, None);
    assert_eq!(stage.realm.groups().await, [] as [Value; 0], "a PUT creates none");
    let second = stage.scim.post("/Groups", &body).await.expect(201);
    assert_ne!(second.id(), first.id());
    assert_eq!(users(&settled_group(&stage, &second).await), [babs.as_str()]);
    assert_eq!(stage.realm.members(&second.id()).await, [babs]);
}

/// "Refresh entitlements" lists groups, and a rule then puts people into one of the list.
async fn onelogin() {
    let stage = Stage::new("onelogin").await;
    assert_eq!(stage.scim.get("/Groups").await.resources(), [] as [Value; 0]);
    stage.push("Drivers", &[]).await;
    stage.push("Tour Guides", &[]).await;
    let babs = stage.create("babs@example.com").await;
    let listed = stage.scim.get("/Groups").await;
    let chosen = listed.resources().iter().find(|group| group["displayName"] == "Tour Guides").unwrap();
    let id = chosen["id"].as_str().unwrap();
    // What the template adds of its own does no harm.
    let member = json!([{ "value": babs, "display": "Babs", "samaccountname": "bjensen" }]);
    let mut add = patch(&json!([{ "op": "add", "path": "members", "value": member, "note": "by rule" }]));
    add["tenant"] = "example".into();
    let answer = stage.scim.patch(&at(id), &add).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), [babs.as_str()]);
    assert_eq!(stage.groups_of(&babs).await, [("Tour Guides".to_owned(), "direct".to_owned())]);
    let remove = patch(&json!([{ "op": "remove", "path": "members", "value": [{ "value": babs }] }]));
    let answer = stage.scim.patch(&at(id), &remove).await.expect(200);
    assert_eq!(settled_group(&stage, &answer).await.get("members"), None);
    assert_eq!(stage.groups_of(&babs).await, []);
    assert_eq!(stage.realm.members(id).await, [""; 0]);
}

/// It writes the group by PUT, and the memberships by PATCH.
async fn put_without_members() {
    let stage = Stage::new("mitodl").await;
    let [adam, babs] = [stage.create("adam").await, stage.create("babs").await];
    let id = stage.push("Tour Guides", &[&adam, &babs]).await;
    stage.groups_settled().await;
    for name in ["Tour Guides", "Guides"] {
        let body = json!({ "schemas": [GROUP], "id": id, "externalId": "17", "displayName": name });
        let put = stage.scim.put(&at(&id), &body).await.expect(200);
        let shown = settled_group(&stage, &put).await;
        assert_eq!([&shown["displayName"], &shown["externalId"]], [name, "17"]);
        assert_eq!(users(&shown), sorted([&adam, &babs]));
        assert_eq!(stage.realm.members(&id).await, sorted([&adam, &babs]));
    }
}
