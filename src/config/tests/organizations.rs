//! Organizations: three layers, what never passes from one tenant to another, and every refusal.

use std::path::Path;

use super::super::{
    Config, LinkedValue, OnExistingGroup, Realm, Shared, VisibleGroups, tenants_user_attributes,
};
use super::{HASH, good, minimal, read, refused};

/// The hash of another token.
fn other() -> String {
    HASH.replace("0123", "3210")
}

/// A file with an organization that has a caller; `lines` stand in its table.
fn file(defaults: &str, realm: &str, lines: &str) -> String {
    format!(
        "{}[realms.acme.organizations.contoso]\n{lines}\n[realms.acme.organizations.contoso.callers.entra]\n\
         auth = \"token\"\nsha256 = [\"{}\"]\n",
        minimal(defaults, realm, "", ""),
        other()
    )
}

/// The line before the first of an organization's in [`file`], where nothing else is said.
const BEFORE: usize = 14;

fn contoso(config: &Config) -> &Realm {
    config.realms.get("acme").unwrap().organizations.get("contoso").unwrap()
}

/// Holds the problem of an organization in whose table these lines stand.
#[track_caller]
fn organization_refused(lines: &str, expected: &str) {
    let (line, rest) = expected.split_once(": ").unwrap();
    let line = line.parse::<usize>().unwrap() + BEFORE;
    refused(&file("", "", lines), &[&format!("{line}: realms.acme.organizations.contoso.{rest}")]);
}

#[test]
fn an_organization_that_says_nothing_is_its_realm_but_for_its_callers() {
    let config = good(&file(
        "[defaults]\nmax_page_size = 20\n[defaults.groups]\nparent = \"/SCIM\"\nvisible = \"all\"\n\
         on_existing = \"adopt\"\npatch_response_members = 3\n[defaults.on_create]\ngroups = [\"/Staff\"]",
        "on_create.required_actions = [\"A\"]\ntag_role = \"managed\"\nshared = \"last-wins\"\nsweep_interval = \"7s\"\nprotected_roles = [\"payroll\"]\n\
         groups.privileged = [\"Operators\"]\ngroups.roles.Operators = [\"admin\"]\nforward_token_endpoint = false",
        "",
    ));
    let realm = config.realms.get("acme").unwrap();
    let found = contoso(&config);
    let mut expected = Realm::clone(realm);
    expected.organization = Some("contoso".parse().unwrap());
    expected.organizations.clear();
    expected.callers = found.callers.clone();
    expected.groups.parent.clear();
    expected.groups.privileged.clear();
    expected.groups.roles.clear();
    // They carry roles of the realm, which its callers give and no organization's.
    expected.on_create.groups.clear();
    assert_eq!(*found, expected);
    assert_eq!(found.callers.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["entra"]);
    assert_eq!(
        (found.groups.visible, found.groups.on_existing),
        (VisibleGroups::All, OnExistingGroup::Adopt)
    );
    assert_eq!((found.max_page_size, found.tag_role.as_str()), (20, "managed"));
    assert_eq!((realm.groups.roles.len(), realm.on_create.groups.len()), (1, 1));
    assert_eq!(found.on_create.required_actions.len(), 1);
    let says = "email_as_username = false\non_create.groups = [\"/Guests\"]";
    let config = good(&file("", "", says));
    assert!(contoso(&config).says_email_as_username);
    assert_eq!(contoso(&config).on_create.groups, [vec!["Guests".to_owned()]].into());
}

