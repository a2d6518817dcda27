//! A disk: what it certainly holds, and what it may have forgotten when the power comes back.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::trace::{Op, TraceFault};

/// When a name is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// When its folder was synced, as POSIX has it. Of names that were not, any may survive.
    Strict,
    /// When any file or folder was synced, as a file system with one ordered journal of its names has it (ext4, XFS). Of
    /// those after it, the first ones survive.
    Journaled,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    /// An index into the disk's files.
    File(usize),
}

/// A change of a file that was not synced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

/// A change of names in one folder that was not synced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameChange {
    Put { path: String, entry: Entry },
    Remove { path: String },
    Move { from: String, to: String, entry: Entry },
}

/// A file: what it certainly holds, and what was done to it since, each with the number of its record.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) sure: Vec<u8>,
    pub(super) pending: Vec<(u64, Change)>,
}

/// What a disk holds at one moment of a trace.
#[derive(Debug, Clone)]
pub struct Disk {
    rule: Names,
    pub(super) files: Vec<Content>,
    pub(super) names: BTreeMap<String, Entry>,
    pub(super) pending_names: Vec<(u64, NameChange)>,
    /// The names as the process sees them.
    seen: BTreeMap<String, Entry>,
    inodes: HashMap<u64, usize>,
}

impl Change {
    /// Makes the change whole.
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(content, *at, bytes),
            Self::Truncate { length } => content.resize(*length, 0),
        }
    }

    /// The bytes that it writes.
    fn size(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::Truncate { .. } => 0,
        }
    }
}

/// Writes at an offset. What lies between the end and the offset is zero.
pub(super) fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

impl NameChange {
    /// The folder whose sync makes it last.
    fn folder(&self) -> &str {
        match self {
            Self::Put { path, .. } | Self::Remove { path } | Self::Move { to: path, .. } => {
                folder_of(path)
            }
        }
    }

    /// Makes the change.
    pub(super) fn apply(&self, names: &mut BTreeMap<String, Entry>) {
        match self {
            Self::Put { path, entry } => drop(names.insert(path.clone(), *entry)),
            Self::Remove { path } => drop(names.remove(path)),
            Self::Move { from, to, entry } => {
                names.remove(from);
                names.insert(to.clone(), *entry);
            }
        }
    }
}

