//! Days that pass, here and at WeChat: what the sandbox traded stands in its own bills, and is compared with them.

use serde_json::{Value, json};
use tally_actors::domain::time::{At, Day};

use crate::helpers::until;
use crate::shop::RUNS;
use crate::stage::Stage;

const DAY_S: i64 = 86_400;
const ORDERS: &str = "/v1/merchants/m1/orders";

/// A shop whose clock, and WeChat's, are some days behind.
struct Week {
    stage: Stage,
    /// The first day.
    first: Day,
}

impl Week {
    async fn new() -> Self {
        let change = |settings: &mut tally::settings::Settings| {
            settings.transfer_query_seconds = "1".parse().unwrap();
        };
        let stage = Stage::days_ago(12, change).await;
        let rules =
            json!({"merchant_id": "m1", "name": "Tea", "payout_openid": "owner", "fee_bp": 60});
        stage.app.post("/v1/merchants", rules).await.expect(201);
        let today = At::from_ms(stage.now_ms().await).day().days();
        Self { stage, first: Day::from_days(today + 1).unwrap() }
    }

    /// Goes on to so many seconds after the midnight that a day of the week, counted from 0, begins with.
    async fn comes_to(&self, day: i64, seconds: i64) {
        let midnight = (i64::from(self.first.days()) + day) * DAY_S - 8 * 3_600;
        let now = self.stage.now_ms().await.div_euclid(1_000);
        self.stage.passes(midnight + seconds - now).await;
    }

    async fn ordered(&self, no: &str, fen: i64) {
        let order =
            json!({"order_no": no, "amount_fen": fen, "description": "tea", "openid": "alice"});
        self.stage.app.post(ORDERS, order).await.expect(201);
    }

    /// Pays an order; with a coupon of so much.
    async fn pays(&self, no: &str, coupon_fen: i64) {
        self.stage.play(&format!("orders/m1-{no}/pay"), json!({"coupon_fen": coupon_fen})).await;
        until("it is paid", || async {
            self.stage.app.get(&format!("{ORDERS}/{no}")).await.expect(200)["status"] == "paid"
        })
        .await;
    }

    async fn refunds(&self, no: &str, refund_no: &str, fen: i64) {
        let refund = json!({"refund_no": refund_no, "amount_fen": fen});
        self.stage.app.post(&format!("{ORDERS}/{no}/refunds"), refund).await.expect(201);
        let path = format!("/v1/merchants/m1/refunds/{refund_no}");
        until("it is paid back", || async {
            self.stage.app.get(&path).await.expect(200)["status"] == "succeeded"
        })
        .await;
    }

    async fn withdraws(&self, no: &str, fen: i64) {
        let path = "/v1/merchants/m1/withdrawals";
        let withdraw = json!({"withdrawal_no": no, "amount_fen": fen, "settle_first": true});
        self.stage.app.post(path, withdraw).await.expect(201);
        until("it is paid out", || async {
            self.stage.app.get(&format!("{path}/{no}")).await.expect(200)["status"] == "succeeded"
        })
        .await;
    }

    /// Compares a day of the week.
    async fn compared(&self, day: i32) -> Value {
        let date = Day::from_days(self.first.days() + day).unwrap();
        let ran = self.stage.app.post(RUNS, json!({"date": date})).await;
        assert!(matches!(ran.status, 200 | 201), "{date}: {}", ran.body);
        ran.body
    }
}

