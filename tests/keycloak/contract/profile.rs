//! The user profile: what is in a new realm's, what becomes of attributes that it does not declare, and how it judges the
//! values of those that it does.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::client;
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::profile::{name}");
    [
        both(&name("a_new_realm_has_this_one"), stock),
        both(&name("what_was_written_is_read_back"), read_back),
        both(&name("what_serves_no_user_is_refused"), refused_profiles),
        both(&name("what_is_no_profile_is_refused"), no_profile),
        both(&name("undeclared_attributes_are_dropped_without_a_word"), dropped),
        both(&name("undeclared_attributes_are_kept_where_the_policy_says_so"), kept),
        both(&name("hidden_attributes_survive_every_write"), hidden),
        both(&name("attributes_that_administrators_may_not_edit_are_dropped"), not_editable),
        both(&name("an_undeclared_value_has_at_most_2048_characters"), undeclared_length),
        both(&name("a_declared_value_has_the_length_that_is_declared"), lengths),
        both(&name("a_long_document_is_kept_whole"), document),
        both(&name("a_single_valued_attribute_takes_one_value"), single),
        both(&name("the_values_of_an_attribute_keep_their_order"), order),
        both(&name("what_administrators_must_give_must_be_there"), required),
        both(&name("who_lacks_what_people_must_give_can_not_sign_in"), signing_in),
        both(&name("a_stored_value_that_fits_no_more_stops_every_write"), fits_no_more),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The declaration of an attribute that administrators see and edit, with these further members.
pub fn declared(name: &str, members: Value) -> Value {
    let mut attribute = json!({
        "name": name, "displayName": "Job title", "validations": { "length": { "max": 2048 } }, "annotations": {},
        "permissions": { "view": ["admin"], "edit": ["admin"] }, "multivalued": false,
    });
    for (member, value) in members.as_object().unwrap() {
        attribute[member] = value.clone();
    }
    attribute
}

/// Declares these attributes.
pub async fn declare(realm: &Realm, attributes: impl IntoIterator<Item = Value>) {
    let mut profile = realm.get("/users/profile").await;
    profile["attributes"].as_array_mut().unwrap().extend(attributes);
    realm.put("/users/profile", &profile).await;
}

/// Changes how an attribute is declared.
pub async fn change(realm: &Realm, name: &str, change: impl FnOnce(&mut Value)) {
    let mut profile = realm.get("/users/profile").await;
    let mut attributes = profile["attributes"].as_array_mut().unwrap().iter_mut();
    change(attributes.find(|attribute| attribute["name"] == name).unwrap());
    realm.put("/users/profile", &profile).await;
}

async fn realm() -> Realm {
    admin().await.create_realm("contract").await
}

/// Says what becomes of undeclared attributes; null is nothing.
async fn set_policy(realm: &Realm, policy: Value) {
    let mut profile = realm.get("/users/profile").await;
    profile["unmanagedAttributePolicy"] = policy;
    realm.put("/users/profile", &profile).await;
}

/// A new user with these attributes; gives the id.
async fn create(realm: &Realm, attributes: Value) -> String {
    let name = format!("user-{}", uuid::Uuid::new_v4().simple());
    realm.create_user(&json!({ "username": name, "attributes": attributes })).await
}

/// The user's attributes; null where there are none.
async fn attributes(realm: &Realm, id: &str) -> Value {
    let user = realm.user(id).await.unwrap();
    let listed = &realm.get(&format!("/users?search=id:{id}")).await[0]["attributes"];
    assert_eq!(*listed, user["attributes"], "a search shows the same");
    user["attributes"].clone()
}

/// A PUT of these attributes.
async fn put(realm: &Realm, id: &str, attributes: Value) {
    realm.put(&format!("/users/{id}"), &json!({ "attributes": attributes })).await;
}

/// A create and a PUT of these attributes are refused so, and change nothing.
async fn refused(realm: &Realm, id: &str, written: Value, field: &str, message: &str, params: Value) {
    let mut all = vec![json!(field)];
    all.extend(params.as_array().unwrap().iter().cloned());
    let expected = json!({ "field": field, "errorMessage": message, "params": all });
    let before = realm.get("/users").await;
    for (method, path, user) in [
        (Method::POST, "/users".to_owned(), json!({ "username": "another", "attributes": written })),
        (Method::PUT, format!("/users/{id}"), json!({ "attributes": written, "enabled": false })),
    ] {
        let answer = realm.call(method, &path, Some(&user)).await.expect(400);
        assert_eq!(answer.body, expected, "{user}");
    }
    assert_eq!(realm.get("/users").await, before);
}

async fn stock() {
    let permissions = json!({ "view": ["admin", "user"], "edit": ["admin", "user"] });
    let of_user = json!({ "roles": ["user"] });
    let attribute = |name: &str, validations: Value| {
        json!({
            "name": name, "displayName": format!("${{{name}}}"), "validations": validations, "permissions": permissions,
            "required": of_user, "multivalued": false,
        })
    };
    let person = json!({ "length": { "max": 255 }, "person-name-prohibited-characters": {} });
    let mut username = attribute(
        "username",
        json!({
            "length": { "min": 3, "max": 255 }, "username-prohibited-characters": {},
            "up-username-not-idn-homograph": {},
        }),
    );
    username.as_object_mut().unwrap().shift_remove("required");
    let expected = json!({
        "attributes": [
            username,
            attribute("email", json!({ "email": {}, "length": { "max": 255 } })),
            attribute("firstName", person.clone()),
            attribute("lastName", person),
        ],
        "groups": [{
            "name": "user-metadata", "displayHeader": "User metadata",
            "displayDescription": "Attributes, which refer to user metadata",
        }],
    });
    assert_eq!(realm().await.get("/users/profile").await, expected);
}

async fn read_back() {
    let realm = realm().await;
    let mut profile = realm.get("/users/profile").await;
    profile["attributes"].as_array_mut().unwrap().extend([
        declared("scim.document", json!({ "validations": { "length": { "max": 65_000 } } })),
        declared("title", json!({ "multivalued": true, "required": { "roles": ["admin"] } })),
        // The console writes texts.
        declared(
            "nickname",
            json!({ "validations": { "length": { "max": "20" } }, "group": "user-metadata" }),
        ),
        declared("manager", json!({ "required": {}, "annotations": { "note": "x" } })),
        json!({ "name": "bare", "multivalued": false }),
    ]);
    profile["unmanagedAttributePolicy"] = json!("ADMIN_VIEW");
    let answer = realm.call(Method::PUT, "/users/profile", Some(&profile)).await.expect(200);
    assert_eq!(answer.body, profile);
    assert_eq!(realm.get("/users/profile").await, profile);
    set_policy(&realm, Value::Null).await;
    profile.as_object_mut().unwrap().shift_remove("unmanagedAttributePolicy");
    assert_eq!(realm.get("/users/profile").await, profile);
    // What is left out is not there any more, and a single value is the default.
    let attributes = profile["attributes"].as_array_mut().unwrap();
    attributes.truncate(4);
    attributes.push(json!({ "name": "bare" }));
    realm.put("/users/profile", &profile).await;
    profile["attributes"][4]["multivalued"] = json!(false);
    assert_eq!(realm.get("/users/profile").await, profile);
}

async fn refused_profiles() {
    let realm = realm().await;
    let before = realm.get("/users/profile").await;
    let refusal = async |change: &dyn Fn(&mut Vec<Value>)| {
        let mut profile = before.clone();
        change(profile["attributes"].as_array_mut().unwrap());
        let answer = realm.call(Method::PUT, "/users/profile", Some(&profile)).await.expect(400);
        assert_eq!(realm.get("/users/profile").await, before);
        answer.body["errorMessage"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refusal(&|attributes| attributes.push(declared("email", json!({})))).await,
        "[Attribute configuration already exists with 'name':'email']"
    );
    assert_eq!(
        refusal(&|attributes| attributes.push(declared("urn:x", json!({})))).await,
        "[Invalid attribute name (only letters, numbers and '.' '_' '-' special characters allowed): urn:x']"
    );
    assert_eq!(
        refusal(&|attributes| drop(attributes.drain(..2))).await,
        "[The attribute 'username' can not be removed, The attribute 'email' can not be removed]"
    );
}

async fn no_profile() {
    let realm = realm().await;
    let before = realm.get("/users/profile").await;
    let url = format!("{}/admin/realms/{}/users/profile", realm.keycloak(), realm.name());
    let token = realm.admin().token().await;
    let mut other = before.clone();
    other["unmanagedAttributePolicy"] = json!("SOMETIMES");
    for (sent, error) in
        [("{", "invalid_request"), ("[]", "unknown_error"), (&*other.to_string(), "unknown_error")]
    {
        let request = client().put(&url).bearer_auth(&token).header("content-type", "application/json");
        let answer = request.body(sent.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{sent}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({ "error": error, "error_description": "Cannot parse the JSON" }), "{sent}");
    }
    assert_eq!(realm.get("/users/profile").await, before);
}

async fn dropped() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({}))]).await;
    for policy in [Value::Null, json!("ADMIN_VIEW")] {
        set_policy(&realm, policy.clone()).await;
        let written = json!({ "title": ["Guide"], "nickname": ["Babs"], "Title": ["Chief"] });
        let id = create(&realm, written.clone()).await;
        assert_eq!(attributes(&realm, &id).await, json!({ "title": ["Guide"] }), "{policy}");
        put(&realm, &id, written).await;
        assert_eq!(attributes(&realm, &id).await, json!({ "title": ["Guide"] }), "{policy}");
    }
    // Username and e-mail address have fields of their own; names may come among the attributes too.
    let id = create(
        &realm,
        json!({ "email": ["babs@example.com"], "username": ["babs"], "firstName": ["Barbara"] }),
    )
    .await;
    let user = realm.user(&id).await.unwrap();
    assert_eq!(
        (user.get("email"), &user["firstName"], user.get("attributes")),
        (None, &json!("Barbara"), None)
    );
    assert_ne!(user["username"], "babs");
}

