//! Holds the rooms of `src/` to a table of who may know whom, by the paths that stand in their sources.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A room: a module with all below it that is no room itself. What it may know is tests' too.
struct Room {
    name: &'static str,
    /// The other rooms that it may know.
    knows: &'static [&'static str],
    /// Crates, and modules of them, that it must do without.
    shuns: &'static [&'static str],
    /// What it may use all the same, each with the reason.
    except: &'static [(&'static str, &'static str)],
}

/// Input, output, and waiting for them.
const IO: &[&str] =
    &["futures_util", "http", "hyper", "reqwest", "std::env", "std::fs", "std::net", "tokio", "tokio_util"];
/// HTTP, whichever end of it.
const HTTP: &[&str] = &["http", "http_body", "http_body_util", "hyper", "hyper_util", "reqwest", "tower"];

const ROOMS: &[Room] = &[
    // The protocol core and the dialects are pure functions.
    Room { name: "scim", knows: &[], shuns: IO, except: &[] },
    Room { name: "dialects", knows: &["scim"], shuns: IO, except: &[] },
    Room { name: "config", knows: &["scim"], shuns: HTTP, except: &[] },
    // A client of Admin REST that would do for any other program.
    Room { name: "keycloak", knows: &[], shuns: &[], except: &[] },
    // The port; whoever holds it does not see what is behind it.
    Room { name: "directory", knows: &["scim"], shuns: HTTP, except: &[] },
    Room { name: "directory::admin", knows: &["directory", "keycloak", "scim"], shuns: HTTP, except: &[] },
    Room { name: "engine", knows: &["directory", "scim"], shuns: HTTP, except: &[] },
    Room { name: "auth", knows: &["config"], shuns: &[], except: &[] },
    // An outsider to all others: it judges the client by what Keycloak does, not by what the client expects.
    Room { name: "stand_in", knows: &[], shuns: &[], except: &[] },
    Room { name: "telemetry", knows: &["config"], shuns: HTTP, except: &[] },
    Room {
        name: "http",
        knows: &["auth", "config", "dialects", "engine", "scim", "telemetry"],
        shuns: &[],
        except: &[(
            "directory::Context",
            "it is born with the request, and the engine hands it on unchanged",
        )],
    },
    // Puts all of them together.
    Room {
        name: "cli",
        knows: &[
            "auth",
            "config",
            "dialects",
            "directory",
            "directory::admin",
            "engine",
            "http",
            "keycloak",
            "scim",
            "stand_in",
            "telemetry",
        ],
        shuns: &[],
        except: &[],
    },
];

/// A path into the crate or into another one.
#[derive(Debug, Clone, PartialEq)]
enum Absolute {
    Here(Vec<String>),
    Elsewhere(Vec<String>),
}

/// A path as it stands in a source.
struct Mention {
    line: usize,
    /// The inline modules around it, outermost first.
    inside: Vec<String>,
    segments: Vec<String>,
    kind: Kind,
}

enum Kind {
    /// `mod name;`: having a module is not knowing it, but its name stands for it from here on.
    Declaration(String),
    /// `use`, and the name that it brings in.
    Import(String),
    /// Anywhere else.
    Use,
}

/// What a source text mentions.
#[derive(Default)]
struct Source {
    mentions: Vec<Mention>,
    /// Files that are modules of another place than their own: file name, and module relative to this one.
    moved: Vec<(String, Vec<String>)>,
}

impl Source {
    fn read(text: &str) -> Self {
        let mut source = Self::default();
        source.scan(text.parse().expect("the source has tokens"), &[]);
        source
    }

