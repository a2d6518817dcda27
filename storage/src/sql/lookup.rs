//! Lookups: the records that keys name, with one statement a kind of key for a whole round.

use tally_actors::domain::books::{Key, Numbered, Record, Route};
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{ReadError, RecordRead};

use super::db::{Db, Pool};
use super::row::Row;
use super::rows::{self, Fields};
use super::statement::{Shape, Statement, Type};
use super::value::Value::{Integer, Text};
use super::value::Values;

/// The kinds of keys, each with its statement. Rows are the key's place in the round, the merchant, and the key's parts.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Idempotency,
    Order,
    Transaction,
    Settlement,
    Withdrawal,
    Case,
    Refund,
    InRun,
    Held,
    Adjustment,
}

use Type::{Integer as Number, Text as Word};

static IDEMPOTENCY: Statement = Statement::new(
    Shape::Select {
        columns: "number",
        table: "idempotency",
        along: None,
        on: "merchant_id = v.column2 and route = v.column3 and idempotency_key = v.column4",
        lock: false,
    },
    &[Number, Word, Word, Word],
);

static ORDER: Statement =
    by_number(rows::ORDER, "orders", None, "merchant_id = v.column2 and order_no = v.column3");

static TRANSACTION: Statement = by_number(
    "order_no",
    "orders",
    Some("one_order_per_transaction"),
    "merchant_id = v.column2 and transaction_id = v.column3",
);

static SETTLEMENT: Statement = by_number(
    rows::SETTLEMENT,
    "settlements",
    None,
    "merchant_id = v.column2 and settlement_no = v.column3",
);

static WITHDRAWAL: Statement = by_number(
    rows::WITHDRAWAL,
    "withdrawals",
    None,
    "merchant_id = v.column2 and withdrawal_no = v.column3",
);

static CASE: Statement =
    by_number(rows::CASE, "cases", None, "merchant_id = v.column2 and case_id = v.column3");

static REFUND: Statement =
    by_number(rows::REFUND, "refunds", None, "merchant_id = v.column2 and refund_no = v.column3");
static IN_RUN: Statement = by_number(
    "run_no",
    "bank_run_items",
    None,
    "merchant_id = v.column2 and withdrawal_no = v.column3",
);

static HELD: Statement = by_number(
    "case_id",
    "cases",
    Some("cases_in_suspense"),
    "merchant_id = v.column2 and transaction_id = v.column3 and suspense is not null and not exists (
        select 1 from cases later where later.merchant_id = cases.merchant_id
        and later.transaction_id = cases.transaction_id and later.suspense is not null and later.opened_seq > cases.opened_seq)",
);

static ADJUSTMENT: Statement = by_number(
    rows::ADJUSTMENT,
    "adjustments",
    None,
    "merchant_id = v.column2 and adjustment_no = v.column3",
);

const fn by_number(
    columns: &'static str,
    table: &'static str,
    along: Option<&'static str>,
    on: &'static str,
) -> Statement {
    Statement::new(Shape::Select { columns, table, along, on, lock: false }, &[Number, Word, Word])
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Idempotency,
        Self::Order,
        Self::Transaction,
        Self::Settlement,
        Self::Withdrawal,
        Self::Case,
        Self::Refund,
        Self::InRun,
        Self::Held,
        Self::Adjustment,
    ];

    fn statement(self) -> &'static Statement {
        match self {
            Self::Idempotency => &IDEMPOTENCY,
            Self::Order => &ORDER,
            Self::Transaction => &TRANSACTION,
            Self::Settlement => &SETTLEMENT,
            Self::Withdrawal => &WITHDRAWAL,
            Self::Case => &CASE,
            Self::Refund => &REFUND,
            Self::InRun => &IN_RUN,
            Self::Held => &HELD,
            Self::Adjustment => &ADJUSTMENT,
        }
    }

    /// The kind of a key, and its parts.
    fn of(key: &Key) -> (Self, [Option<&str>; 2]) {
        match key {
            Key::Idempotency(route, key) => {
                (Self::Idempotency, [Some(route.as_str()), Some(key.as_str())])
            }
            Key::Order(order_no) => (Self::Order, [Some(order_no.as_str()), None]),
            Key::Transaction(id) => (Self::Transaction, [Some(id.as_str()), None]),
            Key::Held(id) => (Self::Held, [Some(id.as_str()), None]),
            Key::Adjustment(number) => (Self::Adjustment, [Some(number.as_str()), None]),
            Key::Settlement(number) => (Self::Settlement, [Some(number.as_str()), None]),
            Key::Withdrawal(number) => (Self::Withdrawal, [Some(number.as_str()), None]),
            Key::Refund(number) => (Self::Refund, [Some(number.as_str()), None]),
            Key::Case(case_id) => (Self::Case, [Some(case_id.as_str()), None]),
            Key::InRun(number) => (Self::InRun, [Some(number.as_str()), None]),
        }
    }
}

