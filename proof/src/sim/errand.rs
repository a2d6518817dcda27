//! What clients ask beside the everyday: refunds, and what people decide.

use tally_actors::domain::bank_run::PutInRun;
use tally_actors::domain::case::{Case, PaymentCase};
use tally_actors::domain::command::{
    Attest, Command, DecideAdjustment, NoticeRefund, RaiseCase, RequestAdjustment, RequestRefund,
    ResolveCase, Stand,
};
use tally_actors::domain::ids::{AdjustmentNo, CaseId, KeyId};
use tally_actors::domain::money::Balance;
use tally_actors::domain::number;

use super::client::{Asking, Kind, Notebook, fen, filled, key_id, transaction_id};
use super::workload::{About, Ask, Op};

impl Notebook {
    /// The command of an operation, and whose key asks; `None`: it names a number that nobody was told of, or is none of these.
    pub(super) fn errand(
        &self,
        op: &Op,
        with: &mut Asking<'_>,
    ) -> Option<(Command, Option<KeyId>)> {
        let admin = Some(key_id(0));
        if let Ask::Stand(change) = op.ask {
            let reason = "a look".into();
            return Some((
                Command::Stand(Stand { change, reason, by: key_id(0), seen: None }),
                admin,
            ));
        }
        if let Ask::Raise { kind, subject, amount } = op.ask {
            let raise = RaiseCase {
                kind,
                subject: format!("line {subject}").into(),
                order_no: None,
                transaction_id: None,
                amount: Some(fen(amount)),
                expected: None,
                facts: vec![],
            };
            return Some((Command::RaiseCase(raise), admin));
        }
        if let Ask::Resolve { note, remedy, .. } = op.ask {
            let (case_id, by) = (self.case(op, with)?, key_id(0));
            let note = format!("note {note}").into();
            let resolve =
                ResolveCase { case_id, by, note, remedy, refunds_open: with.transfers_open };
            return Some((Command::ResolveCase(resolve), admin));
        }
        if let Ask::Attest { withdrawal, by: says, .. } = op.ask {
            let attest = Attest {
                withdrawal_no: self.number(op.merchant, Kind::Withdrawal, withdrawal)?,
                succeeded: false,
                reference: "".into(),
                reason: "seen on the platform".into(),
                by: key_id(says),
                first: None,
            };
            return Some((Command::Attest(attest), Some(key_id(says))));
        }
        if let Ask::Adjust { number, fen, by } = op.ask {
            let asked = RequestAdjustment {
                adjustment_no: adjustment_no(number),
                idempotency_key: None,
                amount: Balance::from_fen(fen),
                reason: "as agreed".into(),
                asked_by: key_id(by),
            };
            return Some((Command::RequestAdjustment(asked), Some(key_id(by))));
        }
        if let Ask::DecideAdjustment { number, approve, by } = op.ask {
            let (adjustment_no, reason) = (adjustment_no(number), "seen".into());
            let decide = DecideAdjustment { adjustment_no, approve, by: key_id(by), reason };
            return Some((Command::DecideAdjustment(decide), Some(key_id(by))));
        }
        if let Ask::Run { withdrawal, run } = op.ask {
            let put = PutInRun {
                withdrawal_no: self.number(op.merchant, Kind::Withdrawal, withdrawal)?,
                run_no: format!("RUN{run}").parse().expect("a number of a run"),
                by: key_id(0),
            };
            return Some((Command::PutInRun(put), admin));
        }
        self.refund(op, with)
    }

    fn case(&self, op: &Op, with: &Asking<'_>) -> Option<CaseId> {
        let Ask::Resolve { about, kind, .. } = &op.ask else { return None };
        let of = &with.merchant.id;
        Some(match about {
            About::Raised { kind, subject } => Case::id_of(of, *kind, &format!("line {subject}")),
            About::Payment { order, transaction } => {
                let order_no = self.number(op.merchant, Kind::Order, *order)?;
                PaymentCase::id_of(of, *kind, &order_no, &transaction_id(*transaction))
            }
        })
    }

    fn refund(&self, op: &Op, with: &mut Asking<'_>) -> Option<(Command, Option<KeyId>)> {
        if let Ask::Refund { refund, order, amount, reason, by_admin } = op.ask {
            let (refund_no, idempotency_key) = filled(refund, Kind::Refund, with);
            let request = RequestRefund {
                refund_no,
                idempotency_key,
                order_no: self.number(op.merchant, Kind::Order, order)?,
                amount: fen(amount),
                reason: format!("reason {reason}").into(),
                asked_by: key_id(0),
                refunds_open: with.transfers_open,
                by_admin,
            };
            return Some((Command::RequestRefund(request), Some(key_id(0))));
        }
        let Ask::RefundByHand { order, hand, amount, .. } = op.ask else { return None };
        let refund_id = format!("by hand {hand}");
        let refund_no = number::of_refund_by_hand(&with.merchant.id, &refund_id);
        let notice = NoticeRefund {
            refund_no: refund_no.parse().expect("a made number is well-formed"),
            order_no: self.number(op.merchant, Kind::Order, order)?,
            out_refund_no: format!("H{hand}").into(),
            refund_id: refund_id.into(),
            amount: fen(amount),
            transaction_id: None,
        };
        Some((Command::NoticeRefund(notice), None))
    }
}

fn adjustment_no(number: u64) -> AdjustmentNo {
    format!("J{number:04}").parse().expect("a number of the right form")
}
