//! The control API: login codes and profiles, the books, faults, the clock. For people and tests; WeChat has none.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use tally_wechat::profile::{base64, seal};

use crate::books::{Entry, Order, Standing, Transfer};
use crate::control_refunds;
use crate::desk::Desk;
use crate::faults::Plan;
use crate::ids;
use crate::limits::{ADVANCE_S_MAX, LIST_DEFAULT, LIST_MAX};

/// An answer once the books are on disk.
pub(crate) async fn settled(desk: &Desk, value: Value) -> HttpResponse {
    if desk.durable().await {
        HttpResponse::Ok().json(value)
    } else {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "the sandbox can't write its books")
    }
}

pub(crate) fn problem(status: StatusCode, words: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"error": words}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLogin {
    openid: Option<String>,
    nickname: Option<String>,
}

/// A login code for a customer, and the profile that the page would hand over with it.
pub(crate) async fn login(desk: Data<Desk>, body: Json<NewLogin>) -> HttpResponse {
    let openid = body.openid.clone().unwrap_or_else(ids::openid);
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if openid.is_empty() || openid.len() > 64 || !openid.bytes().all(good) {
        let words = "openid must be 1 to 64 letters, digits, dashes or underlines";
        return problem(StatusCode::BAD_REQUEST, words);
    }
    let now_ms = desk.clock.now_ms();
    let (code, session_key) = desk.logins().make(&openid, now_ms);
    let profile = json!({
        "openId": openid,
        "nickName": body.nickname.as_deref().unwrap_or("小满🌾"),
        "gender": 0, "language": "zh_CN", "city": "", "province": "", "country": "",
        "avatarUrl": "https://thirdwx.qlogo.cn/mmopen/vi_32/sandbox/132",
        "watermark": {"timestamp": now_ms / 1_000, "appid": desk.settings.credentials.app_id},
    });
    let iv = ids::block();
    let sealed = seal(&session_key, iv, &profile);
    HttpResponse::Ok().json(json!({
        "code": code, "openid": openid, "iv": base64(iv), "encryptedData": sealed,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

impl ListQuery {
    pub(crate) fn wants(&self, number: &str) -> bool {
        number.starts_with(&self.prefix) && number > self.after.as_str()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(LIST_DEFAULT).min(LIST_MAX)
    }
}

/// Orders, by number.
pub(crate) async fn orders(desk: Data<Desk>, query: Query<ListQuery>) -> HttpResponse {
    let items: Vec<Value> = desk.look(|books, now_ms| {
        let wanted = books.orders.iter().filter(|(number, _)| query.wants(number));
        wanted.take(query.limit()).map(|(number, order)| shown(number, order, now_ms)).collect()
    });
    settled(&desk, json!({"items": items})).await
}

/// One order.
pub(crate) async fn order(desk: Data<Desk>, number: Path<String>) -> HttpResponse {
    let found = desk.look(|books, now_ms| {
        books.orders.get(number.as_str()).map(|order| shown(&number, order, now_ms))
    });
    match found {
        Some(value) => settled(&desk, value).await,
        None => problem(StatusCode::NOT_FOUND, "no such order, WeChat never took it"),
    }
}

fn shown(number: &str, order: &Order, now_ms: i64) -> Value {
    let (status, transaction_id, paid_at_ms, coupon_fen) = match order.standing_at(now_ms) {
        Standing::Open => ("open", None, None, 0),
        Standing::Closed => ("closed", None, None, 0),
        Standing::Paid { transaction_id, coupon_fen, at_ms } => {
            ("paid", Some(transaction_id), Some(at_ms), *coupon_fen)
        }
    };
    json!({
        "out_trade_no": number, "amount_fen": order.amount_fen, "status": status,
        "transaction_id": transaction_id, "paid_at_ms": paid_at_ms, "coupon_fen": coupon_fen,
        "openid": order.request.get("openid"), "body": order.request.get("body"),
        "opened_at_ms": order.opened_at_ms, "expires_at_ms": order.expires_at_ms,
        "prepay_id": order.prepay_id,
        "notice_tries": order.notice_tries, "notice_taken": order.notice_taken,
    })
}

/// Transfers, by number.
pub(crate) async fn transfers(desk: Data<Desk>, query: Query<ListQuery>) -> HttpResponse {
    let shown = |(number, made): (&String, &Transfer)| {
        json!({
            "partner_trade_no": number, "amount_fen": made.amount_fen,
            "status": if made.failed { "failed" } else { "succeeded" },
            "payment_no": made.payment_no, "openid": made.request.get("openid"),
            "at_ms": made.at_ms,
        })
    };
    let items: Vec<Value> = desk.look(|books, _| {
        let wanted = books.transfers.iter().filter(|(number, _)| query.wants(number));
        wanted.take(query.limit()).map(shown).collect()
    });
    settled(&desk, json!({"items": items})).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotalsQuery {
    #[serde(default)]
    prefix: String,
}

/// The totals, over all numbers or those that begin with a prefix.
pub(crate) async fn totals(desk: Data<Desk>, query: Query<TotalsQuery>) -> HttpResponse {
    let prefix = query.prefix.as_str();
    let value = desk.look(|books, now_ms| {
        let (mut open, mut closed, mut paid, mut owed) = (0_u64, 0_u64, 0_u64, 0_u64);
        let (mut paid_fen, mut coupon_total) = (0_u64, 0_u64);
        for (_, order) in books.orders.iter().filter(|(number, _)| number.starts_with(prefix)) {
            match order.standing_at(now_ms) {
                Standing::Open => open += 1,
                Standing::Closed => closed += 1,
                Standing::Paid { coupon_fen, .. } => {
                    paid += 1;
                    paid_fen = paid_fen.saturating_add(order.amount_fen);
                    coupon_total = coupon_total.saturating_add(*coupon_fen);
                }
            }
            owed += u64::from(order.notice_owed());
        }
        let (mut made, mut failed, mut made_fen) = (0_u64, 0_u64, 0_u64);
        for (_, transfer) in books.transfers.iter().filter(|(n, _)| n.starts_with(prefix)) {
            if transfer.failed {
                failed += 1;
            } else {
                made += 1;
                made_fen = made_fen.saturating_add(transfer.amount_fen);
            }
        }
        let mut totals = json!({
            "orders_open": open, "orders_closed": closed, "orders_paid": paid,
            "paid_fen": paid_fen, "coupon_fen": coupon_total, "notices_owed": owed,
            "transfers": made, "transfers_failed": failed, "transferred_fen": made_fen,
        });
        control_refunds::add_totals(&mut totals, books, prefix, now_ms);
        totals
    });
    settled(&desk, value).await
}

/// The faults in force.
pub(crate) async fn faults(desk: Data<Desk>) -> HttpResponse {
    HttpResponse::Ok().json(desk.faults().plan())
}

/// Sets the faults.
pub(crate) async fn set_faults(desk: Data<Desk>, plan: Json<Plan>) -> HttpResponse {
    if let Some(words) = plan.problem() {
        return problem(StatusCode::BAD_REQUEST, &words);
    }
    let mut faults = desk.faults();
    faults.set(plan.into_inner());
    HttpResponse::Ok().json(faults.plan())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    seconds: i64,
}

/// Moves the sandbox's clock forward, so that codes and orders expire, and orders may be closed.
pub(crate) async fn advance(desk: Data<Desk>, body: Json<Advance>) -> HttpResponse {
    if !(0..=ADVANCE_S_MAX).contains(&body.seconds) {
        return problem(StatusCode::BAD_REQUEST, "seconds must be 0 to 2678400");
    }
    let by_ms = body.seconds * 1_000;
    desk.clock.advance(by_ms);
    desk.decide(|_, _| (Some(Entry::ClockMoved { by_ms }), ()));
    desk.moved.send_replace(());
    settled(&desk, json!({"now_ms": desk.clock.now_ms()})).await
}
