//! All that a store has of a merchant, part by part.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::refund::Refund;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::ports::{
    CaseFilter, ListedCase, ListedOrder, OrderFilter, Page, Part, ReadError, Recorded,
    RefundFilter, Store,
};

/// How many items are read at a time.
const PART: u32 = 200;

/// Why what must be there can't go unread.
const READ: &str = "the store can be read";

/// A merchant's head; `None`: the merchant is not known.
pub async fn head(store: &dyn Store, of: MerchantId) -> Option<Head> {
    store.heads(vec![of]).await.expect(READ).remove(0).expect(READ)
}

/// A merchant's journal, oldest first.
pub async fn journal(store: &dyn Store, of: MerchantId) -> Vec<Recorded> {
    let mut journal: Vec<Recorded> = vec![];
    loop {
        let from = journal.last().map_or(Seq(1), |last| last.seq.next());
        let part = store.events(of, from, PART).await.expect(READ);
        if part.is_empty() {
            return journal;
        }
        journal.extend(part);
    }
}

/// A merchant's orders.
pub async fn orders(store: &dyn Store, of: MerchantId) -> Vec<ListedOrder> {
    all(|page| store.orders(of, OrderFilter::default(), page)).await
}

/// A merchant's settlements.
pub async fn settlements(store: &dyn Store, of: MerchantId) -> Vec<Settlement> {
    all(|page| store.settlements(of, page)).await
}

/// A merchant's withdrawals.
pub async fn withdrawals(store: &dyn Store, of: MerchantId) -> Vec<Withdrawal> {
    all(|page| store.withdrawals(of, None, page)).await
}

/// A merchant's refunds.
pub async fn refunds(store: &dyn Store, of: MerchantId) -> Vec<Refund> {
    all(|page| store.refunds(of, RefundFilter::default(), page)).await
}

/// A merchant's cases.
pub async fn cases(store: &dyn Store, of: MerchantId) -> Vec<ListedCase> {
    let filter = CaseFilter { merchant: Some(of), kind: None, open: None };
    all(|page| store.cases(filter.clone(), page)).await
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
