//! `tally demo`: customers pay, merchants settle and withdraw, all at once and with a WeChat that fails; then four books are
//! compared to the fen.

mod books;
mod customer;
mod faults;
mod limits;
mod merchant;
mod progress;
mod random;
mod score;
mod shadow;
mod stage;
mod table;
mod wire;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::Trouble;
use tally_storage::naive::{Naive, NaiveBooks};
use tally_storage::{Books, SqliteStore};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use self::books::{Owed, Shop, grouped, yuan};
use self::customer::Customer;
use self::faults::FaultRate;
use self::limits::{CATCH_UP_MAX, LATE_MS, LOOK, SANDBOX_FAULTS};
use self::merchant::Merchant;
use self::random::Random;
use self::score::{Score, count, counted};
use self::stage::Stage;
use self::wire::Wire;
use crate::cli::Failure;

/// How `tally demo` plays.
#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// Customers who log in, pay, and pay again
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    customers: u32,
    /// Merchants who settle and withdraw meanwhile
    #[arg(long, default_value = "3", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    merchants: u32,
    /// For how long, in seconds
    #[arg(long, default_value = "10", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Where all choices begin; a new one each time unless set
    #[arg(long)]
    seed: Option<u64>,
    /// How often the sandbox fails, in place of the few faults that it has otherwise: of each kind of call, and of each notice,
    /// such a part goes wrong (0 to 1; 0.3 is three of ten)
    #[arg(long, value_name = "PART")]
    faults: Option<FaultRate>,
    /// Put the same orders and payments to the classic settlement in three statements, and show what it loses
    #[arg(long)]
    naive: bool,
}

/// What customers and merchants have in common.
struct Town {
    wire: Wire,
    shops: Vec<MerchantId>,
    naive: Option<Naive>,
    score: Score,
}

impl Town {
    /// One of the shops.
    fn shop(&self, random: &mut Random) -> MerchantId {
        let one = random.within(0..self.shops.len() as u64);
        self.shops[usize::try_from(one).expect("an index")]
    }

    /// Whether a call of the three-statement algorithm went well; those that did not are counted.
    fn went_well<T>(&self, done: Result<T, Trouble>) -> bool {
        if done.is_err() {
            count(&self.score.failed_statements);
        }
        done.is_ok()
    }
}

/// Plays, and says whether all books agree: 0 if they do, 1 if any two differ.
pub(crate) fn run(demo: &Demo) -> Result<ExitCode, Failure> {
    let threads =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    threads.block_on(async {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            played = play(demo) => played,
            _ = terminate.recv() => Err("the demo was stopped before its end".into()),
            _ = interrupt.recv() => Err("the demo was stopped before its end".into()),
        }
    })
}

