//! Who may call: every mode with its keys, and every refusal.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::{Access, Caller, CallerAuth, External, KeySource, ResourceName, SecretHash};
use super::{HASH, good, read, realm, refused};

/// Argon2 hashes that are nobody's.
const ARGON2: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2NpbWdhdGUtMDAwMQ$YW4gZXhhbXBsZTogbWFrZSB5b3VyIG93biwgMzIgYi4u";
const OTHER_ARGON2: &str =
    "$argon2i$v=19$m=4096,t=3,p=1$c2NpbWdhdGUtMDAwMg$YW4gZXhhbXBsZTogbWFrZSB5b3VyIG93biwgMzIgYi4u";

/// The line on which what [`file`] adds begins.
const FIRST: usize = 6;

fn file(callers: &str) -> String {
    format!(
        "version = 1\n[realms.acme.keycloak]\nurl = \"http://kc:8080\"\nclient_secret_env = \"SECRET\"\n\
         [realms.acme.callers]\n{callers}\n"
    )
}

/// The caller `okta`, in whose table these lines stand.
fn caller(lines: &str) -> Caller {
    let config = good(&file(&format!("[realms.acme.callers.okta]\n{lines}")));
    realm(&config).callers.get("okta").unwrap().clone()
}

fn external(lines: &str) -> External {
    let lines = format!("auth = \"external\"\naudiences = [\"scim\"]\n{lines}");
    match caller(&lines).auth {
        CallerAuth::External(external) => *external,
        other => panic!("{other:?}"),
    }
}

/// Holds the one problem of the caller `okta`, in whose table these lines stand; lines are counted from the first of them.
#[track_caller]
fn caller_refused(lines: &str, expected: &str) {
    let (line, rest) = expected.split_once(": ").unwrap();
    let line = line.parse::<usize>().unwrap() + FIRST;
    let expected = format!("{line}: realms.acme.callers.okta{rest}");
    refused(&file(&format!("[realms.acme.callers.okta]\n{lines}")), &[&expected]);
}

