//! What a merchant may be asked to do. Every number is filled in before the first send, so asking again is safe.

mod adjustments;
mod people;
mod refunds;

pub use adjustments::{DecideAdjustment, RequestAdjustment};
pub use people::{Attest, FirstWord, RaiseCase, ResolveCase, Stand};
pub use refunds::{NoticeRefund, RecordRefund, RefundOutcome, RequestRefund, StartRefund};

use super::adjustment::Adjustment;
pub use super::bank_run::{Confirm, PutInRun};
use super::case::{Case, CaseKind};
use super::ids::{IdempotencyKey, KeyId, OrderNo, SettlementNo, TransactionId, WithdrawalNo};
use super::money::{FeeRate, Money};
use super::order::{Channel, Order};
use super::refund::Refund;
use super::restored::Restored;
use super::rules::{PayoutMethod, Rules};
use super::settlement::Settlement;
use super::standing::CaseKinds;
use super::time::At;
use super::withdrawal::{Withdrawal, WithdrawalRequest};
use super::{event::PaymentSource, head::Head};
use crate::limits;

/// When and by whom something is asked. The clock is read at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The message's own reading of the clock.
    pub at: At,
    /// The API key that asks; `None`: WeChat tells, or Tally itself acts.
    pub by: Option<KeyId>,
    /// The restore that these books went through, as the process that asks knows; `None`: none.
    pub restored: Option<Restored>,
    /// A case of these kinds freezes its merchant's withdrawals.
    pub freeze_on: CaseKinds,
}

impl Asked {
    /// Asked by a key, of books that were never restored as far as the asker cares: the engine knows better.
    pub fn new(at: At, by: Option<KeyId>) -> Self {
        Self { at, by, restored: None, freeze_on: CaseKinds::default() }
    }

    /// Whether no money may go out.
    pub fn is_frozen(&self) -> bool {
        self.restored.is_some_and(|restored| restored.frozen)
    }
}

impl From<At> for Asked {
    fn from(at: At) -> Self {
        Self::new(at, None)
    }
}

/// An order to a merchant. Amounts in fen.
#[derive(Debug, Clone)]
pub enum Command {
    /// Make the merchant known. A repeat with the same rules is a success.
    Register(Rules),
    /// Change some of the rules.
    ChangeRules(RulesChange),
    /// Tell how the merchant stands.
    Read,
    /// Open an order.
    OpenOrder(OpenOrder),
    /// Record what WeChat gave for an order.
    RecordPrepay(RecordPrepay),
    /// Record that an order was paid.
    Pay(Pay),
    /// Close an order as soon as the channel allows it.
    StartClosing(OrderNo),
    /// Stop waiting for an order's money.
    CloseOrder(OrderNo),
    /// Move what is due from pending to available.
    Settle(Settle),
    /// Take available money out.
    Withdraw(Withdraw),
    /// Let a withdrawal go out.
    Approve(Review),
    /// Do not let a withdrawal go out.
    Reject(Review),
    /// Record how a bank run ended.
    Confirm(Confirm),
    /// Record that a transfer is about to go out.
    StartSending(StartSending),
    /// Record how a transfer ended, or that nobody knows.
    RecordTransfer(RecordTransfer),
    /// Take a transfer into restored books that know nothing of it.
    Adopt(Adopt),
    /// Record what an admin says of a transfer that the channel no longer tells of.
    Attest(Attest),
    /// Open a case about something that was found.
    RaiseCase(RaiseCase),
    /// Decide about a case.
    ResolveCase(ResolveCase),
    /// Freeze, suspend or close the merchant, or take that back.
    Stand(Stand),
    /// Give a customer money back.
    RequestRefund(RequestRefund),
    /// Record that a refund is about to go out.
    StartRefund(StartRefund),
    /// Record how a refund ended, or that nobody knows.
    RecordRefund(RecordRefund),
    /// Record that somebody told of a refund that Tally did not ask for.
    NoticeRefund(NoticeRefund),
    /// Put a withdrawal that is paid out by hand in a bank run.
    PutInRun(PutInRun),
    /// Ask for an adjustment of the balance.
    RequestAdjustment(RequestAdjustment),
    /// Decide about an adjustment.
    DecideAdjustment(DecideAdjustment),
    /// Fail as a bug in a rule would.
    #[cfg(test)]
    Panic,
}

