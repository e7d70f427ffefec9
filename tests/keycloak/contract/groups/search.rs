//! Listing, searching and counting groups, and finding one by its path.

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use super::{below, not_found, paths, realm, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::groups::{name}");
    [
        both(&name("a_list_without_a_search_has_the_top_level_by_name"), top_level),
        both(&name("a_search_looks_anywhere_in_names_of_every_level_without_case"), infix),
        both(&name("an_exact_search_compares_the_whole_name_with_case"), exact),
        both(&name("a_blank_search_finds_all_and_an_empty_one_is_none"), blank),
        both(&name("an_attribute_is_searched_by_its_whole_value_with_case_at_every_level"), by_attribute),
        both(&name("an_attributes_value_may_hold_quotes_blanks_and_colons"), quotes),
        both(&name("conditions_on_attributes_hold_together"), together),
        both(&name("a_group_with_the_value_twice_comes_twice"), twice),
        both(&name("a_list_has_a_window_and_no_limit_of_its_own"), window),
        both(&name("counts_are_of_all_of_the_top_or_of_a_search"), counts),
        both(&name("children_are_direct_by_name_whole_and_ten_where_nothing_is_said"), children),
        both(&name("children_are_searched_by_how_their_names_begin"), search_children),
        both(&name("a_group_is_found_by_its_path"), by_path),
        both(&name("a_number_that_is_none_is_404_and_a_nul_is_refused"), bad_parameters),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with groups of several levels: `/Eng`, `/Eng/Sub`, `/Eng/Sub/deep`, `/alpha`, `/alpha/100% s_b*`, `/Zeta`.
async fn forest() -> (Realm, String) {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    below(&realm, &sub, "deep").await;
    let alpha = top(&realm, "alpha").await;
    below(&realm, &alpha, "100% s_b*").await;
    top(&realm, "Zeta").await;
    (realm, eng)
}

/// Every path, in the order of the names: capitals come first.
const ALL: [&str; 6] = ["/alpha/100% s_b*", "/Eng", "/Eng/Sub", "/Zeta", "/alpha", "/Eng/Sub/deep"];

/// The path with this query.
fn query(of: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{of}?{query}")
}

/// The paths of the groups of all levels that the parameters find.
async fn find(realm: &Realm, parameters: &[(&str, &str)]) -> Vec<String> {
    let parameters = [parameters, &[("populateHierarchy", "false")]].concat();
    paths(realm, &query("/groups", &parameters)).await
}

async fn top_level() {
    let (realm, _) = forest().await;
    let top = ["/Eng", "/Zeta", "/alpha"];
    for path in ["/groups", "/groups?populateHierarchy=false", "/groups?exact=true", "/groups?search=&q="] {
        assert_eq!(paths(&realm, path).await, top, "{path}");
    }
}

async fn infix() {
    let (realm, _) = forest().await;
    for (search, found) in [
        ("e", &["/Eng", "/Zeta", "/Eng/Sub/deep"][..]),
        ("ENG", &["/Eng"]),
        ("ub", &["/Eng/Sub"]),
        ("x", &[]),
        // The wildcards of SQL stand for themselves.
        ("%", &["/alpha/100% s_b*"]),
        ("_", &["/alpha/100% s_b*"]),
        ("s_b", &["/alpha/100% s_b*"]),
        ("\\", &[]),
        // This one does not.
        ("*", &ALL),
        ("s*b", &["/alpha/100% s_b*", "/Eng/Sub"]),
        ("b*s", &[]),
        // Names alone are looked at.
        ("/", &[]),
        ("eng/sub", &[]),
        // Blanks around it are cut off.
        (" sub ", &["/Eng/Sub"]),
    ] {
        assert_eq!(find(&realm, &[("search", search)]).await, found, "{search:?}");
        assert_eq!(find(&realm, &[("search", search), ("exact", "false")]).await, found, "{search:?}");
    }
}

async fn exact() {
    let (realm, _) = forest().await;
    for (search, found) in [
        ("Eng", &["/Eng"][..]),
        ("deep", &["/Eng/Sub/deep"]),
        (" Sub ", &["/Eng/Sub"]),
        ("100% s_b*", &["/alpha/100% s_b*"]),
        ("eng", &[]),
        ("En", &[]),
        ("E*", &[]),
        ("*", &[]),
        (" ", &[]),
    ] {
        assert_eq!(find(&realm, &[("search", search), ("exact", "true")]).await, found, "{search:?}");
    }
}

async fn blank() {
    let (realm, _) = forest().await;
    assert_eq!(find(&realm, &[("search", " ")]).await, ALL);
    assert_eq!(find(&realm, &[("search", "")]).await, ["/Eng", "/Zeta", "/alpha"]);
}

/// A realm with groups of these names and attributes below one another.
async fn chain(groups: &[(&str, serde_json::Value)]) -> Realm {
    let realm = realm().await;
    let mut path = "/groups".to_owned();
    for (name, attributes) in groups {
        let id = realm.post(&path, &json!({ "name": name, "attributes": attributes })).await;
        path = format!("/groups/{id}/children");
    }
    realm
}

async fn by_attribute() {
    let realm = chain(&[
        ("b", json!({ "scim.managed": ["org:1", "realm"], "scim.externalId": ["A1"] })),
        ("a", json!({ "scim.managed": ["realm"], "scim.externalId": ["a1"] })),
        ("c", json!({ "other": ["realm"] })),
    ])
    .await;
    for (q, found) in [
        ("scim.managed:realm", &["/b/a", "/b"][..]),
        ("scim.managed:\"realm\"", &["/b/a", "/b"]),
        ("scim.managed:\"org:1\"", &["/b"]),
        ("scim.managed:org:1", &["/b"]),
        ("scim.externalId:\"A1\"", &["/b"]),
        ("scim.externalId:\"a1\"", &["/b/a"]),
        ("scim.managed:\"REALM\"", &[]),
        ("scim.managed:\"real\"", &[]),
        ("scim.managed:\"%\"", &[]),
        ("scim.managed:\"*\"", &[]),
        ("Scim.managed:\"realm\"", &[]),
        ("unknown:\"realm\"", &[]),
    ] {
        assert_eq!(find(&realm, &[("q", q)]).await, found, "{q}");
        // These change nothing.
        for (name, value) in [("exact", "true"), ("exact", "false"), ("search", "c")] {
            assert_eq!(find(&realm, &[("q", q), (name, value)]).await, found, "{q} {name} {value}");
        }
    }
    let found = realm.get("/groups?q=other:realm&populateHierarchy=false&briefRepresentation=false").await;
    assert_eq!(found[0]["attributes"], json!({ "other": ["realm"] }));
}

async fn quotes() {
    let realm = realm().await;
    for (n, value) in
        [r#"a "quoted" b"#, r#"""#, "a:b c:d", "x'y", "a+b&c=d", "50%_", " padded ", r"back\slash", "äÖ"]
            .iter()
            .enumerate()
    {
        let name = format!("group{n}");
        realm.post("/groups", &json!({ "name": name, "attributes": { "key": [value] } })).await;
        let q = format!("key:\"{}\"", value.replace('"', "\\\""));
        assert_eq!(find(&realm, &[("q", &q)]).await, [format!("/{name}")], "{value}");
    }
}

async fn together() {
    let realm = chain(&[
        ("both", json!({ "a": ["1"], "b": ["2"] })),
        ("one", json!({ "a": ["1"], "b": ["3"] })),
        ("several", json!({ "a": ["0", "1"] })),
    ])
    .await;
    for (q, found) in [
        ("a:1", &["/both", "/both/one", "/both/one/several"][..]),
        ("a:1 b:2", &["/both"]),
        ("b:\"3\"  a:\"1\"", &["/both/one"]),
        ("a:1 b:4", &[]),
        // Of two conditions on one attribute the last one counts.
        ("a:0 a:1", &["/both", "/both/one", "/both/one/several"]),
        ("a:1 a:0", &["/both/one/several"]),
    ] {
        assert_eq!(find(&realm, &[("q", q)]).await, found, "{q}");
    }
}

async fn twice() {
    let realm = realm().await;
    for name in ["a", "b"] {
        let attributes = json!({ "k": ["1", "1"], "l": ["2", "2"] });
        realm.post("/groups", &json!({ "name": name, "attributes": attributes })).await;
    }
    assert_eq!(find(&realm, &[("q", "k:1")]).await, ["/a", "/a", "/b", "/b"]);
    assert_eq!(find(&realm, &[("q", "k:1"), ("first", "1"), ("max", "2")]).await, ["/a", "/b"]);
    assert_eq!(
        find(&realm, &[("q", "k:1 l:2")]).await,
        ["/a"; 4].into_iter().chain(["/b"; 4]).collect::<Vec<_>>()
    );
}

async fn window() {
    let realm = realm().await;
    let mut names: Vec<String> = (0..120).map(|number| format!("g{number:03}")).collect();
    for name in names.iter().rev() {
        realm.post("/groups", &json!({ "name": name, "attributes": { "k": ["1"] } })).await;
    }
    for name in &mut names {
        name.insert(0, '/');
    }
    for search in [&[][..], &[("search", "g")], &[("q", "k:1")]] {
        let page = async |window: &[(&str, &str)]| find(&realm, &[search, window].concat()).await;
        assert_eq!(page(&[]).await, names);
        assert_eq!(page(&[("first", "0"), ("max", "3")]).await, names[..3]);
        assert_eq!(page(&[("first", "118"), ("max", "3")]).await, names[118..]);
        assert_eq!(page(&[("first", "118")]).await, names[118..]);
        assert_eq!(page(&[("max", "101")]).await, names[..101]);
        assert_eq!(page(&[("first", "-1"), ("max", "-1")]).await, names);
        for empty in [[("first", "120"), ("max", "3")], [("first", "0"), ("max", "0")]] {
            assert_eq!(page(&empty).await, [""; 0]);
        }
    }
}

async fn counts() {
    let (realm, _) = forest().await;
    for (parameters, count) in [
        ("", 6),
        ("?top=false", 6),
        ("?top=true", 3),
        ("?search=e", 3),
        ("?search=SUB", 1),
        ("?search=sub&top=true", 1),
        ("?search=s*b", 2),
        ("?search=%25", 1),
        ("?search=", 6),
        ("?search=x", 0),
    ] {
        let path = format!("/groups/count{parameters}");
        assert_eq!(realm.get(&path).await, json!({ "count": count }), "{path}");
    }
}

async fn children() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let path = format!("/groups/{eng}/children");
    assert_eq!(realm.get(&path).await, json!([]));
    let mut expected = Vec::new();
    for number in (0..12).rev() {
        let group = json!({ "name": format!("g{number:02}"), "attributes": { "a": [number.to_string()] } });
        let id = realm.post(&path, &group).await;
        expected.insert(0, realm.get(&format!("/groups/{id}")).await);
        below(&realm, &id, "deep").await;
        expected[0]["subGroupCount"] = json!(1);
    }
    let page = async |query: &str| realm.get(&format!("{path}{query}")).await;
    assert_eq!(page("").await, json!(expected[..10]));
    assert_eq!(page("?max=100").await, json!(expected));
    assert_eq!(page("?max=-1").await, json!(expected));
    assert_eq!(page("?first=10&briefRepresentation=false").await, json!(expected[10..]));
    assert_eq!(page("?first=3&max=2").await, json!(expected[3..5]));
    let mut brief = expected[0].clone();
    for detail in ["attributes", "realmRoles", "clientRoles"] {
        brief.as_object_mut().unwrap().shift_remove(detail);
    }
    assert_eq!(page("?max=1&briefRepresentation=true").await, json!([brief]));
}

async fn search_children() {
    let (realm, eng) = forest().await;
    for name in ["sub", "a%b", "Sub x"] {
        below(&realm, &eng, name).await;
    }
    for (parameters, found) in [
        (&[("search", "sub")][..], &["/Eng/Sub", "/Eng/Sub x", "/Eng/sub"][..]),
        (&[("search", "sub"), ("first", "1"), ("max", "1")], &["/Eng/Sub x"]),
        (&[("search", "ub")], &[]),
        (&[("search", "Sub"), ("exact", "true")], &["/Eng/Sub"]),
        (&[("search", "Su"), ("exact", "true")], &[]),
        (&[("search", "sub ")], &["/Eng/Sub x"]),
        (&[("search", " sub")], &[]),
        // Wildcards as in other searches.
        (&[("search", "*x")], &["/Eng/Sub x"]),
        (&[("search", "s*x")], &["/Eng/Sub x"]),
        (&[("search", "*")], &["/Eng/Sub", "/Eng/Sub x", "/Eng/a%b", "/Eng/sub"]),
        (&[("search", "a%b")], &["/Eng/a%b"]),
        (&[("search", "_")], &[]),
        // What is further down is not found.
        (&[("search", "deep")], &[]),
        // Without a search, this finds none at all.
        (&[("exact", "true")], &[]),
    ] {
        let path = query(&format!("/groups/{eng}/children"), parameters);
        assert_eq!(paths(&realm, &path).await, found, "{path}");
    }
    let answer = realm.call(Method::GET, "/groups/none/children?max=1", None).await.expect(404);
    assert_eq!(answer.body, not_found());
}

async fn by_path() {
    let (realm, eng) = forest().await;
    let slash = top(&realm, "a/b").await;
    let below_slash = below(&realm, &slash, "c").await;
    let z = top(&realm, "z").await;
    below(&realm, &z, "x/y").await;
    top(&realm, "z/x").await;
    for (path, id) in [("Eng", &eng), ("a/b", &slash), ("a%2Fb", &slash), ("a/b/c", &below_slash)] {
        let found = realm.get(&format!("/group-by-path/{path}")).await;
        // What the caller may do is not said here.
        let mut expected = realm.get(&format!("/groups/{id}")).await;
        expected.as_object_mut().unwrap().shift_remove("access");
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(realm.get("/group-by-path/alpha/100%25%20s_b*").await["path"], "/alpha/100% s_b*");
    assert_eq!(realm.get("/group-by-path/Eng/Sub/deep").await["path"], "/Eng/Sub/deep");
    assert_eq!(realm.get("/group-by-path/z/x/y").await["path"], "/z/x/y");
    // The last one is hidden by the group whose name is the beginning of its own.
    for path in ["eng", "Sub", "Eng/sub", "Eng/deep", "none", "a", "z/x"] {
        let answer = realm.call(Method::GET, &format!("/group-by-path/{path}"), None).await.expect(404);
        assert_eq!(answer.body, json!({ "error": "Group path does not exist" }), "{path}");
    }
}

async fn bad_parameters() {
    let (realm, eng) = forest().await;
    let user = realm.create_user(&json!({ "username": "babs" })).await;
    let search = "/groups?search=e&populateHierarchy=false&";
    let [children, members] = ["children", "members"].map(|part| format!("/groups/{eng}/{part}?"));
    let groups = format!("/users/{user}/groups?");
    for path in ["/groups?", search, &children, &members, &groups] {
        for parameter in ["first=x", "max=x", "max=1.5"] {
            let path = format!("{path}{parameter}");
            let answer = realm.call(Method::GET, &path, None).await.expect(404);
            assert_eq!(answer.body, json!({ "error": "HTTP 404 Not Found" }), "{path}");
        }
    }
    for path in [
        "/groups?search=%00&populateHierarchy=false",
        "/groups?q=k:%00&populateHierarchy=false",
        "/groups/count?search=%00",
    ] {
        let answer = realm.call(Method::GET, path, None).await.expect(400);
        assert_eq!(answer.body, json!({ "error": "Blocking invalid query parameter value" }), "{path}");
    }
}
