//! What the engine needs of the outside: a store. The port is narrow, so that four stores can be told apart by nothing else.

mod lists;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::adjustment::{Adjustment, AdjustmentStatus};
use crate::domain::books::{Key, Record};
use crate::domain::chain::{Hash, Link, Seq};
use crate::domain::event::{Event, Stamped};
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::refund::Refund;
use crate::domain::replay::Point;
use crate::domain::settlement::Settlement;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::limits::CHECKPOINT_EVENTS;

pub use lists::{
    CaseFilter, Damaged, ListedCase, ListedOrder, OpenOrder, OrderFilter, Page, Part, RefundFilter,
    RefundUnderWay, WithdrawalUnderWay,
};

/// What a port's method returns: a future that may be awaited on any thread.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One event on its way into the journal.
#[derive(Debug, Clone)]
pub struct Row {
    /// The point that it follows.
    pub follows: Link,
    /// Its own place and the hash there.
    pub link: Link,
    /// The event with its time.
    pub stamped: Stamped,
    /// The stored blob: `stamped.encode()`, over which the hash was made.
    pub bytes: Box<[u8]>,
}

/// A merchant's events that are committed together, in order and without a gap.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whose.
    pub merchant: MerchantId,
    /// The point that the first row follows. The fence: the store compares it with its head row before it writes.
    pub expects: Link,
    /// The events; never none.
    pub rows: Vec<Row>,
    /// Where the merchant stands after the last row.
    pub head: Head,
}

/// What one transaction writes: runs of different merchants, in merchant order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The runs.
    pub runs: Vec<Run>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// All of it is durable, and heads, lookups and lists show it.
    Committed,
    /// None of it was written: these merchants' heads are not what their runs expected.
    Conflict(Vec<MerchantId>),
    /// None of it was written: this event breaks a constraint other than the fence, which is a bug of ours.
    Refused(BadRow),
    /// None of it was written, and it may be tried again.
    NotDone(Trouble),
    /// It may or may not have been written, and the store could not find out.
    Doubt(String),
    /// The store can't be trusted any more (an I/O or fsync error): the process must end.
    Fatal(String),
}

impl Commit {
    /// Whether the merchants of the batch are in doubt from here on, or not any more; `None`: as before.
    pub fn leaves_in_doubt(&self) -> Option<bool> {
        match self {
            Self::Committed => Some(false),
            Self::Doubt(_) | Self::Fatal(_) => Some(true),
            Self::Conflict(_) | Self::Refused(_) | Self::NotDone(_) => None,
        }
    }
}

/// An event that the schema does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Whose.
    pub merchant: MerchantId,
    /// Its place.
    pub seq: Seq,
    /// The constraint, as the database names it.
    pub constraint: String,
}

/// Why a store does not do what it is asked, for now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No room. It goes on by itself once there is.
    #[error("the disk is full")]
    DiskFull,
    /// Anything else that may pass.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// The disk, or what is on it, can't be trusted any more (an I/O error, a damaged page): the process must end.
    #[error("the store can't be trusted: {0}")]
    Broken(String),
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It may be tried again.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The cursor is not one that this list gave.
    #[error("must be a next_cursor of this list")]
    Cursor,
    /// What is stored can't be read by this binary.
    #[error("merchant {merchant}: {what}")]
    Unreadable {
        /// Whose.
        merchant: MerchantId,
        /// What is wrong, and the remedy.
        what: String,
    },
}

/// What is done without anyone asking, by whichever process comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Open orders are looked up at the channel.
    Orders,
    /// Withdrawals are paid out.
    Transfers,
    /// The platform's server is told of what happened.
    Webhooks,
    /// Days are compared with the channel's bills.
    Reconciliations,
    /// Customers are paid back.
    Refunds,
    /// Withdrawals are gathered for the bank.
    BankRuns,
}

impl Work {
    /// Its name in a store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Transfers => "transfers",
            Self::Webhooks => "webhooks",
            Self::Reconciliations => "reconciliations",
            Self::Refunds => "refunds",
            Self::BankRuns => "bank_runs",
        }
    }
}

/// An event as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place.
    pub seq: Seq,
    /// The hash there.
    pub hash: Hash,
    /// The stored blob.
    pub bytes: Vec<u8>,
}

