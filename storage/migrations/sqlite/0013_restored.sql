-- Books that were put back from an earlier state: a row each time. What WeChat did from since to restored they do not know, so no
-- withdrawal goes out until what they have open was looked up there, and somebody has said that the rest was made up for.

create table restored (
    restored_ms integer not null primary key,
    since_ms integer not null check (since_ms <= restored_ms),
    looked_up_ms integer,
    released_ms integer check (released_ms is null or looked_up_ms is not null),
    released_by text,
    note text,
    constraint released_is_whole check ((released_ms is null) = (released_by is null) and (released_ms is null) = (note is null))
) strict, without rowid;
