//! Withdrawing, and what becomes of a withdrawal: never twice, never lost (`design.md` 3.5).

use super::super::books::{Numbered, Route};
use super::super::command::{
    Answer, Asked, Confirm, Question, RecordTransfer, Review, StartSending, TransferOutcome,
    Withdraw,
};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::WithdrawalNo;
use super::super::money::Money;
use super::super::refusal::Refusal;
use super::super::restored::Restored;
use super::super::rules::PayoutMethod;
use super::super::time::{At, Day};
use super::super::withdrawal::{Withdrawal, WithdrawalStatus};
use super::Account;
use super::restored::{may_have_been_sent, never_comes};
use crate::limits;
use crate::mutant::{self, Mutant};

/// The smallest withdrawal where nothing else says so, in fen.
const WITHDRAWAL_MIN: Money = Money::from_fen(1).expect("a small amount");

impl Account {
    /// The number the call is about: the one recorded for the caller's key, else its own.
    pub(super) fn withdrawal_number(&self, withdraw: &Withdraw) -> WithdrawalNo {
        let recorded =
            withdraw.idempotency_key.and_then(|key| self.books.number(Route::Withdrawals, &key));
        if let Some(Numbered::Withdrawal(withdrawal_no)) = recorded {
            withdrawal_no
        } else {
            withdraw.withdrawal_no
        }
    }

    pub(super) fn withdraw(
        &self,
        head: &Head,
        withdraw: &Withdraw,
        asked: Asked,
    ) -> Result<Vec<Event>, Refusal> {
        if let Some(made) = self.books.withdrawal(&self.withdrawal_number(withdraw)) {
            return if made.request == withdraw.request {
                Ok(vec![])
            } else {
                Err(Refusal::NumberReused)
            };
        }
        if asked.is_frozen() {
            return Err(Refusal::WithdrawalsFrozen);
        }
        self.refuse_frozen()?;
        if head.standing.closed {
            return Err(Refusal::MerchantClosed);
        }
        let today = asked.at.day();
        let method = payout(head, withdraw)?;
        let (settled, available) = if withdraw.request.settle_first {
            self.settle_first(head, withdraw.settlement_no, today)?
        } else {
            (None, self.earlier.available(head.available))
        };
        let amount = withdraw.request.amount.unwrap_or_else(|| available.spendable());
        if withdraw.request.amount == Some(Money::ZERO) {
            return Err(Refusal::AmountInvalid { min: WITHDRAWAL_MIN, max: Money::MAX });
        }
        if amount == Money::ZERO {
            return Err(Refusal::BalanceInsufficient { available });
        }
        check_limits(head, amount, today)?;
        if amount > available.spendable() && !mutant::on(Mutant::FreezeAlthoughRefused) {
            return Err(Refusal::BalanceInsufficient { available });
        }
        let settlement_no = settled.as_ref().map(|_| withdraw.settlement_no);
        let requested = Event::WithdrawalRequested {
            withdrawal_no: withdraw.withdrawal_no,
            idempotency_key: withdraw.idempotency_key,
            amount,
            request: withdraw.request,
            method,
            payout_openid: head.rules.payout_openid.clone(),
            payout_name: head.rules.payout_name.clone(),
            needs_approval: head.rules.approval_over_fen.is_some_and(|over| amount > over),
            day: head.counted_day(today),
            asked_by: withdraw.asked_by,
            settlement_no,
        };
        Ok(settled.into_iter().chain([requested]).collect())
    }

    pub(super) fn approve(&self, review: &Review, asked: Asked) -> Result<Vec<Event>, Refusal> {
        let withdrawal = self.withdrawal(&review.withdrawal_no)?;
        match withdrawal.status {
            WithdrawalStatus::AwaitingApproval if review.by == withdrawal.asked_by => {
                Err(Refusal::SameKey)
            }
            WithdrawalStatus::AwaitingApproval if asked.is_frozen() => {
                Err(Refusal::WithdrawalsFrozen)
            }
            WithdrawalStatus::AwaitingApproval => {
                self.refuse_frozen()?;
                Ok(vec![Event::WithdrawalApproved {
                    withdrawal_no: review.withdrawal_no,
                    by: review.by,
                    reason: review.reason.clone(),
                }])
            }
            // A repeat by the key that approved, whatever became of it since.
            _ if withdrawal.approved_by == Some(review.by) => Ok(vec![]),
            decided @ (WithdrawalStatus::Requested
            | WithdrawalStatus::Sending
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Unknown
            | WithdrawalStatus::Succeeded
            | WithdrawalStatus::Failed
            | WithdrawalStatus::Rejected) => Err(Refusal::WithdrawalDecided(decided.as_str())),
        }
    }

