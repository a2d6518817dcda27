//! What a merchant's actor is sent: messages by the front door, and answers by the writer and the reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::Message;
use tokio::sync::oneshot;

use crate::domain::command::{Asked, Command};
use crate::pipeline::{Failure, Input, Outcome};

/// A message to a merchant.
pub(crate) struct Ask {
    pub(crate) command: Box<Command>,
    pub(crate) asked: Asked,
    pub(crate) waiter: Waiter,
}

impl Message for Ask {
    type Result = ();
}

/// What the store's tasks tell an incarnation.
pub(crate) enum FromStore {
    /// No row of an older incarnation is under way any more: the head may be read.
    Opened,
    /// What its pipeline is to take.
    Told(Input),
}

impl Message for FromStore {
    type Result = ();
}

/// A call in hand: counted from before it is sent until it is answered, whether or not its caller still listens.
pub(crate) struct Call(Arc<AtomicUsize>);

impl Call {
    /// Counts a call. Only under the registry's lock, so that "remove if the count is zero" is certain.
    pub(crate) fn count(calls: &Arc<AtomicUsize>) -> Self {
        calls.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(calls))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Who waits for an answer. One that is dropped unanswered says what is known ([`Failure::unanswered`]).
pub(crate) struct Waiter {
    answer: Option<oneshot::Sender<Result<Outcome, Failure>>>,
    accepted: bool,
    _call: Call,
}

impl Waiter {
    pub(crate) fn new(call: Call) -> (Self, oneshot::Receiver<Result<Outcome, Failure>>) {
        let (answer, receiver) = oneshot::channel();
        (Self { answer: Some(answer), accepted: false, _call: call }, receiver)
    }

    /// The actor has the message in hand.
    pub(crate) fn accept(&mut self) {
        self.accepted = true;
    }

    pub(crate) fn answer(mut self, outcome: Result<Outcome, Failure>) {
        if let Some(answer) = self.answer.take() {
            // A caller that went away does not change what happened.
            drop(answer.send(outcome));
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            drop(answer.send(Err(Failure::unanswered(self.accepted))));
        }
    }
}
