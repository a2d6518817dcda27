//! A transfer that WeChat tells of no more: one admin says what became of it, another says the same, and it is ended.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Attest, FirstWord};
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::withdrawal::WithdrawalStatus;
use tally_actors::history::decode;

use super::auth::AdminOf;
use super::error::ApiError;
use super::reply::{Answer, ok};
use super::withdrawals::WithdrawalView;
use crate::limits::PAGE_MAX;
use crate::service::Service;

/// A withdrawal after a first word, and where that stands.
#[derive(Serialize)]
struct Attested {
    #[serde(flatten)]
    withdrawal: WithdrawalView,
    /// What another admin gives, who says the same.
    attested_seq: Seq,
}

/// Records a word; `of_first`: the place of the one that it repeats. 202 for a first, which moves nothing.
pub(super) async fn attest(
    of: &AdminOf,
    service: &web::Data<Service>,
    mut attest: Attest,
    of_first: Option<Seq>,
) -> Answer {
    if let Some(seq) = of_first {
        attest.first = Some(first_word(service, of.merchant, &attest, seq).await?);
    }
    let asked = service.asked(of.key_id);
    let told = service.engine.attest(of.merchant, attest.clone(), asked);
    let withdrawal = service.write(told).await?;
    if withdrawal.status != WithdrawalStatus::Unknown {
        return ok(WithdrawalView::of(withdrawal));
    }
    let attested_seq = newest_word(service, of.merchant, &attest).await?;
    let withdrawal = WithdrawalView::of(withdrawal);
    Ok(HttpResponse::Accepted().json(Attested { withdrawal, attested_seq }))
}

/// Whose word stands at a place. It must say the same.
async fn first_word(
    service: &Service,
    of: MerchantId,
    attest: &Attest,
    seq: Seq,
) -> Result<FirstWord, ApiError> {
    let events = service.stored(move |store| store.events(of, seq, 1)).await?;
    for recorded in events.iter().filter(|recorded| recorded.seq == seq) {
        if let Some(by) = says_the_same(&decode(of, recorded)?, attest) {
            return Ok(FirstWord { seq, by });
        }
    }
    let reason = "must be the place of an admin's word on this withdrawal that says the same";
    Err(ApiError::invalid("attested_seq", reason))
}

/// Where this admin's word stands, which was just recorded: among the newest events, or before what came since.
async fn newest_word(service: &Service, of: MerchantId, attest: &Attest) -> Result<Seq, ApiError> {
    let head = service.read(service.engine.head(of, service.now())).await?;
    let mut end = head.link.seq.0;
    while end > 0 {
        let from = end.saturating_sub(PAGE_MAX.into()) + 1;
        let events = service.stored(move |store| store.events(of, Seq(from), PAGE_MAX)).await?;
        for recorded in events.iter().rev() {
            if says_the_same(&decode(of, recorded)?, attest) == Some(attest.by) {
                return Ok(recorded.seq);
            }
        }
        end = from - 1;
    }
    Err(ApiError::NotFound)
}

/// The key of an event that is a word with the same content.
fn says_the_same(stamped: &Stamped, attest: &Attest) -> Option<KeyId> {
    let Event::WithdrawalAttested { withdrawal_no, succeeded, reference, by, .. } = &stamped.event
    else {
        return None;
    };
    let same = (withdrawal_no, succeeded, reference)
        == (&attest.withdrawal_no, &attest.succeeded, &attest.reference);
    same.then_some(*by)
}
