-- Cases about anything, and what people decide about them. A case may name no order and no payment; its facts are pairs of a name and a
-- value, in the order in which they are shown. It is resolved once. The change is one statement, and done whole or not at all; it is not done a second time.
set @change = if(
    exists(select 1 from information_schema.columns where table_schema = database() and table_name = 'cases' and column_name = 'facts'),
    'do 0',
    'alter table cases
        modify order_no varchar(19),
        modify transaction_id varchar(32),
        modify amount_fen bigint,
        modify paid_ms bigint,
        add column facts text not null,
        add column status varchar(8) not null default ''open'',
        add column resolved_ms bigint,
        add column resolved_by varbinary(24),
        add column note text,
        add column remedy varchar(16),
        add constraint cases_status_check check (status in (''open'', ''resolved'')),
        add constraint resolved_is_whole check (
            (status = ''resolved'') = (resolved_ms is not null)
            and (resolved_ms is null) = (resolved_by is null)
            and (resolved_ms is null) = (note is null)
            and (remedy is null or note is not null)
        )'
);
prepare change_once from @change;
execute change_once;
deallocate prepare change_once;
update cases set facts = '[]' where facts = '';
