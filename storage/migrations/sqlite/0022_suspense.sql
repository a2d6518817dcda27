-- Money beside the orders: what stands in suspense for cases and who gets it. A head says what stands there, what ever did, what of
-- it became the merchant's, and that with all adjustments. A check can't be changed, so the tables are made anew.

create table heads_anew (
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
    suspense_fen integer not null check (suspense_fen >= 0),
    suspended_fen integer not null check (suspended_fen >= 0),
    credited_fen integer not null check (credited_fen >= 0),
    adjusted_fen integer not null,
    kept blob not null,
    constraint conserved check (
        paid_fen - refunded_fen - fee_fen + adjusted_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
    ),
    constraint no_more_than_came check (suspense_fen + credited_fen <= suspended_fen)
) strict, without rowid;

insert into heads_anew
    select merchant_id, format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, refunded_fen, fee_fen, pending_fen,
        available_fen, in_transit_fen, withdrawn_fen, 0, 0, 0, 0, kept
    from heads;
drop table heads;
alter table heads_anew rename to heads;
create index heads_by_registration on heads (registered_ms, merchant_id);

create table checkpoints_anew (
    merchant_id text not null collate binary,
    format integer not null,
    seq integer not null check (seq > 0),
    hash blob not null check (length(hash) = 32),
    at_ms integer not null,
    registered_ms integer not null,
    paid_orders integer not null,
    paid_fen integer not null,
    refunded_fen integer not null,
    fee_fen integer not null,
    pending_fen integer not null,
    available_fen integer not null,
    in_transit_fen integer not null,
    withdrawn_fen integer not null,
    suspense_fen integer not null,
    suspended_fen integer not null,
    credited_fen integer not null,
    adjusted_fen integer not null,
    kept blob not null,
    primary key (merchant_id, seq)
) strict, without rowid;

insert into checkpoints_anew
    select merchant_id, format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, refunded_fen, fee_fen, pending_fen,
        available_fen, in_transit_fen, withdrawn_fen, 0, 0, 0, 0, kept
    from checkpoints;
drop table checkpoints;
alter table checkpoints_anew rename to checkpoints;
create index checkpoints_by_time on checkpoints (merchant_id, at_ms, seq);

alter table cases add column booked_fen integer check (booked_fen is null or (booked_fen >= 0 and booked_fen <= amount_fen));
alter table cases add column suspense text check (
    suspense is null or (suspense in ('held', 'released') and transaction_id is not null and booked_fen is not null and booked_fen > 0)
);
create index cases_in_suspense on cases (merchant_id, transaction_id, opened_seq)
    where transaction_id is not null and suspense is not null;

create table refunds_anew (
    merchant_id text not null collate binary,
    refund_no text not null collate binary check (length(refund_no) between 4 and 19),
    order_no text not null collate binary check (length(order_no) between 4 and 19),
    amount_fen integer not null check (amount_fen > 0),
    booked_fen integer not null check (booked_fen >= 0),
    fee_fen integer not null check (fee_fen >= 0),
    source text not null check (source in ('pending', 'available', 'suspense')),
    source_day integer,
    transaction_id text not null collate binary,
    total_fen integer not null check (total_fen >= amount_fen),
    reason text not null,
    asked_by text,
    status text not null check (status in ('requested', 'sending', 'unknown', 'succeeded', 'failed')),
    why text,
    refund_id text,
    by_hand text,
    requested_ms integer not null,
    requested_seq integer not null,
    tried_ms integer,
    primary key (merchant_id, refund_no),
    constraint day_is_of_pending check (source_day is null or source = 'pending'),
    constraint asked_for_or_by_hand check ((asked_by is null) = (by_hand is not null)),
    constraint refunded_has_an_id check (status <> 'succeeded' or refund_id is not null),
    constraint suspense_has_no_fee check (source <> 'suspense' or fee_fen = 0)
) strict, without rowid;

insert into refunds_anew
    select merchant_id, refund_no, order_no, amount_fen, booked_fen, fee_fen, source, source_day, transaction_id, total_fen, reason,
        asked_by, status, why, refund_id, by_hand, requested_ms, requested_seq, tried_ms
    from refunds;
drop table refunds;
alter table refunds_anew rename to refunds;

create unique index refunds_by_request on refunds (merchant_id, requested_seq);
create index refunds_by_status on refunds (merchant_id, status, requested_seq);
create index refunds_by_order on refunds (merchant_id, order_no, requested_seq);
create index refunds_under_way on refunds (requested_ms, merchant_id, requested_seq)
    where status in ('requested', 'sending', 'unknown');

create table adjustments (
    merchant_id text not null collate binary,
    adjustment_no text not null collate binary check (length(adjustment_no) between 4 and 19),
    amount_fen integer not null check (amount_fen <> 0),
    reason text not null,
    asked_by text not null,
    status text not null check (status in ('requested', 'approved', 'rejected')),
    requested_ms integer not null,
    requested_seq integer not null,
    decided_ms integer,
    decided_by text,
    decision text,
    primary key (merchant_id, adjustment_no),
    constraint decided_by_another check (decided_by is null or decided_by <> asked_by),
    constraint decided_is_whole check (
        (status = 'requested') = (decided_ms is null)
        and (decided_ms is null) = (decided_by is null)
        and (decided_ms is null) = (decision is null)
    )
) strict, without rowid;

create unique index adjustments_by_request on adjustments (merchant_id, requested_seq);
create index adjustments_by_status on adjustments (merchant_id, status, requested_seq);

create table idempotency_anew (
    merchant_id text not null collate binary,
    route text not null check (route in ('orders', 'settlements', 'withdrawals', 'refunds', 'adjustments')),
    idempotency_key text not null collate binary check (length(idempotency_key) between 1 and 64),
    number text not null collate binary,
    primary key (merchant_id, route, idempotency_key)
) strict, without rowid;

insert into idempotency_anew select merchant_id, route, idempotency_key, number from idempotency;
drop table idempotency;
alter table idempotency_anew rename to idempotency;
