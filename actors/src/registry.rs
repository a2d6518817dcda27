//! The registry: finds a merchant's live actor or starts one. The only map of actors, the only recovery there is.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, ArbiterHandle};
use dashmap::DashMap;

use crate::batcher::Incarnation;
use crate::domain::ids::MerchantId;
use crate::inbox::Call;
use crate::limits::MERCHANT_CALLS_MAX;
use crate::merchant::Merchant;
use crate::pipeline::Fence;
use crate::reader::Reader;
use crate::writer::Writer;

/// All live actors.
pub(crate) struct Registry {
    live: DashMap<MerchantId, Entry>,
    incarnations: AtomicU64,
    arbiters: Vec<ArbiterHandle>,
    place: RandomState,
    terms: Terms,
    closed: AtomicBool,
    writer: Writer,
    reader: Reader,
}

/// What holds for all actors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Other processes may write to the store as well.
    pub(crate) shared: bool,
    /// An actor with nothing to do for so long leaves.
    pub(crate) leave_after: Duration,
}

struct Entry {
    addr: Addr<Merchant>,
    incarnation: Incarnation,
    /// Calls in hand. Raised under the shard's lock only, so that an idle actor can leave for certain.
    calls: Arc<AtomicUsize>,
}

/// Why a merchant can't be called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It has too many calls in hand.
    Busy,
    /// The engine stops.
    Stopping,
}

impl Registry {
    pub(crate) fn new(
        arbiters: &[Arbiter],
        terms: Terms,
        writer: Writer,
        reader: Reader,
    ) -> Arc<Self> {
        Arc::new(Self {
            live: DashMap::new(),
            incarnations: AtomicU64::new(0),
            arbiters: arbiters.iter().map(Arbiter::handle).collect(),
            place: RandomState::new(),
            terms,
            closed: AtomicBool::new(false),
            writer,
            reader,
        })
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The merchant's live actor and a counted call to it. One that stopped or panicked is started again from the store.
    /// There is no await under the guard, so two callers can't start two actors and nothing can deadlock.
    pub(crate) fn call(self: &Arc<Self>, id: MerchantId) -> Result<(Addr<Merchant>, Call), Closed> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Closed::Stopping);
        }
        let mut entry = self.live.entry(id).or_insert_with(|| self.start(id, Arc::default()));
        if !entry.addr.connected() {
            let calls = Arc::clone(&entry.calls);
            *entry = self.start(id, calls);
        }
        if entry.calls.load(Ordering::Acquire) >= MERCHANT_CALLS_MAX {
            return Err(Closed::Busy);
        }
        Ok((entry.addr.clone(), Call::count(&entry.calls)))
    }

    /// Lets an idle incarnation go, unless somebody calls it at this moment.
    pub(crate) fn leave(&self, id: &MerchantId, incarnation: Incarnation) -> bool {
        let nobody_calls = |entry: &Entry| {
            entry.incarnation == incarnation && entry.calls.load(Ordering::Acquire) == 0
        };
        self.live.remove_if(id, |_, entry| nobody_calls(entry)).is_some()
    }

    /// Forgets an incarnation that is over. The next call starts another.
    pub(crate) fn over(&self, id: &MerchantId, incarnation: Incarnation) {
        self.live.remove_if(id, |_, entry| entry.incarnation == incarnation);
    }

    /// Starts no more actors and lets the live ones go.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.live.clear();
    }

    /// The incarnation that is live, for tests.
    #[cfg(test)]
    pub(crate) fn incarnation(&self, id: &MerchantId) -> Option<Incarnation> {
        self.live.get(id).map(|entry| entry.incarnation)
    }

    /// How many actors are live.
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// How answers of an incarnation are fenced that is let in now.
    pub(crate) fn fence(&self, id: &MerchantId) -> Fence {
        Fence::of(self.terms.shared, self.writer.doubts().hold(id))
    }

    fn start(self: &Arc<Self>, id: MerchantId, calls: Arc<AtomicUsize>) -> Entry {
        let incarnation = Incarnation(self.incarnations.fetch_add(1, Ordering::AcqRel) + 1);
        let merchant = Merchant::new(id, incarnation, Arc::clone(self));
        let addr = Merchant::start_in_arbiter(self.arbiter_for(&id), |_| merchant);
        Entry { addr, incarnation, calls }
    }

    fn arbiter_for(&self, id: &MerchantId) -> &ArbiterHandle {
        let count = u64::try_from(self.arbiters.len()).expect("a handful of threads");
        let place = self.place.hash_one(id) % count;
        &self.arbiters[usize::try_from(place).expect("a handful of threads")]
    }
}
