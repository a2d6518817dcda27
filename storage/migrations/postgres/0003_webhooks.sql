-- Webhooks: endpoints of the platform's own server, which are told of what happens. The journal is the outbox: a cursor for each webhook and merchant
-- says how far it was read, and only what was not delivered at the first try, or is asked for again, has a row of its own.
-- The secret is kept as it is, as deliveries are signed with it. They are no facts about money, so they stand outside of the journal.
create table webhooks (
    webhook_id text collate "C" not null primary key,
    url text not null,
    kinds text not null, -- by comma; none: all
    merchant_id text collate "C", -- null: all
    secret text not null check (length(secret) >= 32),
    created_ms bigint not null
);

-- All up to seq is delivered, or has a row in deliveries. A merchant without a row is told of from the webhook's creation on.
create table webhook_cursors (
    merchant_id text collate "C" not null,
    webhook_id text collate "C" not null,
    seq bigint not null check (seq >= 0),
    primary key (merchant_id, webhook_id)
);

create table deliveries (
    merchant_id text collate "C" not null,
    webhook_id text collate "C" not null,
    seq bigint not null check (seq > 0),
    event_id text collate "C" not null,
    kind text not null,
    thing text collate "C" not null, -- what is told of in the order of seq
    at_ms bigint not null,
    made_ms bigint not null,
    status text collate "C" not null check (status in ('waiting', 'delivered', 'set_aside')),
    tries bigint not null check (tries >= 0),
    next_ms bigint not null,
    changed_ms bigint not null,
    error text not null,
    primary key (merchant_id, webhook_id, seq)
);

create index deliveries_waiting on deliveries (webhook_id, status, next_ms);
create index deliveries_by_webhook on deliveries (webhook_id, made_ms, merchant_id, seq);
