//! From the engine's types to the plain words of a history. The only file of the simulator that knows both.

mod desk;
mod refunds;

use tally_actors::domain::command::{Answer, Booking, Command, RulesChange, TransferOutcome};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::{Channel, Order};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::error::EngineError;
use tally_actors::pipeline::Outcome;
use tally_actors::ports::{ListedCase, ListedOrder, Recorded, Store};

use crate::history::{self, Fact, Fen, Request, Thing};
use crate::lists;

pub use refunds::refund;

/// What a command asks for.
pub fn request(command: &Command) -> Request {
    match command {
        Command::Register(given) => Request::Register(rules(given)),
        Command::ChangeRules(change) => Request::ChangeRules(changed(change)),
        Command::Read => Request::Read,
        Command::OpenOrder(open) => Request::Open {
            order_no: open.order_no.to_string(),
            key: open.idempotency_key.map(|key| key.to_string()),
            amount: fen(open.amount),
            by_wechat: matches!(open.channel, Channel::Wechat { .. }),
        },
        Command::RecordPrepay(prepay) => note(prepay.order_no, "order_prepaid"),
        Command::Pay(pay) => Request::Pay {
            order_no: pay.order_no.to_string(),
            transaction_id: pay.transaction_id.to_string(),
            amount: fen(pay.amount),
            booked: fen(pay.booked),
            by_hand: pay.source == PaymentSource::Hand,
        },
        Command::StartClosing(order_no) => note(order_no, "order_closing"),
        Command::CloseOrder(order_no) => Request::Close { order_no: order_no.to_string() },
        Command::Settle(settle) => Request::Settle {
            settlement_no: settle.settlement_no.to_string(),
            key: settle.idempotency_key.map(|key| key.to_string()),
            include_not_due: settle.include_not_due,
        },
        Command::Withdraw(withdraw) => Request::Withdraw {
            withdrawal_no: withdraw.withdrawal_no.to_string(),
            key: withdraw.idempotency_key.map(|key| key.to_string()),
            amount: withdraw.request.amount.map(fen),
            settle_first: withdraw.request.settle_first,
            settlement_no: withdraw.settlement_no.to_string(),
            by: withdraw.asked_by.to_string(),
        },
        Command::Approve(review) | Command::Reject(review) => Request::Review {
            withdrawal_no: review.withdrawal_no.to_string(),
            approve: matches!(command, Command::Approve(_)),
            by: review.by.to_string(),
        },
        Command::Confirm(confirm) => Request::Confirm {
            withdrawal_no: confirm.withdrawal_no.to_string(),
            succeeded: confirm.succeeded,
        },
        Command::StartSending(start) => {
            Request::StartSending { withdrawal_no: start.withdrawal_no.to_string() }
        }
        Command::RecordTransfer(record) => Request::RecordTransfer {
            withdrawal_no: record.withdrawal_no.to_string(),
            outcome: outcome(&record.outcome),
        },
        Command::ResolveCase(resolve) => desk::resolves(resolve),
        Command::Stand(stand) => desk::stands(stand),
        Command::RaiseCase(raise) => desk::raises(raise),
        Command::RequestRefund(refund) => refunds::asks(refund),
        Command::StartRefund(start) => refunds::starts(start.refund_no),
        Command::RecordRefund(record) => refunds::records(record),
        Command::NoticeRefund(notice) => refunds::tells(notice),
        Command::Attest(attest) => desk::attests(attest),
        Command::PutInRun(put) => desk::puts(put),
        Command::RequestAdjustment(request) => desk::adjusts(request),
        Command::DecideAdjustment(decide) => desk::decides(decide),
        Command::Adopt(_) => unreachable!("nobody asks for that here"),
    }
}

fn outcome(told: &TransferOutcome) -> history::TransferOutcome {
    match told {
        TransferOutcome::Succeeded(_) => history::TransferOutcome::Succeeded,
        TransferOutcome::Failed(_) => history::TransferOutcome::Failed,
        TransferOutcome::NotFound(_) => history::TransferOutcome::NotFound,
        TransferOutcome::Unknown(_) => history::TransferOutcome::Unknown,
    }
}

/// What a caller hears.
pub fn answer(said: &Result<Outcome, EngineError>) -> history::Answer {
    match said {
        Ok(Outcome { answer, fresh }) => {
            history::Answer::Done { fresh: *fresh, thing: thing(answer) }
        }
        Err(EngineError::Refused(refusal)) => history::Answer::Refused {
            code: refusal.code(),
            available: if let Refusal::BalanceInsufficient { available } = refusal {
                Some(available.fen())
            } else {
                None
            },
        },
        Err(EngineError::Busy | EngineError::Unavailable(_)) => history::Answer::NotDone,
        Err(EngineError::OutcomeUnknown) => history::Answer::Unknown,
    }
}

fn note(order_no: impl std::fmt::Display, kind: &'static str) -> Request {
    Request::Note { order_no: order_no.to_string(), kind }
}

fn thing(answer: &Answer) -> Thing {
    match answer {
        Answer::Merchant(head) => Thing::Merchant(balance(head)),
        Answer::Order(made) => Thing::Order(order(made)),
        Answer::Payment(booking, made) => {
            let case = match booking {
                Booking::Credited => None,
                Booking::Case(kind) => Some(kind.as_str()),
            };
            Thing::Payment(case, made.as_deref().map(order))
        }
        Answer::Settlement(made) => Thing::Settlement(made.as_deref().map(settlement)),
        Answer::Refund(made) => Thing::Refund(refund(made)),
        Answer::Withdrawal(made) => Thing::Withdrawal(withdrawal(made)),
        // What it shows beside its number is what was asked for.
        Answer::Adjustment(_) => Thing::Unseen,
        Answer::Case(case) => Thing::Case(case.case_id.to_string(), case.kind.as_str()),
    }
}

