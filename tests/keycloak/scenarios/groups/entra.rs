//! What Microsoft Entra ID sends about groups, with and without its `aadOptscim062020` flag, and what its SCIM Validator asks.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::scene::{GROUP, at, group, stage_with, users};
use super::shown::{member, settled_group, sorted};
use crate::admin::admin;
use crate::proxy::Proxy;
use crate::runner::everywhere;
use crate::scenarios::stage::{Stage, patch, written};
use crate::scim::{Answer, LIST};

/// Stands beside the core schema in every group that Entra ID creates.
const ADSCIM: &str = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";
const EXTERNAL_ID: &str = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159";

pub fn trials() -> Vec<Trial> {
    [
        everywhere("groups::entra::a_group_is_created_and_found_by_what_it_is_matched_with", create),
        everywhere("groups::entra::lookups_without_members_ask_keycloak_for_none", no_member_call),
        everywhere("groups::entra::a_reference_check_tells_who_is_a_member", reference),
        everywhere("groups::entra::members_are_added_and_only_those_named_are_removed", value_arrays),
        everywhere("groups::entra::the_flag_removes_a_member_by_a_filter", flag),
        everywhere("groups::entra::name_and_external_id_are_replaced", replace),
        everywhere("groups::entra::a_delete_is_204_and_then_404", delete),
        everywhere("groups::entra::the_validators_requests_are_answered", validator),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn created(name: &str, external_id: &str) -> Value {
    json!({
        "schemas": [GROUP, ADSCIM], "externalId": external_id, "displayName": name,
        "meta": { "resourceType": "Group" },
    })
}

/// Members as Entra ID names them by default.
fn references<const N: usize>(ids: [&String; N]) -> Value {
    ids.into_iter().map(|id| json!({ "$ref": null, "value": id })).collect()
}

async fn change(stage: &Stage, id: &str, operation: Value) -> Answer {
    stage.scim.patch(&at(id), &patch(&json!([operation]))).await
}

fn assert_none(answer: &Answer) {
    let empty =
        json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] });
    assert_eq!(*answer.json(), empty);
}

async fn create() {
    let stage = Stage::new("entra").await;
    let by_name = "/Groups?excludedAttributes=members&filter=displayName+eq+%22displayName%22";
    let by_external_id =
        format!("/Groups?filter=externalId+eq+%22{EXTERNAL_ID}%22&excludedAttributes=members");
    for lookup in [by_name, &by_external_id] {
        assert_none(&stage.scim.get(lookup).await);
    }
    let answer = stage.scim.post("/Groups", &created("displayName", EXTERNAL_ID)).await.expect(201);
    let shown = settled_group(&stage, &answer).await;
    // The schema that nobody serves is no part of the resource.
    let expected = json!({ "schemas": [GROUP], "externalId": EXTERNAL_ID, "displayName": "displayName" });
    assert_eq!(written(&shown), expected);
    let kept = stage.realm.group(&answer.id()).await;
    assert_eq!(kept["name"], "displayName");
    assert_eq!(
        kept["attributes"]["scim.externalId"],
        json!([format!("{}:{EXTERNAL_ID}", stage.realm.okta())]),
        "each caller has its own"
    );
    for lookup in [by_name, &by_external_id] {
        assert_eq!(stage.scim.get(lookup).await.resources(), std::slice::from_ref(&shown), "{lookup}");
        // As it is with the flag in the tenant URL.
        let (path, query) = lookup.split_once('?').unwrap();
        let flagged = stage.scim.get(&format!("{path}?aadOptscim062020&{query}")).await;
        assert_eq!(flagged.resources(), std::slice::from_ref(&shown), "{lookup}");
    }
    let other_case = by_external_id.replace("8aa1a0c0", "8AA1A0C0");
    assert_none(&stage.scim.get(&other_case).await);

    // The same name, whoever's it is in Entra ID; the same externalId harms nobody.
    let refused = stage.scim.post("/Groups", &created("DisplayName", "another")).await;
    refused.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.realm.groups().await.len(), 1);
}

