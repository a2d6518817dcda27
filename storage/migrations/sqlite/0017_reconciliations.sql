-- Reconciliations: a day compared with WeChat's bill. They can be made again from the bill and the journal, so they stand
-- outside of the journal; what a person must look at is a case.
create table reconciliations (
    day integer not null primary key check (day >= 0), -- Beijing's, since 1970-01-01
    ran_ms integer not null,
    report text not null -- JSON: counts and sums
) strict, without rowid;

-- seen_ms is that of the newest run that saw it: smaller than the day's ran_ms, it is no longer there.
create table reconciliation_differences (
    day integer not null,
    difference_id text not null collate binary,
    seen_ms integer not null,
    difference text not null, -- JSON
    primary key (day, difference_id)
) strict, without rowid;

-- What is around midnight and may stand in the neighbouring day. Rows of another ran_ms than the day's are of no account.
create table reconciliation_carried (
    day integer not null,
    side text not null collate binary check (side in ('line', 'payment')),
    number text not null collate binary, -- out_trade_no and transaction_id
    ran_ms integer not null,
    carried text not null, -- JSON
    primary key (day, side, number)
) strict, without rowid;
