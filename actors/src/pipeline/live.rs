//! What a pipeline has in hand once its head is read: messages in line for their keys, and records at hand.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Failure, Held, Outcome, Ticket, Waiting};
use crate::domain::account::Account;
use crate::domain::books::{Books, Key, Record};
use crate::domain::chain::Seq;
use crate::domain::command::{Asked, Command};
use crate::domain::event::Stamped;
use crate::domain::head::Broken;
use crate::domain::time::At;
use crate::limits::CLOCK_BEHIND_MAX_MS;
use crate::mutant::{self, Mutant};
use crate::ports::{Row, Trouble};

#[derive(Debug)]
pub(super) struct Live {
    pub(super) account: Account,
    pub(super) durable: Seq,
    /// By ticket, so that what ends together is told in the order of arrival.
    pub(super) parked: BTreeMap<Ticket, Parked>,
    lines: HashMap<Key, Line>,
    /// Keys changed by events that are not yet durable, by event.
    dirty: VecDeque<(Seq, Key)>,
}

#[derive(Debug)]
pub(super) struct Parked {
    command: Box<Command>,
    asked: Asked,
    pub(super) keys: Vec<Key>,
}

/// A key that somebody needs.
#[derive(Debug, Default)]
struct Line {
    /// Who waits for it, in the order of arrival.
    tickets: VecDeque<Ticket>,
    /// Whether it is being looked up. One lookup at a time: an older answer must never stand for a newer one.
    asked: bool,
    /// The newest event that changed its record.
    changed: Seq,
}

impl Live {
    pub(super) fn new(account: Account) -> Self {
        let durable = account.link().seq;
        Self {
            account,
            durable,
            parked: BTreeMap::new(),
            lines: HashMap::new(),
            dirty: VecDeque::new(),
        }
    }

    pub(super) fn park(&mut self, message: Waiting) {
        let Waiting { ticket, command, asked } = message;
        self.parked.insert(ticket, Parked { command, asked, keys: vec![] });
    }

    /// Whether a message is first in line for all its keys and all their records are at hand. Lines up for keys that it
    /// was not in line for, and adds those to `lacking` that nobody is looking up.
    ///
    /// It lines up for keys of a later stage only while it is first in line for all of the earlier ones: their records then
    /// can't change until it is decided, so what they lead to can't either, and no two messages wait for each other.
    pub(super) fn may_be_decided(&mut self, ticket: Ticket, lacking: &mut Vec<Key>) -> bool {
        loop {
            let Some(parked) = self.parked.get_mut(&ticket) else { return false };
            let first = |key: &Key| self.lines[key].tickets.front() == Some(&ticket);
            if !parked.keys.iter().all(|key| first(key) && self.account.books().knows(key)) {
                return false;
            }
            let mut fresh = self.account.keys(&parked.command);
            fresh.retain(|key| !parked.keys.contains(key));
            let Some(stage) = fresh.iter().map(Key::stage).min() else { return true };
            fresh.retain(|key| key.stage() == stage);
            for key in &fresh {
                let line = self.lines.entry(*key).or_default();
                if !line.asked && !self.account.books().knows(key) {
                    line.asked = true;
                    lacking.push(*key);
                }
                line.tickets.push_back(ticket);
            }
            parked.keys.extend(&fresh);
        }
    }

