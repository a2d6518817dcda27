-- How refunds changed what an order brings at its settlement: what they took from pending money, less the fee that came back there. With it the list
-- of a settlement's orders adds up to the settlement. Of refunds made before this migration, those count that are still taken from pending money.
set @missing = (
    select count(*) = 0 from information_schema.columns
    where table_schema = database() and table_name = 'orders' and column_name = 'pending_change_fen'
);
set @change = if(@missing, 'alter table orders add column pending_change_fen bigint not null default 0', 'do 0');
prepare tally_change from @change;
execute tally_change;
deallocate prepare tally_change;

update orders set pending_change_fen = coalesce((
    select sum(r.fee_fen - r.booked_fen) from refunds r
    where r.merchant_id = orders.merchant_id and r.order_no = orders.order_no and r.source = 'pending' and r.status <> 'failed'
), 0) where refunded_booked_fen > 0;
