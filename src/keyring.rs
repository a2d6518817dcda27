//! Who may call: the keys, known by their BLAKE3 hashes, all of them in memory. The store keeps them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::number;
use tally_actors::domain::time::At;
use tally_actors::error::EngineError;
use tally_actors::ports::{Page, Part, ReadError, Trouble};
use tally_storage::SqliteStore;
use tally_storage::keys::{KnownKey, ListedKey, NewKey};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::admin_key::random_key;
use crate::settings::Secret;

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
#[derive(Clone)]
struct Known(Arc<RwLock<HashMap<[u8; 32], Caller>>>);

impl Known {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<[u8; 32], Caller>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<[u8; 32], Caller>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All the keys.
pub(crate) struct Keyring {
    /// The admin's key of the settings, which the store does not have and nobody can delete.
    own: [u8; 32],
    known: Known,
    /// Held from before the store is changed until memory says the same, so that the two go the same way.
    changing: Arc<Mutex<()>>,
    store: Arc<SqliteStore>,
    runtime: Handle,
}

impl Keyring {
    /// The stored keys, and the admin's own.
    pub(crate) async fn load(
        store: Arc<SqliteStore>,
        runtime: Handle,
        admin: &Secret,
    ) -> Result<Self, ReadError> {
        let asked = Arc::clone(&store);
        let read = runtime.spawn(async move { asked.all_keys().await });
        let ended = |_| Trouble::Unavailable("reading the keys ended early".into());
        let caller = |known: KnownKey| Caller { key_id: known.key_id, merchant: known.merchant };
        let stored = read.await.map_err(ended)??;
        let known = stored.into_iter().map(|known| (known.key_hash, caller(known))).collect();
        let known = Known(Arc::new(RwLock::new(known)));
        Ok(Self { own: hash(admin.expose()), known, changing: Arc::default(), store, runtime })
    }

    /// Who shows this key; `None`: nobody knows it.
    pub(crate) fn recognize(&self, key: &str) -> Option<Caller> {
        let hash = hash(key);
        if hash == self.own {
            let key_id = "admin".parse().expect("a well-formed key id");
            return Some(Caller { key_id, merchant: None });
        }
        self.known.read().get(&hash).copied()
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
        let new = NewKey { key_hash, key_id, merchant, name, created_at: now };
        let (store, known) = (Arc::clone(&self.store), self.known.clone());
        let made = async move {
            store.create_key(&new).await?;
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
                known.write().retain(|_, caller| *caller != Caller { key_id, merchant });
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

fn hash(key: &str) -> [u8; 32] {
    *blake3::hash(key.as_bytes()).as_bytes()
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
