//! What a refused caller learns of the tenants that are served: nothing.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::issuer::{Issuer, Key};
use super::{argon2, sha256};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway};
use crate::scim::Scim;

pub async fn of_organizations() {
    let key = Key::new("k");
    let issuer = Issuer::start(&[&key]).await;
    let realm = admin().await.create_realm("auth").await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let contoso =
        json!({ "name": "contoso", "alias": "contoso", "domains": [{ "name": "contoso.example.com" }] });
    realm.post("/organizations", &contoso).await;
    let own = format!("realms.{}.callers", realm.name());
    let contoso = format!("realms.{}.organizations.contoso.callers", realm.name());
    let external = format!("auth = \"external\"\nissuer = \"{}\"\naudiences = [\"scim\"]", issuer.name());
    let callers = format!(
        "[{contoso}.over]\nauth = \"token\"\n\
         [{contoso}.over.tokens.a]\nsha256 = \"{}\"\nexpires = 2020-01-01T00:00:00Z\n\
         [{contoso}.legacy]\nauth = \"basic\"\nuser = \"legacy\"\nargon2 = [\"{}\"]\n\
         [{contoso}.workforce]\nauth = \"keycloak\"\nclients = [\"workforce\"]\n\
         [{contoso}.auth0]\n{external}\nclients = [\"k9\"]\n\
         [{own}.auth0]\n{external}\nclients = [\"k10\"]\n",
        sha256("over-token"),
        argon2("password"),
    );
    let prepared = Gateway::setup_with(&realm, Auth::Token, &["--organization", "contoso"]).await;
    let prepared = prepared.append(&callers);
    // A client of the realm that is no caller: any of them gets a good token of the realm.
    let client = json!({
        "clientId": "stranger", "secret": "of-the-test", "serviceAccountsEnabled": true, "standardFlowEnabled": false,
    });
    realm.post("/clients", &client).await;
    let form =
        [("client_id", "stranger"), ("client_secret", "of-the-test"), ("grant_type", "client_credentials")];
    let own = realm.admin().tokens(realm.name(), &form).await.unwrap().access_token;
    let foreign = |name: &str, value: Value| {
        let mut claims = issuer.claims();
        claims[name] = value;
        format!("Bearer {}", key.token(&claims))
    };
    let basic = format!("Basic {}", BASE64_STANDARD.encode("legacy:wrong"));
    let refused = [
        ("a client that is no caller", format!("Bearer {own}")),
        ("another issuer's client", foreign("azp", json!("k11"))),
        ("another audience", foreign("aud", json!("other"))),
        ("over", foreign("exp", json!(1))),
        ("a person's", foreign("sid", json!("a"))),
        ("an unknown token", "Bearer wrong".to_owned()),
        ("a wrong password", basic),
        ("an expired token", "Bearer over-token".to_owned()),
        ("another scheme", "Digest a".to_owned()),
    ];
    let gateway = prepared.serve().await;
    let base = gateway.base_url().trim_end_matches("/organizations/contoso");
    let root = base.replace(realm.name(), "not-served");
    let ask = async |base: &str, credentials: &str| {
        let client = Scim::anonymous(base).with_header("authorization", credentials);
        let answer = client.get("/Users?count=1").await;
        let mut headers = answer.headers.clone();
        for own in ["date", "x-request-id"] {
            headers.remove(own);
        }
        (answer.status, headers, answer.body)
    };
    for (what, credentials) in &refused {
        let unknown = ask(&format!("{base}/organizations/fabrikam"), credentials).await;
        assert_eq!(unknown.0, 401, "{what}");
        assert_eq!(ask(&format!("{base}/organizations/contoso"), credentials).await, unknown, "{what}");
        // Nor is a realm that is not served told from one that is.
        assert_eq!(ask(base, credentials).await, unknown, "{what}");
        assert_eq!(ask(&root, credentials).await, unknown, "{what}");
    }
    // The log says it all.
    let log = gateway.log();
    for reason in [
        "its client \\\"stranger\\\" is not that of a caller",
        "its client \\\"k11\\\" is not that of a caller",
        "its audience (aud) is none of the configured ones",
        "it has expired",
        "it belongs to a session (sid)",
        "the secret named a of the caller over has expired",
    ] {
        assert!(log.contains(reason), "{reason}:\n{log}");
    }
}
