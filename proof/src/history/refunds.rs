//! What is asked about refunds and told of them. Amounts in fen.

use super::Fen;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunding {
    /// Give a customer money back.
    Ask {
        /// Its number.
        refund_no: String,
        /// The caller's key, when the number was made for it.
        key: Option<String>,
        /// The order.
        order_no: String,
        /// What the customer is to get.
        amount: Fen,
        /// Why.
        reason: String,
        /// The key that asks.
        by: String,
    },
    /// Begin a try to pay it back.
    Start {
        /// The refund.
        refund_no: String,
    },
    /// Record what is known of it.
    Record {
        /// The refund.
        refund_no: String,
        /// What is known.
        outcome: RefundOutcome,
    },
    /// Record that somebody told of one that was made by hand at the channel.
    Notice {
        /// Its number here.
        refund_no: String,
        /// The order.
        order_no: String,
        /// What the customer is said to get.
        amount: Fen,
        /// The payment that it is said to be of, if that is said.
        transaction_id: Option<String>,
    },
}

/// What is told of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The customer has the money.
    Succeeded {
        /// What the customer got.
        amount: Fen,
        /// What the channel took for it, where it says so.
        booked: Option<Fen>,
    },
    /// Closed for good at the channel: nothing was paid back.
    Closed,
    /// A try certainly moved nothing, and another may succeed.
    Postponed,
    /// The channel has none of that number.
    NotFound,
    /// Nobody knows.
    Unknown,
    /// The channel can't finish it by itself.
    Stuck,
}

/// A refund as an answer or a table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its number.
    pub refund_no: String,
    /// The order.
    pub order_no: String,
    /// What the customer gets.
    pub amount: Fen,
    /// What is taken from the merchant for it, before the fee that comes back.
    pub booked: Fen,
    /// As `api.md` names it.
    pub status: &'static str,
}

/// Money that a customer got back, as the channel knows it. Twice the same number: paid back twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidBack {
    /// Whose.
    pub merchant: String,
    /// The order.
    pub order_no: String,
    /// The refund's number here, also of one that was made by hand there.
    pub refund_no: String,
    /// What the customer got.
    pub amount: Fen,
    /// What the channel took for it, where it says so.
    pub booked: Option<Fen>,
    /// A person made it at the channel.
    pub by_hand: bool,
}
