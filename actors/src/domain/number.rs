//! Numbers that Tally makes: the time, so that they sort by it, and random bits, so that none is made twice.
//!
//! Never a counter: a restored backup must not make an old number again (`design.md` 3.6).

use super::ids::{IdempotencyKey, MerchantId};
use super::time::At;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TIME_DIGITS: usize = 7; // milliseconds until the year 2081
const RANDOM_DIGITS: usize = 8; // 47 bits

/// A number of 15 letters and digits: 7 for the time in milliseconds, 8 for 47 of the random bits.
pub fn make(at: At, random: u64) -> String {
    let mut digits = base62(at.ms().unsigned_abs(), TIME_DIGITS);
    digits.push_str(&base62(random, RANDOM_DIGITS));
    digits
}

/// The number of a withdrawal that is asked for by a key alone: the same whenever it is made. Who repeats it after its books were
/// put back, and the first is lost, asks WeChat for the same transfer, and not for another. It never changes.
pub fn of_withdrawal(of: &MerchantId, key: &IdempotencyKey) -> String {
    hashed("tally 2026 withdrawal number of a key", of, key.as_str())
}

/// The number of a refund that is asked for by a key alone: the same whenever it is made, as a withdrawal's is.
pub fn of_refund(of: &MerchantId, key: &IdempotencyKey) -> String {
    hashed("tally 2026 refund number of a key", of, key.as_str())
}

/// The number of a refund that a person made at WeChat, from WeChat's own number of it: however often it is told, it is one.
pub fn of_refund_by_hand(of: &MerchantId, refund_id: &str) -> String {
    hashed("tally 2026 refund number of a refund made by hand", of, refund_id)
}

/// 15 letters and digits that say what they were made of. They never change.
fn hashed(context: &str, of: &MerchantId, about: &str) -> String {
    let mut hash = blake3::Hasher::new_derive_key(context);
    hash.update(of.as_str().as_bytes()).update(b" ").update(about.as_bytes());
    of_hash(&hash)
}

/// The number of a bank run that is asked for by a key alone: always the same. It never changes.
pub(crate) fn of_run(key: &IdempotencyKey) -> String {
    let mut hash = blake3::Hasher::new_derive_key("tally 2026 bank run number of a key");
    of_hash(hash.update(key.as_str().as_bytes()))
}

/// 15 letters and digits.
fn of_hash(hash: &blake3::Hasher) -> String {
    let [mut high, mut low] = [[0; 8]; 2];
    let mut bytes = hash.finalize_xof();
    bytes.fill(&mut high);
    bytes.fill(&mut low);
    let mut digits = base62(u64::from_be_bytes(high), TIME_DIGITS);
    digits.push_str(&base62(u64::from_be_bytes(low), RANDOM_DIGITS));
    digits
}

/// The lowest `width` digits of `value` in base 62, whose digits sort as ASCII does.
pub(crate) fn base62(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(value % 62).expect("less than 62")];
        value /= 62;
    }
    String::from_utf8(digits).expect("base 62 is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{OrderNo, WithdrawalNo};

    #[test]
    fn a_key_has_one_number_with_each_merchant() {
        let number = |of: &str, key: &str| {
            let number = of_withdrawal(&of.parse().unwrap(), &key.parse().unwrap());
            assert!(number.parse::<WithdrawalNo>().is_ok(), "{number}");
            number
        };
        let all = [("m1", "k"), ("m2", "k"), ("m", "1 k"), ("m1", "K"), ("m1", "1 k")];
        let numbers: std::collections::HashSet<_> =
            all.iter().map(|(of, key)| number(of, key)).collect();
        assert_eq!(numbers.len(), all.len());
        assert_eq!(number("m1", "k"), number("m1", "k"));
    }

    #[test]
    fn numbers_are_well_formed_and_sort_by_time() {
        let early = make("2026-01-01T00:00:00Z".parse().unwrap(), u64::MAX);
        let late = make("2026-01-01T00:00:00.001Z".parse().unwrap(), 0);
        assert!(early < late, "{early} {late}");
        for number in [early, late] {
            assert!(number.parse::<OrderNo>().is_ok() && number.parse::<WithdrawalNo>().is_ok());
        }
    }
}
