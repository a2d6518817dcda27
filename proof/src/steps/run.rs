//! All flows, killed at all their steps, many at once.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use super::ahead::SOURCE;
use super::flows::Flow;
use super::judge;
use super::stage::Stage;
use super::trap::{self, Step};
use crate::crash::site::Site;
use crate::preload::Library;
use crate::random::Random;

/// How often a step that a run did not come to is tried again: which ladder is first may differ from run to run.
const TRIES_MAX: u32 = 3;

/// How far the clocks go on when a flow has ended: whatever was to come late has come by then.
const AFTERWARDS_S: u32 = 2_000;

/// In so many of a hundred runs of later seeds Tally is killed a second time, within so many steps.
const AGAIN_PERCENT: u64 = 60;
const AGAIN_WITHIN: u64 = 6;

/// After so many runs with faults no more are begun.
const FAULTY_MAX: usize = 8;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary under test.
    pub binary: PathBuf,
    /// Where its folders are made.
    pub place: PathBuf,
    /// The flows.
    pub flows: Vec<Flow>,
    /// Of each flow every so many-th step, beginning anywhere, and each seed elsewhere. 1: all of them.
    pub every: u32,
    /// Each step once with each seed. The first kills once; later ones, often, twice.
    pub seeds: Vec<u64>,
    /// How many run at the same time.
    pub at_once: usize,
    /// Whether the folders of runs with faults stay.
    pub keep: bool,
}

/// One run.
#[derive(Debug, Clone)]
struct Job {
    flow: Flow,
    seed: u64,
    /// Whether it may be killed twice.
    twice: bool,
    at: Option<Step>,
}

/// What became of it.
#[derive(Debug, Default)]
struct Ran {
    steps: Vec<Step>,
    struck: Vec<Step>,
    faults: Vec<String>,
    kept: Option<PathBuf>,
}

/// What was done and found.
#[derive(Debug, Default)]
pub struct Report {
    /// The steps of each flow, as it went unharmed.
    pub steps: BTreeMap<&'static str, Vec<Step>>,
    /// How often a flow was run with a kill.
    pub runs: u64,
    /// How often Tally was killed.
    pub kills: usize,
    /// Steps that no run came to when it was to be killed there.
    pub missed: Vec<String>,
    /// What must not be.
    pub faults: Vec<String>,
    /// The folders of the faults, if they were to be kept.
    pub kept: Vec<PathBuf>,
}

/// Runs all of it. An error says why it can't be run on this machine.
pub fn run(plan: &Plan) -> Result<Report, String> {
    let library = Library::build(SOURCE, &plan.place)?;
    let mut report = Report::default();
    let (first, flows) = (plan.seeds.first().copied().unwrap_or_default(), plan.flows.iter());
    let unharmed = flows.map(|flow| Job { flow: *flow, seed: first, twice: false, at: None });
    let mut jobs = vec![];
    for (job, ran) in all(plan, &library, unharmed.collect()) {
        report.steps.insert(job.flow.name, ran.steps.clone());
        report.take(&job, &ran);
        let thin = |(place, step): (usize, &Step), seed: u64| {
            let place = u64::try_from(place).unwrap_or(0).wrapping_add(seed);
            place.is_multiple_of(plan.every.into()).then(|| step.clone())
        };
        for (round, &seed) in plan.seeds.iter().enumerate() {
            let steps = ran.steps.iter().enumerate().filter_map(|step| thin(step, seed));
            jobs.extend(steps.map(|at| Job {
                seed,
                twice: round > 0,
                at: Some(at),
                ..job.clone()
            }));
        }
    }
    if !report.faults.is_empty() {
        return Ok(report);
    }
    for (job, ran) in all(plan, &library, jobs) {
        report.runs += 1;
        report.kills += ran.struck.len();
        report.take(&job, &ran);
    }
    Ok(report)
}

