//! The calls of the protocol, as WeChat answers them.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::ContentType;
use actix_web::rt::time::sleep;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpResponse, error};
use serde::Deserialize;
use serde_json::{Value, json};
use tally_wechat::bill::gzip::pack;
use tally_wechat::{Fields, SignType};

use crate::checks::{self, Problem, Refusal, check};
use crate::desk::{Desk, Due};
use crate::faults::{Fault, Kind};
use crate::gate::{self, Opened};
use crate::logins::CodeFault;
use crate::refund_book::End;
use crate::refunds::Terms;
use crate::settings::Settings;
use crate::{bills, orders, refunds, transfers};

/// A call about money: XML in, XML out.
pub(crate) async fn call(desk: Data<Desk>, kind: Kind, body: Bytes) -> HttpResponse {
    let fault = desk.draw(kind);
    if fault == Some(Fault::TimeOut) {
        sleep(desk.settings.hang).await;
        return broken_off();
    }
    let known = &desk.settings.credentials;
    let (sign_type, answer) = match gate::open(&body, kind, known) {
        Ok(opened) => (opened.sign_type, decide(&desk, kind, fault, &opened)),
        Err(refusal) => (SignType::Md5, Err(refusal)),
    };
    if !desk.durable().await {
        return HttpResponse::InternalServerError().finish();
    }
    // Not before the refund is on disk: nobody may hear of one that a kill would undo.
    if let (Kind::Refund, Ok(Decided { fields, new: true })) = (kind, &answer) {
        desk.notify(Due::Refund(fields.get("out_refund_no").unwrap_or_default().to_owned()));
    }
    if fault == Some(Fault::AnswerLost) {
        return broken_off();
    }
    xml(gate::close(kind, sign_type, known, answer.map(|decided| decided.fields)))
}

/// What is answered, and whether anything was written for it.
struct Decided {
    fields: Fields,
    new: bool,
}

fn decide(
    desk: &Desk,
    kind: Kind,
    fault: Option<Fault>,
    opened: &Opened,
) -> Result<Decided, Refusal> {
    if fault == Some(Fault::SystemError) {
        return Err(Refusal::Business(Problem::new("SYSTEMERROR", "系统繁忙，请稍后再试")));
    }
    let fields = &opened.fields;
    let rules = match kind {
        Kind::UnifiedOrder => checks::UNIFIED_ORDER,
        Kind::OrderQuery => checks::ORDER_QUERY,
        Kind::CloseOrder => checks::CLOSE_ORDER,
        Kind::Refund => checks::REFUND,
        Kind::RefundQuery => checks::REFUND_QUERY,
        Kind::Transfer => checks::TRANSFER,
        Kind::TransferQuery => checks::TRANSFER_QUERY,
        Kind::Login | Kind::TradeBill | Kind::FundFlow | Kind::Notice | Kind::RefundNotice => {
            return Err(Refusal::NotTaken("no such call".to_owned()));
        }
    };
    check(fields, rules)?;
    let settings = &desk.settings;
    let close_after_ms = i64::try_from(settings.close_after.as_millis()).unwrap_or(i64::MAX);
    let fails = fault == Some(Fault::Failed);
    desk.decide(|books, now_ms| {
        let (entry, answer) = match kind {
            Kind::UnifiedOrder => orders::unified_order(books, fields, now_ms),
            Kind::OrderQuery => orders::order_query(books, fields, now_ms),
            Kind::CloseOrder => orders::close_order(books, fields, now_ms, close_after_ms),
            Kind::Transfer => {
                transfers::transfer(books, fields, now_ms, settings.transfer_fen_min, fails)
            }
            Kind::Refund if fault == Some(Fault::NotEnough) => refunds::not_enough(),
            Kind::Refund => refunds::refund(books, fields, refund_terms(settings, fault, now_ms)),
            Kind::RefundQuery => refunds::refund_query(books, fields, now_ms),
            Kind::TransferQuery
            | Kind::Login
            | Kind::TradeBill
            | Kind::FundFlow
            | Kind::Notice
            | Kind::RefundNotice => transfers::transfer_query(books, fields),
        };
        let new = entry.is_some();
        (entry, answer.map(|fields| Decided { fields, new }).map_err(Refusal::Business))
    })
}

