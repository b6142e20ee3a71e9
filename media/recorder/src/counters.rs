//! Figures of the recorder, for whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the recorder counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Recordings in the making now.
    pub running: AtomicU64,
    /// Recordings begun.
    pub begun: AtomicU64,
    /// Recordings that ended before their time, or never began, for want of room or because of the disk.
    pub failed: AtomicU64,
    /// Recordings that a former process has left and this one has brought to their end.
    pub left_over: AtomicU64,
    /// Packets of recorded legs.
    pub packets: AtomicU64,
    /// Packets of no recording: they came just before or after one.
    pub strays: AtomicU64,
    /// Octets of finished and unfinished recordings that the store does not have yet.
    pub spool_bytes: AtomicU64,
    /// Finished recordings that the store does not have yet.
    pub waiting: AtomicU64,
    /// Recordings that the store has taken.
    pub stored: AtomicU64,
    /// Recordings deleted from the store: their time was over, or they were messages that their owner wanted no more.
    pub deleted: AtomicU64,
    /// Times that the store did not take one, did not delete one, or that one could not be read.
    pub store_failures: AtomicU64,
}

impl Counters {
    pub(crate) fn add(count: &AtomicU64, number: u64) {
        count.fetch_add(number, Relaxed);
    }
}