async fn kept() {
    let realm = realm().await;
    for policy in ["ADMIN_EDIT", "ENABLED"] {
        set_policy(&realm, json!(policy)).await;
        let id = create(&realm, json!({ "nickname": ["Babs", "", "BJ"], "empty": [""] })).await;
        assert_eq!(attributes(&realm, &id).await, json!({ "nickname": ["Babs", "BJ"] }), "{policy}");
        put(&realm, &id, json!({ "manager": ["jane"] })).await;
        assert_eq!(attributes(&realm, &id).await, json!({ "manager": ["jane"] }), "{policy}");
    }
}

async fn hidden() {
    let realm = realm().await;
    set_policy(&realm, json!("ADMIN_EDIT")).await;
    let id = create(&realm, json!({ "nickname": ["Babs"], "manager": ["jane"] })).await;
    let stored = attributes(&realm, &id).await;
    for (policy, shown) in [(Value::Null, Value::Null), (json!("ADMIN_VIEW"), stored.clone())] {
        set_policy(&realm, policy).await;
        assert_eq!(attributes(&realm, &id).await, shown);
        put(&realm, &id, json!({ "nickname": ["Other"] })).await;
        put(&realm, &id, json!({})).await;
        realm.put(&format!("/users/{id}"), &json!({ "enabled": true })).await;
        assert_eq!(attributes(&realm, &id).await, shown);
    }
    set_policy(&realm, json!("ADMIN_EDIT")).await;
    assert_eq!(attributes(&realm, &id).await, stored);
    // The same with a declaration that is taken back.
    let realm = self::realm().await;
    let stock = realm.get("/users/profile").await;
    let several = || declared("title", json!({ "multivalued": true }));
    declare(&realm, [several()]).await;
    let id = create(&realm, json!({ "title": ["a", "b"] })).await;
    realm.put("/users/profile", &stock).await;
    assert_eq!(attributes(&realm, &id).await, Value::Null);
    put(&realm, &id, json!({})).await;
    declare(&realm, [several()]).await;
    assert_eq!(attributes(&realm, &id).await, json!({ "title": ["a", "b"] }));
}

