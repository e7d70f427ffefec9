//! The end of the stack: from a command to the engine, or to discovery.

use http::{Response, StatusCode};
use serde_json::Value;
use tower::BoxError;

use crate::engine::{Engine, Outcome};
use crate::scim::list::{ListQuery, list_response, parameter};
use crate::scim::{Code, Error, Projection, ResourceType, discovery};

use super::failure::Failure;
use super::intake::{Command, ScimRequest};
use super::respond::{self, Body};
use super::route::Operation;

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
    let projection = || Projection::read(engine.user(), &parameters);
    let outcome = match command {
        Command::ListUsers => {
            let query = ListQuery::read(engine.user(), &parameters, engine.settings().sizes)?;
            engine.list(&context, &query).await?
        }
        Command::CreateUser(body) => engine.create(&context, &body, &projection()?).await?,
        Command::GetUser(id) => engine.get(&context, &id, &conditions, &projection()?).await?,
        Command::ReplaceUser(id, body) => {
            engine.replace(&context, &id, &body, &conditions, &projection()?).await?
        }
        Command::PatchUser(id, body) => {
            engine.patch(&context, &id, &body, &conditions, &projection()?).await?
        }
        Command::DeleteUser(id) => engine.delete(&context, &id, &conditions).await?,
        Command::Plain(operation) => return plain(&operation, engine, &parameters),
    };
    if let Outcome::Created { whole, .. } = &outcome {
        record.resource(whole.get("id").and_then(Value::as_str).unwrap_or_default());
    }
    Ok(respond::outcome(&outcome))
}

/// What needs no directory.
fn plain(
    operation: &Operation,
    engine: &Engine,
    parameters: &[(String, String)],
) -> Result<Response<Body>, Error> {
    let served: &[&ResourceType] = &[engine.user()];
    let base = engine.settings().base.as_str();
    let body = match operation {
        Operation::ListGroups => {
            // No group is managed yet, so any list of them is empty.
            let start = parameter(parameters, "startIndex").and_then(|start| start.parse::<usize>().ok());
            Some(list_response(Vec::new(), 0, start.unwrap_or(1).max(1)))
        }
        Operation::NotServed(what) => {
            return Err(Error::new(501, Code::NotImplemented, *what));
        }
        _ if parameter(parameters, "filter").is_some() => {
            // RFC 7644 section 4.
            return Err(Error::new(403, Code::BadQuery, "Discovery can't be filtered"));
        }
        Operation::ServiceProviderConfig => {
            Some(discovery::service_provider_config(base, engine.settings().sizes))
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
