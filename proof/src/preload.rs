//! Libraries that stand between the real binary and the kernel (LD_PRELOAD): built by the C compiler when a run begins.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Whether one can work here: they name calls of glibc and numbers of 64 bits.
const FITS: bool = cfg!(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"));

/// The variable that names it to the loader.
pub const VARIABLE: &str = "LD_PRELOAD";

/// A library, built. Removed when dropped.
#[derive(Debug)]
pub struct Library {
    folder: TempDir,
}

impl Library {
    /// Builds it in a folder of its own in `place`. An error says why it can't be had on this machine.
    pub fn build(source: &str, place: &Path) -> Result<Self, String> {
        if !FITS {
            return Err("the shim needs Linux with glibc on 64 bits".to_owned());
        }
        let folder = TempDir::new_in(place).map_err(|error| format!("no folder: {error}"))?;
        let library = Self { folder };
        let mut compiler = Command::new("cc")
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
            .args(["-x", "c", "-", "-o"])
            .arg(library.path())
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the shim needs the C compiler cc: {error}"))?;
        // Dropped when written, so that the compiler sees the end.
        let written = compiler.stdin.take().map(|mut stdin| stdin.write_all(source.as_bytes()));
        let built = compiler.wait_with_output().map_err(|error| format!("cc: {error}"))?;
        if built.status.success() && matches!(written, Some(Ok(()))) {
            return Ok(library);
        }
        Err(format!("cc did not build the shim:\n{}", String::from_utf8_lossy(&built.stderr)))
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }
}
