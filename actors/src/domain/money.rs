//! Amounts: whole fen, checked arithmetic, no floats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in fen (1 yuan = 100 fen). Never negative, and never more than a signed 64-bit column holds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount there is: what a signed 64-bit column holds.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// An amount of `fen`; `None` above [`Money::MAX`].
    pub const fn from_fen(fen: u64) -> Option<Self> {
        if fen <= Self::MAX.0 { Some(Self(fen)) } else { None }
    }

    /// The amount in fen.
    pub const fn fen(self) -> u64 {
        self.0
    }

    /// The sum, or `None` above [`Money::MAX`].
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_fen)
    }

    /// The difference, or `None` below zero.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The fee on this amount, rounded half up to a whole fen (`api.md` 3, "Fee of an order").
    pub fn fee(self, rate: FeeRate) -> Self {
        let scaled = u128::from(self.0) * u128::from(rate.0);
        Self(u64::try_from((scaled + 5_000) / 10_000).expect("a rate is at most 100 %"))
    }

    /// This amount's share that `part` is of `whole`, rounded half up to a whole fen; nothing of nothing.
    pub fn share(self, part: Self, whole: Self) -> Self {
        let (part, whole) = (u128::from(part.0.min(whole.0)), u128::from(whole.0));
        if whole == 0 {
            return Self::ZERO;
        }
        let twice = 2 * u128::from(self.0) * part + whole;
        Self(u64::try_from(twice / (2 * whole)).expect("a part is at most the whole"))
    }
}

impl TryFrom<u64> for Money {
    type Error = &'static str;

    fn try_from(fen: u64) -> Result<Self, Self::Error> {
        Self::from_fen(fen).ok_or("must be at most 9223372036854775807 fen")
    }
}

impl From<Money> for u64 {
    fn from(money: Money) -> Self {
        money.0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fen", self.0)
    }
}

/// What a merchant may withdraw, in fen. Below zero it is the merchant's debt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Balance(i64);

impl Balance {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A balance of `fen`.
    pub const fn from_fen(fen: i64) -> Self {
        Self(fen)
    }

    /// The balance in fen.
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// The balance after `amount` came in, or `None` where a column could not hold it.
    pub fn plus(self, amount: Money) -> Option<Self> {
        self.0.checked_add_unsigned(amount.0).map(Self)
    }

    /// The balance after `amount` went out, or `None` where a column could not hold it.
    pub fn minus(self, amount: Money) -> Option<Self> {
        self.0.checked_sub_unsigned(amount.0).map(Self)
    }

    /// The balance with another one's amount, which may be below zero; `None` where a column could not hold it.
    pub fn with(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What may be taken out: zero for a debt.
    pub fn spendable(self) -> Money {
        Money(self.0.max(0).unsigned_abs())
    }
}

/// A fee in hundredths of a percent: 0 to 10,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct FeeRate(u16);

impl FeeRate {
    /// A rate of `basis_points`; `None` above 10,000.
    pub const fn from_basis_points(basis_points: u16) -> Option<Self> {
        if basis_points <= 10_000 { Some(Self(basis_points)) } else { None }
    }
}

impl TryFrom<u16> for FeeRate {
    type Error = &'static str;

    fn try_from(basis_points: u16) -> Result<Self, Self::Error> {
        Self::from_basis_points(basis_points).ok_or("must be 0 to 10000 hundredths of a percent")
    }
}

impl From<FeeRate> for u16 {
    fn from(rate: FeeRate) -> Self {
        rate.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_half_up() {
        for (fen, basis_points, fee) in [
            (100, 60, 1),
            (83, 60, 0),
            (84, 60, 1),
            (1, 10_000, 1),
            (0, 60, 0),
            (249, 20, 0),
            (250, 20, 1),
        ] {
            let rate = FeeRate::from_basis_points(basis_points).unwrap();
            assert_eq!(Money(fen).fee(rate), Money(fee), "{fen} fen at {basis_points}");
        }
    }

    #[test]
    fn a_share_is_rounded_half_up_and_never_more_than_the_whole() {
        for (amount, part, whole, share) in [
            (3, 1, 2, 2),
            (99, 50, 100, 50),
            (99, 100, 100, 99),
            (5, 0, 7, 0),
            (5, 9, 7, 5),
            (5, 1, 0, 0),
        ] {
            assert_eq!(Money(amount).share(Money(part), Money(whole)), Money(share));
        }
        assert_eq!(Money::MAX.share(Money::MAX, Money::MAX), Money::MAX);
    }

    #[test]
    fn the_largest_amount_has_a_fee_and_no_successor() {
        let whole = FeeRate::from_basis_points(10_000).unwrap();
        assert_eq!(Money::MAX.fee(whole), Money::MAX);
        assert_eq!(Money::MAX.plus(Money(1)), None);
        assert_eq!(Money::ZERO.minus(Money(1)), None);
        assert_eq!(Money::from_fen(u64::MAX), None);
    }

    #[test]
    fn a_debt_is_not_spendable() {
        let debt = Balance::ZERO.minus(Money(5)).unwrap();
        assert_eq!((debt.fen(), debt.spendable()), (-5, Money::ZERO));
        assert_eq!(debt.plus(Money(7)).unwrap().spendable(), Money(2));
    }
}
