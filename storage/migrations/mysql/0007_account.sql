-- The WeChat account that the books are kept with, or the sandbox that plays one: another knows nothing of their orders and transfers, and what is
-- not known counts as never sent. One row, written by the first start; none in books that no start has yet served since this migration.
create table if not exists channel_account (
    id bigint not null,
    player varchar(16) not null,
    app_id varchar(64) not null,
    mch_id varchar(64) not null,
    since_ms bigint not null,
    primary key (id),
    constraint channel_account_id_check check (id = 1),
    constraint channel_account_player_check check (player in ('wechat', 'sandbox'))
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
