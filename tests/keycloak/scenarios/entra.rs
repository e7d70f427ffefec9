//! What Microsoft Entra ID sends about users, with and without its `aadOptscim062020` flag.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch, user, written};
use crate::runner::everywhere;
use crate::scim::{ENTERPRISE, LIST, USER};

pub fn trials() -> Vec<Trial> {
    [
        everywhere("entra::the_connection_test_finds_nobody", connection_test),
        everywhere("entra::lookups_find_the_user_by_each_matching_attribute", lookups),
        everywhere("entra::a_user_is_created_and_read_back_as_sent", create),
        everywhere("entra::nulls_empty_lists_and_boolean_strings_create_a_user", create_older),
        everywhere("entra::the_enterprise_extension_survives_a_round_trip", enterprise),
        everywhere("entra::active_as_a_string_disables_and_enables", active_strings),
        everywhere("entra::attributes_are_patched_one_by_one", patch_attributes),
        everywhere("entra::an_add_makes_the_element_that_its_filter_names", patch_elements),
        everywhere("entra::the_manager_is_set_in_every_form_and_removed", manager),
        everywhere("entra::the_manager_of_a_whole_user_comes_in_every_form", manager_of_whole),
        everywhere("entra::a_user_is_renamed", rename),
        everywhere("entra::the_flag_brings_dotted_and_urn_keys_in_values", flag),
        everywhere("entra::a_hard_delete_is_204_and_then_404", delete),
        everywhere("entra::an_inactive_user_stays_readable", inactive),
        everywhere("entra::attributes_and_excluded_attributes_choose", projection),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn connection_test() {
    let stage = Stage::new("entra").await;
    stage.create_with("Test_User_ab6490ee", json!({})).await;
    let answer = stage.scim.list("Users", r#"userName eq "a4b0a1e5-3b1f-4c55-9a3c-bb54ac4f5a0a""#, "").await;
    assert_eq!(
        *answer.expect(200).json(),
        json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] })
    );
}

