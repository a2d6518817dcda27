//! The store in memory: the same contract as on disk, for simulations, benchmarks of the engine alone, and tests.

mod claims;
mod lists;
mod waiting;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::claims::Claims;
use crate::domain::account::Account;
use crate::domain::adjustment::{Adjustment, AdjustmentStatus};
use crate::domain::books::Key;
use crate::domain::chain::Seq;
use crate::domain::event::Stamped;
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::refund::Refund;
use crate::domain::replay::Point;
use crate::domain::settlement::Settlement;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::mutant::{self, Mutant};
use crate::ports::{
    Answering, BadRow, Batch, CaseFilter, Commit, Damaged, HeadRead, ListedCase, ListedOrder,
    OpenOrder, OrderFilter, Page, Part, ReadError, RecordRead, Recorded, RefundFilter,
    RefundUnderWay, Run, Store, Trouble, WithdrawalUnderWay, Work,
};

/// All journals and, for each, the account that it folds to, with every record ever made.
#[derive(Debug, Default)]
pub struct MemoryStore {
    ledgers: Mutex<BTreeMap<MerchantId, Ledger>>,
    claims: Claims,
}

#[derive(Debug)]
struct Ledger {
    account: Account,
    journal: Vec<Recorded>,
    checkpoints: Vec<Head>,
}

impl Ledger {
    fn empty(merchant: MerchantId) -> Self {
        Self { account: Account::new(merchant, None), journal: vec![], checkpoints: vec![] }
    }

    /// Adds a run's events. The first that the records can't take stops it.
    fn write(&mut self, run: &Run) -> Result<(), BadRow> {
        for row in &run.rows {
            let seq = row.link.seq;
            self.account.apply(&row.stamped, row.link).map_err(|broken| BadRow {
                merchant: run.merchant,
                seq,
                constraint: broken.to_string(),
            })?;
            self.journal.push(Recorded { seq, hash: row.link.hash, bytes: row.bytes.to_vec() });
        }
        self.checkpoints.extend(run.checkpoint().cloned());
        Ok(())
    }

    /// The ledger as its first `events` made it.
    fn rolled_back(&self, events: usize) -> Self {
        let merchant = *self.account.merchant();
        let mut ledger = Self::empty(merchant);
        for recorded in &self.journal[..events] {
            let stamped = Stamped::decode(&recorded.bytes).expect("it was encoded here");
            let link = ledger.account.link().then(&merchant, &recorded.bytes);
            ledger.account.apply(&stamped, link).expect("it was applied before");
            ledger.journal.push(recorded.clone());
        }
        let kept =
            self.checkpoints.iter().filter(|head| head.link.seq <= ledger.account.link().seq);
        ledger.checkpoints = kept.cloned().collect();
        ledger
    }
}

impl MemoryStore {
    fn ledgers(&self) -> MutexGuard<'_, BTreeMap<MerchantId, Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, batch: &Batch) -> Commit {
        let mut ledgers = self.ledgers();
        let differs = |run: &&Run| {
            let stored = ledgers.get(&run.merchant).map(|ledger| ledger.account.link());
            stored.unwrap_or_default() != run.expects && !mutant::on(Mutant::ChainNotChecked)
        };
        let conflicts: Vec<MerchantId> =
            batch.runs.iter().filter(differs).map(|run| run.merchant).collect();
        if !conflicts.is_empty() {
            return Commit::Conflict(conflicts);
        }
        let mut written: Vec<(MerchantId, usize)> = vec![];
        for run in &batch.runs {
            let ledger = ledgers.entry(run.merchant).or_insert_with(|| Ledger::empty(run.merchant));
            written.push((run.merchant, ledger.journal.len()));
            if let Err(bad) = ledger.write(run) {
                for (merchant, events) in written {
                    let before = ledgers[&merchant].rolled_back(events);
                    ledgers.insert(merchant, before);
                }
                return Commit::Refused(bad);
            }
        }
        Commit::Committed
    }

    /// Answers from a ledger at once; a merchant without one is like an empty ledger.
    fn of<T: Send + 'static>(
        &self,
        merchant: MerchantId,
        read: impl FnOnce(&Ledger) -> Result<T, ReadError>,
    ) -> Answering<'_, Result<T, ReadError>> {
        let answer = match self.ledgers().get(&merchant) {
            Some(ledger) => read(ledger),
            None => read(&Ledger::empty(merchant)),
        };
        Box::pin(std::future::ready(answer))
    }
}

impl Store for MemoryStore {
    fn shared(&self) -> bool {
        false
    }

