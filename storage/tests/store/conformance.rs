//! What every store must do, whatever it keeps its facts in.

use std::sync::Arc;

use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Command, TransferOutcome};
use tally_actors::domain::event::Event;
use tally_actors::domain::replay::Point;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::history::head_at;
use tally_actors::limits::CHECKPOINT_EVENTS;
use tally_actors::memory::MemoryStore;
use tally_actors::ports::{
    BadRow, Commit, OpenOrder, Page, Part, ReadError, Run, Store, WithdrawalUnderWay,
};
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;
use tally_storage::{ServerStore, SqliteStore};

use crate::support::*;

/// Runs each test against each store.
macro_rules! for_every_store {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().expect("a folder");
                let store = SqliteStore::open(&folder.path().join("tally.db")).await;
                super::$name(Arc::new(store.expect("it opens"))).await;
            })*
            use super::*;
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                // Where PostgreSQL is not installed, this says so.
                if let Some(server) = Postgres::shared() {
                    let store = ServerStore::open(&id(&server.fresh_database())).await;
                    super::$name(Arc::new(store.expect("it opens"))).await;
                }
            })*
            use super::*;
        }

        mod mariadb {
            $(#[tokio::test]
            async fn $name() {
                // Where MariaDB is not installed, this says so.
                if let Some(server) = Mariadb::shared() {
                    let store = ServerStore::open(&id(&server.fresh_database())).await;
                    super::$name(Arc::new(store.expect("it opens"))).await;
                }
            })*
            use super::*;
        }

        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(Arc::new(MemoryStore::default())).await;
            })*
            use super::*;
        }
    };
}

for_every_store! {
    after_each_batch_the_store_shows_what_memory_has
    a_whole_life_in_one_batch_ends_the_same
    what_was_never_written_is_not_found
    a_run_that_does_not_follow_the_head_is_a_conflict_and_nothing_is_written
    of_two_owners_one_commits
    of_two_histories_of_one_length_one_goes_on
    a_refused_event_is_named_and_nothing_is_written
    a_large_batch_of_many_merchants_is_written_whole
    what_waits_for_the_channel_is_listed_for_all_merchants_newest_first
    a_checkpoint_is_kept_where_a_run_reaches_or_passes_its_place
    a_batch_that_is_refused_leaves_no_checkpoint
}

/// Every kind of event, batch by batch.
pub(crate) fn life(shop: &mut Shop) -> Vec<Run> {
    let outcome = |raw: &str| raw.into();
    let of = shop.id().to_string();
    vec![
        shop.run(&[register(PayoutMethod::Wechat), open("1000", 80_000, Some("a key"))]),
        shop.run(&[prepay("1000", "wx1"), open("1001", 700, None), open("1002", 30_000, None)]),
        shop.run(&[
            prepay("1000", "wx2"),
            pay("1000", 80_000),
            start_closing("1001"),
            close("1001"),
            pay("1002", 30_000),
        ]),
        shop.run(&[
            pay("1001", 700),
            pay_by("1000", "T2", 80_000),
            open("1003", 5, Some("key 3")),
            start_closing("1003"),
        ]),
        shop.run(&[settle("S001", Some("a key"))]),
        shop.run(&[
            withdraw("W001", Some(60_000), Some("a key")),
            withdraw("W002", Some(200), None),
        ]),
        shop.run(&[send("W002"), approve("W001"), send("W001")]),
        shop.run(&[transfer("W002", TransferOutcome::Unknown(outcome("a time-out")))]),
        shop.run(&[transfer("W002", TransferOutcome::Succeeded(outcome("wx-7"))), send("W001")]),
        shop.run(&[transfer("W001", TransferOutcome::Failed(outcome("no such account")))]),
        shop.run(&[withdraw("W003", Some(60_000), Some("w 3")), reject("W003"), close("1003")]),
        shop.run(&[withdraw("W004", None, None), approve("W004"), send("W004")]),
        shop.run(&[transfer("W004", TransferOutcome::Unknown(outcome("no answer"))), send("W004")]),
        shop.run(&[raise("a bill"), raise("another"), resolve(&of, "another")]),
        shop.run(&[resolve(&of, "a bill")]),
    ]
}

async fn after_each_batch_the_store_shows_what_memory_has(store: Arc<dyn Store>) {
    let mut other = Shop::new("a");
    committed(&*store, vec![other.run(&[register(PayoutMethod::Manual)])]).await;
    let mut whole = Shop::new("b");
    let runs = life(&mut whole);
    let mut replica = Shop::new("b");
    for run in runs {
        for row in &run.rows {
            replica.account.apply(&row.stamped, row.link).expect("it was decided");
        }
        let number = format!("{}", 5_000 + run.expects.seq.0);
        let beside = other.run(&[open(&number, 1, None), pay(&number, 1)]);
        committed(&*store, vec![run, beside]).await;
        assert_same(&*store, &[&replica, &other]).await;
    }
    assert_eq!(replica.account.head(), whole.account.head());
}

