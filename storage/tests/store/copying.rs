//! Books copied from one database to another: what holds for every pair of stores.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::ports::{CaseFilter, OrderFilter, Page, Part, ReadError, Store};
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;
use tally_storage::Place;
use tally_storage::audit::Report;
use tally_storage::books::{Books, Profile};
use tally_storage::copy::{Copied, CopyFault, copy};
use tally_storage::keys::Key;

use crate::conformance::life;
use crate::support::*;

/// A database of a test's own.
pub(crate) struct Database {
    place: Place,
    /// Where it is, for a file; removed with it.
    folder: tempfile::TempDir,
}

impl Database {
    fn new(place: impl FnOnce(&Path) -> Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { place: place(folder.path()), folder }
    }

    /// A file.
    pub(crate) fn file() -> Self {
        Self::new(|folder| Place::File(folder.join("tally.db")))
    }

    /// Where a file is, and what is made beside it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.place.file().expect("it is a file")
    }

    /// Opened as a server opens it, and as a copy opens its target.
    pub(crate) async fn opened(&self) -> Arc<dyn Books> {
        self.place.open().await.expect("it opens")
    }

    /// Opened as a copy opens its source, beside a server.
    pub(crate) async fn beside(&self) -> Arc<dyn Books> {
        self.place.open_read_only().await.expect("it opens")
    }

    /// Every row of it worked out anew.
    pub(crate) async fn audited(&self) -> Report {
        self.beside().await.audit(None).await.expect("it ends")
    }
}

fn sqlite() -> Option<Database> {
    Some(Database::file())
}

/// Where PostgreSQL is not installed, this says so.
pub(crate) fn postgres() -> Option<Database> {
    let server = Postgres::shared()?;
    Some(Database::new(|_| Place::Server(id(&server.fresh_database()))))
}

/// The same of MariaDB.
pub(crate) fn mariadb() -> Option<Database> {
    let server = Mariadb::shared()?;
    Some(Database::new(|_| Place::Server(id(&server.fresh_database()))))
}

/// Runs each test from one kind of database to another.
macro_rules! for_every_pair {
    ($($pair:ident: $from:ident => $to:ident;)*) => {
        $(mod $pair {
            use super::*;

            for_every_test! { $from => $to;
                a_copy_holds_the_same_bytes_and_shows_the_same_lists
                a_second_copy_brings_the_target_up_to_date
                what_is_copied_while_it_is_written_is_a_past_of_it_and_the_next_copy_goes_on
                other_books_are_refused_by_name_and_left_as_they_are
                a_later_or_another_history_is_refused_by_name
                a_key_that_was_removed_opens_nothing_in_the_copy
            }
        })*
    };
}

macro_rules! for_every_test {
    ($from:ident => $to:ident; $($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let (Some(from), Some(to)) = ($from(), $to()) {
                super::$name(from, to).await;
            }
        })*
    };
}

for_every_pair! {
    sqlite_to_sqlite: sqlite => sqlite;
    sqlite_to_postgres: sqlite => postgres;
    sqlite_to_mariadb: sqlite => mariadb;
    postgres_to_sqlite: postgres => sqlite;
    postgres_to_postgres: postgres => postgres;
    postgres_to_mariadb: postgres => mariadb;
    mariadb_to_sqlite: mariadb => sqlite;
    mariadb_to_postgres: mariadb => postgres;
    mariadb_to_mariadb: mariadb => mariadb;
}

/// Books with every kind of event, keys and profiles. The merchants as memory has them.
pub(crate) async fn fill(books: &dyn Books) -> Vec<Shop> {
    let mut shops = vec![];
    for name in ["Alpha", "alpha", "b2", "zeta"] {
        let mut shop = Shop::new(name);
        for run in life(&mut shop) {
            committed(books, vec![run]).await;
        }
        shops.push(shop);
    }
    for (n, of) in [(1, None), (2, Some("Alpha")), (3, Some("zeta"))] {
        books.create_key(key(n, of)).await.expect("it is kept");
    }
    let profiles = ["o1", "o2", "O2", "小满"].map(|openid| profile(openid, 1));
    books.keep_profiles(profiles.to_vec()).await.expect("they are kept");
    shops
}

fn key(n: u8, of: Option<&str>) -> Key {
    Key {
        key_hash: [n; 32],
        key_id: id(&format!("k_{n}")),
        merchant: of.map(id),
        name: format!("钥匙 {n}"),
        created_at: At::from_ms(i64::from(n)),
    }
}