    pub(super) fn reject(&self, review: &Review) -> Result<Vec<Event>, Refusal> {
        let withdrawal = self.withdrawal(&review.withdrawal_no)?;
        match withdrawal.status {
            WithdrawalStatus::AwaitingApproval => Ok(vec![Event::WithdrawalRejected {
                withdrawal_no: review.withdrawal_no,
                amount: withdrawal.amount,
                day: withdrawal.day,
                by: review.by,
                reason: review.reason.clone(),
            }]),
            WithdrawalStatus::Rejected => Ok(vec![]),
            decided @ (WithdrawalStatus::Requested
            | WithdrawalStatus::Sending
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Unknown
            | WithdrawalStatus::Succeeded
            | WithdrawalStatus::Failed) => Err(Refusal::WithdrawalDecided(decided.as_str())),
        }
    }

    pub(super) fn confirm(&self, confirm: &Confirm) -> Result<Vec<Event>, Refusal> {
        let withdrawal = self.withdrawal(&confirm.withdrawal_no)?;
        if withdrawal.method != PayoutMethod::Manual {
            return Err(Refusal::NotManual);
        }
        if confirm.succeeded && overwritten(withdrawal) {
            return Ok(vec![outcome(withdrawal, true, &confirm.reference, &confirm.reason)]);
        }
        let repeat = match withdrawal.status {
            WithdrawalStatus::Succeeded => {
                confirm.succeeded && withdrawal.reference.as_deref() == Some(&*confirm.reference)
            }
            WithdrawalStatus::Failed => !confirm.succeeded,
            WithdrawalStatus::Requested | WithdrawalStatus::Sending | WithdrawalStatus::Unknown => {
                return Ok(vec![outcome(
                    withdrawal,
                    confirm.succeeded,
                    &confirm.reference,
                    &confirm.reason,
                )]);
            }
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Rejected => false,
        };
        if repeat {
            Ok(vec![])
        } else {
            Err(Refusal::WithdrawalDecided(withdrawal.status.as_str()))
        }
    }

    /// `sending` is recorded once a try, at that time: a transfer that is out or unknown may be sent again under its number, by
    /// whoever knows of the last try, and soon after it.
    pub(super) fn start_sending(
        &self,
        start: &StartSending,
        asked: Asked,
    ) -> Result<Vec<Event>, Refusal> {
        let StartSending { withdrawal_no, last_try } = start;
        let withdrawal = self.withdrawal(withdrawal_no)?;
        let may_go_out = match withdrawal.status {
            WithdrawalStatus::Requested | WithdrawalStatus::Sending | WithdrawalStatus::Unknown => {
                withdrawal.method == PayoutMethod::Wechat
            }
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Succeeded
            | WithdrawalStatus::Failed
            | WithdrawalStatus::Rejected => false,
        };
        let too_late = |last: At| asked.at >= last.plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS);
        if !may_go_out || withdrawal.tried_at != *last_try || last_try.is_some_and(too_late) {
            return Err(Refusal::WithdrawalDecided(withdrawal.status.as_str()));
        }
        if asked.is_frozen() {
            return Err(Refusal::WithdrawalsFrozen);
        }
        self.refuse_frozen()?;
        Ok(vec![Event::WithdrawalSending { withdrawal_no: *withdrawal_no }])
    }

    pub(super) fn record_transfer(
        &self,
        record: &RecordTransfer,
        restored: Option<Restored>,
    ) -> Result<Vec<Event>, Refusal> {
        let withdrawal = self.withdrawal(&record.withdrawal_no)?;
        let sent = matches!(
            withdrawal.status,
            WithdrawalStatus::Sending | WithdrawalStatus::AwaitingPayee | WithdrawalStatus::Unknown
        );
        let event = match &record.outcome {
            TransferOutcome::Succeeded(_) if withdrawal.status == WithdrawalStatus::Succeeded => {
                return Ok(vec![]);
            }
            TransferOutcome::NotFound(question)
                if sent && !is_certain(withdrawal, *question, restored) =>
            {
                return Ok(vec![]);
            }
            TransferOutcome::Failed(_) | TransferOutcome::NotFound(_)
                if withdrawal.status == WithdrawalStatus::Failed =>
            {
                return Ok(vec![]);
            }
            TransferOutcome::Succeeded(reference) => outcome(withdrawal, true, reference, ""),
            TransferOutcome::Failed(reason) => outcome(withdrawal, false, "", reason),
            TransferOutcome::NotFound(_) => {
                outcome(withdrawal, false, "", "WeChat has no transfer of this number")
            }
            TransferOutcome::Unknown(reason) => {
                if withdrawal.status == WithdrawalStatus::Unknown
                    && withdrawal.reason.as_ref() == Some(reason)
                {
                    return Ok(vec![]);
                }
                Event::WithdrawalUnknown {
                    withdrawal_no: record.withdrawal_no,
                    reason: reason.clone(),
                }
            }
        };
        let late = matches!(event, Event::WithdrawalSucceeded { .. }) && overwritten(withdrawal);
        if sent || late {
            Ok(vec![event])
        } else if restored.is_some() && may_have_been_sent(withdrawal, &record.outcome) {
            Ok(vec![Event::WithdrawalSending { withdrawal_no: record.withdrawal_no }, event])
        } else {
            Err(Refusal::WithdrawalDecided(withdrawal.status.as_str()))
        }
    }

    pub(super) fn withdrawal(&self, withdrawal_no: &WithdrawalNo) -> Result<&Withdrawal, Refusal> {
        self.books.withdrawal(withdrawal_no).ok_or(Refusal::WithdrawalUnknown)
    }

    pub(super) fn withdrawal_answer(&self, withdrawal_no: &WithdrawalNo) -> Answer {
        let withdrawal =
            self.books.withdrawal(withdrawal_no).expect("decide refuses what is not known");
        Answer::Withdrawal(Box::new(withdrawal.clone()))
    }
}