fn fen(money: Money) -> Fen {
    Fen::try_from(money.fen()).expect("money fits a signed column")
}

fn rules(given: &Rules) -> history::Rules {
    history::Rules {
        fee_bp: i64::from(u16::from(given.fee_bp)),
        settle_after_days: given.settle_after_days,
        withdrawal_min: given.withdrawal_min_fen.map(fen),
        withdrawal_max: given.withdrawal_max_fen.map(fen),
        daily_max: given.daily_max_fen.map(fen),
        approval_over: given.approval_over_fen.map(fen),
        payout_by_wechat: given.payout_method == Some(PayoutMethod::Wechat),
        debt_max: fen(given.debt_max_fen),
    }
}

/// The rules that a change leads to. The simulator's changes name every rule.
fn changed(change: &RulesChange) -> history::Rules {
    history::Rules {
        fee_bp: change.fee_bp.map_or(0, |rate| i64::from(u16::from(rate))),
        settle_after_days: change.settle_after_days.flatten(),
        withdrawal_min: change.withdrawal_min_fen.flatten().map(fen),
        withdrawal_max: change.withdrawal_max_fen.flatten().map(fen),
        daily_max: change.daily_max_fen.flatten().map(fen),
        approval_over: change.approval_over_fen.flatten().map(fen),
        payout_by_wechat: change.payout_method.flatten() == Some(PayoutMethod::Wechat),
        debt_max: change.debt_max_fen.map_or(0, fen),
    }
}

/// Balances after an event.
pub fn balance(head: &Head) -> history::Balance {
    history::Balance {
        seq: head.link.seq.0,
        paid_orders: head.paid_orders,
        paid: fen(head.paid),
        fee: fen(head.fee),
        refunded: fen(head.refunded),
        pending: fen(head.pending()),
        available: head.available.fen(),
        in_transit: fen(head.in_transit),
        withdrawn: fen(head.withdrawn),
        suspense: fen(head.suspense),
        adjusted: head.adjusted.fen(),
    }
}

/// An order.
pub fn order(made: &Order) -> history::Order {
    history::Order {
        order_no: made.order_no.to_string(),
        amount: fen(made.amount),
        status: made.status.as_str(),
        payment: made.payment.as_ref().map(|payment| history::Payment {
            transaction_id: payment.transaction_id.to_string(),
            booked: fen(payment.booked),
            fee: fen(payment.fee),
            paid_seq: payment.paid_seq,
        }),
    }
}

/// A settlement.
pub fn settlement(made: &Settlement) -> history::Settlement {
    let moved = &made.moved;
    history::Settlement {
        settlement_no: made.settlement_no.to_string(),
        orders: moved.orders,
        gross: fen(moved.gross),
        refunded: fen(moved.refunded),
        fee: fen(moved.fee),
        first_paid_seq: moved.first_paid_seq,
        last_paid_seq: moved.last_paid_seq,
        through: made.through.to_string(),
    }
}

/// A withdrawal.
pub fn withdrawal(made: &Withdrawal) -> history::Withdrawal {
    history::Withdrawal {
        withdrawal_no: made.withdrawal_no.to_string(),
        amount: fen(made.amount),
        status: made.status.as_str(),
        settlement_no: made.settlement_no.map(|number| number.to_string()),
    }
}

/// An event as it is stored. What can't be read is a fact as well, with an empty kind.
pub fn fact(recorded: &Recorded) -> Fact {
    let (seq, hash, bytes) = (recorded.seq.0, recorded.hash.0, recorded.bytes.clone());
    let Ok(stamped) = Stamped::decode(&bytes) else {
        return Fact { seq, hash, bytes, at_ms: 0, kind: "", fields: serde_json::Value::Null };
    };
    let kind = stamped.event.kind();
    let mut shown = serde_json::to_value(&stamped.event).expect("an event is plain data");
    let fields = shown.get_mut(kind).map(serde_json::Value::take).unwrap_or_default();
    Fact { seq, hash, bytes, at_ms: stamped.at.ms(), kind, fields }
}

/// What is stored of a merchant, with all its lists.
pub async fn stored(store: &dyn Store, of: MerchantId) -> history::Stored {
    let head = lists::head(store, of).await;
    let listed = |listed: &ListedOrder| {
        (order(&listed.order), listed.settlement_no.map(|number| number.to_string()))
    };
    let case = |listed: &ListedCase| (listed.case.case_id.to_string(), listed.case.kind.as_str());
    history::Stored {
        journal: lists::journal(store, of).await.iter().map(fact).collect(),
        balance: head.as_ref().map(balance),
        head_hash: head.map(|head| head.link.hash.0).unwrap_or_default(),
        orders: lists::orders(store, of).await.iter().map(listed).collect(),
        settlements: lists::settlements(store, of).await.iter().map(settlement).collect(),
        withdrawals: lists::withdrawals(store, of).await.iter().map(withdrawal).collect(),
        cases: lists::cases(store, of).await.iter().map(case).collect(),
        refunds: lists::refunds(store, of).await.iter().map(refund).collect(),
    }
}
