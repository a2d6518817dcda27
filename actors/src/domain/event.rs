//! What can happen to a merchant, and the bytes in which it is kept for ever.

use serde::{Deserialize, Serialize};

use super::case::{PaymentCase, RaisedCase};
use super::ids::{
    CaseId, IdempotencyKey, KeyId, OrderNo, RunNo, SettlementNo, TransactionId, WithdrawalNo,
};
use super::money::Money;
use super::order::Channel;
use super::rules::{PayoutMethod, Rules};
use super::settlement::Bucket;
use super::standing::Change;
use super::time::{At, Day};
use super::withdrawal::WithdrawalRequest;

/// A fact in a merchant's journal. Amounts in fen.
///
/// The order of the variants and of their fields is the stored format: new ones go to the end, and a variant that must
/// change gets a successor beside it. `event::tests` pins the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The merchant exists from here on.
    MerchantRegistered {
        /// What was agreed.
        rules: Rules,
    },
    /// Other rules hold from here on, for what comes.
    RulesChanged {
        /// All the rules as they now are.
        rules: Rules,
    },
    /// An order waits for its payment.
    OrderOpened {
        /// Its number.
        order_no: OrderNo,
        /// The caller's key, when the server made the number.
        idempotency_key: Option<IdempotencyKey>,
        /// What the customer is to pay.
        amount: Money,
        /// What is sold.
        description: Box<str>,
        /// Where the money is to come from.
        channel: Channel,
        /// When it is given up.
        expires_at: At,
    },
    /// WeChat took the order and gave a prepay id.
    OrderPrepaid {
        /// The order.
        order_no: OrderNo,
        /// WeChat's id, good for two hours.
        prepay_id: Box<str>,
    },
    /// The money is there: credited to pending.
    OrderPaid {
        /// The order.
        order_no: OrderNo,
        /// The payment's number where it was made.
        transaction_id: TransactionId,
        /// When the customer paid.
        paid_at: At,
        /// What is credited before the fee.
        booked: Money,
        /// The platform's fee on it.
        fee: Money,
        /// The merchant's how-manieth payment this is.
        paid_seq: u64,
        /// The first day it may be settled; `None`: at once.
        settle_on: Option<Day>,
        /// Who told.
        source: PaymentSource,
    },
    /// The order no longer waits for money.
    OrderClosed {
        /// The order.
        order_no: OrderNo,
    },
    /// Pending money became available: all buckets up to `through`.
    Settled {
        /// Its number.
        settlement_no: SettlementNo,
        /// The caller's key, when the server made the number.
        idempotency_key: Option<IdempotencyKey>,
        /// Up to which `settle_on` it takes what is pending.
        through: Day,
        /// Asked for with what was not yet due.
        include_not_due: bool,
        /// The sums over what it moves.
        moved: Bucket,
    },
    /// Available money is on its way out.
    WithdrawalRequested {
        /// Its number.
        withdrawal_no: WithdrawalNo,
        /// The caller's key, when the server made the number.
        idempotency_key: Option<IdempotencyKey>,
        /// What is taken out.
        amount: Money,
        /// What was asked for.
        request: WithdrawalRequest,
        /// How it is paid out.
        method: PayoutMethod,
        /// Who receives a WeChat transfer.
        payout_openid: Option<Box<str>>,
        /// The receiver's real name.
        payout_name: Option<Box<str>>,
        /// Whether a second key must approve it.
        needs_approval: bool,
        /// The Beijing day whose limit it counts against.
        day: Day,
        /// The key that asked.
        asked_by: KeyId,
        /// The settlement made in the same message.
        settlement_no: Option<SettlementNo>,
    },
    /// A second key said yes.
    WithdrawalApproved {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// The key that approved.
        by: KeyId,
        /// Why, for people.
        reason: Box<str>,
    },
    /// A second key said no; the money is back in available.
    WithdrawalRejected {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// What came back.
        amount: Money,
        /// The Beijing day against whose limit it no longer counts.
        day: Day,
        /// The key that rejected.
        by: KeyId,
        /// Why, for people.
        reason: Box<str>,
    },
    /// A transfer may go out from here on. Durable before the call to WeChat.
    WithdrawalSending {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
    },
    /// The call ended without a certain outcome.
    WithdrawalUnknown {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// What is known, for people.
        reason: Box<str>,
    },
    /// Certainly paid out.
    WithdrawalSucceeded {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// What was paid out.
        amount: Money,
        /// The transfer's or the bank run's own number.
        reference: Box<str>,
        /// What was said of it, for people.
        note: Box<str>,
    },
    /// Certainly not paid out; the money is back in available.
    WithdrawalFailed {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// What came back.
        amount: Money,
        /// The Beijing day against whose limit it no longer counts.
        day: Day,
        /// Why, for people.
        reason: Box<str>,
        /// The transfer's or the bank run's own number, where there is one.
        reference: Box<str>,
    },
    /// Something a person must look at.
    CaseOpened {
        /// The case about a payment.
        case: PaymentCase,
    },
    /// The order is to be closed as soon as WeChat allows it: nobody is invited to pay it any more.
    OrderClosing {
        /// The order.
        order_no: OrderNo,
    },
    /// An admin said what became of a transfer that WeChat no longer tells of. It moves nothing until another admin says the
    /// same.
    WithdrawalAttested {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// Whether it was paid out.
        succeeded: bool,
        /// The transfer's own number, where it was.
        reference: Box<str>,
        /// How that is known, for people.
        reason: Box<str>,
        /// The admin's key.
        by: KeyId,
    },
    /// Something a person must look at, whatever it is about.
    CaseRaised {
        /// The case with its facts.
        case: RaisedCase,
    },
    /// Something was decided about the merchant as a whole.
    StandingChanged {
        /// What.
        change: Change,
        /// Why, for people.
        reason: Box<str>,
        /// The admin's key; `None`: Tally itself, as the case was opened.
        by: Option<KeyId>,
        /// The case that froze the merchant.
        case_id: Option<CaseId>,
    },
    /// A withdrawal that is paid out by hand is in a bank run, and in no other ever: the bank may pay it from here on.
    WithdrawalInRun {
        /// The withdrawal.
        withdrawal_no: WithdrawalNo,
        /// The run.
        run_no: RunNo,
        /// The admin's key that made the run.
        by: KeyId,
    },
}

