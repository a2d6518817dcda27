//! A store that can be told to fail or to wait, and short ways to ask for things.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::domain::books::{Key, Record};
use crate::domain::chain::Seq;
use crate::domain::event::PaymentSource;
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::money::Money;
use crate::domain::order::{Channel, Order};
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::settlement::Settlement;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalRequest, WithdrawalStatus};
use crate::engine::{Engine, Made, NewOrder, NewWithdrawal, Number, Options};
use crate::error::EngineError;
use crate::memory::MemoryStore;
use crate::ports::{
    Answering, BadRow, Batch, CaseFilter, Commit, HeadRead, ListedCase, ListedOrder, OpenOrder,
    OrderFilter, Page, Part, ReadError, Recorded, Store, Trouble, WithdrawalUnderWay,
};

/// What the store does with one batch.
pub(super) enum Fault {
    /// Nothing, and says so.
    Answer(Commit),
    /// Writes it, and says otherwise.
    WriteThen(Commit),
    /// Panics before it writes.
    Panic,
}

/// A store in memory with a script of faults, a gate before each commit, and a count of commits.
pub(super) struct Scripted {
    inner: Arc<MemoryStore>,
    shared: bool,
    script: Mutex<VecDeque<Option<Fault>>>,
    bad: Mutex<Option<BadRow>>,
    gate: Semaphore,
    pub(super) commits: AtomicUsize,
    pub(super) lookups: AtomicUsize,
}

impl Scripted {
    pub(super) fn new(inner: Arc<MemoryStore>, shared: bool) -> Arc<Self> {
        Arc::new(Self {
            inner,
            shared,
            script: Mutex::default(),
            bad: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            commits: AtomicUsize::new(0),
            lookups: AtomicUsize::new(0),
        })
    }

    /// The next batches go as told, one after the other; those behind are written as usual.
    pub(super) fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.script.lock().unwrap().extend(faults);
    }

    /// Refuses this event, the first time it comes.
    pub(super) fn refuse(&self, bad: BadRow) {
        *self.bad.lock().unwrap() = Some(bad);
    }

    fn refused(&self, batch: &Batch) -> Option<BadRow> {
        let holds = |bad: &mut BadRow| {
            let runs = batch.runs.iter().filter(|run| run.merchant == bad.merchant);
            runs.flat_map(|run| &run.rows).any(|row| row.link.seq == bad.seq)
        };
        self.bad.lock().unwrap().take_if(holds)
    }

    /// Holds every commit back from now on.
    pub(super) fn shut_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets so many commits go on.
    pub(super) fn let_through(&self, commits: usize) {
        self.gate.add_permits(commits);
    }
}

impl Store for Scripted {
    fn shared(&self) -> bool {
        self.shared
    }

