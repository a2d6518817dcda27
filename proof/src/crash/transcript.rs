//! What was asked and heard, in the words of a history.

use crate::history::{Answer, Call, Request, Step};

/// Every call, with when it was asked and answered, counted by one counter.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    calls: Vec<Call>,
    steps: Step,
}

impl Transcript {
    /// Notes that a call is about to be sent; its place.
    pub fn asked(&mut self, merchant: &str, request: Request) -> usize {
        self.steps += 1;
        let (merchant, asked) = (merchant.to_owned(), self.steps);
        self.calls.push(Call { merchant, asked, request, answer: None });
        self.calls.len() - 1
    }

    /// Notes the answer to the call at `place`; a call that gets none is left as it is.
    pub fn heard(&mut self, place: usize, answer: Answer) {
        self.steps += 1;
        self.calls[place].answer = Some((self.steps, answer));
    }

    /// The calls, in the order in which they were asked.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The calls whose answer said that it is done.
    pub fn done(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| matches!(call.answer, Some((_, Answer::Done { .. }))))
    }
}
