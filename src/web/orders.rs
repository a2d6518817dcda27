//! Orders: opened, paid, closed, and looked at.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::command::{Asked, Pay};
use tally_actors::domain::event::PaymentSource;
use tally_actors::domain::ids::{MerchantId, OrderNo, SettlementNo, TransactionId};
use tally_actors::domain::money::{Balance, Money};
use tally_actors::domain::order::{Channel, ORDER_MAX, Order, OrderStatus};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::{At, Day};
use tally_actors::engine::NewOrder;
use tally_actors::error::EngineError;
use tally_actors::ports::{ListedOrder, OrderFilter};
use tally_wechat::errors::FieldFault;
use tally_wechat::limits::OPENID_BYTES_MAX;
use tally_wechat::pay_params::PayParams;

use super::auth::{AdminOf, Party};
use super::body::{Body, Choice, Fen};
use super::client_ip::client_ip;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Plain, made, number, ok, part};
use crate::limits::{DESCRIPTION_BYTES_MAX, PAID_AT_AHEAD_MAX};
use crate::service::Service;
use crate::wechat_gateway::Wanted;

/// An order to open.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    order_no: Option<OrderNo>,
    amount_fen: Fen,
    description: Plain,
    #[serde(default)]
    channel: Choice<ChannelName>,
    openid: Option<Box<str>>,
    client_ip: Option<IpAddr>,
}

/// Where the money is to come from.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChannelName {
    #[default]
    Wechat,
    External,
}

/// A payment that came another way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paid {
    transaction_id: TransactionId,
    amount_fen: Fen,
    paid_at: Option<At>,
}

/// A call without anything to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// An order as the API shows it. What only a paid order has is null before.
#[derive(Serialize)]
pub(crate) struct OrderView {
    order_no: OrderNo,
    out_trade_no: String,
    amount_fen: Money,
    description: Box<str>,
    channel: &'static str,
    status: OrderStatus,
    opened_at: At,
    expires_at: At,
    closed_at: Option<At>,
    paid_seq: Option<u64>,
    paid_at: Option<At>,
    transaction_id: Option<TransactionId>,
    booked_fen: Option<Money>,
    fee_fen: Option<Money>,
    refunded_fen: Money,
    settle_on: Option<Day>,
    settlement_no: Option<SettlementNo>,
    /// What that settlement paid for it. Refunds that came later are not in it.
    settled_fen: Option<Balance>,
}

/// An order that was opened, with what `wx.requestPayment` needs while it can be paid.
#[derive(Serialize)]
struct Opened {
    #[serde(flatten)]
    order: OrderView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_params: Option<PayParams>,
}

/// `POST /v1/merchants/{merchant_id}/orders`
pub(crate) async fn open(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Open>,
) -> Answer {
    let new = body.0.new_order(of.merchant, &service, &request)?;
    let opened =
        service.write(service.cashier.open(of.merchant, new, Some(of.caller.key_id))).await?;
    let (order, fresh) = (opened.order.thing, opened.order.fresh);
    let now = service.now();
    let pay_params = opened.prepay_id.map(|id| service.gateway.pay_params(&order, &id, now));
    let order = as_it_is(&service, of.merchant, order).await?;
    made(fresh, Opened { order, pay_params })
}

/// `POST /v1/merchants/{merchant_id}/orders/{order_no}/paid`
pub(crate) async fn paid(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Paid>,
) -> Answer {
    let now = service.now();
    let known_time = body.0.paid_at.is_some();
    let pay = body.0.pay(part(&request, "order_no")?, now)?;
    let asked = Asked::new(now, Some(of.key_id));
    let (_, order) = service.write(service.engine.pay(of.merchant, pay, asked)).await?;
    let Some(order) = order else {
        tracing::error!("a payment by hand without an order");
        return Err(EngineError::OutcomeUnknown.into());
    };
    // A payment with this message's own time is this message's: it is in no settlement yet.
    if !known_time && order.payment.as_ref().is_some_and(|payment| payment.paid_at == now) {
        return ok(OrderView::of(of.merchant, ListedOrder { order, settlement_no: None }));
    }
    ok(as_it_is(&service, of.merchant, order).await?)
}

/// `POST /v1/merchants/{merchant_id}/orders/{order_no}/close`
pub(crate) async fn close(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
    _: Body<Nothing>,
) -> Answer {
    let order_no = part(&request, "order_no")?;
    let closed =
        service.write(service.cashier.close(of.merchant, order_no, Some(of.caller.key_id))).await?;
    let order =
        OrderView::of(of.merchant, ListedOrder { order: closed.order, settlement_no: None });
    if closed.accepted_only {
        return Ok(HttpResponse::Accepted().json(order));
    }
    ok(order)
}

/// `GET /v1/merchants/{merchant_id}/orders`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    let status = query.order_status()?;
    let filter = OrderFilter { status, from: query.shaped("from")?, to: query.shaped("to")? };
    query.end()?;
    service.must_know(of.merchant).await?;
    let part = service.stored(move |store| store.orders(of.merchant, filter, page)).await?;
    ok(List::of(part, |listed| OrderView::of(of.merchant, listed)))
}

/// `GET /v1/merchants/{merchant_id}/orders/{order_no}`
pub(crate) async fn get(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let order_no = part(&request, "order_no")?;
    match service.single(move |store| store.order(of.merchant, order_no)).await? {
        Some(listed) => ok(OrderView::of(of.merchant, listed)),
        None => {
            service.must_know(of.merchant).await?;
            Err(ApiError::refused(Refusal::OrderUnknown))
        }
    }
}

