//! A file in memory that outlives the process: the latest value of every key, put by one `write` without waiting
//! (decision 0014).
//!
//! The file is cut into slots of a few sizes. A value goes into a slot of its own, whole, with a number that only grows
//! and a checksum; the slot of the value before it takes the one after it. Whenever the process dies, each key has its
//! last value or the one before, and a slot that was being written does not count. Nothing is synced: the file is a
//! `memfd` that the service manager holds, and dies with the machine as the calls do.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::FileExt,
    },
};

use rustix::fs::{MemfdFlags, memfd_create};

/// What a value is known by.
pub type Key = u128;

/// A file of this kind and layout begins with this.
const MAGIC: [u8; 16] = *b"sambung state 2\n";
/// Slots of one size come in runs of so many bytes.
const RUN_BYTES: u64 = 256 * 1024;
/// The smallest slot.
const SLOT_BYTES_MIN: u64 = 512;
/// Sizes of slots from one size to its double, so that at most a fifth of a slot stays empty.
const SIZES_PER_DOUBLING: usize = 4;
/// The largest slot; a longer value cannot be kept.
const SLOT_BYTES_MAX: u64 = 128 * 1024;
/// A run begins with the size of its slots, in a slot's worth of room.
const RUN_HEAD_BYTES: u64 = SLOT_BYTES_MIN;
/// Order, key, length, checksum.
const HEAD_BYTES: usize = 8 + 16 + 4 + 4;
/// Runs in a file: 1 GiB. Beyond, new values are not kept.
const RUNS_MAX: u64 = 4_096;

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    offset: u64,
    class: usize,
}

/// Where the values of a key stand. Of two the one with the greater number counts, so that nothing has to be written
/// to make room.
#[derive(Clone, Copy, Debug)]
struct Places {
    latest: Slot,
    /// That of the value before, which is not needed any more.
    before: Option<Slot>,
}

/// The file, open for its one writer.
#[derive(Debug)]
pub struct StateFile {
    file: File,
    runs: u64,
    index: BTreeMap<Key, Places>,
    /// Free slots by size.
    free: Vec<Vec<u64>>,
    order: u64,
    scratch: Vec<u8>,
}

fn bytes_of(class: usize) -> u64 {
    let quarters = SIZES_PER_DOUBLING + class % SIZES_PER_DOUBLING;
    (SLOT_BYTES_MIN / SIZES_PER_DOUBLING as u64 * quarters as u64) << (class / SIZES_PER_DOUBLING)
}

fn classes() -> usize {
    (SLOT_BYTES_MAX / SLOT_BYTES_MIN).trailing_zeros() as usize * SIZES_PER_DOUBLING + 1
}

