//! What the rules make of what the books may not know: whether a transfer that is not found never comes, and how restored
//! books learn of what was paid out since their backup.

use super::super::command::{Adopt, Asked, Question, TransferOutcome};
use super::super::event::Event;
use super::super::head::Head;
use super::super::money::Money;
use super::super::refusal::Refusal;
use super::super::restored::Restored;
use super::super::rules::PayoutMethod;
use super::super::time::At;
use super::super::withdrawal::{Withdrawal, WithdrawalRequest, WithdrawalStatus};
use super::Account;
use crate::mutant::{self, Mutant};

impl Account {
    /// Takes a transfer that the channel paid for what it was, in one decision: asked for, sent, succeeded. It is a fact, so no
    /// limit, approval or freeze stops it; but no more can be paid out than there was, so the balance does.
    pub(super) fn adopt(
        &self,
        head: &Head,
        adopt: &Adopt,
        asked: Asked,
    ) -> Result<Vec<Event>, Refusal> {
        let Adopt { withdrawal_no, amount, settlement_no, .. } = *adopt;
        if asked.restored.is_none() {
            return Err(Refusal::NotRestored);
        }
        if let Some(made) = self.books.withdrawal(&withdrawal_no) {
            let same = made.status == WithdrawalStatus::Succeeded
                && made.amount == amount
                && made.reference.as_ref() == Some(&adopt.reference);
            return if same { Ok(vec![]) } else { Err(Refusal::NumberReused) };
        }
        let today = asked.at.day();
        let (settled, available) = self.settle_first(head, settlement_no, today)?;
        if amount == Money::ZERO || amount > available.spendable() {
            return Err(Refusal::BalanceInsufficient { available });
        }
        let settle_first = settled.is_some();
        let requested = Event::WithdrawalRequested {
            withdrawal_no,
            idempotency_key: None,
            amount,
            request: WithdrawalRequest { amount: Some(amount), settle_first },
            method: PayoutMethod::Wechat,
            payout_openid: head.rules.payout_openid.clone(),
            payout_name: head.rules.payout_name.clone(),
            needs_approval: false,
            day: head.counted_day(today),
            asked_by: adopt.asked_by,
            settlement_no: settle_first.then_some(settlement_no),
        };
        let sending = Event::WithdrawalSending { withdrawal_no };
        let succeeded = Event::WithdrawalSucceeded {
            withdrawal_no,
            amount,
            reference: adopt.reference.clone(),
            note: "WeChat paid it before the books were restored".into(),
        };
        Ok(settled.into_iter().chain([requested, sending, succeeded]).collect())
    }
}

/// Whether what the channel says of a withdrawal tells of a try that was lost with newer books: these have it before its first.
pub(super) fn may_have_been_sent(withdrawal: &Withdrawal, outcome: &TransferOutcome) -> bool {
    let before = matches!(
        withdrawal.status,
        WithdrawalStatus::Requested | WithdrawalStatus::AwaitingApproval
    );
    let told = match outcome {
        TransferOutcome::Succeeded(_)
        | TransferOutcome::Failed(_)
        | TransferOutcome::Unknown(_) => true,
        TransferOutcome::NotFound(_) => false,
    };
    before && told && withdrawal.method == PayoutMethod::Wechat
}

/// Whether a transfer or a refund that the channel did not find never comes. An answer about a try says nothing of one that began since:
/// that may be on its way. Nor does one soon after a restore: the newest try may be lost. The channel tells of it for so long.
pub(super) fn never_comes(
    tried_at: Option<At>,
    mut question: Question,
    restored: Option<Restored>,
    told_for_ms: i64,
) -> bool {
    let Some(newest) = tried_at else { return false };
    if mutant::on(Mutant::AnswerOfAnOlderTry) {
        question.tried_at = newest;
    }
    let certain = question.tried_at == newest && !question.is_early(restored);
    (certain || mutant::on(Mutant::MissingIsFailed))
        && (!question.is_late(told_for_ms) || mutant::on(Mutant::MissingForEver))
}
