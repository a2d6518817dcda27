//! Refunds: what they take, give back and leave, whatever way they are cut.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::command::{
    NoticeRefund, OpenOrder, Pay, RecordRefund, RefundOutcome, RequestRefund, StartRefund,
};
use crate::domain::order::Channel;
use crate::domain::refund::{Refund, RefundSource, RefundStatus};

/// A shop with a fee, and an order of WeChat's in it.
fn shop(rules: Rules, amount: u64, booked: u64) -> Driven {
    let mut m = Driven::new(Rules { fee_bp: FeeRate::from_basis_points(60).unwrap(), ..rules });
    paid(&mut m, "O100", amount, booked);
    m
}

fn paid(m: &mut Driven, no: &str, amount: u64, booked: u64) {
    let Command::OpenOrder(open) = open(no, amount) else { panic!("it opens") };
    let channel = Channel::Wechat { openid: "o1".into(), request: vec![] };
    m.ask(&Command::OpenOrder(OpenOrder { channel, ..open })).unwrap();
    m.ask(&Command::Pay(Pay {
        signed: None,
        order_no: no.parse().unwrap(),
        transaction_id: format!("T{no}").parse().unwrap(),
        amount: fen(amount),
        booked: fen(booked),
        paid_at: m.now,
        source: PaymentSource::Notice,
    }))
    .unwrap();
}

fn request(no: &str, order: &str, amount: u64) -> Command {
    Command::RequestRefund(RequestRefund {
        refund_no: no.parse().unwrap(),
        idempotency_key: None,
        order_no: order.parse().unwrap(),
        amount: fen(amount),
        reason: "B1".into(),
        asked_by: "k1".parse().unwrap(),
        refunds_open: true,
        by_admin: false,
    })
}

fn start(no: &str, last_try: Option<At>) -> Command {
    let (refund_no, order_no) = (no.parse().unwrap(), "O100".parse().unwrap());
    Command::StartRefund(StartRefund { refund_no, order_no, last_try })
}

fn record(no: &str, outcome: RefundOutcome) -> Command {
    let (refund_no, order_no) = (no.parse().unwrap(), "O100".parse().unwrap());
    Command::RecordRefund(RecordRefund { refund_no, order_no, outcome })
}

fn succeeded(amount: u64, booked: Option<u64>) -> RefundOutcome {
    let booked = booked.map(fen);
    RefundOutcome::Succeeded { refund_id: "50000".into(), amount: fen(amount), booked }
}

#[track_caller]
fn refund(answer: Result<Answer, Refusal>) -> Refund {
    match answer {
        Ok(Answer::Refund(refund)) => *refund,
        other => panic!("{other:?}"),
    }
}

/// `(refunded, fee)` of the head, in fen.
fn gone(m: &Driven) -> (u64, u64) {
    let head = m.account.head().unwrap();
    (head.refunded.fen(), head.fee.fen())
}

#[test]
fn a_refund_of_what_is_not_settled_leaves_its_bucket_and_gives_the_fee_back() {
    let mut m = shop(by_hand(), 10_000, 10_000);
    m.stands((9_940, 0, 0, 0));
    let made = refund(m.ask(&request("R100", "O100", 5_000)));
    assert_eq!((made.booked, made.fee), (fen(5_000), fen(30)));
    assert_eq!((made.source, made.total), (RefundSource::Pending(None), fen(10_000)));
    m.stands((4_970, 0, 0, 0));
    assert_eq!(gone(&m), (5_000, 30));
    refund(m.ask(&request("R101", "O100", 5_000)));
    m.stands((0, 0, 0, 0));
    assert_eq!(gone(&m), (10_000, 0));
    let left = Money::ZERO;
    assert_eq!(m.ask(&request("R102", "O100", 1)), Err(Refusal::RefundExceedsPayment { left }));
    let Ok(Answer::Settlement(Some(made))) = m.settle("S100", false) else { panic!("it is due") };
    assert_eq!((made.moved.refunded, made.moved.net()), (fen(10_000), Some(Money::ZERO)));
}

