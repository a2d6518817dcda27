//! The engine's port to a payment channel, spoken through the WeChat client. Nothing is decided here: words of the protocol
//! become words of the port.

mod refunds;

use std::net::IpAddr;

use tally_actors::domain::channel_no::{out_trade_no, transfer_no};
use tally_actors::domain::ids::{MerchantId, OrderNo, TransactionId, WithdrawalNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::order::{Channel, Order};
use tally_actors::domain::refund::Refund;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::gateway::{
    Announced, ChannelOrder, ChannelPayment, ChannelRefund, Closing, Gateway, RefundSent,
    RefundStanding, Sent, TransferStanding,
};
use tally_actors::ports::Answering;
use tally_wechat::close_order::CloseRefusal;
use tally_wechat::errors::FieldFault;
use tally_wechat::order_query::{OrderState, QueryRefusal};
use tally_wechat::pay_params::PayParams;
use tally_wechat::payment::Payment;
use tally_wechat::transfer::{NewTransfer, Transfer, TransferRefusal, TransferState};
use tally_wechat::unified_order::{NewOrder, OrderRefusal, UnifiedOrder};
use tally_wechat::{Client, Outcome, SignType};

use crate::settings::PublicUrl;

/// What the payee of a transfer sees. It never changes, as a repeat must be the same in every field.
const TRANSFER_DESC: &str = "提现";

/// The field that is not kept with an order's request but made of its number each time, by a function that never changes: the
/// number may be the engine's to choose.
const NUMBER: &str = "out_trade_no";

/// Stands for the number while a request is checked.
const ANY_NUMBER: &str = "merchant-order";

/// WeChat, as the engine sees it.
pub(crate) struct WechatGateway {
    client: Client,
    public_url: PublicUrl,
}

/// What an order's request to WeChat is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Who pays.
    pub(crate) openid: &'a str,
    /// How much.
    pub(crate) amount: Money,
    /// For what.
    pub(crate) description: &'a str,
    /// Whose address the payment comes from.
    pub(crate) payer_ip: IpAddr,
    /// From when on.
    pub(crate) now: At,
    /// Until when.
    pub(crate) expires_at: At,
}

impl WechatGateway {
    /// Speaks through this client; notices are to come to this URL.
    pub(crate) fn new(client: Client, public_url: PublicUrl) -> Self {
        Self { client, public_url }
    }

    /// The client, for what is not about orders: logins, profiles, notices.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The channel of a new order. Its request is worked out here, once, and kept with the order: WeChat takes a repeat only when
    /// nothing in it changed.
    pub(crate) fn channel(
        &self,
        of: MerchantId,
        wanted: Wanted<'_>,
    ) -> Result<Channel, FieldFault> {
        let request = UnifiedOrder::new(NewOrder {
            out_trade_no: ANY_NUMBER,
            body: wanted.description,
            total_fee: wanted.amount.fen(),
            payer_ip: wanted.payer_ip,
            openid: wanted.openid,
            notify_url: &self.public_url.join(&format!("/notify/{of}/payment")),
            starts_at_ms: wanted.now.ms(),
            expires_at_ms: wanted.expires_at.ms(),
            sign_type: self.client.config().sign_type,
        })?;
        let fields = request.fields().iter().filter(|(name, _)| *name != NUMBER);
        Ok(Channel::Wechat {
            openid: wanted.openid.into(),
            request: fields.map(|(name, value)| (name.into(), value.into())).collect(),
        })
    }

    /// What the page pays an order with.
    pub(crate) fn pay_params(&self, order: &Order, prepay_id: &str, now: At) -> PayParams {
        let sign_type = sign_type(&order.channel).unwrap_or(self.client.config().sign_type);
        self.client.pay_params(prepay_id, sign_type, now.ms())
    }

