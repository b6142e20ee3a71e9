//! The wall clock, read in one place. Durations are measured with `Instant`; this is for what people and rows see.

use std::time::{SystemTime, UNIX_EPOCH};

use contract::time::Timestamp;

/// Now, as the machine's clock has it.
pub fn unix_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
