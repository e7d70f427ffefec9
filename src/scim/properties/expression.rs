//! Random filters in a form of their own, and their text, plain or as odd as the grammar allows.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::filter::Operator;
use super::super::schema::{Attribute, ResourceType, Type};
use super::people::element;

/// A filter as somebody wrote it: names and values, nothing looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Present(String),
    Compare(String, Operator, Value),
    /// A value path, and the comparison behind the bracket that Entra ID sends.
    Element(String, Box<Expression>, Option<Box<Expression>>),
}

const ALL: [Operator; 9] = [
    Operator::Eq,
    Operator::Ne,
    Operator::Co,
    Operator::Sw,
    Operator::Ew,
    Operator::Gt,
    Operator::Ge,
    Operator::Lt,
    Operator::Le,
];

/// The operators that RFC 7644 table 3 and the prose below it give sense to.
pub(super) fn operators(kind: Type) -> Vec<Operator> {
    let contains = |operator: &Operator| matches!(operator, Operator::Co | Operator::Sw | Operator::Ew);
    match kind {
        Type::String | Type::Reference => ALL.to_vec(),
        Type::Boolean | Type::Binary => vec![Operator::Eq, Operator::Ne],
        Type::Integer | Type::Decimal | Type::DateTime => {
            ALL.into_iter().filter(|operator| !contains(operator)).collect()
        }
        Type::Complex => Vec::new(),
    }
}

/// A name, what it leads to, and what stands in the brackets behind it.
struct Subject {
    name: String,
    attribute: Arc<Attribute>,
    /// Is it all of an attribute, so that brackets may follow?
    whole: bool,
}

/// All names in all their notations, but for what is never returned.
fn subjects(of: &ResourceType) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for (extension, attribute) in of.attributes().filter(|(_, attribute)| !attribute.is_secret()) {
        let mut names =
            vec![format!("{}:{}", extension.map_or(&of.core.id, |schema| &schema.id), attribute.name)];
        // Without URN a name is the core schema's, or else the first extension's that has it.
        let first = of.attributes().find(|(_, other)| other.name.eq_ignore_ascii_case(&attribute.name));
        if first
            .is_some_and(|(other, _)| other.map(|schema| &schema.id) == extension.map(|schema| &schema.id))
        {
            names.push(attribute.name.to_string());
        }
        for name in names {
            for sub in attribute.sub_attributes.iter().filter(|sub| !sub.is_secret()) {
                let name = format!("{name}.{}", sub.name);
                subjects.push(Subject { name, attribute: Arc::clone(sub), whole: false });
            }
            subjects.push(Subject { name, attribute: Arc::clone(attribute), whole: true });
        }
    }
    subjects
}

/// A comparison of the attribute under that name, or a look whether it is there.
fn comparison(name: String, attribute: &Arc<Attribute>) -> BoxedStrategy<Expression> {
    let present = Just(Expression::Present(name.clone()));
    // A complex attribute is compared by its value.
    let compared = match attribute.kind {
        Type::Complex => attribute.sub("value").cloned(),
        _ => Some(Arc::clone(attribute)),
    };
    let Some(attribute) = compared else { return present.boxed() };
    let operator = prop::sample::select(operators(attribute.kind));
    let null = (prop::sample::select(vec![Operator::Eq, Operator::Ne]), Just(Value::Null));
    let operand = prop_oneof![8 => (operator, literal(&attribute)), 1 => null];
    let compare =
        operand.prop_map(move |(operator, value)| Expression::Compare(name.clone(), operator, value));
    prop_oneof![6 => compare, 1 => present].boxed()
}

/// A value to compare the attribute with.
fn literal(attribute: &Attribute) -> BoxedStrategy<Value> {
    match attribute.kind {
        // Entra ID writes booleans as strings.
        Type::Boolean => {
            prop::sample::select(vec![json!(true), json!(false), json!("True"), json!("false")]).boxed()
        }
        Type::String => {
            let parts = ["a", "B", "s", "bab", "sσ", "Σ", "%", "_", "\\", "\"", "Ü", ""];
            let part = prop::sample::select(parts.to_vec()).prop_map(Value::from);
            prop_oneof![3 => element(attribute), 1 => part].boxed()
        }
        _ => element(attribute),
    }
}

