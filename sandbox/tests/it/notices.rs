//! Notices: up the ladder until they are taken, the same payment each time.

use serde_json::json;
use tally_sandbox::Notify;
use tally_wechat::SignType;

use crate::support::{Stage, Taker, until};
use crate::walk::done;

#[test]
fn the_ladder_is_wechats() {
    let ladder = Notify::default().ladder;
    let total: u64 = ladder.iter().map(std::time::Duration::as_secs).sum();
    assert_eq!((ladder.len(), total), (15, 24 * 3600 + 4 * 60));
    let faster: u128 =
        Notify::faster(1_000).ladder.iter().map(std::time::Duration::as_millis).sum();
    assert_eq!(faster, u128::from(total));
}

#[tokio::test]
async fn a_notice_is_repeated_until_it_is_taken_and_tells_the_same_payment() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(3).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    stage.pay("m1-A0001").await;
    let first = taker.paid(&stage).await;
    for _ in 0..3 {
        assert_eq!(taker.paid(&stage).await, first);
    }
    let order = until(&stage, "orders/m1-A0001", |order| order["notice_taken"] == true).await;
    assert_eq!(order["notice_tries"], 4);
    assert!(taker.is_quiet());
}

#[tokio::test]
async fn a_notice_that_nobody_takes_is_given_up_after_the_ladder() {
    let stage = Stage::with(SignType::Md5, |settings| settings.notify.ladder.truncate(2)).await;
    let mut taker = Taker::failing(usize::MAX).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    stage.pay("m1-A0001").await;
    for _ in 0..3 {
        taker.paid(&stage).await;
    }
    let order = until(&stage, "orders/m1-A0001", |order| order["notice_tries"] == 3).await;
    assert_eq!(order["notice_taken"], false);
}

#[tokio::test]
async fn a_lost_notice_comes_later_and_a_doubled_one_twice() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    stage.set_faults("notice", "lost").await;
    let transaction_id = stage.pay("m1-A0001").await;
    until(&stage, "orders/m1-A0001", |order| order["notice_tries"].as_u64() > Some(0)).await;
    assert!(taker.is_quiet());
    stage.no_faults().await;
    assert_eq!(taker.paid(&stage).await.transaction_id, transaction_id);

    done(stage.client.unified_order(&stage.order("m1-A0002", &taker.url).await).await);
    stage.set_faults("notice", "doubled").await;
    let transaction_id = stage.pay("m1-A0002").await;
    for _ in 0..2 {
        assert_eq!(taker.paid(&stage).await.transaction_id, transaction_id);
    }
}

#[tokio::test]
async fn a_notice_is_sent_many_times_at_once_on_demand() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    let (status, _) = stage.post("orders/m1-A0001/notice", json!({"copies": 50})).await;
    assert_eq!(status, 409);
    stage.pay("m1-A0001").await;
    let (status, sent) = stage.post("orders/m1-A0001/notice", json!({"copies": 50})).await;
    assert_eq!((status, sent), (200, json!({"sent": 50, "taken": 50})));
    let first = taker.paid(&stage).await;
    for _ in 0..50 {
        assert_eq!(taker.paid(&stage).await, first);
    }
}
