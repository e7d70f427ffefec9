//! Administrators can't be taken over by SCIM, and leavers leave whatever stands in the way.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::runner::{both, trial};

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("protection::power_given_directly_protects", || power("directly")),
        both("protection::power_given_by_a_group_protects", || power("by a group")),
        both("protection::power_given_by_a_composite_role_protects", || power("by a composite role")),
        both("protection::roles_that_only_look_are_no_power", only_looking),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    trials.extend([trial("protection::a_leaver_is_disabled_though_the_profile_refuses", leaver)]);
    trials
}

async fn management_role(stage: &Stage, name: &str) -> (String, Value) {
    let management = stage.realm.client_uuid("realm-management").await;
    let role = stage.realm.get(&format!("/clients/{management}/roles/{name}")).await;
    (management, role)
}

async fn power(how: &str) {
    let stage = Stage::new("power").await;
    let realm = &stage.realm;
    let emails = json!([{ "value": "babs@example.com", "type": "work", "primary": true }]);
    let id = stage.create_with("babs@example.com", json!({ "emails": emails, "title": "Guide" })).await;
    let (management, role) = management_role(&stage, "realm-admin").await;
    match how {
        "directly" => {
            realm.post(&format!("/users/{id}/role-mappings/clients/{management}"), &json!([role])).await;
        }
        "by a group" => {
            let group = realm.post("/groups", &json!({ "name": "operators" })).await;
            realm.post(&format!("/groups/{group}/role-mappings/clients/{management}"), &json!([role])).await;
            realm.put(&format!("/users/{id}/groups/{group}"), &json!({})).await;
        }
        _ => {
            realm.create_role("helpdesk").await;
            realm.post("/roles/helpdesk/composites", &json!([role])).await;
            realm.map_role(&id, "helpdesk").await;
        }
    }
    stage.settled().await;
    let path = format!("/Users/{id}");
    let before = realm.user(&id).await.unwrap();
    let mut whole = stage.read(&id).await;
    let refused = async |answer: crate::scim::Answer, what: &str| {
        assert_eq!(answer.status, 403, "{what}: {answer}");
        let detail = answer.scim_error(403, None)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("administrative power") && detail.contains(what), "{what}: {detail}");
        let mut now = realm.user(&id).await.unwrap();
        now["enabled"] = before["enabled"].clone();
        assert_eq!(now["username"], before["username"], "{what}");
        assert_eq!(now["email"], before["email"], "{what}");
    };
    let replace = |path: &str, value: Value| json!([{ "op": "replace", "path": path, "value": value }]);
    refused(stage.scim.delete(&path).await, "deletion").await;
    refused(stage.patch(&id, &replace("userName", json!("mallory"))).await, "userName").await;
    refused(
        stage.patch(&id, &replace("emails[type eq \"work\"].value", json!("mallory@example.com"))).await,
        "emails",
    )
    .await;
    refused(stage.patch(&id, &json!([{ "op": "remove", "path": "emails" }])).await, "emails").await;
    whole["userName"] = json!("mallory");
    refused(stage.scim.put(&path, &whole).await, "userName").await;
    assert_eq!(realm.user(&id).await.unwrap(), before, "not a trace of it");
    // What gives nobody power over the account is changed as ever.
    assert_eq!(
        stage.patch(&id, &replace("title", json!("Chief"))).await.expect(200).json()["title"],
        "Chief"
    );
    // Leavers must not stay, whatever power they have.
    let off = stage.patch(&id, &replace("active", json!(false))).await.expect(200);
    assert_eq!(
        (&off.json()["active"], &realm.user(&id).await.unwrap()["enabled"]),
        (&json!(false), &json!(false))
    );
    refused(stage.patch(&id, &replace("active", json!(true))).await, "active").await;
    assert_eq!(realm.user(&id).await.unwrap()["enabled"], false);
    assert_eq!(stage.read(&id).await["active"], false, "it stays visible");
}

async fn only_looking() {
    let stage = Stage::new("power").await;
    let id = stage.create_with("babs@example.com", json!({})).await;
    for role in ["view-users", "query-users", "view-realm"] {
        let (management, role) = management_role(&stage, role).await;
        let path = format!("/users/{id}/role-mappings/clients/{management}");
        stage.realm.post(&path, &json!([role])).await;
    }
    stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
}

async fn leaver() {
    let stage = Stage::new("power").await;
    let realm = &stage.realm;
    let attributes = json!({
        "name": { "givenName": "Barbara", "familyName": "Jensen" }, "title": "Guide", "externalId": "e-1",
        "emails": [{ "value": "babs@example.com", "primary": true }], "nickName": "Babs",
    });
    let id = stage.create_with("babs@example.com", attributes).await;
    realm.set_password(&id, "babs-jensen").await;
    realm.public_client("portal").await;
    let tokens = realm.log_in("portal", "babs@example.com", "babs-jensen", "").await.unwrap();
    let mut profile = realm.get("/users/profile").await;
    let declared = profile["attributes"].as_array_mut().unwrap();
    declared.push(json!({
        "name": "badge", "displayName": "Badge", "annotations": {}, "multivalued": false,
        "required": { "roles": ["admin", "user"] }, "permissions": { "view": ["admin"], "edit": ["admin", "user"] },
    }));
    // And one that is too long by now.
    let title = declared.iter_mut().find(|attribute| attribute["name"] == "title").unwrap();
    title["validations"] = json!({ "length": { "max": 3 } });
    realm.put("/users/profile", &profile).await;
    let active = |active: bool| json!([{ "op": "replace", "value": { "active": active } }]);
    let off = stage.patch(&id, &active(false)).await.expect(200);
    assert_eq!(off.json()["active"], false);
    let kept = realm.user(&id).await.unwrap();
    assert_eq!(kept["enabled"], false);
    assert_eq!(realm.user_sessions(&id).await.len(), 0, "sessions are ended");
    // What did not stand in the way is still there.
    assert_eq!((&kept["firstName"], &kept["email"]), (&json!("Barbara"), &json!("babs@example.com")));
    assert_eq!(kept["attributes"]["nickname"], json!(["Babs"]));
    assert_eq!(stage.read(&id).await["externalId"], "e-1");
    // They come back.
    let on = stage.patch(&id, &active(true)).await.expect(200);
    assert_eq!((&on.json()["active"], &on.json()["nickName"]), (&json!(true), &json!("Babs")));
    assert_eq!(realm.user(&id).await.unwrap()["enabled"], true);
    let refresh = tokens.refresh_token.unwrap();
    let refused = realm.refresh("portal", &refresh).await.expect_err("the old session is over for good");
    assert_eq!((refused.status, refused.error.as_str()), (400, "invalid_grant"), "{}", refused.description);
}
