//! The real binary, in a folder of its own, on a free port. Killed when dropped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::api::Api;

/// How long a start, or a stop, is waited for before the test gives up.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often a start or a stop is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A folder on the disk that the build uses, so that a flush is a real one. Kept when the test fails.
pub(crate) struct Folder(Option<tempfile::TempDir>);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"));
        Self(Some(folder.expect("a folder for the test")))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("taken when dropped only").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("data and logs are kept in {}", folder.keep().display());
        }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    address: String,
    key: String,
    api: Api,
    /// From the start of the process until it said that it is ready.
    pub(crate) ready_after: Duration,
}

/// A command of the real binary in `folder`, with no setting but the defaults.
pub(crate) fn tally(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TALLY_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Starts the process without waiting for it; its output goes to a file of its own in `folder`.
pub(crate) fn spawn(folder: &Path) -> (Child, PathBuf) {
    spawn_with(folder, &[])
}

/// The same with settings, as environment variables.
pub(crate) fn spawn_with(folder: &Path, settings: &[(&str, &str)]) -> (Child, PathBuf) {
    static STARTS: AtomicU32 = AtomicU32::new(0);
    let log = folder.join(format!("log-{}", STARTS.fetch_add(1, Ordering::Relaxed)));
    let out = File::create(&log).expect("a log file");
    let err = out.try_clone().expect("a second handle");
    let child = tally(folder)
        .env("TALLY_LISTEN", "127.0.0.1:0")
        .env("TALLY_SANDBOX_LISTEN", "127.0.0.1:0")
        .envs(settings.iter().copied())
        .stdout(out)
        .stderr(err)
        .spawn()
        .expect("the binary starts");
    (child, log)
}

impl Server {
    /// Starts the server on the data in `folder`, and waits until it is ready.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// The same with settings, as environment variables.
    pub(crate) fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let began = Instant::now();
        let (mut child, log) = spawn_with(folder, settings);
        let mut address = None;
        loop {
            if let Some(status) = child.try_wait().expect("a child can be asked") {
                panic!("the server ended at its start, {status}:\n{}", text_of(&log));
            }
            address = address.or_else(|| printed_address(&text_of(&log)));
            if address.as_deref().is_some_and(is_ready) {
                break;
            }
            assert!(began.elapsed() < WAIT_MAX, "not ready:\n{}", text_of(&log));
            thread::sleep(LOOK);
        }
        let ready_after = began.elapsed();
        let address = address.expect("it was asked there");
        let key = fs::read_to_string(folder.join("data/admin.key")).expect("the admin key");
        let key = key.trim().to_owned();
        let api = Api::new(format!("http://{address}"), key.clone());
        Self { child, log, address, key, api, ready_after }
    }

    /// Its API, spoken to with the admin key.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The admin key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Host and port of its sandbox.
    pub(crate) fn sandbox_address(&self) -> String {
        let log = self.log();
        let rest = log.split_once("A sandbox on ").expect("it says where its sandbox is").1;
        printed_address(rest).expect("an address")
    }

    /// All that it printed.
    pub(crate) fn log(&self) -> String {
        text_of(&self.log)
    }

    /// SIGKILL: it has no chance to finish anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM: it is asked to end.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("bash").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        assert!(sent.expect("bash runs").success(), "SIGTERM was not sent");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(began.elapsed() < WAIT_MAX, "it does not end:\n{}", self.log());
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `tally audit` on the data in `folder`; a server may run on it.
pub(crate) fn audit(folder: &Path) -> Output {
    tally(folder).arg("audit").output().expect("the binary starts")
}

/// Runs `tally audit`, which must find nothing wrong.
#[track_caller]
pub(crate) fn assert_audit_clean(folder: &Path) {
    let Output { status, stdout, stderr } = audit(folder);
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "the audit found something, {status}\n{out}\n{err}");
}

fn text_of(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

/// The first address that the server printed.
fn printed_address(log: &str) -> Option<String> {
    let rest = log.split_once("http://127.0.0.1:")?.1;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let ends = rest.len() > port.len();
    (ends && !port.is_empty()).then(|| format!("127.0.0.1:{port}"))
}

fn is_ready(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let question = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.write_all(question.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}
