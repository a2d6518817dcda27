//! Claims: which merchants' background work this process does, where several share a store. For economy only: what two
//! processes do at once comes out right as well, by the fence and by the numbers that calls carry.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::MerchantId;
use crate::domain::number;
use crate::limits;
use crate::ports::{Store, Trouble, Work};

/// Digits in base 62 that hold 64 bits.
const HOLDER_DIGITS: usize = 11;

/// The claims of one process to one kind of work.
pub struct Claims {
    store: Arc<dyn Store>,
    work: Work,
    holder: Arc<str>,
    known: Mutex<HashMap<MerchantId, Known>>,
}

/// What the store said of a merchant, and until when that is believed.
#[derive(Debug, Clone, Copy)]
struct Known {
    ours: bool,
    until: Instant,
}

impl Claims {
    /// The claims to a kind of work in a store, under a holder's name of their own.
    pub fn new(store: Arc<dyn Store>, work: Work) -> Self {
        // Two holders of one name would do work twice, which is all that a claim spares.
        let holder = number::base62(getrandom::u64().unwrap_or_default(), HOLDER_DIGITS).into();
        Self { store, work, holder, known: Mutex::default() }
    }

    /// Those of these merchants whose work is this process's for the moment.
    ///
    /// # Errors
    ///
    /// The store does not answer.
    pub async fn ours(
        &self,
        of: impl Iterator<Item = MerchantId>,
    ) -> Result<HashSet<MerchantId>, Trouble> {
        let asked: BTreeSet<MerchantId> = of.collect();
        if !self.store.shared() {
            return Ok(asked.into_iter().collect());
        }
        let unknown = self.unknown(&asked);
        if !unknown.is_empty() {
            let (holder, term) = (Arc::clone(&self.holder), limits::CLAIM_TERM);
            let claiming = Instant::now(); // before the store counts
            let claimed = self.store.claim(self.work, unknown.clone(), holder, term).await?;
            self.learn(&unknown, &claimed.into_iter().collect(), claiming);
        }
        let known = self.known();
        Ok(asked.into_iter().filter(|of| known.get(of).is_some_and(|known| known.ours)).collect())
    }

    /// Lets a merchant's work go before the claim runs out.
    ///
    /// # Errors
    ///
    /// The store does not answer; then the claim runs out by itself.
    pub async fn give_back(&self, of: MerchantId) -> Result<(), Trouble> {
        self.known().remove(&of);
        if self.store.shared() {
            let holder = Arc::clone(&self.holder);
            self.store.claim(self.work, vec![of], holder, Duration::ZERO).await?;
        }
        Ok(())
    }

    /// Those of whom the store must be asked.
    fn unknown(&self, asked: &BTreeSet<MerchantId>) -> Vec<MerchantId> {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|_, known| now < known.until);
        asked.iter().filter(|of| !known.contains_key(of)).copied().collect()
    }

    fn learn(&self, asked: &[MerchantId], claimed: &HashSet<MerchantId>, at: Instant) {
        let mut known = self.known();
        for of in asked {
            let ours = claimed.contains(of);
            // Ours is claimed anew long before it runs out, another's is looked at often: its process may be gone.
            let believed = if ours { limits::CLAIM_TERM / 2 } else { limits::CLAIM_TERM / 8 };
            known.insert(*of, Known { ours, until: at + believed });
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<MerchantId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::tests::Scripted;

    async fn has(claims: &Claims, of: &[MerchantId]) -> Vec<MerchantId> {
        let mut ours: Vec<_> = claims.ours(of.iter().copied()).await.unwrap().into_iter().collect();
        ours.sort_unstable();
        ours
    }

    /// Time stands still but where the test lets it go on.
    #[tokio::test(start_paused = true)]
    async fn a_merchants_work_is_one_processs_until_that_one_is_gone() {
        let store = Scripted::new(Arc::new(MemoryStore::default()), true);
        let claims = || Claims::new(Arc::clone(&store) as Arc<dyn Store>, Work::Orders);
        let (first, second) = (claims(), claims());
        let [a, b] = ["a", "b"].map(|id| id.parse().unwrap());
        assert_eq!(has(&first, &[a]).await, [a]);
        assert_eq!(has(&second, &[a, b]).await, [b]);
        // While it goes on asking, it keeps what it has, however long that is.
        for _ in 0..8 {
            tokio::time::advance(limits::CLAIM_TERM / 3).await;
            assert_eq!(has(&first, &[a, b]).await, [a]);
            assert_eq!(has(&second, &[a, b]).await, [b]);
        }
        // Now the first is gone: the second has it all, one term later at the most, and what it then looked up anew.
        tokio::time::advance(limits::CLAIM_TERM + limits::CLAIM_TERM / 8).await;
        assert_eq!(has(&second, &[a, b]).await, [a, b]);
        assert_eq!(has(&first, &[a, b]).await, [], "it had been gone for longer than its term");
        // What is given back is another's as soon as that one asks the store again.
        second.give_back(a).await.unwrap();
        tokio::time::advance(limits::CLAIM_TERM / 8).await;
        assert_eq!(has(&first, &[a, b]).await, [a]);
        let others = Claims::new(Arc::clone(&store) as Arc<dyn Store>, Work::Transfers);
        assert_eq!(has(&others, &[a]).await, [a], "other work is another claim");
    }

    #[tokio::test]
    async fn a_store_of_one_process_has_no_claims() {
        let store = Scripted::new(Arc::new(MemoryStore::default()), false);
        let claims = || Claims::new(Arc::clone(&store) as Arc<dyn Store>, Work::Orders);
        let of = ["a".parse().unwrap()];
        assert_eq!((has(&claims(), &of).await, has(&claims(), &of).await), (of.into(), of.into()));
    }
}
