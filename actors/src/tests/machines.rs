//! The machines by hand: what a schedule of inputs leads to, without actors and threads.

mod endings;

use super::support::{fen, id, now, payment, rules};
use crate::batcher::{Batcher, Effect as Batched, Incarnation, Input as Batching};
use crate::domain::books::{Key, Record, Route};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Command, OpenOrder, RulesChange, Settle};
use crate::domain::head::Head;
use crate::domain::order::Channel;
use crate::domain::time::At;
use crate::limits::CLOCK_BEHIND_MAX_MS;
use crate::pipeline::{AppendFailure, Effect, Failure, Fence, Input, Pipeline, Ticket};
use crate::ports::{Batch, Commit, Row, Trouble};

fn open(no: &str, amount: u64) -> Box<Command> {
    Box::new(Command::OpenOrder(OpenOrder {
        order_no: no.parse().unwrap(),
        idempotency_key: None,
        amount: fen(amount),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: now(),
    }))
}

fn pay(no: &str, amount: u64) -> Box<Command> {
    Box::new(Command::Pay(payment(no, amount)))
}

fn order(no: &str) -> Key {
    Key::Order(no.parse().unwrap())
}

fn transaction(no: &str) -> Key {
    Key::Transaction(format!("T{no}").parse().unwrap())
}

/// A live pipeline of a merchant that was just registered, and its head.
fn live(fence: Fence) -> (Pipeline, Head) {
    let mut registering = Pipeline::new(id("m1"), Fence::Never);
    registering.take(Input::Head(Ok(None)));
    let effects =
        registering.take(Input::Ask(Ticket(0), Box::new(Command::Register(rules())), now().into()));
    let [Effect::Append(_, head)] = &effects[..] else { panic!("{effects:?}") };
    let mut pipeline = Pipeline::new(id("m1"), fence);
    assert!(pipeline.take(Input::Head(Ok(Some(head.clone())))).is_empty());
    (pipeline, Head::clone(head))
}

fn ask(pipeline: &mut Pipeline, ticket: u64, command: Box<Command>) -> Vec<Effect> {
    ask_at(pipeline, ticket, command, now())
}

fn ask_at(pipeline: &mut Pipeline, ticket: u64, command: Box<Command>, at: At) -> Vec<Effect> {
    pipeline.take(Input::Ask(Ticket(ticket), command, at.into()))
}

fn nothing_found(keys: &[Key]) -> Input {
    Input::Found(keys.iter().map(|key| (*key, None)).collect())
}

fn rows(effects: Vec<Effect>) -> (Vec<Row>, Box<Head>) {
    for effect in effects {
        if let Effect::Append(rows, head) = effect {
            return (rows, head);
        }
    }
    panic!("nothing was appended");
}

fn answered(effects: &[Effect]) -> Vec<u64> {
    let ticket = |effect: &Effect| {
        if let Effect::Answer(ticket, _) = effect { Some(ticket.0) } else { None }
    };
    effects.iter().filter_map(ticket).collect()
}

#[test]
fn a_message_waits_for_its_own_keys_only_and_each_key_is_looked_up_once() {
    let (mut pipeline, _) = live(Fence::Never);
    let effects = ask(&mut pipeline, 1, open("O100", 500));
    assert!(
        matches!(&effects[..], [Effect::Lookup(keys)] if keys[..] == [order("O100")]),
        "{effects:?}"
    );
    let effects = ask(&mut pipeline, 2, pay("O100", 500));
    assert!(
        matches!(&effects[..], [Effect::Lookup(keys)] if keys[..] == [transaction("O100")]),
        "{effects:?}"
    );
    assert!(ask(&mut pipeline, 3, open("O100", 500)).is_empty(), "it is in line");
    let effects = ask(&mut pipeline, 4, Box::new(Command::Read));
    assert_eq!(answered(&effects), [4], "what needs no lookup goes on");
    assert!(
        pipeline.take(nothing_found(&[transaction("O100")])).is_empty(),
        "the payment is second in line"
    );
    let effects = pipeline.take(nothing_found(&[order("O100")]));
    let kinds: Vec<&str> = effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Append(rows, _) = effect { Some(rows[0].event().kind()) } else { None }
        })
        .collect();
    assert_eq!(
        kinds,
        ["order_opened", "order_paid"],
        "in the order of arrival, on top of each other"
    );
    assert!(answered(&effects).is_empty(), "nothing is durable yet");
    let effects = pipeline.take(Input::Committed(Seq(3)));
    assert_eq!(answered(&effects), [1, 2, 3], "the repeat waited for what it saw");
}

