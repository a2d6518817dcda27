//! Who may call: the keys, known by their BLAKE3 hashes, all of them in memory. The store keeps them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::number;
use tally_actors::domain::time::At;
use tally_actors::ports::{ReadError, Trouble};
use tally_storage::SqliteStore;
use tally_storage::keys::{KnownKey, ListedKey, NewKey};
use tokio::runtime::Handle;

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

/// All the keys.
pub(crate) struct Keyring {
    known: RwLock<HashMap<[u8; 32], Caller>>,
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
        let caller = |known: KnownKey| Caller { key_id: known.key_id, merchant: known.merchant };
        let stored = store.all_keys().await?;
        let mut known: HashMap<_, _> =
            stored.into_iter().map(|known| (known.key_hash, caller(known))).collect();
        let key_id = "admin".parse().expect("a well-formed key id");
        known.insert(hash(admin.expose()), Caller { key_id, merchant: None });
        Ok(Self { known: RwLock::new(known), store, runtime })
    }

    /// Who shows this key; `None`: nobody knows it.
    pub(crate) fn recognize(&self, key: &str) -> Option<Caller> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&hash(key)).copied()
    }

    /// Makes a key for a merchant, or for another admin.
    pub(crate) async fn make(
        &self,
        merchant: Option<MerchantId>,
        name: String,
        now: At,
    ) -> Result<MadeKey, ReadError> {
        let no_random = || Trouble::Unavailable("the system gives no random bytes".into());
        let random = getrandom::u64().map_err(|_| no_random())?;
        let key = random_key().ok_or_else(no_random)?;
        let key_id = number::make(now, random).parse().expect("a made number is a key id");
        let key_hash = hash(&key);
        let listed = ListedKey { key_id, name: name.clone(), created_at: now };
        let new = NewKey { key_hash, key_id, merchant, name, created_at: now };
        let store = Arc::clone(&self.store);
        self.on_runtime(async move { Ok(store.create_key(&new).await?) }).await?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key_hash, Caller { key_id, merchant });
        Ok(MadeKey { listed, key })
    }

    /// A merchant's keys, or the admins'.
    pub(crate) async fn list(
        &self,
        merchant: Option<MerchantId>,
    ) -> Result<Vec<ListedKey>, ReadError> {
        let store = Arc::clone(&self.store);
        self.on_runtime(async move { store.list_keys(merchant).await }).await
    }

    /// Forgets a key; `false` when there is none of that name.
    pub(crate) async fn delete(
        &self,
        merchant: Option<MerchantId>,
        key_id: KeyId,
    ) -> Result<bool, ReadError> {
        let store = Arc::clone(&self.store);
        let asked = async move { Ok(store.delete_key(merchant, key_id).await?) };
        let gone = self.on_runtime(asked).await?;
        if gone {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, caller| *caller != Caller { key_id, merchant });
        }
        Ok(gone)
    }

    /// Asks the store on the runtime that it lives on, to the end even when the caller goes away.
    async fn on_runtime<T: Send + 'static>(
        &self,
        asked: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ReadError> {
        let ended = |_| Trouble::Unavailable("it ended early".into());
        self.runtime.spawn(asked).await.map_err(ended)?
    }
}

fn hash(key: &str) -> [u8; 32] {
    *blake3::hash(key.as_bytes()).as_bytes()
}
