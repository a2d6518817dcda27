//! The trade bill: payments by when they succeeded, refunds by when they were taken.

use tally_wechat::time::to_dashed;

use super::{Day, line, signed, with_faults, yuan};
use crate::books::{Books, Order, Standing};
use crate::charge::{RATE, charge_fen};
use crate::faults::Fault;
use crate::refund_book::{End, Refund};
use crate::settings::Credentials;

/// A line, before it is written. Amounts in fen.
#[derive(Debug, Clone)]
struct Line<'a> {
    at_ms: i64,
    number: &'a str,
    order: &'a Order,
    transaction_id: &'a str,
    coupon: i64,
    refund: Option<(&'a str, &'a Refund)>,
    total: i64,
    settlement: i64,
    refund_fee: i64,
    settlement_refund: i64,
    charge: i64,
}

/// The bill of a day; `None`: it has no line.
pub(super) fn text(
    books: &Books,
    known: &Credentials,
    (day, kind): (Day, &str),
    faulty: &dyn Fn(&str) -> Option<Fault>,
) -> Option<String> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    if kind != "REFUND" {
        lines.extend(books.orders.iter().filter_map(|one| payment(one, day)));
    }
    if kind != "SUCCESS" {
        lines.extend(books.refunds.iter().filter_map(|one| refund(books, one, day)));
    }
    lines.sort_by_key(|line| line.at_ms);
    let number = |line: &Line<'_>| line.refund.map_or(line.number, |(number, _)| number).to_owned();
    let lines = with_faults(lines, faulty, number, |line| {
        if line.refund.is_some() {
            line.refund_fee += 1;
            line.settlement_refund += 1;
        } else {
            line.total += 1;
            line.settlement += 1;
        }
    });
    if lines.is_empty() {
        return None;
    }
    let mut text = format!("{}\r\n", header(kind));
    for line in &lines {
        text.push_str(&written(line, known, (day, kind)));
    }
    text.push_str(&summary(&lines, kind));
    Some(text)
}

fn payment<'a>((number, order): (&'a String, &'a Order), day: Day) -> Option<Line<'a>> {
    let Standing::Paid { transaction_id, coupon_fen, at_ms } = &order.standing else {
        return None;
    };
    let settlement = order.amount_fen.saturating_sub(*coupon_fen);
    day.has(*at_ms).then(|| Line {
        at_ms: *at_ms,
        number,
        order,
        transaction_id,
        coupon: signed(*coupon_fen),
        refund: None,
        total: signed(order.amount_fen),
        settlement: signed(settlement),
        refund_fee: 0,
        settlement_refund: 0,
        charge: signed(charge_fen(settlement)),
    })
}

fn refund<'a>(
    books: &'a Books,
    (number, refund): (&'a String, &'a Refund),
    day: Day,
) -> Option<Line<'a>> {
    let (out_trade_no, order) = books.orders.get_key_value(&refund.out_trade_no)?;
    let Standing::Paid { transaction_id, .. } = &order.standing else { return None };
    day.has(refund.at_ms).then(|| Line {
        at_ms: refund.at_ms,
        number: out_trade_no,
        order,
        transaction_id,
        coupon: 0,
        refund: Some((number, refund)),
        total: 0,
        settlement: 0,
        refund_fee: signed(refund.amount_fen),
        settlement_refund: signed(refund.settlement_fen()),
        charge: -signed(refund.charge_fen),
    })
}

const START: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额";
const REFUND_TIMES: &str = ",退款申请时间,退款成功时间";
const REFUND_PART: &str = ",微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态";
const END: &str = ",商品名称,商户数据包,手续费,费率,订单金额";

fn header(kind: &str) -> String {
    match kind {
        "SUCCESS" => format!("{START}{END},费率备注"),
        "REFUND" => format!("{START}{REFUND_TIMES}{REFUND_PART}{END},申请退款金额,费率备注"),
        _ => format!("{START}{REFUND_PART}{END},申请退款金额,费率备注"),
    }
}

fn written(of: &Line<'_>, known: &Credentials, (day, kind): (Day, &str)) -> String {
    let request = |name| of.order.request.get(name).unwrap_or_default();
    let at = to_dashed(of.at_ms);
    let (settlement, coupon, total) = (yuan(of.settlement), yuan(of.coupon), yuan(of.total));
    let device = request("device_info");
    let state = if of.refund.is_some() { "REFUND" } else { "SUCCESS" };
    let mut values = vec![
        at.as_str(),
        &known.app_id,
        &known.mch_id,
        "0",
        device,
        of.transaction_id,
        of.number,
        request("openid"),
        "JSAPI",
        state,
        "OTHERS",
        "CNY",
        &settlement,
        &coupon,
    ];
    let (refund_fee, settlement_refund) = (yuan(of.refund_fee), yuan(of.settlement_refund));
    let end = of.refund.and_then(|(_, refund)| refund.end_at(day.made_at_ms()));
    let success_at = match (end, of.refund) {
        (Some(End::Success), Some((_, refund))) => to_dashed(refund.ends_at_ms),
        _ => String::new(),
    };
    if kind == "REFUND" {
        values.extend([at.as_str(), &success_at]);
    }
    if kind != "SUCCESS" {
        let (id, number, channel, status) = match of.refund {
            None => ("0", "0", "", ""),
            Some((number, refund)) => {
                let status = match end {
                    None => "PROCESSING",
                    Some(End::Success) => "SUCCESS",
                    Some(End::Changed) => "CHANGE",
                    Some(End::Closed) => "FAIL",
                };
                (refund.refund_id.as_str(), number, "ORIGINAL", status)
            }
        };
        values.extend([id, number, &settlement_refund, "0.00", channel, status]);
    }
    let charge = format!("{}000", yuan(of.charge));
    values.extend([request("body"), request("attach"), &charge, RATE, &total]);
    if kind != "SUCCESS" {
        values.push(&refund_fee);
    }
    values.push("");
    line(&values)
}

fn summary(lines: &[Line<'_>], kind: &str) -> String {
    let sum = |of: fn(&Line<'_>) -> i64| yuan(lines.iter().map(of).sum());
    let (settlement, total) = (sum(|line| line.settlement), sum(|line| line.total));
    let charge = format!("{}000", sum(|line| line.charge));
    let count = lines.len().to_string();
    if kind == "SUCCESS" {
        let names = "总交易单数,应结订单总金额,手续费总金额,订单总金额";
        return format!("{names}\r\n{}", line(&[&count, &settlement, &charge, &total]));
    }
    let names = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
    let (back, asked) = (sum(|line| line.settlement_refund), sum(|line| line.refund_fee));
    let values = [count.as_str(), &settlement, &back, "0.00", &charge, &total, &asked];
    format!("{names}\r\n{}", line(&values))
}
