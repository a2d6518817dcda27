//! What is done about one withdrawal that is in hand: the shell of its plan.

use super::Desk;
use super::memos::InHand;
use super::plan::{Clocks, Next, Plan, TOO_OLD_TO_ASK};
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
        let can_transfer = gateway.can_transfer();
        let (mut plan, mut next) = Plan::take(listed, remembered, can_transfer, self.clocks());
        loop {
            in_hand.memo.remembered = plan.remembered();
            let withdrawal = plan.withdrawal();
            next = match next {
                Next::Begin => {
                    let started = self.begin(of, withdrawal).await;
                    plan.begun(started, self.clocks())
                }
                Next::Send => {
                    let sent = gateway.transfer(of, withdrawal).await;
                    plan.sent(sent)
                }
                Next::Ask => {
                    let asked_at = plan.asks(self.clocks());
                    let standing = self.ask(of, withdrawal).await;
                    plan.stands(asked_at, standing, self.clocks())
                }
                Next::Record(outcome) => {
                    let recorded = self.record(of, withdrawal, outcome).await;
                    plan.recorded(recorded, self.clocks())
                }
                Next::Rest => return,
            };
        }
    }

    fn now(&self) -> At {
        (self.desk.now)()
    }

    fn clocks(&self) -> Clocks {
        Clocks { wall: self.now(), steady: (self.desk.steady)() }
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
        let withdrawal_no = read.withdrawal_no;
        if outcome == TransferOutcome::Unknown(TOO_OLD_TO_ASK.into()) {
            let tried_at = read.tried_at.map(tracing::field::display);
            tracing::error!(%of, %withdrawal_no, tried_at, "{TOO_OLD_TO_ASK}");
        }
        let recorded = self.desk.engine.record_transfer(of, read, outcome, self.now()).await;
        recorded
            .inspect_err(|why| {
                tracing::error!(%of, %withdrawal_no, %why, "what is known of a transfer was not recorded; it is asked about again");
            })
            .ok()
    }
}
