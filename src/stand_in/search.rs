//! Searching and counting users.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Answer;
use super::conditions;
use super::identity_providers;
use super::profile::{BUILT_IN, Profile};
use super::representation::{brief, representation};
use super::request::Request;
use super::state::{Realm, User};

/// How many users a list has where nothing is said.
const DEFAULT_MAX: usize = 100;

/// What begins a search by ids.
const IDS: &str = "id:";

/// The longest value of an attribute, in UTF-16 units, that is found by a part of it. Keycloak keeps longer ones apart
/// and finds them as a whole.
const LONGEST_SEARCHED: usize = 255;

/// Keys that `q` takes for fields of the user, beside those that the profile knows.
const FIELDS: [&str; 2] = ["enabled", "emailVerified"];

/// `GET users`.
pub(super) fn list(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    let profile = Profile::of(realm)?;
    let is_brief = request.parameter("briefRepresentation") == Some("true");
    let first = number(request, "first")?.unwrap_or(0);
    let max = number(request, "max")?;
    let (first, max) = match ids(request) {
        // The window is not looked at beside ids.
        Some(_) => (0, usize::MAX),
        None => (
            usize::try_from(first).unwrap_or(0),
            max.map_or(DEFAULT_MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)),
        ),
    };
    let users = found(realm, request)?.into_iter().skip(first).take(max);
    let users = users.map(|user| listed(user, &profile, is_brief));
    Ok(Answer::ok(users.collect::<Vec<_>>()))
}

/// These users as a list has them, by their ids.
pub(super) fn shown(realm: &Realm, request: &Request, ids: &[String]) -> Result<Answer, Answer> {
    let profile = Profile::of(realm)?;
    let is_brief = request.parameter("briefRepresentation") == Some("true");
    let users = ids.iter().filter_map(|id| realm.users.get(id));
    Ok(Answer::ok(users.map(|user| listed(user, &profile, is_brief)).collect::<Vec<_>>()))
}

/// A user in a list.
fn listed(user: &User, profile: &Profile, is_brief: bool) -> Value {
    let mut shown = if is_brief { brief(user) } else { representation(user, profile) };
    shown.insert("access".to_owned(), json!({ "manage": true }));
    shown.into()
}

/// `GET users/count`.
pub(super) fn count(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    Ok(Answer::ok(found(realm, request)?.len()))
}

/// The users that the query finds, its window aside: in the order of the ids, or by username.
fn found<'a>(realm: &'a Realm, request: &Request) -> Result<Vec<&'a User>, Answer> {
    if request.query.iter().any(|(_, value)| value.contains('\0')) {
        return Err(Answer::error(400, "Blocking invalid query parameter value"));
    }
    if let Some(ids) = ids(request) {
        // Beside ids no condition is looked at.
        return Ok(ids.split_whitespace().filter_map(|id| realm.users.get(id)).collect());
    }
    let query = Query::read(request)?;
    let mut users: Vec<&User> = realm.users.values().filter(|user| query.finds(user)).collect();
    users.sort_by(|a, b| a.username.cmp(&b.username));
    Ok(users)
}

fn ids(request: &Request) -> Option<&str> {
    request.parameter("search")?.strip_prefix(IDS)
}

fn number(request: &Request, name: &str) -> Result<Option<i64>, Answer> {
    let number = request.parameter(name).map(str::parse).transpose();
    number.map_err(|_| Answer::error(404, "HTTP 404 Not Found"))
}

/// The conditions, which all must hold.
#[derive(Debug, Default)]
struct Query {
    /// In lower case, as all that is compared.
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    enabled: Option<bool>,
    exact: Option<bool>,
    /// Milliseconds since 1970, both inclusive.
    created_after: Option<i64>,
    created_before: Option<i64>,
    attributes: BTreeMap<String, String>,
    /// As they are written.
    identity_provider: Option<String>,
    identity: Option<String>,
}

