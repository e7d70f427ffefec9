//! The values by which callers are told and trusted.

use std::net::IpAddr;

use argon2::Params;
use argon2::password_hash::phc;
use ipnet::IpNet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::{Host, Url};

use crate::config::scalar::{Found, Line, Refusal, Scalar};
use crate::config::{Access, RateLimit, ResourceName};

/// How a caller proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum AuthMode {
    Token,
    Keycloak,
    External,
    Basic,
}

impl AuthMode {
    /// As the file writes it.
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Keycloak => "keycloak",
            Self::External => "external",
            Self::Basic => "basic",
        }
    }
}

impl Scalar for AuthMode {
    fn expected() -> String {
        "\"token\", \"keycloak\", \"external\" or \"basic\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        let modes = [Self::Token, Self::Keycloak, Self::External, Self::Basic];
        modes.into_iter().find(|mode| mode.keyword() == text).ok_or(Refusal::Unexpected)
    }
}

impl Scalar for Access {
    fn expected() -> String {
        "\"read-write\" or \"read-only\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "read-write" => Ok(Self::ReadWrite),
            "read-only" => Ok(Self::ReadOnly),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl Scalar for ResourceName {
    fn expected() -> String {
        "\"User\" or \"Group\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "User" => Ok(Self::User),
            "Group" => Ok(Self::Group),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl Scalar for RateLimit {
    fn expected() -> String {
        "a number from 1 to 1000000, a slash and s, m or h, as in \"100/s\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        found.text()?.parse().map_err(|_| Refusal::Unexpected)
    }
}

/// A network, or a single address.
impl Scalar for IpNet {
    fn expected() -> String {
        "a network such as \"203.0.113.0/24\" or \"2001:db8::/32\", or a single IP address".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        let single = || text.parse::<IpAddr>().ok().map(Self::from);
        let network: Self = text.parse().ok().or_else(single).ok_or(Refusal::Unexpected)?;
        if network.trunc() != network {
            return Err(Refusal::Because(format!(
                "{found} is an address within the network {}; expected one of the two",
                network.trunc()
            )));
        }
        // Addresses of clients are told as IPv4 where they are, so that this one would never match.
        if matches!(network, Self::V6(network) if network.network().to_ipv4_mapped().is_some()) {
            return Err(Refusal::Because(format!("expected IPv4 written as such, found {found}")));
        }
        Ok(network)
    }
}

/// The SHA-256 of a bearer token, in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct TokenHash(pub(super) [u8; 32]);

/// What `sha256sum` says of nothing: the mark of a shell pipe that went wrong.
const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Scalar for TokenHash {
    // The likeliest mistake is the token itself in place of its hash.
    const SECRET: bool = true;

    fn expected() -> String {
        "the SHA-256 of a token as 64 hexadecimal digits (never the token itself)".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        if text.eq_ignore_ascii_case(HASH_OF_NOTHING) {
            return Err(Refusal::Because(
                "this is the SHA-256 of an empty text; expected that of a token".to_owned(),
            ));
        }
        let nibbles: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let bytes: Vec<u8> = nibbles
            .filter(|nibbles| nibbles.len() == 64)
            .ok_or(Refusal::Unexpected)?
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
            .collect();
        bytes.try_into().map(Self).map_err(|_| Refusal::Unexpected)
    }
}

/// The Argon2 hash of a password or token, in PHC string format.
#[derive(Clone, Debug)]
pub(in crate::config) struct PasswordHash(pub(in crate::config) String);

/// The same from whoever may change the realm, but not this machine's file: it must cost much less to check.
#[derive(Clone, Debug)]
pub(in crate::config) struct CheapHash(pub(in crate::config) String);

/// What it may cost to check a hash: whoever calls makes the gateway pay it.
struct Cost {
    /// Most memory, in KiB.
    memory: u32,
    /// Most passes over that memory.
    passes: u32,
    /// Most lanes, where they are limited.
    lanes: Option<u32>,
}

const COST_IN_FILE: Cost = Cost { memory: 1024 * 1024, passes: 20, lanes: None };
const COST_IN_REALM: Cost = Cost { memory: 64 * 1024, passes: 4, lanes: Some(4) };
/// Shortest hash that nobody meets by chance, in bytes.
const MIN_OUTPUT: usize = 16;

impl Scalar for PasswordHash {
    const SECRET: bool = true;

    fn expected() -> String {
        "an Argon2 hash such as \"$argon2id$v=19$m=19456,t=2,p=1$…$…\" (never the password itself)".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        hash_of(found, &COST_IN_FILE).map(Self)
    }
}

impl Scalar for CheapHash {
    const SECRET: bool = true;

    fn expected() -> String {
        PasswordHash::expected()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        hash_of(found, &COST_IN_REALM).map(Self)
    }
}

/// An Argon2 hash that costs no more than this to check.
fn hash_of(found: &Found<'_>, most: &Cost) -> Result<String, Refusal> {
    let text = found.text()?;
    let hash = phc::PasswordHash::new(text).map_err(|_| Refusal::Unexpected)?;
    let because =
        |reason: &str| Err(Refusal::Because(format!("{reason}; expected {}", PasswordHash::expected())));
    if argon2::Algorithm::try_from(hash.algorithm.as_str()).is_err() {
        return because("this is a hash of another kind");
    }
    if hash.version.is_some_and(|version| argon2::Version::try_from(version).is_err()) {
        return because("this is a hash of an unknown version of Argon2");
    }
    let Ok(params) = Params::try_from(&hash) else {
        return because("the parameters of this hash are not Argon2's");
    };
    if hash.salt.is_none() || hash.hash.is_none_or(|output| output.len() < MIN_OUTPUT) {
        return because("this hash lacks its salt or its end");
    }
    let too_many_lanes = most.lanes.is_some_and(|most| params.p_cost() > most);
    if params.m_cost() > most.memory || params.t_cost() > most.passes || too_many_lanes {
        let (and_p, found_p) = most.lanes.map_or_else(Default::default, |lanes| {
            (format!(", p of at most {lanes}"), format!(", p={}", params.p_cost()))
        });
        return Err(Refusal::Because(format!(
            "to check this hash costs too much, since anybody can make the gateway do it; expected m of at most \
                 {} (KiB){and_p} and t of at most {}, found m={}{found_p} and t={}",
            most.memory,
            most.passes,
            params.m_cost(),
            params.t_cost()
        )));
    }
    Ok(text.to_owned())
}

/// An instant, written as TOML writes it: without quotes.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Expiry(pub(super) OffsetDateTime);

impl Scalar for Expiry {
    fn expected() -> String {
        "a date, a time and an offset without quotes, such as 2027-01-01T00:00:00Z".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found {
            Found::Date(date) => {
                OffsetDateTime::parse(&date.to_string(), &Rfc3339).map(Self).map_err(|_| Refusal::Unexpected)
            }
            _ => Err(Refusal::Unexpected),
        }
    }
}

/// The issuer of another's tokens: compared as text, so kept as it was written, a slash at its end included.
#[derive(Clone, Debug)]
pub(in crate::config) struct ForeignIssuer(pub(in crate::config) String);

impl Scalar for ForeignIssuer {
    fn expected() -> String {
        Url::expected()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let url = Url::read(found)?;
        private(&url, found)?;
        Ok(Self(found.text()?.to_owned()))
    }
}

/// The URL of a set of keys. Some issuers tell theirs apart by a query.
#[derive(Clone, Debug)]
pub(in crate::config) struct KeysUrl(pub(in crate::config) Url);

impl Scalar for KeysUrl {
    fn expected() -> String {
        Url::expected()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        let (before, query) = text.split_once('?').map_or((text, None), |(url, query)| (url, Some(query)));
        Url::read(&Found::Text(before))?;
        if query
            .is_some_and(|query| query.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control()))
        {
            return Err(Refusal::Unexpected);
        }
        let url = Url::parse(text).map_err(|_| Refusal::Unexpected)?;
        private(&url, found)?;
        Ok(Self(url))
    }
}

/// Keys that come over a line that anybody can write to prove nothing.
fn private(url: &Url, found: &Found<'_>) -> Result<(), Refusal> {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "https" || loopback {
        return Ok(());
    }
    Err(Refusal::Because(format!(
        "expected an https URL, because whoever sits in between could change the keys (http is for this machine's own \
         addresses alone), found {found}"
    )))
}

/// The user-id of HTTP Basic authentication, in which a colon would end it (RFC 7617).
#[derive(Clone, Debug)]
pub(in crate::config) struct UserId(pub(super) String);

impl Scalar for UserId {
    fn expected() -> String {
        format!("{}, and no colon", Line::expected())
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let line = Line::read(found)?;
        if line.0.contains(':') { Err(Refusal::Unexpected) } else { Ok(Self(line.0)) }
    }
}
