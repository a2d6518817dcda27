//! Single statements that write beside the journal, on the writer's connection: they queue fairly with the batches.

use tally_actors::ports::Trouble;

use super::errors::trouble;
use super::{SqliteStore, connect, may_write};
use crate::sql::db::Db;
use crate::sql::value::Value;

impl SqliteStore {
    /// Executes a statement that is a transaction of its own. Says how many rows it touched. The statement must bear to be asked
    /// again: after an error nobody knows whether it was committed.
    pub(crate) async fn write(&self, text: &str, values: &[Value<'_>]) -> Result<u64, Trouble> {
        let mut slot = self.write.lock().await;
        may_write(&self.lock)?;
        self.must_be_in_place()?;
        if slot.is_none() {
            let opened = connect::writer(&self.file).await.map_err(|error| trouble(&error));
            *slot = Some(opened.inspect_err(|trouble| self.heard(trouble))?);
        }
        let db = slot.as_mut().expect("it was just filled");
        match Db::Sqlite(db).execute(text, values).await {
            Ok(touched) => Ok(touched),
            Err(error) => {
                let trouble = trouble(&error);
                self.heard(&trouble);
                if let Some(db) = slot.take() {
                    connect::discard(db).await; // its COMMIT may have failed
                }
                Err(trouble)
            }
        }
    }
}
