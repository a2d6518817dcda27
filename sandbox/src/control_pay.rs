//! The control API's customer: pays an order, by its number or by what the page was handed for `wx.requestPayment`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path};
use serde::Deserialize;
use serde_json::json;
use tally_wechat::SignType;
use tally_wechat::pay_params::{PayParams, ToPay};

use crate::books::{Books, Entry, Order, Standing};
use crate::control::{problem, settled};
use crate::desk::{Desk, Due};
use crate::ids;
use crate::limits::{COPIES_MAX, PREPAY_LIFE_MS};
use crate::notifier::{copies, tried};

/// How the customer pays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct How {
    /// Paid by a coupon that nobody has funded, in fen; less than the amount.
    coupon_fen: u64,
    /// Also an order that was closed, as a customer does who was in the cashier at that moment.
    late: bool,
}

struct Paid {
    transaction_id: String,
    amount_fen: u64,
    at_ms: i64,
    new: bool,
}

/// Pays by number. Paying again answers the same payment.
pub(crate) async fn by_number(desk: Data<Desk>, number: Path<String>, how: Bytes) -> HttpResponse {
    let how = if how.is_empty() { Ok(How::default()) } else { serde_json::from_slice(&how) };
    let how: How = match how {
        Ok(how) => how,
        Err(fault) => return problem(StatusCode::BAD_REQUEST, &fault.to_string()),
    };
    let paid = desk.decide(|books, now_ms| match books.orders.get(number.as_str()) {
        Some(order) => pay(&number, order, how, now_ms),
        None => (None, Err((StatusCode::NOT_FOUND, "no such order, WeChat never took it"))),
    });
    answer(&desk, number.into_inner(), paid).await
}

/// What the page was handed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Handed {
    time_stamp: String,
    nonce_str: String,
    package: String,
    sign_type: String,
    pay_sign: String,
}

/// Pays as the page does: the second signature and the prepay_id must be good.
pub(crate) async fn by_params(desk: Data<Desk>, handed: Json<Handed>) -> HttpResponse {
    let paid = desk.decide(|books, now_ms| match payable(&desk, books, &handed, now_ms) {
        Ok((number, order)) => {
            let (entry, paid) = pay(number, order, How::default(), now_ms);
            (entry, paid.map(|paid| (number.clone(), paid)))
        }
        Err(words) => (None, Err((StatusCode::CONFLICT, words))),
    });
    match paid {
        Ok((number, paid)) => answer(&desk, number, Ok(paid)).await,
        Err((status, words)) => problem(status, words),
    }
}

/// The checks that WeChat's client makes before it shows the cashier.
fn payable<'a>(
    desk: &Desk,
    books: &'a Books,
    handed: &Handed,
    now_ms: i64,
) -> Result<(&'a String, &'a Order), &'static str> {
    let prepay_id =
        handed.package.strip_prefix("prepay_id=").ok_or("package is not prepay_id=…")?;
    let seconds = handed.time_stamp.bytes().all(|b| b.is_ascii_digit());
    if handed.time_stamp.len() != 10 || !seconds {
        return Err("timeStamp is not a text of seconds");
    }
    let found = books.order_by_prepay(prepay_id).ok_or("the prepay_id is none of WeChat's")?;
    let known = &desk.settings.credentials;
    let sign_type: SignType =
        handed.sign_type.parse().map_err(|_| "signType is none of WeChat's")?;
    if sign_type != found.1.sign_type() {
        return Err("signType is not the one of the order");
    }
    let order = ToPay { app_id: &known.app_id, prepay_id, sign_type };
    let (time, nonce) = (handed.time_stamp.clone(), handed.nonce_str.clone());
    if PayParams::signed(order, time, nonce, &known.api_key).pay_sign != handed.pay_sign {
        return Err("paySign is wrong");
    }
    if found.1.prepay_id != prepay_id || now_ms - found.1.prepaid_at_ms >= PREPAY_LIFE_MS {
        return Err("the prepay_id has expired");
    }
    Ok(found)
}

type Refused = (StatusCode, &'static str);

fn pay(
    number: &str,
    order: &Order,
    how: How,
    now_ms: i64,
) -> (Option<Entry>, Result<Paid, Refused>) {
    let amount_fen = order.amount_fen;
    match order.standing_at(now_ms) {
        Standing::Paid { transaction_id, at_ms, .. } => {
            let transaction_id = transaction_id.clone();
            return (None, Ok(Paid { transaction_id, amount_fen, at_ms: *at_ms, new: false }));
        }
        Standing::Closed if !how.late => {
            return (
                None,
                Err((StatusCode::CONFLICT, "the order is closed; \"late\": true pays it still")),
            );
        }
        Standing::Closed | Standing::Open => {}
    }
    if how.coupon_fen >= amount_fen {
        return (None, Err((StatusCode::BAD_REQUEST, "coupon_fen must be less than the amount")));
    }
    let transaction_id = ids::transaction_id(now_ms);
    let entry = Entry::OrderPaid {
        out_trade_no: number.to_owned(),
        transaction_id: transaction_id.clone(),
        coupon_fen: how.coupon_fen,
        at_ms: now_ms,
    };
    (Some(entry), Ok(Paid { transaction_id, amount_fen, at_ms: now_ms, new: true }))
}

async fn answer(desk: &Desk, number: String, paid: Result<Paid, Refused>) -> HttpResponse {
    let paid = match paid {
        Ok(paid) => paid,
        Err((status, words)) => return problem(status, words),
    };
    let value = json!({
        "out_trade_no": number, "transaction_id": paid.transaction_id,
        "amount_fen": paid.amount_fen, "paid_at_ms": paid.at_ms,
    });
    let answer = settled(desk, value).await;
    // Not before the payment is on disk: nobody may hear of one that a kill would undo.
    if paid.new && answer.status().is_success() {
        desk.notify(Due::Payment(number));
    }
    answer
}

/// How many notices.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    pub(crate) copies: u32,
}

/// Sends the notice of a paid order again, many times at once.
pub(crate) async fn notice_again(
    desk: Data<Desk>,
    number: Path<String>,
    again: Json<Again>,
) -> HttpResponse {
    let due = Due::Payment(number.clone());
    let no_notice = "the order is not paid, so there is no notice";
    send_again(&desk, &due, again.copies, no_notice, |books, _| {
        let order = books.orders.get(number.as_str());
        order.is_some_and(|order| matches!(order.standing, Standing::Paid { .. }))
    })
    .await
}

/// Sends a notice so often at once, if there is one, and says how often it was taken.
pub(crate) async fn send_again(
    desk: &Data<Desk>,
    due: &Due,
    many: u32,
    no_notice: &str,
    has_notice: impl FnOnce(&Books, i64) -> bool,
) -> HttpResponse {
    if !(1..=COPIES_MAX).contains(&many) {
        return problem(StatusCode::BAD_REQUEST, "copies must be 1 to 1000");
    }
    if !desk.look(has_notice) {
        return problem(StatusCode::CONFLICT, no_notice);
    }
    let taken = copies(desk, due, many).await;
    tried(desk, due, taken > 0);
    settled(desk, json!({"sent": many, "taken": taken})).await
}