/// A caller's key leads to a number. Whoever lined up for that number before it was first in line for the key would wait
/// for somebody who waits for it.
#[test]
fn messages_with_one_idempotency_key_do_not_wait_for_each_other_in_a_circle() {
    let (mut pipeline, _) = live(Fence::Never);
    let key = "a key".parse().unwrap();
    let open = |no: &str| {
        let Command::OpenOrder(open) = *open(no, 500) else { unreachable!() };
        Box::new(Command::OpenOrder(OpenOrder { idempotency_key: Some(key), ..open }))
    };
    ask(&mut pipeline, 1, open("O100"));
    pipeline.take(nothing_found(&[Key::Idempotency(Route::Orders, key)]));
    ask(&mut pipeline, 2, open("O200"));
    ask(&mut pipeline, 3, open("O300"));
    let (rows, _) = rows(pipeline.take(nothing_found(&[order("O100")])));
    ask(&mut pipeline, 4, open("O400"));
    pipeline.take(nothing_found(&[order("O200")]));
    pipeline.take(nothing_found(&[order("O300")]));
    assert_eq!(answered(&pipeline.take(Input::Committed(rows[0].link.seq))), [1, 2, 3, 4]);
    assert!(pipeline.is_idle());
}

#[test]
fn records_are_dropped_once_they_are_stored_and_nobody_needs_them() {
    let (mut pipeline, _) = live(Fence::Never);
    for n in 0..100 {
        let no = format!("O{n:04}");
        ask(&mut pipeline, n, open(&no, 500));
        pipeline.take(nothing_found(&[order(&no)]));
    }
    assert_eq!(pipeline.records(), 100, "what is not stored is in memory only");
    pipeline.take(Input::Committed(Seq(60)));
    assert_eq!(pipeline.records(), 41);
    pipeline.take(Input::Committed(Seq(101)));
    assert_eq!(pipeline.records(), 0);
    assert!(pipeline.is_idle());
}

/// The time of an event never goes back within a merchant; dates are the message's own.
#[test]
fn a_clock_that_goes_back_moves_no_event_and_no_day() {
    let (mut pipeline, _) = live(Fence::Never);
    let tomorrow = now().plus_ms(86_400_000);
    let change = RulesChange { settle_after_days: Some(Some(1)), ..RulesChange::default() };
    ask(&mut pipeline, 1, Box::new(Command::ChangeRules(change)));
    ask(&mut pipeline, 2, open("O100", 500));
    pipeline.take(nothing_found(&[order("O100")]));
    ask_at(&mut pipeline, 3, pay("O100", 500), tomorrow);
    pipeline.take(nothing_found(&[transaction("O100")]));
    let settle = |no: &str| {
        let (settlement_no, idempotency_key) = (no.parse().unwrap(), None);
        Box::new(Command::Settle(Settle { settlement_no, idempotency_key, include_not_due: false }))
    };
    let number = |no: &str| Key::Settlement(no.parse().unwrap());
    ask_at(&mut pipeline, 4, settle("S100"), now());
    let effects = pipeline.take(nothing_found(&[number("S100")]));
    assert!(effects.is_empty(), "by its own clock nothing is due: {effects:?}");
    ask_at(&mut pipeline, 5, settle("S200"), tomorrow);
    let (settled, _) = rows(pipeline.take(nothing_found(&[number("S200")])));
    assert_eq!(settled[0].stamped.at, tomorrow);
    ask_at(&mut pipeline, 6, open("O200", 500), now());
    let (opened, _) = rows(pipeline.take(nothing_found(&[order("O200")])));
    assert_eq!(opened[0].stamped.at, tomorrow, "not before the event that it follows");
    let wrong = tomorrow.plus_ms(-CLOCK_BEHIND_MAX_MS - 1);
    ask_at(&mut pipeline, 7, open("O300", 500), wrong);
    let effects = pipeline.take(nothing_found(&[order("O300")]));
    assert!(effects.is_empty(), "its answer rests on what is not durable yet: {effects:?}");
    let effects = pipeline.take(Input::Committed(opened[0].link.seq));
    let told =
        |effect: &Effect| matches!(effect, Effect::Answer(Ticket(7), Err(Failure::NotDone(_))));
    assert!(effects.iter().any(told), "a clock so far behind records nothing: {effects:?}");
}

