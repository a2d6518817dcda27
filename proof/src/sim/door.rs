//! The front door: one call after the other's tries, as `Engine::ask`, without a task that waits.

use tally_actors::asking::{self, Asking, Next};
use tally_actors::domain::command::{Asked, Command};
use tally_actors::domain::ids::MerchantId;
use tally_actors::error::EngineError;
use tally_actors::limits::ANSWER_WAIT_MAX;
use tally_actors::pipeline::{Failure, Outcome};

use super::actor::{Mail, Waiter};
use super::item::{CallId, Item, Leg};
use super::process::Process;
use super::stage::{Origin, Stage};
use crate::sim::fault::Fault;

/// What a merchant is asked.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) of: MerchantId,
    pub(super) command: Command,
    pub(super) asked: Asked,
}

/// A call at the front door.
pub(super) struct Door {
    message: Message,
    asking: Asking,
    attempt: u32,
    /// Until then its caller waits, in microseconds.
    deadline: u64,
}

impl Process {
    /// A call comes in.
    pub(super) fn receive(&mut self, call: CallId, message: Message, stage: &mut Stage) {
        let wait = u64::try_from(ANSWER_WAIT_MAX.as_micros()).expect("a few seconds");
        stage.at(wait, Item::Deadline(self.place, call));
        let deadline = stage.now + wait;
        let door = Door { message, asking: Asking::default(), attempt: 0, deadline };
        self.doors.insert(call, door);
        self.try_to_send(call, stage);
    }

    fn try_to_send(&mut self, call: CallId, stage: &mut Stage) {
        let Some(door) = self.doors.remove(&call) else { return };
        let Some((incarnation, in_hand)) = self.call(door.message.of, stage) else {
            stage.count("call", "busy");
            let said = Err(door.asking.not_sent(EngineError::Busy));
            return self.say(call, said, stage);
        };
        let waiter = Waiter { call, attempt: door.attempt, in_hand };
        self.send(incarnation, Mail::Ask(Box::new(door.message.clone()), waiter), stage);
        self.doors.insert(call, door);
    }

    /// What became of a try. Its caller may have gone, or have sent another since.
    pub(super) fn heard(
        &mut self,
        waiter: Waiter,
        outcome: Result<Outcome, Failure>,
        stage: &mut Stage,
    ) {
        let Waiter { call, attempt, in_hand } = waiter;
        drop(in_hand);
        let Some(door) = self.doors.get_mut(&call).filter(|door| door.attempt == attempt) else {
            return;
        };
        stage.count("try", kind_of(&outcome));
        if let Err(Failure::Defect(what)) = &outcome
            && !what.ends_with(super::store::WANTED)
        {
            stage.violated("defect", format!("{call}: {what}"));
        }
        match door.asking.heard(outcome) {
            Next::Say(said) => self.say(call, said, stage),
            Next::Again { tries } => self.pause(call, tries, stage),
        }
    }

    fn pause(&mut self, call: CallId, tries: u32, stage: &mut Stage) {
        let jitter = u32::try_from(stage.random.below(1_000)).expect("below a thousand");
        let pause = u64::try_from(asking::pause(tries, jitter).as_micros()).expect("a short pause");
        let door = self.doors.get_mut(&call).expect("who asks is there");
        door.attempt += 1;
        if stage.now + pause >= door.deadline {
            let said = Err(door.asking.give_up());
            return self.say(call, said, stage);
        }
        stage.at(pause, Item::Resend(self.place, call, door.attempt));
    }

    /// A pause is over.
    pub(super) fn resend(&mut self, call: CallId, attempt: u32, stage: &mut Stage) {
        if self.doors.get(&call).is_some_and(|door| door.attempt == attempt) {
            self.try_to_send(call, stage);
        }
    }

    /// The caller has waited long enough.
    pub(super) fn deadline(&mut self, call: CallId, stage: &mut Stage) {
        let Some(door) = self.doors.get(&call) else { return };
        stage.count("call", "overdue");
        let said = Err(door.asking.not_sent(asking::overdue(&door.message.command)));
        self.say(call, said, stage);
    }

    fn say(&mut self, call: CallId, said: Result<Outcome, EngineError>, stage: &mut Stage) {
        self.doors.remove(&call);
        let Some(open) = stage.open.get(&call).copied() else { return };
        stage.said.insert(call, said);
        match open.origin {
            Origin::Payer | Origin::Refunder => stage.at(0, Item::Reply(call)),
            Origin::Client(_) if stage.strikes(Fault::AnswerLost) => {
                stage.after(Leg::Net, Item::Silence(call));
            }
            Origin::Client(_) => stage.after(Leg::Net, Item::Reply(call)),
        }
    }
}

fn kind_of(outcome: &Result<Outcome, Failure>) -> &'static str {
    match outcome {
        Ok(_) => "answered",
        Err(Failure::Refused(_)) => "refused",
        Err(Failure::NotDone(_)) => "not done",
        Err(Failure::Defect(_)) => "defect",
        Err(Failure::Doubt) => "doubt",
        Err(Failure::Lost) => "lost",
    }
}