impl Query {
    fn read(request: &Request) -> Result<Self, Answer> {
        let mut query = Self::default();
        for (name, value) in request.query.iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "username" => query.username = Some(value.to_lowercase()),
                "email" => query.email = Some(value.to_lowercase()),
                "firstName" => query.first_name = Some(value.to_lowercase()),
                "lastName" => query.last_name = Some(value.to_lowercase()),
                "createdAfter" => query.created_after = Some(instant(value)?),
                "createdBefore" => query.created_before = Some(instant(value)?),
                "enabled" => query.enabled = Some(value.eq_ignore_ascii_case("true")),
                "exact" => query.exact = Some(value.eq_ignore_ascii_case("true")),
                "idpAlias" => query.identity_provider = Some(value.clone()),
                "idpUserId" => query.identity = Some(value.clone()),
                "q" => query.attributes = attributes(value)?,
                "first" | "max" | "briefRepresentation" => {}
                _ => return Err(Answer::error(501, &format!("the stand-in has no search by {name}"))),
            }
        }
        if query.identity.is_some() && query.identity_provider.is_none() {
            return Err(Answer::error(501, "the stand-in has no search by idpUserId without idpAlias"));
        }
        Ok(query)
    }

    fn finds(&self, user: &User) -> bool {
        // Left out, `exact` is false for names and true for attributes.
        let exact = self.exact == Some(true);
        let has = |text: Option<&str>, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| text.is_some_and(|text| matches(wanted, text, exact)))
        };
        self.shows(user)
            && has(Some(&user.username), &self.username)
            && has(user.email.as_deref(), &self.email)
            && has(user.first_name.as_deref(), &self.first_name)
            && has(user.last_name.as_deref(), &self.last_name)
            && self.created_after.is_none_or(|after| user.created >= after)
            && self.created_before.is_none_or(|before| user.created <= before)
            && self.enabled.is_none_or(|enabled| enabled == user.enabled)
            && self
                .identity_provider
                .as_ref()
                .is_none_or(|alias| identity_providers::is_linked(user, alias, self.identity.as_deref()))
            && self.attributes.iter().all(|(name, wanted)| {
                let values = user.attributes.get(name).map(Vec::as_slice).unwrap_or_default();
                let length = |text: &str| text.encode_utf16().count();
                let as_a_whole = self.exact != Some(false) || length(wanted) > LONGEST_SEARCHED;
                let mut values =
                    values.iter().filter(|value| as_a_whole || length(value) <= LONGEST_SEARCHED);
                values.any(|value| matches(wanted, value, as_a_whole))
            })
    }

    /// A list without conditions has no service accounts in it, any other has. `exact` counts as a condition.
    fn shows(&self, user: &User) -> bool {
        let is_bare = self.username.is_none()
            && self.email.is_none()
            && self.first_name.is_none()
            && self.last_name.is_none()
            && self.created_after.is_none()
            && self.created_before.is_none()
            && self.enabled.is_none()
            && self.exact.is_none()
            && self.identity_provider.is_none()
            && self.attributes.is_empty();
        !is_bare || user.service_account_of.is_none()
    }
}

/// Milliseconds since 1970.
fn instant(value: &str) -> Result<i64, Answer> {
    let millis = value.parse().ok().filter(|millis| *millis >= 0);
    millis.ok_or_else(|| Answer::error(501, "the stand-in takes only milliseconds since 1970 for an instant"))
}

/// Compared without case; where not exact, anywhere in the text, with the wildcards of SQL, which Keycloak leaves in.
/// `wanted` is in lower case.
fn matches(wanted: &str, text: &str, exact: bool) -> bool {
    let text = text.to_lowercase();
    if exact {
        return text == wanted;
    }
    let pattern: Vec<char> = format!("%{wanted}%").chars().collect();
    is_like(&pattern, &text.chars().collect::<Vec<_>>())
}

/// SQL's `LIKE`. Only the last `%` is ever gone back to, since an earlier one can do nothing that it can't: the time
/// grows with the product of the lengths, whatever the pattern.
fn is_like(pattern: &[char], text: &[char]) -> bool {
    let (mut wanted, mut rest) = (pattern, text);
    // After the last `%`: the pattern, and the text where it is tried next.
    let mut again: Option<(&[char], &[char])> = None;
    loop {
        match (wanted.split_first(), rest.split_first()) {
            (None, None) => return true,
            (Some((&'%', after)), _) => {
                wanted = after;
                again = Some((after, rest));
                continue;
            }
            (Some((c, after)), Some((there, beyond))) if *c == '_' || c == there => {
                (wanted, rest) = (after, beyond);
                continue;
            }
            _ => {}
        }
        let Some((after, (_, beyond))) = again.and_then(|(after, from)| Some((after, from.split_first()?)))
        else {
            return false;
        };
        (wanted, rest, again) = (after, beyond, Some((after, beyond)));
    }
}

/// The conditions of `q`, values in lower case.
fn attributes(q: &str) -> Result<BTreeMap<String, String>, Answer> {
    let mut conditions = conditions::read(q)?;
    if let Some(key) =
        conditions.keys().find(|key| BUILT_IN.contains(&key.as_str()) || FIELDS.contains(&key.as_str()))
    {
        return Err(Answer::error(501, &format!("the stand-in takes no {key} in q")));
    }
    for value in conditions.values_mut() {
        *value = value.to_lowercase();
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::is_like;

    fn like(pattern: &str, text: &str) -> bool {
        is_like(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
    }

    /// By all ways of splitting, as the definition has it.
    fn by_definition(pattern: &str, text: &str) -> bool {
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        match pattern.chars().next() {
            None => text.is_empty(),
            Some('%') => ends.any(|at| by_definition(&pattern[1..], &text[at..])),
            Some(c) => text
                .chars()
                .next()
                .is_some_and(|there| (c == '_' || c == there) && by_definition(&pattern[1..], &text[1..])),
        }
    }

    /// All texts of these letters, up to this length.
    fn texts(letters: &str, length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut longest = all.clone();
        for _ in 0..length {
            longest =
                longest.iter().flat_map(|text| letters.chars().map(move |c| format!("{text}{c}"))).collect();
            all.extend(longest.clone());
        }
        all
    }

    #[test]
    fn like_is_what_its_definition_says() {
        let mut matching = 0;
        for pattern in texts("ab%_", 4) {
            for text in texts("ab", 5) {
                assert_eq!(like(&pattern, &text), by_definition(&pattern, &text), "{pattern} {text}");
                matching += usize::from(like(&pattern, &text));
            }
        }
        assert!(matching > 1000, "{matching}");
    }

    #[test]
    fn many_wildcards_are_no_burden() {
        let pattern = "a%".repeat(60);
        let text = "a".repeat(255);
        assert!(like(&pattern, &text));
        assert!(!like(&format!("{pattern}b"), &text));
        assert!(like(&format!("{pattern}b"), &format!("{text}b")));
    }
}
