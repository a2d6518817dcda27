-- The journal, the tables that people query, and one head row a merchant. Amounts in fen, times in milliseconds since
-- 1970-01-01T00:00:00Z, days since 1970-01-01. Every key leads with merchant_id. A check proves what a rule decides. Names
-- and numbers are compared byte by byte, whatever the database's own collation.

create table journal (
    merchant_id text collate "C" not null,
    seq bigint not null check (seq > 0),
    hash bytea not null check (length(hash) = 32),
    event bytea not null,
    primary key (merchant_id, seq)
);

-- Each commit changes a head and none of what is indexed: with room in its page, a new version needs no entry in an index.
create table heads (
    merchant_id text collate "C" not null primary key check (length(merchant_id) between 1 and 12),
    format bigint not null,
    seq bigint not null check (seq > 0),
    hash bytea not null check (length(hash) = 32),
    at_ms bigint not null,
    registered_ms bigint not null,
    paid_orders bigint not null check (paid_orders >= 0),
    paid_fen bigint not null check (paid_fen >= 0),
    refunded_fen bigint not null check (refunded_fen >= 0),
    fee_fen bigint not null check (fee_fen >= 0),
    pending_fen bigint not null check (pending_fen >= 0),
    available_fen bigint not null,
    in_transit_fen bigint not null check (in_transit_fen >= 0),
    withdrawn_fen bigint not null check (withdrawn_fen >= 0),
    kept bytea not null,
    constraint conserved check (
        paid_fen - refunded_fen - fee_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
    )
) with (fillfactor = 50);

create index heads_by_registration on heads (registered_ms, merchant_id);

create table orders (
    merchant_id text collate "C" not null,
    order_no text collate "C" not null check (length(order_no) between 4 and 19),
    amount_fen bigint not null check (amount_fen between 1 and 1000000000),
    description text not null,
    channel bytea not null,
    status text collate "C" not null check (status in ('open', 'paid', 'closed')),
    opened_ms bigint not null,
    opened_seq bigint not null,
    expires_ms bigint not null,
    prepay_id text,
    prepaid_ms bigint,
    closing_ms bigint,
    closed_ms bigint,
    paid_seq bigint check (paid_seq > 0),
    transaction_id text collate "C",
    paid_ms bigint,
    booked_fen bigint constraint orders_booked_fen_check check (booked_fen between 0 and amount_fen),
    fee_fen bigint constraint orders_fee_fen_check check (fee_fen between 0 and booked_fen),
    settle_on bigint,
    refunded_fen bigint not null default 0 constraint orders_refunded_fen_check check (refunded_fen between 0 and amount_fen),
    primary key (merchant_id, order_no),
    constraint paid_is_whole check (
        (status = 'paid') = (paid_seq is not null)
        and (paid_seq is null) = (transaction_id is null)
        and (paid_seq is null) = (paid_ms is null)
        and (paid_seq is null) = (booked_fen is null)
        and (paid_seq is null) = (fee_fen is null)
    ),
    constraint closed_is_dated check (status <> 'closed' or closed_ms is not null)
);

create unique index one_order_per_transaction on orders (merchant_id, transaction_id) where transaction_id is not null;
create unique index one_order_per_paid_seq on orders (merchant_id, paid_seq) where paid_seq is not null;

-- What the lists walk along, so that none scans a table. An open order's entry lives only until it is paid or closed.
create unique index orders_by_opening on orders (merchant_id, opened_seq);
create index orders_open on orders (merchant_id, opened_seq) where status = 'open';
create index orders_closed on orders (merchant_id, opened_seq) where status = 'closed';

-- What the sweeper walks along. A channel's first byte is 0 for external orders, which WeChat is not asked about.
create index orders_waiting on orders (opened_ms, merchant_id, opened_seq) where status = 'open' and channel >= '\x01';

create table settlements (
    merchant_id text collate "C" not null,
    settlement_no text collate "C" not null check (length(settlement_no) between 4 and 19),
    seq bigint not null,
    at_ms bigint not null,
    through bigint not null,
    include_not_due bigint not null check (include_not_due in (0, 1)),
    orders bigint not null check (orders > 0),
    gross_fen bigint not null check (gross_fen >= 0),
    refunded_fen bigint not null check (refunded_fen >= 0),
    fee_fen bigint not null check (fee_fen >= 0),
    first_paid_seq bigint not null check (first_paid_seq > 0),
    last_paid_seq bigint not null constraint settlements_last_paid_seq_check check (last_paid_seq >= first_paid_seq),
    primary key (merchant_id, settlement_no),
    constraint net_is_not_negative check (gross_fen >= refunded_fen + fee_fen)
);

