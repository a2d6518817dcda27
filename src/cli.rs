//! The command line: `tally` alone is `tally serve`.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use actix_web::dev::ServerHandle;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::account;
use crate::app::App;
use crate::demo::{self, Demo};
use crate::doctor;
use crate::moves::{self, BackingUp, Copying, Marking, Migrating, Restoring};
use crate::practice;
use crate::reconcile::{self, command::Reconciling};
use crate::replay::{self, Question};
use crate::settings::{DataSettings, LogSettings, Settings};
use crate::telemetry;

/// Why a command does not come to its end.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An actor-based settlement engine for platforms whose merchants sell through WeChat mini-programs
#[derive(Debug, Parser)]
#[command(name = "tally", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP (what `tally` alone does)
    Serve(Box<Settings>),
    /// Work out every row anew from the journal and compare; may run beside a server
    Audit(Audit),
    /// Tell where a merchant stood at any point, and why, by folding its journal from the first event; may run beside a server
    Replay(Box<Question>),
    /// Copy the books into another database, while a server may run on them
    ///
    /// Each merchant is copied up to where it stands when its turn comes: the same events, byte by byte, every hash checked,
    /// with the tables that they lead to; and API keys and customers' profiles. The target is empty, or an earlier copy of the
    /// same books: then only what is new is copied. So a copy that broke off is run again, and to move, copy beside the
    /// server, stop it, copy once more (which takes a moment) and start it on the target.
    ///
    /// Nobody may serve the target meanwhile. A SQLite file is locked; on a database server, a tally that writes there is
    /// noticed when both write to one merchant, and the copy stops.
    Copy(Copying),
    /// Copy the books into a new SQLite file, while a server may run on them
    ///
    /// The file holds all that was acknowledged when the backup was begun, and has its name once it is whole and on disk. What
    /// there is of a backup that broke off is beside it, with .part behind the name; the next one goes on with it.
    Backup(BackingUp),
    /// Put a backup in the place of the books, while no server runs on them (SQLite)
    ///
    /// The backup is checked first, every row worked out anew. The file that is there is moved aside, never deleted. The books
    /// are then marked: no withdrawal goes out before an admin has said that what happened since the backup was made up for.
    Restore(Restoring),
    /// Mark the books as put back to an earlier state by other means, such as a server's own tools
    ///
    /// To be said before a tally is started on them: what they lack may have been paid out.
    Restored(Marking),
    /// Bring the schema of the database up to date, as a start of the server does
    Migrate(Migrating),
    /// Tell which WeChat account the books are kept with, or, after a move of the platform, give them another
    ///
    /// The first start keeps the account that it is given, and a start with another is refused: that one would know nothing of the
    /// transfers that were sent, and their money would be given back. So --set is refused while an order is open or a withdrawal
    /// under way; and practice books of the sandbox never become real ones. Stop every tally that serves the books first.
    Account(account::Asking),
    /// Look at all that a start needs: settings, clock, certificate, keys, the way of notices, database, Redis
    ///
    /// Says of each in one line whether it is right, else the likely cause and the remedy; ends with 1 where something is wrong.
    /// It changes nothing: WeChat is asked for an order and a log-in that can't exist. Run it beside a running tally, with its
    /// settings, as the user that serves.
    Doctor(Box<Settings>),
    /// Compare a day with WeChat's bill, by a running server, and tell what differs
    Reconcile(Reconciling),
    /// Let customers pay and merchants withdraw, all at once, against a sandbox; then compare the books to the fen
    Demo(Demo),
    /// Play a customer of the running service's sandbox
    #[command(subcommand)]
    Sandbox(Play),
}

#[derive(Debug, Subcommand)]
enum Play {
    /// Log in: prints the code for POST /login/, and iv and encryptedData for POST /getinfo/
    Login {
        /// The customer; a new one where it is not given
        openid: Option<String>,
        #[command(flatten)]
        at: SandboxAt,
    },
    /// Pay an order, and wait until the service has taken the notice
    Pay {
        /// The order's number
        order: OrderNo,
        /// The order's merchant
        #[arg(
            long,
            env = "TALLY_DEFAULT_MERCHANT",
            default_value = "default",
            value_name = "MERCHANT_ID"
        )]
        merchant: MerchantId,
        #[command(flatten)]
        at: SandboxAt,
    },
}

/// Where the sandbox is.
#[derive(Debug, Args)]
struct SandboxAt {
    /// Where the sandbox listens
    #[arg(
        long,
        env = "TALLY_SANDBOX_LISTEN",
        default_value = "127.0.0.1:8001",
        value_name = "ADDRESS"
    )]
    sandbox_listen: SocketAddr,
}

#[derive(Debug, Args)]
struct Audit {
    /// Only this merchant
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: Option<MerchantId>,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    log: LogSettings,
}

