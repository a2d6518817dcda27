//! Reconciliations: days compared with WeChat's bills, and what was found.

use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tally_actors::domain::ids::{CaseId, MerchantId};
use tally_actors::domain::time::{At, Day};
use tally_actors::ports::Page;
use tally_storage::reconciliations::{Difference, Reconciliation};

use super::auth::Admin;
use super::body::Body;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, made, ok, part};
use crate::csv;
use crate::limits::{CSV_ROWS_MAX, PAGE_MAX};
use crate::reconcile::{self, Asked, Found, Report, Standing};
use crate::service::Service;

/// The day that is to be compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    date: Day,
}

/// A day as the API shows it.
#[derive(Serialize)]
struct View {
    date: Day,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ran_at: Option<At>,
    /// Whether all was read, and nothing differs.
    agreed: Option<bool>,
    #[serde(flatten)]
    report: Option<Report>,
}

/// A difference as the API shows it.
#[derive(Serialize)]
struct DifferenceView {
    difference_id: String,
    merchant_id: Option<MerchantId>,
    case_id: Option<CaseId>,
    #[serde(flatten)]
    difference: Option<reconcile::Difference>,
    seen: bool,
}

impl View {
    fn of(made: Reconciliation) -> Self {
        let report: Option<Report> = serde_json::from_str(&made.report).ok();
        let (ran_at, agreed) = (Some(made.ran_at), report.as_ref().map(Report::agrees));
        Self { date: made.day, status: "done", reason: None, ran_at, agreed, report }
    }

    fn standing(self, standing: Option<Standing>) -> Self {
        let (status, reason) = match standing {
            None => return self,
            Some(Standing::Running) => ("running", None),
            Some(Standing::Failed(why)) => ("failed", Some(why)),
        };
        Self { status, reason, ..self }
    }

    fn none(date: Day) -> Self {
        Self { date, status: "done", reason: None, ran_at: None, agreed: None, report: None }
    }
}

/// `POST /v1/reconciliations`
pub(crate) async fn run(_: Admin, service: web::Data<Service>, body: Body<Run>) -> Answer {
    let date = body.0.date;
    match service.reconciler.ask(date).await? {
        Asked::Done(fresh, reconciliation) => made(fresh, View::of(reconciliation)),
        Asked::UnderWay => {
            let view = View::none(date).standing(Some(Standing::Running));
            Ok(HttpResponse::Accepted().json(view))
        }
    }
}

/// `GET /v1/reconciliations`
pub(crate) async fn list(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    query.end()?;
    let part = service.kept(move |books| books.reconciliations(page)).await?;
    ok(List::of(part, |made| {
        let standing = service.reconciler.standing(made.day);
        View::of(made).standing(standing)
    }))
}

/// `GET /v1/reconciliations/{date}`
pub(crate) async fn get(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let date: Day = part(&request, "date")?;
    let known = service.kept(move |books| books.reconciliation(date)).await?;
    let standing = service.reconciler.standing(date);
    if known.is_none() && standing.is_none() {
        return Err(ApiError::ReconciliationUnknown);
    }
    ok(known.map_or(View::none(date), View::of).standing(standing))
}

/// `GET /v1/reconciliations/{date}/differences`
pub(crate) async fn differences(
    _: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let date: Day = part(&request, "date")?;
    let mut query = Query::of(&request)?;
    let accepts = request.headers().get(ACCEPT).and_then(|raw| raw.to_str().ok());
    let asked = accepts.is_some_and(|accepts| accepts.starts_with("text/csv"));
    let as_csv = query.csv()?.unwrap_or(asked);
    let page = query.page()?;
    query.end()?;
    let Some(made) = service.kept(move |books| books.reconciliation(date)).await? else {
        return Err(ApiError::ReconciliationUnknown);
    };
    let view = |one: Difference| {
        let found = found(&one.difference);
        let (merchant_id, case_id) =
            found.as_ref().map_or((None, None), |found| (found.merchant_id, found.case_id));
        DifferenceView {
            seen: one.seen_at >= made.ran_at,
            difference_id: one.difference_id,
            merchant_id,
            case_id,
            difference: found.map(|found| found.difference),
        }
    };
    if !as_csv {
        let part = service.kept(move |books| books.differences(date, page)).await?;
        return ok(List::of(part, view));
    }
    let (mut text, mut rows, mut cursor) = (format!("{}{HEADER}", csv::MARK), 0, page.cursor);
    while rows < CSV_ROWS_MAX {
        let page = Page { limit: PAGE_MAX, cursor };
        let part = service.kept(move |books| books.differences(date, page)).await?;
        rows += part.items.len();
        part.items.into_iter().map(view).for_each(|one| text.push_str(&line(date, &one)));
        cursor = part.next;
        if cursor.is_none() {
            break;
        }
    }
    text.extend(cursor.map(|next| goes_on(date, &next)));
    let name = format!("attachment; filename=\"differences-{date}.csv\"");
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/csv; charset=utf-8").insert_header((CONTENT_DISPOSITION, name));
    Ok(answer.body(text))
}

/// What was kept of a difference; one that this version can't read shows itself as such.
fn found(raw: &str) -> Option<Found> {
    serde_json::from_str(raw)
        .inspect_err(|error| tracing::error!(%error, "a difference that this version can't read"))
        .ok()
}

const HEADER: &str =
    "date,kind,seen,merchant_id,number,transaction_id,part,bill_fen,own_fen,at,what,case_id\r\n";

fn line(date: Day, one: &DifferenceView) -> String {
    let value = serde_json::to_value(one).unwrap_or(Value::Null);
    let names = [
        "kind",
        "seen",
        "merchant_id",
        "number",
        "transaction_id",
        "part",
        "bill_fen",
        "own_fen",
        "at",
        "what",
        "case_id",
    ];
    let cells = names.iter().map(|name| match &value[*name] {
        Value::Null => String::new(),
        Value::String(text) => csv::field(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    });
    let cells: Vec<String> = cells.collect();
    format!("{date},{}\r\n", cells.join(","))
}

/// The last line of a file that does not hold all.
fn goes_on(date: Day, next: &str) -> String {
    format!("{date},\"goes on: ask for the rest with format=csv&cursor={next}\"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_hold_all_says_so_in_its_last_line() {
        let day = Day::from_days(20_454).unwrap();
        let last = goes_on(day, "f0a");
        assert!(last.starts_with("2026-01-01,\"goes on: ") && last.ends_with("&cursor=f0a\"\r\n"));
    }
}
