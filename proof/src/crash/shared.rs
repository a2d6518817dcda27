//! Kills of processes that share a database, while the same merchants' calls go to any of them.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;
use tokio::time::{sleep, sleep_until};

use super::doors::Doors;
use super::judge;
use super::ledger::Ledger;
use super::load::Load;
use super::plan::{Plan, Report};
use super::server::Server;
use super::site::Site;
use crate::random::Random;

/// For this part of the time for which processes are killed, one of them alone has the load before, and then all unharmed.
const UNHARMED_PART: u32 = 6;

/// How many processes there are, and for how long they are killed.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// `tally serve` processes on one database.
    pub processes: usize,
    /// How long the load lasts while they are killed.
    pub lasts: Duration,
}

/// What one process acknowledged in a second, and several of them.
#[derive(Debug, Clone, Copy)]
struct Rates {
    alone: u64,
    together: u64,
    killed: u64,
}

/// Kills a random process as often as planned at random instants, and starts it again, while the others go on. In the end all
/// books must agree with each other and with all that was ever acknowledged at any of them; a balance that was read anywhere
/// must show what was acknowledged anywhere before. The plan's databases must be a server's.
pub async fn run(plan: &Plan, crowd: Crowd) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(plan.seed);
    let mut sites = vec![plan.site()];
    sites.extend((1..crowd.processes).map(|_| sites[0].beside()).collect::<Vec<_>>());
    let mut crowded = Crowded { plan, sites, servers: vec![] };
    for site in &crowded.sites {
        crowded.servers.push(report.started(Server::start(site)));
    }
    crowded.servers[0].api().register().await;
    crowded.play(crowd.lasts, &mut random, &mut report).await;
    drop(crowded.servers);
    for site in crowded.sites {
        report.leave(site, plan);
    }
    report.close();
    report
}

struct Crowded<'a> {
    plan: &'a Plan,
    sites: Vec<Site>,
    servers: Vec<Server>,
}

impl Crowded<'_> {
    async fn play(&mut self, lasts: Duration, random: &mut Random, report: &mut Report) {
        let unharmed = lasts / UNHARMED_PART;
        let alone = Doors::of(&self.servers[..1]);
        let (ledger, alone) = self.calm(alone, Ledger::default(), unharmed, random).await;
        let together = Doors::of(&self.servers);
        let (ledger, together) = self.calm(together, ledger, unharmed, random).await;
        let before = ledger.len();
        let doors = Doors::of(&self.servers);
        let load = Load::begin(doors.clone(), ledger, self.plan.clients, random);
        let began = Instant::now();
        self.kill(lasts, (&load, &doors), random, report).await;
        let killed = rate(load.acknowledged() - before, began);
        let mut ledger = load.stop().await;
        report.heard(&ledger, (0, 0));
        report.in_flight = ledger.unanswered;
        println!("{}", Rates { alone, together, killed }.told(self.servers.len()));
        report.faults.extend(judge::examine(&self.servers[0], &mut ledger, random).await);
        for server in &self.servers[1..] {
            report.faults.extend(judge::compare(server.api(), &ledger).await);
        }
        report.faults.extend(judge::agree(&self.servers).await);
        report.faults.extend(judge::audit(&self.sites[0], &ledger).await);
        report.faults.extend(self.sites[0].audit().err());
    }

    /// A load without kills. What was heard, and how many things were acknowledged in a second.
    async fn calm(
        &self,
        doors: Doors,
        ledger: Ledger,
        lasts: Duration,
        random: &mut Random,
    ) -> (Ledger, u64) {
        let before = ledger.len();
        let load = Load::begin(doors, ledger, self.plan.clients, random);
        let began = Instant::now();
        sleep(lasts).await;
        let rate = rate(load.acknowledged() - before, began);
        (load.stop().await, rate)
    }

    async fn kill(
        &mut self,
        lasts: Duration,
        (load, doors): (&Load, &Doors),
        random: &mut Random,
        report: &mut Report,
    ) {
        let began = tokio::time::Instant::now();
        let within = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
        let mut instants: Vec<u64> =
            (0..self.plan.kills).map(|_| random.below(within.max(1))).collect();
        instants.sort_unstable();
        for instant in instants {
            sleep_until(began + Duration::from_millis(instant)).await;
            let victim = random.below(self.servers.len() as u64);
            let victim = usize::try_from(victim).expect("an index");
            self.servers.remove(victim).kill();
            let site = &self.sites[victim];
            // The others, and the callers, go on meanwhile.
            let server = report.started(block_in_place(|| Server::start(site)));
            doors.moved(victim, &server);
            self.servers.insert(victim, server);
            report.acknowledged = load.acknowledged();
            report.killed(self.plan, 0);
        }
        sleep_until(began + lasts).await;
    }
}

impl Rates {
    fn told(self, processes: usize) -> String {
        let Self { alone, together, killed } = self;
        format!(
            "things acknowledged in a second: {alone} by one process alone, {together} by {processes}, \
             {killed} by {processes} that are killed"
        )
    }
}

fn rate(things: usize, began: Instant) -> u64 {
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    (things as u64).saturating_mul(1_000) / ms
}
