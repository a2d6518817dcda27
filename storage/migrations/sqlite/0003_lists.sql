-- What the lists walk along, so that none scans a table. An open order's entry lives only until it is paid or closed, so
-- a payment pays for one small deletion; most orders end paid, and are found by opening.

create index orders_open on orders (merchant_id, opened_seq) where status = 'open';
create index orders_closed on orders (merchant_id, opened_seq) where status = 'closed';

-- An order's settlement is the first by seq that covers it, made after the order was opened. This index alone answers
-- that, and stops at the first hit, which one by last_paid_seq can't.
create index settlements_in_order on settlements (merchant_id, seq, last_paid_seq, through);
drop index settlements_by_last_paid;

create index withdrawals_by_status on withdrawals (merchant_id, status, requested_seq);

create index cases_by_merchant on cases (merchant_id, opened_ms, opened_seq);
create index cases_by_kind on cases (kind, opened_ms, merchant_id, opened_seq);
