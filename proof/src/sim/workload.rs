//! Who asks for what: operations that are plain data, so that any of them can be left out of a run.

use std::fmt;

use tally_actors::domain::case::{CaseKind, Remedy};
use tally_actors::domain::ids::WithdrawalNo;
use tally_actors::domain::standing::Change;

use crate::random::Random;

/// A number: chosen by the client, or made by the front door for the client's key, or read in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Chosen(u64),
    Made(u64),
    Listed(WithdrawalNo),
}

/// What is asked for. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// With the merchant's first rules, or with others.
    Register(usize),
    ChangeRules(usize),
    Read,
    Open {
        order: Name,
        amount: u64,
        by_wechat: bool,
    },
    Prepay {
        order: Name,
        prepay: u64,
    },
    StartClosing {
        order: Name,
    },
    Close {
        order: Name,
    },
    Pay {
        order: Name,
        transaction: u64,
        amount: u64,
        booked: u64,
        told: Told,
    },
    Settle {
        settlement: Name,
        include_not_due: bool,
    },
    Withdraw {
        withdrawal: Name,
        amount: Option<u64>,
        settle_first: bool,
        by: u64,
    },
    Review {
        withdrawal: Name,
        approve: bool,
        by: u64,
    },
    Confirm {
        withdrawal: Name,
        succeeded: bool,
    },
    Refund {
        refund: Name,
        order: Name,
        amount: u64,
        reason: u64,
        by_admin: bool,
    },
    /// A person refunds at the channel itself, and a notice tells of it; a forged one tells of nothing.
    RefundByHand {
        order: Name,
        hand: u64,
        amount: u64,
        forged: bool,
    },
    Stand(Change),
    Raise {
        kind: CaseKind,
        subject: u64,
        amount: u64,
    },
    Resolve {
        about: About,
        /// Of a case about a payment.
        kind: CaseKind,
        note: u64,
        remedy: Option<Remedy>,
    },
    /// What became of a transfer, as it can be seen at the channel.
    Attest {
        withdrawal: Name,
        by: u64,
        /// If nobody else has said the same, the admin's own word is named as the first.
        alone: bool,
    },
    /// An adjustment: so many fen, below zero to take them.
    Adjust {
        number: u64,
        fen: i64,
        by: u64,
    },
    DecideAdjustment {
        number: u64,
        approve: bool,
        by: u64,
    },
    /// A withdrawal is handed to the bank, with others.
    Run {
        withdrawal: Name,
        run: u64,
    },
}

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Raised { kind: CaseKind, subject: u64 },
    Payment { order: Name, transaction: u64 },
}

impl Ask {
    /// What is asked for, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::ChangeRules(_) => "change rules",
            Self::Read => "read",
            Self::Open { .. } => "open an order",
            Self::Prepay { .. } => "record a prepay id",
            Self::StartClosing { .. } => "start closing",
            Self::Close { .. } => "close",
            Self::Pay { .. } => "pay",
            Self::Settle { .. } => "settle",
            Self::Withdraw { .. } => "withdraw",
            Self::Review { .. } => "review",
            Self::Confirm { .. } => "confirm",
            Self::Refund { .. } => "refund",
            Self::RefundByHand { .. } => "tell of a refund by hand",
            Self::Stand(_) => "stand",
            Self::Raise { .. } => "raise a case",
            Self::Resolve { .. } => "resolve a case",
            Self::Attest { .. } => "attest",
            Self::Adjust { .. } => "adjust",
            Self::DecideAdjustment { .. } => "decide an adjustment",
            Self::Run { .. } => "put in a bank run",
        }
    }
}

/// Who tells of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Notice,
    Query,
    Hand,
}

/// One operation of a client. A client takes its operations one after the other.
#[derive(Debug, Clone)]
pub(super) struct Op {
    pub(super) merchant: usize,
    pub(super) client: usize,
    /// Not before so many days have passed.
    pub(super) day: u64,
    /// How long the client thinks before, in microseconds.
    pub(super) think: u64,
    /// How often the client asks again by itself.
    pub(super) patience: u32,
    pub(super) ask: Ask,
}

/// What the generator knows of a merchant: numbers that name something, if all goes well.
#[derive(Debug, Default)]
struct Sketch {
    numbers: u64,
    orders: Vec<(Name, u64, bool)>,
    payments: Vec<Ask>,
    settlements: Vec<(Name, bool)>,
    withdrawals: Vec<(Name, u64)>,
}

/// The operations of a seed, and how many clients have them.
pub(super) fn draw(merchants: usize, random: &mut Random) -> (usize, Vec<Op>) {
    let clients = 2 + random.below(5);
    let total = 25 + random.below(100);
    let days = *random.of(&[1, 1, 2, 3, 4]);
    let hurry = *random.of(&[1, 300, 3_000, 30_000]);
    let mut sketches: Vec<Sketch> = (0..merchants).map(|_| Sketch::default()).collect();
    let mut ops: Vec<Op> = vec![];
    for merchant in 0..merchants {
        ops.push(Op { merchant, client: 0, day: 0, think: 0, patience: 3, ask: Ask::Register(0) });
    }
    for n in 0..total {
        let anybody = small(random.below(clients));
        let (day, think) = (n * days / total, random.below(hurry + 1));
        let patience = u32::try_from(random.below(4)).expect("a few");
        // A twin of a recent one: the same number at the same time, from somebody else.
        if random.percent(12) {
            let back = small(1 + random.below(8)).min(ops.len());
            let twin = ops[ops.len() - back].clone();
            ops.push(Op { client: anybody, day, think, patience, ..twin });
            continue;
        }
        // The first merchant is busier than the others.
        let merchant = if random.percent(40) { 0 } else { small(random.below(merchants as u64)) };
        // Mostly the merchant's own client, so that an order is opened before it is paid.
        let client = if random.percent(65) { merchant % small(clients) } else { anybody };
        let ask = sketches[merchant].draw(random);
        ops.push(Op { merchant, client, day, think, patience, ask });
    }
    (small(clients), ops)
}

