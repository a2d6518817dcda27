//! Backups put in the place of a database: checked first, the old one moved aside, and never without a mark.

use std::fs;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::time::At;
use tally_storage::backup::backup;
use tally_storage::restore::restore;
use tally_storage::restores::Restore;
use tally_storage::{Books, SqliteStore};

use crate::copying::{Database, assert_same_books, fill};
use crate::support::*;

const DAY: i64 = 86_400_000;

fn begun() -> At {
    At::from_ms(1_700_000_000_000)
}

fn now() -> At {
    begun().plus_ms(DAY)
}

/// A place whose books are a day ahead of their backup.
struct Ahead {
    place: Database,
    shops: Vec<Shop>,
}

impl Ahead {
    async fn new() -> Self {
        let place = Database::file();
        let books = place.opened().await;
        let mut shops = fill(&*books).await;
        let file = place.folder().join("backup.db");
        backup(place.beside().await, "sqlite:books", &file, begun(), begun).await.expect("made");
        committed(&*books, vec![shops[0].run(&[open("7000", 5, None)])]).await;
        books.close().await;
        Self { place, shops }
    }

    fn backup(&self) -> PathBuf {
        self.place.folder().join("backup.db")
    }

    async fn restore(&self, at: Option<At>) -> Result<tally_storage::restore::PutBack, String> {
        let put = restore(&self.backup(), self.place.path(), at, now()).await;
        put.map_err(|fault| fault.to_string())
    }

    /// The names in the folder, but for the database, the backup, and their locks.
    fn others(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.folder()).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("a plain name")
        };
        let usual = ["tally.db", "tally.db.lock", "backup.db", "tally.db-shm", "tally.db-wal"];
        let mut names: Vec<String> =
            entries.map(name).filter(|name| !usual.contains(&name.as_str())).collect();
        names.sort();
        names
    }

    /// The file as it is, byte by byte.
    fn bytes(&self) -> Vec<u8> {
        fs::read(self.place.path()).expect("a file")
    }
}

async fn execute(file: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut db: SqliteConnection = options.connect().await.expect("it opens");
    sqlx::query(statement).execute(&mut db).await.expect("it is executed");
    db.close().await.expect("it is in one file again");
}

#[tokio::test]
async fn a_backup_takes_the_place_of_newer_books_and_these_are_moved_aside_whole() {
    let ahead = Ahead::new().await;
    let put = ahead.restore(None).await.expect("it is put in place");
    assert_eq!(put.restore, Restore::new(begun(), now()));
    let aside = put.aside.expect("there was a file");
    assert_eq!(ahead.others(), ["tally.db.before-restore-20231115T221320Z"]);
    let newer = SqliteStore::open_read_only(&aside).await.expect("it opens");
    assert!(newer.audit(None).await.expect("it ends").is_clean());
    let backup = SqliteStore::open_read_only(&ahead.backup()).await.expect("it opens");
    let books = ahead.place.opened().await;
    assert_same_books(&backup, &*books).await;
    assert_eq!(books.restores().await.expect("it is done"), [put.restore]);
    assert_eq!(backup.restores().await.expect("it is done"), [], "the backup is as it was");
    let (newer, older) = (newest(&newer).await, newest(&*books).await);
    assert!(newer > older);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(ahead.place.path()).expect("it is done").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600, "it holds names and openids");
}

/// The newest events of a database that a power cut ended are in its WAL alone.
#[tokio::test]
async fn what_the_old_database_has_in_its_wal_goes_aside_with_it() {
    let mut ahead = Ahead::new().await;
    let files = ["", "-wal", "-shm"].map(|suffix| format!("tally.db{suffix}"));
    let kept = tempfile::tempdir().expect("a folder");
    let books = ahead.place.opened().await;
    committed(&*books, vec![ahead.shops[0].run(&[open("7001", 5, None)])]).await;
    for file in &files {
        fs::copy(ahead.place.folder().join(file), kept.path().join(file)).expect("it is there");
    }
    books.close().await;
    for file in &files {
        fs::copy(kept.path().join(file), ahead.place.folder().join(file)).expect("it is there");
    }
    let put = ahead.restore(None).await.expect("it is put in place");
    let aside = SqliteStore::open(&put.aside.expect("there was one")).await.expect("it opens");
    let link = ahead.shops[0].account.link();
    assert_eq!(newest(&aside).await, link.seq, "with what its WAL held");
    let backup = SqliteStore::open_read_only(&ahead.backup()).await.expect("it opens");
    assert_same_books(&backup, &*ahead.place.opened().await).await;
}

