-- Money beside the orders: what stands in suspense for cases and who gets it. A head says what stands there, what ever did, what of
-- it became the merchant's, and that with all adjustments. Each change of a table is one statement, done whole or not at all, and not a second time.
set @change = if(
    exists(select 1 from information_schema.columns where table_schema = database() and table_name = 'heads' and column_name = 'adjusted_fen'),
    'do 0',
    'alter table heads
        add column suspense_fen bigint not null default 0,
        add column suspended_fen bigint not null default 0,
        add column credited_fen bigint not null default 0,
        add column adjusted_fen bigint not null default 0,
        drop constraint conserved,
        add constraint conserved check (
            paid_fen - refunded_fen - fee_fen + adjusted_fen = pending_fen + available_fen + in_transit_fen + withdrawn_fen
        ),
        add constraint heads_suspense_fen_check check (suspense_fen >= 0),
        add constraint heads_suspended_fen_check check (suspended_fen >= 0),
        add constraint heads_credited_fen_check check (credited_fen >= 0),
        add constraint no_more_than_came check (suspense_fen + credited_fen <= suspended_fen)'
);
prepare change_once from @change;
execute change_once;
deallocate prepare change_once;

set @change = if(
    exists(select 1 from information_schema.columns where table_schema = database() and table_name = 'checkpoints' and column_name = 'adjusted_fen'),
    'do 0',
    'alter table checkpoints
        add column suspense_fen bigint not null default 0,
        add column suspended_fen bigint not null default 0,
        add column credited_fen bigint not null default 0,
        add column adjusted_fen bigint not null default 0'
);
prepare change_once from @change;
execute change_once;
deallocate prepare change_once;

set @change = if(
    exists(select 1 from information_schema.columns where table_schema = database() and table_name = 'cases' and column_name = 'suspense'),
    'do 0',
    'alter table cases
        add column booked_fen bigint,
        add column suspense varchar(16),
        add key cases_in_suspense (merchant_id, transaction_id, opened_seq),
        add constraint cases_suspense_check check (
            suspense is null
            or (suspense in (''held'', ''released'') and transaction_id is not null and booked_fen is not null and booked_fen > 0)
        ),
        add constraint cases_booked_fen_check check (booked_fen is null or (booked_fen >= 0 and booked_fen <= amount_fen))'
);
prepare change_once from @change;
execute change_once;
deallocate prepare change_once;

set @change = if(
    exists(select 1 from information_schema.table_constraints where table_schema = database() and constraint_name = 'suspense_has_no_fee'),
    'do 0',
    'alter table refunds
        drop constraint refunds_source_check,
        add constraint refunds_source_check check (source in (''pending'', ''available'', ''suspense'')),
        add constraint suspense_has_no_fee check (source <> ''suspense'' or fee_fen = 0)'
);
prepare change_once from @change;
execute change_once;
deallocate prepare change_once;

create table if not exists adjustments (
    merchant_id varchar(12) not null,
    adjustment_no varchar(19) not null,
    amount_fen bigint not null,
    reason varchar(512) not null,
    asked_by varbinary(24) not null,
    status varchar(16) not null,
    requested_ms bigint not null,
    requested_seq bigint not null,
    decided_ms bigint,
    decided_by varbinary(24),
    decision varchar(512),
    primary key (merchant_id, adjustment_no),
    unique key adjustments_by_request (merchant_id, requested_seq),
    key adjustments_by_status (merchant_id, status, requested_seq),
    constraint adjustments_adjustment_no_check check (length(adjustment_no) between 4 and 19),
    constraint adjustments_amount_fen_check check (amount_fen <> 0),
    constraint adjustments_status_check check (status in ('requested', 'approved', 'rejected')),
    constraint decided_by_another check (decided_by is null or decided_by <> asked_by),
    constraint decided_is_whole check (
        (status = 'requested') = (decided_ms is null)
        and (decided_ms is null) = (decided_by is null)
        and (decided_ms is null) = (decision is null)
    )
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

alter table idempotency
    drop constraint idempotency_route_check,
    add constraint idempotency_route_check check (route in ('orders', 'settlements', 'withdrawals', 'refunds', 'adjustments'));