#[test]
fn three_layers_are_folded() {
    let config = good(&file(
        "[defaults]\nscan_limit = 1000\nmax_page_size = 20\nignored_attributes = [\"title\"]\nshared = \"last-wins\"\n\
         attributes.nickName = \"a\"\nattributes.locale = \"a2\"\nattributes.title = \"a3\"\n\
         on_create.required_actions = [\"A\"]\non_create.groups = [\"/A\"]\non_create.email_verified = true\n\
         identity_provider.alias = \"idp\"\nidentity_provider.user_id = \"userName\"\n\
         [defaults.schemas.\"urn:a\".attributes.x]\n",
        "max_page_size = 30\nignored_attributes = [\"photos\"]\n\
         on_create.required_actions = [\"B\"]\nidentity_provider.alias = \"idp2\"\nemail_as_username = true\n\
         [realms.acme.schemas.\"urn:b\".attributes.x]\n",
        "ignored_attributes = [\"ims\"]\nmax_page_size = 40\nattributes.title = \"c3\"\non_create.groups = []\n\
         identity_provider.alias = \"idp3\"\nidentity_provider.user_id = \"emails\"\nshared = \"refuse\"\nrealm_attributes = true\n\
         [realms.acme.organizations.contoso.schemas.\"urn:c\".attributes.x]\n",
    ));
    let found = contoso(&config);
    assert_eq!((found.scan_limit, found.max_page_size), (1000, 40));
    assert_eq!(found.ignored_attributes, ["ims", "password"]);
    assert_eq!(found.shared, Shared::Refuse);
    assert!(found.email_as_username && found.realm_attributes);
    // What says who somebody is, is said for each tenant.
    assert!(config.realms["acme"].on_create.email_verified && !found.on_create.email_verified);
    let mapped = |path| found.attribute_map.get(path).map(String::as_str);
    assert_eq!((mapped("nickName"), mapped("locale"), mapped("title")), (Some("a"), Some("a2"), Some("c3")));
    let urns: Vec<&str> = found.user.extensions.iter().map(|extension| &*extension.schema.id).collect();
    assert_eq!(urns[1..], ["urn:a", "urn:b", "urn:c"]);
    assert_eq!(found.on_create.required_actions, ["B".to_owned()].into());
    assert!(found.on_create.groups.is_empty());
    let link = found.identity_provider.as_ref().unwrap();
    assert_eq!((link.alias.as_str(), &link.user_id), ("idp3", &LinkedValue::Email));
    let realm = config.realms.get("acme").unwrap();
    assert_eq!(realm.max_page_size, 30);
    assert_eq!(realm.user.extensions.len(), 3, "what an organization says is its own");
    assert_eq!(realm.attribute_map.get("title").unwrap(), "a3");
    assert_eq!(realm.shared, Shared::LastWins);
    assert_eq!(realm.identity_provider.as_ref().unwrap().user_id, LinkedValue::UserName);
    assert_eq!(realm.on_create.groups, [vec!["A".to_owned()]].into());
    assert!(!realm.realm_attributes);
}

#[test]
fn an_identity_provider_can_be_taken_away() {
    let with = |realm: &str, lines: &str| {
        let config = good(&file("[defaults.identity_provider]\nalias = \"idp\"", realm, lines));
        let alias = |realm: &Realm| realm.identity_provider.as_ref().map(|link| link.alias.clone());
        (alias(config.realms.get("acme").unwrap()), alias(contoso(&config)))
    };
    let idp = || Some("idp".to_owned());
    // An organization's people sign in by a provider of their own, or by none.
    assert_eq!(with("", ""), (idp(), None));
    assert_eq!(with("", "identity_provider.alias = \"\""), (idp(), None));
    assert_eq!(with("identity_provider.alias = \"\"", ""), (None, None));
    assert_eq!(with("identity_provider.alias = \"\"", "identity_provider.alias = \"idp\""), (None, idp()));
}