async fn a_whole_life_in_one_batch_ends_the_same(store: Arc<dyn Store>) {
    let mut shop = Shop::new("m");
    let runs = life(&mut shop);
    let head = runs.last().expect("some").head.clone();
    let rows = runs.into_iter().flat_map(|run| run.rows).collect();
    let run = Run { merchant: shop.id(), expects: Default::default(), rows, head };
    committed(&*store, vec![run]).await;
    assert_same(&*store, &[&shop]).await;
}

async fn what_was_never_written_is_not_found(store: Arc<dyn Store>) {
    let mut shop = Shop::new("m");
    committed(&*store, life(&mut shop).drain(..1).collect()).await;
    let found = store.heads(vec![id("nobody"), id("m"), id("M"), id("nobody")]).await;
    let found: Vec<bool> =
        found.expect("heads").into_iter().map(|head| head.expect("readable").is_some()).collect();
    assert_eq!(found, [false, true, false, false]);
    let keys = vec![
        (id("m"), Key::Order(id("9999"))),
        (id("m"), Key::Order(id("1000"))),
        (id("M"), Key::Order(id("1000"))),
        (id("m"), Key::Transaction(id("T1000"))),
        (id("m"), Key::Settlement(id("S001"))),
        (id("m"), Key::Withdrawal(id("W001"))),
        (id("m"), Key::Order(id("1000"))),
    ];
    let found = store.lookup(keys).await.expect("records");
    let found: Vec<bool> =
        found.into_iter().map(|record| record.expect("readable").is_some()).collect();
    assert_eq!(found, [false, true, false, false, false, false, true]);
    assert_eq!(store.lookup(vec![]).await, Ok(vec![]));
}

async fn a_run_that_does_not_follow_the_head_is_a_conflict_and_nothing_is_written(
    store: Arc<dyn Store>,
) {
    let (mut one, mut two, mut new) = (Shop::new("a"), Shop::new("b"), Shop::new("c"));
    let register = [register(PayoutMethod::Manual)];
    committed(&*store, vec![one.run(&register), two.run(&register)]).await;
    let (before_one, before_two) = (one.clone(), two.clone());
    let skipped = one.run(&[open("1000", 1, None)]);
    let late = one.run(&[open("1001", 1, None)]);
    let good = two.run(&[open("1000", 1, None)]);
    drop(new.run(&register)); // never sent
    let unborn = new.run(&[open("1000", 1, None)]);
    let conflict = store.commit(batch(vec![late, good.clone(), unborn])).await;
    assert_eq!(conflict, Commit::Conflict(vec![id("a"), id("c")]));
    assert_same(&*store, &[&before_one, &before_two, &Shop::new("c")]).await;
    committed(&*store, vec![skipped, good]).await;
}

async fn of_two_owners_one_commits(store: Arc<dyn Store>) {
    let mut mine = Shop::new("m");
    committed(&*store, vec![mine.run(&[register(PayoutMethod::Manual)])]).await;
    let mut theirs = mine.clone();
    let (my_run, their_run) =
        (mine.run(&[open("1000", 1, None)]), theirs.run(&[open("1000", 2, None)]));
    committed(&*store, vec![my_run]).await;
    assert_eq!(store.commit(batch(vec![their_run])).await, Commit::Conflict(vec![id("m")]));
    assert_same(&*store, &[&mine]).await;
}

/// A place alone does not tell them apart: the fence compares the hash as well.
async fn of_two_histories_of_one_length_one_goes_on(store: Arc<dyn Store>) {
    let mut mine = Shop::new("m");
    committed(&*store, vec![mine.run(&[register(PayoutMethod::Manual)])]).await;
    let mut theirs = mine.clone();
    committed(&*store, vec![mine.run(&[open("1000", 1, None)])]).await;
    drop(theirs.run(&[open("1000", 2, None)])); // lost, as when a database fails over to an older state
    let behind = theirs.run(&[open("1001", 1, None)]);
    assert_eq!(behind.expects.seq, mine.account.link().seq);
    assert_eq!(store.commit(batch(vec![behind])).await, Commit::Conflict(vec![id("m")]));
    assert_same(&*store, &[&mine]).await;
    committed(&*store, vec![mine.run(&[open("1001", 1, None)])]).await;
}

