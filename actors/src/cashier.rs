//! The cashier: flows between a merchant's actor and the payment channel. Each runs in a task of its own, to its end: a
//! caller only waits for it, and may be gone.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::command::{Asked, Booking, Pay, RecordPrepay};
use crate::domain::event::PaymentSource;
use crate::domain::ids::{KeyId, MerchantId, OrderNo};
use crate::domain::order::{Channel, Order, OrderStatus};
use crate::domain::refusal::Refusal;
use crate::domain::time::At;
use crate::engine::{Engine, Made, NewOrder};
use crate::error::EngineError;
use crate::gateway::{Announced, ChannelOrder, ChannelPayment, Closing, Gateway};
use crate::limits;
use crate::traffic::Traffic;

/// Reads the wall clock. Given by the edge, as nothing in here reads one.
pub type Now = Arc<dyn Fn() -> At + Send + Sync>;

/// The flows. Cheap to clone.
#[derive(Clone)]
pub struct Cashier {
    engine: Engine,
    gateway: Arc<dyn Gateway>,
    runtime: Handle,
    now: Now,
    traffic: Arc<Traffic>,
}

/// An order that may be paid now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// The order, and whether this call opened it.
    pub order: Made<Order>,
    /// What the customer's page pays with; `None`: the order is external, not open any more, or about to be closed.
    pub prepay_id: Option<Box<str>>,
}

/// What became of closing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The order as it now is.
    pub order: Order,
    /// It is too early to close it at the channel: nobody is invited to pay it any more, and it is closed when that is
    /// allowed. Paid meanwhile, it is paid.
    pub accepted_only: bool,
}

/// Why an order can't be paid, looked up or closed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CashierError {
    /// The engine's word.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The channel refused the order: a code and words for people. It stays open, and a repeat repeats its request.
    #[error("WeChat refused the order: {0}")]
    Refused(Box<str>),
    /// The channel did not answer, or not for certain: ask again with the same number.
    #[error("WeChat did not answer: {0}")]
    Unknown(Box<str>),
}

impl From<Refusal> for CashierError {
    fn from(refusal: Refusal) -> Self {
        Self::Engine(refusal.into())
    }
}

impl Cashier {
    /// Whose orders the flows are about.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Flows between these two, in tasks on that runtime: the store's, which outlives the engine.
    pub fn new(engine: Engine, gateway: Arc<dyn Gateway>, runtime: Handle, now: Now) -> Self {
        Self { engine, gateway, runtime, now, traffic: Arc::default() }
    }

    /// Opens an order and announces it to the channel. A repeat gives the prepay id at hand while it is fresh, else it
    /// repeats the stored request; an order that is not open any more is given as it is. `by` is the key that asks; a
    /// customer has none.
    pub async fn open(
        &self,
        of: MerchantId,
        new: NewOrder,
        by: Option<KeyId>,
    ) -> Result<Payable, CashierError> {
        let cashier = self.clone();
        self.to_its_end(async move {
            let order = cashier.engine.open_order(of, new, cashier.asked(by)).await?;
            cashier.invite(of, order).await
        })
        .await
    }

    /// Asks the channel how an order stands, books its payment when there is one, and gives the order as it now is. An
    /// order that is paid or external is not asked about.
    pub async fn look_up(&self, of: MerchantId, order_no: OrderNo) -> Result<Order, CashierError> {
        let cashier = self.clone();
        self.to_its_end(async move { cashier.find_payment(of, order_no).await }).await
    }

    /// Closes an order: at the channel first, and here second. [`Refusal::OrderPaid`] when it turns out to be paid.
    /// `by` is the key that asks.
    pub async fn close(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        by: Option<KeyId>,
    ) -> Result<Closed, CashierError> {
        let cashier = self.clone();
        self.to_its_end(async move { cashier.shut(of, order_no, by).await }).await
    }

