//! The Postman collections beside Microsoft's reference code: SCIM Tests, and SCIM Inbound, which reads users as a source.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::stage::{Stage, user_names, written};
use crate::runner::in_each_tenant;
use crate::scim::{Answer, ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("postman::users_in_capital_letters_are_created_changed_and_deleted", users),
        in_each_tenant("postman::attributes_with_a_filter_in_them_show_the_attribute", attributes),
        in_each_tenant("postman::garbage_is_refused_or_left_out", garbage),
        in_each_tenant("postman::pages_and_filters_find_whom_they_mean", queries),
        in_each_tenant("postman::filters_without_quotes_find_the_same", without_quotes),
        in_each_tenant("postman::inbound_reads_all_and_then_what_has_changed", inbound),
        in_each_tenant("postman::inbound_changes_a_user", inbound_changes),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn send(stage: &Stage, method: Method, path: &str, body: &Value) -> Answer {
    stage.scim.raw(method, path, Some("application/json"), body.to_string()).await
}

/// "User tests": sub-attributes and enterprise attributes in capital letters.
async fn users() {
    let stage = Stage::new("postman").await;
    let emails = |local: &str| {
        json!([
            { "Primary": true, "type": "work", "value": format!("{local}@example.com") },
            { "Primary": false, "type": "home", "value": format!("{local}@example.org") },
        ])
    };
    let plain = json!({
        "userName": "UserName123", "active": true, "displayName": "BabsIsAmazing", "schemas": [USER],
        "externalId": "22fbc523-6032-4c5f-939d-5d4850cf3e52", "emails": emails("one"),
        "name": { "formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara" },
    });
    let mut second = plain.clone();
    second["userName"] = "UserName222".into();
    second["displayName"] = "babs".into();
    second["schemas"] = json!([ENTERPRISE, USER]);
    second["externalId"] = "015489ea-9410-4306-b583-9f002b2446f7".into();
    second["emails"] = emails("two");
    second[ENTERPRISE] = json!({ "Department": "Tours", "Manager": { "Value": "SuzzyQ" } });
    let first_id = send(&stage, Method::POST, "/Users", &plain).await.expect(201).id();
    let created = send(&stage, Method::POST, "/Users", &second).await.expect(201);
    let second_id = created.id();
    assert_eq!(
        created.json()[ENTERPRISE],
        json!({ "department": "Tours", "manager": { "value": "SuzzyQ" } })
    );
    assert_eq!(
        created.json()["emails"],
        json!([
            { "primary": true, "type": "work", "value": "two@example.com" },
            { "primary": false, "type": "home", "value": "two@example.org" },
        ])
    );
    for (id, user_name) in [(&first_id, "UserName123"), (&second_id, "UserName222")] {
        let user = stage.read(id).await;
        assert_eq!([&user["id"], &user["userName"]], [id.as_str(), user_name]);
    }
    let chosen = stage.scim.get("/Users?attributes=userName,emails").await;
    assert_eq!(user_names(chosen.resources()), ["UserName123", "UserName222"]);
    assert!(
        chosen.resources().iter().all(|user| user["emails"].is_array() && user.get("name").is_none()),
        "{chosen}"
    );
    // With a slash before the query.
    let found = stage.scim.get("/Users/?filter=DisplayName+eq+%22BabsIsAmazing%22").await;
    assert_eq!(user_names(found.resources()), ["UserName123"]);

    let rename = json!([{ "op": "replace", "path": "userName", "value": "babs3" }]);
    stage.patch(&first_id, &rename).await.expect(200);
    assert_eq!(stage.read(&first_id).await["userName"], "babs3");
    let mut replaced = plain;
    replaced["userName"] = "UserNameReplace2".into();
    replaced["id"] = second_id.as_str().into();
    replaced["name"]["formatted"] = "NewName".into();
    replaced["externalId"] = "6c6b54c2-fa81-4234-ad4f-420ec6808049".into();
    replaced["emails"] = emails("replaced");
    replaced["schemas"] = json!([ENTERPRISE, USER]);
    let path = format!("/Users/{second_id}");
    send(&stage, Method::PUT, &path, &replaced).await.expect(200);
    let shown = stage.read(&second_id).await;
    assert_eq!([&shown["name"]["formatted"], &shown["userName"]], ["NewName", "UserNameReplace2"]);
    assert_eq!([shown.get(ENTERPRISE), Some(&shown["schemas"])], [None, Some(&json!([USER]))]);
    assert_eq!(stage.stored(&second_id).await["email"], "replaced@example.com");
    for id in [&first_id, &second_id] {
        stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
    }
    assert_eq!(stage.scim.get("/Users?attributes=userName").await.json()["Resources"], json!([]));
}

/// "ComplexAttribute tests": a value filter where only names may stand. The attribute is shown, to the users that have it.
async fn attributes() {
    let stage = Stage::new("postman").await;
    let email = |value: &str| json!({ "emails": [{ "Primary": true, "type": "work", "value": value }], "displayName": "Babs" });
    stage.create_with("UserName111", email("emailName357@example.com")).await;
    stage.create_with("UserName222", email("jump@example.com")).await;
    for query in [
        "attributes=emails%5Btype+eq+%22work%22%5D",
        "attributes=emails%5Bvalue+eq+%22emailName357%40example.com%22%5D",
    ] {
        let answer = stage.scim.get(&format!("/Users?{query}")).await;
        let first = &answer.resources()[0];
        assert_eq!(
            first["emails"],
            json!([{ "primary": true, "type": "work", "value": "emailName357@example.com" }])
        );
        assert_eq!(first.get("displayName"), None, "{query}");
    }
}

/// "User tests with garbage": every list element with nulls in it, dates of its own in `meta`, two addresses of one type.
fn babs() -> Value {
    let street = "4939 Hess Fork";
    json!({
        "userName": "OMalley", "active": true, "displayName": "Babs Jensen", "preferredLanguage": "xh", "roles": [],
        "title": "Site engineer", "externalId": "22fbc523-6032-4c5f-939d-5d4850cf3e52", "schemas": [USER],
        "addresses": [
            {
                "country": "Bermuda", "formatted": "9132 Jennifer Way\nSuite 040", "locality": "West Mercedes",
                "postalCode": "99265", "region": "Montana", "streetAddress": street, "type": "work", "primary": false,
            },
            {
                "country": null, "formatted": "18522 Lisa Unions\nEast Gregory", "locality": null, "postalCode": null,
                "region": null, "streetAddress": null, "type": "other", "primary": false,
            },
        ],
        "emails": [
            { "type": "work", "primary": true, "value": "babs33@example.com" },
            { "type": "work", "primary": false, "value": "babs33@example.org" },
        ],
        "meta": {
            "created": "2019-09-18T18:15:26.5788954+00:00", "lastModified": "2019-09-18T18:15:26.5788976+00:00",
            "resourceType": "User",
        },
        "name": {
            "formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara", "honorificPrefix": null,
            "honorificSuffix": null,
        },
        "phoneNumbers": [
            { "type": "fax", "primary": false, "value": "312-320-0500" },
            { "type": "mobile", "primary": false, "value": "312-320-1707" },
            { "type": "work", "primary": true, "value": "312-320-0932" },
        ],
    })
}

/// The same as it is shown: without what is null.
fn shown() -> Value {
    let mut user = babs();
    user["addresses"][1] =
        json!({ "formatted": "18522 Lisa Unions\nEast Gregory", "type": "other", "primary": false });
    user["name"] = json!({ "formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara" });
    for name in ["roles", "meta"] {
        user.as_object_mut().unwrap().remove(name);
    }
    user
}

async fn garbage() {
    let stage = Stage::new("postman").await;
    let created = send(&stage, Method::POST, "/Users", &babs()).await.expect(201);
    let id = created.id();
    let path = format!("/Users/{id}");
    assert_eq!(written(created.json()), shown());
    assert!(
        !created.json()["meta"]["created"].as_str().unwrap().starts_with("2019"),
        "meta is the server's: {created}"
    );
    let mut other = babs();
    other["userName"] = "emp1".into();
    other["active"] = "True".into();
    other["emails"] = json!([{ "type": "work", "primary": true, "value": "emp1@example.com" }]);
    assert_eq!(send(&stage, Method::POST, "/Users", &other).await.expect(201).json()["active"], true);
    for _ in 0..2 {
        send(&stage, Method::POST, "/Users", &other).await.scim_error(409, Some("uniqueness"));
    }

    let mut nameless = babs();
    nameless.as_object_mut().unwrap().remove("userName");
    nameless["active"] = false.into();
    send(&stage, Method::POST, "/Users", &nameless).await.scim_error(400, Some("invalidValue"));
    nameless["userame"] = "OMalley".into();
    send(&stage, Method::PUT, &path, &nameless).await.scim_error(400, Some("invalidValue"));
    let junk = r#"{"acve": tre, "adadfdresses": [{"coudftry": "Beruda", les": [], "schemas": []}"#;
    stage
        .scim
        .raw(Method::POST, "/Users", Some("application/json"), junk)
        .await
        .scim_error(400, Some("invalidSyntax"));
    assert_eq!(stage.read(&id).await, *created.json(), "what is refused changes nothing");
    assert_eq!(stage.stored(&id).await["enabled"], true);
    assert_eq!(stage.listed().await, ["emp1", "OMalley"]);

    // A misspelt attribute is left out, and with it what it should have kept.
    let mut misspelt = babs();
    let addresses = misspelt.as_object_mut().unwrap().remove("addresses").unwrap();
    misspelt["adreses"] = addresses;
    misspelt["active"] = false.into();
    let put = send(&stage, Method::PUT, &path, &misspelt).await.expect(200);
    let mut expected = shown();
    expected.as_object_mut().unwrap().remove("addresses");
    expected["active"] = false.into();
    assert_eq!(written(put.json()), expected);
    let body = json!({
        "id": id, "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "name": "rename", "op": "Replace", "path": "userName", "value": "newusername" }],
    });
    let patched = send(&stage, Method::PATCH, &path, &body).await.expect(200);
    expected["userName"] = "newusername".into();
    assert_eq!(written(patched.json()), expected);
    let mut germany = babs();
    germany["id"] = id.as_str().into();
    germany["addresses"][0]["country"] = "Germany".into();
    germany["active"] = false.into();
    let put = send(&stage, Method::PUT, &path, &germany).await.expect(200);
    let mut expected = shown();
    expected["active"] = false.into();
    expected["addresses"][0]["country"] = "Germany".into();
    assert_eq!(written(put.json()), expected);
    assert_eq!(stage.stored(&id).await["enabled"], false);
}

/// Five people, one of them of another family.
async fn people() -> Stage {
    let stage = Stage::new("postman").await;
    for (name, family) in
        [("OMalley", "Jensen"), ("emp1", "Employee"), ("emp2", "Employee"), ("emp3", "Employee")]
    {
        let attributes = json!({
            "name": { "familyName": family }, "emails": [{ "type": "work", "value": format!("{name}@example.com") }],
        });
        stage.create_with(name, attributes).await;
    }
    stage.create_with("enterprise", json!({ "name": { "familyName": "Employee" } })).await;
    stage
}

/// The collection's filters leave the quotes out, as RFC 7644 section 3.4.2.1 itself does once: `meta.resourceType eq User`.
async fn without_quotes() {
    let stage = people().await;
    for (filter, expected) in [
        (
            "name.FamilyName eq Employee and (emails.Value co example.com or emails.Value co example.org)",
            &["emp1", "emp2", "emp3"][..],
        ),
        ("userName sw O", &["OMalley"]),
        (
            "meta.Created gt 2015-10-10T14:38:21.8617979-07:00",
            &["emp1", "emp2", "emp3", "enterprise", "OMalley"],
        ),
    ] {
        assert_eq!(user_names(stage.scim.list("Users", filter, "").await.resources()), expected, "{filter}");
    }
}

async fn queries() {
    let stage = people().await;
    let page = stage.scim.get("/Users?startIndex=1&count=2").await;
    assert_eq!([&page.json()["totalResults"], &page.json()["itemsPerPage"]], [5, 2]);
    assert_eq!(user_names(page.resources()), ["emp1", "emp2"]);
    for (filter, expected) in [
        (
            r#"name.FamilyName eq "Employee" and (emails.Value co "example.com" or emails.Value co "example.org")"#,
            &["emp1", "emp2", "emp3"][..],
        ),
        (r#"userName sw "O""#, &["OMalley"]),
        (
            r#"meta.Created gt "2015-10-10T14:38:21.8617979-07:00""#,
            &["emp1", "emp2", "emp3", "enterprise", "OMalley"],
        ),
    ] {
        assert_eq!(user_names(stage.scim.list("Users", filter, "").await.resources()), expected, "{filter}");
    }
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap()
}

/// "SCIM Inbound": a full read in pages up to now, then only what has changed since.
async fn inbound() {
    let stage = Stage::new("postman").await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let attributes = json!({ "userType": "Employee", "active": number != 3 });
        ids.push(stage.create_with(&format!("user-{number}@example.com"), attributes).await);
    }
    assert_eq!(stage.scim.get("/Users?count=1").await.resources().len(), 1);
    let one = stage.scim.list("Users", &format!("id eq \"{}\"", ids[3]), "").await;
    assert_eq!(
        (one.resources()[0]["id"].as_str(), &one.json()["totalResults"]),
        (Some(ids[3].as_str()), &json!(1))
    );

    let watermark = now();
    let all = format!(
        "active eq true and (meta.lastModified ge \"0001-01-03T00:00:00.0000000Z\" and meta.lastModified le \"{watermark}\")"
    );
    let mut seen = Vec::new();
    for (start, length) in [(1, 5), (6, 1)] {
        let page = stage.scim.list("Users", &all, &format!("&count=5&startIndex={start}")).await;
        let numbers =
            ["totalResults", "startIndex", "itemsPerPage"].map(|name| page.json()[name].as_u64().unwrap());
        assert_eq!(numbers, [6, start, length]);
        seen.extend(user_names(page.resources()));
    }
    let expected = [0, 1, 2, 4, 5, 6].map(|number| format!("user-{number}@example.com"));
    assert_eq!(seen, expected);

    // The times that are shown have milliseconds.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let since = now();
    stage
        .patch(&ids[5], &json!([{ "op": "replace", "path": "name.familyName", "value": "Jensen" }]))
        .await
        .expect(200);
    stage.patch(&ids[3], &json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);
    stage
        .patch(&ids[0], &json!([{ "op": "replace", "path": "userType", "value": "Employee" }]))
        .await
        .expect(200);
    let until = (OffsetDateTime::now_utc() + time::Duration::seconds(1)).format(&Rfc3339).unwrap();
    let delta =
        format!("active eq true and (meta.lastModified ge \"{since}\" and meta.lastModified le \"{until}\")");
    // `startindex`, and from 0.
    let changed = stage.scim.list("Users", &delta, "&count=100&startindex=0").await;
    assert_eq!(
        user_names(changed.resources()),
        ["user-3@example.com", "user-5@example.com"],
        "who has changed, nobody else"
    );
    assert_eq!(changed.json()["startIndex"], 1);
    let second = stage.scim.list("Users", &delta, "&Count=100&startindex=2").await;
    assert_eq!(user_names(second.resources()), ["user-5@example.com"]);
    let odd = stage
        .scim
        .list("Users", "(ActiVe eq true) and meta.lastmodified ge \"2021-09-23T19:35:41.8420572Z\"", "")
        .await;
    assert_eq!(odd.json()["totalResults"], 7);
}

async fn inbound_changes() {
    let stage = Stage::new("postman").await;
    let employee = |name: &str, active: bool| {
        json!({
            "schemas": [USER, ENTERPRISE], "externalId": format!("external-{name}"), "userName": name,
            "name": { "givenName": "Barbara", "familyName": "Jensen" }, "active": active, "displayName": "Barbara Jensen",
            "locale": "en-US", "userType": "Employee", "title": "Guide",
            "emails": [
                { "value": format!("{name}@example.com"), "display": "babs@contoso.com", "type": "work", "primary": true },
                { "value": "babs@example.org", "display": "babs@example.org", "type": "home" },
            ],
            "phoneNumbers": [{ "value": "+1 555 0100", "type": "work", "primary": true }],
            "addresses": [{
                "streetAddress": "One Microsoft Way", "locality": "Redmond", "region": "WA", "postalCode": "98052",
                "country": "US", "type": "work", "primary": true,
            }],
            ENTERPRISE: { "employeeNumber": "701984", "organization": "SCIM Corporation", "department": "Tours" },
        })
    };
    let boss = stage.scim.post("/Users", &employee("boss", true)).await.expect(201).id();
    let mut body = employee("babsj", false);
    body[ENTERPRISE]["manager"] = json!({ "value": boss });
    let created = stage.scim.post("/Users", &body).await.expect(201);
    let id = created.id();
    assert_eq!(written(created.json()), body);
    assert_eq!(stage.stored(&id).await["enabled"], false, "created inactive");

    let mut expected = body;
    let dotted = format!("{ENTERPRISE}.manager");
    for (path, value) in
        [("name.familyName", json!("Smith")), ("active", json!(true)), (dotted.as_str(), json!(id))]
    {
        let operations = json!([{ "op": "replace", "path": path, "value": value }]);
        stage.patch(&id, &operations).await.expect(200);
    }
    expected["name"]["familyName"] = "Smith".into();
    expected["active"] = true.into();
    expected[ENTERPRISE]["manager"] = json!({ "value": id });
    assert_eq!(written(&stage.read(&id).await), expected);
    assert_eq!(stage.stored(&id).await["enabled"], true);
    let manager = format!("id eq \"{id}\" and manager eq \"{id}\"");
    let checked = stage.scim.list("Users", &manager, "&attributes=id").await;
    assert_eq!(checked.resources(), [json!({ "schemas": [USER, ENTERPRISE], "id": id })]);
    stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
    stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
    assert_eq!(stage.listed().await, ["boss"]);
}
