//! Kills at random instants while merchants' systems ask for everything that `/v1` has: of the server, and of its database's.

use std::time::Duration;

use tokio::time::sleep;

use super::judge;
use super::ledger::Ledger;
use super::load::Load;
use super::plan::{Plan, Report};
use super::server::Server;
use super::site::Site;
use crate::random::Random;

/// A kill comes at a random instant of the load's first so many milliseconds.
const WITHIN_MS: u64 = 600;

/// A killed server of a database stays away for so many milliseconds at the most, besides what it takes to start.
const AWAY_MS: u64 = 1_500;

/// One time in five it stays away for longer than a call waits for its answer.
const LONG_AWAY_MS: u64 = 9_000;

/// How long merchants are waited for after it is back, before the run goes on.
const BACK_WAIT: Duration = Duration::from_secs(30);

/// How many kills a folder sees: what is judged must not grow with the length of a run.
const KILLS_A_FOLDER: u64 = 20;

/// Kills as often as planned. After each kill the audit must be clean and, once every call has its final answer, all that was
/// ever acknowledged must be in the books. Ends early with the first faults.
pub async fn run(plan: &Plan) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(plan.seed);
    while report.kills < plan.kills && report.faults.is_empty() {
        let site = plan.site();
        let kills = KILLS_A_FOLDER.min(plan.kills - report.kills);
        one_folder(plan, &site, kills, &mut random, &mut report).await;
        report.leave(site, plan);
    }
    report.close();
    report
}

async fn one_folder(
    plan: &Plan,
    site: &Site,
    kills: u64,
    random: &mut Random,
    report: &mut Report,
) {
    let mut ledger = Ledger::default();
    let before = (report.acknowledged, report.not_final);
    for kill in 0..=kills {
        let mut server = report.started(Server::start(site));
        if kill == 0 {
            server.api().register().await;
        }
        // One time in four the next kill comes while what the last one left open is asked again.
        if kill == kills || random.percent(75) {
            report.faults.extend(judge::examine(&server, &mut ledger, random).await);
        }
        if kill == kills {
            report.faults.extend(judge::audit(site, &ledger).await);
        }
        if kill == kills || !report.faults.is_empty() {
            break;
        }
        let load = Load::begin(&server, ledger, plan.clients, random);
        for _ in 0..plan.server_kills_before(report.kills) {
            sleep(Duration::from_millis(random.below(WITHIN_MS))).await;
            let away = if random.percent(20) { LONG_AWAY_MS } else { random.below(AWAY_MS) };
            plan.databases.kill_and_restart(Duration::from_millis(away)).await;
            report.came_back(load.served(server.api(), BACK_WAIT).await);
        }
        sleep(Duration::from_millis(random.below(WITHIN_MS))).await;
        if server.has_ended() {
            report.faults.push(format!("the server ended by itself:\n{}", server.log()));
        }
        server.kill();
        ledger = load.end().await;
        report.heard(&ledger, before);
        report.killed(plan, ledger.unknown.len());
        report.faults.extend(site.audit().err());
        report.kill_a_start(|| site.spawn(&[]).0, random).await;
    }
}
