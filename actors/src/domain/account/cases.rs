//! Cases that are not about a payment, opened once however often they are found; and what people decide about any.

use super::super::case::{Case, RaisedCase};
use super::super::command::{Answer, RaiseCase, ResolveCase};
use super::super::event::Event;
use super::super::ids::CaseId;
use super::super::refusal::Refusal;
use super::Account;
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

    /// A case is resolved once; the same words again are a repeat.
    pub(super) fn resolve_case(&self, resolve: &ResolveCase) -> Result<Vec<Event>, Refusal> {
        let ResolveCase { case_id, by, note, remedy } = resolve;
        let case = self.books.case(case_id).ok_or(Refusal::CaseUnknown)?;
        match &case.resolution {
            Some(made) if made.note == *note && made.remedy == *remedy => Ok(vec![]),
            Some(_) => Err(Refusal::CaseResolved),
            None => Ok(vec![Event::CaseResolved {
                case_id: *case_id,
                by: *by,
                note: note.clone(),
                remedy: *remedy,
            }]),
        }
    }

    pub(super) fn case_answer(&self, case_id: &CaseId) -> Answer {
        let case = self.books.case(case_id).expect("decide refuses what is not known");
        Answer::Case(Box::new(case.clone()))
    }
}