#[test]
fn memory_wins_over_what_was_read() {
    let (mut pipeline, _) = live(Fence::Never);
    ask(&mut pipeline, 1, open("O100", 500));
    pipeline.take(nothing_found(&[order("O100")]));
    // An answer that is older than the order, to nobody's question.
    pipeline.take(nothing_found(&[order("O100")]));
    let effects = ask(&mut pipeline, 2, pay("O100", 500));
    assert!(matches!(&effects[..], [Effect::Lookup(keys)] if keys[..] == [transaction("O100")]));
    let (rows, head) = rows(pipeline.take(nothing_found(&[transaction("O100")])));
    assert_eq!((rows[0].event().kind(), head.paid), ("order_paid", fen(500)));
}

#[test]
fn a_lookup_that_fails_costs_those_in_line_for_it_alone() {
    let (mut pipeline, _) = live(Fence::Never);
    ask(&mut pipeline, 1, pay("O100", 500));
    ask(&mut pipeline, 2, pay("O100", 500));
    ask(&mut pipeline, 3, open("O200", 500));
    let trouble = Trouble::Unavailable("slow".into());
    let keys = vec![order("O100"), transaction("O100")];
    let effects = pipeline.take(Input::NotFound(keys, trouble.into()));
    assert_eq!(answered(&effects), [1, 2]);
    let (rows, _) = rows(pipeline.take(nothing_found(&[order("O200")])));
    assert_eq!(rows.len(), 1);
    let effects = ask(&mut pipeline, 4, pay("O100", 500));
    assert!(matches!(&effects[..], [Effect::Lookup(keys)] if keys.len() == 2), "it is asked again");
}

#[test]
fn after_doubt_what_rests_on_memory_is_confirmed_until_the_first_commit() {
    let (mut pipeline, head) = live(Fence::UntilFirstCommit);
    let effects = ask(&mut pipeline, 1, Box::new(Command::Read));
    assert!(matches!(&effects[..], [Effect::Confirm]), "{effects:?}");
    assert!(
        ask(&mut pipeline, 2, Box::new(Command::Read)).is_empty(),
        "decided after the store was asked"
    );
    let effects = pipeline.take(Input::Confirmed(Ok(head.link)));
    assert!(
        matches!(&effects[..], [Effect::Answer(Ticket(1), Ok(_)), Effect::Confirm]),
        "{effects:?}"
    );
    ask(&mut pipeline, 3, open("O100", 500));
    let (rows, _) = rows(pipeline.take(nothing_found(&[order("O100")])));
    let effects = pipeline.take(Input::Committed(rows[0].link.seq));
    assert_eq!(answered(&effects), [2, 3], "its own commit confirms as well");
    pipeline.take(Input::Confirmed(Ok(head.link)));
    assert_eq!(
        answered(&ask(&mut pipeline, 4, Box::new(Command::Read))),
        [4],
        "memory is enough again"
    );
}

