-- Refunds: a row each, what orders must say so that their fee can be worked out after refunds, and the route of their keys.
-- What is refunded of an order is never more than was paid. What was taken from the merchant for it may be: WeChat says how much.
-- All columns are added at once, unless they are there: MySQL knows no "add column if not exists".
set @missing = (
    select count(*) = 0 from information_schema.columns
    where table_schema = database() and table_name = 'orders' and column_name = 'refund_sent_ms'
);
set @change = if(
    @missing,
    'alter table orders
        add column fee_bp bigint,
        add column refunded_booked_fen bigint not null default 0,
        add column refund_sent_ms bigint,
        add constraint orders_fee_bp_check check (fee_bp between 0 and 10000),
        add constraint orders_refunded_booked_fen_check check (refunded_booked_fen >= 0)',
    'do 0'
);
prepare tally_change from @change;
execute tally_change;
deallocate prepare tally_change;

-- under_way_ms is what the refunder walks along: null but while a refund is not certain.
create table if not exists refunds (
    merchant_id varchar(12) not null,
    refund_no varchar(19) not null,
    order_no varchar(19) not null,
    amount_fen bigint not null,
    booked_fen bigint not null,
    fee_fen bigint not null,
    source varchar(16) not null,
    source_day bigint,
    transaction_id varchar(32) not null,
    total_fen bigint not null,
    reason varchar(256) not null,
    asked_by varbinary(24),
    status varchar(16) not null,
    why text,
    refund_id text,
    by_hand text,
    requested_ms bigint not null,
    requested_seq bigint not null,
    tried_ms bigint,
    under_way_ms bigint generated always as (
        case when status in ('requested', 'sending', 'unknown') then requested_ms end
    ) stored,
    primary key (merchant_id, refund_no),
    unique key refunds_by_request (merchant_id, requested_seq),
    key refunds_by_status (merchant_id, status, requested_seq),
    key refunds_by_order (merchant_id, order_no, requested_seq),
    key refunds_under_way (under_way_ms, merchant_id, requested_seq),
    constraint refunds_refund_no_check check (length(refund_no) between 4 and 19),
    constraint refunds_order_no_check check (length(order_no) between 4 and 19),
    constraint refunds_amount_fen_check check (amount_fen > 0),
    constraint refunds_booked_fen_check check (booked_fen >= 0),
    constraint refunds_fee_fen_check check (fee_fen >= 0),
    constraint refunds_source_check check (source in ('pending', 'available')),
    constraint refunds_total_fen_check check (total_fen >= amount_fen),
    constraint refunds_status_check check (status in ('requested', 'sending', 'unknown', 'succeeded', 'failed')),
    constraint day_is_of_pending check (source_day is null or source = 'pending'),
    constraint asked_for_or_by_hand check ((asked_by is null) = (by_hand is not null)),
    constraint refunded_has_an_id check (status <> 'succeeded' or refund_id is not null)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

alter table idempotency
    drop constraint idempotency_route_check,
    add constraint idempotency_route_check check (route in ('orders', 'settlements', 'withdrawals', 'refunds'));
