//! What the guard counts: a fixed workload, the same each time.

use std::sync::Arc;

use tally_actors::domain::command::RulesChange;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::engine::{Engine, NewSettlement, NewWithdrawal, Number, Options};
use tally_actors::memory::MemoryStore;
use tally_actors::ports::Store;
use tally_storage::{Books, SqliteStore};
use tally_wechat::fields::Fields;
use tally_wechat::notice::PaymentNotice;
use tally_wechat::sign::sign;
use tally_wechat::{Keys, Secret, SignType, xml};
use tokio::runtime::Runtime;

use super::support::{Seeder, fen, merchant_id, now, payment};

/// Payments under way at once.
const AT_ONCE: usize = 32;

/// Open orders, whatever is paid of them: what opening them takes is the same in each run.
const ORDERS: usize = 1_408;

/// An operation: what it is called, how often it is done in a shorter and in a longer run, and what does it so often.
pub(crate) type Workload = (&'static str, [usize; 2], fn(usize));

/// The operations. On SQLite one payment at a time, or whole batches without the engine: how many
/// come together otherwise is for the threads to say, and differs from run to run.
pub(crate) const WORKLOADS: [Workload; 5] = [
    ("a notice parsed and verified", [32, 128], notices),
    ("a payment by the engine, in memory", [128, 1_408], |times| {
        with_engine(None, async |engine: &Engine| pay(engine, AT_ONCE, times).await);
    }),
    ("a payment by the engine, alone, on SQLite", [64, 320], |times| {
        let folder = tempfile::tempdir().expect("a folder");
        with_engine(Some(folder), async |engine: &Engine| pay(engine, 1, times).await);
    }),
    ("a payment in a batch, written to SQLite", [128, 1_408], batches),
    ("a payment, a settlement and a withdrawal, one at a time", [64, 320], |times| {
        with_engine(None, async |engine: &Engine| take_out(engine, times).await);
    }),
];

fn notices(times: usize) {
    let keys = Keys { current: Secret::new("0123456789abcdef0123456789abcdef"), old: None };
    let fields: Fields = [
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("appid", "wx00000000test0000"),
        ("mch_id", "1900000000"),
        ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
        ("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("is_subscribe", "N"),
        ("trade_type", "JSAPI"),
        ("bank_type", "OTHERS"),
        ("total_fee", "100"),
        ("fee_type", "CNY"),
        ("cash_fee", "100"),
        ("transaction_id", "4200000000000000000000000001"),
        ("out_trade_no", "m000000-0ABCDEF12345678"),
        ("time_end", "20260301120000"),
    ]
    .into_iter()
    .collect();
    let signature = sign(&fields, SignType::Md5, &keys.current);
    let document = xml::write(&fields.with("sign", signature)).into_bytes();
    for _ in 0..times {
        let notice = PaymentNotice::read(&document, SignType::Md5, &keys).expect("it is signed");
        std::hint::black_box(notice);
    }
}

/// Writes payments that were decided before, a batch after the other.
fn batches(times: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    stores.expect("a runtime").block_on(async {
        let store = SqliteStore::open(&folder.path().join("guard.db")).await.expect("it opens");
        let mut seeder = Seeder::register(&store, merchant_id(0)).await;
        seeder.open_orders(&store, ORDERS).await;
        for first in (0..times).step_by(AT_ONCE) {
            seeder.pay(&store, first, AT_ONCE).await;
        }
        store.close().await;
    });
}

/// Runs something with an engine whose one merchant has open orders: in a file of this folder, or in memory.
fn with_engine(folder: Option<tempfile::TempDir>, run: impl AsyncFnOnce(&Engine)) {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let stores: Runtime = threads.expect("a runtime");
    let store = stores.block_on(async {
        let (store, books): (Arc<dyn Store>, Option<Arc<dyn Books>>) = match &folder {
            None => (Arc::new(MemoryStore::default()), None),
            Some(folder) => {
                let file = folder.path().join("guard.db");
                let store = Arc::new(SqliteStore::open(&file).await.expect("it opens"));
                (Arc::clone(&store) as Arc<dyn Store>, Some(store))
            }
        };
        Seeder::register_and_open(&*store, &[(merchant_id(0), ORDERS)]).await;
        (store, books)
    });
    let (store, books) = store;
    actix::System::new().block_on(async {
        let options = Options { threads: 1, ..Options::new(stores.handle().clone()) };
        let engine = Engine::start(store, options);
        run(&engine).await;
        engine.stop().await;
    });
    if let Some(books) = books {
        stores.block_on(books.close());
    }
}

/// Pays orders, so many at once.
async fn pay(engine: &Engine, at_once: usize, times: usize) {
    for first in (0..times).step_by(at_once) {
        let one = |n: usize| {
            let engine = engine.clone();
            actix::spawn(async move { engine.pay(merchant_id(0), payment(n), now()).await })
        };
        let asked: Vec<_> = (first..first + at_once).map(one).collect();
        for asked in asked {
            asked.await.expect("a task").expect("a payment");
        }
    }
}

/// Pays an order, settles it and takes the money out, again and again.
async fn take_out(engine: &Engine, times: usize) {
    let change =
        RulesChange { payout_method: Some(Some(PayoutMethod::Manual)), ..RulesChange::default() };
    engine.change_rules(merchant_id(0), change, now()).await.expect("a change");
    for n in 0..times {
        engine.pay(merchant_id(0), payment(n), now()).await.expect("a payment");
        let new = NewSettlement { number: Number::Make(None), include_not_due: false };
        engine.settle(merchant_id(0), new, now()).await.expect("a settlement");
        let new = NewWithdrawal {
            number: Number::Make(None),
            request: WithdrawalRequest { amount: Some(fen(100)), settle_first: false },
            asked_by: "admin".parse().expect("a key's id"),
        };
        engine.withdraw(merchant_id(0), new, now()).await.expect("a withdrawal");
    }
}