async fn not_editable() {
    let realm = realm().await;
    let users_own = json!({ "permissions": { "view": ["admin"], "edit": ["user"] } });
    declare(&realm, [json!({ "name": "bare" }), declared("own", users_own), declared("title", json!({}))])
        .await;
    let written = json!({ "bare": ["x"], "own": ["x"], "title": ["Guide"] });
    let id = create(&realm, written).await;
    assert_eq!(attributes(&realm, &id).await, json!({ "title": ["Guide"] }));
    for (permissions, shown) in [
        // Who may change it sees it too.
        (json!({ "view": ["user"], "edit": ["admin"] }), json!({ "title": ["Guide"] })),
        (json!({ "view": ["user"], "edit": ["user"] }), Value::Null),
    ] {
        change(&realm, "title", |title| title["permissions"] = permissions).await;
        assert_eq!(attributes(&realm, &id).await, shown);
    }
}

async fn undeclared_length() {
    let realm = realm().await;
    set_policy(&realm, json!("ADMIN_EDIT")).await;
    let longest = json!({ "nickname": ["ü".repeat(2048)] });
    let id = create(&realm, longest.clone()).await;
    assert_eq!(attributes(&realm, &id).await, longest);
    // Counted as Java does: what is beyond 16 bits is two.
    for text in ["x".repeat(2049), "😀".repeat(1025)] {
        let written = json!({ "nickname": ["short", text] });
        refused(&realm, &id, written, "nickname", "error-invalid-length", json!([0, 2048])).await;
    }
}

