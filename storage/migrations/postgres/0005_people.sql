-- Cases about anything, and what people decide about them. A case may name no order and no payment; its facts are pairs of a name and a
-- value, in the order in which they are shown. It is resolved once.
alter table cases
    alter column order_no drop not null,
    alter column transaction_id drop not null,
    alter column amount_fen drop not null,
    alter column paid_ms drop not null,
    add column facts text not null default '[]',
    add column status text collate "C" not null default 'open' constraint cases_status_check check (status in ('open', 'resolved')),
    add column resolved_ms bigint,
    add column resolved_by text collate "C",
    add column note text,
    add column remedy text collate "C",
    add constraint resolved_is_whole check (
        (status = 'resolved') = (resolved_ms is not null)
        and (resolved_ms is null) = (resolved_by is null)
        and (resolved_ms is null) = (note is null)
        and (remedy is null or note is not null)
    );

