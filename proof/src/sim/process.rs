//! A process: its registry, its actors and the two shells around the store. All of it is gone when the process dies.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tally_actors::batcher::{Incarnation, Input as Batching};
use tally_actors::domain::ids::MerchantId;
use tally_actors::pipeline::{Effect, Fence, Input};

use super::actor::{Actor, InHand, Mail};
use super::door::Door;
use super::fault::Fault;
use super::item::{CallId, Item, Leg, Place};
use super::payer::Payer;
use super::plan::Plan;
use super::reader::Reader;
use super::refunder::Refunder;
use super::stage::Stage;
use super::writer::{News, Outcome, Writer};

pub(super) struct Process {
    pub(super) place: Place,
    pub(super) shared: bool,
    calls_max: usize,
    leave_after: u64,
    registry: BTreeMap<MerchantId, Entry>,
    pub(super) actors: BTreeMap<Incarnation, Actor>,
    incarnations: u64,
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    /// Calls at the front door.
    pub(super) doors: BTreeMap<CallId, Door>,
    pub(super) payer: Payer,
    pub(super) refunder: Refunder,
    /// How far its clock is from the right one, in milliseconds.
    pub(super) clock: i64,
    /// Something happened after which it must end.
    pub(super) fatal: bool,
}

struct Entry {
    incarnation: Incarnation,
    calls: Rc<Cell<usize>>,
}

impl Process {
    pub(super) fn new(place: Place, clock: i64, plan: &Plan) -> Self {
        Self {
            place,
            shared: plan.nodes > 1,
            calls_max: plan.calls_max,
            leave_after: plan.leave_after,
            registry: BTreeMap::new(),
            actors: BTreeMap::new(),
            incarnations: 0,
            writer: Writer::new(place, plan),
            reader: Reader::new(place, plan),
            doors: BTreeMap::new(),
            payer: Payer::new(plan.gaps),
            refunder: Refunder::new(plan.gaps),
            clock,
            fatal: false,
        }
    }

    /// What its clock shows.
    pub(super) fn now(&self, stage: &Stage) -> tally_actors::domain::time::At {
        stage.true_time().plus_ms(self.clock)
    }

    /// The merchant's live actor and a counted call to it; `None`: it has too many in hand.
    pub(super) fn call(
        &mut self,
        of: MerchantId,
        stage: &mut Stage,
    ) -> Option<(Incarnation, InHand)> {
        let known =
            self.registry.get(&of).map(|entry| (entry.incarnation, Rc::clone(&entry.calls)));
        let (incarnation, calls) = match known {
            Some((incarnation, calls)) if self.actors.contains_key(&incarnation) => {
                (incarnation, calls)
            }
            Some((_, calls)) => (self.start(of, stage), calls),
            None => (self.start(of, stage), Rc::default()),
        };
        self.registry.insert(of, Entry { incarnation, calls: Rc::clone(&calls) });
        (calls.get() < self.calls_max).then(|| (incarnation, InHand::count(&calls)))
    }

    fn start(&mut self, of: MerchantId, stage: &mut Stage) -> Incarnation {
        self.incarnations += 1;
        let incarnation = Incarnation(self.incarnations);
        stage.note(self.place, || format!("{of} starts incarnation {}", incarnation.0));
        stage.count("actor", "started");
        self.actors.insert(incarnation, Actor::new(of, incarnation));
        self.send(incarnation, Mail::Started, stage);
        stage.at(self.leave_after, Item::Tick(self.place, incarnation));
        incarnation
    }

    /// Puts a message into an actor's mailbox; one that is gone gets none.
    pub(super) fn send(&mut self, incarnation: Incarnation, mail: Mail, stage: &mut Stage) {
        if let Some(actor) = self.actors.get_mut(&incarnation) {
            actor.mailbox.push_back(mail);
            stage.after(Leg::Mail, Item::Mail(self.place, incarnation));
        }
    }

    /// An actor takes its next message.
    pub(super) fn mail(&mut self, incarnation: Incarnation, stage: &mut Stage) {
        let Some(mut actor) = self.actors.remove(&incarnation) else { return };
        let (of, mut lives) = (actor.of, true);
        match actor.mailbox.pop_front() {
            None => {}
            Some(Mail::Started) => self.writer.send(Batching::Open(of, incarnation), stage),
            Some(Mail::Opened) => {
                actor.pipeline.let_in(Fence::of(self.shared, self.writer.doubted(&of)));
                self.reader.head(of, incarnation, stage);
            }
            Some(Mail::Told(input)) => lives = self.take(&mut actor, input, None, stage),
            Some(Mail::Ask(message, waiter)) => {
                let ticket = actor.accept(waiter);
                let dies = stage.strikes(Fault::Panic).then(|| stage.below(4));
                if dies == Some(0) {
                    lives = false;
                } else {
                    let input = Input::Ask(ticket, Box::new(message.command), message.asked);
                    lives = self.take(&mut actor, input, dies, stage);
                }
            }
        }
        if lives {
            self.actors.insert(incarnation, actor);
        } else {
            self.bury(actor, stage);
        }
    }

