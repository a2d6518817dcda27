-- What customers handed over about themselves in the mini-program. No facts about money, so outside of the journal.

create table profiles (
    openid text not null collate binary primary key check (length(openid) between 1 and 128),
    profile text not null check (json_valid(profile)),
    stored_ms integer not null
) strict, without rowid;
