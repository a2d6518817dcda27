//! The store: the one in memory behind a layer of faults. What is written, and what is told of it, are two things here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tally_actors::memory::MemoryStore;
use tally_actors::ports::{Answering, BadRow, Batch, Commit, ReadError, Store, Trouble};

use super::fault::Fault;
use super::item::{Item, Leg, Place, WriteId};
use super::plan::SECOND;
use super::stage::Stage;

/// The constraint of a refusal that was wanted.
pub(super) const WANTED: &str = "as the simulation wants it";

/// The answer of a store in memory, which is there at once.
pub(crate) fn ready<T>(mut answering: Answering<'_, T>) -> T {
    match answering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the store in memory answers at once"),
    }
}

pub(super) struct FaultyStore {
    pub(super) inner: MemoryStore,
    pub(super) shared: bool,
    /// Handed over, and not yet both written and told.
    writes: BTreeMap<WriteId, Write>,
    handed_over: u64,
    /// Until then, in microseconds, every commit fails, with this; where it does not answer, every read as well.
    away: Option<(u64, Trouble)>,
}

struct Write {
    place: Place,
    batch: Arc<Batch>,
    /// It is still to be written, if it fits.
    lands: bool,
    /// What its writer hears in place of "committed".
    instead: Option<Commit>,
    /// What its writer hears, once that is certain.
    tells: Option<Commit>,
    /// Nobody waits to hear of it any more.
    told: bool,
}

/// What a batch has before it.
enum Fate {
    /// It is written, and that is told.
    Written,
    /// It is not written, and this is told.
    Lost(Commit),
    /// It is written, and this is told.
    WrittenBut(Commit),
    /// This is told, and then it is written.
    Later(Commit),
}

impl FaultyStore {
    pub(super) fn new(shared: bool) -> Self {
        Self {
            inner: MemoryStore::default(),
            shared,
            writes: BTreeMap::new(),
            handed_over: 0,
            away: None,
        }
    }
}

impl Stage {
    /// A writer hands over a batch: what will become of it, and what will be told, is decided here.
    pub(super) fn write(&mut self, place: Place, batch: Arc<Batch>) {
        self.store.handed_over += 1;
        let id = WriteId(self.store.handed_over);
        self.note(place, || format!("writes batch {}: {}", id.0, described(&batch)));
        let (lands, instead, tells) = match self.fate(&batch) {
            Fate::Written => (true, None, None),
            Fate::Lost(commit) => (false, None, Some(commit)),
            Fate::WrittenBut(commit) => (true, Some(commit), None),
            Fate::Later(commit) => (true, None, Some(commit)),
        };
        let acknowledged = tells.is_some();
        let write = Write { place, batch, lands, instead, tells, told: false };
        self.store.writes.insert(id, write);
        if acknowledged {
            self.acknowledge(place, id);
        }
        match (lands, acknowledged) {
            (true, true) => {
                let soonest = *self.random.of(&[1_000, SECOND, 12 * SECOND]);
                let later = self.random.below(soonest);
                self.at(later, Item::Land(id));
            }
            (true, false) if self.strikes(Fault::SlowWrite) => {
                let late = self.random.below(12 * SECOND);
                self.at(late, Item::Land(id));
            }
            (true, false) => self.after(Leg::Write, Item::Land(id)),
            (false, _) => {}
        }
    }

    fn fate(&mut self, batch: &Batch) -> Fate {
        let why = || "as the simulation wants it".to_owned();
        if let Some(trouble) = self.away() {
            return Fate::Lost(Commit::NotDone(trouble.clone()));
        }
        if self.strikes(Fault::DiskFull) {
            self.goes_away(Trouble::DiskFull);
            Fate::Lost(Commit::NotDone(Trouble::DiskFull))
        } else if self.strikes(Fault::Unavailable) {
            Fate::Lost(Commit::NotDone(unavailable()))
        } else if self.strikes(Fault::Refused) {
            let run = &batch.runs[self.below(batch.runs.len())];
            let (merchant, seq) = (run.merchant, run.rows[self.below(run.rows.len())].link.seq);
            Fate::Lost(Commit::Refused(BadRow { merchant, seq, constraint: WANTED.into() }))
        } else if self.strikes(Fault::DoubtWritten) {
            self.goes_away(unavailable());
            Fate::WrittenBut(Commit::Doubt(why()))
        } else if self.strikes(Fault::DoubtLost) {
            self.goes_away(unavailable());
            Fate::Lost(Commit::Doubt(why()))
        } else if self.strikes(Fault::DoubtLate) {
            Fate::Later(Commit::Doubt(why()))
        } else if self.strikes(Fault::Fatal) {
            let fatal = Commit::Fatal(why());
            if self.random.percent(50) { Fate::WrittenBut(fatal) } else { Fate::Lost(fatal) }
        } else {
            Fate::Written
        }
    }

    /// The store takes nothing for a while, in half of the cases: long enough for all tries of a call, or a few of them.
    fn goes_away(&mut self, trouble: Trouble) {
        if self.random.percent(50) {
            let until = self.now + self.random.below(2 * SECOND);
            self.store.away = Some((until, trouble));
        }
    }

