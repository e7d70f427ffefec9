//! How groups are kept: layers, and every refusal with its line and key.

use std::collections::BTreeSet;

use super::super::{GroupRole, Groups, OnExistingGroup, VisibleGroups};
use super::{good, minimal, read, realm, refused};

/// The line on which what [`file`] adds begins.
const FIRST: usize = 4;

/// A file with these lines in the realm's table.
fn file(lines: &str) -> String {
    minimal("", lines, "", "")
}

/// The groups of a realm in whose table these lines stand.
fn groups(lines: &str) -> Groups {
    realm(&good(&file(lines))).groups.clone()
}

/// Holds the problems of `[realms.acme.groups]` with these lines against some such as `1: parent: expected the path`.
#[track_caller]
fn groups_refused(lines: &str, expected: &[&str]) {
    let expected = expected.iter().map(|expected| {
        let (line, rest) = expected.split_once(": ").unwrap();
        format!("{}: realms.acme.groups.{rest}", line.parse::<usize>().unwrap() + FIRST)
    });
    let expected: Vec<String> = expected.collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    refused(&file(&format!("[realms.acme.groups]\n{lines}")), &expected);
}

fn of_realm(role: &str) -> GroupRole {
    GroupRole::Realm(role.to_owned())
}

fn of_client(client: &str, role: &str) -> GroupRole {
    GroupRole::Client { client: client.to_owned(), role: role.to_owned() }
}

/// What a group carries; the group is named in lower case.
fn carried(groups: &Groups, name: &str) -> BTreeSet<GroupRole> {
    groups.roles.get(name).unwrap().roles.clone()
}

#[test]
fn a_file_that_says_nothing_keeps_groups_at_the_top_and_out_of_reach_where_they_are_not_managed() {
    let groups = groups("");
    assert!(groups.parent.is_empty() && groups.privileged.is_empty() && groups.roles.is_empty());
    assert_eq!((groups.visible, groups.on_existing), (VisibleGroups::Managed, OnExistingGroup::Reject));
    assert_eq!(groups.patch_response_members, 200);
    assert_eq!(groups, Groups::default());
}

#[test]
fn every_key_of_groups_is_read() {
    let groups = groups(
        "[realms.acme.groups]\nparent = \"/Company/SCIM groups\"\nvisible = \"all\"\non_existing = \"adopt\"\n\
         privileged = [\"Realm Admins\", \"ÄRZTE\"]\npatch_response_members = 0\n\
         [realms.acme.groups.roles]\n\"Engineering\" = [\"developer\", { client = \"billing\", role = \"editor\" }]\n\
         \"Sales\" = []\n",
    );
    assert_eq!(groups.parent, ["Company", "SCIM groups"]);
    assert_eq!((groups.visible, groups.on_existing), (VisibleGroups::All, OnExistingGroup::Adopt));
    assert_eq!(groups.privileged, ["realm admins", "ärzte"].map(str::to_owned).into());
    assert_eq!(groups.patch_response_members, 0);
    assert_eq!(groups.roles.get("engineering").unwrap().name, "Engineering");
    let roles = [of_realm("developer"), of_client("billing", "editor")];
    assert_eq!(carried(&groups, "engineering"), roles.into());
    assert!(carried(&groups, "sales").is_empty());
    assert_eq!(groups.roles.len(), 2);
}

#[test]
fn roles_are_told_as_administrators_know_them() {
    assert_eq!(of_realm("developer").to_string(), "developer");
    assert_eq!(of_client("billing", "editor").to_string(), "editor of client billing");
}

#[test]
fn the_top_level_has_two_spellings_and_long_names_count_in_units_of_utf_16() {
    let parent = |text: &str| groups(&format!("groups.parent = \"{text}\"")).parent;
    assert!(parent("").is_empty() && parent("/").is_empty());
    assert_eq!(parent(&format!("/{}", "ä".repeat(255))), ["ä".repeat(255)]);
    assert_eq!(parent(&format!("/{}a", "𝒳".repeat(127))), [format!("{}a", "𝒳".repeat(127))]);
    groups_refused(
        &format!("parent = \"/{}\"", "𝒳".repeat(128)),
        &["1: parent: expected the path of a group"],
    );
}

