//! A shop whose payments are compared with bills of WeChat's that the test made.

use std::path::Path;

use serde_json::{Value, json};
use tally::settings::Settings;
use tally_wechat::SignType;

use crate::helpers::until;
use crate::made_bills::{self, Bills, Line};
use crate::stage::{Stage, signed};

pub(crate) const DAY: &str = "2026-01-31";
pub(crate) const RUNS: &str = "/v1/reconciliations";

/// A shop whose payments WeChat's bills are made for by the test.
pub(crate) struct Shop {
    pub(crate) stage: Stage,
    pub(crate) bills: Bills,
    /// Where WeChat with these bills is.
    pub(crate) pay_url: String,
}

impl Shop {
    /// With the usual settings.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of its own.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (bills, mut pay_url) = (Bills::default(), String::new());
        let stage = Stage::with(|settings| {
            pay_url = made_bills::start(settings.wechat.pay_url.clone(), Bills::clone(&bills));
            settings.wechat.pay_url.clone_from(&pay_url);
            change(settings);
        })
        .await;
        let rules = json!({"merchant_id": "m1", "name": "Tea", "payout_openid": "owner"});
        stage.app.post("/v1/merchants", rules).await.expect(201);
        Self { stage, bills, pay_url }
    }

    /// Stops the service, does something to its books, and starts it again with settings that were changed.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Settings, &Path)) -> Self {
        Self { stage: self.stage.restart_with(change).await, ..self }
    }

    /// An order that is open.
    pub(crate) async fn opened(&self, no: &str, fen: i64) {
        let order =
            json!({"order_no": no, "amount_fen": fen, "description": "tea", "openid": "alice"});
        self.stage.app.post("/v1/merchants/m1/orders", order).await.expect(201);
    }

    /// An order that was paid at a time in Beijing; its line in a bill.
    pub(crate) async fn paid(&self, no: &str, fen: i64, at: &str) -> Line {
        self.opened(no, fen).await;
        let compact: String = at.chars().filter(char::is_ascii_digit).collect();
        let total = u64::try_from(fen).unwrap();
        let notice = self.stage.notice_of("m1", no, total).with("time_end", compact);
        assert!(self.stage.send("m1", signed(&notice, SignType::Md5)).await);
        line(no, fen, at)
    }

    /// A withdrawal that was paid out, as the fund flow has it.
    pub(crate) async fn withdrawn(&self, no: &str, fen: i64) -> (String, i64) {
        let app = &self.stage.app;
        app.paid("m1", fen).await;
        let withdraw = json!({"withdrawal_no": no, "amount_fen": fen, "settle_first": true});
        let path = "/v1/merchants/m1/withdrawals";
        app.post(path, withdraw).await.expect(201);
        until("the withdrawal was paid out", || async {
            app.get(&format!("{path}/{no}")).await.expect(200)["status"] == "succeeded"
        })
        .await;
        (format!("2m1{no}"), fen)
    }

    /// Compares a day.
    pub(crate) async fn run(&self, day: &str) -> Value {
        let ran = self.stage.app.post(RUNS, json!({"date": day})).await;
        assert!(matches!(ran.status, 200 | 201), "{}", ran.body);
        ran.body
    }

    /// All that a list has.
    pub(crate) async fn all(&self, list: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (vec![], String::new());
        loop {
            let path = format!("{list}?limit=200{cursor}");
            let part = self.stage.app.get(&path).await.expect(200);
            all.extend(part["items"].as_array().unwrap().iter().cloned());
            let Some(next) = part["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }

    /// The kinds of the differences of a day that the newest run saw.
    pub(crate) async fn kinds(&self, day: &str) -> Vec<String> {
        let found = self.all(&format!("{RUNS}/{day}/differences")).await;
        let seen = found.iter().filter(|one| one["seen"] == true);
        let mut kinds: Vec<String> =
            seen.map(|one| one["kind"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    }
}

/// The line of a payment.
pub(crate) fn line(no: &str, fen: i64, at: &str) -> Line {
    Line {
        at: at.to_owned(),
        order: format!("m1-{no}"),
        transaction: format!("42{no}"),
        state: "SUCCESS",
        fen,
        charge: (fen * 60 + 5_000) / 10_000,
        refund: None,
    }
}

/// The line of a refund of a payment, whose charge comes back with it.
pub(crate) fn back(of: &Line, fen: i64, refund_id: &str, out_refund_no: &str) -> Line {
    let refund = Some((refund_id.to_owned(), out_refund_no.to_owned()));
    let charge = -((fen * 60 + 5_000) / 10_000);
    Line { state: "REFUND", fen, charge, refund, ..of.clone() }
}
