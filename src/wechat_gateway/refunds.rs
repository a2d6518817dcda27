//! Refunds, from the words of the port to those of the protocol and back.

use tally_actors::domain::channel_no::out_refund_no;
use tally_actors::domain::ids::{MerchantId, TransactionId};
use tally_actors::domain::money::Money;
use tally_actors::domain::refund::Refund;
use tally_actors::gateway::{ChannelRefund, RefundSent, RefundStanding};
use tally_wechat::Outcome;
use tally_wechat::refund::{NewRefund, Refund as Request, RefundRefusal};
use tally_wechat::refund_query::{RefundFound, RefundQueryRefusal, RefundState};

use super::WechatGateway;

impl WechatGateway {
    /// The request is made anew each time: of what the refund fixed when it was asked for, and of settings. Where those changed
    /// in between, WeChat refuses the repeat of a refund that it has, and tells of it when it is asked.
    pub(super) async fn refund_sent(&self, of: MerchantId, refund: &Refund) -> RefundSent {
        let request = Request::new(NewRefund {
            transaction_id: refund.transaction_id.as_str(),
            out_refund_no: &out_refund_no(&of, &refund.refund_no),
            total_fee: refund.total.fen(),
            refund_fee: refund.amount.fen(),
            desc: Some(&*refund.reason).filter(|reason| !reason.is_empty()),
            notify_url: &self.public_url.join(&format!("/notify/{of}/refund")),
            sign_type: self.client.config().sign_type,
        });
        let request = match request {
            Ok(request) => request,
            Err(fault) => return RefundSent::Refused(format!("not sent: {fault}").into()),
        };
        match self.client.refund(&request).await {
            Outcome::Done(_) => RefundSent::Taken,
            Outcome::Refused(refusal @ (RefundRefusal::NoMoney(_) | RefundRefusal::Later(_))) => {
                RefundSent::Later(refusal.to_string().into())
            }
            Outcome::Refused(
                refusal @ (RefundRefusal::Final(_)
                | RefundRefusal::Person(_)
                | RefundRefusal::CertificateMissing),
            ) => {
                let refund_no = refund.refund_no;
                tracing::error!(merchant = %of, %refund_no, %refusal, "a refund was refused");
                RefundSent::Refused(refusal.to_string().into())
            }
            Outcome::Unknown(doubt) => RefundSent::Unknown(doubt.to_string().into()),
        }
    }

    pub(super) async fn refund_state(&self, of: MerchantId, refund: &Refund) -> RefundStanding {
        let ours = out_refund_no(&of, &refund.refund_no);
        let number = refund.by_hand.as_deref().unwrap_or(&ours);
        match self.client.refund_query(number).await {
            Outcome::Done(found) if found.transaction_id != refund.transaction_id.as_str() => {
                RefundStanding::Unknown(
                    "WeChat has a refund of another payment by this number".into(),
                )
            }
            Outcome::Done(found) => standing(&found),
            Outcome::Refused(RefundQueryRefusal::NotFound(_)) => RefundStanding::Missing,
            Outcome::Refused(refusal @ RefundQueryRefusal::Configuration(_)) => {
                tracing::error!(%refusal, "WeChat tells of no refunds");
                RefundStanding::Unknown(refusal.to_string().into())
            }
            Outcome::Unknown(doubt) => RefundStanding::Unknown(doubt.to_string().into()),
        }
    }

    pub(super) async fn refunds_told(
        &self,
        payment: TransactionId,
    ) -> Result<Vec<ChannelRefund>, Box<str>> {
        let (mut told, mut offset) = (vec![], 0);
        for _ in 0..PARTS_MAX {
            let part = match self.client.order_refunds(payment.as_str(), offset).await {
                Outcome::Done(part) => part,
                Outcome::Refused(RefundQueryRefusal::NotFound(_)) => return Ok(told),
                Outcome::Refused(refusal @ RefundQueryRefusal::Configuration(_)) => {
                    return Err(refusal.to_string().into());
                }
                Outcome::Unknown(doubt) => return Err(doubt.to_string().into()),
            };
            for one in part.refunds.iter().filter(|one| one.state != RefundState::Closed) {
                told.push(ChannelRefund {
                    out_refund_no: one.out_refund_no.as_str().into(),
                    refund_id: one.refund_id.as_str().into(),
                    amount: Money::from_fen(one.refund_fee).ok_or("its amount is impossible")?,
                });
            }
            match part.next_offset {
                Some(next) => offset = next,
                None => return Ok(told),
            }
        }
        Err("WeChat tells of more refunds than it takes".into())
    }
}

/// Refunds that WeChat takes of one payment, ten at a time.
const PARTS_MAX: usize = 5;

fn standing(found: &RefundFound) -> RefundStanding {
    let impossible = || RefundStanding::Unknown("its amount is impossible".into());
    match found.state {
        RefundState::Success => {
            let Some(amount) = Money::from_fen(found.refund_fee) else { return impossible() };
            let booked = match found.settlement_refund_fee.map(Money::from_fen) {
                Some(None) => return impossible(),
                Some(booked) => booked,
                None => None,
            };
            let refund_id = found.refund_id.as_str().into();
            RefundStanding::Succeeded { refund_id, amount, booked }
        }
        RefundState::Closed => RefundStanding::Closed("WeChat closed the refund".into()),
        RefundState::Processing => RefundStanding::Processing,
        RefundState::Change => RefundStanding::Stuck(
            "the customer's card is gone and the money is in WeChat's merchant account again: pay it back by other means"
                .into(),
        ),
    }
}
