//! What is on the disk, read past the server: it may run beside, or be dead.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::ports::{
    CaseFilter, ListedCase, ListedOrder, OrderFilter, Page, Part, ReadError, Recorded, Store,
};
use tally_storage::SqliteStore;

use super::site::Site;

/// How many items are read at a time.
const PART: u32 = 200;

/// Why what must be there can't go unread.
const READ: &str = "the books can be read";

/// A server's books, opened for reading only.
#[derive(Debug)]
pub struct Disk(SqliteStore);

impl Disk {
    /// Opens the books of a site.
    pub async fn open(site: &Site) -> Self {
        let file = site.path().join("data/tally.db");
        Self(SqliteStore::open_read_only(&file).await.expect(READ))
    }

    /// A merchant's head; the merchant must be known.
    pub async fn head(&self, of: MerchantId) -> Head {
        let heads = self.0.heads(vec![of]).await.expect(READ).into_iter();
        heads.flatten().flatten().next().expect("the merchant is known")
    }

    /// A merchant's orders.
    pub async fn orders(&self, of: MerchantId) -> Vec<ListedOrder> {
        all(|page| self.0.orders(of, OrderFilter::default(), page)).await
    }

    /// A merchant's settlements.
    pub async fn settlements(&self, of: MerchantId) -> Vec<Settlement> {
        all(|page| self.0.settlements(of, page)).await
    }

    /// A merchant's withdrawals.
    pub async fn withdrawals(&self, of: MerchantId) -> Vec<Withdrawal> {
        all(|page| self.0.withdrawals(of, None, page)).await
    }

    /// A merchant's cases.
    pub async fn cases(&self, of: MerchantId) -> Vec<ListedCase> {
        let filter = CaseFilter { merchant: Some(of), kind: None };
        all(|page| self.0.cases(filter.clone(), page)).await
    }

    /// A merchant's journal, oldest first.
    pub async fn journal(&self, of: MerchantId) -> Vec<Recorded> {
        let mut journal: Vec<Recorded> = vec![];
        loop {
            let from = journal.last().map_or(Seq(1), |last| last.seq.next());
            let part = self.0.events(of, from, PART).await.expect(READ);
            if part.is_empty() {
                return journal;
            }
            journal.extend(part);
        }
    }
}

async fn all<T, F>(read: impl Fn(Page) -> F) -> Vec<T>
where
    F: Future<Output = Result<Part<T>, ReadError>>,
{
    let mut items = vec![];
    let mut page = Page { limit: PART, cursor: None };
    loop {
        let part = read(page.clone()).await.expect(READ);
        items.extend(part.items);
        page.cursor = part.next;
        if page.cursor.is_none() {
            return items;
        }
    }
}
