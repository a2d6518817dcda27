//! A private PostgreSQL, with a password, a role of few rights, perhaps TLS; asked by `psql`, which shares nothing with the store.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::certificates::Certificates;
use super::{PrivateServer, Program, find, local};

/// Where distributions put it, the newest that is supported first.
const FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/14/bin",
    "/usr/lib/postgresql/13/bin",
];

/// The role that owns the databases, and may do no more than that; its password needs escapes in a URL.
pub const ROLE: (&str, &str) = ("tally", "few/rights#1");

/// The password of the superuser `postgres`.
const PASSWORD: &str = "all-rights";

/// What every one is run with. Flushes are real: what it says is durable must be.
const SETTINGS: &str = "\
    unix_socket_directories = ''\n\
    listen_addresses = '127.0.0.1'\n\
    fsync = on\n\
    shared_buffers = 32MB\n\
    max_wal_size = 256MB\n\
    max_connections = 100\n\
    dynamic_shared_memory_type = mmap\n\
    log_line_prefix = '%m [%p] %d '\n";

/// A running PostgreSQL.
pub type PostgresServer = PrivateServer<Postgres>;

/// How a private PostgreSQL is run.
pub struct Postgres {
    programs: PathBuf,
    psql: PathBuf,
    settings: String,
    tls: Option<Certificates>,
    databases: AtomicU32,
}

impl Postgres {
    /// PostgreSQL as it is installed. `None`: it is not, and the test is left out.
    pub fn find() -> Option<Self> {
        let (initdb, psql) = (find("initdb", FOLDERS)?, find("psql", FOLDERS)?);
        let programs = initdb.parent().expect("a program has a folder").to_path_buf();
        let settings = SETTINGS.to_owned();
        Some(Self { programs, psql, settings, tls: None, databases: AtomicU32::new(0) })
    }

    /// The same, which speaks TLS too, its certificate made by an authority of the test's own.
    pub fn find_with_tls() -> Option<Self> {
        let (tls, postgres) = (Certificates::find()?, Self::find()?);
        let files = "ssl = on\nssl_cert_file = '../server.pem'\nssl_key_file = '../server.key'\n";
        Some(Self { tls: Some(tls), ..postgres.with(files) })
    }

    /// With these lines of `postgresql.conf` behind the others.
    pub fn with(mut self, lines: &str) -> Self {
        self.settings.push_str(lines);
        self.settings.push('\n');
        self
    }

    /// The one that the tests of this binary share. Each has a database of its own.
    pub fn shared() -> Option<&'static PostgresServer> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
        SHARED.get_or_init(|| Self::find().map(PostgresServer::start)).as_ref()
    }

    /// A command of its programs, by who may run it: never root.
    fn command_of(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let Some(user) = servant() else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        let (uid, gid) = (format!("--reuid={}", user.uid), format!("--regid={}", user.gid));
        command.args([&uid, &gid, "--clear-groups"]).arg(program);
        command
    }

    fn psql(&self, port: u16, database: &str, text: &str) -> Result<String, String> {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]);
        psql.args(["-U", "postgres", "-p", &port.to_string(), "-d", database, "-c", text]);
        let said = psql.env("PGPASSWORD", PASSWORD).output().expect("psql starts");
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&said.stdout).trim_end().to_owned())
    }
}

