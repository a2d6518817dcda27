//! What people decide: about cases, about the merchant as a whole, about transfers that WeChat forgot.

use super::super::case::{CaseKind, Facts, Remedy};
use super::super::chain::Seq;
use super::super::ids::{CaseId, KeyId, OrderNo, TransactionId, WithdrawalNo};
use super::super::money::Money;
use super::super::standing::Change;

/// What an admin says became of a transfer that the channel no longer tells of.
#[derive(Debug, Clone)]
pub struct Attest {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// Whether it was paid out.
    pub succeeded: bool,
    /// The transfer's own number, where it was.
    pub reference: Box<str>,
    /// How that is known, for people.
    pub reason: Box<str>,
    /// The admin's key.
    pub by: KeyId,
    /// Another admin's word that says the same, read from the journal; `None`: this is the first.
    pub first: Option<FirstWord>,
}

/// Whose the first word is, and its place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstWord {
    /// Its place.
    pub seq: Seq,
    /// The admin's key.
    pub by: KeyId,
}

/// A person's decision about a case.
#[derive(Debug, Clone)]
pub struct ResolveCase {
    /// The case.
    pub case_id: CaseId,
    /// The admin's key.
    pub by: KeyId,
    /// Why, for people.
    pub note: Box<str>,
    /// What is to be done about it, if something is.
    pub remedy: Option<Remedy>,
}

/// A decision about the merchant as a whole.
#[derive(Debug, Clone)]
pub struct Stand {
    /// What is decided.
    pub change: Change,
    /// Why, for people.
    pub reason: Box<str>,
    /// The admin's key.
    pub by: KeyId,
    /// For closing: the place in the journal where no open order and no refund under way was found. If anything happened since, it
    /// does not hold any more.
    pub seen: Option<Seq>,
}

/// Something that was found and that a person must look at. Amounts in fen.
#[derive(Debug, Clone)]
pub struct RaiseCase {
    /// What is wrong.
    pub kind: CaseKind,
    /// What it is about, in words that are the same when it is found again: then no second case is opened.
    pub subject: Box<str>,
    /// The order that it is about, if it is about one.
    pub order_no: Option<OrderNo>,
    /// The payment that it is about, if it is about one.
    pub transaction_id: Option<TransactionId>,
    /// What was found.
    pub amount: Option<Money>,
    /// What should have been found.
    pub expected: Option<Money>,
    /// What else there is to know, for people: at most [`crate::limits::CASE_FACTS_MAX`].
    pub facts: Facts,
}
