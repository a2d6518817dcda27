//! Merchants: who sells, under which rules, and how they stand.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Asked, RulesChange};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::{Balance, FeeRate, Money};
use tally_actors::domain::number;
use tally_actors::domain::replay::Point;
use tally_actors::domain::reserved;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::standing::{Standing, Word};
use tally_actors::domain::time::At;
use tally_actors::error::EngineError;

use super::auth::{Admin, AdminOf, Party};
use super::body::{Body, Choice, Fen, present};
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Plain, made, ok};
use crate::service::Service;

/// A merchant to register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMerchant {
    merchant_id: Option<MerchantId>,
    name: Plain,
    #[serde(default)]
    fee_bp: FeeRate,
    settle_after_days: Option<u8>,
    payout_method: Option<Choice<PayoutMethod>>,
    payout_openid: Option<Plain>,
    payout_name: Option<Plain>,
    withdrawal_min_fen: Option<Fen>,
    withdrawal_max_fen: Option<Fen>,
    daily_max_fen: Option<Fen>,
    approval_over_fen: Option<Fen>,
    debt_max_fen: Option<Fen>,
}

/// Rules to change: what is absent stays, what is null is unset.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default, deserialize_with = "present")]
    name: Option<Plain>,
    #[serde(default, deserialize_with = "present")]
    fee_bp: Option<FeeRate>,
    #[serde(default, deserialize_with = "present")]
    settle_after_days: Option<Option<u8>>,
    #[serde(default, deserialize_with = "present")]
    payout_method: Option<Option<Choice<PayoutMethod>>>,
    #[serde(default, deserialize_with = "present")]
    payout_openid: Option<Option<Plain>>,
    #[serde(default, deserialize_with = "present")]
    payout_name: Option<Option<Plain>>,
    #[serde(default, deserialize_with = "present")]
    withdrawal_min_fen: Option<Option<Fen>>,
    #[serde(default, deserialize_with = "present")]
    withdrawal_max_fen: Option<Option<Fen>>,
    #[serde(default, deserialize_with = "present")]
    daily_max_fen: Option<Option<Fen>>,
    #[serde(default, deserialize_with = "present")]
    approval_over_fen: Option<Option<Fen>>,
    #[serde(default, deserialize_with = "present")]
    debt_max_fen: Option<Fen>,
}

/// A merchant as the API shows it.
#[derive(Serialize)]
pub(crate) struct MerchantView<'a> {
    merchant_id: MerchantId,
    #[serde(flatten)]
    rules: &'a Rules,
    created_at: At,
    /// Why and since when its withdrawals are frozen.
    frozen: Option<&'a Word>,
    /// `open`, `suspended` or `closed`.
    standing: &'static str,
    /// Why and since when it is suspended or closed.
    stopped: Option<&'a Word>,
}

/// Where a merchant stands, or stood.
#[derive(Serialize)]
pub(crate) struct BalanceView {
    merchant_id: MerchantId,
    seq: Seq,
    pending_fen: Money,
    available_fen: Balance,
    in_transit_fen: Money,
    withdrawn_fen: Money,
    paid_fen: Money,
    paid_orders: u64,
    refunded_fen: Money,
    fee_fen: Money,
    /// Got beside payments, less what was taken so.
    adjusted_fen: Balance,
    /// There, and credited to nobody.
    suspense_fen: Money,
    as_of: At,
}

/// `POST /v1/merchants`
pub(crate) async fn create(
    by: Admin,
    service: web::Data<Service>,
    body: Body<NewMerchant>,
) -> Answer {
    let now = service.now();
    let merchant = body.0.merchant_id.map_or_else(|| made_id(now), Ok)?;
    let rules = body.0.rules()?;
    let asked = Asked::new(now, Some(by.0));
    let registered = service.write(service.engine.register(merchant, rules, asked)).await?;
    made(registered.fresh, MerchantView::of(&registered.thing))
}

/// `GET /v1/merchants`
pub(crate) async fn list(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    query.end()?;
    let mut part = service.stored(move |store| store.merchants(page)).await?;
    part.items.retain(|head| !reserved::is(head));
    ok(List::of(part, |head| serde_json::json!(MerchantView::of(&head))))
}

/// `GET /v1/merchants/{merchant_id}`
pub(crate) async fn get(of: Party, service: web::Data<Service>) -> Answer {
    let head = service.read(service.engine.head(of.merchant, service.now())).await?;
    ok(MerchantView::of(&head))
}

/// `PATCH /v1/merchants/{merchant_id}`
pub(crate) async fn change(of: AdminOf, service: web::Data<Service>, body: Body<Change>) -> Answer {
    let change = body.0.rules_change()?;
    let asked = service.engine.change_rules(of.merchant, change, service.asked(of.key_id));
    ok(MerchantView::of(&service.write(asked).await?))
}

/// `GET /v1/merchants/{merchant_id}/balance`
pub(crate) async fn balance(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::of(&request)?;
    let (at, seq) = (query.shaped::<At>("at")?, query.count("seq")?.map(Seq));
    query.end()?;
    let now = service.now();
    let head = service.read(service.engine.head(of.merchant, now)).await?;
    let (point, as_of) = match (at, seq) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("seq", "must not be given beside at")),
        (Some(at), None) if at < head.at => (Point::At(at), Some(at)),
        (None, Some(seq)) if seq > head.link.seq => {
            let newest = format!("must be at most {}, the newest event", head.link.seq);
            return Err(ApiError::invalid("seq", newest));
        }
        (None, Some(seq)) => (Point::Seq(seq), None),
        (Some(at), None) => return ok(BalanceView::of(&head, at.min(now).max(head.at))),
        (None, None) => return ok(BalanceView::of(&head, now.max(head.at))),
    };
    let then = service.head_at(of.merchant, point, head.link.seq).await?;
    // Before there was a merchant, there was nothing.
    let then = then.unwrap_or_else(|| {
        Head::registered(of.merchant, Rules::clone(&head.rules), head.registered_at)
    });
    ok(BalanceView::of(&then, as_of.unwrap_or(then.at)))
}

