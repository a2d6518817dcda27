//! Good calls of `/v1`, to be made bad: every route is among them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::mutate;
use crate::target::{Request, urlencoded};
use tally_proof::random::Random;

/// A method, a path and a good body.
pub(crate) type Call = (Method, String, Value);

/// Calls that change something of a merchant. `no` is an open order that a customer is to pay; under `made`, things of every
/// kind are made and met again.
pub(crate) fn changes(merchant: &str, no: &str, made: &str) -> Vec<Call> {
    let of = |rest: &str| format!("/v1/merchants/{merchant}{rest}");
    let post = |path: String, body| (Method::POST, path, body);
    vec![
        post(
            "/v1/merchants".to_owned(),
            json!({"name": "x", "fee_bp": 60, "settle_after_days": 1, "payout_method": "manual", "withdrawal_min_fen": 100, "daily_max_fen": 100_000}),
        ),
        (
            Method::PATCH,
            of(""),
            json!({"name": "y", "settle_after_days": null, "debt_max_fen": 0, "approval_over_fen": 100}),
        ),
        post("/v1/keys".to_owned(), json!({"name": "office"})),
        post(
            "/v1/restores/numbers".to_owned(),
            json!({"out_trade_nos": [format!("{merchant}-{no}")], "partner_trade_nos": [made]}),
        ),
        post(format!("/v1/cases/{made}/resolve"), json!({"note": "looked at", "remedy": "accept"})),
        post("/v1/restores/release".to_owned(), json!({"note": "all is booked"})),
        post("/v1/reconciliations".to_owned(), json!({"date": "2026-01-31"})),
        post(of("/keys"), json!({"name": "till"})),
        post("/v1/bank-runs".to_owned(), json!({"run_no": made, "merchant_id": merchant})),
        post(format!("/v1/bank-runs/{made}/results"), json!({"withdrawal_no": made})),
        post(
            "/v1/webhooks".to_owned(),
            // Refused, as it leads inside: nobody is told anything.
            json!({"url": "https://127.0.0.1:9/hook", "kinds": ["order.paid"], "merchant_id": merchant}),
        ),
        (Method::DELETE, format!("/v1/webhooks/{made}"), json!({})),
        post(format!("/v1/webhooks/{made}/deliveries/m1-1-0123456789ab/replay"), json!({})),
        // No key that is in use: nobody could call any more.
        (Method::DELETE, format!("/v1/keys/{made}"), json!({})),
        (Method::DELETE, of(&format!("/keys/{made}")), json!({})),
        post(
            of("/orders"),
            json!({"order_no": made, "amount_fen": 100, "description": "tea", "channel": "external"}),
        ),
        post(
            of("/orders"),
            json!({"order_no": made, "amount_fen": 100, "description": "tea", "openid": "customer", "client_ip": "192.0.2.1"}),
        ),
        post(
            of(&format!("/orders/{made}/paid")),
            json!({"transaction_id": made, "amount_fen": 100, "paid_at": "2026-01-01T00:00:00Z"}),
        ),
        post(of(&format!("/orders/{no}/paid")), json!({"transaction_id": made, "amount_fen": 100})),
        post(of(&format!("/orders/{made}/close")), json!({})),
        post(of("/settlements"), json!({"settlement_no": made, "include_not_due": true})),
        post(
            of("/withdrawals"),
            json!({"withdrawal_no": made, "amount_fen": 100, "settle_first": true}),
        ),
        post(of("/withdrawals"), json!({"withdrawal_no": made, "all": true})),
        post(
            of(&format!("/orders/{made}/refunds")),
            json!({"refund_no": made, "amount_fen": 1, "reason": "slip"}),
        ),
        post(of(&format!("/withdrawals/{made}/approve")), json!({"reason": "as agreed"})),
        post(of(&format!("/withdrawals/{made}/reject")), json!({"reason": "no"})),
        post(
            of(&format!("/withdrawals/{made}/confirm")),
            json!({"succeeded": true, "reference": "slip"}),
        ),
        post(
            of(&format!("/withdrawals/{made}/confirm")),
            json!({"succeeded": false, "reason": "by the list", "attested_seq": 3}),
        ),
    ]
    .into_iter()
    .chain(standings(made))
    .chain(adjustments(merchant, made))
    .collect()
}

fn adjustments(merchant: &str, made: &str) -> [Call; 3] {
    let path = format!("/v1/merchants/{merchant}/adjustments");
    let ask = json!({"adjustment_no": made, "amount_fen": 100, "reason": "tea"});
    let decide = |word: &str| format!("{path}/{made}/{word}");
    [
        (Method::POST, path.clone(), ask),
        (Method::POST, decide("approve"), json!({"reason": "so"})),
        (Method::POST, decide("reject"), json!({"reason": "so"})),
    ]
}

