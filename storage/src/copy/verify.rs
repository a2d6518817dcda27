//! After the copy: the target's heads, read again, are those that were copied, and there are no others.

use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::ids::MerchantId;

use super::fault::Side;
use super::{CopyFault, heads, merchants};
use crate::books::Books;

/// Up to where a merchant was copied. Some 60 bytes of memory for each merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) merchant: MerchantId,
    pub(super) link: Link,
}

/// Compares the target with what was copied, in the order of the merchants' ids.
pub(super) async fn verify(to: &dyn Books, ends: &[End]) -> Result<(), CopyFault> {
    let mut ends = ends.iter();
    let mut after = String::new();
    loop {
        let page = merchants(to, Side::Target, &mut after).await?;
        if page.is_empty() {
            break;
        }
        let stand = heads(to, Side::Target, &page).await?;
        for (merchant, head) in page.into_iter().zip(stand) {
            let link = head.map_or_else(Link::default, |head| head.link);
            let found = End { merchant, link };
            match ends.next() {
                Some(end) if *end == found => {}
                Some(end) if end.merchant <= merchant => return Err(unverified(end)),
                Some(_) | None => return Err(unverified(&found)),
            }
        }
    }
    ends.next().map_or(Ok(()), |end| Err(unverified(end)))
}

fn unverified(&End { merchant, link: Link { seq: Seq(seq), .. } }: &End) -> CopyFault {
    CopyFault::Unverified { merchant, seq: Seq(seq) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tally_actors::ports::{Batch, Commit, Store};

    use super::*;
    use crate::fixture::{Shops, register};
    use crate::sqlite::SqliteStore;

    #[tokio::test]
    async fn a_head_that_was_not_copied_or_is_missing_or_elsewhere_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("tally.db")).await.unwrap();
        let mut shops = Shops::new();
        let runs = ["a", "b", "c", "d"].map(|id| shops.run(id, vec![register()])).to_vec();
        let end =
            |run: &tally_actors::ports::Run| End { merchant: run.merchant, link: run.head.link };
        let ends: Vec<End> = runs.iter().map(end).collect();
        assert_eq!(store.commit(Arc::new(Batch { runs })).await, Commit::Committed);
        assert_eq!(verify(&store, &ends).await, Ok(()));
        let mut elsewhere = ends.clone();
        elsewhere[2].link.hash.0[0] ^= 1;
        let mut further = ends.clone();
        further[3].link.seq = Seq(2);
        let missing = End { merchant: "e".parse().unwrap(), ..ends[3] };
        for (expected, named) in [
            (elsewhere, "merchant c, event 1: the target does not stand there"),
            (further, "merchant d, event 2: the target does not stand there"),
            ([&ends[..], &[missing]].concat(), "merchant e, event 1: the target does not"),
            (ends[1..].to_vec(), "merchant a, event 1: the target does not"),
            (ends[..3].to_vec(), "merchant d, event 1: the target does not"),
            (vec![], "merchant a, event 1: the target does not"),
        ] {
            let fault = verify(&store, &expected).await.unwrap_err().to_string();
            assert!(fault.starts_with(named), "{fault}");
        }
    }
}
