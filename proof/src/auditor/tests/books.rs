//! Right histories, and wrong ones of the journal and the tables: `chain`, `conservation`, `settlements`.

use serde_json::json;

use super::super::judge;
use super::checks::{busy, caught, chained, expect, right, rules};
use super::shop::{SHOP, Shop};
use crate::history::{Fact, History, Rules, Stored};

fn stored(history: &mut History) -> &mut Stored {
    history.stored.get_mut(SHOP).unwrap()
}

/// The newest event of a kind.
fn fact<'a>(history: &'a mut History, kind: &str) -> &'a mut Fact {
    stored(history).journal.iter_mut().rev().find(|fact| fact.kind == kind).unwrap()
}

#[test]
fn a_right_history_breaks_no_claim() {
    right(&busy().close_books());
}

#[test]
fn a_history_of_nothing_breaks_no_claim() {
    right(&History::default());
    let mut history = History::default();
    history.stored.insert(SHOP.into(), Stored::default());
    right(&history);
}

#[test]
fn two_merchants_are_judged_apart() {
    let mut history = busy().close_books();
    let mut other = busy().close_books();
    let mut books = other.stored.remove(SHOP).unwrap();
    for row in &mut books.journal {
        row.at_ms += 1;
    }
    history.stored.insert("other".into(), books);
    for mut call in other.calls {
        call.merchant = "other".into();
        history.calls.push(call);
    }
    for mut payment in other.channel.payments {
        payment.0 = "other".into();
        history.channel.payments.push(payment);
    }
    history.channel.transfers.push(("other".into(), "W001".into(), 4_000));
    right(&chained(history));
}

#[test]
fn a_broken_chain_is_caught() {
    let mut changed = busy().close_books();
    stored(&mut changed).journal[3].bytes.push(b' ');
    expect("chain", &changed);
    let mut moved = busy().close_books();
    stored(&mut moved).head_hash[0] ^= 1;
    expect("chain", &moved);
    caught("chain", |history| {
        stored(history).journal.remove(4);
    });
    caught("chain", |history| {
        let twice = stored(history).journal[4].clone();
        stored(history).journal.insert(5, twice);
    });
    caught("chain", |history| stored(history).journal[5].at_ms -= 5_000);
    caught("chain", |history| stored(history).balance.as_mut().unwrap().seq -= 1);
    caught("chain", |history| stored(history).balance = None);
    caught("chain", |history| fact(history, "order_paid").fields["booked"] = json!(null));
}

#[test]
fn hashes_cover_the_merchant_and_follow_each_other() {
    let mut history = busy().close_books();
    let books = history.stored.remove(SHOP).unwrap();
    history.stored.insert("shop2".into(), books);
    expect("chain", &history);
}

#[test]
fn money_from_nowhere_is_caught() {
    caught("conservation", |history| stored(history).balance.as_mut().unwrap().available += 1);
    caught("conservation", |history| {
        fact(history, "withdrawal_failed").fields["amount"] = json!(1)
    });
    caught("conservation", |history| {
        fact(history, "withdrawal_failed").fields["day"] = json!("2026-11-24")
    });
    caught("conservation", |history| fact(history, "order_paid").fields["fee"] = json!(179));
    caught("conservation", |history| {
        fact(history, "withdrawal_requested").fields["amount"] = json!(90_000)
    });
}

#[test]
fn fees_are_rounded_half_up_at_the_rate_of_the_day() {
    let mut shop = Shop::new(&Rules { fee_bp: 50, ..rules() });
    shop.open("A001", 100, true);
    shop.pay("A001", "t1");
    let mut history = shop.close_books();
    right(&history);
    fact(&mut history, "order_paid").fields["fee"] = json!(0);
    expect("conservation", &chained(history));
}

#[test]
fn tables_that_tell_another_story_are_caught() {
    caught("conservation", |history| stored(history).orders[0].0.status = "open");
    caught("conservation", |history| stored(history).orders[0].1 = Some("S002".into()));
    caught("conservation", |history| stored(history).orders[0].1 = None);
    caught("conservation", |history| {
        let row = stored(history).orders[0].clone();
        stored(history).orders.push(row);
    });
    caught("conservation", |history| stored(history).settlements[0].gross += 1);
    caught("conservation", |history| stored(history).withdrawals[0].status = "sending");
    caught("conservation", |history| {
        stored(history).withdrawals.pop();
    });
    caught("conservation", |history| stored(history).cases[0].1 = "paid_twice");
    caught("conservation", |history| {
        stored(history).cases.pop();
    });
}

#[test]
fn a_settlement_of_other_orders_is_caught() {
    // Summed before, marked after: the classic mistake.
    caught("settlements", |history| fact(history, "settled").fields["moved"]["orders"] = json!(2));
    caught("settlements", |history| {
        fact(history, "settled").fields["moved"]["gross"] = json!(29_000)
    });
    caught("settlements", |history| {
        fact(history, "settled").fields["moved"]["last_paid_seq"] = json!(3)
    });
    caught("settlements", |history| fact(history, "order_paid").fields["paid_seq"] = json!(9));
    caught("settlements", |history| {
        fact(history, "order_paid").fields["settle_on"] = json!("2026-11-25")
    });
}

/// A shop that settles a day after payment.
fn tomorrow() -> Shop {
    let mut shop = Shop::new(&Rules { settle_after_days: Some(1), ..rules() });
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.settle("S001", true);
    shop
}

#[test]
fn what_is_not_due_is_settled_on_the_admins_word_only() {
    right(&tomorrow().close_books());
    let mut history = tomorrow().close_books();
    fact(&mut history, "settled").fields["include_not_due"] = json!(false);
    expect("settlements", &chained(history));
}

#[test]
fn a_settlement_through_another_day_than_its_clock_said_is_caught() {
    let made = |through: &str, frozen: bool| {
        let mut history = tomorrow().close_books();
        let settled = fact(&mut history, "settled");
        settled.fields["include_not_due"] = json!(false);
        settled.fields["through"] = json!(through);
        let moved = json!({"orders": 0, "gross": 0, "refunded": 0, "fee": 0, "first_paid_seq": 0,
            "last_paid_seq": 0});
        settled.fields["moved"] = moved;
        settled.at_ms -= if frozen { 1_000 } else { 0 };
        let words: Vec<String> =
            judge(&chained(history)).into_iter().map(|found| found.what).collect();
        words.iter().any(|what| what.contains("clock said"))
    };
    assert!(!made("2026-11-25", false));
    assert!(made("2026-11-24", false), "its clock had gone on, so it said the 25th");
    assert!(!made("2026-11-24", true), "its clock may have been behind");
    assert!(made("2026-11-26", true), "a clock that was ahead would have moved `at`");
}
