//! Lists against what the events say, and their statements against the query planner.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use tally_actors::domain::books::Record;
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Command, RulesChange};
use tally_actors::domain::event::Event;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::{MerchantId, OrderNo, SettlementNo};
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::replay::Point;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::time::{At, Day};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::ports::{
    CaseFilter, Commit, ListedCase, ListedOrder, OrderFilter, Page, Part, ReadError, Run, Store,
};

use super::SqliteStore;
use crate::fixture::{self, Shops, full_life, id};
use crate::sql::dialect::Dialect;
use crate::sql::{checkpoints, lists, waiting};

struct Books {
    _folder: tempfile::TempDir,
    store: SqliteStore,
    shops: Shops,
}

impl Books {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        Self { _folder: folder, store, shops: Shops::new() }
    }

    async fn commit(&mut self, of: &str, commands: Vec<Command>) -> Run {
        let batch = self.shops.batch(of, commands);
        assert_eq!(self.store.commit(batch.clone()).await, Commit::Committed);
        batch.runs[0].clone()
    }
}

/// All parts of a list, asked for `limit` at a time, as the texts of their items; each part but the last must be full.
async fn all<T, F>(limit: u32, text: impl Fn(T) -> String, list: impl Fn(Page) -> F) -> Vec<String>
where
    F: Future<Output = Result<Part<T>, ReadError>>,
{
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let part = list(Page { limit, cursor }).await.unwrap();
        let shown = u32::try_from(part.items.len()).unwrap();
        found.extend(part.items.into_iter().map(&text));
        match part.next {
            Some(next) => {
                assert_eq!(shown, limit);
                cursor = Some(next);
            }
            None => {
                assert!(shown <= limit && (shown > 0 || found.is_empty()));
                return found;
            }
        }
    }
}

/// As all parts are the same however they are cut, one at a time and ten at a time.
macro_rules! list {
    ($text:expr, $list:expr) => {{
        let found = all(1, $text, $list).await;
        assert_eq!(found, all(2, $text, $list).await);
        assert_eq!(found, all(10, $text, $list).await);
        found
    }};
}

async fn orders(books: &Books, of: &str, filter: OrderFilter) -> Vec<String> {
    let list = |page| lists::orders(&books.store.read, id::<MerchantId>(of), filter.clone(), page);
    list!(|listed: ListedOrder| listed.order.order_no.to_string(), list)
}

#[tokio::test]
async fn orders_are_listed_by_status_newest_first() {
    let mut books = Books::new().await;
    books.commit("shop1", full_life()).await;
    books.commit("shop2", full_life()).await;
    let only = |status| OrderFilter { status, ..OrderFilter::default() };
    use OrderStatus::{Closed, Open, Paid};
    for (status, expected) in [
        (None, &["1006", "1005", "1004", "1003", "1002", "1001"][..]),
        (Some(Open), &["1005"]),
        (Some(Closed), &["1004"]),
        (Some(Paid), &["1006", "1003", "1002", "1001"]),
    ] {
        assert_eq!(orders(&books, "shop1", only(status)).await, expected, "{status:?}");
    }
    assert_eq!(orders(&books, "nobody", only(None)).await, [""; 0]);
    assert_eq!(orders(&books, "nobody", only(Some(Paid))).await, [""; 0]);
}

#[tokio::test]
async fn orders_are_listed_by_the_time_they_were_opened() {
    let mut books = Books::new().await;
    books.commit("shop1", full_life()).await;
    let account = books.shops.account("shop1");
    let mut opened: Vec<(At, OrderNo)> = vec![];
    for (_, record) in account.books().records() {
        if let Record::Order(order) = record {
            opened.push((order.opened_at, order.order_no));
        }
    }
    opened.sort_by(|one, other| other.cmp(one));
    let edges: Vec<_> =
        opened.iter().flat_map(|(at, _)| [at.plus_ms(-1), *at, at.plus_ms(1)]).collect();
    for status in [None, Some(OrderStatus::Paid)] {
        for from in edges.iter().map(Some).chain([None]) {
            for to in edges.iter().map(Some).chain([None]) {
                let within = opened.iter().filter(|(at, order_no)| {
                    from.is_none_or(|from| at >= from)
                        && to.is_none_or(|to| at < to)
                        && (status.is_none() || !["1004", "1005"].contains(&order_no.as_str()))
                });
                let expected: Vec<String> = within.map(|(_, no)| no.to_string()).collect();
                let filter = OrderFilter { status, from: from.copied(), to: to.copied() };
                let page = Page { limit: 10, cursor: None };
                let part = lists::orders(&books.store.read, id("shop1"), filter, page).await;
                let found: Vec<String> =
                    part.unwrap().items.iter().map(|l| l.order.order_no.to_string()).collect();
                assert_eq!(found, expected, "{from:?} {to:?}");
            }
        }
    }
}

