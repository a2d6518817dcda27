//! Numbers of orders and transfers that restored books may lack, looked up a few at once.

use std::sync::Arc;

use tally_actors::domain::ids::{KeyId, MerchantId, OrderNo, WithdrawalNo};
use tally_actors::error::EngineError;
use tally_actors::recovery::{Found, Recovery};
use tally_storage::restores::{Release, Restore};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::Service;
use crate::limits::LOST_NUMBERS_WAIT_MAX;
use crate::web::error::ApiError;

/// A number, read backwards to whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LostNumber {
    Order { of: MerchantId, order_no: OrderNo },
    Transfer { of: MerchantId, withdrawal_no: WithdrawalNo },
}

const NOT_OURS: &str = "it is not made of a merchant's id and a number, as Tally makes them";
const NO_TURN: &str = "it was not its turn yet: hand it in again";
const TOO_SLOW: &str = "WeChat or the store does not answer in time: hand it in again";

impl Service {
    /// All restores, the newest first.
    pub(crate) async fn restores(&self) -> Result<Vec<Restore>, ApiError> {
        let restores = Arc::clone(&self.restores);
        self.in_turn(&self.turns.lists, async move { restores.read().await }).await
    }

    /// Ends the freeze after a restore, to the end even when the caller goes away.
    pub(crate) async fn release(&self, release: Release) -> Result<Vec<Restore>, ApiError> {
        self.may_record()?;
        let restores = Arc::clone(&self.restores);
        let released = self.runtime.spawn(async move { restores.release(release).await });
        self.write(async { released.await.map_err(|_| EngineError::OutcomeUnknown)? }).await
    }

    /// Looks numbers up and books what the books lack: first all orders, as transfers are paid out of what they brought. Gives
    /// what became of each, in that order.
    pub(crate) async fn find_lost(
        &self,
        orders: Vec<Option<LostNumber>>,
        transfers: Vec<Option<LostNumber>>,
        by: KeyId,
    ) -> Result<Vec<Found>, ApiError> {
        self.may_record()?;
        let deadline = Instant::now() + LOST_NUMBERS_WAIT_MAX;
        let mut found = self.find_each(orders, by, deadline).await;
        found.extend(self.find_each(transfers, by, deadline).await);
        Ok(found)
    }

    async fn find_each(
        &self,
        numbers: Vec<Option<LostNumber>>,
        by: KeyId,
        deadline: Instant,
    ) -> Vec<Found> {
        let looked_up = numbers.into_iter().map(|number| {
            let (recovery, turns) = (self.recovery.clone(), Arc::clone(&self.turns.lost));
            // What has begun goes on to its end whoever waits for it.
            let asked =
                move |number| self.runtime.spawn(look_up(recovery, turns, number, by, deadline));
            number.map(asked)
        });
        let looked_up: Vec<_> = looked_up.collect();
        let mut found = Vec::with_capacity(looked_up.len());
        for task in looked_up {
            found.push(match task {
                None => Found::Refused(NOT_OURS.into()),
                Some(task) => match timeout_at(deadline, task).await {
                    Ok(Ok(found)) => found,
                    Ok(Err(_)) | Err(_) => Found::Unknown(TOO_SLOW.into()),
                },
            });
        }
        found
    }
}

async fn look_up(
    recovery: Recovery,
    turns: Arc<Semaphore>,
    number: LostNumber,
    by: KeyId,
    deadline: Instant,
) -> Found {
    let Ok(Ok(_turn)) = timeout_at(deadline, turns.acquire()).await else {
        return Found::Unknown(NO_TURN.into());
    };
    match number {
        LostNumber::Order { of, order_no } => recovery.order(of, order_no, by).await,
        LostNumber::Transfer { of, withdrawal_no } => {
            recovery.transfer(of, withdrawal_no, by).await
        }
    }
}
