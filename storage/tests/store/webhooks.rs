//! Webhooks, their cursors and their deliveries: kept alike by every database, and taken along wherever books are copied.

use std::sync::Arc;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::ports::Page;
use tally_storage::Books;
use tally_storage::copy::copy;
use tally_storage::webhooks::{Cursor, Delivery, DeliveryStatus, Webhook};

use crate::copying::{Database, fill};
use crate::databases::{Fresh, for_every_database};
use crate::support::*;

const DAY: i64 = 86_400_000;

fn at(ms: i64) -> At {
    At::from_ms(1_700_000_000_000 + ms)
}

fn webhook(name: &str, ms: i64) -> Webhook {
    Webhook {
        webhook_id: id(name),
        url: format!("https://example.com/{name}?shop=茶店"),
        kinds: vec!["order.paid".into(), "case.opened".into()],
        merchant: Some(id("m1")),
        secret: "whsec_0123456789abcdef0123456789abcdef".into(),
        created_at: at(ms),
    }
}

fn cursor(webhook: &str, merchant: &str, seq: u64) -> Cursor {
    Cursor { webhook_id: id(webhook), merchant: id(merchant), seq: Seq(seq) }
}

/// A delivery that waits, made in the order of `seq`.
fn delivery(webhook: &str, merchant: &str, seq: u64, thing: &str) -> Delivery {
    let ms = i64::try_from(seq).expect("small");
    Delivery {
        webhook_id: id(webhook),
        merchant: id(merchant),
        seq: Seq(seq),
        event_id: format!("{merchant}-{seq}-0123456789ab"),
        kind: "order.paid".into(),
        thing: thing.into(),
        at: at(0),
        made_at: at(ms),
        status: DeliveryStatus::Waiting,
        tries: 1,
        next_at: at(100),
        changed_at: at(ms),
        error: "answered 500 服务器".into(),
    }
}

/// What is due at a time, by merchant and seq.
async fn due(books: &dyn Books, webhook: &str, ms: i64, limit: u32) -> Vec<String> {
    let due = books.due_deliveries(id(webhook), at(ms), limit).await.expect("it is read");
    let mut due: Vec<_> = due.iter().map(|one| format!("{}-{}", one.merchant, one.seq)).collect();
    due.sort();
    due
}

async fn listed(books: &dyn Books, status: Option<DeliveryStatus>, limit: u32) -> Vec<String> {
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let page = Page { limit, cursor };
        let part = books.deliveries(id("w1"), status, page).await.expect("it is read");
        found.extend(part.items.iter().map(|one| format!("{}-{}", one.merchant, one.seq)));
        cursor = part.next;
        if cursor.is_none() {
            return found;
        }
    }
}

for_every_database! {
    a_webhook_is_kept_with_its_secret_and_goes_with_all_that_is_its_own
    a_cursor_goes_forward_and_never_back
    what_waits_behind_an_earlier_one_of_its_thing_is_not_due
    a_delivery_is_added_once_and_kept_as_it_last_stood
    deliveries_in_parts_are_the_same_deliveries
    standings_are_those_of_the_heads
    webhooks_their_cursors_and_what_waits_go_along_in_a_copy
}