    /// Decide, apply, append: in this order, in this one place, and nothing leaves before it stands whole. Nothing may be
    /// decided any more when it fails: the records at hand are not those of this head.
    pub(super) fn decide(
        &mut self,
        ticket: Ticket,
        parked: &Parked,
    ) -> Result<(Held, Vec<Row>), Broken> {
        let Parked { command, asked, .. } = parked;
        let Asked { at: now, by, .. } = asked;
        let before = self.account.link();
        let held = |seen, first, outcome| Held { ticket, seen, first, outcome };
        if let Some(failure) = self.behind(command, *now) {
            return Ok((held(before, None, Err(failure)), vec![]));
        }
        let events = match self.account.decide(command, *asked) {
            Ok(events) => events,
            Err(refusal) => {
                return Ok((held(before, None, Err(Failure::Refused(refusal))), vec![]));
            }
        };
        let at = self.account.time_of(command, *now);
        let fresh = !events.is_empty();
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let row = Row::new(
                self.account.merchant(),
                self.account.link(),
                Stamped { at, by: *by, event },
            );
            let appended = !mutant::forgets(row.event());
            let link = if appended { row.link } else { row.follows };
            self.account.apply(&row.stamped, link)?;
            for key in Books::touched_by(row.event()) {
                self.lines.entry(key).or_default().changed = link.seq;
                self.dirty.push_back((link.seq, key));
            }
            if appended {
                rows.push(row);
            }
        }
        let outcome = match mutant::refusal_beside(&rows, self.account.head()) {
            Some(refusal) => Err(Failure::Refused(refusal)),
            None => Ok(Outcome { answer: self.account.answer(command), fresh }),
        };
        Ok((held(self.account.link(), fresh.then(|| before.seq.next()), outcome), rows))
    }

    /// What a message hears whose clock is far behind the newest event: an event's time never goes back, so one of the two
    /// clocks was wrong, and what it says now would be wrong for good.
    fn behind(&self, command: &Command, now: At) -> Option<Failure> {
        let newest = self.account.head()?.at;
        if newest <= now.plus_ms(CLOCK_BEHIND_MAX_MS) || matches!(command, Command::Read) {
            return None;
        }
        let what =
            format!("the newest event is of {newest}, and the clock says {now}: set the clock");
        tracing::error!(merchant = %self.account.merchant(), what, "a message was not decided");
        Some(Failure::NotDone(Trouble::Unavailable(what)))
    }

    /// Takes a message out of its lines. Gives those that are first now, and forgets what nobody needs.
    pub(super) fn leave_lines(&mut self, ticket: Ticket, keys: &[Key]) -> Vec<Ticket> {
        let mut ready = vec![];
        for key in keys {
            let Some(line) = self.lines.get_mut(key) else { continue };
            let was_first = line.tickets.front() == Some(&ticket);
            if was_first {
                line.tickets.pop_front();
            } else {
                line.tickets.retain(|other| *other != ticket);
            }
            match line.tickets.front() {
                Some(next) if was_first => ready.push(*next),
                Some(_) => {}
                None => self.forget_if_done_with(key),
            }
        }
        ready
    }

    /// What was in flight up to here is stored; what nobody needs any more can be read there.
    pub(super) fn clean(&mut self, through: Seq) {
        self.durable = self.durable.max(through);
        while self.dirty.front().is_some_and(|(seq, _)| *seq <= through) {
            let (_, key) = self.dirty.pop_front().expect("it was just looked at");
            self.forget_if_done_with(&key);
        }
    }

    /// Takes a record that was looked up, unless nobody waits for it any more. Gives who is first in line.
    pub(super) fn learn(&mut self, key: Key, record: Option<Record>) -> Option<Ticket> {
        let line = self.lines.get_mut(&key)?;
        line.asked = false;
        let first = line.tickets.front().copied();
        self.account.books_mut().learn(key, record);
        self.forget_if_done_with(&key);
        first
    }

    /// Everybody in line for keys that could not be looked up leaves. Gives them, and who is first in line elsewhere now.
    pub(super) fn give_up(&mut self, keys: &[Key]) -> (Vec<Ticket>, Vec<Ticket>) {
        let mut failed: Vec<Ticket> = vec![];
        for key in keys {
            let Some(line) = self.lines.get_mut(key) else { continue };
            line.asked = false;
            failed.extend(&line.tickets);
        }
        let mut ready = vec![];
        failed.retain(|ticket| {
            let Some(parked) = self.parked.remove(ticket) else { return false };
            ready.extend(self.leave_lines(*ticket, &parked.keys));
            true
        });
        keys.iter().for_each(|key| self.forget_if_done_with(key));
        (failed, ready)
    }

    /// Whether the store has what an event changed.
    fn is_stored(&self, changed: Seq) -> bool {
        changed <= self.durable || mutant::on(Mutant::LookupBeforeMemory)
    }

    fn forget_if_done_with(&mut self, key: &Key) {
        let done =
            |line: &Line| line.tickets.is_empty() && !line.asked && self.is_stored(line.changed);
        if self.lines.get(key).is_some_and(done) {
            self.lines.remove(key);
            self.account.books_mut().forget(key);
        }
    }
}
