//! Orders: what is decided about a request, given the books. Nothing here writes or sends.

use tally_wechat::time::{from_compact, to_compact};
use tally_wechat::{Fields, SignType};

use crate::books::{Books, Entry, Order, Standing};
use crate::checks::Problem;
use crate::ids;
use crate::limits::{EXPIRY_AHEAD_MS, ORDER_LIFE_MS, PREPAY_LIFE_MS};

/// What is written, and what is answered.
pub(crate) type Decision = (Option<Entry>, Result<Fields, Problem>);

fn refuse(code: &'static str, words: &str) -> Decision {
    (None, Err(Problem::new(code, words)))
}

/// `unifiedorder`, of fields that fit their table.
pub(crate) fn unified_order(books: &Books, fields: &Fields, now_ms: i64) -> Decision {
    let mut request = fields.clone();
    request.remove("sign");
    request.remove("nonce_str");
    let Some(number) = request.get("out_trade_no").map(str::to_owned) else {
        return refuse("PARAM_ERROR", "缺少参数 out_trade_no");
    };
    match books.orders.get(&number) {
        Some(order) => repeated(number, order, &request, now_ms),
        None => first(number, request, now_ms),
    }
}

fn first(out_trade_no: String, request: Fields, now_ms: i64) -> Decision {
    if request.get("trade_type") != Some("JSAPI") {
        return refuse("NOAUTH", "商户未开通此接口权限");
    }
    if request.get("openid").is_none() {
        return refuse("PARAM_ERROR", "JSAPI支付必须传openid");
    }
    let Some(amount_fen) = request.get("total_fee").and_then(|fee| fee.parse().ok()) else {
        return refuse("PARAM_ERROR", "total_fee参数格式错误");
    };
    let expires = request.get("time_expire").and_then(from_compact);
    let starts = request.get("time_start").and_then(from_compact);
    if expires.is_some_and(|expires| expires <= now_ms.max(starts.unwrap_or(0)) + EXPIRY_AHEAD_MS) {
        return refuse("PARAM_ERROR", "time_expire时间过短，刷卡至少1分钟，其他5分钟");
    }
    let prepay_id = ids::prepay_id(now_ms);
    let entry = Entry::OrderOpened {
        out_trade_no,
        request,
        amount_fen,
        prepay_id: prepay_id.clone(),
        expires_at_ms: expires.unwrap_or(now_ms.saturating_add(ORDER_LIFE_MS)),
        at_ms: now_ms,
    };
    (Some(entry), Ok(prepaid(&prepay_id)))
}

fn repeated(out_trade_no: String, order: &Order, request: &Fields, now_ms: i64) -> Decision {
    match order.standing_at(now_ms) {
        Standing::Paid { .. } => return refuse("ORDERPAID", "该订单已支付"),
        Standing::Closed => return refuse("ORDERCLOSED", "该订单已关闭"),
        Standing::Open => {}
    }
    if order.request.get("openid") != request.get("openid") {
        return refuse("OUT_TRADE_NO_USED", "商户订单号重复");
    }
    if order.request != *request {
        return refuse("INVALID_REQUEST", "201 商户订单号重复，重入时参数不一致");
    }
    if now_ms - order.prepaid_at_ms < PREPAY_LIFE_MS {
        return (None, Ok(prepaid(&order.prepay_id)));
    }
    let prepay_id = ids::prepay_id(now_ms);
    let answer = prepaid(&prepay_id);
    (Some(Entry::PrepayRenewed { out_trade_no, prepay_id, at_ms: now_ms }), Ok(answer))
}

fn prepaid(prepay_id: &str) -> Fields {
    Fields::new().with("trade_type", "JSAPI").with("prepay_id", prepay_id)
}