/// Holds the problem of the second of two callers, which say the same but for `differs`.
#[track_caller]
fn clash(lines: &str, expected: &str) {
    let source = file(&format!("[realms.acme.callers.a]\n{lines}\n[realms.acme.callers.b]\n{lines}"));
    let told = read(&source).expect_err("this should be refused").to_string();
    assert!(told.contains("realms.acme.callers.b.") && told.contains(expected), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

#[test]
fn a_caller_that_says_no_more_than_who_it_is_may_do_everything() {
    let okta = caller("auth = \"keycloak\"\nclients = [\"okta-scim\"]");
    assert_eq!(okta, Caller::unrestricted(okta.name.clone(), okta.auth.clone()));
    let CallerAuth::Keycloak(tokens) = okta.auth else { panic!("{:?}", okta.auth) };
    assert_eq!(tokens.clients, texts(["okta-scim"]));
    assert!(tokens.roles.is_empty() && tokens.scopes.is_empty() && tokens.audiences.is_empty());
}

#[test]
fn what_a_caller_may_do_is_read() {
    let okta = caller(
        "auth = \"keycloak\"\nclients = [\"x\"]\naccess = \"read-only\"\nresources = [\"Group\"]\n\
         networks = [\"203.0.113.0/24\", \"2001:db8::7\"]\nrate_limit = \"50/m\"\n",
    );
    assert_eq!(okta.access, Access::ReadOnly);
    assert_eq!(okta.resources, [ResourceName::Group].into());
    let networks: Vec<String> = okta.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["203.0.113.0/24", "2001:db8::7/128"]);
    let rate = okta.rate_limit.unwrap();
    assert_eq!((rate.requests.get(), rate.per), (50, Duration::from_secs(60)));
}

#[test]
fn tokens_have_names_and_ends_where_they_need_them() {
    let other = HASH.replace("0123", "3210");
    let okta = caller(&format!(
        "auth = \"token\"\nsha256 = [\"{HASH}\"]\n[realms.acme.callers.okta.tokens.\"2026.autumn\"]\n\
         sha256 = \"{other}\"\nexpires = 2999-01-01T00:00:00+01:00\n[realms.acme.callers.okta.tokens.chosen]\n\
         argon2 = \"{ARGON2}\"\n"
    ));
    let CallerAuth::Token { tokens } = okta.auth else { panic!("{:?}", okta.auth) };
    let names: Vec<Option<&str>> = tokens.iter().map(|token| token.name.as_deref()).collect();
    assert_eq!(names, [None, Some("2026.autumn"), Some("chosen")]);
    assert!(tokens[0].expires.is_none() && tokens[2].expires.is_none());
    assert_eq!(tokens[1].expires.unwrap().unix_timestamp(), 32_472_140_400);
    assert_eq!(tokens[2].hash, SecretHash::Argon2(ARGON2.to_owned()));
    let named = format!("auth = \"token\"\ntokens.only.sha256 = \"{HASH}\"");
    assert!(matches!(caller(&named).auth, CallerAuth::Token { tokens } if tokens.len() == 1));
}

#[test]
fn what_has_expired_is_a_warning() {
    let with = |expires: &str| {
        good(&file(&format!(
            "[realms.acme.callers.okta]\nauth = \"token\"\ntokens.old = {{ sha256 = \"{HASH}\", expires = {expires} }}"
        )))
    };
    let warnings = with("2020-01-01T00:00:00Z").warnings;
    assert_eq!(
        warnings,
        [
            "realms.acme.callers.okta: what is named \"old\" has expired at 2020-01-01T00:00:00Z, so that it is not \
             taken any more; take it out"
        ]
    );
    assert!(with("2999-01-01T00:00:00Z").warnings.is_empty());
}

#[test]
fn a_caller_by_password_is_known_by_argon2_alone() {
    let okta = caller(&format!(
        "auth = \"basic\"\nuser = \"okta\"\nargon2 = [\"{ARGON2}\"]\n[realms.acme.callers.okta.passwords.new]\n\
         argon2 = \"{OTHER_ARGON2}\"\n"
    ));
    let CallerAuth::Basic { user, passwords } = okta.auth else { panic!("{:?}", okta.auth) };
    assert_eq!(user, "okta");
    let hashes: Vec<&SecretHash> = passwords.iter().map(|password| &password.hash).collect();
    assert_eq!(hashes, [&SecretHash::Argon2(ARGON2.into()), &SecretHash::Argon2(OTHER_ARGON2.into())]);
    assert_eq!(passwords[1].name.as_deref(), Some("new"));
}

#[test]
fn an_issuer_is_asked_for_its_keys_where_the_configuration_says() {
    let found = external("issuer = \"https://example.auth0.com/\"");
    assert_eq!(found.issuer, "https://example.auth0.com/", "issuers are compared as text");
    let KeySource::Discovery(url) = &found.keys else { panic!("{:?}", found.keys) };
    assert_eq!(url.as_str(), "https://example.auth0.com/.well-known/openid-configuration");
    assert_eq!(found.clock_skew, Duration::from_secs(30));
    assert!(found.clients.is_empty() && found.required_claims.is_empty());
    assert_eq!(found.audiences, texts(["scim"]));
    let found = external(
        "issuer = \"https://login.microsoftonline.com/72f9/v2.0\"\nclients = [\"entra\"]\nclock_skew = \"0s\"\n\
         jwks_uri = \"https://login.microsoftonline.com/72f9/keys?p=b2c\"\nproxy = \"http://proxy:3128\"\n\
         required_claims = { tid = [\"72f9\", \"72f8\"], roles = [\"scim\"] }",
    );
    let KeySource::Jwks(url) = &found.keys else { panic!("{:?}", found.keys) };
    assert_eq!(url.as_str(), "https://login.microsoftonline.com/72f9/keys?p=b2c");
    assert_eq!(found.clients, texts(["entra"]));
    assert_eq!(found.clock_skew, Duration::ZERO);
    assert_eq!(found.required_claims.get("tid").unwrap(), &texts(["72f9", "72f8"]));
    assert_eq!(found.required_claims.len(), 2);
    assert_eq!(found.proxy.unwrap().as_str(), "http://proxy:3128/");
    for local in ["http://127.0.0.1:8/realms/b", "http://localhost:8/realms/b", "http://[::1]:8/realms/b"] {
        assert_eq!(external(&format!("issuer = \"{local}\"")).issuer, local);
    }
}

#[test]
fn a_role_may_tell_who_calls_in_place_of_a_client() {
    let okta = caller(
        "auth = \"keycloak\"\nroles = [\"scim\"]\nscopes = [\"provision\"]\naudiences = [\"scimgate\"]",
    );
    let CallerAuth::Keycloak(tokens) = okta.auth else { panic!("{:?}", okta.auth) };
    assert!(tokens.clients.is_empty());
    assert_eq!((tokens.roles, tokens.scopes), (texts(["scim"]), texts(["provision"])));
    assert_eq!(tokens.audiences, texts(["scimgate"]));
}

#[test]
fn what_a_caller_may_do_is_refused_where_it_says_nothing() {
    let plain = "auth = \"keycloak\"\nclients = [\"x\"]\n";
    for (line, expected) in [
        ("access = \"write\"", "3: .access: expected \"read-write\" or \"read-only\", found \"write\""),
        ("resources = [\"user\"]", "3: .resources: expected \"User\" or \"Group\", found \"user\""),
        ("resources = []", "3: .resources: expected \"User\", \"Group\" or both"),
        ("networks = []", "3: .networks: expected at least one network"),
        (
            "networks = [\"10.0.0.1/8\"]",
            "3: .networks: \"10.0.0.1/8\" is an address within the network 10.0.0.0/8",
        ),
        ("networks = [\"::ffff:10.0.0.1\"]", "3: .networks: expected IPv4 written as such"),
        ("networks = [\"intranet\"]", "3: .networks: expected a network such as"),
        ("rate_limit = \"5\"", "3: .rate_limit: expected a number from 1 to 1000000, a slash and s, m or h"),
        ("rate_limit = 5", "3: .rate_limit: expected a number from 1 to 1000000"),
    ] {
        caller_refused(&format!("{plain}{line}"), expected);
    }
}

#[test]
fn a_secret_that_is_wrong_is_told_without_showing_it() {
    let token = |line: &str| format!("auth = \"token\"\n{line}");
    let basic = |line: &str| format!("auth = \"basic\"\nuser = \"okta\"\n{line}");
    let costly = |parameters: &str| ARGON2.replace("m=19456,t=2", parameters);
    let half = ARGON2.rsplit_once('$').unwrap().0;
    for (lines, expected) in [
        (token("tokens.a = {}"), "2: .tokens.a.sha256: expected sha256, the SHA-256 of the token, or argon2"),
        (token("tokens.a = 7"), "2: .tokens.a: expected a table, found a number"),
        (token("tokens.a.sha256 = \"s3cret\""), "2: .tokens.a.sha256: expected the SHA-256 of a token"),
        (token("tokens.a.argon2 = \"s3cret\""), "2: .tokens.a.argon2: expected an Argon2 hash such as"),
        (
            token(&format!("tokens.a = {{ sha256 = \"{HASH}\", argon2 = \"{ARGON2}\" }}")),
            "2: .tokens.a.argon2: sha256 is given as well",
        ),
        (
            token(&format!("tokens.\"a b\".sha256 = \"{HASH}\"")),
            "2: .tokens.\"a b\": expected a name of 1 to 64 characters from A-Z a-z 0-9 . _ -",
        ),
        (
            token(&format!("tokens.a.sha256 = \"{HASH}\"\ntokens.a.expires = \"2027-01-01T00:00:00Z\"")),
            "3: .tokens.a.expires: expected a date, a time and an offset without quotes",
        ),
        (
            token(&format!("tokens.a.sha256 = \"{HASH}\"\ntokens.a.expires = 2027-01-01T00:00:00")),
            "3: .tokens.a.expires: expected a date, a time and an offset without quotes, such as 2027-01-01T00:00:00Z, \
             found 2027-01-01T00:00:00",
        ),
        (
            token(&format!("tokens.a.sha256 = \"{HASH}\"\ntokens.a.expires = 2027-01-01")),
            "3: .tokens.a.expires: expected a date, a time",
        ),
        (
            token(&format!("sha256 = [\"{HASH}\"]\nargon2 = []")),
            "3: .argon2: this belongs to auth = \"basic\"",
        ),
        (basic(""), "0: .argon2: expected a list of at least one Argon2 hash of a password"),
        (basic("argon2 = []"), "3: .argon2: expected a list of at least one"),
        (basic("argon2 = [\"s3cret\"]"), "3: .argon2: expected an Argon2 hash such as"),
        (
            basic("passwords.a = {}"),
            "3: .passwords.a.argon2: expected argon2, the Argon2 hash of the password",
        ),
        (
            basic(&format!("passwords.a.sha256 = \"{HASH}\"")),
            "3: .passwords.a.sha256: passwords that people choose can be guessed from their SHA-256",
        ),
        (
            basic("argon2 = [\"$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW\"]"),
            "3: .argon2: expected an Argon2 hash such as",
        ),
        (
            basic(&format!("argon2 = [\"{}\"]", ARGON2.replace("argon2id", "scrypt"))),
            "3: .argon2: this is a hash of another kind",
        ),
        (
            basic(&format!("argon2 = [\"{}\"]", ARGON2.replace("v=19", "v=20"))),
            "3: .argon2: this is a hash of an unknown version of Argon2",
        ),
        (basic(&format!("argon2 = [\"{half}\"]")), "3: .argon2: this hash lacks its salt or its end"),
        (
            basic(&format!("argon2 = [\"{}\"]", costly("m=1048577,t=2"))),
            "3: .argon2: to check this hash costs too much",
        ),
        (
            basic(&format!("argon2 = [\"{}\"]", costly("m=19456,t=21"))),
            "3: .argon2: to check this hash costs too much",
        ),
        (
            basic(&format!("argon2 = [\"{}\"]", costly("m=1,t=1"))),
            "3: .argon2: the parameters of this hash are not Argon2's",
        ),
        (
            format!("auth = \"basic\"\nargon2 = [\"{ARGON2}\"]"),
            "0: .user: expected the user name that the caller sends",
        ),
        (
            format!("auth = \"basic\"\nargon2 = [\"{ARGON2}\"]\nuser = \"a:b\""),
            "3: .user: expected a text of 1 to 255 characters without line breaks or blanks around it, and no colon",
        ),
    ] {
        caller_refused(&lines, expected);
        let told = read(&file(&format!("[realms.acme.callers.okta]\n{lines}"))).unwrap_err().to_string();
        assert!(!told.contains("s3cret") && !told.contains(HASH) && !told.contains("c2Np"), "{told}");
    }
    good(&file(&format!(
        "[realms.acme.callers.okta]\n{}",
        basic(&format!("argon2 = [\"{}\"]", costly("m=1048576,t=20")))
    )));
}

#[test]
fn an_issuer_that_proves_nothing_is_refused() {
    let lines = |lines: &str| format!("auth = \"external\"\n{lines}");
    let audiences = "audiences = [\"scim\"]\n";
    let issuer = "issuer = \"https://sso.example.com\"\n";
    for (text, expected) in [
        (lines(audiences), "0: .issuer: expected the issuer of its tokens"),
        (lines(issuer), "0: .audiences: expected at least one audience"),
        (lines(&format!("{issuer}audiences = []")), "3: .audiences: expected at least one audience"),
        (
            lines(&format!("{audiences}issuer = \"http://sso.example.com\"")),
            "3: .issuer: expected an https URL, because whoever sits in between could change the keys",
        ),
        (
            lines(&format!("{audiences}issuer = \"http://localhost.example.com\"")),
            "3: .issuer: expected an https URL",
        ),
        (
            lines(&format!("{audiences}{issuer}jwks_uri = \"http://10.0.0.1/keys\"")),
            "4: .jwks_uri: expected an https URL",
        ),
        (
            lines(&format!("{audiences}{issuer}jwks_uri = \"https://u:p@sso.example.com/keys\"")),
            "4: .jwks_uri: expected a URL without user name and password",
        ),
        (
            lines(&format!("{audiences}{issuer}jwks_uri = \"https://sso.example.com/keys?a#b\"")),
            "4: .jwks_uri: expected an absolute http(s) URL",
        ),
        (
            lines(&format!("{audiences}{issuer}clock_skew = \"6m\"")),
            "4: .clock_skew: expected a duration from 0s to 5m",
        ),
        (
            lines(&format!("{audiences}{issuer}required_claims = {{ iss = [\"x\"] }}")),
            "4: .required_claims.iss: this is what issuer says",
        ),
        (
            lines(&format!("{audiences}{issuer}required_claims = {{ exp = [\"x\"] }}")),
            "4: .required_claims.exp: this is always checked",
        ),
        (
            lines(&format!("{audiences}{issuer}required_claims = {{ tid = [] }}")),
            "4: .required_claims.tid: expected at least one value",
        ),
        (
            lines(&format!("{audiences}{issuer}required_claims = {{ tid = \"x\" }}")),
            "4: .required_claims.tid: expected a list, found a text",
        ),
        (
            lines(&format!("{audiences}{issuer}ca_file = \"/no/such.pem\"")),
            "4: .ca_file: cannot read /no/such.pem",
        ),
        (
            lines(&format!("{audiences}{issuer}roles = [\"a\"]")),
            "4: .roles: this belongs to auth = \"keycloak\"",
        ),
        (
            lines(&format!("{audiences}issuer = \"http://kc:8080/realms/acme\"")),
            "3: .issuer: expected an https URL",
        ),
    ] {
        caller_refused(&text, expected);
    }
    let own = file("[realms.acme.callers.okta]\nauth = \"external\"\naudiences = [\"a\"]\nissuer = \"https://kc/realms/acme\"")
        .replace("http://kc:8080", "https://kc");
    refused(&own, &["9: realms.acme.callers.okta.issuer: this is the issuer of the realm itself"]);
}

#[test]
fn a_caller_of_the_realms_tokens_needs_to_be_told_from_others() {
    caller_refused(
        "auth = \"keycloak\"\nroles = []",
        "0: .clients: expected a list of at least one client id",
    );
    caller_refused(
        "auth = \"keycloak\"\nscopes = [\"a\"]",
        "0: .clients: expected a list of at least one client id",
    );
    caller_refused(
        "auth = \"keycloak\"\nclients = [\"SCIMGATE\"]",
        "2: .clients: \"SCIMGATE\" is the gateway's own client",
    );
}

#[test]
fn no_proof_stands_for_two_callers() {
    clash(&format!("auth = \"token\"\nsha256 = [\"{HASH}\"]"), "the caller a has this token already");
    clash(
        &format!("auth = \"token\"\ntokens.x.argon2 = \"{ARGON2}\""),
        "the caller a has this token already",
    );
    clash("auth = \"keycloak\"\nclients = [\"x\"]", "the caller a has this client already");
    clash(
        "auth = \"keycloak\"\nroles = [\"x\"]",
        "the caller a takes the same tokens, whatever their client",
    );
    clash(
        "auth = \"external\"\nissuer = \"https://x\"\naudiences = [\"x\"]\nclients = [\"x\"]\nrequired_claims.tid = [\"x\"]",
        "the caller a takes the same tokens of this issuer",
    );
    let two = |a: &str, b: &str| file(&format!("[realms.acme.callers.a]\n{a}\n[realms.acme.callers.b]\n{b}"));
    let basic = |hash: &str| format!("auth = \"basic\"\nuser = \"x\"\nargon2 = [\"{hash}\"]");
    refused(
        &two(&basic(ARGON2), &basic(OTHER_ARGON2)),
        &["12: realms.acme.callers.b.user: the caller a has this user name already"],
    );
    let external = |rest: &str| format!("auth = \"external\"\nissuer = \"https://x\"\n{rest}");
    let same = "the caller a takes the same tokens of this issuer";
    for (a, b, clashes) in [
        ("audiences = [\"x\"]", "audiences = [\"y\", \"x\"]", true),
        ("audiences = [\"x\"]", "audiences = [\"y\"]", false),
        ("audiences = [\"x\"]", "audiences = [\"x\"]\nclients = [\"c\"]", true),
        ("audiences = [\"x\"]\nclients = [\"d\"]", "audiences = [\"x\"]\nclients = [\"c\"]", false),
        ("audiences = [\"x\"]", "audiences = [\"x\"]\nrequired_claims.tid = [\"1\"]", true),
        (
            "audiences = [\"x\"]\nrequired_claims.tid = [\"1\"]",
            "audiences = [\"x\"]\nrequired_claims.oid = [\"2\"]",
            true,
        ),
        (
            "audiences = [\"x\"]\nrequired_claims.tid = [\"1\", \"3\"]",
            "audiences = [\"x\"]\nrequired_claims.tid = [\"2\"]",
            false,
        ),
        // A token may have both elements of a list.
        (
            "audiences = [\"x\"]\nrequired_claims.roles = [\"1\"]",
            "audiences = [\"x\"]\nrequired_claims.roles = [\"2\"]",
            true,
        ),
    ] {
        let source = two(&external(a), &external(b));
        match read(&source) {
            Err(errors) => assert!(clashes && errors.to_string().contains(same), "{errors}"),
            Ok(_) => assert!(!clashes, "{source}"),
        }
    }
    let roles = |roles: &str| format!("auth = \"keycloak\"\nroles = [{roles}]");
    assert!(read(&two(&roles("\"x\", \"y\""), &roles("\"x\""))).is_err(), "whoever has both has one");
    good(&two(&roles("\"x\""), &roles("\"y\"")));
    good(&two(&roles("\"x\""), "auth = \"keycloak\"\nclients = [\"x\"]"));
}

#[test]
fn proxies_that_are_trusted_are_somewhere() {
    let server = |line: &str| {
        format!(
            "{}[server]\n{line}\n",
            file(&format!("okta = {{ auth = \"token\", sha256 = [\"{HASH}\"] }}"))
        )
    };
    let config = good(&server("trusted_proxies = [\"10.0.0.0/8\"]\nrate_limit = \"1000/s\""));
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.server.rate_limit.unwrap().to_string(), "1000/s");
    // Private ones of IPv6 (RFC 4193) may be as large as they are.
    good(&server("trusted_proxies = [\"fc00::/7\", \"fd00::/8\", \"2001::/16\"]"));
    for network in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "2000::/3", "fc00::/6"] {
        let source = server(&format!("trusted_proxies = [\"{network}\"]"));
        refused(
            &source,
            &["8: server.trusted_proxies: this trusts everybody to tell where requests come from"],
        );
    }
}
