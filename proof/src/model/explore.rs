//! Every state that can be reached, breadth first, so that the first counterexample is a shortest one.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::action::Action;
use super::fair::Fair;
use super::key::Key;
use super::state::State;
use super::{claims, world::World};
use crate::auditor::Violation;

/// What was found in one world.
#[derive(Debug)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps from one to another, or to itself.
    pub transitions: u64,
    /// The longest of the shortest ways to a state, in choices.
    pub depth: u32,
    /// Whether nothing is left to explore, at any depth.
    pub complete: bool,
    /// In how many states the withdrawal is in which status.
    pub statuses: BTreeMap<&'static str, usize>,
    /// The most rounds of ten minutes without faults that any state is from its end.
    pub rounds: u8,
    /// The shortest way to a broken claim.
    pub counterexample: Option<Counterexample>,
}

/// A broken claim, and how to come there.
#[derive(Debug)]
pub struct Counterexample {
    /// What is broken.
    pub violation: Violation,
    /// What happens, step by step, and how things then stand.
    pub steps: Vec<String>,
}

/// A state that was reached: from which, and how.
struct Reached {
    from: u32,
    by: Action,
}

struct Explorer<'w> {
    world: &'w World,
    seen: HashSet<Key>,
    reached: Vec<Reached>,
    fair: Fair,
    transitions: u64,
    statuses: BTreeMap<&'static str, usize>,
}

/// Explores a world up to so many choices in a row.
pub fn explore(world: &World, depth: u32) -> Explored {
    let mut explorer = Explorer {
        world,
        seen: HashSet::new(),
        reached: vec![],
        fair: Fair::default(),
        transitions: 0,
        statuses: BTreeMap::new(),
    };
    let beginning = State::beginning(world);
    explorer.seen.insert(beginning.key(world));
    // The beginning has no number of its own.
    let mut layer = vec![(u32::MAX, beginning)];
    let mut deep = 0;
    let mut counterexample = None;
    while deep < depth && !layer.is_empty() && counterexample.is_none() {
        let mut next = vec![];
        for (number, state) in layer {
            if let Err(found) = explorer.expand(number, &state, &mut next) {
                counterexample = Some(*found);
                break;
            }
        }
        deep += u32::from(!next.is_empty() || counterexample.is_some());
        layer = next;
    }
    Explored {
        states: explorer.seen.len(),
        transitions: explorer.transitions,
        depth: deep,
        complete: layer.is_empty() && counterexample.is_none(),
        statuses: explorer.statuses,
        rounds: explorer.fair.longest,
        counterexample,
    }
}

impl Explorer<'_> {
    /// Takes every action that a state allows.
    fn expand(
        &mut self,
        number: u32,
        state: &State,
        next: &mut Vec<(u32, State)>,
    ) -> Result<(), Box<Counterexample>> {
        for action in state.actions(self.world) {
            self.transitions += 1;
            self.take(number, state, action, next)
                .map_err(|violation| Box::new(self.tell(number, action, violation)))?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        number: u32,
        state: &State,
        action: Action,
        next: &mut Vec<(u32, State)>,
    ) -> Result<(), Violation> {
        let Some(after) = state.after(self.world, action)? else { return Ok(()) };
        let key = after.key(self.world);
        if !self.seen.insert(key) {
            return Ok(());
        }
        claims::judge(self.world, state, &after)?;
        self.fair.judge(self.world, &after, key)?;
        if let Some(withdrawal) = after.withdrawal() {
            *self.statuses.entry(withdrawal.status.as_str()).or_default() += 1;
        }
        let reached = u32::try_from(self.reached.len()).expect("fewer than fit into memory");
        self.reached.push(Reached { from: number, by: action });
        next.push((reached, after));
        Ok(())
    }

    /// The way to a state and one step further, played again from the beginning.
    fn tell(&self, number: u32, last: Action, violation: Violation) -> Counterexample {
        let mut actions = vec![last];
        let mut number = number;
        while let Some(Reached { from, by }) =
            usize::try_from(number).ok().and_then(|number| self.reached.get(number))
        {
            actions.push(*by);
            number = *from;
        }
        let mut state = State::beginning(self.world);
        let mut steps = vec![];
        for action in actions.into_iter().rev() {
            if let Ok(Some(after)) = state.after(self.world, action) {
                state = after;
            }
            steps.push(format!("{action}  [{state}]"));
        }
        Counterexample { violation, steps }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>4}. {step}", number + 1)?;
        }
        writeln!(f, "{}", self.violation)
    }
}
