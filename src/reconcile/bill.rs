//! WeChat's side: both bills of a day, read as they come. Nothing in them is believed before their ends.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use tally_actors::domain::time::Day;
use tally_wechat::bill::{
    AccountType, BillDay, BillFault, BillRefusal, BillType, Direction, FundFlowReader, FundRow,
    TradeReader,
};
use tally_wechat::client::{Download, DownloadFault};
use tally_wechat::{Client, Outcome};

use super::Fault;
use super::compare::midnight;
use super::parts::Parts;
use super::record::Line;

/// How a transfer is called in the fund flow.
const TRANSFER: &[&str] = &["企业付款", "商家转账"];

/// How many kinds of movement are told apart; more are summed as one.
const KINDS_MAX: usize = 32;

/// Money that went out by a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// WeChat's number.
    pub(crate) business_no: String,
    /// Our number.
    pub(crate) voucher_no: String,
    /// How much, in fen.
    pub(crate) fen: i64,
}

/// What moved on the platform's account on a day. Amounts in fen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flow {
    /// What the account held after the day's last movement.
    pub(crate) balance_fen: Option<i64>,
    /// By the name that WeChat gives it; what went out is negative.
    pub(crate) moved_fen: BTreeMap<String, i64>,
    #[serde(skip)]
    last_ms: i64,
}

fn day_of(day: Day) -> BillDay {
    BillDay::at(midnight(day))
}

/// What came instead of a bill, where that is a reason to stop.
fn refused(refusal: BillRefusal) -> Result<(), Fault> {
    match refusal {
        // Asked after 10:00 of the next day, that is: nothing was traded.
        BillRefusal::NoBill(_) => Ok(()),
        BillRefusal::NotYet(_) => Err(Fault::NotReady(refusal.to_string())),
        BillRefusal::Configuration(_) | BillRefusal::CertificateMissing => {
            Err(Fault::Refused(refusal.to_string()))
        }
    }
}

/// Reads a day's trade bill; a day on which nothing was traded has none.
pub(super) async fn trade(client: &Client, day: Day, lines: &mut Parts<Line>) -> Result<(), Fault> {
    let mut download = match client.trade_bill(&day_of(day), BillType::All, true).await {
        Outcome::Done(download) => download,
        Outcome::Refused(refusal) => return refused(refusal),
        Outcome::Unknown(doubt) => return Err(Fault::Unavailable(doubt.to_string())),
    };
    let mut kept = Ok(());
    let mut reader = TradeReader::new();
    while let Some(text) = next(&mut download).await? {
        let mut keep = |row: tally_wechat::bill::TradeRow<'_>| {
            if kept.is_ok() {
                kept = lines.push(row.out_trade_no, &Line::of(&row));
            }
        };
        reader.push(&text, &mut keep).map_err(unreadable)?;
        std::mem::replace(&mut kept, Ok(()))?;
    }
    let mut keep = |row: tally_wechat::bill::TradeRow<'_>| {
        if kept.is_ok() {
            kept = lines.push(row.out_trade_no, &Line::of(&row));
        }
    };
    reader.finish(&mut keep).map_err(unreadable)?;
    Ok(kept?)
}

/// Reads what moved on the account that payments come to. `Err` inside: why it was not fetched, which leaves the rest of the
/// comparison as it is.
pub(super) async fn flow(
    client: &Client,
    day: Day,
    transfers: &mut Parts<Transfer>,
) -> Result<Result<Flow, String>, Fault> {
    let mut download = match client.fund_flow(&day_of(day), AccountType::Basic, true).await {
        Outcome::Done(download) => download,
        Outcome::Refused(BillRefusal::NoBill(_)) => return Ok(Ok(Flow::default())),
        Outcome::Refused(refusal) => return Ok(Err(refusal.to_string())),
        Outcome::Unknown(doubt) => return Err(Fault::Unavailable(doubt.to_string())),
    };
    let (mut flow, mut kept) = (Flow::default(), Ok(()));
    let mut reader = FundFlowReader::new();
    while let Some(text) = next(&mut download).await? {
        let mut take = |row: FundRow<'_>| flow.take(&row, transfers, &mut kept);
        reader.push(&text, &mut take).map_err(unreadable)?;
        std::mem::replace(&mut kept, Ok(()))?;
    }
    let mut take = |row: FundRow<'_>| flow.take(&row, transfers, &mut kept);
    reader.finish(&mut take).map_err(unreadable)?;
    kept?;
    Ok(Ok(flow))
}

async fn next(download: &mut Download) -> Result<Option<Vec<u8>>, Fault> {
    download.next().await.map_err(|fault| match fault {
        DownloadFault::Broken(doubt) => Fault::Unavailable(doubt.to_string()),
        DownloadFault::Gzip(_) | DownloadFault::TooLarge => Fault::Unreadable(fault.to_string()),
    })
}

fn unreadable(fault: BillFault) -> Fault {
    Fault::Unreadable(fault.to_string())
}

impl Flow {
    fn take(
        &mut self,
        row: &FundRow<'_>,
        transfers: &mut Parts<Transfer>,
        kept: &mut io::Result<()>,
    ) {
        let fen = match row.direction {
            Direction::In => row.amount,
            Direction::Out => -row.amount,
        };
        let known = self.moved_fen.len() < KINDS_MAX || self.moved_fen.contains_key(row.name);
        let name = if known { row.name } else { "…" };
        *self.moved_fen.entry(name.to_owned()).or_default() += fen;
        if row.at_ms >= self.last_ms {
            (self.last_ms, self.balance_fen) = (row.at_ms, Some(row.balance));
        }
        if kept.is_ok() && fen < 0 && TRANSFER.iter().any(|name| row.name.contains(name)) {
            let transfer = Transfer {
                at_ms: row.at_ms,
                business_no: row.business_no.to_owned(),
                voucher_no: row.voucher_no.to_owned(),
                fen: row.amount,
            };
            *kept = transfers.push(row.voucher_no, &transfer);
        }
    }
}
