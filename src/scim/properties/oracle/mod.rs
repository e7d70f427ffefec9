//! An outside judge: what the crate `scim_v2` reads, we read, and with the same meaning; the exceptions each with its reason.
//!
//! It knows the grammar and no schema, so that it takes names and types that no served schema has.

mod filters;
mod patches;
mod users;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use scim_v2::filter as theirs;
use serde_json::Value;

use super::super::date_time;
use super::super::filter::{Filter, Operand, Operator, Path};
use super::super::schema::{Attribute, ResourceType, Type};
use super::expression::{Expression, operators};
use super::naive;

/// Why something that is in the grammar is refused all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// No served schema has the attribute: matching nothing in silence would help nobody (RFC 7644 section 3.4.2.2 leaves it
    /// to the server).
    Unknown,
    /// The attribute is never returned, so that a filter must not tell its values (RFC 7643 section 7).
    Secret,
    /// "Boolean and Binary attributes SHALL cause a failed response" with an order; complex attributes need a sub-attribute.
    Operator,
    /// A value of another type than the attribute's can't be compared with it.
    Value,
    /// Brackets stand behind complex and multi-valued attributes alone, and in no other brackets.
    Brackets,
}

/// Runs the law on random input. At least so many in a hundred must be read by both.
fn agree<S: Strategy>(least: u32, input: &S, law: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let (read, all) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = Config {
        cases: 2 * Config::default().cases,
        max_shrink_iters: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(input, |input| {
        let both = law(input)?;
        all.set(all.get() + 1);
        read.set(read.get() + u32::from(both));
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(reason, input)) => panic!("{reason}\n{input:?}"),
        outcome => outcome.expect("the strategy gives input"),
    }
    let share = read.get() * 100 / all.get();
    assert!(share >= least, "both read only {share} % of it");
}

/// Their tree in our neutral form; a chain of `and` or `or` in one node, whatever its parentheses.
fn neutral(filter: &theirs::Filter) -> Expression {
    match filter {
        theirs::Filter::And(parts) => Expression::And(parts.iter().map(neutral).collect()),
        theirs::Filter::Or(parts) => Expression::Or(parts.iter().map(neutral).collect()),
        theirs::Filter::Not(inner) => Expression::Not(Box::new(neutral(inner))),
        theirs::Filter::Attr(leaf) => neutral_leaf(leaf),
        theirs::Filter::ValuePath(path) => {
            Expression::Element(path.attr.to_string(), Box::new(neutral_within(&path.filter)), None)
        }
    }
}

fn neutral_within(filter: &theirs::ValFilter) -> Expression {
    match filter {
        theirs::ValFilter::And(parts) => Expression::And(parts.iter().map(neutral_within).collect()),
        theirs::ValFilter::Or(parts) => Expression::Or(parts.iter().map(neutral_within).collect()),
        theirs::ValFilter::Not(inner) => Expression::Not(Box::new(neutral_within(inner))),
        theirs::ValFilter::Attr(leaf) => neutral_leaf(leaf),
    }
}

fn neutral_leaf(leaf: &theirs::AttrExp) -> Expression {
    let (path, operator, value) = match leaf {
        theirs::AttrExp::Present(path) => return Expression::Present(path.to_string()),
        theirs::AttrExp::Comparison(path, operator, value) => (path, operator, value),
    };
    let operator = match operator {
        theirs::CompareOp::Eq => Operator::Eq,
        theirs::CompareOp::Ne => Operator::Ne,
        theirs::CompareOp::Co => Operator::Co,
        theirs::CompareOp::Sw => Operator::Sw,
        theirs::CompareOp::Ew => Operator::Ew,
        theirs::CompareOp::Gt => Operator::Gt,
        theirs::CompareOp::Ge => Operator::Ge,
        theirs::CompareOp::Lt => Operator::Lt,
        theirs::CompareOp::Le => Operator::Le,
    };
    let value = match value {
        theirs::CompValue::True => Value::Bool(true),
        theirs::CompValue::False => Value::Bool(false),
        theirs::CompValue::Null => Value::Null,
        theirs::CompValue::Number(number) => Value::Number(number.clone()),
        theirs::CompValue::Str(text) => Value::String(text.clone()),
    };
    Expression::Compare(path.to_string(), operator, value)
}

/// What a name leads to: the keys on the way, and the attribute there.
fn find<'a>(
    of: &'a ResourceType,
    within: Option<&'a Attribute>,
    name: &str,
) -> Result<(Vec<String>, &'a Attribute), Refusal> {
    let (keys, found, whole) = match within {
        Some(attribute) if attribute.kind != Type::Complex => {
            if !name.eq_ignore_ascii_case("value") {
                return Err(Refusal::Unknown);
            }
            (vec![], attribute, attribute)
        }
        Some(attribute) => {
            let sub = attribute.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name));
            let sub = sub.ok_or(Refusal::Unknown)?;
            (vec![sub.name.to_string()], &**sub, &**sub)
        }
        None => {
            let (urn, attribute, sub) = naive::resolve(of, name).ok_or(Refusal::Unknown)?;
            let keys = urn.into_iter().chain([&*attribute.name]).chain(sub.map(|sub| &*sub.name));
            (keys.map(str::to_owned).collect(), sub.unwrap_or(attribute), attribute)
        }
    };
    if found.is_secret() || whole.is_secret() { Err(Refusal::Secret) } else { Ok((keys, found)) }
}

