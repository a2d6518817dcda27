//! Tally's store.

pub mod naive;
