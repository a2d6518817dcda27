//! A server's database as the books of a service.

use tally_actors::ports::{Answering, ReadError, Trouble};

use super::ServerStore;
use crate::books::Tables;
use crate::sql::db::Pool;
use crate::sql::value::Values;

impl Tables for ServerStore {
    fn reading(&self) -> &Pool {
        &self.read
    }

    fn reads<'a, T: Send + 'a>(
        &'a self,
        read: impl Future<Output = Result<T, ReadError>> + Send + 'a,
    ) -> Answering<'a, Result<T, ReadError>> {
        Box::pin(read)
    }

    fn writes(
        &self,
        text: &str,
        values: &Values<'_>,
    ) -> impl Future<Output = Result<u64, Trouble>> + Send {
        self.write(text, values)
    }

    fn named(&self) -> String {
        self.host.place().to_owned()
    }

    fn checked(&self) -> Answering<'_, Result<(), Trouble>> {
        Box::pin(Self::check(self))
    }

    fn closed(&self) -> Answering<'_, ()> {
        Box::pin(Self::close(self))
    }
}
