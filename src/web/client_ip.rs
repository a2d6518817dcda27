//! Where a customer's call comes from, through the proxies that are trusted (`api.md` 1).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;

use crate::limits::FORWARDED_HOPS_MAX;
use crate::settings::Proxies;

/// The peer's address, or, when the peer is a trusted proxy, the right-most one in X-Forwarded-For that is not.
pub(crate) fn client_ip(request: &HttpRequest, trusted: &Proxies) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip());
    let headers: Vec<&str> = request
        .headers()
        .get_all("X-Forwarded-For")
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    behind(peer, &headers, trusted)
}

fn behind(peer: IpAddr, headers: &[&str], trusted: &Proxies) -> IpAddr {
    let mut hop = peer.to_canonical();
    let entries = headers.iter().rev().flat_map(|header| header.rsplit(','));
    for entry in entries.take(FORWARDED_HOPS_MAX) {
        if !trusted.contain(hop) {
            break;
        }
        match address(entry.trim()) {
            Some(before) => hop = before,
            None => break,
        }
    }
    hop
}

/// The address of an entry, its port cut off.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let parsed = bare.parse().ok();
    parsed
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_most_address_that_is_not_a_trusted_proxy_is_the_clients() {
        let trusted: Proxies = "10.0.0.0/8,::1".parse().unwrap();
        for (peer, headers, client) in [
            ("203.0.113.9", vec!["1.1.1.1"], "203.0.113.9"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["6.6.6.6,203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", vec!["6.6.6.6", "203.0.113.7", "10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", vec!["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", vec!["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", vec!["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", vec!["::ffff:203.0.113.7"], "203.0.113.7"),
            ("::ffff:10.0.0.1", vec!["203.0.113.7"], "203.0.113.7"),
            ("::ffff:203.0.113.9", vec!["1.1.1.1"], "203.0.113.9"),
            ("10.0.0.1", vec!["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", vec!["203.0.113.7,"], "10.0.0.1"),
            ("10.0.0.1", vec!["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("::1", vec!["10.0.0.2:99999"], "::1"),
        ] {
            let found = behind(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found.to_string(), client, "{peer} {headers:?}");
        }
    }
}
