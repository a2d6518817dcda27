//! Where deliveries may go: to public addresses only, unless private ones are allowed. Whoever makes a webhook must not reach
//! into the network that Tally runs in (SSRF), so what counts is the address that is connected to, not the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why a name leads nowhere that a delivery may go.
const NOT_PUBLIC: &str =
    "the host has no public address (set TALLY_WEBHOOK_PRIVATE=on to allow private ones)";

/// Whether a URL may be a webhook's; else what is wrong with it.
pub(super) fn check(raw: &str, private_allowed: bool) -> Result<Url, &'static str> {
    let url = Url::parse(raw).map_err(|_| "must be a URL")?;
    match url.scheme() {
        "https" => {}
        "http" if private_allowed => {}
        "http" => return Err("must be https:// (http:// only with TALLY_WEBHOOK_PRIVATE=on)"),
        _ => return Err("must be https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or password");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    let host = url.host_str().ok_or("must have a host")?;
    // A literal address is connected to without asking the resolver.
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    if literal.is_some_and(|ip| !private_allowed && !is_public(ip)) {
        return Err(NOT_PUBLIC);
    }
    Ok(url)
}

/// Gives the client public addresses alone. What it gives is what is connected to, so a name that leads elsewhere the next time
/// gains nothing.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_of(found);
            if public.is_empty() {
                return Err(NOT_PUBLIC.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

impl PublicOnly {
    /// As a client takes it.
    pub(super) fn shared() -> Arc<Self> {
        Arc::new(Self)
    }
}

fn public_of(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    found.filter(|address| is_public(address.ip())).collect()
}

/// Whether an address is one of the public Internet. An IPv6 address that stands for an IPv4 one is judged by that.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] => true,
        [100, second, ..] => (64..128).contains(&second), // shared by a provider's customers
        [172, second, ..] => (16..32).contains(&second),
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => true, // for protocols, examples, 6to4 relays
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true, // benchmarks, examples
        [first, ..] => first >= 224,                   // multicast, reserved, broadcast
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low), // IPv4-mapped
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low), // NAT64
        [0x2002, high, low, ..] => v4(high, low),            // 6to4
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8, // Teredo, protocols; examples
        [0x3fff, second, ..] => second >= 0x1000,            // examples
        [first, ..] => (0x2000..0x4000).contains(&first),    // all that is given out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];

    const OUTSIDE: &[&str] = &[
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "169.253.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.0.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2400:3200::1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ];

    #[test]
    fn an_address_inside_is_told_from_one_outside_however_it_is_written() {
        for (addresses, public) in [(INSIDE, false), (OUTSIDE, true)] {
            for raw in addresses {
                assert_eq!(is_public(raw.parse().unwrap()), public, "{raw}");
            }
        }
        let mixed =
            ["10.0.0.1", "1.1.1.1", "::1"].map(|raw| SocketAddr::new(raw.parse().unwrap(), 0));
        assert_eq!(public_of(mixed.into_iter()), ["1.1.1.1:0".parse().unwrap()]);
    }

    #[test]
    fn a_url_that_leads_inside_is_refused_and_so_is_one_that_is_not_plain() {
        for raw in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://10.0.0.1:8443/hook",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            assert_eq!(check(raw, false), Err(NOT_PUBLIC), "{raw}");
            assert!(check(raw, true).is_ok(), "{raw}");
        }
        for raw in ["ftp://example.com/", "file:///etc/passwd", "example.com", "/hook", "https://"]
        {
            assert!(check(raw, true).is_err(), "{raw}");
        }
        for raw in
            ["https://me:pw@example.com/", "https://me@example.com/", "https://example.com/#a"]
        {
            assert!(check(raw, true).is_err(), "{raw}");
        }
        assert!(check("http://example.com/", false).is_err());
        assert!(check("http://example.com/", true).is_ok());
        assert!(check("https://example.com:8443/hook?a=b", false).is_ok());
    }
}