#[test]
fn a_refund_of_what_is_settled_comes_out_of_available_or_makes_the_debt_that_rules_allow() {
    for (debt, refusal) in [(2_000, false), (1_986, false), (1_985, true), (0, true)] {
        let mut m = shop(Rules { debt_max_fen: fen(debt), ..by_hand() }, 10_000, 10_000);
        m.withdraw("W100", Some(8_000), true).unwrap();
        let answer = m.ask(&request("R100", "O100", 3_950));
        if refusal {
            let available = Balance::from_fen(1_940);
            assert_eq!(answer, Err(Refusal::BalanceInsufficient { available }), "{debt}");
            m.stands((0, 1_940, 8_000, 0));
            assert!(
                m.ask(&request("R100", "O100", 1_000)).is_ok(),
                "a refused call frees its number"
            );
        } else {
            assert_eq!(refund(answer).source, RefundSource::Available);
            m.stands((0, 1_940 - (3_950 - 24), 8_000, 0));
        }
        paid(&mut m, "O101", 5_000, 5_000);
        m.settle("S101", false).unwrap();
        assert!(m.account.head().unwrap().available > Balance::ZERO, "what is paid repays it");
    }
}

#[test]
fn a_bucket_made_anew_is_not_that_of_an_order_settled_before() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.settle("S100", false).unwrap();
    paid(&mut m, "O101", 1_000, 1_000);
    assert_eq!(refund(m.ask(&request("R100", "O100", 100))).source, RefundSource::Available);
    assert_eq!(refund(m.ask(&request("R101", "O101", 100))).source, RefundSource::Pending(None));
}

#[test]
fn what_can_not_be_refunded_is_refused_and_recorded_nowhere() {
    let mut m = shop(by_hand(), 500, 500);
    m.ask(&open("O101", 500)).unwrap();
    m.paid("O102", 500);
    let before = m.account.link();
    let without = |change: fn(&mut RequestRefund)| {
        let Command::RequestRefund(mut wanted) = request("R100", "O100", 10) else { panic!() };
        change(&mut wanted);
        Command::RequestRefund(wanted)
    };
    for (command, code) in [
        (request("R100", "O100", 0), "amount_invalid"),
        (request("R100", "O100", 501), "refund_exceeds_payment"),
        (request("R100", "O101", 1), "order_not_paid"),
        (request("R100", "O999", 1), "order_unknown"),
        (request("R100", "O102", 1), "forbidden"),
        (without(|wanted| wanted.refunds_open = false), "certificate_missing"),
        (without(|wanted| wanted.reason = "x".repeat(81).into()), "invalid_request"),
        (record("R100", succeeded(1, None)), "refund_unknown"),
        (start("R100", None), "refund_unknown"),
    ] {
        assert_eq!(m.ask(&command).unwrap_err().code(), code, "{command:?}");
    }
    assert_eq!(m.account.link(), before);
    m.ask(&request("R100", "O100", 10)).unwrap();
    for other in [request("R100", "O100", 11), request("R100", "O102", 10)] {
        assert_eq!(m.ask(&other), Err(Refusal::NumberReused));
    }
}

#[test]
fn external_money_went_back_when_an_admin_says_so() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    let Command::RequestRefund(wanted) = request("R100", "O100", 200) else { panic!() };
    let made = refund(m.ask(&Command::RequestRefund(RequestRefund { by_admin: true, ..wanted })));
    assert_eq!((made.status, made.refund_id.as_deref()), (RefundStatus::Succeeded, Some("B1")));
    m.stands((300, 0, 0, 0));
}

#[test]
fn refunds_of_one_order_keep_a_minute_between_them() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.ask(&request("R100", "O100", 100)).unwrap();
    m.ask(&request("R101", "O100", 100)).unwrap();
    let first = m.now;
    m.ask(&start("R100", None)).unwrap();
    assert_eq!(m.ask(&start("R100", None)), Err(Refusal::RefundDecided("sending")));
    m.now = first.plus_ms(50_000);
    m.ask(&start("R100", Some(first))).unwrap();
    m.now = first.plus_ms(109_999);
    let until = first.plus_ms(110_000);
    assert_eq!(m.ask(&start("R101", None)), Err(Refusal::RefundTooSoon(until)));
    m.now = until;
    assert_eq!(refund(m.ask(&start("R101", None))).tried_at, Some(until));
}

#[test]
fn a_try_that_moved_nothing_says_so_and_the_refund_waits_for_another() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.ask(&request("R100", "O100", 100)).unwrap();
    let first = m.now;
    m.ask(&start("R100", None)).unwrap();
    let postponed = |tried_at| RefundOutcome::Postponed { tried_at, reason: "NOTENOUGH".into() };
    let made = refund(m.ask(&record("R100", postponed(first.plus_ms(-1)))));
    assert_eq!(made.status, RefundStatus::Sending, "an answer about another try");
    let made = refund(m.ask(&record("R100", postponed(first))));
    assert_eq!((made.status, made.why.as_deref()), (RefundStatus::Requested, Some("NOTENOUGH")));
    m.stands((895, 0, 0, 0));
    m.now = first.plus_ms(86_400_000);
    m.ask(&start("R100", Some(first))).unwrap();
    let made = refund(m.ask(&record("R100", succeeded(100, None))));
    assert_eq!((made.status, made.why), (RefundStatus::Succeeded, None));
}

