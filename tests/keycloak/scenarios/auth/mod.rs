//! Who may call, and what each may do: every mode of authentication over HTTP, and the limits of callers.

mod foreign_realm;
mod issuer;
mod limits;
mod log;
mod matrix;
mod rotation;
mod untold;

use libtest_mimic::Trial;
use scimgate::scim::Code;

use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::both;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("auth::every_mode_takes_its_own_and_nothing_else", matrix::every_mode),
        both("auth::keys_of_another_issuer_rotate_under_load", rotation::under_load),
        both("auth::an_issuer_that_is_down_costs_only_unknown_keys", rotation::issuer_down),
        both("auth::an_issuer_that_hangs_keeps_nobody_out_who_is_known", rotation::issuer_hangs),
        both("auth::whoever_is_refused_learns_of_no_organization", untold::of_organizations),
        both("auth::a_token_is_replaced_by_another_without_a_gap", rotation::of_static_tokens),
        both("auth::callers_do_only_what_they_may", limits::access_and_resources),
        both("auth::callers_call_only_from_their_networks", limits::networks),
        both("auth::callers_are_told_when_they_may_call_again", limits::of_each_caller),
        both("auth::all_callers_together_are_told_when_to_come_again", limits::of_all),
        both("auth::every_line_of_the_log_names_the_caller", log::of_requests),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    trials.extend(foreign_realm::trials());
    trials
}

/// A realm that is set up, with the caller `okta` and its token, and these further callers.
async fn prepared(callers: impl FnOnce(&str) -> String) -> (crate::admin::Realm, Prepared) {
    let realm = crate::admin::admin().await.create_realm("auth").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let callers = callers(&format!("realms.{}.callers", realm.name()));
    (realm, prepared.append(&callers))
}

/// A client with these credentials.
fn with(gateway: &Gateway, authorization: &str) -> Scim {
    Scim::anonymous(gateway.base_url()).with_header("authorization", authorization)
}

/// The SHA-256 of a token, in hexadecimal.
pub(super) fn sha256(token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An Argon2 hash that costs little.
pub(super) fn argon2(secret: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
    let params = Params::new(8, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hasher.hash_password(secret.as_bytes()).unwrap().to_string()
}

/// It is refused with this status and code.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: Code) {
    answer.scim_error(status, None);
    assert_eq!(answer.code(), Some(code), "{answer}");
}
