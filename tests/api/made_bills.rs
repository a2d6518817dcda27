//! WeChat with bills that a test writes: all other calls go on to the sandbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use tally_wechat::xml;

use crate::helpers::until;

/// What a test wrote, and what was asked for.
pub(crate) type Bills = Arc<Mutex<Made>>;

/// Bills that a test wrote.
#[derive(Default)]
pub(crate) struct Made {
    /// By the path that they are asked for at and the day.
    texts: HashMap<(&'static str, String), String>,
    /// The days whose trade bills were asked for, as they were.
    downloads: Vec<String>,
    /// Nobody is answered.
    held: bool,
}

const TRADE: &str = "/pay/downloadbill";
const FLOW: &str = "/pay/downloadfundflow";

/// A line of a trade bill.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) at: String,
    pub(crate) order: String,
    pub(crate) transaction: String,
    pub(crate) state: &'static str,
    pub(crate) fen: i64,
    pub(crate) charge: i64,
    /// WeChat's number of the refund and ours, for a line about one.
    pub(crate) refund: Option<(String, String)>,
}

/// Starts it before a sandbox; the URL.
pub(crate) fn start(sandbox: String, bills: Bills) -> String {
    let shared = web::Data::new((sandbox, bills, reqwest::Client::new()));
    let make = move || App::new().app_data(shared.clone()).default_service(web::to(answer));
    let server = HttpServer::new(make).workers(1).disable_signals();
    let server = server.bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

async fn answer(
    shared: web::Data<(String, Bills, reqwest::Client)>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let (sandbox, bills, http) = shared.get_ref();
    let path = request.uri().to_string();
    let asked = [TRADE, FLOW].into_iter().find(|known| *known == path);
    if let Some(asked) = asked {
        let fields = xml::parse(&body).expect("WeChat's XML");
        let day = fields.get("bill_date").unwrap().to_owned();
        if asked == TRADE {
            bills.lock().unwrap().downloads.push(day.clone());
        }
        let held = || async { !bills.lock().unwrap().held };
        until("the bill is let go", held).await;
        let text = bills.lock().unwrap().texts.get(&(asked, day)).cloned();
        let none = if asked == TRADE {
            "<xml><return_code>FAIL</return_code><return_msg>No Bill Exist</return_msg><error_code>20002</error_code></xml>"
        } else {
            "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>NO_BILL_EXIST</err_code></xml>"
        };
        return HttpResponse::Ok().body(text.unwrap_or_else(|| none.to_owned()));
    }
    let on = http.post(format!("{sandbox}{path}")).body(body.to_vec());
    let answer = on.send().await.expect("the sandbox answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    HttpResponse::build(status).body(answer.bytes().await.expect("to its end"))
}

fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

/// Puts a day's trade bill there.
pub(crate) fn put(bills: &Bills, day: &str, lines: &[Line]) {
    let text = trade(lines);
    bills.lock().unwrap().texts.insert((TRADE, day.replace('-', "")), text);
}

/// Puts a text there as a day's trade bill.
pub(crate) fn put_text(bills: &Bills, day: &str, text: String) {
    bills.lock().unwrap().texts.insert((TRADE, day.replace('-', "")), text);
}

/// Puts a day there whose trade bill is still being made.
pub(crate) fn put_late(bills: &Bills, day: &str) {
    let text = "<xml><return_code>FAIL</return_code><return_msg>Bill Creating</return_msg></xml>";
    put_text(bills, day, text.to_owned());
}

/// Keeps back every bill, or lets them go.
pub(crate) fn hold(bills: &Bills, held: bool) {
    bills.lock().unwrap().held = held;
}

/// The days whose trade bills were asked for, as they were.
pub(crate) fn downloads(bills: &Bills) -> Vec<String> {
    bills.lock().unwrap().downloads.clone()
}

/// The text of a trade bill.
pub(crate) fn trade(lines: &[Line]) -> String {
    let mut text = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n".to_owned();
    let back = |line: &Line| line.state == "REFUND";
    for line in lines {
        let (paid, refunded) = if back(line) { (0, line.fen) } else { (line.fen, 0) };
        let none = ("0".to_owned(), "0".to_owned());
        let (refund_id, out_refund_no) = line.refund.as_ref().unwrap_or(&none);
        let refund = format!("`{refund_id},`{out_refund_no}");
        text.push_str(&format!(
            "`{},`wx8888888888888888,`1900000109,`0,`,`{},`{},`alice,`JSAPI,`{},`OTHERS,`CNY,`{},`0.00,{refund},`{},`0.00,`,`,`tea,`,`{}000,`0.60%,`{},`{},`\r\n",
            line.at,
            line.transaction,
            line.order,
            line.state,
            yuan(paid),
            yuan(refunded),
            yuan(line.charge),
            yuan(paid),
            yuan(refunded),
        ));
    }
    let sum = |of: &dyn Fn(&Line) -> i64| yuan(lines.iter().map(of).sum());
    let paid = sum(&|line| if back(line) { 0 } else { line.fen });
    let refunded = sum(&|line| if back(line) { line.fen } else { 0 });
    let charge = sum(&|line| line.charge);
    text.push_str("总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n");
    text.push_str(&format!(
        "`{},`{paid},`{refunded},`0.00,`{charge}000,`{paid},`{refunded}\r\n",
        lines.len()
    ));
    text
}

/// Puts a day's fund flow there: transfers by their numbers.
pub(crate) fn put_transfers(bills: &Bills, day: &str, transfers: &[(String, i64)]) {
    let mut text = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号\r\n".to_owned();
    let mut balance = 10_000_000;
    for (n, (voucher, fen)) in transfers.iter().enumerate() {
        balance -= fen;
        let (fen, balance) = (yuan(*fen), yuan(balance));
        text.push_str(&format!(
            "`{day} 15:{:02}:{:02},`71{n},`F{n},`企业付款,`企业付款,`支出,`{fen},`{balance},`system,`,`{voucher}\r\n",
            n / 60,
            n % 60,
        ));
    }
    let (count, total) = (transfers.len(), yuan(transfers.iter().map(|(_, fen)| fen).sum()));
    text.push_str("资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n");
    text.push_str(&format!("`{count}.0,`0.0,`0.00,`{count}.0,`{total}\r\n"));
    bills.lock().unwrap().texts.insert((FLOW, day.replace('-', "")), text);
}
