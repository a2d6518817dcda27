//! The journal's side: the payments of a day and the refunds that were sent on it, read from each merchant's journal from where that day begins. No index is needed
//! for it, so it costs a payment nothing: time never goes back within a merchant, and a place in a journal is found by halving.

use std::collections::BTreeSet;
use std::io;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::{At, Day};
use tally_actors::history::decode;
use tally_actors::limits::HISTORY_PAGE;
use tally_actors::ports::ReadError;
use tally_storage::Books;

use super::Fault;
use super::compare::midnight;
use super::record::Own;
use super::refunds::Sent;
use crate::limits::{BOOKED_EARLY_MS, PAGE_MAX};

/// How many events are read at once to find a merchant's first payment: it comes early.
const FIRST_PAGE: u32 = 32;

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
/// since the day began is looked through. What can't be read is passed over; whose that is, is given.
pub(super) async fn moved(
    books: &dyn Books,
    day: Day,
    tell: &mut (dyn FnMut(Moved) -> io::Result<()> + Send),
) -> Result<BTreeSet<String>, Fault> {
    // A clock behind WeChat's books a payment before it was made.
    let from = At::from_ms(midnight(day) - BOOKED_EARLY_MS);
    let (mut unread, mut after) = (BTreeSet::new(), String::new());
    while let Some(part) = heads(books, &mut after, &mut unread).await? {
        for head in part.iter().filter(|head| head.at >= from) {
            if let Err(fault) = of_merchant(books, head, (day, from), tell, &mut unread).await {
                let Fault::Read(error) = fault else { return Err(fault) };
                pass_over(&mut unread, head.merchant.as_str(), error)?;
            }
        }
    }
    Ok(unread)
}

/// Notes that something of a merchant can't be read; any other trouble is given back.
pub(super) fn pass_over(
    unread: &mut BTreeSet<String>,
    of: &str,
    error: ReadError,
) -> Result<(), ReadError> {
    if !matches!(error, ReadError::Unreadable { .. }) {
        return Err(error);
    }
    if unread.insert(of.to_owned()) {
        tracing::error!(%error, "passed over when a day is compared with WeChat's bill");
    }
    Ok(())
}

/// The next merchants, by their ids. `None`: there are no more.
async fn heads(
    books: &dyn Books,
    after: &mut String,
    unread: &mut BTreeSet<String>,
) -> Result<Option<Vec<Head>>, ReadError> {
    let ids = books.merchants_after(after.clone(), PAGE_MAX).await?;
    let Some(last) = ids.last() else { return Ok(None) };
    after.clone_from(last);
    let (known, others): (Vec<_>, Vec<_>) =
        ids.into_iter().map(|id| id.parse::<MerchantId>().map_err(|_| id)).partition(Result::is_ok);
    unread.extend(others.into_iter().filter_map(Result::err));
    let known: Vec<MerchantId> = known.into_iter().flatten().collect();
    let mut heads = vec![];
    for (of, head) in known.iter().zip(books.heads(known.clone()).await?) {
        match head {
            Ok(Some(head)) => heads.push(head),
            // It has a journal, else it would have no name.
            Ok(None) => drop(unread.insert(of.to_string())),
            Err(error) => pass_over(unread, of.as_str(), error)?,
        }
    }
    Ok(Some(heads))
}

/// One merchant's part.
async fn of_merchant(
    books: &dyn Books,
    head: &Head,
    (day, from): (Day, At),
    tell: &mut (dyn FnMut(Moved) -> io::Result<()> + Send),
    unread: &mut BTreeSet<String>,
) -> Result<(), Fault> {
    let mut next = first(books, head, from).await?;
    loop {
        let page = books.events(head.merchant, next, HISTORY_PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.seq.next();
        for recorded in &page {
            match decode(head.merchant, recorded) {
                Ok(stamped) => {
                    Moved::of(&head.merchant, &stamped, day).map_or(Ok(()), &mut *tell)?;
                }
                Err(error) => pass_over(unread, head.merchant.as_str(), error)?,
            }
        }
        if page.len() < usize::try_from(HISTORY_PAGE).unwrap_or(usize::MAX) {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// The first event of a merchant that is not before a time, or one before it.
async fn first(books: &dyn Books, head: &Head, from: At) -> Result<Seq, ReadError> {
    let (mut low, mut high) = (1, head.link.seq.0);
    while high.saturating_sub(low) > u64::from(HISTORY_PAGE) {
        let middle = low + (high - low) / 2;
        let page = books.events(head.merchant, Seq(middle), 1).await?;
        // One that can't be read is told of when the reading comes to it.
        let stamped = page.first().and_then(|recorded| decode(head.merchant, recorded).ok());
        if stamped.is_some_and(|stamped| stamped.at < from) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Seq(low))
}

/// The first day on which WeChat had a payment of some merchant, or the oldest that is asked about. `None`: nobody was ever paid.
pub(super) async fn first_day(books: &dyn Books, oldest: Day) -> Result<Option<Day>, ReadError> {
    let (mut unread, mut after, mut earliest) = (BTreeSet::new(), String::new(), None);
    while let Some(part) = heads(books, &mut after, &mut unread).await? {
        for head in part.iter().filter(|head| head.link.seq.0 > 1) {
            if earliest.is_some_and(|earliest| head.registered_at.day() > earliest) {
                continue;
            }
            let found = match first_payment(books, head).await {
                Ok(found) => found,
                Err(error) => {
                    pass_over(&mut unread, head.merchant.as_str(), error)?;
                    None
                }
            };
            earliest = earliest.into_iter().chain(found).min();
            if earliest.is_some_and(|earliest| earliest <= oldest) {
                return Ok(Some(oldest));
            }
        }
    }
    Ok(earliest)
}

/// The day of a merchant's first payment.
async fn first_payment(books: &dyn Books, head: &Head) -> Result<Option<Day>, ReadError> {
    let mut next = Seq(1);
    loop {
        let page = books.events(head.merchant, next, FIRST_PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        next = last.seq.next();
        for recorded in &page {
            let Ok(stamped) = decode(head.merchant, recorded) else { continue };
            if let Some(own) = Own::of(&head.merchant, &stamped) {
                return Ok(Some(own.day()));
            }
        }
    }
}