    /// What is asked now, by this key.
    fn asked(&self, by: Option<KeyId>) -> Asked {
        Asked::new((self.now)(), by)
    }

    /// Runs a flow to its end whoever stops waiting for it.
    async fn to_its_end<T: Send + 'static>(
        &self,
        flow: impl Future<Output = Result<T, CashierError>> + Send + 'static,
    ) -> Result<T, CashierError> {
        let customer = self.traffic.customer();
        let task = self.runtime.spawn(async move {
            let ended = flow.await;
            drop(customer);
            ended
        });
        task.await.unwrap_or_else(|ended| {
            tracing::error!(%ended, "a flow with the payment channel did not come to its end");
            Err(EngineError::OutcomeUnknown.into())
        })
    }

    /// Makes an order payable, if it is open and belongs to the channel.
    async fn invite(
        &self,
        of: MerchantId,
        Made { thing: order, fresh }: Made<Order>,
    ) -> Result<Payable, CashierError> {
        let payable = |order, prepay_id| Payable { order: Made { thing: order, fresh }, prepay_id };
        if !self.is_awaited(&order) || order.closing_at.is_some() {
            return Ok(payable(order, None));
        }
        let reused_from = (self.now)().plus_ms(-limits::PREPAY_REUSE_MS);
        if let Some(prepay) = order.prepay.as_ref().filter(|prepay| prepay.at > reused_from) {
            let prepay_id = prepay.prepay_id.clone();
            return Ok(payable(order, Some(prepay_id)));
        }
        let order_no = order.order_no;
        let order = match self.gateway.announce(of, &order).await {
            Announced::Prepaid(prepay_id) => {
                let prepay = RecordPrepay { order_no, prepay_id: prepay_id.clone() };
                match self.engine.record_prepay(of, prepay, (self.now)()).await {
                    Ok(order) => return Ok(payable(order, Some(prepay_id))),
                    // Paid or closed meanwhile.
                    Err(EngineError::Refused(_)) => self.read(of, order_no).await?,
                    Err(error) => return Err(error.into()),
                }
            }
            Announced::Paid | Announced::Closed => self.find_payment(of, order_no).await?,
            Announced::Refused(why) => return Err(CashierError::Refused(why)),
            Announced::Unknown(why) => return Err(CashierError::Unknown(why)),
        };
        if self.is_awaited(&order) && order.closing_at.is_none() {
            return Err(CashierError::Unknown(
                "it gives no prepay id, and no payment either".into(),
            ));
        }
        Ok(payable(order, None))
    }

    /// Whether an order waits for money from the channel.
    fn is_awaited(&self, order: &Order) -> bool {
        match order.channel {
            Channel::Wechat { .. } => order.status == OrderStatus::Open,
            Channel::External => false,
        }
    }

    async fn read(&self, of: MerchantId, order_no: OrderNo) -> Result<Order, CashierError> {
        let found = self.engine.store().order(of, order_no).await;
        let found = found.map_err(|error| EngineError::Unavailable(error.to_string()))?;
        Ok(found.ok_or(Refusal::OrderUnknown)?.order)
    }

    /// Asks the channel how an order stands, as [`Cashier::look_up`] does.
    pub(crate) async fn find_payment(
        &self,
        of: MerchantId,
        no: OrderNo,
    ) -> Result<Order, CashierError> {
        let order = self.read(of, no).await?;
        let asked = match order.channel {
            Channel::Wechat { .. } => order.status != OrderStatus::Paid,
            Channel::External => false,
        };
        if !asked {
            return Ok(order);
        }
        match self.gateway.order(of, no).await {
            ChannelOrder::Paid(payment) => self.book(of, order, payment).await,
            ChannelOrder::Closed if order.status == OrderStatus::Open => {
                self.close_here(of, no, None).await
            }
            ChannelOrder::Closed | ChannelOrder::NotPaid | ChannelOrder::Missing => Ok(order),
            ChannelOrder::Unknown(why) => Err(CashierError::Unknown(why)),
        }
    }

    /// Books what the channel knows. A payment that does not fit becomes a case, and the order stays as it is.
    async fn book(
        &self,
        of: MerchantId,
        order: Order,
        found: ChannelPayment,
    ) -> Result<Order, CashierError> {
        let order_no = order.order_no;
        let ChannelPayment { transaction_id, amount, booked, paid_at, .. } = found;
        let source = PaymentSource::Query;
        let signed = None;
        let pay = Pay { order_no, transaction_id, amount, booked, paid_at, source, signed };
        let (booking, after) = self.engine.pay(of, pay, (self.now)()).await?;
        if let Booking::Case(kind) = booking {
            tracing::warn!(%of, %order_no, kind = kind.as_str(), "a payment that was found opens a case");
        }
        Ok(after.unwrap_or(order))
    }

    /// Closes here what can't be paid at the channel any more. Paid meanwhile, it is given as paid.
    async fn close_here(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        by: Option<KeyId>,
    ) -> Result<Order, CashierError> {
        match self.engine.close_order(of, order_no, self.asked(by)).await {
            Err(EngineError::Refused(Refusal::OrderPaid)) => self.read(of, order_no).await,
            closed => Ok(closed?),
        }
    }

    async fn shut(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        by: Option<KeyId>,
    ) -> Result<Closed, CashierError> {
        let order = self.read(of, order_no).await?;
        if !self.is_awaited(&order) {
            let order = self.engine.close_order(of, order_no, self.asked(by)).await?;
            return Ok(Closed { order, accepted_only: false });
        }
        let too_early = (self.now)() < order.opened_at.plus_ms(limits::CLOSE_AFTER_MS);
        let closing =
            if too_early { Closing::TooEarly } else { self.gateway.close(of, order_no).await };
        let order = match closing {
            Closing::Closed => self.close_here(of, order_no, by).await?,
            Closing::Paid => self.find_payment(of, order_no).await?,
            Closing::TooEarly => {
                let order = self.engine.start_closing(of, order_no, self.asked(by)).await?;
                return Ok(Closed { accepted_only: order.status == OrderStatus::Open, order });
            }
            Closing::Unknown(why) => return Err(CashierError::Unknown(why)),
        };
        match order.status {
            OrderStatus::Closed => Ok(Closed { order, accepted_only: false }),
            OrderStatus::Paid => Err(Refusal::OrderPaid.into()),
            OrderStatus::Open => Err(CashierError::Unknown(
                "it says that the order is paid, but knows no payment".into(),
            )),
        }
    }

    /// What the sweeper does about an order that waits: closes it at the channel and here when it is given up, else asks
    /// how it stands.
    pub(crate) async fn sweep(&self, of: MerchantId, order: &Order) -> Result<Order, CashierError> {
        let (now, order_no) = ((self.now)(), order.order_no);
        let given_up = order.closing_at.is_some() || now >= order.expires_at;
        if !given_up || now < order.opened_at.plus_ms(limits::CLOSE_AFTER_MS) {
            return self.find_payment(of, order_no).await;
        }
        match self.gateway.close(of, order_no).await {
            Closing::Closed => self.close_here(of, order_no, None).await,
            Closing::Paid | Closing::TooEarly => self.find_payment(of, order_no).await,
            // One that the channel never heard of can't be closed there.
            Closing::Unknown(why) => match self.gateway.order(of, order_no).await {
                ChannelOrder::Paid(payment) => self.book(of, order.clone(), payment).await,
                ChannelOrder::Closed | ChannelOrder::Missing => {
                    self.close_here(of, order_no, None).await
                }
                ChannelOrder::NotPaid | ChannelOrder::Unknown(_) => Err(CashierError::Unknown(why)),
            },
        }
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn now(&self) -> At {
        (self.now)()
    }
}