#[test]
fn what_belongs_to_the_realm_is_no_organizations() {
    let one = "this is the same for a realm and all its organizations";
    for (line, expected) in [
        ("issuer = \"https://a/realms/b\"", format!("1: issuer: {one}")),
        ("tag_role = \"x\"", format!("1: tag_role: {one}")),
        ("protected_roles = []", format!("1: protected_roles: {one}")),
        ("sweep_interval = \"7s\"", format!("1: sweep_interval: {one}")),
        ("forward_token_endpoint = true", format!("1: forward_token_endpoint: {one}")),
        ("keycloak.url = \"http://b\"", format!("1: keycloak: {one}")),
        ("keycloak.client_secret_env = \"SECRET\"", format!("1: keycloak: {one}")),
        (
            "organizations.b.realm_attributes = true",
            "1: organizations: an organization has no organizations".to_owned(),
        ),
        (
            "groups.parent = \"/SCIM\"",
            "1: groups.parent: Keycloak keeps an organization's groups apart".to_owned(),
        ),
        ("max_page_sice = 3", "1: max_page_sice: unknown key".to_owned()),
        ("identity_provider.alias = \"a/b\"", "1: identity_provider.alias: expected the alias".to_owned()),
        (
            "identity_provider.user_id = \"password\"",
            "1: identity_provider.user_id: passwords are dropped".to_owned(),
        ),
        (
            "identity_provider.user_id = \"nobody\"",
            "1: identity_provider.user_id: no served schema has this attribute".to_owned(),
        ),
        (
            "identity_provider.user_id = \"phoneNumbers.value\"",
            "1: identity_provider.user_id: this attribute has several values".to_owned(),
        ),
        (
            "identity_provider.user_id = \"name\"",
            "1: identity_provider.user_id: this attribute is no text".to_owned(),
        ),
        ("on_create.groups = [\"Staff\"]", "1: on_create.groups: expected the path of a group".to_owned()),
        ("on_create.groups = [\"/\"]", "1: on_create.groups: expected the path of a group".to_owned()),
        ("on_create.required_actions = [\"\"]", "1: on_create.required_actions: expected a text".to_owned()),
        ("shared = \"last\"", "1: shared: expected \"refuse\" or \"last-wins\"".to_owned()),
        ("email_as_username = 1", "1: email_as_username: expected true or false".to_owned()),
        ("max_page_size = 20\nscan_limit = 10", "2: scan_limit: expected at least max_page_size".to_owned()),
        ("groups.roles.A = [\"admin\"]", "1: groups.roles.A: \"admin\" is Keycloak's role".to_owned()),
    ] {
        organization_refused(line, &expected);
    }
    refused(
        &minimal("[defaults.organizations.contoso]\nrealm_attributes = true", "", "", ""),
        &["2: defaults.organizations: organizations belong to one realm"],
    );
}

#[test]
fn an_attribute_of_the_tenants_own_schema_can_be_linked() {
    let config = good(&file(
        "",
        "",
        "identity_provider = { alias = \"idp\", user_id = \"urn:c:oid\" }\n\
         [realms.acme.organizations.contoso.schemas.\"urn:c\".attributes.oid]",
    ));
    let link = contoso(&config).identity_provider.as_ref().unwrap();
    assert_eq!(link.user_id, LinkedValue::Attribute("urn:c:oid".to_owned()));
}

#[test]
fn an_organization_has_a_name_once_and_somebody_who_calls() {
    refused(
        &format!("{}[realms.acme.organizations.\"a/b\"]\n", minimal("", "", "", "")),
        &["14: realms.acme.organizations.\"a/b\": expected the alias or the id of an organization"],
    );
    refused(
        &format!("{}[realms.acme.organizations.fabrikam]\n", minimal("", "", "", "")),
        &["14: realms.acme.organizations.fabrikam.callers: expected at least one table"],
    );
    good(&format!(
        "{}[realms.acme.organizations.fabrikam]\nrealm_attributes = true\n",
        minimal("", "", "", "")
    ));
    let twice =
        file("", "", "realm_attributes = true\n[realms.acme.organizations.CONTOSO]\nrealm_attributes = true");
    let told = read(&twice).unwrap_err().to_string();
    assert!(told.contains("is the same but for the letter case; expected it once"), "{told}");
}

#[test]
fn a_realm_needs_somebody_who_calls_it_or_an_organization() {
    let alone = minimal("", "", "", "");
    let alone = alone.split("[realms.acme.callers").next().unwrap();
    refused(alone, &["3: realms.acme.callers: expected at least one table [realms.NAME.callers.CALLER]"]);
    let with = file("", "", "");
    let config = good(&format!("{alone}{}", &with[with.find("[realms.acme.organizations").unwrap()..]));
    assert!(config.realms.get("acme").unwrap().callers.is_empty());
    assert_eq!(contoso(&config).callers.len(), 1);
    good(&alone.replace("[realms.acme]\n", "[realms.acme]\nrealm_attributes = true\n"));
    good(&alone.replace("[realms.acme]\n", "[defaults]\nrealm_attributes = true\n[realms.acme]\n"));
}

