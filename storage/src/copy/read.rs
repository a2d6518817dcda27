//! The first stage: the source's merchants, one after the other, and their events that the target lacks.

use std::sync::Arc;

use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::Recorded;
use tokio::sync::mpsc::Sender;

use super::fault::Side;
use super::{CopyFault, EVENTS_PAGE, heads, merchants};
use crate::books::Books;

/// What the fold is given, in order.
#[derive(Debug)]
pub(super) enum Read {
    /// A merchant's turn has come.
    Turn {
        /// Where the source now stands.
        goal: Box<Head>,
        /// Where the target stands; `None`: it has no such merchant.
        stands: Option<Box<Head>>,
    },
    /// The next events of the merchant whose turn it is.
    Events(Vec<Recorded>),
}

/// Reads all merchants. Ends early where nobody listens any more.
pub(super) async fn read(
    from: Arc<dyn Books>,
    to: Arc<dyn Books>,
    out: Sender<Read>,
) -> Result<(), CopyFault> {
    let mut after = String::new();
    loop {
        let page = merchants(&*from, Side::Source, &mut after).await?;
        if page.is_empty() {
            return Ok(());
        }
        let goals = heads(&*from, Side::Source, &page).await?;
        let stands = heads(&*to, Side::Target, &page).await?;
        for ((of, goal), stands) in page.into_iter().zip(goals).zip(stands) {
            let goal = goal.ok_or(CopyFault::Headless { merchant: of })?;
            let last = stands.as_ref().map_or_else(Link::default, |head| head.link).seq;
            let upto = goal.link.seq;
            let turn = Read::Turn { goal: Box::new(goal), stands: stands.map(Box::new) };
            if out.send(turn).await.is_err() || !events(&*from, of, last, upto, &out).await? {
                return Ok(());
            }
        }
    }
}

/// Reads a merchant's events after one place and up to another. `false`: nobody listens any more.
async fn events(
    from: &dyn Books,
    of: MerchantId,
    mut last: Seq,
    upto: Seq,
    out: &Sender<Read>,
) -> Result<bool, CopyFault> {
    while last < upto {
        let left = u32::try_from(upto.0 - last.0).unwrap_or(u32::MAX).min(EVENTS_PAGE);
        let page = from.events(of, last.next(), left).await;
        let unread = |error| CopyFault::UnreadEvents { merchant: of, seq: last.next(), error };
        let page = page.map_err(unread)?;
        let short = page.len() < left as usize;
        let reached = page.last().map_or(last, |event| event.seq);
        // Before the fault: the fold may find a flaw among these, which comes first.
        if !page.is_empty() && out.send(Read::Events(page)).await.is_err() {
            return Ok(false);
        }
        if short && reached < upto {
            return Err(CopyFault::Short { merchant: of, seq: reached.next(), head: upto });
        }
        last = reached;
    }
    Ok(true)
}