#[test]
fn what_was_asked_while_events_were_on_their_way_back_is_confirmed_unless_later_ones_were_stored() {
    let (mut pipeline, _) = live(Fence::Always);
    ask(&mut pipeline, 1, open("O100", 500));
    let (rows, _) = rows(pipeline.take(nothing_found(&[order("O100")])));
    // By now it may be stored, and another owner may have written on top.
    ask(&mut pipeline, 2, Box::new(Command::Read));
    let effects = pipeline.take(Input::Committed(Seq(2)));
    assert_eq!(answered(&effects), [1], "a read proves nothing by events that it only saw");
    assert!(matches!(effects[1], Effect::Confirm), "{effects:?}");
    let effects = pipeline.take(Input::Confirmed(Ok(rows[0].link)));
    assert_eq!(answered(&effects), [2]);
    ask(&mut pipeline, 3, open("O101", 500));
    pipeline.take(nothing_found(&[order("O101")]));
    ask(&mut pipeline, 4, Box::new(Command::Read));
    ask(&mut pipeline, 5, open("O102", 500));
    pipeline.take(nothing_found(&[order("O102")]));
    assert_eq!(answered(&pipeline.take(Input::Committed(Seq(4)))), [3, 4, 5]);
}

#[test]
fn a_head_that_another_made_ends_the_incarnation_and_answers_nothing_from_memory() {
    let (mut pipeline, head) = live(Fence::Always);
    ask(&mut pipeline, 1, Box::new(Command::Read));
    let other = Link { seq: head.link.seq.next(), ..head.link };
    let effects = pipeline.take(Input::Confirmed(Ok(other)));
    let told =
        |effect: &Effect| matches!(effect, Effect::Answer(Ticket(1), Err(Failure::NotDone(_))));
    assert!(told(&effects[0]) && matches!(effects[1], Effect::Over), "{effects:?}");
}

/// A merchant's next event after `follows`, as its pipeline would send it.
fn append(merchant: &str, incarnation: u64, follows: &mut Link, events: usize) -> Batching {
    let (mut pipeline, head) = live(Fence::Never);
    ask(&mut pipeline, 1, open("O100", 500));
    let (rows, _) = rows(pipeline.take(nothing_found(&[order("O100")])));
    let stamped = rows[0].stamped.clone();
    let mut sent = vec![];
    for _ in 0..events {
        let row = Row::new(&id(merchant), *follows, stamped.clone());
        *follows = row.link;
        sent.push(row);
    }
    let head = Head { merchant: id(merchant), link: *follows, ..head };
    Batching::Append(id(merchant), Incarnation(incarnation), sent, Box::new(head))
}