#[cfg(test)]
impl Command {
    /// As the front door does: under a caller's key goes a number that was made for this call.
    pub(crate) fn number_anew(&mut self, made: &str) {
        match self {
            Self::OpenOrder(open) if open.idempotency_key.is_some() => {
                open.order_no = made.parse().unwrap();
            }
            Self::Settle(settle) if settle.idempotency_key.is_some() => {
                settle.settlement_no = made.parse().unwrap();
            }
            Self::Withdraw(withdraw) if withdraw.idempotency_key.is_some() => {
                withdraw.withdrawal_no = made.parse().unwrap();
            }
            Self::RequestRefund(refund) if refund.idempotency_key.is_some() => {
                refund.refund_no = made.parse().unwrap();
            }
            Self::RequestAdjustment(adjustment) if adjustment.idempotency_key.is_some() => {
                adjustment.adjustment_no = made.parse().unwrap();
            }
            Self::OpenOrder(_)
            | Self::RequestAdjustment(_)
            | Self::DecideAdjustment(_)
            | Self::RequestRefund(_)
            | Self::StartRefund(_)
            | Self::RecordRefund(_)
            | Self::NoticeRefund(_)
            | Self::Settle(_)
            | Self::Withdraw(_)
            | Self::Register(_)
            | Self::ChangeRules(_)
            | Self::Read
            | Self::RecordPrepay(_)
            | Self::Pay(_)
            | Self::StartClosing(_)
            | Self::CloseOrder(_)
            | Self::Approve(_)
            | Self::Reject(_)
            | Self::Confirm(_)
            | Self::StartSending(_)
            | Self::RecordTransfer(_)
            | Self::Adopt(_)
            | Self::Attest(_)
            | Self::RaiseCase(_)
            | Self::ResolveCase(_)
            | Self::Stand(_)
            | Self::PutInRun(_)
            | Self::Panic => {}
        }
    }
}

/// Rules to change; what is `None` stays. Those that may be unset have a second `Option`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of Rules")]
pub struct RulesChange {
    pub name: Option<Box<str>>,
    pub fee_bp: Option<FeeRate>,
    pub settle_after_days: Option<Option<u8>>,
    pub payout_method: Option<Option<PayoutMethod>>,
    pub payout_openid: Option<Option<Box<str>>>,
    pub payout_name: Option<Option<Box<str>>>,
    pub withdrawal_min_fen: Option<Option<Money>>,
    pub withdrawal_max_fen: Option<Option<Money>>,
    pub daily_max_fen: Option<Option<Money>>,
    pub approval_over_fen: Option<Option<Money>>,
    pub debt_max_fen: Option<Money>,
}

/// An order to open.
#[derive(Debug, Clone)]
pub struct OpenOrder {
    /// Its number, the caller's or made by the front door.
    pub order_no: OrderNo,
    /// The caller's key, when the caller chose no number.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the customer is to pay.
    pub amount: Money,
    /// What is sold.
    pub description: Box<str>,
    /// Where the money is to come from.
    pub channel: Channel,
    /// When it is given up.
    pub expires_at: At,
}

/// What WeChat gave for an order.
#[derive(Debug, Clone)]
pub struct RecordPrepay {
    /// The order.
    pub order_no: OrderNo,
    /// WeChat's `prepay_id`.
    pub prepay_id: Box<str>,
}

/// A payment, told by somebody whose word was verified.
#[derive(Debug, Clone)]
pub struct Pay {
    /// The order.
    pub order_no: OrderNo,
    /// The payment's number where it was made.
    pub transaction_id: TransactionId,
    /// What the customer paid: must be the order's amount (WeChat's `total_fee`).
    pub amount: Money,
    /// What is credited (WeChat's `settlement_total_fee`, where present); at most `amount`.
    pub booked: Money,
    /// When the customer paid.
    pub paid_at: At,
    /// Who told.
    pub source: PaymentSource,
    /// How what told it was signed; `None`: nobody need look.
    pub signed: Option<Signed>,
}

/// By which algorithm a notice is signed. It must be that of its order's request, as `wechat/README` of WeChat's documents has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// Its name in an order's request.
    pub algorithm: &'static str,
    /// Whether it is that of orders whose request names none.
    pub usual: bool,
}

