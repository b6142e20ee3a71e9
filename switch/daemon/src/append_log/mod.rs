//! A log on local disk that only grows: numbered segment files, checked records, one `fdatasync` per group.
//!
//! It holds the call journal and the registrar's bindings. It knows nothing of either: payloads are bytes, and
//! deciding when to commit, when to delete and what a restart means is its owners' work.
//!
//! Promises: what [`AppendLog::commit`] has confirmed is read back after a crash or power cut, in order; a torn
//! tail is cut off at the next start. A record may be read back twice: a write or sync that fails condemns its
//! segment for good (a second `fdatasync` can claim success for pages the kernel has thrown away), and the
//! unconfirmed group goes once more into a fresh segment. Owners therefore write only idempotent records.

mod reader;
mod record;

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

pub use reader::{Batch, Reader};
pub use record::PAYLOAD_BYTES_MAX;
use serde::{Deserialize, Serialize};

use crate::atomic_file;

/// First bytes of every segment; the segment's number follows as u64 LE.
const MAGIC: &[u8; 8] = b"sambung1";
/// Bytes before the first record of a segment.
const SEGMENT_HEADER_BYTES: u64 = 16;
/// Bytes of a record besides what was pushed.
pub const RECORD_HEADER_BYTES: u64 = record::HEADER_BYTES as u64;
/// A group is committed when it has grown to this, so that it always fits a fresh segment.
const GROUP_BYTES_MAX: usize = 1024 * 1024;
/// The smallest useful segment: header, one full group and one record of the largest size.
pub const SEGMENT_BYTES_MIN: u64 = 6 * 1024 * 1024;
/// The usual size of a segment.
pub const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// A place between two records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The segment's number, from 1.
    pub segment: u64,
    /// Bytes from the beginning of the segment.
    pub offset: u64,
}

impl Position {
    /// The first record of a segment.
    pub fn start_of(segment: u64) -> Self {
        Self { segment, offset: SEGMENT_HEADER_BYTES }
    }
}

/// What [`AppendLog::commit`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Everything before this place is on disk.
    pub durable: Position,
    /// The group opened a new segment.
    pub rotated: bool,
}

/// The writing end. There is one per folder.
pub struct AppendLog {
    folder: PathBuf,
    segment_bytes: u64,
    /// `None` before the first commit and after a failure: the next commit opens a fresh segment.
    segment: Option<Segment>,
    next_number: u64,
    group: Vec<u8>,
}

struct Segment {
    file: File,
    number: u64,
    end: u64,
}

impl AppendLog {
    /// Opens the log in `folder` (made when missing), cuts a torn tail off its last segment and says how many
    /// bytes that were. New records go into a fresh segment, made with the first commit.
    pub fn open(folder: &Path, segment_bytes: u64) -> io::Result<(Self, u64)> {
        if !folder.exists() {
            fs::DirBuilder::new().mode(0o700).create(folder)?;
        }
        let last = segments(folder)?.last().copied();
        let torn_bytes = last.map_or(Ok(0), |number| cut_torn_tail(folder, number))?;
        let log = Self {
            folder: folder.to_path_buf(),
            segment_bytes: segment_bytes.max(SEGMENT_BYTES_MIN),
            segment: None,
            next_number: last.unwrap_or(0) + 1,
            group: Vec::with_capacity(64 * 1024),
        };
        Ok((log, torn_bytes))
    }

    /// Adds a record to the group. False: it is larger than [`PAYLOAD_BYTES_MAX`] or empty, and was not added.
    #[must_use]
    pub fn push(&mut self, payload: &[u8]) -> bool {
        let fits = !payload.is_empty() && payload.len() <= PAYLOAD_BYTES_MAX;
        if fits {
            record::encode(payload, &mut self.group);
        }
        fits
    }

    /// Makes the next commit open a new segment, so that all older ones can be deleted afterwards.
    pub fn end_segment(&mut self) {
        self.segment = None;
    }

