//! What people decide, drawn: about cases and about the merchant as a whole.

use proptest::prelude::*;

use super::{amount, few, key, number};
use crate::domain::case::{Case, CaseKind, Remedy};
use crate::domain::command::{
    Command, DecideAdjustment, RaiseCase, RequestAdjustment, ResolveCase, Stand,
};
use crate::domain::money::Balance;
use crate::domain::standing::Change;

pub(super) fn resolve() -> impl Strategy<Value = ResolveCase> {
    let kind = prop::sample::select(CaseKind::ALL.to_vec());
    let remedy = prop::option::of(prop::sample::select(Remedy::ALL.to_vec()));
    (few(), kind, any::<bool>(), remedy).prop_map(|(no, kind, other, remedy)| {
        let of = "m1".parse().unwrap();
        ResolveCase {
            case_id: Case::id_of(&of, kind, &number('C', no)),
            by: "k2".parse().unwrap(),
            note: if other { "as agreed" } else { "as they say" }.into(),
            remedy,
            refunds_open: true,
        }
    })
}

/// Frozen seldom, and not for long.
pub(super) fn stand() -> impl Strategy<Value = Command> {
    use Change::{Close, Freeze, Resume, Suspend, Unfreeze};
    let change = vec![Freeze, Unfreeze, Unfreeze, Suspend, Resume, Resume, Close];
    prop::sample::select(change).prop_map(|change| {
        let (reason, by) = ("as agreed".into(), "k2".parse().unwrap());
        Command::Stand(Stand { change, reason, by, seen: None })
    })
}

pub(super) fn raise() -> impl Strategy<Value = Command> {
    (few(), prop::sample::select(CaseKind::ALL.to_vec()), amount()).prop_map(
        |(no, kind, amount)| {
            Command::RaiseCase(RaiseCase {
                kind,
                subject: number('C', no).into(),
                order_no: None,
                transaction_id: None,
                amount: Some(amount),
                expected: None,
                facts: vec![],
            })
        },
    )
}

pub(super) fn adjust() -> impl Strategy<Value = Command> {
    let fen = prop_oneof![6 => -300..300_i64, 1 => any::<i64>()];
    let ask = (few(), key(), fen).prop_map(|(no, idempotency_key, fen)| {
        Command::RequestAdjustment(RequestAdjustment {
            adjustment_no: number('J', no).parse().unwrap(),
            idempotency_key,
            amount: Balance::from_fen(fen),
            reason: "so".into(),
            asked_by: "k1".parse().unwrap(),
        })
    });
    let decide = (few(), 1..4_u8, any::<bool>()).prop_map(|(no, by, approve)| {
        Command::DecideAdjustment(DecideAdjustment {
            adjustment_no: number('J', no).parse().unwrap(),
            approve,
            by: format!("k{by}").parse().unwrap(),
            reason: "so".into(),
        })
    });
    prop_oneof![ask, decide]
}