async fn a_webhook_is_kept_with_its_secret_and_goes_with_all_that_is_its_own(fresh: Fresh) {
    let books = &*fresh.store;
    let all = Webhook { kinds: vec![], merchant: None, ..webhook("w2", 2) };
    for one in [webhook("w1", 1), all.clone(), all.clone()] {
        books.keep_webhook(one).await.expect("it is kept");
    }
    assert_eq!(books.webhooks().await.expect("it is read"), [all.clone(), webhook("w1", 1)]);
    assert!(!format!("{all:?}").contains(&all.secret), "a secret does not print");
    books.move_cursors(vec![cursor("w1", "m1", 3), cursor("w2", "m1", 4)]).await.expect("moved");
    for one in ["w1", "w2"] {
        books.add_delivery(delivery(one, "m1", 1, "order:A1")).await.expect("added");
    }
    let gone = Delivery {
        status: DeliveryStatus::Delivered,
        changed_at: at(DAY),
        ..delivery("w2", "m1", 2, "order:A1")
    };
    let newer = Delivery { seq: Seq(3), changed_at: at(DAY + 1), ..gone.clone() };
    for one in [gone, newer] {
        books.keep_delivery(one).await.expect("kept");
    }
    assert!(books.delete_webhook(id("w1")).await.expect("it is done"));
    assert!(!books.delete_webhook(id("w1")).await.expect("it is done"));
    books.tidy_webhooks(at(DAY + 1)).await.expect("it is done");
    assert_eq!(books.webhooks().await.expect("it is read"), [all]);
    let left = books.cursors(id("m1"), id("m1")).await.expect("it is read");
    assert_eq!(left, [cursor("w2", "m1", 4)]);
    let left = books.deliveries_after(None, 10).await.expect("it is read");
    let left: Vec<_> = left.iter().map(|one| (one.webhook_id.as_str(), one.seq.0)).collect();
    assert_eq!(left, [("w2", 1), ("w2", 3)]);
}

async fn a_cursor_goes_forward_and_never_back(fresh: Fresh) {
    let books = &*fresh.store;
    for (seq, stands) in [(5, 5), (9, 9), (7, 9)] {
        let moved = vec![cursor("w1", "m1", seq), cursor("w1", "m2", 1), cursor("w2", "m1", seq)];
        books.move_cursors(moved).await.expect("moved");
        let there = books.cursors(id("m1"), id("m1")).await.expect("it is read");
        assert_eq!(there, [cursor("w1", "m1", stands), cursor("w2", "m1", stands)]);
    }
    assert_eq!(books.cursors(id("M1"), id("m2")).await.expect("it is read").len(), 3);
    assert_eq!(books.cursors(id("m3"), id("z")).await.expect("it is read"), []);
}

async fn what_waits_behind_an_earlier_one_of_its_thing_is_not_due(fresh: Fresh) {
    let books = &*fresh.store;
    for (merchant, seq, thing) in
        [("m1", 1, "order:A1"), ("m1", 2, "order:A1"), ("m1", 3, "order:A2"), ("m2", 4, "order:A1")]
    {
        books.add_delivery(delivery("w1", merchant, seq, thing)).await.expect("added");
    }
    assert_eq!(due(books, "w1", 99, 10).await, [""; 0]);
    assert_eq!(due(books, "w1", 100, 10).await, ["m1-1", "m1-3", "m2-4"]);
    assert_eq!(due(books, "w1", 100, 2).await.len(), 2);
    assert_eq!(due(books, "w2", 100, 10).await, [""; 0]);
    assert_eq!(books.waiting(id("w1")).await.expect("it is read"), 4);
    let things = books.waiting_things(id("w1"), id("m1")).await.expect("it is read");
    assert_eq!(things.len(), 3);
    assert!(things.contains(&"order:A2".to_owned()), "{things:?}");
    // An earlier one that is not due yet holds back as well; one that is set aside or made does not.
    let later = Delivery { next_at: at(500), ..delivery("w1", "m1", 1, "order:A1") };
    books.keep_delivery(later.clone()).await.expect("kept");
    assert_eq!(due(books, "w1", 100, 10).await, ["m1-3", "m2-4"]);
    for status in [DeliveryStatus::SetAside, DeliveryStatus::Delivered] {
        books.keep_delivery(Delivery { status, ..later.clone() }).await.expect("kept");
        assert_eq!(due(books, "w1", 900, 10).await, ["m1-2", "m1-3", "m2-4"]);
    }
    assert_eq!(books.waiting(id("w1")).await.expect("it is read"), 3);
}

async fn a_delivery_is_added_once_and_kept_as_it_last_stood(fresh: Fresh) {
    let books = &*fresh.store;
    let first = delivery("w1", "m1", 1, "order:A1");
    books.add_delivery(first.clone()).await.expect("added");
    let tried = Delivery { tries: 2, next_at: at(300), error: "".into(), ..first.clone() };
    books.add_delivery(tried.clone()).await.expect("asked");
    assert_eq!(books.deliveries_after(None, 10).await.expect("it is read"), [first]);
    for _ in 0..2 {
        books.keep_delivery(tried.clone()).await.expect("kept");
        let there = books.deliveries_after(None, 10).await.expect("it is read");
        assert_eq!(there, std::slice::from_ref(&tried));
    }
}

