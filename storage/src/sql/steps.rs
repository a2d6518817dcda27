//! The statements of a commit, in the order in which they are executed. Few: each writes the rows of a whole batch.

use super::statement::{Shape, Statement, Type};

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
    /// Refunds that were requested or heard of.
    RefundBegun,
    /// Refunds that went on.
    RefundMoved,
    /// What of orders is refunded.
    OrderRefunded,
    /// Numbers made for callers' keys.
    Numbered,
    /// Cases.
    Case,
    /// Cases about which a person decided.
    Resolved,
    /// Withdrawals that were put in a bank run: plain inserts, as each is in one run for ever.
    InRun,
    /// Cases whose money left suspense.
    Released,
    /// Adjustments that were asked for.
    AdjustmentRequested,
    /// Adjustments that were decided.
    AdjustmentDecided,
    /// Where each merchant now stands.
    Head,
    /// The same, kept for good once in a while. Written over what may stand there: a cache must not refuse a payment.
    Checkpoint,
}

use Type::{Bytes, Integer, Text};

static JOURNAL: Statement = Statement::new(
    Shape::Insert { table: "journal", columns: "merchant_id, seq, hash, event" },
    &[Text, Integer, Bytes, Bytes],
);

static OPENED: Statement = Statement::new(
    Shape::Insert {
        table: "orders",
        columns: "merchant_id, order_no, amount_fen, description, channel, status, opened_ms, opened_seq, expires_ms",
    },
    &[Text, Text, Integer, Text, Bytes, Text, Integer, Integer, Integer],
);

/// The order that a row names.
macro_rules! order {
    ($more:literal) => {
        concat!("merchant_id = v.column1 and order_no = v.column2", $more)
    };
}

static PREPAID: Statement = Statement::new(
    Shape::Update {
        table: "orders",
        set: "prepay_id = v.column3, prepaid_ms = v.column4",
        on: order!(""),
    },
    &[Text, Text, Text, Integer],
);

static CLOSING: Statement = Statement::new(
    Shape::Update {
        table: "orders",
        set: "closing_ms = v.column3",
        on: order!(" and status = 'open'"),
    },
    &[Text, Text, Integer],
);

static CLOSED: Statement = Statement::new(
    Shape::Update {
        table: "orders",
        set: "status = 'closed', closed_ms = v.column3",
        on: order!(" and status = 'open'"),
    },
    &[Text, Text, Integer],
);

static PAID: Statement = Statement::new(
    Shape::Update {
        table: "orders",
        set: "status = 'paid', paid_seq = v.column3, transaction_id = v.column4, paid_ms = v.column5, \
            booked_fen = v.column6, fee_fen = v.column7, settle_on = v.column8, fee_bp = v.column9",
        on: order!(" and paid_seq is null"),
    },
    &[Text, Text, Integer, Text, Integer, Integer, Integer, Integer, Integer],
);

static SETTLED: Statement = Statement::new(
    Shape::Insert {
        table: "settlements",
        columns: "merchant_id, settlement_no, seq, at_ms, through, include_not_due, orders, gross_fen, refunded_fen, \
            fee_fen, first_paid_seq, last_paid_seq",
    },
    &[
        Text, Text, Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer,
        Integer, Integer,
    ],
);

static REQUESTED: Statement = Statement::new(
    Shape::Insert {
        table: "withdrawals",
        columns: "merchant_id, withdrawal_no, amount_fen, asked_fen, settle_first, method, payout_openid, payout_name, \
            status, requested_ms, requested_seq, day, asked_by, settlement_no",
    },
    &[
        Text, Text, Integer, Integer, Integer, Text, Text, Text, Text, Integer, Integer, Integer,
        Text, Text,
    ],
);

