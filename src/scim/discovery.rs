//! Discovery (RFC 7643 sections 5 to 7, RFC 7644 section 4): what is declared is what works.

use serde_json::{Value, json};

use super::list::{PageSizes, list_response};
use super::schema::ResourceType;

/// A way to authenticate (RFC 7643 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthenticationScheme {
    /// Bearer tokens, of these kinds.
    Bearer(Vec<&'static str>),
    /// User and password.
    Basic,
}

impl AuthenticationScheme {
    fn to_json(&self, primary: bool) -> Value {
        let (kind, name, description, rfc) = match self {
            Self::Bearer(kinds) => {
                let description = format!("In the Authorization header: {}", kinds.join(", or "));
                ("oauthbearertoken", "Bearer token", description, 6750)
            }
            Self::Basic => {
                let description = "User and password, in the Authorization header".to_owned();
                ("httpbasic", "HTTP Basic", description, 7617)
            }
        };
        let spec = format!("https://www.rfc-editor.org/info/rfc{rfc}");
        let mut scheme = json!({ "type": kind, "name": name, "description": description, "specUri": spec });
        if let Value::Object(scheme) = &mut scheme
            && primary
        {
            scheme.insert("primary".to_owned(), Value::Bool(true));
        }
        scheme
    }
}

/// `/ServiceProviderConfig`. `base` is the client-visible base URL; of the schemes the first is the primary one.
pub fn service_provider_config(base: &str, sizes: PageSizes, schemes: &[AuthenticationScheme]) -> Value {
    let schemes: Vec<Value> =
        schemes.iter().enumerate().map(|(index, scheme)| scheme.to_json(index == 0)).collect();
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
        "authenticationSchemes": schemes,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_those_that_are_given_and_the_first_is_the_primary_one() {
        let told = |schemes: &[AuthenticationScheme]| {
            let sizes = PageSizes { default: 10, max: 100 };
            let mut config = service_provider_config("https://scim.example.com", sizes, schemes);
            config["authenticationSchemes"].take()
        };
        let bearer =
            AuthenticationScheme::Bearer(vec!["a static token", "an access token of another issuer"]);
        let both = told(&[bearer, AuthenticationScheme::Basic]);
        assert_eq!(
            both,
            json!([
                {
                    "type": "oauthbearertoken", "name": "Bearer token", "primary": true,
                    "description": "In the Authorization header: a static token, or an access token of another issuer",
                    "specUri": "https://www.rfc-editor.org/info/rfc6750",
                },
                {
                    "type": "httpbasic", "name": "HTTP Basic",
                    "description": "User and password, in the Authorization header",
                    "specUri": "https://www.rfc-editor.org/info/rfc7617",
                },
            ])
        );
        let basic = told(&[AuthenticationScheme::Basic]);
        assert_eq!((&basic[0]["type"], &basic[0]["primary"]), (&json!("httpbasic"), &json!(true)));
    }
}
