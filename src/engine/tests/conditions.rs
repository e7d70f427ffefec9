//! If-Match and If-None-Match.

use super::*;

fn if_match(tags: &str) -> Conditions {
    Conditions { if_match: Some(tags.into()), if_none_match: None }
}

#[tokio::test]
async fn another_version_is_412_and_changes_nothing() {
    let house = House::of(&[babs()]);
    let (engine, context, all) = (&house.engine, &house.context, Projection::All);
    let before = house.get("1").await;
    let operations = patch(&json!([{"op": "remove", "path": "title"}]));
    let old = if_match("W/\"old\", \"older\"");
    for answer in [
        engine.replace(context, "1", &object(&json!({"userName": "c"})), &old, &all).await,
        engine.patch(context, "1", &operations, &old, &all).await,
        engine.delete(context, "1", &old).await,
    ] {
        let error = answer.unwrap_err();
        assert_eq!((error.status, error.code), (412, Code::VersionMismatch));
        assert_eq!(house.get("1").await, before);
    }
    assert_eq!(house.log(), []);
}

#[tokio::test]
async fn this_version_or_any_goes_through_and_makes_another() {
    let house = House::of(&[babs()]);
    let (engine, context, all) = (&house.engine, &house.context, Projection::All);
    let first = version(&house.get("1").await).to_owned();
    let operations = |title: &str| patch(&json!([{"op": "replace", "path": "title", "value": title}]));
    let this = if_match(&format!("\"other\", {first}"));
    engine.patch(context, "1", &operations("a"), &this, &all).await.unwrap();
    let second = version(&house.get("1").await).to_owned();
    assert_ne!(first, second);
    assert_eq!(engine.patch(context, "1", &operations("b"), &this, &all).await.unwrap_err().status, 412);
    engine.patch(context, "1", &operations("b"), &if_match("*"), &all).await.unwrap();
    engine.delete(context, "1", &if_match("*")).await.unwrap();
}

#[tokio::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let house = House::of(&[babs()]);
    let all = Projection::All;
    let known = version(&house.get("1").await).to_owned();
    let ask = |tags: &str| {
        let conditions = Conditions { if_match: None, if_none_match: Some(tags.into()) };
        let house = &house;
        let all = &all;
        async move { house.engine.get(&house.context, "1", &conditions, all).await.unwrap() }
    };
    assert_eq!(ask(&known).await, Outcome::NotModified { version: known.clone() });
    assert_eq!(ask("*").await, Outcome::NotModified { version: known.clone() });
    assert!(matches!(ask("W/\"old\"").await, Outcome::Found { .. }));
    house.patch(&json!([{"op": "remove", "path": "title"}])).await.unwrap();
    assert!(matches!(ask(&known).await, Outcome::Found { .. }));
}
