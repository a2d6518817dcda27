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
use tally_wechat::{Fields, SignType};

use crate::checks::{self, Problem, Refusal, check};
use crate::desk::Desk;
use crate::faults::{Fault, Kind};
use crate::gate::{self, Opened};
use crate::logins::CodeFault;
use crate::{orders, transfers};

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
    if fault == Some(Fault::AnswerLost) {
        return broken_off();
    }
    xml(gate::close(kind, sign_type, known, answer))
}

fn decide(
    desk: &Desk,
    kind: Kind,
    fault: Option<Fault>,
    opened: &Opened,
) -> Result<Fields, Refusal> {
    if fault == Some(Fault::SystemError) {
        return Err(Refusal::Business(Problem::new("SYSTEMERROR", "系统繁忙，请稍后再试")));
    }
    let fields = &opened.fields;
    let rules = match kind {
        Kind::UnifiedOrder => checks::UNIFIED_ORDER,
        Kind::OrderQuery => checks::ORDER_QUERY,
        Kind::CloseOrder => checks::CLOSE_ORDER,
        Kind::Transfer => checks::TRANSFER,
        Kind::TransferQuery => checks::TRANSFER_QUERY,
        Kind::Login | Kind::Notice => return Err(Refusal::NotTaken("no such call".to_owned())),
    };
    check(fields, rules)?;
    let settings = &desk.settings;
    let close_after_ms = i64::try_from(settings.close_after.as_millis()).unwrap_or(i64::MAX);
    let fails = fault == Some(Fault::Failed);
    let decided = desk.decide(|books, now_ms| match kind {
        Kind::UnifiedOrder => orders::unified_order(books, fields, now_ms),
        Kind::OrderQuery => orders::order_query(books, fields, now_ms),
        Kind::CloseOrder => orders::close_order(books, fields, now_ms, close_after_ms),
        Kind::Transfer => {
            transfers::transfer(books, fields, now_ms, settings.transfer_fen_min, fails)
        }
        Kind::TransferQuery | Kind::Login | Kind::Notice => {
            transfers::transfer_query(books, fields)
        }
    });
    decided.map_err(Refusal::Business)
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
