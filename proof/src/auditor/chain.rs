//! `chain`: the journal is whole.

use super::Found;
use super::journal::Journal;

const CLAIM: &str = "chain";

/// Places 1 to n, each once and in order; each hash over the one before, the merchant, the place and the stored bytes
/// (`design.md` 3.3); the head names the last; `at` never goes back; every event can be read.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let (merchant, stored) = (journal.merchant, journal.stored);
    let mut say = |what: std::fmt::Arguments| found.say(CLAIM, merchant, what);
    let (mut hash, mut at) = ([0; 32], i64::MIN);
    for (index, fact) in stored.journal.iter().enumerate() {
        let place = index as u64 + 1;
        if fact.seq != place {
            say(format_args!("row {place} of the journal has seq {}", fact.seq));
        }
        if journal.events[index].is_none() {
            let (kind, fields) = (fact.kind, &fact.fields);
            say(format_args!("event {place} is no {kind} that can be read: {fields}"));
        }
        if fact.at_ms < at {
            say(format_args!("event {place} is of {} ms, the one before of {at} ms", fact.at_ms));
        }
        let right = link(&hash, merchant, fact.seq, &fact.bytes);
        if fact.hash != right {
            let (stored, right) = (hex(&fact.hash), hex(&right));
            say(format_args!("event {place} has hash {stored}, and its bytes give {right}"));
        }
        (hash, at) = (fact.hash, fact.at_ms);
    }
    let end = stored.journal.len() as u64;
    match &stored.balance {
        Some(head) if head.seq != end => {
            say(format_args!("the head is at seq {}, the journal ends at {end}", head.seq));
        }
        Some(_) if stored.head_hash != hash => {
            let (head, last) = (hex(&stored.head_hash), hex(&hash));
            say(format_args!("the head has hash {head}, event {end} has {last}"));
        }
        None if end > 0 => say(format_args!("there are {end} events and no head")),
        Some(_) | None => {}
    }
}

/// The hash at a place: `BLAKE3(previous hash ‖ len(merchant) ‖ merchant ‖ seq ‖ bytes)`, with one byte for the length and
/// eight, the highest first, for the place.
pub(super) fn link(before: &[u8; 32], merchant: &str, seq: u64, bytes: &[u8]) -> [u8; 32] {
    let length = u8::try_from(merchant.len()).unwrap_or(u8::MAX);
    let parts: [&[u8]; 5] = [before, &[length], merchant.as_bytes(), &seq.to_be_bytes(), bytes];
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

fn hex(hash: &[u8; 32]) -> String {
    hash[..4].iter().map(|byte| format!("{byte:02x}")).chain(["…".into()]).collect()
}
