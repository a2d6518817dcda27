//! The folder of a private server. Every process that works in it belongs to the server, however it was started.
//!
//! A server that tests share stands in a static, which nobody drops. So a guard waits for the end of this process, also by a
//! SIGKILL, and then ends whoever is left in the folder and removes it.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::signal;

/// How long killed processes are waited for.
const END_MAX: Duration = Duration::from_secs(30);

/// How often they are looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until nobody holds the other end of its input.
const GUARD: &str = r#"
read -r _
left() { for p in /proc/[0-9]*; do [[ $(readlink "$p/cwd") == "$0"* ]] && echo "${p#/proc/}"; done; }
for _ in {1..50}; do
    kill -KILL $(left) 2>/dev/null
    rm -rf "$0" 2>/dev/null && break
    sleep 0.1
done
"#;

/// A folder that is removed when it is dropped, and when this process ends.
pub(super) struct OwnFolder {
    folder: tempfile::TempDir,
    guard: Child,
}

impl OwnFolder {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let mut guard = Command::new("bash");
        // In a process group of its own, so that a Ctrl-C does not end it first.
        guard.args(["-c", GUARD]).arg(real(folder.path())).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { folder, guard: guard.spawn().expect("bash runs") }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Who works in it, or below.
    pub(super) fn processes(&self) -> Vec<u32> {
        let folder = real(self.path());
        let works_here = |process: &u32| {
            fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        };
        let all = fs::read_dir("/proc").expect("a system with /proc").flatten();
        let numbered = all.filter_map(|entry| OsStr::to_str(&entry.file_name())?.parse().ok());
        numbered.filter(works_here).collect()
    }

    /// SIGKILL, until nobody is left: one that is about to start another may need a second.
    pub(super) fn kill_all(&self) {
        let began = Instant::now();
        loop {
            let processes = self.processes();
            if processes.is_empty() {
                return;
            }
            assert!(began.elapsed() < END_MAX, "a killed server does not end: {processes:?}");
            signal("KILL", &processes);
            thread::sleep(LOOK);
        }
    }

    /// SIGSTOP, until all stand still.
    pub(super) fn stop_all(&self) {
        let stands = |process: &u32| {
            // A process that has ended meanwhile stands still as well.
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") T ")
        };
        let began = Instant::now();
        loop {
            let processes = self.processes();
            if processes.iter().all(stands) {
                return;
            }
            assert!(began.elapsed() < END_MAX, "a server does not stop: {processes:?}");
            signal("STOP", &processes);
            thread::sleep(LOOK);
        }
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// As /proc names it.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().expect("it is there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_works_in_it_ends_with_it_also_when_stopped() {
        let folder = OwnFolder::new();
        let (path, below) = (folder.path().to_path_buf(), folder.path().join("data"));
        fs::create_dir(&below).unwrap();
        let mut sleeper = Command::new("sleep").arg("1000").current_dir(below).spawn().unwrap();
        assert_eq!(folder.processes(), [sleeper.id()]);
        signal("STOP", &[sleeper.id()]);
        drop(folder); // its guard hears the same as when this process ends
        assert!(!sleeper.wait().unwrap().success());
        assert!(!path.exists());
    }
}