impl Signed {
    /// Whether an order's notices are signed so: what is signed otherwise is not about it. `None`: the order is not known.
    pub fn fits(self, order: Option<&Order>) -> bool {
        let agreed = order.and_then(|order| order.channel.sign_type());
        agreed.map_or(self.usual, |agreed| agreed == self.algorithm)
    }
}

/// A settlement to make.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Its number, the caller's or made by the front door.
    pub settlement_no: SettlementNo,
    /// The caller's key, when the caller chose no number.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Take what is not yet due, too.
    pub include_not_due: bool,
}

/// A withdrawal to request.
#[derive(Debug, Clone)]
pub struct Withdraw {
    /// Its number, the caller's or made by the front door.
    pub withdrawal_no: WithdrawalNo,
    /// The caller's key, when the caller chose no number.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How much, and whether to settle first.
    pub request: WithdrawalRequest,
    /// The number of the settlement made first, if one is.
    pub settlement_no: SettlementNo,
    /// The key that asks.
    pub asked_by: KeyId,
    /// Whether WeChat transfers can be made at all: a certificate is configured.
    pub transfers_open: bool,
}

/// A second key's word on a withdrawal.
#[derive(Debug, Clone)]
pub struct Review {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// The key that decides.
    pub by: KeyId,
    /// Why, for people.
    pub reason: Box<str>,
}

/// A try to pay a withdrawal out.
#[derive(Debug, Clone)]
pub struct StartSending {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// The try before it, as the caller knows it. Another one has begun since: refused, so no two go out at once.
    pub last_try: Option<At>,
}

/// What is certain of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferOutcome {
    /// Paid out, with the transfer's own number.
    Succeeded(Box<str>),
    /// Certainly not paid out, and why.
    Failed(Box<str>),
    /// The channel has no such transfer. Where that is not certain it changes nothing: another try has begun since the
    /// question was put, or its own is too young or too old.
    NotFound(Question),
    /// Nobody knows yet, and what is known.
    Unknown(Box<str>),
}

/// A question that was put to the channel about a transfer: about which try, and when it was answered, as far as anybody knows
/// whose clocks may have been set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The newest try that the asker knew of.
    pub tried_at: At,
    /// It was not answered before, whichever clock is right.
    pub earliest: At,
    /// It was answered by then, whichever clock is right.
    pub latest: At,
}

impl Question {
    /// Whether, by some clock, the channel may come to know of the try only later, or of one that was lost with a restore.
    pub fn is_early(&self, restored: Option<Restored>) -> bool {
        let newest = newest_try(self.tried_at, restored);
        self.earliest < newest.plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS)
    }

    /// Whether, by some clock, the try is so old that the channel may not tell of it any more, which does so for that long.
    pub fn is_late(&self, told_for_ms: i64) -> bool {
        self.latest > self.tried_at.plus_ms(told_for_ms)
    }
}

/// A transfer that the channel paid and restored books know nothing of.
#[derive(Debug, Clone)]
pub struct Adopt {
    /// Its withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// What was paid out.
    pub amount: Money,
    /// The transfer's own number.
    pub reference: Box<str>,
    /// The number of the settlement made first, if one is.
    pub settlement_no: SettlementNo,
    /// The admin's key that handed its number in.
    pub asked_by: KeyId,
}

/// When the newest try may have been made: restored books may lack one, made at any time until they were put in place.
pub fn newest_try(tried_at: At, restored: Option<Restored>) -> At {
    restored.map_or(tried_at, |restored| tried_at.max(restored.at))
}

/// How a transfer ended.
#[derive(Debug, Clone)]
pub struct RecordTransfer {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// What is certain.
    pub outcome: TransferOutcome,
}

/// The thing that a command was about, as it is after the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// For registering, changing rules and reading.
    Merchant(Box<Head>),
    /// For everything about an order but a payment.
    Order(Box<Order>),
    /// For a payment, with the order where it is known.
    Payment(Booking, Option<Box<Order>>),
    /// For settling; `None` when there was nothing to settle.
    Settlement(Option<Box<Settlement>>),
    /// For everything about a withdrawal.
    Withdrawal(Box<Withdrawal>),
    /// For everything about a case.
    Case(Box<Case>),
    /// For everything about a refund.
    Refund(Box<Refund>),
    /// For everything about an adjustment.
    Adjustment(Box<Adjustment>),
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// It is credited, by this message or an earlier one.
    Credited,
    /// It is not credited; the case says why.
    Case(CaseKind),
}