fn path(keys: Vec<String>, attribute: &Attribute) -> Path {
    let keys = keys.iter().map(|key| key.as_str().into()).collect();
    Path { keys, kind: attribute.kind, case_exact: attribute.case_exact }
}

/// The filter that it must be, or why it must be refused.
fn understood(of: &ResourceType, within: Option<&Attribute>, filter: &Expression) -> Result<Filter, Refusal> {
    let all = |parts: &[Expression]| -> Result<Vec<_>, _> {
        parts.iter().map(|part| understood(of, within, part)).collect()
    };
    Ok(match filter {
        Expression::And(parts) => Filter::And(all(parts)?),
        Expression::Or(parts) => Filter::Or(all(parts)?),
        Expression::Not(inner) => Filter::Not(Box::new(understood(of, within, inner)?)),
        Expression::Present(name) => {
            let (keys, attribute) = find(of, within, name)?;
            Filter::Present(path(keys, attribute))
        }
        Expression::Compare(name, operator, value) => {
            let (mut keys, mut attribute) = find(of, within, name)?;
            if attribute.kind == Type::Complex {
                attribute = attribute.sub("value").ok_or(Refusal::Operator)?;
                keys.push("value".into());
            }
            if !operators(attribute.kind).contains(operator) {
                return Err(Refusal::Operator);
            }
            let operand = operand(attribute, *operator, value).ok_or(Refusal::Value)?;
            Filter::Compare(path(keys, attribute), *operator, operand)
        }
        Expression::Element(name, inner, _) => {
            let (keys, attribute) = find(of, within, name)?;
            let is_sub = keys.len() > 1 && !keys[0].contains(':') || keys.len() > 2;
            if is_sub || !(attribute.kind == Type::Complex || attribute.multi_valued) {
                return Err(Refusal::Brackets);
            }
            Filter::Element(path(keys, attribute), Box::new(understood(of, Some(attribute), inner)?))
        }
    })
}

fn operand(attribute: &Attribute, operator: Operator, value: &Value) -> Option<Operand> {
    match (attribute.kind, value) {
        (_, Value::Null) => matches!(operator, Operator::Eq | Operator::Ne).then_some(Operand::Null),
        (Type::Boolean, Value::Bool(flag)) => Some(Operand::Boolean(*flag)),
        (Type::Boolean, Value::String(text)) => text.to_ascii_lowercase().parse().ok().map(Operand::Boolean),
        (Type::Integer, number) => number.as_i64().map(Operand::Integer),
        (Type::Decimal, number) => number.as_f64().map(Operand::Decimal),
        (Type::DateTime, text) => date_time::read(text.as_str()?).map(Operand::DateTime),
        (Type::String | Type::Reference | Type::Binary, text) => Some(Operand::String(text.as_str()?.into())),
        (Type::Boolean | Type::Complex, _) => None,
    }
}

/// Whitespace where the grammar has none, and the dot that Entra ID writes behind a URN, are exceptions; see below.
fn is_exempt(text: &str) -> bool {
    let odd_space = |c: char| c.is_whitespace() && c != ' ';
    text.contains(odd_space)
        || [" [", " .", "]. "].iter().any(|spaced| text.contains(spaced))
        || text.to_ascii_lowercase().contains(":user.")
}