#[test]
fn a_refund_fails_only_when_it_is_certain_and_gives_back_to_where_the_order_is() {
    for settled in [false, true] {
        let mut m = shop(by_hand(), 1_000, 1_000);
        m.ask(&request("R100", "O100", 100)).unwrap();
        let tried_at = m.now;
        m.ask(&start("R100", None)).unwrap();
        if settled {
            m.settle("S100", false).unwrap();
            paid(&mut m, "O101", 1_000, 1_000);
        }
        let not_found = |ms| {
            let asked = tried_at.plus_ms(ms);
            RefundOutcome::NotFound(Question { tried_at, earliest: asked, latest: asked })
        };
        let made = refund(m.ask(&record("R100", not_found(599_999))));
        assert_eq!(made.status, RefundStatus::Sending);
        let made = refund(m.ask(&record("R100", not_found(600_000))));
        assert_eq!(made.status, RefundStatus::Failed);
        m.stands(if settled { (994, 994, 0, 0) } else { (994, 0, 0, 0) });
        assert_eq!(gone(&m), (0, if settled { 12 } else { 6 }));
        let late = m.ask(&record("R100", succeeded(100, None)));
        assert_eq!(late, Err(Refusal::RefundDecided("failed")));
    }
}

#[test]
fn what_wechat_took_corrects_what_was_taken() {
    for (booked, pending, fee) in [(90, 805, 5), (70, 825, 5), (0, 895, 5)] {
        let mut m = shop(by_hand(), 1_000, 900);
        m.ask(&request("R100", "O100", 100)).unwrap();
        m.stands((805, 0, 0, 0));
        m.ask(&start("R100", None)).unwrap();
        m.ask(&record("R100", succeeded(100, Some(booked)))).unwrap();
        m.stands((pending, 0, 0, 0));
        assert_eq!(gone(&m), (booked, fee));
    }
    let mut m = shop(by_hand(), 1_000, 900);
    m.ask(&request("R100", "O100", 1_000)).unwrap();
    m.ask(&start("R100", None)).unwrap();
    m.ask(&record("R100", succeeded(1_000, Some(950)))).unwrap();
    m.stands((0, -50, 0, 0));
}

#[test]
fn a_refund_made_by_hand_is_booked_when_wechat_confirms_it_if_need_be_as_debt() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.withdraw("W100", None, true).unwrap();
    let notice = |order: &str| {
        Command::NoticeRefund(NoticeRefund {
            refund_no: "R900".parse().unwrap(),
            order_no: order.parse().unwrap(),
            out_refund_no: "by hand".into(),
            refund_id: "50000".into(),
            amount: fen(1_000),
            transaction_id: None,
        })
    };
    assert_eq!(m.ask(&notice("O999")), Err(Refusal::OrderUnknown));
    let Command::NoticeRefund(mut second) = notice("O100") else { unreachable!() };
    second.transaction_id = Some("T999".parse().unwrap());
    let refused = m.ask(&Command::NoticeRefund(second));
    assert_eq!(
        refused,
        Err(Refusal::OrderConflict("transaction_id")),
        "of the money of another payment"
    );
    let made = refund(m.ask(&notice("O100")));
    assert!(made.is_hearsay());
    m.stands((0, 0, 994, 0));
    assert_eq!(m.ask(&start("R900", None)), Err(Refusal::RefundDecided("unknown")));
    let mut denied = m.account.clone();
    let (tried_at, asked) = (m.now, m.now.plus_ms(600_000));
    let question = Question { tried_at, earliest: asked, latest: asked };
    let no = denied.decide(&record("R900", RefundOutcome::NotFound(question)), m.now).unwrap();
    let stamped = Stamped::new(m.now, no[0].clone());
    let link = denied.link().then(denied.merchant(), &stamped.encode());
    denied.apply(&stamped, link).unwrap();
    assert_eq!(denied.head().unwrap().available, Balance::ZERO, "hearsay took nothing");
    let made = refund(m.ask(&record("R900", succeeded(400, None))));
    assert_eq!((made.status, made.amount), (RefundStatus::Succeeded, fen(400)));
    m.stands((0, -398, 994, 0));
    let cases = m.account.books().records().filter(|(key, _)| matches!(key, Key::Case(_))).count();
    assert_eq!(cases, 1);
    m.ask(&record("R900", succeeded(400, None))).unwrap();
    m.stands((0, -398, 994, 0));
}

