//! The groups of an organization: what they are, how they are found, how they move, and who is in them.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{below, each, member, message, plain_404, realm, said, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::organizations::groups::{name}");
    [
        both(&name("the_top_level_is_below_a_hidden_group"), hidden),
        both(&name("a_group_shows_its_place_attributes_and_direct_roles"), whole),
        both(&name("a_creation_below_another_looks_at_nothing_but_the_name"), created_below),
        both(&name("names_are_given_once_at_each_place"), name_once),
        both(&name("what_is_longer_than_255_units_is_refused_or_fails"), too_long),
        both(&name("a_put_clears_an_omitted_description_and_keeps_attributes"), put),
        both(&name("children_are_brief_whatever_is_asked_for"), children),
        both(&name("a_search_is_the_beginning_of_a_name_without_case"), search),
        both(&name("attributes_are_found_without_case"), by_attribute),
        both(&name("lists_have_a_window"), window),
        both(&name("groups_move_below_others_and_back_to_the_top"), moves),
        both(&name("a_deleted_group_takes_those_below_it_along"), deleted),
        both(&name("only_members_of_the_organization_join_and_once"), joining),
        both(&name("a_members_groups_are_those_of_the_organization"), of_member),
        both(&name("roles_are_mapped_and_reach_no_member"), roles),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with one organization; gives its groups' address too.
async fn stage() -> (Realm, String, String) {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let groups = format!("/organizations/{id}/groups");
    (realm, id, groups)
}

async fn hidden() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let two = top(&realm, &id, "Two").await;
    let read = realm.get(&format!("{groups}/{eng}")).await;
    let hidden = read["parentId"].as_str().unwrap();
    assert_eq!(read["path"], "/Eng", "it is not in the path");
    assert_eq!(realm.get(&format!("{groups}/{two}")).await["parentId"], hidden);
    let shown = realm.get(&format!("{groups}/{hidden}")).await;
    assert_eq!((&shown["name"], &shown["parentId"]), (&json!(id), &Value::Null));
    // No list names it.
    for query in ["", "?search=%20", &format!("?search={id}")] {
        let listed = realm.get(&format!("{groups}{query}")).await;
        assert!(listed.as_array().unwrap().iter().all(|group| group["id"] != hidden), "{query}: {listed}");
    }
    // In the realm its name is taken, all the same.
    let taken = said(&realm, Method::POST, "/groups", Some(&json!({ "name": id }))).await;
    assert_eq!(taken, message(409, &format!("Top level group named '{id}' already exists.")));
}

async fn whole() {
    let (realm, id, groups) = stage().await;
    let wanted =
        json!({ "name": "Eng", "description": "Engineers", "attributes": { "a": ["1", "2"], "b": [] } });
    let made = realm.call(Method::POST, &groups, Some(&wanted)).await.expect(201);
    let eng = made.created.unwrap();
    let parent = made.body["parentId"].clone();
    let mut expected = json!({
        "id": eng, "name": "Eng", "description": "Engineers", "path": "/Eng", "parentId": parent, "subGroups": [],
    });
    assert_eq!(made.body, expected, "a creation answers with the group, and briefly");
    let sub = below(&realm, &id, &eng, "Sub").await;
    realm.create_role("guide").await;
    let role = realm.get("/roles/guide").await;
    realm.post(&format!("{groups}/{sub}/role-mappings/realm"), &json!([role])).await;
    expected["attributes"] = json!({ "a": ["1", "2"] });
    expected["realmRoles"] = json!([]);
    expected["clientRoles"] = json!({});
    assert_eq!(realm.get(&format!("{groups}/{eng}")).await, expected);
    let mut below_it = json!({
        "id": sub, "name": "Sub", "path": "/Eng/Sub", "parentId": eng, "subGroups": [], "attributes": {},
        "realmRoles": ["guide"], "clientRoles": {},
    });
    assert_eq!(realm.get(&format!("{groups}/{sub}")).await, below_it);
    let all = format!("{groups}?search=%20&briefRepresentation=false");
    assert_eq!(realm.get(&all).await, json!([expected, below_it]));
    // Counted only when asked.
    expected["subGroupCount"] = json!(1);
    below_it["subGroupCount"] = json!(0);
    assert_eq!(realm.get(&format!("{all}&subGroupsCount=true")).await, json!([expected, below_it]));
    assert_eq!(realm.get(&format!("{groups}/{eng}?subGroupsCount=true")).await, expected);
    let brief = realm.get(&groups).await;
    assert_eq!(each(&brief, "name"), ["Eng"], "without a search, the top level");
    assert_eq!((&brief[0]["attributes"], &brief[0]["subGroupCount"]), (&Value::Null, &Value::Null));
}

