//! Bills as a whole: whatever is missing, doubled or altered in amount is found, and the line is named.

use super::*;
use proptest::prelude::*;

const HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A row: its number, its amount in fen, whether it is a refund.
fn line(number: usize, fen: u64, refund: bool, body: &str) -> String {
    let (paid, back) = if refund { (0, fen) } else { (fen, 0) };
    let (state, id, no) = match refund {
        true => ("REFUND", format!("50{number}"), format!("R{number}")),
        false => ("SUCCESS", "0".to_owned(), "0".to_owned()),
    };
    let sign = if refund { "-" } else { "" };
    let (paid, back) = (yuan(paid), yuan(back));
    let charge = yuan(fen / 100);
    format!(
        "`2024-02-29 09:12:01,`wx1,`19,`0,`,`42{number},`A{number},`o1,`JSAPI,`{state},`CMB,`CNY,`{paid},`0.00,`{id},`{no},`{back},`0.00,`,`,`{body},`m,`{sign}{charge}000,`1.00%,`{paid},`{back},`"
    )
}

/// The lines of a bill of rows, which are amounts, negative for refunds.
fn bill(rows: &[i64], body: &str) -> Vec<String> {
    let mut lines = vec![HEADER.to_owned()];
    let (mut paid, mut back, mut charge) = (0, 0, 0_i64);
    for (number, fen) in rows.iter().enumerate() {
        let size = fen.unsigned_abs();
        lines.push(line(number, size, *fen < 0, body));
        if *fen < 0 {
            back += size
        } else {
            paid += size
        }
        charge += i64::try_from(size / 100).unwrap() * fen.signum();
    }
    let sign = if charge < 0 { "-" } else { "" };
    let (charge, count) = (yuan(charge.unsigned_abs()), rows.len());
    let (paid, back) = (yuan(paid), yuan(back));
    lines.push(SUMMARY.to_owned());
    lines.push(format!("`{count},`{paid},`{back},`0.00,`{sign}{charge}000,`{paid},`{back}"));
    lines
}

fn read(text: &str, piece: usize) -> Result<(Vec<i64>, TradeSummary), BillFault> {
    let (mut reader, mut rows) = (TradeReader::new(), vec![]);
    let mut tell = |row: TradeRow<'_>| {
        rows.push(row.refund.map_or(row.total_fee, |refund| -refund.refund_fee));
    };
    for piece in text.as_bytes().chunks(piece) {
        reader.push(piece, &mut tell)?;
    }
    let summary = reader.finish(&mut tell)?;
    Ok((rows, summary))
}

fn amounts() -> impl Strategy<Value = Vec<i64>> {
    let amount = prop_oneof![1..10_000_000_i64, -10_000_000..-1_i64];
    prop::collection::vec(amount, 1..20)
}

