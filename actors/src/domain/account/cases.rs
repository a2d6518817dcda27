//! Cases that are not about a payment, opened once however often they are found; and what people decide about any.

use super::super::books::Key;
use super::super::case::{Case, RaisedCase, Remedy};
use super::super::command::{Answer, RaiseCase, ResolveCase};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::CaseId;
use super::super::refusal::Refusal;
use super::Account;
use super::suspense::credited;
use crate::limits::{CASE_FACTS_MAX, FACT_NAME_MAX, FACT_VALUE_MAX};

impl Account {
    pub(super) fn raised_id(&self, raise: &RaiseCase) -> CaseId {
        Case::id_of(&self.merchant, raise.kind, &raise.subject)
    }

    /// What was found again may be told in other words: the first ones stay.
    pub(super) fn raise_case(&self, raise: &RaiseCase) -> Result<Vec<Event>, Refusal> {
        let case_id = self.raised_id(raise);
        if self.books.case(&case_id).is_some() {
            return Ok(vec![]);
        }
        let fits = |(name, value): &(Box<str>, Box<str>)| {
            (1..=FACT_NAME_MAX).contains(&name.chars().count())
                && value.chars().count() <= FACT_VALUE_MAX
                && !name.contains('\0')
                && !value.contains('\0')
        };
        if raise.facts.len() > CASE_FACTS_MAX || !raise.facts.iter().all(fits) {
            let reason = "must be at most 16, of names of 1 to 64 and values of at most 500 characters without NUL";
            return Err(Refusal::Invalid { field: "facts", reason });
        }
        let RaiseCase { kind, order_no, transaction_id, amount, expected, .. } = *raise;
        let facts = raise.facts.clone();
        let case = RaisedCase { case_id, kind, order_no, transaction_id, amount, expected, facts };
        Ok(vec![Event::CaseRaised { case }])
    }

    /// The keys of a decision: the case, and the refund that it may make.
    pub(super) fn resolve_keys(resolve: &ResolveCase) -> Vec<Key> {
        let refunds = resolve.remedy == Some(Remedy::Refund);
        let refund = Case::refund_no(&resolve.case_id).filter(|_| refunds).map(Key::Refund);
        refund.into_iter().chain([Key::Case(resolve.case_id)]).collect()
    }

    /// A case is resolved once; the same words again are a repeat. What the remedy moves, it moves in the same message.
    pub(super) fn resolve_case(
        &self,
        head: &Head,
        resolve: &ResolveCase,
    ) -> Result<Vec<Event>, Refusal> {
        let ResolveCase { case_id, by, note, remedy, refunds_open } = resolve;
        let case = self.books.case(case_id).ok_or(Refusal::CaseUnknown)?;
        match &case.resolution {
            Some(made) if made.note == *note && made.remedy == *remedy => return Ok(vec![]),
            Some(_) => return Err(Refusal::CaseResolved),
            None => {}
        }
        let moved = match remedy {
            Some(remedy) if !case.remedies(*refunds_open).contains(remedy) => {
                let lacks = *remedy == Remedy::Refund && case.remedies(true).contains(remedy);
                return Err(if lacks {
                    Refusal::CertificateMissing
                } else {
                    Refusal::RemedyImpossible(remedy.as_str())
                });
            }
            Some(Remedy::Credit) => Some(credited(head, case)?),
            Some(Remedy::Refund) => Some(self.refunded(case, *by)?),
            Some(Remedy::Accept) | None => None,
        };
        let (case_id, by, note, remedy) = (*case_id, *by, note.clone(), *remedy);
        let resolved = Event::CaseResolved { case_id, by, note, remedy };
        Ok([resolved].into_iter().chain(moved).collect())
    }

    pub(super) fn case_answer(&self, case_id: &CaseId) -> Answer {
        let case = self.books.case(case_id).expect("decide refuses what is not known");
        Answer::Case(Box::new(case.clone()))
    }
}
