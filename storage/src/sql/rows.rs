//! Rows and the things that they hold: the only place that knows which column is what.
//!
//! A select names a thing's columns by its list here (`ORDER`, …) and reads them with the method of the same name on
//! [`Fields`], which takes them one after another. What a select adds before or after, it takes itself.

use std::str::FromStr;

use tally_actors::domain::case::{Case, CaseKind, Facts, Remedy, Resolution, Suspense};
use tally_actors::domain::chain::{Hash, Link, Seq};
use tally_actors::domain::head::{self, Head};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::{Balance, FeeRate, Money};
use tally_actors::domain::order::{Channel, Order, OrderStatus, Payment, Prepay};
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::settlement::{Bucket, Settlement};
use tally_actors::domain::time::{At, Day};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalRequest, WithdrawalStatus};
use tally_actors::ports::ReadError;

use super::row::{FromCell, Row};

/// The columns of an order, in the order in which [`Fields::order`] takes them.
pub(crate) const ORDER: &str = "order_no, amount_fen, description, channel, status, opened_ms, opened_seq, expires_ms, \
    prepay_id, prepaid_ms, closing_ms, closed_ms, paid_seq, transaction_id, paid_ms, booked_fen, fee_fen, settle_on, fee_bp, \
    refunded_fen, refunded_booked_fen, pending_change_fen, refund_sent_ms";

/// The columns of a settlement, for [`Fields::settlement`].
pub(crate) const SETTLEMENT: &str = "settlement_no, seq, at_ms, through, include_not_due, orders, gross_fen, \
    refunded_fen, fee_fen, first_paid_seq, last_paid_seq";

/// The columns of a withdrawal, for [`Fields::withdrawal`].
pub(crate) const WITHDRAWAL: &str = "withdrawal_no, amount_fen, asked_fen, settle_first, method, payout_openid, \
    payout_name, status, reason, reference, requested_ms, requested_seq, tried_ms, day, asked_by, approved_by, \
    settlement_no";

/// The columns of a refund, for `Fields::refund` in `refund_rows`.
pub(crate) const REFUND: &str = "refund_no, order_no, amount_fen, booked_fen, fee_fen, source, source_day, \
    transaction_id, total_fen, reason, asked_by, status, why, refund_id, by_hand, requested_ms, requested_seq, tried_ms";

/// The columns of an adjustment, for `Fields::adjustment` in `adjustments`.
pub(crate) const ADJUSTMENT: &str = "adjustment_no, amount_fen, reason, asked_by, requested_ms, requested_seq, status, decided_ms, \
    decided_by, decision";

/// The columns of a case, for [`Fields::case`].
pub(crate) const CASE: &str = "case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, expected_fen, paid_ms, facts, \
    suspense, booked_fen, resolved_ms, resolved_by, note, remedy";

/// The columns of a head, for [`Fields::head`].
pub(crate) const HEAD: &str = "format, seq, hash, at_ms, registered_ms, paid_orders, paid_fen, refunded_fen, fee_fen, \
    available_fen, in_transit_fen, withdrawn_fen, suspense_fen, suspended_fen, credited_fen, adjusted_fen, kept";

/// The fields of one row, taken from left to right.
pub(crate) struct Fields<'r> {
    row: &'r Row,
    next: usize,
    of: MerchantId,
}

impl<'r> Fields<'r> {
    /// The fields of a row about one merchant, from the first.
    pub(crate) fn new(row: &'r Row, of: MerchantId) -> Self {
        Self { row, next: 0, of }
    }

    /// The fields of a row whose first column is the merchant's id; that one is taken.
    pub(crate) fn led_by_merchant(row: &'r Row) -> Result<Self, ReadError> {
        let nobody = "0".parse().expect("a digit is a merchant id");
        let mut fields = Self::new(row, nobody);
        fields.of = fields.text()?;
        Ok(fields)
    }

    /// Whose the row is.
    pub(crate) fn of(&self) -> MerchantId {
        self.of
    }

    /// The next field as it is stored.
    pub(crate) fn take<T>(&mut self) -> Result<T, ReadError>
    where
        T: FromCell<'r>,
    {
        self.next += 1;
        self.row.get(self.next - 1).ok_or_else(|| self.damaged())
    }

    /// The next field, made into what it means.
    pub(crate) fn made<T, U>(&mut self, make: impl FnOnce(T) -> Option<U>) -> Result<U, ReadError>
    where
        T: FromCell<'r>,
    {
        make(self.take()?).ok_or_else(|| self.damaged())
    }

    /// The next field, made into what it means unless it is null.
    pub(crate) fn made_if_any<T, U>(
        &mut self,
        make: impl FnOnce(T) -> Option<U>,
    ) -> Result<Option<U>, ReadError>
    where
        T: FromCell<'r>,
    {
        match self.take::<Option<T>>()? {
            Some(raw) => make(raw).map(Some).ok_or_else(|| self.damaged()),
            None => Ok(None),
        }
    }

