//! What a platform agreed with a merchant.

use serde::{Deserialize, Serialize};

use super::money::{FeeRate, Money};
use super::time::{At, Day};

/// How a merchant's withdrawals are paid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutMethod {
    /// A transfer by WeChat to the merchant's openid.
    Wechat,
    /// A bank run outside of Tally, confirmed by hand.
    Manual,
}

/// WeChat transfers nothing below 1 yuan (WeChat Pay, 企业付款 and 商家转账 limits).
pub const WECHAT_TRANSFER_MIN: Money = Money::from_fen(100).expect("a small amount");

/// The rules of one merchant. Amounts in fen; a limit that is `None` does not limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The merchant's name, for people.
    pub name: Box<str>,
    /// The platform's fee, fixed on an order when it is paid.
    pub fee_bp: FeeRate,
    /// T+N: an order may be settled so many Beijing days after its payment; `None`: at once, but only on demand.
    pub settle_after_days: Option<u8>,
    /// How withdrawals are paid out; `None`: they are refused.
    pub payout_method: Option<PayoutMethod>,
    /// Who receives a WeChat transfer.
    pub payout_openid: Option<Box<str>>,
    /// The receiver's real name, checked by WeChat or the bank.
    pub payout_name: Option<Box<str>>,
    /// The smallest withdrawal.
    pub withdrawal_min_fen: Option<Money>,
    /// The largest withdrawal.
    pub withdrawal_max_fen: Option<Money>,
    /// The most that may be asked for in one Beijing day.
    pub daily_max_fen: Option<Money>,
    /// A withdrawal above this waits for a second key.
    pub approval_over_fen: Option<Money>,
    /// How far refunds may take available below zero.
    pub debt_max_fen: Money,
}

impl Rules {
    /// The rules of a merchant about whom nothing is agreed but a name: no fee, settlement on demand, no payout.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            fee_bp: FeeRate::default(),
            settle_after_days: None,
            payout_method: None,
            payout_openid: None,
            payout_name: None,
            withdrawal_min_fen: None,
            withdrawal_max_fen: None,
            daily_max_fen: None,
            approval_over_fen: None,
            debt_max_fen: Money::ZERO,
        }
    }

    /// The first day on which an order paid at `paid_at` may be settled; `None`: at once.
    pub fn settle_on(&self, paid_at: At) -> Option<Day> {
        self.settle_after_days.map(|days| paid_at.day().plus(days))
    }

    /// The smallest withdrawal, the method's own minimum included.
    pub fn withdrawal_min(&self) -> Money {
        let own = self.withdrawal_min_fen.unwrap_or(Money::ZERO);
        match self.payout_method {
            Some(PayoutMethod::Wechat) => own.max(WECHAT_TRANSFER_MIN),
            Some(PayoutMethod::Manual) | None => own,
        }
    }
}
