//! A payment channel in memory that keeps its own books and can be told to fail, and an engine beside it, with one clock.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::support::{Scripted, audited, engine_of, fen, id, now};
use crate::cashier::{Cashier, Now};
use crate::domain::books::{Key, Record};
use crate::domain::channel_no::out_refund_no;
use crate::domain::head::Head;
use crate::domain::ids::{MerchantId, OrderNo, RefundNo, TransactionId, WithdrawalNo};
use crate::domain::money::Money;
use crate::domain::order::{Channel, Order};
use crate::domain::refund::{Refund, RefundStatus};
use crate::domain::restored::Restored;
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::time::At;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::engine::{Engine, NewOrder, Number};
use crate::freeze::Freeze;
use crate::gateway::{
    Announced, ChannelOrder, ChannelPayment, ChannelRefund, Closing, Gateway, RefundSent,
    RefundStanding, Sent, TransferStanding,
};
use crate::payer::Steady;
use crate::ports::{Answering, Store};

/// What the channel does with one transfer, instead of paying it and saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Refuses it: nothing moved.
    Refused,
    /// Nothing moved, and the answer is lost.
    Before,
    /// It is paid, and the answer is lost.
    After,
    /// Nothing moved, and there is never an answer, as for a process that died.
    HangsBefore,
    /// It is paid, and there is never an answer.
    HangsAfter,
    /// Nothing moved, and the task that sent it dies of a bug.
    Panics,
}

#[derive(Default)]
pub(super) struct Books {
    pub(super) orders: HashMap<OrderNo, ChannelOrder>,
    pub(super) announcing: VecDeque<Announced>,
    pub(super) closing: VecDeque<Closing>,
    pub(super) losses: VecDeque<Loss>,
    /// What was paid out, transfer by transfer.
    pub(super) paid: Vec<(WithdrawalNo, Money)>,
    pub(super) standing: Option<TransferStanding>,
    /// What was paid back, refund by refund.
    pub(super) refunded: Vec<(RefundNo, Money)>,
    pub(super) refund_standing: Option<RefundStanding>,
    pub(super) no_certificate: bool,
    /// Each call, with when it came.
    pub(super) calls: Vec<(i64, String)>,
    pub(super) requests: Vec<Channel>,
}

impl Books {
    fn standing_of(&self, withdrawal_no: WithdrawalNo) -> TransferStanding {
        let paid = self.paid.iter().find(|(no, _)| *no == withdrawal_no);
        let known = paid.map(|(no, amount)| TransferStanding::Paid {
            reference: format!("B{no}").into(),
            amount: *amount,
        });
        self.standing.clone().or(known).unwrap_or(TransferStanding::Missing)
    }
}

/// The channel.
pub(super) struct Bank {
    clock: Arc<AtomicI64>,
    books: Mutex<Books>,
    /// Each call about an order passes here before it does anything.
    pub(super) gate: Semaphore,
    /// Each answer to how a transfer stands passes here before it is heard, and takes a permit along.
    pub(super) told: Semaphore,
}

impl Bank {
    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn called(&self, what: &str, number: impl std::fmt::Display) {
        let at = self.clock.load(Ordering::SeqCst) - now().ms();
        self.books().calls.push((at, format!("{what} {number}")));
    }

    /// When calls of that kind came, in milliseconds since the test began.
    pub(super) fn times(&self, call: &str) -> Vec<i64> {
        self.books().calls.iter().filter(|(_, made)| made == call).map(|(at, _)| *at).collect()
    }

    pub(super) fn count(&self, call: &str) -> usize {
        self.times(call).len()
    }

    /// The customer pays.
    pub(super) fn customer_pays(&self, no: &str, amount: u64) {
        let paid = ChannelOrder::Paid(channel_payment(no, amount));
        self.books().orders.insert(no.parse().unwrap(), paid);
    }

    async fn pass(&self) {
        drop(self.gate.acquire().await.unwrap());
    }
}

pub(super) fn channel_payment(no: &str, amount: u64) -> ChannelPayment {
    ChannelPayment {
        transaction_id: format!("T{no}").parse().unwrap(),
        amount: fen(amount),
        booked: fen(amount),
        paid_at: now(),
        openid: Some("o1".into()),
    }
}

impl Gateway for Bank {
    fn announce<'a>(&'a self, _: MerchantId, order: &'a Order) -> Answering<'a, Announced> {
        Box::pin(async move {
            let no = order.order_no;
            self.called("announce", no);
            self.pass().await;
            let mut books = self.books();
            books.requests.push(order.channel.clone());
            let scripted = books.announcing.pop_front();
            let made = books.requests.len();
            let standing = books.orders.entry(no).or_insert(ChannelOrder::NotPaid).clone();
            match (scripted, standing) {
                (Some(scripted), _) => scripted,
                (None, ChannelOrder::Paid(_)) => Announced::Paid,
                (None, ChannelOrder::Closed) => Announced::Closed,
                (None, _) => Announced::Prepaid(format!("wx{made}").into()),
            }
        })
    }

