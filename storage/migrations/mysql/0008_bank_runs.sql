-- Bank runs, and the withdrawals that each holds. A run is open while withdrawals are being put in, then made; its rows are no facts about a
-- merchant's money and are kept beside the journal. A withdrawal is in one run for ever: the journal says in which.
create table if not exists bank_runs (
    run_no varchar(19) not null,
    at_ms bigint not null,
    made_by varbinary(24) not null,
    merchant_id varchar(12),
    state varchar(4) not null,
    primary key (run_no),
    constraint bank_runs_run_no_check check (length(run_no) between 4 and 19),
    constraint bank_runs_state_check check (state in ('open', 'made'))
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

create table if not exists bank_run_items (
    merchant_id varchar(12) not null,
    withdrawal_no varchar(15) not null,
    run_no varchar(19) not null,
    primary key (merchant_id, withdrawal_no),
    key items_by_run (run_no, merchant_id, withdrawal_no)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
