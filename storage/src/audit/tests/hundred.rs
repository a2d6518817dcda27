//! Many rows that somebody edited: each is found, and nothing beside them.

use std::collections::BTreeSet;

use super::*;

/// One row of a merchant's, edited in one of these ways.
const EDITS: [&str; 4] = [
    "update orders set amount_fen = amount_fen + 1 where order_no = '1001'",
    "update orders set paid_ms = paid_ms + 1 where order_no = '1001'",
    "update withdrawals set amount_fen = amount_fen - 1 where withdrawal_no = (select min(withdrawal_no) from withdrawals)",
    "update journal set event = cast(event || x'00' as blob) where seq = 3",
];

#[tokio::test]
async fn of_a_hundred_edited_rows_each_is_found_and_no_other_merchant_is_named() {
    let mut books = Books::new().await;
    let shops: Vec<String> = (0..110).map(|n| format!("many{n:03}")).collect();
    for shop in &shops {
        books.commit(shop, full_life()).await;
    }
    let mut edited = BTreeSet::new();
    for (n, shop) in shops.iter().take(100).enumerate() {
        let edit = EDITS[n % EDITS.len()];
        books.tamper(&format!("{edit} and merchant_id = '{shop}'")).await;
        edited.insert(shop.clone());
    }
    let found = books.report().await.faults;
    let named: BTreeSet<String> = found.iter().map(|fault| fault.merchant.clone()).collect();
    assert_eq!((found.len(), named), (100, edited));
}
