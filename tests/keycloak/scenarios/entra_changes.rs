//! The forms in which Entra ID changes a user: letter cases, elements made piece by piece, removals, keys inside values.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, user, written};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("entra_changes::both_dialects_take_a_user_through_the_same_life", lives),
        in_each_tenant("entra_changes::any_letter_case_is_understood", letter_case),
        in_each_tenant("entra_changes::phones_and_addresses_are_built_piece_by_piece", pieces),
        in_each_tenant("entra_changes::a_value_that_is_taken_away_leaves_the_others", taken_away),
        in_each_tenant("entra_changes::nothing_is_left_of_an_address_that_is_taken_away", no_shell),
        in_each_tenant("entra_changes::values_are_removed_by_a_list_of_them", value_list),
        in_each_tenant("entra_changes::app_roles_come_in_each_of_their_forms", roles),
        in_each_tenant("entra_changes::the_manager_comes_as_a_key_inside_a_value", manager_keys),
        in_each_tenant("entra_changes::keys_inside_a_value_change_what_they_name_alone", keys),
        in_each_tenant("entra_changes::nulls_and_empty_values_clear_or_do_nothing", nulls),
        in_each_tenant("entra_changes::unqualified_enterprise_attributes_are_kept", unqualified),
        in_each_tenant("entra_changes::a_path_that_names_nothing_changes_nothing", wrong_paths),
        in_each_tenant("entra_changes::lookups_take_special_characters", special_characters),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Connection test, lookup, create, lookup, changes, soft delete, return, hard delete; each request twice, as after a time-out.
async fn lives() {
    let stage = Stage::new("entra").await;
    let work = "emails[type eq \"work\"].value";
    let number = format!("{ENTERPRISE}:employeeNumber");
    let default_changes = json!([
        { "op": "Replace", "path": "displayName", "value": "Bjfe" },
        { "op": "Replace", "path": work, "value": "New@contoso.com" },
        { "op": "Replace", "path": "name.givenName", "value": "Kkom" },
        { "op": "Add", "path": number, "value": "Aklq" },
    ]);
    let flag_changes = json!([
        { "op": "replace", "path": work, "value": "New@contoso.com" },
        { "op": "replace", "value": { "displayName": "Bjfe", "name.givenName": "Kkom", number: "Aklq" } },
    ]);
    let mut ends: Vec<Value> = Vec::new();
    for (flag, changes, off, on) in [
        ("", default_changes, json!("False"), json!("True")),
        ("?aadOptscim062020", flag_changes, json!(false), json!(true)),
    ] {
        let lookup = async || {
            let and = if flag.is_empty() { String::new() } else { format!("{flag}&") };
            let query = format!("{}filter=userName+eq+%22babs%40contoso.com%22", and.trim_start_matches('?'));
            stage.scim.get(&format!("/Users?{query}")).await.resources().to_vec()
        };
        assert_eq!(lookup().await, [] as [Value; 0]);
        let body = json!({
            "schemas": [USER, ENTERPRISE], "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "Babs@contoso.com", "active": true, "meta": { "resourceType": "User" }, "roles": [],
            "emails": [{ "primary": true, "type": "work", "value": "Babs@contoso.com" }],
            "name": { "formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara" },
        });
        let created = stage.scim.post(&format!("/Users{flag}"), &body).await.expect(201);
        let id = created.id();
        assert_eq!(lookup().await, [created.json().clone()]);
        let path = format!("/Users/{id}{flag}");
        let twice = async |operations: Value| {
            let body = super::stage::patch(&operations);
            let first = stage.scim.patch(&path, &body).await.expect(200);
            let second = stage.scim.patch(&path, &body).await.expect(200);
            assert_eq!(second.json(), first.json(), "the repetition changes nothing");
            assert_eq!(stage.scim.get(&path).await.expect(200).json(), first.json());
            first.json().clone()
        };
        let changed = twice(changes).await;
        let replace = if flag.is_empty() { "Replace" } else { "replace" };
        let active = |value: &Value| json!([{ "op": replace, "path": "active", "value": value }]);
        assert_eq!(twice(active(&off)).await["active"], false);
        assert_eq!(stage.stored(&id).await["enabled"], false);
        assert_eq!(lookup().await.len(), 1, "who is disabled is still found");
        let back = twice(active(&on)).await;
        assert_eq!(written(&back), written(&changed));
        assert_eq!(stage.stored(&id).await["enabled"], true);
        ends.push(written(&back));
        stage.scim.delete(&path).await.expect(204);
        stage.scim.delete(&path).await.scim_error(404, None);
        assert_eq!(lookup().await, [] as [Value; 0]);
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(
        ends[0],
        json!({
            "schemas": [USER, ENTERPRISE], "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "Babs@contoso.com", "active": true, "displayName": "Bjfe",
            "name": { "formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Kkom" },
            "emails": [{ "primary": true, "type": "work", "value": "New@contoso.com" }],
            ENTERPRISE: { "employeeNumber": "Aklq" },
        })
    );
}

async fn letter_case() {
    let stage = Stage::new("entra").await;
    let id = stage
        .create_with(
            "bjensen@contoso.com",
            json!({ "emails": [{ "type": "work", "value": "a@contoso.com", "primary": true }] }),
        )
        .await;
    let body = json!({
        "SCHEMAS": ["URN:ietf:params:scim:api:messages:2.0:patchop"],
        "operations": [
            { "OP": "REPLACE", "PATH": "Emails[Type Eq \"WORK\"].Value", "VALUE": "b@contoso.com" },
            { "Op": "aDD", "Path": "NAME.givenname", "Value": "Barbara" },
            { "op": "add", "path": ENTERPRISE.to_uppercase() + ":Department", "value": "Tours" },
            { "op": "Add", "path": "URN:IETF:params:scim:schemas:core:2.0:USER:Title", "value": "Guide" },
            { "op": "Replace", "value": { "ACTIVE": "FALSE", "DisplayName": "Babs", "Name.FamilyName": "Jensen" } },
            { "op": "Add", "path": "phoneNumbers[TYPE eq \"mobile\"].VALUE", "value": "+1 555 0100" },
        ],
    });
    let answer = stage.scim.patch(&format!("/Users/{id}"), &body).await.expect(200);
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bjensen@contoso.com", "active": false, "displayName": "Babs",
        "title": "Guide", "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "type": "work", "value": "b@contoso.com", "primary": true }],
        "phoneNumbers": [{ "type": "mobile", "value": "+1 555 0100" }], ENTERPRISE: { "department": "Tours" },
    });
    assert_eq!(written(answer.json()), expected);
    assert_eq!(stage.read(&id).await, *answer.json());
    assert_eq!(stage.stored(&id).await["enabled"], false);
}

