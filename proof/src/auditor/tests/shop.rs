//! A shop whose history is right in everything: what tests spoil.

use serde_json::{Value, json};

use super::checks::chained;
use crate::history::{
    Answer, Balance, Call, Desk, Fact, Fen, History, Order, Payment, Request, Rules, Settlement,
    Stored, Thing, TransferOutcome, Withdrawal,
};

/// The shop's merchant.
pub(super) const SHOP: &str = "shop1";

/// 10:00 on 2026-11-25 in Beijing; payments are made an hour earlier.
const MORNING_MS: i64 = 20_782 * 86_400_000 + 2 * 3_600_000;
const PAID_AT: &str = "2026-11-25T01:00:00.000Z";

/// One merchant, and calls one after the other, each answered at once.
pub(super) struct Shop {
    pub(super) history: History,
    step: u64,
    pub(super) at_ms: i64,
    rules: Rules,
    pub(super) balance: Balance,
    /// What is in no settlement: the order's index, and from which day on it may be.
    pending: Vec<(usize, Option<String>)>,
    /// What refunds took out of pending money: the order's index, what of the gross and what of the fee.
    pub(super) taken: Vec<(usize, Fen, Fen)>,
}

impl Shop {
    /// A shop with these rules.
    pub(super) fn new(rules: &Rules) -> Self {
        let mut history = History::default();
        history.stored.insert(SHOP.into(), Stored::default());
        let (balance, at_ms) = (Balance::default(), MORNING_MS);
        let rules = rules.clone();
        let mut shop =
            Self { history, step: 0, at_ms, rules, balance, pending: vec![], taken: vec![] };
        let rules = shop.rules.clone();
        shop.record("merchant_registered", json!({ "rules": fields_of(&rules) }));
        shop.done(Request::Register(rules), true, Thing::Merchant(shop.balance.clone()));
        shop
    }

    pub(super) fn stored(&mut self) -> &mut Stored {
        self.history.stored.get_mut(SHOP).unwrap()
    }

    /// Asks, and is not yet answered.
    pub(super) fn ask(&mut self, request: Request) -> usize {
        self.step += 1;
        let (merchant, asked) = (SHOP.into(), self.step);
        self.history.calls.push(Call { merchant, asked, request, answer: None });
        self.history.calls.len() - 1
    }

    /// Answers a call.
    pub(super) fn answer(&mut self, call: usize, answer: Answer) {
        self.step += 1;
        self.history.calls[call].answer = Some((self.step, answer));
    }

    /// Asks and is answered at once.
    pub(super) fn done(&mut self, request: Request, fresh: bool, thing: Thing) -> usize {
        let call = self.ask(request);
        self.answer(call, Answer::Done { fresh, thing });
        call
    }

    /// Asks and is refused at once.
    pub(super) fn refused(&mut self, request: Request, code: &'static str) -> usize {
        let call = self.ask(request);
        let available = (code == "balance_insufficient").then_some(self.balance.available);
        self.answer(call, Answer::Refused { code, available });
        call
    }

    /// Appends an event, a second after the one before.
    pub(super) fn record(&mut self, kind: &'static str, fields: Value) -> u64 {
        self.at_ms += 1_000;
        self.balance.seq += 1;
        let (seq, at_ms, balance) = (self.balance.seq, self.at_ms, self.balance.clone());
        let stored = self.stored();
        stored.balance = Some(balance);
        stored.journal.push(Fact { seq, hash: [0; 32], bytes: vec![], at_ms, kind, fields });
        seq
    }

    pub(super) fn read(&mut self) -> usize {
        self.done(Request::Read, false, Thing::Merchant(self.balance.clone()))
    }

    pub(super) fn open(&mut self, order_no: &str, amount: Fen, by_wechat: bool) -> usize {
        let channel =
            if by_wechat { json!({"wechat": {"openid": "o"}}) } else { json!("external") };
        let fields = json!({"order_no": order_no, "idempotency_key": null, "amount": amount,
            "description": "tea", "channel": channel, "expires_at": PAID_AT});
        self.record("order_opened", fields);
        let order = Order { order_no: order_no.into(), amount, status: "open", payment: None };
        self.stored().orders.push((order.clone(), None));
        let (order_no, key) = (order_no.into(), None);
        self.done(Request::Open { order_no, key, amount, by_wechat }, true, Thing::Order(order))
    }

