//! Tokens of other issuers: every claim, every key, discovery, and several issuers side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{AuthError, JwksError, JwtError};
use super::{House, NOW, Pair, Server, claims, realm_with};
use crate::config::{self, CallerAuth, External, KeySource, RealmTokens};

const ISSUER: &str = "https://login.example.com/";
const OTHER: &str = "https://other.example.com";
const AUDIENCE: &str = "https://scim.contoso.com";

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn external(issuer: &str, keys: KeySource) -> External {
    External {
        issuer: issuer.to_owned(),
        audiences: set(&[AUDIENCE, "api://scim"]),
        keys,
        clients: BTreeSet::new(),
        required_claims: BTreeMap::new(),
        clock_skew: Duration::from_secs(30),
        ca_file: None,
        proxy: None,
    }
}

fn tenant(parties: Vec<(&str, External)>) -> config::Realm {
    let callers = parties.into_iter().map(|(name, takes)| (name, CallerAuth::External(Box::new(takes))));
    realm_with(callers.collect())
}

/// One caller of an issuer whose keys these are.
async fn house(keys: &[Value], change: impl FnOnce(&mut External)) -> House {
    House::of(keys, |server| {
        let mut takes = external(ISSUER, KeySource::Jwks(server.url("/jwks")));
        change(&mut takes);
        tenant(vec![("auth0", takes)])
    })
    .await
}