    async fn announced(&self, of: MerchantId, order: &Order) -> Announced {
        let Some(request) = request(of, order) else {
            return Announced::Refused("the order is not one of WeChat's".into());
        };
        match self.client.unified_order(&request).await {
            Outcome::Done(prepaid) => Announced::Prepaid(prepaid.prepay_id.into()),
            Outcome::Refused(OrderRefusal::Paid(_)) => Announced::Paid,
            Outcome::Refused(OrderRefusal::Closed(_)) => Announced::Closed,
            Outcome::Refused(refusal @ OrderRefusal::Configuration(_)) => {
                tracing::error!(%refusal, "WeChat takes no orders");
                Announced::Refused(refusal.to_string().into())
            }
            Outcome::Refused(
                refusal @ (OrderRefusal::NumberUsed(_)
                | OrderRefusal::Differs(_)
                | OrderRefusal::PayerShort(_)),
            ) => Announced::Refused(refusal.to_string().into()),
            Outcome::Unknown(doubt) => Announced::Unknown(doubt.to_string().into()),
        }
    }

    async fn standing(&self, of: MerchantId, order_no: OrderNo) -> ChannelOrder {
        match self.client.order_query(&out_trade_no(&of, &order_no)).await {
            Outcome::Done(OrderState::Paid(payment) | OrderState::PaidAndRefunded(payment)) => {
                channel_payment(&payment).map_or_else(
                    |what| ChannelOrder::Unknown(format!("its payment has a bad {what}").into()),
                    ChannelOrder::Paid,
                )
            }
            Outcome::Done(OrderState::NotPaid | OrderState::Paying | OrderState::PayError) => {
                ChannelOrder::NotPaid
            }
            Outcome::Done(OrderState::Closed | OrderState::Revoked) => ChannelOrder::Closed,
            Outcome::Refused(QueryRefusal::NotFound(_)) => ChannelOrder::Missing,
            Outcome::Refused(refusal @ QueryRefusal::Configuration(_)) => {
                tracing::error!(%refusal, "WeChat tells of no orders");
                ChannelOrder::Unknown(refusal.to_string().into())
            }
            Outcome::Unknown(doubt) => ChannelOrder::Unknown(doubt.to_string().into()),
        }
    }

    async fn closed(&self, of: MerchantId, order_no: OrderNo) -> Closing {
        match self.client.close_order(&out_trade_no(&of, &order_no)).await {
            Outcome::Done(_) => Closing::Closed,
            Outcome::Refused(CloseRefusal::Paid(_)) => Closing::Paid,
            Outcome::Refused(CloseRefusal::NotNow(_)) => Closing::TooEarly,
            // Not closed: a first announcement may still be on its way there.
            Outcome::Refused(refusal @ CloseRefusal::NotFound(_)) => {
                Closing::Unknown(refusal.to_string().into())
            }
            Outcome::Refused(refusal @ CloseRefusal::Configuration(_)) => {
                tracing::error!(%refusal, "WeChat closes no orders");
                Closing::Unknown(refusal.to_string().into())
            }
            Outcome::Unknown(doubt) => Closing::Unknown(doubt.to_string().into()),
        }
    }

    async fn sent(&self, of: MerchantId, withdrawal: &Withdrawal) -> Sent {
        let transfer = Transfer::new(NewTransfer {
            partner_trade_no: &transfer_no(&of, &withdrawal.withdrawal_no),
            openid: withdrawal.payout_openid.as_deref().unwrap_or_default(),
            amount: withdrawal.amount.fen(),
            desc: TRANSFER_DESC,
            real_name: withdrawal.payout_name.as_deref(),
        });
        let transfer = match transfer {
            Ok(transfer) => transfer,
            Err(fault) => return Sent::Refused(format!("not sent: {fault}").into()),
        };
        match self.client.transfer(&transfer).await {
            Outcome::Done(done) => Sent::Paid(done.payment_no.into()),
            Outcome::Refused(refusal @ TransferRefusal::Later(_)) => {
                Sent::Refused(refusal.to_string().into())
            }
            Outcome::Refused(
                refusal @ (TransferRefusal::Person(_) | TransferRefusal::CertificateMissing),
            ) => {
                tracing::error!(merchant = %of, withdrawal_no = %withdrawal.withdrawal_no, %refusal, "a transfer was refused");
                Sent::Refused(refusal.to_string().into())
            }
            Outcome::Unknown(doubt) => Sent::Unknown(doubt.to_string().into()),
        }
    }

