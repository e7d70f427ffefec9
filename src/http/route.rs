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
    /// Something below `/realms/{realm}/scim/v2`, or below `/realms/{realm}/scim/v2/organizations/{organization}`.
    Scim {
        /// The realm's name, not judged yet.
        realm: String,
        /// The organization's alias or id, not judged yet; none for the realm itself.
        organization: Option<String>,
        /// What of it.
        operation: Operation,
    },
}

/// The resources that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// `/Users`
    Users,
    /// `/Groups`
    Groups,
}

/// What is asked of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `GET /Users`
    List(Collection),
    /// `POST /Users/.search`
    Search(Collection),
    /// `POST /Users`
    Create(Collection),
    /// `GET /Users/{id}`
    Get(Collection, String),
    /// `PUT /Users/{id}`
    Replace(Collection, String),
    /// `PATCH /Users/{id}`
    Patch(Collection, String),
    /// `DELETE /Users/{id}`
    Delete(Collection, String),
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
        let of = |collection: &Collection, users, groups| match collection {
            Collection::Users => users,
            Collection::Groups => groups,
        };
        match self {
            Self::List(collection) => of(collection, "users.list", "groups.list"),
            Self::Search(collection) => of(collection, "users.search", "groups.search"),
            Self::Create(collection) => of(collection, "users.create", "groups.create"),
            Self::Get(collection, _) => of(collection, "users.get", "groups.get"),
            Self::Replace(collection, _) => of(collection, "users.replace", "groups.replace"),
            Self::Patch(collection, _) => of(collection, "users.patch", "groups.patch"),
            Self::Delete(collection, _) => of(collection, "users.delete", "groups.delete"),
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
            ["realms", realm, "scim", "v2", "organizations", organization, rest @ ..] => Ok(Self::Scim {
                realm: (*realm).into(),
                organization: Some((*organization).into()),
                operation: operation(method, rest)?,
            }),
            ["realms", realm, "scim", "v2", rest @ ..] => Ok(Self::Scim {
                realm: (*realm).into(),
                organization: None,
                operation: operation(method, rest)?,
            }),
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
        ["Users", rest @ ..] => in_collection(method, Collection::Users, rest),
        ["Groups", rest @ ..] => in_collection(method, Collection::Groups, rest),
        ["Me"] => Ok(Operation::NotServed("/Me is not served")),
        ["Bulk"] => Ok(Operation::NotServed("/Bulk is not served")),
        [".search"] => Ok(Operation::NotServed(
            "A search over all resource types is not served; /Users/.search and /Groups/.search are",
        )),
        ["ServiceProviderConfig"] => get(Operation::ServiceProviderConfig),
        ["ResourceTypes"] => get(Operation::ResourceTypes),
        ["ResourceTypes", id] => get(Operation::ResourceType((*id).into())),
        ["Schemas"] => get(Operation::Schemas),
        ["Schemas", urn] => get(Operation::Schema((*urn).into())),
        _ => Err(RouteError::Unknown),
    }
}

