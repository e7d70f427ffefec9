//! Filters find whom they say, all of them and nobody else, whatever part of them Keycloak answers.

mod groups;
mod random;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use libtest_mimic::Trial;
use scimgate::config;
use scimgate::directory::admin::push_down::plan;
use scimgate::directory::admin::storage::Storage;
use scimgate::scim::{filter, user::user as user_type};
use serde_json::{Value, json};

use self::random::{Dice, Filters, by_hand, person};
use super::stage::{Stage, until, user_names};
use crate::admin::{Realm, admin};
use crate::backing::{self, Backing};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::{both, say, trial};

pub fn trials() -> Vec<Trial> {
    let paging = || backing::on(Backing::StandIn, many_pages());
    [
        both("filters::random_filters_find_just_whom_they_say", random_filters),
        both("filters::beyond_the_limit_only_filters_that_keycloak_narrows_are_answered", beyond_the_limit),
        both("filters::unmanaged_users_do_not_use_up_the_limit", unmanaged_beyond_the_limit),
        both("filters::an_address_that_very_many_share_finds_all_of_them", shared_address),
        both("filters::pages_of_a_filter_have_the_total_of_all", pages),
        both("filters::a_part_of_a_very_long_value_is_found", long_value),
        both("filters::letters_are_compared_by_their_lower_case_in_unicode", letters),
        both("filters::what_an_administrator_changed_is_found_at_once", changed_by_hand),
        both(
            "filters::parts_of_user_names_are_found_where_usernames_are_made_of_addresses",
            email_as_username,
        ),
    ]
    .into_iter()
    .flatten()
    .chain(groups::trials())
    .chain([trial("stand_in::filters::a_narrowed_scan_goes_page_by_page_to_the_end", paging)])
    .collect()
}

const SEED: u64 = 20_110_513;
const MANAGED: usize = 50;
const BY_HAND: usize = 6;
const FILTERS: usize = 300;

/// Another seed for a longer hunt: `SCIMGATE_TEST_SEED=…`.
fn seed() -> u64 {
    std::env::var("SCIMGATE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(SEED)
}

/// A realm whose user profile takes any names.
async fn lenient_realm() -> Realm {
    let realm = admin().await.create_realm("filters").await;
    let mut profile = realm.get("/users/profile").await;
    for attribute in profile["attributes"].as_array_mut().unwrap() {
        attribute["validations"] = json!({});
    }
    realm.put("/users/profile", &profile).await;
    realm
}

/// How the gateway keeps users where the configuration maps no attributes.
fn storage() -> Storage {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"));
    let secret = BTreeMap::from([("SCIMGATE_ACME_SECRET".to_owned(), "secret".to_owned())]);
    let config = config::load(&path, &secret).expect("the reference configuration");
    let realm = config.realms.values().next().expect("a realm");
    Storage::new(Arc::clone(&realm.user), &realm.attribute_map)
}

/// All users, as a list without filter shows them.
async fn everybody(stage: &Stage) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let answer = stage.scim.get(&format!("/Users?startIndex={}&count=200", all.len() + 1)).await;
        all.extend_from_slice(answer.resources());
        if answer.json()["totalResults"] == all.len() {
            return all;
        }
        assert!(!answer.resources().is_empty(), "{answer}");
    }
}

