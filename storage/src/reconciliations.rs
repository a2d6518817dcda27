//! Reconciliations: what a day's comparison with WeChat's bill came to, and what waits for the day beside it. They are no facts
//! about money and can be made again, so they stand outside of the journal.

use tally_actors::domain::time::{At, Day};
use tally_actors::ports::{Answering, Page, Part, ReadError, Trouble};

use crate::books::Tables;
use crate::sql::reconciliations as sql;

/// A day that was compared. Its row is written last: without it, what else is kept of a run is of no account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// The day in Beijing.
    pub day: Day,
    /// When it was last compared.
    pub ran_at: At,
    /// Counts and sums, JSON.
    pub report: String,
}

/// A difference that some run of a day saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The day in Beijing.
    pub day: Day,
    /// The same for the same thing: at most 32 letters and digits.
    pub difference_id: String,
    /// [`Reconciliation::ran_at`] of the newest run that saw it.
    pub seen_at: At,
    /// What it is, JSON.
    pub difference: String,
}

/// Whose side of the comparison something is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A line of the day's bill that the journal books on the day beside it.
    Line,
    /// A payment of the day that the day's bill lacks, and that the next day's may have.
    Payment,
}

impl Side {
    /// Its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Payment => "payment",
        }
    }
}

/// Something around midnight that is carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The day whose run carried it.
    pub day: Day,
    /// Whose side it is on.
    pub side: Side,
    /// Its numbers: at most 128 characters.
    pub number: String,
    /// [`Reconciliation::ran_at`] of that run.
    pub ran_at: At,
    /// What it is, JSON.
    pub carried: String,
}

/// What a database keeps of reconciliations. Writes may be repeated: each stands in place of what an earlier run kept under its
/// key, and what a later one kept stays.
pub trait Reconciliations: Send + Sync {
    /// Keeps that a day was compared.
    fn keep_reconciliation(&self, of: Reconciliation) -> Answering<'_, Result<(), Trouble>>;

    /// What a day's comparison came to; `None`: it was not compared.
    fn reconciliation(&self, day: Day) -> Answering<'_, Result<Option<Reconciliation>, ReadError>>;

    /// All days that were compared, the newest first.
    fn reconciliations(&self, page: Page)
    -> Answering<'_, Result<Part<Reconciliation>, ReadError>>;

    /// Keeps differences; at least one, and none twice.
    fn keep_differences(&self, found: Vec<Difference>) -> Answering<'_, Result<(), Trouble>>;

    /// What runs of a day saw, by their ids.
    fn differences(
        &self,
        day: Day,
        page: Page,
    ) -> Answering<'_, Result<Part<Difference>, ReadError>>;

    /// Keeps what is carried over; at least one, and none twice.
    fn keep_carried(&self, carried: Vec<Carried>) -> Answering<'_, Result<(), Trouble>>;

    /// What the newest whole run of a day carried over, be it that a later one that was cut off carried it too.
    fn carried(&self, day: Day, side: Side) -> Answering<'_, Result<Vec<Carried>, ReadError>>;
}

impl<S: Tables> Reconciliations for S {
    fn keep_reconciliation(&self, of: Reconciliation) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::keep(self.reading().dialect(), &of);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn reconciliation(&self, day: Day) -> Answering<'_, Result<Option<Reconciliation>, ReadError>> {
        self.reads(sql::of_day(self.reading(), day))
    }

    fn reconciliations(
        &self,
        page: Page,
    ) -> Answering<'_, Result<Part<Reconciliation>, ReadError>> {
        self.reads(sql::list(self.reading(), page))
    }

    fn keep_differences(&self, found: Vec<Difference>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::keep_differences(self.reading().dialect(), &found);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn differences(
        &self,
        day: Day,
        page: Page,
    ) -> Answering<'_, Result<Part<Difference>, ReadError>> {
        self.reads(sql::differences(self.reading(), day, page))
    }

    fn keep_carried(&self, carried: Vec<Carried>) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(async move {
            let (text, values) = sql::keep_carried(self.reading().dialect(), &carried);
            self.writes(&text, &values).await.map(drop)
        })
    }

    fn carried(&self, day: Day, side: Side) -> Answering<'_, Result<Vec<Carried>, ReadError>> {
        self.reads(sql::carried(self.reading(), day, side))
    }
}
