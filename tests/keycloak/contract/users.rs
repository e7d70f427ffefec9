//! Users: what Keycloak makes of what is written.

use libtest_mimic::Trial;
use serde_json::json;

use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [both("admin_contract::users::names_and_addresses_are_kept_in_lower_case", lower_case)]
        .into_iter()
        .flatten()
        .collect()
}

async fn lower_case() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.create_user(&json!({ "username": "Jane.Doe", "email": "Jane.Doe@Example.com" })).await;
    let user = realm.user(&id).await.unwrap();
    assert_eq!(user["username"], "jane.doe");
    assert_eq!(user["email"], "jane.doe@example.com");
}
