//! A private MariaDB, with a password, a user of few rights, perhaps TLS; asked by `mariadb`, which shares nothing with the store.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::certificates::Certificates;
use super::{PrivateServer, Program, find, local};

/// Where distributions put the server itself, which is on nobody's PATH but root's.
const FOLDERS: &[&str] = &["/usr/sbin", "/usr/libexec", "/usr/local/sbin"];

/// The user that Tally connects as; its password needs escapes in a URL.
pub const USER: (&str, &str) = ("tally", "few/rights#1");

/// Who may do all, for a test's own questions.
const ADMIN: (&str, &str) = ("admin", "all-rights");

/// What Tally needs: its rows, and its tables for the migrations. Ending its own sessions takes no right.
const RIGHTS: &str = "select, insert, update, delete, create, alter, drop, index";

/// What every one is run with. Flushes are real: what it says is durable must be.
const SETTINGS: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=64M",
    "--performance-schema=off",
    // Many at once would ask for more memory of the kernel's than a user may lock.
    "--innodb-use-native-aio=0",
    "--max-connections=100",
];

/// A running MariaDB.
pub type MariadbServer = PrivateServer<Mariadb>;

/// How a private MariaDB is run.
pub struct Mariadb {
    server: PathBuf,
    install: PathBuf,
    client: PathBuf,
    settings: Vec<String>,
    tls: Option<Certificates>,
    databases: AtomicU32,
}

impl Mariadb {
    /// MariaDB as it is installed. `None`: it is not, and the test is left out.
    pub fn find() -> Option<Self> {
        let server = find("mariadbd", FOLDERS)?;
        let (install, client) = (find("mariadb-install-db", FOLDERS)?, find("mariadb", FOLDERS)?);
        let settings = SETTINGS.iter().map(ToString::to_string).collect();
        Some(Self { server, install, client, settings, tls: None, databases: AtomicU32::new(0) })
    }

    /// The same, which speaks TLS too, its certificate made by an authority of the test's own.
    pub fn find_with_tls() -> Option<Self> {
        let (tls, mariadb) = (Certificates::find()?, Self::find()?);
        let files = ["--ssl-cert=../server.pem", "--ssl-key=../server.key", "--ssl-ca=../ca.pem"];
        Some(Self { tls: Some(tls), ..files.into_iter().fold(mariadb, Self::with) })
    }

    /// With this option behind the others.
    pub fn with(mut self, option: &str) -> Self {
        self.settings.push(option.to_owned());
        self
    }

    /// The one that the tests of this binary share. Each has a database of its own.
    pub fn shared() -> Option<&'static MariadbServer> {
        static SHARED: OnceLock<Option<MariadbServer>> = OnceLock::new();
        SHARED.get_or_init(|| Self::find().map(MariadbServer::start)).as_ref()
    }

    fn ask(&self, port: u16, database: &str, text: &str) -> Result<String, String> {
        let mut client = Command::new(&self.client);
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--host=127.0.0.1"]);
        client.args(["--user", ADMIN.0, "--port", &port.to_string(), "--execute", text]);
        client.args(["--default-character-set=utf8mb4"]).arg(database).env("MYSQL_PWD", ADMIN.1);
        let said = client.output().expect("mariadb starts");
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&said.stdout).trim_end().to_owned())
    }
}

impl Program for Mariadb {
    fn prepare(&self, folder: &Path) {
        if let Some(certificates) = &self.tls {
            certificates.make(folder);
        }
        // A server that starts removes all temporary tables that it finds, those of another one included.
        let temporary = folder.join("temporary");
        fs::create_dir(&temporary).expect("a folder");
        let mut install = Command::new(&self.install);
        install.args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"]);
        install.arg(format!("--datadir={}", folder.join("data").display())).args(who());
        install.args(["--innodb-log-file-size=64M", "--innodb-buffer-pool-size=64M"]);
        install.arg("--innodb-use-native-aio=0").arg(format!("--tmpdir={}", temporary.display()));
        let said = install.current_dir(folder).output().expect("mariadb-install-db starts");
        let [out, err] = [&said.stdout, &said.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(said.status.success(), "install: {out}\n{err}");
        fs::write(folder.join("users.sql"), users()).expect("a file");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.server);
        let place = |option: &str, name: &str| format!("{option}={}", folder.join(name).display());
        command.arg("--no-defaults").arg(place("--datadir", "data"));
        command.arg(place("--tmpdir", "temporary"));
        command.arg(place("--socket", "mariadb.sock")).arg(place("--pid-file", "mariadb.pid"));
        command.arg(place("--init-file", "users.sql")).arg(format!("--port={port}"));
        command.args(who()).args(&self.settings);
        command
    }

