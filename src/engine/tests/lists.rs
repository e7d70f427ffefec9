//! Lists: what the directory is asked for, what the filter leaves, which window is shown.

use super::*;

use crate::scim::ScimType;

const SCAN: Asked = Asked::Page { first: 0, count: 500 };

#[tokio::test]
async fn the_most_selective_key_goes_to_the_directory_and_the_filter_is_judged_here() {
    let house = House::of(&crew());
    let (id, name, external, email) = (Key::Id, Key::UserName, Key::ExternalId, Key::Email);
    for (filter, key, ids) in [
        ("id eq \"2\"", id("2".into()), &["2"][..]),
        ("userName eq \"BOB\"", name("BOB".into()), &["3"]),
        ("externalId eq \"x-bob\"", external("x-bob".into()), &["3"]),
        ("externalId eq \"X-BOB\"", external("X-BOB".into()), &[]),
        ("emails.value eq \"Bob@example.com\"", email("Bob@example.com".into()), &["3"]),
        ("emails eq \"bob@example.com\"", email("bob@example.com".into()), &["3"]),
        ("emails[type eq \"work\"].value eq \"home@example.com\"", email("home@example.com".into()), &[]),
        (
            "emails[type eq \"home\"].value eq \"home@example.com\"",
            email("home@example.com".into()),
            &["2", "3", "4"],
        ),
        (
            "emails[type eq \"work\" and value eq \"ann@example.com\"]",
            email("ann@example.com".into()),
            &["2"],
        ),
        (
            "title eq \"Guide\" and emails.value eq \"home@example.com\"",
            email("home@example.com".into()),
            &["2", "4"],
        ),
        ("emails.value eq \"cid@example.com\" and externalId eq \"x-cid\"", external("x-cid".into()), &["4"]),
        ("externalId eq \"x-cid\" and userName eq \"cid\"", name("cid".into()), &["4"]),
        ("userName eq \"cid\" and externalId eq \"x-ann\"", name("cid".into()), &[]),
        ("userName eq \"cid\" and id eq \"4\"", id("4".into()), &["4"]),
        ("userName eq \"cid\" and not (active eq true)", name("cid".into()), &[]),
        ("(userName eq \"cid\" and active eq true) and title pr", name("cid".into()), &["4"]),
    ] {
        let (found, asked) = house.found(filter).await;
        assert_eq!(
            (found.as_slice(), asked),
            (ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>().as_slice(), vec![Asked::Lookup(key)]),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn what_no_key_narrows_is_found_by_a_look_at_all() {
    let house = House::of(&crew());
    for (filter, ids) in [
        ("title eq \"guide\"", &["2", "4"][..]),
        ("userName sw \"B\"", &["1", "3"]),
        ("userName eq \"ann\" or userName eq \"bob\"", &["2", "3"]),
        ("not (userName eq \"ann\")", &["1", "3", "4"]),
        ("userName ne \"ann\"", &["1", "3", "4"]),
        ("externalId eq null", &[]),
        ("department eq \"Tours\"", &["1"]),
        ("meta.lastModified gt \"1970-01-01T00:00:00Z\"", &[]),
    ] {
        let (found, asked) = house.found(filter).await;
        assert_eq!((found, asked), (ids.iter().map(|id| (*id).to_owned()).collect(), vec![SCAN]), "{filter}");
    }
}

#[tokio::test]
async fn a_scan_goes_page_by_page_to_the_end() {
    let house = House::with(2000, Duration::from_secs(30));
    let many: Vec<_> = (0..1001).map(|n| json!({"userName": format!("u{n}"), "title": "t"})).collect();
    house.fill(&many);
    let list =
        house.list(&[("filter", "title eq \"t\""), ("count", "1"), ("startIndex", "1001")]).await.unwrap();
    assert_eq!((&list["totalResults"], &list["Resources"][0]["userName"]), (&json!(1001), &json!("u1000")));
    let pages = [0, 500, 1000].map(|first| Asked::Page { first, count: 500 });
    assert_eq!(house.log(), pages);
}

#[tokio::test]
async fn a_scan_over_more_users_than_allowed_is_refused() {
    let house = House::with(3, Duration::from_secs(30));
    house.fill(&crew());
    let error = house.list(&[("filter", "title pr")]).await.unwrap_err();
    assert_eq!((error.status, error.scim_type, error.code), (400, Some(ScimType::TooMany), Code::ScanLimit));
    assert!(error.detail.contains("4 users, the realm allows 3"), "{}", error.detail);
    // A lookup and a plain list are no scan.
    assert!(house.list(&[("filter", "userName eq \"ann\" and title pr")]).await.is_ok());
    assert_eq!(house.list(&[]).await.unwrap()["totalResults"], 4);
    let house = House::with(4, Duration::from_secs(30));
    house.fill(&crew());
    assert!(house.list(&[("filter", "title pr")]).await.is_ok());
}

#[tokio::test]
async fn windows_have_the_total_of_all() {
    let house = House::of(&crew());
    for filter in [None, Some("userName pr"), Some("emails.value pr")] {
        for (start, count, ids) in [
            ("1", "2", &["1", "2"][..]),
            ("3", "2", &["3", "4"]),
            ("4", "2", &["4"]),
            ("5", "2", &[]),
            ("99999999999999999999", "2", &[]),
            ("0", "1", &["1"]),
            ("-3", "1", &["1"]),
            ("1", "0", &[]),
            ("1", "-1", &[]),
            ("1", "999", &["1", "2", "3", "4"]),
        ] {
            let mut parameters = vec![("startIndex", start), ("count", count)];
            parameters.extend(filter.map(|filter| ("filter", filter)));
            let list = house.list(&parameters).await.unwrap();
            let rows = list["Resources"].as_array().unwrap();
            let found: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
            assert_eq!(found, ids, "{parameters:?}");
            assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(4), &json!(ids.len())));
        }
    }
    let first = house.list(&[("startIndex", "0")]).await.unwrap();
    assert_eq!(first["startIndex"], 1);
}

#[tokio::test]
async fn a_plain_list_asks_for_its_window_alone() {
    let house = House::of(&crew());
    house.list(&[("startIndex", "3"), ("count", "999")]).await.unwrap();
    house.list(&[]).await.unwrap();
    house.list(&[("count", "0")]).await.unwrap();
    let page = |first, count| Asked::Page { first, count };
    assert_eq!(house.log(), [page(2, 200), page(0, 100), page(0, 0)]);
}

#[tokio::test]
async fn rows_are_projected_after_the_filter_looked_at_them() {
    let house = House::of(&crew());
    let list = house.list(&[("filter", "title eq \"Cook\""), ("attributes", "userName")]).await.unwrap();
    assert_eq!(list["Resources"], json!([{"schemas": [USER_URN], "id": "3", "userName": "bob"}]));
}
