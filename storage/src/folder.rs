//! Folders that last: a file that was synced is lost with its name all the same, unless the folders that name it were synced too.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The folder that a file is in.
pub fn of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

/// Makes a folder and those above it that are not there. No power cut takes it away afterwards.
pub fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let device = folder.metadata()?.dev();
    // Also where nothing was made: an earlier start may have made it and ended before this. What a disk is mounted on was there.
    for above in folder.ancestors() {
        if above.metadata()?.dev() != device {
            break;
        }
        sync(above)?;
    }
    Ok(())
}

/// Makes the names in a folder last, as far as it can be done: a folder that may not be read, and a file system that syncs no
/// folders, keep them as they like.
pub fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if ![ErrorKind::PermissionDenied, ErrorKind::InvalidInput].contains(&error.kind()) =>
        {
            Err(error)
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_with_those_above_it_and_may_be_there_already() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        make(&folder).unwrap();
        make(&folder).unwrap();
        assert!(folder.is_dir());
    }

    #[test]
    fn a_file_without_a_folder_is_in_the_one_where_the_process_is() {
        assert_eq!(of(Path::new("tally.db")), Path::new("."));
        assert_eq!(of(Path::new("data/tally.db")), Path::new("data"));
        sync(of(Path::new("tally.db"))).unwrap();
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "").unwrap();
        assert!(make(&place.path().join("a")).is_err());
        assert!(make(&place.path().join("a/b")).is_err());
        assert!(sync(&place.path().join("missing")).is_err());
    }
}