async fn created_below() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let wanted = json!({ "name": "Sub", "description": "Some", "attributes": { "a": ["1"] } });
    let children = format!("{groups}/{eng}/children");
    let made = realm.call(Method::POST, &children, Some(&wanted)).await.expect(201);
    let sub = made.created.unwrap();
    let mut expected = json!({
        "id": sub, "name": "Sub", "path": "/Eng/Sub", "parentId": eng, "subGroups": [], "attributes": {},
        "realmRoles": [], "clientRoles": {},
    });
    assert_eq!(made.body, expected);
    assert_eq!(realm.get(&format!("{groups}/{sub}")).await, expected);
    realm.put(&format!("{groups}/{sub}"), &wanted).await;
    expected["description"] = json!("Some");
    expected["attributes"] = json!({ "a": ["1"] });
    assert_eq!(realm.get(&format!("{groups}/{sub}")).await, expected);
}

async fn name_once() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let wanted = json!({ "name": "Eng" });
    let again = said(&realm, Method::POST, &groups, Some(&wanted)).await;
    assert_eq!(again, message(409, "Group with the given name already exists."));
    let children = format!("{groups}/{eng}/children");
    below(&realm, &id, &eng, "Eng").await;
    let again = said(&realm, Method::POST, &children, Some(&wanted)).await;
    assert_eq!(again, message(409, "Sibling group with the given name already exists"));
    let other = top(&realm, &id, "eng").await;
    let renamed = said(&realm, Method::PUT, &format!("{groups}/{other}"), Some(&wanted)).await;
    let duplicate = json!({ "error": "conflict", "error_description": "Duplicate resource error" });
    assert_eq!(renamed, (409, duplicate));
    // What others call theirs is no matter.
    let fabrikam = realm.create_organization("Fabrikam").await;
    top(&realm, &fabrikam, "Eng").await;
    realm.post("/groups", &wanted).await;
    let nameless = said(&realm, Method::POST, &groups, Some(&json!({ "name": " " }))).await;
    assert_eq!(nameless, message(400, "Group name is missing"));
}

async fn too_long() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let path = format!("{groups}/{eng}");
    let long = json!({ "name": "x".repeat(256) });
    let refused = message(400, "Database operation failed");
    assert_eq!(said(&realm, Method::POST, &groups, Some(&long)).await, refused);
    assert_eq!(said(&realm, Method::POST, &format!("{path}/children"), Some(&long)).await, refused);
    assert_eq!(said(&realm, Method::PUT, &path, Some(&long)).await.0, 500);
    for field in ["description", "attributes"] {
        let text = "x".repeat(256);
        let value = if field == "attributes" { json!({ "a": [text] }) } else { json!(text) };
        let wanted = json!({ "name": "Other", field: value });
        assert_eq!(said(&realm, Method::POST, &groups, Some(&wanted)).await.0, 500, "{field}");
        assert_eq!(said(&realm, Method::PUT, &path, Some(&wanted)).await.0, 500, "{field}");
    }
    assert_eq!(each(&realm.get(&format!("{groups}?search=%20")).await, "name"), ["Eng"]);
}

