//! Adjustments (调账): asked for by one admin, decided by another.

use super::super::adjustment::{ADJUSTMENT_MAX_FEN, Adjustment};
use super::super::books::{Numbered, Route};
use super::super::command::{Answer, DecideAdjustment, RequestAdjustment};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::AdjustmentNo;
use super::super::money::Balance;
use super::super::refusal::Refusal;
use super::Account;
use crate::mutant::{self, Mutant};

impl Account {
    /// The number the call is about: the one recorded for the caller's key, else its own.
    pub(super) fn adjustment_number(&self, request: &RequestAdjustment) -> AdjustmentNo {
        let recorded =
            request.idempotency_key.and_then(|key| self.books.number(Route::Adjustments, &key));
        if let Some(Numbered::Adjustment(adjustment_no)) = recorded {
            adjustment_no
        } else {
            request.adjustment_no
        }
    }

    /// Nothing moves until another admin says so.
    pub(super) fn request_adjustment(
        &self,
        request: &RequestAdjustment,
    ) -> Result<Vec<Event>, Refusal> {
        if let Some(made) = self.books.adjustment(&self.adjustment_number(request)) {
            let same = made.amount == request.amount
                && made.reason == request.reason
                && made.asked_by == request.asked_by;
            return if same { Ok(vec![]) } else { Err(Refusal::NumberReused) };
        }
        if !(1..=ADJUSTMENT_MAX_FEN).contains(&request.amount.fen().unsigned_abs()) {
            return Err(Refusal::Invalid {
                field: "amount_fen",
                reason: "must be -100000000000 to 100000000000, and not 0",
            });
        }
        Ok(vec![Event::AdjustmentRequested {
            adjustment_no: request.adjustment_no,
            idempotency_key: request.idempotency_key,
            amount: request.amount,
            reason: request.reason.clone(),
            asked_by: request.asked_by,
        }])
    }

    /// What is taken must be there, or be a debt that the merchant's rules allow, when it is approved.
    pub(super) fn decide_adjustment(
        &self,
        head: &Head,
        decide: &DecideAdjustment,
    ) -> Result<Vec<Event>, Refusal> {
        let DecideAdjustment { adjustment_no, approve, by, reason } = decide;
        let made = self.books.adjustment(adjustment_no).ok_or(Refusal::AdjustmentUnknown)?;
        let again = *approve && mutant::on(Mutant::AdjustedTwice);
        if let Some(decision) = made.decision.as_ref().filter(|_| !again) {
            let same = (decision.approved, decision.by) == (*approve, *by);
            let decided = Refusal::AdjustmentDecided(made.status().as_str());
            return if same { Ok(vec![]) } else { Err(decided) };
        }
        if made.asked_by == *by && !mutant::on(Mutant::AdjustedAlone) {
            return Err(Refusal::SameKey);
        }
        let (adjustment_no, by, reason) = (*adjustment_no, *by, reason.clone());
        if !approve {
            return Ok(vec![Event::AdjustmentRejected { adjustment_no, by, reason }]);
        }
        check(head, made)?;
        let amount = made.amount;
        Ok(vec![Event::AdjustmentApproved { adjustment_no, amount, by, reason }])
    }

    pub(super) fn adjustment_answer(&self, adjustment_no: &AdjustmentNo) -> Answer {
        let made = self.books.adjustment(adjustment_no).expect("decide refuses what is not known");
        Answer::Adjustment(Box::new(made.clone()))
    }
}

fn check(head: &Head, made: &Adjustment) -> Result<(), Refusal> {
    let available = head.available;
    let after = available.with(made.amount);
    let held = after.and_then(|after| after.plus(head.pending()));
    if held.is_none() || head.adjusted.with(made.amount).is_none() {
        return Err(Refusal::Invalid {
            field: "amount_fen",
            reason: "must not make the balance larger than a column holds",
        });
    }
    let deepest = Balance::ZERO.minus(head.rules.debt_max_fen);
    let takes = made.amount < Balance::ZERO;
    if takes && after < deepest {
        return Err(Refusal::BalanceInsufficient { available });
    }
    Ok(())
}
