//! Reconciliation (对账): a day's bill of WeChat's against the journal. Each difference becomes a case; nothing is mended by itself.
//!
//! | file | what |
//! |---|---|
//! | `record` | what is compared |
//! | `compare` | the comparison, pure |
//! | `parts` | both sides on disk, a part of them in memory |
//! | `bill`, `journal` | where the two sides come from |
//! | `refunds` | money that went back, looked up by number |
//! | `transfers` | money that went out, looked up by number |
//! | `case` | the case that a difference becomes |
//! | `run` | a day from the bill to the cases |
//! | `command` | `tally reconcile` |
//! | `daily` | the run that nobody asks for |

mod bill;
mod case;
pub(crate) mod command;
mod compare;
mod daily;
mod journal;
mod parts;
mod record;
mod refunds;
mod run;
mod transfers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::ids::{CaseId, MerchantId};
use tally_actors::domain::time::{At, Day};
use tally_actors::engine::Engine;
use tally_actors::error::EngineError;
use tally_actors::ports::{ReadError, Trouble};
use tally_storage::Books;
use tally_storage::reconciliations::Reconciliation;
use tokio::runtime::Handle;

use self::bill::Flow;
pub(crate) use self::compare::Difference;
use self::compare::Sums;
pub(crate) use self::daily::Daily;
use crate::clock::Clock;
use crate::limits::{BILL_READY_MS, RECONCILE_WAIT};
use crate::settings::Settings;
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
    /// What moved on the platform's account; `None`: `flow_fault` says why it is not known.
    pub(crate) flow: Option<Flow>,
    /// Why the fund flow was not compared.
    pub(crate) flow_fault: Option<String>,
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

/// How a day stands whose newest run did not come to its end.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// It is being compared.
    Running,
    /// The last try failed, and why.
    Failed(String),
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
    turn: tokio::sync::Mutex<()>,
    standing: Mutex<BTreeMap<Day, Standing>>,
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
            turn: tokio::sync::Mutex::new(()),
            standing: Mutex::default(),
        })
    }

    /// Compares a day, and waits for it a while.
    ///
    /// # Errors
    ///
    /// [`Fault`]: the day was not compared.
    pub(crate) async fn ask(self: &Arc<Self>, day: Day) -> Result<Asked, Fault> {
        self.ready(day)?;
        if matches!(self.standing(day), Some(Standing::Running)) {
            return Ok(Asked::UnderWay);
        }
        self.stands(day, Some(Standing::Running));
        let this = Arc::clone(self);
        let mut task = self.runtime.spawn(async move {
            let done = this.run(day).await;
            let failed = done.as_ref().err().map(|fault| Standing::Failed(fault.to_string()));
            if let Some(Standing::Failed(why)) = &failed {
                tracing::warn!(%day, why, "a day was not compared with WeChat's bill");
            }
            this.stands(day, failed);
            done
        });
        match tokio::time::timeout(RECONCILE_WAIT, &mut task).await {
            Ok(Ok(done)) => done.map(|(fresh, made)| Asked::Done(fresh, made)),
            Ok(Err(_)) => {
                self.stands(day, Some(Standing::Failed(Fault::Ended.to_string())));
                Err(Fault::Ended)
            }
            Err(_) => Ok(Asked::UnderWay),
        }
    }

    /// How a day stands, unless its newest run came to its end.
    pub(crate) fn standing(&self, day: Day) -> Option<Standing> {
        self.standings().get(&day).cloned()
    }

    fn stands(&self, day: Day, standing: Option<Standing>) {
        match standing {
            Some(standing) => drop(self.standings().insert(day, standing)),
            None => drop(self.standings().remove(&day)),
        }
    }

    fn standings(&self) -> MutexGuard<'_, BTreeMap<Day, Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod million_tests;
