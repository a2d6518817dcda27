//! The binary under test, and a folder of its own to run in.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tally_storage::{Books, Place};
use tempfile::TempDir;

/// The admin's key of all processes that share a database.
const SHARED_KEY: &str = "one-admin-key-for-all-processes";

/// A binary and its folder, which is removed in the end, but not after a panic.
#[derive(Debug)]
pub struct Site {
    binary: PathBuf,
    folder: Option<TempDir>,
    /// The URL of its database; `None`: the books are in the folder.
    database: Option<String>,
}

impl Site {
    /// A new folder in `place`, which must be on a disk where a flush is a real one, so not in memory.
    pub fn new(binary: impl Into<PathBuf>, place: impl AsRef<Path>) -> Self {
        let folder = TempDir::new_in(place).expect("a folder for the run");
        Self { binary: binary.into(), folder: Some(folder), database: None }
    }

    /// The same with its books in the database that a URL names; `None`: in the folder.
    pub fn with_database(mut self, database: Option<String>) -> Self {
        self.database = database;
        self
    }

    /// A folder beside this one, for another process on the same database.
    pub fn beside(&self) -> Self {
        let place = self.path().parent().expect("a folder is in another");
        Self::new(&self.binary, place).with_database(self.database.clone())
    }

    /// The URL of its database; `None`: the books are in the folder.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The folder; the server's data are in `data` below it.
    pub fn path(&self) -> &Path {
        self.folder.as_ref().expect("taken when dropped only").path()
    }

    /// The admin's key, which in a folder of its own is there once a server was started.
    pub fn admin_key(&self) -> String {
        match self.database {
            Some(_) => SHARED_KEY.to_owned(),
            None => {
                let file = self.path().join("data/admin.key");
                fs::read_to_string(file).expect("the admin key").trim().to_owned()
            }
        }
    }

    /// A command of the binary in the folder, with no setting but the defaults and where the books are.
    pub fn tally(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TALLY_") {
                command.env_remove(name);
            }
        }
        if let Some(url) = &self.database {
            command.env("TALLY_DATABASE_URL", url).env("TALLY_ADMIN_KEY", SHARED_KEY);
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
    pub async fn store(&self) -> Arc<dyn Books> {
        let place = match &self.database {
            Some(url) => Place::Server(url.parse().expect("the URL of a server")),
            None => Place::File(self.path().join("data/tally.db")),
        };
        place.open_read_only().await.expect("the books can be opened")
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
