//! What is done about one refund that is in hand, answer by answer. A pure machine; the refunder's step is its shell.
//!
//! Nothing is sent whose `sending` is not durable or too old, and only a query tells how a refund ended. Unlike a transfer, a
//! refund may be sent again while nobody knows: under one number WeChat pays back once. It is sent again soon or never, so that
//! its newest try tells how old all are.

use std::time::Duration;

use crate::domain::command::{Question, RefundOutcome, newest_try};
use crate::domain::refund::{Refund, RefundStatus};
use crate::domain::time::At;
use crate::gateway::{RefundSent, RefundStanding};
use crate::limits;
use crate::mutant::{self, Mutant};
use crate::payer::plan::{Clocks, Terms};

/// What is remembered of a refund from one time in hand to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The newest try that is known of, or for a refund made by hand, when it was heard of.
    pub tried_at: Option<At>,
    /// The restore that is known of, by when it was put in place.
    pub restored_at: Option<At>,
    /// Since when of both, by the steady clock.
    pub since: Duration,
    /// The send of that try was refused for good, so it is not sent again.
    pub refused: bool,
    /// How often it was sent again.
    pub resends: u32,
}

impl Remembered {
    /// Knows of a try and a restore from now on, unless it did before.
    fn knows_of(&mut self, tried_at: Option<At>, terms: Terms, now: Clocks) {
        let restored_at = terms.restored.map(|restored| restored.at);
        if (self.tried_at, self.restored_at) != (tried_at, restored_at) {
            let (since, refused) = (now.steady, false);
            *self = Self { tried_at, restored_at, since, refused, ..*self };
        }
    }
}

/// What is to be done next. The refund it is done about is [`Plan::refund`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Make another try durable, as the refund was read; then [`Plan::begun`].
    Begin,
    /// Send the refund; then [`Plan::sent`].
    Send,
    /// Ask the channel by number; then [`Plan::stands`].
    Ask,
    /// Record this; then [`Plan::recorded`].
    Record(RefundOutcome),
    /// Nothing, until it is taken in hand again.
    Rest,
}

/// One refund in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    refund: Refund,
    remembered: Remembered,
    terms: Terms,
    /// When it began to make a try durable, by the steady clock.
    began: Duration,
    /// The channel has no such refund, as far as the newest question could tell.
    missing: bool,
}

impl Plan {
    /// Takes a refund in hand as it was read: sends what may go out, asks about what is out.
    pub fn take(
        refund: Refund,
        mut remembered: Remembered,
        terms: Terms,
        now: Clocks,
    ) -> (Self, Next) {
        remembered.knows_of(refund.asked_since(), terms, now);
        let mut plan = Self { refund, remembered, terms, began: now.steady, missing: false };
        let next = match plan.refund.status {
            RefundStatus::Requested if plan.terms.may_be_out(now) => Next::Ask,
            RefundStatus::Requested => plan.begin(now),
            RefundStatus::Sending | RefundStatus::Unknown => Next::Ask,
            RefundStatus::Succeeded | RefundStatus::Failed => Next::Rest,
        };
        (plan, next)
    }

    /// The refund as it was last heard of.
    pub fn refund(&self) -> &Refund {
        &self.refund
    }

    /// The refund as it is sent, each time the same.
    pub fn outgoing(&self) -> Refund {
        let mut refund = self.refund.clone();
        if mutant::on(Mutant::RefundRenumbered) && self.remembered.resends > 0 {
            let new = format!("{}x{}", refund.refund_no, self.remembered.resends);
            refund.refund_no = new.parse().unwrap_or(refund.refund_no);
        }
        refund
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

    /// Takes the refund with its try recorded; `None`: it was not, or nobody knows.
    pub fn begun(&mut self, started: Option<Refund>, now: Clocks) -> Next {
        let Some(started) = started else { return Next::Rest };
        self.remembered.knows_of(started.asked_since(), self.terms, now);
        self.refund = started;
        if now.is_too_late(self.tried_at(), self.began) {
            return self.sent(RefundSent::Later("not sent: recording it took too long".into()));
        }
        Next::Send
    }

    /// Takes what came of the send.
    pub fn sent(&mut self, sent: RefundSent) -> Next {
        self.remembered.refused = matches!(sent, RefundSent::Refused(_));
        match sent {
            RefundSent::Taken => Next::Rest,
            RefundSent::Later(reason) => {
                Next::Record(RefundOutcome::Postponed { tried_at: self.tried_at(), reason })
            }
            RefundSent::Refused(why) | RefundSent::Unknown(why) => {
                Next::Record(RefundOutcome::Unknown(why))
            }
        }
    }

    fn tried_at(&self) -> At {
        self.refund.asked_since().unwrap_or_default()
    }

    fn between(&self, now: Clocks) -> (At, At) {
        now.between(newest_try(self.tried_at(), self.terms.restored), self.remembered.since)
    }

    /// When a question that is put now is put at the earliest.
    pub fn asks(&self, now: Clocks) -> At {
        self.between(now).0
    }

    /// Takes how the refund stands, as the channel, asked at [`Plan::asks`], answered by now.
    pub fn stands(&mut self, asked_at: At, standing: RefundStanding, now: Clocks) -> Next {
        // What is not news is not recorded: a journal is for ever.
        let first = self.refund.status == RefundStatus::Sending;
        match standing {
            RefundStanding::Succeeded { refund_id, amount, booked }
                if amount == self.refund.amount || self.refund.by_hand.is_some() =>
            {
                Next::Record(RefundOutcome::Succeeded { refund_id, amount, booked })
            }
            RefundStanding::Succeeded { amount, .. } => {
                let (paid, wanted) = (amount.fen(), self.refund.amount.fen());
                self.stuck(format!("WeChat paid back {paid} fen instead of {wanted} fen").into())
            }
            RefundStanding::Closed(why) => Next::Record(RefundOutcome::Closed(why)),
            RefundStanding::Stuck(why) => self.stuck(why),
            RefundStanding::Missing => {
                self.missing = true;
                let (tried_at, latest) = (self.tried_at(), self.between(now).1);
                let question = Question { tried_at, earliest: asked_at, latest };
                Next::Record(RefundOutcome::NotFound(question))
            }
            RefundStanding::Unknown(why) if first => Next::Record(RefundOutcome::Unknown(why)),
            RefundStanding::Processing | RefundStanding::Unknown(_) => Next::Rest,
        }
    }

    fn stuck(&self, why: Box<str>) -> Next {
        let said = self.refund.why.as_ref() == Some(&why);
        if said { Next::Rest } else { Next::Record(RefundOutcome::Stuck(why)) }
    }

    /// Takes the refund with the outcome recorded, and sends again what is missing, a few times and soon. `None`: it was not
    /// recorded, or nobody knows; it is asked about again.
    pub fn recorded(&mut self, after: Option<Refund>, now: Clocks) -> Next {
        let Some(after) = after else { return Next::Rest };
        if self.missing && after.status == RefundStatus::Requested {
            // Of restored books: it was asked about first, and the channel never heard of it.
            self.refund = after;
            return self.begin(now);
        }
        let same_try = after.tried_at == self.refund.tried_at;
        let until = self.tried_at().plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS);
        let in_time = self.remembered.resends < limits::RESENDS_MAX && self.between(now).1 < until;
        self.refund = after;
        let under_way = !self.refund.status.is_final() && self.refund.by_hand.is_none();
        if !(self.missing && same_try && in_time && under_way) || self.remembered.refused {
            return Next::Rest;
        }
        self.remembered.resends += 1;
        self.begin(now)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
