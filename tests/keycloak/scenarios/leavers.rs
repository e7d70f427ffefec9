//! Leavers leave: no attribute of theirs, and nothing else in the request, keeps their account open. Where it stays open
//! all the same, the answer says so.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch, patch_active};
use crate::runner::both;
use crate::scim::Answer;

const CLIENT: &str = "people";
const PASSWORD: &str = "t1meMa$heen";

pub fn trials() -> Vec<Trial> {
    [
        both("leavers::a_required_email_that_is_missing_keeps_nobody", missing_email),
        both("leavers::a_required_attribute_with_a_minimum_length_keeps_nobody", missing_department),
        both("leavers::who_can_not_be_disabled_is_said_to_be_enabled_still", short_user_name),
        both("leavers::a_replacement_with_a_taken_email_deactivates_all_the_same", taken_email),
        both("leavers::a_replacement_with_a_refused_name_deactivates_all_the_same", refused_name),
        both("leavers::a_patch_that_is_refused_changes_nothing", all_or_nothing),
        both("leavers::a_patch_with_an_identifier_that_can_not_be_kept_changes_nothing", long_identifier),
        both("leavers::who_was_disabled_by_hand_is_deactivated_too", disabled_by_hand),
        both("leavers::an_administrator_with_another_email_is_deactivated", administrator),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Somebody with a session, who leaves.
struct Leaver {
    stage: Stage,
    id: String,
    user_name: &'static str,
}

impl Leaver {
    /// With all that Keycloak wants for a login.
    async fn new() -> Self {
        let stage = Stage::new("leavers").await;
        let id = stage.create("bjensen@example.com").await;
        Self::of(stage, id, "bjensen@example.com").await
    }

    async fn of(stage: Stage, id: String, user_name: &'static str) -> Self {
        stage.realm.public_client(CLIENT).await;
        stage.realm.set_password(&id, PASSWORD).await;
        stage.settled().await;
        let leaver = Self { stage, id, user_name };
        leaver.sign_in().await;
        leaver
    }

    /// Begins another session.
    async fn sign_in(&self) {
        let tokens = self.stage.realm.log_in(CLIENT, self.user_name, PASSWORD, "").await;
        tokens.unwrap_or_else(|refused| panic!("{} can't log in: {refused:?}", self.user_name));
        assert_ne!(self.sessions().await, 0);
    }

    async fn sessions(&self) -> usize {
        self.stage.realm.user_sessions(&self.id).await.len()
    }

    async fn stored(&self) -> Value {
        self.stage.stored(&self.id).await
    }

    /// As the client reads it, with these members set: what Okta's custom apps send with PUT.
    async fn resource(&self, members: Value) -> Value {
        let mut resource = self.stage.read(&self.id).await;
        let Value::Object(members) = members else { panic!("no object of members: {members}") };
        for (name, value) in members {
            resource[name] = value;
        }
        resource
    }

    async fn put(&self, resource: &Value) -> Answer {
        self.stage.scim.put(&format!("/Users/{}", self.id), resource).await
    }

    async fn patch(&self, operations: &Value) -> Answer {
        self.stage.patch(&self.id, operations).await
    }

    /// PATCHes `active` alone.
    async fn patch_active(&self, active: bool) -> Answer {
        self.stage.scim.patch(&format!("/Users/{}", self.id), &patch_active(active)).await
    }

    /// Disabled, without sessions, and let in no more; the client reads it so.
    async fn assert_gone(&self) {
        assert_eq!(self.stored().await["enabled"], false);
        assert_eq!(self.sessions().await, 0, "sessions are ended");
        let refused = self.stage.realm.log_in(CLIENT, self.user_name, PASSWORD, "").await;
        assert_eq!(refused.expect_err("the password is refused").description, "Account disabled");
        assert_eq!(self.stage.read(&self.id).await["active"], false);
    }

    /// It was a success, and they are back.
    async fn assert_back(&self, answer: Answer) {
        assert_eq!(answer.expect(200).json()["active"], true);
        assert_eq!(self.stored().await["enabled"], true);
        self.sign_in().await;
    }

    /// Changes how the user profile declares an attribute.
    async fn declare(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut profile = self.stage.realm.get("/users/profile").await;
        let mut attributes = profile["attributes"].as_array_mut().unwrap().iter_mut();
        change(attributes.find(|attribute| attribute["name"] == name).unwrap());
        self.stage.realm.put("/users/profile", &profile).await;
    }
}

/// The detail of a 409 or 400 that has this code.
#[track_caller]
fn detail(answer: &Answer, status: u16, scim_type: Option<&str>, code: &str) -> String {
    let detail = answer.scim_error(status, scim_type)["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with(&format!(" [{code}]")), "{detail}");
    detail
}

async fn missing_email() {
    let stage = Stage::new("leavers").await;
    let mut profile = stage.realm.get("/users/profile").await;
    let mut attributes = profile["attributes"].as_array_mut().unwrap().iter_mut();
    let email = attributes.find(|attribute| attribute["name"] == "email").unwrap();
    email.as_object_mut().unwrap().shift_remove("required");
    stage.realm.put("/users/profile", &profile).await;
    let name = json!({ "givenName": "Barbara", "familyName": "Jensen" });
    let id = stage.create_with("bjensen", json!({ "name": name, "title": "Guide" })).await;
    let leaver = Leaver::of(stage, id, "bjensen").await;
    leaver.declare("email", |email| email["required"] = json!({ "roles": ["admin"] })).await;
    let answer = leaver.patch_active(false).await.expect(200);
    assert_eq!(answer.json()["active"], false);
    leaver.assert_gone().await;
    let stored = leaver.stored().await;
    assert_eq!(stored["email"], format!("{}@deactivated.invalid", leaver.id), "an address of nobody");
    assert_eq!(stored["emailVerified"], false);
    assert_eq!(
        (&stored["firstName"], &stored["attributes"]["title"]),
        (&json!("Barbara"), &json!(["Guide"]))
    );
    leaver.assert_back(leaver.patch_active(true).await).await;
}

async fn missing_department() {
    let leaver = Leaver::new().await;
    leaver
        .declare("department", |department| {
            department["required"] = json!({ "roles": ["admin"] });
            department["validations"] = json!({ "length": { "min": 3, "max": 20 } });
        })
        .await;
    let answer = leaver.patch_active(false).await.expect(200);
    assert_eq!(answer.json()["active"], false);
    leaver.assert_gone().await;
    let stored = leaver.stored().await;
    assert_eq!((&stored["firstName"], &stored["email"]), (&json!("Barbara"), &json!("bjensen@example.com")));
    // The profile still wants one, so who brings none stays out, and who brings one is let in.
    let enterprise = crate::scim::ENTERPRISE;
    let mut resource = leaver.resource(json!({ "active": true })).await;
    resource.as_object_mut().unwrap().shift_remove(enterprise);
    let refused = leaver.put(&resource).await;
    assert!(detail(&refused, 400, Some("invalidValue"), "required-missing").contains("department"));
    leaver.assert_gone().await;
    let resource = leaver.resource(json!({ "active": true, enterprise: { "department": "Sales" } })).await;
    leaver.assert_back(leaver.put(&resource).await).await;
}

/// Nothing can be put in a username's place, so Keycloak lets nobody disable them: the client must learn that.
async fn short_user_name() {
    let stage = Stage::new("leavers").await;
    let id = stage.create("babs").await;
    let leaver = Leaver::of(stage, id, "babs").await;
    let length = |username: &mut Value, min: u32| username["validations"]["length"]["min"] = json!(min);
    leaver.declare("username", |username| length(username, 8)).await;
    let before = leaver.stored().await;
    let put = leaver.resource(json!({ "active": false })).await;
    for by_put in [false, true] {
        let answer = if by_put { leaver.put(&put).await } else { leaver.patch_active(false).await };
        let detail = detail(&answer, 409, None, "not-deactivated");
        assert!(detail.starts_with("The user was NOT disabled: ") && detail.contains("username"), "{detail}");
        assert!(!detail.contains("all the same"), "{detail}");
        let mut stored = leaver.stored().await;
        // From when on tokens are taken: ending sessions moves it.
        stored["notBefore"] = before["notBefore"].clone();
        assert_eq!(stored, before, "it says what is so");
        assert_eq!(leaver.stage.read(&leaver.id).await["active"], true);
        assert_eq!(leaver.sessions().await, 0, "at least nobody goes on with a session of before");
        // Keycloak asks for a longer name at a login.
        leaver.declare("username", |username| length(username, 3)).await;
        leaver.sign_in().await;
        leaver.declare("username", |username| length(username, 8)).await;
    }
    // As the answer said: the profile is mended, the request repeated.
    leaver.declare("username", |username| length(username, 3)).await;
    leaver.patch_active(false).await.expect(200);
    leaver.assert_gone().await;
    leaver.assert_back(leaver.patch_active(true).await).await;
}

async fn taken_email() {
    let leaver = Leaver::new().await;
    leaver.stage.create("jsmith@example.com").await;
    let taken = json!([{ "primary": true, "value": "jsmith@example.com", "type": "work" }]);
    let own = leaver.resource(json!({})).await;
    let resource = leaver.resource(json!({ "active": false, "emails": taken, "title": "Guide" })).await;
    let answer = leaver.put(&resource).await;
    let detail = detail(&answer, 409, Some("uniqueness"), "email-exists");
    assert!(detail.contains("e-mail address"), "why it was refused: {detail}");
    assert!(
        detail.contains("the user was deactivated all the same, the rest was not applied"),
        "what was done: {detail}"
    );
    leaver.assert_gone().await;
    let stored = leaver.stored().await;
    assert_eq!(stored["email"], "bjensen@example.com");
    assert_eq!(stored["attributes"].get("title"), None);
    let mut back = own;
    back["active"] = true.into();
    leaver.assert_back(leaver.put(&back).await).await;
}

async fn refused_name() {
    let leaver = Leaver::new().await;
    let name = json!({ "givenName": "<script>", "familyName": "Smith" });
    let resource = leaver.resource(json!({ "active": false, "name": name })).await;
    let answer = leaver.put(&resource).await;
    let detail = detail(&answer, 400, Some("invalidValue"), "unacceptable-value");
    assert!(detail.contains("name.givenName"), "why it was refused: {detail}");
    assert!(
        detail.contains("the user was deactivated all the same, the rest was not applied"),
        "what was done: {detail}"
    );
    leaver.assert_gone().await;
    let stored = leaver.stored().await;
    assert_eq!((&stored["firstName"], &stored["lastName"]), (&json!("Barbara"), &json!("Jensen")));
    leaver.assert_back(leaver.patch_active(true).await).await;
}

/// The gateway's own attributes count as the client's words where they hold such.
async fn long_identifier() {
    let leaver = Leaver::new().await;
    let replace = |path: &str, value: &str| json!({ "op": "replace", "path": path, "value": value });
    let kept =
        leaver.patch(&json!([replace("externalId", "00u1")])).await.expect(200).json()["externalId"].clone();
    assert_eq!(kept, "00u1");
    let before = leaver.stored().await;
    let deactivate = json!({ "op": "replace", "path": "active", "value": false });
    let answer = leaver.patch(&json!([deactivate, replace("externalId", &"e".repeat(2100))])).await;
    assert!(detail(&answer, 400, Some("invalidValue"), "value-too-long").contains("externalId"));
    assert_eq!(leaver.stored().await, before);
}

/// An administrator was quicker than the identity provider, and the profile refuses every write since.
async fn disabled_by_hand() {
    let leaver = Leaver::new().await;
    leaver.declare("department", |department| department["required"] = json!({ "roles": ["admin"] })).await;
    let stored = leaver.stored().await;
    let mut disabled = json!({ "enabled": false, "attributes": stored["attributes"] });
    for name in ["username", "email", "firstName", "lastName"] {
        disabled[name] = stored[name].clone();
    }
    disabled["attributes"]["department"] = json!(["Sales"]);
    leaver.stage.realm.put(&format!("/users/{}", leaver.id), &disabled).await;
    leaver
        .declare("department", |department| {
            department["validations"] = json!({ "length": { "min": 9, "max": 20 } });
        })
        .await;
    let answer = leaver.patch_active(false).await.expect(200);
    assert_eq!(answer.json()["active"], false);
    leaver.assert_gone().await;
}

async fn all_or_nothing() {
    let leaver = Leaver::new().await;
    leaver.stage.create("jsmith@example.com").await;
    leaver.stage.settled().await;
    let before = leaver.stored().await;
    let taken = json!([{ "primary": true, "value": "jsmith@example.com", "type": "work" }]);
    let replace = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
    for operations in [
        json!([{ "op": "replace", "value": { "active": false, "emails": taken } }]),
        json!([
            replace("active", json!(false)),
            replace("emails[type eq \"work\"].value", json!("jsmith@example.com"))
        ]),
        json!([replace("emails", taken.clone()), replace("active", json!("False"))]),
    ] {
        let answer = leaver.patch(&operations).await;
        let detail = detail(&answer, 409, Some("uniqueness"), "email-exists");
        assert!(!detail.contains("deactivated"), "{detail}");
    }
    for operations in [
        json!([replace("active", json!(false)), replace("name.givenName", json!("<script>"))]),
        json!([{ "op": "replace", "value": { "active": false, "name.givenName": "<script>" } }]),
    ] {
        let answer = leaver.stage.scim.patch(&format!("/Users/{}", leaver.id), &patch(&operations)).await;
        let detail = detail(&answer, 400, Some("invalidValue"), "unacceptable-value");
        assert!(!detail.contains("deactivated"), "{detail}");
    }
    assert_eq!(leaver.stored().await, before, "not a trace of it");
    assert_eq!(leaver.sessions().await, 1, "the session goes on");
    // Without what was refused it is done.
    leaver.patch_active(false).await.expect(200);
    leaver.assert_gone().await;
    leaver.assert_back(leaver.patch_active(true).await).await;
}

/// Their address is theirs alone to change, and Okta's echo of the old one must not keep them in.
async fn administrator() {
    let leaver = Leaver::new().await;
    let realm = &leaver.stage.realm;
    let management = realm.client_uuid("realm-management").await;
    let role = json!([realm.get(&format!("/clients/{management}/roles/realm-admin")).await]);
    let mappings = format!("/users/{}/role-mappings/clients/{management}", leaver.id);
    realm.post(&mappings, &role).await;
    let okta = leaver.resource(json!({})).await;
    let mut user = leaver.stored().await;
    user["email"] = "barbara.jensen@example.com".into();
    realm.put(&format!("/users/{}", leaver.id), &user).await;
    let with = |active: bool| {
        let mut resource = okta.clone();
        resource["active"] = active.into();
        resource
    };
    let answer = leaver.put(&with(false)).await.expect(200);
    assert_eq!(answer.json()["active"], false);
    assert_eq!(answer.json()["emails"][0]["value"], "barbara.jensen@example.com", "what is so");
    leaver.assert_gone().await;
    assert_eq!(leaver.stored().await["email"], "barbara.jensen@example.com");
    // Without the power they are a user like any other.
    realm.call(http::Method::DELETE, &mappings, Some(&role)).await.ok();
    leaver.assert_back(leaver.put(&with(true)).await).await;
}