/// Whether a transfer that the channel did not find never comes.
fn is_certain(withdrawal: &Withdrawal, question: Question, restored: Option<Restored>) -> bool {
    never_comes(withdrawal.tried_at, question, restored, limits::MISSING_IS_CERTAIN_UNTIL_MS)
}

/// The mutant's: whether a withdrawal was given back, and a success overwrites that.
fn overwritten(withdrawal: &Withdrawal) -> bool {
    let given_back =
        matches!(withdrawal.status, WithdrawalStatus::Failed | WithdrawalStatus::Rejected);
    given_back && mutant::on(Mutant::LateSuccessOverwrites)
}

/// How the money would go out.
fn payout(head: &Head, withdraw: &Withdraw) -> Result<PayoutMethod, Refusal> {
    match head.rules.payout_method {
        None => Err(Refusal::PayoutTargetMissing),
        Some(PayoutMethod::Wechat) if head.rules.payout_openid.is_none() => {
            Err(Refusal::PayoutTargetMissing)
        }
        Some(PayoutMethod::Wechat) if !withdraw.transfers_open => Err(Refusal::CertificateMissing),
        Some(method) => Ok(method),
    }
}

fn check_limits(head: &Head, amount: Money, today: Day) -> Result<(), Refusal> {
    let min = head.rules.withdrawal_min();
    if amount < min {
        return Err(Refusal::WithdrawalBelowMin { min });
    }
    if let Some(max) = head.rules.withdrawal_max_fen.filter(|max| amount > *max) {
        return Err(Refusal::WithdrawalAboveMax { max });
    }
    if let Some(daily_max) = head.rules.daily_max_fen {
        let left =
            daily_max.minus(head.requested_on(head.counted_day(today))).unwrap_or(Money::ZERO);
        if amount > left {
            return Err(Refusal::DailyLimitReached { left });
        }
    }
    Ok(())
}

/// The event of a certain outcome, with everything that was said of it.
pub(super) fn outcome(
    withdrawal: &Withdrawal,
    succeeded: bool,
    reference: &str,
    words: &str,
) -> Event {
    let (withdrawal_no, amount) = (withdrawal.withdrawal_no, withdrawal.amount);
    let (reference, words) = (reference.into(), words.into());
    if succeeded {
        Event::WithdrawalSucceeded { withdrawal_no, amount, reference, note: words }
    } else {
        let day = withdrawal.day;
        Event::WithdrawalFailed { withdrawal_no, amount, day, reason: words, reference }
    }
}
