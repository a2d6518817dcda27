//! A pipeline under any schedule of messages, lookups, commits and confirmations: each answer is one that a single account
//! with all records at hand gives at a moment between the question and the answer.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::support::{fen, id, now, payment, rules};
use crate::domain::account::Account;
use crate::domain::books::{Books, Key, Record};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Answer, Command, Confirm, OpenOrder, Settle, Withdraw};
use crate::domain::event::{Event, Stamped};
use crate::domain::order::Channel;
use crate::domain::refusal::Refusal;
use crate::domain::withdrawal::WithdrawalRequest;
use crate::pipeline::{Effect, Failure, Fence, Input, Outcome, Pipeline, Ticket};
use crate::ports::Row;

#[derive(Debug, Clone)]
enum Step {
    Ask(Command),
    /// One of the lookups under way is answered, as the store was when it was asked or as it is now.
    Found(Index, bool),
    /// The next messages' events become durable, up to this one.
    Commit(Index),
    /// The store's word on its head arrives.
    Confirm,
}

fn command() -> impl Strategy<Value = Command> {
    (0..8_u8, 0..3_u8, prop::option::weighted(0.3, 0..2_u8), 1..3_u64, any::<bool>()).prop_map(
        |(kind, no, key, hundreds, flag)| {
            let idempotency_key = key.map(|key| format!("key {key}").parse().unwrap());
            let amount = fen(hundreds * 100);
            match kind {
                0 | 1 => Command::OpenOrder(OpenOrder {
                    order_no: format!("O10{no}").parse().unwrap(),
                    idempotency_key,
                    amount,
                    description: "apples".into(),
                    channel: Channel::External,
                    expires_at: now(),
                }),
                2 | 3 => Command::Pay(payment(&format!("O10{no}"), amount.fen())),
                4 => Command::CloseOrder(format!("O10{no}").parse().unwrap()),
                5 => Command::Settle(Settle {
                    settlement_no: format!("S10{no}").parse().unwrap(),
                    idempotency_key,
                    include_not_due: flag,
                }),
                6 => Command::Withdraw(Withdraw {
                    withdrawal_no: format!("W10{no}").parse().unwrap(),
                    idempotency_key,
                    request: WithdrawalRequest { amount: Some(amount), settle_first: flag },
                    settlement_no: format!("S20{no}").parse().unwrap(),
                    asked_by: "k1".parse().unwrap(),
                    transfers_open: true,
                }),
                _ if flag => Command::Read,
                _ => Command::Confirm(Confirm {
                    withdrawal_no: format!("W10{no}").parse().unwrap(),
                    succeeded: hundreds == 1,
                    reference: "B1".into(),
                    reason: "no such account".into(),
                }),
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => command().prop_map(Step::Ask),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(which, now)| Step::Found(which, now)),
        2 => any::<Index>().prop_map(Step::Commit),
        1 => Just(Step::Confirm),
    ]
}

/// What an account with all records at hand makes of a command: it looks nothing up.
fn decided(account: &Account, command: &Command) -> (Result<Vec<Event>, Refusal>, Account) {
    let mut account = account.clone();
    loop {
        let mut unknown = account.keys(command);
        unknown.retain(|key| !account.books().knows(key));
        if unknown.is_empty() {
            return (account.decide(command, now()), account);
        }
        unknown.into_iter().for_each(|key| account.books_mut().learn(key, None));
    }
}

fn apply(account: &mut Account, rows: &[Row]) {
    for row in rows {
        for key in Books::touched_by(row.event()) {
            account.books_mut().learn(key, None);
        }
        account.apply(&row.stamped, row.link).unwrap();
    }
}

/// A message's events, and whether an answer has told of them.
struct Append {
    rows: Vec<Row>,
    told: bool,
}

/// A pipeline, its store, and the account at the end of each message's events.
struct Room {
    pipeline: Pipeline,
    stored: Account,
    moments: BTreeMap<Seq, Account>,
    appends: Vec<Append>,
    /// How many of them are durable.
    durable: usize,
    lookups: Vec<(Key, Option<Record>)>,
    confirms: usize,
    asked: BTreeMap<Ticket, (Command, Seq)>,
    tickets: u64,
}

impl Room {
    fn new(fence: Fence) -> Self {
        let mut stored = Account::new(id("m1"), None);
        let Ok(events) = stored.decide(&Command::Register(rules()), now()) else { panic!() };
        let row = Row::new(&id("m1"), Link::default(), Stamped::new(now(), events[0].clone()));
        apply(&mut stored, &[row]);
        let mut pipeline = Pipeline::new(id("m1"), fence);
        pipeline.take(Input::Head(Ok(stored.head().cloned().map(Box::new))));
        let moments = [(stored.link().seq, stored.clone())].into();
        let (appends, lookups, asked) = Default::default();
        let (durable, confirms, tickets) = (0, 0, 0);
        Self { pipeline, stored, moments, appends, durable, lookups, confirms, asked, tickets }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Ask(mut command) => {
                self.tickets += 1;
                command.number_anew(&format!("made{}", self.tickets));
                let ticket = Ticket(self.tickets);
                self.asked.insert(ticket, (command.clone(), self.stored.link().seq));
                self.input(Input::Ask(ticket, Box::new(command), now().into()));
            }
            Step::Found(which, newly) if !self.lookups.is_empty() => {
                self.found(which.index(self.lookups.len()), newly);
            }
            Step::Commit(which) if self.waiting() > 0 => {
                self.commit(which.index(self.waiting()) + 1);
            }
            Step::Confirm if self.confirms > 0 => {
                self.confirms -= 1;
                self.input(Input::Confirmed(Ok(self.stored.link())));
            }
            Step::Found(..) | Step::Commit(_) | Step::Confirm => {}
        }
    }

    fn found(&mut self, which: usize, newly: bool) {
        let (key, read) = self.lookups.remove(which);
        let read = if newly { self.stored.books().get(&key).cloned() } else { read };
        self.input(Input::Found(vec![(key, read)]));
    }

    /// How many messages have events that are not durable.
    fn waiting(&self) -> usize {
        self.appends.len() - self.durable
    }

    fn commit_all(&mut self) {
        if self.waiting() > 0 {
            self.commit(self.waiting());
        }
    }

    fn commit(&mut self, messages: usize) {
        for append in &self.appends[self.durable..][..messages] {
            apply(&mut self.stored, &append.rows);
        }
        self.durable += messages;
        self.input(Input::Committed(self.stored.link().seq));
    }

    fn input(&mut self, input: Input) {
        for effect in self.pipeline.take(input) {
            match effect {
                Effect::Lookup(keys) => {
                    for key in keys {
                        assert!(
                            self.lookups.iter().all(|(other, _)| *other != key),
                            "{key:?} twice"
                        );
                        self.lookups.push((key, self.stored.books().get(&key).cloned()));
                    }
                }
                Effect::Append(rows, head) => {
                    let (_, newest) = self.moments.last_key_value().unwrap();
                    let mut account = newest.clone();
                    apply(&mut account, &rows);
                    assert_eq!(account.head(), Some(&*head));
                    self.moments.insert(head.link.seq, account);
                    self.appends.push(Append { rows, told: false });
                }
                Effect::Confirm => self.confirms += 1,
                Effect::Answer(ticket, outcome) => self.answered(ticket, outcome),
                Effect::Over => panic!("nothing failed"),
            }
        }
    }

    fn answered(&mut self, ticket: Ticket, outcome: Result<Outcome, Failure>) {
        let (command, since) = self.asked.remove(&ticket).expect("each is answered once");
        let until = self.stored.link().seq;
        let told = match &outcome {
            Ok(Outcome { answer, fresh: true }) => self.told(&command, since, until, answer),
            Ok(Outcome { answer, fresh: false }) => {
                self.moments.range(since..=until).any(|(_, account)| {
                    let (events, account) = decided(account, &command);
                    events == Ok(vec![]) && account.answer(&command) == *answer
                })
            }
            Err(Failure::Refused(refusal)) => self
                .moments
                .range(since..=until)
                .any(|(_, account)| decided(account, &command).0.as_ref() == Err(refusal)),
            Err(failure) => panic!("nothing failed: {failure:?}"),
        };
        assert!(told, "{command:?}, asked at {since} and answered at {until}: {outcome:?}");
    }

    /// Whether this is the answer to a message whose events were made and became durable in the meantime, and of which no
    /// other answer told.
    fn told(&mut self, command: &Command, since: Seq, until: Seq, answer: &Answer) -> bool {
        let moments = &self.moments;
        let made = self.appends.iter_mut().find(|append| {
            let (first, last) = (append.rows[0].follows, append.rows[append.rows.len() - 1].link);
            if append.told || first.seq < since || last.seq > until {
                return false;
            }
            let (events, _) = decided(&moments[&first.seq], command);
            let rows = append.rows.iter().map(|row| row.event().clone()).collect();
            events == Ok(rows) && decided(&moments[&last.seq], command).1.answer(command) == *answer
        });
        made.map(|append| append.told = true).is_some()
    }

    /// Everything that is under way comes to its end.
    fn finish(mut self) {
        while !self.asked.is_empty() {
            let left = (self.lookups.len(), self.waiting(), self.confirms);
            assert_ne!(left, (0, 0, 0), "{:?} wait for nothing", self.asked);
            if !self.lookups.is_empty() {
                self.found(0, true);
            }
            self.commit_all();
            self.take(Step::Confirm);
        }
        self.commit_all();
        (0..self.lookups.len()).for_each(|_| self.found(0, true));
        assert!(self.appends.iter().all(|append| append.told));
        assert!(self.pipeline.is_idle());
        assert_eq!(self.pipeline.records(), 0);
    }
}

proptest! {
    #[test]
    fn any_schedule_gives_the_answers_of_some_order(
        fence in prop::sample::select(vec![Fence::Never, Fence::UntilFirstCommit, Fence::Always]),
        steps in vec(step(), 1..80),
    ) {
        let mut room = Room::new(fence);
        steps.into_iter().for_each(|step| room.take(step));
        room.finish();
    }
}