#[test]
fn a_realm_overrides_scalars_and_lists_and_adds_to_the_roles() {
    let defaults = "[defaults.groups]\nparent = \"/SCIM\"\nvisible = \"all\"\non_existing = \"adopt\"\n\
                    privileged = [\"Operators\"]\npatch_response_members = 5\n[defaults.groups.roles]\n\
                    \"Engineering\" = [\"developer\", \"tester\"]\n\"Sales\" = [\"seller\"]\n\
                    \"ÄRZTE\" = [\"doctor\"]\n\"Staff\" = [\"employee\"]\n";
    let with = |realm_lines: &str| {
        let config = good(&minimal(defaults, realm_lines, "", ""));
        realm(&config).groups.clone()
    };
    let inherited = with("");
    assert_eq!(inherited.parent, ["SCIM"]);
    assert_eq!((inherited.visible, inherited.on_existing), (VisibleGroups::All, OnExistingGroup::Adopt));
    assert_eq!(inherited.privileged, ["operators".to_owned()].into());
    assert_eq!(inherited.patch_response_members, 5);
    assert_eq!(inherited.roles.len(), 4);
    let own = with(
        "[realms.acme.groups]\nparent = \"/\"\nvisible = \"managed\"\non_existing = \"reject\"\nprivileged = []\n\
         patch_response_members = 6\n[realms.acme.groups.roles]\n\"ENGINEERING\" = [\"architect\"]\n\
         \"ärzte\" = []\n\"Support\" = [\"helper\"]\n",
    );
    assert!(own.parent.is_empty() && own.privileged.is_empty());
    assert_eq!((own.visible, own.on_existing), (VisibleGroups::Managed, OnExistingGroup::Reject));
    assert_eq!(own.patch_response_members, 6);
    let names: Vec<&str> = own.roles.keys().map(String::as_str).collect();
    assert_eq!(names, ["engineering", "sales", "staff", "support", "ärzte"]);
    assert_eq!(own.roles.get("engineering").unwrap().name, "ENGINEERING");
    assert_eq!(carried(&own, "engineering"), [of_realm("architect")].into());
    assert_eq!(carried(&own, "sales"), [of_realm("seller")].into());
    assert!(carried(&own, "ärzte").is_empty(), "a realm can take away what the defaults give");
}

#[test]
fn a_value_of_groups_that_is_wrong_is_told_with_its_line() {
    for (line, expected) in [
        (
            "parent = \"SCIM\"",
            "parent: expected the path of a group such as \"/SCIM\" or \"/Company/SCIM\", each name with 1 to 255 \
             characters, or \"/\" for the top level, found \"SCIM\"",
        ),
        ("parent = \"/SCIM/\"", "parent: expected the path"),
        ("parent = \"//SCIM\"", "parent: expected the path"),
        ("parent = \"/ /SCIM\"", "parent: expected the path"),
        ("parent = \"/a\\tb\"", "parent: expected the path"),
        ("parent = [\"SCIM\"]", "parent: expected the path"),
        ("visible = \"none\"", "visible: expected \"managed\" or \"all\", found \"none\""),
        ("on_existing = true", "on_existing: expected \"reject\" or \"adopt\", found true"),
        ("on_existing = \"Adopt\"", "on_existing: expected \"reject\" or \"adopt\""),
        (
            "patch_response_members = 10001",
            "patch_response_members: expected a whole number from 0 to 10000, found 10001",
        ),
        ("patch_response_members = -1", "patch_response_members: expected a whole number from 0 to 10000"),
        ("privileged = \"Operators\"", "privileged: expected a list, found a text"),
        ("privileged = [\"a/b\"]", "privileged: expected the name of a group (1 to 255 characters"),
        ("privileged = [\"\"]", "privileged: expected the name of a group"),
        ("privileged = [3]", "privileged: expected the name of a group"),
        ("privileged = [\"Ä\", \"b\", \"ä\"]", "privileged: this group stands here twice"),
        (
            "visble = \"all\"",
            "visble: unknown key, expected one of `parent`, `visible`, `on_existing`, `privileged`",
        ),
        ("roles = [\"developer\"]", "roles: expected a table, found a list"),
    ] {
        groups_refused(line, &[&format!("1: {expected}")]);
    }
    refused(&file("groups = true"), &["4: realms.acme.groups: expected a table, found true or false"]);
}