/// So many at once, each on a thread of its own; what became of each, in the order of the jobs. Where many have faults, no more
/// are begun.
fn all(plan: &Plan, library: &Library, jobs: Vec<Job>) -> Vec<(Job, Ran)> {
    let (next, faulty) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = Mutex::new(vec![]);
    thread::scope(|scope| {
        for _ in 0..plan.at_once {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(place) else { return };
                    if faulty.load(Ordering::Relaxed) >= FAULTY_MAX {
                        return;
                    }
                    let ran = job.tried(plan, library);
                    faulty.fetch_add(usize::from(!ran.faults.is_empty()), Ordering::Relaxed);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((place, ran));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(place, ran)| (jobs[place].clone(), ran)).collect()
}

impl Job {
    /// Runs it until it comes to its step.
    fn tried(&self, plan: &Plan, library: &Library) -> Ran {
        let mut ran = Ran::default();
        for _ in 0..TRIES_MAX {
            ran = self.run(plan, library);
            if self.at.is_none() || !ran.struck.is_empty() || !ran.faults.is_empty() {
                break;
            }
        }
        ran
    }

    /// Runs it once. What breaks it off is a fault.
    fn run(&self, plan: &Plan, library: &Library) -> Ran {
        let mut site = Some(Site::new(&plan.binary, &plan.place));
        let played = catch_unwind(AssertUnwindSafe(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let site = site.take().expect("taken once");
            runtime.expect("a runtime").block_on(self.play(site, library, plan.keep))
        }));
        played
            .unwrap_or_else(|_| Ran { faults: vec!["the run broke off".into()], ..Ran::default() })
    }

    async fn play(&self, site: Site, library: &Library, keep: bool) -> Ran {
        let mut random = Random::new(self.seed);
        let again = self.twice && random.percent(AGAIN_PERCENT);
        let again = again.then(|| u32::try_from(1 + random.below(AGAIN_WITHIN)).unwrap_or(1));
        let trap = trap::Plan { at: self.at.clone(), again_after: again };
        let rules: Value = serde_json::from_str(self.flow.rules).expect("a flow's rules are JSON");
        let settled = (self.flow.settings, &rules);
        let stage = Stage::set(site, library, settled, (trap, random.fork())).await;
        let mut faults: Vec<String> = (self.flow.play)(&stage).await.err().into_iter().collect();
        faults.extend(afterwards(&stage).await.err());
        faults.extend(stage.life.faults());
        if faults.is_empty() {
            faults.extend(judge::faults(&stage).await);
        }
        stage.life.end();
        faults.extend(stage.world.site.audit().err());
        let (steps, struck) = {
            let trap = stage.life.trap();
            (trap.steps().to_vec(), trap.struck().to_vec())
        };
        let kept = (keep && !faults.is_empty()).then(|| stage.world.site.path().to_owned());
        if kept.is_some() {
            // The folder outlives its owner, which several tasks still hold.
            std::mem::forget(stage);
        }
        Ran { steps, struck, faults, kept }
    }
}

/// Lets come what may still come.
async fn afterwards(stage: &Stage) -> Result<(), String> {
    stage.jump(AFTERWARDS_S).await?;
    stage.rest().await
}

impl Report {
    fn take(&mut self, job: &Job, ran: &Ran) {
        let name = job.flow.name;
        let at = job.at.as_ref().map_or("unharmed".to_owned(), ToString::to_string);
        let struck: Vec<String> = ran.struck.iter().skip(1).map(ToString::to_string).collect();
        let again =
            if struck.is_empty() { String::new() } else { format!(", then {}", struck.join(", ")) };
        let fault = |fault: &String| format!("{name}, seed {}, {at}{again}: {fault}", job.seed);
        self.faults.extend(ran.faults.iter().map(fault));
        self.kept.extend(ran.kept.clone());
        if !ran.faults.is_empty() {
            return;
        }
        match &job.at {
            None if ran.steps.is_empty() => self.faults.push(format!("{name} has no step")),
            Some(step) if ran.struck.is_empty() => {
                let missed = format!("{name}, seed {}, {step}", job.seed);
                // A second question may be one that another run need not put; a first is the flow's own.
                if step.nth == 1 {
                    self.faults.push(format!("{missed}: no run came to it"));
                }
                self.missed.push(missed);
            }
            None | Some(_) => {}
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flow, steps) in &self.steps {
            writeln!(f, "{flow}: {} steps", steps.len())?;
        }
        let steps: usize = self.steps.values().map(Vec::len).sum();
        write!(
            f,
            "{} flows, {steps} steps; {} runs, {} kills, {} steps not come to; {} faults",
            self.steps.len(),
            self.runs,
            self.kills,
            self.missed.len(),
            self.faults.len()
        )
    }
}
