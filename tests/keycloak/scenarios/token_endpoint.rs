//! The realm's token endpoint through the gateway: client credentials of the allowed clients, and nothing else.

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::proxy::{Point, Proxy};
use crate::runner::both;
use crate::scim::{Answer, Scim};

const FORM: &str = "application/x-www-form-urlencoded";

pub fn trials() -> Vec<Trial> {
    [
        both("token_endpoint::only_client_credentials_of_the_caller_reach_keycloak", refusals),
        both("token_endpoint::a_realm_of_static_tokens_has_none", token_mode),
        both("token_endpoint::keycloak_down_is_503", keycloak_down),
        both("token_endpoint::any_client_may_ask_where_a_caller_is_known_by_role_alone", by_role),
        both("token_endpoint::what_strangers_send_keeps_no_client_from_its_tokens", strangers),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// OAuth's error of this kind (RFC 6749, section 5.2).
#[track_caller]
fn oauth_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    assert_eq!(answer.body.as_ref().unwrap()["error"], error, "{answer}");
}

async fn refusals() {
    let realm = admin().await.create_realm("endpoint").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Keycloak).await.via(&proxy).serve().await;
    let prepared = gateway.prepared();
    let (id, secret) = (prepared.printed("client_id"), prepared.printed("client_secret"));
    let own = std::fs::read_to_string(
        prepared.directory().join(format!("{}-keycloak-client-secret", realm.name())),
    );
    let own = own.unwrap();
    let root = prepared.printed("token_endpoint").trim_end_matches("/token").to_owned();
    let client = Scim::anonymous(&root);
    // The gateway's own token was fetched before it was ready.
    proxy.drain();
    let post = async |form: String| client.raw(Method::POST, "/token", Some(FORM), form).await;
    let with = |grant: &str| format!("grant_type={grant}&client_id={id}&client_secret={secret}");
    for grant in [
        "password&username=jensen&password=babs",
        "refresh_token&refresh_token=x",
        "authorization_code&code=x&redirect_uri=http%3A%2F%2Fexample.com",
        "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x",
        "",
    ] {
        oauth_error(&post(with(grant)).await, 400, "unsupported_grant_type");
    }
    oauth_error(&post(format!("client_id={id}&client_secret={secret}")).await, 400, "unsupported_grant_type");
    let credentials = with("client_credentials");
    for twice in ["grant_type=password", "client_id=scimgate", "client_secret=x"] {
        oauth_error(&post(format!("{credentials}&{twice}")).await, 400, "invalid_request");
        oauth_error(&post(format!("{twice}&{credentials}")).await, 400, "invalid_request");
    }
    // The gateway's own client, with its right secret, and one that is nobody's.
    for (other, secret) in [("scimgate", own.trim()), ("admin-cli", ""), ("nobody", "x")] {
        let form = format!("grant_type=client_credentials&client_id={other}&client_secret={secret}");
        let answer = post(form).await;
        oauth_error(&answer, 401, "invalid_client");
        assert!(answer.header("www-authenticate").is_some(), "{answer}");
    }
    let basic = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = basic
        .post(prepared.printed("token_endpoint"))
        .basic_auth("scimgate", Some(own.trim()))
        .form(&[("grant_type", "client_credentials"), ("client_id", id)])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400, "Basic and client_id name different clients");
    oauth_error(
        &client.raw(Method::POST, "/token", Some("application/json"), "{}").await,
        400,
        "invalid_request",
    );
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = client.raw(method, "/token", None, "").await;
        answer.scim_error(405, None);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for path in
        ["/token/introspect", "/auth", "/auth?client_id=x", "/certs", "/userinfo", "/logout", "/revoke"]
    {
        client.raw(Method::POST, path, Some(FORM), credentials.clone()).await.scim_error(404, None);
        client.get(path).await.scim_error(404, None);
    }
    let host = root.split("/realms/").next().unwrap().to_owned();
    let around = Scim::anonymous(&host);
    for path in [
        format!("/admin/realms/{}/users", realm.name()),
        format!("/realms/{}", realm.name()),
        format!("/realms/{}/.well-known/openid-configuration", realm.name()),
        format!("/realms/{}/protocol/openid-connect/token/../auth", realm.name()),
        format!("/realms/{}/protocol/openid-connect/token%2fintrospect", realm.name()),
        "/".to_owned(),
    ] {
        around.get(&path).await.scim_error(404, None);
        around.raw(Method::POST, &path, Some(FORM), credentials.clone()).await.scim_error(404, None);
    }
    let seen: Vec<_> = proxy.drain().iter().filter(|call| call.is_openid()).map(|call| call.line()).collect();
    assert_eq!(seen, [""; 0], "nothing of this reached Keycloak");
    // What is allowed goes through, parameters that mean nothing here do not; Keycloak's own refusal comes back.
    let answer = post(format!("{credentials}&audience=x&username=jensen")).await.expect(200);
    assert!(answer.body.unwrap()["access_token"].is_string());
    let wrong = post(format!("grant_type=client_credentials&client_id={id}&client_secret=wrong")).await;
    oauth_error(&wrong, 401, "unauthorized_client");
    let forwarded = proxy.drain();
    assert_eq!(forwarded.len(), 2);
    let sent = String::from_utf8(forwarded[0].request_body.to_vec()).unwrap();
    assert_eq!(sent, credentials);
}

