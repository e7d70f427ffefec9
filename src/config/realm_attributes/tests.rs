//! Each attribute by itself, and the callers of several tenants side by side.

use std::path::Path;

use super::*;
use crate::config::{CallerAuth, IdentityProviderLink, KeySource, LinkedValue, parse};

// As they stand in people's realms, and not as the code has them: a slip there is to be seen here.
const MODE: &str = "scim.authentication.mode";
const ISSUER: &str = "scim.external.issuer";
const AUDIENCE: &str = "scim.external.audience";
const JWKS_URI: &str = "scim.external.jwks.uri";
const SHARED_SECRET: &str = "scim.external.shared.secret";
const LINK: &str = "scim.link.idp";
const ALIAS: &str = "scim.identity.provider.alias";
const EMAIL_AS_USERNAME: &str = "scim.email.as.username";

const SECRET: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWg";

fn realm(more: &str) -> Arc<Realm> {
    let source = format!(
        "version = 1\n[realms.acme]\nrealm_attributes = true\n{more}\n[realms.acme.keycloak]\nurl = \
         \"http://127.0.0.1:8080\"\nclient_secret_env = \"SECRET\"\n"
    );
    let env = BTreeMap::from([("SECRET".to_owned(), "s".to_owned())]);
    let config = parse(&source, Path::new("config.toml"), &env).unwrap();
    Arc::clone(config.realms.values().next().unwrap())
}

fn texts(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// What is said in an organization's tables, and what its attributes say.
type Attributes<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// A realm with organizations that ask for their attributes; `more` stands behind the realm's own keys.
fn tenants(more: &str, own: &[(&str, &str)], organizations: &[Attributes<'_>]) -> Overridden {
    let mut tables = more.to_owned();
    for (key, _) in organizations {
        tables += &format!("\n[realms.acme.organizations.{key}]\nrealm_attributes = true");
    }
    let organizations = organizations.iter().map(|(key, said)| (key.parse().unwrap(), texts(said)));
    let attributes = RealmAttributes { realm: texts(own), organizations: organizations.collect() };
    override_with(&realm(&tables), &attributes)
}

fn of<'o>(over: &'o Overridden, organization: &str) -> &'o Realm {
    over.realm.organizations.get(organization).unwrap()
}

fn overridden(more: &str, attributes: &[(&str, &str)]) -> Overridden {
    override_with(&realm(more), &RealmAttributes { realm: texts(attributes), ..RealmAttributes::default() })
}

fn caller(overridden: &Overridden) -> &CallerAuth {
    &overridden.realm.callers[CALLER].auth
}

#[test]
fn without_attributes_all_stays() {
    let over = overridden("", &[("scim.other", "x"), (MODE, " ")]);
    assert_eq!(over.realm, *realm(""));
    assert!(over.overrides(None).is_empty() && over.all_problems().is_empty());
}

#[test]
fn each_mode_makes_its_caller() {
    let over = overridden("", &[(MODE, "keycloak")]);
    let CallerAuth::Keycloak(tokens) = caller(&over) else { panic!("{over:?}") };
    assert!(tokens.clients.is_empty() && tokens.roles.contains("scim-access"));

    let external = [(MODE, "EXTERNAL"), (ISSUER, "https://issuer.example.com/"), (AUDIENCE, "scim")];
    let over = overridden("", &external);
    let CallerAuth::External(found) = caller(&over) else { panic!("{over:?}") };
    assert_eq!((found.issuer.as_str(), found.audiences.len()), ("https://issuer.example.com/", 1));
    let KeySource::Discovery(url) = &found.keys else { panic!("{found:?}") };
    assert_eq!(url.as_str(), "https://issuer.example.com/.well-known/openid-configuration");
    let keys = [&external[..], &[(JWKS_URI, "https://issuer.example.com/keys")]].concat();
    let over = overridden("", &keys);
    assert!(matches!(caller(&over), CallerAuth::External(found) if matches!(found.keys, KeySource::Jwks(_))));
    let origins: Vec<&str> = over.overrides(None).iter().map(|over| over.origin.as_str()).collect();
    assert!(origins.contains(&"realm attribute scim.external.jwks.uri"), "{origins:?}");

    let over = overridden("", &[(MODE, "EXTERNAL"), (SHARED_SECRET, SECRET)]);
    assert!(matches!(caller(&over), CallerAuth::Token { tokens } if tokens.len() == 1));
    assert!(!format!("{over:?}").contains("c29tZWhhc2g"), "hashes are shown to nobody");
}