/// The folder that a path is in; empty: the one that is always there.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk {
    /// A disk that certainly holds the files of one folder below `root`, as they are now. What is not there is not on it.
    pub fn of_folder(root: &Path, name: &str, rule: Names) -> io::Result<Self> {
        let (files, names, inodes) = (vec![], BTreeMap::new(), HashMap::new());
        let mut disk =
            Self { rule, files, names, pending_names: vec![], seen: BTreeMap::new(), inodes };
        let folder = root.join(name);
        if folder.exists() {
            disk.names.insert(name.to_owned(), Entry::Folder);
            for found in fs::read_dir(&folder)? {
                let found = found?;
                let file =
                    found.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData)?;
                if !file.ends_with("-shm") {
                    let entry = disk.add(found.metadata()?.ino(), fs::read(found.path())?);
                    disk.names.insert(format!("{name}/{file}"), entry);
                }
            }
        }
        disk.seen = disk.names.clone();
        Ok(disk)
    }

    fn add(&mut self, inode: u64, sure: Vec<u8>) -> Entry {
        self.files.push(Content { sure, pending: vec![] });
        self.inodes.insert(inode, self.files.len() - 1);
        Entry::File(self.files.len() - 1)
    }

    /// Takes the operations of a trace, one after the other.
    pub fn run(&mut self, ops: Vec<(u64, Op)>) -> Result<(), TraceFault> {
        ops.into_iter().try_for_each(|(number, op)| self.take(number, op))
    }

    fn take(&mut self, number: u64, op: Op) -> Result<(), TraceFault> {
        let unknown = |what: String| TraceFault::Unknown { number, what };
        let place = |at| usize::try_from(at).map_err(|_| TraceFault::Malformed(number));
        match op {
            Op::Write { inode, at, bytes } => {
                let change = Change::Write { at: place(at)?, bytes };
                self.file(inode, number)?.pending.push((number, change));
            }
            Op::Truncate { inode, length } => {
                let change = Change::Truncate { length: place(length)? };
                self.file(inode, number)?.pending.push((number, change));
            }
            Op::Create { inode, path } => {
                let entry = self.add(inode, vec![]);
                self.rename(number, NameChange::Put { path, entry });
            }
            Op::MakeFolder { path } => {
                self.rename(number, NameChange::Put { path, entry: Entry::Folder });
            }
            Op::Unlink { path } => self.rename(number, NameChange::Remove { path }),
            Op::Rename { from, to } => {
                let entry = *self.seen.get(&from).ok_or_else(|| unknown(from.clone()))?;
                if folder_of(&from) != folder_of(&to) || entry == Entry::Folder {
                    let what = "a rename from folder to folder".to_owned();
                    return Err(TraceFault::Untold { number, what });
                }
                self.rename(number, NameChange::Move { from, to, entry });
            }
            Op::Sync { inode, begun } => {
                let file = self.file(inode, number)?;
                for (_, change) in taken(&mut file.pending, |of, _| of < begun) {
                    change.apply(&mut file.sure);
                }
                self.sync_names(begun, None);
            }
            Op::SyncFolder { path, begun } => self.sync_names(begun, Some(&path)),
        }
        Ok(())
    }

    fn file(&mut self, inode: u64, number: u64) -> Result<&mut Content, TraceFault> {
        let known = self.inodes.get(&inode).and_then(|&index| self.files.get_mut(index));
        known.ok_or(TraceFault::Unknown { number, what: format!("inode {inode}") })
    }

    fn rename(&mut self, number: u64, change: NameChange) {
        change.apply(&mut self.seen);
        self.pending_names.push((number, change));
    }

    /// A file (`None`) or a folder was synced: names that this makes last.
    fn sync_names(&mut self, begun: u64, folder: Option<&str>) {
        let rule = self.rule;
        let lasts = |of: u64, change: &NameChange| {
            let covered = match rule {
                Names::Strict => folder == Some(change.folder()),
                Names::Journaled => true,
            };
            of < begun && covered
        };
        for (_, change) in taken(&mut self.pending_names, lasts) {
            change.apply(&mut self.names);
        }
    }

    /// When a name is on this disk.
    pub(super) fn rule(&self) -> Names {
        self.rule
    }

    /// Bytes that were written to files whose path ends so, and not synced.
    pub fn unsynced(&self, end: &str) -> usize {
        let pending = |index: usize| self.files[index].pending.iter();
        let files = self.seen.iter().filter(|(path, _)| path.ends_with(end));
        let changes = files.flat_map(|(_, entry)| match entry {
            Entry::Folder => [].iter(),
            Entry::File(index) => pending(*index),
        });
        changes.map(|(_, change)| change.size()).sum()
    }

    /// How many changes of names were not synced.
    pub fn unsynced_names(&self) -> usize {
        self.pending_names.len()
    }

    /// The file of a name, as the process sees it at the end of the trace: what a system that did not lose power must hold.
    pub fn seen(&self, path: &str) -> Option<Vec<u8>> {
        let Entry::File(index) = *self.seen.get(path)? else { return None };
        let mut content = self.files[index].sure.clone();
        self.files[index].pending.iter().for_each(|(_, change)| change.apply(&mut content));
        Some(content)
    }

    /// The names of the files that the process sees.
    pub fn seen_files(&self) -> impl Iterator<Item = &str> {
        let files = self.seen.iter().filter(|(_, entry)| **entry != Entry::Folder);
        files.map(|(path, _)| path.as_str())
    }
}