async fn random_filters() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let realm = lenient_realm().await;
    let prepared =
        Gateway::setup(&realm, Auth::Token).await.set(&["realms", realm.name(), "sweep_interval"], "1h");
    for n in 0..2 * BY_HAND {
        let id = realm.create_user(&by_hand(&mut dice, n)).await;
        if n % 2 == 0 {
            realm.manage(&id).await;
        }
    }
    let gateway = prepared.serve().await;
    let stage = Stage { scim: gateway.scim().await, gateway, realm };
    for n in 0..MANAGED {
        stage.scim.post("/Users", &person(&mut dice, n)).await.expect(201);
    }
    stage.settled().await;
    until("the first sweep has seen who was tagged by hand", async || {
        everybody(&stage).await.len() == MANAGED + BY_HAND
    })
    .await;
    let all = everybody(&stage).await;
    let order = |user: &Value| user["userName"].as_str().unwrap().to_lowercase();
    assert!(all.is_sorted_by_key(order), "a list is ordered by username");
    let (filters, storage) = (Filters::on(&all), storage());
    let (mut telling, mut pushed) = (0, 0);
    let began = Instant::now();
    for n in 0..FILTERS {
        let text = filters.filter(&mut dice);
        let parsed =
            filter::parse(user_type(), &text).unwrap_or_else(|error| panic!("seed {seed}: {error}: {text}"));
        let plan = plan(&parsed, &storage);
        let matching: Vec<&Value> = all.iter().filter(|user| parsed.matches(user)).collect();
        telling += usize::from(!matching.is_empty() && matching.len() < all.len());
        pushed += usize::from(!plan.is_everybody());
        let (start, count) = if dice.below(2) == 0 { (1, 100) } else { (1 + dice.below(70), dice.below(30)) };
        let window = format!("&startIndex={start}&count={count}");
        let answer = stage.scim.list("Users", &text, &window).await;
        let context = || format!("seed {seed}, filter {n}: {text}{window}\n{plan:?}\n{answer}");
        assert_eq!(answer.status, 200, "{}", context());
        let expected: Vec<&Value> = matching.iter().skip(start - 1).take(count).copied().collect();
        let found: Vec<&Value> = answer.resources().iter().collect();
        let names = |users: &[&Value]| users.iter().map(|user| user["userName"].clone()).collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected), "{}", context());
        assert!(found == expected, "the same users, otherwise shown: {}", context());
        assert_eq!(answer.json()["totalResults"], matching.len(), "{}", context());
    }
    let took = began.elapsed().as_millis();
    say(&format!("{FILTERS} filters, {telling} tell users apart, {pushed} narrowed: {took} ms, seed {seed}"));
    assert!(
        telling * 100 >= FILTERS * 30,
        "seed {seed}: only {telling} of {FILTERS} filters match some and not all"
    );
    assert!(pushed * 100 >= FILTERS * 35, "seed {seed}: only {pushed} of {FILTERS} filters were narrowed");
}

/// A gateway that looks at ten users for a filter.
async fn limited(name: &str) -> Stage {
    Stage::with(name, Auth::Token, |realm, prepared: Prepared| {
        let of = |key: &'static str| ["realms", realm, key].map(str::to_owned);
        [("default_page_size", 5), ("max_page_size", 5), ("scan_limit", 10)].into_iter().fold(
            prepared.set(&["realms", realm, "sweep_interval"], "1h"),
            |prepared, (key, value)| {
                let path = of(key);
                prepared.set(&path.each_ref().map(String::as_str), i64::from(value))
            },
        )
    })
    .await
}

fn jensen(n: usize) -> Value {
    json!({ "name": { "givenName": "Barbara", "familyName": format!("Jensen-{n}") }, "title": "Guide", "active": n > 2 })
}

