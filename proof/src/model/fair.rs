//! Never stuck for good: from every state, once nothing fails any more, a certain end is near.

use std::collections::HashMap;

use super::action::{Action, Answer, Arrival, Does, Person, Step, Told};
use super::key::Key;
use super::state::{Awaits, Inapplicable, State};
use super::world::{Word, World};
use crate::auditor::Violation;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::payer::plan::TOO_OLD_TO_ASK;

/// In how many rounds the end must be reached, of which each but two may end with another try. In a round almost ten minutes pass and every payer takes the withdrawal in hand once.
const ROUNDS_MAX: u8 = 8;

/// A future without faults: persons decide, calls are taken, answers arrive, and WeChat tells the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Future {
    /// WeChat pays what arrives.
    Pays,
    /// WeChat refuses what arrives, and fails what it took.
    Refuses,
    /// Nothing arrives any more.
    Loses,
}

const FUTURES: [Future; 3] = [Future::Pays, Future::Refuses, Future::Loses];

/// From which states the end was reached, and in how many rounds.
#[derive(Default)]
pub(super) struct Fair {
    known: [HashMap<Key, u8>; 3],
    /// The most rounds it took.
    pub(super) longest: u8,
}

impl Fair {
    /// Whether all futures of a state end.
    pub(super) fn judge(
        &mut self,
        world: &World,
        state: &State,
        key: Key,
    ) -> Result<(), Violation> {
        for (future, known) in FUTURES.into_iter().zip(&mut self.known) {
            let rounds = rounds(world, future, known, state, key)?;
            self.longest = self.longest.max(rounds);
        }
        Ok(())
    }
}

/// How many rounds a state is from its end.
fn rounds(
    world: &World,
    future: Future,
    known: &mut HashMap<Key, u8>,
    state: &State,
    key: Key,
) -> Result<u8, Violation> {
    // Each state on the way, with whether a round ends there.
    let mut way: Vec<(Key, bool)> = vec![];
    let mut new_rounds = 0;
    let (mut here, mut key) = (state.clone(), key);
    let left = loop {
        if let Some(rounds) = known.get(&key) {
            break *rounds;
        }
        if let Some(action) = here.due(world, future) {
            way.push((key, false));
            here = here.after(world, action)?.expect("what is due changes something");
        } else if here.withdrawal().is_some_and(is_at_its_end) {
            known.insert(key, 0);
            break 0;
        } else {
            way.push((key, true));
            new_rounds += 1;
            if new_rounds > ROUNDS_MAX {
                return Err(stuck(future, &here));
            }
            here = here.round(world)?;
        }
        key = here.key(world);
    };
    let mut rounds = left;
    for (key, ends_round) in way.into_iter().rev() {
        rounds += u8::from(ends_round);
        known.insert(key, rounds);
    }
    if rounds > ROUNDS_MAX { Err(stuck(future, &here)) } else { Ok(rounds) }
}

/// Whether a withdrawal is decided, or left to a person who can ask WeChat what Tally can't.
fn is_at_its_end(withdrawal: &Withdrawal) -> bool {
    withdrawal.status.is_final() || withdrawal.reason.as_deref() == Some(TOO_OLD_TO_ASK)
}

fn stuck(future: Future, state: &State) -> Violation {
    let status = state.withdrawal().map_or("not asked for", |made| made.status.as_str());
    let what = format!(
        "nothing fails any more and WeChat {}, and after {ROUNDS_MAX} times almost ten minutes it is still `{status}`",
        match future {
            Future::Pays => "pays what arrives",
            Future::Refuses => "refuses what arrives",
            Future::Loses => "hears of no transfer",
        }
    );
    Violation { claim: "never stuck for good", what }
}

impl State {
    /// What happens next without waiting for a clock; `None`: all is quiet.
    fn due(&self, world: &World, future: Future) -> Option<Action> {
        let Some(withdrawal) = self.withdrawal() else {
            return Some(Action::Person(Person::Requests));
        };
        if withdrawal.status == WithdrawalStatus::AwaitingApproval {
            return Some(Action::Person(Person::Approves));
        }
        if withdrawal.method == PayoutMethod::Manual && !withdrawal.status.is_final() {
            return Some(Action::Person(Person::Confirms { paid: future == Future::Pays }));
        }
        if self.limbo.is_some() {
            return Some(Action::TakeLimbo);
        }
        if self.wechat.processing > 0 {
            return Some(Action::Decides { paid: future != Future::Refuses });
        }
        let arrivals = self.wechat.arrivals(world.word);
        if !self.wechat.flights.is_empty() && future != Future::Loses {
            let refused = arrivals.contains(&Arrival::IsRefused) && future == Future::Refuses;
            let arrival = if refused { Arrival::IsRefused } else { arrivals[0] };
            return Some(Action::Arrives(0, arrival));
        }
        let mut payers = 0..self.payers.len();
        payers
            .find_map(|payer| Some(Action::Payer(payer, self.payer_is_due(world, future, payer)?)))
    }

    fn payer_is_due(&self, world: &World, future: Future, payer: usize) -> Option<Does> {
        let without_word = world.word == Word::None;
        Some(match &self.payers[payer].hand.as_ref()?.awaits {
            Awaits::Engine(_, None) => Does::Durable,
            Awaits::Engine(_, Some(_))
            | Awaits::Transfer(Some(_))
            | Awaits::Standing(_, Some(_)) => Does::Hears,
            Awaits::Transfer(None) if without_word && future == Future::Pays => {
                Does::IsTold(Told::Paid)
            }
            Awaits::Transfer(None) if without_word && future == Future::Refuses => {
                Does::IsTold(Told::Refused)
            }
            Awaits::Transfer(None) => Does::TimesOut,
            Awaits::Standing(_, None) if without_word => Does::IsAnswered(match future {
                Future::Pays => Answer::Paid,
                Future::Refuses => Answer::Failed,
                Future::Loses => Answer::Missing,
            }),
            Awaits::Standing(_, None) => Does::IsAnswered(self.truth()),
        })
    }

    /// Almost ten minutes pass, and every payer takes the withdrawal in hand.
    fn round(&self, world: &World) -> Result<Self, Inapplicable> {
        let takes = |payer| Action::Payer(payer, Does::TakesInHand);
        let actions =
            [Action::Pass(Step::Long)].into_iter().chain((0..self.payers.len()).map(takes));
        let mut state = self.clone();
        for action in actions {
            state = state.after(world, action)?.unwrap_or(state);
        }
        Ok(state)
    }
}
