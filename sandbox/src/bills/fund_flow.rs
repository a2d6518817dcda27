//! The fund-flow bill of the basic account: payments, WeChat's charges, refunds net of the charge that comes back, refunds
//! that came back, transfers.

use tally_wechat::time::{to_compact, to_dashed};

use super::{Day, line, signed, with_faults, yuan};
use crate::books::{Books, Standing};
use crate::charge::charge_fen;
use crate::faults::Fault;
use crate::refund_book::End;
use crate::settings::Credentials;

/// A movement; what came in is positive, in fen.
#[derive(Debug, Clone)]
struct Movement<'a> {
    at_ms: i64,
    business_no: &'a str,
    voucher_no: &'a str,
    name: &'static str,
    fen: i64,
    note: String,
    /// Its own number, and what the account held afterwards.
    flow_no: String,
    balance: i64,
}

/// The bill of a day; `None`: nothing moved.
pub(super) fn text(
    books: &Books,
    known: &Credentials,
    day: Day,
    faulty: &dyn Fn(&str) -> Option<Fault>,
) -> Option<String> {
    let mut all = movements(books);
    all.retain(|movement| movement.at_ms < day.end_ms());
    all.sort_by_key(|movement| movement.at_ms);
    let (mut balance, mut number) = (0, 0_u64);
    for movement in &mut all {
        balance += movement.fen;
        movement.balance = balance;
        number += 1;
        movement.flow_no =
            format!("{}{}{number:010}", known.mch_id, &to_compact(movement.at_ms)[..8]);
    }
    all.retain(|movement| day.has(movement.at_ms));
    let voucher = |movement: &Movement<'_>| movement.voucher_no.to_owned();
    let lines = with_faults(all, faulty, voucher, |movement| movement.fen += movement.fen.signum());
    if lines.is_empty() {
        return None;
    }
    let mut text = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号\r\n".to_owned();
    for of in &lines {
        let way = if of.fen < 0 { "支出" } else { "收入" };
        let (at, fen, balance) = (to_dashed(of.at_ms), yuan(of.fen.abs()), yuan(of.balance));
        text.push_str(&line(&[
            &at,
            of.business_no,
            &of.flow_no,
            of.name,
            of.name,
            way,
            &fen,
            &balance,
            "system",
            &of.note,
            of.voucher_no,
        ]));
    }
    text.push_str(&summary(&lines));
    Some(text)
}

fn movements(books: &Books) -> Vec<Movement<'_>> {
    let mut all = Vec::new();
    let mut moved = |at_ms, (business_no, voucher_no), name, fen, note| {
        if fen != 0 {
            let (flow_no, balance) = (String::new(), 0);
            all.push(Movement {
                at_ms,
                business_no,
                voucher_no,
                name,
                fen,
                note,
                flow_no,
                balance,
            });
        }
    };
    for (number, order) in &books.orders {
        let Standing::Paid { transaction_id, coupon_fen, at_ms } = &order.standing else {
            continue;
        };
        let brought = order.amount_fen.saturating_sub(*coupon_fen);
        let (of, charge) =
            ((transaction_id.as_str(), number.as_str()), signed(charge_fen(brought)));
        moved(*at_ms, of, "交易", signed(brought), String::new());
        moved(*at_ms, of, "扣除交易手续费", -charge, String::new());
    }
    for (number, refund) in &books.refunds {
        let of = (refund.refund_id.as_str(), number.as_str());
        let (given, charge) = (signed(refund.settlement_fen()), signed(refund.charge_fen));
        let note = format!("退款总金额{}元;含手续费{}元", yuan(given), yuan(charge));
        moved(refund.at_ms, of, "退款", charge - given, note);
        match refund.ends {
            End::Success => {}
            End::Changed | End::Closed => {
                moved(refund.ends_at_ms, of, "退款失败退回", given - charge, String::new());
            }
        }
    }
    for (number, made) in books.transfers.iter().filter(|(_, made)| !made.failed) {
        let of = (made.payment_no.as_str(), number.as_str());
        moved(made.at_ms, of, "企业付款", -signed(made.amount_fen), String::new());
    }
    all
}

/// Counts are printed as decimals, as in WeChat's example.
fn summary(lines: &[Movement<'_>]) -> String {
    let came: Vec<i64> = lines.iter().map(|of| of.fen).filter(|fen| *fen > 0).collect();
    let went: Vec<i64> = lines.iter().map(|of| -of.fen).filter(|fen| *fen > 0).collect();
    let count = |of: usize| format!("{of}.0");
    let values = [
        count(lines.len()),
        count(came.len()),
        yuan(came.iter().sum()),
        count(went.len()),
        yuan(went.iter().sum()),
    ];
    let names = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";
    format!("{names}\r\n{}", line(&values.each_ref().map(String::as_str)))
}