fn refund_terms(settings: &Settings, fault: Option<Fault>, now_ms: i64) -> Terms {
    let ends = match fault {
        Some(Fault::Changed) => End::Changed,
        Some(Fault::Closed) => End::Closed,
        Some(_) | None => End::Success,
    };
    Terms { now_ms, ends, ..Terms::of(settings) }
}

/// A bill, packed or not, or a document that says why there is none.
pub(crate) async fn bill(desk: Data<Desk>, kind: Kind, body: Bytes) -> HttpResponse {
    let fault = desk.draw(kind);
    if fault == Some(Fault::TimeOut) {
        sleep(desk.settings.hang).await;
        return broken_off();
    }
    let made = gate::open(&body, kind, &desk.settings.credentials).and_then(|opened| {
        let busy = Problem::new("SYSTEMERROR", "系统繁忙，请稍后再试");
        if fault == Some(Fault::SystemError) {
            return Err(Refusal::Business(busy));
        }
        let rules = if kind == Kind::FundFlow { checks::FUND_FLOW } else { checks::TRADE_BILL };
        check(&opened.fields, rules)?;
        let text = bills::bill(&desk, kind, &opened.fields).map_err(Refusal::Business)?;
        Ok((text, opened.fields.get("tar_type").is_some()))
    });
    if !desk.durable().await {
        return HttpResponse::InternalServerError().finish();
    }
    if fault == Some(Fault::AnswerLost) {
        return broken_off();
    }
    let (mut text, packed) = match made {
        Ok(made) => made,
        Err(refusal) => return xml(bills::none(kind, &refusal)),
    };
    if fault == Some(Fault::CutOff) {
        text.truncate(text.floor_char_boundary(text.len() * 2 / 3));
    }
    let plain = HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text.clone());
    if packed { HttpResponse::Ok().body(pack(text.as_bytes())) } else { plain }
}

/// Another method than POST.
pub(crate) async fn post_only() -> HttpResponse {
    let fields = Fields::new().with("return_code", "FAIL").with("return_msg", "请使用post方法");
    xml(tally_wechat::xml::write(&fields))
}

fn xml(document: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(document)
}

/// The query of a login.
#[derive(Debug, Deserialize)]
pub(crate) struct LoginQuery {
    #[serde(default)]
    appid: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    js_code: String,
    #[serde(default)]
    grant_type: String,
}

/// `code2Session`.
pub(crate) async fn login(desk: Data<Desk>, query: Query<LoginQuery>) -> HttpResponse {
    let fault = desk.draw(Kind::Login);
    if fault == Some(Fault::TimeOut) {
        sleep(desk.settings.hang).await;
        return broken_off();
    }
    let answer = if fault == Some(Fault::SystemError) {
        refused(-1, "system error")
    } else {
        session(&desk, &query)
    };
    if fault == Some(Fault::AnswerLost) {
        return broken_off();
    }
    // WeChat says text/plain here, too.
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(answer.to_string())
}

fn session(desk: &Desk, query: &LoginQuery) -> Value {
    let known = &desk.settings.credentials;
    for (given, errcode, words) in [
        (&query.appid, 41002, "appid missing"),
        (&query.secret, 41004, "appsecret missing"),
        (&query.js_code, 41008, "missing code"),
    ] {
        if given.is_empty() {
            return refused(errcode, words);
        }
    }
    if query.appid != known.app_id {
        return refused(40013, "invalid appid");
    }
    if query.secret != known.app_secret.expose() {
        return refused(40125, "invalid appsecret");
    }
    if query.grant_type != "authorization_code" {
        return refused(40002, "invalid grant_type");
    }
    match desk.logins().redeem(&query.js_code, desk.clock.now_ms()) {
        Ok((openid, key)) => json!({"openid": openid, "session_key": key.expose()}),
        Err(CodeFault::Invalid) => refused(40029, "invalid code"),
        Err(CodeFault::Used) => refused(40163, "code been used"),
    }
}

fn refused(errcode: i32, words: &str) -> Value {
    json!({"errcode": errcode, "errmsg": format!("{words}, rid: sandbox")})
}

/// An answer that breaks off before its first byte of content.
fn broken_off() -> HttpResponse {
    HttpResponse::Ok().body(BoxBody::new(Broken))
}

/// A body that is announced and does not come.
struct Broken;

impl MessageBody for Broken {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1_000)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(error::ErrorInternalServerError("the sandbox broke off on demand"))))
    }
}