/// Groups may have very many members, and Entra ID looks groups up all the time.
async fn no_member_call() {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = stage_with(&[], async |_| {}, |_, prepared| prepared.via(&proxy)).await;
    let [adam, babs] = [stage.create("adam@contoso.com").await, stage.create("babs@contoso.com").await];
    let answer = stage.scim.post("/Groups", &group("Tour Guides", [&adam, &babs])).await.expect(201);
    let mut expected = settled_group(&stage, &answer).await;
    let whole = expected.clone();
    expected.as_object_mut().unwrap().shift_remove("members");
    let id = answer.id();

    proxy.drain();
    let by_id = stage.scim.get(&format!("/Groups/{id}?excludedAttributes=members")).await.expect(200);
    assert_eq!(*by_id.json(), expected);
    for lookup in [
        "filter=displayName+eq+%22Tour+Guides%22&excludedAttributes=members".to_owned(),
        "excludedAttributes=members&startIndex=1&count=100".to_owned(),
        "attributes=displayName,externalId,meta".to_owned(),
    ] {
        let answer = stage.scim.get(&format!("/Groups?{lookup}")).await;
        assert_eq!(answer.resources(), [expected.clone()], "{lookup}");
    }
    let calls: Vec<String> = proxy.drain().iter().map(|call| call.line()).collect();
    assert!(!calls.is_empty() && calls.iter().all(|call| !call.contains("/members")), "{calls:?}");

    assert_eq!(*stage.scim.get(&at(&id)).await.json(), whole);
    assert!(
        proxy.count(|call| call.path.contains("/members")) > 0,
        "the proxy sees such calls where there are any"
    );
}

async fn reference() {
    let stage = Stage::new("entra").await;
    let [adam, babs] = [stage.create("adam@contoso.com").await, stage.create("babs@contoso.com").await];
    let id = stage.push("Tour Guides", &[&adam]).await;
    let other = stage.push("Drivers", &[&babs]).await;
    let check = async |filter: String| {
        let filter = filter.replace(' ', "+").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
        let answer = stage.scim.get(&format!("/Groups?filter={filter}&attributes=id")).await;
        let hit = json!({ "schemas": [GROUP], "id": id });
        match answer.resources() {
            [] => false,
            [found] if *found == hit => true,
            _ => panic!("{answer}"),
        }
    };
    for member in ["members eq", "members.value eq", "Members Eq"] {
        assert!(check(format!("id eq \"{id}\" and {member} \"{adam}\"")).await, "{member}");
        assert!(
            !check(format!("id eq \"{id}\" and {member} \"{babs}\"")).await,
            "{member}: in another group"
        );
        assert!(!check(format!("id eq \"{other}\" and {member} \"{adam}\"")).await, "{member}: in this one");
        assert!(
            check(format!("{member} \"{adam}\" and id eq \"{id}\"")).await,
            "{member}, the other way round"
        );
    }
    assert!(check(format!("id eq \"{id}\" and members[value eq \"{adam}\"]")).await);
    assert!(!check(format!("id eq \"{id}\" and members[value eq \"{babs}\"]")).await);
    let gone = "7d09a04f-e5f2-47ea-8ba0-4c0ecc1f8c0a";
    assert!(!check(format!("id eq \"{gone}\" and members eq \"{adam}\"")).await);
    assert!(!check(format!("id eq \"{id}\" and members eq \"{gone}\"")).await);
    // Who is asked for is shown where members are, and not cut down to the one of the filter.
    let both = json!([{ "op": "Add", "path": "members", "value": references([&babs]) }]);
    stage.scim.patch(&at(&id), &patch(&both)).await.expect(200);
    let found = stage.scim.list("Groups", &format!("members eq \"{adam}\""), "").await;
    assert_eq!(found.resources().len(), 1, "{found}");
    assert_eq!(users(&found.resources()[0]), sorted([&adam, &babs]));
}

async fn value_arrays() {
    let stage = Stage::new("entra").await;
    let [adam, babs, cain] = ["adam@contoso.com", "babs@contoso.com", "cain@contoso.com"];
    let [adam, babs, cain] = [stage.create(adam).await, stage.create(babs).await, stage.create(cain).await];
    let id = stage.push("Tour Guides", &[]).await;
    let add = |members: Value| json!({ "op": "Add", "path": "members", "value": members });
    let remove = |members: Value| json!({ "op": "Remove", "path": "members", "value": members });
    let steps = [
        (add(references([&adam])), sorted([&adam])),
        (add(references([&babs, &cain])), sorted([&adam, &babs, &cain])),
        (add(references([&babs])), sorted([&adam, &babs, &cain])),
        (remove(references([&babs])), sorted([&adam, &cain])),
        (remove(references([&babs])), sorted([&adam, &cain])),
        // A list of nobody is nobody.
        (remove(json!([])), sorted([&adam, &cain])),
        (remove(references([&adam, &cain])), sorted([])),
    ];
    for (operation, expected) in steps {
        let answer = change(&stage, &id, operation.clone()).await.expect(200);
        assert_eq!(users(&settled_group(&stage, &answer).await), expected, "{operation}");
        assert_eq!(stage.realm.members(&id).await, expected, "{operation}");
    }
    // In capital letters throughout, and with what a member is shown with besides.
    let whole = json!({ "Op": "ADD", "Path": "Members", "Value": [member(&stage, &adam, "someone else")] });
    let answer = change(&stage, &id, whole).await.expect(200);
    assert_eq!(answer.json()["members"], json!([member(&stage, &adam, "adam@contoso.com")]));
}

