//! Wall time from instants: the switch's clock is a mark that its owner renews when the system clock steps.

use std::time::{Duration, Instant};

use contract::time::Timestamp;

/// An instant and the wall time it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMark {
    /// On the monotonic clock.
    pub instant: Instant,
    /// On the wall.
    pub unix: Timestamp,
}

impl ClockMark {
    /// The wall time of an instant.
    pub(crate) fn wall(&self, now: Instant) -> Timestamp {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match now.checked_duration_since(self.instant) {
            Some(since) => self.unix.plus_micros(micros(since)),
            None => self.unix.plus_micros(-micros(self.instant.saturating_duration_since(now))),
        }
    }

    /// The instant of a wall time; one before the mark counts as the mark.
    pub(crate) fn instant(&self, wall: Timestamp) -> Instant {
        let micros = u64::try_from(wall.0.saturating_sub(self.unix.0)).unwrap_or(0);
        self.instant + Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_and_instants_convert_both_ways() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let instant = Instant::now();
        let mark = ClockMark { instant, unix: Timestamp(1_000_000) };
        let later = instant + Duration::from_millis(1_500);
        assert_eq!(mark.wall(later), Timestamp(2_500_000));
        assert_eq!(mark.instant(Timestamp(2_500_000)), later);
        assert_eq!(ClockMark { instant: later, ..mark }.wall(instant), Timestamp(-500_000));
        assert_eq!(mark.instant(Timestamp(0)), instant, "nothing is due before the mark");
    }
}
