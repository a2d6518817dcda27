//! Books copied from one database to another, while the source may be served.
//!
//! Merchant by merchant, event by event: the journal is read in short statements, its chain checked over the stored bytes, folded
//! by the rules, and committed to the target like any batch, fence included. So the target's tables and heads are what the very
//! same bytes lead to. Each merchant is copied up to the head that the source had when its turn came. A target that stands
//! at an earlier point of the same books goes on from there; so a copy that broke off is run again, and a second one brings the
//! target up to date.
//!
//! | module | what |
//! |---|---|
//! | `standing` | whether the target is an earlier copy of these books |
//! | `read` | the merchants, one after the other, and their events |
//! | `fold` | events checked, folded and gathered into batches |
//! | `write` | batches committed |
//! | `beside` | keys, profiles, webhooks, bank runs, the account, and restores |
//! | `verify` | the target's heads, held against what was copied |
//! | `fault` | why a copy stops |

mod beside;
mod fault;
mod fold;
mod read;
mod standing;
mod verify;
mod write;

use std::sync::Arc;

use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_actors::ports::{HeadRead, Trouble};
use tokio::sync::mpsc;
use tokio::task::JoinError;

pub use self::fault::{CopyFault, Side};
use self::fold::Folding;
use crate::books::Books;

/// How many merchants, or keys, or profiles, one statement reads.
const PAGE: u32 = if cfg!(test) { 3 } else { 200 };

/// How many events one statement reads.
const EVENTS_PAGE: u32 = 1_024;

/// How many pages of events are read ahead of the fold, and how many batches are folded ahead of each writer.
const PAGES_AHEAD: usize = 4;
const BATCHES_AHEAD: usize = 2;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Merchants in the target, all of them verified.
    pub merchants: u64,
    /// Their events in the target.
    pub events: u64,
    /// Those of them that this copy wrote.
    pub written: u64,
    /// The bytes of the events that this copy wrote.
    pub bytes: u64,
    /// API keys in the target.
    pub keys: u64,
    /// Customers' profiles that were written.
    pub profiles: u64,
}

/// Copies books. The target is empty or an earlier copy of the same books; it is written by nobody else meanwhile. Of a
/// backup's file it becomes books that were restored `now`, whose withdrawals are frozen.
///
/// # Errors
///
/// [`CopyFault`]. What was copied until then stays in the target, and the next copy goes on from there.
pub async fn copy(from: Arc<dyn Books>, to: Arc<dyn Books>, now: At) -> Result<Copied, CopyFault> {
    standing::check(&*from, &*to).await?;
    // First: whoever serves what a copy that broke off left must know that it is of the past.
    beside::restores(&*from, &*to, now).await?;
    beside::account(&*from, &*to).await?;
    beside::webhooks(&*from, &*to).await?;
    beside::bank_runs(&*from, &*to).await?;
    let (mut copied, ends) = journals(&from, &to).await?;
    copied.keys = beside::keys(&*from, &*to).await?;
    copied.profiles = beside::profiles(&*from, &*to).await?;
    verify::verify(&*to, &ends).await?;
    Ok(copied)
}

/// Copies the journals, in three stages that run at the same time: reading, folding, writing.
async fn journals(
    from: &Arc<dyn Books>,
    to: &Arc<dyn Books>,
) -> Result<(Copied, Vec<verify::End>), CopyFault> {
    let (pages, arriving) = mpsc::channel(PAGES_AHEAD);
    let reading = tokio::spawn(read::read(Arc::clone(from), Arc::clone(to), pages));
    let mut writing = vec![];
    let mut lanes = vec![];
    for _ in 0..to.lanes().max(1) {
        let (lane, batches) = mpsc::channel(BATCHES_AHEAD);
        lanes.push(fold::Lane::new(lane));
        writing.push(tokio::spawn(write::write(Arc::clone(to), batches)));
    }
    let folding = tokio::spawn(Folding::new(lanes).fold(arriving));
    // A stage whose neighbour is gone just ends: the one that knows why is the one that went.
    let folded = ended(folding.await);
    let read = ended(reading.await);
    for writer in writing {
        ended(writer.await)?;
    }
    read?;
    folded
}

/// A task's own result; a panic is a fault too.
fn ended<T>(task: Result<Result<T, CopyFault>, JoinError>) -> Result<T, CopyFault> {
    task.unwrap_or_else(|ended| Err(CopyFault::Ended(ended.to_string())))
}

/// The merchant of an id that a database names.
fn merchant(raw: &str, side: Side) -> Result<MerchantId, CopyFault> {
    raw.parse().map_err(|_| CopyFault::Nameless { side, raw: raw.to_owned() })
}

/// The merchants after one, of a source or a target.
async fn merchants(
    books: &dyn Books,
    side: Side,
    after: &mut String,
) -> Result<Vec<MerchantId>, CopyFault> {
    let page = books.merchants_after(after.clone(), PAGE).await;
    let page = page.map_err(|error| CopyFault::Unread { side, error })?;
    if let Some(last) = page.last() {
        after.clone_from(last);
    }
    page.iter().map(|raw| merchant(raw, side)).collect()
}

/// The heads of merchants; `None` for one that has none.
async fn heads(
    books: &dyn Books,
    side: Side,
    of: &[MerchantId],
) -> Result<Vec<Option<Head>>, CopyFault> {
    let trouble = |trouble: Trouble| CopyFault::Unread { side, error: trouble.into() };
    let heads = books.heads(of.to_vec()).await.map_err(trouble)?;
    let read = |head: HeadRead| head.map_err(|error| CopyFault::Unread { side, error });
    heads.into_iter().map(read).collect()
}
