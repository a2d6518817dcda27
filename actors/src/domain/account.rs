//! The rules of one merchant: what a command leads to, given all that happened before.

mod adjustments;
mod attested;
mod bank_run;
mod cases;
mod orders;
mod payments;
mod refund_sums;
mod refunds;
mod restored;
mod settlements;
mod standing;
mod suspense;
#[cfg(test)]
mod tests;
mod withdrawals;

use super::books::{Books, Key, Numbered, Route};
use super::chain::Link;
use super::command::{Answer, Asked, Command, RulesChange, StartRefund, StartSending};
use super::event::{Event, Stamped};
use super::head::{Broken, Head};
use super::ids::{IdempotencyKey, MerchantId};
use super::refusal::Refusal;
use super::reserved;
use super::rules::Rules;
use super::time::At;
use crate::mutant::Earlier;

/// One merchant as its messages see it: the head, and the records that they name.
#[derive(Debug, Clone)]
pub struct Account {
    merchant: MerchantId,
    head: Option<Head>,
    books: Books,
    earlier: Earlier,
}

impl Account {
    /// The account as the store has it; `None` for a merchant that was never registered.
    pub fn new(merchant: MerchantId, head: Option<Head>) -> Self {
        Self { merchant, head, books: Books::default(), earlier: Earlier::default() }
    }