/// Days and rules in an order such that a later settlement ends at an earlier payment than one before it.
fn settlements_that_overlap() -> Vec<Command> {
    let rule = |days| {
        let settle_after_days = Some(days);
        Command::ChangeRules(RulesChange { settle_after_days, ..RulesChange::default() })
    };
    let paid = |no: &str, day: &str| {
        [fixture::open(no, 100, None), fixture::pay_on(no, 100, &format!("{day}T02:00:00Z"))]
    };
    let mut commands = vec![fixture::register(), rule(Some(30))];
    commands.extend(paid("late1", "2026-02-10"));
    commands.extend(paid("late2", "2026-02-20"));
    commands.push(rule(None));
    commands.extend(paid("now1", "2026-02-28"));
    commands.extend(paid("now2", "2026-02-28"));
    commands.push(rule(Some(1)));
    commands.push(fixture::open("next1", 100, None));
    commands.push(fixture::settle("S001", false, None));
    commands.push(fixture::pay_on("next1", 100, "2026-02-28T02:00:00Z"));
    commands.extend(paid("late3", "2026-03-01"));
    commands.push(fixture::settle("S002", false, None));
    commands.push(fixture::open("open1", 100, None));
    commands.push(fixture::settle("S003", true, None));
    commands.extend(paid("last1", "2026-03-01"));
    commands
}

/// Which orders each settlement moves, worked out from the events by setting paid orders aside until one takes them.
fn moved(run: &Run) -> BTreeMap<SettlementNo, Vec<OrderNo>> {
    let mut waiting: Vec<(Option<Day>, OrderNo)> = vec![];
    let mut moved = BTreeMap::new();
    for row in &run.rows {
        if let Event::OrderPaid { order_no, settle_on, .. } = row.event() {
            waiting.push((*settle_on, *order_no));
        }
        if let Event::Settled { settlement_no, through, .. } = row.event() {
            let (due, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(settle_on, _)| *settle_on <= Some(*through));
            waiting = rest;
            moved.insert(*settlement_no, due.into_iter().map(|(_, no)| no).rev().collect());
        }
    }
    moved
}

