//! What changes nothing that a client sees moves no `lastModified`, for random users of every kind of attribute.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::scim::patch::PATCH_URN;
use crate::scim::properties::people::{BADGE_URN, LOCKER_URN, attributes, person, staff, writable_part};
use crate::scim::render::render;
use crate::scim::schema::Mutability;
use crate::scim::{Patch, Projection};

/// Some of each kind of attribute are kept in Keycloak attributes of their own, as texts.
fn realm() -> Realm {
    let own =
        ["nickName", "tags", "floor", "height", "vip", "since", "print", "access.level", "issuer", "note"];
    let core = ["title", "displayName", "phoneNumbers", "name.middleName", "addresses.country", "profileUrl"];
    let map = own.map(|name| (format!("{BADGE_URN}:{name}"), format!("badge{name}")));
    let map = map.into_iter().chain(core.map(|name| (name.to_owned(), name.to_owned()))).collect();
    let storage = Storage::new(Arc::new(staff().clone()), &map);
    Realm { storage, ..Realm::default() }
}

/// A user of the realm, as Keycloak keeps it.
fn stored(realm: &Realm, person: &Resource) -> UserRepresentation {
    let wanted = asks_for(writable_part(staff(), person));
    let created = create(&wanted, "1704096000000-mark", realm.rules(BORN)).unwrap();
    let mut stored = kept(&UserRepresentation::default(), &created);
    stored.id = "6d9b1e2c-7f3a-4b55-9c3e-000000000001".try_into().ok();
    stored.attributes.as_mut().unwrap().remove(PENDING);
    stored
}

fn asks_for(resource: Resource) -> Wanted {
    Wanted { active: resource.flag("active"), all_or_nothing: true, refusal: None, resource }
}

/// Nothing is written; whoever is said to be inactive has their sessions ended again.
fn assert_unchanged(
    realm: &Realm,
    stored: &UserRepresentation,
    wanted: &Wanted,
) -> Result<(), TestCaseError> {
    let plan = realm.update(stored, wanted);
    let writes = plan.steps.iter().any(|step| matches!(step, Step::Write(_)));
    prop_assert!(!writes, "{}", told(stored, &plan));
    prop_assert_eq!(realm.read(&plan.after).meta.last_modified, Some(BORN));
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: Config::default().cases / 2, ..Config::default() })]

    #[test]
    fn what_a_client_wrote_is_what_it_reads(person in person()) {
        let realm = realm();
        let read = realm.read(&stored(&realm, &person)).resource;
        let mut wrote = writable_part(staff(), &person);
        wrote.set_flag("active", Some(person.flag("active").unwrap_or(true)));
        prop_assert_eq!(comparable(&read), comparable(&wrote));
    }

    #[test]
    fn a_put_of_what_a_get_showed_writes_nothing(mut person in person()) {
        let realm = realm();
        // It has a secret part, which a PUT takes away with the rest of it; the configuration declares none such.
        for (extension, attribute) in attributes(staff()).filter(|(extension, _)| is(*extension, LOCKER_URN)) {
            person.set(extension, attribute, None);
        }
        let stored = stored(&realm, &person);
        let row = realm.read(&stored);
        let rendered = render(staff(), &row.resource, &row.meta, "https://scim.example.com/realms/acme/scim/v2");
        let shown = Projection::All.apply(staff(), rendered);
        let mut sent = Resource::read(staff(), shown.as_object().unwrap(), &Policy::default()).unwrap();
        sent.keep_omitted(staff(), &row.resource);
        assert_unchanged(&realm, &stored, &asks_for(sent))?;
    }

    #[test]
    fn a_patch_that_sets_what_is_there_writes_nothing(person in person(), add in any::<bool>()) {
        let realm = realm();
        let stored = stored(&realm, &person);
        let before = realm.read(&stored).resource;
        let op = if add { "add" } else { "replace" };
        let operations: Vec<_> = attributes(staff())
            .filter(|(_, attribute)| attribute.mutability != Mutability::ReadOnly)
            .filter_map(|(extension, attribute)| {
                let urn = extension.map_or(&staff().core.id, |schema| &schema.id);
                let value = before.get(extension, attribute)?;
                Some(json!({"op": op, "path": format!("{urn}:{}", attribute.name), "value": value}))
            })
            .collect();
        let body = json!({"schemas": [PATCH_URN], "Operations": operations});
        let patch = Patch::read(staff(), body.as_object().unwrap()).unwrap();
        let after = patch.apply(staff(), &before, &Policy::default()).unwrap().resource;
        prop_assert_eq!(&after, &before);
        assert_unchanged(&realm, &stored, &asks_for(after))?;
    }

    #[test]
    fn a_change_that_a_client_sees_is_written_and_moves_last_modified(person in person(), other in person()) {
        let realm = realm();
        let (stored, other) = (stored(&realm, &person), writable_part(staff(), &other));
        let plan = realm.update(&stored, &asks_for(other));
        let (before, after) = (realm.read(&stored), realm.read(&plan.after));
        let moved = after.meta.last_modified != Some(BORN);
        prop_assert_eq!(moved, before.resource != after.resource, "{}", told(&stored, &plan));
        // What was carried out has nothing left to write.
        if plan.steps.iter().any(|step| matches!(step, Step::Write(_))) {
            let now = kept(&stored, write(&plan));
            prop_assert_eq!(realm.read(&now).resource, after.resource);
        }
    }
}

/// The resource as far as Keycloak's attributes can hold it: no empty texts, and no order of texts.
fn comparable(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    for (extension, attribute) in attributes(staff()) {
        let mut value = resource.get(extension, attribute).cloned().unwrap_or_default();
        match &mut value {
            Value::Array(values) if &*attribute.name == "tags" => {
                values.retain(|value| value != "");
                values.sort_by_key(ToString::to_string);
            }
            Value::String(text) if text.is_empty() => value = Value::Null,
            Value::Array(elements) => elements.iter_mut().for_each(drop_empty),
            other => drop_empty(other),
        }
        resource.set(extension, attribute, Some(value));
    }
    resource
}

fn drop_empty(value: &mut Value) {
    value.as_object_mut().into_iter().for_each(|members| members.retain(|_, value| value != ""));
}

fn is(extension: Option<&Arc<crate::scim::Schema>>, urn: &str) -> bool {
    extension.is_some_and(|schema| &*schema.id == urn)
}
