//! Everything there is at an instant: the books, the payers, the calls on their way, WeChat, the clock.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use tally_actors::domain::account::Account;
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::command::{
    Asked, Command, Confirm, OpenOrder, Pay, RecordTransfer, Review, Settle, StartSending,
    TransferOutcome, Withdraw,
};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::ids::{KeyId, WithdrawalNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::order::Channel;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalRequest};
use tally_actors::gateway::{Sent, TransferStanding};
use tally_actors::payer::plan::{Clocks, Plan, Remembered};

use super::world::{ASKED_FEN, EARNED_FEN, World};

/// When the clock begins, in milliseconds since 1970: an afternoon in Beijing.
const BEGINNING_MS: i64 = 1_775_028_000_000;

/// Everything there is.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The right time.
    pub(super) now: At,
    /// Short steps of the clock since the last long one.
    pub(super) shorts: u8,
    /// What is durable. A call to the engine happens here at one instant or not at all, on top of everything before it: that
    /// is what fence and pipeline are for, and what the simulator shows.
    pub(super) account: Rc<Account>,
    pub(super) payers: Vec<Payer>,
    /// A call that its caller gave up, and that may still be taken.
    pub(super) limbo: Option<Rc<Call>>,
    pub(super) wechat: Wechat,
}

/// A process that pays out.
#[derive(Debug, Clone, Default)]
pub(super) struct Payer {
    pub(super) remembered: Remembered,
    pub(super) hand: Option<Rc<Hand>>,
}

/// The withdrawal in a payer's hand, and what the payer waits for.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    pub(super) plan: Plan,
    pub(super) awaits: Awaits,
}

#[derive(Debug, Clone)]
pub(super) enum Awaits {
    /// Its try, or an outcome, to be recorded; then the answer.
    Engine(Call, Option<Answered>),
    /// WeChat's answer to a transfer; `Some`: it is on its way.
    Transfer(Option<Sent>),
    /// WeChat's answer to a question put at that time.
    Standing(At, Option<TransferStanding>),
}

/// The answer to a call that was taken; `None`: it was refused.
pub(super) type Answered = Option<Box<Withdrawal>>;

/// A payer's call to the engine.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) wish: Wish,
    /// The caller's reading of the clock.
    pub(super) at: At,
}

/// What a payer asks the engine for.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// Another try, after the one it knows of.
    Begin(Option<At>),
    Record(TransferOutcome),
}

impl Call {
    pub(super) fn command(&self) -> Command {
        let withdrawal_no = number();
        match self.wish.clone() {
            Wish::Begin(last_try) => {
                Command::StartSending(StartSending { withdrawal_no, last_try })
            }
            Wish::Record(outcome) => {
                Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome })
            }
        }
    }
}

/// WeChat, as WeChat knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wechat {
    /// Transfers handed over that may still arrive.
    pub(super) flights: Vec<Flight>,
    /// When the newest one was handed over.
    pub(super) newest: Option<At>,
    /// Arrived, and not yet decided.
    pub(super) processing: u8,
    /// How often the money went out.
    pub(super) paid: u8,
    /// The transfer failed for good.
    pub(super) dead: bool,
    /// What arrived is older than it tells of.
    pub(super) forgot: bool,
}

/// A transfer on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) handed: At,
    /// Who waits for the answer.
    pub(super) payer: Option<usize>,
}

