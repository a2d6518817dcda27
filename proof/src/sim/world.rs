//! The world: nodes, clients and everything between them, one step after the other.

use std::collections::BTreeMap;

use tally_actors::domain::command::Command;
use tally_actors::domain::ids::{KeyId, MerchantId};

use super::client::{self, Asking, Client, Notebook};
use super::door::Message;
use super::fault::Fault;
use super::item::{CallId, Item, Leg, Place};
use super::plan::{Plan, SECOND};
use super::process::Process;
use super::stage::{Open, Origin, Stage};
use super::timeline::Timeline;
use super::workload::{Ask, Op};
use crate::history::{Answer, Request};
use crate::random::Random;
use crate::translate;

/// A day, in microseconds.
const DAY: u64 = 86_400 * SECOND;

/// How often processes start in one run, at the most.
const LIVES_MAX: u32 = 40;

/// How clocks may be wrong, in milliseconds.
const CLOCKS: &[i64] = &[
    -172_800_000,
    -86_500_000,
    -3_600_000,
    -30_000,
    -1_000,
    0,
    1_000,
    30_000,
    660_000,
    43_200_000,
    86_400_000,
    259_200_000,
];

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) stage: Stage,
    pub(super) nodes: Vec<Node>,
    pub(super) ops: Vec<Op>,
    /// What is known of each operation.
    pub(super) known: Vec<Known>,
    pub(super) clients: Vec<Client>,
    notebook: Notebook,
    /// For numbers that front doors make.
    numbers: Random,
    /// Requests on their way to a front door.
    requests: BTreeMap<CallId, (MerchantId, Command, Option<KeyId>)>,
    /// Which operation a call is for.
    calls: BTreeMap<CallId, usize>,
    pub(super) phase: Phase,
    /// Since when nothing goes wrong any more, in microseconds.
    pub(super) mended_at: u64,
    /// The furthest that a clock was ever ahead, in milliseconds.
    pub(super) ahead: i64,
}

pub(super) struct Node {
    pub(super) lives: u32,
    pub(super) clock: i64,
    pub(super) process: Option<Process>,
}

/// How far a client knows what became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nobody asked.
    Unasked,
    /// It is done or refused.
    Finally,
    /// It certainly did not happen.
    NotDone,
    /// Nobody knows.
    Not,
}

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Clients ask, and everything may go wrong.
    Working,
    /// Nothing goes wrong any more; what nobody knows of is asked again.
    Mending,
    /// Transfers that are out are awaited.
    Paying,
    /// Each merchant is read once more.
    Reading,
    /// Nobody asks any more; actors leave.
    Leaving,
}

impl World {
    pub(super) fn new(plan: Plan, timeline: Timeline) -> Self {
        let stage = Stage::new(&plan, timeline);
        let ops = plan.ops.clone();
        let mut clients: Vec<Client> = (0..=plan.clients).map(|_| Client::default()).collect();
        for (place, op) in ops.iter().enumerate() {
            clients[op.client].ops.push_back(place);
        }
        let nodes = (0..plan.nodes).map(|_| Node { lives: 0, clock: 0, process: None }).collect();
        let mut world = Self {
            known: vec![Known::Unasked; ops.len()],
            numbers: Random::new(plan.seed ^ 0x6e75_6d62_6572),
            plan,
            stage,
            nodes,
            ops,
            clients,
            notebook: Notebook::default(),
            requests: BTreeMap::new(),
            calls: BTreeMap::new(),
            phase: Phase::Working,
            mended_at: 0,
            ahead: 0,
        };
        for node in 0..world.nodes.len() {
            world.restart(node);
        }
        for client in 0..world.plan.clients {
            world.goes_on(client);
        }
        world
    }

    /// One step. `false`: nothing is left to do.
    pub(super) fn step(&mut self) -> bool {
        if self.phase == Phase::Working {
            self.strike();
        }
        let Some(item) = self.stage.next() else { return false };
        self.take(item);
        self.after_step(item);
        true
    }

