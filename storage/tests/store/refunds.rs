//! Refunds in every kind of database: each event alone and many in one batch, what memory has is what is shown, the audit finds
//! nothing, and what is changed by hand is found.

use tally_actors::domain::command::{
    Command, NoticeRefund, RecordRefund, RefundOutcome, RequestRefund, StartRefund,
};
use tally_actors::domain::refund::{Refund, RefundStatus};
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Page, RefundFilter};

use crate::databases::{Fresh, for_every_database};
use crate::support::*;

pub(crate) fn request(no: &str, order: &str, amount: u64, key: Option<&str>) -> Command {
    Command::RequestRefund(RequestRefund {
        refund_no: id(no),
        idempotency_key: key.map(id),
        order_no: id(order),
        amount: fen(amount),
        reason: "坏了".into(),
        asked_by: id("asker"),
        refunds_open: true,
        by_admin: true,
    })
}

pub(crate) fn start(no: &str, order: &str) -> Command {
    Command::StartRefund(StartRefund { refund_no: id(no), order_no: id(order), last_try: None })
}

pub(crate) fn record(no: &str, order: &str, outcome: RefundOutcome) -> Command {
    Command::RecordRefund(RecordRefund { refund_no: id(no), order_no: id(order), outcome })
}

pub(crate) fn succeeded(amount: u64, booked: Option<u64>) -> RefundOutcome {
    let booked = booked.map(fen);
    RefundOutcome::Succeeded { refund_id: "50000".into(), amount: fen(amount), booked }
}

/// Every kind of event about refunds, before and after a settlement.
fn life() -> Vec<Command> {
    let unknown = || RefundOutcome::Unknown("a time-out".into());
    vec![
        register(PayoutMethod::Manual),
        open("1001", 10_000, None),
        pay("1001", 10_000),
        open_external("1002", 500),
        pay("1002", 500),
        open("1003", 700, None),
        pay("1003", 700),
        request("R001", "1001", 4_000, Some("a key")),
        start("R001", "1001"),
        record("R001", "1001", unknown()),
        record("R001", "1001", succeeded(4_000, Some(3_990))),
        request("R002", "1002", 200, None),
        request("R003", "1003", 700, None),
        start("R003", "1003"),
        settle("S001", None),
        record("R003", "1003", RefundOutcome::Closed("closed".into())),
        request("R004", "1001", 1_000, None),
        request("R005", "1003", 100, None),
        Command::NoticeRefund(NoticeRefund {
            refund_no: id("H001"),
            order_no: id("1003"),
            out_refund_no: "by hand".into(),
            refund_id: "50001".into(),
            amount: fen(50),
            transaction_id: None,
        }),
        record("H001", "1003", succeeded(60, None)),
    ]
}

async fn each_event_alone_and_all_at_once_are_shown_as_memory_has_them(fresh: Fresh) {
    let store = &*fresh.store;
    let (mut slow, mut fast) = (Shop::new("a"), Shop::new("b"));
    for command in life() {
        committed(store, vec![slow.run(&[command])]).await;
    }
    committed(store, vec![fast.run(&life())]).await;
    assert_same(store, &[&slow, &fast]).await;
    let numbers = async |filter: RefundFilter| {
        let page = Page { limit: 9, cursor: None };
        let part = store.refunds(slow.id(), filter, page).await.expect("a part");
        part.items.iter().map(|refund: &Refund| refund.refund_no.to_string()).collect::<Vec<_>>()
    };
    let all = RefundFilter::default();
    assert_eq!(numbers(all).await, ["H001", "R005", "R004", "R003", "R002", "R001"]);
    let of = RefundFilter { order_no: Some(id("1001")), ..all };
    assert_eq!(numbers(of).await, ["R004", "R001"]);
    let failed = RefundFilter { status: Some(RefundStatus::Failed), ..all };
    assert_eq!(numbers(failed).await, ["R003"]);
    let both = RefundFilter { status: Some(RefundStatus::Requested), ..of };
    assert_eq!(numbers(both).await, ["R004"]);
    let mut under_way = vec![];
    let mut cursor = None;
    loop {
        let part = store.refunds_under_way(Page { limit: 1, cursor }).await.expect("a part");
        let whole = part.items.iter().map(|out| out.as_ref().expect("it is whole"));
        under_way.extend(whole.map(|out| (out.merchant, out.refund.refund_no)));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    let (a, b) = (slow.id(), fast.id());
    let expected = [(b, "R005"), (a, "R005"), (b, "R004"), (a, "R004")];
    assert_eq!(under_way, expected.map(|(of, no)| (of, id(no))));
    let report = store.audit(None).await.expect("it is read");
    assert!(report.is_clean() && report.refunds == 12 && report.idempotency == 2, "{report}");
    fresh.run("update refunds set booked_fen = booked_fen + 1 where merchant_id = 'a' and refund_no = 'R003'").await;
    fresh.run("update orders set refunded_booked_fen = 0 where merchant_id = 'b' and order_no = '1001'").await;
    let report = store.audit(None).await.expect("it is read").to_string();
    assert!(report.contains("refunds R003: booked_fen is 701, should be 700"), "{report}");
    assert!(report.contains("orders 1001: refunded_booked_fen is 0, should be"), "{report}");
}

for_every_database!(each_event_alone_and_all_at_once_are_shown_as_memory_has_them);
