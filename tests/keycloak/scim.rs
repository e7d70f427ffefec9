//! A SCIM client as identity providers have it: Okta's headers, any path as written, answers that say what was wrong with them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use scimgate::scim::Code;
use serde_json::Value;

pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Okta gives up after 60 s, so an answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// Talks to one base URL. hyper's own client: reqwest would resolve `..` in a path before the gateway sees it.
#[derive(Clone, Debug)]
pub struct Scim {
    base_url: String,
    headers: HeaderMap,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Scim {
    /// Without credentials; `base_url` as it is typed into Okta.
    pub fn anonymous(base_url: &str) -> Self {
        let mut headers = HeaderMap::new();
        // As Okta sends them.
        for (name, value) in [
            ("accept", "application/scim+json"),
            ("accept-charset", "utf-8"),
            ("accept-encoding", "gzip,deflate"),
            ("user-agent", "Okta SCIM Client 1.0.0"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            headers,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// With a bearer token.
    pub fn bearer(base_url: &str, token: &str) -> Self {
        Self::anonymous(base_url).with_header("authorization", &format!("Bearer {token}"))
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The same client with this header as well, in place of one of that name.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client
            .headers
            .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        client
    }

    /// The same client with these headers as well, several of one name too.
    pub fn with_headers(&self, headers: HeaderMap) -> Self {
        let mut client = self.clone();
        client.headers.extend(headers);
        client
    }

    /// The same client without this header.
    pub fn without_header(&self, name: &str) -> Self {
        let mut client = self.clone();
        client.headers.remove(name);
        client
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw(Method::GET, path, None, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.raw(Method::DELETE, path, None, Bytes::new()).await
    }

    /// A list, filtered: `list("Users", "userName eq \"x\"", "&startIndex=1&count=100")`. Encoded as Okta does it.
    pub async fn list(&self, endpoint: &str, filter: &str, rest: &str) -> Answer {
        let filter = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
        self.get(&format!("/{endpoint}?filter={filter}{rest}")).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.raw(method, path, Some("application/scim+json; charset=utf-8"), body.to_string()).await
    }

    /// Any method, content type and body; the path (beneath the base URL) goes out as written, dots and slashes too.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Answer {
        let uri = format!("{}{path}", self.base_url);
        let call = format!("{method} {uri}");
        let mut request = Request::builder().method(method).uri(&uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Full::new(body.into()))
            .unwrap_or_else(|error| panic!("{call} is no HTTP request: {error}"));
        let exchange = async {
            let answer = self.client.request(request).await;
            let answer = answer.unwrap_or_else(|error| panic!("{call}: no answer: {error:?}"));
            let (head, body) = answer.into_parts();
            let body = body.collect().await;
            let body = body.unwrap_or_else(|error| panic!("{call}: a torn answer: {error:?}"));
            (head, body.to_bytes())
        };
        let (head, raw) = tokio::time::timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| panic!("{call}: no answer within {PATIENCE:?}"));
        let answer = Answer {
            call,
            status: head.status.as_u16(),
            headers: head.headers,
            body: serde_json::from_slice(&raw).ok(),
            raw,
        };
        answer.check_code();
        answer
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    call: String,
    pub status: u16,
    pub headers: HeaderMap,
    /// `None` when the body is empty or no JSON.
    pub body: Option<Value>,
    pub raw: Bytes,
}

impl Answer {
    /// Itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The stable code of an error, if the body is one.
    #[track_caller]
    pub fn code(&self) -> Option<Code> {
        let body = self.body.as_ref().filter(|body| body["schemas"] == serde_json::json!([ERROR]))?;
        let detail = body["detail"].as_str().unwrap_or_default();
        let code = Code::ALL.iter().find(|code| detail.ends_with(&format!(" [{}]", code.as_str())));
        assert!(code.is_some(), "an error's detail that ends in no known code: {self}");
        code.copied()
    }

    /// Every error that any test gets to see must be of a form that its code declares, as the page of errors has it.
    #[track_caller]
    fn check_code(&self) {
        let Some(code) = self.code() else { return };
        let scim_type = self.body.as_ref().and_then(|body| body.get("scimType")).and_then(Value::as_str);
        let declared = code.forms().iter().any(|form| {
            form.status == self.status && form.scim_type.map(|scim_type| scim_type.keyword()) == scim_type
        });
        assert!(declared, "{code:?} does not declare {} {scim_type:?}: {self}", self.status);
        let comes_back = self.header("retry-after").is_some();
        let transient = matches!(self.status, 429 | 503);
        assert_eq!(comes_back, transient, "Retry-After comes with 429 and 503, and only with them: {self}");
    }

    /// The SCIM body: JSON, and declared as such.
    #[track_caller]
    pub fn json(&self) -> &Value {
        let content_type = self.header("content-type").unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        assert_eq!(essence, "application/scim+json", "the wrong content type: {self}");
        match &self.body {
            Some(body) => body,
            None => panic!("no JSON: {self}"),
        }
    }

    /// The body, if it is a SCIM error of this status and `scimType` (RFC 7644, 3.12) that says something. Its code was held
    /// to what it declares when the answer came.
    #[track_caller]
    pub fn scim_error(&self, status: u16, scim_type: Option<&str>) -> &Value {
        assert_eq!(self.status, status, "{self}");
        let body = self.json();
        assert_eq!(body["schemas"], serde_json::json!([ERROR]), "schemas of an error: {self}");
        assert_eq!(
            body["status"],
            Value::String(status.to_string()),
            "an error's status is a string: {self}"
        );
        assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "scimType: {self}");
        let code = self.code().map_or("", Code::as_str);
        let detail = body["detail"].as_str().unwrap_or_default().trim_end_matches(&format!("[{code}]"));
        assert!(!detail.trim().is_empty(), "an error that says nothing but its code: {self}");
        body
    }

    /// The `Resources` of a list answer, whose numbers must be numbers that fit.
    #[track_caller]
    pub fn resources(&self) -> &[Value] {
        assert_eq!(self.status, 200, "{self}");
        let body = self.json();
        assert_eq!(body["schemas"], serde_json::json!([LIST]), "{self}");
        assert!(body["totalResults"].is_u64(), "totalResults: {self}");
        match body.get("Resources") {
            Some(Value::Array(resources)) => {
                if let Some(per_page) = body.get("itemsPerPage") {
                    assert_eq!(per_page.as_u64(), Some(resources.len() as u64), "itemsPerPage: {self}");
                }
                resources
            }
            None if body["totalResults"] == 0 => &[],
            _ => panic!("no Resources: {self}"),
        }
    }

    /// The resource's id.
    #[track_caller]
    pub fn id(&self) -> String {
        match self.json()["id"].as_str() {
            Some(id) => id.to_owned(),
            None => panic!("no id: {self}"),
        }
    }

    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} answered {}", self.call, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "  {name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "  {}", String::from_utf8_lossy(&self.raw))
    }
}
