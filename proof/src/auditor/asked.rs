//! What was asked of a merchant, and which calls may have recorded an event.

use std::collections::HashMap;

use super::bank_runs;
use super::event::{Case, Event, Move, Moved, Paid, Requested, Settled, Source, Step};
use super::journal::{Journal, Route};
use super::lives::Point;
use super::people::{self, Word};
use super::refund::What;
use super::refunding;
use crate::history::{Answer, Call, Desk, Request, Thing, TransferOutcome};

/// What calls and events are about: how an event finds the calls that may have recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject<'a> {
    Rules,
    Desk,
    Order(&'a str),
    Settlement(&'a str),
    Withdrawal(&'a str),
    Refund(&'a str),
    /// Of a call with a caller's key whose number only the server knows.
    Key(Route, &'a str),
}

/// The calls to one merchant, in the order of asking.
pub(super) struct Asked<'a> {
    /// With their indices in the history.
    pub(super) calls: Vec<(usize, &'a Call)>,
    /// The newest call about a subject, and behind each the one before it.
    newest: HashMap<Subject<'a>, usize>,
    links: Vec<(&'a Call, Option<usize>)>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(mut calls: Vec<(usize, &'a Call)>) -> Self {
        calls.sort_by_key(|(_, call)| call.asked);
        let mut asked = Self { calls, newest: HashMap::new(), links: vec![] };
        for index in 0..asked.calls.len() {
            let (_, call) = asked.calls[index];
            for subject in subjects(&call.request).into_iter().flatten() {
                let before = asked.newest.insert(subject, asked.links.len());
                asked.links.push((call, before));
            }
        }
        asked
    }

    fn about(&self, subject: Subject<'_>) -> impl Iterator<Item = &'a Call> {
        let mut link = self.newest.get(&subject).copied();
        std::iter::from_fn(move || {
            let (call, before) = self.links[link?];
            link = before;
            Some(call)
        })
    }

    /// The calls that may have recorded the event at this place.
    pub(super) fn origins(
        &self,
        journal: &Journal<'_>,
        at: Point,
    ) -> impl Iterator<Item = &'a Call> {
        let at = journal.asked_as(at);
        // What a case leads to is recorded by whoever opens it.
        let at = if people::follows_a_case(journal, at) { at - 1 } else { at };
        let event = journal.event(at);
        let subjects = event.map(|event| event_subjects(event, journal)).unwrap_or_default();
        let calls = subjects.into_iter().flatten().flat_map(|subject| self.about(subject));
        calls.filter(move |call| {
            !left_no_trace(call) && event.is_some_and(|event| may_record(call, event, at, journal))
        })
    }
}

fn subjects(request: &Request) -> [Option<Subject<'_>>; 2] {
    match request {
        Request::Read => [None, None],
        Request::Register(_) | Request::ChangeRules(_) => [Some(Subject::Rules), None],
        Request::Open { order_no, key, .. } => {
            [Some(numbered(Subject::Order(order_no), order_no, Route::Orders, key)), None]
        }
        Request::Pay { order_no, .. }
        | Request::Close { order_no }
        | Request::Note { order_no, .. } => [Some(Subject::Order(order_no)), None],
        Request::Settle { settlement_no, key, .. } => {
            let subject = Subject::Settlement(settlement_no);
            [Some(numbered(subject, settlement_no, Route::Settlements, key)), None]
        }
        Request::Withdraw { withdrawal_no, key, settle_first, settlement_no, .. } => {
            let subject = Subject::Withdrawal(withdrawal_no);
            [
                Some(numbered(subject, withdrawal_no, Route::Withdrawals, key)),
                settle_first.then_some(Subject::Settlement(settlement_no)),
            ]
        }
        Request::Review { withdrawal_no, .. }
        | Request::Confirm { withdrawal_no, .. }
        | Request::StartSending { withdrawal_no }
        | Request::RecordTransfer { withdrawal_no, .. } => {
            [Some(Subject::Withdrawal(withdrawal_no)), None]
        }
        Request::Desk(Desk::Attest { withdrawal_no, .. } | Desk::Run { withdrawal_no, .. }) => {
            [Some(Subject::Withdrawal(withdrawal_no)), None]
        }
        Request::Desk(_) => [Some(Subject::Desk), None],
        Request::Refunding(asked) => {
            let (number, key) = refunding::subject(asked);
            let keyed = key.filter(|_| number.is_empty());
            let subject = Subject::Refund(number);
            [Some(keyed.map_or(subject, |key| Subject::Key(Route::Refunds, key))), None]
        }
    }
}

/// The subject of a call that may leave its number to the server.
fn numbered<'a>(
    subject: Subject<'a>,
    number: &str,
    route: Route,
    key: &'a Option<String>,
) -> Subject<'a> {
    match key {
        Some(key) if number.is_empty() => Subject::Key(route, key),
        Some(_) | None => subject,
    }
}

/// Where calls are looked for that may have recorded an event: under its number, its key, and no number at all.
fn event_subjects<'a>(event: &Event<'a>, journal: &Journal<'a>) -> [Option<Subject<'a>>; 3] {
    let keyed = |route, key: Option<&'a str>| key.map(|key| Subject::Key(route, key));
    match event {
        Event::Terms { .. } => [Some(Subject::Rules), None, None],
        Event::Opened(opened) => [
            Some(Subject::Order(opened.order_no)),
            keyed(Route::Orders, opened.key),
            Some(Subject::Order("")),
        ],
        Event::Step { order_no, .. } => [Some(Subject::Order(order_no)), None, None],
        Event::Paid(paid) => [Some(Subject::Order(paid.order_no)), None, None],
        Event::Case(case) => [Some(Subject::Order(case.order_no)), None, None],
        Event::Settled(settled) => [
            Some(Subject::Settlement(settled.settlement_no)),
            keyed(Route::Settlements, settled.key),
            Some(Subject::Settlement("")),
        ],
        Event::Requested(requested) => [
            Some(Subject::Withdrawal(requested.withdrawal_no)),
            keyed(Route::Withdrawals, requested.key),
            None,
        ],
        Event::Moved(moved) => [Some(Subject::Withdrawal(moved.withdrawal_no)), None, None],
        Event::Word(Word::Raised { refund_no: Some(number), .. }) => {
            [Some(Subject::Desk), Some(Subject::Refund(number)), None]
        }
        Event::Word(Word::Attested { withdrawal_no, .. }) => {
            [Some(Subject::Withdrawal(withdrawal_no)), None, None]
        }
        Event::Word(_) => [Some(Subject::Desk), None, None],
        Event::Refund(turn) => {
            // One of external money ends in the message that asks for it, under that one's key.
            let refund = journal.refund(turn.refund_no);
            let key = refund.and_then(|refund| refund.wanted).and_then(|wanted| wanted.key);
            [
                Some(Subject::Refund(turn.refund_no)),
                keyed(Route::Refunds, key),
                Some(Subject::Refund("")),
            ]
        }
    }
}