    /// Memory does not break.
    fn broken(&self) -> Answering<'_, String> {
        Box::pin(std::future::pending())
    }

    fn claim(
        &self,
        work: Work,
        of: Vec<MerchantId>,
        holder: Arc<str>,
        term: Duration,
    ) -> Answering<'_, Result<Vec<MerchantId>, Trouble>> {
        Box::pin(std::future::ready(Ok(self.claims.claim(work, of, &holder, term))))
    }

    fn commit(&self, batch: Arc<Batch>) -> Answering<'_, Commit> {
        Box::pin(async move { self.write(&batch) })
    }

    fn heads(&self, merchants: Vec<MerchantId>) -> Answering<'_, Result<Vec<HeadRead>, Trouble>> {
        Box::pin(async move {
            let ledgers = self.ledgers();
            let head =
                |merchant| ledgers.get(merchant).and_then(|ledger| ledger.account.head().cloned());
            Ok(merchants.iter().map(|merchant| Ok(head(merchant))).collect())
        })
    }

    fn lookup(
        &self,
        keys: Vec<(MerchantId, Key)>,
    ) -> Answering<'_, Result<Vec<RecordRead>, ReadError>> {
        Box::pin(async move {
            let ledgers = self.ledgers();
            let record = |(merchant, key): &(MerchantId, Key)| {
                ledgers.get(merchant).and_then(|ledger| ledger.account.books().get(key).cloned())
            };
            Ok(keys.iter().map(|key| Ok(record(key))).collect())
        })
    }

    fn merchants(&self, page: Page) -> Answering<'_, Result<Part<Head>, ReadError>> {
        Box::pin(async move { lists::merchants(&self.ledgers(), &page) })
    }

    fn order(
        &self,
        of: MerchantId,
        order_no: OrderNo,
    ) -> Answering<'_, Result<Option<ListedOrder>, ReadError>> {
        self.of(of, |ledger| Ok(lists::order(ledger, &order_no)))
    }

    fn orders(
        &self,
        of: MerchantId,
        filter: OrderFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
        self.of(of, |ledger| lists::orders(ledger, &filter, &page))
    }

    fn settlements(
        &self,
        of: MerchantId,
        page: Page,
    ) -> Answering<'_, Result<Part<Settlement>, ReadError>> {
        self.of(of, |ledger| lists::settlements(ledger, &page))
    }

    fn settlement_orders(
        &self,
        of: MerchantId,
        settlement: Settlement,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
        self.of(of, |ledger| lists::settlement_orders(ledger, &settlement, &page))
    }

    fn withdrawals(
        &self,
        of: MerchantId,
        status: Option<WithdrawalStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Withdrawal>, ReadError>> {
        self.of(of, |ledger| lists::withdrawals(ledger, status, &page))
    }

    fn open_orders(
        &self,
        from: At,
        to: At,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<OpenOrder, Damaged>>, ReadError>> {
        Box::pin(async move { waiting::open_orders(&self.ledgers(), from, to, &page) })
    }

    fn withdrawals_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError>> {
        Box::pin(async move { waiting::withdrawals_under_way(&self.ledgers(), &page) })
    }

    fn refunds(
        &self,
        of: MerchantId,
        filter: RefundFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<Refund>, ReadError>> {
        self.of(of, |ledger| lists::refunds(ledger, filter, &page))
    }

    fn refunds_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<RefundUnderWay, Damaged>>, ReadError>> {
        Box::pin(async move { waiting::refunds_under_way(&self.ledgers(), &page) })
    }

    fn adjustments(
        &self,
        of: MerchantId,
        status: Option<AdjustmentStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Adjustment>, ReadError>> {
        self.of(of, |ledger| lists::adjustments(ledger, status, &page))
    }

    fn cases(
        &self,
        filter: CaseFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedCase>, ReadError>> {
        Box::pin(async move { lists::cases(&self.ledgers(), &filter, &page) })
    }

    fn events(
        &self,
        of: MerchantId,
        from: Seq,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Recorded>, ReadError>> {
        self.of(of, |ledger| {
            let events = ledger.journal.iter().filter(|recorded| recorded.seq >= from);
            Ok(events.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
        })
    }

    fn checkpoint(
        &self,
        of: MerchantId,
        upto: Point,
    ) -> Answering<'_, Result<Option<Head>, ReadError>> {
        self.of(of, |ledger| {
            let fits = |head: &&Head| !upto.is_before(head.link.seq, head.at);
            Ok(ledger.checkpoints.iter().rfind(fits).cloned())
        })
    }
}