/// Any of these, joined and turned around in all ways.
fn joined(leaf: BoxedStrategy<Expression>, depth: u32) -> BoxedStrategy<Expression> {
    leaf.prop_recursive(depth, 8, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several().prop_map(Expression::And),
            several().prop_map(Expression::Or),
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

/// A filter on the elements of the attribute, as it stands in brackets.
pub(super) fn within(attribute: &Arc<Attribute>) -> BoxedStrategy<Expression> {
    let leaf = within_leaf(attribute);
    joined(leaf, 2)
}

fn within_leaf(attribute: &Arc<Attribute>) -> BoxedStrategy<Expression> {
    if attribute.kind != Type::Complex {
        return comparison("value".into(), attribute);
    }
    let subs = attribute.sub_attributes.iter().filter(|sub| !sub.is_secret());
    let leaves: Vec<_> = subs.map(|sub| comparison(sub.name.to_string(), sub)).collect();
    prop::sample::select(leaves).prop_flat_map(|leaf| leaf).boxed()
}

/// A filter on resources of the type.
pub(super) fn expression(of: &ResourceType) -> BoxedStrategy<Expression> {
    let leaves = subjects(of).into_iter().flat_map(|Subject { name, attribute, whole }| {
        let brackets = whole && (attribute.multi_valued || attribute.kind == Type::Complex);
        let element = brackets.then(|| {
            let then = prop::option::weighted(0.2, within_leaf(&attribute).prop_map(Box::new));
            let parts = (Just(name.clone()), within(&attribute).prop_map(Box::new), then);
            parts.prop_map(|(name, inner, then)| Expression::Element(name, inner, then)).boxed()
        });
        element.into_iter().chain([comparison(name, &attribute)])
    });
    let leaf = prop::sample::select(leaves.collect::<Vec<_>>()).prop_flat_map(|leaf| leaf);
    joined(leaf.boxed(), 3)
}

/// What makes a text odd: letter case, spaces and parentheses that change nothing. Plain where it is used up.
#[derive(Debug, Clone, Default)]
pub(super) struct Noise {
    choices: Vec<u8>,
    at: usize,
}

/// Noise for a text of some length.
pub(super) fn noise() -> impl Strategy<Value = Noise> {
    prop::collection::vec(any::<u8>(), 0..60).prop_map(|choices| Noise { choices, at: 0 })
}

impl Noise {
    fn next(&mut self) -> u8 {
        self.at += 1;
        self.choices.get(self.at - 1).copied().unwrap_or_default()
    }

    fn word(&mut self, word: &str) -> String {
        match self.next() % 4 {
            1 => word.to_ascii_uppercase(),
            2 => word.to_ascii_lowercase(),
            3 => {
                let odd = |(at, c): (usize, char)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c };
                word.chars().enumerate().map(odd).collect()
            }
            _ => word.to_owned(),
        }
    }

    /// Spaces, at least as many as there must be.
    fn spaces(&mut self, least: usize) -> String {
        " ".repeat(least + usize::from(self.next() % 5).saturating_sub(2))
    }

    /// Are parentheses put where none need be?
    fn parentheses(&mut self) -> bool {
        self.next() % 6 == 1
    }
}

impl Expression {
    /// The filter as text, without anything odd.
    pub(super) fn plain(&self) -> String {
        self.text(&mut Noise::default())
    }

    /// The filter as text.
    pub(super) fn text(&self, noise: &mut Noise) -> String {
        format!("{}{}{}", noise.spaces(0), self.term(noise), noise.spaces(0))
    }

    fn term(&self, noise: &mut Noise) -> String {
        if noise.parentheses() {
            return format!("({}{}{})", noise.spaces(0), self.bare(noise), noise.spaces(0));
        }
        self.bare(noise)
    }

    fn bare(&self, noise: &mut Noise) -> String {
        match self {
            Self::And(parts) => parts
                .iter()
                .map(|part| match part {
                    Self::And(_) | Self::Or(_) => format!("({})", part.text(noise)),
                    part => part.term(noise),
                })
                .collect::<Vec<_>>()
                .join(&format!("{}{}{}", noise.spaces(1), noise.word("and"), noise.spaces(1))),
            Self::Or(parts) => parts
                .iter()
                .map(|part| match part {
                    Self::Or(_) => format!("({})", part.text(noise)),
                    // `and` binds closer, with parentheses and without.
                    part => part.term(noise),
                })
                .collect::<Vec<_>>()
                .join(&format!("{}{}{}", noise.spaces(1), noise.word("or"), noise.spaces(1))),
            Self::Not(inner) => {
                format!("{}{}({})", noise.word("not"), noise.spaces(0), inner.text(noise))
            }
            Self::Present(name) => format!("{}{}{}", noise.word(name), noise.spaces(1), noise.word("pr")),
            Self::Compare(name, operator, value) => format!(
                "{}{}{}{}{value}",
                noise.word(name),
                noise.spaces(1),
                noise.word(&operator.to_string()),
                noise.spaces(1)
            ),
            Self::Element(name, inner, then) => {
                let then = then.as_ref().map(|then| format!(".{}", then.bare(noise))).unwrap_or_default();
                format!("{}[{}]{then}", noise.word(name), inner.text(noise))
            }
        }
    }
}
