//! A private Redis, with a password, a user of few rights, perhaps TLS; and a client that shares nothing with the service's.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::certificates::Certificates;
use super::{PrivateServer, Program, find, free_port, local};

/// The password of the private server's default user, who may do all.
pub const PASSWORD: &str = "pass#word?%";

/// A user who may do no more than keeping sessions takes, under the usual prefix.
pub const USER: (&str, &str) = ("tally", "few-rights");

/// A user who may read only.
pub const READER: (&str, &str) = ("reader", "no-rights");

/// A running Redis.
pub type RedisServer = PrivateServer<Redis>;

/// How a private Redis is run. It keeps nothing on disk.
pub struct Redis {
    program: PathBuf,
    tls: Option<Tls>,
}

struct Tls {
    certificates: Certificates,
    port: u16,
}

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A short text, such as OK.
    Text(String),
    /// A refusal.
    Error(String),
    /// A number.
    Number(i64),
    /// That there is nothing.
    Nothing,
    /// A value.
    Bytes(Vec<u8>),
    /// A list of answers.
    List(Vec<Said>),
}

impl Redis {
    /// Redis as it is installed. `None`: it is not, and the test is left out.
    pub fn find() -> Option<Self> {
        Some(Self { program: find("redis-server", &[])?, tls: None })
    }

    /// The same with a port for TLS beside the plain one, its certificate made by an authority of the test's own.
    pub fn find_with_tls() -> Option<Self> {
        let tls = Tls { certificates: Certificates::find()?, port: free_port() };
        Some(Self { program: find("redis-server", &[])?, tls: Some(tls) })
    }
}

impl Program for Redis {
    fn prepare(&self, folder: &Path) {
        if let Some(tls) = &self.tls {
            tls.certificates.make(folder);
        }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let mut settings = format!(
            // The second address is not in the certificate.
            "bind 127.0.0.1 127.0.0.2\nport {port}\nsave \"\"\nappendonly no\ndir {}\nrequirepass \"{PASSWORD}\"\n\
             user {} on >{} ~tally:* +ping +get +set\n\
             user {} on >{} ~tally:* +ping +get\n",
            folder.display(),
            USER.0,
            USER.1,
            READER.0,
            READER.1,
        );
        if let Some(tls) = &self.tls {
            settings.push_str(&format!(
                "tls-port {}\ntls-cert-file server.pem\ntls-key-file server.key\n\
                 tls-ca-cert-file ca.pem\ntls-auth-clients no\n",
                tls.port,
            ));
        }
        fs::write(folder.join("redis.conf"), settings).expect("a file");
        let mut command = Command::new(&self.program);
        command.arg("redis.conf");
        command
    }

    /// By its folder, so that another Redis that was quicker to take the port is not taken for this one.
    fn answers(&self, folder: &Path, port: u16) -> bool {
        let asked = ask(port, &["CONFIG", "GET", "dir"]);
        let bytes = |text: &str| Said::Bytes(text.into());
        asked == Some(Said::List(vec![bytes("dir"), bytes(&folder.display().to_string())]))
    }
}

impl RedisServer {
    /// Its URL for this user, or for the one who may do all.
    pub fn url(&self, user: Option<(&str, &str)>) -> String {
        let (user, password) = user.unwrap_or(("", "pass%23word%3F%25"));
        format!("redis://{user}:{password}@{}", local(self.port()))
    }

    /// Its URL for TLS.
    pub fn tls_url(&self) -> String {
        let tls = self.program().tls.as_ref().expect("started with TLS");
        format!("rediss://{}:{}@{}", USER.0, USER.1, local(tls.port))
    }

    /// The file of the authority that vouches for it.
    pub fn ca(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Has it do something, as the user who may do all.
    #[track_caller]
    pub fn ask(&self, command: &[&str]) -> Said {
        ask(self.port(), command).expect("Redis answers")
    }

    /// All its keys, in order.
    pub fn keys(&self) -> Vec<String> {
        let Said::List(keys) = self.ask(&["KEYS", "*"]) else { panic!("no list") };
        let mut keys: Vec<String> = keys.into_iter().map(Said::text).collect();
        keys.sort();
        keys
    }
}

impl Said {
    /// It as a text.
    pub fn text(self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8(bytes).expect("UTF-8"),
            other @ (Self::Text(_)
            | Self::Error(_)
            | Self::Number(_)
            | Self::Nothing
            | Self::List(_)) => {
                panic!("{other:?} is no text")
            }
        }
    }
}

/// Asks as the user who may do all, on a connection of its own.
fn ask(port: u16, command: &[&str]) -> Option<Said> {
    let mut stream = TcpStream::connect(local(port)).ok()?;
    stream.write_all(written(&["AUTH", PASSWORD]).as_bytes()).ok()?;
    stream.write_all(written(command).as_bytes()).ok()?;
    let mut answers = BufReader::new(stream);
    read(&mut answers).filter(|said| *said == Said::Text("OK".into()))?;
    read(&mut answers)
}

fn written(command: &[&str]) -> String {
    let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", command.len(), words.collect::<String>())
}

fn read(from: &mut impl BufRead) -> Option<Said> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let (kind, rest) = line.strip_suffix("\r\n")?.split_at_checked(1)?;
    let number = rest.parse::<i64>();
    Some(match kind {
        "+" => Said::Text(rest.into()),
        "-" => Said::Error(rest.into()),
        ":" => Said::Number(number.ok()?),
        "$" | "*" if number == Ok(-1) => Said::Nothing,
        "$" => {
            let mut bytes = vec![0; usize::try_from(number.ok()?).ok()? + 2];
            from.read_exact(&mut bytes).ok()?;
            bytes.truncate(bytes.len() - 2);
            Said::Bytes(bytes)
        }
        "*" => Said::List((0..number.ok()?).map(|_| read(from)).collect::<Option<_>>()?),
        _ => return None,
    })
}
