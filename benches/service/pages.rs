//! What is not a notice: balances, orders by the mini-program, and everything together.

use std::path::Path;

use serde_json::json;
use tally_proof::crash::world::{API_KEY, APP_ID, MCH_ID};
use tally_sandbox::{Credentials, Sandbox, Settings};
use tally_wechat::Secret;

use super::Scale;
use super::ask::ask_json;
use super::baselines::Baseline;
use super::books::Filled;
use super::calls::{Calls, Kind};
use super::generator::{Pace, Plan};
use super::processes::{APP_SECRET, AS_SANDBOX, Load, Role, Target};
use super::report::Row;

/// Customers who are logged in.
const CUSTOMERS: usize = 64;

/// Connections of the pages: each waits for WeChat, too.
const CONNECTIONS: usize = 64;

/// The whole life of a sandbox that plays WeChat in a process of its own.
pub(crate) fn play_wechat(folder: &str) {
    let played = actix_web::rt::System::new().block_on(async {
        let credentials = Credentials {
            app_id: APP_ID.into(),
            app_secret: Secret::new(APP_SECRET),
            mch_id: MCH_ID.into(),
            api_key: Secret::new(API_KEY),
        };
        let listen = "127.0.0.1:0".parse().expect("an address");
        let file = Path::new(folder).join("sandbox.jsonl");
        let sandbox = Sandbox::start(Settings::new(listen, file, credentials)).await?;
        println!("{}", sandbox.url());
        std::future::pending::<()>().await;
        Ok::<_, tally_sandbox::StartFault>(())
    });
    played.expect("a sandbox");
}

/// The table of these: each kind alone, then mixed, beside a server that answers a fixed body.
pub(crate) fn table(scale: Scale, folder: &Path, books: &Filled, rows: &mut Vec<Row>) {
    let group = format!("reads and pages, {CONNECTIONS} connections");
    println!();
    Row::title(&group);
    let fixed = Target::baseline(&Baseline::Fixed);
    let mut calls = Calls::notices(books.merchants, 0, 20_000);
    calls.again = true;
    let beside = measure(scale, &group, "a: actix-web, a fixed answer", (&fixed, calls), None);
    drop(fixed);
    let mut sandbox = Role::start(&[AS_SANDBOX, folder.to_str().expect("a plain path")]);
    let url = sandbox.hear();
    let wechat = [("TALLY_WECHAT_API_URL", &*url), ("TALLY_WECHAT_PAY_URL", &*url)];
    let tally = Target::tally(books, &wechat);
    let tokens = log_in(tally.address(), &url);
    let mixed = [Kind::Notice, Kind::Balance, Kind::Notice, Kind::Balance, Kind::Pay];
    let mut first = 0;
    let named: [(&str, &[Kind]); 3] = [
        ("Tally: balances", &[Kind::Balance]),
        ("Tally: /pay/, the sandbox is WeChat", &[Kind::Pay]),
        ("Tally: 2 notices, 2 balances, 1 /pay/", &mixed),
    ];
    let mut all = vec![beside];
    for (name, pattern) in named {
        let calls = Calls {
            pattern: pattern.to_vec(),
            first,
            count: 20_000,
            again: !pattern.contains(&Kind::Notice),
            key: tally.of_tally().0.key().to_owned(),
            tokens: tokens.clone(),
            ..Calls::notices(books.merchants, 0, 0)
        };
        let row = measure(scale, &group, name, (&tally, calls), all.first());
        first += usize::try_from(row.done).expect("a count");
        all.push(row);
    }
    rows.extend(all);
}

fn measure(
    scale: Scale,
    group: &str,
    name: &str,
    (target, calls): (&Target, Calls),
    beside: Option<&Row>,
) -> Row {
    let (address, ms) = (target.address().to_owned(), scale.ms);
    let plan = Plan { address, connections: CONNECTIONS, pace: Pace::Closed, ms, calls };
    let mut row = Row::new(group, name, &Load::ready(&plan).run(target));
    row.of =
        beside.map(|a| ('a', row.per_second * 100 / a.per_second.max(1))).into_iter().collect();
    row.print();
    row
}

/// Logs customers in, as pages do.
fn log_in(tally: &str, wechat: &str) -> Vec<String> {
    let wechat = wechat.strip_prefix("http://").expect("plain HTTP");
    let one = |n: usize| {
        let openid = json!({"openid": format!("customer-{n:04}")});
        let login = ask_json(wechat, "POST", "/sandbox/login", "", &openid);
        let code = json!({"code": login["code"]});
        let answer = ask_json(tally, "POST", "/login/", "", &code);
        answer["data"]["token"].as_str().expect("a token").to_owned()
    };
    (0..CUSTOMERS).map(one).collect()
}
