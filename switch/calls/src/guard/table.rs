//! A table of a bounded size, by the hash of what it is about.
//!
//! The hash is keyed, so that nobody can choose what shares a place with what. A newcomer takes the place of what is
//! worth least among the few it shares with, or gets none: what is worth more than any newcomer (a ban, say) cannot be
//! pushed out, however many come. Before anything that is still worth something has to make room, the part of the table that it is in
//! is doubled, until its limit.

use std::{hash::Hasher, mem};

use siphasher::sip::SipHasher13;

use crate::means::Random;

/// Entries that share a place.
const WAYS: usize = 16;
/// Parts of a table, each of which grows alone: the longest wait is for one of them.
const PARTS: usize = 64;
/// A part is doubled when it is filled to a third and a place is full. Below that a place is full by accident: one of fifty thousand is.
const FILLED_WAYS: usize = WAYS / 3;

/// Makes the hashes: of 64 bits, so that two things are taken for one never in practice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprints(u64, u64);

impl Fingerprints {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self(random.number(), random.number())
    }

    /// The hash of the parts, kept apart by their lengths. Never 0.
    pub(crate) fn of(self, parts: &[&[u8]]) -> u64 {
        let mut hash = SipHasher13::new_with_keys(self.0, self.1);
        for part in parts {
            hash.write_u64(part.len() as u64);
            hash.write(part);
        }
        hash.finish().max(1)
    }
}

/// What an entry is worth now, compared with others. 0: nothing any more.
pub(crate) trait Worth {
    /// At so many seconds.
    fn worth(&self, now_secs: u32) -> u32;
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table<V> {
    parts: Vec<Part<V>>,
}

/// Places side by side, a power of two of them, or none yet.
#[derive(Clone, Debug)]
struct Part<V> {
    entries: Vec<(u64, V)>,
    filled: usize,
    places_max: usize,
}

impl<V: Worth + Copy + Default> Table<V> {
    /// An empty table for about so many entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        let places = entries_max.div_ceil(WAYS).next_power_of_two();
        let parts = places.min(PARTS);
        let part = Part { entries: Vec::new(), filled: 0, places_max: places / parts };
        Self { parts: vec![part; parts] }
    }

    /// What there is under a fingerprint.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<&V> {
        let (part, of) = self.part_of(fingerprint);
        let shared = self.parts.get(part)?.place_of(of)?;
        shared.iter().find(|(of, _)| *of == fingerprint).map(|(_, value)| value)
    }

    /// What there is under a fingerprint, made when there is room for something of this worth.
    pub(crate) fn entry(&mut self, now_secs: u32, fingerprint: u64, worth: u32) -> Option<&mut V> {
        #[cfg(feature = "planted-leaking-lock-outs")]
        if self.get(fingerprint).is_none() {
            Box::leak(Box::new(fingerprint));
        }
        let (part, of) = self.part_of(fingerprint);
        let parts = self.parts.len() as u64;
        let part = self.parts.get_mut(part)?;
        let known = part.place_of(of).and_then(|place| place.iter().position(|(of, _)| *of == fingerprint));
        let n = known.or_else(|| part.make(now_secs, (fingerprint, of), worth, parts))?;
        part.place_of_mut(of)?.get_mut(n).map(|(_, value)| value)
    }

    /// Bytes of the heap.
    pub(crate) fn bytes(&self) -> usize {
        let entries: usize = self.parts.iter().map(|part| part.entries.capacity()).sum();
        entries * size_of::<(u64, V)>() + self.parts.capacity() * size_of::<Part<V>>()
    }

    /// The part that a fingerprint is in, and what decides where there.
    fn part_of(&self, fingerprint: u64) -> (usize, u64) {
        let parts = self.parts.len() as u64;
        (usize::try_from(fingerprint % parts).unwrap_or(0), fingerprint / parts)
    }
}

impl<V: Worth + Copy + Default> Part<V> {
    fn places(&self) -> usize {
        self.entries.len() / WAYS
    }

    fn first_of(&self, of: u64) -> usize {
        usize::try_from(of % self.places().max(1) as u64).unwrap_or(0) * WAYS
    }

    fn place_of(&self, of: u64) -> Option<&[(u64, V)]> {
        let first = self.first_of(of);
        self.entries.get(first..first + WAYS)
    }

    fn place_of_mut(&mut self, of: u64) -> Option<&mut [(u64, V)]> {
        let first = self.first_of(of);
        self.entries.get_mut(first..first + WAYS)
    }

    /// A new entry: which of its place it is.
    fn make(
        &mut self,
        now_secs: u32,
        (fingerprint, of): (u64, u64),
        worth: u32,
        parts: u64,
    ) -> Option<usize> {
        loop {
            let worths = self.place_of(of).into_iter().flatten().map(|entry| worth_of(entry, now_secs));
            let least = worths.enumerate().min_by_key(|(_, worth)| *worth);
            let is_filled = self.filled >= self.places() * FILLED_WAYS;
            match least {
                Some((n, worth_least))
                    if worth_least == 0 || !is_filled || self.places() == self.places_max =>
                {
                    let entry = self.place_of_mut(of)?.get_mut(n).filter(|_| worth_least <= worth)?;
                    let is_free = entry.0 == 0;
                    *entry = (fingerprint, V::default());
                    self.filled += usize::from(is_free);
                    return Some(n);
                }
                _ => self.grow(now_secs, parts),
            }
        }
    }

