//! The customer's profile, which the mini-program hands over encrypted. The page may have tampered with all of it.

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use crate::cipher::{self, CipherFault};
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::login::SessionKey;

/// What the page sends: both base64, `encryptedData` and `iv`.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// The first block's mask. The page chooses it, and can so rewrite the first 16 bytes of the text at will.
    pub iv: &'a str,
    /// The text.
    pub encrypted_data: &'a str,
}

/// Whose the profile must be.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Our mini-program.
    pub app_id: &'a str,
    /// The session's openid.
    pub openid: &'a str,
}

/// Why a profile is not believed, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    /// Not strict base64; `+` lost in a form is the usual cause.
    #[error("iv or encryptedData is not base64, send them as JSON")]
    Base64,
    /// Not whole blocks, or too much.
    #[error("iv or encryptedData has an impossible length")]
    Length,
    /// The padding is wrong: usually the data is older or newer than the session_key.
    #[error("encryptedData was not made with this login's session_key, log in again first")]
    Padding,
    /// Not a JSON object.
    #[error("what was decrypted is no profile, log in again first")]
    Json,
    /// Of another mini-program.
    #[error("the profile's watermark is of another mini-program")]
    Watermark,
    /// Of another customer, or tampered with.
    #[error("the profile's openId is not the session's")]
    Openid,
}

impl From<CipherFault> for ProfileFault {
    fn from(fault: CipherFault) -> Self {
        match fault {
            CipherFault::Base64 => Self::Base64,
            CipherFault::Length => Self::Length,
            CipherFault::Padding => Self::Padding,
        }
    }
}

/// Decrypted data of our mini-program, named as WeChat names it. Whose it is has not been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenData(Map<String, Value>);

impl OpenData {
    /// Decrypts, and checks padding, shape and watermark.
    ///
    /// # Errors
    ///
    /// [`ProfileFault`], all but `Openid`.
    pub fn open(key: &SessionKey, sealed: Sealed<'_>, app_id: &str) -> Result<Self, ProfileFault> {
        if sealed.encrypted_data.len() > DOCUMENT_BYTES_MAX {
            return Err(ProfileFault::Length);
        }
        let iv = cipher::from_base64(sealed.iv)?;
        let data = cipher::from_base64(sealed.encrypted_data)?;
        let iv = iv.try_into().map_err(|_| ProfileFault::Length)?;
        let plain = cipher::open_cbc(key.bytes(), iv, data)?;
        let json: Map<String, Value> =
            serde_json::from_slice(&plain).map_err(|_| ProfileFault::Json)?;
        match json.get("watermark").and_then(|mark| mark.get("appid")).and_then(Value::as_str) {
            Some(theirs) if theirs == app_id => Ok(Self(json)),
            Some(_) | None => Err(ProfileFault::Watermark),
        }
    }

    /// All of it.
    pub fn json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// When the page got it, in seconds since 1970, as WeChat says.
    pub fn made_at_s(&self) -> Option<i64> {
        self.0.get("watermark")?.get("timestamp")?.as_i64()
    }
}

/// A profile that is certainly the session's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile(OpenData);

impl Profile {
    /// Decrypts, and checks everything: also that the profile's openId is the owner's, as tampering with the IV changes it.
    ///
    /// # Errors
    ///
    /// [`ProfileFault`], for the first check that fails.
    pub fn open(
        key: &SessionKey,
        sealed: Sealed<'_>,
        owner: Owner<'_>,
    ) -> Result<Self, ProfileFault> {
        let data = OpenData::open(key, sealed, owner.app_id)?;
        match data.json().get("openId").and_then(Value::as_str) {
            Some(theirs) if bool::from(theirs.as_bytes().ct_eq(owner.openid.as_bytes())) => {
                Ok(Self(data))
            }
            Some(_) | None => Err(ProfileFault::Openid),
        }
    }

    /// All of it, as WeChat names it: `openId`, `nickName`, `avatarUrl`, …
    pub fn json(&self) -> &Map<String, Value> {
        self.0.json()
    }

    /// All of it, to be kept.
    pub fn into_json(self) -> Map<String, Value> {
        self.0.0
    }

    /// When the page got it, in seconds since 1970, as WeChat says.
    pub fn made_at_s(&self) -> Option<i64> {
        self.0.made_at_s()
    }
}

/// Encrypts as WeChat does: what the other side of the protocol needs. Answers `encryptedData`.
pub fn seal(key: &SessionKey, iv: [u8; 16], json: &Value) -> String {
    cipher::to_base64(&cipher::seal_cbc(key.bytes(), iv, json.to_string().as_bytes()))
}

