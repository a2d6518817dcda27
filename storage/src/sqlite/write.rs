//! Single statements that write beside the journal, on the writer's connection: they queue fairly with the batches.

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use tally_actors::ports::Trouble;

use super::errors::{Meaning, trouble};
use super::{SqliteStore, connect};

impl SqliteStore {
    /// Executes a statement that is a transaction of its own. Says how many rows it touched. The statement must bear to be asked
    /// again: after an error nobody knows whether it was committed.
    pub(crate) async fn write(
        &self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<u64, Trouble> {
        if !self.writes() {
            let why = "it was opened for reading only, or is closed";
            return Err(Trouble::Unavailable(why.into()));
        }
        let mut slot = self.write.lock().await;
        if let Some(what) = self.broken.get() {
            return Err(Trouble::Unavailable(what.clone()));
        }
        if slot.is_none() {
            *slot = Some(connect::writer(&self.file).await.map_err(|error| trouble(&error))?);
        }
        let db = slot.as_mut().expect("it was just filled");
        match statement.execute(db).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) => {
                if let Meaning::Broken(what) = Meaning::of(&error) {
                    self.broken.get_or_init(|| what);
                }
                if let Some(db) = slot.take() {
                    connect::discard(db).await; // its COMMIT may have failed
                }
                Err(trouble(&error))
            }
        }
    }
}
