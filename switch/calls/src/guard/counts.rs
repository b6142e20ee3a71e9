//! Which counts (`nc`) of a nonce have been used, so that captured credentials are good for nothing (RFC 7616 §5.12).
//!
//! Kept only for requests whose credentials were good, so nobody fills it without a password. When more nonces are in
//! use than it holds, the oldest are forgotten; for them the nonce's lifetime and its source remain as the bound.

use super::table::{Table, Worth};

/// Nonces whose counts are kept.
const NONCES_MAX: usize = 131_072;
/// Counts below the highest that may still come: requests that overtook each other.
const WINDOW: u32 = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    until_secs: u32,
    highest: u32,
    /// Bit n: `highest - n` has been used.
    used: u64,
}

/// The youngest nonce is worth most: it is good for longest. One that is good no longer is worth nothing.
impl Worth for Counted {
    fn worth(&self, now_secs: u32) -> u32 {
        if self.until_secs > now_secs { self.until_secs } else { 0 }
    }
}

/// Nonces and their counts.
#[derive(Debug)]
pub(crate) struct Counts {
    nonces: Table<Counted>,
    lifetime_secs: u32,
}

impl Counts {
    /// A nonce is good for no longer than `lifetime_secs` after it has been used first.
    pub(crate) fn new(lifetime_secs: u32) -> Self {
        Self { nonces: Table::new(NONCES_MAX), lifetime_secs }
    }

    /// Bytes of the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.nonces.bytes()
    }

    /// Uses a count of a nonce; false when it has been used, or is too far behind to tell. A client that does not count
    /// (0) may use a nonce once.
    pub(crate) fn take(&mut self, now_secs: u32, nonce: u64, count: u32) -> bool {
        // Twice as long: a nonce's age is told by another clock.
        let until_secs = now_secs.saturating_add(self.lifetime_secs.saturating_mul(2)).saturating_add(1);
        let Some(counted) = self.nonces.entry(now_secs, nonce, u32::MAX) else { return false };
        let count = count.max(1);
        if counted.highest == 0 {
            *counted = Counted { until_secs, highest: count, used: 1 };
            return true;
        }
        if let Some(ahead) = count.checked_sub(counted.highest).filter(|ahead| *ahead > 0) {
            counted.used = counted.used.checked_shl(ahead).unwrap_or(0) | 1;
            counted.highest = count;
            return true;
        }
        let behind = counted.highest - count;
        let is_new = behind < WINDOW && counted.used & (1 << behind) == 0;
        if is_new {
            counted.used |= 1 << behind;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[u32], expected: &[bool]) {
        let mut counts = Counts::new(120);
        let taken: Vec<bool> = given.iter().map(|count| counts.take(10, 7, *count)).collect();
        assert_eq!(taken, expected, "{given:?}");
    }

    #[test]
    fn rfc_7616_5_12_a_count_is_good_once() {
        check(&[1, 2, 3, 2, 3, 1], &[true, true, true, false, false, false]);
        check(&[3, 1, 2, 1], &[true, true, true, false]);
        check(&[1, 66, 3, 2, 1], &[true, true, true, false, false]);
        check(&[1, 4_000_000_000, 2, 1], &[true, true, false, false]);
        check(&[0, 0, 1, 2], &[true, false, false, true]);
        check(&[u32::MAX, u32::MAX, u32::MAX - 63, u32::MAX - 64], &[true, false, true, false]);
    }

    #[test]
    fn nonces_have_their_own_counts() {
        let mut counts = Counts::new(120);
        assert!(counts.take(10, 7, 1) && counts.take(10, 8, 1) && !counts.take(10, 8, 1));
    }
}