async fn pieces() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({ "title": "Guide" })).await;
    let add = |path: &str, value: Value| json!({ "op": "Add", "path": path, "value": value });
    // One after the other, elements of two types in turns, the rest of each in another request.
    let requests = [
        json!([
            add("addresses[type eq \"work\"].country", json!("US")),
            add("addresses[type eq \"home\"].country", json!("CA")),
            add("phoneNumbers[type eq \"work\"].value", json!("+1 555 0100")),
        ]),
        json!([
            add("addresses[type eq \"home\"].locality", json!("Toronto")),
            add("addresses[type eq \"work\"].locality", json!("Redmond")),
            add("addresses[type eq \"work\"].primary", json!("True")),
            add("phoneNumbers[type eq \"fax\"].value", json!("+1 555 0102")),
        ]),
        json!([
            add("addresses[type eq \"work\"].postalCode", json!("98052")),
            add("addresses[type eq \"work\"].streetAddress", json!("One Microsoft Way")),
            add("phoneNumbers[type eq \"mobile\"].value", json!("+1 555 0101")),
            add("phoneNumbers[type eq \"mobile\"].primary", json!("True")),
        ]),
    ];
    for operations in requests.iter().chain(&requests) {
        stage.patch(&id, operations).await.expect(200);
    }
    let addresses = json!([
        {
            "type": "work", "country": "US", "locality": "Redmond", "primary": true, "postalCode": "98052",
            "streetAddress": "One Microsoft Way",
        },
        { "type": "home", "country": "CA", "locality": "Toronto" },
    ]);
    let phones = |mobile: &str| {
        json!([
            { "type": "work", "value": "+1 555 0100" }, { "type": "fax", "value": "+1 555 0102" },
            { "type": "mobile", "value": mobile, "primary": true },
        ])
    };
    let shown = stage.read(&id).await;
    assert_eq!(shown["addresses"], addresses);
    assert_eq!(shown["phoneNumbers"], phones("+1 555 0101"));
    assert_eq!(
        stage.stored(&id).await["attributes"]["phoneNumber"],
        json!(["+1 555 0101"]),
        "the primary one is in tokens"
    );
    // An Add where the value is there already replaces it.
    let answer =
        stage.patch(&id, &json!([add("phoneNumbers[type eq \"mobile\"].value", json!("+1 555 0109"))])).await;
    let expected = json!({
        "schemas": [USER], "userName": "bjensen@contoso.com", "active": true, "title": "Guide",
        "addresses": addresses, "phoneNumbers": phones("+1 555 0109"),
    });
    assert_eq!(written(answer.expect(200).json()), expected);
}