/// Events that the rules decided and could not apply.
#[derive(Debug)]
pub(super) struct Inapplicable(pub(super) &'static str);

impl State {
    /// A merchant that earned and settled, and asked for nothing yet.
    pub(super) fn beginning(world: &World) -> Self {
        let now = At::from_ms(BEGINNING_MS);
        let merchant = "m1".parse().expect("an id");
        let mut state = Self {
            now,
            shorts: 0,
            account: Rc::new(Account::new(merchant, None)),
            payers: vec![Payer::default(); world.payers],
            limbo: None,
            wechat: Wechat::default(),
        };
        for command in earning(world.method, now) {
            let done = state.ask(&command, now).expect("the rules can be applied");
            done.expect("the rules allow it");
        }
        // The next incarnation starts from the head alone.
        state.account = Rc::new(Account::new(merchant, state.account.head().cloned()));
        world.before.iter().fold(state, |state, action| {
            let after = state.after(world, *action).expect("the rules can be applied");
            after.expect("each changes something")
        })
    }

    /// What the clock of a payer's node says.
    pub(super) fn clock(&self, world: &World, payer: usize) -> At {
        self.now.plus_ms(if payer + 1 == world.payers { world.ahead_ms } else { 0 })
    }

    /// What both clocks of a payer say. The steady ones begin at different instants in different lives, and what was remembered
    /// by one is forgotten with it: so they may as well be one.
    pub(super) fn clocks(&self, world: &World, payer: usize) -> Clocks {
        let steady = Duration::from_millis(self.now.ms().abs_diff(BEGINNING_MS));
        Clocks { wall: self.clock(world, payer), steady }
    }

    /// The withdrawal, once it was asked for.
    pub(super) fn withdrawal(&self) -> Option<&Withdrawal> {
        match self.account.books().get(&Key::Withdrawal(number()))? {
            Record::Withdrawal(withdrawal) => Some(withdrawal),
            Record::Number(_)
            | Record::Order(_)
            | Record::Transaction(_)
            | Record::Settlement(_)
            | Record::Case(_)
            | Record::Refund(_)
            | Record::InRun(_)
            | Record::Held(_)
            | Record::Adjustment(_) => None,
        }
    }

    /// Decide, apply, append, as the pipeline does it, all at one instant. Gives how many events there were.
    pub(super) fn ask(
        &mut self,
        command: &Command,
        at: At,
    ) -> Result<Result<usize, Refusal>, Inapplicable> {
        let unknown = |account: &Account| {
            account.keys(command).into_iter().find(|key| !account.books().knows(key))
        };
        while let Some(key) = unknown(&self.account) {
            Rc::make_mut(&mut self.account).books_mut().learn(key, None);
        }
        let Asked { at, by, .. } = Asked::from(at);
        let events = match self.account.decide(command, at) {
            Ok(events) => events,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let count = events.len();
        for event in events {
            let account = Rc::make_mut(&mut self.account);
            let at = account.time_of(command, at);
            let stamped = Stamped { at, by, event };
            let link = account.link().then(account.merchant(), &stamped.encode());
            account.apply(&stamped, link).map_err(|broken| Inapplicable(broken.0))?;
        }
        Ok(Ok(count))
    }
}

/// When that was by the steady clock, by the right one.
pub(super) fn steady(since: Duration) -> At {
    At::from_ms(BEGINNING_MS).plus_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn number() -> WithdrawalNo {
    "W100".parse().expect("a number")
}

fn fen(amount: u64) -> Money {
    Money::from_fen(amount).expect("a small amount")
}

fn key(id: &str) -> KeyId {
    id.parse().expect("a key's id")
}

/// What the merchant asks for. A repeat is the same in every field.
pub(super) fn request() -> Command {
    let request = WithdrawalRequest { amount: Some(fen(ASKED_FEN)), settle_first: false };
    Command::Withdraw(Withdraw {
        withdrawal_no: number(),
        idempotency_key: None,
        request,
        settlement_no: "S200".parse().expect("a number"),
        asked_by: key("first"),
        transfers_open: true,
    })
}

/// The second key's word.
pub(super) fn review() -> Review {
    Review { withdrawal_no: number(), by: key("second"), reason: "".into() }
}

/// What a person says of the bank run.
pub(super) fn confirm(succeeded: bool) -> Command {
    let reference = if succeeded { "B100" } else { "" };
    Command::Confirm(Confirm {
        withdrawal_no: number(),
        succeeded,
        reference: reference.into(),
        reason: "".into(),
    })
}

/// How the merchant came to its money.
fn earning(method: PayoutMethod, now: At) -> [Command; 4] {
    let rules = Rules {
        payout_method: Some(method),
        payout_openid: Some("o1".into()),
        approval_over_fen: Some(Money::ZERO),
        ..Rules::new("a shop")
    };
    let order_no = "O100".parse().expect("a number");
    let open = OpenOrder {
        order_no,
        idempotency_key: None,
        amount: fen(EARNED_FEN),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: now.plus_ms(7_200_000),
    };
    let pay = Pay {
        order_no,
        transaction_id: "T100".parse().expect("a number"),
        amount: fen(EARNED_FEN),
        booked: fen(EARNED_FEN),
        paid_at: now,
        source: PaymentSource::Hand,
        signed: None,
    };
    let settle = Settle {
        settlement_no: "S100".parse().expect("a number"),
        idempotency_key: None,
        include_not_due: false,
    };
    [Command::Register(rules), Command::OpenOrder(open), Command::Pay(pay), Command::Settle(settle)]
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.account.head().expect("registered in the beginning");
        let (available, in_transit) = (head.available.fen(), head.in_transit.fen());
        match self.withdrawal() {
            None => f.write_str("not asked for")?,
            Some(made) => f.write_str(made.status.as_str())?,
        }
        write!(f, "; available {available}, in transit {in_transit}, ")?;
        write!(f, "withdrawn {}; paid by WeChat: {}", head.withdrawn.fen(), self.wechat.paid)
    }
}
