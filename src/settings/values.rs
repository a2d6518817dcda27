//! What a single setting can be: each parsed once, each refused with the remedy.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::standing::CaseKinds;
use tally_storage::place::ServerUrl;

use crate::limits::{ADMIN_KEY_CHARS_MIN, LADDER_SECONDS_MAX, LADDER_STEPS_MAX};

/// Where the database is. The default is a file in the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of its own in the data directory.
    Embedded,
    /// A SQLite file somewhere else.
    File(PathBuf),
    /// A database on a server.
    Server(ServerUrl),
}

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// When something is asked about, counted from its beginning. The last step repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder(pub Vec<Duration>);

/// A time of the day, in Beijing: how long after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(pub Duration);

/// Kinds of case that freeze the withdrawals of their merchant; none unless set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FreezeOn(pub CaseKinds);
/// When something is done each day: so long after Beijing's midnight; `None`: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyAt(pub Option<TimeOfDay>);

/// Where the outside reaches this service: scheme, host and perhaps a path, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The addresses of proxies whose X-Forwarded-For is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u8)>);

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let Some(path) = raw.strip_prefix("sqlite:") else {
            return raw.parse().map(Self::Server);
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.contains(['?', '#']) {
            return Err("a SQLite database takes no options; give sqlite:PATH alone");
        }
        if path.starts_with(':') {
            return Err("books in memory would be lost; give sqlite: or sqlite:PATH");
        }
        if path.ends_with('/') {
            return Err("is a directory; give sqlite:PATH of a file");
        }
        Ok(if path.is_empty() { Self::Embedded } else { Self::File(Path::new(path).to_path_buf()) })
    }
}

impl FromStr for FreezeOn {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let names = raw.split(',').map(str::trim).filter(|name| !name.is_empty());
        let kind = |name| {
            CaseKind::of(name).ok_or_else(|| {
                let all = CaseKind::ALL.map(CaseKind::as_str).join(", ");
                format!("{name} is no kind of case; give some of {all}")
            })
        };
        names.map(kind).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for TimeOfDay {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let part = |text: &str, below: u64| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u64>().ok().filter(|number| digits && *number < below)
        };
        let parts =
            raw.split_once(':').map(|(hours, minutes)| (part(hours, 24), part(minutes, 60)));
        match parts {
            Some((Some(hours), Some(minutes))) => {
                Ok(Self(Duration::from_secs((hours * 60 + minutes) * 60)))
            }
            Some(_) | None => Err("give a time of the day as HH:MM, such as 02:00"),
        }
    }
}

impl FromStr for DailyAt {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw == "off" {
            return Ok(Self(None));
        }
        let time = raw.parse().map_err(|_| "give a time of the day as HH:MM, or off")?;
        Ok(Self(Some(time)))
    }
}

/// A path, or nothing, which stands for a setting that is not set: compose files leave such. clap's own parser refuses it.
pub(super) fn path_or_empty() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Secret {
    /// The text itself, for whoever must compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw.len() < ADMIN_KEY_CHARS_MIN || !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "must be at least {ADMIN_KEY_CHARS_MIN} printable ASCII characters without spaces"
            ));
        }
        Ok(Self(raw.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl FromStr for Ladder {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let seconds: Vec<u64> = raw
            .split(',')
            .map(|step| step.trim().parse().map_err(|_| "must be whole seconds, by comma"))
            .collect::<Result<_, _>>()?;
        let in_range = seconds.iter().all(|step| (1..=LADDER_SECONDS_MAX).contains(step));
        if seconds.len() > LADDER_STEPS_MAX || !in_range || !seconds.is_sorted_by(|a, b| a < b) {
            return Err(format!(
                "must be 1 to {LADDER_STEPS_MAX} rising steps of 1 to {LADDER_SECONDS_MAX} seconds"
            ));
        }
        Ok(Self(seconds.into_iter().map(Duration::from_secs).collect()))
    }
}

impl PublicUrl {
    /// The URL of a service that is reached where it listens.
    pub fn of_address(address: std::net::SocketAddr) -> Self {
        Self(format!("http://{address}"))
    }

    /// The URL of a path, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let url = raw.trim_end_matches('/');
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let plain = url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['?', '#', '@']);
        if host.is_empty() || host.starts_with(':') || !plain || url.len() > 200 {
            return Err(
                "must be http:// or https:// with a host, without a query, 200 bytes at most",
            );
        }
        Ok(Self(url.to_owned()))
    }
}

