//! The mini-program's calls (`api.md` 1): log in, hand over the profile, pay, look at the order.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::{Value, json};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::number;
use tally_actors::domain::order::{Channel, Order, OrderStatus};
use tally_actors::domain::time::At;
use tally_actors::engine::{NewOrder, Number};
use tally_wechat::errors::FieldFault;
use tally_wechat::pay_params::PayParams;
use tally_wechat::profile::Sealed;

use super::client_ip::client_ip;
use super::fault::{Fault, Reply, done};
use super::form::Form;
use crate::limits::{ANSWER_WAIT_MAX, DESCRIPTION_BYTES_MAX, LOOK_UP_WAIT_MAX};
use crate::logins::LoggedIn;
use crate::service::Service;
use crate::sessions::Customer;
use crate::wechat_gateway::Wanted;

/// What is sold, where the page does not say.
const DESCRIPTION: &str = "小程序订单";

/// What `wx.requestPayment` needs, and the number to look at the order with.
#[derive(Serialize)]
struct ToPay {
    #[serde(flatten)]
    params: PayParams,
    order_no: OrderNo,
}

/// `POST /login/`
pub(crate) async fn log_in(service: web::Data<Service>, form: Form) -> Reply {
    let code = form.text("code")?.to_owned();
    let asked = service.logins.log_in(code);
    let logged_in = within(ANSWER_WAIT_MAX, asked).await.unwrap_or(LoggedIn::NotNow);
    match logged_in {
        LoggedIn::Token(token) => done(json!({"token": token})),
        LoggedIn::CodeRefused => Err(Fault::LoginCode),
        LoggedIn::NotNow => Err(Fault::Busy(None)),
    }
}

/// `POST /getinfo/`
pub(crate) async fn profile(service: web::Data<Service>, form: Form) -> Reply {
    form.require(&["iv", "encryptedData", "token"])?;
    let now = service.now();
    let customer = customer(&service, &form, now).await?;
    let sealed = Sealed { iv: form.text("iv")?, encrypted_data: form.text("encryptedData")? };
    let client = service.gateway.client();
    let profile =
        client.profile(&customer.session_key, sealed, &customer.openid).map_err(|fault| {
            tracing::info!(%fault, "a profile was refused");
            Fault::Profile
        })?;
    let profile = Value::Object(profile.into_json());
    let kept = service.keep_profile(&customer.openid, &profile, now).await;
    kept.map_err(|_| Fault::Busy(None))?;
    done(profile)
}

/// `POST /pay/`
pub(crate) async fn pay(service: web::Data<Service>, request: HttpRequest, form: Form) -> Reply {
    form.require(&["money", "token"])?;
    let now = service.now();
    let customer = customer(&service, &form, now).await?;
    let purchase = Purchase::read(&form, now, service.default_merchant)?;
    let Purchase { merchant, order_no, .. } = purchase;
    let payer_ip = client_ip(&request, &service.proxies);
    let new = purchase.new_order(&service, (&customer, payer_ip), now)?;
    let opened = service.write(service.cashier.open(merchant, new, None)).await;
    let payable = opened.map_err(|error| Fault::about_order(error, order_no))?;
    let order = payable.order.thing;
    let prepay_id = payable.prepay_id.ok_or(Fault::not_payable(order.status))?;
    let params = service.gateway.pay_params(&order, &prepay_id, service.now());
    done(ToPay { params, order_no })
}

/// `POST /order/`
pub(crate) async fn order(service: web::Data<Service>, form: Form) -> Reply {
    form.require(&["token", "order_no"])?;
    let customer = customer(&service, &form, service.now()).await?;
    let merchant = form.shaped("merchant_id")?.unwrap_or(service.default_merchant);
    let order_no = form.shaped("order_no")?.ok_or(Fault::Missing("order_no"))?;
    let order = own_order(&service, &customer, merchant, order_no).await?;
    let order = as_wechat_has_it(&service, merchant, order).await;
    done(json!({
        "order_no": order_no,
        "status": order.status,
        "amount_fen": order.amount,
    }))
}