fn profile(openid: &str, ms: i64) -> Profile {
    let json = format!(r#"{{"nickName": "{openid} 🌾"}}"#);
    Profile { openid: openid.into(), json, stored_at: At::from_ms(ms) }
}

/// What a copy between two places makes.
async fn copied(from: &Database, to: &Database) -> Result<Copied, CopyFault> {
    let (source, target) = (from.beside().await, to.opened().await);
    let copied = copy(Arc::clone(&source), Arc::clone(&target), At::default()).await;
    source.close().await;
    target.close().await;
    copied
}

/// All items of a list.
async fn all<T>(mut part: impl AsyncFnMut(Page) -> Result<Part<T>, ReadError>) -> Vec<T> {
    let (mut items, mut cursor) = (vec![], None);
    loop {
        let found = part(Page { limit: 3, cursor }).await.expect("it is read");
        items.extend(found.items);
        cursor = found.next;
        if cursor.is_none() {
            return items;
        }
    }
}

/// Everything that a store shows of a merchant's tables, and its journal byte by byte.
async fn shown(store: &dyn Store, of: MerchantId) -> Vec<String> {
    fn told<T: Debug>(items: &[T]) -> String {
        format!("{items:?}")
    }
    let settlements = all(async |page| store.settlements(of, page).await).await;
    let mut shown = vec![told(&settlements)];
    for settlement in settlements {
        let orders =
            all(async |page| store.settlement_orders(of, settlement.clone(), page).await).await;
        shown.push(told(&orders));
    }
    let filter = OrderFilter::default();
    let orders = all(async |page| store.orders(of, filter.clone(), page).await).await;
    let withdrawals = all(async |page| store.withdrawals(of, None, page).await).await;
    let filter = CaseFilter { merchant: Some(of), kind: None, open: None };
    let cases = all(async |page| store.cases(filter.clone(), page).await).await;
    let events = store.events(of, Seq(1), 10_000).await.expect("they are read");
    assert!(!orders.is_empty() && !withdrawals.is_empty() && events.len() > 10);
    shown.extend([told(&orders), told(&withdrawals), told(&cases), told(&events)]);
    shown
}

/// Two stores hold and show the same.
pub(crate) async fn assert_same_books(a: &dyn Books, b: &dyn Books) {
    let merchants = all(async |page| a.merchants(page).await).await;
    assert_eq!(merchants, all(async |page| b.merchants(page).await).await);
    for head in merchants {
        assert_eq!(shown(a, head.merchant).await, shown(b, head.merchant).await);
    }
    let (from, to) = (At::from_ms(0), At::from_ms(i64::MAX));
    let open = all(async |page| a.open_orders(from, to, page).await).await;
    assert_eq!(open, all(async |page| b.open_orders(from, to, page).await).await);
    let under_way = all(async |page| a.withdrawals_under_way(page).await).await;
    assert_eq!(under_way, all(async |page| b.withdrawals_under_way(page).await).await);
    assert_eq!(a.keys().await, b.keys().await);
    let profiles = async |books: &dyn Books| books.profiles_after(String::new(), 1_000).await;
    assert_eq!(profiles(a).await, profiles(b).await);
}

async fn a_copy_holds_the_same_bytes_and_shows_the_same_lists(from: Database, to: Database) {
    let source = from.opened().await;
    let shops = fill(&*source).await;
    let copied = copied(&from, &to).await.expect("it is copied");
    let events: u64 = shops.iter().map(|shop| shop.account.link().seq.0).sum();
    assert_eq!((copied.merchants, copied.events, copied.written), (4, events, events));
    assert_eq!((copied.keys, copied.profiles), (3, 4));
    let target = to.opened().await;
    assert_same_books(&*source, &*target).await;
    assert_same(&*target, &shops.iter().collect::<Vec<_>>()).await;
    let report = to.audited().await;
    assert!(report.is_clean(), "{report}");
}

async fn a_second_copy_brings_the_target_up_to_date(from: Database, to: Database) {
    let source = from.opened().await;
    let mut shops = fill(&*source).await;
    let first = copied(&from, &to).await.expect("it is copied");
    let again = copied(&from, &to).await.expect("nothing is new");
    assert_eq!(again, Copied { written: 0, bytes: 0, ..first });
    let mut fresh = Shop::new("c3");
    for run in life(&mut fresh) {
        committed(&*source, vec![run]).await;
    }
    let more = shops[1].run(&[open("5000", 5, None), pay("5000", 5)]);
    committed(&*source, vec![more]).await;
    source.create_key(key(4, None)).await.expect("it is kept");
    source.keep_profiles(vec![profile("o1", 9)]).await.expect("it is kept");
    let second = copied(&from, &to).await.expect("it is copied");
    let news = fresh.account.link().seq.0 + 2;
    assert_eq!((second.merchants, second.written, second.events), (5, news, first.events + news));
    assert_same_books(&*source, &*to.opened().await).await;
}

/// Books under load, until it is dropped: who writes, and how often.
pub(crate) struct Load {
    ended: Arc<AtomicBool>,
    rounds: Arc<AtomicU64>,
    writer: tokio::task::JoinHandle<Vec<Shop>>,
}

impl Load {
    /// Shops that are there go on selling, and new ones come.
    pub(crate) fn on(books: Arc<dyn Books>, mut shops: Vec<Shop>) -> Self {
        let (ended, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, round) = (Arc::clone(&ended), Arc::clone(&rounds));
        let writer = tokio::spawn(async move {
            while !end.load(Ordering::Relaxed) {
                let n = round.load(Ordering::Relaxed);
                if n.is_multiple_of(8) {
                    let mut shop = Shop::new(&format!("n{n}"));
                    let runs = life(&mut shop);
                    shops.push(shop);
                    for run in runs {
                        committed(&*books, vec![run]).await;
                    }
                }
                let number = (100_000 + n).to_string();
                let sold = [open(&number, 7, None), pay(&number, 7)];
                let runs = shops.iter_mut().map(|shop| shop.run(&sold)).collect();
                committed(&*books, runs).await;
                round.fetch_add(1, Ordering::Relaxed);
            }
            shops
        });
        Self { ended, rounds, writer }
    }

    /// Waits until so many more rounds are acknowledged.
    pub(crate) async fn went_on(&self, rounds: u64) {
        let goal = self.rounds.load(Ordering::Relaxed) + rounds;
        while self.rounds.load(Ordering::Relaxed) < goal {
            assert!(!self.writer.is_finished(), "the load ended");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Lets it end. All its merchants.
    pub(crate) async fn end(self) -> Vec<Shop> {
        self.ended.store(true, Ordering::Relaxed);
        self.writer.await.expect("it does not panic")
    }
}

async fn what_is_copied_while_it_is_written_is_a_past_of_it_and_the_next_copy_goes_on(
    from: Database,
    to: Database,
) {
    let source = from.opened().await;
    let shops = fill(&*source).await;
    let load = Load::on(Arc::clone(&source), shops);
    load.went_on(3).await;
    let mut before = 0;
    for _ in 0..4 {
        load.went_on(2).await;
        let copied = copied(&from, &to).await.expect("it is copied under load");
        assert!(copied.events > before, "{copied:?}");
        assert_eq!(copied.written, copied.events - before, "a copy goes on where it stands");
        before = copied.events;
        let report = to.audited().await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.events, copied.events);
    }
    let shops = load.end().await;
    copied(&from, &to).await.expect("it is copied");
    let target = to.opened().await;
    assert_same_books(&*source, &*target).await;
    assert_same(&*target, &shops.iter().collect::<Vec<_>>()).await;
}

async fn other_books_are_refused_by_name_and_left_as_they_are(from: Database, to: Database) {
    let (source, target) = (from.opened().await, to.opened().await);
    fill(&*source).await;
    let mut stranger = Shop::new("zz");
    committed(&*target, vec![stranger.run(&[register(PayoutMethod::Manual)])]).await;
    target.close().await;
    let fault = copied(&from, &to).await.expect_err("these are other books").to_string();
    assert!(fault.contains("merchant zz, event 1, is not one of the source's"), "{fault}");
    assert_eq!(to.audited().await.events, 1);
}

async fn a_later_or_another_history_is_refused_by_name(from: Database, to: Database) {
    let (source, target) = (from.opened().await, to.opened().await);
    let mut shop = Shop::new("m");
    let registered = shop.run(&[register(PayoutMethod::Manual)]);
    committed(&*source, vec![registered.clone()]).await;
    committed(&*target, vec![registered]).await;
    let mut other = shop.clone();
    committed(&*target, vec![other.run(&[open("1000", 5, None)])]).await;
    target.close().await;
    let fault = copied(&from, &to).await.expect_err("it is later").to_string();
    assert!(fault.contains("merchant m, event 2, is later than the source's newest"), "{fault}");
    for number in ["2000", "2001"] {
        committed(&*source, vec![shop.run(&[open(number, 5, None)])]).await;
        let fault = copied(&from, &to).await.expect_err("it is another").to_string();
        assert!(fault.contains("merchant m, event 2, is no point of the source's"), "{fault}");
    }
    assert_same(&*to.opened().await, &[&other]).await;
}

async fn a_key_that_was_removed_opens_nothing_in_the_copy(from: Database, to: Database) {
    let source = from.opened().await;
    fill(&*source).await;
    copied(&from, &to).await.expect("it is copied");
    source
        .delete_key(Some(id("Alpha")), key(2, Some("Alpha")).key_id)
        .await
        .expect("it is removed");
    assert_eq!(copied(&from, &to).await.expect("it is copied").keys, 2);
    let left: Vec<String> = to
        .opened()
        .await
        .keys()
        .await
        .expect("they are read")
        .iter()
        .map(|key| key.key_id.to_string())
        .collect();
    assert_eq!(left, ["k_1", "k_3"]);
}