/// Whether an answer says that the call recorded nothing, in none of its tries.
///
/// The front door asks again when the engine died with a call in hand, so a refusal may be the answer to a later try. Where
/// the first try may have made the refusal of the next one right, it proves nothing: an order closed by the first try was
/// paid before the second.
pub(super) fn left_no_trace(call: &Call) -> bool {
    let Some((_, answer)) = &call.answer else { return false };
    let code = match answer {
        Answer::NotDone => return true,
        Answer::Unknown => return false,
        Answer::Done { thing: Thing::Settlement(None), .. } => return true,
        Answer::Done { .. } => return false,
        Answer::Refused { code, .. } => *code,
    };
    let by_a_later_try: &[&str] = match &call.request {
        Request::Register(_) => &["merchant_exists"],
        Request::Close { .. } => &["order_paid"],
        Request::Note { .. } => &["order_paid", "order_closed"],
        Request::StartSending { .. }
        | Request::RecordTransfer { outcome: TransferOutcome::Unknown, .. } => {
            &["withdrawal_decided"]
        }
        Request::Refunding(asked) => refunding::refused_later(asked),
        Request::ChangeRules(_)
        | Request::Read
        | Request::Open { .. }
        | Request::Pay { .. }
        | Request::Settle { .. }
        | Request::Withdraw { .. }
        | Request::Review { .. }
        | Request::Confirm { .. }
        | Request::RecordTransfer { .. }
        | Request::Desk(_) => &[],
    };
    !by_a_later_try.contains(&code)
}