/// Where facts are kept. When `commit` has answered [`Commit::Committed`], every other method shows the batch.
pub trait Store: Send + Sync + 'static {
    /// Whether other processes may write to it as well.
    fn shared(&self) -> bool;

    /// How many batches it writes at once. Those of one merchant come one after the other.
    fn lanes(&self) -> usize {
        1
    }

    /// Ends once the store can't be trusted any more, with the reason: then the process must end. It tells of every
    /// [`Trouble::Broken`], whoever was answered so, and of what belongs to no answer, such as a WAL that could not be brought back.
    fn broken(&self) -> Answering<'_, String>;

    /// Claims the background work of merchants for so long, and gives those that `holder` now has: all but those that another
    /// holder claimed, whose claim has not run out. Claims spare calls to the channel, and nothing else rests on them. A store
    /// of one process has nobody to claim from.
    fn claim(
        &self,
        _work: Work,
        of: Vec<MerchantId>,
        _holder: Arc<str>,
        _term: Duration,
    ) -> Answering<'_, Result<Vec<MerchantId>, Trouble>> {
        Box::pin(async { Ok(of) })
    }

    /// Writes a batch in one transaction, and says what became of it. Never dropped before it has answered.
    fn commit(&self, batch: Arc<Batch>) -> Answering<'_, Commit>;

    /// The heads of merchants, in the order asked; `None` for one that was never registered.
    fn heads(&self, merchants: Vec<MerchantId>) -> Answering<'_, Result<Vec<HeadRead>, Trouble>>;

    /// The records that keys name, in the order asked. The outer error fails the whole round, an inner one that key alone, as
    /// one merchant's unreadable row is no trouble of the others.
    fn lookup(
        &self,
        keys: Vec<(MerchantId, Key)>,
    ) -> Answering<'_, Result<Vec<RecordRead>, ReadError>>;

    /// All merchants, by when they were registered.
    fn merchants(&self, page: Page) -> Answering<'_, Result<Part<Head>, ReadError>>;

    /// One order.
    fn order(
        &self,
        of: MerchantId,
        order_no: OrderNo,
    ) -> Answering<'_, Result<Option<ListedOrder>, ReadError>>;

    /// A merchant's orders, by when they were opened.
    fn orders(
        &self,
        of: MerchantId,
        filter: OrderFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>>;

    /// A merchant's settlements.
    fn settlements(
        &self,
        of: MerchantId,
        page: Page,
    ) -> Answering<'_, Result<Part<Settlement>, ReadError>>;

    /// The orders that a settlement moved, by when they were paid.
    fn settlement_orders(
        &self,
        of: MerchantId,
        settlement: Settlement,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>>;

    /// A merchant's withdrawals, by when they were requested.
    fn withdrawals(
        &self,
        of: MerchantId,
        status: Option<WithdrawalStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Withdrawal>, ReadError>>;

    /// All merchants' WeChat orders that are still open, of those opened at `from` or later and before `to`, by when they
    /// were opened. A row that can't be read is told of among the others.
    fn open_orders(
        &self,
        from: At,
        to: At,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<OpenOrder, Damaged>>, ReadError>>;

    /// All merchants' withdrawals by WeChat that are requested, sending or unknown, by when they were requested.
    fn withdrawals_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError>>;

    /// A merchant's refunds, by when they were requested.
    fn refunds(
        &self,
        of: MerchantId,
        filter: RefundFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<Refund>, ReadError>>;

    /// All merchants' refunds that are requested, sending or unknown, by when they were requested. Those of external orders
    /// are certain at once.
    fn refunds_under_way(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Result<RefundUnderWay, Damaged>>, ReadError>>;

    /// A merchant's adjustments, by when they were asked for.
    fn adjustments(
        &self,
        of: MerchantId,
        status: Option<AdjustmentStatus>,
        page: Page,
    ) -> Answering<'_, Result<Part<Adjustment>, ReadError>>;

    /// Cases, by when they were opened.
    fn cases(
        &self,
        filter: CaseFilter,
        page: Page,
    ) -> Answering<'_, Result<Part<ListedCase>, ReadError>>;

    /// A merchant's events from a place on, oldest first.
    fn events(
        &self,
        of: MerchantId,
        from: Seq,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Recorded>, ReadError>>;

    /// A merchant's newest checkpoint not after this point: its head as it was after an event that the journal has, so that a
    /// fold may begin there. One that can't be read or does not fit the journal is passed over for the one before; `None`:
    /// there is none, and a fold begins with the first event.
    fn checkpoint(
        &self,
        of: MerchantId,
        upto: Point,
    ) -> Answering<'_, Result<Option<Head>, ReadError>>;
}

/// A record as it was read; `None` for a key that names nothing. [`ReadError::Unreadable`] for a damaged row.
pub type RecordRead = Result<Option<Record>, ReadError>;

/// A head as it was read. [`ReadError::Unreadable`] for a format that this binary does not know.
pub type HeadRead = Result<Option<Head>, ReadError>;

impl Run {
    /// The head that is kept beside these events as a checkpoint: one whenever they reach or pass a multiple of
    /// [`CHECKPOINT_EVENTS`]. It is a copy of what the fold leads to, so it may be lost without loss.
    pub fn checkpoint(&self) -> Option<&Head> {
        let round = |seq: Seq| seq.0 / CHECKPOINT_EVENTS;
        (round(self.expects.seq) < round(self.head.link.seq)).then_some(&self.head)
    }
}

impl Row {
    /// The next event of a merchant's journal after `follows`.
    pub fn new(merchant: &MerchantId, follows: Link, stamped: Stamped) -> Self {
        let bytes = stamped.encode().into_boxed_slice();
        Self { follows, link: follows.then(merchant, &bytes), stamped, bytes }
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.stamped.event
    }
}
