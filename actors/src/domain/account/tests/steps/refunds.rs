//! What is asked about refunds, drawn.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Draft, amount, few, key, number};
use crate::domain::account::tests::driven::{Driven, fen};
use crate::domain::books::{Key, Record};
use crate::domain::command::{
    Command, NoticeRefund, Question, RecordRefund, RefundOutcome, RequestRefund, StartRefund,
};
use crate::domain::ids::RefundNo;
use crate::domain::money::Money;

/// What may become of a refund.
#[derive(Debug, Clone)]
pub(in crate::domain::account::tests) enum RefundStep {
    Start,
    Succeeds(Option<Money>),
    Closed,
    Postponed,
    NotFound,
    Unknown,
    Stuck,
}

pub(super) fn refund() -> impl Strategy<Value = Draft> {
    use RefundStep::{Closed, NotFound, Postponed, Start, Stuck, Succeeds, Unknown};
    let step = prop_oneof![
        4 => Just(Start),
        2 => prop::option::weighted(0.3, amount()).prop_map(Succeeds),
        2 => prop::sample::select(vec![Closed, Postponed, NotFound, Unknown, Stuck]),
    ];
    let ask = (few(), key(), few(), amount(), prop::bool::weighted(0.8)).prop_map(
        |(no, idempotency_key, order, amount, by_admin)| {
            Draft::Ready(Command::RequestRefund(RequestRefund {
                refund_no: number('R', no).parse().unwrap(),
                idempotency_key,
                order_no: number('O', order).parse().unwrap(),
                amount,
                reason: "B1".into(),
                asked_by: "k1".parse().unwrap(),
                refunds_open: true,
                by_admin,
            }))
        },
    );
    let notice = (few(), few(), amount()).prop_map(|(no, order, amount)| {
        Draft::Ready(Command::NoticeRefund(NoticeRefund {
            refund_no: number('R', no).parse().unwrap(),
            order_no: number('O', order).parse().unwrap(),
            out_refund_no: number('h', no).into(),
            refund_id: number('i', no).into(),
            amount,
            transaction_id: None,
        }))
    });
    prop_oneof![
        5 => ask,
        1 => notice,
        2 => (any::<Index>(), step.clone(), -1_200_000..1_200_000_i64).prop_map(|(which, step, ms)| {
            Draft::RefundOfCase(which, step, ms)
        }),
        6 => (few(), step, -1_200_000..1_200_000_i64).prop_map(|(no, step, ms)| {
            Draft::Refund(number('R', no).parse().unwrap(), step, ms)
        }),
    ]
}

impl RefundStep {
    pub(super) fn command(&self, m: &Driven, refund_no: RefundNo, ms: i64) -> Command {
        let known = match m.account.books().get(&Key::Refund(refund_no)) {
            Some(Record::Refund(refund)) => Some(refund),
            _ => None,
        };
        let order_no =
            known.map_or_else(|| number('O', 0).parse().unwrap(), |known| known.order_no);
        let (last_try, asked_at) = (known.and_then(|known| known.tried_at), m.now.plus_ms(ms));
        let tried_at = last_try.unwrap_or_default();
        let outcome = match self {
            Self::Start => {
                return Command::StartRefund(StartRefund { refund_no, order_no, last_try });
            }
            Self::Succeeds(booked) => RefundOutcome::Succeeded {
                refund_id: "50000".into(),
                amount: known.map_or(fen(1), |known| known.amount),
                booked: *booked,
            },
            Self::Closed => RefundOutcome::Closed("closed".into()),
            Self::Postponed => RefundOutcome::Postponed { tried_at, reason: "NOTENOUGH".into() },
            Self::NotFound => {
                RefundOutcome::NotFound(Question { tried_at, earliest: asked_at, latest: asked_at })
            }
            Self::Unknown => RefundOutcome::Unknown("time-out".into()),
            Self::Stuck => RefundOutcome::Stuck("the card is gone".into()),
        };
        Command::RecordRefund(RecordRefund { refund_no, order_no, outcome })
    }
}