async fn flag() {
    let stage = Stage::new("entra").await;
    let [adam, babs] = [stage.create("adam@contoso.com").await, stage.create("babs@contoso.com").await];
    let id = stage.push("Tour Guides", &[&adam, &babs]).await;
    let flagged = format!("{}?aadOptscim062020", at(&id));
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{adam}\"]") }]);
    for _ in 0..2 {
        let answer = stage.scim.patch(&flagged, &patch(&remove)).await.expect(200);
        assert_eq!(users(&settled_group(&stage, &answer).await), [babs.as_str()]);
        assert_eq!(stage.realm.members(&id).await, [babs.as_str()]);
    }
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": adam }] }]);
    let answer = stage.scim.patch(&flagged, &patch(&add)).await.expect(200);
    assert_eq!(users(answer.json()), sorted([&adam, &babs]));
    let attributes = json!([{ "op": "replace", "value": { "displayName": "Bjfe", "externalId": "Eqpj" } }]);
    let answer = stage.scim.patch(&flagged, &patch(&attributes)).await.expect(200);
    let shown = settled_group(&stage, &answer).await;
    assert_eq!([&shown["displayName"], &shown["externalId"]], ["Bjfe", "Eqpj"]);
    assert_eq!(stage.realm.members(&id).await, sorted([&adam, &babs]));
}

async fn replace() {
    let stage = Stage::new("entra").await;
    let adam = stage.create("adam@contoso.com").await;
    let answer = stage.scim.post("/Groups", &created("displayName", EXTERNAL_ID)).await.expect(201);
    let id = answer.id();
    stage.groups_settled().await;
    change(&stage, &id, json!({ "op": "Add", "path": "members", "value": references([&adam]) }))
        .await
        .expect(200);

    let name = "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName";
    let answer = change(&stage, &id, json!({ "op": "Replace", "path": "displayName", "value": name })).await;
    let shown = settled_group(&stage, &answer.expect(200)).await;
    assert_eq!([&shown["displayName"], &shown["externalId"]], [name, EXTERNAL_ID]);
    let other = "b4a5c0c0-0000-4bc0-8aa1-2ef676900160";
    let answer = change(&stage, &id, json!({ "op": "Replace", "path": "externalId", "value": other })).await;
    let shown = settled_group(&stage, &answer.expect(200)).await;
    assert_eq!([&shown["displayName"], &shown["externalId"]], [name, other]);
    assert_eq!(users(&shown), [adam.as_str()]);
    let kept = stage.realm.group(&id).await;
    assert_eq!(
        (&kept["name"], &kept["attributes"]["scim.externalId"]),
        (&json!(name), &json!([format!("{}:{other}", stage.realm.okta())]))
    );
    for (external_id, found) in [(EXTERNAL_ID, 0), (other, 1)] {
        let answer = stage.scim.list("Groups", &format!("externalId eq \"{external_id}\""), "").await;
        assert_eq!(answer.resources().len(), found, "{external_id}");
    }
    // A PUT that does not speak of it keeps it: what is linked must not come loose.
    let put = stage.scim.put(&at(&id), &json!({ "schemas": [GROUP], "displayName": name })).await.expect(200);
    assert_eq!(put.json()["externalId"], other);
}

