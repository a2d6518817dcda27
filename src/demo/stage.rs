//! The stage of a demo: a folder of its own, a sandbox, and the real server as a child process that takes the sandbox for WeChat.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tally_sandbox::{Credentials, Notify, Sandbox, Settings};
use tally_wechat::Secret;
use tokio::time::sleep;

use super::limits::{
    HANG, LOOK, NOTICE_LADDER_MS, QUERY_SECONDS, START_MAX, TRANSFER_QUERY_SECONDS,
};
use super::wire::Wire;
use crate::cli::Failure;

/// The mini-program and the WeChat merchant that the sandbox knows.
const APP_ID: &str = "wx00000000demo0000";
const MCH_ID: &str = "1900000000";

/// All that runs for a demo. Dropping it ends the server and removes the folder.
pub(super) struct Stage {
    /// How to speak to both servers.
    pub(super) wire: Wire,
    server: Server,
    /// Held, so that it goes on.
    _sandbox: Sandbox,
    folder: Folder,
}

impl Stage {
    /// Starts everything on free ports, and waits until it is ready.
    pub(super) async fn set() -> Result<Self, Failure> {
        let folder = Folder::new()?;
        let (secret, api_key, admin_key) = (random_text()?, random_text()?, random_text()?);
        let credentials = Credentials {
            app_id: APP_ID.into(),
            app_secret: Secret::new(&*secret),
            mch_id: MCH_ID.into(),
            api_key: Secret::new(&*api_key),
        };
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mut settings = Settings::new(listen, folder.0.join("sandbox.jsonl"), credentials);
        settings.notify.ladder = NOTICE_LADDER_MS.map(Duration::from_millis).to_vec();
        settings.notify.timeout = Notify::default().timeout;
        settings.hang = HANG;
        let sandbox = Sandbox::start(settings).await?;
        let environment = [
            ("TALLY_ADMIN_KEY", &*admin_key),
            ("TALLY_WECHAT_APP_SECRET", &secret),
            ("TALLY_WECHAT_API_KEY", &api_key),
            ("TALLY_WECHAT_API_URL", &sandbox.url()),
            ("TALLY_WECHAT_PAY_URL", &sandbox.url()),
        ];
        let mut server = Server::start(&folder.0, &environment)?;
        let address = server.ready().await?;
        let wire = Wire::new(address, sandbox.url(), admin_key)?;
        Ok(Self { wire, server, _sandbox: sandbox, folder })
    }

    /// Where the server keeps its books.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.0.join("data/tally.db")
    }

    /// Where the three statements keep theirs.
    pub(super) fn naive_file(&self) -> PathBuf {
        self.folder.0.join("naive.db")
    }

    /// The folder, which is then not removed: for a person to look at.
    pub(super) fn keep(self) -> PathBuf {
        drop(self.server);
        let path = self.folder.0.clone();
        std::mem::forget(self.folder);
        path
    }
}

/// The server, as a child process. It ends with this value.
struct Server {
    child: Child,
    out: PathBuf,
    log: PathBuf,
}

impl Server {
    fn start(folder: &Path, environment: &[(&str, &str)]) -> Result<Self, Failure> {
        let (out, log) = (folder.join("server.out"), folder.join("server.log"));
        let mut command = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TALLY_") {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("serve")
            .current_dir(folder)
            .env("TALLY_LISTEN", "127.0.0.1:0")
            .env("TALLY_DATA_DIR", folder.join("data"))
            .env("TALLY_LOG", "warn")
            .env("TALLY_QUERY_SECONDS", QUERY_SECONDS)
            .env("TALLY_TRANSFER_QUERY_SECONDS", TRANSFER_QUERY_SECONDS)
            .env("TALLY_WECHAT_APP_ID", APP_ID)
            .env("TALLY_WECHAT_MCH_ID", MCH_ID)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&log)?)
            .spawn()?;
        Ok(Self { child, out, log })
    }

    /// Waits until it says where it listens. It listens by then.
    async fn ready(&mut self) -> Result<String, Failure> {
        let began = Instant::now();
        loop {
            if let Some(url) = printed_url(&fs::read_to_string(&self.out)?) {
                return Ok(url);
            }
            let said = || fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                return Err(
                    format!("the demo's server ended at its start, {status}: {}", said()).into()
                );
            }
            if began.elapsed() > START_MAX {
                let seconds = START_MAX.as_secs();
                return Err(
                    format!("the demo's server was not ready in {seconds} s: {}", said()).into()
                );
            }
            sleep(LOOK).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it has acknowledged is on disk. An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The first whole URL in what the server printed.
fn printed_url(out: &str) -> Option<String> {
    let (host, rest) = ("http://127.0.0.1:", out.split_once("http://127.0.0.1:")?.1);
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!port.is_empty() && rest.len() > port.len()).then(|| format!("{host}{port}"))
}

/// A folder that is removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("tally-demo-{}", &random_text()?[..12]));
        fs::create_dir(&path).map_err(|error| {
            format!("the demo's folder {}: {error}; set TMPDIR to a writable one", path.display())
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0)); // what can't be removed stays in the system's folder for such things
    }
}

/// 32 random hexadecimal digits.
fn random_text() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| "the system gives no random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::printed_url;

    #[test]
    fn an_address_counts_only_when_it_is_printed_whole() {
        for (out, url) in [
            ("", None),
            ("Tally listens on http://127.0.0.1:80", None),
            ("Tally listens on http://127.0.0.1:8000\n", Some("http://127.0.0.1:8000")),
            ("http://127.0.0.1:1\nhttp://127.0.0.1:2\n", Some("http://127.0.0.1:1")),
        ] {
            assert_eq!(printed_url(out).as_deref(), url, "{out}");
        }
    }
}
