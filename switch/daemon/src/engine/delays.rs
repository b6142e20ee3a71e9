//! How long messages have waited before the engine took them, as a histogram for metrics. The engine alone writes.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the buckets, microseconds. `limits.queue_delay_target_millis` is 2 by default.
const BOUNDS_MICROS: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 64_000, 256_000, 1_000_000];

/// The histogram.
#[derive(Debug, Default)]
pub struct Delays {
    /// Those up to each bound and above the one before it, then those above all.
    counts: [AtomicU64; BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

impl Delays {
    /// One message has waited for so long.
    pub(super) fn note(&self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        for (count, more) in
            self.counts.get(at).into_iter().map(|count| (count, 1)).chain([(&self.sum_micros, micros)])
        {
            // With one writer a store is enough, and costs no locked instruction.
            count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
        }
    }

    /// `(bound in microseconds, messages up to it)`, the last without a bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        let bounds = BOUNDS_MICROS.iter().copied().map(Some).chain([None]);
        let mut sum = 0;
        bounds.zip(&self.counts).map(move |(bound, count)| {
            sum += count.load(Relaxed);
            (bound, sum)
        })
    }

    /// All waits together, microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum_micros.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_counts_in_its_bucket_and_in_all_above() {
        let delays = Delays::default();
        for micros in [0, 50, 51, 2_000, 2_001, 5_000_000] {
            delays.note(Duration::from_micros(micros));
        }
        let found: Vec<_> = delays.cumulative().collect();
        let at = |bound| found.iter().find(|(b, _)| *b == bound).unwrap().1;
        assert_eq!(
            [at(Some(50)), at(Some(100)), at(Some(2_000)), at(Some(4_000)), at(None)],
            [2, 3, 4, 5, 6]
        );
        assert_eq!(delays.sum_micros(), 5_004_102);
    }
}
