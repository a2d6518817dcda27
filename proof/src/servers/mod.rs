//! Private servers of other programs (a database, a Redis): each on a free port of its own, its data in a folder of its own,
//! gone when the test is.
//!
//! A test asks [`find`] for the program; where it is not installed the test says so and ends, and with `CI` set it fails.
//!
//! | module | what |
//! |---|---|
//! | `folder` | the folder of a server: whoever works in it is the server, and both go with the test |
//! | `certificates` | an authority of a test's own |
//! | [`proxy`], [`disk`] | a connection and a disk that fail where a test says |
//! | [`postgres`], [`mariadb`], [`redis_server`] | how each program is run, and asked without the code that is tested |

mod certificates;
pub mod disk;
mod folder;
pub mod mariadb;
pub mod postgres;
pub mod proxy;
pub mod redis_server;

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use self::folder::OwnFolder;

/// How long a start is waited for before the test gives up.
const START_MAX: Duration = Duration::from_secs(60);

/// How often a start is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// How often a start is tried with another port, as somebody else may take one between its choice and the start.
const PORTS_MAX: u32 = 5;

/// Where a program is: in one of these folders or on the PATH. `None`: not installed, and the test is left out.
pub fn find(program: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    folders.extend(std::env::split_paths(&path));
    let found = folders.into_iter().map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must have {program} installed");
        left_out(&format!("{program} is not installed here"));
    }
    found
}

/// Says why this test is left out. Not by `println!`, which says nothing in a test that passes.
fn left_out(why: &str) {
    let test = thread::current().name().unwrap_or_default().to_owned();
    drop(writeln!(io::stderr(), "left out: {test}, as {why}"));
}

/// How a program is run as a private server.
pub trait Program {
    /// The command that serves on this port of 127.0.0.1, with its data in this folder. It must stay in the foreground.
    fn command(&self, folder: &Path, port: u16) -> Command;

    /// Whether it answers as it should.
    fn answers(&self, folder: &Path, port: u16) -> bool;

    /// Makes what must be there before the first start.
    fn prepare(&self, _folder: &Path) {}
}

/// A private server. Killed when dropped, its folder deleted; what it printed is shown when the test fails.
pub struct PrivateServer<P> {
    program: P,
    folder: OwnFolder,
    port: u16,
    child: Option<Child>,
}

impl<P: Program> PrivateServer<P> {
    /// Starts one, and waits until it answers.
    pub fn start(program: P) -> Self {
        let folder = OwnFolder::new();
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
    pub fn program(&self) -> &P {
        &self.program
    }

    /// Its port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// SIGKILL to all its processes: none has a chance to finish anything.
    pub fn kill(&mut self) {
        if let Some(child) = &self.child {
            signal("STOP", &[child.id()]); // so that it starts no more of them
        }
        self.folder.kill_all();
        if let Some(mut child) = self.child.take() {
            child.wait().expect("it ends");
        }
    }

    /// Starts it again, on the same port with the same data, and waits until it answers.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "it ends at its start:\n{}", self.log());
    }

    /// SIGSTOP to all its processes: its connections stay, and nothing is answered any more.
    pub fn freeze(&self) {
        signal("STOP", &[self.child.as_ref().expect("it runs").id()]);
        self.folder.stop_all();
    }

    /// SIGCONT: it goes on where it was.
    pub fn thaw(&self) {
        signal("CONT", &self.folder.processes());
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs it until it answers; `false`: it ended by itself.
    fn run(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log_file());
        let log = log.expect("a log file");
        let mut command = self.program.command(self.folder.path(), self.port);
        command.current_dir(self.folder.path()).process_group(0); // not ended by a Ctrl-C that ends the test
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
}

impl<P> Drop for PrivateServer<P> {
    fn drop(&mut self) {
        self.folder.kill_all();
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = fs::read(self.folder.path().join("server.log")).unwrap_or_default();
            eprintln!("the private server printed:\n{}", String::from_utf8_lossy(&log));
        }
    }
}

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    let free = |listener: TcpListener| listener.local_addr().map(|address| address.port());
    TcpListener::bind(local(0)).and_then(free).expect("a free port")
}

/// An address of this machine only.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Runs a program that must succeed, in a folder.
pub fn must(folder: &Path, program: &Path, args: &[&str]) {
    let said = Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output();
    let said = said.expect("the program starts");
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{} {args:?}: {errors}", program.display());
}

/// Sends a signal; one that has ended meanwhile is no error.
fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let script = ["-c", "kill -\"$0\" \"$@\" 2>/dev/null || true", name];
    let sent = Command::new("bash").args(script).args(processes).status();
    assert!(sent.expect("bash runs").success(), "SIG{name} was not sent");
}
