//! The events of a journal as the auditor reads them: out of their stored fields, into words of its own.

use serde_json::Value;

use super::day::{self, Day};
use super::people::{self, Word};
use super::refund::{self, Turn};
use crate::history::{Fact, Fen, Rules};

/// One event. Amounts in fen.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// Rules hold from here on.
    Terms { terms: Terms, registers: bool },
    /// An order waits for money.
    Opened(Opened<'a>),
    /// A step of an order that moves no money, by its kind.
    Step { order_no: &'a str, step: Step },
    /// An order was paid.
    Paid(Paid<'a>),
    /// Pending money became available.
    Settled(Settled<'a>),
    /// A withdrawal was asked for.
    Requested(Requested<'a>),
    /// A withdrawal went on.
    Moved(Moved<'a>),
    /// A case was opened.
    Case(Case<'a>),
    /// What people, or the platform's own checks, decided.
    Word(Word<'a>),
    /// A refund began or went on.
    Refund(Turn<'a>),
}

/// What was agreed, as far as money hangs on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// As a client names it.
    pub(super) rules: Rules,
    /// Whether there is any way to pay out.
    pub(super) pays_out: bool,
}

#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) order_no: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) amount: Fen,
    pub(super) by_wechat: bool,
}

/// A step of an order that moves no money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Prepaid,
    Closing,
    Closed,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Paid<'a> {
    pub(super) order_no: &'a str,
    pub(super) transaction_id: &'a str,
    pub(super) paid_at_ms: i64,
    pub(super) booked: Fen,
    pub(super) fee: Fen,
    pub(super) paid_seq: u64,
    pub(super) settle_on: Option<Day>,
    pub(super) source: Source,
}

/// Who told of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Notice,
    Query,
    Hand,
}

#[derive(Debug)]
pub(super) struct Settled<'a> {
    pub(super) settlement_no: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) through: Day,
    pub(super) include_not_due: bool,
    pub(super) moved: Bucket,
}

/// Sums over orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) orders: u64,
    pub(super) gross: i128,
    pub(super) refunded: i128,
    pub(super) fee: i128,
    pub(super) first_paid_seq: u64,
    pub(super) last_paid_seq: u64,
}

impl Bucket {
    /// What the merchant gets of it.
    pub(super) fn net(&self) -> i128 {
        self.gross - self.refunded - self.fee
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Requested<'a> {
    pub(super) withdrawal_no: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) amount: Fen,
    /// What was asked for; `None`: everything.
    pub(super) asked: Option<Fen>,
    pub(super) settle_first: bool,
    pub(super) by_wechat: bool,
    pub(super) needs_approval: bool,
    pub(super) day: Day,
    pub(super) asked_by: &'a str,
    pub(super) settlement_no: Option<&'a str>,
}

impl Requested<'_> {
    /// Whether this is what was asked for: the content that a repeat must have.
    pub(super) fn is_of(&self, amount: Option<Fen>, settle_first: bool) -> bool {
        (self.asked, self.settle_first) == (amount, settle_first)
    }
}

#[derive(Debug)]
pub(super) struct Moved<'a> {
    pub(super) withdrawal_no: &'a str,
    pub(super) how: Move,
    /// Where the event names it.
    pub(super) amount: Option<Fen>,
    /// Where the event names it.
    pub(super) day: Option<Day>,
    /// Who decided.
    pub(super) by: Option<&'a str>,
    /// The bank run that it is put in.
    pub(super) run_no: Option<&'a str>,
}

/// How a withdrawal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Approved,
    Rejected,
    Sending,
    Unknown,
    Succeeded,
    Failed,
    /// In a bank run: the bank may pay it.
    InRun,
}

#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) case_id: &'a str,
    pub(super) kind: &'a str,
    pub(super) order_no: &'a str,
    pub(super) transaction_id: &'a str,
    pub(super) amount: Fen,
    /// What came in, if the event says so.
    pub(super) booked: Option<Fen>,
}

/// Reads an event. `None`: it is none that the auditor knows, or a field is missing or of another shape.
pub(super) fn read(fact: &Fact) -> Option<Event<'_>> {
    let fields = Fields(&fact.fields);
    let step = |step| Some(Event::Step { order_no: fields.text("order_no")?, step });
    let moved = |how| fields.moved(how);
    match fact.kind {
        "merchant_registered" => fields.terms(true),
        "rules_changed" => fields.terms(false),
        "order_opened" => fields.opened(),
        "order_prepaid" => step(Step::Prepaid),
        "order_closing" => step(Step::Closing),
        "order_closed" => step(Step::Closed),
        "order_paid" => fields.paid(),
        "settled" => fields.settled(),
        "withdrawal_requested" => fields.requested(),
        "withdrawal_approved" => moved(Move::Approved),
        "withdrawal_rejected" => moved(Move::Rejected),
        "withdrawal_sending" => moved(Move::Sending),
        "withdrawal_unknown" => moved(Move::Unknown),
        "withdrawal_succeeded" => moved(Move::Succeeded),
        "withdrawal_failed" => moved(Move::Failed),
        "withdrawal_in_run" => moved(Move::InRun),
        "case_opened" => fields.case(),
        kind => people::read(kind, fields).or_else(|| refund::read(kind, fields)),
    }
}

