//! Whatever goes wrong with any one call to Keycloak, the client's repetition of its request finds its way. On the
//! stand-in, which can be asked for faults; the real one is proven by [`super::plans`].

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use scimgate::scim::Code;
use scimgate::stand_in::StandIn;
use scimgate::stand_in::faults::{Fault, When};
use serde_json::{Value, json};

use super::stage::{patch_active, person, until};
use crate::admin::{Admin, Realm};
use crate::backing::{self, Backing, start_stand_in};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::trial;
use crate::scim::{Answer, Scim};

/// How long the gateway waits for an answer of a Keycloak that is slow. Long enough for any answer that is not delayed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How late a delayed answer comes: when a client that repeats its request at once has done so.
const LATE: Duration = Duration::from_millis(1600);

pub fn trials() -> Vec<Trial> {
    vec![
        trial("stand_in::faults::in_a_create", || each_call(Operation::Create, 4)),
        trial("stand_in::faults::in_a_replacement", || each_call(Operation::Replace, 3)),
        trial("stand_in::faults::in_a_deactivation", || each_call(Operation::Deactivate, 5)),
        trial("stand_in::faults::in_a_reactivation", || each_call(Operation::Reactivate, 7)),
        trial("stand_in::faults::in_a_deletion", || each_call(Operation::Delete, 5)),
        trial("stand_in::faults::in_a_lookup", || each_call(Operation::Lookup, 2)),
        trial("stand_in::faults::too_late_in_a_create", || each_late_call(Operation::Create, 4)),
        trial("stand_in::faults::too_late_in_a_deactivation", || each_late_call(Operation::Deactivate, 5)),
        trial("stand_in::faults::too_late_in_a_deletion", || each_late_call(Operation::Delete, 5)),
    ]
}

/// What a client wants; each is asked for again until it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Replace,
    Deactivate,
    Reactivate,
    Delete,
    Lookup,
}

fn faults() -> [Fault; 5] {
    [
        Fault::Status(500, "{\"error\":\"unknown_error\"}".to_owned()),
        Fault::Status(503, "<html>upstream</html>".to_owned()),
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
    ]
}

struct Scene {
    stand_in: StandIn,
    realm: Realm,
    scim: Scim,
    _gateway: Gateway,
}

/// One fault in each of the operation's calls in turn, after the answer too.
async fn each_call(operation: Operation, calls: usize) {
    let all = async {
        let scene = Scene::new(|_, prepared| prepared).await;
        for call in 0..calls {
            for (number, fault) in faults().into_iter().enumerate() {
                scene.play(operation, call, number, fault).await;
            }
        }
    };
    backing::on(Backing::StandIn, all).await;
}

/// The answer to each of the operation's calls in turn comes when the gateway has given the call up: what it was to do
/// is done at once, or only then, when the client has repeated its request.
async fn each_late_call(operation: Operation, calls: usize) {
    let all = async {
        let patience = format!("{}ms", PATIENCE.as_millis());
        let scene =
            Scene::new(|realm, prepared| prepared.set(&["realms", realm, "keycloak", "timeout"], patience))
                .await;
        for call in 0..calls {
            for (number, fault) in [Fault::DelayBefore(LATE), Fault::DelayAfter(LATE)].into_iter().enumerate()
            {
                let what = format!("{operation:?}, call {call}: {fault:?}");
                let expected = match (operation, call, &fault) {
                    // The gateway looks, and finds the user by its mark.
                    (Operation::Create, 0, Fault::DelayAfter(_)) => 201,
                    // After the answer.
                    (Operation::Create, 2.., _) => 201,
                    _ => 503,
                };
                let began = Instant::now();
                assert_eq!(scene.play(operation, call, number, fault).await, expected, "{what}");
                assert!(began.elapsed() >= PATIENCE, "{what}: not waited for");
            }
        }
    };
    backing::on(Backing::StandIn, all).await;
}

impl Scene {
    async fn new(change: impl FnOnce(&str, Prepared) -> Prepared) -> Self {
        let stand_in = start_stand_in().await;
        let realm = Admin::new(&stand_in.url()).create_realm("faults").await;
        let prepared = Gateway::setup(&realm, Auth::Token).await;
        let prepared = prepared
            .set(&["realms", realm.name(), "sweep_interval"], "1h")
            .set(&["log", "level"], "info,scimgate=debug");
        let gateway = change(realm.name(), prepared).serve().await;
        // The sweep's calls are not the ones that are to meet a fault; the first one begins at once.
        until("the first sweep is over", async || gateway.log().contains("swept; nothing to heal")).await;
        let scim = gateway.scim().await;
        Self { stand_in, realm, scim, _gateway: gateway }
    }