    fn away(&self) -> Option<&Trouble> {
        self.store.away.as_ref().filter(|(until, _)| self.now < *until).map(|(_, trouble)| trouble)
    }

    /// Whether a read fails now.
    pub(super) fn read_fails(&mut self) -> bool {
        matches!(self.away(), Some(Trouble::Unavailable(_))) || self.strikes(Fault::ReadFails)
    }

    /// A number below a small bound, as a place in a list.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let place = self.random.below(u64::try_from(bound).expect("a short list"));
        usize::try_from(place).expect("a short list")
    }

    fn acknowledge(&mut self, place: Place, id: WriteId) {
        if self.strikes(Fault::SlowAck) {
            let late = self.random.below(12 * SECOND);
            self.at(late, Item::Ack(place, id));
        } else {
            self.after(Leg::Ack, Item::Ack(place, id));
        }
    }

    /// A batch is written, if its time has not passed and it fits.
    pub(super) fn land(&mut self, id: WriteId) {
        let Some(write) = self.store.writes.get_mut(&id) else { return };
        if !std::mem::replace(&mut write.lands, false) {
            return;
        }
        let (place, batch) = (write.place, Arc::clone(&write.batch));
        let commit = ready(self.store.inner.commit(Arc::clone(&batch)));
        self.note("store", || format!("batch {}: {commit:?}", id.0));
        match &commit {
            Commit::Committed => self.committed(&batch),
            Commit::Conflict(_) => self.count("commit", "conflict"),
            Commit::Refused(bad) => self.violated("constraint", format!("{bad:?}")),
            Commit::NotDone(_) | Commit::Doubt(_) | Commit::Fatal(_) => {}
        }
        let written = commit == Commit::Committed;
        let write = self.store.writes.get_mut(&id).expect("it was just there");
        if write.told {
            self.store.writes.remove(&id);
        } else if write.tells.is_none() {
            // One that did not fit is certainly not written, whatever was to be told of it.
            let instead = write.instead.take().filter(|_| written);
            write.tells = Some(instead.unwrap_or(commit));
            return self.acknowledge(place, id);
        }
        self.count("commit", if written { "late" } else { "too late" });
    }

    fn committed(&mut self, batch: &Batch) {
        self.count("commit", "committed");
        let mut wake = false;
        for row in batch.runs.iter().flat_map(|run| &run.rows) {
            let kind = row.event().kind();
            self.count("event", kind);
            wake |= matches!(kind, "withdrawal_requested" | "withdrawal_approved");
            self.refunds |= matches!(kind, "refund_requested" | "refund_noticed");
        }
        if wake {
            self.payouts = true;
        }
    }

    /// A writer hears what became of its batch.
    pub(super) fn acknowledged(&mut self, id: WriteId) -> Option<Commit> {
        let write = self.store.writes.get_mut(&id)?;
        let tells = write.tells.clone()?;
        if write.lands {
            write.told = true;
        } else {
            self.store.writes.remove(&id);
        }
        match &tells {
            Commit::Committed | Commit::Conflict(_) => {}
            Commit::Refused(_) => self.count("commit", "refused"),
            Commit::NotDone(_) => self.count("commit", "not done"),
            Commit::Doubt(_) => self.count("commit", "doubt"),
            Commit::Fatal(_) => self.count("commit", "fatal"),
        }
        Some(tells)
    }

    /// A process died. What it was writing is written at once or never; where a database session of its own may go on without
    /// it, also later.
    pub(super) fn orphan(&mut self, place: Place) {
        let own = |(id, write): (&WriteId, &Write)| (write.place == place).then_some(*id);
        let orphans: Vec<WriteId> = self.store.writes.iter().filter_map(own).collect();
        for id in orphans {
            if self.store.shared && self.random.percent(40) {
                self.store.writes.get_mut(&id).expect("it was just listed").told = true;
            } else {
                self.decide(id);
            }
        }
    }

    /// The store is there again, and what is still under way without anybody waiting for it is written now or never.
    pub(super) fn decide_all(&mut self) {
        self.store.away = None;
        let nobodys = |(id, write): (&WriteId, &Write)| write.told.then_some(*id);
        let orphans: Vec<WriteId> = self.store.writes.iter().filter_map(nobodys).collect();
        orphans.into_iter().for_each(|id| self.decide(id));
    }

    fn decide(&mut self, id: WriteId) {
        if self.random.percent(50) {
            self.land(id);
        }
        self.store.writes.remove(&id);
    }
}

/// What a store says that does not answer.
pub(super) fn unavailable() -> Trouble {
    Trouble::Unavailable("as the simulation wants it".into())
}

/// The error of a read that fails.
pub(super) fn read_error() -> ReadError {
    ReadError::Trouble(unavailable())
}

fn described(batch: &Batch) -> String {
    let run = |run: &tally_actors::ports::Run| {
        let kinds: Vec<&str> = run.rows.iter().map(|row| row.event().kind()).collect();
        format!(
            "{} {}..={} {}",
            run.merchant,
            run.rows[0].link.seq,
            run.head.link.seq,
            kinds.join(", ")
        )
    };
    batch.runs.iter().map(run).collect::<Vec<_>>().join("; ")
}
