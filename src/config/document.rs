//! A parsed file with the place of each key, read into layers past every problem in it.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::file::ConfigFile;
use super::schemas;

/// Most problems that are worth telling at once.
const MOST: usize = 50;

/// What serde says of an unknown key, before the list of known ones.
const UNKNOWN_FIELD: &str = "unknown field ";
/// What serde says of a value of another kind, before what was found.
const INVALID_TYPE: &str = "invalid type: ";

/// A file's text and its tree.
pub(super) struct Document<'a> {
    source: &'a str,
    tree: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses TOML.
    ///
    /// # Errors
    /// Every place where the text is not TOML.
    pub(super) fn parse(source: &'a str) -> Result<Self, Vec<Problem>> {
        let (tree, errors) = DeTable::parse_recoverable(source);
        if errors.is_empty() {
            return Ok(Self { source, tree });
        }
        let problem = |error: &toml::de::Error| Problem::Syntax {
            line: line(source, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        Err(errors.iter().take(MOST).map(problem).collect())
    }

    /// Reads the tree into layers. What can't be read is left out, and told in the problems with
    /// its path, so that one look at the answer shows everything that is wrong.
    pub(super) fn read(&self) -> (ConfigFile, Vec<(Vec<String>, Problem)>) {
        let mut tree = self.tree.clone();
        let mut problems = Vec::new();
        while problems.len() < MOST {
            let error = match ConfigFile::deserialize(toml::Deserializer::from(tree.clone())) {
                Ok(file) => return (file, problems),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            // serde stops at the first problem: without that entry it finds the next one.
            let removed = remove(tree.get_mut(), &span);
            let (path, kind) = match &removed {
                Some((path, kind)) => (path.clone(), *kind),
                None => (Vec::new(), "something else"),
            };
            let message = translate(error.message(), &path, kind);
            problems.push((path.clone(), self.problem(&path, span.start, message)));
            if removed.is_none() {
                break;
            }
        }
        // Nothing was read in the end, so that nothing may be called missing.
        if let Some((path, _)) = problems.last_mut() {
            path.clear();
        }
        (ConfigFile::default(), problems)
    }

    /// The problem of the key whose name or value stands at `span`.
    pub(super) fn at(&self, span: &Range<usize>, message: String) -> Problem {
        let path = find(self.tree.get_ref(), span).unwrap_or_default();
        self.problem(&path, span.start, message)
    }

    /// The problem of a key that should be there: at the table around it, as far as there is one.
    pub(super) fn missing(&self, path: &[String], message: String) -> Problem {
        let mut table = Some(self.tree.get_ref());
        let mut start = None;
        for name in path {
            let Some(entry) = table.and_then(|table| table.get_key_value(name.as_str())) else {
                break;
            };
            let (key, value) = entry;
            start = Some(key.span().start);
            table = value.get_ref().as_table();
        }
        Problem::Key { line: start.map(|start| line(self.source, start)), key: display(path), message }
    }

    /// The number that stands at `version`, if one does.
    pub(super) fn version(&self) -> Option<(Range<usize>, String)> {
        let value = self.tree.get_ref().get("version")?;
        let number = value.get_ref().as_integer()?;
        Some((value.span(), number.to_string()))
    }

    fn problem(&self, path: &[String], start: usize, message: String) -> Problem {
        Problem::Key {
            line: Some(line(self.source, start)),
            key: if path.is_empty() { "the file".to_owned() } else { display(path) },
            message,
        }
    }
}

/// The line, from 1, in which the byte at `offset` stands.
fn line(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A path as TOML writes it.
fn display(path: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let names = path.iter().map(|name| if bare(name) { name.clone() } else { format!("{name:?}") });
    names.collect::<Vec<_>>().join(".")
}

/// The path of the entry whose key or value stands at `span`; for a list, the list's path.
fn find(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    for (key, value) in table {
        let below = match value.get_ref() {
            DeValue::Table(table) => find(table, span),
            DeValue::Array(list) => list.iter().any(|element| element.span() == *span).then(Vec::new),
            _ => None,
        };
        let here = || (key.span() == *span || value.span() == *span).then(Vec::new);
        if let Some(mut path) = below.or_else(here) {
            path.insert(0, key.get_ref().to_string());
            return Some(path);
        }
    }
    None
}

/// Takes the entry away whose key or value stands at `span`; its path and what kind of value it had. What stands in a
/// table of a list is named as if that table were in the list's place.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<(Vec<String>, &'static str)> {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let name = key.get_ref().to_string();
        let here = key.span() == *span || value.span() == *span;
        let kind = kind(value.get_ref());
        let below = match value.get_mut() {
            DeValue::Table(table) => remove(table, span),
            DeValue::Array(list) => {
                let bad = list.iter().find(|element| element.span() == *span);
                match bad.map(|bad| self::kind(bad.get_ref())) {
                    Some(kind) => {
                        let others = list.iter().filter(|element| element.span() != *span);
                        *list = others.cloned().collect();
                        Some((Vec::new(), kind))
                    }
                    None => list.iter_mut().find_map(|element| match element.get_mut() {
                        DeValue::Table(table) => remove(table, span),
                        _ => None,
                    }),
                }
            }
            _ => None,
        };
        if let Some((mut path, kind)) = below {
            path.insert(0, name);
            return Some((path, kind));
        }
        if here {
            found = Some((name, kind));
            break;
        }
    }
    let (name, kind) = found?;
    table.remove(name.as_str());
    Some((vec![name], kind))
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// serde's words in those of an administrator. What was found is told by its kind alone: a token
/// put in the place of a table must not stand in a log.
fn translate(message: &str, path: &[String], found: &str) -> String {
    if let Some(rest) = message.strip_prefix(UNKNOWN_FIELD) {
        let known = rest.split_once(", ").map_or("", |(_, known)| known);
        let reason = schemas::attributes_alone(path);
        return reason.map_or_else(|| format!("unknown key, {known}"), str::to_owned);
    }
    if message.starts_with(INVALID_TYPE) {
        let expected = match message.rsplit_once("expected ") {
            Some((_, "a sequence")) => "a list",
            Some((_, "a map")) => "a table",
            Some((_, expected)) => expected,
            None => "another value",
        };
        return format!("expected {expected}, found {found}");
    }
    message.to_owned()
}
