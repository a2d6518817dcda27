//! The pipeline of one merchant: parking, lookups, the in-flight window, and who is answered when (`design.md` 3.2).
//!
//! A pure machine: inputs go in, effects come out, and nothing else happens. The actor is a shell around it.
//!
//! | a message | until |
//! |---|---|
//! | waits | the head is read |
//! | is parked | it is the first in line for each key that it names, and all their records are at hand |
//! | is decided | – (at once: decide, apply, append) |
//! | is held | the newest event that its decision saw is durable and, where the store is shared, confirmed |
//! | is answered | |
//!
//! One machine is one incarnation. After a failed append it is over; the next message starts another from the store.

mod io;
mod live;

use std::collections::VecDeque;

pub use io::{AppendFailure, Effect, Failure, Fence, Input, Outcome, Ticket};
use live::Live;

use crate::domain::account::Account;
use crate::domain::books::{Key, Record};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Asked, Command};
use crate::domain::head::{Broken, Head};
use crate::domain::ids::MerchantId;
use crate::mutant::{self, Mutant};
use crate::ports::{ReadError, Trouble};

/// One merchant's pipeline, for one incarnation.
#[derive(Debug)]
pub struct Pipeline {
    merchant: MerchantId,
    fence: Fence,
    state: State,
    /// Decided on and waiting for their events to be durable, in the order decided: `seen` never goes back.
    held: VecDeque<Held>,
    /// Resting on memory alone and waiting for the store's word.
    unconfirmed: Vec<Held>,
    confirming: Confirming,
    /// The points that this incarnation made or started from, the oldest the newest durable one.
    made: VecDeque<Link>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum State {
    /// The head is being read; messages wait.
    Starting(Vec<Waiting>),
    Live(Box<Live>),
    /// The store went another way: nothing is decided any more, what is in flight is awaited.
    Ending(Trouble),
    Over,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    command: Box<Command>,
    asked: Asked,
}

#[derive(Debug)]
struct Held {
    ticket: Ticket,
    /// The newest event that the decision saw.
    seen: Link,
    /// The first event of its own, when it has any.
    first: Option<Seq>,
    outcome: Result<Outcome, Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirming {
    Idle,
    /// Asked for everything in `unconfirmed` up to this length.
    Asked(usize),
}

impl Pipeline {
    /// A new incarnation. The shell reads the head.
    pub fn new(merchant: MerchantId, fence: Fence) -> Self {
        Self {
            merchant,
            fence,
            state: State::Starting(vec![]),
            held: VecDeque::new(),
            unconfirmed: vec![],
            confirming: Confirming::Idle,
            made: VecDeque::new(),
            effects: vec![],
        }
    }

    /// Nothing of an older incarnation is under way any more: what has become of it says how this one's answers are fenced.
    /// Before the head is read. What was known when the actor started may have been too early to know of a doubt.
    pub fn let_in(&mut self, fence: Fence) {
        self.fence = fence;
    }

    /// Whether nothing is in hand or in flight.
    pub fn is_idle(&self) -> bool {
        let undecided = match &self.state {
            State::Starting(_) => true,
            State::Live(live) => !live.parked.is_empty(),
            State::Ending(_) | State::Over => false,
        };
        !undecided && self.held.is_empty() && self.unconfirmed.is_empty()
    }

    /// Whether the head was read and there is none: a merchant that was never registered.
    pub fn is_unknown(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.account.head().is_none())
    }

    /// How many records are in memory: bounded by what is in flight.
    pub fn records(&self) -> usize {
        if let State::Live(live) = &self.state { live.account.books().len() } else { 0 }
    }