async fn lookups() {
    let stage = Stage::new("entra").await;
    let manager = stage.create_with("manager@contoso.com", json!({})).await;
    let jyoung = stage
        .create_with(
            "JYoung@contoso.com",
            json!({
                "externalId": "jyoung",
                "emails": [{ "type": "work", "value": "User+1@contoso.com", "primary": true }],
                ENTERPRISE: { "manager": { "value": manager } },
            }),
        )
        .await;
    stage.create_with("other@contoso.com", json!({ "externalId": "JYOUNG" })).await;
    let found = async |query: &str| {
        let answer = stage.scim.get(&format!("/Users?{query}")).await;
        let resources = answer.resources().to_vec();
        assert_eq!(answer.json()["totalResults"], resources.len(), "{answer}");
        resources.iter().map(|resource| resource["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // As Entra ID encodes it: + for blanks.
    assert_eq!(found("filter=userName+eq+%22jyoung%40contoso.com%22").await, [jyoung.as_str()]);
    assert_eq!(found("filter=externalId+eq+%22jyoung%22").await, [jyoung.as_str()], "exact in letter case");
    assert_eq!(found("filter=externalId+eq+%22Jyoung%22").await, [""; 0], "exact in letter case");
    let work = "filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22user%2B1%40contoso.com%22";
    assert_eq!(found(work).await, [jyoung.as_str()]);
    assert_eq!(found(&work.replace("work", "home")).await, [""; 0]);
    // Unknown parameters are ignored, such as the flag that is appended to the tenant URL.
    assert_eq!(found(&format!("aadOptscim062020&{work}")).await, [jyoung.as_str()]);
    assert_eq!(found(&format!("{work}&aadOptscim062020=&AzureAdScimPatch2017")).await, [jyoung.as_str()]);
    // The check of a reference.
    let reference = format!("filter=id+eq+%22{jyoung}%22+and+manager+eq+%22{manager}%22&attributes=id");
    assert_eq!(found(&reference).await, [jyoung.as_str()]);
    assert_eq!(found(&reference.replace("and+manager+eq+%22", "and+manager+eq+%22x")).await, [""; 0]);
}

async fn create() {
    let stage = Stage::new("entra").await;
    let sent = json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Test_User_ab6490ee", "active": true,
        "emails": [{ "primary": true, "type": "work", "value": "Test_User@testuser.com" }],
        "meta": { "resourceType": "User" },
        "name": { "formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName" },
        "roles": [],
    });
    let expected = json!({
        "schemas": [USER],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "userName": "Test_User_ab6490ee", "active": true,
        "emails": [{ "primary": true, "type": "work", "value": "Test_User@testuser.com" }],
        "name": { "formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName" },
    });
    let created = stage.scim.post("/Users", &sent).await.expect(201);
    let id = created.id();
    assert_eq!(written(created.json()), expected);
    let location = format!("{}/Users/{id}", stage.scim.base_url());
    assert_eq!(created.header("location"), Some(location.as_str()));
    assert_eq!(created.json()["meta"]["location"], location.as_str());
    assert_eq!(stage.read(&id).await, *created.json(), "GET shows what POST answered");
    let kept = stage.realm.user(&id).await.unwrap();
    assert_eq!(kept["username"], "test_user_ab6490ee");
    assert_eq!(kept["email"], "test_user@testuser.com");
    assert_eq!((&kept["firstName"], &kept["lastName"]), (&json!("givenName"), &json!("familyName")));
    assert_eq!(kept["enabled"], true);
    assert!(stage.realm.user_role_names(&id).await.contains(&"scim-managed".to_owned()));
    stage.scim.post("/Users", &sent).await.scim_error(409, Some("uniqueness"));
}

async fn create_older() {
    let stage = Stage::new("entra").await;
    let sent = json!({
        "schemas": [USER, ENTERPRISE], "userName": "older@contoso.com", "active": "True",
        "addresses": null, "phoneNumbers": null, "preferredLanguage": null, "title": null,
        "department": null, "manager": null,
        "roles": [{ "primary": "True", "display": "Admin of all", "value": "a-1", "type": "WindowsAzureActiveDirectoryRole" }],
    });
    let created = stage.scim.post("/Users", &sent).await.expect(201);
    assert_eq!(
        written(created.json()),
        json!({
            "schemas": [USER], "userName": "older@contoso.com", "active": true,
            "roles": [{ "primary": true, "display": "Admin of all", "value": "a-1", "type": "WindowsAzureActiveDirectoryRole" }],
        })
    );
    assert_eq!(stage.read(&created.id()).await, *created.json());
    assert_eq!(
        stage.realm.user_role_names(&created.id()).await.iter().filter(|name| *name == "a-1").count(),
        0,
        "a SCIM role gives no role in Keycloak"
    );
    // Without a word about active a user is enabled; with "False" it is not.
    let silent = stage.scim.post("/Users", &user("silent@contoso.com", json!({}))).await.expect(201);
    assert_eq!(silent.json()["active"], true);
    let off = stage.scim.post("/Users", &user("off@contoso.com", json!({ "active": "False" }))).await;
    assert_eq!(off.expect(201).json()["active"], false);
    assert_eq!(stage.realm.user_by_username("off@contoso.com").await.unwrap()["enabled"], false);
}

async fn enterprise() {
    let stage = Stage::new("entra").await;
    let boss = stage.create_with("boss@contoso.com", json!({})).await;
    let extension = json!({
        "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
        "division": "Theme Park", "department": "Tour Operations",
        "manager": { "value": boss, "$ref": format!("{}/Users/{boss}", stage.scim.base_url()), "displayName": "John Smith" },
    });
    let sent =
        json!({ "schemas": [USER, ENTERPRISE], "userName": "bjensen@contoso.com", ENTERPRISE: extension });
    let created = stage.scim.post("/Users", &sent).await.expect(201);
    let id = created.id();
    assert_eq!(created.json()[ENTERPRISE], extension);
    assert_eq!(created.json()["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(stage.read(&id).await, *created.json());
    let kept = stage.realm.user(&id).await.unwrap()["attributes"].clone();
    for (name, value) in [
        ("employeeNumber", "701984"),
        ("costCenter", "4130"),
        ("organization", "Universal Studios"),
        ("division", "Theme Park"),
        ("department", "Tour Operations"),
        ("manager", boss.as_str()),
    ] {
        assert_eq!(kept[name], json!([value]), "tokens find {name} in an attribute of its own");
    }
    // PUT with the whole of it changed, and without it.
    let moved = json!({ "employeeNumber": "1", "costCenter": "2", "organization": "3", "division": "4", "department": "5" });
    let mut put = sent.clone();
    put[ENTERPRISE] = moved.clone();
    assert_eq!(stage.scim.put(&format!("/Users/{id}"), &put).await.expect(200).json()[ENTERPRISE], moved);
    put.as_object_mut().unwrap().remove(ENTERPRISE);
    let bare = stage.scim.put(&format!("/Users/{id}"), &put).await.expect(200).json().clone();
    assert_eq!((bare.get(ENTERPRISE), &bare["schemas"]), (None, &json!([USER])));
    assert_eq!(stage.read(&id).await, bare);
}

async fn active_strings() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({})).await;
    for (sent, active) in [("False", false), ("True", true), ("false", false), ("true", true)] {
        let answer = stage.patch(&id, &json!([{ "op": "Replace", "path": "active", "value": sent }])).await;
        assert_eq!(answer.expect(200).json()["active"], active, "{sent}");
        assert_eq!(stage.realm.user(&id).await.unwrap()["enabled"], active, "{sent}");
    }
    let wrong = stage.patch(&id, &json!([{ "op": "Replace", "path": "active", "value": "off" }])).await;
    wrong.scim_error(400, Some("invalidValue"));
    assert_eq!(stage.realm.user(&id).await.unwrap()["enabled"], true);
}

async fn patch_attributes() {
    let stage = Stage::new("entra").await;
    let id = stage
        .create_with(
            "bjensen@contoso.com",
            json!({
                "externalId": "before", "title": "Stays",
                "name": { "givenName": "Barbara", "familyName": "Jensen", "middleName": "Jane" },
                "emails": [
                    { "type": "home", "value": "home@contoso.com" },
                    { "type": "work", "value": "work@contoso.com", "primary": true },
                ],
            }),
        )
        .await;
    let added = stage.patch(&id, &json!([{ "op": "Add", "path": "nickName", "value": "Babs" }])).await;
    assert_eq!(added.expect(200).json()["nickName"], "Babs");
    let answer = stage
        .patch(
            &id,
            &json!([
                { "op": "Replace", "path": "displayName", "value": "Pvlo" },
                { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "T@test.microsoft.com" },
                { "op": "Replace", "path": "name.givenName", "value": "Gtfd" },
                { "op": "Replace", "path": "name.familyName", "value": "Pkqf" },
                { "op": "Replace", "path": "externalId", "value": "Eqpj" },
                { "op": "Replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "Eqpj" },
            ]),
        )
        .await
        .expect(200);
    let expected = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "bjensen@contoso.com", "externalId": "Eqpj", "active": true,
        "displayName": "Pvlo", "nickName": "Babs", "title": "Stays",
        "name": { "givenName": "Gtfd", "familyName": "Pkqf", "middleName": "Jane" },
        "emails": [
            { "type": "home", "value": "home@contoso.com" },
            { "type": "work", "value": "T@test.microsoft.com", "primary": true },
        ],
        ENTERPRISE: { "employeeNumber": "Eqpj" },
    });
    assert_eq!(written(answer.json()), expected);
    assert_eq!(stage.read(&id).await, *answer.json());
    let kept = stage.realm.user(&id).await.unwrap();
    assert_eq!(kept["email"], "t@test.microsoft.com");
    assert_eq!((&kept["firstName"], &kept["lastName"]), (&json!("Gtfd"), &json!("Pkqf")));
    let found = stage.scim.list("Users", r#"externalId eq "Eqpj""#, "").await;
    assert_eq!(found.resources().len(), 1);
    assert_eq!(stage.scim.list("Users", r#"externalId eq "before""#, "").await.resources().len(), 0);
    // All or nothing: the second operation can't be carried out.
    let torn = stage
        .patch(
            &id,
            &json!([
                { "op": "Replace", "path": "displayName", "value": "torn" },
                { "op": "Replace", "path": "emails[type eq \"other\"].value", "value": "x@contoso.com" },
            ]),
        )
        .await;
    torn.scim_error(400, Some("noTarget"));
    assert_eq!(stage.read(&id).await, *answer.json());
}

async fn patch_elements() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({})).await;
    let mobile =
        json!([{ "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555 0100" }]);
    let answer = stage.patch(&id, &mobile).await.expect(200);
    assert_eq!(answer.json()["phoneNumbers"], json!([{ "type": "mobile", "value": "+1 555 0100" }]));
    let operation = |sub: &str, value: &str| json!({ "op": "Add", "path": format!("addresses[type eq \"work\"].{sub}"), "value": value });
    let answer = stage
        .patch(
            &id,
            &json!([
                operation("postalCode", "98052"),
                operation("locality", "Redmond"),
                operation("country", "US"),
                { "op": "Add", "path": "emails[type eq \"work\"].value", "value": "babs@contoso.com" },
                { "op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555 0101" },
                { "op": "Add", "path": "phoneNumbers[type eq \"work\"].value", "value": "+1 555 0199" },
            ]),
        )
        .await
        .expect(200);
    let expected = json!({
        "schemas": [USER], "userName": "bjensen@contoso.com", "active": true,
        "emails": [{ "type": "work", "value": "babs@contoso.com" }],
        "addresses": [{ "type": "work", "postalCode": "98052", "locality": "Redmond", "country": "US" }],
        "phoneNumbers": [{ "type": "mobile", "value": "+1 555 0101" }, { "type": "work", "value": "+1 555 0199" }],
    });
    assert_eq!(written(answer.json()), expected);
    assert_eq!(stage.read(&id).await, *answer.json());
    assert_eq!(stage.realm.user(&id).await.unwrap()["email"], "babs@contoso.com");
    // A value that is taken away leaves no empty element.
    let gone = json!([{ "op": "Remove", "path": "phoneNumbers[type eq \"mobile\"]" }]);
    let answer = stage.patch(&id, &gone).await.expect(200);
    assert_eq!(answer.json()["phoneNumbers"], json!([{ "type": "work", "value": "+1 555 0199" }]));
}

async fn manager() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({})).await;
    let qualified = format!("{ENTERPRISE}:manager");
    let dotted = format!("{ENTERPRISE}.manager");
    let mut number = 0;
    for (op, path) in [
        ("Add", "manager"),
        ("Replace", "manager"),
        ("Add", &qualified),
        ("Replace", &qualified),
        ("Add", &dotted),
    ] {
        for form in ["string", "object", "array"] {
            number += 1;
            let boss = format!("2819c223-{number}");
            let reference = format!("{}/Users/{boss}", stage.scim.base_url());
            let (value, expected) = match form {
                "string" => (json!(boss), json!({ "value": boss })),
                "object" => (json!({ "value": boss }), json!({ "value": boss })),
                _ => (
                    json!([{ "$ref": reference, "value": boss }]),
                    json!({ "$ref": reference, "value": boss }),
                ),
            };
            // The next boss must not keep what was said of the last one.
            let answer =
                stage.patch(&id, &json!([{ "op": op, "path": path, "value": value }])).await.expect(200);
            let shown = &answer.json()[ENTERPRISE]["manager"];
            assert_eq!(shown["value"], expected["value"], "{op} {path} {form}: {answer}");
            assert!(
                shown.get("$ref").is_none_or(|shown| *shown == json!(reference)),
                "{op} {path} {form}: the last manager's $ref stays: {answer}"
            );
            let kept = stage.realm.user(&id).await.unwrap();
            assert_eq!(kept["attributes"]["manager"], json!([boss]), "{op} {path} {form}");
        }
    }
    for removal in [
        json!({ "op": "Remove", "path": qualified }),
        json!({ "op": "Remove", "path": "manager" }),
        json!({ "op": "Replace", "path": qualified, "value": "" }),
        json!({ "op": "Replace", "path": "manager", "value": [{ "$ref": null, "value": "" }] }),
    ] {
        stage.patch(&id, &json!([{ "op": "Add", "path": qualified, "value": "2819c223" }])).await.expect(200);
        let answer = stage.patch(&id, &json!([removal])).await.expect(200);
        assert_eq!(answer.json().get(ENTERPRISE), None, "{removal}: {answer}");
        let kept = stage.realm.user(&id).await.unwrap();
        assert_eq!(kept["attributes"].get("manager"), None, "{removal}");
    }
}

