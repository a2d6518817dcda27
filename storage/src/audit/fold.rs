//! A merchant's journal, taken event by event: the chain, the rules, the ledger, and what the tables must hold.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher};

use tally_actors::domain::books::{Books, Key, Numbered, Record, Route};
use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Balance;
use tally_actors::domain::refund::RefundSource;
use tally_actors::domain::replay::Replay;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::Day;

use super::ledger::Ledger;
use super::report::{Fault, What};

/// The share of a merchant's records that one pass over its journal keeps in memory, by a hash of their number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Which, from 0.
    pub(super) index: u64,
    /// Of how many.
    pub(super) of: u64,
}

impl Share {
    /// Whether the record of that number belongs to it.
    pub(super) fn has(self, number: &str) -> bool {
        if self.of == 1 {
            return true;
        }
        let mut hasher = DefaultHasher::new();
        number.hash(&mut hasher);
        hasher.finish() % self.of == self.index
    }
}

/// A journal up to one event.
pub(super) struct Fold {
    of: MerchantId,
    share: Share,
    replay: Replay,
    ledger: Ledger,
    books: Books,
    keys: BTreeSet<Key>,
}

impl Fold {
    /// A journal before its first event.
    pub(super) fn new(of: MerchantId, share: Share) -> Self {
        let books = Books::default();
        let (keys, replay, ledger) = (BTreeSet::new(), Replay::new(of), Ledger::default());
        Self { of, share, replay, ledger, books, keys }
    }

    /// Which records are kept.
    pub(super) fn share(&self) -> Share {
        self.share
    }

    /// The newest event's place and hash.
    pub(super) fn link(&self) -> Link {
        self.replay.link()
    }

    /// The head that the store must have; `None` before the first event.
    pub(super) fn head(&self) -> Option<&Head> {
        self.replay.head()
    }

    /// The sums of the entries.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The keys of the rows that the tables must have, in the order of the tables' primary keys.
    pub(super) fn keys(&self) -> &BTreeSet<Key> {
        &self.keys
    }

    /// What a key names.
    pub(super) fn record(&self, key: &Key) -> &Record {
        self.books.get(key).expect("its key was kept when it was made")
    }

    /// Takes the next row of the journal.
    pub(super) fn take(&mut self, seq: i64, hash: &[u8], bytes: &[u8]) -> Result<(), Box<Fault>> {
        let place = self.link().seq.next().to_string();
        let of = self.of;
        self.apply(seq, hash, bytes).map_err(|what| Fault::new(&of, "journal", place, what))
    }

    fn apply(&mut self, seq: i64, hash: &[u8], bytes: &[u8]) -> Result<(), What> {
        let seq = Seq(u64::try_from(seq).unwrap_or(0));
        let (next, stamped) = self.replay.read(seq, hash, bytes)?;
        let event = &stamped.event;
        if let Some(head) = self.replay.head() {
            allowed(head, event).map_err(What::Broken)?;
        }
        self.replay.take(next, &stamped)?;
        self.ledger.book(event).map_err(|fen| {
            What::Broken(format!("the debits of its entries are {fen} fen more than the credits"))
        })?;
        self.keep(next.seq, &stamped).map_err(What::Broken)
    }

    /// Applies the event to the records, if they are of this share.
    fn keep(&mut self, seq: Seq, stamped: &Stamped) -> Result<(), String> {
        let mut touched = Books::touched_by(&stamped.event);
        // Columns of the rows of an order and of a case.
        touched.retain(|key| !matches!(key, Key::Transaction(_) | Key::Held(_)));
        let ours = touched.last().is_some_and(|key| self.share.has(number(key)));
        if !ours {
            self.keep_number(&stamped.event);
            return Ok(());
        }
        self.books.apply(seq, stamped).map_err(|broken| broken.to_string())?;
        self.keys.extend(touched);
        Ok(())
    }

