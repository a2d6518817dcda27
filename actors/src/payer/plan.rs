//! What is done about one withdrawal that is in hand, answer by answer. A pure machine; the payer's step is its shell.
//!
//! The rules of `design.md` 3.5 that the account can't keep stand here: nothing is sent whose `sending` is not durable or too
//! old, what may have moved money is asked about and never sent again, and only a query tells how a transfer ended.

use std::time::Duration;

use crate::domain::command::TransferOutcome;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::gateway::{Sent, TransferStanding};
use crate::limits;
use crate::mutant::{self, Mutant};

/// What is remembered of a withdrawal from one time in hand to the next. Who remembers nothing only asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// The last send certainly moved nothing, so it may be sent again once the channel does not know it.
    pub moved_nothing: bool,
    /// How often it was sent again.
    pub resends: u32,
}

/// What is to be done next. The withdrawal it is done about is [`Plan::withdrawal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Make another try durable, as the withdrawal was read; then [`Plan::begun`].
    Begin,
    /// Send the transfer; then [`Plan::sent`].
    Send,
    /// Ask the channel by number; then [`Plan::stands`].
    Ask,
    /// Record this; then [`Plan::recorded`].
    Record(TransferOutcome),
    /// Nothing, until it is taken in hand again.
    Rest,
}

/// One withdrawal in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    withdrawal: Withdrawal,
    remembered: Remembered,
    can_transfer: bool,
    /// The channel has no such transfer, as far as the newest question could tell.
    missing: bool,
}

impl Plan {
    /// Takes a withdrawal in hand as it was read: sends what may go out, asks about what is out.
    pub fn take(read: Withdrawal, remembered: Remembered, can_transfer: bool) -> (Self, Next) {
        let mut plan = Self { withdrawal: read, remembered, can_transfer, missing: false };
        let next = match plan.withdrawal.status {
            WithdrawalStatus::Requested => plan.begin(),
            WithdrawalStatus::Sending if mutant::on(Mutant::PayoutAbandoned) => Next::Rest,
            WithdrawalStatus::Sending
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Unknown => Next::Ask,
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::Succeeded
            | WithdrawalStatus::Failed
            | WithdrawalStatus::Rejected => Next::Rest,
        };
        (plan, next)
    }

    /// The withdrawal as it was last heard of.
    pub fn withdrawal(&self) -> &Withdrawal {
        &self.withdrawal
    }

    /// What is to be remembered from here on, whatever becomes of the next thing done.
    pub fn remembered(&self) -> Remembered {
        self.remembered
    }

    fn begin(&mut self) -> Next {
        self.missing = false;
        if self.can_transfer { Next::Begin } else { Next::Rest }
    }

    /// Takes the withdrawal with its try recorded; `None`: it was not, or nobody knows. Time is told by both clocks, the
    /// wall's and how long recording `took`: the first may have been set, the other stands still while a machine sleeps.
    pub fn begun(&mut self, started: Option<Withdrawal>, now: At, took: Duration) -> Next {
        let Some(started) = started.or_else(|| self.not_durable(now)) else { return Next::Rest };
        let tried_at = started.tried_at.unwrap_or_default();
        self.withdrawal = started;
        let too_late = now > tried_at.plus_ms(limits::SEND_WITHIN_MS)
            || took.as_millis() > u128::from(limits::SEND_WITHIN_MS.unsigned_abs());
        if too_late && !mutant::on(Mutant::SentLate) {
            return self.sent(Sent::Refused("it was not sent: recording it took too long".into()));
        }
        // Whatever was heard of the send before: this one may move money, and its answer may never come.
        self.remembered.moved_nothing = false;
        Next::Send
    }

    /// The mutant's: a try that nobody recorded.
    fn not_durable(&self, now: At) -> Option<Withdrawal> {
        mutant::on(Mutant::SentBeforeDurable).then(|| Withdrawal {
            status: WithdrawalStatus::Sending,
            tried_at: Some(now),
            ..self.withdrawal.clone()
        })
    }

    /// Takes what came of the send.
    pub fn sent(&mut self, sent: Sent) -> Next {
        self.remembered.moved_nothing = matches!(sent, Sent::Refused(_));
        Next::Record(match sent {
            Sent::Paid(reference) => TransferOutcome::Succeeded(reference),
            Sent::Refused(why) | Sent::Unknown(why) if mutant::on(Mutant::FailedByErrorCode) => {
                TransferOutcome::Failed(why)
            }
            Sent::Refused(why) | Sent::Unknown(why) => TransferOutcome::Unknown(why),
        })
    }

    /// When a question that is put now is put, as far as one can vouch who has known of this try for `watched`. By the wall
    /// clock, but never longer after the try than by the other: a clock that was set, or another node's, would make a transfer
    /// that is still on its way one that never comes.
    pub fn asks(&self, now: At, watched: Duration) -> At {
        let watched = i64::try_from(watched.as_millis()).unwrap_or(i64::MAX);
        now.min(self.withdrawal.tried_at.unwrap_or_default().plus_ms(watched))
    }

    /// Takes how the transfer stands. `asked_at` is of [`Plan::asks`] before the question was put: what the answer does not
    /// know may have come since.
    pub fn stands(&mut self, asked_at: At, standing: TransferStanding) -> Next {
        // What is not news is not recorded: a journal is for ever.
        let first = self.withdrawal.status == WithdrawalStatus::Sending;
        let unless_known = |why| {
            if first { Next::Record(TransferOutcome::Unknown(why)) } else { Next::Rest }
        };
        match standing {
            TransferStanding::Paid { reference, amount } if amount == self.withdrawal.amount => {
                Next::Record(TransferOutcome::Succeeded(reference))
            }
            TransferStanding::Paid { amount, .. } => {
                let (paid, wanted) = (amount.fen(), self.withdrawal.amount.fen());
                let why =
                    format!("WeChat paid {paid} fen instead of {wanted} fen: a person must look");
                Next::Record(TransferOutcome::Unknown(why.into()))
            }
            TransferStanding::Failed(why) => Next::Record(TransferOutcome::Failed(why)),
            TransferStanding::Missing => {
                self.missing = true;
                Next::Record(TransferOutcome::NotFound(asked_at))
            }
            TransferStanding::Processing => unless_known("it is under way at WeChat".into()),
            TransferStanding::Unknown(why) => unless_known(why),
        }
    }

    /// Takes the withdrawal with the outcome recorded, and sends again what is missing and certainly moved nothing. `None`: it
    /// was not recorded, or nobody knows; it is asked about again.
    pub fn recorded(&mut self, after: Option<Withdrawal>) -> Next {
        let Some(after) = after else { return Next::Rest };
        let Remembered { moved_nothing, resends } = self.remembered;
        let may_go_again = moved_nothing || mutant::on(Mutant::SentAgainInDoubt);
        let again = self.missing && may_go_again && resends < limits::RESENDS_MAX;
        self.withdrawal = after;
        if !again || self.withdrawal.status.is_final() {
            return Next::Rest;
        }
        self.remembered.resends += 1;
        self.begin()
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
