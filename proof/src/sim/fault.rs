//! What may go wrong, and how often.

use crate::random::Random;

/// A kind of fault. A seed has some of them and not others, so that each also comes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A commit fails before it writes, as there is no room, and so do those that come soon after.
    DiskFull,
    /// A commit fails before it writes, for another reason.
    Unavailable,
    /// The schema refuses an event that the rules allowed.
    Refused,
    /// A commit is written, and told as in doubt. The store may be away for a while then.
    DoubtWritten,
    /// A commit is not written, and told as in doubt. The store may be away for a while then.
    DoubtLost,
    /// A commit is told as in doubt and written later, if it still fits.
    DoubtLate,
    /// A commit ends the process, written or not.
    Fatal,
    /// A commit is written late, beyond the patience of callers.
    SlowWrite,
    /// A commit is acknowledged late.
    SlowAck,
    /// A read fails.
    ReadFails,
    /// What was read is told late.
    SlowRead,
    /// A process dies, and starts again later.
    Crash,
    /// An actor dies with a message in hand.
    Panic,
    /// A process's clock jumps, by a second or by days, in both directions.
    ClockJump,
    /// An answer gets lost on its way to the client.
    AnswerLost,
    /// A merchant may have a few calls in hand only.
    TightBound,
    /// An order to transfer never reaches the channel.
    TransferLost,
    /// It reaches the channel late.
    TransferLate,
    /// The channel takes it for now, and is certain only later.
    TransferSlow,
    /// The channel says no, and nothing moved.
    TransferRefused,
    /// The channel takes it, and it fails for good.
    TransferFails,
    /// The channel's answer gets lost, to an order or to a question.
    ChannelSilent,
    /// A refund never reaches the channel.
    RefundLost,
    /// It reaches the channel late.
    RefundLate,
    /// The channel takes it, and comes to its end only later.
    RefundSlow,
    /// The channel says no, for good, and nothing moved.
    RefundRefused,
    /// The channel has no money for it yet.
    RefundShort,
    /// The channel takes it, and closes it.
    RefundFails,
    /// The channel can't finish it by itself; later a person does.
    RefundStuck,
    /// The channel takes another sum for it than its share.
    RefundOther,
}

impl Fault {
    /// All of them, with the name on the command line and how often they strike: in ten thousand occasions, at the least and
    /// at the most.
    pub const ALL: &[(Self, &str, u16, u16)] = &[
        (Self::DiskFull, "disk-full", 50, 1_500),
        (Self::Unavailable, "unavailable", 50, 1_500),
        (Self::Refused, "refused", 20, 300),
        (Self::DoubtWritten, "doubt-written", 50, 1_500),
        (Self::DoubtLost, "doubt-lost", 50, 1_500),
        (Self::DoubtLate, "doubt-late", 50, 1_500),
        (Self::Fatal, "fatal", 20, 300),
        (Self::SlowWrite, "slow-write", 20, 400),
        (Self::SlowAck, "slow-ack", 20, 800),
        (Self::ReadFails, "read-fails", 20, 800),
        (Self::SlowRead, "slow-read", 50, 2_000),
        (Self::Crash, "crash", 3, 50),
        (Self::Panic, "panic", 50, 1_200),
        (Self::ClockJump, "clock-jump", 3, 50),
        (Self::AnswerLost, "answer-lost", 50, 1_000),
        (Self::TightBound, "tight-bound", 10_000, 10_000),
        (Self::TransferLost, "transfer-lost", 500, 4_000),
        (Self::TransferLate, "transfer-late", 500, 4_000),
        (Self::TransferSlow, "transfer-slow", 500, 4_000),
        (Self::TransferRefused, "transfer-refused", 500, 4_000),
        (Self::TransferFails, "transfer-fails", 500, 3_000),
        (Self::ChannelSilent, "channel-silent", 500, 4_000),
        (Self::RefundLost, "refund-lost", 500, 4_000),
        (Self::RefundLate, "refund-late", 500, 4_000),
        (Self::RefundSlow, "refund-slow", 500, 4_000),
        (Self::RefundRefused, "refund-refused", 500, 4_000),
        (Self::RefundShort, "refund-short", 500, 4_000),
        (Self::RefundFails, "refund-fails", 500, 4_000),
        (Self::RefundStuck, "refund-stuck", 500, 2_000),
        (Self::RefundOther, "refund-other", 500, 4_000),
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(fault, ..)| *fault == self);
        named.map(|(_, name, ..)| *name).expect("all of them are listed")
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, ..)| *known == name).map(|(fault, ..)| *fault)
    }
}

/// How often each fault strikes, in ten thousand occasions.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults([u16; Fault::ALL.len()]);

impl Faults {
    /// A seed's own: none at all, a few kinds, or many.
    pub(super) fn draw(random: &mut Random) -> Self {
        let percent = *random.of(&[0, 10, 25, 25, 50, 50, 80]);
        let mut faults = Self::default();
        for (fault, _, least, most) in Fault::ALL {
            let spread = u64::from(most - least) + 1;
            // Twice drawn, so that seldom is more likely than often.
            let above = random.below(spread).min(random.below(spread));
            if random.percent(percent) {
                let rate = u64::from(*least) + above;
                faults.0[*fault as usize] = u16::try_from(rate).expect("at most ten thousand");
            }
        }
        faults
    }

    /// The kinds that may strike.
    pub(super) fn kinds(&self) -> Vec<Fault> {
        let listed = Fault::ALL.iter().map(|(fault, ..)| *fault);
        listed.filter(|fault| self.may(*fault)).collect()
    }

    /// Whether this kind may strike.
    pub(super) fn may(&self, fault: Fault) -> bool {
        self.0[fault as usize] > 0
    }

    /// Whether this kind strikes now.
    pub(super) fn strikes(&self, fault: Fault, random: &mut Random) -> bool {
        let rate = self.0[fault as usize];
        rate > 0 && random.below(10_000) < u64::from(rate)
    }

    /// This kind strikes at least so often, in ten thousand occasions.
    pub(super) fn switch_on(&mut self, fault: Fault, rate: u16) {
        let often = &mut self.0[fault as usize];
        *often = rate.max(*often);
    }

    /// This kind strikes so often, in ten thousand occasions.
    pub(super) fn set(&mut self, fault: Fault, rate: u16) {
        self.0[fault as usize] = rate;
    }

    /// This kind strikes no more.
    pub(super) fn switch_off(&mut self, fault: Fault) {
        self.0[fault as usize] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_listed_at_its_own_place_and_found_by_its_name() {
        for (place, (fault, name, least, most)) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, place, "{name}");
            assert_eq!((fault.name(), Fault::named(name)), (*name, Some(*fault)));
            assert!(least <= most && *most <= 10_000, "{name}");
        }
    }
}
