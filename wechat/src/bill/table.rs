//! The frame of every bill: a header, rows, the summary's header, the summary. Columns are found by their names.

use super::LineFault;
use crate::limits::BILL_COLUMNS_MAX;

/// A column that is read: its names in old and new layouts, and whether a bill makes no sense without it.
pub(crate) struct Column {
    pub(crate) names: &'static [&'static str],
    pub(crate) required: bool,
}

pub(crate) const fn required(names: &'static [&'static str]) -> Column {
    Column { names, required: true }
}

pub(crate) const fn optional(names: &'static [&'static str]) -> Column {
    Column { names, required: false }
}

/// Where the columns are that are read. Others are left alone.
#[derive(Debug)]
pub(crate) struct Places<const N: usize> {
    places: [Option<usize>; N],
    count: usize,
}

impl<const N: usize> Places<N> {
    pub(crate) fn find(header: &str, columns: &'static [Column; N]) -> Result<Self, LineFault> {
        let mut places = [None; N];
        let mut count = 0;
        for name in header.split(',') {
            let known = columns.iter().position(|column| column.names.contains(&name.trim()));
            if let Some(at) = known
                && places[at].replace(count).is_some()
            {
                return Err(LineFault::ColumnTwice(columns[at].names[0]));
            }
            count += 1;
        }
        if count > BILL_COLUMNS_MAX {
            return Err(LineFault::TooLong);
        }
        let missing = (0..N).find(|at| columns[*at].required && places[*at].is_none());
        match missing {
            Some(at) => Err(LineFault::ColumnMissing(columns[at].names[0])),
            None => Ok(Self { places, count }),
        }
    }

    /// Cuts a line into its values, which must be as many as the header has columns.
    pub(crate) fn values<'a>(&self, line: &'a str) -> Result<[Option<&'a str>; N], LineFault> {
        let mut cells = [""; BILL_COLUMNS_MAX];
        let mut found = 0;
        // Values are neither quoted nor escaped: a comma alone is part of one, a comma and a backtick part two.
        for cell in line.strip_prefix('`').unwrap_or(line).split(",`") {
            if let Some(place) = cells.get_mut(found) {
                *place = cell;
            }
            found += 1;
        }
        if found != self.count {
            return Err(LineFault::Values { columns: self.count, found });
        }
        Ok(self.places.map(|place| place.map(|at| cells[at])))
    }
}

/// What a line is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Header,
    Row,
    SummaryHeader,
    Summary,
}

/// How far the frame has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    #[default]
    Start,
    Rows,
    Sums,
    Done,
}

impl Stage {
    /// What the next line is. Lines of values begin with a backtick, headers don't.
    pub(crate) fn next(&mut self, line: &str) -> Result<Part, LineFault> {
        let values = line.starts_with('`');
        let (part, stage) = match (*self, values) {
            (Self::Start, false) => (Part::Header, Self::Rows),
            (Self::Rows, true) => (Part::Row, Self::Rows),
            (Self::Rows, false) => (Part::SummaryHeader, Self::Sums),
            (Self::Sums, true) => (Part::Summary, Self::Done),
            (Self::Start, true) => return Err(LineFault::Kind("header")),
            (Self::Sums, false) => return Err(LineFault::Kind("summary")),
            (Self::Done, _) => return Err(LineFault::AfterSummary),
        };
        *self = stage;
        Ok(part)
    }
}
