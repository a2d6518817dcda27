//! Refunds: each line of the bill must be a refund that the journal has, once and of its amount; and a refund that was sent must have its line.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tally_actors::domain::books::Key;
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::channel_no::{
    out_refund_no, out_trade_no, read_out_refund_no, read_out_trade_no, refund_no_told,
};
use tally_actors::domain::command::NoticeRefund;
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::ids::{MerchantId, RefundNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::number;
use tally_actors::domain::refund::{Refund, RefundStatus};
use tally_actors::domain::time::{At, Day};

use super::compare::{Difference, Verdict, ends_late};
use super::record::{Back, Line};

/// A refund that the journal sent out on a day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// Its number.
    pub(crate) refund_no: RefundNo,
    /// Its order's number at WeChat.
    pub(crate) out_trade_no: String,
    /// Whether the bill of its own day lacked it.
    pub(crate) carried: bool,
}

impl Sent {
    /// The refund that an event sends. One that a person made at WeChat is not among them: the journal does not know its day.
    pub(crate) fn of(merchant: &MerchantId, stamped: &Stamped) -> Option<Self> {
        let Event::RefundSending { refund_no, order_no } = &stamped.event else { return None };
        Some(Self {
            merchant: *merchant,
            refund_no: *refund_no,
            out_trade_no: out_trade_no(merchant, order_no),
            carried: false,
        })
    }

    /// Its name in the carry-over pool, where no payment is called so.
    pub(crate) fn pooled(&self) -> String {
        pooled(&out_refund_no(&self.merchant, &self.refund_no))
    }
}

/// A refund's name in the carry-over pool.
pub(crate) fn pooled(out_refund_no: &str) -> String {
    format!("{out_refund_no} refund").chars().take(128).collect()
}

/// Where a line's refund is to be looked for: by our number, and by the one that it has here if a person made it at WeChat.
pub(crate) fn keys(line: &Line, back: &Back) -> [Option<(MerchantId, Key)>; 2] {
    let Some((of, _)) = read_out_trade_no(&line.out_trade_no) else { return [None, None] };
    let ours = read_out_refund_no(&back.out_refund_no).filter(|(merchant, _)| *merchant == of);
    let by_hand = number::of_refund_by_hand(&of, &back.refund_id).parse().ok();
    [ours.map(|(_, refund_no)| refund_no), by_hand]
        .map(|refund_no| refund_no.map(|refund_no| (of, Key::Refund(refund_no))))
}

/// What is said of a refund that only the bill told of.
pub(crate) const NOTED: &str =
    "nothing is booked for this refund; it is looked up at WeChat, and booked when WeChat has it";

/// What a line tells the merchant whose order it names: as little to be believed as a notice. `None`: it names no order of ours, or a
/// refund that WeChat did not pay.
pub(crate) fn notice(line: &Line, back: &Back) -> Option<(MerchantId, NoticeRefund)> {
    if back.status == "FAIL" {
        return None;
    }
    let (of, order_no) = read_out_trade_no(&line.out_trade_no)?;
    let notice = NoticeRefund {
        refund_no: refund_no_told(&of, &back.out_refund_no, &back.refund_id),
        order_no,
        out_refund_no: back.out_refund_no.as_str().into(),
        refund_id: back.refund_id.as_str().into(),
        amount: line.total_fen.try_into().ok().and_then(Money::from_fen)?,
        transaction_id: Some(line.transaction_id.parse().ok()?),
    };
    Some((of, notice))
}

/// What is to be thought of lines, each with the refund that it names, `None` where there is none. All of one order are among them.
pub(crate) fn lines(lines: &[(Line, Back, Option<Refund>)], day: Day) -> Vec<Verdict> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let each = lines.iter().map(|(line, back, refund)| {
        let seen = seen.entry(&back.refund_id).or_default();
        *seen += 1;
        if *seen > 1 {
            let differs =
                line.differs(CaseKind::BillRefund, None, "the bill has this refund more than once");
            return Verdict::Differs(Difference {
                part: format!("{} {seen}", back.refund_id),
                ..differs
            });
        }
        judge(line, back, refund.as_ref(), day)
    });
    each.collect()
}

