//! What waits for the channel, with rows that somebody damaged: each is told of by its number, and the others are listed.

use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::ports::{Damaged, Page};

use crate::databases::{Fresh, for_every_database};
use crate::support::*;

for_every_database! {
    a_row_that_can_not_be_read_is_told_of_among_the_others
}

/// What a list shows: numbers, those that can't be read in brackets.
fn shown<T>(items: &[Result<T, Damaged>], number: impl Fn(&T) -> String) -> Vec<String> {
    let one = |item: &Result<T, Damaged>| match item {
        Ok(item) => number(item),
        Err(damaged) => format!("({} {})", damaged.merchant, damaged.number),
    };
    items.iter().map(one).collect()
}

async fn a_row_that_can_not_be_read_is_told_of_among_the_others(fresh: Fresh) {
    let store = &*fresh.store;
    let mut shop = Shop::new("shop");
    let begin = [register(PayoutMethod::Wechat), open("0999", 50_000, None), pay("0999", 50_000)];
    let orders = ["1001", "1002", "1003"].map(|no| open(no, 100, None));
    let withdrawals = ["W001", "W002", "W003"].map(|no| withdraw(no, Some(100), None));
    let all = [&begin[..], &orders, &[settle("S001", None)], &withdrawals].concat();
    committed(store, vec![shop.run(&all)]).await;
    let bytes = fresh.bytes("ff");
    fresh.run(&format!("update orders set channel = {bytes} where order_no = '1002'")).await;
    fresh.run("update withdrawals set asked_by = '' where withdrawal_no = 'W003'").await;
    let (from, to) = (At::default(), At::from_ms(i64::MAX));
    for limit in [1, 2, 9] {
        let (mut seen, mut cursor) = (vec![], None);
        loop {
            let part = store.open_orders(from, to, Page { limit, cursor }).await.expect("a part");
            seen.extend(shown(&part.items, |open| open.order.order_no.to_string()));
            cursor = part.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["1003", "(shop 1002)", "1001"], "{limit} a part");
    }
    let part = store.withdrawals_under_way(Page { limit: 9, cursor: None }).await.expect("a part");
    let seen = shown(&part.items, |out| out.withdrawal.withdrawal_no.to_string());
    assert_eq!(seen, ["(shop W003)", "W002", "W001"]);
    let why = part.items[0].as_ref().expect_err("it is damaged").to_string();
    assert!(why.starts_with("W003: merchant shop: what is stored in asked_by can't"), "{why}");
}
