//! The shim between the binary and its disk: built by the C compiler when a run begins, preloaded into each server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::preload::{self, Library};

const SOURCE: &str = include_str!("../../shim/forgetful.c");

/// The folder of a site that is watched: the server's data.
pub const WATCHED: &str = "data";

/// The files beside it.
const TRACE: &str = "trace";
const CUT: &str = "cut";

/// The shim, built. Removed when dropped.
#[derive(Debug)]
pub struct Shim(Library);

/// How the disk under the shim behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// How much longer a sync takes than it does anyway, in microseconds.
    pub slower_us: u64,
    /// Each sync of so many is a lie: it returns at once, and nothing is on disk. `None`: an honest disk.
    pub lies: Option<u64>,
}

impl Shim {
    /// Builds it in a folder of its own in `place`. An error says why it can't be had on this machine.
    pub fn build(place: &Path) -> Result<Self, String> {
        Library::build(SOURCE, place).map(Self)
    }

    /// The environment of a server in `site`, an absolute path without links.
    pub fn environment(&self, site: &Path, manner: Manner) -> Vec<(String, String)> {
        let Manner { slower_us, lies } = manner;
        let text = |path: PathBuf| path.to_str().expect("plain names").to_owned();
        let mut environment = vec![
            (preload::VARIABLE, text(self.0.path())),
            ("TALLY_SHIM_FOLDER", text(site.join(WATCHED))),
            ("TALLY_SHIM_TRACE", text(site.join(TRACE))),
            ("TALLY_SHIM_CUT", text(site.join(CUT))),
            ("TALLY_SHIM_SLOWER_US", slower_us.to_string()),
        ];
        environment.extend(lies.map(|every| ("TALLY_SHIM_LIES", every.to_string())));
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Lets the power of a server in `site` be cut after so many more records. It may not have started yet.
pub fn announce(site: &Path, records: u64) -> io::Result<()> {
    fs::write(site.join(CUT), records.to_string())
}

/// Takes the trace of a server in `site` that is gone.
pub fn take_trace(site: &Path) -> io::Result<Vec<u8>> {
    let trace = fs::read(site.join(TRACE))?;
    fs::remove_file(site.join(TRACE))?;
    match fs::remove_file(site.join(CUT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(trace),
    }
}
