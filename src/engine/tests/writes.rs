//! POST, PUT, PATCH and DELETE: what is asserted, what is answered, what changes.

use super::*;

#[tokio::test]
async fn a_created_user_is_answered_whole_with_id_location_and_version() {
    let house = House::new();
    let created = house.create(&babs()).await.unwrap();
    let Outcome::Created { whole, shown } = &created else { panic!("{created:?}") };
    assert_eq!(whole, shown);
    assert_eq!((&whole["id"], &whole["userName"]), (&json!("1"), &json!("babs@example.com")));
    assert_eq!(whole["schemas"], json!([USER_URN, ENTERPRISE_URN]));
    assert_eq!(whole["meta"]["location"], format!("{BASE}/Users/1"));
    assert!(version(whole).starts_with("W/\""));
    assert_eq!(&house.get("1").await, whole);
    assert_eq!(house.log(), [Asked::Write(Some(true))]);
}

#[tokio::test]
async fn a_create_that_leaves_active_out_asserts_nothing() {
    let house = House::new();
    house.create(&json!({"userName": "b"})).await.unwrap();
    assert_eq!(house.log(), [Asked::Write(None)]);
}

#[tokio::test]
async fn what_can_not_be_created_is_refused() {
    let house = House::of(&[babs()]);
    let taken = house.create(&json!({"userName": "BABS@example.com"})).await.unwrap_err();
    assert_eq!((taken.status, taken.code), (409, Code::UserExists));
    let nameless = house.create(&json!({"title": "x"})).await.unwrap_err();
    assert_eq!((nameless.status, nameless.code), (400, Code::RequiredMissing));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::new();
    let (context, none, all) = (&house.context, Conditions::default(), Projection::All);
    for answer in [
        house.engine.get(context, "1", &none, &all).await,
        house.replace(&babs()).await,
        house.patch(&json!([{"op": "remove", "path": "title"}])).await,
        house.engine.delete(context, "1", &none).await,
    ] {
        let error = answer.unwrap_err();
        assert_eq!((error.status, error.code), (404, Code::NotFound));
    }
}

#[tokio::test]
async fn put_clears_what_it_leaves_out_but_active_and_external_id() {
    let house = House::of(&[
        json!({"active": false, "externalId": "00u1", "userName": "b", "title": "t", "emails": [{"value": "a@b"}]}),
    ]);
    let after = shown(house.replace(&json!({"userName": "c", "nickName": "n"})).await.unwrap());
    for (name, value) in [
        ("userName", json!("c")),
        ("nickName", json!("n")),
        ("active", json!(false)),
        ("externalId", json!("00u1")),
        ("title", Value::Null),
        ("emails", Value::Null),
    ] {
        assert_eq!(after[name], value, "{name}");
    }
    assert_eq!(house.get("1").await, after);
    // Left out or null, it says nothing of `active`; named, it does.
    house.replace(&json!({"userName": "c", "active": null})).await.unwrap();
    let after =
        shown(house.replace(&json!({"userName": "c", "active": true, "externalId": "00u2"})).await.unwrap());
    assert_eq!((&after["active"], &after["externalId"]), (&json!(true), &json!("00u2")));
    assert_eq!(house.log(), [Asked::Write(None), Asked::Write(None), Asked::Write(Some(true))]);
}

#[tokio::test]
async fn a_patch_asserts_active_only_where_it_names_it() {
    let house = House::of(&[babs()]);
    for (operations, asserted) in [
        (json!([{"op": "replace", "path": "title", "value": "x"}]), None),
        (json!([{"op": "replace", "value": {"title": "y"}}]), None),
        (json!([{"op": "replace", "path": "active", "value": true}]), Some(true)),
        (json!([{"op": "replace", "value": {"ACTIVE": false, "title": "z"}}]), Some(false)),
        (json!([{"op": "add", "path": format!("{USER_URN}:active"), "value": true}]), Some(true)),
        // Taking it away is no word for either.
        (json!([{"op": "remove", "path": "active"}]), None),
    ] {
        house.fake.log.lock().unwrap().clear();
        house.patch(&operations).await.unwrap();
        assert_eq!(house.log(), [Asked::Write(asserted)], "{operations}");
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_is_answered_whole() {
    let house = House::of(&[babs()]);
    let operations = json!([
        {"op": "replace", "path": "emails[type eq \"home\"].value", "value": "b@home.org"},
        {"op": "remove", "path": "title"},
    ]);
    let after = shown(house.patch(&operations).await.unwrap());
    assert_eq!(after["emails"][1], json!({"value": "b@home.org", "type": "home"}));
    assert_eq!((&after["title"], &after["name"]["givenName"]), (&Value::Null, &json!("Barbara")));
    assert_eq!(house.get("1").await, after);
}

#[tokio::test]
async fn a_patch_that_fails_changes_nothing() {
    let house = House::of(&[babs()]);
    let before = house.get("1").await;
    for last in [
        json!({"op": "replace", "path": "active", "value": "perhaps"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "remove"}),
        json!({"op": "replace", "path": "nope", "value": 1}),
        json!({"op": "replace", "path": "id", "value": "2"}),
    ] {
        let operations = json!([{"op": "replace", "path": "title", "value": "new"}, last.clone()]);
        let error = house.patch(&operations).await.unwrap_err();
        assert_eq!((error.status, error.scim_type.is_some()), (400, true), "{last}");
        assert_eq!(house.get("1").await, before, "{last}");
    }
    assert_eq!(house.log(), []);
}

#[tokio::test]
async fn a_deleted_user_is_gone() {
    let house = House::of(&[babs()]);
    let gone = house.engine.delete(&house.context, "1", &Conditions::default()).await;
    assert_eq!(gone, Ok(Outcome::Deleted));
    assert!(house.fake.users.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answers_to_writes_are_projected_and_keep_what_their_headers_need() {
    let house = House::new();
    let (context, none) = (&house.context, Conditions::default());
    let only = projection("attributes", "userName");
    let but = projection("excludedAttributes", "emails,name");
    let created = house.engine.create(context, &object(&babs()), &only).await.unwrap();
    let replaced = house.engine.replace(context, "1", &object(&babs()), &none, &only).await.unwrap();
    let operations = patch(&json!([{"op": "add", "path": "nickName", "value": "n"}]));
    let patched = house.engine.patch(context, "1", &operations, &none, &but).await.unwrap();
    for outcome in [&created, &replaced, &patched] {
        let (Outcome::Created { whole, shown } | Outcome::Found { whole, shown }) = outcome else { panic!() };
        assert!(!version(whole).is_empty() && !whole["meta"]["location"].is_null());
        assert_eq!((&shown["id"], &shown["userName"]), (&json!("1"), &json!("babs@example.com")));
        assert_eq!((&shown["emails"], &shown["name"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(shown(created)["title"], Value::Null);
    assert_eq!(shown(patched)["nickName"], "n");
}
