-- Bank runs, and the withdrawals that each holds. A run is open while withdrawals are being put in, then made; its rows are no facts about a
-- merchant's money and are kept beside the journal. A withdrawal is in one run for ever: the journal says in which.
create table bank_runs (
    run_no text collate "C" not null primary key check (length(run_no) between 4 and 19),
    at_ms bigint not null,
    made_by text collate "C" not null,
    merchant_id text collate "C",
    state text collate "C" not null check (state in ('open', 'made'))
);

create table bank_run_items (
    merchant_id text collate "C" not null,
    withdrawal_no text collate "C" not null,
    run_no text collate "C" not null,
    primary key (merchant_id, withdrawal_no)
);

create index items_by_run on bank_run_items (run_no, merchant_id, withdrawal_no);
