//! Giving customers their money back (`api.md` 3, "Rules behind the numbers").

use super::super::books::{Key, Numbered, Route};
use super::super::case::{Case, CaseKind, RaisedCase};
use super::super::command::{
    Answer, Asked, NoticeRefund, RecordRefund, RefundOutcome, RequestRefund, StartRefund,
};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::{CaseId, RefundNo};
use super::super::money::Money;
use super::super::order::{Channel, ORDER_MAX, Order, Payment};
use super::super::refund::{REFUNDS_APART_MS, Refund, RefundSource, RefundStatus, RefundSums};
use super::super::refusal::Refusal;
use super::super::restored::Restored;
use super::super::time::At;
use super::Account;
use super::refund_sums::{AVAILABLE, back_to, check_debt, taking, to_take};
use super::restored::never_comes;
use super::suspense::{back_in_suspense, out_of_suspense};
use crate::limits;
use crate::mutant::{self, Mutant};

/// The smallest refund, in fen.
const REFUND_MIN: Money = Money::from_fen(1).expect("a small amount");

/// What WeChat takes as a refund's `refund_desc`, in bytes.
const REASON_MAX_BYTES: usize = 80;

impl Account {
    /// The number the call is about: the one recorded for the caller's key, else its own.
    pub(super) fn refund_number(&self, request: &RequestRefund) -> RefundNo {
        let recorded =
            request.idempotency_key.and_then(|key| self.books.number(Route::Refunds, &key));
        if let Some(Numbered::Refund(refund_no)) = recorded { refund_no } else { request.refund_no }
    }

    /// The keys of an outcome: where it makes a case, that too.
    pub(super) fn refund_keys(&self, record: &RecordRefund) -> Vec<Key> {
        let mut keys = vec![Key::Refund(record.refund_no), Key::Order(record.order_no)];
        if keys.iter().all(|key| self.books.knows(key))
            && let Some(refund) = self.books.refund(&record.refund_no)
            && let Some(kind) = case_of(refund, &record.outcome)
        {
            keys.push(Key::Case(self.refund_case_id(kind, &record.refund_no)));
        }
        keys
    }

    pub(super) fn request_refund(
        &self,
        head: &Head,
        request: &RequestRefund,
    ) -> Result<Vec<Event>, Refusal> {
        if let Some(made) = self.books.refund(&self.refund_number(request)) {
            // Of one that was lost with its books, and found at the channel, nobody knows the reason.
            let same = made.order_no == request.order_no
                && made.amount == request.amount
                && (made.reason == request.reason || made.by_hand.is_some());
            return if same { Ok(vec![]) } else { Err(Refusal::NumberReused) };
        }
        if !(REFUND_MIN..=ORDER_MAX).contains(&request.amount) {
            return Err(Refusal::AmountInvalid { min: REFUND_MIN, max: ORDER_MAX });
        }
        if request.reason.len() > REASON_MAX_BYTES {
            return Err(Refusal::Invalid {
                field: "reason",
                reason: "must be at most 80 bytes of UTF-8",
            });
        }
        let order = self.books.order(&request.order_no).ok_or(Refusal::OrderUnknown)?;
        let payment = order.payment.as_ref().ok_or(Refusal::OrderNotPaid)?;
        let left = order.amount.minus(order.refunded).unwrap_or(Money::ZERO);
        if request.amount > left {
            return Err(Refusal::RefundExceedsPayment { left });
        }
        let external = order.channel == Channel::External;
        if external && !request.by_admin {
            return Err(Refusal::RefundByAdminOnly);
        }
        if !external && !request.refunds_open {
            return Err(Refusal::CertificateMissing);
        }
        let booked = to_take(order, payment, request.amount);
        let (taken, source) = taking(head, order, payment, booked);
        if source == RefundSource::Available {
            check_debt(head, taken)?;
        }
        let refund_no = request.refund_no;
        let requested = Event::RefundRequested {
            refund_no,
            order_no: request.order_no,
            idempotency_key: request.idempotency_key,
            amount: request.amount,
            booked: taken.booked,
            fee: taken.fee,
            source,
            transaction_id: payment.transaction_id,
            total: order.amount,
            reason: request.reason.clone(),
            asked_by: request.asked_by,
        };
        if !external {
            return Ok(vec![requested]);
        }
        let order_fee = payment.fee_after(order.refunded_booked.plus(booked).unwrap_or(Money::MAX));
        let succeeded = Event::RefundSucceeded {
            refund_no,
            order_no: request.order_no,
            amount: request.amount,
            booked,
            booked_now: booked,
            order_fee,
            order_fee_now: order_fee,
            source,
            refund_id: request.reason.clone(),
        };
        Ok(vec![requested, succeeded])
    }