/// Runs a command line, and says how the process should end.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let line = Line::try_parse_from(with_command(args)).unwrap_or_else(|error| hide(error).exit());
    let done = match line.command {
        Command::Serve(settings) => serve(&settings).map(|()| ExitCode::SUCCESS),
        Command::Audit(asked) => command(&asked.log, audit(&asked)),
        Command::Replay(asked) => command(&asked.log, replay::run(&asked)),
        Command::Copy(asked) => command(&asked.log, moves::copy_books(&asked)),
        Command::Backup(asked) => command(&asked.log, moves::back_up(&asked)),
        Command::Restore(asked) => command(&asked.log, moves::put_back(&asked)),
        Command::Restored(asked) => command(&asked.log, moves::mark(&asked)),
        Command::Migrate(asked) => command(&asked.log, moves::migrate(&asked)),
        Command::Account(asked) => command(&asked.log, account::run(&asked)),
        Command::Doctor(settings) => command(&settings.log, doctor::run(&settings)),
        Command::Reconcile(asked) => command(&asked.log, reconcile::command::run(&asked)),
        Command::Demo(asked) => demo::run(&asked),
        Command::Sandbox(play) => practise(&play).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|failure| {
        drop(writeln!(std::io::stderr(), "tally: {failure}"));
        ExitCode::from(2)
    })
}

/// A setting that may hold a secret is not printed when it is malformed.
fn hide(mut error: clap::Error) -> clap::Error {
    let named = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let secret = [
        "--admin-key",
        "--database-url",
        "--from",
        "--redis-url",
        "--to ", // with the space: --to-seq is no secret
        "--wechat-app-secret",
        "--wechat-api-key",
    ];
    if secret.iter().any(|flag| named.contains(flag)) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("(not shown)".into()));
    }
    error
}

/// The command line with `serve` in it, where it names no command.
fn with_command(mut args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut line = vec![args.next().unwrap_or_else(|| "tally".into())];
    let rest: Vec<OsString> = args.collect();
    let for_all = ["-h", "--help", "-V", "--version"];
    let bare = rest.first().is_none_or(|first| {
        let first = first.to_string_lossy();
        first.starts_with('-') && !for_all.contains(&&*first)
    });
    if bare {
        line.push("serve".into());
    }
    line.extend(rest);
    line
}

fn serve(settings: &Settings) -> Result<(), Failure> {
    telemetry::start(&settings.log)?;
    actix_web::rt::System::new().block_on(async {
        let app = App::build(settings).await?;
        let (terminate, interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        actix_web::rt::spawn(stop_when_told(terminate, interrupt, app.handle()));
        app.print();
        Ok(app.run().await?)
    })
}

/// The first signal lets requests in hand finish; the second does not.
async fn stop_when_told(mut terminate: Signal, mut interrupt: Signal, server: ServerHandle) {
    let mut graceful = true;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(graceful, "stopping");
        // Not waited for here: the server itself ends when it has stopped.
        drop(actix_web::rt::spawn(server.stop(graceful)));
        graceful = false;
    }
}

fn practise(play: &Play) -> Result<(), Failure> {
    let said = match play {
        Play::Login { openid, at } => practice::log_in(at.sandbox_listen, openid.as_deref())?,
        Play::Pay { order, merchant, at } => practice::pay(at.sandbox_listen, *merchant, *order)?,
    };
    Ok(std::io::stdout().write_all(said.as_bytes())?)
}

async fn audit(asked: &Audit) -> Result<ExitCode, Failure> {
    let place = asked.data.place();
    let report = place.open_read_only().await?.audit(asked.merchant).await?;
    if let Some(merchant) = asked.merchant.filter(|_| report.is_clean() && report.events == 0) {
        return Err(format!("merchant {merchant} is not known in {place}").into());
    }
    writeln!(std::io::stdout(), "{report}")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a command that needs no actor.
fn command(
    log: &LogSettings,
    run: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    telemetry::start(log)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[&str]) -> Vec<String> {
        let given = ["tally"].iter().chain(args).map(OsString::from);
        with_command(given).into_iter().skip(1).map(|arg| arg.into_string().unwrap()).collect()
    }

    #[test]
    fn tally_alone_serves() {
        assert_eq!(line(&[]), ["serve"]);
        assert_eq!(line(&["--listen", "127.0.0.1:0"]), ["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(line(&["audit", "--merchant", "m"]), ["audit", "--merchant", "m"]);
        assert_eq!(line(&["--help"]), ["--help"]);
    }

    #[test]
    fn a_malformed_secret_is_not_printed() {
        for (flag, value) in [
            ("--admin-key", "short"),
            ("--database-url", "oracle://u:short@db/t"),
            ("--redis-url", "redis://u:short@cache/?x"),
            ("--wechat-app-secret", "too short"),
            ("--wechat-api-key", "too short"),
            ("--wechat-api-key-old", "too short"),
        ] {
            let error = Line::try_parse_from(["tally", "serve", flag, value]).unwrap_err();
            let said = hide(error).to_string();
            assert!(said.contains(flag) && !said.contains("short"), "{said}");
        }
    }

    #[test]
    fn a_malformed_database_to_copy_is_not_printed() {
        let good = "sqlite:a.db";
        for (from, to, flag) in
            [("db://u:hush@db", good, "--from"), (good, "db://u:hush@db", "--to")]
        {
            let line = ["tally", "copy", "--from", from, "--to", to];
            let said = hide(Line::try_parse_from(line).unwrap_err()).to_string();
            assert!(said.contains(flag) && !said.contains("hush"), "{said}");
        }
    }

    #[test]
    fn the_commands_and_their_flags_fit_together() {
        <Line as clap::CommandFactory>::command().debug_assert();
    }
}