async fn taken_away() {
    let stage = Stage::new("entra").await;
    let work = json!({ "type": "work", "value": "work@contoso.com", "primary": true });
    let home = json!({ "type": "home", "value": "home@contoso.com" });
    let attributes = json!({
        "title": "Guide", "displayName": "Babs", "emails": [work, home],
        "phoneNumbers": [{ "type": "work", "value": "+1 555 0100" }, { "type": "mobile", "value": "+1 555 0101" }],
        "addresses": [{ "type": "work", "locality": "Redmond", "postalCode": "98052" }],
        ENTERPRISE: { "department": "Tours", "division": "Park" },
    });
    let id = stage.create_with("bjensen@contoso.com", attributes).await;
    let remove = async |path: &str| {
        let operations = json!([{ "op": "Remove", "path": path }]);
        let answer = stage.patch(&id, &operations).await.expect(200);
        let again = stage.patch(&id, &operations).await.expect(200);
        assert_eq!(again.json(), answer.json(), "what is gone can be taken away again: {path}");
        answer.json().clone()
    };
    assert_eq!(remove("title").await.get("title"), None);
    assert_eq!(
        remove("addresses[type eq \"work\"].postalCode").await["addresses"],
        json!([{ "type": "work", "locality": "Redmond" }])
    );
    assert_eq!(remove(&format!("{ENTERPRISE}:department")).await[ENTERPRISE], json!({ "division": "Park" }));
    assert_eq!(
        remove("phoneNumbers[type eq \"work\"]").await["phoneNumbers"],
        json!([{ "type": "mobile", "value": "+1 555 0101" }])
    );
    assert_eq!(stage.stored(&id).await["attributes"]["phoneNumber"], json!(["+1 555 0101"]));
    assert_eq!(remove("emails[type eq \"work\"]").await["emails"], json!([home]));
    assert_eq!(stage.stored(&id).await["email"], "home@contoso.com");
    assert_eq!(remove("nickName").await["displayName"], "Babs", "what was never there is no error");
}

/// Entra ID clears a mapped value by its path. An element of `type` and `primary` alone would say nothing, and stand beside the
/// address that Keycloak has next: two primary ones, which no client could send back.
async fn no_shell() {
    let stage = Stage::new("entra").await;
    let emails = json!([{ "type": "work", "value": "work@contoso.com", "primary": true }]);
    let phones =
        json!([{ "type": "work", "value": "+1 555 0100" }, { "type": "mobile", "value": "+1 555 0101" }]);
    let id =
        stage.create_with("bjensen@contoso.com", json!({ "emails": emails, "phoneNumbers": phones })).await;
    let operations = json!([
        { "op": "Remove", "path": "phoneNumbers[type eq \"mobile\"].value" },
        { "op": "Remove", "path": "emails[type eq \"work\"].value" },
    ]);
    let answer = stage.patch(&id, &operations).await.expect(200);
    assert_eq!(stage.stored(&id).await.get("email"), None);
    // An administrator, or the user, enters an address in Keycloak.
    let mut stored = stage.stored(&id).await;
    stored["email"] = "new@contoso.com".into();
    stage.realm.put(&format!("/users/{id}"), &stored).await;
    let shown = stage.read(&id).await;
    assert_eq!(shown["emails"], json!([{ "type": "work", "value": "new@contoso.com", "primary": true }]));
    stage.scim.put(&format!("/Users/{id}"), &shown).await.expect(200);
    assert_eq!(answer.json()["phoneNumbers"], json!([phones[0]]));
    assert_eq!(answer.json().get("emails"), None);
}

