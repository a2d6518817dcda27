//! What is done about one withdrawal that is in hand: the shell of its plan.

use super::Desk;
use super::plan::{Clocks, Next, Plan, Remembered, TOO_OLD_TO_ASK, Terms};
use crate::domain::command::TransferOutcome;
use crate::domain::ids::MerchantId;
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;
use crate::gateway::TransferStanding;

/// Does what is due.
pub(crate) struct Step {
    pub(crate) desk: Desk,
}

/// What taking a withdrawal in hand came to.
pub(crate) struct Taken {
    /// The withdrawal as it was last heard of.
    pub(crate) withdrawal: Withdrawal,
    /// Of [`Plan::is_told`].
    pub(crate) told: bool,
    /// How the channel said that its transfer stands, if it was asked.
    pub(crate) heard: Option<TransferStanding>,
}

impl Step {
    /// Sends what may go out, and asks about what is out. What the plan wants remembered is so before anything is done: it
    /// may never come back. Gives what it came to.
    pub(crate) async fn take(
        &self,
        of: MerchantId,
        listed: Withdrawal,
        remembered: &mut Remembered,
    ) -> Taken {
        let gateway = &self.desk.gateway;
        let restored = self.desk.engine.restored();
        let terms = Terms { can_transfer: gateway.can_transfer(), restored };
        let (mut plan, mut next) = Plan::take(listed, *remembered, terms, self.clocks());
        let mut heard = None;
        loop {
            *remembered = plan.remembered();
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
                    heard = Some(standing.clone());
                    plan.stands(asked_at, standing, self.clocks())
                }
                Next::Record(outcome) => {
                    let recorded = self.record(of, withdrawal, outcome).await;
                    plan.recorded(recorded, self.clocks())
                }
                Next::Rest => {
                    let told = plan.is_told();
                    return Taken { withdrawal: plan.withdrawal().clone(), told, heard };
                }
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
