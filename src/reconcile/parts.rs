//! Records on disk, apart by a hash of their key: so that both sides of a comparison are held in memory a part at a time,
//! however many there are. The files have no names, so that none is left behind.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::RECONCILE_PARTS;

/// Records of one kind.
pub(crate) struct Parts<T> {
    files: Vec<BufWriter<File>>,
    records: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Parts<T> {
    /// None yet; in this folder.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let file = |_| tempfile::tempfile_in(folder).map(BufWriter::new);
        let files = (0..RECONCILE_PARTS).map(file).collect::<io::Result<_>>()?;
        Ok(Self { files, records: PhantomData })
    }

    /// Keeps a record. All of one key are in one part, of whatever kind they are.
    pub(crate) fn push(&mut self, key: &str, record: &T) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let part = usize::try_from(hasher.finish() % RECONCILE_PARTS).unwrap_or_default();
        let file = &mut self.files[part];
        serde_json::to_writer(&mut *file, record)?;
        file.write_all(b"\n")
    }

    /// The parts, in order.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Part<T>> {
        self.files.into_iter().map(|file| Part { file, records: PhantomData })
    }
}

/// Records whose keys hash alike.
pub(crate) struct Part<T> {
    file: BufWriter<File>,
    records: PhantomData<fn(T)>,
}

impl<T: DeserializeOwned> Part<T> {
    /// All of them, as they came.
    pub(crate) fn read(self) -> io::Result<Vec<T>> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        BufReader::new(file).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
    }
}
