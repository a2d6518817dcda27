//! The refunder: carries refunds by WeChat to a certain end: never twice, never lost.
//!
//! | a refund is | what is done |
//! |---|---|
//! | requested | `sending` is made durable, then it is sent; not within a minute after another refund of its order; of restored books it is asked about first |
//! | sending, unknown | the channel is asked about it by number, on a ladder; what is missing there is sent again, soon or never |
//! | anything else | nothing |
//!
//! A restore that freezes withdrawals freezes refunds as well: under one number WeChat pays back once, but what was lost may have
//! been asked for anew under another.

pub(crate) mod hints;
pub mod plan;
mod step;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use self::plan::Remembered;
use self::step::Step;
use crate::claims::Claims;
use crate::damage::ever;
use crate::domain::ids::{MerchantId, RefundNo};
use crate::limits;
use crate::memos::Memos;
use crate::payer::Desk;
use crate::ports::{Page, RefundUnderWay, Work};
use crate::walk::ours;

/// A running refunder.
#[derive(Debug)]
pub struct Refunder {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Refunder {
    /// Starts paying back, on that runtime: the store's.
    pub fn start(desk: Desk, runtime: &tokio::runtime::Handle) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let round = Round::new(desk);
        let task = runtime.spawn(async move {
            loop {
                let engine = round.step.desk.engine.clone();
                let woken = engine.refund_hints().woken();
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

    /// Begins nothing more, and waits for the refunds that are out.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

/// One look at everything under way after the other.
pub(crate) struct Round {
    step: Arc<Step>,
    claims: Claims,
    memos: Memos<(MerchantId, RefundNo), Remembered>,
    at_once: Arc<Semaphore>,
}

impl Round {
    pub(crate) fn new(desk: Desk) -> Self {
        let claims = Claims::new(Arc::clone(desk.engine.store()), Work::Refunds);
        let memos = Memos::new(&desk.ladder);
        let at_once = Arc::new(Semaphore::new(limits::REFUNDS_AT_ONCE));
        Self { step: Arc::new(Step { desk }), claims, memos, at_once }
    }

    /// Begins what is due for each refund under way that is not in hand.
    pub(crate) async fn go(&self) {
        let engine = &self.step.desk.engine;
        for hinted in engine.refund_hints().take() {
            self.memos.due(hinted);
        }
        self.memos.begin_round();
        let (mut cursor, mut damaged) = (None, vec![]);
        loop {
            let page = Page { limit: limits::WALK_PART, cursor };
            let listed = engine.store().refunds_under_way(page).await;
            let of = |waiting: &RefundUnderWay| waiting.merchant;
            let ours = ours("refunds under way", listed, &self.claims, &mut damaged, of);
            let Some(part) = ours.await else { return };
            for waiting in part.items {
                self.begin(waiting).await;
            }
            cursor = part.next;
            if cursor.is_none() {
                engine.damage().learn(Work::Refunds, &ever(), &damaged);
                return self.memos.end_round();
            }
        }
    }

    /// Takes a refund in hand, unless it is, or nothing is due.
    async fn begin(&self, RefundUnderWay { merchant, refund }: RefundUnderWay) {
        let now = (self.step.desk.steady)();
        let Some(mut in_hand) = self.memos.take((merchant, refund.refund_no), now) else {
            return;
        };
        let turn = self.turn().await;
        let step = Arc::clone(&self.step);
        tokio::spawn(async move {
            let refused = step.take(merchant, refund, &mut in_hand).await;
            drop(in_hand);
            if refused {
                tokio::time::sleep(limits::REFUND_REFUSED_APART).await;
            }
            drop(turn);
        });
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.at_once).acquire_owned().await.expect("nobody closes it")
    }

    /// Waits until nothing is in hand.
    pub(crate) async fn settled(&self) {
        let all = u32::try_from(limits::REFUNDS_AT_ONCE).expect("a few");
        drop(self.at_once.acquire_many(all).await);
    }
}