    /// Twice as many places, and nothing in them that is worth nothing.
    fn grow(&mut self, now_secs: u32, parts: u64) {
        let room = (self.places() * 2).max(1) * WAYS;
        let before = mem::replace(&mut self.entries, vec![(0, V::default()); room]);
        self.filled = 0;
        for entry in before.into_iter().filter(|entry| worth_of(entry, now_secs) > 0) {
            let place = self.place_of_mut(entry.0 / parts).into_iter().flatten();
            if let Some(free) = place.into_iter().find(|(of, _)| *of == 0) {
                *free = entry;
                self.filled += 1;
            }
        }
    }
}

fn worth_of<V: Worth>((of, value): &(u64, V), now_secs: u32) -> u32 {
    if *of == 0 { 0 } else { value.worth(now_secs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Default, Debug)]
    struct Weight(u32);

    impl Worth for Weight {
        fn worth(&self, _: u32) -> u32 {
            self.0
        }
    }

    #[test]
    fn what_is_worth_more_cannot_be_pushed_out() {
        let mut table = Table::<Weight>::new(1_024);
        for ban in 1..=500 {
            if let Some(weight) = table.entry(0, ban * 7_919, u32::MAX) {
                *weight = Weight(1_000);
            }
        }
        let kept = |table: &Table<Weight>| {
            (1..=500).filter(|ban| table.get(ban * 7_919).is_some_and(|weight| weight.0 == 1_000)).count()
        };
        let before = kept(&table);
        for newcomer in 1_000_000..1_200_000_u64 {
            if let Some(weight) = table.entry(0, newcomer, 1) {
                *weight = Weight(weight.0.max(1));
            }
        }
        assert!(before > 450);
        assert_eq!(kept(&table), before);
        assert_eq!(room(&table), 1_024, "it has not grown beyond its limit");
    }

    fn room<V>(table: &Table<V>) -> usize {
        table.parts.iter().map(|part| part.entries.len()).sum()
    }

    /// As many as are there on an ordinary day take the room of that many, and none of them is lost while there is more to be had.
    #[test]
    fn it_grows_with_what_is_in_it_and_loses_nothing_before_it_is_full() {
        let mut table = Table::<Weight>::new(1 << 19);
        let fingerprints = Fingerprints::new(&mut Random::new([3; 32]));
        let of = |n: u32| fingerprints.of(&[&n.to_ne_bytes()]);
        assert_eq!(room(&table), 0);
        let mut count = 0;
        for (until, room_max) in
            [(1, 16), (1_000, 4_096), (40_000, 131_072), (150_000, 524_288), (200_000, 524_288)]
        {
            for n in count..until {
                table.entry(0, of(n), u32::MAX).unwrap().0 = n + 1;
            }
            count = until;
            assert!(room(&table) <= room_max, "{} for {count}", room(&table));
            let lost =
                (0..count).filter(|n| table.get(of(*n)).is_none_or(|weight| weight.0 != n + 1)).count();
            assert!(lost <= usize::try_from(count).unwrap() / 1_000, "{lost} of {count} are lost");
        }
    }

    /// What has lost its worth makes room before anything grows.
    #[test]
    fn what_is_worth_nothing_any_more_takes_no_room() {
        #[derive(Clone, Copy, Default, Debug)]
        struct Until(u32);
        impl Worth for Until {
            fn worth(&self, now_secs: u32) -> u32 {
                self.0.saturating_sub(now_secs)
            }
        }
        let mut table = Table::<Until>::new(1 << 17);
        let fingerprints = Fingerprints::new(&mut Random::new([4; 32]));
        for now in 0..2_000_u32 {
            for n in 0..10_u32 {
                let of = fingerprints.of(&[&now.to_ne_bytes(), &n.to_ne_bytes()]);
                table.entry(now, of, u32::MAX).unwrap().0 = now + 10;
            }
        }
        assert!(room(&table) <= 4_096, "{} for 100 at a time", room(&table));
    }

    #[test]
    fn equals_make_room_for_each_other() {
        let mut table = Table::<Weight>::new(8);
        for newcomer in 1..=100 {
            table.entry(0, newcomer, 1).unwrap().0 = 1;
        }
        assert!(table.get(100).is_some());
    }

    #[test]
    fn fingerprints_keep_parts_apart_and_are_not_to_be_foreseen() {
        let one = Fingerprints::new(&mut Random::new([1; 32]));
        let other = Fingerprints::new(&mut Random::new([2; 32]));
        assert_ne!(one.of(&[b"ab", b"c"]), one.of(&[b"a", b"bc"]));
        assert_ne!(one.of(&[b"a"]), other.of(&[b"a"]));
    }
}
