-- The journal, the tables that people query, and one head row a merchant. Amounts in fen, times in milliseconds since
-- 1970-01-01T00:00:00Z, days since 1970-01-01. Every key leads with merchant_id. A check proves what a rule decides.

create table journal (
    merchant_id text not null collate binary,
    seq integer not null check (seq > 0),
    hash blob not null check (length(hash) = 32),
    event blob not null,
    primary key (merchant_id, seq)
) strict, without rowid;

create table heads (
    merchant_id text not null collate binary primary key check (length(merchant_id) between 1 and 12),
    format integer not null,
    seq integer not null check (seq > 0),
    hash blob not null check (length(hash) = 32),
    at_ms integer not null,
    registered_ms integer not null,
    paid_orders integer not null check (paid_orders >= 0),
    paid_fen integer not null check (paid_fen >= 0),
    refunded_fen integer not null check (refunded_fen >= 0),
    fee_fen integer not null check (fee_fen >= 0),
    pending_fen integer not null check (pending_fen >= 0),
    available_fen integer not null,
    in_transit_fen integer not null check (in_transit_fen >= 0),
    withdrawn_fen integer not null check (withdrawn_fen >= 0),
    kept blob not null,
    constraint conserved check (
        paid_fen - refunded_fen - fee_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
    )
) strict, without rowid;

create index heads_by_registration on heads (registered_ms, merchant_id);

create table orders (
    merchant_id text not null collate binary,
    order_no text not null collate binary check (length(order_no) between 4 and 19),
    amount_fen integer not null check (amount_fen between 1 and 1000000000),
    description text not null,
    channel blob not null,
    status text not null check (status in ('open', 'paid', 'closed')),
    opened_ms integer not null,
    opened_seq integer not null,
    expires_ms integer not null,
    prepay_id text,
    prepaid_ms integer,
    closed_ms integer,
    paid_seq integer check (paid_seq > 0),
    transaction_id text collate binary,
    paid_ms integer,
    booked_fen integer check (booked_fen between 0 and amount_fen),
    fee_fen integer check (fee_fen between 0 and booked_fen),
    settle_on integer,
    refunded_fen integer not null default 0 check (refunded_fen between 0 and amount_fen),
    primary key (merchant_id, order_no),
    constraint paid_is_whole check (
        (status = 'paid') = (paid_seq is not null)
        and (paid_seq is null) = (transaction_id is null)
        and (paid_seq is null) = (paid_ms is null)
        and (paid_seq is null) = (booked_fen is null)
        and (paid_seq is null) = (fee_fen is null)
    ),
    constraint closed_is_dated check (status <> 'closed' or closed_ms is not null)
) strict, without rowid;

create unique index one_order_per_transaction on orders (merchant_id, transaction_id) where transaction_id is not null;
create unique index one_order_per_paid_seq on orders (merchant_id, paid_seq) where paid_seq is not null;
create unique index orders_by_opening on orders (merchant_id, opened_seq);

create table settlements (
    merchant_id text not null collate binary,
    settlement_no text not null collate binary check (length(settlement_no) between 4 and 19),
    seq integer not null,
    at_ms integer not null,
    through integer not null,
    include_not_due integer not null check (include_not_due in (0, 1)),
    orders integer not null check (orders > 0),
    gross_fen integer not null check (gross_fen >= 0),
    refunded_fen integer not null check (refunded_fen >= 0),
    fee_fen integer not null check (fee_fen >= 0),
    first_paid_seq integer not null check (first_paid_seq > 0),
    last_paid_seq integer not null check (last_paid_seq >= first_paid_seq),
    primary key (merchant_id, settlement_no),
    constraint net_is_not_negative check (gross_fen >= refunded_fen + fee_fen)
) strict, without rowid;

create unique index settlements_by_seq on settlements (merchant_id, seq);
create index settlements_by_last_paid on settlements (merchant_id, last_paid_seq);

create table withdrawals (
    merchant_id text not null collate binary,
    withdrawal_no text not null collate binary check (length(withdrawal_no) between 4 and 15),
    amount_fen integer not null check (amount_fen > 0),
    asked_fen integer check (asked_fen is null or asked_fen = amount_fen),
    settle_first integer not null check (settle_first in (0, 1)),
    method text not null check (method in ('wechat', 'manual')),
    payout_openid text,
    payout_name text,
    status text not null check (
        status in (
            'awaiting_approval', 'requested', 'sending', 'awaiting_payee', 'unknown', 'succeeded', 'failed', 'rejected'
        )
    ),
    reason text,
    reference text,
    requested_ms integer not null,
    requested_seq integer not null,
    day integer not null,
    asked_by text not null,
    approved_by text check (approved_by <> asked_by),
    settlement_no text collate binary,
    primary key (merchant_id, withdrawal_no),
    constraint succeeded_has_a_reference check (status <> 'succeeded' or reference is not null)
) strict, without rowid;

create unique index withdrawals_by_request on withdrawals (merchant_id, requested_seq);

create table idempotency (
    merchant_id text not null collate binary,
    route text not null check (route in ('orders', 'settlements', 'withdrawals')),
    idempotency_key text not null collate binary check (length(idempotency_key) between 1 and 64),
    number text not null collate binary,
    primary key (merchant_id, route, idempotency_key)
) strict, without rowid;

create table cases (
    merchant_id text not null collate binary,
    case_id text not null collate binary,
    kind text not null,
    opened_ms integer not null,
    opened_seq integer not null,
    order_no text not null collate binary,
    transaction_id text not null collate binary,
    amount_fen integer not null check (amount_fen >= 0),
    expected_fen integer,
    paid_ms integer not null,
    primary key (merchant_id, case_id)
) strict, without rowid;

create index cases_by_opening on cases (opened_ms, merchant_id, opened_seq);
