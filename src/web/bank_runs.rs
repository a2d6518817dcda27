//! Bank runs: an admin gathers withdrawals for the bank, downloads them, and uploads what the bank says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tally_actors::domain::bank_run;
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::command::Confirm;
use tally_actors::domain::ids::{MerchantId, RunNo, WithdrawalNo};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::engine::Number;
use tally_actors::error::EngineError;
use tally_storage::bank_runs::{BankRun, RunItem};

use super::auth::Admin;
use super::body::{Body, text, whole_up_to};
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, made, number, ok, part};
use crate::bank_runs::{Maker, Said, confirm_all};
use crate::csv;
use crate::limits::{BANK_RESULTS_BYTES_MAX, REASON_CHARS_MAX, REFERENCE_CHARS_MAX};
use crate::service::Service;

/// A run to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRun {
    run_no: Option<RunNo>,
    merchant_id: Option<MerchantId>,
}

/// A withdrawal of a run as the API shows it.
#[derive(Serialize)]
struct ItemView {
    merchant_id: MerchantId,
    withdrawal_no: WithdrawalNo,
    amount_fen: u64,
    status: WithdrawalStatus,
    reference: Option<Box<str>>,
    reason: Option<Box<str>>,
}

fn view(run: &BankRun) -> Value {
    json!({
        "run_no": run.run_no,
        "state": if run.made { "made" } else { "open" },
        "merchant_id": run.merchant,
        "at": run.at,
        "by": run.by,
    })
}

/// A run with all that it holds.
async fn whole(service: &Service, run: &BankRun) -> Result<Value, ApiError> {
    let items = items(service, run.run_no).await?;
    let mut outcomes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for item in &items {
        let (count, sum) = outcomes.entry(item.withdrawal.status.as_str()).or_default();
        *count += 1;
        *sum = sum.saturating_add(item.withdrawal.amount.fen());
    }
    let sum = outcomes.values().fold(0_u64, |all, (_, sum)| all.saturating_add(*sum));
    let told = |(count, sum): (u64, u64)| json!({"count": count, "sum_fen": sum});
    let mut shown = view(run);
    shown["count"] = items.len().into();
    shown["sum_fen"] = sum.into();
    shown["outcomes"] =
        outcomes.into_iter().map(|(of, sums)| (of.to_owned(), told(sums))).collect();
    shown["items"] = items.into_iter().map(|item| json!(ItemView::of(item))).collect();
    Ok(shown)
}

impl ItemView {
    fn of(RunItem { merchant, withdrawal }: RunItem) -> Self {
        Self {
            merchant_id: merchant,
            withdrawal_no: withdrawal.withdrawal_no,
            amount_fen: withdrawal.amount.fen(),
            status: withdrawal.status,
            reference: withdrawal.reference,
            reason: withdrawal.reason.filter(|reason| !reason.is_empty()),
        }
    }
}

async fn items(service: &Service, run_no: RunNo) -> Result<Vec<RunItem>, ApiError> {
    service.kept(move |books| books.bank_run_items(run_no)).await
}

async fn known(service: &Service, run_no: RunNo) -> Result<BankRun, ApiError> {
    let run = service.kept(move |books| books.bank_run(run_no)).await?;
    run.ok_or(ApiError::BankRunUnknown)
}

/// A run that is finished: of one that is not, the rest would be left out.
async fn finished(service: &Service, run_no: RunNo) -> Result<BankRun, ApiError> {
    let run = known(service, run_no).await?;
    if run.made { Ok(run) } else { Err(ApiError::BankRunOpen) }
}

/// `POST /v1/bank-runs`
pub(crate) async fn make(
    by: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<NewRun>,
) -> Answer {
    let run_no = match number(&request, body.0.run_no)? {
        Number::Chosen(run_no) => run_no,
        Number::Make(Some(key)) => bank_run::number_of(&key),
        Number::Make(None) => return Err(ApiError::IdempotencyMissing("run_no")),
    };
    let maker = Maker {
        engine: service.engine.clone(),
        store: std::sync::Arc::clone(&service.store),
        turn: service.turns.bank_runs(),
    };
    service.may_record()?;
    let (at, merchant) = (service.now(), body.0.merchant_id);
    let wanted = BankRun { run_no, at, by: by.0, merchant, made: false };
    let making = service.runtime.spawn(maker.make(wanted));
    let asked = async { making.await.map_err(|_| EngineError::OutcomeUnknown)? };
    let fresh = service.write(asked).await?;
    let run = known(&service, run_no).await?;
    made(fresh, whole(&service, &run).await?)
}

