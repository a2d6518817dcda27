//! After a restore: what the books may lack is looked up at the channel.
//!
//! | what | how |
//! |---|---|
//! | orders that the books have open, withdrawals that they have under way or waiting for a second key | all of them once, until the channel has said what there is to say |
//! | what came after the backup | only the channel knows of it: by the numbers that an admin hands in; an order's number finds its refunds as well |
//!
//! A withdrawal that the books have under way is asked about by the payer's own plan, and what is said is recorded as the payer does it.
//! That WeChat does not know it counts ten minutes after the restore, by both clocks: a try that was made after the backup is
//! lost with newer books, and may have been made until these were put in place.

mod numbers;
mod refunds;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

pub use self::numbers::Found;
use self::waiting::{LostOrder, LostTransfer, Waiting};
use crate::cashier::{Cashier, CashierError};
use crate::domain::books::{Key, Record};
use crate::domain::ids::{MerchantId, WithdrawalNo};
use crate::domain::withdrawal::Withdrawal;
use crate::error::EngineError;
use crate::limits;
use crate::payer::{Desk, Step};
use crate::ports::ReadError;

/// Whoever looks up. Cheap to clone.
#[derive(Clone)]
pub struct Recovery {
    step: Arc<Step>,
    cashier: Cashier,
    /// The time between the beginnings of two look-ups, and between two rounds over what was not answered.
    apart: Duration,
    pause: Duration,
}

/// How much is still to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Orders that the books have open.
    pub orders: usize,
    /// Withdrawals that may have been paid out.
    pub withdrawals: usize,
}

/// The same while it is being looked up.
#[derive(Debug, Default)]
pub struct Progress {
    counted: AtomicBool,
    orders: AtomicUsize,
    withdrawals: AtomicUsize,
}

impl Progress {
    /// How much is left; `None`: it was not counted yet.
    pub fn left(&self) -> Option<Left> {
        let [orders, withdrawals] =
            [&self.orders, &self.withdrawals].map(|left| left.load(Ordering::Acquire));
        self.counted.load(Ordering::Acquire).then_some(Left { orders, withdrawals })
    }

    fn count(&self, waiting: &Waiting) {
        self.orders.store(waiting.orders.len(), Ordering::Release);
        self.withdrawals.store(waiting.withdrawals.len(), Ordering::Release);
        self.counted.store(true, Ordering::Release);
    }
}

impl Recovery {
    /// Looks up by the payer's desk and by the cashier, on the cashier's runtime.
    pub fn new(desk: Desk, cashier: Cashier) -> Self {
        Self::paced(desk, cashier, limits::POLLS_APART, limits::RECOVERY_PAUSE)
    }

    pub(crate) fn paced(desk: Desk, cashier: Cashier, apart: Duration, pause: Duration) -> Self {
        Self { step: Arc::new(Step { desk }), cashier, apart, pause }
    }

    /// Looks up whatever waits now, until the channel has said of each what there is to say.
    pub async fn look_up_all(&self, progress: &Progress) {
        let mut waiting = loop {
            match self.waiting().await {
                Ok(waiting) => break waiting,
                Err(error) => {
                    tracing::error!(%error, "what is to be looked up after the restore could not be read; it is read again");
                    tokio::time::sleep(self.pause).await;
                }
            }
        };
        loop {
            progress.count(&waiting);
            if waiting.is_empty() {
                return;
            }
            let orders = std::mem::take(&mut waiting.orders);
            waiting.orders = self.each(orders, &progress.orders, Self::ask_order).await;
            let withdrawals = std::mem::take(&mut waiting.withdrawals);
            waiting.withdrawals =
                self.each(withdrawals, &progress.withdrawals, Self::ask_transfer).await;
            if !waiting.is_empty() {
                let (orders, withdrawals) = (waiting.orders.len(), waiting.withdrawals.len());
                tracing::info!(
                    orders,
                    withdrawals,
                    "after the restore WeChat has not said everything yet"
                );
                tokio::time::sleep(self.pause).await;
            }
        }
    }

    /// Asks about each, a few at once, and gives those that must be asked about again; also those whose asking panicked.
    async fn each<K, F>(
        &self,
        all: Vec<K>,
        left: &AtomicUsize,
        ask: impl Fn(Self, K) -> F,
    ) -> Vec<K>
    where
        K: Clone + Send + 'static,
        F: Future<Output = Option<K>> + Send + 'static,
    {
        let (mut asked, mut in_hand, mut again) = (JoinSet::new(), HashMap::new(), vec![]);
        let mut all = all.into_iter();
        loop {
            let next = if asked.len() < limits::POLLS_AT_ONCE { all.next() } else { None };
            if let Some(one) = next {
                self.cashier.traffic().poll(self.apart).await;
                let task = asked.spawn_on(ask(self.clone(), one.clone()), self.cashier.runtime());
                in_hand.insert(task.id(), one);
                continue;
            }
            let Some(ended) = asked.join_next_with_id().await else { return again };
            let (id, answer) = match ended {
                Ok((id, answer)) => (id, Ok(answer)),
                Err(ended) => (ended.id(), Err(ended)),
            };
            let one = in_hand.remove(&id);
            match answer {
                Ok(None) => drop(left.fetch_sub(1, Ordering::AcqRel)),
                Ok(Some(one)) => again.push(one),
                Err(ended) => {
                    tracing::error!(%ended, "a look-up after the restore did not come to its end");
                    again.extend(one);
                }
            }
        }
    }

    /// `Some`: it is to be asked about again.
    async fn ask_order(self, order: LostOrder) -> Option<LostOrder> {
        let LostOrder { merchant, order_no } = order;
        match self.cashier.find_payment(merchant, order_no).await {
            Ok(_) => None,
            Err(CashierError::Engine(EngineError::Refused(why))) => {
                tracing::error!(%merchant, %order_no, %why, "what WeChat says of an order can't be booked");
                None
            }
            Err(why) => {
                tracing::warn!(%merchant, %order_no, %why, "an order could not be looked up after the restore; it is asked about again");
                Some(order)
            }
        }
    }

    /// `Some`: it is to be asked about again.
    async fn ask_transfer(self, mut lost: LostTransfer) -> Option<LostTransfer> {
        let (merchant, withdrawal_no) = (lost.merchant, lost.withdrawal_no);
        let withdrawal = match self.withdrawal(merchant, withdrawal_no).await {
            Ok(Some(withdrawal)) => withdrawal,
            Ok(None) => return None,
            Err(error) => {
                tracing::error!(%merchant, %withdrawal_no, %error, "a withdrawal could not be read; it is read again");
                return Some(lost);
            }
        };
        if withdrawal.status.is_final() {
            return None;
        }
        let taken = self.step.take(merchant, withdrawal, &mut lost.remembered).await;
        (!taken.told).then_some(lost)
    }

    /// A withdrawal as it is stored.
    async fn withdrawal(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
    ) -> Result<Option<Withdrawal>, ReadError> {
        match self.record(of, Key::Withdrawal(withdrawal_no)).await? {
            Some(Record::Withdrawal(withdrawal)) => Ok(Some(*withdrawal)),
            Some(_) | None => Ok(None),
        }
    }

    /// What the books have under a key.
    async fn record(&self, of: MerchantId, key: Key) -> Result<Option<Record>, ReadError> {
        let found = self.step.desk.engine.store().lookup(vec![(of, key)]).await?;
        Ok(found.into_iter().next().transpose()?.flatten())
    }
}
