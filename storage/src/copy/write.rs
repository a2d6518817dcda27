//! The third stage: batches committed to the target, one after the other.

use std::sync::Arc;
use std::time::Duration;

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{BadRow, Batch, Commit, Trouble};
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use super::CopyFault;
use crate::books::Books;

/// How often a batch of which certainly nothing was written is tried again, and the first pause before that; each further one
/// is twice as long. Together longer than a server's restart takes.
const RETRIES_MAX: u32 = 8;
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(50);

/// Commits all batches that come.
pub(super) async fn write(
    to: Arc<dyn Books>,
    mut batches: Receiver<Arc<Batch>>,
) -> Result<(), CopyFault> {
    while let Some(batch) = batches.recv().await {
        commit(&*to, &batch).await?;
    }
    Ok(())
}

async fn commit(to: &dyn Books, batch: &Arc<Batch>) -> Result<(), CopyFault> {
    let mut pauses = (0..RETRIES_MAX).map(|n| RETRY_PAUSE_MIN * 2_u32.pow(n));
    loop {
        let trouble = match to.commit(Arc::clone(batch)).await {
            Commit::Committed => return Ok(()),
            Commit::Conflict(merchants) => return Err(contended(batch, &merchants)),
            Commit::Refused(BadRow { merchant, seq, constraint }) => {
                return Err(CopyFault::Refused { merchant, seq, constraint });
            }
            Commit::Doubt(what) => return Err(CopyFault::Doubt(what)),
            Commit::Fatal(what) => return Err(CopyFault::Unwritten(Trouble::Broken(what))),
            Commit::NotDone(trouble) => trouble,
        };
        match (&trouble, pauses.next()) {
            (Trouble::Unavailable(_), Some(pause)) => sleep(pause).await,
            (Trouble::DiskFull | Trouble::Unavailable(_) | Trouble::Broken(_), _) => {
                return Err(trouble.into());
            }
        }
    }
}

fn contended(batch: &Batch, merchants: &[MerchantId]) -> CopyFault {
    let run = batch.runs.iter().find(|run| merchants.contains(&run.merchant));
    match run {
        Some(run) => CopyFault::Contended { merchant: run.merchant, seq: run.expects.seq.next() },
        None => CopyFault::Ended("a conflict about no merchant of the batch".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shops, open, register};
    use crate::sqlite::SqliteStore;

    #[tokio::test]
    async fn a_target_that_somebody_else_writes_to_stops_the_copy_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let (mut ours, mut theirs) = (Shops::new(), Shops::new());
        for shops in [&mut ours, &mut theirs] {
            let registered = shops.batch("m", vec![register()]);
            assert_eq!(commit(&store, &registered).await, Ok(()));
        }
        let written = theirs.batch("m", vec![open("1001", 5, None)]);
        assert_eq!(commit(&store, &written).await, Ok(()));
        let fault = commit(&store, &ours.batch("m", vec![open("1000", 5, None)])).await;
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains("somebody else, merchant m, event 2: stop the tally"), "{fault}");
    }
}
