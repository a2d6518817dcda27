//! What is done about one withdrawal that is in hand.

use super::Desk;
use super::memos::InHand;
use crate::domain::command::TransferOutcome;
use crate::domain::ids::MerchantId;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::gateway::{Sent, TransferStanding};
use crate::limits;

/// Does what is due.
pub(crate) struct Step {
    pub(super) desk: Desk,
}

impl Step {
    /// Sends what may go out, and asks about what is out.
    pub(super) async fn take(&self, of: MerchantId, listed: Withdrawal, in_hand: &mut InHand) {
        match listed.status {
            WithdrawalStatus::Requested => self.send(of, &listed, in_hand).await,
            WithdrawalStatus::Sending | WithdrawalStatus::Unknown => {
                self.ask(of, &listed, in_hand).await;
            }
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::Succeeded
            | WithdrawalStatus::Failed
            | WithdrawalStatus::Rejected => {}
        }
    }

    fn now(&self) -> At {
        (self.desk.now)()
    }

    /// Makes `sending` durable, then sends. The engine refuses it when another try has begun since the withdrawal was read.
    async fn send(&self, of: MerchantId, read: &Withdrawal, in_hand: &mut InHand) {
        if !self.desk.gateway.can_transfer() {
            return;
        }
        let withdrawal_no = read.withdrawal_no;
        let began = tokio::time::Instant::now();
        let started = match self.desk.engine.start_sending(of, read, self.now()).await {
            Ok(started) => started,
            Err(why) => {
                tracing::warn!(%of, %withdrawal_no, %why, "a transfer was not begun; it is looked at again");
                return;
            }
        };
        // By both clocks: the wall's may have been set, the other one stands still while the machine sleeps.
        let tried_at = started.tried_at.unwrap_or_default();
        let too_late = self.now() > tried_at.plus_ms(limits::SEND_WITHIN_MS)
            || began.elapsed().as_millis() > u128::from(limits::SEND_WITHIN_MS.unsigned_abs());
        let sent = if too_late {
            Sent::Refused("it was not sent: recording it took too long".into())
        } else {
            self.desk.gateway.transfer(of, &started).await
        };
        let outcome = match sent {
            Sent::Paid(reference) => TransferOutcome::Succeeded(reference),
            Sent::Refused(why) => {
                in_hand.memo.moved_nothing = true;
                TransferOutcome::Unknown(why)
            }
            Sent::Unknown(why) => {
                in_hand.memo.moved_nothing = false;
                TransferOutcome::Unknown(why)
            }
        };
        self.record(of, &started, outcome).await;
    }

    /// Asks the channel by number.
    async fn ask(&self, of: MerchantId, read: &Withdrawal, in_hand: &mut InHand) {
        let withdrawal_no = read.withdrawal_no;
        // Read before the question is put: what the answer does not know may have come since.
        let asked_at = self.now();
        let standing = self.desk.gateway.transfer_standing(of, withdrawal_no).await;
        // What is not news is not recorded: a journal is for ever.
        let mut news = read.status == WithdrawalStatus::Sending;
        let outcome = match standing {
            TransferStanding::Paid { reference, amount } if amount == read.amount => {
                TransferOutcome::Succeeded(reference)
            }
            TransferStanding::Paid { amount, .. } => {
                news = true;
                let why = format!(
                    "WeChat paid {} fen instead of {} fen: a person must look",
                    amount.fen(),
                    read.amount.fen()
                );
                tracing::error!(%of, %withdrawal_no, why, "a transfer's amount differs");
                TransferOutcome::Unknown(why.into())
            }
            TransferStanding::Failed(why) => TransferOutcome::Failed(why),
            TransferStanding::Missing => {
                let sent_again =
                    in_hand.memo.moved_nothing && in_hand.memo.resends < limits::RESENDS_MAX;
                match self.record(of, read, TransferOutcome::NotFound(asked_at)).await {
                    Some(after) if !after.status.is_final() && sent_again => {
                        in_hand.memo.resends += 1;
                        return self.send(of, &after, in_hand).await;
                    }
                    Some(_) | None => return,
                }
            }
            TransferStanding::Processing => {
                TransferOutcome::Unknown("it is under way at WeChat".into())
            }
            TransferStanding::Unknown(why) => TransferOutcome::Unknown(why),
        };
        if news || !matches!(outcome, TransferOutcome::Unknown(_)) {
            self.record(of, read, outcome).await;
        }
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
