//! Bank runs: withdrawals that are paid out by hand, handed to the bank together. Which withdrawal is in which run is a fact of its
//! merchant's journal; that there is a run, and whether it is finished, stands beside the journals, as it is no single merchant's.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::{KeyId, MerchantId, RunNo, WithdrawalNo};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::ports::{Page, Part, ReadError};

use crate::keys::nobody;
use crate::sql::cursor;
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::lists::{self, fetch};
use crate::sql::row::Row;
use crate::sql::rows::{self, Fields};
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::{Value, Values};

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankRun {
    /// Its number.
    pub run_no: RunNo,
    /// When it was begun.
    pub at: At,
    /// The admin's key that began it.
    pub by: KeyId,
    /// Whose withdrawals alone it takes; `None`: all merchants'.
    pub merchant: Option<MerchantId>,
    /// Whether it is finished, and takes nothing new.
    pub made: bool,
}

/// A withdrawal that waits for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Whose.
    pub merchant: MerchantId,
    /// Its number.
    pub withdrawal_no: WithdrawalNo,
    /// When it was requested.
    pub requested_at: At,
    /// The event that requested it.
    pub requested_seq: Seq,
}

/// A withdrawal in a run, as it now is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunItem {
    /// Whose.
    pub merchant: MerchantId,
    /// The withdrawal.
    pub withdrawal: Withdrawal,
}

const COLUMNS: &str = "run_no, at_ms, made_by, merchant_id, state";

fn state(made: bool) -> &'static str {
    if made { "made" } else { "open" }
}

fn insert<'r>(run: &'r BankRun, over: &str) -> (String, Values<'r>) {
    let merchant = run.merchant.as_ref();
    // A null stands in the text: PostgreSQL would take a value's type from the first that it is sent.
    let mark = merchant.map_or("null", |_| "?");
    let text = format!("insert into bank_runs ({COLUMNS}) values (?, ?, ?, {mark}, ?) {over}");
    let mut values = vec![Text(run.run_no.as_str()), Integer(run.at.ms()), Text(run.by.as_str())];
    values.extend(merchant.map(|merchant| Text(merchant.as_str())));
    values.push(Text(state(run.made)));
    (text, values)
}

/// The statement that begins a run, and no second one of its number, and its values.
pub(crate) fn begin(run: &BankRun) -> (String, Values<'_>) {
    insert(run, "")
}

/// The statement that keeps a run in place of what was kept of it, and its values.
pub(crate) fn keep(dialect: Dialect, run: &BankRun) -> (String, Values<'_>) {
    insert(run, &dialect.over("run_no", COLUMNS))
}

/// All runs, the newest first.
pub(crate) async fn list(db: &Pool, page: Page) -> Result<Part<BankRun>, ReadError> {
    let (ms, run_no) = cursor::run(page.cursor.as_deref())?;
    let dialect = db.dialect();
    let sql = format!(
        "select {COLUMNS} from bank_runs where {} order by at_ms desc, run_no desc limit ?",
        dialect.before(&["at_ms", "run_no"]),
    );
    let mut values = dialect.place(vec![Integer(ms), Text(&run_no)]);
    values.push(Integer(lists::probe(&page)));
    let rows = fetch(db, &sql, &values).await?;
    let runs = rows.iter().map(run).collect::<Result<_, ReadError>>()?;
    lists::part(runs, &page, |run: &BankRun| cursor::of_run(run.at, &run.run_no))
}

/// The run of a number.
pub(crate) async fn one(db: &Pool, run_no: RunNo) -> Result<Option<BankRun>, ReadError> {
    let sql = format!("select {COLUMNS} from bank_runs where run_no = ?");
    let rows = fetch(db, &sql, &[Text(run_no.as_str())]).await?;
    rows.first().map(run).transpose()
}

fn run(row: &Row) -> Result<BankRun, ReadError> {
    let mut fields = Fields::new(row, nobody());
    Ok(BankRun {
        run_no: fields.text()?,
        at: fields.at()?,
        by: fields.text()?,
        merchant: fields.made_if_any(|raw: &str| raw.parse().ok())?,
        made: fields.made(|raw: &str| match raw {
            "made" => Some(true),
            "open" => Some(false),
            _ => None,
        })?,
    })
}

/// The withdrawals of a run, by merchant and number.
pub(crate) async fn items(db: &Pool, run_no: RunNo) -> Result<Vec<RunItem>, ReadError> {
    let columns = rows::WITHDRAWAL.replace("withdrawal_no,", "w.withdrawal_no,");
    let sql = format!(
        "select w.merchant_id, {columns} from bank_run_items i
         join withdrawals w on w.merchant_id = i.merchant_id and w.withdrawal_no = i.withdrawal_no
         where i.run_no = ? order by i.merchant_id, i.withdrawal_no"
    );
    let rows = fetch(db, &sql, &[Text(run_no.as_str())]).await?;
    let item = |row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(RunItem { merchant: fields.of(), withdrawal: fields.withdrawal()? })
    };
    rows.iter().map(item).collect()
}

/// Withdrawals by hand that may go out and are in no run, of one merchant or of all, after one of them, oldest first, at most so
/// many. Merchants with nothing in transit are passed over by their heads, so no index over all withdrawals is needed.
pub(crate) async fn waiting(
    db: &Pool,
    of: Option<MerchantId>,
    after: Option<Waiting>,
    limit: u32,
) -> Result<Vec<Waiting>, ReadError> {
    let dialect = db.dialect();
    let only = if of.is_some() { "and h.merchant_id = ?" } else { "" };
    let sql = format!(
        "select w.merchant_id, w.withdrawal_no, w.requested_ms, w.requested_seq
         from heads h cross join withdrawals w {}
         where h.in_transit_fen > 0 {only} and w.merchant_id = h.merchant_id and w.status = 'requested' and w.method = 'manual'
         and {} order by w.requested_ms, w.merchant_id, w.requested_seq limit ?",
        dialect.along("withdrawals_by_status"),
        dialect.after(&["w.requested_ms", "w.merchant_id", "w.requested_seq"]),
    );
    let (ms, id, seq) = match &after {
        Some(last) => {
            let seq = i64::try_from(last.requested_seq.0).unwrap_or(i64::MAX);
            (last.requested_at.ms(), last.merchant.as_str(), seq)
        }
        None => (i64::MIN, "", 0),
    };
    let mut values: Vec<Value<'_>> = of.iter().map(|of| Text(of.as_str())).collect();
    values.extend(dialect.place(vec![Integer(ms), Text(id), Integer(seq)]));
    values.push(Integer(limit.into()));
    let rows = fetch(db, &sql, &values).await?;
    let found = |row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(Waiting {
            merchant: fields.of(),
            withdrawal_no: fields.text()?,
            requested_at: fields.at()?,
            requested_seq: fields.seq()?,
        })
    };
    rows.iter().map(found).collect()
}

/// Says that a run is finished.
pub(crate) const FINISH: &str = "update bank_runs set state = 'made' where run_no = ?";
