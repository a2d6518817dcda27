//! What is looked up by number. Rows that can't be read are passed over, and their merchants named.

use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::channel_no::{read_out_trade_no, read_transfer_no};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::order::Order;
use tally_actors::domain::refund::Refund;
use tally_actors::domain::withdrawal::Withdrawal;
use tally_actors::ports::ReadError;

use super::bill::Transfer;
use super::record::{Back, Line};
use super::run::Run;
use super::{journal, refunds};

/// It is there, and can't be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Damaged;

/// What is known under a number; `None`: nothing.
pub(super) type Looked<T> = Result<Option<T>, Damaged>;

impl Run<'_> {
    /// The refunds that lines name, in their order.
    pub(super) async fn named(
        &mut self,
        lines: &[(Line, Back)],
    ) -> Result<Vec<Looked<Refund>>, ReadError> {
        let keys: Vec<_> = lines.iter().map(|(line, back)| refunds::keys(line, back)).collect();
        let ours = self.records(keys.iter().map(|[ours, _]| *ours).collect()).await?;
        let by_hand = self.records(keys.into_iter().map(|[_, by_hand]| by_hand).collect()).await?;
        let each = ours.into_iter().zip(by_hand);
        let refund = |(ours, by_hand): (Looked<Record>, Looked<Record>)| match refund(ours?) {
            Some(refund) => Ok(Some(refund)),
            None => Ok(refund(by_hand?)),
        };
        Ok(each.map(refund).collect())
    }

    /// The orders that lines name, in their order.
    pub(super) async fn orders(&mut self, lines: &[Line]) -> Result<Vec<Looked<Order>>, ReadError> {
        let keys = lines.iter().map(|line| {
            read_out_trade_no(&line.out_trade_no).map(|(of, order_no)| (of, Key::Order(order_no)))
        });
        let found = self.records(keys.collect()).await?;
        let order = |record| match record {
            Some(Record::Order(order)) => Some(*order),
            Some(_) | None => None,
        };
        Ok(found.into_iter().map(|found| found.map(order)).collect())
    }

    /// What is known under keys, in their order.
    pub(super) async fn records(
        &mut self,
        keys: Vec<Option<(MerchantId, Key)>>,
    ) -> Result<Vec<Looked<Record>>, ReadError> {
        let asked = keys.iter().flatten().cloned().collect();
        let mut found = self.of.books.lookup(asked).await?.into_iter();
        let mut each = Vec::with_capacity(keys.len());
        for key in keys {
            let Some((of, _)) = key else {
                each.push(Ok(None));
                continue;
            };
            each.push(match found.next().unwrap_or(Ok(None)) {
                Ok(record) => Ok(record),
                Err(error) => {
                    journal::pass_over(&mut self.unread, of.as_str(), error)?;
                    Err(Damaged)
                }
            });
        }
        Ok(each)
    }

    /// The withdrawals that transfers name, in their order.
    pub(super) async fn withdrawals(
        &mut self,
        moved: &[Transfer],
    ) -> Result<Vec<Looked<Withdrawal>>, ReadError> {
        let keys = moved
            .iter()
            .map(|one| read_transfer_no(&one.voucher_no).map(|(of, no)| (of, Key::Withdrawal(no))));
        let found = self.records(keys.collect()).await?;
        let withdrawal = |record| match record {
            Some(Record::Withdrawal(withdrawal)) => Some(*withdrawal),
            Some(_) | None => None,
        };
        Ok(found.into_iter().map(|found| found.map(withdrawal)).collect())
    }
}

/// The refund that a record is.
pub(super) fn refund(record: Option<Record>) -> Option<Refund> {
    match record {
        Some(Record::Refund(refund)) => Some(*refund),
        Some(_) | None => None,
    }
}
