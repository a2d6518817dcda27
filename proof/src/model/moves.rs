//! How an action changes what there is. The account and the payer's plan are the real ones.

use std::rc::Rc;

use tally_actors::domain::command::Command;
use tally_actors::gateway::Sent;
use tally_actors::payer::plan::{Clocks, Next, Plan, Terms};

use super::action::{Action, Does, Person, Step, Told};
use super::state::{
    Answered, Awaits, Call, Hand, Inapplicable, State, Wish, confirm, request, review,
};
use super::wechat::{REFERENCE, refused, standing};
use super::world::{LONG_MS, MONTH_MS, SHORT_MS, Word, World};

impl State {
    /// What there is after an action; `None`: nothing changed.
    pub(super) fn after(
        &self,
        world: &World,
        action: Action,
    ) -> Result<Option<Self>, Inapplicable> {
        let mut state = self.clone();
        match action {
            Action::Person(person) => {
                let command = match person {
                    Person::Requests => request(),
                    Person::Approves => Command::Approve(review()),
                    Person::Rejects => Command::Reject(review()),
                    Person::Confirms { paid } => confirm(paid),
                };
                let at = self.clock(world, self.payers.len() - 1);
                let changed = state.ask(&command, at)?.is_ok_and(|events| events > 0);
                return Ok(changed.then_some(state));
            }
            Action::Pass(step) => {
                let (ms, shorts) = match step {
                    Step::Short => (SHORT_MS, self.shorts + 1),
                    Step::Long => (LONG_MS, 0),
                    Step::Month => (MONTH_MS, 0),
                };
                (state.now, state.shorts) = (self.now.plus_ms(ms), shorts);
                state.wechat.grow_old(state.now, step);
            }
            Action::TakeLimbo => {
                if let Some(call) = state.limbo.take() {
                    // A refusal is as good as nothing: nobody hears it.
                    drop(state.ask(&call.command(), call.at)?);
                }
            }
            Action::Payer(payer, does) => state.payer(world, payer, does)?,
            Action::Arrives(flight, arrival) => {
                let flight = state.wechat.flights.remove(flight);
                let sent = state.wechat.arrives(arrival);
                if let (Some(payer), Some(sent)) = (flight.payer, sent) {
                    state.awaits(payer, Awaits::Transfer(Some(sent)));
                }
            }
            Action::Decides { paid } => state.wechat.decides(paid),
        }
        Ok(Some(state))
    }

    fn payer(&mut self, world: &World, payer: usize, does: Does) -> Result<(), Inapplicable> {
        let Some(hand) = self.payers[payer].hand.clone() else {
            if does == Does::Crashes {
                self.payers[payer].remembered = Default::default();
            } else if let Some(read) = self.withdrawal().cloned() {
                let (remembered, now) = (self.payers[payer].remembered, self.clocks(world, payer));
                let (plan, next) = Plan::take(read, remembered, Terms::open(), now);
                self.follow(world, payer, plan, next);
            }
            return Ok(());
        };
        let (mut plan, now) = (hand.plan.clone(), self.clocks(world, payer));
        let next = match (does, &hand.awaits) {
            (Does::Durable, Awaits::Engine(call, _)) => {
                let taken = self.ask(&call.command(), call.at)?;
                let answer = self.withdrawal().filter(|_| taken.is_ok()).cloned().map(Box::new);
                self.awaits(payer, Awaits::Engine(call.clone(), Some(answer)));
                return Ok(());
            }
            (Does::IsAnswered(answer), Awaits::Standing(asked_at, _)) => {
                let standing = standing(answer, plan.withdrawal().amount);
                self.awaits(payer, Awaits::Standing(*asked_at, Some(standing)));
                return Ok(());
            }
            (Does::Crashes, _) => {
                self.wechat.forget(payer);
                self.payers[payer] = Default::default();
                return Ok(());
            }
            (Does::Panics, _) => {
                self.wechat.forget(payer);
                self.payers[payer].hand = None;
                return Ok(());
            }
            (Does::NotDone, Awaits::Engine(call, _)) => answered(&mut plan, call, None, now),
            (Does::GivesUp, Awaits::Engine(call, _)) => {
                self.limbo = Some(Rc::new(call.clone()));
                answered(&mut plan, call, None, now)
            }
            (Does::Hears, Awaits::Engine(call, Some(answer))) => {
                answered(&mut plan, call, answer.clone(), now)
            }
            (Does::Hears, Awaits::Transfer(Some(sent))) => plan.sent(sent.clone()),
            (Does::Hears, Awaits::Standing(asked_at, Some(standing))) => {
                plan.stands(*asked_at, standing.clone(), now)
            }
            (Does::TimesOut, Awaits::Transfer(_)) => {
                self.wechat.forget(payer);
                plan.sent(Sent::Unknown("SYSTEMERROR".into()))
            }
            (Does::IsTold(Told::Paid), Awaits::Transfer(_)) => {
                plan.sent(Sent::Paid(REFERENCE.into()))
            }
            (Does::IsTold(Told::Refused), Awaits::Transfer(_)) => plan.sent(refused()),
            (does, awaits) => unreachable!("{does:?} while it awaits {awaits:?}"),
        };
        self.follow(world, payer, plan, next);
        Ok(())
    }

    fn awaits(&mut self, payer: usize, awaits: Awaits) {
        let hand = self.payers[payer].hand.as_mut().expect("whoever waits has it in hand");
        Rc::make_mut(hand).awaits = awaits;
    }

    /// A payer does what its plan says next, as its shell would: it remembers first.
    fn follow(&mut self, world: &World, payer: usize, plan: Plan, next: Next) {
        let now = self.clocks(world, payer);
        let at = now.wall;
        let to_engine = |wish| Awaits::Engine(Call { wish, at }, None);
        let awaits = match next {
            Next::Begin => to_engine(Wish::Begin(plan.withdrawal().tried_at)),
            Next::Send => {
                if world.word != Word::None {
                    self.wechat.hand_over(payer, self.now);
                }
                Awaits::Transfer(None)
            }
            Next::Ask => Awaits::Standing(plan.asks(now), None),
            Next::Record(outcome) => to_engine(Wish::Record(outcome)),
            Next::Rest => {
                self.payers[payer].remembered = plan.remembered();
                self.payers[payer].hand = None;
                return;
            }
        };
        self.payers[payer].remembered = plan.remembered();
        self.payers[payer].hand = Some(Rc::new(Hand { plan, awaits }));
    }
}

/// What a payer does that hears what became of its call to the engine.
fn answered(plan: &mut Plan, call: &Call, answer: Answered, now: Clocks) -> Next {
    let withdrawal = answer.map(|withdrawal| *withdrawal);
    match call.wish {
        Wish::Begin(_) => plan.begun(withdrawal, now),
        Wish::Record(_) => plan.recorded(withdrawal, now),
    }
}
