//! Bills over HTTP: packed or not, whole or not, and documents instead of them. And how fast a large one is read.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::{Duration, Instant};

use tally_wechat::bill::{AccountType, BillDay, BillRefusal, BillType, TradeReader, gzip::pack};
use tally_wechat::client::DownloadFault;
use tally_wechat::{Client, Config, Doubt, Keys, Outcome, Secret, SignType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMMARY: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn line(number: usize) -> String {
    format!(
        "`2024-02-29 09:12:01,`wx8888888888888888,`1900000109,`0,`,`42000000012024022900{number:08},`M1001_2024{number:08},`oUpF8uMuAJO_M2pxb1Q9zNjWeS6o,`JSAPI,`SUCCESS,`CMB_DEBIT,`CNY,`100.00,`0.00,`0,`0,`0.00,`0.00,`,`,`小张南山店-超市,`merchant=1001,`0.60000,`0.60%,`100.00,`0.00,`\r\n"
    )
}

fn summary(rows: usize) -> String {
    let cents = rows * 60;
    format!(
        "{SUMMARY}\r\n`{rows},`{0}.00,`0.00,`0.00,`{1}.{2:02}000,`{0}.00,`0.00\r\n",
        rows * 100,
        cents / 100,
        cents % 100
    )
}

fn bill(rows: usize) -> String {
    let lines: String = (0..rows).map(line).collect();
    format!("{HEADER}\r\n{lines}{}", summary(rows))
}

/// A server that answers one request with these bytes, `told` of them by the head.
async fn answering(body: Vec<u8>, told: usize) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = request_of(&mut stream).await;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {told}\r\n\r\n");
        let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        let _ = stream.shutdown().await;
        String::from_utf8(request).unwrap()
    });
    (Client::new(config(&url)).unwrap(), served)
}

async fn request_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"</xml>") {
        let read = stream.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..read]);
    }
    request
}

fn config(url: &str) -> Config {
    Config {
        app_id: "wx1".into(),
        app_secret: Secret::new("s"),
        mch_id: "1900000109".into(),
        keys: Keys { current: Secret::new("k"), old: None },
        sign_type: SignType::Md5,
        api_url: url.into(),
        pay_url: url.into(),
        timeout: Duration::from_secs(20),
        certificate: None,
    }
}

fn day() -> BillDay {
    BillDay::at(1_709_200_895_000)
}

/// Fetches and reads a bill; how many rows it has, and how many pieces it came in.
async fn fetched(body: Vec<u8>) -> Result<(u64, usize), String> {
    let told = body.len();
    let (client, _served) = answering(body, told).await;
    let outcome = client.trade_bill(&day(), BillType::All, true).await;
    let Outcome::Done(mut download) = outcome else { return Err(format!("{outcome:?}")) };
    let (mut reader, mut pieces) = (TradeReader::new(), 0);
    while let Some(piece) = download.next().await.map_err(|fault| fault.to_string())? {
        pieces += 1;
        assert!(piece.len() <= 4 * 1024 * 1024, "a piece of {} bytes", piece.len());
        reader.push(&piece, &mut |_| ()).map_err(|fault| fault.to_string())?;
    }
    let summary = reader.finish(&mut |_| ()).map_err(|fault| fault.to_string())?;
    Ok((summary.rows, pieces))
}

#[tokio::test]
async fn a_bill_comes_packed_or_as_it_is_in_pieces() {
    let text = bill(5_000);
    for body in [text.clone().into_bytes(), pack(text.as_bytes())] {
        let (rows, pieces) = fetched(body).await.unwrap();
        assert_eq!(rows, 5_000);
        assert!(pieces > 3, "{pieces}");
    }
    assert_eq!(fetched(format!("\u{feff}{}", bill(1)).into_bytes()).await.unwrap().0, 1);
}

