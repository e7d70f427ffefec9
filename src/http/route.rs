//! The paths and methods that are served, as a type: a request that is none of them never goes further.

use http::Method;
use percent_encoding::percent_decode_str;

/// What a path and a method ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST /realms/{realm}/protocol/openid-connect/token`, which is forwarded.
    Token {
        /// The realm's name, not judged yet.
        realm: String,
    },
    /// Something below `/realms/{realm}/scim/v2`.
    Scim {
        /// The realm's name, not judged yet.
        realm: String,
        /// What of it.
        operation: Operation,
    },
}

/// What is asked of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /Users`
    ListUsers,
    /// `POST /Users/.search`
    SearchUsers,
    /// `POST /Users`
    CreateUser,
    /// `GET /Users/{id}`
    GetUser(String),
    /// `PUT /Users/{id}`
    ReplaceUser(String),
    /// `PATCH /Users/{id}`
    PatchUser(String),
    /// `DELETE /Users/{id}`
    DeleteUser(String),
    /// `GET /Groups`
    ListGroups,
    /// `GET /ServiceProviderConfig`
    ServiceProviderConfig,
    /// `GET /ResourceTypes`
    ResourceTypes,
    /// `GET /ResourceTypes/{id}`
    ResourceType(String),
    /// `GET /Schemas`
    Schemas,
    /// `GET /Schemas/{urn}`
    Schema(String),
    /// A part of SCIM that is not served.
    NotServed(&'static str),
}

impl Operation {
    /// The name that stands in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListUsers => "users.list",
            Self::SearchUsers => "users.search",
            Self::CreateUser => "users.create",
            Self::GetUser(_) => "users.get",
            Self::ReplaceUser(_) => "users.replace",
            Self::PatchUser(_) => "users.patch",
            Self::DeleteUser(_) => "users.delete",
            Self::ListGroups => "groups.list",
            Self::ServiceProviderConfig => "service_provider_config.get",
            Self::ResourceTypes | Self::ResourceType(_) => "resource_types.get",
            Self::Schemas | Self::Schema(_) => "schemas.get",
            Self::NotServed(_) => "not_served",
        }
    }
}

/// Why a request is none of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteError {
    /// Nothing is there.
    Unknown,
    /// The path takes other methods.
    Method {
        /// The `Allow` header.
        allow: &'static str,
    },
}

impl Route {
    /// Reads method and path. A trailing slash is tolerated, HEAD counts as GET.
    ///
    /// # Errors
    /// [`RouteError`] for 404 and 405.
    pub fn parse(method: &Method, path: &str) -> Result<Self, RouteError> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let path = path.strip_prefix('/').ok_or(RouteError::Unknown)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        // Decoded after splitting: a slash in an id stays part of the id, which no resource has then.
        let segments: Option<Vec<String>> = path.split('/').map(decoded).collect();
        let segments = segments.ok_or(RouteError::Unknown)?;
        match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["realms", realm, "protocol", "openid-connect", "token"] => match *method {
                Method::POST => Ok(Self::Token { realm: (*realm).into() }),
                _ => Err(RouteError::Method { allow: "POST" }),
            },
            ["realms", realm, "scim", "v2", rest @ ..] => {
                Ok(Self::Scim { realm: (*realm).into(), operation: operation(method, rest)? })
            }
            _ => Err(RouteError::Unknown),
        }
    }
}