    /// A refund is folded with its order, and the row of a key with the refund's number in it does not say which that is: so each
    /// share knows all of those.
    fn keep_number(&mut self, event: &Event) {
        if let Event::RefundRequested { refund_no, idempotency_key: Some(key), .. } = event {
            let key = Key::Idempotency(Route::Refunds, *key);
            self.books.learn(key, Some(Record::Number(Numbered::Refund(*refund_no))));
            self.keys.insert(key);
        }
    }
}

/// What adds up, and the rules then in force did not allow: the balances alone don't show it.
fn allowed(head: &Head, event: &Event) -> Result<(), String> {
    if let Event::OrderPaid { booked, fee, paid_at, settle_on, fee_bp, .. } = event {
        if fee_bp.is_some_and(|rate| rate != head.rules.fee_bp) {
            return Err("its rate is not the one then in force".to_owned());
        }
        let due = booked.fee(head.rules.fee_bp);
        if *fee != due {
            return Err(format!("its fee is {fee}, should be {due} at the rate then in force"));
        }
        let first = head.rules.settle_on(*paid_at);
        if *settle_on != first {
            let day = |day: &Option<Day>| day.map_or("at once".to_owned(), |day| day.to_string());
            let (is, should) = (day(settle_on), day(&first));
            return Err(format!(
                "it may be settled from {is}, should be {should} by the rules then in force"
            ));
        }
    }
    // Refunds may leave a debt, where one is allowed; withdrawals never. What WeChat took is a fact, and not asked for.
    if let Event::RefundRequested { booked, fee, source: RefundSource::Available, .. } = event {
        let left = head.available.plus(*fee).and_then(|all| all.minus(*booked));
        let deepest = Balance::ZERO.minus(head.rules.debt_max_fen);
        if booked > fee && left < deepest {
            return Err(format!("it leaves a debt over the {} allowed", head.rules.debt_max_fen));
        }
    }
    if let Event::AdjustmentApproved { amount, .. } = event {
        let deepest = Balance::ZERO.minus(head.rules.debt_max_fen);
        if *amount < Balance::ZERO && head.available.with(*amount) < deepest {
            return Err(format!("it leaves a debt over the {} allowed", head.rules.debt_max_fen));
        }
    }
    if let Event::WithdrawalRequested { amount, .. } = event {
        let available = head.available.spendable();
        if *amount > available {
            return Err(format!("it takes out {amount}, of {available} available"));
        }
        paid_out_as_agreed(&head.rules, event)?;
    }
    Ok(())
}

/// Where a withdrawal goes and whether it waits for a second key is agreed, not asked for.
fn paid_out_as_agreed(rules: &Rules, event: &Event) -> Result<(), String> {
    let Event::WithdrawalRequested {
        amount,
        method,
        payout_openid,
        payout_name,
        needs_approval,
        ..
    } = event
    else {
        return Ok(());
    };
    if rules.payout_method != Some(*method)
        || rules.payout_openid != *payout_openid
        || rules.payout_name != *payout_name
    {
        return Err("it is paid out otherwise than was agreed (personal, not shown)".to_owned());
    }
    let over = rules.approval_over_fen.is_some_and(|over| *amount > over);
    if *needs_approval != over {
        let words = if over { "must wait" } else { "need not wait" };
        return Err(format!("by the rules then in force it {words} for a second key"));
    }
    Ok(())
}

/// The text by which a record belongs to a share. A number made for a caller's key goes with what it names, so an event's last
/// key decides.
fn number(key: &Key) -> &str {
    match key {
        Key::Idempotency(_, key) => key.as_str(),
        Key::Order(number) => number.as_str(),
        Key::Transaction(number) | Key::Held(number) => number.as_str(),
        Key::Settlement(number) => number.as_str(),
        Key::Withdrawal(number) => number.as_str(),
        Key::Case(id) => id.as_str(),
        Key::Refund(number) => number.as_str(),
        Key::InRun(number) => number.as_str(),
        Key::Adjustment(number) => number.as_str(),
    }
}
