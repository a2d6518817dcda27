-- Refunds: a row each, what orders must say so that their fee can be worked out after refunds, and the route of their keys.
-- What is refunded of an order is never more than was paid. What was taken from the merchant for it may be: WeChat says how much.
alter table orders add column fee_bp bigint check (fee_bp between 0 and 10000);
alter table orders add column refunded_booked_fen bigint not null default 0 check (refunded_booked_fen >= 0);
alter table orders add column refund_sent_ms bigint;

create table refunds (
    merchant_id text collate "C" not null,
    refund_no text collate "C" not null check (length(refund_no) between 4 and 19),
    order_no text collate "C" not null check (length(order_no) between 4 and 19),
    amount_fen bigint not null check (amount_fen > 0),
    booked_fen bigint not null check (booked_fen >= 0),
    fee_fen bigint not null check (fee_fen >= 0),
    source text collate "C" not null check (source in ('pending', 'available')),
    source_day bigint,
    transaction_id text collate "C" not null,
    total_fen bigint not null check (total_fen >= amount_fen),
    reason text not null,
    asked_by text collate "C",
    status text collate "C" not null check (status in ('requested', 'sending', 'unknown', 'succeeded', 'failed')),
    why text,
    refund_id text,
    by_hand text,
    requested_ms bigint not null,
    requested_seq bigint not null,
    tried_ms bigint,
    primary key (merchant_id, refund_no),
    constraint day_is_of_pending check (source_day is null or source = 'pending'),
    constraint asked_for_or_by_hand check ((asked_by is null) = (by_hand is not null)),
    constraint refunded_has_an_id check (status <> 'succeeded' or refund_id is not null)
);

create unique index refunds_by_request on refunds (merchant_id, requested_seq);
create index refunds_by_status on refunds (merchant_id, status, requested_seq);
create index refunds_by_order on refunds (merchant_id, order_no, requested_seq);
create index refunds_under_way on refunds (requested_ms, merchant_id, requested_seq)
    where status in ('requested', 'sending', 'unknown');

alter table idempotency drop constraint idempotency_route_check;
alter table idempotency add constraint idempotency_route_check
    check (route in ('orders', 'settlements', 'withdrawals', 'refunds'));
