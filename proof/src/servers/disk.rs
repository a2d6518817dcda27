//! A small disk, to be filled.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of a few MiB, mounted while it lives.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at an empty folder. `None`: mounting is not permitted, and the test is left out.
    pub fn mount(folder: &Path, mebibytes: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder);
        let said = mount.output();
        if said.as_ref().is_ok_and(|said| said.status.success()) {
            return Some(Self(folder.to_path_buf()));
        }
        assert!(std::env::var_os("CI").is_none(), "CI must be allowed to mount a tmpfs: {said:?}");
        super::left_out("mounting a tmpfs is not permitted here");
        None
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Fills it to the last byte. Removing the file makes room again.
    pub fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file =
            std::fs::File::options().create(true).append(true).open(&ballast).expect("a file");
        for piece in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![1; piece]).is_ok() {}
        }
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the small disk stays mounted");
    }
}