/// `GET /v1/bank-runs`
pub(crate) async fn list(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    query.end()?;
    let part = service.kept(move |books| books.bank_runs(page)).await?;
    ok(List::of(part, |run| view(&run)))
}

/// `GET /v1/bank-runs/{run_no}`
pub(crate) async fn get(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let run = known(&service, part(&request, "run_no")?).await?;
    ok(whole(&service, &run).await?)
}

/// `GET /v1/bank-runs/{run_no}/csv`
pub(crate) async fn export(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let run = finished(&service, part(&request, "run_no")?).await?;
    let mut text =
        format!("{}withdrawal_no,merchant_id,payout_name,amount_yuan,amount_fen\r\n", csv::MARK);
    for RunItem { merchant, withdrawal } in items(&service, run.run_no).await? {
        let (no, fen) = (withdrawal.withdrawal_no, withdrawal.amount.fen());
        let name = csv::field(withdrawal.payout_name.as_deref().unwrap_or_default());
        let (yuan, rest) = (fen / 100, fen % 100);
        write!(text, "{no},{merchant},{name},{yuan}.{rest:02},{fen}\r\n")
            .expect("a String takes any text");
    }
    let name = format!("attachment; filename=\"bank-run-{}.csv\"", run.run_no);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(text))
}

/// `POST /v1/bank-runs/{run_no}/results`
pub(crate) async fn results(
    by: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let kind = text(&request, header::CONTENT_TYPE).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv") {
        return Err(ApiError::invalid("Content-Type", "must be text/csv"));
    }
    let run = finished(&service, part(&request, "run_no")?).await?;
    let body = whole_up_to(&request, payload, BANK_RESULTS_BYTES_MAX).await?;
    let body = std::str::from_utf8(&body)
        .map_err(|_| ApiError::invalid("body", "is not UTF-8; save the file as CSV UTF-8"))?;
    let items = items(&service, run.run_no).await?;
    let items: BTreeMap<_, _> = items
        .into_iter()
        .map(|item| ((item.merchant, item.withdrawal.withdrawal_no), item.withdrawal))
        .collect();
    let (mut said, mut seen, mut known) = (vec![], BTreeSet::new(), 0_u64);
    for one in read(body)? {
        let key = (one.merchant, one.confirm.withdrawal_no);
        let Some(withdrawal) = items.get(&key) else {
            let found = service.record(key.0, Key::Withdrawal(key.1)).await?;
            let is_known = matches!(found, Some(Record::Withdrawal(_)));
            let why = if is_known { "is not in this run" } else { "is not known" };
            return Err(at(one.line, format!("withdrawal {} of {} {why}", key.1, key.0)));
        };
        let (wanted, paid) = (withdrawal.amount.fen(), one.amount);
        if let Some(paid) = paid.filter(|paid| *paid != wanted) {
            let what =
                format!("withdrawal {} of {} is of {wanted} fen, not of {paid}", key.1, key.0);
            return Err(at(one.line, what));
        }
        if !seen.insert(key) {
            return Err(at(one.line, format!("withdrawal {} of {} is there twice", key.1, key.0)));
        }
        match agrees(withdrawal, &one.confirm) {
            Some(true) => known += 1,
            Some(false) => {
                let is = withdrawal.status.as_str();
                let what = format!("withdrawal {} of {} is recorded otherwise: {is}", key.1, key.0);
                return Err(at(one.line, what));
            }
            None => said.push(one),
        }
    }
    service.may_record()?;
    let asked = service.asked(by.0);
    let confirming = service.runtime.spawn(confirm_all(service.engine.clone(), said, asked));
    let asked = async { confirming.await.map_err(|_| EngineError::OutcomeUnknown) };
    let (recorded, missed) = service.write(asked).await?;
    let missed: Vec<Value> =
        missed.into_iter().map(|(line, why)| json!({"line": line, "reason": why})).collect();
    ok(json!({"recorded": recorded, "known": known, "not_reached": missed}))
}

