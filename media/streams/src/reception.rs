//! What is missing and how unevenly it comes: RFC 3550 A.1 (sequence), A.3 (loss) and A.8 (jitter) for one leg.
//!
//! A.1's probation is left out: the source has been proven before a packet is counted here. A jump of the sequence
//! numbers is a restart of the sender when two packets in a row agree on it; what was lost before is kept.

use serde::{Deserialize, Serialize};

const DROPOUT_MAX: u16 = 3_000;
const MISORDER_MAX: u16 = 100;
/// A step of the sender's timeline against ours that is a new timeline rather than a delay.
const TIMELINE_STEP_SECS_MAX: u32 = 5;

/// Figures of all streams that one leg has received, one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reception {
    clock_rate_hz: u32,
    run: Option<Run>,
    timeline: Option<Timeline>,
    lost_before: i64,
    /// Packets of the runs before this one.
    received_before: u64,
    /// Gaps in the sequence numbers of all runs, late packets or not.
    gaps: u64,
    /// A.8: sixteen times the jitter, in clock units.
    jitter_16: u64,
}

/// Sums over all streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) received: u64,
    /// Duplicates can make it negative.
    pub(crate) lost: i64,
    pub(crate) gaps: u64,
}

/// The stream that is received now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its first sequence number; with `expected` it tells one stream from the next.
    pub(crate) base: u64,
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// Extended highest sequence number received.
    pub(crate) highest: u32,
    /// In clock units.
    pub(crate) jitter: u32,
}

/// Consecutive packets of one SSRC without a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Run {
    base: u64,
    highest: u16,
    cycles: u64,
    received: u64,
    /// The sequence number that would confirm a restart.
    restart: Option<u16>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Timeline {
    started_micros: u64,
    transit: u32,
    timestamp: u32,
}

impl Run {
    fn new(sequence: u16) -> Self {
        Self { base: u64::from(sequence), highest: sequence, cycles: 0, received: 1, restart: None }
    }

    fn lost(&self) -> i64 {
        let highest = self.cycles.saturating_add(u64::from(self.highest));
        let expected = highest.saturating_sub(self.base).saturating_add(1);
        expected.cast_signed().wrapping_sub(self.received.cast_signed())
    }
}

impl Reception {
    /// A clock of 0 Hz is taken for 1 Hz.
    pub fn new(clock_rate_hz: u32) -> Self {
        Self {
            clock_rate_hz: clock_rate_hz.max(1),
            run: None,
            timeline: None,
            lost_before: 0,
            received_before: 0,
            gaps: 0,
            jitter_16: 0,
        }
    }

    /// Another clock from now on; jitter starts anew if it differs.
    pub fn set_clock_rate(&mut self, clock_rate_hz: u32) {
        if self.clock_rate_hz != clock_rate_hz.max(1) {
            self.clock_rate_hz = clock_rate_hz.max(1);
            self.timeline = None;
            self.jitter_16 = 0;
        }
    }

    /// The next packet starts a new stream (other SSRC or other source).
    pub fn restart(&mut self) {
        if let Some(run) = self.run.take() {
            self.end(&run);
        }
        self.timeline = None;
    }

    fn end(&mut self, run: &Run) {
        self.lost_before = self.lost_before.saturating_add(run.lost());
        self.received_before = self.received_before.saturating_add(run.received);
    }

    /// Counts an accepted packet.
    pub fn count(&mut self, now_micros: u64, sequence: u16, timestamp: u32) {
        self.count_sequence(sequence);
        self.count_jitter(now_micros, timestamp);
    }

    /// A.1 `update_seq`.
    fn count_sequence(&mut self, sequence: u16) {
        let Some(run) = &mut self.run else {
            self.run = Some(Run::new(sequence));
            return;
        };
        let ahead = sequence.wrapping_sub(run.highest);
        if ahead < DROPOUT_MAX {
            if sequence < run.highest {
                run.cycles = run.cycles.saturating_add(1 << 16);
            }
            self.gaps = self.gaps.saturating_add(u64::from(ahead > 1));
            run.highest = sequence;
        } else if ahead <= u16::MAX - MISORDER_MAX + 1 {
            if run.restart == Some(sequence) {
                let ended = std::mem::replace(run, Run::new(sequence));
                self.end(&ended);
            } else {
                run.restart = Some(sequence.wrapping_add(1));
            }
            return;
        }
        run.restart = None;
        run.received = run.received.saturating_add(1);
    }

    /// A.8. Packets of one timestamp (RFC 4733 events, pictures) are one instant of the sender: the first counts.
    fn count_jitter(&mut self, now_micros: u64, timestamp: u32) {
        let rate = u64::from(self.clock_rate_hz);
        let Some(line) = &mut self.timeline else {
            let transit = 0_u32.wrapping_sub(timestamp);
            self.timeline = Some(Timeline { started_micros: now_micros, transit, timestamp });
            return;
        };
        if line.timestamp == timestamp {
            return;
        }
        let elapsed = now_micros.saturating_sub(line.started_micros);
        let arrival = elapsed.wrapping_mul(rate) / 1_000_000;
        // RTP time wraps at 2^32 (RFC 3550 §5.1), so the low half is the value.
        let arrival = u32::try_from(arrival & 0xffff_ffff).unwrap_or(0);
        let transit = arrival.wrapping_sub(timestamp);
        let step = transit.wrapping_sub(line.transit).cast_signed().unsigned_abs();
        line.transit = transit;
        line.timestamp = timestamp;
        if step <= self.clock_rate_hz.saturating_mul(TIMELINE_STEP_SECS_MAX) {
            self.jitter_16 = self.jitter_16 + u64::from(step) - ((self.jitter_16 + 8) >> 4);
        }
    }

