//! What can be set: one struct, from flags and environment variables of the same names (`api.md` 4).

mod sessions;
mod values;
mod wechat;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tally_actors::domain::ids::MerchantId;
use tally_storage::Place;

pub use self::sessions::{KeyPrefix, RedisSettings, RedisUrl, SessionSettings};
pub use self::values::{
    DailyAt, DatabaseUrl, FreezeOn, Ladder, Proxies, PublicUrl, Secret, TimeOfDay,
};
pub use self::wechat::{
    Counterpart, Hidden, OnOff, SandboxSettings, SettingsFault, WechatSettings,
};
pub use crate::clock::Ahead;
use crate::limits::ORDER_MINUTES;

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
    /// Where WeChat reaches this service; `http://` and the address it listens on, where it is not set
    #[arg(long, env = "TALLY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
    /// Proxies whose X-Forwarded-For is believed: addresses or CIDRs, by comma
    #[arg(long, env = "TALLY_TRUSTED_PROXIES", default_value = "", value_name = "CIDRS")]
    pub trusted_proxies: Proxies,
    /// Customers' log-ins
    #[command(flatten)]
    pub sessions: SessionSettings,
    /// When an open order is looked up at WeChat, in seconds after it was opened; the last step repeats
    #[arg(
        long,
        env = "TALLY_QUERY_SECONDS",
        default_value = "5,30,60,180,300,600,1800",
        value_name = "SECONDS"
    )]
    pub query_seconds: Ladder,
    /// The same for transfers whose outcome is not known
    #[arg(
        long,
        env = "TALLY_TRANSFER_QUERY_SECONDS",
        default_value = "2,10,30,60,300,900,3600",
        value_name = "SECONDS"
    )]
    pub transfer_query_seconds: Ladder,
    /// From when on each day what is due is settled of merchants whose rules name a number of days, in Beijing's time
    #[arg(long, env = "TALLY_SETTLE_AT", default_value = "02:00", value_name = "HH:MM")]
    pub settle_at: TimeOfDay,
    /// Kinds of case that freeze the withdrawals of the merchant they are about, by comma, such as `paid_twice,bill_amount`
    #[arg(long, env = "TALLY_FREEZE_ON", default_value = "", value_name = "KINDS")]
    pub freeze_on: FreezeOn,
    /// From when on each day the day before is compared with WeChat's bill, in Beijing's time; `off`: only when somebody asks
    #[arg(long, env = "TALLY_RECONCILE_AT", default_value = "10:30", value_name = "HH:MM")]
    pub reconcile_at: DailyAt,
    /// Whether webhooks may go to private addresses and by http://; off unless set
    #[arg(long, env = "TALLY_WEBHOOK_PRIVATE", value_name = "ON_OFF")]
    pub webhook_private: Option<OnOff>,
    /// For tests that need days to pass; there is no flag for it
    #[arg(skip)]
    pub clock_ahead: Ahead,
    /// How WeChat is spoken to
    #[command(flatten)]
    pub wechat: WechatSettings,
    /// The sandbox that stands for WeChat
    #[command(flatten)]
    pub sandbox: SandboxSettings,
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
    /// The database: `sqlite:` for a file in the data directory, `sqlite:PATH` for another file, `postgres://…` or `mysql://…` for
    /// one on a server
    #[arg(long, env = "TALLY_DATABASE_URL", default_value = "sqlite:", hide_env_values = true)]
    pub database_url: DatabaseUrl,
}

/// How the log is written.
#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// What is logged: a level (error, warn, info, debug, trace) or a filter such as `info,tally=debug`. The default leaves out
    /// what strangers send that is no HTTP (actix_http)
    #[arg(
        long = "log",
        env = "TALLY_LOG",
        default_value = "info,actix_server=warn,actix_http=off",
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

impl Settings {
    /// The defaults for a service in a folder of its own, with its sandbox, both on free ports: for demonstrations and tests.
    pub fn in_folder(folder: &Path) -> Self {
        let seconds =
            |steps: &[u64]| Ladder(steps.iter().copied().map(Duration::from_secs).collect());
        let free_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            listen: free_port,
            data: DataSettings {
                data_dir: folder.to_path_buf(),
                database_url: DatabaseUrl::Embedded,
            },
            admin_key: None,
            default_merchant: "default".parse().expect("a well-formed merchant id"),
            order_minutes: 120,
            public_url: None,
            trusted_proxies: Proxies::default(),
            sessions: SessionSettings::default(),
            query_seconds: seconds(&[5, 30, 60, 180, 300, 600, 1_800]),
            transfer_query_seconds: seconds(&[2, 10, 30, 60, 300, 900, 3_600]),
            settle_at: "02:00".parse().expect("a time of the day"),
            freeze_on: FreezeOn::default(),
            reconcile_at: DailyAt(None),
            webhook_private: None,
            clock_ahead: Ahead::default(),
            wechat: WechatSettings::default(),
            sandbox: SandboxSettings { mode: None, listen: free_port },
            log: LogSettings { filter: "off".into(), format: LogFormat::Text },
        }
    }

    /// Who plays WeChat: WeChat itself, or the sandbox.
    ///
    /// # Errors
    ///
    /// [`SettingsFault`] for settings that are incomplete, or contradict each other.
    pub fn counterpart(&self) -> Result<Counterpart, SettingsFault> {
        self.wechat.counterpart(self.sandbox.mode, self.listen)
    }
}