static MOVED: Statement = Statement::new(
    Shape::Update {
        table: "withdrawals",
        set: "status = v.column3, reason = case v.column5 when 1 then v.column6 else reason end, \
            reference = coalesce(v.column7, reference), approved_by = coalesce(v.column8, approved_by), \
            tried_ms = coalesce(v.column9, tried_ms)",
        on: "merchant_id = v.column1 and withdrawal_no = v.column2 \
            and status not in ('succeeded', 'failed', 'rejected') and amount_fen = coalesce(v.column4, amount_fen)",
    },
    &[Text, Text, Text, Integer, Integer, Text, Text, Text, Integer],
);

static REFUND_BEGUN: Statement = Statement::new(
    Shape::Insert {
        table: "refunds",
        columns: "merchant_id, refund_no, order_no, amount_fen, booked_fen, fee_fen, source, source_day, transaction_id, \
            total_fen, reason, asked_by, status, why, refund_id, by_hand, requested_ms, requested_seq",
    },
    &[
        Text, Text, Text, Integer, Integer, Integer, Text, Integer, Text, Integer, Text, Text,
        Text, Text, Text, Text, Integer, Integer,
    ],
);

static REFUND_MOVED: Statement = Statement::new(
    Shape::Update {
        table: "refunds",
        set: "status = v.column3, why = case v.column4 when 1 then v.column5 else why end, \
            refund_id = coalesce(v.column6, refund_id), amount_fen = coalesce(v.column7, amount_fen), \
            booked_fen = coalesce(v.column8, booked_fen), fee_fen = coalesce(v.column9, fee_fen), \
            source_day = case when v.column10 is null then source_day else v.column11 end, \
            source = coalesce(v.column10, source), tried_ms = coalesce(v.column12, tried_ms)",
        on: "merchant_id = v.column1 and refund_no = v.column2 and status not in ('succeeded', 'failed')",
    },
    &[Text, Text, Text, Integer, Text, Text, Integer, Integer, Integer, Text, Integer, Integer],
);

/// The sums are added to inside the fence, so that events need not repeat what the order has; the schema bounds them.
static ORDER_REFUNDED: Statement = Statement::new(
    Shape::Update {
        table: "orders",
        set: "refunded_fen = refunded_fen + v.column3, refunded_booked_fen = refunded_booked_fen + v.column4, \
            refund_sent_ms = coalesce(v.column5, refund_sent_ms), pending_change_fen = pending_change_fen + v.column6",
        on: order!(" and (status = 'paid' or (v.column3 = 0 and v.column4 = 0 and v.column6 = 0))"),
    },
    &[Text, Text, Integer, Integer, Integer, Integer],
);

static NUMBERED: Statement = Statement::new(
    Shape::Insert { table: "idempotency", columns: "merchant_id, route, idempotency_key, number" },
    &[Text, Text, Text, Text],
);

static CASE: Statement = Statement::new(
    Shape::Insert {
        table: "cases",
        columns: "merchant_id, case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, expected_fen, \
            paid_ms, facts, suspense, booked_fen",
    },
    &[
        Text, Text, Text, Integer, Integer, Text, Text, Integer, Integer, Integer, Text, Text,
        Integer,
    ],
);

static RESOLVED: Statement = Statement::new(
    Shape::Update {
        table: "cases",
        set: "status = 'resolved', resolved_ms = v.column3, resolved_by = v.column4, note = v.column5, \
            remedy = v.column6, suspense = case v.column6 when 'refund' then 'released' else suspense end",
        on: "merchant_id = v.column1 and case_id = v.column2 and status = 'open'",
    },
    &[Text, Text, Integer, Text, Text, Text],
);
static IN_RUN: Statement = Statement::new(
    Shape::Insert { table: "bank_run_items", columns: "merchant_id, withdrawal_no, run_no" },
    &[Text, Text, Text],
);

static RELEASED: Statement = Statement::new(
    Shape::Update {
        table: "cases",
        set: "suspense = 'released'",
        on: "merchant_id = v.column1 and case_id = v.column2 and suspense = 'held'",
    },
    &[Text, Text],
);

static ADJUSTMENT_REQUESTED: Statement = Statement::new(
    Shape::Insert {
        table: "adjustments",
        columns: "merchant_id, adjustment_no, amount_fen, reason, asked_by, status, requested_ms, requested_seq",
    },
    &[Text, Text, Integer, Text, Text, Text, Integer, Integer],
);

