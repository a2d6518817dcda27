//! The signature of a delivery: HMAC-SHA256 by the webhook's secret over the time and the body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tally_actors::domain::time::At;

/// The header that carries it.
pub(super) const HEADER: &str = "Tally-Signature";

/// What the header says: `t=` the time in whole seconds since 1970, `v1=` the HMAC-SHA256 of time, dot and body in hexadecimal
/// digits. The key is the secret as it was shown, all of its characters.
pub(super) fn header(secret: &str, at: At, body: &str) -> String {
    let t = at.ms() / 1_000;
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(format!("{t}.{body}").as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("t={t},v1={digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by OpenSSL: `printf '%s' '1700000000.{"kind":"order.paid"}' | openssl dgst -sha256 -hmac whsec_…`
    #[test]
    fn a_signature_is_what_another_program_works_out() {
        let secret = "whsec_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let at = At::from_ms(1_700_000_000_999);
        let digits = "c5b29178c9f4a3ecaee13ee928f20a46429f59bbe097e7adb2ba6653ac6290ef";
        let body = r#"{"kind":"order.paid"}"#;
        assert_eq!(header(secret, at, body), format!("t=1700000000,v1={digits}"));
        assert_ne!(header(secret, at, "{}"), header(secret, at.plus_ms(1_000), "{}"));
    }
}
