//! `scimgate explain`: it tells what a request would become, truly, and changes nothing.

use std::fs;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::groups::scene::{GROUP, adding, at, group, removing, renaming};
use super::stage::{Stage, by_hand, person, user};
use crate::admin::admin;
use crate::gateway::{Auth, Finished, Gateway, Prepared, run};
use crate::proxy::Proxy;
use crate::runner::{both, trial};
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("explain::without_configuration_it_says_what_to_do", without_configuration),
        trial("explain::a_stand_in_does_without_configuration", on_a_stand_in),
    ];
    trials.extend(
        [
            both("explain::a_create_is_told_and_not_made", create),
            both("explain::a_change_is_told_and_not_made", change),
            both("explain::what_is_told_is_what_is_done", as_in_earnest),
            both("explain::a_refusal_is_told", refusals),
            both("explain::a_taken_name_is_foreseen_in_a_change_too", taken_names),
            both("explain::what_the_realm_allows_is_foreseen", by_the_realms_rules),
            both("explain::arguments_that_do_not_fit_are_refused", arguments),
            both(
                "explain::an_organization_is_asked_for_where_only_organizations_have_callers",
                organizations,
            ),
            both("explain::a_group_that_would_be_pushed_is_told_and_not_made", push),
            both("explain::what_is_told_of_groups_is_what_is_done", groups_as_in_earnest),
            both("explain::a_refusal_of_a_group_is_told", group_refusals),
        ]
        .into_iter()
        .flatten(),
    );
    trials
}

/// Runs `scimgate explain --json` with this configuration.
async fn explained(prepared: &Prepared, arguments: &[&str]) -> Value {
    let finished = explain(prepared, &[&["--json"], arguments].concat()).await.ok();
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

async fn explain(prepared: &Prepared, arguments: &[&str]) -> Finished {
    let config = prepared.config();
    let arguments = [&["explain", "--config", config.to_str().unwrap()], arguments].concat();
    run(&prepared.directory(), &arguments, &[]).await
}

/// `METHOD path?query` of the calls, below the realm.
fn lines(explained: &Value) -> Vec<String> {
    let calls = explained["calls"].as_array().unwrap();
    calls.iter().map(|call| line(call["method"].as_str().unwrap(), call["url"].as_str().unwrap())).collect()
}

fn line(method: &str, url: &str) -> String {
    let path = url.split_once("/admin/realms/").map_or(url, |(_, path)| path);
    format!("{method} {}", path.split_once('/').map_or("", |(_, below)| below))
}

async fn create() {
    let stage = Stage::new("explain").await;
    let mut body = person("babs");
    body["password"] = "t0p-s3cret".into();
    body["active"] = "True".into();
    body["shoeSize"] = 46.into();
    let directory = stage.gateway.prepared().directory();
    fs::write(directory.join("okta.json"), body.to_string()).unwrap();
    let told = explained(stage.gateway.prepared(), &["POST", "/Users", &body.to_string()]).await;
    let dropped: Vec<&str> =
        told["dropped"].as_array().unwrap().iter().map(|dropped| dropped["name"].as_str().unwrap()).collect();
    assert_eq!(dropped, ["password", "shoeSize"], "{told:#}");
    assert_eq!(told["normalised"], json!([{ "path": "active", "sent": "True", "plain": true }]));
    assert_eq!(told["calls"][0]["body"]["username"], "babs");
    assert_eq!(told["calls"][0]["body"]["enabled"], true);
    assert_eq!(told["calls"][0]["sent"], false);
    assert_eq!(told["calls"][1]["body"][0]["name"], "scim-managed");
    assert_eq!(told["answer"]["status"], 201);
    assert_eq!(told["answer"]["body"]["userName"], "babs");

    let finished = explain(stage.gateway.prepared(), &["POST", "/Users", "--file", "okta.json"]).await;
    let text = finished.ok().stdout;
    for expected in [
        "dropped     password: a password never goes further",
        "dropped     shoeSize: no served schema has it",
        "normalised  active: \"True\" is taken for true",
        "POST users -> not sent",
        "and after the answer:",
        "The answer would be 201 Created",
        "Nothing was changed",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(!text.contains("t0p-s3cret") && !told.to_string().contains("t0p-s3cret"), "{text}");
    assert_eq!(stage.realm.get("/users").await, json!([]), "nobody was created");
}

async fn change() {
    let stage = Stage::new("explain").await;
    let id = stage.create("babs").await;
    stage.settled().await;
    let before = stage.stored(&id).await;
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] });
    let told =
        explained(stage.gateway.prepared(), &["PATCH", &format!("/Users/{id}"), &body.to_string()]).await;
    let written = told["calls"].as_array().unwrap().iter().find(|call| call["method"] == "PUT").unwrap();
    assert_eq!((&written["sent"], &written["body"]["enabled"]), (&json!(false), &json!(false)), "{told:#}");
    assert!(lines(&told).contains(&format!("POST users/{id}/logout")), "{told:#}");
    assert!(
        told["calls"].as_array().unwrap().iter().any(|call| call["sent"] == true),
        "it has read: {told:#}"
    );
    assert_eq!(told["answer"]["body"]["active"], false);
    assert_eq!(told["normalised"][0]["path"], "Operations[0].value");
    explained(stage.gateway.prepared(), &["DELETE", &format!("/Users/{id}")]).await;
    assert_eq!(stage.stored(&id).await, before, "all is as it was");
}

