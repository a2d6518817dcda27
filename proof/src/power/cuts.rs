//! Power cuts: the binary runs on a disk that is watched, is killed before some change of it, and must come up from whatever that
//! disk may hold.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::disk::Disk;
use super::image::{Fate, Image};
use super::plan::{Plan, Report};
use super::shim::{self, Manner, Shim};
use super::trace;
use super::witness;
use crate::crash::judge;
use crate::crash::ledger::Ledger;
use crate::crash::load::Load;
use crate::crash::server::Server;
use crate::crash::site::Site;
use crate::random::Random;

/// A load goes on for so many milliseconds at the most before the power is cut.
const LOAD_WITHIN_MS: u64 = 400;

/// How long the announced moment of a cut is waited for. When it does not come by then, as nothing is done to the disk, the power
/// is cut all the same.
const CUT_WITHIN: Duration = Duration::from_millis(500);

/// How often is looked whether it came.
const LOOK: Duration = Duration::from_millis(2);

/// A start is cut after so many records at the most: about as many as the first one makes, and a later one.
const FIRST_START_RECORDS: u64 = 200;
const START_RECORDS: u64 = 10;

/// A load or a stop is cut after so many more records at the most: those of some batches, or of a checkpoint.
const RECORDS: u64 = 100;

/// How many cuts a disk sees before there is a new, empty one: what is judged must not grow with the length of a run.
const CUTS_A_DISK: u64 = 10;

/// How much longer a sync takes on the disks that are tried, in microseconds: a fast disk, and two slow ones, on which more is
/// under way when the power is cut.
const SLOWER_US: [u64; 3] = [0, 2_000, 10_000];

/// What is known outside of the server.
#[derive(Debug, Clone, Default)]
struct Known {
    ledger: Ledger,
    /// Whether a server was ever ready: only then is an empty disk a loss.
    registered: bool,
}

/// When the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Start,
    Load,
    Stop,
}

/// A cut.
struct Cut {
    moment: Moment,
    disk: Disk,
    /// How many operations led there.
    operations: usize,
}

/// Cuts the power as often as planned, and examines some images after each cut. Ends early with the first faults. An error: there
/// can be no shim on this machine, for this reason.
pub async fn run(plan: &Plan) -> Result<Report, String> {
    let shim = Shim::build(&plan.place)?;
    let mut report = Report::default();
    let mut random = Random::new(plan.seed);
    while report.cuts < plan.cuts && report.faults.is_empty() {
        let cuts = CUTS_A_DISK.min(plan.cuts - report.cuts);
        one_disk(plan, &shim, cuts, &mut random, &mut report).await;
    }
    report.close();
    Ok(report)
}

/// A disk from its first use through some power cuts, after each of which one of the images is what it holds.
async fn one_disk(plan: &Plan, shim: &Shim, cuts: u64, random: &mut Random, report: &mut Report) {
    let (mut site, mut known) = (plan.site(), Known::default());
    let before = report.acknowledged;
    for _ in 0..cuts {
        let Cut { moment, disk, operations } =
            match cut(plan, shim, &site, &mut known, random).await {
                Ok(cut) => cut,
                Err(fault) => return report.faults.push(fault),
            };
        report.acknowledged = before + known.ledger.len();
        report.cut(&disk, operations);
        let mut survivors = vec![];
        for (fate, image) in images(plan, &disk, random) {
            report.images += 1;
            match examine(plan, &image, known.clone(), random.fork()).await {
                Ok(survivor) => survivors.push(survivor),
                Err(fault) => {
                    report
                        .faults
                        .push(format!("cut {} at a {moment:?}, {fate:?}: {fault}", report.cuts));
                }
            }
        }
        if !report.faults.is_empty() {
            return;
        }
        report.say(plan);
        let chosen = random.below(survivors.len() as u64);
        (site, known) = survivors.swap_remove(usize::try_from(chosen).expect("an index"));
    }
}

/// Runs the binary under the shim until the power is cut.
async fn cut(
    plan: &Plan,
    shim: &Shim,
    site: &Site,
    known: &mut Known,
    random: &mut Random,
) -> Result<Cut, String> {
    let root = site.path().canonicalize().map_err(|error| error.to_string())?;
    let mut disk =
        Disk::of_folder(&root, shim::WATCHED, plan.names).map_err(|error| error.to_string())?;
    let manner = Manner { slower_us: *random.of(&SLOWER_US), lies: plan.lies };
    let environment = shim.environment(&root, manner);
    let moment = match random.below(100) {
        0..25 => Moment::Start,
        25..80 => Moment::Load,
        _ => Moment::Stop,
    };
    let environment =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let stage = Stage { site, environment, clients: plan.clients };
    stage.live(moment, known, random).await;
    let told = shim::take_trace(&root).map_err(|error| format!("there is no trace: {error}"))?;
    let mut ops = trace::parse(&told).map_err(|fault| fault.to_string())?;
    // The last one may be announced and not done.
    let operations = ops.len();
    let last = ops.pop();
    disk.run(ops).map_err(|fault| fault.to_string())?;
    let without_last = disk.clone();
    disk.run(last.into_iter().collect()).map_err(|fault| fault.to_string())?;
    witness::agree(&root, shim::WATCHED, &disk, &without_last)?;
    Ok(Cut { moment, disk, operations })
}

