-- Reconciliations: a day compared with WeChat's bill. They can be made again from the bill and the journal, so they stand
-- outside of the journal; what a person must look at is a case.
create table reconciliations (
    day bigint not null primary key check (day >= 0), -- Beijing's, since 1970-01-01
    ran_ms bigint not null,
    report text not null -- JSON: counts and sums
);

-- seen_ms is that of the newest run that saw it: smaller than the day's ran_ms, it is no longer there.
create table reconciliation_differences (
    day bigint not null,
    difference_id text collate "C" not null,
    seen_ms bigint not null,
    difference text not null, -- JSON
    primary key (day, difference_id)
);

-- What is around midnight and may stand in the neighbouring day. Rows of another ran_ms than the day's are of no account.
create table reconciliation_carried (
    day bigint not null,
    side text collate "C" not null check (side in ('line', 'payment')),
    number text collate "C" not null, -- out_trade_no and transaction_id
    ran_ms bigint not null,
    carried text not null, -- JSON
    primary key (day, side, number)
);