#[test]
fn a_name_that_no_group_can_have_carries_no_roles() {
    let long = "x".repeat(256);
    for name in ["", "  ", "a/b", "a\\u0000b", "a\\nb", &long] {
        let source = file(&format!("[realms.acme.groups.roles]\n\"{name}\" = []"));
        let told = read(&source).unwrap_err().to_string();
        assert!(
            told.starts_with("config.toml:5: realms.acme.groups.roles.") && !told.contains('\n'),
            "{told}"
        );
        assert!(told.contains(": expected the name of a group (1 to 255 characters"), "{told}");
    }
    assert_eq!(groups(&format!("groups.roles.\"{}\" = []", "x".repeat(255))).roles.len(), 1);
    groups_refused(
        "[realms.acme.groups.roles]\nSales = []\n\"SALES\" = [\"x\"]",
        &["3: roles.SALES: this group stands here twice (names are compared without case)"],
    );
}

#[test]
fn a_role_that_is_none_is_told_with_its_line() {
    let entry =
        "expected the name of a realm role, or { client = \"CLIENT\", role = \"ROLE\" } for a client's";
    for (value, expected) in [
        ("\"developer\"", "roles.A: expected a list, found a text".to_owned()),
        ("{ client = \"a\", role = \"b\" }", "roles.A: expected a list, found a table".to_owned()),
        ("[3]", format!("roles.A: {entry}, found a number")),
        ("[[\"a\"]]", format!("roles.A: {entry}, found a list")),
        ("[\"\"]", "roles.A: expected a text of 1 to 255".to_owned()),
        ("[\" a\"]", "roles.A: expected a text of 1 to 255".to_owned()),
        ("[{ client = \"\", role = \"b\" }]", "roles.A.client: expected a text of 1 to 255".to_owned()),
        ("[{ client = \"a\", role = 1 }]", "roles.A.role: expected a text of 1 to 255".to_owned()),
        ("[{ client = \"a\" }]", "roles.A: role is missing; expected { client".to_owned()),
        ("[{ role = \"a\" }]", "roles.A: client is missing; expected { client".to_owned()),
        (
            "[{ client = \"a\", role = \"b\", realm = \"c\" }]",
            "roles.A.realm: unknown key, expected `client` or `role`".to_owned(),
        ),
    ] {
        groups_refused(&format!("roles.A = {value}"), &[&format!("1: {expected}")]);
    }
    refused(
        &minimal("[defaults.groups.roles]\nA = [{ role = \"a\" }]", "", "", ""),
        &["3: defaults.groups.roles.A: client is missing"],
    );
}

#[test]
fn every_problem_of_a_list_of_roles_is_told_at_once() {
    groups_refused(
        "[realms.acme.groups.roles]\n\"A\" = [\n  \"a\",\n  { client = 1, role = 2 },\n  7,\n  \
         { client = \"a\" },\n  \"admin\",\n]\n\"B/\" = []",
        &[
            "4: roles.A.client: expected a text",
            "4: roles.A.role: expected a text",
            "5: roles.A: expected the name of a realm role",
            "7: roles.A: \"admin\" is Keycloak's role",
            "9: roles.\"B/\": expected the name of a group",
        ],
    );
}

