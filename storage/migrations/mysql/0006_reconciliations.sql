-- Reconciliations: a day compared with WeChat's bill. They can be made again from the bill and the journal, so they stand
-- outside of the journal; what a person must look at is a case.
create table if not exists reconciliations (
    day bigint not null,
    ran_ms bigint not null,
    report text not null,
    primary key (day),
    constraint reconciliations_day_check check (day >= 0)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- seen_ms is that of the newest run that saw it: smaller than the day's ran_ms, it is no longer there.
create table if not exists reconciliation_differences (
    day bigint not null,
    difference_id varchar(32) not null,
    seen_ms bigint not null,
    difference text not null,
    primary key (day, difference_id)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- What is around midnight and may stand in the neighbouring day. Rows of another ran_ms than the day's are of no account.
create table if not exists reconciliation_carried (
    day bigint not null,
    side varchar(8) not null,
    number varchar(128) not null,
    ran_ms bigint not null,
    carried text not null,
    primary key (day, side, number),
    constraint reconciliation_carried_side_check check (side in ('line', 'payment'))
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
