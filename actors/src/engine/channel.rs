//! What the flows between a merchant and the payment channel ask of the merchant.

use tokio::sync::Notify;

use super::Engine;
use super::answers::{order, withdrawal};
use crate::domain::command::{
    Asked, Command, RecordPrepay, RecordTransfer, StartSending, TransferOutcome,
};
use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::order::Order;
use crate::domain::rules::PayoutMethod;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::error::EngineError;

impl Engine {
    /// Records the prepay id that the channel gave for an order.
    pub async fn record_prepay(
        &self,
        of: MerchantId,
        prepay: RecordPrepay,
        now: At,
    ) -> Result<Order, EngineError> {
        Ok(order(self.ask(of, Command::RecordPrepay(prepay), now).await?)?.thing)
    }

    /// Records that an order is to be closed as soon as the channel allows it.
    pub async fn start_closing(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        asked: impl Into<Asked>,
    ) -> Result<Order, EngineError> {
        Ok(order(self.ask(of, Command::StartClosing(order_no), asked).await?)?.thing)
    }

    /// Begins another try to pay a withdrawal out, as it was read: refused when a try has begun since.
    pub async fn start_sending(
        &self,
        of: MerchantId,
        read: &Withdrawal,
        now: At,
    ) -> Result<Withdrawal, EngineError> {
        let start = StartSending { withdrawal_no: read.withdrawal_no, last_try: read.tried_at };
        Ok(withdrawal(self.ask(of, Command::StartSending(start), now).await?)?.thing)
    }

    /// Records how a transfer ended, or that nobody knows.
    pub async fn record_transfer(
        &self,
        of: MerchantId,
        read: &Withdrawal,
        outcome: TransferOutcome,
        now: At,
    ) -> Result<Withdrawal, EngineError> {
        let record = RecordTransfer { withdrawal_no: read.withdrawal_no, outcome };
        Ok(withdrawal(self.ask(of, Command::RecordTransfer(record), now).await?)?.thing)
    }

    /// Wakes whoever pays withdrawals out: one by WeChat was just requested or approved.
    pub(super) fn wake_payer(&self, withdrawal: &Withdrawal) {
        let by_wechat = withdrawal.method == PayoutMethod::Wechat;
        if by_wechat && withdrawal.status == WithdrawalStatus::Requested {
            self.payouts.notify_one();
        }
    }

    /// Told when a withdrawal by WeChat may go out.
    pub(crate) fn payouts(&self) -> &Notify {
        &self.payouts
    }
}
