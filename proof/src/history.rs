//! What a client saw and what is stored at the end, in plain words: all that the auditor judges by.
//!
//! Nothing here is a type of the engine: whoever drives Tally, in a simulation or over HTTP, writes down what it asked, what it
//! heard, and what it found in the end. Amounts are whole fen. Steps are instants of one clock that only the harness has: a
//! call that was answered at a step before another was asked came before it for everybody.

mod desk;
mod refunds;

use std::collections::BTreeMap;

use serde_json::Value;

pub use desk::Desk;
pub use refunds::{PaidBack, Refund, RefundOutcome, Refunding};

/// An instant of the harness.
pub type Step = u64;

/// An amount in fen. Signed, so that what must not be negative can be seen when it is.
pub type Fen = i64;

/// Everything that is known from outside.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Every call, in the order in which they were asked.
    pub calls: Vec<Call>,
    /// What is stored in the end, by merchant.
    pub stored: BTreeMap<String, Stored>,
    /// What the payment channel did, as the channel itself knows it.
    pub channel: Channel,
    /// Tally also acted by itself where nobody saw it ask: its sweeper, payer and settler. Events that they record need no
    /// call here. False where the harness sees every call.
    pub acts_alone: bool,
    /// The kinds of case that freeze their merchant; `None`: nobody says.
    pub freeze_on: Option<Vec<&'static str>>,
}

/// One call, from when it was asked until it was answered. The front door may have sent it several times.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose.
    pub merchant: String,
    /// When it was asked.
    pub asked: Step,
    /// What was asked.
    pub request: Request,
    /// When it was answered, and what; `None`: it never was (the process died, or the history ends before).
    pub answer: Option<(Step, Answer)>,
}

/// What was asked for. Numbers are those that the front door sent: filled in before the first try. A number, or a key that
/// acts (`by`), that only the server knows is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Make the merchant known.
    Register(Rules),
    /// Have these rules from now on.
    ChangeRules(Rules),
    /// Tell the balance.
    Read,
    /// Open an order.
    Open {
        /// Its number.
        order_no: String,
        /// The caller's key, when the number was made for it.
        key: Option<String>,
        /// What the customer is to pay.
        amount: Fen,
        /// Whether WeChat is to bring the money; else a person does.
        by_wechat: bool,
    },
    /// Book a payment.
    Pay {
        /// The order.
        order_no: String,
        /// The payment's number.
        transaction_id: String,
        /// What the customer paid.
        amount: Fen,
        /// What is credited.
        booked: Fen,
        /// A person typed it; else the channel told, in a notice or when asked.
        by_hand: bool,
    },
    /// Close an order. Done when it is closed; a closing that only begins is a [`Request::Note`].
    Close {
        /// The order.
        order_no: String,
    },
    /// Settle what is due.
    Settle {
        /// Its number.
        settlement_no: String,
        /// The caller's key, when the number was made for it.
        key: Option<String>,
        /// With what is not yet due.
        include_not_due: bool,
    },
    /// Take available money out.
    Withdraw {
        /// Its number.
        withdrawal_no: String,
        /// The caller's key, when the number was made for it.
        key: Option<String>,
        /// How much; `None`: everything available.
        amount: Option<Fen>,
        /// Settle what is due first, in the same message.
        settle_first: bool,
        /// The number of that settlement.
        settlement_no: String,
        /// The key that asks.
        by: String,
    },
    /// Approve or reject a withdrawal.
    Review {
        /// The withdrawal.
        withdrawal_no: String,
        /// Approve; else reject.
        approve: bool,
        /// The key that decides.
        by: String,
    },
    /// Say how a bank run ended.
    Confirm {
        /// The withdrawal.
        withdrawal_no: String,
        /// The bank paid.
        succeeded: bool,
    },
    /// Begin a try to pay a withdrawal out.
    StartSending {
        /// The withdrawal.
        withdrawal_no: String,
    },
    /// Record what is known of a transfer.
    RecordTransfer {
        /// The withdrawal.
        withdrawal_no: String,
        /// What is known.
        outcome: TransferOutcome,
    },
    /// What people, or the platform's own checks, decide beside the everyday.
    Desk(Desk),
    /// Whatever is about refunds.
    Refunding(Refunding),
    /// Any other step of an order that moves no money: a prepay id, a closing that begins.
    Note {
        /// The order.
        order_no: String,
        /// The kind of event that it records, as the journal names it.
        kind: &'static str,
    },
}

/// What is told of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferOutcome {
    /// Paid out.
    Succeeded,
    /// Certainly not paid out.
    Failed,
    /// The channel has none of that number.
    NotFound,
    /// Nobody knows.
    Unknown,
}

