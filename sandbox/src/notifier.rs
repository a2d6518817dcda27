//! Notices: sent when an order is paid or a refund has ended, and again up the ladder until they are taken. After a restart
//! they go on.

use std::time::Duration;

use actix_web::rt::spawn;
use actix_web::rt::time::{sleep, timeout};
use actix_web::web::Data;
use tally_wechat::refund_notice::seal;
use tally_wechat::sign::{nonce, sign};
use tally_wechat::{Fields, xml};
use tokio::sync::mpsc;

use crate::books::{Books, Entry};
use crate::desk::{Desk, Due};
use crate::faults::{Fault, Kind};
use crate::{orders, refunds};

/// Sends what is owed from before, then what comes.
pub(crate) async fn run(desk: Data<Desk>, mut due: mpsc::UnboundedReceiver<Due>) {
    let owed: Vec<Due> = desk.look(|books, _| {
        let payments = books.orders.iter().filter(|(_, order)| order.notice_owed());
        let refunds = books.refunds.iter().filter(|(_, refund)| refund.notice_owed());
        let payments = payments.map(|(number, _)| Due::Payment(number.clone()));
        payments.chain(refunds.map(|(number, _)| Due::Refund(number.clone()))).collect()
    });
    for one in owed {
        spawn(deliver(desk.clone(), one));
    }
    while let Some(one) = due.recv().await {
        spawn(deliver(desk.clone(), one));
    }
}

/// The first try at once, the others up the ladder.
async fn deliver(desk: Data<Desk>, due: Due) {
    if let Due::Refund(number) = &due {
        ended(&desk, number).await;
    }
    let mut wait = Some(Duration::ZERO);
    while let Some(rest) = wait {
        sleep(rest).await;
        if !desk.look(|books, _| standing(books, &due).is_some_and(|(owed, _)| owed)) {
            return;
        }
        let taken = try_once(&desk, &due).await;
        tried(&desk, &due, taken);
        let tries = desk.look(|books, _| standing(books, &due).map(|(_, tries)| tries));
        let step = usize::try_from(tries.unwrap_or(u32::MAX).saturating_sub(1));
        wait = step.ok().and_then(|step| desk.settings.notify.ladder.get(step).copied());
    }
}

/// Waits until a refund has ended, by a clock that may be moved meanwhile.
async fn ended(desk: &Desk, number: &str) {
    let mut moved = desk.moved.subscribe();
    loop {
        moved.mark_unchanged();
        let rest_ms = desk.look(|books, now_ms| {
            books.refunds.get(number).map_or(0, |refund| refund.ends_at_ms.saturating_sub(now_ms))
        });
        let Some(rest_ms) = u64::try_from(rest_ms).ok().filter(|rest_ms| *rest_ms > 0) else {
            return;
        };
        // Whichever comes first; the desk keeps the sender as long as it lives.
        let _ = timeout(Duration::from_millis(rest_ms), moved.changed()).await;
    }
}

/// Whether a notice is owed, and how often it was tried.
fn standing(books: &Books, due: &Due) -> Option<(bool, u32)> {
    match due {
        Due::Payment(number) => {
            books.orders.get(number).map(|order| (order.notice_owed(), order.notice_tries))
        }
        Due::Refund(number) => {
            books.refunds.get(number).map(|refund| (refund.notice_owed(), refund.notice_tries))
        }
    }
}

async fn try_once(desk: &Data<Desk>, due: &Due) -> bool {
    let kind = match due {
        Due::Payment(_) => Kind::Notice,
        Due::Refund(_) => Kind::RefundNotice,
    };
    let late = Duration::from_millis(desk.faults().plan().late_ms);
    match desk.draw(kind) {
        Some(Fault::Lost) => return false,
        Some(Fault::Doubled) => return copies(desk, due, 2).await > 0,
        Some(Fault::Late) => sleep(late).await,
        Some(Fault::OutOfOrder) => {
            let mut sent = desk.sent.subscribe();
            let _ = timeout(late, sent.changed()).await;
        }
        Some(
            Fault::TimeOut
            | Fault::SystemError
            | Fault::AnswerLost
            | Fault::Failed
            | Fault::NotEnough
            | Fault::Changed
            | Fault::Closed
            | Fault::CutOff
            | Fault::LineMissing
            | Fault::LineDoubled
            | Fault::LineAltered,
        )
        | None => {}
    }
    send(desk, due).await
}

/// Sends so many copies at once; how many were taken.
pub(crate) async fn copies(desk: &Data<Desk>, due: &Due, count: u32) -> u32 {
    let sent: Vec<_> = (0..count)
        .map(|_| {
            let (desk, due) = (desk.clone(), due.clone());
            spawn(async move { send(&desk, &due).await })
        })
        .collect();
    let mut taken = 0;
    for one in sent {
        taken += u32::from(one.await.unwrap_or(false));
    }
    taken
}

/// Writes down that a notice was tried.
pub(crate) fn tried(desk: &Desk, due: &Due, taken: bool) {
    let entry = match due.clone() {
        Due::Payment(out_trade_no) => Entry::NoticeTried { out_trade_no, taken },
        Due::Refund(out_refund_no) => Entry::RefundNoticeTried { out_refund_no, taken },
    };
    desk.decide(|_, _| (Some(entry), ()));
}

/// Sends one notice; whether it was taken.
async fn send(desk: &Desk, due: &Due) -> bool {
    let Some((url, document)) = desk.look(|books, now_ms| document(desk, books, due, now_ms))
    else {
        return false;
    };
    let taken = desk.sender.send(&url, document).await;
    desk.sent.send_replace(());
    match taken {
        Ok(taken) => taken,
        Err(doubt) => {
            tracing::debug!(?due, %doubt, "a notice was not taken");
            false
        }
    }
}

/// Where a notice goes, and what it says; `None`: there is nothing to tell.
fn document(desk: &Desk, books: &Books, due: &Due, now_ms: i64) -> Option<(String, String)> {
    let known = &desk.settings.credentials;
    let outer = |fields: Fields| {
        fields
            .with("return_code", "SUCCESS")
            .with("appid", &known.app_id)
            .with("mch_id", &known.mch_id)
            .with("nonce_str", nonce())
    };
    Some(match due {
        Due::Payment(number) => {
            let url = books.orders.get(number)?.request.get("notify_url")?.to_owned();
            let (fields, sign_type) = orders::notice(books, number)?;
            let fields = outer(fields).with("result_code", "SUCCESS");
            let signature = sign(&fields, sign_type, &known.api_key);
            (url, xml::write(&fields.with("sign", signature)))
        }
        Due::Refund(number) => {
            let url = books.refunds.get(number)?.notify_url()?.to_owned();
            let req_info = seal(&refunds::notice(books, number, now_ms)?, &known.api_key);
            (url, xml::write(&outer(Fields::new()).with("req_info", req_info)))
        }
    })
}
