-- Who may call /v1. Keys are not facts about money, so they stand outside of the journal. Only a hash of each is kept.

create table keys (
    key_id text not null collate binary primary key,
    key_hash blob not null unique check (length(key_hash) = 32),
    merchant_id text collate binary, -- null: an admin's
    name text not null,
    created_ms integer not null
) strict, without rowid;

create index keys_by_merchant on keys (merchant_id, created_ms);