/// The place of Alpha's newest event.
async fn newest(books: &dyn Books) -> Seq {
    let heads = books.heads(vec![id("Alpha")]).await.expect("they are read");
    heads[0].as_ref().expect("it can be read").as_ref().expect("it is there").link.seq
}

#[tokio::test]
async fn where_there_is_no_database_the_backup_becomes_one() {
    let ahead = Ahead::new().await;
    fs::remove_file(ahead.place.path()).expect("it is there");
    let put = ahead.restore(None).await.expect("it is put in place");
    assert_eq!((put.aside, ahead.others()), (None, vec![]));
    assert_eq!(ahead.place.opened().await.restores().await.expect("it is done"), [put.restore]);
}

#[tokio::test]
async fn a_database_that_is_served_is_not_replaced() {
    let ahead = Ahead::new().await;
    let served = ahead.place.opened().await;
    let fault = ahead.restore(None).await.expect_err("somebody has it");
    assert!(fault.contains("tally.db is in use by another process"), "{fault}");
    served.close().await;
    let served = SqliteStore::open(&ahead.backup()).await.expect("it opens");
    let fault = ahead.restore(None).await.expect_err("somebody has it");
    assert!(fault.contains("backup.db is in use by another process"), "{fault}");
    served.close().await;
    ahead.restore(None).await.expect("nobody has it");
}

#[tokio::test]
async fn a_backup_that_is_damaged_or_none_is_named_and_nothing_is_changed() {
    for (damage, words) in [
        (
            "update journal set event = cast(event || x'00' as blob) where merchant_id = 'zeta' and seq = 2",
            "merchant zeta, journal 2: hash is",
        ),
        (
            "update heads set available_fen = available_fen + 1, paid_fen = paid_fen + 1 where merchant_id = 'b2'",
            "merchant b2, heads",
        ),
        ("delete from withdrawals where merchant_id = 'alpha'", "merchant alpha, withdrawals"),
        ("drop table _sqlx_migrations", "backup.db is not a database of tally"),
        (
            "insert into _sqlx_migrations values (999, 'new', 0, 1, x'00', 0)",
            "backup.db has migration 999",
        ),
    ] {
        let ahead = Ahead::new().await;
        let before = ahead.bytes();
        execute(&ahead.backup(), damage).await;
        let fault = ahead.restore(None).await.expect_err("it is damaged");
        assert!(fault.contains(words) && fault.contains("backup.db"), "{fault}");
        assert!(!fault.contains('\n'), "{fault}");
        assert_eq!((ahead.bytes() == before, ahead.others()), (true, vec![]), "{damage}");
    }
    let ahead = Ahead::new().await;
    let before = ahead.bytes();
    let whole = fs::read(ahead.backup()).expect("it is done");
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "the backup"),
        (&b"no database"[..], "the backup"),
        (&[][..], "the backup"),
    ] {
        fs::write(ahead.backup(), bytes).expect("it is done");
        let fault = ahead.restore(None).await.expect_err("it is damaged");
        assert!(fault.contains(words) && fault.contains("backup.db"), "{fault}");
        assert_eq!((ahead.bytes() == before, ahead.others()), (true, vec![]));
    }
    fs::remove_file(ahead.backup()).expect("it is done");
    let fault = ahead.restore(None).await.expect_err("it is not there");
    assert!(fault.contains("does not exist: name a file that tally backup made"), "{fault}");
    let itself = restore(ahead.place.path(), ahead.place.path(), None, now()).await;
    assert!(itself.expect_err("it is the same").to_string().contains("is the database itself"));
}

