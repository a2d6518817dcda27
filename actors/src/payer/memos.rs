//! What the payer remembers of withdrawals under way: who is in hand, when to ask next, what the last send said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::plan::Remembered;
use crate::domain::ids::{MerchantId, WithdrawalNo};

/// A withdrawal, with whose it is.
pub(super) type Key = (MerchantId, WithdrawalNo);

/// What is remembered of one withdrawal.
#[derive(Debug, Clone, Copy, Default)]
struct Memo {
    /// When it is taken in hand again, by the steady clock; `None`: at once.
    due_at: Option<Duration>,
    /// How many steps of the ladder were climbed.
    climbed: usize,
    remembered: Remembered,
}

#[derive(Debug, Default)]
struct Entry {
    memo: Memo,
    in_hand: bool,
    /// Listed in the round that is going on.
    seen: bool,
}

/// All of them. As many as withdrawals are under way.
#[derive(Debug, Clone)]
pub(super) struct Memos {
    entries: Arc<Mutex<HashMap<Key, Entry>>>,
    /// The time from one step of the ladder to the next; the last repeats.
    gaps: Arc<[Duration]>,
}

/// A withdrawal in hand: nobody else takes it until this is dropped.
#[derive(Debug)]
pub(crate) struct InHand {
    memos: Memos,
    key: Key,
    pub(crate) remembered: Remembered,
}

impl Memos {
    pub(super) fn new(ladder: &[Duration]) -> Self {
        let at_least = Duration::from_millis(1);
        let mut steps: Vec<Duration> = ladder.iter().map(|step| (*step).max(at_least)).collect();
        steps.sort_unstable();
        steps.dedup();
        let before = std::iter::once(&Duration::ZERO).chain(&steps);
        let mut gaps: Vec<Duration> =
            steps.iter().zip(before).map(|(step, before)| *step - *before).collect();
        if gaps.is_empty() {
            gaps.push(Duration::from_secs(60));
        }
        Self { entries: Arc::default(), gaps: gaps.into() }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin_round(&self) {
        self.entries().values_mut().for_each(|entry| entry.seen = false);
    }

    /// Has every one taken in hand when it is listed next, and begins its ladder anew.
    pub(super) fn all_due(&self) {
        self.entries().values_mut().for_each(|entry| {
            (entry.memo.due_at, entry.memo.climbed) = (None, 0);
        });
    }

    /// Forgets what is not under way any more.
    pub(super) fn end_round(&self) {
        self.entries().retain(|_, entry| entry.seen || entry.in_hand);
    }

    /// Takes a withdrawal in hand, if it is in nobody's and its time has come, and climbs a step of the ladder: it is taken
    /// again after the gap to the next.
    pub(super) fn take(&self, key: Key, now: Duration) -> Option<InHand> {
        let mut entries = self.entries();
        let entry = entries.entry(key).or_default();
        entry.seen = true;
        if entry.in_hand || entry.memo.due_at.is_some_and(|due_at| now < due_at) {
            return None;
        }
        let gap = self.gaps[entry.memo.climbed.min(self.gaps.len() - 1)];
        entry.memo.climbed = entry.memo.climbed.saturating_add(1);
        entry.memo.due_at = Some(now.saturating_add(gap));
        entry.in_hand = true;
        Some(InHand { memos: self.clone(), key, remembered: entry.memo.remembered })
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(entry) = self.memos.entries().get_mut(&self.key) {
            entry.memo.remembered = self.remembered;
            entry.in_hand = false;
        }
    }
}
