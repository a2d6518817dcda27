//! When a client certificate is good, and whose it is: what its PEM says of itself. Nothing is verified here.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::time::from_compact;

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Says {
    /// From when on it is good, in milliseconds since 1970-01-01T00:00:00Z.
    pub from_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// Whose it is (the common name): WeChat writes the merchant number there.
    pub name: Option<String>,
}

/// Reads the first certificate of a PEM file; `None`: there is none, or none that can be read.
pub fn read(chain_pem: &str) -> Option<Says> {
    let der = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).next()?.ok()?;
    of_der(&der)
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const HOUR_MS: i64 = 3_600_000;

fn of_der(der: &[u8]) -> Option<Says> {
    let mut certificate = Items(Items(der).of(SEQUENCE)?);
    let mut signed = Items(certificate.of(SEQUENCE)?);
    let (first, _) = signed.next()?;
    if first == VERSION {
        signed.next()?; // the serial number stands behind the version, where there is one
    }
    signed.of(SEQUENCE)?; // how it is signed
    signed.of(SEQUENCE)?; // by whom
    let mut validity = Items(signed.of(SEQUENCE)?);
    let (from_ms, until_ms) = (time(validity.next()?)?, time(validity.next()?)?);
    let subject = Items(signed.of(SEQUENCE)?);
    Some(Says { from_ms, until_ms, name: common_name(subject) })
}

fn common_name(mut subject: Items<'_>) -> Option<String> {
    loop {
        let (_, set) = subject.next()?;
        let mut pair = Items(Items(set).of(SEQUENCE)?);
        let ((_, kind), (_, value)) = (pair.next()?, pair.next()?);
        if kind == COMMON_NAME {
            return std::str::from_utf8(value).ok().map(str::to_owned);
        }
    }
}

/// `yyMMddHHmmssZ` of 1950 to 2049, or `yyyyMMddHHmmssZ`.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let century = match tag {
        0x17 if text < "50" => "20",
        0x17 => "19",
        0x18 => "",
        _ => return None,
    };
    // It is of UTC, and the compact form is of Beijing.
    Some(from_compact(&format!("{century}{text}"))? + 8 * HOUR_MS)
}

/// Items of DER, one after the other: a tag, a length, so many bytes.
struct Items<'d>(&'d [u8]);

impl<'d> Items<'d> {
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match usize::from(first) {
            short @ 0..=0x7f => (short, rest),
            long @ 0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (item, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, item))
    }

    fn of(&mut self, wanted: u8) -> Option<&'d [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/O=Tally/CN=1900000109"`
    const PEM: &str = include_str!("certificate_test.pem");

    #[test]
    fn a_certificate_says_until_when_it_is_good_and_whose_it_is() {
        let says = read(PEM).unwrap();
        assert_eq!(says.name.as_deref(), Some("1900000109"));
        assert_eq!(says.from_ms, 1_795_875_959_000);
        assert_eq!(says.until_ms - says.from_ms, 30 * 24 * HOUR_MS);
    }

    #[test]
    fn what_is_none_or_cut_short_says_nothing() {
        assert_eq!(read(""), None);
        assert_eq!(read("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), None);
        let der = CertificateDer::pem_slice_iter(PEM.as_bytes()).next().unwrap().unwrap();
        for cut in 0..120 {
            assert_eq!(of_der(&der[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn times_are_of_utc_in_both_forms() {
        for (tag, text) in [(0x17, "260102030405Z"), (0x18, "20260102030405Z")] {
            assert_eq!(time((tag, text.as_bytes())), Some(1_767_323_045_000), "{text}");
        }
        assert!(time((0x17, b"990102030405Z")).unwrap() < time((0x17, b"000102030405Z")).unwrap());
        for (tag, text) in [(0x17, "260102030405"), (0x13, "260102030405Z"), (0x18, "26Z")] {
            assert_eq!(time((tag, text.as_bytes())), None, "{text}");
        }
    }
}
