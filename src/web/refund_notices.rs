//! WeChat's notices about refunds (`api.md` 2). WeChat does not sign them, so they are hints: a refund of ours is looked up at
//! once, one that we do not know is noted and then looked up. Nothing that a hint says is booked.

use actix_web::{HttpRequest, HttpResponse, web};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::channel_no::{read_out_trade_no, refund_no_told};
use tally_actors::domain::command::NoticeRefund;
use tally_actors::domain::money::Money;
use tally_actors::domain::refusal::Refusal;
use tally_actors::error::EngineError;

use super::error::ApiError;
use super::notices::{Unheeded, answer};
use crate::service::Service;

/// `POST /notify/{merchant_id}/refund`
pub(crate) async fn refund(
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    answer(&service, &request, payload, async |body| heed(&service, &body).await).await
}

async fn heed(service: &Service, body: &[u8]) -> Result<(), Unheeded> {
    let client = service.gateway.client();
    let hint = client.refund_notice(body)?;
    let account = client.config().account();
    if (hint.app_id.as_str(), hint.mch_id.as_str()) != (account.app_id, account.mch_id) {
        return Err(Unheeded::Foreign);
    }
    // Of one made by hand WeChat tells at the one address of the merchant platform, whosever order it is.
    let (of, order_no) = read_out_trade_no(&hint.out_trade_no).ok_or(Unheeded::Misdirected)?;
    let refund_no = refund_no_told(&of, &hint.out_refund_no, &hint.refund_id);
    if let Some(Record::Refund(known)) = service.record(of, Key::Refund(refund_no)).await? {
        service.engine.hint_at_refund(of, &known);
        return Ok(());
    }
    let transaction_id =
        hint.transaction_id.parse().map_err(|_| Unheeded::Field("transaction_id"))?;
    let notice = NoticeRefund {
        refund_no,
        order_no,
        out_refund_no: hint.out_refund_no.into(),
        refund_id: hint.refund_id.into(),
        amount: Money::from_fen(hint.refund_fee).ok_or(Unheeded::Field("refund_fee"))?,
        transaction_id: Some(transaction_id),
    };
    match service.engine.notice_refund(of, notice, service.now()).await {
        Ok(_) => Ok(()),
        Err(EngineError::Refused(Refusal::OrderUnknown | Refusal::MerchantUnknown)) => {
            Err(Unheeded::OrderUnknown)
        }
        // Of money that is credited to nobody, or no refund that can be: asking again mends nothing. An order that is not paid may
        // yet be: its own notice may come after this one.
        Err(EngineError::Refused(
            why @ (Refusal::OrderConflict(_) | Refusal::AmountInvalid { .. }),
        )) => {
            tracing::warn!(%of, %order_no, %why, "a refund that fits no payment of ours: a person must look");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