/// Where a server lives until its power is cut.
struct Stage<'a> {
    site: &'a Site,
    environment: Vec<(&'a str, &'a str)>,
    clients: u64,
}

impl Stage<'_> {
    /// The server's life until it is killed.
    async fn live(&self, moment: Moment, known: &mut Known, random: &mut Random) {
        if moment == Moment::Start {
            let most = if known.registered { START_RECORDS } else { FIRST_START_RECORDS };
            self.announce(random.below(most));
            let (mut child, _) = self.site.spawn(&self.environment);
            wait_for(|| child.try_wait().is_ok_and(|ended| ended.is_some())).await;
            child.kill().expect("it was started");
            child.wait().expect("it ends");
            return;
        }
        let mut server = Server::start_with(self.site, &self.environment);
        if !known.registered {
            server.api().register().await;
            known.registered = true;
        }
        let load = Load::begin(&server, std::mem::take(&mut known.ledger), self.clients, random);
        sleep(Duration::from_millis(random.below(LOAD_WITHIN_MS))).await;
        if moment == Moment::Load {
            self.announce(random.below(RECORDS));
            wait_for(|| server.has_ended()).await;
            server.kill();
            known.ledger = load.end().await;
        } else {
            known.ledger = load.stop().await;
            self.announce(random.below(RECORDS));
            server.ask_to_stop();
            wait_for(|| server.has_ended()).await;
            server.kill();
        }
    }

    fn announce(&self, records: u64) {
        shim::announce(self.site.path(), records).expect("a file in its folder");
    }
}

/// Waits until the announced moment came, or is not going to.
async fn wait_for(mut it_ended: impl FnMut() -> bool) {
    let began = Instant::now();
    while !it_ended() && began.elapsed() < CUT_WITHIN {
        sleep(LOOK).await;
    }
}

/// Different images of a disk, by all fates in turn.
fn images(plan: &Plan, disk: &Disk, random: &mut Random) -> Vec<(Fate, Image)> {
    let mut images: Vec<(Fate, Image)> = vec![];
    for fate in Fate::ALL.into_iter().cycle().take(plan.images) {
        let image = Image::of(disk, fate, random);
        if images.iter().all(|(_, known)| *known != image) {
            images.push((fate, image));
        }
    }
    images
}

/// Examines an image in a task of its own, as a server that does not start breaks that off. The site with what became of the
/// image, and what is known of it; or what is wrong.
async fn examine(
    plan: &Plan,
    image: &Image,
    known: Known,
    random: Random,
) -> Result<(Site, Known), String> {
    let site = plan.site();
    image.write_to(site.path()).map_err(|error| format!("the image was not written: {error}"))?;
    match tokio::spawn(judged(site, known, random)).await {
        Ok((site, known, faults)) if faults.is_empty() => Ok((site, known)),
        Ok((site, _, faults)) => {
            if plan.keep {
                keep(image, &site.keep());
            }
            Err(faults.join("\n"))
        }
        Err(error) => Err(format!("the examination broke off: {error}")),
    }
}

/// What must hold of an image: the audit is clean before and after a start, the server starts, nothing acknowledged is missing
/// before anybody asks again, and after that every call has happened once or not at all, in an order that fits the answers.
async fn judged(site: Site, mut known: Known, mut random: Random) -> (Site, Known, Vec<String>) {
    if known.registered
        && let Err(found) = site.audit()
    {
        return (site, known, vec![found]);
    }
    let mut faults = vec![];
    let server = Server::start(&site);
    if known.registered {
        faults.extend(judge::missing(server.api(), &known.ledger).await);
        faults.extend(judge::examine(&server, &mut known.ledger, &mut random).await);
    }
    if random.percent(50) {
        server.ask_to_stop();
        let status = server.wait();
        faults
            .extend((!status.success()).then(|| format!("asked to stop, it ended with {status}")));
    } else {
        server.kill();
    }
    faults.extend(site.audit().err());
    if known.registered && faults.is_empty() {
        faults.extend(judge::audit(&site, &known.ledger).await);
    }
    (site, known, faults)
}

/// Lays the image as it was found beside what a server made of it.
fn keep(image: &Image, folder: &Path) {
    let as_found = folder.join("as-found");
    match fs::create_dir(&as_found).and_then(|()| image.write_to(&as_found)) {
        Ok(()) => println!("the image, as found and afterwards, is in {}", folder.display()),
        Err(error) => println!("the image was not kept: {error}"),
    }
}
