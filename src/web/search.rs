//! Search: what a number names, whichever of ours or WeChat's it is.
//!
//! Numbers at WeChat lead back to their merchant by themselves. All others are unique within a merchant only, so merchants are
//! walked through and each asked by the keys that its rows have anyway: no index is kept for this, and payments cost what they did.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::channel_no::{read_out_refund_no, read_out_trade_no, read_transfer_no};
use tally_actors::domain::ids::{CaseId, MerchantId, OrderNo, TransactionId};
use tally_actors::domain::refusal::Refusal;
use tally_actors::ports::{ListedOrder, Part, ReadError};

use super::auth::Known;
use super::error::ApiError;
use super::orders::OrderView;
use super::query::Query;
use super::reply::{Answer, List, ok};
use crate::limits::{PAGE_MAX, SEARCH_MERCHANTS_AT_ONCE, SEARCH_MERCHANTS_MAX};
use crate::service::Service;

/// Something that a number names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Found {
    /// What it is.
    kind: &'static str,
    merchant_id: MerchantId,
    /// Its own number.
    number: String,
    /// Which number of it was given.
    matched: &'static str,
    /// Where it is.
    url: String,
}

/// An order with whose it is.
#[derive(Serialize)]
struct OrderOf {
    merchant_id: MerchantId,
    #[serde(flatten)]
    order: OrderView,
}

/// What a text may be the number of: things of a merchant that it names itself, and of any merchant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Meanings {
    own: Vec<(MerchantId, Key, &'static str)>,
    anywhere: Vec<(Key, &'static str)>,
}

/// `GET /v1/search`
pub(crate) async fn search(
    caller: Known,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::of(&request)?;
    let wanted = query.text("q", "is missing; give a number, whichever it is")?;
    let after = query.text_if_any("cursor")?;
    query.end()?;
    let own = caller.0.merchant;
    let mut meanings = Meanings::of(&wanted);
    meanings.own.retain(|(of, ..)| own.is_none_or(|own| own == *of));
    if after.as_ref().is_some_and(|raw| raw.parse::<MerchantId>().is_err()) {
        return Err(ReadError::Cursor.into());
    }
    let mut items = vec![];
    if after.is_none() {
        items = probe(&service, meanings.own).await?;
    }
    let next = match own {
        Some(own) => {
            let asked = meanings.anywhere.iter().map(|(key, by)| (own, *key, *by));
            items.extend(probe(&service, asked.collect()).await?);
            None
        }
        None => walk(&service, &meanings.anywhere, after, &mut items).await?,
    };
    let mut shown: Vec<Found> = vec![];
    for item in items {
        let same = |other: &Found| (other.kind, &other.url) == (item.kind, &item.url);
        if !shown.iter().any(same) {
            shown.push(item);
        }
    }
    ok(List::of(Part { items: shown, next }, |found| found))
}

/// `GET /v1/orders`
pub(crate) async fn order(
    caller: Known,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::of(&request)?;
    let transaction = query.shaped::<TransactionId>("transaction_id")?;
    let out_trade_no = query.text_if_any("out_trade_no")?;
    query.end()?;
    let own = caller.0.merchant;
    let unknown = || ApiError::refused(Refusal::OrderUnknown);
    let (of, order_no) = match (transaction, out_trade_no) {
        (Some(transaction), None) => {
            let found = service.read(of_transaction(&service, own, transaction)).await?;
            found.ok_or_else(unknown)?
        }
        (None, Some(raw)) => read_out_trade_no(&raw).ok_or_else(unknown)?,
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("out_trade_no", "must not be beside transaction_id"));
        }
        (None, None) => {
            return Err(ApiError::invalid("transaction_id", "is missing; give it or out_trade_no"));
        }
    };
    if own.is_some_and(|own| own != of) {
        return Err(unknown());
    }
    let found = service.single(move |store| store.order(of, order_no)).await?;
    let listed: ListedOrder = found.ok_or_else(unknown)?;
    ok(OrderOf { merchant_id: of, order: OrderView::of(of, listed) })
}