fn in_collection(method: &Method, collection: Collection, rest: &[&str]) -> Result<Operation, RouteError> {
    match rest {
        [] => match *method {
            Method::GET => Ok(Operation::List(collection)),
            Method::POST => Ok(Operation::Create(collection)),
            _ => Err(RouteError::Method { allow: "GET, HEAD, POST" }),
        },
        [".search"] => match *method {
            Method::POST => Ok(Operation::Search(collection)),
            _ => Err(RouteError::Method { allow: "POST" }),
        },
        [id] => {
            let id = (*id).to_owned();
            match *method {
                Method::GET => Ok(Operation::Get(collection, id)),
                Method::PUT => Ok(Operation::Replace(collection, id)),
                Method::PATCH => Ok(Operation::Patch(collection, id)),
                Method::DELETE => Ok(Operation::Delete(collection, id)),
                _ => Err(RouteError::Method { allow: "GET, HEAD, PUT, PATCH, DELETE" }),
            }
        }
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
            Route::Scim { realm, organization: None, operation } if realm == "acme" => Ok(operation),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_organization_has_the_same_paths_below_its_own() {
        let path = |rest: &str| format!("/realms/acme/scim/v2/organizations/{rest}");
        let of_contoso = |operation| {
            Ok(Route::Scim { realm: "acme".into(), organization: Some("contoso".into()), operation })
        };
        assert_eq!(route("GET", &path("contoso/Users")), of_contoso(Operation::List(Collection::Users)));
        let get = Operation::Get(Collection::Groups, "1".into());
        assert_eq!(route("GET", &path("contoso/Groups/1/")), of_contoso(get));
        assert_eq!(route("GET", &path("contoso/Schemas")), of_contoso(Operation::Schemas));
        for rest in ["", "contoso", "contoso/", "contoso/organizations/other/Users", "contoso//Users"] {
            assert_eq!(route("GET", &path(rest)), Err(RouteError::Unknown), "{rest}");
        }
        // An organization that can't be one is judged with the tenants, as one that there is not.
        assert!(route("GET", &path("a%2Fb/Users")).is_ok());
    }

    #[test]
    fn every_path_has_its_operation_and_every_operation_its_name() {
        use Collection::{Groups, Users};
        for (collection, path, word) in [(Users, "/Users", "users"), (Groups, "/Groups", "groups")] {
            let one = format!("{path}/1");
            let id = || "1".to_owned();
            for (method, path, operation, name) in [
                ("GET", path, Operation::List(collection), "list"),
                ("HEAD", &format!("{path}/"), Operation::List(collection), "list"),
                ("POST", &format!("{path}/.search"), Operation::Search(collection), "search"),
                ("POST", path, Operation::Create(collection), "create"),
                ("GET", &one, Operation::Get(collection, id()), "get"),
                ("PUT", &one, Operation::Replace(collection, id()), "replace"),
                ("PATCH", &one, Operation::Patch(collection, id()), "patch"),
                ("DELETE", &one, Operation::Delete(collection, id()), "delete"),
            ] {
                assert_eq!(operation.name(), format!("{word}.{name}"));
                assert_eq!(scim(method, path), Ok(operation), "{method} {path}");
            }
        }
        assert_eq!(scim("GET", "/Schemas/urn%3Aa:b"), Ok(Operation::Schema("urn:a:b".into())));
        assert_eq!(scim("POST", "/Bulk"), Ok(Operation::NotServed("/Bulk is not served")));
        let token = Route::Token { realm: "acme".into() };
        assert_eq!(route("POST", "/realms/acme/protocol/openid-connect/token"), Ok(token));
    }

    #[test]
    fn wrong_methods_are_told_the_right_ones() {
        assert_eq!(scim("DELETE", "/Users"), Err(RouteError::Method { allow: "GET, HEAD, POST" }));
        assert_eq!(scim("PATCH", "/Groups"), Err(RouteError::Method { allow: "GET, HEAD, POST" }));
        assert_eq!(scim("GET", "/Groups/.search"), Err(RouteError::Method { allow: "POST" }));
        assert_eq!(scim("POST", "/Schemas"), Err(RouteError::Method { allow: "GET, HEAD" }));
        assert_eq!(
            scim("OPTIONS", "/Users/1"),
            Err(RouteError::Method { allow: "GET, HEAD, PUT, PATCH, DELETE" })
        );
    }

    #[test]
    fn an_id_never_becomes_a_path() {
        let strange = "../clients".to_owned();
        assert_eq!(
            scim("GET", "/Users/..%2Fclients"),
            Ok(Operation::Get(Collection::Users, strange.clone()))
        );
        assert_eq!(scim("GET", "/Groups/..%2Fclients"), Ok(Operation::Get(Collection::Groups, strange)));
        for path in [
            "/Users/../Groups",
            "/Users/1/2",
            "/Groups/1/members",
            "/users",
            "/groups",
            "/Users//1",
            "",
            "/",
            "//Users",
            "/Users/%ff",
        ] {
            assert_eq!(scim("GET", path), Err(RouteError::Unknown), "{path}");
        }
        for path in
            ["/", "", "/admin/realms/acme", "/realms/acme/protocol/openid-connect/token/introspect", "/x"]
        {
            assert_eq!(route("POST", path), Err(RouteError::Unknown), "{path}");
        }
    }
}
