//! What a process remembers of what is under way at the channel, from one look to the next, and what it does about it, as
//! `actors/src/memos.rs`, in virtual time.

use std::collections::BTreeMap;

use tally_actors::domain::time::At;

use super::plan::SECOND;

/// The memos of one worker, by number.
pub(super) struct Memos<N, R> {
    /// The gaps between the steps of the ladder, in seconds; the last repeats.
    gaps: &'static [u64],
    memos: BTreeMap<N, Memo<R>>,
}

#[derive(Default)]
struct Memo<R> {
    /// When it is taken in hand again, in microseconds.
    due_at: u64,
    climbed: usize,
    remembered: R,
    in_hand: bool,
}

/// Something in hand.
pub(super) struct InHand<N, P> {
    pub(super) number: N,
    pub(super) plan: P,
    pub(super) doing: Doing,
}

/// What is being done about it.
pub(super) enum Doing {
    /// A try is being made durable.
    Begin,
    /// The call to the channel is out.
    Send,
    /// The channel is asked; since when.
    Ask(At),
    /// An outcome is being recorded.
    Record,
}

impl<N: Ord + Copy, R: Copy + Default> Memos<N, R> {
    pub(super) fn new(gaps: &'static [u64]) -> Self {
        Self { gaps, memos: BTreeMap::new() }
    }

    fn memo(&mut self, number: N) -> &mut Memo<R> {
        self.memos.entry(number).or_default()
    }

    /// Takes something in hand, a step up its ladder: what is remembered of it. `None`: it is in hand, or nothing is due.
    pub(super) fn take(&mut self, number: N, now: u64) -> Option<R> {
        let gaps = self.gaps;
        let memo = self.memo(number);
        if memo.in_hand || now < memo.due_at {
            return None;
        }
        memo.due_at = now + gaps[memo.climbed.min(gaps.len() - 1)] * SECOND;
        memo.climbed += 1;
        memo.in_hand = true;
        Some(memo.remembered)
    }

    /// When it is due.
    pub(super) fn due_at(&mut self, number: N) -> u64 {
        self.memo(number).due_at
    }

    pub(super) fn remember(&mut self, number: N, remembered: R) {
        self.memo(number).remembered = remembered;
    }

    /// It is in hand no more.
    pub(super) fn rests(&mut self, number: N) {
        self.memo(number).in_hand = false;
    }

    /// It is looked at then, from the beginning of its ladder.
    pub(super) fn begins_anew(&mut self, number: N, due_at: u64) {
        let memo = self.memo(number);
        (memo.due_at, memo.climbed) = (due_at, 0);
    }

    /// The first gap of the ladder, in microseconds.
    pub(super) fn first_gap(&self) -> u64 {
        self.gaps[0] * SECOND
    }
}
