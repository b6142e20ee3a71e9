//! A table of a fixed size, by the hash of what it is about.
//!
//! The hash is keyed, so that nobody can choose what shares a place with what. A newcomer takes the place of what is
//! worth least among the few it shares with, or gets none: what is worth more than any newcomer (a ban, say) cannot be
//! pushed out, however many come. Memory is taken with the first entry and never grows.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::means::Random;

/// Entries that share a place.
const WAYS: usize = 8;

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
    entries: Vec<(u64, V)>,
    entries_max: usize,
}

impl<V: Worth + Copy + Default> Table<V> {
    /// An empty table for about so many entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries: Vec::new(), entries_max: entries_max.next_multiple_of(WAYS).max(WAYS) }
    }

    /// What there is under a fingerprint.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<&V> {
        let from = self.place(fingerprint);
        let shared = self.entries.get(from..from + WAYS)?;
        shared.iter().find(|(of, _)| *of == fingerprint).map(|(_, value)| value)
    }

    /// What there is under a fingerprint, made when there is room for something of this worth.
    pub(crate) fn entry(&mut self, now_secs: u32, fingerprint: u64, worth: u32) -> Option<&mut V> {
        if self.entries.is_empty() {
            self.entries = vec![(0, V::default()); self.entries_max];
        }
        #[cfg(feature = "planted-leaking-lock-outs")]
        if self.get(fingerprint).is_none() {
            Box::leak(Box::new(fingerprint));
        }
        let from = self.place(fingerprint);
        let shared = self.entries.get_mut(from..from + WAYS)?;
        let place = match shared.iter().position(|(of, _)| *of == fingerprint) {
            Some(known) => known,
            None => {
                let worth_of = |(of, value): &(u64, V)| if *of == 0 { 0 } else { value.worth(now_secs) };
                let (least, entry) =
                    shared.iter_mut().enumerate().min_by_key(|(_, entry)| worth_of(entry))?;
                if worth_of(entry) > worth {
                    return None;
                }
                *entry = (fingerprint, V::default());
                least
            }
        };
        shared.get_mut(place).map(|(_, value)| value)
    }

    fn place(&self, fingerprint: u64) -> usize {
        let places = self.entries_max / WAYS;
        usize::try_from(fingerprint % places as u64).unwrap_or(0) * WAYS
    }
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
        assert_eq!(table.entries.len(), 1_024, "it has not grown");
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
