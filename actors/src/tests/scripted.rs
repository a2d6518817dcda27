//! A store that can be told to fail or to wait.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, SetOnce};

use crate::domain::adjustment::{Adjustment, AdjustmentStatus};
use crate::domain::books::Key;
use crate::domain::chain::Seq;
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::refund::Refund;
use crate::domain::replay::Point;
use crate::domain::settlement::Settlement;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::memory::MemoryStore;
use crate::ports::{
    Answering, BadRow, Batch, CaseFilter, Commit, Damaged, HeadRead, ListedCase, ListedOrder,
    OpenOrder, OrderFilter, Page, Part, ReadError, RecordRead, Recorded, RefundFilter,
    RefundUnderWay, Store, Trouble, WithdrawalUnderWay, Work,
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
pub(crate) struct Scripted {
    inner: Arc<MemoryStore>,
    shared: bool,
    script: Mutex<VecDeque<Option<Fault>>>,
    bad: Mutex<Option<BadRow>>,
    gate: Semaphore,
    damaged: Mutex<Option<MerchantId>>,
    /// Numbers of orders and withdrawals that lists of what waits can't read.
    unreadable: Mutex<BTreeSet<String>>,
    /// Why the store can't be trusted.
    pub(super) broken: SetOnce<String>,
    /// So many reads panic from now on.
    pub(super) read_panics: AtomicUsize,
    pub(super) commits: AtomicUsize,
    pub(super) lookups: AtomicUsize,
    pub(super) heads: AtomicUsize,
}

impl Scripted {
    pub(crate) fn new(inner: Arc<MemoryStore>, shared: bool) -> Arc<Self> {
        Arc::new(Self {
            inner,
            shared,
            script: Mutex::default(),
            bad: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            damaged: Mutex::default(),
            unreadable: Mutex::default(),
            broken: SetOnce::new(),
            read_panics: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            lookups: AtomicUsize::new(0),
            heads: AtomicUsize::new(0),
        })
    }

    /// The next batches go as told, one after the other; those behind are written as usual.
    pub(super) fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.script.lock().unwrap().extend(faults);
    }

    /// From now on batches are written as usual.
    pub(super) fn forget_script(&self) {
        self.script.lock().unwrap().clear();
    }

    /// Refuses this event, the first time it comes.
    pub(super) fn refuse(&self, bad: BadRow) {
        *self.bad.lock().unwrap() = Some(bad);
    }

    /// What is stored of this merchant's records can't be read from now on.
    pub(super) fn damage(&self, of: MerchantId) {
        *self.damaged.lock().unwrap() = Some(of);
    }

    /// The row of this order or withdrawal can't be read from now on, or again.
    pub(super) fn damage_row(&self, number: &str, damaged: bool) {
        let mut unreadable = self.unreadable.lock().unwrap();
        if damaged {
            unreadable.insert(number.into())
        } else {
            unreadable.remove(number)
        };
    }

    /// A list of what waits, with what can't be read in it.
    fn with_damage<T>(
        &self,
        part: Part<Result<T, Damaged>>,
        row: impl Fn(&T) -> (MerchantId, String, At),
    ) -> Part<Result<T, Damaged>> {
        let unreadable = self.unreadable.lock().unwrap();
        let read = |item: Result<T, Damaged>| {
            let item = item?;
            let (merchant, number, at) = row(&item);
            if !unreadable.contains(&number) {
                return Ok(item);
            }
            let why = ReadError::Unreadable { merchant, what: "damaged".into() };
            Err(Damaged { merchant, number: number.into(), at, why })
        };
        Part { items: part.items.into_iter().map(read).collect(), next: part.next }
    }

    fn panic_if_told(&self) {
        let one_less = |left: usize| left.checked_sub(1);
        let left = self.read_panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        assert!(left.is_err(), "a read panics, as the test says");
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

    fn broken(&self) -> Answering<'_, String> {
        Box::pin(async { self.broken.wait().await.clone() })
    }

    fn lanes(&self) -> usize {
        if self.shared { 3 } else { 1 }
    }

    fn claim(
        &self,
        work: Work,
        of: Vec<MerchantId>,
        holder: Arc<str>,
        term: Duration,
    ) -> Answering<'_, Result<Vec<MerchantId>, Trouble>> {
        self.inner.claim(work, of, holder, term)
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
        self.heads.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.panic_if_told();
            self.inner.heads(merchants).await
        })
    }

    fn lookup(
        &self,
        keys: Vec<(MerchantId, Key)>,
    ) -> Answering<'_, Result<Vec<RecordRead>, ReadError>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.panic_if_told();
            let damaged = *self.damaged.lock().unwrap();
            let of = keys.iter().map(|(of, _)| *of).collect::<Vec<_>>();
            let reads = of.into_iter().zip(self.inner.lookup(keys).await?);
            let read = |(of, read)| match Some(of) == damaged {
                true => Err(ReadError::Unreadable { merchant: of, what: "damaged".into() }),
                false => read,
            };
            Ok(reads.map(read).collect())
        })
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
    ) -> Answering<'_, Result<Part<Result<OpenOrder, Damaged>>, ReadError>> {
        Box::pin(async move {
            let part = self.inner.open_orders(from, to, page).await?;
            Ok(self.with_damage(part, |OpenOrder { merchant, order }| {
                (*merchant, order.order_no.to_string(), order.opened_at)
            }))
        })
    }

    fn refunds(
        &self,
        of: MerchantId,
        filter: RefundFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<Refund>, ReadError>> {
        self.inner.refunds(of, filter, page)
    }

    fn adjustments(
        &self,
        of: MerchantId,
        status: Option<AdjustmentStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Adjustment>, ReadError>> {
        self.inner.adjustments(of, status, page)
    }

    fn refunds_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<RefundUnderWay, Damaged>>, ReadError>> {
        self.inner.refunds_under_way(page)
    }

    fn withdrawals_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError>> {
        Box::pin(async move {
            let part = self.inner.withdrawals_under_way(page).await?;
            Ok(self.with_damage(part, |WithdrawalUnderWay { merchant, withdrawal }| {
                (*merchant, withdrawal.withdrawal_no.to_string(), withdrawal.requested_at)
            }))
        })
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

    fn checkpoint(
        &self,
        of: MerchantId,
        upto: Point,
    ) -> Answering<'_, Result<Option<Head>, ReadError>> {
        self.inner.checkpoint(of, upto)
    }
}
