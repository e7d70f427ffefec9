//! Searching and counting users.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::profile::{declare, declared};
use crate::admin::{Realm, admin};
use crate::runner::{both, trial};

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::search::{name}");
    [
        both(&name("an_exact_search_compares_the_whole_without_case"), exact),
        both(&name("any_other_search_looks_anywhere_in_the_text"), infix),
        both(&name("an_attribute_is_compared_as_a_whole_without_case"), by_attribute),
        both(&name("an_attribute_value_may_hold_quotes_and_blanks"), quotes),
        both(&name("an_attribute_is_compared_anywhere_where_that_is_said"), attribute_infix),
        both(&name("a_long_attribute_value_is_found"), long_value),
        both(&name("a_long_attribute_value_is_not_found_by_a_part_of_it"), long_infix),
        both(&name("names_are_searched_like_usernames"), names),
        both(&name("a_backslash_stands_for_itself_in_a_search"), backslash),
        both(&name("blanks_around_a_text_count"), blanks),
        both(&name("an_empty_text_is_no_condition"), empty),
        both(&name("wildcards_stand_for_letters_of_any_kind"), wildcards),
        both(&name("creation_is_searched_by_the_millisecond_bounds_included"), created),
        both(&name("all_conditions_hold_together"), together),
        both(&name("enabled_tells_users_apart"), enabled),
        both(&name("a_list_is_ordered_by_username_and_has_a_window"), window),
        both(&name("a_list_has_a_hundred_users_where_nothing_is_said"), hundred),
        both(&name("ids_are_found_in_their_order_whatever_else_is_asked"), ids),
        both(&name("service_accounts_are_found_by_every_condition_and_by_id"), service_accounts),
        both(&name("a_list_shows_what_a_read_shows_but_for_the_powers"), shown),
        both(&name("a_nul_is_refused"), nul),
    ]
    .into_iter()
    .flatten()
    // The stand-in knows no such keys.
    .chain([trial(name("some_names_of_attributes_are_taken_for_something_else"), taken_names)])
    .collect()
}

/// The path with this query.
fn path(of: &str, query: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{of}?{query}")
}

/// The usernames that the query finds, its window aside; a count by the same conditions says the same number.
async fn find(realm: &Realm, query: &[(&str, &str)]) -> Vec<String> {
    let found = list(realm, query).await;
    assert_eq!(realm.get(&path("/users/count", query)).await, found.len(), "{query:?}");
    found
}

