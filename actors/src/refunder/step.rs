//! What is done about one refund that is in hand: the shell of its plan.

use std::time::Duration;

use super::plan::{Next, Plan, Remembered};
use crate::domain::command::RefundOutcome;
use crate::domain::ids::{MerchantId, RefundNo};
use crate::domain::refund::Refund;
use crate::domain::refusal::Refusal;
use crate::domain::time::At;
use crate::error::EngineError;
use crate::gateway::RefundSent;
use crate::memos::InHand;
use crate::payer::Desk;
use crate::payer::plan::{Clocks, Terms};

/// Does what is due.
pub(super) struct Step {
    pub(super) desk: Desk,
}

/// A refund in hand.
pub(super) type Hand = InHand<(MerchantId, RefundNo), Remembered>;

impl Step {
    /// Sends what may go out, and asks about what is out. What the plan wants remembered is so before anything is done: it may
    /// never come back. Says whether the channel refused what was sent.
    pub(super) async fn take(&self, of: MerchantId, listed: Refund, hand: &mut Hand) -> bool {
        let mut refused = false;
        let gateway = &self.desk.gateway;
        let restored = self.desk.engine.restored();
        let terms = Terms { can_transfer: gateway.can_transfer(), restored };
        let (mut plan, mut next) = Plan::take(listed, hand.remembered, terms, self.clocks());
        loop {
            hand.remembered = plan.remembered();
            let refund = plan.refund();
            next = match next {
                Next::Begin => {
                    let started = self.begin(of, refund, hand).await;
                    plan.begun(started, self.clocks())
                }
                Next::Send => {
                    let sent = gateway.refund(of, &plan.outgoing()).await;
                    refused |= matches!(sent, RefundSent::Refused(_) | RefundSent::Later(_));
                    if sent == RefundSent::Taken {
                        // From here on it is asked about, from the beginning of the ladder.
                        hand.anew_at = Some(self.clocks().steady.saturating_add(self.first_step()));
                    }
                    plan.sent(sent)
                }
                Next::Ask => {
                    let asked_at = plan.asks(self.clocks());
                    let standing = gateway.refund_standing(of, refund).await;
                    plan.stands(asked_at, standing, self.clocks())
                }
                Next::Record(outcome) => {
                    let recorded = self.record(of, refund, outcome).await;
                    plan.recorded(recorded, self.clocks())
                }
                Next::Rest => return refused,
            };
        }
    }

    fn first_step(&self) -> Duration {
        self.desk.ladder.iter().min().copied().unwrap_or_default()
    }

    fn now(&self) -> At {
        (self.desk.now)()
    }

    fn clocks(&self) -> Clocks {
        Clocks { wall: self.now(), steady: (self.desk.steady)() }
    }

    /// Makes `sending` durable. The engine refuses it when another try has begun since the refund was read, and for a while after
    /// another refund of the same order.
    async fn begin(&self, of: MerchantId, read: &Refund, hand: &mut Hand) -> Option<Refund> {
        let refund_no = read.refund_no;
        match self.desk.engine.start_refund(of, read, self.now()).await {
            Ok(started) => Some(started),
            Err(EngineError::Refused(Refusal::RefundTooSoon(until))) => {
                let now = self.clocks();
                let wait = until.ms().saturating_sub(now.wall.ms()).max(0).unsigned_abs();
                hand.anew_at = Some(now.steady.saturating_add(Duration::from_millis(wait)));
                None
            }
            Err(why) => {
                tracing::warn!(%of, %refund_no, %why, "a refund was not begun; it is looked at again");
                None
            }
        }
    }

    /// Records what is known. What can't be recorded now is found again: the refund stays under way.
    async fn record(
        &self,
        of: MerchantId,
        read: &Refund,
        outcome: RefundOutcome,
    ) -> Option<Refund> {
        let refund_no = read.refund_no;
        let recorded = self.desk.engine.record_refund(of, read, outcome, self.now()).await;
        recorded
            .inspect_err(|why| {
                tracing::error!(%of, %refund_no, %why, "what is known of a refund was not recorded; it is asked about again");
            })
            .ok()
    }
}
