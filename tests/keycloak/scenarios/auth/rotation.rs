//! Keys and tokens that are replaced while requests go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use scimgate::scim::Code;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::RwLock;

use super::issuer::{Issuer, Key};
use super::{prepared, refused, sha256, with};
use crate::admin::Realm;
use crate::gateway::Gateway;
use crate::scenarios::stage::until;
use crate::scim::Scim;

/// A gateway, and its realm, which must outlive it.
async fn gateway(issuer: &Issuer) -> (Realm, Gateway) {
    let (realm, prepared) = prepared(|table| {
        format!(
            "[{table}.auth0]\nauth = \"external\"\nissuer = \"{}\"\naudiences = [\"scim\"]\n",
            issuer.name()
        )
    })
    .await;
    (realm, prepared.serve().await)
}

pub async fn under_load() {
    let (old, new, last) = (Key::new("old"), Key::new("new"), Key::new("last"));
    let issuer = Issuer::start(&[&old]).await;
    let (_realm, gateway) = gateway(&issuer).await;
    // Read for as long as a request is under way, so that no token is in flight while its key is withdrawn:
    // that one would be refused, and rightly.
    let current = Arc::new(RwLock::new(old.token(&issuer.claims())));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = (0..24).map(|_| {
        let (base, current) = (gateway.base_url().to_owned(), Arc::clone(&current));
        let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
        tokio::spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let token = current.read().await;
                Scim::bearer(&base, &token).get("/ServiceProviderConfig").await.expect(200);
                answered.fetch_add(1, Ordering::SeqCst);
            }
        })
    });
    let load: Vec<_> = load.collect();
    let some_more = async || {
        let before = answered.load(Ordering::SeqCst);
        until("the load goes on", async || {
            answered.load(Ordering::SeqCst) > before + 50 || load.iter().any(|task| task.is_finished())
        })
        .await;
    };
    some_more().await;
    // Between two fetches there are 5 s, whatever key ids there are.
    let floor = || tokio::time::sleep(Duration::from_millis(5500));
    floor().await;
    // Both are published for a while before the new one signs.
    issuer.publish(&[&old, &new]);
    some_more().await;
    *current.write().await = new.token(&issuer.claims());
    some_more().await;
    floor().await;
    // At once, and the old one is gone: only the unknown id tells.
    {
        let mut current = current.write().await;
        issuer.publish(&[&last]);
        *current = last.token(&issuer.claims());
    }
    some_more().await;
    stop.store(true, Ordering::SeqCst);
    for task in load {
        task.await.expect("no request fails");
    }
    let gone = with(&gateway, &format!("Bearer {}", old.token(&issuer.claims()))).get("/Users?count=1").await;
    refused(&gone, 401, Code::Unauthenticated);
    let fetches = issuer.asked().iter().filter(|path| *path == "/keys").count();
    assert_eq!(fetches, 3, "one for each set of keys, however many asked: {:?}", issuer.asked());
}

pub async fn issuer_down() {
    let (known, unknown) = (Key::new("known"), Key::new("unknown"));
    let issuer = Issuer::start(&[&known]).await;
    let (_realm, gateway) = gateway(&issuer).await;
    let ask = async |key: &Key| {
        let token = format!("Bearer {}", key.token(&issuer.claims()));
        with(&gateway, &token).get("/Users?count=1").await
    };
    ask(&known).await.expect(200);
    issuer.fail();
    ask(&known).await.expect(200);
    until("the failure is known", async || {
        let answer = ask(&unknown).await;
        if answer.status == 503 {
            refused(&answer, 503, Code::IssuerUnreachable);
        }
        answer.status == 503
    })
    .await;
    ask(&known).await.expect(200);
    // It comes back with another key as well.
    issuer.publish(&[&known, &unknown]);
    until("the key is known", async || ask(&unknown).await.status == 200).await;
}

pub async fn issuer_hangs() {
    let (key, stranger) = (Key::new("k"), Key::new("k"));
    let issuer = Issuer::start(&[&key]).await;
    issuer.hang(true);
    let (_realm, prepared) = prepared(|table| {
        format!(
            "[{table}.auth0]\nauth = \"external\"\nissuer = \"{}\"\naudiences = [\"scim\"]\n",
            issuer.name()
        )
    })
    .await;
    let gateway = prepared.set(&["server", "max_concurrent_requests"], 48).serve().await;
    let okta = gateway.scim().await;
    let mut forged = tokio::task::JoinSet::new();
    for number in 0..100 {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": format!("forged-{number}")});
        let client = with(&gateway, &format!("Bearer {}", stranger.sign(&header, &issuer.claims())));
        forged.spawn(async move { client.get("/Users?count=1").await });
        // Whoever needs nothing from that issuer is served, however many wait for it.
        okta.get("/ServiceProviderConfig").await.expect(200);
    }
    while let Some(answer) = forged.join_next().await {
        let answer = answer.unwrap();
        let code = answer.code();
        assert!(
            matches!(code, Some(Code::IssuerUnreachable | Code::Overloaded)) && answer.status == 503,
            "{answer}"
        );
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    issuer.hang(false);
    let good = with(&gateway, &format!("Bearer {}", key.token(&issuer.claims())));
    until("the issuer answers again", async || good.get("/Users?count=1").await.status == 200).await;
}

pub async fn of_static_tokens() {
    let (spring, autumn) = (sha256("spring-token"), sha256("autumn-token"));
    let (_realm, prepared) = prepared(|table| {
        // From now on, when all but the gateway is there.
        let ends = OffsetDateTime::now_utc() + Duration::from_secs(18);
        let ends = ends.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
        format!(
            "[{table}.entra]\nauth = \"token\"\n\
             [{table}.entra.tokens.spring]\nsha256 = \"{spring}\"\nexpires = {ends}\n\
             [{table}.entra.tokens.autumn]\nsha256 = \"{autumn}\"\n"
        )
    })
    .await;
    let gateway = prepared.serve().await;
    let ask = async |token: &str| with(&gateway, &format!("Bearer {token}")).get("/Users?count=1").await;
    ask("spring-token").await.expect(200);
    let mut last = None;
    until("the old token ends", async || {
        ask("autumn-token").await.expect(200);
        let answer = ask("spring-token").await;
        let over = answer.status != 200;
        last = Some(answer);
        over
    })
    .await;
    let last = last.unwrap();
    refused(&last, 401, Code::Unauthenticated);
    assert!(last.to_string().contains("its time is over"), "{last}");
    let log = gateway.log();
    for name in ["spring", "autumn"] {
        assert!(log.contains(&format!("caller=\"entra\" credential=\"{name}\"")), "{name}:\n{log}");
    }
    assert!(log.contains("the secret named spring of the caller entra has expired"), "{log}");
}
