//! The end of the stack: from a command to the engine, or to discovery.

use http::{Response, StatusCode};
use serde_json::Value;
use tower::BoxError;

use crate::auth::{Authenticator, Proof};
use crate::engine::Outcome;
use crate::scim::discovery::{self, AuthenticationScheme};
use crate::scim::list::{ListQuery, parameter};
use crate::scim::{Code, Error, Projection, ResourceType};

use super::failure::Failure;
use super::intake::{Command, ScimRequest};
use super::respond::{self, Body};
use super::route::Collection::{Groups, Users};
use super::route::Operation;
use super::tenants::Tenant;

/// Carries out a command.
///
/// # Errors
/// [`Failure`], with the SCIM error.
pub async fn handle(request: ScimRequest) -> Result<Response<Body>, BoxError> {
    Ok(answer(request).await.map_err(Failure::from)?)
}

async fn answer(request: ScimRequest) -> Result<Response<Body>, Error> {
    let ScimRequest { tenant, context, command, parameters, conditions, record } = request;
    let engine = &tenant.engine;
    let of_user = || Projection::read(engine.user(), &parameters);
    let of_group = || Projection::read(engine.group(), &parameters);
    let sizes = engine.settings().sizes;
    let outcome = match command {
        Command::List(Users) => {
            engine.list(&context, &ListQuery::read(engine.user(), &parameters, sizes)?).await?
        }
        Command::Create(Users, body) => engine.create(&context, &body, &of_user()?).await?,
        Command::Get(Users, id) => engine.get(&context, &id, &conditions, &of_user()?).await?,
        Command::Replace(Users, id, body) => {
            engine.replace(&context, &id, &body, &conditions, &of_user()?).await?
        }
        Command::Patch(Users, id, body) => {
            engine.patch(&context, &id, &body, &conditions, &of_user()?).await?
        }
        Command::Delete(Users, id) => engine.delete(&context, &id, &conditions).await?,
        Command::List(Groups) => {
            engine.list_groups(&context, &ListQuery::read(engine.group(), &parameters, sizes)?).await?
        }
        Command::Create(Groups, body) => engine.create_group(&context, &body, &of_group()?).await?,
        Command::Get(Groups, id) => engine.get_group(&context, &id, &conditions, &of_group()?).await?,
        Command::Replace(Groups, id, body) => {
            engine.replace_group(&context, &id, &body, &conditions, &of_group()?).await?
        }
        Command::Patch(Groups, id, body) => {
            engine.patch_group(&context, &id, &body, &conditions, &of_group()?).await?
        }
        Command::Delete(Groups, id) => engine.delete_group(&context, &id, &conditions).await?,
        Command::Plain(operation) => return plain(&operation, &tenant, &parameters),
    };
    if let Outcome::Created { whole, .. } = &outcome {
        record.resource(whole.get("id").and_then(Value::as_str).unwrap_or_default());
    }
    Ok(respond::outcome(&outcome))
}

/// What needs no directory.
fn plain(
    operation: &Operation,
    tenant: &Tenant,
    parameters: &[(String, String)],
) -> Result<Response<Body>, Error> {
    let engine = &tenant.engine;
    let served: &[&ResourceType] = &[engine.user(), engine.group()];
    let base = engine.settings().base.as_str();
    let body = match operation {
        Operation::NotServed(what) => {
            return Err(Error::new(501, Code::NotImplemented, *what));
        }
        _ if parameter(parameters, "filter").is_some() => {
            // RFC 7644 section 4.
            return Err(Error::new(403, Code::BadQuery, "Discovery can't be filtered"));
        }
        Operation::ServiceProviderConfig => {
            let schemes = schemes(&tenant.authenticator);
            Some(discovery::service_provider_config(base, engine.settings().sizes, &schemes))
        }
        Operation::ResourceTypes => Some(discovery::resource_types(served, base)),
        Operation::ResourceType(id) => discovery::resource_type(served, id, base),
        Operation::Schemas => Some(discovery::schemas(served, base)),
        Operation::Schema(urn) => discovery::schema(served, urn, base),
        // The body layer made commands of all others.
        _ => None,
    };
    match body {
        Some(body) => Ok(respond::message(StatusCode::OK, &body)),
        None => Err(Error::new(404, Code::NotFound, "No such schema or resource type is served")),
    }
}

/// What callers of the tenant may authenticate by.
fn schemes(authenticator: &Authenticator) -> Vec<AuthenticationScheme> {
    let proofs = authenticator.proofs();
    let bearer = |proof: &Proof| match proof {
        Proof::StaticToken => Some("a static token"),
        Proof::RealmToken => Some("an access token that the realm issued by client credentials"),
        Proof::IssuerToken => Some("an access token of another issuer that the gateway is configured with"),
        Proof::Password => None,
    };
    let bearer: Vec<&'static str> = proofs.iter().filter_map(bearer).collect();
    let bearer = (!bearer.is_empty()).then_some(AuthenticationScheme::Bearer(bearer));
    let basic = proofs.contains(&Proof::Password).then_some(AuthenticationScheme::Basic);
    bearer.into_iter().chain(basic).collect()
}
