//! Whether a trace tells the truth: all that it says was done must give the very files that the killed process left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::disk::Disk;

/// Compares the files of `folder` below `root` with those that the trace gives. The last record was announced before it was done,
/// so each byte may also be as the trace has it without that one; and a file that was just made may not have been told yet.
pub fn agree(root: &Path, folder: &str, with: &Disk, without_last: &Disk) -> Result<(), String> {
    let mut paths: BTreeSet<String> = with.seen_files().map(str::to_owned).collect();
    paths.extend(without_last.seen_files().map(str::to_owned));
    for found in fs::read_dir(root.join(folder)).into_iter().flatten() {
        let found = found.map_err(|error| error.to_string())?.file_name();
        paths.insert(format!("{folder}/{}", found.to_string_lossy()));
    }
    for path in paths.iter().filter(|path| !path.ends_with("-shm")) {
        let told = [with.seen(path), without_last.seen(path)];
        let there = fs::read(root.join(path)).ok();
        let just_made = told == [None, None] && there.as_ref().is_some_and(Vec::is_empty);
        if !just_made && !told.contains(&there) && !between(there.as_deref(), &told) {
            return Err(format!("the trace does not tell what is in {path}"));
        }
    }
    Ok(())
}

/// Whether a file may be what a write left that was stopped on its way.
fn between(there: Option<&[u8]>, told: &[Option<Vec<u8>>; 2]) -> bool {
    let (Some(there), [Some(after), Some(before)]) = (there, told) else { return false };
    let (least, most) = (before.len().min(after.len()), before.len().max(after.len()));
    let fits = |(at, byte): (usize, &u8)| [before.get(at), after.get(at)].contains(&Some(byte));
    (least..=most).contains(&there.len()) && there.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::super::disk::Names;
    use super::super::disk::tests::{create, disk};
    use super::super::trace::Op;
    use super::*;

    /// A disk with `data/a`, to which these bytes were written, not synced.
    fn told(bytes: &[u8]) -> Disk {
        let write = Op::Write { inode: 7, at: 0, bytes: bytes.to_vec() };
        disk(Names::Strict, &[create("data/a"), write])
    }

    #[test]
    fn the_files_must_be_what_the_trace_says_with_or_without_its_last_record() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        let agrees = |content: &[u8]| {
            fs::write(root.path().join("data/a"), content).unwrap();
            agree(root.path(), "data", &told(b"newer and longer"), &told(b"older")).is_ok()
        };
        assert!(agrees(b"newer and longer"), "the last was done");
        assert!(agrees(b"older"), "it was not");
        assert!(agrees(b"newer and"), "it was done in part");
        assert!(!agrees(b"other"));
        assert!(!agrees(b"newer and longer still"));
    }

    #[test]
    fn a_file_that_the_trace_does_not_tell_of_is_a_fault_unless_it_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("data/a"), root.path().join("data/b"));
        fs::create_dir(root.path().join("data")).unwrap();
        fs::write(a, "a").unwrap();
        let agrees = || agree(root.path(), "data", &told(b"a"), &told(b"a")).is_ok();
        assert!(agrees());
        fs::write(&b, "").unwrap();
        assert!(agrees());
        fs::write(&b, "b").unwrap();
        assert!(!agrees());
    }

    #[test]
    fn a_file_that_is_gone_is_a_fault() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("data")).unwrap();
        assert!(agree(root.path(), "data", &told(b"a"), &told(b"a")).is_err());
    }
}
