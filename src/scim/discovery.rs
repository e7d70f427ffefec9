//! Discovery (RFC 7643 sections 5 to 7, RFC 7644 section 4): what is declared is what works.

use serde_json::{Value, json};

use super::list::{PageSizes, list_response};
use super::schema::ResourceType;

/// `/ServiceProviderConfig`. `base` is the client-visible base URL.
pub fn service_provider_config(base: &str, sizes: PageSizes) -> Value {
    let unsupported = json!({ "supported": false });
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": sizes.max },
        "changePassword": unsupported,
        "sort": unsupported,
        "etag": { "supported": true },
        "pagination": {
            "cursor": false,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": sizes.default,
            "maxPageSize": sizes.max,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A static token, or an access token that the realm issued by client credentials, \
                            in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// `/ResourceTypes`.
pub fn resource_types(served: &[&ResourceType], base: &str) -> Value {
    all(served.iter().map(|resource_type| resource_type.to_json(base)).collect())
}

/// `/ResourceTypes/{id}`.
pub fn resource_type(served: &[&ResourceType], id: &str, base: &str) -> Option<Value> {
    served
        .iter()
        .find(|resource_type| resource_type.name == id)
        .map(|resource_type| resource_type.to_json(base))
}

/// `/Schemas`.
pub fn schemas(served: &[&ResourceType], base: &str) -> Value {
    all(served
        .iter()
        .flat_map(|resource_type| resource_type.schemas())
        .map(|schema| schema.to_json(base))
        .collect())
}

/// `/Schemas/{urn}`, the URN in any letter case.
pub fn schema(served: &[&ResourceType], urn: &str, base: &str) -> Option<Value> {
    let mut schemas = served.iter().flat_map(|resource_type| resource_type.schemas());
    schemas.find(|schema| schema.id.eq_ignore_ascii_case(urn)).map(|schema| schema.to_json(base))
}

fn all(resources: Vec<Value>) -> Value {
    let total = resources.len();
    list_response(resources, total, 1)
}
