//! The parameter `q` of searches: conditions on attributes, `key:value` or `key:"value"`, apart by blanks.

use std::collections::BTreeMap;

use super::answer::Answer;

/// The conditions, by key, values as they were written. Of two with the same key the last one counts.
///
/// # Errors
/// 501 to what nobody relies on: keys in quotes, and what is no condition, which Keycloak passes over.
pub(super) fn read(q: &str) -> Result<BTreeMap<String, String>, Answer> {
    let refused = || Answer::error(501, "the stand-in takes only key:value and key:\"value\" in q");
    let mut conditions = BTreeMap::new();
    let mut rest = q.trim_start();
    while !rest.is_empty() {
        let (key, value) = rest.split_once(':').ok_or_else(refused)?;
        if key.is_empty() || key.contains([' ', '"']) {
            return Err(refused());
        }
        let (value, after) = match value.strip_prefix('"') {
            Some(value) => quoted(value).ok_or_else(refused)?,
            None => bare(value).ok_or_else(refused)?,
        };
        conditions.insert(key.to_owned(), value);
        rest = after.trim_start();
    }
    Ok(conditions)
}

/// The text up to the next blank, and what comes after it.
fn bare(text: &str) -> Option<(String, &str)> {
    let (value, after) = text.split_once(' ').unwrap_or((text, ""));
    (!value.is_empty()).then(|| (value.to_owned(), after))
}

/// The text up to the closing quote, and what comes after that. A quote in the text has a backslash before it; before
/// anything else a backslash stands for itself, and takes what follows with it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                '"' => value.push('"'),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}
