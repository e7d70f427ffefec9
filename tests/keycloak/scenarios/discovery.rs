//! Discovery tells the truth: what it declares is served as declared, and what is not served says so.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Map, Value, json};

use super::stage::{Stage, patch, user, written};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, LIST, USER};

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("discovery::the_documents_are_as_rfc_7643_has_them", documents),
        in_each_tenant("discovery::it_needs_a_token_takes_get_alone_and_no_filter", guarded),
        in_each_tenant("discovery::every_declared_attribute_is_kept_exactly", attributes),
        in_each_tenant("discovery::required_and_unique_are_as_declared", constraints),
        in_each_tenant("discovery::etags_work_as_declared", etags),
        in_each_tenant("discovery::the_largest_page_is_as_declared", pages),
        in_each_tenant("discovery::a_realm_without_groups_has_an_empty_list_of_them", no_groups),
        in_each_tenant("discovery::what_is_not_served_says_so", not_served),
        in_each_tenant("discovery::head_does_no_harm", head),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const ENDPOINTS: [&str; 7] = [
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/ResourceTypes/Group",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group",
];

async fn documents() {
    let stage = Stage::new("discovery").await;
    let base = stage.scim.base_url();
    let get = async |path: &str| stage.scim.get(path).await.expect(200).json().clone();
    let unsupported = json!({ "supported": false });
    let mut config = get("/ServiceProviderConfig").await;
    let schemes = config.as_object_mut().unwrap().shift_remove("authenticationSchemes").unwrap();
    assert_eq!(
        config,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": { "supported": true },
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": true, "maxResults": 200 },
            "changePassword": unsupported, "sort": unsupported, "etag": { "supported": true },
            "pagination": {
                "cursor": false, "index": true, "defaultPaginationMethod": "index",
                "defaultPageSize": 100, "maxPageSize": 200,
            },
            "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
        })
    );
    assert_eq!(schemes.as_array().unwrap().len(), 1);
    assert_eq!(schemes[0]["type"], "oauthbearertoken");
    assert!(schemes[0]["name"].is_string() && schemes[0]["description"].is_string());

    let extensions = json!([{ "schema": ENTERPRISE, "required": false }]);
    let mut types = Vec::new();
    for (name, endpoint, schema, extensions) in
        [("User", "/Users", USER, extensions), ("Group", "/Groups", GROUP, json!([]))]
    {
        let whole = get(&format!("/ResourceTypes/{name}")).await;
        let mut told = whole.clone();
        told.as_object_mut().unwrap().shift_remove("description");
        assert_eq!(
            told,
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": name, "name": name, "endpoint": endpoint, "schema": schema, "schemaExtensions": extensions,
                "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}") },
            })
        );
        types.push(whole);
    }
    assert_eq!(
        get("/ResourceTypes").await,
        json!({ "schemas": [LIST], "totalResults": 2, "startIndex": 1, "itemsPerPage": 2, "Resources": types })
    );

    let list = stage.scim.get("/Schemas").await;
    let schemas = list.resources();
    assert_eq!(schemas.iter().map(|schema| &schema["id"]).collect::<Vec<_>>(), [USER, ENTERPRISE, GROUP]);
    for schema in schemas {
        let id = schema["id"].as_str().unwrap();
        for urn in [id.to_owned(), id.to_uppercase(), id.replace(':', "%3A")] {
            assert_eq!(get(&format!("/Schemas/{urn}")).await, *schema, "{urn}");
        }
        assert_eq!(
            schema["meta"],
            json!({ "resourceType": "Schema", "location": format!("{base}/Schemas/{id}") })
        );
        assert_complete(schema["attributes"].as_array().unwrap(), id);
    }
    for unknown in ["/Schemas/urn:example:none", "/Schemas/Group", "/ResourceTypes/None"] {
        stage.scim.get(unknown).await.scim_error(404, None);
    }
    // Paging and sorting mean nothing here, and are ignored.
    for ignored in ["?startIndex=2&count=1", "?sortBy=id", "/"] {
        assert_eq!(get(&format!("/Schemas{ignored}")).await, *list.json(), "{ignored}");
    }
}