/// A node that was down for months must not leave the money of a refund that was lost with nobody.
#[test]
fn a_refund_that_is_not_found_fails_also_after_months() {
    for (days, status) in [(300, RefundStatus::Failed), (301, RefundStatus::Sending)] {
        let mut m = shop(by_hand(), 1_000, 1_000);
        m.ask(&request("R100", "O100", 100)).unwrap();
        let tried_at = m.now;
        m.ask(&start("R100", None)).unwrap();
        let asked = tried_at.plus_ms(days * 86_400_000);
        let question = Question { tried_at, earliest: asked, latest: asked };
        let made = refund(m.ask(&record("R100", RefundOutcome::NotFound(question))));
        assert_eq!(made.status, status, "after {days} days");
    }
}

#[test]
fn a_case_about_a_refund_freezes_its_merchant_where_its_kind_does() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.freeze_on = [CaseKind::RefundStuck].into_iter().collect();
    m.ask(&request("R100", "O100", 1_000)).unwrap();
    m.ask(&start("R100", None)).unwrap();
    m.ask(&record("R100", RefundOutcome::Unknown("?".into()))).unwrap();
    assert_eq!(m.account.head().unwrap().standing.frozen, None);
    m.ask(&record("R100", RefundOutcome::Stuck("the card is gone".into()))).unwrap();
    let frozen = m.account.head().unwrap().standing.frozen.clone().unwrap();
    assert_eq!((&*frozen.reason, frozen.by), ("a case was opened: refund_stuck", None));
}

#[test]
fn a_refund_that_is_stuck_is_one_case_and_its_money_stays_taken() {
    let mut m = shop(by_hand(), 1_000, 1_000);
    m.ask(&request("R100", "O100", 1_000)).unwrap();
    m.ask(&start("R100", None)).unwrap();
    for _ in 0..2 {
        let stuck = RefundOutcome::Stuck("the card is gone".into());
        assert_eq!(refund(m.ask(&record("R100", stuck))).status, RefundStatus::Unknown);
    }
    let kinds: Vec<CaseKind> = m
        .events()
        .iter()
        .filter_map(
            |event| if let Event::CaseRaised { case } = event { Some(case.kind) } else { None },
        )
        .collect();
    assert_eq!(kinds, [CaseKind::RefundStuck]);
    m.stands((0, 0, 0, 0));
}

proptest! {
    /// However a refund is cut into parts, settled or not in between, and whatever fails in between, it ends the same.
    #[test]
    fn any_split_of_a_refund_ends_the_same(
        amount in 1..3_000_u64,
        off in 0..400_u64,
        rate in 0..=10_000_u16,
        cuts in vec((1..900_u64, any::<bool>()), 1..12),
        settle_after in 0..12_usize,
    ) {
        let rules = || Rules { debt_max_fen: fen(1_000_000), ..by_hand() };
        let booked = amount.saturating_sub(off);
        let rate = FeeRate::from_basis_points(rate).unwrap();
        let with_rate = || {
            let mut m = Driven::new(Rules { fee_bp: rate, ..rules() });
            paid(&mut m, "O100", amount, booked);
            m
        };
        let mut m = with_rate();
        let mut refunded = 0;
        for (n, (cut, fails)) in cuts.iter().enumerate() {
            if n == settle_after {
                m.settle("S100", false).unwrap();
            }
            let cut = (*cut).min(amount - refunded);
            if cut == 0 {
                break;
            }
            let no = format!("R{n:03}");
            m.ask(&request(&no, "O100", cut)).unwrap();
            if *fails {
                m.ask(&record(&no, RefundOutcome::Closed("closed".into()))).unwrap();
            } else {
                refunded += cut;
            }
        }
        let mut whole = with_rate();
        if refunded > 0 {
            whole.ask(&request("R100", "O100", refunded)).unwrap();
        }
        prop_assert_eq!(gone(&m), gone(&whole));
        let owed = |m: &Driven| {
            let head = m.account.head().unwrap();
            i128::from(head.pending().fen()) + i128::from(head.available.fen())
        };
        prop_assert_eq!(owed(&m), owed(&whole));
        if refunded < amount {
            m.ask(&request("R999", "O100", amount - refunded)).unwrap();
        }
        prop_assert_eq!(gone(&m), (booked, 0));
        prop_assert_eq!(owed(&m), 0);
    }
}
