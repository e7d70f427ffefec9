//! What users can be made to do at their next sign-in.

use serde_json::{Value, json};

use super::answer::Answer;

/// Those that are registered in a new realm, and whether they are switched on.
const REGISTERED: [(&str, bool); 14] = [
    ("TERMS_AND_CONDITIONS", false),
    ("UPDATE_PROFILE", true),
    ("VERIFY_EMAIL", true),
    ("CONFIGURE_TOTP", true),
    ("UPDATE_PASSWORD", true),
    ("delete_account", false),
    ("UPDATE_EMAIL", false),
    ("webauthn-register", true),
    ("webauthn-register-passwordless", true),
    ("VERIFY_PROFILE", true),
    ("delete_credential", true),
    ("idp_link", true),
    ("CONFIGURE_RECOVERY_AUTHN_CODES", true),
    ("update_user_locale", true),
];

/// Those of the wanted ones that a user gets: whatever is registered, switched on or not. Others are dropped without a
/// word.
pub(super) fn known(wanted: &[String]) -> Vec<String> {
    let is_known = |wanted: &str| REGISTERED.iter().any(|(alias, _)| *alias == wanted);
    wanted.iter().filter(|action| is_known(action)).cloned().collect()
}

/// `GET authentication/required-actions`.
pub(super) fn list() -> Answer {
    let listed = REGISTERED.iter().map(|(alias, enabled)| json!({ "alias": alias, "enabled": enabled }));
    Answer::ok(listed.collect::<Vec<Value>>())
}
