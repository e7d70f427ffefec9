//! The examples that RFC 7644 itself gives for users, sections 3.3 to 3.6 and 3.9, request by request.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch, user_names, written};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, LIST, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("rfc7644::a_user_is_created_replaced_and_deleted", life),
        in_each_tenant("rfc7644::every_example_filter_finds_whom_it_means", filters),
        in_each_tenant("rfc7644::a_list_shows_what_is_asked_for", lists),
        in_each_tenant("rfc7644::a_search_request_in_a_body_finds_as_a_query_does", search),
        in_each_tenant("rfc7644::add_examples", add),
        in_each_tenant("rfc7644::remove_examples", remove),
        in_each_tenant("rfc7644::replace_examples", replace),
        in_each_tenant("rfc7644::answers_to_writes_show_the_attributes_asked_for", projected_writes),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn members(resource: &Value) -> Vec<&str> {
    resource.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Sections 3.3, 3.4.1, 3.5.1 and 3.6.
async fn life() {
    let stage = Stage::new("rfc").await;
    let sent = json!({
        "schemas": [USER], "userName": "bjensen", "externalId": "bjensen",
        "name": { "formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara" },
    });
    let created = stage.scim.post("/Users", &sent).await.expect(201);
    let id = created.id();
    let path = format!("/Users/{id}");
    let mut expected = sent.clone();
    expected["active"] = true.into();
    assert_eq!(written(created.json()), expected);
    assert_eq!(created.header("location"), created.json()["meta"]["location"].as_str());
    assert_eq!(created.header("etag"), created.json()["meta"]["version"].as_str());
    assert_eq!(created.json()["meta"]["created"], created.json()["meta"]["lastModified"]);
    let read = stage.scim.get(&path).await.expect(200);
    assert_eq!(read.json(), created.json());
    assert_eq!(read.header("etag"), created.header("etag"));

    // 3.5.1, with the If-Match that its example has. The id in the body is the server's own and changes nothing.
    let body = json!({
        "schemas": [USER], "id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen", "externalId": "bjensen",
        "name": {
            "formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane",
        },
        "roles": [], "emails": [{ "value": "bjensen@example.com" }, { "value": "babs@jensen.org" }],
    });
    let with_version = stage.scim.with_header("if-match", created.header("etag").unwrap());
    let replaced = with_version.put(&path, &body).await.expect(200);
    assert_eq!(replaced.id(), id);
    for name in ["userName", "externalId", "name", "emails"] {
        assert_eq!(replaced.json()[name], body[name], "{name}");
    }
    assert_eq!(replaced.json().get("roles"), None);
    assert_ne!(replaced.header("etag"), created.header("etag"));
    assert_eq!(stage.read(&id).await, *replaced.json());
    assert_eq!(
        stage.stored(&id).await["email"],
        "bjensen@example.com",
        "the first one, where none is primary"
    );
    with_version.put(&path, &body).await.scim_error(412, None);

    // 3.6, then its error.
    let gone =
        stage.scim.with_header("if-match", replaced.header("etag").unwrap()).delete(&path).await.expect(204);
    assert_eq!(gone.raw.len(), 0);
    for method in [Method::GET, Method::DELETE] {
        stage.scim.raw(method, &path, None, "").await.scim_error(404, None);
    }
}

/// Figure 2; `rooms` and the like are attributes that nobody serves.
async fn filters() {
    let stage = Stage::new("rfc").await;
    for (name, attributes) in [
        (
            "bjensen",
            json!({
                "title": "Tour Guide", "userType": "Employee", "name": { "familyName": "Jensen" },
                "emails": [{ "value": "bjensen@example.com", "type": "work" }, { "value": "babs@jensen.org", "type": "home" }],
            }),
        ),
        (
            "jsmith",
            json!({
                "userType": "Intern", "name": { "familyName": "O'Malley" },
                "emails": [{ "value": "jsmith@example.org", "type": "home" }],
                ENTERPRISE: { "department": "Tour Operations" },
            }),
        ),
        (
            "kent",
            json!({
                "title": "Vice President", "userType": "Contractor", "name": { "familyName": "o'malley-kent" },
                "ims": [{ "value": "kent@foo.com", "type": "xmpp" }],
            }),
        ),
        (
            "zoe",
            json!({ "userType": "Employee", "emails": [{ "value": "zoe@example.net", "type": "other" }] }),
        ),
    ] {
        stage.create_with(name, attributes).await;
    }
    let all = ["bjensen", "jsmith", "kent", "zoe"];
    for (filter, expected) in [
        (r#"userName eq "bjensen""#, &["bjensen"][..]),
        (r#"userName Eq "bjensen""#, &["bjensen"]),
        (r#"Username eq "bjensen""#, &["bjensen"]),
        (r#"name.familyName co "O'Malley""#, &["jsmith", "kent"]),
        (r#"userName sw "J""#, &["jsmith"]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#, &["jsmith"]),
        ("title pr", &["bjensen", "kent"]),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, &all),
        (r#"meta.lastModified ge "2011-05-13T04:42:34Z""#, &all),
        (r#"meta.lastModified lt "2011-05-13T04:42:34Z""#, &[]),
        (r#"meta.lastModified le "2011-05-13T04:42:34Z""#, &[]),
        (r#"title pr and userType eq "Employee""#, &["bjensen"]),
        (r#"title pr or userType eq "Intern""#, &["bjensen", "jsmith", "kent"]),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, &["jsmith"]),
        (
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            &["bjensen"],
        ),
        (
            r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
            &["kent"],
        ),
        (r#"userType eq "Employee" and (emails.type eq "work")"#, &["bjensen"]),
        (r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#, &["bjensen"]),
        (r#"userType eq "Employee" and emails[type eq "home" and value co "@example.com"]"#, &[]),
        (
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
            &["bjensen", "kent"],
        ),
    ] {
        let answer = stage.scim.list("Users", filter, "").await;
        assert_eq!(user_names(answer.resources()), expected, "{filter}");
        assert_eq!(answer.json()["totalResults"], expected.len(), "{filter}");
    }
    stage.scim.list("Users", "rooms pr", "").await.scim_error(400, Some("invalidFilter"));
}

/// Sections 3.4.2, 3.4.2.4 and 3.9.
async fn lists() {
    let stage = Stage::new("rfc").await;
    let id = stage.create("bjensen").await;
    stage.create("jsmith").await;
    let names = stage.scim.get("/Users?attributes=userName").await;
    assert_eq!(names.json()["schemas"], json!([LIST]));
    for user in names.resources() {
        assert_eq!(members(user), ["schemas", "id", "userName"]);
    }
    assert_eq!(user_names(names.resources()), ["bjensen", "jsmith"]);
    let page = stage.scim.get("/Users?startIndex=1&count=10").await;
    let numbers = ["totalResults", "itemsPerPage", "startIndex"].map(|name| page.json()[name].clone());
    assert_eq!(numbers, [json!(2), json!(2), json!(1)]);
    let total = stage.scim.get("/Users?filter=userName+sw+%22j%22&count=0").await;
    assert_eq!((&total.json()["totalResults"], total.resources().len()), (&json!(1), 0));
    let one = stage.scim.get(&format!("/Users/{id}?attributes=userName")).await.expect(200);
    assert_eq!(*one.json(), json!({ "schemas": [USER], "id": id, "userName": "bjensen" }));
}

/// Section 3.4.3, figure 4.
async fn search() {
    let stage = Stage::new("rfc").await;
    for (name, shown) in [("jsmith", "Smith, James"), ("zoe", "Smithers, Zoe"), ("bjensen", "Babs Jensen")] {
        stage.create_with(name, json!({ "displayName": shown, "title": "Guide" })).await;
    }
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["displayName", "userName"],
        "filter": "displayName sw \"smith\"", "startIndex": 1, "count": 10,
    });
    let answer = stage.scim.post("/Users/.search", &body).await;
    assert_eq!(user_names(answer.resources()), ["jsmith", "zoe"]);
    assert_eq!(answer.json()["totalResults"], 2);
    assert_eq!(members(&answer.resources()[0]), ["schemas", "id", "userName", "displayName"]);
    let query =
        "/Users?attributes=displayName,userName&filter=displayName%20sw%20%22smith%22&startIndex=1&count=10";
    assert_eq!(stage.scim.get(query).await.json(), answer.json());
}

/// Section 3.5.2.1.
async fn add() {
    let stage = Stage::new("rfc").await;
    let work = json!({ "value": "bjensen@example.com", "type": "work", "primary": true });
    let id = stage.create_with("bjensen", json!({ "title": "Guide", "emails": [work] })).await;
    let operation = json!([{ "op": "add", "value": {
        "emails": [{ "value": "babs@jensen.org", "type": "home" }], "nickname": "Babs",
    } }]);
    let added = stage.patch(&id, &operation).await.expect(200);
    let expected = json!({
        "schemas": [USER], "userName": "bjensen", "active": true, "title": "Guide", "nickName": "Babs",
        "emails": [work, { "value": "babs@jensen.org", "type": "home" }],
    });
    assert_eq!(written(added.json()), expected);
    // What is there already is no change, and `lastModified` stays.
    let again = stage.patch(&id, &operation).await.expect(200);
    assert_eq!(again.json(), added.json());
    assert_eq!(again.header("etag"), added.header("etag"));
    // A new primary value takes it from the old one.
    let operation = json!([{ "op": "add", "path": "emails", "value": [
        { "value": "barbara@example.com", "type": "other", "primary": true },
    ] }]);
    let emails = stage.patch(&id, &operation).await.expect(200).json()["emails"].clone();
    let primary = |email: &&Value| email["primary"] == true;
    assert_eq!(emails.as_array().unwrap().iter().filter(primary).count(), 1, "{emails}");
    assert_eq!(emails.as_array().unwrap().len(), 3);
    assert_eq!(stage.stored(&id).await["email"], "barbara@example.com");
}

/// Section 3.5.2.2.
async fn remove() {
    let stage = Stage::new("rfc").await;
    let home = json!({ "value": "babs@jensen.org", "type": "home" });
    let far = json!({ "value": "babs@example.net", "type": "work" });
    let emails = json!([{ "value": "bjensen@example.com", "type": "work", "primary": true }, home, far]);
    let id = stage.create_with("bjensen", json!({ "emails": emails, "title": "Guide" })).await;
    let path = r#"emails[type eq "work" and value ew "example.com"]"#;
    let removed = stage.patch(&id, &json!([{ "op": "remove", "path": path }])).await.expect(200);
    assert_eq!(removed.json()["emails"], json!([home, far]));
    assert_eq!(removed.json()["title"], "Guide");
    assert_eq!(stage.stored(&id).await["email"], "babs@jensen.org");
    // Nothing matches any more: nothing is left to remove.
    let again = stage.patch(&id, &json!([{ "op": "remove", "path": path }])).await.expect(200);
    assert_eq!(again.json(), removed.json());
    for (path, scim_type) in
        [("userName", "mutability"), ("id", "mutability"), ("meta.created", "mutability")]
    {
        let refused = json!([{ "op": "remove", "path": "title" }, { "op": "remove", "path": path }]);
        stage.patch(&id, &refused).await.scim_error(400, Some(scim_type));
    }
    let without_path = json!([{ "op": "remove", "path": "title" }, { "op": "remove" }]);
    stage.patch(&id, &without_path).await.scim_error(400, Some("noTarget"));
    assert_eq!(stage.read(&id).await, *removed.json(), "all or nothing");
    let cleared = json!([{ "op": "remove", "path": "emails" }, { "op": "remove", "path": "title" }]);
    let cleared = stage.patch(&id, &cleared).await.expect(200);
    assert_eq!(written(cleared.json()), json!({ "schemas": [USER], "userName": "bjensen", "active": true }));
    assert_eq!(stage.stored(&id).await.get("email"), None);
}

/// Section 3.5.2.3.
async fn replace() {
    let stage = Stage::new("rfc").await;
    let home = json!({ "type": "home", "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood" });
    let attributes = json!({
        "emails": [{ "value": "old@example.com", "type": "other" }], "title": "Guide",
        "addresses": [{ "type": "work", "streetAddress": "100 Universal City Plaza", "postalCode": "00000" }, home],
    });
    let id = stage.create_with("bjensen", attributes).await;
    let work = json!({
        "type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood", "region": "CA",
        "postalCode": "91608", "country": "US", "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US", "primary": true,
    });
    let whole = json!([{ "op": "replace", "path": "addresses[type eq \"work\"]", "value": work }]);
    let answer = stage.patch(&id, &whole).await.expect(200);
    assert_eq!(answer.json()["addresses"], json!([work, home]));

    let street = json!([{ "op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave" }]);
    let answer = stage.patch(&id, &street).await.expect(200);
    let mut moved = work.clone();
    moved["streetAddress"] = "1010 Broadway Ave".into();
    assert_eq!(answer.json()["addresses"], json!([moved, home]));

    let emails = json!([
        { "value": "bjensen@example.com", "type": "work", "primary": true }, { "value": "babs@jensen.org", "type": "home" },
    ]);
    let several = json!([{ "op": "replace", "value": { "emails": emails, "nickname": "Babs" } }]);
    let answer = stage.patch(&id, &several).await.expect(200);
    assert_eq!([&answer.json()["emails"], &answer.json()["nickName"]], [&emails, &json!("Babs")]);
    assert_eq!(
        [&answer.json()["addresses"], &answer.json()["title"]],
        [&json!([moved, home]), &json!("Guide")]
    );
    assert_eq!(stage.stored(&id).await["email"], "bjensen@example.com");

    let nowhere =
        json!([{ "op": "replace", "path": "addresses[type eq \"other\"].streetAddress", "value": "x" }]);
    stage.patch(&id, &nowhere).await.scim_error(400, Some("noTarget"));
    assert_eq!(stage.read(&id).await, *answer.json());
}

/// Section 3.9: on POST, PUT and PATCH too.
async fn projected_writes() {
    let stage = Stage::new("rfc").await;
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bjensen", "displayName": "Babs", "title": "Guide",
        ENTERPRISE: { "department": "Tours", "division": "Park" },
    });
    let created = stage.scim.post("/Users?attributes=displayName", &body).await.expect(201);
    assert_eq!(members(created.json()), ["schemas", "id", "displayName"]);
    let id = created.id();
    let location = format!("{}/Users/{id}", stage.scim.base_url());
    assert_eq!(created.header("location"), Some(location.as_str()));
    let path = format!("/Users/{id}");
    let put = stage
        .scim
        .put(&format!("{path}?excludedAttributes=displayName,{ENTERPRISE}"), &body)
        .await
        .expect(200);
    assert_eq!(members(put.json()), ["schemas", "id", "userName", "title", "active", "meta"]);
    let operations = patch(&json!([{ "op": "replace", "path": "title", "value": "Chief" }]));
    let asked = format!("{path}?attributes={ENTERPRISE}:division,TITLE,id,password,nope");
    let patched = stage.scim.patch(&asked, &operations).await.expect(200);
    assert_eq!(members(patched.json()), ["schemas", "id", "title", ENTERPRISE]);
    assert_eq!(patched.json()[ENTERPRISE], json!({ "division": "Park" }));
    // What is not shown is there all the same.
    assert_eq!(stage.read(&id).await["displayName"], "Babs");
}
