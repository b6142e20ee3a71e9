//! Every few seconds, for each leg: what the last seconds were worth, and a report to a far end that gets none otherwise
//! (RFC 3550 §6). And at any time, for whoever asks: how a leg is.
//!
//! Turns are kept on a coarse grid, so that a thousand silent legs wake the thread a few times a second and not a
//! thousand times.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasher as _, RandomState},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use streams::{
    leg::{Channel, REPORT_BYTES_MAX, ReportTime, report_interval_micros},
    media::{LeaseId, LegReport, MediaEvent},
};

use super::{Worker, carrying::own_slot};

/// Legs whose turn has come are served together.
const GRID_MICROS: u64 = 250_000;
/// Legs served in one turn of the loop, between which packets are carried; the rest in the next.
const TURNS_MAX: usize = 32;
/// Seconds between the epoch of NTP, 1900, and that of Unix (RFC 5905 §6).
const NTP_UNIX_SECS: u64 = 2_208_988_800;

/// When which leg is due.
#[derive(Debug)]
pub(super) struct Rounds {
    due: BinaryHeap<Reverse<(u64, LeaseId)>>,
    /// Numbers that nobody else can guess: a name that could be foretold could be taken before us.
    hasher: RandomState,
    /// Wall clock at the beginning of the relay's time line.
    unix_at_start: Duration,
}

impl Rounds {
    /// `elapsed` has passed since the beginning of the time line.
    pub(super) fn new(elapsed: Duration) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            due: BinaryHeap::new(),
            hasher: RandomState::new(),
            unix_at_start: unix.saturating_sub(elapsed),
        }
    }

    /// Gives a leg its next turn.
    fn put(&mut self, lease: LeaseId, now: u64) {
        let interval = report_interval_micros(self.hasher.hash_one((lease, now)));
        let due = now.saturating_add(interval).next_multiple_of(GRID_MICROS);
        self.due.push(Reverse((due, lease)));
    }

    fn take(&mut self, now: u64) -> Option<LeaseId> {
        let Reverse((due, lease)) = *self.due.peek()?;
        (due <= now).then(|| {
            self.due.pop();
            lease
        })
    }

    pub(super) fn deadline_micros(&self) -> Option<u64> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// Wall clock at the beginning of the time line.
    pub(super) fn origin_unix_micros(&self) -> u64 {
        u64::try_from(self.unix_at_start.as_micros()).unwrap_or(u64::MAX)
    }

    fn time(&self, now: u64) -> ReportTime {
        let unix = self.unix_at_start.saturating_add(Duration::from_micros(now));
        let secs = unix.as_secs().wrapping_add(NTP_UNIX_SECS) & 0xffff_ffff;
        let parts = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
        ReportTime { micros: now, ntp: secs << 32 | parts }
    }
}

impl<W: Fn()> Worker<W> {
    /// A leg is open from now on.
    pub(super) fn expect_reports(&mut self, lease: LeaseId, now: u64) {
        self.rounds.put(lease, now);
    }

    /// Legs whose turn has come.
    pub(super) fn report(&mut self, now: u64) {
        for _ in 0..TURNS_MAX {
            let Some(lease) = self.rounds.take(now) else { return };
            let Some(at) = self.slots.find(lease) else { continue };
            self.rounds.put(lease, now);
            self.report_leg(at, lease, now);
        }
    }

    fn report_leg(&mut self, at: usize, lease: LeaseId, now: u64) {
        let (time, random) = (self.rounds.time(now), self.rounds.hasher.hash_one(lease));
        self.forget_silent(at, now);
        let Some(leg) = self.slots.leg(at) else { return };
        self.tally.score(leg.state.measure());
        let mut room = [0; REPORT_BYTES_MAX];
        if let Some(len) = leg.state.write_report(time, random, &mut room) {
            self.send_report(at, room.get(..len).unwrap_or_default());
        }
    }

    fn send_report(&mut self, at: usize, report: &[u8]) {
        let (pools, ports) = (&self.pools, self.config.ports);
        let Some(leg) = self.slots.leg(at) else { return };
        let comes_back =
            leg.destination(Channel::Rtcp).is_some_and(|to| own_slot(pools, ports, to).is_some());
        let to = leg.state.destination(Channel::Rtcp);
        let Some(to) = to.filter(|_| !comes_back) else { return };
        match leg.way(Channel::Rtcp).send(report, to) {
            Ok(()) => self.tally.reports_sent += 1,
            Err(_) => self.tally.send_errors += 1,
        }
    }

    /// The last word to a far end that has had reports of ours.
    pub(super) fn say_goodbye(&mut self, at: usize, now: u64) {
        let mut room = [0; REPORT_BYTES_MAX];
        let written = self.slots.leg(at).and_then(|leg| leg.state.write_goodbye(now, &mut room));
        if let Some(len) = written {
            self.send_report(at, room.get(..len).unwrap_or_default());
        }
    }

    /// How a leg is.
    pub(super) fn look(&mut self, lease: LeaseId, now: u64) {
        let report: Option<LegReport> = self.slots.find(lease).and_then(|at| self.slots.report(at, now));
        self.tell(MediaEvent::Seen { lease, report: report.map(Box::new) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_take_turns_on_the_grid() {
        let mut rounds = Rounds::new(Duration::ZERO);
        let leases: Vec<LeaseId> = (0..100).map(LeaseId).collect();
        leases.iter().for_each(|lease| rounds.put(*lease, 1_000));
        assert_eq!(rounds.take(2_000_000), None, "nobody reports at once");
        let (mut now, mut turns, mut wakes) = (0, vec![0; 100], 0);
        while now < 60_000_000 {
            now = rounds.deadline_micros().unwrap();
            assert!(now.is_multiple_of(GRID_MICROS));
            wakes += 1;
            while let Some(lease) = rounds.take(now) {
                turns[lease.0 as usize] += 1;
                rounds.put(lease, now);
            }
        }
        assert!(turns.iter().all(|turns| (9..=30).contains(turns)), "{turns:?}");
        assert!(wakes <= 240, "{wakes} wake-ups for 100 legs in a minute");
    }

    #[test]
    fn wall_clock_is_told_as_ntp_writes_it() {
        let rounds = Rounds { unix_at_start: Duration::from_secs(1_000), ..Rounds::new(Duration::ZERO) };
        assert_eq!(rounds.time(500_000).ntp, (NTP_UNIX_SECS + 1_000) << 32 | 0x8000_0000);
    }
}
