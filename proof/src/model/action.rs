//! What can happen next, in words.

use std::fmt;

use super::state::{Awaits, State};
use super::world::{SHORTS_MAX, Word, World};

/// One choice of the environment or of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A person acts. Its call is taken or not; if not, it is as if it never came.
    Person(Person),
    /// Time passes.
    Pass(Step),
    /// The call that somebody gave up is taken after all.
    TakeLimbo,
    /// Something about one payer.
    Payer(usize, Does),
    /// A transfer arrives at WeChat.
    Arrives(usize, Arrival),
    /// WeChat decides a transfer that it took.
    Decides { paid: bool },
}

/// How much time passes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Short,
    Long,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Requests,
    Approves,
    Rejects,
    /// Says how the bank run ended.
    Confirms {
        paid: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// It reads the withdrawal and takes it in hand.
    TakesInHand,
    /// The engine takes its call: what it decides is durable, the answer is on its way.
    Durable,
    /// Its call certainly did nothing, and it hears so.
    NotDone,
    /// It gives its call up, and hears that nobody knows. The call may still be taken.
    GivesUp,
    /// The answer on its way arrives.
    Hears,
    /// It hears nothing of its transfer, and waits no longer.
    TimesOut,
    /// WeChat answers its transfer, in a world where that answer means nothing.
    IsTold(Told),
    /// WeChat answers its question.
    IsAnswered(Answer),
    /// The process dies, with all it remembers.
    Crashes,
    /// The task dies of a bug; the process remembers.
    Panics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Paid,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Paid,
    Failed,
    Processing,
    Missing,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Paid, and the answer says so.
    Pays,
    /// Taken, to be decided later. The answer does not come, or says that nobody knows.
    IsTaken,
    /// Refused, and nothing moved.
    IsRefused,
    /// The answer says refused, but it is taken, to be decided later.
    IsTakenThoughRefused,
    /// Its number is known: nothing more happens, and the answer says how the first one stands.
    IsKnown,
}

const EVERY: [Answer; 5] =
    [Answer::Paid, Answer::Failed, Answer::Processing, Answer::Missing, Answer::Unknown];

impl State {
    /// Everything that can happen next.
    pub(super) fn actions(&self, world: &World) -> Vec<Action> {
        use Person::{Approves, Confirms, Rejects, Requests};
        let persons =
            [Requests, Approves, Rejects, Confirms { paid: true }, Confirms { paid: false }];
        let mut actions = persons.map(Action::Person).to_vec();
        if self.shorts < SHORTS_MAX {
            actions.push(Action::Pass(Step::Short));
        }
        actions.push(Action::Pass(Step::Long));
        if world.months {
            actions.push(Action::Pass(Step::Month));
        }
        if self.limbo.is_some() {
            actions.push(Action::TakeLimbo);
        }
        for payer in 0..self.payers.len() {
            let does = self.payer_does(world, payer);
            actions.extend(does.into_iter().map(|does| Action::Payer(payer, does)));
        }
        for flight in 0..self.wechat.flights.len() {
            let arrivals = self.wechat.arrivals(world.word).iter();
            actions.extend(arrivals.map(|arrival| Action::Arrives(flight, *arrival)));
        }
        if self.wechat.processing > 0 {
            actions.extend([true, false].map(|paid| Action::Decides { paid }));
        }
        actions
    }

    fn payer_does(&self, world: &World, payer: usize) -> Vec<Does> {
        let Some(hand) = &self.payers[payer].hand else {
            let under_way = self.withdrawal().is_some_and(|made| !made.status.is_final());
            // What it remembers can be lost when it has nothing in hand, too.
            let idle = [Does::TakesInHand, Does::Crashes];
            let idle = &idle[..if world.faults { 2 } else { 1 }];
            return if under_way { idle.to_vec() } else { vec![] };
        };
        let mut does = match &hand.awaits {
            Awaits::Engine(_, Some(_)) | Awaits::Standing(_, Some(_)) => vec![Does::Hears],
            Awaits::Engine(_, None) if !world.faults => vec![Does::Durable],
            Awaits::Engine(_, None) if self.limbo.is_some() => vec![Does::Durable, Does::NotDone],
            Awaits::Engine(_, None) => vec![Does::Durable, Does::NotDone, Does::GivesUp],
            Awaits::Transfer(Some(_)) => vec![Does::Hears, Does::TimesOut],
            Awaits::Transfer(None) if world.word == Word::None => {
                [Does::TimesOut, Does::IsTold(Told::Paid), Does::IsTold(Told::Refused)].to_vec()
            }
            Awaits::Transfer(None) => vec![Does::TimesOut],
            Awaits::Standing(_, None) => EVERY
                .into_iter()
                .filter(|answer| world.word == Word::None || self.may_answer(*answer))
                .map(Does::IsAnswered)
                .collect(),
        };
        if world.faults {
            does.extend([Does::Crashes, Does::Panics]);
        }
        does
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(Person::Requests) => f.write_str("the merchant asks for the withdrawal"),
            Self::Person(Person::Approves) => f.write_str("the second key approves"),
            Self::Person(Person::Rejects) => f.write_str("the second key rejects"),
            Self::Person(Person::Confirms { paid: true }) => {
                f.write_str("a person says that the bank paid")
            }
            Self::Person(Person::Confirms { paid: false }) => {
                f.write_str("a person says that the bank did not pay")
            }
            Self::Pass(Step::Short) => f.write_str("6 s pass"),
            Self::Pass(Step::Long) => f.write_str("almost 10 min pass"),
            Self::Pass(Step::Month) => f.write_str("a month passes"),
            Self::TakeLimbo => f.write_str("the engine takes the call that was given up"),
            Self::Payer(payer, does) => write!(f, "payer {}: {does}", payer + 1),
            Self::Arrives(_, arrival) => write!(f, "a transfer arrives at WeChat: {arrival}"),
            Self::Decides { paid: true } => f.write_str("WeChat pays a transfer that it took"),
            Self::Decides { paid: false } => f.write_str("WeChat fails a transfer that it took"),
        }
    }
}

impl fmt::Display for Does {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TakesInHand => "reads the withdrawal and takes it in hand",
            Self::Durable => "its call to the engine is taken and durable",
            Self::NotDone => "its call to the engine does nothing, and it hears so",
            Self::GivesUp => "gives its call to the engine up; it may still be taken",
            Self::Hears => "hears the answer",
            Self::TimesOut => "waits no longer for an answer to its transfer",
            Self::IsTold(Told::Paid) => "WeChat says that its transfer is paid",
            Self::IsTold(Told::Refused) => "WeChat says that its transfer is refused",
            Self::IsAnswered(Answer::Paid) => "WeChat answers its question: paid",
            Self::IsAnswered(Answer::Failed) => "WeChat answers its question: failed",
            Self::IsAnswered(Answer::Processing) => "WeChat answers its question: under way",
            Self::IsAnswered(Answer::Missing) => "WeChat answers its question: not found",
            Self::IsAnswered(Answer::Unknown) => "WeChat answers its question: SYSTEMERROR",
            Self::Crashes => "its process dies, with all it remembers",
            Self::Panics => "its task dies of a bug",
        })
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pays => "paid",
            Self::IsTaken => "taken, to be decided later",
            Self::IsRefused => "refused, nothing moved",
            Self::IsTakenThoughRefused => {
                "taken, to be decided later, though the answer says refused"
            }
            Self::IsKnown => "its number is known",
        })
    }
}
