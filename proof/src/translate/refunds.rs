//! Refunds, in the plain words of a history.

use tally_actors::domain::command::{NoticeRefund, RecordRefund, RefundOutcome, RequestRefund};
use tally_actors::domain::ids::RefundNo;
use tally_actors::domain::refund::Refund;

use super::fen;
use crate::history::{self, Refunding, Request};

pub(super) fn asks(refund: &RequestRefund) -> Request {
    Request::Refunding(Refunding::Ask {
        refund_no: refund.refund_no.to_string(),
        key: refund.idempotency_key.map(|key| key.to_string()),
        order_no: refund.order_no.to_string(),
        amount: fen(refund.amount),
        reason: refund.reason.to_string(),
        by: refund.asked_by.to_string(),
    })
}

pub(super) fn starts(refund_no: RefundNo) -> Request {
    Request::Refunding(Refunding::Start { refund_no: refund_no.to_string() })
}

pub(super) fn records(record: &RecordRefund) -> Request {
    let outcome = match &record.outcome {
        RefundOutcome::Succeeded { amount, booked, .. } => {
            history::RefundOutcome::Succeeded { amount: fen(*amount), booked: booked.map(fen) }
        }
        RefundOutcome::Closed(_) => history::RefundOutcome::Closed,
        RefundOutcome::Postponed { .. } => history::RefundOutcome::Postponed,
        RefundOutcome::NotFound(_) => history::RefundOutcome::NotFound,
        RefundOutcome::Unknown(_) => history::RefundOutcome::Unknown,
        RefundOutcome::Stuck(_) => history::RefundOutcome::Stuck,
    };
    let refund_no = record.refund_no.to_string();
    Request::Refunding(Refunding::Record { refund_no, outcome })
}

pub(super) fn tells(notice: &NoticeRefund) -> Request {
    Request::Refunding(Refunding::Notice {
        refund_no: notice.refund_no.to_string(),
        order_no: notice.order_no.to_string(),
        amount: fen(notice.amount),
        transaction_id: notice.transaction_id.map(|number| number.to_string()),
    })
}

/// A refund.
pub fn refund(made: &Refund) -> history::Refund {
    history::Refund {
        refund_no: made.refund_no.to_string(),
        order_no: made.order_no.to_string(),
        amount: fen(made.amount),
        booked: fen(made.booked),
        status: made.status.as_str(),
    }
}