    fn order(&self, _: MerchantId, order_no: OrderNo) -> Answering<'_, ChannelOrder> {
        Box::pin(async move {
            self.called("order", order_no);
            self.pass().await;
            self.books().orders.get(&order_no).cloned().unwrap_or(ChannelOrder::Missing)
        })
    }

    fn close(&self, _: MerchantId, order_no: OrderNo) -> Answering<'_, Closing> {
        Box::pin(async move {
            self.called("close", order_no);
            self.pass().await;
            let mut books = self.books();
            if let Some(scripted) = books.closing.pop_front() {
                return scripted;
            }
            match books.orders.get(&order_no) {
                Some(ChannelOrder::Paid(_)) => Closing::Paid,
                Some(_) => {
                    books.orders.insert(order_no, ChannelOrder::Closed);
                    Closing::Closed
                }
                None => Closing::Unknown("ORDERNOTEXIST".into()),
            }
        })
    }

    fn can_transfer(&self) -> bool {
        !self.books().no_certificate
    }

    /// Pays under one number once, as WeChat does.
    fn transfer<'a>(&'a self, of: MerchantId, withdrawal: &'a Withdrawal) -> Answering<'a, Sent> {
        Box::pin(async move {
            let no = withdrawal.withdrawal_no;
            self.called("transfer", no);
            assert_eq!(withdrawal.status, WithdrawalStatus::Sending, "{of} {no}: durable first");
            let loss = {
                let mut books = self.books();
                let loss = books.losses.pop_front();
                let pays = matches!(loss, None | Some(Loss::After | Loss::HangsAfter));
                if pays && !books.paid.iter().any(|(paid, _)| *paid == no) {
                    books.paid.push((no, withdrawal.amount));
                }
                loss
            };
            match loss {
                None => Sent::Paid(format!("B{no}").into()),
                Some(Loss::Refused) => Sent::Refused("NOTENOUGH".into()),
                Some(Loss::Before | Loss::After) => Sent::Unknown("time-out".into()),
                Some(Loss::HangsBefore | Loss::HangsAfter) => std::future::pending().await,
                Some(Loss::Panics) => panic!("a gateway with a bug, as the test wants it"),
            }
        })
    }

    fn transfer_standing(
        &self,
        _: MerchantId,
        withdrawal_no: WithdrawalNo,
    ) -> Answering<'_, TransferStanding> {
        Box::pin(async move {
            self.called("standing", withdrawal_no);
            let standing = self.books().standing_of(withdrawal_no);
            self.told.acquire().await.unwrap().forget();
            standing
        })
    }

    /// Pays back under one number once, as WeChat does, and says later that it did.
    fn refund<'a>(&'a self, of: MerchantId, refund: &'a Refund) -> Answering<'a, RefundSent> {
        Box::pin(async move {
            let no = refund.refund_no;
            self.called("refund", no);
            assert_eq!(refund.status, RefundStatus::Sending, "{of} {no}: durable first");
            let loss = {
                let mut books = self.books();
                let loss = books.losses.pop_front();
                let pays = matches!(loss, None | Some(Loss::After | Loss::HangsAfter));
                if pays && !books.refunded.iter().any(|(paid, _)| *paid == no) {
                    books.refunded.push((no, refund.amount));
                }
                loss
            };
            match loss {
                None => RefundSent::Taken,
                Some(Loss::Refused) => RefundSent::Later("NOTENOUGH".into()),
                Some(Loss::Before | Loss::After) => RefundSent::Unknown("time-out".into()),
                Some(Loss::HangsBefore | Loss::HangsAfter) => std::future::pending().await,
                Some(Loss::Panics) => panic!("a gateway with a bug, as the test wants it"),
            }
        })
    }

    fn refund_standing<'a>(
        &'a self,
        _: MerchantId,
        refund: &'a Refund,
    ) -> Answering<'a, RefundStanding> {
        Box::pin(async move {
            self.called("refund standing", refund.refund_no);
            let books = self.books();
            let paid = books.refunded.iter().find(|(no, _)| *no == refund.refund_no);
            let known = paid.map(|(no, amount)| RefundStanding::Succeeded {
                refund_id: format!("F{no}").into(),
                amount: *amount,
                booked: None,
            });
            books.refund_standing.clone().or(known).unwrap_or(RefundStanding::Missing)
        })
    }

    /// All that it paid back, whatever for: these worlds have one order that is refunded.
    fn refunds_of(
        &self,
        payment: TransactionId,
    ) -> Answering<'_, Result<Vec<ChannelRefund>, Box<str>>> {
        Box::pin(async move {
            self.called("refunds of", payment);
            let told = |(no, amount): &(RefundNo, Money)| ChannelRefund {
                out_refund_no: out_refund_no(&id("m1"), no).into(),
                refund_id: format!("F{no}").into(),
                amount: *amount,
            };
            Ok(self.books().refunded.iter().map(told).collect())
        })
    }
}