/// The usernames in a list.
async fn list(realm: &Realm, query: &[(&str, &str)]) -> Vec<String> {
    let users = realm.get(&path("/users", query)).await;
    users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

/// A realm with people in it; the first one is disabled.
async fn people() -> Realm {
    let realm = admin().await.create_realm("contract").await;
    let several = json!({ "multivalued": true });
    declare(&realm, [declared("scim.externalId", json!({})), declared("scim.emails", several)]).await;
    let mut enabled = false;
    for (name, email, external, emails) in [
        ("alpha", "alpha@example.com", "A b", ["x@example.com", "Y@example.com"]),
        ("alphabet", "beta@example.com", "pre A b post", ["y@example.com", "z@example.com"]),
        ("a_pha", "under_score@example.com", "100%", ["1", "2"]),
        ("bravo", "bravo@contoso.com", "ÄÖ", ["3", "4"]),
    ] {
        realm
            .create_user(&json!({
                "username": name, "email": email, "enabled": enabled,
                "attributes": { "scim.externalId": [external], "scim.emails": emails },
            }))
            .await;
        enabled = true;
    }
    realm
}

async fn exact() {
    let realm = people().await;
    for (key, value, found) in [
        ("username", "ALPHA", "alpha"),
        ("username", "a_pha", "a_pha"),
        ("email", "ALPHA@example.com", "alpha"),
        ("email", "under_score@example.com", "a_pha"),
    ] {
        assert_eq!(find(&realm, &[(key, value), ("exact", "true")]).await, [found], "{value}");
    }
    for (key, value) in [
        ("username", "alph"),
        ("username", "a%"),
        ("username", "al_ha"),
        ("username", "alpha "),
        ("username", "alpha@example.com"),
        ("email", "example"),
        ("email", "alpha"),
        ("username", &*"x".repeat(255)),
    ] {
        assert_eq!(find(&realm, &[(key, value), ("exact", "true")]).await, [""; 0], "{value}");
    }
}

async fn infix() {
    let realm = people().await;
    let all = &["a_pha", "alpha", "alphabet", "bravo"][..];
    for (key, value, found) in [
        ("username", "PHA", &all[..3]),
        ("username", "alpha", &all[1..3]),
        ("username", "x", &[]),
        // The wildcards of SQL are left in.
        ("username", "a_pha", &all[..3]),
        ("username", "a%ha", &all[..3]),
        ("username", "l%b", &all[2..3]),
        ("email", "EXAMPLE", &all[..3]),
        ("email", "contoso.com", &all[3..]),
    ] {
        assert_eq!(find(&realm, &[(key, value)]).await, found, "{value}");
        assert_eq!(find(&realm, &[(key, value), ("exact", "false")]).await, found, "{value}");
    }
}

async fn by_attribute() {
    let realm = people().await;
    for (q, found) in [
        (r#"scim.externalId:"A b""#, &["alpha"][..]),
        (r#"scim.externalId:"a B""#, &["alpha"]),
        (r#"scim.externalId:"100%""#, &["a_pha"]),
        (r#"scim.externalId:"äö""#, &["bravo"]),
        (r#"scim.externalId:"A""#, &[]),
        (r#"scim.externalId:"A_b""#, &[]),
        (r#"scim.externalId:"%""#, &[]),
        // Any of several values.
        (r#"scim.emails:"y@example.com""#, &["alpha", "alphabet"]),
        (r#"scim.emails:"z@EXAMPLE.com""#, &["alphabet"]),
        (r#"scim.emails:"example.com""#, &[]),
        // Names are compared with case.
        (r#"scim.externalid:"A b""#, &[]),
        (r#"unknown:"A b""#, &[]),
        (r#"scim.externalId:"A b" scim.emails:"y@example.com""#, &["alpha"]),
        (r#"scim.externalId:"A b" scim.emails:"z@example.com""#, &[]),
        (r#"scim.emails:"1"  scim.externalId:"100%""#, &["a_pha"]),
        // Of two conditions on one attribute the last one counts.
        (r#"scim.emails:"x@example.com" scim.emails:"y@example.com""#, &["alpha", "alphabet"]),
    ] {
        assert_eq!(find(&realm, &[("q", q)]).await, found, "{q}");
        assert_eq!(find(&realm, &[("q", q), ("exact", "true")]).await, found, "{q}");
    }
}

/// As the gateway writes it.
fn condition(value: &str) -> String {
    format!("scim.externalId:\"{}\"", value.replace('"', "\\\""))
}

async fn quotes() {
    let realm = people().await;
    for (n, value) in
        [r#"a "quoted" b"#, r#"""#, r#"ends ""#, "a:b c:d", "x'y", "a+b&c=d", "50%_", " padded "]
            .iter()
            .enumerate()
    {
        let name = format!("user{n}");
        let attributes = json!({ "scim.externalId": [value] });
        realm.create_user(&json!({ "username": name, "attributes": attributes })).await;
        assert_eq!(find(&realm, &[("q", &condition(value)), ("exact", "true")]).await, [name], "{value}");
    }
}

async fn attribute_infix() {
    let realm = people().await;
    for (value, found) in [
        ("a B", &["alpha", "alphabet"][..]),
        ("post", &["alphabet"]),
        ("A_b", &["alpha", "alphabet"]),
        ("p%t", &["alphabet"]),
        ("x", &[]),
    ] {
        assert_eq!(find(&realm, &[("q", &condition(value)), ("exact", "false")]).await, found, "{value}");
    }
}

async fn long_value() {
    let realm = people().await;
    let long = "y".repeat(2048);
    let attributes = json!({ "scim.externalId": [long] });
    realm.create_user(&json!({ "username": "long", "attributes": attributes })).await;
    // Not counted: Keycloak fails at that, with 500, from 256 characters on.
    let found = async |value: &str| list(&realm, &[("q", &condition(value)), ("exact", "true")]).await;
    assert_eq!(found(&long).await, ["long"]);
    assert_eq!(found(&long.to_uppercase()).await, ["long"]);
    assert_eq!(found(&long[1..]).await, [""; 0]);
}

async fn long_infix() {
    let realm = people().await;
    for (name, value) in [("fits", "a".repeat(252) + "End"), ("long", "b".repeat(253) + "End")] {
        let attributes = json!({ "scim.externalId": [value] });
        realm.create_user(&json!({ "username": name, "attributes": attributes })).await;
    }
    let infix = async |value: &str| find(&realm, &[("q", &condition(value)), ("exact", "false")]).await;
    assert_eq!(infix("aaend").await, ["fits"]);
    assert_eq!(infix("%end").await, ["fits"]);
    for part in ["bbend", "bbb", &"b".repeat(253)] {
        assert_eq!(infix(part).await, [""; 0], "{part}");
    }
    // As a whole it is found, whatever else may be anywhere. Not counted: Keycloak fails at that.
    let whole = condition(&("B".repeat(253) + "End"));
    assert_eq!(list(&realm, &[("q", &whole), ("exact", "false")]).await, ["long"]);
}

/// People with these first names, who are called `user0` and so on.
async fn called(first_names: &[&str]) -> Realm {
    let realm = admin().await.create_realm("contract").await;
    // Any name will do.
    let mut profile = realm.get("/users/profile").await;
    for attribute in profile["attributes"].as_array_mut().unwrap() {
        attribute["validations"] = json!({});
    }
    realm.put("/users/profile", &profile).await;
    for (n, name) in first_names.iter().enumerate() {
        realm
            .create_user(&json!({ "username": format!("user{n}"), "firstName": name, "lastName": "Doe" }))
            .await;
    }
    realm
}

async fn names() {
    let realm = people().await;
    for (name, first, last) in
        [("alpha", "Jane", "Doe"), ("bravo", "JANET", "O'Hara"), ("a_pha", "Al", "Jane")]
    {
        let id = id_of(&realm, name).await;
        realm.put(&format!("/users/{id}"), &json!({ "firstName": first, "lastName": last })).await;
    }
    for (query, found) in [
        (&[("firstName", "jane"), ("exact", "true")][..], &["alpha"][..]),
        (&[("firstName", "jane")], &["alpha", "bravo"]),
        (&[("firstName", "J%E"), ("exact", "false")], &["alpha", "bravo"]),
        (&[("firstName", "ja")], &["alpha", "bravo"]),
        (&[("firstName", "ja"), ("exact", "true")], &[]),
        (&[("firstName", "jane"), ("lastName", "d"), ("exact", "false")], &["alpha"]),
        (&[("lastName", "JANE"), ("exact", "true")], &["a_pha"]),
        (&[("lastName", "o'h"), ("username", "v"), ("enabled", "true")], &["bravo"]),
        (&[("lastName", "o'h"), ("q", r#"scim.emails:"3""#), ("exact", "false")], &["bravo"]),
        (&[("firstName", "jane"), ("q", r#"scim.emails:"3""#), ("exact", "true")], &[]),
    ] {
        assert_eq!(find(&realm, query).await, found, "{query:?}");
    }
}

async fn backslash() {
    let realm = called(&[r"a\b", r"a\\b", "a%b", "ab"]).await;
    for (text, found) in
        [(r"a\b", &["user0"][..]), (r"\", &["user0", "user1"]), (r"a\%b", &["user0", "user1"])]
    {
        assert_eq!(find(&realm, &[("firstName", text), ("exact", "false")]).await, found, "{text}");
    }
    assert_eq!(find(&realm, &[("firstName", r"A\B"), ("exact", "true")]).await, ["user0"]);
}

async fn blanks() {
    let realm = called(&["x y", " x y ", "xy"]).await;
    for (text, whole, part) in [
        ("x y", &["user0"][..], &["user0", "user1"][..]),
        (" x y ", &["user1"], &["user1"]),
        (" x y", &[], &["user1"]),
        (" ", &[], &["user0", "user1"]),
    ] {
        assert_eq!(find(&realm, &[("firstName", text), ("exact", "true")]).await, whole, "{text:?}");
        assert_eq!(find(&realm, &[("firstName", text), ("exact", "false")]).await, part, "{text:?}");
    }
}

async fn empty() {
    let realm = called(&["Jane", "John"]).await;
    for name in ["username", "email", "firstName", "lastName", "q"] {
        assert_eq!(find(&realm, &[(name, ""), ("exact", "true")]).await, ["user0", "user1"], "{name}");
    }
}

/// The gateway asks with a wildcard for each letter whose lower case databases may see otherwise.
async fn wildcards() {
    let names = ["Nick", "NIC\u{212a}", "M\u{dc}LLER", "muller", "\u{130}nge", "nice"];
    let realm = called(&names).await;
    for (text, found) in [
        ("n%c", &["user0", "user1", "user5"][..]),
        ("n%c%", &["user0", "user1", "user5"]),
        ("m%ller", &["user2", "user3"]),
        ("%nge", &["user4"]),
        ("n_c", &["user0", "user1", "user5"]),
    ] {
        assert_eq!(find(&realm, &[("firstName", text), ("exact", "false")]).await, found, "{text}");
    }
}

async fn taken_names() {
    let realm = called(&["Jane"]).await;
    let mut profile = realm.get("/users/profile").await;
    profile["unmanagedAttributePolicy"] = "ADMIN_EDIT".into();
    realm.put("/users/profile", &profile).await;
    let exact = "keycloak.session.realm.users.query.exact";
    let attributes = json!({ "enabled": ["x"], "emailVerified": ["x"], exact: ["x"], "plain": ["x"] });
    realm.create_user(&json!({ "username": "john", "attributes": attributes })).await;
    let by = async |name: &str| find(&realm, &[("q", &format!("{name}:\"x\""))]).await;
    assert_eq!(by("plain").await, ["john"]);
    // What is not "true" counts as "false": Jane is enabled neither.
    assert_eq!(by("enabled").await, ["john", "user0"]);
    assert_eq!(by("emailVerified").await, ["john", "user0"]);
    assert_eq!(by(exact).await, ["john", "user0"]);
}

async fn created() {
    let realm = admin().await.create_realm("contract").await;
    for (name, created) in
        [("first", 1_700_000_000_000_u64), ("second", 1_700_000_000_001), ("third", 1_800_000_000_000)]
    {
        realm
            .create_user(
                &json!({ "username": name, "createdTimestamp": created, "enabled": name != "second" }),
            )
            .await;
    }
    let (a, b, c) = ("1700000000000", "1700000000001", "1700000000002");
    for (query, found) in [
        (&[("createdAfter", a)][..], &["first", "second", "third"][..]),
        (&[("createdAfter", b)], &["second", "third"]),
        (&[("createdAfter", c)], &["third"]),
        (&[("createdBefore", a)], &["first"]),
        (&[("createdBefore", b)], &["first", "second"]),
        (&[("createdAfter", b), ("createdBefore", b), ("exact", "true")], &["second"]),
        (&[("createdAfter", c), ("createdBefore", a)], &[]),
        (&[("createdAfter", "0")], &["first", "second", "third"]),
        (&[("createdBefore", "0")], &[]),
        (&[("createdAfter", "253402300799999")], &[]),
        (&[("createdAfter", a), ("enabled", "true"), ("username", "first"), ("exact", "true")], &["first"]),
    ] {
        assert_eq!(find(&realm, query).await, found, "{query:?}");
    }
}

async fn together() {
    let realm = people().await;
    let emails = r#"scim.emails:"y@example.com""#;
    for (query, found) in [
        (&[("q", emails), ("username", "alpha"), ("exact", "true")][..], &["alpha"][..]),
        (&[("q", emails), ("username", "alpha"), ("exact", "false")], &["alpha", "alphabet"]),
        (&[("q", emails), ("username", "bravo"), ("exact", "true")], &[]),
        (&[("q", emails), ("enabled", "true")], &["alphabet"]),
        (&[("q", emails), ("email", "beta@example.com"), ("exact", "true")], &["alphabet"]),
        (&[("username", "alpha"), ("email", "beta")], &["alphabet"]),
        (&[("username", "alpha"), ("email", "bravo")], &[]),
        (&[("username", "alpha"), ("enabled", "false")], &["alpha"]),
        // Where texts may be anywhere, those of attributes may, too.
        (&[("q", r#"scim.emails:"y@""#), ("username", "alpha"), ("exact", "false")], &["alpha", "alphabet"]),
        (&[("q", r#"scim.emails:"y@""#), ("username", "alpha"), ("exact", "true")], &[]),
    ] {
        assert_eq!(find(&realm, query).await, found, "{query:?}");
    }
    assert_eq!(list(&realm, &[("q", emails), ("first", "1"), ("max", "5")]).await, ["alphabet"]);
}

async fn enabled() {
    let realm = people().await;
    assert_eq!(find(&realm, &[("enabled", "false")]).await, ["alpha"]);
    assert_eq!(find(&realm, &[("enabled", "true")]).await, ["a_pha", "alphabet", "bravo"]);
}

async fn window() {
    let realm = people().await;
    let all = ["a_pha", "alpha", "alphabet", "bravo"];
    for (query, found) in [
        (&[][..], &all[..]),
        (&[("max", "2")], &all[..2]),
        (&[("first", "2")], &all[2..]),
        (&[("first", "1"), ("max", "2")], &all[1..3]),
        (&[("first", "3"), ("max", "1000")], &all[3..]),
        (&[("first", "4"), ("max", "2")], &[]),
        (&[("first", "2147483647"), ("max", "2")], &[]),
        (&[("max", "0")], &[]),
        (&[("max", "-1")], &all[..]),
    ] {
        assert_eq!(list(&realm, query).await, found, "{query:?}");
        assert_eq!(realm.get(&path("/users/count", query)).await, 4, "a count has no window: {query:?}");
    }
}

async fn hundred() {
    let realm = admin().await.create_realm("contract").await;
    for n in 0..101 {
        realm.create_user(&json!({ "username": format!("user-{n:03}") })).await;
    }
    let found = list(&realm, &[]).await;
    assert_eq!((found.len(), found[0].as_str(), found[99].as_str()), (100, "user-000", "user-099"));
    assert_eq!(list(&realm, &[("max", "1000")]).await.len(), 101);
    assert_eq!(realm.get("/users/count").await, 101);
}

/// The id of this user.
async fn id_of(realm: &Realm, username: &str) -> String {
    realm.user_by_username(username).await.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn ids() {
    let realm = people().await;
    let (alpha, bravo) = (id_of(&realm, "alpha").await, id_of(&realm, "bravo").await);
    let search = format!("id:{bravo} 00000000-0000-0000-0000-000000000000 {alpha}  nobody");
    let both = ["bravo", "alpha"];
    assert_eq!(find(&realm, &[("search", &search)]).await, both);
    for other in [
        &[("max", "1")][..],
        &[("first", "1"), ("max", "1")],
        &[("username", "alphabet"), ("exact", "true"), ("enabled", "true")],
        &[("briefRepresentation", "false"), ("max", "4")],
    ] {
        let mut query = vec![("search", search.as_str())];
        query.extend(other);
        assert_eq!(find(&realm, &query).await, both, "{query:?}");
    }
    let twice = format!("id:{alpha} {alpha}");
    assert_eq!(find(&realm, &[("search", &twice)]).await, ["alpha", "alpha"]);
    for none in ["id:nobody", "id:"] {
        assert_eq!(find(&realm, &[("search", none)]).await, [""; 0], "{none}");
    }
}

async fn service_accounts() {
    let realm = people().await;
    let client =
        json!({ "clientId": "machine", "serviceAccountsEnabled": true, "secret": "a-secret-for-the-tests" });
    realm.post("/clients", &client).await;
    let account = "service-account-machine";
    let people = ["a_pha", "alpha", "alphabet", "bravo"];
    for query in [&[][..], &[("max", "100"), ("first", "0"), ("briefRepresentation", "false")]] {
        assert_eq!(find(&realm, query).await, people, "a list without conditions has none: {query:?}");
    }
    for query in [
        &[("username", account), ("exact", "true")][..],
        &[("username", "machine")],
        &[("username", "machine"), ("enabled", "true")],
    ] {
        assert_eq!(find(&realm, query).await, [account], "{query:?}");
    }
    assert_eq!(find(&realm, &[("exact", "true")]).await.len(), 5);
    assert_eq!(find(&realm, &[("enabled", "true")]).await.last().unwrap(), account);
    assert_eq!(find(&realm, &[("createdAfter", "1")]).await.last().unwrap(), account);
    let search = format!("id:{}", id_of(&realm, account).await);
    assert_eq!(find(&realm, &[("search", &search)]).await, [account]);
}

async fn shown() {
    let realm = people().await;
    let id = id_of(&realm, "alpha").await;
    let mut whole = realm.user(&id).await.unwrap();
    whole["access"] = json!({ "manage": true });
    assert_eq!(whole["attributes"]["scim.emails"], json!(["x@example.com", "Y@example.com"]));
    let search = format!("id:{id}");
    let [by_name, by_id] = [[("username", "alpha"), ("exact", "true")], [("search", &search), ("max", "1")]];
    for query in [by_name, by_id] {
        let first = async |brief: &str| {
            let mut query = query.to_vec();
            query.push(("briefRepresentation", brief));
            realm.get(&path("/users", &query)).await[0].clone()
        };
        assert_eq!(realm.get(&path("/users", &query)).await[0], whole);
        assert_eq!(first("false").await, whole);
        let brief = first("true").await;
        let mut expected = whole.clone();
        for left_out in ["attributes", "totp", "disableableCredentialTypes", "requiredActions", "notBefore"] {
            expected.as_object_mut().unwrap().shift_remove(left_out);
        }
        assert_eq!(brief, expected);
    }
}

async fn nul() {
    let realm = people().await;
    for query in
        [("username", "alpha\0"), ("email", "\0"), ("q", "scim.externalId:\"\0\""), ("search", "id:\0")]
    {
        for of in ["/users", "/users/count"] {
            let answer =
                realm.call(Method::GET, &path(of, &[query, ("exact", "true")]), None).await.expect(400);
            let expected: Value = json!({ "error": "Blocking invalid query parameter value" });
            assert_eq!(answer.body, expected, "{query:?}");
        }
    }
}
