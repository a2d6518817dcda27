//! The summary of a bill, compared with what its rows add up to.

use super::LineFault;
use super::number::{E5_IN_FEN, count, yuan_e5};
use super::table::{Column, Places};

/// A sum over the rows, in hundred-thousandths of a yuan, or a count of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    Count(u64),
    E5(i64),
}

impl Sum {
    /// So many fen.
    pub(crate) fn of_fen(fen: i64, column: &'static str) -> Result<Self, LineFault> {
        fen.checked_mul(E5_IN_FEN).map(Self::E5).ok_or(LineFault::Summary(column))
    }
}

/// Whether every sum that the summary has is the one of the rows. `sums` is in the order of `columns`.
pub(crate) fn check<const N: usize>(
    places: &Places<N>,
    columns: &'static [Column; N],
    line: &str,
    sums: [Sum; N],
) -> Result<(), LineFault> {
    for ((value, column), sum) in places.values(line)?.into_iter().zip(columns).zip(sums) {
        let Some(text) = value else { continue };
        let name = column.names[0];
        let same = match sum {
            Sum::Count(rows) => count(text).ok_or(LineFault::Value(name))? == rows,
            Sum::E5(e5) => yuan_e5(text).ok_or(LineFault::Value(name))? == e5,
        };
        if !same {
            return Err(LineFault::Summary(name));
        }
    }
    Ok(())
}

/// Adds to a sum.
pub(crate) fn add(sum: &mut i64, value: i64, column: &'static str) -> Result<(), LineFault> {
    *sum = sum.checked_add(value).ok_or(LineFault::Value(column))?;
    Ok(())
}