/// An id for a merchant that was given none.
fn made_id(now: At) -> Result<MerchantId, ApiError> {
    let random = getrandom::u64().map_err(|error| EngineError::Unavailable(error.to_string()))?;
    Ok(id_of(now, random))
}

/// 5 digits for the time in seconds, which begin anew every 29 years (next in 2028), and 7 for 41 of the random bits.
fn id_of(now: At, random: u64) -> MerchantId {
    // `make` writes 7 digits for the time, then 8 for the random: the lower ones of both are kept.
    let digits = number::make(At::from_ms(now.ms() / 1_000), random);
    let id = format!("{}{}", &digits[2..7], &digits[8..]);
    id.parse().expect("12 letters or digits")
}

fn amount(fen: Option<Fen>, field: &'static str) -> Result<Option<Money>, ApiError> {
    fen.map(|fen| fen.money(field)).transpose()
}

fn amount_change(
    fen: Option<Option<Fen>>,
    field: &'static str,
) -> Result<Option<Option<Money>>, ApiError> {
    fen.map(|fen| amount(fen, field)).transpose()
}

impl NewMerchant {
    fn rules(self) -> Result<Rules, ApiError> {
        let by_openid = self.payout_openid.as_ref().map(|_| PayoutMethod::Wechat);
        Ok(Rules {
            name: self.name.0,
            fee_bp: self.fee_bp,
            settle_after_days: self.settle_after_days,
            payout_method: self.payout_method.map(|method| method.0).or(by_openid),
            payout_openid: self.payout_openid.map(|text| text.0),
            payout_name: self.payout_name.map(|text| text.0),
            withdrawal_min_fen: amount(self.withdrawal_min_fen, "withdrawal_min_fen")?,
            withdrawal_max_fen: amount(self.withdrawal_max_fen, "withdrawal_max_fen")?,
            daily_max_fen: amount(self.daily_max_fen, "daily_max_fen")?,
            approval_over_fen: amount(self.approval_over_fen, "approval_over_fen")?,
            debt_max_fen: amount(self.debt_max_fen, "debt_max_fen")?.unwrap_or(Money::ZERO),
        })
    }
}

impl Change {
    fn rules_change(self) -> Result<RulesChange, ApiError> {
        Ok(RulesChange {
            name: self.name.map(|text| text.0),
            fee_bp: self.fee_bp,
            settle_after_days: self.settle_after_days,
            payout_method: self.payout_method.map(|method| method.map(|method| method.0)),
            payout_openid: self.payout_openid.map(|text| text.map(|text| text.0)),
            payout_name: self.payout_name.map(|text| text.map(|text| text.0)),
            withdrawal_min_fen: amount_change(self.withdrawal_min_fen, "withdrawal_min_fen")?,
            withdrawal_max_fen: amount_change(self.withdrawal_max_fen, "withdrawal_max_fen")?,
            daily_max_fen: amount_change(self.daily_max_fen, "daily_max_fen")?,
            approval_over_fen: amount_change(self.approval_over_fen, "approval_over_fen")?,
            debt_max_fen: amount(self.debt_max_fen, "debt_max_fen")?,
        })
    }
}

impl<'a> MerchantView<'a> {
    pub(crate) fn of(head: &'a Head) -> Self {
        let Standing { frozen, stopped, closed } = &head.standing;
        let standing = match (stopped, closed) {
            (None, _) => "open",
            (Some(_), false) => "suspended",
            (Some(_), true) => "closed",
        };
        Self {
            merchant_id: head.merchant,
            rules: &head.rules,
            created_at: head.registered_at,
            frozen: frozen.as_ref(),
            standing,
            stopped: stopped.as_ref(),
        }
    }
}

impl BalanceView {
    /// The balances of a head, as they are at that time.
    pub(crate) fn of(head: &Head, as_of: At) -> Self {
        Self {
            merchant_id: head.merchant,
            seq: head.link.seq,
            pending_fen: head.pending(),
            available_fen: head.available,
            in_transit_fen: head.in_transit,
            withdrawn_fen: head.withdrawn,
            paid_fen: head.paid,
            paid_orders: head.paid_orders,
            refunded_fen: head.refunded,
            fee_fen: head.fee,
            adjusted_fen: head.adjusted,
            suspense_fen: head.suspense,
            as_of,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_id_holds_the_second_and_forty_one_random_bits() {
        let at = |raw: &str| raw.parse::<At>().unwrap();
        let now = at("2026-11-24T23:00:00Z");
        let id = |random| id_of(now, random);
        for bit in 0..41 {
            assert_ne!(id(1 << bit), id(0), "bit {bit} is lost");
            assert_eq!(id(1 << bit).as_str()[..5], id(0).as_str()[..5], "bit {bit}");
        }
        assert_eq!(id(62_u64.pow(7)), id(0));
        assert!(62_u64.pow(7) > 1 << 41);
        let (before, after) = (at("2026-11-24T22:59:59Z"), at("2026-11-24T23:00:01Z"));
        assert!(id_of(before, u64::MAX) < id(0) && id(u64::MAX) < id_of(after, 0));
        let (last, first) = (at("2028-01-23T18:41:03Z"), at("2028-01-23T18:41:04Z"));
        assert_eq!(&id_of(last, 0).as_str()[..5], "zzzzz");
        assert_eq!(&id_of(first, 0).as_str()[..5], "00000");
    }
}