    /// The next field as an id, a number or a plain text.
    pub(crate) fn text<T: FromStr>(&mut self) -> Result<T, ReadError> {
        self.made(|raw: &str| raw.parse().ok())
    }

    /// The next field as an amount.
    pub(crate) fn money(&mut self) -> Result<Money, ReadError> {
        self.made(money)
    }

    /// The next field as an instant.
    pub(crate) fn at(&mut self) -> Result<At, ReadError> {
        self.made(instant)
    }

    /// The next field as a place in the journal.
    pub(crate) fn seq(&mut self) -> Result<Seq, ReadError> {
        self.made(count).map(Seq)
    }

    /// The next field as a hash.
    pub(crate) fn hash(&mut self) -> Result<Hash, ReadError> {
        self.made(|raw: &[u8]| raw.try_into().ok().map(Hash))
    }

    /// The next fields as a place and the hash there.
    pub(crate) fn link(&mut self) -> Result<Link, ReadError> {
        Ok(Link { seq: self.seq()?, hash: self.hash()? })
    }

    /// The order in the next fields: those of [`ORDER`].
    pub(crate) fn order(&mut self) -> Result<Order, ReadError> {
        Ok(Order {
            order_no: self.text()?,
            amount: self.money()?,
            description: self.take()?,
            channel: self.made(decode_channel)?,
            status: self.made(order_status)?,
            opened_at: self.at()?,
            opened_seq: self.seq()?,
            expires_at: self.at()?,
            prepay: self.prepay()?,
            closing_at: self.made_if_any(instant)?,
            closed_at: self.made_if_any(instant)?,
            payment: self.payment()?,
            refunded: self.money()?,
            refunded_booked: self.money()?,
            pending_change: Balance::from_fen(self.take()?),
            refund_sent_at: self.made_if_any(instant)?,
        })
    }

    fn prepay(&mut self) -> Result<Option<Prepay>, ReadError> {
        let (prepay_id, at): (Option<Box<str>>, _) = (self.take()?, self.made_if_any(instant)?);
        match (prepay_id, at) {
            (Some(prepay_id), Some(at)) => Ok(Some(Prepay { prepay_id, at })),
            (None, None) => Ok(None),
            (Some(_), None) | (None, Some(_)) => Err(self.damaged()),
        }
    }

    fn payment(&mut self) -> Result<Option<Payment>, ReadError> {
        let Some(paid_seq) = self.made_if_any(count)? else {
            self.next += 6; // null as well, by the constraint paid_is_whole
            return Ok(None);
        };
        Ok(Some(Payment {
            paid_seq,
            transaction_id: self.text()?,
            paid_at: self.at()?,
            booked: self.money()?,
            fee: self.money()?,
            settle_on: self.made_if_any(Day::from_days)?,
            fee_bp: self.made_if_any(rate)?,
        }))
    }

    /// The settlement in the next fields: those of [`SETTLEMENT`].
    pub(crate) fn settlement(&mut self) -> Result<Settlement, ReadError> {
        Ok(Settlement {
            settlement_no: self.text()?,
            seq: self.seq()?,
            at: self.at()?,
            through: self.made(Day::from_days)?,
            include_not_due: self.take()?,
            moved: Bucket {
                orders: self.made(count)?,
                gross: self.money()?,
                refunded: self.money()?,
                fee: self.money()?,
                first_paid_seq: self.made(count)?,
                last_paid_seq: self.made(count)?,
            },
        })
    }

    /// The withdrawal in the next fields: those of [`WITHDRAWAL`].
    pub(crate) fn withdrawal(&mut self) -> Result<Withdrawal, ReadError> {
        Ok(Withdrawal {
            withdrawal_no: self.text()?,
            amount: self.money()?,
            request: WithdrawalRequest {
                amount: self.made_if_any(money)?,
                settle_first: self.take()?,
            },
            method: self.made(payout_method)?,
            payout_openid: self.take()?,
            payout_name: self.take()?,
            status: self.made(withdrawal_status)?,
            reason: self.take()?,
            reference: self.take()?,
            requested_at: self.at()?,
            requested_seq: self.seq()?,
            tried_at: self.made_if_any(instant)?,
            day: self.made(Day::from_days)?,
            asked_by: self.text()?,
            approved_by: self.made_if_any(|raw: &str| raw.parse().ok())?,
            settlement_no: self.made_if_any(|raw: &str| raw.parse().ok())?,
        })
    }

    /// The case in the next fields: those of [`CASE`].
    pub(crate) fn case(&mut self) -> Result<Case, ReadError> {
        Ok(Case {
            case_id: self.text()?,
            kind: self.made(CaseKind::of)?,
            opened_at: self.at()?,
            opened_seq: self.seq()?,
            order_no: self.made_if_any(|raw: &str| raw.parse().ok())?,
            transaction_id: self.made_if_any(|raw: &str| raw.parse().ok())?,
            amount: self.made_if_any(money)?,
            expected: self.made_if_any(money)?,
            paid_at: self.made_if_any(instant)?,
            facts: self.made(decode_facts)?,
            suspense: self.made_if_any(Suspense::of)?,
            booked: self.made_if_any(money)?,
            resolution: self.resolution()?,
        })
    }