    /// Takes an input and gives what is to be done about it, in order.
    pub fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Ask(ticket, command, asked) => self.ask(Waiting { ticket, command, asked }),
            Input::Head(head) => self.start(head),
            Input::Found(found) => self.found(found),
            Input::NotFound(keys, error) => self.not_found(&keys, &error),
            Input::Committed(through) => self.committed(through),
            Input::Failed(failure) => self.failed(&failure),
            Input::Confirmed(head) => self.confirmed(head),
        }
        self.confirm_what_rests_on_memory();
        std::mem::take(&mut self.effects)
    }

    fn answer(&mut self, ticket: Ticket, outcome: Result<Outcome, Failure>) {
        self.effects.push(Effect::Answer(ticket, outcome));
    }

    fn ask(&mut self, message: Waiting) {
        match &mut self.state {
            State::Starting(waiting) => waiting.push(message),
            State::Live(live) => {
                let ticket = message.ticket;
                live.park(message);
                self.advance(vec![ticket]);
            }
            State::Ending(trouble) => {
                let failure = Failure::NotDone(trouble.clone());
                self.answer(message.ticket, Err(failure));
            }
            State::Over => {
                let trouble = Trouble::Unavailable("the incarnation is over".into());
                self.answer(message.ticket, Err(Failure::NotDone(trouble)));
            }
        }
    }

    fn start(&mut self, head: Result<Option<Box<Head>>, ReadError>) {
        let State::Starting(waiting) = &mut self.state else { return };
        let waiting = std::mem::take(waiting);
        let head = match head {
            Ok(head) => head.map(|head| *head),
            Err(error) => {
                let failure = Failure::unread(&error);
                waiting
                    .iter()
                    .for_each(|message| self.answer(message.ticket, Err(failure.clone())));
                return self.end();
            }
        };
        let account = Account::new(self.merchant, head);
        self.made.push_back(account.link());
        self.state = State::Live(Box::new(Live::new(account)));
        waiting.into_iter().for_each(|message| self.ask(message));
    }

    fn found(&mut self, found: Vec<(Key, Option<Record>)>) {
        let State::Live(live) = &mut self.state else { return };
        let ready = found.into_iter().filter_map(|(key, record)| live.learn(key, record)).collect();
        self.advance(ready);
    }

    fn not_found(&mut self, keys: &[Key], error: &ReadError) {
        let State::Live(live) = &mut self.state else { return };
        let (failed, ready) = live.give_up(keys);
        failed.into_iter().for_each(|ticket| self.answer(ticket, Err(Failure::unread(error))));
        self.advance(ready);
    }

    /// Decides whatever may be decided, beginning with these messages, and looks up what they lack.
    fn advance(&mut self, mut ready: Vec<Ticket>) {
        let mut lacking = vec![];
        while let Some(ticket) = ready.pop() {
            let State::Live(live) = &mut self.state else { return };
            if !live.may_be_decided(ticket, &mut lacking) {
                continue;
            }
            let Some(parked) = live.parked.remove(&ticket) else { continue };
            let (held, rows) = match live.decide(ticket, &parked) {
                Ok(decided) => decided,
                Err(broken) => return self.overtaken_by(ticket, &broken),
            };
            ready.extend(live.leave_lines(ticket, &parked.keys));
            if !rows.is_empty() {
                let head = live.account.head().expect("an event makes a head").clone();
                if self.fence != Fence::Never {
                    self.made.extend(rows.iter().map(|row| row.link));
                }
                self.effects.push(Effect::Append(rows, Box::new(head)));
            }
            self.hold(held);
        }
        if !lacking.is_empty() {
            self.effects.push(Effect::Lookup(lacking));
        }
    }

    /// Answers now what rests on durable events, and later what does not.
    fn hold(&mut self, held: Held) {
        let State::Live(live) = &self.state else { return };
        if held.seen.seq > live.durable && !mutant::on(Mutant::AnswerBeforeDurable) {
            self.held.push_back(held);
        } else if self.fence == Fence::Never {
            self.answer(held.ticket, held.outcome);
        } else {
            self.unconfirmed.push(held);
        }
    }

    fn committed(&mut self, through: Seq) {
        if self.fence == Fence::UntilFirstCommit {
            self.fence = Fence::Never;
        }
        // Any later commit of its own confirms what rested on memory before it.
        for held in self.take_unconfirmed() {
            self.answer(held.ticket, held.outcome);
        }
        while self.held.front().is_some_and(|held| held.seen.seq <= through) {
            let held = self.held.pop_front().expect("it was just looked at");
            self.release(held, through);
        }
        while self.made.len() > 1 && self.made[1].seq <= through {
            self.made.pop_front();
        }
        match &mut self.state {
            State::Live(live) => live.clean(through),
            State::Ending(_) if self.held.is_empty() => self.end(),
            State::Starting(_) | State::Ending(_) | State::Over => {}
        }
    }

    /// Answers what no longer waits for events. What a message saw may have been stored, and changed by another owner, before
    /// the message came: only events decided with it or after it prove that it still held then.
    fn release(&mut self, held: Held, through: Seq) {
        let proven = held.first.is_some() || held.seen.seq < through;
        match &self.state {
            _ if proven || self.fence == Fence::Never => self.answer(held.ticket, held.outcome),
            State::Ending(trouble) => {
                let failure = Failure::NotDone(trouble.clone());
                self.answer(held.ticket, Err(failure));
            }
            State::Starting(_) | State::Live(_) | State::Over => self.unconfirmed.push(held),
        }
    }

    /// The incarnation is over. Who is told what depends on whose events came to nothing.
    fn failed(&mut self, failure: &AppendFailure) {
        for held in std::mem::take(&mut self.held) {
            let outcome = held.failure(failure);
            self.answer(held.ticket, Err(outcome));
        }
        let again = match failure {
            AppendFailure::NotDone(trouble) => trouble.clone(),
            AppendFailure::Refused { .. } => {
                Trouble::Unavailable("an event of another message was refused".into())
            }
            AppendFailure::Doubt { .. } => {
                Trouble::Unavailable("a commit before it is in doubt".into())
            }
        };
        self.give_up(again);
        self.end();
    }

    /// What waits for the store's word waits no more: the word that was asked for is nobody's.
    fn take_unconfirmed(&mut self) -> Vec<Held> {
        if let Confirming::Asked(_) = self.confirming {
            self.confirming = Confirming::Asked(0);
        }
        std::mem::take(&mut self.unconfirmed)
    }

    /// Another owner changed the merchant: nothing is decided any more, and what is in flight is awaited.
    fn overtaken(&mut self) {
        self.give_up(Trouble::Unavailable("another process changed this merchant".into()));
        if self.held.is_empty() {
            self.end();
        }
    }

    /// A decision does not fit the head that it was taken on. Where somebody else may write, a record that was looked up can be
    /// newer than this incarnation's head, and the fence would stop what follows from both. Elsewhere it is a bug of ours.
    fn overtaken_by(&mut self, ticket: Ticket, broken: &Broken) {
        let failure = match self.fence {
            Fence::Never => Failure::Defect(broken.to_string()),
            Fence::UntilFirstCommit | Fence::Always => {
                Failure::NotDone(Trouble::Unavailable(broken.to_string()))
            }
        };
        self.answer(ticket, Err(failure));
        self.overtaken();
    }

    /// Tells everything that is not in flight to ask again.
    fn give_up(&mut self, trouble: Trouble) {
        for held in self.take_unconfirmed() {
            self.answer(held.ticket, Err(Failure::NotDone(trouble.clone())));
        }
        let undecided: Vec<Ticket> = match &mut self.state {
            State::Starting(waiting) => waiting.drain(..).map(|message| message.ticket).collect(),
            State::Live(live) => std::mem::take(&mut live.parked).into_keys().collect(),
            State::Ending(_) | State::Over => vec![],
        };
        for ticket in undecided {
            self.answer(ticket, Err(Failure::NotDone(trouble.clone())));
        }
        self.state = State::Ending(trouble);
    }

    fn end(&mut self) {
        if !matches!(self.state, State::Over) {
            self.state = State::Over;
            self.effects.push(Effect::Over);
        }
    }

    /// Asks the store for the head, when something waits for its word and was decided after the last asking.
    fn confirm_what_rests_on_memory(&mut self) {
        if self.confirming == Confirming::Idle && !self.unconfirmed.is_empty() {
            self.confirming = Confirming::Asked(self.unconfirmed.len());
            self.effects.push(Effect::Confirm);
        }
    }

    fn confirmed(&mut self, head: Result<Link, ReadError>) {
        let Confirming::Asked(asked) = std::mem::replace(&mut self.confirming, Confirming::Idle)
        else {
            return;
        };
        match head {
            // A commit of its own came in between and confirmed everything.
            _ if asked == 0 => {}
            Err(error) => {
                for held in self.unconfirmed.drain(..asked).collect::<Vec<_>>() {
                    self.answer(held.ticket, Err(Failure::unread(&error)));
                }
            }
            Ok(link) if self.made.contains(&link) => {
                for held in self.unconfirmed.drain(..asked).collect::<Vec<_>>() {
                    debug_assert!(
                        held.seen.seq <= link.seq,
                        "what is not durable is held, not confirmed"
                    );
                    self.answer(held.ticket, held.outcome);
                }
            }
            Ok(_) => self.overtaken(),
        }
    }
}

impl Held {
    /// What this message hears when appends came to nothing.
    fn failure(&self, failure: &AppendFailure) -> Failure {
        match (failure, self.first) {
            (AppendFailure::NotDone(trouble), _) => Failure::NotDone(trouble.clone()),
            (AppendFailure::Refused { seq, constraint }, Some(first))
                if (first..=self.seen.seq).contains(seq) =>
            {
                Failure::Defect(format!("the store refused an event: {constraint}"))
            }
            (AppendFailure::Doubt { through }, Some(_))
                if self.seen.seq <= *through && !mutant::on(Mutant::DoubtSaidAsFailure) =>
            {
                Failure::Doubt
            }
            (AppendFailure::Refused { .. } | AppendFailure::Doubt { .. }, _) => {
                Failure::NotDone(Trouble::Unavailable("an event before it was not stored".into()))
            }
        }
    }
}
