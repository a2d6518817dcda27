//! What the mini-program is answered: HTTP 200 with `{"code", "msg", "data"}` (`api.md` 1), and each fault's code.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};
use tally_actors::domain::ids::OrderNo;
use tally_actors::domain::order::OrderStatus;

use super::error::ApiError;

/// What a handler of the mini-program answers.
pub(crate) type Reply = Result<HttpResponse, Fault>;

/// Why a call of the mini-program did not succeed, in the order of the codes.
#[derive(Debug)]
pub(crate) enum Fault {
    /// 1: a parameter is missing or empty.
    Missing(&'static str),
    /// 2: the token is unknown or expired.
    Token,
    /// 3: a parameter can't be as it is.
    Malformed {
        /// Which.
        field: &'static str,
        /// What is wrong with it, for people.
        reason: Cow<'static, str>,
    },
    /// 4: WeChat refused the login code.
    LoginCode,
    /// 5: the profile can't be decrypted, or is not the session's.
    Profile,
    /// 6: WeChat refused the order; with WeChat's words.
    OrderRefused(Box<str>),
    /// 7: the order exists with other content.
    OrderConflict,
    /// 8: not known to have happened; with the number to ask again with.
    Busy(Option<OrderNo>),
    /// 9: no such order of this customer.
    OrderUnknown,
    /// 10: the order is paid.
    OrderPaid,
    /// 11: the order is closed.
    OrderClosed,
    /// Refused before the application saw it: a status of its own.
    Unread(ApiError),
}

#[derive(Serialize)]
struct Envelope<T> {
    code: u8,
    msg: Cow<'static, str>,
    data: T,
}

/// A call that went well.
pub(crate) fn done(data: impl Serialize) -> Reply {
    Ok(HttpResponse::Ok().json(Envelope { code: 0, msg: "ok".into(), data }))
}

impl Fault {
    /// A parameter that can't be as it is.
    pub(crate) fn malformed(field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { field, reason: reason.into() }
    }

    /// The fault of a call about an order, which may be asked again with its number.
    pub(crate) fn about_order(error: ApiError, order_no: OrderNo) -> Self {
        if let ApiError::WechatRefused(why) = error {
            return Self::OrderRefused(why);
        }
        match error.status_and_code().1 {
            "merchant_unknown" => Self::malformed("merchant_id", "没有这个商户"),
            "order_unknown" => Self::OrderUnknown,
            "order_conflict" | "number_reused" => Self::OrderConflict,
            "order_paid" => Self::OrderPaid,
            "order_closed" => Self::OrderClosed,
            code => {
                tracing::warn!(code, %error, "a call about an order came to no end");
                Self::Busy(Some(order_no))
            }
        }
    }

    /// The fault of paying for an order that is not payable any more; one that is open still is about to be closed.
    pub(crate) fn not_payable(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Paid => Self::OrderPaid,
            OrderStatus::Open | OrderStatus::Closed => Self::OrderClosed,
        }
    }

    fn code_and_msg(&self) -> (u8, Cow<'static, str>) {
        match self {
            Self::Missing(field) => (1, format!("缺少参数: {field}").into()),
            Self::Token => (2, "token无效".into()),
            Self::Malformed { field, reason } => (3, format!("参数错误: {field} {reason}").into()),
            Self::LoginCode => (4, "登录凭证无效".into()),
            Self::Profile => (5, "解密失败".into()),
            Self::OrderRefused(why) => (6, format!("下单失败: {why}").into()),
            Self::OrderConflict => (7, "订单冲突".into()),
            Self::Busy(_) | Self::Unread(_) => (8, "系统繁忙".into()),
            Self::OrderUnknown => (9, "订单不存在".into()),
            Self::OrderPaid => (10, "订单已支付".into()),
            Self::OrderClosed => (11, "订单已关闭".into()),
        }
    }

    fn data(&self) -> Value {
        if let Self::Busy(Some(order_no)) = self {
            json!({"order_no": order_no})
        } else {
            Value::Null
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code_and_msg().1)
    }
}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        if let Self::Unread(error) = self { error.status_code() } else { StatusCode::OK }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Unread(error) = self {
            return error.error_response();
        }
        let (code, msg) = self.code_and_msg();
        HttpResponse::Ok().json(Envelope { code, msg, data: self.data() })
    }
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::refusal::Refusal;
    use tally_actors::error::EngineError;

    use super::*;

    #[test]
    fn each_fault_keeps_its_code_and_the_words_of_the_contract() {
        let order_no: OrderNo = "A001".parse().unwrap();
        for (fault, code, msg) in [
            (Fault::Missing("code"), 1, "缺少参数: code"),
            (Fault::Token, 2, "token无效"),
            (Fault::malformed("money", "…"), 3, "参数错误: money …"),
            (Fault::LoginCode, 4, "登录凭证无效"),
            (Fault::Profile, 5, "解密失败"),
            (Fault::OrderRefused("why".into()), 6, "下单失败: why"),
            (Fault::OrderConflict, 7, "订单冲突"),
            (Fault::Busy(Some(order_no)), 8, "系统繁忙"),
            (Fault::OrderUnknown, 9, "订单不存在"),
            (Fault::OrderPaid, 10, "订单已支付"),
            (Fault::OrderClosed, 11, "订单已关闭"),
        ] {
            assert_eq!((fault.code_and_msg().0, &*fault.code_and_msg().1), (code, msg));
            assert_eq!(fault.status_code(), StatusCode::OK);
        }
        assert_eq!(Fault::Busy(Some(order_no)).data(), json!({"order_no": "A001"}));
        assert_eq!(Fault::Unread(ApiError::BodyTooLarge).status_code().as_u16(), 413);
    }

    #[test]
    fn what_the_engine_says_about_an_order_has_a_code() {
        let order_no: OrderNo = "A001".parse().unwrap();
        let code = |error: ApiError| Fault::about_order(error, order_no).code_and_msg().0;
        for (refusal, expected) in [
            (Refusal::MerchantUnknown, 3),
            (Refusal::OrderConflict("x"), 7),
            (Refusal::OrderPaid, 10),
            (Refusal::OrderClosed, 11),
            (Refusal::OrderUnknown, 9),
        ] {
            assert_eq!(code(ApiError::refused(refusal)), expected);
        }
        assert_eq!(code(ApiError::WechatRefused("x".into())), 6);
        for error in [EngineError::Busy, EngineError::OutcomeUnknown] {
            assert_eq!(code(error.into()), 8);
        }
    }
}
