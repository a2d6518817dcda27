//! What people decide, drawn: about cases and about the merchant as a whole.

use proptest::prelude::*;

use super::{amount, few, number};
use crate::domain::case::{Case, CaseKind, Remedy};
use crate::domain::command::{Command, RaiseCase, ResolveCase, Stand};
use crate::domain::standing::Change;

pub(super) fn resolve() -> impl Strategy<Value = Command> {
    let kind = prop::sample::select(CaseKind::ALL.to_vec());
    (few(), kind, any::<bool>(), any::<bool>()).prop_map(|(no, kind, other, accept)| {
        Command::ResolveCase(ResolveCase {
            case_id: Case::id_of(&"m1".parse().unwrap(), kind, &number('C', no)),
            by: "k2".parse().unwrap(),
            note: if other { "as agreed" } else { "as they say" }.into(),
            remedy: accept.then_some(Remedy::Accept),
        })
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
