//! Makes `docs/errors.md` from the error codes, and holds the two together.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use scimgate::scim::code::{Form, Place};
use scimgate::scim::{Code, Error};

/// Set, it makes the test write the page instead of reading it.
const WRITE: &str = "WRITE_ERRORS_PAGE";

const INTRO: &str = r#"# Errors

<!-- Generated from src/scim/code/table.rs: change it there, and let
     WRITE_ERRORS_PAGE=1 cargo test --test errors_page
     write this page anew. -->

Every error that the gateway answers to a SCIM request has the form of RFC 7644, section 3.12:

```json
EXAMPLE
```

Its `detail` says what is wrong with this very request, and ends in a code in brackets. Codes are stable: texts may change from
one version to the next, a code keeps its meaning. The same code stands in the gateway's log, in the field `error` of the
request's line; search there for the `request_id` that the answer's header `x-request-id` names. Neither holds a password, and
no detail repeats a person's data.

An answer with status 429 or 503 has the header `Retry-After`, in seconds: nothing is wrong with the request, and identity
providers repeat it by themselves. Any other error comes again with the same request until something is mended, except that a repetition
may help with `internal`, with `body-unreadable`, and with `user-exists` where the detail asks for it.

A PATCH is all or nothing. A PUT with `active: false` that is refused for its content deactivates the user all the same, and its
detail says so: nobody stays because somebody else has their e-mail address.

Keys of the configuration stand here without their table: those that begin with `server.` as they are, all others belong to
`[realms.NAME]`, or to `[defaults]` for all realms.

The realm's token endpoint, where the gateway forwards it, answers OAuth's errors (RFC 6749, section 5.2), without a code.
"#;

#[test]
fn the_page_says_what_the_codes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page(),
        "docs/errors.md is not what the error codes say. This writes it anew:\n\n    \
         {WRITE}=1 cargo test --test errors_page\n"
    );
}

#[test]
fn codes_are_plain_and_apart() {
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len(), "two codes of one text");
    for text in texts {
        assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{text}");
    }
}

#[test]
fn the_keys_that_are_to_be_changed_exist() {
    let reference = include_str!("../config.toml");
    let keys: BTreeSet<&str> = reference
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once(" = "))
        .map(|(key, _)| key)
        .collect();
    let tables =
        reference.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')?.rsplit('.').next());
    let keys: BTreeSet<&str> = keys.into_iter().chain(tables).collect();
    for code in Code::ALL {
        for mending in code.mending().iter().filter(|mending| mending.place == Place::Configuration) {
            let named = spans(mending.what).into_iter().filter(|span| {
                span.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()) && !span.contains(':')
            });
            let mut count = 0;
            for span in named {
                let key = span.split(" = ").next().unwrap();
                let key = key.rsplit('.').next().unwrap();
                assert!(keys.contains(key), "{}: config.toml has no key {key}", code.as_str());
                count += 1;
            }
            assert!(count > 0, "{} names no key to change", code.as_str());
        }
    }
}

/// What stands between backticks.
fn spans(markdown: &str) -> Vec<&str> {
    markdown.split('`').skip(1).step_by(2).collect()
}

fn page() -> String {
    let error = Error::conflict(
        Code::UnmanagedUserExists,
        "A user with this userName exists in Keycloak and is not managed over SCIM …",
    );
    let example = serde_json::to_string_pretty(&error.body()).unwrap();
    let mut page = INTRO.replace("EXAMPLE", &example);
    page.push_str("\n| code | status | |\n|---|---|---|\n");
    for code in Code::ALL {
        let text = code.as_str();
        page.push_str(&format!("| [`{text}`](#{text}) | {} | {} |\n", statuses(*code), code.meaning()));
    }
    for code in Code::ALL {
        page.push_str(&section(*code));
    }
    page
}

fn section(code: Code) -> String {
    let mut section = format!("\n## `{}`\n\n", code.as_str());
    let forms: Vec<String> = code.forms().iter().map(form).collect();
    section.push_str(&format!("**{}** {}\n\n{}\n\n", forms.join(", "), code.meaning(), code.cause()));
    for mending in code.mending() {
        section.push_str(&format!("- *{}:* {}\n", place(mending.place), mending.what));
    }
    section
}

fn form(form: &Form) -> String {
    match form.scim_type {
        Some(scim_type) => format!("{} `{}`", form.status, scim_type.keyword()),
        None => form.status.to_string(),
    }
}

/// The statuses, each once, with their keywords.
fn statuses(code: Code) -> String {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for form in code.forms() {
        by_status.entry(form.status).or_default().extend(form.scim_type.map(|scim_type| scim_type.keyword()));
    }
    let shown = by_status.iter().map(|(status, keywords)| {
        let keywords: String = keywords.iter().map(|keyword| format!(" `{keyword}`")).collect();
        format!("{status}{keywords}")
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn place(place: Place) -> &'static str {
    match place {
        Place::IdentityProvider => "In the identity provider",
        Place::Keycloak => "In Keycloak",
        Place::Configuration => "In the gateway's configuration",
        Place::Gateway => "At the gateway",
        Place::Network => "In the network",
    }
}
