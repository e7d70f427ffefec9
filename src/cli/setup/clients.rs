//! The steps in Keycloak that concern clients: the gateway's own, with just the roles it needs, and
//! the identity provider's, with none.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::administrator::{Administrator, Record};
use super::{SetupArgs, SetupError};
use crate::keycloak::{ClientRepresentation, Connection, UserId};

/// What the gateway's service account may do in its realm: manage users; read roles and settings;
/// and read clients, which is how it recognises administrators, whose accounts it protects.
const GATEWAY_ROLES: [&str; 3] = ["manage-users", "view-realm", "view-clients"];

/// What it may do besides where users are linked to an identity provider: see whether there is one.
const LINK_ROLE: &str = "view-identity-providers";

/// What it may do besides where organizations are served: see them, and who is a member, and change that.
const ORGANIZATION_ROLE: &str = "manage-organizations";

/// The client that holds the roles to administer a realm other than `master`.
const REALM_MANAGEMENT: &str = "realm-management";

/// A client and its secret.
pub(super) struct Client {
    uuid: String,
    pub(super) secret: SecretString,
}

/// The gateway's own client, with the roles it needs.
pub(super) async fn ensure_gateway(
    admin: &Administrator,
    args: &SetupArgs,
    record: &mut Record,
) -> Result<Client, SetupError> {
    let client_id = args.gateway_client.as_str();
    let client = ensure(admin, client_id, "scimgate", true, record).await?;
    let account = service_account(admin, client_id, &client.uuid).await?;
    let look = "reading the roles of the client realm-management";
    let management = admin
        .told(look, admin.client.client_uuid(REALM_MANAGEMENT).await)?
        .ok_or_else(|| SetupError::Client {
            client: REALM_MANAGEMENT.to_owned(),
            reason: "the realm has no such client, or the administrator may not see it; it holds the roles that the gateway needs".to_owned(),
        })?;
    let mapped = admin.client.client_role_mappings(&account, &management);
    let mapped = admin.told(look, mapped.await)?;
    let mut missing = Vec::new();
    let for_link = args.idp.is_some().then_some(LINK_ROLE);
    let for_organization = args.organization.is_some().then_some(ORGANIZATION_ROLE);
    for name in GATEWAY_ROLES.into_iter().chain(for_link).chain(for_organization) {
        if mapped.iter().any(|role| role.name == name) {
            continue;
        }
        let role = admin.client.client_role(&management, name).await;
        let role = admin.told(look, role)?.ok_or_else(|| SetupError::Client {
            client: REALM_MANAGEMENT.to_owned(),
            reason: format!("it lacks the role {name}, which the gateway needs"),
        })?;
        missing.push(role);
    }
    if !missing.is_empty() {
        let given = admin.client.map_client_roles(&account, &management, &missing).await;
        admin.told("giving roles to the gateway's client", given)?;
        let names: Vec<&str> = missing.iter().map(|role| role.name.as_str()).collect();
        record.changed(format!(
            "client {client_id}: service account given {} of {REALM_MANAGEMENT}",
            names.join(", ")
        ));
    }
    Ok(client)
}

/// The identity provider's client, whose tokens say who it is and allow nothing.
pub(super) async fn ensure_caller(
    admin: &Administrator,
    keycloak: &Url,
    client_id: &str,
    caller: &str,
    http: &reqwest::Client,
    record: &mut Record,
) -> Result<Client, SetupError> {
    let name = format!("SCIM calls of {caller}");
    let client = ensure(admin, client_id, &name, false, record).await?;
    let account = service_account(admin, client_id, &client.uuid).await?;
    warn_of_power(admin, client_id, &account, record).await?;
    let claims = || async {
        // A connection of its own each time, so that the token is a new one.
        let connection = Connection::new(
            keycloak.clone(),
            admin.client.realm_name(),
            client_id,
            client.secret.clone(),
            http.clone(),
        );
        let client = Arc::new(connection).for_request("setup");
        client.token_claims().await.map_err(|source| SetupError::Keycloak {
            doing: "getting a token for the caller's client",
            source,
        })
    };
    let mut found = claims().await?;
    if !names_client(&found, client_id) {
        // A realm from before Keycloak 25 may lack the client scope that brings the claim.
        let added = admin.client.add_protocol_mapper(&client.uuid, &client_id_mapper()).await;
        admin.told("adding the claim client_id to the caller's tokens", added)?;
        record.changed(format!("client {client_id}: protocol mapper for the claim client_id added"));
        found = claims().await?;
    }
    let reason = if !names_client(&found, client_id) {
        "its tokens don't carry the claim client_id, by which the gateway knows it. Look at its protocol mappers and client scopes"
    } else if found.contains_key("sid") {
        "its tokens carry a session (sid), as people's do, and the gateway refuses those. Turn off \"Use refresh tokens for client credentials grant\" in its advanced settings"
    } else {
        return Ok(client);
    };
    Err(SetupError::Client { client: client_id.to_owned(), reason: reason.to_owned() })
}

