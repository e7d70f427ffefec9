//! What is written to Keycloak for what a client wants, and what is left alone.

mod unchanged;

use std::sync::Arc;

use serde_json::{Value, json};
use time::macros::datetime;

use super::super::storage::{DOCUMENT, EXTERNAL_ID, MANAGED, USER_NAME, values};
use super::*;
use crate::scim::user::{ENTERPRISE_URN, user};
use crate::scim::{Code, Policy, Resource};

const BORN: OffsetDateTime = datetime!(2024-01-01 08:00 UTC);
const NOW: OffsetDateTime = datetime!(2024-05-06 07:08:09.123456 UTC);

/// How the realm is set up.
#[derive(Clone)]
struct Realm {
    storage: Storage,
    reactivate_local: bool,
}

impl Default for Realm {
    fn default() -> Self {
        let map = [
            ("title", "title"),
            ("displayName", "displayName"),
            ("phoneNumbers", "phoneNumber"),
            ("name.middleName", "middleName"),
        ];
        let map = map.map(|(path, name)| (path.to_owned(), name.to_owned())).into();
        let storage = Storage::new(Arc::new(user().clone()), &map);
        Self { storage, reactivate_local: false }
    }
}

impl Realm {
    fn rules(&self, now: OffsetDateTime) -> Rules<'_> {
        Rules { storage: &self.storage, caller: "okta", reactivate_local: self.reactivate_local, now }
    }

    fn create(&self, body: &Value) -> UserRepresentation {
        create(&wanted(body), "1704096000000-mark", self.rules(BORN)).unwrap()
    }

    /// A user that was created so, finished, and left alone since.
    fn stored(&self, body: &Value) -> UserRepresentation {
        let mut stored = kept(&UserRepresentation::default(), &self.create(body));
        stored.id = "6d9b1e2c-7f3a-4b55-9c3e-000000000001".try_into().ok();
        stored.attributes.as_mut().unwrap().remove(PENDING);
        if self.storage.email_as_username && stored.email.is_some() {
            stored.username.clone_from(&stored.email);
        }
        stored
    }

    fn read(&self, stored: &UserRepresentation) -> Row {
        self.storage.read(stored, "okta")
    }

    fn update(&self, stored: &UserRepresentation, wanted: &Wanted) -> Plan {
        update(stored, &self.read(stored), wanted, self.rules(NOW)).unwrap()
    }

    /// The plan for the user as it is seen, but for these top-level attributes; null takes one away. It asserts
    /// `active` only where that is among them.
    fn change(&self, stored: &UserRepresentation, changes: &Value) -> Plan {
        let mut body = self.read(stored).resource.as_object().clone();
        for (name, value) in changes.as_object().unwrap() {
            body.insert(name.clone(), value.clone());
        }
        let active = changes.get("active").and_then(Value::as_bool);
        self.update(stored, &Wanted { active, ..wanted(&Value::Object(body)) })
    }
}

fn wanted(body: &Value) -> Wanted {
    let resource = Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap();
    Wanted { active: resource.flag("active"), all_or_nothing: true, refusal: None, resource }
}

