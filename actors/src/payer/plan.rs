//! What is done about one withdrawal that is in hand, answer by answer. A pure machine; the payer's step is its shell.
//!
//! The rules of `design.md` 3.5 that the account can't keep stand here: nothing is sent whose `sending` is not durable or too
//! old, what may have moved money is asked about and never sent again, and only a query tells how a transfer ended.
//!
//! Of restored books, a withdrawal that waits to be sent may have been sent, and its number may have been another's: it is asked
//! about first. A restore counts as a try that was made when it was put in place: until ten minutes later WeChat may come to
//! know of one.

use std::time::Duration;

use crate::domain::command::{Question, TransferOutcome, newest_try};
use crate::domain::restored::Restored;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::gateway::{Sent, TransferStanding};
use crate::limits;
use crate::mutant::{self, Mutant};

/// Recorded of a transfer that the channel does not know and may not tell of any more.
pub const TOO_OLD_TO_ASK: &str = "WeChat does not know the transfer, and tells of the last 30 days only: a person must look on the WeChat merchant platform";

/// A reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock's. It may be set.
    pub wall: At,
    /// The steady clock's, which nobody sets: how long it is since some instant. It stands still while a machine sleeps.
    pub steady: Duration,
}

impl Clocks {
    /// The earliest and the latest that it may be: by the wall clock, and by a time with how long that is known, since when by the
    /// steady clock. A clock that was set, or another node's, would make what is still on its way something that never comes, or
    /// what the channel tells of no more something that it never knew.
    pub(crate) fn between(self, known: At, since: Duration) -> (At, At) {
        let known_for = self.steady.saturating_sub(since).as_millis();
        let by_steady = known.plus_ms(i64::try_from(known_for).unwrap_or(i64::MAX));
        let by_steady = if mutant::on(Mutant::WallClockAlone) { self.wall } else { by_steady };
        (self.wall.min(by_steady), self.wall.max(by_steady))
    }

    /// Whether a try is no longer sent: so long after its `sending`, or so long after that was begun.
    pub(crate) fn is_too_late(self, tried_at: At, began: Duration) -> bool {
        let took = self.steady.saturating_sub(began).as_millis();
        self.wall > tried_at.plus_ms(limits::SEND_WITHIN_MS)
            || took > u128::from(limits::SEND_WITHIN_MS.unsigned_abs())
    }
}

/// What holds for every withdrawal when one is taken in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether transfers can be made at all.
    pub can_transfer: bool,
    /// The restore that the books went through; `None`: none.
    pub restored: Option<Restored>,
}

impl Terms {
    /// Nothing is in the way.
    pub const fn open() -> Self {
        Self { can_transfer: true, restored: None }
    }

    pub(crate) fn is_frozen(self) -> bool {
        self.restored.is_some_and(|restored| restored.frozen)
    }

    /// Whether what was never sent as far as the books know may have been, before they were restored.
    pub(crate) fn may_be_out(self, now: Clocks) -> bool {
        let recent = |restored: Restored| {
            restored.frozen || now.wall < restored.at.plus_ms(limits::ASKED_FIRST_FOR_MS)
        };
        self.restored.is_some_and(recent)
    }
}

/// What is remembered of a withdrawal from one time in hand to the next. Who remembers nothing only asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// The newest try that is known of.
    pub tried_at: Option<At>,
    /// The restore that is known of, by when it was put in place.
    pub restored_at: Option<At>,
    /// Since when of both, by the steady clock.
    pub since: Duration,
    /// The send of that try certainly moved nothing, so it may be sent again once the channel does not know it.
    pub moved_nothing: bool,
    /// How often it was sent again.
    pub resends: u32,
}

impl Remembered {
    /// Knows of a try and a restore from now on, unless it did before.
    fn knows_of(&mut self, tried_at: Option<At>, restored: Option<Restored>, now: Clocks) {
        let restored_at = restored.map(|restored| restored.at);
        if (self.tried_at, self.restored_at) != (tried_at, restored_at) {
            let (since, moved_nothing) = (now.steady, false);
            *self = Self { tried_at, restored_at, since, moved_nothing, ..*self };
        }
    }
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
    terms: Terms,
    /// When it began to make a try durable, by the steady clock.
    began: Duration,
    /// The channel has no such transfer, as far as the newest question could tell.
    missing: bool,
    /// The channel has said all that it will ever say of what was lost with a restore, and that is recorded.
    told: bool,
}

