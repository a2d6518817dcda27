//! Transfers: what is decided about a request, given the books. Nothing here writes or sends.

use tally_wechat::Fields;
use tally_wechat::time::to_dashed;

use crate::books::{Books, Entry, Transfer};
use crate::checks::Problem;
use crate::ids;
use crate::orders::Decision;

fn refuse(code: &'static str, words: &str) -> Decision {
    (None, Err(Problem::new(code, words)))
}

/// `promotion/transfers`, of fields that fit their table. `fails`: it is to fail for good.
pub(crate) fn transfer(
    books: &Books,
    fields: &Fields,
    now_ms: i64,
    fen_min: u64,
    fails: bool,
) -> Decision {
    let mut request = fields.clone();
    request.remove("sign");
    request.remove("nonce_str");
    let number = request.get("partner_trade_no").unwrap_or_default().to_owned();
    if let Some(made) = books.transfers.get(&number) {
        return match (made.request == request, made.failed) {
            (false, _) => refuse("FATAL_ERROR", "两次请求参数不一致"),
            (true, false) => (None, Ok(answer(&number, made))),
            (true, true) => refuse("SEND_FAILED", "付款失败，请查单确认"),
        };
    }
    if request.get("check_name") == Some("FORCE_CHECK") && request.get("re_user_name").is_none() {
        return refuse("PARAM_ERROR", "缺少参数 re_user_name");
    }
    let Some(amount_fen) = request.get("amount").and_then(|amount| amount.parse().ok()) else {
        return refuse("PARAM_ERROR", "amount参数格式错误");
    };
    if amount_fen < fen_min {
        return refuse("AMOUNT_LIMIT", "付款金额低于最小限额");
    }
    let payment_no = ids::payment_no(now_ms);
    let made = Transfer {
        request: request.clone(),
        amount_fen,
        payment_no: payment_no.clone(),
        failed: fails,
        at_ms: now_ms,
    };
    let result = if fails {
        Err(Problem::new("SEND_FAILED", "付款失败，请查单确认"))
    } else {
        Ok(answer(&number, &made))
    };
    let entry = Entry::Transferred {
        partner_trade_no: number,
        request,
        amount_fen,
        payment_no,
        failed: fails,
        at_ms: now_ms,
    };
    (Some(entry), result)
}

fn answer(number: &str, made: &Transfer) -> Fields {
    Fields::new()
        .with("partner_trade_no", number)
        .with("payment_no", &made.payment_no)
        .with("payment_time", to_dashed(made.at_ms))
}

/// `gettransferinfo`, of fields that fit their table.
pub(crate) fn transfer_query(books: &Books, fields: &Fields) -> Decision {
    let number = fields.get("partner_trade_no").unwrap_or_default();
    let Some(made) = books.transfers.get(number) else {
        return refuse("NOT_FOUND", "指定单号数据不存在");
    };
    let fields = Fields::new()
        .with("partner_trade_no", number)
        .with("detail_id", &made.payment_no)
        .with("openid", made.request.get("openid").unwrap_or_default())
        .with("payment_amount", made.amount_fen.to_string())
        .with("transfer_time", to_dashed(made.at_ms))
        .with("desc", made.request.get("desc").unwrap_or_default());
    let fields = if made.failed {
        fields.with("status", "FAILED").with("reason", "付款失败")
    } else {
        fields.with("status", "SUCCESS").with("payment_time", to_dashed(made.at_ms))
    };
    (None, Ok(fields))
}
