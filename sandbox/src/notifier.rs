//! Notices: sent when an order is paid, and again up the ladder until they are taken. After a restart they go on.

use std::time::Duration;

use actix_web::rt::{spawn, time::sleep};
use actix_web::web::Data;
use tally_wechat::sign::{nonce, sign};
use tally_wechat::xml;
use tokio::sync::mpsc;

use crate::books::Entry;
use crate::desk::Desk;
use crate::faults::{Fault, Kind};
use crate::orders;

/// Sends what is owed from before, then what comes.
pub(crate) async fn run(desk: Data<Desk>, mut paid: mpsc::UnboundedReceiver<String>) {
    let owed: Vec<String> = desk.look(|books, _| {
        let owed = books.orders.iter().filter(|(_, order)| order.notice_owed());
        owed.map(|(number, _)| number.clone()).collect()
    });
    for number in owed {
        spawn(deliver(desk.clone(), number));
    }
    while let Some(number) = paid.recv().await {
        spawn(deliver(desk.clone(), number));
    }
}

/// The first try at once, the others up the ladder.
async fn deliver(desk: Data<Desk>, number: String) {
    let mut wait = Some(Duration::ZERO);
    while let Some(rest) = wait {
        sleep(rest).await;
        let owed = desk.look(|books, _| books.orders.get(&number).is_some_and(|o| o.notice_owed()));
        if !owed {
            return;
        }
        let taken = try_once(&desk, &number).await;
        tried(&desk, &number, taken);
        let tries = desk.look(|books, _| books.orders.get(&number).map(|o| o.notice_tries));
        let step = usize::try_from(tries.unwrap_or(u32::MAX).saturating_sub(1));
        wait = step.ok().and_then(|step| desk.settings.notify.ladder.get(step).copied());
    }
}

async fn try_once(desk: &Data<Desk>, number: &str) -> bool {
    match desk.draw(Kind::Notice) {
        Some(Fault::Lost) => false,
        Some(Fault::Late) => {
            let late_ms = desk.faults().plan().late_ms;
            sleep(Duration::from_millis(late_ms)).await;
            send(desk, number).await
        }
        Some(Fault::Doubled) => copies(desk, number, 2).await > 0,
        Some(Fault::TimeOut | Fault::SystemError | Fault::AnswerLost | Fault::Failed) | None => {
            send(desk, number).await
        }
    }
}

/// Sends so many copies at once; how many were taken.
pub(crate) async fn copies(desk: &Data<Desk>, number: &str, count: u32) -> u32 {
    let sent: Vec<_> = (0..count)
        .map(|_| {
            let (desk, number) = (desk.clone(), number.to_owned());
            spawn(async move { send(&desk, &number).await })
        })
        .collect();
    let mut taken = 0;
    for one in sent {
        taken += u32::from(one.await.unwrap_or(false));
    }
    taken
}

/// Writes down that a notice was tried.
pub(crate) fn tried(desk: &Desk, number: &str, taken: bool) {
    desk.decide(|_, _| (Some(Entry::NoticeTried { out_trade_no: number.to_owned(), taken }), ()));
}

/// Sends one notice; whether it was taken.
async fn send(desk: &Desk, number: &str) -> bool {
    let found = desk.look(|books, _| {
        let url = books.orders.get(number)?.request.get("notify_url")?.to_owned();
        Some((url, orders::notice(books, number)?))
    });
    let Some((url, (fields, sign_type))) = found else {
        return false;
    };
    let known = &desk.settings.credentials;
    let fields = fields
        .with("return_code", "SUCCESS")
        .with("result_code", "SUCCESS")
        .with("appid", &known.app_id)
        .with("mch_id", &known.mch_id)
        .with("nonce_str", nonce());
    let signature = sign(&fields, sign_type, &known.api_key);
    match desk.sender.send(&url, xml::write(&fields.with("sign", signature))).await {
        Ok(taken) => taken,
        Err(doubt) => {
            tracing::debug!(out_trade_no = number, %doubt, "a notice was not taken");
            false
        }
    }
}