    /// `sending` is recorded once a try, at that time, by whoever knows of the last try: soon after it, or any time after one
    /// that certainly moved nothing. Refunds of one order keep their distance, whichever process sends them.
    pub(super) fn start_refund(
        &self,
        start: &StartRefund,
        asked: Asked,
    ) -> Result<Vec<Event>, Refusal> {
        let StartRefund { refund_no, order_no, last_try } = *start;
        // Of restored books nobody knows which refunds were made since under other numbers.
        if asked.is_frozen() {
            return Err(Refusal::WithdrawalsFrozen);
        }
        let at = asked.at;
        let (refund, order) = self.refund_and_order(refund_no, order_no)?;
        let too_late = |last: At| at >= last.plus_ms(limits::MISSING_IS_CERTAIN_AFTER_MS);
        let may_go_out = match refund.status {
            RefundStatus::Requested => true,
            RefundStatus::Sending | RefundStatus::Unknown => !last_try.is_some_and(too_late),
            RefundStatus::Succeeded | RefundStatus::Failed => false,
        };
        if !may_go_out || refund.by_hand.is_some() || refund.tried_at != last_try {
            return Err(Refusal::RefundDecided(refund.status.as_str()));
        }
        if let Some(sent) = order.refund_sent_at.filter(|sent| Some(*sent) != last_try) {
            let until = sent.plus_ms(REFUNDS_APART_MS);
            if at < until {
                return Err(Refusal::RefundTooSoon(until));
            }
        }
        Ok(vec![Event::RefundSending { refund_no, order_no }])
    }

    pub(super) fn record_refund(
        &self,
        head: &Head,
        record: &RecordRefund,
        restored: Option<Restored>,
    ) -> Result<Vec<Event>, Refusal> {
        let (refund, order) = self.refund_and_order(record.refund_no, record.order_no)?;
        let decided = || Refusal::RefundDecided(refund.status.as_str());
        let refund_no = refund.refund_no;
        let out = matches!(refund.status, RefundStatus::Sending | RefundStatus::Unknown);
        match &record.outcome {
            RefundOutcome::Succeeded { .. } if refund.status == RefundStatus::Succeeded => {
                Ok(vec![])
            }
            RefundOutcome::Closed(_) | RefundOutcome::NotFound(_)
                if refund.status == RefundStatus::Failed =>
            {
                Ok(vec![])
            }
            _ if refund.status.is_final() => Err(decided()),
            RefundOutcome::Succeeded { refund_id, amount, booked } => {
                self.succeeded(head, (refund, order), (refund_id, *amount, *booked))
            }
            RefundOutcome::Closed(reason) => self.failed(head, refund, order, reason),
            RefundOutcome::NotFound(question) => {
                let told_for = limits::REFUND_TOLD_FOR_MS;
                if !out || !never_comes(refund.asked_since(), *question, restored, told_for) {
                    return Ok(vec![]);
                }
                let why = refund.why.as_deref().map_or(String::new(), |why| format!(": {why}"));
                let reason = format!("WeChat has no refund of this number{why}");
                self.failed(head, refund, order, &reason)
            }
            RefundOutcome::Postponed { tried_at, reason } => {
                let ours = out && refund.tried_at == Some(*tried_at);
                let (order_no, reason) = (refund.order_no, reason.clone());
                let event = Event::RefundPostponed { refund_no, order_no, reason };
                Ok(if ours { vec![event] } else { vec![] })
            }
            RefundOutcome::Unknown(reason) => {
                Ok(if out { unknown(refund, reason) } else { vec![] })
            }
            RefundOutcome::Stuck(reason) => {
                let case = self.refund_case(CaseKind::RefundStuck, refund, refund.amount);
                let mut events = unknown(refund, reason);
                if self.books.case(&case.case_id).is_none() {
                    events.push(Event::CaseRaised { case });
                }
                Ok(events)
            }
        }
    }

