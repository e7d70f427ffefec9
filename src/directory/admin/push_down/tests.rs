//! What becomes of filters: which part goes to Keycloak, and which is left out because somebody could be missed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::keycloak::UserQuery;
use crate::scim::filter::parse;
use crate::scim::user::user;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn storage() -> Storage {
    let map = [
        ("title", "title"),
        ("profileUrl", "profile"),
        ("NICKNAME", "nick"),
        ("locale", "enabled"),
        ("phoneNumbers", "phoneNumber"),
        ("name.middleName", "middleName"),
    ];
    let mut map: BTreeMap<String, String> =
        map.into_iter().map(|(path, name)| (path.to_owned(), name.to_owned())).collect();
    for name in ["department", "division", "costCenter", "manager.value"] {
        map.insert(format!("{ENTERPRISE}:{name}"), name.replace(".value", ""));
    }
    Storage::new(Arc::new(user().clone()), &map)
}

/// The plan in one line: lookups, then groups, then queries, `~` before a text that may be anywhere, the index as `managed`.
fn planned_in(filter: &str, storage: &Storage) -> String {
    let plan = plan(&parse(user(), filter).expect(filter), storage);
    let lookups = plan.lookups.iter().map(|key| match key {
        Key::Id(text) => format!("id {text}"),
        Key::UserName(text) => format!("userName {text}"),
        Key::ExternalId(text) => format!("externalId {text}"),
        Key::Email(text) => format!("email {text}"),
    });
    let groups = plan.groups.iter().map(|id| format!("group {id}"));
    let queries = plan.scans.iter().map(|scan| shown(&scan.query("realm")));
    lookups.chain(groups).chain(queries).collect::<Vec<_>>().join(" | ")
}

fn planned(filter: &str) -> String {
    planned_in(filter, &storage())
}