/// The base64 of an IV or of a session_key's bytes.
pub fn base64(bytes: [u8; 16]) -> String {
    cipher::to_base64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const OWNER: Owner<'_> = Owner { app_id: "wx1", openid: "oUpF8" };

    fn key() -> SessionKey {
        SessionKey::parse(&base64([3; 16])).unwrap()
    }

    fn open(json: &Value) -> Result<Profile, ProfileFault> {
        let encrypted_data = seal(&key(), [9; 16], json);
        let sealed = Sealed { iv: &base64([9; 16]), encrypted_data: &encrypted_data };
        Profile::open(&key(), sealed, OWNER)
    }

    #[test]
    fn a_profile_is_kept_whole_with_its_emoji() {
        let json = json!({"openId": "oUpF8", "nickName": "小满🌾👨‍👩‍👧", "new": [1, null],
            "watermark": {"appid": "wx1", "timestamp": 1_709_136_000}});
        let profile = open(&json).unwrap();
        assert_eq!(profile.made_at_s(), Some(1_709_136_000));
        assert_eq!(Value::Object(profile.into_json()), json);
    }

    #[test]
    fn a_profile_without_our_watermark_or_openid_is_refused() {
        let mark = json!({"appid": "wx1"});
        for (json, fault) in [
            (json!({"openId": "oUpF8"}), ProfileFault::Watermark),
            (json!({"openId": "oUpF8", "watermark": {"appid": "wx2"}}), ProfileFault::Watermark),
            (json!({"openId": "oUpF8", "watermark": "wx1"}), ProfileFault::Watermark),
            (json!({"watermark": mark}), ProfileFault::Openid),
            (json!({"openId": "", "watermark": mark}), ProfileFault::Openid),
            (json!({"openId": "oUpF9", "watermark": mark}), ProfileFault::Openid),
            (json!(["oUpF8"]), ProfileFault::Json),
        ] {
            assert_eq!(open(&json), Err(fault), "{json}");
        }
    }

    #[test]
    fn an_iv_of_another_length_is_refused() {
        for iv in ["", "AAAA", &cipher::to_base64(&[9; 17])] {
            let sealed = Sealed { iv, encrypted_data: &cipher::to_base64(&[0; 16]) };
            assert_eq!(Profile::open(&key(), sealed, OWNER), Err(ProfileFault::Length));
        }
    }

    proptest! {
        #[test]
        fn no_data_makes_it_panic(iv in ".{0,30}", data in ".{0,90}", bytes in prop::collection::vec(any::<u8>(), 0..90)) {
            let _ = Profile::open(&key(), Sealed { iv: &iv, encrypted_data: &data }, OWNER);
            let sealed = Sealed { iv: &base64([9; 16]), encrypted_data: &cipher::to_base64(&bytes) };
            let _ = Profile::open(&key(), sealed, OWNER);
        }

        /// The page chooses the IV and can so rewrite the first block, but not whose profile it is.
        #[test]
        fn what_the_page_changed_is_refused_or_still_of_the_same_customer(at in any::<prop::sample::Index>(), change in 1..=255_u8, of_iv in any::<bool>(), first in any::<bool>()) {
            let (name, mark) = (json!("小满 who likes tea"), json!({"appid": "wx1", "timestamp": 1}));
            let json = if first {
                json!({"openId": "oUpF8", "watermark": mark, "z": name})
            } else {
                json!({"a": name, "openId": "oUpF8", "watermark": mark})
            };
            let mut iv = [9; 16];
            let mut data = cipher::from_base64(&seal(&key(), iv, &json)).unwrap();
            let changed = if of_iv { &mut iv[..] } else { &mut data[..] };
            let at = at.index(changed.len());
            changed[at] ^= change;
            let sealed = Sealed { iv: &base64(iv), encrypted_data: &cipher::to_base64(&data) };
            if let Ok(profile) = Profile::open(&key(), sealed, OWNER) {
                prop_assert_eq!(profile.json().get("openId"), Some(&json!("oUpF8")));
                prop_assert_eq!(&profile.json()["watermark"]["appid"], &json!("wx1"));
            }
        }

        #[test]
        fn a_profile_that_is_cut_off_or_under_another_key_is_refused(cut in any::<prop::sample::Index>(), other in any::<[u8; 16]>(), name in ".{0,40}") {
            let json = json!({"openId": "oUpF8", "nickName": name, "watermark": {"appid": "wx1"}});
            prop_assert!(open(&json).is_ok());
            let data = cipher::from_base64(&seal(&key(), [9; 16], &json)).unwrap();
            let cut_off = cipher::to_base64(&data[..cut.index(data.len())]);
            let sealed = Sealed { iv: &base64([9; 16]), encrypted_data: &cut_off };
            prop_assert!(Profile::open(&key(), sealed, OWNER).is_err());
            prop_assume!(other != [3; 16]);
            let other = SessionKey::parse(&base64(other)).unwrap();
            let whole = cipher::to_base64(&data);
            let sealed = Sealed { iv: &base64([9; 16]), encrypted_data: &whole };
            prop_assert!(Profile::open(&other, sealed, OWNER).is_err());
        }
    }
}
