//! The processes of a benchmark: the servers, Tally itself among them, and the generator. Each ends with its value.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tally_proof::crash::server::Server;
use tally_proof::crash::site::Site;
use tally_proof::crash::world::{API_KEY, APP_ID, MCH_ID};

use super::baselines::Baseline;
use super::books::Filled;
use super::generator::{Outcome, Plan, micros};
use super::support::{processor_of, target};

/// The arguments that make this program another process of the benchmark.
pub(crate) const AS_GENERATOR: &str = "--as-generator";
pub(crate) const AS_SERVER: &str = "--as-server";
pub(crate) const AS_SANDBOX: &str = "--as-sandbox";

/// This program in another role.
pub(crate) struct Role {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Role {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it listens");
    }

    /// The next line that it says.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        let read = self.out.read_line(&mut line).expect("it can be heard");
        assert!(read > 0, "a process of the benchmark ended early");
        line.trim().to_owned()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whom the load is sent to.
pub(crate) enum Target {
    Baseline(Role, String),
    Tally(Box<(Server, Site)>),
}

impl Target {
    pub(crate) fn baseline(baseline: &Baseline) -> Self {
        let mut role = Role::start(&[AS_SERVER, &serde_json::to_string(baseline).expect("JSON")]);
        let said = role.hear();
        let address = said.strip_prefix("listens on ").expect("an address").to_owned();
        Self::Baseline(role, address)
    }

    /// The release binary on a copy of these books, in a folder on a disk; more settings as environment variables.
    pub(crate) fn tally(books: &Filled, more: &[(&str, &str)]) -> Self {
        let site = Site::new(env!("CARGO_BIN_EXE_tally"), target());
        books.copy(&site.path().join("data/tally.db"));
        Self::tally_at(site, more)
    }

    /// The same where the books are already.
    pub(crate) fn tally_at(site: Site, more: &[(&str, &str)]) -> Self {
        // Nobody is at these addresses: nothing that is measured asks WeChat, unless `more` says where it is.
        let mut settings = vec![
            ("TALLY_LOG", "warn"),
            ("TALLY_WECHAT_APP_ID", APP_ID),
            ("TALLY_WECHAT_APP_SECRET", APP_SECRET),
            ("TALLY_WECHAT_MCH_ID", MCH_ID),
            ("TALLY_WECHAT_API_KEY", API_KEY),
            ("TALLY_WECHAT_API_URL", "http://127.0.0.1:9"),
            ("TALLY_WECHAT_PAY_URL", "http://127.0.0.1:9"),
            ("TALLY_QUERY_SECONDS", "86400"),
            ("TALLY_RECONCILE_AT", "off"),
        ];
        settings.extend(more);
        let server = Server::start_with(&site, &settings);
        Self::Tally(Box::new((server, site)))
    }

    pub(crate) fn address(&self) -> &str {
        match self {
            Self::Baseline(_, address) => address,
            Self::Tally(tally) => tally.0.address(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Baseline(role, _) => role.id(),
            Self::Tally(tally) => tally.0.id(),
        }
    }

    /// Tally's server and its folder.
    pub(crate) fn of_tally(&self) -> &(Server, Site) {
        match self {
            Self::Tally(tally) => tally,
            Self::Baseline(..) => panic!("it is a baseline"),
        }
    }

    fn processor(&self) -> Duration {
        processor_of(&self.id().to_string())
    }
}

/// The secret of the mini-program that nobody plays.
pub(crate) const APP_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// What one load came to, and the processor time that the server took for it, in microseconds.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) outcome: Outcome,
    pub(crate) server_cpu: u64,
}

impl Measured {
    /// Both, one after the other.
    pub(crate) fn and(self, next: &Self) -> Self {
        let (a, b) = (self.outcome, &next.outcome);
        let fault = if a.first_fault.is_empty() { b.first_fault.clone() } else { a.first_fault };
        let outcome = Outcome {
            done: a.done + b.done,
            refused: a.refused + b.refused,
            failed: a.failed + b.failed,
            sent: a.sent + b.sent,
            micros: a.micros + b.micros,
            cpu_micros: a.cpu_micros + b.cpu_micros,
            done_after: merged(a.done_after, &b.done_after),
            refused_after: merged(a.refused_after, &b.refused_after),
            first_fault: fault,
        };
        Self { outcome, server_cpu: self.server_cpu + next.server_cpu }
    }
}

fn merged(mut all: Vec<(u64, u64)>, more: &[(u64, u64)]) -> Vec<(u64, u64)> {
    all.extend(more);
    all.sort_unstable();
    all
}

/// A load that is ready, and has not begun.
pub(crate) struct Load(Role);

impl Load {
    pub(crate) fn ready(plan: &Plan) -> Self {
        let mut generator = Role::start(&[AS_GENERATOR]);
        generator.say(&serde_json::to_string(plan).expect("JSON"));
        assert_eq!(generator.hear(), "ready");
        Self(generator)
    }

    /// Begins, and waits for the end.
    pub(crate) fn run(mut self, on: &Target) -> Measured {
        let used = on.processor();
        self.0.say("go");
        let outcome = serde_json::from_str(&self.0.hear()).expect("an outcome");
        Measured { outcome, server_cpu: micros(on.processor().saturating_sub(used)) }
    }
}

/// A new path for the books of a baseline.
pub(crate) fn file_in(folder: &Path, name: &str) -> std::path::PathBuf {
    let file = folder.join(format!("{name}.db"));
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{ending}", file.display()))); // it need not be there
    }
    file
}
