-- Money beside the orders: what stands in suspense for cases and who gets it. A head says what stands there, what ever did, what of
-- it became the merchant's, and that with all adjustments.
alter table heads
    add column suspense_fen bigint not null default 0 constraint heads_suspense_fen_check check (suspense_fen >= 0),
    add column suspended_fen bigint not null default 0 constraint heads_suspended_fen_check check (suspended_fen >= 0),
    add column credited_fen bigint not null default 0 constraint heads_credited_fen_check check (credited_fen >= 0),
    add column adjusted_fen bigint not null default 0,
    drop constraint conserved,
    add constraint conserved check (
        paid_fen - refunded_fen - fee_fen + adjusted_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
    ),
    add constraint no_more_than_came check (suspense_fen + credited_fen <= suspended_fen);

alter table checkpoints
    add column suspense_fen bigint not null default 0,
    add column suspended_fen bigint not null default 0,
    add column credited_fen bigint not null default 0,
    add column adjusted_fen bigint not null default 0;

alter table cases
    add column booked_fen bigint constraint cases_booked_fen_check check (
        booked_fen is null or (booked_fen >= 0 and booked_fen <= amount_fen)
    ),
    add column suspense text collate "C" constraint cases_suspense_check check (
        suspense is null
        or (suspense in ('held', 'released') and transaction_id is not null and booked_fen is not null and booked_fen > 0)
    );
create index cases_in_suspense on cases (merchant_id, transaction_id, opened_seq)
    where transaction_id is not null and suspense is not null;

alter table refunds
    drop constraint refunds_source_check,
    add constraint refunds_source_check check (source in ('pending', 'available', 'suspense')),
    add constraint suspense_has_no_fee check (source <> 'suspense' or fee_fen = 0);

create table adjustments (
    merchant_id text collate "C" not null,
    adjustment_no text collate "C" not null check (length(adjustment_no) between 4 and 19),
    amount_fen bigint not null check (amount_fen <> 0),
    reason text not null,
    asked_by text collate "C" not null,
    status text collate "C" not null check (status in ('requested', 'approved', 'rejected')),
    requested_ms bigint not null,
    requested_seq bigint not null,
    decided_ms bigint,
    decided_by text collate "C",
    decision text,
    primary key (merchant_id, adjustment_no),
    constraint decided_by_another check (decided_by is null or decided_by <> asked_by),
    constraint decided_is_whole check (
        (status = 'requested') = (decided_ms is null)
        and (decided_ms is null) = (decided_by is null)
        and (decided_ms is null) = (decision is null)
    )
);

create unique index adjustments_by_request on adjustments (merchant_id, requested_seq);
create index adjustments_by_status on adjustments (merchant_id, status, requested_seq);

alter table idempotency drop constraint idempotency_route_check;
alter table idempotency add constraint idempotency_route_check
    check (route in ('orders', 'settlements', 'withdrawals', 'refunds', 'adjustments'));