/// Entra ID's removal of many names the values in a list rather than in a filter: only those go.
async fn value_list() {
    let stage = Stage::new("entra").await;
    let emails = json!([
        { "type": "work", "value": "a@contoso.com", "primary": true }, { "type": "home", "value": "b@contoso.com" },
        { "type": "other", "value": "c@contoso.com" },
    ]);
    let roles = json!([{ "value": "one", "display": "One" }, { "value": "two", "display": "Two" }, { "value": "three" }]);
    let id = stage.create_with("bjensen@contoso.com", json!({ "emails": emails, "roles": roles })).await;
    let remove = async |path: &str, value: Value| {
        stage
            .patch(&id, &json!([{ "op": "Remove", "path": path, "value": value }]))
            .await
            .expect(200)
            .json()
            .clone()
    };
    let shown = remove("roles", json!([{ "$ref": null, "value": "two" }])).await;
    assert_eq!(shown["roles"], json!([roles[0], roles[2]]));
    assert_eq!(shown["emails"], emails);
    let shown = remove("roles", json!([{ "value": "two" }, { "value": "nobody" }])).await;
    assert_eq!(shown["roles"], json!([roles[0], roles[2]]), "what isn't there takes nothing with it");
    let shown =
        remove("emails", json!([{ "value": "b@contoso.com" }, { "value": "c@contoso.com", "type": "work" }]))
            .await;
    assert_eq!(shown["emails"], json!([emails[0], emails[2]]), "all that is said of a value must be so");
    assert_eq!(remove("roles", json!("three")).await["roles"], json!([roles[0]]));
    assert_eq!(stage.stored(&id).await["email"], "a@contoso.com");
    assert_eq!(remove("roles", json!([{ "value": "one", "display": "Uno" }])).await.get("roles"), None);
}

/// `SingleAppRoleAssignment`, `AppRoleAssignmentsComplex` and the path that administrators map.
async fn roles() {
    let stage = Stage::new("entra").await;
    let kind = "WindowsAzureActiveDirectoryRole";
    let complex = json!([
        { "primary": false, "type": kind, "display": "Admin", "value": "Admin" },
        { "primary": false, "type": kind, "display": "User", "value": "User" },
    ]);
    let id = stage.create_with("bjensen@contoso.com", json!({ "roles": complex })).await;
    assert_eq!(stage.read(&id).await["roles"], complex);
    let mut shown = Value::Null;
    for _ in 0..2 {
        let added = json!([{ "op": "Add", "path": "roles", "value": [
            { "primary": "False", "type": kind, "display": "Reader", "value": "Reader" }, complex[1],
        ] }]);
        shown = stage.patch(&id, &added).await.expect(200).json()["roles"].clone();
    }
    let reader = json!({ "primary": false, "type": kind, "display": "Reader", "value": "Reader" });
    assert_eq!(shown, json!([complex[0], complex[1], reader]), "nothing is doubled");
    let path = |sub: &str| format!("roles[primary eq \"True\"].{sub}");
    for value in ["Owner", "Guest"] {
        let single = json!([
            { "op": "Add", "path": path("display"), "value": value }, { "op": "Add", "path": path("value"), "value": value },
            { "op": "Add", "path": path("type"), "value": kind },
        ]);
        let shown = stage.patch(&id, &single).await.expect(200).json()["roles"].clone();
        let own = json!({ "primary": true, "display": value, "value": value, "type": kind });
        assert_eq!(shown, json!([complex[0], complex[1], reader, own]), "one element, changed in place");
    }
    let replaced =
        json!([{ "op": "Replace", "path": "roles", "value": [{ "primary": "True", "value": "Owner" }] }]);
    let shown = stage.patch(&id, &replaced).await.expect(200);
    assert_eq!(shown.json()["roles"], json!([{ "primary": true, "value": "Owner" }]));
    assert_eq!(stage.read(&id).await, *shown.json());
    let names = stage.realm.user_role_names(&id).await;
    assert!(
        !names.iter().any(|name| ["Owner", "Admin", "Guest"].contains(&name.as_str())),
        "no role in Keycloak: {names:?}"
    );
}