impl Program for Postgres {
    fn prepare(&self, folder: &Path) {
        if let Some(certificates) = &self.tls {
            certificates.make(folder);
        }
        let password = folder.join("password");
        fs::write(&password, PASSWORD).expect("a file");
        for entry in fs::read_dir(folder).expect("the folder").flatten() {
            let private = fs::Permissions::from_mode(0o600);
            fs::set_permissions(entry.path(), private).expect("it is ours");
            give(&entry.path());
        }
        give(folder);
        let mut initdb = self.command_of("initdb");
        initdb.args(["-D", "data", "-U", "postgres", "--pwfile=password", "-A", "scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]).current_dir(folder);
        let said = initdb.output().expect("initdb starts");
        assert!(said.status.success(), "initdb: {}", String::from_utf8_lossy(&said.stderr));
        fs::remove_file(password).expect("it is ours");
        fs::write(folder.join("data/postgresql.auto.conf"), &self.settings).expect("a file");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = self.command_of("postgres");
        command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
        command
    }

    /// By its folder, so that another one that was quicker to take the port is not taken for this one.
    fn answers(&self, folder: &Path, port: u16) -> bool {
        let asked = "show data_directory";
        TcpStream::connect(local(port)).is_ok()
            && self
                .psql(port, "postgres", asked)
                .is_ok_and(|data| folder.join("data") == Path::new(&data))
            && self.role(port)
    }
}

impl Postgres {
    /// Makes the role and its database, unless an earlier start did.
    fn role(&self, port: u16) -> bool {
        let known =
            self.psql(port, "postgres", "select 1 from pg_database where datname = 'tally'");
        if known.is_ok_and(|known| known == "1") {
            return true;
        }
        let (role, password) = ROLE;
        // An earlier try may have come so far.
        let role = format!("create role {role} login password '{password}'");
        drop(self.psql(port, "postgres", &role));
        self.psql(port, "postgres", "create database tally owner tally").is_ok()
    }
}

impl PostgresServer {
    /// The URL of its database `tally`, for the role that owns it.
    pub fn url(&self) -> String {
        self.url_of("tally")
    }

    /// A database that nobody has used, by its URL.
    pub fn fresh_database(&self) -> String {
        let name = format!("tally_{}", self.program().databases.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("create database {name} owner tally"));
        self.url_of(&name)
    }

    /// The URL of one of its databases.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://tally:few%2Frights%231@{}/{database}", local(self.port()))
    }

    /// The file of the authority that vouches for it.
    pub fn ca(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Makes a folder below its own the server's, so that it may write there.
    pub fn own(&self, folder: &Path) {
        give(folder);
    }

    /// Has it do something in a database, as the superuser. The rows, their columns parted by `|`.
    #[track_caller]
    pub fn ask(&self, database: &str, text: &str) -> String {
        self.program().psql(self.port(), database, text).expect("PostgreSQL does it")
    }
}

/// Whom a server runs as that refuses to run as root.
struct Servant {
    uid: u32,
    gid: u32,
}

/// `None`: this is not root, and it may run as who we are.
fn servant() -> Option<Servant> {
    if fs::metadata("/proc/self").expect("a system with /proc").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("a list of users");
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some(Servant { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
    };
    Some(user("postgres").or_else(|| user("nobody")).expect("a user who is not root"))
}

/// Makes it the server's own.
fn give(path: &Path) {
    if let Some(user) = servant() {
        chown(path, Some(user.uid), Some(user.gid)).expect("root may");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_said_is_durable_is_there_after_a_kill_and_its_role_may_do_no_more_than_own() {
        let Some(mut postgres) = Postgres::find().map(PostgresServer::start) else { return };
        let _ = postgres.fresh_database();
        postgres.ask("tally_0", "create table kept (n bigint); insert into kept values (1)");
        postgres.kill();
        assert!(postgres.folder.processes().is_empty());
        postgres.restart();
        assert_eq!(postgres.ask("tally_0", "select n from kept"), "1");
        assert_eq!(postgres.ask("tally_0", "show fsync"), "on");
        let rights =
            "select rolsuper or rolcreatedb or rolcreaterole from pg_roles where rolname = 'tally'";
        assert_eq!(postgres.ask("tally", rights), "f");
    }

    #[test]
    fn frozen_it_takes_connections_and_answers_nothing_until_it_thaws() {
        let Some(postgres) = Postgres::find_with_tls().map(PostgresServer::start) else { return };
        postgres.freeze();
        assert!(TcpStream::connect(local(postgres.port())).is_ok());
        let state = |process: &u32| fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let all = postgres.folder.processes();
        assert!(
            all.len() > 1 && all.iter().all(|process| state(process).contains(") T ")),
            "{all:?}"
        );
        postgres.thaw();
        assert_eq!(postgres.ask("tally", "show ssl"), "on");
    }
}
