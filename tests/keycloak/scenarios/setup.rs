//! `scimgate setup`: it prepares a realm and a configuration once, tells what to type in, and leaves no trace of who ran it.

mod tenants;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::stage::user;
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Finished, Gateway, run};
use crate::keycloak::{ADMIN_PASSWORD, ADMIN_USER};
use crate::runner::both;

/// A word that stands nowhere by chance.
const PASSWORD: &str = "correct-horse-battery-staple";

pub fn trials() -> Vec<Trial> {
    [
        both("setup::a_second_run_with_a_token_changes_nothing", || twice("token")),
        both("setup::a_second_run_with_a_client_changes_nothing", || twice("keycloak")),
        both("setup::the_realm_master_is_refused", master),
        both("setup::a_missing_realm_is_made_only_on_request", missing_realm),
        both("setup::a_failed_sign_in_says_why_and_leaves_nothing", sign_in),
        both("setup::secrets_are_private_and_the_password_is_kept_nowhere", traces),
        both("setup::the_clients_may_do_just_what_they_need", roles),
        both("setup::a_realm_prepared_by_hand_is_completed", by_hand),
        both("setup::a_role_that_is_dangerous_as_a_tag_is_refused", dangerous_role),
        both("setup::a_custom_schema_is_served_after_another_run", custom_schema),
        both("setup::the_text_tells_what_to_type_into_okta", text),
    ]
    .into_iter()
    .flatten()
    .chain(tenants::trials())
    .collect()
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("scimgate-setup-").tempdir().unwrap()
}

/// Runs `setup` for this realm; a later option replaces the same one before it.
async fn setup(directory: &Path, keycloak: &str, realm: &str, options: &[&str]) -> Finished {
    let mut arguments = vec!["setup"];
    let standard = [
        ("--keycloak", keycloak),
        ("--realm", realm),
        ("--admin-user", ADMIN_USER),
        ("--admin-password-env", "P"),
        ("--caller", "okta"),
        ("--auth", "token"),
        ("--out", "out"),
    ];
    for (option, value) in standard {
        if !options.contains(&option) {
            arguments.extend([option, value]);
        }
    }
    arguments.extend(options);
    run(directory, &arguments, &[("P", ADMIN_PASSWORD)]).await
}

/// Name, mode and content of all files.
fn files(directory: &Path) -> BTreeMap<String, (u32, String)> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
    let file = |entry: fs::DirEntry| {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        (entry.file_name().into_string().unwrap(), (mode, fs::read_to_string(entry.path()).unwrap()))
    };
    entries.map(|entry| file(entry.unwrap())).collect()
}

/// All of a realm that setup could change.
async fn state(realm: &Realm) -> Value {
    let clients = realm.get("/clients").await;
    let mut state = json!({
        "realm": realm.get("").await,
        "profile": realm.get("/users/profile").await,
        "roles": realm.get("/roles?briefRepresentation=false").await,
        "users": realm.get("/users?max=1000").await,
        "events": realm.get("/events/config").await,
    });
    for client in clients.as_array().unwrap() {
        let id = client["id"].as_str().unwrap();
        let mut mappings = Value::Null;
        if client["serviceAccountsEnabled"] == true {
            let account = realm.get(&format!("/clients/{id}/service-account-user")).await;
            mappings = realm.get(&format!("/users/{}/role-mappings", account["id"].as_str().unwrap())).await;
        }
        state[id] = json!({ "client": client, "mappings": mappings });
    }
    state
}

async fn twice(auth: &str) {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    let out = directory.path().join("out");
    let options = ["--auth", auth, "--json"];
    let first = setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
    let (files_before, state_before) = (files(&out), state(&realm).await);
    assert!(files_before.contains_key("config.toml"), "{files_before:?}");
    let second = setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
    assert_eq!(files(&out), files_before, "files, byte for byte");
    assert_eq!(state(&realm).await, state_before, "the realm");
    let [mut first, second]: [Value; 2] =
        [first, second].map(|finished| serde_json::from_str(&finished.stdout).unwrap());
    assert_ne!(first["changed"], json!([]));
    assert_eq!(second["changed"], json!([]));
    first["changed"] = json!([]);
    assert_eq!(first, second, "it prints the same again");
    let third = setup(directory.path(), realm.keycloak(), realm.name(), &["--auth", auth]).await.ok();
    assert!(third.stdout.starts_with("Everything was in place: nothing to change.\n"), "{}", third.stdout);
    assert_eq!(files(&out), files_before);
}

