//! The WeChat account of books: kept by every database at the first start, and taken along wherever books are copied.

use std::sync::Arc;

use tally_actors::domain::command::TransferOutcome;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_storage::account::{Account, AccountFault, Kept, Player, change, must_be_kept_with};
use tally_storage::backup::backup;
use tally_storage::copy::copy;
use tally_storage::restores::{Release, Restore};
use tally_storage::{Books, SqliteStore};

use crate::copying::{Database, fill};
use crate::databases::{Fresh, for_every_database};
use crate::refunds;
use crate::support::*;

fn at(ms: i64) -> At {
    At::from_ms(1_700_000_000_000 + ms)
}

fn wechat(app_id: &str, mch_id: &str) -> Account {
    Account { player: Player::Wechat, app_id: app_id.into(), mch_id: mch_id.into() }
}

fn sandbox() -> Account {
    Account { player: Player::Sandbox, ..wechat("wx0", "190") }
}

for_every_database! {
    the_first_account_is_kept_and_another_is_refused_with_the_remedy
    practice_books_and_real_books_never_mix
    an_account_changes_once_nothing_is_open_at_the_former
}

async fn the_first_account_is_kept_and_another_is_refused_with_the_remedy(fresh: Fresh) {
    let books = &*fresh.store;
    assert_eq!(books.account().await.expect("it is done"), None);
    let ours = wechat("wx1", "191");
    for ms in [0, 1] {
        must_be_kept_with(books, &ours, at(ms)).await.expect("it is theirs");
    }
    let kept = Kept { account: ours.clone(), since: at(0) };
    assert_eq!(books.account().await.expect("it is done"), Some(kept.clone()));
    for other in [wechat("wx2", "191"), wechat("wx1", "192"), wechat("WX1", "191")] {
        let fault = must_be_kept_with(books, &other, at(2)).await.expect_err("it is another's");
        let line = fault.to_string();
        let told = ["191 with app id wx1", &*other.mch_id, "tally account --set"];
        assert!(told.iter().all(|word| line.contains(word)) && !line.contains('\n'), "{line}");
    }
    let begun = Kept { account: wechat("wx3", "193"), since: at(3) };
    assert!(books.begin_account(begun).await.is_err(), "there is one");
    assert_eq!(books.account().await.expect("it is done"), Some(kept));
}

async fn practice_books_and_real_books_never_mix(fresh: Fresh) {
    let books = &*fresh.store;
    must_be_kept_with(books, &sandbox(), at(0)).await.expect("it is the first");
    let real = wechat("wx1", "191");
    let fault = must_be_kept_with(books, &real, at(1)).await.expect_err("it is practice");
    assert!(matches!(fault, AccountFault::Practice { .. }), "{fault}");
    let fault = change(books, real.clone(), at(1)).await.expect_err("it stays practice");
    assert!(matches!(fault, AccountFault::Practice { .. }), "{fault}");
    books.keep_account(Kept { account: real, since: at(2) }).await.expect("it is kept");
    let fault = must_be_kept_with(books, &sandbox(), at(3)).await.expect_err("it is real");
    assert!(fault.to_string().contains("191 with app id wx1"), "{fault}");
    assert!(matches!(fault, AccountFault::Real { .. }), "{fault}");
}

async fn an_account_changes_once_nothing_is_open_at_the_former(fresh: Fresh) {
    let books = &*fresh.store;
    let (former, ours) = (wechat("wx1", "191"), wechat("wx2", "192"));
    must_be_kept_with(books, &former, at(0)).await.expect("it is the first");
    let refused = async |word: &str| {
        let fault = change(books, ours.clone(), at(5)).await.expect_err("something is open");
        let line = fault.to_string();
        assert!(line.contains(word) && line.contains("191 with app id wx1"), "{line}");
        let kept = books.account().await.expect("it is done").map(|kept| kept.account);
        assert_eq!(kept.as_ref(), Some(&former), "nothing was changed");
    };
    let mut shop = Shop::new("shop");
    let begin = [register(PayoutMethod::Wechat), open("1000", 5_000, None)];
    committed(books, vec![shop.run(&begin)]).await;
    refused("order 1000 of merchant shop is open").await;
    let go_on = [pay("1000", 5_000), settle("2000", None), withdraw("3000", Some(1_000), None)];
    committed(books, vec![shop.run(&go_on)]).await;
    refused("withdrawal 3000 of merchant shop is under way").await;
    let end = [send("3000"), transfer("3000", TransferOutcome::Succeeded("W1".into()))];
    committed(books, vec![shop.run(&end)]).await;
    committed(books, vec![shop.run(&[refunds::request("R001", "1000", 100, None)])]).await;
    refused("refund R001 of merchant shop is under way").await;
    let paid_back = refunds::record("R001", "1000", refunds::succeeded(100, None));
    committed(books, vec![shop.run(&[refunds::start("R001", "1000"), paid_back])]).await;
    books.keep_restore(Restore::new(at(-5), at(6))).await.expect("it is kept");
    refused("not released").await;
    books.looked_up(at(6), at(7)).await.expect("it is done");
    let word = Release { at: at(8), by: id("admin"), note: "so".into() };
    assert!(books.release(at(6), word).await.expect("it is done"));
    let was = change(books, ours.clone(), at(9)).await.expect("nothing is open");
    assert_eq!(was, Some(former));
    must_be_kept_with(books, &ours, at(10)).await.expect("it is theirs");
    let again = change(books, ours.clone(), at(11)).await.expect("it is so already");
    assert_eq!(again, Some(ours.clone()));
    let kept = books.account().await.expect("it is done");
    assert_eq!(kept, Some(Kept { account: ours, since: at(9) }));
}

#[tokio::test]
async fn a_copy_and_a_backup_are_kept_with_the_account_of_their_source() {
    let (from, to) = (Database::file(), Database::file());
    let books = from.opened().await;
    fill(&*books).await;
    copy(from.beside().await, to.opened().await, at(0)).await.expect("it is done");
    assert_eq!(to.opened().await.account().await.expect("it is done"), None);
    for account in [wechat("wx1", "191"), wechat("wx2", "192")] {
        let kept = Kept { account, since: at(1) };
        books.keep_account(kept.clone()).await.expect("it is kept");
        copy(from.beside().await, to.opened().await, at(2)).await.expect("it is done");
        assert_eq!(to.opened().await.account().await.expect("it is done"), Some(kept.clone()));
        let file = from.folder().join(&kept.account.mch_id);
        backup(from.beside().await, "sqlite:books", &file, at(2), || at(2)).await.expect("done");
        let backed_up: Arc<dyn Books> = Arc::new(SqliteStore::open(&file).await.expect("it opens"));
        assert_eq!(backed_up.account().await.expect("it is done"), Some(kept));
    }
}
