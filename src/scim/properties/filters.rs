//! Laws of filters: what they mean, how they are printed, what is said where they are malformed.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::Value;

use super::super::filter::parse;
use super::expression::{Expression, expression, noise};
use super::naive::{self, Scope};
use super::people::{meta, person, rendered, staff};

/// Random users, as a client reads them.
fn people(runner: &mut TestRunner, count: usize) -> Vec<Value> {
    let people = prop::collection::vec((person(), meta()), count).new_tree(runner).unwrap().current();
    people.iter().map(|(person, meta)| rendered(staff(), person, meta)).collect()
}

/// Agreement on filters that match everybody or nobody would say little.
#[test]
fn a_filter_means_what_a_naive_evaluator_says() {
    let (told_apart, all) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut runner = TestRunner::new(Config {
        cases: 2 * Config::default().cases,
        failure_persistence: None,
        ..Config::default()
    });
    let people = people(&mut runner, 150);
    let agree = |(expression, some): (Expression, Vec<&Value>)| {
        let text = expression.plain();
        let filter =
            parse(staff(), &text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        let mut matched = 0;
        for person in &some {
            let expected = naive::matches(&expression, Scope::Resource(staff(), person));
            prop_assert_eq!(filter.matches(person), expected, "{} on {}", text, person);
            matched += usize::from(expected);
        }
        all.set(all.get() + 1);
        told_apart.set(told_apart.get() + u32::from(matched > 0 && matched < some.len()));
        Ok(())
    };
    let twelve = prop::collection::vec(any::<prop::sample::Selector>(), 12);
    let some = twelve.prop_map(|twelve| twelve.iter().map(|one| one.select(&people)).collect());
    match runner.run(&(expression(staff()), some), agree) {
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        outcome => outcome.unwrap(),
    }
    let share = told_apart.get() * 100 / all.get();
    assert!(share >= 30, "only {share} % of the filters match some users and not all");
}

proptest! {
    #[test]
    fn a_printed_filter_is_read_as_the_same_filter(expression in expression(staff())) {
        let filter = parse(staff(), &expression.plain()).unwrap();
        let printed = filter.to_string();
        prop_assert_eq!(&parse(staff(), &printed).unwrap(), &filter, "{}", printed);
        prop_assert_eq!(parse(staff(), &printed).unwrap().to_string(), printed);
    }

    #[test]
    fn letter_case_spaces_and_needless_parentheses_change_nothing(expression in expression(staff()), mut noise in noise()) {
        let (plain, odd) = (expression.plain(), expression.text(&mut noise));
        prop_assert_eq!(parse(staff(), &odd), parse(staff(), &plain), "{} and {}", odd, plain);
    }

    #[test]
    fn a_spoilt_filter_is_a_filter_or_an_error_with_a_position_in_it(
        expression in expression(staff()),
        at in any::<prop::sample::Index>(),
        edit in edit(),
    ) {
        let mut text: Vec<char> = expression.plain().chars().collect();
        edit.apply(at.index(text.len()), &mut text);
        let spoilt: String = text.iter().collect();
        match parse(staff(), &spoilt) {
            Ok(filter) => prop_assert_eq!(parse(staff(), &filter.to_string()).unwrap(), filter),
            Err(error) => prop_assert!(
                error.position >= 1 && error.position <= text.len() + 1,
                "{} in {}", error, spoilt
            ),
        }
    }
}

/// A change to a text.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    Insert(char),
    Replace(char),
    OtherCase,
    Remove,
    CutOff,
    Repeat(usize),
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let character = || prop::sample::select(" ()[]\".\\:$aeqr0-\u{1}ü\t".chars().collect::<Vec<_>>());
    prop_oneof![
        character().prop_map(Edit::Insert),
        character().prop_map(Edit::Replace),
        Just(Edit::Insert(' ')),
        Just(Edit::OtherCase),
        Just(Edit::Remove),
        Just(Edit::CutOff),
        (1..20_usize).prop_map(Edit::Repeat),
    ]
}

impl Edit {
    /// Makes the change at a place in the text.
    pub(super) fn apply(&self, at: usize, text: &mut Vec<char>) {
        match self {
            Self::Insert(character) => text.insert(at, *character),
            Self::Replace(character) => text[at] = *character,
            Self::OtherCase if text[at].is_ascii_lowercase() => text[at].make_ascii_uppercase(),
            Self::OtherCase => text[at].make_ascii_lowercase(),
            Self::Remove => {
                text.remove(at);
            }
            Self::CutOff => text.truncate(at),
            Self::Repeat(length) => {
                let again = text[at..(at + length).min(text.len())].to_vec();
                text.splice(at..at, again);
            }
        }
    }
}