async fn delete() {
    let stage = Stage::new("entra").await;
    let adam = stage.create("adam@contoso.com").await;
    let id = stage.push("Tour Guides", &[&adam]).await;
    let other = stage.push("Drivers", &[&adam]).await;
    stage.scim.delete(&at(&id)).await.expect(204);
    stage.scim.delete(&at(&id)).await.scim_error(404, None);
    stage.scim.get(&at(&id)).await.scim_error(404, None);
    let add = json!({ "op": "Add", "path": "members", "value": references([&adam]) });
    change(&stage, &id, add).await.scim_error(404, None);
    assert_none(&stage.scim.list("Groups", "displayName eq \"Tour Guides\"", "").await);
    assert_eq!(stage.realm.groups().await.len(), 1);
    assert_eq!(stage.realm.members(&other).await, [adam.as_str()]);
    assert_eq!(stage.groups_of(&adam).await, [("Drivers".to_owned(), "direct".to_owned())]);
}

/// The part of the validator's list that is about groups, in its order.
async fn validator() {
    let stage = Stage::new("validator").await;
    let [adam, babs] = [stage.create("adam@contoso.com").await, stage.create("babs@contoso.com").await];
    let body = |name: &str| created(name, EXTERNAL_ID);
    let answer = stage.scim.post("/Groups", &body("RWJFRKVDHKNA")).await.expect(201);
    let id = answer.id();
    let mut shown = settled_group(&stage, &answer).await;
    stage.scim.post("/Groups", &body("RWJFRKVDHKNA")).await.scim_error(409, Some("uniqueness"));
    let without = format!("{}?excludedAttributes=members", at(&id));
    assert_eq!(*stage.scim.get(&without).await.expect(200).json(), shown);
    for name in ["RWJFRKVDHKNA", "rwjfrkvdhkna"] {
        for rest in ["", "&excludedAttributes=members"] {
            let found = stage.scim.list("Groups", &format!("displayName eq \"{name}\""), rest).await;
            assert_eq!(found.resources(), [shown.clone()], "{name}{rest}");
        }
    }
    assert_none(&stage.scim.list("Groups", "displayName eq \"KMWBFSGXKPTV\"", "").await);

    let replace = |path: &str, value: &str| json!({ "op": "replace", "path": path, "value": value });
    let answer = change(&stage, &id, replace("displayName", "NVMQHFXVHYBK")).await.expect(200);
    shown = settled_group(&stage, &answer).await;
    assert_eq!([&shown["displayName"], &shown["externalId"]], ["NVMQHFXVHYBK", EXTERNAL_ID]);
    let answer = change(&stage, &id, replace("externalId", "6c4ac51b-4eff-4d72-9f37-2a9c1e7a0b53")).await;
    shown = settled_group(&stage, &answer.expect(200)).await;
    assert_eq!(shown["externalId"], "6c4ac51b-4eff-4d72-9f37-2a9c1e7a0b53");
    for (op, expected) in [("add", vec![adam.clone()]), ("remove", Vec::new())] {
        let operation = json!({ "op": op, "path": "members", "value": [{ "value": adam }] });
        let answer = change(&stage, &id, operation).await.expect(200);
        assert_eq!(users(&settled_group(&stage, &answer).await), expected, "{op}");
        assert_eq!(stage.realm.members(&id).await, expected, "{op}");
    }

    // Preview: several operations in one request, on the same attribute and on different ones.
    let same = json!([
        { "op": "add", "path": "members", "value": [{ "value": adam }] },
        { "op": "add", "path": "members", "value": [{ "value": babs }] },
        { "op": "remove", "path": format!("members[value eq \"{adam}\"]") },
    ]);
    let answer = stage.scim.patch(&at(&id), &patch(&same)).await.expect(200);
    assert_eq!(users(&settled_group(&stage, &answer).await), [babs.as_str()]);
    let different = json!([
        { "op": "remove", "path": "members", "value": [{ "value": babs }] },
        { "op": "replace", "path": "displayName", "value": "ZQWXKYTPNRLB" },
        { "op": "add", "path": "members", "value": [{ "value": adam }] },
    ]);
    let answer = stage.scim.patch(&at(&id), &patch(&different)).await.expect(200);
    let shown = settled_group(&stage, &answer).await;
    assert_eq!((&shown["displayName"], users(&shown)), (&json!("ZQWXKYTPNRLB"), vec![adam.clone()]));
    let kept = stage.realm.group(&id).await;
    assert_eq!((&kept["name"], stage.realm.members(&id).await), (&json!("ZQWXKYTPNRLB"), vec![adam]));

    stage.scim.delete(&at(&id)).await.expect(204);
    stage.scim.delete(&at(&id)).await.scim_error(404, None);
    stage.scim.delete(&at("7d09a04f-e5f2-47ea-8ba0-4c0ecc1f8c0a")).await.scim_error(404, None);
}
