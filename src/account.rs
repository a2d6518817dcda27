//! The WeChat account that the books are kept with: looked at by every start, and changed by `tally account --set`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tally_storage::Books;
use tally_storage::account::{Account, AccountFault, Player, change, must_be_kept_with};
use tally_wechat::Config;
use tokio::runtime::Handle;

use crate::cli::Failure;
use crate::clock::Clock;
use crate::practice;
use crate::settings::{Counterpart, DataSettings, LogSettings, SettingsFault};

/// What becomes of the account of which books.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Give the books the account that --wechat-app-id and --wechat-mch-id name, as the platform has moved to it
    #[arg(long)]
    set: bool,
    /// The mini-program's app id
    #[arg(long, env = "TALLY_WECHAT_APP_ID", value_name = "APP_ID")]
    wechat_app_id: Option<String>,
    /// The WeChat merchant number
    #[arg(long, env = "TALLY_WECHAT_MCH_ID", value_name = "MCH_ID")]
    wechat_mch_id: Option<String>,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// The account of whoever plays WeChat.
pub(crate) fn of(counterpart: &Counterpart) -> Account {
    match counterpart {
        Counterpart::Sandbox => practice::account(),
        Counterpart::Wechat(config) => {
            let Config { app_id, mch_id, .. } = &**config;
            Account { player: Player::Wechat, app_id: app_id.clone(), mch_id: mch_id.clone() }
        }
    }
}

/// Refuses books of another account, on the runtime that the store lives on. Nothing may be asked of WeChat before.
pub(crate) async fn check(
    store: &Arc<dyn Books>,
    counterpart: &Counterpart,
    on: &Handle,
) -> io::Result<Result<(), Box<AccountFault>>> {
    let (store, ours, now) = (Arc::clone(store), of(counterpart), Clock::start().now());
    on.spawn(async move { must_be_kept_with(&*store, &ours, now).await.map_err(Box::new) })
        .await
        .map_err(io::Error::other)
}

/// Says whose account it is, or makes it another.
pub(crate) async fn run(asked: &Asking) -> Result<ExitCode, Failure> {
    let place = asked.data.place();
    if let Some(file) = place.file().filter(|file| !file.is_file()) {
        return Err(format!("{} does not exist: there are no books", file.display()).into());
    }
    let told = if asked.set {
        let to = asked.account()?;
        let books = place.open().await?;
        let changed = change(&*books, to.clone(), Clock::start().now()).await;
        books.close().await;
        match changed? {
            Some(former) if former != to => {
                format!("{place} is kept with {to} now; before, with {former}")
            }
            Some(_) | None => format!("{place} is kept with {to}"),
        }
    } else {
        match place.open_read_only().await?.account().await? {
            Some(kept) => format!("{place} is kept with {} since {}", kept.account, kept.since),
            None => format!("{place} is kept with the account of its next start"),
        }
    };
    writeln!(io::stdout(), "{told}")?;
    Ok(ExitCode::SUCCESS)
}

impl Asking {
    fn account(&self) -> Result<Account, SettingsFault> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (app, mch) = ("TALLY_WECHAT_APP_ID", "TALLY_WECHAT_MCH_ID");
        match (given(&self.wechat_app_id), given(&self.wechat_mch_id)) {
            (Some(app_id), Some(mch_id)) => Ok(Account { player: Player::Wechat, app_id, mch_id }),
            (None, _) => Err(SettingsFault::Incomplete { missing: app, given: "--set" }),
            (Some(_), None) => Err(SettingsFault::Incomplete { missing: mch, given: app }),
        }
    }
}
