//! What is remembered of things under way at the channel: which are in hand, when to ask next, and what their plan wants.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is remembered of one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Memo<R> {
    /// When it is taken in hand again, by the steady clock; `None`: at once.
    due_at: Option<Duration>,
    /// How many steps of the ladder were climbed.
    climbed: usize,
    remembered: R,
}

#[derive(Debug, Default)]
struct Entry<R> {
    memo: Memo<R>,
    in_hand: bool,
    /// Listed in the round that is going on.
    seen: bool,
}

/// All of them, by what names them and whose they are. As many as are under way.
#[derive(Debug)]
pub(crate) struct Memos<K: Eq + Hash, R> {
    entries: Arc<Mutex<HashMap<K, Entry<R>>>>,
    /// The time from one step of the ladder to the next; the last repeats.
    gaps: Arc<[Duration]>,
}

/// A thing in hand: nobody else takes it until this is dropped.
#[derive(Debug)]
pub(crate) struct InHand<K: Eq + Hash + Copy, R: Copy> {
    memos: Memos<K, R>,
    key: K,
    pub(crate) remembered: R,
    /// When it is to be taken in hand again, at the beginning of its ladder, in place of the ladder's own next step.
    pub(crate) anew_at: Option<Duration>,
}

impl<K: Eq + Hash, R> Clone for Memos<K, R> {
    fn clone(&self) -> Self {
        Self { entries: Arc::clone(&self.entries), gaps: Arc::clone(&self.gaps) }
    }
}

impl<K: Eq + Hash, R> Memos<K, R> {
    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<R>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy, R: Copy + Default> Memos<K, R> {
    pub(crate) fn new(ladder: &[Duration]) -> Self {
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

    pub(crate) fn begin_round(&self) {
        self.entries().values_mut().for_each(|entry| entry.seen = false);
    }

    /// Has every one taken in hand when it is listed next, and begins its ladder anew.
    pub(crate) fn all_due(&self) {
        self.entries().values_mut().for_each(|entry| {
            (entry.memo.due_at, entry.memo.climbed) = (None, 0);
        });
    }

    /// Has one taken in hand when it is listed next.
    pub(crate) fn due(&self, key: K) {
        if let Some(entry) = self.entries().get_mut(&key) {
            entry.memo.due_at = None;
        }
    }

    /// Forgets what is not under way any more.
    pub(crate) fn end_round(&self) {
        self.entries().retain(|_, entry| entry.seen || entry.in_hand);
    }

    /// Takes a thing in hand, if it is in nobody's and its time has come, and climbs a step of the ladder: it is taken
    /// again after the gap to the next.
    pub(crate) fn take(&self, key: K, now: Duration) -> Option<InHand<K, R>> {
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
        let remembered = entry.memo.remembered;
        Some(InHand { memos: self.clone(), key, remembered, anew_at: None })
    }
}

impl<K: Eq + Hash + Copy, R: Copy> Drop for InHand<K, R> {
    fn drop(&mut self) {
        if let Some(entry) = self.memos.entries().get_mut(&self.key) {
            entry.memo.remembered = self.remembered;
            if let Some(at) = self.anew_at {
                (entry.memo.due_at, entry.memo.climbed) = (Some(at), 0);
            }
            entry.in_hand = false;
        }
    }
}