fn written(effect: Option<Batched>) -> std::sync::Arc<Batch> {
    match effect {
        Some(Batched::Write(batch)) => batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_waits_when_the_writer_is_free_is_the_next_batch_and_a_message_is_never_parted() {
    let mut batcher = Batcher::new(4);
    let (mut one, mut two) = (Link::default(), Link::default());
    batcher.take(Batching::Open(id("m1"), Incarnation(1)));
    batcher.take(Batching::Open(id("m2"), Incarnation(2)));
    batcher.take(append("m2", 2, &mut two, 1));
    let first = written(batcher.write());
    assert_eq!(first.runs.len(), 1);
    batcher.take(append("m1", 1, &mut one, 2));
    batcher.take(append("m1", 1, &mut one, 3));
    batcher.take(append("m1", 1, &mut one, 3));
    batcher.take(append("m2", 2, &mut two, 1));
    assert!(batcher.write().is_none(), "one is in flight");
    batcher.take(Batching::Done(Commit::Committed));
    let second = written(batcher.write());
    assert_eq!(second.runs.iter().map(|run| run.rows.len()).collect::<Vec<_>>(), [5]);
    assert!(batcher.write().is_none());
    batcher.take(Batching::Done(Commit::Committed));
    let third = written(batcher.write());
    let merchants: Vec<_> = third.runs.iter().map(|run| (run.merchant, run.rows.len())).collect();
    assert_eq!(merchants, [(id("m1"), 3), (id("m2"), 1)], "in merchant order");
    assert_eq!(third.runs[0].expects, second.runs[0].head.link, "without a gap");
}

#[test]
fn one_merchants_conflict_does_not_fail_the_others_of_its_batch() {
    let mut batcher = Batcher::new(100);
    let mut links = [Link::default(); 3];
    for (n, merchant) in ["m1", "m2", "m3"].into_iter().enumerate() {
        let incarnation = u64::try_from(n).unwrap();
        batcher.take(Batching::Open(id(merchant), Incarnation(incarnation)));
        batcher.take(append(merchant, incarnation, &mut links[n], 1));
    }
    written(batcher.write());
    batcher.take(append("m2", 1, &mut links[1], 1));
    let effects = batcher.take(Batching::Done(Commit::Conflict(vec![id("m2")])));
    assert!(
        matches!(&effects[0], Batched::Failed(Incarnation(1), AppendFailure::NotDone(_))),
        "{effects:?}"
    );
    let Batched::Write(again) = &effects[1] else { panic!("{effects:?}") };
    assert_eq!(again.runs.iter().map(|run| run.merchant).collect::<Vec<_>>(), [id("m1"), id("m3")]);
    let effects = batcher.take(Batching::Done(Commit::Committed));
    assert_eq!(effects.len(), 2);
    assert!(batcher.write().is_none(), "what was decided on top of the conflict is dropped");
    assert!(
        batcher.take(append("m2", 1, &mut links[1], 1)).is_empty(),
        "and what comes after it is refused"
    );
    assert!(batcher.is_idle());
}

#[test]
fn a_new_incarnation_is_let_in_when_nothing_of_the_old_one_is_under_way() {
    let mut batcher = Batcher::new(100);
    let mut link = Link::default();
    batcher.take(Batching::Open(id("m1"), Incarnation(1)));
    batcher.take(append("m1", 1, &mut link, 1));
    written(batcher.write());
    batcher.take(append("m1", 1, &mut link, 1));
    batcher.take(Batching::Close(id("m1"), Incarnation(1)));
    assert!(
        batcher.take(Batching::Open(id("m1"), Incarnation(2))).is_empty(),
        "a row is in flight"
    );
    let effects = batcher.take(append("m1", 1, &mut link, 1));
    assert!(matches!(&effects[..], [Batched::Failed(Incarnation(1), _)]), "{effects:?}");
    let effects = batcher.take(Batching::Done(Commit::Committed));
    let told = matches!(
        &effects[..],
        [Batched::Committed(Incarnation(1), Seq(1)), Batched::Opened(Incarnation(2))]
    );
    assert!(told, "{effects:?}");
    assert!(batcher.write().is_none(), "what it had queued is dropped");
    batcher.take(Batching::Close(id("m1"), Incarnation(2)));
    assert_eq!(batcher.lanes(), 0);
}

#[test]
fn a_key_that_names_another_thing_is_not_mistaken() {
    let (mut pipeline, _) = live(Fence::Never);
    ask(&mut pipeline, 1, pay("O100", 500));
    let found = Record::Transaction("O999".parse().unwrap());
    let effects = pipeline
        .take(Input::Found(vec![(order("O100"), None), (transaction("O100"), Some(found))]));
    let refused =
        matches!(&effects[..], [Effect::Lookup(keys)] if matches!(keys[..], [Key::Held(_)]));
    assert!(refused, "whether a case holds its money is looked up: {effects:?}");
}
