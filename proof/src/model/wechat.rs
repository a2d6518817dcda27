//! WeChat: what may become of a transfer, and what may be said of it.

use tally_actors::gateway::{Sent, TransferStanding};

use super::action::{Answer, Arrival, Step};
use super::state::{Flight, State, Wechat};
use super::world::{CERTAIN_AFTER_MS, Word};
use tally_actors::domain::money::Money;
use tally_actors::domain::time::At;

/// WeChat's own number of the transfer.
pub(super) const REFERENCE: &str = "B100";

impl Wechat {
    /// A transfer is handed over.
    pub(super) fn hand_over(&mut self, payer: usize, now: At) {
        self.flights.push(Flight { handed: now, payer: Some(payer) });
        self.newest = Some(now);
    }

    /// Nobody waits for an answer at that payer any more.
    pub(super) fn forget(&mut self, payer: usize) {
        for flight in &mut self.flights {
            flight.payer = flight.payer.filter(|waiting| *waiting != payer);
        }
    }

    /// What was handed over long ago never arrives, and is known as missing.
    pub(super) fn grow_old(&mut self, now: At, step: Step) {
        let arrived = self.paid > 0 || self.processing > 0 || self.dead;
        self.forgot |= arrived && step == Step::Month;
        let young = |handed: &At| now < handed.plus_ms(CERTAIN_AFTER_MS);
        self.flights.retain(|flight| young(&flight.handed));
        self.newest = self.newest.filter(young);
    }

    /// What may become of a transfer that arrives now.
    pub(super) fn arrivals(&self, word: Word) -> &'static [Arrival] {
        use Arrival::{IsKnown, IsRefused, IsTaken, IsTakenThoughRefused, Pays};
        let known = self.paid > 0 || self.processing > 0;
        match word {
            _ if self.dead => &[IsRefused],
            Word::NumbersPayOnce if known => &[IsKnown],
            Word::NumbersPayOnce => &[Pays, IsTaken, IsRefused, IsTakenThoughRefused],
            Word::RefusalsAreTrue => &[Pays, IsTaken, IsRefused],
            Word::None => &[],
        }
    }

    /// A transfer arrives. Gives what its sender is answered, if anything.
    pub(super) fn arrives(&mut self, arrival: Arrival) -> Option<Sent> {
        match arrival {
            Arrival::Pays => {
                self.paid += 1;
                Some(Sent::Paid(REFERENCE.into()))
            }
            Arrival::IsTaken => {
                self.processing += 1;
                None
            }
            Arrival::IsRefused => Some(refused()),
            Arrival::IsTakenThoughRefused => {
                self.processing += 1;
                Some(refused())
            }
            Arrival::IsKnown if self.paid > 0 => Some(Sent::Paid(REFERENCE.into())),
            Arrival::IsKnown => None,
        }
    }

    /// A transfer that was taken is decided.
    pub(super) fn decides(&mut self, paid: bool) {
        self.processing -= 1;
        if paid {
            self.paid += 1;
        } else {
            // Failed is said only of a number of which nothing is under way or paid.
            self.dead = self.processing == 0 && self.paid == 0;
        }
    }
}

impl State {
    /// Whether WeChat, as far as it keeps its word, may answer that now.
    pub(super) fn may_answer(&self, answer: Answer) -> bool {
        let wechat = &self.wechat;
        match answer {
            Answer::Paid => wechat.paid > 0,
            Answer::Failed => wechat.dead,
            Answer::Missing => wechat.newest.is_some() || self.truth() == Answer::Missing,
            Answer::Processing => wechat.newest.is_some() || wechat.processing > 0,
            Answer::Unknown => true,
        }
    }

    /// What WeChat knows of the transfer.
    pub(super) fn truth(&self) -> Answer {
        match &self.wechat {
            Wechat { forgot: true, .. } => Answer::Missing,
            Wechat { paid: 1.., .. } => Answer::Paid,
            Wechat { processing: 1.., .. } => Answer::Processing,
            Wechat { dead: true, .. } => Answer::Failed,
            Wechat { .. } => Answer::Missing,
        }
    }
}

/// The answer to a transfer that says that it moved nothing.
pub(super) fn refused() -> Sent {
    Sent::Refused("NOTENOUGH".into())
}

/// An answer, in the gateway's words.
pub(super) fn standing(answer: Answer, amount: Money) -> TransferStanding {
    match answer {
        Answer::Paid => TransferStanding::Paid { reference: REFERENCE.into(), amount },
        Answer::Failed => TransferStanding::Failed("FAILED".into()),
        Answer::Processing => TransferStanding::Processing,
        Answer::Missing => TransferStanding::Missing,
        Answer::Unknown => TransferStanding::Unknown("SYSTEMERROR".into()),
    }
}
