//! Signatures: MD5 and HMAC-SHA256 over the fields as they are. Trust is carried by a type.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::fields::Fields;
use crate::secret::Secret;

/// The algorithm of a signature. The caller says which, never the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignType {
    /// WeChat's default.
    #[default]
    #[serde(rename = "MD5")]
    Md5,
    /// The better one.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
}

impl SignType {
    /// As WeChat names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }
}

impl std::str::FromStr for SignType {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "MD5" => Ok(Self::Md5),
            "HMAC-SHA256" => Ok(Self::HmacSha256),
            _ => Err("must be MD5 or HMAC-SHA256"),
        }
    }
}

/// The API keys that are good for verifying: the current one, and for a day after a change the one before.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs and verifies.
    pub current: Secret,
    /// Only verifies.
    pub old: Option<Secret>,
}

/// Why a document is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// There is no signature.
    #[error("it has no signature")]
    Missing,
    /// It names another algorithm than the one expected.
    #[error("it names another signature algorithm than the one in use")]
    Algorithm,
    /// The signature is not that of these fields under our keys.
    #[error("its signature is wrong")]
    Wrong,
}

/// Fields whose signature was checked. Only [`verify`] makes one.
#[derive(Debug, Clone)]
pub struct Signed(Fields);

impl Signed {
    /// The fields.
    pub fn fields(&self) -> &Fields {
        &self.0
    }
}

/// The signature of the fields: upper-case hex. Empty values and `sign` itself take no part, unknown fields do.
pub fn sign(fields: &Fields, sign_type: SignType, key: &Secret) -> String {
    let text = string_to_sign(fields, key);
    match sign_type {
        SignType::Md5 => upper_hex(&Md5::digest(text.as_bytes())),
        SignType::HmacSha256 => {
            let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
            let mut mac = mac.expect("HMAC takes keys of any length");
            mac.update(text.as_bytes());
            upper_hex(&mac.finalize().into_bytes())
        }
    }
}

/// Checks the signature, in constant time, with the current key and then the old one.
///
/// # Errors
///
/// [`SignFault`] when it is missing, wrong, or by another algorithm than `sign_type`.
pub fn verify(fields: Fields, sign_type: SignType, keys: &Keys) -> Result<Signed, SignFault> {
    let found = fields.filled("sign").ok_or(SignFault::Missing)?;
    if fields.filled("sign_type").is_some_and(|named| named != sign_type.as_str()) {
        return Err(SignFault::Algorithm);
    }
    let good = std::iter::once(&keys.current)
        .chain(&keys.old)
        .any(|key| bool::from(sign(&fields, sign_type, key).as_bytes().ct_eq(found.as_bytes())));
    if good { Ok(Signed(fields)) } else { Err(SignFault::Wrong) }
}

/// The text under the signature. It holds the key.
fn string_to_sign(fields: &Fields, key: &Secret) -> String {
    let mut text = String::new();
    for (name, value) in fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty())
    {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('&');
    }
    text.push_str("key=");
    text.push_str(key.expose());
    text
}

fn upper_hex(bytes: &[u8]) -> String {
    hex(bytes, b"0123456789ABCDEF")
}

/// Lower-case hex: WeChat wants it for the key of the refund notice, and nowhere else.
pub(crate) fn lower_hex(bytes: &[u8]) -> String {
    hex(bytes, b"0123456789abcdef")
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(digits[usize::from(digit)]))
        .collect()
}

/// 32 random characters: a `nonce_str`.
pub fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    lower_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(old: Option<&str>) -> Keys {
        Keys { current: Secret::new("new"), old: old.map(Secret::new) }
    }

    fn signed_by(key: &str) -> Fields {
        let fields = Fields::new().with("total_fee", "1").with("attach", "");
        let signature = sign(&fields, SignType::Md5, &Secret::new(key));
        fields.with("sign", signature)
    }

    #[test]
    fn the_key_before_still_verifies_while_it_is_kept() {
        assert!(verify(signed_by("new"), SignType::Md5, &keys(None)).is_ok());
        assert_eq!(
            verify(signed_by("old"), SignType::Md5, &keys(None)).unwrap_err(),
            SignFault::Wrong
        );
        assert!(verify(signed_by("old"), SignType::Md5, &keys(Some("old"))).is_ok());
    }

    #[test]
    fn a_missing_or_empty_signature_is_no_signature() {
        for fields in [Fields::new(), Fields::new().with("sign", "")] {
            assert_eq!(verify(fields, SignType::Md5, &keys(None)).unwrap_err(), SignFault::Missing);
        }
    }

    #[test]
    fn the_document_does_not_choose_the_algorithm() {
        let fields = Fields::new().with("total_fee", "1").with("sign_type", "MD5");
        let signature = sign(&fields, SignType::Md5, &Secret::new("new"));
        let fields = fields.with("sign", signature);
        assert_eq!(
            verify(fields, SignType::HmacSha256, &keys(None)).unwrap_err(),
            SignFault::Algorithm
        );
        let weaker = signed_by("new");
        assert_eq!(
            verify(weaker, SignType::HmacSha256, &keys(None)).unwrap_err(),
            SignFault::Wrong
        );
    }

    #[test]
    fn keys_do_not_print() {
        assert!(!format!("{:?}", keys(Some("old"))).contains("old\""));
        assert_eq!(format!("{:?}", Secret::new("new")), "***");
    }

    #[test]
    fn a_nonce_is_32_characters_and_new_each_time() {
        assert_eq!(nonce().len(), 32);
        assert_ne!(nonce(), nonce());
    }
}
