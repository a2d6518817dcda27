//! An actor: one incarnation of one merchant, as `actors/src/merchant.rs`, without actix.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tally_actors::batcher::Incarnation;
use tally_actors::domain::ids::MerchantId;
use tally_actors::pipeline::{Failure, Fence, Input, Outcome, Pipeline, Ticket};

use super::door::Message;
use super::item::CallId;

/// A call in hand: counted until it is answered or dropped.
pub(super) struct InHand(Rc<Cell<usize>>);

impl InHand {
    pub(super) fn count(calls: &Rc<Cell<usize>>) -> Self {
        calls.set(calls.get() + 1);
        Self(Rc::clone(calls))
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Who waits for an answer: a call, and which of its tries.
pub(super) struct Waiter {
    pub(super) call: CallId,
    pub(super) attempt: u32,
    pub(super) in_hand: InHand,
}

/// What an actor is sent.
pub(super) enum Mail {
    Started,
    Ask(Box<Message>, Waiter),
    Opened,
    Told(Input),
}

pub(super) struct Actor {
    pub(super) of: MerchantId,
    pub(super) incarnation: Incarnation,
    pub(super) pipeline: Pipeline,
    pub(super) mailbox: VecDeque<Mail>,
    waiters: BTreeMap<Ticket, Waiter>,
    tickets: u64,
    was_busy: bool,
}

impl Actor {
    pub(super) fn new(of: MerchantId, incarnation: Incarnation) -> Self {
        Self {
            of,
            incarnation,
            pipeline: Pipeline::new(of, Fence::Always),
            mailbox: VecDeque::new(),
            waiters: BTreeMap::new(),
            tickets: 0,
            was_busy: true,
        }
    }

    /// Has a message in hand from here on, under the next ticket.
    pub(super) fn accept(&mut self, waiter: Waiter) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiters.insert(ticket, waiter);
        ticket
    }

    pub(super) fn take(&mut self, input: Input) -> Vec<tally_actors::pipeline::Effect> {
        self.was_busy = true;
        self.pipeline.take(input)
    }

    pub(super) fn waiter(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.waiters.remove(&ticket)
    }

    /// Whether it had nothing to do since it was asked last, and has not now.
    pub(super) fn was_idle(&mut self) -> bool {
        let idle = !self.was_busy && self.pipeline.is_idle();
        self.was_busy = false;
        idle
    }

    /// Who hears what when it ends with messages in hand or in the mailbox.
    pub(super) fn buried(self) -> Vec<(Waiter, Result<Outcome, Failure>)> {
        let in_hand = self.waiters.into_values().map(|waiter| (waiter, true));
        let in_mailbox = self.mailbox.into_iter().filter_map(|mail| match mail {
            Mail::Ask(_, waiter) => Some((waiter, false)),
            Mail::Started | Mail::Opened | Mail::Told(_) => None,
        });
        in_hand
            .chain(in_mailbox)
            .map(|(waiter, accepted)| (waiter, Err(Failure::unanswered(accepted))))
            .collect()
    }
}
