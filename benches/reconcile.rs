//! Reconciliation: how long the binary takes for a day of a million payments, and in how much memory: the bill fetched from a sandbox
//! and unpacked, read as it comes, the journal read, both compared.
//!
//! `cargo bench --bench reconcile` compares a million; `TALLY_BENCH_LINES` another number of thousands.

#[allow(dead_code, reason = "each benchmark needs a part of it")]
mod support;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use support::{Seeder, merchant_id, now, payment, peak_of, processor_of, target, write};
use tally_actors::domain::channel_no::out_trade_no;
use tally_actors::domain::order::Channel;
use tally_proof::servers::{free_port, local};
use tally_sandbox::{Credentials, Sandbox, Settings};
use tally_storage::SqliteStore;
use tally_wechat::Secret;

/// Payments of each merchant.
const EACH: usize = 1_000;

const APP_ID: &str = "wx8888888888888888";
const MCH_ID: &str = "1900000109";
const API_KEY: &str = "8f3c1d5e7a904b62b1c8d0e4f7a21365";
const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
const ADMIN_KEY: &str = "a-benchmarks-own-admin-key";

fn main() {
    tally_wechat::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(all());
}

async fn all() {
    let merchants = std::env::var("TALLY_BENCH_LINES").map_or(1_000, |lines| {
        lines.parse::<usize>().expect("TALLY_BENCH_LINES is a whole number").div_ceil(EACH)
    });
    let folder =
        tempfile::Builder::new().prefix("reconcile").tempdir_in(target()).expect("a folder");
    fill(&folder.path().join("tally.db"), merchants).await;
    let sandbox = wechat(&folder.path().join("wechat"), merchants).await;
    let port = free_port();
    let mut child = serve(folder.path(), port, &sandbox);
    let base = format!("http://{}", local(port));
    let http = reqwest::Client::new();
    while http.get(format!("{base}/readyz")).send().await.is_err() {
        assert!(child.try_wait().expect("a child can be asked").is_none(), "it ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (idle, used) = (peak_of(child.id()), processor_of(&child.id().to_string()));
    let fetched = fetch(&sandbox).await;
    let begun = Instant::now();
    let report = compare(&http, &base).await;
    let took = begun.elapsed();
    let used = processor_of(&child.id().to_string()).saturating_sub(used);
    println!(
        "\na day of {} payments compared with the sandbox's bill, in SQLite",
        merchants * EACH
    );
    println!(
        "in all {took:.1?} of which the sandbox takes {fetched:.1?} to make and send the bill; cpu {used:.1?}; \
         {} MB at the most, {} MB before",
        peak_of(child.id()) / 1_000,
        idle / 1_000
    );
    println!("{report}");
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    sandbox.stop().await;
    assert_eq!(report["agreed"], true);
    assert_eq!(report["sums"]["matched"], merchants * EACH);
}

/// Books of merchants with a thousand payments each.
async fn fill(file: &Path, merchants: usize) {
    let store = SqliteStore::open(file).await.expect("it opens");
    let request = vec![("body".into(), "apples".into()), ("openid".into(), "oUpF8uMuAJO".into())];
    let channel = Channel::Wechat { openid: "oUpF8uMuAJO".into(), request };
    for n in 0..merchants {
        let (mut seeder, mut run) = Seeder::registered(merchant_id(n));
        let more = seeder.sell(0, EACH, &channel);
        run.rows.extend(more.rows);
        run.head = more.head;
        write(&store, vec![run]).await;
    }
    store.close().await;
}

/// A sandbox that traded the same, two days later.
async fn wechat(file: &Path, merchants: usize) -> Sandbox {
    let mut out = BufWriter::new(File::create(file).expect("a file"));
    let at_ms = now().ms();
    // Two days later, a day's bill is there and is kept still.
    let by_ms = at_ms + 2 * 86_400_000 - wall_ms();
    writeln!(out, "{}", json!({"event": "clock_moved", "by_ms": by_ms})).expect("room");
    let mut tell = |entry: Value| writeln!(out, "{entry}").expect("the disk has room");
    for merchant in (0..merchants).map(merchant_id) {
        for pay in (0..EACH).map(payment) {
            let number = out_trade_no(&merchant, &pay.order_no);
            let request = json!({"body": "apples", "openid": "oUpF8uMuAJO"});
            tell(json!({
                "event": "order_opened", "out_trade_no": number, "request": request,
                "amount_fen": pay.amount.fen(), "prepay_id": number,
                "expires_at_ms": at_ms + 7_200_000, "at_ms": at_ms,
            }));
            tell(json!({
                "event": "order_paid", "out_trade_no": number,
                "transaction_id": pay.transaction_id.to_string(), "coupon_fen": 0, "at_ms": at_ms,
            }));
            tell(json!({"event": "notice_tried", "out_trade_no": number, "taken": true}));
        }
    }
    out.flush().expect("the disk has room");
    let account = Credentials {
        app_id: APP_ID.into(),
        app_secret: Secret::new(APP_SECRET),
        mch_id: MCH_ID.into(),
        api_key: Secret::new(API_KEY),
    };
    let settings = Settings::new(local(0), file.to_path_buf(), account);
    Sandbox::start(settings).await.expect("it starts")
}

#[expect(clippy::disallowed_methods, reason = "WeChat's clock is set by the wall's")]
fn wall_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_1970.as_millis()).expect("a time")
}