/// An order that a call was about, with its settlement. The call is done, so where that can't be read the answer is that
/// nobody knows, and asking again with the same number finds out.
async fn as_it_is(service: &Service, of: MerchantId, order: Order) -> Result<OrderView, ApiError> {
    if order.payment.is_none() {
        return Ok(OrderView::of(of, ListedOrder { order, settlement_no: None }));
    }
    match service.single(move |store| store.order(of, order.order_no)).await {
        Ok(Some(listed)) => Ok(OrderView::of(of, listed)),
        Ok(None) | Err(_) => Err(EngineError::OutcomeUnknown.into()),
    }
}

impl Open {
    fn new_order(
        self,
        of: MerchantId,
        service: &Service,
        request: &HttpRequest,
    ) -> Result<NewOrder, ApiError> {
        let number = number(request, self.order_no)?;
        let now = service.now();
        let expires_at = now.plus_ms(service.order_ms);
        let amount = self.amount_fen.money("amount_fen")?;
        if !(1..=DESCRIPTION_BYTES_MAX).contains(&self.description.0.len()) {
            return Err(ApiError::invalid("description", "must be 1 to 127 bytes of UTF-8"));
        }
        let channel = match self.channel.0 {
            ChannelName::External => self.external()?,
            ChannelName::Wechat => {
                order_amount(amount)?;
                let wanted = Wanted {
                    openid: self.openid()?,
                    amount,
                    description: &self.description.0,
                    payer_ip: self
                        .client_ip
                        .unwrap_or_else(|| client_ip(request, &service.proxies)),
                    now,
                    expires_at,
                };
                service.gateway.channel(of, wanted).map_err(not_for_wechat)?
            }
        };
        Ok(NewOrder { number, amount, description: self.description.0, channel, expires_at })
    }

    fn external(&self) -> Result<Channel, ApiError> {
        let given = [("openid", self.openid.is_some()), ("client_ip", self.client_ip.is_some())];
        match given.iter().find(|(_, given)| *given) {
            Some((field, _)) => Err(ApiError::invalid(*field, "is for channel \"wechat\" only")),
            None => Ok(Channel::External),
        }
    }

    fn openid(&self) -> Result<&str, ApiError> {
        let openid = self.openid.as_deref().ok_or_else(|| {
            ApiError::invalid("openid", "is missing; channel \"wechat\" needs it")
        })?;
        let well_formed = (1..=OPENID_BYTES_MAX).contains(&openid.len())
            && openid.bytes().all(|byte| byte.is_ascii_graphic());
        if well_formed {
            return Ok(openid);
        }
        Err(ApiError::invalid("openid", "must be 1 to 128 printable ASCII characters"))
    }
}

/// The engine's own rule, asked before a request to WeChat is made of the amount.
fn order_amount(amount: Money) -> Result<(), ApiError> {
    let (min, max) = (Money::from_fen(1).expect("a small amount"), ORDER_MAX);
    if (min..=max).contains(&amount) {
        return Ok(());
    }
    Err(ApiError::refused(Refusal::AmountInvalid { min, max }))
}

/// The caller's own fields are named; what else WeChat would not take is a matter of the settings.
fn not_for_wechat(fault: FieldFault) -> ApiError {
    if fault.field == "body" {
        return ApiError::invalid("description", fault.wanted);
    }
    tracing::error!(%fault, "an order can't be announced");
    EngineError::Unavailable(fault.to_string()).into()
}

impl Paid {
    fn pay(self, order_no: OrderNo, now: At) -> Result<Pay, ApiError> {
        let paid_at = self.paid_at.unwrap_or(now);
        let ahead_ms = i64::try_from(PAID_AT_AHEAD_MAX.as_millis()).unwrap_or(i64::MAX);
        if paid_at > now.plus_ms(ahead_ms) {
            return Err(ApiError::invalid("paid_at", "must not be in the future"));
        }
        let amount = self.amount_fen.money("amount_fen")?;
        Ok(Pay {
            order_no,
            transaction_id: self.transaction_id,
            amount,
            booked: amount,
            paid_at,
            source: PaymentSource::Hand,
            signed: None,
        })
    }
}

impl OrderView {
    /// The order with its settlement.
    pub(crate) fn of(merchant: MerchantId, listed: ListedOrder) -> Self {
        let ListedOrder { order, settlement_no } = listed;
        let payment = order.payment.as_ref();
        Self {
            order_no: order.order_no,
            out_trade_no: format!("{merchant}-{}", order.order_no),
            amount_fen: order.amount,
            channel: match order.channel {
                Channel::External => "external",
                Channel::Wechat { .. } => "wechat",
            },
            status: order.status,
            opened_at: order.opened_at,
            expires_at: order.expires_at,
            closed_at: order.closed_at,
            paid_seq: payment.map(|payment| payment.paid_seq),
            paid_at: payment.map(|payment| payment.paid_at),
            transaction_id: payment.map(|payment| payment.transaction_id),
            booked_fen: payment.map(|payment| payment.booked),
            fee_fen: payment.map(|_| order.fee()),
            refunded_fen: order.refunded,
            settle_on: payment.and_then(|payment| payment.settle_on),
            settled_fen: settlement_no.and_then(|_| order.settled()),
            description: order.description,
            settlement_no,
        }
    }
}
