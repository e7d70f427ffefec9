//! Every key of the file in one table: what it takes, what holds without it, at which levels it may be said.

mod table;

pub(super) use table::{CALLER, FILE, LOG, SERVER, TENANT};

/// A key, as the reference describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) without: Without,
    pub(super) levels: Levels,
    /// What it means, for an editor.
    pub(super) about: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Flag,
    /// A whole number within these bounds.
    Whole(i64, i64),
    Text(Text),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A date and time with an offset.
    Instant,
    List(&'static Kind),
    Table(&'static [Key]),
    /// Names of the administrator's choosing, and what each takes.
    Names(Text, &'static Kind),
    /// Names of organizations; each takes what a tenant takes.
    Organizations(Text),
    /// A text, or a table with all of these keys.
    TextOrTable(Text, &'static [Key]),
}

/// What a text looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// A regular expression that every such text matches, though others may; empty for any.
    pub(super) pattern: &'static str,
    /// Whether it must never be shown.
    pub(super) hidden: bool,
}

/// What holds without a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Without {
    /// This value, as TOML writes it.
    Value(&'static str),
    /// What else the words say; a sentence's end.
    Else(&'static str),
    /// The file is refused.
    Required,
}

/// At which levels a key of a tenant may be said. A realm may say all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    /// Whether `[defaults]` may, for all realms.
    pub(super) defaults: bool,
    pub(super) organization: Organization,
}

/// What an organization has to do with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Organization {
    /// It may say it, and else takes its realm's value.
    Folds,
    /// It takes its realm's value.
    Takes,
    /// It may say it, and never takes its realm's value.
    Own,
    /// It has no such key.
    Never,
}

impl Levels {
    /// May be said anywhere, and passes on.
    pub(super) const ALL: Self = Self { defaults: true, organization: Organization::Folds };
    /// Is the same for a realm and its organizations.
    pub(super) const REALM: Self = Self { defaults: true, organization: Organization::Takes };
    /// Belongs to one realm.
    pub(super) const ONE_REALM: Self = Self { defaults: false, organization: Organization::Takes };
    /// Belongs to one tenant.
    pub(super) const ONE_TENANT: Self = Self { defaults: false, organization: Organization::Own };
}

/// The place of a table in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Defaults,
    Realm,
    Organization,
}

impl Place {
    /// Whether a key may stand there.
    pub(super) fn takes(self, levels: Levels) -> bool {
        match self {
            Self::Defaults => levels.defaults,
            Self::Realm => true,
            Self::Organization => matches!(levels.organization, Organization::Folds | Organization::Own),
        }
    }
}

impl Kind {
    /// Whether it is one value or a list of such, which an environment variable can hold.
    pub(super) fn is_flat(&self) -> bool {
        match self {
            Self::Flag | Self::Whole(..) | Self::Text(_) | Self::Word(_) => true,
            Self::List(element) => element.is_flat(),
            Self::Instant
            | Self::Table(_)
            | Self::Names(..)
            | Self::Organizations(_)
            | Self::TextOrTable(..) => false,
        }
    }

    /// Whether its value must never be shown.
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::Text(text) => text.hidden,
            Self::List(element) => element.is_hidden(),
            _ => false,
        }
    }
}

/// The flat keys of a table and of the tables in it, each with the names on the way to it.
pub(super) fn flat(table: &'static [Key]) -> Vec<(Vec<&'static str>, &'static Key)> {
    let below = |key: &'static Key| -> Vec<(Vec<&'static str>, &'static Key)> {
        match &key.kind {
            Kind::Table(keys) => {
                let deeper = flat(keys).into_iter();
                deeper.map(|(path, found)| ([&[key.name], path.as_slice()].concat(), found)).collect()
            }
            kind if kind.is_flat() => vec![(vec![key.name], key)],
            _ => Vec::new(),
        }
    };
    table.iter().flat_map(below).collect()
}

/// Whether the value at `path` below a table with these keys must never be shown; what the table does not know must not
/// either.
pub(super) fn hides(keys: &'static [Key], path: &[String]) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    let Some(key) = keys.iter().find(|key| key.name == name) else { return true };
    match (&key.kind, rest) {
        (Kind::Table(keys), rest) => hides(keys, rest),
        (Kind::Names(_, Kind::Table(keys)), [_, rest @ ..]) => hides(keys, rest),
        (Kind::Names(_, kind), _) => kind.is_hidden(),
        (kind, _) => kind.is_hidden(),
    }
}
