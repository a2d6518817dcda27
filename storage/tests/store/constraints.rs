//! Each constraint of the schema, provoked on each database: the rule decides, the constraint proves.

use tally_actors::domain::case::{CaseKind, PaymentCase};
use tally_actors::domain::event::{Event, PaymentSource};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::TransactionId;
use tally_actors::domain::money::Balance;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::settlement::Bucket;
use tally_actors::domain::time::Day;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::ports::{BadRow, Commit, Run, Store};

use crate::databases::{Fresh, Kind, for_every_database};
use crate::support::*;

for_every_database! {
    an_event_that_breaks_a_constraint_is_refused_by_name
    the_first_bad_event_of_a_run_is_named_and_not_the_last
    a_head_that_does_not_add_up_is_refused
    a_run_with_a_gap_is_refused
    a_journal_row_is_never_written_over
    after_a_refusal_the_next_batch_is_written
}

/// A merchant that has an order of each status, a settlement, and withdrawals that are and are not over.
async fn prepared(store: &dyn Store) -> Shop {
    let mut shop = Shop::new("shop");
    let run = shop.run(&[
        register(PayoutMethod::Manual),
        open("open", 100, Some("key")),
        open("paid", 5_000, None),
        pay("paid", 5_000),
        open("closed", 100, None),
        close("closed"),
        settle("S001", None),
        withdraw("Wover", Some(300), None),
        confirm("Wover", true),
        withdraw("Wopen", Some(200), None),
    ]);
    committed(store, vec![run]).await;
    shop
}

