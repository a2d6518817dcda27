//! When two states are the same: everything in them that a later step can depend on, and nothing else.

use tally_actors::domain::command::{Question, TransferOutcome};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalStatus;
use tally_actors::gateway::{Sent, TransferStanding};
use tally_actors::limits::{MISSING_IS_CERTAIN_UNTIL_MS, RESENDS_MAX};
use tally_actors::payer::plan::{Remembered, TOO_OLD_TO_ASK};

use super::state::{Answered, Awaits, Call, Hand, Payer, State, Wish, steady};
use super::world::{COMPARED_MS, MONTH_MS, World};

/// A state, as 128 bits of the BLAKE3 hash over all of it that matters.
pub(super) type Key = [u8; 16];

impl State {
    /// What this state is known by.
    pub(super) fn key(&self, world: &World) -> Key {
        let mut sketch = Sketch { months: world.months, ..Sketch::default() };
        self.sketch(&mut sketch);
        // Times are compared with what this clock says, too.
        sketch.time(Some(self.now.plus_ms(world.ahead_ms)));
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
            to.is_final = withdrawal.status.is_final();
        }
        for payer in &self.payers {
            to.payer(payer);
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
        to.bytes.extend([
            wechat.processing,
            wechat.paid,
            u8::from(wechat.dead),
            u8::from(wechat.forgot),
        ]);
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
    /// Nothing can be recorded any more.
    is_final: bool,
    /// It matters how old a try is, also one that another followed.
    months: bool,
    /// When tries were asked for that are not recorded yet.
    tries: Vec<At>,
    /// When all else was asked for that is not recorded yet.
    stamps: Vec<At>,
}

impl Sketch {
    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn flag(&mut self, flag: bool) {
        self.byte(u8::from(flag));
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

    /// What a payer remembers of a try that is not the newest, it forgets when it reads the withdrawal again.
    fn payer(&mut self, payer: &Payer) {
        let Remembered { tried_at, since, moved_nothing, resends, .. } = payer.remembered;
        let knows = tried_at == self.newest_try && tried_at.is_some() && !self.is_final;
        self.flag(knows && moved_nothing);
        self.time(knows.then(|| steady(since)));
        self.byte(if self.is_final { 0 } else { u8::try_from(resends).unwrap_or(u8::MAX) });
        match &payer.hand {
            None => self.byte(0),
            Some(hand) => self.hand(hand, payer.remembered),
        }
    }

    fn hand(&mut self, hand: &Hand, remembered: Remembered) {
        match &hand.awaits {
            Awaits::Engine(call, None) => self.call(call),
            Awaits::Engine(call, Some(answer)) => self.answered(call, answer, remembered),
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
                // Of the plan's withdrawal only this is looked at again, and only here.
                let withdrawal = hand.plan.withdrawal();
                self.flag(withdrawal.status == WithdrawalStatus::Sending);
                self.flag(withdrawal.reason.as_deref() == Some(TOO_OLD_TO_ASK));
                let tried_at = withdrawal.tried_at.unwrap_or_default();
                let question = Question { tried_at, earliest: *asked_at, latest: tried_at };
                self.question(&question);
                if self.months {
                    self.time(Some(tried_at));
                    self.time(Some(steady(remembered.since)));
                }
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

    /// What a question's times are compared with never changes. About another try than the newest it proves nothing.
    fn question(&mut self, question: &Question) {
        let newest = Some(question.tried_at) == self.newest_try && !self.is_final;
        self.flag(newest);
        self.flag(newest && question.is_early(None));
        self.flag(!self.is_final && question.is_late(MISSING_IS_CERTAIN_UNTIL_MS));
    }

    fn call(&mut self, call: &Call) {
        self.byte(4);
        match &call.wish {
            // It will be refused whenever it is taken: a try's time never comes again.
            Wish::Begin(last_try) if *last_try != self.newest_try || self.is_final => {
                return self.byte(0);
            }
            Wish::Begin(_) => {
                self.byte(1);
                self.time(Some(call.at));
                return self.tries.push(call.at);
            }
            Wish::Record(TransferOutcome::Succeeded(_)) => self.byte(2),
            Wish::Record(TransferOutcome::Failed(_)) => self.byte(3),
            Wish::Record(TransferOutcome::NotFound(question)) => {
                self.byte(4);
                self.question(question);
            }
            Wish::Record(TransferOutcome::Unknown(why)) => {
                self.byte(5);
                self.text(if self.is_final { "" } else { why });
            }
        }
        if !self.is_final {
            self.stamps.push(call.at);
        }
    }

    /// An answer on its way. It leads further when a try was recorded, or that the channel has no such transfer.
    fn answered(&mut self, call: &Call, answer: &Answered, remembered: Remembered) {
        match (&call.wish, answer) {
            (Wish::Begin(_), Some(started)) => {
                self.byte(6);
                self.time(Some(call.at));
                self.time(started.tried_at);
            }
            (Wish::Record(TransferOutcome::NotFound(_)), Some(after)) => {
                self.byte(7);
                let Remembered { tried_at, since, moved_nothing, resends, .. } = remembered;
                let again = moved_nothing && resends < RESENDS_MAX && !after.status.is_final();
                let again = again && after.tried_at == tried_at;
                self.flag(after.tried_at == self.newest_try);
                self.time(after.tried_at.filter(|_| again));
                self.time(again.then(|| steady(since)));
            }
            (Wish::Begin(_) | Wish::Record(_), _) => self.byte(8),
        }
    }

    /// The hash over the bytes and the times. All times are compared with each other, and by no more than ten minutes: so gaps
    /// in their order that are longer are the same, but for those of a month. The clock goes by whole seconds, and nothing it can
    /// show is a millisecond from where a comparison turns: so those that tell one try from another are left out.
    fn key(mut self, now: At) -> Key {
        let second = |at: At| at.ms() / 1_000;
        let mut line: Vec<i64> = self.times.iter().flatten().map(|at| second(*at)).collect();
        line.push(second(now));
        line.sort_unstable();
        line.dedup();
        let mut place = 0;
        let mut places = vec![0];
        let (compared, month) = (COMPARED_MS / 1_000, MONTH_MS / 1_000);
        for pair in line.windows(2) {
            let gap = pair[1] - pair[0];
            place += if gap < month { gap.min(compared) } else { month };
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
    use crate::model::world::WORLDS;

    /// What can happen in a state, and where it leads.
    fn future(world: &World, state: &State) -> Vec<(Action, Option<Key>)> {
        let leads = |action| Some(state.after(world, action).ok()??.key(world));
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
                    let Some(first) = seen.get(&state.key(world)) else {
                        let actions = state.actions(world).into_iter();
                        next.extend(
                            actions.filter_map(|action| state.after(world, action).unwrap()),
                        );
                        seen.insert(state.key(world), state);
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
