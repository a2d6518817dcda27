//! How days stand whose newest run did not come to its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tally_actors::domain::time::Day;

use super::Fault;

/// How a day stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is being compared.
    Running,
    /// The last try failed, and why.
    Failed(String),
}

/// How each day stands that does not stand well.
#[derive(Debug, Clone, Default)]
pub(super) struct Standings(Arc<Mutex<BTreeMap<Day, Standing>>>);

/// A run of a day. When it goes without a word, as in a panic, the day has failed.
pub(super) struct Running {
    of: Standings,
    day: Day,
}

impl Standings {
    /// How a day stands, unless its newest run came to its end.
    pub(super) fn of(&self, day: Day) -> Option<Standing> {
        self.all().get(&day).cloned()
    }

    /// A run of a day begins; `None`: one is under way.
    pub(super) fn begin(&self, day: Day) -> Option<Running> {
        let before = self.all().insert(day, Standing::Running);
        (before != Some(Standing::Running)).then(|| Running { of: self.clone(), day })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Day, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// It came to its end, or to a fault; where another process compares, the day stands as that one leaves it.
    pub(super) fn end(self, fault: Option<&Fault>) {
        let mut all = self.of.all();
        match fault {
            None | Some(Fault::Elsewhere) => all.remove(&self.day),
            Some(fault) => all.insert(self.day, Standing::Failed(fault.to_string())),
        };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(standing @ Standing::Running) = self.of.all().get_mut(&self.day) {
            *standing = Standing::Failed(Fault::Ended.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_panics_leaves_a_day_that_failed_and_can_be_run_again() {
        let (standings, day) = (Standings::default(), Day::from_days(20_454).unwrap());
        let run = standings.begin(day).unwrap();
        assert_eq!(standings.of(day), Some(Standing::Running));
        assert!(standings.begin(day).is_none(), "one is under way");
        let bug = std::thread::spawn(move || {
            let _run = run;
            panic!("a bug, as the test wants it");
        });
        assert!(bug.join().is_err());
        assert_eq!(standings.of(day), Some(Standing::Failed(Fault::Ended.to_string())));
        standings.begin(day).unwrap().end(None);
        assert_eq!(standings.of(day), None);
        let fault = Fault::NotReady("not yet".into());
        standings.begin(day).unwrap().end(Some(&fault));
        assert_eq!(standings.of(day), Some(Standing::Failed(fault.to_string())));
        standings.begin(day).unwrap().end(Some(&Fault::Elsewhere));
        assert_eq!(standings.of(day), None);
    }
}
