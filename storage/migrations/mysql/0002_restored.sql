-- Books that were put back from an earlier state: a row each time. What WeChat did from since to restored they do not know, so no
-- withdrawal goes out until what they have open was looked up there, and somebody has said that the rest was made up for.
create table if not exists restored (
    restored_ms bigint not null,
    since_ms bigint not null,
    looked_up_ms bigint,
    released_ms bigint,
    released_by varchar(24),
    note varchar(256),
    primary key (restored_ms),
    constraint restored_since_ms_check check (since_ms <= restored_ms),
    constraint restored_released_ms_check check (released_ms is null or looked_up_ms is not null),
    constraint released_is_whole check ((released_ms is null) = (released_by is null) and (released_ms is null) = (note is null))
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;
