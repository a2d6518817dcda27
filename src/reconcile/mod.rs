//! Reconciliation (对账): a day's bill of WeChat's against the journal. Each difference becomes a case; nothing is mended by itself.
//!
//! | file | what |
//! |---|---|
//! | `record` | what is compared |
//! | `compare` | the comparison, pure |
//! | `parts` | both sides on disk, a part of them in memory |
//! | `bill`, `journal` | where the two sides come from |
//! | `looked` | what is looked up by number |
//! | `refunds` | money that went back, looked up by number |
//! | `transfers` | money that went out, looked up by number |
//! | `case` | the case that a difference becomes |
//! | `run` | a day from the bill to the cases |
//! | `turn` | one day at a time, whichever process compares it |
//! | `standing` | how days stand that are not done |
//! | `command` | `tally reconcile` |
//! | `daily` | the run that nobody asks for |

mod bill;
mod case;
pub(crate) mod command;
mod compare;
mod daily;
mod journal;
mod looked;
mod parts;
mod record;
mod refunds;
mod run;
mod standing;
mod transfers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::ids::{CaseId, MerchantId};
use tally_actors::domain::time::{At, Day};
use tally_actors::engine::Engine;
use tally_actors::error::EngineError;
use tally_actors::ports::{ReadError, Trouble, Work};
use tally_storage::Books;
use tally_storage::reconciliations::Reconciliation;
use tokio::runtime::Handle;

use self::bill::Flow;
pub(crate) use self::compare::Difference;
use self::compare::Sums;
pub(crate) use self::daily::Daily;
pub(crate) use self::standing::Standing;
use self::standing::{Running, Standings};
use crate::clock::Clock;
use crate::limits::{BILL_READY_MS, RECONCILE_WAIT};
use crate::settings::Settings;
use crate::turn::Turn;
use crate::wechat_gateway::WechatGateway;

/// Why a day was not compared. Nothing is known of it then that was not before, but for cases that were already opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Too early.
    #[error("{0}; ask again after 10:00 Beijing of the next day")]
    NotReady(String),
    /// WeChat gives no bill.
    #[error("{0}")]
    Refused(String),
    /// What came is no bill that can be believed.
    #[error("the bill can't be used, and nothing was changed: {0}")]
    Unreadable(String),
    /// WeChat is not to be reached, or did not send all.
    #[error("the bill did not come: {0}; ask again")]
    Unavailable(String),
    /// The books can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was found can't be kept.
    #[error(transparent)]
    Keep(#[from] Trouble),
    /// A case can't be opened.
    #[error("a case was not opened: {0}")]
    Case(#[from] EngineError),
    /// Another process compares a day. This one did nothing, or what it did is that one's to do.
    #[error("another process compares a day at this moment; ask again in a minute")]
    Elsewhere,
    /// No room for what is compared.
    #[error("the data directory can't hold what is compared: {0}")]
    Disk(#[from] std::io::Error),
    /// A bug of ours.
    #[error("the comparison ended early")]
    Ended,
}

/// What a day came to, as it is kept and shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Counts and sums of payments and refunds.
    pub(crate) sums: Sums,
    /// How many differences there are of each kind.
    pub(crate) differences: BTreeMap<String, u64>,
    /// How many of them have no case, as there were too many.
    pub(crate) without_case: u64,
    /// Differences that an earlier run of the day saw and this one does not.
    pub(crate) no_longer_seen: u64,
    /// Payments, refunds and lines that stand in, or wait for, the day beside it.
    pub(crate) carried: u64,
    /// Merchants of whom not everything can be read, the first of them; what can't be read was passed over.
    #[serde(default)]
    pub(crate) unread: Vec<String>,
    /// How many these are in all.
    #[serde(default)]
    pub(crate) unread_merchants: u64,
    /// What moved on the platform's account; `None`: `flow_fault` says why it is not known.
    pub(crate) flow: Option<Flow>,
    /// Why the fund flow was not compared.
    pub(crate) flow_fault: Option<String>,
}

impl Report {
    /// Whether all was read, and nothing differs.
    pub(crate) fn agrees(&self) -> bool {
        self.differences.is_empty() && self.unread_merchants == 0
    }
}

/// A difference as it is kept and shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) difference: Difference,
    /// Whose.
    pub(crate) merchant_id: Option<MerchantId>,
    /// Its case.
    pub(crate) case_id: Option<CaseId>,
}

/// What an asked comparison came to.
pub(crate) enum Asked {
    /// It is done; whether for the first time.
    Done(bool, Reconciliation),
    /// It goes on.
    UnderWay,
}

/// Who compares days with bills, one at a time.
pub(crate) struct Reconciler {
    engine: Engine,
    books: Arc<dyn Books>,
    gateway: Arc<WechatGateway>,
    clock: Clock,
    fee_bp: u16,
    folder: PathBuf,
    runtime: Handle,
    turn: Turn,
    standings: Standings,
}

impl Reconciler {
    /// One that has compared nothing yet. What is compared lies in the data directory meanwhile; the runtime is the store's.
    pub(crate) fn new(
        settings: &Settings,
        engine: &Engine,
        books: &Arc<dyn Books>,
        gateway: &Arc<WechatGateway>,
        (clock, runtime): (&Clock, &Handle),
    ) -> Arc<Self> {
        Arc::new(Self {
            engine: engine.clone(),
            books: Arc::clone(books),
            gateway: Arc::clone(gateway),
            clock: clock.clone(),
            fee_bp: settings.wechat.fee_bp,
            folder: settings.data.data_dir.clone(),
            runtime: runtime.clone(),
            turn: Turn::new(engine.store(), Work::Reconciliations),
            standings: Standings::default(),
        })
    }

    /// Compares a day, and waits for it a while.
    ///
    /// # Errors
    ///
    /// [`Fault`]: the day was not compared.
    pub(crate) async fn ask(self: &Arc<Self>, day: Day) -> Result<Asked, Fault> {
        self.ready(day)?;
        let Some(running) = self.standings.begin(day) else { return Ok(Asked::UnderWay) };
        let this = Arc::clone(self);
        let task = self.runtime.spawn(async move {
            let done = this.in_turn(running, this.run(day)).await;
            if let Err(fault) = &done {
                tracing::warn!(%day, %fault, "a day was not compared with WeChat's bill");
            }
            done
        });
        match tokio::time::timeout(RECONCILE_WAIT, task).await {
            Ok(Ok(done)) => done.map(|(fresh, made)| Asked::Done(fresh, made)),
            Ok(Err(_)) => Err(Fault::Ended),
            Err(_) => Ok(Asked::UnderWay),
        }
    }

    /// Does the work of a day while nobody else compares, and keeps how the day then stands.
    async fn in_turn<T>(
        &self,
        running: Running,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let done = self.turn.with(work, || Fault::Elsewhere).await;
        running.end(done.as_ref().err());
        done
    }

    /// How a day stands, unless its newest run came to its end.
    pub(crate) fn standing(&self, day: Day) -> Option<Standing> {
        self.standings.of(day)
    }

    /// A day's bill is made by 10:00 of the next.
    fn ready(&self, day: Day) -> Result<At, Fault> {
        let now = self.clock.now();
        if now.ms() < compare::midnight(day) + BILL_READY_MS {
            return Err(Fault::NotReady(format!("the bill of {day} is not made yet")));
        }
        Ok(now)
    }
}

/// The name of a kind, as the report counts it.
fn name(kind: CaseKind) -> String {
    kind.as_str().to_owned()
}
