//! Static tokens and passwords: names, ends, slow hashes, and floods of wrong ones.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use aws_lc_rs::digest;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use time::OffsetDateTime;

use super::super::{AuthError, MalformedError};
use super::{House, NOW, realm_with};
use crate::config::{self, CallerAuth, SecretHash, StaticToken};

/// A cheap Argon2 hash, so that tests are quick in a debug build.
fn cheap(secret: &str) -> SecretHash {
    argon2(secret, 8)
}

/// One that takes a good part of a second in a debug build.
fn dear(secret: &str) -> SecretHash {
    argon2(secret, 1024)
}

fn argon2(secret: &str, memory: u32) -> SecretHash {
    let params = Params::new(memory, 1, 1, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    SecretHash::Argon2(hasher.hash_password(secret.as_bytes()).unwrap().to_string())
}

fn sha256(secret: &str) -> SecretHash {
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    SecretHash::Sha256(hash.as_ref().try_into().unwrap())
}

fn named(name: &str, hash: SecretHash, expires: Option<u64>) -> StaticToken {
    let expires = expires.map(|at| OffsetDateTime::from_unix_timestamp(at as i64).unwrap());
    StaticToken { name: Some(name.to_owned()), hash, expires }
}

fn tokens(tokens: Vec<StaticToken>) -> CallerAuth {
    CallerAuth::Token { tokens }
}

fn basic(user: &str, passwords: Vec<StaticToken>) -> CallerAuth {
    CallerAuth::Basic { user: user.to_owned(), passwords }
}

async fn house(tenant: config::Realm) -> House {
    House::of(&[], |_| tenant).await
}

fn login(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_token_tells_its_caller_and_its_name_whatever_its_hash() {
    let house = house(realm_with(vec![
        ("entra", tokens(vec![named("spring", sha256("one"), None), named("autumn", cheap("two"), None)])),
        ("okta", tokens(vec![named("only", cheap("three"), None)])),
    ]))
    .await;
    // Twice: the second time it is remembered.
    for _ in 0..2 {
        for (token, caller, name) in
            [("one", "entra", "spring"), ("two", "entra", "autumn"), ("three", "okta", "only")]
        {
            let known = house.with(&format!("Bearer {token}")).await.unwrap();
            assert_eq!(known.caller.name.to_string(), caller);
            assert_eq!(known.credential.as_deref(), Some(name));
        }
        for wrong in ["four", "Two", "twoo", "a.b.c"] {
            let answer = house.ask(wrong).await;
            assert!(matches!(answer, Err(AuthError::UnknownToken)), "{wrong}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_taken_until_it_expires_and_its_holder_is_told() {
    let end = Some(NOW + 100);
    let house = house(realm_with(vec![
        (
            "okta",
            tokens(vec![
                named("quick", sha256("quick"), end),
                named("slow", cheap("slow"), end),
                named("never-seen", cheap("never-seen"), end),
                // The same token once more, with and without an end.
                named("again", sha256("again"), end),
                StaticToken { name: None, hash: sha256("again"), expires: None },
            ]),
        ),
        ("ping", basic("ping", vec![named("winter", cheap("secret"), end)])),
    ]))
    .await;
    house.pass(99);
    let credentials = ["Bearer quick", "Bearer slow", &login("ping", "secret")];
    for credentials in credentials {
        house.with(credentials).await.unwrap();
    }
    house.pass(1);
    for credentials in credentials {
        let error = house.with(credentials).await.unwrap_err();
        assert!(matches!(error, AuthError::ExpiredSecret { .. }), "{error}");
        assert!(error.detail().contains("time is over"));
    }
    // Not worth a slow hash any more.
    assert!(matches!(house.ask("never-seen").await, Err(AuthError::UnknownToken)));
    assert_eq!(house.ask("again").await.unwrap(), "okta");
}

#[tokio::test]
async fn user_and_password_must_both_be_right() {
    let password = "pass:wörd:";
    let house = house(realm_with(vec![
        ("ping", basic("ping", vec![named("a", cheap(password), None), named("b", cheap("second"), None)])),
        ("jumpcloud", basic("jümp", vec![named("c", cheap("third"), None)])),
        ("okta", tokens(vec![named("d", cheap("token"), None)])),
    ]))
    .await;
    for _ in 0..2 {
        for (user, secret, caller) in
            [("ping", password, "ping"), ("ping", "second", "ping"), ("jümp", "third", "jumpcloud")]
        {
            let known = house.with(&login(user, secret)).await.unwrap();
            assert_eq!(known.caller.name.to_string(), caller);
        }
        for (user, secret) in [
            ("ping", "pass"),
            ("ping", ""),
            ("Ping", password),
            ("", password),
            ("pin", "gpass:wörd:"),
            // Another caller's, and a token is no password.
            ("ping", "third"),
            ("jümp", password),
            ("nobody", "third"),
            ("ping", "token"),
            ("okta", "token"),
        ] {
            let error = house.with(&login(user, secret)).await.unwrap_err();
            assert!(matches!(error, AuthError::WrongPassword), "{user}: {error}");
        }
        // Nor is a password a token.
        assert!(matches!(house.ask(password.trim_end_matches("wörd:")).await, Err(AuthError::UnknownToken)));
        assert!(matches!(house.ask("second").await, Err(AuthError::UnknownToken)));
    }
    // Bytes that are no text are wrong, and no reason to stumble.
    let header = format!("Basic {}", BASE64_STANDARD.encode(b"ping:\xff\xfe"));
    assert!(matches!(house.with(&header).await, Err(AuthError::WrongPassword)));
    let header = format!("Basic {}", BASE64_STANDARD.encode("without a colon"));
    let error = house.with(&header).await.unwrap_err();
    assert!(matches!(error, AuthError::Malformed(MalformedError::NotBasic)));
}

#[tokio::test]
async fn an_unknown_user_costs_as_much_as_a_wrong_password() {
    let house =
        house(realm_with(vec![("ping", basic("ping", vec![named("a", dear("secret"), None)]))])).await;
    let time = async |user: &str| {
        let began = Instant::now();
        house.with(&login(user, "wrong")).await.unwrap_err();
        began.elapsed()
    };
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        known = known.min(time("ping").await);
        unknown = unknown.min(time("pong").await);
    }
    assert!(unknown > known / 3, "{unknown:?} against {known:?}");
}

#[tokio::test]
async fn hashes_that_nobody_can_read_let_nobody_in() {
    for hash in [
        "",
        "$argon2id$",
        "secret",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ",
    ] {
        let house = house(realm_with(vec![
            ("okta", tokens(vec![named("a", SecretHash::Argon2(hash.to_owned()), None)])),
            ("ping", basic("ping", vec![named("a", SecretHash::Argon2(hash.to_owned()), None)])),
        ]))
        .await;
        for secret in ["secret", hash] {
            if !secret.is_empty() {
                assert!(matches!(house.ask(secret).await, Err(AuthError::UnknownToken)), "{hash}");
            }
            assert!(
                matches!(house.with(&login("ping", secret)).await, Err(AuthError::WrongPassword)),
                "{hash}"
            );
        }
    }
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_is_refused_at_once_and_keeps_nobody_out_who_was_in() {
    let house = house(realm_with(vec![("okta", tokens(vec![named("a", dear("good"), None)]))])).await;
    house.ask("good").await.unwrap();
    let flood = async {
        let wrong = (0..200).map(|number| {
            let house = &house;
            async move { house.ask(&format!("wrong-{number}")).await }
        });
        (futures_util::future::join_all(wrong).await, Instant::now())
    };
    let good = async {
        tokio::task::yield_now().await;
        for _ in 0..100 {
            house.ask("good").await.unwrap();
        }
        Instant::now()
    };
    let ((answers, over), done) = tokio::join!(flood, good);
    let busy = answers.iter().filter(|answer| matches!(answer, Err(AuthError::Busy))).count();
    let unknown = answers.iter().filter(|answer| matches!(answer, Err(AuthError::UnknownToken))).count();
    assert_eq!((busy, unknown), (192, 8));
    assert!(done < over, "whoever is remembered waits for no hash of others");
    // And it is over when it is over.
    assert!(matches!(house.ask("wrong-again").await, Err(AuthError::UnknownToken)));
}

#[tokio::test]
async fn a_flood_at_one_tenant_keeps_no_other_waiting() {
    let tenant = || realm_with(vec![("okta", tokens(vec![named("a", dear("good"), None)]))]);
    let (flooded, other) = (house(tenant()).await, house(tenant()).await);
    let (flooded, other) = (&flooded, &other);
    let ended = Mutex::new(Vec::new());
    let ended = &ended;
    let flood = (0..8).map(|number| async move {
        let answer = flooded.ask(&format!("wrong-{number}")).await;
        ended.lock().unwrap().push("flood");
        assert!(matches!(answer, Err(AuthError::UnknownToken)), "{answer:?}");
    });
    let first = async {
        // All of the flood stand in the line before.
        tokio::task::yield_now().await;
        other.ask("good").await.unwrap();
        ended.lock().unwrap().push("other");
    };
    tokio::join!(futures_util::future::join_all(flood), first);
    let ended = ended.lock().unwrap();
    let before = ended.iter().position(|who| *who == "other").unwrap();
    // Those that had begun, those whose turn came first, and what ended beside.
    assert!(before < 7, "{ended:?}");
}

#[tokio::test]
async fn many_who_bring_the_same_token_wait_for_one_hash() {
    let house = house(realm_with(vec![("okta", tokens(vec![named("a", dear("good"), None)]))])).await;
    let alone = {
        let began = Instant::now();
        house.ask("wrong").await.unwrap_err();
        began.elapsed()
    };
    let began = Instant::now();
    let all = futures_util::future::join_all((0..50).map(|_| house.ask("good"))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let together = began.elapsed();
    assert!(together < alone * 10, "{together:?} for fifty, {alone:?} for one");
}

#[tokio::test]
async fn whoever_hangs_up_leaves_no_place_taken() {
    let house = house(realm_with(vec![("okta", tokens(vec![named("a", dear("good"), None)]))])).await;
    for number in 0..20 {
        let token = format!("wrong-{number}");
        let hasty = tokio::time::timeout(Duration::from_millis(1), house.ask(&token));
        assert!(!matches!(hasty.await, Ok(Err(AuthError::Busy))), "{number}");
    }
    house.ask("good").await.unwrap();
}