async fn lengths() {
    let realm = realm().await;
    let limits = |limits: Value| json!({ "validations": { "length": limits } });
    declare(
        &realm,
        [
            declared("max", limits(json!({ "max": 5 }))),
            declared("min", limits(json!({ "min": 3 }))),
            // The console writes texts.
            declared("both", limits(json!({ "min": "3", "max": "5" }))),
        ],
    )
    .await;
    let fitting = json!({ "max": ["12345"], "min": ["123"], "both": ["1234"] });
    let id = create(&realm, fitting.clone()).await;
    assert_eq!(attributes(&realm, &id).await, fitting);
    for (name, text, message, params) in [
        ("max", "123456", "error-invalid-length-too-long", json!([null, 5])),
        ("min", "12", "error-invalid-length-too-short", json!([3, null])),
        ("both", "12", "error-invalid-length", json!([3, 5])),
        ("both", "123456", "error-invalid-length", json!([3, 5])),
        // Blanks at the ends don't count.
        ("min", " 12 ", "error-invalid-length-too-short", json!([3, null])),
    ] {
        refused(&realm, &id, json!({ name: [text] }), name, message, params).await;
    }
    let padded = json!({ "max": ["  12345  "] });
    put(&realm, &id, padded.clone()).await;
    assert_eq!(attributes(&realm, &id).await, padded);
    // No value is not a short one.
    put(&realm, &id, json!({ "min": [""] })).await;
    assert_eq!(attributes(&realm, &id).await, Value::Null);
}

async fn document() {
    let realm = realm().await;
    declare(&realm, [declared("scim.document", json!({ "validations": { "length": { "max": 65_000 } } }))])
        .await;
    let long = json!({ "scim.document": ["ü".repeat(65_000)] });
    let id = create(&realm, long.clone()).await;
    assert_eq!(attributes(&realm, &id).await, long);
    let longer = json!({ "scim.document": ["x".repeat(65_001)] });
    let message = "error-invalid-length-too-long";
    refused(&realm, &id, longer, "scim.document", message, json!([null, 65_000])).await;
}

async fn single() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({}))]).await;
    let id = create(&realm, json!({ "title": ["Guide"] })).await;
    let two = json!({ "title": ["Guide", "Chief"] });
    refused(&realm, &id, two, "title", "error-invalid-multivalued-size", json!([0, 1])).await;
}