    /// A.3: expected less received, over all runs.
    pub fn lost(&self) -> i64 {
        self.lost_before.saturating_add(self.run.as_ref().map_or(0, Run::lost))
    }

    /// What has been received and lost so far, over all runs.
    pub(crate) fn totals(&self) -> Totals {
        let received = self.received_before.saturating_add(self.run.as_ref().map_or(0, |run| run.received));
        Totals { received, lost: self.lost(), gaps: self.gaps }
    }

    /// The stream that is received now, for a report block (§6.4.1).
    pub(crate) fn present(&self) -> Option<Present> {
        let run = self.run.as_ref()?;
        let highest = run.cycles.saturating_add(u64::from(run.highest));
        let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        Some(Present {
            base: run.base,
            expected: highest.saturating_sub(run.base).saturating_add(1),
            received: run.received,
            highest: low(highest),
            jitter: low(self.jitter_16 >> 4),
        })
    }

    /// Interarrival jitter in microseconds.
    pub fn jitter_micros(&self) -> u32 {
        let micros = (self.jitter_16 >> 4).saturating_mul(1_000_000) / u64::from(self.clock_rate_hz);
        u32::try_from(micros).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts these sequence numbers and returns the loss.
    fn check(sequences: impl IntoIterator<Item = u16>) -> i64 {
        let mut reception = Reception::new(8_000);
        for s in sequences {
            reception.count_sequence(s);
        }
        reception.lost()
    }

    #[test]
    fn loss_by_sequence_a_3() {
        assert_eq!(check([]), 0);
        assert_eq!(check([7]), 0);
        assert_eq!(check([7, 8, 9]), 0);
        assert_eq!(check([7, 9, 10]), 1);
        assert_eq!(check([7, 9, 8, 10]), 0, "late is not lost");
        assert_eq!(check([7, 8, 8, 9]), -1, "a duplicate counts as received (A.3)");
        assert_eq!(check([7, 8, 2_900]), 2_891, "a long dropout is loss");
    }

    #[test]
    fn sequence_numbers_wrap_a_1() {
        assert_eq!(check([65_534, 65_535, 0, 1]), 0);
        assert_eq!(check([65_534, 0, 1]), 1, "loss across the wrap");
        assert_eq!(check([65_535, 1, 0, 2]), 0, "late across the wrap");
        assert_eq!(check((0..200_000_u32).map(|n| n as u16)), 0, "three wraps");
        assert_eq!(check((0..200_000_u32).filter(|n| n % 10 != 5).map(|n| n as u16)), 20_000);
    }

    #[test]
    fn a_restart_needs_two_packets_in_a_row_a_1() {
        assert_eq!(check([10, 11, 40_000, 12, 13]), 0, "one wild packet changes nothing");
        assert_eq!(check([10, 11, 13, 40_000, 40_001, 40_002]), 1, "loss of the old run is kept");
        assert_eq!(check([40_000, 40_001, 10, 11, 13]), 1, "restart backwards");
        assert_eq!(check([10, 40_000, 50_000, 40_001, 11]), 0, "two wild packets do not agree");
    }

    #[test]
    fn another_stream_keeps_the_loss_of_the_one_before() {
        let mut reception = Reception::new(8_000);
        for s in [1, 3, 5] {
            reception.count_sequence(s);
        }
        reception.restart();
        reception.restart();
        for s in [900, 901, 903] {
            reception.count_sequence(s);
        }
        assert_eq!(reception.lost(), 3);
    }

    /// 20 ms packets of 160 units that arrive with these offsets from the ideal instant.
    fn jitter(rate: u32, offsets_micros: impl IntoIterator<Item = i64>) -> u32 {
        let mut reception = Reception::new(rate);
        for (n, offset) in offsets_micros.into_iter().enumerate() {
            let at = (1_000_000 + n as i64 * 20_000 + offset) as u64;
            let timestamp = (u32::MAX - 1_000).wrapping_add(n as u32 * (rate / 50));
            reception.count_jitter(at, timestamp);
        }
        reception.jitter_micros()
    }

    #[test]
    fn jitter_a_8() {
        assert_eq!(jitter(8_000, [0; 100]), 0, "even arrival, timestamps across their wrap");
        assert_eq!(jitter(48_000, [0; 100]), 0);
        // ±2 ms alternating: every step is 4 ms, and the filter converges to it from below.
        let alternating = (0..400).map(|n| if n % 2 == 0 { 2_000 } else { -2_000 });
        let converged = jitter(8_000, alternating);
        assert!((3_500..=4_000).contains(&converged), "{converged} µs");
        // One step of 16 ms moves the figure by a sixteenth of it.
        assert_eq!(jitter(8_000, [0, 0, 16_000]), 1_000);
    }

    #[test]
    fn a_new_timeline_is_no_jitter() {
        let mut reception = Reception::new(8_000);
        reception.count_jitter(0, 0);
        reception.count_jitter(20_000, 160);
        reception.count_jitter(40_000, 4_000_000_000);
        reception.count_jitter(60_000, 4_000_000_160);
        assert_eq!(reception.jitter_micros(), 0);
        // Three packets of one event: RFC 4733 repeats the timestamp.
        for at in [80_000, 100_000, 120_000] {
            reception.count_jitter(at, 4_000_000_320);
        }
        assert_eq!(reception.jitter_micros(), 0);
    }
}