/// The class of the smallest slot for so many bytes.
fn class_of(bytes: usize) -> io::Result<usize> {
    let fits = |class: &usize| bytes_of(*class) >= bytes as u64;
    (0..classes()).find(fits).ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

impl StateFile {
    /// A new file without values; `name` is for people who look at the process.
    pub fn create(name: &str) -> io::Result<Self> {
        let file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
        file.write_all_at(&MAGIC, 0)?;
        Ok(Self::over(file))
    }

    /// A file of a former life, and its values. Not one of ours, or of another layout: an error.
    pub fn open(descriptor: OwnedFd) -> io::Result<(Self, BTreeMap<Key, Vec<u8>>)> {
        let file = File::from(descriptor);
        let mut magic = [0; MAGIC.len()];
        file.read_exact_at(&mut magic, 0)?;
        if magic != MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a state file of this release"));
        }
        let mut opened = Self::over(file);
        let values = opened.load()?;
        Ok((opened, values))
    }

    fn over(file: File) -> Self {
        let free = vec![Vec::new(); classes()];
        Self { file, runs: 0, index: BTreeMap::new(), free, order: 0, scratch: Vec::new() }
    }

    /// For the store of descriptors.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Keeps a value in place of the one before. An error leaves the one before.
    pub fn put(&mut self, key: Key, value: &[u8]) -> io::Result<()> {
        let class = class_of(HEAD_BYTES + value.len())?;
        let places = self.index.get(&key).copied();
        let (latest, spare) = (places.map(|places| places.latest), places.and_then(|places| places.before));
        let (slot, misfit) = match spare {
            // One that is twice as large as it need be is better for others: a call that has settled is small.
            Some(spare) if (class..=class + SIZES_PER_DOUBLING).contains(&spare.class) => (spare, None),
            _ => (self.take_slot(class)?, spare),
        };
        self.order += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&self.order.to_le_bytes());
        scratch.extend_from_slice(&key.to_le_bytes());
        scratch.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        scratch.extend_from_slice(&checksum(self.order, key, value).to_le_bytes());
        scratch.extend_from_slice(value);
        let written = self.file.write_all_at(&scratch, slot.offset);
        self.scratch = scratch;
        match written {
            Ok(()) => {
                self.index.insert(key, Places { latest: slot, before: latest });
                misfit.map_or(Ok(()), |misfit| self.release(misfit))
            }
            Err(error) => {
                if let Some(places) = self.index.get_mut(&key) {
                    places.before = misfit;
                }
                self.release(slot)?;
                Err(error)
            }
        }
    }

    /// Forgets a value.
    pub fn remove(&mut self, key: Key) -> io::Result<()> {
        let Some(Places { latest, before }) = self.index.remove(&key) else { return Ok(()) };
        // The older one first: it must not come back as the latest.
        before.map_or(Ok(()), |before| self.release(before))?;
        self.release(latest)
    }

    fn release(&mut self, slot: Slot) -> io::Result<()> {
        if let Some(free) = self.free.get_mut(slot.class) {
            free.push(slot.offset);
        }
        self.file.write_all_at(&[0; 8], slot.offset)
    }

    fn take_slot(&mut self, class: usize) -> io::Result<Slot> {
        if self.free.get(class).is_none_or(Vec::is_empty) {
            self.add_run(class)?;
        }
        let offset = self.free.get_mut(class).and_then(Vec::pop).ok_or(io::ErrorKind::StorageFull)?;
        Ok(Slot { offset, class })
    }

    fn add_run(&mut self, class: usize) -> io::Result<()> {
        if self.runs >= RUNS_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let begin = begin_of(self.runs);
        // A run that is not whole has no head, and does not count.
        self.file.set_len(begin + RUN_BYTES)?;
        self.file.write_all_at(&bytes_of(class).to_le_bytes(), begin)?;
        self.runs += 1;
        if let Some(free) = self.free.get_mut(class) {
            free.extend(slots_of(begin, class).rev());
        }
        Ok(())
    }

    /// Reads everything that was there.
    fn load(&mut self) -> io::Result<BTreeMap<Key, Vec<u8>>> {
        let length = self.file.metadata()?.len();
        let mut values = BTreeMap::<Key, (u64, Slot, Vec<u8>)>::new();
        let mut run = vec![0; usize::try_from(RUN_BYTES).unwrap_or(0)];
        while self.runs < RUNS_MAX && begin_of(self.runs + 1) <= length {
            let begin = begin_of(self.runs);
            self.file.read_exact_at(&mut run, begin)?;
            let size = number(&run, 0);
            let Some(class) = (0..classes()).find(|class| bytes_of(*class) == size) else { break };
            self.runs += 1;
            for offset in slots_of(begin, class).rev() {
                let slot = Slot { offset, class };
                let at = usize::try_from(offset - begin).unwrap_or(usize::MAX);
                let room = usize::try_from(size).unwrap_or(0);
                let found = run.get(at..at + room).and_then(read_slot);
                let Some((order, key, value)) = found else {
                    self.release(slot)?;
                    continue;
                };
                self.order = self.order.max(order);
                let other = values.get(&key).map(|(order, slot, _)| (*order, *slot));
                match other {
                    Some((newer, _)) if newer > order => self.release(slot)?,
                    _ => {
                        values.insert(key, (order, slot, value));
                        other.map_or(Ok(()), |(_, older)| self.release(older))?;
                    }
                }
            }
        }
        self.index =
            values.iter().map(|(key, (_, slot, _))| (*key, Places { latest: *slot, before: None })).collect();
        Ok(values.into_iter().map(|(key, (_, _, value))| (key, value)).collect())
    }
}

fn begin_of(run: u64) -> u64 {
    RUN_HEAD_BYTES + run * RUN_BYTES
}

