//! Refunds to be looked at at once: just asked for, or told of by a notice.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::domain::ids::{MerchantId, RefundNo};
use crate::limits;

/// Those that wait for the next look. A few may be forgotten: the ladder finds out as well.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    refunds: Mutex<HashSet<(MerchantId, RefundNo)>>,
    woken: Notify,
}

impl Hints {
    fn refunds(&self) -> MutexGuard<'_, HashSet<(MerchantId, RefundNo)>> {
        self.refunds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a refund looked at at once.
    pub(crate) fn hint(&self, of: MerchantId, refund_no: RefundNo) {
        let mut refunds = self.refunds();
        if refunds.len() < limits::REFUND_HINTS_MAX {
            refunds.insert((of, refund_no));
        }
        self.woken.notify_one();
    }

    /// Those that were hinted at since the last look.
    pub(crate) fn take(&self) -> HashSet<(MerchantId, RefundNo)> {
        std::mem::take(&mut *self.refunds())
    }

    /// Ends when there is one.
    pub(crate) fn woken(&self) -> Notified<'_> {
        self.woken.notified()
    }
}