    fn scan(&mut self, tokens: TokenStream, inside: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match (&tokens[at], tokens.get(at + 1), tokens.get(at + 2)) {
                (TokenTree::Ident(word), Some(TokenTree::Ident(name)), Some(body)) if word == "mod" => {
                    let module = [inside, &[name.to_string()]].concat();
                    match body {
                        TokenTree::Group(body) => self.scan(body.stream(), &module),
                        _ => self.declare(&tokens[..at], word.span().start().line, inside, name.to_string()),
                    }
                    at += 3;
                }
                (TokenTree::Ident(word), ..) if word == "use" => {
                    at = self.import(&tokens, at + 1, inside, Vec::new());
                }
                (TokenTree::Ident(first), ..) if is_path_separator(&tokens, at + 1) => {
                    let mut segments = vec![first.to_string()];
                    at += 1;
                    while is_path_separator(&tokens, at) {
                        match tokens.get(at + 2) {
                            Some(TokenTree::Ident(segment)) => segments.push(segment.to_string()),
                            _ => break,
                        }
                        at += 3;
                    }
                    let line = first.span().start().line;
                    self.mentions.push(Mention { line, inside: inside.to_vec(), segments, kind: Kind::Use });
                }
                (TokenTree::Group(group), ..) => {
                    self.scan(group.stream(), inside);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// `mod name;`, with the attributes before it.
    fn declare(&mut self, before: &[TokenTree], line: usize, inside: &[String], name: String) {
        let attributes = before.iter().rev().take_while(|token| {
            matches!(token, TokenTree::Group(_) | TokenTree::Punct(_))
                || matches!(token, TokenTree::Ident(word) if word == "pub")
        });
        let mut files = attributes.filter_map(|token| match token {
            TokenTree::Group(attribute) => attribute_path(attribute),
            _ => None,
        });
        if let Some(file) = files.next() {
            self.moved.push((file, [inside, std::slice::from_ref(&name)].concat()));
        }
        let segments = vec!["self".into(), name.clone()];
        let kind = Kind::Declaration(name);
        self.mentions.push(Mention { line, inside: inside.to_vec(), segments, kind });
    }

    /// A `use` tree from `at` on, below `prefix`. Returns where it ends.
    fn import(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        inside: &[String],
        mut segments: Vec<String>,
    ) -> usize {
        loop {
            at += if is_path_separator(tokens, at) { 2 } else { 0 };
            match tokens.get(at) {
                Some(TokenTree::Group(group)) => {
                    let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                    let comma =
                        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
                    for branch in branches.split(comma).filter(|branch| !branch.is_empty()) {
                        self.import(branch, 0, inside, segments.clone());
                    }
                    return at + 1;
                }
                Some(token) => {
                    segments.push(token.to_string());
                    at += 1;
                    if is_path_separator(tokens, at) {
                        continue;
                    }
                    let line = token.span().start().line;
                    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
                        segments.pop();
                    }
                    let alias = match (tokens.get(at), tokens.get(at + 1)) {
                        (Some(TokenTree::Ident(word)), Some(alias)) if word == "as" => {
                            at += 2;
                            alias.to_string()
                        }
                        _ => segments.last().cloned().unwrap_or_default(),
                    };
                    let kind = Kind::Import(alias);
                    self.mentions.push(Mention { line, inside: inside.to_vec(), segments, kind });
                    return at;
                }
                None => return at,
            }
        }
    }
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The file that a `#[path = "…"]` names.
fn attribute_path(attribute: &Group) -> Option<String> {
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(name), _, TokenTree::Literal(file)]
            if name == "path" && attribute.delimiter() == Delimiter::Bracket =>
        {
            Some(file.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

fn resolve(segments: &[String], module: &[String], aliases: &BTreeMap<String, Absolute>) -> Absolute {
    let (first, rest) = segments.split_first().expect("a path has segments");
    match first.as_str() {
        "crate" | "scimgate" => Absolute::Here(rest.to_vec()),
        "self" => Absolute::Here([module, rest].concat()),
        "super" => {
            let up = segments.iter().take_while(|segment| *segment == "super").count();
            let base = &module[..module.len().saturating_sub(up)];
            Absolute::Here([base, &segments[up..]].concat())
        }
        // Where a crate and an import go by one name, the compiler wants them told apart.
        name => match aliases.get(name) {
            Some(Absolute::Here(path)) => Absolute::Here([path, rest].concat()),
            Some(Absolute::Elsewhere(path)) => Absolute::Elsewhere([path, rest].concat()),
            None => Absolute::Elsewhere(segments.to_vec()),
        },
    }
}

/// All that the sources (file name under `src/`, text) do against the table, as `file:line: what`, and the exceptions
/// that they make use of.
fn judge(rooms: &[Room], sources: &BTreeMap<String, String>) -> (Vec<String>, BTreeSet<&'static str>) {
    let read: BTreeMap<&String, Source> =
        sources.iter().map(|(file, text)| (file, Source::read(text))).collect();
    let mut moved = BTreeMap::new();
    for (file, source) in &read {
        let folder = file.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        for (target, module) in &source.moved {
            moved.insert(format!("{folder}{target}"), [module_of(file), module.clone()].concat());
        }
    }
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (file, source) in &read {
        let base = moved.get(*file).cloned().unwrap_or_else(|| module_of(file));
        let Some(room) = room_of(rooms, &base) else {
            if file.as_str() != "lib.rs" {
                wrong.push(format!("src/{file}:1: the file is in no room of the table"));
            }
            continue;
        };
        let module = |mention: &Mention| [base.as_slice(), &mention.inside].concat();
        let mut aliases = BTreeMap::new();
        for mention in &source.mentions {
            if let Kind::Declaration(name) | Kind::Import(name) = &mention.kind {
                let path = resolve(&mention.segments, &module(mention), &aliases);
                aliases.insert(name.clone(), path);
            }
        }
        let known = source.mentions.iter().filter(|mention| !matches!(mention.kind, Kind::Declaration(_)));
        for mention in known {
            match offence(rooms, room, &resolve(&mention.segments, &module(mention), &aliases)) {
                Offence::None => {}
                Offence::Excepted(exception) => {
                    used.insert(exception);
                }
                Offence::Some(what) => wrong.push(format!("src/{file}:{}: {what}", mention.line)),
            }
        }
    }
    (wrong, used)
}

enum Offence {
    None,
    Excepted(&'static str),
    Some(String),
}

fn offence(rooms: &[Room], room: &Room, path: &Absolute) -> Offence {
    let (segments, shown) = match path {
        Absolute::Here(path) => (path, format!("crate::{}", path.join("::"))),
        Absolute::Elsewhere(path) => (path, path.join("::")),
    };
    if let Some((exception, _)) = room.except.iter().find(|(exception, _)| begins_with(segments, exception)) {
        return Offence::Excepted(exception);
    }
    let what = match path {
        Absolute::Elsewhere(_) if room.shuns.iter().any(|shunned| begins_with(segments, shunned)) => {
            format!("{} must do without {shown}", room.name)
        }
        Absolute::Elsewhere(_) => return Offence::None,
        Absolute::Here(_) => match room_of(rooms, segments) {
            Some(other) if other.name == room.name => return Offence::None,
            Some(other) if !room.knows.contains(&other.name) => {
                format!("{} must not know {} ({shown})", room.name, other.name)
            }
            Some(_) if segments.last().is_some_and(|last| last == "*") => {
                format!("{} must name what it uses of another room ({shown})", room.name)
            }
            Some(_) => return Offence::None,
            None => format!("{} must not know what is in no room ({shown})", room.name),
        },
    };
    Offence::Some(what)
}

fn begins_with(segments: &[String], path: &str) -> bool {
    let path: Vec<&str> = path.split("::").collect();
    segments.len() >= path.len() && segments.iter().zip(path).all(|(segment, name)| segment == name)
}

/// The innermost room around a path.
fn room_of<'r>(rooms: &'r [Room], path: &[String]) -> Option<&'r Room> {
    rooms.iter().filter(|room| begins_with(path, room.name)).max_by_key(|room| room.name.len())
}

/// The module that a file under `src/` makes. `main.rs` is the door of `cli`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").expect("a Rust source");
    match path {
        "lib" => Vec::new(),
        "main" => vec!["cli".into()],
        _ => path.trim_end_matches("/mod").split('/').map(str::to_owned).collect(),
    }
}

/// The sources of this crate.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().components();
                let name: Vec<_> = name.map(|part| part.as_os_str().to_str().unwrap()).collect();
                found.insert(name.join("/"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found
}

#[test]
fn rooms_know_only_what_the_table_allows() {
    let (wrong, used) = judge(ROOMS, &sources());
    assert!(wrong.is_empty(), "against the table of rooms in tests/architecture.rs:\n{}", wrong.join("\n"));
    for (exception, reason) in ROOMS.iter().flat_map(|room| room.except) {
        assert!(used.contains(exception), "nobody needs the exception for {exception} any more ({reason})");
    }
}

#[test]
fn the_table_names_rooms_that_exist_and_points_one_way() {
    let sources = sources();
    for (at, room) in ROOMS.iter().enumerate() {
        let file = format!("{}/mod.rs", room.name.replace("::", "/"));
        assert!(sources.contains_key(&file), "there is no room {}", room.name);
        for known in room.knows {
            // In the table's order each room comes after those that it knows, so there is no way round.
            assert!(ROOMS[..at].iter().any(|room| room.name == *known), "{} before {known}", room.name);
        }
    }
}

/// The verdict on a made-up source of the house.
fn verdict(file: &str, text: &str) -> Vec<String> {
    let mut sources = BTreeMap::from([(file.to_owned(), text.to_owned())]);
    sources.insert(
        "directory/admin/plan.rs".into(),
        "#[cfg(test)] #[path = \"plan_tests.rs\"] mod tests;".into(),
    );
    judge(ROOMS, &sources).0
}

#[test]
fn what_the_table_forbids_is_found_with_file_and_line() {
    for (file, text, what) in [
        (
            "engine/mod.rs",
            "\nuse crate::keycloak::Error;",
            "2: engine must not know keycloak (crate::keycloak::Error)",
        ),
        ("engine/x.rs", "use crate::{scim, http};", "1: engine must not know http (crate::http)"),
        (
            "engine/x.rs",
            "use crate::{\n    directory::{Row,\n    admin::{self as a, plan}},\n};",
            "3: engine must not know directory::admin (crate::directory::admin)",
        ),
        (
            "engine/x.rs",
            "use crate::directory;\nfn f() { g(vec![directory::admin::X]) }",
            "2: engine must not know directory::admin (crate::directory::admin::X)",
        ),
        (
            "http/x.rs",
            "fn f() { matches!(x, $crate::keycloak::Error) }",
            "1: http must not know keycloak (crate::keycloak::Error)",
        ),
        (
            "http/x.rs",
            "use crate::directory::Directory;",
            "1: http must not know directory (crate::directory::Directory)",
        ),
        (
            "http/x.rs",
            "mod tests { mod deep { use super::super::super::super::keycloak; } }",
            "1: http must not know keycloak (crate::keycloak)",
        ),
        (
            "directory/mod.rs",
            "pub mod admin;\npub use admin::AdminDirectory;",
            "2: directory must not know directory::admin (crate::directory::admin::AdminDirectory)",
        ),
        (
            "directory/x.rs",
            "use super::admin as a;\nfn f() { a::X }",
            "2: directory must not know directory::admin (crate::directory::admin::X)",
        ),
        (
            "directory/mod.rs",
            "pub mod admin; pub use self::admin::{\nAdminDirectory};",
            "2: directory must not know directory::admin (crate::directory::admin::AdminDirectory)",
        ),
        (
            "directory/admin/plan_tests.rs",
            "use super::super::super::super::engine::Engine;",
            "1: directory::admin must not know engine (crate::engine::Engine)",
        ),
        ("scim/x.rs", "use std::{fmt, fs};", "1: scim must do without std::fs"),
        ("scim/x.rs", "#[tokio::test] fn f() {}", "1: scim must do without tokio::test"),
        ("engine/x.rs", "use http::Method;", "1: engine must do without http::Method"),
        ("auth/x.rs", "use crate::scim::Error as E;", "1: auth must not know scim (crate::scim::Error)"),
        ("config/x.rs", "use crate::*;", "1: config must not know what is in no room (crate::*)"),
        (
            "engine/x.rs",
            "use crate::scim::*;",
            "1: engine must name what it uses of another room (crate::scim::*)",
        ),
        ("attic/mod.rs", "", "1: the file is in no room of the table"),
    ] {
        let found = verdict(file, text);
        assert!(found.contains(&format!("src/{file}:{what}")), "{text}\ngave {found:?}");
    }
}

#[test]
fn what_the_table_allows_is_let_pass() {
    for (file, text) in [
        (
            "engine/x.rs",
            "// use crate::keycloak;\n/// [`crate::keycloak`]\nconst A: &str = \"crate::http::x\";",
        ),
        ("engine/x.rs", "use crate::directory::{self, Row}; fn f() { directory::Page::default() }"),
        ("keycloak/x.rs", "use http::Method; use std::fs; use super::error::{Call, Error};"),
        ("http/x.rs", "use crate::directory::Context; use crate::engine::Engine;"),
        ("directory/admin/plan_tests.rs", "use super::super::super::Row; use super::*;"),
        ("directory/admin/mod.rs", "mod plan; use self::plan::Plan; use super::{Context, Row};"),
        ("cli/x.rs", "use crate::http; fn f() { http::stack(crate::directory::admin::X) }"),
        ("main.rs", "fn main() { scimgate::cli::run() }"),
        ("lib.rs", "pub mod engine; pub mod http;"),
    ] {
        assert_eq!(verdict(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
