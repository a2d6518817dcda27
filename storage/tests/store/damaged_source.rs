//! A source with a damaged row stops a copy, by a line that names the merchant and the event.

use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tally_actors::domain::chain::{Hash, Link, Seq};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_storage::copy::copy;

use crate::copying::{Database, assert_same_books, fill};
use crate::support::*;

/// What is done to the books, and how the copy's fault begins.
struct Damage {
    statement: &'static str,
    fault: &'static str,
}

const DAMAGES: &[Damage] = &[
    Damage {
        statement: "update journal set event = cast(event || x'00' as blob) where merchant_id = 'b2' and seq = 3",
        fault: "merchant b2, event 3 of the source: its hash is ",
    },
    Damage {
        statement: "update journal set hash = zeroblob(32) where merchant_id = 'b2' and seq = 1",
        fault: "merchant b2, event 1 of the source: its hash is 00000000",
    },
    Damage {
        statement: "delete from journal where merchant_id = 'b2' and seq = 5",
        fault: "merchant b2, event 5 of the source: the row is missing",
    },
    Damage {
        statement: "delete from journal where merchant_id = 'b2' and seq >= 9",
        fault: "merchant b2, event 9 of the source is missing, and the head stands after event ",
    },
    Damage {
        statement: "delete from journal where merchant_id = 'b2'",
        fault: "merchant b2, event 1 of the source is missing, and the head stands after event ",
    },
    Damage {
        statement: "update heads set paid_orders = paid_orders + 1 where merchant_id = 'b2'",
        fault: "merchant b2, event ",
    },
    Damage {
        statement: "update heads set hash = zeroblob(32) where merchant_id = 'b2'",
        fault: "merchant b2, event ",
    },
    Damage {
        statement: "delete from heads where merchant_id = 'b2'",
        fault: "merchant b2: the source has events of it, and no head",
    },
    Damage {
        statement: "update heads set format = 99 where merchant_id = 'b2'",
        fault: "the source can't be read: merchant b2: ",
    },
    Damage {
        statement: "update heads set kept = x'ff' where merchant_id = 'b2'",
        fault: "the source can't be read: merchant b2: ",
    },
    Damage {
        statement: "update journal set merchant_id = 'b 2' where merchant_id = 'b2'",
        fault: "the source names a merchant \"b 2\", which is no merchant id",
    },
];

async fn database(place: &Database) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(place.path());
    options.connect().await.expect("it opens")
}

/// The fault of a copy from one place to another.
async fn fault(from: &Database, to: &Database) -> String {
    let target = to.opened().await;
    let fault = copy(from.beside().await, Arc::clone(&target), At::default())
        .await
        .expect_err("it is damaged");
    target.close().await;
    fault.to_string()
}

#[tokio::test]
async fn a_damaged_row_stops_a_copy_and_is_named_and_what_was_copied_is_whole() {
    for Damage { statement, fault: expected } in DAMAGES {
        let (from, to) = (Database::file(), Database::file());
        let source = from.opened().await;
        fill(&*source).await;
        source.close().await;
        sqlx::query(*statement).execute(&mut database(&from).await).await.expect("it is executed");
        let said = fault(&from, &to).await;
        assert!(said.starts_with(expected), "{statement}: {said}");
        assert!(!said.contains('\n'), "{said}");
        let report = to.audited().await;
        assert!(report.is_clean(), "{statement}: {report}");
    }
}

#[tokio::test]
async fn once_the_row_is_mended_the_copy_goes_on() {
    let (from, to) = (Database::file(), Database::file());
    let source = from.opened().await;
    fill(&*source).await;
    let mut db = database(&from).await;
    let damage =
        "update journal set event = cast(event || x'00' as blob) where merchant_id = 'zeta'";
    sqlx::query(damage).execute(&mut db).await.expect("it is executed");
    let said = fault(&from, &to).await;
    assert!(said.starts_with("merchant zeta, event 1 of the source: its hash is "), "{said}");
    let mend =
        "update journal set event = substr(event, 1, length(event) - 1) where merchant_id = 'zeta'";
    sqlx::query(mend).execute(&mut db).await.expect("it is executed");
    let target = to.opened().await;
    copy(Arc::clone(&source), Arc::clone(&target), At::default()).await.expect("it is copied");
    assert_same_books(&*source, &*target).await;
}

/// Chained by whoever wrote it, and in a format that this binary does not know.
#[tokio::test]
async fn an_event_that_can_not_be_read_stops_a_copy_and_is_named() {
    let (from, to) = (Database::file(), Database::file());
    let source = from.opened().await;
    let shops = fill(&*source).await;
    let of: MerchantId = id("b2");
    let last = shops.iter().find(|shop| shop.id() == of).expect("it is there").account.link();
    let before = Seq(last.seq.0 - 1);
    let events = source.events(of, before, 1).await.expect("it is read");
    let before = Link { seq: before, hash: Hash(events[0].hash.0) };
    let bytes = [200, 1, 2, 3];
    let forged = before.then(&of, &bytes);
    let mut db = database(&from).await;
    let change = "update journal set event = ?, hash = ? where merchant_id = 'b2' and seq = ?";
    let seq = i64::try_from(last.seq.0).expect("a small number");
    let change = sqlx::query(change).bind(&bytes[..]).bind(&forged.hash.0[..]).bind(seq);
    change.execute(&mut db).await.expect("it is executed");
    let said = fault(&from, &to).await;
    let expected = format!("merchant b2, event {} of the source: an event in format 200", last.seq);
    assert!(said.starts_with(&expected), "{said}");
}