/// The records that keys name, in the order asked. A row that can't be read is an error of its own key alone.
pub(crate) async fn lookup(
    db: &Pool,
    keys: Vec<(MerchantId, Key)>,
) -> Result<Vec<RecordRead>, ReadError> {
    let read = async { read(&mut db.acquire().await?.db(), &keys).await };
    read.await.map_err(|error| db.dialect().meaning(&error).read_error())
}

async fn read(db: &mut Db<'_>, keys: &[(MerchantId, Key)]) -> Result<Vec<RecordRead>, sqlx::Error> {
    let mut asked: [Vec<Values<'_>>; Kind::ALL.len()] = Default::default();
    for ((merchant, key), place) in keys.iter().zip(0..) {
        let (kind, parts) = Kind::of(key);
        let mut values = vec![Integer(place), Text(merchant.as_str())];
        values.extend(parts.into_iter().flatten().map(Text));
        asked[kind as usize].push(values);
    }
    let mut records = vec![Ok(None); keys.len()];
    for kind in Kind::ALL {
        let rows = &mut asked[kind as usize];
        rows.sort_by(|one, other| one[1..].cmp(&other[1..]));
        for row in kind.statement().read(db, rows).await? {
            let place = row.get::<i64>(0).and_then(|place| usize::try_from(place).ok());
            let place = place.expect("it is a place in keys");
            let (merchant, key) = &keys[place];
            records[place] = record(&row, *merchant, key).map(Some);
        }
    }
    Ok(records)
}

fn record(row: &Row, of: MerchantId, key: &Key) -> Result<Record, ReadError> {
    let mut fields = Fields::new(row, of);
    fields.take::<i64>()?;
    Ok(match key {
        Key::Idempotency(route, _) => Record::Number(match route {
            Route::Adjustments => Numbered::Adjustment(fields.text()?),
            Route::Orders => Numbered::Order(fields.text()?),
            Route::Settlements => Numbered::Settlement(fields.text()?),
            Route::Withdrawals => Numbered::Withdrawal(fields.text()?),
            Route::Refunds => Numbered::Refund(fields.text()?),
        }),
        Key::Order(_) => Record::Order(Box::new(fields.order()?)),
        Key::Transaction(_) => Record::Transaction(fields.text()?),
        Key::Settlement(_) => Record::Settlement(Box::new(fields.settlement()?)),
        Key::Withdrawal(_) => Record::Withdrawal(Box::new(fields.withdrawal()?)),
        Key::Refund(_) => Record::Refund(Box::new(fields.refund()?)),
        Key::Case(_) => Record::Case(Box::new(fields.case()?)),
        Key::InRun(_) => Record::InRun(fields.text()?),
        Key::Held(_) => Record::Held(fields.text()?),
        Key::Adjustment(_) => Record::Adjustment(Box::new(fields.adjustment()?)),
    })
}

/// All statements of this file, for a test of their plans.
#[cfg(test)]
pub(crate) fn statements() -> [&'static Statement; Kind::ALL.len()] {
    Kind::ALL.map(Kind::statement)
}
