//! What an audit found, in words for a person at 3 a.m.

use std::fmt;

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::replay::Flaw;

use super::columns::Value;

/// What an audit read and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Merchants audited.
    pub merchants: u64,
    /// Events read and chained.
    pub events: u64,
    /// Orders that are as the journal says.
    pub orders: u64,
    /// Settlements that are as the journal says.
    pub settlements: u64,
    /// Withdrawals that are as the journal says.
    pub withdrawals: u64,
    /// Numbers made for Idempotency-Keys that are as the journal says.
    pub idempotency: u64,
    /// Cases that are as the journal says.
    pub cases: u64,
    /// Refunds that are as the journal says.
    pub refunds: u64,
    /// Withdrawals in bank runs that are as the journal says.
    pub in_runs: u64,
    /// Adjustments.
    pub adjustments: u64,
    /// Checkpoints that are as the journal says.
    pub checkpoints: u64,
    /// The first difference of each merchant that has one.
    pub faults: Vec<Fault>,
}

impl Report {
    /// Whether the tables are what the journal says, and the journal is whole.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "read: {} merchants, {} events, {} orders, {} settlements, {} withdrawals, {} refunds, {} in bank runs, \
             {} adjustments, {} idempotency keys, {} cases, {} checkpoints",
            self.merchants,
            self.events,
            self.orders,
            self.settlements,
            self.withdrawals,
            self.refunds,
            self.in_runs,
            self.adjustments,
            self.idempotency,
            self.cases,
            self.checkpoints
        )?;
        if self.is_clean() {
            return write!(f, "clean: every journal is whole, and every row is what it says");
        }
        writeln!(f, "NOT CLEAN: {} merchants; the first difference of each:", self.faults.len())?;
        for fault in &self.faults {
            writeln!(f, "  {fault}")?;
        }
        write!(
            f,
            "nothing was changed. Keep a copy of the database, stop paying these merchants out (stop the \
             server if need be), and compare with the last backup whose audit is clean"
        )
    }
}

/// The first difference of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose; as it is stored, also where that is no merchant's id.
    pub merchant: String,
    /// The table, or `entries` for the ledger that is derived from the journal.
    pub table: &'static str,
    /// The row's key within its merchant.
    pub key: String,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A column holds something else than the journal says.
    Differs {
        /// The column.
        column: &'static str,
        /// What it holds.
        stored: String,
        /// What it should hold.
        expected: String,
    },
    /// The row should be there.
    Missing,
    /// The row should not be there.
    Extra,
    /// The row can't be what Tally wrote.
    Broken(String),
}

impl From<Flaw> for What {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Missing => Self::Missing,
            Flaw::Hash { stored, expected } => Self::Differs {
                column: "hash",
                stored: Value::Blob(stored.into()).to_string(),
                expected: expected.to_string(),
            },
            flaw @ (Flaw::Undecodable(_) | Flaw::Early(_) | Flaw::Broken(_)) => {
                Self::Broken(flaw.to_string())
            }
        }
    }
}

impl Fault {
    pub(super) fn new(of: &MerchantId, table: &'static str, key: String, what: What) -> Box<Self> {
        Box::new(Self { merchant: of.to_string(), table, key, what })
    }

    /// A row under an id that no merchant can have.
    pub(super) fn of_no_merchant(raw: &[u8], table: &'static str) -> Box<Self> {
        Box::new(Self {
            merchant: String::from_utf8_lossy(raw).escape_debug().to_string(),
            table,
            key: "merchant_id".into(),
            what: What::Broken(format!("a merchant's id {}", MerchantId::SHAPE)),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { merchant, table, key, what } = self;
        write!(f, "merchant {merchant}, {table} {key}: ")?;
        match what {
            What::Differs { column, stored, expected } => {
                write!(f, "{column} is {stored}, should be {expected}")
            }
            What::Missing => write!(f, "the row is missing"),
            What::Extra => write!(f, "the row is there, but the journal does not know it"),
            What::Broken(why) => f.write_str(why),
        }
    }
}
