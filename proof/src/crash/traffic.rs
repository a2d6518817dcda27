//! The traffic: what customers, merchants and the bank ask for, in a fixed mix, chosen from a seed.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::api::{Api, Reply};
use crate::random::Random;

/// The merchants of the traffic.
pub const MERCHANTS: [&str; 3] = ["demand", "today", "plus2"];

/// What was agreed with each: the fee in basis points, and after how many days it is settled.
pub const RULES: [(u16, Option<u8>); 3] = [(60, None), (33, Some(0)), (0, Some(2))];

/// Days on which a payment of today may have been made: settled at once even where the rule is T+2.
const LONG_AGO: [&str; 3] =
    ["2024-01-01T04:00:00Z", "2024-02-28T15:59:59.999Z", "2024-02-28T16:00:00Z"];

/// What every refund of the traffic says it is for: the slip by which the customer was paid.
pub const REFUND_REASON: &str = "slip 7";

/// How many paid orders a client remembers, to refund some.
const PAID_MAX: usize = 16;

/// How the caller names what it asks for: by a number, or by a key for which the server makes one.
#[derive(Debug, Clone)]
pub enum Name {
    /// A number that the caller chose.
    Number(String),
    /// An `Idempotency-Key`.
    Key(String),
}

/// What is asked for. Amounts in fen.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are those of api.md 3")]
pub enum What {
    Open { name: Name, amount: u64 },
    Pay { order_no: String, amount: u64, paid_at: Option<&'static str> },
    Close { order_no: String },
    Settle { name: Name, include_not_due: bool },
    Withdraw { name: Name, amount: Option<u64>, settle_first: bool },
    Confirm { withdrawal_no: String, succeeded: bool },
    Refund { name: Name, order_no: String, amount: u64 },
    Stand { frozen: bool },
    Read,
}

/// A call, with all that is needed to ask again.
#[derive(Debug, Clone)]
pub struct Call {
    /// Whose books it is about.
    pub merchant: &'static str,
    /// What it asks for.
    pub what: What,
}

impl Call {
    /// Asks; an error means that nobody knows what became of it.
    pub async fn send(&self, api: &Api) -> Result<Reply, reqwest::Error> {
        let (name, path) = match &self.what {
            What::Open { name, .. } => (Some(name), "orders".to_owned()),
            What::Pay { order_no, .. } => (None, format!("orders/{order_no}/paid")),
            What::Close { order_no } => (None, format!("orders/{order_no}/close")),
            What::Settle { name, .. } => (Some(name), "settlements".to_owned()),
            What::Withdraw { name, .. } => (Some(name), "withdrawals".to_owned()),
            What::Confirm { withdrawal_no, .. } => {
                (None, format!("withdrawals/{withdrawal_no}/confirm"))
            }
            What::Refund { name, order_no, .. } => {
                (Some(name), format!("orders/{order_no}/refunds"))
            }
            What::Stand { frozen: true } => (None, "freeze".to_owned()),
            What::Stand { frozen: false } => (None, "unfreeze".to_owned()),
            What::Read => return api.read(&format!("merchants/{}/balance", self.merchant)).await,
        };
        let key = match name {
            Some(Name::Key(key)) => Some(key.as_str()),
            Some(Name::Number(_)) | None => None,
        };
        api.post(&format!("merchants/{}/{path}", self.merchant), &self.body(), key).await
    }

    fn body(&self) -> Value {
        match &self.what {
            What::Open { name, amount } => named(
                "order_no",
                name,
                json!({"amount_fen": amount, "description": "tea", "channel": "external"}),
            ),
            What::Pay { order_no, amount, paid_at } => {
                let mut body =
                    json!({"transaction_id": transaction_of(order_no), "amount_fen": amount});
                if let Some(paid_at) = paid_at {
                    body["paid_at"] = json!(paid_at);
                }
                body
            }
            What::Close { .. } | What::Read => json!({}),
            What::Settle { name, include_not_due } => {
                named("settlement_no", name, json!({"include_not_due": include_not_due}))
            }
            What::Withdraw { name, amount, settle_first } => {
                let body = match amount {
                    Some(amount) => json!({"amount_fen": amount, "settle_first": settle_first}),
                    None => json!({"all": true, "settle_first": settle_first}),
                };
                named("withdrawal_no", name, body)
            }
            What::Confirm { withdrawal_no, succeeded: true } => {
                json!({"succeeded": true, "reference": format!("slip {withdrawal_no}")})
            }
            What::Confirm { succeeded: false, .. } => {
                json!({"succeeded": false, "reason": "account closed"})
            }
            What::Refund { name, amount, .. } => {
                named("refund_no", name, json!({"amount_fen": amount, "reason": REFUND_REASON}))
            }
            What::Stand { .. } => json!({"reason": "who is this"}),
        }
    }

    /// The same number or key, other content: to be refused once this one is recorded. Closing, confirming and freezing name no
    /// content of their own.
    pub fn with_other_content(&self) -> Option<Self> {
        let mut other = self.clone();
        match &mut other.what {
            What::Open { amount, .. } | What::Pay { amount, .. } => *amount += 1,
            What::Settle { include_not_due, .. } => *include_not_due = !*include_not_due,
            What::Withdraw { settle_first, .. } => *settle_first = !*settle_first,
            What::Refund { amount, .. } => *amount += 1,
            What::Close { .. } | What::Confirm { .. } | What::Stand { .. } | What::Read => {
                return None;
            }
        }
        Some(other)
    }

