//! The journal's side: the payments of a day and the refunds that were sent on it, read from each merchant's journal from where that day begins. No index is needed
//! for it, so it costs a payment nothing: time never goes back within a merchant, and a place in a journal is found by halving.

use std::io;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::{At, Day};
use tally_actors::history::decode;
use tally_actors::limits::HISTORY_PAGE;
use tally_actors::ports::{Page, ReadError, Store};

use super::Fault;
use super::compare::midnight;
use super::record::Own;
use super::refunds::Sent;
use crate::limits::{BOOKED_EARLY_MS, PAGE_MAX};

/// What moves money at WeChat.
pub(super) enum Moved {
    /// A payment, of the day when the customer made it.
    In(Own),
    /// A refund, of the day when it was sent.
    Back(Sent),
}

impl Moved {
    /// What an event moves on a day.
    pub(super) fn of(merchant: &MerchantId, stamped: &Stamped, day: Day) -> Option<Self> {
        let own = Own::of(merchant, stamped).filter(|own| own.day() == day).map(Self::In);
        let on_day = || Sent::of(merchant, stamped).filter(|_| stamped.at.day() == day);
        own.or_else(|| on_day().map(Self::Back))
    }
}

/// Tells the payments of a day and the refunds that were sent on it, merchant by merchant. One that was booked late is read like any other: all that was booked
/// since the day began is looked through.
pub(super) async fn moved(
    store: &dyn Store,
    day: Day,
    tell: &mut (dyn FnMut(Moved) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    // A clock behind WeChat's books a payment before it was made.
    let from = At::from_ms(midnight(day) - BOOKED_EARLY_MS);
    let mut cursor = None;
    loop {
        let part = store.merchants(Page { limit: PAGE_MAX, cursor }).await?;
        for head in part.items.iter().filter(|head| head.at >= from) {
            let mut next = first(store, head, from).await?;
            loop {
                let page = store.events(head.merchant, next, HISTORY_PAGE).await?;
                let Some(last) = page.last() else { break };
                next = last.seq.next();
                for recorded in &page {
                    let stamped = decode(head.merchant, recorded)?;
                    Moved::of(&head.merchant, &stamped, day).map_or(Ok(()), &mut *tell)?;
                }
                if page.len() < usize::try_from(HISTORY_PAGE).unwrap_or(usize::MAX) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        cursor = part.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// The first event of a merchant that is not before a time.
async fn first(store: &dyn Store, head: &Head, from: At) -> Result<Seq, ReadError> {
    let (mut low, mut high) = (1, head.link.seq.0);
    while high.saturating_sub(low) > u64::from(HISTORY_PAGE) {
        let middle = low + (high - low) / 2;
        let page = store.events(head.merchant, Seq(middle), 1).await?;
        let before = match page.first() {
            Some(recorded) => decode(head.merchant, recorded)?.at < from,
            None => false,
        };
        if before {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Seq(low))
}
