//! A request as the endpoints see it: decoded, with its body read.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Value, json};

use super::answer::Answer;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: Method,
    /// The path's segments, percent-decoded.
    pub segments: Vec<String>,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        Self {
            method,
            segments: uri.path().split('/').filter(|segment| !segment.is_empty()).map(decode).collect(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
            headers,
            body,
        }
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a query parameter, where it says anything: an empty one is as good as none.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.parameter(name).filter(|value| !value.is_empty())
    }

    /// A query parameter that is `true`, in any letter case, or not. None where it says nothing.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.given(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The part of this that `first` and `max` cut out; a negative one is as good as none, and where there is no `max`,
    /// this one counts.
    ///
    /// # Errors
    /// Keycloak's 404 where one of them is no number.
    pub(super) fn page<T>(&self, all: Vec<T>, max: Option<usize>) -> Result<Vec<T>, Answer> {
        let number = |name| {
            let number = self.given(name).map(str::parse::<i64>).transpose();
            number.map_err(|_| Answer::error(404, "HTTP 404 Not Found"))
        };
        let first = number("first")?.and_then(|first| usize::try_from(first).ok()).unwrap_or(0);
        let max = match number("max")? {
            Some(max) => usize::try_from(max).ok(),
            None => max,
        };
        Ok(all.into_iter().skip(first).take(max.unwrap_or(usize::MAX)).collect())
    }

    /// Whether there is no query parameter but these.
    ///
    /// # Errors
    /// 501, naming the first other one; Keycloak's 400 to a NUL.
    pub(super) fn knows(&self, names: &[&str]) -> Result<(), Answer> {
        if self.query.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Answer::error(400, "Blocking invalid query parameter value"));
        }
        match self.query.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(Answer::error(501, &format!("the stand-in looks at no {name} here"))),
            None => Ok(()),
        }
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The answer of Keycloak where it is none.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        serde_json::from_slice(&self.body).map_err(|_| unreadable("invalid_request"))
    }

    /// The body as one of Keycloak's representations, which has this name.
    ///
    /// # Errors
    /// The answer of Keycloak where it is none: no JSON, a field too many, or a value of another type.
    pub(super) fn representation<T: DeserializeOwned>(&self, name: &str) -> Result<T, Answer> {
        // serde would take an array for the fields in their order.
        if self.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            self.json()?;
            return Err(unreadable("unknown_error"));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let said = error.to_string();
            let field = said.strip_prefix("unknown field `").and_then(|said| said.split('`').next());
            match (error.classify(), field) {
                (Category::Data, Some(field)) => Answer::error(
                    400,
                    &format!(
                        "Invalid json representation for {name}. Unrecognized field \"{field}\" at line {} column {}.",
                        error.line(),
                        error.column()
                    ),
                ),
                (Category::Data, None) => unreadable("unknown_error"),
                _ => unreadable("invalid_request"),
            }
        })
    }

    /// The bearer token.
    pub(super) fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The address that the client used: Keycloak makes issuers and `Location` of it.
    pub(super) fn base(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("http://{host}")
    }
}

fn unreadable(error: &str) -> Answer {
    let body = json!({ "error": error, "error_description": "Cannot parse the JSON" });
    Answer { status: 400, location: None, body: Some(body) }
}
