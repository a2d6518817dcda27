//! From the engine's types to the plain words of a history.

use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::Order;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::ports::Recorded;

use crate::history::{self, Fact, Fen};

fn fen(money: Money) -> Fen {
    Fen::try_from(money.fen()).expect("money fits a signed column")
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
