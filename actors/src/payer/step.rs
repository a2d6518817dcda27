//! What is done about one withdrawal that is in hand: the shell of its plan.

use std::time::Duration;

use super::Desk;
use super::memos::InHand;
use super::plan::{Next, Plan};
use crate::domain::command::TransferOutcome;
use crate::domain::ids::MerchantId;
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;
use crate::gateway::TransferStanding;

/// Does what is due.
pub(crate) struct Step {
    pub(super) desk: Desk,
}

impl Step {
    /// Sends what may go out, and asks about what is out. What the plan wants remembered is so before anything is done: it
    /// may never come back.
    pub(super) async fn take(&self, of: MerchantId, listed: Withdrawal, in_hand: &mut InHand) {
        let gateway = &self.desk.gateway;
        let remembered = in_hand.memo.remembered;
        let (mut plan, mut next) = Plan::take(listed, remembered, gateway.can_transfer());
        loop {
            in_hand.memo.remembered = plan.remembered();
            let withdrawal = plan.withdrawal();
            next = match next {
                Next::Begin => {
                    let began = self.steady();
                    let started = self.begin(of, withdrawal).await;
                    let next = plan.begun(started, self.now(), self.steady().saturating_sub(began));
                    in_hand.memo.watch(plan.withdrawal().tried_at, self.steady());
                    next
                }
                Next::Send => {
                    let sent = gateway.transfer(of, withdrawal).await;
                    plan.sent(sent)
                }
                Next::Ask => {
                    let watched = in_hand.memo.watched(self.steady());
                    let asked_at = plan.asks(self.now(), watched);
                    let standing = self.ask(of, withdrawal).await;
                    plan.stands(asked_at, standing)
                }
                Next::Record(outcome) => {
                    let recorded = self.record(of, withdrawal, outcome).await;
                    plan.recorded(recorded)
                }
                Next::Rest => return,
            };
        }
    }

    fn now(&self) -> At {
        (self.desk.now)()
    }

    fn steady(&self) -> Duration {
        (self.desk.steady)()
    }

    /// Makes `sending` durable. The engine refuses it when another try has begun since the withdrawal was read.
    async fn begin(&self, of: MerchantId, read: &Withdrawal) -> Option<Withdrawal> {
        let started = self.desk.engine.start_sending(of, read, self.now()).await;
        let withdrawal_no = read.withdrawal_no;
        started
            .inspect_err(|why| {
                tracing::warn!(%of, %withdrawal_no, %why, "a transfer was not begun; it is looked at again");
            })
            .ok()
    }

    /// Asks the channel by number.
    async fn ask(&self, of: MerchantId, read: &Withdrawal) -> TransferStanding {
        let withdrawal_no = read.withdrawal_no;
        let standing = self.desk.gateway.transfer_standing(of, withdrawal_no).await;
        if let TransferStanding::Paid { amount: paid, .. } = &standing
            && *paid != read.amount
        {
            let wanted = read.amount;
            tracing::error!(%of, %withdrawal_no, %paid, %wanted, "a transfer's amount differs");
        }
        standing
    }

    /// Records what is known. What can't be recorded now is found again: the withdrawal stays under way.
    async fn record(
        &self,
        of: MerchantId,
        read: &Withdrawal,
        outcome: TransferOutcome,
    ) -> Option<Withdrawal> {
        let recorded = self.desk.engine.record_transfer(of, read, outcome, self.now()).await;
        let withdrawal_no = read.withdrawal_no;
        recorded
            .inspect_err(|why| {
                tracing::error!(%of, %withdrawal_no, %why, "what is known of a transfer was not recorded; it is asked about again");
            })
            .ok()
    }
}
