//! What was: a merchant's head at an earlier point, worked out from the journal.
//!
//! The fold begins at the newest checkpoint before that point, where there is one. A checkpoint is a cache and not believed
//! blindly: the store passes over one that does not fit its journal, here the events after it must chain to its hash, and
//! where they do not, all is folded again from the first event. `tally audit` compares each with the fold.

use crate::domain::chain::{Link, Seq};
use crate::domain::event::Stamped;
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::domain::replay::{Flaw, Point, Replay};
use crate::limits::HISTORY_PAGE;
use crate::ports::{ReadError, Recorded, Store};

/// The head as it was; `None`: there was no such merchant yet. [`ReadError::Unreadable`] where the journal is not one that
/// Tally wrote, or ends before that point although its newest event, as somebody heard, is further on.
pub async fn head_at(
    store: &dyn Store,
    of: MerchantId,
    point: Point,
    newest: Seq,
) -> Result<Option<Head>, ReadError> {
    if let Some(checkpoint) = store.checkpoint(of, point).await? {
        let seq = checkpoint.link.seq;
        match fold(store, Replay::after(checkpoint), point, newest).await {
            Err(ReadError::Unreadable { what, .. }) => {
                tracing::error!(merchant = %of, %seq, what, "a checkpoint leads nowhere: run tally audit");
            }
            other => return other,
        }
    }
    fold(store, Replay::new(of), point, newest).await
}

async fn fold(
    store: &dyn Store,
    mut replay: Replay,
    point: Point,
    newest: Seq,
) -> Result<Option<Head>, ReadError> {
    let of = replay.merchant();
    loop {
        let wanted = page_size(replay.link(), point);
        let page = store.events(of, replay.link().seq.next(), wanted).await?;
        let last = page.len() < usize::try_from(wanted).unwrap_or(usize::MAX);
        for recorded in page {
            let flawed = |flaw| flawed(of, &recorded, &flaw);
            let read = replay.read(recorded.seq, &recorded.hash.0, &recorded.bytes);
            let (link, stamped) = read.map_err(flawed)?;
            if point.is_before(link.seq, stamped.at) {
                return Ok(replay.into_head());
            }
            replay.take(link, &stamped).map_err(flawed)?;
        }
        let reached = replay.link().seq;
        if point == Point::Seq(reached) || last && reached >= newest {
            return Ok(replay.into_head());
        }
        if last {
            let what = format!(
                "its journal ends at event {reached}, and its head says {newest}: run tally audit"
            );
            return Err(ReadError::Unreadable { merchant: of, what });
        }
        // Working through pages that are at hand must not keep this thread's other requests waiting.
        tokio::task::yield_now().await;
    }
}

/// How many events to read next: no more than are wanted, where that is known.
fn page_size(last: Link, point: Point) -> u32 {
    match point {
        Point::Seq(seq) => {
            let left = seq.0.saturating_sub(last.seq.0);
            u32::try_from(left).unwrap_or(u32::MAX).min(HISTORY_PAGE)
        }
        Point::At(_) => HISTORY_PAGE,
    }
}

/// The event in a row of the journal.
pub fn decode(of: MerchantId, recorded: &Recorded) -> Result<Stamped, ReadError> {
    Stamped::decode(&recorded.bytes).map_err(|error| flawed(of, recorded, &error.into()))
}

fn flawed(of: MerchantId, recorded: &Recorded, flaw: &Flaw) -> ReadError {
    let what = format!("event {}: {flaw}; run tally audit", recorded.seq);
    ReadError::Unreadable { merchant: of, what }
}
