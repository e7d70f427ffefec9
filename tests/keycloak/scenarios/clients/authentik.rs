//! authentik as a client: users by PUT alone, and a 404 to a PUT means "gone, create it again".

use libtest_mimic::Trial;
use serde_json::json;

use super::super::stage::Stage;
use super::settled_user;
use crate::runner::in_each_tenant;
use crate::scim::USER;

pub fn trials() -> Vec<Trial> {
    in_each_tenant("authentik::a_put_of_who_is_gone_is_404_and_the_user_is_created_again", recreate).into()
}

async fn recreate() {
    let stage = Stage::new("authentik").await;
    let mut body = json!({
        "schemas": [USER], "userName": "bjensen", "externalId": "9d2f0c1e7a", "active": true,
        "name": { "formatted": "Barbara Jensen", "givenName": "Barbara", "familyName": "Jensen" },
        "displayName": "Barbara Jensen", "emails": [{ "value": "bjensen@example.com", "type": "other", "primary": true }],
    });
    // It asks first what the server can do.
    let config = stage.scim.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!(config.json()["patch"]["supported"], true);

    let first = stage.scim.post("/Users", &body).await.expect(201);
    settled_user(&stage, &first).await;
    body["displayName"] = "Babs Jensen".into();
    let path = format!("/Users/{}", first.id());
    let put = stage.scim.put(&path, &body).await.expect(200);
    assert_eq!(settled_user(&stage, &put).await["displayName"], "Babs Jensen");

    // Somebody deletes the user in Keycloak.
    stage.realm.delete(&format!("/users/{}", first.id())).await;
    stage.scim.put(&path, &body).await.scim_error(404, None);
    assert_eq!(stage.realm.user_by_username("bjensen").await, None, "a PUT creates nobody");
    let second = stage.scim.post("/Users", &body).await.expect(201);
    assert_ne!(second.id(), first.id());
    settled_user(&stage, &second).await;
    assert_eq!(stage.listed().await, ["bjensen"]);
    assert!(stage.is_tagged(&second.id()).await);
}
