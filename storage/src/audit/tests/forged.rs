//! Journals whose chain fits and whose events are not what the rules lead to.

use tally_actors::domain::event::{self, Event, Stamped};
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Row, Run};

use super::{Books, check};
use crate::fixture::{self, id};

/// How an event is made from the run before it, and what the audit says of it.
type Forgery<'a> = (&'a dyn Fn(&Run) -> Stamped, &'a str);

// A forger who can also make the chain fit is still caught by the rules.
#[tokio::test]
async fn a_journal_that_is_chained_but_breaks_the_rules_is_found() {
    let opened = |run: &Run| run.rows[0].stamped.clone();
    let paid = |run: &Run| run.rows[1].stamped.clone();
    let closed = |run: &Run| Stamped {
        event: Event::OrderClosed { order_no: id("2001") },
        ..run.rows[1].stamped.clone()
    };
    let early = |run: &Run| Stamped { at: id("2026-01-01T00:00:00Z"), ..closed(run) };
    let forgeries: [Forgery; 4] = [
        (&opened, "its time 2026"),
        (&paid, "an event does not follow from the ones before it: order_paid"),
        (&closed, "an event does not follow from the ones before it: order_closed"),
        (&early, "its time 2026-01-01T00:00:00.000Z is before that of the event before it"),
    ];
    for (forge, expected) in forgeries {
        let mut books = Books::new().await;
        let pay = [fixture::open("2001", 100, None), fixture::pay("2001", 100)];
        let mut run = books.shops.run("shop3", pay.into());
        run.rows.push(Row::new(&run.merchant, run.rows[1].link, forge(&run)));
        books.forge(&run).await;
        check(&books.report().await, &format!("merchant shop3, journal 4: {expected}"));
    }
}

/// Puts another event in the place of a run's last, and makes the chain fit.
fn instead_of_the_last(run: &mut Run, event: Event) {
    let last = run.rows.pop().unwrap();
    let at = last.stamped.at;
    run.rows.push(Row::new(&run.merchant, last.follows, Stamped::new(at, event)));
}

#[tokio::test]
async fn a_fee_at_another_rate_than_the_one_in_force_is_found() {
    let mut books = Books::new().await;
    let pay = [fixture::open("2001", 10_000, None), fixture::pay("2001", 10_000)];
    let mut run = books.shops.run("shop3", pay.into());
    let mut event = run.rows[1].stamped.event.clone();
    let Event::OrderPaid { fee, .. } = &mut event else { panic!("{event:?}") };
    *fee = fixture::fen(59);
    instead_of_the_last(&mut run, event);
    books.forge(&run).await;
    let expected =
        "merchant shop3, journal 3: its fee is 59 fen, should be 60 fen at the rate then in force";
    check(&books.report().await, expected);
}

#[tokio::test]
async fn a_day_of_settlement_that_the_rules_did_not_give_is_found() {
    for (forged, shown) in [(Some(id("2026-03-01")), "2026-03-01"), (None, "at once")] {
        let mut books = Books::new().await;
        let pay = [fixture::open("2001", 10_000, None), fixture::pay("2001", 10_000)];
        let mut run = books.shops.run("shop3", pay.into());
        let mut event = run.rows[1].stamped.event.clone();
        let Event::OrderPaid { settle_on, .. } = &mut event else { panic!("{event:?}") };
        *settle_on = forged;
        instead_of_the_last(&mut run, event);
        books.forge(&run).await;
        let expected = format!(
            "merchant shop3, journal 3: it may be settled from {shown}, should be 2026-03-02 by the rules then in force"
        );
        check(&books.report().await, &expected);
    }
}

/// What a forger makes of a withdrawal.
type Change = fn(&mut Event);

#[tokio::test]
async fn a_withdrawal_to_somebody_else_or_past_the_second_key_is_found() {
    let changes: [(Change, &str); 3] = [
        (
            |event| {
                let Event::WithdrawalRequested { payout_name, .. } = event else { panic!() };
                *payout_name = Some("a thief".into());
            },
            "it is paid out otherwise than was agreed (personal, not shown)",
        ),
        (
            |event| {
                let Event::WithdrawalRequested { method, .. } = event else { panic!() };
                *method = PayoutMethod::Wechat;
            },
            "it is paid out otherwise than was agreed (personal, not shown)",
        ),
        (
            |event| {
                let Event::WithdrawalRequested { needs_approval, .. } = event else { panic!() };
                *needs_approval = false;
            },
            "by the rules then in force it must wait for a second key",
        ),
    ];
    for (change, expected) in changes {
        let mut books = Books::new().await;
        let earn = [fixture::open("2001", 100_000, None), fixture::pay("2001", 100_000)];
        let take = [fixture::settle("S200", true, None), fixture::withdraw("W200", Some(60_000))];
        let mut run = books.shops.run("shop3", earn.into_iter().chain(take).collect());
        let mut event = run.rows[3].stamped.event.clone();
        change(&mut event);
        instead_of_the_last(&mut run, event);
        books.forge(&run).await;
        check(&books.report().await, &format!("merchant shop3, journal 5: {expected}"));
    }
}

#[tokio::test]
async fn a_withdrawal_of_more_than_was_available_is_found() {
    let mut books = Books::new().await;
    let earn = [fixture::open("2001", 100, None), fixture::pay("2001", 100)];
    let take = [fixture::settle("S200", true, None), fixture::withdraw("W200", Some(99))];
    let mut run = books.shops.run("shop3", earn.into_iter().chain(take).collect());
    let mut event = run.rows[3].stamped.event.clone();
    let Event::WithdrawalRequested { amount, .. } = &mut event else { panic!("{event:?}") };
    *amount = fixture::fen(100);
    instead_of_the_last(&mut run, event);
    books.forge(&run).await;
    let expected = "merchant shop3, journal 5: it takes out 100 fen, of 99 fen available";
    check(&books.report().await, expected);
}

#[tokio::test]
async fn an_event_of_a_newer_binary_is_named_as_such() {
    let mut books = Books::new().await;
    let mut run = books.shops.run("shop3", vec![fixture::open("2001", 100, None)]);
    run.rows[0].bytes[0] = event::FORMAT + 1;
    run.rows[0].link = run.expects.then(&run.merchant, &run.rows[0].bytes);
    books.forge(&run).await;
    let (newer, known) = (event::FORMAT + 1, event::FORMAT);
    let expected = format!(
        "merchant shop3, journal 2: an event in format {newer}; this binary knows format {known}"
    );
    check(&books.report().await, &expected);
}
