//! Who is a member of an organization: joining, leaving, and how members are shown.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{each, member, message, plain_404, realm, said, top};
use crate::runner::{both, trial};

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::organizations::{name}");
    let mut trials: Vec<Trial> = [
        both(&name("a_user_becomes_a_member_once_and_leaves_once"), once),
        both(&name("only_a_user_that_exists_becomes_a_member"), unknown),
        both(&name("a_member_is_shown_as_the_user_with_the_kind_of_membership"), shown),
        both(&name("members_are_by_username_and_ten_where_nothing_is_said"), window),
        both(&name("one_user_may_be_a_member_of_several"), several),
        both(&name("who_leaves_is_in_none_of_its_groups_and_stays_a_user"), leaving),
        both(&name("a_deleted_user_is_no_member"), deleted),
    ]
    .into_iter()
    .flatten()
    .collect();
    trials.push(trial(name("a_member_with_a_link_to_its_identity_provider_is_not_managed"), linked));
    trials
}

async fn once() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let babs = realm.create_user(&json!({ "username": "babs" })).await;
    let members = format!("/organizations/{id}/members");
    let one = format!("{members}/{babs}");
    assert_eq!(said(&realm, Method::GET, &one, None).await, plain_404());
    let made = realm.call(Method::POST, &members, Some(&json!(babs))).await.expect(201);
    assert_eq!((made.created, made.body), (Some(babs.clone()), json!("")));
    let again = said(&realm, Method::POST, &members, Some(&json!(babs))).await;
    assert_eq!(again, message(409, "User is already a member of the organization."));
    assert_eq!(realm.get(&format!("{members}/count")).await, json!(1));
    assert_eq!(said(&realm, Method::DELETE, &one, None).await, (204, json!("")));
    assert_eq!(said(&realm, Method::DELETE, &one, None).await, plain_404());
    assert_eq!(realm.get(&format!("{members}/count")).await, json!(0));
}

async fn unknown() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let members = format!("/organizations/{id}/members");
    for body in [json!("none"), json!({ "id": "none" })] {
        assert_eq!(said(&realm, Method::POST, &members, Some(&body)).await, plain_404(), "{body}");
    }
    for (method, path) in [
        (Method::GET, format!("{members}/none")),
        (Method::DELETE, format!("{members}/none")),
        (Method::GET, format!("{members}/none/groups")),
        (Method::GET, "/organizations/members/none/organizations".to_owned()),
    ] {
        assert_eq!(said(&realm, method, &path, None).await, plain_404(), "{path}");
    }
}

async fn shown() {
    let realm = realm().await;
    let mut profile = realm.get("/users/profile").await;
    profile["unmanagedAttributePolicy"] = json!("ADMIN_EDIT");
    realm.put("/users/profile", &profile).await;
    let id = realm.create_organization("Contoso").await;
    let babs = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "enabled": true,
        "attributes": { "scim.managed": [format!("org:{id}")] },
    });
    let babs = realm.create_user(&babs).await;
    realm.add_member(&id, &babs).await;
    let members = format!("/organizations/{id}/members");
    let mut expected = realm.get(&format!("/users/{babs}")).await;
    let fields = expected.as_object_mut().unwrap();
    fields.shift_remove("access");
    fields.insert("membershipType".to_owned(), json!("UNMANAGED"));
    assert_eq!(realm.get(&format!("{members}?briefRepresentation=false")).await, json!([expected]));
    assert_eq!(realm.get(&format!("{members}/{babs}")).await, expected);
    // A user that is written with it is refused.
    let (status, _) = said(&realm, Method::PUT, &format!("/users/{babs}"), Some(&expected)).await;
    assert_eq!(status, 400);
    let fields = expected.as_object_mut().unwrap();
    for detail in ["attributes", "totp", "disableableCredentialTypes", "requiredActions", "notBefore"] {
        fields.shift_remove(detail);
    }
    assert_eq!(realm.get(&members).await, json!([expected]));
}

