//! The journal's chain: each event's hash covers all before it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::MerchantId;

/// The place of an event in its merchant's journal, from 1. Zero is before the first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The next place.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A BLAKE3 hash over a journal up to one event.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A point in a journal: what an append names as the one that it follows. The default is before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The place.
    pub seq: Seq,
    /// The hash there.
    pub hash: Hash,
}

impl Link {
    /// The point after an event of `bytes`:
    /// `hash = BLAKE3(previous hash ‖ len(merchant) ‖ merchant ‖ seq ‖ bytes)`, with one byte for the length and eight,
    /// the highest first, for the place (`design.md` 3.3).
    pub fn then(self, merchant: &MerchantId, bytes: &[u8]) -> Self {
        let seq = self.seq.next();
        let id = merchant.as_str().as_bytes();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hash.0);
        hasher.update(&[u8::try_from(id.len()).expect("ids are short")]);
        hasher.update(id);
        hasher.update(&seq.0.to_be_bytes());
        hasher.update(bytes);
        Self { seq, hash: Hash(*hasher.finalize().as_bytes()) }
    }
}
