//! Whether a refusal is right at a point.

use std::collections::BTreeMap;

use super::asked::step_of;
use super::event::Step;
use super::journal::{Journal, Route};
use super::lives::{Order, OrderStatus, Point, Standing, Withdrawal};
use super::own::number;
use super::people;
use super::refunding;
use super::right::{Verdict, settles_all, verdict};
use crate::history::{Call, Fen, Request, TransferOutcome};

/// The largest amount of an order in fen (`api.md` 1).
const ORDER_MAX: Fen = 1_000_000_000;

/// The smallest transfer that WeChat makes, in fen (`api.md` 3).
pub(super) const WECHAT_MIN: Fen = 100;

/// Whether a refusal is right at a point. What can't be told from outside (a field's shape, a role, a description that
/// differs, a certificate) is admitted.
pub(super) fn right(
    journal: &Journal,
    call: &Call,
    (code, available): (&str, Option<Fen>),
    at: Point,
) -> bool {
    let refused = Refused { journal, request: &call.request, at };
    let known = journal.terms(at).is_some();
    if let (true, Request::Refunding(asked)) = (known, &call.request) {
        return refunding::refused(journal, asked, (code, available), at);
    }
    match code {
        "merchant_unknown" => !known,
        "invalid_request" | "forbidden" | "not_authorized" => true,
        "amount_invalid" => refused.amount_invalid(),
        _ if !known => false,
        "merchant_exists" => matches!(call.request, Request::Register(_)),
        "order_unknown" => refused.order_unknown(),
        "order_conflict" => refused.order_conflict(),
        "order_paid" => refused.order_in(OrderStatus::Paid),
        "order_closed" => refused.order_in(OrderStatus::Closed),
        "number_reused" => refused.number_reused(),
        "withdrawal_unknown" => refused.withdrawal_unknown(),
        "withdrawal_decided" => refused.decided(),
        "withdrawals_frozen" => {
            let asks = matches!(
                call.request,
                Request::Withdraw { .. } | Request::Review { .. } | Request::StartSending { .. }
            );
            asks && people::stood(journal, at).0
        }
        "case_unknown" | "case_resolved" => matches!(call.request, Request::Desk(_)),
        "merchant_suspended" => {
            matches!(call.request, Request::Open { .. })
                && people::stood(journal, at).1 == "suspended"
        }
        "merchant_closed" => people::stood(journal, at).1 == "closed",
        "withdrawal_not_manual" => {
            let by_wechat = |known: &Withdrawal| known.requested.by_wechat;
            refused.reviewed().is_some_and(by_wechat)
        }
        "balance_insufficient" => refused.insufficient(available),
        "withdrawal_below_min" => refused.below_min(),
        "withdrawal_above_max" => refused.above_max(),
        "daily_limit_reached" => refused.over_the_day(),
        "payout_target_missing" => {
            refused.asks_anew().is_some() && journal.terms(at).is_some_and(|terms| !terms.pays_out)
        }
        _ => true,
    }
}

struct Refused<'a> {
    journal: &'a Journal<'a>,
    request: &'a Request,
    at: Point,
}

impl<'a> Refused<'a> {
    fn amount_invalid(&self) -> bool {
        match self.request {
            Request::Open { amount, .. } => !(1..=ORDER_MAX).contains(amount),
            Request::Withdraw { amount, .. } => amount.is_some_and(|amount| amount <= 0),
            Request::Pay { .. } => true,
            Request::Register(_)
            | Request::ChangeRules(_)
            | Request::Read
            | Request::Close { .. }
            | Request::Settle { .. }
            | Request::Review { .. }
            | Request::Confirm { .. }
            | Request::StartSending { .. }
            | Request::RecordTransfer { .. }
            | Request::Note { .. }
            | Request::Desk(_)
            | Request::Refunding(_) => false,
        }
    }

