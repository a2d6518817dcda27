//! Merchants whose newest batch is in doubt: until an incarnation's own commit shows that nothing can come after it, what
//! rests on its memory alone is confirmed by the store (`design.md` 3.2).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::MerchantId;
use crate::ports::{Batch, Commit};

/// The marks. The writer sets and clears them, whether or not the incarnation that it tells still lives; the registry reads
/// them when the next is let in.
#[derive(Debug, Clone, Default)]
pub struct Doubts(Arc<Mutex<HashSet<MerchantId>>>);

impl Doubts {
    fn marks(&self) -> MutexGuard<'_, HashSet<MerchantId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what became of a batch. After a commit, what was in doubt before it can't come any more.
    pub fn hear(&self, batch: &Batch, commit: &Commit) {
        let Some(in_doubt) = commit.leaves_in_doubt() else { return };
        let mut marks = self.marks();
        for run in &batch.runs {
            if in_doubt {
                marks.insert(run.merchant);
            } else {
                marks.remove(&run.merchant);
            }
        }
    }

    /// Whether what was in doubt may still come.
    pub fn hold(&self, merchant: &MerchantId) -> bool {
        self.marks().contains(merchant)
    }
}