async fn order() {
    let realm = realm().await;
    declare(&realm, [declared("all", json!({ "multivalued": true }))]).await;
    let values = json!({ "all": ["b", "a", "C", "b"] });
    let id = create(&realm, values.clone()).await;
    assert_eq!(attributes(&realm, &id).await, values);
    // A text is as good as a list of it.
    put(&realm, &id, json!({ "all": "x" })).await;
    assert_eq!(attributes(&realm, &id).await, json!({ "all": ["x"] }));
}

async fn required() {
    for required in [json!({ "roles": ["admin"] }), json!({ "roles": ["user", "admin"] }), json!({})] {
        let realm = realm().await;
        declare(&realm, [declared("department", json!({ "required": required }))]).await;
        let id = create(&realm, json!({ "department": ["Tours"] })).await;
        for none in [json!({}), json!({ "department": [""] }), json!({ "department": [] })] {
            refused(&realm, &id, none, "department", "error-user-attribute-required", json!([])).await;
        }
        change(&realm, "email", |email| email["required"] = json!({ "roles": ["admin"] })).await;
        let department = json!({ "department": ["Tours"] });
        refused(&realm, &id, department, "email", "error-user-attribute-required", json!([])).await;
    }
    let realm = realm().await;
    declare(&realm, [declared("department", json!({ "required": { "roles": ["user"] } }))]).await;
    create(&realm, json!({})).await;
}

async fn fits_no_more() {
    let realm = realm().await;
    declare(&realm, [declared("title", json!({ "multivalued": true })), declared("department", json!({}))])
        .await;
    let id = create(&realm, json!({ "title": ["Guide", "Chief"] })).await;
    let path = format!("/users/{id}");
    let disable = async |status: u16, message: &str| {
        let answer = realm.call(Method::PUT, &path, Some(&json!({ "enabled": false }))).await.expect(status);
        assert_eq!(answer.body["errorMessage"].as_str().unwrap_or_default(), message);
    };
    disable(204, "").await;
    change(&realm, "title", |title| title["multivalued"] = json!(false)).await;
    disable(400, "error-invalid-multivalued-size").await;
    change(&realm, "title", |title| title["multivalued"] = json!(true)).await;
    change(&realm, "title", |title| title["validations"] = json!({ "length": { "max": 3 } })).await;
    disable(400, "error-invalid-length-too-long").await;
    change(&realm, "title", |title| title["validations"] = json!({})).await;
    change(&realm, "department", |department| department["required"] = json!({ "roles": ["admin"] })).await;
    disable(400, "error-user-attribute-required").await;
    // With what is missing it is done.
    realm.put(&path, &json!({ "enabled": false, "attributes": { "department": ["-"] } })).await;
}

async fn signing_in() {
    let realm = realm().await;
    realm.public_client("portal").await;
    let of_user = json!({ "required": { "roles": ["user"] }, "permissions": { "view": ["user"], "edit": ["user", "admin"] } });
    let stock = realm.get("/users/profile").await;
    let whole = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen", "enabled": true,
        "attributes": {},
    });
    let id = realm.create_user(&whole).await;
    realm.set_password(&id, "t1meMa$heen").await;
    let path = format!("/users/{id}");
    let may = async || match realm.log_in("portal", "babs", "t1meMa$heen", "").await {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!((refused.status, &*refused.description), (400, "Account is not fully set up"));
            false
        }
    };
    assert!(may().await);
    for name in ["email", "firstName", "lastName"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().shift_remove(name);
        realm.put(&path, &without).await;
        assert!(!may().await, "without {name}");
        change(&realm, name, |attribute| drop(attribute.as_object_mut().unwrap().shift_remove("required")))
            .await;
        assert!(may().await, "{name} is not required any more");
        change(&realm, name, |attribute| attribute["required"] = json!({ "roles": ["admin"] })).await;
        assert!(may().await, "{name} is required of administrators only");
        realm.put("/users/profile", &stock).await;
        realm.put(&path, &whole).await;
    }
    declare(&realm, [declared("department", of_user)]).await;
    assert!(!may().await);
    let mut given = whole.clone();
    given["attributes"] = json!({ "department": ["Tours"] });
    realm.put(&path, &given).await;
    assert!(may().await);
}