    /// A crash or a clock that jumps: between any two steps.
    fn strike(&mut self) {
        // A process that starts has work to do: without an end of crashes there might be none of steps.
        let lives: u32 = self.nodes.iter().map(|node| node.lives).sum();
        if lives < LIVES_MAX && self.stage.strikes(Fault::Crash) {
            let node = self.stage.below(self.nodes.len());
            self.crash(node);
        }
        if self.stage.strikes(Fault::ClockJump) {
            let node = self.stage.below(self.nodes.len());
            let clock = *self.stage.random.of(CLOCKS);
            self.set_clock(node, clock);
        }
    }

    pub(super) fn set_clock(&mut self, node: usize, clock: i64) {
        self.stage
            .note(format!("node {node}"), || format!("clock is {clock} ms from the right one"));
        self.ahead = self.ahead.max(clock);
        self.nodes[node].clock = clock;
        if let Some(process) = &mut self.nodes[node].process {
            process.clock = clock;
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Next(client) => self.asks(client),
            Item::Arrive(place, call) => self.arrives(place, call),
            Item::Reply(call) => self.replies(call),
            Item::Silence(call) => self.falls_silent(call),
            Item::Restart(node) => self.restart(node),
            Item::Land(id) => self.stage.land(id),
            Item::Transfer(place, asked) => self.stage.take_transfer(place, asked),
            Item::Query(place, asked) => self.stage.take_query(place, asked),
            Item::Certain(asked) => self.stage.certain(asked),
            Item::PayBack(place, asked) => self.stage.take_refund(place, asked),
            Item::AskRefund(place, asked) => self.stage.take_refund_query(place, asked),
            Item::RefundEnds(of, refund_no) => self.stage.refund_ends((of, refund_no)),
            Item::Resend(place, ..)
            | Item::Deadline(place, _)
            | Item::Mail(place, _)
            | Item::Tick(place, _)
            | Item::Writer(place)
            | Item::Ack(place, _)
            | Item::Reader(place)
            | Item::Read(place, _)
            | Item::Told(place, _)
            | Item::Payer(place)
            | Item::Channel(place, _)
            | Item::Refunder(place)
            | Item::RefundSaid(place, _) => self.inside(place, item),
        }
    }

    /// A step inside of a process, if that still lives.
    fn inside(&mut self, place: Place, item: Item) {
        let stage = &mut self.stage;
        let Some(process) = live(&mut self.nodes, place) else { return };
        match item {
            Item::Resend(_, call, attempt) => process.resend(call, attempt, stage),
            Item::Deadline(_, call) => process.deadline(call, stage),
            Item::Mail(_, incarnation) => process.mail(incarnation, stage),
            Item::Tick(_, incarnation) => process.tick(incarnation, stage),
            Item::Writer(_) => {
                let outcome = process.writer.turn(stage);
                process.spread(outcome, stage);
            }
            Item::Ack(_, id) => {
                if let Some(commit) = stage.acknowledged(id) {
                    let outcome = process.writer.land(commit, stage);
                    process.spread(outcome, stage);
                }
            }
            Item::Reader(_) => process.reader.turn(stage),
            Item::Read(_, statement) => process.reader.read(statement, stage),
            Item::Told(_, statement) => process.told(statement, stage),
            Item::Payer(_) => process.payer_looks(stage),
            Item::Channel(_, asked) => process.channel_answers(asked, stage),
            Item::Refunder(_) => process.refunder_looks(stage),
            Item::RefundSaid(_, asked) => process.refund_told(asked, stage),
            Item::Next(_)
            | Item::Arrive(..)
            | Item::Reply(_)
            | Item::Silence(_)
            | Item::Restart(_)
            | Item::Land(_)
            | Item::Transfer(..)
            | Item::Query(..)
            | Item::Certain(_)
            | Item::PayBack(..)
            | Item::AskRefund(..)
            | Item::RefundEnds(..) => {}
        }
        if process.fatal {
            self.crash(place.node);
        }
    }