    /// The order that exists by then, of a call that names one.
    fn order(&self) -> Option<&Order<'a>> {
        let number = match self.request {
            Request::Open { order_no, key, .. } => {
                number(self.journal, (Route::Orders, key), (order_no, None), self.at)
            }
            Request::Pay { order_no, .. }
            | Request::Close { order_no }
            | Request::Note { order_no, .. } => order_no,
            Request::Register(_)
            | Request::ChangeRules(_)
            | Request::Read
            | Request::Settle { .. }
            | Request::Withdraw { .. }
            | Request::Review { .. }
            | Request::Confirm { .. }
            | Request::StartSending { .. }
            | Request::RecordTransfer { .. }
            | Request::Desk(_)
            | Request::Refunding(_) => return None,
        };
        self.journal.order(number).filter(|order| order.opened_at <= self.at)
    }

    /// Money that the channel brought is never refused: only a person's word is.
    fn order_unknown(&self) -> bool {
        let asks = matches!(
            self.request,
            Request::Pay { by_hand: true, .. } | Request::Close { .. } | Request::Note { .. }
        );
        asks && self.order().is_none()
    }

    fn order_conflict(&self) -> bool {
        let Some(order) = self.order() else { return false };
        match verdict(self.journal, self.request, self.at) {
            Some(Verdict::Misfit(_)) => self.by_hand(),
            Some(Verdict::Repeat | Verdict::Pays) => self.by_hand() && order.opened.by_wechat,
            None => matches!(self.request, Request::Open { key: None, .. }),
        }
    }

    fn by_hand(&self) -> bool {
        matches!(self.request, Request::Pay { by_hand: true, .. })
    }

    /// A closing that has begun counts as closed for those who want to pay.
    fn order_in(&self, status: OrderStatus) -> bool {
        let Some(order) = self.order() else { return false };
        let closing = order.closing_at.is_some_and(|place| place <= self.at);
        match (self.request, status) {
            (Request::Close { .. }, OrderStatus::Paid) | (Request::Note { .. }, _) => {
                let prepays = matches!(self.request, Request::Note { kind, .. } if step_of(kind) == Some(Step::Prepaid));
                order.status(self.at) == Some(status)
                    || status == OrderStatus::Closed && prepays && closing
            }
            _ => false,
        }
    }

    fn number_reused(&self) -> bool {
        match self.request {
            Request::Open { key: Some(_), .. } => self.order().is_some(),
            Request::Settle { settlement_no, key, include_not_due } => {
                let route = (Route::Settlements, key);
                let number = number(self.journal, route, (settlement_no, None), self.at);
                let made = self.settled(number);
                made.is_some_and(|made_not_due| made_not_due != *include_not_due)
            }
            Request::Withdraw { amount, settle_first, settlement_no, .. } => match self.asked_for()
            {
                Some(withdrawal) => !withdrawal.requested.is_of(*amount, *settle_first),
                None => *settle_first && self.settled(settlement_no).is_some(),
            },
            Request::Open { .. }
            | Request::Register(_)
            | Request::ChangeRules(_)
            | Request::Read
            | Request::Pay { .. }
            | Request::Close { .. }
            | Request::Review { .. }
            | Request::Confirm { .. }
            | Request::StartSending { .. }
            | Request::RecordTransfer { .. }
            | Request::Note { .. }
            | Request::Desk(_)
            | Request::Refunding(_) => false,
        }
    }

    /// Whether the settlement that exists by then took what was not due.
    fn settled(&self, settlement_no: &str) -> Option<bool> {
        let made = self.journal.settlement(settlement_no).filter(|made| made.at <= self.at)?;
        Some(made.settled.include_not_due)
    }

    /// The withdrawal that a request for one finds under its number.
    fn asked_for(&self) -> Option<&Withdrawal<'a>> {
        let Request::Withdraw { withdrawal_no, key, .. } = self.request else { return None };
        let route = (Route::Withdrawals, key);
        let number = number(self.journal, route, (withdrawal_no, None), self.at);
        self.journal.withdrawal(number).filter(|known| known.requested_at <= self.at)
    }

    /// The withdrawal that exists by then, of a call about one.
    fn reviewed(&self) -> Option<&Withdrawal<'a>> {
        let (Request::Review { withdrawal_no, .. }
        | Request::Confirm { withdrawal_no, .. }
        | Request::StartSending { withdrawal_no }
        | Request::RecordTransfer { withdrawal_no, .. }) = self.request
        else {
            return None;
        };
        self.journal.withdrawal(withdrawal_no).filter(|known| known.requested_at <= self.at)
    }

    fn withdrawal_unknown(&self) -> bool {
        let asks = matches!(
            self.request,
            Request::Review { .. }
                | Request::Confirm { .. }
                | Request::StartSending { .. }
                | Request::RecordTransfer { .. }
        );
        asks && self.reviewed().is_none()
    }

    /// Whether the withdrawal is past what the call would decide. Which try a sending followed, and a bank run's reference,
    /// are not known here.
    fn decided(&self) -> bool {
        use Standing::{AwaitingApproval, Failed, Rejected, Requested, Succeeded};
        let Some(withdrawal) = self.reviewed() else { return false };
        let Some(standing) = withdrawal.standing(self.at) else { return false };
        match self.request {
            Request::Review { approve: true, by, .. } => {
                let approved = withdrawal.approved_by.filter(|(place, _)| *place <= self.at);
                let repeats = approved.is_some_and(|(_, key)| by == key);
                standing != AwaitingApproval && !repeats
            }
            Request::Review { .. } => standing != AwaitingApproval && standing != Rejected,
            Request::Confirm { succeeded, .. } => match standing {
                Requested | Standing::Sending | Standing::Unknown => false,
                Failed => *succeeded,
                Succeeded | AwaitingApproval | Rejected => true,
            },
            Request::RecordTransfer { outcome, .. } => match outcome {
                TransferOutcome::Succeeded => !standing.is_out() && standing != Succeeded,
                TransferOutcome::Failed | TransferOutcome::NotFound => {
                    !standing.is_out() && standing != Failed
                }
                TransferOutcome::Unknown => !standing.is_out(),
            },
            Request::StartSending { .. } => true,
            Request::Register(_)
            | Request::ChangeRules(_)
            | Request::Read
            | Request::Open { .. }
            | Request::Pay { .. }
            | Request::Close { .. }
            | Request::Settle { .. }
            | Request::Withdraw { .. }
            | Request::Note { .. }
            | Request::Desk(_)
            | Request::Refunding(_) => false,
        }
    }

    /// What a request for a withdrawal asks for, if its number names none yet: else it is a repeat, or other content.
    fn asks_anew(&self) -> Option<Option<Fen>> {
        let Request::Withdraw { amount, .. } = self.request else { return None };
        self.asked_for().is_none().then_some(*amount)
    }

    fn insufficient(&self, told: Option<Fen>) -> bool {
        let Some(asked) = self.asks_anew() else { return false };
        self.reachable().into_iter().any(|available| {
            told.is_none_or(|told| i128::from(told) == available)
                && asked.map_or(available <= 0, |asked| i128::from(asked) > available.max(0))
        })
    }

    /// What may have been available to a withdrawal: with a settlement first, as much as was due on whatever day the call
    /// had; else what is.
    fn reachable(&self) -> Vec<i128> {
        let sums = &self.journal.sums[self.at];
        if !matches!(self.request, Request::Withdraw { settle_first: true, .. }) {
            return vec![sums.available];
        }
        if settles_all(self.journal, self.at) {
            return vec![sums.available + sums.pending];
        }
        let mut by_day = BTreeMap::from([(None, 0)]);
        for order in &self.journal.orders {
            let settled = order.settled_by.map(|index| self.journal.settlements[index].at);
            if let Some(paid) = order.payment(self.at)
                && settled.is_none_or(|settled| settled > self.at)
            {
                *by_day.entry(paid.settle_on).or_insert(0) += order.pending(self.at);
            }
        }
        let mut available = sums.available;
        let due = |net| {
            available += net;
            available
        };
        by_day.into_values().map(due).collect()
    }

    /// The amounts that the request may have come to.
    fn amounts(&self) -> Vec<i128> {
        match self.asks_anew() {
            None => vec![],
            Some(Some(amount)) => vec![amount.into()],
            Some(None) => self.reachable(),
        }
    }

    fn below_min(&self) -> bool {
        let Some(terms) = self.journal.terms(self.at) else { return false };
        let method = if terms.rules.payout_by_wechat { WECHAT_MIN } else { 0 };
        let min = terms.rules.withdrawal_min.unwrap_or(0).max(method);
        self.amounts().into_iter().any(|amount| amount < min.into())
    }

    fn above_max(&self) -> bool {
        let max = self.journal.terms(self.at).and_then(|terms| terms.rules.withdrawal_max);
        max.is_some_and(|max| self.amounts().into_iter().any(|amount| amount > max.into()))
    }

    /// Whether the request would have passed the limit of some day.
    fn over_the_day(&self) -> bool {
        let Some(terms) = self.journal.terms(self.at) else { return false };
        let Some(max) = terms.rules.daily_max else { return false };
        let mut days = BTreeMap::new();
        for withdrawal in &self.journal.withdrawals {
            let standing = withdrawal.standing(self.at);
            if standing.is_some_and(|standing| !standing.gave_back()) {
                *days.entry(withdrawal.requested.day).or_insert(0) +=
                    i128::from(withdrawal.requested.amount);
            }
        }
        let most = days.into_values().max().unwrap_or(0);
        self.amounts().into_iter().any(|amount| amount + most > max.into())
    }
}
