//! Checkpoints: each is compared at its place, whatever was changed in it.

use super::{Books, check};
use crate::audit::stored_head;
use crate::fixture::{self, id};

/// Keeps every head as it now is, as a commit does that reaches the right place.
const KEEP: &str = "insert into checkpoints select * from heads";

/// Books with a checkpoint of each merchant, and events after it.
async fn kept() -> Books {
    let mut books = Books::new().await;
    books.tamper(KEEP).await;
    for n in 0..60 {
        let number = format!("{}", 3_000 + n);
        let more = vec![fixture::open(&number, 10, None), fixture::pay(&number, 10)];
        books.commit("shop1", more).await;
    }
    books
}

#[tokio::test]
async fn checkpoints_that_are_as_the_journal_says_are_counted_once() {
    let books = kept().await;
    books.tamper("insert or ignore into checkpoints select * from heads").await;
    let report = books.report().await;
    assert_eq!((report.faults.len(), report.checkpoints), (0, 4), "{report}");
    let (mut shared, of) = (super::Report::default(), id("shop1"));
    super::merchant::audit_in(&books.store.read, of, 3, &mut shared).await.map_err(drop).unwrap();
    assert_eq!(shared.checkpoints, 2);
}

#[tokio::test]
async fn each_changed_checkpoint_is_found_and_named() {
    let of_shop1 = "where merchant_id = 'shop1'";
    for (change, expected) in [
        ("update checkpoints set available_fen = available_fen + 1", "available_fen is "),
        ("update checkpoints set paid_orders = paid_orders + 1", "paid_orders is "),
        ("update checkpoints set at_ms = at_ms - 1", "at_ms is "),
        ("update checkpoints set registered_ms = registered_ms - 1", "registered_ms is "),
        ("update checkpoints set hash = zeroblob(32)", "hash is 0000"),
        ("update checkpoints set format = 2", "format is 2, should be 3"),
        ("update checkpoints set kept = x'00'", "kept is another (personal, not shown)"),
        ("update checkpoints set seq = seq - 1", "hash is "),
        ("update checkpoints set seq = 0", "format is 3, should be 1"),
        ("update checkpoints set seq = 7000", "the row is there, but the journal does not know it"),
    ] {
        let books = kept().await;
        books.tamper(&format!("{change} {of_shop1}")).await;
        let seq: i64 =
            sqlx::query_scalar("select seq from checkpoints where merchant_id = 'shop1'")
                .fetch_one(books.store.read.file())
                .await
                .unwrap();
        check(&books.report().await, &format!("merchant shop1, checkpoints {seq}: {expected}"));
    }
}

#[tokio::test]
async fn a_checkpoint_of_nobody_is_found() {
    let books = kept().await;
    books.tamper("update checkpoints set merchant_id = 'shop9' where merchant_id = 'shop3'").await;
    check(&books.report().await, "merchant shop9, checkpoints 1: the row is there, but");
    books.tamper("update checkpoints set merchant_id = 'sh-9' where merchant_id = 'shop9'").await;
    check(&books.report().await, "merchant sh-9, checkpoints merchant_id: a merchant's id must be");
}

#[tokio::test]
async fn a_stored_head_is_compared_bit_for_bit() {
    let books = Books::new().await;
    let head = books.shops.account("shop1").head().unwrap();
    let stored = stored_head(&books.store.read, id("shop1")).await.unwrap().unwrap();
    assert_eq!((stored.seq(), stored.difference(head)), (Some(head.link.seq), None));
    assert_eq!(stored_head(&books.store.read, id("nobody")).await.unwrap(), None);
    // The same rules in a longer spelling: a varint with a byte that says nothing.
    let mut kept = head.encode_kept();
    assert_eq!(kept[0], 6, "the length of the name");
    kept.splice(0..1, [0x86, 0x00]);
    assert!(
        head.clone().with_kept(head.format(), &kept).is_some_and(|same| same == *head),
        "it reads the same"
    );
    sqlx::query("update heads set kept = ? where merchant_id = 'shop1'")
        .bind(kept)
        .execute(&mut books.file().await)
        .await
        .unwrap();
    let stored = stored_head(&books.store.read, id("shop1")).await.unwrap().unwrap();
    let difference = stored.difference(head).unwrap().to_string();
    assert!(difference.starts_with("merchant shop1, heads shop1: kept is another"), "{difference}");
}
