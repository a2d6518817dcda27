//! The judge's own fold of refunds: what each order's payment has left at each event, worked out from the journal as it is told.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// A refund, amounts in fen.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of api.md 3")]
pub struct Refund {
    pub refund_no: String,
    pub order_no: String,
    pub amount_fen: u64,
    pub booked_fen: i64,
    pub status: String,
    pub refund_id: Option<String>,
    pub by_hand: bool,
}

impl Refund {
    /// Whether the merchant's money is taken for it.
    pub fn is_booked(&self) -> bool {
        let hearsay = self.by_hand && self.status == "unknown";
        self.status != "failed" && !hearsay
    }
}

/// What is left of one order's payment, amounts in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// What refunds took of what was booked.
    pub refunded: i64,
    /// The fee on the rest.
    pub fee: i64,
}

/// What the journal says of all orders.
#[derive(Debug, Default)]
pub struct Story {
    /// What was left of each order from an event on, in the order of events.
    orders: HashMap<String, Vec<(u64, Left)>>,
    /// The event of each settlement.
    settled_at: HashMap<String, u64>,
    /// How many refunds there are.
    pub refunds: i64,
}

impl Story {
    /// Takes the next event.
    pub fn take(&mut self, seq: u64, kind: &str, body: &Value) {
        let fen = |field: &str| body[field].as_i64().unwrap_or(i64::MIN / 4);
        let (refunded, fee) = match kind {
            "order_paid" => (0, fen("fee_fen")),
            "refund_requested" | "refund_found" => (fen("booked_fen"), -fen("fee_fen")),
            "refund_failed" => (-fen("booked_fen"), fen("fee_fen")),
            "refund_succeeded" => (
                fen("booked_now_fen") - fen("booked_fen"),
                fen("order_fee_now_fen") - fen("order_fee_fen"),
            ),
            "refund_noticed" => (0, 0),
            "settled" => {
                let number = body["settlement_no"].as_str().unwrap_or_default();
                self.settled_at.insert(number.to_owned(), seq);
                return;
            }
            _ => return,
        };
        self.refunds += i64::from(matches!(kind, "refund_requested" | "refund_noticed"));
        let order = body["order_no"].as_str().unwrap_or_default().to_owned();
        let states = self.orders.entry(order).or_default();
        let before = states.last().map_or(Left::default(), |(_, left)| *left);
        states.push((seq, Left { refunded: before.refunded + refunded, fee: before.fee + fee }));
    }

    /// What is left of an order.
    pub fn of(&self, order_no: &str) -> Left {
        self.until(order_no, u64::MAX)
    }

    /// What was left of an order when a settlement was made.
    pub fn then(&self, settlement_no: &str, order_no: &str) -> Left {
        self.until(order_no, self.settled_at.get(settlement_no).copied().unwrap_or_default())
    }

    fn until(&self, order_no: &str, seq: u64) -> Left {
        let states = self.orders.get(order_no).map_or(&[][..], Vec::as_slice);
        let so_far = states.partition_point(|(at, _)| *at <= seq);
        states[..so_far].last().map_or(Left::default(), |(_, left)| *left)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_of_an_order_is_what_came_less_what_went_back() {
        let mut story = Story::default();
        let order = "A1";
        let events = [
            ("order_paid", json!({"order_no": order, "fee_fen": 60})),
            ("refund_requested", json!({"order_no": order, "booked_fen": 4_000, "fee_fen": 24})),
            ("settled", json!({"settlement_no": "S1"})),
            ("refund_failed", json!({"order_no": order, "booked_fen": 4_000, "fee_fen": 24})),
            ("refund_requested", json!({"order_no": order, "booked_fen": 1_000, "fee_fen": 6})),
            (
                "refund_succeeded",
                json!({
                    "order_no": order, "booked_fen": 1_000, "booked_now_fen": 900,
                    "order_fee_fen": 54, "order_fee_now_fen": 55,
                }),
            ),
        ];
        for (seq, (kind, body)) in (1..).zip(events) {
            story.take(seq, kind, &body);
        }
        assert_eq!(story.of(order), Left { refunded: 900, fee: 55 });
        assert_eq!(story.then("S1", order), Left { refunded: 4_000, fee: 36 });
        assert_eq!(story.refunds, 2);
    }
}
