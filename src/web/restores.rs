//! Restores: what restored books lack is handed in by its numbers, and the freeze of withdrawals ends by an admin's word.

use actix_web::web;
use serde::{Deserialize, Serialize};
use tally_actors::domain::channel_no::{read_out_trade_no, read_transfer_no};
use tally_actors::domain::ids::KeyId;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::At;
use tally_actors::ports::Part;
use tally_actors::recovery::{Found, Left};
use tally_storage::restores::{Release, Restore};

use super::auth::Admin;
use super::body::Body;
use super::error::ApiError;
use super::reply::{Answer, List, Text, ok};
use crate::limits::{LOST_NUMBERS_MAX, REASON_CHARS_MAX};
use crate::service::Service;
use crate::service::lost::LostNumber;

/// Numbers that WeChat knows and the books may not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbers {
    #[serde(default)]
    out_trade_nos: Vec<String>,
    #[serde(default)]
    partner_trade_nos: Vec<String>,
}

/// The word that ends a freeze.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    note: Text<REASON_CHARS_MAX>,
}

/// What became of an order's number.
#[derive(Serialize)]
struct OrderView {
    out_trade_no: String,
    result: &'static str,
    reason: Option<Box<str>>,
}

/// What became of a transfer's number.
#[derive(Serialize)]
struct TransferView {
    partner_trade_no: String,
    result: &'static str,
    reason: Option<Box<str>>,
}

/// A restore as the API shows it.
#[derive(Serialize)]
struct RestoreView {
    restored_at: At,
    since: At,
    status: &'static str,
    left: Option<LeftView>,
    looked_up_at: Option<At>,
    released_at: Option<At>,
    released_by: Option<KeyId>,
    note: Option<String>,
}

/// What is still to be looked up.
#[derive(Serialize)]
struct LeftView {
    orders: usize,
    withdrawals: usize,
}

impl RestoreView {
    fn of(restore: Restore, left: Option<Left>) -> Self {
        let Restore { since, restored_at, looked_up_at, released } = restore;
        let left = left.filter(|_| looked_up_at.is_none());
        let left = left.map(|Left { orders, withdrawals }| LeftView { orders, withdrawals });
        let status = match (looked_up_at, &released) {
            (_, Some(_)) => "released",
            (Some(_), None) => "looked_up",
            (None, None) => "looking_up",
        };
        let (released_at, released_by, note) = match released {
            Some(Release { at, by, note }) => (Some(at), Some(by), Some(note)),
            None => (None, None, None),
        };
        Self { restored_at, since, status, left, looked_up_at, released_at, released_by, note }
    }
}

/// `GET /v1/restores`
pub(crate) async fn list(_: Admin, service: web::Data<Service>) -> Answer {
    show(&service, service.restores().await?)
}

/// `POST /v1/restores/numbers`
pub(crate) async fn take(by: Admin, service: web::Data<Service>, body: Body<Numbers>) -> Answer {
    let Numbers { out_trade_nos, partner_trade_nos } = body.0;
    if out_trade_nos.len() + partner_trade_nos.len() > LOST_NUMBERS_MAX {
        let most = format!("and partner_trade_nos may be {LOST_NUMBERS_MAX} together");
        return Err(ApiError::invalid("out_trade_nos", most));
    }
    if service.engine.restored().is_none() {
        return Err(ApiError::refused(Refusal::NotRestored));
    }
    let orders = out_trade_nos
        .iter()
        .map(|raw| read_out_trade_no(raw).map(|(of, order_no)| LostNumber::Order { of, order_no }));
    let transfers = partner_trade_nos.iter().map(|raw| {
        read_transfer_no(raw).map(|(of, withdrawal_no)| LostNumber::Transfer { of, withdrawal_no })
    });
    let found = service.find_lost(orders.collect(), transfers.collect(), by.0).await?;
    let each = found.into_iter().map(told);
    let (mut orders, mut transfers) = (vec![], vec![]);
    let numbers = out_trade_nos.into_iter().map(Ok).chain(partner_trade_nos.into_iter().map(Err));
    for (number, (result, reason)) in numbers.zip(each) {
        match number {
            Ok(out_trade_no) => orders.push(OrderView { out_trade_no, result, reason }),
            Err(partner_trade_no) => {
                transfers.push(TransferView { partner_trade_no, result, reason });
            }
        }
    }
    ok(serde_json::json!({"orders": orders, "transfers": transfers}))
}

/// `POST /v1/restores/release`
pub(crate) async fn release(by: Admin, service: web::Data<Service>, body: Body<Word>) -> Answer {
    let release = Release { at: service.now(), by: by.0, note: body.0.note.0 };
    show(&service, service.release(release).await?)
}

fn show(service: &Service, all: Vec<Restore>) -> Answer {
    let left = service.restores.left();
    ok(List::of(Part { items: all, next: None }, |restore| RestoreView::of(restore, left)))
}

/// A result, and why where that is not in the word.
fn told(found: Found) -> (&'static str, Option<Box<str>>) {
    match found {
        Found::Booked => ("booked", None),
        Found::Known => ("known", None),
        Found::RefundsNoted(noted) => {
            ("refunds_noted", Some(format!("refunds that the books lacked: {noted}").into()))
        }
        Found::NotPaid => ("not_paid", None),
        Found::NotFound => ("not_found", None),
        Found::Refused(why) => ("refused", Some(why)),
        Found::Unknown(why) => ("unknown", Some(why)),
    }
}