async fn manager_keys() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({ ENTERPRISE: { "division": "Park" } })).await;
    let qualified = format!("{ENTERPRISE}:manager");
    let dotted = format!("{ENTERPRISE}.manager");
    let upper = ENTERPRISE.to_uppercase();
    for (number, value) in [
        json!({ qualified.as_str(): "m-0" }),
        json!({ dotted: [{ "$ref": null, "value": "m-1" }] }),
        json!({ "manager": { "value": "m-2" } }),
        json!({ ENTERPRISE: { "manager": "m-3" } }),
        json!({ upper: { "Manager": { "Value": "m-4", "displayName": null } } }),
        json!({ "Manager.Value": "m-5" }),
        json!({ format!("{qualified}.value"): "m-6" }),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = stage.patch(&id, &json!([{ "op": "replace", "value": value }])).await.expect(200);
        let expected = json!({ "division": "Park", "manager": { "value": format!("m-{number}") } });
        assert_eq!(answer.json()[ENTERPRISE], expected, "{value}");
    }
    for value in [
        json!({ qualified.as_str(): "" }),
        json!({ "manager": [] }),
        json!({ ENTERPRISE: { "manager": null } }),
        json!({ ENTERPRISE: { "MANAGER": { "VALUE": "" } } }),
        json!({ ENTERPRISE: { "manager": { "value": null } } }),
        json!({ qualified.as_str(): { "value": "", "$ref": "" } }),
    ] {
        stage.patch(&id, &json!([{ "op": "add", "path": qualified, "value": "m-9" }])).await.expect(200);
        let answer = stage.patch(&id, &json!([{ "op": "replace", "value": value }])).await.expect(200);
        assert_eq!(answer.json()[ENTERPRISE], json!({ "division": "Park" }), "{value}");
        assert_eq!(stage.stored(&id).await["attributes"].get("manager"), None, "{value}");
    }
}

async fn keys() {
    let stage = Stage::new("entra").await;
    let attributes = json!({
        "title": "Guide", "name": { "givenName": "Barbara", "middleName": "Jane", "familyName": "Jensen" },
        "emails": [{ "type": "work", "value": "a@contoso.com", "primary": true }],
        ENTERPRISE: { "division": "Park", "costCenter": "1" },
    });
    let id = stage.create_with("bjensen@contoso.com", attributes.clone()).await;
    let value = json!({
        "name.givenName": "Babs", "name": { "familyName": "Jensen-Smith" },
        "urn:ietf:params:scim:schemas:core:2.0:User:nickName": "B",
        format!("{ENTERPRISE}:costCenter"): "2", ENTERPRISE: { "department": "Tours" }, "active": "False",
        "id": "2819c223", "meta": { "created": "2011-01-01T00:00:00Z" }, "schemas": ["urn:example:x"],
        "groups": [{ "value": "g" }],
        "unheardOf": 1, "name.unheardOf": "x", "urn:example:2.0:User:title": "x",
    });
    let answer = stage.patch(&id, &json!([{ "op": "replace", "value": value }])).await.expect(200);
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bjensen@contoso.com", "active": false, "title": "Guide", "nickName": "B",
        "name": { "givenName": "Babs", "middleName": "Jane", "familyName": "Jensen-Smith" },
        "emails": attributes["emails"], ENTERPRISE: { "division": "Park", "costCenter": "2", "department": "Tours" },
    });
    assert_eq!(written(answer.json()), expected);
    assert_eq!(answer.id(), id);
    assert_eq!(stage.read(&id).await, *answer.json());
}

async fn nulls() {
    let stage = Stage::new("entra").await;
    let attributes = json!({
        "title": "Guide", "displayName": "Babs", "nickName": "B", "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "phoneNumbers": [{ "type": "work", "value": "+1 555 0100" }], ENTERPRISE: { "department": "Tours", "division": "Park" },
    });
    let id = stage.create_with("bjensen@contoso.com", attributes).await;
    // To add nothing is to do nothing.
    let before = stage.read(&id).await;
    let nothing = json!([
        { "op": "Add", "path": "title", "value": null },
        { "op": "Add", "path": "phoneNumbers", "value": [] },
        { "op": "Add", "path": "phoneNumbers", "value": null },
        { "op": "Add", "value": { "displayName": null, "name": {}, "roles": null, ENTERPRISE: null } },
    ]);
    assert_eq!(*stage.patch(&id, &nothing).await.expect(200).json(), before);
    // To replace by nothing is to clear.
    let clear = json!([
        { "op": "Replace", "path": "title", "value": null },
        { "op": "Replace", "path": "displayName", "value": "" },
        { "op": "Replace", "path": "phoneNumbers", "value": [] },
        { "op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": null },
        { "op": "Replace", "value": { "nickName": null, "name": { "givenName": null } } },
    ]);
    let cleared = stage.patch(&id, &clear).await.expect(200);
    let expected = json!({
        "schemas": [USER, ENTERPRISE], "userName": "bjensen@contoso.com", "active": true,
        "name": { "familyName": "Jensen" }, ENTERPRISE: { "division": "Park" },
    });
    assert_eq!(written(cleared.json()), expected);
    assert_eq!(stage.read(&id).await, *cleared.json());
    // What a user can't be without stays.
    for value in [json!(null), json!("")] {
        let refused = json!([{ "op": "Replace", "path": "userName", "value": value }]);
        stage.patch(&id, &refused).await.scim_error(400, Some("invalidValue"));
    }
    assert_eq!(stage.read(&id).await, *cleared.json());
}

