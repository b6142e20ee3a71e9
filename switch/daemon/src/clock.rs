//! The wall clock and the processor's, read in one place. Durations are measured with `Instant`; the wall clock is for what
//! people and rows see.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::time::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Now, as the machine's clock has it.
pub fn unix_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The processor time that this thread has used.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