/// What a day trades: payments, one with a coupon, refunds of them and of the days before, a withdrawal, and all of it again around midnight.
#[actix_web::test]
async fn seven_days_of_clean_traffic_raise_nothing() {
    let week = Week::new().await;
    let mut carried = 0;
    for day in 0..7_i32 {
        let of = i64::from(day);
        let no = |what: &str| format!("{what}{day}00");
        week.comes_to(of, 9 * 3_600).await;
        for what in ["A", "B", "C"] {
            week.ordered(&no(what), 1_280).await;
        }
        week.pays(&no("A"), 0).await;
        week.pays(&no("B"), 281).await;
        week.pays(&no("C"), 0).await;
        if day > 0 {
            // The day before is compared while this one trades.
            week.comes_to(of, 10 * 3_600 + 1_800).await;
            let report = week.compared(day - 1).await;
            assert_eq!(report["differences"], json!({}), "{report}");
            assert_eq!(report["agreed"], true, "{report}");
            assert_eq!(report["sums"]["agreed_charge_fen"], report["sums"]["bill_charge_fen"]);
            carried += report["carried"].as_u64().unwrap();
            week.refunds(&format!("A{}00", day - 1), &no("RA"), 400).await;
        }
        week.comes_to(of, 12 * 3_600).await;
        week.refunds(&no("A"), &no("RB"), 333).await;
        week.refunds(&no("B"), &no("RC"), 1_280).await;
        week.comes_to(of, 15 * 3_600).await;
        week.withdraws(&no("W"), 700).await;
        week.comes_to(of, DAY_S - 60).await;
        for what in ["L", "E"] {
            week.ordered(&no(what), 99).await;
        }
        week.comes_to(of, DAY_S - 2).await;
        week.pays(&no("L"), 0).await;
        week.refunds(&no("C"), &no("RD"), 17).await;
        week.comes_to(of + 1, 0).await;
        week.pays(&no("E"), 0).await;
        week.refunds(&no("L"), &no("RE"), 18).await;
    }
    week.comes_to(7, 10 * 3_600 + 1_800).await;
    let report = week.compared(6).await;
    assert_eq!(report["differences"], json!({}), "{report}");
    // Each is in the bill of its own day: both clocks are alike.
    assert_eq!(carried, 0);
    // Again, and nothing is different.
    for day in [3, 0, 6] {
        assert_eq!(week.compared(day).await["agreed"], true);
    }
    let cases = week.stage.app.get("/v1/cases").await.expect(200);
    assert_eq!(cases["items"], json!([]));
    let traded = week.stage.asked("books").await;
    assert_eq!(
        (&traded["orders_paid"], &traded["refunds"], &traded["transfers"]),
        (&json!(35), &json!(34), &json!(7))
    );
    week.stage.finish().await;
}

/// WeChat's clock is a minute ahead: what is sent in the last seconds of a day stands in the next day's bill.
#[actix_web::test]
async fn a_refund_sent_before_midnight_is_carried_over_and_a_difference_if_it_never_comes() {
    let week = Week::new().await;
    week.stage.play("clock", json!({"seconds": 60})).await;
    week.comes_to(0, 12 * 3_600).await;
    for no in ["A001", "A002"] {
        week.ordered(no, 500).await;
        week.pays(no, 0).await;
    }
    week.comes_to(1, 58).await;
    week.refunds("A001", "R001", 200).await;
    week.comes_to(1, 12 * 3_600).await;
    let report = week.compared(0).await;
    assert_eq!((&report["carried"], &report["agreed"]), (&json!(1), &json!(true)), "{report}");
    week.comes_to(2, 58).await;
    week.refunds("A002", "R002", 200).await;
    week.comes_to(2, 12 * 3_600).await;
    let report = week.compared(1).await;
    assert_eq!(
        (&report["sums"]["refunds_matched"], &report["agreed"]),
        (&json!(1), &json!(true)),
        "{report}"
    );
    // The first one's line is of the day before; the second one waits.
    assert_eq!(report["carried"], 2, "{report}");
    // Compared again, a day says the same.
    assert_eq!(week.compared(0).await["agreed"], true);
    week.stage.faults(&[("trade_bill", "line_missing")]).await;
    week.comes_to(3, 12 * 3_600).await;
    let report = week.compared(2).await;
    assert_eq!(report["differences"], json!({"bill_refund": 1}), "{report}");
    week.stage.faults(&[]).await;
    let report = week.compared(2).await;
    assert_eq!((&report["differences"], &report["no_longer_seen"]), (&json!({}), &json!(1)));
    week.stage.finish().await;
}

/// Each fault that the sandbox's bills can have, in every line of one kind, and how many differences come of it.
#[actix_web::test]
async fn what_goes_wrong_with_lines_of_the_sandboxs_bills_is_found_line_by_line() {
    let week = Week::new().await;
    week.comes_to(0, 12 * 3_600).await;
    for n in 0..4 {
        let no = format!("A00{n}");
        week.ordered(&no, 10_000).await;
        week.pays(&no, 0).await;
    }
    for n in 0..3 {
        week.refunds(&format!("A00{n}"), &format!("R00{n}"), 5_000).await;
    }
    week.withdraws("W001", 700).await;
    week.withdraws("W002", 800).await;
    week.comes_to(1, 12 * 3_600).await;
    for (bill, fault, expected) in [
        ("trade_bill", "line_missing", json!({"journal_only": 4, "bill_refund": 3})),
        ("trade_bill", "line_doubled", json!({"bill_only": 4, "bill_refund": 3})),
        ("trade_bill", "line_altered", json!({"bill_amount": 4, "bill_refund": 3})),
        ("fund_flow", "line_doubled", json!({"bill_only": 2})),
        ("fund_flow", "line_altered", json!({"bill_amount": 2})),
        ("refund_query", "time_out", json!({})),
    ] {
        week.stage.faults(&[(bill, fault)]).await;
        let report = week.compared(0).await;
        assert_eq!(report["differences"], expected, "{bill} {fault}: {report}");
    }
    week.stage.finish().await;
}