async fn beyond_the_limit() {
    let stage = limited("filters").await;
    for n in 0..11 {
        stage.create_with(&format!("user{n:02}"), jensen(n)).await;
    }
    for filter in [
        "displayName pr",
        "title sw \"G\"",
        "title eq \"Guide\"",
        "not (userName sw \"user0\")",
        "userName sw \"user\"",
    ] {
        let answer = stage.scim.list("Users", filter, "").await;
        let detail = answer.scim_error(400, Some("tooMany"))["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("11 users, the realm allows 10"), "{detail}");
    }
    for (filter, names) in [
        ("name.familyName eq \"jensen-3\"", &["user03"][..]),
        ("name.givenName eq \"barbara\" and name.familyName ew \"-3\"", &["user03"]),
        ("userName ew \"7\" and title pr", &["user07"]),
        ("active eq false and displayName eq null", &["user00", "user01", "user02"]),
        ("name.familyName ew \"-1\" or userName sw \"user1\"", &["user01", "user10"]),
        ("userName eq \"user04\" and title pr", &["user04"]),
    ] {
        let answer = stage.scim.list("Users", filter, "").await;
        assert_eq!(user_names(answer.resources()), names, "{filter}");
    }
    assert_eq!(stage.scim.get("/Users").await.json()["totalResults"], 11, "a plain list has no limit");
}

async fn unmanaged_beyond_the_limit() {
    let stage = limited("filters").await;
    for n in 0..3 {
        stage.create_with(&format!("user{n}"), jensen(n)).await;
    }
    for n in 0..12 {
        let user = json!({ "username": format!("other{n}"), "firstName": "Barbara", "lastName": "Jensen", "enabled": true });
        stage.realm.create_user(&user).await;
    }
    for filter in
        ["name.givenName eq \"Barbara\"", "name.familyName sw \"Jensen\" or name.givenName co \"barb\""]
    {
        let answer = stage.scim.list("Users", filter, "&count=2").await;
        assert_eq!(user_names(answer.resources()), ["user0", "user1"], "{filter}");
        assert_eq!(answer.json()["totalResults"], 3, "{filter}");
    }
}

async fn shared_address() {
    let stage = Stage::with("filters", Auth::Token, |realm, prepared| {
        prepared.set(&["realms", realm, "scan_limit"], 200)
    })
    .await;
    let create = async |from: usize, to: usize| {
        for n in from..to {
            let emails = json!([{ "value": format!("user{n:03}@example.com") }, { "value": "Team@example.com", "type": "other" }]);
            stage.create_with(&format!("user{n:03}"), json!({ "emails": emails })).await;
        }
    };
    create(0, 105).await;
    let filter = "emails.value eq \"team@example.com\"";
    let answer = stage.scim.list("Users", filter, "&startIndex=104&count=5").await;
    assert_eq!(user_names(answer.resources()), ["user103", "user104"]);
    assert_eq!(answer.json()["totalResults"], 105);
    create(105, 201).await;
    stage.scim.list("Users", filter, "").await.scim_error(400, Some("tooMany"));
}

async fn pages() {
    let stage = Stage::new("filters").await;
    for n in 0..7 {
        stage.create_with(&format!("user{n}"), jensen(n)).await;
    }
    // Looked up, narrowed, both, and judged by a look at all.
    let lookups: Vec<String> = (0..7).map(|n| format!("userName eq \"user{n}\"")).collect();
    for filter in [
        &lookups.join(" or "),
        "name.givenName eq \"Barbara\"",
        "userName eq \"user3\" or name.familyName sw \"jensen\"",
        "name.formatted eq null",
    ] {
        for (window, names) in [
            ("", &["user0", "user1", "user2", "user3", "user4", "user5", "user6"][..]),
            ("&startIndex=3&count=2", &["user2", "user3"]),
            ("&startIndex=7&count=2", &["user6"]),
            ("&startIndex=8&count=2", &[]),
            ("&startIndex=1000000", &[]),
            ("&count=0", &[]),
        ] {
            let answer = stage.scim.list("Users", filter, window).await;
            assert_eq!(user_names(answer.resources()), names, "{filter}{window}");
            assert_eq!(answer.json()["totalResults"], 7, "{filter}{window}");
        }
    }
}

/// The userNames that these filters find, for each its own.
async fn finds(stage: &Stage, cases: &[(&str, &[&str])]) {
    for (filter, names) in cases {
        let answer = stage.scim.list("Users", filter, "").await;
        assert_eq!(user_names(answer.resources()), *names, "{filter}");
    }
}

/// Keycloak itself finds no part of a value that is longer than 255 characters.
async fn long_value() {
    let stage = Stage::new("filters").await;
    let long = format!("{} of Staff", "Chief ".repeat(60));
    stage.create_with("babs", json!({ "title": long })).await;
    stage.create_with("bjensen", json!({ "title": "Chief of Staff" })).await;
    let whole = format!("title eq \"{long}\"");
    finds(
        &stage,
        &[
            ("title sw \"chief\"", &["babs", "bjensen"]),
            ("title ew \"staff\"", &["babs", "bjensen"]),
            ("title co \"chief chief\"", &["babs"]),
            (&whole, &["babs"]),
            ("title eq \"chief of staff\"", &["bjensen"]),
        ],
    )
    .await;
}

async fn letters() {
    let realm = lenient_realm().await;
    let gateway = Gateway::start(&realm, Auth::Token).await;
    let stage = Stage { scim: gateway.scim().await, gateway, realm };
    // The Kelvin sign, the dotted capital I, sigmas, and two letters that differ in upper case only.
    for (name, given) in [
        ("user1", "Nick"),
        ("user2", "NIC\u{212a}"),
        ("user3", "\u{130}nge"),
        ("user4", "\u{39f}\u{394}\u{39f}\u{3a3}"),
        ("user5", "Strau\u{df}"),
        ("user6", "STRAUSS"),
        ("user7", "\u{dc}mit"),
        ("user8", "O\\'Hara%_"),
    ] {
        let same = json!({ "name": { "givenName": given }, "title": given });
        stage.create_with(name, same).await;
    }
    for path in ["name.givenName", "title"] {
        for (operation, names) in [
            ("eq \"nick\"", &["user1", "user2"][..]),
            ("ew \"\u{212a}\"", &["user1", "user2"]),
            ("sw \"i\"", &["user3"]),
            ("eq \"\u{130}NGE\"", &["user3"]),
            ("eq \"inge\"", &[]),
            ("eq \"\u{3bf}\u{3b4}\u{3bf}\u{3c2}\"", &["user4"]),
            ("sw \"strau\"", &["user5", "user6"]),
            ("eq \"strau\u{df}\"", &["user5"]),
            ("eq \"strauss\"", &["user6"]),
            ("eq \"\u{fc}MIT\"", &["user7"]),
            ("co \"\\\\\"", &["user8"]),
            ("ew \"%_\"", &["user8"]),
            ("eq \"o\\\\'hara%_\"", &["user8"]),
            ("eq \"o_'hara%_\"", &[]),
        ] {
            finds(&stage, &[(&format!("{path} {operation}"), names)]).await;
        }
    }
}

async fn changed_by_hand() {
    let stage = Stage::new("filters").await;
    let id = stage.create_with("bjensen", jensen(1)).await;
    stage.settled().await;
    let mut stored = stage.stored(&id).await;
    stored["firstName"] = "Babs".into();
    stored["enabled"] = true.into();
    stored["attributes"]["title"] = json!(["Vice President"]);
    stage.realm.put(&format!("/users/{id}"), &stored).await;
    finds(
        &stage,
        &[
            ("name.givenName eq \"babs\" and active eq true", &["bjensen"]),
            ("title eq \"vice president\"", &["bjensen"]),
            ("title eq \"guide\" or name.givenName eq \"barbara\" or active eq false", &[]),
        ],
    )
    .await;
}

async fn email_as_username() {
    let realm =
        admin().await.create_realm_with("filters", json!({ "registrationEmailAsUsername": true })).await;
    let gateway = Gateway::start(&realm, Auth::Token).await;
    let stage = Stage { scim: gateway.scim().await, gateway, realm };
    for name in ["Babs", "BJensen"] {
        let emails = json!([{ "value": format!("{}@example.com", name.len()), "primary": true }]);
        stage.create_with(name, json!({ "emails": emails })).await;
    }
    finds(
        &stage,
        &[
            ("userName sw \"b\"", &["Babs", "BJensen"]),
            ("userName eq \"babs\"", &["Babs"]),
            ("userName co \"example\"", &[]),
            ("userName ew \"jensen\" and active eq true", &["BJensen"]),
        ],
    )
    .await;
}

async fn many_pages() {
    let stage = Stage::with("filters", Auth::Token, |realm, prepared| {
        prepared
            .set(&["realms", realm, "sweep_interval"], "1h")
            .set(&["realms", realm, "scan_limit"], 1001)
            .set(&["log", "level"], "info,scimgate=debug")
    })
    .await;
    until("the gateway's first sweep", async || stage.gateway.log().contains(" swept")).await;
    for n in 0..1001 {
        let index = json!({ "scim.managed": [stage.realm.index()], "title": [if n % 2 == 0 { "Guide" } else { "Cook" }] });
        let user = json!({ "username": format!("user{n:04}"), "lastName": "Doe", "enabled": true, "attributes": index });
        stage.realm.create_user(&user).await;
    }
    for (filter, total, last) in [
        ("name.familyName eq \"doe\"", 1001, "user1000"),
        ("title eq \"Cook\"", 500, "user0999"),
        ("title pr", 1001, "user1000"),
    ] {
        let answer = stage.scim.list("Users", filter, &format!("&startIndex={total}")).await;
        assert_eq!(user_names(answer.resources()), [last], "{filter}");
        assert_eq!(answer.json()["totalResults"], total, "{filter}");
    }
    stage.create_with("jane", json!({})).await;
    let scim = stage.scim.with_header("x-request-id", "one-too-many");
    scim.list("Users", "title pr", "").await.scim_error(400, Some("tooMany"));
    let line = || stage.gateway.log().lines().find(|line| line.contains("one-too-many")).map(str::to_owned);
    until("its line is written", async || line().is_some()).await;
    let line = line().unwrap_or_default();
    assert!(line.contains("keycloak_calls=2 "), "it is refused before all are looked at: {line}");
}