/// Who told of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSource {
    /// WeChat, in a notice that verified.
    Notice,
    /// WeChat, asked by us.
    Query,
    /// The admin, for an external order.
    Hand,
}

impl Event {
    /// Its kind, as the API and SQL name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MerchantRegistered { .. } => "merchant_registered",
            Self::RulesChanged { .. } => "rules_changed",
            Self::OrderOpened { .. } => "order_opened",
            Self::OrderPrepaid { .. } => "order_prepaid",
            Self::OrderPaid { .. } => "order_paid",
            Self::OrderClosed { .. } => "order_closed",
            Self::Settled { .. } => "settled",
            Self::WithdrawalRequested { .. } => "withdrawal_requested",
            Self::WithdrawalApproved { .. } => "withdrawal_approved",
            Self::WithdrawalRejected { .. } => "withdrawal_rejected",
            Self::WithdrawalSending { .. } => "withdrawal_sending",
            Self::WithdrawalUnknown { .. } => "withdrawal_unknown",
            Self::WithdrawalSucceeded { .. } => "withdrawal_succeeded",
            Self::WithdrawalFailed { .. } => "withdrawal_failed",
            Self::CaseOpened { .. } => "case_opened",
            Self::OrderClosing { .. } => "order_closing",
            Self::WithdrawalAttested { .. } => "withdrawal_attested",
            Self::CaseRaised { .. } => "case_raised",
            Self::StandingChanged { .. } => "standing_changed",
            Self::WithdrawalInRun { .. } => "withdrawal_in_run",
        }
    }
}

/// An event with its time and who asked, as it is stored and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// When. Never earlier than the event before it in the same journal.
    pub at: At,
    /// The API key that asked; `None`: WeChat told, or Tally itself acted.
    pub by: Option<KeyId>,
    /// What.
    pub event: Event,
}

/// The version of the format that this binary writes: a byte with the version, then `at`, the key that asked and the event in postcard's
/// wire format (postcard specification 1.0: varints, zigzag for signed, variants by index).
pub const FORMAT: u8 = 1;

/// Bytes that are not an event this binary knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Written by a newer Tally.
    #[error("an event in format {0}; this binary knows format {FORMAT}: run the newer one")]
    Format(u8),
    /// Not written by any.
    #[error("an event that can't be read: its bytes are damaged")]
    Damaged,
}

impl Stamped {
    /// An event that nobody's key asked for.
    pub fn new(at: At, event: Event) -> Self {
        Self { at, by: None, event }
    }

    /// The bytes that are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(FORMAT);
        postcard::to_extend(&(self.at, self.by, &self.event), bytes).expect("events are plain data")
    }

    /// The event in stored bytes. All of them must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        let (&format, rest) = bytes.split_first().ok_or(Undecodable::Damaged)?;
        if format != FORMAT {
            return Err(Undecodable::Format(format));
        }
        match postcard::take_from_bytes(rest) {
            Ok(((at, by, event), [])) => Ok(Self { at, by, event }),
            Ok(_) | Err(_) => Err(Undecodable::Damaged),
        }
    }
}

#[cfg(test)]
#[path = "event_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
