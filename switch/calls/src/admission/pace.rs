//! How fast new work is taken up while there is more of it than can be done.
//!
//! What a piece of new work costs comes later: the credentials a round trip after the challenge, the answer when somebody
//! picks up, the BYE when they are done. Whoever takes up more whenever nothing else is left takes up a round trip's worth of
//! challenges, which are cheap, and some tens of milliseconds later has a second of work in front of everybody. So the time
//! that all work takes is divided by what was taken up in that time, and new work comes one such span after the other. Only
//! time of the processor counts: what others take of it holds everything up and makes no call dearer.

use std::time::{Duration, Instant};

/// The span is found anew this often; what came before counts for half each time.
const WINDOW: Duration = Duration::from_millis(200);
/// The first span, before anything is known: within a factor of a few for a call on any machine.
const SPAN_FIRST: Duration = Duration::from_micros(250);
/// What was not taken up in time may be taken up at once, for so long: sleeping takes a millisecond at least.
const CREDIT: Duration = Duration::from_millis(2);

/// With nothing else to do the next piece may be taken up sooner by this part of a span. More would bring back what the
/// span is there against.
const SOONER: f64 = 0.2;

/// The pace.
#[derive(Debug)]
pub(super) struct Pace {
    span: Duration,
    next_at: Instant,
    window_began: Instant,
    /// Of this window.
    worked: Duration,
    taken: u32,
    /// Time worked and work taken up, of the windows before.
    worked_before: Duration,
    taken_before: f64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            span: SPAN_FIRST,
            next_at: now,
            window_began: now,
            worked: Duration::ZERO,
            taken: 0,
            worked_before: Duration::ZERO,
            taken_before: 0.0,
        }
    }

    /// When the next piece may be taken up. With nothing else to do that is sooner.
    pub(super) fn next_at(&self, is_idle: bool) -> Instant {
        let sooner = if is_idle { self.span.mul_f64(SOONER) } else { Duration::ZERO };
        self.next_at.checked_sub(sooner).unwrap_or(self.next_at)
    }

    /// Takes note of processor time that was used.
    pub(super) fn worked(&mut self, span: Duration) {
        self.worked += span;
    }

    /// Takes note that a piece is taken up.
    pub(super) fn take(&mut self, now: Instant) {
        self.measure(now);
        self.taken += 1;
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        self.next_at = self.next_at.clamp(earliest, now) + self.span;
    }

    fn measure(&mut self, now: Instant) {
        if now.saturating_duration_since(self.window_began) < WINDOW {
            return;
        }
        self.worked_before = self.worked_before / 2 + self.worked;
        self.taken_before = self.taken_before / 2.0 + f64::from(self.taken);
        self.span = self.worked_before.div_f64(self.taken_before.max(1.0));
        self.begin(now);
    }

    /// Forgets what was noted of this window: there was no pressure for a while.
    pub(super) fn begin(&mut self, now: Instant) {
        self.window_began = now;
        self.worked = Duration::ZERO;
        self.taken = 0;
    }
}
