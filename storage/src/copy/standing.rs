//! Whether the target may be written: it is empty, or each of its merchants stands at a point of the source's chain.

use tally_actors::domain::chain::Link;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;

use super::fault::Side;
use super::{CopyFault, heads, merchants};
use crate::books::Books;

/// Looks at every merchant of the target before anything is written to it.
pub(super) async fn check(from: &dyn Books, to: &dyn Books) -> Result<(), CopyFault> {
    let mut after = String::new();
    loop {
        let page = merchants(to, Side::Target, &mut after).await?;
        if page.is_empty() {
            return Ok(());
        }
        let stands = heads(to, Side::Target, &page).await?;
        let goals = heads(from, Side::Source, &page).await?;
        for ((of, stands), goal) in page.into_iter().zip(stands).zip(goals) {
            let stands = stands.map_or_else(Link::default, |head| head.link);
            is_earlier(from, of, stands, goal.as_ref()).await?;
        }
    }
}

/// Whether the target stands with a merchant where the source once stood.
async fn is_earlier(
    from: &dyn Books,
    of: MerchantId,
    stands: Link,
    goal: Option<&Head>,
) -> Result<(), CopyFault> {
    let other = |what| CopyFault::Foreign { merchant: of, seq: stands.seq, what };
    let goal = goal.ok_or_else(|| other("is not one of the source's"))?.link;
    if stands == Link::default() {
        return Err(other("has no head"));
    }
    if stands.seq > goal.seq {
        return Err(other("is later than the source's newest"));
    }
    let hash = if stands.seq == goal.seq {
        Some(goal.hash)
    } else {
        let read = from.events(of, stands.seq, 1).await;
        let unread = |error| CopyFault::UnreadEvents { merchant: of, seq: stands.seq, error };
        let there = read.map_err(unread)?.into_iter().find(|event| event.seq == stands.seq);
        there.map(|event| event.hash)
    };
    if hash == Some(stands.hash) { Ok(()) } else { Err(other("is no point of the source's chain")) }
}
