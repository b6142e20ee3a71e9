//! An operator's captures: which legs keep what comes and goes, and until when.
//!
//! Room is made when the order comes; the packets themselves cost a copy on the legs that are asked about, and nothing on others.

use streams::{
    capture::{CAPTURE_SECS_MAX, Capture},
    media::{LeaseId, MediaEvent},
};

use super::Worker;

/// Legs that are captured at a time.
const CAPTURES_MAX: usize = 16;

/// Which legs, and until when.
#[derive(Debug, Default)]
pub(super) struct Captures(Vec<(u64, LeaseId)>);

impl Captures {
    pub(super) fn deadline_micros(&self) -> Option<u64> {
        self.0.iter().map(|(until, _)| *until).min()
    }
}

impl<W: Fn()> Worker<W> {
    /// Begins one, and ends the one before.
    pub(super) fn capture(&mut self, lease: LeaseId, secs: u16, now: u64) {
        self.end_capture(lease);
        let has_room = self.captures.0.len() < CAPTURES_MAX;
        let at = self.slots.find(lease).filter(|_| has_room);
        let Some(leg) = at.and_then(|at| self.slots.leg(at)) else {
            return self.tell_captured(lease, None);
        };
        leg.state.set_capture(Some(Box::default()));
        let micros = u64::from(secs.min(CAPTURE_SECS_MAX)) * 1_000_000;
        self.captures.0.push((now.saturating_add(micros), lease));
    }

    /// Those whose time is over.
    pub(super) fn end_captures(&mut self, now: u64) {
        while let Some((_, lease)) = self.captures.0.iter().find(|(until, _)| *until <= now).copied() {
            self.end_capture(lease);
        }
    }

    /// Hands out what a leg has kept, if it was asked to.
    pub(super) fn end_capture(&mut self, lease: LeaseId) {
        let Some(index) = self.captures.0.iter().position(|(_, captured)| *captured == lease) else { return };
        self.captures.0.swap_remove(index);
        let leg = self.slots.find(lease).and_then(|at| self.slots.leg(at));
        let capture = leg.and_then(|leg| leg.state.set_capture(None));
        self.tell_captured(lease, capture);
    }

    fn tell_captured(&mut self, lease: LeaseId, capture: Option<Box<Capture>>) {
        let origin_unix_micros = self.rounds.origin_unix_micros();
        self.tell(MediaEvent::Captured { lease, capture, origin_unix_micros });
    }
}