impl Plan {
    /// Takes a withdrawal in hand as it was read: sends what may go out, asks about what is out.
    pub fn take(
        read: Withdrawal,
        mut remembered: Remembered,
        terms: Terms,
        now: Clocks,
    ) -> (Self, Next) {
        remembered.knows_of(read.tried_at, terms.restored, now);
        let (withdrawal, began, missing, told) = (read, now.steady, false, false);
        let mut plan = Self { withdrawal, remembered, terms, began, missing, told };
        let next = match plan.withdrawal.status {
            WithdrawalStatus::Requested | WithdrawalStatus::AwaitingApproval
                if plan.terms.may_be_out(now) =>
            {
                Next::Ask
            }
            WithdrawalStatus::Requested => plan.begin(now),
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

    /// Whether the channel has said all that it will ever say of what was lost with a restore, and it is recorded.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// What is to be remembered from here on, whatever becomes of the next thing done.
    pub fn remembered(&self) -> Remembered {
        self.remembered
    }

    fn begin(&mut self, now: Clocks) -> Next {
        self.missing = false;
        self.began = now.steady;
        let may_go_out = self.terms.can_transfer && !self.terms.is_frozen();
        if may_go_out { Next::Begin } else { Next::Rest }
    }

    /// Takes the withdrawal with its try recorded; `None`: it was not, or nobody knows. How long that took is told by both
    /// clocks.
    pub fn begun(&mut self, started: Option<Withdrawal>, now: Clocks) -> Next {
        let Some(started) = started.or_else(|| self.not_durable(now.wall)) else {
            return Next::Rest;
        };
        // Whatever is known of the send before: this one may move money, and its answer may never come.
        self.remembered.knows_of(started.tried_at, self.terms.restored, now);
        self.withdrawal = started;
        let too_late = now.is_too_late(self.tried_at(), self.began);
        if too_late && !mutant::on(Mutant::SentLate) {
            return self.sent(Sent::Refused("it was not sent: recording it took too long".into()));
        }
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

    /// The earliest and the latest that it may be.
    fn between(&self, now: Clocks) -> (At, At) {
        now.between(newest_try(self.tried_at(), self.terms.restored), self.remembered.since)
    }

    fn tried_at(&self) -> At {
        self.withdrawal.tried_at.unwrap_or_default()
    }

    /// When a question that is put now is put at the earliest.
    pub fn asks(&self, now: Clocks) -> At {
        self.between(now).0
    }

    /// Takes how the transfer stands, as the channel, asked at [`Plan::asks`], answered by now. What it did not know, it may have
    /// come to know or have forgotten in between.
    pub fn stands(&mut self, asked_at: At, standing: TransferStanding, now: Clocks) -> Next {
        let (tried_at, latest) = (self.tried_at(), self.between(now).1);
        let question = Question { tried_at, earliest: asked_at, latest };
        self.told = match &standing {
            TransferStanding::Paid { .. }
            | TransferStanding::Failed(_)
            | TransferStanding::Processing => true,
            TransferStanding::Missing => !question.is_early(self.terms.restored),
            TransferStanding::Unknown(_) => false,
        };
        // What is not news is not recorded: a journal is for ever.
        let first = self.withdrawal.status == WithdrawalStatus::Sending;
        let unsent = self.withdrawal.tried_at.is_none();
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
            TransferStanding::Missing if unsent => self.not_sent(question, now),
            TransferStanding::Processing if unsent => {
                Next::Record(TransferOutcome::Unknown("it is under way at WeChat".into()))
            }
            TransferStanding::Missing
                if question.is_late(limits::MISSING_IS_CERTAIN_UNTIL_MS)
                    && !mutant::on(Mutant::MissingForEver) =>
            {
                self.told = true;
                let said = self.withdrawal.reason.as_deref() == Some(TOO_OLD_TO_ASK);
                let unknown = || Next::Record(TransferOutcome::Unknown(TOO_OLD_TO_ASK.into()));
                if said { Next::Rest } else { unknown() }
            }
            TransferStanding::Missing => {
                self.missing = true;
                Next::Record(TransferOutcome::NotFound(question))
            }
            TransferStanding::Processing => unless_known("it is under way at WeChat".into()),
            TransferStanding::Unknown(why) => unless_known(why),
        }
    }

    /// The channel does not know a withdrawal that was never sent, as far as the books know: it is sent once money may go out, and
    /// the channel would know of a try that was lost.
    fn not_sent(&mut self, question: Question, now: Clocks) -> Next {
        let Some(restored) = self.terms.restored else { return self.begin(now) };
        let oldest = self.withdrawal.requested_at.max(restored.since);
        if question.latest > oldest.plus_ms(limits::MISSING_IS_CERTAIN_UNTIL_MS) {
            self.told = true;
            return Next::Record(TransferOutcome::Unknown(TOO_OLD_TO_ASK.into()));
        }
        let known_by = restored.at.plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS);
        let approved = self.withdrawal.status == WithdrawalStatus::Requested;
        if approved && now.wall >= known_by { self.begin(now) } else { Next::Rest }
    }

    /// Takes the withdrawal with the outcome recorded, and sends again what is missing and certainly moved nothing, a few times
    /// and soon: how old all tries are is told by the newest. `None`: it was not recorded, or nobody knows; it is asked about
    /// again.
    pub fn recorded(&mut self, after: Option<Withdrawal>, now: Clocks) -> Next {
        let Some(after) = after else {
            self.told = false;
            return Next::Rest;
        };
        let Remembered { tried_at, moved_nothing, resends, .. } = self.remembered;
        let known = moved_nothing && after.tried_at == tried_at;
        let may_go_again = known || mutant::on(Mutant::SentAgainInDoubt);
        let until = self.tried_at().plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS);
        let in_time = resends < limits::RESENDS_MAX && self.between(now).1 < until;
        let again = self.missing && may_go_again && in_time;
        self.withdrawal = after;
        if !again || self.withdrawal.status.is_final() {
            return Next::Rest;
        }
        self.remembered.resends += 1;
        self.begin(now)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
