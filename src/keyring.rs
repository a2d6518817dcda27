//! Who may call: the keys, known by their BLAKE3 hashes, all of them in memory. The store keeps them.
//!
//! Where other processes share the store, they make and remove keys too: one that is not known here is asked for, and one that
//! is known is looked at again once it was believed for [`KEY_BELIEVED_FOR`].

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::number;
use tally_actors::domain::time::At;
use tally_actors::error::EngineError;
use tally_actors::ports::{Page, Part, ReadError, Trouble};
use tally_storage::Books;
use tally_storage::keys::{Key, ListedKey};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinError;

use crate::admin_key::random_key;
use crate::limits::{KEY_BELIEVED_FOR, KEYS_ASKED_FOR_MAX};
use crate::settings::Secret;
use crate::web::error::ApiError;

/// Whoever shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The key's public name.
    pub(crate) key_id: KeyId,
    /// Whose key; `None`: an admin's.
    pub(crate) merchant: Option<MerchantId>,
}

/// A key that was just made. The only time that the key itself is seen.
pub(crate) struct MadeKey {
    /// What a list shows of it.
    pub(crate) listed: ListedKey,
    /// The key itself.
    pub(crate) key: String,
}

/// The keys that the store keeps, by their hashes.
#[derive(Clone, Default)]
struct Known(Arc<RwLock<Keys>>);

#[derive(Default)]
struct Keys {
    by_hash: HashMap<[u8; 32], Entry>,
    /// How often this process removed one: what was read from the store before that may be older than memory.
    removals: u64,
}

/// A key, and when it was last known to be so.
#[derive(Clone, Copy)]
struct Entry {
    caller: Caller,
    seen: Instant,
}

impl Known {
    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn insert(&mut self, hash: [u8; 32], caller: Caller) {
        self.by_hash.insert(hash, Entry { caller, seen: Instant::now() });
    }

    fn remove(&mut self, gone: Caller) {
        self.by_hash.retain(|_, entry| entry.caller != gone);
        self.removals += 1;
    }

    /// Takes what the store said, unless that was asked before something was removed here.
    fn learn(&mut self, hash: [u8; 32], stored: Option<Caller>, removals: u64) -> bool {
        let news = self.removals == removals;
        match stored {
            Some(caller) if news => self.insert(hash, caller),
            None => drop(self.by_hash.remove(&hash)),
            Some(_) => {}
        }
        news
    }
}

/// All the keys.
pub(crate) struct Keyring {
    /// The admin's key of the settings, which the store does not have and nobody can delete.
    own: [u8; 32],
    known: Known,
    /// Held by whoever asks the store for a key that is not known here.
    asking: Arc<Semaphore>,
    /// Held from before the store is changed until memory says the same, so that the two go the same way.
    changing: Arc<Mutex<()>>,
    store: Arc<dyn Books>,
    runtime: Handle,
}

impl Keyring {
    /// The stored keys, and the admin's own.
    pub(crate) async fn load(
        store: Arc<dyn Books>,
        runtime: Handle,
        admin: &Secret,
    ) -> Result<Self, ReadError> {
        let asked = Arc::clone(&store);
        let read = runtime.spawn(async move { asked.keys().await });
        let known = Known::default();
        for stored in read.await.map_err(ended)?? {
            known.write().insert(stored.key_hash, caller(&stored));
        }
        let own = hash(admin.expose());
        let asking = Arc::new(Semaphore::new(KEYS_ASKED_FOR_MAX));
        Ok(Self { own, known, asking, changing: Arc::default(), store, runtime })
    }

    /// Who shows this key; `None`: nobody knows it.
    pub(crate) async fn recognize(&self, key: &str) -> Result<Option<Caller>, ApiError> {
        let hash = hash(key);
        if hash == self.own {
            let key_id = "admin".parse().expect("a well-formed key id");
            return Ok(Some(Caller { key_id, merchant: None }));
        }
        let known = self.known.read().by_hash.get(&hash).copied();
        match known {
            Some(entry) if self.is_believed(hash, entry) => Ok(Some(entry.caller)),
            None if !self.store.shared() => Ok(None),
            Some(_) => self.ask(hash).await,
            None => {
                // Whoever guesses keys must not keep the store from others.
                let _turn = self.asking.try_acquire().map_err(|_| ApiError::Busy)?;
                self.ask(hash).await
            }
        }
    }