    fn resolution(&mut self) -> Result<Option<Resolution>, ReadError> {
        let Some(at) = self.made_if_any(instant)? else {
            self.next += 3; // null as well, by the constraint resolved_is_whole
            return Ok(None);
        };
        let (by, note) = (self.text()?, self.take()?);
        Ok(Some(Resolution { at, by, note, remedy: self.made_if_any(Remedy::of)? }))
    }

    /// The head in the next fields: those of [`HEAD`].
    pub(crate) fn head(&mut self) -> Result<Head, ReadError> {
        let format: i64 = self.take()?;
        let Some(format) = u8::try_from(format).ok().filter(|one| (1..=head::FORMAT).contains(one))
        else {
            return Err(self.unreadable(format!(
                "its head has format {format}, and this binary knows up to format {}: run the newer tally",
                head::FORMAT
            )));
        };
        let link = self.link()?;
        let (at, registered_at) = (self.at()?, self.at()?);
        let head = Head {
            link,
            at,
            registered_at,
            paid_orders: self.made(count)?,
            paid: self.money()?,
            refunded: self.money()?,
            fee: self.money()?,
            available: Balance::from_fen(self.take()?),
            in_transit: self.money()?,
            withdrawn: self.money()?,
            suspense: self.money()?,
            suspended: self.money()?,
            credited: self.money()?,
            adjusted: Balance::from_fen(self.take()?),
            ..Head::registered(self.of, Rules::new(""), registered_at)
        };
        self.made(|kept: &[u8]| head.with_kept(format, kept))
    }

    /// The error for the field taken last.
    pub(super) fn damaged(&self) -> ReadError {
        let column = self.row.name(self.next - 1);
        self.unreadable(format!(
            "what is stored in {column} can't be read: run tally audit, then restore the database from a backup"
        ))
    }

    /// The error for the whole row.
    pub(crate) fn unreadable(&self, what: String) -> ReadError {
        ReadError::Unreadable { merchant: self.of, what }
    }
}

/// An amount as a column holds it.
pub(crate) fn fen(amount: Money) -> i64 {
    i64::try_from(amount.fen()).expect("Money::MAX is what a column holds")
}

/// A count or a place as a column holds it.
pub(crate) fn integer(count: u64) -> i64 {
    i64::try_from(count).expect("nothing here is counted to 2^63")
}

/// A payout method's name in SQL.
pub(crate) fn method_name(method: PayoutMethod) -> &'static str {
    match method {
        PayoutMethod::Wechat => "wechat",
        PayoutMethod::Manual => "manual",
    }
}

/// A channel as its column holds it: in postcard's wire format, as in an event.
pub(crate) fn encode_channel(channel: &Channel) -> Vec<u8> {
    postcard::to_extend(channel, Vec::new()).expect("a channel is plain data")
}

fn decode_channel(raw: &[u8]) -> Option<Channel> {
    postcard::take_from_bytes(raw)
        .ok()
        .and_then(|(channel, rest)| rest.is_empty().then_some(channel))
}

/// The facts of a case as their column holds them: JSON, pairs of a name and a value.
pub(crate) fn encode_facts(facts: &[(Box<str>, Box<str>)]) -> String {
    serde_json::to_string(facts).expect("facts are texts")
}

fn decode_facts(raw: &str) -> Option<Facts> {
    serde_json::from_str(raw).ok()
}

fn money(raw: i64) -> Option<Money> {
    u64::try_from(raw).ok().and_then(Money::from_fen)
}

fn count(raw: i64) -> Option<u64> {
    u64::try_from(raw).ok()
}

pub(crate) fn instant(raw: i64) -> Option<At> {
    Some(At::from_ms(raw)).filter(|at| at.ms() == raw)
}

fn order_status(raw: &str) -> Option<OrderStatus> {
    use OrderStatus::{Closed, Open, Paid};
    [Open, Paid, Closed].into_iter().find(|status| status.as_str() == raw)
}

fn withdrawal_status(raw: &str) -> Option<WithdrawalStatus> {
    use WithdrawalStatus::{
        AwaitingApproval, AwaitingPayee, Failed, Rejected, Requested, Sending, Succeeded, Unknown,
    };
    [AwaitingApproval, Requested, Sending, AwaitingPayee, Unknown, Succeeded, Failed, Rejected]
        .into_iter()
        .find(|status| status.as_str() == raw)
}

fn rate(raw: i64) -> Option<FeeRate> {
    u16::try_from(raw).ok().and_then(FeeRate::from_basis_points)
}

fn payout_method(raw: &str) -> Option<PayoutMethod> {
    use PayoutMethod::{Manual, Wechat};
    [Wechat, Manual].into_iter().find(|method| method_name(*method) == raw)
}