/// A confidential client for machines only. One that people sign in with is never changed.
async fn ensure(
    admin: &Administrator,
    client_id: &str,
    name: &str,
    full_scope: bool,
    record: &mut Record,
) -> Result<Client, SetupError> {
    let look = "reading the realm's clients";
    let uuid = match admin.told(look, admin.client.find_client(client_id).await)? {
        None => {
            let made = admin.client.create_client(&representation(client_id, name, full_scope)).await;
            record.changed(format!("client {client_id} created"));
            admin.told("creating a client", made)?
        }
        Some(found) => {
            refuse_other_use(&found)?;
            if !found.enabled || !found.service_accounts_enabled {
                let changes = json!({"clientId": client_id, "enabled": true, "serviceAccountsEnabled": true});
                let changed = admin.client.update_client(&found.id, &changes).await;
                admin.told("changing a client", changed)?;
                record.changed(format!("client {client_id}: service account enabled"));
            }
            found.id
        }
    };
    let secret = admin.client.client_secret(&uuid).await;
    let secret = admin.told("reading a client's secret", secret)?;
    Ok(Client { uuid, secret })
}

fn representation(client_id: &str, name: &str, full_scope: bool) -> Value {
    json!({
        "clientId": client_id,
        "name": name,
        "protocol": "openid-connect",
        "enabled": true,
        "publicClient": false,
        "clientAuthenticatorType": "client-secret",
        "serviceAccountsEnabled": true,
        "standardFlowEnabled": false,
        "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false,
        "fullScopeAllowed": full_scope,
        "redirectUris": [],
        "webOrigins": [],
    })
}

/// Refuses a client that serves another purpose.
fn refuse_other_use(client: &ClientRepresentation) -> Result<(), SetupError> {
    let authentication = client.client_authenticator_type.as_deref().unwrap_or("client-secret");
    let use_of_it = if client.protocol.as_deref().is_some_and(|protocol| protocol != "openid-connect") {
        "it is no OpenID Connect client"
    } else if client.public_client {
        "it is public, without a secret (Client authentication is off)"
    } else if client.bearer_only {
        "it is bearer-only and gets no tokens"
    } else if client.standard_flow_enabled
        || client.implicit_flow_enabled
        || client.direct_access_grants_enabled
    {
        "people can sign in with it (standard flow, implicit flow or direct access grants are on)"
    } else if authentication != "client-secret" {
        "it authenticates by other means than a client secret"
    } else {
        return Ok(());
    };
    Err(SetupError::Client {
        client: client.client_id.clone(),
        reason: format!(
            "it exists already, and {use_of_it}. Choose another id (--gateway-client or --caller-client), or change it if nothing else uses it"
        ),
    })
}

async fn service_account(admin: &Administrator, client_id: &str, uuid: &str) -> Result<UserId, SetupError> {
    let account = admin.client.service_account_user(uuid).await;
    admin.told("reading a client's service account", account)?.id.ok_or_else(|| SetupError::Client {
        client: client_id.to_owned(),
        reason: "its service account has no id that can be used".to_owned(),
    })
}

/// Whoever holds the identity provider's secret has what the client may do, past the gateway.
async fn warn_of_power(
    admin: &Administrator,
    client_id: &str,
    account: &UserId,
    record: &mut Record,
) -> Result<(), SetupError> {
    let look = "reading the roles of the caller's client";
    let management = admin.told(look, admin.client.client_uuid(REALM_MANAGEMENT).await)?;
    let Some(management) = management else {
        return Ok(());
    };
    let roles = admin.client.effective_client_roles(account, &management);
    let roles = admin.told(look, roles.await)?;
    if !roles.is_empty() {
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        record.warn(format!(
            "the client {client_id} may administer the realm ({}), past the gateway: take these roles of {REALM_MANAGEMENT} from its service account",
            names.join(", ")
        ));
    }
    Ok(())
}

fn names_client(claims: &serde_json::Map<String, Value>, client_id: &str) -> bool {
    claims.get("client_id").and_then(Value::as_str) == Some(client_id)
}

/// The mapper that Keycloak's own client scope `service_account` has.
fn client_id_mapper() -> Value {
    json!({
        "name": "Client ID",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usersessionmodel-note-mapper",
        "config": {
            "user.session.note": "client_id",
            "claim.name": "client_id",
            "jsonType.label": "String",
            "access.token.claim": "true",
            "introspection.token.claim": "true",
            "lightweight.claim": "true",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(changes: &Value) -> ClientRepresentation {
        let mut made = representation("scimgate", "scimgate", true);
        for (key, value) in changes.as_object().unwrap() {
            made[key] = value.clone();
        }
        serde_json::from_value(made).unwrap()
    }

    #[test]
    fn takes_a_client_of_its_own_making() {
        assert!(refuse_other_use(&client(&json!({}))).is_ok());
        assert!(refuse_other_use(&client(&json!({"enabled": false}))).is_ok());
    }

    #[test]
    fn never_takes_over_a_client_that_serves_another_purpose() {
        for changes in [
            json!({"publicClient": true}),
            json!({"bearerOnly": true}),
            json!({"standardFlowEnabled": true}),
            json!({"implicitFlowEnabled": true}),
            json!({"directAccessGrantsEnabled": true}),
            json!({"protocol": "saml"}),
            json!({"clientAuthenticatorType": "client-jwt"}),
        ] {
            let error = refuse_other_use(&client(&changes)).unwrap_err();
            assert!(error.to_string().contains("exists already"), "{changes}");
        }
    }
}
