-- The journal, the tables that people query, and one head row a merchant. Amounts in fen, times in milliseconds since
-- 1970-01-01T00:00:00Z, days since 1970-01-01. Every key leads with merchant_id. A check proves what a rule decides. Names
-- and numbers are compared byte by byte. This collation takes no notice of spaces at the end; so what may end in one is
-- varbinary: a text whose every byte counts.
--
-- MariaDB and MySQL end a transaction at each of these statements, so a start that is killed between two of them leaves some
-- of the tables. The next start begins anew: each statement does nothing where it was done before.

create table if not exists journal (
    merchant_id varchar(12) not null,
    seq bigint not null,
    hash binary(32) not null,
    event longblob not null,
    primary key (merchant_id, seq),
    constraint journal_seq_check check (seq > 0),
    constraint journal_hash_check check (length(hash) = 32)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

create table if not exists heads (
    merchant_id varchar(12) not null,
    format bigint not null,
    seq bigint not null,
    hash binary(32) not null,
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
    kept longblob not null,
    primary key (merchant_id),
    key heads_by_registration (registered_ms, merchant_id),
    constraint heads_merchant_id_check check (length(merchant_id) between 1 and 12),
    constraint heads_seq_check check (seq > 0),
    constraint heads_hash_check check (length(hash) = 32),
    constraint heads_paid_orders_check check (paid_orders >= 0),
    constraint heads_paid_fen_check check (paid_fen >= 0),
    constraint heads_refunded_fen_check check (refunded_fen >= 0),
    constraint heads_fee_fen_check check (fee_fen >= 0),
    constraint heads_pending_fen_check check (pending_fen >= 0),
    constraint heads_in_transit_fen_check check (in_transit_fen >= 0),
    constraint heads_withdrawn_fen_check check (withdrawn_fen >= 0),
    constraint conserved check (
        paid_fen - refunded_fen - fee_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
    )
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- There are no partial indexes here. An index over columns that may be null takes any number of nulls, also a unique one.
-- waiting_ms is what the sweeper walks along: null but for an open order of WeChat's. A channel's first byte is 0 for external
-- orders, which WeChat is not asked about.
create table if not exists orders (
    merchant_id varchar(12) not null,
    order_no varchar(19) not null,
    amount_fen bigint not null,
    description varchar(512) not null,
    channel longblob not null,
    status varchar(8) not null,
    opened_ms bigint not null,
    opened_seq bigint not null,
    expires_ms bigint not null,
    prepay_id text,
    prepaid_ms bigint,
    closing_ms bigint,
    closed_ms bigint,
    paid_seq bigint,
    transaction_id varchar(32),
    paid_ms bigint,
    booked_fen bigint,
    fee_fen bigint,
    settle_on bigint,
    refunded_fen bigint not null default 0,
    waiting_ms bigint generated always as (
        case when status = 'open' and substr(channel, 1, 1) <> x'00' then opened_ms end
    ) stored,
    primary key (merchant_id, order_no),
    unique key one_order_per_transaction (merchant_id, transaction_id),
    unique key one_order_per_paid_seq (merchant_id, paid_seq),
    unique key orders_by_opening (merchant_id, opened_seq),
    key orders_by_status (merchant_id, status, opened_seq),
    key orders_waiting (waiting_ms, merchant_id, opened_seq),
    constraint orders_order_no_check check (length(order_no) between 4 and 19),
    constraint orders_amount_fen_check check (amount_fen between 1 and 1000000000),
    constraint orders_status_check check (status in ('open', 'paid', 'closed')),
    constraint orders_paid_seq_check check (paid_seq > 0),
    constraint orders_booked_fen_check check (booked_fen between 0 and amount_fen),
    constraint orders_fee_fen_check check (fee_fen between 0 and booked_fen),
    constraint orders_refunded_fen_check check (refunded_fen between 0 and amount_fen),
    constraint paid_is_whole check (
        (status = 'paid') = (paid_seq is not null)
        and (paid_seq is null) = (transaction_id is null)
        and (paid_seq is null) = (paid_ms is null)
        and (paid_seq is null) = (booked_fen is null)
        and (paid_seq is null) = (fee_fen is null)
    ),
    constraint closed_is_dated check (status <> 'closed' or closed_ms is not null)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- An order's settlement is the first by seq that covers it, made after the order was opened. settlements_in_order alone
-- answers that, and stops at the first hit.
create table if not exists settlements (
    merchant_id varchar(12) not null,
    settlement_no varchar(19) not null,
    seq bigint not null,
    at_ms bigint not null,
    through bigint not null,
    include_not_due bigint not null,
    orders bigint not null,
    gross_fen bigint not null,
    refunded_fen bigint not null,
    fee_fen bigint not null,
    first_paid_seq bigint not null,
    last_paid_seq bigint not null,
    primary key (merchant_id, settlement_no),
    unique key settlements_by_seq (merchant_id, seq),
    key settlements_in_order (merchant_id, seq, last_paid_seq, through),
    constraint settlements_settlement_no_check check (length(settlement_no) between 4 and 19),
    constraint settlements_include_not_due_check check (include_not_due in (0, 1)),
    constraint settlements_orders_check check (orders > 0),
    constraint settlements_gross_fen_check check (gross_fen >= 0),
    constraint settlements_refunded_fen_check check (refunded_fen >= 0),
    constraint settlements_fee_fen_check check (fee_fen >= 0),
    constraint settlements_first_paid_seq_check check (first_paid_seq > 0),
    constraint settlements_last_paid_seq_check check (last_paid_seq >= first_paid_seq),
    constraint net_is_not_negative check (gross_fen >= refunded_fen + fee_fen)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- under_way_ms is what the payer walks along: null but while a withdrawal by WeChat may go out and is not certain.
create table if not exists withdrawals (
    merchant_id varchar(12) not null,
    withdrawal_no varchar(15) not null,
    amount_fen bigint not null,
    asked_fen bigint,
    settle_first bigint not null,
    method varchar(8) not null,
    payout_openid varchar(128),
    payout_name varchar(64),
    status varchar(20) not null,
    reason text,
    reference text,
    requested_ms bigint not null,
    requested_seq bigint not null,
    tried_ms bigint,
    day bigint not null,
    asked_by varbinary(24) not null,
    approved_by varbinary(24),
    settlement_no varchar(19),
    under_way_ms bigint generated always as (
        case when method = 'wechat' and status in ('requested', 'sending', 'unknown') then requested_ms end
    ) stored,
    primary key (merchant_id, withdrawal_no),
    unique key withdrawals_by_request (merchant_id, requested_seq),
    key withdrawals_by_status (merchant_id, status, requested_seq),
    key withdrawals_under_way (under_way_ms, merchant_id, requested_seq),
    constraint withdrawals_withdrawal_no_check check (length(withdrawal_no) between 4 and 15),
    constraint withdrawals_amount_fen_check check (amount_fen > 0),
    constraint withdrawals_asked_fen_check check (asked_fen is null or asked_fen = amount_fen),
    constraint withdrawals_settle_first_check check (settle_first in (0, 1)),
    constraint withdrawals_method_check check (method in ('wechat', 'manual')),
    constraint withdrawals_status_check check (
        status in (
            'awaiting_approval', 'requested', 'sending', 'awaiting_payee', 'unknown', 'succeeded', 'failed', 'rejected'
        )
    ),
    constraint withdrawals_approved_by_check check (approved_by <> asked_by),
    constraint succeeded_has_a_reference check (status <> 'succeeded' or reference is not null)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

create table if not exists idempotency (
    merchant_id varchar(12) not null,
    route varchar(11) not null,
    idempotency_key varbinary(64) not null,
    number varchar(19) not null,
    primary key (merchant_id, route, idempotency_key),
    constraint idempotency_route_check check (route in ('orders', 'settlements', 'withdrawals')),
    constraint idempotency_idempotency_key_check check (length(idempotency_key) between 1 and 64)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

create table if not exists cases (
    merchant_id varchar(12) not null,
    case_id varbinary(29) not null,
    kind varchar(32) not null,
    opened_ms bigint not null,
    opened_seq bigint not null,
    order_no varchar(19) not null,
    transaction_id varchar(32) not null,
    amount_fen bigint not null,
    expected_fen bigint,
    paid_ms bigint not null,
    primary key (merchant_id, case_id),
    key cases_by_opening (opened_ms, merchant_id, opened_seq),
    key cases_by_merchant (merchant_id, opened_ms, opened_seq),
    key cases_by_kind (kind, opened_ms, merchant_id, opened_seq),
    constraint cases_amount_fen_check check (amount_fen >= 0)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- Heads as they were, a few in a million events, so that a point of the past is found without folding a journal from its
-- first event. A copy of what the fold leads to: a row may be lost without loss. The columns are those of heads, whose
-- checks prove what is copied here.
create table if not exists checkpoints (
    merchant_id varchar(12) not null,
    format bigint not null,
    seq bigint not null,
    hash binary(32) not null,
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
    kept longblob not null,
    primary key (merchant_id, seq),
    key checkpoints_by_time (merchant_id, at_ms, seq),
    constraint checkpoints_seq_check check (seq > 0),
    constraint checkpoints_hash_check check (length(hash) = 32)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- Which process does a merchant's background work, until when. It spares calls to WeChat; nothing rests on it.
create table if not exists claims (
    merchant_id varchar(12) not null,
    work varchar(16) not null,
    holder varchar(64) not null,
    until_ms bigint not null,
    primary key (merchant_id, work)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- Who may call /v1. Keys are not facts about money, so they stand outside of the journal. Only a hash of each is kept. No
-- merchant_id: an admin's.
create table if not exists `keys` (
    key_id varbinary(24) not null,
    key_hash binary(32) not null,
    merchant_id varchar(12),
    name varchar(64) not null,
    created_ms bigint not null,
    primary key (key_id),
    unique key keys_key_hash_key (key_hash),
    key keys_by_merchant (merchant_id, created_ms, key_id),
    constraint keys_key_hash_check check (length(key_hash) = 32)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- What customers handed over about themselves in the mini-program. No facts about money, so outside of the journal.
create table if not exists profiles (
    openid varbinary(128) not null,
    profile longtext not null,
    stored_ms bigint not null,
    primary key (openid),
    constraint profiles_openid_check check (length(openid) between 1 and 128),
    constraint profiles_profile_check check (json_valid(profile) = 1)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