/// Whose order a payment is booked for, and which.
async fn of_transaction(
    service: &Service,
    own: Option<MerchantId>,
    transaction: TransactionId,
) -> Result<Option<(MerchantId, OrderNo)>, ApiError> {
    if let Some(own) = own {
        return booked_for(service, vec![own], transaction).await;
    }
    let mut walk = Walk::after(String::new());
    while !walk.is_long() {
        let Some(page) = walk.next(service).await? else { return Ok(None) };
        if let Some(found) = booked_for(service, page, transaction).await? {
            return Ok(Some(found));
        }
    }
    let so_far = format!(
        "is no payment of the first {SEARCH_MERCHANTS_MAX} merchants; go on with GET /v1/search?q={transaction}&cursor={}",
        walk.last
    );
    Err(ApiError::invalid("transaction_id", so_far))
}

/// Which of these merchants a payment is booked for, and its order.
async fn booked_for(
    service: &Service,
    page: Vec<MerchantId>,
    transaction: TransactionId,
) -> Result<Option<(MerchantId, OrderNo)>, ApiError> {
    let keys = page.iter().map(|of| (*of, Key::Transaction(transaction))).collect();
    let found = service.stored(move |store| store.lookup(keys)).await?;
    for (of, found) in page.iter().zip(found) {
        if let Some(Record::Transaction(order_no)) = found? {
            return Ok(Some((*of, order_no)));
        }
    }
    Ok(None)
}

/// A walk through all merchants, by their ids.
struct Walk {
    /// The newest id that was come to, whatever it is.
    after: String,
    /// The newest merchant, where another call may go on.
    last: String,
    asked: usize,
}

impl Walk {
    fn after(last: String) -> Self {
        Self { after: last.clone(), last, asked: 0 }
    }

    /// The next merchants, so many that one round asks them all. `None`: there are no more.
    async fn next(&mut self, service: &Service) -> Result<Option<Vec<MerchantId>>, ApiError> {
        let after = self.after.clone();
        let page =
            service.kept(move |books| books.merchants_after(after, SEARCH_MERCHANTS_AT_ONCE));
        Ok(self.take(&page.await?))
    }

    /// What is no merchant's id is named by the audit; nothing of it can be shown.
    fn take(&mut self, page: &[String]) -> Option<Vec<MerchantId>> {
        self.after.clone_from(page.last()?);
        self.asked += page.len();
        let known: Vec<MerchantId> = page.iter().filter_map(|raw| raw.parse().ok()).collect();
        if let Some(last) = known.last() {
            self.last = last.to_string();
        }
        Some(known)
    }

    /// Whether it has asked as many as one call may.
    fn is_long(&self) -> bool {
        self.asked >= SEARCH_MERCHANTS_MAX
    }
}

