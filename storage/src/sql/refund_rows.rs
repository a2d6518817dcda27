//! Rows of refunds, and the things that they hold.

use tally_actors::domain::refund::{Refund, RefundSource, RefundStatus};
use tally_actors::domain::time::Day;
use tally_actors::ports::ReadError;

use super::rows::{Fields, instant};

impl Fields<'_> {
    /// The refund in the next fields: those of [`super::rows::REFUND`].
    pub(crate) fn refund(&mut self) -> Result<Refund, ReadError> {
        Ok(Refund {
            refund_no: self.text()?,
            order_no: self.text()?,
            amount: self.money()?,
            booked: self.money()?,
            fee: self.money()?,
            source: self.source()?,
            transaction_id: self.text()?,
            total: self.money()?,
            reason: self.take()?,
            asked_by: self.made_if_any(|raw: &str| raw.parse().ok())?,
            status: self.made(refund_status)?,
            why: self.take()?,
            refund_id: self.take()?,
            by_hand: self.take()?,
            requested_at: self.at()?,
            requested_seq: self.seq()?,
            tried_at: self.made_if_any(instant)?,
        })
    }

    fn source(&mut self) -> Result<RefundSource, ReadError> {
        let (name, day): (&str, _) = (self.take()?, self.made_if_any(Day::from_days)?);
        let source =
            if day.is_some() { RefundSource::Pending(day) } else { RefundSource::Available };
        [source, RefundSource::Pending(day)]
            .into_iter()
            .find(|source| source_name(*source) == name)
            .ok_or_else(|| self.damaged())
    }
}

/// A refund's source in SQL, without its day.
pub(crate) fn source_name(source: RefundSource) -> &'static str {
    match source {
        RefundSource::Pending(_) => "pending",
        RefundSource::Available => "available",
    }
}

fn refund_status(raw: &str) -> Option<RefundStatus> {
    use RefundStatus::{Failed, Requested, Sending, Succeeded, Unknown};
    [Requested, Sending, Unknown, Succeeded, Failed]
        .into_iter()
        .find(|status| status.as_str() == raw)
}