impl Proxies {
    /// Whether an address is one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|&(network, length)| match (network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same_start(u128::from(network.to_bits()), u128::from(address.to_bits()), 32, length)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                same_start(network.to_bits(), address.to_bits(), 128, length)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        })
    }
}

/// Whether two addresses of `width` bits have their first `length` bits in common.
fn same_start(a: u128, b: u128, width: u8, length: u8) -> bool {
    (a ^ b).checked_shr(u32::from(width - length)).unwrap_or(0) == 0
}

impl FromStr for Proxies {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let given = raw.split(',').map(str::trim).filter(|one| !one.is_empty());
        given.map(network).collect::<Result<_, _>>().map(Self)
    }
}

fn network(raw: &str) -> Result<(IpAddr, u8), String> {
    let fault = || format!("{raw} must be an address or a CIDR such as 10.0.0.0/8");
    let (address, length) = raw.split_once('/').map_or((raw, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().map_err(|_| fault())?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Ok(width), str::parse).map_err(|_| fault())?;
    if length > width {
        return Err(fault());
    }
    Ok((address, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_rises() {
        let steps = |raw: &str| raw.parse::<Ladder>().map(|ladder| ladder.0);
        assert_eq!(steps("5, 30").unwrap(), [5, 30].map(Duration::from_secs));
        for bad in ["", "0", "5,5", "30,5", "5,", "1.5", "-1", "999999999"] {
            assert!(steps(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_freezes_is_named_by_kinds_of_case() {
        let kinds = |raw: &str| raw.parse::<FreezeOn>().map(|freeze| freeze.0);
        assert_eq!(kinds(""), Ok(CaseKinds::default()));
        let two = [CaseKind::PaidTwice, CaseKind::BillFee].into_iter().collect();
        assert_eq!(kinds("paid_twice, bill_fee"), Ok(two));
        let refused = kinds("paid_twice,magic").unwrap_err();
        assert!(
            refused.starts_with("magic is no kind of case; give some of paid_after_close,"),
            "{refused}"
        );
    }

    #[test]
    fn a_time_of_the_day_has_two_digits_each() {
        let minutes = |raw: &str| raw.parse::<TimeOfDay>().map(|time| time.0.as_secs() / 60);
        for (raw, expected) in [("00:00", 0), ("02:00", 120), ("23:59", 1_439)] {
            assert_eq!(minutes(raw), Ok(expected), "{raw}");
        }
        for bad in ["", "2:00", "02", "24:00", "02:60", "+2:00", "02:00:00", "ab:cd"] {
            assert!(minutes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_public_url_has_a_host_and_no_query() {
        let url = |raw: &str| raw.parse::<PublicUrl>().map(|url| url.join("/x"));
        assert_eq!(url("https://pay.example.com/").unwrap(), "https://pay.example.com/x");
        assert_eq!(url("http://[::1]:8000/tally").unwrap(), "http://[::1]:8000/tally/x");
        for bad in ["", "pay.example.com", "https://", "https:///a", "http://a?b", "http://u@a"] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn proxies_are_told_by_the_start_of_their_address() {
        let proxies: Proxies = "10.0.0.0/8, 192.0.2.7,fd00::/8,::/0".parse().unwrap();
        let known = |raw: &str| proxies.contain(raw.parse().unwrap());
        for (address, is_one) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.1.1", true),
            ("::ffff:11.1.1.1", false),
            ("2001:db8::1", true),
        ] {
            assert_eq!(known(address), is_one, "{address}");
        }
        let all: Proxies = "0.0.0.0/0".parse().unwrap();
        assert!(all.contain("203.0.113.7".parse().unwrap()));
        assert!(!all.contain("2001:db8::1".parse().unwrap()));
        for bad in ["10.0.0.0/33", "10.0.0/8", "a", "::/129", "10.0.0.0/-1"] {
            assert!(bad.parse::<Proxies>().unwrap_err().contains("CIDR"), "{bad}");
        }
        assert!(!Proxies::default().contain("127.0.0.1".parse().unwrap()));
    }
}
