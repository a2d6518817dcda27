//! The parts alone: the rows that Tally writes, in the batches that form by themselves, without rules, lookups or actors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use tally_actors::domain::event::{Event, PaymentSource, Stamped};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Money;
use tally_actors::ports::{Batch, Commit, Row, Run, Store};
use tally_storage::SqliteStore;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::baselines::Paid;
use super::support::{fen, merchant_id};

/// Events of one batch, as Tally's engine has them at the most.
const BATCH_EVENTS_MAX: usize = 2_048;

/// Heads that are read at once.
const HEADS_AT_ONCE: usize = 1_000;

type Asked = (Paid, oneshot::Sender<bool>);

/// One who batches, and one who writes.
pub(crate) struct Bare(mpsc::Sender<Asked>);

impl Bare {
    /// Opens books that have so many merchants with open orders.
    pub(crate) async fn open(file: &Path, merchants: usize) -> Self {
        let store = Arc::new(SqliteStore::open(file).await.expect("it opens"));
        let heads = heads(&store, merchants).await;
        let (asks, asked) = mpsc::channel(BATCH_EVENTS_MAX);
        tokio::spawn(batches(store, heads, asked));
        Self(asks)
    }

    /// Keeps a payment; `true` once it is durable.
    pub(crate) async fn keep(&self, paid: Paid) -> bool {
        let (kept, told) = oneshot::channel();
        self.0.send((paid, kept)).await.is_ok() && told.await.unwrap_or(false)
    }
}

/// Where so many merchants stand.
pub(crate) async fn heads(store: &SqliteStore, merchants: usize) -> HashMap<MerchantId, Head> {
    let all: Vec<MerchantId> = (0..merchants).map(merchant_id).collect();
    let mut heads = HashMap::new();
    for chunk in all.chunks(HEADS_AT_ONCE) {
        for head in store.heads(chunk.to_vec()).await.expect("heads") {
            let head = head.expect("it can be read").expect("it is registered");
            heads.insert(head.merchant, head);
        }
    }
    heads
}

/// Writes whatever has come while the batch before was being written.
async fn batches(
    store: Arc<SqliteStore>,
    mut heads: HashMap<MerchantId, Head>,
    mut asked: mpsc::Receiver<Asked>,
) {
    let mut writing: Option<JoinHandle<()>> = None;
    let mut waiting = Vec::with_capacity(BATCH_EVENTS_MAX);
    while asked.recv_many(&mut waiting, BATCH_EVENTS_MAX).await > 0 {
        let (paid, told): (Vec<Paid>, Vec<_>) = waiting.drain(..).unzip();
        let batch = Arc::new(batch(&mut heads, paid));
        if let Some(before) = writing.take() {
            before.await.expect("it is written");
        }
        let store = Arc::clone(&store);
        writing = Some(tokio::spawn(async move {
            let done = store.commit(batch).await == Commit::Committed;
            for told in told {
                let _ = told.send(done); // whoever hung up is not told
            }
        }));
    }
}

/// The payments as rows, each after the one before it, and where that leads.
pub(crate) fn batch(heads: &mut HashMap<MerchantId, Head>, paid: Vec<Paid>) -> Batch {
    let mut runs: BTreeMap<MerchantId, Run> = BTreeMap::new();
    for paid in paid {
        let head = heads.get_mut(&paid.of).expect("a merchant of the books");
        let expects = head.link;
        let event = Event::OrderPaid {
            order_no: paid.order_no,
            transaction_id: paid.transaction_id.parse().expect("a number"),
            paid_at: paid.paid_at,
            booked: fen(paid.fen),
            fee: Money::ZERO,
            paid_seq: head.paid_orders + 1,
            settle_on: None,
            source: PaymentSource::Notice,
            fee_bp: Some(head.rules.fee_bp),
        };
        let stamped = Stamped::new(head.at, event);
        head.apply(&stamped.event, stamped.at).expect("it adds up");
        let row = Row::new(&paid.of, head.link, stamped);
        head.link = row.link;
        let new = || Run { merchant: paid.of, expects, rows: vec![], head: head.clone() };
        runs.entry(paid.of).or_insert_with(new).rows.push(row);
    }
    for (merchant, run) in &mut runs {
        run.head = heads[merchant].clone();
    }
    Batch { runs: runs.into_values().collect() }
}
