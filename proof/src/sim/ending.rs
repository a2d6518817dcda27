//! How a run ends: nothing goes wrong any more, every outcome is learnt, and nothing is left in memory.

use tally_actors::ports::{Page, Store};

use super::fault::Faults;
use super::item::Item;
use super::plan::SECOND;
use super::process::Process;
use super::store::ready;
use super::workload::{Ask, Op, Told};
use super::world::{Known, Phase, World};
use crate::translate;

/// More steps than any run needs: one that takes more is stuck.
const STEPS_MAX: u64 = 200_000;

impl World {
    /// Runs until nothing is left to do, and writes down what is stored then.
    pub(super) fn run(&mut self) {
        while self.step() {
            if self.stage.step > STEPS_MAX {
                let what = format!("{:?} does not end within {STEPS_MAX} steps", self.phase);
                self.stage.violated("stuck", what);
                break;
            }
        }
        self.look_around();
        for merchant in &self.plan.merchants {
            let stored = translate::stored(&self.stage.store.inner, merchant.id);
            let stored = ready(Box::pin(stored));
            self.stage.history.stored.insert(merchant.id.to_string(), stored);
        }
    }

    /// Goes on to the next phase when this one is over.
    pub(super) fn after_step(&mut self, item: Item) {
        if std::mem::take(&mut self.stage.payouts) {
            for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
                let soon = self.stage.random.below(SECOND);
                process.payer_in(soon, &mut self.stage);
            }
        }
        if std::mem::take(&mut self.stage.refunds) {
            for process in self.nodes.iter_mut().filter_map(|node| node.process.as_mut()) {
                let soon = self.stage.random.below(SECOND);
                process.refunder_in(soon, &mut self.stage);
            }
        }
        if !matches!(item, Item::Next(_) | Item::Reply(_) | Item::Silence(_) | Item::Land(_)) {
            return;
        }
        let busy = self.clients.iter().any(|client| client.at.is_some());
        match self.phase {
            Phase::Working if !busy => self.mend(),
            Phase::Mending if !busy => self.phase = Phase::Paying,
            Phase::Reading if !busy => self.phase = Phase::Leaving,
            Phase::Working | Phase::Mending | Phase::Paying | Phase::Reading | Phase::Leaving => {}
        }
        if self.phase == Phase::Paying && self.stage.open.is_empty() && !self.anything_under_way() {
            self.read_once_more();
        }
    }

    /// From here on nothing goes wrong. What nobody knows of is asked again, until it is known; a notice that was not taken
    /// comes again, as the channel repeats it.
    fn mend(&mut self) {
        self.phase = Phase::Mending;
        self.mended_at = self.stage.now;
        self.stage.note("", || "from here on nothing goes wrong".into());
        self.stage.faults = Faults::default();
        self.stage.decide_all();
        // Clocks that were ahead have left their time in journals, which never goes back.
        let ahead = self.ahead;
        for node in 0..self.nodes.len() {
            self.restart(node);
            self.set_clock(node, ahead);
        }
        let repeated = |op: &Op| {
            let told = matches!(op.ask, Ask::Pay { told: Told::Notice | Told::Query, .. });
            told || matches!(op.ask, Ask::RefundByHand { .. })
        };
        let open: Vec<usize> = (0..self.ops.len())
            .filter(|place| match self.known[*place] {
                Known::Not => true,
                Known::NotDone => repeated(&self.ops[*place]),
                Known::Unasked | Known::Finally => false,
            })
            .collect();
        self.entrust(open);
    }

    /// Has the last client, which has had nothing to do so far, ask these operations, as often as it takes.
    fn entrust(&mut self, places: Vec<usize>) {
        let mender = self.clients.len() - 1;
        for place in &places {
            self.ops[*place].patience = 20;
            self.ops[*place].day = 0;
        }
        self.clients[mender].ops.extend(places);
        self.goes_on(mender);
        if self.clients[mender].at.is_none() {
            // Nothing to do: the next step sees that.
            self.stage.at(0, Item::Next(mender));
        }
    }

    fn anything_under_way(&self) -> bool {
        const LISTED: &str = "the store in memory can be listed";
        let (page, store) = (Page { limit: 1, cursor: None }, &self.stage.store.inner);
        let withdrawals = ready(store.withdrawals_under_way(page.clone())).expect(LISTED);
        let refunds = ready(store.refunds_under_way(page)).expect(LISTED);
        !withdrawals.items.is_empty() || !refunds.items.is_empty()
    }

    fn read_once_more(&mut self) {
        self.phase = Phase::Reading;
        let took = self.stage.now - self.mended_at;
        if self.plan.certain_within.is_some_and(|most| took > most) {
            let what =
                format!("transfers were uncertain for {} s after the last fault", took / SECOND);
            self.stage.violated("certain", what);
        }
        let client = self.clients.len() - 1;
        let first = self.ops.len();
        for merchant in 0..self.plan.merchants.len() {
            let (day, think, patience, ask) = (0, 0, 20, Ask::Read);
            self.ops.push(Op { merchant, client, day, think, patience, ask });
            self.known.push(Known::Unasked);
        }
        self.entrust((first..self.ops.len()).collect());
    }

    /// At the end everything must be known, and nothing be left in memory.
    fn look_around(&mut self) {
        if self.phase != Phase::Leaving {
            let what = format!("nothing is left to do while {:?}", self.phase);
            return self.stage.violated("stuck", what);
        }
        for place in 0..self.ops.len() {
            if self.known[place] == Known::Not {
                let what = format!("nobody could find out what became of: {}", self.ops[place]);
                self.stage.violated("stuck", what);
            }
        }
        for node in 0..self.nodes.len() {
            if let Some(left) = self.nodes[node].process.as_ref().and_then(Process::leftover) {
                self.stage.violated("memory", format!("node {node} keeps {left}"));
            }
        }
    }
}