    /// Gives the status of the first answer.
    async fn play(&self, operation: Operation, call: usize, number: usize, fault: Fault) -> u16 {
        let what = format!("{operation:?}, call {call}: {fault:?}");
        let name = format!("babs-{call}-{number}");
        let id = match operation {
            Operation::Create => String::new(),
            _ => self.scim.post("/Users", &person(&name)).await.expect(201).id(),
        };
        if operation == Operation::Reactivate {
            self.scim.patch(&format!("/Users/{id}"), &patch_active(false)).await.expect(200);
        }
        self.settled(&name).await;
        let within = format!("/admin/realms/{}/", self.realm.name());
        let late = if matches!(fault, Fault::DelayBefore(_)) { LATE } else { Duration::ZERO };
        self.stand_in.faults().add(When::next().path(within).after(call), fault);
        let first = self.ask(operation, &name, &id).await;
        assert!(first.status < 500 || first.json()["status"].is_string(), "{what}: no SCIM error: {first}");
        // It may be a call that goes on after the answer.
        until(&format!("{what} happens"), async || self.stand_in.faults().are_spent()).await;
        self.stand_in.faults().clear();
        let again = self.ask(operation, &name, &id).await;
        // Whatever was still under way has happened.
        tokio::time::sleep(late).await;
        self.check(operation, &name, &id, &first, &again, &what).await;
        first.status
    }

    async fn ask(&self, operation: Operation, name: &str, id: &str) -> Answer {
        let path = format!("/Users/{id}");
        match operation {
            Operation::Create => self.scim.post("/Users", &person(name)).await,
            Operation::Replace => {
                let mut body = person(name);
                body["displayName"] = json!("Babs");
                self.scim.put(&path, &body).await
            }
            Operation::Deactivate => self.scim.patch(&path, &patch_active(false)).await,
            Operation::Reactivate => self.scim.patch(&path, &patch_active(true)).await,
            Operation::Delete => self.scim.delete(&path).await,
            Operation::Lookup => self.scim.list("Users", &format!("userName eq \"{name}\""), "").await,
        }
    }

    async fn check(
        &self,
        operation: Operation,
        name: &str,
        id: &str,
        first: &Answer,
        again: &Answer,
        what: &str,
    ) {
        let status = (first.status, again.status);
        match operation {
            // Made by the first try, or by the second; never twice, never half.
            Operation::Create => {
                // Where the first try came through late, the user exists and is managed by now.
                let exists = again.status == 409 && again.code() == Some(Code::UserExists);
                assert!(
                    status == (201, 409) || first.status >= 500 && (again.status == 201 || exists),
                    "{what}: {again}"
                );
            }
            Operation::Delete => {
                assert!(matches!(status, (204 | 500.., 404) | (500.., 204)), "{what}: {again}");
            }
            _ => assert_eq!(again.status, 200, "{what}: {again}"),
        }
        let found = self.ask(Operation::Lookup, name, id).await;
        if operation == Operation::Delete {
            assert_eq!(found.resources(), &[] as &[Value], "{what}");
            assert_eq!(self.realm.user_by_username(name).await, None, "{what}");
            return;
        }
        let [user] = found.resources() else { panic!("{what}: {found}") };
        assert_eq!(user["active"], operation != Operation::Deactivate, "{what}: {user}");
        if operation == Operation::Replace {
            assert_eq!(user["displayName"], "Babs", "{what}: {user}");
        }
        let stored = self.realm.user_by_username(name).await.unwrap();
        assert_eq!(stored["enabled"], user["active"], "{what}");
        let roles = self.realm.user_role_names(stored["id"].as_str().unwrap()).await;
        assert!(roles.contains(&"scim-managed".to_owned()), "{what}: {roles:?}");
    }

    /// Until what goes on after the answer to this user's create is over.
    async fn settled(&self, name: &str) {
        let marked = async || self.realm.user_by_username(name).await.unwrap_or_default().to_string();
        until("the mark goes", async || !marked().await.contains("scim.pending")).await;
    }
}
