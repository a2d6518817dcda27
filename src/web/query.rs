//! Query parameters: each that is not as wanted, or not wanted at all, is named.

use std::str::FromStr;

use actix_web::{HttpRequest, web};
use tally_actors::domain::adjustment::AdjustmentStatus;
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::ids::Malformed;
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::refund::RefundStatus;
use tally_actors::domain::withdrawal::WithdrawalStatus;
use tally_actors::ports::Page;
use tally_storage::webhooks::DeliveryStatus;

use super::error::ApiError;
use crate::limits::{PAGE_DEFAULT, PAGE_MAX};

/// What a column of the store holds.
const COUNT_MAX: u64 = i64::MAX as u64;

/// The parameters of a request that were not yet looked at.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// All parameters of a request.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        Self::parse(request.query_string())
    }

    fn parse(raw: &str) -> Result<Self, ApiError> {
        web::Query::<Vec<(String, String)>>::from_query(raw)
            .map(|pairs| Self(pairs.into_inner()))
            .map_err(|_| ApiError::invalid("query", "can't be read"))
    }

    /// The value of a parameter that may be given once.
    fn take(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        let Some(place) = self.0.iter().position(|(given, _)| given == name) else {
            return Ok(None);
        };
        let (_, value) = self.0.swap_remove(place);
        if self.0.iter().any(|(given, _)| given == name) {
            return Err(ApiError::invalid(name, "is given twice"));
        }
        Ok(Some(value))
    }

    /// A parameter that has a shape.
    pub(crate) fn shaped<T: FromStr<Err = Malformed>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.take(name)? else { return Ok(None) };
        raw.parse().map(Some).map_err(|Malformed(shape)| ApiError::invalid(name, shape))
    }

    /// A parameter that is any text.
    pub(crate) fn text_if_any(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        self.take(name)
    }

    /// The same where it must be there; what is said where it is not.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        missing: &'static str,
    ) -> Result<String, ApiError> {
        let given = self.take(name)?.filter(|text| !text.is_empty());
        given.ok_or(ApiError::invalid(name, missing))
    }

    /// A parameter that counts from 1.
    pub(crate) fn count(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(raw) = self.take(name)? else { return Ok(None) };
        let digits = raw.bytes().all(|byte| byte.is_ascii_digit());
        match raw.parse() {
            Ok(count @ 1..=COUNT_MAX) if digits => Ok(Some(count)),
            Ok(_) | Err(_) => Err(ApiError::invalid(name, "must be a whole number from 1 on")),
        }
    }

    /// A parameter that is one of a few words.
    fn word<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.take(name)? else { return Ok(None) };
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == raw) {
            return Ok(Some(*meant));
        }
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(ApiError::invalid(name, format!("must be one of {}", words.join(", "))))
    }

    /// `status` of an order.
    pub(crate) fn order_status(&mut self) -> Result<Option<OrderStatus>, ApiError> {
        use OrderStatus::{Closed, Open, Paid};
        self.word("status", &[Open, Paid, Closed].map(|status| (status.as_str(), status)))
    }

    /// `status` of a withdrawal.
    pub(crate) fn withdrawal_status(&mut self) -> Result<Option<WithdrawalStatus>, ApiError> {
        use WithdrawalStatus as S;
        let all = [
            S::AwaitingApproval,
            S::Requested,
            S::Sending,
            S::AwaitingPayee,
            S::Unknown,
            S::Succeeded,
            S::Failed,
            S::Rejected,
        ];
        self.word("status", &all.map(|status| (status.as_str(), status)))
    }

    /// `status` of a refund.
    pub(crate) fn refund_status(&mut self) -> Result<Option<RefundStatus>, ApiError> {
        use RefundStatus::{Failed, Requested, Sending, Succeeded, Unknown};
        let all = [Requested, Sending, Succeeded, Failed, Unknown];
        self.word("status", &all.map(|status| (status.as_str(), status)))
    }

    /// `status` of an adjustment.
    pub(crate) fn adjustment_status(&mut self) -> Result<Option<AdjustmentStatus>, ApiError> {
        self.word("status", &AdjustmentStatus::ALL.map(|status| (status.as_str(), status)))
    }

    /// `status` of a case: whether it is still open.
    pub(crate) fn case_open(&mut self) -> Result<Option<bool>, ApiError> {
        self.word("status", &[("open", true), ("resolved", false)])
    }

    /// `status` of a delivery.
    pub(crate) fn delivery_status(&mut self) -> Result<Option<DeliveryStatus>, ApiError> {
        self.word("status", &DeliveryStatus::ALL.map(|status| (status.as_str(), status)))
    }

    /// `format` of a list: whether it is CSV.
    pub(crate) fn csv(&mut self) -> Result<Option<bool>, ApiError> {
        self.word("format", &[("csv", true), ("json", false)])
    }

    /// `kind` of a case.
    pub(crate) fn case_kind(&mut self) -> Result<Option<CaseKind>, ApiError> {
        self.word("kind", &CaseKind::ALL.map(|kind| (kind.as_str(), kind)))
    }

    /// `limit` and `cursor`.
    pub(crate) fn page(&mut self) -> Result<Page, ApiError> {
        let limit = match self.take("limit")? {
            None => PAGE_DEFAULT,
            Some(raw) => match raw.parse() {
                Ok(limit @ 1..=PAGE_MAX) => limit,
                Ok(_) | Err(_) => {
                    let shape = format!("must be a whole number from 1 to {PAGE_MAX}");
                    return Err(ApiError::invalid("limit", shape));
                }
            },
        };
        Ok(Page { limit, cursor: self.take("cursor")? })
    }

    /// Nothing else may be there.
    pub(crate) fn end(self) -> Result<(), ApiError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::invalid(name, "is not a parameter of this call")),
        }
    }
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::time::At;

    use super::*;

    /// Reads what a list of orders takes.
    fn read(raw: &str) -> Result<Page, ApiError> {
        let mut query = Query::parse(raw)?;
        let page = query.page()?;
        query.order_status()?;
        query.shaped::<At>("from")?;
        query.count("seq")?;
        query.end()?;
        Ok(page)
    }

    #[test]
    fn a_parameter_that_is_not_as_wanted_is_named() {
        for (raw, name) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("status=lost", "status"),
            ("from=yesterday", "from"),
            ("seq=0", "seq"),
            ("seq=-1", "seq"),
            ("seq=9223372036854775808", "seq"),
            ("staus=open", "staus"),
        ] {
            match read(raw) {
                Err(ApiError::Invalid { field, .. }) => assert_eq!(field, name, "{raw}"),
                other => panic!("{raw}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_list_has_fifty_items_unless_told_otherwise() {
        assert_eq!(read("").unwrap().limit, 50);
        let page = read("limit=200&cursor=a%2Fb&status=open&from=2026-01-31T08:00:00%2B08:00");
        let page = page.unwrap();
        assert_eq!((page.limit, page.cursor.as_deref()), (200, Some("a/b")));
    }
}
