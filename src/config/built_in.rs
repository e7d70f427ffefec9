//! What holds where a file says nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where SCIM clients come in.
pub(super) const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7644);
/// Where health and readiness are asked for.
pub(super) const PRIVATE_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7645);
/// Largest request body, in bytes: a group of 10,000 members must fit as it is shown, some 250 bytes for each.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Okta gives up after 60 s; an answer of ours, with its reason, should reach it before.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(55);
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const MAX_CONNECTIONS: usize = 1024;
pub(super) const MAX_CONCURRENT_REQUESTS: usize = 256;

pub(super) const LOG_LEVEL: &str = "info";
/// Names and e-mail addresses stand in no log unless somebody decides that they should.
pub(super) const MASK_PERSONAL_DATA: bool = true;

pub(super) const TAG_ROLE: &str = "scim-managed";
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
pub(super) const DEFAULT_PAGE_SIZE: usize = 100;
pub(super) const MAX_PAGE_SIZE: usize = 200;
pub(super) const SCAN_LIMIT: usize = 10_000;
/// Whoever can write an e-mail address must not thereby prove that it is somebody's.
pub(super) const TRUST_EMAIL: bool = false;
/// A block that an administrator set survives a client that repeats `active: true`.
pub(super) const REACTIVATE_LOCAL: bool = false;
/// Accepted and dropped, always: a SCIM client's password has no business in Keycloak.
pub(super) const IGNORED_ATTRIBUTE: &str = "password";
pub(super) const FORWARD_TOKEN_ENDPOINT: bool = true;
/// Shorter than a request's time, so that a plan's end is still answered.
pub(super) const PLAN_TIMEOUT: Duration = Duration::from_secs(50);
/// Most members that the answer to a PATCH of a group shows.
pub(super) const PATCH_RESPONSE_MEMBERS: usize = 200;

pub(super) const CLIENT_ID: &str = "scimgate";
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How far another issuer's clock may differ.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(30);
pub(super) const EMAIL_AS_USERNAME: bool = false;
pub(super) const REALM_ATTRIBUTES: bool = false;