/// Who shows the token. Where nobody can know now, the page is told to come again, with the order's number if it gave one.
async fn customer(service: &Service, form: &Form, now: At) -> Result<Customer, Fault> {
    match service.sessions.customer(form.text("token")?, now).await {
        Ok(customer) => customer.ok_or(Fault::Token),
        Err(_) => Err(Fault::Busy(form.shaped("order_no").unwrap_or_default())),
    }
}

/// What a page wants to buy.
struct Purchase<'a> {
    merchant: MerchantId,
    order_no: OrderNo,
    amount: Money,
    description: &'a str,
}

impl<'a> Purchase<'a> {
    fn read(form: &'a Form, now: At, default: MerchantId) -> Result<Self, Fault> {
        let description = form.text_if_there("body")?.unwrap_or(DESCRIPTION);
        if description.len() > DESCRIPTION_BYTES_MAX {
            return Err(Fault::malformed("body", "最多 127 字节（UTF-8）"));
        }
        let order_no = match form.shaped("order_no")? {
            Some(order_no) => order_no,
            None => made_number(now)?,
        };
        Ok(Self {
            merchant: form.shaped("merchant_id")?.unwrap_or(default),
            order_no,
            amount: form.fen("money")?,
            description,
        })
    }

    fn new_order(
        &self,
        service: &Service,
        (customer, payer_ip): (&Customer, IpAddr),
        now: At,
    ) -> Result<NewOrder, Fault> {
        let expires_at = now.plus_ms(service.order_ms);
        let wanted = Wanted {
            openid: &customer.openid,
            amount: self.amount,
            description: self.description,
            payer_ip,
            now,
            expires_at,
        };
        let channel = service.gateway.channel(self.merchant, wanted).map_err(not_for_wechat)?;
        Ok(NewOrder {
            number: Number::Chosen(self.order_no),
            amount: self.amount,
            description: self.description.into(),
            channel,
            expires_at,
        })
    }
}

/// A number for an order whose page chose none.
fn made_number(now: At) -> Result<OrderNo, Fault> {
    let random = getrandom::u64().map_err(|_| Fault::Busy(None))?;
    Ok(number::make(now, random).parse().expect("a made number is an order number"))
}

/// The page's own fields are named; what else WeChat would not take is a matter of the settings.
fn not_for_wechat(fault: FieldFault) -> Fault {
    if fault.field == "body" {
        return Fault::malformed("body", "须为 1 到 127 字节（UTF-8），不含控制字符");
    }
    tracing::error!(%fault, "an order can't be announced");
    Fault::Busy(None)
}

/// An order, if it is this customer's.
async fn own_order(
    service: &Service,
    customer: &Customer,
    merchant: MerchantId,
    order_no: OrderNo,
) -> Result<Order, Fault> {
    let about = |error| Fault::about_order(error, order_no);
    let found =
        service.stored(move |store| store.order(merchant, order_no)).await.map_err(about)?;
    let Some(listed) = found else {
        service.must_know(merchant).await.map_err(about)?;
        return Err(Fault::OrderUnknown);
    };
    match &listed.order.channel {
        Channel::Wechat { openid, .. } if **openid == *customer.openid => Ok(listed.order),
        Channel::Wechat { .. } | Channel::External => Err(Fault::OrderUnknown),
    }
}

/// The order after a look-up at WeChat, where one is due and answered in time; else as it is known here.
async fn as_wechat_has_it(service: &Service, merchant: MerchantId, order: Order) -> Order {
    let order_no = order.order_no;
    let open = order.status == OrderStatus::Open;
    if !open || !service.look_ups.may(merchant, order_no, service.now()) {
        return order;
    }
    match within(LOOK_UP_WAIT_MAX, service.cashier.look_up(merchant, order_no)).await {
        Some(Ok(found)) => found,
        Some(Err(error)) => {
            tracing::warn!(%merchant, %order_no, %error, "an order could not be looked up");
            order
        }
        None => order,
    }
}

async fn within<T>(wait: Duration, asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(wait, asked).await.ok()
}
