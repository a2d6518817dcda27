//! Claims to background work: rows that run out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::MerchantId;
use crate::ports::Work;

/// Who has what, and until when.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<(Work, MerchantId), Claim>>);

#[derive(Debug)]
struct Claim {
    holder: Arc<str>,
    until: Instant,
}

impl Claims {
    /// Claims what is nobody's, or the holder's own, for so long. Gives what the holder now has.
    pub(super) fn claim(
        &self,
        work: Work,
        mut of: Vec<MerchantId>,
        holder: &Arc<str>,
        term: Duration,
    ) -> Vec<MerchantId> {
        let now = Instant::now();
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|_, claim| now < claim.until);
        of.retain(|of| {
            let nobodys = || Claim { holder: Arc::clone(holder), until: now };
            let claim = claims.entry((work, *of)).or_insert_with(nobodys);
            let ours = claim.holder == *holder;
            if ours {
                claim.until = now + term;
            }
            ours
        });
        of
    }
}
