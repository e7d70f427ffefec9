//! Filters: the same text is the same tree.

use proptest::prelude::*;
use scim_v2::filter as theirs;

use super::super::super::filter::{Filter, parse};
use super::super::expression::{expression, noise};
use super::super::filters::{Edit, edit};
use super::super::people::staff;
use super::{Refusal, agree, is_exempt, neutral, understood};

/// The same filter with chains of `and` or `or` in one node, as theirs has them.
fn flat(filter: Filter) -> Filter {
    let join = |parts: Vec<Filter>, open: fn(Filter) -> Result<Vec<Filter>, Filter>| {
        let opened =
            parts.into_iter().map(flat).flat_map(|part| open(part).unwrap_or_else(|part| vec![part]));
        opened.collect()
    };
    match filter {
        Filter::And(parts) => Filter::And(join(parts, |part| match part {
            Filter::And(parts) => Ok(parts),
            other => Err(other),
        })),
        Filter::Or(parts) => Filter::Or(join(parts, |part| match part {
            Filter::Or(parts) => Ok(parts),
            other => Err(other),
        })),
        Filter::Not(inner) => Filter::Not(Box::new(flat(*inner))),
        Filter::Element(path, inner) => Filter::Element(path, Box::new(flat(*inner))),
        leaf @ (Filter::Present(_) | Filter::Compare(..)) => leaf,
    }
}

fn judge(text: &str) -> Result<bool, TestCaseError> {
    let ours = parse(staff(), text);
    let Ok(theirs) = text.parse::<theirs::Filter>() else { return Ok(false) };
    if is_exempt(text) {
        return Ok(false);
    }
    match (understood(staff(), None, &neutral(&theirs)), ours) {
        (Ok(expected), ours) => {
            prop_assert_eq!(ours.map(flat), Ok(expected), "{}", text);
            Ok(true)
        }
        // Numbers as texts are taken or not; the grammar says nothing about it.
        (Err(Refusal::Value), _) => Ok(false),
        (Err(refusal), ours) => {
            prop_assert!(ours.is_err(), "{:?}, but it is taken: {}", refusal, text);
            Ok(false)
        }
    }
}

#[test]
fn filters_are_read_alike() {
    agree(50, &(expression(staff()), noise()), |(filter, mut noise)| judge(&filter.text(&mut noise)));
}

#[test]
fn spoilt_filters_are_read_alike() {
    let input = (expression(staff()), any::<prop::sample::Index>(), edit());
    agree(3, &input, |(filter, at, edit): (_, _, Edit)| {
        let mut text: Vec<char> = filter.plain().chars().collect();
        edit.apply(at.index(text.len()), &mut text);
        judge(&text.iter().collect::<String>())
    });
}

/// What one takes and the other doesn't: the text, whether they take it and whether we do, and why.
const EXCEPTIONS: &[(&str, bool, bool, &str)] = &[
    ("title\tpr", true, false, "SP in the grammar is a space"),
    ("emails [type eq \"work\"]", true, false, "nothing stands between a name and its bracket"),
    ("shoeSize pr", true, false, "no served schema has it"),
    ("urn:example:other:title pr", true, false, "no served schema has it"),
    ("pin eq \"1234\"", true, false, "it is never returned"),
    ("active gt true", true, false, "RFC 7644 section 3.4.2.2 refuses an order of booleans"),
    ("x509Certificates.value co \"AQ\"", true, false, "a binary is equal or it is not"),
    ("title eq 1", true, false, "a string is no number"),
    ("title gt null", true, false, "nothing is before or behind null"),
    ("floor eq 1.5", true, false, "an integer has no fraction"),
    ("floor eq 9223372036854775808", true, false, "integers have 64 bits"),
    ("meta.created gt \"yesterday\"", true, false, "no dateTime"),
    ("name eq \"x\"", true, false, "it is complex and has no value"),
    ("userName[value eq \"x\"]", true, false, "it has one simple value"),
    ("emails[emails.type eq \"x\"]", true, false, "the names in brackets are the element's"),
    ("title eq \"a\u{1}\"", false, false, "a control character is escaped in JSON"),
    ("not(title pr)", false, true, "the space behind \"not\" is left out by clients"),
    ("active eq TRUE", false, true, "letter case of literals says nothing"),
    ("title pr and(active pr)", false, true, "a parenthesis ends a word as well as a space does"),
    ("emails[type eq \"work\"].value eq \"x\"", false, true, "Entra ID's form"),
    ("manager.$ref pr", false, true, "RFC 7643 section 2.4 has an attribute of this name"),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager pr",
        true,
        true,
        "Entra ID writes a dot behind the URN; to them it is the attribute User of another schema",
    ),
];

#[test]
fn the_exceptions_are_these() {
    for (text, they, we, reason) in EXCEPTIONS {
        assert_eq!(text.parse::<theirs::Filter>().is_ok(), *they, "theirs: {text}: {reason}");
        assert_eq!(parse(staff(), text).is_ok(), *we, "ours: {text}: {reason}");
    }
    // They nest 64 deep and join 1,024 terms; we nest 32 deep and read 8 KiB.
    let nested = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(nested(33).parse::<theirs::Filter>().is_ok() && parse(staff(), &nested(33)).is_err());
    let long = format!("title eq \"{}\"", "a".repeat(8192));
    assert!(long.parse::<theirs::Filter>().is_ok() && parse(staff(), &long).is_err());
}
