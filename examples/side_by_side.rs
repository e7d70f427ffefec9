//! The life of a user through the gateway and as bare Admin REST calls, interleaved on one running Keycloak.
//!
//! ```sh
//! cargo run --release --example side_by_side -- --config gateway/config.toml --token-file gateway/acme-okta-token
//! ```
//!
//! It needs a gateway that serves the first realm of that configuration with a caller in `token` mode. The bare calls are
//! what a program would do that manages the same users by hand: create and map the role, read, search, write, delete. It
//! makes `--lives` users (300) one after another and deletes each; it talks only to the addresses of the configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::Method;
use scimgate::config::{self, ProcessEnvironment};
use scimgate::keycloak::{self, AdminClient, Connection, UserQuery, UserRepresentation};
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    /// The configuration that the gateway serves.
    #[arg(long)]
    config: PathBuf,
    /// The file with the caller's token.
    #[arg(long)]
    token_file: PathBuf,
    /// How many users live, after a tenth as many to warm up.
    #[arg(long, default_value_t = 300)]
    lives: u32,
}

/// The times of one operation, by one way.
type Times = BTreeMap<&'static str, Vec<Duration>>;

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let config =
        config::load(&arguments.config, &ProcessEnvironment).expect("a configuration that can be served");
    let realm = config.realms.values().next().expect("a realm");
    let http =
        keycloak::http_client(Duration::from_secs(5), Duration::from_secs(20), None, None).expect("a client");
    let way = &realm.keycloak;
    let connection = Connection::new(
        way.url.clone(),
        realm.name.as_ref(),
        &way.client_id,
        way.client_secret.clone(),
        http.clone(),
    );
    let bare = Arc::new(connection).for_request("side-by-side");
    let public_url = config.server.public_url.as_ref().expect("server.public_url in the configuration");
    let scim = Scim {
        base: format!("{}/realms/{}/scim/v2", public_url.as_str().trim_end_matches('/'), realm.name),
        token: std::fs::read_to_string(&arguments.token_file).expect("the token").trim().to_owned(),
        http,
    };
    let role = bare.realm_role(&realm.tag_role).await.expect("Keycloak").expect("the realm's tag role");
    let (mut by_gateway, mut by_hand) = (Times::new(), Times::new());
    for n in 0..arguments.lives + arguments.lives / 10 {
        let warm = n >= arguments.lives / 10;
        let (mut one, mut other) = (Times::new(), Times::new());
        // In turns, so that neither always comes first.
        if n % 2 == 0 {
            through_gateway(&scim, n, &mut one).await;
            bare_life(&bare, &role, n, &mut other).await;
        } else {
            bare_life(&bare, &role, n, &mut other).await;
            through_gateway(&scim, n, &mut one).await;
        }
        if warm {
            collect(&mut by_gateway, one);
            collect(&mut by_hand, other);
        }
    }
    println!("{:<12} {:>22} {:>22} {:>8}", "", "gateway p50/p99 ms", "Admin REST p50/p99 ms", "p50 ×");
    for (operation, times) in &mut by_gateway {
        let bare = by_hand.get_mut(operation).expect("both ways do the same");
        let (a, b) = (quantiles(times), quantiles(bare));
        let shown = |(p50, p99): (f64, f64)| format!("{p50:.2} / {p99:.2}");
        println!("{operation:<12} {:>22} {:>22} {:>8.2}", shown(a), shown(b), a.0 / b.0);
    }
}

fn collect(all: &mut Times, some: Times) {
    for (operation, times) in some {
        all.entry(operation).or_default().extend(times);
    }
}

/// p50 and p99 in milliseconds.
fn quantiles(times: &mut [Duration]) -> (f64, f64) {
    times.sort();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    (at(0.5), at(0.99))
}

async fn timed<T>(times: &mut Times, operation: &'static str, doing: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = doing.await;
    times.entry(operation).or_default().push(began.elapsed());
    done
}

struct Scim {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Scim {
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("the gateway answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a whole answer")).unwrap_or_default()
    }
}

async fn through_gateway(scim: &Scim, n: u32, times: &mut Times) {
    let name = format!("gateway-{n}@example.com");
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "password": "dropped",
        "name": {"givenName": "Babs", "familyName": "Jensen"}, "active": true, "externalId": format!("g{n}"),
        "emails": [{"value": name, "type": "work", "primary": true}],
    });
    let created = timed(times, "create", scim.send(Method::POST, "/Users", Some(body))).await;
    let path = format!("/Users/{}", created.get("id").and_then(Value::as_str).expect("an id"));
    timed(times, "get", scim.send(Method::GET, &path, None)).await;
    let filter = format!("/Users?filter=userName+eq+%22gateway-{n}%40example.com%22");
    timed(times, "lookup", scim.send(Method::GET, &filter, None)).await;
    let replace = json!({"Operations": [{"op": "replace", "path": "name.givenName", "value": "Barbara"}]});
    timed(times, "update", scim.send(Method::PATCH, &path, Some(replace))).await;
    let deactivate = json!({"Operations": [{"op": "replace", "value": {"active": false}}]});
    timed(times, "deactivate", scim.send(Method::PATCH, &path, Some(deactivate))).await;
    timed(times, "delete", scim.send(Method::DELETE, &path, None)).await;
}

/// The same life by hand: with a role to map and sessions to end, but with nobody else's user to keep away from.
async fn bare_life(bare: &AdminClient, role: &keycloak::RoleRepresentation, n: u32, times: &mut Times) {
    let name = format!("bare-{n}@example.com");
    let user = |first: &str, enabled| UserRepresentation {
        username: Some(name.clone()),
        email: Some(name.clone()),
        first_name: Some(first.into()),
        last_name: Some("Jensen".into()),
        enabled: Some(enabled),
        attributes: Some(BTreeMap::from([("displayName".into(), vec!["Babs".into()])])),
        ..UserRepresentation::default()
    };
    let id = timed(times, "create", async {
        let id = bare.create_user(&user("Babs", true)).await.expect("created");
        bare.map_realm_role(&id, role).await.expect("mapped");
        id
    })
    .await;
    timed(times, "get", bare.user(&id)).await.expect("read");
    let query = UserQuery { username: Some(name.clone()), ..UserQuery::default() };
    timed(times, "lookup", bare.users(&query)).await.expect("found");
    timed(times, "update", async {
        bare.user(&id).await.expect("read");
        bare.update_user(&id, &user("Barbara", true)).await.expect("written");
    })
    .await;
    timed(times, "deactivate", async {
        bare.user(&id).await.expect("read");
        bare.update_user(&id, &user("Barbara", false)).await.expect("written");
        bare.logout(&id).await.expect("ended");
    })
    .await;
    timed(times, "delete", bare.delete_user(&id)).await.expect("deleted");
}