async fn put() {
    let (realm, _, groups) = stage().await;
    let wanted = json!({ "name": "Eng", "description": "Some", "attributes": { "a": ["1"] } });
    let path = format!("{groups}/{}", realm.post(&groups, &wanted).await);
    realm.put(&path, &json!({ "name": "Eng 2" })).await;
    let read = realm.get(&path).await;
    assert_eq!(
        (&read["name"], &read["description"], &read["attributes"]),
        (&json!("Eng 2"), &Value::Null, &json!({ "a": ["1"] }))
    );
    realm.put(&path, &json!({ "name": "Eng 2", "attributes": { "b": ["2"] } })).await;
    assert_eq!(realm.get(&path).await["attributes"], json!({ "b": ["2"] }));
    let nameless = said(&realm, Method::PUT, &path, Some(&json!({ "description": "x" }))).await;
    assert_eq!(nameless, message(400, "Group name is missing"));
}

async fn children() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    for number in (0..12).rev() {
        let sub = below(&realm, &id, &eng, &format!("s-{number:02}")).await;
        let wanted = json!({ "name": format!("s-{number:02}"), "attributes": { "k": ["v"] } });
        realm.put(&format!("{groups}/{sub}"), &wanted).await;
    }
    let all: Vec<String> = (0..12).map(|number| format!("s-{number:02}")).collect();
    let children = format!("{groups}/{eng}/children");
    for (query, expected) in
        [("", &all[..10]), ("?first=1&max=2", &all[1..3]), ("?max=1000", &all), ("?max=0", &[])]
    {
        assert_eq!(each(&realm.get(&format!("{children}{query}")).await, "name"), expected, "{query}");
    }
    let list = realm.get(&format!("{children}?briefRepresentation=false&subGroupsCount=true&max=1")).await;
    assert_eq!((&list[0]["attributes"], &list[0]["subGroupCount"]), (&Value::Null, &json!(0)));
}

async fn search() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    below(&realm, &id, &eng, "Sub").await;
    for name in ["Suub", "S_b", "S%b", r"S\b", "S/b"] {
        top(&realm, &id, name).await;
    }
    // Names with one of these are found by it in a realm. Here not, but as a whole, and by what may be anything.
    for (search, found) in [
        ("eNG", &["Eng"][..]),
        ("sub", &["Sub"]),
        ("ub", &[]),
        ("u*b", &[]),
        ("*u*b", &["Sub", "Suub"]),
        ("*UB*", &["Sub", "Suub"]),
        ("*", &["Eng", "S%b", "S/b", r"S\b", "S_b", "Sub", "Suub"]),
        ("s/b", &["S/b"]),
        ("S_b", &[]),
        ("_", &[]),
        ("%5C", &[]),
        ("S_b&exact=true", &["S_b"]),
        ("S%25b&exact=true", &["S%b"]),
        ("s_b&exact=true", &[]),
        ("s*b", &["S%b", "S/b", r"S\b", "S_b", "Sub", "Suub"]),
    ] {
        let list = realm.get(&format!("{groups}?search={search}")).await;
        let mut names = each(&list, "name");
        names.sort_unstable();
        assert_eq!(names, found, "{search}");
    }
}

async fn by_attribute() {
    let (realm, id, groups) = stage().await;
    for (name, values) in
        [("one", json!(["org:1"])), ("two", json!(["ORG:1", "x"])), ("twice", json!(["v", "v"]))]
    {
        realm.post(&groups, &json!({ "name": name, "attributes": { "scim.managed": values } })).await;
    }
    let other = realm.create_organization("Fabrikam").await;
    let theirs = json!({ "name": "theirs", "attributes": { "scim.managed": ["org:1"] } });
    realm.post(&format!("/organizations/{other}/groups"), &theirs).await;
    realm.post("/groups", &theirs).await;
    assert_eq!(each(&realm.get(&format!("/organizations/{id}/groups")).await, "name").len(), 3);
    for (q, found) in [
        ("scim.managed:%22org:1%22", &["one", "two"][..]),
        ("scim.managed:org:1", &["one", "two"]),
        ("scim.managed:x", &["two"]),
        ("scim.managed:org", &[]),
        ("scim.Managed:x", &[]),
        ("scim.managed:v", &["twice", "twice"]),
    ] {
        let list = realm.get(&format!("{groups}?q={q}&populateHierarchy=false")).await;
        assert_eq!(each(&list, "name"), found, "{q}");
    }
}

