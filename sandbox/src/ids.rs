//! Numbers that WeChat makes. Random, so that a new sandbox does not repeat those of an old one.

use tally_wechat::sign::nonce;
use tally_wechat::time::to_compact;

fn digits(count: u32) -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    let number = u64::from_le_bytes(bytes) % 10_u64.pow(count);
    format!("{number:0width$}", width = usize::try_from(count).expect("a small count"))
}

/// 28 digits: the payment's number.
pub(crate) fn transaction_id(at_ms: i64) -> String {
    format!("4200000001{}{}", &to_compact(at_ms)[..8], digits(10))
}

/// 36 characters.
pub(crate) fn prepay_id(at_ms: i64) -> String {
    format!("wx{}{}", to_compact(at_ms), &nonce()[..20])
}

/// 28 digits: a refund's number.
pub(crate) fn refund_id(at_ms: i64) -> String {
    format!("5000000038{}{}", &to_compact(at_ms)[..8], digits(10))
}

/// 28 digits: a transfer's number.
pub(crate) fn payment_no(at_ms: i64) -> String {
    format!("1000001000{}{}", &to_compact(at_ms)[..8], digits(10))
}

/// 28 characters: a customer in this mini-program.
pub(crate) fn openid() -> String {
    format!("oSandbox{}", &nonce()[..20])
}

/// A login code.
pub(crate) fn code() -> String {
    format!("sandbox-{}", nonce())
}

/// 16 random bytes: a session_key, an IV.
pub(crate) fn block() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
