//! Bodies, PATCHes and queries that can't be right: a 4xx that says why, and nothing in Keycloak changes.

use bytes::Bytes;
use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::bad_input::Unharmed;
use super::stage::{patch, user};
use crate::runner::both;
use crate::scim::{ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    [
        both("bad_input::bodies_that_are_no_json_object", bodies),
        both("bad_input::bodies_that_are_too_large", too_large),
        both("bad_input::values_that_are_wrong", values),
        both("bad_input::values_that_are_too_long", too_long),
        both("bad_input::patches_that_make_no_sense", patches),
        both("bad_input::queries_that_make_no_sense", queries),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SCIM: Option<&str> = Some("application/scim+json");

/// The largest body that the gateway takes where nothing is configured, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

async fn bodies() {
    let stage = Unharmed::new().await;
    let one = format!("/Users/{}", stage.victim);
    let deep = format!("{}{}", "{\"a\":".repeat(300), "[".repeat(300));
    let nested = format!("{{\"userName\":\"deep\",\"name\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let mut bodies: Vec<Bytes> = [
        "",
        "   ",
        "{",
        "nonsense",
        "{\"userName\":}",
        "{'userName':'a'}",
        "[]",
        "null",
        "5",
        "\"text\"",
        "{}{}",
        "[{}]",
        "{\"userName\":\"a\"",
        "{\"userName\":\"\\ud800\"}",
        "{\"userName\":\"a\" \u{0}}",
        "userName=a",
    ]
    .map(|text| Bytes::from_static(text.as_bytes()))
    .to_vec();
    bodies.extend([Bytes::from(deep), Bytes::from(nested)]);
    bodies.push(Bytes::from_static(b"{\"userName\":\"\xff\xfe\"}"));
    bodies.push(Bytes::from_static(b"\xff\xfe{\x00}\x00"));
    for (method, path) in [
        (Method::POST, "/Users"),
        (Method::PUT, &*one),
        (Method::PATCH, &*one),
        (Method::POST, "/Users/.search"),
    ] {
        for body in &bodies {
            stage.refuses(method.clone(), path, SCIM, body.clone(), 400, Some("invalidSyntax")).await;
        }
        let good = Bytes::from(user("fine@example.com", json!({})).to_string());
        for content_type in [
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/json",
            "application/scim+json; charset=utf-16",
            "application/json; charset=iso-8859-1",
            "*/*",
            "json",
        ] {
            stage.refuses(method.clone(), path, Some(content_type), good.clone(), 415, None).await;
        }
        let zipped = stage.stage.scim.with_header("content-encoding", "gzip");
        zipped.raw(method, path, SCIM, good).await.scim_error(415, None);
    }
    stage.check().await;
}

async fn too_large() {
    let stage = Unharmed::new().await;
    let one = format!("/Users/{}", stage.victim);
    let large = user("large@example.com", json!({ "title": "x".repeat(MAX_BODY) })).to_string();
    for (method, path) in [(Method::POST, "/Users"), (Method::PUT, &*one), (Method::PATCH, &*one)] {
        stage.refuses(method, path, SCIM, large.clone(), 413, None).await;
    }
    // Without a declared length, in chunks.
    let chunks = format!("10000\r\n{}\r\n", " ".repeat(0x10000)).repeat(MAX_BODY / 0x10000 + 1);
    let headers = "Content-Type: application/json\r\nTransfer-Encoding: chunked";
    assert_eq!(stage.raw_status("POST", "/Users", headers, &chunks).await, "413");
    // As large as may be.
    let fits = format!("{}{}", user("fits", json!({ "userName": "" })), " ".repeat(MAX_BODY - 200));
    stage.refuses(Method::POST, "/Users", SCIM, fits, 400, Some("invalidValue")).await;
    stage.check().await;
}

async fn values() {
    let stage = Unharmed::new().await;
    let one = format!("/Users/{}", stage.victim);
    let name = "wrong@example.com";
    for body in [
        json!({ "schemas": ["urn:example:none"], "userName": name }),
        json!({ "schemas": [ENTERPRISE], "userName": name }),
        json!({ "schemas": USER, "userName": name }),
        json!({ "schemas": [5], "userName": name }),
        json!({ "schemas": { "a": USER }, "userName": name }),
        json!({ "schemas": [USER], "userName": name, "USERNAME": "other@example.com" }),
    ] {
        for (method, path) in [(Method::POST, "/Users"), (Method::PUT, &*one)] {
            stage.refuses(method, path, SCIM, body.to_string(), 400, Some("invalidSyntax")).await;
        }
    }
    for attributes in [
        json!({ "userName": null }),
        json!({ "userName": "" }),
        json!({ "userName": "   " }),
        json!({ "userName": 5 }),
        json!({ "userName": ["a"] }),
        json!({ "userName": "a b@example.com" }),
        json!({ "userName": "<script>" }),
        json!({ "userName": "a\u{0}b@example.com" }),
        json!({ "userName": "ab" }),
        json!({ "displayName": 5 }),
        json!({ "displayName": { "value": "a" } }),
        json!({ "displayName": "nul \u{0} within" }),
        json!({ "externalId": "nul\u{0}" }),
        json!({ "addresses": [{ "formatted": "nul\u{0}" }] }),
        json!({ "active": "maybe" }),
        json!({ "active": 1 }),
        json!({ "name": "Babs Jensen" }),
        json!({ "name": ["Babs"] }),
        json!({ "name": { "givenName": 5 } }),
        json!({ "name": { "givenName": "<b>" } }),
        json!({ "emails": { "value": "a@example.com" } }),
        json!({ "emails": 5 }),
        json!({ "emails": [5] }),
        json!({ "emails": [["a@example.com"]] }),
        json!({ "emails": [{ "value": 5 }] }),
        json!({ "emails": [{ "value": "a@example.com", "primary": "maybe" }] }),
        json!({ "emails": [{ "value": "a@example.com", "primary": true }, { "value": "b@example.com", "primary": true }] }),
        json!({ "emails": [{ "value": "no e-mail address", "primary": true }] }),
        json!({ ENTERPRISE: "Sales" }),
        json!({ ENTERPRISE: ["Sales"] }),
        json!({ ENTERPRISE: { "department": 5 } }),
        json!({ ENTERPRISE: { "manager": 5 } }),
    ] {
        for (method, path) in [(Method::POST, "/Users"), (Method::PUT, &*one)] {
            let body = user(name, attributes.clone()).to_string();
            stage.refuses(method, path, SCIM, body, 400, Some("invalidValue")).await;
        }
    }
    stage.check().await;
}

async fn too_long() {
    let stage = Unharmed::new().await;
    let one = format!("/Users/{}", stage.victim);
    let x = |n: usize| "x".repeat(n);
    for attributes in [
        json!({ "userName": x(300) }),
        json!({ "userName": x(100_000) }),
        json!({ "title": x(3000) }),
        json!({ "externalId": x(3000) }),
        json!({ "name": { "givenName": x(300) } }),
        json!({ "name": { "familyName": x(300) } }),
        json!({ "emails": [{ "value": format!("{}@example.com", x(300)), "primary": true }] }),
        json!({ "emails": [{ "value": "a@example.com", "primary": true }, { "value": format!("{}@example.com", x(3000)) }] }),
        json!({ "phoneNumbers": [{ "value": x(3000) }] }),
        json!({ "addresses": [{ "formatted": x(70_000) }] }),
        // Letters that take two of Java's characters.
        json!({ "addresses": [{ "formatted": "😀".repeat(40_000) }] }),
        json!({ "title": "😀".repeat(1500) }),
        json!({ ENTERPRISE: { "department": x(3000) } }),
        json!({ ENTERPRISE: { "manager": { "value": x(3000) } } }),
    ] {
        for (method, path) in [(Method::POST, "/Users"), (Method::PUT, &*one)] {
            let body = user("long@example.com", attributes.clone()).to_string();
            stage.refuses(method, path, SCIM, body, 400, Some("invalidValue")).await;
        }
        let body = patch(&json!([{ "op": "replace", "value": attributes }])).to_string();
        stage.refuses(Method::PATCH, &one, SCIM, body, 400, Some("invalidValue")).await;
    }
    stage.check().await;
    // Just within the limits.
    let fits = json!({ "title": x(2048), "externalId": x(2000), "addresses": [{ "formatted": x(64_000) }] });
    let created = stage.stage.scim.post("/Users", &user(&x(255), fits)).await.expect(201);
    assert_eq!(stage.stage.read(&created.id()).await, *created.json());
}

async fn patches() {
    let stage = Unharmed::new().await;
    let path = format!("/Users/{}", stage.victim);
    let refuses = async |body: Value, scim_type: &'static str| {
        stage.refuses(Method::PATCH, &path, SCIM, body.to_string(), 400, Some(scim_type)).await;
    };
    for body in [
        json!({}),
        json!({ "schemas": [USER], "Operations": [{ "op": "replace", "path": "title", "value": "x" }] }),
        json!({ "schemas": "x", "Operations": [{ "op": "replace", "path": "title", "value": "x" }] }),
        patch(&json!([])),
        patch(&json!({})),
        patch(&json!(null)),
        patch(&json!(["replace"])),
        patch(&json!([null])),
        patch(&json!([{}])),
        patch(&json!([{ "path": "title", "value": "x" }])),
        patch(&json!([{ "op": "move", "path": "title", "value": "x" }])),
        patch(&json!([{ "op": 5, "path": "title", "value": "x" }])),
        patch(&json!([{ "op": "replace", "path": 5, "value": "x" }])),
        patch(&json!([{ "op": "replace", "path": ["title"], "value": "x" }])),
        patch(&Value::Array(vec![json!({ "op": "replace", "path": "title", "value": "x" }); 1001])),
    ] {
        refuses(body, "invalidSyntax").await;
    }
    let operations = async |scim_type: &'static str, operations: Vec<Value>| {
        for operation in operations {
            refuses(patch(&json!([operation])), scim_type).await;
            // Nothing of it is done, whatever stands beside it.
            let title = json!({ "op": "replace", "path": "title", "value": "torn" });
            refuses(patch(&json!([title, operation])), scim_type).await;
        }
    };
    let replace = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
    let nested = format!("emails[{}type eq \"work\"{}]", "(".repeat(500), ")".repeat(500));
    let bad_paths = [
        "nope",
        "title.nope",
        "name.nope",
        "emails[",
        "emails[]",
        "emails[type eq",
        "emails[type eq \"work\"",
        "emails[type eq]",
        "emails[nope eq \"work\"]",
        "emails[type xx \"work\"]",
        "emails[type eq \"work\"].nope",
        "emails[type eq \"work\"]value",
        "userName[value eq \"x\"]",
        "name[givenName eq \"x\"]",
        "urn:example:none:title",
        "a.b.c.d",
        "../title",
        "[",
        ".",
        "ti tle",
        &nested,
    ];
    operations("invalidPath", bad_paths.iter().map(|path| replace(path, json!("x"))).collect()).await;
    operations(
        "noTarget",
        vec![
            json!({ "op": "remove" }),
            json!({ "op": "remove", "path": "" }),
            json!({ "op": "remove", "value": { "title": "x" } }),
            replace("emails[type eq \"fax\"].value", json!("x@example.com")),
            replace("emails[value eq \"nobody@example.com\"]", json!({ "type": "home" })),
        ],
    )
    .await;
    operations(
        "mutability",
        vec![
            replace("id", json!("1")),
            replace("meta", json!({})),
            replace("meta.created", json!("2011-05-13T04:42:34Z")),
            json!({ "op": "add", "path": "meta.version", "value": "x" }),
            json!({ "op": "remove", "path": "id" }),
            json!({ "op": "remove", "path": "userName" }),
            json!({ "op": "remove", "path": "schemas" }),
        ],
    )
    .await;
    operations(
        "invalidValue",
        vec![
            json!({ "op": "replace", "path": "title" }),
            json!({ "op": "add" }),
            json!({ "op": "add", "value": "x" }),
            json!({ "op": "replace", "value": [{ "title": "x" }] }),
            replace("title", json!(5)),
            replace("title", json!("nul\u{0}")),
            replace("active", json!("maybe")),
            replace("active", json!({})),
            replace("userName", json!("")),
            replace("userName", json!(null)),
            replace("name", json!("Babs")),
            replace("emails", json!(5)),
            replace("emails", json!([{ "value": "a@example.com", "primary": true }, { "value": "b@example.com", "primary": true }])),
            replace("emails[type eq \"work\"].value", json!(["a@example.com"])),
            replace("emails[type eq \"work\"].value", json!("no e-mail address")),
            replace(ENTERPRISE, json!("Sales")),
            json!({ "op": "replace", "value": { "userName": "" } }),
        ],
    )
    .await;
    stage.check().await;
}