/// Whether what is recorded is what the bank says; `None`: nothing is recorded yet.
fn agrees(withdrawal: &Withdrawal, confirm: &Confirm) -> Option<bool> {
    match withdrawal.status {
        WithdrawalStatus::Succeeded => {
            Some(confirm.succeeded && withdrawal.reference.as_deref() == Some(&*confirm.reference))
        }
        WithdrawalStatus::Failed => Some(!confirm.succeeded),
        WithdrawalStatus::Rejected => Some(false),
        WithdrawalStatus::AwaitingApproval
        | WithdrawalStatus::Requested
        | WithdrawalStatus::Sending
        | WithdrawalStatus::AwaitingPayee
        | WithdrawalStatus::Unknown => None,
    }
}

fn at(line: usize, why: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::invalid(format!("line {line}"), why)
}

/// The columns that are read. The amounts of the export may stay, and must then be the withdrawal's.
const COLUMNS: [&str; 7] =
    ["withdrawal_no", "merchant_id", "result", "reference", "reason", "amount_fen", "amount_yuan"];
const PASSED_OVER: [&str; 1] = ["payout_name"];

/// Yuan with at most two decimals, in fen: a spreadsheet drops zeros at the end.
fn of_yuan(text: &str) -> Option<u64> {
    let (yuan, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if rest.len() > 2 || !digits(rest) || !digits(yuan) {
        return None;
    }
    let fen: u64 = format!("{rest:0<2}").parse().ok()?;
    yuan.parse::<u64>().ok()?.checked_mul(100)?.checked_add(fen)
}

/// The lines of a file that has what each must have.
fn read(body: &str) -> Result<Vec<Said>, ApiError> {
    let mut rows = csv::rows(body).map_err(|(line, why)| at(line, why))?.into_iter();
    let Some((first, header)) = rows.next() else {
        return Err(ApiError::invalid("body", "is empty"));
    };
    let all = COLUMNS.iter().chain(&PASSED_OVER);
    if header.iter().any(|name| all.clone().all(|known| known != name)) {
        return Err(at(first, format!("must name only the columns {}", COLUMNS.join(", "))));
    }
    let place = |name: &str| header.iter().position(|known| known == name);
    let places = COLUMNS.map(place);
    if places[..3].iter().any(Option::is_none) {
        return Err(at(first, "must name the columns withdrawal_no, merchant_id and result"));
    }
    rows.map(|(line, row)| {
        let get = |column: usize| places[column].and_then(|place| row.get(place));
        let [no, merchant, result, reference, reason, fen, yuan] =
            [0, 1, 2, 3, 4, 5, 6].map(|column| get(column).map_or("", String::as_str));
        let succeeded = match result {
            "ok" => true,
            "failed" => false,
            _ => return Err(at(line, "has a result that is neither ok nor failed")),
        };
        if succeeded && reference.is_empty() {
            return Err(at(line, "lacks the reference, which ok needs"));
        }
        let long = reference.chars().count() > REFERENCE_CHARS_MAX
            || reason.chars().count() > REASON_CHARS_MAX;
        if long || [reference, reason].iter().any(|text| text.contains(char::is_control)) {
            return Err(at(line, "has a reference or a reason that is too long, or no plain text"));
        }
        let withdrawal_no = no.parse().map_err(|_| at(line, "has no withdrawal's number"))?;
        let merchant = merchant.parse().map_err(|_| at(line, "has no merchant's id"))?;
        let (reference, reason) = (reference.into(), reason.into());
        let amounts = [(fen, fen.parse().ok()), (yuan, of_yuan(yuan))];
        let said: Vec<_> = amounts.into_iter().filter(|(text, _)| !text.is_empty()).collect();
        if said.iter().any(|(_, amount)| amount.is_none() || *amount != said[0].1) {
            return Err(at(line, "has amounts that are none, or are not the same"));
        }
        Ok(Said {
            line,
            merchant,
            amount: said.first().and_then(|(_, amount)| *amount),
            confirm: Confirm { withdrawal_no, succeeded, reference, reason },
        })
    })
    .collect()
}
