//! What the tests of the whole service share: the real binary in a folder of its own, a seed, a runtime, requests made bad.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod mutate;

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tally_proof::crash::databases::Databases;
use tally_proof::crash::plan::Plan;
use tally_proof::crash::site::Site;

/// The binary of this build.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_tally");

/// A folder on the disk that the build uses.
pub(crate) const PLACE: &str = env!("CARGO_TARGET_TMPDIR");

/// The binary of this build, in a folder of its own.
pub(crate) fn site() -> Site {
    Site::new(BINARY, PLACE)
}

/// A plan to kill the binary as often as the variable says, 20 times unless it is set.
pub(crate) fn plan(variable: &str, clients: u64) -> Plan {
    let kills = std::env::var(variable).map_or(20, |kills| kills.parse().expect("a number"));
    plan_on(Databases::Files, kills, clients)
}

/// A plan to kill the binary so often, its books in these databases.
pub(crate) fn plan_on(databases: Databases, kills: u64, clients: u64) -> Plan {
    let (binary, place) = (PathBuf::from(BINARY), PathBuf::from(PLACE));
    let seed = seed();
    Plan { binary, place, databases, kills, server_kills: 0, seed, clients, keep: true }
}

/// The turn of a test whose run says what came too late: those of a binary don't take each other's time.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails with each fault that was found.
#[track_caller]
pub(crate) fn assert_clean(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The seed in `TALLY_TEST_SEED`, else a new one; printed, so that a failure shows it.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("TALLY_TEST_SEED") {
        Ok(seed) => seed.parse().expect("TALLY_TEST_SEED must be a number"),
        Err(_) => getrandom::u64().expect("the system has randomness"),
    };
    println!("TALLY_TEST_SEED={seed}");
    seed
}

/// Runs a test on a runtime of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}