/// The rules of a merchant, as far as money hangs on them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// The fee in basis points, rounded half up to whole fen.
    pub fee_bp: i64,
    /// Days from payment to settlement; `None`: on demand.
    pub settle_after_days: Option<u8>,
    /// The smallest withdrawal.
    pub withdrawal_min: Option<Fen>,
    /// The largest withdrawal.
    pub withdrawal_max: Option<Fen>,
    /// The most that may be asked for in a Beijing day.
    pub daily_max: Option<Fen>,
    /// Above it a second key must approve.
    pub approval_over: Option<Fen>,
    /// Paid out by WeChat; else by hand.
    pub payout_by_wechat: bool,
    /// How far refunds may take available below zero.
    pub debt_max: Fen,
}

/// What a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is recorded: by this call, or by an earlier one with the same number and content.
    Done {
        /// By this call. False where it is not told: a call that was sent again may meet what its own first try recorded.
        fresh: bool,
        /// The thing, as it is after the call.
        thing: Thing,
    },
    /// Final: the rules said no, and nothing was recorded.
    Refused {
        /// The code of `api.md`, such as `balance_insufficient`.
        code: &'static str,
        /// What is available, where the refusal says so.
        available: Option<Fen>,
    },
    /// It did not happen, and may be asked again.
    NotDone,
    /// Nobody knows whether it happened.
    Unknown,
}

/// A thing as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// The merchant's balances after an event.
    Merchant(Balance),
    /// An order.
    Order(Order),
    /// What became of a payment: the kind of the case when it is not credited, and the order where it is known.
    Payment(Option<&'static str>, Option<Order>),
    /// A settlement; `None`: there was nothing to settle.
    Settlement(Option<Settlement>),
    /// A withdrawal.
    Withdrawal(Withdrawal),
    /// A case: its id and kind.
    Case(String, &'static str),
    /// A refund.
    Refund(Refund),
    /// The answer shows nothing of the thing: a notice that is answered SUCCESS, rules that come back without balances.
    Unseen,
}

/// Balances after an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the fields are those of api.md 3, GET balance")]
pub struct Balance {
    pub seq: u64,
    pub paid_orders: u64,
    pub paid: Fen,
    pub fee: Fen,
    pub refunded: Fen,
    pub pending: Fen,
    pub available: Fen,
    pub in_transit: Fen,
    pub withdrawn: Fen,
    pub suspense: Fen,
    pub adjusted: Fen,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub order_no: String,
    /// What the customer is to pay.
    pub amount: Fen,
    /// `open`, `paid` or `closed`.
    pub status: &'static str,
    /// Its payment, when it is paid.
    pub payment: Option<Payment>,
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its number.
    pub transaction_id: String,
    /// What is credited before the fee.
    pub booked: Fen,
    /// The fee.
    pub fee: Fen,
    /// The merchant's how-manieth.
    pub paid_seq: u64,
}

/// A settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Its number.
    pub settlement_no: String,
    /// How many orders.
    pub orders: u64,
    /// What they brought.
    pub gross: Fen,
    /// What of it went back.
    pub refunded: Fen,
    /// The fees.
    pub fee: Fen,
    /// The lowest `paid_seq` in it.
    pub first_paid_seq: u64,
    /// The highest.
    pub last_paid_seq: u64,
    /// The Beijing day, `YYYY-MM-DD`, up to which it takes what is pending; empty where it is not shown.
    pub through: String,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// Its number.
    pub withdrawal_no: String,
    /// What is taken out.
    pub amount: Fen,
    /// As `api.md` names it.
    pub status: &'static str,
    /// The settlement made in the same message.
    pub settlement_no: Option<String>,
}

/// What is stored of a merchant in the end: the journal, and the tables beside it.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The journal, in the order of its rows.
    pub journal: Vec<Fact>,
    /// The head row; `None`: there is none.
    pub balance: Option<Balance>,
    /// The hash in the head row.
    pub head_hash: [u8; 32],
    /// The orders, with the settlement that each is in.
    pub orders: Vec<(Order, Option<String>)>,
    /// The settlements.
    pub settlements: Vec<Settlement>,
    /// The withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// The cases: id and kind.
    pub cases: Vec<(String, &'static str)>,
    /// The refunds.
    pub refunds: Vec<Refund>,
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its place.
    pub seq: u64,
    /// The hash there.
    pub hash: [u8; 32],
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its kind, as the API names it, such as `order_paid`.
    pub kind: &'static str,
    /// Its fields, by the journal's names; amounts may have the API's `_fen` behind theirs.
    pub fields: Value,
}

/// What the payment channel itself knows. Without payments nothing is said of what customers paid; transfers must be complete
/// wherever withdrawals are paid out by WeChat.
#[derive(Debug, Clone, Default)]
pub struct Channel {
    /// Every payment that a customer made: merchant, order, transaction, amount.
    pub payments: Vec<(String, String, String, Fen)>,
    /// Every time that money went out: merchant, withdrawal, amount. Twice the same: paid twice.
    pub transfers: Vec<(String, String, Fen)>,
    /// Every time that a customer got money back; `None`: nothing is said of refunds.
    pub refunds: Option<Vec<PaidBack>>,
}
