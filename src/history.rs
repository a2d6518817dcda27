//! What was: a merchant's head at an earlier point, worked out from the journal.

use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_actors::ports::{ReadError, Recorded, Store};

use crate::limits::HISTORY_PAGE;

/// A point in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// After the event at this place.
    Seq(Seq),
    /// After the last event not later than this.
    At(At),
}

impl Point {
    fn is_before(self, recorded: &Recorded, stamped: &Stamped) -> bool {
        match self {
            Self::Seq(seq) => recorded.seq > seq,
            Self::At(at) => stamped.at > at,
        }
    }
}

/// The head as it was; `None`: there was no such merchant yet.
pub(crate) async fn head_at(
    store: &dyn Store,
    of: MerchantId,
    point: Point,
) -> Result<Option<Head>, ReadError> {
    let mut head: Option<Head> = None;
    loop {
        let from = head.as_ref().map_or(Seq(1), |head| head.link.seq.next());
        let page = store.events(of, from, HISTORY_PAGE).await?;
        let last = page.len() < usize::try_from(HISTORY_PAGE).unwrap_or(usize::MAX);
        for recorded in page {
            let stamped = decode(of, &recorded)?;
            if point.is_before(&recorded, &stamped) {
                return Ok(head);
            }
            let link = Link { seq: recorded.seq, hash: recorded.hash };
            Head::advance(&mut head, of, &stamped, link).map_err(|_| broken(of, link, &stamped))?;
        }
        if last {
            return Ok(head);
        }
        // Working through pages that are at hand must not keep this thread's other requests waiting.
        tokio::task::yield_now().await;
    }
}

/// The event in a row of the journal.
pub(crate) fn decode(of: MerchantId, recorded: &Recorded) -> Result<Stamped, ReadError> {
    Stamped::decode(&recorded.bytes).map_err(|error| ReadError::Unreadable {
        merchant: of,
        what: format!("event {}: {error}", recorded.seq),
    })
}

fn broken(of: MerchantId, link: Link, stamped: &Stamped) -> ReadError {
    let kind = stamped.event.kind();
    let what = format!("event {} ({kind}) does not follow; run tally audit", link.seq);
    ReadError::Unreadable { merchant: of, what }
}
