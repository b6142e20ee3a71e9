//! The tail of the journal: facts that are decided and not known to be on disk, in memory that outlives the process.
//!
//! The journal's own thread gathers facts before it writes them; a process that is killed takes what was gathered
//! along. So every fact also stands here until the journal has it. The next life hands all it finds to the journal,
//! which writes those that it lacks.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt,
    },
};

use contract::journal::Entry;
use rustix::fs::{MemfdFlags, memfd_create};

/// A half that is longer is left for the other one, once that is not needed any more.
const HALF_BYTES: u64 = 256 * 1024;
/// A half never grows beyond this; the disk has been stuck for long then, and new calls are refused.
const HALF_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Length and checksum.
const HEAD_BYTES: usize = 8;

/// One of the two halves.
#[derive(Debug)]
struct Half {
    file: File,
    length: u64,
    /// How many facts the journal had been given when the last of these was written.
    recorded: u64,
}

impl Half {
    fn new(name: &str) -> io::Result<Self> {
        Ok(Self { file: File::from(memfd_create(name, MemfdFlags::CLOEXEC)?), length: 0, recorded: 0 })
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.length > 0 {
            self.file.set_len(0)?;
            self.length = 0;
        }
        Ok(())
    }
}

/// The tail, open for its one writer.
#[derive(Debug)]
pub struct Tail {
    current: Half,
    other: Half,
    scratch: Vec<u8>,
}

impl Tail {
    /// An empty tail.
    pub fn create() -> io::Result<Self> {
        Ok(Self { current: Half::new("tail-1")?, other: Half::new("tail-2")?, scratch: Vec::new() })
    }

    /// For the store of descriptors.
    pub fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.current.file.as_fd(), self.other.file.as_fd()]
    }

    /// The facts of a former life's tail, oldest first.
    pub fn read(halves: Vec<OwnedFd>) -> Vec<Entry> {
        let mut found: Vec<(u64, Entry)> =
            halves.into_iter().flat_map(|half| read_half(&half.into())).collect();
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Keeps facts, all by one write; the journal has been given `recorded` before them in this life.
    pub fn append<'a>(&mut self, recorded: u64, entries: impl Iterator<Item = &'a Entry>) -> io::Result<()> {
        self.scratch.clear();
        let mut number = recorded;
        for entry in entries {
            number += 1;
            push_record(&mut self.scratch, number, entry)?;
        }
        let half = &mut self.current;
        let bytes = self.scratch.len() as u64;
        if bytes > 0 {
            match half.length + bytes {
                HALF_BYTES_MAX.. => return Err(io::ErrorKind::StorageFull.into()),
                _ => half.file.write_all_at(&self.scratch, half.length)?,
            }
            half.length += bytes;
            half.recorded = number;
        }
        Ok(())
    }

    /// The journal has put so many facts of this life on disk: those before are not needed here any more.
    pub fn forget(&mut self, written: u64) -> io::Result<()> {
        if written >= self.other.recorded {
            self.other.clear()?;
        }
        if self.current.length > HALF_BYTES && self.other.length == 0 {
            std::mem::swap(&mut self.current, &mut self.other);
        }
        Ok(())
    }
}

fn push_record(records: &mut Vec<u8>, number: u64, entry: &Entry) -> io::Result<()> {
    let begin = records.len();
    records.extend_from_slice(&[0; HEAD_BYTES]);
    records.extend_from_slice(&number.to_le_bytes());
    serde_json::to_writer(&mut *records, entry)?;
    let (head, body) = records.split_at_mut(begin).1.split_at_mut(HEAD_BYTES);
    let (length, sum) = head.split_at_mut(HEAD_BYTES / 2);
    length.copy_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    sum.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    Ok(())
}

fn read_half(file: &File) -> Vec<(u64, Entry)> {
    let mut bytes = vec![0; file.metadata().map_or(0, |about| usize::try_from(about.len()).unwrap_or(0))];
    if file.read_exact_at(&mut bytes, 0).is_err() {
        return Vec::new();
    }
    let mut rest = bytes.as_slice();
    let mut found = Vec::new();
    // A record that was being written when the process died ends it.
    while let Some((record, after)) = read_record(rest) {
        found.extend(record);
        rest = after;
    }
    found
}

type Record = Option<(u64, Entry)>;

fn read_record(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (length, sum) = head.split_at_checked(HEAD_BYTES / 2)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let (body, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    if u32::from_le_bytes(sum.try_into().ok()?) != crc32fast::hash(body) {
        return None;
    }
    let (number, json) = body.split_at_checked(8)?;
    let number = u64::from_le_bytes(number.try_into().ok()?);
    Some((serde_json::from_slice(json).ok().map(|entry| (number, entry)), after))
}

#[cfg(test)]
mod tests {
    use contract::{
        id::{CallId, OrgId},
        journal::{Call, Direction, Fact},
        time::Timestamp,
    };
    use uuid::Uuid;

    use super::*;

    fn entry(number: u64) -> Entry {
        let call = CallId(Uuid::from_u128(number.into()));
        let fact = Fact::Call(Call { direction: Direction::Internal, dialled: "200".into() });
        Entry { org: OrgId(Uuid::nil()), call: Some(call), at: Timestamp(0), fact }
    }

    fn read(tail: &Tail) -> Vec<Entry> {
        Tail::read(tail.descriptors().map(|half| half.try_clone_to_owned().unwrap()).into())
    }

    #[test]
    fn what_the_journal_does_not_have_is_found_in_its_order() {
        let mut tail = Tail::create().unwrap();
        let (mut swaps, mut longest) = (0, 0);
        for number in 1..=20_000 {
            tail.append(number - 1, [entry(number)].iter()).unwrap();
            let before = tail.current.length;
            // The disk is a hundred facts behind.
            tail.forget(number.saturating_sub(100)).unwrap();
            swaps += u32::from(tail.current.length < before);
            longest = longest.max(tail.current.length + tail.other.length);
        }
        assert!(swaps > 5 && longest < 3 * HALF_BYTES, "{swaps} swaps, {longest} bytes");
        let found = read(&tail);
        assert!(found.len() >= 100);
        let last: Vec<Entry> = (19_901..=20_000).map(entry).collect();
        assert_eq!(found.get(found.len() - 100..), Some(last.as_slice()));
    }

    #[test]
    fn a_torn_record_ends_its_half() {
        let mut tail = Tail::create().unwrap();
        tail.append(0, [entry(1)].iter()).unwrap();
        let whole = tail.current.length;
        tail.append(1, [entry(2)].iter()).unwrap();
        tail.current.file.set_len(tail.current.length - 3).unwrap();
        assert_eq!(read(&tail), [entry(1)]);
        tail.current.file.set_len(whole + 5).unwrap();
        assert_eq!(read(&tail), [entry(1)]);
    }
}
