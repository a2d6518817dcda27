//! Private servers of other programs (a database, a Redis): each on a free port of its own, its data in a folder of its own,
//! gone when the test is.
//!
//! A test asks [`find`] for the program; where it is not installed the test says so and ends, and with `CI` set it fails.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a start is waited for before the test gives up.
const START_MAX: Duration = Duration::from_secs(60);

/// How often a start is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// How often a start is tried with another port, as somebody else may take one between its choice and the start.
const PORTS_MAX: u32 = 5;

/// Where a program is: in one of these folders or on the PATH. `None`: not installed, and the test is left out.
pub(crate) fn find(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    folders.extend(std::env::split_paths(&path));
    let found = folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must have {program} installed");
        // Not by `println!`, which says nothing in a test that passes.
        let test = thread::current().name().unwrap_or_default().to_owned();
        drop(writeln!(io::stderr(), "left out: {test}, as {program} is not installed here"));
    }
    found
}

/// How a program is run as a private server.
pub(crate) trait Program {
    /// The command that serves on this port of 127.0.0.1, with its data in this folder. It must stay in the foreground.
    fn command(&self, folder: &Path, port: u16) -> Command;

    /// Whether it answers as it should.
    fn answers(&self, folder: &Path, port: u16) -> bool;

    /// Makes what must be there before the first start.
    fn prepare(&self, _folder: &Path) {}
}

/// A private server. Killed when dropped, its folder deleted; what it printed is shown when the test fails.
pub(crate) struct PrivateServer<P> {
    program: P,
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl<P: Program> PrivateServer<P> {
    /// Starts one, and waits until it answers.
    pub(crate) fn start(program: P) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        program.prepare(folder.path());
        let mut server = Self { program, folder, port: 0, child: None };
        for _ in 0..PORTS_MAX {
            server.port = free_port();
            if server.run() {
                return server;
            }
        }
        panic!("it ends at its start:\n{}", server.log());
    }

    /// How it is run.
    pub(crate) fn program(&self) -> &P {
        &self.program
    }

    /// Its port of 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// SIGKILL: it has no chance to finish anything.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Starts it again, on the same port with the same data, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "it ends at its start:\n{}", self.log());
    }

    /// SIGSTOP: its connections stay, and nothing is answered any more.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: it goes on where it was.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// All that it printed.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs it until it answers; `false`: it ended by itself.
    fn run(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log_file());
        let log = log.expect("a log file");
        let mut command = self.program.command(self.folder.path(), self.port);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        self.child = Some(command.spawn().expect("the program starts"));
        let began = Instant::now();
        while !self.program.answers(self.folder.path(), self.port) {
            if self.has_ended() {
                return false;
            }
            assert!(began.elapsed() < START_MAX, "it does not answer:\n{}", self.log());
            thread::sleep(LOOK);
        }
        // Somebody else may answer there, while ours ends because the port is taken.
        !self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        let status =
            self.child.as_mut().map(|child| child.try_wait().expect("a child can be asked"));
        let ended = !matches!(status, Some(None));
        if ended {
            self.child = None;
        }
        ended
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("bash").args(["-c", "kill -\"$0\" \"$1\"", name, &pid]).status();
        assert!(sent.expect("bash runs").success(), "SIG{name} was not sent");
    }
}

impl<P> Drop for PrivateServer<P> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = fs::read(self.folder.path().join("server.log")).unwrap_or_default();
            eprintln!("the private server printed:\n{}", String::from_utf8_lossy(&log));
        }
    }
}

/// A port that nobody has at the moment.
pub(crate) fn free_port() -> u16 {
    let free = |listener: TcpListener| listener.local_addr().map(|address| address.port());
    TcpListener::bind(local(0)).and_then(free).expect("a free port")
}

/// An address of this machine only.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Runs a program that must succeed, in a folder.
pub(crate) fn must(folder: &Path, program: &Path, args: &[&str]) {
    let said = Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output();
    let said = said.expect("the program starts");
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{} {args:?}: {errors}", program.display());
}
