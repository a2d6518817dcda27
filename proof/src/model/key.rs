//! When two states are the same: everything in them that a later step can depend on, and nothing else.

use tally_actors::domain::command::TransferOutcome;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalStatus;
use tally_actors::gateway::{Sent, TransferStanding};

use super::state::{Answered, Awaits, Call, Hand, State, Wish};
use super::world::LONG_MS;

/// A state, as 128 bits of the BLAKE3 hash over all of it that matters.
pub(super) type Key = [u8; 16];

impl State {
    /// What this state is known by.
    pub(super) fn key(&self) -> Key {
        let mut sketch = Sketch::default();
        self.sketch(&mut sketch);
        sketch.key(self.now)
    }

    fn sketch(&self, to: &mut Sketch) {
        to.byte(self.shorts);
        let head = self.account.head().expect("registered in the beginning");
        for fen in
            [head.in_transit.fen(), head.withdrawn.fen(), head.available.fen().cast_unsigned()]
        {
            to.bytes.extend(fen.to_le_bytes());
        }
        if let Some(withdrawal) = self.withdrawal() {
            to.status(withdrawal.status);
            to.byte(u8::from(withdrawal.approved_by.is_some()));
            if withdrawal.status == WithdrawalStatus::Unknown {
                to.text(withdrawal.reason.as_deref().unwrap_or_default());
            }
            to.time(withdrawal.tried_at.filter(|_| !withdrawal.status.is_final()));
            to.newest_try = withdrawal.tried_at;
        }
        for payer in &self.payers {
            to.byte(u8::from(payer.remembered.moved_nothing));
            to.byte(u8::try_from(payer.remembered.resends).unwrap_or(u8::MAX));
            match &payer.hand {
                None => to.byte(0),
                Some(hand) => to.hand(hand),
            }
        }
        match &self.limbo {
            None => to.byte(0),
            Some(call) => to.call(call),
        }
        // A try is stamped with the newest time of all that was recorded, if its own is older: what is older than every try to
        // come does not matter.
        let earliest = to.tries.iter().copied().chain([self.now]).min();
        for at in std::mem::take(&mut to.stamps).into_iter().chain([head.at]) {
            to.time(Some(at).filter(|at| Some(*at) > earliest));
        }
        let wechat = &self.wechat;
        to.bytes.extend([wechat.processing, wechat.paid, u8::from(wechat.dead)]);
        to.time(wechat.newest);
        for flight in &wechat.flights {
            to.byte(flight.payer.map_or(1, |payer| 2 + u8::try_from(payer).expect("few payers")));
            to.time(Some(flight.handed));
        }
    }
}

/// The bytes of a state, and its times beside them: they matter only by their distances.
#[derive(Default)]
struct Sketch {
    bytes: Vec<u8>,
    times: Vec<Option<At>>,
    /// The time of the newest try, by which it is named.
    newest_try: Option<At>,
    /// When tries were asked for that are not recorded yet.
    tries: Vec<At>,
    /// When all else was asked for that is not recorded yet.
    stamps: Vec<At>,
}

