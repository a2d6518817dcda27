//! Refunds: what is decided about a request, given the books. Nothing here writes or sends.

use std::time::Duration;

use tally_wechat::Fields;
use tally_wechat::time::to_dashed;

use crate::books::{Books, Entry, Order, Standing};
use crate::charge::{charge_fen, part};
use crate::checks::Problem;
use crate::ids;
use crate::limits::{REFUND_WITHIN_MS, REFUNDS_MAX, REFUNDS_TOLD_MAX};
use crate::orders::Decision;
use crate::refund_book::{End, Refund, state_name};
use crate::settings::Settings;

fn refuse(code: &'static str, words: &str) -> Decision {
    (None, Err(Problem::new(code, words)))
}

/// When, and how refunds go here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) now_ms: i64,
    /// How long one is under way.
    pub(crate) takes_ms: i64,
    /// How far two of one order must be apart.
    pub(crate) apart_ms: i64,
    /// How it is to end.
    pub(crate) ends: End,
    pub(crate) by_hand: bool,
}

impl Terms {
    /// As the sandbox is set up.
    pub(crate) fn of(settings: &Settings) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self {
            now_ms: 0,
            takes_ms: ms(settings.refund_takes),
            apart_ms: ms(settings.refund_apart),
            ends: End::Success,
            by_hand: false,
        }
    }
}

/// As if the merchant had too little money.
pub(crate) fn not_enough() -> Decision {
    refuse("NOTENOUGH", NO_MONEY)
}

const NO_MONEY: &str = "基本账户余额不足，请充值后重新发起";

/// `refund`, of fields that fit their table.
pub(crate) fn refund(books: &Books, fields: &Fields, terms: Terms) -> Decision {
    let mut request = fields.clone();
    request.remove("sign");
    request.remove("nonce_str");
    let number = request.get("out_refund_no").unwrap_or_default().to_owned();
    if let Some(made) = books.refunds.get(&number) {
        return repeated(books, &number, made, &request);
    }
    let found = match (request.get("transaction_id"), request.get("out_trade_no")) {
        (Some(id), _) => books.order_by_transaction(id),
        (None, Some(number)) => books.orders.get_key_value(number),
        (None, None) => return refuse("PARAM_ERROR", "缺少参数 out_trade_no"),
    };
    let Some((out_trade_no, order)) = found else {
        return refuse("ORDERNOTEXIST", "订单不存在");
    };
    match first(books, (out_trade_no, order), request, terms) {
        Ok(made) => {
            let answer = taken(order, &number, &made);
            (Some(Entry::RefundTaken { out_refund_no: number, refund: made }), Ok(answer))
        }
        Err(problem) => (None, Err(problem)),
    }
}

fn repeated(books: &Books, number: &str, made: &Refund, request: &Fields) -> Decision {
    let same = |name| made.request.get(name) == request.get(name);
    if !same("refund_fee") || !same("total_fee") {
        return refuse("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试");
    }
    match books.orders.get(&made.out_trade_no) {
        Some(order) if made.request == *request => (None, Ok(taken(order, number, made))),
        Some(_) | None => refuse("ERROR", "商户退款单号重复，重入时参数不一致"),
    }
}

