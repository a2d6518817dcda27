//! What all customers and merchants of a demo share: when it ends, what was counted, what went wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::limits::FAULTS_SHOWN;

/// Counts, and faults.
pub(super) struct Score {
    began: Instant,
    lasts: Duration,
    /// Orders that customers paid.
    pub(super) payments: AtomicU64,
    /// Settlements that moved money.
    pub(super) settlements: AtomicU64,
    /// Withdrawals that were taken.
    pub(super) withdrawals: AtomicU64,
    /// Calls that had to be made again, as they had no final answer.
    pub(super) repeats: AtomicU64,
    /// Statements of the three-statement algorithm that failed: they waited too long for the file's lock.
    pub(super) failed_statements: AtomicU64,
    faults: Mutex<(u64, Vec<String>)>,
}

impl Score {
    /// The score of a demo that begins now.
    pub(super) fn new(lasts: Duration) -> Self {
        Self {
            began: Instant::now(),
            lasts,
            payments: AtomicU64::new(0),
            settlements: AtomicU64::new(0),
            withdrawals: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
            failed_statements: AtomicU64::new(0),
            faults: Mutex::default(),
        }
    }

    /// Whether nobody begins anything new.
    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed() >= self.lasts
    }

    /// How much of the time is gone, in thousandths.
    pub(super) fn gone_per_mille(&self) -> u64 {
        let (gone, all) = (self.began.elapsed().as_nanos(), self.lasts.as_nanos().max(1));
        u64::try_from(gone.saturating_mul(1_000) / all).unwrap_or(1_000).min(1_000)
    }

    /// Notes an answer that should not have been given.
    pub(super) fn fault(&self, what: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.0 += 1;
        if faults.1.len() < FAULTS_SHOWN {
            faults.1.push(what);
        }
    }

    /// All that went wrong, the first ones by name.
    pub(super) fn faults(&self) -> Vec<String> {
        let (count, mut told) = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let more = count - told.len() as u64;
        if more > 0 {
            told.push(format!("{more} more answers that should not have been given"));
        }
        told
    }
}

/// Counts one more.
pub(super) fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

/// How many were counted.
pub(super) fn counted(of: &AtomicU64) -> u64 {
    of.load(Ordering::Relaxed)
}