fn judge(line: &Line, back: &Back, refund: Option<&Refund>, day: Day) -> Verdict {
    let own_fen = refund.map(|refund| fen(refund.booked));
    let differs = |what: &str| {
        let differs = line.differs(CaseKind::BillRefund, own_fen, what);
        Verdict::Differs(Difference { part: back.refund_id.clone(), ..differs })
    };
    let Some(refund) = refund else { return differs("the journal has no such refund") };
    // Nothing is booked for one that was only heard of.
    if refund.is_hearsay() {
        return differs(NOTED);
    }
    let order = read_out_trade_no(&line.out_trade_no).map(|(_, order_no)| order_no);
    if order != Some(refund.order_no) || refund.transaction_id.as_str() != line.transaction_id {
        return differs("the journal has this refund of another payment");
    }
    let booked = line.booked_fen == fen(refund.booked);
    // Bills of the old layout have one amount alone, which is what the merchant gives.
    let alone = line.total_fen == line.booked_fen && booked;
    if line.total_fen != fen(refund.amount) && !alone {
        return differs("the amounts differ");
    }
    match refund.status {
        RefundStatus::Requested => {
            return differs("WeChat has this refund, here it waits to be sent");
        }
        RefundStatus::Failed if back.status == "SUCCESS" => {
            return differs("WeChat paid it back, here the refund failed");
        }
        RefundStatus::Succeeded if back.status == "FAIL" => {
            return differs("WeChat did not pay it back, here the refund succeeded");
        }
        // What it takes from the merchant is certain only when it has succeeded.
        RefundStatus::Succeeded if !booked => return differs("the amounts differ"),
        RefundStatus::Succeeded
        | RefundStatus::Failed
        | RefundStatus::Sending
        | RefundStatus::Unknown => {}
    }
    // WeChat pays once under a number, so the day is no matter of dispute: only the day beside must know of it.
    let tried = refund.tried_at.map_or(day, At::day);
    if (tried.days() - day.days()).abs() == 1 { Verdict::Carried } else { Verdict::Matched }
}

/// What is to be thought of a refund that was sent on a day whose bill lacks it, as it now stands. `beside`: a neighbouring day's
/// bill had it. `None`: WeChat need not have it on that day.
pub(crate) fn missing(sent: &Sent, refund: &Refund, day: Day, beside: bool) -> Option<Verdict> {
    let tried_at = refund.tried_at?;
    let sent_on = Day::from_days(day.days() - i32::from(sent.carried))?;
    // A later try is the later day's.
    if tried_at.day() != sent_on {
        return None;
    }
    let certain = match refund.status {
        RefundStatus::Requested | RefundStatus::Failed => return None,
        RefundStatus::Sending | RefundStatus::Unknown => false,
        RefundStatus::Succeeded => true,
    };
    if beside {
        return Some(Verdict::Matched);
    }
    if !sent.carried && (!certain || ends_late(tried_at, day)) {
        return Some(Verdict::Carried);
    }
    let what = if sent.carried {
        "neither the bill of its day nor the next one has this refund"
    } else {
        "the journal has this refund, the bill does not"
    };
    Some(Verdict::Differs(Difference {
        kind: CaseKind::BillRefund,
        number: sent.out_trade_no.clone(),
        transaction_id: refund.transaction_id.to_string(),
        part: out_refund_no(&sent.merchant, &sent.refund_no),
        bill_fen: None,
        own_fen: Some(fen(refund.booked)),
        at: tried_at,
        what: what.into(),
    }))
}

/// Those of the sent refunds that no line named, each once; one that was carried and is sent again stands for both days.
pub(crate) fn without_line(sent: Vec<Sent>, found: &HashSet<(MerchantId, RefundNo)>) -> Vec<Sent> {
    let mut once = HashSet::new();
    let mut rest: Vec<Sent> = sent
        .into_iter()
        .filter(|one| !found.contains(&(one.merchant, one.refund_no)) && once.insert(one.clone()))
        .collect();
    rest.sort_by(|a, b| {
        (&a.out_trade_no, a.refund_no.as_str()).cmp(&(&b.out_trade_no, b.refund_no.as_str()))
    });
    rest
}

fn fen(money: Money) -> i64 {
    i64::try_from(money.fen()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "refunds_tests.rs"]
mod tests;
