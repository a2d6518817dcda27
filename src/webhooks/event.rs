//! One event as a webhook is told of it: its name for the receiver, and the body.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};
use tally_actors::domain::books::{Books as Records, Key, Record};
use tally_actors::domain::chain::{Hash, Seq};
use tally_actors::domain::event::Stamped;
use tally_actors::domain::ids::{Malformed, MerchantId};
use tally_actors::domain::time::At;
use tally_actors::ports::{ListedCase, ReadError, Recorded};
use tally_storage::Books;
use tally_storage::webhooks::Webhook;

use super::kind::{Kind, Thing, told};
use crate::web::cases::CaseView;
use crate::web::orders::OrderView;
use crate::web::refunds::RefundView;
use crate::web::settlements::SettlementView;
use crate::web::withdrawals::WithdrawalView;

/// Bytes of the hash in an event's name.
const MARK_BYTES: usize = 6;

/// An event's name: the same at each try. The hash in it tells an event of restored books from the lost one at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    /// Whose.
    pub(crate) merchant: MerchantId,
    /// Its place in the merchant's journal.
    pub(crate) seq: Seq,
    mark: [u8; MARK_BYTES],
}

impl EventId {
    /// The name of the event at a place whose hash is this.
    pub(super) fn of(merchant: MerchantId, seq: Seq, hash: &Hash) -> Self {
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&hash.0[..MARK_BYTES]);
        Self { merchant, seq, mark }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-", self.merchant, self.seq)?;
        self.mark.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for EventId {
    type Err = Malformed;

    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let read = || {
            let (merchant, rest) = raw.split_once('-')?;
            let (seq, digits) = rest.split_once('-')?;
            let merchant = merchant.parse().ok()?;
            let seq = seq.parse().ok().filter(|seq| (1..i64::MAX as u64).contains(seq))?;
            let mut mark = [0; MARK_BYTES];
            for (place, byte) in mark.iter_mut().enumerate() {
                *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()?;
            }
            let id = Self { merchant, seq: Seq(seq), mark };
            (id.to_string() == raw).then_some(id)
        };
        read().ok_or(Malformed("must be the id of a delivery, such as m1-42-0123456789ab"))
    }
}

/// An event that webhooks are told of.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its name.
    pub(super) id: EventId,
    /// What happened.
    pub(super) kind: Kind,
    /// To what.
    pub(super) thing: Thing,
    /// When.
    pub(super) at: At,
    /// The case or the refund, where it is one: told in the order of its order, and shown itself.
    about: Option<Key>,
}

#[derive(Serialize)]
struct Body {
    id: String,
    kind: &'static str,
    merchant_id: MerchantId,
    seq: Seq,
    at: At,
    data: Value,
}

impl Told {
    /// What is told of an event of the journal; `None`: nothing.
    pub(super) fn of(merchant: MerchantId, recorded: &Recorded) -> Result<Option<Self>, ReadError> {
        let Stamped { at, event, .. } = decoded(merchant, recorded)?;
        let id = EventId::of(merchant, recorded.seq, &recorded.hash);
        let mut touched = Records::touched_by(&event).into_iter();
        let about = touched.find(|key| matches!(key, Key::Case(_) | Key::Refund(_)));
        Ok(told(&event).map(|(kind, thing)| Self { id, kind, thing, at, about }))
    }

    /// The event of a name, if the journal has it and it is one that is told.
    pub(super) async fn find(books: &dyn Books, id: EventId) -> Result<Option<Self>, ReadError> {
        let found = books.events(id.merchant, id.seq, 1).await?;
        let Some(recorded) = found.first().filter(|found| found.seq == id.seq) else {
            return Ok(None);
        };
        Ok(Self::of(id.merchant, recorded)?.filter(|told| told.id == id))
    }

    /// Whether a webhook is told of it.
    pub(super) fn is_for(&self, webhook: &Webhook) -> bool {
        let (kinds, kind) = (&webhook.kinds, self.kind.as_str());
        webhook.merchant.is_none_or(|only| only == self.id.merchant)
            && (kinds.is_empty() || kinds.iter().any(|one| one == kind))
    }

    /// The body of a delivery: what happened, with the thing as the API shows it now. `refunds_open`: whether WeChat refunds can
    /// be made at all, which decides about the remedies of a case.
    pub(super) async fn body(
        &self,
        books: &dyn Books,
        refunds_open: bool,
    ) -> Result<String, ReadError> {
        let body = Body {
            id: self.id.to_string(),
            kind: self.kind.as_str(),
            merchant_id: self.id.merchant,
            seq: self.id.seq,
            at: self.at,
            data: self.data(books, refunds_open).await?,
        };
        Ok(json!(body).to_string())
    }

    async fn data(&self, books: &dyn Books, refunds_open: bool) -> Result<Value, ReadError> {
        let of = self.id.merchant;
        let key = match (self.about, self.thing) {
            (Some(key), _) => key,
            (None, Thing::Order(order_no)) => {
                let found = books.order(of, order_no).await?;
                return found.map(|listed| json!(OrderView::of(of, listed))).ok_or(self.missing());
            }
            (None, Thing::Settlement(no)) => Key::Settlement(no),
            (None, Thing::Withdrawal(no)) => Key::Withdrawal(no),
            (None, Thing::Case(case_id)) => Key::Case(case_id),
        };
        match books.lookup(vec![(of, key)]).await?.pop().unwrap_or(Ok(None))? {
            Some(Record::Settlement(made)) => Ok(json!(SettlementView::of(&made))),
            Some(Record::Withdrawal(made)) => Ok(json!(WithdrawalView::of(*made))),
            Some(Record::Case(case)) => {
                let listed = ListedCase { merchant: of, case: *case };
                Ok(json!(CaseView::of(listed, refunds_open)))
            }
            Some(Record::Refund(made)) => Ok(json!(RefundView::of(*made, true))),
            Some(_) | None => Err(self.missing()),
        }
    }

    fn missing(&self) -> ReadError {
        let what = format!("{} of {} is not in its table: run tally audit", self.thing, self.id);
        ReadError::Unreadable { merchant: self.id.merchant, what }
    }
}

/// An event of the journal with its time.
pub(super) fn decoded(merchant: MerchantId, recorded: &Recorded) -> Result<Stamped, ReadError> {
    let unreadable = |error: tally_actors::domain::event::Undecodable| ReadError::Unreadable {
        merchant,
        what: error.to_string(),
    };
    Stamped::decode(&recorded.bytes).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_name_reads_back_and_no_other_does() {
        let hash = Hash(std::array::from_fn(|place| u8::try_from(place).unwrap() + 0xab));
        let id = EventId::of("m1".parse().unwrap(), Seq(42), &hash);
        assert_eq!(id.to_string(), "m1-42-abacadaeafb0");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "m1-42",
            "m1-42-",
            "m1-0-abacadaeafb0",
            "m1-042-abacadaeafb0",
            "m1-42-ABacadaeafb0",
            "m1-42-abacadaeafb",
            "m1-42-abacadaeafb01",
            "m1-42-abacadaeaf订",
            "m 1-42-abacadaeafb0",
        ] {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }
}