static ADJUSTMENT_DECIDED: Statement = Statement::new(
    Shape::Update {
        table: "adjustments",
        set: "status = v.column3, decided_ms = v.column4, decided_by = v.column5, decision = v.column6",
        on: "merchant_id = v.column1 and adjustment_no = v.column2 and status = 'requested'",
    },
    &[Text, Text, Text, Integer, Text, Text],
);

/// The columns of heads and of checkpoints.
const HEAD_COLUMNS: &str = "merchant_id, format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, refunded_fen, \
    fee_fen, pending_fen, available_fen, in_transit_fen, withdrawn_fen, suspense_fen, suspended_fen, credited_fen, \
    adjusted_fen, kept";

const HEAD_TYPES: &[Type] = &[
    Text, Integer, Integer, Bytes, Integer, Integer, Integer, Integer, Integer, Integer, Integer,
    Integer, Integer, Integer, Integer, Integer, Integer, Integer, Bytes,
];

static HEAD: Statement = Statement::new(
    Shape::Upsert {
        table: "heads",
        columns: HEAD_COLUMNS,
        key: "merchant_id",
        changes: &[
            "format",
            "seq",
            "hash",
            "at_ms",
            "paid_orders",
            "paid_fen",
            "refunded_fen",
            "fee_fen",
            "pending_fen",
            "available_fen",
            "in_transit_fen",
            "withdrawn_fen",
            "suspense_fen",
            "suspended_fen",
            "credited_fen",
            "adjusted_fen",
            "kept",
        ],
    },
    HEAD_TYPES,
);

static CHECKPOINT: Statement = Statement::new(
    Shape::Upsert {
        table: "checkpoints",
        columns: HEAD_COLUMNS,
        key: "merchant_id, seq",
        changes: &[
            "format",
            "hash",
            "at_ms",
            "registered_ms",
            "paid_orders",
            "paid_fen",
            "refunded_fen",
            "fee_fen",
            "pending_fen",
            "available_fen",
            "in_transit_fen",
            "withdrawn_fen",
            "suspense_fen",
            "suspended_fen",
            "credited_fen",
            "adjusted_fen",
            "kept",
        ],
    },
    HEAD_TYPES,
);

impl Step {
    /// All, in their order.
    pub(crate) const ALL: [Self; 21] = [
        Self::Journal,
        Self::Opened,
        Self::Prepaid,
        Self::Closing,
        Self::Closed,
        Self::Paid,
        Self::Settled,
        Self::Requested,
        Self::Moved,
        Self::RefundBegun,
        Self::RefundMoved,
        Self::OrderRefunded,
        Self::Numbered,
        Self::Case,
        Self::Resolved,
        Self::InRun,
        Self::Released,
        Self::AdjustmentRequested,
        Self::AdjustmentDecided,
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
            Self::RefundBegun => &REFUND_BEGUN,
            Self::RefundMoved => &REFUND_MOVED,
            Self::OrderRefunded => &ORDER_REFUNDED,
            Self::Numbered => &NUMBERED,
            Self::Case => &CASE,
            Self::Resolved => &RESOLVED,
            Self::InRun => &IN_RUN,
            Self::Released => &RELEASED,
            Self::AdjustmentRequested => &ADJUSTMENT_REQUESTED,
            Self::AdjustmentDecided => &ADJUSTMENT_DECIDED,
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
            Self::Resolved => "case_is_open",
            Self::Released => "case_holds_money",
            Self::AdjustmentDecided => "adjustment_is_requested",
            Self::RefundMoved => "refund_is_under_way",
            Self::OrderRefunded => "order_is_paid",
            Self::Journal
            | Self::Opened
            | Self::Settled
            | Self::Requested
            | Self::RefundBegun
            | Self::Numbered
            | Self::Case
            | Self::InRun
            | Self::AdjustmentRequested
            | Self::Head
            | Self::Checkpoint => "inserted_once",
        }
    }
}
