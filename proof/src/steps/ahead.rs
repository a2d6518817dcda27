//! The machine's clock as Tally sees it: ahead, by as much as a flow needs.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::preload::{self, Library};

/// Where the library is made from.
pub const SOURCE: &str = include_str!("../../shim/ahead.c");

/// How far ahead the processes of a folder are.
#[derive(Debug)]
pub struct Ahead {
    file: fs::File,
    path: PathBuf,
    ms: AtomicI64,
}

impl Ahead {
    /// Not at all, for now.
    pub fn begin(folder: &Path) -> Self {
        let path = folder.join("ahead");
        fs::write(&path, 0_i64.to_ne_bytes()).expect("a file in its folder");
        let file = fs::File::options().write(true).open(&path).expect("it was made");
        Self { file, path, ms: AtomicI64::new(0) }
    }

    /// What a process must be told to live with it.
    pub fn environment(&self, library: &Library) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_str().expect("plain names").to_owned();
        [(preload::VARIABLE, text(library.path())), ("TALLY_SHIM_AHEAD", text(self.path.clone()))]
    }

    /// Moves it on, also for processes that run.
    pub fn advance(&self, seconds: u32) {
        let by = i64::from(seconds) * 1_000;
        let ms = self.ms.fetch_add(by, Ordering::SeqCst) + by;
        self.file.write_all_at(&ms.to_ne_bytes(), 0).expect("a file that is open");
    }
}
