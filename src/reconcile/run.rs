//! A day from the bill to the cases. Until both bills are whole nothing is done; after that each step may be repeated, and the
//! day's row is written last.

use std::collections::{BTreeSet, HashSet};
use std::io;

use serde::Deserialize;
use tally_actors::domain::books::Key;
use tally_actors::domain::channel_no::read_out_trade_no;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::{At, Day};
use tally_actors::error::EngineError;
use tally_actors::ports::Page;
use tally_storage::reconciliations::{self as kept, Carried, Reconciliation, Side};

use super::bill::{self, Transfer};
use super::compare::{self, Compared, Difference, Verdict};
use super::journal::Moved;
use super::looked::refund;
use super::parts::{Part, Parts};
use super::record::{Back, Line, Own};
use super::refunds::{self, Sent};
use super::{Fault, Found, Reconciler, Report, journal, name, transfers};
use crate::limits::{PAGE_MAX, RECONCILE_AT_ONCE, RECONCILE_CASES_MAX, RECONCILE_UNREAD_SHOWN};

/// A run of a day.
pub(super) struct Run<'r> {
    pub(super) of: &'r Reconciler,
    day: Day,
    ran_at: At,
    /// Payments and refunds of this day that stand in the bill of a day beside it.
    beside: HashSet<String>,
    /// Merchants of whom something can't be read.
    pub(super) unread: BTreeSet<String>,
    report: Report,
    opened: u64,
}

impl Reconciler {
    /// Compares a day, while this has the turn. Whether it was compared for the first time, and what it came to.
    pub(super) async fn run(&self, day: Day) -> Result<(bool, Reconciliation), Fault> {
        let before = self.books.reconciliation(day).await?;
        // A clock that was set back must not make a run of the past look like the newest.
        let earliest = before.as_ref().map_or(At::default(), |made| made.ran_at.plus_ms(1));
        let ran_at = self.ready(day)?.max(earliest);
        // Books that do not answer cost WeChat no bill. What is booked after this is found by its number.
        let (mut own, mut sent) = (Parts::new(&self.folder)?, Parts::new(&self.folder)?);
        let mut tell = |moved: Moved| match moved {
            Moved::In(one) => own.push(&one.out_trade_no, &one),
            Moved::Back(one) => sent.push(&one.out_trade_no, &one),
        };
        let beside = self.carried_here(day, &mut tell).await?;
        let unread = journal::moved(self.books.as_ref(), day, &mut tell).await?;
        let client = self.gateway.client();
        let mut lines = Parts::new(&self.folder)?;
        bill::trade(client, day, &mut lines).await?;
        let mut moved = Parts::new(&self.folder)?;
        let flow = bill::flow(client, day, &mut moved).await?;
        let report = Report::default();
        let mut run = Run { of: self, day, ran_at, beside, unread, report, opened: 0 };
        let own = own.into_parts().zip(sent.into_parts());
        for (lines, (own, sent)) in lines.into_parts().zip(own) {
            let back = run.compare(lines, own).await?;
            run.refunds(back, sent).await?;
        }
        for moved in moved.into_parts() {
            run.transfers(moved).await?;
        }
        match flow {
            Ok(flow) => run.report.flow = Some(flow),
            Err(why) => run.report.flow_fault = Some(why),
        }
        Ok((before.is_none(), run.end().await?))
    }

    /// What the days beside this one carried over to it: payments are to be found in this day's bill, and lines stand for payments
    /// of this day.
    async fn carried_here(
        &self,
        day: Day,
        tell: &mut (dyn FnMut(Moved) -> io::Result<()> + Send),
    ) -> Result<HashSet<String>, Fault> {
        let mut beside = HashSet::new();
        for (there, before) in [(day.days() - 1, true), (day.days() + 1, false)] {
            let Some(there) = Day::from_days(there) else { continue };
            for line in self.books.carried(there, Side::Line).await? {
                beside.insert(line.number);
            }
            if before {
                for payment in self.books.carried(there, Side::Payment).await? {
                    let waiting =
                        serde_json::from_str(&payment.carried).map_err(io::Error::from)?;
                    tell(match waiting {
                        Waiting::In(own) => Moved::In(Own { carried: true, ..own }),
                        Waiting::Back(sent) => Moved::Back(Sent { carried: true, ..sent }),
                    })?;
                }
            }
        }
        Ok(beside)
    }
}

/// What the journal's side carries over.
#[derive(Deserialize)]
#[serde(untagged)]
enum Waiting {
    In(Own),
    Back(Sent),
}