/// The calls that `explain` tells are those that a gateway makes, as a proxy before Keycloak sees them.
async fn as_in_earnest() {
    let realm = admin().await.create_realm("explain").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await.via(&proxy).serve().await;
    let scim = gateway.scim().await;
    let create = person("babs");
    let told = explained(gateway.prepared(), &["POST", "/Users", &create.to_string()]).await;
    let (planned, made_up) = (lines(&told), told["answer"]["body"]["id"].as_str().unwrap().to_owned());
    proxy.drain();
    let id = scim.post("/Users", &create).await.expect(201).id();
    wait_for_put(&proxy).await;
    let planned: Vec<String> = planned.iter().map(|line| line.replace(&made_up, &id)).collect();
    assert_eq!(planned, drained(&proxy));

    let rename = user("babs", json!({ "displayName": "Babs J." }));
    for (method, body) in [("GET", None), ("PUT", Some(rename)), ("DELETE", None)] {
        let path = format!("/Users/{id}");
        let body = body.map(|body: Value| body.to_string());
        let arguments: Vec<&str> = [method, &path].into_iter().chain(body.as_deref()).collect();
        let mut planned = lines(&explained(gateway.prepared(), &arguments).await);
        proxy.drain();
        in_earnest(&scim, method, &path, body).await;
        let mut made = drained(&proxy);
        // Some are made at once, in no order.
        planned.sort();
        made.sort();
        assert_eq!(planned, made, "{method}");
    }
}

async fn in_earnest(scim: &Scim, method: &str, path: &str, body: Option<String>) {
    match (method, body) {
        ("PUT", Some(body)) => drop(scim.put(path, &serde_json::from_str(&body).unwrap()).await.expect(200)),
        ("DELETE", _) => drop(scim.delete(path).await.expect(204)),
        _ => drop(scim.get(path).await.expect(200)),
    }
}

/// Until the mark of a create is gone.
async fn wait_for_put(proxy: &Proxy) {
    let put = async || proxy.count(|call| call.method == "PUT" && call.status.is_some()) > 0;
    super::stage::until("the mark goes", put).await;
}

fn drained(proxy: &Proxy) -> Vec<String> {
    let calls = proxy.drain();
    let readable = |path: &str| {
        // As a URL library writes it.
        format!("http://k{path}")
    };
    calls
        .iter()
        .filter(|call| !call.is_openid())
        .map(|call| line(call.method.as_str(), &readable(&call.path)))
        .collect()
}

async fn refusals() {
    let stage = Stage::new("explain").await;
    stage.create("babs").await;
    stage.realm.create_user(&by_hand("jane")).await;
    let prepared = stage.gateway.prepared();
    for (name, code) in [("babs", "user-exists"), ("jane", "unmanaged-user-exists")] {
        let told = explained(prepared, &["POST", "/Users", &person(name).to_string()]).await;
        assert_eq!(told["answer"]["status"], 409, "{told:#}");
        let detail = told["answer"]["body"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with(&format!("[{code}]")), "{detail}");
        let answer = stage.scim.post("/Users", &person(name)).await;
        assert_eq!(answer.json()["detail"], told["answer"]["body"]["detail"], "as in earnest");
        assert_eq!(told["calls"][0]["sent"], false, "{told:#}");
    }
    let told = explained(prepared, &["POST", "/Users", "{not json"]).await;
    assert_eq!((&told["answer"]["status"], &told["calls"]), (&json!(400), &json!([])), "{told:#}");
    let text = explain(prepared, &["DELETE", "/Users"]).await.ok().stdout;
    assert!(text.contains("405 Method Not Allowed") && text.contains("No call to Keycloak."), "{text}");
}