    fn commit(&self, batch: Arc<Batch>) -> Answering<'_, Commit> {
        Box::pin(async move {
            self.commits.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            if let Some(bad) = self.refused(&batch) {
                return Commit::Refused(bad);
            }
            let fault = self.script.lock().unwrap().pop_front().flatten();
            match fault {
                None => self.inner.commit(batch).await,
                Some(Fault::Answer(commit)) => commit,
                Some(Fault::WriteThen(commit)) => {
                    assert_eq!(self.inner.commit(batch).await, Commit::Committed);
                    commit
                }
                Some(Fault::Panic) => panic!("as the script says"),
            }
        })
    }

    fn heads(&self, merchants: Vec<MerchantId>) -> Answering<'_, Result<Vec<HeadRead>, Trouble>> {
        self.inner.heads(merchants)
    }

    fn lookup(
        &self,
        keys: Vec<(MerchantId, Key)>,
    ) -> Answering<'_, Result<Vec<Option<Record>>, ReadError>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.inner.lookup(keys)
    }

    fn merchants(&self, page: Page) -> Answering<'_, Result<Part<Head>, ReadError>> {
        self.inner.merchants(page)
    }

    fn order(
        &self,
        of: MerchantId,
        no: OrderNo,
    ) -> Answering<'_, Result<Option<ListedOrder>, ReadError>> {
        self.inner.order(of, no)
    }

    fn orders(
        &self,
        of: MerchantId,
        filter: OrderFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
        self.inner.orders(of, filter, page)
    }

    fn settlements(
        &self,
        of: MerchantId,
        page: Page,
    ) -> Answering<'_, Result<Part<Settlement>, ReadError>> {
        self.inner.settlements(of, page)
    }

    fn settlement_orders(
        &self,
        of: MerchantId,
        settlement: Settlement,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
        self.inner.settlement_orders(of, settlement, page)
    }

    fn withdrawals(
        &self,
        of: MerchantId,
        status: Option<WithdrawalStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Withdrawal>, ReadError>> {
        self.inner.withdrawals(of, status, page)
    }

    fn open_orders(
        &self,
        from: At,
        to: At,
        page: Page,
    ) -> Answering<'_, Result<Part<OpenOrder>, ReadError>> {
        self.inner.open_orders(from, to, page)
    }

    fn withdrawals_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<WithdrawalUnderWay>, ReadError>> {
        self.inner.withdrawals_under_way(page)
    }

    fn cases(
        &self,
        filter: CaseFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedCase>, ReadError>> {
        self.inner.cases(filter, page)
    }

    fn events(
        &self,
        of: MerchantId,
        from: Seq,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Recorded>, ReadError>> {
        self.inner.events(of, from, limit)
    }
}

/// Runs a test inside an actix system, with a runtime of its own for the store.
pub(super) fn run<T>(test: impl AsyncFnOnce(&Runtime) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let answer = actix::System::new().block_on(test(&runtime));
    runtime.shutdown_background();
    answer
}

pub(super) fn engine(runtime: &Runtime, store: Arc<Scripted>) -> Engine {
    let options = Options {
        threads: 2,
        transfers_open: true,
        leave_after: Duration::from_secs(3_600),
        fatal: Arc::new(|why| panic!("fatal: {why}")),
        ..Options::new(runtime.handle().clone())
    };
    Engine::start(store, options)
}

/// An engine on a new store that has one merchant, paid out by hand.
pub(super) async fn with_merchant(runtime: &Runtime) -> (Engine, Arc<Scripted>, MerchantId) {
    let store = Scripted::new(Arc::default(), false);
    let engine = engine(runtime, Arc::clone(&store));
    let merchant = id("m1");
    engine.register(merchant, rules(), now()).await.unwrap();
    (engine, store, merchant)
}

pub(super) fn id(raw: &str) -> MerchantId {
    raw.parse().unwrap()
}

pub(super) fn now() -> At {
    "2026-03-01T04:00:00Z".parse().unwrap()
}

pub(super) fn rules() -> Rules {
    Rules { payout_method: Some(PayoutMethod::Manual), ..Rules::new("a shop") }
}

pub(super) fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

pub(super) fn new_order(no: &str, amount: u64) -> NewOrder {
    NewOrder {
        number: Number::Chosen(no.parse().unwrap()),
        amount: fen(amount),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: now().plus_ms(7_200_000),
    }
}

pub(super) async fn open(
    engine: &Engine,
    of: MerchantId,
    no: &str,
    amount: u64,
) -> Result<Made<Order>, EngineError> {
    engine.open_order(of, new_order(no, amount), now()).await
}

pub(super) fn payment(no: &str, amount: u64) -> crate::domain::command::Pay {
    crate::domain::command::Pay {
        order_no: no.parse().unwrap(),
        transaction_id: format!("T{no}").parse().unwrap(),
        amount: fen(amount),
        booked: fen(amount),
        paid_at: now(),
        source: PaymentSource::Hand,
    }
}

/// Opens an order, has it paid, and settles.
pub(super) async fn earn(engine: &Engine, of: MerchantId, no: &str, amount: u64) {
    open(engine, of, no, amount).await.unwrap();
    engine.pay(of, payment(no, amount), now()).await.unwrap();
    let settle =
        crate::engine::NewSettlement { number: Number::Make(None), include_not_due: false };
    engine.settle(of, settle, now()).await.unwrap();
}

pub(super) fn withdrawal(
    number: Number<crate::domain::ids::WithdrawalNo>,
    amount: u64,
) -> NewWithdrawal {
    NewWithdrawal {
        number,
        request: WithdrawalRequest { amount: Some(fen(amount)), settle_first: false },
        asked_by: "admin".parse().unwrap(),
    }
}

pub(super) fn trouble() -> Commit {
    Commit::NotDone(Trouble::Unavailable("as the script says".into()))
}

/// Waits until something that must come has come. Bounded only by the test runner: a hang is a failure.
pub(super) async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// The books of a merchant as its journal has them: heads, records and journal agree, and no number stands twice.
pub(super) async fn audited(store: &Arc<Scripted>, of: MerchantId) -> Head {
    let recorded = store.events(of, Seq(1), u32::MAX).await.unwrap();
    let mut account = crate::domain::account::Account::new(of, None);
    for recorded in recorded {
        let link = account.link().then(&of, &recorded.bytes);
        assert_eq!((link.seq, link.hash), (recorded.seq, recorded.hash), "the chain holds");
        let stamped = crate::domain::event::Stamped::decode(&recorded.bytes).unwrap();
        account.apply(&stamped, link).expect("each event follows from those before it");
    }
    let head = store.heads(vec![of]).await.unwrap().remove(0).unwrap().unwrap();
    assert_eq!(account.head(), Some(&head));
    head
}
