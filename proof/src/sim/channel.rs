//! The channel: a model of WeChat's transfers. A number that is known is never paid a second time.

use std::collections::BTreeMap;

use tally_actors::domain::ids::{MerchantId, WithdrawalNo};
use tally_actors::domain::money::Money;
use tally_actors::gateway::{Sent, TransferStanding};

use super::fault::Fault;
use super::item::{Item, Leg, Place};
use super::plan::SECOND;
use super::stage::Stage;

/// A transfer's number, with whose it is.
pub(super) type Number = (MerchantId, WithdrawalNo);

/// How long a payer waits for the channel's answer, in microseconds.
pub(super) const PATIENCE: u64 = 6 * SECOND;

/// How long an order to transfer may be under way to the channel. What the payer relies on (`design.md` 3.5) is that
/// nothing comes ten minutes after it was sent.
const LATEST: u64 = 300 * SECOND;

#[derive(Default)]
pub(super) struct WeChat {
    transfers: BTreeMap<Number, Standing>,
    asked: BTreeMap<u64, Asked>,
    count: u64,
}

#[derive(Clone, Copy)]
enum Standing {
    Processing,
    Paid(Money),
    Failed,
}

/// An order or a question on its way.
struct Asked {
    number: Number,
    amount: Money,
    answer: Heard,
}

/// What a payer hears.
#[derive(Debug, Clone)]
pub(super) enum Heard {
    /// To an order to transfer.
    Sent(Sent),
    /// To a question.
    Standing(TransferStanding),
}

impl Stage {
    /// Sends an order to transfer. Gives the number under which its sender hears of it.
    pub(super) fn transfer(&mut self, place: Place, number: Number, amount: Money) -> u64 {
        let answer = Heard::Sent(Sent::Unknown("no answer".into()));
        let asked = self.put(Asked { number, amount, answer });
        if self.strikes(Fault::TransferLost) {
            self.at(PATIENCE, Item::Channel(place, asked));
        } else if self.strikes(Fault::TransferLate) {
            let late = self.random.below(LATEST);
            self.at(late, Item::Transfer(place, asked));
            self.at(PATIENCE, Item::Channel(place, asked));
        } else {
            self.after(Leg::Channel, Item::Transfer(place, asked));
        }
        asked
    }

    /// Asks for a transfer. Gives the number under which its sender hears of it.
    pub(super) fn query(&mut self, place: Place, number: Number) -> u64 {
        let answer = Heard::Standing(TransferStanding::Unknown("no answer".into()));
        let asked = self.put(Asked { number, amount: Money::ZERO, answer });
        self.after(Leg::Channel, Item::Query(place, asked));
        asked
    }

    fn put(&mut self, asked: Asked) -> u64 {
        self.wechat.count += 1;
        self.wechat.asked.insert(self.wechat.count, asked);
        self.wechat.count
    }

    /// An order to transfer reaches the channel. Its sender may have stopped waiting, or died.
    pub(super) fn take_transfer(&mut self, place: Place, asked: u64) {
        let Some(Asked { number, amount, .. }) = self.wechat.asked.get(&asked) else { return };
        let (number, amount) = (*number, *amount);
        let sent = match self.wechat.transfers.get(&number) {
            Some(Standing::Paid(_)) => Sent::Paid("paid before".into()),
            Some(Standing::Processing | Standing::Failed) => Sent::Unknown("it is known".into()),
            None => self.new_transfer(number, amount, asked),
        };
        self.note("WeChat", || format!("transfer {} {}: {sent:?}", number.0, number.1));
        self.reply(place, asked, Heard::Sent(sent));
    }

    fn new_transfer(&mut self, number: Number, amount: Money, asked: u64) -> Sent {
        if self.strikes(Fault::TransferRefused) {
            return Sent::Refused("refused".into());
        }
        if self.strikes(Fault::TransferFails) {
            self.wechat.transfers.insert(number, Standing::Failed);
            return Sent::Unknown("it failed".into());
        }
        if self.strikes(Fault::TransferSlow) {
            self.wechat.transfers.insert(number, Standing::Processing);
            let later = self.random.below(LATEST);
            self.at(later, Item::Certain(asked));
            return Sent::Unknown("it is under way".into());
        }
        self.pay(number, amount);
        Sent::Paid("paid".into())
    }

    /// The channel becomes certain about a transfer that it took.
    pub(super) fn certain(&mut self, asked: u64) {
        let Some(Asked { number, amount, .. }) = self.wechat.asked.get(&asked) else { return };
        let (number, amount) = (*number, *amount);
        if self.random.percent(60) {
            self.pay(number, amount);
        } else {
            self.note("WeChat", || format!("transfer {} {} fails", number.0, number.1));
            self.wechat.transfers.insert(number, Standing::Failed);
        }
    }

    fn pay(&mut self, number: Number, amount: Money) {
        let (of, withdrawal_no) = number;
        self.note("WeChat", || format!("pays {of} {withdrawal_no} {amount}"));
        self.count("transfer", "paid");
        let fen = i64::try_from(amount.fen()).expect("money fits a signed column");
        self.history.channel.transfers.push((of.to_string(), withdrawal_no.to_string(), fen));
        self.wechat.transfers.insert(number, Standing::Paid(amount));
    }

    /// A question reaches the channel.
    pub(super) fn take_query(&mut self, place: Place, asked: u64) {
        let Some(Asked { number, .. }) = self.wechat.asked.get(&asked) else { return };
        let standing = match self.wechat.transfers.get(number) {
            None => TransferStanding::Missing,
            Some(Standing::Processing) => TransferStanding::Processing,
            Some(Standing::Failed) => TransferStanding::Failed("it failed".into()),
            Some(Standing::Paid(amount)) => {
                TransferStanding::Paid { reference: "paid".into(), amount: *amount }
            }
        };
        self.reply(place, asked, Heard::Standing(standing));
    }

    fn reply(&mut self, place: Place, asked: u64, answer: Heard) {
        if self.strikes(Fault::ChannelSilent) {
            return self.at(PATIENCE, Item::Channel(place, asked));
        }
        if let Some(known) = self.wechat.asked.get_mut(&asked) {
            known.answer = answer;
        }
        self.after(Leg::Channel, Item::Channel(place, asked));
    }

    /// What a payer hears of an order or a question: the channel's answer, or that there was none in time.
    pub(super) fn channel_said(&self, asked: u64) -> Option<Heard> {
        self.wechat.asked.get(&asked).map(|asked| asked.answer.clone())
    }
}
