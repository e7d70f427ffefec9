//! Files of the configuration that change at the wrong time, in unusual ways, or are none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{change, metrics, page_size, reloads, replace, until_page_size, with_page_size};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway, with_key, with_url};
use crate::process::{command_line, with_command_line};
use crate::proxy::{Point, Proxy};
use crate::runner::both;
use crate::scenarios::stage::{Stage, until};

pub fn trials() -> Vec<Trial> {
    [
        both("reload::what_is_written_while_another_is_put_in_force_comes_next", overtaken),
        both("reload::what_is_written_during_the_start_comes_next", overtaken_at_start),
        both("reload::a_hangup_during_the_start_ends_nothing", hung_up_at_start),
        both("reload::a_refused_file_is_taken_once_what_it_names_is_there", late_secret),
        both("reload::a_folder_that_is_exchanged_is_followed", exchanged_folders),
        both("reload::a_change_of_which_nobody_tells_is_found", untold),
        both("reload::what_is_no_file_freezes_nothing", no_file),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn overtaken() {
    let stage = Stage::new("overtaken").await;
    let realm = stage.realm.name().to_owned();
    // Only the new configuration goes this way.
    let proxy = Proxy::start(stage.realm.keycloak()).await;
    let path = stage.gateway.prepared().config();
    let text = fs::read_to_string(&path).unwrap();
    let first = with_url(&text, stage.realm.keycloak(), &proxy.url());
    let mut held = proxy.on(|_, _| true).hold(Point::BeforeKeycloak);
    replace(&path, &with_page_size(&first, &realm, 50));
    held.reached().await;
    replace(&path, &with_page_size(&first, &realm, 60));
    held.release();
    until_page_size(&stage.scim, 60, "the newer configuration is in force").await;
    assert!(metrics(&stage.gateway).await.contains("scimgate_config_last_reload_successful 1"));
}

async fn overtaken_at_start() {
    let realm = admin().await.create_realm("overtaken").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = Gateway::setup(&realm, Auth::Token).await.via(&proxy);
    let path = prepared.config();
    let mut held = proxy.on(|_, _| true).hold(Point::BeforeKeycloak);
    let meanwhile = async {
        held.reached().await;
        replace(&path, &with_page_size(&fs::read_to_string(&path).unwrap(), realm.name(), 60));
        held.release();
    };
    let (gateway, ()) = tokio::join!(prepared.serve(), meanwhile);
    until_page_size(&gateway.scim().await, 60, "the newer configuration is in force").await;
}

async fn hung_up_at_start() {
    let realm = admin().await.create_realm("hangup").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = Gateway::setup(&realm, Auth::Token).await.via(&proxy);
    let config = prepared.config().display().to_string();
    let mut held = proxy.on(|_, _| true).hold(Point::BeforeKeycloak);
    let meanwhile = async {
        held.reached().await;
        let ours: Vec<i32> = with_command_line(&config)
            .into_iter()
            .filter(|pid| command_line(*pid).starts_with(env!("CARGO_BIN_EXE_scimgate")))
            .collect();
        let [pid] = ours[..] else { panic!("one process serves {config}: {ours:?}") };
        kill(Pid::from_raw(pid), Signal::SIGHUP).unwrap();
        held.release();
    };
    let (gateway, ()) = tokio::join!(prepared.serve(), meanwhile);
    until("it was heard all the same", async || reloads(&gateway, "applied").await > 0).await;
    assert!(gateway.log().contains("SIGHUP"), "{}", gateway.log());
}

async fn late_secret() {
    let stage = Stage::new("late-secret").await;
    let realm = stage.realm.name().to_owned();
    let folder = stage.gateway.prepared().directory();
    let text = fs::read_to_string(stage.gateway.prepared().config()).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let secret = config["realms"][&realm]["keycloak"]["client_secret_file"].as_str().unwrap().to_owned();
    let late = |text: &str| {
        let path = ["realms", &realm, "keycloak", "client_secret_file"];
        with_key(&with_page_size(text, &realm, 50), &path, "late/acme.secret".into())
    };
    change(&stage.gateway, "refused", late).await;
    assert_eq!(page_size(&stage.scim).await, 200);
    fs::create_dir(folder.join("soon")).unwrap();
    fs::copy(folder.join(secret), folder.join("soon/acme.secret")).unwrap();
    fs::rename(folder.join("soon"), folder.join("late")).unwrap();
    until_page_size(&stage.scim, 50, "the configuration is taken with its secret").await;
    assert_eq!(reloads(&stage.gateway, "refused").await, 1, "told once: {}", stage.gateway.log());
}

/// A copy of the folder, with this size of a page.
fn copy(from: &Path, to: &Path, realm: &str, size: usize) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
    edit(to, realm, size);
}

/// Changes the size in the file that is there.
fn edit(folder: &Path, realm: &str, size: usize) {
    let config = folder.join("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    replace(&config, &with_page_size(&text, realm, size));
}

async fn exchanged_folders() {
    let stage = Stage::new("exchanged").await;
    let (realm, scim) = (stage.realm.name(), &stage.scim);
    let folder = stage.gateway.prepared().directory();
    let at = |name: &str| -> PathBuf { folder.with_file_name(name) };
    copy(&folder, &at("new"), realm, 50);
    fs::rename(&folder, at("old")).unwrap();
    fs::rename(at("new"), &folder).unwrap();
    until_page_size(scim, 50, "another folder of the name is seen").await;
    edit(&folder, realm, 60);
    until_page_size(scim, 60, "and a change in it").await;
    fs::remove_dir_all(&folder).unwrap();
    copy(&at("old"), &folder, realm, 70);
    until_page_size(scim, 70, "a folder that was made again is seen").await;
    edit(&folder, realm, 80);
    until_page_size(scim, 80, "and a change in it").await;
    copy(&at("old"), &at("v1"), realm, 90);
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("v1", &folder).unwrap();
    until_page_size(scim, 90, "a link in the folder's place is seen").await;
    copy(&at("old"), &at("v2"), realm, 100);
    std::os::unix::fs::symlink("v2", at("link")).unwrap();
    fs::rename(at("link"), &folder).unwrap();
    until_page_size(scim, 100, "the link that leads elsewhere is seen").await;
    edit(&at("v2"), realm, 110);
    until_page_size(scim, 110, "and a change there").await;
}

async fn untold() {
    let stage = Stage::with("untold", Auth::Token, |_, prepared| {
        let elsewhere = prepared.directory().with_file_name("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::hard_link(prepared.config(), elsewhere.join("twin.toml")).unwrap();
        prepared
    })
    .await;
    // Who writes it by its other name disturbs nobody who looks at the folder of this one.
    let twin = stage.gateway.prepared().directory().with_file_name("elsewhere").join("twin.toml");
    let text = fs::read_to_string(&twin).unwrap();
    fs::write(&twin, with_page_size(&text, stage.realm.name(), 50)).unwrap();
    until_page_size(&stage.scim, 50, "the change is found").await;
}

async fn no_file() {
    let mut stage = Stage::new("pipe").await;
    let path = stage.gateway.prepared().config();
    let text = fs::read_to_string(&path).unwrap();
    let pipe = path.with_extension("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::rename(&pipe, &path).unwrap();
    until("it is refused", async || reloads(&stage.gateway, "refused").await == 1).await;
    assert!(stage.gateway.log().contains("it is no regular file"), "{}", stage.gateway.log());
    replace(&path, &with_page_size(&text, stage.realm.name(), 50));
    until_page_size(&stage.scim, 50, "a file in its place is taken").await;
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    until("it is refused again", async || reloads(&stage.gateway, "refused").await > 1).await;
    stage.scim.get("/Users").await.expect(200);
    assert_eq!(stage.gateway.terminate().await.code(), Some(0));
}
