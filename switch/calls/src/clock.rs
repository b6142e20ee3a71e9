//! Wall time from instants: the switch's clock is a mark that its owner renews when the system clock steps.

use std::time::{Duration, Instant};

use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

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

/// Microseconds on the switch's own time line, which begins at an instant that every life of the switch knows.
///
/// What a call keeps is kept in these: an `Instant` means nothing to the next process, and the wall clock may be set.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment of an instant; whatever lies before the beginning counts as the beginning.
    pub(crate) fn of(instant: Instant, origin: Instant) -> Self {
        let micros = instant.saturating_duration_since(origin).as_micros();
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The instant, on the same time line.
    pub(crate) fn instant(self, origin: Instant) -> Instant {
        origin + Duration::from_micros(self.0)
    }

    /// How long it is since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// So much later.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
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

    #[test]
    fn a_moment_is_the_same_instant_on_the_same_time_line() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let origin = Instant::now();
        let later = origin + Duration::from_micros(1_500);
        let moment = Moment::of(later, origin);
        assert_eq!(moment.instant(origin), later);
        assert_eq!(moment.after(Duration::from_micros(500)), Moment(2_000));
        assert_eq!(Moment::of(origin, later), Moment(0), "before the beginning");
        assert_eq!(moment.instant(later), later + Duration::from_micros(1_500), "another life's origin");
    }
}
