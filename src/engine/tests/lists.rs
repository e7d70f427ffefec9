//! Lists: what the directory is asked for, what the filter leaves, which window is shown.

use super::*;

use crate::scim::ScimType;

#[tokio::test]
async fn all_of_the_filter_is_judged_here() {
    let house = House::of(&crew());
    for (filter, ids) in [
        ("id eq \"2\"", &["2"][..]),
        ("userName eq \"BOB\"", &["3"]),
        ("externalId eq \"x-bob\"", &["3"]),
        ("externalId eq \"X-BOB\"", &[]),
        ("emails.value eq \"Bob@example.com\"", &["3"]),
        ("emails eq \"bob@example.com\"", &["3"]),
        ("emails[type eq \"work\"].value eq \"home@example.com\"", &[]),
        ("emails[type eq \"home\"].value eq \"home@example.com\"", &["2", "3", "4"]),
        ("emails[type eq \"work\" and value eq \"ann@example.com\"]", &["2"]),
        ("title eq \"Guide\" and emails.value eq \"home@example.com\"", &["2", "4"]),
        ("userName eq \"cid\" and externalId eq \"x-ann\"", &[]),
        ("userName eq \"cid\" and not (active eq true)", &[]),
        ("(userName eq \"cid\" and active eq true) and title pr", &["4"]),
        ("title eq \"guide\"", &["2", "4"]),
        ("userName eq \"ann\" or userName eq \"bob\"", &["2", "3"]),
        ("not (userName eq \"ann\")", &["1", "3", "4"]),
        ("userName ne \"ann\"", &["1", "3", "4"]),
        ("externalId eq null", &[]),
        ("department eq \"Tours\"", &["1"]),
        ("meta.lastModified gt \"1970-01-01T00:00:00Z\"", &[]),
    ] {
        let (mut found, asked) = house.found(filter).await;
        found.sort_unstable();
        assert_eq!(found, ids, "{filter}");
        let filter = crate::scim::filter::parse(user(), filter).unwrap();
        assert_eq!(asked, [Asked::Candidates(filter)], "the directory gets all of the filter, once");
    }
}

#[tokio::test]
async fn matches_are_ordered_by_user_name_in_whatever_order_they_are_found() {
    let one = |name: &str| json!({ "userName": name, "title": "t" });
    let house = House::of(&["bob", "Zoe", "ann", "Cid", "Ümit", "abe"].map(one));
    let (found, _) = house.found("title pr").await;
    assert_eq!(found, ["6", "3", "1", "4", "2", "5"]);
}

#[tokio::test]
async fn a_look_at_more_users_than_allowed_is_refused() {
    let house = House::with(3, Duration::from_secs(30));
    house.fill(&crew());
    let error = house.list(&[("filter", "title pr")]).await.unwrap_err();
    assert_eq!((error.status, error.scim_type, error.code), (400, Some(ScimType::TooMany), Code::ScanLimit));
    assert!(error.detail.contains("4 users, the realm allows 3"), "{}", error.detail);
    // A plain list looks at its page alone.
    assert_eq!(house.list(&[]).await.unwrap()["totalResults"], 4);
    let house = House::with(4, Duration::from_secs(30));
    house.fill(&crew());
    assert!(house.list(&[("filter", "title pr")]).await.is_ok());
}

#[tokio::test]
async fn windows_have_the_total_of_all() {
    let mut crew = crew();
    // By userName, as a directory without filter gives them.
    crew.swap(0, 1);
    let house = House::of(&crew);
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