/// An engine with one merchant, m1, that is paid out by WeChat, its store, and the channel.
pub(super) struct World<'r> {
    runtime: &'r Runtime,
    clock: Arc<AtomicI64>,
    freeze: Arc<Freeze>,
    pub(super) store: Arc<Scripted>,
    pub(super) bank: Arc<Bank>,
    pub(super) engine: Engine,
    pub(super) cashier: Cashier,
    pub(super) m: MerchantId,
}

impl<'r> World<'r> {
    pub(super) async fn new(runtime: &'r Runtime) -> Self {
        let clock = Arc::new(AtomicI64::new(now().ms()));
        let [gate, told] = [(); 2].map(|()| Semaphore::new(Semaphore::MAX_PERMITS));
        let bank = Bank { clock: Arc::clone(&clock), books: Mutex::default(), gate, told };
        let bank = Arc::new(bank);
        let store = Scripted::new(Arc::default(), false);
        let freeze = Arc::new(Freeze::never());
        let engine = engine_of(runtime, Arc::clone(&store), Arc::clone(&freeze));
        let m = id("m1");
        let rules = Rules {
            payout_method: Some(PayoutMethod::Wechat),
            payout_openid: Some("o-shop".into()),
            approval_over_fen: Some(fen(100_000)),
            ..Rules::new("a shop")
        };
        engine.register(m, rules, now()).await.unwrap();
        let cashier = cashier(&engine, &bank, runtime, &clock);
        Self { runtime, clock, freeze, store, bank, engine, cashier, m }
    }

    /// The process ends, and another begins on the same store.
    pub(super) async fn restart(&mut self) {
        self.engine.stop().await;
        let (store, freeze) = (Arc::clone(&self.store), Arc::clone(&self.freeze));
        self.engine = engine_of(self.runtime, store, freeze);
        self.cashier = cashier(&self.engine, &self.bank, self.runtime, &self.clock);
    }

    /// The books turn out to be those of a backup that was begun and put in place so many milliseconds ago.
    pub(super) fn restored(&self, since_ms: i64, at_ms: i64, frozen: bool) {
        let [since, at] = [since_ms, at_ms].map(|ago| self.now().plus_ms(-ago));
        self.freeze.learn(Some(Restored { since, at, frozen }), Instant::now());
    }

    /// Somebody says that all is known.
    pub(super) fn release(&self) {
        let restored = self.freeze.restored().map(|known| Restored { frozen: false, ..known });
        self.freeze.learn(restored, Instant::now());
    }

    pub(super) fn clock(&self) -> Now {
        now_of(&self.clock)
    }

    /// The same clock, as one that nobody sets.
    pub(super) fn steady(&self) -> Steady {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || Duration::from_millis(clock.load(Ordering::SeqCst).unsigned_abs()))
    }

    pub(super) fn now(&self) -> At {
        At::from_ms(self.clock.load(Ordering::SeqCst))
    }

    /// The clock of a node that is so far ahead of it, or behind.
    pub(super) fn clock_off(&self, ms: i64) -> Now {
        let clock = self.clock();
        Arc::new(move || clock().plus_ms(ms))
    }

    pub(super) fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(super) async fn order(&self, no: &str) -> Order {
        self.store.order(self.m, no.parse().unwrap()).await.unwrap().unwrap().order
    }

    pub(super) async fn withdrawal(&self, no: &str) -> Withdrawal {
        let key = Key::Withdrawal(no.parse().unwrap());
        let found = self.store.lookup(vec![(self.m, key)]).await.unwrap().remove(0);
        let Ok(Some(Record::Withdrawal(made))) = found else { panic!("{no} is not a withdrawal") };
        *made
    }

    pub(super) async fn refund(&self, no: &str) -> Refund {
        let key = Key::Refund(no.parse().unwrap());
        let found = self.store.lookup(vec![(self.m, key)]).await.unwrap().remove(0);
        let Ok(Some(Record::Refund(made))) = found else { panic!("{no} is not a refund") };
        *made
    }

    pub(super) async fn head(&self) -> Head {
        audited(&self.store, self.m).await
    }
}

fn now_of(clock: &Arc<AtomicI64>) -> Now {
    let clock = Arc::clone(clock);
    Arc::new(move || At::from_ms(clock.load(Ordering::SeqCst)))
}

fn cashier(engine: &Engine, bank: &Arc<Bank>, on: &Runtime, clock: &Arc<AtomicI64>) -> Cashier {
    let gateway: Arc<dyn Gateway> = Arc::<Bank>::clone(bank);
    Cashier::new(engine.clone(), gateway, on.handle().clone(), now_of(clock))
}

/// An order to be paid by WeChat, given up after two hours.
pub(super) fn by_wechat(no: &str, amount: u64, now: At) -> NewOrder {
    let request = vec![("body".into(), "apples".into()), ("nonce".into(), now.to_string().into())];
    NewOrder {
        number: Number::Chosen(no.parse().unwrap()),
        amount: fen(amount),
        description: "apples".into(),
        channel: Channel::Wechat { openid: "o1".into(), request },
        expires_at: now.plus_ms(7_200_000),
    }
}