async fn play(demo: &Demo) -> Result<ExitCode, Failure> {
    let seed = match demo.seed {
        Some(seed) => seed,
        None => {
            u64::from(getrandom::u32().map_err(|_| "the system gives no random seed; set --seed")?)
        }
    };
    let Demo { customers, merchants, seconds, naive, faults, .. } = demo;
    let faults = faults.map_or_else(String::new, |faults| format!(", --faults {faults}"));
    say(&format!(
        "demo: {customers} customers, {merchants} merchants, {seconds} s{faults}, --seed {seed}"
    ))?;
    let mut random = Random::new(seed);
    let stage = Stage::set().await?;
    let naive = if *naive { Some(Naive::open(&stage.naive_file()).await?) } else { None };
    let shops = (1..=*merchants).map(|number| format!("shop{number}").parse());
    let shops: Vec<MerchantId> =
        shops.collect::<Result<_, _>>().expect("short ids of letters and digits");
    let score = Score::new(Duration::from_secs(*seconds));
    let town = Arc::new(Town { wire: stage.wire.clone(), shops, naive, score });
    let ended = match traffic(&town, demo, &mut random).await {
        Ok(()) => compare(&town, &stage).await,
        Err(failure) => Err(failure),
    };
    let lost = if ended.is_ok() { show_naive(&town).await? } else { false };
    if let Ok(true) = ended {
        return Ok(if lost { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    say(&format!("All that was written is kept in {}", stage.keep().display()))?;
    ended.map(|_| ExitCode::FAILURE)
}

/// Waits for what is owed, shows the four books, and says whether they agree.
async fn compare(town: &Town, stage: &Stage) -> Result<bool, Failure> {
    let mut faults = town.score.faults();
    faults.extend(catch_up(town).await?);
    let mut read = vec![];
    for shop in &town.shops {
        read.push(Shop::read(&town.wire, *shop).await?);
    }
    faults.extend(read.iter().flat_map(Shop::differences));
    let store = SqliteStore::open_read_only(&stage.database()).await?;
    let audit = store.audit(None).await?;
    faults.extend(audit.faults.iter().map(|fault| format!("audit: {fault}")));
    let table = table::four_books(&read);
    say(&format!("\nThe books, in yuan (· not known to this book):\n\n{table}"))?;
    say(&if faults.is_empty() {
        "All four books agree to the fen, and the audit is clean.".to_owned()
    } else {
        format!("THE BOOKS DO NOT AGREE:\n  {}", faults.join("\n  "))
    })?;
    Ok(faults.is_empty())
}

/// Everybody at once, until the time is over.
async fn traffic(town: &Arc<Town>, demo: &Demo, random: &mut Random) -> Result<(), Failure> {
    let mut people = vec![];
    for (number, id) in town.shops.iter().enumerate() {
        let mut merchant = Merchant::new(Arc::clone(town), random.fork(), *id);
        merchant.register(number).await?;
        people.push(tokio::spawn(merchant.run()));
    }
    let faults = demo.faults.map_or_else(|| SANDBOX_FAULTS.to_vec(), FaultRate::plan);
    set_faults(&town.wire, random.next(), &faults).await?;
    people.extend((0..demo.customers).map(|number| {
        let openid = format!("customer-{number}");
        let customer = Customer { town: Arc::clone(town), random: random.fork(), openid };
        tokio::spawn(customer.run())
    }));
    let bar = progress::Bar::show(Arc::clone(town));
    for one in people {
        one.await?;
    }
    bar.end().await;
    let score = &town.score;
    let [payments, settlements, withdrawals, repeats] =
        [&score.payments, &score.settlements, &score.withdrawals, &score.repeats]
            .map(|count| grouped(counted(count).into()));
    say(&format!(
        "{payments} payments, {settlements} settlements, {withdrawals} withdrawals; {repeats} calls had no answer and were made again"
    ))
}

async fn set_faults(wire: &Wire, seed: u64, faults: &[(&str, &str, u16)]) -> Result<(), Failure> {
    let rule = |(on, fault, per_mille): &(&str, &str, u16)| json!({"on": on, "fault": fault, "per_mille": per_mille});
    let rules: Vec<Value> = faults.iter().map(rule).collect();
    let plan = json!({"seed": seed, "late_ms": LATE_MS, "faults": rules});
    wire.sandbox(Method::PUT, "faults", &plan).await.map(drop)
}

/// Waits until nothing is owed any more. `Some`: what still was when the time for it was over.
async fn catch_up(town: &Town) -> Result<Option<String>, Failure> {
    set_faults(&town.wire, 0, &[]).await?;
    let began = Instant::now();
    loop {
        let mut owed = Owed::default();
        for shop in &town.shops {
            owed += Owed::read(&town.wire, *shop).await?;
        }
        if owed.is_nothing() {
            let ms = began.elapsed().as_millis();
            let waiting = match owed.waiting_fen {
                0 => String::new(),
                fen => format!(
                    ", but for {} yuan that the sandbox never took: in transit until ten minutes make that certain",
                    yuan(fen)
                ),
            };
            say(&format!(
                "{ms} ms later every notice was taken, every order looked up, every transfer known{waiting}"
            ))?;
            return Ok(None);
        }
        if began.elapsed() > CATCH_UP_MAX {
            let Owed { notices, orders, in_transit_fen, .. } = owed;
            return Ok(Some(format!(
                "{} s after the end there were still {notices} notices owed, {orders} paid orders not known to Tally, \
                 {} yuan in transit",
                CATCH_UP_MAX.as_secs(),
                yuan(in_transit_fen)
            )));
        }
        sleep(LOOK).await;
    }
}

/// Shows what the three statements made of it, and says whether they lost or invented anything.
async fn show_naive(town: &Town) -> Result<bool, Failure> {
    let Some(naive) = &town.naive else { return Ok(false) };
    let mut shops: Vec<(String, NaiveBooks)> = vec![];
    for shop in &town.shops {
        shops.push((shop.to_string(), naive.books(shop).await?));
    }
    let verdict = table::verdict(&shops);
    let table = table::three_statements(&shops);
    say(&format!("\nThe same orders and payments, settled in three statements:\n\n{table}"))?;
    say(&match (&verdict, counted(&town.score.failed_statements)) {
        (Some(lost), 0) => format!("The three statements {lost}, and none of them failed."),
        (Some(lost), failed) => format!("The three statements {lost}; {failed} failed."),
        (None, _) => {
            "This time the three statements lost nothing; with more customers they do.".into()
        }
    })?;
    Ok(verdict.is_some())
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