/// What an issuer writes for a client's own credentials.
fn foreign() -> Value {
    json!({
        "iss": ISSUER, "sub": "k9@clients", "aud": AUDIENCE, "iat": NOW, "nbf": NOW, "exp": NOW + 86_400,
        "azp": "k9", "gty": "client-credentials", "tid": "55fe48ac",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = foreign();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = foreign();
    claims.as_object_mut().unwrap().shift_remove(name);
    claims
}

fn es256() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k"})
}

#[track_caller]
fn refused(answer: Result<String, AuthError>) -> JwtError {
    match answer {
        Err(AuthError::Jwt(error)) => error,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_token_is_taken_only_if_each_of_its_claims_is_right() {
    let pair = Pair::p256();
    let house = house(&[pair.jwk("k", "ES256")], |_| {}).await;
    for good in [
        foreign(),
        with("aud", json!(["a", "api://scim"])),
        // The clocks may differ by half a minute, either way.
        with("exp", json!(NOW - 29)),
        with("nbf", json!(NOW + 30)),
        with("iat", json!(NOW + 30)),
        with("exp", json!(NOW as f64 + 300.5)),
        without("nbf"),
        without("iat"),
        without("azp"),
        with("typ", json!("Bearer")),
    ] {
        assert_eq!(house.ask(&pair.token(&es256(), &good)).await.unwrap(), "auth0", "{good}");
    }
    for (bad, reason) in [
        (with("exp", json!(NOW - 30)), JwtError::Expired),
        (with("exp", json!(0)), JwtError::Expired),
        (without("exp"), JwtError::Claims),
        (with("exp", json!("2040")), JwtError::Claims),
        (with("exp", json!(-1)), JwtError::Claims),
        (with("exp", json!(-0.5)), JwtError::Claims),
        (with("exp", Value::Null), JwtError::Claims),
        (with("exp", json!([NOW + 300])), JwtError::Claims),
        (with("nbf", json!(NOW + 31)), JwtError::NotYetValid),
        (with("iat", json!(NOW + 31)), JwtError::NotYetValid),
        (with("iat", json!({})), JwtError::Claims),
        (without("aud"), JwtError::Audience),
        (with("aud", json!("https://scim.contoso.com/")), JwtError::Audience),
        (with("aud", json!(["a", [AUDIENCE]])), JwtError::Audience),
        (with("aud", json!({"a": AUDIENCE})), JwtError::Audience),
        (with("cnf", json!({"jkt": "a"})), JwtError::Bound),
        (with("cnf", Value::Null), JwtError::Bound),
        (with("sid", json!("a")), JwtError::Session),
        (with("nonce", json!("n-0S6_WzA2Mj")), JwtError::IdToken("nonce")),
        (with("nonce", Value::Null), JwtError::IdToken("nonce")),
        (with("at_hash", json!("MTIzNDU2Nzg5")), JwtError::IdToken("at_hash")),
        (with("c_hash", json!("LDktKdoQak3P")), JwtError::IdToken("c_hash")),
        (with("typ", json!("ID")), JwtError::Type),
        (with("typ", json!("Refresh")), JwtError::Type),
        // Nobody whom the configuration names.
        (with("iss", json!("https://login.example.com")), JwtError::UnknownIssuer),
        (with("iss", json!("https://evil.example/")), JwtError::UnknownIssuer),
        (with("iss", json!([ISSUER])), JwtError::UnknownIssuer),
        (without("iss"), JwtError::UnknownIssuer),
        (json!([]), JwtError::UnknownIssuer),
    ] {
        assert_eq!(refused(house.ask(&pair.token(&es256(), &bad)).await), reason, "{bad}");
    }
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn clients_are_told_by_each_claim_that_names_one() {
    let pair = Pair::p256();
    let house = house(&[pair.jwk("k", "ES256")], |takes| takes.clients = set(&["k9", "k10"])).await;
    let ask = async |claims: &Value| house.ask(&pair.token(&es256(), claims)).await;
    for claim in ["azp", "appid", "client_id"] {
        let mut claims = without("azp");
        claims[claim] = json!("k10");
        assert_eq!(ask(&claims).await.unwrap(), "auth0", "{claims}");
        claims[claim] = json!("k11");
        assert_eq!(refused(ask(&claims).await), JwtError::Client("k11".to_owned()));
        claims[claim] = json!(["k9"]);
        assert_eq!(refused(ask(&claims).await), JwtError::Claims);
    }
    assert_eq!(refused(ask(&without("azp")).await), JwtError::NoClient);
    ask(&with("client_id", json!("k9"))).await.unwrap();
    // Both may call; but whose token is it?
    assert_eq!(refused(ask(&with("client_id", json!("k10"))).await), JwtError::AuthorizedParty);
}

#[tokio::test]
async fn required_claims_must_each_have_one_of_their_values() {
    let pair = Pair::p256();
    let house = house(&[pair.jwk("k", "ES256")], |takes| {
        takes.required_claims = BTreeMap::from([
            ("tid".to_owned(), set(&["55fe48ac", "9aa1"])),
            ("roles".to_owned(), set(&["SCIM.Provision", "1", "true"])),
        ]);
    })
    .await;
    let ask = async |tid: Value, roles: Value| {
        let mut claims = with("tid", tid);
        claims["roles"] = roles;
        house.ask(&pair.token(&es256(), &claims)).await
    };
    let tid = || json!("55fe48ac");
    for roles in [json!("SCIM.Provision"), json!(["a", "SCIM.Provision"]), json!(1), json!(true)] {
        assert_eq!(ask(json!("9aa1"), roles).await.unwrap(), "auth0");
    }
    for roles in
        [json!("scim.provision"), json!([]), Value::Null, json!({"SCIM.Provision": 1}), json!([["1"]])]
    {
        assert_eq!(refused(ask(tid(), roles).await), JwtError::Claim("roles".to_owned()));
    }
    assert_eq!(refused(ask(json!("other"), json!(1)).await), JwtError::Claim("tid".to_owned()));
    assert_eq!(
        refused(house.ask(&pair.token(&es256(), &foreign())).await),
        JwtError::Claim("roles".to_owned())
    );
}

#[tokio::test]
async fn a_clock_may_differ_by_a_part_of_a_second_too() {
    let pair = Pair::p256();
    let house = house(&[pair.jwk("k", "ES256")], |takes| takes.clock_skew = Duration::from_millis(900)).await;
    let at = |ahead: u64| pair.token(&es256(), &with("nbf", json!(NOW + ahead)));
    assert_eq!(house.ask(&at(1)).await.unwrap(), "auth0");
    assert_eq!(refused(house.ask(&at(2)).await), JwtError::NotYetValid);
}

#[tokio::test]
async fn a_type_is_the_same_with_and_without_application_before_it() {
    let pair = Pair::p256();
    let house = house(&[pair.jwk("k", "ES256")], |_| {}).await;
    let typed = |typ: &str| pair.token(&json!({"alg": "ES256", "typ": typ, "kid": "k"}), &foreign());
    for typ in ["JWT", "jwt", "application/jwt", "Application/JWT", "at+jwt", "application/at+jwt"] {
        assert_eq!(house.ask(&typed(typ)).await.unwrap(), "auth0", "{typ}");
    }
    for typ in
        ["", "application/", "application/application/jwt", "text/jwt", "logout+jwt", "applicatiön/jwt"]
    {
        assert_eq!(refused(house.ask(&typed(typ)).await), JwtError::HeaderType, "{typ}");
    }
}

#[tokio::test]
async fn a_token_without_key_id_is_taken_where_only_one_key_can_have_signed_it() {
    let (ec, rsa, other) = (Pair::p256(), Pair::rsa(), Pair::p256());
    let bare = |pair: &Pair, alg: &str| {
        let mut jwk = pair.jwk("", alg);
        for name in ["kid", "alg", "use"] {
            jwk.as_object_mut().unwrap().shift_remove(name);
        }
        jwk
    };
    let header = json!({"alg": "ES256"});
    let one_of_each = house(&[bare(&rsa, "RS256"), bare(&ec, "ES256")], |_| {}).await;
    assert_eq!(one_of_each.ask(&ec.token(&header, &foreign())).await.unwrap(), "auth0");
    assert_eq!(refused(one_of_each.ask(&other.token(&header, &foreign())).await), JwtError::Signature);
    // With an id it must be that key.
    assert_eq!(refused(one_of_each.ask(&ec.token(&es256(), &foreign())).await), JwtError::UnknownKey);
    // The issuer's key becomes another one, which no id tells.
    one_of_each.pass(5);
    one_of_each.server.answers(200, json!({ "keys": [bare(&other, "ES256")] }).to_string());
    assert_eq!(one_of_each.ask(&other.token(&header, &foreign())).await.unwrap(), "auth0");
    let fetches = one_of_each.server.requests();
    for _ in 0..10 {
        assert_eq!(refused(one_of_each.ask(&ec.token(&header, &foreign())).await), JwtError::Signature);
    }
    assert_eq!(one_of_each.server.requests(), fetches, "forged tokens fetch no more often than others");
    let two_of_a_kind = house(&[bare(&ec, "ES256"), other.jwk("k", "ES256")], |_| {}).await;
    assert_eq!(refused(two_of_a_kind.ask(&ec.token(&header, &foreign())).await), JwtError::NoKeyId);
}

#[tokio::test]
async fn keys_of_every_kind_verify_their_own_algorithms_only() {
    let pairs =
        [("RS256", Pair::rsa()), ("PS384", Pair::rsa()), ("ES384", Pair::p384()), ("EdDSA", Pair::ed25519())];
    let without_alg = |(id, pair): &(&str, Pair)| {
        let mut jwk = pair.jwk(id, id);
        jwk.as_object_mut().unwrap().shift_remove("alg");
        jwk
    };
    let jwks: Vec<Value> = pairs.iter().map(without_alg).collect();
    let house = house(&jwks, |_| {}).await;
    for (alg, pair) in &pairs {
        let header = json!({"alg": alg, "kid": alg});
        assert_eq!(house.ask(&pair.token(&header, &foreign())).await.unwrap(), "auth0", "{alg}");
        for other in ["RS256", "PS384", "ES384", "EdDSA"] {
            let same_family = *alg == other
                || [*alg, other].iter().all(|alg| alg.ends_with("S256") || alg.starts_with("PS"));
            if !same_family {
                let header = json!({"alg": alg, "kid": other});
                assert_eq!(refused(house.ask(&pair.token(&header, &foreign())).await), JwtError::KeyMismatch);
            }
        }
    }
}

#[tokio::test]
async fn an_issuer_is_chosen_by_name_and_nobody_signs_for_another() {
    let (first, second, realm) = (Pair::p256(), Pair::p256(), Pair::p256());
    let house = House::of(&[realm.jwk("k", "ES256")], |server| {
        let mut tenant = tenant(vec![
            ("first", external(ISSUER, KeySource::Jwks(server.url("/first")))),
            ("second", external(OTHER, KeySource::Jwks(server.url("/second")))),
        ]);
        let own = realm_with(vec![(
            "okta",
            CallerAuth::Keycloak(RealmTokens { clients: set(&["okta-scim"]), ..RealmTokens::default() }),
        )]);
        tenant.callers.extend(own.callers);
        tenant
    })
    .await;
    house.server.answers_at("/first", 200, json!({"keys": [first.jwk("k", "ES256")]}).to_string());
    house.server.answers_at("/second", 200, json!({"keys": [second.jwk("k", "ES256")]}).to_string());
    let of = |issuer: &str| with("iss", json!(issuer));
    // A stranger makes nobody's keys be fetched but the realm's own, as ever.
    let stranger = of("https://evil.example");
    assert_eq!(refused(house.ask(&first.token(&es256(), &stranger)).await), JwtError::Signature);
    assert_eq!(*house.server.paths.lock().unwrap(), ["/certs"]);
    for (pair, claims, caller) in
        [(&first, of(ISSUER), "first"), (&second, of(OTHER), "second"), (&realm, claims(), "okta")]
    {
        assert_eq!(house.ask(&pair.token(&es256(), &claims)).await.unwrap(), caller);
    }
    for (pair, claims) in [
        (&second, of(ISSUER)),
        (&first, of(OTHER)),
        (&realm, of(ISSUER)),
        (&first, claims()),
        (&second, claims()),
    ] {
        assert_eq!(refused(house.ask(&pair.token(&es256(), &claims)).await), JwtError::Signature, "{claims}");
    }
    // The realm's own keys under a name that is none: worth a hint, to whoever holds such a token.
    let renamed = with("iss", json!("http://localhost:8080/realms/acme"));
    assert!(matches!(refused(house.ask(&realm.token(&es256(), &renamed)).await), JwtError::Issuer(_)));
}

#[tokio::test]
async fn callers_of_one_issuer_are_told_apart_by_what_they_take() {
    let pair = Pair::p256();
    let house = House::of(&[pair.jwk("k", "ES256")], |server| {
        let takes = |client: &str| {
            let keys = KeySource::Jwks(server.url("/jwks"));
            External { clients: set(&[client]), ..external(ISSUER, keys) }
        };
        tenant(vec![("one", takes("k9")), ("two", takes("k10"))])
    })
    .await;
    for (client, caller) in [("k9", "one"), ("k10", "two")] {
        let token = pair.token(&es256(), &with("azp", json!(client)));
        assert_eq!(house.ask(&token).await.unwrap(), caller);
    }
    let stranger = pair.token(&es256(), &with("azp", json!("k11")));
    assert_eq!(refused(house.ask(&stranger).await), JwtError::Client("k11".to_owned()));
    assert_eq!(house.server.requests(), 1, "both have the same keys");
}

const DISCOVERY: &str = "/.well-known/openid-configuration";

async fn discovering(pair: &Pair, jwks_uri: impl FnOnce(&Server) -> String) -> House {
    let house = House::of(&[], |server| {
        tenant(vec![("auth0", external(ISSUER, KeySource::Discovery(server.url(DISCOVERY))))])
    })
    .await;
    house.server.answers_at("/keys", 200, json!({"keys": [pair.jwk("k", "ES256")]}).to_string());
    let document = json!({"issuer": ISSUER, "jwks_uri": jwks_uri(&house.server)});
    house.server.answers_at(DISCOVERY, 200, document.to_string());
    house
}

fn keys_at(server: &Server) -> String {
    server.url("/keys").to_string()
}

#[track_caller]
fn unavailable(answer: Result<String, AuthError>) -> JwksError {
    match answer {
        Err(AuthError::IssuerUnavailable { issuer, error }) if issuer == ISSUER => error,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn the_discovery_document_is_read_once_and_again_when_it_is_old() {
    let pair = Pair::p256();
    let house = discovering(&pair, keys_at).await;
    let token = pair.token(&es256(), &foreign());
    for _ in 0..3 {
        house.ask(&token).await.unwrap();
    }
    assert_eq!(*house.server.paths.lock().unwrap(), [DISCOVERY, "/keys"]);
    // A key id that nobody knows yet asks for the keys alone.
    house.pass(5);
    let made_up = pair.token(&json!({"alg": "ES256", "kid": "made-up"}), &foreign());
    assert_eq!(refused(house.ask(&made_up).await), JwtError::UnknownKey);
    assert_eq!(house.server.requests(), 3);
    house.pass(600);
    house.ask(&token).await.unwrap();
    assert_eq!(house.server.paths.lock().unwrap()[3..], [DISCOVERY, "/keys"]);
}

#[tokio::test]
async fn keys_that_moved_are_found_where_they_are_now() {
    let (pair, new) = (Pair::p256(), Pair::p256());
    let house = discovering(&pair, keys_at).await;
    house.ask(&pair.token(&es256(), &foreign())).await.unwrap();
    house.server.answers_at("/keys", 404, "");
    let moved = json!({"issuer": ISSUER, "jwks_uri": house.server.url("/moved")});
    house.server.answers_at(DISCOVERY, 200, moved.to_string());
    house.server.answers_at("/moved", 200, json!({"keys": [new.jwk("new", "ES256")]}).to_string());
    let token = new.token(&json!({"alg": "ES256", "kid": "new"}), &foreign());
    house.pass(5);
    assert_eq!(unavailable(house.ask(&token).await), JwksError::Status(404));
    house.pass(5);
    house.ask(&token).await.unwrap();
}

#[tokio::test]
async fn a_discovery_document_that_is_gone_costs_nothing_while_the_keys_answer() {
    let pair = Pair::p256();
    let house = discovering(&pair, keys_at).await;
    let token = pair.token(&es256(), &with("exp", json!(NOW + 1_000_000)));
    house.ask(&token).await.unwrap();
    house.server.answers_at(DISCOVERY, 503, "");
    for _ in 0..200 {
        house.pass(600);
        house.ask(&token).await.unwrap_or_else(|error| panic!("{error} at {}", house.server.requests()));
        if house.server.requests() > 200 {
            break;
        }
    }
}

#[tokio::test]
async fn a_discovery_document_that_lies_tells_nothing() {
    let pair = Pair::p256();
    let token = pair.token(&es256(), &foreign());
    let lying = async |document: Value| {
        let house = discovering(&pair, keys_at).await;
        house.server.answers_at(DISCOVERY, 200, document.to_string());
        let failure = unavailable(house.ask(&token).await);
        assert_eq!(*house.server.paths.lock().unwrap(), [DISCOVERY], "{document}");
        failure
    };
    let here = "http://127.0.0.1:9/keys";
    assert_eq!(lying(json!({"issuer": OTHER, "jwks_uri": here})).await, JwksError::OtherIssuer);
    assert_eq!(lying(json!({"issuer": ISSUER, "jwks_uri": "http://10.0.0.1/"})).await, JwksError::UnsafeKeys);
    assert_eq!(lying(json!({"issuer": ISSUER})).await, JwksError::NotDiscovery);
    // A redirect is not followed.
    let house = discovering(&pair, keys_at).await;
    house.server.answers_at(DISCOVERY, 302, "");
    assert_eq!(unavailable(house.ask(&token).await), JwksError::Status(302));
}

#[tokio::test]
async fn old_keys_serve_for_a_day_while_the_issuer_is_down_and_no_longer() {
    let pair = Pair::p256();
    for from_discovery in [false, true] {
        let house = match from_discovery {
            true => discovering(&pair, keys_at).await,
            false => house(&[pair.jwk("k", "ES256")], |_| {}).await,
        };
        let token = pair.token(&es256(), &with("exp", json!(NOW + 1_000_000)));
        house.ask(&token).await.unwrap();
        house.server.answers(503, "down");
        for path in ["/keys", DISCOVERY] {
            house.server.answers_at(path, 503, "down");
        }
        for _ in 0..23 {
            house.pass(3600);
            house.ask(&token).await.unwrap();
        }
        house.pass(3599);
        house.ask(&token).await.unwrap();
        house.pass(6);
        assert_eq!(unavailable(house.ask(&token).await), JwksError::Status(503));
    }
}
