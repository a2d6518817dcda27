-- What waits for WeChat: orders that are to be closed when it allows that, when a transfer was last tried, and what the
-- sweeper and the payer walk along. A channel's first byte is 0 for external orders, which WeChat is not asked about.

alter table orders add column closing_ms integer;
alter table withdrawals add column tried_ms integer;

create index orders_waiting on orders (opened_ms, merchant_id, opened_seq) where status = 'open' and channel >= x'01';
create index withdrawals_under_way on withdrawals (requested_ms, merchant_id, requested_seq)
    where method = 'wechat' and status in ('requested', 'sending', 'unknown');