    /// Whether an answer is a success, or a refusal that the traffic provokes.
    pub fn expects(&self, reply: &Reply) -> bool {
        let provoked: &[&str] = match &self.what {
            What::Withdraw { .. } => &["balance_insufficient", "withdrawals_frozen"],
            What::Refund { .. } => &["balance_insufficient", "refund_exceeds_payment"],
            What::Open { .. }
            | What::Pay { .. }
            | What::Close { .. }
            | What::Settle { .. }
            | What::Confirm { .. }
            | What::Stand { .. }
            | What::Read => &[],
        };
        reply.is_success() || (reply.status == 422 && provoked.contains(&reply.code()))
    }
}

/// The payment's number that belongs to an order in this traffic.
pub fn transaction_of(order_no: &str) -> String {
    format!("T{order_no}")
}

fn named(field: &str, name: &Name, mut body: Value) -> Value {
    if let Name::Number(number) = name {
        body[field] = json!(number);
    }
    body
}

/// One of many who ask at the same time. Waits for each answer before the next call.
#[derive(Debug)]
pub struct Client {
    id: String,
    made: u64,
    random: Random,
    next: VecDeque<Call>,
    /// Its newest paid orders: merchant, number, amount in fen.
    paid: VecDeque<(&'static str, String, u64)>,
    /// The last call, when it was sent once and is to be sent again; nothing follows from the repeat.
    repeat: Option<Call>,
    repeating: bool,
}

impl Client {
    /// `id` must be its own, up to 9 letters or digits: the numbers begin with it. It begins with the calls of `open`.
    pub fn new(id: String, random: Random, open: Vec<Call>) -> Self {
        let (next, paid) = (open.into(), VecDeque::new());
        Self { id, made: 0, random, next, paid, repeat: None, repeating: false }
    }

    fn name(&mut self) -> Name {
        self.made += 1;
        let number = format!("{}{:06}", self.id, self.made);
        if self.random.percent(20) {
            Name::Key(format!("key {number}"))
        } else {
            Name::Number(number)
        }
    }

    /// What it asks for next: most of all orders, which it then pays.
    pub fn next_call(&mut self) -> Call {
        let repeat = self.repeat.take();
        self.repeating = repeat.is_some();
        if let Some(call) = repeat.or_else(|| self.next.pop_front()) {
            return call;
        }
        let merchant = *self.random.of(&MERCHANTS);
        let name = self.name();
        let amount = 1 + self.random.below(100_000);
        let what = match self.random.below(100) {
            0..18 => What::Read,
            18..60 => What::Open { name, amount },
            60..69 => return self.refund(name).unwrap_or(Call { merchant, what: What::Read }),
            69 => What::Stand { frozen: true },
            70..82 => What::Settle { name, include_not_due: self.random.percent(20) },
            82..88 => What::Withdraw { name, amount: None, settle_first: false },
            88..94 => What::Withdraw { name, amount: None, settle_first: true },
            94..97 => What::Withdraw { name, amount: Some(amount), settle_first: true },
            _ => What::Withdraw { name, amount: Some(amount), settle_first: false },
        };
        Call { merchant, what }
    }

    /// A refund of one of its paid orders, of all or of a part, which may be more than is left.
    fn refund(&mut self, name: Name) -> Option<Call> {
        if self.paid.is_empty() {
            return None;
        }
        let place = self.random.below(self.paid.len() as u64);
        let (merchant, order_no, paid) = self.paid[usize::try_from(place).ok()?].clone();
        let amount = if self.random.percent(30) { paid } else { 1 + self.random.below(paid) };
        Some(Call { merchant, what: What::Refund { name, order_no, amount } })
    }

    /// What follows from an answer: an order is paid (some are closed), a withdrawal confirmed, a freeze taken back; some calls
    /// are sent twice.
    pub fn follow(&mut self, call: &Call, thing: &Value) {
        if self.repeating {
            return;
        }
        if self.random.percent(10) {
            self.repeat = Some(call.clone());
        }
        let number = |field: &str| thing[field].as_str().map(str::to_owned);
        let follow = |what| Call { merchant: call.merchant, what };
        match &call.what {
            What::Open { amount, .. } => {
                let Some(order_no) = number("order_no") else { return };
                let long_ago = *self.random.of(&LONG_AGO);
                let paid_at = self.random.percent(50).then_some(long_ago);
                self.next.push_back(follow(if self.random.percent(93) {
                    What::Pay { order_no, amount: *amount, paid_at }
                } else {
                    What::Close { order_no }
                }));
            }
            What::Withdraw { .. } => {
                let Some(withdrawal_no) = number("withdrawal_no") else { return };
                if self.random.percent(80) {
                    let succeeded = self.random.percent(75);
                    self.next.push_back(follow(What::Confirm { withdrawal_no, succeeded }));
                }
            }
            What::Pay { order_no, amount, .. } => {
                self.paid.push_back((call.merchant, order_no.clone(), *amount));
                if self.paid.len() > PAID_MAX {
                    self.paid.pop_front();
                }
            }
            What::Stand { frozen: true } => {
                self.next.push_back(follow(What::Stand { frozen: false }));
            }
            What::Close { .. }
            | What::Settle { .. }
            | What::Confirm { .. }
            | What::Refund { .. }
            | What::Stand { frozen: false }
            | What::Read => {}
        }
    }
}