/// In the bodies of POST and PUT.
async fn manager_of_whole() {
    let stage = Stage::new("entra").await;
    let reference = json!([{ "$ref": "https://contoso.com/scim/Users/m-1", "value": "m-1" }]);
    let forms = [
        (json!({ ENTERPRISE: { "manager": "m-1" } }), Some(json!({ "value": "m-1" }))),
        (json!({ ENTERPRISE: { "manager": "" } }), None),
        (json!({ ENTERPRISE: { "manager": reference } }), Some(reference[0].clone())),
        (json!({ ENTERPRISE: { "manager": [] } }), None),
        (json!({ "manager": { "Value": "m-1" } }), Some(json!({ "value": "m-1" }))),
        (json!({ ENTERPRISE: { "manager": { "$ref": null, "value": "" } } }), None),
    ];
    let id = stage.create_with("bjensen@contoso.com", json!({})).await;
    for (number, (attributes, manager)) in forms.iter().enumerate() {
        let put = user("bjensen@contoso.com", attributes.clone());
        let put = stage.scim.put(&format!("/Users/{id}"), &put).await.expect(200);
        let post =
            stage.scim.post("/Users", &user(&format!("user-{number}"), attributes.clone())).await.expect(201);
        for answer in [put, post] {
            assert_eq!(
                answer.json().pointer(&format!("/{ENTERPRISE}/manager")),
                manager.as_ref(),
                "{attributes}"
            );
            let kept = stage.stored(&answer.id()).await["attributes"].get("manager").cloned();
            assert_eq!(kept, manager.as_ref().map(|manager| json!([manager["value"]])), "{attributes}");
        }
    }
}

