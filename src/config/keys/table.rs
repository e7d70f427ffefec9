//! The table itself, in the order of the reference.

use super::Organization::{Never, Own};
use super::{Key, Kind, Levels, Text, Without};

use Kind::{Flag, Instant, List, Names, Organizations, Table, TextOrTable, Whole, Word};
use Without::{Else, Required, Value};

const fn text(pattern: &'static str) -> Text {
    Text { pattern, hidden: false }
}

const fn plain(pattern: &'static str) -> Kind {
    Kind::Text(text(pattern))
}

const fn key(name: &'static str, kind: Kind, without: Without, about: &'static str) -> Key {
    Key { name, kind, without, levels: Levels::ALL, about }
}

impl Key {
    const fn at(self, levels: Levels) -> Self {
        Self { levels, ..self }
    }
}

/// Groups of an organization are its own.
const APART: Levels = Levels { defaults: true, organization: Never };
const GRANT: Levels = Levels { defaults: true, organization: Own };
const NOT_IN_ORGANIZATION: Levels = Levels { defaults: false, organization: Never };

const ANY: Kind = plain("");
const LINE: Kind = plain(r"^\S(.{0,253}\S)?$");
const LINES: Kind = List(&LINE);
const DURATION: Kind = plain(r"^\s*([0-9]+(\.[0-9]+)?\s*[a-zµ]+\s*)+$");
const ADDRESS: Kind = plain(r"^([0-9.]+|\[[0-9A-Fa-f:.%]+\]):[0-9]{1,5}$");
const URL: Kind = plain(r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$");
const RATE: Kind = plain(r"^[0-9]+/[smh]$");
const NETWORKS: Kind = List(&plain(r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"));
const PATH: Kind = plain(r"^.+$");
const SCIM_ATTRIBUTES: Kind = List(&plain(r"^[^\s]+$"));
const KEYCLOAK_ATTRIBUTE: Kind = plain(r"^[A-Za-z0-9._-]{0,255}$");
const GROUP_PATHS: Kind = List(&plain(r"^/."));
const HASH: Kind = Kind::Text(Text { pattern: r"^[0-9A-Fa-f]{64}$", hidden: true });
const ARGON2: Kind = Kind::Text(Text { pattern: r"^\$argon2(id|i|d)\$", hidden: true });

const REALM_NAME: Text = text(r"^[A-Za-z0-9._-]{1,255}$");
const CALLER_NAME: Text = text(r"^[a-z0-9][a-z0-9-]{0,31}$");
const SECRET_NAME: Text = text(r"^[A-Za-z0-9._-]{1,64}$");

/// The whole file.
pub(in crate::config) const FILE: &[Key] = &[
    key("version", Whole(1, 1), Required, "The version of this format."),
    key("server", Table(SERVER), Else("the defaults of its keys"), "The listeners and their limits."),
    key("log", Table(LOG), Else("the defaults of its keys"), "The log, which goes to standard error."),
    key(
        "defaults",
        Table(TENANT),
        Else("the defaults of its keys"),
        "What holds for every realm that says nothing else.",
    ),
    key("realms", Names(REALM_NAME, &Table(TENANT)), Required, "The realms of Keycloak that are served."),
];

/// `[server]`
pub(in crate::config) const SERVER: &[Key] = &[
    key("listen", ADDRESS, Value("\"127.0.0.1:7644\""), "Where SCIM clients come in: IP address and port."),
    key(
        "private_listen",
        ADDRESS,
        Value("\"127.0.0.1:7645\""),
        "Where health and readiness are asked for: IP address and port; not for the outside.",
    ),
    key(
        "public_url",
        URL,
        Else("http:// and the bound address of listen"),
        "What clients see as the base of all URLs.",
    ),
    key("max_body_bytes", Whole(1024, 67_108_864), Value("4194304"), "Largest request body, in bytes."),
    key("request_timeout", DURATION, Value("\"55s\""), "How long a request may take, at least 1s."),
    key(
        "header_timeout",
        DURATION,
        Value("\"5s\""),
        "How long a client may take to send a request's headers.",
    ),
    key("drain_timeout", DURATION, Value("\"30s\""), "How long begun requests may go on after SIGTERM."),
    key("max_connections", Whole(1, 65_535), Value("1024"), "Most connections at once."),
    key("max_concurrent_requests", Whole(1, 65_535), Value("256"), "Most requests at once."),
    key(
        "rate_limit",
        RATE,
        Else("no limit"),
        "Most SCIM requests of all callers together, as in \"1000/s\".",
    ),
    key(
        "trusted_proxies",
        NETWORKS,
        Value("[]"),
        "The networks of the proxies in front whose X-Forwarded-For is believed.",
    ),
];

/// `[log]`
pub(in crate::config) const LOG: &[Key] = &[
    key(
        "format",
        Word(&["text", "json"]),
        Value("\"text\""),
        "How a line is written: for people, or as JSON.",
    ),
    key("level", ANY, Value("\"info\""), "What is logged, as in \"info\" or \"info,scimgate=debug\"."),
    key("mask_personal_data", Flag, Value("true"), "Whether user names and e-mail addresses are masked."),
];

/// `[defaults]`, `[realms.NAME]` and `[realms.NAME.organizations.KEY]`
pub(in crate::config) const TENANT: &[Key] = &[
    key(
        "issuer",
        URL,
        Else("keycloak.url and /realms/<name>"),
        "The issuer of the realm's tokens, exactly as it stands in them, without a slash at its end.",
    )
    .at(Levels::ONE_REALM),
    key("tag_role", LINE, Value("\"scim-managed\""), "The realm role that marks managed users.")
        .at(Levels::REALM),
    key(
        "on_existing",
        Word(&["reject"]),
        Value("\"reject\""),
        "What happens when a client creates a user whom somebody else made before.",
    ),
    key(
        "sweep_interval",
        DURATION,
        Value("\"30s\""),
        "How often the role is compared with what lists show, at least 1s.",
    )
    .at(Levels::REALM),
    key(
        "default_page_size",
        Whole(1, 1000),
        Value("100"),
        "Resources on a page where the client doesn't say how many; at most max_page_size.",
    ),
    key("max_page_size", Whole(1, 1000), Value("200"), "Most resources on a page."),
    key("scan_limit", Whole(1, 1_000_000), Value("10000"), "Most users that are looked at for one list."),
    key(
        "trust_email",
        Flag,
        Value("false"),
        "Whether an e-mail address that a client writes counts as verified.",
    )
    .at(GRANT),
    key(
        "reactivate_local",
        Flag,
        Value("false"),
        "Whether \"active\": true enables a user whom an administrator has disabled.",
    ),
    key(
        "unknown_attributes",
        Word(&["ignore", "refuse"]),
        Value("\"ignore\""),
        "What happens to attributes that no schema knows.",
    ),
    key(
        "ignored_attributes",
        SCIM_ATTRIBUTES,
        Value("[\"password\"]"),
        "SCIM attributes that are accepted and dropped.",
    ),
    key("refused_attributes", SCIM_ATTRIBUTES, Value("[]"), "SCIM attributes that make a request fail."),
    key(
        "protected_roles",
        LINES,
        Value("[]"),
        "Realm roles that mean administrative power, besides Keycloak's own.",
    )
    .at(Levels::REALM),
    key(
        "forward_token_endpoint",
        Flag,
        Value("true"),
        "Whether the realm's token endpoint is forwarded for the clients of its callers.",
    )
    .at(Levels::REALM),
    key(
        "plan_timeout",
        DURATION,
        Value("\"50s\""),
        "How long a change of several calls may take, at least 1s.",
    ),
    key(
        "shared",
        Word(&["refuse", "last-wins"]),
        Value("\"refuse\""),
        "What a client may do to a user whom another client of the same realm made.",
    ),
    key(
        "email_as_username",
        Flag,
        Value("false"),
        "Whether the username in Keycloak is the e-mail address, whatever userName a client sends.",
    ),
    key(
        "realm_attributes",
        Flag,
        Value("false"),
        "Whether attributes of the realm in Keycloak override this configuration.",
    ),
    key(
        "identity_provider",
        Table(&[
            key(
                "alias",
                plain(r"^[^/]{0,255}$"),
                Else("users are not linked"),
                "Its alias in Keycloak; \"\" for none.",
            )
            .at(GRANT),
            key(
                "user_id",
                plain(r"^[^\s]+$"),
                Value("\"externalId\""),
                "Which value of a user is its id there: externalId, userName, emails or an attribute's path.",
            )
            .at(GRANT),
        ]),
        Else("users are not linked"),
        "The identity provider of Keycloak to which users are linked.",
    )
    .at(GRANT),
    key(
        "on_create",
        Table(&[
            key("required_actions", LINES, Value("[]"), "Keycloak's required actions."),
            key(
                "email_verified",
                Flag,
                Value("false"),
                "Whether a new user's e-mail address counts as verified.",
            )
            .at(GRANT),
            key(
                "groups",
                GROUP_PATHS,
                Value("[]"),
                "Groups of the realm that a new user joins, by their paths.",
            )
            .at(GRANT),
        ]),
        Else("nothing"),
        "What users get once, when they are made over SCIM.",
    ),
    key(
        "attributes",
        Names(text(r"^[^\s]+$"), &KEYCLOAK_ATTRIBUTE),
        Else("the attributes that Keycloak's built-in token mappers read"),
        "Which SCIM attribute is kept in which Keycloak user attribute; \"\" takes a mapping away.",
    ),
    key(
        "schemas",
        Names(text("^[Uu][Rr][Nn]:"), &Table(SCHEMA)),
        Else("none"),
        "Schemas of the realm's own (RFC 7643, section 7), by their URN.",
    ),
    key("groups", Table(GROUPS), Else("the defaults of its keys"), "How groups are kept."),
    key("keycloak", Table(KEYCLOAK), Required, "How Keycloak is reached.").at(Levels::REALM),
    key("callers", Names(CALLER_NAME, &Table(CALLER)), Else("nobody"), "SCIM clients, by their names.")
        .at(Levels::ONE_TENANT),
    key(
        "organizations",
        Organizations(REALM_NAME),
        Else("none"),
        "Organizations of the realm, by their alias or id, each with callers of its own.",
    )
    .at(NOT_IN_ORGANIZATION),
];

const GROUPS: &[Key] = &[
    key("parent", plain("^(/.*)?$"), Value("\"/\""), "The Keycloak group below which SCIM groups live.")
        .at(APART),
    key("visible", Word(&["managed", "all"]), Value("\"managed\""), "Which of the groups clients see."),
    key(
        "on_existing",
        Word(&["reject", "adopt"]),
        Value("\"reject\""),
        "What happens when a client creates a group that exists and is not managed.",
    ),
    key(
        "privileged",
        List(&plain(r"^[^/]+$")),
        Value("[]"),
        "Groups that clients may see and change although they carry administrative power.",
    )
    .at(GRANT),
    key(
        "patch_response_members",
        Whole(0, 10_000),
        Value("200"),
        "Most members of a group with which a PATCH is answered.",
    ),
    key(
        "roles",
        Names(text(r"^[^/]+$"), &List(&TextOrTable(text(r"^\S(.{0,253}\S)?$"), ROLE))),
        Else("none"),
        "Roles that a group carries once a client has pushed it.",
    )
    .at(GRANT),
];

const ROLE: &[Key] = &[
    key("client", LINE, Required, "The client whose role it is."),
    key("role", LINE, Required, "The role's name."),
];

const KEYCLOAK: &[Key] = &[
    key("url", URL, Required, "Keycloak's base URL.").at(Levels::REALM),
    key("client_id", LINE, Value("\"scimgate\""), "This program's own client in the realm.")
        .at(Levels::REALM),
    key(
        "client_secret_env",
        plain("^[A-Za-z_][A-Za-z0-9_]*$"),
        Else("client_secret_file"),
        "The environment variable that holds that client's secret.",
    )
    .at(Levels::ONE_REALM),
    key(
        "client_secret_file",
        PATH,
        Else("client_secret_env"),
        "A file that holds that client's secret alone.",
    )
    .at(Levels::ONE_REALM),
    key(
        "ca_file",
        PATH,
        Else("the machine's authorities alone"),
        "Certificates, in PEM, of further authorities.",
    )
    .at(Levels::REALM),
    key("proxy", URL, Else("none"), "An HTTP proxy on the way to Keycloak.").at(Levels::REALM),
    key("connect_timeout", DURATION, Value("\"5s\""), "How long it may take to connect.").at(Levels::REALM),
    key("timeout", DURATION, Value("\"20s\""), "How long one call to Keycloak may take.").at(Levels::REALM),
];

/// `[realms.NAME.callers.NAME]`
pub(in crate::config) const CALLER: &[Key] = &[
    key("auth", Word(&["token", "keycloak", "external", "basic"]), Required, "How it proves who it is."),
    key("access", Word(&["read-write", "read-only"]), Value("\"read-write\""), "Whether it may write."),
    key(
        "resources",
        List(&Word(&["User", "Group"])),
        Value("[\"User\", \"Group\"]"),
        "The types of resources that it may read and write.",
    ),
    key("networks", NETWORKS, Else("any"), "The networks that it may call from."),
    key("rate_limit", RATE, Else("no limit of its own"), "Most requests of this caller, as in \"50/s\"."),
    key("clients", LINES, Else("any"), "Client ids whose tokens are taken (keycloak, external)."),
    key("roles", LINES, Else("none"), "Realm roles that the token must have, each of them (keycloak)."),
    key("scopes", LINES, Else("none"), "Scopes that the token must have, each of them (keycloak)."),
    key("audiences", LINES, Else("any"), "Audiences of which the token must name one (keycloak, external)."),
    key("sha256", List(&HASH), Else("tokens"), "The SHA-256 of each token that is taken (token)."),
    key("tokens", Names(SECRET_NAME, &Table(SECRET)), Else("sha256"), "Tokens with names (token)."),
    key("issuer", URL, Else("none"), "The issuer of its tokens, exactly as it stands in them (external)."),
    key(
        "jwks_uri",
        URL,
        Else("what the issuer's discovery document says"),
        "Where the issuer's keys are (external).",
    ),
    key(
        "required_claims",
        Names(text("^.+$"), &LINES),
        Else("none"),
        "Claims that the token must have, each with one of these values (external).",
    ),
    key(
        "clock_skew",
        DURATION,
        Value("\"30s\""),
        "How far the issuer's clock may differ, at most 5m (external).",
    ),
    key(
        "ca_file",
        PATH,
        Else("the machine's authorities alone"),
        "Certificates of further authorities (external).",
    ),
    key("proxy", URL, Else("none"), "An HTTP proxy on the way to the issuer (external)."),
    key("user", plain("^[^:]{1,255}$"), Else("none"), "The user name that it sends (basic)."),
    key(
        "argon2",
        List(&ARGON2),
        Else("passwords"),
        "The Argon2 hash of each password that is taken (basic).",
    ),
    key("passwords", Names(SECRET_NAME, &Table(PASSWORD)), Else("argon2"), "Passwords with names (basic)."),
];

/// `[realms.NAME.callers.NAME.tokens.NAME]`
const SECRET: &[Key] = &[
    key("sha256", HASH, Else("argon2"), "The token's SHA-256."),
    key("argon2", ARGON2, Else("sha256"), "The token's Argon2 hash."),
    key("expires", Instant, Else("never"), "From when on it is not taken any more, without quotes."),
];

const PASSWORD: &[Key] = &[
    key("argon2", ARGON2, Required, "The password's Argon2 hash."),
    key("expires", Instant, Else("never"), "From when on it is not taken any more, without quotes."),
];

const TYPES: &[&str] =
    &["string", "boolean", "integer", "decimal", "dateTime", "binary", "reference", "complex"];
const SIMPLE_TYPES: &[&str] = &["string", "boolean", "integer", "decimal", "dateTime", "binary", "reference"];
const DESCRIPTION: Kind = plain(r"^[\s\S]{0,1000}$");

const SCHEMA: &[Key] = &[
    key("name", LINE, Else("the URN"), "Its name in /Schemas."),
    key("description", DESCRIPTION, Value("\"\""), "What clients see of it in /Schemas."),
    key("required", Flag, Value("false"), "Whether every user must have it."),
    key(
        "attributes",
        Names(text("^[A-Za-z][A-Za-z0-9_-]*$"), &Table(ATTRIBUTE)),
        Required,
        "Its attributes.",
    ),
];

const ATTRIBUTE: &[Key] = &[
    key("type", Word(TYPES), Value("\"string\""), "Its type."),
    key("multi_valued", Flag, Value("false"), "Whether it has several values."),
    key("required", Flag, Value("false"), "Whether a user who has anything of this schema must have it."),
    key("case_exact", Flag, Else("true for binary and reference, else false"), "Whether letter case counts."),
    key(
        "mutability",
        Word(&["readWrite", "readOnly", "immutable", "writeOnly"]),
        Value("\"readWrite\""),
        "Who writes it, and when.",
    ),
    key(
        "returned",
        Word(&["default", "always", "request", "never"]),
        Else("\"default\", or \"never\" of what is writeOnly"),
        "When it is in an answer.",
    ),
    key(
        "uniqueness",
        Word(&["none", "server"]),
        Value("\"none\""),
        "Whether a value is refused that another user has.",
    ),
    key("description", DESCRIPTION, Value("\"\""), "What clients see of it in /Schemas."),
    key("canonical_values", LINES, Value("[]"), "Advice for clients."),
    key(
        "keycloak_attribute",
        KEYCLOAK_ATTRIBUTE,
        Else("none"),
        "The Keycloak user attribute in which it is kept.",
    ),
    key("reference_types", LINES, Value("[]"), "The types of what a reference points to."),
    key(
        "sub_attributes",
        Names(text(r"^\$?[A-Za-z][A-Za-z0-9_-]*$"), &Table(SUB_ATTRIBUTE)),
        Else("none"),
        "The sub-attributes of a complex attribute.",
    ),
];

const SUB_ATTRIBUTE: &[Key] = &[
    key("type", Word(SIMPLE_TYPES), Value("\"string\""), "Its type."),
    key("required", Flag, Value("false"), "Whether a value must have it."),
    key("case_exact", Flag, Else("true for binary and reference, else false"), "Whether letter case counts."),
    key("description", DESCRIPTION, Value("\"\""), "What clients see of it in /Schemas."),
    key("canonical_values", LINES, Value("[]"), "Advice for clients."),
    key(
        "keycloak_attribute",
        KEYCLOAK_ATTRIBUTE,
        Else("none"),
        "The Keycloak user attribute in which it is kept.",
    ),
    key("reference_types", LINES, Value("[]"), "The types of what a reference points to."),
];
