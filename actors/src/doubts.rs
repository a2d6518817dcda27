//! Merchants whose newest batch is in doubt: until an incarnation's own commit shows that nothing can come after it, what
//! rests on its memory alone is confirmed by the store (`design.md` 3.2).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::MerchantId;

/// The marks. The writer sets and clears them, whether or not the incarnation that it tells still lives; the registry reads
/// them when it starts the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubts(Arc<Mutex<HashSet<MerchantId>>>);

impl Doubts {
    fn marks(&self) -> MutexGuard<'_, HashSet<MerchantId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch of the merchant ended in doubt.
    pub(crate) fn mark(&self, merchant: MerchantId) {
        self.marks().insert(merchant);
    }

    /// A batch of the merchant was committed: what was in doubt before it can't come any more.
    pub(crate) fn clear(&self, merchant: &MerchantId) {
        self.marks().remove(merchant);
    }

    /// Whether what was in doubt may still come.
    pub(crate) fn hold(&self, merchant: &MerchantId) -> bool {
        self.marks().contains(merchant)
    }
}
