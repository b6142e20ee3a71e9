//! What the engine shows of the messages it hands in and out: to the recorder of the last calls, and to Homer.
//!
//! A message that came in is shown when the switchboard has handled it and before what follows from it, because only
//! then is it known whose it is. Nothing here waits.

use std::time::Instant;

use bytes::Bytes;
use calls::{ClockMark, Trace};
use contract::{journal::Entry, live::LiveCall, time::Timestamp, trace::Way};
use sip::Flow;

use crate::{
    hep::Mirror,
    trace::{Message, Recorder},
};

/// The recorder and the mirror.
pub(super) struct Tap {
    pub(super) recorder: Recorder,
    mirror: Option<Mirror>,
    clock: ClockMark,
}

impl Tap {
    pub(super) fn new(recorder: Recorder, mirror: Option<Mirror>, clock: ClockMark) -> Self {
        Self { recorder, mirror, clock }
    }

    /// The clock was read anew.
    pub(super) fn set_clock(&mut self, clock: ClockMark) {
        self.clock = clock;
    }

    /// A message has come in.
    pub(super) fn received(&mut self, now: Instant, flow: Flow, bytes: &[u8]) {
        let at = self.wall(now);
        let call = self.recorder.message(&Message { at, way: Way::In, flow, bytes });
        if let Some(mirror) = &self.mirror {
            mirror.show(at, Way::In, flow, call, || Bytes::copy_from_slice(bytes));
        }
    }

    /// A message is going out.
    pub(super) fn sent(&mut self, now: Instant, flow: Flow, bytes: &Bytes) {
        let at = self.wall(now);
        let call = self.recorder.message(&Message { at, way: Way::Out, flow, bytes });
        if let Some(mirror) = &self.mirror {
            mirror.show(at, Way::Out, flow, call, || bytes.clone());
        }
    }

    /// The switchboard explains something.
    pub(super) fn trace(&mut self, trace: Trace) {
        self.recorder.trace(trace);
    }

    /// A fact goes to the journal.
    pub(super) fn fact(&mut self, entry: &Entry) {
        self.recorder.fact(entry);
    }

    /// A call has changed.
    pub(super) fn live(&mut self, call: &LiveCall) {
        self.recorder.live(call);
    }

    fn wall(&self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.clock.instant);
        self.clock.unix.plus_micros(i64::try_from(since.as_micros()).unwrap_or(0))
    }
}
