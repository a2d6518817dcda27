//! The cashier: flows between a merchant's actor and the payment channel. Each runs in a task of its own, to its end: a
//! caller only waits for it, and may be gone.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::ids::{MerchantId, OrderNo};
use crate::domain::order::Order;
use crate::domain::time::At;
use crate::engine::{Engine, Made, NewOrder};
use crate::error::EngineError;
use crate::gateway::Gateway;

/// Reads the wall clock. Given by the edge, as nothing in here reads one.
pub type Now = Arc<dyn Fn() -> At + Send + Sync>;

/// The flows. Cheap to clone.
#[derive(Clone)]
pub struct Cashier {
    engine: Engine,
    gateway: Arc<dyn Gateway>,
    runtime: Handle,
    now: Now,
}

/// An order that may be paid now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// The order, and whether this call opened it.
    pub order: Made<Order>,
    /// What the customer's page pays with; `None`: the order is not open (any more).
    pub prepay_id: Option<Box<str>>,
}

/// Why an order can't be paid now.
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
