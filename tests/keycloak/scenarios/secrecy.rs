//! What must be nowhere: passwords, tokens and secrets at any log level, names of people in a log that masks them.

use std::fs;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, patch, person, until};
use crate::admin::admin;
use crate::gateway::{Auth, Prepared};
use crate::proxy::{Call, Proxy};
use crate::runner::both;
use crate::scim::{Answer, USER};

pub fn trials() -> Vec<Trial> {
    [
        both("secrecy::a_password_in_a_create_is_nowhere", password_in_create),
        both("secrecy::a_password_in_a_replacement_is_nowhere", password_in_replacement),
        both("secrecy::a_password_in_a_patch_is_nowhere", password_in_patch),
        both("secrecy::a_password_in_a_refused_request_is_nowhere", password_in_refusal),
        both("secrecy::static_tokens_and_secrets_are_not_logged", static_token),
        both("secrecy::issued_tokens_and_secrets_are_not_logged", issued_token),
        both("secrecy::names_are_masked_in_the_log", masked),
        both("secrecy::names_are_masked_in_the_log_at_any_level", masked_at_trace),
        both("secrecy::names_are_clear_where_the_log_may_name_people", clear),
        both("secrecy::each_request_has_one_line", one_line),
        both("secrecy::the_request_id_reaches_keycloak_and_comes_back", request_id),
        both("secrecy::an_odd_request_id_is_replaced", odd_request_id),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Stands in every password here.
const SECRET: &str = "1mz050nq.t0p";

/// A gateway that logs what it can, behind it a proxy that sees all that goes to Keycloak.
async fn watched(auth: Auth, change: impl FnOnce(Prepared) -> Prepared) -> (Stage, Proxy) {
    let proxy = Proxy::start(admin().await.url()).await;
    let stage = Stage::with("secrecy", auth, |_, prepared| change(prepared.via(&proxy))).await;
    (stage, proxy)
}

fn tracing(prepared: Prepared) -> Prepared {
    prepared.set(&["log", "level"], "trace")
}

fn json_log(prepared: Prepared) -> Prepared {
    prepared.set(&["log", "format"], "json")
}

/// Looks everywhere: answer, log, what went to Keycloak, what Keycloak has.
async fn assert_nowhere(stage: &Stage, proxy: &Proxy, answers: &[Answer]) {
    for answer in answers {
        assert!(!answer.to_string().contains(SECRET), "answered: {answer}");
        let names_it = String::from_utf8_lossy(&answer.raw).to_lowercase().contains("\"password\"");
        assert!(!names_it, "echoed as a name: {answer}");
    }
    let log = stage.gateway.log();
    assert!(log.contains("TRACE"), "the log says all it can");
    let line = log.lines().find(|line| line.contains(SECRET));
    assert_eq!(line, None, "logged");
    for call in proxy.calls() {
        assert!(!call.path.contains(SECRET), "sent to Keycloak: {}", call.line());
        let body = String::from_utf8_lossy(&call.request_body);
        assert!(!body.contains(SECRET), "sent to Keycloak: {} {body}", call.line());
    }
    let users = stage.realm.get("/users?briefRepresentation=false&max=100").await;
    assert!(!users.to_string().contains(SECRET), "stored: {users}");
    for user in users.as_array().unwrap() {
        let id = user["id"].as_str().unwrap();
        assert_eq!(stage.realm.user_credentials(id).await, [] as [Value; 0]);
        assert_eq!(user["requiredActions"], json!([]), "nobody is asked to set one: {user}");
    }
}

/// How many requests lost a password before anything read them, as the log tells of each.
fn sanitized(stage: &Stage) -> usize {
    let log = stage.gateway.log();
    let dropped = log.lines().filter_map(|line| line.split_once(" dropped=\""));
    dropped.filter(|(_, rest)| rest.split('"').next().unwrap().contains("password")).count()
}

/// A create request with this member.
fn with(user_name: &str, member: &str, value: Value) -> Value {
    let mut body = person(user_name);
    body[member] = value;
    body
}

/// Bodies of a user, each with a password in another form.
fn bodies() -> Vec<Value> {
    let mut nested = person("nested");
    nested["name"]["password"] = SECRET.into();
    nested["emails"][0]["Password"] = SECRET.into();
    vec![
        with("top", "password", json!(SECRET)),
        with("case", "PassWord", json!(SECRET)),
        with("list", "PASSWORD", json!([{ "value": SECRET }])),
        with("object", "password", json!({ "value": SECRET, "type": "work" })),
        with("qualified", &format!("{USER}:password"), json!(SECRET)),
        with("upper", &format!("{}:PassWord", USER.to_uppercase()), json!(SECRET)),
        with("beneath", USER, json!({ "password": SECRET })),
        with("foreign", "urn:example:2.0:Login", json!({ "Password": SECRET })),
        nested,
    ]
}

async fn password_in_create() {
    let (stage, proxy) = watched(Auth::Token, tracing).await;
    let mut answers = Vec::new();
    for body in bodies() {
        answers.push(stage.scim.post("/Users", &body).await.expect(201));
    }
    assert_eq!(sanitized(&stage), answers.len());
    // Asking for it does not bring it back either.
    let id = answers[0].id();
    for query in ["attributes=password", "attributes=userName,password", "excludedAttributes=userName"] {
        answers.push(stage.scim.get(&format!("/Users/{id}?{query}")).await.expect(200));
    }
    assert_nowhere(&stage, &proxy, &answers).await;
}

async fn password_in_replacement() {
    let (stage, proxy) = watched(Auth::Token, tracing).await;
    let mut answers = Vec::new();
    for body in bodies() {
        let id = stage.create(body["userName"].as_str().unwrap()).await;
        answers.push(stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200));
    }
    assert_eq!(sanitized(&stage), answers.len());
    assert_nowhere(&stage, &proxy, &answers).await;
}

async fn password_in_patch() {
    let (stage, proxy) = watched(Auth::Token, tracing).await;
    let id = stage.create("bjensen").await;
    let qualified = format!("{USER}:password");
    let operations = [
        json!({ "op": "replace", "path": "password", "value": SECRET }),
        json!({ "op": "Add", "path": "PassWord", "value": SECRET }),
        json!({ "OP": "Replace", "PATH": "password", "VALUE": SECRET }),
        json!({ "op": "replace", "path": qualified, "value": SECRET }),
        json!({ "op": "replace", "path": "password.value", "value": SECRET }),
        json!({ "op": "replace", "value": { "password": SECRET } }),
        json!({ "op": "add", "value": { "PASSWORD": SECRET } }),
        json!({ "op": "replace", "value": { (qualified.as_str()): SECRET } }),
        json!({ "op": "replace", "value": { (USER): { "password": SECRET } } }),
        json!({ "op": "replace", "path": USER, "value": { "password": SECRET } }),
        json!({ "op": "replace", "path": "name", "value": { "givenName": "Babs", "password": SECRET } }),
        json!({ "op": "add", "path": "emails", "value": [{ "value": "b@example.com", "password": SECRET }] }),
    ];
    let mut answers = Vec::new();
    for operation in operations {
        let body = patch(&json!([operation]));
        let answer = stage.scim.patch(&format!("/Users/{id}"), &body).await;
        assert_eq!(answer.status, 200, "{body}: {answer}");
        answers.push(answer);
    }
    let both = patch(&json!([
        { "op": "replace", "value": { "password": SECRET, "displayName": "Babs" } },
        { "op": "replace", "path": "active", "value": false },
    ]));
    let answer = stage.scim.patch(&format!("/Users/{id}"), &both).await.expect(200);
    assert_eq!(answer.json()["displayName"], "Babs", "what stands beside it is taken");
    assert_eq!(answer.json()["active"], false);
    answers.push(answer);
    assert_eq!(sanitized(&stage), answers.len());
    let beside = patch(&json!([{ "op": "replace", "path": "title", "value": "Guide", "password": SECRET }]));
    answers.push(stage.scim.patch(&format!("/Users/{id}"), &beside).await.expect(200));
    assert_nowhere(&stage, &proxy, &answers).await;
}

/// Errors are where values slip into messages.
async fn password_in_refusal() {
    let (stage, proxy) = watched(Auth::Token, tracing).await;
    let id = stage.create("bjensen").await;
    let user = format!("/Users/{id}");
    let json_type = Some("application/scim+json");
    let mut answers = Vec::new();
    let named = |rest: &str| format!(r#"{{"password":"{SECRET}","Password":"{SECRET}",{rest}}}"#);
    let operation =
        |rest: &str| format!(r#"{{"Operations":[{{"value":{{"password":"{SECRET}"}},{rest}}}]}}"#);
    for (method, path, body, status) in [
        (Method::POST, "/Users", format!(r#"{{"userName":"x","password":"{SECRET}""#), 400),
        (Method::POST, "/Users", format!(r#"{{"userName":"x","password":{SECRET}}}"#), 400),
        (Method::POST, "/Users", format!(r#"["{SECRET}"]"#), 400),
        (Method::POST, "/Users", named(r#""active":[]"#), 400),
        (Method::POST, "/Users", named(r#""userName":"bjensen""#), 409),
        (Method::PUT, &user, named(r#""userName":5"#), 400),
        (Method::PATCH, &user, operation(r#""op":"bad""#), 400),
        (Method::PATCH, &user, operation(r#""op":"add","path":"title""#), 400),
        (Method::PATCH, &user, operation(r#""op":"add","path":"emails[""#), 400),
        (Method::PATCH, &user, format!(r#"{{"Operations":{{"password":"{SECRET}"}}}}"#), 400),
    ] {
        let said = format!("{method} {body}");
        let answer = stage.scim.raw(method, path, json_type, body).await;
        assert_eq!(answer.status, status, "{said}: {answer}");
        answers.push(answer);
    }
    answers.push(stage.scim.raw(Method::POST, "/Users", Some("text/plain"), SECRET).await.expect(415));
    let filtered = stage.scim.list("Users", &format!("password eq \"{SECRET}\""), "").await;
    filtered.scim_error(400, Some("invalidFilter"));
    assert!(!String::from_utf8_lossy(&filtered.raw).contains(SECRET), "{filtered}");
    assert_nowhere(&stage, &proxy, &answers).await;
}

/// Everything secret that `setup` wrote into files.
fn secrets_on_disk(stage: &Stage) -> Vec<String> {
    let directory = stage.gateway.prepared().directory();
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let secrets: Vec<String> = files
        .filter(|path| path.file_name().unwrap() != "config.toml")
        .map(|path| fs::read_to_string(path).unwrap().trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    assert!(!secrets.is_empty());
    secrets
}

/// The signatures of the tokens that went to Keycloak: without them, a token is no token.
fn signatures(proxy: &Proxy) -> Vec<String> {
    let tokens: Vec<String> = proxy
        .calls()
        .iter()
        .filter_map(|call| call.request_headers.get("authorization")?.to_str().ok().map(str::to_owned))
        .filter_map(|header| header.rsplit_once('.').map(|(_, signature)| signature.to_owned()))
        .collect();
    assert!(!tokens.is_empty());
    tokens
}

fn assert_not_logged(stage: &Stage, secrets: &[String]) {
    let log = stage.gateway.log();
    assert!(log.contains("TRACE"), "the log says all it can");
    for secret in secrets {
        assert!(secret.len() >= 20, "{secret}");
        assert_eq!(log.lines().find(|line| line.contains(secret.as_str())), None, "{secret} is logged");
    }
}

async fn static_token() {
    let (stage, proxy) = watched(Auth::Token, tracing).await;
    stage.create("bjensen").await;
    let nearly = format!("Bearer {}x", stage.gateway.prepared().printed("token"));
    let refused = stage.scim.with_header("authorization", &nearly).get("/Users").await;
    refused.scim_error(401, None);
    let mut secrets = vec![stage.gateway.prepared().printed("token").to_owned()];
    assert!(!refused.to_string().contains(&secrets[0]), "{refused}");
    secrets.extend(secrets_on_disk(&stage));
    secrets.extend(signatures(&proxy));
    assert_not_logged(&stage, &secrets);
}

async fn issued_token() {
    let (stage, proxy) = watched(Auth::Keycloak, tracing).await;
    stage.create("bjensen").await;
    let endpoint = stage.gateway.prepared().printed("token_endpoint");
    let id = stage.gateway.prepared().printed("client_id");
    let secret = stage.gateway.prepared().printed("client_secret");
    let ask = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.post(endpoint).form(&form).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let token = ask(secret).await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&format!("{secret}x")).await.get("access_token"), None);
    let tampered = format!("Bearer {token}x");
    stage.scim.with_header("authorization", &tampered).get("/Users").await.scim_error(401, None);
    let mut secrets = vec![secret.to_owned(), token.rsplit_once('.').unwrap().1.to_owned()];
    secrets.extend(signatures(&proxy));
    secrets.extend(secrets_on_disk(&stage).into_iter().filter(|secret| secret.len() >= 20));
    assert_not_logged(&stage, &secrets);
}

const NAME: &str = "Babs.Jensen@contoso.com";

/// Requests that meet a person's name and addresses in every way.
async fn talk_about_a_person(stage: &Stage) {
    let mut body = person(NAME);
    body["emails"] = json!([
        { "value": NAME, "type": "work", "primary": true },
        { "value": "babs.jensen@example.com", "type": "home" },
    ]);
    let id = stage.scim.post("/Users", &body).await.expect(201).id();
    let user = format!("/Users/{id}");
    stage.scim.post("/Users", &body).await.expect(409);
    assert_eq!(stage.looked_up(NAME).await.len(), 1);
    let by_email = stage.scim.list("Users", "emails.value eq \"babs.jensen@example.com\"", "").await;
    assert_eq!(by_email.resources().len(), 1);
    stage.scim.put(&user, &body).await.expect(200);
    let renamed =
        patch(&json!([{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": NAME }]));
    stage.scim.patch(&user, &renamed).await.expect(200);
    // Keycloak refuses these, with the value in its message.
    stage.scim.post("/Users", &with("x", "userName", json!("babs.jensen with spaces"))).await.expect(400);
    let no_address = json!([{ "value": "babs jensen at contoso" }]);
    stage.scim.post("/Users", &with("x.y", "emails", no_address)).await.expect(400);
    stage.scim.delete(&user).await.expect(204);
}

fn assert_masked(stage: &Stage) {
    let log = stage.gateway.log();
    let line = log.lines().find(|line| {
        let line = line.to_lowercase();
        line.contains("babs") || line.contains("jensen") || line.contains("contoso")
    });
    assert_eq!(line, None, "a person is named");
    assert!(log.contains("B***@c***.com"), "the mask stands in its place:\n{log}");
}

async fn masked() {
    let stage = Stage::new("secrecy").await;
    talk_about_a_person(&stage).await;
    assert_masked(&stage);
}

async fn masked_at_trace() {
    let stage = Stage::with("secrecy", Auth::Token, |_, prepared| tracing(prepared)).await;
    talk_about_a_person(&stage).await;
    assert_masked(&stage);
}

async fn clear() {
    let change = |_: &str, prepared: Prepared| prepared.set(&["log", "mask_personal_data"], false);
    let stage = Stage::with("secrecy", Auth::Token, change).await;
    talk_about_a_person(&stage).await;
    let log = stage.gateway.log();
    assert!(log.contains(NAME) && !log.contains("***"), "{log}");
}

/// The log's lines about requests.
fn request_lines(stage: &Stage) -> Vec<Value> {
    let log = stage.gateway.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "request").collect()
}

async fn one_line() {
    let (stage, proxy) = watched(Auth::Token, json_log).await;
    let realm = stage.realm.name().to_owned();
    let scim = |id: &str| stage.scim.with_header("x-request-id", id);
    let id = scim("create").post("/Users", &person("bjensen")).await.expect(201).id();
    until("the create's aftermath is over", async || {
        stage.stored(&id).await["attributes"].get("scim.pending").is_none()
    })
    .await;
    let user = format!("/Users/{id}");
    scim("read").get(&user).await.expect(200);
    scim("lookup").list("Users", "userName eq \"bjensen\"", "").await.expect(200);
    scim("list").get("/Users?startIndex=1&count=2").await.expect(200);
    let title = patch(&json!([{ "op": "add", "path": "title", "value": "Guide" }]));
    scim("patch").patch(&user, &title).await.expect(200);
    scim("replace").put(&user, &person("bjensen")).await.expect(200);
    scim("absent").get("/Users/010101001010101011001010101011").await.expect(404);
    scim("malformed").raw(Method::POST, "/Users", None, "{").await.expect(400);
    scim("refused").with_header("authorization", "Bearer x").get(&user).await.expect(401);
    scim("delete").delete(&user).await.expect(204);
    let lines = request_lines(&stage);
    // Request id, operation, caller, status, calls to Keycloak.
    for (request_id, operation, caller, status, calls) in [
        ("create", "users.create", json!("okta"), 201, 2),
        ("read", "users.get", json!("okta"), 200, 3),
        ("lookup", "users.list", json!("okta"), 200, 2),
        ("list", "users.list", json!("okta"), 200, 2),
        ("patch", "users.patch", json!("okta"), 200, 3),
        ("replace", "users.replace", json!("okta"), 200, 3),
        ("absent", "users.get", json!("okta"), 404, 3),
        ("malformed", "users.create", json!("okta"), 400, 0),
        ("refused", "users.get", Value::Null, 401, 0),
        ("delete", "users.delete", json!("okta"), 204, 6),
    ] {
        let own: Vec<&Value> = lines.iter().filter(|line| line["request_id"] == request_id).collect();
        assert_eq!(own.len(), 1, "one line of {request_id}: {own:?}");
        let line = own[0];
        assert_eq!(line["realm"], realm.as_str(), "{line}");
        assert_eq!(line["operation"], operation, "{line}");
        assert_eq!(line["caller"], caller, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["keycloak_calls"], calls, "{line}");
        if request_id != "create" {
            // Of a create, the mark is taken off after the answer, on nobody's account.
            let seen = proxy.count(|call| call.request_id.as_deref() == Some(request_id));
            assert_eq!(seen, calls, "as many as went through: {line}");
        }
    }
}

async fn request_id() {
    let (stage, proxy) = watched(Auth::Token, |prepared| prepared).await;
    let given = stage.scim.with_header("x-request-id", "Okta-4711.x_y").get("/Users").await.expect(200);
    assert_eq!(given.header("x-request-id"), Some("Okta-4711.x_y"));
    let is_of = |id: &str| {
        let id = id.to_owned();
        move |call: &Call| call.request_id.as_deref() == Some(id.as_str())
    };
    assert_eq!(proxy.count(is_of("Okta-4711.x_y")), 2);

    let made = stage.scim.get("/Users").await.expect(200);
    let id = made.header("x-request-id").expect("one is made where none is sent").to_owned();
    assert_eq!(proxy.count(is_of(&id)), 2);
    assert!(stage.gateway.log().contains(&id), "and logged");
    let other = stage.scim.get("/Users").await.expect(200);
    assert_ne!(other.header("x-request-id"), Some(id.as_str()));
}

/// It would stand in logs and go on to Keycloak.
async fn odd_request_id() {
    let (stage, proxy) = watched(Auth::Token, |prepared| prepared).await;
    for odd in ["a b", "x\" status=200", "{}", &"x".repeat(65)] {
        let answer = stage.scim.with_header("x-request-id", odd).get("/Users").await.expect(200);
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 36, "a fresh one: {id}");
        assert_eq!(proxy.count(|call| call.request_id.as_deref() == Some(odd)), 0);
        assert_eq!(proxy.count(|call| call.request_id.as_deref() == Some(id)), 2);
    }
}
