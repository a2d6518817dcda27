//! Tally SQL.
