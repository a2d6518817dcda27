//! How events make adjustments, and decide about them.

use super::super::super::adjustment::{Adjustment, Decision};
use super::super::super::chain::Seq;
use super::super::super::event::Event;
use super::super::super::ids::AdjustmentNo;
use super::super::super::time::At;
use super::super::{Books, Key, Numbered, Record, Route};
use crate::mutant::lax;

impl Books {
    pub(super) fn fold_adjustment(&mut self, seq: Seq, at: At, event: &Event) -> Option<()> {
        let Event::AdjustmentRequested { adjustment_no, idempotency_key, amount, reason, asked_by } =
            event
        else {
            return None;
        };
        let number = Numbered::Adjustment(*adjustment_no);
        self.insert_number(Route::Adjustments, *idempotency_key, number)?;
        let made = Adjustment {
            adjustment_no: *adjustment_no,
            amount: *amount,
            reason: reason.clone(),
            asked_by: *asked_by,
            requested_at: at,
            requested_seq: seq,
            decision: None,
        };
        self.insert(Key::Adjustment(*adjustment_no), Record::Adjustment(Box::new(made)))
    }

    /// Decided once, and never by the key that asked.
    pub(super) fn fold_adjusted(&mut self, at: At, event: &Event) -> Option<()> {
        if let Event::AdjustmentApproved { adjustment_no, amount, by, reason } = event {
            let made = self.adjustment_mut(adjustment_no)?;
            let fits = made.amount == *amount && made.decision.is_none() && made.asked_by != *by;
            let (by, reason) = (*by, reason.clone());
            made.decision = Some(Decision { approved: true, at, by, reason });
            return (fits || lax()).then_some(());
        }
        let Event::AdjustmentRejected { adjustment_no, by, reason } = event else { return None };
        let made = self.adjustment_mut(adjustment_no)?;
        let fits = made.decision.is_none() && made.asked_by != *by;
        let (by, reason) = (*by, reason.clone());
        made.decision = Some(Decision { approved: false, at, by, reason });
        (fits || lax()).then_some(())
    }

    fn adjustment_mut(&mut self, adjustment_no: &AdjustmentNo) -> Option<&mut Adjustment> {
        match self.0.get_mut(&Key::Adjustment(*adjustment_no))? {
            Some(Record::Adjustment(made)) => Some(made),
            _ => None,
        }
    }
}
