//! What can happen to a merchant, and the bytes in which it is kept for ever.

mod kind;
mod stored;

use serde::{Deserialize, Serialize};

pub use super::case::ReleasedTo;
pub use stored::{FORMAT, Stamped, Undecodable};

use super::case::{PaymentCase, RaisedCase, Remedy};
use super::ids::{
    AdjustmentNo, CaseId, IdempotencyKey, KeyId, OrderNo, RefundNo, RunNo, SettlementNo,
    TransactionId, WithdrawalNo,
};
use super::money::{Balance, FeeRate, Money};
use super::order::Channel;
use super::refund::RefundSource;
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
        /// The rate of the fee. `None` in events of format 1, which did not say it.
        fee_bp: Option<FeeRate>,
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
    /// A person decided about a case.
    CaseResolved {
        /// The case.
        case_id: CaseId,
        /// The admin's key.
        by: KeyId,
        /// Why, for people.
        note: Box<str>,
        /// What was done about it, if something was.
        remedy: Option<Remedy>,
    },
    /// A customer is to get money back. The merchant's part of it is taken here.
    RefundRequested {
        /// Its number.
        refund_no: RefundNo,
        /// The order.
        order_no: OrderNo,
        /// The caller's key, when the server made the number.
        idempotency_key: Option<IdempotencyKey>,
        /// What the customer gets.
        amount: Money,
        /// What is taken from the merchant, before the fee that comes back.
        booked: Money,
        /// The fee that comes back to the merchant.
        fee: Money,
        /// Where it is taken from.
        source: RefundSource,
        /// The number of the payment.
        transaction_id: TransactionId,
        /// What the customer paid.
        total: Money,
        /// Why, for the customer.
        reason: Box<str>,
        /// The key that asked.
        asked_by: KeyId,
    },
    /// The call to WeChat may go out from here on. Durable before it does.
    RefundSending {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
    },
    /// A try certainly moved nothing, and another one may succeed.
    RefundPostponed {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
        /// What WeChat said, for people.
        reason: Box<str>,
    },
    /// The call ended without a certain outcome.
    RefundUnknown {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
        /// What is known, for people.
        reason: Box<str>,
    },
    /// The customer has the money. WeChat may name another sum for the merchant than was taken.
    RefundSucceeded {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
        /// What the customer got.
        amount: Money,
        /// What was taken from the merchant.
        booked: Money,
        /// What is taken now.
        booked_now: Money,
        /// The order's fee before.
        order_fee: Money,
        /// The order's fee with what is taken now.
        order_fee_now: Money,
        /// Where a difference is taken from, or goes to.
        source: RefundSource,
        /// WeChat's number of it, or what the admin named.
        refund_id: Box<str>,
    },
    /// Certainly not paid back; the merchant's money is back.
    RefundFailed {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
        /// What the customer does not get. Nothing for a refund that was only heard of, as for what follows.
        amount: Money,
        /// What was taken from the merchant.
        booked: Money,
        /// The fee that is the platform's again.
        fee: Money,
        /// Where the merchant's money goes.
        to: RefundSource,
        /// Why, for people.
        reason: Box<str>,
    },
    /// Somebody told of a refund that Tally did not ask for. WeChat is to be asked; nothing is booked.
    RefundNoticed {
        /// The number that it has here.
        refund_no: RefundNo,
        /// The order.
        order_no: OrderNo,
        /// The number under which WeChat tells of it.
        out_refund_no: Box<str>,
        /// WeChat's own number of it.
        refund_id: Box<str>,
        /// What the customer gets, as it was told.
        amount: Money,
        /// The number of the payment.
        transaction_id: TransactionId,
        /// What the customer paid.
        total: Money,
    },
    /// WeChat confirmed a refund that Tally did not ask for: it is a fact, and booked, if need be as debt.
    RefundFound {
        /// The refund.
        refund_no: RefundNo,
        /// Its order.
        order_no: OrderNo,
        /// What the customer got.
        amount: Money,
        /// What is taken from the merchant.
        booked: Money,
        /// The fee that comes back to the merchant.
        fee: Money,
        /// Where it is taken from.
        source: RefundSource,
        /// WeChat's number of it.
        refund_id: Box<str>,
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
    /// Money that stood in suspense for a case is credited.
    SuspenseReleased {
        /// The case.
        case_id: CaseId,
        /// The payment that brought it.
        transaction_id: TransactionId,
        /// All of it.
        amount: Money,
        /// To whom.
        to: ReleasedTo,
    },
    /// An admin asked for an adjustment of the balance. Nothing moves.
    AdjustmentRequested {
        /// Its number.
        adjustment_no: AdjustmentNo,
        /// The caller's key, when the server made the number.
        idempotency_key: Option<IdempotencyKey>,
        /// What the merchant gets; below zero: what is taken.
        amount: Balance,
        /// Why, for people.
        reason: Box<str>,
        /// The admin's key that asked.
        asked_by: KeyId,
    },
    /// Another admin said yes: the balance is adjusted.
    AdjustmentApproved {
        /// The adjustment.
        adjustment_no: AdjustmentNo,
        /// What the merchant gets; below zero: what is taken.
        amount: Balance,
        /// The admin's key that approved.
        by: KeyId,
        /// Why, for people.
        reason: Box<str>,
    },
    /// Another admin said no: nothing moves.
    AdjustmentRejected {
        /// The adjustment.
        adjustment_no: AdjustmentNo,
        /// The admin's key that rejected.
        by: KeyId,
        /// Why, for people.
        reason: Box<str>,
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

#[cfg(test)]
#[path = "event_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
