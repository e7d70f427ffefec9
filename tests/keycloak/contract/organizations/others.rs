//! What is somebody else's: an organization's endpoints and the realm's refuse each other's groups, and name none.

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use super::{below, each, member, message, realm, said, top};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::organizations::{name}");
    [
        both(&name("no_group_of_others_is_served_to_an_organization"), foreign),
        both(&name("no_organizations_group_is_served_to_the_realm"), from_the_realm),
        both(&name("the_realms_lists_name_no_organizations_group"), unlisted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn foreign() {
    let realm = realm().await;
    let (ours, theirs) = (realm.create_organization("ours").await, realm.create_organization("theirs").await);
    let babs = member(&realm, &ours, "babs").await;
    let own = top(&realm, &ours, "Own").await;
    let common = realm.post("/groups", &json!({ "name": "Common" })).await;
    let other = top(&realm, &theirs, "Other").await;
    realm.create_role("guide").await;
    let role = json!([realm.get("/roles/guide").await]);
    let wanted = json!({ "name": "Mine" });
    for (group, expected, moved) in [
        (&other, "Group does not belong to the organization", "Group does not belong to this organization"),
        (&common, "Group does not belong to the organization", "Can only move organization groups"),
    ] {
        let at = format!("/organizations/{ours}/groups/{group}");
        for (method, path, body) in [
            (Method::GET, String::new(), None),
            (Method::PUT, String::new(), Some(&wanted)),
            (Method::DELETE, String::new(), None),
            (Method::GET, "/children".to_owned(), None),
            (Method::POST, "/children".to_owned(), Some(&wanted)),
            (Method::GET, "/members".to_owned(), None),
            (Method::PUT, format!("/members/{babs}"), None),
            (Method::DELETE, format!("/members/{babs}"), None),
            (Method::GET, "/role-mappings/realm".to_owned(), None),
            (Method::POST, "/role-mappings/realm".to_owned(), Some(&role)),
        ] {
            let path = format!("{at}{path}");
            let refused = said(&realm, method.clone(), &path, body).await;
            assert_eq!(refused, message(400, expected), "{method} {path}");
            let nowhere = path.replace(group.as_str(), "none");
            let missing = said(&realm, method.clone(), &nowhere, body).await;
            assert_eq!(missing, message(404, "Group does not exist"), "{method} {nowhere}");
        }
        let stolen = json!({ "id": group, "name": "Mine" });
        for path in
            [format!("/organizations/{ours}/groups"), format!("/organizations/{ours}/groups/{own}/children")]
        {
            let refused = said(&realm, Method::POST, &path, Some(&stolen)).await;
            assert_eq!(refused, message(400, moved), "{path}");
        }
    }
    let nobody = json!({ "id": "none", "name": "Mine" });
    let groups = format!("/organizations/{ours}/groups");
    let missing = said(&realm, Method::POST, &groups, Some(&nobody)).await;
    assert_eq!(missing, (404, json!({ "error": "Could not find group by id" })));
    let missing = said(&realm, Method::POST, &format!("{groups}/{own}/children"), Some(&nobody)).await;
    assert_eq!(missing, (404, json!({ "error": "Could not find child by id" })));
}

async fn from_the_realm() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let babs = member(&realm, &id, "babs").await;
    let eng = top(&realm, &id, "Eng").await;
    let common = realm.post("/groups", &json!({ "name": "Common" })).await;
    let wanted = json!({ "name": "Mine" });
    let manage = message(400, "Cannot manage organization related group via non Organization API.");
    let at = format!("/groups/{eng}");
    for (method, path, body) in [
        (Method::GET, at.clone(), None),
        (Method::PUT, at.clone(), Some(&wanted)),
        (Method::DELETE, at.clone(), None),
        (Method::GET, format!("{at}/children"), None),
        (Method::POST, format!("{at}/children"), Some(&wanted)),
        (Method::GET, format!("{at}/members"), None),
        (Method::GET, format!("{at}/role-mappings/realm"), None),
        (Method::POST, "/groups".to_owned(), Some(&json!({ "id": eng, "name": "Mine" }))),
    ] {
        assert_eq!(said(&realm, method.clone(), &path, body).await, manage, "{method} {path}");
    }
    let stolen = json!({ "id": eng, "name": "Mine" });
    let below_common = format!("/groups/{common}/children");
    let refused = said(&realm, Method::POST, &below_common, Some(&stolen)).await;
    assert_eq!(refused.0, 400);
    let access = message(400, "Cannot access organization related group via non Organization API.");
    for method in [Method::PUT, Method::DELETE] {
        let path = format!("/users/{babs}/groups/{eng}");
        assert_eq!(said(&realm, method.clone(), &path, None).await, access, "{method}");
    }
    assert_eq!(realm.get(&format!("/organizations/{id}/groups/{eng}")).await["name"], "Eng");
}

async fn unlisted() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let babs = member(&realm, &id, "babs").await;
    let wanted = json!({ "name": "Eng", "attributes": { "scim.managed": ["org:1"] } });
    let eng = realm.post(&format!("/organizations/{id}/groups"), &wanted).await;
    below(&realm, &id, &eng, "Sub").await;
    realm.put(&format!("/organizations/{id}/groups/{eng}/members/{babs}"), &json!({})).await;
    for path in [
        "/groups",
        "/groups?search=%20&populateHierarchy=false",
        "/groups?search=Eng&exact=true&populateHierarchy=false",
        "/groups?q=scim.managed:%22org:1%22&populateHierarchy=false",
        &format!("/users/{babs}/groups"),
    ] {
        assert_eq!(realm.get(path).await, json!([]), "{path}");
    }
    assert_eq!(realm.get("/groups/count").await, json!({ "count": 0 }));
    // But where a user's are counted.
    assert_eq!(realm.get(&format!("/users/{babs}/groups/count")).await, json!({ "count": 1 }));
    for path in ["/group-by-path/Eng", &format!("/group-by-path/{id}/Eng")] {
        assert_eq!(said(&realm, Method::GET, path, None).await.0, 404, "{path}");
    }
    // The realm's own by that name is another one.
    realm.post("/groups", &json!({ "name": "Eng" })).await;
    let found = realm.get("/groups?search=Eng&populateHierarchy=false").await;
    assert_eq!(each(&found, "name"), ["Eng"]);
    assert_ne!(found[0]["id"], eng.as_str());
}