    async fn transfer_state(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
    ) -> TransferStanding {
        match self.client.transfer_query(&transfer_no(&of, &withdrawal_no)).await {
            Outcome::Done(TransferState::Succeeded { amount, payment_no, .. }) => {
                match Money::from_fen(amount) {
                    Some(amount) => TransferStanding::Paid { reference: payment_no.into(), amount },
                    None => TransferStanding::Unknown("its amount is impossible".into()),
                }
            }
            Outcome::Done(TransferState::Failed { reason }) => {
                TransferStanding::Failed(reason.to_string().into())
            }
            Outcome::Done(TransferState::Processing) => TransferStanding::Processing,
            Outcome::Done(TransferState::NotFound) => TransferStanding::Missing,
            Outcome::Refused(refusal) => TransferStanding::Unknown(refusal.to_string().into()),
            Outcome::Unknown(doubt) => TransferStanding::Unknown(doubt.to_string().into()),
        }
    }
}

impl Gateway for WechatGateway {
    fn announce<'a>(&'a self, of: MerchantId, order: &'a Order) -> Answering<'a, Announced> {
        Box::pin(self.announced(of, order))
    }

    fn order(&self, of: MerchantId, order_no: OrderNo) -> Answering<'_, ChannelOrder> {
        Box::pin(self.standing(of, order_no))
    }

    fn close(&self, of: MerchantId, order_no: OrderNo) -> Answering<'_, Closing> {
        Box::pin(self.closed(of, order_no))
    }

    fn can_transfer(&self) -> bool {
        self.client.config().can_transfer()
    }

    fn transfer<'a>(&'a self, of: MerchantId, withdrawal: &'a Withdrawal) -> Answering<'a, Sent> {
        Box::pin(self.sent(of, withdrawal))
    }

    fn transfer_standing(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
    ) -> Answering<'_, TransferStanding> {
        Box::pin(self.transfer_state(of, withdrawal_no))
    }

    fn refund<'a>(&'a self, of: MerchantId, refund: &'a Refund) -> Answering<'a, RefundSent> {
        Box::pin(self.refund_sent(of, refund))
    }

    fn refund_standing<'a>(
        &'a self,
        of: MerchantId,
        refund: &'a Refund,
    ) -> Answering<'a, RefundStanding> {
        Box::pin(self.refund_state(of, refund))
    }

    fn refunds_of(
        &self,
        payment: TransactionId,
    ) -> Answering<'_, Result<Vec<ChannelRefund>, Box<str>>> {
        Box::pin(self.refunds_told(payment))
    }
}

/// The algorithm that an order was announced with, for all that follows; `None` for one that WeChat knows nothing of.
pub(crate) fn sign_type(channel: &Channel) -> Option<SignType> {
    channel.sign_type()?.parse().ok()
}

/// A payment in the engine's words. One in another currency brought no fen, so it fits no order and becomes a case.
///
/// # Errors
///
/// The field that can't be as it is.
pub(crate) fn channel_payment(payment: &Payment) -> Result<ChannelPayment, &'static str> {
    let transaction_id = payment.transaction_id.parse().map_err(|_| "transaction_id")?;
    let paid_at = At::from_ms(payment.time_end_ms);
    let openid = payment.openid.as_deref().map(Into::into);
    if !payment.is_cny() {
        let (amount, booked) = (Money::ZERO, Money::ZERO);
        tracing::error!(%transaction_id, fen = payment.total_fee, "a payment in another currency than CNY");
        return Ok(ChannelPayment { transaction_id, amount, booked, paid_at, openid });
    }
    Ok(ChannelPayment {
        transaction_id,
        amount: Money::from_fen(payment.total_fee).ok_or("total_fee")?,
        booked: Money::from_fen(payment.booked_fee()).ok_or("settlement_total_fee")?,
        paid_at,
        openid,
    })
}

/// The request of an order as it was first sent.
fn request(of: MerchantId, order: &Order) -> Option<UnifiedOrder> {
    let Channel::Wechat { request, .. } = &order.channel else { return None };
    let fields = request.iter().map(|(name, value)| (name.to_string(), (&**value).into()));
    let number = (NUMBER.to_owned(), out_trade_no(&of, &order.order_no).into());
    let fields = fields.chain([number]).collect();
    serde_json::from_value(serde_json::Value::Object(fields)).ok()
}
