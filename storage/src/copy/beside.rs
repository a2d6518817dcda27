//! What stands beside the journal: API keys, customers' profiles, webhooks, bank runs, the WeChat account, and what is known of restores.

use std::collections::BTreeMap;

use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::time::At;
use tally_actors::ports::{Page, ReadError};

use super::fault::Side;
use super::{CopyFault, PAGE};
use crate::books::Books;
use crate::keys::Key;
use crate::restores::Restore;

/// Makes the target's keys those of the source: one that was removed there must open nothing here. Says how many there are.
pub(super) async fn keys(from: &dyn Books, to: &dyn Books) -> Result<u64, CopyFault> {
    let wanted = by_id(from, Side::Source).await?;
    let there = by_id(to, Side::Target).await?;
    for (id, key) in &there {
        if wanted.get(id) != Some(key) {
            to.delete_key(key.merchant, key.key_id).await?;
        }
    }
    for (id, key) in &wanted {
        if there.get(id) != Some(key) {
            to.create_key(key.clone()).await?;
        }
    }
    Ok(wanted.len() as u64)
}

async fn by_id(books: &dyn Books, side: Side) -> Result<BTreeMap<KeyId, Key>, CopyFault> {
    let keys = books.keys().await.map_err(|error| CopyFault::Unread { side, error })?;
    Ok(keys.into_iter().map(|key| (key.key_id, key)).collect())
}

/// Writes what the source knows of restores to the target, and that it is restored if the source is a backup's file: the
/// target would else pay out what was paid out since.
pub(super) async fn restores(from: &dyn Books, to: &dyn Books, now: At) -> Result<(), CopyFault> {
    let unread = |side| move |error| CopyFault::Unread { side, error };
    let known = from.restores().await.map_err(unread(Side::Source))?;
    let there = to.restores().await.map_err(unread(Side::Target))?;
    let begun = from.backup_begun().await.map_err(unread(Side::Source))?;
    let is_marked = |begun: &At| known.iter().chain(&there).any(|one| one.since == *begun);
    let new = begun.filter(|begun| !is_marked(begun)).map(|begun| Restore::new(begun, now));
    for restore in known.into_iter().chain(new) {
        to.keep_restore(restore).await?;
    }
    Ok(())
}

/// Tells the target which WeChat account the books are kept with.
pub(super) async fn account(from: &dyn Books, to: &dyn Books) -> Result<(), CopyFault> {
    let unread = |error| CopyFault::Unread { side: Side::Source, error };
    if let Some(kept) = from.account().await.map_err(unread)? {
        to.keep_account(kept).await?;
    }
    Ok(())
}

/// Tells the target of the source's bank runs. To be done before the journals are copied: of a withdrawal in a run, there must be the run.
pub(super) async fn bank_runs(from: &dyn Books, to: &dyn Books) -> Result<(), CopyFault> {
    let unread = |error| CopyFault::Unread { side: Side::Source, error };
    let mut cursor = None;
    loop {
        let part = from.bank_runs(Page { limit: PAGE, cursor }).await.map_err(unread)?;
        for run in part.items {
            to.keep_bank_run(run).await?;
        }
        cursor = part.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// Makes the target's webhooks those of the source, their secrets included, and brings their cursors and deliveries up to date. To
/// be done before the journals are copied: a cursor beyond the target's journal would pass over what comes next there.
pub(super) async fn webhooks(from: &dyn Books, to: &dyn Books) -> Result<(), CopyFault> {
    let unread = |side| move |error| CopyFault::Unread { side, error };
    let wanted = from.webhooks().await.map_err(unread(Side::Source))?;
    for there in to.webhooks().await.map_err(unread(Side::Target))? {
        if wanted.iter().all(|one| one.webhook_id != there.webhook_id) {
            to.delete_webhook(there.webhook_id).await?;
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    cursors(from, to).await?;
    let mut after = None;
    loop {
        let page = from.deliveries_after(after, PAGE).await.map_err(unread(Side::Source))?;
        let Some(last) = page.last() else { break };
        after = Some((last.merchant, last.webhook_id, last.seq));
        for delivery in page {
            to.keep_delivery(delivery).await?;
        }
    }
    // Last: a webhook without its cursors would be told everything once more.
    for webhook in wanted {
        to.keep_webhook(webhook).await?;
    }
    Ok(())
}

async fn cursors(from: &dyn Books, to: &dyn Books) -> Result<(), CopyFault> {
    let unread = |error: ReadError| CopyFault::Unread { side: Side::Source, error };
    let mut after = String::new();
    loop {
        let page = from.standings_after(after, PAGE).await.map_err(unread)?;
        let ends: Option<(MerchantId, MerchantId)> =
            page.first().zip(page.last()).map(|(first, last)| (first.merchant, last.merchant));
        let Some((first, last)) = ends else { return Ok(()) };
        after = last.to_string();
        let all = from.cursors(first, last).await.map_err(unread)?;
        for some in all.chunks(PAGE as usize) {
            to.move_cursors(some.to_vec()).await?;
        }
    }
}

/// Writes the source's profiles to the target. Says how many.
pub(super) async fn profiles(from: &dyn Books, to: &dyn Books) -> Result<u64, CopyFault> {
    let (mut after, mut written) = (String::new(), 0);
    loop {
        let unread = |error: ReadError| CopyFault::Unread { side: Side::Source, error };
        let page = from.profiles_after(after, PAGE).await.map_err(unread)?;
        let Some(last) = page.last() else { return Ok(written) };
        after = last.openid.clone();
        written += page.len() as u64;
        to.keep_profiles(page).await?;
    }
}
