//! WeChat's notices (`api.md` 2). What is verified is made durable, then answered SUCCESS; everything else changes nothing.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::channel_no::read_out_trade_no;
use tally_actors::domain::command::{Booking, Pay, Signed};
use tally_actors::domain::event::PaymentSource;
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::order::Order;
use tally_actors::domain::refusal::Refusal;
use tally_actors::error::EngineError;
use tally_actors::gateway::ChannelPayment;
use tally_wechat::notice::{NoticeFault, PaymentNotice, SUCCESS, Told, failure};
use tally_wechat::payment::Payment;
use tally_wechat::refund_notice::RefundNoticeFault;
use tally_wechat::{Client, SignType};

use super::body::{check_length, whole};
use super::error::ApiError;
use crate::limits::NOTICE_WAIT_MAX;
use crate::service::Service;
use crate::wechat_gateway::channel_payment;

/// Why a notice is answered FAIL. WeChat sends it again, whoever forged it may.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unheeded {
    /// Not one of WeChat's, or unclear.
    #[error(transparent)]
    Notice(#[from] NoticeFault),
    /// Not one of WeChat's about a refund, or unclear.
    #[error(transparent)]
    RefundNotice(#[from] RefundNoticeFault),
    /// For somebody else.
    #[error("it is not for this account")]
    Foreign,
    /// About an order of another merchant than the path's, or of none.
    #[error("its out_trade_no is not of the merchant in the path")]
    Misdirected,
    /// Signed by another algorithm than its order.
    #[error("it is signed by another algorithm than its order")]
    Algorithm,
    /// A field that can't be as it is.
    #[error("it has a bad {0}")]
    Field(&'static str),
    /// The order is not known: a restored database may know it when WeChat repeats the notice.
    #[error("its order is not known")]
    OrderUnknown,
    /// It can't be made durable now.
    #[error("it can't be recorded now: {0}")]
    Engine(#[from] EngineError),
    /// Something stored can't be read, or the body can't.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// The time is up.
    #[error("it took too long")]
    TooSlow,
}

/// `POST /notify/{merchant_id}/payment`
pub(crate) async fn payment(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    answer(&service, &request, payload, async |body| heed(&service, &request, &body).await).await
}

/// Reads a notice, and answers what heeding it came to: within the time after which WeChat gives up, and once what it told is
/// durable.
pub(super) async fn answer(
    service: &Service,
    request: &HttpRequest,
    payload: web::Payload,
    heed: impl AsyncFnOnce(web::Bytes) -> Result<(), Unheeded>,
) -> Result<HttpResponse, ApiError> {
    check_length(request)?;
    let heeded = tokio::time::timeout(NOTICE_WAIT_MAX, async {
        let body = whole(request, payload).await?;
        heed(body).await
    });
    let answer = match heeded.await.unwrap_or(Err(Unheeded::TooSlow)) {
        Ok(()) => SUCCESS.to_owned(),
        Err(Unheeded::Api(ApiError::BodyTooLarge)) => return Err(ApiError::BodyTooLarge),
        Err(why) => {
            let unheeded = service.count_unheeded_notice();
            tracing::warn!(%why, unheeded, "a notice was answered FAIL");
            failure(&why.to_string())
        }
    };
    Ok(to_wechat(answer))
}

fn to_wechat(answer: String) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/xml")).body(answer)
}

/// What a notice is told that nobody has read, as too much is in hand.
pub(super) fn turned_away(service: &Service) -> HttpResponse {
    service.count_unheeded_notice();
    to_wechat(failure("busy"))
}

/// The merchant of a notice's path.
fn path_merchant(request: &HttpRequest) -> Option<MerchantId> {
    request.match_info().get("merchant_id").and_then(|raw| raw.parse().ok())
}

async fn heed(service: &Service, request: &HttpRequest, body: &[u8]) -> Result<(), Unheeded> {
    let client = service.gateway.client();
    let (notice, algorithm) = verified(client, body)?;
    if !notice.is_for(client.config().account()) {
        return Err(Unheeded::Foreign);
    }
    let path = path_merchant(request);
    let (of, order_no) = read_out_trade_no(&notice.out_trade_no)
        .filter(|(merchant, _)| Some(*merchant) == path)
        .ok_or(Unheeded::Misdirected)?;
    let usual = algorithm == client.config().sign_type;
    let signed = Signed { algorithm: algorithm.as_str(), usual };
    match notice.told {
        // The engine knows the order's algorithm, and looks at it where it looks at the order.
        Told::Paid(payment) => book(service, (of, order_no), &payment, signed).await,
        Told::Failed(code) => {
            let known = order(service, of, order_no).await?;
            if !signed.fits(known.as_deref()) {
                return Err(Unheeded::Algorithm);
            }
            tracing::info!(merchant = %of, %order_no, %code, "a try to pay failed");
            service.look_up_later(of, order_no);
            Ok(())
        }
    }
}

/// The notice, and the algorithm it is signed by: that of new orders, or the other one, which older orders may have.
fn verified(client: &Client, body: &[u8]) -> Result<(PaymentNotice, SignType), NoticeFault> {
    let usual = client.config().sign_type;
    let other = match usual {
        SignType::Md5 => SignType::HmacSha256,
        SignType::HmacSha256 => SignType::Md5,
    };
    let read = |algorithm| Ok((client.payment_notice(body, algorithm)?, algorithm));
    match read(usual) {
        Err(NoticeFault::Sign(_)) => read(other),
        read => read,
    }
}

async fn order(
    service: &Service,
    of: MerchantId,
    order_no: OrderNo,
) -> Result<Option<Box<Order>>, Unheeded> {
    match service.record(of, Key::Order(order_no)).await? {
        Some(Record::Order(order)) => Ok(Some(order)),
        Some(_) | None => Ok(None),
    }
}

/// Books a payment. One that does not fit becomes a case, durable too: asking again would not mend it, unless the order is not
/// known.
async fn book(
    service: &Service,
    (of, order_no): (MerchantId, OrderNo),
    payment: &Payment,
    signed: Signed,
) -> Result<(), Unheeded> {
    let paid = channel_payment(payment).map_err(Unheeded::Field)?;
    let ChannelPayment { transaction_id, amount, booked, paid_at, .. } = paid;
    let source = PaymentSource::Notice;
    let signed = Some(signed);
    let pay = Pay { order_no, transaction_id, amount, booked, paid_at, source, signed };
    match service.engine.pay(of, pay, service.now()).await {
        Ok((Booking::Credited, _)) => Ok(()),
        Ok((Booking::Case(CaseKind::OrderUnknown), _)) => Err(Unheeded::OrderUnknown),
        Err(EngineError::Refused(Refusal::Invalid { field: "sign_type", .. })) => {
            Err(Unheeded::Algorithm)
        }
        Err(error) => Err(error.into()),
        Ok((Booking::Case(kind), _)) => {
            tracing::warn!(merchant = %of, %order_no, kind = kind.as_str(), "a notice became a case");
            Ok(())
        }
    }
}
