-- How refunds changed what an order brings at its settlement: what they took from pending money, less the fee that came back there. With it the list
-- of a settlement's orders adds up to the settlement. Of refunds made before this migration, those count that are still taken from pending money.
alter table orders add column pending_change_fen bigint not null default 0;
update orders set pending_change_fen = coalesce((
    select sum(r.fee_fen - r.booked_fen) from refunds r
    where r.merchant_id = orders.merchant_id and r.order_no = orders.order_no and r.source = 'pending' and r.status <> 'failed'
), 0) where refunded_booked_fen > 0;
