//! Orders and transfers that were lost, by the numbers that an admin hands in: what the channel says is paid and the books do not
//! have is booked, by the channel's own facts. Handing a number in again is safe.

use super::Recovery;
use crate::domain::books::{Key, Record};
use crate::domain::command::{Asked, Booking, Pay};
use crate::domain::event::PaymentSource;
use crate::domain::ids::{KeyId, MerchantId, OrderNo, TransactionId, WithdrawalNo};
use crate::domain::order::{Channel, OrderStatus};
use crate::domain::refusal::Refusal;
use crate::domain::rules::PayoutMethod;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::engine::{NewOrder, Number, PaidTransfer};
use crate::error::EngineError;
use crate::gateway::{ChannelOrder, ChannelPayment, TransferStanding};
use crate::ports::ReadError;

/// What a lost order is said to be about: WeChat does not tell what it was.
const LOST: &str = "lost with the books, found at WeChat";

/// What became of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is paid, and booked by this call.
    Booked,
    /// The books had it already.
    Known,
    /// The order is booked, and so many refunds of it that the books lack were noted. They are booked once WeChat confirms them.
    RefundsNoted(u64),
    /// The channel knows it, and it is not paid.
    NotPaid,
    /// The channel does not know it.
    NotFound,
    /// It can't be booked, and why; final as long as nothing changes.
    Refused(Box<str>),
    /// Nobody knows yet, and why: hand it in again.
    Unknown(Box<str>),
}

impl From<EngineError> for Found {
    fn from(error: EngineError) -> Self {
        let why = error.to_string().into();
        match error {
            EngineError::Refused(_) => Self::Refused(why),
            EngineError::Busy | EngineError::Unavailable(_) | EngineError::OutcomeUnknown => {
                Self::Unknown(why)
            }
        }
    }
}

impl From<ReadError> for Found {
    fn from(error: ReadError) -> Self {
        Self::Unknown(format!("the books could not be read: {error}").into())
    }
}

impl Recovery {
    /// Looks an order up, and books its payment if the books do not have it; then looks its refunds up. `by` is the key that
    /// hands its number in.
    pub async fn order(&self, of: MerchantId, order_no: OrderNo, by: KeyId) -> Found {
        self.find_order_and_refunds(of, order_no, by).await.unwrap_or_else(|found| found)
    }

    async fn find_order_and_refunds(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        by: KeyId,
    ) -> Result<Found, Found> {
        let found = self.find_order(of, order_no, by).await?;
        if !matches!(found, Found::Booked | Found::Known) {
            return Ok(found);
        }
        let booked = self.step.desk.engine.store().order(of, order_no).await?;
        let Some(payment) = booked.and_then(|booked| booked.order.payment) else {
            return Ok(found);
        };
        match self.find_refunds(of, order_no, payment.transaction_id).await? {
            0 => Ok(found),
            noted => Ok(Found::RefundsNoted(noted)),
        }
    }

    /// Looks a transfer up, and takes it into the books if they do not have it. `by` is the key that hands its number in.
    pub async fn transfer(&self, of: MerchantId, withdrawal_no: WithdrawalNo, by: KeyId) -> Found {
        self.find_transfer(of, withdrawal_no, by).await.unwrap_or_else(|found| found)
    }

    fn asked(&self, by: KeyId) -> Asked {
        Asked::new((self.step.desk.now)(), Some(by))
    }

    /// A merchant that was registered after the backup is lost as well.
    async fn must_know(&self, of: MerchantId) -> Result<(), Found> {
        let heads = self.step.desk.engine.store().heads(vec![of]).await;
        let heads = heads.map_err(ReadError::from)?;
        match heads.into_iter().next().transpose()?.flatten() {
            Some(_) => Ok(()),
            None => Err(Found::Refused(
                format!(
                    "the merchant {of} is not known: register it anew, and hand the number in again"
                )
                .into(),
            )),
        }
    }

    async fn find_order(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        by: KeyId,
    ) -> Result<Found, Found> {
        let known = self.step.desk.engine.store().order(of, order_no).await?;
        match known.as_ref().map(|known| (&known.order.channel, known.order.status)) {
            Some((Channel::External, _)) => {
                return Ok(Found::Refused(
                    "it is an external order, of which WeChat knows nothing".into(),
                ));
            }
            Some((Channel::Wechat { .. }, OrderStatus::Paid)) => return Ok(Found::Known),
            Some((Channel::Wechat { .. }, OrderStatus::Open | OrderStatus::Closed)) => {}
            None => self.must_know(of).await?,
        }
        match self.step.desk.gateway.order(of, order_no).await {
            ChannelOrder::Paid(payment) => {
                if known.is_none() {
                    self.open(of, order_no, &payment, by).await?;
                }
                self.book(of, order_no, payment, by).await
            }
            ChannelOrder::NotPaid | ChannelOrder::Closed => Ok(Found::NotPaid),
            ChannelOrder::Missing => Ok(Found::NotFound),
            ChannelOrder::Unknown(why) => Ok(Found::Unknown(why)),
        }
    }