/// The status and code that `explain` tells, which must be those in earnest.
async fn foreseen(stage: &Stage, method: &str, path: &str, body: &Value) -> (Value, String) {
    let told = explained(stage.gateway.prepared(), &[method, path, &body.to_string()]).await;
    let answer = match method {
        "POST" => stage.scim.post(path, body).await,
        "PUT" => stage.scim.put(path, body).await,
        _ => stage.scim.patch(path, body).await,
    };
    let status = told["answer"]["status"].clone();
    assert_eq!(status, answer.status, "told {told:#}\nin earnest {answer}");
    let detail = |body: &Value| body["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(detail(&told["answer"]["body"]), detail(answer.json()));
    (status, detail(answer.json()))
}

async fn taken_names() {
    let stage = Stage::new("explain").await;
    let id = stage.create("babs").await;
    stage.create("jane").await;
    stage.settled().await;
    let path = format!("/Users/{id}");
    let set = |path: &str, value: Value| {
        super::stage::patch(&json!([{ "op": "replace", "path": path, "value": value }]))
    };
    let rename = set("userName", json!("jane"));
    assert_eq!(foreseen(&stage, "PATCH", &path, &rename).await.0, 409);
    let address = set("emails", json!([{ "value": "jane@example.com", "primary": true }]));
    assert_eq!(foreseen(&stage, "PATCH", &path, &address).await.0, 409);
    let by_address = user("jane@example.com", json!({}));
    assert_eq!(foreseen(&stage, "POST", "/Users", &by_address).await.0, 409);
    let itself = set("userName", json!("babs"));
    assert_eq!(foreseen(&stage, "PATCH", &path, &itself).await.0, 200);
    let free = set("userName", json!("babs.jensen"));
    assert_eq!(foreseen(&stage, "PATCH", &path, &free).await.0, 200);
}

async fn by_the_realms_rules() {
    let stage = Stage::new("explain").await;
    let id = stage.create("babs").await;
    stage.settled().await;
    stage.realm.put("", &json!({ "editUsernameAllowed": false, "loginWithEmailAllowed": false })).await;
    let rename =
        super::stage::patch(&json!([{ "op": "replace", "path": "userName", "value": "babs.jensen" }]));
    let (status, detail) = foreseen(&stage, "PATCH", &format!("/Users/{id}"), &rename).await;
    assert_eq!(status, 400, "{detail}");
    // Where nobody signs in by address, one may be somebody's username.
    assert_eq!(foreseen(&stage, "POST", "/Users", &user("babs@example.com", json!({}))).await.0, 201);
}

/// What a client sees of a group but for what every change makes anew, members by their ids.
fn seen(answer: &Value) -> Value {
    let mut seen = answer.clone();
    let object = seen.as_object_mut().unwrap_or_else(|| panic!("no object: {answer:#}"));
    object.shift_remove("id");
    object.shift_remove("meta");
    seen
}

async fn push() {
    let stage = Stage::new("explain").await;
    let babs = stage.create("babs").await;
    let body = group("Tour Guides", [&babs]).to_string();
    let told = explained(stage.gateway.prepared(), &["POST", "/Groups", &body]).await;
    let made_up = told["answer"]["body"]["id"].as_str().unwrap();
    let calls = told["calls"].as_array().unwrap();
    let create = calls.iter().find(|call| call["method"] == "POST").unwrap();
    assert_eq!((&create["body"]["name"], &create["sent"]), (&json!("Tour Guides"), &json!(false)));
    assert!(lines(&told).contains(&format!("PUT users/{babs}/groups/{made_up}")), "{told:#}");
    assert_eq!(told["answer"]["status"], 201);
    assert_eq!(told["answer"]["body"]["members"][0]["value"], *babs);
    let last = calls.last().unwrap();
    assert_eq!((&last["method"], &last["after_answer"]), (&json!("PUT"), &json!(true)), "{told:#}");
    assert!(!last["body"].to_string().contains("\"~"), "the group comes to rest: {told:#}");

    let text = explain(stage.gateway.prepared(), &["POST", "/Groups", &body]).await.ok().stdout;
    for expected in [
        "POST groups -> not sent   # create the group, marked as unfinished",
        "not sent   # put the user into the group",
        "and after the answer:",
        "# all is done: take the marks away",
        "The answer would be 201 Created",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert_eq!(stage.realm.get("/groups").await, json!([]), "no group was created");
    assert_eq!(stage.realm.get(&format!("/users/{babs}/groups")).await, json!([]));
}

/// A group's life, each step explained first and then taken: the calls are the same, and so are the answers.
async fn groups_as_in_earnest() {
    let realm = admin().await.create_realm("explain").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await.via(&proxy).serve().await;
    let stage = Stage { scim: gateway.scim().await, gateway, realm };
    let [babs, jane, mandy] =
        [stage.create("babs").await, stage.create("jane").await, stage.create("mandy").await];
    let guests = stage.push("Guests", &[]).await;
    let (gateway, scim) = (&stage.gateway, &stage.scim);

    let mut guides = String::from("nobody");
    let steps = [
        ("POST", group("Tour Guides", [&babs])),
        ("PATCH", adding([&jane])),
        ("PATCH", adding([&guests])),
        ("PATCH", removing([&babs])),
        ("PATCH", renaming("Guides")),
        ("PUT", group("Guides", [&babs, &mandy])),
        ("GET", Value::Null),
        ("DELETE", Value::Null),
    ];
    for (method, body) in steps {
        stage.groups_settled().await;
        let path = if method == "POST" { "/Groups".to_owned() } else { at(&guides) };
        let context = format!("{method} {body}");
        let sent = (!body.is_null()).then(|| body.to_string());
        let arguments: Vec<&str> = [method, &path].into_iter().chain(sent.as_deref()).collect();
        let told = explained(gateway.prepared(), &arguments).await;
        proxy.drain();
        let answer = match method {
            "POST" => scim.post(&path, &body).await.expect(201),
            "PATCH" => scim.patch(&path, &body).await.expect(200),
            "PUT" => scim.put(&path, &body).await.expect(200),
            "DELETE" => scim.delete(&path).await.expect(204),
            _ => scim.get(&path).await.expect(200),
        };
        assert_eq!(told["answer"]["status"], answer.status, "{context}\n{told:#}");
        let mut planned = lines(&told);
        if method != "DELETE" {
            assert_eq!(seen(&told["answer"]["body"]), seen(answer.json()), "{context}");
            let made_up = told["answer"]["body"]["id"].as_str().unwrap();
            guides = answer.id();
            planned.iter_mut().for_each(|line| *line = line.replace(made_up, &guides));
        }
        let done = async || proxy.count(|call| !call.is_openid() && call.status.is_some()) >= planned.len();
        super::stage::until(&format!("all calls are made: {context}: {planned:#?}"), done).await;
        let mut made = drained(&proxy);
        planned.sort();
        made.sort();
        assert_eq!(planned, made, "{context}");
    }
}

async fn group_refusals() {
    let stage = Stage::new("explain").await;
    let jane = stage.realm.create_user(&by_hand("jane")).await;
    let [guides, guests, hosts] =
        [stage.push("Guides", &[]).await, stage.push("Guests", &[]).await, stage.push("Hosts", &[]).await];
    stage.realm.group_by_hand("Admins", None).await;
    // Below one of them there are somebody else's groups; another one has the name of the first.
    for name in ["Guests", "Porters"] {
        stage.realm.group_by_hand(name, Some(&guides)).await;
    }
    let into = at(&guides);
    for (method, path, body, status, code) in [
        ("POST", "/Groups", group("guides", []), 409, "group-exists"),
        ("POST", "/Groups", group("Admins", []), 409, "unmanaged-group-exists"),
        ("POST", "/Groups", group("Drivers", [&jane]), 400, "unknown-member"),
        ("PATCH", &into, renaming("Guests"), 409, "group-exists"),
        ("PATCH", &into, adding([&guests]), 409, "group-exists"),
        ("PATCH", &into, adding([&guides]), 400, "group-not-nestable"),
        ("PATCH", &into, adding([&hosts]), 200, ""),
        ("PATCH", &at(&hosts), renaming("Porters"), 409, "group-exists"),
        ("PATCH", &at(&hosts), renaming("Waiters"), 200, ""),
        ("PUT", "/Groups/nobody", group("Drivers", []), 404, "not-found"),
        ("PUT", &into, group(" ", []), 400, ""),
    ] {
        // A move that Keycloak refuses leaves a group that comes to rest when somebody looks at it.
        stage.pushed(&guides).await;
        stage.groups_settled().await;
        let (told, detail) = foreseen(&stage, method, path, &body).await;
        assert_eq!(told, status, "{method} {path} {body}: {detail}");
        assert!(detail.contains(code), "{method} {path} {body}: {detail}");
    }
    let told = explained(stage.gateway.prepared(), &["DELETE", &into]).await;
    assert_eq!(told["answer"]["status"], 409, "{told:#}");
    let answer = stage.scim.delete(&into).await.expect(409);
    assert_eq!(told["answer"]["body"]["detail"], answer.json()["detail"]);
}

async fn arguments() {
    let stage = Stage::new("explain").await;
    let realm = stage.realm.name();
    for arguments in [
        vec!["GET", "/Users", "--realm", realm, "--caller", "okta"],
        vec!["get", "/Users?filter=profileUrl eq \"https://example.com/realms/x/scim/v2\""],
        vec!["GET", &format!("/realms/{realm}/scim/v2/Users")],
        vec!["GET", &format!("{}/Users", stage.gateway.base_url())],
    ] {
        assert_eq!(explained(stage.gateway.prepared(), &arguments).await["answer"]["status"], 200);
    }
    for (arguments, expected) in [
        (vec!["GET", "/Users", "--caller", "entra"], "has no caller entra; it has okta"),
        (vec!["GET", "/realms/other/scim/v2/Users"], "has no realm other; it has"),
        (vec!["POST", "/Users", "--file", "nowhere.json"], "the body can't be read from nowhere.json"),
    ] {
        let finished = explain(stage.gateway.prepared(), &arguments).await;
        assert!(!finished.status.success() && finished.stderr.contains(expected), "{}", finished.stderr);
    }
}

async fn organizations() {
    let realm = admin().await.create_realm("explain").await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    realm.create_organization("contoso").await;
    let prepared = Gateway::setup_with(&realm, Auth::Token, &["--organization", "contoso"]).await;
    let finished = explain(&prepared, &["GET", "/Users"]).await;
    let told =
        "has no caller of its own, only its organizations have: say which with --organization: contoso";
    assert!(!finished.status.success() && finished.stderr.contains(told), "{finished:?}");
    let path = format!("/realms/{}/scim/v2/organizations/contoso/Users", realm.name());
    for arguments in [["GET", "/Users", "--organization", "contoso"].as_slice(), &["GET", &path]] {
        let told = explained(&prepared, arguments).await;
        assert_eq!(told["answer"]["status"], 200, "{told:#}");
        assert!(told["target"].as_str().unwrap().ends_with("/organizations/contoso/Users"), "{told:#}");
    }
}

async fn without_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let finished = run(directory.path(), &["explain", "GET", "/Users"], &[]).await;
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("config.toml: there is no such file"), "{}", finished.stderr);
    assert!(finished.stderr.contains("--stand-in"), "{}", finished.stderr);
}

async fn on_a_stand_in() {
    let directory = tempfile::tempdir().unwrap();
    let body = person("babs").to_string();
    let finished = run(directory.path(), &["explain", "--stand-in", "POST", "/Users", &body], &[]).await.ok();
    assert!(finished.stdout.contains("POST users -> not sent"), "{}", finished.stdout);
    assert!(finished.stdout.contains("The answer would be 201 Created"), "{}", finished.stdout);
    let pushed = json!({ "schemas": [GROUP], "displayName": "Tour Guides" }).to_string();
    let finished =
        run(directory.path(), &["explain", "--stand-in", "POST", "/Groups", &pushed], &[]).await.ok();
    assert!(finished.stdout.contains("POST groups -> not sent"), "{}", finished.stdout);
    assert!(finished.stdout.contains("The answer would be 201 Created"), "{}", finished.stdout);
    let pasted = ["explain", "--stand-in", "GET", "/realms/acme/scim/v2/Users"];
    let finished = run(directory.path(), &pasted, &[]).await.ok();
    assert!(finished.stdout.contains("The answer would be 200 OK"), "{}", finished.stdout);
}
