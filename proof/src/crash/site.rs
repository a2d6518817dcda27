//! The binary under test, and a folder of its own to run in.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tally_storage::SqliteStore;
use tempfile::TempDir;

/// A binary and its folder, which is removed in the end, but not after a panic.
#[derive(Debug)]
pub struct Site {
    binary: PathBuf,
    folder: Option<TempDir>,
}

impl Site {
    /// A new folder in `place`, which must be on a disk where a flush is a real one, so not in memory.
    pub fn new(binary: impl Into<PathBuf>, place: impl AsRef<Path>) -> Self {
        let folder = TempDir::new_in(place).expect("a folder for the run");
        Self { binary: binary.into(), folder: Some(folder) }
    }

    /// The folder; the server's data are in `data` below it.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("taken when dropped only").path()
    }

    /// A command of the binary in the folder, with no setting but the defaults.
    pub fn tally(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TALLY_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Starts a server with these environment variables, without waiting for it. Its output goes to a file of its own in the
    /// folder.
    pub fn spawn(&self, settings: &[(&str, &str)]) -> (Child, PathBuf) {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let log = self.path().join(format!("log-{}", STARTS.fetch_add(1, Ordering::Relaxed)));
        let out = File::create(&log).expect("a log file");
        let err = out.try_clone().expect("a second handle");
        let child = self
            .tally()
            .env("TALLY_LISTEN", "127.0.0.1:0")
            .env("TALLY_SANDBOX_LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdout(out)
            .stderr(err)
            .spawn()
            .expect("the binary starts");
        (child, log)
    }

    /// Runs `tally audit` on the data; a server may run on them. An error: what it found.
    pub fn audit(&self) -> Result<(), String> {
        let audit = self.tally().arg("audit").output().expect("the binary starts");
        let Output { status, stdout, stderr } = audit;
        let [out, err] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if status.success() {
            return Ok(());
        }
        Err(format!("the audit found something, {status}\n{out}\n{err}"))
    }

    /// The books, opened past the server for reading only: it may run beside, or be dead.
    pub async fn store(&self) -> SqliteStore {
        let file = self.path().join("data/tally.db");
        SqliteStore::open_read_only(&file).await.expect("the books can be opened")
    }

    /// Leaves the folder where it is; where that is.
    pub fn keep(mut self) -> PathBuf {
        self.folder.take().expect("taken when dropped only").keep()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("data and logs are kept in {}", folder.keep().display());
        }
    }
}
