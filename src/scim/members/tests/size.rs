//! Very many members: how much work they make, and how many there may be.

use super::*;
use crate::scim::Code;

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("2819c223-7f76-453a-919d-{number:012}")).collect()
}

fn values(count: usize) -> Value {
    ids(count).into_iter().map(|id| json!({ "value": id })).collect()
}

/// How many ids are compared with each other meanwhile.
fn comparisons(work: impl FnOnce()) -> usize {
    COMPARISONS.set(0);
    work();
    COMPARISONS.get()
}

/// A hash table compares an id with the few others that happen to be at its place.
#[test]
fn twenty_thousand_members_are_hardly_compared_with_each_other() {
    const MANY: usize = 20_000;
    let repeated = Value::Array(
        [values(MANY).as_array().unwrap().clone(), values(MANY).as_array().unwrap().clone()].concat(),
    );
    let add = json!([
        {"op": "add", "path": "members", "value": repeated},
        {"op": "remove", "path": "members", "value": values(MANY / 2)},
        {"op": "add", "value": {"members": values(MANY)}},
    ]);
    let most = 12 * MANY;
    let compared = comparisons(|| {
        let patch = read(&add).unwrap();
        let change = net(&patch.members).unwrap();
        assert_eq!((change.added.len(), change.removed.len()), (MANY, 0));
        let there = values(MANY);
        let among = net_among(&patch.members, there.as_array().unwrap());
        assert_eq!(among.added.len(), MANY);
    });
    assert!((MANY..most).contains(&compared), "{compared} comparisons");
    let compared = comparisons(|| {
        let mut body = object(&json!({ "displayName": "All", "members": repeated }));
        assert_eq!(take(&mut body).unwrap().unwrap().len(), MANY);
    });
    assert!((MANY..most).contains(&compared), "{compared} comparisons");
}

#[test]
fn a_request_may_name_a_hundred_thousand_members_and_no_more() {
    let taken = |count| take(&mut object(&json!({ "members": vec!["a"; count] })));
    assert_eq!(taken(MAX_MEMBERS), Ok(Some(named(&["a"]))));
    let error = taken(MAX_MEMBERS + 1).unwrap_err();
    assert_eq!((error.status, error.code), (400, Code::ValueTooLong));
    assert!(error.detail.contains("100000"), "{}", error.detail);
    let added = |count: usize| read(&json!([{"op": "add", "path": "members", "value": vec!["a"; count]}]));
    assert!(added(MAX_MEMBERS).is_ok());
    assert_eq!(added(MAX_MEMBERS + 1).unwrap_err().code, Code::ValueTooLong);
}