async fn token_mode() {
    let realm = admin().await.create_realm("endpoint").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await.via(&proxy).serve().await;
    let secret = std::fs::read_to_string(
        gateway.prepared().directory().join(format!("{}-keycloak-client-secret", realm.name())),
    );
    let client = Scim::anonymous(&gateway.base_url().replace("/scim/v2", "/protocol/openid-connect"));
    proxy.drain();
    let form =
        format!("grant_type=client_credentials&client_id=scimgate&client_secret={}", secret.unwrap().trim());
    let answer = client.raw(Method::POST, "/token", Some(FORM), form).await;
    oauth_error(&answer, 401, "invalid_client");
    assert_eq!(proxy.count(|call| call.is_openid()), 0);
}

async fn keycloak_down() {
    let realm = admin().await.create_realm("endpoint").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Keycloak).await.via(&proxy).serve().await;
    let prepared = gateway.prepared();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        prepared.printed("client_id"),
        prepared.printed("client_secret")
    );
    proxy.on(|_, path| path.ends_with("/token")).always().drop_connection(Point::BeforeKeycloak);
    let client = Scim::anonymous(prepared.printed("token_endpoint").trim_end_matches("/token"));
    let answer = client.raw(Method::POST, "/token", Some(FORM), form.clone()).await;
    oauth_error(&answer, 503, "temporarily_unavailable");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait > 0);
    proxy.clear_rules();
    client.raw(Method::POST, "/token", Some(FORM), form).await.expect(200);
}

/// Makes a client with a secret.
async fn client(realm: &Realm, id: &str) {
    let client = json!({
        "clientId": id, "secret": "of-the-test", "serviceAccountsEnabled": true, "standardFlowEnabled": false,
    });
    realm.post("/clients", &client).await;
}

fn form(client: &str, secret: &str) -> String {
    format!("grant_type=client_credentials&client_id={client}&client_secret={secret}")
}

fn endpoint(gateway: &Gateway) -> Scim {
    Scim::anonymous(&gateway.base_url().replace("/scim/v2", "/protocol/openid-connect"))
}

async fn by_role() {
    let realm = admin().await.create_realm("endpoint").await;
    client(&realm, "with-role").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = Gateway::setup(&realm, Auth::Token).await.via(&proxy);
    let callers = format!(
        "[realms.{}.callers.by-role]\nauth = \"keycloak\"\nroles = [\"scim-access\"]\n",
        realm.name()
    );
    let gateway = prepared.append(&callers).serve().await;
    let own = gateway.prepared().directory().join(format!("{}-keycloak-client-secret", realm.name()));
    let own = std::fs::read_to_string(own).unwrap();
    let token = endpoint(&gateway);
    let post = async |form: String| token.raw(Method::POST, "/token", Some(FORM), form).await;
    proxy.drain();
    let answer = post(form("with-role", "of-the-test")).await.expect(200);
    assert!(answer.body.unwrap()["access_token"].is_string());
    // Keycloak's own refusal comes back.
    let wrong = post(form("with-role", "wrong")).await;
    oauth_error(&wrong, 401, "unauthorized_client");
    assert_eq!(proxy.drain().iter().filter(|call| call.is_openid()).count(), 2);
    // Still no other grant, and not the gateway's own client.
    for grant in ["password&username=jensen&password=babs", "refresh_token&refresh_token=x"] {
        let form = format!("grant_type={grant}&client_id=with-role&client_secret=of-the-test");
        oauth_error(&post(form).await, 400, "unsupported_grant_type");
    }
    oauth_error(&post(form("scimgate", own.trim())).await, 401, "invalid_client");
    oauth_error(&post(form("Scimgate", own.trim())).await, 401, "invalid_client");
    assert_eq!(proxy.drain().iter().filter(|call| call.is_openid()).count(), 0);
}

async fn strangers() {
    let realm = admin().await.create_realm("endpoint").await;
    let prepared = Gateway::setup(&realm, Auth::Keycloak).await;
    client(&realm, "other").await;
    let callers =
        format!("[realms.{}.callers.other]\nauth = \"keycloak\"\nclients = [\"other\"]\n", realm.name());
    let gateway = prepared.append(&callers).set(&["server", "rate_limit"], "3/h").serve().await;
    let (id, secret) = (gateway.prepared().printed("client_id"), gateway.prepared().printed("client_secret"));
    let token = endpoint(&gateway);
    let post = async |form: String| token.raw(Method::POST, "/token", Some(FORM), form).await;
    let elsewhere = Scim::anonymous(
        &gateway
            .base_url()
            .replace(realm.name(), "not-served")
            .replace("/scim/v2", "/protocol/openid-connect"),
    );
    for number in 0..10 {
        oauth_error(&post(String::new()).await, 400, "unsupported_grant_type");
        oauth_error(&post(form(&format!("nobody-{number}"), "x")).await, 401, "invalid_client");
        elsewhere.raw(Method::POST, "/token", Some(FORM), form(id, secret)).await.expect(401);
    }
    // Whoever names a client uses up what that one may send, and no other's.
    for _ in 0..3 {
        post(form("other", "wrong")).await.expect(401);
    }
    let answer = post(form("other", "of-the-test")).await;
    oauth_error(&answer, 429, "temporarily_unavailable");
    let wait: u64 = answer.header("retry-after").unwrap().parse().expect("whole seconds");
    assert!((1..=1200).contains(&wait), "{answer}");
    for _ in 0..3 {
        post(form(id, secret)).await.expect(200);
    }
    oauth_error(&post(form(id, secret)).await, 429, "temporarily_unavailable");
}
