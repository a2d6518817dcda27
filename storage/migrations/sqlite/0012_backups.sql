-- In a file that tally backup made: when it was begun and ended, and of which books. What came after its beginning may be
-- missing in it. Other books have no row here.

create table backups (
    begun_ms integer not null,
    ended_ms integer not null check (ended_ms >= begun_ms),
    source text not null
) strict;