impl Run<'_> {
    /// Compares payments. The refunds among the lines are left.
    async fn compare(
        &mut self,
        lines: Part<Line>,
        own: Part<Own>,
    ) -> Result<Vec<(Line, Back)>, Fault> {
        let fee_bp = self.of.fee_bp;
        let work = move || Ok(compare::compare(lines.read()?, own.read()?, fee_bp));
        let done: io::Result<Compared> =
            tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Ended)?;
        let Compared { differences: mut found, lacking, missing, refunds, sums } = done?;
        self.report.sums.add(&sums);
        let mut carried = vec![];
        for lines in lacking.chunks(RECONCILE_AT_ONCE) {
            let orders = self.orders(lines).await?;
            for (line, order) in lines.iter().zip(orders) {
                let Ok(order) = order else { continue };
                match compare::lacking(line, self.day, order.as_ref()) {
                    Verdict::Matched => self.report.sums.matched += 1,
                    Verdict::Carried => {
                        self.report.sums.matched += 1;
                        let number = number(&line.out_trade_no, &line.transaction_id);
                        carried.push(self.carry(Side::Line, number, line)?);
                    }
                    Verdict::Differs(difference) => found.push(difference),
                }
            }
        }
        for own in &missing {
            let number = number(&own.out_trade_no, &own.transaction_id);
            match compare::missing(own, self.day, self.beside.contains(&number)) {
                Verdict::Matched => self.report.sums.matched += 1,
                Verdict::Carried => carried.push(self.carry(Side::Payment, number, own)?),
                Verdict::Differs(difference) => found.push(difference),
            }
        }
        self.pool(carried).await?;
        self.keep(found).await?;
        Ok(refunds)
    }

    /// Compares the refunds of a bill with those that the journal sent.
    async fn refunds(&mut self, back: Vec<(Line, Back)>, sent: Part<Sent>) -> Result<(), Fault> {
        let (mut known, mut named) = (Vec::with_capacity(back.len()), HashSet::new());
        for back in back.chunks(RECONCILE_AT_ONCE) {
            for ((line, back), refund) in back.iter().zip(self.named(back).await?) {
                let Ok(refund) = refund else { continue };
                let of = read_out_trade_no(&line.out_trade_no).map(|(of, _)| of);
                named.extend(of.zip(refund.as_ref().map(|refund| refund.refund_no)));
                known.push((line.clone(), back.clone(), refund));
            }
        }
        let (mut found, mut carried) = (vec![], vec![]);
        for ((line, back, refund), verdict) in known.iter().zip(refunds::lines(&known, self.day)) {
            match verdict {
                Verdict::Matched => self.report.sums.refunds_matched += 1,
                Verdict::Carried => {
                    self.report.sums.refunds_matched += 1;
                    let number = refunds::pooled(&back.out_refund_no);
                    carried.push(self.carry(Side::Line, number, line)?);
                }
                Verdict::Differs(mut difference) => {
                    if refund.is_none() && self.noted(line, back).await? {
                        difference.what = refunds::NOTED.into();
                    }
                    found.push(difference);
                }
            }
        }
        let rest = refunds::without_line(sent.read()?, &named);
        for rest in rest.chunks(RECONCILE_AT_ONCE) {
            let key = |sent: &Sent| Some((sent.merchant, Key::Refund(sent.refund_no)));
            let records = self.records(rest.iter().map(key).collect()).await?;
            for (sent, record) in rest.iter().zip(records) {
                let Some(refund) = record.ok().and_then(refund) else { continue };
                let number = sent.pooled();
                match refunds::missing(sent, &refund, self.day, self.beside.contains(&number)) {
                    Some(Verdict::Carried) => {
                        carried.push(self.carry(Side::Payment, number, sent)?)
                    }
                    Some(Verdict::Differs(difference)) => found.push(difference),
                    Some(Verdict::Matched) => self.report.sums.refunds_matched += 1,
                    None => {}
                }
            }
        }
        self.pool(carried).await?;
        self.keep(found).await
    }

    /// Notes a refund that the journal lacks, so that it is looked up at WeChat, and booked when it is there. Whether it can be one
    /// of an order of ours.
    async fn noted(&self, line: &Line, back: &Back) -> Result<bool, Fault> {
        let Some((of, notice)) = refunds::notice(line, back) else { return Ok(false) };
        match self.of.engine.notice_refund(of, notice, self.of.clock.now()).await {
            Ok(_) => Ok(true),
            Err(EngineError::Refused(_)) => Ok(false),
            // Of a merchant whose books are damaged the case alone tells.
            Err(EngineError::Unavailable(_)) if self.unread.contains(of.as_str()) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what is carried over.
    async fn pool(&mut self, carried: Vec<Carried>) -> Result<(), Fault> {
        self.report.carried += u64::try_from(carried.len()).unwrap_or(u64::MAX);
        for carried in carried.chunks(RECONCILE_AT_ONCE) {
            self.of.books.keep_carried(carried.to_vec()).await?;
        }
        Ok(())
    }

    fn carry(
        &self,
        side: Side,
        number: String,
        what: &impl serde::Serialize,
    ) -> Result<Carried, Fault> {
        let carried = serde_json::to_string(what).map_err(io::Error::from)?;
        Ok(Carried { day: self.day, side, number, ran_at: self.ran_at, carried })
    }

    async fn transfers(&mut self, moved: Part<Transfer>) -> Result<(), Fault> {
        let moved = moved.read()?;
        let mut known = Vec::with_capacity(moved.len());
        for moved in moved.chunks(RECONCILE_AT_ONCE) {
            let each = moved.iter().zip(self.withdrawals(moved).await?);
            known.extend(each.filter_map(|(one, found)| Some((one.clone(), found.ok()?))));
        }
        self.keep(transfers::compare(&known)).await
    }

    /// Opens the cases of differences, and keeps these.
    async fn keep(&mut self, found: Vec<Difference>) -> Result<(), Fault> {
        let mut rows = Vec::with_capacity(found.len());
        for difference in found {
            *self.report.differences.entry(name(difference.kind)).or_default() += 1;
            let difference_id = difference.id();
            let found = self.opened(difference).await?;
            rows.push(kept::Difference {
                day: self.day,
                difference_id,
                seen_at: self.ran_at,
                difference: serde_json::to_string(&found).map_err(io::Error::from)?,
            });
        }
        rows.sort_by(|a, b| a.difference_id.cmp(&b.difference_id));
        rows.dedup_by(|a, b| a.difference_id == b.difference_id);
        for rows in rows.chunks(RECONCILE_AT_ONCE) {
            self.of.books.keep_differences(rows.to_vec()).await?;
        }
        Ok(())
    }

    /// Opens the case of a difference; of too many, as after a wrong setting, the rest is listed alone.
    async fn opened(&mut self, difference: Difference) -> Result<Found, Fault> {
        if self.opened >= RECONCILE_CASES_MAX {
            self.report.without_case += 1;
            let merchant_id = difference.merchant();
            return Ok(Found { difference, merchant_id, case_id: None });
        }
        self.opened += 1;
        let (mut of, now) = (difference.merchant(), self.of.clock.now());
        let mut made = self.of.engine.raise_case(of, difference.raise(self.day), now).await;
        if let (Some(merchant), Err(EngineError::Unavailable(_))) = (of, &made)
            && self.unread.contains(merchant.as_str())
        {
            // Nothing can be told to a merchant whose books are damaged.
            self.report.without_case += 1;
            return Ok(Found { difference, merchant_id: of, case_id: None });
        }
        if let (Some(_), Err(EngineError::Refused(Refusal::MerchantUnknown))) = (of, &made) {
            of = None;
            made = self.of.engine.raise_case(of, difference.raise(self.day), now).await;
        }
        Ok(Found { difference, merchant_id: of, case_id: Some(made?.thing.case_id) })
    }

    /// Keeps what the day came to.
    async fn end(mut self) -> Result<Reconciliation, Fault> {
        let mut cursor = None;
        loop {
            let part =
                self.of.books.differences(self.day, Page { limit: PAGE_MAX, cursor }).await?;
            let gone = part.items.iter().filter(|one| one.seen_at < self.ran_at).count();
            self.report.no_longer_seen += u64::try_from(gone).unwrap_or(u64::MAX);
            cursor = part.next;
            if cursor.is_none() {
                break;
            }
        }
        self.report.unread = self.unread.iter().take(RECONCILE_UNREAD_SHOWN).cloned().collect();
        self.report.unread_merchants = u64::try_from(self.unread.len()).unwrap_or(u64::MAX);
        let report = serde_json::to_string(&self.report).map_err(io::Error::from)?;
        let made = Reconciliation { day: self.day, ran_at: self.ran_at, report };
        self.of.books.keep_reconciliation(made.clone()).await?;
        let differences: u64 = self.report.differences.values().sum();
        tracing::info!(day = %self.day, differences, carried = self.report.carried, "compared a day with WeChat's bill");
        Ok(made)
    }
}

/// A payment's name in the carry-over pool, of at most 128 characters.
fn number(out_trade_no: &str, transaction_id: &str) -> String {
    format!("{out_trade_no} {transaction_id}").chars().take(128).collect()
}