fn operation(method: &Method, rest: &[&str]) -> Result<Operation, RouteError> {
    let get = |operation: Operation| match *method {
        Method::GET => Ok(operation),
        _ => Err(RouteError::Method { allow: "GET, HEAD" }),
    };
    match rest {
        ["Users"] => match *method {
            Method::GET => Ok(Operation::ListUsers),
            Method::POST => Ok(Operation::CreateUser),
            _ => Err(RouteError::Method { allow: "GET, HEAD, POST" }),
        },
        ["Users", ".search"] => match *method {
            Method::POST => Ok(Operation::SearchUsers),
            _ => Err(RouteError::Method { allow: "POST" }),
        },
        ["Users", id] => {
            let id = (*id).to_owned();
            match *method {
                Method::GET => Ok(Operation::GetUser(id)),
                Method::PUT => Ok(Operation::ReplaceUser(id)),
                Method::PATCH => Ok(Operation::PatchUser(id)),
                Method::DELETE => Ok(Operation::DeleteUser(id)),
                _ => Err(RouteError::Method { allow: "GET, HEAD, PUT, PATCH, DELETE" }),
            }
        }
        ["Groups"] if method == Method::GET => Ok(Operation::ListGroups),
        ["Groups"] | ["Groups", _] => Ok(Operation::NotServed("Groups can only be listed")),
        ["Me"] => Ok(Operation::NotServed("/Me is not served")),
        ["Bulk"] => Ok(Operation::NotServed("/Bulk is not served")),
        [".search"] => {
            Ok(Operation::NotServed("A search over all resource types is not served; /Users/.search is"))
        }
        ["ServiceProviderConfig"] => get(Operation::ServiceProviderConfig),
        ["ResourceTypes"] => get(Operation::ResourceTypes),
        ["ResourceTypes", id] => get(Operation::ResourceType((*id).into())),
        ["Schemas"] => get(Operation::Schemas),
        ["Schemas", urn] => get(Operation::Schema((*urn).into())),
        _ => Err(RouteError::Unknown),
    }
}

fn decoded(segment: &str) -> Option<String> {
    if segment.is_empty() {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Result<Route, RouteError> {
        Route::parse(&method.parse().unwrap(), path)
    }

    fn scim(method: &str, rest: &str) -> Result<Operation, RouteError> {
        match route(method, &format!("/realms/acme/scim/v2{rest}"))? {
            Route::Scim { realm, operation } if realm == "acme" => Ok(operation),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_path_has_its_operation() {
        assert_eq!(scim("GET", "/Users"), Ok(Operation::ListUsers));
        assert_eq!(scim("HEAD", "/Users/"), Ok(Operation::ListUsers));
        assert_eq!(scim("PATCH", "/Users/1"), Ok(Operation::PatchUser("1".into())));
        assert_eq!(scim("GET", "/Schemas/urn%3Aa:b"), Ok(Operation::Schema("urn:a:b".into())));
        assert_eq!(scim("POST", "/Groups"), Ok(Operation::NotServed("Groups can only be listed")));
        let token = Route::Token { realm: "acme".into() };
        assert_eq!(route("POST", "/realms/acme/protocol/openid-connect/token"), Ok(token));
    }

    #[test]
    fn wrong_methods_are_told_the_right_ones() {
        assert_eq!(scim("DELETE", "/Users"), Err(RouteError::Method { allow: "GET, HEAD, POST" }));
        assert_eq!(scim("POST", "/Schemas"), Err(RouteError::Method { allow: "GET, HEAD" }));
        assert_eq!(
            scim("OPTIONS", "/Users/1"),
            Err(RouteError::Method { allow: "GET, HEAD, PUT, PATCH, DELETE" })
        );
    }

    #[test]
    fn an_id_never_becomes_a_path() {
        assert_eq!(scim("GET", "/Users/..%2Fclients"), Ok(Operation::GetUser("../clients".into())));
        for path in
            ["/Users/../Groups", "/Users/1/2", "/users", "/Users//1", "", "/", "//Users", "/Users/%ff"]
        {
            assert_eq!(scim("GET", path), Err(RouteError::Unknown), "{path}");
        }
        for path in
            ["/", "", "/admin/realms/acme", "/realms/acme/protocol/openid-connect/token/introspect", "/x"]
        {
            assert_eq!(route("POST", path), Err(RouteError::Unknown), "{path}");
        }
    }
}