/// `orderquery`, of fields that fit their table.
pub(crate) fn order_query(books: &Books, fields: &Fields, now_ms: i64) -> Decision {
    let found = match (fields.get("transaction_id"), fields.get("out_trade_no")) {
        (Some(id), _) => books.order_by_transaction(id),
        (None, Some(number)) => books.orders.get_key_value(number),
        (None, None) => return refuse("PARAM_ERROR", "缺少参数 out_trade_no"),
    };
    let Some((number, order)) = found else {
        return refuse("ORDERNOTEXIST", "此交易订单号不存在");
    };
    let (state, words) = match order.standing_at(now_ms) {
        Standing::Paid { .. } if books.refunds_of(number).next().is_some() => {
            ("REFUND", "转入退款")
        }
        Standing::Paid { .. } => ("SUCCESS", "支付成功"),
        Standing::Open => ("NOTPAY", "订单未支付"),
        Standing::Closed => ("CLOSED", "订单已关闭"),
    };
    let fields = payment(number, order).unwrap_or_else(|| {
        let attach = order.request.get("attach").unwrap_or_default();
        Fields::new().with("out_trade_no", number).with("attach", attach)
    });
    (None, Ok(fields.with("trade_state", state).with("trade_state_desc", words)))
}

/// `closeorder`, of fields that fit their table. `close_after_ms`: how old the order must be.
pub(crate) fn close_order(
    books: &Books,
    fields: &Fields,
    now_ms: i64,
    close_after_ms: i64,
) -> Decision {
    let number = fields.get("out_trade_no").unwrap_or_default();
    let Some(order) = books.orders.get(number) else {
        return refuse("ORDERNOTEXIST", "订单不存在");
    };
    match order.standing_at(now_ms) {
        Standing::Paid { .. } => refuse("ORDERPAID", "该订单已支付"),
        Standing::Closed => refuse("ORDERCLOSED", "该订单已关闭"),
        Standing::Open if now_ms - order.opened_at_ms < close_after_ms => {
            refuse("TRADE_STATE_ERROR", "订单生成后不能马上调用关单接口，最短间隔5分钟")
        }
        Standing::Open => {
            let entry = Entry::OrderClosed { out_trade_no: number.to_owned(), at_ms: now_ms };
            (Some(entry), Ok(Fields::new().with("result_msg", "OK")))
        }
    }
}

/// What is told of a payment, in a query and in a notice; `None`: there is none. A coupon has no `coupon_type_0`, as
/// happens at WeChat.
fn payment(number: &str, order: &Order) -> Option<Fields> {
    let Standing::Paid { transaction_id, coupon_fen, at_ms } = &order.standing else {
        return None;
    };
    let cash_fen = order.amount_fen.saturating_sub(*coupon_fen);
    let mut fields = Fields::new()
        .with("out_trade_no", number)
        .with("transaction_id", transaction_id)
        .with("openid", order.request.get("openid").unwrap_or_default())
        .with("is_subscribe", "N")
        .with("trade_type", "JSAPI")
        .with("bank_type", "OTHERS")
        .with("total_fee", order.amount_fen.to_string())
        .with("fee_type", "CNY")
        .with("cash_fee", cash_fen.to_string())
        .with("cash_fee_type", "CNY")
        .with("time_end", to_compact(*at_ms));
    if let Some(attach) = order.request.get("attach") {
        fields.set("attach", attach);
    }
    if *coupon_fen > 0 {
        fields.set("settlement_total_fee", cash_fen.to_string());
        fields.set("coupon_fee", coupon_fen.to_string());
        fields.set("coupon_count", "1");
        fields.set("coupon_id_0", "10000");
        fields.set("coupon_fee_0", coupon_fen.to_string());
    }
    Some(fields)
}

/// The content of a payment's notice, with the algorithm it is signed by; `None`: there is nothing to tell.
pub(crate) fn notice(books: &Books, number: &str) -> Option<(Fields, SignType)> {
    let order = books.orders.get(number)?;
    let fields = payment(number, order)?;
    let sign_type = order.sign_type();
    Some(match sign_type {
        SignType::Md5 => (fields, sign_type),
        SignType::HmacSha256 => (fields.with("sign_type", sign_type.as_str()), sign_type),
    })
}