/// Of a merchant that nobody made: the others' business goes on.
fn standings(made: &str) -> [Call; 5] {
    [
        ("freeze", "a look"),
        ("unfreeze", "all is well"),
        ("suspend", "a holiday"),
        ("resume", "it is over"),
        ("close", "it moved away"),
    ]
    .map(|(change, reason)| {
        (Method::POST, format!("/v1/merchants/{made}/{change}"), json!({"reason": reason}))
    })
}

/// What may be asked about. In place of `{}` goes a number or an id.
const QUESTIONS: [&str; 34] = [
    "/healthz",
    "/readyz",
    "/v1/restores",
    "/v1/search",
    "/v1/bank-runs",
    "/v1/bank-runs/{}",
    "/v1/bank-runs/{}/csv",
    "/v1/orders",
    "/v1/keys",
    "/v1/cases",
    "/v1/webhooks",
    "/v1/webhooks/{}/deliveries",
    "/v1/cases/{}",
    "/v1/merchants",
    "/v1/merchants/target",
    "/v1/merchants/target/balance",
    "/v1/merchants/target/keys",
    "/v1/merchants/target/orders",
    "/v1/merchants/target/orders/{}",
    "/v1/merchants/target/settlements",
    "/v1/merchants/target/settlements/{}",
    "/v1/merchants/target/settlements/{}/orders",
    "/v1/merchants/target/withdrawals",
    "/v1/merchants/target/withdrawals/{}",
    "/v1/platform/totals",
    "/v1/merchants/target/adjustments",
    "/v1/merchants/target/adjustments/{}",
    "/v1/merchants/target/refunds",
    "/v1/merchants/target/refunds/{}",
    "/v1/merchants/target/entries",
    "/v1/merchants/target/events",
    "/v1/reconciliations",
    "/v1/reconciliations/{}",
    "/v1/reconciliations/2026-01-31/differences",
];

/// The names of parameters, each of some question's.
const NAMES: [&str; 14] = [
    "q",
    "transaction_id",
    "out_trade_no",
    "limit",
    "cursor",
    "status",
    "from",
    "to",
    "from_seq",
    "at",
    "seq",
    "kind",
    "merchant_id",
    "out_trade_no",
];

/// A question with a bad query, about a thing that was made, perhaps, or that nobody could make.
pub(crate) fn question(random: &mut Random, made: &str) -> Request {
    let pair = |random: &mut Random| {
        let value = if random.percent(50) {
            random.below(300).to_string()
        } else {
            urlencoded(&mutate::text(random))
        };
        format!("{}={}", random.of(&NAMES), value)
    };
    let mut query = pair(random);
    if random.percent(30) {
        query = format!("{query}&{}", pair(random));
    }
    let about =
        if random.percent(70) { made.to_owned() } else { urlencoded(&mutate::text(random)) };
    let mut path = format!("{}?{query}", random.of(&QUESTIONS).replace("{}", &about));
    path.truncate(8_000); // a longer head is refused by every server
    Request { method: Method::GET, path, kind: String::new(), body: vec![] }
}

/// The routes as the service lists them: the methods and the parts of the path, where a name in braces stands for any.
fn routes() -> Vec<(Vec<Method>, String)> {
    let source = include_str!("../../src/web/mod.rs");
    let lines = source.lines().filter(|line| line.contains("vec![("));
    let route = |line: &str| {
        let path = line.split('"').nth(1).expect("a path in quotes").replace("{slash}", "");
        let merchants = line.trim_start().starts_with("of(");
        let prefix = if merchants { "/v1/merchants/{merchant_id}" } else { "" };
        let all = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];
        let methods = all.into_iter().filter(|method| line.contains(&format!("({method}, to(")));
        (methods.collect(), format!("{prefix}{path}"))
    };
    lines.map(route).collect()
}

fn fits(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) =
        (route.split('/').collect(), path.split('/').collect());
    let same = |(part, given): (&&str, &&str)| part.starts_with('{') || part == given;
    route.len() == path.len() && route.iter().zip(&path).all(same)
}

#[test]
fn every_route_gets_bad_requests() {
    let mut sent: Vec<(Method, String)> =
        changes("m1", "O100", "F1").into_iter().map(|(method, path, _)| (method, path)).collect();
    sent.extend(QUESTIONS.map(|path| (Method::GET, path.to_owned())));
    let others =
        ["/login", "/getinfo", "/pay", "/order", "/notify/m1/payment", "/notify/m1/refund"];
    sent.extend(others.map(|path| (Method::POST, path.to_owned())));
    let routes = routes();
    assert!(routes.len() > 25, "the routes were not found: {routes:?}");
    for (methods, route) in &routes {
        assert!(!methods.is_empty(), "{route}");
        for method in methods {
            let got = sent.iter().any(|(by, path)| by == method && fits(route, path));
            assert!(got, "no bad request goes to {method} {route}");
        }
    }
    for (method, path) in &sent {
        let known = |(methods, route): &(Vec<Method>, String)| {
            methods.contains(method) && fits(route, path)
        };
        assert!(routes.iter().any(known), "{method} {path} is no route");
    }
}
