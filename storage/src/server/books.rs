//! A database on a server as books that are moved.

use tally_actors::ports::{Answering, ReadError, Trouble};

use super::ServerStore;
use crate::sql::books::Tables;
use crate::sql::db::Pool;
use crate::sql::value::Value;

impl Tables for ServerStore {
    fn pool(&self) -> &Pool {
        &self.read
    }

    fn reading<'a, T: Send + 'a>(
        &'a self,
        read: Answering<'a, Result<T, ReadError>>,
    ) -> Answering<'a, Result<T, ReadError>> {
        read
    }

    fn execute<'a>(
        &'a self,
        text: &'a str,
        values: &'a [Value<'a>],
    ) -> Answering<'a, Result<u64, Trouble>> {
        Box::pin(self.write(text, values))
    }

    fn end(&self) -> Answering<'_, ()> {
        Box::pin(self.close())
    }
}