fn babs() -> Value {
    json!({
        "userName": "Babs", "externalId": "00u1", "active": true, "title": "Tour Guide",
        "name": {"givenName": "Barbara", "familyName": "Jensen"},
        "emails": [
            {"value": "Babs@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        ENTERPRISE_URN: {"department": "Tours"}
    })
}

/// A user with these values of `enabled` and `scim.active`.
fn user_with(enabled: bool, asserted: Option<bool>) -> UserRepresentation {
    let mut stored = Realm::default().stored(&babs());
    stored.enabled = Some(enabled);
    let attributes = stored.attributes.as_mut().unwrap();
    match asserted {
        Some(active) => attributes.insert(ACTIVE.into(), vec![active.to_string()]),
        None => attributes.remove(ACTIVE),
    };
    stored
}

/// What Keycloak keeps when it is sent this: texts in lower case, attributes replaced, what is left out cleared or
/// unchanged.
fn kept(before: &UserRepresentation, write: &UserRepresentation) -> UserRepresentation {
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    UserRepresentation {
        username: lower(&write.username).or_else(|| before.username.clone()),
        email: lower(&write.email),
        first_name: write.first_name.clone(),
        last_name: write.last_name.clone(),
        enabled: write.enabled.or(before.enabled),
        email_verified: write.email_verified.or(before.email_verified),
        attributes: write.attributes.clone(),
        created_timestamp: write.created_timestamp.or(before.created_timestamp),
        ..before.clone()
    }
}

/// The steps, to be read: of a write all fields, but of the attributes only those that it changes.
fn told(stored: &UserRepresentation, plan: &Plan) -> String {
    let told = plan.steps.iter().map(|step| match step {
        Step::EndSessions => "EndSessions".to_owned(),
        Step::Write(write) => {
            let mut fields = serde_json::to_value(write).unwrap();
            fields.as_object_mut().unwrap().shift_remove("attributes");
            let (old, new) = (stored.attributes.clone().unwrap(), write.attributes.clone().unwrap());
            let mut lines = vec![format!("Write {fields}")];
            for name in old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>() {
                if old.get(name) != new.get(name) {
                    lines.push(format!("  {name}: {:?} -> {:?}", values(stored, name), values(write, name)));
                }
            }
            lines.join("\n")
        }
    });
    told.collect::<Vec<_>>().join("\n")
}

fn write(plan: &Plan) -> &UserRepresentation {
    let mut writes = plan.steps.iter().filter_map(|step| match step {
        Step::Write(write) => Some(write.as_ref()),
        Step::EndSessions => None,
    });
    writes.next().expect("the plan writes")
}

fn enabled(plan: &Plan) -> Vec<Option<bool>> {
    let enabled = plan.steps.iter().map(|step| match step {
        Step::Write(write) => write.enabled,
        Step::EndSessions => None,
    });
    enabled.collect()
}

mod active {
    use super::*;

    fn change(stored: &UserRepresentation, active: bool) -> Plan {
        Realm::default().change(stored, &json!({"active": active}))
    }

    #[test]
    fn an_echo_of_true_leaves_an_administrators_block_alone() {
        let blocked = user_with(false, Some(true));
        let plan = change(&blocked, true);
        assert_eq!(plan, Plan { steps: vec![], after: blocked.clone(), forbidden_to_power: None });
        let plan = Realm::default().change(&blocked, &json!({"active": true, "title": "Chief"}));
        assert_eq!(enabled(&plan), [None]);
        assert_eq!(Realm::default().read(&plan.after).resource.flag("active"), Some(false));
    }

    #[test]
    fn reactivate_local_undoes_a_block() {
        let blocked = user_with(false, Some(true));
        let realm = Realm { reactivate_local: true, ..Realm::default() };
        let plan = realm.change(&blocked, &json!({"active": true}));
        insta::assert_snapshot!(told(&blocked, &plan), @r#"
        EndSessions
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen","enabled":true}
          scim.lastModified: ["2024-01-01T08:00:00.000Z"] -> ["2024-05-06T07:08:09.123Z"]
        "#);
        assert_eq!((plan.after.enabled, plan.forbidden_to_power), (Some(true), Some("active")));
        // A request that does not name `active` undoes nothing.
        assert_eq!(realm.change(&blocked, &json!({"title": "Chief"})).after.enabled, Some(false));
    }

    #[test]
    fn reactivation_ends_sessions_before_it_enables() {
        let gone = user_with(false, Some(false));
        let plan = change(&gone, true);
        insta::assert_snapshot!(told(&gone, &plan), @r#"
        EndSessions
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen","enabled":true}
          scim.active: ["false"] -> ["true"]
          scim.lastModified: ["2024-01-01T08:00:00.000Z"] -> ["2024-05-06T07:08:09.123Z"]
        "#);
        assert_eq!((plan.after.enabled, plan.forbidden_to_power), (Some(true), Some("active")));
    }

    #[test]
    fn deactivation_disables_and_then_ends_sessions_whatever_power_the_user_has() {
        let there = user_with(true, Some(true));
        let plan = change(&there, false);
        insta::assert_snapshot!(told(&there, &plan), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen","enabled":false}
          scim.active: ["true"] -> ["false"]
          scim.lastModified: ["2024-01-01T08:00:00.000Z"] -> ["2024-05-06T07:08:09.123Z"]
        EndSessions
        "#);
        assert_eq!((plan.after.enabled, plan.forbidden_to_power), (Some(false), None));
    }

    #[test]
    fn a_newer_stored_format_hinders_every_write_but_a_deactivation() {
        let mut newer = user_with(true, Some(true));
        newer.attributes.as_mut().unwrap().insert(DOCUMENT.into(), vec!["{\"v\":2}".into()]);
        let before = Realm::default().read(&newer);
        let wanted = |active| Wanted {
            resource: before.resource.clone(),
            active,
            all_or_nothing: true,
            refusal: None,
        };
        let plan = |active| update(&newer, &before, &wanted(active), Realm::default().rules(NOW));
        assert_eq!(plan(None).unwrap_err().code, Code::UnknownFormat);
        assert_eq!(plan(Some(true)).unwrap_err().code, Code::UnknownFormat);
        insta::assert_snapshot!(told(&newer, &plan(Some(false)).unwrap()), @r#"
        Write {"username":"babs","email":"babs@example.com","firstName":"Barbara","lastName":"Jensen","enabled":false}
          scim.active: ["true"] -> ["false"]
        EndSessions
        "#);
    }

    #[test]
    fn deactivation_ends_sessions_also_of_who_is_disabled_already() {
        let gone = user_with(false, Some(false));
        let plan = change(&gone, false);
        assert_eq!(plan, Plan { steps: vec![Step::EndSessions], after: gone, forbidden_to_power: None });
    }

    #[test]
    fn deactivation_of_a_blocked_user_is_noted_so_that_true_is_news_afterwards() {
        let blocked = user_with(false, Some(true));
        let plan = change(&blocked, false);
        insta::assert_snapshot!(told(&blocked, &plan), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen","enabled":false}
          scim.active: ["true"] -> ["false"]
        EndSessions
        "#);
        assert_eq!(enabled(&change(&plan.after, true)), [None, Some(true)]);
    }

    #[test]
    fn an_assertion_of_false_counts_against_an_administrator_and_one_of_true_is_noted() {
        let let_in = user_with(true, Some(false));
        assert_eq!(enabled(&change(&let_in, false)), [Some(false), None]);
        let plan = change(&let_in, true);
        insta::assert_snapshot!(told(&let_in, &plan), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen"}
          scim.active: ["false"] -> ["true"]
        "#);
        assert_eq!(plan.forbidden_to_power, None);
    }

    #[test]
    fn true_is_news_where_no_client_said_anything_yet() {
        assert_eq!(enabled(&change(&user_with(false, None), true)), [None, Some(true)]);
        assert_eq!(enabled(&change(&user_with(true, None), true)), [None]);
    }

    #[test]
    fn who_does_not_speak_of_active_says_nothing() {
        for live in [true, false] {
            for asserted in [None, Some(true), Some(false)] {
                let stored = user_with(live, asserted);
                let plan = Realm::default().change(&stored, &json!({"title": "Chief"}));
                assert_eq!((enabled(&plan), plan.after.enabled), (vec![None], Some(live)));
                assert_eq!(super::super::asserted(&plan.after), asserted);
            }
        }
    }
}

mod writes {
    use super::*;

    #[test]
    fn an_update_sends_what_keycloak_would_clear_and_moves_last_modified() {
        let realm = Realm::default();
        let stored = realm.stored(&babs());
        let plan = realm.change(&stored, &json!({"title": "Chief", "name": {"givenName": "B"}}));
        insta::assert_snapshot!(told(&stored, &plan), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"B"}
          scim.lastModified: ["2024-01-01T08:00:00.000Z"] -> ["2024-05-06T07:08:09.123Z"]
          title: ["Tour Guide"] -> ["Chief"]
        "#);
        let row = realm.read(&plan.after);
        assert_eq!(row.meta.last_modified, Some(datetime!(2024-05-06 07:08:09.123 UTC)));
        assert_eq!(row.meta.created, Some(BORN));
    }

    #[test]
    fn what_is_as_it_was_is_not_written() {
        let realm = Realm::default();
        for body in [
            babs(),
            json!({"userName": "b"}),
            json!({"userName": "b", "active": false}),
            json!({"userName": "b", "title": "", "displayName": "", "nickName": "", "name": {"givenName": "", "middleName": ""}}),
            json!({"userName": "b", "emails": [{"value": ""}, {"value": "a@b", "type": "home"}], "phoneNumbers": [{"type": "work"}]}),
            json!({"userName": "b", "emails": [{"type": "work"}], "phoneNumbers": [{"value": "1"}, {"value": "2", "primary": true}]}),
        ] {
            let stored = realm.stored(&body);
            let plan = realm.update(&stored, &wanted(&body));
            let steps: &[Step] = if body["active"] == false { &[Step::EndSessions] } else { &[] };
            assert_eq!((plan.steps.as_slice(), &plan.after), (steps, &stored), "{body}");
            assert_eq!(realm.read(&plan.after).meta.last_modified, Some(BORN));
        }
    }

    #[test]
    fn a_plan_that_was_carried_out_has_nothing_left_to_write() {
        for (email_as_username, trust_email) in [(false, false), (false, true), (true, false)] {
            let mut realm = Realm::default();
            realm.storage.email_as_username = email_as_username;
            realm.storage.trust_email = trust_email;
            for body in [
                json!({"userName": "Ann", "active": true}),
                json!({"userName": "Ann@example.com", "emails": [{"value": "Ann@Example.com"}], "title": ""}),
                json!({"userName": "BABS", "emails": [{"value": "x@y", "primary": true}, {"value": "BABS@example.com"}]}),
                json!({"userName": "Babs", "active": false, "externalId": "00U1"}),
            ] {
                let stored = realm.stored(&babs());
                let plan = realm.update(&stored, &wanted(&body));
                let now = kept(&stored, write(&plan));
                let now = match (&now.email, email_as_username) {
                    (Some(email), true) => UserRepresentation { username: Some(email.clone()), ..now },
                    _ => now,
                };
                // The answer is what a GET would say.
                assert_eq!(realm.read(&plan.after).resource, realm.read(&now).resource, "{body}");
                assert_eq!(plan.after.username, now.username, "{body}");
                let again = realm.update(&now, &wanted(&body));
                assert!(
                    again.steps.iter().all(|step| *step == Step::EndSessions),
                    "{body} {:?}",
                    again.steps
                );
                assert_eq!(again.forbidden_to_power, None, "{body}");
            }
        }
    }

    #[test]
    fn the_next_write_takes_the_mark_away_and_gives_a_missing_index_back() {
        let realm = Realm::default();
        let mut stored = realm.stored(&babs());
        stored.attributes.as_mut().unwrap().insert(PENDING.into(), vec!["1-x".into()]);
        let unmarked = realm.update(&stored, &wanted(&babs()));
        insta::assert_snapshot!(told(&stored, &unmarked), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen"}
          scim.pending: ["1-x"] -> []
        "#);
        assert_eq!(realm.read(&unmarked.after).meta.last_modified, Some(BORN));
        let mut stored = realm.stored(&babs());
        stored.attributes.as_mut().unwrap().insert(MANAGED.into(), vec!["org:1".into()]);
        let indexed = realm.update(&stored, &wanted(&babs()));
        insta::assert_snapshot!(told(&stored, &indexed), @r#"
        Write {"username":"babs","email":"Babs@example.com","firstName":"Barbara","lastName":"Jensen"}
          scim.managed: ["org:1"] -> ["org:1", "realm"]
        "#);
    }

    #[test]
    fn a_user_whose_attributes_were_wiped_is_mended_as_it_is_seen() {
        let realm = Realm::default();
        let mut stored = realm.stored(&babs());
        stored.attributes = Some([("title".to_owned(), vec!["Tour Guide".to_owned()])].into());
        let plan = realm.change(&stored, &json!({}));
        insta::assert_snapshot!(told(&stored, &plan), @r#"
        Write {"username":"babs","email":"babs@example.com","firstName":"Barbara","lastName":"Jensen"}
          scim.document: [] -> ["{\"v\":1,\"user\":{\"emails\":[{\"value\":\"babs@example.com\",\"type\":\"work\",\"primary\":true}]}}"]
          scim.emails: [] -> ["babs@example.com"]
          scim.managed: [] -> ["realm"]
          scim.userName: [] -> ["babs"]
        "#);
        assert_eq!(realm.read(&plan.after).resource, realm.read(&stored).resource);
        assert_eq!(realm.read(&plan.after).meta.last_modified, Some(BORN));
    }

    #[test]
    fn a_changed_email_is_unverified_unless_the_caller_is_trusted() {
        let (doubting, mut trusting) = (Realm::default(), Realm::default());
        trusting.storage.trust_email = true;
        let stored = doubting.stored(&babs());
        for (emails, email, verified) in [
            (json!([{"value": "new@example.com"}]), Some("new@example.com"), Some([false, true])),
            (
                json!([{"value": "babs@jensen.org", "type": "home"}]),
                Some("babs@jensen.org"),
                Some([false, true]),
            ),
            (json!(null), None, Some([false, false])),
            // Keycloak's own one is the same.
            (json!([{"value": "BABS@example.com"}]), Some("BABS@example.com"), None),
            (
                json!([{"value": "x@y"}, {"value": "Babs@example.com", "primary": true}]),
                Some("Babs@example.com"),
                None,
            ),
        ] {
            for (at, realm) in [&doubting, &trusting].into_iter().enumerate() {
                let plan = realm.change(&stored, &json!({"emails": emails}));
                let write = write(&plan);
                assert_eq!(write.email.as_deref(), email, "{emails}");
                assert_eq!(write.email_verified, verified.map(|verified| verified[at]), "{emails}");
            }
        }
        // What somebody verified stays so.
        assert_eq!(write(&doubting.change(&stored, &json!({"title": "x"}))).email_verified, None);
    }

    #[test]
    fn the_username_is_sent_as_it_is_unless_keycloak_would_see_a_change() {
        let mut realm = Realm::default();
        let stored = realm.stored(&babs());
        let cased = realm.change(&stored, &json!({"userName": "BABS"}));
        assert_eq!((write(&cased).username.as_deref(), cased.forbidden_to_power), (Some("babs"), None));
        assert_eq!(values(write(&cased), USER_NAME), ["BABS"]);
        assert_eq!(realm.read(&cased.after).resource.text(user(), "userName"), Some("BABS"));
        let renamed = realm.change(&stored, &json!({"userName": "Barbara"}));
        assert_eq!(write(&renamed).username.as_deref(), Some("Barbara"));
        assert_eq!(renamed.after.username.as_deref(), Some("barbara"));
        // Here Keycloak makes the username itself.
        realm.storage.email_as_username = true;
        let stored = realm.stored(&babs());
        let renamed = realm.change(&stored, &json!({"userName": "Barbara"}));
        let live = Some("babs@example.com");
        assert_eq!((write(&renamed).username.as_deref(), renamed.forbidden_to_power), (live, None));
        let moved = realm.change(&stored, &json!({"emails": [{"value": "New@example.com"}]}));
        assert_eq!((write(&moved).username.as_deref(), moved.forbidden_to_power), (live, Some("emails")));
        assert_eq!(moved.after.username.as_deref(), Some("new@example.com"));
    }

    #[test]
    fn who_has_power_can_be_deactivated_and_described_but_not_taken_over() {
        let realm = Realm::default();
        let (there, gone) = (user_with(true, Some(true)), user_with(false, Some(false)));
        let plan = |stored, changes| realm.change(stored, &changes).forbidden_to_power;
        assert_eq!(plan(&there, json!({"active": false})), None);
        assert_eq!(plan(&there, json!({"active": false, "title": "x", "externalId": "2"})), None);
        assert_eq!(plan(&there, json!({"userName": "mallory"})), Some("userName"));
        assert_eq!(plan(&there, json!({"userName": "mallory", "active": false})), Some("userName"));
        assert_eq!(plan(&there, json!({"emails": [{"value": "mallory@example.com"}]})), Some("emails"));
        assert_eq!(plan(&there, json!({"emails": null})), Some("emails"));
        assert_eq!(plan(&gone, json!({"active": true})), Some("active"));
        assert_eq!(plan(&gone, json!({"active": false})), None);
        assert_eq!(plan(&gone, json!({"title": "x"})), None);
    }

    #[test]
    fn what_the_gateway_does_not_own_survives() {
        let realm = Realm::default();
        let mut stored = realm.stored(&babs());
        stored.email_verified = Some(true);
        stored.required_actions = Some(vec!["CONFIGURE_TOTP".into()]);
        let attributes = stored.attributes.as_mut().unwrap();
        attributes.insert("shoeSize".into(), vec!["42".into(), "43".into()]);
        attributes.insert(MANAGED.into(), vec!["org:1".into(), "realm".into()]);
        attributes.insert(EXTERNAL_ID.into(), vec!["entra:E1".into(), "okta:00u1".into()]);
        let plan = realm.update(&stored, &wanted(&json!({"userName": "Babs", "externalId": "00u2"})));
        let (write, after) = (write(&plan), &plan.after);
        assert_eq!((&write.required_actions, &after.required_actions), (&None, &stored.required_actions));
        assert_eq!(after.id, stored.id);
        for user in [write, after] {
            assert_eq!(values(user, "shoeSize"), ["42", "43"]);
            assert_eq!(values(user, MANAGED), ["org:1", "realm"]);
            assert_eq!(values(user, EXTERNAL_ID), ["entra:E1", "okta:00u2"]);
            let made = r#"{"v":1,"user":{},"by":"okta"}"#;
            assert_eq!(
                (value(user, "title"), value(user, DOCUMENT)),
                (None, Some(made)),
                "and its maker stays"
            );
        }
    }

    #[test]
    fn a_document_of_a_newer_format_is_not_planned_over() {
        let realm = Realm::default();
        let mut stored = realm.stored(&babs());
        stored.attributes.as_mut().unwrap().insert(DOCUMENT.into(), vec!["{\"v\":2}".into()]);
        let error = update(&stored, &realm.read(&stored), &wanted(&babs()), realm.rules(NOW)).unwrap_err();
        assert_eq!(error.code, Code::UnknownFormat);
    }
}

mod creates {
    use super::*;

    #[test]
    fn index_mark_and_everything_else_are_in_the_one_call() {
        let created = Realm::default().create(&babs());
        insta::assert_snapshot!(serde_json::to_string_pretty(&created).unwrap(), @r#"
        {
          "username": "Babs",
          "email": "Babs@example.com",
          "firstName": "Barbara",
          "lastName": "Jensen",
          "emailVerified": false,
          "enabled": true,
          "attributes": {
            "scim.active": [
              "true"
            ],
            "scim.document": [
              "{\"v\":1,\"user\":{\"emails\":[{\"value\":\"Babs@example.com\",\"type\":\"work\",\"primary\":true},{\"value\":\"babs@jensen.org\",\"type\":\"home\"}],\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"Tours\"}},\"by\":\"okta\"}"
            ],
            "scim.emails": [
              "Babs@example.com",
              "babs@jensen.org"
            ],
            "scim.externalId": [
              "okta:00u1"
            ],
            "scim.lastModified": [
              "2024-01-01T08:00:00.000Z"
            ],
            "scim.managed": [
              "realm"
            ],
            "scim.pending": [
              "1704096000000-mark"
            ],
            "scim.userName": [
              "Babs"
            ],
            "title": [
              "Tour Guide"
            ]
          },
          "createdTimestamp": 1704096000000
        }
        "#);
    }

    #[test]
    fn who_is_created_may_sign_in_unless_the_client_says_otherwise() {
        let realm = Realm::default();
        for (body, active) in [
            (json!({"userName": "b"}), true),
            (json!({"userName": "b", "active": true}), true),
            (json!({"userName": "b", "active": false}), false),
        ] {
            let created = realm.create(&body);
            assert_eq!((created.enabled, asserted(&created)), (Some(active), Some(active)), "{body}");
        }
    }

    #[test]
    fn an_email_is_verified_only_on_the_word_of_a_trusted_caller() {
        let mut realm = Realm::default();
        assert_eq!(realm.create(&babs()).email_verified, Some(false));
        realm.storage.trust_email = true;
        assert_eq!(realm.create(&babs()).email_verified, Some(true));
        assert_eq!(realm.create(&json!({"userName": "b"})).email_verified, Some(false));
    }

    #[test]
    fn the_username_is_sent_also_where_keycloak_makes_its_own() {
        let mut realm = Realm::default();
        realm.storage.email_as_username = true;
        assert_eq!(realm.create(&babs()).username.as_deref(), Some("Babs"));
    }
}