#[tokio::test]
async fn a_bill_is_asked_for_by_day_and_signed() {
    let text = bill(1);
    let (client, served) = answering(text.clone().into_bytes(), text.len()).await;
    assert!(matches!(client.trade_bill(&day(), BillType::Refund, true).await, Outcome::Done(_)));
    let request = served.await.unwrap();
    assert!(request.starts_with("POST /pay/downloadbill HTTP/1.1\r\n"), "{request}");
    for field in
        ["bill_date><![CDATA[20240229]", "bill_type><![CDATA[REFUND]", "tar_type><![CDATA[GZIP]"]
    {
        assert!(request.contains(field), "{request}");
    }
    let (client, served) = answering(text.clone().into_bytes(), text.len()).await;
    assert!(matches!(client.fund_flow(&day(), AccountType::Basic, false).await, Outcome::Done(_)));
    let request = served.await.unwrap();
    assert!(request.starts_with("POST /pay/downloadfundflow HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("sign_type><![CDATA[HMAC-SHA256]"), "{request}");
    assert!(request.contains("account_type><![CDATA[Basic]"), "{request}");
    assert!(!request.contains("tar_type"), "{request}");

    let client = Client::new(config("https://127.0.0.1:1")).unwrap();
    let outcome = client.fund_flow(&day(), AccountType::Basic, false).await;
    assert!(matches!(outcome, Outcome::Refused(BillRefusal::CertificateMissing)));
}

#[tokio::test]
async fn a_document_instead_of_a_bill_says_why() {
    let none = "<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[No Bill Exist]]></return_msg>\n<error_code><![CDATA[20002]]></error_code>\n</xml>";
    for body in [none.as_bytes().to_vec(), pack(none.as_bytes()), format!("\n {none}").into_bytes()]
    {
        let (client, _served) = answering(body.clone(), body.len()).await;
        let outcome = client.trade_bill(&day(), BillType::All, true).await;
        assert!(matches!(outcome, Outcome::Refused(BillRefusal::NoBill(_))), "{outcome:?}");
    }
    for body in ["<html><body>502</body></html>", "", " \n"] {
        let (client, _served) = answering(body.into(), body.len()).await;
        let outcome = client.trade_bill(&day(), BillType::All, true).await;
        assert!(matches!(outcome, Outcome::Unknown(Doubt::Xml(_))), "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_bill_that_breaks_off_is_no_bill() {
    let text = bill(3_000);
    let cut = text.floor_char_boundary(text.len() / 2);
    let line = text[..cut].lines().count();
    let fault = fetched(text.as_bytes()[..cut].to_vec()).await.unwrap_err();
    assert!(fault.starts_with(&format!("line {line} of the bill is the last one")), "{fault}");
    let packed = pack(text.as_bytes());
    for body in [&packed[..packed.len() - 1], &packed[..packed.len() / 2]] {
        let fault = fetched(body.to_vec()).await.unwrap_err();
        assert!(fault.contains("fetch it again"), "{fault}");
    }
    // The connection breaks: the head had told of more.
    let (client, _served) = answering(text.as_bytes()[..cut].to_vec(), text.len()).await;
    let Outcome::Done(mut download) = client.trade_bill(&day(), BillType::All, false).await else {
        panic!("it began")
    };
    let fault = loop {
        match download.next().await {
            Ok(piece) => assert!(piece.is_some(), "it broke off and says that it is whole"),
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, DownloadFault::Broken(Doubt::Broken));
}

#[tokio::test]
async fn a_bill_that_stops_coming_is_given_up_long_before_its_own_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::new(Config { timeout: Duration::from_millis(500), ..config(&url) });
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request_of(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
        stream.write_all(format!("{head}{HEADER}").as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let outcome = client.unwrap().trade_bill(&day(), BillType::All, false).await;
    let Outcome::Done(mut download) = outcome else { panic!("it began: {outcome:?}") };
    let fault = async {
        loop {
            match download.next().await {
                Ok(piece) => assert!(piece.is_some(), "it stopped and says that it is whole"),
                Err(fault) => break fault,
            }
        }
    };
    let fault = tokio::time::timeout(Duration::from_secs(60), fault).await.expect("given up");
    assert_eq!(fault, DownloadFault::Broken(Doubt::TimedOut));
    served.abort();
}

/// The most memory that this process ever had, in bytes; where the system tells it.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[test]
#[ignore = "a measure: cargo test --release -p tally-wechat --test bills -- --ignored --nocapture"]
fn a_million_rows_are_read_in_time_and_in_little_memory() {
    const ROWS: usize = 1_000_000;
    let (mut reader, mut fees) = (TradeReader::new(), 0);
    let mut sum = |row: tally_wechat::bill::TradeRow<'_>| fees += row.charge_fen();
    let (mut reading, mut piece, mut bytes) = (Duration::ZERO, HEADER.to_owned() + "\n", 0);
    for number in 0..=ROWS {
        if piece.len() > 64 * 1024 || number == ROWS {
            let began = Instant::now();
            reader.push(piece.as_bytes(), &mut sum).unwrap();
            reading += began.elapsed();
            bytes += piece.len();
            piece.clear();
        }
        piece.push_str(&if number < ROWS { line(number) } else { summary(ROWS) });
    }
    let began = Instant::now();
    reader.push(piece.as_bytes(), &mut sum).unwrap();
    let summary = reader.finish(&mut |_| ()).unwrap();
    reading += began.elapsed();
    assert_eq!((summary.rows, fees), (1_000_000, 60_000_000));
    let peak = memory_peak().map_or("unknown".to_owned(), |peak| format!("{} MB", peak >> 20));
    println!("{ROWS} rows, {} MB: {reading:.2?}, memory at most {peak}", bytes >> 20);
    assert!(memory_peak().is_none_or(|peak| peak < 200 << 20), "over 200 MB");
}
