//! Under load packets are let gather for a moment, so that one wake-up serves several.
//!
//! A packet that wakes the thread alone costs more than one of many. Up to [`FROM_PACKETS_PER_SEC`] that is the
//! better bargain, because nobody waits; above it a turn begins no sooner than the operator's limit after the last one, and
//! no packet waits longer than that. Measured in `docs/decisions/0030`.

use std::time::Duration;

/// The longest that packets may be let gather, in microseconds.
pub const GATHER_MICROS_MAX: u64 = 2_000;
/// About 400 calls: from here on packets gather.
const FROM_PACKETS_PER_SEC: u64 = 40_000;
/// Half of it: from here on they do not any more.
const UNTIL_PACKETS_PER_SEC: u64 = 20_000;
/// The rate is taken over so long.
const WINDOW_MICROS: u64 = 100_000;

/// Whether packets gather now.
#[derive(Debug)]
pub(super) struct Gathering {
    limit: Option<Duration>,
    window_began_micros: u64,
    packets_before: u64,
    is_on: bool,
}

impl Gathering {
    /// For so long at most; `None` is never.
    pub(super) fn new(limit: Option<Duration>) -> Self {
        let limit = limit.map(|limit| limit.min(Duration::from_micros(GATHER_MICROS_MAX)));
        Self { limit, window_began_micros: 0, packets_before: 0, is_on: false }
    }

    /// After a turn, with all packets that were received so far: for how long the next one may wait, unless something else
    /// is due `within`.
    pub(super) fn pause(
        &mut self,
        now_micros: u64,
        packets: u64,
        within: Option<Duration>,
    ) -> Option<Duration> {
        let limit = self.limit?;
        let passed = now_micros.saturating_sub(self.window_began_micros);
        if passed >= WINDOW_MICROS {
            let rate = packets.saturating_sub(self.packets_before).saturating_mul(1_000_000) / passed;
            self.is_on = rate >= if self.is_on { UNTIL_PACKETS_PER_SEC } else { FROM_PACKETS_PER_SEC };
            (self.window_began_micros, self.packets_before) = (now_micros, packets);
        }
        let pause = within.map_or(limit, |within| within.min(limit));
        (self.is_on && !pause.is_zero()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(1);

    /// Seconds of turns, a thousand of them each, with so many packets a second; the last answer.
    fn run(gathering: &mut Gathering, clock: &mut (u64, u64), seconds: u64, rate: u64) -> Option<Duration> {
        let mut last = None;
        for _ in 0..seconds * 1_000 {
            clock.0 += 1_000;
            clock.1 += rate / 1_000;
            last = gathering.pause(clock.0, clock.1, None);
        }
        last
    }

    #[test]
    fn packets_gather_under_load_and_until_it_has_gone() {
        let (mut gathering, mut clock) = (Gathering::new(Some(LIMIT)), (5_000_000, 0));
        assert_eq!(run(&mut gathering, &mut clock, 1, 10_000), None);
        assert_eq!(run(&mut gathering, &mut clock, 1, 39_000), None);
        assert_eq!(run(&mut gathering, &mut clock, 1, 41_000), Some(LIMIT));
        assert_eq!(run(&mut gathering, &mut clock, 1, 21_000), Some(LIMIT), "no going on and off");
        assert_eq!(run(&mut gathering, &mut clock, 1, 19_000), None);
    }

    #[test]
    fn what_is_due_is_not_waited_for_and_what_is_off_stays_off() {
        let (mut gathering, mut clock) = (Gathering::new(Some(LIMIT)), (0, 0));
        run(&mut gathering, &mut clock, 1, 100_000);
        let soon = Duration::from_micros(300);
        assert_eq!(gathering.pause(clock.0, clock.1, Some(soon)), Some(soon));
        assert_eq!(gathering.pause(clock.0, clock.1, Some(Duration::ZERO)), None);
        let mut off = Gathering::new(None);
        assert_eq!(run(&mut off, &mut (0, 0), 2, 1_000_000), None);
    }

    #[test]
    fn the_limit_has_a_limit() {
        let mut gathering = Gathering::new(Some(Duration::from_secs(1)));
        let pause = run(&mut gathering, &mut (0, 0), 1, 100_000);
        assert_eq!(pause, Some(Duration::from_micros(GATHER_MICROS_MAX)));
    }
}
