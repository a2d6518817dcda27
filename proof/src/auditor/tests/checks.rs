//! The busy shop, and what tests expect of a history.

use super::super::judge;
use super::shop::Shop;
use crate::history::{History, Rules, TransferOutcome};

/// Rules with a fee of 0.6 % and limits; paid out by WeChat, settled on demand.
pub(super) fn rules() -> Rules {
    Rules {
        fee_bp: 60,
        settle_after_days: None,
        withdrawal_min: Some(200),
        withdrawal_max: Some(60_000),
        daily_max: Some(60_000),
        approval_over: Some(20_000),
        payout_by_wechat: true,
        debt_max: 0,
    }
}

/// A shop in which everything happened once.
pub(super) fn busy() -> Shop {
    let mut shop = Shop::new(&rules());
    shop.read();
    for (order_no, amount) in [("A001", 10_000), ("A002", 20_000), ("A003", 83), ("A004", 30_000)] {
        shop.open(order_no, amount, true);
    }
    shop.pay("A001", "t1");
    shop.close("A003");
    shop.pay("A003", "t3");
    shop.settle("S001", false);
    shop.pay("A002", "t2");
    shop.misfit("paid_twice", ("A002", "t2b"), 20_000);
    shop.misfit("amount_differs", ("A004", "t4"), 29_999);
    shop.misfit("order_unknown", ("A999", "t9"), 5);
    shop.withdraw("W001", Some(4_000));
    shop.refused(Shop::withdraw_request("W009", Some(10_000)), "balance_insufficient");
    shop.send("W001");
    shop.told("W001", TransferOutcome::Unknown);
    shop.send("W001");
    shop.transfer("W001", 4_000);
    shop.told("W001", TransferOutcome::Succeeded);
    shop.settle("S002", true);
    shop.pay("A004", "t4b");
    shop.withdraw("W002", Some(21_000));
    shop.review("W002", true, "key2");
    shop.send("W002");
    shop.told("W002", TransferOutcome::Failed);
    shop.withdraw("W003", Some(22_000));
    shop.review("W003", false, "key2");
    shop.withdraw_all_settled("W004");
    shop.read();
    shop
}

/// Spoils the busy shop's history and expects that it breaks a claim. The journal is chained again after it was spoiled.
#[track_caller]
pub(super) fn caught(claim: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = busy().close_books();
    spoil(&mut history);
    expect(claim, &chained(history));
}

/// Spoils the busy shop's history and expects that it breaks a claim in these words.
#[track_caller]
pub(super) fn told(claim: &str, words: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = busy().close_books();
    spoil(&mut history);
    say(claim, words, &chained(history));
}

/// Expects that a history breaks a claim in these words.
#[track_caller]
pub(super) fn say(claim: &str, words: &str, history: &History) {
    let found = judge(history);
    let told = found.iter().any(|found| found.claim == claim && found.what.contains(words));
    assert!(told, "no {claim}, {words:?}: {found:#?}");
}

/// Expects that a history breaks a claim.
#[track_caller]
pub(super) fn expect(claim: &str, history: &History) {
    let found = judge(history);
    assert!(found.iter().any(|violation| violation.claim == claim), "no {claim}: {found:#?}");
}

/// Expects that a history is right.
#[track_caller]
pub(super) fn right(history: &History) {
    assert_eq!(judge(history), []);
}

/// Writes the bytes and hashes of all journals anew, after their fields were changed.
pub(super) fn chained(mut history: History) -> History {
    for (merchant, stored) in &mut history.stored {
        let mut hash = [0; 32];
        for fact in &mut stored.journal {
            fact.bytes = fact.fields.to_string().into_bytes();
            let mut text = hash.to_vec();
            text.push(merchant.len().try_into().unwrap());
            text.extend(merchant.as_bytes());
            text.extend(fact.seq.to_be_bytes());
            text.extend(&fact.bytes);
            hash = *blake3::hash(&text).as_bytes();
            fact.hash = hash;
        }
        stored.head_hash = hash;
    }
    history
}
