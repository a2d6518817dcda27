//! The sandbox's own books: orders, payments, refunds, transfers. A fold over the entries of its file.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tally_wechat::{Fields, SignType};

use crate::refund_book::{End, Refund};

/// What happened: one line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// An order was taken; `request` without nonce and signature, to compare repeats with.
    OrderOpened {
        out_trade_no: String,
        request: Fields,
        amount_fen: u64,
        prepay_id: String,
        expires_at_ms: i64,
        at_ms: i64,
    },
    /// The prepay_id was too old and there is a new one.
    PrepayRenewed { out_trade_no: String, prepay_id: String, at_ms: i64 },
    /// The customer paid.
    OrderPaid { out_trade_no: String, transaction_id: String, coupon_fen: u64, at_ms: i64 },
    /// The merchant closed it.
    OrderClosed { out_trade_no: String, at_ms: i64 },
    /// A notice was sent; `taken`: it was answered SUCCESS.
    NoticeTried { out_trade_no: String, taken: bool },
    /// A transfer was made, or failed.
    Transferred {
        partner_trade_no: String,
        request: Fields,
        amount_fen: u64,
        payment_no: String,
        failed: bool,
        at_ms: i64,
    },
    /// A refund was taken.
    RefundTaken { out_refund_no: String, refund: Refund },
    /// A refund's notice was sent; `taken`: it was answered SUCCESS.
    RefundNoticeTried { out_refund_no: String, taken: bool },
    /// What the merchant can refund from was set; none: it never ends.
    BalanceSet { fen: Option<i64>, at_ms: i64 },
    /// The clock was moved.
    ClockMoved { by_ms: i64 },
}

/// How an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Paid { transaction_id: String, coupon_fen: u64, at_ms: i64 },
    Closed,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) request: Fields,
    pub(crate) amount_fen: u64,
    pub(crate) prepay_id: String,
    pub(crate) prepaid_at_ms: i64,
    pub(crate) opened_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    pub(crate) standing: Standing,
    pub(crate) notice_tries: u32,
    pub(crate) notice_taken: bool,
}

impl Order {
    /// How it stands at a time: an open order closes when its time is over.
    pub(crate) fn standing_at(&self, now_ms: i64) -> &Standing {
        match &self.standing {
            Standing::Open if now_ms >= self.expires_at_ms => &Standing::Closed,
            Standing::Open | Standing::Paid { .. } | Standing::Closed => &self.standing,
        }
    }

    /// The algorithm that the order was made with; WeChat's default is MD5.
    pub(crate) fn sign_type(&self) -> SignType {
        self.request.get("sign_type").and_then(|name| name.parse().ok()).unwrap_or_default()
    }

    /// Whether WeChat still owes a notice of it.
    pub(crate) fn notice_owed(&self) -> bool {
        matches!(self.standing, Standing::Paid { .. }) && !self.notice_taken
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) request: Fields,
    pub(crate) amount_fen: u64,
    pub(crate) payment_no: String,
    pub(crate) failed: bool,
    pub(crate) at_ms: i64,
}

/// What the merchant can refund from, since it was set.
#[derive(Debug, Clone, Copy)]
struct Balance {
    /// What was set, with the payments and without the refunds since.
    fen: i64,
    set_at_ms: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) orders: BTreeMap<String, Order>,
    pub(crate) transfers: BTreeMap<String, Transfer>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    /// The numbers of an order's refunds, as they came.
    refunds_by_order: HashMap<String, Vec<String>>,
    balance: Option<Balance>,
    by_transaction: HashMap<String, String>,
    by_prepay: HashMap<String, String>,
    /// How far the clock is ahead of the wall's.
    pub(crate) ahead_ms: i64,
}

impl Books {
    pub(crate) fn order_by_transaction(&self, transaction_id: &str) -> Option<(&String, &Order)> {
        self.orders.get_key_value(self.by_transaction.get(transaction_id)?)
    }

    pub(crate) fn order_by_prepay(&self, prepay_id: &str) -> Option<(&String, &Order)> {
        self.orders.get_key_value(self.by_prepay.get(prepay_id)?)
    }

    /// An order's refunds, as they came.
    pub(crate) fn refunds_of(
        &self,
        out_trade_no: &str,
    ) -> impl Iterator<Item = (&String, &Refund)> {
        let numbers = self.refunds_by_order.get(out_trade_no).into_iter().flatten();
        numbers.filter_map(|number| self.refunds.get_key_value(number))
    }

