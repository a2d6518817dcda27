//! A running server: the real binary, on a free port. Killed when dropped.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::api::Api;
use super::site::Site;

/// How long a start, or a stop, is waited for before the run breaks off.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often a start or a stop is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    address: String,
    key: String,
    api: Api,
    /// From the start of the process until it said that it is ready.
    pub ready_after: Duration,
}

impl Server {
    /// Starts a server on the data of `site`, and waits until it is ready. Panics when it does not get there.
    pub fn start(site: &Site) -> Self {
        Self::start_with(site, &[])
    }

    /// The same with more environment variables.
    pub fn start_with(site: &Site, settings: &[(&str, &str)]) -> Self {
        let began = Instant::now();
        let (mut child, log) = site.spawn(settings);
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
        let key = site.admin_key();
        let api = Api::new(format!("http://{address}"), key.clone());
        Self { child, log, address, key, api, ready_after }
    }

    /// Its API, spoken to with the admin key.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The admin key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Host and port of its sandbox.
    pub fn sandbox_address(&self) -> String {
        let log = self.log();
        let rest = log.split_once("A sandbox on ").expect("it says where its sandbox is").1;
        printed_address(rest).expect("an address")
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        text_of(&self.log)
    }

    /// Whether it has ended, for whatever reason.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    /// SIGKILL: it has no chance to finish anything.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM: it is asked to end.
    pub fn ask_to_stop(&self) {
        self.signal("TERM");
    }

    /// SIGSTOP: it stands still, its connections stay.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: it goes on where it was.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("bash").args(["-c", "kill -\"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.expect("bash runs").success(), "SIG{name} was not sent");
    }

    /// Waits until it has ended by itself.
    pub fn wait(mut self) -> ExitStatus {
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