    /// Whose account.
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }

    /// Where the merchant stands; `None` when it was never registered.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The newest event's place and hash.
    pub fn link(&self) -> Link {
        self.head.as_ref().map_or_else(Link::default, |head| head.link)
    }

    /// The records at hand.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The records at hand, to teach them or to let them go.
    pub fn books_mut(&mut self) -> &mut Books {
        &mut self.books
    }

    /// The keys that a command names, as far as they can be told: some are known only when the records of others are at
    /// hand, so ask again after a lookup. The list only grows, and by keys of a later [`Key::stage`].
    pub fn keys(&self, command: &Command) -> Vec<Key> {
        match command {
            Command::Register(_) | Command::ChangeRules(_) | Command::Read | Command::Stand(_) => {
                vec![]
            }
            Command::OpenOrder(open) => {
                self.numbered(Route::Orders, open.idempotency_key, &[Key::Order(open.order_no)])
            }
            Command::RecordPrepay(prepay) => vec![Key::Order(prepay.order_no)],
            Command::Pay(pay) => self.payment_keys(pay),
            Command::StartClosing(order_no) | Command::CloseOrder(order_no) => {
                vec![Key::Order(*order_no)]
            }
            Command::Settle(settle) => {
                let fresh = [Key::Settlement(settle.settlement_no)];
                self.numbered(Route::Settlements, settle.idempotency_key, &fresh)
            }
            Command::Withdraw(withdraw) => {
                let fresh = [
                    Key::Settlement(withdraw.settlement_no),
                    Key::Withdrawal(withdraw.withdrawal_no),
                ];
                self.numbered(Route::Withdrawals, withdraw.idempotency_key, &fresh)
            }
            Command::Approve(review) | Command::Reject(review) => {
                vec![Key::Withdrawal(review.withdrawal_no)]
            }
            Command::Confirm(confirm) => vec![Key::Withdrawal(confirm.withdrawal_no)],
            Command::StartSending(start) => vec![Key::Withdrawal(start.withdrawal_no)],
            Command::RecordTransfer(record) => vec![Key::Withdrawal(record.withdrawal_no)],
            Command::Attest(attest) => vec![Key::Withdrawal(attest.withdrawal_no)],
            Command::RequestRefund(refund) => {
                let fresh = [Key::Refund(refund.refund_no)];
                let mut keys = self.numbered(Route::Refunds, refund.idempotency_key, &fresh);
                keys.push(Key::Order(refund.order_no));
                keys
            }
            Command::StartRefund(start) => {
                vec![Key::Refund(start.refund_no), Key::Order(start.order_no)]
            }
            Command::RecordRefund(record) => self.refund_keys(record),
            Command::NoticeRefund(notice) => {
                vec![Key::Refund(notice.refund_no), Key::Order(notice.order_no)]
            }
            Command::Adopt(adopt) => {
                vec![Key::Settlement(adopt.settlement_no), Key::Withdrawal(adopt.withdrawal_no)]
            }
            Command::RaiseCase(raise) => vec![Key::Case(self.raised_id(raise))],
            Command::ResolveCase(resolve) => Self::resolve_keys(resolve),
            Command::PutInRun(put) => {
                vec![Key::Withdrawal(put.withdrawal_no), Key::InRun(put.withdrawal_no)]
            }
            Command::RequestAdjustment(request) => {
                let fresh = [Key::Adjustment(request.adjustment_no)];
                self.numbered(Route::Adjustments, request.idempotency_key, &fresh)
            }
            Command::DecideAdjustment(decide) => vec![Key::Adjustment(decide.adjustment_no)],
            #[cfg(test)]
            Command::Panic => vec![],
        }
    }

    /// The keys of a call whose number the server may have made: first the caller's key, then what it names.
    fn numbered(&self, route: Route, key: Option<IdempotencyKey>, fresh: &[Key]) -> Vec<Key> {
        let Some(key) = key else { return fresh.to_vec() };
        let mut keys = vec![Key::Idempotency(route, key)];
        if self.books.knows(&keys[0]) {
            match self.books.number(route, &key) {
                None => keys.extend(fresh),
                Some(Numbered::Order(number)) => keys.push(Key::Order(number)),
                Some(Numbered::Settlement(number)) => keys.push(Key::Settlement(number)),
                Some(Numbered::Withdrawal(number)) => keys.push(Key::Withdrawal(number)),
                Some(Numbered::Refund(number)) => keys.push(Key::Refund(number)),
                Some(Numbered::Adjustment(number)) => keys.push(Key::Adjustment(number)),
            }
        }
        keys
    }

    /// Decides a command. Reads the account, changes nothing; no events mean that there is nothing to record. Dates, and
    /// whether another try comes in time, are taken from the message's own reading of the clock.
    pub fn decide(
        &self,
        command: &Command,
        asked: impl Into<Asked>,
    ) -> Result<Vec<Event>, Refusal> {
        let asked = asked.into();
        reserved::refuse(&self.merchant, self.head.as_ref(), command)?;
        let head = match (&self.head, command) {
            (Some(head), _) => head,
            (None, Command::Register(rules)) => return self.register(rules),
            (None, _) => return Err(Refusal::MerchantUnknown),
        };
        match command {
            Command::Register(rules) => self.register(rules),
            Command::ChangeRules(change) => change_rules(head, change),
            Command::Read => Ok(vec![]),
            Command::OpenOrder(open) => self.open_order(head, open),
            Command::RecordPrepay(prepay) => self.record_prepay(prepay),
            Command::Pay(pay) => Ok(Self::frozen_by_cases(head, self.pay(head, pay)?, asked)),
            Command::StartClosing(order_no) => self.start_closing(order_no),
            Command::CloseOrder(order_no) => self.close_order(order_no),
            Command::Settle(settle) => self.settle(head, settle, asked.at.day()),
            Command::Withdraw(withdraw) => self.withdraw(head, withdraw, asked),
            Command::Approve(review) => self.approve(review, asked),
            Command::Reject(review) => self.reject(review),
            Command::Confirm(confirm) => self.confirm(confirm),
            Command::StartSending(start) => {
                let at = self.time_of(command, asked.at);
                self.start_sending(start, Asked { at, ..asked })
            }
            Command::RecordTransfer(record) => self.record_transfer(record, asked.restored),
            Command::Adopt(adopt) => self.adopt(head, adopt, asked),
            Command::Attest(attest) => self.attest(attest, asked),
            Command::RaiseCase(raise) => {
                Ok(Self::frozen_by_cases(head, self.raise_case(raise)?, asked))
            }
            Command::ResolveCase(resolve) => self.resolve_case(head, resolve),
            Command::Stand(stand) => Self::stand(head, stand),
            Command::RequestRefund(refund) => self.request_refund(head, refund),
            Command::StartRefund(start) => {
                let at = self.time_of(command, asked.at);
                self.start_refund(start, Asked { at, ..asked })
            }
            Command::RecordRefund(record) => {
                let told = self.record_refund(head, record, asked.restored)?;
                Ok(Self::frozen_by_cases(head, told, asked))
            }
            Command::NoticeRefund(notice) => self.notice_refund(notice),
            Command::PutInRun(put) => self.put_in_run(put, asked),
            Command::RequestAdjustment(request) => self.request_adjustment(request),
            Command::DecideAdjustment(decide) => self.decide_adjustment(head, decide),
            #[cfg(test)]
            Command::Panic => panic!("a rule with a bug, as the test wants it"),
        }
    }

    /// The time of a command's events: the message's own, but never before the newest event. A try to pay out is named by its
    /// time, so it has one of its own even while a clock is behind.
    pub fn time_of(&self, command: &Command, now: At) -> At {
        let at = self.head.as_ref().map_or(now, |head| head.at.max(now));
        let (Command::StartSending(StartSending { last_try: Some(last_try), .. })
        | Command::StartRefund(StartRefund { last_try: Some(last_try), .. })) = command
        else {
            return at;
        };
        at.max(last_try.plus_ms(1))
    }

    /// Applies a decided event at the end of the journal. It was checked when it was decided, so it can fail only on a
    /// journal that Tally did not write.
    pub fn apply(&mut self, stamped: &Stamped, link: Link) -> Result<(), Broken> {
        self.earlier.keep(self.head.as_ref());
        self.books.apply(link.seq, stamped)?;
        Head::advance(&mut self.head, self.merchant, stamped, link)
    }

    /// The answer to a command that was decided, and whose events were applied.
    pub fn answer(&self, command: &Command) -> Answer {
        let head = self.head.as_ref().expect("decide refuses what is not known");
        match command {
            Command::Register(_) | Command::ChangeRules(_) | Command::Read | Command::Stand(_) => {
                Answer::Merchant(Box::new(head.clone()))
            }
            Command::OpenOrder(open) => self.order_answer(&self.order_number(open)),
            Command::RecordPrepay(prepay) => self.order_answer(&prepay.order_no),
            Command::Pay(pay) => self.payment_answer(pay),
            Command::StartClosing(order_no) | Command::CloseOrder(order_no) => {
                self.order_answer(order_no)
            }
            Command::Settle(settle) => self.settlement_answer(settle),
            Command::Withdraw(withdraw) => {
                self.withdrawal_answer(&self.withdrawal_number(withdraw))
            }
            Command::Approve(review) | Command::Reject(review) => {
                self.withdrawal_answer(&review.withdrawal_no)
            }
            Command::Confirm(confirm) => self.withdrawal_answer(&confirm.withdrawal_no),
            Command::StartSending(start) => self.withdrawal_answer(&start.withdrawal_no),
            Command::RecordTransfer(record) => self.withdrawal_answer(&record.withdrawal_no),
            Command::Adopt(adopt) => self.withdrawal_answer(&adopt.withdrawal_no),
            Command::Attest(attest) => self.withdrawal_answer(&attest.withdrawal_no),
            Command::RaiseCase(raise) => self.case_answer(&self.raised_id(raise)),
            Command::ResolveCase(resolve) => self.case_answer(&resolve.case_id),
            Command::RequestRefund(refund) => self.refund_answer(&self.refund_number(refund)),
            Command::StartRefund(start) => self.refund_answer(&start.refund_no),
            Command::RecordRefund(record) => self.refund_answer(&record.refund_no),
            Command::NoticeRefund(notice) => self.refund_answer(&notice.refund_no),
            Command::PutInRun(put) => self.withdrawal_answer(&put.withdrawal_no),
            Command::RequestAdjustment(request) => {
                self.adjustment_answer(&self.adjustment_number(request))
            }
            Command::DecideAdjustment(decide) => self.adjustment_answer(&decide.adjustment_no),
            #[cfg(test)]
            Command::Panic => Answer::Settlement(None),
        }
    }

    fn register(&self, rules: &Rules) -> Result<Vec<Event>, Refusal> {
        if *rules != reserved::rules() || self.merchant != reserved::id() {
            check_rules(rules)?;
        }
        match &self.head {
            None => Ok(vec![Event::MerchantRegistered { rules: rules.clone() }]),
            Some(head) if *head.rules == *rules => Ok(vec![]),
            Some(_) => Err(Refusal::MerchantExists),
        }
    }
}

