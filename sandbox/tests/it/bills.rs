//! Bills of a day: what the books say, packed or not, too early or not, and with lines that were tampered with.

use serde_json::json;
use tally_wechat::bill::{
    AccountType, BillDay, BillFault, BillRefusal, BillType, FundFlowReader, FundSummary, LineFault,
    TradeReader, TradeState, TradeSummary,
};
use tally_wechat::client::Download;
use tally_wechat::{Outcome, SignType};

use crate::support::{Stage, Taker, transfer};
use crate::walk::done;

/// A row as far as it is compared: its number, its state, its amount.
type Row = (String, TradeState, i64, String);

async fn text(mut download: Download) -> Vec<u8> {
    let mut text = vec![];
    while let Some(piece) = download.next().await.unwrap() {
        text.extend(piece);
    }
    text
}

async fn trade(
    stage: &Stage,
    day: &BillDay,
    kind: BillType,
    packed: bool,
) -> Result<(Vec<Row>, TradeSummary), BillFault> {
    let Outcome::Done(download) = stage.client.trade_bill(day, kind, packed).await else {
        panic!("there is a bill")
    };
    let (mut reader, mut rows) = (TradeReader::new(), vec![]);
    let mut tell = |row: tally_wechat::bill::TradeRow<'_>| {
        let (number, fen, status) = match row.refund {
            Some(refund) => (refund.out_refund_no, refund.refund_fee, refund.status),
            None => (row.out_trade_no, row.total_fee, ""),
        };
        rows.push((number.to_owned(), row.state, fen, status.to_owned()));
    };
    reader.push(&text(download).await, &mut tell)?;
    let summary = reader.finish(&mut tell)?;
    Ok((rows, summary))
}

async fn flow(
    stage: &Stage,
    day: &BillDay,
) -> Result<(Vec<(String, i64)>, FundSummary), BillFault> {
    let Outcome::Done(download) = stage.client.fund_flow(day, AccountType::Basic, true).await
    else {
        panic!("there is a bill")
    };
    let (mut reader, mut rows, mut balance) = (FundFlowReader::new(), vec![], None);
    let mut tell = |row: tally_wechat::bill::FundRow<'_>| {
        let fen = match row.direction {
            tally_wechat::bill::Direction::In => row.amount,
            tally_wechat::bill::Direction::Out => -row.amount,
        };
        assert!(balance.is_none_or(|before: i64| before + fen == row.balance), "{row:?}");
        balance = Some(row.balance);
        rows.push((row.voucher_no.to_owned(), fen));
    };
    reader.push(&text(download).await, &mut tell)?;
    let summary = reader.finish(&mut tell)?;
    Ok((rows, summary))
}

/// A day with three payments, one of them with a coupon, two refunds and a transfer; it is over, and its bill is there.
async fn day() -> (Stage, BillDay) {
    let stage = Stage::with(SignType::Md5, |settings| {
        settings.refund_takes = std::time::Duration::from_secs(72 * 3_600);
    })
    .await;
    let mut taker = Taker::failing(0).await;
    stage.noon().await;
    let day = BillDay::at(stage.now_ms().await);
    let first = stage.paid("m1-A0001", &mut taker).await;
    stage.advance(10).await;
    let second = stage.paid("m1-A0002", &mut taker).await;
    stage.advance(10).await;
    done(stage.client.unified_order(&stage.order("m1-A0003", &taker.url).await).await);
    let (status, _) = stage.post("orders/m1-A0003/pay", json!({"coupon_fen": 280})).await;
    assert_eq!(status, 200);
    taker.paid(&stage).await;
    done(stage.client.unified_order(&stage.order("m1-A0004", &taker.url).await).await);
    stage.advance(10).await;
    done(stage.client.refund(&stage.refund(&first, "m1-R0001", 640, &taker.url)).await);
    stage.advance(10).await;
    done(stage.client.refund(&stage.refund(&second, "m1-R0002", 1280, &taker.url)).await);
    stage.advance(10).await;
    done(stage.client.transfer(&transfer("W1", 500)).await);
    stage.advance(22 * 3_600).await;
    (stage, day)
}

