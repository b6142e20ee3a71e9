//! Whether a target of a trunk is there, by OPTIONS (RFC 3261 §11): a pure machine of one target.
//!
//! Any final answer but 408 and 503 says that somebody is there who speaks SIP, whatever they think of us; those two, silence
//! and a broken transport say that nobody is. A target is down after [`FAILURES_MAX`] of these in a row and up again after
//! one answer; one that has not been asked yet counts as up.

use std::time::{Duration, Instant};

use sip::RequestKey;

/// Failures in a row after which a target is down.
pub(crate) const FAILURES_MAX: u32 = 3;
/// An answer that has not come by then is a failure. It still counts as an answer when it comes before the next question.
const SILENCE: Duration = Duration::from_secs(4);

/// What has become of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Up,
    Down,
}

/// The last answer of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) at: Instant,
    pub(crate) round_trip: Duration,
}

/// What is known of one target.
#[derive(Debug)]
pub(crate) struct Health {
    interval: Duration,
    next: Instant,
    asked: Option<Asked>,
    failures: u32,
    heard: Option<Heard>,
}

#[derive(Debug)]
struct Asked {
    request: RequestKey,
    at: Instant,
    /// It counts as unanswered.
    is_late: bool,
}

impl Health {
    /// Of a target that is asked every `interval`, for the first time at `first`.
    pub(crate) fn new(interval: Duration, first: Instant) -> Self {
        Self { interval, next: first, asked: None, failures: 0, heard: None }
    }

    /// Whether calls may go there.
    pub(crate) fn is_up(&self) -> bool {
        self.failures < FAILURES_MAX
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Its last answer.
    pub(crate) fn heard(&self) -> Option<Heard> {
        self.heard
    }

    /// When it wants to be looked at.
    pub(crate) fn deadline(&self) -> Instant {
        let late = self.asked.as_ref().filter(|asked| !asked.is_late).map(|asked| asked.at + SILENCE);
        late.map_or(self.next, |late| late.min(self.next))
    }

    /// Whether it is to be asked now; it will be asked again after its interval, whether it was or not.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next <= now;
        if is_due {
            self.next = now + self.interval;
        }
        is_due
    }

    /// It has been asked. Of what was asked before nothing is wanted any more.
    pub(crate) fn asked(&mut self, request: RequestKey, now: Instant) -> Option<RequestKey> {
        let before = self.asked.replace(Asked { request, at: now, is_late: false });
        before.map(|before| before.request)
    }

    /// There was nowhere to ask.
    pub(crate) fn unreachable(&mut self) -> Option<Change> {
        self.fail()
    }

    /// Counts an answer that does not come.
    pub(crate) fn mind_silence(&mut self, now: Instant) -> Option<Change> {
        let asked = self.asked.as_mut().filter(|asked| !asked.is_late && asked.at + SILENCE <= now)?;
        asked.is_late = true;
        self.fail()
    }

    /// The final answer to what was asked last, or the endpoint's word that there is none.
    pub(crate) fn answered(&mut self, request: RequestKey, status: u16, now: Instant) -> Option<Change> {
        let asked = self.asked.take_if(|asked| asked.request == request)?;
        if matches!(status, 408 | 503) {
            return if asked.is_late { None } else { self.fail() };
        }
        let was_up = self.is_up();
        self.failures = 0;
        self.heard = Some(Heard { status, at: now, round_trip: now.saturating_duration_since(asked.at) });
        (!was_up).then_some(Change::Up)
    }

    fn fail(&mut self) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        (self.failures == FAILURES_MAX).then_some(Change::Down)
    }
}
