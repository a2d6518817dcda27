//! What a run is to do, and what it found.

use std::fmt;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use tokio::time::sleep;

use super::server::Server;
use super::site::Site;
use crate::random::Random;

/// How soon a start must be ready, whatever it has to recover.
const READY_MAX: Duration = Duration::from_secs(2);

/// The kill of a start comes at a random instant of its first so many milliseconds.
const START_WITHIN_MS: u64 = 60;

/// The fewest things a kill that have to be acknowledged, on the whole, for a run to prove anything.
const LOAD_MIN: usize = 5;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary under test.
    pub binary: PathBuf,
    /// Where its folders are made: on a disk where a flush is a real one.
    pub place: PathBuf,
    /// How often it is killed.
    pub kills: u64,
    /// Decides all choices.
    pub seed: u64,
    /// How many ask at the same time.
    pub clients: u64,
    /// Whether the folder of a run with faults stays.
    pub keep: bool,
}

impl Plan {
    /// A new folder for the binary.
    pub fn site(&self) -> Site {
        Site::new(&self.binary, &self.place)
    }
}

/// What was done, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How often a server that was ready was killed.
    pub kills: u64,
    /// How often one was killed before it was ready.
    pub starts_killed: u64,
    /// How many things were acknowledged.
    pub acknowledged: usize,
    /// How many calls were under way at the kills.
    pub in_flight: usize,
    /// How long the slowest start took until it was ready.
    pub slowest: Duration,
    /// What must not be.
    pub faults: Vec<String>,
    /// The folder with the data and logs of the faults, if it was to be kept.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// Takes a server that was started, and remembers the slowest start.
    pub(super) fn started(&mut self, server: Server) -> Server {
        self.slowest = self.slowest.max(server.ready_after);
        server
    }

    /// Counts a kill, and says now and then how far the run is.
    pub(super) fn killed(&mut self, plan: &Plan, in_flight: usize) {
        self.kills += 1;
        self.in_flight += in_flight;
        if self.kills.is_multiple_of(10) || self.kills == plan.kills {
            println!("{self}");
        }
    }

    /// One start in four does not get to its end either.
    pub(super) async fn kill_a_start(&mut self, spawn: impl Fn() -> Child, random: &mut Random) {
        if random.percent(25) {
            let mut child = spawn();
            sleep(Duration::from_millis(random.below(START_WITHIN_MS))).await;
            child.kill().expect("it was started");
            child.wait().expect("it ends");
            self.starts_killed += 1;
        }
    }

    /// Keeps the folder if it has to do with faults and was to be kept.
    pub(super) fn leave(&mut self, site: Site, plan: &Plan) {
        if plan.keep && !self.faults.is_empty() {
            self.kept = Some(site.keep());
        }
    }

    /// Looks at the run as a whole: whether each start was in time, and the load was one.
    pub(super) fn close(&mut self) {
        if self.slowest > READY_MAX {
            self.faults.push(format!("a start was ready only after {:?}", self.slowest));
        }
        let least = LOAD_MIN.saturating_mul(usize::try_from(self.kills).unwrap_or(usize::MAX));
        if self.faults.is_empty() && self.acknowledged < least {
            self.faults.push(format!("too little load to prove anything: {self}"));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, starts_killed, acknowledged, in_flight, slowest, faults, kept: _ } = self;
        write!(
            f,
            "{kills} kills and {starts_killed} of starts, {acknowledged} things acknowledged, \
             {in_flight} calls in flight, slowest start {} ms, {} faults",
            slowest.as_millis(),
            faults.len()
        )
    }
}
