//! Where a request comes from: the connection's other end, or what trusted proxies say about it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from; none where a trusted proxy says what can't be read.
///
/// Each proxy appends whom it was called by, so the list is read from its end, and only as long as it was a trusted
/// proxy that wrote the entry: anybody may send a header with entries of their own.
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut address = peer.to_canonical();
    let mut entries =
        headers.get_all(X_FORWARDED_FOR).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    while is_trusted(address) {
        let Some(entry) = entries.next_back() else { break };
        address = read(std::str::from_utf8(entry).ok()?.trim())?.to_canonical();
    }
    Some(address)
}

/// An address, with or without a port.
fn read(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> Option<String> {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].iter().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        address(peer.parse().unwrap(), &headers, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        for (peer, forwarded, address) in [
            // Nobody in between, whatever is claimed.
            ("203.0.113.7", vec![], "203.0.113.7"),
            ("203.0.113.7", vec!["198.51.100.1"], "203.0.113.7"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["203.0.113.7"], "203.0.113.7"),
            // The client's own claim stands to the left of what the proxy wrote.
            ("10.0.0.1", vec!["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["garbage, 203.0.113.7"], "203.0.113.7"),
            // Two proxies.
            ("10.0.0.1", vec!["198.51.100.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", vec!["198.51.100.1, 203.0.113.7", "10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", vec!["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            // With ports, and IPv6 in its ways.
            ("10.0.0.1", vec!["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", vec!["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", vec!["203.0.113.7"], "203.0.113.7"),
            ("::ffff:10.0.0.1", vec!["::ffff:203.0.113.7"], "203.0.113.7"),
        ] {
            assert_eq!(from(peer, &forwarded).as_deref(), Some(address), "{peer} {forwarded:?}");
        }
        for unreadable in ["unknown", "", "203.0.113.7,", "203.0.113", "\u{e4}"] {
            assert_eq!(from("10.0.0.1", &[unreadable]), None, "{unreadable:?}");
        }
    }
}