/// Each attribute says all that RFC 7643, section 7, asks of it; complex ones name their sub-attributes.
fn assert_complete(attributes: &[Value], of: &str) {
    for attribute in attributes {
        let name = format!("{of} {}", attribute["name"]);
        for text in ["name", "type", "description", "mutability", "returned", "uniqueness"] {
            assert!(attribute[text].is_string(), "{name}: {text}");
        }
        for flag in ["multiValued", "required"] {
            assert!(attribute[flag].is_boolean(), "{name}: {flag}");
        }
        if attribute["type"] == "complex" {
            let subs =
                attribute["subAttributes"].as_array().unwrap_or_else(|| panic!("{name}: subAttributes"));
            assert!(!subs.is_empty(), "{name}");
            assert_complete(subs, &name);
        } else {
            assert!(attribute["caseExact"].is_boolean(), "{name}: caseExact");
        }
    }
}

async fn guarded() {
    let stage = Stage::new("discovery").await;
    let nobody = stage.scim.without_header("authorization");
    for path in ENDPOINTS {
        for client in [&nobody, &nobody.with_header("authorization", "Bearer wrong")] {
            let answer = client.get(path).await;
            answer.scim_error(401, None);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{answer}");
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = stage.scim.raw(method, path, Some("application/scim+json"), "{}").await;
            answer.scim_error(405, None);
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{answer}");
        }
        stage.scim.get(&format!("{path}?filter=id+eq+%22User%22")).await.scim_error(403, None);
    }
}

/// A value of an attribute that shows whether it is kept exactly; another one for each `number`.
fn sample(attribute: &Value, number: usize) -> Value {
    if attribute["multiValued"] == true {
        let element = |at: usize| {
            let mut element = one(attribute, number * 10 + at);
            if element.get("primary").is_some() {
                element["primary"] = json!(at == 0);
            }
            element
        };
        return json!([element(0), element(1)]);
    }
    one(attribute, number)
}

fn one(attribute: &Value, number: usize) -> Value {
    let name = attribute["name"].as_str().unwrap();
    match attribute["type"].as_str().unwrap() {
        "boolean" => json!(true),
        "binary" => json!(format!("MIIBszCCAR{number:04}==")),
        "reference" => json!(format!("https://Example.com/{name}/{number}?a=B&c=%20d")),
        "complex" => {
            let subs = attribute["subAttributes"].as_array().unwrap();
            let mut object: Map<String, Value> = subs
                .iter()
                .filter(|sub| sub["mutability"] == "readWrite")
                .map(|sub| (sub["name"].as_str().unwrap().to_owned(), one(sub, number)))
                .collect();
            if name == "emails" {
                object.insert("value".into(), json!(format!("Babs.{number}@Example.com")));
            }
            object.into()
        }
        // Letter case, blanks at both ends and within, quotes, a backslash, letters outside ASCII.
        "string" if name == "userName" => json!(format!("Bjensen-{number}@Example.com")),
        "string" if ["givenName", "familyName"].contains(&name) => {
            json!(format!("Zoë {name} O'Neil-{number}"))
        }
        "string" => json!(format!(" Zoë's  \"{name}\" \\ № {number} ")),
        other => panic!("{name} has a type that is not expected: {other}"),
    }
}

async fn attributes() {
    let stage = Stage::new("discovery").await;
    let schemas = stage.scim.get("/Schemas").await;
    let whole = |number: usize| {
        let mut user = json!({ "schemas": [USER, ENTERPRISE], "externalId": format!("External-{number}") });
        for schema in schemas.resources().iter().filter(|schema| schema["id"] != GROUP) {
            for attribute in schema["attributes"].as_array().unwrap() {
                let name = attribute["name"].as_str().unwrap();
                if attribute["mutability"] == "readOnly" {
                    assert_eq!(name, "groups");
                    continue;
                }
                assert_eq!(attribute["mutability"], "readWrite", "{name}");
                let value = sample(attribute, number);
                if schema["id"] == USER {
                    user[name] = value;
                } else {
                    user[ENTERPRISE][name] = value;
                }
            }
        }
        user
    };
    let (first, second) = (whole(1), whole(2));
    let created = stage.scim.post("/Users", &first).await.expect(201);
    assert_same(&written(created.json()), &first, "POST");
    let id = created.id();
    assert_same(&written(&stage.read(&id).await), &first, "GET after POST");
    let replaced = stage.scim.put(&format!("/Users/{id}"), &second).await.expect(200);
    assert_same(&written(replaced.json()), &second, "PUT");
    assert_same(&written(&stage.read(&id).await), &second, "GET after PUT");
    // One by one, by PATCH with a path.
    for (name, value) in first.as_object().unwrap().iter().filter(|(name, _)| *name != "schemas") {
        let answer =
            stage.patch(&id, &json!([{ "op": "replace", "path": name, "value": value }])).await.expect(200);
        assert_same(&answer.json()[name], value, &format!("PATCH of {name}"));
    }
    assert_same(&written(&stage.read(&id).await), &first, "GET after PATCH");
    // And cleared: what is left is what a user can't be without.
    let bare = user("Bjensen-1@Example.com", json!({}));
    let answer = stage.scim.put(&format!("/Users/{id}"), &bare).await.expect(200);
    let mut expected = bare;
    expected["active"] = json!(true);
    expected["externalId"] = first["externalId"].clone();
    assert_same(&written(answer.json()), &expected, "PUT without them");
    assert_same(&written(&stage.read(&id).await), &expected, "GET after that");
}

