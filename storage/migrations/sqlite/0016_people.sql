-- Cases about anything, and what people decide about them. A case may name no order and no payment; its facts are pairs of a name and a
-- value, in the order in which they are shown. It is resolved once.

create table cases_of_all (
    merchant_id text not null collate binary,
    case_id text not null collate binary,
    kind text not null,
    opened_ms integer not null,
    opened_seq integer not null,
    order_no text collate binary,
    transaction_id text collate binary,
    amount_fen integer check (amount_fen >= 0),
    expected_fen integer,
    paid_ms integer,
    facts text not null default '[]',
    status text not null default 'open' check (status in ('open', 'resolved')),
    resolved_ms integer,
    resolved_by text,
    note text,
    remedy text,
    primary key (merchant_id, case_id),
    constraint resolved_is_whole check (
        (status = 'resolved') = (resolved_ms is not null)
        and (resolved_ms is null) = (resolved_by is null)
        and (resolved_ms is null) = (note is null)
        and (remedy is null or note is not null)
    )
) strict, without rowid;

insert into cases_of_all
    (merchant_id, case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, expected_fen, paid_ms)
    select merchant_id, case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, expected_fen, paid_ms from cases;

drop table cases;
alter table cases_of_all rename to cases;

create index cases_by_opening on cases (opened_ms, merchant_id, opened_seq);
create index cases_by_merchant on cases (merchant_id, opened_ms, opened_seq);
create index cases_by_kind on cases (kind, opened_ms, merchant_id, opened_seq);