async fn window() {
    let (realm, id, groups) = stage().await;
    let names: Vec<String> = (0..12).map(|number| format!("g-{number:02}")).collect();
    for name in names.iter().rev() {
        top(&realm, &id, name).await;
    }
    for search in ["?", "?search=g-&"] {
        for (query, expected) in [
            ("", &names[..]),
            ("first=1&max=2", &names[1..3]),
            ("first=11", &names[11..]),
            ("max=1000", &names),
            ("max=0", &[]),
        ] {
            let list = realm.get(&format!("{groups}{search}{query}")).await;
            assert_eq!(each(&list, "name"), expected, "{search}{query}");
        }
    }
}

async fn moves() {
    let (realm, id, groups) = stage().await;
    let wanted = json!({ "name": "Two", "attributes": { "a": ["1"] } });
    let (eng, two) = (top(&realm, &id, "Eng").await, realm.post(&groups, &wanted).await);
    let children = format!("{groups}/{eng}/children");
    let name = |id: &str| json!({ "id": id, "name": "whatever" });
    for _ in 0..2 {
        assert_eq!(said(&realm, Method::POST, &children, Some(&name(&two))).await, (204, json!("")));
    }
    let moved = realm.get(&format!("{groups}/{two}")).await;
    assert_eq!((&moved["name"], &moved["path"]), (&json!("Two"), &json!("/Eng/Two")));
    assert_eq!(moved["attributes"], json!({ "a": ["1"] }));
    let round = format!("{groups}/{two}/children");
    // Mostly 400 "Database operation failed".
    let (status, _) = said(&realm, Method::POST, &round, Some(&name(&eng))).await;
    assert!([400, 500].contains(&status), "{status}");
    for _ in 0..2 {
        assert_eq!(said(&realm, Method::POST, &groups, Some(&name(&two))).await, (204, json!("")));
    }
    assert_eq!(realm.get(&format!("{groups}/{two}")).await["path"], "/Two");
    let namesake = below(&realm, &id, &eng, "Two").await;
    let taken = said(&realm, Method::POST, &groups, Some(&name(&namesake))).await;
    assert_eq!(taken, message(409, "Group with the given name already exists."));
    let taken = said(&realm, Method::POST, &children, Some(&name(&two))).await;
    assert_eq!(taken, message(409, "Sibling group with the given name already exists"));
}

async fn deleted() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let sub = below(&realm, &id, &eng, "Sub").await;
    let babs = member(&realm, &id, "babs").await;
    realm.put(&format!("{groups}/{sub}/members/{babs}"), &json!({})).await;
    realm.delete(&format!("{groups}/{eng}")).await;
    for group in [eng, sub] {
        let gone = said(&realm, Method::GET, &format!("{groups}/{group}"), None).await;
        assert_eq!(gone, message(404, "Group does not exist"));
    }
    assert_eq!(realm.get(&format!("/organizations/{id}/members/{babs}/groups")).await, json!([]));
    assert_eq!(each(&realm.get(&format!("/organizations/{id}/members")).await, "username"), ["babs"]);
}

async fn joining() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let babs = member(&realm, &id, "babs").await;
    let outsider = realm.create_user(&json!({ "username": "jane" })).await;
    let at = |user: &str| format!("{groups}/{eng}/members/{user}");
    let once = said(&realm, Method::PUT, &at(&babs), None).await;
    assert_eq!(once, (204, json!("")));
    let again = said(&realm, Method::PUT, &at(&babs), None).await;
    assert_eq!(again, message(409, "User is already a member of the group"));
    let refused = said(&realm, Method::PUT, &at(&outsider), None).await;
    assert_eq!(refused, message(400, "User is not member of the organization"));
    let members =
        realm.get(&format!("{groups}/{eng}/members?first=0&max=10&briefRepresentation=false")).await;
    let mut expected = realm.get(&format!("/organizations/{id}/members/{babs}")).await;
    assert_eq!(members, json!([expected]));
    for detail in ["totp", "disableableCredentialTypes", "requiredActions", "notBefore"] {
        expected.as_object_mut().unwrap().shift_remove(detail);
    }
    let brief = realm.get(&format!("{groups}/{eng}/members?briefRepresentation=true")).await;
    assert_eq!(brief, json!([expected]));
    // Leaving is without harm for everybody.
    for user in [&babs, &babs, &outsider] {
        assert_eq!(said(&realm, Method::DELETE, &at(user), None).await, (204, json!("")));
    }
    assert_eq!(realm.get(&format!("{groups}/{eng}/members")).await, json!([]));
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(
            said(&realm, method.clone(), &at("none"), None).await,
            message(404, "User does not exist")
        );
        let nowhere = said(&realm, method, &format!("{groups}/none/members/{babs}"), None).await;
        assert_eq!(nowhere, message(404, "Group does not exist"));
    }
}