    /// What the merchant can refund from, in fen; none: it never ends.
    pub(crate) fn refundable_at(&self, now_ms: i64) -> Option<u64> {
        let Balance { fen, set_at_ms } = self.balance?;
        let since = self.refunds.values().filter(|refund| refund.at_ms >= set_at_ms);
        let came_back = since
            .filter(|r| matches!(r.end_at(now_ms), Some(End::Closed | End::Changed)))
            .fold(0, |sum, refund| signed(refund.settlement_fen()).saturating_add(sum));
        Some(u64::try_from(fen.saturating_add(came_back)).unwrap_or(0))
    }

    fn moved(&mut self, by_fen: i64) {
        if let Some(balance) = &mut self.balance {
            balance.fen = balance.fen.saturating_add(by_fen);
        }
    }

    fn paid(&mut self, out_trade_no: String, standing: Standing) {
        let Some(order) = self.orders.get_mut(&out_trade_no) else { return };
        order.standing = standing;
        if let Standing::Paid { transaction_id, coupon_fen, .. } = &order.standing {
            let brought = signed(order.amount_fen.saturating_sub(*coupon_fen));
            self.by_transaction.insert(transaction_id.clone(), out_trade_no);
            self.moved(brought);
        }
    }

    fn refunded(&mut self, out_refund_no: String, refund: Refund) {
        let numbers = self.refunds_by_order.entry(refund.out_trade_no.clone()).or_default();
        numbers.push(out_refund_no.clone());
        self.moved(-signed(refund.settlement_fen()));
        self.refunds.insert(out_refund_no, refund);
    }

    /// Changes the books. An entry that names an unknown order changes nothing.
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::OrderOpened {
                out_trade_no,
                request,
                amount_fen,
                prepay_id,
                expires_at_ms,
                at_ms,
            } => {
                self.by_prepay.insert(prepay_id.clone(), out_trade_no.clone());
                let order = Order {
                    request,
                    amount_fen,
                    prepay_id,
                    prepaid_at_ms: at_ms,
                    opened_at_ms: at_ms,
                    expires_at_ms,
                    standing: Standing::Open,
                    notice_tries: 0,
                    notice_taken: false,
                };
                self.orders.insert(out_trade_no, order);
            }
            Entry::PrepayRenewed { out_trade_no, prepay_id, at_ms } => {
                if let Some(order) = self.orders.get_mut(&out_trade_no) {
                    order.prepay_id.clone_from(&prepay_id);
                    order.prepaid_at_ms = at_ms;
                    self.by_prepay.insert(prepay_id, out_trade_no);
                }
            }
            Entry::OrderPaid { out_trade_no, transaction_id, coupon_fen, at_ms } => {
                self.paid(out_trade_no, Standing::Paid { transaction_id, coupon_fen, at_ms });
            }
            Entry::OrderClosed { out_trade_no, at_ms: _ } => {
                if let Some(order) = self.orders.get_mut(&out_trade_no) {
                    order.standing = Standing::Closed;
                }
            }
            Entry::NoticeTried { out_trade_no, taken } => {
                if let Some(order) = self.orders.get_mut(&out_trade_no) {
                    order.notice_tries = order.notice_tries.saturating_add(1);
                    order.notice_taken |= taken;
                }
            }
            Entry::Transferred {
                partner_trade_no,
                request,
                amount_fen,
                payment_no,
                failed,
                at_ms,
            } => {
                let transfer = Transfer { request, amount_fen, payment_no, failed, at_ms };
                self.transfers.insert(partner_trade_no, transfer);
            }
            Entry::RefundTaken { out_refund_no, refund } => self.refunded(out_refund_no, refund),
            Entry::RefundNoticeTried { out_refund_no, taken } => {
                if let Some(refund) = self.refunds.get_mut(&out_refund_no) {
                    refund.notice_tries = refund.notice_tries.saturating_add(1);
                    refund.notice_taken |= taken;
                }
            }
            Entry::BalanceSet { fen, at_ms } => {
                self.balance = fen.map(|fen| Balance { fen, set_at_ms: at_ms });
            }
            Entry::ClockMoved { by_ms } => self.ahead_ms = self.ahead_ms.saturating_add(by_ms),
        }
    }
}

fn signed(fen: u64) -> i64 {
    i64::try_from(fen).unwrap_or(i64::MAX)
}