impl Sketch {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
        self.byte(0);
    }

    fn time(&mut self, at: Option<At>) {
        self.times.push(at);
    }

    fn status(&mut self, status: WithdrawalStatus) {
        self.text(status.as_str());
    }

    fn hand(&mut self, hand: &Hand) {
        // Of the plan's withdrawal only the status is looked at again, and not after `sending` began.
        self.status(hand.plan.withdrawal().status);
        match &hand.awaits {
            Awaits::Engine(call, None) => self.call(call),
            Awaits::Engine(call, Some(answer)) => self.answered(call, answer),
            Awaits::Transfer(sent) => {
                self.byte(2);
                self.byte(match sent {
                    None => 0,
                    Some(Sent::Paid(_)) => 1,
                    Some(Sent::Refused(_)) => 2,
                    Some(Sent::Unknown(_)) => 3,
                });
            }
            Awaits::Standing(asked_at, standing) => {
                self.byte(3);
                self.time(Some(*asked_at));
                self.byte(match standing {
                    None => 0,
                    Some(TransferStanding::Paid { .. }) => 1,
                    Some(TransferStanding::Failed(_)) => 2,
                    Some(TransferStanding::Processing) => 3,
                    Some(TransferStanding::Missing) => 4,
                    Some(TransferStanding::Unknown(_)) => 5,
                });
            }
        }
    }

    fn call(&mut self, call: &Call) {
        self.byte(4);
        match &call.wish {
            // Another try began since, and a try's time never comes again: it will be refused whenever it is taken.
            Wish::Begin(last_try) if *last_try != self.newest_try => return self.byte(0),
            Wish::Begin(_) => {
                self.byte(1);
                self.time(Some(call.at));
                return self.tries.push(call.at);
            }
            Wish::Record(TransferOutcome::Succeeded(_)) => self.byte(2),
            Wish::Record(TransferOutcome::Failed(_)) => self.byte(3),
            Wish::Record(TransferOutcome::NotFound(asked_at)) => {
                self.byte(4);
                self.time(Some(*asked_at));
            }
            Wish::Record(TransferOutcome::Unknown(why)) => {
                self.byte(5);
                self.text(why);
            }
        }
        self.stamps.push(call.at);
    }

    /// An answer on its way. It leads further when a try was recorded, or that the channel has no such transfer.
    fn answered(&mut self, call: &Call, answer: &Answered) {
        match (&call.wish, answer) {
            (Wish::Begin(_), Some(started)) => {
                self.byte(6);
                self.time(Some(call.at));
                self.time(started.tried_at);
            }
            (Wish::Record(TransferOutcome::NotFound(_)), Some(after)) => {
                self.byte(7);
                self.status(after.status);
                self.byte(u8::from(after.tried_at == self.newest_try));
            }
            (Wish::Begin(_) | Wish::Record(_), _) => self.byte(8),
        }
    }

    /// The hash over the bytes and the times. All times are compared with each other, and by no more than ten minutes: so gaps
    /// in their order that are longer are the same. The clock goes by whole seconds, and nothing it can show is a millisecond
    /// from where a comparison turns: so those that tell one try from another are left out.
    fn key(mut self, now: At) -> Key {
        let second = |at: At| at.ms() / 1_000;
        let mut line: Vec<i64> = self.times.iter().flatten().map(|at| second(*at)).collect();
        line.push(second(now));
        line.sort_unstable();
        line.dedup();
        let mut place = 0;
        let mut places = vec![0];
        for pair in line.windows(2) {
            place += (pair[1] - pair[0]).min(LONG_MS / 1_000);
            places.push(place);
        }
        let place = |at: At| places[line.binary_search(&second(at)).expect("it is in line")];
        let here = place(now);
        for time in &self.times {
            let ago = time.map_or(i64::MIN, |at| here - place(at));
            self.bytes.extend(ago.to_le_bytes());
        }
        let hash = blake3::hash(&self.bytes);
        *hash.as_bytes().first_chunk().expect("a hash is longer")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::action::Action;
    use crate::model::world::{WORLDS, World};

    /// What can happen in a state, and where it leads.
    fn future(world: &World, state: &State) -> Vec<(Action, Option<Key>)> {
        let leads = |action| Some(state.after(world, action).ok()??.key());
        state.actions(world).into_iter().map(|action| (action, leads(action))).collect()
    }

    /// Else a state would be left out because another, that goes on differently, was seen before it.
    #[test]
    fn states_that_are_known_by_the_same_key_go_on_in_the_same_way() {
        let mut compared = 0;
        for world in WORLDS {
            let mut seen: HashMap<Key, State> = HashMap::new();
            let mut layer = vec![State::beginning(world)];
            for _ in 0..if world.payers == 1 { 12 } else { 8 } {
                let mut next = vec![];
                for state in layer {
                    let Some(first) = seen.get(&state.key()) else {
                        let actions = state.actions(world).into_iter();
                        next.extend(
                            actions.filter_map(|action| state.after(world, action).unwrap()),
                        );
                        seen.insert(state.key(), state);
                        continue;
                    };
                    if format!("{first:?}") != format!("{state:?}") {
                        assert_eq!(future(world, first), future(world, &state), "{}", world.name);
                        compared += 1;
                    }
                }
                layer = next;
            }
        }
        assert!(compared > 1_000, "only {compared} were compared");
    }
}