/// A constraint by its name at servers. SQLite names the columns of a key, or the condition of a check.
fn named(kind: Kind, at_servers: &'static str) -> &'static str {
    let in_sqlite = [
        ("orders_pkey", "orders.merchant_id, orders.order_no"),
        ("orders_amount_fen_check", "amount_fen between 1 and 1000000000"),
        ("one_order_per_transaction", "orders.merchant_id, orders.transaction_id"),
        ("one_order_per_paid_seq", "orders.merchant_id, orders.paid_seq"),
        ("orders_paid_seq_check", "paid_seq > 0"),
        ("orders_booked_fen_check", "booked_fen between 0 and amount_fen"),
        ("orders_fee_fen_check", "fee_fen between 0 and booked_fen"),
        ("settlements_pkey", "settlements.merchant_id, settlements.settlement_no"),
        ("settlements_orders_check", "orders > 0"),
        ("settlements_last_paid_seq_check", "last_paid_seq >= first_paid_seq"),
        ("withdrawals_pkey", "withdrawals.merchant_id, withdrawals.withdrawal_no"),
        ("withdrawals_amount_fen_check", "amount_fen > 0"),
        ("withdrawals_asked_fen_check", "asked_fen is null or asked_fen = amount_fen"),
        (
            "idempotency_pkey",
            "idempotency.merchant_id, idempotency.route, idempotency.idempotency_key",
        ),
        ("cases_pkey", "cases.merchant_id, cases.case_id"),
        ("journal_pkey", "journal.merchant_id, journal.seq"),
        ("adjustments_pkey", "adjustments.merchant_id, adjustments.adjustment_no"),
        ("adjustments_amount_fen_check", "amount_fen <> 0"),
    ];
    let in_sqlite =
        in_sqlite.into_iter().find(|(name, _)| *name == at_servers && kind == Kind::Sqlite);
    in_sqlite.map_or(at_servers, |(_, name)| name)
}

fn opened(order_no: &str, amount: u64, key: Option<&str>) -> Event {
    Event::OrderOpened {
        order_no: id(order_no),
        idempotency_key: key.map(id),
        amount: fen(amount),
        description: "tea".into(),
        channel: Channel::External,
        expires_at: id("2026-12-01T00:00:00Z"),
    }
}

/// A payment of 100 fen; what is wrong with it is the caller's.
fn paid(order_no: &str, transaction: &str, paid_seq: u64, (booked, fee): (u64, u64)) -> Event {
    Event::OrderPaid {
        fee_bp: None,
        order_no: id(order_no),
        transaction_id: id(transaction),
        paid_at: id("2026-03-01T02:00:00Z"),
        booked: fen(booked),
        fee: fen(fee),
        paid_seq,
        settle_on: None,
        source: PaymentSource::Hand,
    }
}

fn settled(settlement_no: &str, moved: Bucket) -> Event {
    Event::Settled {
        settlement_no: id(settlement_no),
        idempotency_key: None,
        through: Day::LAST,
        include_not_due: true,
        moved,
    }
}

fn one_order() -> Bucket {
    Bucket { orders: 1, gross: fen(10), first_paid_seq: 2, last_paid_seq: 2, ..Bucket::default() }
}

fn requested(withdrawal_no: &str, amount: u64, asked: Option<u64>) -> Event {
    Event::WithdrawalRequested {
        withdrawal_no: id(withdrawal_no),
        idempotency_key: None,
        amount: fen(amount),
        request: WithdrawalRequest { amount: asked.map(fen), settle_first: false },
        method: PayoutMethod::Manual,
        payout_openid: None,
        payout_name: None,
        needs_approval: false,
        day: Day::LAST,
        asked_by: id("asker"),
        settlement_no: None,
    }
}

fn succeeded(withdrawal_no: &str, amount: u64) -> Event {
    Event::WithdrawalSucceeded {
        withdrawal_no: id(withdrawal_no),
        amount: fen(amount),
        reference: "r".into(),
        note: "".into(),
    }
}

fn case() -> Event {
    let (kind, order_no) = (CaseKind::OrderUnknown, id("none"));
    let transaction_id: TransactionId = id("T9");
    Event::CaseOpened {
        case: PaymentCase {
            case_id: PaymentCase::id_of(&id("shop"), kind, &order_no, &transaction_id),
            kind,
            order_no,
            transaction_id,
            amount: fen(1),
            expected: None,
            paid_at: id("2026-03-01T02:00:00Z"),
            booked: None,
        },
    }
}

fn adjustment(amount: i64) -> Event {
    Event::AdjustmentRequested {
        adjustment_no: id("J001"),
        idempotency_key: None,
        amount: Balance::from_fen(amount),
        reason: "so".into(),
        asked_by: id("asker"),
    }
}

/// Says yes to [`adjustment`] of one fen.
fn approved(by: &str) -> Event {
    let (adjustment_no, amount) = (id("J001"), Balance::from_fen(1));
    Event::AdjustmentApproved { adjustment_no, amount, by: id(by), reason: "so".into() }
}

/// A decision about the case of [`case`].
fn resolved() -> Event {
    let case_id = PaymentCase::id_of(&id("shop"), CaseKind::OrderUnknown, &id("none"), &id("T9"));
    Event::CaseResolved { case_id, by: id("asker"), note: "so".into(), remedy: None }
}

/// Sends the run between two good ones of other merchants, and expects the refusal that names it.
async fn assert_refused(store: &dyn Store, shop: &Shop, run: Run, constraint: &str) {
    let seq = run.head.link.seq;
    let (mut before, mut after) = (Shop::new("a"), Shop::new("z"));
    let good = [&mut before, &mut after].map(|shop| shop.run(&[register(PayoutMethod::Manual)]));
    let [first, last] = good;
    let answer = store.commit(batch(vec![first, run, last])).await;
    let constraint = constraint.to_owned();
    assert_eq!(answer, Commit::Refused(BadRow { merchant: shop.id(), seq, constraint }));
    assert_same(store, &[&Shop::new("a"), shop, &Shop::new("z")]).await;
}

async fn an_event_that_breaks_a_constraint_is_refused_by_name(fresh: Fresh) {
    let store = &*fresh.store;
    let shop = prepared(store).await;
    let bad: Vec<(&str, Vec<Event>)> = vec![
        ("orders_pkey", vec![opened("open", 1, None)]),
        ("orders_amount_fen_check", vec![opened("o001", 0, None)]),
        ("orders_amount_fen_check", vec![opened("o001", 1_000_000_001, None)]),
        ("one_order_per_transaction", vec![paid("open", "Tpaid", 2, (100, 0))]),
        ("one_order_per_paid_seq", vec![paid("open", "Topen", 1, (100, 0))]),
        ("orders_paid_seq_check", vec![paid("open", "Topen", 0, (100, 0))]),
        ("orders_booked_fen_check", vec![paid("open", "Topen", 2, (101, 0))]),
        ("orders_fee_fen_check", vec![paid("open", "Topen", 2, (100, 101))]),
        ("order_is_not_paid", vec![paid("paid", "Tother", 2, (100, 0))]),
        ("order_is_not_paid", vec![paid("none", "Tother", 2, (100, 0))]),
        ("order_is_open", vec![Event::OrderClosed { order_no: id("paid") }]),
        ("order_is_open", vec![Event::OrderClosed { order_no: id("closed") }]),
        ("order_is_open", vec![Event::OrderClosing { order_no: id("paid") }]),
        (
            "order_is_open",
            vec![
                Event::OrderClosed { order_no: id("open") },
                Event::OrderClosed { order_no: id("open") },
            ],
        ),
        (
            "order_is_known",
            vec![Event::OrderPrepaid { order_no: id("none"), prepay_id: "p".into() }],
        ),
        ("settlements_pkey", vec![settled("S001", one_order())]),
        ("settlements_orders_check", vec![settled("S002", Bucket { orders: 0, ..one_order() })]),
        ("net_is_not_negative", vec![settled("S002", Bucket { fee: fen(11), ..one_order() })]),
        (
            "settlements_last_paid_seq_check",
            vec![settled("S002", Bucket { last_paid_seq: 1, ..one_order() })],
        ),
        ("withdrawals_pkey", vec![requested("Wopen", 1, None)]),
        ("withdrawals_amount_fen_check", vec![requested("W002", 0, None)]),
        ("withdrawals_asked_fen_check", vec![requested("W002", 2, Some(1))]),
        ("withdrawal_is_under_way", vec![succeeded("Wover", 300)]),
        ("withdrawal_is_under_way", vec![succeeded("Wopen", 201)]),
        ("withdrawal_is_under_way", vec![succeeded("none", 1)]),
        (
            "withdrawal_is_under_way",
            vec![succeeded("Wopen", 200), Event::WithdrawalSending { withdrawal_no: id("Wopen") }],
        ),
        ("idempotency_pkey", vec![opened("o001", 1, Some("key"))]),
        ("cases_pkey", vec![case(), case()]),
        ("case_is_open", vec![resolved()]),
        ("case_is_open", vec![case(), resolved(), resolved()]),
        ("adjustments_pkey", vec![adjustment(1), adjustment(1)]),
        ("adjustments_amount_fen_check", vec![adjustment(0)]),
        ("adjustment_is_requested", vec![approved("key2")]),
        ("adjustment_is_requested", vec![adjustment(1), approved("key2"), approved("key2")]),
        ("decided_by_another", vec![adjustment(1), approved("asker")]),
    ];
    for (constraint, events) in bad {
        assert_refused(store, &shop, shop.buggy_run(events), named(fresh.kind, constraint)).await;
    }
}

async fn the_first_bad_event_of_a_run_is_named_and_not_the_last(fresh: Fresh) {
    let store = &*fresh.store;
    let shop = prepared(store).await;
    let (fine, more) = (opened("o001", 1, None), opened("o002", 1, None));
    let run = shop.buggy_run(vec![fine, opened("open", 1, None), more]);
    let bad = BadRow {
        merchant: shop.id(),
        seq: run.rows[1].link.seq,
        constraint: named(fresh.kind, "orders_pkey").to_owned(),
    };
    assert_eq!(store.commit(batch(vec![run])).await, Commit::Refused(bad));
}

async fn a_head_that_does_not_add_up_is_refused(fresh: Fresh) {
    let store = &*fresh.store;
    let shop = prepared(store).await;
    let spoil: [fn(&mut Head); 3] = [
        |head| head.paid = fen(5_001),
        |head| head.available = Balance::from_fen(0),
        |head| head.withdrawn = fen(301),
    ];
    for spoil in spoil {
        let mut run = shop.buggy_run(vec![opened("o001", 1, None)]);
        spoil(&mut run.head);
        assert_refused(store, &shop, run, "conserved").await;
    }
}

async fn a_run_with_a_gap_is_refused(fresh: Fresh) {
    let store = &*fresh.store;
    let shop = prepared(store).await;
    let events = || (1..4).map(|n| opened(&format!("o00{n}"), 1, None)).collect();
    let mut run = shop.buggy_run(events());
    let third = run.rows[2].link.seq;
    run.rows.remove(1);
    let answer = store.commit(batch(vec![run])).await;
    assert!(
        matches!(&answer, Commit::Refused(bad) if bad.seq == third && bad.constraint == "journal_is_unbroken"),
        "{answer:?}"
    );
    let mut run = shop.buggy_run(events());
    run.rows.pop();
    let answer = store.commit(batch(vec![run])).await;
    assert!(matches!(answer, Commit::Refused(_)), "{answer:?}");
    assert_same(store, &[&shop]).await;
}

async fn a_journal_row_is_never_written_over(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = prepared(store).await;
    let (before, run) = (shop.clone(), shop.run(&[open("o001", 1, None)]));
    committed(store, vec![run]).await;
    // As a restored backup of some tables would.
    let link = before.account.link();
    let hash = fresh.bytes(&link.hash.to_string());
    fresh.run(&format!("update heads set seq = {}, hash = {hash}", link.seq)).await;
    let answer = store.commit(batch(vec![before.buggy_run(vec![opened("o002", 1, None)])])).await;
    let constraint = named(fresh.kind, "journal_pkey").to_owned();
    let seq = shop.account.link().seq;
    assert_eq!(answer, Commit::Refused(BadRow { merchant: shop.id(), seq, constraint }));
}

async fn after_a_refusal_the_next_batch_is_written(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = prepared(store).await;
    let bad = shop.buggy_run(vec![opened("open", 1, None)]);
    assert!(matches!(store.commit(batch(vec![bad])).await, Commit::Refused(_)));
    committed(store, vec![shop.run(&[pay("open", 100)])]).await;
    assert_same(store, &[&shop]).await;
}
