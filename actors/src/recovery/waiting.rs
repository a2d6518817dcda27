//! What restored books have that may have gone on without them.

use super::Recovery;
use crate::domain::ids::{MerchantId, OrderNo, WithdrawalNo};
use crate::domain::rules::PayoutMethod;
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::limits::WALK_PART;
use crate::payer::plan::Remembered;
use crate::ports::{Answering, Damaged, Page, Part, ReadError, Store};

/// An order that the books have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LostOrder {
    pub(super) merchant: MerchantId,
    pub(super) order_no: OrderNo,
}

/// A withdrawal that may have been paid out, with what is remembered of the last time that it was asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostTransfer {
    pub(super) merchant: MerchantId,
    pub(super) withdrawal_no: WithdrawalNo,
    pub(super) remembered: Remembered,
}

/// All that is to be looked up.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) orders: Vec<LostOrder>,
    pub(super) withdrawals: Vec<LostTransfer>,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.withdrawals.is_empty()
    }

    fn add(&mut self, merchant: MerchantId, withdrawal: &Withdrawal) {
        let (withdrawal_no, remembered) = (withdrawal.withdrawal_no, Remembered::default());
        if withdrawal.method == PayoutMethod::Wechat {
            self.withdrawals.push(LostTransfer { merchant, withdrawal_no, remembered });
        }
    }
}

impl Recovery {
    /// Every order that is open, whatever its age, and every withdrawal that WeChat may have been asked to pay. One that waits for a
    /// second key is among them: it may have had it, and have gone out.
    pub(super) async fn waiting(&self) -> Result<Waiting, ReadError> {
        let store = self.step.desk.engine.store();
        let mut waiting = Waiting::default();
        let ever = At::from_ms(i64::MAX);
        walk(
            store,
            |store, page| strict(store.open_orders(At::default(), ever, page)),
            |open| {
                let order_no = open.order.order_no;
                waiting.orders.push(LostOrder { merchant: open.merchant, order_no });
            },
        )
        .await?;
        walk(
            store,
            |store, page| strict(store.withdrawals_under_way(page)),
            |out| {
                waiting.add(out.merchant, &out.withdrawal);
            },
        )
        .await?;
        let mut merchants = vec![];
        walk(store, |store, page| store.merchants(page), |head| merchants.push(head.merchant))
            .await?;
        for of in merchants {
            for status in [WithdrawalStatus::AwaitingApproval, WithdrawalStatus::AwaitingPayee] {
                walk(
                    store,
                    |store, page| store.withdrawals(of, Some(status), page),
                    |withdrawal| {
                        waiting.add(of, &withdrawal);
                    },
                )
                .await?;
            }
        }
        Ok(waiting)
    }
}

/// Walks through a whole list, part by part.
async fn walk<'s, T>(
    store: &'s std::sync::Arc<dyn Store>,
    list: impl Fn(&'s dyn Store, Page) -> Answering<'s, Result<Part<T>, ReadError>>,
    mut each: impl FnMut(T),
) -> Result<(), ReadError> {
    let mut cursor = None;
    loop {
        let part = list(store.as_ref(), Page { limit: WALK_PART, cursor }).await?;
        part.items.into_iter().for_each(&mut each);
        cursor = part.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// What can't be read may have been paid: whoever puts books back must know of it, so nothing is passed over.
fn strict<'s, T: Send + 's>(
    list: Answering<'s, Result<Part<Result<T, Damaged>>, ReadError>>,
) -> Answering<'s, Result<Part<T>, ReadError>> {
    Box::pin(async move {
        let Part { items, next } = list.await?;
        let items = items.into_iter().collect::<Result<_, Damaged>>().map_err(|one| one.why)?;
        Ok(Part { items, next })
    })
}