    /// A success is a fact: a refund made by hand is booked, and what WeChat took corrects what was taken here.
    fn succeeded(
        &self,
        head: &Head,
        (refund, order): (&Refund, &Order),
        (refund_id, amount, booked): (&str, Money, Option<Money>),
    ) -> Result<Vec<Event>, Refusal> {
        let (refund_no, order_no) = (refund.refund_no, refund.order_no);
        let sane = (REFUND_MIN..=ORDER_MAX).contains(&amount);
        if !sane || booked.is_some_and(|booked| booked > ORDER_MAX) {
            return Err(Refusal::AmountInvalid { min: REFUND_MIN, max: ORDER_MAX });
        }
        if refund.source == RefundSource::Suspense {
            return Ok(vec![out_of_suspense(refund, order, refund_id)]);
        }
        let payment = order.payment.as_ref().ok_or(Refusal::OrderNotPaid)?;
        if refund.by_hand.is_some() {
            // WeChat gives back no more than was paid: refunds asked for here and not yet sent will fail, and make room.
            if order.refunded.plus(amount).is_none_or(|all| all > order.amount) {
                return Ok(unknown(refund, "it waits for other refunds of the order to fail"));
            }
            let booked = booked.unwrap_or_else(|| to_take(order, payment, amount));
            let (taken, source) = taking(head, order, payment, booked);
            let found = Event::RefundFound {
                refund_no,
                order_no,
                amount,
                booked: taken.booked,
                fee: taken.fee,
                source,
                refund_id: refund_id.into(),
            };
            let case = self.refund_case(CaseKind::RefundByHand, refund, amount);
            let known = self.books.case(&case.case_id).is_some();
            let case = (!known).then_some(Event::CaseRaised { case });
            return Ok([found].into_iter().chain(case).collect());
        }
        let booked_now = booked.unwrap_or(refund.booked);
        let others = order.refunded_booked.minus(refund.booked).unwrap_or(Money::ZERO);
        let taken_now = others.plus(booked_now).unwrap_or(Money::MAX);
        let (order_fee, order_fee_now) = (order.fee(), payment.fee_after(taken_now));
        let taken = RefundSums { booked: booked_now, fee: order_fee };
        let back = RefundSums { booked: refund.booked, fee: order_fee_now };
        let own = booked_now <= refund.booked || taken_now <= payment.booked;
        let source = if own { back_to(head, refund, payment, taken, back) } else { AVAILABLE };
        Ok(vec![Event::RefundSucceeded {
            refund_no,
            order_no,
            amount: refund.amount,
            booked: refund.booked,
            booked_now,
            order_fee,
            order_fee_now,
            source,
            refund_id: refund_id.into(),
        }])
    }

    /// The end of a refund that certainly does not happen. What came out of suspense is there again, and needs a person again.
    fn failed(
        &self,
        head: &Head,
        refund: &Refund,
        order: &Order,
        why: &str,
    ) -> Result<Vec<Event>, Refusal> {
        if refund.source != RefundSource::Suspense {
            let payment = order.payment.as_ref().ok_or(Refusal::OrderNotPaid)?;
            return Ok(vec![given_back(head, refund, order, payment, why)]);
        }
        let case = self.refund_case(CaseKind::RefundFailed, refund, refund.amount);
        Ok(back_in_suspense(refund, case, why))
    }