#[test]
fn no_proof_stands_for_callers_of_two_tenants() {
    let callers = |realm: &str, organization: &str| {
        let base = minimal("", "", "", "");
        let base = base.split("[realms.acme.callers").next().unwrap().to_owned();
        format!(
            "{base}[realms.acme.callers.okta]\n{realm}\n[realms.acme.organizations.contoso.callers.okta]\n{organization}\n\
             [realms.acme.organizations.fabrikam.callers.okta]\nauth = \"keycloak\"\nclients = [\"fabrikam\"]\n"
        )
    };
    let fine = "auth = \"keycloak\"\nclients = [\"other\"]";
    for (proof, of_realm) in [
        (format!("auth = \"token\"\nsha256 = [\"{HASH}\"]"), "this token"),
        ("auth = \"keycloak\"\nclients = [\"okta-scim\"]".to_owned(), "this client"),
        ("auth = \"keycloak\"\nroles = [\"scim\"]".to_owned(), "the same tokens, whatever"),
        (
            "auth = \"external\"\nissuer = \"https://x\"\naudiences = [\"x\"]".to_owned(),
            "the same tokens of this",
        ),
    ] {
        good(&callers(&proof, fine));
        let told = read(&callers(&proof, &proof)).expect_err(&proof).to_string();
        assert!(told.contains("realms.acme.organizations.contoso.callers.okta."), "{told}");
        assert!(told.contains("the caller okta of the realm itself"), "{told}");
        assert!(told.contains(of_realm), "{told}");
    }
    let told = read(&callers(fine, "auth = \"keycloak\"\nclients = [\"fabrikam\"]")).unwrap_err().to_string();
    assert!(
        told.contains("fabrikam.callers.okta.clients: the caller okta of the organization contoso has"),
        "{told}"
    );
    let told = read(&callers(fine, "auth = \"keycloak\"\nclients = [\"scimgate\"]")).unwrap_err().to_string();
    assert!(told.contains("is the gateway's own client"), "{told}");
}

#[test]
fn a_token_is_of_one_realm_and_a_client_of_each() {
    let beta = |auth: &str| {
        format!(
            "{}[realms.beta.keycloak]\nurl = \"http://kc\"\nclient_secret_env = \"SECRET\"\n\
             [realms.beta.callers.okta]\n{auth}\n[realms.beta.organizations.contoso.callers.okta]\n\
             auth = \"keycloak\"\nclients = [\"okta-scim\"]\n",
            minimal("", "", "", "")
        )
    };
    let token = beta(&format!("auth = \"token\"\nsha256 = [\"{HASH}\"]"));
    refused(
        &token,
        &["19: realms.beta.callers.okta.sha256: the caller okta of the realm acme has this token already"],
    );
    good(&beta("auth = \"keycloak\"\nclients = [\"other\"]"));
}

#[test]
fn what_setup_declares_is_told_for_organizations_too() {
    let acme = "acme".parse().unwrap();
    let of = |source: &str| tenants_user_attributes(source, Path::new("config.toml"), &acme);
    let lines = "attributes.title = \"jobTitle\"\n[realms.acme.organizations.contoso.schemas.\"urn:c\".attributes.x]\n\
                 keycloak_attribute = \"cx\"";
    let source = file("", "", lines).replace("auth = \"token\"", "auth = \"nonsense\"");
    let (realm, organizations) = of(&source).unwrap();
    assert_eq!(realm.attribute_map.get("title").unwrap(), "title");
    assert_eq!(organizations.len(), 1);
    assert_eq!(organizations[0].attribute_map.get("title").unwrap(), "jobTitle");
    assert_eq!(organizations[0].attribute_map.get("urn:c:x").unwrap(), "cx");
    let told = of(&file("", "", "attributes.nobody = \"x\"")).unwrap_err();
    assert_eq!(told.problems().len(), 1, "{told}");
    assert!(of(&file("", "", "attributes.title = 5")).is_err());
}
