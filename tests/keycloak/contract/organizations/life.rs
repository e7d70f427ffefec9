//! Creating, finding, changing and deleting organizations.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{each, member, message, realm, said, top};
use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::organizations::{name}");
    [
        both(&name("where_they_are_switched_off_there_are_none"), switched_off),
        both(&name("one_is_found_by_its_id_and_not_by_its_alias"), by_id),
        both(&name("lists_are_by_name_and_ten_where_nothing_is_said"), lists),
        both(&name("names_and_aliases_are_given_once_and_letter_case_counts"), given_once),
        both(&name("the_alias_never_changes_and_omitted_attributes_stay"), changed),
        both(&name("a_disabled_one_is_served_all_the_same"), disabled),
        both(&name("a_deleted_one_takes_its_groups_along_and_leaves_its_members"), deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn switched_off() {
    let realm = admin().await.create_realm("contract").await;
    let off = message(404, "Organizations not enabled for this realm.");
    for path in
        ["/organizations", "/organizations/none", "/organizations/none/groups", "/organizations/none/members"]
    {
        assert_eq!(said(&realm, Method::GET, path, None).await, off, "{path}");
    }
    let wanted = json!({ "name": "Contoso" });
    assert_eq!(said(&realm, Method::POST, "/organizations", Some(&wanted)).await, off);
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let id = realm.post("/organizations", &wanted).await;
    // Switched off they are kept.
    realm.put("", &json!({ "organizationsEnabled": false })).await;
    let path = format!("/organizations/{id}");
    assert_eq!(said(&realm, Method::GET, &path, None).await, off);
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    assert_eq!(realm.get(&path).await["name"], "Contoso");
}

async fn by_id() {
    let realm = realm().await;
    let wanted = json!({
        "name": "Contoso Ltd", "alias": "contoso", "description": "Some", "domains": [{ "name": "contoso.com" }],
        "attributes": { "scim.link.idp": ["true"] },
    });
    let id = realm.post("/organizations", &wanted).await;
    let expected = json!({
        "id": id, "name": "Contoso Ltd", "alias": "contoso", "enabled": true, "description": "Some",
        "attributes": { "scim.link.idp": ["true"] }, "domains": [{ "name": "contoso.com", "verified": false }],
    });
    assert_eq!(realm.get(&format!("/organizations/{id}")).await, expected);
    let none = message(404, "Organization not found.");
    for path in ["contoso", "none", "contoso/groups", "contoso/members"] {
        assert_eq!(said(&realm, Method::GET, &format!("/organizations/{path}"), None).await, none, "{path}");
    }
    // A search is by a part of the name, or a domain.
    for (query, is_found) in [
        ("search=contoso+ltd", true),
        ("search=Ltd", true),
        ("search=contoso.com&exact=true", true),
        ("search=Contoso+Ltd&exact=true", true),
        ("search=contoso&exact=true", false),
    ] {
        let found = realm.get(&format!("/organizations?{query}&briefRepresentation=false")).await;
        assert_eq!(found, if is_found { json!([expected]) } else { json!([]) }, "{query}");
    }
}

async fn lists() {
    let realm = realm().await;
    for number in (0..12).rev() {
        let wanted = json!({ "name": format!("o-{number:02}"), "attributes": { "k": ["v"] } });
        realm.post("/organizations", &wanted).await;
    }
    let all: Vec<String> = (0..12).map(|number| format!("o-{number:02}")).collect();
    for (query, expected) in [
        ("", &all[..10]),
        ("?first=1&max=2", &all[1..3]),
        ("?first=11", &all[11..]),
        ("?max=1000", &all),
        ("?max=0", &[]),
    ] {
        let list = realm.get(&format!("/organizations{query}")).await;
        assert_eq!(each(&list, "name"), expected, "{query}");
        assert_eq!(each(&list, "alias"), expected, "the alias is the name where none is written");
    }
    for (query, has_attributes) in
        [("", false), ("&briefRepresentation=true", false), ("&briefRepresentation=false", true)]
    {
        let list = realm.get(&format!("/organizations?max=1{query}")).await;
        let expected = if has_attributes { json!({ "k": ["v"] }) } else { Value::Null };
        assert_eq!(list[0]["attributes"], expected, "{query}");
    }
}

async fn given_once() {
    let realm = realm().await;
    let create = async |wanted: Value| said(&realm, Method::POST, "/organizations", Some(&wanted)).await;
    assert_eq!(create(json!({ "name": "Acme", "alias": "acme" })).await, (201, json!("")));
    let same_name = message(409, "A organization with the same name already exists.");
    let same_alias = message(409, "A organization with the same alias already exists");
    assert_eq!(create(json!({ "name": "Acme", "alias": "other" })).await, same_name);
    assert_eq!(create(json!({ "name": "Other", "alias": "acme" })).await, same_alias);
    assert_eq!(create(json!({ "name": "ACME", "alias": "ACME" })).await.0, 201);
    assert_eq!(create(json!({ "alias": "nameless" })).await, message(400, "Name can not be null"));
    let blank = "Name cannot be used as alias: Empty Space not allowed.";
    assert_eq!(create(json!({ "name": "A b" })).await, message(400, blank));
    for (alias, said) in [("a b", "Empty Space not allowed."), ("a/b", "Character '/' not allowed.")] {
        let refused = create(json!({ "name": "Odd", "alias": alias })).await;
        assert_eq!(refused, (400, json!({ "error": said })), "{alias}");
    }
}

async fn changed() {
    let realm = realm().await;
    let wanted = json!({ "name": "Contoso", "alias": "contoso", "attributes": { "k": ["v"] } });
    let path = format!("/organizations/{}", realm.post("/organizations", &wanted).await);
    let put = async |wanted: Value| said(&realm, Method::PUT, &path, Some(&wanted)).await;
    assert_eq!(
        put(json!({ "name": "Contoso", "alias": "other" })).await,
        message(400, "Cannot change the alias")
    );
    assert_eq!(put(json!({ "name": "Contoso 2", "alias": "contoso" })).await.0, 204);
    let read = realm.get(&path).await;
    assert_eq!((&read["name"], &read["attributes"]), (&json!("Contoso 2"), &json!({ "k": ["v"] })));
    // Where no alias is written, the name stands for it.
    let unnamed = put(json!({ "name": "Contoso" })).await;
    assert_eq!(unnamed, message(400, "Cannot change the alias"));
    let wanted = json!({ "name": "Contoso", "alias": "contoso", "attributes": { "l": ["w"] } });
    assert_eq!(put(wanted).await.0, 204);
    let read = realm.get(&path).await;
    assert_eq!((&read["alias"], &read["attributes"]), (&json!("contoso"), &json!({ "l": ["w"] })));
}

async fn disabled() {
    let realm = realm().await;
    let id = realm.post("/organizations", &json!({ "name": "Contoso", "enabled": false })).await;
    assert_eq!(realm.get(&format!("/organizations/{id}")).await["enabled"], false);
    member(&realm, &id, "babs").await;
    top(&realm, &id, "Eng").await;
    assert_eq!(realm.member_names(&id).await, ["babs"]);
    assert_eq!(each(&realm.get(&format!("/organizations/{id}/groups")).await, "name"), ["Eng"]);
}

async fn deleted() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let babs = member(&realm, &id, "babs").await;
    let group = top(&realm, &id, "Eng").await;
    realm.delete(&format!("/organizations/{id}")).await;
    let none = message(404, "Organization not found.");
    for path in ["", "/groups", "/members", &format!("/groups/{group}")] {
        let path = format!("/organizations/{id}{path}");
        assert_eq!(said(&realm, Method::GET, &path, None).await, none, "{path}");
    }
    assert_eq!(said(&realm, Method::DELETE, &format!("/organizations/{id}"), None).await, none);
    assert_eq!(realm.user(&babs).await.unwrap()["username"], "babs");
    assert_eq!(realm.get(&format!("/organizations/members/{babs}/organizations")).await, json!([]));
    let gone = said(&realm, Method::GET, &format!("/groups/{group}"), None).await;
    assert_eq!(gone, (404, json!({ "error": "Could not find group by id" })));
}
