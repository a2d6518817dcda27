//! Restores: when books were put back from an earlier state, and whether what they lack was made up for. They are no facts about
//! money, so they stand outside of the journal, and go with the books wherever these are copied.

use tally_actors::domain::ids::KeyId;
use tally_actors::domain::restored::Restored;
use tally_actors::domain::time::At;
use tally_actors::ports::ReadError;

use crate::books::Books;
use crate::keys::nobody;
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::lists::fetch;
use crate::sql::row::Row;
use crate::sql::rows::{Fields, instant};
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;

/// One time that books were put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// From when on something may be missing: when the backup was begun.
    pub since: At,
    /// When it was put in place; by this a restore is known.
    pub restored_at: At,
    /// When all that the books have open had been looked up at WeChat.
    pub looked_up_at: Option<At>,
    /// Who said that what is missing was made up for.
    pub released: Option<Release>,
}

/// The word that ends a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: At,
    /// By which key.
    pub by: KeyId,
    /// What was said, for people.
    pub note: String,
}

impl Restore {
    /// Books that were put back just now, from a backup begun at `since`.
    pub fn new(since: At, now: At) -> Self {
        Self { since: since.min(now), restored_at: now, looked_up_at: None, released: None }
    }

    /// Whether no withdrawal goes out because of it.
    pub fn is_frozen(&self) -> bool {
        self.released.is_none()
    }
}

/// What holds after all of these; `None`: there was none.
pub fn of_all(restores: &[Restore]) -> Option<Restored> {
    let each = restores.iter().map(|restore| Restored {
        since: restore.since,
        at: restore.restored_at,
        frozen: restore.is_frozen(),
    });
    each.reduce(Restored::and)
}

/// Marks books as restored that are a backup's own file: whoever serves them serves the past. They are no backup any more then,
/// so one word ends their freeze for good.
///
/// # Errors
///
/// The books can't be read or written.
pub async fn mark_if_backup(books: &dyn Books, now: At) -> Result<(), ReadError> {
    let Some(begun) = books.backup_begun().await? else { return Ok(()) };
    let known = books.restores().await?;
    if known.iter().all(|restore| restore.since != begun) {
        books.keep_restore(Restore::new(begun, now)).await?;
    }
    Ok(books.backup_no_more().await?)
}

const COLUMNS: &str = "restored_ms, since_ms, looked_up_ms, released_ms, released_by, note";

/// All restores, the newest first.
pub(crate) async fn all(db: &Pool) -> Result<Vec<Restore>, ReadError> {
    let sql = format!("select {COLUMNS} from restored order by restored_ms desc");
    fetch(db, &sql, &[]).await?.iter().map(restore).collect()
}

fn restore(row: &Row) -> Result<Restore, ReadError> {
    let mut fields = Fields::new(row, nobody());
    let (restored_at, since) = (fields.at()?, fields.at()?);
    let looked_up_at = fields.made_if_any(instant)?;
    let released_at = fields.made_if_any(instant)?;
    let by = fields.made_if_any(|raw: &str| raw.parse().ok())?;
    let note: Option<String> = fields.take()?;
    let whole = released_at.zip(by).zip(note);
    let released = whole.map(|((at, by), note)| Release { at, by, note });
    Ok(Restore { since, restored_at, looked_up_at, released })
}

/// The statement that keeps a restore in place of what was kept of it, and its values.
pub(crate) fn keep(dialect: Dialect, restore: &Restore) -> (String, Values<'_>) {
    let Restore { since, restored_at, looked_up_at, released } = restore;
    let released = released.as_ref();
    let fields = [
        Some(Integer(restored_at.ms())),
        Some(Integer(since.ms())),
        looked_up_at.map(|at| Integer(at.ms())),
        released.map(|release| Integer(release.at.ms())),
        released.map(|release| Text(release.by.as_str())),
        released.map(|release| Text(&release.note)),
    ];
    // A null stands in the text: PostgreSQL would take a value's type from the first that it is sent.
    let marks = fields.each_ref().map(|value| value.as_ref().map_or("null", |_| "?")).join(", ");
    let over = dialect.over("restored_ms", COLUMNS);
    let text = format!("insert into restored ({COLUMNS}) values ({marks}) {over}");
    (text, fields.into_iter().flatten().collect())
}

/// Remembers when all was looked up, the first time.
pub(crate) const LOOKED_UP: &str =
    "update restored set looked_up_ms = ? where restored_ms = ? and looked_up_ms is null";

/// Ends the freeze of one restore.
pub(crate) const RELEASE: &str = "update restored set released_ms = ?, released_by = ?, note = ?
    where restored_ms = ? and released_ms is null and looked_up_ms is not null";

/// When the backup was begun whose file this is; `None`: it is none.
pub(crate) async fn backup_begun(db: &Pool) -> Result<Option<At>, ReadError> {
    match db.dialect() {
        Dialect::Sqlite => {}
        Dialect::Mysql | Dialect::Postgres => return Ok(None), // a backup is a file
    }
    let rows = fetch(db, "select min(begun_ms) from backups", &[]).await?;
    let begun = |row| Fields::new(row, nobody()).made_if_any(instant);
    rows.first().map_or(Ok(None), begun)
}
