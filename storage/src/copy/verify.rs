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
