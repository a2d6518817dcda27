//! Adjustments: the rows that events make or change, the things that rows hold, and their list.

use tally_actors::domain::adjustment::{Adjustment, AdjustmentStatus, Decision};
use tally_actors::domain::event::Event;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Balance;
use tally_actors::ports::{Page, Part, ReadError};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::rows::{self, Fields, instant};
use super::value::Value::{Integer, Text};
use super::value::Values;
use super::values::Fact;

/// The adjustment that a request makes.
pub(crate) fn requested(fact: Fact<'_>) -> Option<Values<'_>> {
    let Event::AdjustmentRequested { adjustment_no, amount, reason, asked_by, .. } = fact.event
    else {
        return None;
    };
    Some(vec![
        Text(fact.of),
        Text(adjustment_no.as_str()),
        Integer(amount.fen()),
        Text(reason),
        Text(asked_by.as_str()),
        Text(AdjustmentStatus::Requested.as_str()),
        Integer(fact.at),
        Integer(fact.seq),
    ])
}

/// What a second admin's word makes of it.
pub(crate) fn decided(fact: Fact<'_>) -> Option<Values<'_>> {
    if let Event::AdjustmentApproved { adjustment_no, by, reason, .. } = fact.event {
        let status = AdjustmentStatus::Approved;
        return Some(said(fact, adjustment_no.as_str(), status, (by.as_str(), reason)));
    }
    if let Event::AdjustmentRejected { adjustment_no, by, reason } = fact.event {
        let status = AdjustmentStatus::Rejected;
        return Some(said(fact, adjustment_no.as_str(), status, (by.as_str(), reason)));
    }
    None
}

fn said<'b>(
    fact: Fact<'b>,
    number: &'b str,
    status: AdjustmentStatus,
    (by, reason): (&'b str, &'b str),
) -> Values<'b> {
    vec![
        Text(fact.of),
        Text(number),
        Text(status.as_str()),
        Integer(fact.at),
        Text(by),
        Text(reason),
    ]
}

impl Fields<'_> {
    /// The adjustment in the next fields: those of [`rows::ADJUSTMENT`].
    pub(crate) fn adjustment(&mut self) -> Result<Adjustment, ReadError> {
        Ok(Adjustment {
            adjustment_no: self.text()?,
            amount: Balance::from_fen(self.take()?),
            reason: self.take()?,
            asked_by: self.text()?,
            requested_at: self.at()?,
            requested_seq: self.seq()?,
            decision: self.decision()?,
        })
    }

    fn decision(&mut self) -> Result<Option<Decision>, ReadError> {
        let status = self.made(AdjustmentStatus::of)?;
        let approved = status == AdjustmentStatus::Approved;
        let at = self.made_if_any(instant)?;
        let by = self.made_if_any(|raw: &str| raw.parse().ok())?;
        let reason: Option<Box<str>> = self.take()?;
        let said = at.zip(by).zip(reason);
        if said.is_some() == (status == AdjustmentStatus::Requested) {
            return Err(self.damaged());
        }
        Ok(said.map(|((at, by), reason)| Decision { approved, at, by, reason }))
    }
}

/// A merchant's adjustments, by when they were asked for.
pub(crate) async fn adjustments(
    db: &Pool,
    of: MerchantId,
    status: Option<AdjustmentStatus>,
    page: Page,
) -> Result<Part<Adjustment>, ReadError> {
    let before = cursor::place('j', page.cursor.as_deref())?;
    let mut values = vec![Text(of.as_str())];
    values.extend(status.map(|status| Text(status.as_str())));
    values.extend([Integer(before), Integer(probe(&page))]);
    let rows = fetch(db, &adjustments_sql(db.dialect(), status), &values).await?;
    let found = rows.iter().map(|row| Fields::new(row, of).adjustment());
    part(found.collect::<Result<_, _>>()?, &page, |adjustment: &Adjustment| {
        cursor::of_place('j', adjustment.requested_seq.0)
    })
}

/// Adjustments before a place, of one status or all.
pub(crate) fn adjustments_sql(dialect: Dialect, status: Option<AdjustmentStatus>) -> String {
    let index = match status {
        Some(_) => "adjustments_by_status",
        None => "adjustments_by_request",
    };
    format!(
        "select {} from adjustments {} where merchant_id = ? {} and requested_seq < ?
         order by requested_seq desc limit ?",
        rows::ADJUSTMENT,
        dialect.along(index),
        if status.is_some() { "and status = ?" } else { "" },
    )
}