fn small(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

impl Sketch {
    fn draw(&mut self, random: &mut Random) -> Ask {
        match random.below(100) {
            0..18 => self.open(random),
            18..46 => self.pay(random),
            46..50 => Ask::Close { order: self.order(random) },
            50..52 => Ask::StartClosing { order: self.order(random) },
            52..55 => Ask::Prepay { order: self.order(random), prepay: random.below(2) },
            55..64 => self.settle(random),
            64..78 => self.withdraw(random),
            78..82 => Ask::Review {
                withdrawal: self.withdrawal(random),
                approve: random.percent(70),
                by: random.below(3),
            },
            82..87 => {
                Ask::Confirm { withdrawal: self.withdrawal(random), succeeded: random.percent(70) }
            }
            87..89 => Ask::ChangeRules(small(random.below(4))),
            89..90 => Ask::Register(small(random.below(2))),
            _ => Ask::Read,
        }
    }

    /// A new number, chosen or made.
    fn fresh(&mut self, random: &mut Random) -> Name {
        self.numbers += 1;
        if random.percent(30) { Name::Made(self.numbers) } else { Name::Chosen(self.numbers) }
    }

    fn open(&mut self, random: &mut Random) -> Ask {
        let amount = 1 + random.below(*random.clone().of(&[100, 1_000, 3_000]));
        // The number of another order, with other content or, seldom, the same.
        if random.percent(8) && !self.orders.is_empty() {
            let (order, known, by_wechat) = *random.of(&self.orders);
            let amount = if random.percent(70) { amount } else { known };
            return Ask::Open { order, amount, by_wechat };
        }
        let (order, by_wechat) = (self.fresh(random), random.percent(60));
        self.orders.push((order, amount, by_wechat));
        Ask::Open { order, amount, by_wechat }
    }

    /// An order, mostly one that was asked for.
    fn order(&mut self, random: &mut Random) -> Name {
        if self.orders.is_empty() || random.percent(3) {
            return Name::Chosen(9_000 + random.below(3));
        }
        random.of(&self.orders).0
    }

    fn pay(&mut self, random: &mut Random) -> Ask {
        if self.orders.is_empty() || random.percent(3) {
            // For an order that nobody opened, or not yet.
            return self.paid(Name::Chosen(self.numbers + random.below(3)), 100, random);
        }
        if random.percent(12) && !self.payments.is_empty() {
            return random.of(&self.payments).clone();
        }
        // Mostly one of the newest.
        let newest = self.orders.len() - 1 - small(random.below(4)).min(self.orders.len() - 1);
        let place =
            if random.percent(75) { newest } else { small(random.below(self.orders.len() as u64)) };
        let (order, amount, by_wechat) = self.orders[place];
        let amount = if random.percent(5) { amount + 1 } else { amount };
        let mut paid = self.paid(order, amount, random);
        if let Ask::Pay { told, .. } = &mut paid
            && !by_wechat
        {
            *told = if random.percent(90) { Told::Hand } else { Told::Notice };
        }
        paid
    }

    fn paid(&mut self, order: Name, amount: u64, random: &mut Random) -> Ask {
        self.numbers += 1;
        let mut transaction = self.numbers;
        if random.percent(4)
            && let Some(Ask::Pay { transaction: known, .. }) = self.payments.last()
        {
            transaction = *known;
        }
        let booked = if random.percent(10) { amount - amount / 10 } else { amount };
        let told = match random.below(10) {
            0 => Told::Hand,
            1..4 => Told::Query,
            _ => Told::Notice,
        };
        let paid = Ask::Pay { order, transaction, amount, booked, told };
        self.payments.push(paid.clone());
        paid
    }

    fn settle(&mut self, random: &mut Random) -> Ask {
        let include_not_due = random.percent(30);
        if random.percent(8) && !self.settlements.is_empty() {
            let (settlement, known) = *random.of(&self.settlements);
            return Ask::Settle { settlement, include_not_due: known ^ random.percent(60) };
        }
        let settlement = self.fresh(random);
        self.settlements.push((settlement, include_not_due));
        Ask::Settle { settlement, include_not_due }
    }

    fn withdraw(&mut self, random: &mut Random) -> Ask {
        let most = *random.of(&[150, 400, 2_000]);
        let amount = (!random.percent(45)).then(|| random.below(most));
        let settle_first = random.percent(60);
        if random.percent(8) && !self.withdrawals.is_empty() {
            let (withdrawal, by) = *random.of(&self.withdrawals);
            return Ask::Withdraw { withdrawal, amount, settle_first, by };
        }
        let (withdrawal, by) = (self.fresh(random), random.below(3));
        self.withdrawals.push((withdrawal, by));
        Ask::Withdraw { withdrawal, amount, settle_first, by }
    }

    fn withdrawal(&mut self, random: &mut Random) -> Name {
        if self.withdrawals.is_empty() || random.percent(3) {
            return Name::Chosen(9_000);
        }
        let newest = self.withdrawals.len() - 1;
        let back = small(random.below(3)).min(newest);
        self.withdrawals[newest - back].0
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { merchant, client, day, ask, .. } = self;
        write!(f, "client {client}, day {day}: m{} {ask:?}", merchant + 1)
    }
}
