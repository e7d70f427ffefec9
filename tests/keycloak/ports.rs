//! Free loopback ports for servers that must know their address before they start.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// Below Linux' range for outgoing connections (from 32768): a port of that range, once found free, may be taken by any
/// client's connection before the server binds it.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of 127.0.0.1 that nobody listens on and that no other test of this run was given.
pub fn free() -> u16 {
    let mut handed_out = HANDED_OUT.lock().unwrap();
    for _ in 0..1000 {
        // Random, so that two test runs on one machine rarely ask for the same one.
        let random = uuid::Uuid::new_v4().as_u128() % u128::from(RANGE.end - RANGE.start);
        let port = RANGE.start + u16::try_from(random).unwrap();
        if !handed_out.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            handed_out.insert(port);
            return port;
        }
    }
    panic!("no free port between {} and {}", RANGE.start, RANGE.end);
}
