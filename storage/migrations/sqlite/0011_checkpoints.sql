-- Heads as they were, a few in a million events, so that a point of the past is found without folding a journal from its
-- first event. A copy of what the fold leads to: a row may be lost without loss, and journals written before this migration
-- have none. The columns are those of heads, whose checks prove what is copied here.

create table checkpoints (
    merchant_id text not null collate binary,
    format integer not null,
    seq integer not null check (seq > 0),
    hash blob not null check (length(hash) = 32),
    at_ms integer not null,
    registered_ms integer not null,
    paid_orders integer not null,
    paid_fen integer not null,
    refunded_fen integer not null,
    fee_fen integer not null,
    pending_fen integer not null,
    available_fen integer not null,
    in_transit_fen integer not null,
    withdrawn_fen integer not null,
    kept blob not null,
    primary key (merchant_id, seq)
) strict, without rowid;

create index checkpoints_by_time on checkpoints (merchant_id, at_ms, seq);