async fn a_refused_event_is_named_and_nothing_is_written(store: Arc<dyn Store>) {
    let (mut good, mut bad) = (Shop::new("a"), Shop::new("b"));
    let register = [register(PayoutMethod::Manual)];
    committed(&*store, vec![good.run(&register), bad.run(&register)]).await;
    committed(&*store, vec![bad.run(&[open("1000", 1, None)])]).await;
    let (good_before, bad_before) = (good.clone(), bad.clone());
    let twice = bad.run(&[open("1001", 1, None)]).rows[0].stamped.event.clone();
    let again = bad_before.run_again("1000");
    let run = bad_before.buggy_run(vec![twice, again]);
    let seq = run.head.link.seq;
    let answer = store.commit(batch(vec![good.run(&[open("1000", 1, None)]), run])).await;
    let Commit::Refused(BadRow { merchant, seq: named, constraint }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((merchant, named), (id("b"), seq), "{constraint}");
    assert_same(&*store, &[&good_before, &bad_before]).await;
}

async fn a_large_batch_of_many_merchants_is_written_whole(store: Arc<dyn Store>) {
    let mut shops: Vec<Shop> = (0..300).map(|n| Shop::new(&format!("m{n}"))).collect();
    let commands = [register(PayoutMethod::Manual), open("1000", 9, Some("k")), pay("1000", 9)];
    let runs = shops.iter_mut().map(|shop| shop.run(&commands)).collect();
    committed(&*store, runs).await;
    let mut hot = Shop::new("hot");
    let mut commands = vec![register(PayoutMethod::Manual)];
    commands.extend((0..700).map(|n| open(&format!("{}", 1_000 + n), 9, None)));
    committed(&*store, vec![hot.run(&commands)]).await;
    let pays: Vec<Command> = (0..700).map(|n| pay(&format!("{}", 1_000 + n), 9)).collect();
    committed(&*store, vec![hot.run(&pays)]).await;
    let all: Vec<&Shop> = shops.iter().chain([&hot]).collect();
    assert_same(&*store, &all).await;
}

impl Shop {
    /// The event that opens an order which is open already.
    fn run_again(&self, order_no: &str) -> Event {
        let fresh = &mut Shop::new("fresh");
        fresh.run(&[register(PayoutMethod::Manual)]);
        fresh.run(&[open(order_no, 1, None)]).rows[0].stamped.event.clone()
    }
}

/// All parts of a list, one item at a time, as their merchants and numbers.
async fn walked<T, F: Future<Output = Result<Part<T>, ReadError>>>(
    list: impl Fn(Page) -> F,
    name: impl Fn(&T) -> String,
) -> Vec<String> {
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let part = list(Page { limit: 1, cursor }).await.expect("a part");
        found.extend(part.items.iter().map(&name));
        cursor = part.next;
        if cursor.is_none() {
            return found;
        }
    }
}

async fn what_waits_for_the_channel_is_listed_for_all_merchants_newest_first(
    store: Arc<dyn Store>,
) {
    let mut shops = ["a", "b"].map(Shop::new);
    for shop in &mut shops {
        let run = shop.run(&[
            register(PayoutMethod::Wechat),
            open("1000", 80_000, None),
            pay("1000", 80_000),
            open("1001", 700, None),
            open("1002", 700, None),
            pay("1002", 700),
            open("1003", 700, None),
            close("1003"),
            open_external("1004", 700),
            open("1005", 700, None),
            start_closing("1005"),
            settle("S001", None),
            withdraw("W001", Some(60_000), None),
            withdraw("W002", Some(200), None),
            withdraw("W003", Some(200), None),
            withdraw("W004", Some(200), None),
            withdraw("W005", Some(200), None),
            send("W003"),
            send("W004"),
            transfer("W004", TransferOutcome::Unknown("a time-out".into())),
            send("W005"),
            transfer("W005", TransferOutcome::Succeeded("wx-7".into())),
        ]);
        committed(&*store, vec![run]).await;
    }
    let mut by_hand = Shop::new("c");
    let run = by_hand.run(&[
        register(PayoutMethod::Manual),
        open("1000", 80_000, None),
        pay("1000", 80_000),
        settle("S001", None),
        withdraw("W001", Some(200), None),
    ]);
    committed(&*store, vec![run]).await;

    let opened_at = |no: &str| {
        let found = shops[0].account.books().get(&Key::Order(id(no)));
        let Some(Record::Order(order)) = found else { panic!("it was opened") };
        order.opened_at
    };
    let (first, last) = (opened_at("1001"), opened_at("1005"));
    let always = (At::default(), last.plus_ms(1));
    for ((from, to), expected) in [
        (always, &["b 1005", "a 1005", "b 1001", "a 1001"][..]),
        ((first, last), &["b 1001", "a 1001"]),
        ((first.plus_ms(1), last.plus_ms(1)), &["b 1005", "a 1005"]),
        ((last, first), &[]),
    ] {
        let list = |page| store.open_orders(from, to, page);
        let name = |open: &OpenOrder| format!("{} {}", open.merchant, open.order.order_no);
        let found = walked(list, |open| open.as_ref().map_or("damaged".into(), name));
        assert_eq!(found.await, expected, "{from} {to}");
    }
    let all = store.open_orders(always.0, always.1, Page { limit: 9, cursor: None }).await;
    let newest = all.expect("a part").items.remove(0);
    assert!(newest.is_ok_and(|open| open.order.closing_at.is_some()));

    let name =
        |out: &WithdrawalUnderWay| format!("{} {}", out.merchant, out.withdrawal.withdrawal_no);
    let list = |page| store.withdrawals_under_way(page);
    let found = walked(list, |out| out.as_ref().map_or("damaged".into(), name));
    assert_eq!(found.await, ["b W004", "a W004", "b W003", "a W003", "b W002", "a W002"]);
    let all = list(Page { limit: 9, cursor: None }).await.expect("a part").items.into_iter();
    let tried = all.map(|out| out.is_ok_and(|out| out.withdrawal.tried_at.is_some()));
    assert_eq!(tried.collect::<Vec<_>>(), [true, true, true, true, false, false]);
    let other = Page { limit: 1, cursor: Some("o7".into()) };
    assert_eq!(list(other).await.err(), Some(ReadError::Cursor));
}

