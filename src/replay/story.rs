//! What a journal tells, gathered while it is folded: how many events of each kind, and the newest of them.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::ids::KeyId;
use tally_actors::domain::money::Money;
use tally_actors::domain::time::At;

use crate::limits::REPLAY_NEWEST;

/// An event in one line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Told {
    pub(crate) seq: Seq,
    pub(crate) at: At,
    pub(crate) kind: &'static str,
    /// The key that asked; none: WeChat told, or Tally itself acted.
    pub(crate) by: Option<KeyId>,
    /// What it is about, by its number.
    pub(crate) about: String,
    /// The amount that it names, if it names one.
    pub(crate) amount_fen: Option<Money>,
}

impl Told {
    pub(crate) fn new(seq: Seq, Stamped { at, by, event }: &Stamped) -> Self {
        let (about, amount_fen) = about(event);
        Self { seq, at: *at, kind: event.kind(), by: *by, about, amount_fen }
    }
}

/// The events of one kind.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kind {
    pub(crate) kind: &'static str,
    pub(crate) count: u64,
    /// The sum of the amounts that they name.
    pub(crate) sum_fen: u128,
    pub(crate) first_seq: Seq,
    pub(crate) last_seq: Seq,
}

/// All events up to one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    kinds: BTreeMap<&'static str, Kind>,
    /// The newest, oldest first.
    pub(crate) newest: VecDeque<Told>,
}

impl Story {
    /// Takes the next event.
    pub(crate) fn take(&mut self, Link { seq, .. }: Link, stamped: &Stamped) {
        let kind = stamped.event.kind();
        let kinds = self.kinds.entry(kind).or_insert(Kind {
            kind,
            count: 0,
            sum_fen: 0,
            first_seq: seq,
            last_seq: seq,
        });
        let told = Told::new(seq, stamped);
        kinds.count += 1;
        kinds.sum_fen += u128::from(told.amount_fen.unwrap_or(Money::ZERO).fen());
        kinds.last_seq = seq;
        if self.newest.len() == REPLAY_NEWEST {
            self.newest.pop_front();
        }
        self.newest.push_back(told);
    }

    /// The kinds, by when each first came.
    pub(crate) fn kinds(&self) -> Vec<&Kind> {
        let mut kinds: Vec<&Kind> = self.kinds.values().collect();
        kinds.sort_by_key(|kind| kind.first_seq);
        kinds
    }
}

/// What an event is about, and the amount that it names. Nothing personal.
fn about(event: &Event) -> (String, Option<Money>) {
    match event {
        Event::MerchantRegistered { rules } | Event::RulesChanged { rules } => {
            (format!("fee {} bp", u16::from(rules.fee_bp)), None)
        }
        Event::OrderOpened { order_no, amount, .. } => (format!("order {order_no}"), Some(*amount)),
        Event::OrderPrepaid { order_no, .. }
        | Event::OrderClosing { order_no }
        | Event::OrderClosed { order_no } => (format!("order {order_no}"), None),
        Event::OrderPaid { order_no, transaction_id, booked, .. } => {
            (format!("order {order_no}, transaction {transaction_id}"), Some(*booked))
        }
        Event::Settled { settlement_no, moved, .. } => {
            let about = format!("settlement {settlement_no} of {} orders", moved.orders);
            (about, moved.net())
        }
        Event::WithdrawalApproved { withdrawal_no, .. }
        | Event::WithdrawalAttested { withdrawal_no, .. }
        | Event::WithdrawalSending { withdrawal_no }
        | Event::WithdrawalUnknown { withdrawal_no, .. } => {
            (format!("withdrawal {withdrawal_no}"), None)
        }
        Event::WithdrawalInRun { withdrawal_no, run_no, .. } => {
            (format!("withdrawal {withdrawal_no}, bank run {run_no}"), None)
        }
        Event::WithdrawalSucceeded { withdrawal_no, amount, reference, .. } => {
            (format!("withdrawal {withdrawal_no}, reference {reference}"), Some(*amount))
        }
        Event::WithdrawalRequested { withdrawal_no, amount, .. }
        | Event::WithdrawalRejected { withdrawal_no, amount, .. }
        | Event::WithdrawalFailed { withdrawal_no, amount, .. } => {
            (format!("withdrawal {withdrawal_no}"), Some(*amount))
        }
        Event::RefundSending { refund_no, order_no }
        | Event::RefundPostponed { refund_no, order_no, .. }
        | Event::RefundUnknown { refund_no, order_no, .. } => {
            (format!("refund {refund_no} of order {order_no}"), None)
        }
        Event::RefundRequested { refund_no, order_no, amount, .. }
        | Event::RefundSucceeded { refund_no, order_no, amount, .. }
        | Event::RefundFailed { refund_no, order_no, amount, .. }
        | Event::RefundNoticed { refund_no, order_no, amount, .. }
        | Event::RefundFound { refund_no, order_no, amount, .. } => {
            (format!("refund {refund_no} of order {order_no}"), Some(*amount))
        }
        Event::CaseOpened { case } => {
            let (kind, order_no) = (case.kind.as_str(), case.order_no);
            (
                format!("{kind}, order {order_no}, transaction {}", case.transaction_id),
                Some(case.amount),
            )
        }
        Event::CaseResolved { case_id, .. } => (format!("case {case_id}"), None),
        Event::AdjustmentRequested { adjustment_no, amount, .. }
        | Event::AdjustmentApproved { adjustment_no, amount, .. } => {
            (format!("adjustment {adjustment_no} of {} fen", amount.fen()), None)
        }
        Event::AdjustmentRejected { adjustment_no, .. } => {
            (format!("adjustment {adjustment_no}"), None)
        }
        Event::SuspenseReleased { case_id, transaction_id, amount, .. } => {
            (format!("case {case_id}, transaction {transaction_id}"), Some(*amount))
        }
        Event::StandingChanged { change, .. } => (format!("{change:?}").to_lowercase(), None),
        Event::CaseRaised { case } => {
            (format!("{}, case {}", case.kind.as_str(), case.case_id), case.amount)
        }
    }
}
