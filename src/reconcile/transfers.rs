//! Money that went out: each transfer of the fund flow must be a withdrawal's, once, and of its amount.

use std::collections::HashMap;

use tally_actors::domain::case::CaseKind;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};

use super::bill::Transfer;
use super::compare::Difference;

/// What is wrong with transfers, with the withdrawals that they name, `None` where there is none. All of one number are among them.
pub(super) fn compare(transfers: &[(Transfer, Option<Withdrawal>)]) -> Vec<Difference> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let each = transfers.iter().filter_map(|(transfer, withdrawal)| {
        let seen = seen.entry(&transfer.voucher_no).or_default();
        *seen += 1;
        judge(transfer, withdrawal.as_ref(), *seen)
    });
    each.collect()
}

fn judge(transfer: &Transfer, withdrawal: Option<&Withdrawal>, seen: u32) -> Option<Difference> {
    let amount = withdrawal.map(|of| i64::try_from(of.amount.fen()).unwrap_or(i64::MAX));
    let differs = |kind, what: &str| {
        Some(Difference {
            kind,
            number: transfer.voucher_no.clone(),
            transaction_id: transfer.business_no.clone(),
            part: if seen > 1 { seen.to_string() } else { String::new() },
            bill_fen: Some(-transfer.fen),
            own_fen: amount.map(|fen| -fen),
            at: At::from_ms(transfer.at_ms),
            what: what.into(),
        })
    };
    if seen > 1 {
        return differs(CaseKind::BillOnly, "money went out by this transfer more than once");
    }
    let Some(withdrawal) = withdrawal else {
        return differs(CaseKind::BillOnly, "money went out by a transfer that is not known here");
    };
    if amount != Some(transfer.fen) {
        return differs(CaseKind::BillAmount, "another amount went out than was asked for");
    }
    match withdrawal.status {
        WithdrawalStatus::Succeeded
        | WithdrawalStatus::Sending
        | WithdrawalStatus::AwaitingPayee
        | WithdrawalStatus::Unknown => None,
        WithdrawalStatus::AwaitingApproval
        | WithdrawalStatus::Requested
        | WithdrawalStatus::Failed
        | WithdrawalStatus::Rejected => {
            let what = format!("money went out, here it is {}", withdrawal.status.as_str());
            differs(CaseKind::BillStatus, &what)
        }
    }
}