/// Rules that can't hold are refused when they are given, not when they bite.
fn check_rules(rules: &Rules) -> Result<(), Refusal> {
    let invalid = |field, reason| Err(Refusal::Invalid { field, reason });
    if !(1..=64).contains(&rules.name.chars().count()) {
        return invalid("name", "must be 1 to 64 characters");
    }
    if rules.settle_after_days.is_some_and(|days| days > 30) {
        return invalid(
            "settle_after_days",
            "must be 0 to 30, or null for settlement on demand only",
        );
    }
    if rules.payout_method == Some(super::rules::PayoutMethod::Wechat)
        && rules.payout_openid.is_none()
    {
        return invalid("payout_openid", "is needed for payout_method wechat");
    }
    for (field, text, max) in
        [("payout_openid", &rules.payout_openid, 128), ("payout_name", &rules.payout_name, 64)]
    {
        if text.as_ref().is_some_and(|text| !(1..=max).contains(&text.chars().count())) {
            return invalid(
                field,
                "must not be empty, nor longer than 128 (payout_name: 64) characters",
            );
        }
    }
    if rules.withdrawal_max_fen.is_some_and(|max| max < rules.withdrawal_min()) {
        return invalid("withdrawal_max_fen", "must not be below the smallest withdrawal");
    }
    Ok(())
}

fn change_rules(head: &Head, change: &RulesChange) -> Result<Vec<Event>, Refusal> {
    let change = change.clone();
    let old = Rules::clone(&head.rules);
    let rules = Rules {
        name: change.name.unwrap_or(old.name),
        fee_bp: change.fee_bp.unwrap_or(old.fee_bp),
        settle_after_days: change.settle_after_days.unwrap_or(old.settle_after_days),
        payout_method: change.payout_method.unwrap_or(old.payout_method),
        payout_openid: change.payout_openid.unwrap_or(old.payout_openid),
        payout_name: change.payout_name.unwrap_or(old.payout_name),
        withdrawal_min_fen: change.withdrawal_min_fen.unwrap_or(old.withdrawal_min_fen),
        withdrawal_max_fen: change.withdrawal_max_fen.unwrap_or(old.withdrawal_max_fen),
        daily_max_fen: change.daily_max_fen.unwrap_or(old.daily_max_fen),
        approval_over_fen: change.approval_over_fen.unwrap_or(old.approval_over_fen),
        debt_max_fen: change.debt_max_fen.unwrap_or(old.debt_max_fen),
    };
    check_rules(&rules)?;
    Ok(if rules == *head.rules { vec![] } else { vec![Event::RulesChanged { rules }] })
}
