//! Users: creating, reading, changing and deleting them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::Answer;
use super::profile::{EMAIL, FIRST_NAME, LAST_NAME, Profile, USERNAME};
use super::representation::{Written, representation};
use super::request::Request;
use super::state::{Realm, User};
use super::validation::{self, Refusal};
use super::{groups, identity_providers, required_actions};

/// `POST users`.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let mut written: Written = request.representation("UserRepresentation")?;
    written.check_supported()?;
    let profile = Profile::of(realm)?;
    let values = settle(realm, &profile, &written, None)?;
    let identities = identity_providers::given(written.federated_identities.take().unwrap_or_default())?;
    let joined = groups::at_paths(realm, &written.groups.take().unwrap_or_default())?;
    let mut user = User {
        enabled: written.enabled.unwrap_or(false),
        email_verified: written.email_verified.unwrap_or(false),
        created: written.created_timestamp.unwrap_or_else(super::now_millis),
        required_actions: required_actions::known(written.required_actions.as_deref().unwrap_or_default()),
        identities,
        ..realm.person(String::new())
    };
    for group in joined {
        realm.memberships.join(&user.id, &group);
    }
    store(&mut user, &profile, values);
    let location = format!("{}/admin/realms/{}/users/{}", request.base(), realm.name, user.id);
    realm.users.insert(user.id.clone(), user);
    Ok(Answer::created(location))
}

/// `GET users/{id}`.
pub(super) fn read(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    let user = realm.users.get(id).ok_or_else(not_found)?;
    let mut shown = representation(user, &Profile::of(realm)?);
    let identities = identity_providers::shown(realm, user);
    if !identities.is_empty() {
        shown.insert("federatedIdentities".to_owned(), identities.into());
    }
    shown.insert(
        "access".to_owned(),
        ["manageGroupMembership", "resetPassword", "view", "mapRoles", "impersonate", "manage"]
            .into_iter()
            .map(|right| (right.to_owned(), Value::Bool(true)))
            .collect(),
    );
    Ok(Answer::ok(shown))
}

/// `PUT users/{id}`.
pub(super) fn update(realm: &mut Realm, id: &str, request: &Request) -> Result<Answer, Answer> {
    let current = realm.users.get(id).ok_or_else(not_found)?;
    let written: Written = request.representation("UserRepresentation")?;
    written.check_supported()?;
    let profile = Profile::of(realm)?;
    let values = settle(realm, &profile, &written, Some(current))?;
    let user = realm.users.get_mut(id).ok_or_else(not_found)?;
    store(user, &profile, values);
    user.enabled = written.enabled.unwrap_or(user.enabled);
    user.email_verified = written.email_verified.unwrap_or(user.email_verified);
    if let Some(actions) = &written.required_actions {
        user.required_actions = required_actions::known(actions);
    }
    Ok(Answer::no_content())
}

/// `DELETE users/{id}`.
pub(super) fn delete(realm: &mut Realm, id: &str) -> Result<Answer, Answer> {
    realm.remove_user(id).ok_or_else(not_found)?;
    Ok(Answer::no_content())
}

/// The answer about an id that nobody has.
pub(super) fn not_found() -> Answer {
    Answer::error(404, "User not found")
}

/// All values that the user is to have, judged by the profile and against the others; username, e-mail address and names
/// are among them.
fn settle(
    realm: &Realm,
    profile: &Profile,
    written: &Written,
    current: Option<&User>,
) -> Result<BTreeMap<String, Vec<String>>, Answer> {
    let email_as_username = realm.is_on("registrationEmailAsUsername");
    let renames = realm.is_on("editUsernameAllowed") && !email_as_username;
    let mut values = written.values();
    if let Some(current) = current.filter(|_| written.attributes.is_none()) {
        for (name, value) in stored(current) {
            values.entry(name).or_insert(value);
        }
    }
    for name in [USERNAME, EMAIL] {
        values.entry(name.to_owned()).and_modify(|texts| {
            texts.iter_mut().for_each(|text| *text = text.to_lowercase());
        });
    }
    if email_as_username && let Some(email) = values.get(EMAIL).cloned() {
        values.insert(USERNAME.to_owned(), email);
    }
    if let Some(current) = current.filter(|_| !renames) {
        values.entry(USERNAME.to_owned()).or_insert_with(|| vec![current.username.clone()]);
    }
    for texts in values.values_mut() {
        texts.retain(|text| !text.trim().is_empty());
    }
    let first = |name: &str| values.get(name).and_then(|texts| texts.first()).map(String::as_str);
    let Some(username) = first(USERNAME) else {
        return Err(Answer::error_message(400, "User name is missing"));
    };
    let email = first(EMAIL);
    taken(realm, username, email, current)?;

    let mut refusals = Vec::new();
    // Nobody may change it here, so nobody is told that it does not fit.
    let frozen = current.is_some_and(|current| !renames && current.username == username);
    if current.is_some_and(|current| current.username != username)
        && !renames
        && !(email_as_username && email.is_some())
    {
        refusals.push(Refusal::new(USERNAME, "error-user-attribute-read-only"));
    }
    if email_as_username && email.is_none() {
        refusals.push(Refusal::new(EMAIL, validation::REQUIRED));
    }
    refusals.extend(
        validation::judge(profile, &values, email_as_username)
            .into_iter()
            .filter(|refusal| !(frozen && refusal.field == USERNAME))
            .filter(|refusal| !(email_as_username && refusal.is_missing(EMAIL))),
    );
    validation::answer(&refusals).map_or(Ok(values), Err)
}

/// 409 where somebody else has the username or the e-mail address. Where people may sign in by e-mail address, the one may
/// not be the other's either.
fn taken(realm: &Realm, username: &str, email: Option<&str>, current: Option<&User>) -> Result<(), Answer> {
    let by_email = realm.is_on("loginWithEmailAllowed");
    let own = current.map(|current| current.id.as_str());
    for other in realm.users.values().filter(|other| Some(other.id.as_str()) != own) {
        let others_email = other.email.as_deref();
        if email.is_some() && (others_email == email || by_email && Some(other.username.as_str()) == email) {
            return Err(Answer::error_message(409, "User exists with same email"));
        }
    }
    for other in realm.users.values().filter(|other| Some(other.id.as_str()) != own) {
        if other.username == username || by_email && other.email.as_deref() == Some(username) {
            return Err(Answer::error_message(409, "User exists with same username"));
        }
    }
    Ok(())
}

/// Everything of a user that the profile judges.
fn stored(user: &User) -> BTreeMap<String, Vec<String>> {
    let mut values = user.attributes.clone();
    values.insert(USERNAME.to_owned(), vec![user.username.clone()]);
    for (name, value) in [(EMAIL, &user.email), (FIRST_NAME, &user.first_name), (LAST_NAME, &user.last_name)]
    {
        values.extend(value.clone().map(|value| (name.to_owned(), vec![value])));
    }
    values
}

/// Takes the values over, but for attributes that the profile lets administrators not write: those stay as they are, and
/// what was written of them is gone without a word.
fn store(user: &mut User, profile: &Profile, mut values: BTreeMap<String, Vec<String>>) {
    let mut take = |name: &str| values.remove(name).and_then(|texts| texts.into_iter().next());
    if let Some(username) = take(USERNAME) {
        user.username = username;
    }
    user.email = take(EMAIL);
    user.first_name = take(FIRST_NAME);
    user.last_name = take(LAST_NAME);
    user.attributes.retain(|name, _| !profile.is_written(name));
    user.attributes
        .extend(values.into_iter().filter(|(name, texts)| profile.is_written(name) && !texts.is_empty()));
}