    /// Whether a key counts without another look. Of many who find that it is time for one, the first looks.
    fn is_believed(&self, hash: [u8; 32], entry: Entry) -> bool {
        if !self.store.shared() || entry.seen.elapsed() < KEY_BELIEVED_FOR {
            return true;
        }
        let mut known = self.known.write();
        let seen = known.by_hash.get_mut(&hash).map(|entry| &mut entry.seen);
        match seen {
            Some(seen) if *seen == entry.seen => {
                *seen = Instant::now();
                false
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Asks the store for a key, and remembers what it says.
    async fn ask(&self, hash: [u8; 32]) -> Result<Option<Caller>, ApiError> {
        loop {
            let removals = self.known.read().removals;
            let store = Arc::clone(&self.store);
            let asked = self.runtime.spawn(async move { store.key(hash).await });
            let stored = asked.await.map_err(|error| ReadError::from(ended(error)))??;
            let stored = stored.as_ref().map(caller);
            if self.known.write().learn(hash, stored, removals) {
                return Ok(stored);
            }
        }
    }

    /// Makes a key for a merchant, or for another admin.
    pub(crate) async fn make(
        &self,
        merchant: Option<MerchantId>,
        name: String,
        now: At,
    ) -> Result<MadeKey, EngineError> {
        let no_random = || EngineError::Unavailable("the system gives no random bytes".into());
        let random = getrandom::u64().map_err(|_| no_random())?;
        let key = random_key().ok_or_else(no_random)?;
        let key_id = number::make(now, random).parse().expect("a made number is a key id");
        let key_hash = hash(&key);
        let listed = ListedKey { key_id, name: name.clone(), created_at: now };
        let new = Key { key_hash, key_id, merchant, name, created_at: now };
        let (store, known) = (Arc::clone(&self.store), self.known.clone());
        let made = async move {
            store.create_key(new).await?;
            known.write().insert(key_hash, Caller { key_id, merchant });
            Ok(())
        };
        self.change(made).await?;
        Ok(MadeKey { listed, key })
    }

    /// A part of a merchant's keys, or of the admins'. To be asked on the runtime that the store lives on.
    pub(crate) fn list(
        &self,
        merchant: Option<MerchantId>,
        page: Page,
    ) -> impl Future<Output = Result<Part<ListedKey>, ReadError>> + Send + use<> {
        let store = Arc::clone(&self.store);
        async move { store.list_keys(merchant, page).await }
    }

    /// Forgets a key; `false` when there is none of that name. Unless the store certainly did not, memory does: a key must not
    /// open anything after somebody was told that it may be gone.
    pub(crate) async fn delete(
        &self,
        merchant: Option<MerchantId>,
        key_id: KeyId,
    ) -> Result<bool, EngineError> {
        let (store, known) = (Arc::clone(&self.store), self.known.clone());
        self.change(async move {
            let gone = store.delete_key(merchant, key_id).await;
            if !gone.as_ref().is_err_and(certainly_nothing) {
                known.write().remove(Caller { key_id, merchant });
            }
            gone
        })
        .await
    }

    /// Changes the store and memory, on the runtime that the store lives on, one change at a time, each to its end even when the
    /// caller goes away.
    async fn change<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Trouble>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let turn = Arc::clone(&self.changing).lock_owned().await;
        let changed = self.runtime.spawn(async move {
            let changed = change.await;
            drop(turn);
            changed
        });
        match changed.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(trouble)) if certainly_nothing(&trouble) => {
                Err(EngineError::Unavailable(trouble.to_string()))
            }
            Ok(Err(trouble)) => {
                tracing::warn!(%trouble, "whether the keys were changed is not known");
                Err(EngineError::OutcomeUnknown)
            }
            Err(_) => Err(EngineError::OutcomeUnknown),
        }
    }
}

/// Whether nothing was written. After any other trouble the statement may have been committed.
fn certainly_nothing(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::DiskFull => true,
        Trouble::Unavailable(_) | Trouble::Broken(_) => false,
    }
}

fn caller(known: &Key) -> Caller {
    Caller { key_id: known.key_id, merchant: known.merchant }
}

fn ended(_: JoinError) -> Trouble {
    Trouble::Unavailable("reading the keys ended early".into())
}

fn hash(key: &str) -> [u8; 32] {
    *blake3::hash(key.as_bytes()).as_bytes()
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
