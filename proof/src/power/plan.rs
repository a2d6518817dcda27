//! What a run of power cuts is to do, and what it found.

use std::fmt;
use std::path::PathBuf;

use super::disk::{Disk, Names};
use crate::crash::site::Site;

/// The fewest bytes a cut that have to be unsynced, on the whole, for a run to prove anything.
const UNSYNCED_MIN: usize = 4096;

/// The fewest things a cut that have to be acknowledged, on the whole.
const LOAD_MIN: usize = 5;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary under test.
    pub binary: PathBuf,
    /// Where its folders are made: on a disk where a flush is a real one.
    pub place: PathBuf,
    /// How often the power is cut.
    pub cuts: u64,
    /// How many images are made of each disk whose power was cut. Equal ones are examined once.
    pub images: usize,
    /// When a name is on disk.
    pub names: Names,
    /// Each sync of so many is a lie; `None`: none is.
    pub lies: Option<u64>,
    /// Decides all choices.
    pub seed: u64,
    /// How many ask at the same time.
    pub clients: u64,
    /// Whether an image with faults stays.
    pub keep: bool,
}

impl Plan {
    /// A new folder for the binary.
    pub(super) fn site(&self) -> Site {
        Site::new(&self.binary, &self.place)
    }
}

/// What was done, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How often the power was cut.
    pub cuts: u64,
    /// How many operations on the disk were traced.
    pub operations: usize,
    /// At how many cuts something was not synced.
    pub unsynced_cuts: u64,
    /// At how many of them that was in the database itself, as in a checkpoint.
    pub checkpoints: u64,
    /// How many bytes were written and not synced at the cuts.
    pub unsynced: usize,
    /// How many images were examined.
    pub images: usize,
    /// How many things were acknowledged.
    pub acknowledged: usize,
    /// What must not be.
    pub faults: Vec<String>,
    /// Said where too little was under way for the run to prove anything: that is no fault of a disk or of the binary.
    pub too_little: Option<String>,
}

impl Report {
    /// Counts a cut of a disk on which so many operations had been traced.
    pub(super) fn cut(&mut self, disk: &Disk, operations: usize) {
        self.cuts += 1;
        self.operations += operations;
        let bytes = disk.unsynced("");
        self.unsynced += bytes;
        self.unsynced_cuts += u64::from(bytes > 0 || disk.unsynced_names() > 0);
        self.checkpoints += u64::from(disk.unsynced("tally.db") > 0);
    }

    /// Says now and then how far the run is.
    pub(super) fn say(&self, plan: &Plan) {
        if self.cuts.is_multiple_of(10) || self.cuts == plan.cuts {
            println!("{self}");
        }
    }

    /// What keeps an honest disk's run from being a success.
    pub fn objections(&self) -> impl Iterator<Item = &String> {
        self.faults.iter().chain(&self.too_little)
    }

    /// Looks at the run as a whole: whether there was a load, and something to forget.
    pub(super) fn close(&mut self) {
        let cuts = usize::try_from(self.cuts).unwrap_or(usize::MAX);
        let too_little = self.unsynced < UNSYNCED_MIN.saturating_mul(cuts)
            || self.acknowledged < LOAD_MIN.saturating_mul(cuts);
        if self.faults.is_empty() && too_little {
            self.too_little = Some(format!("too little was under way to prove anything: {self}"));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { cuts, unsynced_cuts, checkpoints, unsynced, .. } = self;
        let &Self { operations, images, acknowledged, ref faults, .. } = self;
        write!(
            f,
            "{cuts} cuts, {unsynced_cuts} with something unsynced, {checkpoints} in the database itself, {unsynced} bytes unsynced; \
             {operations} operations traced, {images} images examined, {acknowledged} things acknowledged, {} faults",
            faults.len()
        )
    }
}
