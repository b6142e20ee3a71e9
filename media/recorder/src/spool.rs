//! The folder in which recordings are made and wait until the store has them.
//!
//! `<recording>.part` is being written, or was when a process died; `<recording>.done` is finished. Nothing else has to be
//! remembered: what a file is of stands at its beginning. Octets are counted for the limit.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Acquire, Relaxed},
    },
};

use uuid::Uuid;

use crate::counters::Counters;

const PART: &str = "part";
const DONE: &str = "done";
/// A file that cannot be read; kept for people.
const BAD: &str = "unreadable";

/// The folder, and how much is in it.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    counters: Arc<Counters>,
}

impl Spool {
    /// Opens the folder, making it if need be, and counts what is in it.
    pub fn open(folder: &Path, bytes_max: u64, counters: Arc<Counters>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut bytes = 0;
        for entry in fs::read_dir(folder)? {
            // Whoever reads beside the recorder meets files that are just finished, or sent and gone: they take no room here.
            match entry?.metadata() {
                Ok(file) => bytes += file.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        counters.spool_bytes.store(bytes, Relaxed);
        Ok(Self { folder: folder.to_path_buf(), bytes_max, counters })
    }

    /// The file of a recording in the making.
    pub fn part(&self, recording: Uuid) -> PathBuf {
        self.folder.join(format!("{recording}.{PART}"))
    }

    /// The file of a finished one.
    pub fn done(&self, recording: Uuid) -> PathBuf {
        self.folder.join(format!("{recording}.{DONE}"))
    }

    /// Recordings in the making, or left so.
    pub fn parts(&self) -> io::Result<Vec<Uuid>> {
        self.all(PART)
    }

    /// Finished ones, the oldest first: their ids grow with time.
    pub fn finished(&self) -> io::Result<Vec<Uuid>> {
        self.all(DONE)
    }

    fn all(&self, extension: &str) -> io::Result<Vec<Uuid>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_it = path.extension().is_some_and(|found| found == extension);
            let id = path.file_stem().and_then(|stem| Uuid::parse_str(stem.to_str()?).ok());
            found.extend(id.filter(|_| is_it));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Nothing more comes to it.
    pub fn finish(&self, recording: Uuid) -> io::Result<()> {
        fs::rename(self.part(recording), self.done(recording))
    }

    /// Puts a file aside that is no recording.
    pub fn put_aside(&self, path: &Path) {
        let _ = fs::rename(path, path.with_extension(BAD));
    }

    /// The store has it, or there was nothing in it.
    pub fn remove(&self, path: &Path) {
        let bytes = fs::metadata(path).map_or(0, |about| about.len());
        if fs::remove_file(path).is_ok() {
            self.shrunk(bytes);
        }
    }

    /// So many octets have come.
    pub fn grew(&self, bytes: u64) {
        self.counters.spool_bytes.fetch_add(bytes, AcqRel);
    }

    fn shrunk(&self, bytes: u64) {
        let less = |now: u64| Some(now.saturating_sub(bytes));
        let _ = self.counters.spool_bytes.fetch_update(AcqRel, Acquire, less);
    }

    /// As much is in it as may be.
    pub fn is_full(&self) -> bool {
        self.counters.spool_bytes.load(Acquire) >= self.bytes_max
    }
}