/// Takes out what fits, in order.
fn taken<T>(pending: &mut Vec<(u64, T)>, fits: impl Fn(u64, &T) -> bool) -> Vec<(u64, T)> {
    pending.extract_if(.., |(number, change)| fits(*number, change)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn write(at: u64, bytes: &[u8]) -> Op {
        Op::Write { inode: 7, at, bytes: bytes.to_vec() }
    }

    /// A disk after these operations on an empty one, in which `data` was made and synced first.
    pub(in super::super) fn disk(rule: Names, ops: &[Op]) -> Disk {
        let nowhere = Path::new("/nowhere");
        let mut disk = Disk::of_folder(nowhere, "data", rule).unwrap();
        let begin = [
            Op::MakeFolder { path: "data".to_owned() },
            Op::SyncFolder { path: String::new(), begun: 1 },
        ];
        disk.run((0..).zip(begin.into_iter().chain(ops.iter().cloned())).collect()).unwrap();
        disk
    }

    pub(in super::super) fn create(path: &str) -> Op {
        Op::Create { inode: 7, path: path.to_owned() }
    }

    #[test]
    fn a_sync_makes_last_what_was_done_before_it_began_and_nothing_else() {
        // Records 2 to 6: the write of `c` came while the sync was under way.
        let ops = [
            create("data/a"),
            write(0, b"a"),
            write(3, b"b"),
            write(4, b"c"),
            Op::Sync { inode: 7, begun: 5 },
        ];
        let disk = disk(Names::Strict, &ops);
        assert_eq!(disk.files[0].sure, b"a\0\0b");
        assert_eq!(disk.unsynced("data/a"), 1);
        assert_eq!(disk.seen("data/a").unwrap(), b"a\0\0bc");
    }

    #[test]
    fn a_truncation_lasts_by_a_sync_as_well() {
        let ops = [create("data/a"), write(0, b"abc"), Op::Truncate { inode: 7, length: 1 }];
        let pending = disk(Names::Strict, &ops);
        assert_eq!(pending.files[0].sure, b"");
        assert_eq!(pending.seen("data/a").unwrap(), b"a");
        let synced = disk(Names::Strict, &[&ops[..], &[Op::Sync { inode: 7, begun: 9 }]].concat());
        assert_eq!(synced.files[0].sure, b"a");
    }

    #[test]
    fn a_name_lasts_by_a_sync_of_its_folder_alone_unless_names_are_journaled() {
        let ops = [create("data/a"), Op::Sync { inode: 7, begun: 3 }];
        assert!(!disk(Names::Strict, &ops).names.contains_key("data/a"));
        assert!(disk(Names::Journaled, &ops).names.contains_key("data/a"));
        for (folder, lasts) in [("data", true), ("", false)] {
            let sync = Op::SyncFolder { path: folder.to_owned(), begun: 3 };
            let disk = disk(Names::Strict, &[create("data/a"), sync]);
            assert_eq!(disk.names.contains_key("data/a"), lasts, "by a sync of {folder:?}");
        }
    }

    #[test]
    fn a_renamed_file_keeps_its_content_and_a_new_file_may_use_its_inode_again() {
        let path = |path: &str| path.to_owned();
        let ops = [
            create("data/a"),
            write(0, b"a"),
            Op::Rename { from: path("data/a"), to: path("data/b") },
            Op::Unlink { path: path("data/b") },
            create("data/c"),
            write(0, b"c"),
        ];
        let before = disk(Names::Strict, &ops[..3]);
        assert_eq!(before.seen("data/b").unwrap(), b"a");
        let after = disk(Names::Strict, &ops);
        assert_eq!(after.seen_files().collect::<Vec<_>>(), ["data/c"]);
        assert_eq!(after.seen("data/c").unwrap(), b"c");
    }

    #[test]
    fn what_nobody_made_is_a_fault() {
        let mut disk = disk(Names::Strict, &[]);
        let fault = TraceFault::Unknown { number: 2, what: "inode 7".to_owned() };
        assert_eq!(disk.run(vec![(2, write(0, b"a"))]), Err(fault));
    }
}