async fn deliveries_in_parts_are_the_same_deliveries(fresh: Fresh) {
    let books = &*fresh.store;
    for (merchant, seq) in [("m1", 1), ("m1", 2), ("m2", 1), ("m2", 2), ("M2", 1)] {
        let mut one = delivery("w1", merchant, seq, "order:A1");
        if seq == 2 {
            one.status = DeliveryStatus::SetAside;
        }
        books.add_delivery(one).await.expect("added");
    }
    books.add_delivery(delivery("w2", "m1", 9, "order:A1")).await.expect("added");
    for limit in [1, 2, 5, 50] {
        assert_eq!(listed(books, None, limit).await, ["m2-2", "m1-2", "m2-1", "m1-1", "M2-1"]);
        let aside = listed(books, Some(DeliveryStatus::SetAside), limit).await;
        assert_eq!(aside, ["m2-2", "m1-2"]);
    }
    let (mut all, mut after) = (vec![], None);
    loop {
        let part = books.deliveries_after(after, 2).await.expect("it is read");
        let Some(last) = part.last() else { break };
        after = Some((last.merchant, last.webhook_id, last.seq));
        all.extend(
            part.iter().map(|one| format!("{} {}-{}", one.webhook_id, one.merchant, one.seq)),
        );
    }
    assert_eq!(all, ["w1 M2-1", "w1 m1-1", "w1 m1-2", "w2 m1-9", "w1 m2-1", "w1 m2-2"]);
}

async fn standings_are_those_of_the_heads(fresh: Fresh) {
    let books = &*fresh.store;
    let mut shops = ["m1", "m2", "M1"].map(Shop::new);
    for shop in &mut shops {
        let run = shop.run(&[register(PayoutMethod::Manual), open("A0001", 100, None)]);
        committed(books, vec![run]).await;
    }
    let mut after = String::new();
    for named in ["M1", "m1", "m2"] {
        let part = books.standings_after(after, 1).await.expect("it is read");
        let [standing] = part[..] else { panic!("{part:?}") };
        let shop = shops.iter().find(|shop| shop.id().as_str() == named).expect("it is there");
        let head = shop.account.head().expect("it has one");
        assert_eq!(
            (standing.merchant, standing.seq, standing.at),
            (shop.id(), head.link.seq, head.at)
        );
        after = named.into();
    }
    assert_eq!(books.standings_after(after, 1).await.expect("it is read"), []);
}

async fn webhooks_their_cursors_and_what_waits_go_along_in_a_copy(fresh: Fresh) {
    let from = Database::file();
    let source = from.opened().await;
    fill(&*source).await;
    let standings = source.standings_after(String::new(), 100).await.expect("it is read");
    let of = |n: usize| standings[n].merchant.to_string();
    source.keep_webhook(webhook("w1", 1)).await.expect("kept");
    let moved = standings.iter().map(|one| cursor("w1", one.merchant.as_str(), one.seq.0));
    let moved: Vec<_> = moved.collect();
    source.move_cursors(moved.clone()).await.expect("moved");
    for seq in 1..=5 {
        source.add_delivery(delivery("w1", &of(0), seq, "order:A1")).await.expect("added");
    }
    let target = Arc::clone(&fresh.store);
    target.keep_webhook(webhook("w9", 9)).await.expect("kept");
    for _ in 0..2 {
        copy(Arc::clone(&source), Arc::clone(&target), at(1)).await.expect("it is copied");
        assert_eq!(target.webhooks().await.expect("it is read"), [webhook("w1", 1)]);
        let (first, last) = (moved[0].merchant, moved[moved.len() - 1].merchant);
        assert_eq!(target.cursors(first, last).await.expect("it is read"), moved);
        let waits = source.deliveries_after(None, 100).await.expect("it is read");
        assert_eq!(target.deliveries_after(None, 100).await.expect("it is read"), waits);
    }
}
