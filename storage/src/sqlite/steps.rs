//! The statements of a commit, in the order in which they are executed. Few: each writes the rows of a whole batch.

use super::statement::Statement;

/// One statement of a commit. Within a batch an order may be opened, closed and paid, so the order of the steps counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The events themselves: plain inserts, never "or ignore", never "on conflict".
    Journal,
    /// Orders that were opened.
    Opened,
    /// Orders for which WeChat gave a prepay id.
    Prepaid,
    /// Orders that are to be closed when WeChat allows it.
    Closing,
    /// Orders that were closed.
    Closed,
    /// Orders that were paid.
    Paid,
    /// Settlements.
    Settled,
    /// Withdrawals that were requested.
    Requested,
    /// Withdrawals that went on.
    Moved,
    /// Numbers made for callers' keys.
    Numbered,
    /// Cases.
    Case,
    /// Where each merchant now stands.
    Head,
    /// The same, kept for good once in a while. Written over what may stand there: a cache must not refuse a payment.
    Checkpoint,
}

static JOURNAL: Statement = Statement::new(
    "insert into journal (merchant_id, seq, hash, event) select * from (values ",
    4,
    ") where column1 is not null",
);

static OPENED: Statement = Statement::new(
    "insert into orders (merchant_id, order_no, amount_fen, description, channel, status, opened_ms, opened_seq, \
        expires_ms) select * from (values ",
    9,
    ") where column1 is not null",
);

static PREPAID: Statement = Statement::new(
    "update orders set prepay_id = v.column3, prepaid_ms = v.column4 from (values ",
    4,
    ") as v where merchant_id = v.column1 and order_no = v.column2",
);

static CLOSING: Statement = Statement::new(
    "update orders set closing_ms = v.column3 from (values ",
    3,
    ") as v where merchant_id = v.column1 and order_no = v.column2 and status = 'open'",
);

static CLOSED: Statement = Statement::new(
    "update orders set status = 'closed', closed_ms = v.column3 from (values ",
    3,
    ") as v where merchant_id = v.column1 and order_no = v.column2 and status = 'open'",
);

static PAID: Statement = Statement::new(
    "update orders set status = 'paid', paid_seq = v.column3, transaction_id = v.column4, paid_ms = v.column5, \
        booked_fen = v.column6, fee_fen = v.column7, settle_on = v.column8 from (values ",
    8,
    ") as v where merchant_id = v.column1 and order_no = v.column2 and paid_seq is null",
);

static SETTLED: Statement = Statement::new(
    "insert into settlements (merchant_id, settlement_no, seq, at_ms, through, include_not_due, orders, gross_fen, \
        refunded_fen, fee_fen, first_paid_seq, last_paid_seq) select * from (values ",
    12,
    ") where column1 is not null",
);

static REQUESTED: Statement = Statement::new(
    "insert into withdrawals (merchant_id, withdrawal_no, amount_fen, asked_fen, settle_first, method, payout_openid, \
        payout_name, status, requested_ms, requested_seq, day, asked_by, settlement_no) select * from (values ",
    14,
    ") where column1 is not null",
);

static MOVED: Statement = Statement::new(
    "update withdrawals set status = v.column3, reason = case v.column5 when 1 then v.column6 else reason end, \
        reference = coalesce(v.column7, reference), approved_by = coalesce(v.column8, approved_by), \
        tried_ms = coalesce(v.column9, tried_ms) from (values ",
    9,
    ") as v where merchant_id = v.column1 and withdrawal_no = v.column2 \
        and status not in ('succeeded', 'failed', 'rejected') and amount_fen = coalesce(v.column4, amount_fen)",
);

static NUMBERED: Statement = Statement::new(
    "insert into idempotency (merchant_id, route, idempotency_key, number) select * from (values ",
    4,
    ") where column1 is not null",
);

static CASE: Statement = Statement::new(
    "insert into cases (merchant_id, case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, \
        expected_fen, paid_ms) select * from (values ",
    10,
    ") where column1 is not null",
);

static HEAD: Statement = Statement::new(
    "insert into heads (merchant_id, format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, refunded_fen, \
        fee_fen, pending_fen, available_fen, in_transit_fen, withdrawn_fen, kept) select * from (values ",
    15,
    ") where column1 is not null on conflict (merchant_id) do update set format = excluded.format, \
        seq = excluded.seq, hash = excluded.hash, at_ms = excluded.at_ms, paid_orders = excluded.paid_orders, \
        paid_fen = excluded.paid_fen, refunded_fen = excluded.refunded_fen, fee_fen = excluded.fee_fen, \
        pending_fen = excluded.pending_fen, available_fen = excluded.available_fen, \
        in_transit_fen = excluded.in_transit_fen, withdrawn_fen = excluded.withdrawn_fen, kept = excluded.kept",
);

static CHECKPOINT: Statement = Statement::new(
    "insert or replace into checkpoints (merchant_id, format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, \
        refunded_fen, fee_fen, pending_fen, available_fen, in_transit_fen, withdrawn_fen, kept) select * from (values ",
    15,
    ") where column1 is not null",
);

impl Step {
    /// All, in their order.
    pub(crate) const ALL: [Self; 13] = [
        Self::Journal,
        Self::Opened,
        Self::Prepaid,
        Self::Closing,
        Self::Closed,
        Self::Paid,
        Self::Settled,
        Self::Requested,
        Self::Moved,
        Self::Numbered,
        Self::Case,
        Self::Head,
        Self::Checkpoint,
    ];

    /// Its place in [`Step::ALL`].
    pub(crate) const fn place(self) -> usize {
        self as usize
    }

    /// Its statement.
    pub(crate) fn statement(self) -> &'static Statement {
        match self {
            Self::Journal => &JOURNAL,
            Self::Opened => &OPENED,
            Self::Prepaid => &PREPAID,
            Self::Closing => &CLOSING,
            Self::Closed => &CLOSED,
            Self::Paid => &PAID,
            Self::Settled => &SETTLED,
            Self::Requested => &REQUESTED,
            Self::Moved => &MOVED,
            Self::Numbered => &NUMBERED,
            Self::Case => &CASE,
            Self::Head => &HEAD,
            Self::Checkpoint => &CHECKPOINT,
        }
    }

    /// What must hold so that the statement touches as many rows as it was given: a constraint that no schema can say.
    pub(crate) fn constraint(self) -> &'static str {
        match self {
            Self::Prepaid => "order_is_known",
            Self::Closing | Self::Closed => "order_is_open",
            Self::Paid => "order_is_not_paid",
            Self::Moved => "withdrawal_is_under_way",
            Self::Journal
            | Self::Opened
            | Self::Settled
            | Self::Requested
            | Self::Numbered
            | Self::Case
            | Self::Head
            | Self::Checkpoint => "inserted_once",
        }
    }
}