/// The fields of an event, or of a part of it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn part(self, name: &str) -> Option<Self> {
        self.value(name).filter(|value| value.is_object()).map(Fields)
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// An amount: the journal's own name of it, or that of the API with the unit behind.
    pub(super) fn fen(self, name: &str, api: &str) -> Option<Fen> {
        self.value(name).or_else(|| self.value(api))?.as_i64()
    }

    pub(super) fn day(self, name: &str) -> Option<Day> {
        day::parse(self.text(name)?)
    }

    fn terms(self, registers: bool) -> Option<Event<'a>> {
        let rules = self.part("rules")?;
        let days = match rules.number("settle_after_days") {
            Some(days) => Some(u8::try_from(days).ok()?),
            None => None,
        };
        let method = rules.text("payout_method");
        let amount = |name| rules.value(name).and_then(Value::as_i64);
        let terms = Terms {
            rules: Rules {
                fee_bp: rules.value("fee_bp")?.as_i64()?,
                settle_after_days: days,
                withdrawal_min: amount("withdrawal_min_fen"),
                withdrawal_max: amount("withdrawal_max_fen"),
                daily_max: amount("daily_max_fen"),
                approval_over: amount("approval_over_fen"),
                payout_by_wechat: method == Some("wechat"),
                debt_max: amount("debt_max_fen").unwrap_or(0),
            },
            pays_out: method.is_some(),
        };
        Some(Event::Terms { terms, registers })
    }

    fn opened(self) -> Option<Event<'a>> {
        Some(Event::Opened(Opened {
            order_no: self.text("order_no")?,
            key: self.text("idempotency_key"),
            amount: self.fen("amount", "amount_fen")?,
            by_wechat: self.text("channel") != Some("external"),
        }))
    }

    fn paid(self) -> Option<Event<'a>> {
        let source = match self.text("source")? {
            "notice" => Source::Notice,
            "query" => Source::Query,
            "hand" => Source::Hand,
            _ => return None,
        };
        let settle_on = match self.text("settle_on") {
            Some(text) => Some(day::parse(text)?),
            None => None,
        };
        Some(Event::Paid(Paid {
            order_no: self.text("order_no")?,
            transaction_id: self.text("transaction_id")?,
            paid_at_ms: day::parse_ms(self.text("paid_at")?)?,
            booked: self.fen("booked", "booked_fen")?,
            fee: self.fen("fee", "fee_fen")?,
            paid_seq: self.number("paid_seq")?,
            settle_on,
            source,
        }))
    }

    fn settled(self) -> Option<Event<'a>> {
        let moved = self.part("moved")?;
        Some(Event::Settled(Settled {
            settlement_no: self.text("settlement_no")?,
            key: self.text("idempotency_key"),
            through: self.day("through")?,
            include_not_due: self.flag("include_not_due")?,
            moved: Bucket {
                orders: moved.number("orders")?,
                gross: moved.fen("gross", "gross_fen")?.into(),
                refunded: moved.fen("refunded", "refunded_fen")?.into(),
                fee: moved.fen("fee", "fee_fen")?.into(),
                first_paid_seq: moved.number("first_paid_seq")?,
                last_paid_seq: moved.number("last_paid_seq")?,
            },
        }))
    }

    fn requested(self) -> Option<Event<'a>> {
        let request = self.part("request")?;
        Some(Event::Requested(Requested {
            withdrawal_no: self.text("withdrawal_no")?,
            key: self.text("idempotency_key"),
            amount: self.fen("amount", "amount_fen")?,
            asked: request.fen("amount", "amount_fen"),
            settle_first: request.flag("settle_first")?,
            by_wechat: self.text("method")? == "wechat",
            needs_approval: self.flag("needs_approval")?,
            day: self.day("day")?,
            asked_by: self.text("asked_by")?,
            settlement_no: self.text("settlement_no"),
        }))
    }

    fn moved(self, how: Move) -> Option<Event<'a>> {
        Some(Event::Moved(Moved {
            withdrawal_no: self.text("withdrawal_no")?,
            how,
            amount: self.fen("amount", "amount_fen"),
            day: self.day("day"),
            by: self.text("by"),
            run_no: self.text("run_no"),
        }))
    }

    fn case(self) -> Option<Event<'a>> {
        let case = self.part("case")?;
        Some(Event::Case(Case {
            case_id: case.text("case_id")?,
            kind: case.text("kind")?,
            order_no: case.text("order_no")?,
            transaction_id: case.text("transaction_id")?,
            amount: case.fen("amount", "amount_fen")?,
            booked: case.fen("booked", "booked_fen"),
        }))
    }
}
