//! What is known of restores: kept by every database, and taken along wherever books are copied.

use std::sync::Arc;

use tally_actors::domain::restored::Restored;
use tally_actors::domain::time::At;
use tally_storage::backup::backup;
use tally_storage::copy::copy;
use tally_storage::restores::{Release, Restore, mark_if_backup, of_all};
use tally_storage::{Books, SqliteStore};

use crate::copying::{Database, fill};
use crate::databases::{Fresh, for_every_database};
use crate::support::id;

const DAY: i64 = 86_400_000;

fn at(ms: i64) -> At {
    At::from_ms(1_700_000_000_000 + ms)
}

fn word(ms: i64, note: &str) -> Release {
    Release { at: at(ms), by: id("admin"), note: note.into() }
}

for_every_database! {
    a_restore_is_looked_up_and_then_released_once
    a_second_restore_freezes_again_and_each_is_released_by_its_own_word
    a_restore_is_kept_in_place_of_what_was_kept_of_it
}

async fn a_restore_is_looked_up_and_then_released_once(fresh: Fresh) {
    let books = &*fresh.store;
    assert_eq!(books.restores().await.expect("it is done"), []);
    assert_eq!(of_all(&books.restores().await.expect("it is done")), None);
    let back = Restore::new(at(-DAY), at(0));
    books.keep_restore(back.clone()).await.expect("it is done");
    assert_eq!(books.restores().await.expect("it is done"), std::slice::from_ref(&back));
    assert!(
        !books.release(at(0), word(5, "early")).await.expect("it is done"),
        "it was not looked up"
    );
    for ms in [10, 20] {
        books.looked_up(at(0), at(ms)).await.expect("it is done");
    }
    books.looked_up(at(1), at(30)).await.expect("it is done");
    let looked_up = Restore { looked_up_at: Some(at(10)), ..back };
    assert_eq!(books.restores().await.expect("it is done"), std::slice::from_ref(&looked_up));
    assert!(!books.release(at(1), word(40, "another")).await.expect("it is done"));
    assert!(books.release(at(0), word(40, "整个账单核对过了 🌾")).await.expect("it is done"));
    assert!(!books.release(at(0), word(50, "again")).await.expect("it is done"));
    let released =
        Restore { released: Some(word(40, "整个账单核对过了 🌾")), ..looked_up };
    assert_eq!(books.restores().await.expect("it is done"), [released]);
}

async fn a_second_restore_freezes_again_and_each_is_released_by_its_own_word(fresh: Fresh) {
    let books = &*fresh.store;
    let restored = async || of_all(&books.restores().await.expect("it is done"));
    books.keep_restore(Restore::new(at(-DAY), at(0))).await.expect("it is done");
    books.looked_up(at(0), at(1)).await.expect("it is done");
    books.keep_restore(Restore::new(at(-10), at(2))).await.expect("it is done");
    assert!(books.release(at(0), word(3, "the first")).await.expect("it is done"));
    let both = |frozen| Some(Restored { since: at(-DAY), at: at(2), frozen });
    assert_eq!(restored().await, both(true));
    books.looked_up(at(2), at(4)).await.expect("it is done");
    assert!(books.release(at(2), word(5, "the second")).await.expect("it is done"));
    assert_eq!(restored().await, both(false));
    let newest_first =
        books.restores().await.expect("it is done").into_iter().map(|one| one.restored_at);
    assert_eq!(newest_first.collect::<Vec<_>>(), [at(2), at(0)]);
}

async fn a_restore_is_kept_in_place_of_what_was_kept_of_it(fresh: Fresh) {
    let books = &*fresh.store;
    let back = Restore::new(at(-DAY), at(0));
    let (looked_up_at, released) = (Some(at(1)), Some(word(2, "so")));
    let released = Restore { looked_up_at, released, ..back.clone() };
    for one in [&back, &released, &released, &back] {
        books.keep_restore(one.clone()).await.expect("it is done");
        assert_eq!(books.restores().await.expect("it is done"), std::slice::from_ref(one));
    }
    assert_eq!(books.backup_begun().await.expect("it is done"), None);
    let later = Restore::new(at(DAY), at(0));
    assert_eq!(later.since, at(0), "a backup is not begun after it is put in place");
}

/// The file of a backup of a place's books.
async fn backed_up(from: &Database, name: &str, begun: At) -> Arc<dyn Books> {
    let file = from.folder().join(name);
    backup(from.beside().await, "sqlite:books", &file, begun, || begun).await.expect("it is done");
    Arc::new(SqliteStore::open(&file).await.expect("it is done"))
}

#[tokio::test]
async fn whoever_serves_a_backups_own_file_has_restored_books() {
    let from = Database::file();
    fill(&*from.opened().await).await;
    mark_if_backup(&*from.opened().await, at(5)).await.expect("it is done");
    assert_eq!(from.opened().await.restores().await.expect("it is done"), [], "it is none");
    let kept = backed_up(&from, "backup.db", at(0)).await;
    for now in [at(5), at(6)] {
        mark_if_backup(&*kept, now).await.expect("it is done");
        assert_eq!(kept.restores().await.expect("it is done"), [Restore::new(at(0), at(5))]);
    }
}

#[tokio::test]
async fn what_is_copied_from_a_backup_is_restored_and_what_is_frozen_stays_so_in_a_copy() {
    let (from, second) = (Database::file(), Database::file());
    let (third, plain) = (Database::file(), Database::file());
    fill(&*from.opened().await).await;
    copy(from.beside().await, plain.opened().await, at(1)).await.expect("it is done");
    assert_eq!(plain.opened().await.restores().await.expect("it is done"), []);
    let kept = backed_up(&from, "backup.db", at(0)).await;
    for now in [at(5), at(6)] {
        copy(Arc::clone(&kept), second.opened().await, now).await.expect("it is done");
        let marked = second.opened().await.restores().await.expect("it is done");
        assert_eq!(marked, [Restore::new(at(0), at(5))], "once");
    }
    let frozen = second.opened().await;
    copy(Arc::clone(&frozen), third.opened().await, at(7)).await.expect("it is done");
    assert_eq!(
        third.opened().await.restores().await.expect("it is done"),
        [Restore::new(at(0), at(5))]
    );
    frozen.looked_up(at(5), at(8)).await.expect("it is done");
    assert!(frozen.release(at(5), word(9, "so")).await.expect("it is done"));
    copy(Arc::clone(&frozen), third.opened().await, at(10)).await.expect("it is done");
    let told = third.opened().await.restores().await.expect("it is done");
    assert!(told.iter().all(|restore| !restore.is_frozen()), "{told:?}");
    let again = backed_up(&second, "backup.db", at(20)).await;
    assert_eq!(again.restores().await.expect("it is done"), told, "a backup takes it along");
}