/// Whether the settler, which every real process has, records such a settlement: of rules that name a number of days, under the
/// day as its key. Keys are there once, so it is made once a day.
pub(super) fn by_the_settler(event: &Event, at: Point, journal: &Journal) -> bool {
    let Event::Settled(settled) = event else { return false };
    let days = journal.terms(at).and_then(|terms| terms.rules.settle_after_days);
    let day = settled.key.and_then(|key| key.strip_prefix("settler "));
    days.is_some() && day.is_some_and(|day| day.len() == 10) && !settled.include_not_due
}

/// Whether Tally records such events by itself, when its sweeper, payer or refunder acts.
pub(super) fn by_itself(event: &Event) -> bool {
    match event {
        Event::Step { .. } | Event::Case(_) => true,
        Event::Word(word) => people::by_itself(word),
        Event::Refund(turn) => !matches!(turn.what, What::Requested(_)),
        Event::Paid(paid) => paid.source != Source::Hand,
        Event::Moved(moved) => match moved.how {
            Move::Sending | Move::Unknown | Move::Succeeded | Move::Failed => true,
            Move::Approved | Move::Rejected | Move::InRun => false,
        },
        Event::Terms { .. } | Event::Opened(_) | Event::Requested(_) | Event::Settled(_) => false,
    }
}

/// Whether what a caller gave is what is recorded; nothing given: only the server knows.
pub(super) fn given(asked: &str, recorded: &str) -> bool {
    asked.is_empty() || asked == recorded
}

/// Whether a call's content is that of an event.
fn may_record(call: &Call, event: &Event, at: Point, journal: &Journal) -> bool {
    let request = &call.request;
    match event {
        Event::Terms { terms, registers: true } => {
            matches!(request, Request::Register(rules) if *rules == terms.rules)
        }
        Event::Terms { terms, registers: false } => {
            matches!(request, Request::ChangeRules(rules) if *rules == terms.rules)
        }
        Event::Opened(opened) => {
            let Request::Open { order_no, key, amount, by_wechat } = request else { return false };
            given(order_no, opened.order_no)
                && key.as_deref() == opened.key
                && (*amount, *by_wechat) == (opened.amount, opened.by_wechat)
        }
        Event::Step { step: Step::Closed, .. } => matches!(request, Request::Close { .. }),
        Event::Step { step, .. } => {
            matches!(request, Request::Note { kind, .. } if step_of(kind) == Some(*step))
        }
        Event::Paid(paid) => may_pay(request, paid, journal),
        Event::Case(case) => may_open_case(request, case, journal),
        Event::Settled(settled) => may_settle(request, settled, at, journal),
        Event::Requested(requested) => may_request(request, requested),
        Event::Moved(moved) => may_move(request, moved) || may_end(request, moved, at, journal),
        Event::Word(word) => {
            matches!(request, Request::Desk(desk) if people::may_record(desk, word))
                || matches!(request, Request::Refunding(asked) if refunding::may_raise(asked, word))
        }
        Event::Refund(turn) => {
            matches!(request, Request::Refunding(asked) if refunding::may_record(asked, turn, at, journal))
        }
    }
}

/// The step that a note records.
pub(super) fn step_of(kind: &str) -> Option<Step> {
    match kind {
        "order_prepaid" => Some(Step::Prepaid),
        "order_closing" => Some(Step::Closing),
        "order_closed" => Some(Step::Closed),
        _ => None,
    }
}

