//! A new configuration while the gateway serves: taken without a torn request, or refused with the reason.

mod files;
mod keycloak;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;

use super::auth::sha256;
use super::stage::{Stage, person, until};
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    let trials = [
        both("reload::no_request_fails_while_it_happens_under_load", under_load),
        both("reload::a_bad_file_keeps_the_old_configuration_and_says_why", bad_file),
        both("reload::a_mounted_file_is_exchanged_with_its_folder", symlink_swap),
        both("reload::callers_come_and_go_at_once", callers),
        both("reload::attributes_of_the_realm_override_the_file", realm_attributes),
    ];
    trials.into_iter().flatten().chain(files::trials()).chain(keycloak::trials()).collect()
}

async fn metrics(gateway: &Gateway) -> String {
    let url = format!("{}/metrics", gateway.private_url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}

/// How many new configurations there were, by what became of them.
async fn reloads(gateway: &Gateway, result: &str) -> u64 {
    let line = format!("scimgate_config_reloads_total{{result=\"{result}\"}} ");
    let metrics = metrics(gateway).await;
    metrics.lines().find_map(|found| found.strip_prefix(&line)).and_then(|count| count.parse().ok()).unwrap()
}

/// Changes the file, and waits until the gateway has taken it or refused it.
async fn change(gateway: &Gateway, result: &str, change: impl FnOnce(&str) -> String) {
    let before = reloads(gateway, result).await;
    let path = gateway.prepared().config();
    let text = fs::read_to_string(&path).unwrap();
    // As editors and orchestrators do: never half a file.
    replace(&path, &change(&text));
    until("the configuration is read again", async || reloads(gateway, result).await > before).await;
}

/// The most resources on a page: what the configuration in force says.
async fn page_size(scim: &Scim) -> serde_json::Value {
    scim.get("/ServiceProviderConfig").await.expect(200).json()["filter"]["maxResults"].clone()
}

/// Waits until the configuration in force says so.
async fn until_page_size(scim: &Scim, size: usize, what: &str) {
    until(what, async || page_size(scim).await == size).await;
}

/// Replaces the file's text as a whole.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}

fn with_page_size(text: &str, realm: &str, size: usize) -> String {
    crate::gateway::with_key(text, &["realms", realm, "max_page_size"], i64::try_from(size).unwrap().into())
}

async fn under_load() {
    let mut stage = Stage::new("reload").await;
    let ids = [stage.create("adam").await, stage.create("babs").await];
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..4)
        .map(|number: usize| {
            let (scim, done, answered) = (stage.scim.clone(), Arc::clone(&done), Arc::clone(&answered));
            let id = ids[number % 2].clone();
            tokio::spawn(async move {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    scim.get("/Users?count=10").await.expect(200);
                    scim.get(&format!("/Users/{id}")).await.expect(200);
                    let title =
                        json!([{ "op": "replace", "path": "title", "value": format!("{number}-{round}") }]);
                    scim.patch(&format!("/Users/{id}"), &super::stage::patch(&title)).await.expect(200);
                    let name = format!("worker-{number}-{round}");
                    let made = scim.post("/Users", &person(&name)).await.expect(201).id();
                    scim.delete(&format!("/Users/{made}")).await.expect(204);
                    answered.fetch_add(5, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let realm = stage.realm.name().to_owned();
    for size in [50, 60, 70] {
        change(&stage.gateway, "applied", |text| with_page_size(text, &realm, size)).await;
        let seen = answered.load(Ordering::Relaxed);
        until("requests go on", async || answered.load(Ordering::Relaxed) > seen + 10).await;
    }
    let before = reloads(&stage.gateway, "applied").await;
    stage.gateway.hang_up();
    until("SIGHUP is heard", async || reloads(&stage.gateway, "applied").await > before).await;
    done.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.expect("no request failed");
    }
    // What is in force is the last one.
    assert_eq!(page_size(&stage.scim).await, 70);
}

async fn bad_file() {
    let stage = Stage::new("bad-reload").await;
    let id = stage.create("babs").await;
    for (broken, told) in [
        ("this is no TOML", "this is not valid TOML"),
        ("[realms.acme.nonsense]\nx = 1", "unknown key"),
        ("[server]\nlisten = \"nowhere\"", "duplicate key"),
    ] {
        let good = fs::read_to_string(stage.gateway.prepared().config()).unwrap();
        change(&stage.gateway, "refused", |text| format!("{text}\n{broken}\n")).await;
        let log = stage.gateway.log();
        assert!(
            log.contains("the configuration is refused, the old one stays") && log.contains(told),
            "{told}\n{log}"
        );
        assert!(metrics(&stage.gateway).await.contains("scimgate_config_last_reload_successful 0"));
        stage.scim.get(&format!("/Users/{id}")).await.expect(200);
        change(&stage.gateway, "applied", |_| good).await;
        assert!(metrics(&stage.gateway).await.contains("scimgate_config_last_reload_successful 1"));
    }
    // A realm that can't be served is refused as well, and nothing of the file is taken.
    let realm = stage.realm.name().to_owned();
    change(&stage.gateway, "refused", |text| {
        let text = with_page_size(text, &realm, 50);
        crate::gateway::with_key(&text, &["realms", &realm, "tag_role"], "no-such-role".into())
    })
    .await;
    assert!(stage.gateway.log().contains("the realm role \"no-such-role\" is missing"));
    assert_eq!(page_size(&stage.scim).await, 200);
}

async fn symlink_swap() {
    // config.toml -> ..data/config.toml, and ..data -> a folder that is exchanged whole.
    let realm = crate::admin::admin().await.create_realm("mounted").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let folder = prepared.directory();
    let data = |version: &str| folder.join(format!("..{version}"));
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for version in ["v1", "v2"] {
        fs::create_dir(data(version)).unwrap();
        for file in &files {
            fs::copy(folder.join(file), data(version).join(file)).unwrap();
        }
    }
    let second = data("v2").join("config.toml");
    let text = fs::read_to_string(&second).unwrap();
    fs::write(&second, with_page_size(&text, realm.name(), 50)).unwrap();
    std::os::unix::fs::symlink("..v1", folder.join("..data")).unwrap();
    for file in &files {
        fs::remove_file(folder.join(file)).unwrap();
        std::os::unix::fs::symlink(format!("..data/{file}"), folder.join(file)).unwrap();
    }
    let gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    assert_eq!(page_size(&scim).await, 200);
    std::os::unix::fs::symlink("..v2", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    until_page_size(&scim, 50, "the exchanged folder is seen").await;
}

async fn callers() {
    let stage = Stage::new("callers-reload").await;
    let realm = stage.realm.name().to_owned();
    let token = "a-token-that-comes-and-goes-0123456789";
    let newcomer = Scim::bearer(stage.gateway.base_url(), token);
    newcomer.get("/Users").await.expect(401);
    let without = fs::read_to_string(stage.gateway.prepared().config()).unwrap();
    let table = format!("[realms.{realm}.callers.entra]\nauth = \"token\"\nsha256 = [\"{}\"]", sha256(token));
    change(&stage.gateway, "applied", |text| format!("{text}\n{table}\n")).await;
    let id = newcomer.post("/Users", &person("babs")).await.expect(201).id();
    stage.scim.get(&format!("/Users/{id}")).await.expect(200);
    change(&stage.gateway, "applied", |_| without).await;
    newcomer.get("/Users").await.expect(401);
    stage.scim.get(&format!("/Users/{id}")).await.expect(200);
}

async fn realm_attributes() {
    let stage = Stage::with("attributes", Auth::Token, |realm, prepared| {
        prepared.set(&["realms", realm, "realm_attributes"], true)
    })
    .await;
    let extension = Scim::bearer(stage.gateway.base_url(), "a-shared-secret-of-the-extension");
    extension.get("/Users").await.expect(401);
    let hash = super::auth::argon2("a-shared-secret-of-the-extension");
    stage
        .realm
        .put(
            "",
            &json!({ "realm": stage.realm.name(), "attributes": {
                "scim.authentication.mode": "EXTERNAL", "scim.external.shared.secret": hash,
                "scim.email.as.username": "true",
            } }),
        )
        .await;
    let patience = Duration::from_secs(40);
    let began = std::time::Instant::now();
    while extension.get("/Users").await.status != 200 {
        assert!(began.elapsed() < patience, "the attributes are not followed: {}", stage.gateway.log());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let id = extension.post("/Users", &person("babs")).await.expect(201).id();
    assert_eq!(stage.stored(&id).await["username"], "babs@example.com");
    // The callers of the file stay.
    assert_eq!(stage.read(&id).await["userName"], "babs");
    assert!(!stage.gateway.log().contains("argon2id"));
    let directory = stage.gateway.prepared().directory();
    let explain = ["config", "explain", "--config", "config.toml", "--realm", stage.realm.name()];
    let told = crate::gateway::run(&directory, &explain, &[]).await.ok().stdout;
    let line = |key: &str| {
        let line = told
            .lines()
            .find(|line| line.starts_with(&format!("{key} =")))
            .unwrap_or_else(|| panic!("{key}\n{told}"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("email_as_username"), "email_as_username = true realm attribute scim.email.as.username");
    let secret = "callers.realm-attributes.argon2";
    assert_eq!(line(secret), format!("{secret} = (set) realm attribute scim.external.shared.secret"));
    assert!(!told.contains("argon2id"), "{told}");
}