#[test]
fn what_can_not_be_used_is_told_and_passed_over() {
    for (attributes, told) in [
        (vec![(MODE, "BASIC")], "expected KEYCLOAK or EXTERNAL"),
        (vec![(MODE, "EXTERNAL")], "EXTERNAL needs"),
        (vec![(MODE, "EXTERNAL"), (ISSUER, "https://i.example.com")], "EXTERNAL needs"),
        (
            vec![(MODE, "EXTERNAL"), (ISSUER, "http://i.example.com"), (AUDIENCE, "a")],
            "scim.external.issuer is passed over: expected an https URL",
        ),
        (vec![(MODE, "EXTERNAL"), (SHARED_SECRET, "plain")], "expected an Argon2 hash"),
        (vec![(EMAIL_AS_USERNAME, "yes")], "expected true or false"),
        (
            vec![(MODE, "EXTERNAL"), (ISSUER, "http://127.0.0.1:8080/realms/acme"), (AUDIENCE, "account")],
            "this is the realm itself",
        ),
        (vec![(LINK, "true")], "expected scim.identity.provider.alias"),
    ] {
        let over = overridden("", &attributes);
        let problems = over.problems(None).join("; ");
        assert!(problems.contains(told), "{attributes:?}: {problems}");
        assert!(!problems.contains("plain"), "{problems}");
        assert_eq!(over.realm, *realm(""), "{attributes:?}");
    }
}

#[test]
fn an_organization_is_told_apart_by_more_than_a_role_of_the_realm() {
    let over = tenants("", &[], &[("contoso", &[(MODE, "KEYCLOAK")])]);
    assert!(of(&over, "contoso").callers.is_empty());
    let problems = over.all_problems().join("; ");
    assert!(problems.starts_with("organization contoso: the organization attribute scim.auth"), "{problems}");
}

#[test]
fn links_and_usernames_are_overridden() {
    let over = overridden("", &[(LINK, "true"), (ALIAS, "okta"), (EMAIL_AS_USERNAME, "TRUE")]);
    assert!(over.realm.email_as_username);
    let link = IdentityProviderLink { alias: "okta".into(), user_id: LinkedValue::ExternalId };
    assert_eq!(over.realm.identity_provider, Some(link));
    // An alias alone does not say that users are to be linked.
    assert_eq!(overridden("", &[(ALIAS, "okta")]).realm.identity_provider, None);
    let configured = "[realms.acme.identity_provider]\nalias = \"old\"\nuser_id = \"userName\"";
    let over = overridden(configured, &[(ALIAS, "new")]);
    let link = IdentityProviderLink { alias: "new".into(), user_id: LinkedValue::UserName };
    assert_eq!(over.realm.identity_provider, Some(link));
    assert_eq!(overridden(configured, &[(LINK, "false")]).realm.identity_provider, None);
}

/// The tenants that have the caller of attributes.
fn callable(over: &Overridden) -> Vec<String> {
    let all = std::iter::once(&over.realm).chain(over.realm.organizations.values().map(AsRef::as_ref));
    let callable = all.filter(|tenant| tenant.callers.contains_key(CALLER));
    callable.map(|tenant| tenant.organization.as_ref().map_or("", AsRef::as_ref).to_owned()).collect()
}

const EXTERNAL: [(&str, &str); 3] =
    [(MODE, "EXTERNAL"), (ISSUER, "https://issuer.example.com"), (AUDIENCE, "scim")];

#[test]
fn no_token_opens_two_tenants_by_attributes() {
    let secret = [(MODE, "EXTERNAL"), (SHARED_SECRET, SECRET)];
    for same in [&EXTERNAL[..], &secret] {
        let over = tenants("", same, &[("one", same), ("two", same)]);
        assert_eq!(callable(&over), [""; 0], "{same:?}");
        for tenant in [None, Some("one".parse().unwrap()), Some("two".parse().unwrap())] {
            let problems = over.problems(tenant.as_ref()).join("; ");
            assert!(
                problems.contains("the caller realm-attributes of the")
                    && problems.contains("none may stand")
            );
            assert!(over.overrides(tenant.as_ref()).is_empty(), "{over:?}");
        }
        // Who is told apart stays.
        let other = [(MODE, "EXTERNAL"), (ISSUER, "https://issuer.example.com"), (AUDIENCE, "other")];
        let over = tenants("", same, &[("one", same), ("two", &other)]);
        assert_eq!(callable(&over), ["two"], "{same:?}");
        assert_eq!(over.all_problems().len(), 2, "{over:?}");
        assert_eq!(callable(&tenants("", same, &[("two", &other)])), ["", "two"], "{same:?}");
    }
}

