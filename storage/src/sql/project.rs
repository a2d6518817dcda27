//! What a batch writes into each table: a pure function of its events and heads.

use std::cmp::Ordering;
use std::mem;

use tally_actors::domain::books::Route;
use tally_actors::domain::event::Event;
use tally_actors::domain::ids::IdempotencyKey;
use tally_actors::ports::{Row, Run};

use super::adjustments;
use super::db::Db;
use super::meaning::Meaning;
use super::refund_values;
use super::steps::Step;
use super::value::Values;
use super::values::{self, Fact};

/// Rows for each step, sorted by their keys.
#[derive(Debug, Default)]
pub(crate) struct Tables<'b> {
    steps: [Vec<Values<'b>>; Step::ALL.len()],
}

impl<'b> Tables<'b> {
    /// All that these runs write.
    pub(crate) fn of(runs: &[&'b Run]) -> Self {
        let mut tables = Self::default();
        for run in runs {
            run.rows.iter().for_each(|row| tables.event(run, row));
            tables.head(run);
        }
        tables.sort();
        tables
    }

    /// What one event writes, its journal row included.
    pub(crate) fn of_event(run: &'b Run, row: &'b Row) -> Self {
        let mut tables = Self::default();
        tables.event(run, row);
        tables
    }

    /// The head alone, and its checkpoint where there is one.
    pub(crate) fn of_head(run: &'b Run) -> Self {
        let mut tables = Self::default();
        tables.head(run);
        tables
    }

    /// Writes everything, step by step. A row that was not there to be changed breaks a constraint, too.
    pub(crate) async fn write(&self, db: &mut Db<'_>) -> Result<(), Meaning> {
        for step in Step::ALL {
            let rows = &self.steps[step.place()];
            let touched = step.statement().write(db, rows).await;
            let table = step.statement().table();
            if touched.map_err(|error| db.meaning(&error).of(table))? != rows.len() as u64 {
                return Err(Meaning::Constraint(step.constraint().to_owned()));
            }
        }
        Ok(())
    }

    fn add(&mut self, step: Step, values: Option<Values<'b>>) {
        self.steps[step.place()].extend(values);
    }

    fn head(&mut self, run: &'b Run) {
        self.add(Step::Head, Some(values::head(&run.head)));
        self.add(Step::Checkpoint, run.checkpoint().map(values::head));
    }

    fn event(&mut self, run: &'b Run, row: &'b Row) {
        self.add(Step::Journal, Some(values::journal(run, row)));
        let fact = Fact::new(run, row);
        match fact.event {
            Event::MerchantRegistered { .. }
            | Event::RulesChanged { .. }
            | Event::WithdrawalAttested { .. }
            | Event::StandingChanged { .. } => {}
            Event::OrderOpened { order_no, idempotency_key, .. } => {
                self.numbered(fact, Route::Orders, idempotency_key, order_no.as_str());
                self.add(Step::Opened, values::opened(fact));
            }
            Event::OrderPrepaid { .. } => self.add(Step::Prepaid, values::prepaid(fact)),
            Event::OrderClosing { .. } => self.add(Step::Closing, values::closing(fact)),
            Event::OrderClosed { .. } => self.add(Step::Closed, values::closed(fact)),
            Event::OrderPaid { .. } => self.add(Step::Paid, values::paid(fact)),
            Event::Settled { settlement_no, idempotency_key, .. } => {
                self.numbered(fact, Route::Settlements, idempotency_key, settlement_no.as_str());
                self.add(Step::Settled, values::settled(fact));
            }
            Event::WithdrawalRequested { withdrawal_no, idempotency_key, .. } => {
                self.numbered(fact, Route::Withdrawals, idempotency_key, withdrawal_no.as_str());
                self.add(Step::Requested, values::requested(fact));
            }
            Event::WithdrawalApproved { .. }
            | Event::WithdrawalRejected { .. }
            | Event::WithdrawalSending { .. }
            | Event::WithdrawalUnknown { .. }
            | Event::WithdrawalSucceeded { .. }
            | Event::WithdrawalFailed { .. } => self.add(Step::Moved, values::moved(fact)),
            Event::RefundRequested { refund_no, idempotency_key, .. } => {
                self.numbered(fact, Route::Refunds, idempotency_key, refund_no.as_str());
                self.add(Step::RefundBegun, refund_values::begun(fact));
                self.add(Step::OrderRefunded, refund_values::of_order(fact));
            }
            Event::RefundNoticed { .. } => self.add(Step::RefundBegun, refund_values::begun(fact)),
            Event::RefundSending { .. }
            | Event::RefundPostponed { .. }
            | Event::RefundUnknown { .. }
            | Event::RefundSucceeded { .. }
            | Event::RefundFailed { .. }
            | Event::RefundFound { .. } => {
                self.add(Step::RefundMoved, refund_values::moved(fact));
                self.add(Step::OrderRefunded, refund_values::of_order(fact));
            }
            Event::CaseOpened { .. } => self.add(Step::Case, values::payment_case(fact)),
            Event::CaseRaised { .. } => self.add(Step::Case, values::raised_case(fact)),
            Event::CaseResolved { .. } => self.add(Step::Resolved, values::resolved(fact)),
            Event::WithdrawalInRun { .. } => {
                self.add(Step::Moved, values::moved(fact));
                self.add(Step::InRun, values::in_run(fact));
            }
            Event::SuspenseReleased { .. } => self.add(Step::Released, values::released(fact)),
            Event::AdjustmentRequested { adjustment_no, idempotency_key, .. } => {
                self.numbered(fact, Route::Adjustments, idempotency_key, adjustment_no.as_str());
                self.add(Step::AdjustmentRequested, adjustments::requested(fact));
            }
            Event::AdjustmentApproved { .. } | Event::AdjustmentRejected { .. } => {
                self.add(Step::AdjustmentDecided, adjustments::decided(fact));
            }
        }
    }

    fn numbered(
        &mut self,
        fact: Fact<'b>,
        route: Route,
        key: &'b Option<IdempotencyKey>,
        number: &'b str,
    ) {
        let values = key.as_ref().map(|key| values::numbered(fact.of, route, key, number));
        self.add(Step::Numbered, values);
    }

    /// Sorts the rows by their keys, so that neighbours in a tree are written together. Of several changes to one row only
    /// the last state is written.
    fn sort(&mut self) {
        for step in Step::ALL {
            let rows = &mut self.steps[step.place()];
            match step {
                Step::Journal | Step::Head | Step::Checkpoint => {} // in order, as runs and rows are
                Step::Opened | Step::Closed | Step::Paid | Step::Settled => rows.sort_by(by_key),
                Step::Closing
                | Step::Requested
                | Step::Case
                | Step::Resolved
                | Step::Released
                | Step::AdjustmentRequested
                | Step::AdjustmentDecided
                | Step::Numbered
                | Step::RefundBegun
                | Step::InRun => rows.sort_by(by_key),
                Step::RefundMoved => {
                    rows.sort_by(by_key);
                    merge(rows, refund_values::goes_on, refund_values::moved_on);
                }
                Step::OrderRefunded => {
                    rows.sort_by(by_key);
                    merge(rows, |_| true, refund_values::added);
                }
                Step::Prepaid => {
                    rows.sort_by(by_key);
                    merge(rows, |_| true, |earlier, later| *earlier = later);
                }
                Step::Moved => {
                    rows.sort_by(by_key);
                    merge(rows, values::goes_on, values::moved_on);
                }
            }
        }
    }
}

/// By merchant and number, which are the first two values of each row; rows of one key stay in the order of their events.
fn by_key(one: &Values<'_>, other: &Values<'_>) -> Ordering {
    one[..2].cmp(&other[..2])
}

/// Puts rows of one key together, unless nothing may follow the earlier: then the statement misses a row, and is refused.
fn merge<'b>(
    rows: &mut Vec<Values<'b>>,
    may: impl Fn(&Values<'b>) -> bool,
    into: impl Fn(&mut Values<'b>, Values<'b>),
) {
    rows.dedup_by(|later, earlier| {
        let same = by_key(later, earlier).is_eq() && may(earlier);
        if same {
            into(earlier, mem::take(later));
        }
        same
    });
}
