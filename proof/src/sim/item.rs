//! What comes up: every step of a run is one of these, and chance decides which is next.

use std::fmt;

use tally_actors::batcher::Incarnation;
use tally_actors::domain::ids::{MerchantId, RefundNo};

/// A call, by its place in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CallId(pub(super) usize);

/// A process: which node it runs on, and how often that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) life: u32,
}

/// A batch that was handed to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WriteId(pub(super) u64);

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Item {
    /// A client makes its next call, or the same again.
    Next(usize),
    /// A request reaches a front door.
    Arrive(Place, CallId),
    /// A client hears what the front door said.
    Reply(CallId),
    /// A client hears that it will hear nothing.
    Silence(CallId),
    /// A pause is over: the front door sends a call again, so often by now.
    Resend(Place, CallId, u32),
    /// A caller has waited long enough.
    Deadline(Place, CallId),
    /// An actor takes its next message.
    Mail(Place, Incarnation),
    /// An actor looks whether it had nothing to do.
    Tick(Place, Incarnation),
    /// The writer takes what waits.
    Writer(Place),
    /// A batch is written.
    Land(WriteId),
    /// The writer hears what became of its batch.
    Ack(Place, WriteId),
    /// The reader begins a round.
    Reader(Place),
    /// A statement of a round reads.
    Read(Place, u64),
    /// Its askers are told.
    Told(Place, u64),
    /// The payer looks what is under way.
    Payer(Place),
    /// An order to transfer reaches the channel.
    Transfer(Place, u64),
    /// A question about a transfer reaches the channel.
    Query(Place, u64),
    /// The payer hears the channel's answer, or that there is none.
    Channel(Place, u64),
    /// The channel becomes certain about a transfer that it took.
    Certain(u64),
    /// A node starts again.
    Restart(usize),
    /// The refunder looks what is under way.
    Refunder(Place),
    /// A refund reaches the channel.
    PayBack(Place, u64),
    /// A question about a refund reaches the channel.
    AskRefund(Place, u64),
    /// The refunder hears the channel's answer, or that there is none.
    RefundSaid(Place, u64),
    /// A refund that the channel took comes to its end there.
    RefundEnds(MerchantId, RefundNo),
}

/// What takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// From a client to a front door, and back.
    Net,
    /// Until an actor takes a message.
    Mail,
    /// Until the writer or the reader wakes.
    Wake,
    /// Until a batch is written.
    Write,
    /// Until its writer hears of it.
    Ack,
    /// Until a statement reads.
    Read,
    /// Until its askers are told.
    Told,
    /// From a payer to the channel, and back.
    Channel,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}.{}", self.node, self.life)
    }
}
