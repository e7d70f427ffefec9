//! Leavers' sessions: deactivation ends them for good, offline ones too, and an administrator's block stays.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch_active};
use crate::admin::Tokens;
use crate::gateway::Auth;
use crate::runner::trial;

const CLIENT: &str = "people";
const NAME: &str = "bjensen@example.com";
const PASSWORD: &str = "t1meMa$heen";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("sessions::deactivation_kills_an_old_refresh_token", online),
        trial("sessions::deactivation_by_put_kills_an_old_refresh_token", online_by_put),
        trial("sessions::deactivation_kills_an_offline_token_of_the_same_second", same_second),
        trial("sessions::old_tokens_stay_dead_after_reactivation", reactivation),
        trial("sessions::deactivation_of_a_disabled_user_ends_sessions", already_disabled),
        trial("sessions::deactivation_repeated_ends_sessions", repeated),
        trial("sessions::reactivation_ends_sessions_before_it_enables", before_enabling),
        trial("sessions::other_changes_leave_sessions_alone", other_changes),
        trial("sessions::an_administrators_block_survives_an_echo", block_survives),
        trial("sessions::an_administrators_block_yields_to_a_new_assertion", block_yields),
        trial("sessions::reactivate_local_undoes_an_administrators_block", reactivate_local),
    ]
}

/// A stage with somebody who can log in; gives the id.
async fn with_person() -> (Stage, String) {
    let stage = Stage::new("sessions").await;
    let id = person_of(&stage).await;
    (stage, id)
}

async fn person_of(stage: &Stage) -> String {
    stage.realm.public_client(CLIENT).await;
    let id = stage.create(NAME).await;
    stage.realm.set_password(&id, PASSWORD).await;
    id
}

async fn log_in(stage: &Stage, scope: &str) -> Tokens {
    let tokens = stage.realm.log_in(CLIENT, NAME, PASSWORD, scope).await;
    tokens.unwrap_or_else(|refused| panic!("{NAME} can't log in: {refused:?}"))
}

/// Sets `enabled` as an administrator does.
async fn enable(stage: &Stage, id: &str, enabled: bool) {
    let mut user = stage.stored(id).await;
    user["enabled"] = enabled.into();
    stage.realm.put(&format!("/users/{id}"), &user).await;
    assert_eq!(stage.stored(id).await["enabled"], enabled);
}

async fn works(stage: &Stage, tokens: &Tokens) -> bool {
    stage.realm.refresh(CLIENT, tokens.refresh_token.as_ref().unwrap()).await.is_ok()
}

/// Dead although the user is enabled, so that it is not only the disabled user whom Keycloak refuses.
async fn assert_dead(stage: &Stage, id: &str, tokens: &Tokens) {
    assert_eq!(stage.stored(id).await["enabled"], true);
    let refused = stage.realm.refresh(CLIENT, tokens.refresh_token.as_ref().unwrap()).await;
    assert_eq!(refused.expect_err("the old token is dead").error, "invalid_grant");
}

async fn assert_no_sessions(stage: &Stage, id: &str) {
    assert_eq!(stage.realm.user_sessions(id).await, [] as [Value; 0]);
    assert_eq!(stage.realm.user_offline_sessions(id, CLIENT).await, [] as [Value; 0]);
}

async fn online() {
    let (stage, id) = with_person().await;
    let tokens = log_in(&stage, "").await;
    assert!(works(&stage, &tokens).await);
    stage.set_active(&id, false).await;
    assert_no_sessions(&stage, &id).await;
    assert!(!works(&stage, &tokens).await);
    // Not only for as long as the user is disabled.
    enable(&stage, &id, true).await;
    assert_dead(&stage, &id, &tokens).await;
    assert!(works(&stage, &log_in(&stage, "").await).await, "a new login is as good as ever");
}

async fn online_by_put() {
    let (stage, id) = with_person().await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    let mut body = stage.scim.get(&format!("/Users/{id}")).await.expect(200).json().clone();
    body["active"] = false.into();
    stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    assert_no_sessions(&stage, &id).await;
    enable(&stage, &id, true).await;
    for tokens in &tokens {
        assert_dead(&stage, &id, tokens).await;
    }
}