    /// Gives a pipeline an input and does what comes of it; it may die in the middle. `false`: the actor is no more.
    fn take(
        &mut self,
        actor: &mut Actor,
        input: Input,
        dies: Option<usize>,
        stage: &mut Stage,
    ) -> bool {
        let mut lives = true;
        let effects = actor.take(input);
        for (done, effect) in effects.into_iter().enumerate() {
            if dies.is_some_and(|after| done + 1 >= after) {
                break;
            }
            lives &= self.perform(actor, effect, stage);
        }
        if actor.pipeline.is_unknown() && actor.pipeline.is_idle() {
            lives &= !self.leaves(actor);
        }
        lives && dies.is_none()
    }

    fn perform(&mut self, actor: &mut Actor, effect: Effect, stage: &mut Stage) -> bool {
        let (of, incarnation) = (actor.of, actor.incarnation);
        match effect {
            Effect::Lookup(keys) => self.reader.lookup(of, incarnation, keys, stage),
            Effect::Append(rows, head) => {
                self.writer.send(Batching::Append(of, incarnation, rows, head), stage);
            }
            Effect::Confirm => self.reader.confirm(of, incarnation, stage),
            Effect::Answer(ticket, outcome) => {
                if let Some(waiter) = actor.waiter(ticket) {
                    self.heard(waiter, outcome, stage);
                }
            }
            Effect::Over => {
                let over = |entry: &Entry| entry.incarnation == incarnation;
                if self.registry.get(&of).is_some_and(over) {
                    self.registry.remove(&of);
                }
                stage.count("actor", "over");
                return false;
            }
        }
        true
    }

    /// Lets an idle incarnation go, unless somebody calls it at this moment.
    fn leaves(&mut self, actor: &Actor) -> bool {
        let nobody_calls =
            |entry: &Entry| entry.incarnation == actor.incarnation && entry.calls.get() == 0;
        let leaves = self.registry.get(&actor.of).is_some_and(nobody_calls);
        if leaves {
            self.registry.remove(&actor.of);
        }
        leaves
    }

    /// An actor looks whether it was idle for the whole time since it last did.
    pub(super) fn tick(&mut self, incarnation: Incarnation, stage: &mut Stage) {
        let Some(mut actor) = self.actors.remove(&incarnation) else { return };
        if actor.was_idle() && self.leaves(&actor) {
            stage.count("actor", "left");
            return self.bury(actor, stage);
        }
        self.actors.insert(incarnation, actor);
        stage.at(self.leave_after, Item::Tick(self.place, incarnation));
    }

    /// However an actor ends: the writer hears of it, and so does everybody who waits.
    fn bury(&mut self, actor: Actor, stage: &mut Stage) {
        let (of, incarnation) = (actor.of, actor.incarnation);
        stage.note(self.place, || format!("{of} incarnation {} is gone", incarnation.0));
        self.writer.send(Batching::Close(of, incarnation), stage);
        for (waiter, outcome) in actor.buried() {
            self.heard(waiter, outcome, stage);
        }
    }

    /// The writer's news reach the mailboxes.
    pub(super) fn spread(&mut self, outcome: Outcome, stage: &mut Stage) {
        self.fatal |= outcome.fatal;
        for (incarnation, news) in outcome.news {
            let mail = match news {
                News::Opened => Mail::Opened,
                News::Told(input) => Mail::Told(input),
            };
            self.send(incarnation, mail, stage);
        }
    }

    /// The reader's answers reach the mailboxes.
    pub(super) fn told(&mut self, statement: u64, stage: &mut Stage) {
        for (asker, input) in self.reader.told(statement, stage) {
            self.send(asker, Mail::Told(input), stage);
        }
    }

    /// What is still in memory when nobody is called any more; `None`: nothing but entries of actors that died with a message
    /// in hand, which stand until the merchant is called again.
    pub(super) fn leftover(&self) -> Option<&'static str> {
        let empty = [
            (self.actors.is_empty(), "an actor"),
            (self.doors.is_empty(), "a call at the front door"),
            (
                self.writer.is_empty(),
                "something of the writer: a message, a batch, a lane or an owner",
            ),
            (self.reader.is_empty(), "a question of the reader"),
        ];
        empty.into_iter().find(|(empty, _)| !empty).map(|(_, what)| what)
    }
}