fn slots_of(begin: u64, class: usize) -> impl DoubleEndedIterator<Item = u64> {
    let size = bytes_of(class);
    let count = (RUN_BYTES - RUN_HEAD_BYTES) / size;
    (0..count).map(move |slot| begin + RUN_HEAD_BYTES + slot * size)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|found| found.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn read_slot(slot: &[u8]) -> Option<(u64, Key, Vec<u8>)> {
    let (head, rest) = slot.split_at_checked(HEAD_BYTES)?;
    let order = number(head, 0);
    let key = Key::from_le_bytes(head.get(8..24)?.try_into().ok()?);
    let length = u32::from_le_bytes(head.get(24..28)?.try_into().ok()?);
    let sum = u32::from_le_bytes(head.get(28..32)?.try_into().ok()?);
    let value = rest.get(..usize::try_from(length).ok()?)?;
    (order != 0 && checksum(order, key, value) == sum).then(|| (order, key, value.to_vec()))
}

fn checksum(order: u64, key: Key, value: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&order.to_le_bytes());
    sum.update(&key.to_le_bytes());
    sum.update(value);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the next life finds.
    fn reopened(file: &StateFile) -> (StateFile, BTreeMap<Key, Vec<u8>>) {
        StateFile::open(file.descriptor().try_clone_to_owned().unwrap()).unwrap()
    }

    #[test]
    fn the_next_life_finds_the_last_value_of_every_key() {
        let mut file = StateFile::create("test").unwrap();
        let value = |key: Key, round: usize| vec![u8::try_from(key % 251).unwrap(); 40 + round * 700];
        for round in 0..6 {
            for key in 0..1_000 {
                file.put(key, &value(key, round)).unwrap();
            }
        }
        for key in 0..500 {
            file.remove(key).unwrap();
        }
        let (mut next, values) = reopened(&file);
        assert_eq!(values.len(), 500);
        assert!(values.iter().all(|(key, found)| *key >= 500 && *found == value(*key, 5)));
        next.put(700, b"new").unwrap();
        next.remove(701).unwrap();
        let (_, values) = reopened(&next);
        assert_eq!((values.len(), values.get(&700).map(Vec::as_slice)), (499, Some(&b"new"[..])));
    }

    #[test]
    fn room_is_used_again() {
        let mut file = StateFile::create("test").unwrap();
        for round in 0..100_000_u32 {
            file.put(Key::from(round % 100), &round.to_le_bytes()).unwrap();
        }
        assert_eq!(file.runs, 1, "a hundred small values");
        let (next, values) = reopened(&file);
        assert_eq!((next.runs, values.len()), (1, 100));
        let slots = (RUN_BYTES - RUN_HEAD_BYTES) / SLOT_BYTES_MIN;
        assert_eq!(next.free.first().map(|free| free.len() as u64), Some(slots - 100));
    }

    #[test]
    fn every_value_finds_a_slot_of_which_at_most_a_fifth_stays_empty() {
        let sizes: Vec<u64> = (0..classes()).map(bytes_of).collect();
        assert_eq!((sizes.first(), sizes.last()), (Some(&SLOT_BYTES_MIN), Some(&SLOT_BYTES_MAX)));
        for pair in sizes.windows(2) {
            assert!(pair[0] < pair[1] && (pair[1] - pair[0]) * 5 <= pair[1], "{pair:?}");
        }
    }

    #[test]
    fn a_value_that_has_become_small_leaves_its_large_slots_to_others() {
        let mut file = StateFile::create("test").unwrap();
        let per_run = (RUN_BYTES - RUN_HEAD_BYTES) / bytes_of(class_of(HEAD_BYTES + 20_000).unwrap());
        for key in 0..Key::from(per_run) * 4 {
            for length in [20_000, 20_000, 1_000, 1_000] {
                file.put(key, &vec![1; length]).unwrap();
            }
        }
        assert_eq!(file.runs, 2, "one for two large values at a time, one for the small ones");
    }

    /// The process may die between any two bytes of a write: the value before is still there.
    #[test]
    fn a_torn_write_leaves_the_value_before() {
        let old = vec![1; 5_000];
        let new = vec![2; 5_000];
        let mut file = StateFile::create("test").unwrap();
        file.put(7, &old).unwrap();
        let class = class_of(HEAD_BYTES + new.len()).unwrap();
        let target = *file.free[class].last().unwrap();
        let mut whole = Vec::new();
        whole.extend_from_slice(&2_u64.to_le_bytes());
        whole.extend_from_slice(&7_u128.to_le_bytes());
        whole.extend_from_slice(&5_000_u32.to_le_bytes());
        whole.extend_from_slice(&checksum(2, 7, &new).to_le_bytes());
        whole.extend_from_slice(&new);
        for torn in [1, 8, 24, 31, 32, 33, 4_096, whole.len() - 1] {
            file.file.write_all_at(&whole[..torn], target).unwrap();
            let (_, values) = reopened(&file);
            assert_eq!(values.get(&7), Some(&old), "{torn} bytes written");
        }
        // Written whole, and the one before not yet given free.
        file.file.write_all_at(&whole, target).unwrap();
        let (next, values) = reopened(&file);
        assert_eq!(values.get(&7), Some(&new));
        let (_, again) = reopened(&next);
        assert_eq!(again.get(&7), Some(&new), "the older one does not come back");
    }

    #[test]
    fn what_is_no_state_file_is_refused_and_what_is_too_long_is_not_kept() {
        let other = memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert!(StateFile::open(other).is_err());
        let mut file = StateFile::create("test").unwrap();
        file.put(1, b"kept").unwrap();
        let too_long = vec![0; usize::try_from(SLOT_BYTES_MAX).unwrap()];
        assert_eq!(file.put(1, &too_long).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(reopened(&file).1.get(&1).map(Vec::as_slice), Some(&b"kept"[..]));
    }
}
