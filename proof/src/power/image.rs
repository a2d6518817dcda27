//! What a disk may hold after a power cut: all that was synced, and of the rest whatever the chosen fate left.
//!
//! Writes survive or are lost by sectors, so the older of two writes to one sector may be the one that is found later. A lost
//! write may have made the file longer nevertheless: then what it was to fill is zero, or was on the disk before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::disk::{self, Change, Content, Disk, Entry, Names, folder_of};
use crate::random::Random;

/// A disk writes a sector as a whole or not at all; a file system writes pages.
const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// What became of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All is lost.
    Lost,
    /// All survived, as after a crash of the process alone.
    Survived,
    /// What came first survived, up to some change; of that one, some sectors.
    First,
    /// Some changes survived, each in whole.
    Some,
    /// Of each write some sectors survived, or some pages.
    Torn,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Survived, Self::First, Self::Some, Self::Torn];
}

/// The files that are found when the power comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    folders: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    /// What is found in the place of SQLite's shared memory, if anything: no file that lasts, so it may hold anything.
    shared_memory: Option<Vec<u8>>,
}

/// How a fate treats a change.
struct Choice<'r> {
    fate: Fate,
    /// The first change that does not survive in whole, for [`Fate::First`].
    until: u64,
    /// In how many of a hundred cases a change, or a piece of it, survives.
    percent: u64,
    /// The size of the pieces that survive or are lost.
    piece: usize,
    /// Whether the parts of a file that were never written show what was on the disk before.
    stale: bool,
    random: &'r mut Random,
}

impl Image {
    /// An image of a disk whose power was cut. What is random comes from `random`.
    pub fn of(disk: &Disk, fate: Fate, random: &mut Random) -> Self {
        let mut choice = Choice::of(disk, fate, random);
        let names = choice.names(disk);
        let is_there = |path: &str| path.is_empty() || names.get(path) == Some(&Entry::Folder);
        let (mut folders, mut files) = (vec![], BTreeMap::new());
        for (path, entry) in names.iter().filter(|(path, _)| is_there(folder_of(path))) {
            match entry {
                Entry::Folder => folders.push(path.clone()),
                Entry::File(index) => {
                    files.insert(path.clone(), choice.content(&disk.files[*index]));
                }
            }
        }
        let shared_memory = choice.stale.then(|| choice.noise(8 * PAGE));
        Self { folders, files, shared_memory }
    }

    /// The content of a file.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Writes the image below a folder that is there.
    pub fn write_to(&self, root: &Path) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| fs::create_dir(root.join(folder)))?;
        for (path, content) in &self.files {
            fs::write(root.join(path), content)?;
            if let (Some(stem), Some(noise)) = (path.strip_suffix("-wal"), &self.shared_memory) {
                fs::write(root.join(format!("{stem}-shm")), noise)?;
            }
        }
        Ok(())
    }
}

impl<'r> Choice<'r> {
    fn of(disk: &Disk, fate: Fate, random: &'r mut Random) -> Self {
        let changes = disk.files.iter().flat_map(|file| file.pending.iter().map(|(of, _)| *of));
        let mut numbers: Vec<u64> =
            changes.chain(disk.pending_names.iter().map(|(of, _)| *of)).collect();
        numbers.sort_unstable();
        let until = if numbers.is_empty() { 0 } else { *random.of(&numbers) };
        let percent = *random.of(&[10, 50, 90]);
        let piece = *random.of(&[SECTOR, PAGE]);
        let stale = fate == Fate::Torn && random.percent(50);
        Self { fate, until, percent, piece, stale, random }
    }

    /// The names that are found.
    fn names(&mut self, disk: &Disk) -> BTreeMap<String, Entry> {
        let mut names = disk.names.clone();
        let journaled = disk.rule() == Names::Journaled;
        let first = self.random.below(disk.pending_names.len() as u64 + 1);
        for (place, (number, change)) in (0..).zip(&disk.pending_names) {
            let survives = match self.fate {
                Fate::Lost => false,
                Fate::Survived => true,
                Fate::First => *number < self.until,
                Fate::Some | Fate::Torn if journaled => place < first,
                Fate::Some | Fate::Torn => self.random.percent(self.percent),
            };
            if survives {
                change.apply(&mut names);
            }
        }
        names
    }

