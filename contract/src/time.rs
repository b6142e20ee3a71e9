//! Wall-clock instants as the journal and the database know them.
//!
//! Deliberately not a calendar: zones, days and opening hours belong to `dialplan`.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z. Postgres `timestamptz` has the same resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole milliseconds since the epoch, the resolution of a UUIDv7; instants before 1970 count as 0.
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// The instant `micros` microseconds later, saturating at the end of time.
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}
