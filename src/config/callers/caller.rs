//! Who may call a tenant, how they prove it and what they may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use time::OffsetDateTime;
use url::Url;

use crate::config::{CallerName, RateLimit};

/// A SCIM client of a realm or of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its name in the configuration.
    pub name: CallerName,
    /// How it proves who it is.
    pub auth: CallerAuth,
    /// Whether it may write.
    pub access: Access,
    /// The types of resources that it may read and, with [`Access::ReadWrite`], write; discovery is open to all.
    pub resources: BTreeSet<ResourceName>,
    /// The networks that it may call from; empty for any.
    pub networks: Vec<IpNet>,
    /// Most requests of this caller; none for no limit of its own.
    pub rate_limit: Option<RateLimit>,
}

impl Caller {
    /// A caller that may do everything from everywhere.
    pub fn unrestricted(name: CallerName, auth: CallerAuth) -> Self {
        Self {
            name,
            auth,
            access: Access::ReadWrite,
            resources: [ResourceName::User, ResourceName::Group].into(),
            networks: Vec::new(),
            rate_limit: None,
        }
    }

    /// Whether it proves itself by tokens of another issuer than the realm.
    pub fn is_external(&self) -> bool {
        matches!(self.auth, CallerAuth::External(_))
    }
}

/// Whether a caller may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only GET, HEAD and searches.
    ReadOnly,
    /// Everything.
    ReadWrite,
}

/// A type of resource that a caller may be kept from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceName {
    /// `/Users`
    User,
    /// `/Groups`
    Group,
}

/// How a caller proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerAuth {
    /// By a static bearer token.
    Token {
        /// Those that are taken; at least one.
        tokens: Vec<StaticToken>,
    },
    /// By a token that the realm itself issued to a client for its own credentials.
    Keycloak(RealmTokens),
    /// By a token of another issuer.
    External(Box<External>),
    /// By HTTP Basic authentication (RFC 7617).
    Basic {
        /// The user-id, compared exactly; without a colon.
        user: String,
        /// The hash of each password that is taken; at least one.
        passwords: Vec<StaticToken>,
    },
}

/// A static token or password that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticToken {
    /// What the log calls it; none where it has no name.
    pub name: Option<String>,
    /// Its hash.
    pub hash: SecretHash,
    /// From when on it is not taken any more; none for never.
    pub expires: Option<OffsetDateTime>,
}

impl StaticToken {
    /// A random token, for good.
    pub fn random(sha256: [u8; 32]) -> Self {
        Self { name: None, hash: SecretHash::Sha256(sha256), expires: None }
    }
}

/// The hash of a secret that is never known itself.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretHash {
    /// SHA-256: for random tokens, which nobody can guess.
    Sha256([u8; 32]),
    /// An Argon2 hash in PHC string format (`$argon2id$…`): for what people chose.
    Argon2(String),
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hashes are no secrets, but nobody needs them in a log either.
        f.write_str(match self {
            Self::Sha256(_) => "Sha256(…)",
            Self::Argon2(_) => "Argon2(…)",
        })
    }
}

/// Which tokens of the realm itself are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealmTokens {
    /// The client ids whose tokens are taken; at least one, unless `roles` tells who may call.
    pub clients: BTreeSet<String>,
    /// Realm roles that the token must have, each of them.
    pub roles: BTreeSet<String>,
    /// Scopes that the token must have, each of them.
    pub scopes: BTreeSet<String>,
    /// Audiences of which the token must name one; empty for any.
    pub audiences: BTreeSet<String>,
}

/// Which tokens of another issuer are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The `iss` of its tokens, compared as text.
    pub issuer: String,
    /// Audiences of which the token must name one; at least one.
    pub audiences: BTreeSet<String>,
    /// Where its keys are.
    pub keys: KeySource,
    /// The clients whose tokens are taken, as `azp`, `appid` or `client_id` names them; empty for all of that audience.
    pub clients: BTreeSet<String>,
    /// Claims that the token must have, each with one of these values; of a claim that is a list, one element.
    pub required_claims: BTreeMap<String, BTreeSet<String>>,
    /// How far the issuer's clock may differ from ours.
    pub clock_skew: Duration,
    /// Certificates, in PEM, of further authorities that the issuer's certificate may come from.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy on the way to the issuer.
    pub proxy: Option<Url>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// At this URL (RFC 7517 section 5).
    Jwks(Url),
    /// Where its discovery document says (OpenID Connect Discovery section 4): the issuer and
    /// `/.well-known/openid-configuration`.
    Discovery(Url),
}