/// Keycloak's own logout works by the second: an offline token issued within that second would live on.
async fn same_second() {
    let (stage, id) = with_person().await;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for _ in 0..5 {
        // From the start of a second on, there is time for all of it.
        let rest = Duration::from_secs(1).saturating_sub(Duration::from_nanos(now().subsec_nanos().into()));
        tokio::time::sleep(rest).await;
        let second = now().as_secs();
        let tokens = log_in(&stage, "offline_access").await;
        stage.set_active(&id, false).await;
        let within = now().as_secs() == second;
        assert_no_sessions(&stage, &id).await;
        enable(&stage, &id, true).await;
        assert_dead(&stage, &id, &tokens).await;
        if within {
            return;
        }
    }
    panic!("login and deactivation never fell into one second");
}

async fn reactivation() {
    let (stage, id) = with_person().await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    stage.set_active(&id, false).await;
    stage.set_active(&id, true).await;
    for tokens in &tokens {
        assert_dead(&stage, &id, tokens).await;
    }
    assert!(works(&stage, &log_in(&stage, "offline_access").await).await);
}

/// Somebody who was disabled in Keycloak itself keeps sessions that come back with them.
async fn already_disabled() {
    let (stage, id) = with_person().await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    enable(&stage, &id, false).await;
    stage.set_active(&id, false).await;
    assert_no_sessions(&stage, &id).await;
    enable(&stage, &id, true).await;
    for tokens in &tokens {
        assert_dead(&stage, &id, tokens).await;
    }
}

/// Before equals after: the client has said false already, and the user is disabled.
async fn repeated() {
    let (stage, id) = with_person().await;
    stage.set_active(&id, false).await;
    enable(&stage, &id, true).await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    enable(&stage, &id, false).await;
    stage.set_active(&id, false).await;
    assert_no_sessions(&stage, &id).await;
    enable(&stage, &id, true).await;
    for tokens in &tokens {
        assert_dead(&stage, &id, tokens).await;
    }
}

async fn before_enabling() {
    let (stage, id) = with_person().await;
    stage.set_active(&id, false).await;
    enable(&stage, &id, true).await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    enable(&stage, &id, false).await;
    stage.set_active(&id, true).await;
    assert_no_sessions(&stage, &id).await;
    for tokens in &tokens {
        assert_dead(&stage, &id, tokens).await;
    }
}

async fn other_changes() {
    let (stage, id) = with_person().await;
    let tokens = [log_in(&stage, "").await, log_in(&stage, "offline_access").await];
    // Okta's custom apps echo active:true with every update.
    let mut body = stage.scim.get(&format!("/Users/{id}")).await.expect(200).json().clone();
    body["title"] = "Tour Guide".into();
    stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    stage.set_active(&id, true).await;
    for tokens in &tokens {
        assert!(works(&stage, tokens).await);
    }
}

async fn block_survives() {
    let (stage, id) = with_person().await;
    let path = format!("/Users/{id}");
    let mut body = stage.scim.get(&path).await.expect(200).json().clone();
    assert_eq!(body["active"], true);
    enable(&stage, &id, false).await;
    assert_eq!(stage.scim.get(&path).await.json()["active"], false, "the live state is shown");
    body["title"] = "Tour Guide".into();
    let put = stage.scim.put(&path, &body).await.expect(200);
    assert_eq!(put.json()["active"], false, "the answer says what is so");
    assert_eq!(put.json()["title"], "Tour Guide");
    assert_eq!(stage.stored(&id).await["enabled"], false);
    let patched = stage.scim.patch(&path, &patch_active(true)).await.expect(200);
    assert_eq!(patched.json()["active"], false);
    assert_eq!(stage.stored(&id).await["enabled"], false);
}

async fn block_yields() {
    let (stage, id) = with_person().await;
    enable(&stage, &id, false).await;
    stage.set_active(&id, false).await;
    stage.set_active(&id, true).await;
    assert_eq!(stage.stored(&id).await["enabled"], true);
}

async fn reactivate_local() {
    let change = |realm: &str, prepared: crate::gateway::Prepared| {
        prepared.set(&["realms", realm, "reactivate_local"], true)
    };
    let stage = Stage::with("sessions", Auth::Token, change).await;
    let id = person_of(&stage).await;
    let offline = log_in(&stage, "offline_access").await;
    enable(&stage, &id, false).await;
    stage.set_active(&id, true).await;
    assert_dead(&stage, &id, &offline).await;
    assert_eq!(stage.stored(&id).await["attributes"]["scim.active"], json!(["true"]));
}
