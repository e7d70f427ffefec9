//! A parsed file with the place of each key, read into layers past every problem in it.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Override;
use super::error::Problem;
use super::file::ConfigFile;
use super::keys::{self, Key, Kind};
use super::schemas;

/// Most problems that are worth telling at once.
const MOST: usize = 50;

/// What serde says of an unknown key, before the list of known ones.
const UNKNOWN_FIELD: &str = "unknown field ";
/// What serde says of a value of another kind, before what was found.
const INVALID_TYPE: &str = "invalid type: ";

/// A file's text and its tree, with what the environment lays over it.
pub(super) struct Document<'a> {
    source: &'a str,
    tree: Spanned<DeTable<'a>>,
    /// The variables that values come from. These have places of their own behind the end of the text, each a byte long
    /// and two bytes from the next, in this order.
    variables: Vec<&'a str>,
}

/// Where a key or a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin<'d> {
    /// A line of the file, from 1.
    Line(usize),
    /// An environment variable.
    Variable(&'d str),
}

impl<'a> Document<'a> {
    /// Parses TOML.
    ///
    /// # Errors
    /// Every place where the text is not TOML.
    pub(super) fn parse(source: &'a str) -> Result<Self, Vec<Problem>> {
        let (tree, errors) = DeTable::parse_recoverable(source);
        if errors.is_empty() {
            return Ok(Self { source, tree, variables: Vec::new() });
        }
        let problem = |error: &toml::de::Error| Problem::Syntax {
            line: line(source, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        Err(errors.iter().take(MOST).map(problem).collect())
    }

    /// Lays values of the environment over those of the file.
    pub(super) fn lay_over(&mut self, overrides: &'a [Override]) {
        for variable in overrides {
            let Some((name, tables)) = variable.path.split_last() else { continue };
            let first = self.source.len() + 1 + 2 * self.variables.len();
            let mut count = 0;
            let mut place = || {
                let start = first + 2 * count;
                count += 1;
                start..start + 1
            };
            let mut table = Some(self.tree.get_mut());
            for name in tables {
                let below = table.and_then(|table| {
                    if table.get(*name).is_none() {
                        let empty = DeValue::Table(DeTable::new());
                        table.insert(Spanned::new(place(), (*name).into()), Spanned::new(place(), empty));
                    }
                    table.get_mut(*name)
                });
                // What is no table is told when it is read.
                table = below.and_then(|below| match below.get_mut() {
                    DeValue::Table(table) => Some(table),
                    _ => None,
                });
            }
            if let Some(table) = table {
                let mut value = variable.value();
                if let DeValue::Array(elements) = &mut value {
                    elements.iter_mut().for_each(|element| {
                        let inner = std::mem::replace(element.get_mut(), DeValue::Boolean(false));
                        *element = Spanned::new(place(), inner);
                    });
                }
                table.remove(*name);
                table.insert(Spanned::new(place(), (*name).into()), Spanned::new(place(), value));
            }
            self.variables.extend(std::iter::repeat_n(variable.name.as_str(), count));
        }
    }

    /// Where the byte at `start` comes from.
    pub(super) fn origin(&self, start: usize) -> Origin<'a> {
        let behind = start.checked_sub(self.source.len() + 1);
        let variable = behind.and_then(|behind| self.variables.get(behind / 2));
        variable.map_or_else(|| Origin::Line(line(self.source, start)), |name| Origin::Variable(name))
    }

    /// The text's tree, with what was laid over it.
    pub(super) fn tree(&self) -> &DeTable<'a> {
        self.tree.get_ref()
    }

    /// Reads the tree into layers. What can't be read is left out, and told in the problems with
    /// its path, so that one look at the answer shows everything that is wrong.
    pub(super) fn read(&self) -> (ConfigFile, Vec<(Vec<String>, Problem)>) {
        let mut tree = self.tree.clone();
        let mut problems = Vec::new();
        // serde would read a list as a table's keys, in an order that nobody has written them in.
        for path in lists_for_tables(self.tree.get_ref(), keys::FILE) {
            take_out(tree.get_mut(), &path);
            let message = format!(
                "expected a table, found a list; it is written [{}], and stands once",
                display(&path)
            );
            problems.push((path.clone(), self.missing(&path, message)));
        }
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
        match start {
            Some(start) => self.problem(path, start, message),
            None => Problem::Key { line: None, key: display(path), message },
        }
    }

    /// The number that stands at `version`, if one does.
    pub(super) fn version(&self) -> Option<(Range<usize>, String)> {
        let value = self.tree.get_ref().get("version")?;
        let number = value.get_ref().as_integer()?;
        Some((value.span(), number.to_string()))
    }

    fn problem(&self, path: &[String], start: usize, message: String) -> Problem {
        match self.origin(start) {
            Origin::Line(line) => Problem::Key {
                line: Some(line),
                key: if path.is_empty() { "the file".to_owned() } else { display(path) },
                message,
            },
            Origin::Variable(name) => Problem::Variable { name: name.to_owned(), message },
        }
    }
}

/// The line, from 1, in which the byte at `offset` stands.
fn line(source: &str, offset: usize) -> usize {
    let before = source.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// A path as TOML writes it.
pub(super) fn display(path: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let names = path.iter().map(|name| if bare(name) { name.clone() } else { format!("{name:?}") });
    names.collect::<Vec<_>>().join(".")
}

/// The paths of lists where a table with these keys has a table with keys of its own.
fn lists_for_tables(table: &DeTable<'_>, keys: &[Key]) -> Vec<Vec<String>> {
    let within = |name: &str, value: &DeValue<'_>, kind: &Kind| -> Vec<Vec<String>> {
        let mut found = match (kind, value) {
            (Kind::Table(_), DeValue::Array(_)) => vec![Vec::new()],
            (Kind::Table(keys), DeValue::Table(table)) => lists_for_tables(table, keys),
            _ => Vec::new(),
        };
        found.iter_mut().for_each(|path| path.insert(0, name.to_owned()));
        found
    };
    let mut found = Vec::new();
    for (name, value) in table {
        let Some(key) = keys.iter().find(|key| key.name == name.get_ref()) else { continue };
        let named = match &key.kind {
            Kind::Names(_, kind) => **kind,
            Kind::Organizations(_) => Kind::Table(keys::TENANT),
            kind => {
                found.extend(within(key.name, value.get_ref(), kind));
                continue;
            }
        };
        for (below, value) in value.get_ref().as_table().into_iter().flatten() {
            let paths = within(below.get_ref(), value.get_ref(), &named).into_iter();
            found.extend(paths.map(|path| [&[key.name.to_owned()], path.as_slice()].concat()));
        }
    }
    found
}

/// Takes the entry at `path` away.
fn take_out(table: &mut DeTable<'_>, path: &[String]) {
    match path {
        [] => {}
        [name] => {
            table.remove(name.as_str());
        }
        [name, rest @ ..] => {
            if let Some(DeValue::Table(table)) = table.get_mut(name.as_str()).map(toml::Spanned::get_mut) {
                take_out(table, rest);
            }
        }
    }
}

/// The path of the entry whose key or value stands at `span`; for a list, the list's path.
pub(super) fn find(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
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