/// Older mappings send `department` and `manager` beside the core attributes.
async fn unqualified() {
    let stage = Stage::new("entra").await;
    let body = user(
        "bjensen@contoso.com",
        json!({ "department": "Tours", "manager": "m-1", "addresses": null, "title": null }),
    );
    let created = stage.scim.post("/Users", &body).await.expect(201);
    let id = created.id();
    assert_eq!(created.json()[ENTERPRISE], json!({ "department": "Tours", "manager": { "value": "m-1" } }));
    assert_eq!(created.json()["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(created.json().get("department"), None, "in its own place alone");
    let operations = json!([
        { "op": "Replace", "path": "department", "value": "Park" },
        { "op": "Add", "path": "employeeNumber", "value": "701984" },
        { "op": "Remove", "path": "manager" },
    ]);
    let answer = stage.patch(&id, &operations).await.expect(200);
    assert_eq!(answer.json()[ENTERPRISE], json!({ "department": "Park", "employeeNumber": "701984" }));
    let found = stage.scim.list("Users", "department eq \"park\"", "").await;
    assert_eq!(found.resources(), std::slice::from_ref(answer.json()));
}

async fn wrong_paths() {
    let stage = Stage::new("entra").await;
    let id = stage.create_with("bjensen@contoso.com", json!({ "title": "Guide" })).await;
    let before = stage.read(&id).await;
    for path in [
        "titel",
        "emails[type eq \"work\"].vlaue",
        "emails[type eq \"work\".value",
        "name.given name",
        "urn:example:2.0:User:title",
        "title[value eq \"x\"]",
        "emails[typ eq \"work\"].value",
    ] {
        let operations = json!([
            { "op": "Replace", "path": "title", "value": "Chief" }, { "op": "Add", "path": path, "value": "x" },
        ]);
        stage.patch(&id, &operations).await.scim_error(400, Some("invalidPath"));
    }
    assert_eq!(stage.read(&id).await, before);
}

/// Quotes, plus signs, percent signs and letters outside ASCII, "+" for blanks; a work address that is not the primary one.
async fn special_characters() {
    let stage = Stage::new("entra").await;
    let encoded = |text: &str| {
        let text = json!(text).to_string();
        percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let found = async |name: &str, value: &str| {
        let name = name.replace(' ', "+").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
        let answer = stage.scim.get(&format!("/Users?filter={name}+eq+{}", encoded(value))).await;
        answer.resources().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let work = "emails[type eq \"work\"].value";
    for (at, (user_name, external_id, email)) in [
        ("omalley+tag@contoso.com", "a+b c", "o'malley+tag@contoso.com"),
        ("100_percent@contoso.com", "100%_\"quoted\" 'and' more", "100%25@contoso.com"),
        ("zoë@contoso.com", "back\\slash № 7 & co", "zoe&co=x@contoso.com"),
    ]
    .into_iter()
    .enumerate()
    {
        let home = format!("home-{at}@contoso.com");
        let emails =
            json!([{ "type": "work", "value": email }, { "type": "home", "value": home, "primary": true }]);
        let id = stage.create_with(user_name, json!({ "externalId": external_id, "emails": emails })).await;
        assert_eq!(stage.stored(&id).await["email"], home.as_str());
        for (name, value) in [("userName", user_name), ("externalId", external_id), (work, email)] {
            assert_eq!(found(name, value).await, [id.as_str()], "{name} {value}");
        }
        assert_eq!(found(work, &home).await, [""; 0], "that is another type");
    }
    for nobody in ["omalley tag@contoso.com", "100%", "100-percent@contoso.com", "zoe@contoso.com", "%", "_"]
    {
        for name in ["userName", "externalId", work] {
            assert_eq!(found(name, nobody).await, [""; 0], "{name} {nobody}");
        }
    }
}
