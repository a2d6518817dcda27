//! Cases: what a person must look at.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::case::{CaseKind, Remedy};
use tally_actors::domain::command::ResolveCase;
use tally_actors::domain::ids::{CaseId, KeyId, MerchantId};
use tally_actors::domain::money::Money;
use tally_actors::domain::time::At;
use tally_actors::ports::{CaseFilter, ListedCase};

use super::auth::{Admin, Known};
use super::body::{Body, Choice};
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Text, ok, part};
use crate::service::Service;

const ANOTHERS: ApiError = ApiError::Forbidden("this key is another merchant's");

/// A case as the API shows it.
#[derive(Serialize)]
pub(crate) struct CaseView {
    case_id: CaseId,
    merchant_id: MerchantId,
    kind: CaseKind,
    status: &'static str,
    opened_at: At,
    facts: Value,
    /// What is in suspense for it.
    suspense_fen: Money,
    /// What may be done about it now; nothing once it is resolved.
    remedies: &'static [Remedy],
    /// What was decided; null while it is open.
    resolution: Option<ResolutionView>,
}

/// What a person decided.
#[derive(Serialize)]
struct ResolutionView {
    at: At,
    by: KeyId,
    note: Box<str>,
    remedy: Option<Remedy>,
}

/// A decision about a case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    note: Text<500>,
    remedy: Option<Choice<Remedy>>,
}

/// `GET /v1/cases`
pub(crate) async fn list(
    caller: Known,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::of(&request)?;
    let own = caller.0.merchant;
    let asked = query.shaped::<MerchantId>("merchant_id");
    if own.is_some() && !matches!(asked, Ok(None)) && asked.as_ref().ok().copied() != Some(own) {
        return Err(ANOTHERS);
    }
    let merchant = asked?.or(own);
    let (page, open) = (query.page()?, query.case_open()?);
    let filter = CaseFilter { merchant, kind: query.case_kind()?, open };
    query.end()?;
    let part = service.stored(move |store| store.cases(filter, page)).await?;
    let refunds_open = service.engine.refunds_open();
    ok(List::of(part, |listed| CaseView::of(listed, refunds_open)))
}

/// `GET /v1/cases/{case_id}`
pub(crate) async fn get(
    caller: Known,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let raw = request.match_info().get("case_id").unwrap_or_default();
    let of = raw.split_once('-').and_then(|(merchant, _)| merchant.parse::<MerchantId>().ok());
    if caller.0.merchant.is_some_and(|own| of != Some(own)) {
        return Err(ANOTHERS);
    }
    let case_id: CaseId = part(&request, "case_id")?;
    let merchant = of.ok_or_else(|| ApiError::invalid("case_id", CaseId::SHAPE))?;
    let Some(Record::Case(case)) = service.record(merchant, Key::Case(case_id)).await? else {
        return Err(ApiError::CaseUnknown);
    };
    ok(CaseView::of(ListedCase { merchant, case: *case }, service.engine.refunds_open()))
}

/// `POST /v1/cases/{case_id}/resolve`
pub(crate) async fn resolve(
    by: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Resolve>,
) -> Answer {
    let case_id: CaseId = part(&request, "case_id")?;
    let of = case_id.as_str().split_once('-').and_then(|(merchant, _)| merchant.parse().ok());
    let merchant: MerchantId = of.ok_or_else(|| ApiError::invalid("case_id", CaseId::SHAPE))?;
    let Resolve { note, remedy } = body.0;
    let remedy = remedy.map(|remedy| remedy.0);
    let refunds_open = service.engine.refunds_open();
    let resolve = ResolveCase { case_id, by: by.0, note: note.0.into(), remedy, refunds_open };
    let asked = service.engine.resolve_case(merchant, resolve, service.asked(by.0));
    ok(CaseView::of(ListedCase { merchant, case: service.write(asked).await? }, refunds_open))
}

impl CaseView {
    /// The case of a list; `refunds_open`: whether WeChat refunds can be made at all.
    pub(crate) fn of(listed: ListedCase, refunds_open: bool) -> Self {
        let ListedCase { merchant, case } = listed;
        let (remedies, suspense_fen) = (case.remedies(refunds_open), case.held());
        let detail = |(name, value)| json!({ "name": name, "value": value });
        let facts = json!({
            "order_no": case.order_no,
            "transaction_id": case.transaction_id,
            "amount_fen": case.amount,
            "expected_fen": case.expected,
            "booked_fen": case.booked,
            "paid_at": case.paid_at,
            "details": case.facts.into_iter().map(detail).collect::<Vec<Value>>(),
        });
        Self {
            case_id: case.case_id,
            merchant_id: merchant,
            kind: case.kind,
            status: if case.resolution.is_none() { "open" } else { "resolved" },
            opened_at: case.opened_at,
            facts,
            remedies,
            suspense_fen: suspense_fen.unwrap_or(Money::ZERO),
            resolution: case.resolution.map(|made| ResolutionView {
                at: made.at,
                by: made.by,
                note: made.note,
                remedy: made.remedy,
            }),
        }
    }
}
