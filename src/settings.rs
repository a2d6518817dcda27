//! What can be set: one struct, from flags and environment variables of the same names (`api.md` 4).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use tally_actors::domain::ids::MerchantId;

use crate::limits::{ADMIN_KEY_CHARS_MIN, ORDER_MINUTES};

/// All that `tally serve` can be told.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Address to listen on; port 0 picks a free one and prints it
    #[arg(long, env = "TALLY_LISTEN", default_value = "127.0.0.1:8000", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where the books are
    #[command(flatten)]
    pub data: DataSettings,
    /// The admin's key, instead of the one made at the first start and kept in admin.key in the data directory
    #[arg(long, env = "TALLY_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    pub admin_key: Option<Secret>,
    /// The merchant that exists from the first start on
    #[arg(
        long,
        env = "TALLY_DEFAULT_MERCHANT",
        default_value = "default",
        value_name = "MERCHANT_ID"
    )]
    pub default_merchant: MerchantId,
    /// Minutes until an unpaid order expires, 5 to 1440
    #[arg(
        long,
        env = "TALLY_ORDER_MINUTES",
        default_value = "120",
        value_name = "MINUTES",
        value_parser = clap::value_parser!(i64).range(ORDER_MINUTES)
    )]
    pub order_minutes: i64,
    /// How the log is written
    #[command(flatten)]
    pub log: LogSettings,
}

/// Where the books are.
#[derive(Debug, Clone, Args)]
pub struct DataSettings {
    /// Directory of the embedded database and of a generated admin key
    #[arg(long, env = "TALLY_DATA_DIR", default_value = "data", value_name = "DIRECTORY")]
    pub data_dir: PathBuf,
    /// The database: `sqlite:` for a file in the data directory, `sqlite:PATH` for another file
    #[arg(long, env = "TALLY_DATABASE_URL", default_value = "sqlite:", hide_env_values = true)]
    pub database_url: DatabaseUrl,
}

/// How the log is written.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// What is logged: a level (error, warn, info, debug, trace) or a filter such as `info,tally=debug`
    #[arg(
        long = "log",
        env = "TALLY_LOG",
        default_value = "info,actix_server=warn",
        value_name = "FILTER"
    )]
    pub filter: String,
    /// How a line of the log looks
    #[arg(
        long = "log-format",
        env = "TALLY_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line, for machines.
    Json,
}

/// Where the database is. The default is a file in the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file of its own in the data directory.
    Embedded,
    /// A SQLite file somewhere else.
    File(PathBuf),
}

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl DataSettings {
    /// The database file.
    pub fn file(&self) -> PathBuf {
        match &self.database_url {
            DatabaseUrl::Embedded => self.data_dir.join("tally.db"),
            DatabaseUrl::File(path) => path.clone(),
        }
    }

    /// The file that a generated admin key is kept in.
    pub fn admin_key_file(&self) -> PathBuf {
        self.data_dir.join("admin.key")
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let Some(path) = raw.strip_prefix("sqlite:") else {
            return Err("this version keeps its books in SQLite only; give sqlite: or sqlite:PATH");
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.contains(['?', '#']) {
            return Err("a SQLite database takes no options; give sqlite:PATH alone");
        }
        if path.starts_with(':') {
            return Err("books in memory would be lost; give sqlite: or sqlite:PATH");
        }
        if path.ends_with('/') {
            return Err("is a directory; give sqlite:PATH of a file");
        }
        Ok(if path.is_empty() { Self::Embedded } else { Self::File(Path::new(path).to_path_buf()) })
    }
}

impl Secret {
    /// The text itself, for whoever must compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw.len() < ADMIN_KEY_CHARS_MIN || !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "must be at least {ADMIN_KEY_CHARS_MIN} printable ASCII characters without spaces"
            ));
        }
        Ok(Self(raw.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(flags: &[&str]) -> Result<Settings, String> {
        let line = ["tally"].iter().chain(flags).copied();
        Line::try_parse_from(line).map(|line| line.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn without_any_flag_it_serves_on_loopback_with_a_file_in_data() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8000".parse().unwrap());
        assert_eq!(settings.data.file(), Path::new("data/tally.db"));
        assert_eq!(settings.data.admin_key_file(), Path::new("data/admin.key"));
        assert_eq!(settings.default_merchant.as_str(), "default");
        assert_eq!((settings.order_minutes, settings.log.format), (120, LogFormat::Text));
        assert!(settings.admin_key.is_none());
    }

    #[test]
    fn a_database_is_a_sqlite_file_and_nothing_else() {
        let file = |url: &str| parse(&["--database-url", url]).map(|settings| settings.data.file());
        for (url, path) in [
            ("sqlite:", "data/tally.db"),
            ("sqlite:books.db", "books.db"),
            ("sqlite:///var/lib/tally.db", "/var/lib/tally.db"),
        ] {
            assert_eq!(file(url).unwrap(), Path::new(path), "{url}");
        }
        for (url, remedy) in [
            ("mysql://root@db/tally", "SQLite only"),
            ("postgres://db/tally", "SQLite only"),
            ("sqlite::memory:", "would be lost"),
            ("sqlite:books.db?mode=ro", "takes no options"),
            ("sqlite:data/", "is a directory"),
        ] {
            assert!(file(url).unwrap_err().contains(remedy), "{url}");
        }
    }

    #[test]
    fn what_can_not_be_meant_stops_the_start_and_names_the_flag() {
        for (flag, value) in [
            ("--listen", "localhost"),
            ("--order-minutes", "4"),
            ("--order-minutes", "1441"),
            ("--default-merchant", "a-b"),
            ("--log-format", "xml"),
            ("--admin-key", "short"),
            ("--admin-key", ""),
        ] {
            let error = parse(&[flag, value]).unwrap_err();
            assert!(error.contains(flag), "{flag} {value}: {error}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let settings = parse(&["--admin-key", "0123456789abcdef"]).unwrap();
        assert_eq!(settings.admin_key.as_ref().unwrap().expose(), "0123456789abcdef");
        assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    }
}