    /// A process dies: what is in memory is gone, and whoever waits hears nothing.
    fn crash(&mut self, node: usize) {
        let Some(process) = self.nodes[node].process.take() else { return };
        let place = process.place;
        self.stage.note(place, || "dies".into());
        self.stage.count("process", "died");
        self.stage.orphan(place);
        let waiting: Vec<(CallId, Open)> =
            self.stage.open.iter().map(|(call, open)| (*call, *open)).collect();
        for (call, open) in waiting.into_iter().filter(|(_, open)| open.place == place) {
            match open.origin {
                Origin::Client(_) => self.stage.after(Leg::Net, Item::Silence(call)),
                Origin::Payer | Origin::Refunder => {
                    self.stage.open.remove(&call);
                }
            }
        }
        let back =
            self.stage.random.below(*self.stage.random.clone().of(&[1_000, SECOND, 20 * SECOND]));
        self.stage.at(back, Item::Restart(node));
    }

    pub(super) fn restart(&mut self, node: usize) {
        let known = &mut self.nodes[node];
        if known.process.is_some() {
            return;
        }
        known.lives += 1;
        let place = Place { node, life: known.lives };
        let mut process = Process::new(place, known.clock, &self.plan);
        self.stage.note(place, || "starts".into());
        process.payer_in(self.stage.random.below(SECOND), &mut self.stage);
        if self.plan.refunds {
            process.refunder_in(self.stage.random.below(SECOND), &mut self.stage);
        }
        self.nodes[node].process = Some(process);
    }

    /// A client's next operation, once it has thought about it and its day has come.
    pub(super) fn goes_on(&mut self, client: usize) {
        let Some(place) = self.clients[client].ops.pop_front() else {
            self.clients[client].at = None;
            return;
        };
        self.clients[client].at = Some((place, 0));
        let op = &self.ops[place];
        let wait = (op.day * DAY).saturating_sub(self.stage.now);
        self.stage.at(wait + op.think, Item::Next(client));
    }

    /// A client asks, at any node that is up.
    fn asks(&mut self, client: usize) {
        let Some((place, asks)) = self.clients[client].at else { return };
        let up: Vec<Place> =
            self.nodes.iter().filter_map(|node| Some(node.process.as_ref()?.place)).collect();
        if up.is_empty() {
            return self.stage.at(SECOND / 10, Item::Next(client));
        }
        let to = up[self.stage.below(up.len())];
        let op = self.ops[place].clone();
        let mut with = Asking {
            merchant: &self.plan.merchants[op.merchant],
            now: self.stage.true_time(),
            random: &mut self.numbers,
            transfers_open: self.plan.transfers_open,
        };
        let of = with.merchant.id;
        let Some((command, by)) = self.notebook.command(&op, &mut with) else {
            self.stage.count("operation", "names nothing");
            return self.goes_on(client);
        };
        self.clients[client].at = Some((place, asks + 1));
        self.tell_channel(&op, of, &command);
        self.refund_there(&op, of, &command);
        let open = Open { origin: Origin::Client(client), place: to };
        let call = self.stage.ask(of, translate::request(&command), open);
        self.stage.count("operation", kind_of(&op.ask));
        self.requests.insert(call, (of, command, by));
        self.calls.insert(call, place);
        self.stage.after(Leg::Net, Item::Arrive(to, call));
    }

    /// What the channel tells of, it knows.
    fn tell_channel(&mut self, op: &Op, of: MerchantId, command: &Command) {
        if let Command::Pay(pay) = command
            && self.notebook.is_new_payment(op.merchant, pay)
            && let Request::Pay { order_no, transaction_id, amount, .. } =
                translate::request(command)
        {
            let payment = (of.to_string(), order_no, transaction_id, amount);
            self.stage.history.channel.payments.push(payment);
        }
    }

