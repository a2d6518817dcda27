//! Refunds of an order that were lost: what the channel tells of them is a hint, and the refunder confirms it before it is booked.

use super::{Found, Recovery};
use crate::domain::books::{Key, Record};
use crate::domain::channel_no::refund_no_told;
use crate::domain::command::NoticeRefund;
use crate::domain::ids::{MerchantId, OrderNo, TransactionId};
use crate::domain::refund::RefundStatus;
use crate::gateway::ChannelRefund;

impl Recovery {
    /// Notes every refund of a payment that the books lack, and has it looked up. Says how many.
    pub(super) async fn find_refunds(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        payment: TransactionId,
    ) -> Result<u64, Found> {
        let told = self.step.desk.gateway.refunds_of(payment).await.map_err(Found::Unknown)?;
        let mut noted = 0;
        for refund in told {
            noted += u64::from(self.note((of, order_no, payment), refund).await?);
        }
        Ok(noted)
    }

    /// Whether this call noted it.
    async fn note(
        &self,
        (of, order_no, payment): (MerchantId, OrderNo, TransactionId),
        told: ChannelRefund,
    ) -> Result<bool, Found> {
        let ChannelRefund { out_refund_no, refund_id, amount } = told;
        let refund_no = refund_no_told(&of, &out_refund_no, &refund_id);
        let engine = &self.step.desk.engine;
        match self.record(of, Key::Refund(refund_no)).await? {
            Some(Record::Refund(known)) if known.status == RefundStatus::Failed => {
                let why = format!(
                    "the books have its refund {refund_no} as failed, but WeChat has it: a person must look"
                );
                tracing::error!(%of, %refund_no, "{why}");
                Err(Found::Refused(why.into()))
            }
            Some(Record::Refund(known)) => {
                engine.hint_at_refund(of, &known);
                Ok(false)
            }
            Some(_) | None => {
                let transaction_id = Some(payment);
                let notice = NoticeRefund {
                    refund_no,
                    order_no,
                    out_refund_no,
                    refund_id,
                    amount,
                    transaction_id,
                };
                engine.notice_refund(of, notice, (self.step.desk.now)()).await?;
                Ok(true)
            }
        }
    }
}