async fn of_member() {
    let (realm, id, groups) = stage().await;
    let other = realm.create_organization("Fabrikam").await;
    let babs = member(&realm, &id, "babs").await;
    realm.add_member(&other, &babs).await;
    let wanted = json!({ "name": "Eng", "attributes": { "a": ["1"] } });
    let eng = realm.post(&groups, &wanted).await;
    let sub = below(&realm, &id, &eng, "Sub").await;
    for group in [&eng, &sub] {
        realm.put(&format!("{groups}/{group}/members/{babs}"), &json!({})).await;
    }
    let theirs = top(&realm, &other, "Theirs").await;
    realm.put(&format!("/organizations/{other}/groups/{theirs}/members/{babs}"), &json!({})).await;
    let common = realm.post("/groups", &json!({ "name": "Common" })).await;
    realm.put(&format!("/users/{babs}/groups/{common}"), &json!({})).await;
    let path = format!("/organizations/{id}/members/{babs}/groups");
    let list = realm.get(&format!("{path}?briefRepresentation=false&first=0&max=1000")).await;
    let expected =
        json!([realm.get(&format!("{groups}/{eng}")).await, realm.get(&format!("{groups}/{sub}")).await,]);
    assert_eq!(list, expected);
    assert_eq!(each(&realm.get(&format!("{path}?first=1&max=1")).await, "name"), ["Sub"]);
    assert_eq!(realm.get(&path).await[0]["attributes"], Value::Null);
    let outsider = realm.create_user(&json!({ "username": "jane" })).await;
    let path = format!("/organizations/{id}/members/{outsider}/groups");
    assert_eq!(said(&realm, Method::GET, &path, None).await, plain_404());
}

async fn roles() {
    let (realm, id, groups) = stage().await;
    let eng = top(&realm, &id, "Eng").await;
    let babs = member(&realm, &id, "babs").await;
    realm.put(&format!("{groups}/{eng}/members/{babs}"), &json!({})).await;
    realm.create_role("guide").await;
    let role = realm.get("/roles/guide").await;
    let (management, view) = super::super::management_role(&realm, "view-users").await;
    let mappings = format!("{groups}/{eng}/role-mappings");
    let of_client = format!("{mappings}/clients/{management}");
    for _ in 0..2 {
        realm.post(&format!("{mappings}/realm"), &json!([role])).await;
        realm.post(&of_client, &json!([view])).await;
    }
    assert_eq!(each(&realm.get(&format!("{mappings}/realm")).await, "name"), ["guide"]);
    assert_eq!(each(&realm.get(&format!("{mappings}/realm/composite")).await, "name"), ["guide"]);
    assert_eq!(each(&realm.get(&of_client).await, "name"), ["view-users"]);
    let list = realm.get(&format!("{of_client}/composite")).await;
    assert!(each(&list, "name").contains(&"query-users"), "{list}");
    // No member has them in effect, and nobody is said to hold them.
    let effective = realm.get(&format!("/users/{babs}/role-mappings/realm/composite")).await;
    assert!(!each(&effective, "name").contains(&"guide"), "{effective}");
    let path = format!("/users/{babs}/role-mappings/clients/{management}/composite");
    assert_eq!(realm.get(&path).await, json!([]));
    for _ in 0..2 {
        realm.call(Method::DELETE, &format!("{mappings}/realm"), Some(&json!([role]))).await.expect(204);
        realm.call(Method::DELETE, &of_client, Some(&json!([view]))).await.expect(204);
    }
    assert_eq!(realm.get(&mappings).await, json!({}));
}
