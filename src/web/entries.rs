//! The journal of a merchant: its events, and what they mean in double entry. Oldest first.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::Value;
use tally_actors::domain::chain::{Hash, Seq};
use tally_actors::domain::entry::{Entry, entries as entries_of};
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::time::At;
use tally_actors::history::decode;
use tally_actors::ports::{Part, ReadError, Recorded};

use super::auth::Party;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, ok};
use crate::limits::ENTRIES_EVENTS_MAX;
use crate::service::Service;

/// One side of a booking.
#[derive(Serialize)]
struct EntryView {
    seq: Seq,
    #[serde(flatten)]
    entry: Entry,
    at: At,
}

/// An event as the journal has it.
#[derive(Serialize)]
struct EventView {
    seq: Seq,
    kind: &'static str,
    at: At,
    /// The key that asked; null: WeChat told, or Tally itself acted.
    by: Option<KeyId>,
    body: Value,
    hash: String,
}

/// Where a page begins: an event, and how many of its entries came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    seq: Seq,
    skip: usize,
}

/// `GET /v1/merchants/{merchant_id}/entries`
pub(crate) async fn entries(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let (place, limit) = asked(&request)?;
    service.must_know(of.merchant).await?;
    let limit = usize::try_from(limit).expect("a page is small");
    let events = ENTRIES_EVENTS_MAX;
    let recorded =
        service.stored(move |store| store.events(of.merchant, place.seq, events)).await?;
    let more = recorded.len() == usize::try_from(ENTRIES_EVENTS_MAX).expect("a page is small");
    let mut part = Part { items: vec![], next: None };
    let mut after = place;
    for recorded in recorded {
        let (seq, stamped) = (recorded.seq, decode(of.merchant, &recorded)?);
        let skip = if seq == place.seq { place.skip } else { 0 };
        for (index, entry) in entries_of(&stamped.event).into_iter().enumerate().skip(skip) {
            if part.items.len() == limit {
                part.next = Some(Place { seq, skip: index }.to_string());
                return ok(List::of(part, |entry| entry));
            }
            part.items.push(EntryView { seq, entry, at: stamped.at });
        }
        after = Place { seq: seq.next(), skip: 0 };
    }
    part.next = more.then(|| after.to_string());
    ok(List::of(part, |entry| entry))
}

/// `GET /v1/merchants/{merchant_id}/events`
pub(crate) async fn events(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (place, limit) = asked(&request)?;
    service.must_know(of.merchant).await?;
    let mut recorded =
        service.stored(move |store| store.events(of.merchant, place.seq, limit + 1)).await?;
    let more = recorded.len() > usize::try_from(limit).expect("a page is small");
    let next = if more { recorded.pop().map(|next| next.seq.to_string()) } else { None };
    let show = |recorded: &Recorded| EventView::of(of.merchant, recorded);
    let items = recorded.iter().map(show).collect::<Result<Vec<_>, _>>()?;
    ok(List::of(Part { items, next }, |event| event))
}

/// `from_seq`, `cursor` and `limit`. A cursor goes on where a page ended; `from_seq` begins anywhere.
fn asked(request: &HttpRequest) -> Result<(Place, u32), ApiError> {
    let mut query = Query::of(request)?;
    let from = query.count("from_seq")?;
    let page = query.page()?;
    query.end()?;
    let place = match page.cursor {
        Some(_) if from.is_some() => {
            return Err(ApiError::invalid("from_seq", "must not be given beside cursor"));
        }
        Some(cursor) => Place::parse(&cursor).ok_or(ReadError::Cursor)?,
        None => Place { seq: Seq(from.unwrap_or(1)), skip: 0 },
    };
    Ok((place, page.limit))
}

impl Place {
    fn parse(raw: &str) -> Option<Self> {
        let (seq, skip) = match raw.split_once('.') {
            Some((seq, skip)) => (seq, skip.parse().ok()?),
            None => (raw, 0),
        };
        let seq = seq.parse().ok().filter(|seq| i64::try_from(*seq).is_ok_and(|seq| seq > 0))?;
        Some(Self { seq: Seq(seq), skip })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.skip {
            0 => write!(f, "{}", self.seq),
            skip => write!(f, "{}.{skip}", self.seq),
        }
    }
}

impl EventView {
    fn of(merchant: MerchantId, recorded: &Recorded) -> Result<Self, ReadError> {
        let Stamped { at, by, event } = decode(merchant, recorded)?;
        let (seq, hash) = (recorded.seq, Hash::to_string(&recorded.hash));
        Ok(Self { seq, kind: event.kind(), at, by, body: body(&event), hash })
    }
}

/// An event's fields, with the amounts named as everywhere in the API.
fn body(event: &Event) -> Value {
    let tagged = serde_json::to_value(event).expect("events are plain data");
    let Value::Object(tagged) = tagged else { return tagged };
    tagged.into_iter().next().map(|(_, fields)| with_units(fields)).unwrap_or_default()
}

fn with_units(value: Value) -> Value {
    const AMOUNTS: [&str; 10] = [
        "amount",
        "booked",
        "fee",
        "gross",
        "refunded",
        "expected",
        "total",
        "booked_now",
        "order_fee",
        "order_fee_now",
    ];
    let Value::Object(fields) = value else { return value };
    let with_unit = |(name, value): (String, Value)| {
        let amount = AMOUNTS.contains(&name.as_str());
        (if amount { format!("{name}_fen") } else { name }, with_units(value))
    };
    fields.into_iter().map(with_unit).collect()
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::money::Money;
    use tally_actors::domain::settlement::Bucket;
    use tally_actors::domain::time::Day;

    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for raw in ["1", "7.2", "9223372036854775807"] {
            assert_eq!(Place::parse(raw).unwrap().to_string(), raw);
        }
        for raw in ["", "0", "-1", "x", "1.", "1.x", "9223372036854775808"] {
            assert_eq!(Place::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn amounts_of_an_event_have_their_unit_at_every_depth() {
        let gross = Money::from_fen(100).unwrap();
        let event = Event::Settled {
            settlement_no: "S001".parse().unwrap(),
            idempotency_key: None,
            through: Day::LAST,
            include_not_due: false,
            moved: Bucket { orders: 1, gross, ..Bucket::default() },
        };
        let body = body(&event);
        assert_eq!(
            (&body["moved"]["gross_fen"], &body["moved"]["orders"]),
            (&100.into(), &1.into())
        );
        assert_eq!(body["through"], "9999-12-31");
        assert!(body["moved"].get("gross").is_none());
    }
}
