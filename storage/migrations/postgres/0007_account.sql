-- The WeChat account that the books are kept with, or the sandbox that plays one: another knows nothing of their orders and transfers, and what is
-- not known counts as never sent. One row, written by the first start; none in books that no start has yet served since this migration.
create table channel_account (
    id bigint not null primary key check (id = 1),
    player text not null check (player in ('wechat', 'sandbox')),
    app_id text not null,
    mch_id text not null,
    since_ms bigint not null
);
