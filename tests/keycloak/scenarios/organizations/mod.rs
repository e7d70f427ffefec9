//! Organizations as tenants: none of them sees, changes, or learns anything of another, or of the realm's own.

mod drift;
mod foreign;
mod groups;
mod interrupted;
mod leaving;
mod links;
mod lists;
mod member_of_two;
mod names;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::auth::sha256;
use super::groups::scene;
use super::stage::{person, until, user_names};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::scim::{Answer, Scim};

const TAG: &str = "scim-managed";
/// An id that nobody has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";
const FABRIKAMS_TOKEN: &str = "fabrikams-token-of-the-trial";
const REALMS_TOKEN: &str = "the-realms-token-of-the-trial";

pub fn trials() -> Vec<Trial> {
    let trials = [
        foreign::trials(),
        names::trials(),
        member_of_two::trials(),
        drift::trials(),
        leaving::trials(),
        links::trials(),
        lists::trials(),
        interrupted::trials(),
        groups::trials(),
    ];
    trials.into_iter().flatten().collect()
}

/// A realm with the organizations contoso and fabrikam, which are served, and adatum, which is not; and their callers.
struct Scene {
    /// Ended before its realm goes.
    gateway: Gateway,
    realm: Realm,
    contoso: Tenant,
    fabrikam: Tenant,
    own: Scim,
    adatum: String,
}

/// An organization that is served.
struct Tenant {
    id: String,
    scim: Scim,
}

impl Scene {
    /// Whose only sweep is over.
    async fn new() -> Self {
        Self::swept("1h", |_, prepared| prepared).await
    }

    /// Whose tenants are swept this often.
    async fn swept(interval: &str, change: impl FnOnce(&str, Prepared) -> Prepared) -> Self {
        let realm = admin().await.create_realm("organizations").await;
        realm.put("", &json!({ "organizationsEnabled": true })).await;
        let [contoso, fabrikam, adatum] = ["contoso", "fabrikam", "adatum"].map(|alias| {
            json!({ "name": alias, "alias": alias, "domains": [{ "name": format!("{alias}.example.com") }] })
        });
        let contoso = realm.post("/organizations", &contoso).await;
        let fabrikam = realm.post("/organizations", &fabrikam).await;
        let adatum = realm.post("/organizations", &adatum).await;
        let name = realm.name();
        let caller = |tenant: &str, token: &str| {
            format!(
                "[realms.{name}{tenant}.callers.okta]\nauth = \"token\"\nsha256 = [\"{}\"]\n",
                sha256(token)
            )
        };
        let tables = caller(".organizations.fabrikam", FABRIKAMS_TOKEN) + &caller("", REALMS_TOKEN);
        let prepared = Gateway::setup_with(&realm, Auth::Token, &["--organization", "contoso"]).await;
        let prepared = prepared.append(&tables).set(&["realms", name, "sweep_interval"], interval);
        let gateway = change(name, prepared.set(&["log", "level"], "info,scimgate=debug")).serve().await;
        until("the first sweeps are over", async || gateway.log().matches(" swept").count() >= 3).await;
        let base = gateway.base_url().trim_end_matches("/organizations/contoso").to_owned();
        Self {
            contoso: Tenant { id: contoso, scim: gateway.scim().await },
            fabrikam: Tenant {
                id: fabrikam,
                scim: Scim::bearer(&format!("{base}/organizations/fabrikam"), FABRIKAMS_TOKEN),
            },
            own: Scim::bearer(&base, REALMS_TOKEN),
            adatum,
            gateway,
            realm,
        }
    }

    /// All that Keycloak has of users and groups, once nothing is written after an answer any more.
    async fn stored(&self) -> Value {
        until("the marks of creates go", async || {
            !self.realm.get("/users?max=1000").await.to_string().contains("scim.pending")
        })
        .await;
        let mut all = json!({
            "users": self.realm.get("/users?max=1000").await,
            "groups": self.realm.get("/groups?briefRepresentation=false").await,
            "role": names(&self.realm.get(&format!("/roles/{TAG}/users?max=1000")).await),
        });
        for id in [&self.contoso.id, &self.fabrikam.id, &self.adatum] {
            let at = format!("/organizations/{id}");
            all[id] = json!({
                "members": names(&self.realm.get(&format!("{at}/members?max=1000")).await),
                "groups": self.realm.get(&format!("{at}/groups?briefRepresentation=false")).await,
            });
        }
        all
    }

    async fn is_tagged(&self, id: &str) -> bool {
        self.realm.user_role_names(id).await.contains(&TAG.to_owned())
    }

    async fn is_member(&self, tenant: &Tenant, id: &str) -> bool {
        let path = format!("/organizations/{}/members/{id}", tenant.id);
        self.realm.call(reqwest::Method::GET, &path, None).await.status == 200
    }

    /// What `scim.managed` says of the user.
    async fn index(&self, id: &str) -> Value {
        self.realm.user(id).await.unwrap()["attributes"]["scim.managed"].clone()
    }

    /// As an administrator does.
    async fn add_member(&self, tenant: &Tenant, id: &str) {
        self.realm.add_member(&tenant.id, id).await;
    }
}

/// The usernames, sorted.
fn names(users: &Value) -> Vec<&str> {
    let users = users.as_array().into_iter().flatten();
    let mut names: Vec<&str> = users.filter_map(|user| user["username"].as_str()).collect();
    names.sort_unstable();
    names
}

impl Tenant {
    async fn create(&self, user_name: &str) -> String {
        create(&self.scim, user_name).await
    }
}

/// Creates a person of this `externalId`; gives the id.
async fn create(scim: &Scim, user_name: &str) -> String {
    let mut body = person(user_name);
    body["externalId"] = format!("ext-{user_name}").into();
    scim.post("/Users", &body).await.expect(201).id()
}

/// The userNames that a list shows.
async fn listed(scim: &Scim) -> Vec<String> {
    user_names(scim.get("/Users?count=100").await.resources())
}

/// Status and text, apart from this value.
fn told(answer: &Answer, but: &str) -> (u16, String) {
    let text = String::from_utf8_lossy(&answer.raw);
    (answer.status, if but.is_empty() { text.into_owned() } else { text.replace(but, "…") })
}

fn at(id: &str) -> String {
    format!("/Users/{id}")
}

/// Any request with a body or none.
async fn ask(scim: &Scim, method: &Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    scim.raw(method.clone(), path, Some("application/scim+json"), body).await
}