fn rows() -> Vec<Row> {
    let payment = |number: &str| (number.to_owned(), TradeState::Success, 1280, String::new());
    let refund =
        |number: &str, fen| (number.to_owned(), TradeState::Refund, fen, "PROCESSING".into());
    vec![
        payment("m1-A0001"),
        payment("m1-A0002"),
        payment("m1-A0003"),
        refund("m1-R0001", 640),
        refund("m1-R0002", 1280),
    ]
}

#[tokio::test]
async fn the_bill_of_a_day_says_what_the_books_say() {
    let (stage, day) = day().await;
    let (found, summary) = trade(&stage, &day, BillType::All, false).await.unwrap();
    assert_eq!(found, rows());
    assert_eq!((summary.total_fee, summary.settlement_total_fee), (3 * 1280, 3 * 1280 - 280));
    assert_eq!((summary.refund_fee, summary.settlement_refund_fee), (1920, 1920));
    // 8 + 8 + 6 fen were charged, 4 + 8 came back.
    assert_eq!(summary.charge_e5, 10_000);
    assert_eq!(trade(&stage, &day, BillType::All, true).await.unwrap(), (found, summary));
    let payments = trade(&stage, &day, BillType::Success, true).await.unwrap().0;
    assert_eq!(payments, rows()[..3]);
    let refunds = trade(&stage, &day, BillType::Refund, false).await.unwrap().0;
    assert_eq!(refunds, rows()[3..]);

    let (moved, summary) = flow(&stage, &day).await.unwrap();
    let moved: Vec<(&str, i64)> =
        moved.iter().map(|(number, fen)| (number.as_str(), *fen)).collect();
    assert_eq!(
        moved,
        [
            ("m1-A0001", 1280),
            ("m1-A0001", -8),
            ("m1-A0002", 1280),
            ("m1-A0002", -8),
            ("m1-A0003", 1000),
            ("m1-A0003", -6),
            ("m1-R0001", -636),
            ("m1-R0002", -1272),
            ("W1", -500),
        ]
    );
    assert_eq!((summary.income, summary.expense), (3560, 22 + 636 + 1272 + 500));
}

#[tokio::test]
async fn a_bill_is_there_from_ten_of_the_next_day_and_not_for_days_without_trade() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    stage.noon().await;
    let day = BillDay::at(stage.now_ms().await);
    stage.paid("m1-A0001", &mut taker).await;
    let ask = async |day: &BillDay| {
        let trade = match stage.client.trade_bill(day, BillType::All, true).await {
            Outcome::Refused(BillRefusal::NoBill(_)) => "none",
            Outcome::Refused(BillRefusal::NotYet(_)) => "not yet",
            Outcome::Done(_) => "there",
            outcome @ (Outcome::Refused(_) | Outcome::Unknown(_)) => panic!("{outcome:?}"),
        };
        let flow = match stage.client.fund_flow(day, AccountType::Basic, false).await {
            Outcome::Refused(BillRefusal::NoBill(_)) => "none",
            Outcome::Refused(BillRefusal::NotYet(_)) => "not yet",
            Outcome::Done(_) => "there",
            outcome @ (Outcome::Refused(_) | Outcome::Unknown(_)) => panic!("{outcome:?}"),
        };
        assert_eq!(trade, flow);
        trade
    };
    assert_eq!(ask(&day).await, "none");
    stage.advance(20 * 3_600 + 1_800).await;
    assert_eq!(ask(&day).await, "none");
    stage.advance(3_600).await;
    assert_eq!(ask(&day).await, "not yet");
    stage.advance(3_600).await;
    assert_eq!(ask(&day).await, "there");
    assert_eq!(ask(&BillDay::at(stage.now_ms().await)).await, "none");
    assert_eq!(ask(&BillDay::at(stage.now_ms().await - 5 * 24 * 3_600_000)).await, "none");
    let fees = stage.client.fund_flow(&day, AccountType::Fees, false).await;
    assert!(matches!(fees, Outcome::Refused(BillRefusal::NoBill(_))), "{fees:?}");
    for _ in 0..3 {
        stage.advance(31 * 24 * 3_600).await;
    }
    assert_eq!(ask(&day).await, "none");
}

