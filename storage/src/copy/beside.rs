//! What stands beside the journal: API keys and customers' profiles.

use std::collections::BTreeMap;

use tally_actors::domain::ids::KeyId;
use tally_actors::ports::ReadError;

use super::fault::Side;
use super::{CopyFault, PAGE};
use crate::books::Books;
use crate::keys::Key;

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
