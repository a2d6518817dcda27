//! What WeChat's pages say about each field of a request, as tables. What they do not list is refused.

use std::net::IpAddr;

use tally_wechat::Fields;
use tally_wechat::time::from_compact;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `return_code` FAIL: nothing was looked at, and the answer is not signed.
    NotTaken(String),
    /// `result_code` FAIL with a code.
    Business(Problem),
}

/// A code and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) words: String,
}

impl Problem {
    pub(crate) fn new(code: &'static str, words: impl Into<String>) -> Self {
        Self { code, words: words.into() }
    }
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// Anything.
    Text,
    /// A positive whole number of fen.
    Fen,
    /// One IPv4 or IPv6 address, not the mapped form.
    Address,
    /// `yyyyMMddHHmmss`.
    Time,
    /// http or https, without a query.
    Url,
    /// Digits, letters, `_ - | *`.
    OrderNumber,
    /// The same, however short, and `@`.
    RefundNumber,
    /// A whole number, 0 too.
    Number,
    /// Digits and letters.
    Alphanumeric,
    /// As WeChat makes them.
    Openid,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A field: its name, whether it must be there, its longest value in bytes, its shape.
pub(crate) struct Rule(&'static str, bool, usize, Shape);

/// What most calls have in common, and what a call has of its own.
pub(crate) type Rules = (&'static [Rule], &'static [Rule]);

const SIGNED: &[Rule] = &[
    Rule("appid", true, 32, Shape::Text),
    Rule("mch_id", true, 32, Shape::Text),
    Rule("nonce_str", true, 32, Shape::Text),
    Rule("sign", true, 64, Shape::Text),
    Rule("sign_type", false, 32, Shape::OneOf(&["MD5", "HMAC-SHA256"])),
];

pub(crate) const UNIFIED_ORDER: Rules = (
    SIGNED,
    &[
        Rule("device_info", false, 32, Shape::Text),
        Rule("body", true, 127, Shape::Text),
        Rule("detail", false, 6_000, Shape::Text),
        Rule("attach", false, 127, Shape::Text),
        Rule("out_trade_no", true, 32, Shape::OrderNumber),
        Rule("fee_type", false, 16, Shape::OneOf(&["CNY"])),
        Rule("total_fee", true, 10, Shape::Fen),
        Rule("spbill_create_ip", true, 64, Shape::Address),
        Rule("time_start", false, 14, Shape::Time),
        Rule("time_expire", false, 14, Shape::Time),
        Rule("goods_tag", false, 32, Shape::Text),
        Rule("notify_url", true, 256, Shape::Url),
        Rule("trade_type", true, 16, Shape::OneOf(&["JSAPI", "NATIVE", "APP", "MWEB"])),
        Rule("product_id", false, 32, Shape::Text),
        Rule("limit_pay", false, 32, Shape::OneOf(&["no_credit"])),
        Rule("openid", false, 128, Shape::Openid),
        Rule("receipt", false, 8, Shape::OneOf(&["Y"])),
        Rule("profit_sharing", false, 16, Shape::OneOf(&["Y", "N"])),
        Rule("scene_info", false, 256, Shape::Text),
    ],
);

pub(crate) const ORDER_QUERY: Rules = (
    SIGNED,
    &[
        Rule("transaction_id", false, 32, Shape::Alphanumeric),
        Rule("out_trade_no", false, 32, Shape::OrderNumber),
    ],
);

pub(crate) const CLOSE_ORDER: Rules =
    (SIGNED, &[Rule("out_trade_no", true, 32, Shape::OrderNumber)]);

pub(crate) const REFUND: Rules = (
    SIGNED,
    &[
        Rule("transaction_id", false, 32, Shape::Alphanumeric),
        Rule("out_trade_no", false, 32, Shape::OrderNumber),
        Rule("out_refund_no", true, 64, Shape::RefundNumber),
        Rule("total_fee", true, 10, Shape::Fen),
        Rule("refund_fee", true, 10, Shape::Fen),
        Rule("refund_fee_type", false, 8, Shape::OneOf(&["CNY"])),
        Rule("refund_desc", false, 80, Shape::Text),
        Rule("refund_account", false, 30, REFUND_ACCOUNTS),
        Rule("notify_url", false, 256, Shape::Url),
    ],
);

const REFUND_ACCOUNTS: Shape =
    Shape::OneOf(&["REFUND_SOURCE_UNSETTLED_FUNDS", "REFUND_SOURCE_RECHARGE_FUNDS"]);

pub(crate) const REFUND_QUERY: Rules = (
    SIGNED,
    &[
        Rule("refund_id", false, 32, Shape::Alphanumeric),
        Rule("out_refund_no", false, 64, Shape::RefundNumber),
        Rule("transaction_id", false, 32, Shape::Alphanumeric),
        Rule("out_trade_no", false, 32, Shape::OrderNumber),
        Rule("offset", false, 8, Shape::Number),
    ],
);

pub(crate) const TRADE_BILL: Rules = (
    SIGNED,
    &[
        Rule("bill_date", true, 8, Shape::Number),
        Rule("bill_type", false, 8, Shape::OneOf(&["ALL", "SUCCESS", "REFUND"])),
        Rule("tar_type", false, 8, Shape::OneOf(&["GZIP"])),
    ],
);

pub(crate) const FUND_FLOW: Rules = (
    &[],
    &[
        Rule("appid", true, 32, Shape::Text),
        Rule("mch_id", true, 32, Shape::Text),
        Rule("nonce_str", true, 32, Shape::Text),
        Rule("sign", true, 64, Shape::Text),
        Rule("sign_type", true, 32, Shape::OneOf(&["HMAC-SHA256"])),
        Rule("bill_date", true, 8, Shape::Number),
        Rule("account_type", true, 9, Shape::OneOf(&["Basic", "Operation", "Fees"])),
        Rule("tar_type", false, 8, Shape::OneOf(&["GZIP"])),
    ],
);

pub(crate) const TRANSFER: Rules = (
    &[],
    &[
        Rule("mch_appid", true, 128, Shape::Text),
        Rule("mchid", true, 32, Shape::Text),
        Rule("nonce_str", true, 32, Shape::Text),
        Rule("sign", true, 32, Shape::Text),
        Rule("device_info", false, 32, Shape::Text),
        Rule("partner_trade_no", true, 32, Shape::Alphanumeric),
        Rule("openid", true, 64, Shape::Openid),
        Rule("check_name", true, 16, Shape::OneOf(&["NO_CHECK", "FORCE_CHECK"])),
        Rule("re_user_name", false, 64, Shape::Text),
        Rule("amount", true, 10, Shape::Fen),
        Rule("desc", true, 100, Shape::Text),
        Rule("spbill_create_ip", false, 32, Shape::Address),
    ],
);

pub(crate) const TRANSFER_QUERY: Rules = (
    &[],
    &[
        Rule("appid", true, 32, Shape::Text),
        Rule("mch_id", true, 32, Shape::Text),
        Rule("nonce_str", true, 32, Shape::Text),
        Rule("sign", true, 32, Shape::Text),
        Rule("partner_trade_no", true, 28, Shape::Alphanumeric),
    ],
);

/// Checks a request against its table.
pub(crate) fn check(fields: &Fields, (common, own): Rules) -> Result<(), Refusal> {
    let rules = || common.iter().chain(own);
    for Rule(name, required, bytes, shape) in rules() {
        match fields.get(name) {
            None | Some("") if *required => {
                return Err(Refusal::NotTaken(format!("缺少参数 {name}")));
            }
            None => {}
            // An empty text counts as sent.
            Some(value) if value.is_empty() || value.len() > *bytes => {
                return Err(Refusal::NotTaken(format!("{name}参数长度有误")));
            }
            Some(value) if !fits(value, *shape) => {
                let words = format!("{name}参数格式错误");
                return Err(Refusal::Business(Problem::new("PARAM_ERROR", words)));
            }
            Some(_) => {}
        }
    }
    match fields.iter().find(|(name, _)| !rules().any(|rule| rule.0 == *name)) {
        Some((name, _)) => {
            let words = format!("输入了多余的参数 {name}");
            Err(Refusal::Business(Problem::new("PARAM_ERROR", words)))
        }
        None => Ok(()),
    }
}

fn fits(value: &str, shape: Shape) -> bool {
    let all = |good: fn(u8) -> bool| value.bytes().all(good);
    match shape {
        Shape::Text => true,
        Shape::Fen => all(|b| b.is_ascii_digit()) && !value.starts_with('0'),
        Shape::Address => {
            value.parse::<IpAddr>().is_ok_and(|address| address.to_canonical() == address)
        }
        Shape::Time => from_compact(value).is_some(),
        Shape::Url => {
            let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty()) && !value.contains(['?', '#', ' '])
        }
        Shape::OrderNumber => {
            value.len() >= 6
                && all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'|' | b'*'))
        }
        Shape::RefundNumber => {
            all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'|' | b'*' | b'@'))
        }
        Shape::Number => all(|b| b.is_ascii_digit()),
        Shape::Alphanumeric => all(|b| b.is_ascii_alphanumeric()),
        Shape::Openid => all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
        Shape::OneOf(values) => values.contains(&value),
    }
}
