//! A private Redis, with a password, a user of few rights, perhaps TLS; and a client that shares nothing with the service's.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::servers::{PrivateServer, Program, find, free_port, local, must};

/// The password of the private server's default user, who may do all.
pub(crate) const PASSWORD: &str = "pass#word?%";

/// A user who may do no more than keeping sessions takes, under the usual prefix.
pub(crate) const USER: (&str, &str) = ("tally", "few-rights");

/// A user who may read only.
pub(crate) const READER: (&str, &str) = ("reader", "no-rights");

/// A running Redis.
pub(crate) type RedisServer = PrivateServer<Redis>;

/// How a private Redis is run. It keeps nothing on disk.
pub(crate) struct Redis {
    program: PathBuf,
    tls: Option<Tls>,
}

struct Tls {
    openssl: PathBuf,
    port: u16,
}

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Error(String),
    Number(i64),
    Nothing,
    Bytes(Vec<u8>),
    List(Vec<Said>),
}

impl Redis {
    /// Redis as it is installed. `None`: it is not, and the test is left out.
    pub(crate) fn find() -> Option<Self> {
        Some(Self { program: find("redis-server", &[])?, tls: None })
    }

    /// The same with a port for TLS beside the plain one, its certificate made by an authority of the test's own.
    pub(crate) fn find_with_tls() -> Option<Self> {
        let tls = Tls { openssl: find("openssl", &[])?, port: free_port() };
        Some(Self { program: find("redis-server", &[])?, tls: Some(tls) })
    }
}

impl Program for Redis {
    fn prepare(&self, folder: &Path) {
        let Some(tls) = &self.tls else { return };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let openssl = |args: &[&str]| must(folder, &tls.openssl, args);
        let subject = ["-subj", "/CN=an authority of a test"];
        let files = ["-keyout", "ca.key", "-out", "ca.pem"];
        openssl(&[&["req", "-x509", "-days", "2"], &key[..], &subject, &files].concat());
        let files = ["-subj", "/CN=redis", "-keyout", "redis.key", "-out", "redis.csr"];
        openssl(&[&["req"], &key[..], &files].concat());
        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
        let files = ["-in", "redis.csr", "-extfile", "names", "-out", "redis.pem"];
        openssl(&[&["x509", "-req"], &by[..], &files].concat());
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
                "tls-port {}\ntls-cert-file redis.pem\ntls-key-file redis.key\n\
                 tls-ca-cert-file ca.pem\ntls-auth-clients no\n",
                tls.port,
            ));
        }
        fs::write(folder.join("redis.conf"), settings).expect("a file");
        let mut command = Command::new(&self.program);
        command.arg("redis.conf").current_dir(folder);
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
    pub(crate) fn url(&self, user: Option<(&str, &str)>) -> String {
        let (user, password) = user.unwrap_or(("", "pass%23word%3F%25"));
        format!("redis://{user}:{password}@{}", local(self.port()))
    }

    /// Its URL for TLS.
    pub(crate) fn tls_url(&self) -> String {
        let tls = self.program().tls.as_ref().expect("started with TLS");
        format!("rediss://{}:{}@{}", USER.0, USER.1, local(tls.port))
    }

    /// The file of the authority that vouches for it.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Has it do something, as the user who may do all.
    #[track_caller]
    pub(crate) fn ask(&self, command: &[&str]) -> Said {
        ask(self.port(), command).expect("Redis answers")
    }

    /// All its keys, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        let Said::List(keys) = self.ask(&["KEYS", "*"]) else { panic!("no list") };
        let mut keys: Vec<String> = keys.into_iter().map(Said::text).collect();
        keys.sort();
        keys
    }
}

impl Said {
    /// It as a text.
    pub(crate) fn text(self) -> String {
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