    /// Opens an order that is not known, unless its payment fits none: then that becomes a case.
    async fn open(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        payment: &ChannelPayment,
        by: KeyId,
    ) -> Result<(), Found> {
        if self.is_booked(of, payment.transaction_id).await? {
            return Ok(());
        }
        let openid = payment.openid.clone().unwrap_or_default();
        let new = NewOrder {
            number: Number::Chosen(order_no),
            amount: payment.amount,
            description: LOST.into(),
            // How WeChat was asked is lost.
            channel: Channel::Wechat { openid, request: vec![] },
            expires_at: self.asked(by).at,
        };
        match self.step.desk.engine.open_order(of, new, self.asked(by)).await {
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Books a payment.
    async fn book(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        payment: ChannelPayment,
        by: KeyId,
    ) -> Result<Found, Found> {
        let ChannelPayment { transaction_id, amount, booked, paid_at, .. } = payment;
        let source = PaymentSource::Query;
        let signed = None;
        let pay = Pay { order_no, transaction_id, amount, booked, paid_at, source, signed };
        match self.step.desk.engine.pay(of, pay, self.asked(by)).await?.0 {
            Booking::Credited => Ok(Found::Booked),
            Booking::Case(kind) => {
                let kind = kind.as_str();
                Ok(Found::Refused(format!("it is credited to nobody: see the case {kind}").into()))
            }
        }
    }

    async fn is_booked(&self, of: MerchantId, payment: TransactionId) -> Result<bool, Found> {
        let found = self.record(of, Key::Transaction(payment)).await?;
        Ok(matches!(found, Some(Record::Transaction(_))))
    }

    async fn find_transfer(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
        by: KeyId,
    ) -> Result<Found, Found> {
        match self.withdrawal(of, withdrawal_no).await? {
            Some(known) if known.method == PayoutMethod::Manual => {
                Ok(Found::Refused("the books have it as paid out by hand".into()))
            }
            Some(known) if known.status == WithdrawalStatus::Succeeded => Ok(Found::Known),
            Some(known) if known.status.is_final() => self.is_it_over(of, known).await,
            Some(known) => self.look_at(of, known).await,
            None => {
                self.must_know(of).await?;
                self.take_over(of, withdrawal_no, by).await
            }
        }
    }

    /// Asks about a withdrawal whose money is back with its merchant.
    async fn is_it_over(&self, of: MerchantId, known: Withdrawal) -> Result<Found, Found> {
        let (withdrawal_no, status) = (known.withdrawal_no, known.status.as_str());
        match self.step.desk.gateway.transfer_standing(of, withdrawal_no).await {
            TransferStanding::Paid { .. } => {
                let why = format!(
                    "the books have it as {status}, but WeChat paid it: a person must look"
                );
                tracing::error!(%of, %withdrawal_no, "{why}");
                Ok(Found::Refused(why.into()))
            }
            TransferStanding::Failed(_) | TransferStanding::Missing => Ok(Found::NotPaid),
            TransferStanding::Processing => Ok(Found::Unknown("it is under way at WeChat".into())),
            TransferStanding::Unknown(why) => Ok(Found::Unknown(why)),
        }
    }

    /// Asks about a withdrawal that the books have under way, and records what is said.
    async fn look_at(&self, of: MerchantId, known: Withdrawal) -> Result<Found, Found> {
        let taken = self.step.take(of, known, &mut Default::default()).await;
        if taken.withdrawal.status == WithdrawalStatus::Succeeded {
            return Ok(Found::Booked);
        }
        Ok(match taken.heard {
            Some(TransferStanding::Failed(_)) => Found::NotPaid,
            Some(TransferStanding::Missing) => Found::NotFound,
            Some(TransferStanding::Paid { .. }) if taken.told => {
                Found::Refused("WeChat paid another amount: a person must look".into())
            }
            Some(TransferStanding::Unknown(why)) => Found::Unknown(why),
            Some(TransferStanding::Processing | TransferStanding::Paid { .. }) | None => {
                Found::Unknown("it is under way".into())
            }
        })
    }

    /// Takes a transfer that the books know nothing of into them, if it is paid.
    async fn take_over(
        &self,
        of: MerchantId,
        withdrawal_no: WithdrawalNo,
        asked_by: KeyId,
    ) -> Result<Found, Found> {
        match self.step.desk.gateway.transfer_standing(of, withdrawal_no).await {
            TransferStanding::Paid { reference, amount } => {
                let paid = PaidTransfer { withdrawal_no, amount, reference, asked_by };
                match self.step.desk.engine.adopt(of, paid, self.asked(asked_by)).await {
                    Ok(_) => Ok(Found::Booked),
                    Err(EngineError::Refused(why @ Refusal::BalanceInsufficient { .. })) => {
                        let why = format!(
                            "WeChat paid {amount}, and {why}: hand the orders in first, or settle with include_not_due"
                        );
                        Ok(Found::Refused(why.into()))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            TransferStanding::Failed(_) => Ok(Found::NotPaid),
            TransferStanding::Missing => Ok(Found::NotFound),
            TransferStanding::Processing => {
                Ok(Found::Unknown("it is under way at WeChat: hand it in again later".into()))
            }
            TransferStanding::Unknown(why) => Ok(Found::Unknown(why)),
        }
    }
}