#[test]
fn a_role_with_power_is_for_privileged_groups_alone() {
    let lists = "protected_roles = [\"payroll\"]\n[realms.acme.groups]\n";
    for (role, expected) in [
        ("\"admin\"", "\"admin\" is Keycloak's role of administrators, and whoever may write"),
        ("\"ADMIN\"", "\"ADMIN\" is Keycloak's role of administrators"),
        ("\"payroll\"", "\"payroll\" is one of protected_roles"),
        ("\"Payroll\"", "\"Payroll\" is one of protected_roles"),
        (
            "{ client = \"realm-management\", role = \"realm-admin\" }",
            "\"realm-admin of client realm-management\" administers the realm",
        ),
        (
            "{ client = \"Realm-Management\", role = \"View-users\" }",
            "\"View-users of client Realm-Management\" administers the realm",
        ),
    ] {
        let roles = format!("roles.Operators = [\n{role}]");
        let expected = format!("8: realms.acme.groups.roles.Operators: {expected}");
        refused(&file(&format!("{lists}privileged = [\"Others\"]\n{roles}")), &[&expected]);
        let groups = groups(&format!("{lists}privileged = [\"OPERATORS\"]\n{roles}"));
        assert_eq!(carried(&groups, "operators").len(), 1, "{role}");
    }
    for role in [
        "\"developer\"",
        "\"realm-admin\"",
        "{ client = \"realm-management\", role = \"view-users\" }",
        "{ client = \"realm-management\", role = \"query-groups\" }",
        "{ client = \"billing\", role = \"admin\" }",
        "{ client = \"billing\", role = \"payroll\" }",
    ] {
        assert_eq!(carried(&groups(&format!("{lists}roles.Operators = [{role}]")), "operators").len(), 1);
    }
}

#[test]
fn no_group_carries_the_tag_role() {
    for (realm_line, role) in [("", "scim-managed"), ("tag_role = \"Tag\"", "tag")] {
        for privileged in ["", "\"Operators\""] {
            let lines = format!(
                "{realm_line}\ngroups.privileged = [{privileged}]\ngroups.roles.Operators = [\"{role}\"]"
            );
            let expected = format!("6: realms.acme.groups.roles.Operators: {role:?} is the tag_role");
            refused(&file(&lines), &[&expected]);
        }
    }
    let renamed = groups("tag_role = \"tag\"\ngroups.roles.Operators = [\"scim-managed\"]");
    assert_eq!(carried(&renamed, "operators"), [of_realm("scim-managed")].into());
}

#[test]
fn what_the_defaults_give_is_held_against_the_realm_that_gets_it() {
    let defaults = "[defaults]\nprotected_roles = [\"payroll\"]\n[defaults.groups]\nprivileged = [\"Operators\"]\n\
                    [defaults.groups.roles]\nOperators = [\"payroll\"]";
    let with = |realm_lines: &str| minimal(defaults, realm_lines, "", "");
    assert_eq!(carried(&realm(&good(&with(""))).groups, "operators"), [of_realm("payroll")].into());
    let problem = "7: defaults.groups.roles.Operators: \"payroll\" is one of protected_roles";
    refused(&with("groups.privileged = []"), &[problem]);
    good(&with("groups.privileged = []\nprotected_roles = []"));
    good(&with("groups.privileged = []\ngroups.roles.operators = [\"developer\"]"));
}

#[test]
fn a_list_of_privileged_groups_that_could_not_be_read_is_the_only_problem() {
    groups_refused(
        "privileged = [\"Operators/\"]\nroles.Operators = [\"admin\"]",
        &["1: privileged: expected the name of a group"],
    );
    refused(
        &minimal(
            "[defaults.groups]\nprivileged = 3\n[defaults.groups.roles]\nOperators = [\"admin\"]",
            "",
            "",
            "",
        ),
        &["3: defaults.groups.privileged: expected a list, found a number"],
    );
}

#[test]
fn groups_named_twice_in_the_defaults_are_told_once() {
    refused(
        &minimal(
            "[defaults.groups]\nprivileged = [\"a\", \"A\"]\n[defaults.groups.roles]\n\"b\" = []\n\"B\" = []",
            "",
            "",
            "",
        ),
        &[
            "3: defaults.groups.privileged: this group stands here twice",
            "6: defaults.groups.roles.B: this group stands here twice",
        ],
    );
}
