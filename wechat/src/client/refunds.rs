//! The client's calls about refunds.

use super::Client;
use crate::errors::Outcome;
use crate::refund::{self, Refund, RefundRefusal, RefundTaken};
use crate::refund_notice::{RefundHint, RefundNoticeFault};
use crate::refund_query::{self, RefundFound, RefundQueryRefusal, RefundsTold};

impl Client {
    /// `refund`, the first time and every time after. Taken is not done.
    pub async fn refund(&self, refund: &Refund) -> Outcome<RefundTaken, RefundRefusal> {
        if !self.config.can_transfer() {
            return Outcome::Refused(RefundRefusal::CertificateMissing);
        }
        let fields = self.common(refund.fields().clone());
        match self.post_signed("/secapi/pay/refund", fields, refund.sign_type()).await {
            Ok(answer) => refund::outcome(answer, refund),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// `refundquery`, by our number of the refund.
    pub async fn refund_query(
        &self,
        out_refund_no: &str,
    ) -> Outcome<RefundFound, RefundQueryRefusal> {
        let fields = self.typed(refund_query::request(out_refund_no));
        match self.post_signed("/pay/refundquery", fields, self.config.sign_type).await {
            Ok(answer) => refund_query::outcome(answer, out_refund_no),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// `refundquery`, by WeChat's number of the payment: at most ten of its refunds, from `offset` on.
    pub async fn order_refunds(
        &self,
        transaction_id: &str,
        offset: u64,
    ) -> Outcome<RefundsTold, RefundQueryRefusal> {
        let fields = self.typed(refund_query::order_request(transaction_id, offset));
        match self.post_signed("/pay/refundquery", fields, self.config.sign_type).await {
            Ok(answer) => refund_query::order_outcome(answer, transaction_id, offset),
            Err(doubt) => Outcome::Unknown(doubt),
        }
    }

    /// Decrypts and reads a refund notice. It is a hint, to be confirmed by [`Client::refund_query`].
    ///
    /// # Errors
    ///
    /// [`RefundNoticeFault`]: then it hints at nothing.
    pub fn refund_notice(&self, body: &[u8]) -> Result<RefundHint, RefundNoticeFault> {
        RefundHint::read(body, &self.config.keys)
    }
}
