-- Webhooks: endpoints of the platform's own server, which are told of what happens. The journal is the outbox: a cursor for each webhook and merchant
-- says how far it was read, and only what was not delivered at the first try, or is asked for again, has a row of its own.
-- The secret is kept as it is, as deliveries are signed with it. They are no facts about money, so they stand outside of the journal.
create table if not exists webhooks (
    webhook_id varchar(24) not null,
    url varchar(2048) not null,
    kinds varchar(512) not null,
    merchant_id varchar(12),
    secret varchar(128) not null,
    created_ms bigint not null,
    primary key (webhook_id),
    constraint webhooks_secret_check check (length(secret) >= 32)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- All up to seq is delivered, or has a row in deliveries. A merchant without a row is told of from the webhook's creation on.
create table if not exists webhook_cursors (
    merchant_id varchar(12) not null,
    webhook_id varchar(24) not null,
    seq bigint not null,
    primary key (merchant_id, webhook_id),
    constraint webhook_cursors_seq_check check (seq >= 0)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

create table if not exists deliveries (
    merchant_id varchar(12) not null,
    webhook_id varchar(24) not null,
    seq bigint not null,
    event_id varchar(64) not null,
    kind varchar(32) not null,
    thing varchar(64) not null,
    at_ms bigint not null,
    made_ms bigint not null,
    status varchar(16) not null,
    tries bigint not null,
    next_ms bigint not null,
    changed_ms bigint not null,
    error varchar(256) not null,
    primary key (merchant_id, webhook_id, seq),
    key deliveries_waiting (webhook_id, status, next_ms),
    key deliveries_by_webhook (webhook_id, made_ms, merchant_id, seq),
    constraint deliveries_seq_check check (seq > 0),
    constraint deliveries_status_check check (status in ('waiting', 'delivered', 'set_aside')),
    constraint deliveries_tries_check check (tries >= 0)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