#[tokio::test]
async fn each_order_is_in_the_settlement_that_moved_it() {
    let mut books = Books::new().await;
    books.commit("shop2", full_life()).await;
    let run = books.commit("shop1", settlements_that_overlap()).await;
    let (of, db) = (run.merchant, books.store.read.clone());
    let moved = moved(&run);
    assert_eq!(moved.values().map(Vec::len).collect::<Vec<_>>(), [2, 1, 3], "{moved:?}");

    let page = Page { limit: 10, cursor: None };
    let settlements = lists::settlements(&db, of, page.clone()).await.unwrap().items;
    for settlement in &settlements {
        let list = |page| lists::settlement_orders(&db, of, settlement.clone(), page);
        let found = list!(|listed: ListedOrder| listed.order.order_no.to_string(), list);
        let expected = &moved[&settlement.settlement_no];
        assert_eq!(found, expected.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    let listed = lists::orders(&db, of, OrderFilter::default(), page).await.unwrap().items;
    assert_eq!(listed.len(), 8);
    for listed in listed {
        let order_no = listed.order.order_no;
        let expected = moved.iter().find(|(_, orders)| orders.contains(&order_no));
        assert_eq!(listed.settlement_no, expected.map(|(no, _)| *no), "{order_no}");
        assert_eq!(lists::order(&db, of, order_no).await.unwrap(), Some(listed));
    }
    assert_eq!(lists::order(&db, of, id("none1")).await.unwrap(), None);
}

#[tokio::test]
async fn settlements_withdrawals_cases_merchants_and_events_are_listed() {
    let mut books = Books::new().await;
    let run = books.commit("shop1", full_life()).await;
    books.commit("shop2", full_life()).await;
    let (of, db) = (run.merchant, &books.store.read);

    let found = list!(|settlement: Settlement| settlement.settlement_no.to_string(), |page| {
        lists::settlements(db, of, page)
    });
    assert_eq!(found, ["S002", "S001"]);

    use WithdrawalStatus::{Failed, Rejected, Sending, Succeeded};
    for (status, expected) in [
        (None, &["wx02", "wx01", "hand2", "hand1"][..]),
        (Some(Succeeded), &["wx01", "hand1"]),
        (Some(Failed), &["hand2"]),
        (Some(Rejected), &["wx02"]),
        (Some(Sending), &[]),
    ] {
        let found = list!(|withdrawal: Withdrawal| withdrawal.withdrawal_no.to_string(), |page| {
            lists::withdrawals(db, of, status, page)
        });
        assert_eq!(found, expected, "{status:?}");
    }

    use CaseKind::{AmountDiffers, BillOnly, OrderUnknown, PaidAfterClose};
    for (merchant, kind, expected) in [
        (
            None,
            None,
            vec![
                (2, BillOnly),
                (2, OrderUnknown),
                (2, AmountDiffers),
                (2, PaidAfterClose),
                (1, BillOnly),
                (1, OrderUnknown),
                (1, AmountDiffers),
                (1, PaidAfterClose),
            ],
        ),
        (
            Some(of),
            None,
            vec![(1, BillOnly), (1, OrderUnknown), (1, AmountDiffers), (1, PaidAfterClose)],
        ),
        (None, Some(AmountDiffers), vec![(2, AmountDiffers), (1, AmountDiffers)]),
        (Some(of), Some(AmountDiffers), vec![(1, AmountDiffers)]),
    ] {
        let filter = CaseFilter { merchant, kind, open: None };
        let found = list!(
            |listed: ListedCase| format!("{} {}", listed.merchant, listed.case.kind.as_str()),
            |page| { lists::cases(db, filter.clone(), page) }
        );
        let expected = expected.iter().map(|(n, kind)| format!("shop{n} {}", kind.as_str()));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    let found = list!(|head: Head| head.merchant.to_string(), |page| lists::merchants(db, page));
    assert_eq!(found, ["shop2", "shop1"]);
    let heads = lists::merchants(db, Page { limit: 9, cursor: None }).await.unwrap().items;
    assert_eq!(Some(&heads[1]), books.shops.account("shop1").head());

    let events = lists::events(db, of, Seq(3), 4).await.unwrap();
    let stored = events.iter().map(|event| (event.seq, event.hash, &event.bytes[..]));
    let made = run.rows[2..6].iter().map(|row| (row.link.seq, row.link.hash, &row.bytes[..]));
    assert!(stored.eq(made), "{events:?}");
    assert_eq!(lists::events(db, of, Seq(9_999), 4).await.unwrap(), []);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let mut books = Books::new().await;
    let run = books.commit("shop1", full_life()).await;
    let (of, db) = (run.merchant, &books.store.read);
    let settlements = lists::settlements(db, of, Page { limit: 1, cursor: None }).await.unwrap();
    let page = Page { limit: 1, cursor: settlements.next };
    let settlement = settlements.items[0].clone();
    let refused = Some(ReadError::Cursor);
    let answers = [
        lists::orders(db, of, OrderFilter::default(), page.clone()).await.err(),
        lists::settlement_orders(db, of, settlement, page.clone()).await.err(),
        lists::withdrawals(db, of, None, page.clone()).await.err(),
        lists::cases(db, CaseFilter::default(), page.clone()).await.err(),
        lists::merchants(db, page).await.err(),
    ];
    assert!(answers.iter().all(|answer| *answer == refused), "{answers:?}");
}

#[tokio::test]
async fn no_list_scans_or_sorts_a_table() {
    let books = Books::new().await;
    let dialect = Dialect::Sqlite;
    let mut statements = vec![
        lists::merchants_sql(dialect),
        lists::order_sql(dialect),
        lists::settlements_sql(dialect),
        lists::settlement_orders_sql(dialect),
        waiting::open_orders_sql(dialect),
        waiting::withdrawals_under_way_sql(dialect),
    ];
    let points = [Point::Seq(Seq(1)), Point::At(At::default())];
    statements.extend(points.map(|point| checkpoints::sql(dialect, point)));
    use OrderStatus::{Closed, Open, Paid};
    let by_status = [None, Some(Open), Some(Paid), Some(Closed)];
    statements.extend(by_status.map(|status| lists::orders_sql(dialect, status)));
    statements
        .extend([true, false].map(|of_one_status| lists::withdrawals_sql(dialect, of_one_status)));
    for of_one_merchant in [true, false] {
        let cases = |of_one_kind| lists::cases_sql(dialect, of_one_merchant, of_one_kind, None);
        statements.extend([true, false].map(cases));
    }
    for sql in statements {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("explain query plan {sql}")))
                .fetch_all(books.store.read.file())
                .await
                .unwrap();
        let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
        let slow = |step: &&String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
        assert_eq!(steps.iter().find(slow), None, "{sql}\n{steps:#?}");
        if sql.contains("settlements s") {
            let covering = "USING COVERING INDEX settlements_in_order (merchant_id=? AND seq>?)";
            assert!(steps.iter().any(|step| step.contains(covering)), "{sql}\n{steps:#?}");
        }
    }
}

#[tokio::test]
async fn a_merchant_that_can_not_be_read_is_left_out_and_the_others_are_shown() {
    let mut books = Books::new().await;
    for of in ["a", "b", "c", "d"] {
        books.commit(of, vec![fixture::register()]).await;
    }
    let mut slot = books.store.write.lock().await;
    let newer = sqlx::query("update heads set format = 99 where merchant_id = 'c'");
    newer.execute(slot.as_mut().unwrap()).await.unwrap();
    let (mut shown, mut cursor) = (vec![], None);
    for _ in 0..2 {
        let part = books.store.merchants(Page { limit: 2, cursor }).await.unwrap();
        shown.push(part.items.iter().map(|head| head.merchant.to_string()).collect::<String>());
        cursor = part.next; // also where the last of a part is the one left out
    }
    assert_eq!((shown, cursor), (vec!["d".to_owned(), "ba".to_owned()], None));
}
