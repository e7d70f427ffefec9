//! A real Keycloak as issuer: another realm, by discovery and by the URL of its keys, and the realm itself where callers
//! want more than a client.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{prepared, refused, with};
use crate::admin::{Realm, admin};
use crate::runner::trial;
use crate::scenarios::stage::user;

pub fn trials() -> Vec<Trial> {
    vec![
        trial("auth::another_realm_is_the_issuer", another_realm),
        trial("auth::tokens_of_the_realm_need_their_roles_scopes_and_audiences", roles_and_scopes),
    ]
}

/// A confidential client whose tokens are for this audience.
async fn client(realm: &Realm, id: &str, audience: &str) {
    let mapper = json!({
        "name": "for scim", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.custom.audience": audience, "access.token.claim": "true", "id.token.claim": "true" },
    });
    let client = json!({
        "clientId": id, "secret": "of-the-test", "serviceAccountsEnabled": true, "standardFlowEnabled": false,
        "directAccessGrantsEnabled": true, "protocolMappers": [mapper],
    });
    realm.post("/clients", &client).await;
}

async fn tokens(realm: &Realm, client: &str, more: &[(&str, &str)]) -> crate::admin::Tokens {
    let mut form = vec![("client_id", client), ("client_secret", "of-the-test")];
    form.extend(if more.is_empty() { &[("grant_type", "client_credentials")] } else { more });
    realm.admin().tokens(realm.name(), &form).await.unwrap_or_else(|refused| panic!("{refused:?}"))
}

async fn another_realm() {
    let foreign = admin().await.create_realm("foreign").await;
    for (id, audience) in [
        ("by-discovery", "scim-discovery"),
        ("by-keys", "scim-keys"),
        ("stranger", "scim-keys"),
        ("other", "x"),
    ] {
        client(&foreign, id, audience).await;
    }
    let issuer = foreign.issuer();
    let (own, prepared) = prepared(|table| {
        format!(
            "[{table}.discovery]\nauth = \"external\"\nissuer = \"{issuer}\"\naudiences = [\"scim-discovery\"]\n\
             [{table}.keys]\nauth = \"external\"\nissuer = \"{issuer}\"\naudiences = [\"scim-keys\"]\n\
             clients = [\"by-keys\"]\njwks_uri = \"{issuer}/protocol/openid-connect/certs\"\n"
        )
    })
    .await;
    let gateway = prepared.serve().await;
    for (id, caller) in [("by-discovery", "discovery"), ("by-keys", "keys")] {
        let token = tokens(&foreign, id, &[]).await.access_token;
        let scim = with(&gateway, &format!("Bearer {token}"));
        let created = scim.post("/Users", &user(&format!("{id}-jensen"), json!({}))).await.expect(201).id();
        scim.delete(&format!("/Users/{created}")).await.expect(204);
        assert!(gateway.log().contains(&format!("caller=\"{caller}\"")), "{}", gateway.log());
        assert!(!gateway.log().contains(&token));
    }

    // A person of that realm who signs in with the very same client.
    let person: Value = json!({
        "username": "jensen", "email": "jensen@contoso.com", "firstName": "Babs", "lastName": "Jensen", "enabled": true,
    });
    let person = foreign.create_user(&person).await;
    foreign.set_password(&person, "babs-jensen").await;
    let login = [
        ("grant_type", "password"),
        ("username", "jensen"),
        ("password", "babs-jensen"),
        ("scope", "openid"),
    ];
    let persons = tokens(&foreign, "by-keys", &login).await;
    // The same client's name and audience, in the realm that is served.
    client(&own, "by-keys", "scim-keys").await;
    for (whose, token) in [
        ("a person's access token", persons.access_token),
        ("a person's ID token", persons.id_token.unwrap()),
        ("a person's refresh token", persons.refresh_token.unwrap()),
        ("another client's token", tokens(&foreign, "stranger", &[]).await.access_token),
        ("a token for another audience", tokens(&foreign, "other", &[]).await.access_token),
        ("a token of the realm itself", tokens(&own, "by-keys", &[]).await.access_token),
    ] {
        let answer = with(&gateway, &format!("Bearer {token}")).get("/Users?count=1").await;
        assert_eq!(answer.status, 401, "{whose}: {answer}");
        refused(&answer, 401, Code::Unauthenticated);
    }
}

async fn roles_and_scopes() {
    let (realm, prepared) = prepared(|table| {
        format!(
            "[{table}.by-role]\nauth = \"keycloak\"\nroles = [\"scim-access\"]\n\
             [{table}.scoped]\nauth = \"keycloak\"\nclients = [\"scoped\", \"unscoped\"]\nscopes = [\"scim\"]\n\
             [{table}.aimed]\nauth = \"keycloak\"\nclients = [\"aimed\", \"astray\"]\naudiences = [\"scim-aimed\"]\n"
        )
    })
    .await;
    let gateway = prepared.serve().await;
    realm.create_role("scim-access").await;
    for id in ["with-role", "without-role", "scoped", "unscoped", "aimed", "astray"] {
        client(&realm, id, &format!("scim-{id}")).await;
    }
    for id in ["with-role", "scimgate"] {
        let client = realm.client_uuid(id).await;
        let account = realm.get(&format!("/clients/{client}/service-account-user")).await;
        realm.map_role(account["id"].as_str().unwrap(), "scim-access").await;
    }
    let own = gateway.prepared().directory().join(format!("{}-keycloak-client-secret", realm.name()));
    let own = std::fs::read_to_string(own).unwrap();
    let scope = json!({
        "name": "scim", "protocol": "openid-connect", "attributes": { "include.in.token.scope": "true" },
    });
    let scope = realm.post("/client-scopes", &scope).await;
    let scoped = realm.client_uuid("scoped").await;
    realm.put(&format!("/clients/{scoped}/default-client-scopes/{scope}"), &json!({})).await;
    for (id, caller) in [
        ("with-role", Some("by-role")),
        ("without-role", None),
        ("scoped", Some("scoped")),
        ("unscoped", None),
        ("aimed", Some("aimed")),
        ("astray", None),
        ("scimgate", None),
    ] {
        let form = [("client_id", id), ("client_secret", own.trim()), ("grant_type", "client_credentials")];
        let token = match id {
            // The gateway's own client has the role too.
            "scimgate" => realm.admin().tokens(realm.name(), &form).await.unwrap().access_token,
            _ => tokens(&realm, id, &[]).await.access_token,
        };
        let client = with(&gateway, &format!("Bearer {token}")).with_header("x-request-id", id);
        let answer = client.get("/Users?count=1").await;
        match caller {
            Some(caller) => {
                answer.expect(200);
                let line = format!("request_id=\"{id}\" caller=\"{caller}\"");
                assert!(gateway.log().contains(&line), "{id}:\n{}", gateway.log());
            }
            None => {
                assert_eq!(answer.status, 401, "{id}: {answer}");
                refused(&answer, 401, Code::Unauthenticated);
            }
        }
    }
}