fn may_pay(request: &Request, paid: &Paid, journal: &Journal) -> bool {
    let Request::Pay { transaction_id, amount, booked, by_hand, .. } = request else {
        return false;
    };
    transaction_id == paid.transaction_id
        && *booked == paid.booked
        && *by_hand == (paid.source == Source::Hand)
        && journal.order(paid.order_no).is_none_or(|order| order.opened.amount == *amount)
}

fn may_open_case(request: &Request, case: &Case, journal: &Journal) -> bool {
    let Request::Pay { transaction_id, amount, booked, by_hand, .. } = request else {
        return false;
    };
    let expected = journal.order(case.order_no).map(|order| order.opened.amount);
    let differs = expected.is_some_and(|expected| expected != *amount) || booked > amount;
    transaction_id == case.transaction_id
        && *amount == case.amount
        && case.booked == Some(*booked.min(amount))
        && (!by_hand || matches!(case.kind, "paid_after_close" | "paid_to_closed"))
        && (differs || case.kind != "amount_differs")
}

/// A settlement made by a withdrawal stands right before it, in the same message: a refused one makes none.
fn may_settle(request: &Request, settled: &Settled, at: Point, journal: &Journal) -> bool {
    match request {
        Request::Settle { settlement_no, key, include_not_due } => {
            given(settlement_no, settled.settlement_no)
                && key.as_deref() == settled.key
                && *include_not_due == settled.include_not_due
        }
        Request::Withdraw { settlement_no, settle_first: true, .. } => {
            let Some(Event::Requested(next)) = journal.event(at + 1) else { return false };
            given(settlement_no, settled.settlement_no)
                && next.settlement_no == Some(settled.settlement_no)
                && may_request(request, next)
                && settled.key.is_none()
                && !settled.include_not_due
        }
        Request::Withdraw { .. }
        | Request::Register(_)
        | Request::ChangeRules(_)
        | Request::Read
        | Request::Open { .. }
        | Request::Pay { .. }
        | Request::Close { .. }
        | Request::Review { .. }
        | Request::Confirm { .. }
        | Request::StartSending { .. }
        | Request::RecordTransfer { .. }
        | Request::Note { .. }
        | Request::Desk(_)
        | Request::Refunding(_) => false,
    }
}

fn may_request(request: &Request, requested: &Requested) -> bool {
    let Request::Withdraw { withdrawal_no, key, amount, settle_first, by, .. } = request else {
        return false;
    };
    given(withdrawal_no, requested.withdrawal_no)
        && key.as_deref() == requested.key
        && requested.is_of(*amount, *settle_first)
        && given(by, requested.asked_by)
}

/// Whether two admins ended it.
fn may_end(request: &Request, moved: &Moved, at: Point, journal: &Journal) -> bool {
    let Request::Desk(desk) = request else { return false };
    let ends = matches!(moved.how, Move::Succeeded | Move::Failed);
    let paid = moved.how == Move::Succeeded;
    ends && people::may_end(desk, (moved.withdrawal_no, paid), at, journal)
}

fn may_move(request: &Request, moved: &Moved) -> bool {
    let decided = |approves: bool| matches!(request, Request::Review { approve, by, .. } if *approve == approves && moved.by.is_some_and(|recorded| given(by, recorded)));
    let told = |outcomes: &[TransferOutcome]| matches!(request, Request::RecordTransfer { outcome, .. } if outcomes.contains(outcome));
    let confirmed =
        |bank| matches!(request, Request::Confirm { succeeded, .. } if *succeeded == bank);
    match moved.how {
        Move::Approved => decided(true),
        Move::Rejected => decided(false),
        Move::Sending => matches!(request, Request::StartSending { .. }),
        Move::InRun => matches!(request, Request::Desk(desk) if bank_runs::may_put(desk, moved)),
        Move::Unknown => told(&[TransferOutcome::Unknown]),
        Move::Succeeded => told(&[TransferOutcome::Succeeded]) || confirmed(true),
        Move::Failed => {
            told(&[TransferOutcome::Failed, TransferOutcome::NotFound]) || confirmed(false)
        }
    }
}
