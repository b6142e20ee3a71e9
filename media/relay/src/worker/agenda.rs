//! When legs have their turn without a packet: sounds that are played, and pauses that are filled.
//!
//! Only legs that want one are on it, so a thousand calls that carry what comes cost nothing. An entry that its leg no longer
//! knows of is overlooked when it is due, which is never long.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Entries for each slot that there is room for from the beginning.
const ENTRIES_PER_SLOT: usize = 2;

/// Slots, the one that is due first on top.
#[derive(Debug)]
pub(super) struct Agenda(BinaryHeap<Reverse<(u64, usize)>>);

impl Agenda {
    pub(super) fn new(slots: usize) -> Self {
        Self(BinaryHeap::with_capacity(slots * ENTRIES_PER_SLOT))
    }

    pub(super) fn add(&mut self, due_micros: u64, at: usize) {
        self.0.push(Reverse((due_micros, at)));
    }

    /// The next that is due, with when it was.
    pub(super) fn next(&mut self, now_micros: u64) -> Option<(u64, usize)> {
        let Reverse((due, _)) = self.0.peek()?;
        if *due > now_micros {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    pub(super) fn deadline_micros(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_nothing_before_its_time() {
        let mut agenda = Agenda::new(4);
        assert_eq!(agenda.deadline_micros(), None);
        for (due, at) in [(30, 1), (10, 2), (20, 3)] {
            agenda.add(due, at);
        }
        assert_eq!(agenda.deadline_micros(), Some(10));
        assert_eq!(agenda.next(9), None);
        assert_eq!([agenda.next(25), agenda.next(25), agenda.next(25)], [Some((10, 2)), Some((20, 3)), None]);
    }
}