/// Asks merchant after merchant. Says after which it stopped, if there may be more.
async fn walk(
    service: &Service,
    anywhere: &[(Key, &'static str)],
    after: Option<String>,
    items: &mut Vec<Found>,
) -> Result<Option<String>, ApiError> {
    if anywhere.is_empty() {
        return Ok(None);
    }
    let mut walk = Walk::after(after.unwrap_or_default());
    while !walk.is_long() && items.len() < PAGE_MAX as usize {
        let Some(page) = walk.next(service).await? else { return Ok(None) };
        let each = page.iter().flat_map(|of| anywhere.iter().map(|(key, by)| (*of, *key, *by)));
        items.extend(probe(service, each.collect()).await?);
    }
    Ok(Some(walk.last))
}

/// What is there of what is asked for. A row that can't be read is passed over, and logged.
async fn probe(
    service: &Service,
    asked: Vec<(MerchantId, Key, &'static str)>,
) -> Result<Vec<Found>, ApiError> {
    if asked.is_empty() {
        return Ok(vec![]);
    }
    let keys: Vec<_> = asked.iter().map(|(of, key, _)| (*of, *key)).collect();
    let records = service.stored(move |store| store.lookup(keys)).await?;
    let found = asked.into_iter().zip(records).filter_map(|((of, _, by), record)| {
        let logged = |error: &ReadError| tracing::error!(%error, "passed over by a search");
        Found::of(of, by, record.inspect_err(logged).ok()??)
    });
    Ok(found.collect())
}

impl Meanings {
    fn of(raw: &str) -> Self {
        let mut meanings = Self::default();
        if let Some((of, order_no)) = read_out_trade_no(raw) {
            meanings.own.push((of, Key::Order(order_no), "out_trade_no"));
        }
        if let Some((of, refund_no)) = read_out_refund_no(raw) {
            meanings.own.push((of, Key::Refund(refund_no), "out_refund_no"));
        }
        if let Some((of, withdrawal_no)) = read_transfer_no(raw) {
            meanings.own.push((of, Key::Withdrawal(withdrawal_no), "partner_trade_no"));
        }
        let leading = raw.split_once('-').and_then(|(of, _)| of.parse().ok());
        if let (Some(of), Ok(case_id)) = (leading, raw.parse::<CaseId>()) {
            meanings.own.push((of, Key::Case(case_id), "case_id"));
        }
        let anywhere = [
            (raw.parse().ok().map(Key::Order), "order_no"),
            (raw.parse().ok().map(Key::Transaction), "transaction_id"),
            (raw.parse().ok().map(Key::Held), "transaction_id of a case"),
            (raw.parse().ok().map(Key::Settlement), "settlement_no"),
            (raw.parse().ok().map(Key::Withdrawal), "withdrawal_no"),
            (raw.parse().ok().map(Key::Refund), "refund_no"),
            (raw.parse().ok().map(Key::Adjustment), "adjustment_no"),
        ];
        let shaped = anywhere.into_iter().filter_map(|(key, by)| key.map(|key| (key, by)));
        meanings.anywhere.extend(shaped);
        meanings
    }
}

impl Found {
    fn of(of: MerchantId, matched: &'static str, record: Record) -> Option<Self> {
        let (kind, number) = match record {
            Record::Order(order) => ("order", order.order_no.to_string()),
            Record::Transaction(order_no) => ("order", order_no.to_string()),
            Record::Settlement(made) => ("settlement", made.settlement_no.to_string()),
            Record::Withdrawal(made) => ("withdrawal", made.withdrawal_no.to_string()),
            Record::Refund(made) => ("refund", made.refund_no.to_string()),
            Record::Case(case) => ("case", case.case_id.to_string()),
            Record::Adjustment(made) => ("adjustment", made.adjustment_no.to_string()),
            Record::Held(case_id) => ("case", case_id.to_string()),
            Record::Number(_) | Record::InRun(_) => return None,
        };
        let url = match kind {
            "case" => format!("/v1/cases/{number}"),
            kind => format!("/v1/merchants/{of}/{kind}s/{number}"),
        };
        Some(Self { kind, merchant_id: of, number, matched, url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(raw: &str) -> Vec<&'static str> {
        let Meanings { own, anywhere } = Meanings::of(raw);
        own.iter().map(|(.., by)| *by).chain(anywhere.iter().map(|(_, by)| *by)).collect()
    }

    #[test]
    fn a_walk_goes_on_over_ids_of_no_merchant_and_ends_where_one_call_may() {
        let mut walk = Walk::after(String::new());
        let page = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(walk.take(&page(&["!a", "!b"])), Some(vec![]));
        assert_eq!((walk.after.as_str(), walk.last.as_str(), walk.asked), ("!b", "", 2));
        assert_eq!(walk.take(&page(&["m1", "~"])), Some(vec!["m1".parse().unwrap()]));
        assert_eq!((walk.after.as_str(), walk.last.as_str(), walk.is_long()), ("~", "m1", false));
        walk.take(&vec!["m2".to_owned(); SEARCH_MERCHANTS_MAX]);
        assert!(walk.is_long());
        assert_eq!(walk.take(&[]), None);
    }

    #[test]
    fn a_text_is_what_it_can_be_the_number_of() {
        for (raw, expected) in [
            ("m1-A0001", &["out_trade_no", "out_refund_no", "case_id"][..]),
            (
                "2m1W100",
                &[
                    "partner_trade_no",
                    "order_no",
                    "transaction_id",
                    "transaction_id of a case",
                    "settlement_no",
                    "withdrawal_no",
                    "refund_no",
                    "adjustment_no",
                ],
            ),
            (
                "A0001",
                &[
                    "order_no",
                    "transaction_id",
                    "transaction_id of a case",
                    "settlement_no",
                    "withdrawal_no",
                    "refund_no",
                    "adjustment_no",
                ],
            ),
            ("4200001234202611281234567890", &["transaction_id", "transaction_id of a case"]),
            ("1", &["transaction_id", "transaction_id of a case"]),
            ("", &[]),
            ("m1_A0001", &[]),
            ("商", &[]),
        ] {
            assert_eq!(meant(raw), expected, "{raw}");
        }
    }
}