/// A file that somebody copied while nobody served it.
#[tokio::test]
async fn a_file_that_does_not_say_when_it_was_begun_needs_a_time_and_the_earlier_of_two_counts() {
    let ahead = Ahead::new().await;
    let before = ahead.bytes();
    let (earlier, later) = (begun().plus_ms(-DAY), begun().plus_ms(5));
    for (at, since) in [(earlier, earlier), (later, begun())] {
        let put = ahead.restore(Some(at)).await.expect("it is put in place");
        assert_eq!(put.restore.since, since);
    }
    execute(&ahead.backup(), "delete from backups").await;
    let fault = ahead.restore(None).await.expect_err("nobody knows");
    assert!(fault.contains("give --at TIME"), "{fault}");
    let put = ahead.restore(Some(later)).await.expect("it is put in place");
    assert_eq!(put.restore.since, later);
    assert!(ahead.bytes() != before);
    let asides = ahead.others();
    assert_eq!(asides.len(), 3, "each was moved to a name of its own: {asides:?}");
}

/// Books that were restored before, and backed up after that.
#[tokio::test]
async fn a_second_restore_adds_to_what_is_known_of_the_first() {
    let ahead = Ahead::new().await;
    let first = ahead.restore(None).await.expect("it is put in place").restore;
    let file = ahead.place.folder().join("second.db");
    let again = now().plus_ms(DAY);
    backup(ahead.place.beside().await, "sqlite:books", &file, again, || again)
        .await
        .expect("it is done");
    let later = again.plus_ms(DAY);
    let put = restore(&file, ahead.place.path(), None, later).await.expect("it is put in place");
    assert_eq!(put.restore, Restore::new(again, later));
    let known = ahead.place.opened().await.restores().await.expect("it is done");
    assert_eq!(known, [put.restore, first]);
}

/// Killed between the last steps: the old database may have lost its WAL, or its name.
#[tokio::test]
async fn a_database_whose_restore_broke_off_is_opened_by_nobody_until_it_is_restored() {
    for gone in [false, true] {
        let ahead = Ahead::new().await;
        fs::copy(ahead.backup(), ahead.place.folder().join("tally.db.restoring"))
            .expect("it is done");
        if gone {
            let aside = ahead.place.folder().join("tally.db.aside");
            fs::rename(ahead.place.path(), aside).expect("it is done");
        }
        let file = ahead.place.path();
        let words = "a restore of it broke off; run the same tally restore again";
        let fault = SqliteStore::open(file).await.expect_err("it broke off").to_string();
        assert!(fault.contains(words), "{fault}");
        let fault = SqliteStore::migrate(file).await.expect_err("it broke off").to_string();
        assert!(fault.contains(words), "{fault}");
        if !gone {
            let fault = SqliteStore::open_read_only(file).await.expect_err("it broke off");
            assert!(fault.to_string().contains(words), "{fault}");
        }
        assert_eq!(file.exists(), !gone, "no new books were begun");
        let put = ahead.restore(None).await.expect("it is put in place");
        assert_eq!(put.aside.is_some(), !gone);
        assert_eq!(ahead.place.opened().await.restores().await.expect("it is done"), [put.restore]);
    }
}

/// An older tally made it: the copy is brought up to date, the backup is left as it is.
#[tokio::test]
async fn a_backup_of_an_older_schema_is_brought_up_to_date_on_the_way() {
    let ahead = Ahead::new().await;
    execute(&ahead.backup(), "drop table restored").await;
    execute(&ahead.backup(), "delete from _sqlx_migrations where version = 13").await;
    let before = fs::read(ahead.backup()).expect("it is done");
    let put = ahead.restore(None).await.expect("it is put in place");
    assert!(fs::read(ahead.backup()).expect("it is done") == before, "the backup is as it was");
    assert_eq!(ahead.place.opened().await.restores().await.expect("it is done"), [put.restore]);
}
