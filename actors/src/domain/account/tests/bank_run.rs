//! Withdrawals by hand in bank runs: each in one, and in no other ever.

use super::*;
use crate::domain::bank_run::PutInRun;
use crate::domain::restored::Restored;
use crate::domain::standing::Change;

fn put(withdrawal_no: &str, run_no: &str) -> Command {
    let by = "admin1".parse().unwrap();
    let (withdrawal_no, run_no) = (withdrawal_no.parse().unwrap(), run_no.parse().unwrap());
    Command::PutInRun(PutInRun { withdrawal_no, run_no, by })
}

fn confirm(succeeded: bool) -> Command {
    Command::Confirm(Confirm {
        withdrawal_no: "W100".parse().unwrap(),
        succeeded,
        reference: "B1".into(),
        reason: "".into(),
    })
}

fn requested(rules: Rules) -> Driven {
    let mut m = Driven::new(rules);
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    m
}

#[test]
fn a_withdrawal_is_in_one_run_and_in_no_other_ever() {
    for succeeded in [true, false] {
        let mut m = requested(by_hand());
        let Ok(Answer::Withdrawal(sent)) = m.ask(&put("W100", "R100")) else { panic!() };
        assert_eq!(sent.status, WithdrawalStatus::Sending);
        m.stands((0, 0, 1_000, 0));
        let another = Err(Refusal::InAnotherRun("R100".parse().unwrap()));
        assert_eq!(m.ask(&put("W100", "R101")), another);
        m.ask(&confirm(succeeded)).unwrap();
        m.stands(if succeeded { (0, 0, 0, 1_000) } else { (0, 1_000, 0, 0) });
        let end = m.account.link();
        m.ask(&put("W100", "R100")).expect("a repeat");
        assert_eq!(m.ask(&put("W100", "R101")), another);
        assert_eq!(m.account.link(), end);
    }
}

#[test]
fn what_may_not_go_out_is_put_in_no_run() {
    let mut m = requested(by_wechat());
    assert_eq!(m.ask(&put("W100", "R100")), Err(Refusal::NotManual));
    let mut m = requested(Rules { approval_over_fen: Some(fen(1)), ..by_hand() });
    assert_eq!(m.ask(&put("W100", "R100")), Err(Refusal::WithdrawalDecided("awaiting_approval")));
    assert_eq!(m.ask(&put("W101", "R100")), Err(Refusal::WithdrawalUnknown));
    let mut m = requested(by_hand());
    m.restored = Some(Restored { since: m.now, at: m.now, frozen: true });
    assert_eq!(m.ask(&put("W100", "R100")), Err(Refusal::WithdrawalsFrozen));
    m.restored = None;
    let (reason, by) = ("a look".into(), "admin1".parse().unwrap());
    let freeze = crate::domain::command::Stand { change: Change::Freeze, reason, by };
    m.ask(&Command::Stand(freeze)).unwrap();
    assert_eq!(m.ask(&put("W100", "R100")), Err(Refusal::MerchantFrozen));
}