create unique index settlements_by_seq on settlements (merchant_id, seq);

-- An order's settlement is the first by seq that covers it, made after the order was opened. This index alone answers
-- that, and stops at the first hit.
create index settlements_in_order on settlements (merchant_id, seq, last_paid_seq, through);

create table withdrawals (
    merchant_id text collate "C" not null,
    withdrawal_no text collate "C" not null check (length(withdrawal_no) between 4 and 15),
    amount_fen bigint not null check (amount_fen > 0),
    asked_fen bigint constraint withdrawals_asked_fen_check check (asked_fen is null or asked_fen = amount_fen),
    settle_first bigint not null check (settle_first in (0, 1)),
    method text collate "C" not null check (method in ('wechat', 'manual')),
    payout_openid text,
    payout_name text,
    status text collate "C" not null check (
        status in (
            'awaiting_approval', 'requested', 'sending', 'awaiting_payee', 'unknown', 'succeeded', 'failed', 'rejected'
        )
    ),
    reason text,
    reference text,
    requested_ms bigint not null,
    requested_seq bigint not null,
    tried_ms bigint,
    day bigint not null,
    asked_by text collate "C" not null,
    approved_by text collate "C" constraint withdrawals_approved_by_check check (approved_by <> asked_by),
    settlement_no text collate "C",
    primary key (merchant_id, withdrawal_no),
    constraint succeeded_has_a_reference check (status <> 'succeeded' or reference is not null)
);

create unique index withdrawals_by_request on withdrawals (merchant_id, requested_seq);
create index withdrawals_by_status on withdrawals (merchant_id, status, requested_seq);

-- What the payer walks along.
create index withdrawals_under_way on withdrawals (requested_ms, merchant_id, requested_seq)
    where method = 'wechat' and status in ('requested', 'sending', 'unknown');

create table idempotency (
    merchant_id text collate "C" not null,
    route text collate "C" not null check (route in ('orders', 'settlements', 'withdrawals')),
    idempotency_key text collate "C" not null check (length(idempotency_key) between 1 and 64),
    number text collate "C" not null,
    primary key (merchant_id, route, idempotency_key)
);

create table cases (
    merchant_id text collate "C" not null,
    case_id text collate "C" not null,
    kind text collate "C" not null,
    opened_ms bigint not null,
    opened_seq bigint not null,
    order_no text collate "C" not null,
    transaction_id text collate "C" not null,
    amount_fen bigint not null check (amount_fen >= 0),
    expected_fen bigint,
    paid_ms bigint not null,
    primary key (merchant_id, case_id)
);

create index cases_by_opening on cases (opened_ms, merchant_id, opened_seq);
create index cases_by_merchant on cases (merchant_id, opened_ms, opened_seq);
create index cases_by_kind on cases (kind, opened_ms, merchant_id, opened_seq);

-- Heads as they were, a few in a million events, so that a point of the past is found without folding a journal from its
-- first event. A copy of what the fold leads to: a row may be lost without loss. The columns are those of heads, whose
-- checks prove what is copied here.
create table checkpoints (
    merchant_id text collate "C" not null,
    format bigint not null,
    seq bigint not null check (seq > 0),
    hash bytea not null check (length(hash) = 32),
    at_ms bigint not null,
    registered_ms bigint not null,
    paid_orders bigint not null,
    paid_fen bigint not null,
    refunded_fen bigint not null,
    fee_fen bigint not null,
    pending_fen bigint not null,
    available_fen bigint not null,
    in_transit_fen bigint not null,
    withdrawn_fen bigint not null,
    kept bytea not null,
    primary key (merchant_id, seq)
);

create index checkpoints_by_time on checkpoints (merchant_id, at_ms, seq);

-- Which process does a merchant's background work, until when. It spares calls to WeChat; nothing rests on it.
create table claims (
    merchant_id text collate "C" not null,
    work text collate "C" not null,
    holder text collate "C" not null,
    until_ms bigint not null,
    primary key (merchant_id, work)
);

-- Who may call /v1. Keys are not facts about money, so they stand outside of the journal. Only a hash of each is kept.
create table keys (
    key_id text collate "C" not null primary key,
    key_hash bytea not null unique check (length(key_hash) = 32),
    merchant_id text collate "C", -- null: an admin's
    name text not null,
    created_ms bigint not null
);

create index keys_by_merchant on keys (merchant_id, created_ms);

-- What customers handed over about themselves in the mini-program. No facts about money, so outside of the journal.
create table profiles (
    openid text collate "C" not null primary key check (length(openid) between 1 and 128),
    profile text not null check (profile::json is not null), -- what is no JSON fails the cast
    stored_ms bigint not null
);
