//! Settling: whole buckets move from pending to available (`design.md` 3.4).

use super::super::books::{Numbered, Route};
use super::super::command::{Answer, Settle};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::SettlementNo;
use super::super::money::Balance;
use super::super::refusal::Refusal;
use super::super::settlement::Bucket;
use super::super::time::Day;
use super::Account;

impl Account {
    /// The number the call is about: the one recorded for the caller's key, else its own.
    fn settlement_number(&self, settle: &Settle) -> SettlementNo {
        let recorded =
            settle.idempotency_key.and_then(|key| self.books.number(Route::Settlements, &key));
        if let Some(Numbered::Settlement(settlement_no)) = recorded {
            settlement_no
        } else {
            settle.settlement_no
        }
    }

    pub(super) fn settle(
        &self,
        head: &Head,
        settle: &Settle,
        today: Day,
    ) -> Result<Vec<Event>, Refusal> {
        if let Some(made) = self.books.settlement(&self.settlement_number(settle)) {
            let same = made.include_not_due == settle.include_not_due;
            return if same { Ok(vec![]) } else { Err(Refusal::NumberReused) };
        }
        let (through, moved) = self.due(head, settle.include_not_due, today);
        if moved.orders == 0 {
            return Ok(vec![]);
        }
        Ok(vec![Event::Settled {
            settlement_no: settle.settlement_no,
            idempotency_key: settle.idempotency_key,
            through,
            include_not_due: settle.include_not_due,
            moved,
        }])
    }

    pub(super) fn settlement_answer(&self, settle: &Settle) -> Answer {
        let made = self.books.settlement(&self.settlement_number(settle));
        Answer::Settlement(made.cloned().map(Box::new))
    }

    /// The settlement that a withdrawal makes first, if anything is due, and what is available then.
    pub(super) fn settle_first(
        &self,
        head: &Head,
        settlement_no: SettlementNo,
        today: Day,
    ) -> Result<(Option<Event>, Balance), Refusal> {
        let available = self.earlier.available(head.available);
        let (through, moved) = self.due(head, false, today);
        if moved.orders == 0 {
            return Ok((None, available));
        }
        if self.books.settlement(&settlement_no).is_some() {
            return Err(Refusal::NumberReused);
        }
        let net = moved.net().expect("a bucket holds more than its refunds and fee");
        let available = available.plus(net).expect("no more than was paid");
        let (idempotency_key, include_not_due) = (None, false);
        let settled =
            Event::Settled { settlement_no, idempotency_key, through, include_not_due, moved };
        Ok((Some(settled), available))
    }

    /// What a settlement made today moves, and up to which day.
    pub(super) fn due(&self, head: &Head, include_not_due: bool, today: Day) -> (Day, Bucket) {
        let (through, moved) = head.settling(include_not_due, today);
        (through, self.earlier.moved(moved, |early| early.settling(include_not_due, today).1))
    }
}
