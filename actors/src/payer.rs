//! The payer: carries withdrawals by WeChat to a certain end (`design.md` 3.5): never twice, never lost.
//!
//! | a withdrawal is | what is done |
//! |---|---|
//! | requested | `sending` is made durable, then its transfer is sent; of restored books it is asked about first |
//! | sending (found so after a start), unknown | the channel is asked about it by number, on a ladder |
//! | anything else | nothing |
//!
//! While restored books are frozen nothing is sent.
//!
//! What it keeps in memory is only when to ask next, since when it knows of the last try, and whether that certainly moved
//! nothing. Without that it asks at once, waits the whole time that makes a missing transfer a lost one, and never sends again.

pub mod plan;
mod step;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use self::plan::Remembered;
pub(crate) use self::step::Step;
use crate::cashier::Now;
use crate::claims::Claims;
use crate::damage::ever;
use crate::domain::ids::{MerchantId, WithdrawalNo};
use crate::engine::Engine;
use crate::gateway::Gateway;
use crate::limits;
use crate::memos::Memos;
use crate::ports::{Page, WithdrawalUnderWay, Work};
use crate::walk::ours;

/// Reads how long it is since some instant, the same for every reading. Given by the edge, as the wall clock is.
pub type Steady = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a payer is started with.
#[derive(Clone)]
pub struct Desk {
    /// Who decides, and whose store lists what is under way.
    pub engine: Engine,
    /// Who pays out.
    pub gateway: Arc<dyn Gateway>,
    /// Reads the wall clock.
    pub now: Now,
    /// Reads a clock that nobody sets.
    pub steady: Steady,
    /// When the channel is asked about a transfer whose outcome is not known: since the try, ascending; the last gap
    /// between two steps repeats.
    pub ladder: Vec<Duration>,
}

/// A running payer.
#[derive(Debug)]
pub struct Payer {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Payer {
    /// Starts paying out, on that runtime: the store's.
    pub fn start(desk: Desk, runtime: &tokio::runtime::Handle) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let round = Round::new(desk);
        let task = runtime.spawn(async move {
            loop {
                let engine = round.step.desk.engine.clone();
                let woken = engine.payouts().notified();
                round.go().await;
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => break,
                    () = woken => {}
                    () = tokio::time::sleep(limits::PAYER_EVERY) => {}
                }
            }
            round.settled().await;
        });
        Self { stop, task }
    }

    /// Begins nothing more, and waits for the transfers that are out.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

/// One look at everything under way after the other.
pub(crate) struct Round {
    step: Arc<Step>,
    claims: Claims,
    memos: Memos<(MerchantId, WithdrawalNo), Remembered>,
    at_once: Arc<Semaphore>,
    /// Whether no money might go out when it looked last.
    was_frozen: AtomicBool,
}

impl Round {
    pub(crate) fn new(desk: Desk) -> Self {
        let claims = Claims::new(Arc::clone(desk.engine.store()), Work::Transfers);
        let memos = Memos::new(&desk.ladder);
        let at_once = Arc::new(Semaphore::new(limits::TRANSFERS_AT_ONCE));
        let was_frozen = AtomicBool::default();
        Self { step: Arc::new(Step { desk }), claims, memos, at_once, was_frozen }
    }

    /// Begins what is due for each withdrawal under way that is not in hand.
    pub(crate) async fn go(&self) {
        let restored = self.step.desk.engine.restored();
        let frozen = restored.is_some_and(|restored| restored.frozen);
        if self.was_frozen.swap(frozen, Ordering::AcqRel) && !frozen {
            self.memos.all_due(); // else what waited would wait for its next question
        }
        self.memos.begin_round();
        let (mut cursor, mut damaged) = (None, vec![]);
        loop {
            let page = Page { limit: limits::WALK_PART, cursor };
            let listed = self.step.desk.engine.store().withdrawals_under_way(page).await;
            let of = |waiting: &WithdrawalUnderWay| waiting.merchant;
            let ours = ours("withdrawals under way", listed, &self.claims, &mut damaged, of);
            let Some(part) = ours.await else { return };
            for waiting in part.items {
                self.begin(waiting).await;
            }
            cursor = part.next;
            if cursor.is_none() {
                self.step.desk.engine.damage().learn(Work::Transfers, &ever(), &damaged);
                return self.memos.end_round();
            }
        }
    }

    /// Takes a withdrawal in hand, unless it is, or nothing is due.
    async fn begin(&self, WithdrawalUnderWay { merchant, withdrawal }: WithdrawalUnderWay) {
        let key = (merchant, withdrawal.withdrawal_no);
        let now = (self.step.desk.steady)();
        let Some(mut in_hand) = self.memos.take(key, now) else {
            return;
        };
        let turn = self.turn().await;
        let step = Arc::clone(&self.step);
        tokio::spawn(async move {
            step.take(merchant, withdrawal, &mut in_hand.remembered).await;
            drop((in_hand, turn));
        });
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.at_once).acquire_owned().await.expect("nobody closes it")
    }

    /// Waits until nothing is in hand.
    pub(crate) async fn settled(&self) {
        let all = u32::try_from(limits::TRANSFERS_AT_ONCE).expect("a few");
        drop(self.at_once.acquire_many(all).await);
    }
}