async fn queries() {
    let stage = Unharmed::new().await;
    let refuses = async |query: &str, scim_type: &'static str| {
        stage.refuses(Method::GET, &format!("/Users?{query}"), None, "", 400, Some(scim_type)).await;
    };
    for query in [
        "startIndex=one",
        "count=ten",
        "count=1.5",
        "startIndex=%00",
        "attributes=id&excludedAttributes=name",
    ] {
        refuses(query, "invalidValue").await;
    }
    let long = format!("userName eq \"a\"{}", " or userName eq \"a\"".repeat(3000));
    let nots = format!("{}userName pr{}", "not (".repeat(1000), ")".repeat(1000));
    let parentheses = "(".repeat(20_000);
    for filter in [
        "userName",
        "userName eq",
        "userName eq bjensen jensen",
        "userName eq 'bjensen'",
        "userName xx \"a\"",
        "eq \"a\"",
        "\"a\" eq userName",
        "userName eq \"a",
        "userName eq \"a\" and",
        "(userName eq \"a\"",
        "userName eq \"a\")",
        "userName eq \"\\x\"",
        "nope eq \"a\"",
        "urn:example:none:title eq \"a\"",
        "emails[type eq \"work\"",
        "active gt true",
        "active eq \"perhaps\"",
        "userName eq 5",
        "userName sw true",
        "meta.created gt \"yesterday\"",
        "password eq \"a\"",
        "title[value eq \"a\"]",
        "and",
        "not userName pr",
        "\u{0}",
        "userName eq \"a\"; drop",
        &long,
        &nots,
        &parentheses,
    ] {
        let encoded =
            percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC).to_string();
        // The test's client makes no longer URL.
        if encoded.len() < 65_000 {
            refuses(&format!("filter={encoded}"), "invalidFilter").await;
        } else {
            assert_eq!(stage.raw_status("GET", &format!("/Users?filter={encoded}"), "X: y", "").await, "414");
        }
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter })
                .to_string();
        stage.refuses(Method::POST, "/Users/.search", SCIM, body, 400, Some("invalidFilter")).await;
    }
    let body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": { "a": 1 } })
            .to_string();
    stage.refuses(Method::POST, "/Users/.search", SCIM, body, 400, Some("invalidSyntax")).await;
    // Odd, but right: they find nobody.
    for filter in [
        "userName eq \"x&max=-1&first=0\"",
        "id eq \"../profile\"",
        "id eq \"count\"",
        "externalId eq \"a\\\" scim.managed:\\\"realm\"",
        "externalId eq \"nul\\u0000\"",
        "userName eq \"*\"",
        "userName eq \"%\"",
        "userName eq \"\"",
        "emails.value eq \"x y\"",
        "externalId eq \"\\\\\"",
    ] {
        let answer = stage.stage.scim.list("Users", filter, "").await;
        assert_eq!(answer.resources().len(), 0, "{filter}");
    }
    stage.check().await;
}