/// The binary on those books.
fn serve(folder: &Path, port: u16, sandbox: &Sandbox) -> Child {
    let url = sandbox.url();
    Command::new(env!("CARGO_BIN_EXE_tally"))
        .arg("serve")
        .env("TALLY_DATA_DIR", folder)
        .env("TALLY_LISTEN", local(port).to_string())
        .env("TALLY_ADMIN_KEY", ADMIN_KEY)
        .env("TALLY_WECHAT_APP_ID", APP_ID)
        .env("TALLY_WECHAT_APP_SECRET", APP_SECRET)
        .env("TALLY_WECHAT_MCH_ID", MCH_ID)
        .env("TALLY_WECHAT_API_KEY", API_KEY)
        .env("TALLY_WECHAT_API_URL", &url)
        .env("TALLY_WECHAT_PAY_URL", &url)
        .env("TALLY_WECHAT_TIMEOUT_SECONDS", "60")
        .env("TALLY_RECONCILE_AT", "off")
        .env("TALLY_LOG", "warn")
        .spawn()
        .expect("the binary starts")
}

/// How long the sandbox takes for the bill alone.
async fn fetch(sandbox: &Sandbox) -> Duration {
    let client = tally_wechat::Client::new(tally_wechat::Config {
        app_id: APP_ID.into(),
        app_secret: Secret::new(APP_SECRET),
        mch_id: MCH_ID.into(),
        keys: tally_wechat::Keys { current: Secret::new(API_KEY), old: None },
        sign_type: tally_wechat::SignType::Md5,
        api_url: sandbox.url(),
        pay_url: sandbox.url(),
        timeout: Duration::from_secs(60),
        certificate: None,
    });
    let begun = Instant::now();
    let day = tally_wechat::bill::BillDay::at(now().ms());
    let all = tally_wechat::bill::BillType::All;
    let asked = client.expect("a client").trade_bill(&day, all, true).await;
    let tally_wechat::Outcome::Done(mut download) = asked else { panic!("there is a bill") };
    while download.next().await.expect("the bill goes on").is_some() {}
    begun.elapsed()
}

/// Has the day compared; its report.
async fn compare(http: &reqwest::Client, base: &str) -> Value {
    let (all, day) = (format!("{base}/v1/reconciliations"), now().day());
    let ask = |request: reqwest::RequestBuilder| async move {
        let answer = request.bearer_auth(ADMIN_KEY).send().await.expect("the service answers");
        answer.json::<Value>().await.expect("JSON")
    };
    let mut report = ask(http.post(&all).json(&json!({"date": day}))).await;
    while report["status"] == "running" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        report = ask(http.get(format!("{all}/{day}"))).await;
    }
    report
}
