//! What a tenant reads and keeps of a user that others have a part in.

use serde_json::json;

use super::*;
use crate::keycloak::OrganizationId;
use crate::scim::Policy;
use crate::scim::user::user;

fn storage(organization: Option<&str>) -> Storage {
    let map = [("title".to_owned(), "title".to_owned())].into();
    let tenant = organization
        .map_or_else(Tenant::realm, |id| Tenant::organization(OrganizationId::try_from(id).unwrap()));
    Storage { tenant, ..Storage::new(Arc::new(user().clone()), &map) }
}

fn written(storage: &Storage, before: &UserRepresentation, body: &Value) -> UserRepresentation {
    let resource = Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap();
    let wanted = Wanted { active: Some(true), resource, all_or_nothing: true, refusal: None };
    let caller = storage.tenant.qualified("okta");
    let write = storage.write(before, &wanted, &caller, OffsetDateTime::UNIX_EPOCH).unwrap();
    UserRepresentation { enabled: Some(true), created_timestamp: Some(0), ..write }
}

fn read(storage: &Storage, stored: &UserRepresentation) -> Value {
    let caller = storage.tenant.qualified("okta");
    Value::Object(storage.read(stored, &caller).resource.as_object().clone())
}

fn babs() -> Value {
    json!({
        "userName": "babs", "externalId": "00uA", "active": true, "title": "Tour Guide", "nickName": "Babs",
        "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "emails": [{"value": "babs@example.com", "type": "work", "primary": true}, {"value": "b@home.org", "type": "home"}],
    })
}

/// What Keycloak itself shows of that user.
fn bare() -> Value {
    json!({
        "userName": "babs", "name": {"givenName": "Barbara", "familyName": "Jensen"}, "active": true,
        "emails": [{"value": "babs@example.com", "type": "work", "primary": true}],
    })
}

#[test]
fn no_tenant_reads_what_another_wrote() {
    for (owner, others) in [(Some("a"), [Some("b"), None]), (None, [Some("a"), Some("b")])] {
        let owner = storage(owner);
        let stored = written(&owner, &UserRepresentation::default(), &babs());
        assert_eq!(read(&owner, &stored), babs());
        for other in others {
            let mut shared = stored.clone();
            let other = storage(other);
            let tenants = shared.attributes.as_mut().unwrap().get_mut(MANAGED).unwrap();
            tenants.push(other.tenant.index().to_owned());
            assert_eq!(read(&other, &shared), bare(), "{:?}", other.tenant);
            assert_eq!(read(&owner, &shared), babs(), "{:?}", owner.tenant);
        }
    }
}

#[test]
fn an_organization_that_wrote_nothing_to_keep_is_known_all_the_same() {
    let owner = storage(Some("a"));
    let stored =
        written(&owner, &UserRepresentation::default(), &json!({"userName": "babs", "title": "Guide"}));
    let mut shared = stored;
    shared.attributes.as_mut().unwrap().get_mut(MANAGED).unwrap().push("org:b".into());
    assert_eq!(read(&storage(Some("b")), &shared).get("title"), None);
    assert_eq!(read(&owner, &shared)["title"], "Guide");
}

#[test]
fn each_tenant_has_an_external_id_of_its_own_and_forgets_only_that() {
    let (a, b) = (storage(Some("a")), storage(Some("b")));
    let mut stored = written(&a, &UserRepresentation::default(), &babs());
    b.set_external_id(&mut stored, Some("b\\1"), "b:okta").unwrap();
    assert_eq!(values(&stored, EXTERNAL_ID), ["a:okta:00uA", "b:okta:b\\1"]);
    assert_eq!(values(&stored, HASH), [lookup_hash(EXTERNAL_ID, "b:okta:b\\1")]);
    assert_eq!(
        (&read(&a, &stored)["externalId"], &read(&b, &stored)["externalId"]),
        (&json!("00uA"), &json!("b\\1"))
    );
    let attributes = stored.attributes.as_mut().unwrap();
    attributes.get_mut(MANAGED).unwrap().push("org:b".into());
    b.forget(attributes);
    assert_eq!(
        (&attributes[MANAGED], &attributes[EXTERNAL_ID]),
        (&vec!["org:a".into()], &vec!["a:okta:00uA".into()])
    );
    assert_eq!(attributes.get(HASH), None);
    assert_eq!(read(&a, &stored), babs());
    assert!(b.set_external_id(&mut stored, Some(&"x".repeat(VALUE_MAX)), "b:okta").is_err());
}

#[test]
fn a_tenant_that_is_left_alone_with_a_user_writes_over_what_another_left() {
    let (a, b) = (storage(Some("a")), storage(Some("b")));
    let mut stored = written(&a, &UserRepresentation::default(), &babs());
    let attributes = stored.attributes.as_mut().unwrap();
    attributes.get_mut(MANAGED).unwrap().push("org:b".into());
    a.forget(attributes);
    assert_eq!(read(&b, &stored), bare());
    let body = json!({"userName": "babs", "active": true, "title": "Guest"});
    let stored = written(&b, &stored, &body);
    assert_eq!(read(&b, &stored), body);
    assert_eq!(values(&stored, MANAGED), ["org:b"]);
}
