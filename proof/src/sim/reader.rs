//! The reader of a process: gathers heads and lookups into rounds, as `actors/src/reader.rs`, without tasks.

use std::collections::{BTreeMap, VecDeque};

use tally_actors::batcher::Incarnation;
use tally_actors::domain::books::Key;
use tally_actors::domain::ids::MerchantId;
use tally_actors::limits::READ_ROUNDS_MAX;
use tally_actors::pipeline::Input;
use tally_actors::ports::{HeadRead, ReadError, RecordRead, Store};
use tally_actors::told::{self, OfLookups};

use super::fault::Fault;
use super::item::{Item, Leg, Place};
use super::plan::{Plan, SECOND};
use super::stage::Stage;
use super::store::{read_error, ready};

pub(super) struct Reader {
    place: Place,
    round_max: usize,
    inbox: VecDeque<Message>,
    /// Statements under way. A round has one for heads, one for lookups, or both.
    statements: BTreeMap<u64, Statement>,
    begun: u64,
    waking: bool,
}

struct Message {
    of: MerchantId,
    asker: Incarnation,
    question: Question,
}

enum Question {
    Head,
    Confirm,
    Lookup(Vec<Key>),
}

/// One statement: read at one instant, told at another.
struct Statement {
    round: u64,
    messages: Vec<Message>,
    heads: Vec<HeadRead>,
    records: Vec<RecordRead>,
}

impl Reader {
    pub(super) fn new(place: Place, plan: &Plan) -> Self {
        Self {
            place,
            round_max: plan.round_max,
            inbox: VecDeque::new(),
            statements: BTreeMap::new(),
            begun: 0,
            waking: false,
        }
    }

    pub(super) fn head(&mut self, of: MerchantId, asker: Incarnation, stage: &mut Stage) {
        self.send(Message { of, asker, question: Question::Head }, stage);
    }

    pub(super) fn confirm(&mut self, of: MerchantId, asker: Incarnation, stage: &mut Stage) {
        self.send(Message { of, asker, question: Question::Confirm }, stage);
    }

    pub(super) fn lookup(
        &mut self,
        of: MerchantId,
        asker: Incarnation,
        keys: Vec<Key>,
        stage: &mut Stage,
    ) {
        self.send(Message { of, asker, question: Question::Lookup(keys) }, stage);
    }

    fn send(&mut self, message: Message, stage: &mut Stage) {
        self.inbox.push_back(message);
        self.wake(stage);
    }

    fn wake(&mut self, stage: &mut Stage) {
        if !std::mem::replace(&mut self.waking, true) {
            stage.after(Leg::Wake, Item::Reader(self.place));
        }
    }

    fn rounds(&self) -> usize {
        let mut rounds: Vec<u64> = self.statements.values().map(|asked| asked.round).collect();
        rounds.dedup();
        rounds.len()
    }

    /// Begins a round with some of what waits, when one may begin.
    pub(super) fn turn(&mut self, stage: &mut Stage) {
        self.waking = false;
        if self.inbox.is_empty() || self.rounds() >= READ_ROUNDS_MAX {
            return;
        }
        let taken = 1 + stage.below(self.inbox.len().min(self.round_max));
        let messages = self.inbox.drain(..taken);
        let (lookups, heads): (Vec<_>, Vec<_>) =
            messages.partition(|message| matches!(message.question, Question::Lookup(_)));
        let round = self.begun;
        for messages in [heads, lookups] {
            if messages.is_empty() {
                continue;
            }
            self.begun += 1;
            let (heads, records) = (vec![], vec![]);
            self.statements.insert(self.begun, Statement { round, messages, heads, records });
            stage.after(Leg::Read, Item::Read(self.place, self.begun));
        }
        if !self.inbox.is_empty() {
            self.wake(stage);
        }
    }

    /// A statement reads.
    pub(super) fn read(&mut self, statement: u64, stage: &mut Stage) {
        let Some(asked) = self.statements.get_mut(&statement) else { return };
        let fails = stage.read_fails();
        let of_heads = |message: &Message| {
            (!matches!(message.question, Question::Lookup(_))).then_some(message.of)
        };
        let merchants: Vec<MerchantId> = asked.messages.iter().filter_map(of_heads).collect();
        let keys: Vec<(MerchantId, Key)> = asked.messages.iter().flat_map(wanted).collect();
        asked.heads = match ready(stage.store.inner.heads(merchants.clone())) {
            Ok(heads) if !fails => heads,
            Ok(_) | Err(_) => vec![Err(read_error()); merchants.len()],
        };
        asked.records = match ready(stage.store.inner.lookup(keys.clone())) {
            Ok(records) if !fails => records,
            Ok(_) | Err(_) => vec![Err::<_, ReadError>(read_error()); keys.len()],
        };
        stage.note(self.place, || {
            let what = if fails { "fails to read" } else { "reads" };
            format!("{what} heads of {merchants:?}, records of {keys:?}")
        });
        let told = Item::Told(self.place, statement);
        if stage.strikes(Fault::SlowRead) {
            let late = stage.random.below(5 * SECOND);
            stage.at(late, told);
        } else {
            stage.after(Leg::Told, told);
        }
    }

    /// What a statement's askers are told, each in one piece as far as possible.
    pub(super) fn told(&mut self, statement: u64, stage: &mut Stage) -> Vec<(Incarnation, Input)> {
        let Some(asked) = self.statements.remove(&statement) else { return vec![] };
        let (mut heads, mut records) = (asked.heads.into_iter(), asked.records.into_iter());
        let mut told = vec![];
        let mut lookups: BTreeMap<Incarnation, OfLookups> = BTreeMap::new();
        for message in asked.messages {
            let mut head = || heads.next().expect("an answer to each question");
            match message.question {
                Question::Head => told.push((message.asker, told::of_head(head()))),
                Question::Confirm => told.push((message.asker, told::of_confirmation(head()))),
                Question::Lookup(keys) => {
                    let of = lookups.entry(message.asker).or_default();
                    keys.into_iter().zip(&mut records).for_each(|(key, read)| of.add(key, read));
                }
            }
        }
        for (asker, of) in lookups {
            told.extend(of.inputs().into_iter().map(|input| (asker, input)));
        }
        if !self.inbox.is_empty() {
            self.wake(stage);
        }
        told
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.statements.is_empty()
    }
}

fn wanted(message: &Message) -> impl Iterator<Item = (MerchantId, Key)> {
    let keys = match &message.question {
        Question::Lookup(keys) => keys.as_slice(),
        Question::Head | Question::Confirm => &[],
    };
    keys.iter().map(|key| (message.of, *key))
}
