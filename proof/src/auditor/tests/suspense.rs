//! Money in suspense that is held, or leaves, as it must not.

use super::checks::{expect, right, rules};
use super::shop::Shop;

/// An order that was paid, and paid a second time by `t2`, which is held.
fn paid_twice() -> Shop {
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.misfit("paid_twice", ("A001", "t2"), 10_000);
    shop
}

#[test]
fn what_is_held_once_and_leaves_once_breaks_no_claim() {
    let mut shop = paid_twice();
    shop.credit(("A001", "t2"), 10_000);
    shop.read();
    right(&shop.close_books());
}

#[test]
fn what_leaves_suspense_twice_or_in_another_sum_is_caught() {
    let mut shop = paid_twice();
    shop.credit(("A001", "t2"), 10_000);
    shop.credit(("A001", "t2"), 10_000);
    expect("suspense", &shop.close_books());
    let mut shop = paid_twice();
    shop.credit(("A001", "t2"), 9_999);
    expect("suspense", &shop.close_books());
}

#[test]
fn a_payment_that_is_held_twice_or_booked_beside_is_caught() {
    let mut shop = paid_twice();
    shop.misfit("amount_differs", ("A001", "t2"), 9_999);
    expect("suspense", &shop.close_books());
    let mut shop = paid_twice();
    shop.open("A002", 10_000, true);
    shop.pay("A002", "t2");
    expect("suspense", &shop.close_books());
}