    /// Whether the group should be committed before more is pushed.
    pub fn group_is_full(&self) -> bool {
        self.group.len() >= GROUP_BYTES_MAX
    }

    /// Whether anything waits for a commit.
    pub fn group_is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// Writes the group and waits until the disk has it. After an error the group is still there: call again later.
    pub fn commit(&mut self) -> io::Result<Committed> {
        let group_bytes = self.group.len() as u64;
        let full = self.segment.as_ref().is_some_and(|s| s.end + group_bytes > self.segment_bytes);
        let rotated = full || self.segment.is_none();
        let mut segment = match self.segment.take() {
            Some(segment) if !full => segment,
            _ => self.create_segment()?,
        };
        segment.file.write_all_at(&self.group, segment.end)?;
        segment.file.sync_data()?;
        segment.end += group_bytes;
        let durable = Position { segment: segment.number, offset: segment.end };
        self.segment = Some(segment);
        self.group.clear();
        Ok(Committed { durable, rotated })
    }

    /// Makes the next segment, zeroed to its full size so that a commit overwrites and never grows the file.
    fn create_segment(&mut self) -> io::Result<Segment> {
        let number = self.next_number;
        let path = path_of(&self.folder, number);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        self.next_number += 1;
        let bytes = self.segment_bytes.max(SEGMENT_HEADER_BYTES + self.group.len() as u64);
        let made = preallocate(&file, number, bytes).and_then(|()| atomic_file::sync_folder(&self.folder));
        if let Err(error) = made {
            // A half-made segment holds nothing, and on a full disk its blocks are what is missing.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Segment { file, number, end: SEGMENT_HEADER_BYTES })
    }
}

/// The numbers of the segments in a folder, ascending.
pub fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Deletes all segments before the given one and says how many those were.
pub fn remove_before(folder: &Path, segment: u64) -> io::Result<usize> {
    let old: Vec<u64> = segments(folder)?.into_iter().filter(|number| *number < segment).collect();
    for number in &old {
        fs::remove_file(path_of(folder, *number))?;
    }
    Ok(old.len())
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.log"))
}

fn preallocate(file: &File, number: u64, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; 256 * 1024];
    let mut at = 0;
    while at < bytes {
        let part = zeros.len().min(usize::try_from(bytes - at).unwrap_or(usize::MAX));
        file.write_all_at(zeros.get(..part).unwrap_or_default(), at)?;
        at += part as u64;
    }
    file.write_all_at(MAGIC, 0)?;
    file.write_all_at(&number.to_le_bytes(), MAGIC.len() as u64)?;
    file.sync_all()
}

/// Shortens a segment to its sound records; returns the bytes of the torn record, 0 when there was none.
fn cut_torn_tail(folder: &Path, number: u64) -> io::Result<u64> {
    let mut reader = Reader::new(folder, Position::start_of(number));
    let end = Position { segment: number, offset: u64::MAX };
    let mut torn = false;
    loop {
        let batch = reader.read(end, usize::MAX)?;
        torn |= batch.damaged.is_some();
        if batch.records.is_empty() {
            break;
        }
    }
    let sound = reader.position().offset;
    let file = OpenOptions::new().read(true).write(true).open(path_of(folder, number))?;
    let torn_bytes = if torn { written_bytes_after(&file, sound)? } else { 0 };
    file.set_len(sound)?;
    file.sync_all()?;
    Ok(torn_bytes)
}

/// Bytes from `offset` to the last byte that is not zero.
fn written_bytes_after(file: &File, offset: u64) -> io::Result<u64> {
    let mut chunk = vec![0; 64 * 1024];
    let (mut at, mut last) = (offset, offset);
    loop {
        let count = file.read_at(&mut chunk, at)?;
        if count == 0 {
            return Ok(last - offset);
        }
        if let Some(written) = chunk.get(..count).and_then(|c| c.iter().rposition(|byte| *byte != 0)) {
            last = at + written as u64 + 1;
        }
        at += count as u64;
    }
}

#[cfg(test)]
mod tests;
