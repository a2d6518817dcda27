//! The control API about refunds: the list, refunds made by hand, notices again, the balance that they come from.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use tally_wechat::Fields;
use tally_wechat::sign::nonce;

use crate::books::{Books, Entry};
use crate::control::{ListQuery, problem, settled};
use crate::control_pay::{Again, send_again};
use crate::desk::{Desk, Due};
use crate::refund_book::{End, Refund};
use crate::refunds::{Terms, refund};

fn state(refund: &Refund, now_ms: i64) -> &'static str {
    match refund.end_at(now_ms) {
        None => "processing",
        Some(End::Success) => "succeeded",
        Some(End::Changed) => "changed",
        Some(End::Closed) => "closed",
    }
}

/// Refunds, by number.
pub(crate) async fn refunds(desk: Data<Desk>, query: Query<ListQuery>) -> HttpResponse {
    let items: Vec<Value> = desk.look(|books, now_ms| {
        let shown = |(number, refund): (&String, &Refund)| {
            json!({
                "out_refund_no": number, "out_trade_no": refund.out_trade_no,
                "refund_id": refund.refund_id, "amount_fen": refund.amount_fen,
                "settlement_fen": refund.settlement_fen(), "coupon_fen": refund.coupon_fen,
                "charge_fen": refund.charge_fen, "status": state(refund, now_ms),
                "by_hand": refund.by_hand, "at_ms": refund.at_ms,
                "ended_at_ms": refund.end_at(now_ms).map(|_| refund.ends_at_ms),
                "notice_tries": refund.notice_tries, "notice_taken": refund.notice_taken,
            })
        };
        let wanted = books.refunds.iter().filter(|(number, _)| query.wants(number));
        wanted.take(query.limit()).map(shown).collect()
    });
    settled(&desk, json!({"items": items})).await
}

/// Adds the totals of refunds whose number begins with a prefix.
pub(crate) fn add_totals(totals: &mut Value, books: &Books, prefix: &str, now_ms: i64) {
    let (mut made, mut processing, mut failed, mut owed) = (0_u64, 0_u64, 0_u64, 0_u64);
    let (mut fen, mut charge_fen) = (0_u64, 0_u64);
    for (_, refund) in books.refunds.iter().filter(|(number, _)| number.starts_with(prefix)) {
        match refund.end_at(now_ms) {
            None => processing += 1,
            Some(End::Changed | End::Closed) => failed += 1,
            Some(End::Success) => {
                made += 1;
                fen = fen.saturating_add(refund.amount_fen);
                charge_fen = charge_fen.saturating_add(refund.charge_fen);
            }
        }
        owed += u64::from(refund.notice_owed());
    }
    totals["refunds"] = made.into();
    totals["refunds_processing"] = processing.into();
    totals["refunds_failed"] = failed.into();
    totals["refunded_fen"] = fen.into();
    totals["refunded_charge_fen"] = charge_fen.into();
    totals["refund_notices_owed"] = owed.into();
    totals["refundable_fen"] = books.refundable_at(now_ms).into();
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Balance {
    /// In fen; `null`: without end.
    refundable_fen: Option<u32>,
}

/// Sets what the merchant can refund from. Payments add to it, refunds take from it.
pub(crate) async fn set_balance(desk: Data<Desk>, body: Json<Balance>) -> HttpResponse {
    let fen = body.refundable_fen.map(i64::from);
    desk.decide(|_, at_ms| (Some(Entry::BalanceSet { fen, at_ms }), ()));
    settled(&desk, json!({"refundable_fen": fen})).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByHand {
    amount_fen: u64,
    /// Where the notice goes, which the merchant platform is set up with.
    notify_url: Option<String>,
}

/// A person refunds in WeChat's merchant platform: under a number that nobody else knows.
pub(crate) async fn by_hand(
    desk: Data<Desk>,
    number: Path<String>,
    body: Json<ByHand>,
) -> HttpResponse {
    if body.amount_fen == 0 {
        return problem(StatusCode::BAD_REQUEST, "amount_fen must be at least 1");
    }
    let refund_no = format!("byhand{}", &nonce()[..20]);
    let made = desk.decide(|books, now_ms| {
        let total = books.orders.get(number.as_str()).map_or(0, |order| order.amount_fen);
        let mut fields = Fields::new()
            .with("out_trade_no", number.as_str())
            .with("out_refund_no", &refund_no)
            .with("total_fee", total.to_string())
            .with("refund_fee", body.amount_fen.to_string());
        if let Some(url) = &body.notify_url {
            fields.set("notify_url", url);
        }
        refund(books, &fields, Terms { now_ms, by_hand: true, ..Terms::of(&desk.settings) })
    });
    match made {
        Ok(_) => {
            let answer = settled(&desk, json!({"out_refund_no": refund_no})).await;
            desk.notify(Due::Refund(refund_no));
            answer
        }
        Err(refused) => {
            problem(StatusCode::CONFLICT, &format!("{}: {}", refused.code, refused.words))
        }
    }
}

/// Sends the notice of a refund that has ended again, many times at once.
pub(crate) async fn again(
    desk: Data<Desk>,
    number: Path<String>,
    again: Json<Again>,
) -> HttpResponse {
    let due = Due::Refund(number.clone());
    let no_notice = "no such refund has ended, so there is no notice";
    send_again(&desk, &due, again.copies, no_notice, |books, now_ms| {
        let refund = books.refunds.get(number.as_str());
        refund.is_some_and(|refund| refund.end_at(now_ms).is_some())
    })
    .await
}