proptest! {
    #[test]
    fn a_bill_is_read_the_same_in_pieces_of_any_size(rows in amounts(), piece in 1..3_000_usize, end in "(\r?\n)?", crlf in any::<bool>(), body in "[^,`\r\n\0]{0,20}(,[^`\r\n]{0,5})?") {
        let text = bill(&rows, &body).join(if crlf { "\r\n" } else { "\n" }) + &end;
        let (found, summary) = read(&text, piece).unwrap();
        prop_assert_eq!(summary.rows, rows.len() as u64);
        prop_assert_eq!(found, rows);
    }

    #[test]
    fn a_line_that_is_missing_or_doubled_or_altered_is_found(rows in amounts(), at in any::<prop::sample::Index>(), how in 0..3_u8) {
        let mut lines = bill(&rows, "a");
        let row = at.index(rows.len());
        match how {
            0 => drop(lines.remove(row + 1)),
            1 => lines.insert(row + 1, lines[row + 1].clone()),
            _ => lines[row + 1] = line(row, rows[row].unsigned_abs() + 1, rows[row] < 0, "a"),
        }
        let last = lines.len() as u64;
        let fault = read(&lines.join("\n"), 999).unwrap_err();
        prop_assert_eq!(fault.line, last);
        prop_assert!(matches!(fault.what, LineFault::Summary(_)), "{}", fault);
    }

    #[test]
    fn a_bill_that_ends_early_names_its_last_line(rows in amounts(), at in any::<prop::sample::Index>()) {
        let lines = bill(&rows, "a");
        let whole = at.index(lines.len() - 1) + 1;
        let cut = BillFault { line: whole as u64, what: LineFault::CutOff };
        prop_assert_eq!(read(&(lines[..whole].join("\n") + "\n"), 999), Err(cut));
        let next = &lines[whole];
        let half = next.char_indices().nth(next.chars().count() / 2).unwrap().0;
        let cut = BillFault { line: whole as u64 + 1, what: LineFault::CutOff };
        prop_assert_eq!(read(&(lines[..whole].join("\n") + "\n" + &next[..half]), 999), Err(cut));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(交易时间|`|,|0|1.5|-|\n|\r|a|总交易单数){0,60}", bytes in prop::collection::vec(any::<u8>(), 0..200), mixed in any::<bool>()) {
        let start = if mixed { format!("{HEADER}\n") } else { String::new() };
        let _ = read(&(start.clone() + &text), 7);
        let mut reader = FundFlowReader::new();
        let _ = reader.push(&bytes, &mut |_| ());
        let _ = reader.finish(&mut |_| ());
        let mut reader = TradeReader::new();
        let _ = reader.push(start.as_bytes(), &mut |_| ());
        let _ = reader.push(&bytes, &mut |_| ());
    }
}

#[test]
fn each_fault_names_its_line_and_what_is_wrong() {
    use LineFault::{AfterSummary, ColumnMissing, ColumnTwice, CutOff, Kind, Value, Values};
    let good = bill(&[100, -100], "a");
    let with = |at: usize, line: &str| {
        let mut lines = good.clone();
        lines[at] = line.to_owned();
        lines.join("\n") + "\n"
    };
    let row = |old: &str, new: &str| with(1, &good[1].replace(old, new));
    let refund = |old: &str, new: &str| with(2, &good[2].replace(old, new));
    for (text, line, what) in [
        (String::new(), 1, CutOff),
        (with(0, &good[1]), 1, Kind("header")),
        (with(0, &HEADER.replace("交易状态,", "")), 1, ColumnMissing("交易状态")),
        (with(0, &HEADER.replace("商户号,特约", "商户号,商户号,特约")), 1, ColumnTwice("商户号")),
        (row(",`a,`", ",`a,`b,`"), 2, Values { columns: 27, found: 28 }),
        (row(",`m,`", ",`"), 2, Values { columns: 27, found: 26 }),
        (row("2024-02-29", "2024-02-30"), 2, Value("交易时间")),
        (row("`SUCCESS", "`SUCCES"), 2, Value("交易状态")),
        (row("`1.00,`0.00", "`1.001,`0.00"), 2, Value("应结订单金额")),
        (row("`1.00,`0.00", "`1,00,`0.00"), 2, Value("应结订单金额")),
        (row("`420", "`"), 2, Value("微信订单号")),
        (row("`A0", "`"), 2, Value("商户订单号")),
        (row("`0.01000", "`"), 2, Value("手续费")),
        (row("`SUCCESS", "`REFUND"), 2, Value("微信退款单号")),
        (refund("`501", "`0"), 3, Value("微信退款单号")),
        (refund("`R1", "`0"), 3, Value("商户退款单号")),
        (with(3, &good[1].replace('`', "")), 4, ColumnMissing("总交易单数")),
        (with(4, SUMMARY), 5, Kind("summary")),
        (good.join("\n") + "\n" + &good[1], 6, AfterSummary),
        (good.join("\n").replace("`2,`1.00", "`x,`1.00"), 5, CutOff),
    ] {
        assert_eq!(read(&text, 999), Err(BillFault { line, what }), "{text}");
    }
    let shown = BillFault { line: 3, what: CutOff }.to_string();
    assert!(shown.starts_with("line 3 of the bill is the last one"), "{shown}");
}