    pub(super) fn notice_refund(&self, notice: &NoticeRefund) -> Result<Vec<Event>, Refusal> {
        if self.books.refund(&notice.refund_no).is_some() {
            return Ok(vec![]);
        }
        let order = self.books.order(&notice.order_no).ok_or(Refusal::OrderUnknown)?;
        let payment = order.payment.as_ref().ok_or(Refusal::OrderNotPaid)?;
        if notice.transaction_id.is_some_and(|told| told != payment.transaction_id) {
            return Err(Refusal::OrderConflict("transaction_id"));
        }
        if !(REFUND_MIN..=order.amount).contains(&notice.amount) {
            return Err(Refusal::AmountInvalid { min: REFUND_MIN, max: order.amount });
        }
        Ok(vec![Event::RefundNoticed {
            refund_no: notice.refund_no,
            order_no: notice.order_no,
            out_refund_no: notice.out_refund_no.clone(),
            refund_id: notice.refund_id.clone(),
            amount: notice.amount,
            transaction_id: payment.transaction_id,
            total: order.amount,
        }])
    }

    /// A refund and its order. An order that is not the refund's is as unknown as the refund.
    fn refund_and_order(
        &self,
        refund_no: RefundNo,
        order_no: super::super::ids::OrderNo,
    ) -> Result<(&Refund, &Order), Refusal> {
        let refund = self.books.refund(&refund_no).filter(|refund| refund.order_no == order_no);
        let order = self.books.order(&order_no);
        refund.zip(order).ok_or(Refusal::RefundUnknown)
    }

    fn refund_case(&self, kind: CaseKind, refund: &Refund, amount: Money) -> RaisedCase {
        let facts = [
            ("refund_no", Some(refund.refund_no.as_str())),
            ("refund_id", refund.refund_id.as_deref()),
        ];
        let told = |(name, value): (&str, Option<&str>)| Some((name.into(), value?.into()));
        RaisedCase {
            case_id: self.refund_case_id(kind, &refund.refund_no),
            kind,
            order_no: Some(refund.order_no),
            transaction_id: Some(refund.transaction_id),
            amount: Some(amount),
            expected: None,
            facts: facts.into_iter().filter_map(told).collect(),
        }
    }

    fn refund_case_id(&self, kind: CaseKind, refund_no: &RefundNo) -> CaseId {
        Case::id_of(&self.merchant, kind, refund_no.as_str())
    }

    pub(super) fn refund_answer(&self, refund_no: &RefundNo) -> Answer {
        let refund = self.books.refund(refund_no).expect("decide refuses what is not known");
        Answer::Refund(Box::new(refund.clone()))
    }
}

/// The case that an outcome makes.
fn case_of(refund: &Refund, outcome: &RefundOutcome) -> Option<CaseKind> {
    match outcome {
        RefundOutcome::Stuck(_) => Some(CaseKind::RefundStuck),
        RefundOutcome::Succeeded { .. } => {
            refund.by_hand.is_some().then_some(CaseKind::RefundByHand)
        }
        RefundOutcome::Closed(_) | RefundOutcome::NotFound(_) => {
            (refund.source == RefundSource::Suspense).then_some(CaseKind::RefundFailed)
        }
        RefundOutcome::Postponed { .. } | RefundOutcome::Unknown(_) => None,
    }
}

/// The end of a refund of an order's money. One that was only heard of took nothing.
fn given_back(head: &Head, refund: &Refund, order: &Order, payment: &Payment, why: &str) -> Event {
    let amount = if refund.is_hearsay() { Money::ZERO } else { refund.amount };
    let nothing = mutant::on(Mutant::FailedRefundKept);
    let booked = if nothing { Money::ZERO } else { refund.booked };
    let left = order.refunded_booked.minus(booked).unwrap_or(Money::ZERO);
    let fee = payment.fee_after(left).minus(order.fee()).unwrap_or(Money::ZERO);
    let back = RefundSums { booked, fee };
    Event::RefundFailed {
        refund_no: refund.refund_no,
        order_no: refund.order_no,
        amount,
        booked,
        fee,
        to: back_to(head, refund, payment, RefundSums::default(), back),
        reason: why.into(),
    }
}

/// That nobody knows, unless that was said before in the same words.
fn unknown(refund: &Refund, reason: &str) -> Vec<Event> {
    if refund.status == RefundStatus::Unknown && refund.why.as_deref() == Some(reason) {
        return vec![];
    }
    let (refund_no, order_no) = (refund.refund_no, refund.order_no);
    vec![Event::RefundUnknown { refund_no, order_no, reason: reason.into() }]
}