async fn window() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let names: Vec<String> = (0..12).map(|number| format!("user-{number:02}")).collect();
    for name in names.iter().rev() {
        member(&realm, &id, name).await;
    }
    for (query, expected) in [
        ("", &names[..10]),
        ("?first=1&max=2", &names[1..3]),
        ("?first=11&max=1000", &names[11..]),
        ("?max=1000", &names),
        ("?max=0", &[]),
    ] {
        let list = realm.get(&format!("/organizations/{id}/members{query}")).await;
        assert_eq!(each(&list, "username"), expected, "{query}");
    }
    assert_eq!(realm.get(&format!("/organizations/{id}/members/count")).await, json!(12));
}

async fn several() {
    let realm = realm().await;
    let (one, two) = (realm.create_organization("one").await, realm.create_organization("two").await);
    let babs = member(&realm, &one, "babs").await;
    realm.add_member(&two, &babs).await;
    let of_user = format!("/organizations/members/{babs}/organizations");
    let list = realm.get(&of_user).await;
    let mut names = each(&list, "name");
    names.sort_unstable();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(list[0]["attributes"], Value::Null);
    let list = realm.get(&format!("{of_user}?briefRepresentation=false")).await;
    assert_eq!(list[0]["attributes"], json!({}));
    realm.delete(&format!("/organizations/{one}/members/{babs}")).await;
    assert_eq!(each(&realm.get(&of_user).await, "name"), ["two"]);
    assert_eq!(realm.get(&format!("/organizations/{two}/members/{babs}")).await["username"], "babs");
}

async fn leaving() {
    let realm = realm().await;
    let (one, two) = (realm.create_organization("one").await, realm.create_organization("two").await);
    let babs = member(&realm, &one, "babs").await;
    realm.add_member(&two, &babs).await;
    let mut groups = Vec::new();
    for organization in [&one, &two] {
        let group = top(&realm, organization, "Eng").await;
        realm.put(&format!("/organizations/{organization}/groups/{group}/members/{babs}"), &json!({})).await;
        groups.push(format!("/organizations/{organization}/groups/{group}/members"));
    }
    realm.remove_member(&one, &babs).await;
    assert_eq!(realm.get(&groups[0]).await, json!([]));
    assert_eq!(each(&realm.get(&groups[1]).await, "username"), ["babs"]);
    assert_eq!(realm.user(&babs).await.unwrap()["enabled"], true);
}

async fn deleted() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let babs = member(&realm, &id, "babs").await;
    realm.delete(&format!("/users/{babs}")).await;
    assert_eq!(realm.get(&format!("/organizations/{id}/members")).await, json!([]));
    assert_eq!(realm.get(&format!("/organizations/{id}/members/count")).await, json!(0));
    // Nobody is a member for having another's name.
    let anew = realm.create_user(&json!({ "username": "babs" })).await;
    let path = format!("/organizations/{id}/members/{anew}");
    assert_eq!(said(&realm, Method::GET, &path, None).await, plain_404());
}

async fn linked() {
    let realm = realm().await;
    let id = realm.create_organization("Contoso").await;
    let provider = json!({
        "alias": "okta", "providerId": "oidc", "enabled": true,
        "config": { "authorizationUrl": "https://idp.example.com/a", "tokenUrl": "https://idp.example.com/t",
            "clientId": "c", "clientSecret": "s" },
    });
    realm.post("/identity-provider/instances", &provider).await;
    realm.post(&format!("/organizations/{id}/identity-providers"), &json!("okta")).await;
    let link = json!({ "identityProvider": "okta", "userId": "00u1", "userName": "babs" });
    let babs = json!({ "username": "babs", "enabled": true, "federatedIdentities": [link] });
    let babs = realm.create_user(&babs).await;
    realm.add_member(&id, &babs).await;
    let path = format!("/organizations/{id}/members/{babs}");
    assert_eq!(realm.get(&path).await["membershipType"], "UNMANAGED");
    realm.delete(&path).await;
    assert!(realm.user(&babs).await.is_some(), "who is not managed stays");
}
