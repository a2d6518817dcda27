//! What people decide.

use tally_actors::domain::bank_run::PutInRun;
use tally_actors::domain::case::Remedy;
use tally_actors::domain::command::{
    Attest, DecideAdjustment, RaiseCase, RequestAdjustment, ResolveCase, Stand,
};
use tally_actors::domain::standing::Change;

use super::fen;
use crate::history::{Desk, Request};

pub(super) fn resolves(resolve: &ResolveCase) -> Request {
    Request::Desk(Desk::Resolve {
        case_id: resolve.case_id.to_string(),
        remedy: resolve.remedy.map(Remedy::as_str),
    })
}

pub(super) fn stands(stand: &Stand) -> Request {
    let seen = stand.seen.map(|seq| seq.0);
    Request::Desk(Desk::Stand { change: change(stand.change), seen })
}

pub(super) fn raises(raise: &RaiseCase) -> Request {
    Request::Desk(Desk::Raise {
        kind: raise.kind.as_str(),
        subject: raise.subject.to_string(),
        amount: raise.amount.map(fen),
    })
}

pub(super) fn attests(attest: &Attest) -> Request {
    let Attest { withdrawal_no, succeeded, by, .. } = attest;
    let (withdrawal_no, by) = (withdrawal_no.to_string(), by.to_string());
    Request::Desk(Desk::Attest { withdrawal_no, succeeded: *succeeded, by })
}

pub(super) fn adjusts(request: &RequestAdjustment) -> Request {
    Request::Desk(Desk::Adjust {
        number: request.adjustment_no.to_string(),
        amount: request.amount.fen(),
        by: request.asked_by.to_string(),
    })
}

pub(super) fn decides(decide: &DecideAdjustment) -> Request {
    let (number, by) = (decide.adjustment_no.to_string(), decide.by.to_string());
    Request::Desk(Desk::DecideAdjustment { number, approve: decide.approve, by })
}

pub(super) fn puts(put: &PutInRun) -> Request {
    Request::Desk(Desk::Run {
        withdrawal_no: put.withdrawal_no.to_string(),
        run_no: put.run_no.to_string(),
        by: put.by.to_string(),
    })
}

fn change(change: Change) -> &'static str {
    match change {
        Change::Freeze => "freeze",
        Change::Unfreeze => "unfreeze",
        Change::Suspend => "suspend",
        Change::Resume => "resume",
        Change::Close => "close",
    }
}