impl DataSettings {
    /// Where the books are.
    pub fn place(&self) -> Place {
        match &self.database_url {
            DatabaseUrl::Embedded => Place::File(self.data_dir.join("tally.db")),
            DatabaseUrl::File(path) => Place::File(path.clone()),
            DatabaseUrl::Server(url) => Place::Server(url.clone()),
        }
    }

    /// Whether both are the same database, as far as their names tell.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let name = |data: &Self| match data.place() {
            Place::File(file) => Place::File(file.canonicalize().unwrap_or(file)),
            server => server,
        };
        name(self) == name(other)
    }

    /// The file that a generated admin key is kept in.
    pub fn admin_key_file(&self) -> PathBuf {
        self.data_dir.join("admin.key")
    }

    /// Whether a server ran here before, by its admin key, and its database is not there.
    pub(crate) fn books_missing(&self) -> bool {
        let missing = self.place().file().is_some_and(|file| !file.exists());
        self.admin_key_file().exists() && missing
    }

    /// The file in which the sandbox keeps its books.
    pub fn sandbox_file(&self) -> PathBuf {
        self.data_dir.join("sandbox.jsonl")
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
        assert_eq!(settings.data.place(), Place::File("data/tally.db".into()));
        assert_eq!(settings.data.admin_key_file(), Path::new("data/admin.key"));
        assert_eq!(settings.default_merchant.as_str(), "default");
        assert_eq!((settings.order_minutes, settings.log.format), (120, LogFormat::Text));
        assert!(settings.admin_key.is_none());
        let in_folder = Settings::in_folder(Path::new("data"));
        let ladders = |s: &Settings| (s.query_seconds.clone(), s.transfer_query_seconds.clone());
        assert_eq!(ladders(&settings), ladders(&in_folder));
        assert_eq!(settings.sessions, in_folder.sessions);
        assert_eq!(settings.sandbox.listen, "127.0.0.1:8001".parse().unwrap());
    }

    #[test]
    fn a_database_is_a_sqlite_file_or_on_a_server() {
        let place =
            |url: &str| parse(&["--database-url", url]).map(|settings| settings.data.place());
        for (url, shown) in [
            ("sqlite:", "sqlite:data/tally.db"),
            ("sqlite:books.db", "sqlite:books.db"),
            ("sqlite:///var/lib/tally.db", "sqlite:/var/lib/tally.db"),
            ("postgres://tally:secret@db/tally?sslmode=require", "postgres://db/tally"),
            ("mysql://tally:secret@db:3307/tally", "mysql://db:3307/tally"),
        ] {
            assert_eq!(place(url).unwrap().to_string(), shown, "{url}");
        }
        for (url, remedy) in [
            ("oracle://db/tally", "postgres://"),
            ("sqlite::memory:", "would be lost"),
            ("sqlite:books.db?mode=ro", "takes no options"),
            ("sqlite:data/", "is a directory"),
        ] {
            assert!(place(url).unwrap_err().contains(remedy), "{url}");
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
            ("--session-hours", "0"),
            ("--redis-url", "http://cache"),
            ("--redis-prefix", "a b"),
            ("--query-seconds", "30,5"),
            ("--trusted-proxies", "10.0.0.0/99"),
            ("--public-url", "pay.example.com"),
            ("--wechat-sign-type", "RSA"),
            ("--sandbox", "maybe"),
        ] {
            let error = parse(&[flag, value]).unwrap_err();
            assert!(error.contains(flag), "{flag} {value}: {error}");
        }
    }

    #[test]
    fn what_a_compose_file_leaves_empty_counts_as_not_set() {
        let may_be_empty = [
            "--redis-url",
            "--redis-ca",
            "--wechat-app-id",
            "--wechat-app-secret",
            "--wechat-api-key",
            "--wechat-api-key-old",
            "--wechat-cert",
            "--wechat-cert-key",
        ];
        let settings = parse(&may_be_empty.map(|flag| [flag, ""]).concat()).unwrap();
        assert!(matches!(settings.counterpart(), Ok(Counterpart::Sandbox)));
        assert!(settings.sessions.redis().unwrap().is_none());
    }

    #[test]
    fn a_secret_does_not_print() {
        let settings = parse(&["--admin-key", "0123456789abcdef"]).unwrap();
        assert_eq!(settings.admin_key.as_ref().unwrap().expose(), "0123456789abcdef");
        assert!(!format!("{settings:?}").contains("0123456789abcdef"));
        let secrets = ["--wechat-app-secret", "hush1", "--wechat-api-key", "hush2"];
        let old = ["--wechat-api-key-old", "hush3"];
        let redis = ["--redis-url", "redis://tally:hush4@cache"];
        let settings = parse(&[secrets.as_slice(), &old, &redis].concat()).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
