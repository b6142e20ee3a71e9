//! The packet index of a stream and which indexes have been seen (RFC 3711 §3.3.1 and §3.3.2).
//!
//! An index is 48 bits: 32 that roll over and are never sent, and the sequence number. SRTCP sends its 31 bits.

use serde::{Deserialize, Serialize};

/// Indexes behind the highest one that are told apart; older ones count as seen.
pub const WINDOW_PACKETS: u64 = 64;

/// So far packets overtake each other; one that is further behind belongs to another run of numbers (RFC 3550 A.1).
const MISORDER_MAX: u16 = 100;
/// No key is used for more packets than this (RFC 3711 §9.2).
const INDEX_MAX: u64 = (1 << 48) - 1;

/// The highest index of a stream, and a bit for each of the [`WINDOW_PACKETS`] up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    highest: u64,
    seen: u64,
}

impl Window {
    /// A stream that begins with this index.
    pub(super) fn starting_at(index: u64) -> Self {
        Self { highest: index, seen: 1 }
    }

    /// A stream of which nothing up to this index is taken again.
    pub(super) fn after(index: u64) -> Self {
        Self { highest: index, seen: u64::MAX }
    }

    pub(super) fn highest(self) -> u64 {
        self.highest
    }

    /// The index that a sequence number most likely means: the nearest to the highest one. `None` beyond either end.
    pub(super) fn guess(self, sequence: u16) -> Option<u64> {
        const HALF: u64 = 1 << 15;
        let (rolled, last) = (self.highest >> 16, self.highest & 0xffff);
        let sequence = u64::from(sequence);
        let rolled = if last < HALF && sequence > last + HALF {
            rolled.checked_sub(1)?
        } else if last >= HALF && last - HALF > sequence {
            rolled + 1
        } else {
            rolled
        };
        Some(rolled << 16 | sequence).filter(|index| *index <= INDEX_MAX)
    }

    /// Whether a sequence number, by the same guess, is behind by more than packets overtake each other.
    pub(super) fn is_far_behind(self, sequence: u16) -> bool {
        let [.., high, low] = self.highest.to_be_bytes();
        let behind = u16::from_be_bytes([high, low]).wrapping_sub(sequence);
        behind > MISORDER_MAX && behind.wrapping_neg() > 1 << 15
    }

    /// Whether this index has been seen, or is too old to tell.
    pub(super) fn has_seen(self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => false,
            Some(age) if age >= WINDOW_PACKETS => true,
            Some(age) => self.seen >> age & 1 == 1,
        }
    }

    /// Notes an index.
    pub(super) fn note(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            Some(ahead) => {
                self.seen = if ahead < WINDOW_PACKETS { self.seen << ahead | 1 } else { 1 };
                self.highest = index;
            }
            None => {
                let age = self.highest - index;
                if age < WINDOW_PACKETS {
                    self.seen |= 1 << age;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(highest: u64, sequence: u16) -> Option<u64> {
        Window::starting_at(highest).guess(sequence)
    }

    #[test]
    fn rfc_3711_3_3_1_the_nearest_index_is_meant() {
        assert_eq!(guess(5, 6), Some(6));
        assert_eq!(guess(0xffff, 0), Some(0x1_0000), "rolls over");
        assert_eq!(guess(0x1_0002, 0xfffe), Some(0xfffe), "and back");
        assert_eq!(guess(2, 0xfffe), None, "before the beginning");
        assert_eq!(guess(100, 32_868), Some(32_868), "half the space ahead is ahead");
        assert_eq!(guess(0x1_0064, 32_869), Some(32_869), "more is behind");
        assert_eq!(guess(0x1_8000, 0), Some(0x1_0000));
        assert_eq!(guess(0x1_8001, 0), Some(0x2_0000));
        assert_eq!(guess(INDEX_MAX, 0xffff), Some(INDEX_MAX));
        assert_eq!(guess(INDEX_MAX, 0), None, "the key is used up");
    }

    #[test]
    fn rfc_3711_3_3_1_what_is_guessed_far_behind_is_another_run_of_numbers() {
        for (highest, sequence, is_far) in [
            (5_000, 4_900, false),
            (5_000, 4_899, true),
            (5_000, 5_000 + 32_768, false),
            (5_000, 5_000 + 32_769, true),
            (0x1_0005, 0xfff0, false),
            (0x1_8001, 0, false),
        ] {
            assert_eq!(Window::starting_at(highest).is_far_behind(sequence), is_far, "{highest} {sequence}");
        }
    }

    #[test]
    fn rfc_3711_3_3_2_an_index_is_taken_once_and_an_old_one_never() {
        let mut window = Window::starting_at(1_000);
        assert!(window.has_seen(1_000) && !window.has_seen(999) && !window.has_seen(1_001));
        window.note(1_005);
        assert!(window.has_seen(1_005) && window.has_seen(1_000) && !window.has_seen(1_003));
        window.note(1_003);
        assert!(window.has_seen(1_003) && !window.has_seen(1_004));
        window.note(1_066);
        assert!(window.has_seen(1_002), "64 behind: too old to tell");
        assert!(window.has_seen(1_003) && !window.has_seen(1_004), "the last that is told apart");
        window.note(2_000);
        assert!(!window.has_seen(1_999) && window.has_seen(1_936) && !window.has_seen(1_937));
        let nothing_old = Window::after(7);
        assert!((0..=7).all(|index| nothing_old.has_seen(index)) && !nothing_old.has_seen(8));
    }
}
