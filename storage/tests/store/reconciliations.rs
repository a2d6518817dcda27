//! Reconciliations: kept alike by every database, and a run that was cut off counts for nothing.

use tally_actors::domain::time::{At, Day};
use tally_actors::ports::{Page, ReadError};
use tally_storage::reconciliations::{Carried, Difference, Reconciliation, Side};

use crate::databases::{Fresh, for_every_database};

fn day(days: i32) -> Day {
    Day::from_days(days).expect("a day")
}

fn at(ms: i64) -> At {
    At::from_ms(1_700_000_000_000 + ms)
}

fn made(days: i32, ms: i64) -> Reconciliation {
    Reconciliation { day: day(days), ran_at: at(ms), report: "{\"lines\":1}".into() }
}

fn difference(id: &str, ms: i64) -> Difference {
    let difference = format!("{{\"what\":\"茶店\",\"ms\":{ms}}}");
    Difference { day: day(20_000), difference_id: id.into(), seen_at: at(ms), difference }
}

fn carried(number: &str, side: Side, ms: i64) -> Carried {
    let number = number.to_owned();
    Carried { day: day(20_000), side, number, ran_at: at(ms), carried: "{}".into() }
}

for_every_database! {
    a_day_is_kept_in_place_of_its_earlier_run_and_listed_newest_first
    differences_in_parts_are_the_same_differences_as_the_newest_run_saw_them
    what_a_run_carried_over_counts_once_its_day_is_kept
    a_run_that_is_overtaken_or_cut_off_takes_nothing_from_another
}

async fn a_day_is_kept_in_place_of_its_earlier_run_and_listed_newest_first(fresh: Fresh) {
    let books = &*fresh.store;
    assert_eq!(books.reconciliation(day(5)).await.expect("it is read"), None);
    for one in [made(5, 1), made(7, 2), made(6, 3), made(5, 4)] {
        books.keep_reconciliation(one).await.expect("it is kept");
    }
    assert_eq!(books.reconciliation(day(5)).await.expect("it is read"), Some(made(5, 4)));
    let (mut found, mut cursor) = (vec![], None);
    loop {
        let part = books.reconciliations(Page { limit: 2, cursor }).await.expect("it is read");
        found.extend(part.items);
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, [made(7, 2), made(6, 3), made(5, 4)]);
}

async fn differences_in_parts_are_the_same_differences_as_the_newest_run_saw_them(fresh: Fresh) {
    let books = &*fresh.store;
    let first = ["a", "c", "b"].map(|id| difference(id, 1)).to_vec();
    books.keep_differences(first).await.expect("they are kept");
    let second = ["b", "d"].map(|id| difference(id, 2)).to_vec();
    books.keep_differences(second).await.expect("they are kept");
    let mut page = Page { limit: 3, cursor: None };
    let part = books.differences(day(20_000), page.clone()).await.expect("it is read");
    assert_eq!(part.items, [difference("a", 1), difference("b", 2), difference("c", 1)]);
    page.cursor = part.next;
    let part = books.differences(day(20_000), page).await.expect("it is read");
    assert_eq!((part.items, part.next), (vec![difference("d", 2)], None));
    let foreign = Page { limit: 3, cursor: Some("f' or 1".into()) };
    assert_eq!(books.differences(day(20_000), foreign).await, Err(ReadError::Cursor));
}

async fn what_a_run_carried_over_counts_once_its_day_is_kept(fresh: Fresh) {
    let books = &*fresh.store;
    let both = vec![carried("m1-A 1", Side::Payment, 1), carried("m1-B 2", Side::Line, 1)];
    books.keep_carried(both.clone()).await.expect("they are kept");
    let of = |side| books.carried(day(20_000), side);
    assert_eq!(of(Side::Payment).await.expect("it is read"), [], "its run was cut off");
    books.keep_reconciliation(made(20_000, 1)).await.expect("it is kept");
    assert_eq!(of(Side::Payment).await.expect("it is read"), both[..1]);
    assert_eq!(of(Side::Line).await.expect("it is read"), both[1..]);
    let again = carried("m1-C 3", Side::Payment, 2);
    books.keep_carried(vec![again.clone()]).await.expect("it is kept");
    books.keep_reconciliation(made(20_000, 2)).await.expect("it is kept");
    assert_eq!(of(Side::Payment).await.expect("it is read"), [again]);
    assert_eq!(of(Side::Line).await.expect("it is read"), [], "the newest run carried none");
}

async fn a_run_that_is_overtaken_or_cut_off_takes_nothing_from_another(fresh: Fresh) {
    let books = &*fresh.store;
    let of = |side| books.carried(day(20_000), side);
    let one = |ms| carried("m1-A 1", Side::Payment, ms);
    // The later of two runs at once ends first; the earlier writes on.
    books.keep_carried(vec![one(2)]).await.expect("it is kept");
    books.keep_differences(vec![difference("a", 2)]).await.expect("it is kept");
    books.keep_reconciliation(made(20_000, 2)).await.expect("it is kept");
    books.keep_carried(vec![one(1)]).await.expect("it is kept");
    books.keep_differences(vec![difference("a", 1)]).await.expect("it is kept");
    books.keep_reconciliation(made(20_000, 1)).await.expect("it is kept");
    let kept = books.reconciliation(day(20_000)).await.expect("it is read");
    assert_eq!(kept, Some(made(20_000, 2)));
    assert_eq!(of(Side::Payment).await.expect("it is read"), [one(2)]);
    let page = Page { limit: 3, cursor: None };
    let found = books.differences(day(20_000), page).await.expect("it is read").items;
    assert_eq!(found, [difference("a", 2)]);
    // One that is cut off has taken over what the whole one carried.
    books.keep_carried(vec![one(3)]).await.expect("it is kept");
    assert_eq!(of(Side::Payment).await.expect("it is read"), [one(3)]);
}
