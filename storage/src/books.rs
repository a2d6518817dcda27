//! Books as they are moved from one database to another: the engine's store, and what stands beside its journal.

use tally_actors::domain::time::At;
use tally_actors::ports::{Answering, ReadError, Store, Trouble};

use crate::keys::NewKey;

/// A customer's profile, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Whose.
    pub openid: String,
    /// JSON, every field that WeChat gave.
    pub json: String,
    /// When it was handed over.
    pub stored_at: At,
}

/// A database that books are copied from, or into.
pub trait Books: Store {
    /// Ids of merchants after this text, in the order of their bytes, at most so many; none at the end. Every merchant whom a
    /// head or an event names is among them, whether or not the rest of it can be read.
    fn merchants_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<String>, ReadError>>;

    /// All API keys, by their ids.
    fn keys(&self) -> Answering<'_, Result<Vec<NewKey>, ReadError>>;

    /// Keeps a key that is not there.
    fn keep_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>>;

    /// Removes a key.
    fn remove_key(&self, key: NewKey) -> Answering<'_, Result<(), Trouble>>;

    /// Customers' profiles after this openid, in the order of their openids' bytes, at most so many; none at the end.
    fn profiles_after(
        &self,
        after: String,
        limit: u32,
    ) -> Answering<'_, Result<Vec<Profile>, ReadError>>;

    /// Keeps profiles in place of earlier ones of the same customers, in one transaction. No openid is there twice.
    fn keep_profiles(&self, profiles: Vec<Profile>) -> Answering<'_, Result<(), Trouble>>;

    /// Ends it: it writes no more, and what it wrote is on disk.
    fn close(&self) -> Answering<'_, ()>;
}
