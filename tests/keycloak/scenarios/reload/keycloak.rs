//! New configurations while Keycloak hangs, or is nowhere to be found.

use std::fs;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use super::{change, page_size, reloads, replace, until_page_size, with_page_size};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway, with_url};
use crate::proxy::{Point, Proxy};
use crate::runner::both;
use crate::scenarios::auth::sha256;
use crate::scenarios::stage::{Stage, until};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("reload::a_caller_who_was_taken_out_is_refused_while_keycloak_hangs", revoked),
        both("reload::a_keycloak_that_is_nowhere_does_not_replace_one_that_answers", nowhere),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Longer than anybody waits here.
const FOR_EVER: Duration = Duration::from_secs(600);

async fn revoked() {
    let realm = admin().await.create_realm("revoked").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = Gateway::setup(&realm, Auth::Token).await.via(&proxy);
    let prepared = prepared.set(&["realms", realm.name(), "realm_attributes"], true);
    let without = fs::read_to_string(prepared.config()).unwrap();
    let tokens = ["a-token-that-is-taken-out-first-01", "a-token-that-is-taken-out-second-2"];
    let table = |name: &str, token: &str| {
        let hash = sha256(token);
        format!("[realms.{}.callers.{name}]\nauth = \"token\"\nsha256 = [\"{hash}\"]\n", realm.name())
    };
    let (first, second) = (table("first", tokens[0]), table("second", tokens[1]));
    let gateway = prepared.append(&first).append(&second).serve().await;
    let [first_caller, second_caller] = tokens.map(|token| Scim::bearer(gateway.base_url(), token));
    first_caller.get("/Users").await.expect(200);
    second_caller.get("/Users").await.expect(200);
    let refused = async |scim: &Scim| scim.get("/Schemas").await.status == 401;
    let path = gateway.prepared().config();
    proxy.on(|_, path| path.starts_with("/admin/")).always().delay(FOR_EVER);
    proxy.drain();
    // The attributes of the realm are looked at after each new configuration.
    replace(
        &path,
        &format!("{without}\n{first}\n{second}\n{}", table("third", "a-token-that-comes-0123456789012")),
    );
    let asks = || proxy.count(|call| call.request_id.as_deref() == Some("attributes"));
    until("the attributes are asked for", async || asks() > 0).await;
    replace(&path, &format!("{without}\n{second}\n"));
    until("nobody waits for Keycloak", async || refused(&first_caller).await).await;
    second_caller.get("/Schemas").await.expect(200);
    // Now with a change that must be looked at.
    replace(&path, &with_page_size(&without, realm.name(), 50));
    until("nobody waits long for Keycloak", async || refused(&second_caller).await).await;
    let okta = gateway.scim().await;
    assert_eq!(page_size(&okta).await, 50);
    proxy.clear_rules();
    until("the others are served when it answers", async || okta.get("/Users").await.status == 200).await;
}

async fn nowhere() {
    let stage = Stage::new("nowhere").await;
    let id = stage.create("babs").await;
    let realm = stage.realm.name().to_owned();
    let proxy = Proxy::start(stage.realm.keycloak()).await;
    proxy.on(|_, _| true).always().drop_connection(Point::BeforeKeycloak);
    change(&stage.gateway, "refused", |text| {
        with_page_size(&with_url(text, stage.realm.keycloak(), &proxy.url()), &realm, 50)
    })
    .await;
    let log = stage.gateway.log();
    assert!(log.contains("Keycloak answers where it was, and not by the new url, proxy or ca_file"), "{log}");
    stage.scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(page_size(&stage.scim).await, 200);
    proxy.clear_rules();
    // Nothing tells that it answers now: it is tried again.
    let began = Instant::now();
    while page_size(&stage.scim).await != 50 {
        assert!(began.elapsed() < Duration::from_secs(90), "not tried again: {}", stage.gateway.log());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(reloads(&stage.gateway, "refused").await, 1);
    // Where the old one doesn't answer either, the new one may be the remedy: it is not kept from coming up later.
    proxy.on(|_, _| true).always().drop_connection(Point::BeforeKeycloak);
    let elsewhere = Proxy::start(stage.realm.keycloak()).await;
    elsewhere.on(|_, _| true).always().drop_connection(Point::BeforeKeycloak);
    change(&stage.gateway, "applied", |text| {
        with_page_size(&with_url(text, &proxy.url(), &elsewhere.url()), &realm, 60)
    })
    .await;
    until_page_size(&stage.scim, 60, "it is in force").await;
    elsewhere.clear_rules();
    until("it is served", async || stage.scim.get(&format!("/Users/{id}")).await.status == 200).await;
}
