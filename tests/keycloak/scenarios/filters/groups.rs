//! Users are found by the groups that they are in, directly or by a group within one, just as a read of each shows them.

use futures_util::{StreamExt, stream};
use libtest_mimic::Trial;
use scimgate::scim::filter;
use scimgate::scim::user::user as user_type;
use serde_json::{Value, json};

use super::limited;
use crate::backing::{self, Backing};
use crate::gateway::Auth;
use crate::runner::{both, trial};
use crate::scenarios::groups::scene::adding;
use crate::scenarios::stage::{Stage, by_hand, user_names};

pub fn trials() -> Vec<Trial> {
    let large = || backing::on(Backing::StandIn, large());
    [
        both("filters::groups::they_find_whom_a_read_shows_in_them", as_shown),
        both("filters::groups::what_clients_do_not_see_finds_nobody", unseen),
        both("filters::groups::beyond_the_limit_only_keys_find_them", beyond_the_limit),
    ]
    .into_iter()
    .flatten()
    .chain([trial("stand_in::filters::groups::a_large_group_is_read_to_its_end", large)])
    .collect()
}

async fn found(stage: &Stage, filter: &str) -> Vec<String> {
    let answer = stage.scim.list("Users", filter, "&count=100").await.expect(200);
    assert_eq!(answer.json()["totalResults"], answer.resources().len(), "{filter}");
    user_names(answer.resources())
}

/// Staff holds the guides and, made by hand, the drivers; the cooks stand alone.
async fn as_shown() {
    let stage = Stage::new("filters").await;
    let mut ids = Vec::new();
    for name in ["adam", "babs", "jane", "mandy", "zoe"] {
        ids.push(stage.create(name).await);
    }
    let [adam, babs, jane, mandy, _] = ids.as_slice() else { panic!("five people") };
    let guides = stage.push("Tour Guides", &[adam, babs]).await;
    let staff = stage.push("Staff", &[&guides, mandy, adam]).await;
    let cooks = stage.push("Cooks", &[babs]).await;
    let drivers = stage.realm.group_by_hand("Drivers", Some(&staff)).await;
    stage.realm.join(jane, &drivers).await;
    let hand = stage.realm.create_user(&by_hand("hand")).await;
    stage.realm.join(&hand, &guides).await;
    stage.groups_settled().await;
    let mut all = Vec::new();
    for id in &ids {
        all.push(stage.read(id).await);
    }

    let filters = [
        ("groups.value eq \"STAFF\"", &["adam", "babs", "mandy"][..]),
        ("groups eq \"GUIDES\"", &["adam", "babs"]),
        ("groups[value eq \"STAFF\" and type eq \"direct\"]", &["adam", "mandy"]),
        ("groups[value eq \"STAFF\"].type eq \"indirect\"", &["babs"]),
        ("groups eq \"STAFF\" and groups eq \"COOKS\"", &["babs"]),
        ("groups eq \"STAFF\" and groups.display eq \"cooks\"", &["babs"]),
        ("groups eq \"GUIDES\" or groups eq \"COOKS\" or userName eq \"zoe\"", &["adam", "babs", "zoe"]),
        ("groups[value eq \"GUIDES\" or value eq \"COOKS\"]", &["adam", "babs"]),
        ("not (groups eq \"STAFF\")", &["jane", "zoe"]),
        ("groups eq \"STAFF\" and not (groups eq \"GUIDES\")", &["mandy"]),
        ("groups eq \"STAFF\" and userName sw \"b\"", &["babs"]),
        ("userName eq \"babs\" and groups eq \"STAFF\"", &["babs"]),
        ("userName eq \"jane\" and groups eq \"STAFF\"", &[]),
        ("userName eq \"jane\" and not (groups pr)", &["jane"]),
        ("active eq true and (groups eq \"COOKS\" or name.givenName eq \"nobody\")", &["babs"]),
        ("groups pr", &["adam", "babs", "mandy"]),
        ("groups eq null", &["jane", "zoe"]),
        ("groups.display co \"o\" and groups ne \"GUIDES\"", &["adam", "babs"]),
        ("groups.type eq \"indirect\"", &["babs"]),
        ("groups.$ref ew \"/STAFF\"", &["adam", "babs", "mandy"]),
        ("groups eq \"DRIVERS\"", &[]),
        ("groups eq \"nobody's\"", &[]),
        ("groups eq \"../users\"", &[]),
        ("groups eq \"\"", &[]),
    ];
    for (template, names) in filters {
        let by_name = [("STAFF", &staff), ("GUIDES", &guides), ("COOKS", &cooks), ("DRIVERS", &drivers)];
        let text = by_name.iter().fold(template.to_owned(), |text, (name, id)| text.replace(name, id));
        assert_eq!(found(&stage, &text).await, names, "{template}");
        let parsed = filter::parse(user_type(), &text).unwrap();
        let shown: Vec<Value> = all.iter().filter(|user| parsed.matches(user)).cloned().collect();
        assert_eq!(user_names(&shown), names, "as a read shows them: {template}");
    }

    let by_staff = format!("groups.value eq \"{staff}\"");
    let page = stage.scim.list("Users", &by_staff, "&startIndex=2&count=1").await.expect(200);
    assert_eq!(
        (user_names(page.resources()), &page.json()["totalResults"]),
        (vec!["babs".into()], &json!(3))
    );
    assert_eq!(page.resources()[0].get("groups"), None, "they are shown to who asks for them");
    let asked = stage.scim.list("Users", &by_staff, "&attributes=groups").await.expect(200);
    let shown: Vec<&Value> = asked.resources().iter().map(|user| &user["groups"]).collect();
    let read: Vec<&Value> = [0, 1, 3].iter().map(|at: &usize| &all[*at]["groups"]).collect();
    assert_eq!(shown, read, "all of them, not only the one that was filtered by");
}