/// So many more orders, opened.
fn orders(shop: &mut Shop, count: u64) -> Run {
    let first = 10_000_000 + shop.account.link().seq.0;
    let open = |n| open(&format!("{n}"), 5, None);
    shop.run(&(first..first + count).map(open).collect::<Vec<_>>())
}

async fn a_checkpoint_is_kept_where_a_run_reaches_or_passes_its_place(store: Arc<dyn Store>) {
    const EVERY: u64 = CHECKPOINT_EVENTS;
    let (mut shop, mut other) = (Shop::new("m"), Shop::new("n"));
    let register = [register(PayoutMethod::Manual)];
    committed(&*store, vec![shop.run(&register), other.run(&register)]).await;
    let mut heads = vec![];
    for count in [EVERY - 3, 1, 1, 1, EVERY + 5, 1] {
        let (run, beside) = (orders(&mut shop, count), orders(&mut other, 1));
        heads.push(run.head.clone());
        committed(&*store, vec![run, beside]).await;
    }
    let [_, before, reached, after, passed, newest] = &heads[..] else { panic!("six runs") };
    assert_eq!((reached.link.seq.0, passed.link.seq.0), (EVERY, 2 * EVERY + 6));
    let kept = async |upto| store.checkpoint(shop.id(), upto).await.expect("it is read");
    for (head, expected) in [
        (before, None),
        (reached, Some(reached)),
        (after, Some(reached)),
        (passed, Some(passed)),
        (newest, Some(passed)),
    ] {
        assert_eq!(kept(Point::Seq(head.link.seq)).await.as_ref(), expected);
        assert_eq!(kept(Point::At(head.at)).await.as_ref(), expected);
        let told = head_at(&*store, shop.id(), Point::Seq(head.link.seq), head.link.seq).await;
        assert_eq!(told.expect("it is told").as_ref(), Some(head));
    }
    assert_eq!(kept(Point::Seq(Seq(2 * EVERY))).await.as_ref(), Some(reached));
    assert_eq!(kept(Point::At(passed.at.plus_ms(-1))).await.as_ref(), Some(reached));
    assert_eq!(store.checkpoint(other.id(), Point::Seq(Seq(9))).await, Ok(None));
}

async fn a_batch_that_is_refused_leaves_no_checkpoint(store: Arc<dyn Store>) {
    let (mut good, mut bad) = (Shop::new("a"), Shop::new("b"));
    let register = [register(PayoutMethod::Manual)];
    committed(&*store, vec![good.run(&register), bad.run(&register)]).await;
    committed(&*store, vec![bad.run(&[open("1000", 1, None)])]).await;
    let again = bad.buggy_run(vec![bad.run_again("1000")]);
    let run = orders(&mut good, CHECKPOINT_EVENTS);
    let answer = store.commit(batch(vec![run.clone(), again])).await;
    assert!(matches!(answer, Commit::Refused(_)), "{answer:?}");
    let point = Point::Seq(run.head.link.seq);
    assert_eq!(store.checkpoint(good.id(), point).await, Ok(None));
    committed(&*store, vec![run.clone()]).await;
    assert_eq!(store.checkpoint(good.id(), point).await, Ok(Some(run.head)));
}
