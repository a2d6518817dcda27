//! A million lines of a bill against a million payments: how long it takes, and how much memory.

use std::time::Instant;

use tally_wechat::bill::TradeReader;

use super::compare::compare;
use super::parts::Parts;
use super::record::{Line, Own};

const PAYMENTS: usize = 1_000_000;
const HEADER: &str = "交易时间,公众账号ID,商户号,微信订单号,商户订单号,用户标识,交易类型,交易状态,货币种类,应结订单金额,手续费,费率,订单金额\r\n";

fn row(n: usize) -> String {
    format!(
        "`2026-01-31 {:02}:{:02}:{:02},`wx8888888888888888,`1900000109,`42000000002026013100{n:08},`m{}-O{n:010},`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`CNY,`10.00,`0.06000,`0.60%,`10.00\r\n",
        n / 3_600 % 24,
        n / 60 % 60,
        n % 60,
        n % 1_000
    )
}

fn own(n: usize) -> Own {
    Own {
        at_ms: 1_769_788_800_000,
        out_trade_no: format!("m{}-O{n:010}", n % 1_000),
        transaction_id: format!("42000000002026013100{n:08}"),
        fen: 1_000,
        held: false,
        carried: false,
    }
}

/// The most that this process ever had in memory, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures: cargo test --release --lib a_million_lines -- --ignored --nocapture"]
fn a_million_lines_are_compared_in_bounded_memory() {
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Parts::<Line>::new(folder.path()).unwrap();
    let mut owns = Parts::<Own>::new(folder.path()).unwrap();
    let mut reader = TradeReader::new();
    let mut keep = |row: tally_wechat::bill::TradeRow<'_>| {
        lines.push(row.out_trade_no, &Line::of(&row)).unwrap();
    };
    reader.push(HEADER.as_bytes(), &mut keep).unwrap();
    for n in 0..PAYMENTS {
        reader.push(row(n).as_bytes(), &mut keep).unwrap();
    }
    let sums = format!(
        "总交易单数,应结订单总金额,手续费总金额,订单总金额\r\n`{PAYMENTS},`{0}.00,`{1}.00000,`{0}.00\r\n",
        PAYMENTS * 10,
        PAYMENTS * 6 / 100
    );
    reader.push(sums.as_bytes(), &mut keep).unwrap();
    reader.finish(&mut keep).unwrap();
    let read = began.elapsed();
    for n in 0..PAYMENTS {
        let own = own(n);
        owns.push(&own.out_trade_no, &own).unwrap();
    }
    let mut matched = 0;
    for (lines, owns) in lines.into_parts().zip(owns.into_parts()) {
        let done = compare(lines.read().unwrap(), owns.read().unwrap(), 60);
        assert!(done.differences.is_empty() && done.lacking.is_empty() && done.missing.is_empty());
        matched += done.sums.matched;
    }
    assert_eq!(matched, PAYMENTS as u64);
    let (all, peak) = (began.elapsed(), peak());
    println!("bill read {read:.1?}, all {all:.1?}, {peak} KiB at the most");
    assert!(peak < 200 * 1_024, "{peak} KiB");
}
