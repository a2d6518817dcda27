//! What was answered is there again after a restart, and notices go on.

use std::io::Write;

use serde_json::json;
use tally_sandbox::{JournalFault, Sandbox, StartFault};
use tally_wechat::order_query::OrderState;
use tally_wechat::transfer::TransferState;
use tally_wechat::unified_order::{NewOrder, UnifiedOrder};
use tally_wechat::{Outcome, SignType};
use tokio::sync::mpsc;

use crate::support::{Stage, Taker, settings, transfer, until};
use crate::walk::done;

#[tokio::test]
async fn orders_payments_transfers_and_owed_notices_survive() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(1).await;
    let open = stage.order("m1-A0001", &taker.url).await;
    let prepaid = done(stage.client.unified_order(&open).await);
    done(stage.client.unified_order(&stage.order("m1-A0002", &taker.url).await).await);
    let made = done(stage.client.transfer(&transfer("W1", 1000)).await);
    stage.advance(301).await;
    let before_ms = stage.now_ms().await;
    done(stage.client.unified_order(&stage.order("m1-A0003", &taker.url).await).await);
    done(stage.client.close_order("m1-A0002").await);
    stage.set_faults("notice", "lost").await;
    let transaction_id = stage.pay("m1-A0003").await;

    let mut stage = stage.restarted().await;
    assert!(stage.now_ms().await >= before_ms);
    assert_eq!(done(stage.client.unified_order(&open).await), prepaid);
    assert_eq!(done(stage.client.order_query("m1-A0002").await), OrderState::Closed);
    assert_eq!(done(stage.client.transfer(&transfer("W1", 1000)).await), made);
    let state = done(stage.client.transfer_query("W1").await);
    assert!(matches!(state, TransferState::Succeeded { amount: 1000, .. }));
    for _ in 0..2 {
        assert_eq!(taker.paid(&stage).await.transaction_id, transaction_id);
    }
    until(&stage, "books", |books| books["notices_owed"] == 0).await;
    let books = stage.get("books").await;
    for _ in 0..3 {
        stage = stage.restarted().await;
        assert_eq!(stage.get("books").await, books);
    }
    assert!(taker.is_quiet());
}

#[tokio::test]
async fn what_was_acknowledged_before_a_drop_in_full_swing_is_there() {
    let Stage { folder, sandbox, client, http, .. } = Stage::new().await;
    let url = sandbox.url();
    let (tell, mut acknowledged) = mpsc::unbounded_channel();
    let customers: Vec<_> = (0..8)
        .map(|customer| {
            let (client, tell) = (client.clone(), tell.clone());
            let (http, url) = (http.clone(), url.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    let out_trade_no = format!("m{customer}-{number:05}");
                    let transfer = transfer(&format!("W{customer}x{number}"), 100);
                    let Outcome::Done(_) = client.transfer(&transfer).await else { return };
                    tell.send(format!("W{customer}x{number}")).unwrap();
                    let request = order_now(&out_trade_no);
                    let Outcome::Done(_) = client.unified_order(&request).await else { return };
                    let pay = format!("{url}/sandbox/orders/{out_trade_no}/pay");
                    let Ok(answer) = http.post(pay).send().await else { return };
                    let Ok(paid) = answer.json::<serde_json::Value>().await else { return };
                    let Some(transaction_id) = paid["transaction_id"].as_str() else { return };
                    tell.send(transaction_id.to_owned()).unwrap();
                }
            })
        })
        .collect();
    let mut ledger = Vec::new();
    while ledger.len() < 100 {
        ledger.push(acknowledged.recv().await.unwrap());
    }
    drop(sandbox);
    for customer in customers {
        customer.await.unwrap();
    }
    while let Ok(late) = acknowledged.try_recv() {
        ledger.push(late);
    }
    let sandbox = reopened(&folder.path().join("sandbox")).await;
    let mut known = String::new();
    for list in ["orders", "transfers"] {
        let url = format!("{}/sandbox/{list}?limit=10000", sandbox.url());
        known += &http.get(url).send().await.unwrap().text().await.unwrap();
    }
    for number in ledger {
        assert!(known.contains(&format!("\"{number}\"")), "{number} is lost");
    }
}

fn order_now(out_trade_no: &str) -> UnifiedOrder {
    let new = NewOrder {
        out_trade_no,
        body: "a",
        total_fee: 1,
        payer_ip: "203.0.113.7".parse().unwrap(),
        openid: "o1",
        notify_url: "http://127.0.0.1:1/notify",
        starts_at_ms: 0,
        expires_at_ms: 4_000_000_000_000,
        sign_type: SignType::Md5,
    };
    UnifiedOrder::new(new).unwrap()
}

/// A sandbox on the file of one that is about to let go of it.
async fn reopened(path: &std::path::Path) -> Sandbox {
    loop {
        match Sandbox::start(settings(path.to_owned())).await {
            Ok(sandbox) => return sandbox,
            Err(StartFault::Journal(JournalFault::InUse(_))) => tokio::task::yield_now().await,
            Err(fault) => panic!("{fault}"),
        }
    }
}

#[tokio::test]
async fn a_file_cut_at_any_byte_opens_and_holds_all_whole_lines() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    for number in ["m1-A0001", "m1-A0002", "m1-A0003"] {
        done(stage.client.unified_order(&stage.order(number, &taker.url).await).await);
    }
    let path = stage.folder.path().join("sandbox");
    let whole = std::fs::read(&path).unwrap();
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.filter(|line| line.contains("order_opened")).count()
    };
    for cut in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 1, whole.len()] {
        let copy = stage.folder.path().join(format!("cut-{cut}"));
        std::fs::File::create(&copy).unwrap().write_all(&whole[..cut]).unwrap();
        let sandbox = Sandbox::start(settings(copy)).await.unwrap();
        let url = format!("{}/sandbox/books", sandbox.url());
        let books: serde_json::Value =
            stage.http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(books["orders_open"], json!(lines(&whole[..cut])), "cut at {cut}");
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn two_sandboxes_do_not_share_a_file() {
    let stage = Stage::new().await;
    let second = Sandbox::start(settings(stage.folder.path().join("sandbox"))).await;
    let fault = second.unwrap_err();
    assert!(matches!(fault, StartFault::Journal(JournalFault::InUse(_))), "{fault}");
}
