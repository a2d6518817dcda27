//! What is asked of a merchant about refunds.

use super::answers::refund;
use super::{Engine, Made, NewRefund, Number, filled};
use crate::domain::command::{
    Asked, Command, NoticeRefund, RecordRefund, RefundOutcome, RequestRefund, StartRefund,
};
use crate::domain::ids::MerchantId;
use crate::domain::number;
use crate::domain::refund::Refund;
use crate::domain::time::At;
use crate::error::EngineError;
use crate::refunder::hints::Hints;

impl Engine {
    /// Requests a refund. A repeat with the same content gives the refund as it now is.
    pub async fn request_refund(
        &self,
        of: MerchantId,
        new: NewRefund,
        asked: impl Into<Asked>,
    ) -> Result<Made<Refund>, EngineError> {
        let asked = asked.into();
        let (refund_no, idempotency_key) = match new.number {
            Number::Make(Some(key)) => {
                let number = number::of_refund(&of, &key).parse();
                (number.expect("a made number is well-formed"), Some(key))
            }
            other @ (Number::Chosen(_) | Number::Make(None)) => filled(other, asked.at)?,
        };
        let NewRefund { order_no, amount, reason, asked_by, by_admin, .. } = new;
        let refunds_open = self.transfers_open;
        let request = RequestRefund {
            refund_no,
            idempotency_key,
            order_no,
            amount,
            reason,
            asked_by,
            refunds_open,
            by_admin,
        };
        let made = refund(self.ask(of, Command::RequestRefund(request), asked).await?)?;
        self.hint_at_refund(of, &made.thing);
        Ok(made)
    }

    /// Begins another try to refund, as it was read: refused when a try has begun since.
    pub async fn start_refund(
        &self,
        of: MerchantId,
        read: &Refund,
        now: At,
    ) -> Result<Refund, EngineError> {
        let Refund { refund_no, order_no, tried_at: last_try, .. } = *read;
        let start = StartRefund { refund_no, order_no, last_try };
        Ok(refund(self.ask(of, Command::StartRefund(start), now).await?)?.thing)
    }

    /// Records how a refund stands at the channel.
    pub async fn record_refund(
        &self,
        of: MerchantId,
        read: &Refund,
        outcome: RefundOutcome,
        now: At,
    ) -> Result<Refund, EngineError> {
        let Refund { refund_no, order_no, .. } = *read;
        let record = RecordRefund { refund_no, order_no, outcome };
        Ok(refund(self.ask(of, Command::RecordRefund(record), now).await?)?.thing)
    }

    /// Records that somebody told of a refund that Tally did not ask for. It is asked about.
    pub async fn notice_refund(
        &self,
        of: MerchantId,
        notice: NoticeRefund,
        now: At,
    ) -> Result<Refund, EngineError> {
        let noticed = refund(self.ask(of, Command::NoticeRefund(notice), now).await?)?.thing;
        self.hint_at_refund(of, &noticed);
        Ok(noticed)
    }

    /// Has a refund looked at at once, unless it is over: it was just asked for, or somebody told of it.
    pub fn hint_at_refund(&self, of: MerchantId, refund: &Refund) {
        if !refund.status.is_final() {
            self.refunds.hint(of, refund.refund_no);
        }
    }

    /// Refunds to be looked at at once.
    pub(crate) fn refund_hints(&self) -> &Hints {
        &self.refunds
    }
}
