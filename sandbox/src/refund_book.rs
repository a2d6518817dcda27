//! A refund in the sandbox's books, and how it stands as time passes.

use tally_wechat::Fields;

/// How a refund ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// The customer has the money.
    Success,
    /// The customer's card is gone; the merchant has the money again.
    Changed,
    /// Nothing was paid back; the merchant has the money again.
    Closed,
}

/// A refund. Its amounts are what goes back, in fen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Refund {
    pub(crate) out_trade_no: String,
    /// Without nonce and signature, to compare repeats with.
    pub(crate) request: Fields,
    pub(crate) refund_id: String,
    pub(crate) amount_fen: u64,
    /// The part of it that was a coupon.
    pub(crate) coupon_fen: u64,
    /// The part of WeChat's charge that comes back to the merchant.
    pub(crate) charge_fen: u64,
    /// Made by a person in WeChat's merchant platform.
    pub(crate) by_hand: bool,
    pub(crate) at_ms: i64,
    pub(crate) ends: End,
    pub(crate) ends_at_ms: i64,
    #[serde(skip)]
    pub(crate) notice_tries: u32,
    #[serde(skip)]
    pub(crate) notice_taken: bool,
}

impl Refund {
    /// How it stands at a time; `None`: under way.
    pub(crate) fn end_at(&self, now_ms: i64) -> Option<End> {
        (now_ms >= self.ends_at_ms).then_some(self.ends)
    }

    /// Whether it takes up a part of the order's amount: all do but those that were closed.
    pub(crate) fn counts_at(&self, now_ms: i64) -> bool {
        self.end_at(now_ms) != Some(End::Closed)
    }

    /// What the merchant gives.
    pub(crate) fn settlement_fen(&self) -> u64 {
        self.amount_fen.saturating_sub(self.coupon_fen)
    }

    /// Where its notice goes.
    pub(crate) fn notify_url(&self) -> Option<&str> {
        self.request.get("notify_url")
    }

    /// Whether WeChat owes a notice of it, now or when it will have ended.
    pub(crate) fn notice_owed(&self) -> bool {
        self.notify_url().is_some() && !self.notice_taken
    }
}

/// WeChat's name for where a refund stands.
pub(crate) fn state_name(end: Option<End>) -> &'static str {
    match end {
        None => "PROCESSING",
        Some(End::Success) => "SUCCESS",
        Some(End::Changed) => "CHANGE",
        Some(End::Closed) => "REFUNDCLOSE",
    }
}