async fn rename() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("Before@contoso.com", json!({})).await;
    stage.create_with("taken@contoso.com", json!({})).await;
    let to = |name: &str| json!([{ "op": "Replace", "path": "userName", "value": name }]);
    let answer = stage.patch(&id, &to("After@contoso.com")).await.expect(200);
    assert_eq!((answer.id(), &answer.json()["userName"]), (id.clone(), &json!("After@contoso.com")));
    assert_eq!(stage.realm.user(&id).await.unwrap()["username"], "after@contoso.com");
    let found = async |name: &str| {
        stage.scim.list("Users", &format!("userName eq \"{name}\""), "").await.resources().len()
    };
    assert_eq!((found("AFTER@contoso.com").await, found("before@contoso.com").await), (1, 0));
    stage.patch(&id, &to("TAKEN@contoso.com")).await.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.read(&id).await, *answer.json());
}

async fn flag() {
    let stage = Stage::new("entra").await;
    let id = stage
        .create_with(
            "bjensen@contoso.com",
            json!({ "emails": [{ "type": "work", "value": "a@contoso.com", "primary": true }] }),
        )
        .await;
    let path = format!("/Users/{id}?aadOptscim062020");
    let body = patch(&json!([
        { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "x@contoso.com" },
        { "op": "replace", "value": {
            "displayName": "Bjfe", "name.givenName": "Kkom", "name.familyName": "Unua",
            format!("{ENTERPRISE}:employeeNumber"): "Aklq",
        } },
    ]));
    let answer = stage.scim.patch(&path, &body).await.expect(200);
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bjensen@contoso.com", "active": true,
        "displayName": "Bjfe", "name": { "givenName": "Kkom", "familyName": "Unua" },
        "emails": [{ "type": "work", "value": "x@contoso.com", "primary": true }],
        ENTERPRISE: { "employeeNumber": "Aklq" },
    });
    assert_eq!(written(answer.json()), expected);
    assert_eq!(stage.read(&id).await, *answer.json());
    let body = patch(&json!([{ "op": "replace", "path": "active", "value": false }]));
    assert_eq!(stage.scim.patch(&path, &body).await.expect(200).json()["active"], false);
    assert_eq!(stage.realm.user(&id).await.unwrap()["enabled"], false);
}