async fn unseen() {
    let stage = Stage::new("filters").await;
    let babs = stage.create("babs").await;
    let admins = stage.push("Admins", &[&babs]).await;
    let deputies = stage.push("Deputies", &[]).await;
    stage.scim.patch(&format!("/Groups/{admins}"), &adding([&deputies])).await.expect(200);
    stage.groups_settled().await;
    let by_id = format!("groups.value eq \"{admins}\"");
    assert_eq!(found(&stage, &by_id).await, ["babs"]);
    stage.realm.empower_group(&admins).await;
    for filter in [&by_id, "groups.display eq \"Admins\"", "groups pr"] {
        assert_eq!(found(&stage, filter).await, [""; 0], "a group with power: {filter}");
    }
    assert_eq!(found(&stage, &format!("not ({by_id})")).await, ["babs"]);
}

async fn beyond_the_limit() {
    let stage = limited("filters").await;
    let mut ids = Vec::new();
    for n in 0..11 {
        ids.push(stage.create(&format!("user{n:02}")).await);
    }
    let most = stage.push("Most", &ids.iter().take(10).collect::<Vec<_>>()).await;
    let all = stage.push("All", &ids.iter().collect::<Vec<_>>()).await;
    stage.groups_settled().await;
    let in_most = format!("groups eq \"{most}\"");
    let answer = stage.scim.list("Users", &in_most, "").await;
    assert_eq!(answer.json()["totalResults"], 10, "{answer}");
    for filter in [
        &format!("groups eq \"{all}\""),
        &format!("{in_most} or title pr"),
        &format!("not ({in_most})"),
        "groups pr",
    ] {
        stage.scim.list("Users", filter, "").await.scim_error(400, Some("tooMany"));
    }
    for filter in [
        &format!("userName eq \"user07\" and groups eq \"{all}\""),
        &format!("groups eq \"{most}\" and userName eq \"user07\" and groups.display eq \"all\""),
    ] {
        assert_eq!(found(&stage, filter).await, ["user07"], "{filter}");
    }
}

/// More members than Keycloak gives at once, and more than are asked for their groups one by one.
async fn large() {
    const MEMBERS: usize = 1_003;
    let stage = Stage::with("filters", Auth::Token, |realm, prepared| {
        prepared.set(&["realms", realm, "sweep_interval"], "1h")
    })
    .await;
    let everybody = stage.push("Everybody", &[]).await;
    stage.groups_settled().await;
    let (realm, group) = (&stage.realm, everybody.as_str());
    let joins = (0..MEMBERS).map(|n| async move {
        let mut user = by_hand(&format!("user{n:04}"));
        user["attributes"] =
            json!({ "scim.managed": [realm.index()], "title": [if n % 2 == 0 { "Guide" } else { "Cook" }] });
        let id = realm.create_user(&user).await;
        if let Some(organization) = realm.organization() {
            realm.add_member(organization, &id).await;
        }
        realm.join(&id, group).await;
    });
    stream::iter(joins).buffer_unordered(8).collect::<Vec<()>>().await;
    let by_id = format!("groups.value eq \"{everybody}\"");
    for (filter, total, last) in [
        (by_id.clone(), MEMBERS, "user1002"),
        (format!("{by_id} and title eq \"Cook\""), 501, "user1001"),
        ("title eq \"Cook\" and groups.display eq \"everybody\"".to_string(), 501, "user1001"),
    ] {
        let answer = stage.scim.list("Users", &filter, &format!("&startIndex={total}")).await;
        assert_eq!(user_names(answer.resources()), [last], "{filter}");
        assert_eq!(answer.json()["totalResults"], total, "{filter}");
    }
    let answer = stage.scim.list("Users", "groups pr", "").await;
    let detail = answer.scim_error(400, Some("tooMany"))["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("more than 1000 users"), "{detail}");
}