    pub(super) fn order(&mut self, order_no: &str) -> (usize, Order) {
        let orders = &self.stored().orders;
        let index = orders.iter().position(|(order, _)| order.order_no == order_no).unwrap();
        (index, orders[index].0.clone())
    }

    /// The channel brings the money, and tells it.
    pub(super) fn pay(&mut self, order_no: &str, transaction_id: &str) -> usize {
        let (index, mut order) = self.order(order_no);
        let (amount, fee) = (order.amount, (order.amount * self.rules.fee_bp + 5_000) / 10_000);
        let settle_on = self.rules.settle_after_days.map(|days| format!("2026-11-{}", 25 + days));
        self.balance.paid_orders += 1;
        self.balance.paid += amount;
        self.balance.fee += fee;
        self.balance.pending += amount - fee;
        let paid_seq = self.balance.paid_orders;
        let fields = json!({"order_no": order_no, "transaction_id": transaction_id,
            "paid_at": PAID_AT, "booked": amount, "fee": fee, "paid_seq": paid_seq,
            "settle_on": settle_on, "source": "notice"});
        self.record("order_paid", fields);
        if order.status == "closed" {
            self.case("paid_after_close", order_no, transaction_id, amount);
        }
        let transaction_id: String = transaction_id.into();
        let payment =
            Payment { transaction_id: transaction_id.clone(), booked: amount, fee, paid_seq };
        (order.status, order.payment) = ("paid", Some(payment));
        self.stored().orders[index].0 = order.clone();
        self.pending.push((index, settle_on));
        let real = (SHOP.into(), order_no.into(), transaction_id.clone(), amount);
        self.history.channel.payments.push(real);
        let order_no = order_no.into();
        let pay = Request::Pay { order_no, transaction_id, amount, booked: amount, by_hand: false };
        self.done(pay, true, Thing::Payment(None, Some(order)))
    }

    pub(super) fn case(&mut self, kind: &'static str, order: &str, transaction: &str, amount: Fen) {
        let id = format!("{SHOP}-{kind}{order}{transaction}");
        let case = json!({"case_id": id, "kind": kind, "order_no": order,
            "transaction_id": transaction, "amount": amount, "expected": null, "paid_at": PAID_AT,
            "booked": amount});
        self.record("case_opened", json!({ "case": case }));
        self.stored().cases.push((id, kind));
    }

    /// What a case holds becomes the merchant's, as an admin decides.
    pub(super) fn credit(&mut self, (order, transaction): (&str, &str), amount: Fen) -> usize {
        let (kind, remedy) = ("paid_twice", Some("credit"));
        let id = format!("{SHOP}-{kind}{order}{transaction}");
        let fields = json!({"case_id": id, "by": "key1", "note": "so", "remedy": remedy});
        self.record("case_resolved", fields);
        self.balance.suspense -= amount;
        self.balance.adjusted += amount;
        self.balance.available += amount;
        let fields = json!({"case_id": id, "transaction_id": transaction, "amount": amount,
            "to": "available"});
        self.record("suspense_released", fields);
        let resolve = Request::Desk(Desk::Resolve { case_id: id.clone(), remedy });
        self.done(resolve, true, Thing::Case(id, kind))
    }

    /// A payment that does not fit.
    pub(super) fn misfit(
        &mut self,
        kind: &'static str,
        (order_no, transaction_id): (&str, &str),
        amount: Fen,
    ) -> usize {
        if kind != "transaction_reused" {
            self.balance.suspense += amount;
        }
        self.case(kind, order_no, transaction_id, amount);
        let known = kind != "order_unknown";
        let order = known.then(|| self.order(order_no).1);
        let (order_no, transaction_id) = (order_no.into(), transaction_id.into());
        let pay = Request::Pay { order_no, transaction_id, amount, booked: amount, by_hand: false };
        self.done(pay, true, Thing::Payment(Some(kind), order))
    }

