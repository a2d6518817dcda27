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