fn shown(query: &UserQuery) -> String {
    let sign = if query.exact { "=" } else { "~" };
    let texts = [("username", &query.username), ("first", &query.first_name), ("last", &query.last_name)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some(format!("{name}{sign}{}", text.as_ref()?)));
    let attributes = query.attributes.iter().map(|term| {
        let term = term.term().replace(['"', '\\'], "");
        if term == "scim.managed:realm" { "managed".into() } else { term.replacen(':', sign, 1) }
    });
    let enabled = query.enabled.map(|enabled| format!("enabled={enabled}"));
    let after = query.created_after.map(|millis| format!("after={millis}"));
    let before = query.created_before.map(|millis| format!("before={millis}"));
    let rest = [enabled, after, before].into_iter().flatten();
    texts.chain(attributes).chain(rest).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn expect(cases: &[(&str, &str)]) {
    for (filter, expected) in cases {
        assert_eq!(planned(filter), *expected, "{filter}");
    }
}

#[test]
fn the_most_selective_key_is_looked_up_alone() {
    expect(&[
        ("id eq \"2\"", "id 2"),
        ("userName eq \"BOB\"", "userName BOB"),
        ("externalId eq \"X-bob\"", "externalId X-bob"),
        ("emails.value eq \"Bob@example.com\"", "email Bob@example.com"),
        ("emails eq \"bob@example.com\"", "email bob@example.com"),
        ("emails[type eq \"work\"].value eq \"a@b\"", "email a@b"),
        ("emails[type eq \"work\" and value eq \"a@b\"]", "email a@b"),
        ("title eq \"Guide\" and emails.value eq \"a@b\"", "email a@b"),
        ("emails.value eq \"a@b\" and externalId eq \"x\"", "externalId x"),
        ("externalId eq \"x\" and userName eq \"cid\"", "userName cid"),
        ("userName eq \"cid\" and id eq \"4\" and active eq true", "id 4"),
        ("userName eq \"cid\" and not (active eq true)", "userName cid"),
        ("(userName eq \"cid\" and active eq true) and title pr", "userName cid"),
        ("userName sw \"c\" and (id eq \"1\" or id eq \"2\")", "id 1 | id 2"),
    ]);
}

#[test]
fn texts_that_keycloak_has_a_field_for_narrow_the_scan() {
    expect(&[
        ("userName sw \"Bab\"", "username~bab"),
        ("userName co \"@example.com\"", "username~@example.com"),
        ("name.givenName eq \"Barbara\"", "first=barbara"),
        ("name.familyName ew \"sen\"", "last~sen"),
        ("name[familyName eq \"Jensen\"]", "last=jensen"),
        ("name.givenName eq \"Barbara\" and name.familyName eq \"Jensen\"", "first=barbara last=jensen"),
        // One switch for all: where one text may be anywhere, all may.
        ("name.givenName eq \"Barbara\" and userName sw \"b\"", "username~b first~barbara"),
        ("userName sw \"b\" and userName ew \"jensen\" and userName co \"s\"", "username~jensen"),
        ("name.familyName sw \"jensen\" and name.familyName eq \"jones\"", "last=jones"),
    ]);
}

#[test]
fn flat_attributes_narrow_the_scan_by_their_whole_value_alone() {
    let department = format!("{ENTERPRISE}:department eq \"Tours\"");
    expect(&[
        ("title eq \"Tour Guest\"", "title=tour guest"),
        (&department, "department=tours"),
        ("department eq \"Tours\" and manager eq \"M1\"", "department=tours manager=m1"),
        ("manager[value eq \"M1\"]", "manager=m1"),
        ("nickName eq \"Babs\"", "nick=babs"),
        ("name.middleName eq \"Jane\"", "middleName=jane"),
        ("profileUrl eq \"http://a\"", "profile=http://a"),
        ("title eq \"say \\\"hey\\\"\"", "title=say hey"),
        // Keycloak passes over long values here.
        ("title co \"Tour\"", "managed"),
        ("title sw \"Tour\"", "managed"),
        ("title ew \"Guest\"", "managed"),
        // Of phone numbers the flat attribute has one.
        ("phoneNumbers.value eq \"555\"", "managed"),
        // Kept in the document.
        ("name.formatted eq \"Babs\"", "managed"),
        ("addresses.locality eq \"Bonn\"", "managed"),
        // Keycloak takes a name like that for its own field.
        ("locale eq \"de\"", "managed"),
    ]);
}

#[test]
fn at_most_three_attributes_are_asked_for_at_once() {
    expect(&[(
        "title eq \"a\" and department eq \"b\" and division eq \"c\" and costCenter eq \"d\" and title eq \"aa\"",
        "department=b division=c title=aa",
    )]);
}

#[test]
fn conditions_that_many_meet_are_asked_for_with_the_index() {
    expect(&[
        ("active eq true", "managed enabled=true"),
        ("active eq \"False\"", "managed enabled=false"),
        ("active ne true", "managed enabled=false"),
        ("active eq null", "managed"),
        ("active pr", "managed"),
        ("active eq true and name.familyName eq \"Jones\"", "last=jones enabled=true"),
    ]);
}

#[test]
fn times_of_creation_are_rounded_to_the_outside() {
    expect(&[
        ("meta.created ge \"2023-11-14T22:13:20Z\"", "managed after=1700000000000"),
        ("meta.created gt \"2023-11-14T22:13:20.0009Z\"", "managed after=1700000000000"),
        (
            "meta.created ge \"2023-11-14T23:13:20+01:00\" and meta.created lt \"2023-11-14T22:13:20.0009Z\"",
            "managed after=1700000000000 before=1700000000001",
        ),
        ("meta.created eq \"2023-11-14T22:13:20.5Z\"", "managed after=1700000000500 before=1700000000500"),
        (
            "meta.created ge \"2001-01-01T00:00:00Z\" and meta.created ge \"2023-11-14T22:13:20Z\"",
            "managed after=1700000000000",
        ),
        // Users without a time of creation are shown as of 1970, and Keycloak finds them by no time.
        ("meta.created le \"2023-11-14T22:13:20Z\"", "managed"),
        ("meta.created ge \"1970-01-01T00:00:00Z\"", "managed"),
        ("meta.created ge \"1969-12-31T23:59:59Z\" and meta.created le \"2000-01-01T00:00:00Z\"", "managed"),
        ("meta.created ne \"2023-11-14T22:13:20Z\"", "managed"),
        ("meta.lastModified ge \"2023-11-14T22:13:20Z\"", "managed"),
    ]);
}

#[test]
fn what_the_databases_may_see_otherwise_is_left_to_a_wildcard() {
    expect(&[
        // K and İ have ASCII letters for lower case here, but not everywhere.
        ("name.familyName eq \"Nickel\"", "last~n%c%el"),
        ("userName co \"KIKI\"", "managed"),
        ("name.givenName eq \"Ümit\"", "first~m%t"),
        ("name.givenName eq \"Jürgen\"", "first~j%rgen"),
        ("name.givenName eq \"Strauß\"", "first~strau"),
        ("name.givenName eq \"李\"", "managed"),
        ("title eq \"50%_\"", "title~50%_"),
        ("title eq \"a\\\\b[c]^d\\u0000e\\nf\"", "title~a%b%c%d%e%f"),
        ("name.givenName eq \" x y \"", "first= x y "),
        // Not more wildcards than a database can bear.
        ("userName co \"aibicidieifigihijiklimi\"", "username~a%b%c%d%e%f%g%h"),
    ]);
}

#[test]
fn what_is_empty_or_too_long_is_not_asked_for() {
    let long = |length: usize| format!("title eq \"{}\"", "a".repeat(length));
    assert_eq!(planned(&long(255)), format!("title={}", "a".repeat(255)));
    assert_eq!(planned(&long(256)), "managed");
    expect(&[
        ("userName eq \"\"", ""),
        // The document keeps empty texts, which Keycloak does not.
        ("title eq \"\" or emails.value eq \"\"", "managed"),
        ("title eq \"\" and userName eq \"a\"", "userName a"),
        ("userName co \"\"", "managed"),
    ]);
}

#[test]
fn what_keycloak_cannot_answer_walks_through_the_roster() {
    for filter in [
        "title pr",
        "userName ne \"a\"",
        "userName gt \"a\"",
        "not (userName eq \"a\")",
        "userName eq null",
        "externalId sw \"a\"",
        "emails.value co \"a\"",
        "emails[not (value eq \"a\")]",
        "userName eq \"a\" or title pr",
    ] {
        assert_eq!(planned(filter), "managed", "{filter}");
        assert!(plan(&parse(user(), filter).unwrap(), &storage()).is_everybody(), "{filter}");
    }
    assert!(!plan(&parse(user(), "active eq true").unwrap(), &storage()).is_everybody());
}

#[test]
fn the_branches_of_an_or_are_all_asked_for() {
    expect(&[
        ("userName eq \"a\" or userName eq \"b\"", "userName a | userName b"),
        ("userName eq \"a\" or userName eq \"a\"", "userName a"),
        ("userName eq \"a\" or name.givenName eq \"B\" or title eq \"c\"", "userName a | first=b | title=c"),
        ("emails[value eq \"a\" or value eq \"b\"]", "email a | email b"),
        ("userName eq \"a\" or (title pr and name.givenName eq \"b\")", "userName a | first=b"),
        // What holds besides joins each branch where it narrows little by itself, and is enough where it narrows much.
        (
            "active eq true and (title eq \"a\" or title eq \"b\" or id eq \"1\")",
            "id 1 | title=a enabled=true | title=b enabled=true",
        ),
        ("userName sw \"u\" and (title eq \"a\" or title eq \"b\")", "username~u"),
        (
            "(title eq \"a\" or title eq \"b\" or title eq \"c\") and (title eq \"d\" or active eq true)",
            "title=a | title=b | title=c",
        ),
    ]);
    let many =
        |count: usize| (0..count).map(|n| format!("title eq \"t{n}\"")).collect::<Vec<_>>().join(" or ");
    assert_eq!(planned(&many(MAX_QUERIES)).split(" | ").count(), MAX_QUERIES);
    assert_eq!(planned(&many(MAX_QUERIES + 1)), "managed");
}

#[test]
fn the_members_of_a_group_are_enough_where_the_filter_asks_for_it() {
    expect(&[
        ("groups.value eq \"g\"", "group g"),
        ("groups eq \"g\"", "group g"),
        ("groups[value eq \"g\" and type eq \"direct\"]", "group g"),
        ("groups[value eq \"g\" or value eq \"h\"]", "group g | group h"),
        ("groups eq \"g\" and active eq true and name.familyName eq \"jensen\"", "group g"),
        ("groups eq \"g\" and (groups eq \"h\" or groups eq \"i\")", "group g"),
        ("groups eq \"g\" or groups eq \"g\" or userName eq \"a\"", "userName a | group g"),
        ("groups eq \"g\" or title eq \"a\"", "group g | title=a"),
        ("active eq true and (groups eq \"g\" or title eq \"a\")", "group g | title=a enabled=true"),
        // One who is known by a key is looked at alone, and so is nobody.
        ("groups eq \"g\" and userName eq \"a\"", "userName a"),
        ("groups eq \"g\" and (userName eq \"a\" or externalId eq \"b\")", "userName a | externalId b"),
        ("groups eq \"\" and title pr", ""),
        ("groups eq \"g\" and id eq \"\"", ""),
        // Those who are not in it may be anybody.
        ("not (groups eq \"g\")", "managed"),
        ("groups ne \"g\"", "managed"),
        ("groups.display eq \"g\"", "managed"),
        ("groups eq \"g\" or title pr", "managed"),
    ]);
}

#[test]
fn user_names_that_are_no_usernames_narrow_nothing_but_are_looked_up() {
    let storage = Storage { email_as_username: true, ..storage() };
    assert_eq!(planned_in("userName sw \"a\"", &storage), "managed");
    assert_eq!(planned_in("userName eq \"a\"", &storage), "userName a");
}

#[test]
fn an_attribute_that_not_everybody_may_have_in_its_place_yet_is_not_asked_for() {
    let unsettled = Storage { settled: false, ..storage() };
    assert_eq!(planned_in("title eq \"a\"", &unsettled), "managed");
    let built_in = BTreeMap::from([("title".to_owned(), "title".to_owned())]);
    let knowing = Storage { mappings: Mapping::knowing(&unsettled.mappings, &built_in), ..unsettled };
    assert_eq!(planned_in("title eq \"a\"", &knowing), "title=a");
    assert_eq!(planned_in("nickName eq \"a\"", &knowing), "managed");
}

#[test]
fn a_mapping_that_overrides_another_spelling_is_the_one_that_counts() {
    let of = [(format!("{ENTERPRISE}:department"), "other"), ("department".to_owned(), "department")];
    let map = of.map(|(path, name)| (path, name.to_owned())).into();
    // Both name the same path; what is read last is shown.
    let storage = Storage::new(Arc::new(user().clone()), &map);
    assert_eq!(planned_in("department eq \"a\"", &storage), "other=a");
}