    pub(super) fn close(&mut self, order_no: &str) -> usize {
        self.record("order_closed", json!({ "order_no": order_no }));
        let (index, mut order) = self.order(order_no);
        order.status = "closed";
        self.stored().orders[index].0 = order.clone();
        self.done(Request::Close { order_no: order_no.into() }, true, Thing::Order(order))
    }

    pub(super) fn settle(&mut self, settlement_no: &str, include_not_due: bool) -> usize {
        let made = self.make_settlement(settlement_no, include_not_due);
        let (settlement_no, key) = (settlement_no.into(), None);
        let settle = Request::Settle { settlement_no, key, include_not_due };
        self.done(settle, true, Thing::Settlement(Some(made)))
    }

    fn make_settlement(&mut self, settlement_no: &str, include_not_due: bool) -> Settlement {
        let all = include_not_due || self.rules.settle_after_days.is_none_or(|days| days == 0);
        let through = if all { "9999-12-31" } else { "2026-11-25" };
        let due =
            |(_, day): &(usize, Option<String>)| day.as_deref().is_none_or(|day| day <= through);
        let (due, later): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(due);
        self.pending = later;
        let mut made = Settlement {
            settlement_no: settlement_no.into(),
            orders: due.len() as u64,
            gross: 0,
            refunded: 0,
            fee: 0,
            first_paid_seq: u64::MAX,
            last_paid_seq: 0,
            through: through.into(),
        };
        let taken = std::mem::take(&mut self.taken);
        for (index, _) in due {
            let (order, settled) = &mut self.stored().orders[index];
            *settled = Some(settlement_no.into());
            let payment = order.payment.as_ref().unwrap();
            made.gross += payment.booked;
            made.fee += payment.fee;
            let of = |(of, ..): &&(usize, Fen, Fen)| *of == index;
            for (_, booked, fee) in taken.iter().filter(of) {
                made.refunded += booked;
                made.fee -= fee;
            }
            made.first_paid_seq = made.first_paid_seq.min(payment.paid_seq);
            made.last_paid_seq = made.last_paid_seq.max(payment.paid_seq);
        }
        self.balance.pending -= made.gross - made.refunded - made.fee;
        self.balance.available += made.gross - made.refunded - made.fee;
        let moved = json!({"orders": made.orders, "gross": made.gross, "refunded": made.refunded,
            "fee": made.fee, "first_paid_seq": made.first_paid_seq, "last_paid_seq": made.last_paid_seq});
        let fields = json!({"settlement_no": settlement_no, "idempotency_key": null,
            "through": through, "include_not_due": include_not_due, "moved": moved});
        self.record("settled", fields);
        self.stored().settlements.push(made.clone());
        made
    }

    /// What a withdrawal asks; the key `key1` asks for it.
    pub(super) fn withdraw_request(withdrawal_no: &str, amount: Option<Fen>) -> Request {
        Request::Withdraw {
            withdrawal_no: withdrawal_no.into(),
            key: None,
            amount,
            settle_first: false,
            settlement_no: format!("{withdrawal_no}S"),
            by: "key1".into(),
        }
    }

    pub(super) fn withdraw(&mut self, number: &str, amount: Option<Fen>) -> usize {
        let request = Self::withdraw_request(number, amount);
        self.take_out(number, request, None)
    }

    /// Settles and takes everything out, in one message.
    pub(super) fn withdraw_all_settled(&mut self, number: &str) -> usize {
        let mut request = Self::withdraw_request(number, None);
        if let Request::Withdraw { settle_first, .. } = &mut request {
            *settle_first = true;
        }
        let settlement_no = format!("{number}S");
        self.make_settlement(&settlement_no, false);
        self.at_ms -= 1_000;
        self.take_out(number, request, Some(settlement_no))
    }

