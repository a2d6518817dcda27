//! Settlements: pending money becomes available.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::ids::{MerchantId, SettlementNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::time::At;
use tally_actors::engine::NewSettlement;

use super::auth::{FOR_ADMINS, Party};
use super::body::Body;
use super::error::ApiError;
use super::orders::OrderView;
use super::query::Query;
use super::reply::{Answer, List, made, number, ok, part};
use crate::service::Service;

/// A settlement to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    settlement_no: Option<SettlementNo>,
    #[serde(default)]
    include_not_due: bool,
}

/// A settlement as the API shows it. The default is that of nothing to settle.
#[derive(Default, Serialize)]
pub(crate) struct SettlementView {
    settlement_no: Option<SettlementNo>,
    orders: u64,
    gross_fen: Money,
    refunded_fen: Money,
    fee_fen: Money,
    net_fen: Money,
    first_paid_seq: Option<u64>,
    last_paid_seq: Option<u64>,
    include_not_due: bool,
    at: Option<At>,
}

/// `POST /v1/merchants/{merchant_id}/settlements`
pub(crate) async fn settle(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Settle>,
) -> Answer {
    let Settle { settlement_no, include_not_due } = body.0;
    if include_not_due && !of.is_admin() {
        return Err(FOR_ADMINS);
    }
    let new = NewSettlement { number: number(&request, settlement_no)?, include_not_due };
    match service
        .write(service.engine.settle(of.merchant, new, service.asked(of.caller.key_id)))
        .await?
    {
        Some(settled) => made(settled.fresh, SettlementView::of(&settled.thing)),
        None => ok(SettlementView { include_not_due, ..SettlementView::default() }),
    }
}

/// `GET /v1/merchants/{merchant_id}/settlements`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    query.end()?;
    service.must_know(of.merchant).await?;
    let part = service.stored(move |store| store.settlements(of.merchant, page)).await?;
    ok(List::of(part, |settlement| SettlementView::of(&settlement)))
}

/// `GET /v1/merchants/{merchant_id}/settlements/{settlement_no}`
pub(crate) async fn get(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let settlement = find(&service, of.merchant, part(&request, "settlement_no")?).await?;
    ok(SettlementView::of(&settlement))
}

/// `GET /v1/merchants/{merchant_id}/settlements/{settlement_no}/orders`
pub(crate) async fn orders(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    query.end()?;
    let settlement = find(&service, of.merchant, part(&request, "settlement_no")?).await?;
    let read = service.stored(move |store| store.settlement_orders(of.merchant, settlement, page));
    let part = read.await?;
    ok(List::of(part, |listed| OrderView::of(of.merchant, listed)))
}

async fn find(
    service: &Service,
    of: MerchantId,
    settlement_no: SettlementNo,
) -> Result<Settlement, ApiError> {
    let found = service.record(of, Key::Settlement(settlement_no)).await?;
    if let Some(Record::Settlement(settlement)) = found {
        return Ok(*settlement);
    }
    service.must_know(of).await?;
    Err(ApiError::SettlementUnknown)
}

impl SettlementView {
    /// The settlement.
    pub(crate) fn of(settlement: &Settlement) -> Self {
        let moved = settlement.moved;
        Self {
            settlement_no: Some(settlement.settlement_no),
            orders: moved.orders,
            gross_fen: moved.gross,
            refunded_fen: moved.refunded,
            fee_fen: moved.fee,
            net_fen: moved.net().expect("a settlement was checked when it was decided"),
            first_paid_seq: Some(moved.first_paid_seq),
            last_paid_seq: Some(moved.last_paid_seq),
            include_not_due: settlement.include_not_due,
            at: Some(settlement.at),
        }
    }
}
