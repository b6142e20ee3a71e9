//! How long a packet has to wait so that nearly all that are on their way arrive before they are due.
//!
//! A packet's transit is its arrival less its timestamp, from an unknown beginning. The shortest of the last seconds is
//! the base, so the clocks of the two sides may drift; how much longer the others took is kept in a histogram that
//! forgets. The wait is its 97th percentile.

/// Bounds of the wait. Packets are taken every 20 ms, so less cannot be had; more than this is no conversation.
pub const TARGET_MS_MIN: u32 = 20;
/// See [`TARGET_MS_MIN`].
pub const TARGET_MS_MAX: u32 = 160;
/// Until something is known.
pub const TARGET_MS_INITIAL: u32 = 40;

const BIN_MS: u32 = 5;
const BINS: usize = 33;
const INITIAL_BIN: usize = 7;
/// A packet's share in the histogram: what is two and a half seconds old counts for a third.
const FORGET: f32 = 1.0 / 128.0;
/// Share of packets that may come too late.
const LATE_SHARE: f32 = 0.03;
/// The base is the shortest transit of that many spans of that length: 2.5 s.
const SPANS: usize = 5;
const SPAN_MICROS: i64 = 500_000;
/// A transit that differs so much from the base is another timeline.
const STEP_MICROS_MAX: i64 = 500_000;

/// Of one stream.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    /// Shortest transit of each span, the newest first, in microseconds.
    spans: [Option<i64>; SPANS],
    span_ends_micros: i64,
    histogram: [f32; BINS],
    packets: u16,
    target_ms: u32,
}

impl Delay {
    pub fn new() -> Self {
        Self {
            spans: [None; SPANS],
            span_ends_micros: i64::MIN,
            // What is not known yet is taken to be as the initial wait expects.
            histogram: std::array::from_fn(|n| if n == INITIAL_BIN { 1.0 } else { 0.0 }),
            packets: 0,
            target_ms: TARGET_MS_INITIAL,
        }
    }

    /// How long a packet waits from the earliest it could have come, in milliseconds.
    pub fn target_ms(&self) -> u32 {
        self.target_ms
    }

    /// The shortest transit, once there was one.
    pub fn base_micros(&self) -> Option<i64> {
        self.spans.iter().flatten().min().copied()
    }

    /// The timestamps that come have nothing to do with those that came.
    pub fn new_timeline(&mut self) {
        self.spans = [None; SPANS];
    }

    /// A packet has come at `now` that was sent at `sent`, by clocks that do not know of each other.
    pub fn arrived(&mut self, now_micros: i64, sent_micros: i64) {
        let transit = now_micros.wrapping_sub(sent_micros);
        if self.base_micros().is_some_and(|base| transit.abs_diff(base) > STEP_MICROS_MAX.unsigned_abs()) {
            self.new_timeline();
        }
        if now_micros >= self.span_ends_micros {
            self.span_ends_micros = now_micros.saturating_add(SPAN_MICROS);
            self.spans.rotate_right(1);
            if let Some(newest) = self.spans.first_mut() {
                *newest = None;
            }
        }
        if let Some(newest) = self.spans.first_mut() {
            *newest = Some(newest.map_or(transit, |shortest| shortest.min(transit)));
        }
        let longer_ms = transit.saturating_sub(self.base_micros().unwrap_or(transit)) / 1_000;
        self.count(u32::try_from(longer_ms).unwrap_or(0));
    }

    fn count(&mut self, longer_ms: u32) {
        let bin = usize::try_from(longer_ms / BIN_MS).unwrap_or(BINS).min(BINS - 1);
        // A plain mean at first, then one that forgets.
        self.packets = self.packets.saturating_add(1);
        let share = FORGET.max(1.0 / (f32::from(self.packets) + 1.0));
        for (n, weight) in self.histogram.iter_mut().enumerate() {
            *weight += (if n == bin { 1.0 } else { 0.0 } - *weight) * share;
        }
        let mut late = 0.0;
        let beyond = self.histogram.iter().rev().take_while(|weight| {
            late += **weight;
            late <= LATE_SHARE
        });
        let within = u32::try_from(BINS - beyond.count()).unwrap_or(0);
        self.target_ms = (within * BIN_MS).clamp(TARGET_MS_MIN, TARGET_MS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait after so many packets of 20 ms, the n-th of which took this much longer than the first.
    fn check(packets: i64, longer_micros: impl Fn(i64) -> i64) -> u32 {
        let mut delay = Delay::new();
        for n in 0..packets {
            delay.arrived(n * 20_000 + longer_micros(n), n * 20_000 - 7_000_000);
        }
        delay.target_ms()
    }

    #[test]
    fn an_even_stream_waits_one_step() {
        assert_eq!(check(500, |_| 0), TARGET_MS_MIN);
    }

    #[test]
    fn the_wait_holds_ninety_seven_of_a_hundred() {
        assert_eq!(check(2_000, |n| if n % 10 == 0 { 62_000 } else { 0 }), 65, "one in ten is 62 ms late");
        assert_eq!(check(2_000, |n| if n % 100 == 0 { 62_000 } else { 0 }), 20, "one in a hundred is let go");
        assert_eq!(check(2_000, |n| (n * 37 % 50) * 1_000), 50, "evenly between 0 and 49 ms");
        assert_eq!(check(2_000, |n| (n % 2) * 400_000), TARGET_MS_MAX);
    }

    #[test]
    fn clocks_that_drift_apart_are_no_jitter() {
        // 500 ppm: 10 µs a packet, 0.4 s in all.
        assert_eq!(check(40_000, |n| n * 10), TARGET_MS_MIN);
        assert_eq!(check(40_000, |n| -n * 10), TARGET_MS_MIN);
    }

    #[test]
    fn what_was_bad_is_forgotten_in_ten_seconds() {
        let worse_for_5_s = |n: i64| if n < 250 { (n % 3) * 30_000 } else { 0 };
        assert!(check(250, worse_for_5_s) >= 60);
        assert_eq!(check(250 + 500, worse_for_5_s), TARGET_MS_MIN);
    }

    #[test]
    fn another_timeline_does_not_count_as_delay() {
        assert_eq!(check(500, |n| if n < 250 { 0 } else { 3_600_000_000 }), TARGET_MS_MIN);
        assert_eq!(check(500, |n| if n < 250 { 0 } else { -3_600_000_000 }), TARGET_MS_MIN);
    }
}