    /// What is found in a file.
    fn content(&mut self, file: &Content) -> Vec<u8> {
        let mut content = file.sure.clone();
        for (number, change) in &file.pending {
            match self.fate {
                Fate::Lost => {}
                Fate::Survived => change.apply(&mut content),
                Fate::First if *number < self.until => change.apply(&mut content),
                Fate::First if *number > self.until => {}
                Fate::Some if self.random.percent(self.percent) => change.apply(&mut content),
                Fate::Some => {}
                Fate::First | Fate::Torn => self.tear(change, &mut content),
            }
        }
        content
    }

    /// Makes some pieces of a change.
    fn tear(&mut self, change: &Change, content: &mut Vec<u8>) {
        let &Change::Write { mut at, ref bytes } = change else {
            if self.random.percent(self.percent) {
                change.apply(content);
            }
            return;
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let to_border = self.piece - at % self.piece;
            let (piece, after) = rest.split_at(to_border.min(rest.len()));
            if self.random.percent(self.percent) {
                disk::write(content, at, piece);
            } else if self.stale && at >= content.len() {
                let noise = self.noise(piece.len());
                disk::write(content, at, &noise);
            }
            (at, rest) = (at + piece.len(), after);
        }
    }

    fn noise(&mut self, size: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.random.draw().to_le_bytes());
        words.flatten().take(size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::tests::{create, disk};
    use super::super::trace::Op;
    use super::*;

    /// How many seeds a test tries.
    const SEEDS: u64 = 200;

    fn write(at: u64, byte: u8, size: usize) -> Op {
        Op::Write { inode: 7, at, bytes: vec![byte; size] }
    }

    /// A file `data/a` of 8 synced sectors of `s`, whose name is synced too, and these operations after it.
    fn synced(rule: Names, ops: &[Op]) -> Disk {
        let begin = [
            create("data/a"),
            write(0, b's', 8 * SECTOR),
            Op::Sync { inode: 7, begun: 4 },
            Op::SyncFolder { path: "data".to_owned(), begun: 5 },
        ];
        disk(rule, &[&begin, ops].concat())
    }

    /// The images of a fate, one a seed.
    fn images(disk: &Disk, fate: Fate) -> Vec<Image> {
        (0..SEEDS).map(|seed| Image::of(disk, fate, &mut Random::new(seed))).collect()
    }

    /// The first byte of each sector of `data/a`, each of which must hold one byte throughout.
    fn sectors(image: &Image) -> String {
        let file = image.file("data/a").expect("its name is synced");
        let sectors = file.chunks(SECTOR).map(|sector| {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is torn");
            char::from(sector[0])
        });
        sectors.collect()
    }

    #[test]
    fn what_was_synced_survives_every_fate() {
        let disk = synced(Names::Strict, &[]);
        for fate in Fate::ALL {
            for image in images(&disk, fate) {
                assert_eq!(sectors(&image), "ssssssss", "{fate:?}");
            }
        }
    }

    #[test]
    fn what_was_not_synced_is_lost_or_survives_in_whole() {
        let disk = synced(Names::Strict, &[write(0, b'1', SECTOR), write(512, b'2', 2 * SECTOR)]);
        assert!(images(&disk, Fate::Lost).iter().all(|image| sectors(image) == "ssssssss"));
        assert!(images(&disk, Fate::Survived).iter().all(|image| sectors(image) == "122sssss"));
        let mut found: Vec<String> = images(&disk, Fate::Some).iter().map(sectors).collect();
        found.sort();
        found.dedup();
        assert_eq!(found, ["122sssss", "1sssssss", "s22sssss", "ssssssss"]);
    }

    #[test]
    fn the_first_changes_survive_without_the_later_ones() {
        let writes: Vec<Op> = (0..4).map(|n| write(n * 512, b'1', SECTOR)).collect();
        for image in images(&synced(Names::Strict, &writes), Fate::First) {
            let found = sectors(&image);
            assert!(!found.contains("s1"), "{found}");
        }
    }

    #[test]
    fn a_write_is_torn_at_sectors_and_at_pages_only() {
        let disk = synced(Names::Strict, &[write(256, b'1', 7 * SECTOR)]);
        let mut kinds = [0, 0];
        for image in images(&disk, Fate::Torn) {
            let file = image.file("data/a").unwrap();
            let borders = (1..file.len()).filter(|&at| file[at] != file[at - 1]);
            let odd =
                borders.filter(|at| at % SECTOR != 0 && ![256, 256 + 7 * SECTOR].contains(at));
            assert_eq!(odd.count(), 0);
            let whole = file[256..256 + 7 * SECTOR].iter().all(|byte| *byte == file[256]);
            kinds[usize::from(whole)] += 1;
        }
        assert!(kinds[0] > 20 && kinds[1] > 20, "torn: {}, whole or lost: {}", kinds[0], kinds[1]);
    }

    #[test]
    fn the_older_of_two_writes_may_be_the_one_that_is_found() {
        let disk = synced(Names::Strict, &[write(0, b'1', SECTOR), write(0, b'2', SECTOR)]);
        for fate in [Fate::Some, Fate::Torn] {
            let found: Vec<String> = images(&disk, fate).iter().map(sectors).collect();
            for expected in ["1sssssss", "2sssssss", "ssssssss"] {
                assert!(found.iter().any(|found| found == expected), "{fate:?}: {expected}");
            }
        }
    }

    #[test]
    fn a_file_may_be_longer_by_what_was_lost() {
        let disk =
            synced(Names::Strict, &[write(8 * 512, b'1', SECTOR), write(9 * 512, b'2', SECTOR)]);
        let ends: Vec<Vec<u8>> = images(&disk, Fate::Torn)
            .iter()
            .map(|image| image.file("data/a").unwrap()[8 * SECTOR..].to_vec())
            .collect();
        let zero_then_written = [vec![0; SECTOR], vec![b'2'; SECTOR]].concat();
        assert!(ends.contains(&zero_then_written), "a hole");
        let noise = |end: &&Vec<u8>| end.len() == 2 * SECTOR && ![0, b'1'].contains(&end[0]);
        assert!(ends.iter().any(|end| noise(&end)), "what was on the disk before");
    }

    #[test]
    fn a_truncation_that_was_not_synced_may_be_lost() {
        let disk = synced(Names::Strict, &[Op::Truncate { inode: 7, length: 512 }]);
        for fate in [Fate::Some, Fate::Torn, Fate::First] {
            let lengths: Vec<usize> =
                images(&disk, fate).iter().map(|i| sectors(i).len()).collect();
            assert!(lengths.contains(&1) && lengths.contains(&8), "{fate:?}");
        }
    }

    #[test]
    fn names_that_were_not_synced_may_be_lost_one_by_one_or_from_the_last_on() {
        let files = ["data/b", "data/c"].map(create);
        let found = |rule, fate| {
            let disk = synced(rule, &files);
            let there = |image: &Image| {
                ["data/b", "data/c"].map(|path| u8::from(image.file(path).is_some()))
            };
            let mut found: Vec<_> = images(&disk, fate).iter().map(there).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        assert_eq!(found(Names::Strict, Fate::Some), [[0, 0], [0, 1], [1, 0], [1, 1]]);
        assert_eq!(found(Names::Journaled, Fate::Some), [[0, 0], [1, 0], [1, 1]]);
        assert_eq!(found(Names::Strict, Fate::Lost), [[0, 0]]);
        assert_eq!(found(Names::Strict, Fate::Survived), [[1, 1]]);
    }

    #[test]
    fn a_lost_folder_takes_its_files_with_it() {
        let ops = [
            Op::MakeFolder { path: "data".to_owned() },
            create("data/a"),
            Op::SyncFolder { path: "data".to_owned(), begun: 2 },
        ];
        let mut disk = Disk::of_folder(Path::new("/nowhere"), "data", Names::Strict).unwrap();
        disk.run((0..).zip(ops).collect()).unwrap();
        let image = Image::of(&disk, Fate::Lost, &mut Random::new(1));
        assert_eq!((image.folders.len(), image.files.len()), (0, 0));
        let image = Image::of(&disk, Fate::Survived, &mut Random::new(1));
        assert_eq!((image.folders.len(), image.files.len()), (1, 1));
    }

    #[test]
    fn an_image_that_was_written_reads_as_the_same_disk() {
        let root = tempfile::tempdir().unwrap();
        let disk = synced(Names::Strict, &[write(0, b'1', SECTOR), create("data/b")]);
        let image = Image::of(&disk, Fate::Survived, &mut Random::new(1));
        image.write_to(root.path()).unwrap();
        let read = Disk::of_folder(root.path(), "data", Names::Strict).unwrap();
        for fate in Fate::ALL {
            assert_eq!(Image::of(&read, fate, &mut Random::new(1)).files, image.files);
        }
    }
}