#[test]
fn a_caller_of_the_file_keeps_its_tokens_and_its_bounds() {
    let of_file = |tenant: &str, lines: &str| format!("[realms.acme{tenant}.callers.entra]\n{lines}\n");
    let external = "auth = \"external\"\nissuer = \"https://issuer.example.com\"\naudiences = [\"scim\"]\n\
                    clients = [\"c\"]\naccess = \"read-only\"\nnetworks = [\"203.0.113.0/24\"]";
    let hashed = format!("auth = \"token\"\ntokens.x.argon2 = \"{SECRET}\"");
    let by_role = "auth = \"keycloak\"\nroles = [\"scim-access\", \"more\"]";
    let secret = [(MODE, "EXTERNAL"), (SHARED_SECRET, SECRET)];
    let keycloak = [(MODE, "KEYCLOAK")];
    for (lines, attributes) in [(external, &EXTERNAL[..]), (&hashed, &secret), (by_role, &keycloak)] {
        let over = overridden(&of_file("", lines), attributes);
        assert_eq!(over.realm, *realm(&of_file("", lines)), "{attributes:?}");
        let problems = over.all_problems();
        assert!(
            problems.len() == 1 && problems[0].contains("the caller entra can be proved"),
            "{problems:?}"
        );
        // The same where the file's caller is another tenant's.
        let tables = of_file(".organizations.contoso", lines);
        let over = overridden(&tables, attributes);
        assert_eq!(over.realm, *realm(&tables), "{attributes:?}");
        let told = "the caller entra of the organization contoso can be proved";
        assert!(over.all_problems().join("").contains(told), "{over:?}");
    }
    // One of the file that is told apart changes nothing.
    let other = external.replace("[\"scim\"]", "[\"other\"]");
    assert_eq!(overridden(&of_file("", &other), &EXTERNAL).realm.callers.len(), 2);
}

#[test]
fn a_hash_that_others_write_costs_little() {
    let with = |cost: &str| {
        let secret = SECRET.replace("m=19456,t=2,p=1", cost);
        let over = overridden("", &[(MODE, "EXTERNAL"), (SHARED_SECRET, &secret)]);
        (callable(&over).len(), over.all_problems().join("; "))
    };
    for fine in ["m=65536,t=4,p=4", "m=8,t=1,p=1"] {
        assert_eq!(with(fine), (1, String::new()));
    }
    for costly in ["m=65537,t=1,p=1", "m=1048576,t=20,p=1", "m=64,t=5,p=1", "m=64,t=1,p=5"] {
        let (callers, problems) = with(costly);
        let told = "the realm attribute scim.external.shared.secret is passed over: to check this hash costs too much";
        assert!(callers == 0 && problems.starts_with(told), "{problems}");
        assert!(
            problems.contains("m of at most 65536 (KiB), p of at most 4 and t of at most 4"),
            "{problems}"
        );
    }
}

#[test]
fn an_alias_is_held_to_the_rule_of_the_file() {
    for alias in ["..", ".", "a/b", "../users", "a\nb"] {
        let over = overridden("", &[(LINK, "true"), (ALIAS, alias)]);
        assert_eq!(over.realm.identity_provider, None, "{alias:?}");
        let problems = over.all_problems().join("; ");
        let told = "scim.identity.provider.alias is passed over: expected the alias of an identity provider";
        assert!(problems.contains(told), "{problems}");
    }
}

#[test]
fn what_passes_from_a_realm_to_organizations_passes_from_its_attributes() {
    let own = [(EMAIL_AS_USERNAME, "true"), (LINK, "true"), (ALIAS, "okta")];
    let says = "[realms.acme.organizations.says]\nemail_as_username = false\n[realms.acme.organizations.says.callers.x]\n\
                auth = \"basic\"\nuser = \"x\"\nargon2 = [\"SECRET\"]";
    let over = tenants(
        &says.replace("SECRET", SECRET),
        &own,
        &[("takes", &[]), ("overrides", &[(EMAIL_AS_USERNAME, "false")])],
    );
    let found = ["takes", "overrides", "says"].map(|key| of(&over, key).email_as_username);
    assert_eq!((over.realm.email_as_username, found), (true, [true, false, false]));
    assert!(over.realm.identity_provider.is_some());
    assert!(over.realm.organizations.values().all(|tenant| tenant.identity_provider.is_none()));
    let takes = over.overrides(Some(&"takes".parse().unwrap()));
    assert!(takes.len() == 1 && takes[0].origin == "realm attribute scim.email.as.username", "{takes:?}");
}

#[test]
fn a_caller_is_explained_as_a_whole() {
    let keys = [
        (MODE, "EXTERNAL"),
        (ISSUER, "https://i.example.com"),
        (AUDIENCE, "a"),
        (JWKS_URI, "https://i.example.com/k?key=s3cret"),
    ];
    let over = overridden("", &keys);
    let told: BTreeMap<&str, (&str, &str)> = over
        .overrides(None)
        .iter()
        .map(|over| {
            (
                over.key.strip_prefix("callers.realm-attributes.").unwrap(),
                (over.value.as_str(), over.origin.as_str()),
            )
        })
        .collect();
    assert_eq!(told["jwks_uri"], ("\"https://i.example.com/k?…\"", "realm attribute scim.external.jwks.uri"));
    for (key, value) in [
        ("access", "\"read-write\""),
        ("resources", "[\"User\", \"Group\"]"),
        ("networks", "(any)"),
        ("rate_limit", "(no limit of its own)"),
        ("clock_skew", "\"30s\""),
        ("clients", "(any)"),
        ("required_claims", "(none)"),
    ] {
        assert_eq!(told[key], (value, "built-in"));
    }
    assert!(!told.contains_key("sha256") && !format!("{told:?}").contains("s3cret"));
}