fn first(
    books: &Books,
    (out_trade_no, order): (&String, &Order),
    request: Fields,
    terms: Terms,
) -> Result<Refund, Problem> {
    let problem = |code, words: &str| Err(Problem::new(code, words));
    let now_ms = terms.now_ms;
    let Standing::Paid { coupon_fen, at_ms, .. } = &order.standing else {
        return problem("ORDERNOTEXIST", "订单未支付");
    };
    let fen = |name| request.get(name).and_then(|fee| fee.parse::<u64>().ok());
    let Some(amount_fen) = fen("refund_fee") else {
        return problem("PARAM_ERROR", "refund_fee参数格式错误");
    };
    if fen("total_fee") != Some(order.amount_fen) {
        return problem("REFUND_FEE_MISMATCH", "订单金额与支付时不一致");
    }
    if now_ms - at_ms > REFUND_WITHIN_MS {
        return problem("TRADE_OVERDUE", "订单已经超过可退款的最大期限");
    }
    let all: Vec<&Refund> = books.refunds_of(out_trade_no).map(|(_, refund)| refund).collect();
    if all.iter().any(|refund| now_ms - refund.at_ms < terms.apart_ms) && !terms.by_hand {
        return problem("FREQUENCY_LIMITED", "同一笔订单的退款间隔不能少于1分钟");
    }
    let before = all.iter().filter(|refund| refund.counts_at(now_ms));
    let before_fen = before.clone().map(|refund| refund.amount_fen).sum::<u64>();
    let after_fen = before_fen.saturating_add(amount_fen);
    if after_fen > order.amount_fen || all.len() >= REFUNDS_MAX {
        return problem("ERROR", "累计退款金额大于支付金额，或部分退款次数超过限制");
    }
    // What went back before is what it was; the last part brings what is left, so that no fen stays behind.
    let coupons_before = before.clone().map(|refund| refund.coupon_fen).sum::<u64>();
    let charges_before = before.map(|refund| refund.charge_fen).sum::<u64>();
    let coupon_back = part(*coupon_fen, after_fen, order.amount_fen).saturating_sub(coupons_before);
    let charge = charge_fen(order.amount_fen.saturating_sub(*coupon_fen));
    let charge_back = part(charge, after_fen, order.amount_fen).saturating_sub(charges_before);
    let made = Refund {
        out_trade_no: out_trade_no.clone(),
        request,
        refund_id: ids::refund_id(now_ms),
        amount_fen,
        coupon_fen: coupon_back.min(amount_fen),
        charge_fen: charge_back,
        by_hand: terms.by_hand,
        at_ms: now_ms,
        ends: terms.ends,
        ends_at_ms: now_ms.saturating_add(terms.takes_ms),
        notice_tries: 0,
        notice_taken: false,
    };
    if books.refundable_at(now_ms).is_some_and(|fen| fen < made.settlement_fen()) {
        return problem("NOTENOUGH", NO_MONEY);
    }
    Ok(made)
}

/// The answer of the call.
fn taken(order: &Order, number: &str, made: &Refund) -> Fields {
    amounts(identity(order, &made.out_trade_no), made)
        .with("out_refund_no", number)
        .with("refund_id", &made.refund_id)
}

/// The order's part of each answer.
fn identity(order: &Order, out_trade_no: &str) -> Fields {
    let (transaction_id, coupon_fen) = match &order.standing {
        Standing::Paid { transaction_id, coupon_fen, .. } => (transaction_id.as_str(), *coupon_fen),
        Standing::Open | Standing::Closed => ("", 0),
    };
    let cash_fen = order.amount_fen.saturating_sub(coupon_fen);
    let fields = Fields::new()
        .with("transaction_id", transaction_id)
        .with("out_trade_no", out_trade_no)
        .with("total_fee", order.amount_fen.to_string())
        .with("fee_type", "CNY")
        .with("cash_fee", cash_fen.to_string());
    if coupon_fen > 0 { fields.with("settlement_total_fee", cash_fen.to_string()) } else { fields }
}

fn amounts(fields: Fields, made: &Refund) -> Fields {
    let fields = fields
        .with("refund_fee", made.amount_fen.to_string())
        .with("cash_refund_fee", made.settlement_fen().to_string());
    if made.coupon_fen == 0 {
        return fields;
    }
    fields
        .with("settlement_refund_fee", made.settlement_fen().to_string())
        .with("coupon_refund_fee", made.coupon_fen.to_string())
        .with("coupon_refund_count", "1")
        .with("coupon_refund_id_0", "10000")
        .with("coupon_refund_fee_0", made.coupon_fen.to_string())
}