    /// What a notice tells of that a person did at the channel, was done there before.
    fn refund_there(&mut self, op: &Op, of: MerchantId, command: &Command) {
        if let Command::NoticeRefund(notice) = command
            && matches!(op.ask, Ask::RefundByHand { forged: false, .. })
            && self.notebook.is_new_refund(op.merchant, notice.refund_no)
        {
            let number = (of, notice.refund_no);
            self.stage.refund_by_hand(number, notice.order_no, notice.amount);
        }
    }

    fn arrives(&mut self, place: Place, call: CallId) {
        let Some((of, command, by)) = self.requests.remove(&call) else { return };
        let stage = &mut self.stage;
        let Some(process) = live(&mut self.nodes, place) else { return };
        let asked = client::asked(process.now(stage), by);
        process.receive(call, Message { of, command, asked }, stage);
    }

    fn replies(&mut self, call: CallId) {
        let Some(open) = self.stage.open.get(&call).copied() else { return };
        let Some(said) = self.stage.said.remove(&call) else { return };
        let answer = translate::answer(&said);
        self.stage.answered(call, answer.clone());
        match open.origin {
            Origin::Client(client) => self.hears(client, call, Some(&answer)),
            Origin::Payer => {
                let stage = &mut self.stage;
                if let Some(process) = live(&mut self.nodes, open.place) {
                    process.payer_hears(call, said, stage);
                }
            }
            Origin::Refunder => {
                let stage = &mut self.stage;
                if let Some(process) = live(&mut self.nodes, open.place) {
                    process.refunder_hears(call, said, stage);
                }
            }
        }
    }

    fn falls_silent(&mut self, call: CallId) {
        let Some(open) = self.stage.open.remove(&call) else { return };
        self.stage.said.remove(&call);
        self.stage.note("", || format!("{call} hears nothing"));
        self.stage.count("answer", "none");
        if let Origin::Client(client) = open.origin {
            self.hears(client, call, None);
        }
    }

    /// A client hears an answer, or that there is none: it asks again, or goes on.
    fn hears(&mut self, client: usize, call: CallId, answer: Option<&Answer>) {
        let Some(place) = self.calls.remove(&call) else { return };
        let Some((at, asks)) = self.clients[client].at.filter(|(at, _)| *at == place) else {
            return;
        };
        let known = match answer {
            Some(Answer::Done { .. } | Answer::Refused { .. }) => Known::Finally,
            Some(Answer::NotDone) if self.known[at] != Known::Not => Known::NotDone,
            Some(Answer::NotDone | Answer::Unknown) | None => Known::Not,
        };
        self.known[at] = known;
        if let Some(answer) = answer {
            self.notebook.take_down(&self.ops[at], answer);
        }
        if known != Known::Finally && asks <= self.ops[at].patience {
            let pause = self.stage.random.below(2 * SECOND);
            return self.stage.at(pause, Item::Next(client));
        }
        self.goes_on(client);
    }
}

/// The process that lives there, if it still does.
fn live(nodes: &mut [Node], place: Place) -> Option<&mut Process> {
    nodes[place.node].process.as_mut().filter(|process| process.place == place)
}

fn kind_of(ask: &Ask) -> &'static str {
    match ask {
        Ask::Register(_) => "register",
        Ask::ChangeRules(_) => "change rules",
        Ask::Read => "read",
        Ask::Open { .. } => "open an order",
        Ask::Prepay { .. } => "record a prepay id",
        Ask::StartClosing { .. } => "start closing",
        Ask::Close { .. } => "close",
        Ask::Pay { .. } => "pay",
        Ask::Settle { .. } => "settle",
        Ask::Withdraw { .. } => "withdraw",
        Ask::Review { .. } => "review",
        Ask::Confirm { .. } => "confirm",
        Ask::Refund { .. } => "refund",
        Ask::RefundByHand { .. } => "tell of a refund by hand",
    }
}