async fn delete() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({})).await;
    let path = format!("/Users/{id}");
    let answer = stage.scim.delete(&path).await.expect(204);
    assert_eq!(answer.raw.len(), 0);
    assert_eq!(stage.realm.user(&id).await, None);
    stage.scim.delete(&path).await.scim_error(404, None);
    stage.scim.get(&path).await.scim_error(404, None);
    let again = patch(&json!([{ "op": "Replace", "path": "active", "value": "False" }]));
    stage.scim.patch(&path, &again).await.scim_error(404, None);
}

async fn inactive() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({ "externalId": "e-1" })).await;
    stage.patch(&id, &json!([{ "op": "Replace", "path": "active", "value": "False" }])).await.expect(200);
    assert_eq!(stage.read(&id).await["active"], false);
    for filter in [r#"userName eq "bjensen@contoso.com""#, r#"externalId eq "e-1""#] {
        let answer = stage.scim.list("Users", filter, "").await;
        assert_eq!(answer.resources()[0]["active"], false, "{filter}");
    }
    assert_eq!(stage.scim.get("/Users?startIndex=1&count=2").await.resources().len(), 1);
}

async fn projection() {
    let stage = Stage::new("entra").await;
    let id = stage
        .create_with(
            "bjensen@contoso.com",
            json!({
                "displayName": "Babs", "title": "Guide", "name": { "givenName": "Barbara", "familyName": "Jensen" },
                "emails": [{ "type": "work", "value": "b@contoso.com" }], ENTERPRISE: { "department": "Tours" },
            }),
        )
        .await;
    let shown = async |query: &str| -> Value {
        let one = stage.scim.get(&format!("/Users/{id}?{query}")).await.expect(200).json().clone();
        let many =
            stage.scim.get(&format!("/Users?{query}&filter=userName+eq+%22bjensen%40contoso.com%22")).await;
        assert_eq!(many.resources(), std::slice::from_ref(&one), "a list shows the same: {query}");
        one
    };
    let schemas = json!([USER, ENTERPRISE]);
    assert_eq!(
        shown("attributes=userName,name.familyName").await,
        json!({ "schemas": schemas, "id": id, "userName": "bjensen@contoso.com", "name": { "familyName": "Jensen" } })
    );
    assert_eq!(
        shown(&format!("attributes=id,{ENTERPRISE}:department")).await,
        json!({ "schemas": schemas, "id": id, ENTERPRISE: { "department": "Tours" } })
    );
    assert_eq!(
        shown("attributes=emails%5Btype+eq+%22work%22%5D").await["emails"],
        json!([{ "type": "work", "value": "b@contoso.com" }])
    );
    let less = shown("excludedAttributes=id,schemas,meta,emails,NAME").await;
    assert_eq!(
        less,
        json!({
            "schemas": schemas, "id": id, "userName": "bjensen@contoso.com", "active": true,
            "displayName": "Babs", "title": "Guide", ENTERPRISE: { "department": "Tours" },
        }),
        "id and schemas are always there"
    );
    let both = stage.scim.get(&format!("/Users/{id}?attributes=id&excludedAttributes=name")).await;
    both.scim_error(400, Some("invalidValue"));
    let patched = patch(&json!([{ "op": "Replace", "path": "title", "value": "Chief" }]));
    let answer = stage.scim.patch(&format!("/Users/{id}?attributes=title"), &patched).await.expect(200);
    assert_eq!(*answer.json(), json!({ "schemas": schemas, "id": id, "title": "Chief" }));
}