/// `refundquery`, of fields that fit their table: by one of four numbers, the narrowest first.
pub(crate) fn refund_query(books: &Books, fields: &Fields, now_ms: i64) -> Decision {
    let get = |name| fields.get(name);
    let one = get("refund_id")
        .map(|id| books.refunds.iter().find(|(_, refund)| refund.refund_id == id))
        .or_else(|| get("out_refund_no").map(|number| books.refunds.get_key_value(number)));
    if let Some(one) = one {
        let order = one.and_then(|(_, refund)| books.orders.get_key_value(&refund.out_trade_no));
        return match (one, order) {
            (Some(one), Some(order)) => (None, Ok(told(order, &[one], now_ms))),
            _ => refuse("REFUNDNOTEXIST", "退款单不存在"),
        };
    }
    let order = match (get("transaction_id"), get("out_trade_no")) {
        (Some(id), _) => books.order_by_transaction(id),
        (None, Some(number)) => books.orders.get_key_value(number),
        (None, None) => return refuse("PARAM_ERROR", "缺少参数 out_refund_no"),
    };
    let Some(order) = order else { return refuse("REFUNDNOTEXIST", "订单不存在") };
    let offset = get("offset").map(|offset| offset.parse::<usize>().unwrap_or(usize::MAX));
    let all: Vec<_> = books.refunds_of(order.0).collect();
    let part: Vec<_> =
        all.iter().copied().skip(offset.unwrap_or(0)).take(REFUNDS_TOLD_MAX).collect();
    if part.is_empty() {
        return refuse("REFUNDNOTEXIST", "退款单不存在");
    }
    let fields = told(order, &part, now_ms);
    let total = offset.map(|_| all.len().to_string());
    (None, Ok(total.map_or(fields.clone(), |total| fields.with("total_refund_count", total))))
}

fn told(
    (out_trade_no, order): (&String, &Order),
    refunds: &[(&String, &Refund)],
    now_ms: i64,
) -> Fields {
    let sum: u64 = refunds.iter().map(|(_, refund)| refund.amount_fen).sum();
    let mut fields = identity(order, out_trade_no)
        .with("refund_count", refunds.len().to_string())
        .with("refund_fee", sum.to_string());
    for (n, (number, refund)) in refunds.iter().enumerate() {
        let end = refund.end_at(now_ms);
        let mut set = |name: &str, value: &str| fields.set(&format!("{name}_{n}"), value);
        set("out_refund_no", number);
        set("refund_id", &refund.refund_id);
        set("refund_channel", "ORIGINAL");
        set("refund_fee", &refund.amount_fen.to_string());
        set("refund_status", state_name(end));
        set("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS");
        set("refund_recv_accout", "支付用户零钱");
        if end == Some(End::Success) {
            set("refund_success_time", &to_dashed(refund.ends_at_ms));
        }
        if refund.coupon_fen > 0 {
            set("settlement_refund_fee", &refund.settlement_fen().to_string());
            set("coupon_refund_fee", &refund.coupon_fen.to_string());
            set("coupon_refund_count", "1");
            fields.set(&format!("coupon_refund_id_{n}_0"), "10000");
            fields.set(&format!("coupon_refund_fee_{n}_0"), refund.coupon_fen.to_string());
        }
    }
    fields
}

/// The inner fields of a refund's notice; `None`: it has not ended.
pub(crate) fn notice(books: &Books, number: &str, now_ms: i64) -> Option<Fields> {
    let refund = books.refunds.get(number)?;
    let end = refund.end_at(now_ms)?;
    let order = books.orders.get(&refund.out_trade_no)?;
    let mut fields = identity(order, &refund.out_trade_no);
    for outer in ["fee_type", "cash_fee"] {
        fields.remove(outer);
    }
    let source = if refund.by_hand { "VENDOR_PLATFORM" } else { "API" };
    let fields = fields
        .with("out_refund_no", number)
        .with("refund_id", &refund.refund_id)
        .with("settlement_total_fee", order.amount_fen.to_string())
        .with("refund_fee", refund.amount_fen.to_string())
        .with("settlement_refund_fee", refund.settlement_fen().to_string())
        .with("cash_refund_fee", refund.settlement_fen().to_string())
        .with("refund_status", state_name(Some(end)))
        .with("refund_recv_accout", "支付用户零钱")
        .with("refund_account", "REFUND_SOURCE_UNSETTLED_FUNDS")
        .with("refund_request_source", source);
    Some(match end {
        End::Success => fields.with("success_time", to_dashed(refund.ends_at_ms)),
        End::Changed | End::Closed => fields,
    })
}