/// It failed and said so in one sentence that holds this, and made no file.
#[track_caller]
fn refused(finished: &Finished, directory: &Path, says: &str) {
    assert!(!finished.status.success(), "{finished:?}");
    assert!(finished.stderr.contains(says), "not {says:?} but: {}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    assert_eq!(files(&directory.join("out")), BTreeMap::new());
}

async fn master() {
    let admin = admin().await;
    let directory = directory();
    for options in [&[][..], &["--create-realm"], &["--auth", "keycloak"]] {
        let finished = setup(directory.path(), admin.url(), "master", options).await;
        refused(&finished, directory.path(), "the realm master is refused");
    }
    let role = admin.call(Method::GET, "/master/roles/scim-managed", None).await;
    assert_eq!(role.status, 404, "master was not touched");
}

async fn missing_realm() {
    let admin = admin().await;
    let name = format!("setup-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let directory = directory();
    let finished = setup(directory.path(), admin.url(), &name, &["--json"]).await;
    refused(&finished, directory.path(), "--create-realm");
    assert!(finished.stderr.contains(&format!("there is no realm {name}")), "{}", finished.stderr);
    admin.call(Method::GET, &format!("/{name}"), None).await.expect(404);
    let realm = admin.realm(&name);
    let gateway = Gateway::setup_with(&realm, Auth::Token, &["--create-realm"]).await.serve().await;
    assert_eq!(realm.get("").await["enabled"], true);
    gateway.scim().await.post("/Users", &user("babs@example.com", json!({}))).await.expect(201);
    realm.delete("").await;
}

async fn sign_in() {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    let before = state(&realm).await;
    let password = directory.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let file = password.to_str().unwrap();
    // Instead of the variable.
    let wrong =
        ["setup", "--keycloak", realm.keycloak(), "--realm", realm.name(), "--admin-user", ADMIN_USER];
    let wrong =
        [&wrong[..], &["--admin-password-file", file, "--caller", "okta", "--auth", "token", "--out", "out"]]
            .concat();
    let finished = run(directory.path(), &wrong, &[]).await;
    refused(&finished, directory.path(), "Keycloak does not let admin sign in to the realm master");
    assert!(
        finished.stderr.contains("Check --admin-user, --admin-realm and the password"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains(PASSWORD), "{}", finished.stderr);

    let finished =
        setup(directory.path(), realm.keycloak(), realm.name(), &["--admin-password-env", "UNSET"]).await;
    refused(&finished, directory.path(), "the environment variable UNSET (--admin-password-env) is not set");

    // Somebody who is no administrator.
    person(&realm, "jensen").await;
    let mut nobody = wrong.clone();
    nobody.extend(["--admin-realm", realm.name()]);
    let at = nobody.iter().position(|argument| *argument == "--admin-user").unwrap();
    nobody[at + 1] = "jensen";
    let finished = run(directory.path(), &nobody, &[]).await;
    refused(&finished, directory.path(), "jensen may not administer the realm");

    let nowhere = format!("http://127.0.0.1:{}", crate::ports::free());
    let finished = setup(directory.path(), &nowhere, realm.name(), &[]).await;
    refused(&finished, directory.path(), "Keycloak can't be reached at");
    let finished = setup(directory.path(), &format!("{}/auth", realm.keycloak()), realm.name(), &[]).await;
    refused(&finished, directory.path(), "Check --keycloak");
    let after = state(&realm).await;
    for part in ["realm", "profile", "roles"] {
        assert_eq!(after[part], before[part], "{part}");
    }
}

/// A person of the realm who can sign in with [`PASSWORD`].
async fn person(realm: &Realm, name: &str) -> String {
    let person = json!({
        "username": name, "email": format!("{name}@example.com"), "firstName": "Babs", "lastName": "Jensen", "enabled": true,
    });
    let id = realm.create_user(&person).await;
    realm.set_password(&id, PASSWORD).await;
    id
}

/// Gives the user a role of realm-management.
async fn empower(realm: &Realm, user: &str, role: &str) {
    let management = realm.client_uuid("realm-management").await;
    let role = realm.get(&format!("/clients/{management}/roles/{role}")).await;
    realm.post(&format!("/users/{user}/role-mappings/clients/{management}"), &json!([role])).await;
}

async fn traces() {
    for auth in ["token", "keycloak"] {
        let realm = admin().await.create_realm("setup").await;
        let administrator = person(&realm, "jensen").await;
        empower(&realm, &administrator, "realm-admin").await;
        let directory = directory();
        let arguments = [
            "setup",
            "--keycloak",
            realm.keycloak(),
            "--realm",
            realm.name(),
            "--admin-user",
            "jensen",
            "--admin-realm",
            realm.name(),
            "--admin-password-env",
            "P",
            "--caller",
            "okta",
            "--auth",
            auth,
            "--out",
            "out",
        ];
        let finished = run(directory.path(), &arguments, &[("P", PASSWORD)]).await.ok();
        let out = directory.path().join("out");
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o700);
        let files = files(&out);
        let callers = if auth == "token" { "okta-token" } else { "okta-client-secret" };
        let names = [
            "config.toml".to_owned(),
            format!("{}-keycloak-client-secret", realm.name()),
            format!("{}-{callers}", realm.name()),
        ];
        assert_eq!(files.keys().cloned().collect::<Vec<_>>(), names);
        for (name, (mode, content)) in &files {
            assert_eq!(mode & 0o777, 0o600, "{name}");
            assert!(
                !content.contains(PASSWORD) && !content.contains("jensen"),
                "{name} names the administrator"
            );
        }
        for (secret, (_, content)) in files.iter().filter(|(name, _)| *name != "config.toml") {
            assert!(
                !files["config.toml"].1.contains(content.trim()),
                "config.toml holds the secret of {secret}"
            );
        }
        assert!(!format!("{}{}", finished.stdout, finished.stderr).contains(PASSWORD), "{finished:?}");
        assert_eq!(
            realm.user_sessions(&administrator).await,
            [Value::Null; 0],
            "the administrator is signed out"
        );
    }
}

async fn roles() {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    setup(directory.path(), realm.keycloak(), realm.name(), &["--auth", "keycloak"]).await.ok();
    let management = realm.client_uuid("realm-management").await;
    for (client_id, expected) in
        [("scimgate", &["manage-users", "view-clients", "view-realm"][..]), ("scim-okta", &[])]
    {
        let uuid = realm.client_uuid(client_id).await;
        let client = realm.get(&format!("/clients/{uuid}")).await;
        for off in ["publicClient", "standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"]
        {
            assert_eq!(client[off], false, "{client_id}: {off}");
        }
        assert_eq!(client["serviceAccountsEnabled"], true, "{client_id}");
        let account = realm.get(&format!("/clients/{uuid}/service-account-user")).await;
        let account = account["id"].as_str().unwrap();
        let mut direct: Vec<String> = realm
            .get(&format!("/users/{account}/role-mappings/clients/{management}"))
            .await
            .as_array()
            .unwrap()
            .iter()
            .map(|role| role["name"].as_str().unwrap().to_owned())
            .collect();
        direct.sort();
        assert_eq!(direct, expected, "{client_id}");
        assert_eq!(
            realm.user_role_names(account).await,
            [format!("default-roles-{}", realm.name())],
            "{client_id}: realm roles"
        );
    }
}

async fn by_hand() {
    let realm = admin().await.create_realm("setup").await;
    realm.post("/roles", &json!({ "name": "scim-managed", "description": "Made by hand" })).await;
    let mut profile = realm.get("/users/profile").await;
    let by_hand = json!({
        "name": "title", "displayName": "Anrede", "permissions": { "view": ["admin", "user"], "edit": ["admin", "user"] },
        "validations": { "length": { "max": 20 } }, "annotations": {}, "multivalued": false,
    });
    let foreign = json!({
        "name": "shoeSize", "displayName": "Shoe size", "permissions": { "view": ["admin"], "edit": ["admin"] },
        "annotations": {}, "multivalued": false,
    });
    profile["attributes"].as_array_mut().unwrap().extend([by_hand.clone(), foreign.clone()]);
    realm.put("/users/profile", &profile).await;
    let client = json!({
        "clientId": "scimgate", "name": "By hand", "secret": "chosen-by-hand", "serviceAccountsEnabled": true,
        "standardFlowEnabled": false, "directAccessGrantsEnabled": false,
    });
    let uuid = realm.post("/clients", &client).await;
    let account = realm.get(&format!("/clients/{uuid}/service-account-user")).await;
    empower(&realm, account["id"].as_str().unwrap(), "manage-users").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let changed = prepared.json["changed"].to_string();
    for done in ["service account given view-realm, view-clients", "declared scim.managed"] {
        assert!(changed.contains(done), "{done}: {changed}");
    }
    for not_done in ["realm role", "created", "title", "manage-users"] {
        assert!(!changed.contains(not_done), "{not_done}: {changed}");
    }
    assert_eq!(realm.get("/roles/scim-managed").await["description"], "Made by hand");
    let after = realm.get("/users/profile").await;
    let attributes = after["attributes"].as_array().unwrap();
    for kept in [&by_hand, &foreign] {
        let found = attributes.iter().find(|attribute| attribute["name"] == kept["name"]).unwrap();
        for (key, value) in kept.as_object().unwrap() {
            assert!(found[key] == *value, "{key} of {} stays: {found}", kept["name"]);
        }
    }
    assert_eq!(realm.get(&format!("/clients/{uuid}")).await["name"], "By hand");
    let secret = prepared.directory().join(format!("{}-keycloak-client-secret", realm.name()));
    assert_eq!(fs::read_to_string(secret).unwrap().trim(), "chosen-by-hand");
    let gateway = prepared.serve().await;
    let created =
        gateway.scim().await.post("/Users", &user("babs@example.com", json!({ "title": "Guide" }))).await;
    assert_eq!(created.expect(201).json()["title"], "Guide");
}

async fn dangerous_role() {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    realm.create_role("scim-managed").await;
    realm.create_role("power").await;
    let power = realm.get("/roles/power").await;
    realm.post("/roles/scim-managed/composites", &json!([power])).await;
    let finished = setup(directory.path(), realm.keycloak(), realm.name(), &[]).await;
    refused(&finished, directory.path(), "it brings other roles with it");
    realm.call(Method::DELETE, "/roles/scim-managed/composites", Some(&json!([power]))).await.ok();
    let tag = realm.get("/roles/scim-managed").await;
    let defaults = format!("/roles/default-roles-{}/composites", realm.name());
    realm.post(&defaults, &json!([tag])).await;
    let finished = setup(directory.path(), realm.keycloak(), realm.name(), &[]).await;
    refused(&finished, directory.path(), "it is among the realm's default roles");
    realm.call(Method::DELETE, &defaults, Some(&json!([tag]))).await.ok();
    setup(directory.path(), realm.keycloak(), realm.name(), &[]).await.ok();
}

/// Tables of a schema whose attributes go to the Keycloak attributes `badge`, `keys` and `zone`.
fn badge_schema(table: &str) -> String {
    let table = format!("{table}.schemas.\"{BADGE}\".attributes");
    format!(
        "[{table}]\nbadgeNumber = {{ keycloak_attribute = \"badge\", description = \"Number on the badge\" }}\n\
         keys = {{ multi_valued = true, keycloak_attribute = \"keys\" }}\ncolour = {{}}\n\
         [{table}.access]\ntype = \"complex\"\nmulti_valued = true\n\
         sub_attributes.zone.keycloak_attribute = \"zone\"\nsub_attributes.until.type = \"dateTime\""
    )
}

const BADGE: &str = "urn:ietf:params:scim:schemas:extension:badge:2.0:User";

async fn custom_schema() {
    for table in ["realms.NAME", "defaults"] {
        let realm = admin().await.create_realm("setup").await;
        let table = table.replace("NAME", realm.name());
        let prepared = Gateway::setup(&realm, Auth::Token).await.append(&badge_schema(&table));
        let directory = prepared.directory().parent().unwrap().to_owned();
        let before = realm.get("/users/profile").await;

        let serve = ["serve", "--config", "out/config.toml"];
        let refused = run(&directory, &serve, &[]).await;
        assert!(!refused.status.success(), "{refused:?}");
        for told in [
            "the user profile does not declare badge, keys, zone:",
            "scimgate setup --keycloak",
            "mends what is missing",
        ] {
            assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
        }

        // A schema that serve would refuse stops setup before it touches anything.
        let config = fs::read_to_string(prepared.config()).unwrap();
        fs::write(prepared.config(), config.replace("\"dateTime\"", "\"date\"")).unwrap();
        let stopped = setup(&directory, realm.keycloak(), realm.name(), &["--caller", "entra"]).await;
        assert!(!stopped.status.success(), "{stopped:?}");
        for told in ["sub_attributes.until.type: expected \"string\"", "Nothing was changed"] {
            assert!(stopped.stderr.contains(told), "{told}: {}", stopped.stderr);
        }
        assert_eq!(realm.get("/users/profile").await, before);

        // The gateway's secret is the gateway's: setup reads the schemas where it is not at hand.
        let line = config.lines().find(|line| line.starts_with("client_secret_file")).unwrap();
        fs::write(prepared.config(), config.replace(line, "client_secret_env = \"NOT_HERE\"")).unwrap();
        let run = setup(&directory, realm.keycloak(), realm.name(), &["--json"]).await.ok();
        let changed = serde_json::from_str::<Value>(&run.stdout).unwrap()["changed"].clone();
        assert_eq!(changed, json!(["user profile: declared zone, badge, keys"]));
        fs::write(prepared.config(), config).unwrap();
        let again = setup(&directory, realm.keycloak(), realm.name(), &["--json"]).await.ok();
        assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap()["changed"], json!([]));

        let profile = realm.get("/users/profile").await;
        let declared = |name: &str| {
            let all = profile["attributes"].as_array().unwrap();
            all.iter().find(|attribute| attribute["name"] == name).unwrap().clone()
        };
        let administrators = json!({ "view": ["admin"], "edit": ["admin"] });
        for (name, label, multivalued) in
            [("badge", "Number on the badge", false), ("keys", "keys", true), ("zone", "access.zone", false)]
        {
            let found = declared(name);
            assert_eq!(found["displayName"], label);
            assert_eq!(found["permissions"], administrators, "{name}");
            assert_eq!(found["multivalued"].as_bool().unwrap_or(false), multivalued, "{name}");
        }

        let gateway = prepared.serve().await;
        let scim = gateway.scim().await;
        let sent = json!({
            "badgeNumber": "0042", "keys": ["east", "west"], "colour": "red",
            "access": [{ "zone": "lobby" }, { "zone": "roof", "until": "2030-01-01T00:00:00Z" }],
        });
        let answer = scim.post("/Users", &user("babs@example.com", json!({ BADGE: sent.clone() }))).await;
        let created = answer.expect(201);
        let created = created.json();
        assert_eq!(created[BADGE], sent);
        let id = created["id"].as_str().unwrap();
        assert_eq!(scim.get(&format!("/Users/{id}")).await.expect(200).json()[BADGE], sent);
        let stored = realm.get(&format!("/users/{id}")).await;
        let mut keys: Vec<&str> = stored["attributes"]["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key.as_str().unwrap())
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, ["east", "west"]);
        assert_eq!(stored["attributes"]["badge"], json!(["0042"]));
        assert_eq!(stored["attributes"]["zone"], json!(["lobby"]));
    }
}

async fn text() {
    let realm = admin().await.create_realm("setup").await;
    let base = format!("https://scim.example.com/realms/{}", realm.name());
    for (auth, file) in [("token", "okta-token"), ("keycloak", "okta-client-secret")] {
        let directory = directory();
        let options = ["--auth", auth, "--public-url", "https://scim.example.com"];
        let finished = setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
        let secret =
            fs::read_to_string(directory.path().join(format!("out/{}-{file}", realm.name()))).unwrap();
        let value = |label: &str| {
            let line = finished.stdout.lines().find_map(|line| line.trim().strip_prefix(label));
            line.unwrap_or_else(|| panic!("no {label:?} in:\n{}", finished.stdout)).trim().to_owned()
        };
        assert_eq!(value("SCIM connector base URL"), format!("{base}/scim/v2"));
        assert_eq!(value("Unique identifier field for users"), "userName");
        if auth == "token" {
            assert_eq!(value("Authentication Mode"), "HTTP Header");
            assert_eq!(value("Authorization: Bearer"), secret.trim());
        } else {
            assert!(value("Authentication Mode").starts_with("OAuth 2"));
            assert_eq!(value("Token endpoint"), format!("{base}/protocol/openid-connect/token"));
            assert_eq!(value("Client ID"), "scim-okta");
            assert_eq!(value("Client Secret"), secret.trim());
        }
        assert!(finished.stdout.contains("scimgate serve --config out/config.toml"), "{}", finished.stdout);
        assert_eq!(finished.stderr, "");
    }
}