    /// By its folder, so that another one that was quicker to take the port is not taken for this one.
    fn answers(&self, folder: &Path, port: u16) -> bool {
        TcpStream::connect(local(port)).is_ok()
            && self
                .ask(port, "tally", "select @@datadir")
                .is_ok_and(|data| folder.join("data") == Path::new(&data))
    }
}

/// It takes root for a mistake unless it is told.
fn who() -> Option<&'static str> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    root.then_some("--user=root")
}

/// Executed at each start, before anybody is let in.
fn users() -> String {
    let [(user, password), (admin, all)] = [USER, ADMIN];
    format!(
        "create user if not exists {admin}@'127.0.0.1' identified by '{all}';\n\
         grant all on *.* to {admin}@'127.0.0.1' with grant option;\n\
         create user if not exists {user}@'127.0.0.1' identified by '{password}';\n\
         grant {RIGHTS} on `tally%`.* to {user}@'127.0.0.1';\n\
         create database if not exists tally character set utf8mb4;\n"
    )
}

impl MariadbServer {
    /// The URL of its database `tally`, for the user of few rights.
    pub fn url(&self) -> String {
        self.url_of("tally")
    }

    /// A database that nobody has used, by its URL.
    pub fn fresh_database(&self) -> String {
        let name = format!("tally_{}", self.program().databases.fetch_add(1, Ordering::Relaxed));
        self.ask("tally", &format!("create database {name} character set utf8mb4"));
        self.url_of(&name)
    }

    /// The URL of one of its databases.
    pub fn url_of(&self, database: &str) -> String {
        format!("mysql://tally:few%2Frights%231@{}/{database}", local(self.port()))
    }

    /// The file of the authority that vouches for it.
    pub fn ca(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Has it do something in a database, as who may do all. The rows, their columns parted by tabs.
    #[track_caller]
    pub fn ask(&self, database: &str, text: &str) -> String {
        self.program().ask(self.port(), database, text).expect("MariaDB does it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_said_is_durable_is_there_after_a_kill_and_its_user_may_do_no_more_than_it_needs() {
        let Some(mut mariadb) = Mariadb::find().map(MariadbServer::start) else { return };
        let _ = mariadb.fresh_database();
        mariadb.ask("tally_0", "create table kept (n bigint); insert into kept values (1)");
        mariadb.kill();
        assert!(mariadb.folder.processes().is_empty());
        mariadb.restart();
        assert_eq!(mariadb.ask("tally_0", "select n from kept"), "1");
        let durable = "select @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite";
        assert_eq!(mariadb.ask("tally", durable), "1\t1");
        let rights = mariadb.ask("tally", "show grants for tally@'127.0.0.1'");
        let (anywhere, own) = rights.split_once('\n').unwrap();
        assert!(anywhere.contains("GRANT USAGE ON *.*"), "{anywhere}");
        assert_eq!(
            own,
            format!("GRANT {} ON `tally%`.* TO `tally`@`127.0.0.1`", {
                "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, INDEX, ALTER"
            })
        );
    }

    #[test]
    fn frozen_it_takes_connections_and_answers_nothing_until_it_thaws() {
        let Some(mariadb) = Mariadb::find_with_tls().map(MariadbServer::start) else { return };
        mariadb.freeze();
        assert!(TcpStream::connect(local(mariadb.port())).is_ok());
        let state = |process: &u32| fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let all = mariadb.folder.processes();
        assert!(!all.is_empty() && all.iter().all(|process| state(process).contains(") T ")));
        mariadb.thaw();
        assert_eq!(mariadb.ask("tally", "select @@have_ssl"), "YES");
    }
}