#[tokio::test]
async fn lines_go_missing_or_double_or_differ_by_a_fen_and_the_sums_go_with_them() {
    let (stage, day) = day().await;
    for (fault, count, fen) in [("line_doubled", 10, 7680), ("line_altered", 5, 3843)] {
        stage.set_faults("trade_bill", fault).await;
        let (found, summary) = trade(&stage, &day, BillType::All, true).await.unwrap();
        assert_eq!((found.len(), summary.total_fee), (count, fen), "{fault}");
        stage.set_faults("fund_flow", fault).await;
        // The chain of balances breaks there, which is for whoever compares.
        let Outcome::Done(download) = stage.client.fund_flow(&day, AccountType::Basic, true).await
        else {
            panic!("there is a bill")
        };
        let mut reader = FundFlowReader::new();
        reader.push(&text(download).await, &mut |_| ()).unwrap();
        reader.finish(&mut |_| ()).unwrap();
    }
    let plan = json!({"seed": 7, "faults": [{"on": "trade_bill", "fault": "line_missing", "per_mille": 400}]});
    let url = format!("{}/sandbox/faults", stage.sandbox.url());
    assert_eq!(stage.http.put(url).json(&plan).send().await.unwrap().status().as_u16(), 200);
    let (found, summary) = trade(&stage, &day, BillType::All, true).await.unwrap();
    assert!((1..5).contains(&found.len()), "{found:?}");
    assert!(found.iter().all(|row| rows().contains(row)));
    assert_eq!(trade(&stage, &day, BillType::All, false).await.unwrap(), (found, summary));

    stage.set_faults("trade_bill", "line_missing").await;
    let none = stage.client.trade_bill(&day, BillType::All, true).await;
    assert!(matches!(none, Outcome::Refused(BillRefusal::NoBill(_))), "{none:?}");
    stage.set_faults("trade_bill", "cut_off").await;
    let fault = trade(&stage, &day, BillType::All, false).await.unwrap_err();
    assert_eq!(fault.what, LineFault::CutOff);
    for fault in ["system_error", "answer_lost", "time_out"] {
        stage.set_faults("trade_bill", fault).await;
        let outcome = stage.client.trade_bill(&day, BillType::All, true).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{fault}: {outcome:?}");
    }
    stage.no_faults().await;
    assert_eq!(trade(&stage, &day, BillType::All, true).await.unwrap().0, rows());
}

/// The rows of a bill; none where there is no bill.
async fn rows_of(stage: &Stage, day: &BillDay, kind: BillType, packed: bool) -> Vec<Row> {
    match stage.client.trade_bill(day, kind, packed).await {
        Outcome::Refused(BillRefusal::NoBill(_)) => vec![],
        Outcome::Done(_) => trade(stage, day, kind, packed).await.unwrap().0,
        outcome @ (Outcome::Refused(_) | Outcome::Unknown(_)) => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn the_same_lines_go_wrong_in_every_kind_of_bill_packed_or_not() {
    let (stage, day) = day().await;
    let mut changed = 0;
    for fault in ["line_missing", "line_doubled", "line_altered"] {
        for seed in 1..5 {
            let rule = json!({"on": "trade_bill", "fault": fault, "per_mille": 500});
            let plan = json!({"seed": seed, "faults": [rule]});
            let url = format!("{}/sandbox/faults", stage.sandbox.url());
            let set = stage.http.put(url).json(&plan).send().await.unwrap();
            assert_eq!(set.status().as_u16(), 200);
            let all = rows_of(&stage, &day, BillType::All, true).await;
            changed += u32::from(all != rows());
            for packed in [true, false] {
                let mut parts = rows_of(&stage, &day, BillType::Success, packed).await;
                parts.extend(rows_of(&stage, &day, BillType::Refund, packed).await);
                assert_eq!(parts, all, "{fault}, seed {seed}, packed {packed}");
            }
        }
    }
    assert!(changed > 6, "half of the lines go wrong");
}
