//! What a run is to do, and what it found.

use std::fmt;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use tokio::time::sleep;

use super::databases::Databases;
use super::ledger::Ledger;
use super::server::Server;
use super::site::Site;
use crate::random::Random;

/// How soon a start must be ready, whatever it has to recover.
const READY_MAX: Duration = Duration::from_secs(2);

/// How soon a database's server that answers again must be served from again, for every merchant.
const BACK_MAX: Duration = Duration::from_secs(5);

/// The longest that a server may take to answer, whatever has become of its database: it gives up after 10 s.
const ANSWER_MAX: Duration = Duration::from_secs(12);

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
    /// Where its folders get their databases from.
    pub databases: Databases,
    /// How often it is killed.
    pub kills: u64,
    /// How often its database's server is killed as well, and started again.
    pub server_kills: u64,
    /// Decides all choices.
    pub seed: u64,
    /// How many ask at the same time.
    pub clients: u64,
    /// Whether the folder of a run with faults stays.
    pub keep: bool,
}

impl Plan {
    /// A new folder for the binary, with a new database.
    pub fn site(&self) -> Site {
        Site::new(&self.binary, &self.place).with_database(self.databases.fresh())
    }

    /// How often the database's server is killed before the kill after so many: evenly over the run.
    pub(super) fn server_kills_before(&self, kills: u64) -> u64 {
        let until = |kill: u64| self.server_kills * kill / self.kills;
        until(kills + 1) - until(kills)
    }
}

/// What was done, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How often a server that was ready was killed.
    pub kills: u64,
    /// How often one was killed before it was ready.
    pub starts_killed: u64,
    /// How often the database's server was killed.
    pub server_kills: u64,
    /// How many things were acknowledged.
    pub acknowledged: usize,
    /// How many calls got no answer, as they were under way at the kills or nobody was there.
    pub in_flight: usize,
    /// How many answers asked to be asked again.
    pub not_final: usize,
    /// How long the slowest start took until it was ready.
    pub slowest: Duration,
    /// The longest from the database's server being ready again until every merchant was served.
    pub longest_back: Duration,
    /// The longest that an answer took.
    pub slowest_answer: Duration,
    /// What must not be.
    pub faults: Vec<String>,
    /// The folders with the data and logs of the faults, if they were to be kept.
    pub kept: Vec<PathBuf>,
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

    /// Takes how long the merchants waited after the database's server was ready again; `None`: they still do.
    pub(super) fn came_back(&mut self, after: Option<Duration>) {
        self.server_kills += 1;
        match after {
            Some(after) => self.longest_back = self.longest_back.max(after),
            None => self.faults.push("not served again after the database's server was".to_owned()),
        }
    }

    /// Takes what the callers of a folder heard, after what earlier ones did.
    pub(super) fn heard(&mut self, ledger: &Ledger, before: (usize, usize)) {
        self.acknowledged = before.0 + ledger.len();
        self.not_final = before.1 + ledger.not_final;
        self.slowest_answer = self.slowest_answer.max(ledger.slowest);
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
            self.kept.push(site.keep());
        }
    }

    /// Looks at the run as a whole: whether all was in time, and the load was one.
    pub(super) fn close(&mut self) {
        if self.longest_back > BACK_MAX {
            let after = self.longest_back;
            self.faults.push(format!(
                "the database's server was ready {after:?} before a merchant was served"
            ));
        }
        if self.slowest_answer > ANSWER_MAX {
            self.faults.push(format!("an answer took {:?}", self.slowest_answer));
        }
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
        write!(
            f,
            "{} kills and {} of starts, {} things acknowledged, {} calls without an answer, slowest start {} ms, slowest answer {} ms, ",
            self.kills,
            self.starts_killed,
            self.acknowledged,
            self.in_flight,
            self.slowest.as_millis(),
            self.slowest_answer.as_millis(),
        )?;
        if self.server_kills > 0 {
            write!(
                f,
                "{} kills of the database's server, {} answers to ask again, all served again within {} ms, ",
                self.server_kills,
                self.not_final,
                self.longest_back.as_millis(),
            )?;
        }
        write!(f, "{} faults", self.faults.len())
    }
}