    fn take_out(&mut self, number: &str, request: Request, settlement_no: Option<String>) -> usize {
        let Request::Withdraw { amount: asked, settle_first, .. } = &request else { panic!() };
        let amount = asked.unwrap_or(self.balance.available);
        let needs_approval = self.rules.approval_over.is_some_and(|over| amount > over);
        self.balance.available -= amount;
        self.balance.in_transit += amount;
        let method = if self.rules.payout_by_wechat { "wechat" } else { "manual" };
        let fields = json!({"withdrawal_no": number, "idempotency_key": null, "amount": amount,
            "request": {"amount": asked, "settle_first": settle_first}, "method": method,
            "payout_openid": "o", "payout_name": null, "needs_approval": needs_approval,
            "day": "2026-11-25", "asked_by": "key1", "settlement_no": settlement_no});
        self.record("withdrawal_requested", fields);
        let status = if needs_approval { "awaiting_approval" } else { "requested" };
        let made = Withdrawal { withdrawal_no: number.into(), amount, status, settlement_no };
        self.stored().withdrawals.push(made.clone());
        self.done(request, true, Thing::Withdrawal(made))
    }

    /// Lets a withdrawal go on, as the call says.
    pub(super) fn go_on(&mut self, number: &str, request: Request, status: &'static str) -> usize {
        let listed = &mut self.stored().withdrawals;
        let row = listed.iter_mut().find(|row| row.withdrawal_no == number).unwrap();
        row.status = status;
        let (made, amount) = (row.clone(), row.amount);
        let mut fields = json!({"withdrawal_no": number});
        let kind = match status {
            "requested" => "withdrawal_approved",
            "rejected" => "withdrawal_rejected",
            "sending" => "withdrawal_sending",
            "unknown" => "withdrawal_unknown",
            "succeeded" => "withdrawal_succeeded",
            "failed" => "withdrawal_failed",
            other => panic!("{other} is no event"),
        };
        if let Request::Review { by, .. } = &request {
            fields["by"] = json!(by);
        }
        if ["rejected", "failed", "succeeded"].contains(&status) {
            fields["amount"] = json!(amount);
            fields["day"] = json!("2026-11-25");
            self.balance.in_transit -= amount;
            let to = if status == "succeeded" {
                &mut self.balance.withdrawn
            } else {
                &mut self.balance.available
            };
            *to += amount;
        }
        self.record(kind, fields);
        self.done(request, true, Thing::Withdrawal(made))
    }

    pub(super) fn review(&mut self, number: &str, approve: bool, by: &str) -> usize {
        let status = if approve { "requested" } else { "rejected" };
        let review = Request::Review { withdrawal_no: number.into(), approve, by: by.into() };
        self.go_on(number, review, status)
    }

    pub(super) fn send(&mut self, number: &str) -> usize {
        self.go_on(number, Request::StartSending { withdrawal_no: number.into() }, "sending")
    }

    pub(super) fn told(&mut self, number: &str, outcome: TransferOutcome) -> usize {
        let status = match outcome {
            TransferOutcome::Succeeded => "succeeded",
            TransferOutcome::Failed | TransferOutcome::NotFound => "failed",
            TransferOutcome::Unknown => "unknown",
        };
        let record = Request::RecordTransfer { withdrawal_no: number.into(), outcome };
        self.go_on(number, record, status)
    }

    /// Money goes out at the channel.
    pub(super) fn transfer(&mut self, number: &str, amount: Fen) {
        self.history.channel.transfers.push((SHOP.into(), number.into(), amount));
    }

    /// The history, its journal chained.
    pub(super) fn close_books(self) -> History {
        chained(self.history)
    }
}

fn fields_of(rules: &Rules) -> Value {
    let method = if rules.payout_by_wechat { "wechat" } else { "manual" };
    json!({"name": "Tea", "fee_bp": rules.fee_bp, "settle_after_days": rules.settle_after_days,
        "payout_method": method, "payout_openid": "o", "payout_name": null,
        "withdrawal_min_fen": rules.withdrawal_min, "withdrawal_max_fen": rules.withdrawal_max,
        "daily_max_fen": rules.daily_max, "approval_over_fen": rules.approval_over,
        "debt_max_fen": rules.debt_max})
}
