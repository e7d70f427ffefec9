//! Conditions on users that Keycloak can answer so that nobody is missed, joined in one query.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::directory::admin::storage::MANAGED;
use crate::keycloak::{AttributeMatch, UserQuery};
use crate::scim::filter::Operator;

/// The longest text that is asked for, in UTF-16 units: what Keycloak's columns hold. It keeps longer values of
/// attributes elsewhere, and fails (with 500) to count those that have one.
const LONGEST: usize = 255;
/// How many pieces of a text are asked for: a database may try all ways in which they can be apart.
const MAX_PIECES: usize = 8;
/// How many attributes are asked for at once: each is a join.
const MAX_ATTRIBUTES: usize = 3;

/// Conditions that all hold; without any, all managed users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    username: Option<Text>,
    first_name: Option<Text>,
    last_name: Option<Text>,
    /// By the attribute's name. Whole values only: see [`Narrowing::by_attribute`].
    attributes: BTreeMap<String, Text>,
    enabled: Option<bool>,
    /// Milliseconds since 1970, inclusive; never before 1970.
    created_from: Option<i64>,
    /// The same.
    created_to: Option<i64>,
}

impl Narrowing {
    pub(super) fn by_username(operator: Operator, text: &str) -> Option<Self> {
        Some(Self { username: Some(Text::compared(operator, text)?), ..Self::default() })
    }

    pub(super) fn by_first_name(operator: Operator, text: &str) -> Option<Self> {
        Some(Self { first_name: Some(Text::compared(operator, text)?), ..Self::default() })
    }

    pub(super) fn by_last_name(operator: Operator, text: &str) -> Option<Self> {
        Some(Self { last_name: Some(Text::compared(operator, text)?), ..Self::default() })
    }

    /// Those whose attribute is equal to the text. Nothing less will do: an attribute may be longer than [`LONGEST`],
    /// and then Keycloak does not find it by a part of it.
    pub(super) fn by_attribute(name: &str, text: &str) -> Option<Self> {
        let text = Text::compared(Operator::Eq, text)?;
        AttributeMatch::new(name, &text.pattern).ok()?;
        Some(Self { attributes: [(name.to_owned(), text)].into(), ..Self::default() })
    }

    pub(super) fn by_enabled(enabled: bool) -> Self {
        Self { enabled: Some(enabled), ..Self::default() }
    }

    pub(super) fn by_creation(operator: Operator, instant: OffsetDateTime) -> Option<Self> {
        const MILLI: i128 = 1_000_000;
        let nanos = instant.unix_timestamp_nanos();
        let before = i64::try_from(nanos.div_euclid(MILLI)).ok()?;
        let after = i64::try_from((nanos + MILLI - 1).div_euclid(MILLI)).ok()?;
        let (from, to) = match operator {
            Operator::Eq => (Some(before), Some(after)),
            Operator::Gt | Operator::Ge => (Some(before), None),
            Operator::Lt | Operator::Le => (None, Some(after)),
            _ => return None,
        };
        // Keycloak refuses what is before 1970.
        let created_from = from.filter(|from| *from > 0);
        Some(Self { created_from, created_to: to.filter(|to| *to > 0), ..Self::default() })
    }

    /// Both's conditions, or as many of them as one query can have.
    #[must_use]
    pub(super) fn and(mut self, other: &Self) -> Self {
        for (name, text) in &other.attributes {
            if self.attributes.contains_key(name) || self.attributes.len() < MAX_ATTRIBUTES {
                let more = more_selective(self.attributes.remove(name), Some(text.clone()));
                self.attributes.extend(more.map(|text| (name.clone(), text)));
            }
        }
        Self {
            username: more_selective(self.username, other.username.clone()),
            first_name: more_selective(self.first_name, other.first_name.clone()),
            last_name: more_selective(self.last_name, other.last_name.clone()),
            attributes: self.attributes,
            enabled: self.enabled.or(other.enabled),
            created_from: self.created_from.max(other.created_from),
            created_to: [self.created_to, other.created_to].into_iter().flatten().min(),
        }
    }

    /// Are these all managed users?
    pub fn is_everybody(&self) -> bool {
        !self.is_selective() && self.enabled.is_none() && self.created_from.is_none()
    }

    /// Is there a text to find them by?
    pub(super) fn is_selective(&self) -> bool {
        self.texts().next().is_some()
    }

    fn texts(&self) -> impl Iterator<Item = &Text> {
        let names = [&self.username, &self.first_name, &self.last_name];
        names.into_iter().flatten().chain(self.attributes.values())
    }

    /// The query for the users of a tenant, as it stands in the index; its window is still to be set.
    pub fn query(&self, tenant: &str) -> UserQuery {
        // A search by a text is quick, and many times slower with the index beside it. Without a text the index is what
        // keeps those out that nobody may see.
        let index = (!self.is_selective()).then(|| AttributeMatch::new(MANAGED, tenant));
        let flat = self.attributes.iter().map(|(name, text)| AttributeMatch::new(name, &text.pattern));
        let pattern = |text: &Option<Text>| text.as_ref().map(|text| text.pattern.clone());
        UserQuery {
            username: pattern(&self.username),
            first_name: pattern(&self.first_name),
            last_name: pattern(&self.last_name),
            // One switch for all.
            exact: self.texts().all(|text| text.whole),
            attributes: index.into_iter().chain(flat).filter_map(Result::ok).collect(),
            enabled: self.enabled,
            created_after: self.created_from,
            // Users whose creation Keycloak does not know are shown as of 1970, and it finds them by no time at all:
            // an end alone would miss them.
            created_before: self.created_to.filter(|_| self.created_from.is_some()),
            ..UserQuery::default()
        }
    }
}

/// A text to search for, without letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    /// In lower case; `%` stands for any characters, `_` for one.
    pattern: String,
    /// Is it the whole value as it is, so that an exact search finds it as well?
    whole: bool,
}

impl Text {
    /// What every value has that compares so; none where nothing can be said.
    fn compared(operator: Operator, text: &str) -> Option<Self> {
        if !matches!(operator, Operator::Eq | Operator::Co | Operator::Sw | Operator::Ew) {
            return None;
        }
        let lower = text.to_lowercase();
        if lower.encode_utf16().count() > LONGEST {
            return None;
        }
        let pieces: Vec<&str> = lower.split(|c| !is_literal(c)).filter(|piece| !piece.is_empty()).collect();
        let whole = operator == Operator::Eq && pieces.concat() == lower;
        let pattern = pieces.into_iter().take(MAX_PIECES).collect::<Vec<_>>().join("%");
        (!pattern.is_empty()).then_some(Self { pattern, whole })
    }
}

/// Does Keycloak find this character wherever the gateway does? The gateway, Keycloak and the database each have their
/// own lower case: of `K` (the Kelvin sign) and `İ` it is, or has in it, an ASCII letter for some of them only, and for
/// Turkish ones so is that of `I`. The others are special to the search of some database.
fn is_literal(c: char) -> bool {
    (c.is_ascii_graphic() || c == ' ') && !matches!(c, 'i' | 'k' | '%' | '\\' | '[' | ']' | '^')
}

/// The one of two texts that fewer users have, by the look of it.
fn more_selective(one: Option<Text>, other: Option<Text>) -> Option<Text> {
    [one, other].into_iter().flatten().max_by_key(|text| (text.whole, text.pattern.len()))
}
