//! `tally-proof crash`: real processes, real SIGKILLs.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tally_proof::crash::databases::{Databases, Kind};
use tally_proof::crash::plan::{Plan, Report};
use tally_proof::crash::shared::{self, Crowd};
use tally_proof::crash::{kills, notices};

use super::binary::{self, Run};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    run: Run,
}

/// What is killed, and how often.
#[derive(Debug, Clone, Copy, Args)]
struct What {
    /// How often to kill the binary
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    kills: u64,
    /// Where the books are: a file, or a database on a private server that is started for the run
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    store: Kind,
    /// How often to kill the database's server as well, under load, and to start it again; Tally must be back within 5 s of it
    #[arg(long, default_value_t = 0, value_name = "KILLS")]
    kill_server: u64,
    /// Kill while notices come in and transfers go out, with a WeChat that lives on
    #[arg(long, conflicts_with_all = ["kill_server", "processes"])]
    notices: bool,
    /// So many processes on one database, to any of which each call goes; a random one is killed while the others go on
    #[arg(long, value_name = "COUNT", conflicts_with = "kill_server",
        value_parser = clap::value_parser!(u8).range(2..=9))]
    processes: Option<u8>,
    /// How long processes on one database are killed
    #[arg(long, default_value_t = 60, requires = "processes",
        value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
}

pub(crate) fn run(asked: &Asked) -> ExitCode {
    let &Asked { what, run: Run { clients, keep, .. } } = asked;
    if let Err(trouble) = what.check() {
        return binary::unable(trouble);
    }
    let Some(databases) = Databases::start(what.store) else {
        return binary::unable("--store: install that server, or name another store");
    };
    let What { kills, kill_server: server_kills, .. } = what;
    let (binary, seed) = match asked.run.begin(&format!("is killed {kills} times")) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let place = binary::place();
    let plan = Plan { binary, place, databases, kills, server_kills, seed, clients, keep };
    let report = binary::block_on(played(plan, what));
    let again = format!("crash{what} --clients {clients} --seed {seed} --keep{}", asked.run.binary);
    binary::verdict(&report, (&report.faults, &report.kept), &again)
}

impl What {
    fn check(self) -> Result<(), &'static str> {
        if self.store != Kind::Sqlite {
            return Ok(());
        }
        if self.kill_server > 0 {
            return Err("--kill-server: a file has no server; add --store postgres or mariadb");
        }
        if self.processes.is_some() {
            return Err("--processes: one process has a file; add --store postgres or mariadb");
        }
        Ok(())
    }
}

/// The flags that ask for it again.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " --store {} --kills {}", self.store, self.kills)?;
        if self.kill_server > 0 {
            write!(f, " --kill-server {}", self.kill_server)?;
        }
        if self.notices {
            f.write_str(" --notices")?;
        }
        if let Some(processes) = self.processes {
            write!(f, " --processes {processes} --seconds {}", self.seconds)?;
        }
        Ok(())
    }
}

/// Plays a plan. What breaks it off, such as a server that does not start, is a fault.
async fn played(plan: Plan, what: What) -> Report {
    let played = tokio::spawn(async move {
        if let Some(processes) = what.processes {
            let lasts = Duration::from_secs(what.seconds);
            let crowd = Crowd { processes: processes.into(), lasts };
            return shared::run(&plan, crowd).await;
        }
        if what.notices { notices::run(&plan).await } else { kills::run(&plan).await }
    });
    let played = played.await;
    played.unwrap_or_else(|error| {
        let faults = vec![format!("the run broke off: {error}")];
        Report { faults, ..Report::default() }
    })
}