#[track_caller]
fn assert_same(found: &Value, expected: &Value, when: &str) {
    if let (Value::Object(found), Value::Object(expected)) = (found, expected) {
        for (name, value) in expected {
            assert_eq!(found.get(name), Some(value), "{when}: {name}");
        }
    }
    assert_eq!(found, expected, "{when}");
}

async fn constraints() {
    let stage = Stage::new("discovery").await;
    let schemas = stage.scim.get("/Schemas").await;
    let marked = |mark: &dyn Fn(&Value) -> bool| -> Vec<String> {
        let attributes =
            schemas.resources().iter().flat_map(|schema| schema["attributes"].as_array().unwrap());
        let marked = attributes.filter(|attribute| mark(attribute));
        marked.map(|attribute| attribute["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(marked(&|attribute| attribute["required"] == true), ["userName", "displayName"]);
    assert_eq!(marked(&|attribute| attribute["uniqueness"] != "none"), ["userName", "displayName"]);
    let without = json!({ "schemas": [USER], "displayName": "Babs" });
    stage.scim.post("/Users", &without).await.scim_error(400, Some("invalidValue"));
    for without in [json!({}), json!({ "displayName": "" }), json!({ "externalId": "x", "members": [] })] {
        stage.scim.post("/Groups", &without).await.scim_error(400, Some("invalidValue"));
        stage.scim.put("/Groups/1", &without).await.scim_error(400, Some("invalidValue"));
    }
    stage.scim.post("/Users", &user("bjensen", json!({}))).await.expect(201);
    // It is declared without letter case.
    stage.scim.post("/Users", &user("BJensen", json!({}))).await.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.scim.list("Users", r#"userName eq "BJENSEN""#, "").await.resources().len(), 1);
}

async fn etags() {
    let stage = Stage::new("discovery").await;
    let created = stage.scim.post("/Users", &user("bjensen", json!({ "title": "Guide" }))).await.expect(201);
    let path = format!("/Users/{}", created.id());
    let old = created.header("etag").unwrap().to_owned();
    assert_eq!(created.json()["meta"]["version"], old.as_str());
    let read = stage.scim.get(&path).await.expect(200);
    assert_eq!(read.header("etag"), Some(old.as_str()));
    let unmodified = stage.scim.with_header("if-none-match", &old).get(&path).await.expect(304);
    assert_eq!((unmodified.header("etag"), unmodified.raw.len()), (Some(old.as_str()), 0));
    let title = |title: &str| patch(&json!([{ "op": "replace", "path": "title", "value": title }]));
    let with_old = stage.scim.with_header("if-match", &old);
    let changed = with_old.patch(&path, &title("Chief")).await.expect(200);
    let new = changed.header("etag").unwrap().to_owned();
    assert_ne!(new, old, "a change makes a new version");
    with_old.patch(&path, &title("Guide")).await.scim_error(412, None);
    with_old.put(&path, &user("bjensen", json!({}))).await.scim_error(412, None);
    with_old.delete(&path).await.scim_error(412, None);
    assert_eq!(
        stage.scim.with_header("if-none-match", &old).get(&path).await.expect(200).json()["title"],
        "Chief"
    );
    // What an administrator changes in Keycloak is a new version too.
    let id = created.id();
    let mut kept = stage.realm.user(&id).await.unwrap();
    kept["firstName"] = json!("Barbara");
    stage.realm.put(&format!("/users/{id}"), &kept).await;
    let with_new = stage.scim.with_header("if-match", &new);
    with_new.patch(&path, &title("Guide")).await.scim_error(412, None);
    let any = stage.scim.with_header("if-match", "*");
    any.put(&path, &user("bjensen", json!({ "title": "Guide" }))).await.expect(200);
    let last = stage.scim.get(&path).await.header("etag").unwrap().to_owned();
    stage.scim.with_header("if-match", &format!("\"x\", {last}")).delete(&path).await.expect(204);
}

async fn pages() {
    let realm = admin().await.create_realm("discovery").await;
    let gateway =
        Gateway::setup(&realm, Auth::Token).await.set(&["realms", realm.name(), "max_page_size"], 2);
    let gateway = gateway.serve().await;
    let scim = gateway.scim().await;
    let config = scim.get("/ServiceProviderConfig").await.expect(200).json().clone();
    assert_eq!(config["filter"]["maxResults"], 2);
    assert_eq!(
        (&config["pagination"]["maxPageSize"], &config["pagination"]["defaultPageSize"]),
        (&json!(2), &json!(2))
    );
    for name in ["a@example.com", "b@example.com", "c@example.com"] {
        scim.post("/Users", &user(name, json!({}))).await.expect(201);
    }
    for (query, names, total) in [
        ("", &["a@example.com", "b@example.com"][..], 3),
        ("?count=100", &["a@example.com", "b@example.com"], 3),
        ("?count=100&startIndex=3", &["c@example.com"], 3),
        ("?count=100&startIndex=4", &[], 3),
        ("?count=0", &[], 3),
        ("?count=1&startIndex=0", &["a@example.com"], 3),
        ("?count=100&filter=active+eq+true", &["a@example.com", "b@example.com"], 3),
        ("?sortBy=userName&sortOrder=descending", &["a@example.com", "b@example.com"], 3),
    ] {
        let answer = scim.get(&format!("/Users{query}")).await;
        let found: Vec<_> = answer.resources().iter().map(|user| user["userName"].clone()).collect();
        assert_eq!(
            (found, &answer.json()["totalResults"]),
            (names.iter().map(|name| json!(name)).collect(), &json!(total)),
            "{query}"
        );
    }
}

async fn no_groups() {
    let stage = Stage::new("discovery").await;
    let empty =
        json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] });
    for query in ["", "?startIndex=1&count=100", "?excludedAttributes=members&filter=displayName+eq+%22x%22"]
    {
        assert_eq!(*stage.scim.get(&format!("/Groups{query}")).await.expect(200).json(), empty, "{query}");
    }
}

async fn not_served() {
    let stage = Stage::new("discovery").await;
    let call = async |method: Method, path: &str| {
        stage.scim.raw(method, path, Some("application/scim+json"), "{}").await
    };
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["/Me", "/Bulk", "/.search"] {
            call(method.clone(), path).await.scim_error(501, None);
        }
        for path in ["/", "/Nope", "/Nope/1", "/users", "/groups", "/Users/1/2", "/Groups/1/2"] {
            call(method.clone(), path).await.scim_error(404, None);
        }
    }
    for path in ["/Me", "/Bulk", "/.search"] {
        stage.scim.get(path).await.scim_error(501, None);
    }
    for path in ["", "/", "/Nope", "/users", "/Users/1/2"] {
        stage.scim.get(path).await.scim_error(404, None);
    }
    for (method, collection) in [Method::PUT, Method::PATCH, Method::DELETE]
        .into_iter()
        .flat_map(|method| ["/Users", "/Groups"].map(|collection| (method.clone(), collection)))
    {
        let answer = call(method, collection).await;
        answer.scim_error(405, None);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
    }
}

async fn head() {
    let stage = Stage::new("discovery").await;
    let id = stage.create_with("bjensen", json!({})).await;
    stage.settled().await;
    let before = stage.realm.user(&id).await;
    for path in ["/Users".to_owned(), format!("/Users/{id}"), "/Groups".to_owned(), "/Schemas".to_owned()] {
        let answer = stage.scim.raw(Method::HEAD, &path, None, "").await.expect(200);
        assert_eq!(answer.raw.len(), 0);
        assert_eq!(answer.header("content-type"), Some("application/scim+json"));
        let answer = stage.scim.raw(Method::OPTIONS, &path, None, "").await;
        assert_eq!(answer.status, 405, "{answer}");
        assert!(stage.scim.raw(Method::TRACE, &path, None, "").await.status >= 400);
    }
    stage.scim.raw(Method::HEAD, "/Users/nobody", None, "").await.expect(404);
    assert_eq!(stage.realm.user(&id).await, before);
}
